"""The people in a trial, by commands: what is put on record, what is refused, and what whoever asks may see."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
import typer
from sqlalchemy import text
from typer.testing import CliRunner

from flows import sharing as commands
from flows import work
from flows.options import settings_for
from trials.acts.voices import VOICE
from trials.errors import ForbiddenError
from trials.protocol import from_content
from trials.store import acts, granting, sharing, verifying
from trials.store.engine import Store, open_store, upgrade

AT = datetime(2026, 1, 5, 9, tzinfo=UTC)
APP = typer.Typer()
commands.add(APP)
PLAN: dict[str, Any] = {
    "trial": "homes",
    "programme": "north",
    "question": "Does it help?",
    "owner": "tests",
    "partners": [{"name": "City", "kind": "government", "hopes": [{"value": "Fewer evictions", "measure": "evicted"}]}],
    "sites": [{"id": "A"}, {"id": "B"}],
    "arms": [{"id": "usual", "role": "control"}, {"id": "new"}],
    "primary": {"measure": "evicted", "kind": "binary", "better": "lower", "baseline": 0.4, "worthwhile": 0.2},
    "monitoring": {"max_participants": 200},
    "order_by": ["entry_order"],
    "source": {"connector": "folder", "path": "in"},
    "fund": {"total": 500, "per_person": 200},
    "intervention": {
        "name": "Visits",
        "components": [
            {"id": "visit", "text": "A visit within a week"},
            {"id": "talk", "text": "A talk", "role": "flexible", "within": "where"},
        ],
    },
}


@pytest.fixture
def home(tmp_path: Path) -> Path:
    """A home with the plan above, sealed."""
    settings = settings_for(tmp_path)
    upgrade(settings.url)
    store = open_store(settings.url)
    work.register_trial(store, from_content(PLAN), by="Ann", at=AT, seal_by="Bea")
    store.close()
    return tmp_path


def run(home: Path, *words: str, by: str = "ann", ok: bool = True) -> Any:
    """The command's JSON; of one that is refused, its sentence."""
    result = CliRunner().invoke(APP, [*words, "--by", by, "--home", str(home), *(["--json"] if ok else [])])
    assert result.exit_code == (0 if ok else 1), result.output
    return json.loads(result.stdout) if ok else result.stderr


def shown(home: Path, *words: str) -> str:
    result = CliRunner().invoke(APP, [*words, "--by", "ann", "--home", str(home)])
    assert result.exit_code == 0, result.output
    assert "Next: roadtest " in result.stdout
    return result.stdout


def store_of(home: Path) -> Store:
    return open_store(settings_for(home).url)


SAID = ("--who", "users", "--what", "vetoed", "--part", "visit", "--text", "no visit without a call before")


def test_a_veto_is_answered_and_counted(home: Path) -> None:
    """It waits, is answered with a reason only, and shows in the summary with its part."""
    number = run(home, "co-create", "homes", *SAID)["number"]
    refused = run(home, "co-created", "homes", str(number), "--outcome", "not_taken_up", ok=False)
    assert "owed the reason" in refused
    run(home, "co-created", "homes", str(number), "--outcome", "partly", "--why", "a letter instead")
    found = run(home, "co-creation", "homes")
    assert [(one["who"], one["altered"], one["vetoes"]) for one in found["influence"]] == [("users", 1, 1)]
    assert "1 of 1 proposals, changes and vetoes altered the plan (visit)" in shown(home, "co-creation", "homes")
    assert "must be a component" in run(home, "co-create", "homes", *SAID[:-3], "tea", *SAID[-2:], ok=False)
    assert "seems to name a person" in run(
        home, "co-create", "homes", *SAID[:-1], "ask jane.doe@example.org first", ok=False
    )


def test_sites_report_what_they_do_otherwise(home: Path) -> None:
    """Tailoring at one site, drift at the other; a site that the plan doesn't have is refused."""
    words = ("--what", "at the library", "--why", "no room at home")
    run(home, "adapt", "homes", "--component", "talk", "--inside", "--site", "A", *words)
    run(home, "adapt", "homes", "--component", "visit", "--outside", "--site", "B", *words)
    found = run(home, "fidelity", "homes")
    assert [(one["site"], one["tailoring"], one["drift"]) for one in found["sites"]] == [("A", 1, 0), ("B", 0, 1)]
    assert "TIDieR items without a word in the plan: 2 (why)" in shown(home, "fidelity", "homes")
    refused = run(home, "adapt", "homes", "--component", "talk", "--inside", "--site", "C", *words, ok=False)
    assert "site == 'C', must be one of A, B" in refused


def request(home: Path, number: str, amount: str = "150", **more: Any) -> Any:
    asked = ("--goal", "a course fee", "--amount", amount, "--proposed-by", "participant", "--site", "A")
    return run(home, "fund", "request", "homes", number, "--participant", "N-17", *asked, **more)


def test_the_fund_from_request_to_spending(home: Path) -> None:
    """Put in under a pseudonym, answered by another, spent, and again said nothing changes; over the limits it is refused."""
    body = request(home, "r1")
    assert body["participant"] not in ("N-17", "n-17")
    assert len(body["participant"]) == 30
    assert request(home, "r1")["number"] == body["number"]
    assert [one["request"] for one in run(home, "fund", "show", "homes", "--open")["open"]] == ["r1"]
    own = run(home, "fund", "answer", "homes", "r1", "--approve", "--amount", "150", ok=False)
    assert "must be somebody else than who put request r1 in" in own
    answer = ("fund", "answer", "homes", "r1", "--approve", "--amount", "150")
    assert run(home, *answer, by="bea") == run(home, *answer, by="bea")
    spent = ("fund", "spent", "homes", "r1", "--amount", "90", "--key", "bill-1")
    assert run(home, *spent) == run(home, *spent)
    request(home, "r2", "60")
    over = run(home, "fund", "answer", "homes", "r2", "--approve", "--amount", "60", by="bea", ok=False)
    assert "must be at most 50.00 EUR, which is left for this person of 200.00 EUR" in over
    found = run(home, "fund", "show", "homes")
    assert (found["spent"], found["committed"], found["left"], found["waiting"]) == (90.0, 60.0, 350.0, None)
    assert "Waiting for an answer: fewer than 10" in shown(home, "fund", "show", "homes")


def test_a_goal_that_names_somebody_is_refused(home: Path) -> None:
    """And what it holds is not repeated."""
    asked = ("--amount", "10", "--proposed-by", "worker", "--site", "A", "--goal", "call 07700 900123 about the course")
    refused = run(home, "fund", "request", "homes", "r1", "--participant", "N-17", *asked, ok=False)
    assert "goal seems to name a person" in refused
    assert "07700" not in refused


def test_quotes_are_sealed_and_gone_once_consent_is(home: Path) -> None:
    """The database never holds the words; with the key they are shown, until the consent is taken back."""
    words = (
        "--who",
        "participant",
        "--stance",
        "hinders",
        "--code",
        "distance",
        "--site",
        "A",
        "--quote",
        "too far to walk",
    )
    assert "without consent" in run(home, "voice", "add", "homes", *words, ok=False)
    number = run(home, "voice", "add", "homes", *words, "--consent", "--key", "v1")["number"]
    assert run(home, "voice", "add", "homes", *words, "--consent", "--key", "v1")["number"] == number
    store = store_of(home)
    with store.engine.connect() as connection:
        bodies = " ".join(connection.execute(text("SELECT body FROM act")).scalars())
    assert "too far" not in bodies
    assert "distance" in bodies
    assert [one["text"] for one in run(home, "voices", "homes", "--quotes")["quotes"]] == ["too far to walk"]
    run(home, "voice", "withdraw", "homes", str(number))
    assert run(home, "voices", "homes", "--quotes")["quotes"] == []
    assert verifying.verify(store) == []
    assert len(acts.acts(store, "homes", [VOICE])) == 1


def test_partners_and_strengths_are_told_before_there_is_a_look(home: Path) -> None:
    """Nothing is made up: there is no result yet, and no strengths are planned."""
    assert run(home, "partners", "homes")["rows"][0]["shows"] == "no result yet"
    assert "1 of 1 hopes have a measure" in shown(home, "partners", "homes")
    assert "no strengths-based measures" in shown(home, "strengths", "homes")


def test_roles_decide_who_may_say_and_see_what(home: Path) -> None:
    """A stakeholder takes part and reads, but grants no money and sees no result by arm; a stranger reads nothing."""
    store = store_of(home)
    granting.give(store, "north", "ann", "lead", by="ann", at=AT)
    granting.give(store, "north", "sam", "stakeholder", by="ann", at=AT)
    granting.give(store, "north", "sue", "site", by="ann", at=AT, site="A")
    run(home, "co-create", "homes", *SAID, by="sam")
    assert run(home, "partners", "homes", by="sam")["rows"][0]["shows"] == "shown to those who may see results by arm"
    request(home, "r1", by="ann")
    for who in ("sam", "sue"):
        refused = run(home, "fund", "answer", "homes", "r1", "--approve", "--amount", "10", by=who, ok=False)
        assert "must be lead to approve fund" in refused
    adapted = ("adapt", "homes", "--component", "talk", "--inside", "--what", "by phone", "--why", "far", "--site", "B")
    assert "must be" in run(home, *adapted, by="sue", ok=False)
    with pytest.raises(ForbiddenError):
        sharing.voices_of(store.as_person("eve"), "homes")
