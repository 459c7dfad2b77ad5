"""A feasibility trial: can we recruit, deliver and measure? Its progression criteria in red, amber and green, and how sure.

Guarantee: P(the interval of a share or a rate leaves out the true one) ≤ 5 %, at every number of people (Clopper & Pearson,
1934, Biometrika 26:404-413; Garwood, 1936, Biometrika 28:437-442). A colour is sure when its whole interval has that colour.
Traffic lights for progression: Avery et al., 2017, BMJ Open 7:e013537; their uncertainty: Lewis et al., 2021, Pilot Feasibility
Stud. 7:40. Nothing here says whether the idea works.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Literal

from trials.disclosure import LIMIT
from trials.errors import DataError
from trials.plan.progression import Criterion
from trials.protocol import Protocol
from trials.stopping.rule import DAYS_A_MONTH

Colour = Literal["green", "amber", "red", "not yet"]
ERROR = 0.05
# What the ledger knows; the other criteria are answered by people.
KNOWN = ("recruitment", "retention", "data")
SHARES = ("retention", "data")
_FEW = "too few people or rows so far"


@dataclass(frozen=True, slots=True)
class Facts:
    """What the ledger knows at a time. enrolled: people, in so many months since the first of them joined (or the seal).

    settled: people whose follow-up and reporting time are over, with_outcome: those of them whose outcome is known. rows:
    that were received in deliveries, set_aside: those of them that the checks did not pass.
    """

    enrolled: int
    months: float
    settled: int
    with_outcome: int
    rows: int
    set_aside: int

    def __post_init__(self) -> None:
        if not 0 <= self.with_outcome <= self.settled or not 0 <= self.set_aside <= self.rows:
            raise DataError(f"{self} has a part that is larger than its whole, must be no larger. Count again.")
        if self.enrolled < 0 or not self.months >= 0:
            raise DataError(f"{self} has a number below 0, must be 0 or more.")


@dataclass(frozen=True, slots=True)
class Lit:
    """One criterion's light. value: None while nothing can be said. low, high: its 95 % interval, None where people answered.

    sure: whether the whole interval has the colour. by_people: whether the ledger can't know it.
    """

    criterion: Criterion
    value: float | None
    colour: Colour
    low: float | None
    high: float | None
    sure: bool
    by_people: bool
    sentence: str


def judge(criterion: Criterion, value: float | None) -> Colour:
    """The colour of a value: green from `green` on, red from `red` on, amber between; 'not yet' for None."""
    if value is None:
        return "not yet"
    sign = 1.0 if criterion.higher else -1.0
    if sign * value >= sign * criterion.green:
        return "green"
    return "red" if sign * value <= sign * criterion.red else "amber"


def share_interval(count: int, people: int) -> tuple[float, float]:
    """Clopper & Pearson's exact 95 % interval of a share."""
    from scipy.stats import beta

    low = 0.0 if count == 0 else float(beta.ppf(ERROR / 2, count, people - count + 1))
    high = 1.0 if count == people else float(beta.ppf(1 - ERROR / 2, count + 1, people - count))
    return low, high


def rate_interval(events: int, time: float) -> tuple[float, float]:
    """Garwood's exact 95 % interval of a Poisson rate per unit of time."""
    from scipy.stats import chi2

    low = 0.0 if events == 0 else float(chi2.ppf(ERROR / 2, 2 * events)) / 2
    return low / time, float(chi2.ppf(1 - ERROR / 2, 2 * events + 2)) / 2 / time


def months_of(first: date | None, last: date | None, until: date, *, whole: bool) -> float:
    """How long people joined: from the day of the first to `until`, or to the last one's where everybody planned has joined
    (`whole`): nobody is waited for after that. 0 while nobody has joined, or without days."""
    end = last if whole and last is not None else until
    return 0.0 if first is None else max((end - first).days, 0) / DAYS_A_MONTH


def lights(
    criteria: Sequence[Criterion], facts: Facts | None, answers: Mapping[str, float] | None = None
) -> tuple[Lit, ...]:
    """Every criterion's light. answers: by criterion's id, what people found; the ledger's own figures go before theirs.

    Below LIMIT people or rows nothing is said: there every colour is chance, and a share would tell of persons.
    """
    found = []
    for one in criteria:
        known = None if facts is None else _known(one, facts)
        value, low, high = (None, None, None) if known is None else known
        by_people = one.asks not in KNOWN
        if by_people:
            value = (answers or {}).get(one.id)
        found.append(_lit(one, value, low, high, by_people))
    return tuple(found)


def lights_between(
    criteria: Sequence[Criterion], worst: Facts, best: Facts, answers: Mapping[str, float] | None = None
) -> tuple[Lit, ...]:
    """The lights as whoever sees counts in steps alone is told: of the worst and the best that the steps leave open.

    No value; an interval that holds those of both; a colour only where both have it. Nothing here says more than the steps.
    """
    pairs = zip(lights(criteria, worst, answers), lights(criteria, best, answers), strict=True)
    undated = best.enrolled >= LIMIT and best.months <= 0
    return tuple(low if low.by_people else _between(low, high, undated=undated) for low, high in pairs)


def _between(worst: Lit, best: Lit, *, undated: bool) -> Lit:
    """undated: whether enough people joined and over how long is not to be told, so that it is not their number that lacks."""
    one, colour = worst.criterion, worst.colour
    if worst.low is None or best.high is None or worst.value is None or best.value is None:
        sentence = _sentence(one, None, "not yet", None, None, sure=False, by_people=False)
        if undated and one.asks == "recruitment":
            sentence = sentence.replace(
                _FEW, "over how long people joined can't be said by the counts that may be told"
            )
        return Lit(one, None, "not yet", None, None, False, False, sentence)
    rule = f"green from {_said(one, one.green)} on, red from {_said(one, one.red)} on"
    told = f"{one.text}: {_said(one, worst.value)} to {_said(one, best.value)}"
    spread = f"plausibly {_said(one, worst.low)} to {_said(one, best.high)}"
    if colour != best.colour:
        sentence = f"{told}, {spread}; between {colour} and {best.colour} by the counts that may be told ({rule})."
        return Lit(one, None, "not yet", worst.low, best.high, False, False, sentence)
    sure = worst.sure and best.sure
    doubt = "" if sure else "; another colour can't be ruled out yet"
    return Lit(
        one,
        None,
        colour,
        worst.low,
        best.high,
        sure,
        False,
        f"{told} by the counts that may be told, {spread}; {colour} ({rule}){doubt}.",
    )


def advice(lit: Sequence[Lit]) -> str:
    """What the lights together say, in one sentence: go on, mend first, stop, or wait (Avery et al., 2017)."""
    colours = [one.colour for one in lit]
    if not colours:
        return "There are no progression criteria: nothing was agreed that could say whether to go on."
    if "red" in colours:
        unsure = [one.criterion.id for one in lit if one.colour == "red" and not one.sure and not one.by_people]
        hint = f" (not sure yet: {', '.join(unsure)})" if unsure else ""
        return f"Red: a larger trial can't be done like this; change what is red or stop{hint}."
    if "not yet" in colours:
        waiting = [one.criterion.id for one in lit if one.colour == "not yet"]
        return f"Not yet: nothing is known of {', '.join(waiting)}."
    if "amber" in colours:
        mend = [one.criterion.id for one in lit if one.colour == "amber"]
        return f"Amber: mend {', '.join(mend)} before a larger trial."
    unsure = [one.criterion.id for one in lit if not one.sure and not one.by_people]
    hint = f", though with these numbers amber can't be ruled out for {', '.join(unsure)}" if unsure else ""
    return f"Green: a larger trial can be done{hint}."


def faults(protocol: Protocol) -> tuple[str, ...]:
    """What is wrong with a feasibility plan's criteria, each a sentence with its hint; empty when it may be sealed."""
    if not protocol.progression:
        return (
            "progression is empty, must have at least one criterion in a feasibility trial: nothing would say whether to go "
            "on. Write progression: [{id: retention, asks: retention, text: ..., green: 0.8, red: 0.6}]; `roadtest gate FILE` "
            "shows the form.",
        )
    ids = [one.id for one in protocol.progression]
    twice = sorted({one for one in ids if ids.count(one) > 1})
    found = [f"progression has the id {one} twice, must have it once. Rename one of them." for one in twice]
    return (*found, *(fault for one in protocol.progression for fault in _faults(one)))


def _faults(one: Criterion) -> list[str]:
    where = f"progression.{one.id}"
    if one.green == one.red or (one.green > one.red) != one.higher:
        word = "higher: true" if one.higher else "higher: false"
        rule = "above" if one.higher else "below"
        return [
            f"{where}.green == {one.green:g}, must be {rule} red ({one.red:g}) with {word}. Swap them, or change higher."
        ]
    if one.asks in KNOWN and not one.higher:
        return [
            f"{where}.higher == false, must be true for {one.asks}: more of it is better. Turn the criterion round."
        ]
    if one.asks in SHARES and not 0 <= one.red < one.green <= _whole(one):
        hint = "Write 80 for 80 %" if one.unit == "%" else "Write 0.8 for 80 %, or unit: '%'"
        return [f"{where}.green == {one.green:g}, must be from 0 to {_whole(one):g}, as red. {hint}."]
    return []


def _known(one: Criterion, facts: Facts) -> tuple[float, float, float] | None:
    """The value and its interval from the facts; None for what they don't hold, or too little to speak of."""
    if one.asks == "recruitment":
        if facts.months <= 0 or facts.enrolled < LIMIT:
            return None
        return (facts.enrolled / facts.months, *rate_interval(facts.enrolled, facts.months))
    good, whole = (
        (facts.with_outcome, facts.settled) if one.asks == "retention" else (facts.rows - facts.set_aside, facts.rows)
    )
    if one.asks not in SHARES or whole < LIMIT:
        return None
    low, high = share_interval(good, whole)
    return _whole(one) * good / whole, _whole(one) * low, _whole(one) * high


def _whole(one: Criterion) -> float:
    """What all of a share is in the criterion's unit."""
    return 100.0 if one.unit == "%" else 1.0


def _lit(one: Criterion, value: float | None, low: float | None, high: float | None, by_people: bool) -> Lit:
    colour = judge(one, value)
    ends = [judge(one, end) for end in (low, high) if end is not None]
    sure = bool(ends) and all(end == colour for end in ends)
    return Lit(
        one, value, colour, low, high, sure, by_people, _sentence(one, value, colour, low, high, sure, by_people)
    )


def _sentence(
    one: Criterion,
    value: float | None,
    colour: Colour,
    low: float | None,
    high: float | None,
    sure: bool,
    by_people: bool,
) -> str:
    rule = f"green from {_said(one, one.green)} on, red from {_said(one, one.red)} on"
    if value is None:
        why = "people answer this when they decide" if by_people else _FEW
        return f"{one.text}: not yet ({why}; {rule})."
    spread = "" if low is None or high is None else f", plausibly {_said(one, low)} to {_said(one, high)}"
    doubt = "" if sure or by_people else "; another colour can't be ruled out yet"
    return f"{one.text}: {_said(one, value)}{spread}; {colour} ({rule}){doubt}."


def _said(one: Criterion, value: float) -> str:
    if one.asks in SHARES:
        return f"{100 * value / _whole(one):.0f} %"
    return f"{value:.3g} {one.unit}".strip()
