"""`source.options` of a plan as a checked value: each connector has a model of what it knows, and nothing else passes."""

from __future__ import annotations

import difflib
import re
from collections.abc import Mapping
from typing import Any, TypeVar, get_args

from pydantic import BaseModel, ValidationError

from trials.connectors.formats.table import shorten
from trials.errors import ProtocolError
from trials.protocol import Source

Options = TypeVar("Options", bound=BaseModel)

_SECRET_WORDS = {"token", "secret", "password", "passwd", "pwd", "apikey", "authorization", "credential", "credentials"}
_SIGNATURES = {"sig", "signature"}
_SECRET_NAMES = re.compile(r"^(key|.*(api|access|auth|private|subscription)[-_]?key|.*(token|secret|password))$")

_UNSHOWN = ("auth", "headers", "params", "secret_as", "storage")


def options_of(model: type[Options], source: Source) -> Options:
    """The plan's options as the connector's own model.

    Raises ProtocolError: one sentence with the key and the rule; no value where somebody may have written a secret.
    """
    try:
        return model.model_validate(source.options)
    except ValidationError as error:
        raise ProtocolError(_sentence(error, model)) from None


def sounds_secret(name: str) -> bool:
    """Whether a header or parameter of this name is likely to hold a secret, which has no place in a plan."""
    lower = name.strip().lower()
    words = set(re.split(r"[^a-z0-9]+", lower))
    return bool(words & (_SECRET_WORDS | _SIGNATURES)) or _SECRET_NAMES.match(lower) is not None


def _sentence(error: ValidationError, model: type[BaseModel]) -> str:
    # An unknown key comes first: it is usually the reason why a known one is missing.
    details = sorted(error.errors(include_url=False), key=lambda detail: detail["type"] != "extra_forbidden")
    first = details[0]
    where = ".".join(["source.options", *(str(part) for part in first["loc"])])
    if first["type"] == "extra_forbidden":
        return f"{where} is not a known key.{_closest(str(first['loc'][-1]), _model_at(model, first['loc'][:-1]))}"
    if first["type"] == "missing":
        return f"{where} is missing, must be given."
    said = str(first["ctx"]["error"]) if first["type"] == "value_error" else first["msg"]
    rule = said.replace("Input should", "must")
    value = first.get("input")
    # What somebody wrote where a secret doesn't belong may be one.
    if (first["loc"] and first["loc"][0] in _UNSHOWN) or isinstance(value, Mapping):
        return f"{where}: {rule.rstrip('.')}."
    return f"{where} == {shorten(repr(value))}, {rule.rstrip('.')}."


def _model_at(model: type[BaseModel], place: tuple[int | str, ...]) -> type[BaseModel]:
    for part in place:
        field = model.model_fields.get(str(part))
        inner = _model_in(None if field is None else field.annotation)
        model = model if inner is None else inner
    return model


def _model_in(annotation: Any) -> type[BaseModel] | None:
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        return annotation
    found = (_model_in(inner) for inner in get_args(annotation))
    return next((inner for inner in found if inner is not None), None)


def _closest(name: str, model: type[BaseModel]) -> str:
    near = difflib.get_close_matches(name, list(model.model_fields), n=1)
    return f" Did you mean '{near[0]}'?" if near else f" Known keys: {', '.join(model.model_fields)}."
