"""CONNECTOR `folder`: files that a site or a nightly copy drops into a folder, here or elsewhere, one file a delivery.

When a file was sent is read from its name (`2024-03-04_site-a.csv`, `2024-03-04T0930_site-a.csv`, UTC), else it is the
file's time of change. Sub-folders, hidden files, files on their way (.part, .tmp, .crdownload) and files of other
suffixes are left alone, and so is a link that leads out of a folder of this machine.
"""

from __future__ import annotations

import hashlib
import re
from contextlib import AbstractContextManager
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import IO, Annotated, Any

from pydantic import BaseModel, ConfigDict, Field

from trials.connectors import remote
from trials.connectors.connector import Connector, Context, Found, source_name
from trials.connectors.formats import is_delivery, read_table
from trials.connectors.options import options_of
from trials.connectors.tabular import delivery_of
from trials.errors import ProtocolError, SourceError
from trials.identifiers.files import names_somebody
from trials.protocol import Protocol, Source
from trials.records import Delivery

_ISO_IN_NAME = re.compile(r"(?<!\d)(\d{4})-(\d{2})-(\d{2})(?:T(\d{2})[-:]?(\d{2})(?:[-:]?(\d{2}))?Z?)?(?!\d)", re.ASCII)
_PIECE = 1 << 18
_NO_PATH = "source.path is empty, must name a folder. Write the folder where deliveries arrive."
_OPEN_DOOR = (
    "source.path holds a password or a key, must hold none. Name it as source.secret and source.options.secret_as."
)


class FolderOptions(BaseModel):
    """`source.options` of a folder.

    sheet: the sheet of a workbook. storage: what fsspec needs to open an address. secret_as: the name under which it is
    given the secret, such as 'password'. settle_seconds: a file that changed less than so long ago is left for next time.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    sheet: Annotated[str, Field(min_length=1)] | None = None
    storage: dict[str, Any] = Field(default_factory=dict)
    secret_as: Annotated[str, Field(pattern=r"^[A-Za-z_][A-Za-z0-9_]*$")] | None = None
    settle_seconds: float = Field(default=0.0, ge=0, le=7 * 86_400, allow_inf_nan=False)


def check(source: Source) -> None:
    """Raises ProtocolError unless the plan names a folder, with options that are known and hold no secret."""
    if not source.path:
        raise ProtocolError(_NO_PATH)
    if remote.holds_secret(source.path):
        raise ProtocolError(_OPEN_DOOR)
    options = options_of(FolderOptions, source)
    if not remote.is_remote(source.path):
        _check_local(source, options)
    elif (source.secret is None) != (options.secret_as is None):
        given, missing = ("secret", "options.secret_as") if source.secret else ("options.secret_as", "secret")
        raise ProtocolError(f"source.{missing} is missing, must be given beside source.{given}. Write both or neither.")
    hidden = remote.secret_option(options.storage)
    if hidden is not None:
        raise ProtocolError(
            f"source.options.storage.{hidden} sounds like a secret, must not stand in a plan. "
            "Name it as source.secret, and the option as source.options.secret_as."
        )


def _check_local(source: Source, options: FolderOptions) -> None:
    given = {"secret": source.secret, "options.secret_as": options.secret_as, "options.storage": options.storage}
    needless = next((name for name, value in given.items() if value), None)
    if needless is not None:
        raise ProtocolError(f"source.{needless} is for an address such as s3://, must be left out for a local folder.")


def find(source: Source, context: Context) -> tuple[Found, ...]:
    """The deliveries in the source's folder, oldest first by (sent_at, name). Raises SourceError if it is missing."""
    if not source.path:
        raise SourceError(_NO_PATH)
    if remote.holds_secret(source.path):
        raise SourceError(_OPEN_DOOR)
    options = options_of(FolderOptions, source)
    listed = _listed_remote(source, options, context) if remote.is_remote(source.path) else _listed(source, context)
    found = [
        Found(name, sent_at_in(name) or modified or context.now, locator, dated=sent_at_in(name) is not None)
        for name, modified, locator in listed
        if is_delivery(name) and _is_settled(modified, options, context)
    ]
    return tuple(sorted(found, key=lambda one: (one.sent_at, one.name)))


def _listed(source: Source, context: Context) -> list[tuple[str, datetime | None, str]]:
    """Name, time of change and locator of each file in a folder of this machine."""
    folder = context.home / source.path
    try:
        # Whoever may drop files there must not have others of this machine read by a link to them.
        inside = folder.resolve()
        named = [path for path in folder.iterdir() if is_delivery(path.name)]
        files = [path for path in named if path.is_file() and path.resolve().is_relative_to(inside)]
        return [(path.name, _changed(path), str(path.resolve())) for path in files]
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


def _listed_remote(source: Source, options: FolderOptions, context: Context) -> list[tuple[str, datetime | None, str]]:
    address = remote.Address(source.path, options.storage, source.secret, options.secret_as)
    return [(one.name, one.modified, one.address.to_text()) for one in remote.entries(address, context)]


def _is_settled(modified: datetime | None, options: FolderOptions, context: Context) -> bool:
    """Whether a file has been left as it is for long enough; a clock that is far ahead doesn't hold it back for ever."""
    if modified is None or not options.settle_seconds:
        return True
    return abs(context.now - modified) >= timedelta(seconds=options.settle_seconds)


def read(protocol: Protocol, found: Found, context: Context) -> Delivery:
    """The delivery in a found file. Raises SourceError only when its bytes can't be had."""
    with _opened(found, context) as file:
        source = _Tallied(file, found)
        table = read_table(source, found.name, protocol, context.limits)
        digest = source.digest()
    name = source_name(CONNECTOR.name, protocol.source)
    read = delivery_of(protocol, table, digest, source=name, name=found.name, sent_at=found.sent_at)
    return replace(read, dated=found.dated)


def fingerprint(found: Found, context: Context) -> str:
    """SHA-256 of a found file's bytes, 64 hex digits. Raises SourceError when they can't be had."""
    with _opened(found, context) as file:
        return _Tallied(file, found).digest()


def sent_at(path: Path) -> datetime:
    """When a file was sent, aware UTC: the ISO date(-time) in its name, else its time of change."""
    return sent_at_in(path.name) or _changed(path)


def sent_at_in(name: str) -> datetime | None:
    """The first ISO date(-time) in a file's name as aware UTC, a date alone as its midnight; None without one."""
    for match in _ISO_IN_NAME.finditer(name):
        try:
            return datetime(*(int(part) for part in match.groups(default="0")), tzinfo=UTC)  # type: ignore[arg-type, misc]
        except ValueError:
            continue  # looks like a date, such as 2024-13-45, and is none
    return None


def _changed(path: Path) -> datetime:
    return datetime.fromtimestamp(path.stat().st_mtime, UTC)


def _opened(found: Found, context: Context) -> AbstractContextManager[IO[bytes]]:
    if found.locator.startswith("["):
        return remote.opened(remote.Address.of_text(found.locator), context)
    try:
        return Path(found.locator).open("rb")
    except OSError as error:
        raise _gone(found, error) from None


class _Tallied:
    """A file that is read once, piece by piece, while the hash of its bytes is taken."""

    def __init__(self, file: IO[bytes], found: Found) -> None:
        self._file = file
        self._found = found
        self._hash = hashlib.sha256()

    def read(self, size: int, /) -> bytes:
        """The next bytes. Raises SourceError when they can't be had."""
        try:
            piece = self._file.read(size)
        except Exception as error:  # noqa: BLE001 - each storage has errors of its own
            raise _gone(self._found, error) from None
        self._hash.update(piece)
        return piece

    def digest(self) -> str:
        """SHA-256 of all the bytes, those that nobody asked for too."""
        while self.read(_PIECE):
            pass
        return self._hash.hexdigest()


def _gone(found: Found, error: Exception) -> SourceError:
    why = (isinstance(error, OSError) and error.strerror) or type(error).__name__
    # The sentence is stored, and told where people's names must not be.
    name = "a file called after a person" if names_somebody(found.name) else found.name
    return SourceError(f"{name} can't be read ({why}), must be a readable file. Try again.")


CONNECTOR = Connector("folder", check, find, fingerprint, read)
