"""Alerts in the database: what stands, what was told on which channel, and how the channels get on.

A telling is claimed in a transaction before anything is sent, and marked as sent after it was: of two processes one claims it,
and what a killed one had claimed is claimed again when the claim is old. So each is told at least once, and twice only where
a process died between sending and saying so, or where its message took longer than a claim lasts.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass, field, fields, replace
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import Connection, Row, and_, delete, func, insert, or_, select, update

from trials.alerting import Alert, ChannelState, Finding, Rule, Step, Told, What, due, step
from trials.errors import DataError, ForbiddenError
from trials.identifiers.free_text import must_name_nobody
from trials.store import access
from trials.store.engine import Store, reading, writing
from trials.store.models import ALERT, CHANNEL, PLAN, TELLING, TRIAL, WATCH
from trials.store.plans import must_be_aware

ACTION = "collect"  # whoever may run a trial's rounds may say that they have seen to its alerts
KEPT = timedelta(days=30)  # so long after it cleared, what a channel was not told of is told still
LONGEST_NOTE = 500
_LOCK = " alerts"  # no trial has this name
_MANY = 500  # names in one statement
_FIRST = "|"  # in a claim, before the claim that was the first on the same telling


@dataclass(frozen=True, slots=True)
class Claimed:
    """What a process has said that it tells now. token: a random text of this telling, the same however often it is claimed."""

    alert: Alert
    channel: str
    what: What
    number: int
    token: str = field(default="", repr=False)


def judge(
    store: Store,
    findings: Collection[Finding],
    now: datetime,
    asked: Callable[[Alert], bool] = lambda _: True,
    judged: Mapping[str, int] | None = None,
) -> Step:
    """Puts what was found at `now` beside what stands: raises, clears, words anew; in one transaction.

    asked: whether an alert's cause was looked into (`alerting.step`). judged: the tokens of trials whose rules, sites and plan
    were, kept for `watched`. Raises StoreError; DataError for a time without its zone.
    """
    must_be_aware(now=now)
    with writing(store, _LOCK) as connection:
        found = step(_newest(connection, [one.id for one in findings]), findings, now, asked)
        if found.raised:
            connection.execute(insert(ALERT), [asdict(one) for one in found.raised])
        for one in (*found.cleared, *found.changed):
            said = {name: getattr(one, name) for name in ("sentence", "detail", "severity", "cleared_at")}
            connection.execute(update(ALERT).where(_is(ALERT, one.id, one.occurrence)).values(**said))
        _note_judged(connection, judged or {}, now)
    return found


def standing(store: Store) -> list[Alert]:
    """What lasts."""
    with reading(store) as connection:
        return [_alert(row) for row in connection.execute(select(ALERT).where(ALERT.c.cleared_at.is_(None)))]


def listed(store: Store, limit: int = 200) -> list[Alert]:
    """The newest occurrences, those that are over too, the newest first."""
    with reading(store) as connection:
        found = select(ALERT).order_by(ALERT.c.raised_at.desc(), ALERT.c.id).limit(limit)
        return [_alert(row) for row in connection.execute(found)]


def told_of(store: Store, alerts: Iterable[Alert]) -> dict[tuple[str, int], dict[str, list[Told]]]:
    """By (id, occurrence) and channel, what is on record of tellings."""
    with reading(store) as connection:
        return _told(connection, list(alerts))


def watched(store: Store) -> dict[str, tuple[int, datetime]]:
    """By trial, up to which token its rules, sites and plan were judged, and when."""
    with reading(store) as connection:
        return {row.trial_id: (row.token, row.judged_at) for row in connection.execute(select(WATCH))}


def first_seal(store: Store) -> datetime | None:
    """When the first plan was sealed; None before that."""
    with reading(store) as connection:
        found: datetime | None = connection.scalar(select(func.min(PLAN.c.sealed_at)))
        return found


def channels(store: Store) -> dict[str, ChannelState]:
    """How the channels get on that anything was to be told on."""
    with reading(store) as connection:
        return _channels(connection)


def claim(
    store: Store,
    rules: Sequence[Rule],
    now: datetime,
    by: str,
    wanted: Callable[[str, Alert], bool] = lambda _channel, _alert: True,
) -> dict[str, list[Claimed]]:
    """By channel, what is to be told now and by nobody else. by: a random text, this process's own for this time.

    Channels that failed and rest are left out. wanted: whether the channel may be told of the alert at all. Nothing is written
    where nothing is due. Raises StoreError.
    """
    with reading(store) as connection:
        new = {rule.channel for rule in rules} - set(_channels(connection))
        if not new and not _due(connection, rules, now, wanted):
            return {}
    with writing(store, _LOCK) as connection:
        for name in sorted({rule.channel for rule in rules} - set(_channels(connection))):
            connection.execute(insert(CHANNEL).values(name=name, since=now, failures=0))
        found = _due(connection, rules, now, wanted)
        found = [replace(one, token=_claim(connection, one, now, by)) for one in found]
    claimed: dict[str, list[Claimed]] = {}
    for one in found:
        claimed.setdefault(one.channel, []).append(one)
    return claimed


def sent(store: Store, channel: str, by: str, now: datetime, error: str | None = None) -> ChannelState:
    """That what this process claimed for the channel went out, or (error: a sentence without a secret) did not."""
    with writing(store, _LOCK) as connection:
        by_us = or_(TELLING.c.claim == by, TELLING.c.claim.startswith(f"{by}{_FIRST}", autoescape=True))
        mine = and_(TELLING.c.channel == channel, by_us, TELLING.c.sent_at.is_(None))
        ended = {"sent_at": now, "failed": False} if error is None else {"failed": True}
        connection.execute(update(TELLING).where(mine).values(**ended))
        state = _channels(connection).get(channel, ChannelState(channel, now)).after(error, now)
        connection.execute(update(CHANNEL).where(CHANNEL.c.name == channel).values(**asdict(state)))
    return state


def forget_channels(store: Store, names: Collection[str]) -> None:
    """Takes out how channels other than these got on, so that one that comes back by its name begins anew."""
    with reading(store) as connection:
        gone = set(_channels(connection)) - set(names)
    if gone:
        with writing(store, _LOCK) as connection:
            connection.execute(delete(CHANNEL).where(CHANNEL.c.name.in_(sorted(gone))))


def acknowledge(store: Store, alert_id: str, *, by: str, at: datetime, note: str = "") -> Alert:
    """Says that somebody sees to what stands: it is reminded of no more. Said again it changes nothing.

    alert_id: whole, or so much of its beginning that no other begins so. Raises DataError when nothing stands under it or the
    note names a person, ForbiddenError for somebody who may not collect for the trial (of no trial's: for none).
    """
    must_be_aware(at=at)
    if len(note) > LONGEST_NOTE:
        raise DataError(f"note has {len(note)} characters, must have at most {LONGEST_NOTE}. Say it in a sentence.")
    must_name_nobody({"note": note})
    with writing(store, _LOCK) as connection:
        found = _one(connection, alert_id)
        _must_act(connection, found, by)
        if found.acknowledged_at is not None:
            return found
        done = replace(found, acknowledged_by=by, acknowledged_at=at, note=note)
        said = {name: getattr(done, name) for name in ("acknowledged_by", "acknowledged_at", "note")}
        connection.execute(update(ALERT).where(_is(ALERT, done.id, done.occurrence)).values(**said))
        return done


def _one(connection: Connection, alert_id: str) -> Alert:
    rows = connection.execute(select(ALERT).where(ALERT.c.cleared_at.is_(None))).all()
    found = [_alert(row) for row in rows if alert_id and row.id.startswith(alert_id)]
    if len(found) != 1:
        what = f"is the beginning of {len(found)} alerts" if found else "is no alert that stands"
        raise DataError(f"alert == '{alert_id}' {what}, must be one. See `roadtest alerts list`.")
    return found[0]


def _must_act(connection: Connection, alert: Alert, by: str) -> None:
    if not by.strip():
        raise DataError("by == '', must be the name of whoever sees to it. Add --by NAME.")
    if alert.trial and connection.scalar(select(TRIAL.c.id).where(TRIAL.c.id == alert.trial)) is not None:
        access.permit(connection, alert.trial, by, ACTION)
        return
    trials = list(connection.scalars(select(TRIAL.c.id)))
    if trials and not access.permitted(connection, by, ACTION, trials):
        raise ForbiddenError(
            f"{by} may collect for no trial, must be operator or lead of a programme to acknowledge this. Ask a lead."
        )


def _due(
    connection: Connection, rules: Sequence[Rule], now: datetime, wanted: Callable[[str, Alert], bool]
) -> list[Claimed]:
    since = or_(ALERT.c.cleared_at.is_(None), ALERT.c.cleared_at >= now - KEPT)
    alerts = [_alert(row) for row in connection.execute(select(ALERT).where(since).order_by(ALERT.c.raised_at))]
    told, states = _told(connection, alerts), _channels(connection)
    found = []
    for rule in rules:
        state = states.get(rule.channel)
        if state is not None and state.rests(now):
            continue
        rule = replace(rule, since=now if state is None else state.since)
        for alert in alerts:
            what = due(alert, told.get((alert.id, alert.occurrence), {}).get(rule.channel, ()), rule, now)
            if what is not None and wanted(rule.channel, alert):
                found.append(Claimed(alert, rule.channel, *what))
    return found


def _claim(connection: Connection, one: Claimed, now: datetime, by: str) -> str:
    """Claims it; the telling's token, which is the claim that was the first on it."""
    key = {
        "alert_id": one.alert.id,
        "occurrence": one.alert.occurrence,
        "channel": one.channel,
        "what": one.what,
        "number": one.number,
    }
    same = and_(*(TELLING.c[name] == value for name, value in key.items()))
    before = connection.scalar(select(TELLING.c.claim).where(same))
    said = {"claimed_at": now, "failed": False}
    if before is None:
        connection.execute(insert(TELLING).values(**key, claim=by, **said))
        return by
    first = str(before).rpartition(_FIRST)[2]
    connection.execute(update(TELLING).where(same).values(claim=f"{by}{_FIRST}{first}", **said))
    return first


def _told(connection: Connection, alerts: Sequence[Alert]) -> dict[tuple[str, int], dict[str, list[Told]]]:
    asked = select(TELLING).order_by(TELLING.c.claimed_at, TELLING.c.what, TELLING.c.number)
    ids = sorted({one.id for one in alerts})
    if len(ids) <= _MANY:
        asked = asked.where(TELLING.c.alert_id.in_(ids))
    found: dict[tuple[str, int], dict[str, list[Told]]] = {}
    for row in connection.execute(asked):
        told = Told(row.what, row.number, row.claimed_at, row.sent_at, row.failed)
        found.setdefault((row.alert_id, row.occurrence), {}).setdefault(row.channel, []).append(told)
    return found


def _newest(connection: Connection, ids: Collection[str]) -> list[Alert]:
    """What stands, and the newest occurrence of each of these ids."""
    last = select(ALERT.c.id, func.max(ALERT.c.occurrence).label("occurrence")).group_by(ALERT.c.id).subquery()
    asked = select(ALERT).join(last, (last.c.id == ALERT.c.id) & (last.c.occurrence == ALERT.c.occurrence))
    if len(ids) <= _MANY:
        asked = asked.where(or_(ALERT.c.cleared_at.is_(None), ALERT.c.id.in_(sorted(ids))))
    return [_alert(row) for row in connection.execute(asked)]


def _note_judged(connection: Connection, judged: Mapping[str, int], now: datetime) -> None:
    if not judged:
        return
    for first in range(0, len(judged), _MANY):
        part = sorted(judged)[first : first + _MANY]
        connection.execute(delete(WATCH).where(WATCH.c.trial_id.in_(part)))
    rows = [{"trial_id": trial, "token": token, "judged_at": now} for trial, token in sorted(judged.items())]
    connection.execute(insert(WATCH), rows)


def _channels(connection: Connection) -> dict[str, ChannelState]:
    return {row.name: ChannelState(**row._mapping) for row in connection.execute(select(CHANNEL))}


def _is(table: Any, alert_id: str, occurrence: int) -> Any:
    return and_(table.c.id == alert_id, table.c.occurrence == occurrence)


def _alert(row: Row[Any]) -> Alert:
    return Alert(**{field.name: row._mapping[field.name] for field in fields(Alert)})
