"""Who goes into which arm: permuted blocks of hidden, varying size, one list per stratum (site).

Guarantee: after any number of people in a stratum, each arm is within a quarter of the largest block of its share, with
certainty; and before a person's turn each arm has its share as its probability, over the seeds.
Source: permuted-block randomisation, Matts & Lachin (1988), Controlled Clinical Trials 9:327-344; block sizes drawn
at random as ICH E9, section 2.3.2 recommends.

A list depends on the seed text, the trial and the stratum alone, and is the same on every machine: PCG64's raw words
are stable across NumPy versions (its higher-level draws are not), so the shuffling is done here.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from hashlib import sha256
from itertools import islice
from math import gcd

import numpy as np

from trials.errors import DataError
from trials.protocol import Arm, Protocol

# A block is 2 or 3 times the smallest one that keeps the ratio: 4 or 6 people for 1 : 1, 10 or 15 for 3 : 2.
# Never the smallest itself, in which the second of every pair would be known.
MULTIPLES = (2, 3)

_WORD = 1 << 64


class Draws:
    """Fair whole numbers from a seed text. The same text gives the same numbers on every machine, for ever."""

    def __init__(self, *seed: str) -> None:
        # JSON, so that ("a", "bc") and ("ab", "c") are two seeds.
        digest = sha256(json.dumps(seed, ensure_ascii=False).encode("utf-8")).digest()
        self._words = np.random.PCG64(int.from_bytes(digest, "big"))

    def below(self, limit: int) -> int:
        """A whole number from 0 to limit - 1, each with the same chance: words above the last multiple are redrawn."""
        fair = _WORD - _WORD % limit
        while True:
            word = int(self._words.random_raw())
            if word < fair:
                return word % limit

    def shuffled(self, items: list[str]) -> list[str]:
        """The items in a random order (Fisher & Yates; Durstenfeld, 1964)."""
        items = list(items)
        for last in range(len(items) - 1, 0, -1):
            other = self.below(last + 1)
            items[last], items[other] = items[other], items[last]
        return items


def smallest_block(arms: tuple[Arm, ...]) -> list[str]:
    """The arms of the smallest block that keeps the ratio: 2 : 2 is 1 : 1, so one of each."""
    divisor = gcd(*(arm.allocation for arm in arms))
    return [arm.id for arm in arms for _ in range(arm.allocation // divisor)]


def stream(protocol: Protocol, stratum: str, seed: str) -> Iterator[str]:
    """The arms of a stratum's first, second, third, ... person, without end."""
    draws = Draws("allocation", seed, protocol.trial, stratum)
    smallest = smallest_block(protocol.arms)
    while True:
        yield from draws.shuffled(smallest * MULTIPLES[draws.below(len(MULTIPLES))])


def allocation_list(protocol: Protocol, stratum: str, n: int, seed: str) -> tuple[str, ...]:
    """The arms of the first n people of a stratum. A longer list begins with the shorter one.

    stratum: a site of the protocol, or "" for a plan without sites. seed: any text, kept secret while the trial runs.
    Raises DataError for a site the plan does not have or n below 0.
    """
    sites = [site.id for site in protocol.sites] or [""]
    if stratum not in sites:
        raise DataError(
            f'stratum == "{stratum}", must be a site of {protocol.trial}: {", ".join(sites) or "none"}. '
            "Allocate people within the sites of the plan."
        )
    if n < 0:
        raise DataError(f"n == {n}, must be ≥ 0: it is the number of people to allocate.")
    return tuple(islice(stream(protocol, stratum, seed), n))
