"""`roadtest gate` and `roadtest feasibility` from the command line."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
import typer
from click.testing import Result
from typer.testing import CliRunner

from flows.gate import add, gate_json, gate_text
from flows.options import opened, settings_for
from tests.managing.gate_plans import ONE, plan
from trials import gate
from trials.labelling import label_of
from trials.protocol import Protocol, from_yaml
from trials.records import Checked, Delivery, Record, Rejection, Row
from trials.store import ledger

Run = Callable[..., Result]
SEALED = datetime(2024, 1, 1, tzinfo=UTC)
CRITERIA: list[dict[str, Any]] = [
    {"id": "kept", "asks": "retention", "text": "people kept", "green": 0.8, "red": 0.6},
    {"id": "clean", "asks": "data", "text": "clean rows", "green": 95, "red": 50, "unit": "%"},
    {"id": "joined", "asks": "recruitment", "text": "people who joined", "green": 1, "red": 0.1, "unit": "a month"},
    {"id": "done", "asks": "delivery", "text": "delivered", "green": 0.8, "red": 0.6},
]


@pytest.fixture
def run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Run:
    monkeypatch.chdir(tmp_path)
    app = typer.Typer()
    add(app)
    return lambda *words: CliRunner().invoke(app, [*map(str, words)])


def written(protocol: Protocol, name: str = "plan.yaml") -> str:
    Path(name).write_text(protocol.to_yaml(), encoding="utf-8")
    return name


def test_a_refused_plan_is_told_with_every_way_on(run: Run) -> None:
    """The figures, the label, the trade-off and the proposals; exit code 1; the last line says what to do next."""
    file = written(plan(stopping={"recruitment": {"per_month": 5}}))
    done = run("gate", file)
    assert done.exit_code == 1
    lines = done.stdout.splitlines()
    assert lines[0].startswith("my-trial: With 60 people only a fall from 29 % to 3.4 % would be found")
    assert lines[1].startswith("May not be sealed: what is called worthwhile would be found in 9 of 100")
    assert "Evidence label: randomised." in lines
    assert any(line.startswith("60 (planned)  12") for line in lines)
    assert [line.split(":")[0].strip() for line in lines if line.startswith("  ")][-5:] == [
        *("feasibility", "people", "count", "score", "errors (no ready change)"),
    ]
    assert lines[-1] == f"Next: roadtest gate {file} --propose feasibility > changed.yaml"


def test_the_json_is_what_the_text_is_made_of(run: Run) -> None:
    """The same figures, by name."""
    protocol = plan()
    done = run("gate", written(protocol), "--json")
    body = json.loads(done.stdout)
    assert done.exit_code == 1
    assert body == {**json.loads(json.dumps(gate_json(protocol))), "programme": None}
    assert {"trial", "may_seal", "reasons", "finds", "power", "needed", "label", "rows", "proposals"} <= set(body)
    assert body["label"]["name"] == "randomised"
    assert body["finds"] == gate.judged(protocol).finds
    assert gate_text(protocol).splitlines()[0].endswith(body["sentence"])


@pytest.mark.parametrize("code", ["feasibility", "people", "count", "score"])
def test_a_proposal_is_a_whole_plan_that_passes(run: Run, code: str) -> None:
    """What --propose prints is a protocol that may be sealed."""
    done = run("gate", written(plan()), "--propose", code)
    assert done.exit_code == 0
    changed = from_yaml(done.stdout)
    gate.must_pass(changed)
    assert run("gate", written(changed, "changed.yaml")).exit_code == 0


def test_a_comparator_is_proposed_where_nothing_stands_beside_the_idea(run: Run) -> None:
    """The label's own proposal can be printed too; one that there isn't is refused in a sentence."""
    file = written(plan(1200, **ONE))
    done = run("gate", file)
    assert done.exit_code == 0
    assert "Evidence label: descriptive (no comparison)." in done.stdout
    assert "  Better: Have usual practice and text" not in done.stdout, "the arm is called idea here"
    assert "  Better: Have usual practice and idea at the site, 1 : 1 by a concealed list." in done.stdout
    assert label_of(from_yaml(run("gate", file, "--propose", "comparator").stdout)).causal
    refused = run("gate", file, "--propose", "magic")
    assert refused.exit_code == 1
    assert 'propose == "magic", must be one of the ready proposals: comparator.' in refused.stderr


def test_a_finished_trial_is_exempt(run: Run) -> None:
    """Nothing is planned in a replay, and the answer says so."""
    done = run("gate", written(plan(retrospective=True)))
    assert done.exit_code == 0
    assert "the gate asks for nothing" in done.stdout


def deliver(home: Path, protocol: Protocol, people: int, known: int, aside: int) -> None:
    """A delivery of so many people in 2024, outcomes of the first `known`, and rows set aside."""
    store = opened(settings_for(home), "anna")
    ledger.register(store, protocol, by="anna", at=SEALED, now=SEALED)
    ledger.seal(store, protocol.trial, by="ben", at=SEALED, now=SEALED)
    rows = tuple(Row(number, {}) for number in range(1, people + aside + 1))
    records = tuple(
        Record(
            row_no=number,
            participant_id=f"p{number:03d}",
            site="A",
            arm=("usual", "text")[number % 2],
            enrolled_on=date(2024, 1, 1) + timedelta(days=number),
            entry_order=number,
            observed_on=None,
            value=float(number % 3 == 0) if number <= known else None,
            withdrawn=False,
        )
        for number in range(1, people + 1)
    )
    rejected = tuple(Rejection(row.row_no, "no arm", {}) for row in rows[people:])
    sent = datetime(2025, 3, 15, tzinfo=UTC)
    delivery = Delivery(
        protocol.trial, "folder:in", "x.csv", hashlib.sha256(b"x").hexdigest(), sent, ("participant_id",), rows
    )
    ledger.record(store, delivery, Checked(records, rejected, (), None), recorded_at=sent, as_of=sent, now=sent)
    later = datetime(2025, 9, 1, tzinfo=UTC)
    ledger.take_look(store, protocol.trial, recorded_at=later, as_of=later)
    store.close()


def test_the_lights_come_from_the_ledger(run: Run, tmp_path: Path) -> None:
    """60 joined, 45 of them with an outcome, 15 of 75 rows set aside; delivery is left to people; the look promotes nothing."""
    deliver(tmp_path, plan(purpose="feasibility", progression=CRITERIA), people=60, known=45, aside=15)
    done = run("feasibility", "my-trial", "--home", tmp_path, "--json")
    assert done.exit_code == 0, done.output
    body = json.loads(done.stdout)
    by_id = {one["id"]: one for one in body["criteria"]}
    assert (by_id["kept"]["value"], by_id["kept"]["colour"]) == (0.75, "amber")
    assert (by_id["clean"]["value"], by_id["clean"]["colour"]) == (80.0, "amber")
    assert by_id["joined"]["value"] == pytest.approx(60 / (59 / 30.4375)), (
        "all are in: the months end with the last of them"
    )
    assert (by_id["done"]["colour"], by_id["done"]["by_people"]) == ("not yet", True)
    text = run("feasibility", "my-trial", "--home", tmp_path)
    assert text.stdout.startswith("my-trial: Not yet: nothing is known of done.")
    assert "people kept: 75 %, plausibly 62 % to 85 %; amber" in text.stdout
    assert text.stdout.splitlines()[-1].startswith("Next: roadtest decide my-trial")
    refused = run("feasibility", "my-trail", "--home", tmp_path)
    assert refused.exit_code == 1
    assert "Did you mean 'my-trial'?" in refused.stderr
