"""What was amended in a plan, field by field, and its versions: the right-hand side of the plan's panel."""

from __future__ import annotations

from typing import Any

from dash import html

from dashboards import wording
from dashboards.parts import attributes, icon, table
from dashboards.read_model.plans import Amended, Change, PlanVersion, PlanView


def parts(about: PlanView) -> list[Any]:
    """The amendments, newest first, then every version."""
    heading = html.H4("What was amended")
    if not about.amended:
        return [heading, html.P(_never(about), className="note"), *_versions(about)]
    listed = html.Ol([html.Li(_amendment(one)) for one in reversed(about.amended)], className="plan-amended")
    return [heading, listed, *_versions(about)]


def _never(about: PlanView) -> str:
    if about.sealed is None:
        return "Nothing: until it is sealed, another plan can take its place."
    return "Nothing: the plan stands as it was sealed."


def _amendment(one: Amended) -> list[Any]:
    return [
        html.P([icon("amended"), html.Strong(_capital(one.mark))], className="plan-when"),
        html.Ul([html.Li(_change(change)) for change in one.changes], className="plan-changes"),
        html.P([html.Strong("Why: "), one.reason]),
        html.P([html.Strong("Expected: "), one.impact]),
        html.P(one.reach),
        html.P(f"Written by {one.by} on {wording.day(one.at)}, approved by {one.approved_by}.", className="note"),
    ]


def _change(change: Change) -> list[Any]:
    """'stopping.recruitment: not there -> per month: 50', the arrow with a word for whoever hears it."""
    arrow = html.Span(" → ", **attributes(aria_label=" became "), role="img")
    return [html.Code(change.path), html.Span([html.Del(change.before), arrow, html.Ins(change.after)])]


def _versions(about: PlanView) -> list[Any]:
    rows = [
        (
            f"{one.number}",
            f"{one.written_by}, {wording.short_day(one.written_at)}",
            _sealed(one, about),
            one.mark or ("before the seal" if about.sealed and one.number < about.sealed.number else "–"),
            html.Code(one.sha256[:12]),
        )
        for one in about.versions
    ]
    columns = ("Version", "Written by", "Sealed by", "When", "SHA-256")
    return [html.H4("Versions"), table(columns, rows, "Versions of the plan")]


def _sealed(one: PlanVersion, about: PlanView) -> str:
    if one.sealed_by is None:
        return "not sealed" if one is about.newest else "replaced before the seal"
    return f"{one.sealed_by}, {wording.short_day(one.sealed_at)}"


def _capital(text: str) -> str:
    return text[:1].upper() + text[1:]
