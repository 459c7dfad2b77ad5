"""What is watched beside the main measure: the plan's rules, guardrails, what is waited for, how firm the result is."""

from __future__ import annotations

from typing import Any

from dash import html

from dashboards import wording
from dashboards.panels import rules
from dashboards.panels.panel import Absence, Panel, too_early
from dashboards.parts import table
from dashboards.read_model import TrialView
from dashboards.read_model.watch import Watch, watch
from dashboards.theme import Screen
from trials.evidence import Guarded
from trials.protocol import Protocol
from trials.stopping.rule import Level

ADD_UP = "The newest look finds group sizes as allocated, results missing alike in all groups, and reports in time."
NUMBERS = {1: "One thing", 2: "Two things", 3: "Three things", 4: "Four things"}


def absent(about: Watch) -> Absence | None:
    said = any(one.finding.rule != "safety_event" or one.finding.level != "fine" for one in about.rules)
    if about.view.concerns or said or any(line[0] != "fine" for line in _waited(about)):
        return None
    return too_early(about.view, "Guardrails and what would change the verdict appear")


def title(about: Watch) -> str:
    """Everything that asks for attention, worst first, whatever found it."""
    subjects = attention(about)
    if not subjects:
        return "Nothing beside the effect needs attention"
    many = NUMBERS.get(len(subjects), f"{len(subjects)} things")
    if about.closed:
        verb = "stood out while the trial ran"
    else:
        verb = "beside the effect needs attention" if len(subjects) == 1 else "beside the effect need attention"
    return f"{many} {verb}: {_listed(subjects)}"


def attention(about: Watch) -> list[str]:
    """What is not in order, a word each; nothing twice."""
    found = [rules.SUBJECTS[one.finding.rule] for one in about.rules if one.finding.level != "fine"]
    found += [
        "deliveries" if "Deliveries" in said or "delivery" in said else "a silent site"
        for level, _, said in _waited(about)
        if level != "fine"
    ]
    return list(dict.fromkeys(found))


def how(about: Watch) -> str:
    if about.closed:
        return "The trial is closed: nothing is left to do. This is how each rule stood at the end."
    guarded = (
        "A guardrail is a measure that must not get worse by more than the margin agreed beforehand. "
        if about.view.protocol.guardrails
        else "The plan names no guardrails; the sizes of the groups, missing outcomes and safety are watched. "
    )
    return (
        f"{guarded}Each rule was agreed beforehand and may be asked as often as you like; people decide what follows."
    )


def body(about: Watch, screen: Screen) -> list[Any]:
    view = about.view
    lines = [rules.row(view.protocol, one, closed=about.closed) for one in about.rules]
    waited = [rules.line(level, name, said) for level, name, said in _waited(about)]
    if view.shown is not None and not any(one.finding.rule == "flagged" for one in about.rules):
        lines.append(rules.line("fine", rules.NAMES["flagged"], ADD_UP))
    levels = {"stop": 0, "watch": 1, "fine": 2, "waiting": 3}
    listed = sorted([*lines, *waited], key=lambda one: levels[_level(one)])
    return [
        *([html.Ul(listed, className="watched-list")] if listed else []),
        *_firm(about),
        *_guardrails(view),
    ]


def _level(line: html.Li) -> str:
    return line.children[0].className.rpartition("-")[2]  # type: ignore[no-any-return]


def _waited(about: Watch) -> list[tuple[Level, str, str]]:
    return rules.waited_lines(about.view.protocol, about.waited)


def _listed(words: list[str]) -> str:
    return words[0] if len(words) == 1 else f"{', '.join(words[:-1])} and {words[-1]}"


def _firm(about: Watch) -> list[Any]:
    """What the design allows, what would change the verdict, and how firm the result is."""
    said = [f"{sentence[:1].upper()}{sentence[1:]}." for sentence in about.design]
    if about.view.shown is not None:
        said += [sentence for sentence in (about.view.shown.outlook, *_firmness(about.view)) if sentence]
    if not said:
        return []
    return [html.H4("How firm the result is"), html.Ul([html.Li(sentence) for sentence in said], className="reasons")]


def _guardrails(view: TrialView) -> list[Any]:
    shown = view.shown
    if shown is None or not shown.guardrails:
        return []
    columns: tuple[str, ...] = ("Guardrail", "Group", "Evidence of a breach", "Standing")
    rows: list[tuple[str, ...]] = [_row(view.protocol, one) for one in shown.guardrails]
    if not view.arms:  # which group it is in, and how near, is a result of that group
        columns = (columns[0], columns[3])
        rows = [(row[0], row[3]) for row in rows]
        rows = [row for row in dict.fromkeys(rows) if row[1] == "breached" or (row[0], "breached") not in rows]
    return [html.H4("How near each guardrail is"), table(columns, rows, "Guardrails")]


def _firmness(view: TrialView) -> list[str]:
    """The estimate without the bias of an early stop, and what late changes would have altered."""
    look, plan, found = view.effect, view.protocol, []
    if look is not None and look.adjusted is not None:
        adjusted = wording.rounded(plan.primary, look.adjusted)
        found.append(
            f"Trials that stop early look better than they are: corrected for that, {wording.effect(plan, adjusted)}."
        )
    if look is not None and look.sensitivity is not None:
        late = look.sensitivity
        verdict = wording.VERDICT_WORDS[late.verdict].lower()
        same = "the same" if late.verdict == look.verdict else f"“{verdict}”"
        found.append(f"With the changes that came too late to count the verdict would be {same}.")
    return found


def _row(protocol: Protocol, one: Guarded) -> tuple[str, ...]:
    labels = {guardrail.measure: guardrail.label or guardrail.measure for guardrail in protocol.guardrails}
    rule = "Staff's time above its limit" if one.measure == "burden" else labels[one.measure]
    standing = "breached" if one.claim.fired else "no breach shown"
    return rule, wording.arm_name(protocol, one.arm), wording.strength(one.claim, wording.units(protocol)), standing


PANEL = Panel("watch", "Guardrails and rules", 12, absent, title, how, body, section="watch", read=watch)
