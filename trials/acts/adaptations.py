"""That a site did something otherwise than the plan describes it."""

from __future__ import annotations

from datetime import date

from pydantic import Field

from trials.acts.act import ActKind
from trials.plan.base import Frozen


class Adaptation(Frozen):
    """component: of the plan's intervention. inside: whether it stays within what may vary of a flexible component, by the word
    of whoever reports it; of a core component nothing may."""

    component: str = Field(min_length=1)
    site: str = ""
    what: str = Field(min_length=1)
    why: str = Field(min_length=1)
    day: date
    inside: bool


def _site(body: Frozen) -> str | None:
    return body.site or None if isinstance(body, Adaptation) else None


ADAPTATION = ActKind("adaptation", Adaptation, action="report_work", site=_site, words=("what", "why"))
