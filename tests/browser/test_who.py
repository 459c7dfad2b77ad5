"""Journey B's filter in a real browser: one site is suppressed, totals and hover don't give it away, the choice stays."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import pytest
from playwright.sync_api import Page, expect

from dashboards.app import create_app
from tests.browser.conftest import Site, Tabs, staged, violations
from tests.dashboards import making, watched
from trials.store.engine import open_store


@pytest.fixture(scope="module")
def served(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    """A trial at three sites, one of them with few people, staff time and an event that stops enrolment."""
    store = open_store(f"sqlite:///{tmp_path_factory.mktemp('who') / 'roadtest.db'}")
    making.register(store, watched.plan())
    watched.deliver(store, watched.TRIAL, [{"N": 20}, {"N": 25, "S": 2, "W": 16}, {"N": 31, "W": 17}])
    watched.report_time(store, watched.TRIAL, {week: 90 - min(week, 8) * 6.0 for week in range(30)})
    watched.report_event(store, watched.TRIAL, "death")
    with staged(store, create_app(store)) as site:
        yield site
    store.close()


def opened(tabs: Tabs, served: Site, width: int = 1440, scheme: str = "light") -> Page:
    page = tabs.visit(served, f"/trial/{watched.TRIAL}", width, scheme)
    page.wait_for_selector("#enrolment-chart .main-svg", state="attached")
    return page


def choose(page: Page, site: str) -> None:
    page.get_by_label("Site", exact=True).first.click()
    page.get_by_role("option", name=site).click()
    page.wait_for_selector(f".who-said:has-text('{site}')")


def test_a_hidden_site_is_suppressed_and_nothing_gives_it_away(tabs: Tabs, served: Site) -> None:
    """South has 4 people: by keyboard alone one filters it and reads 'suppressed (< 10)' in sentence, chart, hover and table.
    The whole is the sum of what the other sites show, so subtracting leaves 0 and not 4."""
    page = opened(tabs, served)
    page.locator("#enrolment-all summary").first.click()
    rows = [row.split("\t") for row in page.locator("#enrolment-chart-numbers tbody tr").all_inner_texts()]
    told = {
        row[0]: [int(cell[:-1].replace(",", "")) if cell.endswith("+") else None for cell in row[1:4]] for row in rows
    }
    assert told["South"] == [None, None, None]
    for column in range(3):
        assert told["All sites"][column] == sum(told[site][column] or 0 for site in ("North", "West"))
    page.get_by_label("Site", exact=True).first.focus()
    page.keyboard.type("South")
    page.keyboard.press("ArrowDown")
    page.keyboard.press("Enter")
    page.wait_for_selector(".who-said:has-text('South')")
    part = page.locator("#enrolment-one")
    expect(part).to_contain_text("South: suppressed. Usual: suppressed (< 10). Phone call: suppressed (< 10).")
    expect(page.locator("#enrolment-all")).to_be_hidden()
    part.locator("summary").first.click()
    assert part.locator("td").all_inner_texts()[:4] == ["South", "suppressed (< 10)", "suppressed (< 10)", "suppressed"]
    page.wait_for_selector("#enrolment-site-chart .main-svg", state="attached")
    drawn = page.evaluate("[...document.querySelectorAll('#enrolment-site-chart .js-plotly-plot')][0].data")
    assert [(trace["x"], trace["text"]) for trace in drawn] == [([0, 0], ["suppressed (< 10)"] * 2)]
    assert "%{x}" not in drawn[0]["hovertemplate"]


def test_the_choice_stays_when_the_page_refreshes_itself(tabs: Tabs, served: Site) -> None:
    """A new delivery moves the numbers of the chosen site; the filter, and what is opened, stay as they were."""
    page = opened(tabs, served)
    choose(page, "North")
    before = page.locator(".who-said").inner_text()
    page.locator("#enrolment-one summary").first.click()
    more = watched.people({"N": 12}, first=1_000, day=(making.START + timedelta(weeks=3)).date())
    making.deliver(served.store, watched.TRIAL, more, week=3)
    page.wait_for_function("was => document.querySelector('.who-said')?.innerText !== was", arg=before)
    assert page.locator(".who-said").inner_text().startswith("North: at least")
    assert page.get_by_label("Site", exact=True).first.input_value() == "North"
    expect(page.locator("#enrolment-all")).to_be_hidden()
    assert page.locator("#enrolment-one details").first.get_attribute("open") is not None
    page.locator(".who-filter button").click()
    expect(page.locator("#enrolment-all")).to_be_visible()
    expect(page.locator("#enrolment-one")).to_be_empty()


@pytest.mark.parametrize(("width", "scheme"), [(390, "dark")])
def test_nothing_serious_stands_in_the_way(tabs: Tabs, served: Site, width: int, scheme: str, tmp_path: Path) -> None:
    """axe finds nothing serious with the filter in use, and no panel is wider than the window."""
    page = opened(tabs, served, width, scheme)
    choose(page, "West")
    assert violations(page) == []
    assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")
    assert page.locator(".flow-box").first.is_visible()
