"""The story that the demo's simulated programme lives through: what its people do beside the data, week by week.

A plan is refused at the gate and changed, four eyes seal, a plan is amended after a look, a site leaves, a dud is dropped with
its lesson, a harmful idea is stopped by the safety steward, and one idea goes on to a pilot. Each step is done at its own week
and is the same act if it is done again, so a demo that was killed goes on as if it had not been.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

from flows.allocating import fix_list
from flows.byhand import door_of
from flows.environment import run as run_flow
from flows.register import register
from flows.reported import judge_safety, report_safety, staff_time
from flows.settings import Settings
from flows.simulator import participants, sent_at
from flows.work import Door, seal_trial
from trials import gate
from trials.acts.cocreation import CoCreation
from trials.acts.fund import FundAnswer, FundRequest, FundSpent
from trials.acts.ideas import Idea
from trials.acts.safety_events import SAFETY_EVENT, SAFETY_JUDGED, SafetyEvent
from trials.acts.voices import Voice
from trials.errors import GateError
from trials.plan.stopping import Recruitment, Stopping
from trials.protocol import Protocol, from_file
from trials.store import acts, amendments, decisions, ideas, reading, sharing
from trials.store.engine import Store

LEAD, SECOND, STEWARD, SITE_LEAD = "programme lead", "second reader", "safety steward", "site manager"
PILOT, DRAFT = "pilot.yaml", "e-first-draft.yaml"
STRENGTHS, BUDGETS, CONNECTIONS, APPOINTMENTS, MENTORS = (
    "probation-a-strengths",
    "probation-b-budgets",
    "probation-c-connections",
    "probation-d-appointments",
    "probation-e-mentors",
)
# Weeks before anything arrives, in which plans are written.
NOTED, DRAFTED, REGISTERED, SEALED = -8, -3, -2, -1


@dataclass
class Stage:
    """Where the story plays. told: what has been said of it, a sentence a step."""

    settings: Settings
    store: Store
    folder: Path
    protocols: dict[str, Protocol]
    seed: int
    params: dict[str, Any]
    told: list[str] = field(default_factory=list)

    @property
    def door(self) -> Door:
        return door_of(self.settings)

    def say(self, sentence: str) -> None:
        self.told.append(sentence)


def planned(stage: Stage) -> None:
    """The ideas are noted; the plan that can't tell anything is refused at the gate, and what became of it is on record."""
    for protocol in stage.protocols.values():
        idea = Idea(title=protocol.title, text=protocol.question, programme=protocol.programme)
        ideas.note(stage.store, protocol.prototype, idea, by=SITE_LEAD, at=sent_at(NOTED))
    sealed = set(reading.sealed_ids(stage.store))
    draft = from_file(stage.folder / DRAFT)
    try:
        if draft.trial in sealed:
            gate.must_pass(draft)  # as it was refused then
        else:
            run_flow(register, stage.settings, draft.canonical(), LEAD, at=sent_at(DRAFTED))
            seal_trial(stage.store, draft.trial, by=SECOND, at=sent_at(DRAFTED))
    except GateError as refused:
        stage.say(f"Refused at the gate: {refused}")
    for protocol in stage.protocols.values():
        if protocol.trial not in sealed:
            run_flow(register, stage.settings, protocol.canonical(), LEAD, at=sent_at(REGISTERED))
            seal_trial(stage.store, protocol.trial, by=SECOND, at=sent_at(SEALED))
    _said(
        stage,
        MENTORS,
        "managers",
        "changed",
        "purpose",
        "A feasibility trial first: the gate showed that so few people can't show an effect.",
        "taken_up",
    )
    _said(
        stage,
        MENTORS,
        "users",
        "proposed",
        "progression",
        "Ask whether people meet their mentor three times, not whether mentors hold meetings.",
        "taken_up",
    )
    _said(
        stage, STRENGTHS, "users", "vetoed", "own_goals", "No plan in which only the officer's goals stand.", "taken_up"
    )
    _said(stage, STRENGTHS, "frontline_staff", "proposed", "setting", "Let people choose where to meet.", "taken_up")
    stage.say(f"Sealed by two: five plans, registered by the {LEAD}, sealed by the {SECOND}.")


def amended(stage: Stage) -> None:
    """After its second look the budgets' plan gets a rule for slow recruitment, approved by a second person."""
    plan = stage.protocols[BUDGETS]
    rule = Stopping(recruitment=Recruitment(per_month=50, grace_months=3))
    act = amendments.amend(
        stage.store,
        BUDGETS,
        plan.model_copy(update={"stopping": rule}),
        reason="Two sites now share the trial, so that slow recruitment at one could stay unseen.",
        impact="None on the evidence: the rule can stop the trial, it can't promote or drop the idea.",
        by=LEAD,
        approved_by=SECOND,
        at=sent_at(2),
    )
    stage.say(f"Amended after look {act.look}: {BUDGETS} now stops if too few people join.")


def learnt(stage: Stage) -> None:
    """Staff's minutes per case at site A: long at first, settled after some weeks."""
    staff_time(
        stage.store,
        STRENGTHS,
        stage.folder / "staff-time-a.csv",
        site="A",
        by=SITE_LEAD,
        at=sent_at(30),
        sent=True,
        door=stage.door,
    )


def stopped(stage: Stage) -> None:
    """Serious events at site D: its own safety rule asks for a stop, and the safety steward stops it."""
    treated = [
        one
        for one in participants(stage.params, stage.protocols[APPOINTMENTS], stage.seed)
        if one.arm == stage.protocols[APPOINTMENTS].treatments[0].id and one.enrolled_on < sent_at(40).date()
    ]
    for number, person in enumerate(treated[:: len(treated) // EVENTS][:EVENTS], start=1):
        event = SafetyEvent(
            day=person.enrolled_on + timedelta(days=14),
            site="D",
            serious=True,
            related="possibly",
            kind="self_harm" if number % 2 else "hospital",
            text="Reported by the case manager after a longer appointment.",
            reference=f"D-{number}",
        )
        report_safety(
            stage.store,
            APPOINTMENTS,
            event,
            participant=person.participant_id,
            by=SITE_LEAD,
            at=sent_at(44),
            door=stage.door,
        )
    judged = len(acts.acts(stage.store, APPOINTMENTS, [SAFETY_JUDGED]))
    for reported in acts.acts(stage.store, APPOINTMENTS, [SAFETY_EVENT])[judged:]:  # in turn, each once
        judge_safety(
            stage.store,
            APPOINTMENTS,
            reported.seq,
            related="possibly",
            stops=True,
            reason="Too many in too few weeks, all after longer appointments; nobody else is to join until we know why.",
            by=STEWARD,
            at=sent_at(45),
        )
    decisions.decide(
        stage.store,
        APPOINTMENTS,
        "stop",
        by=STEWARD,
        second=LEAD,
        at=sent_at(45),
        reason_code="safety",
        reason="Serious events that may be due to the longer appointments came more often than the plan allows.",
        lesson="Long appointments stir up what one officer alone can't hold: plan who takes over before they begin.",
        reuse="The guide for setting one's own goals, without the longer appointments.",
        dissent="Two case managers would have gone on with shorter appointments.",
    )
    stage.say(f"Stopped for safety: {APPOINTMENTS}, by the {STEWARD}, before anybody's result was due.")


def left(stage: Stage) -> None:
    """The provider of the budgets at site E fails: the site leaves, its data stay."""
    day = sent_at(60).date()
    decisions.note_event(
        stage.store,
        BUDGETS,
        "The county halves what the provider of the budgets may pay out.",
        day=sent_at(48).date(),
        kind="provider",
        by=SITE_LEAD,
        at=sent_at(60),
    )
    decisions.withdraw_site(
        stage.store,
        BUDGETS,
        "E",
        reason_code="provider_failed",
        reason="Nobody there can pay the budgets out any more.",
        from_day=day,
        by=LEAD,
        at=sent_at(60),
    )
    stage.say(f"Site E left {BUDGETS}: its provider failed. What was reported there is kept.")


def shared(stage: Stage) -> None:
    """Small sums of the enabling fund, and what people say of the first idea."""
    people = [one for one in participants(stage.params, stage.protocols[BUDGETS], stage.seed) if one.site == "B"]
    for number, person in enumerate(people[:12], start=1):
        asked = sent_at(56).date() + timedelta(days=number % 5)
        body = FundRequest(
            request=f"B-{number}",
            participant=_pseudonym(stage, BUDGETS, person.participant_id),
            site="B",
            goal=GOALS[number % len(GOALS)],
            amount=60 + 20 * (number % 4),
            proposed_by="participant" if number % 3 else "worker",
            day=asked,
        )
        sharing.ask_fund(stage.store, BUDGETS, body, by=SITE_LEAD, at=sent_at(60))
        answer = FundAnswer(request=f"B-{number}", approved=True, amount=body.amount, day=asked + timedelta(days=2))
        sharing.answer_fund(stage.store, BUDGETS, answer, by=LEAD, at=sent_at(61))
        spent = FundSpent(request=f"B-{number}", amount=body.amount - 5, day=asked + timedelta(days=4), last=True)
        sharing.spend_fund(stage.store, BUDGETS, spent, by=SITE_LEAD, at=sent_at(61), key=f"B-{number}")
    for number in range(1, 31):
        voice = Voice(
            who="participant" if number % 3 else "staff",
            site="A",
            codes=("was-asked",) if number % 2 else ("own-goals", "takes-time"),
            stance="mixed" if number % 7 == 0 else "helps",
            consent=True,
            day=sent_at(50).date() + timedelta(days=number),
        )
        sharing.speak(stage.store, STRENGTHS, voice, hidden=None, by=SITE_LEAD, at=sent_at(61), key=f"voice-{number}")


def dropped_budgets(stage: Stage) -> None:
    _drop(
        stage,
        BUDGETS,
        sent_at(BUDGETS_DROPPED),
        "Small sums help a little, not by what they cost in staff's time.",
        "The one-page form by which people ask for a sum.",
    )


def dropped(stage: Stage) -> None:
    """The dud is dropped, with what was learnt."""
    _drop(
        stage,
        CONNECTIONS,
        sent_at(104),
        "A map of local groups changes little unless somebody goes along the first time.",
        "The map itself: other services asked for it.",
    )


def promoted(stage: Stage) -> None:
    """The small trial ends amber, the winner passes its gate, and a pilot takes over criteria and lessons."""
    decisions.decide(
        stage.store,
        MENTORS,
        "stop",
        by=LEAD,
        second=SECOND,
        at=sent_at(136),
        reason_code="cant_tell",
        reason="People join and stay, but fewer than planned meet their mentor three times.",
        lesson="Mentors need paid hours: those who volunteered could not keep their appointments.",
        reuse="The training for peer mentors.",
        answers={"met": 62},
    )
    decisions.decide(
        stage.store,
        STRENGTHS,
        "promote",
        by=LEAD,
        second=SECOND,
        at=sent_at(136),
        reason_code="worked",
        reason="The agreed evidence is in, nothing beside it speaks against it, and people want it.",
        lesson="Begin with what people can do: case managers needed eight weeks to get used to it, then no longer than before.",
        reuse="Interview guide, plan form and the day of training.",
        dissent="none",
        answers={"wanted": 8},
    )
    pilot = from_file(stage.folder / PILOT)
    if pilot.trial not in reading.sealed_ids(stage.store):
        run_flow(register, stage.settings, pilot.canonical(), LEAD, at=sent_at(137))
        seal_trial(stage.store, pilot.trial, by=SECOND, at=sent_at(138))
    fix_list(stage.store, pilot.trial, by=SECOND, at=sent_at(138), door=stage.door)
    stage.say(
        f"Promoted: {STRENGTHS} goes on as {pilot.trial}, which takes its gate's criteria and the five lessons over."
    )


@dataclass(frozen=True, slots=True)
class Step:
    """What is done after the deliveries of a week."""

    week: int
    play: Callable[[Stage], None]


EVENTS = 14
BUDGETS_DROPPED = 104
GOALS = (
    "Work boots for a job on a site",
    "A bicycle to get to college",
    "Tools for a repair course",
    "A travel card to see the children",
)
STEPS: Sequence[Step] = (
    Step(0, planned),
    Step(2, amended),
    Step(30, learnt),
    Step(45, stopped),
    Step(60, left),
    Step(61, shared),
    Step(104, dropped),
    Step(BUDGETS_DROPPED, dropped_budgets),
    Step(136, promoted),
)


def boundaries() -> frozenset[int]:
    """The weeks after which something is done; no round goes beyond one, so that each step finds the same look."""
    return frozenset(step.week for step in STEPS)


def play(stage: Stage, week: int) -> None:
    """Everything that is done after the deliveries of a week. Done before, it changes nothing."""
    for step in STEPS:
        if step.week == week:
            step.play(stage)


def _drop(stage: Stage, trial: str, at: datetime, lesson: str, reuse: str) -> None:
    decisions.decide(
        stage.store,
        trial,
        "drop",
        by=LEAD,
        second=SECOND,
        at=at,
        reason_code="no_benefit",
        reason="The evidence says that it is not worth it, by the rule that was agreed.",
        lesson=lesson,
        reuse=reuse,
    )
    stage.say(f"Dropped, with a lesson: {trial}. {lesson}")


def _said(stage: Stage, trial: str, who: str, what: str, part: str, text: str, outcome: str) -> None:
    body = sharing.said(CoCreation, who=who, what=what, part=part, text=text, outcome=outcome)
    sharing.co_create(stage.store, trial, body, by=SITE_LEAD, at=sent_at(SEALED), key=f"{who}-{part}")


def _pseudonym(stage: Stage, trial: str, participant: str) -> str:
    hidden = stage.door.pseudonyms(stage.store, trial)
    return participant if hidden is None else hidden.of(participant)
