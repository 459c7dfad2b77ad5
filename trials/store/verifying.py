"""Does the ledger still hold what it was told? Every fact is read again and compared with the links that it left.

Nothing is repaired here. A link whose own hash is broken still says what it says, so that the facts behind it are compared
all the same; a chain that was cut off, or written anew, is found only against heads that were kept elsewhere.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from sqlalchemy import Connection, String, select, type_coerce

from trials.errors import DataError
from trials.protocol import sha256_text
from trials.store import chain
from trials.store.digests import Digest, moment_text, told
from trials.store.engine import Store, reading
from trials.store.models import AUDIT, TRIAL

Heads = Mapping[str, tuple[int, str]]


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing that is not as it was recorded. link: the number of the link that it concerns, if it is one's."""

    trial: str
    link: int | None
    sentence: str


@dataclass
class Expected:
    """What a trial's links say that its tables must hold. `of`: which link said so, by table and key."""

    plans: dict[int, dict[str, Any]] = field(default_factory=dict)
    batch: dict[int, dict[str, Any]] = field(default_factory=dict)
    look: dict[int, dict[str, Any]] = field(default_factory=dict)
    repair: dict[tuple[int, int, int], dict[str, Any]] = field(default_factory=dict)
    rows: dict[tuple[str, int], Digest] = field(default_factory=dict)
    replays: list[tuple[list[int], Digest, int]] = field(default_factory=list)
    of: dict[tuple[Any, ...], int] = field(default_factory=dict)
    deliveries: int = 0
    looks: int = 0
    adopted: int | None = None
    created_at: str | None = None
    sealed: bool = False
    key: str | None = None
    state: tuple[str | None, int | None] = (None, None)


def heads(store: Store) -> dict[str, tuple[int, str]]:
    """Each trial's newest link: (its number, its hash). To be kept where whoever writes the database can't."""
    with reading(store) as connection:
        return chain.heads(connection)


def heads_from_text(text: str) -> dict[str, tuple[int, str]]:
    """Heads as `roadtest audit head --json` printed them. Raises DataError for anything else."""
    try:
        body = json.loads(text)
        found = {str(trial): (int(head["seq"]), str(head["hash"])) for trial, head in body["trials"].items()}
    except (ValueError, TypeError, KeyError, AttributeError):
        raise DataError(
            "the heads can't be read, must be what `roadtest audit head --json` printed. Name that file."
        ) from None
    return found


def verify(store: Store, trial: str | None = None, *, heads: Heads | None = None) -> list[Finding]:
    """What of a trial (or of all) is not as it was recorded; empty when everything is. Reads every row once, in parts.

    heads: what `heads` said earlier; each named trial must still have that link.
    """
    with reading(store) as connection:
        found = []
        for name in [trial] if trial is not None else _trials(connection, heads or {}):
            found += list(_judged(connection, name, (heads or {}).get(name)))
        return found


def _trials(connection: Connection, heads: Heads) -> list[str]:
    known = {*connection.execute(select(TRIAL.c.id)).scalars(), *heads}
    return sorted(known | {*connection.execute(select(AUDIT.c.trial_id).distinct()).scalars()})


def _judged(connection: Connection, trial: str, head: tuple[int, str] | None) -> Iterator[Finding]:
    expected, kept = Expected(), False
    last = 0
    for link, sentence in _links(connection, trial, expected):
        if sentence is not None:
            yield Finding(trial, link.seq, f"{trial}, link {link.seq} ({link.kind}): {sentence}.")
        kept |= head is not None and (link.seq, link.hash) == head
        last = link.seq
    if last == 0:
        yield Finding(trial, None, f"{trial}: there is no chain; every trial has one from its registration on.")
        return
    if head is not None and not kept:
        yield Finding(
            trial,
            head[0],
            f"{trial}: link {head[0]} with the hash {head[1][:12]}, which was kept elsewhere, is not in the chain; it ends at "
            f"link {last}.",
        )
    for about, sentence in _facts(connection, trial, expected):
        number = expected.of.get(about)
        where = f"{trial}" if number is None else f"{trial}, link {number}"
        yield Finding(trial, number, f"{where}: {sentence}.")


def _links(connection: Connection, trial: str, expected: Expected) -> Iterator[tuple[chain.Link, str | None]]:
    """Each link, and what is wrong with it if anything is; what it says goes into `expected`."""
    columns = [type_coerce(AUDIT.c[name], String()) for name in chain.Link._fields]
    found = connection.execute(
        select(*columns).where(AUDIT.c.trial_id == trial).order_by(AUDIT.c.seq), execution_options={"yield_per": 1_000}
    )
    before, number = chain.start(trial), 0
    for row in found:
        link = chain.Link(*row)
        number += 1
        wrong = None
        if link.seq != number:
            wrong = f"link {number} is missing before it" if link.seq > number else "its number is not the next one"
        elif link.prev_hash != before:
            wrong = "it does not follow the link before it: that one, or this one, was altered"
        elif link.hash != chain.hash_of(trial, link.seq, link.kind, link.at, link.body, link.prev_hash):
            wrong = "its hash is not that of what it says: it was altered"
        try:
            _take_in(expected, link)
        except (ValueError, TypeError, KeyError, AttributeError):
            wrong = wrong or "what it says can't be read"
        yield link, wrong
        before, number = link.hash, link.seq


def _take_in(expected: Expected, link: chain.Link) -> None:
    body = json.loads(link.body)
    if link.kind == "adopted":
        _adopted(expected, body, link.seq)
    elif link.kind in ("register", "seal"):
        plan = body["plan"]
        expected.plans[plan["version"]] = plan
        expected.of["protocol_version", plan["version"]] = link.seq
        expected.sealed |= link.kind == "seal"
        expected.created_at = expected.created_at or body.get("created_at")
    elif link.kind == "delivery":
        seq = body["batch"]["seq"]
        expected.batch[seq] = body["batch"]
        expected.of["batch", seq] = link.seq
        expected.key = body["key"]
        for table, digest in body["rows"].items():
            expected.rows[table, seq] = tuple(digest)
        expected.of |= {(table, seq): link.seq for table in chain.BROUGHT}
    elif link.kind == "look":
        number = body["look"]["number"]
        expected.look[number] = body["look"]
        expected.of["look", number] = link.seq
        expected.state = (body["state"], link.seq)
        expected.of[("method_state",)] = link.seq
    elif link.kind == "repair":
        told_of = body["repair"]
        key = told_of["batch_seq"], told_of["row_no"], told_of["number"]
        expected.repair[key] = told_of
        expected.of["repair", key] = link.seq
    elif link.kind == "replay":
        expected.replays.append((body["deliveries"], tuple(body["replayed_row"]), link.seq))


def _adopted(expected: Expected, body: Mapping[str, Any], link: int) -> None:
    expected.adopted, expected.deliveries, expected.looks = link, body["deliveries"], body["looks"]
    expected.created_at = body["created_at"]
    for plan in body["plans"]:
        expected.plans[plan["version"]] = plan
        expected.of["protocol_version", plan["version"]] = link
        expected.sealed |= plan["sealed_at"] is not None
    for table, digest in body["rows"].items():
        expected.rows[table, 0] = tuple(digest)
    expected.of |= {(table, 0): link for table in (*chain.BROUGHT, "batch", "look")}
    expected.state = (body["state"], link)
    expected.of[("method_state",)] = link


def _facts(connection: Connection, trial: str, expected: Expected) -> Iterator[tuple[tuple[Any, ...], str]]:
    """(table and key, what is wrong) of every fact that differs from what the links say."""
    yield from _trial_row(connection, trial, expected)
    yield from _plans(connection, trial, expected)
    yield from _told_rows(connection, trial, "batch", "seq", expected.batch, expected.deliveries)
    yield from _told_rows(connection, trial, "look", "number", expected.look, expected.looks)
    yield from _repairs(connection, trial, expected)
    yield from _brought(connection, trial, expected)
    yield from _replayed(connection, trial, expected)
    yield from _state(connection, trial, expected)


def _trial_row(connection: Connection, trial: str, expected: Expected) -> Iterator[tuple[tuple[Any, ...], str]]:
    columns = ("state", "plan_version", "plan_sha256", "created_at", "key_fingerprint")
    row = connection.execute(
        select(*(type_coerce(TRIAL.c[name], String()) for name in columns)).where(TRIAL.c.id == trial)
    ).first()
    if row is None:
        yield ("trial",), "the trial itself is gone from the database"
        return
    newest = max(expected.plans, default=0)
    sealed = "sealed" if expected.sealed else "registered"
    plan = expected.plans.get(newest, {})
    known = (sealed, newest, plan.get("sha256"), expected.created_at, expected.key)
    stands = (row[0], row[1], row[2], moment_text(row[3]), row[4])
    for name, before, now in zip(columns, known, stands, strict=True):
        if before != now:
            yield ("trial",), f"the trial's {name} is not what it was"


def _plans(connection: Connection, trial: str, expected: Expected) -> Iterator[tuple[tuple[Any, ...], str]]:
    seen = set()
    for row in chain.rows_of(connection, "protocol_version", trial):
        version = row["version"]
        seen.add(version)
        known = expected.plans.get(version)
        if known is None:
            yield ("protocol_version", version), f"version {version} of the plan was added: no link tells of it"
        elif chain.plan_told(row) != known:
            yield ("protocol_version", version), f"version {version} of the plan is not what was recorded"
        elif sha256_text(str(row["canonical"])) != row["sha256"]:
            yield ("protocol_version", version), f"the text of version {version} of the plan was altered"
    for version in sorted(expected.plans.keys() - seen):
        yield ("protocol_version", version), f"version {version} of the plan is gone"


def _told_rows(
    connection: Connection, trial: str, table: str, key: str, known: Mapping[int, Mapping[str, Any]], adopted: int
) -> Iterator[tuple[tuple[Any, ...], str]]:
    """Rows that have a link each: deliveries and looks. Those that were adopted together are judged by their digest."""
    word, seen = {"batch": "delivery", "look": "look"}[table], set()
    for row in chain.rows_of(connection, table, trial):
        number = row[key]
        if isinstance(number, int) and 0 < number <= adopted:
            continue
        seen.add(number)
        if number not in known:
            yield (table, number), f"{word} {number} was added: no link tells of it"
            continue
        differing = [name for name, value in told(table, row).items() if known[number].get(name) != value]
        if differing:
            yield (table, number), f"{word} {number} is not what was recorded: its {', '.join(differing)} differs"
    for number in sorted(known.keys() - seen):
        yield (table, number), f"{word} {number} is gone"


def _repairs(connection: Connection, trial: str, expected: Expected) -> Iterator[tuple[tuple[Any, ...], str]]:
    seen = set()
    for row in chain.rows_of(connection, "repair", trial):
        key = row["batch_seq"], row["row_no"], row["number"]
        seen.add(key)
        where = f"version {key[2]} of row {key[1]} of delivery {key[0]}"
        if key not in expected.repair:
            yield ("repair", key), f"the mended {where} was added: no link tells of it"
        elif told("repair", row) != expected.repair[key]:
            yield ("repair", key), f"the mended {where} is not what was recorded"
    for key in sorted(expected.repair.keys() - seen):
        yield ("repair", key), f"the mended version {key[2]} of row {key[1]} of delivery {key[0]} is gone"


def _brought(connection: Connection, trial: str, expected: Expected) -> Iterator[tuple[tuple[Any, ...], str]]:
    """Rows that deliveries brought, and all that was adopted, by digest."""
    for table in chain.BROUGHT:
        stands = chain.digests_by(connection, table, trial, expected.deliveries, "batch_seq")
        yield from _compared(expected, table, stands)
    if expected.adopted is not None:
        for table, key, upto in (("batch", "seq", expected.deliveries), ("look", "number", expected.looks)):
            stands = chain.digests_by(connection, table, trial, upto, key)
            yield from _compared(expected, table, {0: stands[0]} if 0 in stands else {})


def _compared(expected: Expected, table: str, stands: Mapping[int, Digest]) -> Iterator[tuple[tuple[Any, ...], str]]:
    known = {number: digest for (name, number), digest in expected.rows.items() if name == table}
    for number in sorted({*known, *stands}, key=str):
        before, now = known.get(number), stands.get(number)
        if before == now:
            continue
        of = "what was adopted" if number == 0 else f"delivery {number}"
        count, then = 0 if now is None else now[0], 0 if before is None else before[0]
        counted = f"{count:,} where {then:,} were recorded" if count != then else f"one of {count:,} was altered"
        yield (table, number), f"the {table} rows of {of} are not those that were recorded: {counted}"


def _replayed(connection: Connection, trial: str, expected: Expected) -> Iterator[tuple[tuple[Any, ...], str]]:
    """Rows that were judged again: each replay's link has one digest over those of all its deliveries."""
    whose = {seq: ("replay", place) for place, (numbers, *_) in enumerate(expected.replays) for seq in numbers}
    stands = chain.digests_of_groups(connection, "replayed_row", trial, "batch_seq", whose)
    for place, (_, digest, link) in enumerate(expected.replays):
        expected.of["replay", place] = link
        if stands.pop(("replay", place), None) != digest:
            yield ("replay", place), "the rows that were replayed are not those that were recorded"
    if stands:
        yield ("replay", None), "rows are marked as replayed of which no link tells"


def _state(connection: Connection, trial: str, expected: Expected) -> Iterator[tuple[tuple[Any, ...], str]]:
    stands = [chain.state_digest(row) for row in chain.rows_of(connection, "method_state", trial)]
    known = [] if expected.state[0] is None else [expected.state[0]]
    if stands != known:
        yield ("method_state",), "the state behind the newest look is not the one it was taken with"
