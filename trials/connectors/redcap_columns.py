"""Where in a REDCap project each column of a delivery is read.

A REDCap export has a row for each record, event and instance; a delivery has one for each person. So every column is read
at one event (at most one in each REDCap arm) and from one instance. Where the project leaves a choice, the plan makes it
or the delivery is refused: this is settled by the project's design, before any answer is seen.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from trials.connectors.redcap_options import DATA_ACCESS_GROUP, Options, at_event, is_at, short
from trials.connectors.redcap_project import NO_DATA, Project, Variable
from trials.errors import SourceError
from trials.protocol import Protocol


class UnclearError(Exception):
    """The project leaves a choice that the plan doesn't make: the sentence that refuses the delivery."""


@dataclass(frozen=True, slots=True)
class Column:
    """A column of a delivery in the source's spelling, and where it is read.

    exported: its name in an export. variable None: the same in all rows of a record (its id, its data access group), or
    a form's status. group: what repeats around it.
    """

    name: str
    exported: str
    variable: Variable | None
    form: str
    events: frozenset[str]
    group: str | None


def columns_of(project: Project, protocol: Protocol, options: Options) -> tuple[Column, ...]:
    """The columns that a plan reads of a project.

    Raises UnclearError where the project leaves a choice, SourceError where it lacks what the plan names.
    """
    _check_names(project, options)
    names = dict.fromkeys(
        [*protocol.source.columns.values(), *_unmapped(project, protocol), *_further(project, options)]
    )
    columns = tuple(_column(project, options, name) for name in names)
    if not columns:
        raise SourceError("the plan reads no field of the REDCap project, must read some. Write source.columns.")
    groups = {column.group for column in columns if column.group is not None}
    unruled = sorted(groups - set(map(short, options.repeat)))
    if unruled:
        raise UnclearError(
            f"'{unruled[0]}' repeats in the project, and the plan doesn't say which of its instances counts. Write "
            f"source.options.repeat: {{{unruled[0]}: last}} (or first, or all)."
        )
    _check_used("repeat", set(map(short, options.repeat)) - groups, "repeats and holds a column that the plan reads")
    forms = {column.form for column in columns}
    _check_used("complete", set(options.complete) - forms, "is a form with a column that the plan reads")
    _check_codes(project, columns, options)
    return columns


def missing_codes(project: Project, options: Options) -> frozenset[str]:
    """The codes that are read as blank."""
    return ((project.codes or frozenset()) | set(options.missing_codes or ())) - set(options.keep_codes)


def _check_codes(project: Project, columns: Sequence[Column], options: Options) -> None:
    codes = missing_codes(project, options)
    for own in (column.variable for column in columns):
        if own is not None and own.coded and (both := codes & own.choices):
            raise UnclearError(
                f"'{min(both)}' means 'missing' in the project and is a choice of '{own.name}', too. Write it into "
                "source.options.keep_codes, or change one of them."
            )


def _check_names(project: Project, options: Options) -> None:
    if options.record_id not in (None, project.record_id):
        raise SourceError(
            f"source.options.record_id == '{options.record_id}', must be the project's first field '{project.record_id}'."
        )
    _check_used("forms", set(options.forms) - set(project.designated), "is a form of the project")
    _check_used("events", {one for one in options.events if one not in project.events}, "is an event of the project")
    if project.codes is None and options.missing_codes is None:
        raise SourceError(
            "the server doesn't say which codes mean 'missing' in the project, so the plan must. Write "
            "source.options.missing_codes, [] if there are none."
        )


def _check_used(option: str, strays: set[str], rule: str) -> None:
    if strays:
        raise SourceError(f"source.options.{option} names '{min(strays)}', must name what {rule}. Correct the plan.")


def _unmapped(project: Project, protocol: Protocol) -> list[str]:
    """Columns that the plan knows by the project's own names. Nothing else is asked for that the plan doesn't name."""
    names = [name for name in protocol.known_columns if name not in protocol.source.columns]
    return [name for name in names if name in project.exported]


def _further(project: Project, options: Options) -> list[str]:
    wanted = set(options.fields) | {
        one.name for one in project.variables.values() if one.form in options.forms and one.kind not in NO_DATA
    }
    _check_used("fields", set(options.fields) - set(project.variables), "is a field of the project")
    return [exported for exported, name in project.exported.items() if name in wanted]


def _column(project: Project, options: Options, name: str) -> Column:
    """Where one column is read. Raises as columns_of does."""
    named, exported = at_event(name)
    asked = frozenset(options.events or project.events)
    if exported in (project.record_id, DATA_ACCESS_GROUP):
        return Column(name, exported, None, "", asked, None)
    variable = project.variables.get(project.exported.get(exported, ""))
    form = variable.form if variable else exported.removesuffix("_complete")
    if variable is None and (form == exported or form not in project.designated):
        raise SourceError(
            f"the plan reads '{exported}', must be a field of the REDCap project or its record id "
            f"('{project.record_id}'). Correct source.columns."
        )
    events = frozenset(
        one for one in asked & project.designated.get(form, frozenset()) if named is None or is_at(one, named)
    )
    if not events:
        raise SourceError(f"the plan reads '{name}' at no event of the project, must be read at one. Correct the plan.")
    _check_one_event(project, exported, events)
    groups = {project.group(event, form) for event in events}
    if len(groups) > 1:
        raise UnclearError(
            f"'{exported}' repeats in one REDCap arm and not in the other. Write '[event][{exported}]' in source.columns."
        )
    return Column(name, exported, variable, form, events, groups.pop())


def _check_one_event(project: Project, exported: str, events: frozenset[str]) -> None:
    arms = [project.events[event] for event in events]
    if len(set(arms)) < len(arms):
        some = sorted(events)
        raise UnclearError(
            f"'{exported}' is filled in at several events ({', '.join(some)}), must be read at one. Write "
            f"'[{some[0]}][{exported}]' in source.columns."
        )
