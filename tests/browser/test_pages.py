"""The pages in a real Chromium: rows, sentences, live changes, accessibility, phones."""

from __future__ import annotations

import time
from pathlib import Path

import pytest
from playwright.sync_api import Page, expect

from dashboards import read_model, wording
from dashboards.app import create_app
from dashboards.read_model import Desk
from tests.browser.conftest import GRID_FROM, Opener, Site, Tabs, staged
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
        for part in (each.name, each.word, each.furthest, each.people, each.effect, each.next):
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


def test_an_unknown_trial_is_a_page_that_says_so(visit: Opener, site: Site) -> None:
    """In a sentence for people, with the names that come close, and answered with 404."""
    page = visit("/trial/clear-winer")
    expect(page.locator("main")).to_contain_text("There is no trial called clear-winer here.")
    expect(page).to_have_title("No such trial - Roadtest")
    assert "must be" not in page.locator("main").inner_text()
    page.get_by_role("link", name="clear-winner").click()
    expect(page.locator("h1")).to_contain_text("Clear winner")
    assert page.request.get(f"{site.address}/trial/clear-winer").status == 404
    assert page.request.get(f"{site.address}/trial/clear-winner").status == 200
    forget_404(site)


def test_an_unknown_address_is_a_page_that_says_so(visit: Opener, site: Site) -> None:
    """In our own words, with a way back to the board, and answered with 404."""
    page = visit("/nowhere")
    expect(page.locator("h1")).to_have_text("There is no page here")
    expect(page).to_have_title("No such page - Roadtest")
    page.get_by_role("link", name="Back to the portfolio").click()
    expect(page.locator("h1")).to_have_text("Portfolio")
    assert page.request.get(f"{site.address}/nowhere").status == 404
    forget_404(site)


def forget_404(site: Site) -> None:
    """Chromium reports a page that answers 404 as an error, which is what such a test asks for."""
    site.errors[:] = [error for error in site.errors if "status of 404" not in error]


def test_titles_name_the_trial_and_its_verdict(visit: Opener) -> None:
    """As people say them: no slug, and a simulated trial is marked."""
    page = visit("/")
    expect(page).to_have_title("Portfolio - Roadtest")
    page.get_by_role("link", name="Plain dud").first.click()
    expect(page).to_have_title("Plain dud (simulated) - Drop - Roadtest")


def test_focus_goes_to_the_headline_after_a_link(visit: Opener) -> None:
    """There and back; a page that was just loaded leaves focus alone."""
    page = visit("/")
    assert focused(page) == "BODY"
    page.get_by_role("link", name="Clear winner").first.click()
    page.wait_for_function("() => document.activeElement.tagName === 'H1'")
    assert page.evaluate("document.activeElement.textContent").startswith("Clear winner")
    page.locator(".crumbs a").click()
    page.wait_for_function(
        "() => document.activeElement.tagName === 'H1' && document.activeElement.textContent === 'Portfolio'"
    )


def focused(page: Page) -> str:
    return str(page.evaluate("document.activeElement.tagName"))


def press(page: Page, key: str) -> None:
    """Presses a key, and waits until the page's own timers have run: until then AG Grid takes no second leave of its rows,
    and a press that comes sooner than any hand's steps from row to row instead.
    """
    page.keyboard.press(key)
    page.evaluate("new Promise(done => setTimeout(done))")


def tab_to(page: Page, selector: str) -> int:
    """Presses Tab until focus lies inside what the selector finds; returns how often."""
    for presses in range(1, 41):  # past the navigation, what waits, and the form parts
        press(page, "Tab")
        if page.evaluate("selector => !!document.activeElement.closest(selector)", selector):
            return presses
    raise AssertionError(f"forty presses of Tab do not reach {selector}")


@pytest.mark.parametrize("key", ["Enter", "Space"])
def test_the_keyboard_opens_a_trial_from_the_grid(key: str, visit: Opener) -> None:
    """Tab leads to the rows, arrows from row to row and cell to cell, Enter or Space opens; the cell is outlined."""
    page = visit("/")
    tab_to(page, ".ag-row")
    for press in ("ArrowDown", "ArrowRight", "ArrowRight"):
        page.keyboard.press(press)
    cell = page.locator(".ag-cell:focus")
    assert cell.evaluate("node => [getComputedStyle(node).outlineStyle, getComputedStyle(node).outlineWidth]") == [
        "solid",
        "2px",
    ]
    name = page.locator(".ag-row:focus-within .trial-link").inner_text()
    assert name == page.locator('.ag-row[row-index="1"] .trial-link').inner_text()
    page.keyboard.press(key)
    expect(page.locator("h1")).to_contain_text(name)


def test_the_grid_is_two_stops_of_the_tab_key(visit: Opener) -> None:
    """The header, where Enter sorts, and the rows; the next press leaves the grid. Backwards the rows are the one stop."""
    page = visit("/")
    page.evaluate(
        "document.querySelector('main').insertAdjacentHTML('beforeend', '<button id=\"after\">after</button>')"
    )
    tab_to(page, ".ag-header-cell")
    assert tab_to(page, ".ag-row") == 1
    assert tab_to(page, "#after") == 1
    press(page, "Shift+Tab")
    assert page.evaluate("!!document.activeElement.closest('.ag-row')")
    press(page, "Shift+Tab")
    assert not page.evaluate("!!document.activeElement.closest('#board-grid')")


def test_a_changed_row_is_drawn_again_whole(visit: Opener, site: Site) -> None:
    """Also the cells whose own value stays the same while what stands beside it changes."""
    making.run(site.store, making.plan("going-badly"), making.people(40, share=(0.4, 0.5)))
    page = visit("/")
    before = board_row(site, "going-badly")
    making.deliver(site.store, "going-badly", making.people(40, first=41, share=(0.4, 0.5)), week=20)
    after = board_row(site, "going-badly")
    assert before.name == after.name
    assert before.furthest != after.furthest
    expect(page.locator('.ag-row[row-id="going-badly"]')).to_contain_text(after.people, timeout=LIVE_WITHIN)
    shown = " ".join(row(page, "going-badly").split())
    for part in (after.furthest, after.effect, after.as_of):
        assert part in shown


def board_row(site: Site, trial: str) -> read_model.Row:
    return next(each for each in read_model.board(Desk(site.store)).rows if each.id == trial)


def order(page: Page) -> list[str]:
    """The names on the board from the top down."""
    return list(
        page.evaluate(
            "[...document.querySelectorAll('#board-grid .ag-row')]"
            ".sort((a, b) => a.getAttribute('row-index') - b.getAttribute('row-index'))"
            ".map(row => row.getAttribute('row-id'))"
        )
    )


def test_a_changed_verdict_moves_its_row_and_is_told(visit: Opener, site: Site) -> None:
    """Order, screen reader's region and trial page follow without a reload; the page does not scroll."""
    making.run(site.store, making.plan("turns-out-well"), making.people(20, share=(0.9, 0.1)))
    assert board_row(site, "turns-out-well").standing == "keep_going"
    page, own = visit("/"), visit("/trial/turns-out-well")
    expect(own).to_have_title("Turns out well - Keep going - Roadtest")
    page.evaluate("window.scrollTo(0, 300)")
    at = order(page).index("turns-out-well")
    making.deliver(site.store, "turns-out-well", making.people(160, first=21, share=(0.9, 0.1)), week=20)
    assert board_row(site, "turns-out-well").standing == "promote"
    told = "Turns out well: Promote."
    for each in (page, own):
        expect(each.locator("#announce")).to_have_text(told, timeout=LIVE_WITHIN)
        assert each.locator("#announce").get_attribute("aria-live") == "polite"
    expect(own).to_have_title("Turns out well - Promote - Roadtest")
    expect(page.locator('.ag-row[row-id="turns-out-well"]')).to_contain_text("Promote")
    assert order(page) == [each.id for each in read_model.board(Desk(site.store)).rows]
    assert order(page).index("turns-out-well") < at
    assert page.evaluate("window.scrollY") == 300


def test_a_column_that_the_reader_sorted_stays_sorted(visit: Opener, site: Site) -> None:
    """The server's order comes back when the sorting is taken off."""
    page = visit("/")
    header = page.locator('.ag-header-cell[col-id="name"]')
    header.click()
    rows = read_model.board(Desk(site.store)).rows
    by_name = sorted(rows, key=lambda each: each.name)
    page.wait_for_timeout(300)
    assert order(page) == [each.id for each in by_name]
    header.click()
    header.click()
    page.wait_for_timeout(300)
    assert order(page) == [each.id for each in rows]


@pytest.mark.parametrize("width", [390, 1024, GRID_FROM - 1, GRID_FROM, 1300, 1419, 1420, 1440])
def test_everything_on_the_board_lies_inside_the_window(width: int, visit: Opener, site: Site) -> None:
    """People and date too, as grid or as list, and no part of the page is wider than the window."""
    page = visit("/", width=width)
    grid = width >= GRID_FROM
    assert page.locator(".board-grid").is_visible() is grid
    assert page.locator(".board-list").is_visible() is not grid
    assert page.evaluate("document.documentElement.scrollWidth") <= width
    if grid:
        assert page.locator(".ag-header-cell").count() == 7
        inside = "node => node.getBoundingClientRect().right <= node.closest('.board').getBoundingClientRect().right"
        for header in page.locator(".ag-header-cell").all():
            assert header.evaluate(inside)
    else:
        for each in read_model.board(Desk(site.store)).rows:
            item = page.locator(f'.board-list [data-trial="{each.id}"]')
            told = (each.planned,) if each.people == "–" else (each.people, each.planned, each.as_of)
            for part in told:
                expect(item).to_contain_text(part)


def test_the_list_of_a_narrow_window_is_live_too(visit: Opener, site: Site) -> None:
    """At 1,024 px a delivery changes the list without a reload."""
    making.run(site.store, making.plan("live-in-list"), making.people(40))
    page = visit("/", width=1024)
    item = page.locator('.board-list [data-trial="live-in-list"]')
    expect(item).to_contain_text("40 of 400")
    making.deliver(site.store, "live-in-list", making.people(26, first=41), week=20)
    expect(item).to_contain_text("66 of 400", timeout=LIVE_WITHIN)


def test_simulated_trials_are_told_apart_in_the_counts(visit: Opener, site: Site) -> None:
    """Beside a verdict's count and in the line above, and only where there are any."""
    page = visit("/")
    rows = read_model.board(Desk(site.store)).rows
    strip = page.locator("#board-strip li")
    drops = [each for each in rows if each.standing == "drop"]
    made_up = sum(each.simulated for each in drops)
    drop, harm = (strip.filter(has=page.locator(f".icon-{each}")) for each in ("drop", "stop_for_harm"))
    expect(drop.locator("strong")).to_have_text(str(len(drops)))
    expect(drop).to_contain_text(f"({made_up} simulated)")
    expect(harm).not_to_contain_text("simulated")
    expect(page.locator("#board-summary")).to_contain_text(
        f"{len(rows)} trials, {sum(each.simulated for each in rows)} of them simulated"
    )


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


def test_the_first_trial_arrives_on_an_empty_board(tabs: Tabs, tmp_path: Path) -> None:
    """The empty state names the command; the first registered trial takes its place without a reload."""
    store = open_store(f"sqlite:///{tmp_path / 'empty.db'}")
    with staged(store, create_app(store)) as site:
        page = tabs.visit(site)
        expect(page.locator("main")).to_contain_text("roadtest register")
        making.run(store, making.plan("first-ever"), making.people(20))
        expect(page.locator('.ag-row[row-id="first-ever"]')).to_be_visible(timeout=LIVE_WITHIN)
        expect(page.locator("main")).not_to_contain_text("No trials here yet")
        tabs.close()
    store.close()


def test_the_navigation_says_where_one_is(visit: Opener) -> None:
    """By aria-current, on loading and after a link; a trial belongs to the portfolio."""
    page = visit("/lessons")
    expect(page.locator(".side nav [aria-current=page]")).to_have_text("Lessons")
    page.locator(".side nav a", has_text="Portfolio").click()
    expect(page.locator(".side nav [aria-current=page]")).to_have_text("Portfolio")
    page.get_by_role("link", name="Clear winner").first.click()
    expect(page.locator(".side nav [aria-current=true]")).to_have_text("Portfolio")
