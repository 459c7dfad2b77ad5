"""The portfolio as text: every trial's standing when all are judged together."""

from __future__ import annotations

from collections.abc import Sequence

from trials.portfolio import Standing
from trials.verdict import times


def as_text(found: Sequence[Standing], fdr: float) -> str:
    """One line a trial, strongest first, then what it means."""
    if not found:
        return "No trial has been looked at yet. Next: roadtest round"
    wide = max(len(one.trial) for one in found)
    lines = [f"{one.trial:<{wide}}  {times(one.log_e):>14} to 1  {_standing(one)}" for one in found]
    picked = sum(one.picked for one in found)
    return "\n".join(
        [
            *lines,
            "",
            f"{picked} of {len(found)} trials may be carried on together; on average at most {fdr:.0%} of those are useless."
            if picked
            else f"None of {len(found)} trials may be carried on when at most {fdr:.0%} of those carried on may be useless.",
        ]
    )


def _standing(one: Standing) -> str:
    if one.picked:
        return "carry on"
    return "helps by its own claim, not carried among so many" if one.fired else "not carried"
