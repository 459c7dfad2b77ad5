"""A large ledger, quickly and truly: what `growth_evidence.py` measures on.

The history of each named trial goes in by `ledger.record_all`, in deliveries of 10,000 people at most, ids hidden as at the
door. Copies of the largest are further trials: registered and sealed through the ledger, their rows copied by the database
(enrolment, observation, batch), their looks with their own name and plan in them, and their chain appended link by link over
the copied rows. `audit verify` finds nothing wrong with either.
"""

from __future__ import annotations

import json
import random
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from sqlalchemy import Connection, insert, select, text

from flows.keys import Keys
from flows.work import Door
from trials.protocol import Protocol, from_content
from trials.records import Checked, Delivery, Records
from trials.store import chain, ledger
from trials.store.engine import Store, writing
from trials.store.models import AUDIT, BATCH, LOOK, STATE, TRIAL

AT = datetime(2024, 1, 1, tzinfo=UTC)
PART = 10_000
HEADER = "participant_id,site,arm,entry_order,y"
NAMES = {
    "enrolment": "participant_id, site, arm, enrolled_on, entry_order, order_key, batch_seq, spelling",
    "observation": "measure, participant_id, rev, observed_on, value, companion, sent_at, effective_at, batch_seq",
}


def plan(trial: str) -> Protocol:
    return from_content(
        {
            "trial": trial,
            "question": "?",
            "owner": "growth",
            "sites": [{"id": site} for site in "ABCD"],
            "arms": [{"id": "control", "role": "control"}, {"id": "idea"}],
            "primary": {
                "measure": "y",
                "kind": "binary",
                "better": "lower",
                "baseline": 0.4,
                "worthwhile": 0.02,
                "follow_up": "28 days",
            },
            "monitoring": {"max_participants": 2_000_000},
            "order_by": ["entry_order"],
            "source": {"connector": "folder", "path": f"in/{trial}"},
        }
    )


def begin(store: Store, home: Path, trial: str) -> None:
    (home / "in" / trial).mkdir(parents=True, exist_ok=True)
    ledger.register(store, plan(trial), by="growth", at=AT)
    ledger.seal(store, trial, by="second reader", at=AT)


def fill(store: Store, home: Path, trial: str, people: int, part: int = PART) -> None:
    """A trial with so many people, each with one observation."""
    begin(store, home, trial)
    hidden = Door(home, Keys(home / "keys")).pseudonyms(store, trial)
    assert hidden is not None
    draw = random.Random(f"growth of {trial}")
    for number, first in enumerate(range(1, people + 1, part)):
        whom = range(first, min(first + part, people + 1))
        names = hidden.of_all([f"P{one}" for one in whom])
        at = AT + timedelta(minutes=number)
        delivery = Delivery(
            trial, f"folder:in/{trial}", f"{number}.csv", f"{number:064}", at, ("participant_id", "y"), ()
        )
        ledger.record_all(
            store,
            [(delivery, Checked(_records(names, whom, draw)))],
            recorded_at=at,
            as_of=at,
            key=hidden.fingerprint,
            seal=hidden.seal,
        )


def _records(names: list[str], whom: range, draw: random.Random) -> Records:
    count = len(whom)
    return Records(
        row_no=list(range(1, count + 1)),
        participant_id=names,
        site=["ABCD"[number % 4] for number in whom],
        arm=[("control", "idea")[number // 4 % 2] for number in whom],
        enrolled_on=[None] * count,
        entry_order=list(whom),
        observed_on=[None] * count,
        value=[float(draw.random() < 0.4) for _ in whom],
        withdrawn=[False] * count,
        companion=[None] * count,
        spelling=["upper"] * count,
    )


def copy(store: Store, home: Path, of: str, trial: str) -> None:
    """Another trial with the history of one."""
    begin(store, home, trial)
    with writing(store, trial) as connection:
        old, new = (connection.scalar(select(TRIAL.c.plan_sha256).where(TRIAL.c.id == one)) for one in (of, trial))
        key = connection.scalar(select(TRIAL.c.key_fingerprint).where(TRIAL.c.id == of))
        connection.execute(TRIAL.update().where(TRIAL.c.id == trial).values(key_fingerprint=key))
        batches = [dict(row._mapping) for row in connection.execute(select(BATCH).where(BATCH.c.trial_id == of))]
        connection.execute(insert(BATCH), [{**row, "trial_id": trial} for row in batches])
        for table, names in NAMES.items():
            connection.execute(
                text(
                    f"INSERT INTO {table} (trial_id, {names}) SELECT :new, {names} FROM {table} WHERE trial_id = :old"
                ),
                {"new": trial, "old": of},
            )
        _looks(connection, of, trial, str(old), str(new))
    source = Keys(home / "keys").folder
    (source / f"{trial}.key").write_text((source / f"{of}.key").read_text("ascii"), "ascii")


def _looks(connection: Connection, of: str, trial: str, old: str, new: str) -> None:
    """The copied looks, and the links of deliveries and looks in the order of the first trial's chain."""
    looks: dict[int, dict[str, Any]] = {}
    for row in connection.execute(select(LOOK).where(LOOK.c.trial_id == of)):
        look = {**row._mapping, "trial_id": trial}
        look["body"] = {**row.body, "trial": trial, "protocol_sha256": new}
        assert row.body["protocol_sha256"] == old
        looks[row.number] = look
    connection.execute(insert(LOOK), list(looks.values()))
    state = dict(connection.execute(select(STATE).where(STATE.c.trial_id == of)).one()._mapping)
    connection.execute(insert(STATE).values(**{**state, "trial_id": trial}))
    told = connection.execute(
        select(AUDIT.c.kind, AUDIT.c.body).where(AUDIT.c.trial_id == of).order_by(AUDIT.c.seq)
    ).tuples()
    number = 0
    for kind, body in told.all():
        said = json.loads(body)
        if kind == "delivery":
            chain.append(connection, trial, kind, {name: said[name] for name in said if name != "format"}, AT)
        elif kind == "look":
            number += 1
            row = {name: value for name, value in looks[number].items() if name != "trial_id"}
            again = {**chain.look_body(row, state), "state": said["state"]}
            chain.append(connection, trial, kind, again, AT)


def new_rows(home: Path, trial: str, first: int, count: int, turn: int) -> None:
    """A delivery of people who are new, as a file in the trial's folder; the one before is taken away, as a pipeline does."""
    folder = home / "in" / trial
    for old in folder.iterdir():
        old.unlink()
    draw = random.Random(f"{trial} {first}")
    lines = [HEADER]
    for number in range(first, first + count):
        lines.append(
            f"P{number},{'ABCD'[number % 4]},{('control', 'idea')[number // 4 % 2]},{number},{int(draw.random() < 0.4)}"
        )
    sent = datetime.now(UTC) - timedelta(days=1) + timedelta(seconds=turn)
    (folder / f"{sent:%Y-%m-%dT%H%M%S}.csv").write_text("\n".join(lines) + "\n", "utf-8")
