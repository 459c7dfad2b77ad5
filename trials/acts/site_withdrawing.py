"""A site leaves a trial: its data are kept, nobody joins there any more. Said once a site, by the key `site`."""

from __future__ import annotations

from datetime import date

from pydantic import Field

from trials.acts.act import SEALED, ActKind
from trials.plan.base import Frozen


class SiteWithdrawn(Frozen):
    """site: of the plan. from_day: the first day on which nobody joins there. reason_code: `trials.reasons.SITE_REASONS`."""

    site: str = Field(min_length=1)
    reason_code: str = Field(min_length=1)
    reason: str = Field(min_length=1)
    from_day: date


def _site(body: Frozen) -> str | None:
    return body.site if isinstance(body, SiteWithdrawn) else None


SITE_WITHDRAWN = ActKind(
    "site_withdrawn", SiteWithdrawn, action="withdraw_site", states=(SEALED,), site=_site, words=("reason",)
)
