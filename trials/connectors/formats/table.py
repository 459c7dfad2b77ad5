"""What every format makes of its bytes: a table of text by column, or one sentence on why there is none."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import NamedTuple

from trials.connectors.connector import Limits
from trials.protocol import Protocol
from trials.records import RAGGED, Row, Rows

LIMITS = Limits()
# Rows taken in at a time. Few, because those alive when the garbage collector comes make it walk all columns again, the
# longer the oftener: with 4,096 the columns of 25 million rows took 50 s, with 512 they take 10.
CHUNK = 512
MOST_COLUMNS = 16_384
# A column with more different texts than this has an object for each cell.
_MOST_SHARED = 4096
_PAD = " \t\u00a0"


class Table(NamedTuple):
    """What a file's bytes say. With `problem` set there are no rows: the file is refused whole with that sentence.

    columns: in the plan's names. rows: `trials.records.Rows`. repairs: the lossless ones that were made. unfinished: the
    last record has no line end.
    """

    columns: tuple[str, ...] = ()
    rows: Sequence[Row] = ()
    repairs: tuple[str, ...] = ()
    problem: str | None = None
    unfinished: bool = False


class Refused(Exception):
    """Why a file can't be read with certainty, in one sentence without a cell's value. Never leaves `read_table`."""


@dataclass(frozen=True, slots=True)
class Format:
    """One format of files.

    noun: what a sentence calls such a file. suffixes: how its names end, in lower case. marks: what its bytes begin with;
    empty for text. read(chunks, protocol, limits): its table; raises Refused. The chunks together hold no more than
    limits.unpacked_bytes, and the first is not empty.
    """

    noun: str
    suffixes: tuple[str, ...]
    marks: tuple[bytes, ...]
    read: Callable[[Iterator[bytes], Protocol, Limits], Table]


class Gathered:
    """Cells by column, taken in chunk by chunk and never more than the limits allow.

    A column that turns up late is blank before. Repeated texts share one object.
    """

    def __init__(self, limits: Limits, names: Iterable[str] = ()) -> None:
        self.cells: dict[str, list[str]] = {name: [] for name in names}
        self.ragged: dict[int, str] = {}
        self.count = 0
        self._limits = limits
        self._size = 0
        self._shared: dict[str, dict[str, str] | None] = {}
        self.check_room(0, len(self.cells))

    def add(
        self,
        chunk: Mapping[str, Sequence[str]],
        count: int,
        ragged: Mapping[int, str] | None = None,
        *,
        weigh: bool = True,
    ) -> None:
        """Takes in `count` rows.

        ragged: the records among them, by place from 0, that have more or fewer fields than there are columns, as they
        were sent; their cells are blank. weigh: the texts' size and letters are not known to be within the limits yet.
        """
        self.check_room(count, len(self.cells.keys() | chunk.keys()))
        if weigh:
            self._weigh("of a row with too many cells", list((ragged or {}).values()))
        self.ragged |= {self.count + place: text for place, text in (ragged or {}).items()}
        for name, texts in chunk.items():
            if weigh:
                self._weigh(name, texts)
            if name not in self.cells:
                self.cells[name] = [""] * self.count
            self.cells[name].extend(self._sharing(name, texts))
        for name in self.cells.keys() - chunk.keys():
            self.cells[name].extend([""] * count)
        self.count += count

    def check_room(self, count: int, columns: int) -> None:
        """Raises Refused unless so many more rows, of so many columns, have room."""
        if columns > MOST_COLUMNS:
            raise Refused(
                f"the file has {columns:,} columns, must have at most {MOST_COLUMNS:,}. Send only those of the plan."
            )
        # Each cell of a well-formed file takes a byte at least, its separator; so this holds back only blown-up files.
        if (self.count + count) * columns > self._limits.unpacked_bytes:
            raise Refused(too_large(self._limits))

    def table(self, protocol: Protocol, repairs: Iterable[str] = (), *, unfinished: bool = False) -> Table:
        """All that was taken in, in the plan's names. Raises Refused when two columns have one name."""
        header = list(self.cells)
        columns = our_names(header, protocol)
        twice = [name for name, count in Counter(columns).items() if count > 1]
        if twice:
            raise Refused(f"column '{shorten(twice[0])}' stands twice in the header, must stand once.")
        rows = Rows(dict(zip(columns, self.cells.values(), strict=True)), range(1, self.count + 1), self.ragged)
        return Table(columns, rows, tuple(repairs), unfinished=unfinished and self.count > 0)

    def _weigh(self, name: str, texts: Sequence[str]) -> None:
        self._size += sum(map(len, texts))
        if self._size > self._limits.unpacked_bytes:
            raise Refused(too_large(self._limits))
        joined = "".join(texts)
        if "\0" in joined:
            raise Refused(
                f"column '{shorten(name)}' holds NUL characters, must hold text. Perhaps its encoding is wrong."
            )
        if not whole_characters(joined):
            raise Refused(f"the encoding of column '{shorten(name)}' is broken (half a character), must be whole text.")

    def _sharing(self, name: str, texts: Sequence[str]) -> Iterable[str]:
        known = self._shared.setdefault(name, {})
        if known is None:
            return texts
        shared = list(map(known.setdefault, texts, texts))
        if len(known) > _MOST_SHARED:
            self._shared[name] = None
        return shared


def check_header(header: Sequence[str], separators: Mapping[str, str] | None = None, wanted: str = "") -> None:
    """Raises Refused unless every column has a name of its own.

    separators: other marks that the columns may be separated by, with their plurals; wanted: the one they must be.
    """
    if not any(header):
        raise Refused("the header is blank, must name the columns in the file's first line.")
    if len(header) == 1:
        for mark, plural in (separators or {}).items():
            if mark in header[0]:
                raise Refused(f"the columns are separated by {plural}, must be separated by {wanted}.")
    if "" in header:
        place = header.index("") + 1
        raise Refused(f"column {place} has no name in the header, must have one. Is the first line a title?")
    twice = [name for name, count in Counter(header).items() if count > 1]
    if twice:
        raise Refused(f"column '{shorten(twice[0])}' stands twice in the header, must stand once.")
    broken = [name for name in header if "\0" in name or not whole_characters(name)]
    if broken:
        raise Refused(f"the encoding of column name '{shorten(broken[0])}' is broken, must be whole text.")
    if RAGGED in header:
        raise Refused(f"column '{RAGGED}' has a name that Roadtest uses itself, must have another.")


def trimmed(name: str) -> str:
    """A column's name without the white space around it."""
    return name.strip(_PAD)


def our_names(header: Sequence[str], protocol: Protocol) -> tuple[str, ...]:
    """The header in the protocol's names (`source.columns` maps ours to theirs)."""
    ours = {theirs: our for our, theirs in protocol.source.columns.items()}
    taken = {ours[name] for name in header if name in ours}
    # A column that bears the name of one which the plan takes from elsewhere is not that column.
    return tuple(ours.get(name, f"{name} (not mapped)" if name in taken else name) for name in header)


def passed_over(blank: int) -> list[str]:
    """What is reported of so many blank lines."""
    return [f"passed over {blank} blank line{'s' if blank > 1 else ''}"] if blank else []


def whole_characters(text: str) -> bool:
    """Whether text holds no half of a surrogate pair, which no encoding can store."""
    if text.isascii():
        return True
    try:
        text.encode("utf-8")
    except UnicodeEncodeError:
        return False
    return True


def too_large(limits: Limits) -> str:
    """The sentence that refuses what holds more than the limit, unpacked."""
    return f"unpacked the file has more than {limits.unpacked_bytes / 1e6:,g} MB, must have at most that. Send it in parts."


def line_too_long(what: str, limits: Limits) -> str:
    """The sentence that refuses a line, or another smallest part of a file, above the limit."""
    return f"{what} has more than {limits.line_bytes / 1e6:,g} MB, must have at most that. Is a quote left open?"


def shorten(text: str, most: int = 60) -> str:
    """Text that fits into a sentence: at most so many characters, control characters made visible."""
    visible = "".join(char if char.isprintable() else f"\\x{ord(char):02x}" for char in text[: most + 1])
    return visible if len(visible) <= most else visible[: most - 1] + "…"
