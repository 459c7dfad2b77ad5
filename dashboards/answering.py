"""What a callback answers when it fails: a sentence, whatever it was sent, and never a traceback.

A request that no page of ours would send answers 400; what is refused below, its own sentence; anything else is a fault of
ours: 500 with a reference, under which the log has the whole of it. What a page would send follows from the callback itself:
the parts that it names and the types of its function's parameters. Nothing is judged before it failed, so nothing that works
is refused.
"""

from __future__ import annotations

import inspect
import json
import logging
import math
import secrets
from collections.abc import Callable, Mapping
from functools import wraps
from types import NoneType, UnionType
from typing import Any, Union, get_args, get_origin, get_type_hints, is_typeddict

import dash
from dash.exceptions import InvalidResourceError, PreventUpdate
from flask import Response, jsonify, request
from werkzeug.exceptions import HTTPException

from dashboards.read_model import NoAccessError
from dashboards.signing.page_token import CALLBACKS
from trials.errors import ForbiddenError, RoadtestError, StoreError, UnknownTrialError

log = logging.getLogger(__name__)

TOO_OLD = "This page is too old, or not ours. Load it again."
# Of callbacks that are Dash's own, and say nothing of their types.
PROPERTIES: dict[str, Any] = {"pathname": str, "search": str | None}
TRIALS = ("trial-id", "decide-trial", "data-trial-id", "seal-trial")  # the parts of pages that keep the name of a trial
LONGEST_NAME = 200
_MOST = 2**53  # whole numbers beyond it are not exact in a browser
_STATUS: dict[type[RoadtestError], int] = {
    UnknownTrialError: 404,
    NoAccessError: 403,
    ForbiddenError: 403,
    StoreError: 503,
}


def install(app: dash.Dash) -> None:
    """Puts the answers to failures around the app's callbacks."""
    views: dict[str, Callable[..., Any]] = app.server.view_functions
    work = views[CALLBACKS]
    app.server.extensions["roadtest.ours"] = lambda: is_ours(app, asked())

    @wraps(work)
    def answered() -> Any:
        if not _names_trials(asked()):
            return _answer(400, TOO_OLD)
        try:
            return work()
        except (HTTPException, PreventUpdate, InvalidResourceError):
            raise  # answers of their own
        except Exception as error:  # noqa: BLE001 - the last place before the browser; it is logged whole
            return _failed(app, error)

    views[CALLBACKS] = answered


def asked() -> Any:
    """What the request says, None where it can't be read: also where it is nested deeper than it can be read."""
    try:
        return request.get_json(silent=True)
    except RecursionError:
        return None


def _names_trials(said: Any) -> bool:
    """Whether the trials that a request names are text as trials are called by: the one thing that is judged beforehand,
    because everything below the pages relies on it."""
    state = said.get("state", []) if isinstance(said, dict) else []
    entries = [each for each in state if isinstance(each, dict)] if isinstance(state, list) else []
    named = [each.get("value") for each in entries if each.get("id") in TRIALS and each.get("property") == "data"]
    return all(each is None or (_is(each, str) and len(each) <= LONGEST_NAME) for each in named)


def _failed(app: dash.Dash, error: Exception) -> Response:
    said = asked()
    if not is_ours(app, said):
        log.warning("a callback was asked for what no page asks (%s)", type(error).__name__)
        return _answer(400, TOO_OLD)
    if isinstance(error, RoadtestError):
        return _answer(next((code for kind, code in _STATUS.items() if isinstance(error, kind)), 400), str(error))
    reference = secrets.token_hex(2).upper()
    log.error("callback %s failed, reference %s", said["output"], reference, exc_info=error)
    return _answer(500, f"This did not work. Tell whoever runs this: reference {reference}.")


def _answer(status: int, why: str) -> Response:
    answer = jsonify(error=why)
    answer.status_code = status
    return answer


def is_ours(app: dash.Dash, said: Any) -> bool:
    """Whether a page of ours could have sent this: the parts that the callback names, with values of its types."""
    spec = app.callback_map.get(said.get("output")) if isinstance(said, dict) and _is(said.get("output"), str) else None
    if spec is None or "callback" not in spec:
        return False
    declared, given = [*spec["inputs"], *spec["state"]], _entries(said, spec)
    if given is None or not all(_names(entry, part) for entry, part in zip(given, declared, strict=True)):
        return False
    return _same_parts(given, declared) and _fit(given, declared, spec["callback"]) and _triggered(app, said)


def _entries(said: Mapping[str, Any], spec: Mapping[str, Any]) -> list[Any] | None:
    """The inputs and states of a request, None where they are not as many as the callback has."""
    inputs, state = said.get("inputs", []), said.get("state", [])
    right = isinstance(inputs, list) and isinstance(state, list) and _names_outputs(said)
    if not right or (len(inputs), len(state)) != (len(spec["inputs"]), len(spec["state"])):
        return None
    return [*inputs, *state]


def _names_outputs(said: Mapping[str, Any]) -> bool:
    """Whether the outputs of a request are as many as its callback has."""
    name, outputs = str(said["output"]), said.get("outputs")
    named = outputs if name.startswith("..") else [outputs]
    if not isinstance(named, list) or len(named) != len(name.strip(".").split("...")):
        return False
    parts = [each for entry in named for each in (entry if isinstance(entry, list) else [entry])]
    return all(isinstance(each, dict) and each.keys() >= {"id", "property"} for each in parts)


def _names(entry: Any, part: Mapping[str, Any]) -> bool:
    """Whether an entry is of the part of the page that the callback named. A pattern of ALL has a list of them."""
    pattern = json.loads(part["id"]) if part["id"].startswith("{") else None
    if pattern is not None and any(each in (["ALL"], ["ALLSMALLER"]) for each in pattern.values()):
        return isinstance(entry, list) and all(_names_one(each, part, pattern) for each in entry)
    return _names_one(entry, part, pattern)


def _names_one(entry: Any, part: Mapping[str, Any], pattern: Mapping[str, Any] | None) -> bool:
    if not isinstance(entry, dict) or entry.get("property") != part["property"]:
        return False
    name = entry.get("id")
    if part["property"] == "id" and entry.get("value") != name:
        return False
    if pattern is None:
        return bool(name == part["id"])
    return isinstance(name, dict) and name.keys() == pattern.keys() and all(_is(each, str) for each in name.values())


def _same_parts(given: list[Any], declared: list[Mapping[str, Any]]) -> bool:
    """Whether two properties of one pattern come from the same parts, in one order."""
    seen: dict[str, list[Any]] = {}
    named = [[each["id"] for each in entry] if isinstance(entry, list) else [entry["id"]] for entry in given]
    return all(seen.setdefault(part["id"], names) == names for part, names in zip(declared, named, strict=True))


def _fit(given: list[Any], declared: list[Mapping[str, Any]], callback: Callable[..., Any]) -> bool:
    """Whether the values are of the types that the callback's function says."""
    function = inspect.unwrap(callback)
    hints = get_type_hints(function)
    parameters = list(inspect.signature(function).parameters.values())
    for place, (entry, part) in enumerate(zip(given, declared, strict=True)):
        parameter = parameters[min(place, len(parameters) - 1)]
        kind = hints.get(parameter.name, PROPERTIES.get(part["property"], Any))
        value = [each.get("value") for each in entry] if isinstance(entry, list) else entry.get("value")
        if not _is(value, kind) or (part["property"] == "pathname" and not str(value).startswith("/")):
            return False
    return True


def _triggered(app: dash.Dash, said: Mapping[str, Any]) -> bool:
    """Whether what made the browser ask is one of the callback's inputs; nothing did when the page had just opened."""
    changed = said.get("changedPropIds", [])
    inputs = [each for entry in said["inputs"] for each in (entry if isinstance(entry, list) else [entry])]
    known = {f"{_key(each['id'])}.{each['property']}" for each in inputs}
    if not isinstance(changed, list) or not all(isinstance(each, str) and each in known for each in changed):
        return False
    opening = {each["output"] for each in app._callback_list if each["prevent_initial_call"] is not True}
    return bool(changed) or said["output"] in opening


def _key(name: Any) -> str:
    return name if isinstance(name, str) else json.dumps(name, sort_keys=True, separators=(",", ":"))


def _is(value: Any, kind: Any) -> bool:
    """Whether a value from JSON is of a type. Text that no database keeps and numbers that no browser has are of none."""
    if kind is Any or kind is object:
        return _is_plain(value)
    origin = get_origin(kind)
    if origin in (Union, UnionType):
        return any(_is(value, each) for each in get_args(kind))
    if is_typeddict(kind):
        hints = get_type_hints(kind)
        needed = isinstance(value, dict) and kind.__required_keys__ <= value.keys() <= hints.keys()
        return needed and all(_is(each, hints[name]) for name, each in value.items())
    if origin is list:
        return isinstance(value, list) and all(_is(each, get_args(kind)[0]) for each in value)
    if origin is dict:
        return isinstance(value, dict) and all(_is(k, str) and _is(v, get_args(kind)[1]) for k, v in value.items())
    if kind in (None, NoneType):
        return value is None
    return isinstance(value, kind) and (kind is bool or not isinstance(value, bool)) and _is_plain(value)


def _is_plain(value: Any) -> bool:
    if isinstance(value, str):
        return "\0" not in value and not any("\ud800" <= sign <= "\udfff" for sign in value)
    if isinstance(value, dict):
        return all(_is_plain(each) for pair in value.items() for each in pair)
    if isinstance(value, list):
        return all(_is_plain(each) for each in value)
    return not isinstance(value, int | float) or (math.isfinite(value) and abs(value) <= _MOST)
