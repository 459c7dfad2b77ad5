"""Laws over every registered panel, and over the figures they draw."""

from __future__ import annotations

import json
import logging

import plotly.graph_objects as go
import pytest
from dash import Dash, html
from plotly.utils import PlotlyJSONEncoder

from dashboards import read_model
from dashboards.figures import effect, enrolment, evidence
from dashboards.figures.drawn import Drawn, apart
from dashboards.panels import PANELS
from dashboards.panels.panel import Panel, place
from dashboards.read_model import Desk
from dashboards.theme import Screen

TRIALS = ("clear-winner", "plain-dud", "does-harm", "still-open", "never-settled", "being-planned", "tiny-numbers")
SCREENS = (Screen("light", False), Screen("dark", True))


def text_of(component: object) -> str:
    """What a component would show, as JSON."""
    return json.dumps(component, cls=PlotlyJSONEncoder, ensure_ascii=False)


def ids(panel: Panel) -> str:
    return panel.name


@pytest.mark.parametrize("trial", TRIALS)
@pytest.mark.parametrize("panel", PANELS, ids=ids)
def test_every_panel_shows_something_or_says_why_not(panel: Panel, trial: str, desk: Desk, app: Dash) -> None:
    """On every trial and screen: a finding as title and how to read it, or a sentence about its absence. Never a failure."""
    view = read_model.trial(desk, trial)
    for screen in SCREENS:
        shown = text_of(place(panel, view, screen))
        assert "absence-failed" not in shown
        missing = panel.absent(view)
        if missing is None:
            assert panel.title(view)
            assert panel.how(view).endswith(".")
        else:
            assert missing.why.endswith(".")
            assert missing.why in json.loads(f'"{missing.why}"')
            assert f"absence-{missing.sign}" in shown


@pytest.mark.parametrize("panel", PANELS, ids=ids)
def test_every_chart_has_alt_text_and_its_numbers(panel: Panel, desk: Desk, app: Dash) -> None:
    """Whoever can't see the chart gets a sentence and a table."""
    shown = text_of(place(panel, read_model.trial(desk, "still-open"), Screen()))
    assert shown.count('"type": "Graph"') == shown.count('"role": "img"') == shown.count("Show the numbers")


def test_a_panel_that_fails_fails_alone(desk: Desk, app: Dash, caplog: pytest.LogCaptureFixture) -> None:
    """Its place says so with a reference, which the log has too."""

    def broken(*_: object) -> list[html.P]:
        raise ZeroDivisionError

    panel = Panel("broken", "Broken", 4, lambda view: None, lambda view: "T", lambda view: "H.", broken)
    with caplog.at_level(logging.ERROR):
        shown = text_of(place(panel, read_model.trial(desk, "still-open"), Screen()))
    assert "absence-failed" in shown
    assert caplog.records[0].args is not None
    assert f"Reference {tuple(caplog.records[0].args)[-1]}." in shown


def test_guardrails_are_not_passed_off_as_watched(app: Dash, desk: Desk) -> None:
    """A plan with guardrails says that this version does not monitor them; one without says nothing."""
    view = read_model.trial(desk, "still-open")
    assert "not yet monitored" not in text_of(place(PANELS[-1], view, Screen()))
    changed = view.protocol.model_copy(update={"stopping": object()})
    from dataclasses import replace

    assert "not yet monitored by this version" in text_of(place(PANELS[-1], replace(view, protocol=changed), Screen()))


def drawings(desk: Desk, trial: str, screen: Screen) -> list[Drawn]:
    view = read_model.trial(desk, trial)
    looks = view.drawable()
    return [
        effect.draw(view.protocol, looks, screen),
        evidence.draw(view.protocol, looks, screen),
        enrolment.draw(view.protocol, view.enrolment, screen),
    ]


@pytest.mark.parametrize("trial", [name for name in TRIALS if name not in ("being-planned", "tiny-numbers")])
@pytest.mark.parametrize("screen", SCREENS, ids=["light", "dark phone"])
def test_every_figure_is_a_figure_plotly_knows(trial: str, screen: Screen, desk: Desk) -> None:
    """Plotly's own validators accept every attribute; table rows are as wide as their head."""
    for drawn in drawings(desk, trial, screen):
        go.Figure(drawn.figure)
        assert drawn.alt.endswith(".")
        assert drawn.rows
        assert {len(row) for row in drawn.rows} == {len(drawn.columns)}


def test_the_numbers_are_the_looks_own(desk: Desk) -> None:
    """The last row of the table says what the newest look says, and the line ends there."""
    view = read_model.trial(desk, "clear-winner")
    look = view.look
    assert look is not None
    drawn = evidence.draw(view.protocol, view.drawable(), Screen())
    assert drawn.rows[-1][0] == f"{look.n:,}"
    benefit = drawn.figure["data"][0]
    log_e = look.claims["benefit"].log_e
    assert log_e is not None
    assert benefit["y"][-1] == pytest.approx(log_e / 2.302585092994046)
    assert effect.draw(view.protocol, view.drawable(), Screen()).figure["data"][2]["y"][-1] == look.estimate


def test_labels_at_line_ends_do_not_overlap() -> None:
    """They are moved apart as little as needed, and keep their order."""
    assert apart([1.0, 1.01, 5.0], 0.5) == [1.0, 1.5, 5.0]
    assert apart([2.0, 1.9], 0.5) == [2.4, 1.9]
