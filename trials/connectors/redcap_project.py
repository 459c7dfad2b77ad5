"""What a REDCap project is made of: its fields, events, what repeats, which codes mean "missing"."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from trials.connectors.formats.table import shorten
from trials.connectors.redcap_api import Api, RedcapError
from trials.connectors.redcap_options import short
from trials.errors import SourceError

# Types of field that no export holds answers of.
NO_DATA = frozenset({"descriptive", "file"})


@dataclass(frozen=True, slots=True)
class Variable:
    """A field of the project. choices: its own codes. coded: whether missing-data codes may stand in it."""

    name: str
    form: str
    kind: str
    choices: frozenset[str] = frozenset()
    coded: bool = True


@dataclass(frozen=True, slots=True)
class Project:
    """A project's design. In a project without events there is one event, named ''.

    exported: column of an export -> variable. events: unique name -> number of its REDCap arm. designated: form -> events
    at which it is filled in. repeating: (event, form), form '' where the whole event repeats. codes: missing-data codes,
    None where the server doesn't say. grouped: whether it has data access groups, None where the token may not know.
    """

    record_id: str
    variables: Mapping[str, Variable]
    exported: Mapping[str, str]
    longitudinal: bool
    events: Mapping[str, str]
    designated: Mapping[str, frozenset[str]]
    repeating: frozenset[tuple[str, str]]
    codes: frozenset[str] | None
    grouped: bool | None

    def group(self, event: str, form: str) -> str | None:
        """What repeats around a form at an event: the form, the event (by its short name), or nothing."""
        if (event, form) in self.repeating:
            return form
        return (short(event) or None) if (event, "") in self.repeating else None


def ask_project(api: Api) -> Project:
    """The design of the project that the token belongs to. Raises SourceError."""
    api.version()
    project = api.ask("project")
    if not isinstance(project, dict):
        raise SourceError(f"{api.host} doesn't say how its project is made, must answer content=project.")
    variables = {
        one.name: one for one in map(_variable, api.rows("metadata", needs=("field_name", "form_name", "field_type")))
    }
    if not variables:
        raise SourceError(f"{api.host} answers a project without fields, must have some. Is the token the right one?")
    longitudinal = _flag(api, project, "is_longitudinal")
    repeats = _flag(api, project, "has_repeating_instruments_or_events")
    forms = {one.form for one in variables.values()}
    said = project.get("missing_data_codes")
    return Project(
        record_id=next(iter(variables)),
        variables=variables,
        exported=_exported(api),
        longitudinal=longitudinal,
        events=_events(api) if longitudinal else {"": ""},
        designated=_designated(api) if longitudinal else {form: frozenset({""}) for form in forms},
        repeating=_repeating(api) if repeats else frozenset(),
        codes=None if said is None else _codes_in(str(said)),
        grouped=_grouped(api),
    )


def _flag(api: Api, project: Mapping[str, object], name: str) -> bool:
    """REDCap says 0 or 1, as number or text; a server that says neither is too old to be read with certainty."""
    said = str(project.get(name))
    if said not in ("0", "1"):
        raise SourceError(f"{api.host} says {name} == '{shorten(said)}', must say 0 or 1. Is its REDCap up to date?")
    return said == "1"


def _variable(row: Mapping[str, str]) -> Variable:
    kind = row["field_type"]
    # Only these have choices; a calculation stands in the same place of the data dictionary.
    listed = row.get("select_choices_or_calculations", "") if kind in ("radio", "dropdown", "checkbox") else ""
    fixed = {"yesno": {"0", "1"}, "truefalse": {"0", "1"}}.get(kind, set())
    choices = _codes_in(listed) | fixed
    coded = "@NOMISSING" not in row.get("field_annotation", "").upper()
    return Variable(row["field_name"], row["form_name"], kind, frozenset(choices), coded)


def _codes_in(text: str) -> frozenset[str]:
    """The codes of 'code, label | code, label' or of one such pair a line."""
    pairs = text.replace("\n", "|").split("|")
    return frozenset(code for pair in pairs if (code := pair.partition(",")[0].strip()))


def _exported(api: Api) -> dict[str, str]:
    rows = api.rows("exportFieldNames", needs=("export_field_name", "original_field_name"))
    return {row["export_field_name"]: row["original_field_name"] for row in rows}


def _events(api: Api) -> dict[str, str]:
    rows = api.rows("event", needs=("unique_event_name", "arm_num"))
    return {row["unique_event_name"]: row["arm_num"] for row in rows}


def _designated(api: Api) -> dict[str, frozenset[str]]:
    found: dict[str, set[str]] = {}
    for row in api.rows("formEventMapping", needs=("form", "unique_event_name")):
        found.setdefault(row["form"], set()).add(row["unique_event_name"])
    return {form: frozenset(events) for form, events in found.items()}


def _repeating(api: Api) -> frozenset[tuple[str, str]]:
    return frozenset((row.get("event_name", ""), row.get("form_name", "")) for row in api.rows("repeatingFormsEvents"))


def _grouped(api: Api) -> bool | None:
    """Whether the project has data access groups; None where the token's user has no right to know."""
    try:
        return bool(api.rows("dag"))
    except RedcapError as refused:
        if refused.status in (400, 401, 403, 501):
            return None
        raise
