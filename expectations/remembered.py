"""Great Expectations' `Expectation.configuration`, worked out once an expectation and run instead of some hundred times.

It is a property that builds a configuration anew from the expectation's fields each time it is read, and each metric of each
expectation reads it: a third of the time of a run. Within `remembering` the first one is kept, by this thread alone, and
forgotten at the end. tests/expectations/test_remembered.py holds every suite's results with it against those without.
"""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from great_expectations.expectations.expectation import Expectation


class _Kept(threading.local):
    """By the expectation's id, the expectation, which so stays alive, and its configuration; None outside a run."""

    found: dict[int, tuple[Expectation, Any]] | None = None


_KEPT = _Kept()
_work_out: Any = vars(Expectation)["configuration"].fget


def _configuration(expectation: Expectation) -> Any:
    if _KEPT.found is None:
        return _work_out(expectation)
    if id(expectation) not in _KEPT.found:
        _KEPT.found[id(expectation)] = expectation, _work_out(expectation)
    return _KEPT.found[id(expectation)][1]


Expectation.configuration = property(_configuration)  # type: ignore[method-assign, assignment]


@contextmanager
def remembering() -> Iterator[None]:
    """In this block expectations are not changed once they are built."""
    before, _KEPT.found = _KEPT.found, {}
    try:
        yield
    finally:
        _KEPT.found = before
