"""Events and automations on a real Prefect server, started once: what alerts tell it, and what it does when a round dies."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from flows import alerts_events
from flows.automations import DEAD, NOTIFIED, TOLD, automations, register_automations
from tests.flows.making import Desk
from trials.alerting import CLAIM, Finding
from trials.errors import RoadtestError
from trials.store import alerts
from trials.store.engine import open_store

PATIENCE = 60.0


@pytest.fixture(scope="module")
def server() -> Iterator[None]:
    """A Prefect server of the module's own, with the services that fire automations."""
    from prefect.testing.utilities import prefect_test_harness

    with prefect_test_harness(server_startup_timeout=120):
        yield


def asked(question: Callable[[Any], Any]) -> Any:
    """What the server says, asked by its own client."""
    from prefect.client.orchestration import get_client

    async def ask() -> Any:
        async with get_client() as client:
            return await question(client)

    return asyncio.run(ask())


def until(holds: Callable[[], Any]) -> Any:
    """What `holds` gives once it gives something; fails after a minute."""
    end = time.monotonic() + PATIENCE
    while time.monotonic() < end:
        if found := holds():
            return found
        time.sleep(0.2)
    raise AssertionError("it did not come about")


def listed(what: str) -> list[dict[str, Any]]:
    """All the server has of something: `automations`, `flow_runs`."""
    found: list[dict[str, Any]] = asked(
        lambda client: client._client.post(f"/{what}/filter", json={"limit": 200})
    ).json()
    return found


def names() -> list[str]:
    return sorted(one["name"] for one in listed("automations"))


def deployed() -> Any:
    """The id of a deployment alerts/alerts that nobody runs."""

    async def make(client: Any) -> Any:
        flow_id = await client.create_flow_from_name("alerts")
        return await client.create_deployment(flow_id=flow_id, name="alerts")

    return asked(make)


def test_registering_again_adds_nothing(server: None) -> None:
    """Without the deployment only the dead are found; with it both; again nothing changes; what was altered is put right."""
    from prefect.client.orchestration import get_client

    assert [(one.name, one.did) for one in asked(register_automations)] == [(DEAD, "made")]
    deployment = deployed()
    assert [(one.name, one.did) for one in asked(register_automations)] == [(DEAD, "kept"), (TOLD, "made")]
    assert [one.did for one in asked(register_automations)] == ["kept", "kept"]
    assert names() == sorted([DEAD, TOLD])

    async def alter() -> None:
        async with get_client() as client:
            [known] = await client.read_automations_by_name(DEAD)
            altered = automations(deployment)[0].model_copy(update={"description": "another"})
            await client.update_automation(known.id, altered)
            await client.create_automation(automations(deployment)[1])  # as if two had registered at one moment

    asyncio.run(alter())
    assert [one.did for one in asked(register_automations)] == ["changed", "kept"]
    assert names() == sorted([DEAD, TOLD])
    with pytest.raises(RoadtestError, match="must be a notification block"):
        asked(lambda client: register_automations(client, block="slack-webhook/none"))
    assert NOTIFIED not in names()


def emitted(event: str, run: Any, flow: str) -> None:
    """What Prefect itself sends of a flow run."""
    from prefect.events import emit_event

    emit_event(
        event,
        resource={"prefect.resource.id": f"prefect.flow-run.{run}", "prefect.resource.name": "a-run"},
        related=[
            {
                "prefect.resource.id": f"prefect.flow.{flow}",
                "prefect.resource.role": "flow",
                "prefect.resource.name": flow,
            }
        ],
    )


def test_a_crashed_round_runs_the_alerts(server: None) -> None:
    """A run of `round` that crashed makes one run of the deployment; one of another flow makes none."""
    from uuid import uuid4

    deployment = deployed()
    asked(register_automations)
    before = {one["id"] for one in listed("flow_runs")}
    emitted("prefect.flow-run.Crashed", uuid4(), "collect")
    emitted("prefect.flow-run.Crashed", uuid4(), "round")
    made = until(lambda: [one for one in listed("flow_runs") if one["id"] not in before])
    assert [one["deployment_id"] for one in made] == [str(deployment)]


def test_an_alert_is_an_event_once_and_without_what_it_says(server: None, desk: Desk) -> None:
    """Which trial and what sort, no verdict and no number; a second check sends none; the event has one id for ever."""
    from prefect.events.filters import EventFilter, EventNameFilter

    now = datetime.now(UTC)
    found = [
        Finding("verdict", "first-trial", "promote", "The verdict is 'promote'.", "act"),
        Finding("round", "", "silent", "No round has ended.", "act"),
    ]
    alerts.judge(desk.store, found, now)
    assert alerts_events.at_hand()
    assert alerts_events.emit(desk.store, now) == 2
    assert alerts_events.emit(desk.store, now + timedelta(hours=1)) == 0

    def kept() -> Any:
        wanted = EventFilter(event=EventNameFilter(prefix=["roadtest."]))
        page = asked(
            lambda client: client._client.post("/events/filter", json={"filter": wanted.model_dump(mode="json")})
        )
        return len(page.json()["events"]) >= 2 and page.json()["events"]

    events = {one["event"]: one for one in until(kept)}
    assert set(events) == {"roadtest.verdict.crossed", "roadtest.round.failed"}
    assert events["roadtest.verdict.crossed"]["resource"]["prefect.resource.id"] == "roadtest.trial.first-trial"
    assert events["roadtest.round.failed"]["resource"]["prefect.resource.id"] == "roadtest.rounds"
    assert "promote" not in repr(events)


def test_nobody_can_try_out_what_an_alerts_event_is_about(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    """The same alert in two databases has two ids, neither made of what the alert is known by; sent again after a process died,
    by whichever machine of the same database, it has the same."""
    sent: list[dict[str, Any]] = []
    monkeypatch.setattr("prefect.events.emit_event", lambda *_, **told: sent.append(told))
    monkeypatch.setenv("PREFECT_API_URL", "http://127.0.0.1:1/api")
    now = datetime.now(UTC)
    found = [Finding("verdict", "first-trial", "promote", "The verdict is 'promote'.", "act")]
    other = open_store(f"sqlite:///{desk.home / 'other.db'}")
    for store in (desk.store, other):
        alerts.judge(store, found, now)
    monkeypatch.setattr(alerts, "sent", lambda *_: None)  # as if killed before it could say so
    for store, at in ((desk.store, now), (desk.store, now + CLAIM), (desk.store, now + 2 * CLAIM), (other, now)):
        assert alerts_events.emit(store, at) == 1
    other.close()
    assert sent[0]["payload"] == {"kind": "verdict", "severity": "act"}
    first, again, third, elsewhere = (one["id"] for one in sent)
    assert first == again == third != elsewhere
    assert found[0].id not in repr(sent)


def test_the_dead_are_those_without_a_heartbeat() -> None:
    """90 seconds after a heartbeat without another or an end, a run of `round` and of no other flow is Crashed."""
    [dead] = automations()
    trigger: Any = dead.trigger
    assert (trigger.posture.value, trigger.within) == ("Proactive", timedelta(seconds=90))
    assert trigger.after == {"prefect.flow-run.heartbeat"}
    assert "prefect.flow-run.Completed" in trigger.expect
    assert trigger.match_related.model_dump() == {
        "prefect.resource.role": "flow",
        "prefect.resource.name": "round",
    }
    assert dead.actions[0].state.value == "CRASHED"  # type: ignore[union-attr]
