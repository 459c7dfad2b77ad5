"""What a report of one page says, whatever it is drawn on."""

from __future__ import annotations

from trials.reporting.report import Entry, Figure, Plot, Point, Report, Section, Table, as_json

__all__ = ["Entry", "Figure", "Plot", "Point", "Report", "Section", "Table", "as_json"]
