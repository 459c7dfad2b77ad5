"""One real Chromium for the session, a fresh context per test, guards against errors and foreign requests."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

import pytest
from playwright.sync_api import Browser, ConsoleMessage, Page, Request, sync_playwright

from dashboards.app import create_app
from dashboards.reader import Reader
from dashboards.serve import start
from flows.doing import ByHand
from flows.settings import Settings
from tests.dashboards import making
from trials.store.engine import Store, open_store

# Narrower than this the board is a list.
GRID_FROM = 1220

FLAGS = [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--no-first-run",
]


@pytest.fixture(scope="package")
def browser() -> Iterator[Browser]:
    chromium = shutil.which("chromium")
    assert chromium is not None, "chromium is missing: `apt-get install chromium`, as .ci/run does"
    with sync_playwright() as playwright:
        launched = playwright.chromium.launch(executable_path=chromium, args=FLAGS)
        yield launched
        launched.close()


@dataclass
class Site:
    """A served store, and what its pages did that they must not do."""

    store: Store
    address: str
    errors: list[str] = field(default_factory=list)
    foreign: list[str] = field(default_factory=list)

    def watch(self, page: Page) -> None:
        def console(message: ConsoleMessage) -> None:
            if message.type in ("error", "warning"):
                self.errors.append(message.text)

        def request(sent: Request) -> None:
            if not sent.url.startswith((self.address, "data:", "blob:")):
                self.foreign.append(sent.url)

        page.on("console", console)
        page.on("pageerror", lambda error: self.errors.append(str(error)))
        page.on("request", request)


@pytest.fixture(scope="session")
def site(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    folder: Path = tmp_path_factory.mktemp("browser")
    store = open_store(f"sqlite:///{folder / 'roadtest.db'}")
    making.portfolio(store)
    running = start(create_app(store), "127.0.0.1", 0)
    yield Site(store, running.address)
    running.stop()
    store.close()


@contextmanager
def serving(store: Store, folder: Path, person: str = "anna") -> Iterator[Site]:
    """The pages of a store on which `person` can do things, without a sign-in; keys and sources in `folder`."""
    app = create_app(store, doing=ByHand(store, Settings(home=folder)), reader=Reader(person, "local"))
    running = start(app, "127.0.0.1", 0)
    try:
        yield Site(store, running.address)
    finally:
        running.stop()


Opener = Callable[..., Page]


@pytest.fixture
def visit(browser: Browser, site: Site) -> Iterator[Opener]:
    """visit(path, scheme=, width=) opens a page and waits until it is drawn; at the end nothing may have gone wrong."""
    opened = []

    def go(path: str, scheme: str = "light", width: int = 1440) -> Page:
        context = browser.new_context(
            viewport={"width": width, "height": {390: 844, 1024: 768}.get(width, 900)},
            color_scheme=scheme,  # type: ignore[arg-type]
            reduced_motion="reduce",
        )
        opened.append(context)
        page = context.new_page()
        site.watch(page)
        page.goto(site.address + path)
        page.wait_for_selector("h1")
        if path == "/" and width >= GRID_FROM:
            page.wait_for_selector(".trial-link")
        elif path.startswith("/trial/"):
            page.wait_for_selector(".main-svg, .absence", state="attached")
        return page

    yield go
    for context in opened:
        context.close()
    errors, foreign = list(site.errors), list(site.foreign)
    site.errors.clear()
    site.foreign.clear()
    assert errors == []
    assert foreign == []
