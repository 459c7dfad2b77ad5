"""The data pages in a real Chromium: journey C, what is typed outlasts what happens meanwhile, states, phones, axe."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import expect

from flows import work
from flows.byhand import door_of, ingest_files
from flows.doing import ByHand
from flows.settings import Settings
from tests.browser.conftest import Opener, Site, Tabs, serving, violations
from tests.flows.making import SEALED_AT, csv_text, people, plan, row
from trials.store.engine import Store, open_store

TRIAL = "reminder-calls"
BAD = {21: {"arm": "usaul"}, 23: {"well": "2"}, 25: {"entry_order": "x25"}}
OPENED = "3 rows wait to be mended, of 1 delivery; that you opened them is noted."


def mending_trial(store: Store, home: Path) -> None:
    """A trial with a folder and a key of its own: 20 people in, then a delivery of 20 of which three rows are bad."""
    work.register_trial(store, plan(TRIAL, title="Reminder calls"), by="Ann", at=SEALED_AT, seal_by="Bea")
    folder = home / "sources" / TRIAL
    folder.mkdir(parents=True)
    (folder / "2024-03-01_north.csv").write_text(people(1, 20), encoding="utf-8")
    second = csv_text(row(number, **BAD.get(number, {})) for number in range(21, 41))
    (folder / "2024-03-08_north.csv").write_text(second, encoding="utf-8")
    door = door_of(Settings(home=home))
    done = ingest_files(store, TRIAL, sorted(folder.iterdir()), sent_at=None, as_of=None, door=door)
    assert [receipt.quarantined for receipt in done] == [0, 3]


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Store]:
    opened = open_store(f"sqlite:///{tmp_path / 'roadtest.db'}")
    mending_trial(opened, tmp_path)
    yield opened
    opened.close()


@pytest.fixture
def desk(store: Store, tmp_path: Path) -> Iterator[Site]:
    with serving(store, tmp_path, "cid") as site:
        yield site
    assert (site.errors, site.foreign) == ([], [])


def test_journey_c_bad_rows_are_mended_and_the_numbers_follow(tabs: Tabs, desk: Site) -> None:
    """An operator finds the delivery with three bad rows, mends them, has them judged again; their page and the trial's page
    in another window show the new numbers within two seconds of the answer."""
    page, other = tabs.visit(desk, "/data"), tabs.visit(desk, f"/trial/{TRIAL}")
    expect(other.locator(".as-of")).to_contain_text("as of 20 people")
    page.get_by_role("button", name="Count the rows that I can mend").click()
    expect(page.locator("#data-mine")).to_contain_text("3 rows wait to be mended.")
    page.locator("#data-mine").get_by_role("link", name="Reminder calls").click()
    expect(page.locator("h1")).to_have_text("Data of Reminder calls")
    figures = page.locator(".data-figures")
    expect(figures).to_contain_text("30+")
    page.get_by_role("button", name="Open the rows").click()
    expect(page.locator("#data-mend-said")).to_have_text(OPENED)
    for number, column, wrong, right in (
        (21, "arm", "usaul", "usual"),
        (23, "well", "2", "1"),
        (25, "entry_order", "x25", "25"),
    ):
        one = page.locator(f"#data-form-2-{number - 20}")
        expect(one).to_contain_text("2024-03-08_north.csv")
        field = one.get_by_label(column, exact=True)
        expect(field).to_have_value(wrong)
        expect(field).to_have_attribute("aria-invalid", "true")
        field.fill(right)
        one.get_by_label("Why").fill("the site rang: a slip of the pen")
        one.get_by_role("button", name="Save the mend").click()
        expect(one).to_contain_text("Saved. The row waits to be judged again.")
    page.get_by_role("button", name="Judge again").click()
    expect(page.locator("#data-mend-said")).to_have_text("Of the rows judged again 3 taken in.", timeout=60_000)
    expect(figures).to_contain_text("40+", timeout=20_000)
    other.get_by_text("as of 40 people").wait_for(timeout=20_000)
    expect(page.locator(".data-form")).to_have_count(0)
    expect(page.locator("#panel-data-deliveries")).to_contain_text("replay of 2024-03-08_north.csv")
    assert "P0" not in page.url


def test_what_is_typed_outlasts_a_live_change_and_a_replay(
    tabs: Tabs, desk: Site, store: Store, tmp_path: Path
) -> None:
    """While one row is being mended a delivery comes and another row is judged again: the typed words stay in their fields."""
    page = tabs.visit(desk, f"/data/{TRIAL}")
    page.get_by_role("button", name="Open the rows").click()
    typing = page.locator("#data-form-2-1")
    typing.get_by_label("arm", exact=True).fill("usual")
    typing.get_by_label("Why").fill("asked by phone")
    file = tmp_path / "2024-03-15_north.csv"
    file.write_text(people(41, 60), encoding="utf-8")
    ingest_files(store, TRIAL, [file], sent_at=None, as_of=None, door=door_of(Settings(home=tmp_path)))
    expect(page.locator("#panel-data-deliveries")).to_contain_text(file.name)
    expect(typing.get_by_label("arm", exact=True)).to_have_value("usual")
    done = page.locator("#data-form-2-3")
    done.get_by_label("well", exact=True).fill("0")
    done.get_by_label("Why").fill("asked by phone")
    done.get_by_role("button", name="Save the mend").click()
    expect(done).to_contain_text("Saved.")
    page.get_by_role("button", name="Judge again").click()
    expect(page.locator(".data-form")).to_have_count(2, timeout=60_000)
    expect(typing.get_by_label("arm", exact=True)).to_have_value("usual")
    expect(typing.get_by_label("Why")).to_have_value("asked by phone")


def test_a_row_that_somebody_else_mended_is_refused_in_a_sentence(
    tabs: Tabs, desk: Site, store: Store, tmp_path: Path
) -> None:
    """Nobody mends a version that they have not read; without a reason nothing is saved either."""
    page = tabs.visit(desk, f"/data/{TRIAL}")
    page.get_by_role("button", name="Open the rows").click()
    one = page.locator("#data-form-2-1")
    one.get_by_role("button", name="Not to be mended").click()
    expect(one).to_contain_text("Say why the row is not to be mended")
    ByHand(store, Settings(home=tmp_path)).mend(TRIAL, (2, 1), {"arm": "new"}, reason="a guess", by="dot")
    one.get_by_label("arm", exact=True).fill("usual")
    one.get_by_label("Why").fill("asked by phone")
    one.get_by_role("button", name="Save the mend").click()
    expect(one).to_contain_text("was mended by dot meanwhile (version 1). Open the rows again")
    two = page.locator("#data-form-2-3")
    two.get_by_label("Why").fill("sent twice")
    two.get_by_role("button", name="Not to be mended").click()
    expect(two).to_contain_text("the row has left the list")
    page.get_by_role("button", name="Open the rows").click()
    expect(page.locator(".data-form")).to_have_count(2)


def test_axe_finds_nothing_with_the_rows_open(tabs: Tabs, desk: Site) -> None:
    """Neither on the list of trials nor beside the forms, on a desk and on a phone; nothing is wider than the window."""
    for width in (1440, 390):
        page = tabs.visit(desk, "/data", width)
        assert violations(page) == []
        assert page.evaluate("document.documentElement.scrollWidth") <= width
        page.goto(f"{desk.address}/data/{TRIAL}")
        page.get_by_role("button", name="Open the rows").click()
        expect(page.locator(".data-form")).to_have_count(3)
        assert violations(page) == []
        assert page.evaluate("document.documentElement.scrollWidth") <= width


def test_whoever_only_reads_is_offered_no_form(visit: Opener) -> None:
    """The pages of a store on which nothing is done show what waits, and say who mends."""
    page = visit("/data/still-open")
    expect(page.locator(".data-mend")).to_contain_text("Showing only")
    expect(page.get_by_role("button", name="Open the rows")).to_have_count(0)
    expect(page.locator("#panel-data-deliveries")).to_contain_text("Refused: The file has no column relapsed.")


def test_the_filter_and_the_search_choose_trials(visit: Opener) -> None:
    """At first those that need attention; without the filter all; a search finds by name, and says when there is none."""
    page = visit("/data")
    expect(page.locator(".data-row")).to_have_count(1)
    expect(page.locator(".data-row")).to_contain_text("10 or more rows wait to be mended.")
    page.get_by_label("Only what needs attention").press("Space")
    expect(page.locator("#data-row-tiny-numbers")).to_be_visible()
    page.get_by_label("Find a trial").fill("dud")
    expect(page.locator(".data-row")).to_have_count(1)
    page.get_by_label("Find a trial").fill("nowhere")
    expect(page.locator("#data-list")).to_contain_text("No trial of that name")
