"""trial_health(): is the trial as a whole in good order? One row of vital signs a trial, judged by suites/health.json."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from expectations import engine

# Fewer than this many outcomes due, or rows received, and a share of them says nothing yet.
FEWEST_FOR_A_SHARE = 20


@dataclass(frozen=True, slots=True)
class ArmVitals:
    """One arm. allocation: its planned share of each block; observed, missing: people settled with and without outcome."""

    arm: str
    allocation: int
    enrolled: int
    observed: int
    missing: int


@dataclass(frozen=True, slots=True)
class Vitals:
    """One trial's vital signs. received and quarantined: rows over all of its deliveries."""

    trial: str
    arms: tuple[ArmVitals, ArmVitals]
    received: int
    quarantined: int


def trial_health(vitals: Sequence[Vitals]) -> dict[str, tuple[str, ...]]:
    """Per trial, plain sentences of what is wrong; empty = nothing found. One batch for all trials.

    Raises ChecksError when the checks could not be evaluated: health unknown is never shown as healthy.
    """
    suite = engine.load("health")
    found = engine.reasons(suite, [_facts(one) for one in vitals])
    return {one.trial: sentences for one, sentences in zip(vitals, found, strict=True)}


def sample_ratio_p(first: ArmVitals, second: ArmVitals) -> float | None:
    """P(a split at least as unlikely | allocation as planned), the exact two-sided binomial test; None with nobody in."""
    from scipy.stats import binomtest

    people = first.enrolled + second.enrolled
    if people == 0:
        return None
    share = first.allocation / (first.allocation + second.allocation)
    return float(binomtest(first.enrolled, people, share).pvalue)


def missing_p(first: ArmVitals, second: ArmVitals) -> float | None:
    """P(missing at least as unequally | alike in both arms), Fisher's exact test; None with nobody settled in an arm."""
    from scipy.stats import fisher_exact

    if 0 in (first.observed + first.missing, second.observed + second.missing):
        return None
    table = [[first.observed, first.missing], [second.observed, second.missing]]
    return float(fisher_exact(table).pvalue)


def _facts(vitals: Vitals) -> dict[str, object]:
    first, second = vitals.arms
    missing = sum(arm.missing for arm in vitals.arms)
    due = missing + sum(arm.observed for arm in vitals.arms)
    return {
        "sample_ratio_p": sample_ratio_p(first, second),
        "enrolled": " and ".join(f"{arm.enrolled} ({arm.arm})" for arm in vitals.arms),
        "planned": f"{first.allocation} : {second.allocation}",
        "missing_p": missing_p(first, second),
        "missing": " and ".join(f"{arm.missing} of {arm.observed + arm.missing} in {arm.arm}" for arm in vitals.arms),
        "missing_share": _share(missing, due),
        "received": vitals.received,
        "quarantined": vitals.quarantined,
        "quarantined_share": _share(vitals.quarantined, vitals.received),
    }


def _share(part: int, whole: int) -> float | None:
    return part / whole if whole >= FEWEST_FOR_A_SHARE else None
