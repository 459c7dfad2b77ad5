"""RULES: the stopping rules beside the statistics. A new rule is one file here and one line below.

Each is asked of the stored facts whenever somebody reads; nothing of what it says is stored.
"""

from __future__ import annotations

from trials.stopping import burden, data_quality, guardrail, recruitment, safety
from trials.stopping.rule import Facts, Finding, Rule, findings_json, veiled, worst_first

RULES: tuple[Rule, ...] = (
    safety.EVENT,
    safety.RATE,
    guardrail.RULE,
    recruitment.RULE,
    burden.RULE,
    data_quality.MISSING,
    data_quality.SET_ASIDE,
    data_quality.FLAGGED,
)

CODES = {
    "recruitment": "people join too slowly for the trial to end with an answer",
    "burden": "the idea takes more of people's time than was agreed",
    "data_quality": "the data can't carry a conclusion",
    "guardrail": "something that must not get worse got worse",
    "safety": "harm that may be due to the idea",
}

__all__ = [
    "CODES",
    "RULES",
    "Facts",
    "Finding",
    "Rule",
    "findings_json",
    "judged",
    "table",
    "todo_of",
    "veiled",
    "worst_first",
]


def judged(facts: Facts) -> tuple[Finding, ...]:
    """What every rule of the plan says, worst first. With all numbers: `veiled` hides those of few people."""
    return worst_first([finding for rule in RULES for finding in rule.judge(facts)])


def todo_of(finding: Finding) -> str:
    """What to do when the finding's rule says stop."""
    return next(rule.todo for rule in RULES if rule.name == finding.rule)


def table() -> tuple[tuple[str, ...], ...]:
    """Reason codes and rules for the docs; headings first."""
    rows = tuple((rule.code, CODES[rule.code], rule.name, rule.claim, rule.todo, rule.source) for rule in RULES)
    return (("reason code", "means", "rule", "says stop when", "what to do", "how it is judged"), *rows)
