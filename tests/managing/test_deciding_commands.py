"""`decide`, `withdraw-site`, `note-event`, `decisions`, `carried`, `pass-on`: what they print, refuse, and say to do next."""

from __future__ import annotations

import hashlib
import json
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
import typer
from typer.testing import CliRunner

from flows.decided import marks_json
from flows.deciding import add
from trials.protocol import Protocol, from_content
from trials.records import Checked, Delivery, Record, Row, in_words
from trials.store import ledger, reading, verifying
from trials.store.engine import Store, open_store

AT = datetime.now(UTC) - timedelta(days=200)
APP = typer.Typer()
add(APP)
GATE = {
    "to": "pilot",
    "criteria": [{"id": "wanted", "asks": "acceptability", "text": "people want it", "green": 70, "red": 50}],
}
DROP = [
    "--reason-code",
    "no_benefit",
    "--reason",
    "too few came",
    "--lesson",
    "one letter moves nobody",
    "--reuse",
    "texts",
]


def plan(trial: str = "a-trial", **changes: Any) -> Protocol:
    content = {
        "trial": trial,
        "question": "?",
        "owner": "tests",
        "sites": [{"id": "A"}, {"id": "B"}],
        "arms": [{"id": "c", "role": "control"}, {"id": "t"}],
        "primary": {
            "measure": "y",
            "kind": "binary",
            "better": "lower",
            "baseline": 0.4,
            "worthwhile": 0.2,
            "follow_up": "4 weeks",
        },
        "monitoring": {"max_participants": 400},
        "gate": GATE,
        "source": {"connector": "folder", "path": "in"},
    }
    return from_content({**content, **changes})


def deliver(store: Store, trial: str, at: datetime) -> None:
    """Eighty people, one a day from AT on: two in five of the controls have the outcome, one in five of the others."""
    rows = tuple(
        Record(
            n,
            f"p{n}",
            "AB"[n // 2 % 2],
            "ct"[n % 2],
            (AT + timedelta(days=n)).date(),
            n,
            None,
            float(n % 10 in (0, 1, 6)),
        )
        for n in range(1, 81)
    )
    content = hashlib.sha256(f"{trial} {at}".encode()).hexdigest()
    cells = tuple(Row(row.row_no, {"participant_id": row.participant_id}) for row in rows)
    delivery = Delivery(trial, "folder:in", content[:8], content, at, ("participant_id", "y"), cells)
    ledger.record(store, delivery, Checked(rows, (), ()), recorded_at=at, as_of=at)


@pytest.fixture
def home(tmp_path: Path) -> Path:
    store = open_store(f"sqlite:///{tmp_path / 'roadtest.db'}")
    ledger.register(store, plan(), by="anna", at=AT)
    ledger.seal(store, "a-trial", by="ben", at=AT)
    deliver(store, "a-trial", AT + timedelta(days=112))
    store.close()
    return tmp_path


def run(home: Path, *words: str) -> Any:
    return CliRunner().invoke(APP, [*words, "--by", "anna", "--home", str(home)])


def said(home: Path, *words: str) -> Any:
    done = run(home, *words, "--json")
    assert done.exit_code == 0, done.output
    return json.loads(done.stdout)


def test_a_decision_is_told_with_what_to_do_next(home: Path) -> None:
    """Refused without a second reviewer in one sentence; taken with one; shown again by `decisions`."""
    refused = run(home, "decide", "a-trial", "drop", *DROP)
    assert refused.exit_code == 1, refused.stdout
    assert refused.stderr.startswith("roadtest: second == '', must be the name of a second reviewer to drop a-trial")
    done = run(home, "decide", "a-trial", "drop", *DROP, "--second", "ben")
    assert done.exit_code == 0
    assert done.stdout.startswith("a-trial was dropped (no benefit) by anna on ")
    assert "Next: enrol nobody else; outcomes still come in" in done.stdout
    shown = run(home, "decisions", "a-trial").stdout
    assert "Lesson: one letter moves nobody" in shown
    assert "Dissent: none" in shown


def test_the_json_of_a_decision_hides_small_counts_and_marks_later_looks(home: Path) -> None:
    """What the status adds: the closing decision, whether the newest look came after it, sites that left."""
    body = said(home, "decide", "a-trial", "stop", "--reason-code", "funding", *DROP[2:], "--second", "ben")
    assert (body["what"], body["reason_code"], body["against"]) == ("stop", "funding", ["verdict"])
    assert body["grounds"]["missing"] is None or body["grounds"]["missing"] >= 10
    store = open_store(f"sqlite:///{home / 'roadtest.db'}")
    try:
        ledger.take_look(store, "a-trial", recorded_at=AT + timedelta(days=150), as_of=AT + timedelta(days=150))
        card = reading.card(store, "a-trial")
        marks = marks_json(card)
        assert marks["decision"]["what"] == "stop"
        assert marks["post_decision"] is (card.look is not None and card.look.number > body["look"])
        assert marks["withdrawn_sites"] == []
        assert verifying.verify(store) == []
    finally:
        store.close()
    listed = said(home, "decisions", "a-trial")
    assert [look["post_decision"] for look in listed["looks"]] == [
        look["look"] > body["look"] for look in listed["looks"]
    ]


def test_the_gate_is_answered_by_words_on_the_command(home: Path) -> None:
    """--met criterion=number; nonsense and a criterion given twice are refused in one sentence."""
    promote = ["decide", "a-trial", "promote", *DROP, "--second", "ben"]
    promote[promote.index("no_benefit")] = "worked"
    for met, reason in (
        (["wanted"], "must be criterion=number"),
        (["wanted=much"], "must be criterion=number"),
        (["wanted=nan"], "must be criterion=number"),
        (["wanted=1", "wanted=2"], "is given twice"),
        ([], "must be answered to promote. Add --met wanted=VALUE"),
    ):
        done = run(home, *promote, *(word for one in met for word in ("--met", one)))
        assert done.exit_code == 1
        assert reason in done.stderr
    body = said(home, *promote, "--met", "wanted=80")
    assert body["answers"] == [{"id": "wanted", "value": 80.0, "light": "green", "source": "people"}]
    assert body["next"].startswith("write the next stage's plan with `continues: [a-trial]`")


def test_unknown_words_are_refused(home: Path) -> None:
    """A decision, a day and a kind of event that there is not."""
    for words, reason in (
        (("decide", "a-trial", "pause"), "decision == 'pause', must be one of drop, continue"),
        (("note-event", "a-trial", "x", "--day", "soon"), "--day == 'soon', must be a day"),
        (
            ("note-event", "a-trial", "x", "--day", "2024-01-01", "--kind", "war"),
            "kind == 'war', must be one of policy",
        ),
        (("decisions", "b-trial"), "Did you mean 'a-trial'?"),
    ):
        done = run(home, *words)
        assert done.exit_code == 1
        assert reason in done.stderr
        assert "Traceback" not in done.output


def test_a_site_leaves_by_command(home: Path) -> None:
    """With and without it, what can still be told, and whom to tell; the JSON has no counts by arm."""
    words = ("withdraw-site", "a-trial", "B", "--reason-code", "provider_failed", "--reason", "the provider closed")
    text = run(home, *words)
    assert text.exit_code == 0, text.output
    assert "B left a-trial from" in text.stdout
    assert "planned people can be expected by the planned end" in text.stdout
    assert "Next: tell B to enrol nobody else" in text.stdout
    body = said(home, *words)
    assert body["with_and_without"]["sensitivity"] is True
    assert set(body["with_and_without"]["parts"]) == {"with every site", "without site B"}
    assert all("arms" not in one for one in body["with_and_without"]["parts"].values())
    assert body["replanned"]["planned"] == 400


def test_an_event_is_noted_and_split(home: Path) -> None:
    """The two estimates are shown as a sensitivity analysis, and again by `decisions`."""
    day = (AT + timedelta(days=41)).date().isoformat()
    done = run(home, "note-event", "a-trial", "a benefit was cut", "--day", day, "--kind", "policy")
    assert done.exit_code == 0, done.output
    assert f"Sensitivity, never acted on: joined before {in_words(AT + timedelta(days=41))}: " in done.stdout
    body = said(home, "decisions", "a-trial")
    assert body["events"][0]["text"] == "a benefit was cut"
    assert len(body["splits"][0]["parts"]) == 2
    assert "Nothing was decided on a-trial yet (sealed)." in run(home, "decisions", "a-trial").stdout


def test_a_pilot_shows_what_it_carries_over(home: Path) -> None:
    """Five small tests would read the same: here one; criteria, lessons and what changed, in text and JSON."""
    promote = ["decide", "a-trial", "promote", *DROP, "--second", "ben", "--met", "wanted=80"]
    promote[promote.index("no_benefit")] = "worked"
    said(home, *promote)
    store = open_store(f"sqlite:///{home / 'roadtest.db'}")
    pilot = plan("pilot", stage="pilot", sites=[{"id": "A"}], continues=["a-trial"], changed="one site", gate=None)
    ledger.register(store, pilot, by="anna", at=AT + timedelta(days=190))
    store.close()
    text = run(home, "carried", "pilot").stdout
    assert "From one proof of concept (400 people planned, 2 sites) to one pilot (400 people planned, 1 site)." in text
    assert "wanted: green (80)" in text
    body = said(home, "pass-on", "pilot")
    assert (body["to_stage"], body["changed"]) == ("pilot", "one site")
    assert body["handed_over"][0]["lesson"] == "one letter moves nobody"
    assert "Next: roadtest seal pilot --by NAME" in run(home, "pass-on", "pilot").stdout
