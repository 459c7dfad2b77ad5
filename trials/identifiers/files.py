"""Names of files: kept unless they name somebody. They outlive the trial's key: in ledger, log, pages and Prefect.

Not known: a surname that no list has, a short code that is nobody's id, and a birthday of this century.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Iterator, Sequence
from dataclasses import replace
from datetime import date

from trials.identifiers import numbers
from trials.identifiers.births import day_of, said
from trials.identifiers.columns import plain
from trials.identifiers.names import is_listed, is_name
from trials.identifiers.people import SURNAMES, WORDS_TOO
from trials.identifiers.words import listed
from trials.pseudonyms import canonical
from trials.records import Delivery, Rows

_PAD = " \t\u00a0"
_DATE = re.compile(r"(?<!\d)\d{4}-\d{2}-\d{2}(?:T\d{2}[-:]?\d{2}(?:[-:]?\d{2})?Z?)?(?!\d)", re.ASCII | re.IGNORECASE)
# When a file was sent, this century's: the day, or its month, with a time or without one, as people and programs write it.
_YEAR_FIRST = r"20\d\d[-_. ]?(?:0[1-9]|1[0-2])(?:[-_. ]?(?:0[1-9]|[12]\d|3[01]))?"
_YEAR_LAST = r"(?:0?[1-9]|[12]\d|3[01])[-_. ]?(?:0?[1-9]|1[0-2])[-_. ]?20\d\d"
_TIME = r"[T_ -]{0,3}(?:[01]\d|2[0-3])[-:._]?[0-5]\d(?:[-:._]?[0-5]\d(?:[.,_-]?\d{3}|[.,_-]?\d{6})?)?(?:Z|[+-]\d{2}:?\d{2})?"
_SENT = re.compile(rf"(?<!\d)(?:{_YEAR_FIRST}|{_YEAR_LAST})(?:{_TIME})?(?!\d)", re.ASCII | re.IGNORECASE)
_LONG_NUMBER = re.compile(r"\d{6}|\d(?:[ .-]?\d){8}", re.ASCII)
_OTHER_DATE = re.compile(
    r"(?<!\d)(?:\d{4}([-_. ])\d{1,2}\1\d{1,2}|\d{1,2}([-_. ])\d{1,2}\2(?:\d{4}|\d{2}))(?!\d)", re.ASCII
)
_CENTURY = date(2000, 1, 1)
_NEAR = date(2029, 12, 31)  # of a year of two digits: '29 is to come, '30 was in the century before
_OURS = re.compile(r"delivery-[0-9a-f]{12}")
_APOSTROPHE = re.compile(r"(?<![^\W\d_])[^\W\d_]['’][^\W\d_]{2}")
# Parts of everyday file names: a pattern that fits one of them tells no id from a word.
_EVERYDAY = ("outcomes", "OUTCOMES", "site-a", "SITE-A", "week12", "site_1", "2024", "20240304", "v2")


def masked(delivery: Delivery, id_pattern: str | None = None, known: Collection[str] = ()) -> Delivery:
    """The delivery under a name that names nobody: its own, or one made of its content's hash, which is then reported.

    A file called after a person, or after an id of one of its own rows, is read like any other; only its name must not get
    into ledger, log and pages. id_pattern: the plan's, by which ids are known that no row of the delivery has. known: of the
    name's `pieces_of`, those that are ids of people enrolled before.
    """
    stem, ending = _split(delivery.name)
    parts = re.split(r"[/\\]", stem)
    personal = names_somebody(delivery.name) or _holds_id(parts, delivery, id_pattern)
    if not personal and pieces_of(delivery.name).isdisjoint(known):
        return delivery
    name = f"delivery-{delivery.content_sha256[:12]}{ending}"
    told = f"kept the file under the name {name}: its own seemed to name a person, and files must be named without"
    return replace(delivery, name=name, repairs=(*delivery.repairs, told))


def _split(name: str) -> tuple[str, str]:
    """A file's name without its ending, and the ending with its dot."""
    stem, dot, suffix = name.rpartition(".")
    return (stem, f"{dot}{suffix}") if re.fullmatch(r"[A-Za-z0-9]{1,8}", suffix) else (name, "")


def names_somebody(name: str) -> bool:
    """Whether a file's name by itself holds a person's name, a number that long, or a date of the century before."""
    parts = re.split(r"[/\\]", _split(name)[0])
    return any(_names_somebody(part) or _numbers_somebody(part) for part in parts if not _OURS.fullmatch(part))


def pieces_of(name: str) -> frozenset[str]:
    """What of a file's name may be somebody's id, as ids are compared; a year, a day or a short number is not among it."""
    parts = (part for whole in re.split(r"[/\\]", _split(name)[0]) for part in _SENT.sub("/", whole).split("/"))
    pieces = (piece for part in parts for piece in _pieces(part) if piece[:1].isalnum() and piece[-1:].isalnum())
    return frozenset(canonical(piece) for piece in pieces if _may_be_known(piece))


def _may_be_known(piece: str) -> bool:
    """Whether a text is such as ids are: with a letter and a digit in it, or a number of 4 digits or more that is no year."""
    if piece.isdigit():
        return len(piece) >= 4 and not (len(piece) == 4 and piece.startswith("20"))
    letters = any(map(str.isalpha, piece))
    return len(piece) >= 3 and letters and (any(map(str.isdigit, piece)) or piece.lower() not in _FILE_WORDS)


def _numbers_somebody(part: str) -> bool:
    """Whether a long number, or a date before this century, is left once the time is out at which the file was sent."""
    rest = _SENT.sub("/", part)
    days = (day_of(re.sub(r"[_.]", "-", found[0]), _NEAR) for found in _OTHER_DATE.finditer(rest))
    return bool(_LONG_NUMBER.search(rest)) or any(day is not None and day < _CENTURY for day in days)


_FILE_WORDS = listed(
    """
    outcome outcomes data return returns report export final draft copy new site trial results weekly monthly upload
    file from for of the by v csv xlsx v1 v2 v3 jan feb mar apr jun jul aug sep oct nov dec
    """
)


def _names_somebody(stem: str) -> bool:
    """Whether a part of a path holds an identifier, or is a person's name once its numbers and everyday words are left out."""
    if numbers.email(stem):
        return True
    spaced = plain(re.sub(r"_+", " ", stem))
    if any(rule(spaced) for rule in (numbers.ni_number, numbers.phone_number, numbers.nhs_number, said)):
        return True
    parts = [part for part in re.split(r"[\s_.,()-]+", stem) if part and not any(map(str.isdigit, part))]
    if _APOSTROPHE.search(stem) or any(_is_login(part.lower()) for part in parts):
        return True
    rest = " ".join(part for part in parts if part.lower() not in _FILE_WORDS)
    # In lower case only what is sure on both sides: the words of cases and sites are in lower case too.
    return is_name(rest) if not rest.islower() else is_name(rest) and is_listed(rest)


_NO_LOGINS = listed("fallen sharding")


def _is_login(word: str) -> bool:
    """Whether a word is an initial and a surname that is hardly ever another word, and is none itself."""
    family = word[1:]
    return len(family) >= 5 and family in SURNAMES - WORDS_TOO and word not in SURNAMES | WORDS_TOO | _NO_LOGINS


def _holds_id(parts: Sequence[str], delivery: Delivery, id_pattern: str | None) -> bool:
    """Whether a part of a path holds an id of the delivery's people, whatever its letter case, or one of the plan's form."""
    held = {canonical(piece) for part in parts for piece in _pieces(part) if _may_be_id(piece)}
    if not held:
        return False
    ids = Rows.of(delivery.rows).column("participant_id")
    if not held.isdisjoint(canonical(cell.strip(_PAD)) for cell in ids):
        return True
    fits = None if id_pattern is None else re.compile(id_pattern, re.ASCII | re.IGNORECASE).fullmatch
    return fits is not None and not any(map(fits, _EVERYDAY)) and any(map(fits, held))


def _may_be_id(piece: str) -> bool:
    """Whether a text is long enough to tell one person from others: a year or a week's number is not."""
    digits = sum(map(str.isdigit, piece))
    return len(piece) >= 4 and (digits >= 6 or any(map(str.isalpha, piece)))


def _pieces(part: str) -> Iterator[str]:
    """Every stretch of a part of a path that begins and ends where a word or a number does, but for those within its date."""
    edges = [0, *(place for place in range(1, len(part)) if _is_edge(part[place - 1], part[place])), len(part)]
    dates = [match.span() for match in _DATE.finditer(part)]
    for number, start in enumerate(edges):
        for end in edges[number + 1 :]:
            if not any(first <= start and end <= last for first, last in dates):
                yield part[start:end]


def _is_edge(before: str, after: str) -> bool:
    if before.isalpha() and after.isalpha():
        return before.islower() and after.isupper()
    return not (before.isdigit() and after.isdigit())
