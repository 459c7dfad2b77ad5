"""What a plan says about a REDCap project: `source` read once, strictly, before anything is asked of the server."""

from __future__ import annotations

import re
from ipaddress import ip_address
from typing import Annotated, Literal
from urllib.parse import urlsplit

from pydantic import BeforeValidator, Field, StringConstraints, field_validator

from trials.connectors.options import options_of
from trials.errors import ProtocolError
from trials.plan.base import Frozen
from trials.protocol import Source

# Columns that say where a row of an export belongs; a delivered row is a person, so they mean nothing there.
ROW_COLUMNS = ("redcap_event_name", "redcap_repeat_instrument", "redcap_repeat_instance")
DATA_ACCESS_GROUP = "redcap_data_access_group"

_COLUMN = re.compile(r"(?:\[([a-z0-9_]+)\]\[([a-z][a-z0-9_]*)\])|([a-z][a-z0-9_]*)")


def _text(value: object) -> object:
    """YAML reads a code without quotes as a number."""
    return str(value) if isinstance(value, int) and not isinstance(value, bool) else value


Name = Annotated[str, StringConstraints(pattern=r"^[a-z0-9][a-z0-9_]*$")]
Code = Annotated[str, BeforeValidator(_text), StringConstraints(min_length=1)]


class Options(Frozen):
    """`source.options` of a REDCap source.

    record_id: the field that names records; it must be the project's first. fields, forms: what is asked for beside the
    columns that the plan knows. events: the events that are asked for, all when empty. repeat: repeating instrument or
    event -> which of its instances counts. complete: forms whose answers count once they are marked complete.
    missing_codes: codes that mean "missing" beside those the project names; None when the plan says nothing of them.
    keep_codes: missing-data codes that stay as they are. codes: our column -> code -> our word. batch: the most records
    a request asks for.
    """

    record_id: Name | None = None
    fields: tuple[Name, ...] = ()
    forms: tuple[Name, ...] = ()
    events: tuple[Name, ...] = ()
    repeat: dict[Name, Literal["first", "last", "all"]] = Field(default_factory=dict)
    complete: tuple[Name, ...] = ()
    missing_codes: tuple[Code, ...] | None = None
    keep_codes: tuple[Code, ...] = ()
    codes: dict[str, dict[Code, Code]] = Field(default_factory=dict)
    batch: int = Field(default=500, ge=1, le=800, strict=True)

    @field_validator("repeat")
    @classmethod
    def _one_all(cls, value: dict[str, str]) -> dict[str, str]:
        if list(value.values()).count("all") > 1:
            raise ValueError("must have one 'all' at most: rows of two lists have no common order")
        if len({short(name) for name in value}) < len(value):
            raise ValueError("must name each event once, with or without its REDCap arm")
        return value


def check(source: Source) -> None:
    """Raises ProtocolError unless the plan names a REDCap API, a secret, and only options that mean something."""
    _check_address(source.path)
    if source.secret is None:
        raise ProtocolError(
            "source.secret is missing, must name the secret with the project's API token. Never write the token itself."
        )
    for ours, theirs in source.columns.items():
        if at_event(theirs)[1] in ROW_COLUMNS:
            raise ProtocolError(
                f"source.columns.{ours} == '{theirs}', must be a field: a delivered row is a person, whatever events and "
                "instances it comes from. Write '[event][field]' for a field at one event."
            )
        if _COLUMN.fullmatch(theirs) is None:
            raise ProtocolError(
                f"source.columns.{ours} == '{theirs}', must be a REDCap variable such as 'phq9', or '[event][phq9]'."
            )
    options_of(Options, source)


def at_event(theirs: str) -> tuple[str | None, str]:
    """Event and variable that a column of `source.columns` names; event None when it names none."""
    match = _COLUMN.fullmatch(theirs)
    return (None, theirs) if match is None or match[3] else (match[1], match[2])


def is_at(event: str, named: str) -> bool:
    """Whether an event is the one named, in full ('week_4_arm_1') or without its REDCap arm ('week_4')."""
    return named in (event, short(event))


def short(event: str) -> str:
    """A unique event name without the REDCap arm at its end."""
    return re.sub(r"_arm_\d+\Z", "", event)


def _check_address(path: str) -> None:
    """https anywhere, http only on this machine, and nothing in the address that may be a secret."""
    try:
        parts = urlsplit(path)
        host, _ = parts.hostname or "", parts.port
    except ValueError:
        raise ProtocolError("source.path is no address, must be such as 'https://redcap.example.org/api/'.") from None
    if not host or parts.scheme not in ("https", "http"):
        raise ProtocolError(
            "source.path must be the address of a REDCap API, such as 'https://redcap.example.org/api/'."
        )
    if parts.username or parts.password or parts.query or parts.fragment:
        raise ProtocolError(
            "source.path must be an address without user, password, '?' or '#'. Put the token into a secret, and its name "
            "into source.secret."
        )
    if parts.scheme == "http" and not is_this_machine(host):
        raise ProtocolError(f"source.path == '{path}', must begin with https: the token would be sent in the open.")


def is_this_machine(host: str) -> bool:
    try:
        return host == "localhost" or ip_address(host).is_loopback
    except ValueError:
        return False
