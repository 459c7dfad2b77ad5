"""Many viewers on many trials while a round runs: how long a poll and a page's data take.

    python docs/scripts/viewer_load.py [--trials 1000] [--viewers 50] [--seconds 60] [--rows 50]

Makes a home with --trials simulated trials, serves it with `roadtest serve`, opens the board and a trial in Chromium once to
learn what a browser asks for, and lets --viewers ask the same every two seconds with kept connections, first with nothing
going on, then while `roadtest round` takes in --rows new rows for every trial. Whenever a poll says that something changed the
viewer asks for what changed, as the browser does; now and then each opens its page anew. Prints the median, the 95th
percentile and the most of each kind of request, and the bytes of an idle poll. Viewers, server and round share this machine.
Exits 1 when a poll's p95 is above 200 ms, a page's data above 1 s, or an idle poll costs 1 KB or more.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import os
import random
import shutil
import socket
import subprocess
import sys
import tempfile
import time
from collections import defaultdict
from dataclasses import dataclass, field
from datetime import date, timedelta
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).parents[2]))

import httpx
from playwright.sync_api import Request, sync_playwright

POLL_EVERY = 2.0
ANEW_EVERY = 30.0
POLL_MS, DATA_MS, POLL_BYTES = 200.0, 1_000.0, 1_024
COLUMNS = "participant_id,site,arm,enrolled_on,entry_order,relapsed"
CALLBACKS = "/_dash-update-component"


def plan(number: int) -> str:
    return f"""trial: trial-{number:04}
title: Idea {number}
question: Does calling people the day before help?
owner: Load
programme: load
simulated: true
sites: [{{id: N, name: North}}, {{id: S, name: South}}]
arms: [{{id: usual, role: control}}, {{id: call, name: Phone call}}]
primary: {{measure: relapsed, kind: binary, better: lower, baseline: 0.4, worthwhile: 0.15, follow_up: 28 days}}
monitoring: {{max_participants: 600}}
source: {{connector: folder, path: in/trial-{number:04}}}
"""


def rows(number: int, first: int, count: int, enrolled: date) -> str:
    """People who joined on one day. Every third idea does good, every third harm or nothing."""
    chance = random.Random(number * 1_000_003 + first)
    effect = (0.0, 0.2, -0.15)[number % 3]
    lines = [COLUMNS]
    for order in range(first, first + count):
        called = order % 2 == 0
        relapsed = int(chance.random() < 0.4 - effect * called)
        site, arm = "NS"[(order // 2) % 2], "call" if called else "usual"
        lines.append(f"P{order},{site},{arm},{enrolled},{order},{relapsed}")
    return "\n".join(lines) + "\n"


def deliver(home: Path, number: int, week: int, first: int, count: int) -> None:
    folder = home / "in" / f"trial-{number:04}"
    folder.mkdir(parents=True, exist_ok=True)
    sent = date.today() - timedelta(weeks=4 - week)  # noqa: DTZ011 - a file's date is its sender's
    (folder / f"{sent}.csv").write_text(rows(number, first, count, sent - timedelta(days=30)), "utf-8")


def make(home: Path, trials: int) -> None:
    """Every trial registered, sealed, and with three deliveries of 50 people."""
    from flows import work
    from flows.byhand import door_of
    from flows.settings import Settings
    from trials.protocol import from_yaml
    from trials.store.engine import open_store

    settings = Settings(home=home)
    home.mkdir(parents=True)
    store, door = open_store(settings.url), door_of(settings)
    for number in range(trials):
        work.register_trial(store, from_yaml(plan(number)), by="load", at=work.utc_now(), seal_by="second")
    for week in range(3):
        for number in range(trials):
            deliver(home, number, week, 1 + 50 * week, 50)
        pending = work.read_all(store, door, work.sealed_trials(store))
        failed = [one for one in work.collect(store, pending, work.Clock(work.utc_now()), door) if not one.ok]
        assert not failed, failed[0]
    store.close()


@dataclass
class Asked:
    """One request that a browser made, to be made again."""

    url: str
    headers: dict[str, str]
    body: dict[str, Any]


@dataclass
class Recorded:
    """What a browser asks for on one page: its layout when it is opened, and its refresh when something changed."""

    path: str
    token: str
    opened: Asked
    refresh: Asked


def record(address: str, path: str) -> Recorded:
    """Opens the page in Chromium, tells it that something changed, and keeps what it asked the server."""
    chromium = shutil.which("chromium")
    assert chromium is not None, "chromium is missing"
    seen: list[Request] = []

    def asked(part: str) -> Asked:
        """The request that asked for something, as soon as there is one."""
        deadline = time.monotonic() + 20
        while time.monotonic() < deadline:
            for one in seen:
                if CALLBACKS in one.url and part in (one.post_data or ""):
                    kept = {name: value for name, value in one.all_headers().items() if not name.startswith(":")}
                    kept.pop("content-length", None)
                    return Asked(one.url, kept, json.loads(one.post_data or ""))
            page.wait_for_timeout(100)
        raise SystemExit(f"the browser never asked for {part}")

    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=chromium, args=["--no-sandbox"])
        page = browser.new_page(viewport={"width": 1440, "height": 900})
        page.on("request", lambda request: seen.append(request))
        page.goto(address + path)
        page.wait_for_selector("#live-mark", state="attached")
        page.wait_for_load_state("networkidle")
        mark = page.evaluate("({...document.getElementById('live-mark').dataset})")
        opened = asked("_pages_content")
        seen.clear()
        page.evaluate("store => window.dash_clientside.set_props(store, {data: 'again'})", mark["store"])
        refresh = asked(f'"id":"{mark["store"]}"')
        browser.close()
    return Recorded(path, mark["url"], opened, refresh)


@dataclass
class Times:
    """Milliseconds by kind of request, bytes of polls that found nothing new, and what went wrong."""

    ms: dict[str, list[float]] = field(default_factory=lambda: defaultdict(list))
    idle_bytes: list[int] = field(default_factory=list)
    data_bytes: dict[str, list[int]] = field(default_factory=lambda: defaultdict(list))
    wrong: list[str] = field(default_factory=list)


def applied(body: dict[str, Any], answer: dict[str, Any]) -> dict[str, Any]:
    """The next refresh's body: what the server put into stores is what the browser sends back."""
    got = answer.get("response", {})
    state = [
        {**one, "value": got[one["id"]][one["property"]]}
        if isinstance(one.get("id"), str) and one["property"] in got.get(one["id"], {})
        else one
        for one in body.get("state", [])
    ]
    return {**body, "state": state}


class Viewer:
    """Somebody with a page open."""

    def __init__(self, address: str, page: Recorded, times: Times, seed: int) -> None:
        self.page, self.times = page, times
        self.chance = random.Random(seed)
        self.client = httpx.AsyncClient(base_url=address, timeout=60, headers={"Accept-Encoding": "gzip"})
        self.etag, self.body = "", page.refresh.body

    async def timed(self, kind: str, request: Any) -> httpx.Response:
        began = time.perf_counter()
        answer: httpx.Response = await request
        self.times.ms[kind].append(1000 * (time.perf_counter() - began))
        if answer.status_code >= 400:
            self.times.wrong.append(f"{kind}: {answer.status_code} {answer.text[:120]}")
        return answer

    async def ask(self, kind: str, asked: Asked, body: dict[str, Any]) -> httpx.Response:
        answer = await self.timed(kind, self.client.post(asked.url, json=body, headers=asked.headers))
        self.times.data_bytes[kind].append(len(answer.content))
        return answer

    async def watch(self, until: float) -> None:
        await asyncio.sleep(self.chance.random() * POLL_EVERY)
        anew = time.monotonic() + self.chance.random() * ANEW_EVERY
        while time.monotonic() < until:
            headers = {"If-None-Match": self.etag} if self.etag else {}
            answer = await self.timed("poll", self.client.get(self.page.token, headers=headers))
            if answer.status_code == 304:
                self.times.idle_bytes.append(weight(answer))
            elif answer.status_code == 200:
                first, self.etag = not self.etag, answer.headers["ETag"]
                if not first:
                    found = await self.ask(f"refresh {self.page.path}", self.page.refresh, self.body)
                    if found.status_code == 200:
                        self.body = applied(self.body, found.json())
            if time.monotonic() >= anew:
                anew += ANEW_EVERY
                await self.ask(f"open {self.page.path}", self.page.opened, self.page.opened.body)
            await asyncio.sleep(POLL_EVERY)
        await self.client.aclose()


def weight(answer: httpx.Response) -> int:
    """Bytes of an answer with its head."""
    head = sum(len(name) + len(value) + 4 for name, value in answer.headers.raw)
    return len(answer.content) + head + len("HTTP/1.1 304 NOT MODIFIED\r\n\r\n")


async def watched(address: str, pages: list[Recorded], viewers: int, seconds: float, times: Times) -> None:
    until = time.monotonic() + seconds
    # Four of five watch the board, the others a trial.
    chosen = [pages[1] if number % 5 == 4 else pages[0] for number in range(viewers)]
    await asyncio.gather(*(Viewer(address, page, times, seed).watch(until) for seed, page in enumerate(chosen)))


def told(title: str, times: Times) -> tuple[float, float]:
    """Prints the times; the p95 of polls and the worst p95 of a page's data."""
    print(f"\n{title}")
    print(f"  {'request':34}{'n':>7}{'median ms':>11}{'p95 ms':>9}{'most ms':>9}{'median bytes':>14}")
    p95 = {}
    for kind, found in sorted(times.ms.items()):
        found.sort()
        p95[kind] = found[min(int(0.95 * len(found)), len(found) - 1)]
        sizes = sorted(times.data_bytes.get(kind, times.idle_bytes)) or [0]
        print(
            f"  {kind:34}{len(found):7}{found[len(found) // 2]:11.1f}{p95[kind]:9.1f}{found[-1]:9.1f}"
            f"{sizes[len(sizes) // 2]:14,}"
        )
    for one in times.wrong[:3]:
        print(f"  wrong: {one}")
    return p95.get("poll", 0.0), max((value for kind, value in p95.items() if kind != "poll"), default=0.0)


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def serve(home: Path, port: int, environment: dict[str, str]) -> subprocess.Popen[bytes]:
    command = [sys.executable, "-m", "flows.cli", "serve", "--no-rounds", "--port", str(port)]
    server = subprocess.Popen(command, env=environment, stdout=subprocess.DEVNULL, stderr=subprocess.STDOUT)
    for _ in range(300):
        try:
            if httpx.get(f"http://127.0.0.1:{port}/healthz", timeout=5).status_code == 200:
                return server
        except httpx.HTTPError:
            pass
        time.sleep(0.2)
    raise SystemExit(f"the server did not answer; exit code {server.poll()}")


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--trials", type=int, default=1_000)
    parser.add_argument("--viewers", type=int, default=50)
    parser.add_argument("--seconds", type=float, default=60.0)
    parser.add_argument("--rows", type=int, default=50)
    parser.add_argument("--home", type=Path, help="a home that an earlier run made with --keep")
    parser.add_argument("--keep", type=Path, help="keep the home here")
    given = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        home = Path(folder) / "home"
        if given.home:
            shutil.copytree(given.home, home)
        else:
            began = time.monotonic()
            make(home, given.trials)
            print(f"{given.trials:,} trials with 150 people each made in {time.monotonic() - began:.0f} s")
        if given.keep:
            shutil.copytree(home, given.keep)
        environment = {**os.environ, "ROADTEST_HOME": str(home), "PYTHONPATH": str(Path(__file__).parents[2])}
        port = free_port()
        address = f"http://127.0.0.1:{port}"
        server = serve(home, port, environment)
        try:
            pages = [record(address, "/"), record(address, "/trial/trial-0001")]
            idle = Times()
            asyncio.run(watched(address, pages, given.viewers, given.seconds / 2, idle))
            poll_idle, data_idle = told(f"{given.viewers} viewers, nothing going on", idle)
            for number in range(given.trials):
                deliver(home, number, 3, 151, given.rows)
            round_ = subprocess.Popen(
                [sys.executable, "-m", "flows.cli", "round", "--json"], env=environment, stdout=subprocess.DEVNULL
            )
            busy, began = Times(), time.monotonic()
            asyncio.run(watched(address, pages, given.viewers, given.seconds, busy))
            while round_.poll() is None:
                asyncio.run(watched(address, pages, given.viewers, 10, busy))
            print(f"\nthe round ended with {round_.returncode} after at most {time.monotonic() - began:.0f} s")
            poll, data = told(f"{given.viewers} viewers while a round runs", busy)
        finally:
            server.terminate()
            server.wait(timeout=20)
    idle_bytes = max(idle.idle_bytes, default=0)
    print(f"\nidle poll: {idle_bytes} bytes at most; poll p95 {poll:.0f} ms; a page's data p95 {data:.0f} ms")
    good = max(poll, poll_idle) <= POLL_MS and max(data, data_idle) <= DATA_MS and 0 < idle_bytes < POLL_BYTES
    good = good and not busy.wrong and not idle.wrong and round_.returncode == 0
    print("within its limits" if good else "NOT within its limits")
    return 0 if good else 1


if __name__ == "__main__":
    raise SystemExit(main())
