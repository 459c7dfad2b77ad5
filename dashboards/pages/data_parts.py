"""The panels of a trial's data page: what is waited for, health, deliveries, and why rows were set aside."""

from __future__ import annotations

from typing import Any

from dash import html

from dashboards import wording
from dashboards.pages import data_words as words
from dashboards.panels.panel import Absence, Panel, never
from dashboards.parts import icon, table
from dashboards.read_model.data import Waits
from dashboards.read_model.data_trial import DeliveryLine, TrialData
from dashboards.theme import Screen
from trials.disclosure import LIMIT


def _no_waits(found: TrialData) -> Absence | None:
    if found.row.waits is not None:
        return None
    if found.row.state == "registered":
        return Absence("empty", "nothing yet", "The plan is not sealed, so nothing is expected before that.")
    return Absence(
        "empty", "nothing any more", "The trial is closed. What still comes is taken in, but not waited for."
    )


def _waits_title(found: TrialData) -> str:
    waits = found.row.waits
    if waits is None or not set(found.row.needs) - {"rows", "flagged"}:
        return f"Nothing is overdue but results of fewer than {LIMIT} people, if any"
    if waits.source is not None:
        late = wording.plural(waits.late_days, "day") if waits.late_days else "less than a day"
        return f"The source is {late} late"
    if waits.failed:
        return "The source could not be reached"
    if waits.refused:
        return f"{wording.plural(len(waits.refused), 'delivery', 'deliveries')} must be sent again"
    if waits.silent:
        return f"{wording.plural(len(waits.silent), 'site has', 'sites have')} fallen silent"
    return "Results are due that have not come"


def _waits_how(found: TrialData) -> str:
    waits = found.row.waits
    often = "The plan does not say how often a delivery comes."
    if waits is not None and waits.every_days is not None:
        often = f"A delivery is expected {words.every(waits)}."
    return f"{often} People are counted in tens, so that nobody can be worked out."


def _waits_body(found: TrialData, screen: Screen) -> list[Any]:
    waits = found.row.waits
    assert waits is not None
    checks = [
        _check(waits.source is None, words.source(waits)),
        *(_check(False, f"Not reached on {wording.day(one.at)}: {one.sentence}") for one in waits.failed),
        *(_check(False, f"Refused on {wording.day(one.at)}: {one.sentence}") for one in waits.refused),
        _check(not waits.silent, words.silent(waits) if waits.silent else "No site has fallen silent."),
        _check(waits.due is None, "Results overdue that can still be reported", words.more(waits.due)),
        _check(True, "Results missing for good, by the plan’s rule", words.more(waits.missing)),
        _check(waits.holes is None, "Allocation numbers that nobody was reported under", words.more(waits.holes)),
    ]
    return [html.Ul(checks, className="checks"), *_by_site(waits)]


def _by_site(waits: Waits) -> list[Any]:
    rows = [(one.name or "No site", words.more(one.due), words.more(one.missing)) for one in waits.sites]
    columns = ("Site", "Can still be reported", "Missing for good")
    return [html.H4("By site"), table(columns, rows, "Results overdue by site")] if rows else []


def _check(good: bool, text: str, value: str = "") -> html.Li:
    told = [html.Strong(value)] if value else []
    return html.Li(
        [html.Span(icon("ok" if good else "warn"), className="good" if good else "attention"), html.Span(text), *told]
    )


def _health_absent(found: TrialData) -> Absence | None:
    if found.row.last is not None:
        return None
    return Absence("empty", "not judged yet", "The trial as a whole is judged when its first delivery comes in.")


def _health_title(found: TrialData) -> str:
    flags = len(found.row.flags)
    return f"{wording.plural(flags, 'sign')} of trouble with the trial as a whole" if flags else "The trial looks sound"


def _health_how(found: TrialData) -> str:
    last = found.row.last
    return (
        f"Judged when {'' if last is None else last.name} came: whether the groups add up, what is missing or late, and "
        "whether people stay where they were allocated. A flag stops nothing."
    )


def _health_body(found: TrialData, screen: Screen) -> list[Any]:
    flags = [_check(False, flag) for flag in found.row.flags] or [_check(True, "No sign of its health is flagged.")]
    notes = [html.Li([html.Span(note)]) for note in found.row.notes]
    more = [html.H4("Noted of the last delivery"), html.Ul(notes, className="reasons")] if notes else []
    return [html.Ul(flags, className="checks"), *more]


def _no_deliveries(found: TrialData) -> Absence | None:
    if found.deliveries:
        return None
    why = "When a site sends its first file, its name, what was checked and what became of it stand here."
    return Absence("empty", "none yet", why)


def _deliveries_title(found: TrialData) -> str:
    row = found.row
    came = wording.plural(row.deliveries, "delivery", "deliveries")
    return f"{row.refused:,} of {came} could not be used" if row.refused else f"{came} came in, and each could be used"


def _deliveries_how(found: TrialData) -> str:
    shown = len(found.deliveries)
    which = "All of them" if shown == found.row.deliveries else f"The last {shown:,}"
    return (
        f"{which}, the newest first. How many rows one brought is not told, as two of them would tell of a few people."
    )


def _deliveries_body(found: TrialData, screen: Screen) -> list[Any]:
    columns = ("Delivery", "Sent", "Received", "What became of it")
    return [table(columns, [_line(one) for one in found.deliveries], "Deliveries", id="data-deliveries-table")]


def _line(one: DeliveryLine) -> tuple[Any, ...]:
    refused = one.refusal is not None
    said = words.became(one.action, one.refusal, one.warnings)
    sign = html.Span(icon("failed" if refused else "ok"), className="attention" if refused else "good")
    days = (wording.short_day(one.sent_at), wording.short_day(one.received_at))
    return (one.name, *days, html.Span([sign, " ", said], className="data-became"))


def _reasons_title(found: TrialData) -> str:
    total = found.view.quality.reasons.total
    return (
        f"No single reason set aside {LIMIT} rows or more"
        if total is None
        else f"At least {total:,} rows were set aside"
    )


def _reasons_how(found: TrialData) -> str:
    return "Over all deliveries, mended rows too. What stood in the cells is the site’s business and is not shown here."


def _reasons_body(found: TrialData, screen: Screen) -> list[Any]:
    listed = [
        html.Li([html.Span(reason), html.Strong(wording.floor(count))])
        for reason, count in found.view.quality.reasons.cells.items()
    ]
    note = html.P(f"Reasons with fewer than {LIMIT} rows are not listed.", className="note")
    return [*([html.Ul(listed, className="reasons")] if listed else []), note]


PANELS: tuple[Panel, ...] = (
    Panel("data-waits", "Overdue", 6, _no_waits, _waits_title, _waits_how, _waits_body),
    Panel("data-health", "Health of the trial", 6, _health_absent, _health_title, _health_how, _health_body),
    Panel("data-deliveries", "Deliveries", 7, _no_deliveries, _deliveries_title, _deliveries_how, _deliveries_body),
    Panel("data-reasons", "Why rows were set aside", 5, never, _reasons_title, _reasons_how, _reasons_body),
)
