"""A plan with planned looks: when they are, what it may look like, its bounds, and what it can tell.

Sources: Lan & DeMets (1983), Biometrika 70:659-663; Jennison & Turnbull (2000), "Group Sequential Methods", chapter 7.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import lru_cache

from trials.errors import ProtocolError
from trials.sequential.design import Design
from trials.sequential.grouped.boundaries import Bounds, crossing, spending_bounds
from trials.sequential.grouped.spending import RANGES, check_error, check_information, check_shape, spent

# The normal approximation is not trusted with fewer outcomes in an arm; with fewer losses (or gains) expected in an arm by
# the end; or, where unequal arms meet skewed scores or amounts, with fewer outcomes in the smaller arm at the first look.
# Simulated for alpha .05, looks at quarters: at most .061 within these limits, .071 and .078 outside.
FEWEST = 10
FEWEST_EVENTS = 5
FEWEST_UNEQUAL = 50
UNEQUAL = 1.5


@dataclass(frozen=True, slots=True)
class Operating:
    """What a plan does, by the normal approximation: chances that a trial stops for benefit, or as a dud, first."""

    promote_worthwhile: float
    drop_worthwhile: float
    promote_none: float
    drop_none: float


@lru_cache(maxsize=64)
def planned(design: Design) -> tuple[int, ...]:
    """People accounted for at each planned look. Raises ProtocolError as `admit` does."""
    admit(design)
    return _places(design)


def _places(design: Design) -> tuple[int, ...]:
    # A share such as .55 of 100 people is a little over 55 in floating point.
    return tuple(math.ceil(share * design.most - 1e-9) for share in design.looks)


def admit(design: Design) -> None:
    """Raises ProtocolError unless this plan's looks can be judged."""
    if design.values not in ("binary", "bounded") or design.n_t < 1 or design.n_c < 1:
        raise ProtocolError(
            'monitoring.method == "group-sequential", must be anytime here: planned looks are for two arms with binary, '
            "score or amount outcomes. Write anytime."
        )
    if design.margin > 0.0:
        raise ProtocolError(
            'monitoring.method == "group-sequential", must be anytime for a guardrail: a breach is watched for all the '
            "time, not at planned looks. Write anytime."
        )
    fractions = check_information(design.looks)
    if fractions[-1] != 1.0:
        raise ProtocolError(f"looks == {fractions[-1]:g} at the end, must be 1. Give shares of the planned people.")
    for name, error in (("alpha", design.alpha), ("beta", design.beta)):
        check_error(name, error)
    _check_shapes(design)
    _check_numbers(design)
    if len(set(_places(design))) < len(fractions):
        raise ProtocolError(
            f"looks == {len(fractions)} among {design.most} people, must lie at least one person apart. Plan fewer looks."
        )


def _check_numbers(design: Design) -> None:
    """Raises ProtocolError where the normal approximation would have too little to stand on."""
    small, large = sorted((design.n_t, design.n_c))
    share = small / (small + large)
    fewest = FEWEST_UNEQUAL if design.values == "bounded" and large > UNEQUAL * small else FEWEST
    if _places(design)[0] * share < fewest:
        raise ProtocolError(
            f"looks == {design.looks[0]:g} of {design.most} people at first, must give each arm at least {fewest}: the normal "
            f"approximation needs them. Look first at {math.ceil(fewest / share)} people or later."
        )
    rare = min(design.baseline, 1.0 - design.baseline)
    if design.values == "binary" and design.most * share * rare < FEWEST_EVENTS:
        raise ProtocolError(
            f"people == {design.most} with a baseline of {design.baseline:g}, must let each arm expect at least "
            f"{FEWEST_EVENTS} of the rarer outcome: the normal approximation needs them. Write anytime, which is exact."
        )


def _check_shapes(design: Design) -> None:
    shapes = [design.spending, *([design.futility] if design.futility else [])]
    for shape in shapes:
        check_shape(shape, _parameter(design, shape))
    if design.spending_parameter is not None and not set(shapes) & set(RANGES):
        check_shape(design.spending, design.spending_parameter)


def _parameter(design: Design, shape: str) -> float | None:
    return design.spending_parameter if shape in RANGES or shape == "" else None


def operating(design: Design) -> Operating:
    """The plan's chances if all planned people have an outcome with the plan's spread. Raises as `admit` does."""
    planned(design)
    fractions = tuple(design.looks)
    drift = design.worthwhile * math.sqrt(planned_information(design) / design.spread)
    upper = bounds(design, "benefit", fractions, True)
    lower: Bounds = (None,) * len(fractions)
    if design.futility:
        dud = bounds(design, "dud", fractions, True)
        lower = tuple(
            None if c is None else min(drift * math.sqrt(t) - c, math.inf if u is None else u)
            for t, c, u in zip(fractions, dud, upper, strict=True)
        )
    there, none = (crossing(fractions, upper, lower, truth) for truth in (drift, 0.0))
    return Operating(math.fsum(there.up), math.fsum(there.down), math.fsum(none.up), math.fsum(none.down))


def planned_information(design: Design) -> float:
    """Σ n_T n_C/(n_T + n_C) of all planned people, in units of 1 / variance of one loss."""
    return design.most * design.n_t * design.n_c / (design.n_t + design.n_c) ** 2


def error_of(design: Design, claim: str) -> float:
    """The error rate that a claim must keep: beta for dud, alpha for benefit and harm."""
    return design.beta if claim == "dud" else design.alpha


def spends(design: Design, claim: str, fractions: tuple[float, ...], final: bool, error: float) -> list[float]:
    """Cumulative error spent by each look; without futility the interval's upper end spends beta as benefit does alpha."""
    shape = (design.futility or design.spending) if claim == "dud" else design.spending
    used = [spent(shape, t, error, _parameter(design, shape)) for t in fractions]
    return [*used[:-1], error] if final else used


@lru_cache(maxsize=4096)
def bounds(design: Design, claim: str, fractions: tuple[float, ...], final: bool) -> Bounds:
    """Upper bounds of a claim's own statistic at these information fractions; final: the last look spends all that is left."""
    return spending_bounds(fractions, spends(design, claim, fractions, final, error_of(design, claim)))
