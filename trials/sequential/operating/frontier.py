"""Firing boundaries in counts: how many losses on one side make a claim fire, given those on the other.

The log wealth of a bet on binary blocks is linear in two counts. Pairs: those in which only the control had a loss ("up")
and those in which only the treated had ("down"). Other blocks: losses of controls ("up") and of the treated ("down"). One
arm: people without and with a loss.
So E_t ≥ 1/error is a line in the plane of these counts, and looking at a trial is comparing two whole numbers.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

from trials.sequential import bets, binary_mixture, one_arm_binary
from trials.sequential.bets import Floats
from trials.sequential.design import Design

Integers = NDArray[np.int64]
Counts = Integers | Floats
# Entries that a window is widened by on either side.
ROOM = 24


@dataclass(frozen=True, slots=True, eq=False)
class Line:
    """log wealth of bet k after `looks` blocks = looks · each[k] + against · away[k] + towards · nearer[k].

    swapped: whether "down" is the count that makes the claim fire (harm, dud) or "up" (benefit). Shapes (K,); nearer > 0.
    """

    each: Floats
    away: Floats
    nearer: Floats
    weights: tuple[float, ...]
    threshold: float
    swapped: bool

    def log_e(self, looks: int, against: Counts, towards: Counts) -> Floats:
        """log E by count, shape as the counts'."""
        return bets.log_mixture(self._logs(looks, against, towards), self.weights)

    def _logs(self, looks: int, against: Counts, towards: Counts) -> Floats:
        return np.asarray(
            (looks * self.each)[:, None] + self.away[:, None] * against + self.nearer[:, None] * towards,
            dtype=np.float64,
        )

    def newton(self, looks: int, against: Counts, towards: Floats) -> Floats:
        """One step of Newton's method towards log E = threshold; log E is convex and rising in `towards`."""
        logs = self._logs(looks, against, towards)
        top = logs.max(axis=0)
        parts = np.array(self.weights)[:, None] * np.exp(logs - top)
        total = parts.sum(axis=0)
        slope = (self.nearer @ parts) / total
        return np.asarray(towards - (top + np.log(total) - self.threshold) / slope, dtype=np.float64)


@lru_cache(maxsize=256)
def line(design: Design, claim: str) -> Line:
    """The claim's line, from the method's own pay-off tables. For one stratum, where every bet is really laid."""
    if design.n_c == 0:
        side, table = one_arm_binary.sides(design)[claim], one_arm_binary.tables(design)[claim]
        fine, lost = table[:, 0], table[:, 1]
        away, nearer = (fine, lost) if side.swapped else (lost, fine)
        return Line(np.zeros(fine.shape), away, nearer, side.weights, -math.log(side.error), side.swapped)
    side, _ = binary_mixture.staked(design)[claim]
    table = binary_mixture.tables(design)[claim]
    none = table[:, 0]
    up = table[:, binary_mixture.cell(design, 0, 1)] - none
    down = table[:, binary_mixture.cell(design, 1, 0)] - none
    away, nearer = (up, down) if side.swapped else (down, up)
    return Line(none, away, nearer, side.weights, -math.log(side.error), side.swapped)


@lru_cache(maxsize=8)
def kept(design: Design, claim: str) -> Frontier:
    """A frontier that remembers, so that other truths of the same design find its looks ready."""
    return Frontier(line(design, claim), keep=True)


class Frontier:
    """The smallest `towards` at which a claim fires, for a range of `against`, at one look after the other.

    keep: remember every look, for several passes over the same looks.
    """

    def __init__(self, bet: Line, *, keep: bool = False) -> None:
        self.bet = bet
        self.keep = keep
        self.still = not bet.each.any()  # then all looks have the same boundary
        self.known: dict[int, tuple[int, Integers]] = {}
        self.last: tuple[int, Integers] = 0, np.zeros(1, dtype=np.int64)

    def at(self, looks: int, low: int, high: int) -> Integers:
        """For `against` from `low` to `high`, shape (high − low + 1,)."""
        key = 0 if self.still else looks
        start, bound = self.known.get(key, (low, self.last[1][:0]))
        if low < start or high >= start + bound.size:
            # Some room on both sides, because the next window will be a little off this one.
            end, begin = high + ROOM, max(low - ROOM, 0)
            if self.keep and bound.size:
                end, begin = max(end, start + bound.size - 1), min(begin, start)
            else:
                self.known = self.known if self.keep else {}
            start, bound = begin, self._reached(looks, begin, end)
            self.known[key] = self.last = start, bound
        return bound[low - start : high - start + 1]

    def _reached(self, looks: int, start: int, end: int) -> Integers:
        against, (known, last) = np.arange(start, end + 1), self.last
        towards = np.interp(against, np.arange(known, known + last.size), last)
        for _ in range(100):
            before, towards = towards, self.bet.newton(looks, against, towards)
            if np.abs(before - towards).max() < 0.25:
                break
        bound = np.ceil(towards).astype(np.int64)
        # Newton's root to a rounding error; the whole number is settled by log E itself.
        while (late := self.bet.log_e(looks, against, bound - 1) >= self.bet.threshold).any():
            bound -= late
        while (early := self.bet.log_e(looks, against, bound) < self.bet.threshold).any():
            bound += early
        return bound
