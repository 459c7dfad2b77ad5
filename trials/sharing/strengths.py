"""Strengths-based measures: what people can do, shown beside the primary measure and never in its place.

Guarantee: P(any of a trial's strength intervals ever misses the truth, at any look) ≤ monitoring.alpha, for the mean difference
from the control within sites (in a trial with one arm: for the mean itself) of the values within the plan's bounds.
The intervals are confidence sequences by betting (Waudby-Smith & Ramdas, 2024, JRSS B 86:1-27; `bounded_mixture`,
`one_arm_bounded`), each end at alpha/(2 K) for K measures times treatment arms (Bonferroni).

Nothing is claimed from them: no strength makes a verdict, moves one or enters its sentence.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from trials.comparing import Entry, Watched, block_for, bounded_method, strata, watched_by
from trials.errors import ProtocolError
from trials.evidence import ArmTotal, Interval, Strength
from trials.outcomes import kind_named
from trials.protocol import Arm, Measure, Primary, Protocol
from trials.sequential import Design
from trials.sequential.design import MANY_STRATA
from trials.sequential.family import Member

# What a strengths measure can be: kinds whose values lie between two ends.
KINDS = ("score", "binary", "amount")
# The bets look for changes of this share of the range, or of half the spread where the plan says it (Norman, Sloan & Wyrwich,
# 2003, Med Care 41:582-592: about the smallest change that people notice); never for less than the floor.
NOTICED, NOTICED_SDS, NOTICED_FLOOR = 0.1, 0.5, 0.01

State = dict[str, Any]


def strengths_of(protocol: Protocol) -> tuple[Watched, ...]:
    """Each strengths measure in each treatment arm, for its interval. Raises ProtocolError when one can't be shown."""
    shares = 2 * len(protocol.strengths) * len(protocol.treatments)
    return tuple(
        _watched(protocol, measure, arm, protocol.monitoring.alpha / shares)
        for measure in protocol.strengths
        for arm in protocol.treatments
    )


def _watched(protocol: Protocol, measure: Measure, arm: Arm, error: float) -> Watched:
    primary = as_primary(measure)
    kind = kind_named(primary.kind)
    n_t, n_c, window = block_for(protocol, arm)
    design = Design(
        n_t=n_t,
        n_c=n_c,
        window=window,
        baseline=kind.baseline_loss(primary),
        worthwhile=kind.from_effect(primary, primary.worthwhile),
        alpha=error,
        beta=error,
        spread=kind.spread(primary),
        several=strata(protocol) > 1,
        many=strata(protocol) > MANY_STRATA,
        values="bounded",
    )
    member = Member(f"{measure.measure}|{arm.id}", bounded_method(protocol), design, arm.id)
    return Watched(measure.measure, arm, primary, member)


def as_primary(measure: Measure) -> Primary:
    """A strengths measure as the kinds judge it; its bets start from the middle of the scale. Raises ProtocolError."""
    where = f"strengths.{measure.measure}"
    if measure.kind not in KINDS:
        raise ProtocolError(
            f'{where}.kind == "{measure.kind}", must be {", ".join(KINDS[:-1])} or {KINDS[-1]}. Ask for it on a short scale, '
            "such as 0 to 10."
        )
    if measure.kind != "binary" and measure.bounds is None:
        raise ProtocolError(
            f"{where}.bounds is missing, must be given for the kind {measure.kind}: an interval that holds at every look needs "
            "values with a limit. Write bounds: [0, 10]."
        )
    low, high = measure.bounds or (0.0, 1.0)
    seen = NOTICED * (high - low) if measure.sd is None else NOTICED_SDS * measure.sd
    noticed = max(seen, NOTICED_FLOOR * (high - low))
    primary = Primary(**measure.model_dump(), baseline=(low + high) / 2, worthwhile=noticed)
    try:
        kind_named(primary.kind).check_plan(primary)
    except ProtocolError as error:
        raise ProtocolError(str(error).replace("primary.", f"{where}.")) from None
    return primary


def check(protocol: Protocol) -> None:
    """Raises ProtocolError when a strengths measure can't be shown."""
    for one in strengths_of(protocol):
        one.member.method.admit(one.member.design)


def start(protocol: Protocol) -> State:
    """The part of a look's state that strengths have, before anybody is in: by measure and arm what was seen, and the bets."""
    return {
        "totals": {measure.measure: {} for measure in protocol.strengths},
        "tracks": {one.member.name: one.member.method.start(one.member.design) for one in strengths_of(protocol)},
    }


def step(protocol: Protocol, state: State, entries: Sequence[Entry]) -> State:
    """The state after these participants, in the sealed order; the given one stays as it was.

    An interval needs no other's evidence, so arms that share controls are not waited for jointly, as claims are.
    """
    here = [entry for entry in entries if not entry.unreported]
    track = strengths_of(protocol)
    placed = [watched_by(protocol, track, entry) for entry in here]
    tracks = {
        one.member.name: one.member.method.step(
            one.member.design,
            state["tracks"][one.member.name],
            tuple(who.units[one.member.name] for who in placed if one.member.name in who.units),
        )
        for one in track
    }
    totals = {measure: _copied(by_site) for measure, by_site in state["totals"].items()}
    for measure in protocol.strengths:
        _add(protocol, measure, totals[measure.measure], here)
    return {"totals": totals, "tracks": tracks}


def _copied(by_site: Mapping[str, Any]) -> dict[str, Any]:
    return {site: {arm: dict(seen) for arm, seen in arms.items()} for site, arms in by_site.items()}


def _add(protocol: Protocol, measure: Measure, by_site: dict[str, Any], entries: Iterable[Entry]) -> None:
    """Adds people's values to the totals of their site and arm; an amount counts capped to the plan's bounds."""
    low, high = measure.bounds or (0.0, 1.0)
    name = measure.measure
    for entry in entries:
        site = entry.site if strata(protocol) > 1 else ""
        if site not in by_site:
            by_site[site] = {arm.id: {"n": 0, "total": 0.0, "missing": 0} for arm in protocol.arms}
        seen = by_site[site][entry.arm]
        sent = entry.guardrails.get(name)
        if sent is None:
            seen["missing"] += 1
            continue
        seen["n"] += 1
        seen["total"] += min(max(sent[0], low), high)


def read(protocol: Protocol, state: State) -> tuple[Strength, ...]:
    """What the state says of each strengths measure in each treatment arm."""
    found = []
    for one in strengths_of(protocol):
        by_site = [state["totals"][one.measure][site] for site in sorted(state["totals"][one.measure])]
        reading = one.member.method.read(one.member.design, state["tracks"][one.member.name])
        kind = kind_named(one.primary.kind)
        ends: Interval = (
            None if reading.low is None else kind.to_effect(one.primary, reading.low),
            None if reading.high is None else kind.to_effect(one.primary, reading.high),
        )
        compared = protocol.control is not None
        estimate = _difference(protocol, one, by_site) if compared else _mean(_pooled(by_site, one.arm.id))
        interval = ends if compared else _of_mean(one.primary, ends)
        totals = tuple(_arm_total(by_site, arm) for arm in protocol.arms)
        found.append(Strength(one.measure, one.arm.id, estimate, interval, totals, compared))
    return tuple(found)


def _pooled(by_site: Sequence[Mapping[str, Any]], arm: str) -> dict[str, Any]:
    return {name: sum(arms[arm][name] for arms in by_site) for name in ("n", "total", "missing")}


def _arm_total(by_site: Sequence[Mapping[str, Any]], arm: Arm) -> ArmTotal:
    seen = _pooled(by_site, arm.id)
    return ArmTotal(arm.id, seen["n"], float(seen["total"]), seen["missing"])


def _mean(seen: Mapping[str, Any]) -> float | None:
    return float(seen["total"] / seen["n"]) if seen["n"] else None


def _difference(protocol: Protocol, one: Watched, by_site: Sequence[Mapping[str, Any]]) -> float | None:
    """The sites' own differences, weighted by n_T n_C/(n_T + n_C) (Mantel & Haenszel, 1959), positive = better."""
    assert protocol.control is not None
    total, weights = 0.0, 0.0
    for arms in by_site:
        treated, control = arms[one.arm.id], arms[protocol.control.id]
        mine, theirs = _mean(treated), _mean(control)
        if mine is None or theirs is None:
            continue
        weight = treated["n"] * control["n"] / (treated["n"] + control["n"])
        total, weights = total + weight * (mine - theirs), weights + weight
    if weights == 0:
        return None
    return total / weights if one.primary.better == "higher" else -total / weights


def _of_mean(primary: Primary, effect: Interval) -> Interval:
    """The mean's own interval, from that of its improvement on the middle of the scale."""
    low, high = effect
    if primary.better == "higher":
        return (None if low is None else primary.baseline + low), (None if high is None else primary.baseline + high)
    return (None if high is None else primary.baseline - high), (None if low is None else primary.baseline - low)
