"""Puts the flows on a shared Prefect server: a work pool, the deployments with their module entrypoints, the automations.

Done again it changes what is there and adds nothing. Nothing secret is written to the server: the database's address and the
keys are in the environment of whoever runs the flows.
"""

from __future__ import annotations

import asyncio
import os
from collections.abc import Mapping
from dataclasses import dataclass
from importlib.metadata import version
from typing import Any, Literal

from flows.reaching import shown
from flows.settings import Settings
from trials.errors import RoadtestError

Kind = Literal["process", "docker", "kubernetes"]
KINDS: tuple[Kind, ...] = ("process", "docker", "kubernetes")
POOL, IMAGE = "roadtest", "roadtest"
_NEVER = "/%&><"  # in no name on a Prefect server


@dataclass(frozen=True, slots=True)
class Done:
    """What one thing on the server became. kind: pool, deployment or automation; did: made, changed, kept."""

    kind: str
    name: str
    did: str
    detail: str = ""


def deploy(
    settings: Settings, *, pool: str = POOL, kind: Kind | None = None, image: str = IMAGE, dry_run: bool = False
) -> tuple[list[Done], list[str]]:
    """Registers everything; what became of it, and what the person should know.

    kind: of a pool that is not there yet (process); one that is there keeps its kind. image: of the containers, where the pool
    starts some. dry_run: says what would be done and writes nothing. Raises RoadtestError when PREFECT_API_URL names no server
    or it doesn't answer, when no pool can have that name, and when the pool is of another kind.
    """
    url = os.environ.get("PREFECT_API_URL", "")
    if not url:
        raise RoadtestError(
            "PREFECT_API_URL == '', must name a shared Prefect server, such as http://prefect.example.org:4200/api. Set it, or "
            "run `roadtest serve`, which brings its own."
        )
    if not pool.strip() or any(sign in pool for sign in _NEVER) or pool.lower().startswith("prefect"):
        raise RoadtestError(
            f"pool == '{pool}', must be a name without / % & > <, and not begin with 'prefect', which is the server's own. Set "
            "it with --pool."
        )
    return asyncio.run(_deploy(settings, url, pool, kind, image, dry_run))


async def _deploy(
    settings: Settings, url: str, pool: str, kind: Kind | None, image: str, dry_run: bool
) -> tuple[list[Done], list[str]]:
    from prefect.client.orchestration import get_client

    from flows.automations import register_automations
    from flows.deployed import planned

    async with get_client() as client:
        await _require_answer(client, url)
        found, made = await _pool(client, pool, kind, dry_run)
        done = [made]
        for plan in planned():
            done.append(await _put(client, plan, settings, pool, found, image, dry_run))
        if not dry_run:
            registered = await register_automations(client)
            done += [Done("automation", one.name, one.did) for one in registered]
    return done, _notes(settings, pool, found)


async def _require_answer(client: Any, url: str) -> None:
    trouble = await client.api_healthcheck()
    if trouble is not None:
        raise RoadtestError(
            f"PREFECT_API_URL == '{shown(url)}', must name a Prefect server that answers ({type(trouble).__name__}). "
            "Start it, or mend the address."
        )


async def _pool(client: Any, name: str, kind: Kind | None, dry_run: bool) -> tuple[Kind, Done]:
    """The pool's kind. One that is there is left as it is: its base job template is the operator's."""
    from prefect.client.schemas.actions import WorkPoolCreate
    from prefect.exceptions import ObjectNotFound

    try:
        there = await client.read_work_pool(name)
    except ObjectNotFound:
        kind = kind or "process"
        if not dry_run:
            await client.create_work_pool(
                WorkPoolCreate(name=name, type=kind, base_job_template=await _template(kind), description="Roadtest")
            )
        return kind, Done("pool", name, "made", kind)
    if there.type not in KINDS or (kind is not None and there.type != kind):
        raise RoadtestError(
            f"pool == '{name}' is of type {there.type}, must be of type {kind or ', '.join(KINDS)}. Name another with --pool."
        )
    return there.type, Done("pool", name, "kept", there.type)


async def _template(kind: Kind) -> dict[str, Any]:
    from prefect.workers.utilities import get_default_base_job_template_for_infrastructure_type

    found = await get_default_base_job_template_for_infrastructure_type(kind)
    if found is None:
        raise RoadtestError(f"type == '{kind}', must be a kind of pool that the Prefect server knows. Try process.")
    return found


async def _put(client: Any, plan: Any, settings: Settings, pool: str, kind: Kind, image: str, dry_run: bool) -> Done:
    from prefect.exceptions import ObjectNotFound

    wanted = deployment_of(plan, settings.schedule, pool, kind, image)
    try:
        before = await client.read_deployment_by_name(wanted.full_name)
    except ObjectNotFound:
        before = None
    same = before is not None and content_of(before) == _wanted(wanted)
    if not same and not dry_run:
        await wanted.aapply()
    did = "kept" if same else "made" if before is None else "changed"
    return Done("deployment", wanted.full_name, did, f"{settings.schedule} (UTC)" if plan.scheduled else "on demand")


def deployment_of(plan: Any, schedule: str, pool: str, kind: Kind, image: str) -> Any:
    """The deployment of a planned flow: by module, so that a worker needs the installed package and no source tree."""
    from prefect.client.schemas.objects import ConcurrencyLimitConfig, ConcurrencyLimitStrategy
    from prefect.deployments.runner import RunnerDeployment
    from prefect.schedules import Cron
    from prefect.types.entrypoint import EntrypointType

    from flows.deployed import ALONE_SECONDS, TAGS

    alone = ConcurrencyLimitConfig(
        limit=1, collision_strategy=ConcurrencyLimitStrategy.CANCEL_NEW, grace_period_seconds=ALONE_SECONDS
    )
    return RunnerDeployment.from_flow(
        plan.flow,
        name=plan.name,
        schedule=Cron(schedule, timezone="UTC") if plan.scheduled else None,
        parameters=plan.parameters,
        description=plan.description,
        tags=TAGS,
        concurrency_limit=alone if plan.alone else None,
        work_pool_name=pool,
        job_variables=_job(kind, image, schedule),
        version=version("roadtest"),
        version_type="prefect:simple",  # type: ignore[arg-type]  # else it asks git where it stands
        entrypoint_type=EntrypointType.MODULE_PATH,
    )


def _job(kind: Kind, image: str, schedule: str) -> dict[str, Any]:
    """What differs from the pool's template. A flow run says that it lives every 30 s: one that was killed is found. A
    container is told the schedule, by which alerts judge whether a round is late; nothing else there would tell it."""
    env = {"PREFECT_FLOWS_HEARTBEAT_FREQUENCY": "30"}
    if kind == "process":
        return {"env": env}
    env["ROADTEST_SCHEDULE"] = schedule
    return {"env": env, "image": image, "image_pull_policy": "IfNotPresent"}


def _wanted(one: Any) -> dict[str, Any]:
    schedules = [schedule.schedule for schedule in one.schedules or ()]
    return _content(one, schedules, one.concurrency_limit)


def content_of(one: Any) -> dict[str, Any]:
    """What makes a deployment on the server what it is."""
    limit = one.global_concurrency_limit
    return _content(one, [schedule.schedule for schedule in one.schedules], None if limit is None else limit.limit)


def _content(one: Any, schedules: list[Any], limit: int | None) -> dict[str, Any]:
    """What makes a deployment what it is, as wanted and as it stands on the server."""
    options = one.concurrency_options
    return {
        "entrypoint": one.entrypoint,
        "parameters": one.parameters,
        "description": one.description,
        "tags": sorted(one.tags),
        "pool": one.work_pool_name,
        "job": one.job_variables,
        "version": one.version,
        "pull": getattr(one, "pull_steps", None) or [],  # a step would need a folder that a worker has not
        "cron": [_when(each) for each in schedules],
        "limit": limit,
        "alone": None if options is None else options.collision_strategy.value,
    }


def _when(schedule: Any) -> tuple[str, str | None]:
    """When runs are due; a schedule that somebody made an interval or a calendar rule on Prefect's pages has no cron."""
    return getattr(schedule, "cron", repr(schedule)), getattr(schedule, "timezone", None)


def _notes(settings: Settings, pool: str, kind: Kind) -> list[str]:
    """What the person should know."""
    notes = []
    if settings.schedule != (os.environ.get("ROADTEST_SCHEDULE") or Settings.model_fields["schedule"].default):
        notes.append(
            f"Set ROADTEST_SCHEDULE='{settings.schedule}' for every process of this home: --schedule is known to Prefect "
            "alone, and alerts and /readyz would judge the rounds by another."
        )
    if settings.url.startswith("sqlite") and kind != "process":
        notes.append(
            "The database is SQLite, which other machines and containers can't reach: set ROADTEST_DATABASE_URL to PostgreSQL."
        )
    return [*notes, f"Next: on each machine that works, prefect worker start --pool {pool}"]


def done_json(done: list[Done], notes: list[str], pool: str, environment: Mapping[str, str]) -> dict[str, Any]:
    """The same for machines."""
    return {
        "server": shown(environment.get("PREFECT_API_URL", "")),
        "pool": pool,
        "done": [{"kind": one.kind, "name": one.name, "did": one.did, "detail": one.detail} for one in done],
        "notes": notes,
    }
