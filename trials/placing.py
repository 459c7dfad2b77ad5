"""Where a trial's people are, counted as they settle, so that a look can ask whether the arm follows from the site, the time or
the caseworker.

Only trials in which a lot decides are asked (`trials.confounding`), and only what a look has at hand is: counts by site and
arm, by week and arm and by caseworker and arm, never the people again. Of more than MOST people every k-th is judged.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from datetime import date
from typing import Any

from trials.comparing import CASEWORKER, notes_caseworkers
from trials.confounding import MOST, Placements, concern_of, confounded
from trials.evidence import Concern
from trials.protocol import Protocol
from trials.settling import Person

# Counts by arm, of each calendar week or of each caseworker; JSON has no other keys than texts.
Counts = dict[str, dict[str, int]]
_DAYS = 7


def asked(protocol: Protocol) -> bool:
    """Whether a lot decides between arms."""
    return protocol.control is not None and protocol.assignment.how == "random"


def start(protocol: Protocol) -> dict[str, Counts]:
    """The part of a look's state that keeps weeks and caseworkers; nothing where they are not known or nobody asks."""
    weeks = protocol.dated and asked(protocol)
    kept = [*(["weeks"] if weeks else []), *(["caseworkers"] if notes_caseworkers(protocol) else [])]
    return {name: {arm.id: {} for arm in protocol.arms} for name in kept}


def adding(state: dict[str, Any]) -> Callable[[Person], None] | None:
    """Adds one person's arm to their week's and their caseworker's, in the sealed order; None where nobody asks."""
    weeks: Counts | None = state.get("weeks")
    caseworkers: Counts | None = state.get("caseworkers")
    if weeks is None and caseworkers is None:
        return None
    known: dict[date | None, str | None] = {None: None}

    def add(person: Person) -> None:
        day = person.enrolled_on
        if day not in known:
            assert day is not None
            known[day] = str((day.toordinal() - 1) // _DAYS)  # by calendar week, Monday to Sunday
        for counts, key in ((weeks, known[day]), (caseworkers, _caseworker(person))):
            if counts is not None and key is not None:
                counts[person.arm][key] = counts[person.arm].get(key, 0) + 1

    return add


def _caseworker(person: Person) -> str | None:
    """The number that stands for a person's caseworker, by what was sent last; None where nobody said.

    Whoever's caseworker changes after they were counted is counted anew, as with every change behind the cursor.
    """
    told = person.guardrails.get(CASEWORKER, ())
    newest = max(told, key=lambda version: (version.sent_at, version.rev), default=None)
    return None if newest is None or newest.value is None else str(int(newest.value))


def concerns(protocol: Protocol, state: Mapping[str, Any]) -> tuple[Concern, ...]:
    """That the arm can be told from the site, the time or the caseworker, though a lot was to decide; nothing if not."""
    if not asked(protocol):
        return ()
    found = confounded(placements(state))
    return () if found is None else (concern_of(found),)


def placements(state: Mapping[str, Any]) -> Placements:
    """The people as the counts have them: once by site, once by week, once by caseworker, as nothing needs two at a time."""
    sites = {
        (site, arm): seen["n"] + seen["missing"] for site, arms in state["strata"].items() for arm, seen in arms.items()
    }
    weeks, workers = (
        {(key, arm): n for arm, counts in state.get(name, {}).items() for key, n in counts.items()}
        for name in ("weeks", "caseworkers")
    )
    by_site: list[tuple[Any, str]] = list(_every_kth(sites))
    by_week: list[tuple[Any, str]] = list(_every_kth({(int(week), arm): n for (week, arm), n in weeks.items()}))
    by_worker: list[tuple[Any, str]] = list(_every_kth(workers))
    rest: Any = (None,)  # of whom only one of the three is known
    s, w, c = len(by_site), len(by_week), len(by_worker)
    return Placements(
        arm=tuple(arm for _, arm in (*by_site, *by_week, *by_worker)),
        site=(*(site for site, _ in by_site), *rest * (w + c)),
        enrolled_on=(*rest * s, *(date.fromordinal(_DAYS * week + 1) for week, _ in by_week), *rest * c),
        caseworker=(*rest * (s + w), *(worker for worker, _ in by_worker)),
    )


def _every_kth(counts: Mapping[tuple[Any, str], int]) -> Iterable[tuple[Any, str]]:
    """The places and arms of everybody, or of every k-th where there are more than MOST, in a fixed order."""
    every, before = -(-sum(counts.values()) // MOST) or 1, 0
    for place in sorted(counts):
        after = before + counts[place]
        for _ in range(-(-after // every) - -(-before // every)):
            yield place
        before = after
