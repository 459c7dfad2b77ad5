"""The one home of Great Expectations: a suite's JSON and rows by column in, the reasons why each row fails out.

Every call builds its own ephemeral context, data source and suite (12 ms): a shared asset or validation definition
mixes up batches across threads, silently.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from importlib.resources import files
from typing import Any

from trials.connectors.tabular import shorten
from trials.errors import DataError

# How many rows fail, and which do: twice the work, so it is asked of the expectations alone that fail. The values stay out
# of the results, so no participant's id gets into them.
_COUNTED = {"result_format": "BASIC", "partial_unexpected_count": 0, "exclude_unexpected_values": True}
_LISTED = {
    "result_format": "COMPLETE",
    "exclude_unexpected_values": True,
    "return_unexpected_index_query": False,
}


class ChecksError(DataError):
    """The checks could not be run as they are written: nothing may pass for having been checked."""


@dataclass(frozen=True, slots=True)
class Suite:
    """A suite as it stands in its file, with those it includes before it."""

    name: str
    expectations: tuple[dict[str, Any], ...]

    @property
    def rules(self) -> tuple[str, ...]:
        return tuple(expectation["meta"]["rule"] for expectation in self.expectations)


@cache
def load(name: str) -> Suite:
    """The suite in suites/<name>.json. Raises ChecksError when there is none."""
    content = _content(name)
    included = [one for other in content.get("includes", ()) for one in load(other).expectations]
    return Suite(name, (*included, *content["expectations"]))


@cache
def load_measure(name: str) -> Suite:
    """The rules of a kind's suite that concern the measure alone: what a guardrail's values are judged by."""
    content = _content(name)
    included = [one for other in content.get("includes", ()) for one in load(other).expectations]
    concerned = [one for one in included if one["meta"].get("each_measure")]
    return Suite(name, (*concerned, *content["expectations"]))


def _content(name: str) -> dict[str, Any]:
    file = files("expectations") / "suites" / f"{name}.json"
    if not file.is_file():
        raise ChecksError(f"no expectations are written for '{name}', must be in suites/{name}.json.")
    content: dict[str, Any] = json.loads(file.read_text(encoding="utf-8"))
    return content


@dataclass(frozen=True, slots=True)
class Judgement:
    """What a suite says of a batch. reasons: by position, for rows that fail; broken: by rule, the positions that break it."""

    reasons: dict[int, tuple[str, ...]]
    broken: dict[str, set[int]]


def reasons(suite: Suite, rows: Sequence[Mapping[str, object]]) -> list[tuple[str, ...]]:
    """Why each row fails, in the suite's order; empty = it passes. All rows have the same keys. Raises as `judge` does."""
    if not rows:
        return []
    columns = {name: [row.get(name) for row in rows] for name in rows[0]}
    found = judge(suite, columns, len(rows)).reasons
    return [found.get(position, ()) for position in range(len(rows))]


def judge(suite: Suite, columns: Mapping[str, Sequence[object]], rows: int) -> Judgement:
    """What the suite says of rows that are held by column.

    Raises ChecksError when any expectation was not evaluated on every row: then nothing counts as checked.
    """
    failing = _failing(suite, columns, rows)
    found: dict[int, list[str]] = {}
    settled: set[int] = set()
    for expectation in suite.expectations:
        meta = expectation["meta"]
        for position in failing[meta["rule"]] - settled:
            row = _Shown({name: column[position] for name, column in columns.items()})
            reason = expectation["description"].format_map(row)
            told = found.setdefault(position, [])
            if reason not in told:
                told.append(reason)
            if meta.get("alone"):
                settled.add(position)
    return Judgement({position: tuple(told) for position, told in found.items()}, failing)


def _failing(suite: Suite, columns: Mapping[str, Sequence[object]], rows: int) -> dict[str, set[int]]:
    """Per rule, the positions of the rows that break it."""
    failing: dict[str, set[int]] = {}
    if rows <= _WIDE_ROWS:
        needed = {name for _, names in _parts(suite, columns) for name in names}
        failing = _broken(suite, {name: column for name, column in columns.items() if name in needed}, rows)
    else:
        for part, names in _parts(suite, columns):
            given = {name: columns[name] for name in names if name in columns}
            failing |= _broken_once(part, given) if _looks_at_one_row(part) else _broken(part, given, rows)
    if sorted(failing) != sorted(suite.rules):
        raise ChecksError(f"{len(failing)} of the {len(suite.rules)} checks of '{suite.name}' ran, must be all.")
    return failing


# Up to so many rows all checks share one frame. Beyond, each sees its own columns alone and every distinct combination of
# their values once: Great Expectations copies and hashes whole frames, and a million rows hold few different values.
_WIDE_ROWS = 20_000

# The types that say of a row what they would say of it alone, so that equal rows need one look. Any other, of values that
# must differ, rise or lie near each other, would never fire on rows that are all different: it is shown all of them.
_ONE_ROW = frozenset(
    {
        "expect_column_pair_values_a_to_be_greater_than_b",
        "expect_column_pair_values_to_be_equal",
        "expect_column_pair_values_to_be_in_set",
        "expect_column_value_lengths_to_be_between",
        "expect_column_value_lengths_to_equal",
        "expect_column_values_to_be_between",
        "expect_column_values_to_be_in_set",
        "expect_column_values_to_be_null",
        "expect_column_values_to_match_regex",
        "expect_column_values_to_match_regex_list",
        "expect_column_values_to_not_be_in_set",
        "expect_column_values_to_not_be_null",
        "expect_column_values_to_not_match_regex",
        "expect_column_values_to_not_match_regex_list",
    }
)


def _looks_at_one_row(suite: Suite) -> bool:
    return all(expectation["type"] in _ONE_ROW for expectation in suite.expectations)


def _parts(suite: Suite, columns: Iterable[str]) -> Iterable[tuple[Suite, tuple[str, ...]]]:
    """The suite in parts, with the columns that each needs; rules on one row and on several are never in one part.

    A rule that names none, as its type has one of its own, is shown all.
    """
    parts: dict[tuple[bool, tuple[str, ...]], list[dict[str, Any]]] = {}
    for expectation in suite.expectations:
        needed: list[str] = []
        for key, value in expectation["kwargs"].items():
            if key.startswith("column"):  # column, column_A and column_B, or column_list
                needed += [value] if isinstance(value, str) else value
        parts.setdefault((expectation["type"] in _ONE_ROW, tuple(needed or columns)), []).append(expectation)
    return [(Suite(suite.name, tuple(some)), needed) for (_, needed), some in parts.items()]


def _broken_once(suite: Suite, columns: Mapping[str, Sequence[object]]) -> dict[str, set[int]]:
    """`_broken`, of the distinct combinations of values and then of all rows that hold one. For rules on single rows."""
    combined: Sequence[object]
    if len(columns) == 1:
        [(only, combined)] = columns.items()
        distinct = list(dict.fromkeys(combined))
        once: dict[str, Sequence[object]] = {only: distinct}
    else:
        combined = list(zip(*columns.values(), strict=True))
        distinct = list(dict.fromkeys(combined))
        once = dict(zip(columns, zip(*distinct, strict=True), strict=True))
    broken = _broken(suite, once, len(distinct))
    wrong = {rule: {distinct[position] for position in positions} for rule, positions in broken.items()}
    return {
        rule: {position for position, values in enumerate(combined) if values in found} if found else set()
        for rule, found in wrong.items()
    }


def _broken(suite: Suite, columns: Mapping[str, Sequence[object]], rows: int) -> dict[str, set[int]]:
    """Per rule, the positions that break it: first how many they are, then, of the rules that any row breaks, which."""
    counts = {rule: count for rule, count, _ in _results(suite, columns, rows, _COUNTED)}
    failing = tuple(one for one in suite.expectations if counts.get(one["meta"]["rule"]))
    broken: dict[str, set[int]] = {rule: set() for rule, count in counts.items() if not count}
    if failing:
        for rule, count, body in _results(Suite(suite.name, failing), columns, rows, _LISTED):
            if "unexpected_index_list" not in body:
                raise ChecksError(f"the check '{rule}' could not be evaluated, must be on every row.")
            broken[rule] = set(body["unexpected_index_list"] or ())
            if not len(broken[rule]) == count == counts[rule]:
                raise ChecksError(f"the check '{rule}' contradicts itself, must fail on the rows that it names.")
    return broken


def _results(
    suite: Suite, columns: Mapping[str, Sequence[object]], rows: int, wanted: Mapping[str, object]
) -> Iterator[tuple[str, int, Mapping[str, Any]]]:
    """(rule, rows that break it, the result's body), in Great Expectations' own order.

    Raises ChecksError when an expectation was not evaluated on every row, or calls a failure a success.
    """
    for result in _validate(suite, columns, wanted).results:
        rule, body = result.expectation_config.meta["rule"], result.result
        if body.get("element_count") != rows or "unexpected_count" not in body:
            raise ChecksError(f"the check '{rule}' could not be evaluated, must be on every row.")
        if bool(body["unexpected_count"]) == result.success:
            raise ChecksError(f"the check '{rule}' contradicts itself, must fail on the rows that it names.")
        yield rule, body["unexpected_count"], body


def _validate(suite: Suite, columns: Mapping[str, Sequence[object]], wanted: Mapping[str, object]) -> Any:
    """What Great Expectations makes of the columns. Raises ChecksError, which quotes no values, whatever goes wrong in it."""
    try:
        return _run(suite, columns, wanted)
    except ChecksError:
        raise
    except Exception as error:
        raise ChecksError(
            f"the checks of '{suite.name}' can't be run as they are written ({type(error).__name__}), must have the "
            "settings that their types take. One may be misspelt."
        ) from error


def _run(suite: Suite, columns: Mapping[str, Sequence[object]], wanted: Mapping[str, object]) -> Any:
    import great_expectations as gx
    import numpy as np
    import pandas as pd
    from great_expectations.core.expectation_suite import ExpectationSuite
    from great_expectations.data_context.types.base import (
        DataContextConfig,
        InMemoryStoreBackendDefaults,
        ProgressBarsConfig,
    )

    from expectations.remembered import remembering

    written = ExpectationSuite(name=suite.name, expectations=[dict(one) for one in suite.expectations])
    if len(written.expectations) != len(suite.expectations):  # an unknown type is dropped, with a line in the log
        raise ChecksError(
            f"{len(written.expectations)} of the {len(suite.expectations)} checks of '{suite.name}' were understood, "
            "must be all. A type may be misspelt."
        )
    quiet = DataContextConfig(
        store_backend_defaults=InMemoryStoreBackendDefaults(),
        progress_bars=ProgressBarsConfig(globally=False),
        analytics_enabled=False,
    )
    context = gx.get_context(mode="ephemeral", project_config=quiet)
    asset = context.data_sources.add_pandas("rows").add_dataframe_asset(suite.name)
    # dtype object: None stays None and text stays text, whatever a column happens to hold.
    frame = pd.DataFrame({name: np.fromiter(column, dtype=object) for name, column in columns.items()})
    batch = asset.add_batch_definition_whole_dataframe("all").get_batch({"dataframe": frame})
    with remembering():
        return batch.validate(written, result_format=dict(wanted))


class _Shown(dict[str, object]):
    """A row's facts as a reason shows them: a cell as it was sent (`sent_...`) as the fact `show` says, else in quotes."""

    def __getitem__(self, key: str) -> object:
        value = super().__getitem__(key)
        if not key.startswith("sent_"):
            return value
        show = self.get("show")
        if callable(show):
            return show(str(value or ""))
        return "blank" if value in (None, "") else f"'{shorten(str(value))}'"
