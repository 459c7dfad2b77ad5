"""What the commands about the people in a trial print; each text ends with what to do next."""

from __future__ import annotations

from collections.abc import Sequence

from trials.acts.fund import FundRequest
from trials.disclosure import LIMIT
from trials.sharing.cocreation import Entry, Influence
from trials.sharing.fidelity import Fidelity
from trials.sharing.fund import Equity, FundSummary
from trials.sharing.partners import WORDS, Shared
from trials.sharing.voices import WHO, VoicesSummary
from trials.store.sharing import Quote

FEW = f"fewer than {LIMIT}"


def partners_text(trial: str, found: Shared) -> str:
    """A paragraph for each hope, then the trade-offs."""
    lines = []
    for row in found.rows:
        measure = f", by {row.label}" if row.label else ""
        lines += [
            f"{row.partner} ({row.kind}): {row.value}{measure}",
            f"  {row.shows}" + (f": {WORDS[row.stands]} for them" if row.stands in ("better", "worse") else ""),
        ]
    lines += [one.sentence for one in found.trade_offs]
    return "\n".join([*lines, found.sentence, f"Next: roadtest status {trial}"])


def co_creation_text(trial: str, entries: Sequence[Entry], influence: Sequence[Influence]) -> str:
    """A line for each contribution, then each kind of people's influence."""
    lines = [
        f"{one.number}. {one.who.replace('_', ' ')} {one.what} {one.part}: {one.text} "
        f"({one.outcome.replace('_', ' ')}{': ' + one.why if one.why else ''})"
        for one in entries
    ]
    lines += [one.sentence for one in influence] or ["Nobody has proposed, changed, vetoed or tested anything yet."]
    waits = next((one.number for one in entries if one.outcome == "pending"), None)
    following = f"co-create {trial}" if waits is None else f"co-created {trial} {waits} --outcome taken_up"
    return "\n".join([*lines, f"Next: roadtest {following}"])


def fidelity_text(trial: str, found: Fidelity) -> str:
    """TIDieR's items, what the plan leaves open, and each site."""
    lines = [f"{item.number:2}. {item.name}: {item.text or 'nothing said'}" for item in found.items]
    lines += [f"Note: {text}." for text in found.warnings]
    lines += [site.sentence for site in found.sites]
    return "\n".join([*lines, found.sentence, f"Next: roadtest adapt {trial} --component ID --what TEXT --why TEXT"])


def fund_text(trial: str, found: FundSummary) -> str:
    """The money, how fast, who proposed, and the groups."""
    lines = [found.sentence]
    lines.append(f"Waiting for an answer: {_count(found.waiting)}; longer than promised: {_count(found.overdue)}.")
    if found.proposed:
        told = ", ".join(f"{who} {_count(count)}" for who, count in found.proposed.items())
        lines.append(f"Who proposed: {told}.")
    for heading, groups in (("site", found.by_site), ("arm", found.by_arm)):
        lines += [f"  {heading} {_group(one, found.currency)}" for one in groups]
    return "\n".join([*lines, f"Next: roadtest fund show {trial} --open"])


def _group(one: Equity, currency: str) -> str:
    counted = f"{one.group}: {one.approved} or more approved, {one.refused} or more refused"
    share = "" if one.share is None else f", {100 * one.share[0]:.0f} to {100 * one.share[1]:.0f} in 100 approved"
    return counted + share + ("" if one.mean is None else f", {one.mean:,.2f} {currency} on average")


def _count(count: int | None) -> str:
    return FEW if count is None else str(count)


def open_text(trial: str, asked: Sequence[FundRequest]) -> str:
    """The requests that wait for an answer."""
    if not asked:
        return f"No request waits for an answer. Next: roadtest fund show {trial}"
    lines = [f"{one.request}: {one.amount:,.2f}, {one.goal} (by the {one.proposed_by}, {one.day})" for one in asked]
    return "\n".join([*lines, f"Next: roadtest fund answer {trial} {asked[0].request} --approve --amount AMOUNT"])


def voices_text(trial: str, found: VoicesSummary, quotes: Sequence[Quote]) -> str:
    """The voices by who and stance, what is said most, the quotes, and where they conflict with the numbers."""
    lines = []
    for heard in found.heard:
        told = ", ".join(f"{stance} {_count(count)}" for stance, count in heard.counts.items())
        lines.append(f"{WHO[heard.who].capitalize()}: {told}")
    if found.codes:
        lines.append("Said most: " + ", ".join(f"{code} ({count})" for code, count in found.codes))
    lines += [f'  {one.number}. "{one.text}" ({one.who}, {one.stance}: {", ".join(one.codes)})' for one in quotes]
    return "\n".join([*lines, found.sentence, f"Next: roadtest voice add {trial}, or roadtest status {trial}"])
