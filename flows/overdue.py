"""What each trial waits for in vain, for `roadtest overdue`, `status --json` and the round: `trials.overdue` over the store.

Counts of people pass `trials.disclosure`; who they are is told by pseudonym, and only where it is asked for (`--people`).
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Any

from flows.work import Outcome, Pending
from trials.disclosure import safe_count, safe_table
from trials.overdue import Awaited, Overdue, overdue
from trials.store import arrivals, reading
from trials.store.engine import Store


def overdue_all(store: Store, as_of: datetime, trials: Sequence[str] | None = None) -> list[Overdue]:
    """What the sealed trials (all, or those named) wait for at a time, by id; as many queries for all as for one.

    Raises UnknownTrialError when a single trial is named that nobody registered.
    """
    named = list(trials or ())
    cards = [reading.card(store, named[0])] if len(named) == 1 else reading.cards(store, trials)
    protocols = {card.id: card.protocol for card in cards if card.state == "sealed"}
    found = arrivals.arrivals_of(store, protocols)
    return [overdue(protocols[trial], came, people, as_of) for trial, (came, people) in found.items()]


def note_attempts(store: Store, attempts: Sequence[Pending | Outcome], at: datetime) -> None:
    """Keeps which trials a round failed on, whatever the cause, and which go well again that had failed before."""
    sealed = set(reading.sealed_ids(store))
    failed = {item.trial: item.error for item in attempts if isinstance(item, Outcome) and not item.ok}
    fine = {item.protocol.trial if isinstance(item, Pending) else item.trial for item in attempts} - set(failed)
    for trial, error in failed.items():
        if trial in sealed:
            arrivals.note_attempt(store, trial, failed=error or "the round failed", at=at)
    for trial in sorted(arrivals.failing(store, fine)) if fine else ():
        arrivals.note_attempt(store, trial, failed=None, at=at)


def overdue_json(found: Overdue, *, people: bool = False) -> dict[str, Any]:
    """`anything, every_days, source, silent_sites, people{due, missing, by_site}, holes, failures`; null = hidden or none.

    people: also who they are, by pseudonym, and which allocation numbers; for the custodian's eyes.
    """
    table = safe_table(found.by_site())
    body: dict[str, Any] = {
        "trial": found.trial,
        "as_of": found.as_of.isoformat(),
        "anything": found.anything,
        "every_days": None if found.every is None else _days(found.every.total_seconds()),
        "source": None
        if found.source is None
        else {
            "since": found.source.since.isoformat(),
            "ever": found.source.ever,
            "late_days": _days(found.source.late_by.total_seconds()),
        },
        "silent_sites": [
            {"site": one.site, "since": None if one.since is None else one.since.isoformat()} for one in found.silent
        ],
        "people": {
            "due": table.column_totals.get("due", 0),
            "missing": table.column_totals.get("missing", 0),
            "by_site": {site: {word: table.cells[site, word] for word in ("due", "missing")} for site in table.rows},
        },
        "holes": safe_count(len(found.holes)),
        "failures": [{"at": one.at.isoformat(), "kind": one.kind, "sentence": one.sentence} for one in found.failures],
    }
    if people:
        body["participants"] = [
            *(_person_json(one, missing=False) for one in found.due),
            *(_person_json(one, missing=True) for one in found.missing),
        ]
        body["hole_numbers"] = list(found.holes)
    return body


def waited_for(found: Overdue) -> dict[str, Any]:
    """`overdue_json` as a part of the trial's status: its name and the time stand there already."""
    return {name: told for name, told in overdue_json(found).items() if name not in ("trial", "as_of")}


def overdue_text(found: Overdue, *, people: bool = False) -> str:
    """A line for each thing that is waited for, the most pressing first."""
    lines = [*_source_lines(found), *_site_lines(found), *_people_lines(found)]
    if people:
        lines += [
            f"    {_who(one)}: due since {one.due:%Y-%m-%d}, missing from {one.closes:%Y-%m-%d} on" for one in found.due
        ]
        lines += [f"    {_who(one)}: missing since {one.closes:%Y-%m-%d}" for one in found.missing]
        if found.holes:
            lines.append(f"    allocation numbers: {', '.join(map(str, found.holes))}")
    return "\n".join([f"{found.trial}: {'waits for' if lines else 'nothing is overdue.'}", *lines])


def _source_lines(found: Overdue) -> list[str]:
    lines = []
    if found.source is not None:
        since = f"the last one came {found.source.since:%Y-%m-%d}"
        if not found.source.ever:
            since = f"none has come since the seal, {found.source.since:%Y-%m-%d}"
        every, late = _days(found.source.every.total_seconds()), _days(found.source.late_by.total_seconds())
        lines.append(f"  a delivery: {since}, one is expected every {every:g} days; {late:g} days late")
    failed = [one for one in found.failures if one.kind == "failed"]
    if failed:
        word = "attempt has" if len(failed) == 1 else "attempts have"
        last = failed[-1]
        lines.append(f"  {len(failed)} {word} failed since the last good one: {last.sentence} ({last.at:%Y-%m-%d})")
    refused = [one for one in found.failures if one.kind == "refused"]
    lines += [f"  a delivery that was refused: {one.sentence} ({one.at:%Y-%m-%d})" for one in refused]
    return lines


def _site_lines(found: Overdue) -> list[str]:
    def silent(since: datetime | None) -> str:
        return "has never told anything" if since is None else f"has told nothing new since {since:%Y-%m-%d}"

    return [f"  site {one.site}: {silent(one.since)}, though people of its are due" for one in found.silent]


def _people_lines(found: Overdue) -> list[str]:
    table = safe_table(found.by_site())
    words = {"due": "can still be reported", "missing": "are missing for good"}
    lines = []
    for word, told in words.items():
        if not any(count for (_, which), count in found.by_site().items() if which == word):
            continue
        split = ", ".join(f"{site or 'no site'} {_shown(table.cells[site, word])}" for site in table.rows)
        lines.append(f"  outcomes of {_shown(table.column_totals[word])} people, which {told} ({split})")
    if found.holes:
        lines.append(f"  {_shown(safe_count(len(found.holes)))} allocation numbers that nobody was reported under")
    return lines


def _shown(count: int | None) -> str:
    return "a few" if count is None else f"{count:,}"


def _who(person: Awaited) -> str:
    return person.participant_id + (f" at {person.site}" if person.site else "")


def _person_json(person: Awaited, *, missing: bool) -> dict[str, Any]:
    return {
        "participant": person.participant_id,
        "site": person.site,
        "due": person.due.date().isoformat(),
        "closes": person.closes.date().isoformat(),
        "missing": missing,
    }


def _days(seconds: float) -> float:
    return round(seconds / 86_400, 1)
