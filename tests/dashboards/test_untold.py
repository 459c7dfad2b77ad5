"""What one person moves: no page, no tag of a reader by a link; and what is remembered for one reader is no other's."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from flask import g

from dashboards import live, shell
from dashboards.app import create_app
from dashboards.pages import PAGES
from dashboards.read_model import Desk
from dashboards.read_model.deciding import deciding
from dashboards.read_model.desk import choose
from dashboards.read_model.programme import Achieved, achieved
from dashboards.reader import Reader
from dashboards.signing import Signing
from tests.dashboards import making, watched
from tests.dashboards.test_panels import text_of
from trials.records import Measured
from trials.store import granting, programme, reading
from trials.store.engine import Store, open_store

STAN = Reader("stan", "account")
LINK = Reader("", "link", frozenset({"g"}))
ARMS = [{"id": "usual", "role": "control"}, {"id": "call"}, {"id": "letter"}]
HURT = {"measure": "hurt", "kind": "binary", "better": "lower", "margin": 0.05, "baseline": 0.1}


def told(store: Store, reader: Reader) -> dict[str, str]:
    """Every page as a reader gets it, but for the tag of its state."""
    app, found = create_app(store), {}
    with app.server.test_request_context():
        g.reader = reader
        for page in PAGES:
            about = {"trial_id": "g"} if "<trial_id>" in page.path else {}
            # The path of the address is known in Dash's own callback alone, and only a page that is shown asks for it.
            layout = page.layout if shell.may_use(page, reader) else shell.only_for_users(page)
            found[page.name] = re.sub(r"[0-9a-f]{16}", "", text_of(layout(**about)))
    return found


def made(folder: Path, name: str, more: Callable[[Store], object] = lambda store: None, **changes: Any) -> Store:
    """A store with 120 people of a trial with stopping rules, in a programme with roles, and what `more` adds to it."""
    store = open_store(f"sqlite:///{folder / name}.db")
    making.run(
        store, making.plan("g", **{"stopping": {"safety": {"related_at_most": 2}}, **changes}), making.people(120)
    )
    granting.give(store, "tests", "stan", "stakeholder", by="anna", at=making.START)
    granting.give(store, "tests", "Ann", "lead", by="anna", at=making.START)
    more(store)
    return store


def test_a_safety_event_that_stops_nothing_is_on_no_page(tmp_path: Path) -> None:
    """Of a stay in hospital the page on which one decides says no more than the others do: nothing."""
    before = told(made(tmp_path, "none"), STAN)
    after = told(made(tmp_path, "one", lambda store: watched.report_event(store, "g", "hospital")), STAN)
    assert "The decision" in before["decide"] or "Here you can read" in before["decide"]
    assert [name for name in before if before[name] != after[name]] == []


def test_a_breached_guardrail_names_no_arm_where_arms_are_kept_back(tmp_path: Path) -> None:
    """Nor does a death that stops enrolment: whoever decides reads the rules as everybody does."""
    store = open_store(f"sqlite:///{tmp_path / 'arms.db'}")
    making.register(
        store, making.plan("g", design="multi_arm", arms=ARMS, guardrails=[HURT], stopping=watched.STOPPING)
    )
    rows = []
    for one in making.people(300):
        arm = ARMS[one.entry_order % 3]["id"]
        hurt = float(arm == "letter" and one.entry_order % 2 == 0)
        rows.append(replace(one, arm=arm, guardrails=(Measured("hurt", hurt, None),)))
    for week, part in making.weekly(rows, 100):
        making.deliver(store, "g", part, week=week)
    watched.report_event(store, "g", "death")
    granting.give(store, "tests", "stan", "stakeholder", by="anna", at=making.START)
    found = deciding(Desk(store).for_reader(STAN), "g")
    assert not found.view.arms
    said = " ".join(sentence for _, sentence in found.rules)
    assert "guardrail hurt is breached" in said
    assert "Enrolment is stopped, or waits for the safety steward." in said
    assert not re.search("letter|death|event 1", said)


def test_one_correction_more_leaves_every_page_as_it_is(tmp_path: Path) -> None:
    """A delivery puts one person's outcome right: signed in or by a link, nobody is told that it did."""

    def last(*rows: int) -> Callable[[Store], object]:
        people = making.people(120)
        found = [people[0], *(replace(people[row], value=1 - (people[row].value or 0)) for row in rows)]
        return lambda store: making.deliver(store.as_person("anna"), "g", found, week=5)

    one, two = made(tmp_path, "none", last()), made(tmp_path, "one", last(50))
    assert any("corrected" in text for row in reading.deliveries(two, "g") for text in row.warnings)
    for reader in (STAN, LINK):
        before, after = told(one, reader), told(two, reader)
        assert [name for name in before if before[name] != after[name]] == []


def tag(store: Store, reader: Reader, secret: bytes = b"s" * 32) -> str:
    app = create_app(store, signed=Signing(secret=secret))
    with app.server.test_request_context():
        g.reader = reader
        return shell.tokens().etag("g")


def test_a_tag_is_the_servers_own_and_a_link_is_not_told_of_one_person(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Workers with one secret give one tag, another server another; a safety event moves no link's, a delivery does."""
    monkeypatch.setattr(live, "REMEMBERED", 0.0)
    store = made(tmp_path, "tags")
    by_link, signed_in = tag(store, LINK), tag(store, STAN)
    assert tag(store, LINK) == by_link
    assert tag(store, LINK, b"t" * 32) != by_link
    watched.report_event(store, "g", "hospital")
    assert (tag(store, LINK) == by_link, tag(store, STAN) == signed_in) == (True, False)
    making.deliver(store.as_person("anna"), "g", making.people(20, first=121), week=5)
    assert tag(store, LINK) != by_link


def test_what_was_achieved_is_worked_out_for_each_reader_and_again_with_a_role(
    empty: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Two links have an answer each; a role that closes a programme to nobody in particular is noticed at once."""
    for name in ("one", "two"):
        making.register(empty, making.plan(name))
    desk, asked = Desk(empty), []
    ask = programme.lives
    monkeypatch.setattr(programme, "lives", lambda store: asked.append(store) or ask(store))  # type: ignore[func-returns-value]
    links = [Reader("", "link", frozenset({name})) for name in ("one", "two")]
    for reader in (*links, *links):
        assert achieved(desk.for_reader(reader)).left == 0
    assert len(asked) == 2
    assert achieved(desk).left == 0
    granting.give(empty, "tests", "lea", "lead", by="lea", at=making.START)
    assert achieved(desk) == Achieved((), 2)


def test_what_is_remembered_of_a_trial_keeps_no_reader(tmp_path: Path) -> None:
    """Sites are asked for by the desk and the plan of whoever asks: a site added without a look is not missed."""
    store = made(tmp_path, "sites")
    desk, card = Desk(store), reading.card(store, "g")
    first = choose(desk.for_reader(STAN), card.protocol, card.look)
    assert first.by_site.args[0].reader == STAN  # type: ignore[attr-defined]
    first.by_site()
    other = making.plan("g", sites=[{"id": "N"}, {"id": "S"}, {"id": "W"}])
    second = choose(desk, other, card.look)
    second.by_site()
    assert second.by_site.args[0].reader == Reader()  # type: ignore[attr-defined]
    assert [len(desk.sited["g"][0]), desk.chosen["g"].by_site] == [3, type(first.by_site())]


def test_a_link_leads_on_from_pages_that_are_not_for_it(tmp_path: Path) -> None:
    """To its own trial, by name of no other; and no page of the navigation is taken for this one."""
    pages = told(
        made(tmp_path, "ways", lambda store: making.register(store, making.plan("other", programme="else"))), LINK
    )
    refused = [said for said in pages.values() if "Not for you to see" in said]
    assert len(refused) >= 4  # new, decide, seal, data
    for said in refused:
        assert '"href": "/trial/g"' in said
        assert '"no-access"' in said
        assert "/trial/other" not in said
