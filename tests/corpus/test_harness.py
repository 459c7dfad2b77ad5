"""The harness itself: a manifest that is wrong, or a system that is, must not pass."""

from __future__ import annotations

import copy
import gzip
import json
import re
import shutil
import zipfile
from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import date
from pathlib import Path
from typing import Any

import pytest

from tests.corpus import command, judging, manifest, phrases, plain
from tests.corpus.command import Played
from tests.corpus.manifest import Case, Ending, ManifestError
from tests.corpus.state import Version, pseudonyms

pytestmark = [pytest.mark.usefixtures("prefect"), pytest.mark.timeout(300)]

HERE = Path(__file__).parent
Change = Callable[[dict[str, Any]], object]


def body(name: str) -> dict[str, Any]:
    """The kept manifest's entry of a case, to be changed."""
    found = manifest.load(HERE / "data")
    return copy.deepcopy(dict(found.cases[found.names.index(name)]))


def case_from(entry: dict[str, Any]) -> Case:
    return manifest.case_of(manifest.load(HERE / "data"), entry)


@pytest.mark.parametrize(
    ("name", "change", "complaint"),
    [
        ("S08", lambda one: one["expected"].update(action="quarantine_row"), "action"),
        ("S08", lambda one: one["expected"].update(acepted=17), "acepted is not known"),
        ("S08", lambda one: one["expected"].pop("accepted"), "accepted"),
        ("S08", lambda one: one["expected"].update(quarantined=2), "2 quarantined, but records"),
        ("S08", lambda one: one["expected"].update(accepted="17"), "whole number"),
        ("S12", lambda one: one["expected"].update(accepted=1), "must have 0 accepted"),
        ("S08", lambda one: one.update(quarantined_records=[2, 9, 9]), "each once"),
        ("S08", lambda one: one.pop("quarantined_records"), "quarantined_records missing"),
        ("S08", lambda one: one.update(must_nott="create an arm"), "did you mean must_not"),
        ("S08", lambda one: one.update(expected_sites=["A"]), "can't be judged"),
        ("S08", lambda one: one["files"][0].update(name="files/S08_gone.csv"), "is not there"),
        ("S08", lambda one: one["files"][0].update(sha256="0" * 64), "sha256"),
        ("S08", lambda one: one["files"][0].pop("sha256"), "sha256"),
        ("S08", lambda one: one["files"][0].update(bytes=1), "bytes"),
        ("S08", lambda one: one["files"][0].update(name="../test_harness.py"), "outside the folder"),
        ("S07", lambda one: one["also_acceptable"][0].update(action="accept_all"), "action"),
        ("S07", lambda one: one["also_acceptable"][0].update(records=[21]), "but records"),
        ("S23", lambda one: one.pop("steps"), "must play the files"),
        ("S23", lambda one: one["steps"].pop(0), "must play the files"),
        ("S23", lambda one: one["steps"][1].update(accepted=3), "as expected says"),
        ("S23", lambda one: one["steps"][0].pop("sent_at"), "sent_at"),
        ("S23", lambda one: one["steps"][0].update(sent_at="early in May"), "sent_at"),
        ("S23", lambda one: one["final_state"].update(people=20), "people is not known"),
        ("S23", lambda one: one["final_state"]["values"]["A-0014"].update(reofended=1), "reofended is not known"),
        ("S23", lambda one: one["final_state"]["values"]["A-0014"].update(reoffended="1"), "a number or null"),
        ("S23", lambda one: one["final_state"]["values"]["A-0014"].update(outcome_on="in May"), "must be a date"),
        ("S23", lambda one: one["final_state"]["values"]["A-0014"].update(outcome_on=None), "must be a date"),
        ("S08", lambda one: one.update(as_of="1 July 2024"), "as_of"),
        ("S08", lambda one: one.update(control=True), "control"),
        ("S12", lambda one: one.update(control=True), "control"),
        ("S00a", lambda one: one.update(format="parquet"), "format"),
        ("S00a", lambda one: one.update(format="csv.gz"), "format"),
    ],
)
def test_a_faulty_entry_is_a_failure(name: str, change: Change, complaint: str) -> None:
    """What is missing, unknown, contradictory or not as its hash says is never passed over."""
    entry = body(name)
    change(entry)
    with pytest.raises(ManifestError, match=complaint):
        case_from(entry)


def test_a_note_is_listed_and_not_judged() -> None:
    """A field that asks for nothing does no harm: it is named after the run."""
    assert case_from(body("S08") | {"seed": 7, "country": "UK"}).unjudged == ("country", "seed")


@pytest.mark.parametrize(
    "text",
    [
        "{",
        '{"cases": {}}',
        '{"cases": []}',
        '{"cases": [{"case": "a"}, {"case": "a"}]}',
        '{"columns": ["participant_id"], "cases": [{}]}',
        '{"cases": [{"case": "a", "case": "b"}]}',
    ],
)
def test_a_faulty_manifest_is_a_failure(text: str, tmp_path: Path) -> None:
    """A manifest that is no JSON, has no cases, one twice, or other columns is not played as if it were right."""
    (tmp_path / "manifest.json").write_text(text, encoding="utf-8")
    with pytest.raises(ManifestError):
        manifest.load(tmp_path)


@dataclass(frozen=True)
class Bench:
    """Two kept cases as they were played: one with rows set aside, and the one that corrects."""

    played: dict[str, Played]
    register: dict[str, command.Person]

    def wrong(self, name: str, **changes: Any) -> list[str]:
        """What the judges say when the manifest's case were another."""
        played = self.played[name]
        case = replace(played.case, **changes)
        turns = [replace(turn, step=step) for turn, step in zip(played.turns, case.steps, strict=True)]
        return self.of(replace(played, case=case, turns=tuple(turns)))

    def of(self, played: Played) -> list[str]:
        facts = judging.facts_of(played.case, played, self.register)
        return [*judging.judge(facts), *phrases.judge(facts)[0]]


@pytest.fixture(scope="session")
def bench(corpus: Any, ingested: Callable[[Case], Played], tmp_path_factory: pytest.TempPathFactory) -> Bench:
    """The kept cases, played; where the session plays the kept corpus anyway, as it plays them."""
    cases = [case_from(body(name)) for name in ("S00a", "S08", "S12", "S17", "S23")]
    register = HERE / "data" / "register.csv"
    if corpus.folder == HERE / "data":
        return Bench({case.name: ingested(case) for case in cases}, command.people(register))
    folder = tmp_path_factory.mktemp("bench")
    command.prepare(folder / "prepared", [command.TRIAL], register)
    played = {case.name: command.play(case, folder / "prepared", folder / case.name) for case in cases}
    return Bench(played, command.people(register))


def answer(bench: Bench, name: str, *endings: Ending) -> dict[str, Any]:
    """The case's steps with other right answers to the last one."""
    steps = bench.played[name].case.steps
    return {"steps": (*steps[:-1], replace(steps[-1], endings=endings))}


@pytest.mark.parametrize("name", ["S00a", "S08", "S12", "S17", "S23"])
def test_the_kept_cases_pass(bench: Bench, name: str) -> None:
    """The cases that the following tests spoil pass as they are."""
    assert bench.wrong(name) == []


@pytest.mark.parametrize(
    ("name", "ending"),
    [
        ("S00a", Ending("accept_with_warning", 20, 0, ())),
        ("S00a", Ending("accept", 19, 0, ())),
        ("S00a", Ending("reject_batch", 0, 0, ())),
        ("S08", Ending("quarantine_rows", 18, 3, (2, 9, 15))),
        ("S08", Ending("quarantine_rows", 17, 3, (2, 9, 14))),
        ("S08", Ending("quarantine_rows", 16, 4, (2, 9, 14, 15))),
        ("S08", Ending("quarantine_rows", 17, 2, (2, 9))),
        ("S08", Ending("accept", 17, 0, ())),
        ("S12", Ending("accept", 0, 0, ())),
        ("S12", Ending("quarantine_rows", 0, 1, (1,))),
        ("S23", Ending("accept", 2, 0, ())),
        ("S23", Ending("quarantine_rows", 0, 2, None)),
    ],
)
def test_another_ending_is_a_failure(bench: Bench, name: str, ending: Ending) -> None:
    """Another action, other counts or other rows than happened are found, alone and as alternatives."""
    assert bench.wrong(name, **answer(bench, name, ending))
    assert bench.wrong(name, **answer(bench, name, ending, ending))


def test_an_alternative_counts_only_whole(bench: Bench) -> None:
    """The action of one right answer with the counts of another is no right answer; a whole alternative is one."""
    right = Ending("quarantine_rows", 17, 3, (2, 9, 15))
    other = Ending("quarantine_rows", 20, 0, ())
    assert bench.wrong("S08", **answer(bench, "S08", other, right)) == []
    mixed = (Ending("accept", 17, 3, (2, 9, 15)), Ending("quarantine_rows", 20, 0, ()))
    assert bench.wrong("S08", **answer(bench, "S08", *mixed))


@pytest.mark.parametrize(
    ("name", "changes"),
    [
        ("S08", {"words": ("delimiter", "traceback")}),
        ("S08", {"words": ("S08_unknown", "unknown_arm.csv")}),
        ("S12", {"words": ("delimiter",)}),
        ("S08", {"rows": 19}),
        ("S23", {"participants": 22}),
        ("S23", {"values": {"A-0014": {"reoffended": 0}}}),
        ("S23", {"values": {"B-0019": {"wellbeing": 61.5}}}),
        ("S23", {"values": {"B-0019": {"wellbeing": None}}}),
        ("S23", {"values": {"A-0014": {"outcome_on": "2024-03-30"}}}),
        ("S23", {"values": {"E-9999": {"reoffended": 1}}}),
        ("S08", {"as_of": date(2023, 6, 1)}),
        ("S23", {"must_not": ("count 20 participants",)}),
        ("S12", {"must_not": ("reject the file because it is short",)}),
    ],
)
def test_another_demand_is_a_failure(bench: Bench, name: str, changes: dict[str, Any]) -> None:
    """Other words, numbers of rows and people, final values, dates and prohibitions are found."""
    assert bench.wrong(name, **changes)


def test_a_step_before_the_last_is_judged(bench: Bench) -> None:
    """The counts of the first of two uploads are held, too."""
    first, last = bench.played["S23"].case.steps
    assert bench.wrong("S23", steps=(replace(first, accepted=19), last))
    assert bench.wrong("S23", steps=(replace(first, accepted=19, quarantined=1), last))


def repeated(played: Played, **changes: Any) -> Played:
    """The same play as if every row of the last upload had repeated what was known."""
    *before, last = played.turns
    report = last.report or {}
    said = {**report, "accepted": 0, "duplicates": report["accepted"] + report["duplicates"], **changes}
    return replace(played, turns=(*before, replace(last, report=said)))


def test_repeated_rows_are_accepted_ones_or_no_new_ones(bench: Bench) -> None:
    """Rows that repeat what is known fit the answers 'all accepted' and 'none new', and no other count or action."""
    played = repeated(bench.played["S00a"])
    [turn] = played.turns
    for accepted in (0, 20):
        assert judging.ends_as(turn, Ending("accept", accepted, 0, ()))
        assert judging.fits(turn, accepted, 0)
    assert not judging.ends_as(turn, Ending("accept", 10, 0, ()))
    assert not judging.ends_as(turn, Ending("accept_with_warning", 0, 0, ()))
    assert not judging.ends_as(turn, Ending("accept", 0, 1, None))
    [fresh] = bench.played["S00a"].turns
    assert not judging.ends_as(fresh, Ending("accept", 0, 0, ()))


def test_a_delivery_that_came_before_is_judged_by_its_counts(bench: Bench) -> None:
    """Said again, a delivery repeats no rows: those kept aside of it may be counted or not, other numbers may not."""
    [turn] = bench.played["S08"].turns
    report = turn.report or {}
    said = report | {"accepted": 0, "duplicates": 17, "quarantined": 0, "reasons": [], "already_known": True}
    known = replace(turn, report=said)
    for accepted, quarantined, right in ((17, 3, True), (0, 0, True), (17, 0, True), (16, 3, False), (17, 4, False)):
        assert judging.fits(known, accepted, quarantined) is right


def test_null_in_the_final_state_goes_before_the_cells(bench: Bench) -> None:
    """A value that the final state says is taken back may be gone although a cell gave it; no other may."""
    played = bench.played["S23"]
    hidden = judging.facts_of(played.case, played, bench.register).hidden["B-0019"]
    kept = [one for one in played.turns[-1].state.versions if (one.measure, one.participant) != ("wellbeing", hidden)]
    spoilt = spoilt_state(played, versions=tuple(kept))
    values = {**played.case.values, "B-0019": {"wellbeing": None}}
    lacking = [one for one in bench.of(spoilt) if "lack theirs" in one]
    left = bench.of(replace(spoilt, case=replace(played.case, values=values)))
    assert lacking
    assert not [one for one in left if "lack theirs" in one or "final_state" in one]


def test_the_newest_day_is_the_one_that_counts(bench: Bench) -> None:
    """Of a person in two deliveries the day of the newer one is demanded."""
    played = bench.played["S23"]
    facts = judging.facts_of(played.case, played, bench.register)
    who = facts.hidden["A-0014"]
    newest = facts.last.state.current("reoffended")[who]
    versions = [replace(one, observed_on="2024-03-30") if one == newest else one for one in facts.last.state.versions]
    assert any("observed on" in one for one in bench.of(spoilt_state(played, versions=tuple(versions))))


def test_collect_names_what_it_refused(bench: Bench) -> None:
    """A run of collect exits 1 and says the refusal's sentence on stderr for each trial refused, and for no other."""
    refused, taken = bench.played["S12"], bench.played["S08"]
    sentence = f"roadtest: {refused.trial}: {(refused.turns[0].report or {})['refusal']}\n"

    def wrong(played: Played, code: int, err: str) -> list[str]:
        [turn] = played.turns
        done = replace(turn.done, code=code, err=err)
        other = replace(played, way="collect", turns=(replace(turn, done=done),))
        return [one for one in bench.of(other) if "collect" in one]

    assert wrong(refused, 1, sentence) == []
    assert wrong(taken, 0, "") == []
    assert wrong(taken, 1, "roadtest: another: it was refused.\n") == []
    for played, code, err in ((refused, 0, sentence), (refused, 0, ""), (refused, 1, "roadtest: another: why.\n")):
        assert wrong(played, code, err)
    assert wrong(refused, 1, f"roadtest: {refused.trial}: something else\n")
    assert wrong(taken, 1, f"roadtest: {taken.trial}: why.\n")


def spoilt_file(played: Played, folder: Path, text: str) -> Played:
    """The same play as if the file had been another."""
    (folder / "sent.csv").write_text(text, encoding="utf-8")
    [turn] = played.turns
    step = replace(turn.step, file="sent.csv")
    case = replace(played.case, folder=folder, steps=(step,))
    return replace(played, case=case, turns=(replace(turn, step=step),))


@pytest.mark.parametrize(
    "cell", ["call kim@mail.example on Monday", "AB123456C", "CE 65 43 21 D", "020 7946 0018", "1961-02-11"]
)
def test_a_kept_identifier_is_found(bench: Bench, tmp_path: Path, cell: str) -> None:
    """What looks like an identifier in an unknown column is found in the log and in what the command says."""
    played, phrase = bench.played["S08"], "store or log the identifier"
    sent = (HERE / "data" / "files" / "S08_unknown_arm.csv").read_text(encoding="utf-8").splitlines()
    text = "\n".join([f"{sent[0]},notes", *(f"{one},{cell}" for one in sent[1:])])
    shutil.copytree(played.home, tmp_path / "home")
    found = replace(spoilt_file(played, tmp_path, text), home=tmp_path / "home")

    def wrong(one: Played) -> list[str]:
        return list(phrases.identifiers(judging.facts_of(one.case, one, bench.register), phrase))

    assert wrong(found) == []
    [turn] = found.turns
    assert wrong(replace(found, turns=(replace(turn, done=replace(turn.done, out=f"notes: {cell}")),)))
    with (tmp_path / "home" / "roadtest.log").open("a", encoding="utf-8") as log:
        log.write(f"row 3: {cell}\n")
    assert wrong(found)


def test_a_swallowed_row_is_found(bench: Bench, tmp_path: Path) -> None:
    """People whose lines lie inside an open quote must have no value."""
    played = bench.played["S00a"]
    lines = (HERE / "data" / "files" / "S00a_clean.csv").read_text(encoding="utf-8").splitlines()
    lines[9] = lines[9].replace(",", ',"', 1)
    for text, held in (("\n".join(lines), True), ("\n".join(lines).replace('"', ""), False)):
        spoilt = spoilt_file(played, tmp_path, text)
        facts = judging.facts_of(spoilt.case, spoilt, bench.register)
        assert bool(list(phrases.swallowed(facts, "accept the swallowed rows"))) is held


def test_a_participant_of_that_name_is_found(bench: Bench) -> None:
    """A value of somebody who is not in the register, or who has the name that the phrase gives, is found."""
    played = bench.played["S08"]
    for name in ("Total", next(iter(pseudonyms(played.home, played.trial, ["Total"]).values()))):
        one = replace(played.turns[-1].state.versions[0], participant=name)
        spoilt = spoilt_state(played, versions=(*played.turns[-1].state.versions, one))
        facts = judging.facts_of(spoilt.case, spoilt, bench.register)
        assert len(list(phrases.named_people(facts, "create a participant called Total"))) == 2


@pytest.mark.parametrize(
    ("phrase", "judged"),
    [
        ("guess day and month", phrases.dates),
        ("create a participant called Total", phrases.named_people),
        ("accept the swallowed rows", phrases.swallowed),
        ("store or log the identifier", phrases.identifiers),
        ("print the e-mail address", phrases.identifiers),
        ("keep anybody's phone number", phrases.identifiers),
    ],
)
def test_a_phrase_has_the_judge_that_is_meant(phrase: str, judged: phrases.Judge) -> None:
    """Phrases of other corpora reach the judge of their sort."""
    assert judged in [one for pattern, one in phrases.JUDGES if re.search(pattern, phrase, re.IGNORECASE)]


def test_the_file_name_proves_nothing(bench: Bench) -> None:
    """A reason word that stands only in the delivery's own name is not in the report."""
    [turn] = bench.played["S12"].turns
    assert turn.report is not None
    said = turn.report | {"refusal": f"{turn.report['name']}: it can't be taken."}
    played = bench.played["S12"]
    spoilt = replace(played, turns=(replace(turn, report=said),), case=replace(played.case, words=("zero_bytes",)))
    assert any("must mention" in one for one in bench.of(spoilt))


def spoilt_state(played: Played, **changes: Any) -> Played:
    """The same play with another state after the last upload, and after the repetition."""
    *before, last = played.turns
    state = replace(last.state, **changes)
    return replace(played, turns=(*before, replace(last, state=state)), again=state)


def test_a_value_that_no_cell_says_is_found(bench: Bench) -> None:
    """Values clipped, moved to somebody else, made up, lost or of another day fail the judges."""
    played = bench.played["S00a"]
    one, *others = played.turns[-1].state.versions
    nobody = next(who for who in played.turns[-1].state.enrolled if who not in {v.participant for v in (one, *others)})
    made_up = Version("reoffended", nobody, 1, "2024-01-01", 1.0, one.sent_at, one.batch)
    clipped = replace(one, value=(one.value or 0.0) + 0.5)
    for versions in (
        [clipped, *others],
        others,
        [one, *others, made_up],
        [replace(one, observed_on="2024-01-01"), *others],
    ):
        assert bench.of(spoilt_state(played, versions=tuple(versions)))


def test_a_third_arm_or_a_new_person_is_found(bench: Bench) -> None:
    """Anybody enrolled who is not in the register, or with another arm, fails the judges."""
    played = bench.played["S08"]
    enrolled = played.turns[-1].state.enrolled
    first = next(iter(enrolled))
    assert bench.of(spoilt_state(played, enrolled=enrolled | {"somebody": ("A", "control", "2024-01-01")}))
    assert bench.of(spoilt_state(played, enrolled=enrolled | {first: ("A", "placebo", "2024-01-01")}))


def test_what_a_command_must_not_do_is_found(bench: Bench) -> None:
    """A traceback, a wrong exit code, no report and a repetition that adds something fail the judges."""
    played = bench.played["S08"]
    [turn] = played.turns
    traced = replace(turn.done, err='Traceback (most recent call last):\n  File "x.py", line 1')
    for done in (traced, replace(turn.done, code=2), replace(turn.done, code=1)):
        assert bench.of(replace(played, turns=(replace(turn, done=done),)))
    facts = judging.facts_of(played.case, replace(played, turns=(replace(turn, report=None),)), bench.register)
    assert judging.judge(facts)
    twice = replace(played.again, batches=(*played.again.batches, (9, "again", "accept")))
    assert bench.of(replace(played, again=twice))


def test_an_id_in_the_database_or_the_log_is_found(bench: Bench, tmp_path: Path) -> None:
    """A participant's id in the home's log, in whatever case, fails the judges."""
    played = bench.played["S08"]
    shutil.copytree(played.home, tmp_path / "home")
    with (tmp_path / "home" / "roadtest.log").open("a", encoding="utf-8") as log:
        log.write("row of a-0006 set aside\n")
    assert any("ids stand in" in one for one in bench.of(replace(played, home=tmp_path / "home")))


@pytest.mark.parametrize(
    "phrase", [entry["must_not"] for entry in manifest.load(HERE / "data").cases if entry["must_not"]]
)
def test_every_kept_phrase_has_a_judge_of_its_own(phrase: str) -> None:
    """None of the kept cases' prohibitions is left to the general judges."""
    assert any(re.search(pattern, phrase, re.IGNORECASE) for pattern, _ in phrases.JUDGES)


@pytest.mark.parametrize(
    ("cell", "number"),
    [
        *(
            ("1,234.5", 1234.5),
            ("1e3", 1000.0),
            (" 7 ", 7.0),
            (3, 3.0),
            ("1.5.2", None),
            ("12,34", None),
            ("1e999", None),
        ),
        *((True, None), ("½", None), ("٣", None), ("0x10", None), ("", None), ([1], None)),
    ],
)
def test_the_plain_reader_reads_numbers_plainly(cell: Any, number: float | None) -> None:
    """Only what is a number to everybody is one."""
    assert plain.number(cell) == number


def test_an_archive_without_a_sheet_is_no_table(tmp_path: Path) -> None:
    """A zip archive that is no workbook is unreadable, under whatever name."""
    with zipfile.ZipFile(tmp_path / "a.csv", "w") as archive:
        archive.writestr("inner.csv", "participant_id,site")
    assert plain.read(tmp_path / "a.csv") is None


def test_the_plain_reader_reads_what_sites_send(tmp_path: Path) -> None:
    """The same two records come out of CSV, TSV, gz, JSON, NDJSON, Excel and Parquet."""
    import openpyxl
    import pyarrow
    import pyarrow.parquet

    names = ("participant_id", "outcome_on", "reoffended", "wellbeing")
    records = [("A-0001", date(2024, 1, 2), 1, 61.5), ("A-0002", date(2024, 1, 3), 0, None)]
    lines = [[plain.text(cell) for cell in record] for record in (names, *records)]
    objects = [
        dict(zip(names, [str(day) if isinstance(day, date) else day for day in one], strict=True)) for one in records
    ]
    (tmp_path / "a.csv").write_text("\n".join(",".join(one) for one in lines), encoding="utf-16")
    (tmp_path / "a.tsv").write_text("\n".join("\t".join(one) for one in lines), encoding="utf-8")
    (tmp_path / "a.csv.gz").write_bytes(gzip.compress("\n".join(";".join(one) for one in lines).encode()))
    (tmp_path / "a.json").write_text(json.dumps({"rows": objects}), encoding="utf-8")
    (tmp_path / "a.ndjson").write_text("\n".join(map(json.dumps, objects)), encoding="utf-8")
    pyarrow.parquet.write_table(
        pyarrow.table({name: [one[place] for one in records] for place, name in enumerate(names)}),
        tmp_path / "a.parquet",
    )
    book = openpyxl.Workbook()
    for one in (names, *records):
        book.active.append(one)
    book.save(tmp_path / "a.xlsx")
    for path in sorted(tmp_path.iterdir()):
        read = plain.read(path)
        assert read is not None, path.name
        found = [[plain.text(one.get(name)) for name in names] for one in read.records if one]
        assert found == lines[1:], path.name
