"""Learn in a real Chromium: every example is drawn, other pages' links lead to their place, and anybody can try peeking."""

from __future__ import annotations

import re

import pytest
from playwright.sync_api import Page, expect

from tests.browser.conftest import Opener

CALLED = re.compile(
    r"Of ([\d,]+) trials .* looked at (?:(\d+) times|once|twice), called (\d+) a success\. .* called (\d+)\."
)


def learnt(visit: Opener, path: str = "/learn", **more: object) -> Page:
    """The page with all its charts."""
    page = visit(path, **more)
    for chart in ("learn-band", "learn-evidence", "peeking-courses", "peeking-tally"):
        page.wait_for_selector(f"#{chart} .main-svg", state="attached")
    page.wait_for_selector("#learn-rows .forest-dot")
    return page


def counted(page: Page) -> tuple[int, int, int]:
    """Trials so far, and how many of them each method called a success."""
    found = CALLED.search(page.locator("#peeking-said").inner_text())
    assert found is not None
    return int(found[1].replace(",", "")), int(found[3]), int(found[4])


@pytest.mark.parametrize(("scheme", "width"), [("light", 1440), ("dark", 390)])
def test_every_example_is_drawn(scheme: str, width: int, visit: Opener) -> None:
    """In both schemes, from desk to phone; the row's dot, range and bar by the board's own cell functions."""
    page = learnt(visit, scheme=scheme, width=width)
    for part in (".forest-dot", ".forest-range", ".balance"):
        expect(page.locator("#learn-rows .ag-center-cols-container .ag-row").locator(part)).to_have_count(3)


def test_a_link_from_elsewhere_leads_to_its_place(visit: Opener) -> None:
    """On loading and from a page that stays loaded, although the charts above find their size later."""
    page = learnt(visit, "/learn#flow")
    at_its_place = "Math.abs(document.getElementById('{}').getBoundingClientRect().top - 44) < 30"
    bottom = "window.innerHeight + window.scrollY >= document.documentElement.scrollHeight - 2"
    page.wait_for_function(f"{at_its_place.format('flow')} || {bottom}")
    page.locator(".contents").get_by_role("link", name="The evidence").click()
    page.wait_for_function(at_its_place.format("evidence"))


def test_peeking_is_tried_by_keyboard_alone(visit: Opener) -> None:
    """Tab to the button, press it: 20 more trials, said, drawn and in the table; the table that was opened stays open."""
    page = learnt(visit)
    before = counted(page)
    page.locator("#peeking-tally-numbers-summary").click()
    page.locator("#peeking-looks").focus()
    page.keyboard.press("Tab")
    expect(page.locator("#peeking-more")).to_be_focused()
    page.keyboard.press("Enter")
    expect(page.locator("#peeking-said")).to_contain_text(f"Of {before[0] + 20} trials")
    trials, ordinary, evidence = counted(page)
    assert ordinary >= before[1]
    assert evidence >= before[2]
    expect(page.locator("#peeking-tally-numbers")).to_be_visible()
    last = page.locator("#peeking-tally-numbers tbody tr").nth(-2)
    expect(last).to_have_text(re.compile(rf"{trials}\s*{ordinary} of {trials}\s*{evidence} of {trials}"))
    expect(page.locator("#peeking-tally-picture")).to_have_attribute(
        "aria-label", re.compile(f"{trials} made-up trials")
    )
    expect(page.locator("#peeking-more")).to_be_focused()


def test_the_same_trials_looked_at_once_fool_fewer(visit: Opener) -> None:
    """And Roadtest's evidence stays where it was, as nobody's looking changes it."""
    page = learnt(visit)
    trials, ordinary, evidence = counted(page)
    page.locator("#peeking-looks").click()
    page.get_by_role("option", name="Once: at the end").click()
    expect(page.locator("#peeking-said")).to_contain_text("looked at once")
    now = counted(page)
    assert (now[0], now[2]) == (trials, evidence)
    assert now[1] < ordinary


def test_the_examples_follow_the_colours(visit: Opener) -> None:
    """Switching to dark redraws every chart in place."""
    page = learnt(visit)
    lines = "#learn-band .scatterlayer .trace:last-child path.js-line"
    before = page.locator(lines).last.evaluate("line => line.style.stroke")
    page.locator("#scheme").click()
    page.wait_for_function(
        "([lines, before]) => [...document.querySelectorAll(lines)].at(-1).style.stroke !== before", arg=[lines, before]
    )
