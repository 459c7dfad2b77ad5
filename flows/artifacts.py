"""What Prefect shows of a round: tables of verdicts, of what was refused, of rows set aside, and a summary in words.

Whoever can open Prefect's pages reads them, without a role in any programme. So they hold what everybody is told: the sentence
of a refusal, and of trials whose programme has no roles a verdict's word and the rows set aside by reason, as the pages show
them. No value, no id, no number of people, nothing by arm. Each is one artifact under a key of its own, however many trials
there are; the newest stands for its key.
"""

from __future__ import annotations

import logging
import traceback
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Protocol

from flows.work import Outcome
from trials.disclosure import LIMIT, about_numbers, added_up, released_counts, tens
from trials.store import measuring, quarantine, seeing, tallies
from trials.store.engine import Store
from trials.store.measuring import Stood

MOST = 100  # rows of a table
KEYS = {
    "verdicts": "roadtest-round-verdicts",
    "refusals": "roadtest-round-refusals",
    "quarantine": "roadtest-round-quarantine",
    "summary": "roadtest-round",
}
_MOST_REASONS = 50  # trials whose reasons are read: a query each

log = logging.getLogger("roadtest")
Row = dict[str, Any]


class Begun(Protocol):
    """What is asked of a round (`trials.store.rounds.Round`)."""

    @property
    def id(self) -> int: ...

    @property
    def begun_at(self) -> datetime: ...


@dataclass(frozen=True, slots=True)
class Told:
    """A table and what it leaves out. rows: at most MOST; left_out: how many more there are."""

    rows: tuple[Row, ...]
    left_out: int = 0

    @property
    def more(self) -> str:
        return f" {self.left_out:,} more are not listed." if self.left_out else ""


@dataclass(frozen=True, slots=True)
class Shown:
    """What a round's artifacts hold."""

    verdicts: Told
    refusals: Told
    quarantine: Told
    summary: str


def round_artifacts(
    store: Store, round_: Begun, outcomes: Sequence[Outcome], before: Mapping[str, Stood], *, most: int = MOST
) -> bool:
    """Writes a round's artifacts, from inside its flow run, at its end: four requests, however many trials there are.

    before: `flows.events.standing` at the round's beginning. False, with the reason in roadtest.log, when they could
    not be: what the round did is stored all the same.
    """
    try:
        _write(shown_of(store, round_, outcomes, before, most=most), round_)
    except Exception:  # noqa: BLE001 - pictures of a round that is done; Prefect's and the network's own errors are many
        log.error("round %s: its artifacts were not written:\n%s", round_.id, traceback.format_exc())
        return False
    return True


def _write(shown: Shown, round_: Begun) -> None:
    from prefect.artifacts import create_markdown_artifact, create_table_artifact

    of = f"Round {round_.id}, begun {_minute(round_.begun_at)}."
    tables = {
        "verdicts": (
            shown.verdicts,
            "Where the trials stand whose programme has no roles, those whose verdict changed first.",
        ),
        "refusals": (
            shown.refusals,
            "Deliveries that were refused and trials that failed, with the sentence to act on.",
        ),
        "quarantine": (shown.quarantine, f"Rows set aside in these trials so far, by reason; below {LIMIT} not told."),
    }
    for name, (told, says) in tables.items():
        create_table_artifact(table=list(told.rows), key=KEYS[name], description=f"{of} {says}{told.more}")
    create_markdown_artifact(markdown=shown.summary, key=KEYS["summary"], description=of)


def shown_of(
    store: Store, round_: Begun, outcomes: Sequence[Outcome], before: Mapping[str, Stood], *, most: int = MOST
) -> Shown:
    """What the artifacts hold, without Prefect."""
    now = measuring.stood(store)
    anybody = open_to_all(store, [one.trial for one in outcomes])
    told = [one for one in outcomes if one.trial in anybody]
    verdicts = _verdicts(told, before, now)
    # Of a trial with roles it is not told either that the verdict changed: a second change is no benefit's.
    changed = sum(row["changed"] for row in verdicts)
    refusals = _refusals(outcomes)
    aside = _set_aside(store, [one.trial for one in told if one.receipts])
    return Shown(
        _cut(verdicts, most), _cut(refusals, most), _cut(aside, most), _summary(round_, outcomes, before, now, changed)
    )


def open_to_all(store: Store, trials: Sequence[str]) -> frozenset[str]:
    """Those of the trials that anybody may read: their programme has no roles."""
    return frozenset(seeing.allowed(store.as_person(""), trials))


def _verdicts(outcomes: Sequence[Outcome], before: Mapping[str, Stood], now: Mapping[str, Stood]) -> list[Row]:
    """A row per trial that has a look: those whose verdict changed, then those with a new look, then the others, by name."""
    rows = []
    for one in sorted(outcomes, key=lambda one: one.trial):
        if (at := now.get(one.trial)) is None:
            continue
        was = before.get(one.trial)
        row: Row = {"trial": one.trial, "verdict": _word(at.verdict), "look": at.look}
        row |= {"changed": was is None or was.verdict != at.verdict, "new look": was is None or was.look != at.look}
        row["before"] = "" if was is None else _word(was.verdict)
        row["as of"] = _minute(one.look.as_of) if one.look is not None and one.look.number == at.look else ""
        rows.append(row)
    return sorted(rows, key=lambda row: (not row["changed"], not row["new look"]))


def _refusals(outcomes: Sequence[Outcome]) -> list[Row]:
    """A row for each trial that failed, then for each delivery that was refused."""
    named = sorted(outcomes, key=lambda one: one.trial)
    failed = [{"trial": one.trial, "what": "failed", "why": one.error or ""} for one in named if not one.ok]
    refused = [
        {"trial": one.trial, "what": "a delivery was refused", "why": receipt.refusal}
        for one in named
        for receipt in one.receipts
        if receipt.refusal is not None
    ]
    return [{**row, "why": about_numbers(str(row["why"]))} for row in (*failed, *refused)]


def _set_aside(store: Store, trials: Sequence[str]) -> list[Row]:
    """Of the trials that something came for: the rows that wait, in tens, and the reasons, as the trial's page shows them.

    That a delivery had a few rows set aside is told nowhere, so nothing here follows from the round's own rows.
    """
    from dashboards.read_model.quality import _rule

    waiting = quarantine.waiting(store, trials) if trials else {}
    wait = {trial: rows for trial in trials if (rows := tens(waiting.get(trial, 0))) is not None}
    found: list[Row] = []
    for trial in sorted(wait, key=lambda trial: (-wait[trial], trial))[:_MOST_REASONS]:
        histories = added_up((_rule(reason), rows) for reason, rows in tallies.set_aside_by_delivery(store, trial))
        told = {reason: rows for reason, rows in released_counts(histories).cells.items() if rows is not None}
        row = {"trial": trial, "rows that wait": f"{wait[trial]:,} or more"}
        ordered = sorted(told.items(), key=lambda item: (-item[1], item[0]))
        found += [{**row, "reason": reason, "rows": f"{rows:,} or more"} for reason, rows in ordered]
        found += [] if ordered else [{**row, "reason": "no single reason has ten rows", "rows": ""}]
    found += [
        {"trial": trial, "rows that wait": f"{wait[trial]:,} or more", "reason": "see its page", "rows": ""}
        for trial in sorted(wait, key=lambda trial: (-wait[trial], trial))[_MOST_REASONS:]
    ]
    return found


def _summary(
    round_: Begun,
    outcomes: Sequence[Outcome],
    before: Mapping[str, Stood],
    now: Mapping[str, Stood],
    changed: int,
) -> str:
    came = sum(len(one.receipts) for one in outcomes)
    refused = sum(receipt.refusal is not None for one in outcomes for receipt in one.receipts)
    looks = sum(_look(now, one.trial) > _look(before, one.trial) for one in outcomes)
    failed = sum(not one.ok for one in outcomes)
    lines = {
        "trials taken up": len(outcomes),
        "of these failed": failed,
        "deliveries that came": came,
        "of these refused": refused,
        "trials with a new look": looks,
        "verdicts that changed": changed,
    }
    table = "\n".join(f"| {name} | {number:,} |" for name, number in lines.items())
    title = f"# Round {round_.id}\n\nBegun {_minute(round_.begun_at)}."
    return f"{title}\n\n| | |\n|---|---:|\n{table}\n\n{_next(failed, refused)}\n"


def _next(failed: int, refused: int) -> str:
    if failed or refused:
        return f"What to do stands in `{KEYS['refusals']}`."
    return "Nothing failed and nothing was refused."


def _look(stood: Mapping[str, Stood], trial: str) -> int:
    return stood[trial].look if trial in stood else 0


def _cut(rows: Iterable[Row], most: int) -> Told:
    """At most so many rows, and how many more there are."""
    found = tuple(rows)
    return Told(found[:most], max(0, len(found) - most))


def _word(verdict: str) -> str:
    return verdict.replace("_", " ")


def _minute(at: datetime) -> str:
    return at.strftime("%Y-%m-%d %H:%M %Z").strip()
