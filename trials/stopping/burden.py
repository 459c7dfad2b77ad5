"""Does the work take more of the staff's time than was agreed, once they are used to it?

Guarantee of the claim: P(it ever fires) ≤ the plan's error when in every week, given the weeks before, those who have
`settle_weeks` of own practice are expected to need at most the limit times the cases expected of them; however often anybody
looks, however cases and minutes hang together, and whatever weeks and people have in common (`bets.mean_log_e`: one bet a week
on settled staff's minutes less limit times cases, so colleagues who have a bad week together count as one bad week). It is
the number in the sentence, all minutes over all cases: a hard week with few cases weighs what its minutes and cases weigh.
For bets to be bounded, a week that falls short of the limit by more than the cases of the busiest week before it (of all
staff) would take at the limit counts as that far short; the first FIRST_WEEKS weeks say how busy weeks are and are not bet on.
Learning is not judged: the weeks before are not in the claim.
The curve minutes = a + b exp(−weeks/τ) is a description: least squares weighted by cases (exponential learning curves:
Heathcote, Brown & Mewhort, 2000, Psychonomic Bulletin & Review 7:185-207); its intervals leave out one member of staff at a
time, as weeks of one person are alike (jackknife by cluster: Cameron & Miller, 2015, J. Human Resources 50:317-372, s. VI).
No figure is given of fewer than 3 people, of fewer than 10 cases, or where one of them has most of the cases.
"""

from __future__ import annotations

import math
from collections import Counter, defaultdict
from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import date, timedelta

import numpy as np
from numpy.typing import NDArray

from trials.disclosure import LIMIT
from trials.plan.stopping import StaffTime
from trials.stopping.bets import mean_log_e
from trials.stopping.rule import HIDDEN, Facts, Finding, Level, Point, Rule, RuleClaim, StaffWeek, claimed, level_of

FIRST_WEEKS = 4
FEWEST_STAFF = 3
MOST_OF_ONE = 0.8
# Half of learning is over after τ log 2 weeks; sought among these.
TAUS = np.geomspace(1.0, 52.0, 40)


@dataclass(frozen=True, slots=True)
class Curve:
    """Minutes per case by weeks of own practice: settled + beyond exp(−weeks/tau). low, high: of `settled`, at 95 %."""

    settled: float
    beyond: float
    tau: float
    low: float
    high: float

    def at(self, weeks: float) -> float:
        return self.settled + self.beyond * math.exp(-weeks / self.tau)


def judge(facts: Facts) -> tuple[Finding, ...]:
    stopping = facts.protocol.stopping
    rule = None if stopping is None else stopping.staff_time
    return () if rule is None else (_finding(facts, rule),)


def _finding(facts: Facts, rule: StaffTime) -> Finding:
    weeks = [one for one in facts.weeks if one.cases > 0 and one.week + timedelta(days=7) <= facts.today]
    settled = [one for one in weeks if one.tenure >= rule.settle_weeks]
    first = [one for one in weeks if one.tenure < min(FIRST_WEEKS, max(rule.settle_weeks, 1))]
    claim = claimed(
        f"those used to the work need {rule.minutes_at_most:g} minutes per case or less",
        rule.error,
        "weeks",
        path(weeks, rule),
        f"nobody's time after {rule.settle_weeks} weeks of practice is reported yet",
    )
    now, early = minutes_per_case(settled), minutes_per_case(first)
    level = level_of(claim, beyond=bool(settled) and _ratio(settled) > rule.minutes_at_most)
    curve = fitted(weeks) if now is not None else None
    figures = (
        ("minutes_per_case_first_weeks", early),
        ("minutes_per_case_settled", now),
        ("curve_settled", None if curve is None else curve.settled),
        ("curve_settled_low", None if curve is None else curve.low),
        ("curve_settled_high", None if curve is None else curve.high),
        ("curve_tau_weeks", None if curve is None else curve.tau),
    )
    plan = f"at most {rule.minutes_at_most:g} minutes per case after {rule.settle_weeks} weeks of own practice"
    said = _sentence(rule, weeks, settled, early, now, level)
    return Finding("staff_time", "burden", level, said, plan, _shown(claim, settled, now), figures=figures)


def path(weeks: Sequence[StaffWeek], rule: StaffTime) -> list[Point]:
    """The evidence after each week with settled staff, of all staff's weeks."""
    cases, settled = Counter[date](), defaultdict[date, list[StaffWeek]](list)
    for one in weeks:
        cases[one.week] += one.cases
        if one.tenure >= rule.settle_weeks:
            settled[one.week].append(one)
    found, busiest = [], 0
    for number, week in enumerate(sorted(cases)):
        if week in settled:
            most = busiest if number >= FIRST_WEEKS else math.inf
            found.append((week, _beyond(settled[week], rule.minutes_at_most, most)))
        busiest = max(busiest, cases[week])
    logs = mean_log_e([1.0 + beyond for _, beyond in found]) if found else ()
    ends = (week + timedelta(days=6) for week, _ in found)
    return [Point(end, at, float(log)) for at, (end, log) in enumerate(zip(ends, logs, strict=True), start=1)]


def _beyond(settled: Sequence[StaffWeek], limit: float, most: float) -> float:
    """How far a week lies above the limit, as a part of the minutes that `most` cases take at it; -1 at the least."""
    minutes, cases = sum(one.minutes for one in settled), sum(one.cases for one in settled)
    return max((minutes - limit * cases) / (limit * most), -1.0)


def _ratio(weeks: Sequence[StaffWeek]) -> float:
    return sum(one.minutes for one in weeks) / sum(one.cases for one in weeks)


def minutes_per_case(weeks: Sequence[StaffWeek]) -> float | None:
    """All their minutes over all their cases; None where that would tell of single people."""
    return _ratio(weeks) if _enough(weeks) else None


def _enough(weeks: Sequence[StaffWeek]) -> bool:
    cases: Counter[str] = Counter()
    for one in weeks:
        cases[one.staff] += one.cases
    total = sum(cases.values())
    return len(cases) >= FEWEST_STAFF and total >= LIMIT and max(cases.values()) <= MOST_OF_ONE * total


def _shown(claim: RuleClaim, settled: Sequence[StaffWeek], now: float | None) -> RuleClaim:
    """What the bets paid tells the minutes of whoever they were on, week by week."""
    if now is not None or not settled:
        return claim
    return replace(claim, log_e=None, p=None, reason=HIDDEN)


def fitted(weeks: Sequence[StaffWeek]) -> Curve | None:
    """The learning curve; None with fewer than 4 members of staff, or when their weeks don't tell early from late."""
    from scipy.stats import t as student

    staff = sorted({one.staff for one in weeks})
    if len(staff) <= FEWEST_STAFF or len({one.tenure for one in weeks}) < 4 or not _enough(weeks):
        return None
    whole = _least_squares(weeks)
    settled = [_least_squares([one for one in weeks if one.staff != left])[0] for left in staff]
    n = len(staff)
    error = math.sqrt((n - 1) / n * sum((one - sum(settled) / n) ** 2 for one in settled))
    reach = float(student.ppf(0.975, n - 1)) * error
    return Curve(*whole, max(whole[0] - reach, 0.0), whole[0] + reach)


def _least_squares(weeks: Sequence[StaffWeek]) -> tuple[float, float, float]:
    """(a, b, τ) of a + b exp(−t/τ), b ≥ 0: for each τ a straight line in exp(−t/τ), weighted by cases; the best τ."""
    tenure, cases, minutes = (
        np.array([getattr(one, name) for one in weeks], dtype=np.float64) for name in ("tenure", "cases", "minutes")
    )
    found = [(*_line(np.exp(-tenure / tau), minutes / cases, cases), float(tau)) for tau in TAUS]
    _, settled, beyond, tau = min(found)
    return settled, beyond, tau


def _line(x: NDArray[np.float64], y: NDArray[np.float64], w: NDArray[np.float64]) -> tuple[float, float, float]:
    """(squared error, intercept, slope ≥ 0) of the weighted straight line."""
    mean_x, mean_y = np.average(x, weights=w), np.average(y, weights=w)
    spread = float(np.sum(w * (x - mean_x) ** 2))
    slope = max(float(np.sum(w * (x - mean_x) * (y - mean_y))) / spread, 0.0) if spread > 0 else 0.0
    settled = float(mean_y - slope * mean_x)
    return float(np.sum(w * (y - settled - slope * x) ** 2)), settled, slope


def _sentence(
    rule: StaffTime,
    weeks: Sequence[StaffWeek],
    settled: Sequence[StaffWeek],
    early: float | None,
    now: float | None,
    level: Level,
) -> str:
    limit = f"the limit is {rule.minutes_at_most:g}"
    if not weeks:
        return f"Nobody has reported staff time yet; {limit} minutes per case."
    if not settled:
        began = "" if early is None else f"Staff need {early:.0f} minutes per case in their first weeks; "
        return _capital(
            f"{began}nobody has {rule.settle_weeks} weeks of practice yet, and learning is not judged; {limit}."
        )
    if now is None:
        outcome = {
            "stop": "Those used to the work need more minutes per case than the limit",
            "watch": "Those used to the work may need more minutes per case than the limit; that is not sure yet",
            "fine": "Those used to the work keep within the limit",
        }[level]
        return f"{outcome}; {limit}. Too few people or cases for figures that are of nobody in particular."
    begins = "" if early is None else f"Staff need {early:.0f} minutes per case in their first weeks"
    used = f"{now:.0f} once used to it"
    if level == "fine" and early is not None and early > rule.minutes_at_most:
        return f"{begins} and {used}; {limit}: this is learning, not a failure."
    if level == "fine":
        return (
            f"{begins} and {used}; {limit}."
            if begins
            else f"Staff used to the work need {now:.0f} minutes per case; {limit}."
        )
    sure = "" if level == "stop" else ": not sure yet"
    lead = (
        f"{begins}, and even those used to it need {now:.0f}"
        if begins
        else f"Even those used to the work need {now:.0f} minutes per case"
    )
    return f"{lead}; {limit}{sure}."


def _capital(text: str) -> str:
    return text[:1].upper() + text[1:]


RULE = Rule(
    "staff_time",
    "burden",
    claim="staff who are used to the work need more minutes per case than the limit",
    todo="make the work lighter, give staff more time for it, or stop",
    source="bets on bounded means: Waudby-Smith & Ramdas (2024), section 4",
    judge=judge,
)
