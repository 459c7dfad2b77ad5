"""Planned looks: group sequential tests of two arms' means with spending functions and non-binding futility.

Guarantee: P(benefit ever fires | δ ≤ 0) ≤ alpha, P(harm ever fires | δ ≥ 0) ≤ alpha and P(dud ever fires | δ ≥ δ*) ≤ beta,
over all planned looks, approximately: as numbers grow and statistics become normal (simulated .03-.06 for .05 at 100-300
people, within the limits of `planned_looks`). Nothing is judged between looks. Acting on a claim, or not, breaks no
promise of another.
Sources: Lan & DeMets (1983), Biometrika 70:659-663; Jennison & Turnbull (2000), "Group Sequential Methods", chapters 7-9.

A look is taken when the people accounted for in the sealed order, with an outcome or missing for good, reach its share of
the plan. It spends at the information that is really in: Σ n_T n_C/(n_T + n_C) over strata, over the planned; the last
look spends all that is left. Where an arm has fewer than FEWEST outcomes, or next to nothing was added, a look is passed
over and spends nothing.
The futility bound is the dud test's own, of H0: δ ≥ δ*: beta is spent on (δ* − δ) √information alone, so it holds whatever
the planned number can show and whether or not an upper bound was reached before. Where the planned number is too small for
the power 1 − beta, a trial may end with neither claim: `planned_looks.operating` says how often.
"""

from __future__ import annotations

import math
from functools import lru_cache
from typing import Any

from trials.errors import DataError
from trials.evidence import CLAIMS, Claim
from trials.sequential import blocks
from trials.sequential.design import Design, Method, Reading, State, Unit
from trials.sequential.grouped.after_stopping import bias_adjusted, drift_at, repeated_p, stagewise_p
from trials.sequential.grouped.boundaries import Bounds
from trials.sequential.grouped.difference import Comparison, Stratum, rejected_up_to, standard_error, z_score
from trials.sequential.grouped.planned_looks import FEWEST, admit, error_of, planned, planned_information, spends
from trials.sequential.grouped.planned_looks import bounds as planned_bounds
from trials.sequential.grouped.spending import SMALLEST_STEP

NOT_YET = "no planned look has been taken yet"
NO_FUTILITY = "the plan has no futility boundary"
BY_LOOKS = "boundaries at planned looks"


def start(design: Design) -> State:
    ends = dict(zip(blocks.ENDS, (-1.0, 1.0, 1.0), strict=True))
    return {"accounted": 0, "people": 0, "strata": {}, "looks": [], "ended": False, "crossed": {}, **ends}


def step(design: Design, state: State, units: tuple[Unit, ...]) -> State:
    """The state after these participants, in the sealed order; a look is taken where one is planned."""
    places = planned(design)
    state = {
        **state,
        "strata": {name: {arm: list(sums) for arm, sums in arms.items()} for name, arms in state["strata"].items()},
        "looks": list(state["looks"]),
        "crossed": dict(state["crossed"]),
    }
    for unit in units:
        _count(design, state, unit)
        if state["accounted"] in places and not state["ended"]:
            state["ended"] = state["accounted"] == places[-1]
            _look(design, state)
    return state


def _count(design: Design, state: State, unit: Unit) -> None:
    """One more participant. Raises DataError for a loss outside [0, 1]."""
    state["accounted"] += 1
    if unit.loss is None:
        return
    if not 0.0 <= unit.loss <= 1.0:
        raise DataError(f"loss == {unit.loss}, must be from 0 to 1: the value is outside what the plan was sealed for.")
    state["people"] += 1
    empty: dict[str, list[float]] = {"t": [0, 0.0, 0.0], "c": [0, 0.0, 0.0]}
    sums = state["strata"].setdefault(unit.stratum if design.several else "", empty)[unit.arm]
    sums[0] += 1
    sums[1] += unit.loss
    sums[2] += unit.loss * unit.loss


def _compared(design: Design, state: State) -> Comparison:
    """The strata that have people in both arms."""
    strata = [
        Stratum(*arms["t"], *arms["c"]) for _, arms in sorted(state["strata"].items()) if arms["t"][0] and arms["c"][0]
    ]
    return Comparison(tuple(strata), design.values == "binary")


def _look(design: Design, state: State) -> None:
    """Takes a look at the state's sums, unless there is too little to see (then it spends nothing)."""
    comparison = _compared(design, state)
    if not comparison.strata or min(comparison.people) < FEWEST:
        return
    error = standard_error(comparison)
    t = comparison.information / planned_information(design)
    before = [look["t"] for look in state["looks"]]
    if t - (before[-1] if before else 0.0) < SMALLEST_STEP or (error == 0.0 and not comparison.binary):
        return
    fractions = (*before, t)
    bounds = {claim: planned_bounds(design, claim, fractions, state["ended"])[-1] for claim in ("benefit", "dud")}
    zero = z_score(comparison, 0.0)
    look = {
        "n": state["people"],
        "t": t,
        "z": {"benefit": zero, "dud": -z_score(comparison, design.worthwhile), "harm": 0.0 - zero},
        "bound": bounds,
        "estimate": comparison.estimate,
        "error": error,
        "final": state["ended"],
    }
    state["looks"].append(look)
    fired = {claim for claim in _judged(design) if _reached(look, claim)}
    for claim in CLAIMS:
        if claim in fired:
            state["crossed"].setdefault(claim, state["people"])
    _narrow(design, state, comparison, look, fired)


def _judged(design: Design) -> tuple[str, ...]:
    return CLAIMS if design.futility else ("benefit", "harm")


def _bound(look: dict[str, Any], claim: str) -> float | None:
    bound: float | None = look["bound"]["dud" if claim == "dud" else "benefit"]
    return bound


def _reached(look: dict[str, Any], claim: str) -> bool:
    bound = _bound(look, claim)
    return bound is not None and bool(look["z"][claim] >= bound)


def _narrow(design: Design, state: State, comparison: Comparison, look: dict[str, Any], fired: set[str]) -> None:
    """Repeated confidence interval (Jennison & Turnbull, 1989): the effects that no look so far rejects."""
    turned = comparison.turned()
    upper, dud = _bound(look, "benefit"), _bound(look, "dud")
    if upper is not None:
        low = _agree(rejected_up_to(comparison, upper), 0.0, "benefit" in fired)
        high = 0.0 - _agree(rejected_up_to(turned, upper), 0.0, "harm" in fired)
        state["low"], state["high"] = max(state["low"], low), min(state["high"], high)
    if dud is not None:
        top = rejected_up_to(turned, dud)
        top = _agree(top, -design.worthwhile, "dud" in fired) if design.futility else top
        state["top"] = min(state["top"], 0.0 - top)


def _agree(end: float, margin: float, rejected: bool) -> float:
    """An interval's end on the same side of a margin as the claim's own test, where rounding would have it otherwise."""
    if rejected:
        return max(end, margin)
    return min(end, math.nextafter(margin, -math.inf))


def read(design: Design, state: State) -> Reading:
    looks = state["looks"]
    claims = {claim: _claim(design, state, claim) for claim in CLAIMS}
    if not looks:
        return Reading(claims, None, None, 0)
    return Reading(claims, *blocks.interval(state), len(looks), _estimate(design, state))


def _claim(design: Design, state: State, claim: str) -> Claim:
    threshold = 1 / error_of(design, claim)
    if claim not in _judged(design):
        return Claim(None, None, threshold, None, NO_FUTILITY)
    if not state["looks"]:
        return Claim(None, None, threshold, None, NOT_YET)
    zs, fractions = tuple(look["z"][claim] for look in state["looks"]), tuple(look["t"] for look in state["looks"])
    bounds = tuple(_bound(look, claim) for look in state["looks"])
    p = _p(design, claim, fractions, zs, bounds, state["looks"][-1]["final"])
    return Claim(None, p, threshold, state["crossed"].get(claim), BY_LOOKS)


@lru_cache(maxsize=4096)
def _p(
    design: Design, claim: str, fractions: tuple[float, ...], zs: tuple[float, ...], bounds: Bounds, final: bool
) -> float:
    """The stagewise p-value of the look at which the claim fired; until then the repeated one, which never rises."""
    for k, (z, bound) in enumerate(zip(zs, bounds, strict=True)):
        if bound is not None and z >= bound:
            return stagewise_p(fractions[: k + 1], bounds[:k], (None,) * k, z)

    def at(error: float) -> list[float]:
        return spends(design, claim, fractions, final, error)

    return repeated_p(fractions, zs, at, above=error_of(design, claim))


def _decisive(design: Design, state: State) -> tuple[int, bool] | None:
    """The look at which the trial stopped, and whether it kept to dud's bounds before; None as long as it goes on.

    The first look with benefit or harm, else the last planned one, or the latest if dud has fired. Once a trial has gone
    on beyond a dud its bounds can't have been a reason to stop.
    """
    looks = state["looks"]
    decisive = [k for k, look in enumerate(looks) if _reached(look, "benefit") or _reached(look, "harm")]
    duds = [k for k, look in enumerate(looks) if design.futility and _reached(look, "dud")]
    if not looks or not (decisive or duds or state["ended"]):
        return None
    k = decisive[0] if decisive else len(looks) - 1
    return k, bool(design.futility) and not any(dud < k for dud in duds)


def _estimate(design: Design, state: State) -> float:
    """Median unbiased once the trial has stopped; before, the plain estimate of the latest look."""
    looks = state["looks"]
    stop = _decisive(design, state)
    k, kept_to = stop if stop is not None else (len(looks) - 1, False)
    look = looks[k]
    estimate, error = float(look["estimate"]), float(look["error"])
    if stop is None or k == 0 or error == 0.0:
        return estimate
    upper = tuple(_bound(one, "benefit") for one in looks[:k])
    lower = tuple(_lowest(design, one, kept_to) for one in looks[:k])
    drift = drift_at([one["t"] for one in looks[: k + 1]], upper, lower, estimate / error, 0.5)
    return drift * error * math.sqrt(float(look["t"]))


def mean_adjusted(design: Design, state: State) -> float | None:
    """Whitehead's bias-adjusted estimate of δ once the trial has stopped, looks to come as planned; None before."""
    stop = _decisive(design, state)
    looks = state["looks"]
    if stop is None or looks[stop[0]]["error"] == 0.0:
        return None
    (k, kept_to), look = stop, looks[stop[0]]
    done = tuple(one["t"] for one in looks[: k + 1])
    coming = () if look["final"] else tuple(t for t in design.looks if t > done[-1] + 0.01)
    times = (*done, *coming)
    scale = float(look["error"]) * math.sqrt(float(look["t"]))
    rises = [_bound(one, "benefit") for one in looks[: k + 1]]
    falls = [_lowest(design, one, kept_to) for one in looks[: k + 1]]
    if coming:
        upper, dud = (planned_bounds(design, claim, times, True) for claim in ("benefit", "dud"))
        for place in range(k + 1, len(times)):
            expected = {"error": scale / math.sqrt(times[place]), "bound": {"benefit": upper[place], "dud": dud[place]}}
            rises.append(upper[place])
            falls.append(_lowest(design, expected, kept_to))
    drift = bias_adjusted(times, tuple(rises), tuple(falls), k + 1, float(look["estimate"]) / float(look["error"]))
    return drift * scale


def _lowest(design: Design, look: dict[str, Any], kept_to: bool) -> float | None:
    """The statistic at or below which a trial stopped at this look: for harm, or as a dud while those bounds are kept to."""
    upper, dud = _bound(look, "benefit"), _bound(look, "dud")
    harm = None if upper is None else -upper
    if not kept_to or dud is None or look["error"] == 0.0:
        return harm
    floor = design.worthwhile / float(look["error"]) - dud
    floor = floor if harm is None else max(floor, harm)
    return floor if upper is None else min(floor, upper)


METHOD = Method(
    name="group-sequential",
    kinds=("binary", "score", "amount"),
    guarantee=(
        "P(the claim ever fires) ≤ its error rate under its null hypothesis over all planned looks, approximately: as "
        "numbers grow and the test statistics become jointly normal"
    ),
    start=start,
    step=step,
    read=read,
    designs=("two_arm",),
    admit=admit,
    asymptotic=True,
    evidence="boundaries",
)
