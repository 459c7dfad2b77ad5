"""The trial page's panels, in their order. Adding one is a file beside these and a line in PANELS."""

from __future__ import annotations

from dashboards.panels import effect, endings, enrolment, evidence, groups, plan, quality, watch
from dashboards.panels.panel import Panel

PANELS: list[Panel] = [
    effect.PANEL,
    endings.PANEL,
    evidence.PANEL,
    enrolment.PANEL,
    groups.PANEL,
    watch.PANEL,
    quality.PANEL,
    plan.PANEL,
]
