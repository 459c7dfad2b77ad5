"""trial_health(): is the trial as a whole in good order? One row of vital signs a trial, judged by suites/health.json.

Guarantee: a sign that is a p-value flags a sound trial at one delivery with chance .001 or less, drift with .0002. They are
looked at again at every delivery; over 50 of them each flags about 1 sound trial in 100 at most, also where people are
allocated by tossing a coin (docs/scripts/health_evidence.py: .0076 for the sample ratio at 300 people, .0094 at 1,000). With
the plan's own permuted blocks the arms hardly differ by chance, and the sample ratio is flagged more rarely still.

The exact test at .001 is kept rather than an anytime-valid one (Lindon & Malek 2022, NeurIPS 35, a Dirichlet mixture of
multinomials): at the same 1 in 100 over the whole trial that one sees 55 : 45 less often (.065 against .104 at 300 people, .43
against .54 at 1,000, each at its best concentration), because it pays for looks without end.

The sentences hold no number from 1 to 9 and nothing it could be worked out from, p-values of small numbers among them.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from statistics import median

from expectations import engine
from trials.disclosure import LIMIT, safe_count, safe_counts, safe_table
from trials.exact_tests import allocation_p, level_p, missingness_p
from trials.rules import SUSPICIOUS

# Fewer than this many outcomes due, or rows received, and a share of them says nothing yet.
FEWEST_FOR_A_SHARE = 20
SMALL = "numbers too small to show"


@dataclass(frozen=True, slots=True)
class ArmVitals:
    """One arm. allocation: its planned share of each block; observed, missing: people settled with and without outcome.

    dropped: nobody enters it any more.
    """

    arm: str
    allocation: int
    enrolled: int
    observed: int
    missing: int
    dropped: bool = False


@dataclass(frozen=True, slots=True)
class SiteVitals:
    """One site. enrolled: its people in each arm, in the order of `Vitals.arms`."""

    site: str
    enrolled: tuple[int, ...]


@dataclass(frozen=True, slots=True)
class Halves:
    """One arm's people with an outcome in the first and the second half of the trial's order of entry.

    first_high, second_high: those of them with the outcome (binary) or above the arm's median (score).
    """

    first: int
    first_high: int
    second: int
    second_high: int


@dataclass(frozen=True, slots=True)
class Vitals:
    """One trial's vital signs, over any number of arms. received and quarantined: rows over all of its deliveries.

    late: reports or changes that came too late to count. crossovers, unregistered: rows of these deliveries alone that give
    somebody another arm or site than the register, or are of somebody whom the trial's closed register doesn't have.
    """

    trial: str
    arms: tuple[ArmVitals, ...]
    received: int
    quarantined: int
    sites: tuple[SiteVitals, ...] = ()
    late: int = 0
    crossovers: int = 0
    unregistered: int = 0
    halves: tuple[Halves, ...] = ()


def trial_health(vitals: Sequence[Vitals]) -> dict[str, tuple[str, ...]]:
    """Per trial, plain sentences of what is wrong; empty = nothing found. One batch for all trials.

    Raises ChecksError when the checks could not be evaluated: health unknown is never shown as healthy.
    """
    from expectations import own  # noqa: F401 - its classes become types that a suite may name; heavy to import

    suite = engine.load("health")
    found = engine.reasons(suite, [_facts(one) for one in vitals])
    return {one.trial: sentences for one, sentences in zip(vitals, found, strict=True)}


def sample_ratio_p(*arms: ArmVitals) -> float | None:
    """P(a split at least as unlikely | allocation as planned); None with one arm or nobody in. Arms that were dropped are left
    out: the others keep their ratio before and after."""
    kept = [arm for arm in arms if not arm.dropped]
    return allocation_p([arm.enrolled for arm in kept], [arm.allocation for arm in kept])


def missing_p(*arms: ArmVitals) -> float | None:
    """P(missing at least as unequally | alike in all arms); None with one arm, or an arm in which nobody is settled."""
    return missingness_p([arm.observed for arm in arms], [arm.missing for arm in arms])


def site_ratio(vitals: Vitals) -> tuple[float | None, SiteVitals | None]:
    """The smallest sample ratio p of a site, times the number of sites (Holm 1979, first step), and that site.

    (None, None) with fewer than two sites that have people: one site alone is the trial.
    """
    kept = [place for place, arm in enumerate(vitals.arms) if not arm.dropped]
    planned = [vitals.arms[place].allocation for place in kept]
    split = [(one, [one.enrolled[place] for place in kept]) for one in vitals.sites]
    judged = [(p, one) for one, enrolled in split if (p := allocation_p(enrolled, planned)) is not None]
    if len(judged) < 2:
        return None, None
    p, site = min(judged, key=lambda pair: pair[0])
    return min(1.0, len(judged) * p), site


def halves(tallies: Iterable[tuple[str, bool, float, int]], *, binary: bool) -> tuple[Halves, ...]:
    """A trial's outcomes by arm and half. tallies: (arm, whether in the trial's first half, value, people), in any order.

    Each arm is cut where the trial is, so that a difference between arms, or in when they joined, is no drift.
    """
    by_arm: dict[str, list[tuple[bool, float, int]]] = {}
    for arm, early, value, people in tallies:
        by_arm.setdefault(arm, []).append((early, value, people))
    found = []
    for _, told in sorted(by_arm.items()):
        middle = 0.5 if binary else median(value for _, value, people in told for _ in range(people))
        counts = [
            sum(people for early, value, people in told if early is first and value > above)
            for first in (True, False)
            for above in (float("-inf"), middle)
        ]
        found.append(Halves(*counts))
    return tuple(found)


def drift_p(parts: Sequence[Halves]) -> float | None:
    """P(the halves differ at least as much | the same level in both, within each arm); None while nothing can differ.

    Exact for every kind of value: whichever half a value falls into, the order of entry decides, and under no drift each
    order of an arm's values is as likely (Mood 1954, Ann Math Stat 25:514-522, for values above the median).
    """
    return level_p([(one.first, one.first_high, one.second, one.second_high) for one in parts])


def _facts(vitals: Vitals) -> dict[str, object]:
    missing = sum(arm.missing for arm in vitals.arms)
    observed = sum(arm.observed for arm in vitals.arms)
    due, late, received = missing + observed, vitals.late, vitals.received
    sound = received - vitals.quarantined
    return {
        **_sample_ratio(vitals),
        **_site_ratio(vitals),
        **_missing(vitals),
        "missing_share": _share(missing, due),
        "missing_part": _part(missing, observed, "More than 20%"),
        "quarantined_share": _share(vitals.quarantined, received),
        "quarantined_part": _part(vitals.quarantined, sound, "More than 10%"),
        "quarantined": SMALL if _hides(vitals.quarantined, sound) else f"{vitals.quarantined:,} of {received:,}",
        "late_share": _share(late, due) if late >= LIMIT else None,
        "late_part": _part(late, due - late, "More than 10%"),
        "crossovers": vitals.crossovers or None,
        "crossed": _number(vitals.crossovers),
        "unregistered": vitals.unregistered or None,
        "strangers": _number(vitals.unregistered),
        "drift_p": drift_p(vitals.halves),
    }


def _sample_ratio(vitals: Vitals) -> dict[str, object]:
    p, shown = sample_ratio_p(*vitals.arms), safe_counts({arm.arm: arm.enrolled for arm in vitals.arms})
    return {
        "sample_ratio_p": p,
        "chance_of_ratio": _chance(p, shown.hides),
        "enrolled": "numbers (too small to show) of"
        if shown.hides
        else _listed([f"{arm.enrolled:,} ({arm.arm})" for arm in vitals.arms if not arm.dropped]),
        "planned": " : ".join(str(arm.allocation) for arm in vitals.arms if not arm.dropped),
    }


def _site_ratio(vitals: Vitals) -> dict[str, object]:
    p, site = site_ratio(vitals)
    named = site is not None and sum(site.enrolled) >= LIMIT
    return {"site_ratio_p": p, "site": f"the site {site.site}" if named and site else "a small site"}


def _missing(vitals: Vitals) -> dict[str, object]:
    p = missing_p(*vitals.arms)
    counts = {(arm.arm, "observed"): arm.observed for arm in vitals.arms}
    counts |= {(arm.arm, "missing"): arm.missing for arm in vitals.arms}
    hides = safe_table(counts).hides
    told = [f"{arm.missing:,} of {arm.observed + arm.missing:,} in {arm.arm}" for arm in vitals.arms]
    return {"missing_p": p, "chance_of_missing": _chance(p, hides), "missing": SMALL if hides else _listed(told)}


def _chance(p: float | None, hidden: bool) -> str:
    """The p-value in words. An exact one of small numbers would tell them."""
    return f"p < {SUSPICIOUS}" if hidden or p is None or p < 1e-6 else f"p = {p:.2g}"


def _number(count: int) -> str:
    return f"fewer than {LIMIT}" if _hides(count) else f"{count:,}"


def _hides(*counts: int) -> bool:
    return None in map(safe_count, counts)


def _part(part: int, rest: int, otherwise: str) -> str:
    """A share in per cent; of small numbers only that it is over its limit, as more would tell them."""
    return otherwise if _hides(part, rest) or rest < 0 or part == 0 else f"{part / (part + rest):.0%}"


def _listed(parts: Sequence[str]) -> str:
    """'a, b and c'."""
    return " and ".join(filter(None, [", ".join(parts[:-1]), *parts[-1:]]))


def _share(part: int, whole: int) -> float | None:
    return part / whole if whole >= FEWEST_FOR_A_SHARE else None
