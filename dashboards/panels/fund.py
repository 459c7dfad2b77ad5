"""The enabling fund: small sums that people in the trial ask for, how fast they are answered, and for whom."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from dash import html

from dashboards import wording
from dashboards.panels.panel import Absence, Panel
from dashboards.parts import table
from dashboards.read_model.people import FundView, fund
from dashboards.theme import Screen
from trials.disclosure import LIMIT
from trials.sharing.fund import Equity, FundSummary

PROPOSERS = {
    "participant": "the participant",
    "worker": "a worker",
    "family": "the family",
    "other": "somebody else",
}


def absent(about: FundView) -> Absence | None:
    if about.summary is None:
        return Absence("empty", "none in the plan", "This trial has no sums that people in it can decide on.")
    return None


def title(about: FundView) -> str:
    found = _summary(about)
    if found.spent is None:
        return f"Sums of the fund are told once {LIMIT} people have had one"
    return f"{_sum(found, found.spent)} or more of {_sum(found, found.total)} are spent"


def how(about: FundView) -> str:
    return f"Sums move on with every {LIMIT} people, and a share is a range, so that nobody’s sum can be worked out."


def body(about: FundView, screen: Screen) -> list[Any]:
    found = _summary(about)
    facts = [
        ("In the fund", _sum(found, found.total)),
        ("Granted", _told(found, found.granted)),
        ("Spent", _told(found, found.spent)),
        ("How fast", _speed(about, found)),
        ("Waiting for an answer", wording.about(found.waiting)),
    ]
    rows = [html.Div([html.Dt(name), html.Dd(value)]) for name, value in facts]
    proposed = [(PROPOSERS[who], wording.floor(count)) for who, count in about.proposed]
    money = [html.Dl(rows, className="facts")]
    idea = [html.H4("Whose idea it was"), table(("Proposed by", "Requests"), proposed, "Who proposed")]
    groups = [*_groups("By site", about.by_site, found.currency), *_groups("By group", about.by_arm, found.currency)]
    return [html.Div([html.Div(money), html.Div([*idea, *groups])], className="people-columns")]


def _summary(about: FundView) -> FundSummary:
    assert about.summary is not None
    return about.summary


def _sum(found: FundSummary, amount: float) -> str:
    return f"{amount:,.2f} {found.currency}"


def _told(found: FundSummary, amount: float | None) -> str:
    return f"for fewer than {LIMIT} people" if amount is None else f"{_sum(found, amount)} or more"


def _speed(about: FundView, found: FundSummary) -> str:
    if found.days is None or found.in_time is None:
        return "too few answers yet to say"
    within = f"{100 * found.in_time:.0f} in 100 within the {about.days} days that were promised"
    return f"half of the answers within {found.days:g} days, {within}"


def _groups(heading: str, groups: Sequence[Equity], currency: str) -> list[Any]:
    if not groups:
        return []
    rows = [
        (
            one.group,
            wording.floors(one.approved or None),
            wording.floors(one.refused or None),
            "–" if one.share is None else f"{100 * one.share[0]:.0f} to {100 * one.share[1]:.0f}",
            "–" if one.mean is None else f"{one.mean:,.2f} {currency}",
        )
        for one in groups
    ]
    columns = (heading.removeprefix("By ").capitalize(), "Approved", "Refused", "Approved in 100", "On average")
    return [html.H4(heading), table(columns, rows, f"The fund {heading.lower()}")]


PANEL = Panel("fund", "Enabling fund", 12, absent, title, how, body, section="people", read=fund)
