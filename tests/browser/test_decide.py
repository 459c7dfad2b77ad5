"""A decision in a real Chromium: the lead drops a dud with a lesson, by keyboard too, and loses nothing that was typed."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import expect

from tests.browser.conftest import Site, Tabs, serving
from tests.dashboards import making
from trials.store import decisions
from trials.store.engine import open_store

LESSON = "Calling people helps nobody who has no telephone"
GATE = {
    "to": "pilot",
    "criteria": [
        {"id": "kept", "asks": "retention", "text": "They stay", "green": 0.5, "red": 0.2},
        {"id": "wanted", "asks": "acceptability", "text": "They would choose it again", "green": 7, "red": 4},
    ],
}


@pytest.fixture
def shop(tmp_path: Path) -> Iterator[Site]:
    """A dud, still open, and a winner with a gate, where lea decides."""
    store = open_store(f"sqlite:///{tmp_path / 'decide.db'}")
    making.run(store, making.plan("plain-dud"), making.people(400, share=(0.35, 0.40)), size=100)
    making.run(store, making.plan("winner", gate=GATE), making.people(240, share=(0.7, 0.2)), size=80)
    with serving(store, tmp_path, "lea") as site:
        yield site
    store.close()


def test_the_lead_drops_a_dud_with_a_lesson(tabs: Tabs, shop: Site) -> None:
    """From the trial's page by its button; a refusal leaves all that was typed; the trial's page tells the decision then."""
    page = tabs.visit(shop, "/trial/plain-dud")
    page.get_by_role("link", name="Record a decision").last.click()
    expect(page.locator("#decide-evidence")).to_contain_text("Drop")
    expect(page.locator("#decide-code-row")).to_be_hidden()
    page.get_by_role("radio", name="Drop it").check()
    expect(page.locator("#decide-code-row")).to_be_visible()
    expect(page.locator("#decide-consequence")).to_contain_text("for ever")
    page.get_by_label("Lesson").fill(LESSON)
    page.get_by_label("What others can use again").fill("The script")
    page.get_by_role("button", name="Record the decision").click()
    expect(page.locator("#decide-outcome")).to_contain_text("Choose the reason.")
    expect(page.get_by_role("textbox", name="Reason")).to_be_focused()
    expect(page.locator("#decide-code-row")).to_contain_text("Choose the reason.")
    assert page.get_by_label("Lesson").input_value() == LESSON
    page.get_by_role("textbox", name="Reason").click()
    page.get_by_role("option", name="It does not help enough").click()
    page.get_by_role("button", name="Record the decision").dblclick()
    expect(page.locator("#decide-outcome")).to_contain_text("plain-dud was dropped (no benefit) by lea")
    expect(page.locator("#decide-form")).to_be_hidden()
    assert len(decisions.decisions(shop.store, "plain-dud")) == 1
    page.get_by_role("link", name="Back to the trial").click()
    expect(page.locator("#panel-decisions")).to_contain_text(LESSON)
    expect(page.locator("#panel-decisions").get_by_role("link", name="Record a decision")).to_have_count(0)
    assert (shop.errors, shop.foreign) == ([], [])


def test_a_choice_against_the_verdict_asks_for_a_second_reviewer(tabs: Tabs, shop: Site) -> None:
    """It says so as one chooses; what it needs changes with the choice, and going on has no reason to choose from."""
    page = tabs.visit(shop, "/decide/winner")
    page.get_by_role("radio", name="Drop it").check()
    second = page.get_by_label("Second reviewer")
    expect(page.locator("main")).to_contain_text("Needed here, with the reason in words")
    page.get_by_role("radio", name="Go on").check()
    expect(page.locator("#decide-code-row")).to_be_hidden()
    page.get_by_role("radio", name="Promote it").check()
    expect(page.locator("#decide-code-row")).to_be_visible()
    expect(page.locator("main")).not_to_contain_text("Needed here, with the reason in words")
    page.get_by_label("They would choose it again").fill("8")
    page.get_by_role("textbox", name="Reason").click()
    page.get_by_role("option", name="It helps").click()
    page.get_by_label("Lesson").fill("People answer in the evening hours")
    page.get_by_label("What others can use again").fill("nothing")
    assert second.input_value() == ""
    page.get_by_role("button", name="Record the decision").click()
    expect(page.locator("#decide-outcome")).to_contain_text("winner was promoted (worked) by lea")
    assert shop.errors == []


def test_the_evidence_moves_on_while_the_form_is_open(tabs: Tabs, shop: Site) -> None:
    """A look that lands is told above the form, and what was typed stays."""
    page = tabs.visit(shop, "/decide/winner")
    page.get_by_label("Lesson").fill(LESSON)
    expect(page.locator("#decide-evidence")).to_contain_text("Look 3,")
    making.deliver(shop.store, "winner", making.people(20, first=241, share=(0.7, 0.2)), week=20)
    expect(page.locator("#decide-evidence")).to_contain_text("Look 4,", timeout=4000)
    assert page.get_by_label("Lesson").input_value() == LESSON


def test_an_unreachable_server_loses_neither_the_press_nor_what_was_typed(tabs: Tabs, shop: Site) -> None:
    """It is said beside the button, which works again; a reload keeps all but people's names, until it is recorded. Whoever
    has the form open meanwhile is told who decided what, and it goes."""
    page, other = tabs.visit(shop, "/decide/plain-dud"), tabs.visit(shop, "/decide/plain-dud")
    page.get_by_role("radio", name="Drop it").check()
    page.get_by_role("textbox", name="Reason").click()
    page.get_by_role("option", name="It does not help enough").click()
    page.get_by_label("Lesson").fill(LESSON)
    page.get_by_label("What others can use again").fill("The script")
    page.get_by_label("Second reviewer").fill("Ada")
    page.route("**/_dash-update-component*", lambda route: route.abort())
    record = page.get_by_role("button", name="Record the decision")
    record.click()
    expect(page.locator("#decide-outcome")).to_contain_text(
        "Not recorded: the server couldn't be reached. Press again."
    )
    expect(record).to_be_enabled()
    page.unroute("**/_dash-update-component*")
    page.reload()
    expect(page.get_by_label("Lesson")).to_have_value(LESSON)
    expect(page.get_by_role("textbox", name="Reason")).to_have_value("It does not help enough to be worth it")
    assert "Ada" not in page.evaluate("JSON.stringify(sessionStorage)")
    assert decisions.decisions(shop.store, "plain-dud") == ()
    record.click()
    expect(page.locator("#decide-outcome")).to_contain_text("plain-dud was dropped (no benefit) by lea")
    page.wait_for_function("() => !Object.keys(sessionStorage).some((key) => key.startsWith('roadtest-decide'))")
    expect(other.locator("#decide-evidence")).to_contain_text("plain-dud was dropped (no benefit) by lea")
    expect(other.locator("#decide-form")).to_be_hidden()


def test_the_plan_that_is_shown_can_be_saved(tabs: Tabs, shop: Site, tmp_path: Path) -> None:
    """By keyboard; the file holds the very text of the page."""
    page = tabs.visit(shop, "/trial/plain-dud")
    page.locator("#panel-plan summary").focus()
    page.keyboard.press("Enter")
    page.get_by_role("button", name="Download").focus()
    with page.expect_download() as waited:
        page.keyboard.press("Enter")
    assert waited.value.suggested_filename == "plain-dud-v1.yaml"
    waited.value.save_as(tmp_path / "saved.yaml")
    assert (tmp_path / "saved.yaml").read_text() == page.locator("#plan-text").text_content()
    assert shop.errors == []
