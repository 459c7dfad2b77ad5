"""A programme's trials in figures: how fast ideas are decided on, how many taught something, what early stopping released.

Every figure is a count or a plain median of trials that were closed; nothing is estimated. Against the fixed-size plan: the
people whom one test at the end would have needed (`trials.reach.fixed_size`), but never more than the plan allows; of a
feasibility trial, which has no such test, the planned people. A trial that took more counts against the others.
"""

from __future__ import annotations

import statistics
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Literal

from trials.acts.act import CLOSED
from trials.acts.deciding import Decision
from trials.disclosure import safe_count
from trials.plan.costs import Costs
from trials.protocol import Protocol

Ending = Literal["running", "learned", "uninformative"]
# Verdicts that answer the question that the trial was for.
ANSWERS = frozenset({"promote", "drop", "stop_for_harm"})


@dataclass(frozen=True, slots=True)
class Life:
    """One trial from its idea to its end. began_at: when its idea was noted (of a trial that continues another: when it was
    registered), `from_idea` says which. planned: people of the fixed-size plan,
    None while it runs. decision: the one that closed it. about: enrolled is told in tens (`trials.disclosure.about`), and so is
    what follows from it; 0 where it is too small to be told."""

    protocol: Protocol
    state: str
    began_at: datetime
    from_idea: bool
    enrolled: int
    planned: int | None
    verdict: str | None = None
    decision: Decision | None = None
    decided_at: datetime | None = None
    about: bool = False

    @property
    def programme(self) -> str:
        return self.protocol.programme or self.protocol.trial

    @property
    def closed(self) -> bool:
        return self.state in CLOSED


@dataclass(frozen=True, slots=True)
class Days:
    """Days from idea to decision over the decided trials: median, fewest, most. from_idea: of how many the idea was noted; of
    the others the days since their registration count."""

    median: float
    fewest: int
    most: int
    trials: int
    from_idea: int


@dataclass(frozen=True, slots=True)
class Released:
    """What was not needed of the fixed-size plans of closed trials, less what was needed beyond them. people and clusters: the
    sums, below 0 where more was needed than planned; `beyond`: how many of the trials took more. money: by currency.

    trials: how many the sums are of; about: some of them are in tens; uncosted: how many of these don't say what a participant
    costs; small: trials left out because so few people joined that the sum would tell how many.
    """

    people: int = 0
    clusters: int = 0
    staff_hours: float = 0.0
    money: tuple[tuple[str, float], ...] = ()
    trials: int = 0
    beyond: int = 0
    uncosted: int = 0
    small: int = 0
    about: bool = False


@dataclass(frozen=True, slots=True)
class Figures:
    """A programme's figures, or (programme None) those of all. Counts are of trials. running: not closed; the rest of the
    counts are of closed ones, each either learned or uninformative; dropped_early and promoted_early are among these.
    """

    programme: str | None
    simulated: bool
    trials: int
    running: int
    closed: int
    learned: int
    uninformative: int
    dropped_early: int
    promoted_early: int
    reruns: int
    days: Days | None
    released: Released


def ending(life: Life) -> Ending:
    """Running while it is open. Learned: closed with an answer, which is a verdict (promote, drop, stop for harm), or both
    claims, that it helps and that it is not worthwhile; of a feasibility trial, an answer to every criterion. Uninformative:
    closed without, such as for recruitment or data.
    """
    if not life.closed:
        return "running"
    return "learned" if _answered(life) else "uninformative"


def _answered(life: Life) -> bool:
    grounds = life.decision.grounds if life.decision is not None else None
    verdict = _verdict(life)
    if verdict == "stop_for_harm":
        return True
    if life.protocol.purpose == "feasibility":
        asked = {criterion.id for criterion in life.protocol.progression}
        return life.decision is not None and bool(asked) and asked <= {one.id for one in life.decision.answers}
    if verdict in ANSWERS:
        return True
    return grounds is not None and {"benefit", "dud"} <= {*grounds.claims} and not grounds.concerns


def _verdict(life: Life) -> str | None:
    """What the decision was taken on; looks after it change nothing."""
    return life.verdict if life.decision is None else life.decision.grounds.verdict


def early(life: Life) -> bool:
    """Closed with fewer people than the fixed-size plan would have taken."""
    return life.planned is not None and life.closed and life.enrolled < life.planned


def spared(life: Life) -> int | None:
    """People (or clusters) whom the fixed-size plan would still have taken, below 0 where more joined than that.

    None while the trial runs, after a closing for a rerun, which takes people anew, and where so few joined that it would tell.
    In tens for whoever may not see small counts.
    """
    if not life.closed or life.planned is None or life.state == "rerun" or safe_count(life.enrolled) is None:
        return None
    return life.planned - life.enrolled if not life.about else round((life.planned - life.enrolled) / 10) * 10


def figures(lives: Iterable[Life]) -> tuple[Figures, ...]:
    """Each programme's figures by name, after those of all; simulated trials apart from real ones, and last.

    Replays of finished trials are left out: nobody decided anything by them.
    """
    counted = [life for life in lives if not life.protocol.retrospective]
    found = []
    for simulated in (False, True):
        some = [life for life in counted if life.protocol.simulated is simulated]
        by_name: dict[str, list[Life]] = defaultdict(list)
        for life in some:
            by_name[life.programme].append(life)
        if some:
            found.append(_figures(None, simulated, some))
        found += [_figures(name, simulated, by_name[name]) for name in sorted(by_name)]
    return tuple(found)


def _figures(programme: str | None, simulated: bool, lives: Sequence[Life]) -> Figures:
    endings = [ending(life) for life in lives]
    over = [life for life in lives if early(life)]
    return Figures(
        programme,
        simulated,
        trials=len(lives),
        running=endings.count("running"),
        closed=len(lives) - endings.count("running"),
        learned=endings.count("learned"),
        uninformative=endings.count("uninformative"),
        dropped_early=sum(life.state in ("dropped", "stopped") for life in over),
        promoted_early=sum(life.state == "promoted" for life in over),
        reruns=sum(life.state == "rerun" for life in lives),
        days=_days(lives),
        released=_released(lives),
    )


def _days(lives: Iterable[Life]) -> Days | None:
    took = [
        ((life.decided_at - life.began_at).days, life.from_idea)
        for life in lives
        if life.closed and life.decided_at is not None
    ]
    if not took:
        return None
    days = [number for number, _ in took]
    return Days(float(statistics.median(days)), min(days), max(days), len(days), sum(known for _, known in took))


def _released(lives: Iterable[Life]) -> Released:
    ended = [life for life in lives if life.closed and life.state != "rerun"]
    known = [(life, number) for life in ended if (number := spared(life)) is not None]
    hours, money, uncosted = 0.0, defaultdict[str, float](float), 0
    for life, number in known:
        costs = costs_of(life.protocol)
        if costs.staff_hours_per_person is None and costs.per_person is None:
            uncosted += 1
        hours += number * (costs.staff_hours_per_person or 0.0)
        if costs.per_person is not None:
            money[costs.currency] += number * costs.per_person
    return Released(
        people=_sum(known, "person"),
        clusters=_sum(known, "cluster"),
        staff_hours=hours,
        money=tuple(sorted(money.items())),
        trials=len(known),
        beyond=sum(number < 0 for _, number in known),
        uncosted=uncosted,
        small=len(ended) - len(known),
        about=any(life.about for life, _ in known),
    )


def _sum(known: Iterable[tuple[Life, int]], unit: str) -> int:
    return sum(number for life, number in known if life.protocol.unit == unit)


def costs_of(protocol: Protocol) -> Costs:
    """What a participant costs by the plan; nothing known where the plan doesn't say."""
    costs = getattr(protocol, "costs", None)
    return costs if isinstance(costs, Costs) else Costs()


_SPARED: Mapping[tuple[str, str], str] = {
    ("dropped", "learned"): "were spared an idea that does nothing worthwhile",
    ("stopped", "stop_for_harm"): "were spared an idea that does harm",
    ("dropped", "stop_for_harm"): "were spared an idea that does harm",
    ("stopped", "learned"): "were spared a trial whose answer was known",
    ("promoted", "learned"): "were not needed to know that it helps",
}


def achievement(life: Life) -> str:
    """What a trial's end achieved or cost, in one sentence; empty while it runs."""
    number, how = spared(life), ending(life)
    if how == "running":
        return ""
    if life.state == "rerun":
        return "closed to be run again: its question is still open."
    if number is None:
        return "ended with fewer people than may be told."
    units, nearly = "clusters" if life.protocol.unit == "cluster" else "people", "about " if life.about else ""
    if number < 0:
        return f"took {nearly}{-number:,} {units} more than the fixed-size plan."
    if number == 0:
        return f"took {nearly}as many as the fixed-size plan."
    verdict = _verdict(life)
    why = _SPARED.get((life.state, "stop_for_harm" if verdict == "stop_for_harm" else how))
    if life.decision is not None and life.decision.reason_code in ("safety", "harm") and verdict != "stop_for_harm":
        why = "were spared an idea that may do harm"
    elif life.protocol.purpose == "feasibility" and how == "learned" and verdict != "stop_for_harm":
        why = "were not needed to know whether it can be done"
    return f"stopped early: {nearly}{number:,} {units} {why or 'were not asked to join a trial that could not tell'}."
