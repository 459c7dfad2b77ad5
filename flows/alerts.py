"""Alerts: what is the case is raised and clears, and whoever is to know is told; after each round, and by `roadtest alerts`.

A round never fails because of them: what goes wrong here is a line in the log, an alert of kind `round`, and is tried again.
"""

from __future__ import annotations

import logging
import secrets
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from flows import alerts_events, alerts_found, alerts_send, alerts_untold
from flows.alerts_file import Channel, Channels, address_of, read_channels
from flows.alerts_found import Found
from flows.alerts_send import Message
from flows.alerts_words import View, message_of, programmes_of, view_of
from flows.settings import Settings
from trials.alerting import Alert, Finding
from trials.errors import RoadtestError
from trials.store import alerts, reading
from trials.store.alerts import Claimed
from trials.store.engine import Store

log = logging.getLogger("roadtest")
Send = Callable[[Sequence[Message]], Mapping[str, str | None]]
FAILS_TOLD = 3  # so often in a row a channel fails until the others are told


@dataclass(frozen=True, slots=True)
class Report:
    """What a check did. told: by channel, how much it was told; errors: by channel or '', what went wrong."""

    raised: tuple[Alert, ...] = ()
    cleared: tuple[Alert, ...] = ()
    told: dict[str, int] | None = None
    errors: dict[str, str] | None = None


def after_round(settings: Settings, store: Store, now: datetime) -> Report:
    """Raises, clears and tells what is due, once a round's end is on record. Never raises: a fault is logged and alarmed."""
    try:
        return check(settings, store, now)
    except Exception as error:
        log.error("alerts failed", exc_info=error)
        sentence = str(error) if isinstance(error, RoadtestError) else f"{type(error).__name__} in Roadtest itself."
        _note_fault(store, sentence, now)
        return Report(errors={"": sentence})


def _note_fault(store: Store, sentence: str, now: datetime) -> None:
    """Keeps the fault as an alert, if the database can be written at all; the next check that goes well clears it."""
    try:
        fault = Finding("round", "", "alerts", "Alerts could not be worked out or sent.", detail=sentence)
        alerts.judge(store, [fault], now, asked=lambda _: False)
    except Exception as error:  # noqa: BLE001 - the log has the first fault already
        log.error("that alerts failed can't be kept: %s", type(error).__name__)


def check(settings: Settings, store: Store, now: datetime, send: Send = alerts_send.send_all) -> Report:
    """What `after_round` does, for `roadtest alerts check`. A fault of the file or of a channel is an alert and stands in the
    report. Raises StoreError."""
    channels, wrong = _channels(settings)
    found = alerts_found.found_now(store, now, schedule=settings.schedule_in_force, round_grace=channels.round_grace)
    if wrong is not None:
        found = alerts_found.with_fault(found, "file", "Nobody is told: the file of the channels is wrong.", wrong)
    found = _with_failing(store, found)
    done = alerts.judge(store, found.findings, now, found.asked, found.judged)
    alerts_events.emit(store, now)
    if wrong is not None:
        return Report(done.raised, done.cleared, {}, {"": wrong})
    told, errors = tell(settings, store, channels, now, send)
    return Report(done.raised, done.cleared, told, errors)


def _channels(settings: Settings) -> tuple[Channels, str | None]:
    try:
        return read_channels(settings.alerts_file, named=settings.alerts is not None), None
    except RoadtestError as error:
        log.error("%s", error)
        return Channels(), str(error)


def _with_failing(store: Store, found: Found) -> Found:
    """With an alert for each channel that failed so often that somebody else must hear of it."""
    for one in alerts.channels(store).values():
        if one.failures >= FAILS_TOLD:
            said = f"Nothing could be sent to the channel '{one.name}' for {FAILS_TOLD} times or more."
            found = alerts_found.with_fault(found, f"channel:{one.name}", said, one.error or "")
    return found


def tell(
    settings: Settings, store: Store, channels: Channels, now: datetime, send: Send
) -> tuple[dict[str, int], dict[str, str]]:
    """Sends what is due, one message a channel, all at the same time. By channel how much was told, and what went wrong."""
    alerts.forget_channels(store, [*(one.name for one in channels.channels), alerts_events.CHANNEL])
    if not channels.channels:
        return {}, {}
    views = views_of(store, channels.channels)
    by = secrets.token_hex(8)
    answers = alerts_untold.answers(store) if any(view.reads is None for view in views.values()) else None

    def wanted(name: str, alert: Alert) -> bool:
        channel, view = named[name], views[name]
        programme = view.programmes.get(alert.trial, alert.trial)
        if alert.kind == "round" and alert.about == f"channel:{name}":
            return False  # that it failed is for the others
        if view.reads is None and answers is not None and not answers.may(name, alert):
            return False
        return view.may(alert) and (not alert.trial or not channel.programmes or programme in channel.programmes)

    named = {one.name: one for one in channels.channels}
    claimed = alerts.claim(store, [one.rule for one in channels.channels], now, by, wanted)
    messages, errors = _messages(settings, named, views, claimed)
    errors |= {name: error for name, error in send(messages).items() if error is not None} if messages else {}
    for name in claimed:
        alerts.sent(store, name, by, now, errors.get(name))
        if name in errors:
            log.warning("alerts: channel %s: %s", name, errors[name])
    return {name: len(several) for name, several in claimed.items() if name not in errors}, errors


def views_of(store: Store, channels: Sequence[Channel]) -> dict[str, View]:
    """By channel, what its person may be told."""
    cards = reading.cards(store)
    programmes, trials = programmes_of(cards), reading.sealed_ids(store)
    by_person = {
        person: view_of(store, person, programmes, trials) for person in {channel.person for channel in channels}
    }
    return {channel.name: by_person[channel.person] for channel in channels}


def _messages(
    settings: Settings,
    named: Mapping[str, Channel],
    views: Mapping[str, View],
    claimed: Mapping[str, Sequence[Claimed]],
) -> tuple[list[Message], dict[str, str]]:
    """The messages, and by channel why there is none."""
    messages, errors = [], {}
    for name, several in claimed.items():
        try:
            url = address_of(settings.alerts_file, named[name])
        except RoadtestError as error:
            errors[name] = str(error)
            continue
        title, body = message_of(views[name], several, settings.public_url)
        view = views[name]
        urgent = any(view.severity(one.alert) == "act" and one.what in ("raised", "reminder") for one in several)
        messages.append(Message(name, url, title, body, urgent))
    return messages, errors


def try_channels(settings: Settings, name: str | None, send: Send = alerts_send.send_all) -> dict[str, str | None]:
    """Sends a trial message to a channel, or to all; by channel None, or what went wrong. Raises RoadtestError."""
    channels = read_channels(settings.alerts_file, named=settings.alerts is not None).channels
    chosen = [one for one in channels if name in (None, one.name)]
    if not chosen:
        what = f"channel == '{name}', must be one of the file's" if channels else "no channel is there, must be one"
        raise RoadtestError(f"{what}. See {settings.alerts_file}, and docs/alerts.md.")
    messages, errors = [], {}
    for one in chosen:
        try:
            url = address_of(settings.alerts_file, one)
        except RoadtestError as error:
            errors[one.name] = str(error)
            continue
        body = f"This is a test of the channel '{one.name}'. Nothing has happened. {settings.public_url}".strip()
        messages.append(Message(one.name, url, "Roadtest: a test", body))
    return {**errors, **(send(messages) if messages else {})}
