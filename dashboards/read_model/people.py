"""The people in a trial, as every reader may see them: partners' hopes, who shaped the plan, the fund, strengths, voices.

Counts of people are releases, and sums move on with ten people or more, whoever asks: pages show no small numbers to anybody.
What rests on results by arm is there only where the view's own is (`TrialView.arms`). Each function asks one query.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime
from typing import TypeVar, get_args

from dashboards.read_model.desk import Desk
from dashboards.read_model.trial import TrialView, card_of, kept
from trials.acts import Act
from trials.acts.act import ActKind
from trials.acts.adaptations import ADAPTATION, Adaptation
from trials.acts.cocreation import CO_CREATION, CO_CREATION_OUTCOME, CoCreation, CoCreationOutcome
from trials.acts.fund import FUND_ANSWER, FUND_REQUEST, FUND_SPENT, FundAnswer, FundRequest, FundSpent, Proposer
from trials.acts.voices import VOICE, VOICE_WITHDRAWN, Voice, VoiceWithdrawn
from trials.evidence import Look
from trials.plan.base import Frozen
from trials.protocol import Arm, Site
from trials.sharing import cocreation as shaping
from trials.sharing import fidelity, partners, voices
from trials.sharing import fund as funds
from trials.sharing.cocreation import Entry, Influence
from trials.sharing.effects import KEPT_BACK, NOTHING_YET, standing, strength_sentences
from trials.sharing.fidelity import Fidelity
from trials.sharing.fund import Equity, FundSummary
from trials.sharing.partners import Shared
from trials.sharing.voices import VoicesSummary
from trials.store import acts, seeing, sharing

Body = TypeVar("Body", bound=Frozen)


@dataclass(frozen=True, slots=True)
class PartnersView:
    """shared: each hope beside what the look shown has of it. arms: whether results by arm are among it."""

    shared: Shared
    arms: bool


@dataclass(frozen=True, slots=True)
class Shaping:
    """Who shaped the plan, and whether the idea is done as planned (None: the plan doesn't describe it). said, altered: of all
    kinds of people together."""

    entries: tuple[Entry, ...]
    influence: tuple[Influence, ...]
    fidelity: Fidelity | None
    said: int
    altered: int


@dataclass(frozen=True, slots=True)
class FundView:
    """summary: None while the plan has no fund. proposed, by_site, by_arm: everybody who could be among them, whether or not
    anybody is: a row that appears would tell of the first. by_site, by_arm: margins of one table, so both are empty where
    results by arm are not for the reader."""

    summary: FundSummary | None
    days: int = 0
    proposed: tuple[tuple[str, int | None], ...] = ()
    by_site: tuple[Equity, ...] = ()
    by_arm: tuple[Equity, ...] = ()


@dataclass(frozen=True, slots=True)
class StrengthsView:
    """A sentence a measure. shows: what each says, for its sign. arms: whether results by arm may be shown."""

    sentences: tuple[str, ...]
    measures: int
    arms: bool
    seen: bool


@dataclass(frozen=True, slots=True)
class VoicesView:
    """heard: whether enough have spoken that anything is told; nobody and a few are the same here."""

    trial: str
    summary: VoicesSummary
    heard: bool


def shared_hopes(desk: Desk, view: TrialView) -> PartnersView:
    """What each partner hopes for beside what may be shown of it."""
    shared = partners.shared_value(view.protocol, _look(view), without=_without(view))
    return PartnersView(shared, view.arms)


def shaped(desk: Desk, view: TrialView) -> Shaping:
    """Contributions as they stand, each kind of people's influence, and how the idea is done."""
    plan = view.protocol
    found = _acts(desk, view, [CO_CREATION, CO_CREATION_OUTCOME, ADAPTATION])
    told = {one.seq: one.body for one in found if isinstance(one.body, CoCreation)}
    entries = shaping.entries(told, _of(found, CoCreationOutcome))
    influence = shaping.influence(entries)
    done = None
    if plan.intervention is not None:
        done = fidelity.fidelity(plan.intervention, _of(found, Adaptation), [site.id for site in plan.sites])
    return Shaping(entries, influence, done, sum(one.said for one in influence), sum(one.altered for one in influence))


def fund(desk: Desk, view: TrialView, today: date | None = None) -> FundView:
    """The fund's ledger in sums and counts that may be told; by site and by arm where results by arm are for the reader."""
    plan = view.protocol
    if plan.fund is None:
        return FundView(None)
    day = today or datetime.now(UTC).date()
    found = _acts(desk, view, [FUND_REQUEST, FUND_ANSWER, FUND_SPENT])
    asked = [(one.by, one.body) for one in found if isinstance(one.body, FundRequest)]
    known = funds.cases(asked, _of(found, FundAnswer), _of(found, FundSpent))
    summary = funds.summary(plan.fund, known, day, small=False)
    by_site, by_arm = tuple[Equity, ...](), tuple[Equity, ...]()
    if desk.reader.kind != "link" and seeing.allowed(desk.store, [plan.trial]):
        sites, arms = [one.id for one in plan.sites], [one.id for one in plan.arms]
        grouped = funds.with_shares(sharing.fund_of(desk.store, plan.trial, day), sites, arms)
        by_site = _named(grouped.by_site, plan.sites)
        by_arm = _named(grouped.by_arm, plan.arms) if view.arms else ()
    return FundView(
        summary,
        plan.fund.days_to_approve,
        tuple((who, summary.proposed.get(who)) for who in get_args(Proposer)),
        by_site,
        by_arm,
    )


def _named(groups: Sequence[Equity], known: Sequence[Site | Arm]) -> tuple[Equity, ...]:
    """A group for every site or arm of the plan, by its name."""
    found = {one.group: one for one in groups}
    none = Equity("", 0, 0, None, None)
    return tuple(replace(found.get(one.id, none), group=one.name or one.id) for one in known)


def strengths(desk: Desk, view: TrialView) -> StrengthsView:
    """What people can do, beside the verdict and apart from it."""
    look = _look(view)
    sentences = strength_sentences(view.protocol, look, without=_without(view))
    return StrengthsView(sentences, len(view.protocol.strengths), view.arms, look is not None)


def voices_of(desk: Desk, view: TrialView) -> VoicesView:
    """What participants, families and staff say, next to what may be shown of the primary measure. Their words are sealed with
    the trial's key, which no page holds."""
    plan = view.protocol
    found = _acts(desk, view, [VOICE, VOICE_WITHDRAWN])
    said = {one.seq: one.body for one in found if isinstance(one.body, Voice)}
    now = standing(plan, _look(view), plan.primary.measure) if view.arms else None
    summary = voices.summary(plan, said, _of(found, VoiceWithdrawn), now)
    told = any(count is not None for heard in summary.heard for count in heard.counts.values())
    return VoicesView(plan.trial, summary, told or bool(summary.codes))


def _acts(desk: Desk, view: TrialView, kinds: Sequence[ActKind]) -> tuple[Act, ...]:
    trial, what = view.protocol.trial, " ".join(kind.name for kind in kinds)
    return kept(desk, card_of(desk, view), what, lambda: acts.acts(desk.store, trial, kinds))


def _look(view: TrialView) -> Look | None:
    """The look that hopes, strengths and voices are held against: none where results by arm are kept back, and without an
    effect where the page shows none."""
    if not view.arms or view.shown is None:
        return None
    if view.effect is None:
        return replace(view.shown, estimate=None, interval=(None, None))
    return view.shown


def _without(view: TrialView) -> str:
    return NOTHING_YET if view.arms else KEPT_BACK


def _of(found: Sequence[Act], model: type[Body]) -> list[Body]:
    return [one.body for one in found if isinstance(one.body, model)]
