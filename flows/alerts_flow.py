"""The flow `alerts`: `roadtest alerts check` for schedules and automations of a shared Prefect server."""

from __future__ import annotations

from typing import Any

from prefect import flow
from prefect.states import Failed

from flows.alerts import check
from flows.options import settings_for
from flows.settings import Settings
from flows.stores import store_of
from flows.work import utc_now


@flow(name="alerts", persist_result=False)
def run_alerts(settings: Settings | None = None) -> Any:
    """Raises, clears and tells what is due. settings None: those of the environment, as in a deployment.

    Ends as Failed when a channel could not be told or the file is wrong; the message names them and holds nothing secret.
    """
    found = settings or settings_for(None)
    store = store_of(found)
    try:
        report = check(found, store, utc_now())
    finally:
        store.close()
    if report.errors:
        return Failed(message="; ".join(f"{name or 'alerts'}: {error}" for name, error in report.errors.items()))
    return {"raised": len(report.raised), "cleared": len(report.cleared), "told": report.told}
