"""Safety events: what a site reports, and what the safety steward makes of it.

An event is known by the number of its act. It may be judged more than once; the newest word counts, the older ones stay.
Seriousness as in ICH E2A (1994), section II.B: death, a threat to life and a stay in hospital are always serious.
"""

from __future__ import annotations

from datetime import date
from typing import Literal, get_args

from pydantic import Field, model_validator

from trials.acts.act import ActKind
from trials.identifiers import free_text
from trials.plan.base import Frozen

Related = Literal["yes", "possibly", "no", "unknown"]
EventKind = Literal["death", "life_threatening", "hospital", "self_harm", "violence", "other"]
RELATED: tuple[Related, ...] = get_args(Related)
EVENT_KINDS: tuple[EventKind, ...] = get_args(EventKind)
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
    free_text.must_name_nobody({what: text}, given=True)
    return text


def _site(body: Frozen) -> str | None:
    return body.site if isinstance(body, SafetyEvent) else None


# In a few words about one event a given name alone names somebody; in other texts it need not.
SAFETY_EVENT = ActKind(
    "safety_event", SafetyEvent, action="report_safety", site=_site, words=("text", "reference"), given=True
)
SAFETY_JUDGED = ActKind("safety_judged", SafetyJudged, action="judge_safety", words=("reason",), given=True)
