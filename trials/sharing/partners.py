"""Shared value: what each partner hopes for, side by side, with what the trial shows of it so far and where hopes pull apart.

A trade-off is said to be there only where intervals bear it out for both sides; where one of them is a tendency it is
said that there may be one. Idea: Porter & Kramer (2011), Harvard Business Review 89(1/2):62-77; that trade-offs are named
rather than assumed away: Crane et al. (2014), California Management Review 56(2):130-153.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import combinations
from typing import Literal

from trials.evidence import Look
from trials.plan.sharing import Partner
from trials.protocol import Protocol
from trials.sharing.effects import NOTHING_YET, Shows, named, primary_of, standing

UNMEASURED = "nothing measures it yet"
# How a hope stands, by the partner's own word on which way is better.
Hoped = Literal["better", "worse", "unclear", "nothing", "unmeasured"]
WORDS = {
    "better": "better",
    "worse": "worse",
    "unclear": "not yet clear",
    "nothing": "nothing to say yet",
    "unmeasured": "not measured",
}
_TURNED: dict[Shows, Shows] = {"better": "worse", "worse": "better", "unclear": "unclear", "nothing": "nothing"}


@dataclass(frozen=True, slots=True)
class SharedValue:
    """One hope of one partner. label: the measure in words, empty where nothing measures it. shows: what the look has of it, in
    words; stands: whether that is what the partner hopes for. effect: positive = better for this partner."""

    partner: str
    kind: str
    value: str
    measure: str
    label: str
    shows: str
    stands: Hoped
    effect: float | None = None


@dataclass(frozen=True, slots=True)
class TradeOff:
    """One partner's hope comes nearer while another's moves away. sure: both borne out by intervals."""

    gains: SharedValue
    loses: SharedValue
    sure: bool
    sentence: str


@dataclass(frozen=True, slots=True)
class Shared:
    rows: tuple[SharedValue, ...]
    trade_offs: tuple[TradeOff, ...]
    sentence: str


def shared_value(protocol: Protocol, look: Look | None, *, without: str = NOTHING_YET) -> Shared:
    """What every partner hopes for beside what the look shows of it, and the trade-offs between partners.

    without: what is said where there is no look to be shown.
    """
    rows = tuple(row for partner in protocol.partners for row in _rows(protocol, look, partner, without))
    found = trade_offs(rows)
    return Shared(rows, found, _sentence(rows, found))


def _rows(protocol: Protocol, look: Look | None, partner: Partner, without: str) -> list[SharedValue]:
    name = partner.name
    if not partner.hopes:
        said = partner.value or "not said yet"
        return [SharedValue(name, partner.kind, said, "", "", UNMEASURED, "unmeasured")]
    found = []
    for hope in partner.hopes:
        primary = primary_of(protocol, hope.measure) if hope.measure else None
        if primary is None:
            found.append(SharedValue(name, partner.kind, hope.value, "", "", UNMEASURED, "unmeasured"))
            continue
        now = standing(protocol, look, hope.measure, without=without)
        other_way = hope.better is not None and hope.better != primary.better
        effect = now.effect if now.effect is None or not other_way else 0.0 - now.effect
        stands = _TURNED[now.shows] if other_way else now.shows
        found.append(
            SharedValue(name, partner.kind, hope.value, hope.measure, named(primary), now.words, stands, effect)
        )
    return found


def trade_offs(rows: Sequence[SharedValue]) -> tuple[TradeOff, ...]:
    """The pairs of different partners of whom one gains while the other loses, sure ones first."""
    found = []
    for one, other in combinations(rows, 2):
        if one.partner == other.partner:
            continue
        leans = _leans(one), _leans(other)
        if leans[0] * leans[1] < 0:
            gains, loses = (one, other) if leans[0] > 0 else (other, one)
            sure = gains.stands == "better" and loses.stands == "worse"
            found.append(TradeOff(gains, loses, sure, _said(gains, loses, sure)))
    return tuple(sorted(found, key=lambda one: not one.sure))


def _leans(row: SharedValue) -> int:
    """1 = towards the hope, -1 = away from it, 0 = neither can be said."""
    if row.stands in ("better", "worse"):
        return 1 if row.stands == "better" else -1
    if row.stands != "unclear" or row.effect is None or row.effect == 0:
        return 0
    return 1 if row.effect > 0 else -1


def _said(gains: SharedValue, loses: SharedValue, sure: bool) -> str:
    same = f"on {gains.label}" if gains.measure == loses.measure else f"{gains.label} against {loses.label}"
    if sure:
        return (
            f"Trade-off, {same}: what {gains.partner} hopes for comes ({gains.shows}), at the cost of what "
            f"{loses.partner} hopes for ({loses.shows})."
        )
    return (
        f"There may be a trade-off, {same}: {gains.partner} seems to gain ({gains.shows}) while {loses.partner} seems to lose "
        f"({loses.shows}), but this may still be chance."
    )


def _sentence(rows: Sequence[SharedValue], found: Sequence[TradeOff]) -> str:
    if not rows:
        return "The plan names no partners."
    blind = sum(row.stands == "unmeasured" for row in rows)
    sure = sum(one.sure for one in found)
    measured = f"{len(rows) - blind} of {len(rows)} hopes have a measure"
    if sure:
        between = (
            f"{sure} trade-off{'' if sure == 1 else 's'} between partners {'is' if sure == 1 else 'are'} borne out"
        )
    elif found:
        between = f"{len(found)} trade-off{'' if len(found) == 1 else 's'} may be there, none is borne out"
    else:
        between = "no trade-off between partners shows so far"
    return f"{measured}; {between}."
