"""What is watched in one trial: the stopping rules as everybody may read them, what is waited for, staff time, progression."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, date, datetime

from dashboards.read_model.desk import Desk
from dashboards.read_model.trial import TrialView, card_of, held, kept
from trials.acts.act import CLOSED
from trials.acts.deciding import Decision
from trials.disclosure import safe_concern
from trials.feasibility import Facts as Feasible
from trials.feasibility import Lit, lights_between
from trials.overdue import Overdue, overdue
from trials.stopping import Finding, judged, todo_of, veiled
from trials.stopping.planned import Against, against, plan_of
from trials.stopping.practice import Practised, practised
from trials.stopping.rule import Facts
from trials.stopping.sound import Check, Known, checks
from trials.stopping.told import Near, for_everybody, near
from trials.store import arrivals, feasible, standing
from trials.store.engine import reading
from trials.store.reading import TrialCard

# Concerns of a look that the plan itself has from the start; every other has a rule.
_OF_THE_PLAN = ("feasibility", "label")


@dataclass(frozen=True, slots=True)
class Rule:
    """One rule as it stands. near: how near to its limit, where that may be told. todo: what to do when it says stop."""

    finding: Finding
    near: Near | None
    todo: str


@dataclass(frozen=True, slots=True)
class Watch:
    """What is watched. rules: worst first, none before the seal. design: what the plan itself holds against acting on its
    result, in sentences. closed: whether a decision closed the trial. waited: None where nothing is waited for any more."""

    view: TrialView
    rules: tuple[Rule, ...] = ()
    design: tuple[str, ...] = ()
    closed: bool = False
    waited: Overdue | None = None


@dataclass(frozen=True, slots=True)
class StaffTime:
    """Staff's minutes per case. finding: None where the plan has no such rule. reported: whether any week is."""

    view: TrialView
    finding: Finding | None = None
    points: tuple[Practised, ...] = ()
    reported: bool = False


@dataclass(frozen=True, slots=True)
class Lights:
    """A feasibility trial's progression criteria, each as red, amber or green."""

    view: TrialView
    lit: tuple[Lit, ...] = ()


@dataclass(frozen=True, slots=True)
class Sound:
    """How far the data can be trusted, check by check."""

    view: TrialView
    checks: tuple[Check, ...] = ()
    names: Mapping[str, str] = field(default_factory=dict)


def watch(desk: Desk, view: TrialView) -> Watch:
    """What is watched beside the effect. Raises NoAccessError."""
    card = card_of(desk, view)
    if view.seal is None:
        return Watch(view)
    now = datetime.now(UTC)
    facts = facts_of(desk, view, now)
    found = for_everybody(view.protocol, findings_of(desk, view, now), arms=view.arms)
    pace = pace_of(facts, view)
    worst, best = _between(desk, view, _until(card, now).date())
    concerns = () if card.look is None else card.look.concerns
    return Watch(
        view,
        tuple(Rule(one, near(one, view.protocol, pace, worst, best), todo_of(one)) for one in found),
        tuple(safe_concern(one) for one in concerns if one.code in _OF_THE_PLAN),
        card.state in CLOSED,
        waited_for(desk, view, card, now),
    )


def staff_time(desk: Desk, view: TrialView) -> StaffTime:
    """The learning curve against its limit. Raises NoAccessError."""
    card_of(desk, view)
    stopping = view.protocol.stopping
    if view.seal is None or stopping is None or stopping.staff_time is None:
        return StaffTime(view)
    now = datetime.now(UTC)
    facts = facts_of(desk, view, now)
    finding = next(one for one in findings_of(desk, view, now) if one.rule == "staff_time")
    return StaffTime(view, finding, practised(facts.weeks, facts.today), bool(facts.weeks))


def lights(desk: Desk, view: TrialView) -> Lights:
    """The progression criteria by what may be told; of a closed trial as on the day on which it was. Raises NoAccessError."""
    card = card_of(desk, view)
    asked = view.protocol.progression
    if not asked:
        return Lights(view)
    answers: dict[str, float] = {}
    if card.closing is not None and isinstance(card.closing.body, Decision):
        given = card.closing.body.answers
        answers = {one.id: one.value for one in given if one.source == "people" and one.value is not None}
    until = _until(card, datetime.now(UTC)).date()
    return Lights(view, lights_between(asked, *_between(desk, view, until), answers))


def sound(desk: Desk, view: TrialView, names: Mapping[str, str]) -> Sound:
    """The checks of the data. names: by arm, and '' for nobody's, what each is called. Raises NoAccessError."""
    card = card_of(desk, view)
    quality = view.quality
    waited = None if view.seal is None else waited_for(desk, view, card, datetime.now(UTC))
    missing = quality.missing.cells if view.arms else {"": quality.missing.cells.get("")}
    known = Known(
        quality.deliveries,
        quality.refused,
        quality.reasons.total,
        quality.late_changes,
        {names[arm]: count for arm, count in missing.items()},
        () if view.look is None else view.look.concerns,
        view.shown is not None,
        waited,
    )
    return Sound(view, checks(view.protocol, known), names)


def facts_of(desk: Desk, view: TrialView, now: datetime) -> Facts:
    """What the rules know of a sealed trial, of this minute. Raw: what is made of it for a page is veiled, or made from
    releases."""

    def found() -> Facts:
        with reading(desk.store) as connection:
            return standing.facts_of(connection, view.protocol.trial, now)

    return kept(desk, card_of(desk, view), "facts", found, _minute(now))


def findings_of(desk: Desk, view: TrialView, now: datetime) -> tuple[Finding, ...]:
    """What the rules say of it, veiled."""
    facts = facts_of(desk, view, now)

    def found() -> tuple[Finding, ...]:
        return tuple(veiled(one) for one in judged(facts))

    return kept(desk, card_of(desk, view), "findings", found, _minute(now))


def pace_of(facts: Facts, view: TrialView) -> Against | None:
    """Who joined against the plan, by what may be told; None where the plan has no pace."""
    plan = plan_of(facts)
    return None if plan is None else against(plan, view.enrolment, known=0 if view.shown is None else view.shown.n)


def waited_for(desk: Desk, view: TrialView, card: TrialCard, now: datetime) -> Overdue | None:
    """What the trial waits for in vain; None when it is closed. People in it pass `trials.disclosure.tens`."""
    if card.state in CLOSED:
        return None
    # That a source failed moves no token, so it is asked at every page, once.
    came, people = held(view, "arrivals", lambda: arrivals.arrivals_of(desk.store, {card.id: view.protocol})[card.id])
    return overdue(view.protocol, came, people, now)


def _between(desk: Desk, view: TrialView, until: date) -> tuple[Feasible, Feasible]:
    """The worst and the best that the facts can be by what is told; who joined as the page's own table tells it."""

    def found() -> tuple[Feasible, Feasible]:
        return feasible.facts_between(desk.store, view.protocol, until, view.enrolment)

    return kept(desk, card_of(desk, view), "between", found, until)


def _minute(now: datetime) -> datetime:
    return now.replace(second=0, microsecond=0)


def _until(card: TrialCard, now: datetime) -> datetime:
    return now if card.closing is None else card.closing.at
