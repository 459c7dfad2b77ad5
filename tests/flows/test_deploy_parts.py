"""`roadtest deploy` without a server: what the person is told, what a deployment is, and the files for operators."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
import yaml

from flows import deploying
from flows.settings import Settings
from tests.flows.trees import ROOT

EXAMPLES = ROOT / "examples" / "deploy"


def notes(home: Path, **options: Any) -> list[str]:
    return deploying._notes(Settings(home=home, **options), "roadtest", "process")


def test_a_schedule_that_only_prefect_knows_is_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Alerts and /readyz ask the variable in other processes: with another schedule there they would call each round late."""
    monkeypatch.delenv("ROADTEST_SCHEDULE", raising=False)
    told = "Set ROADTEST_SCHEDULE='0 2 * * *' for every process of this home"
    assert notes(tmp_path, schedule="0 2 * * *")[0].startswith(told)
    assert notes(tmp_path) == ["Next: on each machine that works, prefect worker start --pool roadtest"]
    monkeypatch.setenv("ROADTEST_SCHEDULE", "0 2 * * *")
    assert len(notes(tmp_path)) == len(notes(tmp_path, schedule="0 2 * * *")) == 1
    assert notes(tmp_path, schedule="0 3 * * *")[0].startswith("Set ROADTEST_SCHEDULE='0 3 * * *'")


def test_all_of_ours_have_one_schedule_in_compose() -> None:
    """The worker, which puts the schedule on Prefect's server and raises alerts, and the dashboard, which says it is late."""
    services = yaml.safe_load((EXAMPLES / "compose.yaml").read_text(encoding="utf-8"))["services"]
    found = {services[name]["environment"].get("ROADTEST_SCHEDULE") for name in ("worker", "dashboard")}
    assert len(found) == 1
    assert None not in found
    assert services["dashboard"]["environment"]["DO_NOT_TRACK"] == "1"


def test_a_schedule_that_was_made_an_interval_is_another_one() -> None:
    """On Prefect's pages a deployment's schedule can become an interval or a rule, which have no cron: it is put right."""
    from prefect.client.schemas.schedules import CronSchedule, IntervalSchedule, RRuleSchedule

    ours = CronSchedule(cron="0 2 * * *", timezone="UTC")
    others = [
        IntervalSchedule(interval=timedelta(hours=1), anchor_date=datetime(2026, 1, 1, tzinfo=UTC)),
        RRuleSchedule(rrule="FREQ=DAILY", timezone="UTC"),
    ]
    assert content(ours)["cron"] == [("0 2 * * *", "UTC")]
    assert all(content(other)["cron"] not in ([], content(ours)["cron"]) for other in others)


def content(schedule: Any) -> dict[str, Any]:
    """What makes a deployment with this schedule what it is."""
    known = ("entrypoint", "parameters", "description", "work_pool_name", "job_variables", "version")
    one = SimpleNamespace(**dict.fromkeys(known), tags=[], concurrency_options=None, global_concurrency_limit=None)
    return deploying.content_of(SimpleNamespace(**vars(one), schedules=[SimpleNamespace(schedule=schedule)]))


@pytest.mark.parametrize("kind", ["docker", "kubernetes"])
def test_a_pools_template_keeps_its_variables_beside_a_deployments(kind: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Rendered by Prefect's own code: what a deployment or a run sets in job_variables.env comes into the container, and beside
    it stand the template's own: for Docker the database's address, which is a Secret block there, and the heartbeat."""
    import asyncio

    from prefect.workers import base

    async def block(template: Any, client: Any = None) -> Any:
        return json.loads(json.dumps(template).replace("{{ prefect.blocks.secret.roadtest-database-url }}", "ADDRESS"))

    async def same(template: Any, client: Any = None) -> Any:
        return template

    monkeypatch.setattr(base, "resolve_block_document_references", block)
    monkeypatch.setattr(base, "resolve_variables", same)
    template = json.loads((EXAMPLES / f"{kind}-pool.json").read_text(encoding="utf-8"))

    def rendered(**env: str) -> dict[str, Any]:
        made = base.BaseJobConfiguration.from_template_and_values(template, {"env": env}, client=SimpleNamespace())
        return dict(asyncio.run(made).env)

    own = {"ROADTEST_DATABASE_URL": "ADDRESS", "PREFECT_FLOWS_HEARTBEAT_FREQUENCY": "30"} if kind == "docker" else {}
    assert rendered() == own
    assert rendered(ROADTEST_GROUP="7") == {**own, "ROADTEST_GROUP": "7"}
    assert rendered(PREFECT_FLOWS_HEARTBEAT_FREQUENCY="60") == {**own, "PREFECT_FLOWS_HEARTBEAT_FREQUENCY": "60"}
    ours = deploying._job("docker" if kind == "docker" else "kubernetes", "roadtest", "0 2 * * *")["env"]
    assert rendered(**ours) == {**own, "PREFECT_FLOWS_HEARTBEAT_FREQUENCY": "30", "ROADTEST_SCHEDULE": "0 2 * * *"}
