"""The report as PDF: one page whatever is in it, real text, and no letter that comes out as a black box."""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from dataclasses import replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from reportlab.pdfbase import pdfmetrics

from flows import report_type
from flows.report_gather import gathered
from flows.report_pdf import FITS, SHORTENED, _Blocks, pdf
from tests.managing import report_trials as trials_
from tests.managing.pdf_text import pages, text_of
from tests.managing.report_trials import MADE, REGISTERED, RICH, TRIALS
from trials.reporting import Entry, Figure, Point, Report, Table
from trials.store.engine import Store, open_store


@pytest.fixture(scope="module")
def store(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Store]:
    opened = open_store(f"sqlite:///{tmp_path_factory.mktemp('report') / 'roadtest.db'}").as_person("Ann")
    trials_.made(opened)
    yield opened
    opened.close()


def close(text: str) -> str:
    """Without blanks, as a line may end anywhere."""
    return "".join(text.split())


@pytest.mark.parametrize("trial", TRIALS)
def test_one_page_with_all_of_it(store: Store, trial: str) -> None:
    """Each state of a trial makes one page that holds every sentence, entry and number of the report, letter by letter."""
    report = gathered(store, trial, at=MADE)
    content = pdf(report)
    assert pages(content) == 1
    said = close(text_of(content))
    wanted = [report.title, report.question, report.sentence, report.claims, *report.cautions, report.seen_by]
    wanted += [text for one in report.figures for text in (one.name, one.value, one.note)]
    wanted += [text for one in report.sections for entry in one.entries for text in (entry.term, entry.text)]
    wanted += [cell for one in report.sections if one.table for row in one.table.rows for cell in row]
    wanted += [one.text for one in report.footer]
    wanted += [report.plot_absent] if report.plot is None else [label for _, label in report.plot.ticks]
    lost = [text for text in wanted if close("".join(map(report_type.spelt, text))) not in said]
    assert lost == []
    assert "\ufffd" not in said
    assert "\u25a0" not in said


def test_the_file_says_what_it_is(store: Store) -> None:
    """Title, author, subject and language stand in the file; the same report is the same bytes."""
    report = gathered(store, RICH, at=MADE)
    content = pdf(report, compress=False)
    assert pdf(report, compress=False) == content
    assert b"/Title (Evening calls: report)" in content
    assert b"/Author (Roadtest)" in content
    assert b"/Lang" in content
    assert b"/Subject" in content
    assert len(pdf(report)) < 100_000


def stuffed(report: Report, times: int, letters: int) -> Report:
    """A report with every part far too full."""
    word = "Überlänge − "
    text = (word * (letters // len(word) + 1))[:letters]
    entries = tuple(Entry(f"{place} {text}", text) for place in range(times))
    columns = ("", *(f"{place} {text}" for place in range(times)))
    table = Table(text, columns, tuple(("x" * letters, *(text for _ in range(times))) for _ in range(4)))
    plot = None
    if report.plot is not None:
        points = tuple(Point(place + 1, -0.1, 0.0, 0.1) for place in range(times))
        plot = replace(report.plot, alt=text, title=text, worth_label=text, points=points)
    return replace(
        report,
        title=text,
        question=text,
        place=text,
        sentence=text,
        claims=text,
        cautions=(text,) * times,
        figures=tuple(Figure(text, text, text) for _ in range(4)),
        plot=plot,
        sections=tuple(replace(one, heading=one.heading, entries=entries, table=table) for one in report.sections),
        footer=tuple(replace(one, text=text) for one in report.footer),
        seen_by=text,
    )


@pytest.mark.parametrize(("times", "letters"), [(4, 90), (30, 900)])
def test_it_stays_one_page_however_much_is_in_it(store: Store, times: int, letters: int) -> None:
    """With every part far too full it is one page, within its margins, and says of each part that something is left out."""
    report = stuffed(gathered(store, RICH, at=MADE), times, letters)
    content = pdf(report)
    assert pages(content) == 1
    said = close(text_of(content))
    assert _Blocks(report, FITS[-1]).fits
    if times > 4:
        assert said.count(close(f"more: {SHORTENED} {times}.")) == len(report.sections)
    assert all(close(one.heading) in said for one in report.sections)


def test_the_last_way_of_fitting_is_the_shortest() -> None:
    """Each way keeps no more than the one before it."""
    for before, after in itertools.pairwise(FITS):
        assert after.size <= before.size
        assert (after.entries, after.letters) <= (before.entries, before.letters)


@settings(max_examples=300, deadline=None)
@given(st.text(max_size=40))
def test_each_letter_is_set_in_a_font_that_has_it(text: str) -> None:
    """Whatever is written: each part is in Helvetica's own encoding, or the other font has a shape for each of its letters."""
    report_type.register()
    for font, letters in report_type.runs(text):
        if font == report_type.PLAIN:
            assert letters.encode("cp1252")
        else:
            assert all(ord(one) in pdfmetrics.getFont(font).face.charToGlyph for one in letters)


def test_letters_that_reports_use_come_out(store: Store) -> None:
    """A true minus, ≥ and ł are there as they are; a Greek delta is spelt out; nothing becomes a '?'."""
    report = gathered(store, REGISTERED, at=MADE)
    title = "−0.3 ≥ δ: „Łódka, žižek“, naïve façade, 5 €, 10 × 2 → 20 …"
    said = text_of(pdf(replace(report, title=title)))
    assert close("−0.3 ≥ delta: „Łódka, žižek“, naïve façade, 5 €, 10 × 2 -> 20 …") in close(said)
    assert "?" not in said.replace(report.question, "")
