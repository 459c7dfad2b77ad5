"""How an answer over HTTP that comes in pages goes on: by Link header, by page number, or by a cursor in the answer.

Every way ends only where the server says so. A page that is shorter than asked for is no end: many servers cap the size
of a page on their own.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Any, Literal

import httpx
from pydantic import BeforeValidator, Field, model_validator

from trials.connectors import fetching
from trials.connectors.fetching import Answer, shown
from trials.connectors.formats.cells import Pairs
from trials.errors import SourceError
from trials.plan.base import Frozen


def _path(value: object) -> object:
    return tuple(value.split(".")) if isinstance(value, str) else value


# 'data.items', or ['odata', '@odata.nextLink'] where a key holds a dot.
KeyPath = Annotated[tuple[Annotated[str, Field(min_length=1)], ...], BeforeValidator(_path)]


class Paging(Frozen):
    """How pages follow each other. max_pages: more are refused.

    link: the Link header with rel=next (RFC 8288). page: `parameter` counts pages from `first`, until a page has no rows;
    size_parameter and size ask for so many rows a page. cursor: the value at key path `next` is sent as `parameter`;
    without a parameter it is the next page's address. Null, blank or absent ends.
    """

    kind: Literal["link", "page", "cursor"]
    parameter: str | None = Field(default=None, min_length=1)
    size_parameter: str | None = Field(default=None, min_length=1)
    size: int | None = Field(default=None, ge=1)
    first: int = Field(default=1, ge=0)
    next: KeyPath = ()
    max_pages: int = Field(default=1_000, ge=1, le=100_000)

    @model_validator(mode="after")
    def _whole(self) -> Paging:
        uses = {
            "link": set(),
            "page": {"parameter", "size_parameter", "size", "first"},
            "cursor": {"parameter", "next"},
        }
        given = self.model_fields_set - {"kind", "max_pages"}
        idle = sorted(given - uses[self.kind])
        if idle:
            raise ValueError(f"{', '.join(idle)} means nothing for kind: {self.kind}, must be left out")
        if self.kind == "page" and self.parameter is None:
            raise ValueError("parameter is missing, must name the query parameter that counts the pages")
        if (self.size is None) != (self.size_parameter is None):
            raise ValueError("size and size_parameter must stand together")
        if self.kind == "cursor" and not self.next:
            raise ValueError("next is missing, must name the key that holds the cursor, such as 'meta.next'")
        return self


def first_address(path: str, params: Mapping[str, str], paging: Paging | None) -> httpx.URL:
    """The address of the first page, with the plan's parameters."""
    url = httpx.URL(path).copy_merge_params(dict(params))
    if paging is None or paging.kind != "page":
        return url
    return _numbered(url, paging, 0)


def next_address(
    paging: Paging | None, first: httpx.URL, answer: Answer, number: int, rows: int, document: Any
) -> httpx.URL | None:
    """The address of the page after the number-th (from 0); None after the last one.

    first: the first page's address. rows: how many the page had. document: its JSON. Raises SourceError when the page
    doesn't say it as the plan expects, or points to another server.
    """
    link = answer.links.get("next")
    if paging is None:
        if link is not None:
            raise SourceError(
                f"{shown(answer.url)} says that more pages follow (Link: rel=next), must be read whole. Write paging: link."
            )
        return None
    if paging.kind == "link":
        return None if link is None else fetching.joined(answer.url, link, "the next page")
    if paging.kind == "page":
        return None if rows == 0 else _numbered(first, paging, number + 1)
    return _after_cursor(paging, first, answer, document)


def value_at(document: Any, path: KeyPath, url: httpx.URL, what: str) -> Any:
    """The value at a key path of a JSON document (objects as `Pairs`), None if only its last key is absent.

    Raises SourceError when more of the path is absent, or a key of it stands twice.
    """
    found = document
    for place, key in enumerate(path):
        inner = [value for name, value in found if name == key] if isinstance(found, Pairs) else None
        if inner is None or len(inner) > 1 or (not inner and place < len(path) - 1):
            raise SourceError(
                f"{shown(url)} answered without one {'.'.join(path)}, must have it for {what}. Correct source.options, or ask "
                "whoever runs it."
            )
        found = inner[0] if inner else None
    return found


def _numbered(url: httpx.URL, paging: Paging, number: int) -> httpx.URL:
    asked: dict[str, str] = {str(paging.parameter): str(paging.first + number)}
    if paging.size_parameter is not None:
        asked[paging.size_parameter] = str(paging.size)
    return url.copy_merge_params(asked)


def _after_cursor(paging: Paging, first: httpx.URL, answer: Answer, document: Any) -> httpx.URL | None:
    cursor = value_at(document, paging.next, answer.url, "paging.next")
    if cursor is None or cursor is False or cursor == "":
        return None
    if isinstance(cursor, bool) or not isinstance(cursor, str | int):
        raise SourceError(
            f"{shown(answer.url)} answered with no cursor at {'.'.join(paging.next)}, must be text or a number."
        )
    if paging.parameter is None:
        return fetching.joined(answer.url, str(cursor), "the next page")
    return first.copy_set_param(paging.parameter, str(cursor))
