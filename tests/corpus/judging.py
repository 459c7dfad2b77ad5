"""Whether a case ended as its manifest says: `judge` returns a sentence for everything that did not.

What the manifest spells out (action, counts, rows, words, steps, final state) is held to the letter. What it must not be
(free text) is held by the general judges here, on every case, and by those in `phrases` whose pattern the text matches.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, time
from pathlib import Path
from typing import Any

from tests.corpus import plain
from tests.corpus.command import Person, Played, Turn
from tests.corpus.manifest import MEASURES, OUTCOME_ON, Case, Ending
from tests.corpus.plain import Plain
from tests.corpus.state import id_shaped, pseudonyms

RECEIPT = ("action", "accepted", "quarantined", "duplicates", "corrections", "reasons", "warnings", "refusal")


@dataclass(frozen=True, slots=True)
class Row:
    """One accepted record as the file itself has it, and its person in the register (None when nobody there is meant)."""

    number: int
    cells: Mapping[str, Any]
    person: Person | None

    def says(self, measure: str) -> float | None:
        """The number of a measure; None for a missing one."""
        return None if plain.is_missing(self.cells.get(measure)) else plain.number(self.cells.get(measure))


@dataclass(slots=True)
class Facts:
    """A played case beside what its files say. read: per turn the file's records, None where they can't be had apart from
    Roadtest; accepted: per turn its accepted rows."""

    case: Case
    played: Played
    register: Mapping[str, Person]
    read: tuple[Plain | None, ...]
    accepted: tuple[tuple[Row, ...], ...]
    hidden: Mapping[str, str]
    notes: list[str] = field(default_factory=list)

    @property
    def last(self) -> Turn:
        return self.played.turns[-1]

    @property
    def judged(self) -> bool:
        """Whether the stored values can be held against the files."""
        return all(one is not None or not _stored(turn) for one, turn in zip(self.read, self.played.turns, strict=True))

    def said(self) -> str:
        """What the last report says of the file and its bad rows, without names of files and trials."""
        return words_of(self.last, self.played.trial)


def facts_of(case: Case, played: Played, register: Mapping[str, Person]) -> Facts:
    read = tuple(plain.read(case.path(turn.step)) for turn in played.turns)
    accepted = tuple(_rows(turn, one, register) for turn, one in zip(played.turns, read, strict=True))
    return Facts(case, played, register, read, accepted, pseudonyms(played.home, played.trial, list(register)))


def judge(facts: Facts) -> list[str]:
    """Everything that is not as the manifest, or common sense, says; empty = the case is as it must be."""
    found = [sentence for turn in facts.played.turns for sentence in _command(turn, facts.played)]
    if any(turn.report is None for turn in facts.played.turns):
        said = "; ".join(turn.done.err.strip()[-600:] for turn in facts.played.turns if turn.report is None)
        return [*found, f"no report came, must be one JSON object with the receipt's fields: {said}"]
    for judged in (_endings, _words, _rows_in_file, _rules, _values, _people, _final_state, _again, _ids):
        found += list(judged(facts))
    return found


def _command(turn: Turn, played: Played) -> Iterator[str]:
    """What every command must be like, whatever came in."""
    done, report, way = turn.done, turn.report, played.way
    if "Traceback" in done.out + done.err or re.search(r'File ".+", line \d+', done.out + done.err):
        yield f"a traceback was shown: {(done.err or done.out)[-300:]}"
    if done.code not in (0, 1):
        yield f"exit code {done.code}, must be 0 or 1"
    if report is None:
        return
    absent = [name for name in RECEIPT if name not in report]
    if absent:
        yield f"the report lacks {', '.join(absent)}"
    refused = report.get("refusal") is not None
    if refused != (report.get("action") == "reject_batch"):
        yield f"action {report.get('action')} with the refusal {report.get('refusal')!r} contradicts itself"
    if way != "collect" and done.code != int(refused):
        yield f"exit code {done.code}, must be {int(refused)} for {report.get('action')}"
    if way == "collect":
        yield from _told(turn, played.trial, refused and not report.get("already_known"))
    if not refused and done.err and way != "collect":
        yield f"stderr says {done.err[-300:]!r}, must be empty"


def _told(turn: Turn, trial: str, refused: bool) -> Iterator[str]:
    """One run is for many trials: it exits 1 when a delivery of one was refused, and its stderr names just those."""
    done, start = turn.done, f"roadtest: {trial}: "
    named = any(line.startswith(start) for line in done.err.splitlines())
    if named != refused:
        yield f"stderr of collect names {trial}: {named}, must be {refused}: {done.err[-300:]}"
    if refused and turn.report is not None and f"{start}{turn.report['refusal']}" not in done.err:
        yield "stderr of collect has another sentence than the receipt's refusal"
    if done.code != int(bool(done.err)):
        yield f"exit code {done.code} of collect, must be {int(bool(done.err))} with stderr {done.err[-300:]!r}"


def counted(report: Mapping[str, Any]) -> tuple[str, int, int, tuple[int, ...]]:
    """(action, accepted, quarantined, row numbers) of a report. Rows that repeat what is known count as accepted."""
    rows = tuple(sorted(one["row"] for one in report["reasons"]))
    return report["action"], report["accepted"] + report["duplicates"], report["quarantined"], rows


def fits(turn: Turn, accepted: int | None, quarantined: int | None) -> bool:
    """Whether a report has these counts. Rows that repeat what is known may be counted as accepted, or not.

    A delivery that came before reports no rows again: those that the ledger keeps aside of it may be counted, or not.
    """
    report = turn.report or {}
    right = {report["accepted"], report["accepted"] + report["duplicates"]}
    aside = {report["quarantined"]}
    if report.get("already_known"):
        for seq in (seq for seq, _, action in turn.state.batches if action == report["action"]):
            aside.add(sum(batch == seq for batch, _, _ in turn.state.quarantine))
    return accepted in right and quarantined in aside


def ends_as(turn: Turn, ending: Ending) -> bool:
    """Whether a report is this right answer, whole."""
    report = turn.report or {}
    action, _, quarantined, rows = counted(report)
    if ending.action not in ("", action) or not fits(turn, ending.accepted, ending.quarantined):
        return False
    if report.get("already_known"):
        return True
    return len(set(rows)) == quarantined if ending.records is None else rows == ending.records


def _endings(facts: Facts) -> Iterator[str]:
    for number, turn in enumerate(facts.played.turns, start=1):
        report, step = turn.report or {}, turn.step
        action, accepted, quarantined, rows = counted(report)
        got = f"{action}, {accepted} accepted, {quarantined} quarantined, rows {_shown(rows)}"
        if step.endings and not any(ends_as(turn, one) for one in step.endings):
            yield f"step {number} ended as {got}; must be {' or '.join(map(_said, step.endings))}"
        if not step.endings and not fits(turn, step.accepted, step.quarantined):
            yield f"step {number} ended as {got}; must be {step.accepted} accepted, {step.quarantined} quarantined"
        if len(rows) != quarantined:
            yield f"step {number} names {len(rows)} rows for {quarantined} quarantined ones"
        if any(not str(one["reason"]).strip() for one in report["reasons"]):
            yield f"step {number} sets a row aside without a reason"
        if action == "accept" and (report["warnings"] or quarantined):
            yield f"step {number} says accept, and beside it {report['warnings']}"
        if action == "accept_with_warning" and not report["warnings"] and not report.get("already_known"):
            yield f"step {number} says accept_with_warning without a warning"
        yield from _kept(facts, number, turn, rows)


def _kept(facts: Facts, number: int, turn: Turn, rows: Sequence[int]) -> Iterator[str]:
    """The quarantine and the batches hold what the report says."""
    before = set(facts.played.turns[number - 2].state.batches) if number > 1 else set()
    fresh = [one for one in turn.state.batches if one not in before]
    report = turn.report or {}
    if len(fresh) != (0 if report.get("already_known") else 1):
        yield f"step {number} added {len(fresh)} deliveries to the ledger"
        return
    for seq, _, action in fresh:
        kept = tuple(row for batch, row, _ in turn.state.quarantine if batch == seq)
        if kept != tuple(rows) or action != report["action"]:
            yield f"step {number}: the ledger keeps {action} with rows {_shown(kept)} aside, the report says otherwise"


def _words(facts: Facts) -> Iterator[str]:
    said, report = facts.said().lower(), facts.last.report or {}
    if report["action"] == "accept" or not facts.case.words:
        return  # nothing to report is one of the right answers then, or nothing is asked
    if not any(word.lower() in said for word in facts.case.words):
        yield f"the report says {said[:300]!r}, must mention one of {', '.join(facts.case.words)}"


def words_of(turn: Turn, trial: str) -> str:
    """Reasons, warnings and refusal; the file's own name proves nothing, so it is taken out."""
    report = turn.report or {}
    texts = [*(one["reason"] for one in report["reasons"]), *report["warnings"], report["refusal"] or ""]
    texts += ["already_known"] if report.get("already_known") else []
    said = "\n".join(dict.fromkeys(texts))
    name = Path(turn.step.file).name
    for one in (str(report.get("name", "")), name, Path(name).stem, trial):
        said = said.replace(one, "") if one else said
    return said


def _rows_in_file(facts: Facts) -> Iterator[str]:
    """No record vanishes: what was accepted and set aside is all that the file holds, by the manifest and by the file."""
    for number, (turn, read) in enumerate(zip(facts.played.turns, facts.read, strict=True), start=1):
        action, accepted, quarantined, _ = counted(turn.report or {})
        if action == "reject_batch" or (turn.report or {}).get("already_known"):
            continue
        if turn is facts.last and facts.case.rows not in (None, accepted + quarantined):
            yield f"{accepted} + {quarantined} rows came out, must be the file's {facts.case.rows}"
        if read is not None and len(read.records) != accepted + quarantined:
            yield f"step {number}: {accepted} + {quarantined} rows came out, the file holds {len(read.records)} records"


def _stored(turn: Turn) -> bool:
    report = turn.report
    return report is not None and report["action"] != "reject_batch" and counted(report)[1] > 0


def _rows(turn: Turn, read: Plain | None, register: Mapping[str, Person]) -> tuple[Row, ...]:
    if read is None or not _stored(turn) or turn.report is None or turn.report.get("already_known"):
        return ()
    aside = set(counted(turn.report)[3])
    by_case = {one.casefold(): person for one, person in register.items()}
    return tuple(
        Row(number, cells or {}, by_case.get(plain.text((cells or {}).get("participant_id")).casefold()))
        for number, cells in enumerate(read.records, start=1)
        if number not in aside
    )


def breaches(row: Row, as_of: date) -> Iterator[str]:
    """The rules of data/README.md that an accepted row breaks."""
    cells, person = row.cells, row.person
    if person is None:
        yield "its participant is not in the register"
        return
    for name in ("site", "arm"):
        if plain.text(cells.get(name)).casefold() != getattr(person, name).casefold():
            yield f"its {name} is not as registered"
    joined, seen = plain.day(cells.get("enrolled_on")), plain.day(cells.get("outcome_on"))
    if joined is None or joined.isoformat() != person.enrolled_on:
        yield "its enrolled_on is not the registered date"
    if seen is None or seen > as_of or (joined is not None and seen < joined):
        yield "its outcome_on is not a date from enrolled_on to as_of"
    if row.says("reoffended") not in (0, 1):
        yield "its reoffended is neither 0 nor 1"
    for name, low, high in (("wellbeing", 0.0, 100.0), ("staff_hours", 0.0, float("inf"))):
        value = row.says(name)
        if not plain.is_missing(cells.get(name)) and (value is None or not low <= value <= high):
            yield f"its {name} is no number from {low:g} to {high:g}"


def _rules(facts: Facts) -> Iterator[str]:
    for number, rows in enumerate(facts.accepted, start=1):
        for row in rows:
            for breach in breaches(row, facts.case.as_of):
                yield f"step {number}, row {row.number} was accepted, but {breach}"


def expected_values(facts: Facts) -> dict[tuple[str, str], tuple[float, str]]:
    """(measure, participant) -> the value that must count, and its day: those of the newest delivery that gives one."""
    found: dict[tuple[str, str], list[tuple[datetime, int, float, str]]] = {}
    for number, (turn, rows) in enumerate(zip(facts.played.turns, facts.accepted, strict=True)):
        sent_at = turn.step.sent_at or datetime.combine(facts.case.as_of, time(), tzinfo=UTC)
        for row in rows:
            for measure in MEASURES:
                value = row.says(measure)
                if row.person is not None and value is not None:
                    seen = plain.text(row.cells.get("outcome_on"))
                    key = (measure, row.person.participant_id)
                    found.setdefault(key, []).append((sent_at, number, value, seen))
    return {key: max(said)[2:] for key, said in found.items()}


def _values(facts: Facts) -> Iterator[str]:
    """What is stored is what the files' cells say: nothing more, nothing less, nothing clipped, shifted or filled in."""
    if not facts.judged:
        facts.notes.append("its values could not be read apart from Roadtest")
        return
    expected, state = expected_values(facts), facts.last.state
    for measure in MEASURES:
        wanted = {facts.hidden[who]: said for (name, who), said in expected.items() if name == measure}
        # What final_state says is taken back is judged by final_state alone.
        left = {facts.hidden.get(who) for who, said in facts.case.values.items() if said.get(measure, 0) is None}
        wanted = {who: said for who, said in wanted.items() if who not in left}
        kept = {who: one for who, one in state.current(measure).items() if who not in left}
        if kept.keys() != wanted.keys():
            more, less = len(kept.keys() - wanted.keys()), len(wanted.keys() - kept.keys())
            yield f"{measure}: {more} people have a value that no accepted row gives, {less} lack theirs"
        for who in kept.keys() & wanted.keys():
            value, seen = wanted[who]
            if kept[who].value != value:
                yield f"{measure}: {kept[who].value!r} is stored where the file says {value!r}"
            if measure == MEASURES[0] and kept[who].observed_on != seen:
                yield f"{measure}: observed on {kept[who].observed_on} is stored where the file says {seen}"
    strangers = {one.measure for one in state.versions} - set(MEASURES)
    if strangers:
        yield f"measures {sorted(strangers)} are stored, must be those of the plan"


def _people(facts: Facts) -> Iterator[str]:
    """The people are those of the register, each with the arm and site that it gives."""
    planned = {facts.hidden[who]: (one.site, one.arm, one.enrolled_on) for who, one in facts.register.items()}
    for state in (*(turn.state for turn in facts.played.turns), facts.played.again):
        if state.enrolled != planned:
            wrong = {who for who in state.enrolled if planned.get(who) != state.enrolled[who]}
            yield f"{len(state.enrolled)} people are enrolled, {len(wrong)} not as registered; must be the {len(planned)}"
            return


def _final_state(facts: Facts) -> Iterator[str]:
    case, state = facts.case, facts.last.state
    people = len(state.current(MEASURES[0]))
    if case.participants not in (None, people):
        yield f"{people} participants have an outcome at the end, must be {case.participants}"
    for who, said in case.values.items():
        if who not in facts.hidden:
            yield f"final_state names {who}, who is not in the register"
            continue
        for measure, value in said.items():
            kept = state.current(MEASURES[0] if measure == OUTCOME_ON else measure).get(facts.hidden[who])
            found = None if kept is None else kept.observed_on if measure == OUTCOME_ON else kept.value
            if found != value:
                yield f"final_state: {measure} of {who} is {found}, must be {value}"


def _again(facts: Facts) -> Iterator[str]:
    before, after = facts.last.state, facts.played.again
    if after != before:
        yield (
            f"the same files once more made {len(after.batches)} deliveries and {len(after.versions)} values of "
            f"{len(before.batches)} and {len(before.versions)}, must change nothing"
        )


def _ids(facts: Facts) -> Iterator[str]:
    """No participant's id, accepted or set aside, stands in the database or the log."""
    sent = [plain.text(one.get("participant_id")) for read in facts.read if read for one in read.records if one]
    ids = {one for one in (*sent, *facts.register) if re.fullmatch(r"[A-Za-z]{1,3}[-_ ]?[0-9]{3,}", one)}
    found = len({one.lower() for one in ids} & id_shaped(facts.played.home))
    if found:
        yield f"{found} of {len(ids)} participants' ids stand in the database or the log, must be none"


def _said(ending: Ending) -> str:
    counts = f"{ending.accepted} accepted, {ending.quarantined} quarantined"
    rows = "" if ending.records is None else f", rows {_shown(ending.records)}"
    return f"{ending.action or 'any action'}, {counts}{rows}"


def _shown(rows: Sequence[int]) -> str:
    return "none" if not rows else ", ".join(map(str, rows[:12])) + (", ..." if len(rows) > 12 else "")
