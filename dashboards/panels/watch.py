"""What is watched beside the main measure: guardrails, the rules beside the statistics, and how firm the result is."""

from __future__ import annotations

from typing import Any

from dash import html

from dashboards import wording
from dashboards.panels.panel import Absence, Panel, too_early
from dashboards.parts import table
from dashboards.read_model import TrialView
from dashboards.theme import Screen
from trials.evidence import Guarded
from trials.protocol import Protocol


def absent(view: TrialView) -> Absence | None:
    if view.concerns:
        return None
    return too_early(view, "Guardrails and what would change the verdict appear")


def title(view: TrialView) -> str:
    guardrails = () if view.shown is None else view.shown.guardrails
    broken = len(view.concerns) + sum(one.claim.fired for one in guardrails if one.measure != "burden")
    if broken:
        return "One thing beside the effect needs attention" if broken == 1 else f"{broken} things need attention"
    return "Nothing beside the effect needs attention"


def how(view: TrialView) -> str:
    if view.protocol.guardrails:
        return "A guardrail is a measure that must not get worse by more than the margin agreed beforehand."
    return "The plan names no guardrails; the sizes of the groups, missing outcomes and recruitment are watched."


def body(view: TrialView, screen: Screen) -> list[Any]:
    shown = view.shown
    said = [f"{concern[:1].upper()}{concern[1:]}." for concern in view.concerns]
    if shown is not None:
        said += [shown.outlook, *_firmness(view)]
    parts: list[Any] = [html.Ul([html.Li(sentence) for sentence in said if sentence], className="reasons")]
    if shown is not None and shown.guardrails:
        columns: tuple[str, ...] = ("Guardrail", "Group", "Evidence of a breach", "Standing")
        rows: list[tuple[str, ...]] = [_row(view.protocol, one) for one in shown.guardrails]
        if not view.arms:  # which group it is in, and how near, is a result of that group
            columns = (columns[0], columns[3])
            rows = [(row[0], row[3]) for row in rows]
            rows = [row for row in dict.fromkeys(rows) if row[1] == "breached" or (row[0], "breached") not in rows]
        parts.append(table(columns, rows, "Guardrails"))
    return parts


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


PANEL = Panel("watch", "Guardrails and rules", 12, absent, title, how, body, section="watch")
