"""expectations.engine: suites are whole, and what is not evaluated never passes."""

from __future__ import annotations

import logging
from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, datetime
from importlib.resources import files
from typing import Any

import pytest

from expectations import engine
from expectations.check import check, key_of
from trials.connectors.tabular import to_delivery
from trials.errors import DataError
from trials.outcomes import KINDS, Kind
from trials.protocol import Protocol, from_content
from trials.records import Delivery

NAMES = sorted(
    file.name.removesuffix(".json")
    for file in (files("expectations") / "suites").iterdir()
    if file.name.endswith(".json")
)


@pytest.mark.parametrize("name", NAMES)
def test_every_expectation_says_why(name: str) -> None:
    """Every expectation in every suite has a rule name of its own and the reason that a site reads."""
    suite = engine.load(name)
    assert len(set(suite.rules)) == len(suite.expectations) > 0
    assert all(expectation["description"] for expectation in suite.expectations)


def test_kinds_include_the_rules_of_every_row() -> None:
    """The suite of a kind holds every row's rules and its own."""
    row = engine.load("row").rules
    assert engine.load("binary").rules == (*row, "value_zero_or_one")
    assert engine.load("amount").rules == (*row, "value_plain_number", "value_finite")
    assert engine.load("score").rules == (*row, "value_plain_number", "value_not_below_scale", "value_not_above_scale")
    companion = ("companion_given", "companion_with_value")
    exposure = ("exposure_plain_number", "exposure_positive")
    assert engine.load("count").rules == (*row, "value_whole", *companion, *exposure)
    times = ("value_plain_number", "value_positive", *companion, "event_zero_or_one")
    assert engine.load("time_to_event").rules == (*row, *times)


@pytest.mark.parametrize("kind", KINDS, ids=lambda kind: str(kind.name))
def test_every_kind_has_a_suite(kind: Kind) -> None:
    """A kind without one would have every delivery of its trials refused as unjudged."""
    assert len(engine.load(kind.name).expectations) > len(engine.load("row").expectations)


def test_reasons_name_all_failing_rows() -> None:
    """Every failing row is named, also beyond the first twenty."""
    one = {"name": "x", "problem": None, "identifier": None, "missing": None, "header": ""}
    rows = [{**one, "rows": number % 2} for number in range(60)]
    found = engine.reasons(engine.load("structure"), rows)
    assert [bool(one) for one in found] == [number % 2 == 0 for number in range(60)]


def test_unknown_type_is_an_error(caplog: pytest.LogCaptureFixture) -> None:
    """A misspelt expectation type, which Great Expectations would drop, stops the checks."""
    right = engine.load("structure")
    misspelt = {**right.expectations[0], "type": "expect_column_values_to_be_nul"}
    suite = engine.Suite("structure", (misspelt, *right.expectations[1:]))
    row = {"name": "x", "problem": None, "identifier": None, "missing": None, "header": "", "rows": 1}
    with (
        caplog.at_level(logging.CRITICAL),
        pytest.raises(engine.ChecksError, match="3 of the 4 checks of 'structure' were understood"),
    ):
        engine.reasons(suite, [row])


def test_missing_column_is_an_error() -> None:
    """A rule that could not be evaluated raises instead of passing."""
    one = {"name": "x", "problem": None, "identifier": None, "missing": None, "header": ""}
    with pytest.raises(DataError, match="could not be evaluated"):
        engine.reasons(engine.load("structure"), [one])


def test_unknown_suite_is_an_error() -> None:
    """A suite that nobody wrote is refused by name."""
    with pytest.raises(engine.ChecksError, match=r"suites/colour\.json"):
        engine.load("colour")


def test_no_rows_need_no_check() -> None:
    """No rows give no reasons."""
    assert engine.reasons(engine.load("structure"), []) == []


# Faults of a whole run: what is not there, or at odds with itself, never passes.

ROWS = [
    {"name": "x", "problem": None, "identifier": None, "missing": None, "header": "", "rows": number}
    for number in (1, 0, -1, 1)
]  # the second and third break "rows_there"; nothing else is broken


def drop(results: Any, one: Any) -> None:
    results.results.remove(one)


def see_fewer(results: Any, one: Any) -> None:
    one.result["element_count"] -= 1


def count_none(results: Any, one: Any) -> None:
    del one.result["unexpected_count"]


def name_none(results: Any, one: Any) -> None:
    one.result.pop("unexpected_index_list", None)


def name_fewer(results: Any, one: Any) -> None:
    if "unexpected_index_list" in one.result:
        one.result["unexpected_index_list"].pop()


def drop_what_is_listed(results: Any, one: Any) -> None:
    if "unexpected_index_list" in one.result:
        drop(results, one)


def count_otherwise(results: Any, one: Any) -> None:
    if "unexpected_index_list" in one.result:
        one.result["unexpected_count"] = 1
        one.result["unexpected_index_list"].pop()


def turn(results: Any, one: Any) -> None:
    one.success = not one.success


@pytest.mark.parametrize("wide", [False, True], ids=["together", "in parts"])
@pytest.mark.parametrize(
    ("fault", "rule", "sentence"),
    [
        (drop, "readable", "3 of the 4 checks of 'structure' ran"),
        (see_fewer, "rows_there", r"'rows_there' could not be evaluated, must be on every row\."),
        (count_none, "readable", r"'readable' could not be evaluated, must be on every row\."),
        (name_none, "rows_there", r"'rows_there' could not be evaluated, must be on every row\."),
        (drop_what_is_listed, "rows_there", "3 of the 4 checks of 'structure' ran"),
        (count_otherwise, "rows_there", "'rows_there' contradicts itself"),
        (turn, "readable", "'readable' contradicts itself"),
        (turn, "rows_there", "'rows_there' contradicts itself"),
        (name_fewer, "rows_there", "'rows_there' contradicts itself"),
    ],
)
def test_results_that_are_not_whole_are_an_error(
    fault: Callable[[Any, Any], None], rule: str, sentence: str, wide: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A result lost, of fewer rows, without its rows or at odds with itself stops the checks, which say how."""
    sound = engine._validate

    def faulty(suite: engine.Suite, columns: Mapping[str, Sequence[object]], wanted: Mapping[str, object]) -> Any:
        results = sound(suite, columns, wanted)
        for one in list(results.results):
            if one.expectation_config.meta["rule"] == rule:
                fault(results, one)
        return results

    if wide:
        monkeypatch.setattr(engine, "_WIDE_ROWS", 3)
    suite = engine.load("structure")
    assert [bool(one) for one in engine.reasons(suite, ROWS)] == [False, True, True, False]
    monkeypatch.setattr(engine, "_validate", faulty)
    with pytest.raises(engine.ChecksError, match=sentence):
        engine.reasons(suite, ROWS)


def check_of(type_: str, rule: str, **kwargs: object) -> dict[str, Any]:
    return {"type": type_, "kwargs": kwargs, "meta": {"rule": rule}, "description": f"breaks {rule}"}


def test_a_rule_on_several_rows_sees_them_all_however_many_they_are() -> None:
    """Beyond the rows that share one frame, equal values and combinations are still found, beside rules on one row."""
    rows = engine._WIDE_ROWS + 1
    suite = engine.Suite(
        "several",
        (
            check_of("expect_column_values_to_not_be_null", "given", column="id"),
            check_of("expect_column_values_to_be_unique", "once", column="id"),
            check_of("expect_compound_columns_to_be_unique", "pair_once", column_list=["id", "day"]),
        ),
    )
    ids: list[object] = [f"p{number}" for number in range(rows)]
    ids[7], ids[9], ids[11] = ids[-1], ids[-2], None
    days = [0] * (rows - 1) + [1]
    assert [engine._looks_at_one_row(part) for part, _ in engine._parts(suite, ())] == [True, False, False]
    broken = engine.judge(suite, {"id": ids, "day": days}, rows).broken
    assert broken == {"given": {11}, "once": {7, 9, rows - 2, rows - 1}, "pair_once": {9, rows - 2}}


def test_rules_of_the_kinds_look_at_one_row() -> None:
    """So large deliveries stay quick: each distinct combination of values is judged once."""
    for kind in KINDS:
        assert all(engine._looks_at_one_row(part) for part, _ in engine._parts(engine.load(str(kind.name)), ()))


# A suite that is written wrongly, through check()


def trial_of(kind: str, trial: str = "", **primary: Any) -> Protocol:
    primary = {"measure": "outcome", "kind": kind, "better": "higher", **primary}
    arms = [{"id": "usual", "role": "control"}, {"id": "new"}]
    source = {"connector": "folder", "path": "in"}
    content = {
        "trial": trial or f"a-{kind}",
        "question": "Does it help?",
        "owner": "Ann",
        "arms": arms,
        "primary": primary,
    }
    monitoring = {"max_participants": 100}
    return from_content({**content, "monitoring": monitoring, "order_by": ["entry_order"], "source": source})


SENT = datetime(2024, 6, 30, tzinfo=UTC)


def sent(protocol: Protocol, arm: str = "usual") -> Delivery:
    text = f"participant_id,arm,entry_order,outcome\np-1,{arm},1,1\np-2,new,2,0\n"
    return to_delivery(protocol, text.encode(), source="hand", name="a.csv", sent_at=SENT)


@pytest.mark.parametrize(
    "kwargs", [{"min_valu": "secret-7"}, {"min_value": {"a": "secret-7"}}, {"min_value": "secret-7", "max_value": 1}]
)
def test_a_suite_that_cannot_be_run_refuses_its_own_deliveries_alone(
    kwargs: dict[str, object], monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    """A setting misspelt, or of a type that fails while it runs: a sentence without values, and other kinds go in."""
    binary = trial_of("binary", baseline=0.4, worthwhile=0.2)
    amount = trial_of("amount", baseline=10, worthwhile=2, bounds=[0, 100])
    deliveries = [sent(protocol) for protocol in (binary, amount)]
    right = engine.load("binary")
    wrong = check_of("expect_column_values_to_be_between", "misspelt", column="value", **kwargs)
    spoilt = engine.Suite("binary", (*right.expectations, wrong))
    load = engine.load
    monkeypatch.setattr(engine, "load", lambda name: spoilt if name == "binary" else load(name))
    protocols = {one.trial: one for one in (binary, amount)}
    with caplog.at_level(logging.CRITICAL):
        found = check(deliveries, protocols, {}, SENT)
    refused, taken = (found[key_of(one)] for one in deliveries)
    assert refused.unjudged
    assert not refused.accepted
    assert str(refused.refusal).startswith(
        "The delivery could not be checked, so nothing of it was accepted: the check"
    )
    assert "secret-7" not in str(refused.refusal)
    if "min_valu" in kwargs:
        assert "the checks of 'binary' can't be run as they are written (ValidationError)" in str(refused.refusal)
    assert len(taken.accepted) == 2


def test_a_delivery_that_cannot_be_judged_takes_no_other_with_it(monkeypatch: pytest.MonkeyPatch) -> None:
    """Of three of one kind, judged in one batch, the one whose values the run fails on is refused alone."""
    plans = [trial_of("binary", trial, baseline=0.4, worthwhile=0.2) for trial in ("first", "second", "third")]
    deliveries = [sent(protocol, arm) for protocol, arm in zip(plans, ("usual", "odd", "usual"), strict=True)]
    run, sizes = engine._run, []

    def failing(suite: engine.Suite, columns: Mapping[str, Sequence[object]], wanted: Mapping[str, object]) -> Any:
        if suite.name == "binary":
            sizes.append(len(columns["arm"]))
            if "odd" in columns["arm"]:
                raise ZeroDivisionError("odd")
        return run(suite, columns, wanted)

    monkeypatch.setattr(engine, "_run", failing)
    found = check(deliveries, {one.trial: one for one in plans}, {}, SENT)
    first, second, third = (found[key_of(one)] for one in deliveries)
    assert [len(first.accepted), len(second.accepted), len(third.accepted)] == [2, 0, 2]
    assert (first.unjudged, second.unjudged, third.unjudged) == (False, True, False)
    assert "can't be run as they are written (ZeroDivisionError)" in str(second.refusal)
    assert "odd" not in str(second.refusal)
    assert sizes == [6, 2, 2, 2]
