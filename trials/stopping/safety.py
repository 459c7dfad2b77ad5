"""Are there more serious events that may be due to the idea than was expected, and does one wait for the safety steward?

Guarantee of the claim: P(it ever fires) ≤ the plan's error when each treated person's chance of ever having a related serious
event, given those who joined before them, is at most the limit; however often anybody looks, and whenever events come and
are reported: whoever has had none yet counts as one who never will, which only lowers the evidence (`bets.share_log_e` of the
events known by then lies below that of the same people's events in the end, an e-process in the order of joining).
An event counts as related when the steward's newest word on it, or the report while there is none, says yes or possibly. A
person counts once, so more events of one person are not more evidence. Events of people in the control arm don't count.
Source: seriousness by ICH E2A (1994), section II.B; the rate's claim as in Wald (1947), "Sequential Analysis", ch. 3.
"""

from __future__ import annotations

from datetime import date

from trials.plan.stopping import Safety
from trials.stopping.bets import share_log_e
from trials.stopping.rule import Event, Facts, Finding, Level, Point, Rule, RuleClaim, claimed, level_of

AT_ONCE = ("death", "life_threatening")
RELATED = ("yes", "possibly")


def rate(facts: Facts) -> tuple[Finding, ...]:
    """Related serious events per 100 people treated."""
    rule = None if facts.protocol.stopping is None else facts.protocol.stopping.safety
    if rule is None:
        return ()
    limit = rule.related_at_most / 100
    counted = related(facts.events)
    path = _path(facts, counted, limit)
    treated = _treated(facts, facts.today)
    null = f"{rule.related_at_most:g} related serious events per 100 people treated or fewer"
    claim = claimed(null, rule.error, "people treated", path, "nobody is treated yet")
    hits = len(counted)
    beyond = treated > 0 and hits > limit * max(treated, hits)
    plan = f"at most {rule.related_at_most:g} related serious events per 100 people treated"
    figures = (("per_100_treated", round(100 * hits / max(treated, hits), 2) if treated else None),)
    said = _rate_sentence(rule, claim, beyond)
    return (
        Finding(
            "safety_rate",
            "safety",
            level_of(claim, beyond=beyond),
            said,
            plan,
            claim,
            figures=figures,
            rests_on=(hits, treated),
        ),
    )


def related(events: tuple[Event, ...]) -> list[Event]:
    """Each person's first related serious event; events of nobody in particular stand for a person each."""
    found: dict[str, Event] = {}
    for one in sorted(events, key=lambda event: (event.day, event.number)):
        if one.serious and one.related in RELATED and one.treated:
            found.setdefault(one.person or f"event {one.number}", one)
    return list(found.values())


def _path(facts: Facts, counted: list[Event], limit: float) -> list[Point]:
    """The evidence on the day of each event, where it rises, and today."""
    days = sorted({one.day for one in counted} | {facts.today}) if facts.joined or counted else []
    found = []
    for day in days:
        hits = sum(one.day <= day for one in counted)
        people = max(_treated(facts, day), hits)
        if people:
            found.append(Point(day, people, float(share_log_e(hits, people, limit))))
    return found


def _treated(facts: Facts, day: date) -> int:
    return sum(one.treated for one in facts.joined if one.day <= day)


def _rate_sentence(rule: Safety, claim: RuleClaim, beyond: bool) -> str:
    limit = f"{rule.related_at_most:g} per 100 people treated"
    if claim.log_e is None:
        return "Nobody is treated yet."
    if claim.fired:
        return f"Serious events that may be due to the idea are more frequent than {limit}, the most that was expected."
    if beyond:
        return f"More serious events than {limit} may be due to the idea so far, but chance may do that."
    return f"Serious events that may be due to the idea keep within {limit}."


def at_once(facts: Facts) -> tuple[Finding, ...]:
    """An event that stops enrolment: by the steward's word, or because it waits for it."""
    said = waits(facts.protocol.stopping.safety if facts.protocol.stopping else None, facts.events)
    if said is None and not facts.events:
        return ()
    open_ = [one for one in facts.events if one.stops is None]
    stopped = said is not None
    claim = RuleClaim(
        "no event stops the trial",
        0.0,
        crossed_on=min((one.day for one in facts.events if _stops(one)), default=facts.today) if stopped else None,
        reason="a rule without chance: one event is enough",
    )
    sentence = said or (
        "Reported events wait for the safety steward's judgement."
        if open_
        else "The safety steward has judged every event."
    )
    plan = "a death or a life-threatening event stops enrolment until the safety steward has judged it"
    level: Level = "stop" if stopped else "watch" if open_ else "fine"
    return (Finding("safety_event", "safety", level, sentence, plan, claim),)


def waits(rule: Safety | None, events: tuple[Event, ...]) -> str | None:
    """Why nobody may be enrolled now, in one sentence; None when people may be. A plan without the rule has it too."""
    ended = [one for one in events if one.stops]
    if ended:
        return f"Enrolment is stopped: the safety steward judged that event {ended[0].number} stops the trial."
    waiting = [one for one in events if _stops(one)] if rule is None or rule.stop_at_once else []
    if not waiting:
        return None
    what = "a death" if waiting[0].kind == "death" else "a life-threatening event"
    return f"Enrolment waits until the safety steward has judged event {waiting[0].number}, {what}."


def _stops(event: Event) -> bool:
    return event.stops is True or (event.stops is None and event.kind in AT_ONCE)


RATE = Rule(
    "safety_rate",
    "safety",
    claim="related serious events are more frequent than the plan expects",
    todo="the safety steward decides: stop, or change the idea and amend the plan",
    source="likelihood ratios of a share: Wald (1947), ch. 3",
    judge=rate,
)
EVENT = Rule(
    "safety_event",
    "safety",
    claim="an event stops enrolment until the safety steward has judged it, or for good",
    todo="the safety steward judges it: `roadtest safety judge`",
    source="a rule without chance",
    judge=at_once,
)
