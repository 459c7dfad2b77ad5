"""Plain words for what pages show. Numbers come in; no number is computed here that a look does not hold."""

from __future__ import annotations

import math
import re
from datetime import datetime
from typing import TYPE_CHECKING, Literal

from trials.disclosure import LIMIT
from trials.disclosure import rounded as rounded
from trials.disclosure import without_estimate as without_estimate
from trials.disclosure.looks import digits
from trials.evidence import Claim, Look
from trials.labelling import labelled, seen_label
from trials.outcomes import kind_named
from trials.protocol import Primary, Protocol
from trials.reasons import REASONS
from trials.verdict import at_threshold, noun, times

if TYPE_CHECKING:
    from trials.store.reading import TrialCard

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
    "promote": "The evidence for more of it is enough. Decide whether to go on.",
    "keep_going": "Not settled yet. Carry on.",
    "drop": "Unlikely to be worth it. Decide whether to stop.",
    "cant_tell": "No clear answer. People decide.",
    "stop_for_harm": "People fare worse by the evidence. Stop now, tell the steward.",
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
CLOSED_WORDS = {"dropped": "dropped", "promoted": "promoted", "stopped": "stopped", "rerun": "to be run again, decided"}
SIMULATED = "simulated"
REPLAY = "replay of a finished trial"
BADGE_WHY = {
    SIMULATED: "Made-up data from the simulator, not people",
    REPLAY: "The plan was written after the outcomes were known",
}
RETROSPECTIVE = "Written after the outcomes were known: shows what the verdict would have been, proves nothing new."
BETTER = "better →"
STEPS_WHY = (
    f"Numbers move on in steps of {LIMIT} or more, so that nobody can be worked out: “30+” is 30 or some more, and a total "
    "adds up what is shown."
)
TOO_FEW = "too few to show"


def floor(count: int | None, below: int = LIMIT) -> str:
    """A release: '30+', or 'under 10'."""
    return f"under {below:,}" if count is None else f"{count:,}+"


def floors(total: int | None) -> str:
    """A sum of releases: '30+', or 'few' where none of them is shown, however many they are."""
    return "few" if total is None else f"{total:,}+"


def about(count: int | None) -> str:
    """A release of a number that may also fall: 'about 30', or 'fewer than 10'."""
    return f"fewer than {LIMIT}" if count is None else f"about {count:,}"


def counted(look: Look | None) -> str:
    """How many people the evidence has, as far as it may be shown."""
    return TOO_FEW if look is None else f"{look.n:,}"


def units(protocol: Protocol) -> str:
    """What the trial counts: 'people', or 'clusters' of them."""
    return noun(protocol)


def badges(protocol: Protocol) -> list[str]:
    """What stands beside a trial's name wherever it shows, so that nobody takes it for a finding."""
    return [*([SIMULATED] if protocol.simulated else []), *([REPLAY] if protocol.retrospective else [])]


def label(protocol: Protocol, look: Look | None = None) -> str:
    """The evidence label in a few words, as it stands beside every verdict: 'Evidence: randomised'. look: the newest, as data
    that show that no lot formed the arms take that label away."""
    return f"Evidence: {labelled(protocol, () if look is None else look.concerns)}"


def label_means(protocol: Protocol, look: Look | None = None) -> str:
    """What the design, and the data of the newest look, allow anybody to claim, and what not."""
    found = seen_label(protocol, () if look is None else look.concerns)
    return f"This trial may claim {found.may_claim}; it may not claim {found.may_not_claim}."


def claim_words(protocol: Protocol, look: Look | None = None) -> dict[str, str]:
    """What each claim says, no more than the evidence label lets anybody claim: 'It helps' where a lot formed the arms, else
    how people did beside what they are held against. look: the newest, as for `label`."""
    beside = held_against(protocol, look)
    if beside is None:
        return CLAIM_WORDS
    return {
        "benefit": f"Better than {beside}",
        "dud": f"Too little better than {beside}",
        "harm": f"Worse than {beside}",
    }


def held_against(protocol: Protocol, look: Look | None = None) -> str | None:
    """What people did better or worse than, where that is all that may be said; None where a lot formed the arms."""
    found = seen_label(protocol, () if look is None else look.concerns)
    if found.causal:
        return None
    if protocol.control is None:
        return "the benchmark"
    return "before" if found.name == "before-after" else "the others"


def reason_means(protocol: Protocol, code: str, look: Look | None = None) -> str:
    """What a reason's code means, no more than the evidence label lets anybody claim; '' for a code that is not known."""
    beside = held_against(protocol, look)
    if beside is not None and code == "worked":
        return f"people did better than {beside}, by what was agreed to be worthwhile"
    if beside is not None and code == "no_benefit":
        return f"people did too little better than {beside} to be worth it"
    return REASONS[code][0] if code in REASONS else ""


def marks(card: TrialCard) -> list[str]:
    """What was decided, beside the verdict: 'dropped on 4 March 2024', and whether the newest look came after that."""
    if card.closing is None:
        return []
    return [
        f"{CLOSED_WORDS[card.state]} on {short_day(card.closing.at)}",
        *(["after the decision"] * card.post_decision),
    ]


def multiple(claim: Claim) -> str:
    """What a bet has paid so far, as a multiple, in the digits of the verdict's sentence: '3.2×', 'under 0.1×'."""
    return "–" if claim.log_e is None else f"{times(claim.log_e)}×"


def shown_multiple(claim: Claim) -> float | None:
    """The number that `multiple` says, for a chart to draw: no digit more than the words. 'under 0.1×' is 0.1."""
    if claim.log_e is None:
        return None
    said = times(claim.log_e)
    return float(said.removeprefix("under ").removeprefix("over ").replace(",", ""))


def by_boundary(claim: Claim) -> bool:
    """Whether a claim is judged by a boundary at planned looks; then there is no bet, and no multiple to tell of it."""
    return claim.log_e is None and claim.p is not None


def threshold(claim: Claim) -> str:
    return "boundary" if by_boundary(claim) else f"{at_threshold(claim.threshold)}×"


def strength(claim: Claim, who: str = "people") -> str:
    """'3.2× of 20×', or where it was reached: '20× reached at 351 people', the first look shown in which it was."""
    if claim.crossed_at_n is not None:
        return f"{threshold(claim)} {reached(claim, who)}"
    if by_boundary(claim):
        return "no boundary crossed yet"
    return "no evidence yet" if claim.log_e is None else f"{multiple(claim)} of {threshold(claim)}"


def reached(claim: Claim, who: str = "people") -> str:
    """Where a claim that fired did so: 'reached at 351 people'; 'reached' where that may not be told."""
    at = claim.crossed_at_n or 0
    return "reached" if at < LIMIT else f"reached at {at:,} {who}"


def effect(protocol: Protocol, value: float | None) -> str:
    """An effect in words: '8.3 fewer in 100', '$1,530 more'."""
    return "–" if value is None else kind_named(protocol.primary.kind).say_effect(protocol.primary, value)


def directed(protocol: Protocol, value: float | None) -> str:
    """An effect in words with its direction, for a table: '1.1 more in 100 (worse)'."""
    if value is None or value == 0:
        return effect(protocol, value)
    return f"{effect(protocol, value)} ({'better' if value > 0 else 'worse'})"


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


def is_count(primary: Primary) -> bool:
    """Whether the arms' totals are events with an exposure."""
    return kind_named(primary.kind).values == "count"


def is_time(primary: Primary) -> bool:
    """Whether the arms' totals are people with an event, and their exposure the time at risk."""
    return kind_named(primary.kind).values == "time"


def effect_tick(primary: Primary, value: float) -> str:
    """An effect as an axis label, positive = better: '+10', '−$1,000', '+25 %'."""
    sign = "" if value == 0 else ("+" if value > 0 else "\u2212")
    if per_hundred(primary):
        return f"{sign}{abs(value) * 100:,.3g}"
    if is_time(primary):
        return f"{sign}{abs(value) * 100:,.3g} %"
    return f"{sign}{size(primary, value)}"


def size(primary: Primary, value: float) -> str:
    """A value of the measure itself without its sign: '$4,500', '2.5'."""
    symbol = {"USD": "$", "GBP": "£", "EUR": "€"}.get(primary.unit, "")
    return f"{symbol}{abs(value):,.6g}"


def mean(primary: Primary, value: float) -> str:
    """An arm's mean or rate, as rounded as effects are: '$4,512', '2.5', '−1.5'."""
    shown = round(value, digits(primary, abs(value)))
    return ("\u2212" if shown < 0 else "") + size(primary, shown)


def effect_unit(primary: Primary) -> str:
    """What the effect axis counts: 'per 100 people', 'in USD', 'events per month watched'."""
    if per_hundred(primary):
        return "per 100 people"
    if is_time(primary):
        return "the change in how many have the event at any time, in %"
    if is_count(primary):
        return f"{primary.unit or 'events'} per {exposure(primary)}"
    return f"in {primary.unit or 'the measure’s unit'}"


def exposure(primary: Primary) -> str:
    """What a count is counted in, as words."""
    return (primary.exposure or "unit of exposure").replace("_", " ")


def baseline(primary: Primary) -> str:
    """What is expected without the idea, in the measure's own unit."""
    if per_hundred(primary):
        return f"{100 * primary.baseline:g} in 100"
    if is_time(primary):
        return f"{100 * primary.baseline:g} in 100 with the event by the end of follow-up"
    if is_count(primary):
        return f"{primary.baseline:g} per {exposure(primary)}"
    return effect_tick(primary, primary.baseline).removeprefix("+")


def arm_name(protocol: Protocol, arm_id: str) -> str:
    """An arm's name, or its id as words."""
    named = {arm.id: arm.name for arm in protocol.arms}
    return named.get(arm_id) or arm_id.replace("_", " ").capitalize()


def usual(protocol: Protocol) -> str:
    """What the ideas are held against: usual practice, or in a trial with one arm its benchmark."""
    return "usual practice" if protocol.control is not None else "the benchmark"


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
    shown = shown_multiple(claim)
    return 0.0 if shown is None else round(min(max(math.log(shown) / math.log(claim.threshold), 0.0), 1.0), 2)


def plural(count: int, one: str, many: str | None = None) -> str:
    return f"{count:,} {one if count == 1 else many or one + 's'}"
