"""The trial page's panels, in their order. Adding one is a file beside these and a line in PANELS."""

from __future__ import annotations

from dashboards.panels import effect, endings, enrolment, evidence, groups, plan, quality, watch
from dashboards.panels.panel import Panel

# The parts of the page, by the name that a panel gives as its `section`.
SECTIONS: dict[str, str] = {
    "result": "What the evidence says",
    "who": "Who took part, and where",
    "watch": "What is watched",
    "data": "How far the data can be trusted",
    "plan": "What was agreed beforehand",
    "people": "What people say and gave",
    "history": "What was decided, look by look",
}

PANELS: list[Panel] = [
    effect.PANEL,
    endings.PANEL,
    evidence.PANEL,
    groups.PANEL,
    enrolment.PANEL,
    watch.PANEL,
    quality.PANEL,
    plan.PANEL,
]
