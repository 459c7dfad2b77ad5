"""A trial's page in a real Chromium: sites, people, numbers to save, and travel to earlier looks."""

from __future__ import annotations

import csv
from pathlib import Path

import pytest
from playwright.sync_api import Page, Response, expect

from dashboards import read_model
from dashboards.figures import evidence
from dashboards.read_model import Desk
from dashboards.theme import Screen
from tests.browser.conftest import Opener, Site
from tests.dashboards import making
from tests.dashboards.test_sites_panel import plan, records

# As in test_pages.py: from the commit of a delivery to the open page, with room for a busy machine.
LIVE_WITHIN = 8_000


@pytest.fixture(scope="module", autouse=True)
def four_sites(site: Site) -> None:
    """A trial at four sites, one of them small."""
    making.run(site.store, plan("four-sites"), records(220), size=60)


def ready(page: Page) -> Page:
    """The page once every chart on it is drawn."""
    page.wait_for_function(
        "() => [...document.querySelectorAll('.js-plotly-plot')].length > 0"
        " && [...document.querySelectorAll('.dash-graph')].every(each => each.querySelector('.main-svg'))"
    )
    return page


def test_one_travels_to_an_earlier_look_and_back(visit: Opener) -> None:
    """By the log, from look to look, and to the newest, without loading anew; the banner says where one is."""
    page = visit("/trial/plain-dud")
    page.evaluate("window.stillHere = true")
    page.locator("#panel-looklog a", has_text="Look 4").first.click()
    expect(page.locator(".trial-then")).to_contain_text("This is look 4, as of 29 January 2024.")
    assert page.url.endswith("/trial/plain-dud?look=4")
    page.get_by_role("link", name="Look 5, the next one").click()
    expect(page.locator(".trial-then")).to_contain_text("This is look 5,")
    page.locator(".trial-then").get_by_role("link", name="See the newest").click()
    expect(page.locator(".trial-then")).to_have_count(0)
    expect(page.locator(".verdict-word")).to_have_text("Drop")
    page.go_back()
    expect(page.locator(".trial-then")).to_contain_text("This is look 5,")
    assert page.evaluate("window.stillHere")


def test_the_page_of_an_earlier_look_stays_and_tells_of_news(visit: Opener, site: Site) -> None:
    """A delivery changes nothing on it; a line says that something came in."""
    making.run(site.store, making.plan("looked-back-at"), making.people(80), size=40)
    page = ready(visit("/trial/looked-back-at?look=1"))
    before = page.locator("main .section, .verdict").all_inner_texts()
    making.deliver(site.store, "looked-back-at", making.people(40, first=81), week=20)
    expect(page.locator("#trial-news")).to_have_text(
        "Something new has come in since you opened this page.", timeout=LIVE_WITHIN
    )
    assert page.locator("main .section, .verdict").all_inner_texts() == before


def test_a_part_that_stays_as_it_was_is_not_sent(visit: Opener, site: Site) -> None:
    """A refused delivery changes what is said of the data, and no chart travels."""
    making.run(site.store, making.plan("refused-later"), making.people(80), size=40)
    page = ready(visit("/trial/refused-later"))
    sent: list[Response] = []
    page.on("response", lambda answer: sent.append(answer) if "_dash-update-component" in answer.url else None)
    making.deliver(site.store, "refused-later", week=20, refusal="The file has no column relapsed.")
    expect(page.locator("#panel-quality")).to_contain_text("no column relapsed", timeout=LIVE_WITHIN)
    bodies = [answer.text() for answer in sent if answer.status == 200]
    redrawn = [body for body in bodies if "trial-prints" in body]
    assert redrawn
    assert not any("evidence-chart" in body or "effect-chart" in body for body in redrawn)
    assert sum(map(len, redrawn)) < 60_000


def test_the_numbers_of_a_chart_are_saved_as_a_file(visit: Opener, site: Site, tmp_path: Path) -> None:
    """One press gives the table of the chart as CSV, under the page's own rules for scripts and sources."""
    page = ready(visit("/trial/clear-winner"))
    page.locator("#panel-evidence summary").click()
    with page.expect_download() as saving:
        page.locator("#evidence-chart-numbers-csv").click()
    assert saving.value.suggested_filename == "evidence-chart-numbers.csv"
    saving.value.save_as(tmp_path / "numbers.csv")
    view = read_model.trial(Desk(site.store), "clear-winner")
    drawn = evidence.draw(view.protocol, view.looks, Screen())
    with (tmp_path / "numbers.csv").open(encoding="utf-8-sig", newline="") as file:
        assert list(csv.reader(file)) == [list(drawn.columns), *(list(row) for row in drawn.rows)]


def test_the_sites_say_their_spread_and_hide_the_small_one(visit: Opener) -> None:
    """The finding as title; a small site stands with others, in the picture's words and in the table."""
    page = ready(visit("/trial/four-sites"))
    panel = page.locator("#panel-sites")
    expect(panel.locator("h3")).to_contain_text("The 2 sites shown, and the others together,")
    panel.locator("summary").click()
    expect(panel.locator("tbody tr")).to_have_count(3)
    for each in (panel.inner_text(), panel.locator("[role=img]").get_attribute("aria-label") or ""):
        assert "other sites together" in each
        assert "Larkfield" not in each


@pytest.mark.parametrize("path", ["/trial/four-sites", "/trial/plain-dud?look=4"])
def test_nothing_is_wider_than_the_window(path: str, visit: Opener) -> None:
    """On a phone the log and the tables scroll in themselves, and charts drop their long labels; links can be hit."""
    page = ready(visit(path, width=390))
    assert page.evaluate("document.documentElement.scrollWidth") <= 390
    small = page.locator(".trial-travel").evaluate_all("all => all.map(each => each.getBoundingClientRect().height)")
    assert min(small) >= 24
