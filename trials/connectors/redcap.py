"""CONNECTOR `redcap`: the records of a REDCap project over its API, proved to be all there.

Every export is whole: REDCap's `dateRangeBegin` would leave out records that were deleted or moved, so it is not used, and
the ledger drops what it knows. The design of the project (events, repeating instruments, missing-data codes) is asked for
first; only the fields that the plan knows are exported. docs/sources.md says what a project must look like.
"""

from __future__ import annotations

import re
import time
from collections.abc import Callable, Mapping
from urllib.parse import urlsplit

from trials.connectors.connector import Connector, Context, Found, source_name
from trials.connectors.fetching import session
from trials.connectors.formats.table import our_names
from trials.connectors.options import options_of
from trials.connectors.redcap_api import Api
from trials.connectors.redcap_columns import UnclearError, columns_of
from trials.connectors.redcap_export import export
from trials.connectors.redcap_options import DATA_ACCESS_GROUP, Options, check
from trials.connectors.redcap_project import ask_project
from trials.connectors.redcap_rows import people
from trials.connectors.states import shown_before, shown_now
from trials.errors import SourceError
from trials.protocol import Protocol, Source, canonical_json, sha256_text
from trials.records import Delivery, Rows

_TOKEN = re.compile(r"[0-9A-Fa-f]{32}")


def find(source: Source, context: Context) -> tuple[Found, ...]:
    """The one export that can be had now. Nothing is asked of the server yet."""
    return (Found(f"export-{context.now:%Y-%m-%dT%H%M%SZ}", context.now, source.path),)


def fingerprint(found: Found, context: Context) -> None:
    """Nothing: what an export holds is known once it is read."""
    return


def read(
    protocol: Protocol, found: Found, context: Context, sleep: Callable[[float], None] = time.sleep
) -> Delivery | None:
    """The project's records as a delivery; None when they are as they were when last accepted.

    Raises SourceError when they can't be had whole. sleep: waits the seconds before another try.
    """
    options = options_of(Options, protocol.source)
    token = _token(protocol.source, context)
    url = urlsplit(found.locator)
    # A proxy is for the world outside; over http the token would reach it in the open.
    with session(context.timeout, direct=url.scheme == "http") as client:
        api = Api(client, found.locator, token, most_bytes=context.limits.unpacked_bytes, sleep=sleep)
        return _read(protocol, found, context, options, api)


def _read(protocol: Protocol, found: Found, context: Context, options: Options, api: Api) -> Delivery | None:
    project = ask_project(api)
    try:
        columns = columns_of(project, protocol, options)
        rows = export(api, project, columns, options)
        cells, repairs = people(rows, project, columns, options)
    except UnclearError as unclear:
        return _refused(protocol, found, context, str(unclear))
    if not any(cells.values()):
        _check_never_any(api, context)
        return None
    if project.grouped is None and not all(DATA_ACCESS_GROUP in row for row in rows):
        repairs = (*repairs, "could not tell whether the token's user sees the records of all data access groups")
    return _delivery(protocol, found, context, cells, repairs)


def _delivery(
    protocol: Protocol, found: Found, context: Context, cells: Mapping[str, list[str]], repairs: tuple[str, ...]
) -> Delivery | None:
    """The delivery of these cells, unless the newest accepted one held the same."""
    columns = our_names(list(cells), protocol)
    ours = dict(zip(columns, cells.values(), strict=True))
    _translate(ours, options_of(Options, protocol.source))
    shown = shown_now(shown_before(context.watermark), sha256_text(canonical_json(ours)))
    if shown is None:
        return None
    source = source_name(CONNECTOR.name, protocol.source)
    return Delivery(
        *(protocol.trial, source, found.name, shown.content, found.sent_at, columns, Rows(ours)),
        repairs=repairs,
        watermark=shown.to_text(),
    )


def _refused(protocol: Protocol, found: Found, context: Context, problem: str) -> Delivery:
    """The same problem is told once, and again after something was accepted in between."""
    source, content = source_name(CONNECTOR.name, protocol.source), sha256_text(f"{context.watermark} {problem}")
    return Delivery(protocol.trial, source, found.name, content, found.sent_at, (), (), problem=problem)


def _check_never_any(api: Api, context: Context) -> None:
    """Before the first delivery there is nothing yet; after it, all answers can't have gone."""
    if context.watermark is not None:
        raise SourceError(f"{api.host} has no complete record any more, must have those that came before. Look there.")


def _translate(cells: dict[str, list[str]], options: Options) -> None:
    """Codes into the plan's words, column by column; a code without a word stays, for the checks to judge."""
    for column, words in options.codes.items():
        if column not in cells:
            raise SourceError(
                f"source.options.codes names '{column}', must name a column of the delivery. Correct the plan."
            )
        cells[column] = [words.get(cell, cell) for cell in cells[column]]


def _token(source: Source, context: Context) -> str:
    token = context.secret(source.secret or "").strip()
    if _TOKEN.fullmatch(token) is None:
        raise SourceError(
            f"the secret '{source.secret}' is no API token of a REDCap project, must be 32 digits and letters A to F. "
            "Ask for one on the project's API page."
        )
    return token


CONNECTOR = Connector("redcap", check, find, fingerprint, read)
