"""One real Chromium for the session, fresh tabs without memory per test, guards against errors and foreign requests."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import dash
import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Browser, BrowserContext, ConsoleMessage, Page, Request, sync_playwright

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


HEIGHTS = {390: 844, 1024: 768}


@pytest.fixture(scope="package")
def profile(tmp_path_factory: pytest.TempPathFactory) -> Iterator[BrowserContext]:
    """A Chromium with a profile on disk, where it keeps the pages' scripts compiled: without, a visit costs twice as much."""
    chromium = shutil.which("chromium")
    assert chromium is not None, "chromium is missing: `apt-get install chromium`, as .ci/run does"
    folder = tmp_path_factory.mktemp("chromium")
    with sync_playwright() as playwright:
        launched = playwright.chromium.launch_persistent_context(folder, executable_path=chromium, args=FLAGS)
        yield launched
        launched.close()


@pytest.fixture(scope="package")
def browser(profile: BrowserContext) -> Browser:
    """The same Chromium, for tests that need several people's windows at once: `new_context` shares nothing."""
    assert profile.browser is not None
    return profile.browser


@dataclass
class Tabs:
    """Opens tabs as a test needs them."""

    profile: BrowserContext
    opened: list[Page] = field(default_factory=list)

    def new(self, width: int = 1440, scheme: str = "light") -> Page:
        """An empty tab of a window of that width."""
        page = self.profile.new_page()
        self.opened.append(page)
        page.set_viewport_size({"width": width, "height": HEIGHTS.get(width, 900)})
        page.emulate_media(color_scheme=scheme, reduced_motion="reduce")  # type: ignore[arg-type]
        return page

    def visit(self, site: Site, path: str = "/", width: int = 1440, scheme: str = "light") -> Page:
        """A page of the site with its headline, watched for errors."""
        page = self.new(width, scheme)
        site.watch(page)
        page.goto(site.address + path)
        page.wait_for_selector("h1")
        return page

    def close(self) -> None:
        """Closes all tabs; cookies and what pages kept go with them."""
        origins = {
            urlsplit(page.url)._replace(path="", query="", fragment="").geturl()
            for page in self.opened
            if page.url.startswith("http")
        }
        for page in self.opened:
            page.close()
        self.opened.clear()
        self.profile.clear_cookies()
        keeper = self.profile.new_cdp_session(self.profile.pages[0])
        for origin in origins:
            keeper.send("Storage.clearDataForOrigin", {"origin": origin, "storageTypes": "local_storage,indexeddb"})
        keeper.detach()


@pytest.fixture
def tabs(profile: BrowserContext) -> Iterator[Tabs]:
    """For one test; the next one finds nothing of it."""
    found = Tabs(profile)
    yield found
    found.close()


def violations(page: Page, *, minor: bool = False, **options: Any) -> list[tuple[str, list[str]]]:
    """What axe-core objects to, by rule with the HTML of each place: what is serious or critical, or all with `minor`."""
    if not page.evaluate("'axe' in window"):
        page.evaluate(Axe().axe_script)
    found = page.evaluate(
        "async options => (await axe.run(document, options)).violations.map("
        "({id, impact, nodes}) => ({id, impact, html: nodes.map(node => node.html.slice(0, 200))}))",
        {"resultTypes": ["violations"], "selectors": False, **options},
    )
    return [(each["id"], each["html"]) for each in found if minor or each["impact"] in ("serious", "critical")]


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


class Stage:
    """A server that shows one app after the other at one address, so that Chromium finds its compiled scripts again."""

    def __init__(self) -> None:
        self.server: Any = None  # what `start` asks a Dash app for
        self.app: dash.Dash | None = None
        self.server = self
        self.running = start(self, "127.0.0.1", 0)  # type: ignore[arg-type]

    def __call__(self, environ: Any, answer: Any) -> Any:
        if self.app is None:
            answer("503 Service Unavailable", [("Content-Length", "0")])
            return [b""]
        return self.app.server(environ, answer)


@pytest.fixture(scope="session", autouse=True)
def _stages() -> Iterator[None]:
    yield
    while STAGES:
        STAGES.pop().running.stop()


STAGES: list[Stage] = []  # those on which nothing is shown


@contextmanager
def staged(store: Store, app: dash.Dash) -> Iterator[Site]:
    """The app at an address, until the end of the block."""
    stage = STAGES.pop() if STAGES else Stage()
    stage.app = app
    try:
        yield Site(store, stage.running.address)
    finally:
        stage.app = None
        STAGES.append(stage)


@pytest.fixture(scope="session")
def site(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    folder: Path = tmp_path_factory.mktemp("browser")
    store = open_store(f"sqlite:///{folder / 'roadtest.db'}")
    making.portfolio(store)
    with staged(store, create_app(store)) as found:
        yield found
    store.close()


@contextmanager
def serving(store: Store, folder: Path, person: str = "anna") -> Iterator[Site]:
    """The pages of a store on which `person` can do things, without a sign-in; keys and sources in `folder`."""
    app = create_app(store, doing=ByHand(store, Settings(home=folder)), reader=Reader(person, "local"))
    with staged(store, app) as found:
        yield found


Opener = Callable[..., Page]


@contextmanager
def quiet(site: Site) -> Iterator[None]:
    """At the end of the block nothing may have gone wrong on the site's pages."""
    yield
    errors, foreign = list(site.errors), list(site.foreign)
    site.errors.clear()
    site.foreign.clear()
    assert errors == []
    assert foreign == []


@pytest.fixture
def visit(tabs: Tabs, site: Site) -> Iterator[Opener]:
    """visit(path, scheme=, width=) opens a page and waits until it is drawn; at the end nothing may have gone wrong."""

    def go(path: str, scheme: str = "light", width: int = 1440) -> Page:
        page = tabs.visit(site, path, width, scheme)
        if path == "/" and width >= GRID_FROM:
            page.wait_for_selector(".trial-link")
        elif path.startswith("/trial/"):
            page.wait_for_selector(".main-svg, .absence", state="attached")
        return page

    with quiet(site):
        yield go
        tabs.close()
