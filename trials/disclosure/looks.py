"""What is drawn from outcomes: which looks are shown beside each other, and what of a look somebody may see.

Guarantee: an estimate, a bet or a split of the outcome comes from a look with at least LIMIT people in each arm, and in any
two looks shown beside each other each arm's people differ by at least LIMIT. Every other number of people that goes with a
look is one of a look shown: where a claim fired is told as the first look shown in which it had. Looks are taken from the
first on, so the choice stays as it was when more come in, but for one case: a look with another verdict is never held back.
It takes the place of the looks that it lies too near to.

What remains: (1) somebody who kept the page from before a change of verdict can compare the two. (2) The LIMIT or more
people who came between two looks are a group like any other: their share with the outcome can be worked out. (3) A verdict
is told at once, however few people its claim took, and bets are told to one decimal from LIMIT people per arm on, also
while a split is hidden; who inverts the method on them can narrow the split down. (4) A trial that has reached its limit has
at least as many people missing as the planned number is above the number in; it is never said that there are no more.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace

from trials.disclosure.releases import NOTHING, Step, stepped
from trials.disclosure.tables import LIMIT, safe_count
from trials.evidence import Claim, Interval, Look
from trials.outcomes import kind_named
from trials.protocol import Primary, Protocol

# A claim of a look: ('', name) of the trial, (arm, name) of one comparison, (arm, measure) of a guardrail.
_Key = tuple[str, str, str]


def enough(look: Look) -> bool:
    """Whether anything drawn from outcomes may be shown: with fewer than LIMIT people in an arm it would tell theirs."""
    return look.estimate is not None and all(arm.n >= LIMIT for arm in look.arms)


def splits_hidden(look: Look, *, binary: bool = False, events: bool = False) -> bool:
    """Whether a table of the arms would hold a small number.

    binary: the totals are people with the outcome, so those without are a count too. events: the totals are events, of
    which a few are those of a few people. Then the estimate and its interval are hidden with the table: together with the
    arms' sizes they give it away.
    """
    counts = [arm.n for arm in look.arms]
    if binary or events:
        counts += [round(arm.total) for arm in look.arms]
    if binary:
        counts += [arm.n - round(arm.total) for arm in look.arms]
    return None in map(safe_count, counts)


def unhidden(protocol: Protocol, look: Look | None) -> Look | None:
    """The look, if its arms and the estimate between them may be shown."""
    values = kind_named(protocol.primary.kind).values
    hidden = look is None or splits_hidden(look, binary=values in ("binary", "time"), events=values == "count")
    return None if hidden else look


def apart(looks: Iterable[Look], shown: Sequence[Look] = ()) -> tuple[Look, ...]:
    """The looks that may be shown beside each other, in order; `shown` are those already chosen among earlier ones."""
    kept = list(shown)
    for look in filter(enough, looks):
        if kept and not _moved(kept[-1], look) and look.verdict == kept[-1].verdict:
            continue
        while kept and not _moved(kept[-1], look):
            kept.pop()
        kept.append(look)
    return tuple(kept)


# (delivery, by arm the most and the least that the page after it tells of people who joined).
Told = tuple[int, dict[str, tuple[int, int]]]


def told_of_arms(
    looks: Iterable[Look], shown: Sequence[Look], missing: Mapping[str, Step]
) -> tuple[list[Told], tuple[Look, ...], dict[str, Step]]:
    """What pages told of each arm's people after each of these looks, with the looks shown and the releases of the missing
    after the last. shown, missing: as they were before the first.

    A page tells those with a result as of the newest look shown, all of whom joined, and those missing in steps: at most the
    sum of the two is what a reader takes to have joined, at least those with a result.
    """
    kept, steps, found = tuple(shown), dict(missing), list[Told]()
    for look in looks:
        kept = apart([look], kept)
        steps |= {arm.arm: stepped([arm.missing], steps.get(arm.arm, NOTHING)) for arm in look.arms}
        if kept:
            absent = {arm: step.shown or 0 for arm, step in steps.items()}
            arms = {arm.arm: (arm.n + absent.get(arm.arm, 0), arm.n) for arm in kept[-1].arms}
            found.append((look.batch_seq, arms))
    return found, kept, steps


def with_crossings(shown: Sequence[Look]) -> tuple[Look, ...]:
    """The looks shown, each claim that fired told as fired at the first of them in which it had."""
    first: dict[_Key, int] = {}

    def at(look: Look, key: _Key, claim: Claim) -> Claim:
        return replace(claim, crossed_at_n=first.setdefault(key, look.n)) if claim.fired else claim

    def claims(look: Look, arm: str, found: Mapping[str, Claim]) -> dict[str, Claim]:
        return {name: at(look, ("claim", arm, name), claim) for name, claim in found.items()}

    return tuple(
        replace(
            look,
            claims=claims(look, "", look.claims),
            comparisons=tuple(replace(one, claims=claims(look, one.arm, one.claims)) for one in look.comparisons),
            guardrails=tuple(
                replace(one, claim=at(look, ("guardrail", one.arm, one.measure), one.claim)) for one in look.guardrails
            ),
        )
        for look in shown
    )


def rounded(primary: Primary, value: float | None) -> float | None:
    """An effect with no more digits than its words have: one decimal per 100 people; whole units of an amount from 100 on."""
    return None if value is None else round(value, digits(primary, abs(value))) + 0.0


def digits(primary: Primary, size: float) -> int:
    """Decimals of a value that no words say more of. Shares read per 100, so they have two more."""
    values = kind_named(primary.kind).values
    if values in ("binary", "time"):
        return 3 if values == "binary" else 2
    if primary.kind == "score":
        low, high = primary.bounds or (0.0, 1.0)
        return 1 if high - low >= 10 else 3
    return 0 if size >= 100 else 1 if size >= 1 else 2


def rounded_look(protocol: Protocol, look: Look) -> Look:
    """The look with its effects as rounded as their words: a split that is hidden can't be worked out from their digits."""

    def short(value: float | None) -> float | None:
        return rounded(protocol.primary, value)

    def ends(interval: Interval) -> Interval:
        return short(interval[0]), short(interval[1])

    comparisons = tuple(
        replace(one, estimate=short(one.estimate), interval=ends(one.interval)) for one in look.comparisons
    )
    late = look.sensitivity
    if late is not None:
        late = replace(late, estimate=short(late.estimate), interval=ends(late.interval))
    return replace(
        look,
        estimate=short(look.estimate),
        interval=ends(look.interval),
        adjusted=short(look.adjusted),
        comparisons=comparisons,
        sensitivity=late,
    )


def _moved(before: Look, now: Look) -> bool:
    had = {arm.arm: arm.n for arm in before.arms}
    return all(abs(arm.n - had.get(arm.arm, 0)) >= LIMIT for arm in now.arms)
