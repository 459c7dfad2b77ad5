"""A trial's report from what its page shows: the same view, the same words, and the people's acts beside them."""

from __future__ import annotations

import math
from collections.abc import Sequence
from datetime import datetime, timedelta

from dashboards import read_model, wording
from dashboards.panels import effect as effect_panel
from dashboards.panels.panel import kept_back, several, small_numbers, too_early
from dashboards.read_model import Desk, TrialView
from flows.decided import may_read
from trials import __version__
from trials.disclosure import LIMIT
from trials.evidence import Look
from trials.protocol import Protocol
from trials.reporting import Entry, Figure, Plot, Point, Report, Section, Table, sections
from trials.store import amendments, reading, sharing, stages, standing
from trials.store.engine import Store
from trials.store.reading import TrialCard

_ROWS = 12  # of the table under the plot
_SETTLED = 0.15  # the first looks' ranges fill any axis; from this share of the people on it holds them whole


def gathered(store: Store, trial: str, *, at: datetime, stale_after: timedelta | None = None) -> Report:
    """The report for whoever opened the store. at: when it is made. Raises UnknownTrialError, ForbiddenError,
    ContradictionError."""
    may_read(store, trial)
    view = read_model.trial(Desk(store, stale_after), trial, now=at)
    card = reading.card(store, trial)
    plan = view.protocol
    early = too_early(view, "The estimate and its plausible range appear")
    absence = early or (kept_back(view) if several(view) else None) or small_numbers(view)
    return Report(
        trial=trial,
        title=plan.name,
        question=plan.question,
        place=_place(plan),
        badges=tuple(wording.badges(plan)),
        standing=view.standing,
        verdict=wording.VERDICT_WORDS[view.standing],
        marks=view.marks,
        sentence=view.sentence or "Nothing can be said yet: the plan is registered, and no outcome has been looked at.",
        label=wording.label(plan, view.look),
        claims=sections.claims(plan, view.look),
        cautions=_cautions(view),
        figures=_figures(view),
        plot=None if absence is not None or not view.effects else plot_of(view),
        plot_absent="" if absence is None else f"The effect: {absence.title}. {absence.why}",
        sections=_sections(store, view, card, at),
        footer=_footer(store, view, card, at),
        seen_by=_seen_by(store.person, view),
    )


def _place(plan: Protocol) -> str:
    sites = wording.plural(len(plan.sites), "site") if plan.sites else ""
    kind = "feasibility trial" if plan.purpose == "feasibility" else ""
    parts = (plan.programme, wording.STAGE_WORDS[plan.stage], kind, sites, f"led by {plan.owner}")
    return " · ".join(filter(None, parts))


def _cautions(view: TrialView) -> tuple[str, ...]:
    plan = view.protocol
    return (
        *((wording.BADGE_WHY[wording.SIMULATED] + ".",) if plan.simulated else ()),
        *((wording.RETROSPECTIVE,) if plan.retrospective else ()),
        *((f"No news since {wording.day(view.quality.last_received_at)}.",) if view.stale else ()),
    )


def _figures(view: TrialView) -> tuple[Figure, ...]:
    """The page's key figures, in the page's words."""
    plan, shown, claim = view.protocol, view.shown, view.deciding
    who = wording.units(plan)
    later = f"appears once {LIMIT} {who} in each group have a result"
    if view.effect is not None:
        best = (wording.effect(plan, view.effect.estimate), wording.plausible(plan, view.effect))
    elif shown is not None and several(view) and not view.arms:
        best = ("–", "not shown while the trial runs")
    else:
        best = ("–", "hidden to protect privacy: small numbers stand behind it" if shown is not None else later)
    if claim is None:
        strong = ("–", later if view.look is not None else "no result yet")
    elif claim.fired:
        strong = (wording.threshold(claim).capitalize(), wording.reached(claim, who))
    elif wording.by_boundary(claim):
        strong = ("–", wording.strength(claim))
    else:
        strong = (wording.multiple(claim), f"{wording.threshold(claim)} needed to act")
    counted = wording.counted(shown) if view.look is not None else "–"
    return (
        Figure("Best estimate", *best),
        Figure("Strength of evidence", *strong),
        Figure(f"{who.capitalize()} with a result", counted, f"of {plan.monitoring.max_participants:,} planned"),
        Figure("Have joined", wording.floors(_joined(view)) if view.look is not None else "–"),
    )


def plot_of(view: TrialView) -> Plot:
    """The page's effect chart as values: its looks, its words, its axis."""
    plan, looks = view.protocol, view.effects
    last = looks[-1]
    low, high = axis(looks, plan.primary.worthwhile)
    ends = (
        ("high", last.interval[1], "highest plausible"),
        ("estimate", last.estimate, "best estimate"),
        ("low", last.interval[0], "lowest plausible"),
    )
    measured = f"{wording.measure(plan)[:1].upper()}{wording.measure(plan)[1:]}"
    return Plot(
        points=tuple(Point(look.n, look.interval[0], look.estimate, look.interval[1]) for look in looks),
        worthwhile=plan.primary.worthwhile,
        low=low,
        high=high,
        ticks=tuple((tick, wording.effect_tick(plan.primary, tick)) for tick in ticks(low, high)),
        labels=tuple(
            (name, value, f"{wording.effect_tick(plan.primary, value)} {word}")
            for name, value, word in ends
            if value is not None
        ),
        worth_label=f"Worth having: {wording.worthwhile(plan)}",
        worse_label=f"Worse than {wording.usual(plan)}",
        unit_label=f"{measured}, {wording.effect_unit(plan.primary)}; better is up",
        people_label=f"{wording.units(plan).capitalize()} with a result",
        title=effect_panel.title(view),
        alt=_alt(view, last),
        table=_numbers(plan, read_model.thinned(looks, _ROWS)),
    )


def _alt(view: TrialView, last: Look) -> str:
    """The picture in two sentences and how to read it."""
    plan = view.protocol
    over = f"{last.n:,} {wording.units(plan)}"
    best = f"best estimate {wording.effect(plan, last.estimate)}, {wording.plausible(plan, last)}"
    worth = f"worth having is {wording.worthwhile(plan)}"
    return f"Effect on {wording.measure(plan)} over {over}: {best}; {worth}. {effect_panel.how(view)}"


def _numbers(plan: Protocol, looks: Sequence[Look]) -> Table:
    rows = tuple(
        (
            f"{look.n:,}",
            *(wording.directed(plan, value) for value in (look.interval[0], look.estimate, look.interval[1])),
        )
        for look in looks
    )
    columns = (
        f"{wording.units(plan).capitalize()} with a result",
        "Lowest plausible",
        "Best estimate",
        "Highest plausible",
    )
    return Table("The picture in numbers" + (f", {len(rows)} looks of it" if len(rows) == _ROWS else ""), columns, rows)


def axis(looks: Sequence[Look], worthwhile: float) -> tuple[float, float]:
    """The axis of the effect: 0 and the worthwhile effect with room, and the ranges once they have settled."""
    settled = [look for look in looks if look.n >= _SETTLED * looks[-1].n]
    ends = [end for look in settled for end in (*look.interval, look.estimate) if end is not None]
    reach = max(
        1.6 * max((abs(end) for end in (*looks[-1].interval, looks[-1].estimate) if end is not None), default=0),
        3 * worthwhile,
    )
    low, high = max(min([*ends, -2 * worthwhile]), -reach), min(max([*ends, 2 * worthwhile]), reach)
    room = 0.06 * (high - low)
    return low - room, high + room


def ticks(low: float, high: float) -> list[float]:
    """Four to eight round numbers, 0 among them."""
    rough = (high - low) / 6
    power = 10.0 ** math.floor(math.log10(rough))
    step = power * min((1, 2, 5, 10), key=lambda factor: abs(factor * power - rough))
    return [round(place * step, 10) for place in range(math.ceil(low / step), math.floor(high / step) + 1)]


def _sections(store: Store, view: TrialView, card: TrialCard, at: datetime) -> tuple[Section, ...]:
    plan, trial = view.protocol, card.id
    fidelity = None if plan.intervention is None else sharing.fidelity_of(store, trial)
    rules = () if card.state == "registered" else standing.standing(store, trial, at)
    continued = stages.carried_by(store, trial) if plan.continues else None
    found = (
        sections.decided(card.decisions, card.events, arms=view.arms),
        sections.flow(plan, _flow(view), card.withdrawn, _steps_why(view)),
        sections.progression(plan, card.decisions),
        sections.watched(_guardrails(view), rules, view.concerns, closed=card.closing is not None),
        sections.tried(plan.intervention, fidelity),
        sections.changes(amendments.amendments(store, trial), sealed=view.seal is not None),
        _people(store, plan),
        sections.carried(continued),
    )
    return tuple(one for one in found if one is not None)


def _flow(view: TrialView) -> sections.Flow:
    """Who joined as the enrolment table shows it; in the result, by arm, only where the page shows the groups."""
    if view.look is None:
        return sections.Flow({}, {}, {})
    arms, shown = [arm.id for arm in view.protocol.arms], view.shown
    missing = {arm: wording.about(view.quality.missing.cells.get(arm)) for arm in arms}
    by_arm = view.arms and view.effect is not None
    counted, inside = {"": wording.counted(shown)}, {}
    if by_arm and shown is not None:
        inside = {arm.arm: arm.n for arm in shown.arms}
        counted |= {arm: f"{people:,}" for arm, people in inside.items()}
    totals = {arm: at_least(view.enrolment.column_totals.get(arm), inside.get(arm)) for arm in arms}
    joined = {arm: wording.floor(people) for arm, people in totals.items()}
    return sections.Flow({**joined, "": wording.floors(_joined(view))}, counted, missing)


def at_least(told: int | None, inside: int | None) -> int | None:
    """The larger of two numbers that are told: whoever has a result has joined, so their number is a floor too."""
    return max((one for one in (told, inside) if one is not None), default=None)


def _joined(view: TrialView) -> int | None:
    return at_least(view.enrolment.total, None if view.shown is None else view.shown.n)


def _steps_why(view: TrialView) -> str:
    if view.look is None:
        return ""
    return f"“30+” is 30 or some more: numbers move on in steps of {LIMIT} or more, so that nobody can be worked out."


def _guardrails(view: TrialView) -> list[tuple[str, str]]:
    """Each guardrail and how it stands, as the page has it; which group it is in only for those who see results by arm."""
    plan, shown = view.protocol, view.shown
    labels = {one.measure: one.label or one.measure.replace("_", " ") for one in plan.guardrails}
    if shown is None:
        return [(f"{label[:1].upper()}{label[1:]}", "too early to say") for label in labels.values()]
    found: dict[str, str] = {}
    for one in shown.guardrails:
        name = labels.get(one.measure, "staff's time above its limit")
        name = f"{name[:1].upper()}{name[1:]}"
        if view.arms and len(plan.treatments) > 1:
            name += f", {wording.arm_name(plan, one.arm)}"
        if one.claim.fired or name not in found:
            found[name] = "breached" if one.claim.fired else "no breach shown"
    return list(found.items())


def _people(store: Store, plan: Protocol) -> Section | None:
    """Strengths, voices and trade-offs, each as far as the reader may see it."""
    strengths = sharing.strengths(store, plan.trial)[0] if plan.strengths else ()
    voices = sharing.voices_of(store, plan.trial)
    spoken = any(count is not None for one in voices.heard for count in one.counts.values())
    trade_offs = [one.sentence for one in sharing.shared_value(store, plan.trial).trade_offs] if plan.partners else []
    return sections.people(strengths, voices.sentence if spoken else "", trade_offs)


def _footer(store: Store, view: TrialView, card: TrialCard, at: datetime) -> tuple[Entry, ...]:
    versions = amendments.versions(store, card.id)
    sealed = view.seal or card.sha256
    state = f"version {versions[-1].number}, {'sealed' if view.seal else 'not sealed yet'}" if versions else ""
    looked = "no look yet" if view.look is None else f"look {view.look.number:,}, data as of {moment(view.look.as_of)}"
    told = "" if view.shown is None else f"the look at {view.shown.n:,} {wording.units(view.protocol)}"
    shown = [Entry(f"{told}; later ones appear in steps of 10 or more", "Results as of")] if told else []
    return (
        Entry(f"{sealed} ({state})", "Plan"),
        Entry(looked, "Evidence"),
        *shown,
        Entry(f"{moment(at)} by Roadtest {__version__}", "Made"),
    )


def _seen_by(person: str, view: TrialView) -> str:
    """For whom the report was made, and what is kept back from them."""
    made = f"Made for {person or 'everybody'}; small counts are never in a report."
    if view.arms:
        return f"{made} Checking often is safe: the evidence is built to be looked at as often as you like."
    kept = kept_back(view)
    return made if kept is None else f"{made} {kept.why}"


def moment(at: datetime) -> str:
    """A time as a report says it, in UTC."""
    return f"{at.day} {at:%B %Y, %H:%M} UTC"
