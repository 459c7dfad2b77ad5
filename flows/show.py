"""What the command prints: JSON with the documented fields, or a table for people. Rich is imported when it draws."""

from __future__ import annotations

import json
from collections.abc import Mapping
from datetime import datetime
from types import MappingProxyType
from typing import TYPE_CHECKING, Any

from flows.decided import marks_json
from trials.evidence import Concern, Look
from trials.labelling import labelled
from trials.outcomes import kind_named
from trials.protocol import Protocol
from trials.records import Receipt
from trials.store.reading import TrialCard
from trials.store.rounds import SILENT, Round, TrialWork

if TYPE_CHECKING:
    from flows.work import Outcome

# A look as somebody may see it (`trials.store.seeing.look_for`).
Seen = Mapping[str, Any]
NO_LOOK = "Setting up: no delivery has come yet."
NOBODY: Mapping[str, Seen | None] = MappingProxyType({})
WORDS = {
    "keep_going": "Keep going",
    "promote": "Promote",
    "drop": "Drop",
    "stop_for_harm": "Stop for harm",
    "cant_tell": "Needs a decision",
}
STYLES = {
    "keep_going": "bold blue",
    "promote": "bold green",
    "drop": "bold dark_orange",
    "stop_for_harm": "bold white on red",
    "cant_tell": "bold magenta",
}


def print_json(body: Any) -> None:
    print(json.dumps(body, ensure_ascii=False, allow_nan=False, default=str))


def look_json(protocol: Protocol, look: Look, seen: Seen | None = None) -> dict[str, Any]:
    """`trial, looks, n, verdict, sentence, claims, estimate, interval, as_of` and what else the look holds.

    `arms` is keyed by arm here; `comparisons`, `guardrails`, `concerns`, `adjusted`, `sensitivity` are as the look has them.
    seen: the look as whoever asks may see it (`trials.store.seeing.look_for`); the whole look if left out.
    """
    body = dict(look.to_json() if seen is None else seen)
    body["evidence_label"] = _label(protocol, body)
    body["looks"] = look.number
    body |= {"simulated": protocol.simulated, "retrospective": protocol.retrospective}
    body["arms"] = {
        arm["arm"]: {name: told for name, told in arm.items() if name != "arm" and told is not None}
        for arm in body["arms"]
    }
    return body


def _label(protocol: Protocol, told: Mapping[str, Any]) -> str:
    """The evidence label beside a look, from its JSON: what the data show can take the design's label away."""
    return labelled(protocol, [Concern(**one) for one in told["concerns"]])


def card_json(
    card: TrialCard, waiting: int, overdue: dict[str, Any] | None, seen: Seen | None = None
) -> dict[str, Any]:
    """A trial's status; without a look yet, its claims, estimate and verdict are null.

    waiting: rows that were set aside and wait to be mended; overdue: what is waited for, null before the seal.
    """
    common: dict[str, Any] = {
        "state": card.state,
        "stage": card.protocol.stage,
        "simulated": card.protocol.simulated,
        "retrospective": card.protocol.retrospective,
        "deliveries": card.deliveries,
        "refused": card.refused,
        "quarantined": waiting,
        "overdue": overdue,
    }
    common |= marks_json(card, small=seen is None or seen.get("enrolled") is not None)
    if card.look is not None:
        return {**look_json(card.protocol, card.look, seen), **common}
    common["evidence_label"] = labelled(card.protocol)
    empty = {"trial": card.id, "looks": 0, "n": 0, "verdict": None, "sentence": NO_LOOK}
    return {**empty, "claims": None, "estimate": None, "interval": [None, None], "as_of": None, **common}


def receipt_json(receipt: Receipt) -> dict[str, Any]:
    return {
        "trial": receipt.trial,
        "name": receipt.name,
        "action": receipt.action,
        "accepted": receipt.accepted,
        "quarantined": receipt.quarantined,
        "duplicates": receipt.duplicates,
        "corrections": receipt.corrections,
        "reasons": [{"row": rejection.row_no, "reason": rejection.reason} for rejection in receipt.reasons],
        "warnings": list(receipt.warnings),
        "refusal": receipt.refusal,
        "already_known": receipt.already_known,
        "look": receipt.look_number,
    }


def effect_words(protocol: Protocol, estimate: float | None) -> str:
    return "–" if estimate is None else kind_named(protocol.primary.kind).say_effect(protocol.primary, estimate)


def verdict_table(cards: list[TrialCard], title: str, seen: Mapping[str, Seen | None] = NOBODY) -> None:
    """One row per trial: verdict, people in, effect; under the table each trial's sentence. seen: by trial, see `look_json`."""
    from rich.console import Console
    from rich.table import Table
    from rich.text import Text

    console = Console()
    table = Table(title=title, title_justify="left")
    table.add_column("Trial", overflow="fold")
    table.add_column("Verdict", no_wrap=True)
    table.add_column("People in", justify="right", no_wrap=True)
    table.add_column("Effect so far", overflow="fold")
    for card in cards:
        planned = f"of {card.protocol.monitoring.max_participants:,}"
        name = Text(card.id)
        name.append(card.protocol.mark, style="italic dim")
        if card.look is None:
            table.add_row(name, "Setting up" if card.closing is None else card.state.capitalize(), f"0 {planned}", "–")
            continue
        told = seen.get(card.id) or card.look.to_json()
        word = Text(WORDS[told["verdict"]], style=STYLES[told["verdict"]])
        people = "fewer than 10" if told["n"] is None else f"{told['n']:,}"
        table.add_row(name, word, f"{people} {planned}", effect_words(card.protocol, told["estimate"]))
    console.print(table)
    lines = []
    for card in cards:
        sentence, label = NO_LOOK if card.closing is None else "No delivery ever came.", labelled(card.protocol)
        if card.look is not None:
            told = seen.get(card.id) or card.look.to_json()
            sentence, label = told["sentence"], _label(card.protocol, told)
        lines.append(Text.assemble((f"{card.id}{card.protocol.mark} ({label}){closed(card)}: ", "bold"), sentence))
    console.print(Text("\n").join(lines))


def work_lines(found: Mapping[str, TrialWork]) -> list[str]:
    """A line for each trial on which the rounds' work failed: why, how often in a row, and when it is tried again."""
    lines = []
    for one in found.values():
        if one.failures:
            again = "" if one.next_try_at is None else f" Tried again from {one.next_try_at:%Y-%m-%d %H:%M} UTC on."
            times = "once" if one.failures == 1 else f"{one.failures} times in a row"
            lines.append(f"{one.trial}: the rounds failed on it {times}: {one.error}{again}")
    return lines


def round_lines(last: Round | None, at: datetime, *, why: bool) -> list[str]:
    """A line of the newest round, unless it did its work. why: whether its reason may be told; it may name a trial."""
    if last is None or last.state in ("completed", "with_failures"):
        return []
    one = f"Round {last.id} of {last.begun_at:%Y-%m-%d %H:%M} UTC"
    if last.state != "running":
        said = "failed" if last.state == "failed" else "was interrupted"
        reason = f": {last.error.rstrip('.')}" if why and last.error else ""
        return [f"{one} {said}{reason}. The next one does what it left: roadtest round"]
    if abs(at - last.beat_at) <= SILENT:
        return [f"{one} is at work on {last.host}."]
    return [
        f"{one} fell silent at {last.beat_at:%H:%M}: its process was ended, or its end could not be written. The next round "
        "does what it left: roadtest round"
    ]


def closed(card: TrialCard | None) -> str:
    """' [dropped on DATE; this look is from after the decision]'; nothing while a trial is open."""
    if card is None or card.closing is None:
        return ""
    after = "; this look is from after the decision" if card.post_decision else ""
    return f" [{card.state} on {card.closing.at.date()}{after}]"


def receipt_text(receipt: Receipt, dry_run: bool = False) -> str:
    """What became of a delivery, with the first reasons."""
    if receipt.already_known and receipt.refusal is None:
        return f"{receipt.name}: came before; nothing changed (delivery {receipt.batch_seq}). To say it again, add --sent-at."
    if receipt.refusal is not None:
        return f"{receipt.refusal} Nothing of it was stored."
    done = "would be accepted" if dry_run else "accepted"
    text = f"{receipt.name}: {receipt.accepted} rows {done}, {receipt.quarantined} set aside"
    text += f", {receipt.duplicates} known already, {receipt.corrections} corrections."
    lines = [text, *(f"  row {rejection.row_no}: {rejection.reason}" for rejection in receipt.reasons[:5])]
    if len(receipt.reasons) > 5:
        lines.append(f"  and {len(receipt.reasons) - 5} more; --json lists them all")
    return "\n".join([*lines, *(f"  note: {warning}" for warning in receipt.warnings)])


def outcome_json(outcome: Outcome, seen: Seen | None = None, card: TrialCard | None = None) -> dict[str, Any]:
    look = None if outcome.look is None or outcome.protocol is None else look_json(outcome.protocol, outcome.look, seen)
    return {
        **(look or {"trial": outcome.trial}),
        **({} if card is None else {"state": card.state, "post_decision": card.post_decision}),
        "ok": outcome.ok,
        "error": outcome.error,
        "deliveries": [receipt_json(receipt) for receipt in outcome.receipts],
    }


def outcome_text(outcome: Outcome, seen: Seen | None = None, card: TrialCard | None = None) -> str:
    lines = [receipt_text(receipt) for receipt in outcome.receipts]
    sentence, notes, told = "no look yet: no delivery has come.", [], None
    if outcome.look is not None:
        told = outcome.look.to_json() if seen is None else seen
        sentence, notes = told["sentence"], concerns_text(told)
    said, plan = "", outcome.protocol
    if plan is not None:
        said = f"{plan.mark} ({labelled(plan) if told is None else _label(plan, told)})"
    return "\n".join([*lines, f"{outcome.trial}{said}{closed(card)}: {sentence}", *notes])


def concerns_text(told: Mapping[str, Any]) -> list[str]:
    """A line for each rule beside the statistics that is broken; from a look's JSON."""
    return [f"  Note: {concern['sentence']}." for concern in told["concerns"]]
