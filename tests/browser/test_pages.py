"""The pages in a real Chromium: rows, sentences, live changes, accessibility, phones."""

from __future__ import annotations

import time
from pathlib import Path

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Browser, Page, expect

from dashboards import read_model, wording
from dashboards.app import create_app
from dashboards.read_model import Desk
from dashboards.serve import start
from tests.browser.conftest import Opener, Site
from tests.dashboards import making
from trials.store import reading
from trials.store.engine import open_store

# From the commit of a delivery to the open page, with room for a busy machine; measured about 1.3 s on an idle one.
LIVE_WITHIN = 8_000


def sentence_of(site: Site, trial: str) -> str:
    """What the page may say: the sentence of the newest look shown, without an estimate that small numbers stand behind."""
    sentence = read_model.trial(Desk(site.store), trial).sentence
    assert sentence is not None
    return sentence


def row(page: Page, trial: str) -> str:
    return page.locator(f'.ag-row[row-id="{trial}"]').inner_text()


def test_the_portfolio_has_a_row_per_trial(visit: Opener, site: Site) -> None:
    """Name, verdict word, evidence, people and date, as the read model says; simulated trials are marked."""
    page = visit("/")
    for each in read_model.board(Desk(site.store)).rows:
        shown = row(page, each.id)
        for part in (each.name, wording.VERDICT_WORDS[each.standing], each.strength, each.people, each.effect):
            assert part in " ".join(shown.split()), (each.id, part)
        assert ("simulated" in shown) == each.simulated


def test_a_click_on_a_row_opens_its_trial_without_loading_anew(visit: Opener) -> None:
    """And 'back' leads to the portfolio again."""
    page = visit("/")
    page.evaluate("window.stillHere = true")
    page.get_by_role("link", name="Clear winner").first.click()
    expect(page.locator("h1")).to_contain_text("Clear winner")
    page.go_back()
    expect(page.locator("h1")).to_have_text("Portfolio")
    assert page.evaluate("window.stillHere")


@pytest.mark.parametrize("trial", ["clear-winner", "plain-dud", "does-harm", "still-open", "never-settled"])
def test_the_trial_page_begins_with_the_looks_sentence(trial: str, visit: Opener, site: Site) -> None:
    """Verdict word beside it, from the same look."""
    page = visit(f"/trial/{trial}")
    expect(page.locator(".sentence")).to_have_text(sentence_of(site, trial))
    look = reading.card(site.store, trial).look
    assert look is not None
    expect(page.locator(".verdict-word")).to_have_text(wording.VERDICT_WORDS[look.verdict])


def test_a_trial_that_is_only_registered_says_so(visit: Opener) -> None:
    """No chart pretends to know anything."""
    page = visit("/trial/being-planned")
    expect(page.locator(".verdict-word")).to_have_text("Setting up")
    expect(page.locator("#panel-effect")).to_contain_text("no look yet")


def test_an_unknown_trial_is_a_page_that_says_so(visit: Opener) -> None:
    """With the names that come close."""
    page = visit("/trial/clear-winer")
    expect(page.locator("main")).to_contain_text("clear-winner")


def test_the_numbers_of_a_chart_can_be_shown(visit: Opener) -> None:
    """A table of the same object, reachable by keyboard."""
    page = visit("/trial/clear-winner")
    page.locator("#panel-evidence summary").focus()
    page.keyboard.press("Enter")
    expect(page.locator("#panel-evidence table")).to_be_visible()
    assert page.locator("#panel-evidence tbody tr").count() > 3


def test_a_delivery_changes_the_open_portfolio(visit: Opener, site: Site) -> None:
    """Row, counts and new trials appear without a reload."""
    making.run(site.store, making.plan("live-on-board"), making.people(40))
    page = visit("/")
    page.evaluate("window.stillHere = true")
    assert "40" in row(page, "live-on-board")
    started = time.monotonic()
    making.deliver(site.store, "live-on-board", making.people(26, first=41), week=20)
    expect(page.locator('.ag-row[row-id="live-on-board"]')).to_contain_text("66 of 400", timeout=LIVE_WITHIN)
    print(f"commit to board: {time.monotonic() - started:.2f} s")
    making.run(site.store, making.plan("brand-new"), making.people(20))
    expect(page.locator('.ag-row[row-id="brand-new"]')).to_be_visible(timeout=LIVE_WITHIN)
    assert page.evaluate("window.stillHere")


def test_a_delivery_changes_the_open_trial_page_in_place(visit: Opener, site: Site) -> None:
    """The sentence is the new look's; scroll position and opened tables stay."""
    making.run(site.store, making.plan("live-page"), making.people(60))
    page = visit("/trial/live-page")
    page.evaluate("window.stillHere = true")
    page.evaluate("window.chart = document.querySelector('#effect-chart .js-plotly-plot')")
    page.locator("#panel-evidence summary").click()
    page.evaluate("window.scrollTo(0, 700)")
    before = sentence_of(site, "live-page")
    expect(page.locator(".sentence")).to_have_text(before)
    started = time.monotonic()
    making.deliver(site.store, "live-page", making.people(26, first=61), week=20)
    assert sentence_of(site, "live-page") != before
    expect(page.locator(".sentence")).to_have_text(sentence_of(site, "live-page"), timeout=LIVE_WITHIN)
    print(f"commit to trial page: {time.monotonic() - started:.2f} s")
    assert page.evaluate("window.stillHere")
    assert page.evaluate("window.scrollY") == 700
    expect(page.locator("#panel-evidence table")).to_be_visible()
    assert page.evaluate("window.chart === document.querySelector('#effect-chart .js-plotly-plot')"), (
        "it was built anew"
    )
    assert words(page) == words(visit("/trial/live-page"))


def words(page: Page) -> str:
    """Everything a page says, in tables too."""
    page.wait_for_timeout(500)
    return str(page.evaluate("document.querySelector('#trial-content').textContent"))


def test_the_colour_scheme_can_be_chosen_and_charts_follow(visit: Opener) -> None:
    """The button switches at once, the charts are drawn again in the other scheme."""
    page = visit("/trial/clear-winner")
    light = page.evaluate("getComputedStyle(document.body).backgroundColor")
    tick = page.locator("#effect-chart .ytick text").first
    before = tick.evaluate("node => getComputedStyle(node).fill")
    page.locator("#scheme").click()
    assert page.evaluate("document.documentElement.dataset.scheme") == "dark"
    assert page.evaluate("getComputedStyle(document.body).backgroundColor") != light
    page.wait_for_function(
        "before => getComputedStyle(document.querySelector('#effect-chart .ytick text')).fill !== before", arg=before
    )


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("path", ["/", "/trial/clear-winner", "/trial/still-open", "/trial/tiny-numbers"])
def test_axe_finds_nothing_serious(path: str, scheme: str, visit: Opener) -> None:
    """No serious or critical violation of accessibility rules, with the tables of numbers open too."""
    page = visit(path, scheme=scheme)
    page.evaluate("document.querySelectorAll('details').forEach(each => { each.open = true })")
    found = Axe().run(page).response["violations"]
    grave = [
        (each["id"], [node["html"][:160] for node in each["nodes"]])
        for each in found
        if each["impact"] in ("serious", "critical")
    ]
    assert grave == []


def test_axe_would_find_a_planted_fault(visit: Opener) -> None:
    """The check above can fail: an image without a name is found."""
    page = visit("/")
    page.evaluate("document.querySelector('main').insertAdjacentHTML('beforeend', '<img src=\"/assets/mark.svg\">')")
    assert "image-alt" in {each["id"] for each in Axe().run(page).response["violations"]}


@pytest.mark.parametrize("path", ["/", "/trial/clear-winner", "/trial/still-open", "/trial/being-planned"])
def test_a_phone_can_read_it(path: str, visit: Opener) -> None:
    """At 390 px nothing makes the page scroll sideways, and the first words are there."""
    page = visit(path, width=390)
    assert page.evaluate("document.documentElement.scrollWidth") <= 390
    if path == "/":
        expect(page.locator('.board-list [data-trial="clear-winner"]')).to_contain_text("Promote")
        assert not page.locator(".board-grid").is_visible()
    else:
        assert page.locator(".verdict-word").is_visible()


def test_a_lost_server_is_told_and_found_again(visit: Opener, site: Site) -> None:
    """A banner says that the page shows what came before, and goes when the server answers again."""
    page = visit("/")
    page.route("**/live/token", lambda route: route.abort())
    expect(page.locator(".banner.lost")).to_be_visible(timeout=LIVE_WITHIN)
    page.unroute("**/live/token")
    expect(page.locator(".banner.lost")).to_be_hidden(timeout=LIVE_WITHIN)
    site.errors.clear()  # Chromium reports the aborted requests as errors, which is what this test made


def test_the_first_trial_arrives_on_an_empty_board(browser: Browser, tmp_path: Path) -> None:
    """The empty state names the command; the first registered trial takes its place without a reload."""
    store = open_store(f"sqlite:///{tmp_path / 'empty.db'}")
    running = start(create_app(store), "127.0.0.1", 0)
    page = browser.new_page()
    page.goto(running.address)
    expect(page.locator("main")).to_contain_text("roadtest register")
    making.run(store, making.plan("first-ever"), making.people(20))
    expect(page.locator('.ag-row[row-id="first-ever"]')).to_be_visible(timeout=LIVE_WITHIN)
    expect(page.locator("main")).not_to_contain_text("No trials here yet")
    page.close()
    running.stop()
    store.close()
