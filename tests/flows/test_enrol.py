"""The trial's list of people: loaded whole or not at all, and from then on nobody else is in the trial."""

from __future__ import annotations

from pathlib import Path

import pytest

from flows.byhand import enrol_from, ingest_files
from tests.flows.making import NOW, Desk, plan
from trials.store import ledger, reading

LISTED = "participant_id,arm\np001,usual\np002,new\np003,usual\n"


def listed(desk: Desk, text: str = LISTED, name: str = "people.csv") -> Path:
    file = desk.home / name
    file.write_text(text, encoding="utf-8")
    return file


def outcomes(desk: Desk, *rows: str, header: str = "participant_id,arm,well") -> Path:
    file = desk.home / "outcomes.csv"
    file.write_text("\n".join([header, *rows, ""]), encoding="utf-8")
    return file


def test_a_list_enrols_people_in_its_order(desk: Desk) -> None:
    """Allocation numbers are the places in the list; the same list again and a longer one add nobody twice."""
    trial = desk.sealed(plan())
    first = enrol_from(desk.store, trial, listed(desk), as_of=NOW, door=desk.door)
    again = enrol_from(desk.store, trial, listed(desk), as_of=NOW, door=desk.door)
    longer = listed(desk, LISTED + "p004,new\n", "more.csv")
    third = enrol_from(desk.store, trial, longer, as_of=NOW, door=desk.door)
    assert [(one.accepted, one.duplicates) for one in (first, again, third)] == [(3, 0), (0, 3), (1, 3)]
    register = ledger.register_of(desk.store, trial)
    assert register.closed
    hidden = desk.door.pseudonyms(desk.store, trial)
    assert hidden is not None
    assert [register[hidden.of(f"P00{number}")].entry_order for number in (1, 2, 3, 4)] == [1, 2, 3, 4]
    assert not any("p00" in name for name in register)


def test_a_list_with_a_fault_enrols_nobody(desk: Desk) -> None:
    """One unknown arm among three people: the sentence names its row, and the register stays empty and open."""
    trial = desk.sealed(plan())
    receipt = enrol_from(
        desk.store, trial, listed(desk, LISTED.replace("p002,new", "p002,old")), as_of=NOW, door=desk.door
    )
    assert receipt.action == "reject_batch"
    assert "row 2: arm is 'old'" in str(receipt.refusal)
    register = ledger.register_of(desk.store, trial)
    assert (len(register), register.closed) == (0, False)


@pytest.mark.parametrize(
    ("changed", "sentence"),
    [("p002,usual", "must be as registered, 'new'"), ("p002,new\np002,usual", "different values")],
)
def test_who_is_enrolled_is_never_changed(desk: Desk, changed: str, sentence: str) -> None:
    """A list that moves somebody to another arm, or holds them twice, is refused whole."""
    trial = desk.sealed(plan())
    enrol_from(desk.store, trial, listed(desk), as_of=NOW, door=desk.door)
    other = listed(desk, LISTED.replace("p002,new", changed) + "p009,new\n", "other.csv")
    receipt = enrol_from(desk.store, trial, other, as_of=NOW, door=desk.door)
    assert sentence in str(receipt.refusal)
    assert len(ledger.register_of(desk.store, trial)) == 3


def test_outcomes_are_of_registered_people_alone(desk: Desk) -> None:
    """Place and number come from the list, letter case is mended by it, strangers and other arms are set aside."""
    trial = desk.sealed(plan())
    enrol_from(desk.store, trial, listed(desk), as_of=NOW, door=desk.door)
    file = outcomes(desk, "P001,usual,1", "p009,new,1", "p003,new,0", ",usual,1", "p002,NEW,0")
    [receipt] = ingest_files(desk.store, trial, [file], sent_at=None, as_of=NOW, door=desk.door)
    assert {row.row_no: row.reason.split(":")[0] for row in receipt.reasons} == {
        2: "participant_id is not in the register",
        3: "arm is 'new'",
        4: "participant_id is missing",
    }
    assert receipt.accepted == 2
    assert receipt.warnings[:1] == (
        "set the letter case of participant_id (1 row), arm (1 row) as planned or registered",
    )
    assert reading.card(desk.store, trial).look is not None


def test_the_arm_is_never_filled_from_the_list(desk: Desk) -> None:
    """Without an arm in the delivery nothing says that the person got what was planned for them."""
    trial = desk.sealed(plan())
    enrol_from(desk.store, trial, listed(desk), as_of=NOW, door=desk.door)
    file = outcomes(desk, "p001,1", header="participant_id,well")
    [receipt] = ingest_files(desk.store, trial, [file], sent_at=None, as_of=NOW, door=desk.door)
    assert "lacks the column arm" in str(receipt.refusal)


def test_no_id_reaches_the_database(desk: Desk) -> None:
    """Neither of accepted nor of quarantined people: the file holds pseudonyms and sealed rows."""
    trial = desk.sealed(plan())
    enrol_from(desk.store, trial, listed(desk), as_of=NOW, door=desk.door)
    file = outcomes(desk, "p001,usual,1", "p777,new,1", "p002,new,maybe")
    ingest_files(desk.store, trial, [file], sent_at=None, as_of=NOW, door=desk.door)
    desk.store.close()
    held = b"".join(path.read_bytes() for path in desk.home.glob("roadtest.db*"))
    assert not [one for one in (b"p001", b"p002", b"p003", b"p777", b"P777") if one in held]


def test_a_list_bears_our_column_names_whatever_the_sources_are_called(desk: Desk) -> None:
    """It is the owner's own file: in it the source's name for the arm may be something else."""
    trial = desk.sealed(
        plan(source={"connector": "folder", "path": "sources/first-trial", "columns": {"arm": "group"}})
    )
    with_ages = (
        LISTED.replace(",arm\n", ",arm,group\n").replace("usual\n", "usual,18-30\n").replace("new\n", "new,31-50\n")
    )
    receipt = enrol_from(desk.store, trial, listed(desk, with_ages), as_of=NOW, door=desk.door)
    assert (receipt.refusal, receipt.accepted) == (None, 3)
    [taken] = ingest_files(
        desk.store,
        trial,
        [outcomes(desk, "p001,usual,1", header="participant_id,group,well")],
        sent_at=None,
        as_of=NOW,
        door=desk.door,
    )
    assert (taken.accepted, taken.quarantined) == (1, 0)


def test_a_file_called_after_somebody_enrolled_is_kept_under_another_name(desk: Desk) -> None:
    """Known from an earlier delivery, and in no row of this one; nothing of the name is in the database, also not of the list
    of people's own; a name of days and short numbers stays."""
    trial = desk.sealed(plan())
    enrol_from(desk.store, trial, listed(desk, name="Pemberton-Ada 9434765001.csv"), as_of=NOW, door=desk.door)
    names = []
    for name, row in (("2024-03-01_P001.csv", "p002,new,1"), ("2024-03-02_12.csv", "p003,usual,1")):
        file = outcomes(desk, row).rename(desk.home / name)
        [receipt] = ingest_files(desk.store, trial, [file], sent_at=None, as_of=NOW, door=desk.door)
        assert receipt.accepted == 1
        names.append(receipt.name)
    assert names[0].startswith("delivery-")
    assert names[1] == "2024-03-02_12.csv"
    held = repr(desk.contents())
    assert not [one for one in ("_P001", "Pemberton", "9434765001") if one in held]
