"""Signing in, links and names in a real Chromium."""

from __future__ import annotations

import secrets
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from playwright.sync_api import Page, expect

from dashboards.app import create_app
from dashboards.reader import Reader
from dashboards.signing import Signing
from dashboards.signing.passwords import hashed
from flows.doing import ByHand
from flows.settings import Settings
from tests.browser.conftest import Site, Tabs, staged, violations
from tests.dashboards import making
from trials.store import accounts, granting, links
from trials.store.engine import Store, open_store

PASSWORD = "four quiet random words"
HASHED = hashed(PASSWORD)
NOW = datetime.now(UTC)


@pytest.fixture(autouse=True)
def patience() -> Iterator[None]:
    """A hash of a password takes its time, and a busy machine more."""
    expect.set_options(timeout=20_000)
    yield
    expect.set_options(timeout=5_000)


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Store]:
    opened = open_store(f"sqlite:///{tmp_path / 'roadtest.db'}")
    making.run(opened, making.plan("ours"), making.people(80))
    making.run(opened, making.plan("theirs", programme="others"), making.people(40))
    granting.give(opened, "tests", "anna", "lead", by="anna", at=making.START)
    granting.give(opened, "others", "olga", "lead", by="olga", at=making.START)
    accounts.add(opened, "anna", HASHED, stamp="s1", by="op", at=NOW)
    yield opened
    opened.close()


Opener = Callable[..., Page]


@pytest.fixture
def opened(tabs: Tabs, store: Store, tmp_path: Path) -> Iterator[Callable[[str], tuple[Site, Opener]]]:
    """opened(mode) serves the store that way, and gives the site and what opens a page of it in a tab of its own."""
    left = ExitStack()

    def serve(mode: str) -> tuple[Site, Opener]:
        app = create_app(
            store,
            doing=ByHand(store, Settings(home=tmp_path)),
            reader=Reader("host", "local"),
            signed=Signing(mode),  # type: ignore[arg-type]
        )
        site = left.enter_context(staged(store, app))

        def go(path: str, scheme: str = "light", width: int = 1440) -> Page:
            return tabs.visit(site, path, width, scheme)

        return site, go

    with left:
        yield serve
        tabs.close()


@contextmanager
def quiet(site: Site, status: str = "") -> Iterator[None]:
    """Nothing went wrong in the browser meanwhile, but for answers of this status, which is what the test asks for."""
    yield
    assert [error for error in site.errors if not status or f"status of {status}" not in error] == []
    assert site.foreign == []


def link(store: Store, **to: str) -> str:
    secret = secrets.token_urlsafe(24)
    links.make(store, **to, id=secret[:8], secret=secret, by="anna", at=NOW, ends_at=NOW + timedelta(days=1))
    return secret


def clean(page: Page) -> list[str]:
    return [rule for rule, _ in violations(page, minor=True)]


def test_signing_in_leads_to_the_page_that_was_asked_for(opened: Callable[[str], tuple[Site, Opener]]) -> None:
    """By keyboard alone; a wrong password says so and keeps the name; signing out ends it."""
    site, go = opened("accounts")
    with quiet(site, "401"):
        page = go("/trial/ours")
        expect(page.locator("#name")).to_be_focused()
        page.keyboard.type("anna")
        page.keyboard.press("Tab")
        page.keyboard.type("wrong")
        page.keyboard.press("Enter")
        expect(page.get_by_role("alert")).to_contain_text("Name or password is not right.")
        expect(page.locator("#name")).to_have_value("anna")
        expect(page.locator("#password")).to_be_focused()
        page.keyboard.type(PASSWORD)
        page.keyboard.press("Enter")
        expect(page.locator("h1")).to_contain_text("Ours")
        expect(page.locator(".who")).to_contain_text("anna")
        page.get_by_role("button", name="Sign out").click()
        expect(page.locator("h1")).to_have_text("Sign in")
        page.goto(site.address + "/trial/ours")
        expect(page.locator("h1")).to_have_text("Sign in")


@pytest.mark.parametrize(("scheme", "width"), [("dark", 1440), ("light", 390)])
def test_axe_finds_nothing_at_the_door(opened: Callable[[str], tuple[Site, Opener]], scheme: str, width: int) -> None:
    """The form, its refusal, the page of a link that ended, and the form of the acting name; none wider than the window."""
    site, go = opened("accounts")
    page = go("/sign-in", scheme, width)
    assert clean(page) == []
    page.fill("#name", "anna")
    page.fill("#password", "wrong")
    page.get_by_role("button", name="Sign in").click()
    expect(page.get_by_role("alert")).to_be_visible()
    assert clean(page) == []
    page.goto(f"{site.address}/s/nonsense")
    assert clean(page) == []
    site, go = opened("none")
    page = go("/name", scheme, width)
    assert clean(page) == []
    page.goto(site.address)
    expect(page.locator(".who")).to_contain_text("Local, no sign-in")
    assert page.evaluate("document.documentElement.scrollWidth <= window.innerWidth")


def test_a_page_that_was_left_open_leads_to_the_sign_in_when_its_session_has_ended(
    opened: Callable[[str], tuple[Site, Opener]], store: Store
) -> None:
    """At its next poll, and back to where it was."""
    site, go = opened("accounts")
    with quiet(site, "401"):
        page = go("/sign-in?next=/trial/ours")
        page.fill("#name", "anna")
        page.fill("#password", PASSWORD)
        page.keyboard.press("Enter")
        expect(page.locator("h1")).to_contain_text("Ours")
        page.wait_for_load_state(
            "networkidle"
        )  # what is under way when a session ends is refused, which is another story
        accounts.change_password(store, "anna", HASHED, stamp="s2", at=NOW)
        expect(page.locator("h1")).to_have_text("Sign in")
        assert page.url.endswith("/sign-in?next=/trial/ours")


def test_a_stakeholder_opens_a_link(opened: Callable[[str], tuple[Site, Opener]], store: Store) -> None:
    """Reads the sentence without an account; the secret has left the address bar; no other trial, nothing to do, no data page;
    a link taken back closes the open page."""
    site, go = opened("accounts")
    secret = link(store, trial="ours")
    with quiet(site, "404"):
        page = go(f"/s/{secret}")
        expect(page.locator(".sentence")).to_be_visible()
        assert page.url == f"{site.address}/trial/ours"
        expect(page.locator(".who")).to_contain_text("By a link")
        words = page.locator("nav[aria-label=Main] a").all_inner_texts()
        assert "Portfolio" in words
        assert not {"New trial", "Data"} & set(words)
        assert clean(page) == []
        page.goto(site.address + "/trial/theirs")
        expect(page.locator("h1")).to_have_text("No such trial")
        for path in ("/new", "/data"):
            page.goto(site.address + path)
            expect(page.locator("h1")).to_have_text("Not for you to see")
            expect(page.get_by_role("link", name="To the trial ours")).to_be_visible()
        page.goto(site.address + "/decide/ours")
        expect(page.locator("h1")).to_have_text("Not for you to see")
        expect(page.locator("nav[aria-label=Main] a[aria-current]")).to_have_count(0)
        page.goto(site.address + "/")
        expect(page.locator(".trial-link")).to_have_text(["Ours"])
    site.errors.clear()
    with quiet(site, "401"):
        links.revoke(store, secret[:8], by="anna", at=NOW)
        expect(page.locator("h1")).to_have_text("This link leads nowhere any more")  # of itself
        site.errors[:] = [error for error in site.errors if "status of 410" not in error]


def test_the_acting_name_is_changed_and_a_link_put_away(
    opened: Callable[[str], tuple[Site, Opener]], store: Store
) -> None:
    """Where nobody signs in: by a small form, and by a button."""
    site, go = opened("none")
    with quiet(site):
        page = go("/")
        page.get_by_role("link", name="change").click()
        page.fill("#name", "zoe")
        page.get_by_role("button", name="Use this name").click()
        expect(page.locator(".who")).to_contain_text("As zoe")
        page.goto(f"{site.address}/s/{link(store, trial='ours')}")
        expect(page.locator(".who")).to_contain_text("ours")
        page.get_by_role("button", name="Put the link away").click()
        expect(page.locator(".who")).to_contain_text("As zoe")


def test_an_idle_poll_weighs_less_than_a_kilobyte_on_the_wire(
    opened: Callable[[str], tuple[Site, Opener]],
) -> None:
    """Both ways, heads included, as Chromium counts them, for somebody who signed in."""
    site, go = opened("accounts")
    page = go("/sign-in?next=/trial/ours")
    page.fill("#name", "anna")
    page.fill("#password", PASSWORD)
    page.keyboard.press("Enter")
    expect(page.locator("h1")).to_contain_text("Ours")
    with page.expect_response(lambda answer: "/live/" in answer.url and answer.status == 304) as found:
        pass
    sizes = found.value.request.sizes()
    assert sizes["requestHeadersSize"] + sizes["responseHeadersSize"] + max(sizes["responseBodySize"], 0) < 1_024, sizes
    assert site.foreign == []
