"""The rules beside the statistics under which a trial is stopped, sealed with the plan."""

from __future__ import annotations

from pydantic import Field

from trials.plan.base import Frozen


class Recruitment(Frozen):
    """per_month: people planned. grace_months: to set up, from the seal on; nothing is said of these.

    together: the most people who join on one day as a group, such as a class; 1 where each comes alone. error: the chance of
    saying that people join too slowly although they join as planned.
    """

    per_month: float = Field(gt=0)
    grace_months: float = Field(default=2, ge=0, le=120)
    together: int = Field(default=1, ge=1)
    error: float = Field(default=0.05, gt=0, lt=1)


class Burden(Frozen):
    """at_most: the most that a guardrail's measure may take on average per participant."""

    measure: str
    at_most: float


class StaffTime(Frozen):
    """minutes_at_most: staff minutes per case once the work is learnt. settle_weeks: of each person's own practice, which
    belong to learning. error: the chance of saying that the limit is passed although it is kept."""

    minutes_at_most: float = Field(gt=0)
    settle_weeks: int = Field(default=8, ge=0)
    error: float = Field(default=0.05, gt=0, lt=1)


class DataQuality(Frozen):
    """The largest shares of people with a missing outcome, and of rows set aside, with which the trial can go on."""

    missing_at_most: float = Field(default=0.2, gt=0, lt=1)
    set_aside_at_most: float = Field(default=0.2, gt=0, lt=1)
    error: float = Field(default=0.05, gt=0, lt=1)


class Safety(Frozen):
    """related_at_most: expected serious events that may be due to the idea, per 100 people treated; more is a breach.

    error: the chance of calling a breach at that rate. stop_at_once: whether one death or life-threatening event stops
    enrolment until the safety steward has judged it.
    """

    related_at_most: float = Field(gt=0, lt=100)
    error: float = Field(default=0.05, gt=0, lt=1)
    stop_at_once: bool = True


class Stopping(Frozen):
    recruitment: Recruitment | None = None
    burden: Burden | None = None
    staff_time: StaffTime | None = None
    data_quality: DataQuality | None = None
    safety: Safety | None = None
