"""How far the data can be trusted: deliveries, rows set aside and why, late changes, missing results.

Rows and results are counted over all deliveries, and released in steps; what a single delivery brought is not counted here.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from dash import dcc, html

from dashboards import wording
from dashboards.panels.panel import Absence, Panel
from dashboards.parts import icon, numbers, table
from dashboards.read_model import DeliveryView, Desk, Quality, TrialView
from dashboards.read_model.watch import Sound, sound
from dashboards.theme import Screen
from trials.stopping.sound import Check, State, passed

LATEST = 5
MOST_FAILING = 2
ORDER: tuple[State, ...] = ("attention", "passes", "waiting", "told")
STATES: dict[State, tuple[str, str, str]] = {
    "attention": ("Look at it", "warn", "attention"),
    "passes": ("Passes", "ok", "good"),
    "waiting": ("Not yet", "early", "quiet"),
    "told": ("For you to judge", "person", "quiet"),
}
ACTIONS = {
    "accept": "taken in",
    "accept_with_warning": "taken in, with a warning",
    "quarantine_rows": "taken in",  # whether few rows or none were set aside is not told
    "reject_batch": "refused",
}


def read(desk: Desk, view: TrialView) -> Sound:
    named = {arm.id: wording.arm_name(view.protocol, arm.id) for arm in view.protocol.arms}
    return sound(desk, view, named | {"": "never reported under any group"})


def absent(about: Sound) -> Absence | None:
    if about.view.quality.deliveries == 0:
        return Absence(
            "empty", "no deliveries yet", "When a site sends its first file, what was checked and found stands here."
        )
    return None


def title(about: Sound) -> str:
    """How many of the checks pass; what does not is named."""
    good, judged = passed(about.checks)
    failing = [check.name for check in about.checks if check.state == "attention"]
    if judged == 0:
        return "No check can be judged yet"
    if not failing:
        return f"Data can be trusted: all {judged} checks pass"
    if any(check.holds for check in about.checks):
        return f"The data can't carry a decision yet: {good} of {judged} checks pass"
    if len(failing) <= MOST_FAILING:
        return f"Data can be trusted: {good} of {judged} checks pass"
    return f"Look before you trust the data: {good} of {judged} checks pass"


def how(about: Sound) -> str:
    quality = about.view.quality
    came = wording.plural(quality.deliveries, "delivery", "deliveries")
    return (
        f"Checked with each of {came}, the last on {wording.day(quality.last_received_at)}. Rows set aside wait to be mended; "
        "none is lost."
    )


def body(about: Sound, screen: Screen) -> list[Any]:
    quality = about.view.quality
    last: list[tuple[str, ...]] = [(each.name, wording.short_day(each.sent_at), _became(each)) for each in quality.last]
    columns = ("Delivery", "Sent", "What became of it")
    return [
        html.Ul([_check(one) for one in _ordered(about.checks)], className="checks"),
        *_reasons(quality),
        html.H4("The latest deliveries"),
        table(columns, last[:LATEST], "The latest deliveries"),
        numbers(
            "quality-deliveries",
            columns,
            last,
            "The last deliveries",
            f"Show the last {wording.plural(len(last), 'delivery', 'deliveries')}",
        ),
        html.P(
            dcc.Link("Every delivery and every row set aside", href=f"/data?trial={about.view.protocol.trial}"),
            className="note",
        ),
    ]


def _became(each: DeliveryView) -> str:
    said = "; ".join([*([each.refusal] if each.refusal else []), *each.warnings])
    return ACTIONS.get(each.action, each.action) + (f": {said}" if said else "")


def _ordered(found: Sequence[Check]) -> list[Check]:
    """What needs attention first; else in the order in which data come in."""
    return sorted(found, key=lambda one: ORDER.index(one.state))


def _check(one: Check) -> html.Li:
    """Word, shape and colour, what was checked, and what came of it."""
    word, sign, tone = STATES[one.state]
    mark = html.Span([icon(sign), html.Span(word)], className=f"state {tone}")
    return html.Li([mark, html.Span(one.name), html.Strong(one.value)])


def _reasons(quality: Quality) -> list[Any]:
    items = [
        html.Li([html.Span(reason), html.Strong(wording.floor(count))])
        for reason, count in quality.reasons.cells.items()
    ]
    if not items:
        return []
    note = html.P("Reasons with fewer than 10 rows are not listed.", className="note")
    return [html.H4("Why rows were set aside"), html.Ul(items, className="reasons"), note]


PANEL = Panel("quality", "Data quality", 12, absent, title, how, body, section="data", read=read)
