"""Pictures of every page and of every state that stands where there is no data, made small for docs/screens.

    python docs/scripts/screens.py [--home HOME] [--out docs/screens] [--all]

--home: a home with trials, such as `roadtest demo --no-serve` leaves in .roadtest; it is copied, never written to. Without
--all only the pictures that are kept in the tree; with it every page at 1440x900, 1024x768 and 390x844 in light and dark.
"""

from __future__ import annotations

import argparse
import shutil
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from unittest import mock

sys.path.insert(0, str(Path(__file__).parents[2]))

import dash
from PIL import Image
from playwright.sync_api import Browser, Page, sync_playwright

from dashboards import panels
from dashboards.app import create_app
from dashboards.pages import PAGES
from dashboards.reader import Reader
from dashboards.serve import start
from flows.doing import ByHand
from flows.settings import Settings
from tests.dashboards import making
from trials.store import granting, reading
from trials.store.engine import Store, open_store

SIZES = {"desk": (1440, 900), "tablet": (1024, 768), "phone": (390, 844)}
KEPT = {("desk", "light"), ("phone", "light"), ("desk", "dark")}
COLOURS = 200  # of a picture in the tree


@contextmanager
def served(app: dash.Dash) -> Iterator[str]:
    running = start(app, "127.0.0.1", 0)
    try:
        yield running.address
    finally:
        running.stop()


def opened(browser: Browser, size: str, scheme: str) -> Page:
    width, height = SIZES[size]
    context = browser.new_context(
        viewport={"width": width, "height": height},
        color_scheme=scheme,  # type: ignore[arg-type]
        reduced_motion="reduce",
    )
    return context.new_page()


def settled(page: Page) -> None:
    page.wait_for_selector("h1")
    page.wait_for_load_state("networkidle")
    page.wait_for_timeout(400)


def small(file: Path) -> None:
    """The picture with few colours: text and flat areas lose nothing that one sees."""
    with Image.open(file) as image:
        image.convert("RGB").quantize(COLOURS, dither=Image.Dither.NONE).save(file, optimize=True)


def addresses(store: Store) -> dict[str, str]:
    """name -> address: every page; those about a trial with the richest one there is."""
    cards = reading.cards(store)
    rich = max((card for card in cards if card.look), key=lambda card: (card.closing is not None, card.look.n))  # type: ignore[union-attr]
    draft = next((card for card in cards if card.state == "registered"), rich)
    live = next((card for card in cards if card.closing is None and card.look), rich)
    of = {"trial": rich.id, "seal": draft.id, "decide": live.id, "data_trial": live.id}
    return {
        page.name: page.path.partition("<")[0] + (of.get(page.name, "") if "<" in page.path else "") for page in PAGES
    }


def pages(browser: Browser, home: Path, out: Path, everything: bool) -> None:
    store = open_store(f"sqlite:///{home / 'roadtest.db'}")
    app = create_app(store, doing=ByHand(store, Settings(home=home)), reader=Reader("anna", "local"))
    with served(app) as address:
        for size in SIZES:
            for scheme in ("light", "dark"):
                if not everything and (size, scheme) not in KEPT:
                    continue
                for name, path in addresses(store).items():
                    if not everything and scheme == "dark" and name not in ("portfolio", "trial"):
                        continue
                    page = opened(browser, size, scheme)
                    page.goto(address + path)
                    settled(page)
                    whole = everything or (size == "desk" and name in ("portfolio", "trial", "new"))
                    page.screenshot(path=out / f"{name}-{size}-{scheme}.png", full_page=whole)
                    page.context.close()
    store.close()


def states(browser: Browser, folder: Path, out: Path) -> None:
    """One picture for each state: empty, loading, failed, stale, no access, hidden, too early, simulated, not connected."""
    empty = open_store(f"sqlite:///{folder / 'empty.db'}")
    full = open_store(f"sqlite:///{folder / 'full.db'}")
    making.portfolio(full)
    granting.give(full, "tests", "lea", "lead", by="lea", at=datetime(2024, 1, 1, tzinfo=UTC))

    def picture(app: dash.Dash, path: str, name: str, prepare: Any = None, whole: bool = True) -> None:
        with served(app) as address:
            page = opened(browser, "desk", "light")
            if prepare is not None:
                prepare(page)
            page.goto(address + path)
            if prepare is None:
                settled(page)
            else:
                page.wait_for_timeout(2_500)
            page.screenshot(path=out / f"state-{name}.png", full_page=whole)
            page.context.close()

    def fails(*_: object) -> list[Any]:
        raise ValueError("made to fail, for the picture")

    picture(create_app(empty), "/", "empty")
    picture(create_app(full), "/trial/being-planned", "no-look-yet")
    picture(create_app(full), "/trial/tiny-numbers", "too-early")
    picture(create_app(full, stale_after=timedelta(days=1)), "/trial/still-open", "stale")
    picture(create_app(full, reader=Reader("nobody", "account")), "/trial/still-open", "no-access")
    picture(create_app(full, reader=Reader("nobody", "account")), "/", "no-access-board")
    picture(
        create_app(full), "/", "loading", lambda page: page.route("**/_dash-layout", lambda route: None), whole=False
    )
    broken = [replace(panel, absent=fails) for panel in panels.PANELS]
    with mock.patch("dashboards.pages.trial.PANELS", broken):
        picture(create_app(full), "/trial/clear-winner", "failed")
    picture(create_app(full), "/", "not-connected", lambda page: page.route("**/live/**", lambda route: route.abort()))
    empty.close()
    full.close()


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--home", type=Path, default=Path(".roadtest"))
    parser.add_argument("--out", type=Path, default=Path(__file__).parents[1] / "screens")
    parser.add_argument("--all", action="store_true", dest="everything")
    given = parser.parse_args()
    given.out.mkdir(parents=True, exist_ok=True)
    chromium = shutil.which("chromium")
    assert chromium is not None, "chromium is missing"
    with tempfile.TemporaryDirectory() as folder, sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=chromium, args=["--no-sandbox", "--disable-gpu"])
        home = Path(folder) / "home"
        shutil.copytree(given.home, home)
        pages(browser, home, given.out, given.everything)
        states(browser, Path(folder), given.out)
        browser.close()
    for file in given.out.glob("*.png"):
        small(file)
    print(
        f"{sum(1 for _ in given.out.glob('*.png'))} pictures, {sum(f.stat().st_size for f in given.out.glob('*.png')):,} bytes"
    )


if __name__ == "__main__":
    main()
