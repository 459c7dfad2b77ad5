"""How many people or events a comparison needs: the fixed design's number, times the plan's inflation factor.

Sources: Fleiss, Levin & Paik (2003), "Statistical Methods for Rates and Proportions", 3rd ed., eq. 4.14 without continuity
correction (binary); Schoenfeld (1981), Biometrika 68:316-319 (events); Lachin & Foulkes (1986), Biometrics 42:507-519
(chance of an event under uniform accrual).
"""

from __future__ import annotations

import math

from scipy.special import ndtri

from trials.errors import DataError, ProtocolError
from trials.sequential.grouped.spending import check_error


def _quantiles(alpha: float, beta: float) -> tuple[float, float]:
    check_error("alpha", alpha)
    check_error("beta", beta)
    if alpha + beta >= 1.0:
        raise ProtocolError(f"beta == {beta}, must be < {1 - alpha:g}. Write 0.1 for a power of 90 %.")
    return float(-ndtri(alpha)), float(-ndtri(beta))


def _positive(name: str, value: float) -> None:
    if not (value > 0.0 and math.isfinite(value)):
        raise DataError(f"{name} == {value}, must be > 0 and finite. Give it in the plan's own unit of time.")


def binary_people(treated: float, control: float, alpha: float, beta: float, ratio: float = 1.0) -> float:
    """People in both arms, for a one-sided test of two shares at `alpha` with power 1 − beta. Not rounded.

    treated, control: the shares expected. ratio: treated per control. The variance is pooled under no effect, not pooled
    under the effect. Raises DataError for shares outside (0, 1) or equal ones, ProtocolError for error rates.
    """
    for name, share in (("treated", treated), ("control", control)):
        if not 0.0 < share < 1.0:
            raise DataError(f"{name} == {share}, must be > 0 and < 1. Give a share, such as 0.3.")
    if treated == control:
        raise DataError(
            f"treated == {treated}, must differ from control. No number of people tells equal shares apart."
        )
    _positive("ratio", ratio)
    z_alpha, z_beta = _quantiles(alpha, beta)
    pooled = (ratio * treated + control) / (1.0 + ratio)
    under_none = math.sqrt(pooled * (1.0 - pooled) * (1.0 + 1.0 / ratio))
    under_effect = math.sqrt(treated * (1.0 - treated) / ratio + control * (1.0 - control))
    controls = ((z_alpha * under_none + z_beta * under_effect) / (treated - control)) ** 2
    return controls * (1.0 + ratio)


def events(hazard_ratio: float, alpha: float, beta: float, ratio: float = 1.0) -> float:
    """Events in both arms for a one-sided logrank test: (1 + r)²/r · ((z_α + z_β)/log HR)² (Schoenfeld, 1981). Not rounded."""
    _positive("hazard_ratio", hazard_ratio)
    _positive("ratio", ratio)
    if hazard_ratio == 1.0:
        raise DataError("hazard_ratio == 1.0, must differ from 1. No number of events tells equal hazards apart.")
    z_alpha, z_beta = _quantiles(alpha, beta)
    return (1.0 + ratio) ** 2 / ratio * ((z_alpha + z_beta) / math.log(hazard_ratio)) ** 2


def event_chance(hazard: float, accrual: float, follow_up: float) -> float:
    """P(an event is seen) with a constant hazard, uniform accrual over `accrual` and `follow_up` more after the last person.

    1 − (e^{−λF} − e^{−λ(A+F)}) / (λA): Lachin & Foulkes (1986).
    """
    for name, value in (("hazard", hazard), ("accrual", accrual), ("follow_up", follow_up)):
        _positive(name, value)
    early, late = math.exp(-hazard * follow_up), -math.expm1(-hazard * accrual)
    return 1.0 - early * late / (hazard * accrual)


def people_for_events(
    number: float, control_hazard: float, hazard_ratio: float, accrual: float, follow_up: float, ratio: float = 1.0
) -> float:
    """People to enrol so that `number` events are expected by the end, both arms together. Not rounded."""
    _positive("number", number)
    _positive("hazard_ratio", hazard_ratio)
    _positive("ratio", ratio)
    control = event_chance(control_hazard, accrual, follow_up)
    treated = event_chance(control_hazard * hazard_ratio, accrual, follow_up)
    return number * (1.0 + ratio) / (ratio * treated + control)
