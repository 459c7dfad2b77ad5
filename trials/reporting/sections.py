"""The sections of a report, each from what is stored of a trial. Numbers of people come in as they may be shown.

Order and items of the flow of people: CONSORT 2010 (Schulz, Altman & Moher, 2010, BMJ 340:c332), for feasibility trials its
extension (Eldridge et al., 2016, BMJ 355:i5239); of what was tried: TIDieR (Hoffmann et al., 2014, BMJ 348:g1687).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

from trials import deciding
from trials.acts import Act
from trials.acts.amending import Amendment
from trials.acts.deciding import Decision
from trials.acts.events import ExternalEvent
from trials.acts.site_withdrawing import SiteWithdrawn
from trials.amending import mark
from trials.evidence import Look
from trials.labelling import seen_label
from trials.lifecycle import Carried
from trials.plan.intervention import Intervention
from trials.protocol import Protocol
from trials.records import in_words
from trials.reporting.report import Entry, Section, Table
from trials.sharing.fidelity import Fidelity
from trials.stopping import CODES, Finding, todo_of

LEVELS = {"stop": "asks for a stop", "watch": "to be watched", "fine": "kept"}
_SHOWN_CHANGES = 4


@dataclass(frozen=True, slots=True)
class Flow:
    """Numbers of people as they may be shown, by arm; '' is everybody, None of them where no split may be shown."""

    joined: Mapping[str, str]
    counted: Mapping[str, str]
    missing: Mapping[str, str]


def flow(protocol: Protocol, numbers: Flow, withdrawn: Mapping[str, SiteWithdrawn], note: str) -> Section:
    """Who joined, who is in the result and who is missing, arm by arm; sites that left."""
    named = {arm.id: arm.name or arm.id.replace("_", " ").capitalize() for arm in protocol.arms}
    steps = (
        ("Joined and allocated", numbers.joined),
        ("Result missing for good", numbers.missing),
        ("In the result", numbers.counted),
    )
    shown = {"": "All", **named} if any("" in told for _, told in steps) else named
    rows = [("Assessed beforehand", *("not recorded" for _ in shown))]
    rows += [(step, *(told.get(place, "–") for place in shown)) for step, told in steps]
    entries = [
        Entry(f"left from {in_words(left.from_day)} on: {left.reason}", f"Site {site}")
        for site, left in sorted(withdrawn.items())
    ]
    kind = (
        "pilot and feasibility trials (CONSORT extension)" if protocol.purpose == "feasibility" else "trials (CONSORT)"
    )
    table = Table(f"Flow of people, as in the standard for reporting {kind}", ("", *shown.values()), tuple(rows))
    return Section("flow", "How people went through it", tuple(entries), table, note)


def progression(protocol: Protocol, decisions: Sequence[Act]) -> Section | None:
    """The criteria for going on, sealed beforehand, and what each came to where people decided."""
    criteria = deciding.criteria_of(protocol)
    if not criteria:
        return None
    told = [act.body for act in decisions if isinstance(act.body, Decision) and act.body.answers]
    lights = {one.id: one.light for one in told[-1].answers} if told else {}
    entries = tuple(
        Entry(
            f"{lights.get(one.id, 'not judged yet')} (green {_from(one.green, one.higher, one.unit)}, "
            f"red {_from(one.red, not one.higher, one.unit)})",
            _capital(one.text),
        )
        for one in criteria
    )
    asked = "Criteria of this feasibility trial" if protocol.purpose == "feasibility" else "Criteria for going on"
    return Section("progression", asked, entries)


def _from(value: float, above: bool, unit: str) -> str:
    return f"from {value:g}{f' {unit}' if unit else ''} {'up' if above else 'down'}"


def tried(intervention: Intervention | None, found: Fidelity | None) -> Section:
    """What was tried, by TIDieR's items, its core and its flexible parts, and how far it was done so."""
    heading = "What is tried"
    if intervention is None or found is None:
        return Section("tried", heading, (Entry("The plan does not describe it by TIDieR's items."),))
    core = [one.text for one in intervention.components if one.role == "core"]
    loose = [
        f"{one.text}{f' ({one.within})' if one.within else ''}" for one in intervention.components if one.role != "core"
    ]
    items = [Entry(one.text, _capital(one.name)) for one in found.items if not one.empty and one.number not in (10, 12)]
    parts = [
        Entry("; ".join(told), name)
        for name, told in (("Core, never changed", core), ("Fitted to people", loose))
        if told
    ]
    empty = [f"{one.number} {one.name}" for one in found.items if one.empty and one.number not in (10, 12)]
    left = [Entry(", ".join(empty), "Nothing said of TIDieR items")] if empty else []
    return Section("tried", heading, (*items[:1], *parts, Entry(found.sentence, "Done as planned"), *items[1:], *left))


def changes(amendments: Sequence[Act], *, sealed: bool) -> Section:
    """Every amendment of the sealed plan: between which looks, what, why, by whom."""
    told = [(act, act.body) for act in amendments if isinstance(act.body, Amendment)]
    if not told:
        none = "None since it was sealed." if sealed else "It is not sealed yet, so it may still be replaced."
        return Section("changes", "Changes to the plan", (Entry(none),))
    entries = []
    for act, body in reversed(told):
        paths = [one.path for one in body.diff]
        more = f" and {len(paths) - _SHOWN_CHANGES} more" if len(paths) > _SHOWN_CHANGES else ""
        entries.append(
            Entry(
                f"{', '.join(paths[:_SHOWN_CHANGES])}{more}: {body.reason.rstrip('.')}. Written by {act.by}, approved by "
                f"{body.approved_by}.",
                f"{in_words(act.at)}, {mark(act.look)}",
            )
        )
    return Section("changes", "Changes to the plan", tuple(entries))


def watched(
    guardrails: Sequence[tuple[str, str]], findings: Sequence[Finding], concerns: Sequence[str], *, closed: bool = False
) -> Section:
    """Guardrails (name, how they stand), the stopping rules' findings and what else is not as it should be, worst first.

    closed: the trial was decided on, so nothing is to be done. Of a rule only its level is said: the figures in its sentence
    would tell of single people from one report to the next.
    """
    entries = [Entry(f"{_capital(text)}.") for text in concerns]
    entries += [Entry(standing, name) for name, standing in sorted(guardrails, key=lambda one: one[1] != "breached")]
    said = dict.fromkeys((one.code, one.rule, one.level, one.plan) for one in findings if one.code != "guardrail")
    todo = {one.rule: todo_of(one) for one in findings}
    for code, rule, level, planned in said:
        what = f"{LEVELS[level]} (plan: {planned})"
        if level == "stop":
            what += f": {CODES[code]}." if closed else f": {CODES[code]}. To do: {todo[rule]}."
        entries.append(Entry(what, _capital(rule.replace("_", " "))))
    if not entries:
        entries = [Entry("The plan names no guardrails and no stopping rules; nothing else is broken.")]
    return Section("watched", "Guardrails and rules", tuple(entries))


def people(strengths: Sequence[str], voices: str, trade_offs: Sequence[str]) -> Section | None:
    """What people can do, what they say, and where partners' hopes pull apart; None where a trial has none of these."""
    entries = [Entry(text) for text in (*trade_offs, *((voices,) if voices else ()), *strengths)]
    return Section("people", "Strengths and voices", tuple(entries)) if entries else None


def decided(decisions: Sequence[Act], events: Sequence[Act], *, arms: bool) -> Section:
    """The decisions, newest first, with dissent, lesson and what to use again. arms: whether results by arm may be seen; if
    not, why a trial goes on is left out, which may tell how its arms fare."""
    entries: list[Entry] = []
    for act in reversed(decisions):
        body = act.body
        if not isinstance(body, Decision):
            continue
        open_words = arms or body.closes
        shown = act if open_words else replace(act, body=body.model_copy(update={"reason": ""}))
        entries.append(Entry(deciding.sentence(shown), "Decision"))
        if open_words:
            entries.append(Entry(_none(body.dissent), "Dissent"))
            entries += [Entry(body.lesson, "Lesson")] if body.lesson else []
            entries += [Entry(body.reuse, "To use again")] if body.reuse else []
    entries += [
        Entry(act.body.text, f"Outside event, {in_words(act.body.day)}")
        for act in events
        if isinstance(act.body, ExternalEvent)
    ]
    return Section("decided", "Decision and lesson", tuple(entries) or (Entry("Nothing was decided yet."),))


def carried(found: Carried | None) -> Section | None:
    """What came over from earlier trials; None for a trial that continues none."""
    if found is None or not found.handed:
        return None
    entries = [Entry(found.sentence), Entry(found.changed, "New in it")]
    for one in found.handed:
        lesson = f" Lesson: {one.lesson}" if one.lesson else ""
        again = f" To use again: {one.reuse}" if one.reuse else ""
        entries.append(Entry(f"{one.decision}.{lesson}{again}", one.trial))
    return Section("carried", "Carried over", tuple(entries))


def claims(protocol: Protocol, look: Look | None = None) -> str:
    """What the design, and the data of the newest look, allow anybody to claim, and what not; beside every verdict."""
    label = seen_label(protocol, () if look is None else look.concerns)
    also = f" Take care: {label.caution}." if label.caution else ""
    return f"It may claim {label.may_claim}. It may not claim {label.may_not_claim}.{also}"


def _capital(text: str) -> str:
    return text[:1].upper() + text[1:]


def _none(dissent: str) -> str:
    return "nobody saw it otherwise" if dissent == deciding.NONE else dissent
