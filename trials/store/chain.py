"""The chain: each trial's facts leave links, each with a hash over itself and the link before, in the fact's transaction.

Guarantee: whoever alters, adds or removes a fact, or a link, without writing every later link anew is found by
`trials.store.verifying`; whoever writes the whole chain anew is found against a head that was kept elsewhere (`heads`).
The hash is SHA-256; that two contents share one is taken as impossible.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Mapping
from datetime import UTC, datetime
from typing import Any, NamedTuple

from sqlalchemy import Connection, Text, cast, func, insert, select, type_coerce
from sqlalchemy.types import String

from trials.errors import StoreError
from trials.protocol import canonical_json
from trials.store.digests import FORMS, Digest, RowsDigest, body_text, hash_of_text, moment_text, plain_json, told
from trials.store.models import AUDIT, BATCH, LOOK, TRIAL, metadata

FORMAT = 1  # of the bodies; a change of what they take in gets a number of its own
# What a delivery brings, beside its own row; each row names its delivery.
BROUGHT = ("enrolment", "observation", "quarantine", "repetition")
_PART = 10_000


class Link(NamedTuple):
    """One event as it stands in the table."""

    seq: int
    kind: str
    at: str
    body: str
    prev_hash: str
    hash: str


def start(trial: str) -> str:
    """What the first link of a trial's chain follows."""
    return hashlib.sha256(f"roadtest:{trial}".encode()).hexdigest()


def hash_of(trial: str, seq: int, kind: str, at: datetime | str, body: str, prev_hash: str) -> str:
    """The hash of one link."""
    return hash_of_text(plain_json([trial, seq, kind, moment_text(at), body, prev_hash]))


def append(connection: Connection, trial: str, kind: str, body: Mapping[str, Any], at: datetime | None = None) -> int:
    """Put the next link on; its number. at: our own clock's time, now unless given.

    Raises StoreError when the trial has no chain any more: only the links of its beginning may be the first.
    """
    last = connection.execute(
        select(AUDIT.c.seq, AUDIT.c.hash).where(AUDIT.c.trial_id == trial).order_by(AUDIT.c.seq.desc()).limit(1)
    ).first()
    if last is None and kind not in ("register", "adopted") and ":" not in trial:
        raise StoreError(
            f"the chain of {trial} is gone from the database, must be there from its registration on. Run `roadtest audit"
            " verify`, and restore a backup."
        )
    seq, prev_hash = (1, start(trial)) if last is None else (last.seq + 1, last.hash)
    at = (datetime.now(UTC) if at is None else at).astimezone(UTC)
    text = canonical_json({"format": FORMAT, **body})
    connection.execute(
        insert(AUDIT).values(
            trial_id=trial,
            seq=seq,
            kind=kind,
            at=at,
            body=text,
            prev_hash=prev_hash,
            hash=hash_of(trial, seq, kind, at, text, prev_hash),
        )
    )
    return int(seq)


def heads(connection: Connection) -> dict[str, tuple[int, str]]:
    """Each trial's newest link: its number and hash. Kept elsewhere, it shows when a chain was cut off or written anew."""
    newest = select(AUDIT.c.trial_id, func.max(AUDIT.c.seq).label("seq")).group_by(AUDIT.c.trial_id).subquery()
    found = connection.execute(
        select(AUDIT.c.trial_id, AUDIT.c.seq, AUDIT.c.hash)
        .join(newest, (AUDIT.c.trial_id == newest.c.trial_id) & (AUDIT.c.seq == newest.c.seq))
        .order_by(AUDIT.c.trial_id)
    )
    return {trial: (seq, found_hash) for trial, seq, found_hash in found.tuples()}


def plan_told(row: Mapping[str, Any]) -> dict[str, Any]:
    """A plan as its links tell it; its text is told by its hash."""
    return {name: value for name, value in told("protocol_version", row).items() if name != "canonical"}


def state_digest(row: Mapping[str, Any]) -> str:
    """The hash over the state behind a look."""
    return hash_of_text(plain_json(told("method_state", row)))


def look_body(look: Mapping[str, Any], state: Mapping[str, Any]) -> dict[str, Any]:
    """A look's link: its row, its body as a hash, and a hash over the state behind it."""
    return {"look": told("look", look), "state": state_digest(state)}


def stored(connection: Connection, table: str, trial: str) -> Iterable[list[tuple[Any, ...]]]:
    """A table's rows of one trial as the database holds them, in parts, in the order of the table's form.

    Nothing is read into its type: what somebody altered need not be of one.
    """
    form, columns = FORMS[table], metadata.tables[table].c
    # psycopg would read JSON. SQLite hands out what is there, where a cast would make text of bytes that are none.
    as_text = form.bodies if connection.dialect.name == "postgresql" else ()
    shown = [
        cast(columns[name], Text) if name in as_text else type_coerce(columns[name], String()) for name in form.columns
    ]
    query = select(*shown).where(columns.trial_id == trial).order_by(*_by_code_point(connection, table, form.order))
    found = connection.execute(query, execution_options={"yield_per": _PART})
    for part in found.partitions():
        yield [tuple(row) for row in part]


def _by_code_point(connection: Connection, table: str, order: Iterable[str]) -> list[Any]:
    columns = metadata.tables[table].c
    if connection.dialect.name == "postgresql":
        return [
            columns[name].collate("C") if isinstance(columns[name].type, String) else columns[name] for name in order
        ]
    # An expression, so that SQLite sorts what it reads in one go instead of looking every row up by an index.
    return [columns[name].concat("") if name == "order_key" else columns[name] for name in order]


def digests_by(connection: Connection, table: str, trial: str, adopted: int, key: str) -> dict[Any, Digest]:
    """The digest over the rows of each number in the column `key`; those from 1 to `adopted` together, under 0."""
    return digests_of_groups(connection, table, trial, key, dict.fromkeys(range(1, adopted + 1), 0))


def digests_of_groups(
    connection: Connection, table: str, trial: str, key: str, groups: Mapping[Any, Any]
) -> dict[Any, Digest]:
    """The digest over the rows of each group. groups: of which group a number in the column `key` is; else its own."""
    form = FORMS[table]
    place, bodies = form.columns.index(key), [form.columns.index(name) for name in form.bodies]
    found: dict[Any, RowsDigest] = {}
    for part in stored(connection, table, trial):
        for group, rows in _parted(part, place, groups).items():
            cells: list[Any] = list(zip(*rows, strict=True))
            for body in bodies:
                cells[body] = _canonical(cells[body])
            found.setdefault(group, RowsDigest(table)).add(cells)
    return {group: digest.result() for group, digest in found.items()}


def _canonical(cells: Iterable[Any]) -> list[str]:
    return [body_text(cell) for cell in cells]


def _parted(rows: list[tuple[Any, ...]], place: int, groups: Mapping[Any, Any]) -> dict[Any, list[tuple[Any, ...]]]:
    numbers = {row[place] for row in rows}
    if len(numbers) == 1:
        [number] = numbers
        return {groups.get(number, _other(number)): rows}
    parts: dict[Any, list[tuple[Any, ...]]] = {}
    for row in rows:
        parts.setdefault(groups.get(row[place], _other(row[place])), []).append(row)
    return parts


def _other(number: Any) -> Any:
    """A group that no link names. A number that was altered to 0 must not be taken for what was adopted."""
    return f"'{number}'" if number == 0 or not isinstance(number, int) else number


def adopt_all(connection: Connection, at: datetime | None = None) -> None:
    """Begin the chain of every trial that has none, with all that is there: for databases from before there were chains."""
    chained = select(AUDIT.c.trial_id).distinct()
    for trial in (
        connection.execute(select(TRIAL.c.id).where(TRIAL.c.id.not_in(chained)).order_by(TRIAL.c.id)).scalars().all()
    ):
        _adopt(connection, trial, at)


def _adopt(connection: Connection, trial: str, at: datetime | None) -> None:
    deliveries = connection.scalar(select(func.max(BATCH.c.seq)).where(BATCH.c.trial_id == trial)) or 0
    looks = connection.scalar(select(func.max(LOOK.c.number)).where(LOOK.c.trial_id == trial)) or 0
    row = connection.execute(select(TRIAL).where(TRIAL.c.id == trial)).one()
    body = {
        "created_at": moment_text(row.created_at),
        "plans": [plan_told(plan) for plan in rows_of(connection, "protocol_version", trial)],
        "deliveries": deliveries,
        "looks": looks,
        "state": next((state_digest(state) for state in rows_of(connection, "method_state", trial)), None),
        "rows": adopted_digests(connection, trial, deliveries, looks),
    }
    append(connection, trial, "adopted", body, at)


def adopted_digests(connection: Connection, trial: str, deliveries: int, looks: int) -> dict[str, Digest]:
    """Digests over all that an adopted trial held: deliveries and looks up to these, and what they brought."""
    numbered = {"batch": ("seq", deliveries), "look": ("number", looks)}
    numbered |= dict.fromkeys(BROUGHT, ("batch_seq", deliveries))
    found = {table: digests_by(connection, table, trial, upto, key).get(0) for table, (key, upto) in numbered.items()}
    return {table: digest for table, digest in found.items() if digest is not None}


def rows_of(connection: Connection, table: str, trial: str) -> Iterable[dict[str, Any]]:
    """A table's rows of one trial, each by column name, as the database holds them."""
    names = FORMS[table].columns
    for part in stored(connection, table, trial):
        for row in part:
            yield dict(zip(names, row, strict=True))
