"""Where outcomes come from. A new connector is one file here and one line in CONNECTORS."""

from __future__ import annotations

import difflib

from trials.connectors import folder, http, redcap, sql
from trials.connectors.connector import Connector, Found
from trials.errors import SourceError

CONNECTORS = [folder.CONNECTOR, sql.CONNECTOR, http.CONNECTOR, redcap.CONNECTOR]

__all__ = ["CONNECTORS", "Connector", "Found", "connector_named"]


def connector_named(name: str) -> Connector:
    """The connector a protocol's `source.connector` names. Raises SourceError with the known names."""
    for connector in CONNECTORS:
        if connector.name == name:
            return connector
    known = [connector.name for connector in CONNECTORS]
    near = difflib.get_close_matches(name, known, n=1)
    hint = f"Did you mean '{near[0]}'?" if near else f"Write '{known[0]}'."
    raise SourceError(f"source.connector == '{name}', must be one of {', '.join(known)}. {hint}")
