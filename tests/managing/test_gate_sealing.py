"""What the gate judged is what is sealed, by whom may seal it, of an idea that goes on; and what the commands say of it."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from flows import work
from flows.cli import app
from tests.flows.making import SEALED_AT, plan
from trials import gate
from trials.acts.ideas import Idea, IdeaEnded
from trials.errors import DataError, ForbiddenError, GateError, LifecycleError, NotSealedError, PlanHashMismatchError
from trials.protocol import Protocol
from trials.store import granting, ideas, ledger, verifying
from trials.store.engine import Store, open_store

WEAK: dict[str, Any] = {"monitoring": {"max_participants": 30}}


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Store]:
    opened = open_store(f"sqlite:///{tmp_path / 'store.db'}")
    yield opened
    opened.close()


def registered(store: Store, protocol: Protocol) -> str:
    return work.begin_trial(store, protocol, by="Ann", at=SEALED_AT)


def test_another_plan_is_not_sealed_by_the_gate_of_the_first(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    """A plan that the gate would refuse, registered while it judges the one before, stops the seal."""
    registered(store, plan())
    passed = gate.must_pass

    def slow(protocol: Protocol) -> None:
        passed(protocol)
        ledger.register(store, plan(**WEAK), by="Ann", at=SEALED_AT)

    monkeypatch.setattr(gate, "must_pass", slow)
    with pytest.raises(PlanHashMismatchError, match=r"first-trial was judged as .* by now: it was changed in between"):
        work.seal_trial(store, "first-trial", by="Bea", at=SEALED_AT)
    with pytest.raises(NotSealedError):
        ledger.sealed_protocol(store, "first-trial")
    monkeypatch.undo()
    with pytest.raises(GateError, match="must be in at least 50 of 100"):
        work.seal_trial(store, "first-trial", by="Bea", at=SEALED_AT)


def test_a_trial_of_an_ended_idea_is_not_sealed(store: Store) -> None:
    """An idea that is ended between registration and seal is not tried; nothing is changed. A sealed one stays sealed."""
    ideas.note(store, "letters", Idea(text="letters before the appointment"), by="Ann", at=SEALED_AT)
    registered(store, plan(prototype="letters"))
    ended = IdeaEnded(reason_code="no_money", reason="nobody pays for it", lesson="ask the funder first")
    ideas.end(store, "letters", ended, by="Ann", at=SEALED_AT)
    with pytest.raises(LifecycleError, match=r"the idea letters was ended \(no_money\), must be going on"):
        work.seal_trial(store, "first-trial", by="Bea", at=SEALED_AT)
    with pytest.raises(NotSealedError):
        ledger.sealed_protocol(store, "first-trial")
    registered(store, plan("other-trial"))
    assert work.seal_trial(store, "other-trial", by="Bea", at=SEALED_AT)[0].trial == "other-trial"
    assert verifying.verify(store) == []


def test_nobody_takes_a_registered_plan_into_another_programme(store: Store) -> None:
    """Whoever may register in their own programme replaces no plan of one in which they have no role."""
    registered(store, plan(programme="north"))
    granting.give(store, "north", "Ann", "lead", by="Ann", at=SEALED_AT)
    for programme in ("south", ""):
        with pytest.raises(ForbiddenError, match="Eve has no role in north"):
            ledger.register(store, plan(programme=programme), by="Eve", at=SEALED_AT)
    with pytest.raises(ForbiddenError, match="Eve has no role in north"):
        ledger.seal(store, "first-trial", by="Eve", at=SEALED_AT)
    ledger.register(store, plan(programme="south"), by="Ann", at=SEALED_AT)


def test_what_changed_names_nobody_before_it_is_registered(store: Store) -> None:
    """The words that are handed on with an idea are asked before the plan is stored, not after."""
    with pytest.raises(DataError, match="changed seems to name a person"):
        registered(store, plan(changed="Mr John Smith joined"))
    assert work.reading.cards(store) == []


@pytest.mark.parametrize(("changes", "may"), [({}, True), (WEAK, False)])
def test_the_commands_say_what_the_gate_will(
    changes: dict[str, Any], may: bool, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """`register` and `protocol check` tell beforehand that the seal would be refused, and what to do instead."""
    for name in ("ROADTEST_DATABASE_URL", "ROADTEST_PERSON"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setattr("flows.environment.run", lambda flow, *given: flow.fn(*given))  # without Prefect's server
    file = tmp_path / "plan.yaml"
    file.write_text(plan(**changes).to_yaml(), encoding="utf-8")

    def run(*words: str) -> str:
        done = CliRunner().invoke(app, [*words])
        assert done.exit_code == 0, done.output
        return done.stdout

    home = ["--home", str(tmp_path)]
    last = run("protocol", "check", str(file)).splitlines()[-1]
    said = run("register", str(file), "--by", "Ann", *home)
    if may:
        assert last == f"Next: roadtest register {file}"
        assert said.endswith("Next: roadtest seal first-trial --by NAME\n")
    else:
        assert last == f"Next: roadtest gate {file} --propose feasibility > changed.yaml"
        assert "It may not be sealed as it is: what is called worthwhile would be found in" in said
        assert said.endswith(f"Next: roadtest gate {file}\n")
    body = json.loads(run("register", str(file), "--by", "Ann", "--json", *home))
    assert (body["gate"]["may_seal"], bool(body["gate"]["reasons"])) == (may, not may)
