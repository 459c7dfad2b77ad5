"""Alerts as events in Prefect, for automations: `roadtest.verdict.crossed`, `roadtest.source.overdue`,
`roadtest.trial.unhealthy`, `roadtest.trial.failed`, `roadtest.round.failed`.

Whoever reads Prefect's pages has no role here, so an event says which trial and what sort of thing: no verdict, no number. It
is told as on a channel: once per occurrence, again only if a process was killed in between, and then with the same id.
"""

from __future__ import annotations

import os
import secrets
import sys
from datetime import datetime
from uuid import UUID, uuid5

from trials.alerting import Alert, Rule, kind_named
from trials.store import alerts
from trials.store.engine import Store

CHANNEL = "prefect:events"  # no channel of the file can have this name
_OURS = UUID(
    "5f0c3c1e-8e0b-5b0e-a6d2-2f1d1a4b7c90"
)  # what ids of events are made from, so that one has one id for ever


def emit(store: Store, now: datetime) -> int:
    """Sends an event for each alert that was raised; how many. Without a server of Prefect's at hand they wait."""
    if not at_hand():
        return 0
    by = secrets.token_hex(8)
    claimed = alerts.claim(store, [Rule(CHANNEL, ends=False)], now, by).get(CHANNEL, [])
    for one in claimed:
        send(one.alert)
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


def send(alert: Alert) -> None:
    """Hands one event to Prefect, which sends it in the background."""
    from prefect.events import emit_event

    about = f"roadtest.trial.{alert.trial}" if alert.trial else "roadtest.rounds"
    emit_event(
        kind_named(alert.kind).event,
        resource={"prefect.resource.id": about, "prefect.resource.name": alert.trial or "rounds"},
        payload={"alert": alert.id, "kind": alert.kind, "severity": alert.severity},
        id=uuid5(_OURS, f"{alert.id} {alert.occurrence}"),
    )
