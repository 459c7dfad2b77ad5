"""The one home of Great Expectations: a suite's JSON and a list of rows in, the reasons why each row fails out.

Every call builds its own ephemeral context, data source and suite (12 ms): a shared asset or validation definition
mixes up batches across threads, silently.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from importlib.resources import files
from typing import Any

from trials.connectors.tabular import shorten
from trials.errors import DataError

# COMPLETE lists every failing row; the values stay out of the results, so no participant's id gets into them.
_RESULT_FORMAT = {
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
    file = files("expectations") / "suites" / f"{name}.json"
    if not file.is_file():
        raise ChecksError(f"no expectations are written for '{name}', must be in suites/{name}.json.")
    content = json.loads(file.read_text(encoding="utf-8"))
    included = [one for other in content.get("includes", ()) for one in load(other).expectations]
    return Suite(name, (*included, *content["expectations"]))


def reasons(suite: Suite, rows: Sequence[Mapping[str, object]]) -> list[tuple[str, ...]]:
    """Why each row fails, in the suite's order; empty = it passes. All rows have the same keys.

    Raises ChecksError when any expectation was not evaluated on every row: then nothing counts as checked.
    """
    if not rows:
        return []
    failing = _failing(suite, rows)
    found: list[list[str]] = [[] for _ in rows]
    settled: set[int] = set()
    for expectation in suite.expectations:
        meta = expectation["meta"]
        for position in failing[meta["rule"]] - settled:
            reason = meta["reason"].format_map(_Shown(rows[position]))
            if reason not in found[position]:
                found[position].append(reason)
            if meta.get("alone"):
                settled.add(position)
    return [tuple(one) for one in found]


def _failing(suite: Suite, rows: Sequence[Mapping[str, object]]) -> dict[str, set[int]]:
    """Per rule, the positions of the rows that break it. Great Expectations returns results in an order of its own."""
    outcome = _validate(suite, rows)
    failing: dict[str, set[int]] = {}
    for result in outcome.results:
        rule = result.expectation_config.meta["rule"]
        body = result.result
        if body.get("element_count") != len(rows) or "unexpected_index_list" not in body:
            raise ChecksError(f"the check '{rule}' could not be evaluated, must be on all {len(rows)} rows.")
        failing[rule] = set(body["unexpected_index_list"] or ())
        if bool(failing[rule]) == result.success or len(failing[rule]) != body["unexpected_count"]:
            raise ChecksError(f"the check '{rule}' contradicts itself, must fail on the rows that it names.")
    if sorted(failing) != sorted(suite.rules):
        raise ChecksError(f"{len(failing)} of the {len(suite.rules)} checks of '{suite.name}' ran, must be all.")
    return failing


def _validate(suite: Suite, rows: Sequence[Mapping[str, object]]) -> Any:
    import great_expectations as gx
    import pandas as pd
    from great_expectations.core.expectation_suite import ExpectationSuite
    from great_expectations.data_context.types.base import (
        DataContextConfig,
        InMemoryStoreBackendDefaults,
        ProgressBarsConfig,
    )

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
    frame = pd.DataFrame([dict(row) for row in rows], dtype=object)
    batch = asset.add_batch_definition_whole_dataframe("all").get_batch({"dataframe": frame})
    return batch.validate(written, result_format=dict(_RESULT_FORMAT))


class _Shown(dict[str, object]):
    """A row's facts as a reason shows them: a cell as it was sent (`sent_...`) in quotes, short, and never an id."""

    def __getitem__(self, key: str) -> object:
        value = super().__getitem__(key)
        if not key.startswith("sent_"):
            return value
        if value in (None, ""):
            return "blank"
        if value == self.get("participant_id") and not str(value).isdigit():
            return "the participant's id"
        return f"'{shorten(str(value))}'"
