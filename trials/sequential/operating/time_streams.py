"""Many simulated trials of times to an event at once: when would each claim fire, after how many people and events?

The same bets as `logrank_mixture` and `one_arm_time`, over `runs` streams side by side, everybody peeking after every event
(one arm: after every participant). One stratum; a plan with several is judged with the stakes that such a plan has.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from trials.sequential import bets
from trials.sequential.bets import Floats
from trials.sequential.design import Design
from trials.sequential.operating.streams import NEVER, Crossings
from trials.sequential.times import hazards

Booleans = NDArray[np.bool_]
Integers = NDArray[np.int64]
Cohort = tuple[Booleans, Floats, Booleans]


@dataclass(frozen=True, slots=True)
class Timed:
    """people: participants at the first crossing. events: events by then, or in the whole trial; shape (runs,) by claim."""

    people: Crossings
    events: dict[str, Integers]


@dataclass(slots=True)
class _Watch:
    """Log likelihoods at the bets' truths, (P, runs), and what has fired so far."""

    design: Design
    curve: Floats
    people: dict[str, Integers]
    events: dict[str, Integers]

    @classmethod
    def over(cls, design: Design, runs: int) -> _Watch:
        def counters(value: int) -> dict[str, Integers]:
            return {claim: np.full(runs, value, dtype=np.int64) for claim in hazards.sides(design)}

        return cls(design, np.zeros((truths(design).size, runs)), counters(NEVER), counters(0))

    def look(self, people: int, rows: Integers) -> None:
        """Notes what fires in these runs; `people` will have been seen by the end of the cohort."""
        points = truths(self.design)
        for claim, side in hazards.sides(self.design).items():
            still = rows[self.people[claim][rows] == NEVER]
            sign = -1 if side.swapped else 1
            steps = sign * (int(side.margin) + np.array((0, *side.distances), dtype=np.int64))
            null, *bet = self.curve[np.ix_(np.searchsorted(points, steps), still)]
            wealth = np.array(bet) - null
            several = self.design.several
            logs = (
                bets.over_strata([wealth], wealth, side.weights) if several else bets.log_mixture(wealth, side.weights)
            )
            self.people[claim][still[logs >= -math.log(side.error)]] = people

    def close(self, people: int, happened: Integers) -> None:
        """Counts the events of a complete cohort for the claims that had not fired before it."""
        for claim, crossed in self.people.items():
            self.events[claim] += np.where((crossed == NEVER) | (crossed == people), happened, 0)

    def found(self, people: int) -> Timed:
        return Timed(Crossings(self.people, people), self.events)


def truths(design: Design) -> Integers:
    """The claims' nulls and the bets' truths, in steps of the lattice, increasing. Shape (P,)."""
    found = {
        (-1 if side.swapped else 1) * int(side.margin + distance)
        for side in hazards.sides(design).values()
        for distance in (0, *side.distances)
    }
    return np.array(sorted(found), dtype=np.int64)


def simulate(
    design: Design, *, hazard_ratio: float, participants: int, runs: int, rng: np.random.Generator
) -> Crossings:
    """Runs of a two-arm trial with exponential times, followed up until a share `baseline` of the controls have an event.

    hazard_ratio: treated over controls. participants: planned, allocated in permuted blocks n_t : n_c; the last, unfinished
    cohort counts. Memory: O(runs · participants) bytes. Other hazards or allocations: `judged`.
    """
    return simulated(design, hazard_ratio=hazard_ratio, participants=participants, runs=runs, rng=rng).people


def simulated(design: Design, *, hazard_ratio: float, participants: int, runs: int, rng: np.random.Generator) -> Timed:
    """`simulate`, with the number of events too."""
    return judged(design, _cohorts(design, hazard_ratio, participants, runs, rng), runs)


def _cohorts(
    design: Design, hazard_ratio: float, participants: int, runs: int, rng: np.random.Generator
) -> Iterator[Cohort]:
    size = design.n_t + design.n_c
    ordered = np.tile(np.arange(size) < design.n_t, (runs * -(-participants // size), 1))
    arms = rng.permuted(ordered, axis=1).reshape(runs, -1)[:, :participants]
    rate = -math.log1p(-design.baseline)
    for first in range(0, participants, design.cohort):
        treated = arms[:, first : first + design.cohort]
        times = rng.standard_exponential(treated.shape) / (rate * np.where(treated, hazard_ratio, 1.0))
        yield treated, np.minimum(times, 1.0), times <= 1.0


def judged(design: Design, cohorts: Iterable[Cohort], runs: int) -> Timed:
    """What the method says of these streams: per cohort (treated, time at risk, event), shape (runs, people) each.

    No two events of a cohort may share a time (times drawn from a continuous distribution).
    """
    watch, people = _Watch.over(design, runs), 0
    log_theta = -hazards.turn(design) * truths(design) / hazards.STEPS * hazards.unit(design)
    for treated, times, events in cohorts:
        people += treated.shape[1]
        for curve, now in _event_curves(log_theta, treated, times, events):
            watch.curve[:, now] += curve
            watch.look(people, now)
        watch.close(people, events.sum(axis=1))
    return watch.found(people)


def _event_curves(
    log_theta: Floats, treated: Booleans, times: Floats, events: Booleans
) -> Iterator[tuple[Floats, Integers]]:
    """log of θ^(treated) (n_t + n_c)/(θ n_t + n_c) for the next event in each run that has one, (P, those), and the runs."""
    order = np.argsort(times, axis=1)
    arm = np.take_along_axis(treated, order, axis=1)
    event = np.take_along_axis(events, order, axis=1)
    size = arm.shape[1]
    count = np.arange(size + 1)
    n_t, n_c = count[:, None], count[None, :]
    at_risk = np.maximum(n_t + n_c, 1)
    pay = np.log(np.maximum(np.exp(log_theta)[:, None, None] * n_t + n_c, 1e-300) / at_risk).reshape(log_theta.size, -1)
    left = arm.sum(axis=1)
    for place in range(size):
        now = np.flatnonzero(event[:, place])
        if now.size:
            cell = left[now] * (size + 1) + (size - place - left[now])
            yield np.outer(log_theta, arm[now, place]) - pay[:, cell], now
        left = left - arm[:, place]


def simulate_one_arm(
    design: Design, *, hazard_ratio: float, participants: int, runs: int, rng: np.random.Generator
) -> Crossings:
    """Runs of a one-arm trial with exponential times and complete follow-up. hazard_ratio: against the benchmark."""
    return simulated_one_arm(design, hazard_ratio=hazard_ratio, participants=participants, runs=runs, rng=rng).people


def simulated_one_arm(
    design: Design, *, hazard_ratio: float, participants: int, runs: int, rng: np.random.Generator
) -> Timed:
    """`simulate_one_arm`, with the number of events too."""
    watch, rate = _Watch.over(design, runs), -math.log1p(-design.baseline)
    log_theta = -hazards.turn(design) * truths(design) / hazards.STEPS * hazards.unit(design)
    step, gain = min(design.grain / design.cap, 1.0), log_theta
    if step:
        gain = np.log(np.expm1(-rate * step * np.exp(log_theta)) / math.expm1(-rate * step))
    for number in range(1, participants + 1):
        times = rng.standard_exponential(runs) / (rate * hazard_ratio)
        event = times <= 1.0
        survived = np.where(event, np.maximum(np.ceil(times / step) - 1, 0) * step if step else times, 1.0)
        watch.curve += np.outer(gain, event) - np.outer(np.expm1(log_theta), rate * survived)
        watch.look(number, np.arange(runs))
        watch.close(number, event.astype(np.int64))
    return watch.found(participants)
