"""Which trials a round takes up: all sealed ones whose plan names no schedule, and those whose schedule has come round since
their work was last done. One that failed rests for a while, longer each time.
"""

from __future__ import annotations

from datetime import UTC, datetime

from cronsim import CronSim, CronSimError

from trials.errors import ProtocolError


def check_schedule(schedule: str | None) -> None:
    """Raises ProtocolError when a plan that is to be registered has a schedule that can't be read.

    Asked of new plans alone: one that was stored before stays readable, and `is_due` hides no trial because of it.
    """
    if schedule is None:
        return
    try:
        CronSim(schedule, datetime(2026, 1, 1, tzinfo=UTC))
    except (CronSimError, ValueError) as error:
        why = error if isinstance(error, CronSimError) else "a number in it is too long"
        raise ProtocolError(
            f"schedule == {schedule[:60]!r}, must be a cron expression in UTC, such as '0 2 * * *' ({why}). Leave it out "
            "where the trial is due in every round."
        ) from None


def is_due(schedule: str | None, done_at: datetime | None, at: datetime) -> bool:
    """Whether a trial with this schedule (cron, UTC), whose work was last done at `done_at`, is due. Times are aware.

    Without a schedule it is due in every round. A time of doing that lies ahead tells of a clock that was set back, not of
    work that is done. A schedule that can't be read hides no trial.
    """
    if schedule is None or done_at is None or done_at > at:
        return True
    try:
        following = next(iter(CronSim(schedule, done_at.astimezone(UTC))), None)
    except CronSimError:
        return True
    return following is not None and following <= at
