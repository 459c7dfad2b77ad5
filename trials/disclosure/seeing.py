"""A look as somebody may see it: `safe_look`, which every command, page and report that prints a look goes through."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any
from typing import Protocol as Shape

from trials.disclosure.looks import apart, rounded_look, unhidden, with_crossings
from trials.disclosure.tables import LIMIT
from trials.disclosure.words import about_numbers, safe_concern, told, without_estimate
from trials.evidence import Look
from trials.protocol import Protocol


class Seeing(Shape):
    """What somebody may see of a trial (`trials.store.access.Sight`)."""

    @property
    def arms(self) -> bool: ...

    @property
    def small(self) -> bool: ...


def without_counts(look: Look) -> dict[str, Any]:
    """A look's JSON without counts that are not released: who joined, waits or is missing, and hashes over them."""
    body = {"strengths": (), **look.to_json()}
    hidden = ("enrolled", "waiting", "missing", "late_changes", "state_sha256")
    body |= dict.fromkeys(hidden)
    if body["sensitivity"] is not None:
        body["sensitivity"] = {**body["sensitivity"], "late_changes": None}
    body["concerns"] = [{**concern, "sentence": about_numbers(concern["sentence"])} for concern in body["concerns"]]
    for arms in (body["arms"], *(one["arms"] for one in (*body["guardrails"], *body["strengths"]))):
        for arm in arms:
            arm["missing"] = None
    return body


def safe_look(looks: Sequence[Look], protocol: Protocol, sight: Seeing) -> dict[str, Any]:
    """The trial's newest look as JSON, as far as somebody with this sight may see it.

    looks: all of the trial's, oldest first. Without small counts it is the newest look that may be shown, with the newest
    verdict, and null for what may not be told; without arms no number of a single arm is among it. `as_of_look`: the number
    of the look that the figures are from, null when there are none.
    """
    newest = looks[-1]
    whole = {**newest.to_json(), "as_of_look": newest.number}
    body = whole if sight.small else _released(protocol, newest, apart(looks))
    return body if sight.arms else _without_arms(protocol, body)


def _released(protocol: Protocol, newest: Look, shown: tuple[Look, ...]) -> dict[str, Any]:
    look = rounded_look(protocol, with_crossings(shown)[-1]) if shown else None
    body = without_counts(newest if look is None else look)
    if look is None:
        body |= dict.fromkeys(("n", "estimate", "adjusted", "sensitivity", "outlook", "claims"))
        body |= {"arms": [], "comparisons": [], "guardrails": [], "strengths": [], "interval": [None, None]}
    elif unhidden(protocol, look) is None:
        body |= {"arms": [], "estimate": None, "adjusted": None, "sensitivity": None, "interval": [None, None]}
        body["comparisons"] = [{**one, "estimate": None, "interval": [None, None]} for one in body["comparisons"]]
    body["strengths"] = [one for one in body["strengths"] if all(arm["n"] >= LIMIT for arm in one["arms"])]
    for one in (*body["guardrails"], *body["strengths"]):
        one["arms"] = []  # what else was measured has small numbers of its own
    for claim in _all_claims(body):
        claim |= {name: None if claim[name] is None else float(f"{claim[name]:.2g}") for name in ("log_e", "p")}
    body["concerns"] = [
        {"code": one.code, "sentence": safe_concern(one), "holds": one.holds} for one in newest.concerns
    ]
    return body | {
        "number": newest.number,
        "as_of": newest.as_of.isoformat(),
        "verdict": newest.verdict,
        "sentence": told(protocol, newest, shown),
        "as_of_look": None if look is None else look.number,
    }


def _all_claims(body: dict[str, Any]) -> list[dict[str, Any]]:
    """Every claim in a look's JSON: of the trial, of each comparison, of each guardrail."""
    several = [body["claims"] or {}, *(one["claims"] for one in body["comparisons"])]
    return [claim for claims in several for claim in claims.values()] + [one["claim"] for one in body["guardrails"]]


def _without_arms(protocol: Protocol, body: dict[str, Any]) -> dict[str, Any]:
    """No figure of a single arm: of a trial with several arms that is every estimate too."""
    several = bool(body["comparisons"])
    body = {**body, "arms": [], "comparisons": [], "strengths": []}
    body["guardrails"] = [{**one, "arm": None, "arms": []} for one in body["guardrails"]]
    if several:
        body |= {"estimate": None, "adjusted": None, "sensitivity": None, "interval": [None, None]}
        body["sentence"] = without_estimate(protocol, body["sentence"])
    return body
