"""The sites' effects as of the newest telling (`trials.disclosure.sites`): who may be told alone, the rest together.

It is made for looking, not for deciding: no claim, verdict or sentence of the trial reads it.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from dashboards.read_model.desk import Desk, choose
from dashboards.read_model.trial import TrialView, card_of
from trials.disclosure import Cell, Telling, rounded
from trials.disclosure.sites import Group
from trials.pooling import Shrunken
from trials.protocol import Protocol
from trials.site_totals import effects


@dataclass(frozen=True, slots=True)
class SiteRow:
    """A site, or the others together. name: as people call it. sites: how many it stands for. arms: people with a result and
    the sum of their values, by arm. own, estimate, low, high: effects, positive = better, as rounded as their words."""

    name: str
    sites: int
    people: int
    arms: dict[str, Cell]
    own: float
    estimate: float
    low: float
    high: float


@dataclass(frozen=True, slots=True)
class Sites:
    """rows: in the plan's order, the others last. mean: of the sites' effects. differ: whether they can be told apart.
    n, as_of, look: of the look that it is as of. told: whether any site may be told of."""

    view: TrialView
    rows: tuple[SiteRow, ...] = ()
    mean: float | None = None
    differ: bool = False
    n: int = 0
    as_of: datetime | None = None
    look: int = 0
    told: bool = False

    @property
    def same_way(self) -> bool:
        """Whether all lie on one side of no effect."""
        return len({row.estimate > 0 if self.differ else row.own > 0 for row in self.rows}) == 1


def sites(desk: Desk, view: TrialView) -> Sites:
    """The sites of a trial's page, as it is or as of an earlier look. Raises NoAccessError."""
    card = card_of(desk, view)
    if view.shown is None or not view.arms:
        return Sites(view)
    tellings = choose(desk, card.protocol, card.look).by_site().tellings
    telling = next((one for one in reversed(tellings) if one.look <= view.shown.number), None)
    if telling is None:
        return Sites(view)
    pooled = effects(view.protocol, telling)
    if pooled is None:
        return Sites(view, told=True)
    return Sites(
        view,
        tuple(_row(view.protocol, telling, *pair) for pair in zip(telling.groups, pooled.sites, strict=True)),
        rounded(view.protocol.primary, pooled.mean),
        pooled.differ,
        telling.n,
        telling.as_of,
        telling.look,
        True,
    )


def _row(protocol: Protocol, telling: Telling, group: Group, found: Shrunken) -> SiteRow:
    arms = {arm.id: telling.cells[group, arm.id] for arm in protocol.arms}

    def short(value: float) -> float:
        return rounded(protocol.primary, value) or 0.0

    return SiteRow(
        _name(protocol, group),
        len(group),
        sum(cell.n for cell in arms.values()),
        arms,
        short(found.own),
        short(found.estimate),
        short(found.low),
        short(found.high),
    )


def _name(protocol: Protocol, group: Group) -> str:
    if len(group) > 1:
        return f"The {len(group)} other sites together"
    named = {site.id: site.name or f"Site {site.id}" for site in protocol.sites}
    return named.get(group[0], "Sites not in the plan")
