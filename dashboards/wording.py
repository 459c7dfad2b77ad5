"""Plain words for what pages show. Numbers come in; no number is computed here that a look does not hold."""

from __future__ import annotations

import math
import re
from datetime import datetime
from typing import Literal

from trials.disclosure import safe_count
from trials.evidence import Claim, Look
from trials.outcomes import kind_named
from trials.protocol import Primary, Protocol
from trials.verdict import at_threshold, times

Standing = Literal["promote", "keep_going", "drop", "cant_tell", "stop_for_harm", "setting_up"]

VERDICT_WORDS: dict[Standing, str] = {
    "promote": "Promote",
    "keep_going": "Keep going",
    "drop": "Drop",
    "cant_tell": "Needs a decision",
    "stop_for_harm": "Stop for harm",
    "setting_up": "Setting up",
}
VERDICT_MEANS: dict[Standing, str] = {
    "promote": "Enough evidence that it helps. Try it in more places.",
    "keep_going": "Not settled yet. Carry on.",
    "drop": "Unlikely to be worth it. Stop.",
    "cant_tell": "No clear answer. People decide.",
    "stop_for_harm": "It does harm. Stop now, tell the steward.",
    "setting_up": "Planned, no results yet.",
}
STAGE_WORDS = {
    "idea": "Idea",
    "proof_of_concept": "Proof of concept",
    "pilot": "Pilot",
    "scale": "Scale",
}
CLAIM_WORDS = {"benefit": "It helps", "dud": "Not worth it", "harm": "It harms"}
CLAIM_LEADS_TO: dict[str, Standing] = {"benefit": "promote", "dud": "drop", "harm": "stop_for_harm"}
SIMULATED = "simulated"
REPLAY = "replay of a finished trial"
BADGE_WHY = {
    SIMULATED: "Made-up data from the simulator, not people",
    REPLAY: "The plan was written after the outcomes were known",
}
RETROSPECTIVE = "Written after the outcomes were known: shows what the verdict would have been, proves nothing new."
BETTER = "better →"
HIDDEN = "hidden"
HIDDEN_WHY = "Hidden: fewer than 10, or needed so that such a number can't be worked out."


def number(count: int | None) -> str:
    """A count that passed disclosure: '1,234', or 'hidden'."""
    return HIDDEN if count is None else f"{count:,}"


def few(count: int | None) -> str:
    """A count that stands alone: '1,234', or 'fewer than 10'."""
    return "fewer than 10" if count is None else f"{count:,}"


def badges(protocol: Protocol) -> list[str]:
    """What stands beside a trial's name wherever it shows, so that nobody takes it for a finding."""
    return [*([SIMULATED] if protocol.simulated else []), *([REPLAY] if protocol.retrospective else [])]


def multiple(claim: Claim) -> str:
    """What a bet has paid so far, as a multiple, in the digits of the verdict's sentence: '3.2×', 'under 0.1×'."""
    return "–" if claim.log_e is None else f"{times(claim.log_e)}×"


def shown_multiple(claim: Claim) -> float | None:
    """The number that `multiple` says, for a chart to draw: no digit more than the words. 'under 0.1×' is 0.1."""
    if claim.log_e is None:
        return None
    said = times(claim.log_e)
    return float(said.removeprefix("under ").removeprefix("over ").replace(",", ""))


def threshold(claim: Claim) -> str:
    return f"{at_threshold(claim.threshold)}×"


def strength(claim: Claim) -> str:
    """'3.2× of 20×', or where it was reached: '20× reached at 351 people'."""
    if claim.crossed_at_n is not None:
        return f"{threshold(claim)} {reached(claim)}"
    return "no evidence yet" if claim.log_e is None else f"{multiple(claim)} of {threshold(claim)}"


def reached(claim: Claim) -> str:
    """Where a claim that fired did so: 'reached at 351 people'."""
    return f"reached at {few(safe_count(claim.crossed_at_n or 0))} people"


def effect(protocol: Protocol, value: float | None) -> str:
    """An effect in words: '8.3 fewer in 100', '$1,530 more'."""
    return "–" if value is None else kind_named(protocol.primary.kind).say_effect(protocol.primary, value)


def directed(protocol: Protocol, value: float | None) -> str:
    """An effect in words with its direction, for a table: '1.1 more in 100 (worse)'."""
    if value is None or value == 0:
        return effect(protocol, value)
    return f"{effect(protocol, value)} ({'better' if value > 0 else 'worse'})"


def rounded(primary: Primary, value: float | None) -> float | None:
    """An effect with the digits that its words have: one decimal per 100 people; whole units of an amount from 100 on."""
    if value is None:
        return None
    digits = 3 if per_hundred(primary) else 0 if abs(value) >= 100 else 1
    return round(value, digits) + 0.0


def changed_over_time(look: Look) -> bool:
    """Whether there is no range because its ends crossed: once a claim has fired, one end is known unless they did."""
    return look.interval == (None, None) and any(claim.fired for claim in look.claims.values())


def plausible(protocol: Protocol, look: Look) -> str:
    """The confidence sequence in words, or why there is none."""
    low, high = look.interval
    if changed_over_time(look):
        return "no plausible range: the effect has changed over time"
    if low is None and high is None:
        return "no plausible range yet"
    return f"plausibly {effect(protocol, low)} to {effect(protocol, high)}"


def per_hundred(primary: Primary) -> bool:
    """Whether effects on this measure are shares, which pages show per 100 people."""
    return kind_named(primary.kind).values == "binary"


def effect_tick(primary: Primary, value: float) -> str:
    """An effect as an axis label, positive = better: '+10', '−$1,000'."""
    sign = "" if value == 0 else ("+" if value > 0 else "\u2212")
    if per_hundred(primary):
        return f"{sign}{abs(value) * 100:,.3g}"
    symbol = {"USD": "$", "GBP": "£", "EUR": "€"}.get(primary.unit, "")
    return f"{sign}{symbol}{abs(value):,.6g}"


def effect_unit(primary: Primary) -> str:
    """What the effect axis counts: 'per 100 people', 'in USD', 'in hours'."""
    return "per 100 people" if per_hundred(primary) else f"in {primary.unit or 'the measure’s unit'}"


def worthwhile(protocol: Protocol) -> str:
    return f"{effect(protocol, protocol.primary.worthwhile)} or better"


def measure(protocol: Protocol) -> str:
    return protocol.primary.label or protocol.primary.measure.replace("_", " ")


def first_sentence(text: str) -> str:
    """The verdict's own sentence, without the estimate that follows it: a list shows that beside it."""
    return re.split(r"(?<=\.)\s+(?=[A-Z])", text, maxsplit=1)[0]


def without_estimate(protocol: Protocol, text: str) -> str:
    """The verdict's sentence without the estimate and its range, for when these may not be shown."""
    before, found, _ = text.partition(f". {measure(protocol)}: ")
    before, also, _ = before.partition(f". {protocol.primary.measure}: ")
    return f"{before}." if found or also else text


def day(when: datetime | None) -> str:
    """A date as people write it: '4 March 2024'."""
    return "–" if when is None else f"{when.day} {when:%B %Y}"


def short_day(when: datetime | None) -> str:
    return "–" if when is None else f"{when.day} {when:%b %Y}"


def share_of_threshold(claim: Claim) -> float:
    """How far a bet has come towards its threshold, 0 to 1, on the log scale on which evidence adds up."""
    if claim.crossed_at_n is not None:
        return 1.0
    shown = shown_multiple(claim)
    return 0.0 if shown is None else round(min(max(math.log(shown) / math.log(claim.threshold), 0.0), 1.0), 2)


def plural(count: int, one: str, many: str | None = None) -> str:
    return f"{count:,} {one if count == 1 else many or one + 's'}"
