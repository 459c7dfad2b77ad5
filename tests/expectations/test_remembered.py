"""expectations.remembered: quicker, and in every result the same."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest
from great_expectations.expectations.core import ExpectColumnValuesToBeNull
from great_expectations.expectations.expectation import Expectation

from expectations import (
    engine,
    own,  # noqa: F401  # makes its types known
    remembered,
)
from tests.expectations.test_engine import NAMES

CELLS: list[object] = [None, 0, 1, "1", "0.5", "-3", "x", 2.5, 1e-9, "2024-01-01", "", "usual"]


@contextmanager
def nothing_kept() -> Iterator[None]:
    yield


def results(suite: engine.Suite, wanted: dict[str, Any]) -> list[str]:
    """What Great Expectations says of columns with a bit of everything, without what differs from run to run."""
    names = sorted({name for _, names in engine._parts(suite, ["x"]) for name in names})
    columns = {name: CELLS[turn % 5 :] + CELLS[: turn % 5] for turn, name in enumerate(names)}
    told = []
    for one in engine._run(suite, columns, wanted).results:
        said = one.to_json_dict()
        said["expectation_config"]["kwargs"].pop("batch_id", None)
        told.append(repr(sorted((key, said[key]) for key in ("success", "result", "expectation_config"))))
    return sorted(told)


@pytest.mark.parametrize("wanted", [engine._COUNTED, engine._LISTED], ids=["counted", "listed"])
@pytest.mark.parametrize("name", NAMES)
def test_every_suite_comes_to_the_same(name: str, wanted: dict[str, Any], monkeypatch: pytest.MonkeyPatch) -> None:
    """With what is remembered and without, over sound and wrong cells of every kind."""
    suite = engine.load(name)
    quick = results(suite, wanted)
    monkeypatch.setattr(remembered, "remembering", nothing_kept)
    assert quick == results(suite, wanted)
    assert len(quick) == len(suite.expectations)


def test_it_is_worked_out_once_in_a_run_and_each_time_outside() -> None:
    """And forgotten at the end, so that an expectation that was changed says so."""
    one = ExpectColumnValuesToBeNull(column="a")
    with remembered.remembering():
        assert one.configuration is one.configuration
        assert one.configuration.kwargs["column"] == "a"
        assert ExpectColumnValuesToBeNull(column="b").configuration.kwargs["column"] == "b"
    one.column = "c"
    assert one.configuration is not one.configuration
    assert one.configuration.kwargs["column"] == "c"
    with remembered.remembering():
        assert one.configuration.kwargs["column"] == "c"
    assert remembered._KEPT.found is None


def test_another_thread_remembers_nothing_of_it() -> None:
    """Runs in several threads at once share no expectation's configuration."""
    one, seen = ExpectColumnValuesToBeNull(column="a"), []
    with remembered.remembering():
        mine = one.configuration
        other = threading.Thread(target=lambda: seen.append((remembered._KEPT.found, one.configuration is mine)))
        other.start()
        other.join()
    assert seen == [(None, False)]


def test_the_property_is_still_great_expectations_own() -> None:
    """Whoever reads it elsewhere, as for the Data Docs, gets what they would have got."""
    one: Expectation = ExpectColumnValuesToBeNull(column="a", meta={"rule": "r"})
    assert one.configuration.to_json_dict() == remembered._work_out(one).to_json_dict()
