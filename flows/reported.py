"""What people report by hand beside outcomes: staff's time from a CSV file, safety events. Files and words -> acts."""

from __future__ import annotations

import csv
import io
import math
from collections.abc import Callable
from datetime import date, datetime, timedelta
from pathlib import Path

from expectations.rows import AHEAD_OF_UTC
from flows import work
from flows.byhand import must_be_file
from trials.acts import Act
from trials.acts.safety_events import (
    SAFETY_EVENT,
    SAFETY_JUDGED,
    Related,
    SafetyEvent,
    SafetyJudged,
    must_name_nobody,
)
from trials.acts.staff_time import MINUTES_A_WEEK, STAFF_TIME, StaffTimes, WorkedWeek, must_be_code
from trials.errors import DataError
from trials.protocol import Protocol, canonical_json, sha256_text
from trials.pseudonyms import Pseudonyms
from trials.store import acts, ledger, standing
from trials.store.engine import Store, reading
from trials.store.seeing import must_allow

COLUMNS = ("staff", "week", "cases", "minutes")
PRACTICE = ("tenure_weeks", "started_week")
MOST_BYTES = 10_000_000


def staff_time(
    store: Store,
    trial: str,
    file: Path,
    *,
    site: str | None,
    by: str,
    at: datetime,
    sent: bool,
    door: work.Door,
) -> Act:
    """Takes one upload of staff's minutes in, as one act; the same file again changes nothing.

    at: when it was sent, by which the newest word on a week is told; sent: whether the sender said so: then the same rows are
    said again. Raises SourceError, DataError.
    """
    must_be_file(file, "Name a CSV file with the columns staff, week, tenure_weeks, cases, minutes.")
    protocol, _ = ledger.sealed_protocol(store, trial)
    _must_be_site(protocol, site)
    rows = worked_weeks(text_of(file), hidden_by(door.pseudonyms(store, trial)), until=at.date() + AHEAD_OF_UTC)
    body = StaffTimes(rows=rows, site=site)
    said = {"body": body.model_dump(mode="json"), "sent": at.isoformat() if sent else None}
    return acts.act(store, trial, STAFF_TIME, body, by=by, at=at, key=sha256_text(canonical_json(said)))


def text_of(file: Path) -> str:
    """The file as text. Raises DataError when it is too large, or not UTF-8."""
    if file.stat().st_size > MOST_BYTES:
        raise DataError(f"{file.name} is larger than 10 MB, must be a list of staff's weeks. Send one year at a time.")
    try:
        return file.read_bytes().decode("utf-8-sig")
    except (OSError, UnicodeDecodeError) as error:
        raise DataError(
            f"{file.name} can't be read as UTF-8 text ({type(error).__name__}), must be a CSV file."
        ) from None


def hidden_by(pseudonyms: Pseudonyms | None) -> Callable[[str], str]:
    """Staff's codes under the trial's key, apart from people's ids; as they are where the trial has no key."""
    return (lambda code: code) if pseudonyms is None else (lambda code: pseudonyms.of(f"staff {code}"))


def worked_weeks(text: str, hide: Callable[[str], str], *, until: date) -> tuple[WorkedWeek, ...]:
    """The rows of a CSV file, in the order of weeks and pseudonyms, so that one file is one whatever its order.

    Raises DataError for the first row that can't be read: nothing is taken in by halves.
    """
    delimiter = ";" if ";" in text.partition("\n")[0] else ","
    try:
        records = list(csv.DictReader(io.StringIO(text, newline=""), delimiter=delimiter, strict=True))
    except csv.Error as error:
        raise DataError(
            f"the file is no CSV file ({error}), must have a header and a row per member of staff and week."
        ) from None
    headings = set(records[0]) if records else set()
    if not records or not headings.issuperset(COLUMNS) or len(headings.intersection(PRACTICE)) != 1:
        raise DataError(
            f"the file must have a header with the columns {', '.join(COLUMNS)} and either tenure_weeks or started_week, and "
            "rows below it."
        )
    rows = [_worked(record, number, hide, until) for number, record in enumerate(records, start=1)]
    places = [(row.staff, row.week) for row in rows]
    for number, place in enumerate(places, start=1):
        if place in places[: number - 1]:
            first = places.index(place) + 1
            raise DataError(
                f"row {number} is of the same member of staff and week as row {first}, must be one row. Add them up."
            )
    return tuple(sorted(rows, key=lambda row: (row.week, row.staff)))


def _worked(record: dict[str, str], number: int, hide: Callable[[str], str], until: date) -> WorkedWeek:
    if None in record or None in record.values():
        raise DataError(f"row {number} has more or fewer cells than the header, must have as many.")
    week = _monday(record["week"], number, "week")
    if week > until:
        raise DataError(f"row {number}: week starts on {week}, must not lie in the future.")
    if "tenure_weeks" in record:
        tenure = _number(record["tenure_weeks"], number, "tenure_weeks", most=5_000, whole=True)
    else:
        tenure = (week - _monday(record["started_week"], number, "started_week")).days // 7
        if tenure < 0:
            raise DataError(f"row {number}: started_week lies after week, must not: they had not begun yet.")
    return WorkedWeek(
        staff=hide(must_be_code(record["staff"], number)),
        week=week,
        tenure=int(tenure),
        cases=int(_number(record["cases"], number, "cases", most=10_000, whole=True)),
        minutes=_number(record["minutes"], number, "minutes", most=MINUTES_A_WEEK, whole=False),
    )


def _monday(text: str, row: int, column: str) -> date:
    """The Monday of '2026-02-09' or '2026-W07'."""
    try:
        day = date.fromisoformat(text.strip())
    except ValueError:
        raise DataError(
            f"row {row}: {column} can't be read, must be a day such as 2026-02-09 or a week such as 2026-W07."
        ) from None
    return day - timedelta(days=day.weekday())


def _number(text: str, row: int, column: str, *, most: float, whole: bool) -> float:
    try:
        value = float(text.strip())
    except ValueError:
        value = math.nan
    if not 0 <= value <= most or (whole and not value.is_integer()):
        kind = "a whole number" if whole else "a number"
        raise DataError(f"row {row}: {column} can't be used, must be {kind} from 0 to {most:,.0f}. Nothing was stored.")
    return value


def report_safety(
    store: Store, trial: str, event: SafetyEvent, *, participant: str | None, by: str, at: datetime, door: work.Door
) -> Act:
    """Takes one safety event in. participant: their id as the site writes it; it becomes their pseudonym. The same words with
    the same reference are the same event. Raises DataError, which repeats neither the id nor the text."""
    protocol, _ = ledger.sealed_protocol(store, trial)
    _must_be_site(protocol, event.site)
    if event.day > at.date() + AHEAD_OF_UTC:
        raise DataError(f"day == {event.day}, must not lie after {at.date()}. Write the day on which it happened.")
    must_name_nobody("text", event.text)
    must_name_nobody("reference", event.reference)
    if participant is not None:
        if participant.strip() and participant.strip().casefold() in event.text.casefold():
            raise DataError("text holds the participant's id, must not: it is kept apart. Say it without.")
        event = event.model_copy(update={"participant": _joined(store, trial, participant, door)})
    key = sha256_text(canonical_json(event.model_dump(mode="json")))
    return acts.act(store, trial, SAFETY_EVENT, event, by=by, at=at, key=key)


def _joined(store: Store, trial: str, participant: str, door: work.Door) -> str:
    hidden = door.pseudonyms(store, trial)
    pseudonym = participant.strip() if hidden is None else hidden.of(participant.strip())
    with reading(store) as connection:
        if not standing.has_joined(connection, trial, pseudonym):
            raise DataError(
                f"the participant is not in {trial}, must be one who joined it. Give the id as the site's files have it, or "
                "leave it out where the event concerns nobody in particular."
            )
    return pseudonym


def judge_safety(
    store: Store, trial: str, event: int, *, related: Related, stops: bool, reason: str, by: str, at: datetime
) -> Act:
    """Takes the steward's word on an event in. Raises DataError when there is no such event; ForbiddenError."""
    must_allow(store.as_person(by), trial, "judge_safety")
    known = [one.seq for one in acts.acts(store, trial, [SAFETY_EVENT])]
    if event not in known:
        shown = ", ".join(map(str, known)) or "there is none"
        raise DataError(
            f"event == {event}, must be one that was reported: {shown}. See `roadtest safety list {trial}`."
        )
    must_name_nobody("reason", reason)
    body = SafetyJudged(event=event, related=related, stops=stops, reason=reason)
    return acts.act(store, trial, SAFETY_JUDGED, body, by=by, at=at)


def _must_be_site(protocol: Protocol, site: str | None) -> None:
    known = [one.id for one in protocol.sites]
    if site is not None and known and site not in known:
        raise DataError(f"site == {site!r}, must be one of the plan: {', '.join(known)}.")
