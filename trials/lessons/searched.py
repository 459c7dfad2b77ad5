"""Which words of which kind of act are searched. A kind that is not here is not; a new one is one line below.

Bodies are read as the plain JSON that was stored, so that what an older version wrote is searched by a newer one.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from trials.identifiers import free_text

Body = Mapping[str, Any]
# Of the words below: a change makes every stored text be read anew.
VERSION = 1
# The kind under which a trial's plan stands among the texts; it is no act.
PLAN = "plan"

_Words = Callable[[Body], str]


def _of(*fields: str) -> _Words:
    """The words of these fields, those that are there and are texts."""
    return lambda body: "\n".join(value for name in fields if isinstance(value := body.get(name), str) and value)


_DESCRIBED = ("name", "why", "materials", "procedures", "who", "how", "where", "when_and_how_much", "tailoring")


def _plan(body: Body) -> str:
    parts = [_of("title", "question")(body)]
    intervention = body.get("intervention") or {}
    parts.append(_of(*_DESCRIBED)(intervention))
    parts += [_of("text", "within")(component) for component in intervention.get("components") or ()]
    return "\n".join(part for part in parts if part)


def _decision(body: Body) -> str:
    dissent = "" if body.get("dissent") == "none" else _of("dissent")(body)
    return "\n".join(part for part in (_of("reason", "lesson", "reuse")(body), dissent) if part)


# kind -> (the words that are searched, what they are in the docs)
_SEARCHED: dict[str, tuple[_Words, str]] = {
    "idea": (_of("title", "text", "hoped_for"), "title, text, what is hoped for"),
    "idea_ended": (_of("reason", "lesson", "reuse"), "reason, lesson, what to re-use"),
    "decision": (_decision, "reason, lesson, what to re-use, dissent"),
    "passing": (_of("changed"), "what changed on the way to the next stage"),
    "amendment": (_of("reason", "impact"), "reason, expected impact"),
    "site_withdrawn": (_of("reason"), "reason"),
    "external_event": (_of("text"), "what happened"),
}
WORDS: dict[str, _Words] = {kind: words for kind, (words, _) in _SEARCHED.items()}
# For what is similar to a new idea, plans are asked too.
ASKED: dict[str, _Words] = {**WORDS, PLAN: _plan}


def table() -> tuple[tuple[str, ...], ...]:
    """What is searched of each kind of act."""
    return (("kind", "words that are searched"), *((kind, said) for kind, (_, said) in _SEARCHED.items()))


def must_name_nobody(text: str, what: str) -> None:
    """`trials.identifiers.free_text.must_name_nobody` of one text: lessons are read by everybody, for years."""
    free_text.must_name_nobody({what: text})
