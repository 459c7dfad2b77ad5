"""What a trial can still tell once sites have left it: people who can still come, months, the smallest effect found then.

The pace is the observed one, before a month is over the planned one. The smallest effect is that of a fixed-size trial with
the plan's errors (`trials.reach.fixed_size`, which names its sources), so it stands beside the one told at the gate.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from datetime import date

from trials.disclosure import LIMIT, safe_count
from trials.outcomes import kind_named
from trials.protocol import Protocol
from trials.reach import fixed_size
from trials.stopping.rule import DAYS_A_MONTH


@dataclass(frozen=True, slots=True)
class Replanned:
    """What a trial can still tell once sites have left. expected: people by the planned end, None where no pace is known;
    months_left: until then; months_needed: until all planned people are in. found: the smallest effect that so many people
    find with the planned power, in the measure's own unit; None if even the largest would be missed."""

    planned: int
    expected: int | None
    months_left: float | None
    months_needed: float | None
    found_planned: float | None
    found: float | None
    sentence: str


def replan(
    protocol: Protocol, by_site: Mapping[str, int], gone: Collection[str], first: date | None, on: date
) -> Replanned:
    """The same from figures: people by site, the sites that left, the day on which the first person joined, today.

    The pace is the observed one, before a month is over the planned one; the sites that are left keep their share of it (of
    the people so far, or where these are few of the sites).
    """
    planned, joined = protocol.monitoring.max_participants, sum(by_site.values())
    rule = None if protocol.stopping is None else protocol.stopping.recruitment
    months = 0.0 if first is None else (on - first).days / DAYS_A_MONTH
    pace = joined / months if months >= 1 and joined else None if rule is None else rule.per_month
    found_planned = _found(protocol, planned)
    if pace is None:
        sentence = f"Without {_and(gone)} nobody can say yet how many will join: no pace is planned or seen."
        return Replanned(planned, None, None, None, found_planned, None, sentence)
    end = planned / rule.per_month if rule is not None else months + max(planned - joined, 0) / pace
    left = max(end - months, 0.0)
    rate = pace * _share(protocol, by_site, gone)
    expected = min(planned, int(joined + rate * left + 1e-9))
    needed = None if rate <= 0 else max(planned - joined, 0) / rate
    found = _found(protocol, expected)
    sentence = _replanned(protocol, gone, expected, left, needed, found_planned, found)
    return Replanned(planned, expected, left, needed, found_planned, found, sentence)


def _share(protocol: Protocol, by_site: Mapping[str, int], gone: Collection[str]) -> float:
    lost = sum(people for site, people in by_site.items() if site in gone)
    stay = sum(by_site.values()) - lost
    if min(lost, stay) >= LIMIT:
        return stay / (lost + stay)
    sites = [site.id for site in protocol.sites]
    return sum(site not in gone for site in sites) / len(sites)


def _found(protocol: Protocol, people: int) -> float | None:
    if people < 2:
        return None
    monitoring = protocol.monitoring.model_copy(update={"max_participants": people})
    return fixed_size(protocol.model_copy(update={"monitoring": monitoring}))[1]


def _and(names: Collection[str]) -> str:
    return " and ".join(sorted(names))


def _replanned(
    protocol: Protocol,
    gone: Collection[str],
    expected: int,
    left: float,
    needed: float | None,
    found_planned: float | None,
    found: float | None,
) -> str:
    planned = protocol.monitoring.max_participants
    power = f"{100 * (1 - protocol.monitoring.beta):.0f} %"
    whole = "nobody joins any more" if needed is None else f"all {planned:,} would take {needed:.0f} months"
    people = "fewer than 10" if safe_count(expected) is None else f"about {expected:,}"
    worthwhile = effect_words(protocol, protocol.primary.worthwhile)
    return (
        f"Without {_and(gone)} {people} of {planned:,} planned people can be expected by the planned end, {left:.0f} months "
        f"from now; {whole}. With so many the smallest effect found with {power} power at a fixed size is "
        f"{effect_words(protocol, found)} (with all: {effect_words(protocol, found_planned)}; worthwhile: {worthwhile})."
    )


def effect_words(protocol: Protocol, effect: float | None, none: str = "none, however large") -> str:
    """An effect in the measure's own words; `none` for None."""
    primary = protocol.primary
    return none if effect is None else kind_named(primary.kind).say_effect(primary, effect)
