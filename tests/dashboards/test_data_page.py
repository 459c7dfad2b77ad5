"""The data pages as values: what needs somebody, what is told of small numbers, who may do what, and Data Docs."""

from __future__ import annotations

import json
import re
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from dash import Dash
from flask import Flask
from plotly.utils import PlotlyJSONEncoder
from sqlalchemy import event, select

from dashboards import datadocs
from dashboards.app import create_app
from dashboards.pages import data, data_mend, data_trial, data_words
from dashboards.pages.data_form import forms, wrong_columns
from dashboards.parts import attempt
from dashboards.read_model import Desk
from dashboards.read_model.data import FLAGS, overview, told_of
from dashboards.read_model.data_trial import columns_of
from dashboards.reader import Reader
from expectations import engine
from flows import work
from flows.byhand import door_of, ingest_files
from flows.doing import ByHand
from flows.settings import Settings
from tests.dashboards import making
from tests.flows.making import SEALED_AT, csv_text, plan, row
from trials.disclosure import LIMIT
from trials.errors import ForbiddenError, StoreError
from trials.overdue import Awaited, Overdue
from trials.records import RAGGED
from trials.store import arrivals, granting, quarantine
from trials.store.engine import Store
from trials.store.engine import reading as snapshot
from trials.store.models import AUDIT

NOW = datetime(2024, 3, 20, tzinfo=UTC)
WEEKLY = {"connector": "folder", "path": "made", "every": "7 days"}


def text_of(component: object) -> str:
    return json.dumps(component, cls=PlotlyJSONEncoder, ensure_ascii=False)


def late(store: Store) -> None:
    """A weekly source that is silent since 15 January, and whose newest file was refused."""
    making.run(store, making.plan("late-source", source=WEEKLY), making.people(40), size=20)
    making.deliver(store, "late-source", week=2, refusal="The file has no column relapsed.")


def test_the_list_begins_with_what_presses_most(empty: Store) -> None:
    """A source that is overdue before rows that wait before what is in order; the page's sentence counts them."""
    making.run(empty, making.plan("in-order"), making.people(20))
    making.run(empty, making.plan("has-rows"), making.people(20))
    bad = [making.rejected(number, "arm is 'x': must be usual or call") for number in range(1, 14)]
    making.deliver(empty, "has-rows", making.people(4, first=21), week=1, rejections=bad)
    late(empty)
    found = overview(Desk(empty), now=NOW)
    assert [(each.id, each.needs) for each in found.rows] == [
        ("late-source", ("overdue", "refused")),
        ("has-rows", ("rows",)),
        ("in-order", ()),
    ]
    assert data_words.summary(found) == (
        "1 of 3 sources is overdue, 1 trial had a delivery refused; 10 or more rows wait to be mended, in 1 trial."
    )
    assert data_words.sentence(found.rows[0]) == (
        "A delivery is 57 days late: the last one came on 15 January 2024, one is expected every 7 days. "
        "1 delivery was refused and not sent again: 2024-01-22_made.csv: The file has no column relapsed."
    )


def test_an_attempt_that_failed_and_a_silent_site_are_told(empty: Store) -> None:
    """With the sentence that the round noted; the site by its name."""
    making.register(empty, making.plan("silent-site", source=WEEKLY))
    north = [each for each in making.people(60) if each.site == "N"]
    south = [each for each in making.people(60) if each.site == "S"]
    making.deliver(empty, "silent-site", [replace(each, value=None) for each in south], week=0)
    making.deliver(empty, "silent-site", north, week=9)
    arrivals.note_attempt(empty, "silent-site", failed="The folder can't be reached.", at=NOW)
    [found] = overview(Desk(empty), now=NOW).rows
    assert found.needs == ("failed", "overdue", "silent")
    assert data_words.sentence(found).startswith(
        "The source could not be reached: The folder can't be reached. A deliv"
    )
    assert found.waits is not None
    assert data_words.silent(found.waits) == (
        "South has told nothing new since 8 January 2024, though people there are due."
    )


@pytest.mark.parametrize("few", [1, 3, LIMIT - 1])
def test_few_rows_that_wait_leave_no_trace(few: int, tmp_path: Path, app: Dash) -> None:
    """Whether none or fewer than ten wait, both pages are the same to the last character; ten are told."""
    from trials.store.engine import open_store

    pages = []
    for rows in (0, few, LIMIT):
        store = open_store(f"sqlite:///{tmp_path / f'{rows}.db'}")
        making.register(store, making.plan("handful"))
        bad = [making.rejected(number, "arm is 'x': must be usual or call") for number in range(1, rows + 1)]
        making.deliver(store, "handful", making.people(40), week=0, rejections=bad)
        served = create_app(store)
        with served.server.test_request_context():
            pages.append(text_of([data._content(), data_trial.content("handful")]))
        store.close()
    assert pages[0] == pages[1]
    assert pages[0] != pages[2]
    assert "10 or more rows wait" in pages[2]


def test_people_who_are_waited_for_are_told_in_tens_and_by_site_first() -> None:
    """12 at North and 9 at South: ten or more, at North; the total is what the sites show, not 21."""

    def awaited(site: str, many: int) -> tuple[Awaited, ...]:
        return tuple(Awaited(f"{site}{number}", site, NOW, NOW) for number in range(many))

    found = told_of(
        making.plan("waits"),
        Overdue("waits", NOW, due=(*awaited("N", 12), *awaited("S", 9)), missing=awaited("S", 31), holes=(1, 2, 3)),
    )
    assert [(one.name, one.due, one.missing) for one in found.sites] == [("North", 10, None), ("South", None, 30)]
    assert (found.due, found.missing, found.holes) == (10, 30, None)
    assert told_of(making.plan("waits"), Overdue("waits", NOW, due=awaited("S", 9))).sites == ()


def test_every_flag_of_health_is_known_for_one() -> None:
    """Each sentence of the suite is a flag; what a delivery is merely noted for is none."""
    for one in engine.load("health").expectations:
        assert FLAGS.search(one["description"]), one["description"]
    assert not FLAGS.search("ignored extra column: note")
    assert not FLAGS.search("1 row corrected an earlier value; the old one is kept in the history")


def test_what_is_remembered_follows_the_store_and_the_clock(empty: Store) -> None:
    """The same within the hour without a query for people; a delivery and a later hour change it."""
    late(empty)
    desk, asked = Desk(empty), []
    event.listen(empty.engine, "before_cursor_execute", lambda *args: asked.append(args[2]))
    overview(desk, now=NOW)
    first = len(asked)
    overview(desk, now=NOW + timedelta(seconds=1))
    assert len(asked) - first < first
    assert not any("enrolment" in each for each in asked[first:])
    [again] = overview(desk, now=NOW + timedelta(days=2)).rows
    assert again.waits is not None
    assert again.waits.late_days == 59
    making.deliver(empty, "late-source", making.people(4, first=41), week=10)
    [fresh] = overview(desk, now=NOW).rows
    assert fresh.needs == ()


def test_as_many_queries_for_twelve_trials_as_for_two(empty: Store) -> None:
    """The overview's cost in queries does not grow with the programme."""
    counts, asked = [], []
    event.listen(empty.engine, "before_cursor_execute", lambda *args: asked.append(args[2]))
    for first, last in ((0, 2), (2, 12)):
        for number in range(first, last):
            making.run(empty, making.plan(f"trial-{number}"), making.people(4))
        asked.clear()
        assert len(overview(Desk(empty), now=NOW).rows) == last
        counts.append(len(asked))
    assert counts[0] == counts[1]


def test_states_without_data_say_why(empty: Store, app: Dash, monkeypatch: pytest.MonkeyPatch) -> None:
    """No trial, an unknown one, and a read that fails: a sentence each, the failure with a reference."""
    served = create_app(empty)
    with served.server.test_request_context():
        assert "No trials here yet" in text_of(data._content())
        assert "Nothing of that name" in text_of(data_trial.content("nope"))
        monkeypatch.setattr(data, "overview", lambda desk: 1 / 0)
        shown = text_of(data._content())
    assert "absence-failed" in shown
    assert re.search(r"reference [0-9A-F]{4}\.", shown)


@pytest.mark.parametrize(
    ("reason", "columns"),
    [
        ("arm is 'site': must be one of usual, new", ["arm"]),
        ("site is missing: must be given; well is '2', out of range: must be 0 or 1", ["site", "well"]),
        ("duplicate: an exact repeat of row 3, must be sent once", []),
        (
            "observed_on is '1/2', before enrolled_on (2024-01-02): must not be before it",
            ["enrolled_on", "observed_on"],
        ),
    ],
)
def test_the_wrong_cell_is_found_in_the_reason(reason: str, columns: list[str]) -> None:
    """By the columns before the rule; a quoted cell that is called like a column is not one."""
    assert wrong_columns(reason, ["site", "arm", "enrolled_on", "observed_on", "well"]) == columns


# Rows


@pytest.fixture
def hand(empty: Store, tmp_path: Path) -> ByHand:
    """A trial in a programme with roles, not closed; rows 1 to 3 of its only delivery are bad."""
    protocol = plan("reminder-calls", programme="calls")
    work.register_trial(empty, protocol, by="Ann", at=SEALED_AT, seal_by="Bea")
    file = tmp_path / "2024-03-01_north.csv"
    bad = [row(1, arm="usaul"), row(2, well="2"), "p003,usual"]
    file.write_text(csv_text([*bad, *(row(number) for number in range(4, 24))]), encoding="utf-8")
    ingest_files(empty, "reminder-calls", [file], sent_at=None, as_of=None, door=door_of(Settings(home=tmp_path)))
    for person, role in (("olga", "operator"), ("cid", "custodian"), ("stan", "stakeholder")):
        granting.give(empty, "calls", person, role, by="ann", at=datetime.now(UTC))  # type: ignore[arg-type]
    return ByHand(empty, Settings(home=tmp_path))


def opened(store: Store) -> int:
    with snapshot(store) as connection:
        return list(connection.scalars(select(AUDIT.c.kind))).count("shown")


def test_who_may_see_rows_but_no_people_mends_without_cells(hand: ByHand, empty: Store) -> None:
    """An operator reads reasons and no cell, and nothing is noted; a custodian reads the cells, and it is; others neither."""
    rows = hand.waiting_rows("reminder-calls", by="olga")
    assert [one.cells for one in rows] == [None, None, None]
    assert opened(empty) == 0
    assert hand.waiting(by="olga") == {"reminder-calls": 3}
    assert hand.waiting(by="stan") == {}
    with pytest.raises(ForbiddenError, match="stan"):
        hand.waiting_rows("reminder-calls", by="stan")
    found = hand.waiting_rows("reminder-calls", by="cid")
    assert found[0].cells is not None
    assert found[0].cells["participant_id"] == "p001"
    assert opened(empty) == 1
    hand.mend("reminder-calls", (1, 1), {"arm": "usual"}, reason="a slip", by="olga", upon=0)
    assert hand.replay("reminder-calls", by="olga").taken == 1


def test_a_version_that_was_not_read_is_not_mended(hand: ByHand, empty: Store) -> None:
    """Neither mended nor left; the sentence names who was first, and is told to nobody who may not mend."""
    hand.mend("reminder-calls", (1, 1), {"arm": "new"}, reason="a guess", by="cid", upon=0)
    with pytest.raises(StoreError, match=r"mended by cid meanwhile \(version 1\)"):
        hand.mend("reminder-calls", (1, 1), {"arm": "usual"}, reason="a slip", by="olga", upon=0)
    with pytest.raises(StoreError, match="meanwhile"):
        hand.leave("reminder-calls", (1, 1), reason="a slip", by="olga", upon=0)
    with pytest.raises(ForbiddenError):
        hand.mend("reminder-calls", (1, 1), {"arm": "usual"}, reason="a slip", by="stan", upon=0)
    [first] = [one for one in quarantine.rows(empty, "reminder-calls") if one.place == (1, 1)]
    assert first.version == 1


def test_cells_are_in_no_page_until_they_are_asked_for(hand: ByHand, empty: Store) -> None:
    """Neither on either page nor in what a live change sends; the forms have them, and those without the right have none."""
    app = create_app(empty, doing=hand, reader=Reader("cid", "local"))
    with app.server.test_request_context():
        pages = text_of([data.layout(), data_trial.layout("reminder-calls"), data_trial.content("reminder-calls")])
        columns = columns_of(Desk(empty), "reminder-calls")
    for cell in ("usaul", "p001", "p002", "p003"):
        assert cell not in pages
    shown = text_of(forms(hand.waiting_rows("reminder-calls", by="cid"), columns, {}))
    hidden = text_of(forms(hand.waiting_rows("reminder-calls", by="olga"), columns, {}))
    assert "p001" in shown
    assert not re.search("p00[123]", hidden)
    assert RAGGED not in shown + hidden
    assert shown.count("Fill in every column") == 1
    for kept in ("local", "session"):
        assert f'"storage_type": "{kept}"' not in shown
    assert "persistence" not in shown


def test_what_is_sent_to_be_mended() -> None:
    """Of cells that were shown all, emptied ones too, but none that the row never had; of hidden ones what was filled in."""
    typed = {"arm": "usual", "well": "", "site": ""}
    assert data_mend._changes(typed, {"hidden": False, "had": ["arm", "well"]}) == {"arm": "usual", "well": ""}
    assert data_mend._changes(typed, {"hidden": True, "had": []}) == {"arm": "usual"}


def test_whoever_may_not_act_gets_a_sentence_from_the_callbacks(hand: ByHand, empty: Store) -> None:
    """A bare request to open rows, without a page: refused in words, no row in the answer, nothing noted."""
    for reader in (Reader("stan", "account"), Reader("", "link", trials=frozenset({"reminder-calls"}))):
        app = create_app(empty, doing=hand, reader=reader)
        with app.server.test_request_context():
            rows: list[list[object]] = []
            said = text_of(attempt(lambda rows=rows: data_mend._open("reminder-calls", rows)))  # type: ignore[misc]
        assert "outcome-refused" in said
        assert rows == []
    assert opened(empty) == 0


# Data Docs


def docs_app(store: Store, folder: Path, reader: Reader) -> Flask:
    app = Flask(__name__)
    app.extensions |= {"roadtest.desk": Desk(store), "roadtest.reader": reader}
    app.register_blueprint(datadocs.routes(folder))
    return app


@pytest.fixture
def docs(tmp_path: Path) -> Path:
    folder = tmp_path / "data-docs"
    (folder / "trials").mkdir(parents=True)
    (folder / "index.html").write_text("<p>index</p>", encoding="utf-8")
    (folder / "trials" / "one.html").write_text("<p>one</p>", encoding="utf-8")
    (tmp_path / "secret.html").write_text("secret", encoding="utf-8")
    (folder / "trials" / "linked.html").symlink_to(tmp_path / "secret.html")
    (folder / "notes.txt").write_text("notes", encoding="utf-8")
    return folder


def test_data_docs_are_served_as_they_lie_there(empty: Store, docs: Path) -> None:
    """Index and trial pages, under a policy that allows their own style and nothing else; kept by no cache."""
    client = docs_app(empty, docs, Reader()).test_client()
    for address, words in (
        ("/data-docs/", "index"),
        ("/data-docs/index.html", "index"),
        ("/data-docs/trials/one.html", "one"),
    ):
        answer = client.get(address)
        assert (answer.status_code, answer.text) == (200, f"<p>{words}</p>")
        policy = answer.headers["Content-Security-Policy"]
        assert policy.startswith("default-src 'none'; style-src 'unsafe-inline'; ")
        assert "script-src" not in policy
        assert answer.headers["Cache-Control"] == "no-store"


@pytest.mark.parametrize(
    "name",
    [
        "../secret.html",
        "trials/../../secret.html",
        "%2e%2e/secret.html",
        "trials/%2e%2e%2f%2e%2e%2fsecret.html",
        "trials/linked.html",
        "notes.txt",
        "trials/none.html",
        "/etc/passwd",
        "..%5csecret.html",
        "trials/one.html%00",
    ],
)
def test_nothing_outside_the_folder_is_served(name: str, empty: Store, docs: Path) -> None:
    """No path leads out of it, no link, and nothing in it that the checks don't write."""
    answer = docs_app(empty, docs, Reader()).test_client().get(f"/data-docs/{name}")
    assert answer.status_code in (404, 308)
    assert "secret" not in answer.text.replace("secret.html", "")
    assert datadocs.page_in(docs, name) is None


def test_data_docs_are_for_readers_of_every_trial(empty: Store, docs: Path) -> None:
    """On this machine, or signed in with a role in each programme; by a link never, and with a sentence."""
    making.run(empty, making.plan("mine", programme="one"), making.people(4))
    making.run(empty, making.plan("theirs", programme="two"), making.people(4))
    for programme in ("one", "two"):
        granting.give(empty, programme, "lea", "lead", by="lea", at=NOW)
    granting.give(empty, "one", "kim", "stakeholder", by="lea", at=NOW)
    readers = {
        200: [Reader(), Reader("kim", "local"), Reader("lea", "account")],
        403: [Reader("kim", "account"), Reader("", "proxy"), Reader("", "link", programmes=frozenset({"one", "two"}))],
    }
    for status, those in readers.items():
        for reader in those:
            answer = docs_app(empty, docs, reader).test_client().get("/data-docs/")
            assert answer.status_code == status, reader
            assert ("index" in answer.text) == (status == 200)


def test_before_the_first_round_a_sentence_stands_there(empty: Store, tmp_path: Path) -> None:
    """With 404, and no link to it on the data page."""
    app = docs_app(empty, tmp_path / "none", Reader())
    answer = app.test_client().get("/data-docs/")
    assert answer.status_code == 404
    assert "No Data Docs yet" in answer.text
    with app.test_request_context():
        assert not datadocs.offered()
    with docs_app(empty, tmp_path, Reader()).test_request_context():
        assert not datadocs.offered()
