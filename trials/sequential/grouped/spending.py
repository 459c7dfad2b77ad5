"""Spending functions: how much of an error rate may be used up by the time a share t of the information is in.

f(t) rises from 0 to the error rate at t = 1. The same four shapes spend alpha (promoting nothing that does not work) and
beta (dropping nothing that is worthwhile).
Sources: Lan & DeMets (1983), Biometrika 70:659-663; Kim & DeMets (1987), Biometrika 74:149-154; Hwang, Shih & DeCani
(1990), Statistics in Medicine 9:1439-1445.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence

from scipy.special import ndtr, ndtri

from trials.errors import DataError, ProtocolError

# Two looks closer than this share of the planned information are one look.
SMALLEST_STEP = 1e-3
MOST_LOOKS = 100
# The parameter's open range of those shapes that have one: rho of Kim & DeMets, gamma of Hwang, Shih & DeCani.
RANGES = {"kim-demets": (0.0, 50.0), "hwang-shih-decani": (-50.0, 50.0)}


def _obrien_fleming(t: float, error: float, parameter: float) -> float:
    """2 (1 − Φ(z_{1−error/2} / √t)): Lan & DeMets (1983), α₁*."""
    return 2.0 * float(ndtr(ndtri(error / 2.0) / math.sqrt(t)))


def _pocock(t: float, error: float, parameter: float) -> float:
    """error · ln(1 + (e − 1) t): Lan & DeMets (1983), α₂*."""
    return error * math.log1p((math.e - 1.0) * t)


def _kim_demets(t: float, error: float, parameter: float) -> float:
    """error · t^ρ: Kim & DeMets (1987)."""
    return float(error * t**parameter)


def _hwang_shih_decani(t: float, error: float, parameter: float) -> float:
    """error (1 − e^{−γt}) / (1 − e^{−γ}), error · t at γ = 0: Hwang, Shih & DeCani (1990)."""
    return error * t if parameter == 0.0 else error * math.expm1(-parameter * t) / math.expm1(-parameter)


SHAPES: dict[str, Callable[[float, float, float], float]] = {
    "obrien-fleming": _obrien_fleming,
    "pocock": _pocock,
    "kim-demets": _kim_demets,
    "hwang-shih-decani": _hwang_shih_decani,
}


def spent(name: str, t: float, error: float, parameter: float | None = None) -> float:
    """The error used up by information fraction t > 0; all of it from t = 1 on.

    Raises ProtocolError for an unknown name, an error rate outside (0, 1) or a parameter out of range; DataError for a t
    that is not positive.
    """
    check_shape(name, parameter)
    check_error("error", error)
    if not t > 0.0:
        raise DataError(f"information == {t}, must be > 0. Give the share of the planned information that is in.")
    return error if t >= 1.0 else min(error, SHAPES[name](t, error, 0.0 if parameter is None else parameter))


def check_shape(name: str, parameter: float | None) -> None:
    """Raises ProtocolError unless `name` is a spending function and `parameter` one that it takes."""
    if name not in SHAPES:
        raise ProtocolError(f'spending == "{name}", must be one of {", ".join(SHAPES)}. Write obrien-fleming.')
    if name not in RANGES:
        if parameter is not None:
            raise ProtocolError(f"parameter == {parameter}, must be left out for {name}. It has none.")
        return
    low, high = RANGES[name]
    if parameter is None or not low < parameter < high:
        raise ProtocolError(
            f"parameter == {parameter}, must be > {low:g} and < {high:g} for {name}. "
            f"Write {'3 for t cubed' if name == 'kim-demets' else '-4 for late spending, 1 for early'}."
        )


def check_error(name: str, error: float) -> None:
    """Raises ProtocolError unless an error rate lies within (0, 1)."""
    if not 0.0 < error < 1.0:
        raise ProtocolError(f"{name} == {error}, must be > 0 and < 1. Write 0.025 for 2.5 %.")


def check_information(fractions: Sequence[float]) -> tuple[float, ...]:
    """Information fractions as a tuple. Raises ProtocolError unless they rise within (0, 1] by at least SMALLEST_STEP."""
    given = tuple(float(t) for t in fractions)
    _check_looks(len(given))
    before = 0.0
    for t in given:
        if not (before + SMALLEST_STEP <= t <= 1.0):
            raise ProtocolError(
                f"information == {t:g} after {before:g}, must be at least {SMALLEST_STEP:g} more and at most 1. "
                "Write rising fractions, such as 0.25,0.5,0.75,1."
            )
        before = t
    return given


def equally_spaced(looks: int) -> tuple[float, ...]:
    """Information fractions 1/K, 2/K, ..., 1. Raises ProtocolError unless 1 ≤ K ≤ MOST_LOOKS."""
    _check_looks(looks)
    return check_information([k / looks for k in range(1, looks + 1)])


def _check_looks(looks: int) -> None:
    if not 1 <= looks <= MOST_LOOKS:
        raise ProtocolError(f"looks == {looks}, must be from 1 to {MOST_LOOKS}. Five looks are plenty for most trials.")
