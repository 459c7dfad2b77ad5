"""Are the data good enough to tell anything? People with a missing outcome, rows set aside, and what looks flag.

Guarantee: P(the claim ever fires) ≤ the plan's error, however often anybody looks, (missing) when each person's chance of a
missing outcome, given those before them in the sealed order, is at most the limit (`bets.share_log_e`, asked at the looks);
(set aside) when each delivery's expected share of new rows that are set aside, given the deliveries before it, is at most
the limit (`bets.mean_log_e`; a delivery's rows may fail together, so a delivery is one bet, its stake by its size).
What looks flag (arms that don't add up, missing in one arm more than in the other, reports that came too late) are tests at
one look; how often they flag a sound trial over fifty looks is printed by docs/scripts/health_evidence.py.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date

from trials.disclosure import LIMIT, about_numbers, safe_count
from trials.plan.stopping import DataQuality
from trials.stopping.bets import mean_log_e, share_log_e
from trials.stopping.rule import (
    Delivered,
    Facts,
    Finding,
    Level,
    Point,
    Rule,
    RuleClaim,
    claimed,
    level_of,
    share_text,
)

# A delivery of so many new rows has half of the largest stake.
HALF_STAKE = 10
# Concerns of a look that have a rule of their own here, or that the plan itself has from the start.
ELSEWHERE = ("recruitment", "burden", "feasibility", "label")
AT_ONE_LOOK = "tested afresh at each look; about 1 sound trial in 100 is ever flagged over fifty of them"


def missing(facts: Facts) -> tuple[Finding, ...]:
    """People with a missing outcome, of all whose turn in the sealed order has come."""
    rule = _rule(facts)
    if rule is None:
        return ()
    limit = rule.missing_at_most
    looks = [look for look in facts.looks if look.n + look.missing]
    path = [
        Point(look.as_of.date(), look.n + look.missing, float(share_log_e(look.missing, look.n + look.missing, limit)))
        for look in looks
    ]
    null = f"the chance that an outcome is missing is {share_text(limit)} or less for everybody"
    claim = claimed(null, rule.error, "people", path, "nobody's follow-up is over yet")
    lost, people = (looks[-1].missing, looks[-1].n + looks[-1].missing) if looks else (0, 0)
    what, nothing = "outcomes that should be in are missing", "no outcome is due yet"
    plan = f"outcomes of at most {share_text(limit)} of people missing"
    return (_finding("missing", claim, lost, people, limit, (what, nothing), plan),)


def set_aside(facts: Facts) -> tuple[Finding, ...]:
    """Rows that the checks set aside, of those that were sent for the first time."""
    rule = _rule(facts)
    if rule is None:
        return ()
    limit = rule.set_aside_at_most
    rows = [(day, new, aside) for day, new, aside in first_time(facts.deliveries) if new + aside]
    shares = [aside / (new + aside) / limit for _, new, aside in rows]
    weights = [(new + aside) / (new + aside + HALF_STAKE) for _, new, aside in rows]
    logs = mean_log_e(shares, weights) if rows else ()
    path = [Point(rows[at][0], at + 1, float(log)) for at, log in enumerate(logs)]
    null = f"in each delivery {share_text(limit)} of the new rows or less are expected to be set aside"
    claim = claimed(null, rule.error, "deliveries", path, "no delivery has brought rows yet")
    aside, sent = sum(row[2] for row in rows), sum(row[1] + row[2] for row in rows)
    what, nothing = "rows were set aside when they were first sent", "no rows have come yet"
    plan = f"at most {share_text(limit)} of rows set aside"
    return (_finding("set_aside", claim, aside, sent, limit, (what, nothing), plan),)


def first_time(deliveries: Sequence[Delivered]) -> list[tuple[date, int, int]]:
    """(day, new rows, rows newly set aside) a delivery. A source that sends everything again sets the same rows aside again:
    of those only what goes beyond the delivery before counts."""
    found: list[tuple[date, int, int]] = []
    before = 0
    for one in deliveries:
        again = min(before, one.set_aside) if one.known else 0
        found.append((one.day, one.new, one.set_aside - again))
        before = one.set_aside
    return found


def flagged(facts: Facts) -> tuple[Finding, ...]:
    """What the newest look says of the data: its concerns, each with the day of the first look that had it."""
    if not facts.looks:
        return ()
    return tuple(
        _flag(facts, concern.code, concern.sentence, concern.holds)
        for concern in facts.looks[-1].concerns
        if concern.code not in ELSEWHERE
    )


def _flag(facts: Facts, code: str, sentence: str, holds: bool) -> Finding:
    since = next(look for look in facts.looks if any(one.code == code for one in look.concerns))
    claim = RuleClaim(
        "the data are in order",
        0.01,
        crossed_on=since.as_of.date(),
        crossed_at=since.n + since.missing,
        unit="people",
        reason=AT_ONE_LOOK,
    )
    text = f"{sentence[:1].upper()}{sentence[1:]}."
    level: Level = "stop" if holds else "watch"
    told = about_numbers(text)
    return Finding("flagged", "data_quality", level, text, "data in order", claim, about=code, told=told)


def _rule(facts: Facts) -> DataQuality | None:
    return None if facts.protocol.stopping is None else facts.protocol.stopping.data_quality


def _said(what: str, hits: int, of: int, limit: float, claim: RuleClaim, nothing: str, *, told: bool = False) -> str:
    """told: without the share, which moves with each person."""
    if told and of < LIMIT and not claim.fired:
        return f"Fewer than {LIMIT} so far, of which nothing is said yet."
    if claim.log_e is None:
        return f"{nothing[:1].upper()}{nothing[1:]}."
    shown = None if told or safe_count(hits) is None or safe_count(of - hits) is None else hits / of
    share = "" if shown is None else f"{share_text(round(shown, 3))} of "
    text = f"{share}{what}" if share else what
    if claim.fired:
        more = f"{text}, more than the {share_text(limit)} that the plan allows"
        return f"{more[:1].upper()}{more[1:]}: the trial may not be able to tell anything."
    if hits > limit * of:
        return f"More than {share_text(limit)} of {what}{_brackets(shown)}, but chance may do that."
    return f"No more than {share_text(limit)} of {what}{_brackets(shown)}."


def _brackets(shown: float | None) -> str:
    return "" if shown is None else f" ({share_text(round(shown, 3))})"


def _finding(
    rule: str, claim: RuleClaim, hits: int, of: int, limit: float, words: tuple[str, str], plan: str
) -> Finding:
    """words: what is counted, and what is said before anything is."""
    what, nothing = words
    return Finding(
        rule,
        "data_quality",
        level_of(claim, beyond=of >= LIMIT and hits > limit * of),
        _said(what, hits, of, limit, claim, nothing),
        plan,
        claim,
        figures=(("share", round(hits / of, 4) if of else None),),
        rests_on=(hits, of - hits) if of else (),
        told=_said(what, hits, of, limit, claim, nothing, told=True),
    )


MISSING = Rule(
    "missing",
    "data_quality",
    claim="outcomes are missing more often than the plan allows",
    todo="ask the sites for the outcomes, or plan another way to get them",
    source="mixture of likelihood ratios: Robbins (1970)",
    judge=missing,
)
SET_ASIDE = Rule(
    "set_aside",
    "data_quality",
    claim="more of the rows that are sent must be set aside than the plan allows",
    todo="see `roadtest quarantine list`, and mend the cause with the site",
    source="bets on bounded means: Waudby-Smith & Ramdas (2024), section 4",
    judge=set_aside,
)
FLAGGED = Rule(
    "flagged",
    "data_quality",
    claim="arms that don't add up, outcomes missing in one arm, reports too late, a comparison that can't be made",
    todo="clear it up before anybody acts on benefit or dud",
    source="exact tests at each look",
    judge=flagged,
)
