"""The manifest of a corpus: read strictly, because a demand that is misread is a demand that nobody holds.

Fields that are judged must be there, known and consistent. A field beside them whose name sounds like a demand is a fault;
any other (a note, a seed) is kept in `Case.unjudged` and listed after the run. Format: data/README.md.
"""

from __future__ import annotations

import difflib
import hashlib
import json
import re
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any

ACTIONS = ("accept", "accept_with_warning", "quarantine_rows", "reject_batch")
MEASURES = ("reoffended", "wellbeing", "staff_hours")
OUTCOME_ON = "outcome_on"
COLUMNS = ("participant_id", "site", "arm", "enrolled_on", OUTCOME_ON, *MEASURES)

_CASE = {
    "case": str,
    "control": bool,
    "file": str,
    "files": list,
    "format": str,
    "defect": str,
    "expected": dict,
    "data_rows_in_file": (int, type(None)),
    "reason_must_mention_one_of": list,
    "quarantined_records": list,
    "also_acceptable": list,
    "must_not": (str, list),
    "needs_register": bool,
    "as_of": str,
    "steps": list,
    "final_state": dict,
    "note": str,
}
_NEEDED = ("case", "files", "expected", "quarantined_records", "reason_must_mention_one_of")
_TOP = ("schema_version", "as_of", "columns", "cases")
# The formats that a file's name can say, each with the words for it.
_FORMATS = {
    ".csv": ("csv",),
    ".tsv": ("tsv",),
    ".json": ("json",),
    ".jsonl": ("jsonl", "ndjson"),
    ".ndjson": ("ndjson", "jsonl"),
    ".xlsx": ("xlsx", "excel"),
    ".parquet": ("parquet",),
}
# A field with such a word in its name asks for something, so it is not passed over.
_DEMAND = re.compile(
    "(?:^|_)(?:accept|action|allow|counts?(?![a-z])|expect|final|forbid|must|never|outcome|quarantin|reason|record|refus"
    "|reject|require|state|steps?(?![a-z])|values?(?![a-z])|verdict|warn)"
)


class ManifestError(Exception):
    """What is wrong with the manifest itself, in one sentence."""


@dataclass(frozen=True, slots=True)
class Ending:
    """One right answer. records: the quarantined rows' numbers, 1-based; None where only their count is given."""

    action: str
    accepted: int
    quarantined: int
    records: tuple[int, ...] | None


@dataclass(frozen=True, slots=True)
class Step:
    """One upload. endings: the right answers to it; action None where the manifest gives only counts."""

    file: str
    sent_at: datetime | None
    endings: tuple[Ending, ...] = ()
    accepted: int | None = None
    quarantined: int | None = None


@dataclass(frozen=True, slots=True)
class Case:
    """One case: its uploads in order of arrival, and everything the manifest says of how they must end."""

    name: str
    folder: Path
    as_of: date
    format: str
    steps: tuple[Step, ...]
    words: tuple[str, ...] = ()
    must_not: tuple[str, ...] = ()
    rows: int | None = None
    participants: int | None = None
    values: Mapping[str, Mapping[str, float | str | None]] = field(default_factory=dict)
    unjudged: tuple[str, ...] = ()
    needs_register: bool | None = None

    def path(self, step: Step) -> Path:
        return self.folder / step.file


@dataclass(frozen=True, slots=True)
class Manifest:
    """A parsed manifest. cases: as they stand there, for `case_of`."""

    folder: Path
    as_of: str | None
    cases: tuple[Mapping[str, Any], ...]
    unjudged: tuple[str, ...]

    @property
    def names(self) -> list[str]:
        return [str(case.get("case", f"case {number}")) for number, case in enumerate(self.cases, start=1)]


def load(folder: Path) -> Manifest:
    """The manifest in a folder. Raises ManifestError when the whole of it can't be relied on."""
    try:
        body = json.loads((folder / "manifest.json").read_text(encoding="utf-8"), object_pairs_hook=_once)
    except (OSError, ValueError) as error:
        raise ManifestError(f"manifest.json can't be read: {error}") from None
    _must(isinstance(body, dict) and isinstance(body.get("cases"), list), "manifest.json must hold a list of cases")
    _must(all(isinstance(case, dict) for case in body["cases"]), "each case must be an object")
    _must(bool(body["cases"]), "manifest.json must hold at least one case")
    columns = body.get("columns", list(COLUMNS))
    _must(sorted(map(str, columns)) == sorted(COLUMNS), f"columns == {columns}, must be {', '.join(COLUMNS)}")
    unjudged = _left_over(body, _TOP, "manifest.json")
    found = Manifest(folder, body.get("as_of"), tuple(body["cases"]), unjudged)
    twice = [name for name, count in Counter(found.names).items() if count > 1]
    _must(not twice, f"the case {', '.join(twice)} stands twice, must stand once")
    return found


def case_of(manifest: Manifest, body: Mapping[str, Any]) -> Case:
    """One case. Raises ManifestError for what is missing, unknown, of another type, inconsistent, or not as its hash says."""
    absent = [name for name in _NEEDED if name not in body]
    _must(not absent, f"{', '.join(absent)} missing, must be given")
    unjudged = _left_over(body, tuple(_CASE), str(body["case"]))
    for name, kind in _CASE.items():
        _must(name not in body or isinstance(body[name], kind), f"{name} == {body.get(name)!r}, is of the wrong type")
    _check_files(manifest.folder, body["files"])
    steps = _steps(body)
    played, listed = [step.file for step in steps], [one["name"] for one in body["files"]]
    _must(set(played) == set(listed), f"steps play {sorted(set(played))}, must play the files {sorted(listed)}")
    _check_format(str(body.get("format", "")), played)
    if body.get("control"):
        _check_control(steps[-1].endings)
    participants, values = _final_state(body.get("final_state", {}))
    must_not = body.get("must_not", "")
    return Case(
        name=str(body["case"]),
        folder=manifest.folder,
        as_of=_day(body.get("as_of", manifest.as_of)),
        format=str(body.get("format", "")),
        steps=steps,
        words=tuple(_texts(body["reason_must_mention_one_of"], "reason_must_mention_one_of")),
        must_not=tuple(
            one for one in ([must_not] if isinstance(must_not, str) else _texts(must_not, "must_not")) if one
        ),
        rows=body.get("data_rows_in_file"),
        participants=participants,
        values=values,
        unjudged=unjudged,
        needs_register=body.get("needs_register"),
    )


def _check_format(said: str, played: Sequence[str]) -> None:
    """The format is that of one of the files at least, as far as their names tell it."""
    told = [_told(name) for name in played]
    known = [one for one in told if one]
    _must(
        not said or len(known) < len(told) or any(said.lower().lstrip(".") in one for one in known),
        f"format == {said!r}, must be as the name of the file says ({', '.join(sorted(set(played)))})",
    )


def _told(name: str) -> tuple[str, ...]:
    """The words for the format that a file's name says; none where it says none."""
    packed = Path(name.lower()).suffix == ".gz"
    words = _FORMATS.get(Path(name.lower().removesuffix(".gz")).suffix, ())
    return words if not packed else (*words, *(f"{one}.gz" for one in words), "gz", "gzip")


def _check_control(endings: Sequence[Ending]) -> None:
    """A clean file is accepted whole."""
    for one in endings:
        fine = one.action in ("accept", "accept_with_warning") and one.quarantined == 0
        _must(fine, f"control with {one.action} and {one.quarantined} quarantined contradicts itself, must be accepted")


def _check_files(folder: Path, files: Sequence[Any]) -> None:
    _must(bool(files), "files is empty, must name at least one")
    for one in files:
        _must(isinstance(one, dict) and isinstance(one.get("name"), str), f"files holds {one!r}, must hold names")
        _known(one, ("name", "bytes", "sha256"), "files")
        path = folder / one["name"]
        _must(path.resolve().is_relative_to(folder.resolve()), f"{one['name']} lies outside the folder, must be in it")
        _must(path.is_file(), f"{one['name']} is not there, must be a file")
        content = path.read_bytes()
        _must(
            one.get("bytes", len(content)) == len(content),
            f"{one['name']} has {len(content)} bytes, not {one.get('bytes')}",
        )
        found = hashlib.sha256(content).hexdigest()
        _must(one.get("sha256") == found, f"{one['name']} has the sha256 {found}, not {one.get('sha256')}")


def _steps(body: Mapping[str, Any]) -> tuple[Step, ...]:
    """The uploads; the last one has `expected` and `also_acceptable` for its right answers."""
    endings = _endings(body)
    listed = body.get("steps")
    if listed is None:
        _must(len(body["files"]) == 1 or "file" in body, "steps is missing, must say in which order the files come")
        return (Step(str(body.get("file", body["files"][0]["name"])), None, endings),)
    _must(bool(listed), "steps is empty, must hold at least one")
    found = [_step(one, number) for number, one in enumerate(listed, start=1)]
    last, expected = found[-1], endings[0]
    for name in ("accepted", "quarantined"):
        said = getattr(last, name)
        _must(
            said is None or said == getattr(expected, name),
            f"the last step's {name} == {said}, must be as expected says ({getattr(expected, name)})",
        )
    _must(
        not last.endings or last.endings[0].action in ("", expected.action),
        "the last step's action must be as expected says",
    )
    return (*found[:-1], Step(last.file, last.sent_at, endings))


def _step(one: Any, number: int) -> Step:
    where = f"step {number}"
    _must(isinstance(one, dict) and isinstance(one.get("file"), str), f"{where} must name its file")
    known = ("file", "sent_at", "accepted", "quarantined", "action", "records", "quarantined_records", "note", "why")
    _known(one, known, where)
    sent_at = one.get("sent_at")
    _must(isinstance(sent_at, str), f"{where}: sent_at must be given")
    endings: tuple[Ending, ...] = ()
    records = one.get("records", one.get("quarantined_records"))
    if "action" in one:
        endings = (_ending({**one, "records": records}, where, None),)
    else:
        _must("accepted" in one and "quarantined" in one, f"{where} must give accepted and quarantined")
        if records is not None:
            _must(
                len(_numbers(records, where)) == one["quarantined"], f"{where}: records must be as many as quarantined"
            )
            endings = (Ending("", one["accepted"], one["quarantined"], _numbers(records, where)),)
    counts = {name: _count(one[name], f"{where}: {name}") for name in ("accepted", "quarantined") if name in one}
    return Step(one["file"], _time(str(sent_at), where), endings, **counts)


def _endings(body: Mapping[str, Any]) -> tuple[Ending, ...]:
    records = _numbers(body["quarantined_records"], "quarantined_records")
    _known(body["expected"], ("action", "accepted", "quarantined"), "expected")
    expected = _ending(body["expected"], "expected", records)
    others = []
    for number, one in enumerate(body.get("also_acceptable", ()), start=1):
        where = f"also_acceptable {number}"
        _must(isinstance(one, dict), f"{where} must be an object")
        _known(one, ("action", "accepted", "quarantined", "records", "quarantined_records", "why", "note"), where)
        fits = records if len(records) == one.get("quarantined") else None
        others.append(_ending(one, where, fits))
    return (expected, *others)


def _ending(one: Mapping[str, Any], where: str, records: tuple[int, ...] | None) -> Ending:
    """One right answer; its own records go before those of the case."""
    action = one.get("action")
    _must(action in ACTIONS, f"{where}: action == {action!r}, must be one of {', '.join(ACTIONS)}")
    accepted, quarantined = (_count(one.get(name), f"{where}: {name}") for name in ("accepted", "quarantined"))
    own = one.get("records", one.get("quarantined_records"))
    records = records if own is None else _numbers(own, where)
    if action == "reject_batch":
        _must((accepted, quarantined) == (0, 0), f"{where}: a rejected batch must have 0 accepted and 0 quarantined")
        return Ending(action, 0, 0, ())
    _must(
        quarantined == 0 or records is None or len(records) == quarantined,
        f"{where}: {quarantined} quarantined, but records {records}",
    )
    _must(
        action != "accept" or quarantined == 0,
        f"{where}: accept with {quarantined} quarantined rows contradicts itself",
    )
    _must(
        action != "quarantine_rows" or quarantined > 0, f"{where}: quarantine_rows must have at least one row set aside"
    )
    return Ending(action, accepted, quarantined, () if quarantined == 0 else records)


def _final_state(body: Mapping[str, Any]) -> tuple[int | None, dict[str, dict[str, float | str | None]]]:
    _known(body, ("participants", "values", "note"), "final_state")
    values = body.get("values", {})
    _must(isinstance(values, dict), "final_state.values must be an object")
    for who, said in values.items():
        _must(isinstance(said, dict) and bool(said), f"final_state.values.{who} must be an object")
        _known(said, (*MEASURES, OUTCOME_ON), f"final_state.values.{who}")
        for name, value in said.items():
            if name == OUTCOME_ON:
                _day(value, f"final_state.values.{who}.{name}")
                continue
            number = value is None or (isinstance(value, int | float) and not isinstance(value, bool))
            _must(number, f"final_state.values.{who}.{name} == {value!r}, must be a number or null")
    participants = body.get("participants")
    return (None if participants is None else _count(participants, "final_state.participants")), values


def _left_over(body: Mapping[str, Any], known: Sequence[str], where: str) -> tuple[str, ...]:
    """Fields that nobody judges; one that sounds like a demand, or like a known field misspelt, is a fault."""
    left = sorted(set(body) - set(known))
    for name in left:
        near = difflib.get_close_matches(name, known, n=1, cutoff=0.75)
        _must(not near, f"{where}: {name} is not a known field, did you mean {near[0] if near else ''}?")
        demand = known is not _TOP and _DEMAND.search(name.lower()) is not None
        _must(not demand, f"{where}: {name} is not a known field, so what it asks for can't be judged")
    return tuple(left)


def _known(body: Mapping[str, Any], known: Sequence[str], where: str) -> None:
    unknown = sorted(set(body) - set(known))
    _must(not unknown, f"{where}: {', '.join(unknown)} is not known here, must be among {', '.join(known)}")


def _count(value: Any, where: str) -> int:
    _must(type(value) is int and value >= 0, f"{where} == {value!r}, must be a whole number, 0 or more")
    return int(value)


def _numbers(values: Any, where: str) -> tuple[int, ...]:
    fits = isinstance(values, list) and all(type(one) is int and one > 0 for one in values)
    _must(fits and len(set(values)) == len(values), f"{where} == {values!r}, must be row numbers from 1, each once")
    return tuple(sorted(values))


def _texts(values: Any, where: str) -> list[str]:
    _must(isinstance(values, list) and all(isinstance(one, str) for one in values), f"{where} must be texts")
    return list(values)


def _day(text: Any, where: str = "as_of") -> date:
    try:
        return date.fromisoformat(str(text))
    except ValueError:
        raise ManifestError(f"{where} == {text!r}, must be a date such as 2024-07-01") from None


def _time(text: str, where: str) -> datetime:
    try:
        found = datetime.fromisoformat(text)
    except ValueError:
        raise ManifestError(f"{where}: sent_at == {text!r}, must be a time such as 2024-05-01T09:00:00Z") from None
    return found.astimezone(UTC) if found.tzinfo else found.replace(tzinfo=UTC)


def _once(pairs: Sequence[tuple[str, Any]]) -> dict[str, Any]:
    """A JSON object whose names all differ: Python would keep the last of two without a word."""
    twice = [name for name, count in Counter(name for name, _ in pairs).items() if count > 1]
    if twice:
        raise ValueError(f"{twice[0]} stands twice in one object")
    return dict(pairs)


def _must(fine: bool, sentence: str) -> None:
    if not fine:
        raise ManifestError(sentence)
