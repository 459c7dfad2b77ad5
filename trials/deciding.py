"""What a decision needs: which one agrees with which verdict, when a second person must have looked, which words it takes.

Guarantee: a decision against the verdict or against the gate is never taken by one person alone, but for a stop for safety
by whoever may judge safety; and no trial closes without a reason code, a lesson and what to use again. Nothing here looks
at outcomes: the look that a decision rests on is handed in, and a decision changes none.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Literal, NamedTuple

from trials import feasibility
from trials.acts.act import Act
from trials.acts.deciding import DECISIONS, Answered, Decision, Grounds, Light, What
from trials.errors import DataError, LifecycleError
from trials.evidence import Look
from trials.plan.progression import Criterion
from trials.protocol import Protocol
from trials.reasons import AGREES, CLOSING, DONE, PROGRESSION_AGREES, REASONS, RULES, VERDICTS
from trials.records import in_words
from trials.stopping.rule import Finding

SHORTEST_LESSON = 4  # words
NONE = "none"
# From the best on: "not yet" comes before red, because red is known.
_LIGHTS: tuple[Light, ...] = ("green", "amber", "not yet", "red")


class Received(NamedTuple):
    """What the ledger holds of a trial: first day on which somebody joined, people, rows taken and set aside, the last
    day on which somebody joined."""

    first: date | None = None
    enrolled: int = 0
    taken: int = 0
    set_aside: int = 0
    last: date | None = None


def facts_of(look: Look | None, received: Received, on: date, planned: int) -> feasibility.Facts:
    """What the ledger knows of recruiting, keeping and measuring people, as criteria ask for it. planned: people."""
    whole = received.enrolled >= planned
    counted, missing = (0, 0) if look is None else (look.n, look.missing)
    return feasibility.Facts(
        enrolled=received.enrolled,
        months=feasibility.months_of(received.first, received.last, on, whole=whole),
        settled=counted + missing,
        with_outcome=counted,
        rows=received.taken + received.set_aside,
        set_aside=received.set_aside,
    )


def from_look(protocol: Protocol, look: Look | None) -> dict[str, float]:
    """What a look answers, by what a criterion asks. benefit: 1 if its claim fired and dud's did not, else 0; burden: mean of
    the burden rule's measure per participant of the arms that try an idea."""
    if look is None:
        return {}
    found = {"benefit": float(look.claims["benefit"].fired and not look.claims["dud"].fired)}
    burden = _burden(protocol, look)
    return found if burden is None else {**found, "burden": burden}


def _burden(protocol: Protocol, look: Look) -> float | None:
    treated = {arm.id for arm in protocol.treatments}
    totals = {
        arm.arm: arm for one in look.guardrails if one.measure == "burden" for arm in one.arms if arm.arm in treated
    }
    people = sum(arm.n for arm in totals.values())
    return sum(arm.total for arm in totals.values()) / people if people else None


def criteria_of(protocol: Protocol) -> tuple[Criterion, ...]:
    """What promoting is measured by: the gate's criteria, and a feasibility trial's own; each id once."""
    gate = () if protocol.gate is None else protocol.gate.criteria
    own = protocol.progression if protocol.purpose == "feasibility" else ()
    return tuple({one.id: one for one in (*own, *gate)}.values())


def answered(
    criteria: Sequence[Criterion], facts: feasibility.Facts, seen: Mapping[str, float], said: Mapping[str, float]
) -> tuple[tuple[Answered, ...], tuple[Criterion, ...]]:
    """Each criterion's value and light; and those that only people can answer and nobody has.

    facts, seen: what the ledger and the look know, of which people may not say otherwise. said: by criterion. Raises
    DataError for an answer to something that was not asked, or that is worked out.
    """
    known = {one.id: one for one in criteria}
    for name in said:
        if name not in known:
            raise DataError(
                f"met {name}, must be one of {', '.join(known) or 'no criteria at all'} of the sealed plan."
            )
        if known[name].asks in (*feasibility.KNOWN, *seen):
            raise DataError(f"met {name}, must be left out: the ledger works out {known[name].asks}.")
    found: list[Answered] = []
    silent = []
    for one in criteria:
        if one.asks in feasibility.KNOWN:
            lit = feasibility.lights([one], facts)[0]
            found.append(Answered(id=one.id, value=lit.value, light=lit.colour, source="ledger"))
        elif one.asks in seen or one.id in said:
            value = seen.get(one.asks, said.get(one.id))
            source: Literal["ledger", "people"] = "ledger" if one.asks in seen else "people"
            found.append(Answered(id=one.id, value=value, light=feasibility.judge(one, value), source=source))
        else:
            silent.append(one)
    return tuple(found), tuple(silent)


def worst(answers: Sequence[Answered], ids: Collection[str]) -> Light:
    """The worst light among these criteria; one that nobody has answered is 'not yet'."""
    lights = {one.id: one.light for one in answers}
    return max((lights.get(name, "not yet") for name in ids), key=_LIGHTS.index, default="not yet")


@dataclass(frozen=True, slots=True)
class Review:
    """against: what a decision goes against. because: why, in one sentence each. second: whether somebody else must have
    reviewed it. reason: whether it must be said why in words."""

    against: tuple[str, ...]
    because: tuple[str, ...]
    second: bool
    reason: bool


def review(
    protocol: Protocol,
    look: Look | None,
    what: What,
    *,
    reason_code: str = "",
    answers: Sequence[Answered] = (),
    rules: Collection[str] = (),
    judges_safety: bool = False,
) -> Review:
    """What a decision goes against. rules: the codes of rules that ask for a stop (`asking`).
    judges_safety: whether whoever decides may judge safety, and so stop for it alone.

    Raises LifecycleError for anything but a stop of a trial that has had no look.
    """
    if look is None and what not in AGREES[""]:
        raise LifecycleError(
            f"{protocol.trial} has had no look, must have one to {what}; without one it can only be stopped. Run `roadtest "
            f"collect {protocol.trial}` first."
        )
    against, because = [], []
    stands, said, agreeing = _stands(protocol, look, answers)
    if what not in agreeing and not (what == "stop" and reason_code in rules):
        against.append(stands)
        because.append(said)
    if what == "promote" and protocol.gate is not None:
        asked = {one.id for one in protocol.gate.criteria}
        short = [f"{one.id} is {one.light}" for one in answers if one.id in asked and one.light != "green"]
        if short:
            against.append("gate")
            because.append(f"at the gate to {protocol.gate.to} {' and '.join(short)}")
    for_safety = what == "stop" and reason_code == "safety"
    second = bool(against) and not (for_safety and judges_safety)
    undecided = look is None or agreeing == frozenset(DECISIONS)
    return Review(tuple(against), tuple(because), second, bool(against) or (undecided and what in CLOSING))


def _stands(protocol: Protocol, look: Look | None, answers: Sequence[Answered]) -> tuple[str, str, frozenset[str]]:
    """What a decision is compared with: its name, how it is said, the decisions that agree."""
    verdict = "" if look is None else look.verdict
    if protocol.purpose == "feasibility" and verdict not in ("", "stop_for_harm"):
        light = worst(answers, [one.id for one in protocol.progression])
        return "progression", f"the progression criteria come to '{light}'", PROGRESSION_AGREES[light]
    return (
        "verdict",
        f"the verdict of look {0 if look is None else look.number} is '{VERDICTS[verdict]}'",
        AGREES[verdict],
    )


def asking(look: Look | None, findings: Sequence[Finding]) -> frozenset[str]:
    """The codes for which a rule beside the statistics asks for a stop: it says nothing of the effect, so stopping for it goes
    against no verdict. findings: of the plan's stopping rules."""
    broken = set() if look is None else {concern.code for concern in look.concerns}
    own = {code for code, concerns in RULES.items() if concerns & broken}
    return frozenset(own | {one.code for one in findings if one.level == "stop"})


def check_words(trial: str, said: Decision, found: Review) -> None:
    """Raises DataError, one sentence, for the first thing that the decision lacks."""
    if found.second and not said.second:
        why = " and ".join(found.because)
        raise DataError(
            f"second == '', must be the name of a second reviewer to {said.what} {trial}, because {why}. Add --second NAME "
            "and --reason."
        )
    if found.reason and not said.reason:
        why = " and ".join(found.because) or "no verdict says so by itself"
        raise DataError(f"reason == '', must be said to {said.what} {trial}, because {why}. Add --reason.")
    if not said.closes:
        if said.reason_code:
            raise DataError(
                f"reason_code == '{said.reason_code}', must be left out where a trial goes on. Write --reason."
            )
        return
    fitting = [code for code, (_, whats) in REASONS.items() if said.what in whats]
    if said.reason_code not in fitting:
        raise DataError(f"reason_code == '{said.reason_code}', must be one of {', '.join(fitting)} to {said.what}.")
    if len(said.lesson.split()) < SHORTEST_LESSON:
        raise DataError(
            f"lesson == '{said.lesson}', must be at least {SHORTEST_LESSON} words: what others should know before they try "
            "the same. Add --lesson."
        )
    if not said.reuse:
        raise DataError("reuse == '', must say what others can use again, or 'nothing'. Add --reuse.")


def grounds(look: Look | None, *, stale: bool, label: str, rules: Collection[str] = ()) -> Grounds:
    """What a decision keeps of the look that it was taken on. label: the evidence label of the design."""
    if look is None:
        return Grounds(label=label, rules=tuple(sorted(rules)))
    return Grounds(
        look=look.number,
        as_of=look.as_of,
        verdict=look.verdict,
        label=label,
        n=look.n,
        missing=look.missing,
        enrolled=look.enrolled,
        estimate=look.estimate,
        low=look.interval[0],
        high=look.interval[1],
        claims=tuple(name for name, claim in look.claims.items() if claim.fired),
        concerns=tuple(dict.fromkeys(concern.code for concern in look.concerns)),
        protocol_sha256=look.protocol_sha256,
        rules=tuple(sorted(rules)),
        stale=stale,
    )


def sentence(act: Act) -> str:
    """A decision in one sentence or two: what, who, when, on which look, against what, who reviewed it."""
    told = act.body
    if not isinstance(told, Decision):
        raise DataError(f"act {act.seq} of {act.scope} is a {act.kind}, must be a decision.")
    done = f"{act.scope} {'' if told.what == 'continue' else 'was '}{DONE[told.what]}"
    code = f" ({told.reason_code.replace('_', ' ')})" if told.reason_code else ""
    against = ""
    if told.against:
        against = f", against the {' and the '.join(told.against)}"
        against += f", reviewed by {told.second}" if told.second else ", for safety, by whoever may judge it alone"
    why = f" Why: {told.reason.rstrip('.')}." if told.reason else ""
    whose = ", decided by" if told.what == "continue" else " by"
    when = f"on {in_words(act.at)}, {_resting(told.grounds)}"
    return f"{done}{code}{whose} {act.by} {when}{against}.{why}{_staleness(told.grounds)}"


def _resting(on: Grounds) -> str:
    if on.verdict is None or on.as_of is None:
        return "before its first look"
    return f"on look {on.look} of {in_words(on.as_of)} (verdict: {VERDICTS.get(on.verdict, on.verdict)})"


def _staleness(on: Grounds) -> str:
    if not on.stale:
        return ""
    return f" More had come in by then than look {on.look} counted; the decision rests on that look alone."


@dataclass(frozen=True, slots=True)
class Mark:
    """How a look stands to what was decided. post_decision: it was taken after the trial was closed. continued_at: the
    number of the look after which people went on against the verdict, for all looks since; None otherwise."""

    post_decision: bool = False
    continued_at: int | None = None

    @property
    def words(self) -> str:
        if self.post_decision:
            return "after the decision"
        return "" if self.continued_at is None else f"continued against the verdict of look {self.continued_at}"


def mark(number: int, decisions: Sequence[Act]) -> Mark:
    """How the look of this number stands to a trial's decisions. Worked out from the acts; no look is ever written over."""
    post, continued = False, None
    for act in decisions:
        told = act.body
        if not isinstance(told, Decision) or number <= act.look:
            continue
        post = post or told.closes
        if told.what == "continue" and told.against:
            continued = act.look
    return Mark(post, continued)
