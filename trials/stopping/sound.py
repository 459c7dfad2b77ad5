"""Can the data be trusted? The checks of a trial's data in one list, each with a word: what passed, what needs attention.

Every check rests on something that was worked out elsewhere: a concern of the newest look (its tests: `trials.rules`), a
release, or what is waited for in vain (`trials.overdue`). So nothing here says more about people than those do; a flag is
told at once, like a verdict.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Literal

from trials.disclosure import LIMIT, safe_concern, tens
from trials.evidence import Concern
from trials.overdue import Overdue
from trials.protocol import Protocol

State = Literal["passes", "attention", "waiting", "told"]
# Concerns that say something of the plan or of people joining, and nothing of the data.
ELSEWHERE = ("recruitment", "burden", "feasibility", "label")
OWN = ("sample_ratio", "missing", "late")


@dataclass(frozen=True, slots=True)
class Check:
    """One check. state: passes; attention; waiting (not judged yet); told (a number that nothing judges). value: in words.
    holds: it failed, and nobody should act on benefit or dud before it is cleared up."""

    name: str
    state: State
    value: str
    holds: bool = False


@dataclass(frozen=True, slots=True)
class Known:
    """What the checks rest on. Counts are releases, None below LIMIT. judged: whether a look has enough people for its tests.
    missing: by the name of each group. waited: what is waited for, None where nothing is any more."""

    deliveries: int
    refused: int
    set_aside: int | None
    late: int | None
    missing: Mapping[str, int | None]
    concerns: Sequence[Concern]
    judged: bool
    waited: Overdue | None


def checks(protocol: Protocol, known: Known) -> tuple[Check, ...]:
    """Every check that means something for this trial, in the order in which data come in."""
    said = {one.code: one for one in known.concerns}
    return (
        _counted("Every delivery could be used", known.refused, f"{known.refused:,} refused of {known.deliveries:,}"),
        *_arrived(protocol, known.waited),
        _released("Rows set aside", known.set_aside, "at least", "fewer than 10 for any one reason"),
        *_compared(protocol, known, said),
        *_other(said),
        Check("Changes after the correction window, kept but not used", "told", _about(known.late)),
        *(Check(f"Results that never came, {group}", "told", _about(count)) for group, count in known.missing.items()),
    )


def passed(found: Sequence[Check]) -> tuple[int, int]:
    """(checks that pass, checks that could be judged)."""
    judged = [one for one in found if one.state in ("passes", "attention")]
    return sum(one.state == "passes" for one in judged), len(judged)


def _counted(name: str, wrong: int, words: str) -> Check:
    return Check(name, "attention" if wrong else "passes", words if wrong else "all")


def _released(name: str, count: int | None, about: str, few: str) -> Check:
    return Check(name, "passes" if count is None else "attention", few if count is None else f"{about} {count:,}")


def _arrived(protocol: Protocol, waited: Overdue | None) -> list[Check]:
    """What should have come. Nothing is asked of a trial that is over, or that waits for nothing."""
    if waited is None:
        return []
    found = []
    if waited.every is not None:
        source = waited.source
        late = (
            "" if source is None else f"nothing {'since' if source.ever else 'since the seal on'} {_day(source.since)}"
        )
        found.append(Check("Deliveries come on time", "attention" if late else "passes", late or "yes"))
    if len(protocol.sites) > 1:
        names = {site.id: site.name or site.id for site in protocol.sites}
        silent = ", ".join(names[one.site] for one in waited.silent_told)
        found.append(
            Check("Every site reports", "attention" if silent else "passes", f"silent: {silent}" if silent else "yes")
        )
    due, holes = tens(len(waited.due)), tens(len(waited.holes))
    few = f"fewer than {LIMIT} late"
    found.append(
        Check("Results come when they are due", "attention" if due else "passes", f"about {due:,} late" if due else few)
    )
    if "entry_order" in protocol.order_by:
        gaps = f"about {holes:,} numbers of nobody" if holes else f"fewer than {LIMIT} gaps"
        found.append(Check("Nobody is left out of the list", "attention" if holes else "passes", gaps))
    return found


def _compared(protocol: Protocol, known: Known, said: Mapping[str, Concern]) -> list[Check]:
    """The groups beside each other: sizes as allocated (sample ratio mismatch), missing alike, reports in time."""
    ratio = " : ".join(str(arm.allocation) for arm in protocol.arms)
    found = []
    if protocol.control is not None:
        fits = ("they do not", f"yes, {ratio}")
        found.append(_tested("Group sizes fit the planned allocation", "sample_ratio", known, said, fits))
        found.append(
            _tested("Results are missing alike in all groups", "missing", known, said, ("they are not", "yes"))
        )
    found.append(_tested("Nine reports in ten come in time", "late", known, said, ("they do not", "yes")))
    return found


def _tested(name: str, code: str, known: Known, said: Mapping[str, Concern], words: tuple[str, str]) -> Check:
    """words: when the look flags it, and when it does not."""
    if code in said:
        return Check(name, "attention", words[0], said[code].holds)
    return Check(name, "passes", words[1]) if known.judged else Check(name, "waiting", "not judged yet")


def _other(said: Mapping[str, Concern]) -> list[Check]:
    """What else the look flags."""
    return [
        Check(f"{text[:1].upper()}{text[1:]}", "attention", "flagged", said[code].holds)
        for code, text in ((code, safe_concern(one)) for code, one in said.items())
        if code not in (*OWN, *ELSEWHERE)
    ]


def _about(count: int | None) -> str:
    return f"fewer than {LIMIT}" if count is None else f"about {count:,}"


def _day(when: date) -> str:
    return f"{when.day} {when:%B %Y}"
