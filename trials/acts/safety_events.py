"""Safety events: what a site reports, and what the safety steward makes of it.

An event is known by the number of its act. It may be judged more than once; the newest word counts, the older ones stay.
Seriousness as in ICH E2A (1994), section II.B: death, a threat to life and a stay in hospital are always serious.
"""

from __future__ import annotations

import re
from datetime import date
from typing import Literal, get_args

from pydantic import Field, model_validator

from trials.acts.act import ActKind
from trials.errors import DataError
from trials.identifiers import holds_identifier
from trials.identifiers.numbers import postcode
from trials.identifiers.people import DOUBTFUL, GIVEN
from trials.identifiers.words import folded
from trials.plan.base import Frozen

Related = Literal["yes", "possibly", "no", "unknown"]
EventKind = Literal["death", "life_threatening", "hospital", "self_harm", "violence", "other"]
RELATED: tuple[Related, ...] = get_args(Related)
EVENT_KINDS: tuple[EventKind, ...] = get_args(EventKind)
_WORD = re.compile(r"[^\W\d_]+")
ALWAYS_SERIOUS = ("death", "life_threatening", "hospital")


class SafetyEvent(Frozen):
    """What happened. day: when. participant: their pseudonym, None where it concerns nobody in particular. related: whether
    it may be due to the idea, as whoever reports it sees it. text: in few words, without anything that names a person.
    reference: the site's own, which tells two events with the same words apart."""

    day: date
    site: str | None = None
    participant: str | None = Field(default=None, min_length=1)
    serious: bool
    related: Related = "unknown"
    kind: EventKind = "other"
    text: str = Field(min_length=1, max_length=2_000)
    reference: str = Field(default="", max_length=80)

    @model_validator(mode="after")
    def _serious(self) -> SafetyEvent:
        if self.kind in ALWAYS_SERIOUS and not self.serious:
            raise ValueError(f"serious == false, must be true for {self.kind.replace('_', '-')} events")
        return self


class SafetyJudged(Frozen):
    """The safety steward's word on an event. stops: nobody may be enrolled any more."""

    event: int = Field(ge=1)
    related: Related
    stops: bool
    reason: str = Field(min_length=1, max_length=2_000)


def must_name_nobody(what: str, text: str) -> str:
    """The text. Raises DataError, which does not repeat it, when it holds what names a person."""
    if holds_identifier(text) or postcode(text) or _given_name(text):
        raise DataError(
            f"{what} holds what looks like a person's name, address or number, must name nobody. Say it without; nothing was "
            "stored."
        )
    return text


def _given_name(text: str) -> bool:
    """Whether a word with a capital is a given name that is hardly ever another word. In a few words about an event, one alone
    is a name; in the columns of a file it need not be."""
    words = (word for word in _WORD.findall(text) if word[0].isupper())
    return any(folded(word) in GIVEN and folded(word) not in DOUBTFUL for word in words)


def _site(body: Frozen) -> str | None:
    return body.site if isinstance(body, SafetyEvent) else None


SAFETY_EVENT = ActKind("safety_event", SafetyEvent, action="report_safety", site=_site)
SAFETY_JUDGED = ActKind("safety_judged", SafetyJudged, action="judge_safety")
