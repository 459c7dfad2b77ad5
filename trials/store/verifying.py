"""Does the ledger still hold what it was told? Every fact is read again and compared with the links that it left.

Nothing is repaired here. A link whose own hash is broken still says what it says, so that the facts behind it are compared
all the same; a chain that was cut off, or written anew, is found only against heads that were kept elsewhere.
Whatever can't be read is a finding of its trial, and the others are judged all the same.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from typing import Any

import sqlalchemy.exc
from sqlalchemy import Connection, String, select, type_coerce

from trials.errors import DataError
from trials.store import chain
from trials.store.digests import Digest, hash_of_text, moment_text, told
from trials.store.engine import Store, reading
from trials.store.expected import Expected, take_in
from trials.store.models import ACT, AUDIT, TRIAL

Heads = Mapping[str, tuple[int, str]]

# What reading and comparing raises when a value can't be one of ours, such as PostgreSQL's time without end.
_UNREADABLE = (
    sqlalchemy.exc.DataError,
    *(ValueError, TypeError, KeyError, AttributeError, OverflowError, RecursionError),
)
_CHAINED = {
    False: "every trial has one from its registration on",
    True: "every programme and idea has one from its first act on",
}
_FOREIGN = "somebody wrote into the database what Roadtest doesn't write"


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing that is not as it was recorded. link: the number of the link that it concerns, if it is one's."""

    trial: str
    link: int | None
    sentence: str


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
        return _verified(connection, trial, heads or {})


def _verified(connection: Connection, trial: str | None, heads: Heads) -> list[Finding]:
    found = []
    with _any_text(connection):
        for name in [trial] if trial is not None else _trials(connection, heads):
            if isinstance(name, str) and _printable(name) == name:
                found += list(_judged(connection, name, heads.get(name)))
            else:
                found.append(_finding(str(name), None, f"a trial's name can't be read: {name!r}"))
    return found


@contextmanager
def _any_text(connection: Connection) -> Iterator[None]:
    """SQLite keeps text that is no UTF-8, and Python's driver would stop at it; here it comes as half characters."""
    driver: Any = connection.connection.driver_connection
    if connection.dialect.name != "sqlite":
        yield
        return
    before = driver.text_factory
    driver.text_factory = lambda text: text.decode("utf-8", "surrogateescape")
    try:
        yield
    finally:
        driver.text_factory = before


def _printable(text: str) -> str:
    return text.encode("utf-8", "backslashreplace").decode("utf-8")


def _finding(trial: str, link: object, sentence: str) -> Finding:
    return Finding(_printable(trial), link if isinstance(link, int) else None, f"{_printable(sentence)}.")


def _trials(connection: Connection, heads: Heads) -> list[Any]:
    known = {*heads}
    for column in (TRIAL.c.id, AUDIT.c.trial_id, ACT.c.trial_id):
        known |= {*connection.execute(select(type_coerce(column, String())).distinct()).scalars()}
    return sorted(known, key=lambda name: (str(name), repr(name)))


def _judged(connection: Connection, trial: str, head: tuple[int, str] | None) -> Iterator[Finding]:
    expected, kept = Expected(), False
    last: object = 0
    try:
        for link, sentence in _links(connection, trial, expected):
            if sentence is not None:
                yield _finding(trial, link.seq, f"{trial}, link {link.seq} ({link.kind}): {sentence}")
            kept |= head is not None and (link.seq, link.hash) == head
            last = link.seq
    except _UNREADABLE:
        yield _finding(trial, None, f"{trial}: the chain can't be read after link {last}; {_FOREIGN}")
        return
    if last == 0:
        yield _finding(trial, None, f"{trial}: there is no chain; {_CHAINED[':' in trial]}")
        return
    if head is not None and not kept:
        yield _finding(
            trial,
            head[0],
            f"{trial}: link {head[0]} with the hash {head[1][:12]}, which was kept elsewhere, is not in the chain; it ends at "
            f"link {last}",
        )
    for about, sentence in _facts(connection, trial, expected):
        number = expected.of.get(about)
        where = f"{trial}" if number is None else f"{trial}, link {number}"
        yield _finding(trial, number, f"{where}: {sentence}")


def _links(connection: Connection, trial: str, expected: Expected) -> Iterator[tuple[chain.Link, str | None]]:
    """Each link, and what is wrong with it if anything is; what it says goes into `expected`."""
    columns = [type_coerce(AUDIT.c[name], String()) for name in chain.Link._fields]
    found = connection.execute(
        select(*columns).where(AUDIT.c.trial_id == trial).order_by(AUDIT.c.seq), execution_options={"yield_per": 1_000}
    )
    before, number, first = chain.start(trial), 0, True
    for row in found:
        link = chain.Link(*row)
        number += 1
        seq: object = link.seq
        wrong = None
        if not isinstance(seq, int):
            wrong = "its number can't be read"
        elif seq != number:
            wrong = f"link {number} is missing before it" if seq > number else "its number is not the next one"
        elif link.prev_hash != before:
            wrong = "it does not follow the link before it: that one, or this one, was altered"
        elif link.hash != chain.hash_of(trial, link.seq, link.kind, link.at, link.body, link.prev_hash):
            wrong = "its hash is not that of what it says: it was altered"
        place = seq if isinstance(seq, int) else None
        out_of_place = take_in(expected, link.kind, link.body, first=first, link=place)
        yield link, wrong or out_of_place
        before, number, first = link.hash, number if place is None else place, False


def _facts(connection: Connection, trial: str, expected: Expected) -> Iterator[tuple[tuple[Any, ...], str]]:
    """(table and key, what is wrong) of every fact that differs from what the links say."""
    if ":" in trial:  # a programme or an idea: acts are all that it has
        yield from _told_rows(connection, trial, expected, table="act")
        return
    parts: dict[str, Callable[[Connection, str, Expected], Iterator[tuple[tuple[Any, ...], str]]]] = {
        "trial": _trial_row,
        "plans": _plans,
        "deliveries": partial(_told_rows, table="batch"),
        "looks": partial(_told_rows, table="look"),
        "acts": partial(_told_rows, table="act"),
        "mended rows": _repairs,
        **{f"{table} rows": partial(_brought, table=table) for table in chain.BROUGHT},
        "adopted deliveries": partial(_adopted_rows, table="batch", key="seq"),
        "adopted looks": partial(_adopted_rows, table="look", key="number"),
        "replayed rows": _replayed,
        "state behind the newest look": _state,
    }
    for name, part in parts.items():
        try:
            yield from part(connection, trial, expected)
        except _UNREADABLE:
            yield ("unreadable", name), f"the {name} can't be read; {_FOREIGN}"


def _trial_row(connection: Connection, trial: str, expected: Expected) -> Iterator[tuple[tuple[Any, ...], str]]:
    columns = ("state", "plan_version", "plan_sha256", "created_at", "key_fingerprint")
    row = connection.execute(
        select(*(type_coerce(TRIAL.c[name], String()) for name in columns)).where(TRIAL.c.id == trial)
    ).first()
    if row is None:
        yield ("trial",), "the trial itself is gone from the database"
        return
    newest = max(expected.plans, default=0)
    plan = expected.plans.get(newest, {})
    known = (expected.stands, newest, plan.get("sha256"), expected.created_at, expected.key)
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
        elif hash_of_text(str(row["canonical"])) != row["sha256"]:
            yield ("protocol_version", version), f"the text of version {version} of the plan was altered"
    for version in sorted(expected.plans.keys() - seen):
        yield ("protocol_version", version), f"version {version} of the plan is gone"


def _told_rows(
    connection: Connection, trial: str, expected: Expected, *, table: str
) -> Iterator[tuple[tuple[Any, ...], str]]:
    """Rows that have a link each: deliveries and looks. Those that were adopted together are judged by their digest."""
    word, key, known, adopted = {
        "batch": ("delivery", "seq", expected.batch, expected.deliveries),
        "look": ("look", "number", expected.look, expected.looks),
        "act": ("act", "seq", expected.act, 0),
    }[table]
    seen = set()
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


def _brought(
    connection: Connection, trial: str, expected: Expected, *, table: str
) -> Iterator[tuple[tuple[Any, ...], str]]:
    """Rows that deliveries brought, and those that were adopted, by digest."""
    yield from _compared(expected, table, chain.digests_by(connection, table, trial, expected.deliveries, "batch_seq"))


def _adopted_rows(
    connection: Connection, trial: str, expected: Expected, *, table: str, key: str
) -> Iterator[tuple[tuple[Any, ...], str]]:
    """Deliveries and looks that were adopted together, by digest."""
    if expected.adopted:
        upto = {"batch": expected.deliveries, "look": expected.looks}[table]
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
    for place, (_, digest) in enumerate(expected.replays):
        if stands.pop(("replay", place), None) != digest:
            yield ("replay", place), "the rows that were replayed are not those that were recorded"
    if stands:
        yield ("replay", None), "rows are marked as replayed of which no link tells"


def _state(connection: Connection, trial: str, expected: Expected) -> Iterator[tuple[tuple[Any, ...], str]]:
    stands = [chain.state_digest(row) for row in chain.rows_of(connection, "method_state", trial)]
    known = [] if expected.state is None else [expected.state]
    if stands != known:
        yield ("method_state",), "the state behind the newest look is not the one it was taken with"
