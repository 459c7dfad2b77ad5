"""One trial's data: its deliveries, what waits to be mended, what is waited for, and the numbers that follow from them.

Small counts nobody is told here. Which rows wait, exactly, is for whoever may see rows, and is asked of `dashboards.doing`.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime

from dashboards.read_model.data import DataRow, data_rows
from dashboards.read_model.desk import Desk, must_see
from dashboards.read_model.quality import became, warnings_told
from dashboards.read_model.trial import TrialView, trial
from trials.protocol import Protocol
from trials.store import reading

LAST = 50  # deliveries are listed, the newest


@dataclass(frozen=True, slots=True)
class DeliveryLine:
    """One delivery. How many rows it brought, or had set aside, is not told."""

    name: str
    sent_at: datetime
    received_at: datetime
    action: str
    refusal: str | None
    warnings: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class TrialData:
    """One trial's data. row: as in the list of all trials. view: the trial's page, where people and reasons come from."""

    row: DataRow
    view: TrialView
    deliveries: tuple[DeliveryLine, ...]

    @property
    def protocol(self) -> Protocol:
        return self.view.protocol


def trial_data(desk: Desk, trial_id: str, *, now: datetime | None = None) -> TrialData:
    """Raises NoAccessError, UnknownTrialError, and ContradictionError when the trial's look contradicts itself."""
    card = must_see(desk, trial_id)
    [row] = data_rows(desk, [card], now or datetime.now(UTC))
    lines = [
        DeliveryLine(one.name, one.sent_at, one.recorded_at, became(one), one.refusal, warnings_told(one.warnings))
        for one in reading.deliveries(desk.store, trial_id, LAST)
    ]
    return TrialData(row, trial(desk, trial_id), tuple(lines))


def columns_of(desk: Desk, trial_id: str) -> tuple[tuple[str, str], ...]:
    """The columns that the plan knows: our name, and what the source calls it. Raises NoAccessError, UnknownTrialError."""
    protocol = must_see(desk, trial_id).protocol
    return tuple((name, protocol.source.columns.get(name, name)) for name in protocol.known_columns)
