"""The board in a real Chromium: what was asked for, in groups, as a list, by keyboard; what travels when something changes."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Page, Request, Route, expect

from dashboards.board import words
from tests.browser.conftest import Opener, Site, Tabs, quiet, serving, violations
from tests.browser.test_pages import LIVE_WITHIN, order, tab_to
from tests.dashboards import making
from trials.store import decisions, ledger, reading
from trials.store.engine import open_store

MANY = 64
PLACES = [{"id": "N", "name": "North"}, {"id": "W", "name": "West"}]
PARTNERS = [{"name": "City university", "kind": "university"}]


@pytest.fixture(scope="module")
def many(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    """More trials than are drawn at once: most only registered, one with people, stages and partners by turns."""
    folder = tmp_path_factory.mktemp("many")
    store = open_store(f"sqlite:///{folder / 'many.db'}")
    for number in range(MANY):
        changes: dict[str, Any] = {"stage": "pilot"} if number % 4 == 0 else {}
        changes |= {"partners": PARTNERS} if number % 8 == 0 else {}
        changes |= {"sites": PLACES} if number == 7 else {}
        ledger.register(store, making.plan(f"idea-{number:02}", **changes), by="test", at=making.START)
    making.run(store, making.plan("with-people"), making.people(80))
    with serving(store, folder) as site:
        yield site
    store.close()


@pytest.fixture
def look(tabs: Tabs, many: Site) -> Iterator[Opener]:
    """look(path, width=) opens the board of many trials; at the end nothing may have gone wrong."""

    def go(path: str = "/", scheme: str = "light", width: int = 1440) -> Page:
        page = tabs.visit(many, path, width, scheme)
        page.wait_for_selector("#board-found:not(:empty)")
        return page

    with quiet(many):
        yield go
        tabs.close()


def choose(page: Page, label: str, value: str) -> None:
    """Chooses in one of the form parts, as people do."""
    page.get_by_role("textbox", name=label, exact=True).click()
    page.get_by_role("option", name=value, exact=True).click()


def test_search_filter_and_groups_are_in_the_address(look: Opener) -> None:
    """They work without asking the server; the address leads to the same view, and 'back' from a trial finds it again."""
    page = look()
    asked: list[Request] = []
    page.on("request", lambda request: asked.append(request) if "_dash-update" in request.url else None)
    page.get_by_label("Search").fill("idea-0 CALL")
    expect(page.locator("#board-found")).to_have_text(f"0 of {MANY + 1} trials fit.")
    page.get_by_label("Search").fill("IDÉA 0")
    found = [f"idea-{number:02}" for number in range(MANY) if "0" in f"{number:02}"]
    expect(page.locator("#board-found")).to_have_text(f"{len(found)} of {MANY + 1} trials fit.")
    page.locator(".board-filter > summary").click()
    choose(page, "Stage", "Pilot")
    choose(page, "Group by", "Partner")
    expect(page.locator(".ag-row .group-row strong")).to_have_text(["City university", "No partner named"])
    pilots = [name for name in found if int(name[-2:]) % 4 == 0]
    expect(page.locator("#board-found")).to_have_text(f"{len(pilots)} of {MANY + 1} trials fit.")
    expect(page.locator("#board-filter-word")).to_have_text("Filter (1 on)")
    shown = [each for each in order(page) if not each.startswith("group:")]
    assert sorted(shown) == pilots
    assert page.evaluate("location.search") == "?q=ID%C3%89A+0&stage=Pilot&group=partner"
    assert asked == []
    page.locator(".trial-link").first.click()
    expect(page.locator("h1")).not_to_have_text("Portfolio")
    page.go_back()
    expect(page.locator("#board-found")).to_have_text(f"{len(pilots)} of {MANY + 1} trials fit.")
    again = look("/?q=ID%C3%89A+0&stage=Pilot&group=partner")
    expect(again.locator(".ag-row .group-row").first).to_be_visible()
    assert order(again) == order(page)


def test_a_trial_of_two_sites_stands_under_both_and_is_counted_once(look: Opener) -> None:
    """Headings count trials, never people; a column that is sorted sorts inside each group."""
    page = look("/?group=site&q=idea+0")
    expect(page.locator(".ag-row .group-row")).to_have_count(3)
    texts = page.locator(".ag-row .group-row").all_inner_texts()
    assert [" ".join(text.split()) for text in texts] == ["North 16 trials", "South 15 trials", "West 1 trial"]
    expect(page.locator("#board-found")).to_have_text(f"16 of {MANY + 1} trials fit.")
    for _ in range(2):
        page.locator('.ag-header-cell[col-id="name"]').click()
    page.wait_for_function("document.querySelector('.ag-row[row-index=\"1\"]').getAttribute('row-id') === 'idea-60'")
    rows = order(page)
    assert rows[0] == "group: North"
    assert rows[1:17] == sorted(rows[1:17], reverse=True)
    assert rows[-2:] == ["group: West", "idea-07 in West"]


def test_nothing_fits_and_one_press_shows_all_again(look: Opener) -> None:
    """Instead of an empty grid there is a sentence, and a button."""
    page = look("/?q=nowhere&stage=Pilot")
    expect(page.locator("#board-none")).to_contain_text("No trial fits")
    expect(page.locator("#board-place")).to_be_hidden()
    page.locator("#board-clear-too").click()
    expect(page.locator("#board-found")).to_have_text(f"{MANY + 1} trials.")
    expect(page.locator("#board-none")).to_be_hidden()
    assert page.evaluate("location.search") == ""


def test_many_trials_are_drawn_as_they_come_into_view(look: Opener) -> None:
    """The grid keeps its height and draws a part of them; the last one is there once one has scrolled to it."""
    page = look()
    page.wait_for_selector(".ag-row")
    assert page.locator("#board-grid .ag-row").count() < 30
    assert page.locator("#board-grid").evaluate("node => node.clientHeight") == 760
    page.locator(".ag-body-viewport").evaluate("node => node.scrollTo(0, node.scrollHeight)")
    expect(page.locator(f'.ag-row[row-id="idea-{MANY - 1}"]')).to_be_visible()


def test_a_phone_has_the_same_filters_groups_and_more_on_demand(look: Opener) -> None:
    """Thirty at first, thirty more with a press; evidence, people, dates and next look in each item."""
    page = look("/", width=390)
    items = page.locator(".board-list > li")
    expect(items).to_have_count(30)
    page.locator("#board-more").click()
    expect(items).to_have_count(60)
    page.get_by_label("Search").fill("with people")
    expect(items).to_have_count(1)
    expect(page.locator("#board-rest")).to_be_hidden()
    for part in (
        "80 of 400 people",
        "North, South",
        "as of 15 Jan 2024",
        "next look: when the next file comes",
        "promote: ",
    ):
        expect(items.first).to_contain_text(part)
    said = items.first.locator(".balance").get_attribute("aria-label")
    assert said is not None
    assert said.startswith("Towards promote: ")
    page.get_by_label("Search").fill("")
    expect(items.filter(has_text="no results yet · 400 people planned").first).to_be_visible()
    choose(page, "Group by", "Stage")
    expect(page.locator(".board-list .group-row h3").first).to_have_text("Proof of concept")
    page.locator(".board-list a[data-inside]").first.click()
    expect(page.locator(".crumbs a")).to_be_visible()
    assert page.evaluate("document.documentElement.scrollWidth") <= 390


def test_a_window_that_grows_gets_the_grid(look: Opener) -> None:
    """And one that shrinks the list, without a reload."""
    page = look("/?q=idea+0", width=1024)
    expect(page.locator(".board-list > li")).to_have_count(16)
    page.set_viewport_size({"width": 1440, "height": 900})
    expect(page.locator('.ag-row[row-id="idea-00"]')).to_be_visible()
    page.set_viewport_size({"width": 1024, "height": 900})
    expect(page.locator(".board-list > li")).to_have_count(16)


def test_keys_on_a_heading_lead_nowhere(look: Opener) -> None:
    """Enter on a group's heading opens nothing and breaks nothing; the arrow leads on to its first trial."""
    page = look("/?group=stage&q=idea+0")
    page.wait_for_selector(".ag-row")
    tab_to(page, ".ag-row")
    expect(page.locator(".ag-full-width-row:focus, .ag-full-width-row:focus-within")).to_have_count(1)
    for key in ("Enter", "Space"):
        page.keyboard.press(key)
    page.keyboard.press("ArrowDown")
    name = page.locator(".ag-row:focus-within .trial-link").inner_text()
    page.keyboard.press("Enter")
    expect(page.locator("h1")).to_contain_text(name)


@pytest.mark.parametrize("width", [1440, 390])
def test_axe_finds_nothing_in_groups_and_open_choices(width: int, look: Opener) -> None:
    """With the filters open, one of them unfolded, and headings between the rows."""
    page = look("/?group=site&stage=Pilot", width=width)
    page.get_by_role("textbox", name="Verdict", exact=True).click()
    expect(page.get_by_role("option", name="Setting up")).to_be_visible()
    assert violations(page) == []


def test_before_the_grids_script_has_come_its_place_is_kept(tabs: Tabs, site: Site) -> None:
    """Grey rows at the final size, so that nothing jumps."""
    page = tabs.new()
    held: list[Route] = []
    page.route("**/*async-community*", lambda route: held.append(route))  # Playwright takes no builtin
    page.goto(site.address)
    page.wait_for_selector("#board-found:not(:empty)")
    place = page.locator("#board-grid")
    assert place.evaluate("node => getComputedStyle(node).backgroundImage").startswith("repeating-linear-gradient")
    waited = place.evaluate("node => node.clientHeight")
    held[0].continue_()
    page.wait_for_selector(".trial-link")
    assert place.evaluate("node => node.clientHeight") == waited
    assert place.evaluate("node => getComputedStyle(node).backgroundImage") == "none"


def test_a_contradiction_is_not_shown(tabs: Tabs, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A verdict planted in the store beside evidence that says otherwise: the row says so, and shows neither."""
    store = open_store(f"sqlite:///{tmp_path / 'planted.db'}")
    for trial in ("planted", "honest"):
        making.run(store, making.plan(trial), making.people(80, share=(0.4, 0.38)))
    cards = [
        replace(card, look=replace(card.look, verdict="promote")) if card.id == "planted" and card.look else card
        for card in reading.cards(store)
    ]
    monkeypatch.setattr(reading, "cards", lambda *_: cards)
    with serving(store, tmp_path) as site:
        for width, place in ((1440, '.ag-row[row-id="{}"]'), (390, '[data-trial="{}"]')):
            page = tabs.visit(site, width=width)
            row, other = (page.locator(place.format(trial)) for trial in ("planted", "honest"))
            expect(row).to_contain_text("not shown")
            expect(row).to_contain_text(words.FAULT)
            expect(row.locator(".pill, .reached")).to_have_count(0)
            assert "of 20×" not in row.inner_text()
            assert "of 20×" in other.inner_text()
    store.close()


def test_a_decision_changes_the_board_while_one_watches(tabs: Tabs, tmp_path: Path) -> None:
    """What waited is decided: its word is the decision, its tile too, and the figures appear; stamps alone travel up, and
    only the changed row comes down."""
    store = open_store(f"sqlite:///{tmp_path / 'watched.db'}")
    making.run(store, making.plan("plain-dud"), making.people(400, share=(0.35, 0.40)), size=200)
    making.run(store, making.plan("still-open"), making.people(80))
    with serving(store, tmp_path) as site:
        page = tabs.visit(site)
        page.wait_for_selector(".trial-link")
        expect(page.locator("#board-waiting")).to_contain_text("1 trial has reached an answer and is still open.")
        page.evaluate("window.scrollTo(0, 200)")
        said: dict[str, Any] = {"reason_code": "no_benefit", "lesson": "Calls help nobody here", "reuse": "The script"}
        late = making.START + timedelta(weeks=60)
        with page.expect_response(lambda answer: "board-changes" in (answer.request.post_data or "")) as caught:
            decisions.decide(store, "plain-dud", "drop", by="anna", at=late, now=late, **said)
        expect(page.locator('.ag-row[row-id="plain-dud"] .pill')).to_have_text("Dropped", timeout=LIVE_WITHIN)
        expect(page.locator("#board-strip")).to_contain_text("1 dropped")
        expect(page.locator("#board-achieved")).to_contain_text("1 of 1")
        expect(page.locator("#board-waiting")).to_be_empty()
        expect(page.locator("#announce")).to_have_text("Plain dud: Dropped.")
        assert page.evaluate("window.scrollY") == 200
        sent, got = caught.value.request.post_data or "", caught.value.json()["response"]
        assert [row["id"] for row in got["board-changes"]["data"]["rows"]] == ["plain-dud"]
        shown = next(each["value"] for each in json.loads(sent)["state"] if each["id"] == "board-shown")
        assert len(json.dumps(shown["rows"])) < 40 * 2
        assert site.errors == []
        tabs.close()
    store.close()
