"""The trial page's panels, in their order. Adding one is a file beside these and a line in PANELS."""

from __future__ import annotations

from dashboards.panels import (
    carried,
    cocreation,
    consort,
    decisions,
    effect,
    endings,
    enrolment,
    evidence,
    fund,
    groups,
    lights,
    looklog,
    partners,
    people,
    plan,
    quality,
    sites,
    staff_time,
    strengths,
    voices,
    watch,
)
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
    people.PANEL,
    groups.PANEL,
    sites.PANEL,
    enrolment.PANEL,
    consort.PANEL,
    watch.PANEL,
    staff_time.PANEL,
    lights.PANEL,
    quality.PANEL,
    plan.PANEL,
    partners.PANEL,
    strengths.PANEL,
    cocreation.PANEL,
    voices.PANEL,
    fund.PANEL,
    decisions.PANEL,
    carried.PANEL,
    looklog.PANEL,
]
