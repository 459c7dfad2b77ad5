"""Prints how often each stopping rule fires on a trial that keeps to its plan, asked at every delivery, and how soon on one
that does not; beside it a fixed test at the same level, asked as often.

    python docs/scripts/stopping_evidence.py [--runs 2000] [--seed 1]

Each null is at its limit, where a false alarm is likeliest. Exit code 1 when a rule fires in more trials than the 99.9 %
binomial quantile of its error, or the projection's interval holds the true day less often than that of 80 %.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Callable
from datetime import date, timedelta

import numpy as np
from scipy.stats import binom, poisson, t

from trials.plan.stopping import Recruitment, StaffTime
from trials.protocol import Protocol, from_content
from trials.stopping.bets import mean_log_e, pace_log_e, share_log_e
from trials.stopping.burden import path
from trials.stopping.recruitment import projection, together
from trials.stopping.rule import DAYS_A_MONTH, Facts, Joined, StaffWeek

ERROR, LEVEL = 0.05, -np.log(0.05)
Draw = Callable[[np.random.Generator, float], tuple[np.ndarray, np.ndarray]]
START = date(2026, 1, 1)


def crossing(log_e: np.ndarray) -> int | None:
    """The first place at which the evidence reaches 1/error."""
    found = np.flatnonzero(log_e >= LEVEL)
    return int(found[0]) + 1 if found.size else None


def naive(p_values: np.ndarray) -> bool:
    return bool((p_values < ERROR).any())


def pace(
    random: np.random.Generator, truth: float, *, groups: int = 1, known: int | None = None
) -> tuple[int | None, bool]:
    """Thirty-six months at `truth` times the planned 20 a month, asked every day. (day of the claim, fixed test fired)."""
    days, planned = int(36 * DAYS_A_MONTH), 20 / DAYS_A_MONTH
    if groups == 1:
        joined = np.cumsum(random.poisson(truth * planned, days))
    else:
        arrivals = random.poisson(truth * planned / ((groups + 1) / 2), days)
        joined = np.cumsum([random.integers(1, groups + 1, size=number).sum() for number in arrivals])
    expected = planned * np.arange(1, days + 1)
    fixed = poisson.cdf(joined, expected)[60:]
    size = groups if known is None else together(Recruitment(per_month=20, together=known), np.diff(joined, prepend=0))
    return crossing(pace_log_e(joined, expected, size)), naive(fixed)


def missing(random: np.random.Generator, truth: float) -> tuple[int | None, bool]:
    """A thousand people, each missing with this chance where .2 is the limit; asked after each."""
    people = np.arange(1, 1_001)
    hits = np.cumsum(random.random(1_000) < truth)
    return crossing(share_log_e(hits, people, 0.2)), naive(binom.sf(hits - 1, people, 0.2)[10:])


def set_aside(random: np.random.Generator, truth: float) -> tuple[int | None, bool]:
    """A hundred deliveries of 5 to 60 rows that fail together: shares are beta with a mean of `truth`; the limit is .2."""
    rows = random.integers(5, 61, size=100)
    aside = random.binomial(rows, random.beta(truth * 2, (1 - truth) * 2, size=100))
    log_e = mean_log_e(aside / rows / 0.2, rows / (rows + 10))
    return crossing(log_e), naive(binom.sf(np.cumsum(aside) - 1, np.cumsum(rows), 0.2))


def burden(minutes: np.ndarray, cases: np.ndarray) -> np.ndarray:
    """The rule's own evidence, for minutes over the limit and cases of shape (weeks, people)."""
    weeks = [START + timedelta(weeks=week) for week in range(len(cases))]
    rows = [
        StaffWeek(str(one), weeks[week], week, int(cases[week, one]), float(minutes[week, one]))
        for week, one in np.ndindex(*cases.shape)
    ]
    return np.array([point.log_e for point in path(rows, StaffTime(minutes_at_most=1, settle_weeks=0))])


def staff(random: np.random.Generator, truth: float) -> tuple[int | None, bool]:
    """Six people, 52 weeks; some always slower than others, weeks in which all are slow, minutes with a long tail.
    truth: the mean over the limit. The fixed test is a t-test over people's weeks."""
    slow = np.array([0.8, 0.9, 1.0, 1.0, 1.1, 1.2])
    shared = random.gamma(8, 1 / 8, size=(52, 1))
    own = random.lognormal(-0.125, 0.5, size=(52, 6))
    cases = random.integers(3, 13, size=(52, 1))
    minutes = truth * slow * shared * own
    seen = [minutes[: week + 1].ravel() for week in range(2, 52)]
    z = np.array([(one.mean() - 1) / (one.std(ddof=1) / np.sqrt(one.size)) for one in seen])
    log_e = burden(minutes * cases, np.repeat(cases, 6, axis=1))
    return crossing(log_e), naive(t.sf(z, [one.size - 1 for one in seen]))


def hard_weeks(random: np.random.Generator, truth: float, *, together: bool = False) -> tuple[int | None, bool]:
    """Four people whose hard weeks have 2 long cases and whose others have 10 short ones: 2.2 and .76 times the limit, together
    exactly at it. together: all have their hard weeks at once. The fixed test is a t-test of minutes less cases."""
    hard = random.random((52, 1 if together else 4)) < 0.5
    hard = np.broadcast_to(hard, (52, 4))
    cases = np.where(hard, 2, 10)
    each = truth * np.where(hard, 2.2, 0.76) * random.uniform(0.8, 1.2, size=(52, 4))
    seen = [((each - 1) * cases)[: week + 1].ravel() for week in range(2, 52)]
    z = np.array([one.mean() / (one.std(ddof=1) / np.sqrt(one.size)) for one in seen])
    return crossing(burden(each * cases, cases)), naive(t.sf(z, [one.size - 1 for one in seen]))


def safety(random: np.random.Generator, truth: float) -> tuple[int | None, bool]:
    """Six hundred people treated one a day; each has a related serious event with this chance, on average 60 days after; some
    are three times as likely to as others. The limit is 2 per 100. Asked every day."""
    risk = truth * np.where(random.random(600) < 0.5, 0.5, 1.5)
    happens = np.where(random.random(600) < risk, np.arange(600) + random.exponential(60, 600), np.inf)
    days = np.arange(1, 901)
    hits, treated = (happens[None, :] < days[:, None]).sum(axis=1), np.minimum(days, 600)
    at = crossing(share_log_e(hits, np.maximum(treated, hits), 0.02))
    return None if at is None else min(at, 600), naive(binom.sf(hits - 1, treated, 0.02))


def plan(people: int, sites: int, per_month: float) -> Protocol:
    return from_content(
        {
            "trial": "a-trial",
            "question": "?",
            "owner": "evidence",
            "sites": [{"id": str(site)} for site in range(sites)],
            "arms": [{"id": "usual", "role": "control"}, {"id": "idea"}],
            "primary": {
                "measure": "y",
                "kind": "binary",
                "better": "lower",
                "baseline": 0.4,
                "worthwhile": 0.2,
                "follow_up": "28 days",
            },
            "monitoring": {"max_participants": people},
            "stopping": {"recruitment": {"per_month": per_month}},
            "source": {"connector": "folder", "path": "in"},
        }
    )


def projected(random: np.random.Generator, protocol: Protocol) -> bool | None:
    """Whether the 80 % interval, when a third have joined, holds the day on which the last planned person joins.

    Sites' rates differ (gamma, shape 4, about the plan's); they begin in the first 3 months.
    """
    most, sites = protocol.monitoring.max_participants, len(protocol.sites)
    rule = Recruitment(per_month=20)
    rates = random.gamma(4, 20 / sites / 4, size=sites) / DAYS_A_MONTH
    starts = random.integers(0, 90, size=sites)
    days = np.arange(1, 5_000)
    joined = random.poisson(np.where(days[None, :] >= starts[:, None], rates[:, None], 0.0))
    total = np.cumsum(joined.sum(axis=0))
    if total[-1] < most:
        return None
    now, end = (int(np.flatnonzero(total >= count)[0]) for count in (most / 3, most))
    if now < 90:  # the projection knows sites that have begun
        now = 90
    facts = Facts(
        protocol=protocol,
        today=START + timedelta(days=now),
        sealed=START,
        known_until=START + timedelta(days=now),
        joined=tuple(
            Joined(START + timedelta(days=int(day)), str(site), int(joined[site, day]), 0)
            for site, day in zip(*np.nonzero(joined[:, : now + 1]), strict=True)
        ),
    )
    found = projection(facts, rule, facts.today)
    if found is None:
        return None
    months = (end - now) / DAYS_A_MONTH
    return bool(found.low <= months <= found.high)


# name, draw, truth at the limit, truth beyond it, unit
SCENES = (
    ("recruitment", pace, 1.0, 0.5, "days"),
    ("recruitment, groups of 1-8", lambda r, truth: pace(r, truth, groups=8), 1.0, 0.5, "days"),
    ("missing", missing, 0.2, 0.3, "people"),
    ("set aside", set_aside, 0.2, 0.35, "deliveries"),
    ("staff time", staff, 1.0, 61 / 45, "weeks"),
    ("staff time, few cases in hard weeks", hard_weeks, 1.0, 61 / 45, "weeks"),
    ("the same, all at once", lambda r, truth: hard_weeks(r, truth, together=True), 1.0, 61 / 45, "weeks"),
    ("safety", safety, 0.02, 0.05, "people treated"),
)


def rates(
    draw: Callable[..., tuple[int | None, bool]], truth: float, runs: int, seed: int
) -> tuple[float, float, float]:
    """(share of trials in which the claim fires, the fixed test does, median place of the claim)."""
    random = np.random.default_rng(seed)
    found = [draw(random, truth) for _ in range(runs)]
    places = [np.inf if place is None else place for place, _ in found]
    return float(np.mean(np.isfinite(places))), float(np.mean([fixed for _, fixed in found])), float(np.median(places))


def covered(runs: int, seed: int) -> tuple[int, int]:
    """(intervals that hold the day, intervals)."""
    random, protocol = np.random.default_rng(seed), plan(240, 5, 20)
    found = [one for one in (projected(random, protocol) for _ in range(runs)) if one is not None]
    return sum(found), len(found)


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--runs", type=int, default=2_000)
    parser.add_argument("--seed", type=int, default=1)
    chosen = parser.parse_args()
    most, bad = int(binom.ppf(0.999, chosen.runs, ERROR)) / chosen.runs, False
    print(f"{'rule':36} {'false alarms':>13} {'fixed test':>11} {'power':>6}  median when beyond")
    for name, draw, limit, beyond, unit in SCENES:
        false, fixed, _ = rates(draw, limit, chosen.runs, chosen.seed)
        power, _, median = rates(draw, beyond, max(chosen.runs // 5, 1), chosen.seed + 1)
        bad = bad or false > most
        print(f"{name:36} {false:13.3f} {fixed:11.3f} {power:6.2f}  {median:.0f} {unit}")
    alone, _, _ = rates(lambda r, truth: pace(r, truth, groups=8, known=1), 1.0, chosen.runs, chosen.seed)
    print(f"groups of 1-8 that the plan does not know of, told by their size: false alarms {alone:.3f}")
    inside, of = covered(chosen.runs, chosen.seed)
    bad = bad or inside < binom.ppf(0.001, of, 0.8)
    print(f"80 % interval of the last person's day holds it in {inside / of:.3f} of {of} trials")
    return int(bad)


if __name__ == "__main__":
    sys.exit(main())
