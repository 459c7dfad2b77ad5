"""What each trial waits for in vain, for `roadtest overdue`, `status --json` and the round: `trials.overdue` over the store.

Whoever may not see small counts is told of people in tens, at no site none: neither 0 nor that a few are waited for. Who they
are is told by pseudonym, and only where it is asked for (`--people`).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, fields, replace
from datetime import datetime
from typing import Any

from flows.work import Outcome, Pending
from trials.disclosure import LIMIT, tens
from trials.overdue import Awaited, Overdue, overdue
from trials.store import arrivals, reading, sights
from trials.store.engine import Store


def overdue_all(store: Store, as_of: datetime, trials: Sequence[str] | None = None) -> list[Overdue]:
    """What the sealed trials (all, or those named) wait for at a time, by id; as many queries for all as for one.

    As the store's person may see it; trials of programmes in which they have no role are left out, unless a single one is
    named. Raises UnknownTrialError when a single trial is named that nobody registered, ForbiddenError.
    """
    named = list(trials or ())
    cards = [reading.card(store, named[0])] if len(named) == 1 else reading.cards(store, trials)
    small = _small(store, [card for card in cards if card.state == "sealed"], single=len(named) == 1)
    protocols = {card.id: card.protocol for card in cards if card.id in small}
    found = arrivals.arrivals_of(store, protocols)
    return [
        Awaiting.of(overdue(protocols[trial], came, people, as_of), small[trial])
        for trial, (came, people) in found.items()
    ]


@dataclass(frozen=True)
class Awaiting(Overdue):
    """What a trial waits for, as somebody sees it. small: whether they may see small counts."""

    small: bool = True

    @classmethod
    def of(cls, found: Overdue, small: bool) -> Awaiting:
        return cls(**{one.name: getattr(found, one.name) for one in fields(found)}, small=small)

    @property
    def anything(self) -> bool:
        few = not self.small and tens(len(self.due)) is None
        holes = not self.small and tens(len(self.holes)) is None
        return replace(self._whole(), due=() if few else self.due, holes=() if holes else self.holes).anything

    def _whole(self) -> Overdue:
        return Overdue(**{one.name: getattr(self, one.name) for one in fields(Overdue)})


def _small(store: Store, cards: Sequence[reading.TrialCard], *, single: bool) -> dict[str, bool]:
    """By trial that the store's person may read, whether they may see small counts."""
    if single:
        return {card.id: sights.sight_of(store, card).small for card in cards}
    return {trial: sight.small for trial, sight in sights.sights(store, cards).items()}


def _sees_small(found: Overdue) -> bool:
    return not isinstance(found, Awaiting) or found.small


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

    Of an `Awaiting` counts are as its reader may see them, else as they are. people: also who they are, by pseudonym, and which
    allocation numbers; for the custodian's eyes.
    """
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
        "people": _counts(found),
        "holes": len(found.holes) if _sees_small(found) else tens(len(found.holes)),
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
    nothing = (
        "nothing is overdue." if _sees_small(found) else f"nothing is overdue but of fewer than {LIMIT} people, if any."
    )
    return "\n".join([f"{found.trial}: {'waits for' if lines else nothing}", *lines])


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


def _counts(found: Overdue) -> dict[str, Any]:
    """`due, missing, by_site`. In tens by site (null below ten, zero too) the totals are sums of what the sites show, and a
    site is there with ten or more, so that no count and no name says whether anybody is waited for."""
    counts = found.by_site()
    small = _sees_small(found)
    shown = {place: count if small else tens(count) for place, count in counts.items()}
    sites = dict.fromkeys(site for site, _ in shown)
    if not small:
        sites = {site: None for site in sites if any(shown[site, word] is not None for word in WORDS)}

    def total(word: str) -> int | None:
        told = [count for site in sites if (count := shown[site, word]) is not None]
        return sum(told) if told or small else None

    by_site = {site: {word: shown[site, word] for word in WORDS} for site in sites}
    return {**{word: total(word) for word in WORDS}, "by_site": by_site}


WORDS = {"due": "can still be reported", "missing": "are missing for good"}


def _people_lines(found: Overdue) -> list[str]:
    told, more = _counts(found), "" if _sees_small(found) else " or more"
    lines = []
    for word, what in WORDS.items():
        if not told[word]:
            continue
        split = ", ".join(
            f"{site or 'no site'} {count[word]:,}{more}" for site, count in told["by_site"].items() if count[word]
        )
        lines.append(f"  outcomes of {told[word]:,}{more} people, which {what} ({split})")
    holes = len(found.holes) if _sees_small(found) else tens(len(found.holes))
    if holes:
        lines.append(f"  {holes:,}{more} allocation numbers that nobody was reported under")
    return lines


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
