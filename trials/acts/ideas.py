"""An idea before, between and after its trials. Scope: 'idea:NAME', NAME being `prototype` of the plans that try it."""

from __future__ import annotations

from pydantic import Field

from trials.acts.act import ActKind
from trials.plan.base import Frozen

# Why an idea is tried no further, beside what its trials showed; each code with its meaning.
ENDINGS: dict[str, str] = {
    "answered": "its trials answered the question; nothing more is to be tried",
    "not_wanted": "the people whom it is for, or the staff, don't want it",
    "not_feasible": "it can't be delivered with the people, skills or premises that there are",
    "not_acceptable": "it can't be justified: law, ethics, dignity, privacy",
    "no_money": "nobody pays for it",
    "known_already": "others have tried it, and what they found is enough",
    "replaced": "another idea takes its place",
    "circumstances": "policy, provider or site changed, so that it no longer fits",
    "other": "something else, which the reason says",
}


class Idea(Frozen):
    """text: the idea in a few sentences. hoped_for: what would be better if it worked. proposed_by: a person or a group, such
    as 'residents' council'. programme: the one whose roles apply to it; site: where it came from, if from one site."""

    text: str = Field(min_length=1, max_length=10_000)
    title: str = Field(default="", max_length=200)
    hoped_for: str = Field(default="", max_length=2_000)
    proposed_by: str = Field(default="", max_length=200)
    programme: str = ""
    site: str | None = Field(default=None, min_length=1)


class IdeaEnded(Frozen):
    """The idea is tried no further. lesson: what was learnt, also by an idea that was never tried. reuse: what of it others
    can use. reason_code: one of ENDINGS."""

    reason_code: str = Field(min_length=1)
    reason: str = Field(min_length=1, max_length=10_000)
    lesson: str = Field(min_length=1, max_length=10_000)
    reuse: str = Field(default="", max_length=10_000)
    programme: str = ""


def _site(body: Frozen) -> str | None:
    return body.site if isinstance(body, Idea) else None


IDEA = ActKind("idea", Idea, action="note_idea", states=(), site=_site, words=("title", "text", "hoped_for"))
IDEA_ENDED = ActKind("idea_ended", IdeaEnded, action="decide", states=(), words=("reason", "lesson", "reuse"))


def table() -> tuple[tuple[str, ...], ...]:
    """The codes with which an idea is ended, and what each means."""
    return (("reason code", "meaning"), *ENDINGS.items())
