"""A delivered column as the rules see it: its different cells, and their shapes, so that a million cells cost little."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property

_SEPARATOR = "\x1f"
_SHAPE = str.maketrans(
    {chr(code): "0" for code in range(ord("0"), ord("9") + 1)}
    | {chr(code): "a" for start in "aA" for code in range(ord(start), ord(start) + 26)}
)
# Characters that print as nothing or as a hyphen, in letters, mails and sheets that were copied from.
_PLAIN = str.maketrans({**dict.fromkeys("\u200b\u200c\u200d\u2060\ufeff\u00ad", ""), **dict.fromkeys("‐‑‒–—−", "-")})
# Dates, times and UUIDs, in text or in its shape: their digits are no number of anybody.
_DAY = r"(?:[0-9]{4}[-/.][0-9]{1,2}[-/.][0-9]{1,2}|[0-9]{1,2}([-/.])[0-9]{1,2}\1(?:[0-9]{4}|[0-9]{2}))"
_CLOCK = r"[0-9]{1,2}:[0-9]{2}(?::[0-9]{2}(?:[.,][0-9]+)?)?(?:Z|a| ?[+-][0-9]{2}:?[0-9]{2})?"
_TIMES = re.compile(rf"(?<![0-9]){_DAY}(?:[Ta ,]{{1,2}}{_CLOCK})?(?![0-9])|(?<![0-9]){_CLOCK}(?![0-9])")
_UUID = re.compile(r"(?<![0-9A-Za-z])[0-9a-fA-F]{8}(?:-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}(?![0-9A-Za-z])")


@dataclass(frozen=True)
class Column:
    """number: 1-based place in the file. header: as the site wrote it. known: the plan knows the column.

    headed: the file's first line is a header, so that `header` isn't somebody's data.
    """

    number: int
    header: str
    cells: Sequence[str]
    known: bool = False
    headed: bool = True

    @cached_property
    def different(self) -> list[str]:
        """The different cells that aren't blank, as sent."""
        return [cell for cell in set(self.cells) if cell and not cell.isspace()]

    @cached_property
    def texts(self) -> list[str]:
        """Beside `different`: without white space around it, in plain characters."""
        return [cell.strip() if cell.isascii() else plain(cell) for cell in self.different]

    @cached_property
    def shapes(self) -> list[str]:
        """Beside `different`: letters as a, digits as 0, all else as it is."""
        joined = _SEPARATOR.join(self.texts).translate(_SHAPE).split(_SEPARATOR)
        return joined if len(joined) == len(self.texts) else [text.translate(_SHAPE) for text in self.texts]

    @cached_property
    def shape_kinds(self) -> frozenset[str]:
        return frozenset(self.shapes)

    @cached_property
    def lower(self) -> str:
        """All texts in one, in lower case."""
        return _SEPARATOR.join(self.texts).lower()

    @cached_property
    def with_words(self) -> tuple[list[str], list[str]]:
        """Cells as sent, and beside them their texts, that have a word of two letters or more without digits."""
        likely = {shape for shape in self.shape_kinds if _WORDED.search(shape)}
        places = [place for place, shape in enumerate(self.shapes) if shape in likely] if likely else []
        return [self.different[place] for place in places], [self.texts[place] for place in places]

    @cached_property
    def with_numbers(self) -> tuple[list[int], list[str]]:
        """Places (in `different`) and shapes of the cells that may hold a number of six or more digits, or an @."""
        likely = {shape for shape in self.shape_kinds if _worth(shape)}
        places = [place for place, shape in enumerate(self.shapes) if shape in likely] if likely else []
        return places, [self.shapes[place] for place in places]

    def where(self, shape: re.Pattern[str], hit: Callable[[str], bool], *, times: bool) -> set[str]:
        """The cells, as sent, that may have such a shape somewhere and are a hit. times: apart from dates and times."""
        places, shapes = self.with_numbers
        likely = {one for one in set(shapes) if shape.search(without_times(one) if times else one)}
        if not likely:
            return set()
        return {
            self.different[place]
            for place, one in zip(places, shapes, strict=True)
            if one in likely and hit(self.texts[place])
        }

    def shaped(self, whole: re.Pattern[str]) -> list[str]:
        """The cells, as sent, that have such a shape as a whole."""
        likely = {one for one in self.shape_kinds if whole.fullmatch(one)}
        if not likely:
            return []
        return [cell for cell, shape in zip(self.different, self.shapes, strict=True) if shape in likely]

    def among(self, words: re.Pattern[str], hit: Callable[[str], bool]) -> set[str]:
        """The cells, as sent, that hold such words (in lower case) and are a hit."""
        if not words.search(self.lower):
            return set()
        return {cell for cell, text in self.pairs() if words.search(text.lower()) and hit(text)}

    def pairs(self) -> Iterator[tuple[str, str]]:
        """Each different cell as sent, and its plain text."""
        return zip(self.different, self.texts, strict=True)

    def rows_with(self, cells: Iterable[str]) -> int:
        """How many rows hold one of these cells."""
        wanted = set(cells)
        return sum(cell in wanted for cell in self.cells)


_WORDED = re.compile(r"(?:^|[ ,.(])[^\s,.()0]{2,}(?:$|[ ,.)])")
_MANY_DIGITS = re.compile(r"0(?:[^0\n]{0,3}0){5}")


def _worth(shape: str) -> bool:
    return "@" in shape or "(a" in shape or "[a" in shape or _MANY_DIGITS.search(shape) is not None


def plain(cell: str) -> str:
    """A cell without white space around it; full-width digits, odd hyphens and characters without width made plain."""
    if cell.isascii():
        return cell.strip()
    return unicodedata.normalize("NFKC", cell).translate(_PLAIN).strip()


def without_times(text: str) -> str:
    """Text or shape with dates, times of day and UUIDs blotted out."""
    blotted = _TIMES.sub("~", text)
    return _UUID.sub("~", blotted) if blotted.count("-") >= 4 else blotted
