"""What looking often does: an ordinary test, asked again and again, beside the evidence that is built to be looked at.

Guarantee: P(the evidence ever calls an idea that does nothing a success) ≤ alpha, however often anybody looks
(`trials.sequential.binary_mixture`). The ordinary test promises about alpha at one look and nothing beyond: asked at several
looks, and stopped at the first that says yes, it is wrong more often (Armitage, McPherson & Rowe, 1969, JRSS A 132:235-244).
Both are asked about the same trials: people in pairs, one outcome of yes or no, one-sided at the same alpha.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray
from scipy.special import ndtri
from scipy.stats import binom

from trials.errors import DataError
from trials.sequential.bets import Floats
from trials.sequential.design import Design
from trials.sequential.grouped.boundaries import crossing
from trials.sequential.grouped.spending import equally_spaced
from trials.sequential.operating import exact
from trials.sequential.operating.frontier import line

Integers = NDArray[np.int64]

# Trials that are drawn together from one stream of chance, so that the first hundred stay the same when more follow.
BATCH = 20
MOST_TRIALS = 1_000
NEVER = -1


@dataclass(frozen=True, slots=True)
class Setting:
    """The trials of the demonstration. pairs: people in a trial, two by two. share: of people with the bad outcome in both
    arms, as the idea does nothing. worthwhile: what the evidence's bets look for."""

    pairs: int = 200
    share: float = 0.3
    worthwhile: float = 0.1
    alpha: float = 0.05

    @property
    def people(self) -> int:
        return 2 * self.pairs

    @property
    def design(self) -> Design:
        spread = self.share * (1 - self.share)
        return Design(1, 1, self.share, self.worthwhile, self.alpha, 0.1, spread)


@dataclass(frozen=True, slots=True, eq=False)
class Played:
    """Simulated trials of an idea that does nothing, in the order in which they were drawn.

    at: pairs at each look of the ordinary test, (looks,). z: its statistic there, (trials, looks), above 0 = the idea looks
    better. log_e: the evidence after each pair, (trials, pairs). tested, fired: people at which the test first said yes and
    the evidence first reached its threshold; NEVER (-1) if it did not; (trials,) each.
    """

    at: Integers
    z: Floats
    log_e: Floats
    tested: Integers
    fired: Integers


def looks_at(setting: Setting, looks: int) -> Integers:
    """Pairs at each of so many looks, equally far apart, the last at the end. Raises DataError for looks outside 1..pairs."""
    if not 1 <= looks <= setting.pairs:
        raise DataError(
            f"looks == {looks}, must be from 1 to {setting.pairs}: nobody looks more often than pairs come in."
        )
    return np.round(np.arange(1, looks + 1) * setting.pairs / looks).astype(np.int64)


def statistic(control: Integers, treated: Integers, pairs: Integers | int) -> Floats:
    """The ordinary test of two shares: z of control − treated with the pooled variance; z² is Pearson's chi-squared (1900)
    without a correction for continuity. 0 where nobody, or everybody, had the outcome. Arguments broadcast."""
    pooled = (control + treated) / (2 * pairs)
    variance = pooled * (1 - pooled) * 2 / pairs
    known = variance > 0
    return np.where(known, (control - treated) / pairs / np.sqrt(np.where(known, variance, 1.0)), 0.0)


def bound(setting: Setting) -> float:
    """The z from which on the ordinary test says yes: 1.645 at one-sided 5 %."""
    return -float(ndtri(setting.alpha))


def play(setting: Setting, looks: int, *, seed: int, trials: int, first: int = 0) -> Played:
    """So many trials from number `first` on. The same seed gives the same trials, whatever the looks and wherever they begin.

    Raises DataError for looks outside 1..pairs, numbers of trials that are no whole batches, or more than MOST_TRIALS.
    """
    at = looks_at(setting, looks)
    control, treated, ups, downs = drawn(setting, seed=seed, trials=trials, first=first)
    z = statistic(control[:, at - 1], treated[:, at - 1], at)
    log_e = _evidence(setting, ups, downs)
    yes, reached = z >= bound(setting), log_e >= -math.log(setting.alpha)
    pairs = np.arange(1, setting.pairs + 1)
    return Played(at, z, log_e, _first(yes, 2 * at), _first(reached, 2 * pairs))


def drawn(setting: Setting, *, seed: int, trials: int, first: int = 0) -> tuple[Integers, Integers, Integers, Integers]:
    """After each pair, (trials, pairs) each: bad outcomes of controls, of the treated; pairs in which only the control had
    one, only the treated. Errors as for `play`."""
    if seed < 0 or trials < 0 or first < 0 or trials % BATCH or first % BATCH or first + trials > MOST_TRIALS:
        raise DataError(
            f"trials == {trials} from {first} on with seed == {seed}, must be whole batches of {BATCH}, at most "
            f"{MOST_TRIALS:,} in all, with a seed of 0 or more."
        )
    batches = range(first // BATCH, (first + trials) // BATCH)
    shape = (BATCH, setting.pairs, 2)
    parts = [np.random.default_rng([seed, batch]).random(shape) < setting.share for batch in batches]
    bad = np.concatenate(parts) if parts else np.zeros((0, *shape[1:]), dtype=bool)
    only_c, only_t = bad[..., 0] & ~bad[..., 1], bad[..., 1] & ~bad[..., 0]
    counts = [np.cumsum(each, axis=1) for each in (bad[..., 0], bad[..., 1], only_c, only_t)]
    return counts[0], counts[1], counts[2], counts[3]


def _evidence(setting: Setting, ups: Integers, downs: Integers) -> Floats:
    """log E of 'it helps' after each pair, from the method's own pay-offs: in pairs it depends on two counts alone."""
    return line(setting.design, "benefit").log_e(0, downs.ravel(), ups.ravel()).reshape(ups.shape)


def _first(yes: NDArray[np.bool_], people: Integers) -> Integers:
    return np.where(yes.any(axis=1), people[yes.argmax(axis=1)], NEVER) if yes.size else np.zeros(0, dtype=np.int64)


@lru_cache(maxsize=64)
def ordinary_rate(setting: Setting, looks: int) -> float:
    """P(the ordinary test says yes at any of so many looks | the idea does nothing), exactly: every possible course of the
    two arms' counts with its chance, those that said yes taken out at each look."""
    at = looks_at(setting, looks)
    alive, before, wrong = np.ones((1, 1)), 0, 0.0
    for pairs in at.tolist():
        grows = _grown(before, pairs, setting.share)
        alive = grows @ alive @ grows.T
        counts = np.arange(pairs + 1)
        yes = statistic(counts[:, None], counts[None, :], pairs) >= bound(setting)
        wrong += float(alive[yes].sum())
        alive[yes] = 0.0
        before = pairs
    return wrong


def _grown(before: int, after: int, share: float) -> Floats:
    """P(a count becomes the row's from the column's when so many more people come in): (after + 1, before + 1)."""
    more = np.arange(after + 1)[:, None] - np.arange(before + 1)[None, :]
    return np.asarray(binom.pmf(more, after - before, share))


@lru_cache(maxsize=8)
def evidence_rate(setting: Setting) -> float:
    """P(the evidence reaches its threshold after any pair | the idea does nothing), exactly (`operating.exact`)."""
    found = exact.ever(
        setting.design, "benefit", control=setting.share, treated=setting.share, participants=setting.people
    )
    return found.chance


def theory(looks: int, error: float = 0.05, *, sided: int = 2) -> float:
    """P(|Z| ever passes its bound for one look at any of so many equally spaced looks | no effect), for means of many people:
    what Armitage, McPherson & Rowe (1969, table 2) tabulate. sided 1: one end alone."""
    high = -float(ndtri(error / sided))
    upper, lower = (high,) * looks, ((-high if sided == 2 else None),) * looks
    passed = crossing(equally_spaced(looks), upper, lower, 0.0)
    return math.fsum((*passed.up, *passed.down))
