"""Several comparisons judged together, in one order: a trial's arms against one control, or its guardrails.

Guarantee: for each kind of claim, P(any of the family's true nulls ever fires) ≤ the family's error rate, at every sample
size and however often anybody looks (e-Holm, `multiple.py`, applied after every joint block). Each member is a two-arm
(or one-arm) comparison with a method of its own; arms share their controls.

A mean of e-processes is an e-process when all of them move in one history. Arms that share controls do so only if no arm
learns of a control before another bets on it. So participants are let in by joint blocks, one share of every arm of a
stratum at a time. An arm whose dud or harm has fired is waited for no longer: it takes part in the blocks for which it has
people, and skips the others, controls and all. So is an arm that people dropped, from the first participant on who joined
without it. Which participants meet does not depend on when that was (the k-th of each arm do, as before), and the family goes
on counting the arm with the e-value that it stopped at, so dropping an arm makes no true null fire. Who has waited for a block
while many others joined their stratum is put aside: where the shares of those who join change over time, matching the k-th of
each arm would compare people who joined months apart, and a base rate that changes would look like an effect.

Members' confidence sequences are kept at error/K each, which is what e-Holm can always claim (E ≥ K/error makes the
adjusted value ≥ 1/error); an end is then moved to the edge of a null that the family has rejected, as closed tests allow.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from trials.errors import ProtocolError
from trials.evidence import Claim
from trials.sequential.design import Design, Mark, Method, Reading, State, Unit
from trials.sequential.multiple import e_holm

CONTROL = ""
# A participant waits for a joint block while at most so many joint blocks' people join their stratum, or so many people.
PATIENCE, AT_LEAST = 4, 50


@dataclass(frozen=True, slots=True)
class Member:
    """One comparison of an arm. design: with the error rates of the whole family."""

    name: str
    method: Method
    design: Design
    arm: str = "t"

    def own(self, size: int) -> Design:
        """The design at the member's share of the errors, for its interval."""
        return replace(self.design, alpha=self.design.alpha / size, beta=self.design.beta / size)


@dataclass(frozen=True, slots=True)
class Placed:
    """One participant: stratum, arm (CONTROL for controls), and what they are to each member that they concern.

    without: the arms that nobody entered any more when they joined.
    """

    stratum: str
    arm: str
    units: Mapping[str, Unit]
    without: frozenset[str] = frozenset()


def start(members: Sequence[Member]) -> State:
    """Raises ProtocolError when a member's method can't tell its evidence block by block."""
    for member in members:
        if member.method.trace is None:
            raise ProtocolError(
                f'monitoring.method == "{member.method.name}", must be anytime where several claims are judged together.'
            )
    states = {member.name: member.method.start(member.own(len(members))) for member in members}
    return {"members": states, "waiting": {}, "now": {}, "peak": {}, "crossed": {}}


def step(
    members: Sequence[Member],
    state: State,
    placed: Sequence[Placed],
    people: Sequence[int],
    shares: Mapping[str, int] | None = None,
) -> State:
    """The state after these participants, in the sealed order. O(new blocks x K²); the given state stays as it was.

    people: with an outcome in the whole trial after each of them. shares: each arm's in a joint block, CONTROL among them;
    None where the members share nobody that one could learn of before another (one treatment arm, no controls).
    """
    if shares is None:
        return _taken(members, state, [(at, one.units) for at, one in enumerate(placed)], people)[0]
    first = 0
    while first < len(placed):
        waiting = _copied(state["waiting"])
        blocks = _joint_blocks(members, waiting, placed, range(first, len(placed)), shares, _closed(members, state))
        after, closed_at = _taken(members, state, blocks, people)
        if closed_at is not None and closed_at < len(placed) - 1:
            # From here on other blocks are formed: take what was formed until then, and go on with the arms left.
            waiting = _copied(state["waiting"])
            until = range(first, closed_at + 1)
            blocks = _joint_blocks(members, waiting, placed, until, shares, _closed(members, state))
            after, _ = _taken(members, state, blocks, people)
        state = {**after, "waiting": waiting}
        first = len(placed) if closed_at is None else closed_at + 1
    return state


def _copied(waiting: dict[str, Any]) -> dict[str, Any]:
    return {
        stratum: {"seen": held["seen"], "arms": {arm: list(kept) for arm, kept in held["arms"].items()}}
        for stratum, held in waiting.items()
    }


def _closed(members: Sequence[Member], state: State) -> set[str]:
    """The arms whose dud or harm has fired."""
    return {member.arm for member in members if {"dud", "harm"} & set(state["crossed"].get(member.name, {}))}


def _joint_blocks(
    members: Sequence[Member],
    waiting: dict[str, Any],
    placed: Sequence[Placed],
    places: range,
    shares: Mapping[str, int],
    closed: set[str],
) -> list[tuple[int, dict[str, Unit]]]:
    """Puts participants into `waiting` (changed in place); who is let in, with the place that completed their block.

    A block waits for the control and for every arm that is not closed; for all of them when none is left open; never for
    one that was dropped.
    """
    found = []
    for at in places:
        one = placed[at]
        left = [arm for arm in shares if arm not in one.without]
        awaited = [arm for arm in left if arm not in closed]
        if set(awaited) <= {CONTROL}:
            awaited = left
        here = waiting.setdefault(one.stratum, {"seen": 0, "arms": {arm: [] for arm in shares}})
        here["seen"] += 1
        held = here["arms"]
        kept = {name: [unit.stratum, unit.arm, unit.loss, unit.companion] for name, unit in one.units.items()}
        held[one.arm].append([here["seen"], kept])
        _put_aside(held, here["seen"] - max(AT_LEAST, PATIENCE * sum(shares.values())))
        while all(len(held[arm]) >= shares[arm] for arm in awaited):
            found += [(at, units) for units in _one_of_each(members, held, shares)]
    return found


def _put_aside(held: dict[str, Any], before: int) -> None:
    """Those who joined their stratum before that place wait no longer."""
    for kept in held.values():
        while kept and kept[0][0] < before:
            kept.pop(0)


def _one_of_each(members: Sequence[Member], held: dict[str, Any], shares: Mapping[str, int]) -> list[dict[str, Unit]]:
    """Takes one joint block out of what is held: each arm's share, controls first; arms short of theirs are left out."""
    here = [arm for arm in shares if len(held[arm]) >= shares[arm]]
    mine = {member.name for member in members if member.arm in here}
    found = []
    for arm in sorted(here):
        for _, kept in held[arm][: shares[arm]]:
            found.append({name: Unit(*unit) for name, unit in kept.items() if name in mine})
        del held[arm][: shares[arm]]
    return found


def _taken(
    members: Sequence[Member], state: State, placed: Sequence[tuple[int, Mapping[str, Unit]]], people: Sequence[int]
) -> tuple[State, int | None]:
    """The state with every member stepped over its participants, and the first place at which an arm closed."""
    state = {
        **state,
        "members": dict(state["members"]),
        **{part: {name: dict(kept) for name, kept in state[part].items()} for part in ("now", "peak", "crossed")},
    }
    events = []
    for number, member in enumerate(members):
        mine = [(at, units[member.name]) for at, units in placed if member.name in units]
        assert member.method.trace is not None  # start() refused it otherwise
        state["members"][member.name], marks = member.method.trace(
            member.own(len(members)), state["members"][member.name], tuple(unit for _, unit in mine)
        )
        events += [(mine[mark.at][0], number, mark) for mark in marks]
    before, closed_at = _closed(members, state), None
    for place, group in _by_place(events):
        for number, mark in group:
            state["now"][members[number].name] = dict(mark.logs)
        _note(members, state, people[place])
        if closed_at is None and _closed(members, state) != before:
            closed_at = place
    return state, closed_at


def _by_place(events: list[tuple[int, int, Mark]]) -> list[tuple[int, list[tuple[int, Mark]]]]:
    grouped: dict[int, list[tuple[int, Mark]]] = {}
    for place, number, mark in events:
        grouped.setdefault(place, []).append((number, mark))
    return sorted(grouped.items(), key=lambda group: group[0])


def errors(design: Design) -> dict[str, float]:
    """Each claim's error rate."""
    if design.margin > 0:
        return {"breach": design.alpha}
    return {"benefit": design.alpha, "dud": design.beta, "harm": design.alpha}


def _adjusted(members: Sequence[Member], state: State, claim: str) -> list[float]:
    """e-Holm over all members; one without a block yet holds what it started with, E = 1."""
    return e_holm([state["now"].get(member.name, {}).get(claim, 0.0) for member in members])


def _note(members: Sequence[Member], state: State, people: int) -> None:
    for claim in errors(members[0].design):
        for member, log in zip(members, _adjusted(members, state, claim), strict=True):
            peak = state["peak"].setdefault(member.name, {})
            peak[claim] = max(log, peak.get(claim, log))
            crossed = state["crossed"].setdefault(member.name, {})
            if claim not in crossed and log >= -math.log(errors(member.design)[claim]):
                crossed[claim] = people


def read(members: Sequence[Member], state: State) -> dict[str, Reading]:
    """Each member's reading, its claims adjusted for the family."""
    readings = {}
    adjusted = {claim: _adjusted(members, state, claim) for claim in errors(members[0].design)}
    for number, member in enumerate(members):
        own = member.method.read(member.own(len(members)), state["members"][member.name])
        claims = {}
        for claim, error in errors(member.design).items():
            if member.name not in state["now"]:
                claims[claim] = Claim(None, None, 1 / error, None, own.claims[claim].reason)
                continue
            p = min(1.0, math.exp(-state["peak"][member.name][claim]))
            crossed = state["crossed"][member.name].get(claim)
            claims[claim] = Claim(adjusted[claim][number], p, 1 / error, crossed)
        low, high = _ends(member.design, own, claims)
        readings[member.name] = replace(own, claims=claims, low=low, high=high)
    return readings


def _ends(design: Design, own: Reading, claims: Mapping[str, Claim]) -> tuple[float | None, float | None]:
    """The interval's ends, moved to the edges of the nulls that the family rejected."""
    if "benefit" not in claims or (own.low is None and own.high is None):
        return own.low, own.high
    low, high = own.low, own.high
    if claims["benefit"].fired:
        low = max(0.0, -math.inf if low is None else low)
    if claims["dud"].fired:
        high = min(design.worthwhile, math.inf if high is None else high)
    if claims["harm"].fired:
        high = min(0.0, math.inf if high is None else high)
    if low is not None and high is not None and low > high:
        return None, None
    return low, high
