"""Permuted blocks of hidden, varying size within a stratum, from a seed.

Guarantee: after any number of people in a stratum, an arm with the share p of the allocation is within L p (1 - p) people of
its share, L the largest block, with certainty: at most a quarter of the largest block. Before a person's turn each arm has
its share as its probability, over the seeds. When an arm is dropped, the block that was begun ends there, and the same holds
from there on among the arms that are left.
Source: permuted-block randomisation, Matts & Lachin (1988), Controlled Clinical Trials 9:327-344; block sizes drawn
at random as ICH E9, section 2.3.2 recommends.

A list depends on the seed, the trial, the stratum and what was dropped alone, and is the same on every machine. A simulated
trial's numbers are PCG64's raw words, which are stable across NumPy versions (its higher-level draws are not). A real
trial's are HMAC-SHA256 in counter mode (NIST SP 800-108r1, section 4.1): whoever sees any number of past arms and not the
seed can't tell the next block from a fair one, short of breaking HMAC-SHA256.
"""

from __future__ import annotations

import hmac
import json
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
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

# (arm, its share of a block), in the plan's order.
Shares = tuple[tuple[str, int], ...]


class Draws:
    """Fair whole numbers from a seed text. The same text gives the same numbers on every machine, for ever."""

    def __init__(self, *seed: str) -> None:
        # JSON, so that ("a", "bc") and ("ab", "c") are two seeds.
        digest = sha256(json.dumps(seed, ensure_ascii=False).encode("utf-8")).digest()
        self._pcg = np.random.PCG64(int.from_bytes(digest, "big"))

    def word(self) -> int:
        """The next 64 bits."""
        return int(self._pcg.random_raw())

    def below(self, limit: int) -> int:
        """A whole number from 0 to limit - 1, each with the same chance: words above the last multiple are redrawn."""
        fair = _WORD - _WORD % limit
        while True:
            word = self.word()
            if word < fair:
                return word % limit

    def shuffled(self, items: list[str]) -> list[str]:
        """The items in a random order (Fisher & Yates; Durstenfeld, 1964)."""
        items = list(items)
        for last in range(len(items) - 1, 0, -1):
            other = self.below(last + 1)
            items[last], items[other] = items[other], items[last]
        return items


class SecretDraws(Draws):
    """The same from a secret: block number i is HMAC-SHA256(seed, i as 8 bytes, then the purpose as JSON), big-endian words."""

    def __init__(self, seed: bytes, *purpose: object) -> None:
        self._seed, self._purpose = seed, json.dumps(purpose, ensure_ascii=False, separators=(",", ":")).encode("utf-8")
        self._number, self._words = 0, iter(())  # type: tuple[int, Iterator[int]]

    def word(self) -> int:
        """The next 64 bits."""
        for word in self._words:
            return word
        block = hmac.digest(self._seed, self._number.to_bytes(8, "big") + self._purpose, "sha256")
        self._number += 1
        self._words = iter([int.from_bytes(block[at : at + 8], "big") for at in range(0, 32, 8)])
        return next(self._words)


def smallest_block(arms: tuple[Arm, ...]) -> list[str]:
    """The arms of the smallest block that keeps the ratio: 2 : 2 is 1 : 1, so one of each."""
    return _smallest(tuple((arm.id, arm.allocation) for arm in arms))


def _smallest(shares: Shares) -> list[str]:
    divisor = gcd(*(share for _, share in shares))
    return [arm for arm, share in shares for _ in range(share // divisor)]


def shares_of(protocol: Protocol) -> Shares:
    """The plan's arms and their shares of a block."""
    return tuple((arm.id, arm.allocation) for arm in protocol.arms)


def _blocks(draws: Draws, smallest: list[str]) -> Iterator[str]:
    while True:
        yield from draws.shuffled(smallest * MULTIPLES[draws.below(len(MULTIPLES))])


def stream(protocol: Protocol, stratum: str, seed: str) -> Iterator[str]:
    """The arms of a stratum's first, second, third, ... person of a simulated trial, without end."""
    return _blocks(Draws("allocation", seed, protocol.trial, stratum), smallest_block(protocol.arms))


def allocation_list(protocol: Protocol, stratum: str, n: int, seed: str) -> tuple[str, ...]:
    """The arms of the first n people of a stratum of a simulated trial. A longer list begins with the shorter one.

    stratum: a site of the protocol, or "" for a plan without sites. seed: any text.
    Raises DataError for a site the plan does not have or n below 0.
    """
    must_be_stratum(protocol, stratum)
    if n < 0:
        raise DataError(f"n == {n}, must be ≥ 0: it is the number of people to allocate.")
    return tuple(islice(stream(protocol, stratum, seed), n))


def must_be_stratum(protocol: Protocol, stratum: str, name: str = "stratum") -> None:
    """Raises DataError unless people are allocated within this stratum: a site of the plan, "" where it has none.

    name: what whoever gave it calls it.
    """
    sites = [site.id for site in protocol.sites] or [""]
    if stratum not in sites:
        raise DataError(
            f'{name} == "{stratum}", must be a site of {protocol.trial}: {", ".join(filter(None, sites)) or "none"}. '
            "Allocate people within the sites of the plan."
        )


@dataclass(frozen=True, slots=True)
class Drop:
    """An arm that nobody enters any more. after: the stratum's last position that was revealed before it was dropped."""

    arm: str
    after: int


def from_seed(
    seed: bytes, trial: str, stratum: str, shares: Shares, drops: Sequence[Drop] = ()
) -> Iterator[tuple[int, str]]:
    """(position, arm) of a stratum's people, from position 1, without end.

    drops: oldest first. From the position after each on, the blocks are drawn anew among the arms that are left, from
    numbers of their own, so that what was to come under the old list tells nothing of the new one.
    """
    position = 0
    for number in range(len(drops) + 1):
        gone = drops[:number]
        ends = drops[number].after if number < len(drops) else None
        if ends is not None and ends <= position:
            continue
        left = tuple(one for one in shares if one[0] not in {drop.arm for drop in gone})
        told = [["without", drop.arm, "from", drop.after + 1] for drop in gone]
        arms = _blocks(SecretDraws(seed, "allocation", trial, stratum, *told), _smallest(left))
        for arm in arms if ends is None else islice(arms, ends - position):
            position += 1
            yield position, arm


def from_list(arms: Iterable[str], drops: Sequence[Drop] = ()) -> Iterator[tuple[int, str]]:
    """(position, arm) of a stratum's people by a list that somebody else made; dropped arms are passed over."""
    for position, arm in enumerate(arms, start=1):
        if not any(drop.arm == arm and position > drop.after for drop in drops):
            yield position, arm
