"""What the first visit to a page costs: compressed bytes by kind of file, and how long until the first picture is drawn.

    python docs/scripts/page_weight.py [--visits 5] [--home DIR --trial NAME]

Serves a home with `roadtest serve` (a small one made here, or a copy of --home), and opens the board and a trial in Chromium,
each time in a fresh profile that has nothing kept. Bytes are those on the wire, heads not counted. The picture is the first
effect that the board draws, and the first chart on the trial's page. Prints medians; exits 1 when a page needs more than
1.5 MB of compressed JavaScript, or more than two seconds to its picture.
"""

from __future__ import annotations

import argparse
import os
import shutil
import socket
import statistics
import subprocess
import sys
import tempfile
import time
import urllib.error
import urllib.request
from collections import defaultdict
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).parents[2]))

from playwright.sync_api import Browser, sync_playwright

MOST_SCRIPT, MOST_MS = 1_500_000, 2_000
DRAWN = {"/": ".forest-dot", "/trial/": ".main-svg"}
ROOT = Path(__file__).parents[2]


def made(home: Path) -> str:
    """A home with a trial for each verdict; the name of one with charts."""
    from tests.dashboards import making
    from trials.store.engine import open_store

    store = open_store(f"sqlite:///{home / 'roadtest.db'}")
    making.portfolio(store)
    store.close()
    return "clear-winner"


def served(home: Path, port: int) -> subprocess.Popen[bytes]:
    environment = {**os.environ, "ROADTEST_HOME": str(home), "PYTHONPATH": str(ROOT), "ROADTEST_SIGN_IN": "none"}
    command = [sys.executable, "-m", "flows.cli", "serve", "--no-rounds", "--port", str(port)]
    server = subprocess.Popen(command, env=environment, stdout=subprocess.DEVNULL)
    until = time.monotonic() + 60
    while time.monotonic() < until:
        try:
            urllib.request.urlopen(f"http://127.0.0.1:{port}/healthz").close()
        except (urllib.error.URLError, ConnectionError):
            time.sleep(0.1)
        else:
            return server
    raise SystemExit(f"the server did not answer; exit code {server.poll()}")


def visited(browser: Browser, address: str, path: str) -> tuple[dict[str, int], float, list[tuple[int, str]]]:
    """Bytes by kind, milliseconds until the first picture, and the scripts by weight, of one visit with nothing kept."""
    context = browser.new_context(viewport={"width": 1440, "height": 900}, reduced_motion="reduce")
    page = context.new_page()
    wire = context.new_cdp_session(page)
    wire.send("Network.enable")
    wire.send("Network.setCacheDisabled", {"cacheDisabled": True})
    kinds: dict[str, tuple[str, str]] = {}
    bytes_of: dict[str, int] = defaultdict(int)
    scripts: list[tuple[int, str]] = []

    def answered(event: dict[str, Any]) -> None:
        kinds[event["requestId"]] = (event["type"], event["response"]["url"])

    def received(event: dict[str, Any]) -> None:
        kind, url = kinds.get(event["requestId"], ("Other", ""))
        bytes_of[kind] += event["encodedDataLength"]
        if kind == "Script":
            scripts.append((event["encodedDataLength"], url.rsplit("/", 1)[1].split("?")[0]))

    wire.on("Network.responseReceived", answered)
    wire.on("Network.loadingFinished", received)
    page.goto(address + path, wait_until="commit")
    drawn = DRAWN["/trial/" if path.startswith("/trial/") else "/"]
    waited = "drawn => document.querySelector(drawn) ? performance.now() : false"
    ms = float(page.wait_for_function(waited, arg=drawn, polling="raf").json_value())
    page.wait_for_load_state("networkidle")
    context.close()
    return dict(bytes_of), ms, sorted(scripts, reverse=True)


def told(path: str, visits: list[tuple[dict[str, int], float, list[tuple[int, str]]]]) -> bool:
    """Prints what a page costs; whether that is little enough."""
    kinds = sorted({kind for bytes_of, _, _ in visits for kind in bytes_of})
    weights = {kind: statistics.median(bytes_of.get(kind, 0) for bytes_of, _, _ in visits) for kind in kinds}
    ms = statistics.median(ms for _, ms, _ in visits)
    print(
        f"\n{path}: first picture after {ms:,.0f} ms (median of {len(visits)}, at most {max(v[1] for v in visits):,.0f})"
    )
    for kind, weight in sorted(weights.items(), key=lambda one: -one[1]):
        print(f"  {kind:12}{weight / 1000:>9,.0f} KB")
    print(f"  {'together':12}{sum(weights.values()) / 1000:>9,.0f} KB")
    for size, name in visits[-1][2][:7]:
        print(f"      {size / 1000:>7,.0f} KB  {name}")
    return weights.get("Script", 0) <= MOST_SCRIPT and ms <= MOST_MS


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--visits", type=int, default=5)
    parser.add_argument("--home", type=Path, help="a home that is copied first; without it a small one is made")
    parser.add_argument("--trial", default="", help="a trial of that home that has charts")
    given = parser.parse_args()
    chromium = shutil.which("chromium")
    assert chromium is not None, "chromium is missing"
    with tempfile.TemporaryDirectory() as folder, socket.socket() as probe:
        home = Path(folder) / "home"
        if given.home:
            shutil.copytree(given.home, home)
        else:
            home.mkdir()
        trial = given.trial if given.home else made(home)
        probe.bind(("127.0.0.1", 0))
        port = int(probe.getsockname()[1])
        probe.close()
        server = served(home, port)
        try:
            with sync_playwright() as playwright:
                browser = playwright.chromium.launch(executable_path=chromium, args=["--no-sandbox", "--disable-gpu"])
                good = True
                for path in ("/", f"/trial/{trial}"):
                    visits = [visited(browser, f"http://127.0.0.1:{port}", path) for _ in range(given.visits + 1)]
                    good &= told(path, visits[1:])  # the first one warms the server up, not the browser
                browser.close()
        finally:
            server.terminate()
            server.wait(timeout=20)
    print("\nwithin its limits" if good else "\nNOT within its limits")
    return 0 if good else 1


if __name__ == "__main__":
    raise SystemExit(main())
