"""Plain sentences about data: what came, what was refused, what waits. Numbers come in; none is computed here."""

from __future__ import annotations

from collections.abc import Mapping

from dashboards import wording
from dashboards.read_model.data import DataRow, Need, Overview, Waits
from trials.disclosure import LIMIT

NEED_WORDS: Mapping[Need, str] = {
    "failed": "source not reached",
    "overdue": "overdue",
    "refused": "delivery refused",
    "silent": "silent site",
    "rows": "rows to mend",
    "outcomes": "results due",
    "numbers": "numbers missing",
    "flagged": "flagged",
}
ACTIONS = {
    "accept": "Taken in",
    "accept_with_warning": "Taken in, with a note",
    "quarantine_rows": "Taken in",  # whether few rows or none were set aside is not told
    "reject_batch": "Refused",
}


def more(count: int | None) -> str:
    """A number in tens: '30 or more', 'fewer than 10'."""
    return f"fewer than {LIMIT}" if count is None else f"{count:,} or more"


def summary(found: Overview) -> str:
    """The page in a sentence: '2 of 8 sources are overdue, 1 delivery was refused; 30 or more rows wait to be mended.'"""
    if not found.rows:
        return "No trials yet."
    needs = found.needs
    parts = [
        _of(needs["overdue"], found.expecting, "source", "is overdue", "are overdue"),
        _some(needs["failed"], "source", "could not be reached", "could not be reached"),
        _some(needs["refused"], "trial", "had a delivery refused", "had deliveries refused"),
        _some(found.silent_sites, "site", "has fallen silent", "have fallen silent"),
        _some(needs["flagged"], "trial", "is flagged", "are flagged"),
    ]
    told = ", ".join(part for part in parts if part)
    return f"{told or 'No source is overdue and no delivery waits to be sent again'}; {waiting(found)}."


def waiting(found: Overview) -> str:
    """The rows of all trials that wait, as far as they are shown."""
    if found.waiting is None:
        return f"no trial has {LIMIT} rows or more that wait to be mended"
    return f"{found.waiting:,} or more rows wait to be mended, in {wording.plural(found.waiting_in, 'trial')}"


def _of(some: int, of: int, one: str, is_: str, are: str) -> str:
    return f"{some:,} of {wording.plural(of, one)} {is_ if some == 1 else are}" if some else ""


def _some(some: int, one: str, is_: str, are: str) -> str:
    return f"{wording.plural(some, one)} {is_ if some == 1 else are}" if some else ""


def sentence(row: DataRow) -> str:
    """A trial's data in words: the most pressing first, two at most; the rest stands beside it."""
    if row.state == "registered":
        return "Not sealed yet, so nothing is expected."
    said = [*(_waits(row.waits) if row.waits else []), *_rows(row), *_later(row)]
    if said:
        return " ".join(said[:2])
    if row.last is None:
        return "Nothing has come yet, and nothing is overdue."
    if row.waits is None:
        return "Closed: no delivery is expected any more."
    return f"Nothing is overdue; no delivery waits to be sent again; {more(row.rows)} rows wait to be mended."


def _rows(row: DataRow) -> list[str]:
    return [] if row.rows is None else [f"{more(row.rows)} rows wait to be mended."]


def _later(row: DataRow) -> list[str]:
    """What presses less than rows that wait."""
    waits = row.waits
    said = [] if waits is None or waits.due is None else [f"The results of {more(waits.due)} people are due."]
    return [*said, *(["The checks flag the trial as a whole."] if row.flags else [])]


def _waits(waits: Waits) -> list[str]:
    said = []
    if waits.failed:
        said.append(f"The source could not be reached: {waits.failed[-1].sentence}")
    if waits.source is not None:
        said.append(source(waits))
    if waits.refused:
        many = wording.plural(len(waits.refused), "delivery was", "deliveries were")
        said.append(f"{many} refused and not sent again: {waits.refused[-1].sentence}")
    if waits.silent:
        said.append(silent(waits))
    return said


def source(waits: Waits) -> str:
    """'A delivery is 5 days late: the last one came on 4 March 2024, one is expected every 7 days.'"""
    if waits.source is None:
        return "No delivery is late." if waits.every_days is not None else "The plan does not say how often one comes."
    late = wording.plural(waits.late_days, "day") if waits.late_days else "less than a day"
    day = wording.day(waits.source.since)
    since = f"the last one came on {day}" if waits.source.ever else f"none has come since the seal on {day}"
    return f"A delivery is {late} late: {since}, one is expected {every(waits)}."


def every(waits: Waits) -> str:
    days = waits.every_days
    return "at no set time" if days is None else "every day" if days == 1 else f"every {days:g} days"


def silent(waits: Waits) -> str:
    """'South has told nothing new since 3 March 2024, though people there are due.'"""
    named = [
        f"{one.name} {'has never told anything' if one.since is None else f'since {wording.day(one.since)}'}"
        for one in waits.silent
    ]
    if len(waits.silent) == 1:
        one = waits.silent[0]
        since = (
            "has never told anything" if one.since is None else f"has told nothing new since {wording.day(one.since)}"
        )
        return f"{one.name} {since}, though people there are due."
    return f"{len(named)} sites are silent though people there are due: {'; '.join(named)}."


def became(action: str, refusal: str | None, warnings: tuple[str, ...]) -> str:
    """What became of a delivery, with the sentence that says why."""
    said = "; ".join([*([refusal] if refusal else []), *warnings])
    return ACTIONS.get(action, action) + (f": {said}" if said else "")
