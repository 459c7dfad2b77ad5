"""Bundles: every look comes out of the files again, nothing later than the time asked for is in them, and nothing secret."""

from __future__ import annotations

import csv
import hashlib
import json
import shutil
import stat
import zipfile
from collections.abc import Iterator, Sequence
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow.parquet as pq
import pytest
import typer
from typer.testing import CliRunner

from flows import bundle_columns, recomputing, seeing, taking_out
from flows.bundling import write_bundle
from flows.recomputing import recompute
from trials.acts import ACTS, Act
from trials.acts.safety_events import SAFETY_EVENT, SafetyEvent
from trials.acts.viewing import VIEWED
from trials.acts.voices import VOICE, Voice
from trials.errors import DataError, ForbiddenError, StoreError
from trials.protocol import Protocol, from_content
from trials.records import Checked, Delivery, Measured, Record
from trials.store import acts, amendments, exported, granting, ledger, reading
from trials.store.decisions import decide
from trials.store.engine import Store, open_store

START = datetime(2026, 1, 5, tzinfo=UTC)
LATER = START + timedelta(days=300)
CALLS, ARMS, COHORT = "calls", "three-ways", "how-long"


def day(number: float) -> datetime:
    return START + timedelta(days=number)


def plan(trial: str, **changes: Any) -> Protocol:
    content = {
        "trial": trial,
        "title": f"{trial.capitalize()} on trial",
        "question": "Does it help?",
        "owner": "tests",
        "sites": [{"id": "North"}, {"id": "South"}],
        "arms": [{"id": "usual", "role": "control"}, {"id": "new"}],
        "primary": {"measure": "came", "kind": "binary", "better": "higher", "baseline": 0.5, "worthwhile": 0.15},
        "monitoring": {"max_participants": 300},
        "order_by": ["entry_order"],
        "source": {"connector": "folder", "path": "in"},
    }
    return from_content({**content, **changes})


def send(store: Store, trial: str, rows: Sequence[Record], *, sent: float, received: float | None = None) -> None:
    """One delivery, with a look. Days after the start."""
    received = sent if received is None else received
    digest = hashlib.sha256(repr((trial, sent, received, rows)).encode()).hexdigest()
    delivery = Delivery(trial, "folder:in", f"{sent}.csv", digest, day(sent), (), ())
    ledger.record(
        store, delivery, Checked(tuple(rows)), recorded_at=day(received), as_of=day(received), now=day(received)
    )


def person(number: int, value: float | None, arm: str, **more: Any) -> Record:
    joined: date | None = more.pop("joined", None)
    site = ("North", "South")[number // 3 % 2]
    named = {"withdrawn": value is None, **more}
    return Record(number, f"p{number:03d}", site, arm, joined, number, joined, value, **named)


def calls(store: Store) -> None:
    """Dated people at two sites; corrections in time and too late, a value taken back, deliveries out of order, an
    amendment between looks, a decision; two ids that a spreadsheet would take for formulas."""
    protocol = plan(
        CALLS,
        primary={
            "measure": "came",
            "kind": "binary",
            "better": "higher",
            "baseline": 0.5,
            "worthwhile": 0.15,
            "follow_up": "7 days",
        },
        data={"report_within": "28 days", "correction_window": "14 days"},
        order_by=["enrolled_on", "entry_order"],
    )
    ledger.register(store, protocol, by="Ann", at=day(-3), now=day(-3))
    ledger.seal(store, CALLS, by="Bea", at=day(-2), now=day(-2))
    rng = np.random.default_rng(5)

    def rows(numbers: Sequence[int]) -> list[Record]:
        found = []
        for number in numbers:
            arm = ("usual", "new")[number % 2]
            value = float(rng.random() < (0.4, 0.7)[number % 2])
            found.append(person(number, value, arm, joined=(day(number // 6)).date()))
        return found

    odd = [person(1, 0.0, "new", joined=day(0).date()), person(2, 1.0, "usual", joined=day(0).date())]
    odd = [Record(**{**_fields(one), "participant_id": name}) for one, name in zip(odd, ("=1+1", "'=1+1"), strict=True)]
    send(store, CALLS, [*odd, *rows(range(3, 25))], sent=12)
    send(store, CALLS, rows(range(25, 61)), sent=19)
    send(store, CALLS, [person(5, None, "new", joined=day(0).date()), *rows(range(61, 90))], sent=24)
    wider = protocol.model_copy(update={"monitoring": protocol.monitoring.model_copy(update={"max_participants": 400})})
    amendments.amend(
        store, CALLS, wider, reason="people come fast", impact="ends later", by="Ann", approved_by="Bea", at=day(25)
    )
    send(store, CALLS, [person(8, 1.0, "usual", joined=day(1).date())], sent=21, received=27)
    send(store, CALLS, [person(9, 0.0, "new", joined=day(1).date()), *rows(range(90, 120))], sent=60)
    decide(
        store,
        CALLS,
        "stop",
        by="Ann",
        at=day(61),
        reason_code="provider",
        reason="the site moves",
        second="Bea",
        lesson="Calls need somebody who is there in the evening.",
        reuse="the script of the call",
    )
    send(store, CALLS, rows(range(120, 126)), sent=70)


def _fields(record: Record) -> dict[str, Any]:
    return {name: getattr(record, name) for name in Record.__slots__}


def three_ways(store: Store) -> None:
    """Three arms, counts with their exposure, a guardrail, a measure of strengths."""
    measure = {"measure": "falls", "kind": "count", "better": "lower", "baseline": 1.0, "worthwhile": 0.4}
    protocol = plan(
        ARMS,
        design="multi_arm",
        arms=[{"id": "usual", "role": "control"}, {"id": "walks"}, {"id": "rails"}],
        primary={**measure, "bounds": [0, 9], "exposure": "weeks"},
        guardrails=[{"measure": "hurt", "kind": "binary", "better": "lower", "margin": 0.1, "baseline": 0.2}],
        strengths=[{"measure": "steps", "kind": "amount", "better": "higher", "bounds": [0, 9000], "sd": 2000}],
    )
    ledger.register(store, protocol, by="Ann", at=day(0), now=day(0))
    ledger.seal(store, ARMS, by="Bea", at=day(1), now=day(1))
    rng = np.random.default_rng(9)
    for part in range(3):
        rows = []
        for number in range(45 * part + 1, 45 * part + 46):
            arm = ("usual", "walks", "rails")[number % 3]
            said = (
                Measured("hurt", float(rng.random() < 0.2)),
                Measured("steps", round(float(rng.uniform(0, 9000)), 1)),
            )
            falls = float(rng.poisson((1.4, 0.6, 1.2)[number % 3]))
            rows.append(person(number, falls, arm, companion=0.5 + float(rng.random()), guardrails=said))
        send(store, ARMS, rows, sent=10 + part)


def how_long(store: Store) -> None:
    """Times to an event."""
    measure = {"measure": "weeks_in", "kind": "time_to_event", "better": "higher", "event": "left", "unit": "weeks"}
    protocol = plan(COHORT, primary={**measure, "baseline": 0.5, "worthwhile": 0.25, "bounds": [0, 52], "cohort": 10})
    ledger.register(store, protocol, by="Ann", at=day(0), now=day(0))
    ledger.seal(store, COHORT, by="Bea", at=day(1), now=day(1))
    rng = np.random.default_rng(3)
    for part in range(2):
        numbers = range(30 * part + 1, 30 * part + 31)
        rows = [
            person(one, float(rng.integers(1, 52)), ("usual", "new")[one % 2], companion=float(rng.random() < 0.6))
            for one in numbers
        ]
        send(store, COHORT, rows, sent=10 + part)


@pytest.fixture(scope="module")
def store(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Store]:
    opened = open_store(f"sqlite:///{tmp_path_factory.mktemp('bundle') / 'roadtest.db'}").as_person("Ann")
    for make in (calls, three_ways, how_long):
        make(opened)
    yield opened
    opened.close()


def written(store: Store, trial: str, path: Path, known_at: datetime | None = None) -> Path:
    write_bundle(store, trial, path, by="Ann", at=LATER, known_at=known_at)
    return path


@pytest.mark.parametrize("trial", [CALLS, ARMS, COHORT])
def test_every_look_comes_out_again(store: Store, tmp_path: Path, trial: str) -> None:
    """Each look of the ledger is the bundle's, equal to the last bit in every field; from a folder and from a .zip."""
    stored = [json.loads(json.dumps(look.to_json())) for look in reading.looks(store, trial)]
    for name in ("out", "out.zip"):
        found = recompute(written(store, trial, tmp_path / name))
        assert [one.found for one in found] == stored
        assert not any(one.differing for one in found)
    assert len(stored) >= 2
    if trial == CALLS:  # what the bundle is for: corrections that were too late, two plans, a delivery out of order
        assert stored[-1]["late_changes"] > 0
        assert stored[-1]["sensitivity"] is not None
        assert len({look["protocol_sha256"] for look in stored}) == 2


def test_a_bundle_as_of_a_time_holds_nothing_later(store: Store, tmp_path: Path) -> None:
    """As it was known on a day it has the looks, versions, acts and rows of then; in the ledger there are more of each."""
    known = day(24.5)
    path = written(store, CALLS, tmp_path / "then", known)
    found = recompute(path)
    assert [one.number for one in found] == [1, 2, 3]
    assert not any(one.differing for one in found)
    manifest = json.loads((path / "manifest.json").read_text())
    assert (manifest["state"], manifest["rows"]["plan/versions"]) == ("sealed", 1)
    assert json.loads((path / "acts.json").read_text()) == []
    bundle = recomputing.read(path)
    assert max(one.delivery for one in bundle.enrolled) == 3
    assert all(seq <= 3 for people in bundle.values.values() for told in people.values() for seq, _ in told)
    assert all(
        version.effective_at <= known
        for people in bundle.values.values()
        for told in people.values()
        for _, version in told
    )
    head = json.loads((path / "audit.json").read_text())["head"]
    assert datetime.fromisoformat(head["at"]) <= known
    whole = json.loads((written(store, CALLS, tmp_path / "now") / "manifest.json").read_text())
    assert whole["state"] == "stopped"
    assert all(whole["rows"][name] > manifest["rows"][name] for name in manifest["rows"])


def test_the_same_time_gives_the_same_files(store: Store, tmp_path: Path) -> None:
    """Two bundles as of one time, written at one time, are the same bytes, whatever was viewed between."""
    known = day(62)
    one, other = (written(store, CALLS, tmp_path / f"{name}.zip", known).read_bytes() for name in "ab")
    assert one == other


def test_the_dictionary_has_every_column_of_every_table(store: Store, tmp_path: Path) -> None:
    """CSV and Parquet have its columns and the same rows; values are described once for each measure of the plan."""
    path = written(store, ARMS, tmp_path / "out")
    with (path / "dictionary.csv").open(newline="", encoding="utf-8") as file:
        told = list(csv.DictReader(file))
    for table, columns in bundle_columns.TABLES.items():
        with (path / f"{table}.csv").open(newline="", encoding="utf-8") as file:
            rows = list(csv.reader(file))
        parquet = pq.read_table(path / f"{table}.parquet")
        names = [one.name for one in columns]
        assert rows[0] == names == parquet.column_names
        assert list(dict.fromkeys(one["column"] for one in told if one["table"] == table)) == names
        assert len(rows) - 1 == parquet.num_rows
    values = {one["measure"]: one for one in told if one["column"] == "value"}
    assert list(values) == ["falls", "hurt", "steps"]
    assert values["hurt"]["allowed"].startswith("0 or 1")
    assert all(one["meaning"] for one in told)


def test_ids_that_look_like_formulas_stay_apart(store: Store, tmp_path: Path) -> None:
    """'=1+1' and "'=1+1" are two people: what guards the CSV against spreadsheets is taken off without loss."""
    path = written(store, CALLS, tmp_path / "out")
    names = [one.participant_id for one in recomputing.read(path).enrolled]
    assert names[:2] == ["=1+1", "'=1+1"]
    assert "\n'=1+1," in (path / "enrolments.csv").read_text()
    assert pq.read_table(path / "enrolments.parquet")["participant_id"].to_pylist() == names


@pytest.mark.parametrize("name", ["observations.csv", "looks.json", "plan/version-1.json", "enrolments.csv"])
def test_an_altered_bundle_is_refused(store: Store, tmp_path: Path, name: str) -> None:
    """A changed byte in any file that a look rests on is named; so is a file that is gone."""
    path = written(store, COHORT, tmp_path / "out")
    content = (path / name).read_bytes()
    (path / name).write_bytes(content.replace(b"1", b"2", 1))
    with pytest.raises(DataError, match="somebody changed it"):
        recompute(path)
    (path / name).unlink()
    with pytest.raises(DataError, match="lacks"):
        recompute(path)


def test_what_differs_is_said(store: Store, tmp_path: Path) -> None:
    """Where somebody altered a look and the manifest with it, the command names the look and the number, and exits with 1."""
    path = written(store, COHORT, tmp_path / "out")
    looks = json.loads((path / "looks.json").read_text())
    looks[1]["look"]["n"] += 1
    (path / "looks.json").write_text(json.dumps(looks))
    manifest = json.loads((path / "manifest.json").read_text())
    manifest["files"]["looks.json"] = hashlib.sha256((path / "looks.json").read_bytes()).hexdigest()
    (path / "manifest.json").write_text(json.dumps(manifest))
    app = _app()
    answer = CliRunner().invoke(app, ["recompute", str(path), "--json"])
    body = json.loads(answer.stdout)
    assert answer.exit_code == 1
    assert [(one["look"], one["what"]) for one in body["differing"]] == [(2, "n")]
    assert "Look 2: n is" in CliRunner().invoke(app, ["recompute", str(path)]).stdout


def test_no_path_leads_out_of_a_bundle(tmp_path: Path) -> None:
    """What is no bundle is refused in one sentence: a text file, an empty folder, a .zip of something else."""
    (tmp_path / "text.zip").write_text("no archive")
    (tmp_path / "empty").mkdir()
    with zipfile.ZipFile(tmp_path / "other.zip", "w") as archive:
        archive.writestr("a.txt", "a")
    for name in ("text.zip", "empty", "other.zip", "nothing"):
        with pytest.raises(DataError):
            recompute(tmp_path / name)


def test_it_appears_whole_for_its_owner_alone(store: Store, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Folder 0700, .zip 0600; what is there is never written over; a failure midway leaves nothing behind."""
    folder, archive = written(store, COHORT, tmp_path / "out"), written(store, COHORT, tmp_path / "out.zip")
    assert stat.S_IMODE(folder.stat().st_mode) == 0o700
    assert stat.S_IMODE(archive.stat().st_mode) == 0o600
    for path in (folder, archive):
        with pytest.raises(StoreError, match="exists already"):
            written(store, COHORT, path)
    shutil.rmtree(folder)
    archive.unlink()

    def breaks(*_: Any) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("flows.bundling.write_table", breaks)
    for path in (folder, archive):
        with pytest.raises(StoreError, match="No space left"):
            written(store, COHORT, path)
    assert list(tmp_path.iterdir()) == []


def test_no_secret_leaves(store: Store) -> None:
    """What may leave is named for every kind of act; a seed, a list, a quote, a text about somebody is not."""
    trial_kinds = {name for name, kind in ACTS.items() if kind.states} - {"viewed"}
    assert trial_kinds == set(exported.KEPT) | (trial_kinds & {"grant"})
    for name, kept in exported.KEPT.items():
        fields = set(ACTS[name].body.model_fields)
        left_in = fields if kept is None else set(kept)
        assert left_in <= fields
        assert not left_in & {"sealed", "key", "quote", "goal"}
        assert name not in ("safety_event", "safety_judged", "fund_answer") or not left_in & {"text", "reason"}


def test_a_quote_and_a_view_are_not_in_it(store: Store, tmp_path: Path) -> None:
    """A voice is there with its codes and without its words; who was shown what is in no bundle."""
    body = Voice(who="family", codes=("calm",), stance="helps", quote="sealed words", consent=True, day=day(20).date())
    acts.act(store, COHORT, VOICE, body, by="Ann", at=day(20))
    path = written(store, COHORT, tmp_path / "out")
    told = json.loads((path / "acts.json").read_text())
    assert [one["kind"] for one in told] == ["voice"]
    assert all(b"sealed words" not in file.read_bytes() for file in path.rglob("*") if file.is_file())
    viewed = acts.acts(store, COHORT, [VIEWED])
    assert viewed[-1].body.what == "rows"
    assert viewed[-1].by == "Ann"


def test_roles_decide_who_is_given_rows(tmp_path: Path) -> None:
    """In a programme with roles a stakeholder gets counts alone; an operator whom the plan keeps from results by arm gets rows
    once the trial is closed; a custodian gets them, on record."""
    store = open_store(f"sqlite:///{tmp_path / 'roadtest.db'}")
    protocol = plan(
        COHORT,
        programme="north",
        primary={"measure": "came", "kind": "binary", "better": "higher", "baseline": 0.5, "worthwhile": 0.15},
    )
    ledger.register(store, protocol, by="Ann", at=day(0), now=day(0))
    ledger.seal(store, COHORT, by="Bea", at=day(1), now=day(1))
    send(store, COHORT, [person(one, float(one % 3 == 0), ("usual", "new")[one % 2]) for one in range(1, 41)], sent=3)
    for name, role in (("Cus", "custodian"), ("Op", "operator"), ("Sta", "stakeholder")):
        granting.give(store, "north", name, role, by="Ann", at=day(4))  # type: ignore[arg-type]
    for name, why in (("Sta", "must be"), ("Op", "results by arm"), ("Ann", "must be")):
        with pytest.raises(ForbiddenError, match=why):
            write_bundle(store, COHORT, tmp_path / "no", by=name, at=day(5))
        with pytest.raises(ForbiddenError, match=why):
            taking_out._rows(store.as_person(name), COHORT, None, None, None, tmp_path / "no.csv", False)
    assert acts.acts(store, COHORT, [VIEWED]) == ()
    assert not (tmp_path / "no").exists()
    write_bundle(store, COHORT, tmp_path / "yes", by="Cus", at=day(5))
    taking_out._rows(store.as_person("Cus"), COHORT, None, None, None, tmp_path / "yes.csv", False)
    seen = acts.acts(store, COHORT, [VIEWED])
    assert [(one.by, one.body.what, one.body.role) for one in seen] == [("Cus", "rows", "custodian")] * 2
    store.close()


def _app() -> typer.Typer:
    app = typer.Typer()
    taking_out.add(app)
    return app


def test_the_command_writes_counts_rows_and_bundles(
    store: Store, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """`export` takes one thing at a time; counts are the released ones; a bundle says what to do next."""
    url = f"sqlite:///{store.engine.url.database}"
    monkeypatch.setenv("ROADTEST_DATABASE_URL", url)
    app, run = _app(), CliRunner()

    def said(*words: str) -> Any:
        return run.invoke(app, ["export", CALLS, *words, "--home", str(tmp_path / "home"), "--by", "Ann"])

    refused = (["--bundle", "x", "--counts"], ["--bundle", "x", "--to", "y.csv"], ["--counts", "--as-of", "2026-01-01"])
    for words in refused:
        answer = said(*words)
        assert (answer.exit_code, "must be" in answer.stderr) == (1, True), answer.output
    table = seeing.released(store, CALLS)
    told = json.loads(said("--counts", "--json").stdout)
    assert told == {"trial": CALLS, **seeing.counts_json(table)}
    assert said("--counts").stdout == seeing.counts_csv(table)
    assert said("--counts", "--to", str(tmp_path / "counts.csv")).exit_code == 0
    assert (tmp_path / "counts.csv").read_text() == seeing.counts_csv(table)
    assert said("--to", str(tmp_path / "rows.csv")).exit_code == 0
    answer = said("--bundle", str(tmp_path / "out.zip"), "--json")
    assert json.loads(answer.stdout)["rows"]["looks"] == len(reading.looks(store, CALLS))
    answer = said("--bundle", str(tmp_path / "out"))
    assert f"Next: roadtest recompute {tmp_path / 'out'}" in answer.stdout
    answer = run.invoke(app, ["recompute", str(tmp_path / "out")])
    assert answer.exit_code == 0
    assert "equal to the last bit" in answer.stdout


def test_what_an_act_is_survives_what_it_says() -> None:
    """A safety event says of what kind it was; that it is a safety event stands beside it, not under it."""
    body = SafetyEvent(day=date(2026, 1, 5), serious=True, kind="hospital", text="Taken in for a night.")
    told = exported._told(Act("a-trial", 3, SAFETY_EVENT.name, "anna", datetime(2026, 1, 6, tzinfo=UTC), 0, body))
    assert (told["kind"], told["said_kind"]) == ("safety_event", "hospital")
    assert (told["seq"], told["by"], told["look"]) == (3, "anna", 0)
