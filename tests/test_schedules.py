"""A plan's schedule: checked before a plan is registered, and never a reason why a stored one can't be read."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from flows.template import TEMPLATE
from trials.due import check_schedule, is_due
from trials.errors import ProtocolError
from trials.planning import admit, check
from trials.protocol import from_content, from_yaml

NOW = datetime(2026, 5, 1, 3, tzinfo=UTC)
LONG_AGO = datetime(2026, 4, 1, tzinfo=UTC)
UNREADABLE = [
    "every night",
    "",
    "0 2 * *",
    "60 * * * *",
    "0 0 30 2 *",
    "@daily",
    "\u00b2 * * * *",
    "1" * 5_000 + " * * * *",
]


@pytest.mark.parametrize("schedule", UNREADABLE, ids=lambda text: text[:12] or "empty")
def test_a_plan_with_a_schedule_that_cannot_be_read_is_refused(schedule: str) -> None:
    """By every way of registering and by `protocol check`, in one sentence; the plan itself is read, as a stored one must be,
    and hides no trial."""
    written = from_yaml(TEMPLATE).model_copy(update={"schedule": schedule})
    stored = from_content(written.model_dump(mode="json"))
    assert stored.schedule == schedule
    for asked in (admit, check):
        with pytest.raises(
            ProtocolError, match=r"^schedule == '.*', must be a cron expression in UTC, such as '0 2 \* \* \*' \("
        ) as why:
            asked(stored)
        assert len(str(why.value)) < 300
        assert "\n" not in str(why.value)
    if len(schedule) < 100:
        assert is_due(stored.schedule, LONG_AGO, NOW)


def test_the_commented_line_of_a_new_plan_is_a_schedule() -> None:
    """Without its '# ' the template's line is taken, and names the night's second hour."""
    [line] = [line for line in TEMPLATE.splitlines() if line.startswith("# schedule:")]
    plan = from_yaml(TEMPLATE.replace(line, line.removeprefix("# ")))
    assert plan.schedule == "0 2 * * *"
    admit(plan)
    check_schedule(None)
    assert is_due(plan.schedule, datetime(2026, 5, 1, 1, tzinfo=UTC), NOW)
    assert not is_due(plan.schedule, datetime(2026, 5, 1, 2, 30, tzinfo=UTC), NOW)
