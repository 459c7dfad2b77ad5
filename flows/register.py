"""The flow that registers a plan and, when a second person's name is given, seals it."""

from __future__ import annotations

import json
from datetime import datetime

from prefect import flow

from flows import work
from flows.settings import Settings
from flows.stores import store_of
from trials.protocol import from_content


@flow(name="register", persist_result=False)
def register(settings: Settings, plan: str, by: str, seal_by: str | None = None, at: datetime | None = None) -> str:
    """Registers the plan (JSON) and returns its SHA-256. Raises ProtocolError, LifecycleError, PlanHashMismatchError:
    nothing is changed."""
    protocol = from_content(json.loads(plan))
    return work.begin_trial(store_of(settings, by), protocol, by=by, at=at or work.utc_now(), seal_by=seal_by)
