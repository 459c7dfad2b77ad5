"""The page of the seal: the plan in words, the hash that is shown is the one that is sealed, and by whom."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from dash import Dash
from flask import g

from dashboards.app import create_app
from dashboards.drafting import reading as in_words
from dashboards.pages import seal
from dashboards.read_model import Desk
from dashboards.read_model.draft import sealing
from dashboards.reader import Reader
from dashboards.refresh import walk
from flows.doing import ByHand
from flows.settings import Settings
from tests.dashboards import making
from tests.dashboards.test_new import words
from trials.store import reading
from trials.store.engine import Store, open_store

TRIAL = "to-be-sealed"


@pytest.fixture
def kept(tmp_path: Path) -> Iterator[Store]:
    opened = open_store(f"sqlite:///{tmp_path / 'seal.db'}")
    yield opened
    opened.close()


@pytest.fixture
def site(kept: Store, tmp_path: Path) -> Dash:
    """The pages of a store in which anna registered a plan."""
    doing = ByHand(kept, Settings(home=tmp_path))
    doing.register(making.plan(TRIAL, monitoring={"max_participants": 600}).to_yaml(), by="anna")
    return create_app(kept, doing=doing, reader=Reader("anna", "local"))


def press(app: Dash, sha256: str, by: str, reader: Reader, *, read: bool = True) -> str:
    """What the page answers when somebody presses the button, as text."""
    state = [
        ("seal-trial", "data", TRIAL),
        ("seal-sha256", "data", sha256),
        ("seal-by", "value", by),
        ("seal-read", "checked", read),
    ]
    output = "..seal-body.children...seal-outcome.children.."
    body = {
        "output": output,
        "outputs": [{"id": "seal-body", "property": "children"}, {"id": "seal-outcome", "property": "children"}],
        "inputs": [{"id": "seal-do", "property": "n_clicks", "value": 1}],
        "state": [{"id": name, "property": part, "value": value} for name, part, value in state],
        "changedPropIds": ["seal-do.n_clicks"],
    }
    with app.server.test_request_context("/_dash-update-component", method="POST", json=body):
        g.reader = reader
        answered = app.server.make_response(app.server.view_functions["/_dash-update-component"]())
    return str(answered.get_data(as_text=True))


def test_the_plan_is_read_in_words(kept: Store, site: Dash) -> None:
    """Question, measure, numbers in people's units, who registered it, the gate's sentence and the hash."""
    with site.server.test_request_context(f"/seal/{TRIAL}"):
        g.reader = Reader("ben", "local")
        told = words(seal.layout(TRIAL))
    card, found = reading.card(kept, TRIAL), sealing(Desk(kept), TRIAL)
    for part in (
        "Does calling people the day before help?",
        "40 in 100",
        "10.0 fewer in 100",
        "Registered by anna",
        "600",
    ):
        assert part in told
    assert card.sha256 in told
    assert found.foreseen.gate.sentence in told
    assert "Use this" not in told


def test_a_plan_that_may_not_be_sealed_shows_its_ways_on_and_no_button(kept: Store, tmp_path: Path) -> None:
    """Sixty people can't find it: the gate's proposals as text, the way to the form, and no word of the command."""
    doing = ByHand(kept, Settings(home=tmp_path))
    doing.register(making.plan(TRIAL, monitoring={"max_participants": 60}).to_yaml(), by="anna")
    app = create_app(kept, doing=doing, reader=Reader("ben", "local"))
    with app.server.test_request_context(f"/seal/{TRIAL}"):
        g.reader = Reader("ben", "local")
        page = seal.layout(TRIAL)
    found = sealing(Desk(kept), TRIAL)
    told = words(page)
    assert found.foreseen.gate.proposals
    assert all(one.sentence[1:] in told for one in found.foreseen.gate.proposals)
    assert "Use this" not in told
    assert [each.href for each in walk(page) if getattr(each, "href", "") == "/new"] == ["/new"]
    assert next(each for each in walk(page) if getattr(each, "id", None) == "seal-do").disabled
    answered = press(app, found.sha256, "ben", Reader("ben", "local"))
    assert "may not be sealed as it stands" in answered
    assert "roadtest" not in answered
    assert reading.card(kept, TRIAL).state == "registered"


def test_every_part_of_a_plan_that_is_sealed_is_told(site: Dash) -> None:
    """Guardrails, stopping rules, criteria and partners too, where a plan has them."""
    plan = making.plan(
        "full",
        guardrails=[{"measure": "falls", "kind": "binary", "better": "lower", "baseline": 0.1, "margin": 0.05}],
        stopping={
            "recruitment": {"per_month": 20},
            "safety": {"related_at_most": 2},
            "staff_time": {"minutes_at_most": 45},
        },
        purpose="feasibility",
        progression=[{"id": "kept", "asks": "retention", "text": "people who stay", "green": 0.8, "red": 0.6}],
        partners=[{"name": "Residents' council", "kind": "users", "value": "to be asked"}],
    )
    told = words([in_words.facts(plan)])
    for part in ("falls: nothing worse than 5.0 more in 100", "20 people a month", "2 serious events", "45 minutes"):
        assert part in told
    assert "people who stay: green from 0.8, red from 0.6" in told
    assert "Residents' council (people who use the service): to be asked" in told


def test_one_person_cannot_register_and_seal(kept: Store, site: Dash) -> None:
    """Nor under the same name in other letters; nothing is changed."""
    sha256 = reading.card(kept, TRIAL).sha256
    for name in ("anna", " ANNA "):
        assert "must be sealed by somebody else" in press(site, sha256, name, Reader("anna", "local"))
    assert "must be the name of whoever seals" in press(site, sha256, " ", Reader("anna", "local"))
    assert reading.card(kept, TRIAL).state == "registered"


def test_where_people_sign_in_nobody_seals_in_another_name(kept: Store, site: Dash) -> None:
    """The name that the browser sends counts only on a machine where nobody signs in."""
    sha256 = reading.card(kept, TRIAL).sha256
    assert "must be sealed by somebody else" in press(site, sha256, "ben", Reader("anna", "account"))
    assert "a link shows and does nothing" in press(site, sha256, "ben", Reader("ben", "link", frozenset({TRIAL})))
    assert reading.card(kept, TRIAL).state == "registered"
    assert "Sealed by ben" in press(site, sha256, "carl", Reader("ben", "proxy"))


def test_only_the_plan_that_was_read_is_sealed(kept: Store, site: Dash, tmp_path: Path) -> None:
    """A plan that was registered again meanwhile is refused; with the new hash it is sealed, and the hash shows."""
    first = reading.card(kept, TRIAL).sha256
    other = making.plan(TRIAL, monitoring={"max_participants": 700})
    ByHand(kept, Settings(home=tmp_path)).register(other.to_yaml(), by="anna")
    assert "plan hash mismatch" in press(site, first, "ben", Reader("anna", "local"))
    assert reading.card(kept, TRIAL).state == "registered"
    assert "Read the plan first" in press(site, other.seal(), "ben", Reader("anna", "local"), read=False)
    answered = press(site, other.seal(), "ben", Reader("anna", "local"))
    assert other.seal() in answered
    assert "Sealed by ben" in answered
    assert reading.card(kept, TRIAL).state == "sealed"
    assert json.loads(answered)["response"].keys() == {"seal-body"}


@pytest.mark.parametrize("reader", [Reader("", "local"), Reader("", "link", frozenset({TRIAL}))])
def test_who_does_nothing_reads_and_has_no_button(reader: Reader, kept: Store, site: Dash) -> None:
    """The plan is there to be read, and it says how one would seal it."""
    with site.server.test_request_context(f"/seal/{TRIAL}"):
        g.reader = reader
        page: Any = seal.layout(TRIAL)
    assert "You can read this plan here." in words(page)
    assert "Seal it" not in words(page)


def test_what_somebody_may_not_see_is_not_there(site: Dash) -> None:
    """Nor is it said whether there is such a plan."""
    with site.server.test_request_context(f"/seal/{TRIAL}"):
        g.reader = Reader("", "link", frozenset({"another"}))
        told = words(seal.layout(TRIAL))
    assert "Does calling" not in told
    assert "no trial that you can see" in told
