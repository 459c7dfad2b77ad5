"""The records of a REDCap project, with the proof that they are all there.

A server may answer 200 with less than was asked: export rights hide fields, a data access group hides records, a script
that runs out of memory or time leaves out the rest. So the ids of all records are asked for before the data and after
them; each batch must hold exactly the records asked for, and each row every field.
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import islice

from trials.connectors.redcap_api import Api
from trials.connectors.redcap_columns import Column
from trials.connectors.redcap_options import DATA_ACCESS_GROUP, Options
from trials.connectors.redcap_project import Project
from trials.errors import SourceError

Cells = dict[str, str]
# PHP reads 1,000 variables of a request unless told otherwise, and drops the rest without a word.
MOST_VARIABLES = 950


def export(api: Api, project: Project, columns: Sequence[Column], options: Options) -> list[Cells]:
    """Every row of every record, as text, as far as the columns need it.

    Raises SourceError when a record or a field is missing, or records come and go during two attempts.
    """
    for _ in range(2):
        api.begin()
        before = _record_ids(api, project, options)
        rows, complete = _all_batches(api, project, columns, options, before)
        after = _record_ids(api, project, options)
        if before == after:
            if not complete:
                raise SourceError(
                    f"{api.host} did not answer the records that were asked for, must answer all and no other. Try again; if "
                    "it stays so, make source.options.batch smaller."
                )
            _check_sees_all(api, project, columns, rows)
            _check_distinct(api, project, rows)
            return rows
    raise SourceError(
        f"records came or went in {api.host} while they were exported, twice. Try again when it is quiet."
    )


def asked_fields(project: Project, columns: Sequence[Column], options: Options) -> tuple[str, ...]:
    """The fields of a request: the record id, the columns' own, and the status of the forms that are judged by it."""
    own = [column.variable.name if column.variable else column.exported for column in columns]
    return tuple(
        dict.fromkeys(
            [project.record_id, *(one for one in own if one != DATA_ACCESS_GROUP), *_statuses(columns, options)]
        )
    )


def _statuses(columns: Sequence[Column], options: Options) -> list[str]:
    """Statuses: of the forms that must be complete, and of those with checkboxes, which are 0 even if nobody opened them."""
    boxed = {column.form for column in columns if column.variable and column.variable.kind == "checkbox"}
    return [f"{form}_complete" for form in sorted(boxed | set(options.complete))]


def _record_ids(api: Api, project: Project, options: Options) -> tuple[str, ...]:
    """The ids of all records, each once, in the server's order."""
    rows = api.rows("record", _form([project.record_id], options))
    if not rows:
        raise SourceError(f"{api.host} answers without any record, must have some. Is the token the right project's?")
    ids = tuple(dict.fromkeys(row.get(project.record_id, "") for row in rows))
    if "" in ids:
        raise SourceError(
            f"{api.host} answers rows without the record id '{project.record_id}', must export it. Give the token's user "
            "Full Data Set export rights."
        )
    return ids


def _all_batches(
    api: Api, project: Project, columns: Sequence[Column], options: Options, ids: tuple[str, ...]
) -> tuple[list[Cells], bool]:
    """All rows, and whether every batch held exactly the records asked for; stops at the first that does not."""
    fields = asked_fields(project, columns, options)
    rows: list[Cells] = []
    form = _form(fields, options) | {"exportDataAccessGroups": "true", "exportBlankForGrayFormStatus": "true"}
    left, size = iter(ids), max(1, min(options.batch, MOST_VARIABLES - len(form)))
    while batch := list(islice(left, size)):
        found = api.rows("record", form | {f"records[{place}]": one for place, one in enumerate(batch)})
        _check_fields(api, project, columns, options, found)
        rows += found
        if {row[project.record_id] for row in found} != set(batch):
            return rows, False
    return rows, True


def _form(fields: Sequence[str], options: Options) -> Cells:
    form = {"type": "flat", "rawOrLabel": "raw", "exportSurveyFields": "false"}
    form |= {f"fields[{place}]": one for place, one in enumerate(fields)}
    return form | {f"events[{place}]": one for place, one in enumerate(options.events)}


def _check_fields(
    api: Api, project: Project, columns: Sequence[Column], options: Options, rows: Sequence[Cells]
) -> None:
    """Every row has every field asked for: rights that hide one hide it without a word."""
    needed = dict.fromkeys([project.record_id, *_statuses(columns, options)])
    needed |= dict.fromkeys(column.exported for column in columns if column.exported != DATA_ACCESS_GROUP)
    if project.longitudinal:
        needed["redcap_event_name"] = None
    for row in rows:
        for name in needed:
            if name not in row:
                raise SourceError(
                    f"{api.host} answers without the field '{name}', must export it. Give the token's user Full Data Set "
                    "export rights for its form."
                )


def _check_sees_all(api: Api, project: Project, columns: Sequence[Column], rows: Sequence[Cells]) -> None:
    """A token whose user belongs to a data access group sees that group's records alone, and is not told the group."""
    if all(DATA_ACCESS_GROUP in row for row in rows):
        return
    if project.grouped:
        raise SourceError(
            f"the token's user belongs to a data access group of {api.host} and sees its records alone, must see all. "
            "Take a user of no group."
        )
    if any(column.exported == DATA_ACCESS_GROUP for column in columns):
        raise SourceError(
            f"{api.host} answers without '{DATA_ACCESS_GROUP}', must export it. Has the project groups, and belongs the "
            "token's user to none?"
        )


def _check_distinct(api: Api, project: Project, rows: Sequence[Cells]) -> None:
    """No row stands twice: the same record, event, instrument and instance."""
    keys = {(row[project.record_id], event_of(row), *instance_of(row)) for row in rows}
    if len(keys) < len(rows):
        raise SourceError(f"{api.host} answers rows twice, must answer each once. Try again.")


def event_of(row: Cells) -> str:
    return row.get("redcap_event_name", "")


def instance_of(row: Cells) -> tuple[str, int]:
    """Repeating instrument ('' for none) and number of the instance (0 for none) of a row; servers leave both out of a
    batch in which nothing repeats."""
    number = row.get("redcap_repeat_instance", "")
    if number and not (number.isascii() and number.isdigit()):
        raise SourceError("the server answers an instance that is no number, must be 1, 2, 3, ... Try again.")
    return row.get("redcap_repeat_instrument", ""), int(number or 0)
