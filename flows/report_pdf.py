"""A report as a PDF of one page, A4: the whole text where it fits, else smaller, else shorter with word of what is left out.

Guarantee: one page, whatever is in the report; nothing that is left out goes without the line that says so.
"""

from __future__ import annotations

import io
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

from reportlab.lib.pagesizes import A4
from reportlab.lib.styles import ParagraphStyle
from reportlab.lib.units import mm
from reportlab.pdfgen.canvas import Canvas
from reportlab.platypus import Flowable, Paragraph, Spacer
from reportlab.platypus import Table as Grid

from flows.report_plot import HEIGHT, WIDTH, colour, plotted, sign
from flows.report_type import BOLD, PLAIN, marked, register
from trials.reporting import Entry, Report, Section, Table

MARGIN = 13 * mm
GAP = 7 * mm
_WIDE = A4[0] - 2 * MARGIN
_COLUMN = (_WIDE - GAP) / 2
_FOOT = 4.0
_MOST = 16_000  # letters: half as many again as a page full of type of size 1 holds
SHORTENED = "see the HTML report for all"


@dataclass(frozen=True, slots=True)
class Fit:
    """How the page is made to fit. size: of the type, 1 = as designed. entries: at most so many of a section. letters: at most
    so many of a text."""

    size: float
    entries: int = 1_000
    letters: int = 100_000


# From the best on. The last holds little enough to fit always: tests/managing/test_report_pdf.py fills every part of it.
FITS = (
    *(Fit(size) for size in (1.2, 1.12, 1.06, 1.0, 0.94, 0.88, 0.83)),
    *(
        Fit(0.83, entries, letters)
        for entries, letters in ((10, 420), (8, 320), (6, 240), (5, 180), (4, 140), (3, 100))
    ),
    *(Fit(0.78, entries, letters) for entries, letters in ((3, 90), (2, 70))),
    Fit(0.72, 1, 40),
    Fit(0.66, 1, 40),
)


def pdf(report: Report, *, compress: bool = True) -> bytes:
    """The report as the bytes of a PDF. compress: False leaves its text readable to a text search. The same report is the same
    bytes."""
    register()
    for fit in FITS:
        if fit is not FITS[-1] and _letters(shortened(report, fit)) > _MOST / fit.size**2:
            continue  # no need to set it: so much text fits no page
        blocks = _Blocks(report, fit)
        if blocks.fits or fit is FITS[-1]:
            return blocks.drawn(compress)
    raise AssertionError("FITS is not empty")


def _letters(report: Report) -> int:
    """How much text there is."""
    entries = [one for section in report.sections for one in section.entries]
    cells = [cell for one in report.sections if one.table for row in one.table.rows for cell in row]
    others = [report.title, report.question, report.sentence, report.claims, *report.cautions]
    return sum(map(len, [*(one.term + one.text for one in entries), *cells, *others]))


class _Blocks:
    """The parts of the page as they are for one way of fitting it."""

    def __init__(self, report: Report, fit: Fit) -> None:
        self.report, self.fit = shortened(report, fit), fit
        self.top = list(self._top())
        self.sections = [list(self._section(one)) for one in self.report.sections]
        self.foot = list(self._foot())
        used = sum(_height(one, _WIDE) for one in (*self.top, *self.foot)) + _FOOT
        self.room = A4[1] - 2 * MARGIN - used
        heights = [sum(_height(one, _COLUMN) for one in section) for section in self.sections]
        self.split = min(range(len(heights) + 1), key=lambda place: max(sum(heights[:place]), sum(heights[place:])))
        self.tall = max(sum(heights[: self.split]), sum(heights[self.split :]))

    @property
    def fits(self) -> bool:
        return bool(self.tall <= self.room)

    def drawn(self, compress: bool) -> bytes:
        out = io.BytesIO()
        canvas = Canvas(out, pagesize=A4, pageCompression=int(compress), invariant=1, initialFontName=PLAIN)
        _named(canvas, self.report)
        y = _down(canvas, self.top, MARGIN, A4[1] - MARGIN, _WIDE)
        for part, x in ((self.sections[: self.split], MARGIN), (self.sections[self.split :], MARGIN + _COLUMN + GAP)):
            _down(canvas, [one for section in part for one in section], x, y, _COLUMN)
        foot = sum(_height(one, _WIDE) for one in self.foot)
        canvas.setStrokeColor(colour("line"))
        canvas.line(MARGIN, MARGIN + foot + _FOOT / 2, MARGIN + _WIDE, MARGIN + foot + _FOOT / 2)
        _down(canvas, self.foot, MARGIN, MARGIN + foot, _WIDE)
        canvas.showPage()
        canvas.save()
        return out.getvalue()

    def style(
        self, size: float, ink: str = "ink", *, bold: bool = False, after: float = 0.0, lead: float = 1.28
    ) -> ParagraphStyle:
        points = size * self.fit.size
        font = BOLD if bold else PLAIN
        return ParagraphStyle(
            f"{size}{ink}{bold}{after}",
            fontName=font,
            fontSize=points,
            leading=points * lead,
            textColor=colour(ink),
            spaceAfter=after * self.fit.size,
            splitLongWords=1,
        )

    def say(self, text: str, size: float, ink: str = "ink", *, bold: bool = False, after: float = 0.0) -> Paragraph:
        return Paragraph(marked(text, BOLD if bold else PLAIN), self.style(size, ink, bold=bold, after=after))

    def _top(self) -> Iterator[Flowable]:
        report = self.report
        badges = "".join(f" [{text}]" for text in report.badges)
        yield self.say(report.place, 7.6, "ink-2", after=1)
        yield self.say(f"{report.title}{badges}", 17, bold=True, after=2)
        yield self.say(report.question, 9.6, "ink-2", after=6)
        yield self._verdict()
        yield Spacer(1, 5 * self.fit.size)
        yield self._figures()
        yield Spacer(1, 5 * self.fit.size)
        yield self._effect()
        yield Spacer(1, 4 * self.fit.size)

    def _verdict(self) -> Flowable:
        report, size = self.report, self.fit.size
        word = " · ".join((report.verdict, *report.marks))
        shape = sign(report.standing, 12 * size)
        heading = Grid(
            [[shape, self.say(word, 11, report.standing, bold=True)]],
            colWidths=[17 * size, _WIDE - 32 * size - 17 * size],
        )
        heading.setStyle(
            [
                ("LEFTPADDING", (0, 0), (-1, -1), 0),
                ("TOPPADDING", (0, 0), (-1, -1), 0),
                ("VALIGN", (0, 0), (-1, -1), "MIDDLE"),
            ]
        )
        said: list[Flowable] = [heading, self.say(report.sentence, 11.4, bold=True, after=3)]
        said.append(self.say(f"{report.label}. {report.claims}", 8, "ink-2"))
        said += [self.say(text, 8, "ink-2") for text in report.cautions]
        box = Grid([[said]], colWidths=[_WIDE])
        box.setStyle(
            [
                ("LINEBEFORE", (0, 0), (0, -1), 3, colour(report.standing)),
                ("LEFTPADDING", (0, 0), (-1, -1), 10),
                *((f"{side}PADDING", (0, 0), (-1, -1), 1) for side in ("TOP", "BOTTOM", "RIGHT")),
            ]
        )
        return box

    def _figures(self) -> Flowable:
        cells = [
            [self.say(one.name, 7.4, "ink-2"), self.say(one.value, 10.4, bold=True), self.say(one.note, 7.2, "ink-2")]
            for one in self.report.figures
        ]
        grid = Grid([cells], colWidths=[_WIDE / max(len(cells), 1)] * len(cells))
        grid.setStyle(
            [
                ("LINEABOVE", (0, 0), (-1, 0), 0.5, colour("line")),
                ("LINEBELOW", (0, 0), (-1, 0), 0.5, colour("line")),
                ("VALIGN", (0, 0), (-1, -1), "TOP"),
                ("LEFTPADDING", (0, 0), (-1, -1), 0),
                *((f"{side}PADDING", (0, 0), (-1, -1), 4 * self.fit.size) for side in ("TOP", "BOTTOM")),
            ]
        )
        return grid

    def _effect(self) -> Flowable:
        """The picture, with what it says beside it; or why there is none."""
        plot = self.report.plot
        if plot is None:
            grid = Grid([[self.say(self.report.plot_absent, 8.6, "ink-2")]], colWidths=[_WIDE])
            grid.setStyle(
                [
                    ("BOX", (0, 0), (-1, -1), 0.5, colour("line"), None, [2, 2]),
                    ("TOPPADDING", (0, 0), (-1, -1), 9),
                    ("BOTTOMPADDING", (0, 0), (-1, -1), 9),
                ]
            )
            return grid
        drawing, share = plotted(plot), min(0.98 * self.fit.size, 1.04)
        drawing.scale(share, share)
        drawing.width, drawing.height = WIDTH * share, HEIGHT * share
        beside = [self.say(plot.title, 9.4, bold=True, after=3), self.say(plot.alt, 8, "ink-2")]
        grid = Grid([[drawing, beside]], colWidths=[WIDTH * share + 6, _WIDE - WIDTH * share - 6])
        grid.setStyle(
            [
                *((f"{side}PADDING", (0, 0), (-1, -1), 0) for side in ("LEFT", "RIGHT", "TOP", "BOTTOM")),
                ("VALIGN", (0, 0), (-1, -1), "TOP"),
            ]
        )
        return grid

    def _section(self, section: Section) -> Iterator[Flowable]:
        yield self.say(section.heading, 8.8, bold=True, after=1.5)
        if section.table is not None:
            yield self.say(section.table.caption, 7, "ink-2")
            yield self._table(section.table)
            yield Spacer(1, 2 * self.fit.size)
        for one in section.entries:
            yield Paragraph(_entry(one), self.style(7.8, after=1.3))
        if section.note:
            yield self.say(section.note, 7, "ink-2")
        yield Spacer(1, 6 * self.fit.size)

    def _table(self, table: Table) -> Flowable:
        rows = [[self.say(cell, 7.4, "ink-2") for cell in table.columns]]
        rows += [[self.say(cell, 7.4) for cell in row] for row in table.rows]
        first = _COLUMN * (0.34 if len(table.columns) > 3 else 0.42)
        others = (_COLUMN - first) / max(len(table.columns) - 1, 1)
        grid = Grid(rows, colWidths=[first, *[others] * (len(table.columns) - 1)])
        grid.setStyle(
            [
                ("LINEBELOW", (0, 0), (-1, -1), 0.4, colour("line")),
                ("VALIGN", (0, 0), (-1, -1), "TOP"),
                ("LEFTPADDING", (0, 0), (-1, -1), 0),
                ("RIGHTPADDING", (0, 0), (-1, -1), 3),
                *((f"{side}PADDING", (0, 0), (-1, -1), 1.2) for side in ("TOP", "BOTTOM")),
            ]
        )
        return grid

    def _foot(self) -> Iterator[Flowable]:
        said = " · ".join(f"{one.term}: {one.text}" if one.term else one.text for one in self.report.footer)
        yield self.say(said, 6.8, "ink-2", after=1)
        yield self.say(self.report.seen_by, 6.8, "ink-2")


def shortened(report: Report, fit: Fit) -> Report:
    """The report with no more than fits; each part that lost something says so."""
    head = max(fit.letters, 50)
    cells = max(fit.letters // 4, 14)
    return replace(
        report,
        title=_cut(report.title, head),
        question=_cut(report.question, head * 2),
        place=_cut(report.place, head * 2),
        sentence=_cut(report.sentence, head * 4),
        claims=_cut(report.claims, head * 4),
        cautions=tuple(_cut(text, head * 2) for text in report.cautions[: fit.entries]),
        figures=tuple(replace(one, value=_cut(one.value, head), note=_cut(one.note, head)) for one in report.figures),
        plot=None
        if report.plot is None
        else replace(report.plot, alt=_cut(report.plot.alt, head * 4), title=_cut(report.plot.title, head)),
        sections=tuple(_section_cut(one, fit, cells) for one in report.sections),
        footer=tuple(replace(one, text=_cut(one.text, head * 2)) for one in report.footer),
        badges=tuple(_cut(text, head) for text in report.badges[: fit.entries]),
        marks=tuple(_cut(text, head) for text in report.marks[: fit.entries]),
        plot_absent=_cut(report.plot_absent, head * 4),
        seen_by=_cut(report.seen_by, head * 3),
    )


def _section_cut(section: Section, fit: Fit, cells: int) -> Section:
    """The first entries; a last line counts those that are left out."""
    kept = [Entry(_cut(one.text, fit.letters), _cut(one.term, fit.letters)) for one in section.entries[: fit.entries]]
    table, left = section.table, len(section.entries) - len(kept)
    if left:
        kept.append(Entry(f"{left} more: {SHORTENED} {len(section.entries)}."))
    if table is not None and (len(table.columns) > 7 or fit.letters < 1_000):
        columns = 7 if fit.letters >= 400 else 4
        rows = tuple(tuple(_cut(cell, cells) for cell in row[:columns]) for row in table.rows)
        if len(table.columns) > columns:
            kept.append(Entry(f"{len(table.columns) - columns} more columns: {SHORTENED} {len(table.columns)}."))
        table = Table(
            _cut(table.caption, fit.letters), tuple(_cut(name, cells) for name in table.columns[:columns]), rows
        )
    return replace(
        section,
        heading=_cut(section.heading, fit.letters),
        entries=tuple(kept),
        table=table,
        note=_cut(section.note, fit.letters),
    )


def _cut(text: str, letters: int) -> str:
    """At most so many letters, cut at a word, with a mark where something is left out."""
    if len(text) <= letters:
        return text
    short = text[: letters - 1]
    return f"{short.rpartition(' ')[0] or short} …"


def _entry(entry: Entry) -> str:
    if not entry.term:
        return marked(entry.text)
    return f'<font name="{BOLD}">{marked(entry.term + ":", BOLD)}</font> {marked(entry.text)}'


def _named(canvas: Canvas, report: Report) -> None:
    """What readers and search engines are told of the file."""
    canvas.setTitle(f"{report.title}: report")
    canvas.setAuthor("Roadtest")
    canvas.setSubject(report.sentence)
    canvas.setKeywords(f"{report.trial}, {report.label}")
    canvas.setCreator("Roadtest")
    canvas.setViewerPreference("DisplayDocTitle", "true")
    canvas.setCatalogEntry("Lang", "en")


def _height(part: Flowable, wide: float) -> float:
    return float(part.wrap(wide, A4[1])[1]) + float(getattr(part, "getSpaceAfter", lambda: 0)())


def _down(canvas: Canvas, parts: Sequence[Flowable], x: float, y: float, wide: float) -> float:
    """Draws the parts one under the other from a height on; the height below the last."""
    for part in parts:
        tall = float(part.wrap(wide, A4[1])[1])
        part.drawOn(canvas, x, y - tall)
        y -= tall + float(getattr(part, "getSpaceAfter", lambda: 0)())
    return y
