"""Plain words for what pages show. Numbers come in; no number is computed here that a look does not hold."""

from __future__ import annotations

import math
import re
from datetime import datetime
from typing import Literal

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
    "promote": "Proven here. Try it in more places.",
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
HIDDEN = "hidden"
HIDDEN_WHY = "Hidden: fewer than 10, or needed so that such a number can't be worked out."


def number(count: int | None) -> str:
    """A count that passed disclosure: '1,234', or 'hidden'."""
    return HIDDEN if count is None else f"{count:,}"


def few(count: int | None) -> str:
    """A count that stands alone: '1,234', or 'fewer than 10'."""
    return "fewer than 10" if count is None else f"{count:,}"


def multiple(claim: Claim) -> str:
    """What a bet has paid so far, as a multiple: '3.2×'."""
    if claim.log_e is None:
        return "–"
    return f"{times(claim.log_e)}×" if claim.log_e >= math.log(0.05) else "under 0.1×"


def threshold(claim: Claim) -> str:
    return f"{at_threshold(claim.threshold)}×"


def strength(claim: Claim) -> str:
    """'3.2× of 20×', or where it was reached: '20× reached at 351 people'."""
    if claim.crossed_at_n is not None:
        return f"{threshold(claim)} reached at {claim.crossed_at_n:,} people"
    return "no evidence yet" if claim.log_e is None else f"{multiple(claim)} of {threshold(claim)}"


def effect(protocol: Protocol, value: float | None) -> str:
    """An effect in words: '8.3 fewer in 100', '$1,530 more'."""
    return "–" if value is None else kind_named(protocol.primary.kind).say_effect(protocol.primary, value)


def plausible(protocol: Protocol, look: Look) -> str:
    """The confidence sequence in words, or why there is none."""
    low, high = look.interval
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


def day(when: datetime | None) -> str:
    """A date as people write it: '4 March 2024'."""
    return "–" if when is None else f"{when.day} {when:%B %Y}"


def short_day(when: datetime | None) -> str:
    return "–" if when is None else f"{when.day} {when:%b %Y}"


def share_of_threshold(claim: Claim) -> float:
    """How far a bet has come towards its threshold, 0 to 1, on the log scale on which evidence adds up."""
    if claim.crossed_at_n is not None:
        return 1.0
    if claim.log_e is None:
        return 0.0
    return min(max(claim.log_e / math.log(claim.threshold), 0.0), 1.0)


def plural(count: int, one: str, many: str | None = None) -> str:
    return f"{count:,} {one if count == 1 else many or one + 's'}"
