"""How trials of a design go if an effect is true: exactly where counts allow, else by simulation. For planning.

A course is what happens to repeated trials that people leave at the first claim: harm goes before all, benefit and dud at
once put the decision into people's hands. `play` picks the way: dynamic programming for binary outcomes in one stratum,
numerical integration for planned looks, the methods' own simulators of many streams, and for any other method `generic`,
which feeds it people one trial after another.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Literal

import numpy as np
from scipy.special import ndtri

from trials.evidence import CLAIMS
from trials.sequential import one_arm_count
from trials.sequential.bets import Floats
from trials.sequential.design import Design, Method, Unit
from trials.sequential.grouped import planned_looks, recursion
from trials.sequential.operating import count_streams, exact, streams, streams_bounded, time_streams, truths
from trials.sequential.operating.exact import Endings
from trials.sequential.operating.streams import NEVER, Crossings

How = Literal["exact", "integrated", "simulated"]
# Of how many trials it is told by how many people they have ended.
SHARES = (0.1, 0.5, 0.9)
# Exact figures for at most so many looks; with more, simulation, and looks so far apart that there are so many.
EXACT_LOOKS, MOST_LOOKS = 1_500, 2_000
# `generic` hands over so many people at a time, and stops between them.
CHUNK = 50
MOST_STEPS = 10
ONE_STRATUM: tuple[str, ...] = (
    "bounded-mixture",
    "one-arm-bounded",
    "one-arm-count",
    "normal-mixture",
    "count-mixture",
    "count-block",
    "logrank-mixture",
    "one-arm-time",
)


@dataclass(frozen=True, slots=True)
class Course:
    """promote, drop, harm: shares of trials that end so; the rest can't tell. participants: the mean number at the end.

    stops: by how many participants 10, 50 and 90 % have ended. how: 'exact', 'integrated' (normal approximation) or
    'simulated', with the number of runs. participants_error: Monte Carlo standard error, 0 without simulation.
    """

    promote: float
    drop: float
    harm: float
    participants: float
    stops: tuple[int, int, int]
    how: How
    runs: int = 0
    participants_error: float = 0.0

    @property
    def cant_tell(self) -> float:
        return max(0.0, 1.0 - self.promote - self.drop - self.harm)

    def error(self, share: float) -> float:
        """Monte Carlo standard error of one of the shares."""
        return streams.share_error(share, self.runs) if self.runs else 0.0


Play = Callable[[float], Course]


def play(
    design: Design, method: Method, effect: float, *, participants: int, runs: int, seed: int, strata: int = 1
) -> Course:
    """The course of such trials of at most so many people if δ = effect (on the method's scale, inside `truths.limits`).

    Simulations are seeded, the same for every effect, so that courses of two effects differ by the effect alone.
    """
    control, treated = truths.rates(design, effect)
    if method.evidence == "boundaries":
        return integrated(design, effect)
    rng = np.random.Generator(np.random.PCG64(seed))
    if method.name in ("binary-mixture", "one-arm-binary"):
        looks = participants // (design.n_t + design.n_c)
        if not design.several and looks <= EXACT_LOOKS:
            return of_endings(exact.endings(design, control=control, treated=treated, participants=participants))
        sample = {"control": control, "treated": treated, "participants": participants, "runs": runs, "rng": rng}
        stride = max(1, math.ceil(looks / MOST_LOOKS))
        return of_crossings(streams.simulate(design, **sample, strata=strata, stride=stride))  # type: ignore[arg-type]
    if method.name in ONE_STRATUM:
        return of_crossings(_streamed(design, method, effect, participants, runs, rng))

    def draw(rng: np.random.Generator) -> tuple[Unit, ...]:
        return truths.people(design, effect, participants, rng, strata)

    return of_crossings(generic(design, method, draw, runs, rng))


def _streamed(
    design: Design, method: Method, effect: float, participants: int, runs: int, rng: np.random.Generator
) -> Crossings:
    """By the simulators that the methods bring with them: one stratum, with the stakes of a plan with several if it has."""
    control, treated = truths.rates(design, effect)
    if design.values == "time":
        one = time_streams.simulate_one_arm if design.n_c == 0 else time_streams.simulate
        return one(design, hazard_ratio=treated / control, participants=participants, runs=runs, rng=rng)
    if design.values == "count" and design.n_c:
        return count_streams.simulate(
            design,
            control=control,
            treated=treated,
            dispersion=(design.spread - 1.0) / design.baseline,
            participants=participants,
            runs=runs,
            rng=rng,
            likelihood=method.name == "count-block",
        )
    if design.n_c == 0:
        scaled = one_arm_count.scaled(design) if design.values == "count" else design
        arm = _losses(design, treated)
        return streams_bounded.simulate_one_arm(scaled, treated=arm, participants=participants, runs=runs, rng=rng)
    simulate = streams_bounded.simulate_normal if method.name == "normal-mixture" else streams_bounded.simulate
    arms = {"control": _losses(design, control), "treated": _losses(design, treated)}
    return simulate(design, **arms, participants=participants, runs=runs, rng=rng)


def _losses(design: Design, mean: float) -> streams_bounded.Draw:
    """Losses in [0, 1] of people with this mean; of counts the capped rates."""

    def draw(rng: np.random.Generator, shape: tuple[int, ...]) -> Floats:
        values, _ = truths.drawn(design, mean, shape, rng)
        if design.values != "count":
            return values
        shares = np.minimum(values, design.cap) / design.cap
        return 1.0 - shares if design.higher else shares

    return draw


def generic(
    design: Design,
    method: Method,
    draw: Callable[[np.random.Generator], tuple[Unit, ...]],
    runs: int,
    rng: np.random.Generator,
    progress: Callable[[int], None] | None = None,
) -> Crossings:
    """Any registered method, trial by trial: what its reading says fired, and when. A trial ends at its first claim.

    draw(rng): one whole trial's participants in their order; without missing ones, so that people are participants.
    progress(run) is told each trial that is done. O(runs) times the method's own cost.
    """
    fired = {claim: np.full(runs, NEVER, dtype=np.int64) for claim in CLAIMS}
    most = 0
    for run in range(runs):
        units, state = draw(rng), method.start(design)
        most = len(units)
        for first in range(0, most, CHUNK):
            state = method.step(design, state, units[first : first + CHUNK])
            claims = method.read(design, state).claims
            if any(claim.fired for claim in claims.values()):
                for name in CLAIMS:
                    at = claims[name].crossed_at_n
                    fired[name][run] = NEVER if at is None else at
                break
        if progress is not None:
            progress(run + 1)
    return Crossings(fired, most)


def of_endings(found: Endings) -> Course:
    """The course of an exact calculation."""
    stops = (found.quantile(SHARES[0]), found.quantile(SHARES[1]), found.quantile(SHARES[2]))
    promote, drop, harm = (found.chance(claim) for claim in ("benefit", "dud", "harm"))
    return Course(promote, drop, harm, found.participants, stops, "exact")


def of_crossings(found: Crossings) -> Course:
    """The course of simulated trials that end at the first claim."""
    first = found.first(*CLAIMS)
    at = {claim: np.where(stops == NEVER, found.most + 1, stops) for claim, stops in found.by_claim.items()}
    reached = np.min([at[claim] for claim in CLAIMS], axis=0)
    ended = reached <= found.most
    harm = ended & (at["harm"] == reached)
    benefit, dud = (ended & ~harm & (at[claim] == reached) for claim in ("benefit", "dud"))
    promote, drop, harmed = (float(np.mean(fires)) for fires in (benefit & ~dud, dud & ~benefit, harm))
    low, middle, high = (int(stop) for stop in np.quantile(first, SHARES, method="inverted_cdf"))
    error = float(np.std(first) / math.sqrt(first.size))
    mean = float(np.mean(first))
    return Course(promote, drop, harmed, mean, (low, middle, high), "simulated", first.size, error)


def integrated(design: Design, effect: float) -> Course:
    """The course of a plan with planned looks by numerical integration: normal statistics, the planned information.

    At each look benefit = above the upper bound, harm = below its mirror image, dud = below the futility bound, which the
    method keeps for dud's own null. Raises ProtocolError as `planned_looks.admit` does.
    """
    times, people = tuple(design.looks), planned_looks.planned(design)
    control, treated = (truths.variance(design, mean) for mean in truths.rates(design, effect))
    size = design.n_t + design.n_c
    error = math.sqrt((control / design.n_c + treated / design.n_t) * size / design.most)
    drift = effect / error
    upper = planned_looks.bounds(design, "benefit", times, True)
    dud = planned_looks.bounds(design, "dud", times, True) if design.futility else (None,) * len(times)
    ends: dict[str, list[float]] = {claim: [] for claim in CLAIMS}
    cloud = recursion.begin()
    for k, t in enumerate(times):
        high = math.inf if upper[k] is None else float(upper[k] or 0.0)
        floor = -math.inf if dud[k] is None else design.worthwhile / error * math.sqrt(t) - float(dud[k] or 0.0)
        low = min(max(floor, -high), high)
        ends["benefit"].append(recursion.above(cloud, t, high, drift) if high < math.inf else 0.0)
        ends["harm"].append(recursion.below(cloud, t, -high, drift) if high < math.inf else 0.0)
        fallen = recursion.below(cloud, t, low, drift) if low > -math.inf else 0.0
        ends["dud"].append(max(fallen - ends["harm"][-1], 0.0))
        if k + 1 < len(times):
            bounds = (None if low == -math.inf else low), (None if high == math.inf else high)
            cloud = recursion.go_on(cloud, t, *bounds, drift, times[k + 1])
    stops = {claim: np.array(chances) for claim, chances in ends.items()}
    full = max(0.0, 1.0 - math.fsum(math.fsum(chances) for chances in stops.values()))
    found = of_endings(Endings(stops, full, np.array(people, dtype=np.int64), math.nan))
    return replace(found, how="integrated")


def smallest_shown(at: Play, power: float, *, guess: float, most: float) -> float | None:
    """The smallest effect that is promoted with this chance; None when even the largest possible is not.

    at(effect) -> Course. Newton's steps on the probit of the chance, which is nearly a line in the effect, in a bracket; as
    near as the simulations can tell.
    """
    goal, low, high, top = float(ndtri(power)), 0.0, math.inf, most * (1 - 1e-6)
    effect, before = min(guess, top), (0.0, -1.9)
    for _ in range(MOST_STEPS):
        course = at(effect)
        reached = float(ndtri(min(max(course.promote, 1e-9), 1 - 1e-9)))
        if abs(course.promote - power) < max(0.002, course.error(power)):
            return effect
        if course.promote < power and effect >= top:
            return None
        low, high = (effect, high) if course.promote < power else (low, min(effect, high))
        slope = (reached - before[1]) / (effect - before[0])
        before = effect, reached
        wanted = effect + (goal - reached) / slope if slope > 0 else math.nan
        inside = low < wanted < high and (high < math.inf or wanted <= 2 * effect)
        effect = min(wanted if inside else (low + high) / 2 if high < math.inf else 1.5 * effect, top)
    return high if high < math.inf else None
