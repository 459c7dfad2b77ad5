"""Values with companions, scores, and guardrails: what a row may say of each measure, through Great Expectations."""

from __future__ import annotations

import itertools
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

import pytest

from expectations import engine
from expectations.check import check, key_of
from expectations.measures import facts_of
from trials.connectors.tabular import to_delivery
from trials.errors import DataError
from trials.outcomes import KINDS, kind_named
from trials.protocol import Protocol, from_content
from trials.records import Checked, Delivery, Measured

AS_OF = datetime(2024, 7, 1, 12, tzinfo=UTC)
SENT = datetime(2024, 6, 30, tzinfo=UTC)
WHO = "participant_id,arm,entry_order"
COUNT = {"measure": "missed", "kind": "count", "bounds": [0, 12], "exposure": "weeks", "baseline": 2, "worthwhile": 0.5}
TIME = {"measure": "days", "kind": "time_to_event", "event": "relapsed", "baseline": 0.4, "worthwhile": 0.3}
SCORE = {"measure": "mood", "kind": "score", "bounds": [0, 63], "baseline": 30, "worthwhile": 5}
HURT = {"measure": "hurt", "kind": "binary", "better": "lower", "margin": 0.05, "baseline": 0.1}
FALLS = {"measure": "falls", "kind": "count", "better": "lower", "margin": 1, "bounds": [0, 9], "exposure": "weeks"}
PAIN = {"measure": "pain", "kind": "score", "better": "lower", "margin": 1, "bounds": [0, 10]}


def plan(primary: Mapping[str, Any], *guardrails: Mapping[str, Any], **changes: Any) -> Protocol:
    content = {
        "trial": "a-trial",
        "question": "Does it help?",
        "owner": "Owner",
        "arms": [{"id": "usual", "role": "control"}, {"id": "new"}],
        "primary": {"better": "lower", **primary},
        "guardrails": list(guardrails),
        "monitoring": {"max_participants": 100},
        "order_by": ["entry_order"],
        "source": {"connector": "folder", "path": "in"},
    }
    return from_content({**content, **changes})


def send(protocol: Protocol, columns: str, *cells: str, who: str = WHO) -> Delivery:
    """People 1, 2, 3, ... with these cells in these columns."""
    lines = [f"P-{number},usual,{number},{said}" for number, said in enumerate(cells, start=1)]
    data = "\n".join((f"{who},{columns}", *lines, "")).encode()
    return to_delivery(protocol, data, source="hand", name="a.csv", sent_at=SENT)


def judge(protocol: Protocol, delivery: Delivery) -> Checked:
    found = check([delivery], {protocol.trial: protocol}, {}, AS_OF)
    return found[key_of(delivery)]


def reasons(checked: Checked) -> dict[int, str]:
    return {rejection.row_no: rejection.reason for rejection in checked.rejected}


@pytest.mark.parametrize(
    ("primary", "columns", "cells", "values"),
    [
        (COUNT, "missed,weeks", ["0,4", "12,.5", ",", "NA,-", "withdrawn,"], [(0, 4), (12, 0.5), None, None, "back"]),
        (TIME, "days,relapsed", ["3,1", "364.5,0", ",", "Withdrawn,1"], [(3, 1), (364.5, 0), None, "back"]),
        (SCORE, "mood", ["0", "63", "12.5", "", "withdrawn"], [(0, None), (63, None), (12.5, None), None, "back"]),
    ],
)
def test_good_rows_are_accepted_typed(primary: Any, columns: str, cells: list[str], values: list[Any]) -> None:
    """Value and companion become numbers; blanks say nothing; "withdrawn" takes back, whatever stands beside it."""
    protocol = plan(primary)
    checked = judge(protocol, send(protocol, columns, *cells))
    assert checked.rejected == ()
    said = [
        "back" if one.withdrawn else None if one.value is None else (one.value, one.companion)
        for one in checked.accepted
    ]
    assert said == values


WHOLE = "must be a whole number, 0 or more"
ABOVE = "must be a plain finite number above 0, as nothing can be counted in no time"
AT_RISK = "must be a plain finite number above 0, a time at risk"
ENDS = "must be a plain number from 0 to 63, the ends of its scale"


BAD = {
    "missed,weeks": {
        "-1,4": f"missed is '-1': {WHOLE}",
        "1.5,4": f"missed is '1.5': {WHOLE}",
        "many,4": f"missed is 'many': {WHOLE}",
        "2,0": f"weeks is '0': {ABOVE}",
        "2,-3": f"weeks is '-3': {ABOVE}",
        "2,1e999": f"weeks is '1e999': {ABOVE}",
        "2,inf": f"weeks is 'inf': {ABOVE}",
        "2,4 weeks": f"weeks is '4 weeks': {ABOVE}",
        "2,": "weeks is blank: must be given beside missed",
        ",4": "weeks is given without missed: must stand beside it, or both be left blank",
    },
    "days,relapsed": {
        "0,1": f"days is '0': {AT_RISK}",
        "-3,1": f"days is '-3': {AT_RISK}",
        "inf,1": f"days is 'inf': {AT_RISK}",
        "3 d,1": f"days is '3 d': {AT_RISK}",
        "3,yes": "relapsed is 'yes': must be 0 or 1",
        "3,1.0": "relapsed is '1.0': must be 0 or 1",
        "3,NA": "relapsed is blank: must be given beside days",
        ",0": "relapsed is given without days: must stand beside it, or both be left blank",
    },
    "mood": {
        "-0.5": f"mood is '-0.5': {ENDS}",
        "63.1": f"mood is '63.1': {ENDS}",
        "1e999": f"mood is '1e999': {ENDS}",
        "12/63": f"mood is '12/63': {ENDS}",
    },
}


@pytest.mark.parametrize(
    ("primary", "columns", "good"),
    [(COUNT, "missed,weeks", "1,1"), (TIME, "days,relapsed", "1,1"), (SCORE, "mood", "1")],
)
def test_bad_values_are_set_aside_with_their_reason(primary: Any, columns: str, good: str) -> None:
    """A value or a companion that means nothing, or stands alone, quarantines its row and names its column alone."""
    protocol = plan(primary)
    checked = judge(protocol, send(protocol, columns, good, *BAD[columns]))
    assert reasons(checked) == dict(enumerate(BAD[columns].values(), start=2))
    assert [record.row_no for record in checked.accepted] == [1]


def test_a_companions_column_must_be_there() -> None:
    """A file without the exposure of its count, or the event of its times, is refused as one without the measure is."""
    for primary, column, lacking in (
        (COUNT, "missed", "weeks"),
        (TIME, "relapsed", "days"),
        (TIME, "days", "relapsed"),
    ):
        checked = judge(plan(primary), send(plan(primary), column, "1"))
        assert checked.action == "reject_batch"
        assert f"the header lacks the column {lacking}" in str(checked.refusal)


def test_companions_and_guardrails_are_mapped_as_the_measure_is() -> None:
    """`source.columns` finds them under the source's own names."""
    source = {"connector": "folder", "path": "in", "columns": {"missed": "dna", "weeks": "wks", "hurt": "injured"}}
    protocol = plan(COUNT, HURT, source=source)
    (record,) = judge(protocol, send(protocol, "dna,wks,injured", "2,4,1")).accepted
    assert (record.value, record.companion, record.guardrails) == (2.0, 4.0, (Measured("hurt", 1.0),))


def test_guardrails_are_read_beside_the_primary_measure() -> None:
    """Each guardrail that a row says something of comes typed, in the plan's order; what is blank is not known yet."""
    protocol = plan(COUNT, HURT, FALLS, PAIN)
    checked = judge(
        protocol,
        send(protocol, "missed,weeks,pain,hurt,falls", "2,4,3,0,1", ",,,1,", "1,2,,,", ",,,withdrawn,withdrawn"),
    )
    assert (checked.action, checked.warnings) == ("accept", ())
    assert [record.guardrails for record in checked.accepted] == [
        (Measured("hurt", 0.0), Measured("falls", 1.0, 4.0), Measured("pain", 3.0)),
        (Measured("hurt", 1.0),),
        (),
        (Measured("hurt", None, withdrawn=True), Measured("falls", None, withdrawn=True)),
    ]


def test_a_bad_guardrail_value_sets_its_row_aside() -> None:
    """By its own kind's suite, with the guardrail's name; what is wrong with the primary measure is named first."""
    bad = {
        "2,4,7,,": "hurt is '7', out of range: must be 0 or 1",
        "2,4,,x,": f"falls is 'x': {WHOLE}",
        ",,,1,": "weeks is blank: must be given beside falls",
        "2,4,,,11": "pain is '11': must be a plain number from 0 to 10, the ends of its scale",
        "9.5,4,2,,": f"missed is '9.5': {WHOLE}; hurt is '2', out of range: must be 0 or 1",
    }
    protocol = plan(COUNT, HURT, FALLS, PAIN)
    checked = judge(protocol, send(protocol, "missed,weeks,hurt,falls,pain", "1,1,0,0,0", *bad))
    assert reasons(checked) == dict(enumerate(bad.values(), start=2))


def test_a_shared_exposure_may_stand_beside_either_count() -> None:
    """A column that two counts share is no orphan while one of them has a value, and one when neither has."""
    protocol = plan(COUNT, FALLS)
    checked = judge(protocol, send(protocol, "missed,weeks,falls", "1,4,", ",4,2", ",4,"))
    assert [record.row_no for record in checked.accepted] == [1, 2]
    assert reasons(checked)[3].startswith("weeks is given without missed: must stand beside it")


def test_guardrails_without_columns_are_a_warning() -> None:
    """A file that says nothing of a guardrail is taken in and says so once; half of a guardrail's columns is none."""
    protocol = plan(SCORE, HURT, FALLS)
    none = judge(protocol, send(protocol, "mood", "3", "4"))
    assert none.action == "accept_with_warning"
    assert none.warnings == ("nothing said of the guardrails hurt, falls: no columns hurt, falls, weeks in the header",)
    half = judge(protocol, send(protocol, "mood,hurt,falls", "3,1,2"))
    assert half.warnings == ("nothing said of the guardrail falls: no column weeks in the header",)
    assert half.accepted[0].guardrails == (Measured("hurt", 1.0),)


def test_a_guardrail_sent_before_the_follow_up_closed_is_set_aside() -> None:
    """A harm that has not happened yet is no outcome either: the row says from which day it may be sent."""
    dated = {"order_by": ["enrolled_on", "entry_order"], "sites": []}
    protocol = plan({**SCORE, "follow_up": "28 days"}, HURT, **dated)
    header = "participant_id,arm,entry_order,enrolled_on,mood,hurt"
    lines = ["P-1,usual,1,2024-06-20,,0", "P-2,usual,2,2024-06-20,,", "P-3,usual,3,2024-05-01,4,0"]
    data = "\n".join((header, *lines, "")).encode()
    checked = judge(protocol, to_delivery(protocol, data, source="hand", name="a.csv", sent_at=SENT))
    assert reasons(checked) == {
        1: "hurt was sent before the follow-up closed: must be sent after 2024-07-18, and left blank until then"
    }


def test_rows_that_differ_in_a_guardrail_alone_conflict() -> None:
    """Repeats are exact only if companions and guardrails are repeated too."""
    protocol = plan(COUNT, HURT)
    lines = [
        "P-1,usual,1,2,4,0",
        "P-1,usual,1,2,4,0",
        "P-2,usual,2,2,4,0",
        "P-2,usual,2,2,4,1",
        "P-3,usual,3,2,4,",
        "P-3,usual,3,2,5,",
    ]
    data = "\n".join((f"{WHO},missed,weeks,hurt", *lines, "")).encode()
    checked = judge(protocol, to_delivery(protocol, data, source="hand", name="a.csv", sent_at=SENT))
    assert [record.row_no for record in checked.accepted] == [1]
    found = reasons(checked)
    assert found[2].startswith("duplicate: an exact repeat of row 1")
    assert "stands in rows 3, 4 with different values" in found[4]
    assert "stands in rows 5, 6 with different values" in found[5]


def test_kinds_and_guardrails_of_several_trials_share_batches(monkeypatch: pytest.MonkeyPatch) -> None:
    """One combined batch a kind for rows and one for guardrails, however many deliveries; each gets its own verdicts."""
    plans = {
        name: plan(primary, *guardrails, trial=name)
        for name, primary, guardrails in (("t-1", COUNT, (HURT, PAIN)), ("t-2", SCORE, (FALLS,)), ("t-3", COUNT, ()))
    }
    sent = [
        send(plans["t-1"], "missed,weeks,hurt,pain", "1,1,0,3", "1,1,5,"),
        send(plans["t-2"], "mood,falls,weeks", "3,1,1", "3,,"),
        send(plans["t-3"], "missed,weeks", "1,1"),
    ]
    asked: list[tuple[str, int]] = []
    sound = engine.judge

    def counted(suite: engine.Suite, columns: Any, rows: int) -> Any:
        asked.append((suite.name, rows))
        return sound(suite, columns, rows)

    monkeypatch.setattr(engine, "judge", counted)
    found = check(sent, plans, {}, AS_OF)
    assert sorted(asked) == [("binary", 2), ("count", 1), ("count", 3), ("score", 1), ("score", 2), ("structure", 3)]
    assert [len(found[key_of(one)].rejected) for one in sent] == [1, 0, 0]


def test_a_guardrail_that_cannot_be_checked_fails_closed(monkeypatch: pytest.MonkeyPatch) -> None:
    """When a guardrail's suite can't be evaluated nothing of its delivery is accepted, and others are not held up."""
    right = engine.load_measure
    lost = {"type": "expect_column_values_to_be_null", "kwargs": {"column": "nowhere"}, "meta": {"rule": "lost"}}

    def broken(name: str) -> engine.Suite:
        suite = right(name)
        return engine.Suite(name, (*suite.expectations, lost)) if name == "binary" else suite

    monkeypatch.setattr(engine, "load_measure", broken)
    plans = {"t-1": plan(COUNT, HURT, trial="t-1"), "t-2": plan(COUNT, trial="t-2")}
    sent = [send(plans["t-1"], "missed,weeks,hurt", "1,1,0"), send(plans["t-2"], "missed,weeks", "1,1")]
    first, second = (check(sent, plans, {}, AS_OF)[key_of(one)] for one in sent)
    assert (first.unjudged, first.accepted) == (True, ())
    assert second.action == "accept"


ODD_CELLS = (
    *(
        "0",
        "1",
        "2",
        "0.0",
        "1.0",
        "0.5",
        "-0",
        "-1",
        "63",
        "1e2",
        "1e400",
        "-1e400",
        "1e-400",
        "inf",
        "nan",
        "+3",
        "5.",
    ),
    *("", " ", "NA", "-", ".", "1,0", "1_0", "0x1", "\u0661", "\u00b2", "withdrawn", "9" * 400, "1e", "\t7 "),
)


def test_what_the_checks_accept_the_kinds_take() -> None:
    """Of every pair of odd cells, what was accepted as a value is what its kind turns into a unit without complaint."""
    pairs = list(itertools.product(ODD_CELLS, ODD_CELLS))
    for primary in (kind.example for kind in KINDS):
        protocol = plan(primary.model_dump(mode="json"), monitoring={"max_participants": len(pairs)})
        columns = [name for name in (primary.measure, primary.companion) if name]
        quoted = [",".join(f'"{cell}"' for cell in pair[: len(columns)]) for pair in pairs]
        accepted = judge(protocol, send(protocol, ",".join(columns), *quoted)).accepted
        values = [record for record in accepted if record.value is not None]
        assert 0 < len(values) < len(pairs)
        for record in values:
            assert record.value is not None
            kind_named(primary.kind).to_unit(primary, record.value, record.companion)


def test_facts_say_what_the_cells_do() -> None:
    """`facts_of` reads a measure's cells by column, and a kind refuses what the suites would have set aside."""
    protocol = plan(COUNT)
    (facts,) = facts_of((protocol.primary,), {"missed": ["2", "NA"], "weeks": ["0.5", "."]}, [None, None])
    assert (facts["value"], facts["companion_value"]) == ([2.0, None], [0.5, None])
    with pytest.raises(DataError):
        kind_named("count").to_unit(protocol.primary, 2.5, 0.5)
