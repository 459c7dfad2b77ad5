"""What the flows do, without Prefect: plain functions, tested as such. One failing trial fails alone."""

from __future__ import annotations

import logging
import time
import traceback
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from itertools import groupby, takewhile
from pathlib import Path
from typing import TypeVar

from expectations.check import check, check_register, key_of
from expectations.docs import DeliveryRound, TrialRound, rule_counts
from flows import telemetry
from flows.health import health_of
from flows.keys import Keys
from flows.naming import named_safely
from trials import gate
from trials.comparing import beside
from trials.connectors import connector_named
from trials.connectors.connector import Context, Found, Limits, no_secrets, source_name
from trials.errors import DataError, RoadtestError, SourceError
from trials.evidence import Look
from trials.memory import collecting_later
from trials.planning import admit
from trials.protocol import Protocol
from trials.pseudonyms import Pseudonyms
from trials.records import Checked, Delivery, Receipt, Register, Rows
from trials.store import decisions, ledger, reading, stages, standing
from trials.store.allocations import must_have_no_reveals
from trials.store.deliveries import Inbox, Seal
from trials.store.engine import Store
from trials.store.registers import registers_of, sites_left_of

log = logging.getLogger("roadtest")
Result = TypeVar("Result")


@dataclass(frozen=True, slots=True)
class Outcome:
    """What a flow did for one trial. ok False: nothing half-done, `error` is the sentence to act on after its name.

    again: its source failed, so trying again soon may help. checks: what the checks of its deliveries came to.
    """

    trial: str
    ok: bool
    error: str | None = None
    again: bool = False
    protocol: Protocol | None = None
    receipts: tuple[Receipt, ...] = ()
    look: Look | None = None
    checks: TrialRound | None = None


@dataclass(frozen=True, slots=True)
class Pending:
    """One trial's sealed plan and the deliveries that lie ready, oldest first."""

    protocol: Protocol
    deliveries: tuple[Delivery, ...]


@dataclass(frozen=True, slots=True)
class Ahead:
    """Of a group of trials: their sealed plans, or why there is none; by trial and source what came from it."""

    plans: Mapping[str, tuple[Protocol, str] | RoadtestError]
    came: Mapping[tuple[str, str], tuple[Inbox, str | None]]

    @classmethod
    def of(cls, store: Store, trials: Sequence[str]) -> Ahead:
        plans = ledger.sealed_protocols(store, trials)
        sources = {}
        for trial, plan in plans.items():
            if not isinstance(plan, RoadtestError):
                source = plan[0].source
                sources[trial] = source_name(source.connector, source)
        came = ledger.arrived(store, sources)
        return cls(plans, {(trial, sources[trial]): found for trial, found in came.items()})


@dataclass(frozen=True, slots=True)
class Door:
    """What stands where deliveries come in: whose keys hide the ids, where secrets are looked up, how much is read.

    keys None: ids are kept as they are sent, for stores that are thrown away (`replay`). ahead: what was read of a group of
    trials at once, so that nobody reads it trial by trial.
    """

    home: Path
    keys: Keys | None = None
    limits: Limits = field(default_factory=Limits)
    secret: Callable[[str], str] = no_secrets
    ahead: Ahead | None = field(default=None, compare=False, repr=False)

    def pseudonyms(self, store: Store, trial: str) -> Pseudonyms | None:
        """What hides the trial's ids; None where they are kept as sent. Raises StoreError when its key is gone."""
        if self.keys is None:
            return None
        return self.pseudonyms_of(store, [trial])[trial]

    def pseudonyms_of(self, store: Store, trials: Sequence[str]) -> dict[str, Pseudonyms | None]:
        """`pseudonyms` for each trial, with one query."""
        if self.keys is None:
            return dict.fromkeys(trials)
        known, found = ledger.keys_of(store, trials), dict[str, Pseudonyms | None]()
        for trial in trials:
            bound, begun = known.get(trial, (None, False))
            found[trial] = None if begun and bound is None else self.keys.of(trial, bound=bound)
        return found

    def context(self, watermark: str | None = None, now: datetime | None = None) -> Context:
        return Context(self.home, self.limits, self.secret, watermark, now or utc_now())


@dataclass(frozen=True, slots=True)
class Clock:
    """When things are received. as_sent: each delivery the moment it was sent (loading history, the demo)."""

    now: datetime
    as_sent: bool = False

    def received(self, delivery: Delivery) -> datetime:
        return delivery.sent_at if self.as_sent else self.now


def utc_now() -> datetime:
    return datetime.now(UTC)


def guarded(trial: str, work: Callable[[], Result]) -> Result | Outcome:
    """The result of the work, or the Outcome that says in one sentence why this trial failed."""
    try:
        return work()
    except RoadtestError as error:
        return Outcome(trial, ok=False, error=str(error), again=isinstance(error, SourceError))
    except Exception as error:  # noqa: BLE001 - a fault of ours in one trial must not stop the others; it is reported
        log.error("%s failed:\n%s", trial, traceback.format_exc())
        return Outcome(
            trial,
            ok=False,
            error=f"{type(error).__name__} in Roadtest itself; nothing was stored. See roadtest.log in the home.",
        )


def register_trial(store: Store, protocol: Protocol, *, by: str, at: datetime, seal_by: str | None = None) -> str:
    """Registers a plan (and seals it when `seal_by` is given). Returns its SHA-256. The same plan again changes nothing."""
    admit(protocol)
    if seal_by is not None:
        gate.must_pass(protocol)
    connector_named(protocol.source.connector).check(protocol.source)
    sha256 = ledger.register(store, protocol, by=by, at=at)
    if seal_by is not None:
        ledger.seal(store, protocol.trial, by=seal_by, at=at, sha256=sha256, also=stages.must_begin)
    return sha256


def begin_trial(store: Store, protocol: Protocol, *, by: str, at: datetime, seal_by: str | None = None) -> str:
    """`register_trial` for a trial of its own: one that continues others needs them to have passed their gate, and is handed
    what they learnt. Raises LifecycleError besides."""
    stages.may_begin(store, protocol)
    sha256 = register_trial(store, protocol, by=by, at=at, seal_by=seal_by)
    if protocol.continues:
        stages.pass_on(store, protocol.trial, by=by, at=at)
    return sha256


def seal_trial(store: Store, trial: str, *, by: str, at: datetime, sha256: str | None = None) -> tuple[Protocol, str]:
    """Seals a registered plan that the gate lets through; the plan and its SHA-256. sha256: of the plan that was read.

    Raises GateError, FourEyesError, ForbiddenError, LifecycleError, UnknownTrialError, PlanHashMismatchError (also when another
    plan was registered while the gate judged this one): nothing is changed.
    """
    card = reading.card(store, trial)
    gate.must_pass(card.protocol)
    ledger.seal(store, trial, by=by, at=at, sha256=sha256 or card.sha256, also=stages.must_begin)
    return ledger.sealed_protocol(store, trial)


def sealed_trials(store: Store) -> list[str]:
    return reading.sealed_ids(store)


def read_pending(store: Store, door: Door, trial: str, now: datetime | None = None) -> Pending:
    """A trial's deliveries that the ledger doesn't know yet, read but not judged.

    Raises NotSealedError, PlanHashMismatchError, SourceError.
    """
    plan = None if door.ahead is None else door.ahead.plans.get(trial)
    if isinstance(plan, RoadtestError):
        raise plan
    protocol, _ = ledger.sealed_protocol(store, trial) if plan is None else plan
    connector = connector_named(protocol.source.connector)
    source = source_name(connector.name, protocol.source)
    came = None if door.ahead is None else door.ahead.came.get((trial, source))
    inbox, watermark = ledger.arrived(store, {trial: source})[trial] if came is None else came
    context = door.context(watermark, now)

    def is_new(content: str | None, one: Found | Delivery) -> bool:
        # A date in the future says nothing: whatever bears it would look as if it was sent again at every collection.
        sent_at, dated = min(one.sent_at, context.now), one.dated and one.sent_at <= context.now
        return content is None or not inbox.holds(content, sent_at, dated=dated, name=one.name)

    found = [
        one for one in connector.find(protocol.source, context) if is_new(connector.fingerprint(one, context), one)
    ]
    read = [connector.read(protocol, one, context) for one in found]
    fresh = [one for one in read if one is not None and is_new(one.content_sha256, one)]
    return Pending(protocol, named_safely(store, door.pseudonyms, protocol, fresh))


def read_all(
    store: Store, door: Door, trials: Sequence[str], retries: int = 0, wait: float = 0.0
) -> list[Pending | Outcome]:
    """`read_pending` for each trial; a source that still fails after the retries becomes that trial's Outcome.

    wait: seconds before each retry, once for all the trials that need it.
    """
    found: dict[str, Pending | Outcome] = {}
    left = list(trials)
    for attempt in range(retries + 1):
        if attempt:
            time.sleep(wait)
        ready = ahead_of(store, door, left)
        found |= {
            trial: guarded(trial, lambda trial=trial, ready=ready: read_pending(store, ready, trial))  # type: ignore[misc]
            for trial in left
        }
        left = [trial for trial in left if isinstance(item := found[trial], Outcome) and item.again]
        if not left:
            break
    return [found[trial] for trial in trials]


def ahead_of(store: Store, door: Door, trials: Sequence[str]) -> Door:
    """The door with what the ledger knows of these trials. Where that can't be read at once, each trial says so itself."""
    try:
        return replace(door, ahead=Ahead.of(store, trials))
    except RoadtestError:
        return door


def collect(store: Store, pending: Sequence[Pending], clock: Clock, door: Door) -> list[Outcome]:
    """Checks and records every delivery; all that a trial receives at one time go in together, with one look after them.

    So a pipeline that was down for three days takes one look, not three. Deliveries that were received one after the other
    (`as_sent`) go in waves, the oldest of every trial together through the checks, then the next.
    """
    receipts: dict[str, list[Receipt]] = {item.protocol.trial: [] for item in pending}
    rounds: dict[str, TrialRound] = {}
    failed: dict[str, Outcome] = {}
    queue = {item.protocol.trial: _at_once(item.deliveries, clock) for item in pending}
    protocols = {item.protocol.trial: item.protocol for item in pending}
    while any(queue.values()):
        wave = [groups.pop(0) for groups in queue.values() if groups]
        wave.sort(key=lambda group: (clock.received(group[0]), group[0].trial))
        for at, groups in groupby(wave, key=lambda group: clock.received(group[0])):
            for outcome in _record_wave(store, protocols, list(groups), at, door):
                if isinstance(outcome, TrialRound):
                    rounds[outcome.trial] = _joined(rounds.get(outcome.trial), outcome)
                elif isinstance(outcome, Outcome):
                    failed[outcome.trial] = outcome
                    queue[outcome.trial] = []
                elif not (outcome.already_known and outcome.refusal is not None):
                    # What is refused again for the same reason was told before.
                    receipts[outcome.trial].append(outcome)
    stand = done_all(store, {trial: tuple(kept) for trial, kept in receipts.items() if trial not in failed})
    ended = [
        replace(failed[trial], receipts=tuple(kept)) if trial in failed else stand[trial]
        for trial, kept in receipts.items()
    ]
    return [replace(outcome, checks=rounds.get(outcome.trial)) for outcome in ended]


def _joined(before: TrialRound | None, now: TrialRound) -> TrialRound:
    return now if before is None else replace(now, deliveries=(*before.deliveries, *now.deliveries))


def _at_once(deliveries: Sequence[Delivery], clock: Clock) -> list[list[Delivery]]:
    """A trial's deliveries, those together that are received at the same time."""
    return [list(group) for _, group in groupby(deliveries, key=clock.received)]


def done(store: Store, trial: str, receipts: tuple[Receipt, ...] = ()) -> Outcome:
    """How a trial stands after its deliveries, if any came."""
    card = reading.card(store, trial)
    return Outcome(trial, ok=True, protocol=card.protocol, receipts=receipts, look=card.look)


def done_all(store: Store, receipts: Mapping[str, tuple[Receipt, ...]]) -> dict[str, Outcome]:
    """`done` for each trial, in as many queries as for one."""
    cards = {card.id: card for card in reading.cards(store, list(receipts))} if receipts else {}
    return {
        trial: Outcome(trial, ok=True, protocol=cards[trial].protocol, receipts=kept, look=cards[trial].look)
        if trial in cards
        else done(store, trial, kept)
        for trial, kept in receipts.items()
    }


def _record_wave(
    store: Store, protocols: dict[str, Protocol], groups: list[list[Delivery]], at: datetime, door: Door
) -> list[Receipt | Outcome | TrialRound]:
    """Each group is what one trial receives at this time."""
    with telemetry.span("check", trials=len(groups), deliveries=sum(map(len, groups))):
        judged = guarded(groups[0][0].trial, lambda: judge(store, protocols, groups, at, door))
    if isinstance(judged, Outcome):
        if len(groups) == 1:
            return [judged]
        # Whose delivery broke the checks shows only when each is judged by itself.
        return [one for group in groups for one in _record_wave(store, protocols, [group], at, door)]
    found: list[Receipt | Outcome | TrialRound] = []
    with telemetry.span("record", trials=len(judged)):
        for result in judged:
            found += [_round_of(protocols[result.trial], result), *record(store, result, at, at)]
    return found


def _round_of(protocol: Protocol, judged: Judged) -> TrialRound:
    """What the checks of a trial's deliveries came to, as the Data Docs show it."""
    guardrails = [each.kind for each in beside(protocol)]
    deliveries = []
    for delivery, checked in judged.results:
        rows, refused = len(delivery.rows), checked.refusal is not None
        rules = rule_counts(protocol.primary.kind, guardrails, rows, dict(checked.broken), refused=refused)
        action = "unjudged" if checked.unjudged else checked.action
        deliveries.append(DeliveryRound(delivery.sent_at, action, rows, len(checked.rejected), rules))
    return TrialRound(protocol.trial, protocol.question, tuple(deliveries), judged.flags)


@dataclass(frozen=True, slots=True)
class Judged:
    """What one trial's deliveries came to, oldest first, what hid their ids, and what looks wrong with the trial."""

    trial: str
    results: tuple[tuple[Delivery, Checked], ...]
    hidden: Pseudonyms | None
    flags: tuple[str, ...] = ()

    @property
    def key(self) -> str | None:
        return None if self.hidden is None else self.hidden.fingerprint

    @property
    def seal(self) -> Seal | None:
        return None if self.hidden is None else self.hidden.seal


def judge(
    store: Store, protocols: dict[str, Protocol], groups: Sequence[Sequence[Delivery]], as_of: datetime, door: Door
) -> list[Judged]:
    """What the checks make of each trial's deliveries, with what looks wrong with the trial."""
    trials = [group[0].trial for group in groups]
    pseudonyms = door.pseudonyms_of(store, trials)
    registers = _registers(store, groups, pseudonyms)
    left = sites_left_of(store, trials)
    deliveries = [delivery for group in groups for delivery in group]
    with collecting_later(sum(len(delivery.rows) for delivery in deliveries)):
        checked = check(deliveries, protocols, registers, as_of, pseudonyms)
    flagged = health_of(store, protocols, registers, groups, checked)
    return [
        Judged(
            trial,
            tuple(
                (
                    one,
                    with_flags(
                        checked[key_of(one)],
                        (
                            *(flagged[trial] if one is group[-1] else ()),
                            *_late_joiners(
                                store,
                                protocols[trial],
                                checked[key_of(one)],
                                registers[trial],
                                left[trial],
                            ),
                        ),
                    ),
                )
                for one in group
            ),
            pseudonyms[trial],
            flagged[trial],
        )
        for trial, group in zip(trials, groups, strict=True)
    ]


# Of larger deliveries nobody guesses ahead whom they name: their own rows ask, once they are read.
_GUESSED = 5_000


def _registers(
    store: Store, groups: Sequence[Sequence[Delivery]], pseudonyms: Mapping[str, Pseudonyms | None]
) -> dict[str, Register]:
    """Each trial's register: of one whose ids are hidden the part that its deliveries name; where ids are plain they are also
    compared by letter case, which takes everybody."""
    asked: dict[str, tuple[set[str], set[int]]] = {}
    found: dict[str, Register] = {}
    for group in groups:
        trial = group[0].trial
        hidden = pseudonyms[trial]
        if hidden is None:
            found[trial] = ledger.register_of(store, trial)
        else:
            asked[trial] = _named(group, hidden)
    return found | registers_of(store, asked) if asked else found


def _named(group: Sequence[Delivery], hidden: Pseudonyms) -> tuple[set[str], set[int]]:
    """Whom the rows of deliveries seem to name: pseudonyms, and allocation numbers."""
    names: set[str] = set()
    numbers: set[int] = set()
    for delivery in group:
        if len(delivery.rows) <= _GUESSED:
            rows = Rows.of(delivery.rows)
            names |= {cell.strip() for cell in rows.column("participant_id")}
            whole = (cell.strip() for cell in rows.column("entry_order"))
            numbers |= {int(cell) for cell in whole if cell.isascii() and cell.isdigit() and len(cell) <= _DIGITS}
    return set(hidden.of_all(list(names))), numbers


_DIGITS = 9  # of an allocation number at most


def _late_joiners(
    store: Store, protocol: Protocol, checked: Checked, register: Register, left: frozenset[str]
) -> tuple[str, ...]:
    """A warning for each site that left, or spell in which enrolment waited, and people who joined all the same."""
    trial = protocol.trial
    watched = protocol.stopping is not None and protocol.stopping.safety is not None
    if not left and not watched:
        return ()
    new = {(one.site, one.enrolled_on) for one in checked.accepted if one.participant_id not in register}
    gone = decisions.late_joiners(store, trial, sorted(new, key=repr)) if left and new else ()
    waited = standing.joined_while_waiting(store, trial, (day for _, day in new)) if watched and new else ()
    return (*gone, *waited)


def record(store: Store, judged: Judged, recorded_at: datetime, as_of: datetime) -> list[Receipt | Outcome]:
    """Puts a trial's judged deliveries into the ledger, up to the first that the checks failed on: that one stays outside,
    and those after it, to be judged again."""
    sound = tuple(takewhile(lambda result: not result[1].unjudged, judged.results))
    found: list[Receipt | Outcome] = []
    if sound:
        put = guarded(
            judged.trial,
            lambda: ledger.record_all(
                store, sound, recorded_at=recorded_at, as_of=as_of, key=judged.key, seal=judged.seal
            ),
        )
        if isinstance(put, Outcome):
            return [put]
        found += put
    if len(sound) < len(judged.results):
        delivery, checked = judged.results[len(sound)]
        found.append(Outcome(judged.trial, ok=False, error=f"{delivery.name}: {checked.refusal}"))
    return found


def with_flags(checked: Checked, flags: tuple[str, ...]) -> Checked:
    """The same result with what looks wrong with the trial among its warnings; a refusal stands alone."""
    if checked.refusal is not None or not flags:
        return checked
    return replace(checked, warnings=(*checked.warnings, *flags))


def ingest(
    store: Store,
    protocol: Protocol,
    deliveries: Sequence[Delivery],
    *,
    recorded_at: datetime,
    as_of: datetime,
    door: Door,
    dry_run: bool = False,
) -> list[Receipt]:
    """Deliveries by hand, oldest first: the same checks and the same transaction as collect. dry_run: judged, not stored.

    Raises DataError, and stores nothing, when the checks themselves failed on one of them.
    """
    trial = protocol.trial
    known = [ledger.known_receipt(store, one) for one in deliveries]
    if all(receipt is not None for receipt in known):
        return [receipt for receipt in known if receipt is not None]
    [judged] = judge(store, {trial: protocol}, [deliveries], as_of, door)
    for delivery, checked in judged.results:
        if checked.unjudged:
            raise DataError(f"{delivery.name}: {checked.refusal}")
    if dry_run:
        return [ledger.preview(store, one, checked, recorded_at=recorded_at) for one, checked in judged.results]
    return ledger.record_all(
        store, judged.results, recorded_at=recorded_at, as_of=as_of, key=judged.key, seal=judged.seal
    )


def enrol(
    store: Store, protocol: Protocol, listed: Delivery, *, at: datetime, door: Door, dry_run: bool = False
) -> Receipt:
    """Puts a trial's list of people in: all who are new, or nobody when a row is at fault. Nobody who is in is changed.

    Raises DataError, and stores nothing, when the checks themselves failed.
    """
    trial = protocol.trial
    hidden = door.pseudonyms(store, trial)
    checked = check_register(listed, protocol, ledger.register_of(store, trial), at, hidden)
    if checked.unjudged:
        raise DataError(f"{listed.name}: {checked.refusal}")
    if dry_run:
        return ledger.preview(store, listed, checked, recorded_at=at)
    judged = Judged(trial, ((listed, checked),), hidden)
    return ledger.record_all(
        store,
        judged.results,
        recorded_at=at,
        as_of=at,
        key=judged.key,
        seal=judged.seal,
        also=lambda connection, _: must_have_no_reveals(connection, trial),
    )[0]


def look_all(store: Store, trials: Sequence[str], clock: Clock) -> list[Outcome]:
    """A look at each trial without new rows: time alone may settle people."""

    def one(trial: str) -> Look:
        return ledger.take_look(store, trial, recorded_at=clock.now, as_of=clock.now)

    looked = {trial: guarded(trial, lambda trial=trial: one(trial)) for trial in trials}  # type: ignore[misc]
    stand = done_all(store, {trial: () for trial, look in looked.items() if isinstance(look, Look)})
    return [
        replace(stand[trial], look=look) if isinstance(look, Look) else look
        for trial, look in ((trial, looked[trial]) for trial in trials)
    ]
