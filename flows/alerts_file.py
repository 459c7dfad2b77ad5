"""alerts.yaml: who is told of what, where and when. Read whole before anything is sent; what is wrong with it is one sentence.

An address that holds a password or a token never stands in the file: `secret:NAME` says where it is kept.
"""

from __future__ import annotations

import difflib
import re
from datetime import timedelta
from pathlib import Path
from typing import Any
from urllib.parse import unquote, urlsplit

import yaml
from pydantic import Field, ValidationError, field_validator, model_validator

from flows.secrets import block_of, secret_named, variable_of
from trials.alerting import KIND_NAMES, KindName, Rule
from trials.errors import RoadtestError, SourceError
from trials.plan.base import Frozen
from trials.protocol import explain

SECRET = "secret:"
# Services whose address can be without anything secret; every other's is the key to it.
_PLAIN = ("mailto", "mailtos", "json", "jsons", "xml", "xmls", "form", "forms", "syslog")
_SECRET_KEYS = re.compile(r"pass|pwd|token|key|secret|auth|sig|^[+-]", re.IGNORECASE)
_RANDOM = re.compile(r"(?=.*\d)(?=.*[a-zA-Z])[\w-]{16,}$|[0-9a-fA-F-]{16,}$")
_DURATION = re.compile(r"^\s*(\d{1,5})\s*(minute|hour|day|week)s?\s*$")
_DIGEST = re.compile(r"^(now|hourly|daily ([01]\d|2[0-3]):[0-5]\d)$")


def _lasting(text: object) -> timedelta:
    found = _DURATION.match(text) if isinstance(text, str) else None
    if found is None:
        raise ValueError("must be a whole number of minutes, hours, days or weeks. Write '2 days'")
    lasts = timedelta(**{f"{found[2]}s": int(found[1])})
    if lasts > timedelta(days=366):
        raise ValueError("must be a year at most. Write '2 days'")
    return lasts


class Channel(Frozen):
    """One place where alerts go. person: whose roles say what may be told there; '' tells nothing that needs a role. kinds: of
    alerts; programmes: whose trials, none = all. digest, grace, remind: see `trials.alerting.Rule`."""

    name: str = Field(pattern=r"^[a-z0-9][a-z0-9-]{0,39}$")
    url: str = Field(repr=False)
    person: str = ""
    kinds: tuple[KindName, ...] = KIND_NAMES
    programmes: tuple[str, ...] = ()
    digest: str = "now"
    grace: dict[KindName, timedelta] = Field(default_factory=dict)
    remind: timedelta | None = None

    @field_validator("url")
    @classmethod
    def _nothing_secret(cls, value: str) -> str:
        if value.startswith(SECRET):
            name = value.removeprefix(SECRET)
            if not re.fullmatch(r"[A-Za-z][A-Za-z0-9_-]*", name):
                raise ValueError("must name a secret by letters, digits and hyphens. Write secret:team-mail")
        elif (why := secret_in(value)) is not None:
            raise ValueError(why)
        return value

    @field_validator("kinds")
    @classmethod
    def _some(cls, value: tuple[KindName, ...]) -> tuple[KindName, ...]:
        if not value:
            raise ValueError("must name a kind of alerts. Leave it out for all")
        return tuple(dict.fromkeys(value))

    @field_validator("digest")
    @classmethod
    def _known(cls, value: str) -> str:
        if not _DIGEST.match(value):
            raise ValueError("must be now, hourly or daily HH:MM (UTC). Write 'daily 08:00'")
        return value

    @field_validator("grace", mode="before")
    @classmethod
    def _graces(cls, value: object) -> object:
        return {kind: _lasting(text) for kind, text in value.items()} if isinstance(value, dict) else value

    @field_validator("remind", mode="before")
    @classmethod
    def _reminds(cls, value: object) -> object:
        lasts = None if value is None else _lasting(value)
        if lasts is not None and lasts < timedelta(hours=1):
            raise ValueError("must be an hour at least. Write '3 days', or leave it out")
        return lasts

    @property
    def rule(self) -> Rule:
        return Rule(self.name, self.kinds, self.digest, self.grace, self.remind)


class Channels(Frozen):
    """The file. round_grace: how late a round may end before its absence is alarmed."""

    channels: tuple[Channel, ...] = ()
    round_grace: timedelta = timedelta(hours=1)

    @field_validator("round_grace", mode="before")
    @classmethod
    def _lasts(cls, value: object) -> object:
        return value if isinstance(value, timedelta) else _lasting(value)

    @model_validator(mode="after")
    def _each_once(self) -> Channels:
        names = [one.name for one in self.channels]
        twice = sorted({name for name in names if names.count(name) > 1})
        if twice:
            raise ValueError(f"channels: the name '{twice[0]}' is there twice, must be each channel's own. Rename one.")
        return self


def secret_in(url: str) -> str | None:
    """Why an address may not stand in a file, as the sentence goes on, without quoting it; None when it may."""
    put = "Put it into ROADTEST_SECRET_NAME and write secret:NAME"
    scheme, there, _ = url.partition("://")
    if not there:
        return "must be an address that Apprise knows, or secret:NAME. Write secret:team-mail"
    if scheme.lower() not in _PLAIN:
        return f"must be kept as a secret: the address of {scheme} holds the key to it. {put}"
    try:
        parts = urlsplit(f"//{url.partition('://')[2]}")
        password = parts.password
    except ValueError:
        return "must be an address that Apprise knows, or secret:NAME. Write secret:team-mail"
    keys = [pair.partition("=")[0] for pair in parts.query.split("&")]
    if password or any(_SECRET_KEYS.search(unquote(key)) for key in keys):
        return f"must not hold a password or a token. {put}"
    if any(_RANDOM.match(unquote(piece)) for piece in parts.path.split("/")):
        return f"must not hold what looks like a token. {put}"
    return None


def read_channels(path: Path, *, named: bool = False) -> Channels:
    """What the file says; no channels where there is no file, unless somebody `named` it. Raises RoadtestError: a sentence that
    names file and key."""
    try:
        text = path.read_text(encoding="utf-8")
    except FileNotFoundError:
        if named:
            raise RoadtestError(
                f"{path} is not there, must be the file that says who is told. Mend ROADTEST_ALERTS, or put the file there."
            ) from None
        return Channels()
    except (OSError, UnicodeDecodeError) as error:
        raise RoadtestError(
            f"{path} can't be read ({type(error).__name__}), must be a YAML file that says who is told. Mend it."
        ) from None
    try:
        content: Any = yaml.safe_load(text)
    except yaml.YAMLError as error:
        mark = getattr(error, "problem_mark", None)
        where = "" if mark is None else f", line {mark.line + 1}"
        raise RoadtestError(f"{path}{where}: is no YAML, must be as in docs/alerts.md. Mend that line.") from None
    if content is None:
        return Channels()
    if not isinstance(content, dict):
        raise RoadtestError(f"{path}: must be a list of `channels`, as in docs/alerts.md. Begin with 'channels:'.")
    try:
        return Channels.model_validate(content)
    except ValidationError as error:
        raise RoadtestError(f"{path}: {_told(error)}") from None


def _told(error: ValidationError) -> str:
    """The first complaint; where it is about an address, without what was written there."""
    first = sorted(error.errors(include_url=False), key=lambda one: one["type"] != "extra_forbidden")[0]
    if first["type"] == "extra_forbidden":
        return _unknown(first["loc"])
    if first["loc"][-1:] != ("url",) or first["type"] == "missing":
        return explain(error)
    where = ".".join(str(part) for part in first["loc"])
    context = first.get("ctx", {})
    return f"{where} {context.get('error', 'must be text. Write secret:team-mail')}."


def _unknown(where: tuple[int | str, ...]) -> str:
    """A key that this file does not have: which of its own was meant."""
    known = list((Channels if len(where) == 1 else Channel).model_fields)
    near = difflib.get_close_matches(str(where[-1]), known, n=1)
    hint = f"Did you mean '{near[0]}'?" if near else f"Known keys: {', '.join(known)}."
    return f"{'.'.join(str(part) for part in where)} is not a known key. {hint}"


def address_of(path: Path, channel: Channel) -> str:
    """The channel's address for Apprise. Raises RoadtestError where its secret can't be had; never with a value."""
    if not channel.url.startswith(SECRET):
        return channel.url
    name = channel.url.removeprefix(SECRET)
    try:
        return secret_named(name)
    except SourceError:
        raise RoadtestError(
            f"{path}: channel {channel.name}: the secret '{name}' can't be had, must be in the environment "
            f"({variable_of(name)}) or in Prefect's Secret block '{block_of(name)}'. Set it, then: roadtest alerts test "
            f"{channel.name}"
        ) from None
