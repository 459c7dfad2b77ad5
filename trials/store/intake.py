"""Whom a delivery may still bring into a trial, asked in the transaction that takes it in: judged earlier, it may have lost."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime

from sqlalchemy import Connection, select

from trials.acts.deciding import DECISION, Decision
from trials.store.models import ACT


@dataclass(frozen=True, slots=True)
class Intake:
    """listed: everybody is on the trial's list, so that a delivery names nobody new. ended: the UTC day on which the trial was
    closed, if the delivery was sent after that; only who joined before it may be new."""

    listed: bool = False
    ended: date | None = None

    @property
    def open(self) -> bool:
        return not self.listed and self.ended is None

    def refusal(self, enrolled_on: date | None) -> str | None:
        """Why somebody whom the trial doesn't know can't come in, as their site reads it; None when they can."""
        if self.listed:
            return "participant_id is not in the register: must be somebody who was enrolled (`roadtest enrol`)"
        if self.ended is None or (enrolled_on is not None and enrolled_on < self.ended):
            return None
        joined = "enrolled_on is missing" if enrolled_on is None else f"enrolled_on is '{enrolled_on}'"
        return f"{joined}: must be before {self.ended}, when the trial was closed, for somebody it does not know"

    def refused(self, days: Sequence[date | None]) -> list[bool]:
        """Whether each of them is refused."""
        said = {day: self.refusal(day) is not None for day in set(days)}
        return [said[day] for day in days]


OPEN = Intake()


def closed_at(connection: Connection, trial: str) -> datetime | None:
    """When a decision closed the trial; None when none did."""
    found = connection.execute(
        select(ACT.c.at, ACT.c.body).where(ACT.c.trial_id == trial, ACT.c.kind == DECISION.name).order_by(ACT.c.seq)
    )
    return next((at for at, body in found.tuples() if Decision.model_validate_json(body).closes), None)
