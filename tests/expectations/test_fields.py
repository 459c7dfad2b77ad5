"""What a plan asks of columns beyond the measures: required cells, patterns, words, limits; and the cut last cell."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, date, datetime
from typing import Any

import pytest

from expectations import engine
from expectations.check import check, key_of
from trials.connectors.tabular import to_delivery
from trials.protocol import Protocol, from_content
from trials.records import Checked

SENT = datetime(2024, 5, 1, tzinfo=UTC)


def plan(**changes: Any) -> Protocol:
    content = {
        "trial": "a-trial",
        "question": "Does it help?",
        "owner": "tests",
        "arms": [{"id": "control", "role": "control"}, {"id": "new"}],
        "primary": {
            "measure": "hours",
            "kind": "amount",
            "better": "lower",
            "baseline": 5,
            "worthwhile": 1,
            "bounds": [0, 60],
        },
        "monitoring": {"max_participants": 100},
        "order_by": ["entry_order"],
        "source": {"connector": "folder", "path": "in"},
    }
    return from_content({**content, **changes})


def judged(protocol: Protocol, text: str) -> Checked:
    delivery = to_delivery(protocol, text.encode(), source="hand", name="a.csv", sent_at=SENT)
    return check([delivery], {"a-trial": protocol}, {}, SENT)[key_of(delivery)]


def reasons(checked: Checked) -> dict[int, str]:
    return {row.row_no: row.reason for row in checked.rejected}


FIELDS = [
    {"name": "state", "one_of": ["al", "ak"]},
    {"name": "zip", "pattern": "[0-9]{5}"},
    {"name": "age", "between": [18, 110]},
    {"name": "case", "unique": True, "required": True},
]


def test_further_columns_are_checked_and_named() -> None:
    """Every fault of a row's further columns is said, a blank passes unless it is required, and good rows are accepted."""
    rows = ["P-1,control,1,3,al,12345,30,c1", "P-2,new,2,3,xl,1234,200,c2", "P-3,new,3,3,,,,", "P-4,new,4,3,ak,,,c9"]
    rows.append("P-5,control,5,3,ak,00000,18,c9")
    checked = judged(
        plan(data={"fields": FIELDS}),
        "participant_id,arm,entry_order,hours,state,zip,age,case\n" + "\n".join(rows) + "\n",
    )
    assert reasons(checked) == {
        2: "state is 'xl': must be one of al, ak; zip is '1234': must fit the plan's pattern [0-9]{5}; "
        "age is '200', out of range: must be a plain number from 18 to 110",
        3: "case is missing: must be given",
        4: "case is 'c9' in several rows: must be in one",
        5: "case is 'c9' in several rows: must be in one",
    }
    assert checked.warnings == ()


def test_required_columns_must_be_there_and_filled() -> None:
    """data.required, and a column that source.columns promises: without the column a refusal, with a blank cell a reason."""
    strict = plan(data={"required": ["observed_on", "hours"]})
    missing = judged(strict, "participant_id,arm,entry_order,hours\nP-1,new,1,3\n")
    assert "lacks the column observed_on" in str(missing.refusal)
    blank = judged(strict, "participant_id,arm,entry_order,hours,observed_on\nP-1,new,1,3,2024-01-01\nP-2,new,2,,NA\n")
    assert reasons(blank) == {2: "observed_on, hours is missing: must be given"}
    promised = plan(source={"connector": "folder", "path": "in", "columns": {"observed_on": "seen"}})
    refused = judged(promised, "participant_id,arm,entry_order,hours\nP-1,new,1,3\n")
    assert "lacks the column observed_on (in the source: seen)" in str(refused.refusal)


@pytest.mark.parametrize(("cell", "right"), [("0", True), ("-0.5", False), ("61", True), ("200", True), ("201", False)])
def test_an_amount_outside_what_it_can_be_is_set_aside(cell: str, right: bool) -> None:
    """`bounds` cap an amount later; `valid` says what can't be at all."""
    primary = {**plan().primary.model_dump(mode="json"), "valid": [0, 200]}
    checked = judged(plan(primary=primary), f"participant_id,arm,entry_order,hours\nP-1,new,1,{cell}\n")
    assert bool(checked.accepted) == right
    assert right or reasons(checked) == {1: f"hours is '{cell}', out of range: must be from 0 to 200"}


def test_an_id_must_fit_the_plans_pattern() -> None:
    """The whole id, in plain characters; the reason never holds it."""
    strict = plan(data={"id_pattern": "[A-E]-[0-9]{4}"})
    lines = [
        "A-0001,new,1,3",
        "A-001,new,2,3",
        "xA-0001,new,3,3",
        "A-\uff10\uff10\uff10\uff11,new,4,3",
        "a-0002,new,5,3",
    ]
    checked = judged(strict, "participant_id,arm,entry_order,hours\n" + "\n".join(lines) + "\n")
    misfit = "participant_id must fit the plan's pattern (data.id_pattern), and doesn't"
    wide = (
        "participant_id holds a look-alike of a plain character (a wide letter, another hyphen): must be typed plainly"
    )
    assert reasons(checked) == {2: misfit, 3: misfit, 4: wide}


@pytest.mark.parametrize(
    ("header", "last", "whole"),
    [
        ("participant_id,arm,entry_order,hours", "P-2,new,2,11", False),
        ("participant_id,arm,entry_order,hours", "P-2,new,2,", False),
        ("participant_id,hours,entry_order,arm", "P-2,11,2,new", True),
        ("participant_id,arm,hours,entry_order", "P-2,new,11,2", False),
        ("participant_id,arm,entry_order,hours,observed_on", "P-2,new,2,11,2024-01-05", True),
        ("participant_id,arm,entry_order,hours,observed_on", "P-2,new,2,11,", False),
        ("participant_id,arm,entry_order,hours,notes", "P-2,new,2,11,perhaps cut", True),
    ],
)
def test_a_last_cell_that_may_be_cut_off_is_never_believed(header: str, last: str, whole: bool) -> None:
    """Without a last line end a number could go on; a whole date, a word of the plan and what is not used can't mislead."""
    first = last.replace("P-2", "P-1").replace(",2", ",1", 1)
    for text, fine in ((f"{header}\n{first}\n{last}\n", True), (f"{header}\n{first}\n{last}", whole)):
        checked = judged(plan(), text)
        assert (2 not in reasons(checked)) == fine
    assert whole or "truncated" in reasons(checked)[2]


def test_many_rows_are_judged_as_few_are(monkeypatch: pytest.MonkeyPatch) -> None:
    """Each distinct combination of values once, or every row in one frame: the same reasons and counts to the last row."""
    cells = ["1", "x", "-3", "inf", "1,5", "", "NA", "7.25", "withdrawn", "250"]
    rows = [
        f"P-{number},{('control', 'new', 'odd')[number % 3]},{number},{cells[number % 10]}" for number in range(1, 200)
    ]
    text = "participant_id,arm,entry_order,hours\n" + "\n".join([*rows, rows[0], rows[4] + "0"]) + "\n"
    wide = judged(plan(), text)
    monkeypatch.setattr(engine, "_WIDE_ROWS", 0)
    narrow = judged(plan(), text)
    assert narrow == replace(wide)
    assert len(wide.rejected) > 100
    assert dict(wide.broken)["sent_once"] == 1


@pytest.mark.parametrize("odd", ["\uff21-0001", "A\u20100001", "A\u2013\u00300001", "\u212a-1", "A\ufe630001"])
def test_look_alikes_of_plain_characters_make_nobody_new(odd: str) -> None:
    """A wide letter, a hyphen of another kind or the Kelvin sign is set aside; an accented letter is a letter."""
    text = f"participant_id,arm,entry_order,hours\n{odd},new,1,3\nJos\u00e9-2,new,2,3\n"
    assert list(reasons(judged(plan(), text))) == [1]


@pytest.mark.parametrize(
    ("cell", "shown"),
    [
        ("1,5", "'1,5'"),
        ("5.4 h", "'5.4 h'"),
        ("lots", "'lots'"),
        ("Bartholomew Quizzleton", "a text of 22 characters"),
        ("ZQX-1001", "somebody's id or name"),
        ("zqx-1001 ", "somebody's id or name"),
        ("ann@example.org", "somebody's id or name"),
        ("see the notes of Tuesday", "a text of 24 characters"),
        ("QQ-77", "a text of 5 characters"),
    ],
)
def test_a_reason_repeats_no_text_that_may_name_somebody(cell: str, shown: str) -> None:
    """Reasons are stored and shown: numbers, dates and single words are repeated, ids, names and texts are not."""
    text = f'participant_id,arm,entry_order,hours\nZQX-1001,new,1,3\nP-2,new,2,"{cell}"\n'
    checked = judged(plan(), text)
    assert checked.refusal is None or "@" in cell
    assert checked.refusal is not None or reasons(checked)[2].startswith(f"hours is {shown}: must be")


def test_blanks_are_not_each_others_repeats() -> None:
    """Of a unique column that need not be filled any number may be blank; cells that say the same are each named."""
    rows = [
        "P-1,control,1,3,",
        "P-2,new,2,3,",
        "P-3,control,3,3,NA",
        "P-4,new,4,3,NA",
        "P-5,new,5,3,c1",
        "P-6,new,6,3,c1",
    ]
    checked = judged(
        plan(data={"fields": [{"name": "case", "unique": True}]}),
        "participant_id,arm,entry_order,hours,case\n" + "\n".join(rows) + "\n",
    )
    assert reasons(checked) == dict.fromkeys((5, 6), "case is 'c1' in several rows: must be in one")


@pytest.mark.parametrize(("arm", "whole"), [("new", False), ("newer", True), ("control", True)])
def test_a_word_that_begins_another_may_have_been_cut_off(arm: str, whole: bool) -> None:
    """A last cell "new" without a line end can be the rest of "newer": only a word that begins no other is believed."""
    arms = [{"id": "control", "role": "control"}, {"id": "new"}, {"id": "newer"}]
    checked = judged(
        plan(arms=arms, design="multi_arm"), f"participant_id,entry_order,hours,arm\nP-1,1,3,new\nP-2,2,3,{arm}"
    )
    assert (len(checked.accepted), 2 in reasons(checked)) == ((2, False) if whole else (1, True))


def test_a_row_sent_at_the_very_end_of_follow_up_counts() -> None:
    """Follow-up closes at midnight after its last day: what is sent then is in time, a day's difference is too early."""
    primary = {**plan().primary.model_dump(mode="json"), "follow_up": "28 days"}
    dated = plan(primary=primary, order_by=["enrolled_on", "entry_order"])
    text = "participant_id,arm,enrolled_on,entry_order,hours\nP-1,new,2024-04-02,1,3\nP-2,new,2024-04-03,2,3\n"
    assert dated.due_at(date(2024, 4, 2)) == SENT
    assert list(reasons(judged(dated, text))) == [2]


def test_a_lost_header_shows_nobody() -> None:
    """A first line that is somebody's row, whole or in part, is not repeated: neither in a refusal nor in a warning."""
    lost = judged(plan(), "P-4711,new,1,3\nP-4712,new,2,3\n")
    partly = judged(plan(), "participant_id,P-4711,entry_order,hours\nP-1,new,1,3\n")
    extra = judged(plan(), "participant_id,arm,entry_order,hours,P-4711,site_note\nP-1,new,1,3,x,y\n")
    assert "none of the plan's columns" in str(lost.refusal)
    assert "a name of 6 characters" in str(partly.refusal)
    assert extra.warnings == ("ignored extra columns: a name of 6 characters, site_note",)
    assert "4711" not in f"{lost}{partly}{extra.warnings}"
