"""Data Docs: what the checks of one round came to, as plain pages in a folder. They open without a network or a server.

Guarantee: no page holds a cell, an id, a file's name or a count of rows from 1 to 9, or what such a count can be worked out
from within its tables (`trials.disclosure`); no page has a script or asks anything of another host (its Content Security
Policy forbids both). What is expected is shown with its placeholders as words, never as what was sent.

Great Expectations' own Data Docs are not used. Measured with 1.24: every page loads Bootstrap, jQuery and more from four
hosts, and a picture from a fifth whose address carries the context's id; a trial costs two pages of 23 kB, 8 ms and a
validation of its own (29 ms), where the rows of all trials are checked in one batch.
"""

from __future__ import annotations

import os
import re
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from hashlib import sha256
from html import escape
from pathlib import Path
from typing import Literal

from expectations import docs_parts as parts
from expectations import engine
from expectations.docs_parts import State
from trials.disclosure import safe_count, safe_counts, safe_table
from trials.records import Action


@dataclass(frozen=True, slots=True)
class RuleCount:
    """One expectation in one delivery. rows_set_aside: rows that broke it; refused: the whole delivery did."""

    rule: str
    description: str
    rows_checked: int
    rows_set_aside: int
    refused: bool = False


@dataclass(frozen=True, slots=True)
class DeliveryRound:
    """What one delivery came to. rows: all it had; set_aside: those in quarantine, whatever the reasons."""

    sent_at: datetime
    action: Action | Literal["unjudged"]
    rows: int
    set_aside: int
    rules: tuple[RuleCount, ...] = ()


@dataclass(frozen=True, slots=True)
class TrialRound:
    """One trial in one round. flags: the sentences of `expectations.health.trial_health`."""

    trial: str
    question: str
    deliveries: tuple[DeliveryRound, ...] = ()
    flags: tuple[str, ...] = ()


def rule_counts(
    kind: str, guardrails: Iterable[str], rows: int, broken: Mapping[str, int], *, refused: bool = False
) -> tuple[RuleCount, ...]:
    """The rules that a delivery was held against, with the rows that broke each.

    kind: of the primary measure; guardrails: the kinds of the guardrails. broken: rows (or, refused, deliveries) by rule.
    Of a refused delivery only the structure was judged. Rules that say the same to their reader are one.
    """
    judged = list(engine.load("structure").expectations)
    if not refused:
        judged += engine.load(kind).expectations
        judged += [one for other in sorted({*guardrails} - {kind}) for one in engine.load_measure(other).expectations]
    by_words: dict[str, list[str]] = {}
    for rule, description in dict.fromkeys((one["meta"]["rule"], one["description"]) for one in judged):
        by_words.setdefault(description, []).append(rule)
    found = []
    for description, rules in by_words.items():
        count = sum(broken.get(rule, 0) for rule in rules)
        aside = 0 if refused else min(rows, count)
        found.append(RuleCount(rules[0], description, rows, aside, refused=refused and count > 0))
    return tuple(found)


def build(folder: Path, rounds: Sequence[TrialRound], at: datetime) -> Path:
    """Writes the pages of one round and returns its index. at: when the round was, aware.

    Each file is replaced whole, the index last, so that a reader never sees half of one. Pages of trials that are not in
    `rounds` stay as they are and say which round they are of.
    """
    pages = folder / "trials"
    pages.mkdir(parents=True, exist_ok=True)
    for one in rounds:
        _write(pages / _file(one.trial), trial_page(one, at))
    index = folder / "index.html"
    _write(index, index_page(rounds, at))
    return index


def index_page(rounds: Sequence[TrialRound], at: datetime) -> str:
    """The round as one HTML page: how many deliveries came to what, and a row a trial."""
    counts = [Counter(_state(one) for one in trial.deliveries) for trial in rounds]
    ordered = sorted(zip(rounds, counts, strict=True), key=lambda pair: (-_urgency(*pair), pair[0].trial))
    rows = [
        [
            f'<a href="trials/{_file(one.trial)}">{escape(one.trial)}</a>',
            *(str(count[state]) for state in ("good", "aside", "bad")),
            _worst(one, count),
        ]
        for one, count in ordered
    ]
    heads = ("Trial", "Accepted", "With rows set aside", "Refused", "Result")
    caption = "Deliveries of this round by trial; trials with something to do come first."
    body = [_lead(sum(counts, Counter()), sum(bool(one.flags) for one in rounds))]
    body.append(
        parts.card(parts.table(caption, heads, rows))
        if rows
        else '<p class="quiet">No trial was due in this round.</p>'
    )
    return parts.page(f"Data checks of {parts.when(at)}", "".join(body), at)


def trial_page(one: TrialRound, at: datetime) -> str:
    """One trial's round as an HTML page: its deliveries, its health, and every expectation with what broke it."""
    lead = _lead(Counter(map(_state, one.deliveries)), int(bool(one.flags)), trial=True)
    crumbs = f'<p class="crumbs"><a href="../index.html">Data checks of {parts.when(at)}</a></p>'
    question = f'<p class="quiet">{escape(one.question)}</p>'
    body = [lead, question, _deliveries(one.deliveries), _health(one), _rules(one.deliveries)]
    return parts.page(one.trial, "".join(body), at, crumbs)


def _deliveries(deliveries: Sequence[DeliveryRound]) -> str:
    if not deliveries:
        return ""
    counts = {(str(number), "in"): one.rows - one.set_aside for number, one in enumerate(deliveries)}
    counts |= {(str(number), "aside"): one.set_aside for number, one in enumerate(deliveries)}
    safe = safe_table(counts)
    rows = [
        [
            f"Sent on {one.sent_at.day} {one.sent_at:%B %Y}",
            parts.number(safe.row_totals[str(number)]),
            parts.number(safe.cells[str(number), "aside"]),
            parts.pill(*parts.ACTIONS[one.action]),
        ]
        for number, one in enumerate(deliveries)
    ]
    table = parts.table("Deliveries of this round.", ("Delivery", "Rows", "Rows set aside", "Result"), rows)
    return parts.card(table, "Deliveries", parts.why_hidden(safe.hides))


def _health(one: TrialRound) -> str:
    signs = len(engine.load("health").expectations)
    if not any(delivery.action not in ("reject_batch", "unjudged") for delivery in one.deliveries) and not one.flags:
        said = [(parts.pill("unknown", "Not judged"), "Nothing came in that the trial's health could be judged by.")]
    elif one.flags:
        said = [(parts.pill("aside", "Flagged"), sentence) for sentence in one.flags]
    else:
        said = [(parts.pill("good", "Passed"), f"None of the {signs} signs of the trial's health is flagged.")]
    listed = "".join(f"<li>{pill}<span>{escape(sentence)}</span></li>" for pill, sentence in said)
    return parts.card(f'<ul class="flags">{listed}</ul>', "Health of the trial as a whole", "Flags set no row aside.")


def _rules(deliveries: Sequence[DeliveryRound]) -> str:
    """Every expectation over the round's deliveries, those that were broken first."""
    merged: dict[tuple[str, str], list[RuleCount]] = {}
    for each in (rule for one in deliveries for rule in one.rules):
        merged.setdefault((each.rule, each.description), []).append(each)
    if not merged:
        return ""
    checked = {key: sum(one.rows_checked for one in found) for key, found in merged.items()}
    aside = {key: sum(one.rows_set_aside for one in found) for key, found in merged.items()}
    shown = safe_counts({str(key): count for key, count in aside.items() if count})
    rows = []
    for key in sorted(merged, key=lambda key: (not any(one.refused for one in merged[key]), aside[key] == 0)):
        refused = any(one.refused for one in merged[key])
        state = ("bad", "Refused") if refused else ("aside", "Set aside") if aside[key] else ("good", "Passed")
        hidden = shown.cells.get(str(key)) is None or safe_count(checked[key] - aside[key]) is None
        told = 0 if aside[key] == 0 else None if hidden else aside[key]
        number = parts.number(safe_count(checked[key]))
        rows.append([parts.in_words(*key), number, parts.number(told), parts.pill(*state)])  # type: ignore[arg-type]
    heads = ("Fault looked for", "Rows checked", "Rows set aside", "Result")
    table = parts.table("Each with what must be; a row with several faults is counted with each.", heads, rows)
    return parts.card(table, "What was checked", parts.why_hidden(shown.hides))


def _state(delivery: DeliveryRound) -> State:
    return parts.ACTIONS[delivery.action][0]


def _urgency(one: TrialRound, count: Counter[State]) -> int:
    return 8 * (count["bad"] > 0) + 4 * (count["unknown"] > 0) + 2 * bool(one.flags) + (count["aside"] > 0)


def _worst(one: TrialRound, count: Counter[State]) -> str:
    if count["bad"]:
        return parts.pill("bad", "Refused")
    if count["unknown"]:
        return parts.pill("unknown", "Not checked")
    if one.flags:
        return parts.pill("aside", "Flagged")
    if not one.deliveries:
        return parts.pill("unknown", "Nothing came")
    return parts.pill("aside", "Rows set aside") if count["aside"] else parts.pill("good", "Passed")


def _lead(count: Counter[State], flagged: int, *, trial: bool = False) -> str:
    """The finding in one sentence."""
    whole = sum(count.values())
    be = "was" if count["bad"] == 1 else "were"
    words = {"aside": "had rows set aside", "bad": f"{be} refused whole", "unknown": "could not be checked"}
    told = [f"{count[state]:,} {word}" for state, word in words.items() if count[state]]  # type: ignore[index]
    if not whole:
        said = "Nothing came in this round."
    elif whole == 1 and told:
        said = {"aside": "Rows of the delivery were set aside.", "bad": "The delivery was refused whole."}.get(
            next(iter(count)), "The delivery could not be checked."
        )
    elif not told:
        said = "The delivery passed whole." if whole == 1 else f"All {whole:,} deliveries passed whole."
    else:
        said = f"{count['good']:,} of {whole:,} deliveries passed whole; {', '.join(told)}."
    if flagged and trial:
        said += " The trial itself is flagged."
    elif flagged:
        said += " One trial is flagged." if flagged == 1 else f" {flagged:,} trials are flagged."
    return f'<p class="lead">{said}</p>'


def _file(trial: str) -> str:
    """A trial's file name: its id, made safe for any file system and distinct from every other trial's."""
    plain = re.sub(r"[^a-z0-9-]", "_", trial)[:80]
    return f"{plain}.html" if plain == trial else f"{plain}-{sha256(trial.encode()).hexdigest()[:12]}.html"


def _write(path: Path, page: str) -> None:
    beside = path.with_suffix(".new")
    beside.write_text(page, encoding="utf-8")
    os.replace(beside, path)
