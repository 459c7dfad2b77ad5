"""How far the data can be trusted: deliveries, rows set aside and why, late changes, missing results."""

from __future__ import annotations

from typing import Any

from dash import html

from dashboards import wording
from dashboards.panels.panel import Absence, Panel
from dashboards.parts import icon, numbers, table
from dashboards.read_model import DeliveryView, Quality, TrialView
from dashboards.theme import Screen
from dashboards.wording import number

LATEST = 5
ACTIONS = {
    "accept": "taken in",
    "accept_with_warning": "taken in, with a warning",
    "quarantine_rows": "taken in, some rows set aside",
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
    if quality.reasons.total == 0:
        return "Every row that came was usable"
    return f"{_rows(quality.reasons.total)} set aside, the rest was usable"


def _rows(count: int | None) -> str:
    return "Fewer than 10 rows were" if count is None else ("1 row was" if count == 1 else f"{count:,} rows were")


def how(view: TrialView) -> str:
    quality = view.quality
    came = wording.plural(quality.deliveries, "delivery", "deliveries")
    return (
        f"{came}, the last on {wording.day(quality.last_received_at)}. Rows set aside wait to be mended; none is lost."
    )


def body(view: TrialView, screen: Screen) -> list[Any]:
    quality = view.quality
    checks = [
        _check(quality.refused == 0, "Deliveries refused", f"{quality.refused:,}"),
        _check(quality.reasons.total == 0, "Rows set aside", wording.few(quality.reasons.total)),
        _check(
            quality.late_changes == 0,
            "Changes after the correction window, kept but not used",
            wording.few(quality.late_changes),
        ),
        _check(
            quality.missing == 0, f"Results that never came, counted as missing{_by_arm(view)}", number(quality.missing)
        ),
    ]
    last: list[tuple[str, ...]] = [
        (each.name, wording.short_day(each.sent_at), *_counts(each)) for each in quality.last
    ]
    columns = ("Delivery", "Sent", "What became of it", "Rows in", "Set aside", "Corrections")
    return [
        html.Ul(checks, className="checks"),
        *_reasons(quality),
        html.H3("The latest deliveries"),
        table(columns[:3], [row[:3] for row in last[:LATEST]], "The latest deliveries"),
        numbers(
            "quality-deliveries",
            columns,
            last,
            "The last deliveries",
            f"Show the last {wording.plural(len(last), 'delivery', 'deliveries')}",
        ),
    ]


def _by_arm(view: TrialView) -> str:
    """' (Usual 12, Phone call 14)', where that many are missing that it may be told."""
    cells = view.quality.missing_by_arm.cells
    if not any(cells.values()):
        return ""
    said = (
        f"{wording.arm_name(view.protocol, arm) if arm else 'never reported at all'} {wording.number(count)}"
        for arm, count in cells.items()
    )
    return f" ({', '.join(said)})"


def _counts(each: DeliveryView) -> tuple[str, str, str, str]:
    said = "; ".join([*([each.refusal] if each.refusal else []), *each.warnings])
    became = ACTIONS.get(each.action, each.action) + (f": {said}" if said else "")
    return became, wording.few(each.accepted), wording.few(each.quarantined), wording.few(each.corrections)


def _check(good: bool, text: str, value: str) -> html.Li:
    tone = "good" if good else "attention"
    return html.Li([html.Span(icon("ok" if good else "warn"), className=tone), html.Span(text), html.Strong(value)])


def _reasons(quality: Quality) -> list[Any]:
    if not quality.reasons.cells:
        return []
    items = [
        html.Li([html.Span(reason), html.Strong(wording.number(count))])
        for reason, count in quality.reasons.cells.items()
    ]
    note = [html.P(wording.HIDDEN_WHY, className="note")] if quality.reasons.hides else []
    return [html.H3("Why rows were set aside"), html.Ul(items, className="reasons"), *note]


PANEL = Panel("quality", "Data quality", 7, absent, title, how, body)
