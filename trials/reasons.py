"""Codes of reasons, and which decision agrees with which verdict: the tables that deciding goes by, and that docs show.

Why they agree as they do stands in docs/managing/decisions.md.
"""

from __future__ import annotations

from collections.abc import Collection

from trials.acts.deciding import DECISIONS

CLOSING = frozenset(DECISIONS) - {"continue"}
# code -> (what it means, the decisions that it is a reason for)
REASONS: dict[str, tuple[str, frozenset[str]]] = {
    "worked": ("it helps, by what was agreed to be worthwhile", frozenset({"promote"})),
    "feasible": ("we can recruit, deliver and measure as planned", frozenset({"promote"})),
    "no_benefit": ("it does not help enough to be worth it", frozenset({"drop", "stop"})),
    "harm": ("people fare worse with it", frozenset({"drop", "stop"})),
    "safety": ("serious events that may be due to it", frozenset({"stop"})),
    "guardrail": ("something that must not get worse did", frozenset({"drop", "stop"})),
    "burden": ("it takes more of staff or people than was agreed", frozenset({"drop", "stop"})),
    "recruitment": ("too few people join", frozenset({"stop", "rerun"})),
    "data_quality": ("too much is missing or wrong to judge it", frozenset({"stop", "rerun"})),
    "delivery": ("it was not delivered as planned", frozenset({"stop", "rerun"})),
    "provider": ("whoever delivers it left or failed", frozenset({"stop", "rerun"})),
    "policy": ("a policy or law changed", frozenset({"stop", "rerun"})),
    "funding": ("the money ended", frozenset({"stop"})),
    "superseded": ("something better or newer takes its place", frozenset({"drop", "stop", "rerun"})),
    "cant_tell": ("the planned people are in and nobody can tell", CLOSING),
}
SITE_REASONS = {
    "provider_failed": "whoever delivers it there left or failed",
    "policy_reversed": "a policy or law changed there",
    "recruitment": "too few people join there",
    "staffing": "the site has no staff for it",
    "data_quality": "what it reports can't be judged",
    "safety": "serious events there",
    "other": "said in words",
}
# Which decisions agree with which verdict. '' = no look yet: then there is nothing but to stop.
AGREES: dict[str, frozenset[str]] = {
    "": frozenset({"stop"}),
    "keep_going": frozenset({"continue"}),
    "promote": frozenset({"promote"}),
    "drop": frozenset({"drop", "stop"}),
    "stop_for_harm": frozenset({"stop"}),
    "cant_tell": frozenset(DECISIONS),
}
# What a feasibility trial's progression comes to stands in place of a verdict on the effect, harm excepted.
PROGRESSION_AGREES: dict[str, frozenset[str]] = {
    "green": frozenset({"promote", "continue"}),
    "amber": frozenset(DECISIONS),
    "not yet": frozenset({"continue"}),
    "red": frozenset({"drop", "stop", "rerun"}),
}
# Concerns of a look that ask for a stop as a stopping rule does (`trials.stopping`), by the code of the reason.
RULES: dict[str, frozenset[str]] = {"data_quality": frozenset({"missing", "sample_ratio"})}
VERDICTS = {
    "": "no look yet",
    "keep_going": "keep going",
    "promote": "promote",
    "drop": "drop",
    "stop_for_harm": "stop for harm",
    "cant_tell": "people must decide",
}
DONE = {
    "drop": "dropped",
    "continue": "goes on",
    "promote": "promoted",
    "stop": "stopped",
    "rerun": "closed for a rerun",
}


def table() -> tuple[tuple[str, ...], ...]:
    """Verdicts by decisions, headings first: whether the one agrees with the other."""
    rows = [_agreeing(VERDICTS[verdict], agreeing, refused=verdict == "") for verdict, agreeing in AGREES.items()]
    rows += [_agreeing(f"feasibility: {light}", agreeing) for light, agreeing in PROGRESSION_AGREES.items()]
    return (("verdict", *DECISIONS), *rows)


def _agreeing(name: str, agreeing: Collection[str], refused: bool = False) -> tuple[str, ...]:
    other = "refused" if refused else "second reviewer"
    return (name, *("agrees" if what in agreeing else other for what in DECISIONS))


def reason_table() -> tuple[tuple[str, ...], ...]:
    """Codes of reasons for closing a trial, headings first."""
    rows = [
        (code, meaning, ", ".join(w for w in DECISIONS if w in whats)) for code, (meaning, whats) in REASONS.items()
    ]
    return (("code", "meaning", "for"), *rows)


def site_table() -> tuple[tuple[str, ...], ...]:
    """Codes of reasons for withdrawing a site, headings first."""
    return (("code", "meaning"), *SITE_REASONS.items())
