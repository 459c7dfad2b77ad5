"""Words of the board: what was decided, what comes next, how far the evidence is, what deciding early released."""

from __future__ import annotations

from datetime import datetime, timedelta

from dashboards import wording
from dashboards.wording import Standing
from trials.acts.deciding import Decision
from trials.evidence import Claim
from trials.next_look import NextLook
from trials.programme import Days, Released
from trials.protocol import Protocol
from trials.store.reading import TrialCard

DECIDED = {"dropped": "Dropped", "promoted": "Promoted", "stopped": "Stopped", "rerun": "To be run again"}
NOT_SHOWN = "Not shown"
FAULT = "Verdict and evidence of this trial disagree, so neither is shown."
REGISTERED = "The plan is registered; no outcome has been looked at yet."
TOWARDS = {"benefit": "promote", "dud": "drop", "harm": "stop for harm"}
_SIGNS = {"USD": "$", "GBP": "£", "EUR": "€"}


def decided(card: TrialCard) -> str:
    """What was decided on a closed trial, when, and the reason that was given: the first thing to say of it. Empty while it
    is open."""
    if card.closing is None:
        return ""
    said = f"{DECIDED[card.state]} on {wording.short_day(card.closing.at)}"
    body = card.closing.body
    reason = wording.reason_means(card.protocol, body.reason_code, card.look) if isinstance(body, Decision) else ""
    return f"{said}. The reason given: {reason}." if reason else f"{said}."


def marks(card: TrialCard) -> list[str]:
    """`wording.marks`, in the board's words: when it was decided on, and whether more was looked at since."""
    return [*wording.marks(card)[:1], *(["newer data since"] * card.post_decision)] if card.closing else []


def evidence_of_closed(verdict: Standing | None) -> str:
    """What the evidence said when a trial was closed: beside the decision, never in its place."""
    if verdict is None:
        return "There was no look at the evidence then."
    return f"The evidence said then: {wording.VERDICT_WORDS[verdict]}."


def next_words(found: NextLook, who: str) -> str:
    """'by 12 May 2025', 'at 200 people', 'when the next file comes'."""
    if found.wait == "date":
        return f"was due {wording.short_day(found.at)}" if found.late else f"by {wording.short_day(found.at)}"
    if found.wait == "people":
        return f"at {found.people:,} {who}"
    said = {"over": "none planned", "unsealed": "once the plan is sealed", "first file": "when the first file comes"}
    return said.get(found.wait, "when the next file comes")


def balance(protocol: Protocol, claims: dict[str, Claim]) -> str:
    """The picture of the evidence as a sentence: how far it has come towards each answer."""
    if not claims:
        return "No evidence yet towards promote, drop or harm."
    who = wording.units(protocol)
    parts = [
        f"towards {word}: {wording.strength(claims[name], who)}" for name, word in TOWARDS.items() if name in claims
    ]
    said = "; ".join(parts)
    return f"{said[:1].upper()}{said[1:]}."


def furthest(protocol: Protocol, name: str, claim: Claim | None) -> str:
    """How near the evidence has come to one answer: 'promote: 3.2× of 20×'."""
    if claim is None or (claim.log_e is None and not claim.fired):
        return "no evidence yet" if claim is None else wording.strength(claim)
    return f"{TOWARDS[name]}: {wording.strength(claim, wording.units(protocol))}"


def waiting(since: datetime, now: datetime) -> str:
    """How long an answer has stood: 'waiting 14 days'."""
    days = max((now - since) // timedelta(days=1), 0)
    return "since today" if days == 0 else f"waiting {wording.plural(days, 'day')}"


def from_idea(days: Days) -> tuple[str, str]:
    """The median time to a decision, and what it is of."""
    noted = "from idea" if days.from_idea == days.trials else "from idea, or where none was noted from registration,"
    if days.trials == 1:
        return f"{days.median:,.0f} days", f"{noted} to the one decision so far"
    return (
        f"{days.median:,.0f} days",
        f"{noted} to decision, the middle of {days.trials:,}; the fastest took {days.fewest:,}, the slowest {days.most:,}",
    )


def released(found: Released) -> tuple[str, str]:
    """Whom and what stopping early released against the fixed-size plans, and what the sum leaves out. What went beyond
    the plans is taken off, and said."""
    if not found.trials:
        return "can't be told", "so few people joined that it would tell how many" if found.small else "of no trial yet"
    about = "about " if found.about else ""
    head = _amount(found.people, "people", about) if found.people or not found.clusters else ""
    parts = [_amount(found.clusters, "clusters", about)] if found.clusters else []
    if found.uncosted < found.trials:
        parts += [_amount(round(found.staff_hours), "staff hours", about)] if found.staff_hours else []
        parts += [f"{about}{money(amount, currency)}" for currency, amount in found.money]
    if not head:
        head, *parts = parts
    more = f"and {', '.join(parts)}, " if parts else ""
    return head, f"{more}{_notes(found)}"


def _notes(found: Released) -> str:
    notes = [f"not needed of the fixed-size plans of {wording.plural(found.trials, 'closed trial')}"]
    if found.beyond:
        notes.append(f"{wording.plural(found.beyond, 'trial')} took more than planned, which is taken off")
    if found.uncosted:
        notes.append(f"{wording.plural(found.uncosted, 'plan')} without costs, so hours and money are of the others")
    if found.small:
        notes.append(
            f"{wording.plural(found.small, 'trial')} left out, where so few joined that it would tell how many"
        )
    return "; ".join(notes)


def _amount(number: float, what: str, about: str) -> str:
    return f"{about}{number:,} {what}" if number >= 0 else f"{about}{-number:,} {what} more than planned"


def money(amount: float, currency: str) -> str:
    """'€41,000', '−€2,000' where more was spent than planned, '1,200 SEK'."""
    sign = "\u2212" if amount < 0 else ""
    symbol = _SIGNS.get(currency)
    return f"{sign}{symbol}{abs(amount):,.0f}" if symbol else f"{sign}{abs(amount):,.0f} {currency}"
