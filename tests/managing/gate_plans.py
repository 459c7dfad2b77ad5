"""Plans and evidence for the tests of gate, feasibility and labels."""

from __future__ import annotations

import json
from typing import Any

from flows.template import TEMPLATE
from trials.evidence import CLAIMS, ArmTotal, Claim, Evidence, Guarded
from trials.protocol import Protocol, from_content, from_yaml

BINARY = {"measure": "reoffended", "kind": "binary", "better": "lower", "baseline": 0.29, "worthwhile": 0.07}
SCORE = {
    "measure": "s",
    "kind": "score",
    "better": "higher",
    "baseline": 50,
    "worthwhile": 4,
    "bounds": [0, 100],
    "sd": 20,
}
COUNT = {"measure": "m", "kind": "count", "better": "lower", "baseline": 2.0, "worthwhile": 0.4, "bounds": [0, 12]}
COUNT |= {"exposure": "months"}
TIME = {"measure": "w", "kind": "time_to_event", "better": "lower", "baseline": 0.4, "worthwhile": 0.2, "event": "e"}
ONE = {"design": "one_arm", "arms": [{"id": "idea"}]}
THREE = {"design": "multi_arm", "arms": [{"id": "u", "role": "control"}, {"id": "a"}, {"id": "b"}]}


def plan(people: int = 60, primary: dict[str, Any] | None = None, **changes: Any) -> Protocol:
    body = json.loads(from_yaml(TEMPLATE).canonical())
    body["primary"] = {"follow_up": "52 weeks", **(primary or BINARY)}
    body["monitoring"]["max_participants"] = people
    return from_content(body | changes)


def evidence(fired: tuple[str, ...], breached: bool, n: int) -> Evidence:
    claims = {name: Claim(1.0, 0.4, 20.0, 30 if name in fired else None) for name in CLAIMS}
    guards = (Guarded("hours", "text", Claim(3.5, 0.03, 20.0, 30 if breached else None), ()),)
    arms = (ArmTotal("usual", n // 2, 9.0, 0), ArmTotal("text", n - n // 2, 5.0, 0))
    return Evidence(n, 0, claims, 0.1, (-0.1, 0.3), arms, guardrails=guards)
