"""`roadtest report`: one page on a trial as HTML, PDF or JSON, from the numbers that its page shows and no others.

What somebody may not see on the page is not in their report: it is made from the page's own view (`dashboards.read_model`), for
the person named by --by.
"""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from flows.options import By, Home, Json, TrialName, name_of, opened, settings_for, told

if TYPE_CHECKING:
    from trials.reporting import Report

Out = Annotated[Path | None, typer.Option("--html", help="New HTML file to write; it loads nothing from anywhere.")]
Pdf = Annotated[Path | None, typer.Option("--pdf", help="New PDF file to write: one page, A4.")]


def add(app: typer.Typer) -> None:
    """Registers the command."""
    app.command("report")(report)


def report(
    trial: TrialName, html: Out = None, pdf: Pdf = None, by: By = None, home: Home = None, as_json: Json = False
) -> None:
    """Say everything about a trial on one page: sentence, evidence label, plot, flow of people, changes, decision, lesson."""
    with told():
        settings = settings_for(home)
        name = name_of(by, settings)
        from flows.report_gather import gathered
        from flows.show import print_json
        from flows.work import utc_now
        from trials.reporting import as_json as body_of

        files = check_files(html, pdf)
        store = opened(settings, name)
        try:
            found = gathered(store, trial, at=utc_now(), stale_after=timedelta(days=settings.stale_after_days))
        finally:
            store.close()
        write_files(found, html, pdf)
        if as_json:
            print_json({**body_of(found), "files": files})
        else:
            typer.echo(text_of(found, files))


def check_files(html: Path | None, pdf: Path | None) -> list[str]:
    """The files that are to be written, before anything is read. Raises StoreError when one can't be."""
    from flows.exporting import check_new
    from trials.errors import DataError

    if html is not None and html == pdf:
        raise DataError(f"--html and --pdf are both '{html}', must be two files. Name another for one of them.")
    for option, path in (("--html", html), ("--pdf", pdf)):
        if path is not None:
            check_new(path, option)
    return [str(path) for path in (html, pdf) if path is not None]


def write_files(found: Report, html: Path | None, pdf: Path | None) -> None:
    """Writes each file whole or not at all."""
    from flows.exporting import written_whole

    if html is not None:
        from flows.report_html import page

        with written_whole(html) as out:
            out.write(page(found).encode("utf-8"))
    if pdf is not None:
        from flows.report_pdf import pdf as drawn

        with written_whole(pdf) as out:
            out.write(drawn(found))


def _marked(found: Report) -> str:
    """' [stopped on DATE] [after the decision]'; nothing while a trial is open."""
    return "".join(f" [{mark}]" for mark in found.marks)


def text_of(found: Report, files: list[str]) -> str:
    """The report in lines; what to do next."""
    if files:
        return (
            f"Wrote the report on {found.trial} to {' and '.join(files)}.{_marked(found)} {found.sentence}\n"
            "Next: open it and hand it on."
        )
    lines = [
        f"{found.title}{''.join(f' [{text}]' for text in found.badges)}: {found.verdict}{_marked(found)}",
        found.sentence,
        f"{found.label}. {found.claims}",
        *found.cautions,
    ]
    lines += [f"{one.name}: {one.value}{f' ({one.note})' if one.note else ''}" for one in found.figures]
    if found.plot is None:
        lines.append(found.plot_absent)
    for section in found.sections:
        lines.append(f"\n{section.heading}")
        if section.table is not None:
            names = section.table.columns[1:]
            for step, *cells in section.table.rows:
                lines.append(f"  {step}: {', '.join(map(' '.join, zip(names, cells, strict=True)))}")
        lines += [f"  {one.term}: {one.text}" if one.term else f"  {one.text}" for one in section.entries]
    lines.append("\n" + "; ".join(f"{one.term}: {one.text}" for one in found.footer))
    return "\n".join([*lines, found.seen_by, f"Next: roadtest report {found.trial} --pdf FILE --html FILE"])
