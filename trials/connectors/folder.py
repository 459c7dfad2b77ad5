"""CONNECTOR `folder`: CSV files that a site or a nightly copy drops into a folder, one file a delivery.

When a file was sent is read from its name (`2024-03-04_site-a.csv`, `2024-03-04T0930_site-a.csv`, UTC), else it is the
file's time of change. Sub-folders, hidden files and files that are not .csv are left alone.
"""

from __future__ import annotations

import hashlib
import re
from datetime import UTC, datetime
from pathlib import Path

from trials.connectors import tabular
from trials.connectors.connector import Connector, Found, source_name
from trials.errors import SourceError
from trials.protocol import Protocol, Source
from trials.records import Delivery

_ISO_IN_NAME = re.compile(r"(?<!\d)(\d{4})-(\d{2})-(\d{2})(?:T(\d{2})[-:]?(\d{2})(?:[-:]?(\d{2}))?Z?)?(?!\d)", re.ASCII)


def find(source: Source, home: Path) -> tuple[Found, ...]:
    """The CSV files in the source's folder, oldest first by (sent_at, name). Raises SourceError if it is missing."""
    if not source.path:
        raise SourceError("source.path is empty, must name a folder. Write the folder where deliveries arrive.")
    folder = home / source.path
    try:
        paths = [path for path in folder.iterdir() if _is_delivery(path)]
        found = [Found(path.name, sent_at(path), str(path.resolve())) for path in paths]
    except FileNotFoundError:
        raise SourceError(
            f"source.path == '{source.path}', must be an existing folder ({folder} is not there). "
            "Make it, or correct the path in the protocol."
        ) from None
    except NotADirectoryError:
        raise SourceError(
            f"source.path == '{source.path}', must be a folder and is a file. Name the folder the file lies in."
        ) from None
    except OSError as error:
        raise SourceError(
            f"source.path == '{source.path}', must be a folder that can be read ({error.strerror}). "
            "Check its permissions."
        ) from None
    return tuple(sorted(found, key=lambda one: (one.sent_at, one.name)))


def read(protocol: Protocol, found: Found) -> Delivery:
    """The delivery in a found file. Raises SourceError only when its bytes can't be had."""
    source = source_name(CONNECTOR.name, protocol.source)
    path = Path(found.locator)
    try:
        size = path.stat().st_size
        if size > tabular.MAX_BYTES:
            return _too_large(protocol, found, source, size)
        data = path.read_bytes()
    except OSError as error:
        raise _gone(found, error) from None
    return tabular.to_delivery(protocol, data, source=source, name=found.name, sent_at=found.sent_at)


def fingerprint(found: Found) -> str:
    """SHA-256 of a found file's bytes, 64 hex digits. Raises SourceError when they can't be had."""
    try:
        with Path(found.locator).open("rb") as file:
            return hashlib.file_digest(file, "sha256").hexdigest()
    except OSError as error:
        raise _gone(found, error) from None


def sent_at(path: Path) -> datetime:
    """When a file was sent, aware UTC: the ISO date(-time) in its name, else its time of change."""
    return sent_at_in(path.name) or datetime.fromtimestamp(path.stat().st_mtime, UTC)


def sent_at_in(name: str) -> datetime | None:
    """The first ISO date(-time) in a file's name as aware UTC, a date alone as its midnight; None without one."""
    for match in _ISO_IN_NAME.finditer(name):
        try:
            return datetime(*(int(part) for part in match.groups(default="0")), tzinfo=UTC)  # type: ignore[arg-type, misc]
        except ValueError:
            continue  # looks like a date, such as 2024-13-45, and is none
    return None


def _is_delivery(path: Path) -> bool:
    return path.suffix.lower() == ".csv" and not path.name.startswith((".", "~")) and path.is_file()


def _too_large(protocol: Protocol, found: Found, source: str, size: int) -> Delivery:
    """A refused delivery of a file that is never held in memory whole."""
    problem = tabular.too_large(size)
    return Delivery(protocol.trial, source, found.name, fingerprint(found), found.sent_at, (), (), problem=problem)


def _gone(found: Found, error: OSError) -> SourceError:
    return SourceError(f"{found.name} can't be read ({error.strerror}), must be a readable file. Try again.")


CONNECTOR = Connector("folder", fingerprint, find, read)
