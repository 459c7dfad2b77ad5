"""What a panel is, and how one is put on the page: it explains its absence before it draws."""

from __future__ import annotations

import logging
import secrets
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Literal

from dash import Dash, html

from dashboards import wording
from dashboards.parts import absence, icon
from dashboards.read_model import Desk, TrialView
from dashboards.refresh import name_parts
from dashboards.theme import Screen
from trials.disclosure import LIMIT

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

    name: its place in the page's HTML. subject: what it is about, for when it has nothing to show.
    width: columns of 12 that it takes on a wide screen; tall: two rows.
    absent(view): why there is nothing to show, or None. title(view): its finding. how: how to read it.
    body(view, screen): what it shows; only called when `absent` gave None. section: one of SECTIONS.
    read(desk, view): what the panel is about, where that is more than the trial's view holds; the functions above are then
    given what it gives. travels: it shows an earlier look as it was; one without `read` always does.
    listen(app): registers the panel's own callbacks.
    """

    name: str
    subject: str
    width: int
    absent: Callable[[Any], Absence | None]
    title: Callable[[Any], str]
    how: Callable[[Any], str]
    body: Callable[[Any, Screen], list[Any]]
    tall: bool = False
    section: str = "result"
    read: Callable[[Desk, TrialView], Any] | None = None
    listen: Callable[[Dash], None] | None = None
    travels: bool = False

    def about(self, desk: Desk, view: TrialView) -> Any:
        """What the panel's functions are given."""
        return view if self.read is None else self.read(desk, view)


def never(view: Any) -> None:
    """For panels that always have something to show."""


def too_early(view: TrialView, what: str) -> Absence | None:
    """Nothing to say before a handful of people in each group have a result. what: what then appears, a sentence's start."""
    if view.look is None:
        return Absence(
            "empty", "no look yet", "The plan is registered. The first delivery of outcomes starts this chart."
        )
    if view.shown is None:
        who = f"{LIMIT} {wording.units(view.protocol)}"
        return Absence("early", "too early to say", f"{what} once {who} in each group have a result.")
    return None


def several(view: TrialView) -> bool:
    """Whether every estimate is one arm's."""
    return view.shown is not None and len(view.shown.comparisons) > 0


def kept_back(view: TrialView) -> Absence | None:
    """Results by arm are for those whom the plan names, until the trial is closed."""
    if view.arms:
        return None
    named = " and ".join(role.replace("_", " ") for role in view.protocol.access.interim) or "nobody"
    return Absence(
        "hidden",
        "not shown while the trial runs",
        f"Until it is closed, results by group are for those whom the plan names: {named}.",
    )


def small_numbers(view: TrialView) -> Absence | None:
    """Nothing to show of the arms or their difference while a small number stands behind it."""
    if view.shown is None or view.effect is not None:
        return None
    return Absence(
        "hidden",
        "hidden to protect privacy",
        f"Fewer than {LIMIT} {wording.units(view.protocol)} are in one of the groups, or had the outcome there, or did not. "
        "They count in the result.",
    )


def place(panel: Panel, desk: Desk, view: TrialView, screen: Screen) -> html.Section:
    """The panel on the page. A panel that fails fails alone: its place says so, with a reference for the log."""
    try:
        about = panel.about(desk, view)
        missing = panel.absent(about)
        if missing is not None:
            inside: list[Any] = name_parts(
                f"{panel.name}-absence", [absence(missing.sign, f"{panel.subject}: {missing.title}", missing.why)]
            )
        else:
            heading = html.H3(panel.title(about), id=f"{panel.name}-title")
            how = html.P(panel.how(about), id=f"{panel.name}-how")
            inside = [html.Header([heading, how, *_stale(view)]), *name_parts(panel.name, panel.body(about, screen))]
    except Exception:
        reference = secrets.token_hex(2).upper()
        log.exception("panel %s of %s failed, reference %s", panel.name, view.protocol.trial, reference)
        inside = [
            absence("failed", "This panel did not load", f"The rest of the page is up to date. Reference {reference}."),
            html.P(html.A("Try again", href=f"/trial/{view.protocol.trial}", className="button"), className="again"),
        ]
    tall = " tall" if panel.tall else ""
    return html.Section(inside, id=f"panel-{panel.name}", className=f"panel card span-{panel.width}{tall}")


def _stale(view: TrialView) -> list[Any]:
    """Under every panel's title while the source is silent: what it shows is the last good look."""
    if not view.stale:
        return []
    looked = "" if view.look is None else f"The last good look is of {wording.day(view.look.as_of)}; "
    said = f"{looked}the source is silent since {wording.day(view.quality.last_received_at)}."
    return [html.P([icon("stale"), html.Span(said[:1].upper() + said[1:])], className="stale-note")]
