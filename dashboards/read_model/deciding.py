"""What somebody who decides has before them: what the evidence says, which decision agrees with it, what must be answered.

What agrees is told by the lights that pages may show; the store asks again, of all that it knows, when the decision is taken.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Literal

from dashboards.read_model.desk import Desk
from dashboards.read_model.history import DecisionView, decision_view, may_decide
from dashboards.read_model.trial import TrialView, trial
from trials import deciding as rules
from trials import feasibility
from trials.acts.deciding import DECISION, DECISIONS, Decision, What
from trials.errors import PlanHashMismatchError
from trials.plan.progression import Criterion
from trials.reasons import AGREES, PROGRESSION_AGREES, REASONS, VERDICTS
from trials.stopping.told import for_everybody
from trials.store import acts, feasible, standing

State = Literal["registered", "open", "closed"]


@dataclass(frozen=True, slots=True)
class Choice:
    """One decision that could be taken. against: what it would go against, '' if nothing. refused: why it can't be taken now,
    '' if it can. codes: (code, meaning) of the reasons that it may have. looked: whether there is a look to go by. open: the
    evidence leaves it to people, so that no choice goes against it."""

    what: What
    against: str
    refused: str
    codes: tuple[tuple[str, str], ...]
    looked: bool = True
    open: bool = False


@dataclass(frozen=True, slots=True)
class Lit:
    """One criterion. colour: its light, 'not yet' where people answer it. asked: whether people answer it as they decide."""

    id: str
    text: str
    colour: str
    rule: str
    asked: bool


@dataclass(frozen=True, slots=True)
class Deciding:
    """closed: the decision that closed it. rules: sentences of the rules that ask for something, as everybody reads them
    (`watch`), worst first. fault: the plan is not what was sealed, so nothing can be decided."""

    view: TrialView
    state: State
    may: bool
    choices: tuple[Choice, ...] = ()
    lights: tuple[Lit, ...] = ()
    rules: tuple[tuple[str, str], ...] = ()
    closed: DecisionView | None = None
    fault: str = ""

    @property
    def asked(self) -> tuple[Lit, ...]:
        return tuple(one for one in self.lights if one.asked)


def deciding(desk: Desk, trial_id: str, *, now: datetime | None = None) -> Deciding:
    """What is before whoever decides on a trial. Raises what `trial` does."""
    view, at = trial(desk, trial_id, now=now), now or datetime.now(UTC)
    may = may_decide(desk, trial_id)
    if view.seal is None:
        return Deciding(view, "registered", may)
    taken = acts.acts(desk.store, trial_id, [DECISION])
    closing = next((one for one in taken if isinstance(one.body, Decision) and one.body.closes), None)
    if closing is not None:
        return Deciding(view, "closed", may, closed=decision_view(closing))
    try:
        findings = for_everybody(view.protocol, standing.standing(desk.store, trial_id, at), arms=view.arms)
        lights = _lights(desk, view, at)
    except PlanHashMismatchError as error:
        return Deciding(view, "open", may, fault=str(error))
    told = tuple((one.level, one.sentence) for one in findings if one.level != "fine")
    return Deciding(view, "open", may, _choices(view, lights), lights, told)


def _lights(desk: Desk, view: TrialView, at: datetime) -> tuple[Lit, ...]:
    """Each criterion's colour as it may be told: of what the ledger knows by the counts in steps, of what the look answers by
    the look shown (whether it helps: by the newest, whose verdict is told at once)."""
    criteria = rules.criteria_of(view.protocol)
    if not criteria:
        return ()
    worst, best = feasible.facts_between(desk.store, view.protocol, at.date())
    lit = {one.criterion.id: one.colour for one in feasibility.lights_between(criteria, worst, best)}
    newest, shown = rules.from_look(view.protocol, view.look), rules.from_look(view.protocol, view.shown)
    return tuple(_lit(one, lit[one.id], newest, shown) for one in criteria)


def _lit(one: Criterion, colour: str, newest: dict[str, float], shown: dict[str, float]) -> Lit:
    # Before the first look nothing can be promoted, so nobody is asked.
    asked = bool(newest) and one.asks not in (*feasibility.KNOWN, *newest)
    if one.asks in newest:
        colour = feasibility.judge(one, newest[one.asks] if one.asks == "benefit" else shown.get(one.asks))
    whole = f" {one.unit}" if one.unit else ""
    rule = f"green from {one.green:g}{whole} on, red from {one.red:g}{whole} on"
    return Lit(one.id, one.text, colour, rule, asked)


def _choices(view: TrialView, lights: Sequence[Lit]) -> tuple[Choice, ...]:
    verdict = "" if view.look is None else view.look.verdict
    agreeing, stands = AGREES[verdict], f"the verdict “{VERDICTS[verdict]}”"
    if view.protocol.purpose == "feasibility" and verdict not in ("", "stop_for_harm"):
        light = _worst(lights, {one.id for one in view.protocol.progression})
        agreeing, stands = PROGRESSION_AGREES[light], f"the progression criteria, which come to “{light}”"
    left = agreeing == frozenset(DECISIONS)
    return tuple(_choice(view, what, "" if what in agreeing else stands, lights, left) for what in DECISIONS)


def _worst(lights: Sequence[Lit], ids: set[str]) -> str:
    found = {one.colour for one in lights if one.id in ids}
    return next((colour for colour in ("red", "not yet", "amber") if colour in found), "green" if found else "not yet")


def _choice(view: TrialView, what: What, stands: str, lights: Sequence[Lit], left: bool) -> Choice:
    refused = ""
    if view.look is None and what not in AGREES[""]:
        refused = "There has been no look yet, so there is nothing to go by: it can only be stopped."
    gate = view.protocol.gate
    asked = set() if gate is None else {one.id for one in gate.criteria}
    short = [one.id.replace("_", " ") for one in lights if one.id in asked and not one.asked and one.colour != "green"]
    at_gate = f"the gate, where {' and '.join(short)} {'is' if len(short) == 1 else 'are'} not green" if short else ""
    against = " and ".join(part for part in (stands, at_gate if what == "promote" else "") if part)
    codes = tuple((code, means) for code, (means, whats) in REASONS.items() if what in whats)
    return Choice(what, against, refused, codes, view.look is not None, left)
