"""How strong the evidence of each claim is."""

from __future__ import annotations

from typing import Any

from dashboards import wording
from dashboards.figures import evidence
from dashboards.panels.panel import Absence, Panel, too_early
from dashboards.parts import chart
from dashboards.read_model import TrialView
from dashboards.theme import Screen


def absent(view: TrialView) -> Absence | None:
    if view.shown is not None and view.shown.basis == "boundaries":
        return Absence(
            "early",
            "judged at the planned looks",
            "This plan's method lays no bets: at each planned look the result is held against the boundaries sealed for it.",
        )
    early = too_early(view, "What a bet on each claim would have paid appears")
    if early is None and all(claim.log_e is None for claim in view.claims.values()):
        reasons = [claim.reason for claim in view.claims.values() if claim.reason]
        return Absence("early", "too early to say", reasons[0] if reasons else "No claim can be judged yet.")
    return early


def title(view: TrialView) -> str:
    fired = [name for name, claim in view.claims.items() if claim.fired]
    if view.protocol.purpose == "feasibility" and "harm" not in fired:
        return "This trial asks whether a larger one can be done, not whether the idea works"
    if fired:
        words = wording.claim_words(view.protocol, view.look)
        said = " and ".join(f"“{words[name].lower()}”" for name in fired)
        return f"The evidence is strong enough for {said}"
    if view.standing == "cant_tell" or view.closing is not None:
        return "Nothing became strong enough to act on"
    return "Evidence is gathering, but nothing is strong enough to act on yet"


def how(view: TrialView) -> str:
    return (
        "What a bet on each claim would have paid so far; 1× is where it started. Looking often can't inflate it. "
        "A line that reaches its threshold once has done so for good."
    )


def body(view: TrialView, screen: Screen) -> list[Any]:
    return chart(
        evidence.draw(view.protocol, view.looks, screen, wording.claim_words(view.protocol, view.look)),
        "evidence-chart",
    )


PANEL = Panel("evidence", "Evidence", 7, absent, title, how, body)
