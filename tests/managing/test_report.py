"""The report: it says what the page says, keeps back what the page keeps back, and loads nothing from anywhere."""

from __future__ import annotations

import json
import re
import stat
from collections.abc import Iterator
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import pytest
import typer
from typer.testing import CliRunner

from dashboards import read_model, wording
from dashboards.read_model import Desk
from dashboards.theme import TOKENS
from flows import report_plot, reporting
from flows.report_gather import gathered
from flows.report_html import page
from tests.managing import report_trials as trials_
from tests.managing.report_trials import (
    EARLIER,
    FEASIBLE,
    HIDDEN,
    MADE,
    REGISTERED,
    REPLAYED,
    RICH,
    SEVERAL,
    TINY,
    TRIALS,
)
from trials.acts import ACTS
from trials.errors import ForbiddenError, UnknownTrialError
from trials.reporting import Report, as_json
from trials.store import amendments
from trials.store.engine import Store, open_store


@pytest.fixture(scope="module")
def store(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Store]:
    opened = open_store(f"sqlite:///{tmp_path_factory.mktemp('report') / 'roadtest.db'}")
    trials_.made(opened)
    yield opened
    opened.close()


def of(store: Store, trial: str, by: str = "Ann") -> Report:
    return gathered(store.as_person(by), trial, at=MADE)


def section(report: Report, name: str) -> str:
    """All that a section says."""
    found = next(one for one in report.sections if one.name == name)
    rows = [] if found.table is None else [" ".join(row) for row in found.table.rows]
    return "\n".join([*(f"{one.term}: {one.text}" for one in found.entries), *rows])


@pytest.mark.parametrize("trial", TRIALS)
def test_every_state_has_a_report_with_the_pages_own_numbers(store: Store, trial: str) -> None:
    """Sentence, verdict, estimate, strength, people and picture are those of the page's view; in HTML and JSON alike."""
    report, view = of(store, trial), read_model.trial(Desk(store.as_person("Ann")), trial)
    html = page(report)
    assert report.sentence in (
        view.sentence,
        "Nothing can be said yet: the plan is registered, and no outcome has been looked at.",
    )
    assert (report.verdict, report.label) == (wording.VERDICT_WORDS[view.standing], wording.label(view.protocol))
    values = {one.name: one.value for one in report.figures}
    best = "–" if view.effect is None else wording.effect(view.protocol, view.effect.estimate)
    assert values["Best estimate"] == best
    assert values["People with a result"] == ("–" if view.look is None else wording.counted(view.shown))
    drawn = (
        ()
        if report.plot is None
        else tuple((one.people, one.low, one.estimate, one.high) for one in report.plot.points)
    )
    assert drawn == tuple((look.n, *_three(look)) for look in view.effects)
    assert (report.plot is None) == bool(report.plot_absent)
    said = _Words.of(html)
    assert all(text in said for text in (report.sentence, report.claims, *values.values(), report.seen_by))
    assert json.loads(json.dumps(as_json(report)))["sentence"] == report.sentence


def _three(look: Any) -> tuple[float | None, float | None, float | None]:
    return look.interval[0], look.estimate, look.interval[1]


def test_the_states_that_are_meant_are_there(store: Store) -> None:
    """Only registered, too early, hidden, feasibility, a replay and a closed trial each say so in words of their own."""
    assert "no look yet" in of(store, REGISTERED).plot_absent
    assert "too early to say" in of(store, TINY).plot_absent
    assert "hidden to protect privacy" in of(store, HIDDEN).plot_absent
    assert wording.RETROSPECTIVE in of(store, REPLAYED).cautions
    assert of(store, FEASIBLE).badges == ("simulated",)
    assert "People want it" in section(of(store, FEASIBLE), "progression")
    assert "CONSORT extension" in str(next(one.table for one in of(store, FEASIBLE).sections if one.name == "flow"))
    assert of(store, RICH).marks == ("promoted on 6 Mar 2026",)
    assert "wanted" not in section(of(store, EARLIER), "progression")
    assert "green (green from 70 % up, red from 50 % down)" in section(of(store, EARLIER), "progression")


def test_a_rich_trial_tells_all_of_it(store: Store) -> None:
    """Flow of people, TIDieR, amendment with its looks, guardrail, rules, conflict, decision, dissent, lesson, what came over,
    plan hash, times and version."""
    report = of(store, RICH)
    assert "Site South: left from 15 February 2026 on: nobody is left to call in the evening" in section(report, "flow")
    assert "In the result 300 150 150" in section(report, "flow")
    assert "Core, never changed: A call on the evening before" in section(report, "tried")
    assert "Fitted to people: How it is said (Any words with the time and the place)" in section(report, "tried")
    assert "1 outside what the plan leaves open (call)" in section(report, "tried")
    assert "after look 2, before look 3: monitoring.max_participants" in section(report, "changes")
    assert "approved by Bea" in section(report, "changes")
    assert "Upset by the call: no breach shown" in section(report, "watched")
    assert "Recruitment: kept" in section(report, "watched")
    assert "Conflict:" in section(report, "people")
    assert "Hope (0 to 100)" in section(report, "people")
    decided = section(report, "decided")
    assert all(f"{term}: " in decided for term in ("Decision", "Dissent", "Lesson", "To use again"))
    assert "Bus fares to the office were halved" in decided
    assert "Lesson: People want to be called by somebody they know." in section(report, "carried")
    foot = " ".join(one.text for one in report.footer)
    assert amendments.versions(store, RICH)[-1].sha256 in foot
    assert "20 November 2026, 09:30 UTC by Roadtest" in foot
    assert "look 5, data as of 26 February 2026" in foot


def test_interim_results_by_arm_are_for_whom_the_plan_names(store: Store) -> None:
    """Of an open trial with three arms a stakeholder's report has no estimate, no picture, no size of a group's result,
    and not why it goes on; the safety steward's has; somebody without a role gets none."""
    kept, whole = of(store, SEVERAL, "Sta"), of(store, SEVERAL, "Ste")
    assert (kept.plot, whole.plot is None) == (None, False)
    assert "custodian and safety steward" in kept.plot_absent
    assert (kept.figures[0].value, whole.figures[0].value == "–") == ("–", False)
    assert "In the result 180 – – –" in section(kept, "flow")
    assert "In the result 180 60 60 60" in section(whole, "flow")
    assert "looks best" not in page(kept)
    assert "looks best" in page(whole)
    assert "Until it is closed" in kept.seen_by
    with pytest.raises(ForbiddenError):
        of(store, SEVERAL, "Nobody")
    with pytest.raises(UnknownTrialError):
        of(store, "nowhere")


def test_no_number_below_ten_is_in_a_report_of_few_people(store: Store) -> None:
    """Eight people joined and have results: no report says eight, or four, or how many of them missed."""
    report = of(store, TINY)
    words = " ".join([section(report, "flow"), report.sentence, *(f"{one.value} {one.note}" for one in report.figures)])
    assert set(re.findall(r"(?<![\d-])\d+(?!\d)", words)) <= {"10", "400"}


class _Words(HTMLParser):
    """What a page says, and how its parts are nested."""

    VOID = ("meta", "path", "line", "rect", "circle", "polygon", "polyline")

    def __init__(self) -> None:
        super().__init__()
        self.said: list[str] = []
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self.open: list[str] = []
        self.stray: list[str] = []

    @classmethod
    def of(cls, html: str) -> str:
        return cls.read(html).text

    @classmethod
    def read(cls, html: str) -> _Words:
        one = cls()
        one.feed(html)
        return one

    @property
    def text(self) -> str:
        return "".join(self.said)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs)))
        if tag not in ("meta",):
            self.open.append(tag)

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs)))

    def handle_endtag(self, tag: str) -> None:
        if self.open and self.open[-1] == tag:
            self.open.pop()
        else:
            self.stray.append(tag)

    def handle_data(self, data: str) -> None:
        self.said.append(data)


@pytest.mark.parametrize("trial", [RICH, REGISTERED, HIDDEN])
def test_the_html_stands_alone_and_can_be_listened_to(store: Store, trial: str) -> None:
    """Tags nest; no address, script or file is named; language, one h1, captions, scopes, a named picture, unique ids."""
    html = page(of(store, trial))
    read = _Words.read(html)
    assert (read.open, read.stray) == ([], [])
    assert not re.search(r"https?:|//\w|url\(|@import|<script|<link|<img|srcset|\shref=|\ssrc=", html)
    names = [tag for tag, _ in read.tags]
    assert (
        names.count("h1")
        == names.count("main")
        == names.count("title") - ('aria-labelledby="effect-figure-label"' in html)
        == 1
    )
    assert ("html", {"lang": "en"}) in read.tags
    assert names.count("table") == names.count("caption") > 0
    assert all(found["scope"] in ("col", "row") for tag, found in read.tags if tag == "th")
    ids = [found["id"] for _, found in read.tags if "id" in found]
    assert len(set(ids)) == len(ids)
    named = [found[key] for _, found in read.tags for key in ("aria-labelledby",) if key in found]
    assert set(named) <= set(ids)
    assert all("aria-hidden" in found or "aria-labelledby" in found for tag, found in read.tags if tag == "svg")
    used = set(re.findall(r"var\(--([\w-]+)\)", html))
    assert used <= {*TOKENS["light"], "band", "good", "tone"}
    assert "rgb(" not in html


def test_words_of_people_are_never_markup(tmp_path: Path) -> None:
    """A title, a question and an owner with markup in them are shown as they were written."""
    store = open_store(f"sqlite:///{tmp_path / 'roadtest.db'}")
    odd = "<script>alert(1)</script> & \"quotes\" 'too'"
    trials_.sealed(store, trials_.plan("odd", title=odd, question=f"{odd}?", owner=odd))
    html = page(of(store, "odd"))
    assert "<script" not in html
    assert f"{odd}?" in _Words.of(html)
    store.close()


def test_the_picture_is_one_drawing_in_the_pages_colours(store: Store) -> None:
    """Each colour of print has one name on the page, and no two print alike; the points lie where the axis has them."""
    printed = [report_plot._as_svg(report_plot.colour(name)) for name in report_plot.COLOURS]
    assert len(set(printed)) == len(printed)
    plot = of(store, RICH).plot
    assert plot is not None
    drawing = report_plot.plotted(plot)
    text = report_plot.svg(drawing, label=plot.alt, name="x")
    assert text.startswith('<svg role="img" aria-labelledby="x-label"')
    assert all(label.replace("\u2212", "") in _Words.of(text).replace("\u2212", "") for _, label in plot.ticks)
    line = next(found for found in re.findall(r'points="([^"]+)" style="stroke: var\(--ink\)', text))
    ends = [tuple(map(float, pair.split())) for pair in line.split(", ")]
    scale = (report_plot.HEIGHT - report_plot._TOP - report_plot._BOTTOM) / (plot.high - plot.low)
    for (_, y), point in zip(ends, plot.points, strict=True):
        assert point.estimate is not None
        assert y == pytest.approx(report_plot._BOTTOM + (point.estimate - plot.low) * scale, abs=1e-3)


def test_the_command_writes_both_and_says_what_is_next(
    store: Store, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """HTML, PDF and JSON come from one call; files are the owner's alone, and never written over."""
    monkeypatch.setenv("ROADTEST_DATABASE_URL", f"sqlite:///{store.engine.url.database}")
    app = typer.Typer()
    reporting.add(app)
    app.command("other")(lambda: None)
    html, pdf, home = tmp_path / "a.html", tmp_path / "a.pdf", ["--home", str(tmp_path / "home"), "--by", "Ann"]
    answer = CliRunner().invoke(app, ["report", RICH, "--html", str(html), "--pdf", str(pdf), "--json", *home])
    body = json.loads(answer.stdout)
    assert (answer.exit_code, body["files"]) == (0, [str(html), str(pdf)])
    assert body["sentence"] in _Words.of(html.read_text(encoding="utf-8"))
    assert pdf.read_bytes().startswith(b"%PDF-")
    assert {stat.S_IMODE(path.stat().st_mode) for path in (html, pdf)} == {0o600}
    again = CliRunner().invoke(app, ["report", RICH, "--html", str(html), *home])
    assert (again.exit_code, "exists already" in again.stderr) == (1, True)
    same = CliRunner().invoke(app, ["report", RICH, "--html", "x", "--pdf", "x", *home])
    assert (same.exit_code, "must be two files" in same.stderr) == (1, True)
    plain = CliRunner().invoke(app, ["report", RICH, *home]).stdout
    assert plain.splitlines()[0] == "Evening calls: Promote [promoted on 6 Mar 2026]"
    assert plain.rstrip().endswith(f"Next: roadtest report {RICH} --pdf FILE --html FILE")
    assert "How people went through it" in plain


def test_every_kind_of_act_that_closes_a_trial_is_told(store: Store) -> None:
    """The section on decisions knows every kind of act that moves a trial's state."""
    moving = {name for name, kind in ACTS.items() if kind.moves.__name__ != "nowhere"}
    assert moving == {"decision"}
