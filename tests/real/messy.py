"""Real tables that were never trials, played as deliveries of made-up ones: what do the checks make of them?

Nothing of a table is changed; columns are added that every delivery has: participant_id (a code), arm, entry_order, and
where the table measures nothing, an outcome of 0 and 1 in turn. The plans' `data.fields` are what an owner could have
written from the tables' own documentation; nobody looked at which cells are known to be wrong.
"""

from __future__ import annotations

import csv
import gzip
import io
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from flows import byhand, work
from flows.keys import Keys
from trials.protocol import Protocol, from_content
from trials.records import Receipt
from trials.store.engine import open_store

HERE = Path(__file__).parent
KEPT = HERE / "data"
SENT_AT = datetime(2024, 3, 1, tzinfo=UTC)
Row = dict[str, str]


@dataclass(frozen=True, slots=True)
class Table:
    """name: its folder below `messy`. fields: the plan's `data.fields`. kept: it is in this tree too.

    primary: what the plan judges; made up unless the table has it.
    """

    name: str
    fields: tuple[dict[str, Any], ...]
    kept: bool = False
    primary: dict[str, Any] | None = None


MADE_UP = {"measure": "outcome", "kind": "binary", "better": "higher", "baseline": 0.5, "worthwhile": 0.2}


def field(name: str, **rules: Any) -> dict[str, Any]:
    return {"name": name, **rules}


STATES = (
    "al ak az ar ca co ct de dc fl ga hi id il in ia ks ky la me md ma mi mn ms mo mt ne nv nh nj nm ny nc nd oh ok "
    "or pa ri sc sd tn tx ut vt va wa wv wi wy as gu mp pr vi"
)
# Hospital Compare's process-of-care measures, as its documentation of 2009 numbers them.
MEASURES = (
    "ami-1 ami-2 ami-3 ami-4 ami-5 ami-7a ami-8a hf-1 hf-2 hf-3 hf-4 pn-2 pn-3b pn-4 pn-5c pn-6 pn-7 cac-1 cac-2 cac-3 "
    "scip-card-2 scip-inf-1 scip-inf-2 scip-inf-3 scip-inf-4 scip-inf-6 scip-vte-1 scip-vte-2"
)
_TEXT = r"[a-z0-9 .,&'/()-]+"
HOSPITALS = Table(
    "hospital_errors",
    (
        field("ProviderNumber", pattern="[0-9]{5,6}", required=True),
        field("HospitalName", pattern=_TEXT, required=True),
        field("Address1", pattern=_TEXT, required=True),
        field("Address2", pattern=_TEXT),
        field("Address3", pattern=_TEXT),
        field("City", pattern="[a-z .'-]+", required=True),
        field("State", one_of=STATES.split(), required=True),
        field("ZipCode", pattern="[0-9]{5}", required=True),
        field("CountyName", pattern="[a-z .'-]+"),
        field("PhoneNumber", pattern="[0-9]{10}", required=True),
        field(
            "HospitalType",
            one_of=[
                *("acute care hospitals", "critical access hospitals", "childrens"),
                *("acute care - veterans administration", "acute care - department of defense"),
            ],
        ),
        field(
            "HospitalOwner",
            one_of=[
                *(f"government - {one}" for one in ("federal", "hospital district or authority", "local", "state")),
                *(f"voluntary non-profit - {one}" for one in ("church", "other", "private")),
                *("proprietary", "physician", "tribal"),
            ],
        ),
        field("EmergencyService", one_of=["yes", "no"]),
        field(
            "Condition",
            one_of=[
                *("heart attack", "heart failure", "pneumonia", "surgical infection prevention"),
                "children s asthma care",
            ],
        ),
        field("MeasureCode", one_of=MEASURES.split(), required=True),
        field("MeasureName", pattern=_TEXT),
        field("Score", pattern="(?:100|[0-9]{1,2})%"),
        field("Sample", pattern="[0-9]+ patients"),
        field("Stateavg", pattern=f"(?:{'|'.join(STATES.split())})_(?:{'|'.join(MEASURES.split())})"),
    ),
    kept=True,
)
HEIGHTS = Table(
    "reported_heights",
    (
        field("time_stamp", pattern=r"20[0-9]{2}-[0-9]{2}-[0-9]{2} [0-9]{2}:[0-9]{2}:[0-9]{2}", required=True),
        field("sex", one_of=["Female", "Male"]),
    ),
    primary={
        "measure": "height",
        "kind": "score",
        "better": "higher",
        "unit": "inches",
        "bounds": [50, 84],
        "baseline": 68,
        "worthwhile": 2,
    },
)
FORCE = Table(
    "mn_use_of_force",
    (
        field("row_id", pattern="[0-9]+", unique=True, required=True),
        field("response_datetime", pattern="20[0-9]{2}/[0-9]{2}/[0-9]{2} [0-9]{2}:[0-9]{2}:[0-9]{2}", required=True),
        field("problem", pattern=r"[A-Za-z0-9 ()/.,&'-]+", required=True),
        field("is_911_call", one_of=["Yes", "No"]),
        field("primary_offense", pattern="[A-Z0-9]{2,6}"),
        field("subject_injury", one_of=["Yes", "No"]),
        field("force_type", pattern="[A-Z][A-Za-z0-9 ]+", required=True),
        field("force_type_action", pattern=r"[A-Z][A-Za-z ()]+"),
        field("race", one_of=["Asian", "Black", "Native American", "Other / Mixed Race", "Pacific Islander", "White"]),
        field("sex", one_of=["Female", "Male"]),
        field("age", between=[0, 110]),
        field("type_resistance", pattern="[A-Z][A-Za-z0-9 -]+"),
        field("precinct", one_of=["1", "2", "3", "4", "5"]),
        field("neighborhood", pattern=r"[A-Za-z .'/-]+"),
    ),
)
TABLES = (HOSPITALS, HEIGHTS, FORCE)


def plan(table: Table, rows: int) -> Protocol:
    """A two-arm trial without dates whose deliveries bring the table's columns."""
    return from_content(
        {
            "trial": table.name.replace("_", "-"),
            "question": "What do the checks make of this table?",
            "owner": "tests",
            "arms": [{"id": "usual", "role": "control"}, {"id": "new"}],
            "primary": table.primary or MADE_UP,
            "monitoring": {"max_participants": rows},
            "order_by": ["entry_order"],
            "data": {"fields": list(table.fields)},
            "source": {"connector": "folder", "path": "sources"},
            "retrospective": True,
        }
    )


def read(path: Path) -> list[Row]:
    """A CSV file's rows, packed or not."""
    data = gzip.decompress(path.read_bytes()) if path.suffix == ".gz" else path.read_bytes()
    return list(csv.DictReader(io.StringIO(data.decode("utf-8"), newline="")))


def path_of(table: Table, elsewhere: Path | None) -> Path | None:
    """Where the table is: below the folder elsewhere, else in this tree; None if in neither."""
    there = None if elsewhere is None else elsewhere / "messy" / table.name / "data.csv"
    if there is not None and there.is_file():
        return there
    return KEPT / f"{table.name}.csv.gz" if table.kept else None


def truth(elsewhere: Path | None) -> list[Row]:
    """The cells of the hospitals' table that are known to be wrong: row_0based, attribute, dirty, clean."""
    there = None if elsewhere is None else elsewhere / "messy" / HOSPITALS.name / "errors.csv"
    return read(there if there is not None and there.is_file() else KEPT / f"{HOSPITALS.name}_truth.csv.gz")


def by_place(place: int, row: Row) -> int:
    """Every line is a participant of its own."""
    return place


def by_line() -> Callable[[int, Row], int]:
    """Lines that say the same, whatever their row_id, are one participant's."""
    known: dict[tuple[str, ...], int] = {}

    def number(_: int, row: Row) -> int:
        return known.setdefault(tuple(cell for name, cell in row.items() if name != "row_id"), len(known) + 1)

    return number


def delivered(table: Table, rows: Sequence[Row], person: Callable[[int, Row], int] = by_place) -> str:
    """The table as a delivery's CSV text: its own columns untouched, ours before them."""
    out = io.StringIO()
    writer = csv.writer(out, lineterminator="\n")
    ours = ["participant_id", "arm", "entry_order", *([] if table.primary else [MADE_UP["measure"]])]
    writer.writerow([*ours, *rows[0]])
    for place, row in enumerate(rows, start=1):
        number = person(place, row)
        added: list[object] = [f"R{number:05d}", "new" if number % 2 else "usual", number]
        writer.writerow([*added, *([] if table.primary else [number // 2 % 2]), *row.values()])
    return out.getvalue()


def ingested(table: Table, text: str, home: Path) -> Receipt:
    """What becomes of the delivery in a new home, by the way of `roadtest ingest`."""
    rows = text.count("\n") - 1
    protocol = plan(table, rows)
    store = open_store(f"sqlite:///{home / 'roadtest.db'}")
    try:
        work.register_trial(store, protocol, by="Ann", at=SENT_AT, seal_by="Bea")
        file = home / f"{table.name}.csv"
        file.write_text(text, encoding="utf-8", newline="")
        door = work.Door(home, Keys(home / "keys"))
        [receipt] = byhand.ingest_files(store, protocol.trial, [file], sent_at=SENT_AT, as_of=SENT_AT, door=door)
    finally:
        store.close()
    return receipt


def flagged(receipt: Receipt, table: Table) -> set[tuple[int, str]]:
    """The cells that the reasons name: (place in the table from 0, column)."""
    names = [one["name"] for one in table.fields]
    return {
        (one.row_no - 1, name)
        for one in receipt.reasons
        for part in one.reason.split("; ")
        for name in names
        if part.startswith((f"{name} is ", f"{name} has "))
    }


@dataclass(frozen=True, slots=True)
class Found:
    """How what is flagged meets what is wrong."""

    flagged: int
    wrong: int
    both: int

    @property
    def precision(self) -> float:
        return self.both / self.flagged

    @property
    def recall(self) -> float:
        return self.both / self.wrong


def meet(flagged: set[Any], wrong: set[Any]) -> Found:
    return Found(len(flagged), len(wrong), len(flagged & wrong))
