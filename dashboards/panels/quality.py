"""How far the data can be trusted: deliveries, rows set aside and why, late changes, missing results.

Rows and results are counted over all deliveries, and released in steps; what a single delivery brought is not counted here.
"""

from __future__ import annotations

from typing import Any

from dash import html

from dashboards import wording
from dashboards.panels.panel import Absence, Panel
from dashboards.parts import icon, numbers, table
from dashboards.read_model import DeliveryView, Quality, TrialView
from dashboards.theme import Screen

LATEST = 5
ACTIONS = {
    "accept": "taken in",
    "accept_with_warning": "taken in, with a warning",
    "quarantine_rows": "taken in",  # whether few rows or none were set aside is not told
    "reject_batch": "refused",
}


def absent(view: TrialView) -> Absence | None:
    if view.quality.deliveries == 0:
        return Absence(
            "empty", "no deliveries yet", "When a site sends its first file, what was checked and found stands here."
        )
    return None


def title(view: TrialView) -> str:
    quality = view.quality
    if quality.refused:
        return f"{quality.refused} of {wording.plural(quality.deliveries, 'delivery', 'deliveries')} could not be used"
    set_aside = quality.reasons.total
    if set_aside is None:
        return "For no reason were 10 rows or more set aside"
    return f"At least {set_aside:,} rows were set aside, the rest was usable"


def how(view: TrialView) -> str:
    quality = view.quality
    came = wording.plural(quality.deliveries, "delivery", "deliveries")
    return (
        f"{came}, the last on {wording.day(quality.last_received_at)}. Rows set aside wait to be mended; none is lost."
    )


def body(view: TrialView, screen: Screen) -> list[Any]:
    quality = view.quality
    set_aside, late = quality.reasons.total, quality.late_changes
    checks = [
        _check(quality.refused == 0, "Deliveries refused", f"{quality.refused:,}"),
        _check(
            set_aside is None,
            "Rows set aside",
            "fewer than 10 for any one reason" if set_aside is None else f"at least {set_aside:,}",
        ),
        _check(late is None, "Changes after the correction window, kept but not used", wording.about(late)),
        *(
            _check(count is None, f"Results that never came, {_of(view, arm)}", wording.about(count))
            for arm, count in quality.missing.cells.items()
        ),
    ]
    last: list[tuple[str, ...]] = [(each.name, wording.short_day(each.sent_at), _became(each)) for each in quality.last]
    columns = ("Delivery", "Sent", "What became of it")
    return [
        html.Ul(checks, className="checks"),
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
    ]


def _of(view: TrialView, arm: str) -> str:
    """Whose: an arm's, or of those who were never reported under any."""
    return wording.arm_name(view.protocol, arm) if arm else "never reported under any group"


def _became(each: DeliveryView) -> str:
    said = "; ".join([*([each.refusal] if each.refusal else []), *each.warnings])
    return ACTIONS.get(each.action, each.action) + (f": {said}" if said else "")


def _check(good: bool, text: str, value: str) -> html.Li:
    tone = "good" if good else "attention"
    return html.Li([html.Span(icon("ok" if good else "warn"), className=tone), html.Span(text), html.Strong(value)])


def _reasons(quality: Quality) -> list[Any]:
    items = [
        html.Li([html.Span(reason), html.Strong(wording.floor(count))])
        for reason, count in quality.reasons.cells.items()
    ]
    if not items:
        return []
    note = html.P("Reasons with fewer than 10 rows are not listed.", className="note")
    return [html.H4("Why rows were set aside"), html.Ul(items, className="reasons"), note]


PANEL = Panel("quality", "Data quality", 7, absent, title, how, body, section="data")
