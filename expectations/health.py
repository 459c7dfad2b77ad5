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
    """One trial's vital signs, over any number of arms. received and quarantined: rows over all of its deliveries."""

    trial: str
    arms: tuple[ArmVitals, ...]
    received: int
    quarantined: int


def trial_health(vitals: Sequence[Vitals]) -> dict[str, tuple[str, ...]]:
    """Per trial, plain sentences of what is wrong; empty = nothing found. One batch for all trials.

    Raises ChecksError when the checks could not be evaluated: health unknown is never shown as healthy.
    """
    suite = engine.load("health")
    found = engine.reasons(suite, [_facts(one) for one in vitals])
    return {one.trial: sentences for one, sentences in zip(vitals, found, strict=True)}


def sample_ratio_p(*arms: ArmVitals) -> float | None:
    """P(a split at least as unlikely | allocation as planned); None with one arm or nobody in.

    Two arms: the exact two-sided binomial test. More: that of each arm against the others, by Bonferroni over the arms.
    """
    from scipy.stats import binomtest

    people, blocks = sum(arm.enrolled for arm in arms), sum(arm.allocation for arm in arms)
    if len(arms) < 2 or people == 0:
        return None
    return _smallest(
        [float(binomtest(arm.enrolled, people, arm.allocation / blocks).pvalue) for arm in _compared(arms)]
    )


def missing_p(*arms: ArmVitals) -> float | None:
    """P(missing at least as unequally | alike in all arms); None with one arm, or an arm in which nobody is settled.

    Two arms: Fisher's exact test. More: that of each arm against the others together, by Bonferroni over the arms.
    """
    from scipy.stats import fisher_exact

    if len(arms) < 2 or any(arm.observed + arm.missing == 0 for arm in arms):
        return None
    observed, missing = sum(arm.observed for arm in arms), sum(arm.missing for arm in arms)
    tables = [
        [[arm.observed, arm.missing], [observed - arm.observed, missing - arm.missing]] for arm in _compared(arms)
    ]
    return _smallest([float(fisher_exact(table).pvalue) for table in tables])


def _compared(arms: Sequence[ArmVitals]) -> Sequence[ArmVitals]:
    """The arms to hold against the others: of two, the second would say what the first did."""
    return arms[:1] if len(arms) == 2 else arms


def _smallest(p_values: Sequence[float]) -> float:
    return min(1.0, len(p_values) * min(p_values))


def _facts(vitals: Vitals) -> dict[str, object]:
    missing = sum(arm.missing for arm in vitals.arms)
    due = missing + sum(arm.observed for arm in vitals.arms)
    return {
        "sample_ratio_p": sample_ratio_p(*vitals.arms),
        "enrolled": _listed([f"{arm.enrolled} ({arm.arm})" for arm in vitals.arms]),
        "planned": " : ".join(str(arm.allocation) for arm in vitals.arms),
        "missing_p": missing_p(*vitals.arms),
        "missing": _listed([f"{arm.missing} of {arm.observed + arm.missing} in {arm.arm}" for arm in vitals.arms]),
        "missing_share": _share(missing, due),
        "received": vitals.received,
        "quarantined": vitals.quarantined,
        "quarantined_share": _share(vitals.quarantined, vitals.received),
    }


def _listed(parts: Sequence[str]) -> str:
    """'a, b and c'."""
    return " and ".join(filter(None, [", ".join(parts[:-1]), *parts[-1:]]))


def _share(part: int, whole: int) -> float | None:
    return part / whole if whole >= FEWEST_FOR_A_SHARE else None
