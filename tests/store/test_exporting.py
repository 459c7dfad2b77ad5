"""What leaves the ledger: exports, one person's story, and the words of `roadtest audit`."""

from __future__ import annotations

import csv
import json
import stat
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sqlalchemy import text
from typer.testing import CliRunner

from flows import auditing, exporting
from trials.errors import DataError, StoreError, UnknownTrialError
from trials.pseudonyms import Pseudonyms
from trials.store import ledger, verifying
from trials.store.engine import open_store, writing
from trials.store.history import as_of


@pytest.fixture
def told(desk: Any, kit: SimpleNamespace) -> Any:
    """Three people, one of them corrected, one with an id that a spreadsheet would take for a formula."""
    desk.send("first", [kit.person(1, 0.0), kit.person(2, None, participant_id="=1+1", site="B")], sent=1)
    desk.send("second", [kit.person(1, 1.0), kit.person(3, 1.0)], sent=5)
    return desk


def test_csv_says_what_the_ledger_holds(told: Any, kit: SimpleNamespace, tmp_path: Path) -> None:
    """Every row and column is there, as of the time that was asked for, in a file for its owner's eyes."""
    path = tmp_path / "out.csv"
    assert exporting.export(told.store, told.trial, to=path) == 3
    with path.open(newline="", encoding="utf-8") as file:
        rows = list(csv.DictReader(file))
    assert [(row["participant_id"], row["measure"], row["value"]) for row in rows] == [
        ("p001", "y", "1.0"),
        ("'=1+1", "", ""),
        ("p003", "y", "1.0"),
    ]
    assert rows[0] == {
        "participant_id": "p001",
        "site": "A",
        "arm": "idea",
        "enrolled_on": "",
        "entry_order": "1",
        "measure": "y",
        "value": "1.0",
        "companion": "",
        "observed_on": "",
        "sent_at": "2024-01-06T00:00:00+00:00",
        "recorded_at": "2024-01-06T00:00:00+00:00",
    }
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    earlier = tmp_path / "earlier.csv"
    assert exporting.export(told.store, told.trial, to=earlier, known_at=kit.day(4)) == 2
    assert "p001,A,idea,,1,y,0.0" in earlier.read_text(encoding="utf-8")
    assert [found.name for found in tmp_path.iterdir() if found.name.startswith(".")] == []


def test_every_format_says_the_same(told: Any, tmp_path: Path) -> None:
    """JSON and Parquet hold the ledger's own values, not their text."""
    import pyarrow.parquet as pq

    facts = list(as_of(told.store, told.trial))
    assert exporting.export(told.store, told.trial, form="json", to=tmp_path / "a.json") == 3
    found = json.loads((tmp_path / "a.json").read_text(encoding="utf-8"))
    assert [row["participant_id"] for row in found] == ["p001", "=1+1", "p003"]
    assert exporting.export(told.store, told.trial, form="parquet", to=tmp_path / "a.parquet") == 3
    table = pq.read_table(tmp_path / "a.parquet").to_pylist()
    assert [tuple(row.values()) for row in table] == [exporting._row(fact) for fact in facts]
    assert [row["value"] for row in found] == [fact.value for fact in facts]


def test_a_file_says_its_format_and_is_never_overwritten(told: Any, tmp_path: Path) -> None:
    """The suffix decides; one that contradicts --format or says nothing is refused, and so is a file that stands there."""
    export = exporting.export
    assert export(told.store, told.trial, to=tmp_path / "A.JSON") == 3
    assert len(json.loads((tmp_path / "A.JSON").read_text(encoding="utf-8"))) == 3
    assert export(told.store, told.trial, to=tmp_path / "a.parquet") == 3
    assert (tmp_path / "a.parquet").read_bytes()[:4] == b"PAR1"
    assert export(told.store, told.trial, form="csv", to=tmp_path / "a.txt") == 3
    (tmp_path / "link.csv").symlink_to(tmp_path / "gone.csv")
    before = {path.name: path.stat().st_size for path in tmp_path.iterdir() if path.is_file()}
    for name, form, words in (
        ("b.json", "csv", "must be what --to"),
        ("b.xlsx", None, r"must end with \.csv, \.json or \.parquet"),
        ("a.parquet", None, "exists already, must be a new file"),
        ("link.csv", None, "exists already"),
        ("no/b.csv", None, "must lie in a folder that exists"),
    ):
        with pytest.raises((DataError, StoreError), match=words) as refused:
            export(told.store, told.trial, form=form, to=tmp_path / name)
        assert "\n" not in str(refused.value)
    (tmp_path / "c.csv").mkdir()
    with pytest.raises(StoreError, match="is a folder"):
        export(told.store, told.trial, to=tmp_path / "c.csv")
    assert {path.name: path.stat().st_size for path in tmp_path.iterdir() if path.is_file()} == before


def test_nothing_half_written_is_left(told: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """When an export fails no file appears, and nothing lies beside it."""
    path = tmp_path / "out.csv"
    with pytest.raises(UnknownTrialError):
        exporting.export(told.store, "nobody", to=path)
    monkeypatch.setattr(exporting, "_row", lambda _: (_ for _ in ()).throw(RuntimeError("midway")))
    with pytest.raises(RuntimeError, match="midway"):
        exporting.export(told.store, told.trial, to=path)
    assert list(tmp_path.glob("*out*")) == []
    with pytest.raises(StoreError, match=r"can't be written"), exporting.written_whole(tmp_path / "no" / "out.csv"):
        pass
    for form, rule in (("xml", "must be one of csv, json, parquet"), ("parquet", "must go into a file")):
        with pytest.raises(DataError, match=rule):
            exporting.export(told.store, told.trial, form=form)


@settings(max_examples=300, deadline=None, derandomize=True, database=None)
@given(st.one_of(st.text(), st.text(alphabet="=+-@\t\r0123456789.eE", max_size=8)))
def test_no_cell_is_a_formula(cell: str) -> None:
    """What a spreadsheet would run is stopped by an apostrophe; numbers and everything else stay as they are."""
    safe = exporting.safe_cell(cell)
    assert safe in (cell, f"'{cell}")
    if safe == cell and cell[:1] in tuple("=+-@\t\r"):
        float(cell)
    if cell[:1] not in tuple("=+-@\t\r"):
        assert safe == cell


def test_one_persons_story_is_found_by_the_id_that_the_site_sends(told: Any, kit: SimpleNamespace) -> None:
    """With a key the id is hidden before it is looked up; text and JSON tell every version, the one in force marked."""
    joined, versions = exporting.story(told.store, told.trial, "p001", None)
    lines = exporting.story_text(joined, versions).splitlines()
    assert lines[0].startswith("Enrolled at A, arm idea, number 1; known since 2024-01-02 00:00 by delivery 1 (first).")
    assert [line.endswith("<- in force") for line in lines[1:]] == [False, True]
    body = exporting.story_json(told.trial, joined, versions)
    assert [(one["value"], one["delivery"], one["current"]) for one in body["versions"]] == [
        (0.0, 1, False),
        (1.0, 2, True),
    ]
    assert json.loads(json.dumps(body)) == body
    silent = exporting.story(told.store, told.trial, "=1+1", None)
    assert exporting.story_text(*silent).endswith("No value is known yet.") or silent[1]
    key = Pseudonyms(bytes(range(32)))
    told.send("hidden", [kit.person(9, 1.0, participant_id=key.of("NHS-9"))], sent=6)
    assert exporting.story(told.store, told.trial, "nhs-9", key)[0].entry_order == 9
    assert exporting.story(told.store, told.trial, " nhs-9\t\u00a0", key) == exporting.story(
        told.store, told.trial, "nhs-9", key
    )
    for name, hidden in (("NHS-9", None), ("\udcff", None), ("\udcff", key)):
        with pytest.raises(DataError, match="the participant is not in a-trial"):
            exporting.story(told.store, told.trial, name, hidden)


def test_the_audit_command_answers_with_its_exit_code(tmp_path: Path, kit: SimpleNamespace) -> None:
    """0 and a sentence when all is as recorded, 1 and a sentence for each thing that is not; heads go out and come back."""
    run = CliRunner().invoke
    home = ["--home", str(tmp_path)]
    store = open_store(f"sqlite:///{tmp_path}/roadtest.db")
    kit.sealed(store, kit.plan()).send("one", [kit.person(1, 1.0)])
    head = run(auditing.audit_app, ["head", "--json", *home])
    assert json.loads(head.stdout) == auditing.heads_json(verifying.heads(store))
    (tmp_path / "head.json").write_text(head.stdout, encoding="utf-8")
    kept = ["--head", str(tmp_path / "head.json")]
    good = run(auditing.audit_app, ["verify", *kept, *home])
    assert (good.exit_code, good.stdout) == (0, "All trials: everything is as it was recorded.\n")
    with writing(store) as connection:
        connection.execute(text("UPDATE observation SET value = 0"))
        connection.execute(text("DELETE FROM audit_event WHERE seq = 4"))
    bad = run(auditing.audit_app, ["verify", "a-trial", "--json", *kept, *home])
    assert bad.exit_code == 1
    found = json.loads(bad.stdout)
    assert found["ok"] is False
    assert {(one["trial"], one["link"]) for one in found["findings"]} >= {("a-trial", 3), ("a-trial", 4)}
    assert run(auditing.audit_app, ["verify", "a-trail", *home]).exit_code == 1
    odd = run(auditing.audit_app, ["verify", "--head", str(tmp_path / "none.json"), *home])
    assert odd.exit_code == 1
    assert "must be what `roadtest audit head --json` printed" in odd.stderr
    store.close()


def test_a_register_alone_is_a_whole_export(desk: Any, kit: SimpleNamespace, tmp_path: Path) -> None:
    """People of whom nothing is known yet have a row each, with blanks for the value."""
    desk.send("register", [kit.person(number, None, withdrawn=False) for number in (1, 2)])
    assert exporting.export(desk.store, desk.trial, form="json", to=tmp_path / "a.json") == 2
    assert {row["measure"] for row in json.loads((tmp_path / "a.json").read_text())} == {None}
    assert ledger.register_of(desk.store, desk.trial).keys() == {"p001", "p002"}
