"""The flow of people through a trial (CONSORT): who joined, who has a result, whose result is missing for good.

Guarantee: every number is a release or one of a look that is shown, so the flow says no more than `joined_table`, the looks
and the steps of the missing do (`trials.disclosure.releases`, `looks`). Who waits is no number at all: it is never told, and
can't be worked out, as "joined" is a least number and the missing are told in steps.
Source: Schulz, Altman & Moher (2010), CONSORT 2010 statement, BMJ 340:c332, figure 1.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from trials.disclosure.tables import SafeTable
from trials.evidence import Look


@dataclass(frozen=True, slots=True)
class Branch:
    """One arm. joined: at least so many. with_result: as of the look shown. missing: about so many. None: not told."""

    arm: str
    joined: int | None
    with_result: int | None
    missing: int | None


@dataclass(frozen=True, slots=True)
class Flow:
    """All arms. joined, with_result: as in a branch. unreported: places in the sealed order under which nobody was ever
    reported. by_arm: whether results may be told by arm."""

    joined: int | None
    with_result: int | None
    unreported: int | None
    branches: tuple[Branch, ...]
    by_arm: bool


def flow(table: SafeTable, shown: Look | None, missing: Mapping[str, int | None], *, by_arm: bool) -> Flow:
    """The flow from a released table of who joined (columns are arms), the newest look that may be shown and the missing by
    arm ('' = never reported). by_arm: whether results by arm may be told; without it no arm's number but who joined it is.

    Raises ValueError for a table that was not released.
    """
    if not table.released:
        raise ValueError("a flow is made from released counts only; this table was made for one showing")
    results = {arm.arm: arm.n for arm in shown.arms} if shown is not None and by_arm else {}
    branches = tuple(
        Branch(
            arm,
            _most(table.column_totals[arm], results.get(arm)),
            results.get(arm),
            missing.get(arm) if by_arm else None,
        )
        for arm in table.columns
    )
    everybody = None if shown is None else shown.n
    return Flow(_most(table.total, everybody), everybody, missing.get(""), branches, by_arm)


def _most(*told: int | None) -> int | None:
    """Each of them is a least number of the same people."""
    return max((count for count in told if count is not None), default=None)
