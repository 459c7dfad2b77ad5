"""What Prefect's server does by itself when a round dies: it says so, and has whoever is to know told.

Three automations, registered by name, so that registering again changes what is there and adds nothing. On a shared server
only: an embedded one lives no longer than its flow, and there our own database says which rounds were interrupted.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import TYPE_CHECKING, Any, Literal

from prefect.client.schemas.objects import StateType
from prefect.events.actions import ChangeFlowRunState, RunDeployment, SendNotification
from prefect.events.schemas.automations import AutomationCore, EventTrigger, Posture
from prefect.exceptions import ObjectNotFound

from trials.errors import RoadtestError

if TYPE_CHECKING:
    from uuid import UUID

    from prefect.client.orchestration import PrefectClient

# Beats of a round's flow run (PREFECT_FLOWS_HEARTBEAT_FREQUENCY, 30 s at least), and how long without one it counts as dead.
HEARTBEAT_SECONDS = 30
DEAD_AFTER = timedelta(seconds=90)
ROUND = {"prefect.resource.role": "flow", "prefect.resource.name": "round"}
_RUNS = {"prefect.resource.id": "prefect.flow-run.*"}
_ENDS = {f"prefect.flow-run.{state}" for state in ("Completed", "Failed", "Cancelled", "Crashed")}
DEAD, TOLD, NOTIFIED = "roadtest: a round fell silent", "roadtest: a round failed", "roadtest: a round failed, notify"


@dataclass(frozen=True, slots=True)
class Registered:
    """One automation on the server. did: what registering changed."""

    name: str
    id: UUID
    did: Literal["made", "changed", "kept"]


def automations(alerts: UUID | None = None, block: UUID | None = None) -> tuple[AutomationCore, ...]:
    """The automations. alerts: the deployment of the flow `alerts`, run when a round failed; block: the document of a
    notification block, told then too; without one of them its automation is left out."""
    found = [_dead()]
    if alerts is not None:
        found.append(_failed(TOLD, "Has the flow `alerts` tell whoever is to know.", _run(alerts)))
    if block is not None:
        found.append(
            _failed(NOTIFIED, "Tells a notification block, should Roadtest itself be unable to.", _notify(block))
        )
    return tuple(found)


def _dead() -> AutomationCore:
    """A round whose process was killed says nothing more, and would be Running for ever."""
    return AutomationCore(
        name=DEAD,
        description="Marks a flow run `round` that was killed as Crashed.",
        trigger=EventTrigger(
            posture=Posture.Proactive,
            after={"prefect.flow-run.heartbeat"},
            expect={"prefect.flow-run.heartbeat", *_ENDS},
            match=_RUNS,
            match_related=ROUND,
            for_each={"prefect.resource.id"},
            threshold=1,
            within=DEAD_AFTER,
        ),
        actions=[
            ChangeFlowRunState(
                state=StateType.CRASHED, message=f"no heartbeat for {DEAD_AFTER.seconds} s: its process is gone"
            )
        ],
    )


def _failed(name: str, description: str, action: Any) -> AutomationCore:
    return AutomationCore(
        name=name,
        description=description,
        trigger=EventTrigger(
            posture=Posture.Reactive,
            expect={"prefect.flow-run.Failed", "prefect.flow-run.Crashed", "prefect.flow-run.TimedOut"},
            match=_RUNS,
            match_related=ROUND,
            for_each={"prefect.resource.id"},
            threshold=1,
            within=timedelta(0),
        ),
        actions=[action],
    )


def _run(alerts: UUID) -> RunDeployment:
    return RunDeployment(source="selected", deployment_id=alerts, parameters={})


def _notify(block: UUID) -> SendNotification:
    # Without the state's message: it holds sentences about trials, and nobody knows who reads along.
    return SendNotification(
        block_document_id=block,
        subject="Roadtest: a round failed",
        body="The flow run {{ flow_run.name }} ended as {{ flow_run.state.name }}. See its page in Prefect.",
    )


async def register_automations(
    client: PrefectClient, *, alerts: str = "alerts/alerts", block: str | None = None
) -> tuple[Registered, ...]:
    """Makes or changes the automations on the client's server; nothing is there twice, whoever registers them again.

    alerts: 'flow/deployment' that is run when a round failed; left out when the server has none. block: a notification block
    as 'type/name', such as 'slack-webhook/ops'. Raises RoadtestError when that block is not there.
    """
    deployment = await _deployment(client, alerts)
    document = None if block is None else await _block(client, block)
    wanted = automations(deployment, document)
    found = [await _put(client, one) for one in wanted]
    await _withdraw(client, {DEAD, TOLD, NOTIFIED} - {one.name for one in wanted})
    return tuple(found)


async def _deployment(client: PrefectClient, name: str) -> UUID | None:
    try:
        return (await client.read_deployment_by_name(name)).id
    except ObjectNotFound:
        return None


async def _block(client: PrefectClient, block: str) -> UUID:
    kind, _, name = block.partition("/")
    try:
        return (await client.read_block_document_by_name(name, kind)).id
    except ObjectNotFound:
        raise RoadtestError(
            f"block == '{block}', must be a notification block of Prefect's as 'type/name'. Make it there, or leave it out."
        ) from None


async def _put(client: PrefectClient, wanted: AutomationCore) -> Registered:
    known = sorted(await client.read_automations_by_name(wanted.name), key=lambda one: str(one.id))
    for double in known[1:]:  # two that registered at the same moment
        await client.delete_automation(double.id)
    if not known:
        return Registered(wanted.name, await client.create_automation(wanted), "made")
    first = known[0]
    if _told(first) == _told(wanted):
        return Registered(wanted.name, first.id, "kept")
    await client.update_automation(first.id, wanted)
    return Registered(wanted.name, first.id, "changed")


def _told(one: AutomationCore) -> dict[str, Any]:
    """What makes an automation what it is, without the ids that the server gives its parts."""
    known = one.model_dump(mode="json", include={"name", "description", "trigger", "actions"})
    known["trigger"].pop("id", None)
    for name in ("expect", "after", "for_each"):
        known["trigger"][name] = sorted(known["trigger"][name])
    return known


async def _withdraw(client: PrefectClient, names: Sequence[str] | set[str]) -> None:
    """Takes out those of ours whose deployment or block is not wanted any more."""
    for name in sorted(names):
        for one in await client.read_automations_by_name(name):
            await client.delete_automation(one.id)
