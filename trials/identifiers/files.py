"""Names of files: kept unless they name somebody."""

from __future__ import annotations

import re
from dataclasses import replace

from trials.identifiers import numbers
from trials.identifiers.births import said
from trials.identifiers.columns import plain
from trials.identifiers.names import is_listed, is_name
from trials.identifiers.words import listed
from trials.records import Delivery


def masked(delivery: Delivery) -> Delivery:
    """The delivery under a name that names nobody: its own, or one made of its content's hash, which is then reported.

    A file called after a person is read like any other; only its name must not get into ledger, log and pages.
    """
    stem, dot, suffix = delivery.name.rpartition(".")
    if not re.fullmatch(r"[A-Za-z0-9]{1,8}", suffix):
        stem, dot, suffix = delivery.name, "", ""
    if not any(_names_somebody(part) for part in re.split(r"[/\\]", stem)):
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
