"""Do people join fast enough? The pace against the plan's, and when everybody planned will have joined.

Guarantee of the claim: P(it ever fires) ≤ the plan's error when at every time after the grace months people join at the planned
rate or faster, given the past, in groups of at most `together`; however often anybody looks (`bets.pace_log_e`).
Guarantee of the projection: none for ever; at one time its interval holds the day on which the last person joins with
probability .8 when sites go on at their own constant rates, drawn about the plan's (docs/scripts/stopping_evidence.py).
Source: Anisimov & Fedorov (2007), Statistics in Medicine 26:4958-4975: sites' rates are gamma, people arrive as a Poisson
process, so the time until R more have joined is a Pearson type VI (beta prime) variable. Their sum of the sites' rates is
taken as a gamma variable with the same mean and variance.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, timedelta

import numpy as np

from trials.plan.stopping import Recruitment
from trials.records import in_words
from trials.stopping.bets import Floats, pace_log_e
from trials.stopping.rule import DAYS_A_MONTH, Facts, Finding, Level, Point, Rule, RuleClaim, claimed, few, level_of

INSIDE = 0.8
GROUPS = 0.001  # so improbable a day is a group that joined together
FAR = 120.0  # months; what lies further away is said to be far, not dated
NULL = "people join at the planned rate or faster"


@dataclass(frozen=True, slots=True)
class Projection:
    """Months from now until everybody planned has joined: the ends of an 80 % interval and its middle."""

    low: float
    middle: float
    high: float


def judge(facts: Facts) -> tuple[Finding, ...]:
    stopping = facts.protocol.stopping
    rule = None if stopping is None else stopping.recruitment
    return () if rule is None else (_finding(facts, rule),)


def _finding(facts: Facts, rule: Recruitment) -> Finding:
    most = facts.protocol.monitoring.max_participants
    begin, end = judged_from(facts, rule), _judged_to(facts)
    path = _path(facts, rule, begin, end)
    nothing = "days of enrolment are not known" if not facts.dated else f"the pace is judged from {in_words(begin)} on"
    claim = claimed(NULL, rule.error, "days", path, nothing)
    total = sum(one.people for one in facts.joined if one.day <= end)
    planned = begin + _months(most / rule.per_month)
    ahead = None if not facts.dated or facts.closed is not None else projection(facts, rule, end)
    late = bool(path) and ahead is not None and end + _months(ahead.low) > planned
    in_time = sum(one.people for one in facts.joined if begin <= one.day <= end)
    expected = min(float(rule.per_month * max((end - begin).days, 0) / DAYS_A_MONTH), float(most))
    plan = (
        f"{rule.per_month:g} people a month from {begin:%B %Y} on ({rule.grace_months:g} months to set up), all {most:,} "
        f"by {planned:%B %Y}"
    )
    figures: list[tuple[str, float | int | str | None]] = [
        ("joined_since_grace", in_time),
        ("expected_since_grace", round(expected, 1)),
    ]
    if ahead is not None:
        figures += [("months_low", ahead.low), ("months_middle", ahead.middle), ("months_high", ahead.high)]
    pace = _pace(facts, claim, total, in_time, expected, begin, end)
    level = level_of(claim, beyond=late)
    return Finding(
        "recruitment",
        "recruitment",
        level,
        pace + _ahead(facts, ahead, end, total, most),
        plan,
        claim,
        figures=tuple(figures),
        rests_on=(total, in_time),
        told=_told(facts, level, total, begin, end),
    )


def judged_from(facts: Facts, rule: Recruitment) -> date:
    """The end of the grace months, counted from the seal, or from the first person where that was before it."""
    first = min((one.day for one in facts.joined), default=facts.sealed)
    return min(first, facts.sealed) + _months(rule.grace_months)


def _judged_to(facts: Facts) -> date:
    """The last day whose enrolments are known, but none after the trial was closed or the last planned person joined.

    A source that is to send every week may have people of the last week still to tell.
    """
    every = facts.protocol.source.every_time or timedelta()
    ends = [facts.known_until - every if facts.joined else facts.known_until, facts.today]
    if facts.closed is not None:
        ends.append(facts.closed)
    total = 0
    for one in sorted(facts.joined, key=lambda joined: joined.day):
        total += one.people
        if total >= facts.protocol.monitoring.max_participants:
            ends.append(one.day)
            break
    return min(ends)


def _path(facts: Facts, rule: Recruitment, begin: date, end: date) -> list[Point]:
    """The evidence at the end of each day after the grace months; whoever joined on their last day is not held back."""
    days = (end - begin).days
    if days <= 0 or not facts.dated:
        return []
    joined = np.zeros(days)
    for one in facts.joined:
        if begin <= one.day <= end:
            joined[max((one.day - begin).days - 1, 0)] += one.people
    daily = rule.per_month / DAYS_A_MONTH
    logs = pace_log_e(np.cumsum(joined), daily * np.arange(1, days + 1), together(rule, joined))
    return [Point(begin + timedelta(days=at), at, float(log)) for at, log in enumerate(logs, start=1)]


def together(rule: Recruitment, joined: Floats) -> int:
    """The largest group that people join in: as planned, or as seen where single people would hardly ever make it.

    joined: people by day, (days,). The guarantee is for groups of the planned size; that those which were seen count too keeps
    false alarms rare where a plan forgot them (the script prints how rare), and costs next to nothing where it did not.
    """
    from scipy.stats import poisson

    most = float(joined.max(initial=0.0))
    chance = float(poisson.sf(most - 1, rule.per_month / DAYS_A_MONTH)) * joined.size
    return max(rule.together, int(most)) if chance < GROUPS else rule.together


def projection(facts: Facts, rule: Recruitment, end: date) -> Projection | None:
    """When the people who are still to come will have joined; None while nobody has, or when all have.

    A site counts from its first person on, whose own arrival is not counted; before that the plan stands for each site with
    the weight of one person. Sites that have not begun, and those that left, bring nobody.
    """
    from scipy.stats import betaprime

    seen: dict[str, list[Joinings]] = {}
    for one in facts.joined:
        if one.day <= end:
            seen.setdefault(one.site, []).append((one.day, one.people))
    total = sum(people for days in seen.values() for _, people in days)
    left = facts.protocol.monitoring.max_participants - total
    going = {site: days for site, days in seen.items() if site not in facts.withdrawn}
    if left <= 0 or not going:
        return None
    sites = max(len(facts.protocol.sites), len(seen))
    shapes = np.array([float(sum(people for _, people in days)) for days in going.values()])
    months = np.array([(end - min(day for day, _ in days)).days / DAYS_A_MONTH for days in going.values()])
    rates = sites / rule.per_month + months
    mean, variance = float(np.sum(shapes / rates)), float(np.sum(shapes / rates**2))
    tails = ((1 - INSIDE) / 2, 0.5, (1 + INSIDE) / 2)
    low, middle, high = (float(months) for months in betaprime.ppf(tails, left, mean**2 / variance) * (mean / variance))
    return Projection(low, middle, high)


Joinings = tuple[date, int]


def _pace(facts: Facts, claim: RuleClaim, total: int, in_time: int, expected: float, begin: date, end: date) -> str:
    if not facts.dated:
        return "Days of enrolment are not known, so the pace is not judged."
    if total >= facts.protocol.monitoring.max_participants:
        return "Everybody planned has joined."
    if not total and claim.log_e is None:
        return f"Nobody has joined yet; the pace is judged from {in_words(begin)} on."
    if claim.log_e is None:
        return f"{_capital(few(total, 'people'))} joined so far; the pace is judged from {in_words(begin)} on."
    since = f"since {in_words(begin)}" if in_time != total or not total else "so far"
    counted = f"{'nobody' if not in_time else few(in_time, 'people')} joined {since}, where {expected:.0f} were planned"
    if claim.fired:
        return f"People join too slowly: {counted} by {in_words(end)}."
    if in_time >= expected:
        return f"People join as planned: {counted} by {in_words(end)}."
    return f"{_capital(counted)} by {in_words(end)}; that is not enough to say that people join too slowly."


def _told(facts: Facts, level: Level, total: int, begin: date, end: date) -> str:
    """The sentence by level alone. How many have joined is told in one place, `roadtest counts`."""
    if not facts.dated:
        return "Days of enrolment are not known, so the pace is not judged."
    if total >= facts.protocol.monitoring.max_participants:
        return "Everybody planned has joined."
    if end <= begin:
        return f"The pace is judged from {in_words(begin)} on."
    if level == "stop":
        return f"People join too slowly: fewer joined by {in_words(end)} than were planned."
    if level == "watch":
        return (
            f"At the pace seen by {in_words(end)} the last would join later than planned; that is not enough to say so."
        )
    return f"Nothing says by {in_words(end)} that people join too slowly."


def _ahead(facts: Facts, ahead: Projection | None, end: date, total: int, most: int) -> str:
    if ahead is None or total < 10:
        return ""
    missing = [site.id for site in facts.protocol.sites if site.id not in {one.site for one in facts.joined}]
    waiting = "" if not missing else f" {len(missing)} of {len(facts.protocol.sites)} sites have not begun yet."
    if ahead.low > FAR:
        return f" At this pace {most:,} people take more than ten years longer.{waiting}"
    first, last = (f"{end + _months(months):%B %Y}" if months <= FAR else "" for months in (ahead.low, ahead.high))
    if not last:
        return f" At this pace the last of {most:,} joins in {first} at the earliest, and perhaps only in ten years.{waiting}"
    when = f"in {first}" if first == last else f"between {first} and {last}"
    return f" At this pace the last of {most:,} joins {when} (80 % sure).{waiting}"


def _months(months: float) -> timedelta:
    return timedelta(days=round(min(months, 12 * 500.0) * DAYS_A_MONTH))


def _capital(text: str) -> str:
    return text[:1].upper() + text[1:]


RULE = Rule(
    "recruitment",
    "recruitment",
    claim="people join more slowly than planned",
    todo="open more sites, ask why people decline, or stop the trial: it would end without an answer",
    source="Poisson e-process; projection: Anisimov & Fedorov (2007)",
    judge=judge,
)
