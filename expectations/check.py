"""check(): deliveries in; per delivery accepted rows, quarantined rows with reasons, or a refusal out.

All deliveries of one outcome kind run through Great Expectations as one combined batch; a guardrail's values are rows of
their own in their kind's. A check that can't be evaluated fails closed: the delivery is refused with a sentence, never
accepted.
"""

from __future__ import annotations

from bisect import bisect_right
from collections import Counter, defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from itertools import accumulate, chain
from typing import Any

from expectations import engine
from expectations.measures import Columns, heading
from expectations.rows import Prepared, prepare, records, required_columns
from trials import identifiers
from trials.comparing import measured
from trials.connectors.tabular import shorten
from trials.errors import UnknownTrialError
from trials.protocol import Protocol
from trials.pseudonyms import Pseudonyms
from trials.records import Checked, Delivery, Enrolled, Record, Records, Register, Rejection
from trials.store.registers import PartOfRegister

Key = tuple[str, str, datetime]  # (trial, content_sha256, sent_at)


def key_of(delivery: Delivery) -> Key:
    """What makes a delivery itself here. Bytes sent again later are judged again, as others may have enrolled their people."""
    return delivery.trial, delivery.content_sha256, delivery.sent_at


def check(
    deliveries: Sequence[Delivery],
    protocols: Mapping[str, Protocol],
    registers: Mapping[str, Mapping[str, Enrolled]],
    as_of: datetime,
    pseudonyms: Mapping[str, Pseudonyms | None] | None = None,
) -> dict[Key, Checked]:
    """What the checks make of each delivery, by `key_of` it.

    registers: by trial, the participants known before these deliveries. Deliveries of one trial are checked in the
    order given, each against the register that those before it leave; the same bytes under another date are another one.
    as_of: aware; nobody may have joined later than the day after its UTC day (tomorrow has begun east of here), and nothing
    may be observed after its UTC day.
    pseudonyms: by trial, what hides its people's ids; where there is none they stay as they were sent.
    Raises UnknownTrialError when a delivery's trial has no protocol.
    """
    for delivery in deliveries:
        if delivery.trial not in protocols:
            raise UnknownTrialError(f"trial == '{delivery.trial}', must have a protocol to be checked against.")
    desk = _Desk(protocols, {}, pseudonyms or {}, as_of)
    for trial in {delivery.trial for delivery in deliveries}:
        given = registers.get(trial, {})
        desk.registers[trial] = (
            given.copied()
            if isinstance(given, PartOfRegister)
            else Register(given, closed=isinstance(given, Register) and given.closed)
        )
    done: dict[Key, Checked] = {}
    turns = _turns(deliveries)
    for number, turn in enumerate(turns):
        following = {delivery.trial for delivery in turns[number + 1]} if number + 1 < len(turns) else set()
        for delivery, checked in _check_turn(turn, desk):
            done[key_of(delivery)] = checked
            if delivery.trial in following:
                desk.enrol(delivery.trial, checked.accepted)
    return done


def check_register(
    delivery: Delivery, protocol: Protocol, register: Register, as_of: datetime, pseudonyms: Pseudonyms | None = None
) -> Checked:
    """What the checks make of a trial's list of people. Of a list with a fault nothing is taken: it is the owner's own."""
    desk = _Desk({protocol.trial: protocol}, {protocol.trial: register}, {protocol.trial: pseudonyms}, as_of, True)
    [(_, checked)] = _check_turn([delivery], desk)
    if checked.refusal is not None or not checked.rejected:
        return checked
    first, more = checked.rejected[0], len(checked.rejected) - 1
    others = f" ({more} more row{'s' if more > 1 else ''} after it)" if more else ""
    sentence = (
        f"{shorten(delivery.name)}: row {first.row_no}: {first.reason}.{others} Mend the list, nobody was enrolled."
    )
    return Checked(refusal=sentence)


@dataclass(frozen=True, slots=True)
class _Desk:
    """What deliveries are judged against. enrolling: they are lists of people, without outcomes."""

    protocols: Mapping[str, Protocol]
    registers: dict[str, Register]
    pseudonyms: Mapping[str, Pseudonyms | None]
    as_of: datetime
    enrolling: bool = False

    def enrol(self, trial: str, accepted: Sequence[Record]) -> None:
        """Lets the next delivery of the trial see who came with this one."""
        register = self.registers[trial]
        columns = Records.of(accepted)
        places = (columns.site, columns.arm, columns.enrolled_on, columns.entry_order, columns.spelling)
        for name, *place in zip(columns.participant_id, *places, strict=True):
            if name not in register:
                register[name] = Enrolled(name, *place)


def _turns(deliveries: Sequence[Delivery]) -> list[list[Delivery]]:
    """Deliveries in turns that hold each trial at most once: a later one sees who came before. The same key is taken once."""
    turns: list[list[Delivery]] = []
    taken: defaultdict[str, int] = defaultdict(int)
    seen: set[Key] = set()
    for delivery in deliveries:
        if key_of(delivery) in seen:
            continue
        seen.add(key_of(delivery))
        if taken[delivery.trial] == len(turns):
            turns.append([])
        turns[taken[delivery.trial]].append(delivery)
        taken[delivery.trial] += 1
    return turns


def _check_turn(turn: Sequence[Delivery], desk: _Desk) -> list[tuple[Delivery, Checked]]:
    done: list[tuple[Delivery, Checked]] = []
    sound: list[tuple[Delivery, Prepared]] = []
    shapes = [_shape(one, desk) for one in turn]
    for delivery, outcome in zip(turn, _structure(shapes), strict=True):
        if isinstance(outcome, str):
            done.append((delivery, Checked(refusal=outcome, unjudged=True)))
        elif outcome.reasons:
            broken = tuple((rule, 1) for rule, rows in sorted(outcome.broken.items()) if rows)
            done.append((delivery, Checked(refusal=" ".join(outcome.reasons[0]), broken=broken)))
        else:
            trial = delivery.trial
            sound.append(
                (
                    delivery,
                    prepare(
                        delivery,
                        desk.protocols[trial],
                        desk.registers[trial],
                        desk.as_of,
                        desk.pseudonyms.get(trial),
                        enrolling=desk.enrolling,
                    ),
                )
            )
    outcomes = _row_reasons(sound, desk)
    return done + [
        (delivery, _judged(delivery, prepared, outcome, desk))
        for (delivery, prepared), outcome in zip(sound, outcomes, strict=True)
    ]


def _structure(shapes: Sequence[Mapping[str, Any]]) -> list[engine.Judgement | str]:
    """Per delivery why it is refused whole, if it is; a sentence if that could not be checked."""
    parts = [
        _Part(number, {name: [value] for name, value in shape.items()}, (0,)) for number, shape in enumerate(shapes)
    ]
    return _judge_parts("structure", True, parts) if parts else []


@dataclass(frozen=True, slots=True)
class _Found:
    """What the suites say of one delivery's rows: reasons by row, and how many rows break each rule."""

    reasons: dict[int, dict[str, None]]
    broken: Counter[str]


@dataclass(frozen=True, slots=True)
class _Part:
    """One delivery's share of a combined batch: facts, and the row that each stands for."""

    number: int
    facts: Columns
    rows: Sequence[int]


def _row_reasons(sound: Sequence[tuple[Delivery, Prepared]], desk: _Desk) -> list[_Found | str]:
    """Per delivery, its rows' reasons over all measures, one combined batch a suite; a sentence if it could not be checked."""
    batches: defaultdict[tuple[str, bool], list[_Part]] = defaultdict(list)
    for number, (delivery, prepared) in enumerate(sound):
        protocol = desk.protocols[delivery.trial]
        kinds = {each.measure: each.kind for each in measured(protocol)}
        whole = range(len(delivery.rows))
        batches["row" if desk.enrolling else protocol.primary.kind, True].append(_Part(number, prepared.facts, whole))
        for columns, rows in prepared.guardrails:
            if rows:
                names = {name: [column[place] for place in rows] for name, column in columns.items()}
                names["show"] = [prepared.facts["show"][place] for place in rows]
                batches[kinds[columns["measure"][0]], False].append(_Part(number, names, rows))
    found = [_Found({}, Counter()) for _ in sound]
    unjudged: dict[int, str] = {}
    for (kind, whole_row), parts in batches.items():
        for part, outcome in zip(parts, _judge_parts(kind, whole_row, parts), strict=True):
            if isinstance(outcome, str):
                unjudged.setdefault(part.number, outcome)
                continue
            for position, reasons in outcome.reasons.items():
                # A reason may come once a measure.
                found[part.number].reasons.setdefault(part.rows[position], {}).update(dict.fromkeys(reasons))
            found[part.number].broken.update({rule: len(rows) for rule, rows in outcome.broken.items() if rows})
    return [unjudged.get(number) or found[number] for number in range(len(sound))]


def _judge_parts(kind: str, whole_row: bool, parts: Sequence[_Part]) -> list[engine.Judgement | str]:
    """Per part what its suite says, from one combined batch; a sentence for a part that could not be checked."""
    try:
        suite = engine.load(kind) if whole_row else engine.load_measure(kind)
        if len(parts) == 1:
            return [engine.judge(suite, parts[0].facts, len(parts[0].rows))]
        names = [name for name in parts[0].facts if all(name in part.facts for part in parts)]
        together = {name: list(chain.from_iterable(part.facts[name] for part in parts)) for name in names}
        return _split(parts, engine.judge(suite, together, sum(len(part.rows) for part in parts)))
    except engine.ChecksError as error:
        if len(parts) > 1:  # one part that can't be checked must not take the others with it
            return [_judge_parts(kind, whole_row, [part])[0] for part in parts]
        return [_unjudged(error)]


def _split(parts: Sequence[_Part], judged: engine.Judgement) -> list[engine.Judgement | str]:
    """A combined batch's judgement, by part."""
    starts = [0, *accumulate(len(part.rows) for part in parts)]
    split = [engine.Judgement({}, {}) for _ in parts]
    for position, reasons in judged.reasons.items():
        number = bisect_right(starts, position) - 1
        split[number].reasons[position - starts[number]] = reasons
    for rule, positions in judged.broken.items():
        for position in positions:
            number = bisect_right(starts, position) - 1
            split[number].broken.setdefault(rule, set()).add(position - starts[number])
    return list(split)


def _unjudged(error: engine.ChecksError) -> str:
    return f"The delivery could not be checked, so nothing of it was accepted: {error}"


def _shape(delivery: Delivery, desk: _Desk) -> dict[str, object]:
    """A delivery as one row for suites/structure.json."""
    protocol = desk.protocols[delivery.trial]
    required = required_columns(protocol, desk.registers[delivery.trial], enrolling=desk.enrolling)
    missing = [name for name in required if name not in delivery.columns]
    theirs = protocol.source.columns
    named = [f"{name} (in the source: {theirs[name]})" if theirs.get(name, name) != name else name for name in missing]
    known = {*protocol.known_columns, *theirs.values()}
    shown = ", ".join(
        heading(theirs.get(name, name), known, protocol.data.id_pattern) for name in delivery.columns[:12]
    )
    if not set(protocol.known_columns) & set(delivery.columns):
        shown = "none of the plan's columns"  # without a header its first line is somebody's data
    return {
        "name": shorten(delivery.name),
        "problem": delivery.problem,
        "identifier": None if delivery.problem is not None else identifiers.found(delivery, protocol),
        "missing": ", ".join(named) or None,
        "header": shown + (", ..." if len(delivery.columns) > 12 and "," in shown else ""),
        "rows": len(delivery.rows),
    }


def _judged(delivery: Delivery, prepared: Prepared, outcome: _Found | str, desk: _Desk) -> Checked:
    if isinstance(outcome, str):
        return Checked(refusal=outcome, unjudged=True)
    hidden = desk.pseudonyms.get(delivery.trial)
    count = len(delivery.rows)
    kept = [place for place in range(count) if place not in outcome.reasons] if outcome.reasons else range(count)
    rejected = []
    for place in sorted(outcome.reasons):
        row = delivery.rows[place]
        cells = dict(row.cells) if hidden is None else hidden.seal(row.cells)
        rejected.append(Rejection(row.row_no, "; ".join(outcome.reasons[place]), cells))
    accepted = records(prepared.facts, prepared.guardrails, kept)
    return Checked(accepted, tuple(rejected), prepared.warnings, broken=tuple(sorted(outcome.broken.items())))
