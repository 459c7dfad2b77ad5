"""Who took part: who joined against the plan, over time and by site, and the flow of people through the trial."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, date, datetime

from dashboards.read_model.desk import Desk, choose
from dashboards.read_model.trial import TrialView, card_of, kept
from dashboards.read_model.watch import facts_of, pace_of
from trials.disclosure.flow import Flow, flow
from trials.disclosure.over_time import Told
from trials.stopping.planned import Against
from trials.store import joinings


@dataclass(frozen=True, slots=True)
class Who:
    """Who joined. pace: against the plan, None where it has no pace. told: what the table told from which day on."""

    view: TrialView
    pace: Against | None
    told: tuple[Told, ...]


@dataclass(frozen=True, slots=True)
class Through:
    """The flow of people through a trial. left: the sites that left it, and since when."""

    view: TrialView
    flow: Flow
    left: tuple[tuple[str, date], ...] = ()


def who(desk: Desk, view: TrialView) -> Who:
    """Who joined, from released counts alone. Raises NoAccessError."""
    card, chosen = card_of(desk, view), choose(desk, view.protocol, view.look)
    told = kept(desk, card, "over time", lambda: joinings.joined_over_time(desk.store, view.protocol, chosen.told))
    pace = None if view.seal is None else pace_of(facts_of(desk, view, datetime.now(UTC)), view)
    return Who(view, pace, told)


def through(desk: Desk, view: TrialView) -> Through:
    """The flow, from released counts and the look shown. Raises NoAccessError."""
    card = card_of(desk, view)
    # While a split of the outcome is hidden, so are the arms' sizes in the evidence.
    by_arm = view.arms and (view.shown is None or view.effect is not None)
    found = flow(view.enrolment, view.shown, view.quality.missing.cells, by_arm=by_arm)
    names = {site.id: site.name or site.id for site in view.protocol.sites}
    left = tuple((names.get(site, site), left.from_day) for site, left in card.withdrawn.items())
    return Through(view, found, left)
