"""What a case must not do, in the manifest's own words: each judge below holds one sort of phrase.

A phrase may match several. Beside them all general judges of `judging` run on every case; a phrase that none of these
patterns knows is held by those alone, and the run's summary lists it.
"""

from __future__ import annotations

import csv
import io
import re
from collections.abc import Callable, Iterator
from typing import Any

from tests.corpus import command, plain
from tests.corpus.judging import Facts, counted
from tests.corpus.manifest import COLUMNS, MEASURES
from tests.corpus.state import pseudonyms, raw

Judge = Callable[[Facts, str], Iterator[str]]
_QUOTED = re.compile(r'["“”]([^"“”]+)["“”]')
_FORMULA = ("=", "+", "-", "@", "\t", "\r")


def _report(facts: Facts) -> dict[str, Any]:
    return facts.last.report or {}


def _accepted(facts: Facts) -> bool:
    return any(facts.accepted)


def refused(facts: Facts, phrase: str) -> Iterator[str]:
    if _report(facts)["action"] == "reject_batch":
        yield f"the file was refused: {_report(facts)['refusal']}"


def one_column(facts: Facts, phrase: str) -> Iterator[str]:
    for rows, read in zip(facts.accepted, facts.read, strict=True):
        if rows and (read is None or not plain.known(read.header)):
            yield "rows were accepted from a file whose columns were not told apart"


def crash(facts: Facts, phrase: str) -> Iterator[str]:
    text = "".join(turn.done.out + turn.done.err for turn in facts.played.turns)
    if re.search(r"Traceback|\w+(?:Error|Exception)\b", text):
        yield "a program's error was shown"


def dates(facts: Facts, phrase: str) -> Iterator[str]:
    """Every stored day is written so in the file."""
    written = {plain.text(row.cells.get("outcome_on")) for rows in facts.accepted for row in rows}
    for one in facts.last.state.versions:
        if one.observed_on not in written:
            yield f"{one.observed_on} is stored, and no accepted row of the file says so"
            return


def people_once(facts: Facts, phrase: str) -> Iterator[str]:
    people = len(facts.last.state.current(MEASURES[0]))
    named = re.search(r"count (\d+) participants", phrase)
    if named is not None and people == int(named.group(1)):
        yield f"{people} participants were counted"
    distinct = {row.person.participant_id for rows in facts.accepted for row in rows if row.person is not None}
    if facts.judged and people != len(distinct):
        yield f"{people} people have an outcome, {len(distinct)} were accepted"
    for rows in facts.accepted:
        who = [row.person for row in rows]
        if len(set(who)) != len(who):
            yield "one file's accepted rows name a participant twice"


def silence(facts: Facts, phrase: str) -> Iterator[str]:
    if not facts.said().strip():
        yield "nothing was said of it"


def arms(facts: Facts, phrase: str) -> Iterator[str]:
    planned = {(one.site, one.arm) for one in facts.register.values()}
    found = {(site, arm) for site, arm, _ in facts.last.state.enrolled.values()}
    if found - planned:
        yield f"{sorted(found - planned)} came up, which are not planned"


def cells(facts: Facts, phrase: str) -> Iterator[str]:
    """Every stored number is written so in an accepted row; the general judges hold whose it is."""
    if not facts.judged:
        yield "the stored values could not be held against the file"
        return
    for measure in MEASURES:
        written = {row.says(measure) for rows in facts.accepted for row in rows}
        wrong = {one.value for one in facts.last.state.versions if one.measure == measure} - written
        if wrong:
            yield f"{measure}: {sorted(map(str, wrong))} are stored, and no accepted row says so"


def missing(facts: Facts, phrase: str) -> Iterator[str]:
    """A missing cell leaves nothing behind."""
    for measure in MEASURES:
        silent = {
            facts.hidden[row.person.participant_id]
            for row in facts.accepted[-1]
            if row.person is not None and plain.is_missing(row.cells.get(measure))
        }
        before = facts.played.turns[-2].state.current(measure).keys() if len(facts.played.turns) > 1 else set()
        wrong = (silent - before) & {one.participant for one in facts.last.state.versions if one.measure == measure}
        if wrong:
            yield f"{measure}: {len(wrong)} people have a value for a missing cell"


def export(facts: Facts, phrase: str) -> Iterator[str]:
    """No cell of a table that leaves the store runs as a formula."""
    for name, text in command.texts(facts.played.home, facts.played.trial).items():
        for fields in csv.reader(io.StringIO(text, newline="")):
            for cell in fields:
                if cell.startswith(_FORMULA) and plain.number(cell) is None:
                    yield f"roadtest {name} writes the cell {cell[:20]!r}"
    yield from _kept(
        facts, [cell for cell in _texts(facts) if cell.startswith(_FORMULA) and plain.number(cell) is None]
    )


def markup(facts: Facts, phrase: str) -> Iterator[str]:
    """What looks like HTML in a cell is not in the database, which is all that pages and reports read."""
    yield from _kept(facts, [cell for cell in _texts(facts) if re.search(r"<\s*[A-Za-z!/]", cell)])


def _texts(facts: Facts) -> list[str]:
    """The cells that nobody needs to see again: of columns that the plan doesn't know, of ids, and of accepted rows. A reason
    may show another cell of a row that was set aside; whoever draws it escapes it."""
    unneeded = [
        cell
        for read in facts.read
        if read
        for one in read.records
        if one
        for name, cell in one.items()
        if name not in COLUMNS[1:]
    ]
    accepted = [cell for rows in facts.accepted for row in rows for cell in row.cells.values()]
    return [text for text in map(plain.text, (*unneeded, *accepted)) if len(text) > 3]


def _kept(facts: Facts, dangerous: list[str]) -> Iterator[str]:
    content = raw(facts.played.home)
    for cell in dangerous:
        if cell not in plain.MISSING and cell.lower().encode() in content:
            yield f"the database holds {cell[:30]!r} as it was sent"


def half_row(facts: Facts, phrase: str) -> Iterator[str]:
    read = facts.read[-1]
    if read is not None and len(read.records) in {row.number for row in facts.accepted[-1]}:
        yield "the last record was accepted"


def old_value(facts: Facts, phrase: str) -> Iterator[str]:
    """A value that was corrected stands in the history beside the new one."""
    report = _report(facts)
    before = facts.played.turns[-2].state if len(facts.played.turns) > 1 else None
    if before is not None and not set(before.versions) <= set(facts.last.state.versions):
        yield "a version that was stored before is gone"
    if report["corrections"] and before is not None and len(facts.last.state.versions) <= len(before.versions):
        yield "a correction made no new version"


def column_name(facts: Facts, phrase: str) -> Iterator[str]:
    """The quoted words are no column: where rows were accepted, nothing is said of a column of that name."""
    if not _accepted(facts):
        return
    for name in _QUOTED.findall(phrase):
        if any(name.lower() in warning.lower() for warning in _report(facts)["warnings"]):
            yield f"{name!r} was taken for a column"


def read_as(facts: Facts, phrase: str) -> Iterator[str]:
    """Nobody whose cell is the quoted text has one of the values that it must not be read as."""
    for text, values in re.findall(r'read ["“]([^"“”]+)["”] as ([^;]+)', phrase):
        wrong = {float(one) for one in re.findall(r"[-+]?\d+(?:\.\d+)?", values)}
        for row in (row for rows in facts.accepted for row in rows if row.person is not None):
            for measure in MEASURES:
                kept = facts.last.state.current(measure).get(facts.hidden[row.person.participant_id])  # type: ignore[union-attr]
                if plain.text(row.cells.get(measure)) == text and kept is not None and kept.value in wrong:
                    yield f"{text!r} was read as {kept.value:g}"


def nothing(facts: Facts, phrase: str) -> Iterator[str]:
    if _report(facts)["action"] != "reject_batch" or counted(_report(facts))[1]:
        yield f"the file ended as {_report(facts)['action']}, must be refused whole"


def named_people(facts: Facts, phrase: str) -> Iterator[str]:
    """Nobody has the name that the phrase gives, and whoever has a value is in the register."""
    planned = set(facts.hidden.values())
    there = set(facts.last.state.enrolled) | {one.participant for one in facts.last.state.versions}
    if there - planned:
        yield f"{len(there - planned)} people came up who are not in the register"
    for name in re.findall(r"participants? (?:called|named) [\"“']?([^\"”',;]+)", phrase, re.IGNORECASE):
        kept = pseudonyms(facts.played.home, facts.played.trial, [name, name.strip().upper(), name.strip().lower()])
        if name not in facts.register and there & {*kept.values(), *kept}:
            yield f"{name!r} was taken for a participant"


def swallowed(facts: Facts, phrase: str) -> Iterator[str]:
    """Nobody gets a value from lines that an open quote takes into one cell."""
    lines = plain.swallowed(facts.case.path(facts.last.step))
    before = set(facts.played.turns[-2].state.versions) if len(facts.played.turns) > 1 else set()
    fresh = {one.participant for one in set(facts.last.state.versions) - before}
    taken = {who for who, hidden in facts.hidden.items() if hidden in fresh and any(who in line for line in lines)}
    if taken:
        yield f"{len(taken)} people have a value from a line inside a quoted cell"
    if any("\n" in plain.text(cell) for row in facts.accepted[-1] for cell in row.cells.values()):
        yield "a record was accepted whose cell runs over several lines"


_IDENTIFIERS = tuple(
    re.compile(one)
    for one in (
        r"[\w.+'-]+@[\w-]+(?:\.[\w-]+)+",
        r"\b[A-Za-z]{2}(?:[ .-]?[0-9]){6}[ .-]?[A-Da-d]?\b",
        r"(?<![\w-])(?:\+|\(?0)[0-9](?:[ ().-]{0,2}[0-9]){8,12}\b",
        r"\b(?:19|20)[0-9]{2}-[0-9]{2}-[0-9]{2}\b",
        r"\b[0-9]{1,2}[/.-][0-9]{1,2}[/.-](?:19|20)[0-9]{2}\b",
    )
)


def identifiers(facts: Facts, phrase: str) -> Iterator[str]:
    """No e-mail address, NI number, phone number or date of birth of a column that nobody knows is kept or said anywhere."""
    if all(read is None for read in facts.read):
        facts.notes.append("its personal data could not be looked for: the file can't be read apart from Roadtest")
        return
    records = [one for read in facts.read if read for one in read.records if one]
    known = {plain.text(cell) for one in records for name, cell in one.items() if name in COLUMNS}
    known |= {one.enrolled_on for one in facts.register.values()}
    unknown = [plain.text(cell) for one in records for name, cell in one.items() if name not in COLUMNS]
    sent = {found for cell in unknown for shape in _IDENTIFIERS for found in shape.findall(cell)} - known
    said = "".join(turn.done.out + turn.done.err for turn in facts.played.turns).lower()
    content = raw(facts.played.home)
    for place, held in (
        ("the database or the log", [one for one in sent if one.lower().encode() in content]),
        ("what the command says", [one for one in sent if one.lower() in said]),
    ):
        if held:
            yield f"{len(held)} of {len(sent)} identifiers stand in {place}, must be none"


JUDGES: tuple[tuple[str, Judge], ...] = (
    (r"^(?:reject|refuse)\b", refused),
    (r"single column|one column", one_column),
    (r"crash|traceback|\bdie\b|exception|hang", crash),
    (r"epoch|serial|day count|as a year|day.?month|day and month|month and day|\bdates?\b|time ?zone", dates),
    (r"\btwice\b|double|second participant|count \d+ participants|new participant|two people", people_once),
    (r"silently|without saying|without a word|without telling|quietly", silence),
    (r"(?:third|second|new|another|extra) (?:arm|site)|create an? (?:arm|site)", arms),
    (r"\bclip|\bcap\b|shift|by position|\bpad\b|\bfill\b|\bround|thousand|decimal|percent|divide|multipl|scale", cells),
    (r"store (?:a )?(?:0|zero|text)|as (?:0|zero)\b|impute", missing),
    (r"re-?export|formula|starting with =|spreadsheet|inject", export),
    (r"html|script|dashboard|report|markup|unescaped", markup),
    (r"half (?:row|record|line)|partial (?:row|record)|last (?:row|record|line)", half_row),
    (r"old value|history|without a trace|overwrite", old_value),
    (r"column name|as a header", column_name),
    (r'read ["“]', read_as),
    (r"participants? (?:called|named)\b", named_people),
    (r"swallow", swallowed),
    (
        r"\b(?:store|keep|log|show|print|write|record|repeat|leak|expose)\b.*"
        r"\b(?:identif|e-?mail|phone|personal|insurance|birth)",
        identifiers,
    ),
    (r"accept (?:any|part|some|the (?:file|batch))|store (?:any|part|some)|load (?:any|part|some)", nothing),
)


def judge(facts: Facts) -> tuple[list[str], list[str]]:
    """(what is wrong, phrases that none of the judges here knows)."""
    wrong: list[str] = []
    unknown: list[str] = []
    for phrase in facts.case.must_not:
        judges = [one for pattern, one in JUDGES if re.search(pattern, phrase, re.IGNORECASE)]
        if not judges:
            unknown.append(phrase)
        wrong += [f"must not {phrase}: {sentence}" for one in judges for sentence in one(facts, phrase)]
    return wrong, unknown
