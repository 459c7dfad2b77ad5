"""Something happened outside the trial that may have changed what it measures: a policy, a law, a provider."""

from __future__ import annotations

from datetime import date
from typing import Literal, get_args

from pydantic import Field

from trials.acts.act import ActKind
from trials.plan.base import Frozen

EventKind = Literal["policy", "provider", "law", "other"]
EVENT_KINDS: tuple[EventKind, ...] = get_args(EventKind)


class ExternalEvent(Frozen):
    """day: the first on which it was so. sites: those that it touched; empty for all."""

    day: date
    text: str = Field(min_length=1)
    kind: EventKind = "other"
    sites: tuple[str, ...] = ()


EXTERNAL_EVENT = ActKind("external_event", ExternalEvent, action="note_event", words=("text",))
