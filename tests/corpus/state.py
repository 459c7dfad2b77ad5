"""What a home holds after a command, read with sqlite3 alone: no code of the store's own says what it stored."""

from __future__ import annotations

import re
import sqlite3
from contextlib import closing
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any

# Kept by the source that the list of people came from.
REGISTER = "register:"
_FILES = ("roadtest.db", "roadtest.db-wal", "roadtest.log")
# At every place, so that an id after other letters is seen, too.
_ID_SHAPED = re.compile(rb"(?=([a-z]{1,3}[-_ ]?[0-9]{3,}))")


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
    return _raw(home, _as_of_now(home))


def id_shaped(home: Path) -> frozenset[str]:
    """Everything in `raw` that has the form of an id, and each part of it from its start that has that form."""
    return _id_shaped(home, _as_of_now(home))


def _as_of_now(home: Path) -> tuple[tuple[int, int] | None, ...]:
    """What tells whether a home's files have changed: their sizes and times."""
    stats = [(home / name).stat() if (home / name).is_file() else None for name in _FILES]
    return tuple(None if one is None else (one.st_size, one.st_mtime_ns) for one in stats)


@lru_cache(maxsize=2)
def _raw(home: Path, _: object) -> bytes:
    return b"\n".join((home / name).read_bytes().lower() for name in _FILES if (home / name).is_file())


@lru_cache(maxsize=2)
def _id_shaped(home: Path, now: object) -> frozenset[str]:
    found = {match[1].decode("ascii") for match in _ID_SHAPED.finditer(_raw(home, now))}
    parts = set()
    for one in found:
        digits = len(one) - len(re.sub("[0-9]+$", "", one))
        parts |= {one[: len(one) - digits + kept] for kept in range(3, digits + 1)}
    return frozenset(parts)
