"""How commands reach the Prefect server of a `roadtest serve` on the same home; addresses as they may be shown."""

from __future__ import annotations

import json
import re
import socket
from contextlib import suppress
from pathlib import Path

HERE = ("127.0.0.1", "localhost", "::1")  # hosts that are this machine
ADDRESS_FILE = "serve.json"


def found_server(prefect_home: Path) -> dict[str, str]:
    """The variables with which Prefect reaches the server of a `roadtest serve` that runs on this home; empty if none does."""
    with suppress(OSError, ValueError, KeyError):
        found = json.loads((prefect_home / ADDRESS_FILE).read_text(encoding="utf-8"))
        reach = {name: str(found[name]) for name in ("PREFECT_API_URL", "PREFECT_API_AUTH_STRING")}
        port = int(reach["PREFECT_API_URL"].rpartition(":")[2].partition("/")[0])
        with socket.create_connection(("127.0.0.1", port), timeout=1.0):
            return reach
    return {}


def shown(url: str) -> str:
    """An address without a password in it: neither before its host nor behind a '?' or '#'.

    Only its scheme where an '@' stands behind one of those: then a part of a password may stand anywhere.
    """
    scheme, found, rest = url.partition("://")
    start, rest = (f"{scheme}://", rest) if found else ("", url)
    place, *behind = re.split(r"[?#]", rest, maxsplit=1)
    return start + ("..." if "@" in "".join(behind) else place.rpartition("@")[2])
