"""Folders that lie elsewhere (s3://, sftp://, zip://..., memory://): whatever fsspec has an address for.

What it takes to open one travels in `Found.locator`, as JSON with the name of the secret in it, never the secret.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import IO, Any

from trials.connectors.connector import Context
from trials.connectors.options import sounds_secret
from trials.errors import SourceError

_PASSWORD = re.compile(r"://[^/?#@]*:[^/?#]*@")
_PARAMETER = re.compile(r"[?&;]([^=&;#]+)=")
_SIGNATURES = {"sig", "signature", "x-amz-signature", "x-goog-signature", "se", "sas"}


@dataclass(frozen=True, slots=True)
class Address:
    """A folder or a file elsewhere. secret_as: the option of its storage that the secret of that name is given as."""

    url: str
    storage: Mapping[str, Any] = field(default_factory=dict)
    secret: str | None = None
    secret_as: str | None = None

    def to_text(self) -> str:
        """The address as the locator of a found file."""
        return json.dumps([self.url, dict(self.storage), self.secret, self.secret_as])

    @classmethod
    def of_text(cls, text: str) -> Address:
        return cls(*json.loads(text))


@dataclass(frozen=True, slots=True)
class Entry:
    """A file in a folder elsewhere. modified: aware UTC; None where its storage doesn't say."""

    name: str
    address: Address
    modified: datetime | None


def is_remote(path: str) -> bool:
    return "://" in path or "::" in path


def holds_secret(url: str) -> bool:
    """Whether an address has a password, or a parameter that opens a door, in it."""
    parameters = {name.lower() for name in _PARAMETER.findall(url)}
    named = any(sounds_secret(name) for name in parameters)
    return _PASSWORD.search(url) is not None or named or bool(parameters & _SIGNATURES)


def secret_option(storage: Mapping[str, Any]) -> str | None:
    """The first option, however deep, that sounds like a secret."""
    for name, value in storage.items():
        if sounds_secret(str(name)):
            return str(name)
        inner = secret_option(value) if isinstance(value, Mapping) else None
        if inner is not None:
            return f"{name}.{inner}"
    return None


def entries(address: Address, context: Context) -> list[Entry]:
    """The files in a folder elsewhere, not those in folders below. Raises SourceError when it can't be listed."""
    filesystem, root = _open_storage(address, context)
    try:
        filesystem.invalidate_cache()
        if filesystem.isfile(root):
            raise SourceError(
                f"source.path == '{address.url}', must be a folder and is a file. Name the folder it lies in."
            )
        found = [one for one in filesystem.ls(root, detail=True) if one["type"] == "file"]
        return [_entry(filesystem, address, one) for one in found]
    except SourceError:
        raise
    except FileNotFoundError:
        raise SourceError(
            f"source.path == '{address.url}', must be an existing folder. Make it, or correct the path in the protocol."
        ) from None
    except Exception as error:  # noqa: BLE001 - each storage has errors of its own, and their texts may hold what opens it
        raise SourceError(_unreachable(address.url, error)) from None


@contextmanager
def opened(address: Address, context: Context) -> Iterator[IO[bytes]]:
    """A file elsewhere, to read. Raises SourceError when it can't be had."""
    # An archive's storage closes it when it is let go, so it is held as long as the file.
    filesystem, path = _open_storage(address, context)
    try:
        file = filesystem.open(path, "rb")
    except Exception as error:  # noqa: BLE001 - as above
        raise SourceError(_unreachable(address.url, error)) from None
    with file:
        yield file


def _open_storage(address: Address, context: Context) -> tuple[Any, str]:
    from fsspec.core import url_to_fs

    storage = dict(address.storage)
    if address.secret is not None and address.secret_as is not None:
        storage[address.secret_as] = context.secret(address.secret)
    try:
        # An archive that was replaced since must be opened anew.
        filesystem, path = url_to_fs(address.url, skip_instance_cache=True, **storage)
    except ImportError:
        scheme = address.url.partition("://")[0]
        raise SourceError(
            f"source.path: {scheme}:// needs a package that isn't here. Install fsspec[{scheme}]."
        ) from None
    except Exception as error:  # noqa: BLE001 - as above
        raise SourceError(_unreachable(address.url, error)) from None
    return filesystem, str(path)


def _entry(filesystem: Any, address: Address, info: Mapping[str, Any]) -> Entry:
    path = str(info["name"])
    name = path.rstrip("/").rpartition("/")[2]
    head, chained, tail = address.url.partition("::")
    scheme = head.partition("://")[0]
    # Within a chain (zip://in::s3://bucket/a.zip) only the first part is the folder.
    url = f"{scheme}://{path.removeprefix(f'{scheme}://')}{chained}{tail}"
    if not chained:
        url = str(filesystem.unstrip_protocol(path))
    return Entry(name, Address(url, address.storage, address.secret, address.secret_as), _modified(filesystem, path))


def _modified(filesystem: Any, path: str) -> datetime | None:
    for ask in (filesystem.modified, filesystem.created):
        try:
            found = ask(path)
        except (NotImplementedError, KeyError, AttributeError):
            continue
        if isinstance(found, datetime):
            return found.replace(tzinfo=UTC) if found.tzinfo is None else found.astimezone(UTC)
    return None


def _unreachable(url: str, error: Exception) -> str:
    return f"source.path == '{url}', can't be read ({type(error).__name__}), must be a folder that can. Try again."
