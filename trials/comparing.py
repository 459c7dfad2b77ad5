"""What a plan compares: its arms and guardrails as designs and methods, and their states stepped and read together.

A *track* is the part of a look's state that a method (two arms, one arm) or a family of comparisons (several arms;
guardrails; burden) reads on from.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from math import gcd
from typing import Any, Literal

from trials.errors import ProtocolError
from trials.outcomes import kind_named
from trials.outcomes.kind import Kind
from trials.protocol import Arm, Guardrail, Measure, Primary, Protocol
from trials.sequential import Design, Method, Unit, family, method_for
from trials.sequential.design import MANY_STRATA
from trials.sequential.family import CONTROL, Member, Placed

# A burden's bets look beyond its limit by these shares of it; its null is that the mean is at most the limit.
BURDEN_REACH = 0.2
# Blocks of up to so many members keep the exact allocation ratio.
FEW_MEMBERS = 6
# Under this name a person's caseworker is kept, as a number that stands for them; no measure's name has a dot.
CASEWORKER = "assignment.column"


def strata(protocol: Protocol) -> int:
    """How many groups people are compared within: the sites, or one group of all.

    Where the plan's arms don't share a site nobody there could be compared with anybody, so harm could never be shown. Then
    all are compared together, and the label says that the site may be the cause.
    """
    assignment = protocol.assignment
    apart = assignment.how == "site" or not assignment.within_site
    return 1 if protocol.control is not None and apart else len(protocol.sites)


def design_of(protocol: Protocol, arm: Arm | None = None) -> Design:
    """One arm's comparison as its method sees it; the first treatment's if none is named.

    Raises ProtocolError when the plan can't be judged.
    """
    primary, monitoring = protocol.primary, protocol.monitoring
    kind = kind_named(primary.kind)
    n_t, n_c, window = block_for(protocol, protocol.treatments[0] if arm is None else arm)
    grouped = monitoring.method == "group-sequential"
    return Design(
        n_t=n_t,
        n_c=n_c,
        window=window,
        baseline=kind.baseline_loss(primary),
        worthwhile=kind.from_effect(primary, primary.worthwhile),
        alpha=monitoring.alpha,
        beta=monitoring.beta,
        spread=kind.spread(primary),
        several=strata(protocol) > 1,
        many=strata(protocol) > MANY_STRATA,
        values=kind.values,
        higher=kind.values in ("count", "time") and primary.better == "higher",
        cap=1.0 if primary.bounds is None else primary.bounds[1],
        cohort=primary.cohort,
        grain=primary.grain if kind.values == "time" else 0.0,
        most=monitoring.max_participants,
        looks=monitoring.fractions if grouped else (),
        spending=(monitoring.spending or "obrien-fleming") if grouped else "",
        spending_parameter=monitoring.spending_parameter if grouped else None,
        futility=_futility(protocol) if grouped else "",
    )


def _futility(protocol: Protocol) -> str:
    chosen = protocol.monitoring.futility or protocol.monitoring.spending or "obrien-fleming"
    return "" if chosen == "none" else chosen


def block_for(protocol: Protocol, arm: Arm) -> tuple[int, int, int]:
    """Treated and controls per block, and the window (0 = none)."""
    if protocol.control is None:
        return 1, 0, 0
    return block_of(arm.allocation, protocol.control.allocation)


def block_of(treated: int, control: int) -> tuple[int, int, int]:
    """The block for an allocation ratio: (n_t, n_c, window).

    The smallest of that ratio if it has few members or one arm gives one. Else a smaller one that uses most of every
    `window` people of the exact ratio: a block of 13 loses twelve people for each who is missing.
    """
    divisor = gcd(treated, control)
    n_t, n_c = treated // divisor, control // divisor
    if n_t + n_c <= FEW_MEMBERS or min(n_t, n_c) == 1:
        return n_t, n_c, 0
    shapes = [(t, size - t) for size in range(2, FEW_MEMBERS + 1) for t in range(1, size)]
    t, c = max(shapes, key=lambda shape: (sum(shape) * min(n_t // shape[0], n_c // shape[1]), -sum(shape)))
    return t, c, n_t + n_c


def compared(protocol: Protocol) -> tuple[int, int]:
    """(people in blocks, people) of one round of the first treatment's and the control's allocation."""
    arm, control = protocol.treatments[0], protocol.control
    if control is None:
        return 1, 1
    divisor = gcd(arm.allocation, control.allocation)
    treated, controls = arm.allocation // divisor, control.allocation // divisor
    n_t, n_c, _ = block_of(treated, controls)
    return (n_t + n_c) * min(treated // n_t, controls // n_c), treated + controls


def method_of(protocol: Protocol) -> Method:
    """The method that judges the plan's primary measure. Raises ProtocolError when there is none."""
    design = "one_arm" if protocol.design == "one_arm" else "two_arm"
    return method_for(protocol.monitoring.method, protocol.primary.kind, design=design, unit=protocol.unit)


def members_of(protocol: Protocol) -> tuple[Member, ...]:
    """The comparisons of several arms with one control; empty for other designs."""
    if protocol.design != "multi_arm":
        return ()
    return tuple(Member(arm.id, method_of(protocol), design_of(protocol, arm), arm.id) for arm in protocol.treatments)


@dataclass(frozen=True, slots=True)
class Watched:
    """A guardrail of one treatment arm, or the burden on it (then without a control): what is bet on."""

    measure: str
    arm: Arm
    primary: Primary
    member: Member
    alone: bool = False

    def to_loss(self, value: float, companion: float | None) -> float:
        """The value as a loss in [0, 1]; of a count the capped rate. Raises DataError when it means nothing."""
        kind = kind_named(self.primary.kind)
        loss, exposure = kind.to_unit(self.primary, value, companion)
        if kind.values != "count":
            return loss
        share = min(loss / exposure / _cap(self.primary), 1.0)
        return share if self.primary.better == "lower" else 1.0 - share


def _cap(primary: Primary) -> float:
    return 1.0 if primary.bounds is None else primary.bounds[1]


def guardrails_of(protocol: Protocol) -> tuple[Watched, ...]:
    """Each guardrail in each treatment arm. Raises ProtocolError when one can't be judged."""
    return tuple(_watched(protocol, guardrail, arm) for guardrail in protocol.guardrails for arm in protocol.treatments)


def _watched(protocol: Protocol, guardrail: Guardrail, arm: Arm) -> Watched:
    primary = guardrail.judged()
    kind = kind_named(primary.kind)
    where = f"guardrails.{guardrail.measure}"
    if kind.values == "time":
        raise ProtocolError(
            f'{where}.kind == "{primary.kind}", must be binary, score, amount or count. Use the share with the event.'
        )
    if protocol.control is None and guardrail.baseline is None:
        raise ProtocolError(f"{where}.baseline is missing, must be given in a trial with one arm: its benchmark.")
    # The margin is a change for the worse: there must be room for it on that side.
    worse = primary.model_copy(update={"better": "higher" if primary.better == "lower" else "lower"})
    try:
        kind.check_plan(worse)
    except ProtocolError as error:
        raise ProtocolError(
            str(error).replace("primary.worthwhile", "primary.margin").replace("primary.", f"{where}.")
        ) from None
    n_t, n_c, window = block_for(protocol, arm)
    scale = _cap(primary) if kind.values == "count" else 1.0
    baseline = kind.baseline_loss(primary) / scale
    if kind.values == "count" and primary.better == "higher":
        baseline = 1.0 - baseline
    design = Design(
        n_t=n_t,
        n_c=n_c,
        window=window,
        baseline=baseline,
        worthwhile=kind.from_effect(primary, guardrail.margin) / scale,
        alpha=protocol.monitoring.guardrail,
        beta=protocol.monitoring.beta,
        spread=_spread(kind, primary, baseline),
        several=strata(protocol) > 1,
        many=strata(protocol) > MANY_STRATA,
        values="bounded",
        margin=kind.from_effect(primary, guardrail.margin) / scale,
    )
    return Watched(
        guardrail.measure,
        arm,
        primary,
        Member(f"{guardrail.measure}|{arm.id}", bounded_method(protocol), design, arm.id),
    )


def _spread(kind: Kind, primary: Primary, baseline: float) -> float:
    return kind.spread(primary) if kind.values in ("binary", "bounded") else baseline * (1 - baseline) / 2


def bounded_method(protocol: Protocol) -> Method:
    """The method of values in [0, 1], whatever their kind."""
    design = "one_arm" if protocol.control is None else "two_arm"
    return method_for("anytime", "score", design=design, unit=protocol.unit)


def burdens_of(protocol: Protocol) -> tuple[Watched, ...]:
    """The burden rule in each treatment arm: H0 is that the mean is at most its limit. The measure is a guardrail's.

    Raises ProtocolError when there is no such guardrail, or when the limit lies outside its bounds.
    """
    rule = None if protocol.stopping is None else protocol.stopping.burden
    if rule is None:
        return ()
    guardrail = next((one for one in protocol.guardrails if one.measure == rule.measure), None)
    if guardrail is None or guardrail.bounds is None or kind_named(guardrail.kind).values != "bounded":
        raise ProtocolError(
            f'stopping.burden.measure == "{rule.measure}", must be a guardrail of kind amount or score, so that its values '
            "are collected. Add it under guardrails."
        )
    low, high = guardrail.bounds
    if guardrail.better != "lower" or not low < rule.at_most < high:
        raise ProtocolError(
            f"stopping.burden.at_most == {rule.at_most:g}, must lie inside the bounds [{low:g}, {high:g}] of {rule.measure}, "
            "of which lower must be better."
        )
    limit = (rule.at_most - low) / (high - low)
    reach = BURDEN_REACH * min(limit, 1 - limit)
    method = method_for("anytime", "score", design="one_arm", unit=protocol.unit)
    found = []
    for arm in protocol.treatments:
        design = Design(
            n_t=1,
            n_c=0,
            baseline=limit - reach,
            worthwhile=reach,
            alpha=protocol.monitoring.guardrail,
            beta=protocol.monitoring.beta,
            spread=limit * (1 - limit) / 2,
            values="bounded",
            margin=reach,
        )
        member = Member(f"burden|{arm.id}", method, design, arm.id)
        found.append(Watched(rule.measure, arm, guardrail.judged(), member, alone=True))
    return tuple(found)


def measured(protocol: Protocol) -> tuple[Measure, ...]:
    """The measures that come beside the primary one, in the order in which they are read."""
    return (*protocol.guardrails, *protocol.strengths)


def beside(protocol: Protocol) -> tuple[Measure, ...]:
    """What is stored beside the primary measure, in order: the other measures, and the caseworker where one is asked for."""
    return (*measured(protocol), *([_caseworker(protocol)] if notes_caseworkers(protocol) else []))


def notes_caseworkers(protocol: Protocol) -> bool:
    """Whether each person's caseworker is kept, so that a look can ask whether the arm follows from them: only where a lot
    was to decide between arms and the plan names their column."""
    assignment = protocol.assignment
    return protocol.control is not None and assignment.how == "random" and assignment.column is not None


def _caseworker(protocol: Protocol) -> Measure:
    """No measure, but stored like one. No suite of its own judges it, so it has the primary measure's kind."""
    return Measure.model_construct(measure=CASEWORKER, kind=protocol.primary.kind, better=protocol.primary.better)


@dataclass(frozen=True, slots=True)
class Entry:
    """One participant as the tracks take them in. value None = missing for good.

    unreported: a number that nobody was registered under, so without an arm; only methods that count the planned people
    need it. without: as in `settling.Person`.
    """

    site: str
    arm: str
    value: float | None
    companion: float | None
    guardrails: Mapping[str, tuple[float, float | None]]
    unreported: bool = False
    without: frozenset[str] = frozenset()


HOLE = Entry("", "", None, None, {}, unreported=True)


def start(protocol: Protocol) -> dict[str, Any]:
    """The tracks' states before anybody is in."""
    members, watched, burdens = members_of(protocol), guardrails_of(protocol), burdens_of(protocol)
    return {
        "primary": family.start(members) if members else method_of(protocol).start(design_of(protocol)),
        "guardrails": family.start([one.member for one in watched]) if watched else None,
        "burden": family.start([one.member for one in burdens]) if burdens else None,
    }


def step(protocol: Protocol, tracks: dict[str, Any], entries: Sequence[Entry], people: Sequence[int]) -> dict[str, Any]:
    """The tracks' states after these participants, in the sealed order. people: with an outcome after each of them."""
    members, watched, burdens = members_of(protocol), guardrails_of(protocol), burdens_of(protocol)
    if not counts_planned(protocol):
        people = [n for n, entry in zip(people, entries, strict=True) if not entry.unreported]
        entries = [entry for entry in entries if not entry.unreported]
    units = [_unit(protocol, entry) for entry in entries]
    if members:
        placed = [_placed(protocol, members, entry, unit) for entry, unit in zip(entries, units, strict=True)]
        primary = family.step(members, tracks["primary"], placed, people, _shares(protocol))
    else:
        primary = method_of(protocol).step(design_of(protocol), tracks["primary"], tuple(units))
    after = {"primary": primary, "guardrails": None, "burden": None}
    for name, track in (("guardrails", watched), ("burden", burdens)):
        if track:
            placed = [watched_by(protocol, track, entry) for entry in entries]
            shares = _shares(protocol) if name == "guardrails" else None
            after[name] = family.step([one.member for one in track], tracks[name], placed, people, shares)
    return after


def _shares(protocol: Protocol) -> dict[str, int] | None:
    """Each arm's people in a joint block; None where no two comparisons share their controls."""
    if protocol.design != "multi_arm":
        return None
    divisor = gcd(*(arm.allocation for arm in protocol.arms))
    return {_arm(protocol, arm.id): arm.allocation // divisor for arm in protocol.arms}


def _arm(protocol: Protocol, arm: str) -> str:
    return CONTROL if protocol.control is not None and arm == protocol.control.id else arm


def counts_planned(protocol: Protocol) -> bool:
    """Whether the method does something when everybody planned is accounted for: a last look, a last short cohort."""
    return method_of(protocol).evidence == "boundaries" or kind_named(protocol.primary.kind).values == "time"


def _unit(protocol: Protocol, entry: Entry) -> Unit:
    stratum, role = _place(protocol, entry)
    if entry.value is None:
        return Unit(stratum, role, None)
    loss, companion = kind_named(protocol.primary.kind).to_unit(protocol.primary, entry.value, entry.companion)
    return Unit(stratum, role, loss, companion)


def _place(protocol: Protocol, entry: Entry) -> tuple[str, Literal["t", "c"]]:
    control = protocol.control
    site = entry.site if protocol.sites and strata(protocol) == len(protocol.sites) else ""
    return site, "c" if control is not None and entry.arm == control.id else "t"


def _placed(protocol: Protocol, members: Sequence[Member], entry: Entry, unit: Unit) -> Placed:
    """A participant of a trial with several arms: of their own arm's comparison, or as a control of all."""
    arm = _arm(protocol, entry.arm)
    return Placed(unit.stratum, arm, {one.name: unit for one in members if arm in (CONTROL, one.arm)}, entry.without)


def watched_by(protocol: Protocol, track: Sequence[Watched], entry: Entry) -> Placed:
    """A participant as the guardrails see them; a burden that stands alone has no controls."""
    stratum, role = _place(protocol, entry)
    arm, units = _arm(protocol, entry.arm), {}
    for one in track:
        if arm == one.arm.id or (arm == CONTROL and not one.alone):
            sent = entry.guardrails.get(one.measure)
            loss = None if sent is None else one.to_loss(*sent)
            units[one.member.name] = Unit("" if one.alone else stratum, role, loss)
    return Placed(stratum, arm, units, entry.without)
