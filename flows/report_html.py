"""A report as one HTML file: nothing is loaded from anywhere, light and dark, for print, and for those who listen to it."""

from __future__ import annotations

from html import escape

from dashboards.theme import TOKENS, mix
from flows.report_plot import plotted, sign, svg
from trials.reporting import Entry, Figure, Report, Section, Table

_STYLE = """
*{box-sizing:border-box}
html{background:var(--background);color:var(--ink)}
body{font:15px/1.5 Inter,system-ui,-apple-system,"Segoe UI",Roboto,"Helvetica Neue",Arial,sans-serif;margin:0;
font-variant-numeric:tabular-nums}
.sheet{max-width:900px;margin:24px auto;padding:32px 36px;background:var(--surface);border:1px solid var(--line);
border-radius:14px}
p{margin:0 0 8px}
h1{font-size:26px;line-height:1.2;margin:4px 0 6px;letter-spacing:-.01em}
h2{font-size:13px;margin:0 0 6px;letter-spacing:.02em;color:var(--ink-2)}
.place,.note,.foot,figcaption{color:var(--ink-2);font-size:13px}
.question{font-size:16px;color:var(--ink-2)}
.badge{display:inline-block;font-size:12px;border:1px solid var(--ink-3);border-radius:6px;padding:0 6px;color:var(--ink-2)}
.verdict{border-left:5px solid var(--tone);padding:2px 0 2px 16px;margin:18px 0}
.word{display:flex;align-items:center;gap:8px;color:var(--tone);font-weight:700;font-size:18px;margin:0 0 4px}
.word svg{width:20px;height:20px;flex:none}
.sentence{font-size:19px;line-height:1.4;font-weight:600}
.figures{display:grid;grid-template-columns:repeat(auto-fit,minmax(170px,1fr));gap:12px 20px;margin:18px 0;padding:14px 0;
border-top:1px solid var(--line);border-bottom:1px solid var(--line)}
.figures dt{font-size:12px;color:var(--ink-2)}
.figures dd{margin:0}
.figures strong{display:block;font-size:17px}
.figures span{font-size:12px;color:var(--ink-2)}
figure{margin:0 0 18px;display:grid;grid-template-columns:1.75fr 1fr;gap:20px;align-items:start}
figure svg{width:100%;height:auto;display:block;font-family:inherit}
.grid{columns:2;column-gap:32px;margin-top:18px}
section.part{break-inside:avoid;border-top:1px solid var(--line);padding:12px 0 14px}
.entries{margin:0;padding:0}
.entries div{margin:0 0 5px}
.entries dt,.entries dd{display:inline;margin:0}
.entries dt{font-weight:600}
table{border-collapse:collapse;width:100%;font-size:13px}
caption{text-align:left;color:var(--ink-2);font-size:12px;padding-bottom:4px}
th,td{text-align:left;padding:3px 8px 3px 0;border-bottom:1px solid var(--line);vertical-align:top;font-weight:400}
thead th{color:var(--ink-2)}
.scroll{overflow-x:auto}
.absent{border:1px dashed var(--ink-3);border-radius:10px;padding:22px;text-align:center;color:var(--ink-2)}
.foot{border-top:1px solid var(--line);padding-top:12px;margin-top:8px;font-size:12px;overflow-wrap:anywhere}
@media(max-width:700px){.sheet{margin:0;border:0;border-radius:0;padding:20px 16px}.grid{columns:1}
figure{grid-template-columns:1fr}}
@page{size:A4;margin:10mm}
@media print{html{background:none}body{font-size:8.6px;line-height:1.28}
.sheet{margin:0;border:0;padding:0;max-width:none}
p{margin-bottom:3px}h1{font-size:18px;margin:2px 0}h2{font-size:9.6px;margin-bottom:2px}
.sentence{font-size:12.5px;line-height:1.3}
.word{font-size:12px}.word svg{width:13px;height:13px}.question{font-size:10.5px}.verdict{margin:6px 0}
.figures{margin:6px 0;padding:4px 0;grid-template-columns:repeat(4,1fr)}.figures strong{font-size:11px}

.figures dt,.figures span,.place,.note,.foot,figcaption,caption,table,.badge{font-size:8px}
.entries div{margin-bottom:1.5px}
figure{margin-bottom:4px}.numbers{display:none}section.part{padding:3px 0 4px}.grid{margin-top:4px;column-gap:22px}
th,td{padding:1px 6px 1px 0}.foot{padding-top:4px;margin-top:2px}}
"""


def page(report: Report) -> str:
    """The report as the text of an HTML file."""
    title = f"{report.title}: report"
    parts = [
        _head(report),
        _verdict(report),
        _figures(report.figures),
        _figure(report),
        f'<div class="grid">{"".join(map(_section, report.sections))}</div>',
        _foot(report),
    ]
    meta = (
        '<meta charset="utf-8"><meta name="viewport" content="width=device-width,initial-scale=1">'
        '<meta name="color-scheme" content="light dark"><meta name="referrer" content="no-referrer">'
        "<meta http-equiv=\"Content-Security-Policy\" content=\"default-src 'none'; style-src 'unsafe-inline'\">"
    )
    return (
        f'<!DOCTYPE html>\n<html lang="en">\n<head>{meta}<title>{escape(title)}</title>\n<style>{_colours()}{_STYLE}</style>'
        f'</head>\n<body><div class="sheet">\n{"".join(parts)}\n</div></body>\n</html>\n'
    )


def _colours() -> str:
    """The pages' own colours, light and dark as the reader's screen is set; always light on paper."""

    def block(scheme: str) -> str:
        tokens = TOKENS[scheme]  # type: ignore[index]
        wanted = {name: value for name, value in tokens.items() if name != "shadow"}
        wanted["band"] = mix(tokens["keep_going"], tokens["surface"], 0.16 if scheme == "light" else 0.28)
        wanted["good"] = mix(tokens["promote"], tokens["surface"], 0.07 if scheme == "light" else 0.12)
        return ":root{" + "".join(f"--{name}:{value};" for name, value in wanted.items()) + "}"

    return f"{block('light')}@media screen and (prefers-color-scheme:dark){{{block('dark')}}}"


def _head(report: Report) -> str:
    badges = "".join(f' <span class="badge">{escape(text)}</span>' for text in report.badges)
    return (
        f'<header><p class="place">{escape(report.place)}</p><h1>{escape(report.title)}{badges}</h1>'
        f'<p class="question">{escape(report.question)}</p></header>\n<main>\n'
    )


def _verdict(report: Report) -> str:
    marks = "".join(f' <span class="badge">{escape(text)}</span>' for text in report.marks)
    cautions = "".join(f'<p class="note">{escape(text)}</p>' for text in report.cautions)
    shape = svg(sign(report.standing))
    return (
        f'<section class="verdict" style="--tone:var(--{report.standing})" aria-labelledby="verdict">'
        f'<h2 class="word" id="verdict">{shape}<span>{escape(report.verdict)}</span>{marks}</h2>'
        f'<p class="sentence">{escape(report.sentence)}</p>'
        f'<p class="note"><span class="badge">{escape(report.label)}</span> {escape(report.claims)}</p>{cautions}</section>\n'
    )


def _figures(figures: tuple[Figure, ...]) -> str:
    cells = "".join(
        f"<div><dt>{escape(one.name)}</dt><dd><strong>{escape(one.value)}</strong><span>{escape(one.note)}</span></dd></div>"
        for one in figures
    )
    return f'<dl class="figures">{cells}</dl>\n'


def _figure(report: Report) -> str:
    if report.plot is None:
        return (
            '<section aria-labelledby="effect"><h2 id="effect">The effect</h2>'
            f'<p class="absent">{escape(report.plot_absent)}</p></section>\n'
        )
    picture = svg(plotted(report.plot), label=report.plot.alt, name="effect-figure")
    return (
        f'<section aria-labelledby="effect"><h2 id="effect">{escape(report.plot.title)}</h2>'
        f"<figure>{picture}<figcaption>{escape(report.plot.alt)}</figcaption></figure>"
        f'<div class="numbers">{_table(report.plot.table)}</div></section>\n'
    )


def _section(section: Section) -> str:
    table = "" if section.table is None else _table(section.table)
    note = f'<p class="note">{escape(section.note)}</p>' if section.note else ""
    return (
        f'<section class="part" aria-labelledby="{section.name}"><h2 id="{section.name}">{escape(section.heading)}</h2>'
        f"{table}{_entries(section.entries)}{note}</section>\n"
    )


def _entries(entries: tuple[Entry, ...]) -> str:
    """Terms with what is said of them, in their order; sentences that stand alone are paragraphs."""
    found, together = [], []
    for one in entries:
        if one.term:
            together.append(f"<div><dt>{escape(one.term)}:</dt> <dd>{escape(one.text)}</dd></div>")
            continue
        if together:
            found.append(f'<dl class="entries">{"".join(together)}</dl>')
            together = []
        found.append(f"<p>{escape(one.text)}</p>")
    if together:
        found.append(f'<dl class="entries">{"".join(together)}</dl>')
    return "".join(found)


def _table(table: Table) -> str:
    head = "".join(f'<th scope="col">{escape(name)}</th>' if name else "<td></td>" for name in table.columns)
    rows = "".join(
        f'<tr><th scope="row">{escape(row[0])}</th>{"".join(f"<td>{escape(cell)}</td>" for cell in row[1:])}</tr>'
        for row in table.rows
    )
    inside = f"<caption>{escape(table.caption)}</caption><thead><tr>{head}</tr></thead><tbody>{rows}</tbody>"
    return f'<div class="scroll" tabindex="0" role="region" aria-label="{escape(table.caption)}"><table>{inside}</table></div>'


def _foot(report: Report) -> str:
    return (
        '</main>\n<footer class="foot" aria-label="What this report rests on">'
        f"{_entries(report.footer)}<p>{escape(report.seen_by)}</p></footer>"
    )
