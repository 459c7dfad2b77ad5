"""What to do with a plan that is too small for what it asks: ready-made changes, each with what it takes.

A proposal's `changes` are keys of the plan with their new content; `applied` makes the plan that has them. What is
proposed for a measure are requirements: whatever it is, so frequent or so steady it must be for these people to find it.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

from scipy.special import ndtri

from trials.errors import ProtocolError
from trials.planning import admit
from trials.protocol import Protocol, from_content
from trials.reach import Reach
from trials.stopping.rule import DAYS_A_MONTH
from trials.verdict import noun

# Beyond this chance of each error a trial is hardly better than a coin, and no error rates are proposed.
WORST_ERROR = 0.25
# The example scale of a proposed score: what is said holds for any scale in standard deviations.
SCALE, SCALE_SD = (0.0, 100.0), 20.0
# No measure that people are asked for or that staff note down happens more often than this.
MOST_A_DAY = 2.0
EARLY = 4
# Where feasibility criteria start from; partners agree on their own (Avery et al., 2017, BMJ Open 7:e013537).
RETENTION, DATA, DELIVERY = (0.8, 0.6), (0.9, 0.7), (0.8, 0.6)


@dataclass(frozen=True, slots=True)
class Proposal:
    """code: 'feasibility', 'people', 'count', 'score', 'steadier' or 'errors'. changes: None where the plan can't simply be
    changed so, with the reason in the sentence. people, months: what it takes; months None without a planned rate."""

    code: str
    sentence: str
    changes: dict[str, Any] | None
    people: int
    months: float | None


def applied(protocol: Protocol, changes: dict[str, Any]) -> Protocol:
    """The plan with these changes: keys within monitoring, data and assignment are merged, all others replaced.

    Raises ProtocolError when the changed plan breaks a rule.
    """
    body = protocol.model_dump(mode="json")
    for key, value in changes.items():
        body[key] = body[key] | value if key in ("monitoring", "data", "assignment") else value
    return from_content(body, origin=protocol.trial)


def months(protocol: Protocol, people: float) -> float | None:
    """Months of recruitment at the planned rate; None without one."""
    rule = None if protocol.stopping is None else protocol.stopping.recruitment
    return None if rule is None else people / rule.per_month


def follow_up_months(protocol: Protocol) -> float:
    """Months between joining and the result; 0 for a plan that doesn't say."""
    follow_up = protocol.primary.follow_up_time
    return 0.0 if follow_up is None else follow_up / timedelta(days=DAYS_A_MONTH)


def months_until(protocol: Protocol, results: float) -> float | None:
    """Months from the first day until so many people have a result: their recruitment at the planned rate, and the last
    one's follow-up. Exact for a mean number of results too. None without a rate."""
    took = months(protocol, results)
    return None if took is None else took + follow_up_months(protocol)


def joined_until(protocol: Protocol, results: int) -> int | None:
    """People who have joined by the time that so many have a result; None without a rate.

    Recruitment doesn't wait for results: it goes on through the follow-up, to at most the planned number. Never falls in
    results, so a quantile of trials by their results is one by those who joined; a mean is not.
    """
    rule = None if protocol.stopping is None else protocol.stopping.recruitment
    if rule is None:
        return None
    meanwhile = math.floor(rule.per_month * follow_up_months(protocol) + 1e-9)
    return max(results, min(protocol.monitoring.max_participants, results + meanwhile))


def proposals(reach: Reach, power: float) -> tuple[Proposal, ...]:
    """Every way out of a plan that finds its worthwhile effect with less than this power."""
    found = [_feasibility(reach), _more_people(reach, power), *_measures(reach, power), _errors(reach)]
    return tuple(one for one in found if one is not None)


def _planned(reach: Reach) -> int:
    return reach.protocol.monitoring.max_participants


def _made(
    reach: Reach, code: str, sentence: str, changes: dict[str, Any] | None, people: int | None = None
) -> Proposal:
    size = _planned(reach) if people is None else people
    return Proposal(code, sentence, _admitted(reach.protocol, changes), size, months(reach.protocol, size))


def _admitted(protocol: Protocol, changes: dict[str, Any] | None) -> dict[str, Any] | None:
    """The changes, or None when the changed plan couldn't be registered: its method doesn't judge that kind of measure."""
    if changes is None:
        return None
    try:
        admit(applied(protocol, changes))
    except ProtocolError:
        return None
    return changes


def _feasibility(reach: Reach) -> Proposal:
    protocol = reach.protocol
    rule = None if protocol.stopping is None else protocol.stopping.recruitment
    who = noun(protocol)
    criteria: list[dict[str, Any]] = []
    if rule is not None:
        criteria.append(
            _criterion("recruitment", f"{who} who join a month", rule.per_month, rule.per_month / 2, f"{who} a month")
        )
    criteria += [
        _criterion("retention", f"share of {who} whose outcome is known at the end of follow-up", *RETENTION),
        _criterion("data", "share of rows that pass the checks", *DATA),
        _criterion("delivery", f"share of {who} who got the core of the idea", *DELIVERY),
    ]
    return _made(
        reach,
        "feasibility",
        "seal it as purpose: feasibility, which asks whether you can recruit, deliver and measure, with these progression "
        "criteria for a start; it will not tell whether the idea works",
        {"purpose": "feasibility", "progression": criteria},
    )


def _criterion(asks: str, text: str, green: float, red: float, unit: str = "") -> dict[str, Any]:
    return {"id": asks, "asks": asks, "text": text, "green": green, "red": red, "higher": True, "unit": unit}


def _more_people(reach: Reach, power: float) -> Proposal:
    who, needed = noun(reach.protocol), reach.needs(power)
    if needed is None:
        return _made(
            reach, "people", f"no number of {who} that anybody could recruit finds the worthwhile effect", None
        )
    took = months(reach.protocol, needed)
    time = "no rate of recruitment is planned" if took is None else f"{took:,.0f} months at the planned recruitment"
    return _made(
        reach,
        "people",
        f"plan {needed:,} {who}, who find the worthwhile effect with {100 * power:.0f} % power ({time})",
        {"monitoring": {"max_participants": needed}},
        needed,
    )


def _measures(reach: Reach, power: float) -> list[Proposal | None]:
    kind = reach.protocol.primary.kind
    if kind in ("score", "amount"):
        return [_steadier(reach, power)]
    return [_count(reach, power), None if kind == "count" else _score(reach, power)]


def _window(reach: Reach) -> tuple[int | None, str]:
    """A quarter of the follow-up in days, and in words."""
    follow_up = reach.protocol.primary.follow_up_time
    if follow_up is None:
        return None, "while people are followed up"
    days = max(7, follow_up.days // EARLY)
    weeks = "week" if days == 7 else f"{days // 7} weeks"
    return days, f"in the first {weeks if days % 7 == 0 else f'{days} days'}"


def _primary(reach: Reach, measure: dict[str, Any]) -> dict[str, Any]:
    days, _ = _window(reach)
    early = {} if days is None else {"follow_up": f"{days} days"}
    changes: dict[str, Any] = {"primary": measure | early}
    return changes if reach.protocol.monitoring.method == "anytime" else changes | {"monitoring": {"method": "anytime"}}


def _quantiles(reach: Reach, power: float) -> tuple[float, float]:
    return -float(ndtri(reach.design.alpha)), float(ndtri(power))


def _count(reach: Reach, power: float) -> Proposal | None:
    """Events per person that make the same relative change findable: `fixed_size.needed` for counts, solved for the mean."""
    primary, design = reach.protocol.primary, reach.design
    relative = primary.worthwhile if primary.kind == "time_to_event" else primary.worthwhile / primary.baseline
    kept = 1 - relative if primary.better == "lower" else 1 + relative
    z_alpha, z_beta = _quantiles(reach, power)
    people = _planned(reach) * reach.share
    if design.n_c == 0:
        mean = (z_alpha + z_beta * math.sqrt(kept)) ** 2
    else:
        share = design.n_t / (design.n_t + design.n_c)
        mean = (z_alpha + z_beta) ** 2 * (1 / (1 - share) + kept / share)
    mean = _up(mean * max(1.0, design.spread if design.values == "count" else 1.0) / (relative**2 * people))
    days, when = _window(reach)
    if relative >= 1 and primary.better == "lower":
        return None
    if days is not None and mean > MOST_A_DAY * days:
        return None
    often = "" if days is None else f" ({mean / days * 7:.2g} a week)"
    measure = {
        "measure": "early_count",
        "kind": "count",
        "better": primary.better,
        "baseline": mean,
        "worthwhile": _up(relative * mean),
        "bounds": [0, math.ceil(4 * mean * max(1.0, kept)) + 4],
        "exposure": "share_watched",
        "unit": "window",
        "label": f"events counted {when}",
    }
    return _made(
        reach,
        "count",
        f"measure earlier and more often: something counted {when} that happens {mean:.3g} times per person{often}; then "
        f"the same relative change of {100 * relative:.0f} % would be found with {100 * power:.0f} % power, if it varies no "
        "more than by chance (Poisson)",
        _primary(reach, measure),
    )


def _score(reach: Reach, power: float) -> Proposal | None:
    """The standardised difference that these people find, by `fixed_size.needed` for means."""
    z_alpha, z_beta = _quantiles(reach, power)
    design, people = reach.design, _planned(reach) * reach.share
    share = design.n_t / (design.n_t + design.n_c)
    inflation = 1.0 if design.n_c == 0 else 1 / (1 - share) + 1 / share
    size = _up((z_alpha + z_beta) * math.sqrt(inflation / people))
    middle = (SCALE[0] + SCALE[1]) / 2
    if size * SCALE_SD >= 0.9 * (SCALE[1] - middle):
        return None
    measure = {
        "measure": "early_score",
        "kind": "score",
        "better": reach.protocol.primary.better,
        "baseline": middle,
        "worthwhile": round(size * SCALE_SD, 6),
        "bounds": list(SCALE),
        "sd": SCALE_SD,
        "label": "a score " + _window(reach)[1],
    }
    return _made(
        reach,
        "score",
        f"measure earlier and finer: a score {_window(reach)[1]} that the idea moves by {size:.2f} standard deviations "
        f"would be found with {100 * power:.0f} % power; on a scale from 0 to 100 with a standard deviation of {SCALE_SD:.0f} "
        f"that is {size * SCALE_SD:.1f} points",
        _primary(reach, measure),
    )


def _steadier(reach: Reach, power: float) -> Proposal | None:
    """The standard deviation with which the worthwhile effect would be found: people needed go with its square."""
    needed, primary = reach.needs(power), reach.protocol.primary
    if needed is None or primary.bounds is None:
        return None
    now = math.sqrt(reach.design.spread) * (primary.bounds[1] - primary.bounds[0])
    sd = math.floor(1000 * now * math.sqrt((_planned(reach) - 1) / needed)) / 1000
    if sd <= 0:
        return None
    return _made(
        reach,
        "steadier",
        f"measure more often and take each person's mean: with a standard deviation of at most {sd:.3g} (now {now:.3g}) the "
        f"worthwhile effect would be found with {100 * power:.0f} % power",
        {"primary": primary.model_dump(mode="json") | {"sd": sd}},
    )


def _errors(reach: Reach) -> Proposal:
    """The smallest whole percentage that, as alpha and as beta, lets these people find the worthwhile effect."""
    people = _planned(reach)
    low, high = 0, 49
    while high - low > 1:
        middle = (low + high) // 2
        enough = reach.at(middle / 100).power(people) >= 1 - middle / 100
        low, high = (low, middle) if enough else (middle, high)
    if high > 100 * WORST_ERROR:
        return _made(
            reach,
            "errors",
            f"larger error rates are no way out: with these people a dud would have to be promoted, and a worthwhile idea "
            f"dropped, in {50 if high == 49 else high} of 100 trials each, hardly better than a coin",
            None,
        )
    return _made(
        reach,
        "errors",
        f"accept larger errors: with alpha and beta of {high / 100:g} these people find the worthwhile effect; a dud would "
        f"then be promoted in {high} of 100 trials, a worthwhile idea dropped in as many",
        {"monitoring": {"alpha": high / 100, "beta": high / 100}},
    )


def _up(number: float) -> float:
    """Rounded up to three digits, so that what is said to be enough is."""
    scale = 10.0 ** (math.floor(math.log10(number)) - 2)
    return round(math.ceil(number / scale) * scale, 12)
