"""What the flows do, without Prefect: plain functions, tested as such. One failing trial fails alone."""

from __future__ import annotations

import logging
import time
import traceback
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from itertools import groupby
from pathlib import Path
from typing import TypeVar

from expectations.check import check
from expectations.health import ArmVitals, Vitals, trial_health
from trials.connectors import connector_named
from trials.connectors.connector import source_name
from trials.errors import DataError, RoadtestError, SourceError
from trials.evidence import Look
from trials.planning import admit
from trials.protocol import Arm, Protocol
from trials.records import Checked, Delivery, Enrolled, Receipt
from trials.store import ledger, reading
from trials.store.engine import Store
from trials.store.reading import TrialCard

log = logging.getLogger("roadtest")
Result = TypeVar("Result")


@dataclass(frozen=True, slots=True)
class Outcome:
    """What a flow did for one trial. ok False: nothing half-done, `error` is the sentence to act on after its name.

    again: its source failed, so trying again soon may help.
    """

    trial: str
    ok: bool
    error: str | None = None
    again: bool = False
    protocol: Protocol | None = None
    receipts: tuple[Receipt, ...] = ()
    look: Look | None = None


@dataclass(frozen=True, slots=True)
class Pending:
    """One trial's sealed plan and the deliveries that lie ready, oldest first."""

    protocol: Protocol
    deliveries: tuple[Delivery, ...]


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
    connector_named(protocol.source.connector)
    sha256 = ledger.register(store, protocol, by=by, at=at)
    if seal_by is not None:
        ledger.seal(store, protocol.trial, by=seal_by, at=at)
    return sha256


def sealed_trials(store: Store) -> list[str]:
    return reading.sealed_ids(store)


def read_pending(store: Store, home: Path, trial: str) -> Pending:
    """A trial's deliveries that the ledger doesn't know yet, read but not judged.

    Raises NotSealedError, PlanHashMismatchError, SourceError.
    """
    protocol, _ = ledger.sealed_protocol(store, trial)
    connector = connector_named(protocol.source.connector)
    known = ledger.known_contents(store, trial, source_name(connector.name, protocol.source))
    ready = [found for found in connector.find(protocol.source, home) if connector.fingerprint(found) not in known]
    return Pending(protocol, tuple(connector.read(protocol, found) for found in ready))


def read_all(
    store: Store, home: Path, trials: Sequence[str], retries: int = 0, wait: float = 0.0
) -> list[Pending | Outcome]:
    """`read_pending` for each trial; a source that still fails after the retries becomes that trial's Outcome.

    wait: seconds before each retry, once for all the trials that need it.
    """
    found: dict[str, Pending | Outcome] = {}
    left = list(trials)
    for attempt in range(retries + 1):
        if attempt:
            time.sleep(wait)
        found |= {trial: guarded(trial, lambda trial=trial: read_pending(store, home, trial)) for trial in left}  # type: ignore[misc]
        left = [trial for trial in left if isinstance(item := found[trial], Outcome) and item.again]
        if not left:
            break
    return [found[trial] for trial in trials]


def collect(store: Store, pending: Sequence[Pending], clock: Clock) -> list[Outcome]:
    """Checks and records every delivery, each in its own transaction with the look after it.

    Deliveries go in waves: the oldest of every trial together through the checks, then the next, because a row is judged
    against what its trial's register knew by then.
    """
    receipts: dict[str, list[Receipt]] = {item.protocol.trial: [] for item in pending}
    failed: dict[str, Outcome] = {}
    queue = {item.protocol.trial: list(item.deliveries) for item in pending}
    protocols = {item.protocol.trial: item.protocol for item in pending}
    while any(queue.values()):
        wave = [deliveries.pop(0) for deliveries in queue.values() if deliveries]
        wave.sort(key=lambda delivery: (clock.received(delivery), delivery.trial))
        for at, group in groupby(wave, key=clock.received):
            for outcome in _record_wave(store, protocols, list(group), at):
                if isinstance(outcome, Outcome):
                    failed[outcome.trial] = outcome
                    queue[outcome.trial] = []
                else:
                    receipts[outcome.trial].append(outcome)
    return [
        replace(failed[trial], receipts=tuple(kept)) if trial in failed else done(store, trial, tuple(kept))
        for trial, kept in receipts.items()
    ]


def done(store: Store, trial: str, receipts: tuple[Receipt, ...] = ()) -> Outcome:
    """How a trial stands after its deliveries, if any came."""
    card = reading.card(store, trial)
    return Outcome(trial, ok=True, protocol=card.protocol, receipts=receipts, look=card.look)


def _record_wave(
    store: Store, protocols: dict[str, Protocol], deliveries: list[Delivery], at: datetime
) -> list[Receipt | Outcome]:
    judged = guarded(deliveries[0].trial, lambda: _judge(store, protocols, deliveries, at))
    if isinstance(judged, Outcome):
        if len(deliveries) == 1:
            return [judged]
        # Whose delivery broke the checks shows only when each is judged by itself.
        return [one for delivery in deliveries for one in _record_wave(store, protocols, [delivery], at)]
    return [
        guarded(
            delivery.trial,
            lambda delivery=delivery, result=result: record(store, delivery, result, at, at),  # type: ignore[misc]
        )
        for delivery, result in zip(deliveries, judged, strict=True)
    ]


def _judge(store: Store, protocols: dict[str, Protocol], deliveries: list[Delivery], as_of: datetime) -> list[Checked]:
    """What the checks make of each delivery, with what looks wrong with its trial."""
    registers = {delivery.trial: ledger.register_of(store, delivery.trial) for delivery in deliveries}
    checked = check(deliveries, protocols, registers, as_of)
    flagged = _health(store, protocols, registers, deliveries, checked)
    return [with_flags(checked[(one.trial, one.content_sha256)], flagged[one.trial]) for one in deliveries]


def record(store: Store, delivery: Delivery, checked: Checked, recorded_at: datetime, as_of: datetime) -> Receipt:
    """Puts a judged delivery into the ledger. Raises DataError, and stores nothing, when the checks themselves failed."""
    if checked.unjudged:
        raise DataError(f"{delivery.name}: {checked.refusal}")
    return ledger.record(store, delivery, checked, recorded_at=recorded_at, as_of=as_of)


def with_flags(checked: Checked, flags: tuple[str, ...]) -> Checked:
    """The same result with what looks wrong with the trial among its warnings; a refusal stands alone."""
    if checked.refusal is not None or not flags:
        return checked
    return replace(checked, warnings=(*checked.warnings, *flags))


def ingest(
    store: Store,
    protocol: Protocol,
    delivery: Delivery,
    *,
    recorded_at: datetime,
    as_of: datetime,
    dry_run: bool = False,
) -> Receipt:
    """One delivery by hand: the same checks and the same transaction as collect. dry_run: judged, not stored."""
    trial = protocol.trial
    [checked] = _judge(store, {trial: protocol}, [delivery], as_of)
    if dry_run:
        return Receipt(
            trial=trial,
            name=delivery.name,
            batch_seq=0,
            action=checked.action,
            accepted=len(checked.accepted),
            quarantined=len(checked.rejected),
            duplicates=0,
            corrections=0,
            reasons=checked.rejected,
            warnings=checked.warnings,
            refusal=checked.refusal,
        )
    return record(store, delivery, checked, recorded_at, as_of)


def look_all(store: Store, trials: Sequence[str], clock: Clock) -> list[Outcome]:
    """A look at each trial without new rows: time alone may settle people."""

    def one(trial: str) -> Outcome:
        look = ledger.take_look(store, trial, recorded_at=clock.now, as_of=clock.now)
        return Outcome(trial, ok=True, protocol=reading.card(store, trial).protocol, look=look)

    return [guarded(trial, lambda trial=trial: one(trial)) for trial in trials]  # type: ignore[misc]


def _health(
    store: Store,
    protocols: dict[str, Protocol],
    registers: dict[str, dict[str, Enrolled]],
    deliveries: list[Delivery],
    checked: dict[tuple[str, str], Checked],
) -> dict[str, tuple[str, ...]]:
    """Plain sentences on what looks wrong with each trial as a whole, this wave included."""
    vitals = []
    for delivery in deliveries:
        protocol, result = protocols[delivery.trial], checked[(delivery.trial, delivery.content_sha256)]
        arms = {participant: enrolled.arm for participant, enrolled in registers[delivery.trial].items()}
        arms |= {record.participant_id: record.arm for record in result.accepted}
        vitals.append(_vitals(protocol, list(arms.values()), reading.card(store, delivery.trial), delivery, result))
    return trial_health(vitals)


def _vitals(protocol: Protocol, arms: list[str], card: TrialCard, delivery: Delivery, result: Checked) -> Vitals:
    settled = {} if card.look is None else {total.arm: total for total in card.look.arms}

    def of(arm: Arm) -> ArmVitals:
        total = settled.get(arm.id)
        n, missing = (0, 0) if total is None else (total.n, total.missing)
        return ArmVitals(arm.id, arm.allocation, arms.count(arm.id), n, missing)

    return Vitals(
        trial=protocol.trial,
        arms=tuple(of(arm) for arm in protocol.arms),
        received=card.rows + len(delivery.rows),
        quarantined=card.quarantined + len(result.rejected),
    )
