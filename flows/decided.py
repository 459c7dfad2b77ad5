"""What the commands of `flows.deciding` print: JSON with small counts hidden, and text that says what to do next."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date, datetime
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from trials.acts import Act
    from trials.lifecycle import Carried
    from trials.store.access import Sight
    from trials.store.engine import Store
    from trials.store.reading import TrialCard


def act_json(act: Act) -> dict[str, Any]:
    """An act as JSON: kind, who, when, on which look, and its body."""
    body = act.body.model_dump(mode="json")
    return {"kind": act.kind, "seq": act.seq, "by": act.by, "at": act.at.isoformat(), "look": act.look, **body}


def decision_json(act: Act, *, small: bool = False) -> dict[str, Any]:
    """A decision as JSON, with its sentence. small: with the figures of its look, and what the ledger made of each criterion,
    for whom may see them; others have the look's number, of which status and pages show what may be."""
    from trials import deciding
    from trials.disclosure import safe_count

    body = act_json(act)
    for name in ("n", "missing", "enrolled"):
        body["grounds"][name] = safe_count(body["grounds"][name]) if small else None
    if not small:
        body["grounds"] |= dict.fromkeys(("estimate", "low", "high"))
        body["answers"] = [without_ledger(one) for one in body["answers"]]
    return {**body, "sentence": deciding.sentence(act), "next": next_step(act)}


def without_ledger(answer: dict[str, Any]) -> dict[str, Any]:
    """A criterion's answer without the number that the ledger worked out: a share of people tells how many."""
    return {**answer, "value": None} if answer["source"] == "ledger" else answer


def marks_json(card: TrialCard, *, small: bool = False) -> dict[str, Any]:
    """What a trial's status adds about decisions: `decision` (the closing one or null), `post_decision`, sites that left.
    small: as `decision_json` has it."""
    mark = None if card.look is None else card.mark(card.look.number)
    return {
        "decision": None if card.closing is None else decision_json(card.closing, small=small),
        "post_decision": card.post_decision,
        "continued_against_look": None if mark is None else mark.continued_at,
        "withdrawn_sites": sorted(card.withdrawn),
    }


def next_step(act: Act) -> str:
    """What to do after a decision."""
    from trials.acts.deciding import Decision

    what = act.body.what if isinstance(act.body, Decision) else ""
    steps = {
        "promote": f"write the next stage's plan with `continues: [{act.scope}]` and `changed`, then: roadtest register FILE",
        "rerun": f"write the rerun's plan with `continues: [{act.scope}]` and `changed`, then: roadtest register FILE",
        "continue": f"roadtest collect {act.scope}",
    }
    closing = (
        f"enrol nobody else; outcomes still come in and are marked as after the decision: roadtest collect {act.scope}"
    )
    return steps.get(what, closing)


def sites_json(store: Store, trial: str, at: datetime) -> dict[str, Any]:
    """With and without the sites that left, and what can still be told, as the store's person may see it; nulls while none has
    left."""
    from dataclasses import asdict

    from trials.store import subsets

    sight = seen_by(store, trial)
    both, plan = subsets.with_and_without(store, trial, sight), subsets.replanned(store, trial, at.date(), sight)
    planned = None if plan is None else {**asdict(plan), "expected": _hidden(plan.expected)}
    return {"with_and_without": None if both is None else both.to_json(), "replanned": planned}


def seen_by(store: Store, trial: str) -> Sight:
    """What the store's person may see of the trial. Raises UnknownTrialError, ForbiddenError."""
    from trials.store import reading, sights

    return sights.sight_of(store, reading.card(store, trial))


def _hidden(count: int | None) -> int | None:
    from trials.disclosure import safe_count

    return None if count is None else safe_count(count)


def decisions_json(store: Store, trial: str, at: datetime) -> dict[str, Any]:
    """Everything that `roadtest decisions` says. Raises UnknownTrialError, ForbiddenError."""
    from trials.store import reading, subsets

    may_read(store, trial)
    card, sight = reading.card(store, trial), seen_by(store, trial)
    sealed = card.state != "registered"
    marked = reading.marked_looks(store, trial)
    return {
        "trial": trial,
        "state": card.state,
        "decisions": [decision_json(act, small=sight.small) for act in card.decisions],
        "looks": [
            {"look": look.number, "post_decision": mark.post_decision, "continued_against_look": mark.continued_at}
            for look, mark in marked
        ],
        "withdrawn": [act_json(act) for act in card.acts if act.kind == "site_withdrawn"],
        **(sites_json(store, trial, at) if sealed else {"with_and_without": None, "replanned": None}),
        "events": [act_json(act) for act in card.events],
        "splits": [one.to_json() for one in subsets.splits(store, trial, sight)] if sealed else [],
    }


def may_read(store: Store, trial: str) -> None:
    """Asks whether the store's person may read the trial. Raises UnknownTrialError, ForbiddenError."""
    from flows.options import read_by

    read_by(store, trial)


def carried_json(found: Carried, *, small: bool = False) -> dict[str, Any]:
    """What is carried over, as JSON. small: with what the ledger made of each criterion, for whom may see it."""

    def handed(body: dict[str, Any]) -> dict[str, Any]:
        return body if small else {**body, "answers": [without_ledger(one) for one in body["answers"]]}

    return {
        "trial": found.trial,
        "sentence": found.sentence,
        "changed": found.changed,
        "handed_over": [handed(one.model_dump(mode="json")) for one in found.handed],
        "criteria": [{"trial": trial, "id": name, "text": text} for trial, name, text in found.criteria],
        "no_longer_asked": list(found.no_longer_asked),
    }


def carried_text(found: Carried, *, small: bool = False) -> list[str]:
    """The same for people."""
    if not found.handed:
        return [found.sentence]
    lines = [found.sentence, f"Changed: {found.changed}"]
    for one in found.handed:
        lines.append(f"{one.trial}: {one.decision} ({one.reason_code.replace('_', ' ')}). Lesson: {one.lesson}")
        lines.append(f"  to use again: {one.reuse}")
        for answer in one.answers:
            told = small or answer.source == "people"
            value = "" if answer.value is None or not told else f" ({answer.value:.3g})"
            lines.append(f"  {answer.id}: {answer.light}{value}")
    lost = found.no_longer_asked
    if lost:
        lines.append(
            f"Note: {', '.join(lost)} {'is' if len(lost) == 1 else 'are'} asked by no criterion of {found.trial}."
        )
    return lines


def sites_text(body: Mapping[str, Any]) -> list[str]:
    """The sentences of what `sites_json` gave."""
    both, plan = body["with_and_without"], body["replanned"]
    return [*([] if both is None else [both["sentence"]]), *([] if plan is None else [plan["sentence"]])]


def decisions_text(body: Mapping[str, Any]) -> list[str]:
    """What `decisions_json` gave, for people; the last line says what to do next."""
    trial, lines = body["trial"], [one["sentence"] for one in body["decisions"]]
    if not lines:
        lines = [f"Nothing was decided on {trial} yet ({body['state']})."]
    for one in body["decisions"]:
        if one["lesson"]:
            lines.append(f"  Lesson: {one['lesson']}")
        if one["reuse"]:
            lines.append(f"  To use again: {one['reuse']}")
        if one["dissent"] != "none" or one["what"] != "continue":
            lines.append(f"  Dissent: {one['dissent']}")
    after = [str(look["look"]) for look in body["looks"] if look["post_decision"]]
    if after:
        lines.append(f"Taken after the decision: look{'s' if len(after) > 1 else ''} {', '.join(after)}.")
    for one in body["withdrawn"]:
        code = one["reason_code"].replace("_", " ")
        lines.append(f"{one['site']} left from {_day(one['from_day'])} on ({code}): {one['reason']}")
    lines += sites_text(body)
    lines += [f"Outside event of {_day(one['day'])}: {one['text']}" for one in body["events"]]
    lines += [one["sentence"] for one in body["splits"]]
    last = body["decisions"][-1]["next"] if body["decisions"] else f"roadtest decide {trial} WHAT --by NAME"
    return [*lines, f"Next: {last}"]


def _day(written: str) -> str:
    """A day of a JSON body, for people."""
    from trials.records import in_words

    return in_words(date.fromisoformat(written))
