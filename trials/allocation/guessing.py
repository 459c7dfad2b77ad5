"""How well the next arm of a stratum can be guessed by somebody who knows the rules and every past arm, but not the seed.

Guarantee: `chances` is exact. No way of guessing is right more often at any place than the best guesser it describes, who
works out the probability of each arm given the past over all block sizes and names the likeliest.
Source: the convergence strategy (name the arm that is furthest behind its share) is Blackwell & Hodges (1957), Annals of
Mathematical Statistics 28:449-460; for 1 : 1 it is the best one, whatever the sizes, and the known sizes add nothing.

A stratum's list is a hidden Markov chain: the state is the size of the block and how many of each arm it has given so far.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import product
from math import comb, gcd

import numpy as np
from numpy.typing import NDArray

from trials.allocation.blocks import MULTIPLES

Floats = NDArray[np.float64]
# Probabilities that differ by less are tied; one so near 1 is certain.
TIED = 1e-9


@dataclass(frozen=True, slots=True)
class Chain:
    """The chain of one ratio. start: (S,) chances of the states at a block's beginning. step: (K, S, S), the chance that the
    next arm is k and leads from one state to another. share: (K,) each arm's share."""

    start: Floats
    step: Floats
    share: Floats


@dataclass(frozen=True, slots=True)
class Chances:
    """At each place, over all lists: P(right) of the best guesser and of the convergence strategy (ties by chance), and
    P(the past leaves no doubt)."""

    best: tuple[float, ...]
    convergence: tuple[float, ...]
    certain: tuple[float, ...]


def chain_of(shares: Sequence[int], multiples: Sequence[int] = MULTIPLES) -> Chain:
    """The hidden chain of blocks that are `multiples` times the smallest with these shares, each as likely."""
    divisor = gcd(*shares)
    smallest = [share // divisor for share in shares]
    states = [
        (multiple, given)
        for multiple in multiples
        for given in product(*(range(multiple * share + 1) for share in smallest))
        if sum(given) < multiple * sum(smallest)
    ]
    place = {state: at for at, state in enumerate(states)}
    start = np.zeros(len(states))
    for multiple in multiples:
        start[place[multiple, (0,) * len(shares)]] = 1 / len(multiples)
    step = np.zeros((len(shares), len(states), len(states)))
    for (multiple, given), at in place.items():
        left = multiple * sum(smallest) - sum(given)
        for arm, share in enumerate(smallest):
            chance = (multiple * share - given[arm]) / left
            after = tuple(count + (other == arm) for other, count in enumerate(given))
            if chance > 0:
                step[arm, at] += chance * (start if left == 1 else _at(place[multiple, after], len(states)))
    return Chain(start, step, np.array(smallest) / sum(smallest))


def _at(place: int, size: int) -> Floats:
    found = np.zeros(size)
    found[place] = 1.0
    return found


def chances(shares: Sequence[int], places: int, multiples: Sequence[int] = MULTIPLES) -> Chances:
    """At each of the first places, exactly, by going through every list that can be: time and memory grow as K^places."""
    chain = chain_of(shares, multiples)
    belief, counts = chain.start[None, :], np.zeros((1, len(shares)))
    best, convergence, certain = [], [], []
    for n in range(places):
        joint = belief @ chain.step.sum(axis=2).T  # (histories, K): P(history and next arm)
        total, most = joint.sum(axis=1), joint.max(axis=1)
        best.append(float(most.sum()))
        named = behind(counts, n, chain.share)
        convergence.append(float((joint * named / named.sum(axis=1, keepdims=True)).sum()))
        certain.append(float(total[most >= total * (1 - TIED)].sum()))
        belief = np.concatenate([belief @ one for one in chain.step])
        counts = np.concatenate([counts + _at(arm, len(shares)) for arm in range(len(shares))])
        alive = belief.sum(axis=1) > 0
        belief, counts = belief[alive], counts[alive]
    return Chances(tuple(best), tuple(convergence), tuple(certain))


def behind(counts: Floats, n: int, share: Floats) -> NDArray[np.bool_]:
    """The arms that the convergence strategy may name after n people: furthest behind n times their share. (H, K)."""
    lacking = n * share - counts
    return np.asarray(lacking >= lacking.max(axis=1, keepdims=True) - TIED)


def informed(shares: Sequence[int], multiples: Sequence[int] = MULTIPLES) -> float:
    """The share of people whose arm is guessed by somebody who also knows where each block ends, in the long run.

    For 1 : 1 a block of 2b gives b + 2^(2b-1)/C(2b, b) - 1/2 right guesses (Blackwell & Hodges 1957).
    """
    divisor = gcd(*shares)
    smallest = [share // divisor for share in shares]
    right = sum(_in_block([multiple * share for share in smallest]) for multiple in multiples)
    return right / sum(multiple * sum(smallest) for multiple in multiples)


def _in_block(block: Sequence[int]) -> float:
    """Expected right guesses in a block with so many of each arm, whoever guesses knowing its size."""
    whole, found = sum(block), 0.0
    for given in product(*(range(count + 1) for count in block)):
        left = [count - gone for count, gone in zip(block, given, strict=True)]
        if any(left):
            ways = np.prod([comb(count, gone) for count, gone in zip(block, given, strict=True)], dtype=float)
            found += ways / comb(whole, sum(given)) * max(left) / sum(left)
    return float(found)
