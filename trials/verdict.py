"""Evidence -> verdict and its one plain sentence. One pure rule; pages, reports and the command read its result.

A claim that fired stays fired (docs/statistics.md, "Claims"), so the verdict can't flip back without new data:
harm stops the trial; dud and benefit together mean "it helps, but by less than was called worthwhile", which people
must weigh; arms whose sizes don't add up, or a guardrail that is breached, put the decision into people's hands; a full
trial in which nothing fired has reached its limit and can't tell.

What a plan's design can't show, its evidence doesn't say: where arms aren't formed by lot the label's caution stands in every
sentence, none of which says that the idea is the cause, and unless there is a comparator within the site benefit and dud put
the decision into people's hands; so they do in a feasibility trial, which says nothing about whether the idea works. Harm
stops every trial. Data that show that the arms follow from the site, the time or the caseworker take the label of a lot away.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date

from trials.disclosure import LIMIT
from trials.evidence import Claim, Comparison, Concern, Evidence, Guarded, Verdict
from trials.labelling import CONFOUNDED, concerns_of, seen_label
from trials.outcomes import kind_named
from trials.protocol import Protocol


@dataclass(frozen=True, slots=True)
class Held:
    """Results that are in and don't count yet, as somebody who joined earlier has none. until: the day on which that person
    counts as missing; None where no day is known."""

    results: int
    until: date | None = None


def verdict_of(
    claims: Mapping[str, Claim], guardrails: Sequence[Guarded], concerns: Sequence[Concern], *, full: bool
) -> Verdict:
    """The rule itself: exactly one verdict for every combination of what fired. full: everybody planned is accounted for."""
    benefit, dud, harm = (claims[name].fired for name in ("benefit", "dud", "harm"))
    if harm:
        return "stop_for_harm"
    if benefit and dud:
        return "cant_tell"
    if (benefit or dud) and any(concern.holds for concern in concerns):
        return "cant_tell"
    if dud:
        return "drop"
    if any(guarded.claim.fired for guarded in guardrails):
        return "cant_tell"
    if benefit:
        return "promote"
    return "cant_tell" if full else "keep_going"


def judge(
    protocol: Protocol,
    evidence: Evidence,
    *,
    enrolled: int = 0,
    next_due: date | None = None,
    held: Held | None = None,
) -> tuple[Verdict, str]:
    """The verdict and its sentence, from the claims and the plan alone.

    enrolled, next_due and held only colour the sentence of a trial that has too few results to speak of: with a handful of
    people in an arm, what a bet has paid would tell their outcomes.
    """
    evidence = with_plan(protocol, evidence)
    verdict = verdict_of(evidence.claims, evidence.guardrails, evidence.concerns, full=_full(protocol, evidence))
    if protocol.purpose == "feasibility" and verdict != "stop_for_harm":
        return verdict, _feasible(protocol, evidence, enrolled)
    too_early = verdict == "keep_going" and (_nothing_yet(evidence) or min(arm.n for arm in evidence.arms) < LIMIT)
    said = _early(protocol, evidence, enrolled, next_due, held) if too_early else _sentence(protocol, evidence, verdict)
    return verdict, said + _cautioned(protocol, evidence)


def with_plan(protocol: Protocol, evidence: Evidence) -> Evidence:
    """The evidence with what the plan itself holds against acting on it, unless that stands there already."""
    codes = {concern.code for concern in evidence.concerns}
    added = tuple(concern for concern in concerns_of(protocol) if concern.code not in codes)
    return replace(evidence, concerns=(*added, *evidence.concerns)) if added else evidence


def _sentence(protocol: Protocol, evidence: Evidence, verdict: Verdict) -> str:
    """The verdict in words, without the caution that goes with the label; of a trial that has results to speak of."""
    benefit, dud = evidence.claims["benefit"].fired, evidence.claims["dud"].fired
    breached = [guarded for guarded in evidence.guardrails if guarded.claim.fired]
    # The label's caution is the one that more data won't clear up, so it is the one that is told.
    labels = ("label", "confounded")
    held = sorted((one for one in evidence.concerns if one.holds), key=lambda one: one.code not in labels)
    labelled = any(concern.code in labels for concern in held)
    if verdict == "stop_for_harm":
        return _harm(protocol, evidence)
    if benefit and dud and not labelled:
        return _small(protocol, evidence)
    if held and (benefit or dud):
        return _held(protocol, evidence, held[0])
    if verdict == "drop":
        return _drop(protocol, evidence)
    if breached:
        return _breached(protocol, evidence, breached)
    if verdict == "promote":
        return _promote(protocol, evidence)
    if verdict == "cant_tell":
        return _limit(protocol, evidence)
    return _unclear(protocol, evidence)


def outlook(protocol: Protocol, evidence: Evidence) -> str:
    """What would change the verdict, in one sentence."""
    evidence = with_plan(protocol, evidence)
    verdict = verdict_of(evidence.claims, evidence.guardrails, evidence.concerns, full=_full(protocol, evidence))
    window = protocol.data.correction_window
    correction = f"a correction to a result already counted, within {window} of its first report"
    if verdict == "stop_for_harm":
        return f"More people can't take this back; only {correction}, could."
    if protocol.purpose == "feasibility":
        return "More results will not tell whether the idea works; its progression criteria are judged from what they know."
    if verdict in ("promote", "drop"):
        against = _worthwhile(protocol) if verdict == "promote" else "no benefit"
        guarded = ", a guardrail breached" if verdict == "promote" and protocol.guardrails else ""
        return (
            f"It stays so unless there is {correction}; or, as more people come in, the claim against '{against}' is made too"
            f"{guarded}, harm is shown, or the data turn out not to add up."
        )
    if verdict == "cant_tell":
        if _full(protocol, evidence) and not any(claim.fired for claim in evidence.claims.values()):
            return (
                f"Nobody more is planned; only a correction within {window} of a first report could still change this."
            )
        return "People decide this; more results will not decide it for them."
    label = seen_label(protocol, evidence.concerns)
    too_few = _nothing_yet(evidence) or min(arm.n for arm in evidence.arms) < LIMIT
    if too_few and label.why != CONFOUNDED:
        return "Results decide: nothing can be said before at least 10 people have one in each arm."
    benefit, dud, harm = (evidence.claims[name] for name in ("benefit", "dud", "harm"))
    if label.people_decide:
        no_lot = "the data show that no lot formed the arms"
        alone = "no comparator at the same site and time stands behind them"
        because = no_lot if label.why == CONFOUNDED else alone
        return f"It is stopped when harm is shown; benefit and dud alone decide nothing here, as {because}."
    if evidence.basis == "boundaries":
        return "It is judged at the planned looks only: above the upper boundary promote, below the lower one drop."
    return (
        f"It is promoted when the bet against 'no benefit' reaches {at_threshold(benefit.threshold)} to 1 (now "
        f"{_paid(benefit)}), dropped when the bet against 'at least {_say(protocol, protocol.primary.worthwhile)}' reaches "
        f"{at_threshold(dud.threshold)} to 1 (now {_paid(dud)}), and stopped when the bet against 'no harm' reaches "
        f"{at_threshold(harm.threshold)} to 1 (now {_paid(harm)})."
    )


def _full(protocol: Protocol, evidence: Evidence) -> bool:
    return evidence.n + evidence.missing >= protocol.monitoring.max_participants


def _nothing_yet(evidence: Evidence) -> bool:
    return all(claim.log_e is None and claim.p is None for claim in evidence.claims.values())


def noun(protocol: Protocol) -> str:
    """What the trial counts: people, or clusters of them."""
    return "clusters" if protocol.unit == "cluster" else "people"


def count(number: int) -> str:
    """A number of people in a sentence that anybody may read; below 10 it is not given away."""
    return "fewer than 10" if number < LIMIT else f"{number:,}"


def people(protocol: Protocol, number: int) -> str:
    return f"{count(number)} {noun(protocol)}"


def times(log_e: float) -> str:
    """What a bet has paid, 'to 1': e^log_e with as many digits as anybody needs, rounded down.

    Down, because "20 to 1" beside "we act at 20 to 1" must mean that the claim has fired.
    """
    if log_e >= math.log(1e6):
        return "over 1,000,000"
    tenths = math.floor(math.exp(log_e) * 10 + 1e-9)
    if tenths < 1:
        return "under 0.1"
    return f"{tenths // 10:,}" if tenths >= 100 else f"{tenths / 10:.1f}"


def at_threshold(threshold: float) -> str:
    return f"{threshold:,.0f}" if math.isclose(threshold, round(threshold)) else f"{threshold:,.1f}"


def _say(protocol: Protocol, effect: float | None) -> str:
    return "nothing yet" if effect is None else kind_named(protocol.primary.kind).say_effect(protocol.primary, effect)


def _measure(protocol: Protocol) -> str:
    return protocol.primary.label or protocol.primary.event or protocol.primary.measure


def _estimate(protocol: Protocol, evidence: Evidence | Comparison) -> str:
    low, high = evidence.interval
    whose = ""
    if isinstance(evidence, Comparison):
        whose = next(f", {arm.name or arm.id}" for arm in protocol.arms if arm.id == evidence.arm)
    middle = f"{_measure(protocol)}{whose}: {_say(protocol, evidence.estimate)}"
    if low is None and high is None:
        return middle
    ends = [("unknown" if end is None else "no difference" if end == 0 else _say(protocol, end)) for end in (low, high)]
    return f"{middle} (plausibly from {ends[0]} to {ends[1]}{_changed(evidence)})"


def _changed(evidence: Evidence | Comparison) -> str:
    """Said when the average has walked out of the range that earlier results left: the effect was not the same all along."""
    low, high = evidence.interval
    if evidence.estimate is None:
        return ""
    below = low is not None and evidence.estimate < low
    above = high is not None and evidence.estimate > high
    return " by what came first; it seems to have changed since" if below or above else ""


def _paid(claim: Claim) -> str:
    return "nothing yet" if claim.log_e is None else f"{times(claim.log_e)} to 1"


def _fired(protocol: Protocol, evidence: Evidence, claim: Claim) -> str:
    """'reached the 20 to 1 that we agreed to act on after 351 people (94 more have come in since)'."""
    at = claim.crossed_at_n or 0
    since = f"{count(evidence.n - at)} more have come in since" if evidence.n > at else ""
    if claim.log_e is not None and claim.log_e < math.log(claim.threshold / 2):
        since += f", and it has fallen back to {_paid(claim)}" if since else f"it has fallen back to {_paid(claim)}"
    since = f" ({since})" if since else ""
    return (
        f"reached the {at_threshold(claim.threshold)} to 1 that we agreed to act on after {people(protocol, at)}{since}"
    )


def _because(protocol: Protocol, evidence: Evidence, claim: str, against: str) -> str:
    """Which claim fired and when: a bet that was won, or a boundary crossed at a planned look."""
    found = evidence.claims[claim]
    if evidence.basis == "boundaries":
        at = people(protocol, found.crossed_at_n or 0)
        return f"the boundary agreed against '{against}' was crossed at the look after {at}"
    return f"a bet against '{against}' {_fired(protocol, evidence, found)}"


def _named(protocol: Protocol, evidence: Evidence, claim: str) -> tuple[str, Evidence | Comparison]:
    """The arms that a claim has fired for, by name ('it' in a trial with one), and whose estimate goes with them."""
    fired = [one for one in evidence.comparisons if one.claims[claim].fired]
    if claim == "benefit":
        fired = [one for one in fired if not one.claims["dud"].fired] or fired
    if not fired:
        return "it", evidence
    names = {arm.id: arm.name or arm.id for arm in protocol.arms}
    first = min(fired, key=lambda one: one.claims[claim].crossed_at_n or 0)
    return " and ".join(names[one.arm] for one in fired), first


def _verb(subject: str, one: str, several: str) -> str:
    return several if " and " in subject else one


def _found(protocol: Protocol, evidence: Evidence, claim: str, subject: str) -> str:
    """What a claim says of the idea ('it', or arms by name): that it helps or does harm where a lot formed the arms, else how
    the people with it did beside the others, or beside the benchmark."""
    if seen_label(protocol, evidence.concerns).causal:
        one, several = ("helps", "help") if claim == "benefit" else ("does harm", "do harm")
        return f"{subject} {_verb(subject, one, several)}"
    way = "better" if claim == "benefit" else "worse"
    if protocol.control is None:
        return f"people did {way} than the benchmark"
    return f"people in {'its arm' if subject == 'it' else f'the arm of {subject}'} do {way}"


def _harm(protocol: Protocol, evidence: Evidence) -> str:
    subject, shown = _named(protocol, evidence, "harm")
    because = _because(protocol, evidence, "harm", "no harm")
    if evidence.claims["benefit"].fired and not evidence.comparisons:
        changed = "effect" if seen_label(protocol, evidence.concerns).causal else "difference"
        return (
            f"Stop and tell the safety steward: the {changed} has changed over time; "
            f"{_because(protocol, evidence, 'benefit', 'no benefit')}, and {because.replace('a bet', 'one')}."
        )
    return (
        f"Stop and tell the safety steward: {_found(protocol, evidence, 'harm', subject)}; {because}. "
        f"{_estimate(protocol, shown)}."
    )


def _small(protocol: Protocol, evidence: Evidence) -> str:
    faded = evidence.claims["benefit"].log_e
    now = ""
    if faded is not None and faded < 0:
        now = f" (though the bet against 'no benefit', won after {_at(protocol, evidence, 'benefit')}, has fallen back since)"
    helps, worth = _found(protocol, evidence, "benefit", "it"), _say(protocol, protocol.primary.worthwhile)
    return f"People must decide: {helps}, but by less than the {worth} called worthwhile{now}. {_estimate(protocol, evidence)}."


def _at(protocol: Protocol, evidence: Evidence, claim: str) -> str:
    return people(protocol, evidence.claims[claim].crossed_at_n or 0)


def _cautioned(protocol: Protocol, evidence: Evidence) -> str:
    """The label and what else may be the cause, wherever no lot formed the arms; said once, so not after `_held` said it."""
    label = seen_label(protocol, evidence.concerns)
    fired = evidence.claims["benefit"].fired or evidence.claims["dud"].fired
    said = label.people_decide and fired and not evidence.claims["harm"].fired
    return "" if label.causal or said else f" Evidence: {label.name}; {label.caution}."


def _feasible(protocol: Protocol, evidence: Evidence, enrolled: int) -> str:
    """What a feasibility trial says whatever its claims: nothing about the idea."""
    labels = {one.measure: one.label or one.measure for one in protocol.guardrails}
    breached = sorted({labels.get(one.measure, "the staff's time") for one in evidence.guardrails if one.claim.fired})
    which = " and ".join(breached)
    worse = f"; {which} {_verb(which, 'is', 'are')} worse than was agreed, which people must weigh" if breached else ""
    planned = f"{protocol.monitoring.max_participants:,}"
    joined = f"{people(protocol, max(enrolled, evidence.n + evidence.missing))} of {planned} have joined"
    return (
        f"This is a feasibility trial: it can't tell whether the idea works; {joined}, {count(evidence.n)} with a "
        f"result{worse}. Its progression criteria say whether a larger trial can be done."
    )


def _held(protocol: Protocol, evidence: Evidence, concern: Concern) -> str:
    claim, against = ("benefit", "no benefit") if evidence.claims["benefit"].fired else ("dud", _worthwhile(protocol))
    why, label = concern.sentence, seen_label(protocol, evidence.concerns)
    if concern.code == "confounded" and label.why == CONFOUNDED:
        why = f"its evidence is {label.name}: {label.caution}"
    return f"People must decide: {_because(protocol, evidence, claim, against)}, but {why}."


def _breached(protocol: Protocol, evidence: Evidence, breached: Sequence[Guarded]) -> str:
    subject, _ = _named(protocol, evidence, "benefit")
    helps = ""
    if evidence.claims["benefit"].fired:
        helps = f"{_found(protocol, evidence, 'benefit', subject)}, but "
    labels = {one.measure: one.label or one.measure for one in protocol.guardrails}
    named = [labels[one.measure] for one in breached if one.measure in labels]
    if not named:
        burden = "it takes more of the staff's time than was agreed"
        return f"People must decide: {helps}{burden}. {_estimate(protocol, evidence)}."
    which = " and ".join(sorted(set(named)))
    return (
        f"People must decide: {helps}{which} {_verb(which, 'is', 'are')} worse than the margin that was agreed. "
        f"{_estimate(protocol, evidence)}."
    )


def _promote(protocol: Protocol, evidence: Evidence) -> str:
    subject, shown = _named(protocol, evidence, "benefit")
    helps = _found(protocol, evidence, "benefit", subject)
    return f"Promote: {helps}; {_because(protocol, evidence, 'benefit', 'no benefit')}. {_estimate(protocol, shown)}."


def _worthwhile(protocol: Protocol) -> str:
    return f"at least {_say(protocol, protocol.primary.worthwhile)}"


def _drop(protocol: Protocol, evidence: Evidence) -> str:
    subject = "not worth it" if not evidence.comparisons else "none of the ideas is worth it"
    return f"Drop: {subject}; {_because(protocol, evidence, 'dud', _worthwhile(protocol))}. {_estimate(protocol, evidence)}."


def _limit(protocol: Protocol, evidence: Evidence) -> str:
    planned = people(protocol, protocol.monitoring.max_participants)
    full = f"the planned {planned} are in"
    if evidence.missing:
        full = f"all of the planned {planned} are in or counted as missing"
    if evidence.basis == "boundaries":
        return f"Can't tell: {full}, and no boundary was crossed. {_estimate(protocol, evidence)}."
    benefit = evidence.claims["benefit"]
    return (
        f"Can't tell: {full}; a bet against 'no benefit' has "
        f"paid {_paid(benefit)}, short of {at_threshold(benefit.threshold)}. {_estimate(protocol, evidence)}."
    )


def _early(protocol: Protocol, evidence: Evidence, enrolled: int, next_due: date | None, held: Held | None) -> str:
    planned = protocol.monitoring.max_participants
    when = "" if next_due is None else f"; the next result is due after {next_due.isoformat()}"
    joined = f"{people(protocol, enrolled)} of {planned:,} have joined"
    if min(arm.n for arm in evidence.arms) >= LIMIT and any(one.code == "confounded" for one in evidence.concerns):
        return (
            f"Nothing can be compared: {joined}, {count(evidence.n)} with a result, and none beside one of another arm."
        )
    if held is not None and held.results >= LIMIT:
        until = "" if held.until is None else f", or until {held.until.isoformat()}"
        counts = f"{count(evidence.n)} with a result that counts; {held.results:,} {'more ' * (evidence.n > 0)}results are in"
        return (
            f"Too early to say: {joined}, {counts}, held until the outcome of somebody who joined earlier comes{until}."
        )
    names = {arm.id: arm.name or arm.id for arm in protocol.arms}
    few = [names[arm.arm] for arm in evidence.arms if arm.n < LIMIT] if evidence.n >= 2 * LIMIT else []
    short = f", but fewer than {LIMIT} of them in {' and in '.join(few)}" if few else ""
    return f"Too early to say: {joined}, {count(evidence.n)} with a result{short}{when}."


def _unclear(protocol: Protocol, evidence: Evidence) -> str:
    start = f"Not yet clear: {count(evidence.n)} of {protocol.monitoring.max_participants:,} {noun(protocol)} in"
    if evidence.basis == "boundaries":
        return f"{start}; no boundary was crossed at the planned looks so far."
    benefit = evidence.claims["benefit"]
    return (
        f"{start}; a bet against 'no benefit' "
        f"has paid {_paid(benefit)}, and we act at {at_threshold(benefit.threshold)} to 1.{_dropped(protocol, evidence)}"
    )


def _dropped(protocol: Protocol, evidence: Evidence) -> str:
    """Which arms of several can be dropped while the trial goes on."""
    names = {arm.id: arm.name or arm.id for arm in protocol.arms}
    duds = [names[one.arm] for one in evidence.comparisons if one.claims["dud"].fired]
    return f" Drop {' and '.join(duds)}: not worth it." if duds else ""
