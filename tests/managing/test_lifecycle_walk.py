"""Random walks through a trial's life on a real database: no forbidden state, each transition in the chain, refusals change
nothing."""

from __future__ import annotations

import hashlib
import random
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from sqlalchemy import func, select

from trials import lifecycle
from trials.acts.act import CLOSED, REGISTERED, SEALED, STATES
from trials.acts.deciding import DECISION, DECISIONS, LEADS_TO, Decision
from trials.acts.site_withdrawing import SITE_WITHDRAWN, SiteWithdrawn
from trials.errors import RoadtestError
from trials.protocol import Protocol, from_content
from trials.reasons import REASONS, SITE_REASONS
from trials.records import Checked, Delivery, Record, Row
from trials.store import acts, decisions, ledger, reading, verifying
from trials.store.engine import Store, open_store
from trials.store.engine import reading as open_reading
from trials.store.models import AUDIT, metadata

START = datetime(2026, 1, 1, tzinfo=UTC)
WALKS, STEPS = 26, 9
PEOPLE = ("anna", "ben", "", "Anna ")
# Where a trial may go from where, by the brief: registered, sealed, and then one of the closed states, for ever.
LEADS = {(REGISTERED, SEALED), *((SEALED, state) for state in CLOSED), *((state, state) for state in STATES)}


def plan(trial: str, worthwhile: float = 0.2) -> Protocol:
    return from_content(
        {
            "trial": trial,
            "question": "?",
            "owner": "tests",
            "sites": [{"id": "A"}, {"id": "B"}],
            "arms": [{"id": "c", "role": "control"}, {"id": "t"}],
            "primary": {"measure": "y", "kind": "binary", "better": "lower", "baseline": 0.4, "worthwhile": worthwhile},
            "monitoring": {"max_participants": 200},
            "order_by": ["entry_order"],
            "gate": {
                "to": "pilot",
                "criteria": [
                    {"id": "kept", "asks": "retention", "text": "people stay", "green": 0.8, "red": 0.6},
                    {"id": "wanted", "asks": "acceptability", "text": "people want it", "green": 70, "red": 50},
                ],
            },
            "source": {"connector": "folder", "path": "in"},
        }
    )


class Walk:
    """One trial and its random steps. Time goes on with each of them."""

    def __init__(self, store: Store, trial: str, rng: random.Random) -> None:
        self.store, self.trial, self.rng = store, trial, rng
        self.at, self.joined, self.effect = START, 0, rng.choice((0.0, 1.0))
        self.steps: list[Callable[[], Any]] = [
            *(self.register, self.seal, self.deliver, self.deliver, self.look),
            *(self.decide, self.decide, self.decide, self.decide_past_the_door),
            *(self.withdraw, self.withdraw_past_the_door, self.note, self.again),
        ]
        self.said: dict[str, Any] = {}

    def begin(self) -> None:
        """Registered; mostly sealed too, so that the walks come far."""
        self.register()
        if self.rng.random() < 0.8:
            ledger.seal(self.store, self.trial, by="ben", at=self.at, now=self.at)
            self.deliver()

    def register(self) -> None:
        ledger.register(self.store, plan(self.trial, self.rng.choice((0.2, 0.25))), by="anna", at=self.at, now=self.at)

    def seal(self) -> None:
        ledger.seal(self.store, self.trial, by=self.rng.choice(PEOPLE), at=self.at, now=self.at)

    def deliver(self) -> None:
        numbers = range(self.joined + 1, self.joined + 13)
        rows = tuple(
            Record(one, f"p{one}", "AB"[one // 2 % 2], "ct"[one % 2], None, one, None, self._outcome(one))
            for one in numbers
        )
        sent = hashlib.sha256(f"{self.trial} {self.joined}".encode()).hexdigest()
        cells = tuple(Row(row.row_no, {"participant_id": row.participant_id}) for row in rows)
        delivery = Delivery(self.trial, "folder:in", sent[:8], sent, self.at, ("participant_id", "y"), cells)
        ledger.record(self.store, delivery, Checked(rows, (), ()), recorded_at=self.at, as_of=self.at, now=self.at)
        self.joined += 12

    def _outcome(self, number: int) -> float:
        return float(self.rng.random() < (0.8 - 0.7 * self.effect * (number % 2)))

    def look(self) -> None:
        ledger.take_look(self.store, self.trial, recorded_at=self.at, as_of=self.at, now=self.at)

    def decide(self) -> None:
        words = {
            "reason_code": self.rng.choice((*REASONS, "")),
            "reason": self.rng.choice(("the money is needed elsewhere", "")),
            "lesson": self.rng.choice(("letters alone move nobody", "too short")),
            "reuse": self.rng.choice(("the reminder texts", "")),
            "second": self.rng.choice(PEOPLE),
            "answers": self.rng.choice(({"wanted": 80.0}, {"wanted": 20.0}, {})),
        }
        if self.rng.random() < 0.5:  # else hardly any would be taken
            words |= {"reason": "the money is needed elsewhere", "lesson": "letters alone move nobody", "second": "ben"}
            words |= {"reuse": "the reminder texts", "answers": {"wanted": 80.0}}
        what: Any = self.rng.choice(DECISIONS)
        if self.rng.random() < 0.6:
            words["reason_code"] = next((code for code, (_, whats) in REASONS.items() if what in whats), "")
        self.said = {"what": what, **words}
        self.again()

    def again(self) -> None:
        if self.said:
            decisions.decide(self.store, self.trial, **self.said, by="anna", at=self.at, now=self.at)

    def decide_past_the_door(self) -> None:
        """The act itself, without what `decide` asks: the states hold all the same."""
        if self.rng.random() < 0.2:
            body = Decision(what=self.rng.choice(DECISIONS))
            acts.act(self.store, self.trial, DECISION, body, by="carl", at=self.at, now=self.at)

    def withdraw(self) -> None:
        decisions.withdraw_site(
            self.store,
            self.trial,
            self.rng.choice("ABC"),
            reason_code=self.rng.choice((*SITE_REASONS, "unknown")),
            reason="the provider left",
            from_day=self.at.date(),
            by="anna",
            at=self.at,
            now=self.at,
        )

    def withdraw_past_the_door(self) -> None:
        body = SiteWithdrawn(site="B", reason_code="other", reason="x", from_day=START.date())
        acts.act(self.store, self.trial, SITE_WITHDRAWN, body, by="carl", at=self.at, key="B", now=self.at)

    def note(self) -> None:
        day = (self.at + timedelta(days=self.rng.choice((-3, 0, 1)))).date()
        decisions.note_event(self.store, self.trial, "a law changed", day=day, by="anna", at=self.at, now=self.at)

    def stored(self) -> list[list[str]]:
        """Every row of the trial."""
        with open_reading(self.store) as connection:
            tables = [one for one in metadata.sorted_tables if "trial_id" in one.c or one.name == "trial"]
            keys = [one.c.get("trial_id", one.c.get("id")) for one in tables]
            return [
                sorted(map(repr, connection.execute(select(table).where(key == self.trial))))
                for table, key in zip(tables, keys, strict=True)
            ]

    def state(self) -> str | None:
        with open_reading(self.store) as connection:
            return acts.state_of(connection, self.trial)

    def folded(self) -> str:
        return lifecycle.folded("seal" in self.links(), acts.acts(self.store, self.trial))

    def links(self) -> list[str]:
        with open_reading(self.store) as connection:
            query = select(AUDIT.c.kind).where(AUDIT.c.trial_id == self.trial).order_by(AUDIT.c.seq)
            return list(connection.execute(query).scalars())


def refusal(step: Callable[[], Any]) -> str | None:
    """The sentence with which a step was refused; None if it was done."""
    try:
        step()
    except RoadtestError as error:
        return str(error)
    return None


@pytest.fixture(scope="module")
def store(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Store]:
    opened = open_store(f"sqlite:///{tmp_path_factory.mktemp('walks') / 'store.db'}")
    yield opened
    opened.close()


def test_no_walk_leads_to_a_forbidden_state(store: Store) -> None:
    """After every step of every walk: the state is a known one that its predecessor leads to, and the fold of the acts; what
    was refused left every row as it was; a change of state brought exactly one link; and at the end the chain tells it all.
    The walks together come through every state, every decision and many refusals."""
    rng, seen, taken, refused = random.Random(20_260_101), set[str](), set[str](), 0
    for number in range(WALKS):
        walk = Walk(store, f"walk-{number}", rng)
        walk.begin()
        state = walk.state()
        seen.add(str(state))
        for _ in range(STEPS):
            before, chain, step = walk.stored(), len(walk.links()), rng.choice(walk.steps)
            walk.at += timedelta(days=1)
            sentence = refusal(step)
            if sentence is not None:
                refused += 1
                assert walk.stored() == before, f"{step.__name__} was refused and changed something: {sentence}"
            after = walk.state()
            assert (state, after) in LEADS
            assert after == walk.folded()
            if after != state:
                assert len(walk.links()) == chain + 1
            state = after
            seen.add(str(state))
        taken |= {act.body.what for act in reading.card(store, walk.trial).decisions}  # type: ignore[attr-defined]
        assert walk.links().count("act") == len(acts.acts(store, walk.trial))
    assert verifying.verify(store) == []
    assert seen == set(STATES)
    assert taken == set(DECISIONS) == set(LEADS_TO)
    assert refused > WALKS


def test_a_state_that_somebody_wrote_is_found(store: Store) -> None:
    """Setting a closed trial back to sealed in the database is found, whatever the acts say."""
    walk = Walk(store, "set-back", random.Random(3))
    walk.register()
    ledger.seal(store, walk.trial, by="ben", at=START, now=START)
    walk.said = {"what": "stop", "reason_code": "funding", "reason": "no money is left", "reuse": "the form"}
    walk.said |= {"lesson": "ask who pays before starting"}
    walk.again()
    assert verifying.verify(store, walk.trial) == []
    with store.engine.begin() as connection:
        connection.exec_driver_sql("UPDATE trial SET state = 'sealed' WHERE id = 'set-back'")
    assert [one.sentence for one in verifying.verify(store, walk.trial) if "state" in one.sentence]
    with store.engine.begin() as connection:
        assert connection.scalar(select(func.count()).select_from(AUDIT)) is not None
        connection.exec_driver_sql("UPDATE trial SET state = 'stopped' WHERE id = 'set-back'")
