"""`roadtest deploy` on a real Prefect server: what is put there, that a worker runs a round when it is due, and that a stop of
three days is made good by one round."""

from __future__ import annotations

import asyncio
import json
import os
import re
import signal
import subprocess
import sys
import urllib.request
from collections import Counter
from collections.abc import Awaitable, Callable, Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
import yaml
from prefect.exceptions import ObjectNotFound

from flows import deploying
from flows.deploying import Done
from flows.environment import _QUIET, _TUNED
from flows.settings import Settings
from tests.flows.making import Desk, people, plan
from tests.flows.trees import ROOT, free_port, of_home, started, until
from trials.errors import RoadtestError
from trials.store import rounds
from trials.store.engine import open_store

pytestmark = pytest.mark.timeout(600)

EXAMPLES = ROOT / "examples" / "deploy"
NAMES = [
    "alerts/alerts",
    "collect/collect",
    "look/look",
    "reports/reports",
    "round/round",
    "round/round-now",
    "rules/rules",
]


class Shared:
    """A Prefect server on this machine, and a home that works with it."""

    def __init__(self, home: Path, url: str) -> None:
        self.home, self.url = home, url
        self.notes: list[str] = []

    @property
    def variables(self) -> dict[str, str]:
        return {"PREFECT_API_URL": self.url, "PREFECT_HOME": str(self.home / "prefect"), **_QUIET}

    def deploy(self, schedule: str = "0 2 * * *", **options: Any) -> list[Done]:
        """What the command does, in this process."""
        from prefect.settings import PREFECT_API_URL, temporary_settings

        with pytest.MonkeyPatch.context() as patch, temporary_settings({PREFECT_API_URL: self.url}):
            patch.setenv("PREFECT_API_URL", self.url)
            found, self.notes = deploying.deploy(Settings(home=self.home, schedule=schedule), **options)
        return found

    def ask(self, act: Callable[[Any], Awaitable[Any]]) -> Any:
        """What a client of the server answers."""
        from prefect.client.orchestration import PrefectClient

        async def asked() -> Any:
            async with PrefectClient(self.url) as client:
                return await act(client)

        return asyncio.run(asked())


def answers(url: str) -> bool:
    try:
        with urllib.request.urlopen(f"{url}/health", timeout=5) as answer:
            return int(answer.status) == 200
    except OSError:
        return False


@pytest.fixture(scope="module")
def shared(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Shared]:
    """`prefect server start`, as an operator starts it."""
    home, port = tmp_path_factory.mktemp("shared"), free_port()
    found = Shared(home, f"http://127.0.0.1:{port}/api")
    words = ("prefect", "server", "start", "--host", "127.0.0.1", "--port", str(port))
    own = {"PREFECT_HOME": str(home / "prefect"), "PREFECT_UI_ENABLED": "false", **_TUNED, **_QUIET}
    (home / "prefect").mkdir()
    with started(home, *words, **own) as server:
        until(lambda: answers(found.url), server)
        yield found
        server.send_signal(signal.SIGINT)
        server.communicate(timeout=60)


@pytest.fixture
def house(shared: Shared) -> Iterator[Desk]:
    store = open_store(f"sqlite:///{shared.home / 'roadtest.db'}")
    yield Desk(store, shared.home)
    store.close()


def did(found: list[Done], kind: str) -> dict[str, str]:
    return {one.name: one.did for one in found if one.kind == kind}


def test_deploy_puts_each_flow_there_once(shared: Shared) -> None:
    """A dry run writes nothing. Then the pool, each deployment with a module as entrypoint, its tag, parameters without
    secrets, the round's cron and its one place; a second time nothing is changed, another schedule changes the round alone."""
    assert set(did(shared.deploy(dry_run=True), "deployment").values()) == {"made"}
    assert shared.ask(lambda client: client.read_work_pools(limit=10)) == []
    first = shared.deploy()
    assert did(first, "pool") == {"roadtest": "made"}
    assert {name: what for name, what in did(first, "deployment").items() if name in NAMES} == dict.fromkeys(
        NAMES, "made"
    )
    assert set(did(first, "automation").values()) == {"made"}
    there = {name: shared.ask(lambda client, name=name: client.read_deployment_by_name(name)) for name in NAMES}
    modules = ("flows.deployed.", "flows.alerts_flow.")
    assert all(one.entrypoint.startswith(modules) and one.tags == ["roadtest"] for one in there.values())
    assert [name for name, one in there.items() if one.schedules] == ["round/round"]
    due = there["round/round"]
    assert (due.schedules[0].schedule.cron, due.schedules[0].schedule.timezone) == ("0 2 * * *", "UTC")
    assert (due.global_concurrency_limit.limit, due.concurrency_options.collision_strategy.value) == (1, "CANCEL_NEW")
    assert (due.parameters, there["round/round-now"].parameters) == ({"scheduled": True}, {})
    assert {one.did for one in shared.deploy()} == {"kept"}
    changed = did(shared.deploy("0 3 * * *"), "deployment")
    assert [name for name, what in changed.items() if what == "changed"] == ["round/round"]


def test_what_cannot_be_deployed_is_refused_in_one_sentence(shared: Shared, monkeypatch: pytest.MonkeyPatch) -> None:
    """No server named, one that doesn't answer, a pool of another kind; an address is shown without its password."""
    with pytest.raises(RoadtestError, match="type process, must be of type docker"):
        shared.deploy(kind="docker")
    monkeypatch.delenv("PREFECT_API_URL", raising=False)
    with pytest.raises(RoadtestError, match="must name a shared Prefect server"):
        deploying.deploy(Settings(home=shared.home))
    port = free_port()
    silent = Shared(shared.home, f"http://anna:hush@127.0.0.1:{port}/api")
    with pytest.raises(RoadtestError, match=f"'http://127.0.0.1:{port}/api', must name a Prefect server that answers"):
        silent.deploy()


def test_the_command_says_what_it_would_do(shared: Shared) -> None:
    """`roadtest deploy --dry-run --json`, for containers: with SQLite, which they can't reach, the person is told."""
    words = ("deploy", "--dry-run", "--json", "--pool", "boxes", "--type", "docker", "--image", "roadtest:7")
    with started(shared.home, "flows.cli", *words, **shared.variables) as command:
        out, err = command.communicate(timeout=120)
    assert (command.returncode, err) == (0, "")
    found = json.loads(out)
    assert found["done"][0] == {"kind": "pool", "name": "boxes", "did": "made", "detail": "docker"}
    assert found["notes"][0].startswith("The database is SQLite")
    assert found["notes"][-1].endswith("prefect worker start --pool boxes")


def test_after_three_days_one_round_catches_up(shared: Shared, house: Desk) -> None:
    """Three nights' runs lie there when the runner of `serve` starts: one round is run, the others end as Covered without
    a process, and the next night's run still stands."""
    from prefect.states import Scheduled

    from flows import runner

    now = datetime.now(UTC)
    nights = [now - timedelta(days=days, minutes=5) for days in (3, 2, 1)]

    async def missed(client: Any) -> Any:
        number = await runner.deployment_of("cron", "0 2 * * *").aapply()
        for night in nights:
            await client.create_flow_run_from_deployment(number, state=Scheduled(scheduled_time=night))
        return number

    from prefect.settings import PREFECT_API_URL, temporary_settings

    with temporary_settings({PREFECT_API_URL: shared.url}):
        number = shared.ask(missed)
    assert rounds.listed(house.store) == []
    with started(shared.home, "flows.runner", "cron", "0 2 * * *", **shared.variables) as runs:
        until(lambda: [one.state for one in rounds.listed(house.store)] == ["completed"], runs)
        until(lambda: states(shared, number).get("SCHEDULED", 0) >= 1, runs)
        until(lambda: states(shared, number).get("COMPLETED") == 1, runs)
        runs.send_signal(signal.SIGTERM)
        runs.wait(timeout=60)
    assert runs.returncode == 0
    assert told(shared, number, "CANCELLED") == ["Covered", "Covered"]
    (only,) = rounds.listed(house.store)
    assert only.scheduled_for is not None
    assert abs(only.scheduled_for - nights[-1]) < timedelta(seconds=1)


def states(shared: Shared, deployment: Any) -> dict[str, int]:
    """How many flow runs of a deployment are in each state."""
    return Counter(state.type.value for state in runs_of(shared, deployment))


def told(shared: Shared, deployment: Any, kind: str) -> list[str]:
    """The names of the states of one kind."""
    return [str(state.name) for state in runs_of(shared, deployment) if state.type.value == kind]


def runs_of(shared: Shared, deployment: Any) -> list[Any]:
    """The state of each flow run of a deployment."""
    from prefect.client.schemas.filters import DeploymentFilter, DeploymentFilterId
    from prefect.client.schemas.sorting import FlowRunSort

    mine, order = DeploymentFilter(id=DeploymentFilterId(any_=[deployment])), FlowRunSort.ID_DESC
    found = shared.ask(lambda client: client.read_flow_runs(deployment_filter=mine, sort=order, limit=200))
    return [one.state for one in found]


def due_every(shared: Shared, seconds: float | None) -> None:
    """Gives the round's deployment, as the command makes it, a schedule of seconds, which no cron can say; None: its cron."""
    from prefect.client.schemas.actions import DeploymentScheduleCreate
    from prefect.client.schemas.schedules import IntervalSchedule
    from prefect.settings import PREFECT_API_URL, temporary_settings

    from flows.deployed import planned

    (plan,) = (one for one in planned() if one.scheduled)
    wanted = deploying.deployment_of(plan, "0 2 * * *", deploying.POOL, "process", deploying.IMAGE)
    if seconds is not None:
        every = IntervalSchedule(interval=timedelta(seconds=seconds), anchor_date=datetime.now(UTC))
        wanted.schedules = [DeploymentScheduleCreate(schedule=every, active=True)]
    with temporary_settings({PREFECT_API_URL: shared.url}):
        asyncio.run(wanted.aapply())


def test_a_worker_runs_a_round_when_it_is_due(shared: Shared, house: Desk) -> None:
    """On the shared server, by the deployment's schedule: a worker of the pool collects what has come, and looks. The
    database's address and other secrets stand nowhere in what Prefect keeps."""
    from trials.store import reading

    house.sent(house.sealed(plan()), {"2024-03-01.csv": people(1, 10)})
    before = rounds.newest(house.store)
    shared.deploy()
    due_every(shared, 20)
    secrets = {
        "ROADTEST_DATABASE_URL": house.store.engine.url.render_as_string(),
        "ROADTEST_PROXY_SECRET": "hush-72613",
    }
    words = ("prefect", "worker", "start", "--pool", "roadtest", "--type", "process")
    with started(shared.home, *words, **shared.variables, **secrets, PREFECT_WORKER_QUERY_SECONDS="2") as worker:
        until(lambda: ran_after(house, before), worker)
        due_every(shared, None)  # no more runs; the one that did the work comes to its end
        until(lambda: not any("prefect.engine" in command for command in of_home(shared.home).values()), worker)
    look = reading.card(house.store, "first-trial").look
    assert look is not None
    assert look.n == 10
    kept = b"".join(path.read_bytes() for path in (shared.home / "prefect").glob("prefect.db*"))
    assert all(secret.encode() not in kept for secret in secrets.values())


def ran_after(house: Desk, before: rounds.Round | None) -> bool:
    newest = rounds.newest(house.store)
    return newest is not None and newest.state == "completed" and (before is None or newest.id > before.id)


def test_the_deployments_in_prefect_yaml_are_those_of_the_command(shared: Shared) -> None:
    """Prefect's own loader takes the file whole, and changes nothing that `roadtest deploy` has put there but the version,
    which it does not know; what runs in containers is there beside it, without a schedule."""
    for kind in ("docker", "kubernetes"):
        shared.deploy(pool=f"roadtest-{kind}", kind=kind)
    shared.deploy("*/15 * * * *")
    before = deployments(shared)
    words = ("--no-prompt", "deploy", "--all", "--prefect-file", str(EXAMPLES / "prefect.yaml"))
    with started(shared.home, "prefect", *words, **shared.variables) as command:
        out, err = command.communicate(timeout=120)
    assert command.returncode == 0, out + err
    after = deployments(shared)
    assert {name: after[name] for name in before} == before
    assert set(after) - set(before) == {"round/round-docker", "round/round-kubernetes"}
    assert [name for name, found in after.items() if found["cron"]] == ["round/round"]


def test_prefect_takes_our_pools_as_the_readme_makes_them(shared: Shared) -> None:
    """Both templates are taken by a server; what a Docker worker makes of its own, with the Secret block of the README's
    command, is the database's address in the container, beside what a deployment sets."""
    readme = (EXAMPLES / "README.md").read_text(encoding="utf-8")
    [block] = re.findall(r'exec worker python -c "(.*)"', readme)
    address = "postgresql+psycopg://roadtest:word@postgres:5432/roadtest"
    ran(shared, sys.executable, "-c", block, ROADTEST_DATABASE_URL=address)
    for kind in ("docker", "kubernetes"):
        words = f"work-pool create roadtest-{kind} --type {kind} --base-job-template {kind}-pool.json"
        assert f"prefect {words}" in readme
        words = words.replace(f"create roadtest-{kind}", f"create of-file-{kind}")
        ran(shared, sys.executable, "-m", "prefect", *words.replace(kind + "-pool", f"{EXAMPLES / kind}-pool").split())
    pool = shared.ask(lambda client: client.read_work_pool("of-file-docker"))

    from prefect.client.orchestration import get_client
    from prefect.settings import PREFECT_API_URL, temporary_settings
    from prefect.workers.base import BaseJobConfiguration

    async def rendered() -> dict[str, Any]:
        async with get_client() as client:
            made = await BaseJobConfiguration.from_template_and_values(
                pool.base_job_template, {"env": {"ROADTEST_GROUP": "7"}}, client=client
            )
        return dict(made.env)

    with temporary_settings({PREFECT_API_URL: shared.url}):
        found = asyncio.run(rendered())
    assert found == {"ROADTEST_DATABASE_URL": address, "PREFECT_FLOWS_HEARTBEAT_FREQUENCY": "30", "ROADTEST_GROUP": "7"}


def ran(shared: Shared, *words: str, **more: str) -> None:
    """Runs a command that must end well, against the shared server."""
    variables = {**os.environ, **shared.variables, **more}
    done = subprocess.run(words, env=variables, cwd=shared.home, capture_output=True, text=True, timeout=120)
    assert done.returncode == 0, done.stdout + done.stderr


def deployments(shared: Shared) -> dict[str, dict[str, Any]]:
    """What makes each deployment on the server what it is, without its version."""
    found = {}
    for name in (*NAMES, "round/round-docker", "round/round-kubernetes"):
        try:
            one = shared.ask(lambda client, name=name: client.read_deployment_by_name(name))
        except ObjectNotFound:
            continue
        found[name] = {key: value for key, value in deploying.content_of(one).items() if key != "version"}
    return found


def test_compose_is_healthy_and_holds_no_secret() -> None:
    """Each service of compose.yaml tells whether it is well and is started again; whom it waits for is there; what is
    secret comes from files that are in no package (tests/test_packing.py), and no port is open to others."""
    text = (EXAMPLES / "compose.yaml").read_text(encoding="utf-8")
    services = yaml.safe_load(text)["services"]
    assert set(services) == {"postgres", "prefect", "worker", "dashboard"}
    for name, service in services.items():
        assert service["healthcheck"]["test"], name
        assert service["restart"] == "unless-stopped", name
        assert set(service.get("depends_on", {})) <= set(services), name
        assert all(port.startswith("127.0.0.1:") for port in service.get("ports", [])), name
        assert all(file.startswith("secrets/") for file in service["env_file"]), name
        for variable in service.get("environment", {}):
            assert not re.search("PASSWORD|SECRET|TOKEN|AUTH|DATABASE_URL|CONNECTION", variable), variable
    assert "://" not in re.sub(r"http://(127\.0\.0\.1|prefect):", "", text)
    for kind in ("docker", "kubernetes"):
        template = json.loads((EXAMPLES / f"{kind}-pool.json").read_text(encoding="utf-8"))
        assert template["variables"]["properties"]["image"]["default"] == "roadtest"
