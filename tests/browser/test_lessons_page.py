"""Lessons in a real Chromium: a search that can be sent, and a lesson that lands while somebody watches."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import pytest
from playwright.sync_api import Page, expect

from tests.browser.conftest import Opener, Site, Tabs, quiet, serving
from tests.dashboards import making
from trials.store import decisions
from trials.store.engine import open_store

AT = making.START + timedelta(weeks=40)
LIVE_WITHIN = 8_000  # as in test_pages.py: room for a busy machine


@pytest.fixture(scope="module")
def learnt(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    """A trial dropped, one promoted and one that will be dropped."""
    folder: Path = tmp_path_factory.mktemp("lessons")
    store = open_store(f"sqlite:///{folder / 'roadtest.db'}")
    for name in ("plain-dud", "late-dud"):
        making.run(store, making.plan(name, programme="north"), making.people(400, share=(0.35, 0.40)))
    making.run(store, making.plan("clear-winner", programme="south"), making.people(240, share=(0.7, 0.2)))
    told = {"by": "anna", "at": AT, "reason": "As agreed.", "reuse": "The letter."}
    decisions.decide(
        store, "plain-dud", "drop", reason_code="no_benefit", lesson="Reminders by post come too late.", **told
    )
    decisions.decide(
        store, "clear-winner", "promote", reason_code="worked", lesson="Call in the evening, not at noon.", **told
    )
    with serving(store, folder) as site:
        yield site
    store.close()


@pytest.fixture
def lessons(tabs: Tabs, learnt: Site) -> Iterator[Page]:
    """The page, on which nothing may go wrong."""
    page = tabs.visit(learnt, "/lessons")
    page.wait_for_selector(".lessons-card")
    with quiet(learnt):
        yield page
        tabs.close()


def shown(page: Page) -> list[str | None]:
    return [card.get_attribute("data-lesson") for card in page.locator(".lessons-card").all()]


def test_a_search_changes_the_page_and_the_address_and_can_be_sent(lessons: Page, learnt: Site) -> None:
    """As one types, without losing the field; the address alone leads to the same."""
    assert shown(lessons) == ["plain-dud", "clear-winner"]
    lessons.get_by_label("Search what was learnt").fill("evening calls")
    expect(lessons.locator(".lessons-card")).to_have_count(1)
    expect(lessons.locator("#lessons-result")).to_contain_text("1 of")
    expect(lessons.get_by_label("Search what was learnt")).to_be_focused()
    lessons.wait_for_url("**/lessons?q=evening+calls")
    lessons.goto(f"{learnt.address}/lessons?q=post&reason=no_benefit&programme=north")
    expect(lessons.locator(".lessons-card")).to_have_count(1)
    expect(lessons.get_by_label("Search what was learnt")).to_have_value("post")
    assert shown(lessons) == ["plain-dud"]


def test_reason_and_programme_narrow_it_by_keyboard(lessons: Page) -> None:
    """Arrow keys and Enter choose; nothing found says so."""
    lessons.get_by_label("Programme", exact=True).first.focus()
    lessons.keyboard.press("ArrowDown")
    expect(lessons.get_by_role("listbox").first).to_be_visible()
    while lessons.locator("[role=option][data-combobox-selected]").inner_text() != "south":
        lessons.keyboard.press("ArrowDown")
    lessons.keyboard.press("Enter")
    expect(lessons.locator(".lessons-card")).to_have_count(1)
    assert shown(lessons) == ["clear-winner"]
    lessons.get_by_label("Search what was learnt").fill("zebra")
    expect(lessons.locator(".absence")).to_contain_text("No lesson has all of these words: zebra.")


def test_a_lesson_leads_to_its_trial(lessons: Page) -> None:
    """And back to where one was."""
    lessons.get_by_role("link", name="Plain dud").click()
    expect(lessons.locator("h1")).to_contain_text("Plain dud")
    lessons.go_back()
    expect(lessons.locator("h1")).to_have_text("Lessons")


def test_a_lesson_lands_while_somebody_watches(lessons: Page, learnt: Site) -> None:
    """With what was typed still there."""
    lessons.get_by_label("Search what was learnt").fill("nobody opens")
    expect(lessons.locator(".lessons-card")).to_have_count(0)
    decisions.decide(
        *(learnt.store, "late-dud", "drop"),
        by="anna",
        at=AT,
        reason_code="no_benefit",
        lesson="Nobody opens letters from an office.",
        reuse="nothing",
    )
    expect(lessons.locator("[data-lesson=late-dud]")).to_be_visible(timeout=LIVE_WITHIN)
    expect(lessons.get_by_label("Search what was learnt")).to_have_value("nobody opens")
    expect(lessons.locator("#lessons-summary")).to_contain_text("3 trials and ideas have ended")


def test_nothing_has_ended_yet_is_a_page_that_says_so(visit: Opener) -> None:
    """Of a portfolio in which nobody has decided anything."""
    page = visit("/lessons")
    expect(page.locator(".absence")).to_contain_text("Nothing has ended yet")
