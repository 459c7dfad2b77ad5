"""Staff's minutes per case, by week: one upload is one act. A newer word on somebody's week takes the older one's place."""

from __future__ import annotations

import re
from datetime import date, timedelta

from pydantic import Field, field_validator, model_validator

from trials.acts.act import ActKind
from trials.errors import DataError
from trials.identifiers import holds_identifier
from trials.plan.base import Frozen

MINUTES_A_WEEK = 7 * 24 * 60
_CODE = re.compile(r"(?=.*[0-9])[A-Za-z0-9][A-Za-z0-9_-]{0,39}")


class WorkedWeek(Frozen):
    """One member of staff in one week. staff: a pseudonym, never a name. week: its Monday. tenure: weeks that they had done the
    work before it. minutes: spent on these cases, all together."""

    staff: str = Field(min_length=1, max_length=80)
    week: date
    tenure: int = Field(ge=0, le=5_000)
    cases: int = Field(ge=0, le=10_000)
    minutes: float = Field(ge=0, le=MINUTES_A_WEEK)

    @field_validator("week")
    @classmethod
    def _monday(cls, value: date) -> date:
        return value - timedelta(days=value.weekday())


class StaffTimes(Frozen):
    """One upload. site: whose staff they are; None for several sites."""

    rows: tuple[WorkedWeek, ...] = Field(min_length=1)
    site: str | None = None

    @model_validator(mode="after")
    def _once(self) -> StaffTimes:
        places = [(row.staff, row.week) for row in self.rows]
        if len(set(places)) < len(places):
            raise ValueError("rows have the same member of staff in the same week twice, must have each once")
        return self


def must_be_code(staff: str, row_no: int) -> str:
    """The code of a member of staff. Raises DataError, which does not repeat it, for what may be a name."""
    text = staff.strip()
    if _CODE.fullmatch(text) is None or holds_identifier(text):
        raise DataError(
            f"row {row_no}: staff is no code, must be one of letters and digits with a digit in it, such as S07, never a name. "
            "Nothing was stored."
        )
    return text


def _site(body: Frozen) -> str | None:
    return body.site if isinstance(body, StaffTimes) else None


STAFF_TIME = ActKind("staff_time", StaffTimes, action="report_work", site=_site)
