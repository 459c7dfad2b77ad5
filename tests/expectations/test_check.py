"""expectations.check: every rule a row or a delivery must meet, through Great Expectations."""

from __future__ import annotations

import re
import subprocess
import sys
import threading
from collections.abc import Mapping
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from typing import Any

import pytest

from expectations import engine
from expectations.check import check, check_register, key_of
from trials.connectors.tabular import to_delivery
from trials.errors import UnknownTrialError
from trials.protocol import Protocol, from_content
from trials.records import Checked, Delivery, Enrolled, Register

AS_OF = datetime(2024, 7, 1, 12, tzinfo=UTC)
SENT = datetime(2024, 6, 30, tzinfo=UTC)
HEADER = "participant_id,site,arm,enrolled_on,entry_order,observed_on,reoffended"


def plan(trial: str = "a-trial", **changes: Any) -> Protocol:
    content = {
        "trial": trial,
        "question": "Does it help?",
        "owner": "Owner",
        "sites": [{"id": "A"}, {"id": "B"}],
        "arms": [{"id": "control", "role": "control"}, {"id": "treatment"}],
        "primary": {
            "measure": "reoffended",
            "kind": "binary",
            "better": "lower",
            "baseline": 0.3,
            "worthwhile": 0.1,
            "follow_up": "52 weeks",
        },
        "monitoring": {"max_participants": 100},
        "source": {"connector": "folder", "path": "in"},
    }
    return from_content({**content, **changes})


def amount(trial: str = "an-amount") -> Protocol:
    primary = {
        "measure": "earnings",
        "kind": "amount",
        "better": "higher",
        "baseline": 100,
        "worthwhile": 10,
        "bounds": [0, 500],
    }
    return plan(trial, primary=primary, order_by=["entry_order"], sites=[])


def send(protocol: Protocol, *lines: str, header: str = HEADER, name: str = "a.csv") -> Delivery:
    data = "\n".join((header, *lines, "")).encode()
    return to_delivery(protocol, data, source="hand", name=name, sent_at=SENT)


def judge(protocol: Protocol, delivery: Delivery, register: Mapping[str, Enrolled] | None = None) -> Checked:
    found = check([delivery], {protocol.trial: protocol}, {protocol.trial: register or {}}, AS_OF)
    return found[key_of(delivery)]


def reasons(checked: Checked) -> dict[int, str]:
    return {rejection.row_no: rejection.reason for rejection in checked.rejected}


def known(participant_id: str, **changes: Any) -> dict[str, Enrolled]:
    facts = {"site": "A", "arm": "control", "enrolled_on": date(2023, 5, 1), "entry_order": 1}
    return {participant_id: Enrolled(participant_id, **{**facts, **changes})}


GOOD = "P-1,A,control,2023-05-01,1,2024-05-01,1"


def test_good_rows_are_accepted_typed() -> None:
    """A row that meets every rule is accepted as typed values, with nothing to report."""
    checked = judge(plan(), send(plan(), GOOD, "P-2,B,treatment,2023-05-02,2,,"))
    assert (checked.action, checked.warnings, checked.rejected) == ("accept", (), ())
    first, second = checked.accepted
    assert (first.row_no, first.participant_id, first.site, first.arm) == (1, "P-1", "A", "control")
    assert (first.enrolled_on, first.entry_order, first.observed_on, first.value) == (
        date(2023, 5, 1),
        1,
        date(2024, 5, 1),
        1.0,
    )
    assert (second.observed_on, second.value) == (None, None)


@pytest.mark.parametrize(
    ("line", "reason"),
    [
        (",A,control,2023-05-01,1,,1", "participant_id is missing: must be given"),
        ("NA,A,control,2023-05-01,1,,1", "participant_id is missing: must be given"),
        ("=P-1,A,control,2023-05-01,1,,1", "participant_id starts with '=': must start with a letter or a digit"),
        (f"{'P' * 101},A,control,2023-05-01,1,,1", "participant_id has 101 characters: must have at most 100"),
        ("P-1,A,placebo,2023-05-01,1,,1", "arm is 'placebo': must be one of control, treatment"),
        ("P-1,A,,2023-05-01,1,,1", "arm is blank: must be one of control, treatment"),
        ("P-1,C,control,2023-05-01,1,,1", "site is 'C': must be one of A, B"),
        ("P-1,,control,2023-05-01,1,,1", "site is blank: must be one of A, B"),
        ("P-1,A,control,,1,,1", "enrolled_on is blank: must be a date written YYYY-MM-DD"),
        ("P-1,A,control,01/05/2023,1,,1", "enrolled_on is '01/05/2023': must be a date written YYYY-MM-DD"),
        ("P-1,A,control,2023-02-30,1,,1", "enrolled_on is '2023-02-30': must be a date written YYYY-MM-DD"),
        ("P-1,A,control,45000,1,,1", "enrolled_on is '45000': must be a date written YYYY-MM-DD"),
        (
            "P-1,A,control,2024-07-03,1,,1",
            "enrolled_on is '2024-07-03', in the future: must be at most a day after 2024-07-01",
        ),
        (
            "P-1,A,control,2024-07-02,1,,1",
            "reoffended was sent before the follow-up closed: must be sent after 2025-07-01, and left blank until then",
        ),
        (
            "P-1,A,control,2023-05-01,1,2024-07-02,1",
            "observed_on is '2024-07-02', in the future: must not be after 2024-07-01",
        ),
        ("P-1,A,control,2023-05-01,,,1", "entry_order is blank: must be a whole number from 1 to 999999999"),
        ("P-1,A,control,2023-05-01,0,,1", "entry_order is '0': must be a whole number from 1 to 999999999"),
        ("P-1,A,control,2023-05-01,1.0,,1", "entry_order is '1.0': must be a whole number from 1 to 999999999"),
        (
            "P-1,A,control,2023-05-01,1,soon,1",
            "observed_on is 'soon': must be a date written YYYY-MM-DD, or blank",
        ),
        (
            "P-1,A,control,2023-05-01,1,2023-04-30,1",
            "observed_on is '2023-04-30', before enrolled_on (2023-05-01): must not be before it",
        ),
        (
            "P-1,A,control,2023-05-01,1,2042-05-01,1",
            "observed_on is '2042-05-01', in the future: must not be after 2024-07-01",
        ),
        ("P-1,A,control,2023-05-01,1,,2", "reoffended is '2', out of range: must be 0 or 1"),
        ("P-1,A,control,2023-05-01,1,,1.0", "reoffended is '1.0', out of range: must be 0 or 1"),
        ("P-1,A,control,2023-05-01,1,,yes", "reoffended is 'yes', out of range: must be 0 or 1"),
        (
            "P-1,A,control",
            "the row has more or fewer fields than the header has columns (malformed): must have one field per column",
        ),
    ],
)
def test_bad_row_is_set_aside_with_its_reason(line: str, reason: str) -> None:
    """A row that breaks one rule is quarantined with that rule and its cell; the good row beside it is accepted."""
    checked = judge(plan(), send(plan(), "P-9,B,treatment,2023-05-09,9,,0", line))
    assert reasons(checked) == {2: reason}
    assert [record.participant_id for record in checked.accepted] == ["P-9"]


@pytest.mark.parametrize(
    ("cell", "said"),
    [
        ("Pemberton", "a word of 9 letters"),
        ("Ann", "a word of 3 letters"),
        ("4857773456", "a number of 10 digits"),
        ("9434765078", "a number of 10 digits"),
        ("485.777.3456", "a number of 10 digits"),
        ("19700412", "a date of long ago"),
        ("1970-04-12", "a date of long ago"),
        ("12/04/70 00:00", "a date of long ago"),
        ("12.04.1970", "a date of long ago"),
        ("20230501", "'20230501'"),
        ("2023-05-01 09:30", "'2023-05-01 09:30'"),
        ("1234567", "'1234567'"),
        ("0.123456789", "'0.123456789'"),
        ("Contrl", "'Contrl'"),
        ("treatment", "'treatment'"),
    ],
)
def test_what_may_be_somebody_is_not_repeated_from_a_wrong_column(cell: str, said: str) -> None:
    """Sentences outlive the key that the row itself is sealed with: a name, a long number, a birthday are described; a slip of
    the keyboard, a number and a day of the trial are shown."""
    checked = judge(plan(), send(plan(), f"P-1,A,{cell},2023-05-01,{cell},,1"))
    if cell != "treatment":
        assert reasons(checked)[1].startswith(f"arm is {said}: must be one of control, treatment")
    assert re.search(rf"entry_order is {re.escape(said)}(: must be a whole number|, far beyond)", reasons(checked)[1])


def test_every_broken_rule_is_named_in_order() -> None:
    """A row that breaks several rules names each of them, in the suite's order."""
    checked = judge(plan(), send(plan(), "P-1,C,placebo,2023-05-01,1,,7"))
    assert reasons(checked)[1].split("; ") == [
        "arm is 'placebo': must be one of control, treatment",
        "site is 'C': must be one of A, B",
        "reoffended is '7', out of range: must be 0 or 1",
    ]


@pytest.mark.parametrize(
    ("cell", "value"),
    [("12.5", 12.5), ("-3", -3.0), ("1e3", 1000.0), (".5", 0.5), ("900", 900.0), ("", None), ("N/A", None)],
)
def test_amounts_are_plain_numbers(cell: str, value: float | None) -> None:
    """An amount is any plain finite number, also outside the plan's bounds; a missing-value word is not known yet."""
    protocol = amount()
    delivery = send(protocol, f"P-1,control,1,{cell}", header="participant_id,arm,entry_order,earnings")
    checked = judge(protocol, delivery)
    assert checked.rejected == ()
    assert checked.accepted[0].value == value
    assert checked.accepted[0].site == ""
    assert checked.accepted[0].enrolled_on is None


@pytest.mark.parametrize(
    "cell", ["'1,234.5'", "12 h", "£5", "inf", "-Infinity", "1e999", "1_000", "١٢", "0x10", "12,5"]
)
def test_amounts_are_never_guessed(cell: str) -> None:
    """Separators, units, infinities and numbers too large for a float are set aside."""
    protocol = amount()
    cell = cell.strip("'")
    delivery = send(protocol, f'P-1,control,1,"{cell}"', header="participant_id,arm,entry_order,earnings")
    assert "must be a plain finite number" in reasons(judge(protocol, delivery))[1]
    assert reasons(judge(protocol, delivery))[1].count("must be") == 1


def test_an_outcome_is_taken_back_by_word_only() -> None:
    """The word "withdrawn", in any case, takes an outcome back; a blank says nothing."""
    checked = judge(plan(), send(plan(), "P-1,A,control,2023-05-01,1,,Withdrawn", "P-2,A,control,2023-05-01,2,,"))
    assert [(record.value, record.withdrawn) for record in checked.accepted] == [(None, True), (None, False)]


def test_an_outcome_sent_before_its_follow_up_closed_is_set_aside() -> None:
    """A "nothing yet" is no outcome: the row says from which day it may be sent; a blank may be sent at any time."""
    early = [
        line.replace("2023-05-0", "2024-01-0")
        for line in ("P-1,A,control,2023-05-01,1,,0", "P-2,A,control,2023-05-02,2,,")
    ]
    checked = judge(plan(), send(plan(), *early))
    assert [record.row_no for record in checked.accepted] == [2]
    assert reasons(checked) == {
        1: "reoffended was sent before the follow-up closed: must be sent after 2024-12-30, and left blank until then"
    }


def test_a_number_far_beyond_the_planned_people_is_a_slip() -> None:
    """An allocation number above twice the planned people would leave holes that the evidence waits for."""
    checked = judge(plan(), send(plan(), "P-1,A,control,2023-05-01,200,,0", "P-2,A,control,2023-05-01,201,,0"))
    assert [record.row_no for record in checked.accepted] == [1]
    assert "far beyond the planned people: must be at most 200" in reasons(checked)[2]


def test_exact_repeat_keeps_the_first() -> None:
    """Of rows that repeat each other exactly the first is accepted and the others are quarantined."""
    checked = judge(plan(), send(plan(), GOOD, "P-2,A,control,2023-05-01,2,,0", GOOD, " " + GOOD))
    assert [record.row_no for record in checked.accepted] == [1, 2]
    assert reasons(checked) == dict.fromkeys((3, 4), "duplicate: an exact repeat of row 1, must be sent once")


def test_conflicting_rows_are_all_set_aside() -> None:
    """Of rows that differ about one participant none is taken; ids that differ in letter case alone are one."""
    checked = judge(plan(), send(plan(), GOOD, GOOD[:-1] + "0", "Q-2,A,control,2023-05-01,2,,0", "q-2" + GOOD[3:]))
    assert checked.accepted == ()
    assert "stands in rows 1, 2 with different values" in reasons(checked)[1]
    assert "stands in rows 3, 4 with different values" in reasons(checked)[4]


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ({"arm": "treatment"}, "arm is 'control': must be as registered, 'treatment'"),
        ({"site": "B"}, "site is 'A': must be as registered, 'B'"),
        ({"enrolled_on": date(2023, 5, 2)}, "enrolled_on is '2023-05-01': must be as registered, 2023-05-02"),
        ({"entry_order": 7}, "entry_order is '1': must be as registered, 7"),
    ],
)
def test_row_must_agree_with_the_register(changes: dict[str, Any], reason: str) -> None:
    """What is registered about a participant can't be changed by a delivery."""
    assert reasons(judge(plan(), send(plan(), GOOD), known("P-1", **changes))) == {1: reason}


def test_blank_cells_take_what_is_registered() -> None:
    """A blank optional cell says nothing against the register, and the accepted row carries what is registered."""
    protocol = plan(order_by=["entry_order"], sites=[])
    delivery = send(protocol, "P-1,control,1,1", header="participant_id,arm,entry_order,reoffended")
    (record,) = judge(protocol, delivery, known("P-1")).accepted
    assert (record.site, record.enrolled_on) == ("A", date(2023, 5, 1))


def test_entry_order_belongs_to_one_participant() -> None:
    """An entry_order that is registered for somebody else, or claimed by two newcomers, is taken for neither."""
    lines = ("P-2,A,control,2023-05-01,1,,0", "P-3,A,control,2023-05-01,3,,0", "P-4,A,control,2023-05-01,3,,0")
    checked = judge(plan(), send(plan(), *lines), known("P-1"))
    assert sorted(reasons(checked)) == [1, 2, 3]
    assert "which another participant has too" in reasons(checked)[1]


def test_entry_order_of_a_newcomer_stands_against_a_wrong_claim() -> None:
    """A known participant's wrong entry_order does not take a newcomer's right one down with it."""
    lines = ("P-1,A,control,2023-05-01,9,,0", "P-9,A,control,2023-05-01,9,,0")
    checked = judge(plan(), send(plan(), *lines), known("P-1"))
    assert [record.participant_id for record in checked.accepted] == ["P-9"]
    assert "must be as registered, 1" in reasons(checked)[1]


def test_lossless_repairs_are_warnings() -> None:
    """Padding, letter case, missing-value words and extra columns are repaired or ignored, and reported."""
    delivery = send(
        plan(),
        "p-1,a,\u00a0Control ,2023-05-01,1,,NA,x",
        header=HEADER + ",caseworker",
    )
    checked = judge(plan(), delivery, known("P-1"))
    assert checked.action == "accept_with_warning"
    (record,) = checked.accepted
    assert (record.participant_id, record.site, record.arm, record.value) == ("P-1", "A", "control", None)
    assert checked.warnings == (
        "trimmed white space around arm (1 row)",
        "set the letter case of participant_id (1 row), arm (1 row), site (1 row) as planned or registered",
        "read missing-value words as not known yet: reoffended (1 row)",
        "ignored extra column: caseworker",
    )


def test_letter_case_is_not_guessed() -> None:
    """Letter case is repaired only where one registered spelling fits: with two, the id is a newcomer's."""
    register = known("AB") | known("ab", entry_order=2)
    checked = judge(plan(), send(plan(), "Ab,A,control,2023-05-01,3,,0"), register)
    assert [record.participant_id for record in checked.accepted] == ["Ab"]


@pytest.mark.parametrize(
    ("header", "words"),
    [
        ("participant_id,site,enrolled_on,entry_order,reoffended", "the header lacks the column arm"),
        ("participant_id,site,arm,enrolled_on,entry_order", "the header lacks the column reoffended"),
        ("participant_id,site,arm,entry_order,reoffended", "the header lacks the column enrolled_on"),
        ("participant_id,arm,enrolled_on,entry_order,reoffended", "the header lacks the column site"),
        (HEADER, "no rows below the header"),
        ("participant_id;arm", "semicolons"),
    ],
)
def test_unfit_delivery_is_refused_whole(header: str, words: str) -> None:
    """A missing column, no rows, or bytes that could not be read refuse the delivery with one sentence naming it."""
    checked = judge(plan(), send(plan(), header=header, name="week-9.csv"))
    assert checked.action == "reject_batch"
    assert (checked.accepted, checked.rejected) == ((), ())
    assert checked.refusal is not None
    assert checked.refusal.startswith("week-9.csv: ")
    assert words in checked.refusal


def test_reasons_and_results_hold_no_id() -> None:
    """No reason shows a participant's id, not even when it stands in another column's cell."""
    checked = judge(plan(), send(plan(), "P-77,A,P-77,2023-05-01,1,,1", "P-77,A,control,2023-05-01,2,,1"))
    assert all("P-77" not in reason for reason in reasons(checked).values())
    assert "arm is somebody's id or name" in reasons(checked)[1]


def test_quarantined_row_is_kept_as_sent() -> None:
    """A quarantined row keeps every cell as it was sent, padding and extra columns included."""
    checked = judge(plan(), send(plan(), "P-1, A,x,2023-05-01,1,,1,=cmd", header=HEADER + ",notes"))
    assert checked.rejected[0].cells["site"] == " A"
    assert checked.rejected[0].cells["notes"] == "=cmd"


def test_kinds_and_trials_share_batches_without_mixing() -> None:
    """Deliveries of several trials and kinds in one call each get their own verdicts, one bad delivery fails alone."""
    plans = {one.trial: one for one in (plan("t-1"), plan("t-2"), plan("t-3"), amount())}
    sent = [
        send(plans["t-1"], GOOD),
        send(plans["t-2"], GOOD, "P-2,A,x,2023-05-01,2,,0"),
        send(plans["t-3"], header="participant_id"),
        send(plans["an-amount"], "P-1,control,1,5", header="participant_id,arm,entry_order,earnings"),
    ]
    found = check(sent, plans, {}, AS_OF)
    actions = [found[key_of(one)].action for one in sent]
    assert actions == ["accept", "quarantine_rows", "reject_batch", "accept"]


def test_later_delivery_sees_the_earlier_one() -> None:
    """Of two deliveries of one trial in one call the second is held against those whom the first enrolled."""
    protocol = plan()
    second = send(protocol, GOOD.replace("control", "treatment"))
    found = check([send(protocol, GOOD), second, second], {"a-trial": protocol}, {}, AS_OF)
    assert len(found) == 2
    assert reasons(found[key_of(second)]) == {1: "arm is 'treatment': must be as registered, 'control'"}


def test_the_same_bytes_under_another_date_are_judged_again() -> None:
    """A row without a number waits until a delivery in between numbered its person; the same bytes of the same date are one."""
    protocol = plan()
    first = send(protocol, "P-1,A,control,2023-05-01,,,1")
    between, again = send(protocol, GOOD), replace(first, sent_at=SENT + timedelta(hours=1))
    found = check([first, first, between, again], {"a-trial": protocol}, {}, AS_OF)
    assert [found[key_of(one)].action for one in (first, between, again)] == ["quarantine_rows", "accept", "accept"]
    assert len(found) == 3


def test_a_site_ahead_of_utc_tells_of_its_own_day() -> None:
    """Who joined on the day after the UTC day of the check is taken, also in a list of people; of the day after that nobody."""
    lines = ("P-1,A,control,2024-07-02,1,,", "P-2,B,treatment,2024-07-03,2,,")
    checked = judge(plan(), send(plan(), *lines))
    assert [one.enrolled_on for one in checked.accepted] == [date(2024, 7, 2)]
    assert list(reasons(checked)) == [2]
    for day, enrolled in (("2024-07-02", 1), ("2024-07-03", 0)):
        listed = send(plan(), f"P-1,A,control,{day}", header="participant_id,site,arm,enrolled_on")
        assert len(check_register(listed, plan(), Register(), AS_OF).accepted) == enrolled


def test_unknown_trial_is_refused() -> None:
    """A delivery for a trial without a protocol raises before anything is checked."""
    with pytest.raises(UnknownTrialError, match="a-trial"):
        check([send(plan(), GOOD)], {}, {}, AS_OF)


def test_no_deliveries_is_nothing() -> None:
    """Checking nothing gives nothing."""
    assert check([], {"a-trial": plan()}, {}, AS_OF) == {}


def test_metric_error_fails_closed(monkeypatch: pytest.MonkeyPatch) -> None:
    """A check that can't be evaluated refuses the delivery: a suite over a column that isn't there accepts nothing."""
    lost = {"type": "expect_column_values_to_be_null", "kwargs": {"column": "nowhere"}, "meta": {"rule": "lost"}}
    right = engine.load("binary")
    broken = engine.Suite("binary", (*right.expectations, lost))
    structure = engine.load("structure")
    monkeypatch.setattr(engine, "load", lambda name: {"binary": broken, "structure": structure}[name])
    checked = judge(plan(), send(plan(), GOOD))
    assert checked.action == "reject_batch"
    assert checked.refusal is not None
    assert "could not be checked" in checked.refusal


def test_kind_without_a_suite_fails_closed() -> None:
    """An outcome kind without a suite is refused, and other kinds in the same call are not."""
    odd = plan("odd", primary=plan().primary.model_dump() | {"kind": "colour"})
    good = plan("good")
    sent = [send(odd, GOOD), send(good, GOOD)]
    found = check(sent, {"odd": odd, "good": good}, {}, AS_OF)
    refusal = found[key_of(sent[0])].refusal
    assert refusal is not None
    assert "suites/colour.json" in refusal
    assert found[key_of(sent[1])].action == "accept"


def test_threads_do_not_mix_batches() -> None:
    """Checks that run at the same time in several threads each get their own rows back."""
    wrong: list[str] = []

    def work(number: int) -> None:
        protocol = plan(f"thread-{number}")
        lines = [f"T{number}-{row},A,control,2023-05-01,{row},,{number % 2}" for row in range(1, number + 3)]
        for _ in range(3):
            accepted = judge(protocol, send(protocol, *lines)).accepted
            ids = [record.participant_id for record in accepted]
            if ids != [line.split(",")[0] for line in lines]:
                wrong.append(f"thread {number}: {ids}")

    threads = [threading.Thread(target=work, args=(number,)) for number in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert wrong == []


def test_checking_prints_nothing(capfd: pytest.CaptureFixture[str]) -> None:
    """A check prints no progress bar and no other line."""
    judge(plan(), send(plan(), GOOD))
    captured = capfd.readouterr()
    assert (captured.out, captured.err) == ("", "")


def test_importing_loads_nothing_heavy() -> None:
    """Importing check and health loads neither Great Expectations nor pandas, which cost seconds."""
    code = (
        "import sys, expectations.check, expectations.health; "
        "print([name for name in ('great_expectations', 'pandas') if name in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"
