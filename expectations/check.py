"""check(): deliveries in; per delivery accepted rows, quarantined rows with reasons, or a refusal out.

All deliveries of one outcome kind run through Great Expectations as one combined batch; a guardrail's values are rows of
their own in their kind's. A check that can't be evaluated fails closed: the delivery is refused with a sentence, never
accepted.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from datetime import datetime

from expectations import engine
from expectations.measures import Facts
from expectations.rows import Prepared, prepare, record, required_columns
from trials.connectors.tabular import shorten
from trials.errors import UnknownTrialError
from trials.protocol import Protocol
from trials.records import Checked, Delivery, Enrolled, Record, Rejection

Key = tuple[str, str]  # (trial, content_sha256)
Reasons = list[tuple[str, ...]]


def check(
    deliveries: Sequence[Delivery],
    protocols: Mapping[str, Protocol],
    registers: Mapping[str, Mapping[str, Enrolled]],
    as_of: datetime,
) -> dict[Key, Checked]:
    """What the checks make of each delivery, by (trial, content_sha256).

    registers: by trial, the participants known before these deliveries. Deliveries of one trial are checked in the
    order given, each against the register that those before it leave. as_of: aware; no date may lie after its UTC day.
    Raises UnknownTrialError when a delivery's trial has no protocol.
    """
    for delivery in deliveries:
        if delivery.trial not in protocols:
            raise UnknownTrialError(f"trial == '{delivery.trial}', must have a protocol to be checked against.")
    known = {trial: dict(registers.get(trial, {})) for trial in protocols}
    done: dict[Key, Checked] = {}
    for turn in _turns(deliveries):
        for delivery, checked in _check_turn(turn, protocols, known, as_of):
            done[_key(delivery)] = checked
            for one in checked.accepted:
                known[delivery.trial].setdefault(one.participant_id, _enrolled(one))
    return done


def _turns(deliveries: Sequence[Delivery]) -> list[list[Delivery]]:
    """Deliveries in turns that hold each trial at most once, the same bytes once: a later one sees who came before."""
    turns: list[list[Delivery]] = []
    taken: defaultdict[str, int] = defaultdict(int)
    seen: set[Key] = set()
    for delivery in deliveries:
        if _key(delivery) in seen:
            continue
        seen.add(_key(delivery))
        if taken[delivery.trial] == len(turns):
            turns.append([])
        turns[taken[delivery.trial]].append(delivery)
        taken[delivery.trial] += 1
    return turns


def _check_turn(
    turn: Sequence[Delivery],
    protocols: Mapping[str, Protocol],
    known: Mapping[str, Mapping[str, Enrolled]],
    as_of: datetime,
) -> list[tuple[Delivery, Checked]]:
    done: list[tuple[Delivery, Checked]] = []
    sound: list[tuple[Delivery, Prepared]] = []
    shapes = [[_shape(one, protocols[one.trial])] for one in turn]
    for delivery, outcome in zip(turn, _reasons("structure", shapes), strict=True):
        if isinstance(outcome, str):
            done.append((delivery, Checked(refusal=outcome, unjudged=True)))
        elif outcome[0]:
            done.append((delivery, Checked(refusal=" ".join(outcome[0]))))
        else:
            protocol = protocols[delivery.trial]
            sound.append((delivery, prepare(delivery, protocol, known[delivery.trial], as_of)))
    outcomes = _row_reasons([(protocols[delivery.trial], prepared) for delivery, prepared in sound])
    return done + [
        (delivery, _judged(delivery, prepared, outcome))
        for (delivery, prepared), outcome in zip(sound, outcomes, strict=True)
    ]


def _row_reasons(sound: Sequence[tuple[Protocol, Prepared]]) -> list[Reasons | str]:
    """Per delivery, its rows' reasons over all measures, one combined batch a kind; a sentence if it could not be checked."""
    batches: defaultdict[str, dict[int, list[tuple[int, Facts]]]] = defaultdict(lambda: defaultdict(list))
    for number, (protocol, prepared) in enumerate(sound):
        kinds = {each.measure: each.kind for each in protocol.guardrails}
        batches[protocol.primary.kind][number] += list(enumerate(prepared.facts))
        for position, said in enumerate(prepared.guardrails):
            for facts in said:
                batches[kinds[str(facts["measure"])]][number].append((position, facts))
    found: list[list[dict[str, None]]] = [[{} for _ in prepared.facts] for _, prepared in sound]
    unjudged: dict[int, str] = {}
    for kind, batch in batches.items():
        outcomes = _reasons(kind, [[facts for _, facts in part] for part in batch.values()])
        for (number, part), outcome in zip(batch.items(), outcomes, strict=True):
            if isinstance(outcome, str):
                unjudged.setdefault(number, outcome)
                continue
            for (position, _), reasons in zip(part, outcome, strict=True):
                # A guardrail's facts hold the row's own too, so the same reason may come once a measure.
                found[number][position] |= dict.fromkeys(reasons)
    return [unjudged.get(number) or [tuple(row) for row in rows] for number, rows in enumerate(found)]


def _reasons(name: str, parts: Sequence[Sequence[Mapping[str, object]]]) -> list[Reasons | str]:
    """Per part, its rows' reasons, from one combined batch; a sentence for a part that could not be checked."""
    try:
        suite = engine.load(name)
        rows = iter(engine.reasons(suite, [row for part in parts for row in part]))
        return [[next(rows) for _ in part] for part in parts]
    except engine.ChecksError as error:
        if len(parts) > 1:  # one part that can't be checked must not take the others with it
            return [_reasons(name, [part])[0] for part in parts]
        return [f"The delivery could not be checked, so nothing of it was accepted: {error}"]


def _shape(delivery: Delivery, protocol: Protocol) -> dict[str, object]:
    """A delivery as one row for suites/structure.json."""
    missing = [name for name in required_columns(protocol) if name not in delivery.columns]
    theirs = protocol.source.columns
    named = [f"{name} (in the source: {theirs[name]})" if name in theirs else name for name in missing]
    shown = ", ".join(shorten(theirs.get(name, name), 40) for name in delivery.columns[:12])
    return {
        "name": shorten(delivery.name),
        "problem": delivery.problem,
        "missing": ", ".join(named) or None,
        "header": shown + (", ..." if len(delivery.columns) > 12 else ""),
        "rows": len(delivery.rows),
    }


def _judged(delivery: Delivery, prepared: Prepared, outcome: Reasons | str) -> Checked:
    if isinstance(outcome, str):
        return Checked(refusal=outcome, unjudged=True)
    accepted: list[Record] = []
    rejected: list[Rejection] = []
    judged = zip(delivery.rows, prepared.facts, prepared.guardrails, outcome, strict=True)
    for row, facts, guardrails, reasons in judged:
        if reasons:
            rejected.append(Rejection(row.row_no, "; ".join(reasons), dict(row.cells)))
        else:
            accepted.append(record(facts, guardrails))
    return Checked(tuple(accepted), tuple(rejected), prepared.warnings)


def _enrolled(one: Record) -> Enrolled:
    return Enrolled(one.participant_id, one.site, one.arm, one.enrolled_on, one.entry_order)


def _key(delivery: Delivery) -> Key:
    return delivery.trial, delivery.content_sha256
