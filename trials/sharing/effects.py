"""What a look shows so far of each measure of the plan, in words: the primary one, guardrails and strengths alike.

Nothing is said of an outcome while fewer than ten people, or fewer than ten with or without it, stand behind an arm.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

from trials.disclosure import LIMIT, enough, safe_count, splits_hidden
from trials.evidence import ArmTotal, Guarded, Interval, Look, Strength
from trials.outcomes import kind_named
from trials.outcomes.kind import CURRENCY, say_amount
from trials.protocol import Measure, Primary, Protocol
from trials.sharing.strengths import as_primary

TOO_FEW = "too few people so far to say"
NOTHING_YET = "no result yet"
KEPT_BACK = "shown to those who may see results by arm"

Shows = Literal["better", "worse", "unclear", "nothing"]


@dataclass(frozen=True, slots=True)
class Standing:
    """A measure as a look has it. effect: positive = better by the plan, None where nothing may be said. shows: 'better' and
    'worse' only where an interval (of a guardrail: its breach) rules the other out. words: for people."""

    measure: str
    effect: float | None
    interval: Interval
    shows: Shows
    words: str


def primary_of(protocol: Protocol, measure: str) -> Primary | None:
    """A measure of the plan as its kind says it; None when the plan has no such measure."""
    if measure == protocol.primary.measure:
        return protocol.primary
    for guardrail in protocol.guardrails:
        if guardrail.measure == measure:
            return guardrail.judged()
    found = next((one for one in protocol.strengths if one.measure == measure), None)
    return None if found is None else as_primary(found)


def named(measure: Measure) -> str:
    return measure.label or measure.measure.replace("_", " ")


def standing(protocol: Protocol, look: Look | None, measure: str, *, without: str = NOTHING_YET) -> Standing:
    """What the look shows of a measure of the plan. without: what is said where there is no look to be shown."""
    primary = primary_of(protocol, measure)
    if look is None or primary is None:
        return _nothing(measure, without)
    if measure == protocol.primary.measure:
        return _of_primary(protocol, look)
    arm = lead_of(protocol, look)
    for strength in look.strengths:
        if (strength.measure, strength.arm) == (measure, arm):
            return of_strength(protocol, strength)
    for guarded in look.guardrails:
        if (guarded.measure, guarded.arm) == (measure, arm):
            return _of_guardrail(protocol, primary, guarded)
    return _nothing(measure, NOTHING_YET)


def lead_of(protocol: Protocol, look: Look) -> str:
    """The arm whose estimate the look gives: the only one, or the one of several that speaks for the trial."""
    for one in look.comparisons:
        if (one.estimate, one.interval) == (look.estimate, look.interval):
            return one.arm
    return protocol.treatments[0].id


def _nothing(measure: str, words: str) -> Standing:
    return Standing(measure, None, (None, None), "nothing", words)


def _of_primary(protocol: Protocol, look: Look) -> Standing:
    kind = kind_named(protocol.primary.kind)
    hidden = splits_hidden(look, binary=kind.values == "binary", events=kind.values in ("count", "time"))
    if look.estimate is None or not enough(look) or hidden:
        return _nothing(protocol.primary.measure, TOO_FEW)
    return Standing(
        protocol.primary.measure,
        look.estimate,
        look.interval,
        _shows(look.interval),
        said(protocol.primary, look.estimate, look.interval),
    )


def of_strength(protocol: Protocol, strength: Strength) -> Standing:
    """A strengths measure; in a trial with one arm its mean, which is neither better nor worse than anything."""
    primary = primary_of(protocol, strength.measure)
    if primary is None or strength.estimate is None or not _enough(primary, _of_arm(protocol, strength)):
        return _nothing(strength.measure, TOO_FEW)
    if not strength.compared:
        words = _mean_said(primary, strength.estimate, strength.interval)
        return Standing(strength.measure, None, strength.interval, "nothing", words)
    shows, words = _shows(strength.interval), said(primary, strength.estimate, strength.interval)
    return Standing(strength.measure, strength.estimate, strength.interval, shows, words)


def _of_arm(protocol: Protocol, strength: Strength) -> list[ArmTotal]:
    """The totals of the strength's own arm and of the control."""
    control = None if protocol.control is None else protocol.control.id
    return [total for total in strength.arms if total.arm in (strength.arm, control)]


def _of_guardrail(protocol: Protocol, primary: Primary, guarded: Guarded) -> Standing:
    """A guardrail has no interval of its own: only its breach is more than a tendency."""
    control = None if protocol.control is None else protocol.control.id
    mine = next(total for total in guarded.arms if total.arm == guarded.arm)
    theirs = next((total for total in guarded.arms if total.arm == control), None)
    totals = [mine] if theirs is None else [mine, theirs]
    before = primary.baseline if theirs is None else _rate(theirs)
    now = _rate(mine)
    breached = guarded.claim.fired
    if now is None or before is None or not _enough(primary, totals):
        if breached:
            return Standing(guarded.measure, None, (None, None), "worse", "worse than the margin that was agreed")
        return _nothing(guarded.measure, TOO_FEW)
    effect = before - now if primary.better == "lower" else now - before
    words = said(primary, effect, (None, None)) + (", worse than the margin that was agreed" if breached else "")
    return Standing(guarded.measure, effect, (None, None), "worse" if breached else "unclear", words)


def _rate(total: ArmTotal) -> float | None:
    below = total.n if total.exposure is None else total.exposure
    return total.total / below if below > 0 else None


def _enough(primary: Primary, totals: Sequence[ArmTotal]) -> bool:
    """Whether every arm has enough people, and a yes-or-no measure enough of both answers in each."""
    values = kind_named(primary.kind).values
    counts = [total.n for total in totals]
    if values in ("binary", "count"):
        counts += [round(total.total) for total in totals]
    if values == "binary":
        counts += [total.n - round(total.total) for total in totals]
    return min(counts[: len(totals)]) >= LIMIT and None not in map(safe_count, counts)


def _shows(interval: Interval) -> Shows:
    low, high = interval
    if low is not None and low > 0:
        return "better"
    return "worse" if high is not None and high < 0 else "unclear"


def said(primary: Primary, effect: float, interval: Interval) -> str:
    """'1.7 points higher (from 1.2 higher to 2.2 higher)': an effect and its interval in the measure's own words."""
    say = kind_named(primary.kind).say_effect
    low, high = interval
    if low is None and high is None:
        return say(primary, effect)
    ends = (
        "no limit yet" if low is None else say(primary, low),
        "no limit yet" if high is None else say(primary, high),
    )
    return f"{say(primary, effect)} (between {ends[0]} and {ends[1]})"


def _mean_said(primary: Primary, mean: float, interval: Interval) -> str:
    low, high = interval
    if low is None or high is None:
        return f"{_value(primary, mean)} on average"
    return f"{_value(primary, mean)} on average (between {_value(primary, low)} and {_value(primary, high)})"


def _value(primary: Primary, value: float) -> str:
    if primary.kind == "binary":
        return f"{100 * value:.0f} in 100"
    if primary.unit in CURRENCY:
        return ("-" if value < 0 else "") + say_amount(primary, abs(value))
    return f"{value:,.1f} {primary.unit}".strip()


def strength_sentences(protocol: Protocol, look: Look | None, *, without: str = NOTHING_YET) -> tuple[str, ...]:
    """One sentence for each strengths measure, beside the verdict and apart from it."""
    if look is None or not look.strengths:
        return tuple(f"{_capital(named(one))}: {without}." for one in protocol.strengths)
    names = {arm.id: arm.name or arm.id for arm in protocol.arms}
    found = []
    for one in look.strengths:
        measure = next(each for each in protocol.strengths if each.measure == one.measure)
        now = of_strength(protocol, one)
        where = f", {names[one.arm]}" if len(protocol.treatments) > 1 else ""
        judged = {
            "better": "; the interval holds better values only",
            "worse": "; the interval holds worse values only",
            "unclear": "; that may be chance",
            "nothing": "",
        }[now.shows]
        found.append(
            f"{_capital(named(measure))}{where}: {now.words}{judged}. It stands beside the verdict and has no part in it."
        )
    return tuple(found)


def _capital(text: str) -> str:
    return text[:1].upper() + text[1:]
