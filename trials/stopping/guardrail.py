"""Is a guardrail breached? What the newest look's bets say of each guardrail in each arm, and of the burden on participants.

Guarantee: P(any guardrail is ever called breached | none is worse than its margin) ≤ the plan's `monitoring.guardrail`, the
burden's own likewise, however often anybody looks: the e-processes of the looks, adjusted by e-Holm
(`trials.sequential.multiple`; Vovk & Wang, 2021, Ann. Stat. 49:1736-1754).
"""

from __future__ import annotations

from trials.disclosure import safe_count
from trials.evidence import Guarded
from trials.stopping.rule import Facts, Finding, Rule, RuleClaim, level_of

BURDEN = "burden"


def judge(facts: Facts) -> tuple[Finding, ...]:
    if not facts.looks:
        return ()
    return tuple(_finding(facts, one) for one in facts.looks[-1].guardrails)


def _finding(facts: Facts, guarded: Guarded) -> Finding:
    protocol = facts.protocol
    several = len(protocol.treatments) > 1
    where = f" in {guarded.arm}" if several else ""
    code = BURDEN if guarded.measure == BURDEN else "guardrail"
    label, plan = _planned(facts, guarded)
    claim = _claim(facts, guarded, label, plan)
    about = f"{guarded.measure} ({guarded.arm})" if several else guarded.measure
    if claim.fired:
        said = f"The guardrail {label} is breached{where}: it is worse than the plan allows"
        if code == BURDEN:
            said = f"The idea takes more of {label} than the plan allows{where}"
    elif claim.log_e is None and claim.reason is not None:
        said = f"Of {label} nothing can be said yet{where}"
    else:
        said = f"No breach of {label} is shown{where}"
    counts = tuple(one.n for one in guarded.arms)
    hidden = any(safe_count(n) is None for n in counts)
    return Finding(
        "guardrail",
        "burden" if code == BURDEN else "guardrail",
        level_of(claim, beyond=False),
        f"{said}.",
        plan,
        claim,
        about=about,
        rests_on=counts if hidden else (),
    )


def _planned(facts: Facts, guarded: Guarded) -> tuple[str, str]:
    """What the measure is called, and what the plan allows of it."""
    protocol = facts.protocol
    if guarded.measure == BURDEN:
        rule = None if protocol.stopping is None else protocol.stopping.burden
        assert rule is not None  # a look has the burden's claim only where the plan has the rule
        names = {one.measure: one.label or one.measure for one in protocol.guardrails}
        return names.get(rule.measure, rule.measure), f"at most {rule.at_most:g} on average"
    one = next(guardrail for guardrail in protocol.guardrails if guardrail.measure == guarded.measure)
    return one.label or one.measure, f"worse by no more than {one.margin:g} {one.unit}".rstrip()


def _claim(facts: Facts, guarded: Guarded, label: str, plan: str) -> RuleClaim:
    claim = guarded.claim
    first = None
    if claim.fired:
        first = next(
            look.as_of.date()
            for look in facts.looks
            for one in look.guardrails
            if (one.measure, one.arm) == (guarded.measure, guarded.arm) and one.claim.fired
        )
    return RuleClaim(
        f"{label}: {plan}", 1 / claim.threshold, claim.log_e, claim.p, first, claim.crossed_at_n, "people", claim.reason
    )


RULE = Rule(
    "guardrail",
    "guardrail",
    claim="a measure that must not get worse has got worse by more than its margin",
    todo="pause, weigh it against the benefit, and decide",
    source="e-processes of the look, e-Holm: Vovk & Wang (2021)",
    judge=judge,
)
