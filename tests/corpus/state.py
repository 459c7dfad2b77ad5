"""What a home holds after a command, read with sqlite3 alone: no code of the store's own says what it stored."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import Any

# Kept by the source that the list of people came from.
REGISTER = "register:"


@dataclass(frozen=True, slots=True)
class Version:
    """One stored value of one person's measure."""

    measure: str
    participant: str
    rev: int
    observed_on: str | None
    value: float | None
    sent_at: str
    batch: int


@dataclass(frozen=True, slots=True)
class State:
    """A trial's rows. enrolled: participant -> (site, arm, enrolled_on); batches: (seq, name, action) without the register's;
    quarantine: (batch, row number, reason)."""

    enrolled: dict[str, tuple[str, str, str | None]]
    versions: tuple[Version, ...]
    batches: tuple[tuple[int, str, str], ...]
    quarantine: tuple[tuple[int, int, str], ...]

    def current(self, measure: str) -> dict[str, Version]:
        """Per person, the version that counts: the newest by sent_at, then by arrival; none where it is taken back."""
        found: dict[str, Version] = {}
        for one in sorted(self.versions, key=lambda one: (one.sent_at, one.rev)):
            if one.measure == measure:
                found[one.participant] = one
        return {who: one for who, one in found.items() if one.value is not None}


def of(home: Path, trial: str) -> State:
    """The state of one trial in a home's database."""
    with closing(sqlite3.connect(home / "roadtest.db")) as database:

        def rows(query: str) -> list[tuple[Any, ...]]:
            return database.execute(query, {"trial": trial, "register": f"{REGISTER}%"}).fetchall()

        return State(
            {
                who: (site, arm, joined)
                for who, site, arm, joined in rows(
                    "SELECT participant_id, site, arm, enrolled_on FROM enrolment WHERE trial_id = :trial"
                )
            },
            tuple(
                Version(*row)
                for row in rows(
                    "SELECT measure, participant_id, rev, observed_on, value, sent_at, batch_seq FROM observation "
                    "WHERE trial_id = :trial ORDER BY measure, participant_id, rev"
                )
            ),
            tuple(
                rows(
                    "SELECT seq, name, action FROM batch WHERE trial_id = :trial AND source NOT LIKE :register ORDER BY seq"
                )
            ),
            tuple(
                rows(
                    "SELECT batch_seq, row_no, reason FROM quarantine WHERE trial_id = :trial ORDER BY batch_seq, row_no"
                )
            ),
        )


def pseudonyms(home: Path, trial: str, participants: list[str]) -> dict[str, str]:
    """participant id -> what the database calls that person, under the trial's key in the home."""
    from flows.keys import Keys

    return dict(zip(participants, Keys(home / "keys").of(trial).of_all(participants), strict=True))


def raw(home: Path) -> bytes:
    """The database's bytes, its write-ahead log among them, and the log's; in lower case."""
    names = ("roadtest.db", "roadtest.db-wal", "roadtest.log")
    return b"\n".join((home / name).read_bytes().lower() for name in names if (home / name).is_file())
