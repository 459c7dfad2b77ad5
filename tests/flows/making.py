"""Small trials and the files that their sites send, for the tests of flows and command."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from sqlalchemy import update

from flows import work
from flows.keys import Keys
from trials.protocol import Protocol, from_content
from trials.store.engine import Store, reading, writing
from trials.store.models import PLAN, metadata

SEALED_AT = datetime(2024, 1, 1, tzinfo=UTC)
NOW = datetime(2024, 6, 3, 8, tzinfo=UTC)
HEADER = "participant_id,arm,entry_order,well"


def plan(trial: str = "first-trial", **changes: Any) -> Protocol:
    """An undated two-arm plan of up to 200 people, whose deliveries lie in sources/<trial>."""
    content = {
        "trial": trial,
        "question": "Does it help?",
        "owner": "tests",
        "arms": [{"id": "usual", "role": "control"}, {"id": "new"}],
        "primary": {"measure": "well", "kind": "binary", "better": "higher", "baseline": 0.4, "worthwhile": 0.2},
        "monitoring": {"max_participants": 200},
        "order_by": ["entry_order"],
        "source": {"connector": "folder", "path": f"sources/{trial}"},
    }
    return from_content({**content, **changes})


def row(number: int, **changes: object) -> str:
    """The number-th person's row: arms alternate; with the new way two of three are well, with the usual one of three."""
    new = number % 2 == 0
    well = (number // 2) % 3 != 0 if new else number % 3 == 0
    cells = {
        "participant_id": f"p{number:03d}",
        "arm": "new" if new else "usual",
        "entry_order": number,
        "well": int(well),
    }
    return ",".join(str(cell) for cell in {**cells, **changes}.values())


def csv_text(rows: Iterable[str]) -> str:
    return "\n".join([HEADER, *rows, ""])


def people(first: int, last: int) -> str:
    """A delivery of the people from first to last, all right."""
    return csv_text(row(number) for number in range(first, last + 1))


# How rounds and alerts went, which is no fact of a trial.
OPERATIONAL = ("round", "trial_work", "alert", "alert_telling", "alert_channel", "alert_watch")


@dataclass(frozen=True)
class Desk:
    """A store and a home, and short words for filling them."""

    store: Store
    home: Path

    @property
    def door(self) -> work.Door:
        return work.Door(self.home, Keys(self.home / "keys"))

    def sealed(self, protocol: Protocol, **files: str) -> str:
        """Registers and seals a plan and puts deliveries into its source; returns the trial's name."""
        work.register_trial(self.store, protocol, by="Ann", at=SEALED_AT, seal_by="Bea")
        self.sent(protocol.trial, {f"{name}.csv": text for name, text in files.items()})
        return protocol.trial

    def sent(self, trial: str, files: Mapping[str, str]) -> list[Path]:
        folder = self.home / "sources" / trial
        folder.mkdir(parents=True, exist_ok=True)
        for name, text in files.items():
            (folder / name).write_text(text, encoding="utf-8")
        return [folder / name for name in files]

    def collect(self, *trials: str, clock: work.Clock | None = None) -> dict[str, work.Outcome]:
        """Reads and records what lies ready, as the flow does; outcomes by trial."""
        found = work.read_all(self.store, self.door, trials)
        failed = [item for item in found if isinstance(item, work.Outcome)]
        pending = [item for item in found if isinstance(item, work.Pending)]
        done = work.collect(self.store, pending, clock or work.Clock(NOW), self.door)
        return {outcome.trial: outcome for outcome in [*failed, *done]}

    def alter_stored_plan(self, trial: str) -> None:
        """What somebody with the database's password can do: another alpha in the sealed text."""
        with writing(self.store, trial) as connection:
            plan = connection.execute(PLAN.select().where(PLAN.c.trial_id == trial)).one()
            altered = plan.canonical.replace('"alpha":0.05', '"alpha":0.2')
            assert altered != plan.canonical
            connection.execute(update(PLAN).where(PLAN.c.trial_id == trial).values(canonical=altered))

    def contents(self) -> dict[str, list[str]]:
        """Everything the database holds but how rounds and alerts went, to compare before with after."""
        kept = [table for table in metadata.sorted_tables if table.name not in OPERATIONAL]
        with reading(self.store) as connection:
            return {table.name: sorted(map(repr, connection.execute(table.select()))) for table in kept}
