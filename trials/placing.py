"""Where a trial's people are, counted as they settle, so that a look can ask whether the arm follows from the site or the time.

Only trials in which a lot decides are asked (`trials.confounding`), and only what a look has at hand is: counts by site and arm
and by week and arm, never the people again. Of more than MOST people every k-th is judged.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from datetime import date
from typing import Any

from trials.confounding import MOST, Placements, concern_of, confounded
from trials.evidence import Concern
from trials.protocol import Protocol

# Counts by arm, of each calendar week; JSON has no other keys than texts.
Weeks = dict[str, dict[str, int]]
_DAYS = 7


def asked(protocol: Protocol) -> bool:
    """Whether a lot decides between arms."""
    return protocol.control is not None and protocol.assignment.how == "random"


def start(protocol: Protocol) -> dict[str, Weeks]:
    """The part of a look's state that keeps the weeks; nothing where days are not known or nobody asks."""
    return {"weeks": {arm.id: {} for arm in protocol.arms}} if protocol.dated and asked(protocol) else {}


def adding(state: dict[str, Any]) -> Callable[[str, date | None], None] | None:
    """Adds one person's arm and day to the weeks, in the sealed order; None where nobody asks."""
    weeks: Weeks | None = state.get("weeks")
    if weeks is None:
        return None
    known: dict[date | None, str | None] = {None: None}

    def add(arm: str, day: date | None) -> None:
        if day not in known:
            assert day is not None
            known[day] = str((day.toordinal() - 1) // _DAYS)  # by calendar week, Monday to Sunday
        week, counts = known[day], weeks[arm]
        if week is not None:
            counts[week] = counts.get(week, 0) + 1

    return add


def concerns(protocol: Protocol, state: Mapping[str, Any]) -> tuple[Concern, ...]:
    """That the arm can be told from the site or the time, though a lot was to decide; nothing where it can't."""
    if not asked(protocol):
        return ()
    found = confounded(placements(state))
    return () if found is None else (concern_of(found),)


def placements(state: Mapping[str, Any]) -> Placements:
    """The people as the counts have them: once by site, once by week, as nothing needs both at a time."""
    sites = {
        (site, arm): seen["n"] + seen["missing"] for site, arms in state["strata"].items() for arm, seen in arms.items()
    }
    weeks = {(week, arm): n for arm, counts in state.get("weeks", {}).items() for week, n in counts.items()}
    by_site: list[tuple[Any, str]] = list(_every_kth(sites))
    by_week: list[tuple[Any, str]] = list(_every_kth({(int(week), arm): n for (week, arm), n in weeks.items()}))
    unknown: Any = None  # of whom only the week is known, and the other way round
    return Placements(
        arm=tuple(arm for _, arm in (*by_site, *by_week)),
        site=(*(site for site, _ in by_site), *(unknown for _ in by_week)),
        enrolled_on=(*(unknown for _ in by_site), *(date.fromordinal(_DAYS * week + 1) for week, _ in by_week)),
    )


def _every_kth(counts: Mapping[tuple[Any, str], int]) -> Iterable[tuple[Any, str]]:
    """The places and arms of everybody, or of every k-th where there are more than MOST, in a fixed order."""
    every, before = -(-sum(counts.values()) // MOST) or 1, 0
    for place in sorted(counts):
        after = before + counts[place]
        for _ in range(-(-after // every) - -(-before // every)):
            yield place
        before = after
