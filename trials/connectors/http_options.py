"""What a plan says about a source over HTTP: `source` read strictly, before anything is asked of the server."""

from __future__ import annotations

import re
from ipaddress import ip_address
from typing import Annotated

import httpx
from pydantic import BeforeValidator, Field, field_validator, model_validator

from trials.connectors.answers import Format
from trials.connectors.fetching import shown
from trials.connectors.options import options_of, sounds_secret
from trials.connectors.paging import KeyPath, Paging
from trials.errors import ProtocolError
from trials.plan.base import Frozen
from trials.protocol import Source

_HEADER = re.compile(r"^[A-Za-z0-9!#$%&'*+.^_`|~-]+$")
_AUTH = re.compile(r"^(bearer|basic|header [A-Za-z0-9!#$%&'*+.^_`|~-]+)$")
# What the connector says itself, or what would let a plan hold a secret or another server's name.
_OURS = {
    "accept",
    "accept-encoding",
    "connection",
    "content-length",
    "host",
    "if-none-match",
    "range",
    "transfer-encoding",
}
_KEPT_SECRET = {"authorization", "cookie", "proxy-authorization", "x-auth", "x-auth-token", "x-functions-key"}


def _text(value: object) -> object:
    if isinstance(value, bool):
        return "true" if value else "false"
    return str(value) if isinstance(value, int | float) else value


def _paging(value: object) -> object:
    return None if value == "none" else {"kind": value} if isinstance(value, str) else value


Text = Annotated[str, BeforeValidator(_text)]


class HttpOptions(Frozen):
    """What `source.options` may say.

    rows: key path to the list of rows in a JSON answer; the answer itself without one. auth: how source.secret is sent:
    'bearer', 'basic' (the secret is user:password) or 'header NAME'. headers, params: text for every request.
    """

    format: Format
    rows: KeyPath = ()
    paging: Annotated[Paging | None, BeforeValidator(_paging)] = None
    auth: str | None = None
    headers: dict[str, Text] = Field(default_factory=dict)
    params: dict[str, Text] = Field(default_factory=dict)

    @field_validator("auth")
    @classmethod
    def _auth(cls, value: str | None) -> str | None:
        if value is not None and _AUTH.match(value) is None:
            raise ValueError("must be bearer, basic or 'header NAME', and never hold the secret itself")
        return value

    @field_validator("headers")
    @classmethod
    def _headers(cls, value: dict[str, str]) -> dict[str, str]:
        for name, text in value.items():
            if _HEADER.match(name) is None or not text.isprintable() or not text.isascii():
                raise ValueError(f"{name!r} must be a header's name with printable ASCII text")
            if name.lower() in _OURS:
                raise ValueError(f"{name} is sent by Roadtest itself, must be left out")
            if name.lower() in _KEPT_SECRET or sounds_secret(name):
                raise ValueError(
                    f"{name} would hold a secret, must be sent by auth: put its value into a secret, name that in "
                    f"source.secret and write auth: 'header {name}'"
                )
        return value

    @field_validator("params")
    @classmethod
    def _params(cls, value: dict[str, str]) -> dict[str, str]:
        for name in value:
            if sounds_secret(name):
                raise ValueError(f"{name} sounds like a secret, must not stand in an address. Send it by auth")
        return value

    @model_validator(mode="after")
    def _fits(self) -> HttpOptions:
        if self.format != "json" and self.rows:
            raise ValueError(f"rows is for format: json, must be left out for {self.format}")
        if self.format != "json" and self.paging is not None and self.paging.kind == "cursor":
            raise ValueError(f"paging by cursor is for format: json, must be link or page for {self.format}")
        return self


def check(source: Source) -> None:
    """Raises ProtocolError unless the plan names an address and options that make sense, none of them a secret."""
    url = address(source)
    options = options_of(HttpOptions, source)
    if (options.auth is None) != (source.secret is None):
        missing = "source.options.auth" if options.auth is None else "source.secret"
        raise ProtocolError(
            f"{missing} is missing, must stand beside the other: auth says how (bearer, basic, header NAME), secret the name "
            "of what is sent."
        )
    if source.secret is not None and url.scheme == "http" and not is_here(url.host):
        raise ProtocolError(
            f"source.path == '{shown(url)}', must begin with https: the secret would be sent in the open."
        )


def address(source: Source) -> httpx.URL:
    """The plan's address. Raises ProtocolError; what may hold a secret is not shown."""
    try:
        url = httpx.URL(source.path)
    except (httpx.InvalidURL, ValueError):
        url = httpx.URL("")
    if url.scheme not in ("http", "https") or not url.host:
        raise ProtocolError("source.path must be an address such as 'https://data.example.org/outcomes.json'.")
    if url.userinfo or url.fragment:
        raise ProtocolError(
            f"source.path == '{shown(url)}', must have no user, password or '#'. Put user:password into a secret and write "
            "auth: basic."
        )
    for name in url.params:
        if sounds_secret(name):
            raise ProtocolError(
                f"source.path has the parameter {name}, must hold no secret: addresses are logged on their way. Use auth."
            )
    return url


def is_here(host: str) -> bool:
    try:
        return host == "localhost" or ip_address(host).is_loopback
    except ValueError:
        return False
