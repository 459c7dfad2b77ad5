"""One column -> the first kind of identifier in it, by its heading, its cells' values, and how many of them are alike."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass
from datetime import date

from trials.identifiers import headings, numbers
from trials.identifiers.births import BIRTH_WORDS, births, day_of, said
from trials.identifiers.columns import Column, plain
from trials.identifiers.names import is_name, mentions_name, names
from trials.identifiers.words import listed

EMAIL = "e-mail addresses"
NI = "National Insurance numbers"
PHONE = "phone numbers"
NHS = "NHS numbers"
POSTCODE = "full postcodes"
ADDRESS = "addresses"
BIRTH = "dates of birth"
NAME = "people's names"


@dataclass(frozen=True, slots=True)
class Found:
    """A column, or its heading, that holds identifiers. cells: the hits, for counting and never for showing."""

    column: Column
    kind: str
    cells: frozenset[str] = frozenset()
    heading: bool = False


def holds_identifier(text: str) -> bool:
    """Whether a single text holds an e-mail address, a number that names a person, or a person's name."""
    cleaned = plain(text)
    sure = (numbers.email, numbers.ni_number, numbers.phone_number, numbers.nhs_number, said, is_name, mentions_name)
    return any(rule(cleaned) for rule in sure)


# Shapes that a cell must have somewhere to be worth the rule, and whole shapes that codes of another kind have too.
_AT = re.compile(r"@|[(\[{] ?aa ?[)\]}]")
_NI_SHAPE = re.compile(r"(?<![a0])aa[ .,/-]{0,3}(?:0[ .,/-]{0,2}){6}[ .,/-]?a(?![a0])")
_PHONE_SHAPE = re.compile(r"0(?:[ ().,/-]{0,3}0){9}")
_NHS_SHAPE = re.compile(r"000[ -]?000[ -]?0000")
_POSTCODE_SHAPE = re.compile(r"a{1,2}0[a0]? {0,2}0aa")
_POSTCODE_LIKE = re.compile(r"[a0]{2,4} ?[a0]{3}")


@dataclass(frozen=True, slots=True)
class _Rule:
    """kind: what it finds. times: digits of dates and times are not its digits.

    alike: whole shapes that such an identifier shares with other codes: those count only when at least `share` of the
    column's cells of that shape are hits, and at least `fewest`.
    """

    kind: str
    shape: re.Pattern[str]
    hit: Callable[[str], bool]
    alike: re.Pattern[str]
    share: float = 0.5
    fewest: int = 1
    times: bool = False


_EVERYWHERE = (
    _Rule(EMAIL, _AT, numbers.email, re.compile("(?!)")),
    _Rule(NI, _NI_SHAPE, numbers.ni_number, re.compile("a{2}0{6}a")),
    _Rule(PHONE, _PHONE_SHAPE, numbers.phone_number, re.compile("0{11}"), times=True),
    _Rule(NHS, _NHS_SHAPE, numbers.nhs_number, _NHS_SHAPE, share=0.75, fewest=3, times=True),
)

# What no shape tells, by words that stand beside it.
_SPELT_OUT: tuple[tuple[str, re.Pattern[str], Callable[[str], bool]], ...] = (
    (EMAIL, re.compile(" dot "), numbers.email),
    (NI, re.compile(r"\b(?:n\.?i\.?|nino|nat(?:ional)?\.? ins)\b(?!-?[0-9])|insurance"), numbers.ni_number_said),
)


def hit_of(column: Column, joined: date | None) -> Found | None:
    """The first kind of identifier that a column holds."""
    if (kind := _in_heading(column)) is not None:
        return Found(column, kind, heading=True)
    for rule in _EVERYWHERE:
        if cells := _by_rule(column, rule):
            return Found(column, rule.kind, frozenset(cells))
    for kind, words, hit in _SPELT_OUT:
        if cells := column.among(words, hit):
            return Found(column, kind, frozenset(cells))
    return None if column.known else _in_unknown(column, joined)


def _by_rule(column: Column, rule: _Rule) -> set[str]:
    hits = column.where(rule.shape, rule.hit, times=rule.times)
    if not hits:
        return hits
    alike = set(column.shaped(rule.alike))
    doubtful = hits & alike
    # A single NHS number is told from a code by its first digit too, where the plan expects no codes.
    fewest = 1 if not column.known and all(plain(cell)[0] in "4679" for cell in doubtful) else rule.fewest
    kept = len(doubtful) >= max(fewest, rule.share * len(alike))
    return hits if kept else hits - doubtful


def _in_heading(column: Column) -> str | None:
    """The kind of identifier that a heading is: then the file has no header row."""
    text = plain(column.header)
    sure = ((EMAIL, numbers.email), (NI, numbers.ni_number), (PHONE, numbers.phone_number), (BIRTH, said))
    kind = next((kind for kind, rule in sure if rule(text)), None)
    if kind is not None or column.known:
        return kind
    if is_name(text) and not (text.islower() or headings.says_name(text)):
        return NAME
    return NHS if numbers.nhs_number(text) else BIRTH if _is_birthday(text) else None


def _is_birthday(text: str) -> bool:
    day = day_of(text, date(2000, 1, 1))
    return day is not None and 1900 < day.year < 2005


_By = tuple[str, Callable[[str], bool], Callable[[str], bool]]
_REDACTED = listed("redacted removed withheld anon anonymous anonymised hidden none unknown na nan null no yes")


def _in_unknown(column: Column, joined: date | None) -> Found | None:
    """What only a column that the plan doesn't know can't hold."""
    header = column.header if column.headed else ""
    named: tuple[_By, ...] = (
        (EMAIL, lambda text: "email" in headings.words(text) or {"e", "mail"} <= headings.words(text), _at_all),
        (NI, headings.says_ni, numbers.ni_number_alone),
        (PHONE, headings.says_phone, numbers.phone_number_alone),
        (NHS, headings.says_nhs, numbers.nhs_number_alone),
        (BIRTH, headings.says_birth, _dated),
        (NAME, headings.says_name, _initials_aside if headings.says_staff(header) else _worded),
        (ADDRESS, lambda text: headings.says_address(text) and not headings.says_thing(text), _worded_or_numbered),
    )
    for kind, heading, rule in named:
        if heading(header) and (cells := {cell for cell, text in column.pairs() if rule(text)}):
            return Found(column, kind, frozenset(cells))
    thing = headings.says_thing(header)
    dated = None if headings.says_other_date(header) else joined
    by_value: tuple[tuple[str, bool, Callable[[], set[str]]], ...] = (
        (BIRTH, True, lambda: column.among(BIRTH_WORDS, said)),
        (BIRTH, dated is not None, lambda: births(column, dated or date.max)),
        (POSTCODE, not thing, lambda: _postcodes(column)),
        (NAME, not thing, lambda: names(column)),
    )
    for kind, asked, cells_of in by_value:
        if asked and (cells := cells_of()):
            return Found(column, kind, frozenset(cells))
    return None


def _postcodes(column: Column) -> set[str]:
    likely = {shape for shape in column.shape_kinds if _POSTCODE_SHAPE.search(shape)}
    if not likely:
        return set()
    places = zip(column.pairs(), column.shapes, strict=True)
    hits = {cell for (cell, text), shape in places if shape in likely and numbers.postcode(text)}
    alike = set(column.shaped(_POSTCODE_LIKE))
    return hits if 2 * len(hits & alike) >= len(alike) else hits - alike


def _at_all(text: str) -> bool:
    return "@" in text or numbers.email(text)


def _dated(text: str) -> bool:
    """Has digits, and is more than a year or an age."""
    return any(map(str.isdigit, text)) and re.fullmatch(r"[0-9]{1,4}", text) is None


def _worded(text: str) -> bool:
    """Has letters and no digits, and is no word for nothing."""
    letters = [char for char in text if char.isalpha()]
    return len(letters) > 1 and not any(map(str.isdigit, text)) and "".join(letters).lower() not in _REDACTED


def _initials_aside(text: str) -> bool:
    return _worded(text) and re.fullmatch(r"(?:[A-Z][. ]*){1,3}", text) is None


def _worded_or_numbered(text: str) -> bool:
    letters = "".join(char for char in text if char.isalpha()).lower()
    return len(letters) > 1 and letters not in _REDACTED
