"""Prints what the checks make of real tables that were never trials, and how much of what is known to be wrong they see.

    python docs/scripts/messy_evidence.py [--real DIR]

The plans are tests/real/messy.py's: `data.fields` as an owner could have written them from the tables' documentation, before
anybody looked at which cells are wrong. The hospitals' table is in this tree with its 509 wrong cells; the others are read
from DIR/messy/<name>/data.csv. Exit code 1 when a row is neither accepted nor set aside with a reason, or when fewer than
nine of ten cells that are flagged are wrong.
"""

from __future__ import annotations

import argparse
import sys
import tempfile
from collections import Counter
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[2]))

from tests.real import messy
from trials.records import Receipt

LEAST_PRECISION = 0.9
MOST_REASONS = 6


def played(table: messy.Table, text: str) -> Receipt:
    with tempfile.TemporaryDirectory() as home:
        return messy.ingested(table, text, Path(home))


def complete(receipt: Receipt, rows: int) -> bool:
    said = all(one.reason.strip() for one in receipt.reasons)
    return receipt.refusal is None and said and receipt.accepted + receipt.quarantined == rows


def show(table: messy.Table, rows: list[messy.Row]) -> tuple[Receipt, bool]:
    receipt = played(table, messy.delivered(table, rows))
    good = complete(receipt, len(rows))
    print(f"{table.name}: {len(rows):,} rows, {receipt.accepted:,} accepted, {receipt.quarantined:,} quarantined")
    for sentence in receipt.warnings:
        print(f"    warning: {sentence}")
    rules = Counter(part.split(" is ")[0] for one in receipt.reasons for part in one.reason.split("; "))
    print("    reasons by column: " + ", ".join(f"{name} {count}" for name, count in rules.most_common()))
    for one in receipt.reasons[:MOST_REASONS]:
        print(f"    row {one.row_no}: {one.reason}")
    repeated = played(table, messy.delivered(table, rows, messy.by_line()))
    duplicates = sum("duplicate" in one.reason for one in repeated.reasons)
    print(f"    with one participant_id for lines that say the same: {duplicates:,} set aside as duplicates")
    return receipt, good and complete(repeated, len(rows))


def show_truth(receipt: Receipt, folder: Path | None) -> bool:
    """Precision and recall of the cells and rows that are flagged."""
    wrong = {(int(one["row_0based"]), one["attribute"]) for one in messy.truth(folder)}
    flagged = messy.flagged(receipt, messy.HOSPITALS)
    cells = messy.meet(flagged, wrong)
    rows = messy.meet({place for place, _ in flagged}, {place for place, _ in wrong})
    for label, found in (("cells", cells), ("rows", rows)):
        print(
            f"    {label}: {found.flagged} flagged, {found.wrong} wrong, {found.both} both: "
            f"precision {found.precision:.1%}, recall {found.recall:.1%}"
        )
    by_column, seen = Counter(name for _, name in wrong), Counter(name for _, name in wrong & flagged)
    print(
        "    seen of the wrong cells: "
        + ", ".join(f"{name} {seen[name]}/{by_column[name]}" for name in sorted(by_column))
    )
    print(
        "    not to be seen cell by cell: a wrong letter in a name, an address, a place or a sentence, whose right contents "
        "no plan lists; a wrong word or number that is itself allowed"
    )
    return cells.precision >= LEAST_PRECISION


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--real", type=Path, metavar="DIR")
    folder = parser.parse_args().real
    good = True
    for table in messy.TABLES:
        path = messy.path_of(table, folder)
        if path is None:
            print(
                f"{table.name}: left out, not in this tree; --real DIR names a folder with messy/{table.name}/data.csv"
            )
            continue
        receipt, complete_too = show(table, messy.read(path))
        good &= complete_too and (table is not messy.HOSPITALS or show_truth(receipt, folder))
    return 0 if good else 1


if __name__ == "__main__":
    sys.exit(main())
