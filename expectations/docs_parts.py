"""The parts of Data Docs, as HTML text: words for expectations, pills, cards, tables, and the page around them."""

from __future__ import annotations

import re
from base64 import b64encode
from collections.abc import Sequence
from datetime import UTC, datetime
from functools import cache
from hashlib import sha256
from html import escape
from importlib.resources import files
from string import Formatter
from typing import Literal

from trials.disclosure import LIMIT

_CODE = re.compile("`([^`]+)`")

State = Literal["good", "aside", "bad", "unknown"]

# By state: a shape of its own, so that no state is told by colour alone.
SHAPES: dict[State, str] = {
    "good": '<circle cx="12" cy="12" r="9.5"/><path d="M7.8 12.3l2.9 2.9 5.5-6"/>',
    "aside": '<path d="M12 3 22 20.5H2zM12 10v4.5M12 17.3v.2"/>',
    "bad": '<path d="M8 2.5h8L21.5 8v8L16 21.5H8L2.5 16V8zM9 9l6 6M15 9l-6 6"/>',
    "unknown": '<circle cx="12" cy="12" r="9.5" stroke-dasharray="3 3"/><path d="M12 7v6M12 16.8v.2"/>',
}
ACTIONS: dict[str, tuple[State, str]] = {
    "accept": ("good", "Accepted"),
    "accept_with_warning": ("good", "Accepted with notes"),
    "quarantine_rows": ("aside", "Rows set aside"),
    "reject_batch": ("bad", "Refused"),
    "unjudged": ("unknown", "Not checked"),
}
# What is looked for by rules whose description is what was found and nothing else.
FAULTS = {
    "readable": "The delivery can't be read with certainty: must have one sure format, encoding and header, and whole lines",
    "no_identifiers": "A column holds names, addresses, numbers of people or the like: must be left out of what is sent",
    "participant_id_plain": "participant_id is too long, or would run as a formula in a spreadsheet: must be a plain id",
    "fields_right": "A further column of the plan holds something else than planned: must be as the plan says",
}
WORDS = {
    "as_of": "the day of the check",
    "sites": "the plan's sites",
    "arms": "the plan's arms",
    "measure": "the measure",
    "companion": "what stands beside it",
    "missing": "a planned one",
    "header": "others",
    "cut": "the last one",
    "lacking": "a planned column",
    "repeat_of": "further up",
    "conflict_rows": "more than one",
    "too_early": "the day on which it closes",
    "entry_order_most": "twice the planned people",
    "low": "the lowest",
    "high": "the highest",
    "valid_range": "in the plan's range",
}


def in_words(rule: str, description: str) -> str:
    """What a rule looks for, as HTML: its description with each placeholder as the words for what stands there."""
    if rule in FAULTS:
        return escape(FAULTS[rule])
    said = []
    for literal, name, *_ in Formatter().parse(description.removeprefix("{name}: ")):
        said.append(_CODE.sub(r"<code>\1</code>", escape(literal)))
        if name is not None:
            said.append(f"<var>{escape(_words(name))}</var>")
    first, *rest = said or [""]
    return "".join([first[:1].upper() + first[1:] if first.startswith(("the ", "no ", "dup")) else first, *rest])


def _words(name: str) -> str:
    for start, words in (("sent_", "as sent"), ("register_", "as registered")):
        if name.startswith(start):
            return words
    return WORDS.get(name, name.replace("_", " "))


def why_hidden(hides: bool) -> str:
    why = f"Hidden: fewer than {LIMIT}, or needed so that such a number can't be worked out."
    return why if hides else ""


def number(count: int | None) -> str:
    return "hidden" if count is None else f"{count:,}"


def pill(state: State, word: str) -> str:
    shape = f'<svg viewBox="0 0 24 24" aria-hidden="true">{SHAPES[state]}</svg>'
    return f'<span class="state {state}">{shape}{escape(word)}</span>'


def card(inner: str, title: str = "", note: str = "") -> str:
    said = f'<p class="quiet">{escape(note)}</p>' if note else ""
    head = f"<header><h2>{escape(title)}</h2>{said}</header>" if title else ""
    return f'<section class="card">{head}{inner}</section>'


def table(caption: str, heads: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    """A table whose first column names the row and whose middle ones are numbers. Cells are HTML already."""
    middle = range(1, len(heads) - 1)
    kinds = [' class="number"' if at in middle else "" for at in range(len(heads))]
    head = "".join(f'<th scope="col"{kind}>{escape(one)}</th>' for one, kind in zip(heads, kinds, strict=True))
    body = []
    for first, *rest in rows:
        cells = "".join(f"<td{kind}>{one}</td>" for one, kind in zip(rest, kinds[1:], strict=True))
        body.append(f'<tr><th scope="row">{first}</th>{cells}</tr>')
    return f"<table><caption>{escape(caption)}</caption><thead><tr>{head}</tr></thead><tbody>{''.join(body)}</tbody></table>"


def page(title: str, body: str, at: datetime, crumbs: str = "") -> str:
    style, policy = _style()
    return (
        '<!doctype html>\n<html lang="en"><head><meta charset="utf-8">'
        f'<meta http-equiv="Content-Security-Policy" content="{policy}">'
        '<meta name="viewport" content="width=device-width, initial-scale=1"><meta name="referrer" content="no-referrer">'
        f'<link rel="icon" href="data:,"><title>{escape(title)} · Roadtest data checks</title><style>{style}</style></head>'
        f"<body><main>{crumbs}<h1>{escape(title)}</h1>{body}"
        f"<footer>Checked in the round of {when(at)}. This page holds no ids, no values and no counts of rows below {LIMIT}."
        "</footer></main></body></html>\n"
    )


@cache
def _style() -> tuple[str, str]:
    """The style sheet, and the policy under which nothing but it may act on the page."""
    style = (files("expectations") / "docs.css").read_text(encoding="utf-8")
    digest = b64encode(sha256(style.encode()).digest()).decode()
    allowed = f"default-src 'none'; style-src 'sha256-{digest}'; img-src data:; base-uri 'none'; form-action 'none'"
    return style, allowed


def when(at: datetime) -> str:
    then = at.astimezone(UTC)
    return f"{then.day} {then:%B %Y, %H:%M} UTC"
