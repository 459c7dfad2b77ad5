"""What the form's scripts send (assets/draft.js): what fails on anything else was not sent by them (`dashboards.answering`)."""

from __future__ import annotations

from typing import Any, TypedDict

# n: the number of the draft that it is of. page: the tab that it comes from. kept: what of the plan has no field in the form.
SentDraft = TypedDict(
    "SentDraft",
    {"n": int, "page": str, "from": str, "values": dict[str, Any], "kept": dict[str, Any] | None},
    total=False,
)


class SentPlan(TypedDict):
    """A plan to be tried out. content: its JSON; None: there is nothing to try."""

    n: int
    page: str
    content: str | None


class SentText(TypedDict):
    """The plan's text after an edit."""

    text: str
    n: int
