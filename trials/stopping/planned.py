"""How many people the plan says should have joined by a day, and how what may be told of them stands to it.

No statement of probability: arithmetic of the plan's own numbers (`stopping.recruitment`), with every site expected to bring
the same. Who joined comes in as a released table alone, so nothing here says more than its steps: "behind" holds for the most
people that they leave possible, "on plan" for the fewest.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from datetime import date, timedelta
from typing import Literal

from trials.disclosure import LIMIT, SafeTable, between
from trials.protocol import Protocol
from trials.stopping.recruitment import judged_from
from trials.stopping.rule import DAYS_A_MONTH, Facts

# A site that has at most this share of what was planned there by now has barely started.
BARELY = 0.25
Standing = Literal["behind", "on plan", "open", "not yet"]


@dataclass(frozen=True, slots=True)
class Plan:
    """The planned pace: people a month from `begin` on (the grace months are over), until `most` have joined. until: the last
    day of which enrolments are known. sites: over how many it is spread."""

    begin: date
    until: date
    per_month: float
    most: int
    sites: int

    def by(self, day: date) -> float:
        """People that should have joined by the end of a day."""
        return min(self.per_month * max((day - self.begin).days, 0) / DAYS_A_MONTH, float(self.most))

    @property
    def now(self) -> float:
        return self.by(self.until)

    @property
    def a_site(self) -> float:
        """People that should have joined at each site by now."""
        return self.now / self.sites

    @property
    def full_on(self) -> date:
        """The day by which all should have joined; a century away at most."""
        return self.begin + timedelta(days=min(math.ceil(self.most / self.per_month * DAYS_A_MONTH), 36_525))


@dataclass(frozen=True, slots=True)
class Against:
    """How those who joined stand to the plan. least, most: people, by what is told. behind: the least share that is lacking,
    where some is for sure. barely: sites that have barely started, for sure."""

    plan: Plan
    least: int
    most: int
    standing: Standing
    behind: float | None
    barely: tuple[str, ...]


def plan_of(facts: Facts) -> Plan | None:
    """The planned pace of a trial; None where its plan has none."""
    protocol = facts.protocol
    rule = None if protocol.stopping is None else protocol.stopping.recruitment
    if rule is None:
        return None
    until = min(facts.known_until, facts.today, facts.closed or facts.today)
    return Plan(judged_from(facts, rule), until, rule.per_month, protocol.monitoring.max_participants, _sites(protocol))


def against(plan: Plan, table: SafeTable, *, known: int = 0) -> Against:
    """A released table of who joined against the plan. known: people of whom it is told elsewhere that they joined at least.

    Raises ValueError for a table that was not released.
    """
    if not table.released:
        raise ValueError("only what is released is held against the plan; this table was made for one showing")
    least, most = between(table)
    least = max(least, known)
    most = max(most, least)
    due = plan.now
    behind = 1 - most / due if due >= LIMIT and most < due else None
    standing: Standing = "not yet" if due < LIMIT else "behind" if behind else "on plan" if least >= due else "open"
    return Against(plan, least, most, standing, behind, _barely(plan, table))


def _barely(plan: Plan, table: SafeTable) -> tuple[str, ...]:
    if len(table.rows) < 2:
        return ()
    most = {row: sum(table.below[row, column] - 1 for column in table.columns) for row in table.rows if row}
    return tuple(row for row, people in most.items() if people < BARELY * plan.a_site)


def _sites(protocol: Protocol) -> int:
    return max(len(protocol.sites), 1)
