"""Names of files: kept unless they name somebody."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import replace

from trials.identifiers import numbers
from trials.identifiers.births import said
from trials.identifiers.columns import plain
from trials.identifiers.names import is_listed, is_name
from trials.identifiers.words import listed
from trials.pseudonyms import canonical
from trials.records import Delivery, Rows

_PAD = " \t\u00a0"
_DATE = re.compile(r"(?<!\d)\d{4}-\d{2}-\d{2}(?:T\d{2}[-:]?\d{2}(?:[-:]?\d{2})?Z?)?(?!\d)", re.ASCII | re.IGNORECASE)
# Parts of everyday file names: a pattern that fits one of them tells no id from a word.
_EVERYDAY = ("outcomes", "OUTCOMES", "site-a", "SITE-A", "week12", "site_1", "2024", "20240304", "v2")


def masked(delivery: Delivery, id_pattern: str | None = None) -> Delivery:
    """The delivery under a name that names nobody: its own, or one made of its content's hash, which is then reported.

    A file called after a person, or after an id of one of its own rows, is read like any other; only its name must not get
    into ledger, log and pages. id_pattern: the plan's, by which ids are known that no row of the delivery has.
    """
    stem, dot, suffix = delivery.name.rpartition(".")
    if not re.fullmatch(r"[A-Za-z0-9]{1,8}", suffix):
        stem, dot, suffix = delivery.name, "", ""
    parts = re.split(r"[/\\]", stem)
    if not any(_names_somebody(part) for part in parts) and not _holds_id(parts, delivery, id_pattern):
        return delivery
    name = f"delivery-{delivery.content_sha256[:12]}{dot}{suffix}"
    told = f"kept the file under the name {name}: its own seemed to name a person, and files must be named without"
    return replace(delivery, name=name, repairs=(*delivery.repairs, told))


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
    rest = " ".join(part for part in parts if part.lower() not in _FILE_WORDS)
    # In lower case only what is sure on both sides: the words of cases and sites are in lower case too.
    return is_name(rest) if not rest.islower() else is_name(rest) and is_listed(rest)


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
