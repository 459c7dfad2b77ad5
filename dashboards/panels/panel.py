"""What a panel is, and how one is put on the page: it explains its absence before it draws."""

from __future__ import annotations

import logging
import secrets
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Literal

from dash import html

from dashboards.parts import absence
from dashboards.read_model import TrialView
from dashboards.theme import Screen

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Absence:
    """Why a panel has nothing to show: its sign (early, hidden, stale, empty), a title and one sentence."""

    sign: Literal["early", "hidden", "stale", "empty"]
    title: str
    why: str


@dataclass(frozen=True, slots=True)
class Panel:
    """One panel.

    name: its place in the page's HTML. width: columns of 12 that it takes on a wide screen.
    absent(view): why there is nothing to show, or None. title(view): its finding. how: how to read it.
    body(view, screen): what it shows; only called when `absent` gave None.
    """

    name: str
    width: int
    absent: Callable[[TrialView], Absence | None]
    title: Callable[[TrialView], str]
    how: Callable[[TrialView], str]
    body: Callable[[TrialView, Screen], list[Any]]


def never(view: TrialView) -> None:
    """For panels that always have something to show."""


def too_early(view: TrialView) -> Absence | None:
    """Nothing to say before the first person's result."""
    if view.look is None:
        return Absence("empty", "No look yet", "The plan is registered. The first delivery of outcomes starts this chart.")
    if view.look.n == 0:
        return Absence("early", "Too early to say", view.look.sentence)
    return None


def place(panel: Panel, view: TrialView, screen: Screen) -> html.Section:
    """The panel on the page. A panel that fails fails alone: its place says so, with a reference for the log."""
    try:
        missing = panel.absent(view)
        if missing is not None:
            inside = [absence(missing.sign, missing.title, missing.why)]
        else:
            heading = html.H2(panel.title(view), id=f"{panel.name}-title")
            inside = [html.Header([heading, html.P(panel.how(view))]), *panel.body(view, screen)]
    except Exception:
        reference = secrets.token_hex(2).upper()
        log.exception("panel %s of %s failed, reference %s", panel.name, view.protocol.trial, reference)
        inside = [absence("failed", "This panel did not load", f"The rest of the page is up to date. Reference {reference}.")]
    return html.Section(inside, id=f"panel-{panel.name}", className=f"panel card span-{panel.width}")
