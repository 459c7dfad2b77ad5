"""How the tests here read labels: the arguments that stand in an entry's key."""

from __future__ import annotations

import re

NUMBER = r"[-+]?(?:\d+\.?\d*|\.\d+)(?:[eE][-+]?\d+)?"


def numbers(text: str) -> list[float]:
    """Every number in a piece of a key, in order: "100,.05,two-sided" -> [100.0, 0.05]."""
    return [float(found) for found in re.findall(NUMBER, text)]


def named(text: str, name: str) -> float:
    """The number after "name=": named("m=.5 alpha=.05", "alpha") -> 0.05. Raises KeyError where it is not given."""
    found = re.search(rf"(?<!\w){re.escape(name)}\s*=\s*({NUMBER})", text)
    if found is None:
        raise KeyError(f'"{text}" gives no {name}')
    return float(found[1])


def printed(value: float) -> float:
    """How far off a figure may be that was printed with so many decimals: 1.5 units of the last, at most 1e-4 of it.

    Some of the sources cut off where others round. Figures with all their digits: 1e-8.
    """
    decimals = len(repr(value).partition(".")[2].partition("e")[0])
    return min(max(1.5 * 10.0**-decimals, 1e-8 * abs(value)), 1e-4 * max(1.0, abs(value)))
