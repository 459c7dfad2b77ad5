"""Fills the tables of docs/managing/*.md from the code: `python docs/scripts/tables.py [--check]`.

A table stands between `<!-- table: NAME -->` and `<!-- end -->`; TABLES names the function that gives its rows.
"""

from __future__ import annotations

import re
import sys
from importlib import import_module
from pathlib import Path

FOLDER = Path(__file__).parents[1] / "managing"
TABLES = {
    "amendments": "trials.amending:table",
    "decisions": "trials.reasons:table",
    "endings": "trials.acts.ideas:table",
    "labels": "trials.labelling:table",
    "lessons": "trials.lessons:table",
    "lifecycle": "trials.lifecycle:table",
    "reasons": "trials.reasons:reason_table",
    "roles": "trials.roles:table",
    "site-reasons": "trials.reasons:site_table",
    "stages": "trials.lifecycle:stage_table",
    "stopping": "trials.stopping:table",
    "tidier": "trials.sharing.fidelity:table",
}
_PLACE = re.compile(r"(<!-- table: ([a-z-]+) -->\n).*?(<!-- end -->)", re.DOTALL)


def rows_of(name: str) -> tuple[tuple[str, ...], ...]:
    """The table's rows, headings first."""
    module, _, function = TABLES[name].partition(":")
    found: tuple[tuple[str, ...], ...] = getattr(import_module(module), function)()
    return found


def as_markdown(rows: tuple[tuple[str, ...], ...]) -> str:
    head, *rest = rows
    lines = [head, ("---",) * len(head), *rest]
    return "".join(f"| {' | '.join(cell.replace('|', '/') for cell in line)} |\n" for line in lines)


def filled(text: str) -> str:
    """The page with each of its tables as the code has it."""
    return _PLACE.sub(lambda place: place[1] + as_markdown(rows_of(place[2])) + place[3], text)


def stale() -> list[Path]:
    """The pages whose tables are not those of the code."""
    return [page for page in sorted(FOLDER.glob("*.md")) if filled(page.read_text("utf-8")) != page.read_text("utf-8")]


def main() -> None:
    found = stale()
    for page in found:
        if "--check" not in sys.argv:
            page.write_text(filled(page.read_text("utf-8")), "utf-8")
        print(page.name)
    sys.exit(bool(found) and "--check" in sys.argv)


if __name__ == "__main__":
    main()
