"""CONNECTOR `sql`: the rows of one query in somebody else's database, SQLite or PostgreSQL, which is never changed.

With a watermark each delivery asks for what came since the last one. Write `>= :watermark`, not `>`: rows of a transaction
that took longer may carry a mark that was seen before, and the ledger drops what it knows already. docs/sources.md
"""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from datetime import date
from itertools import islice
from typing import Annotated, Any

from pydantic import BeforeValidator, Field, field_validator, model_validator

from trials.connectors import querying, watermarks
from trials.connectors.connector import Connector, Context, Found, Limits, source_name
from trials.connectors.formats.cells import text_of
from trials.connectors.formats.table import (
    CHUNK,
    Gathered,
    Refused,
    Table,
    check_header,
    line_too_long,
    our_names,
)
from trials.connectors.options import options_of
from trials.connectors.querying import Database
from trials.connectors.states import shown_before, shown_now
from trials.errors import ProtocolError, SourceError
from trials.plan.base import Frozen
from trials.protocol import Protocol, Source
from trials.records import Delivery

_COMMENTS = re.compile(r"\A(?:\s+|--[^\n]*(?:\n|\Z)|/\*.*?\*/)+", re.DOTALL)
_READS = re.compile(r"(select|with)\b", re.IGNORECASE)
_FROM_THE_MARK_ON = re.compile(r">=\s*:watermark\b|:watermark\s*<=", re.IGNORECASE)


def _date_text(value: object) -> object:
    return value.isoformat() if isinstance(value, date) else value


class SqlOptions(Frozen):
    """What `source.options` may say.

    query: one SELECT (or WITH ... SELECT). watermark: the column whose largest value is remembered and bound as :watermark
    next time; first: what is bound the first time. name: what the deliveries are called. url_from_secret: the secret is the
    whole address, and source.path only a name for it.
    """

    query: str
    watermark: str | None = Field(default=None, min_length=1)
    first: Annotated[int | float | str | None, BeforeValidator(_date_text)] = None
    name: str = Field(default="query", min_length=1, max_length=80)
    url_from_secret: bool = False

    @field_validator("query")
    @classmethod
    def _query(cls, value: str) -> str:
        text = value.strip().removesuffix(";").rstrip()
        if ";" in text:
            raise ValueError("must be one statement, without ';' before its end. Write chr(59) for one in a text")
        if _READS.match(_COMMENTS.sub("", text)) is None:
            raise ValueError("must begin with SELECT or WITH: a source is only read")
        return text

    @model_validator(mode="after")
    def _whole(self) -> SqlOptions:
        named = querying.names_in(self.query)
        odd = sorted(named - {"watermark"})
        if odd:
            raise ValueError(
                f"query names :{odd[0]}, must name no value but :watermark. Write \\:{odd[0]} for a colon in a text"
            )
        given = (self.watermark is not None, self.first is not None, "watermark" in named)
        if any(given) and not all(given):
            raise ValueError("watermark, first and :watermark in the query must stand together")
        return self

    @property
    def repeats(self) -> bool:
        """Whether the query asks for the rows at the mark again, so that an answer can't be empty once there were rows."""
        return _FROM_THE_MARK_ON.search(self.query) is not None


def check(source: Source) -> None:
    """Raises ProtocolError unless the plan names a database that can be held read-only, one query, and no password."""
    options = options_of(SqlOptions, source)
    if not source.path:
        raise ProtocolError("source.path is empty, must be an address such as 'postgresql://user@host/name'.")
    if options.url_from_secret:
        if source.secret is None:
            raise ProtocolError(
                "source.secret is missing, must name the secret that holds the address (url_from_secret)."
            )
        if "//" in source.path:
            raise ProtocolError(
                "source.path must be only a name where url_from_secret is true, such as 'the-registry'."
            )
        return
    target = querying.address(source.path)
    if isinstance(target, str):
        raise ProtocolError(f"source.path {target}")
    if target.password:
        raise ProtocolError(
            f"source.path holds a password for {querying.shown(target)}, must hold none. Put it into a secret and its name "
            "into source.secret."
        )
    if target.get_backend_name() == "sqlite" and source.secret is not None:
        raise ProtocolError(f"source.secret == '{source.secret}', must be left out: an SQLite file has no password.")


def find(source: Source, context: Context) -> tuple[Found, ...]:
    """The one delivery that may lie ready; the database is not asked yet."""
    options = options_of(SqlOptions, source)
    return (Found(f"{options.name} {context.now:%Y-%m-%dT%H:%M:%SZ}", context.now, source.path),)


def fingerprint(found: Found, context: Context) -> None:
    """Nothing can be known of an answer without asking for it."""


def read(protocol: Protocol, found: Found, context: Context) -> Delivery | None:
    """What the query answers now; None when nothing is newer than the watermark, or nothing has changed.

    Raises SourceError when the database can't be reached or refuses, or answers with no rows where there must be some.
    """
    options = options_of(SqlOptions, protocol.source)
    known = None if options.watermark is None or context.watermark is None else watermarks.of_text(context.watermark)
    values = {} if options.watermark is None else {"watermark": options.first if known is None else known}
    database = _database(protocol.source, options, context)
    label = database.label
    with querying.answer(database, options.query, values, context) as (columns, rows):
        taken = _Taking(columns, options.watermark, known, context.limits, label)
        taken.all_of(rows)
    if not taken.found.count:
        if known is not None and not options.repeats:
            return None
        rule = "must have some" if known is None else "must repeat those at the watermark: rows have vanished"
        raise SourceError(f"{label}: the query answered with no rows, {rule}. Check it, and what its account may read.")
    content, mark = taken.digest.hexdigest(), None if taken.mark is None else watermarks.to_text(taken.mark)
    if options.watermark is None:
        shown = shown_now(shown_before(context.watermark), content)
        if shown is None:
            return None
        content, mark = shown.content, shown.to_text()
    table = taken.table(protocol)
    return Delivery(
        trial=protocol.trial,
        source=source_name(CONNECTOR.name, protocol.source),
        name=found.name,
        content_sha256=content,
        sent_at=context.now,
        columns=table.columns,
        rows=table.rows,
        watermark=mark,
    )


class _Taking:
    """The rows of one answer while they come: cells by column, SHA-256 of all as text in the order sent, newest mark.

    Raises SourceError for what can't be told in text, or is more than the limits allow.
    """

    def __init__(
        self, columns: Sequence[str], watermark: str | None, mark: watermarks.Mark | None, limits: Limits, label: str
    ) -> None:
        if watermark is not None and watermark not in columns:
            raise SourceError(
                f"{label}: the query answers no column {watermark}, must have it to remember its largest value."
            )
        with _told(label):
            check_header(columns)
            self.found = Gathered(limits, columns)
        self.mark = mark
        self.digest = hashlib.sha256(_line(columns))
        self._columns, self._watermark, self._limits, self._label = columns, watermark, limits, label

    def all_of(self, rows: Iterable[Sequence[Any]]) -> None:
        """Takes in every row."""
        rows = iter(rows)
        with _told(self._label):
            while chunk := list(islice(rows, CHUNK)):
                texts = [[text_of(value) for value in row] for row in chunk]
                for line in map(_line, texts):
                    if len(line) > self._limits.line_bytes:
                        raise Refused(line_too_long("a row", self._limits))
                    self.digest.update(line)
                self._remember(chunk)
                self.found.add(dict(zip(self._columns, zip(*texts, strict=True), strict=True)), len(chunk))

    def table(self, protocol: Protocol) -> Table:
        """All rows in the plan's names. The watermark's column is left out where the plan doesn't know it."""
        if self._watermark is not None and our_names([self._watermark], protocol)[0] not in protocol.known_columns:
            del self.found.cells[self._watermark]
        with _told(self._label):
            return self.found.table(protocol)

    def _remember(self, chunk: Sequence[Sequence[Any]]) -> None:
        if self._watermark is not None:
            place = self._columns.index(self._watermark)
            for row in chunk:
                self.mark = watermarks.newer(self.mark, row[place], self._watermark)


@contextmanager
def _told(label: str) -> Iterator[None]:
    """What refuses a file fails a query: the fault is in the plan or the database, and stays until somebody mends it."""
    try:
        yield
    except Refused as refused:
        raise SourceError(f"{label}: {refused}") from None
    except UnicodeDecodeError:
        raise SourceError(
            f"{label}: the query answers bytes that are no text, must answer text. Leave them out."
        ) from None


def _line(cells: Sequence[str]) -> bytes:
    return json.dumps(list(cells)).encode() + b"\n"


def _database(source: Source, options: SqlOptions, context: Context) -> Database:
    """Where the query is asked, with the password or the whole address from the secret."""
    secret = None if source.secret is None else context.secret(source.secret)
    if options.url_from_secret:
        target = querying.address(str(secret))
        if isinstance(target, str):
            raise SourceError(
                f"the secret '{source.secret}' must hold the address of an SQLite file or of PostgreSQL, such as "
                "'postgresql://user:password@host/name' (with %3F for a '?' in the password)."
            )
        return Database(target, f"the database '{source.path}'", hidden=True)
    target = querying.address(source.path)
    if isinstance(target, str):
        raise SourceError(f"source.path {target}")
    return Database(target if secret is None else target.set(password=secret), querying.shown(target))


CONNECTOR = Connector("sql", check, find, fingerprint, read)
