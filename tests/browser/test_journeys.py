"""Journeys B and D from end to end. A is in test_new.py, C in test_data.py."""

from __future__ import annotations

import secrets
import time
from datetime import UTC, datetime, timedelta
from pathlib import Path

from playwright.sync_api import expect

from dashboards.app import create_app
from dashboards.signing import Signing
from tests.browser.conftest import Tabs, serving, staged
from tests.dashboards import making, watched
from trials.store import decisions, granting, links
from trials.store.engine import open_store

LESSON = "Calls the day before reach those who would have come anyway."
WITHIN = 8_000  # with room for a busy machine; the time taken is printed


def test_journey_b_a_stakeholder_reads_a_link_and_a_hidden_site_stays_hidden(tabs: Tabs, tmp_path: Path) -> None:
    """A scoped link: the sentence, the chart's table, one site filtered: 'suppressed (< 10)'. Nothing that
    came over the wire, totals and hover among it, holds the four people at South."""
    store = open_store(f"sqlite:///{tmp_path / 'b.db'}")
    making.register(store, watched.plan(programme="tests"))
    watched.deliver(store, watched.TRIAL, [{"N": 20}, {"N": 25, "S": 2, "W": 16}, {"N": 31, "W": 17}])
    granting.give(store, "tests", "anna", "lead", by="anna", at=making.START)
    secret, now = secrets.token_urlsafe(24), datetime.now(UTC)
    links.make(store, trial=watched.TRIAL, id=secret[:8], secret=secret, by="anna", at=now, ends_at=now + timedelta(1))
    page, sent = tabs.new(), []
    page.on("response", lambda answer: sent.append(answer.text()) if "_dash-update" in answer.url else None)
    with staged(store, create_app(store, signed=Signing("accounts"))) as site:
        site.watch(page)
        page.goto(f"{site.address}/s/{secret}")
        expect(page.locator(".sentence")).to_be_visible()
        page.locator("#enrolment-all summary").first.click()
        rows = [row.split("\t") for row in page.locator("#enrolment-chart-numbers tbody tr").all_inner_texts()]
        told = {row[0]: row[1:4] for row in rows}
        assert all("+" not in cell for cell in told["South"])
        shown = [sum(int(told[name][column].rstrip("+")) for name in ("North", "West")) for column in range(3)]
        assert [int(cell.rstrip("+").replace(",", "")) for cell in told["All sites"]] == shown
        page.get_by_label("Site", exact=True).first.click()
        page.get_by_role("option", name="South").click()
        expect(page.locator("#enrolment-one")).to_contain_text("suppressed (< 10)")
        page.wait_for_selector("#enrolment-site-chart .main-svg", state="attached")
        drawn = page.evaluate("document.querySelector('#enrolment-site-chart .js-plotly-plot').data")
        assert [trace["x"] for trace in drawn] == [[0, 0]]
        answers = " ".join(sent)
        assert "suppressed (" in answers
        assert '"P91"' not in answers  # nobody's id, either
        assert (site.errors, site.foreign) == ([], [])
        tabs.close()
    store.close()


def test_journey_d_a_dud_is_seen_dropped_and_learnt_from(tabs: Tabs, tmp_path: Path) -> None:
    """The board changes while one watches; the lead drops it with a lesson; the form of the next trial finds the lesson."""
    store = open_store(f"sqlite:///{tmp_path / 'd.db'}")
    plan = making.plan("day-before-calls", programme="")
    people = making.people(400, share=(0.35, 0.45))
    making.register(store, plan)
    making.deliver(store, plan.trial, people[:40], week=0)
    with serving(store, tmp_path, "lea") as site:
        page = tabs.visit(site)
        row = page.locator(f'.ag-row[row-id="{plan.trial}"]')
        expect(row).to_contain_text("Keep going")
        began = time.monotonic()
        making.deliver(store, plan.trial, people[40:], week=1)
        expect(row).to_contain_text("Drop", timeout=WITHIN)
        print(f"commit to board: {time.monotonic() - began:.2f} s")
        page.goto(f"{site.address}/decide/{plan.trial}")
        page.get_by_role("radio", name="Drop it").check()
        page.get_by_role("textbox", name="Reason").click()
        page.get_by_role("option", name="It does not help enough").click()
        page.get_by_label("Lesson").fill(LESSON)
        page.get_by_label("What others can use again").fill("nothing")
        page.get_by_role("button", name="Record the decision").click()
        expect(page.locator("#decide-outcome")).to_contain_text("was dropped", timeout=WITHIN)
        assert len(decisions.decisions(store, plan.trial)) == 1
        page.goto(f"{site.address}/new")
        page.wait_for_selector('#new-form[data-poured="1"]')
        page.get_by_label("The question that it answers").fill("Does calling people the day before help them to come?")
        expect(page.locator("#new-similar")).to_contain_text(LESSON, timeout=WITHIN)
        assert (site.errors, site.foreign) == ([], [])
        tabs.close()
    store.close()
