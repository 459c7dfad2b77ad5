"""A REDCap server of one project on this machine: the documented API, as far as an export goes, and its known faults.

What it answers follows the API's own help pages: a POST with `token`, `content`, `format`; `records`, `fields`, `forms` and
`events` as lists; flat rows with `redcap_event_name`, `redcap_repeat_instrument`, `redcap_repeat_instance` (left out of a
batch in which nothing repeats) and `<form>_complete`; errors as {"error": ...} with a status of 400 or more.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread
from typing import Any
from urllib.parse import parse_qsl

TOKEN = "0123456789ABCDEF0123456789ABCDEF"
Form = dict[str, str]
Answer = tuple[int, str]


@dataclass
class Entry:
    """What was filled in on one form of a record. status: '' for a form that nobody opened, else 0, 1 or 2."""

    record: str
    form: str
    values: dict[str, str] = field(default_factory=dict)
    status: str = "2"
    event: str = ""
    instance: int = 0


@dataclass
class Project:
    """variables: (name, form, type, choices, annotation), the record id first. events: unique name -> REDCap arm.

    designated: (event, form). repeating: (event, form), form '' for a whole event. groups: record -> data access group.
    """

    variables: list[tuple[str, str, str, str, str]]
    entries: list[Entry]
    events: dict[str, str] = field(default_factory=dict)
    designated: list[tuple[str, str]] = field(default_factory=list)
    repeating: list[tuple[str, str]] = field(default_factory=list)
    codes: str | None = ""
    groups: dict[str, str] = field(default_factory=dict)
    hidden: set[str] = field(default_factory=set)
    user_group: str = ""
    may_see_groups: bool = True

    @property
    def forms(self) -> list[str]:
        return list(dict.fromkeys(form for _, form, *_ in self.variables))

    @property
    def record_id(self) -> str:
        return self.variables[0][0]

    def columns(self, variable: str) -> list[tuple[str, str]]:
        """(exported column, code) of a variable; a checkbox has one for each choice and each missing-data code."""
        _, _, kind, choices, _ = next(one for one in self.variables if one[0] == variable)
        if kind != "checkbox":
            return [(variable, "")]
        codes = [pair.split(",")[0].strip() for pair in f"{choices} | {self.codes or ''}".split("|")]
        return [(f"{variable}___{re.sub('[^a-z0-9_]', '_', code.lower())}", code) for code in codes if code]

    # One method for each `content`.

    def version(self, form: Form) -> Answer:
        return 200, "14.5.5"

    def project(self, form: Form) -> Answer:
        said: dict[str, Any] = {"project_id": 12, "is_longitudinal": int(bool(self.events))}
        said["has_repeating_instruments_or_events"] = int(bool(self.repeating))
        return _json(said if self.codes is None else said | {"missing_data_codes": self.codes})

    def metadata(self, form: Form) -> Answer:
        names = ("field_name", "form_name", "field_type", "select_choices_or_calculations", "field_annotation")
        return _json([dict(zip(names, one, strict=True)) for one in self.variables])

    def exportFieldNames(self, form: Form) -> Answer:
        names = [one[0] for one in self.variables if one[2] not in ("descriptive", "file")]
        pairs = [(name, *column) for name in names for column in self.columns(name)]
        pairs += [(f"{form}_complete", f"{form}_complete", "") for form in self.forms]
        return _json(
            [{"original_field_name": name, "choice_value": code, "export_field_name": out} for name, out, code in pairs]
        )

    def instrument(self, form: Form) -> Answer:
        return _json([{"instrument_name": one, "instrument_label": one.title()} for one in self.forms])

    def event(self, form: Form) -> Answer:
        if not self.events:
            return _error(400, "You cannot export events for classic projects")
        return _json([{"unique_event_name": name, "arm_num": arm} for name, arm in self.events.items()])

    def formEventMapping(self, form: Form) -> Answer:
        if not self.events:
            return _error(400, "You cannot export form/event mappings for classic projects")
        return _json(
            [{"arm_num": self.events[event], "unique_event_name": event, "form": one} for event, one in self.designated]
        )

    def repeatingFormsEvents(self, form: Form) -> Answer:
        if not self.repeating:
            return _error(400, "the project does not contain any repeating instruments and events")
        return _json(
            [
                ({"event_name": event} if self.events else {}) | {"form_name": one, "custom_form_label": ""}
                for event, one in self.repeating
            ]
        )

    def dag(self, form: Form) -> Answer:
        if not self.may_see_groups:
            return _error(403, "You do not have Data Access Groups privileges")
        return _json([{"data_access_group_name": one, "unique_group_name": one} for one in {*self.groups.values()}])

    def record(self, form: Form) -> Answer:
        fields = _listed(form, "fields") or [one[0] for one in self.variables]
        fields += [name for name, on, *_ in self.variables if on in _listed(form, "forms")]
        known = {one[0] for one in self.variables} | {f"{one}_complete" for one in self.forms}
        if stray := [one for one in fields if one not in known]:
            return _error(400, f"The following values in the parameter 'fields' are not valid: '{stray[0]}'")
        asked_records, asked_events = _listed(form, "records"), _listed(form, "events")
        chosen = [
            one
            for one in self.entries
            if (not asked_records or one.record in asked_records)
            and (not asked_events or one.event in asked_events)
            and (not self.user_group or self.groups.get(one.record) == self.user_group)
        ]
        return _json(self._rows(chosen, fields, form))

    def _rows(self, entries: list[Entry], fields: list[str], form: Form) -> list[dict[str, Any]]:
        rows: dict[tuple[str, str, str, int], dict[str, Any]] = {}
        repeats = any(one.instance for one in entries)
        gray = "" if form.get("exportBlankForGrayFormStatus") == "true" else "0"
        statuses = {f"{one}_complete" for one in self.forms}
        exported = {name: [(name, "")] if name in statuses else self.columns(name) for name in fields}
        for one in entries:
            instrument = one.form if one.instance and (one.event, "") not in self.repeating else ""
            key = (one.record, one.event, instrument, one.instance)
            if key not in rows:
                rows[key] = self._empty_row(key, exported, form, repeats=repeats)
            row = rows[key]
            for name, on, kind, *_ in self.variables:
                if on == one.form and name in exported and name not in {self.record_id, *self.hidden}:
                    said = one.values.get(name, "")
                    for column, code in exported[name]:
                        row[column] = str(int(code in said.split("|"))) if kind == "checkbox" else said
            if f"{one.form}_complete" in exported:
                row[f"{one.form}_complete"] = one.status or gray
        return list(rows.values())

    def _empty_row(
        self, key: tuple[str, str, str, int], exported: dict[str, list[tuple[str, str]]], form: Form, *, repeats: bool
    ) -> dict[str, Any]:
        record, event, instrument, instance = key
        row: dict[str, Any] = {self.record_id: record} if self.record_id in exported else {}
        row |= {"redcap_event_name": event} if self.events else {}
        row |= {"redcap_repeat_instrument": instrument, "redcap_repeat_instance": instance or ""} if repeats else {}
        if form.get("exportDataAccessGroups") == "true" and self.groups and not self.user_group:
            row["redcap_data_access_group"] = self.groups.get(record, "")
        shown = [name for name in exported if name != self.record_id and name not in self.hidden]
        return row | {column: "" for name in shown for column, _ in exported[name]}


Fault = Callable[[Project, Form, Answer], Answer | None]


@dataclass
class Server:
    """What a test sees of the running server. faults: each may change an answer; asked: the forms, without the token."""

    project: Project
    url: str = ""
    faults: list[Fault] = field(default_factory=list)
    asked: list[Form] = field(default_factory=list)
    lines: list[str] = field(default_factory=list)

    def answer(self, form: Form) -> Answer:
        self.asked.append({name: value for name, value in form.items() if name != "token"})
        if form.get("token", "").upper() != TOKEN:
            return _error(403, "You do not have permissions to use the API")
        handle = getattr(self.project, form.get("content", ""), None)
        answer = handle(form) if handle else _error(400, "The value of the parameter 'content' is not valid")
        for fault in self.faults:
            answer = fault(self.project, form, answer) or answer
        return answer

    def contents(self) -> list[str]:
        return [form["content"] for form in self.asked]


@contextmanager
def serving(project: Project) -> Iterator[Server]:
    """The project behind an API on a free port of this machine."""
    server = Server(project)

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"
        disable_nagle_algorithm = True  # else each answer waits for the client to acknowledge its headers

        def do_POST(self) -> None:
            server.lines.append(self.requestline + str(self.headers))
            body = self.rfile.read(int(self.headers["Content-Length"])).decode()
            status, text = server.answer(dict(parse_qsl(body, keep_blank_values=True)))
            data = text.encode()
            self.send_response(status)
            self.send_header("Content-Type", "application/json; charset=utf-8")
            if status == 302:
                self.send_header("Location", "/elsewhere")
            self.send_header("Content-Length", str(len(data)))
            self.end_headers()
            self.wfile.write(data)

        def log_message(self, format: str, *args: object) -> None:
            """Nothing: a test's output is its own."""

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as http:
        http.daemon_threads = True
        thread = Thread(target=http.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True)
        thread.start()
        server.url = f"http://127.0.0.1:{http.server_port}/redcap/api/"
        yield server
        http.shutdown()
        thread.join()


def _listed(form: Form, name: str) -> list[str]:
    return [value for key, value in form.items() if re.fullmatch(rf"{name}(\[\d*\])?", key)]


def _json(value: Any) -> Answer:
    return 200, json.dumps(value)


def _error(status: int, text: str) -> Answer:
    return status, json.dumps({"error": text})
