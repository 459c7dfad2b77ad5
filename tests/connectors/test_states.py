"""trials.connectors.states: the same state is nothing new, and a state that comes back is another delivery."""

from __future__ import annotations

import pytest

from trials.connectors.states import Shown, shown_before, shown_now


def test_a_state_that_comes_back_is_told_again() -> None:
    """A, A, B, A, B: four deliveries, all with hashes of their own; the repeated A is none."""
    watermark: str | None = None
    told = []
    for state in ("a" * 64, "a" * 64, "b" * 64, "a" * 64, "b" * 64):
        shown = shown_now(shown_before(watermark), state, etag='"1"')
        if shown is not None:
            told.append(shown.content)
            watermark = shown.to_text()
    assert len(told) == len(set(told)) == 4
    assert told[0] == "a" * 64
    assert shown_before(watermark).etag == '"1"'


@pytest.mark.parametrize("watermark", [None, "", "{}", "no json", "[1]", "3"])
def test_a_watermark_that_says_nothing_asks_for_everything(watermark: str | None) -> None:
    """Then the next answer is a delivery whatever it holds."""
    assert shown_before(watermark) == Shown()
    assert shown_now(shown_before(watermark), "a" * 64) == Shown("a" * 64, "a" * 64)
