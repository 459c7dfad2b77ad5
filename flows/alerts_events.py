"""Alerts as events in Prefect, for automations: `roadtest.verdict.crossed`, `roadtest.source.overdue`,
`roadtest.trial.unhealthy`, `roadtest.trial.failed`, `roadtest.round.failed`.

Whoever reads Prefect's pages has no role here, so an event says which trial and what sort of thing: no verdict, no number, and
no id that is made of them, because the few that there can be are soon tried. Where the trial's programme has roles, neither how
urgent it is nor how many events there are tells one answer from another (`flows.alerts_untold`). It is told as on a channel:
once per occurrence, again only if a process was killed in between, and then with the same id.
"""

from __future__ import annotations

import hashlib
import hmac
import os
import secrets
import sys
from datetime import datetime
from uuid import UUID

from flows import alerts_untold
from trials.alerting import Alert, Rule, kind_named
from trials.store import alerts, reading, seeing
from trials.store.alerts import Claimed
from trials.store.engine import Store

CHANNEL = "prefect:events"  # no channel of the file can have this name


def emit(store: Store, now: datetime) -> int:
    """Sends an event for each alert that was raised; how many. Without a server of Prefect's at hand they wait."""
    if not at_hand():
        return 0
    by = secrets.token_hex(16)
    anybody = seeing.allowed(store.as_person(""), reading.sealed_ids(store))
    answers = alerts_untold.answers(store)

    def wanted(channel: str, alert: Alert) -> bool:
        return alert.trial in anybody or answers.may(channel, alert)

    claimed = alerts.claim(store, [Rule(CHANNEL, ends=False)], now, by, wanted).get(CHANNEL, [])
    for one in claimed:
        send(one, anybody=one.alert.trial in anybody)
    if claimed:
        alerts.sent(store, CHANNEL, by, now)
    return len(claimed)


def at_hand() -> bool:
    """Whether a server that keeps events is named; nothing is imported or started to find out."""
    if os.environ.get("PREFECT_API_URL"):
        return True
    if "prefect" not in sys.modules:
        return False
    from prefect.settings import PREFECT_API_URL

    return bool(PREFECT_API_URL.value())


def send(one: Claimed, *, anybody: bool = False) -> None:
    """Hands one event to Prefect, which sends it in the background. anybody: whether anybody may read the trial."""
    from prefect.events import emit_event

    alert = one.alert
    about = f"roadtest.trial.{alert.trial}" if alert.trial else "roadtest.rounds"
    emit_event(
        kind_named(alert.kind).event,
        resource={"prefect.resource.id": about, "prefect.resource.name": alert.trial or "rounds"},
        payload={"kind": alert.kind, "severity": alert.severity if anybody else alerts_untold.severity_of(alert)},
        id=_id(one),
    )


def _id(one: Claimed) -> UUID:
    """The event's id, the same for the same telling: without the telling's token, which the database alone holds, nobody can
    tell which alert it is of."""
    told = f"{one.alert.id} {one.alert.occurrence}".encode()
    return UUID(bytes=hmac.digest(one.token.encode(), told, hashlib.sha256)[:16], version=5)
