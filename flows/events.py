"""Which claims crossed their threshold in a round, and an event in Prefect for each: `roadtest.claim.crossed`.

An event says that a trial's claim crossed, and at which look: no number of people, no effect, no arm. Where a claim is not
told, the event's id is not made of it either (the few names that it can have are soon tried), and the trial has an event for
the first that crossed alone: dud and harm cross together, benefit by itself, so how many there are would tell which. The
ledger alone holds what is true: an event that is lost with the process that sends it changes nothing, and one that is sent
again has the same id.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from uuid import UUID, uuid5

from flows.work import Outcome
from trials.evidence import CLAIMS, Look
from trials.store import measuring, seeing
from trials.store.engine import Store
from trials.store.measuring import Stood

CROSSED = "roadtest.claim.crossed"
_OURS = UUID(
    "0a4a5a4e-6a3b-5d0c-9f6e-3b1f3c6f7a10"
)  # what ids of events are made from, so that one has one id for ever


@dataclass(frozen=True, slots=True)
class Crossing:
    """A claim that crossed in a look of the round. claim: benefit, dud, harm, or 'guardrail MEASURE'. verdict: that look's.
    again: another claim of the trial had crossed before the round."""

    trial: str
    claim: str
    look: int
    verdict: str
    again: bool = False


def standing(store: Store) -> dict[str, Stood]:
    """How every trial stands: the number and verdict of its newest look. Asked before a round's work begins."""
    return measuring.stood(store)


def crossings(store: Store, outcomes: Sequence[Outcome], before: Mapping[str, Stood]) -> tuple[Crossing, ...]:
    """The claims that crossed since `before` (`standing`) in trials of the round: those that the newest look has and the
    newest look then had not. Of several looks in between, the newest tells. Trials that failed after a look are among them."""
    since = {trial: before[trial].look if trial in before else 0 for trial in {one.trial for one in outcomes}}
    fresh = measuring.looks_since(store, since)
    told = {trial: _fired(look) for trial, look in fresh.items()}
    named = {trial: since[trial] for trial, fired in told.items() if fired and since[trial]}
    known = {trial: _fired(look) for trial, look in measuring.looks_at(store, named).items()}
    return tuple(
        Crossing(trial, claim, fresh[trial].number, fresh[trial].verdict, again=bool(known.get(trial)))
        for trial in sorted(told)
        for claim in told[trial]
        if claim not in known.get(trial, ())
    )


def emit(found: Iterable[Crossing], anybody: Collection[str]) -> int:
    """Sends an event for each, and tells how many were sent. anybody: the trials that anybody may read; of each of the others
    there is one event, which says that a claim crossed, and none once a claim of it had crossed before. Sending goes on in
    the background, and waits for nothing."""
    sent = 0
    untold: set[str] = set()
    for one in found:
        told = one.trial in anybody
        if not told and (one.again or one.trial in untold):
            continue
        _send(one, told)
        untold.add(one.trial)
        sent += 1
    return sent


def _send(one: Crossing, told: bool) -> None:
    from prefect.events import emit_event

    said = {"claim": one.claim, "verdict": one.verdict} if told else {}
    emit_event(
        CROSSED,
        resource={
            "prefect.resource.id": f"roadtest.trial.{one.trial}",
            "prefect.resource.name": one.trial,
            **({"roadtest.claim": one.claim} if told else {}),
        },
        payload={**said, "look": one.look},
        id=uuid5(_OURS, f"{one.trial} {one.claim if told else 0} {one.look}"),
    )


def crossed(store: Store, outcomes: Sequence[Outcome], before: Mapping[str, Stood]) -> tuple[Crossing, ...]:
    """`crossings`, told to Prefect (`emit`)."""
    found = crossings(store, outcomes, before)
    if found:
        emit(found, seeing.allowed(store.as_person(""), [one.trial for one in found]))
    return found


def _fired(look: Look) -> tuple[str, ...]:
    """The claims that have crossed: of the trial, and of each guardrail in any arm."""
    claims = [name for name in CLAIMS if name in look.claims and look.claims[name].fired]
    broken = dict.fromkeys(f"guardrail {one.measure}" for one in look.guardrails if one.claim.fired)
    return (*claims, *broken)
