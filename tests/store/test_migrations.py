"""Databases that an older version wrote: brought to this version's tables with everything in them, and read on."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager, suppress
from types import SimpleNamespace
from typing import Any

import pytest
from alembic import command
from alembic.autogenerate import compare_metadata
from alembic.runtime.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import Connection, insert, inspect, select, text

from tests.flows.filled import fill, fill_data, numbers
from tests.flows.making import Desk
from trials.errors import StoreError
from trials.records import Checked
from trials.store import engine, ledger, lessons, reading, verifying
from trials.store.engine import Store, open_store, upgrade
from trials.store.models import BATCH, ENROLMENT, LOOK, OBSERVATION, PLAN, REPETITION, STATE, TRIAL, metadata

# The plan of tests/store/conftest.py as version r0001 wrote it, and its hash then.
CANONICAL = (
    '{"arms":[{"allocation":1,"id":"control","name":"","role":"control"},{"allocation":1,"id":"idea","name":"","role":'
    '"treatment"}],"data":{"correction_window":"28 days","report_within":"84 days"},"design":"two_arm","guardrails":[],'
    '"monitoring":{"alpha":0.05,"beta":0.1,"max_participants":400,"method":"anytime"},"order_by":["entry_order"],"owner":'
    '"tests","partners":[],"primary":{"baseline":0.4,"better":"lower","bounds":null,"follow_up":"28 days","kind":"binary",'
    '"label":"","measure":"y","sd":null,"unit":"","worthwhile":0.2},"programme":"","question":"?","retrospective":false,'
    '"schedule":null,"simulated":false,"sites":[{"id":"A","name":""},{"id":"B","name":""}],"source":{"columns":{},'
    '"connector":"folder","path":"in"},"stage":"proof_of_concept","stopping":null,"title":"","trial":"a-trial","unit":'
    '"person"}'
)
SHA256 = "b74e3d2624a710775958646040ffca0f0d539337bcc9e0be4557d253f4722c5e"
LOOK_BODY = {
    "trial": "a-trial",
    "number": 2,
    "as_of": "2024-01-06T00:00:00+00:00",
    "batch_seq": 2,
    "n": 2,
    "enrolled": 2,
    "waiting": 0,
    "missing": 0,
    "late_changes": 0,
    "claims": {
        name: {"log_e": 0.0, "p": 1.0, "threshold": threshold, "crossed_at_n": None, "reason": None}
        for name, threshold in (("benefit", 20.0), ("dud", 10.0), ("harm", 20.0))
    },
    "estimate": 0.0,
    "interval": [None, None],
    "arms": [{"arm": arm, "n": 1, "total": 1.0, "missing": 0} for arm in ("control", "idea")],
    "verdict": "keep_going",
    "sentence": "Too early to say: fewer than 10 people of 400 have joined, fewer than 10 with a result.",
    "protocol_sha256": SHA256,
    "code_version": "0.1.0",
    "state_sha256": "0" * 64,
}


REVISIONS = [script.revision for script in ScriptDirectory.from_config(engine.alembic_config()).walk_revisions()][::-1]
HEAD = REVISIONS[-1]


class UndoneError(Exception):
    """Takes an experiment back."""


def facts(kit: Any) -> list[tuple[Any, list[dict[str, Any]]]]:
    """Two people with an outcome each, in one delivery, and a second delivery that repeats both; a look after each."""
    key = {"trial_id": "a-trial"}
    batch = {**key, "source": "folder:in", "action": "accept", "quarantined": 0, "corrections": 0, "warnings": []}
    person = {**key, "batch_seq": 1}
    first, second = (
        {
            **batch,
            "seq": seq,
            "name": f"{seq}.csv",
            "content_sha256": f"{seq}" * 64,
            "sent_at": sent,
            "recorded_at": sent,
        }
        for seq, sent in ((1, kit.day(0)), (2, kit.day(5)))
    )
    people = [("p001", "A", "idea", 1), ("p002", "B", "control", 2)]
    looked = {**key, "recorded_at": kit.day(5), "n": 2, "verdict": "keep_going"}
    return [
        (TRIAL, [{"id": "a-trial", "state": "sealed", "token": 4, "plan_version": 1, "plan_sha256": SHA256}]),
        (
            PLAN,
            [{**key, "version": 1, "canonical": CANONICAL, "sha256": SHA256, "registered_by": "Ann", "sealed_by": "B"}],
        ),
        (BATCH, [{**first, "accepted": 2, "duplicates": 0}, {**second, "accepted": 0, "duplicates": 2}]),
        (
            ENROLMENT,
            [
                {
                    **person,
                    "participant_id": name,
                    "site": site,
                    "arm": arm,
                    "entry_order": at,
                    "order_key": f"{at:012d}",
                }
                for name, site, arm, at in people
            ],
        ),
        (
            OBSERVATION,
            [
                {**person, "measure": "y", "participant_id": name, "rev": 1, "value": 1.0}
                | {"sent_at": kit.day(0), "effective_at": kit.day(0)}
                for name, *_ in people
            ],
        ),
        (REPETITION, [{**key, "batch_seq": 2, "readings": {"p001": 1.0, "p002": 1.0}}]),
        (LOOK, [{**looked, "number": 2, "as_of": kit.day(5), "batch_seq": 2, "body": LOOK_BODY}]),
        (STATE, [{**key, "look_number": 2, "position": 2, "cursor_key": f"{2:012d}", "state": '{"format":2}'}]),
    ]


@pytest.fixture(params=["r0001", "r0002"])
def revision(request: pytest.FixtureRequest) -> str:
    return str(request.param)


@pytest.fixture
def older(empty_url: str, kit: SimpleNamespace, revision: str) -> str:
    """The address of a database at r0001 or r0002 with a trial in it."""
    at = {"created_at": kit.day(0), "registered_at": kit.day(0), "sealed_at": kit.day(0)}
    with at_revision(empty_url, revision) as connection:
        for table, rows in facts(kit):
            moments = {name: moment for name, moment in at.items() if name in table.c}
            connection.execute(insert(table), [{**moments, **row} for row in rows])
    return empty_url


@contextmanager
def at_revision(url: str, revision: str) -> Iterator[Connection]:
    """A new database with the tables of a revision, to be filled in the transaction that made them."""
    opened = engine._engine(engine._target(url), foreign_keys=False)
    try:
        with engine.writing(engine.Store(opened, url)) as connection:
            config = engine.alembic_config()
            config.attributes["connection"] = connection
            command.upgrade(config, revision)
            yield connection
    finally:
        opened.dispose()


@pytest.fixture(scope="module")
def told(migrated_file: bytes, tmp_path_factory: pytest.TempPathFactory) -> dict[str, Store]:
    """What real use leaves, by what the revisions could hold of it: deliveries, rows set aside, mended and judged again
    ('data', r0003); that, and what people decide and say, and who is let in ('acts')."""
    made = {}
    for name, filled in (("data", fill_data), ("acts", fill)):
        home = tmp_path_factory.mktemp(name)
        (home / "roadtest.db").write_bytes(migrated_file)
        made[name] = open_store(f"sqlite:///{home / 'roadtest.db'}")
        filled(Desk(made[name], home))
    return made


def projected(source: Store, connection: Connection) -> list[str]:
    """Puts what the source holds into the tables and columns that an older database has; the names of those tables."""
    shape = inspect(connection)
    there = [table for table in metadata.sorted_tables if shape.has_table(table.name)]
    with engine.reading(source) as read:
        for table in sorted(there, key=lambda table: table.name != "trial"):  # r0003's chain refers to it
            columns = [table.c[column["name"]] for column in shape.get_columns(table.name)]
            rows = [dict(row._mapping) for row in read.execute(select(*columns))]
            if rows:
                connection.execute(insert(table), rows)
    return [table.name for table in there]


def not_of_models(thing: Any, name: str | None, kind: str, *_: Any) -> bool:
    """What autogenerate is asked of: all but the words that are searched, whose table is each database's own."""
    return not (kind in ("table", "index") and str(name).startswith(("lesson_text", "ix_lesson_text")))


@pytest.mark.parametrize("released", [revision for revision in REVISIONS if revision >= "r0003"])
def test_each_released_schema_comes_to_this_one(
    released: str, empty_url: str, told: dict[str, Store], kit: SimpleNamespace
) -> None:
    """A database of each revision since r0003 (r0001 and r0002: above) with what real use leaves in it: afterwards every row is
    there, every look is what it was and is worked out again alike, the chain is whole, and what is searched is found."""
    source = told["data" if released == "r0003" else "acts"]
    with at_revision(empty_url, released) as connection:
        names = projected(source, connection)
    assert upgrade(empty_url) == (released, HEAD)
    store = open_store(empty_url, migrate=False)
    before, after = kit.contents(source), kit.contents(store)
    assert {name: after[name] for name in names} == {name: before[name] for name in names}
    assert len(after["look"]) > 2
    assert verifying.verify(store) == []
    known, found = numbers(source), numbers(store)
    assert (found["looks"], found["again"], found["heads"]) == (known["looks"], known["again"], known["heads"])
    texts = lessons.search(store).texts
    assert texts == lessons.search(source).texts
    assert bool(texts) is (released != "r0003")
    store.close()


@pytest.mark.parametrize("start", ["", *REVISIONS])
def test_wherever_it_began_the_tables_are_those_of_the_models(start: str, empty_url: str) -> None:
    """From an empty database and from each revision: no column, key, index or type differs from what the code says."""
    if start:
        with at_revision(empty_url, start):
            pass
    assert upgrade(empty_url) == (start, HEAD)
    store = open_store(empty_url, migrate=False)
    with engine.reading(store) as connection:
        options = {"compare_type": True, "include_object": not_of_models}
        assert compare_metadata(MigrationContext.configure(connection, opts=options), metadata) == []
    store.close()


def test_every_row_is_kept(older: str, revision: str, kit: SimpleNamespace) -> None:
    """Every row is there afterwards; values have no companion, ids and deliveries nothing that came later."""
    assert upgrade(older) == (revision, HEAD)
    store = open_store(older, migrate=False)
    with engine.reading(store) as connection:
        assert "companion" in {column["name"] for column in inspect(connection).get_columns("observation")}
        stored = connection.execute(select(OBSERVATION.c.participant_id, OBSERVATION.c.value, OBSERVATION.c.companion))
        assert sorted(stored.tuples()) == [("p001", 1.0, None), ("p002", 1.0, None)]
    found = kit.contents(store)
    assert {name: len(rows) for name, rows in found.items()} == {
        **dict.fromkeys(metadata.tables, 0),
        **{table.name: len(rows) for table, rows in facts(kit)},
        "audit_event": 1,
    }
    with engine.reading(store) as connection:
        for table, rows in facts(kit):
            names = sorted({name for row in rows for name in row} - {"body", "warnings", "readings"})
            kept = connection.execute(select(*(table.c[name] for name in names)))
            assert sorted(repr(tuple(row)) for row in kept) == sorted(
                repr(tuple(row[name] for name in names)) for row in rows
            ), table.name
        assert inspect(connection).get_foreign_keys("observation") == []
    assert lessons.rebuild(store) == 1  # the plan is searched like a new one
    store.close()


def test_the_chain_begins_with_what_was_there(older: str, kit: SimpleNamespace) -> None:
    """One link takes in all that an older version wrote: what is altered of it afterwards is found, and the chain goes on."""
    store = open_store(older)
    assert verifying.heads(store)["a-trial"][0] == 1
    assert verifying.verify(store) == []
    for table, change in (
        ("batch", "accepted = 7 WHERE seq = 1"),
        ("enrolment", "site = 'B' WHERE participant_id = 'p001'"),
        ("observation", "value = 0 WHERE participant_id = 'p001'"),
        ("observation", "batch_seq = 2 WHERE participant_id = 'p001'"),
        ("repetition", "readings = '{}'"),
        ("look", "n = 3"),
        ("method_state", "position = 1"),
        ("protocol_version", "registered_by = 'Eve'"),
        ("trial", "created_at = '1999-09-09 00:00:00+00:00'"),
    ):
        with suppress(UndoneError), engine.writing(store) as connection:
            assert connection.execute(text(f"UPDATE {table} SET {change}")).rowcount > 0
            assert list(verifying._judged(connection, "a-trial", None)), (table, change)
            raise UndoneError
    protocol, _ = ledger.sealed_protocol(store, "a-trial")
    desk = kit.Desk(store, protocol)
    desk.send("more", [kit.person(number, 1.0) for number in range(1, 5)], sent=6)
    assert verifying.verify(store) == []
    assert verifying.heads(store)["a-trial"][0] == 3
    store.close()


def test_a_trial_sealed_before_goes_on(older: str, kit: SimpleNamespace) -> None:
    """Its plan is still the sealed one, its look is read, and the next delivery is judged together with what was in.

    Its ids stay plain: hidden ones would look like other people, so a delivery with a key is refused.
    """
    store = open_store(older)
    assert ledger.key_of(store, "a-trial") == (None, True)
    protocol, sha256 = ledger.sealed_protocol(store, "a-trial")
    card = reading.card(store, "a-trial")
    assert (sha256, card.sha256) == (SHA256, SHA256)
    assert card.look is not None
    assert card.look.sentence == LOOK_BODY["sentence"]
    # The same plan, though this version writes more defaults out.
    assert ledger.register(store, kit.plan(), by="Ann", at=kit.day(6)) == SHA256
    desk = kit.Desk(store, protocol)
    more = [kit.person(number, 1.0) for number in range(1, 7)]
    with pytest.raises(StoreError, match=r"a-trial began with the key none \(plain ids\), must go on with it"):
        ledger.record(
            *(store, desk.delivery("more", more, sent=6), Checked(tuple(more))),
            recorded_at=kit.day(6),
            as_of=kit.day(6),
            key="f" * 16,
            seal=dict,
        )
    receipt = desk.send("more", more, sent=6)
    assert (receipt.accepted, receipt.duplicates, receipt.look_number) == (4, 2, 3)
    look = reading.looks(store, "a-trial")[-1]
    assert look.n == 6
    assert ledger.recompute(store, "a-trial", 3).to_json() == look.to_json()
    store.close()


def test_repetitions_written_before_still_tell_a_change_back(older: str, kit: SimpleNamespace) -> None:
    """A late delivery with another value turns the old repetition into a version of its own, as it did then."""
    store = open_store(older)
    protocol, _ = ledger.sealed_protocol(store, "a-trial")
    desk = kit.Desk(store, protocol)
    assert desk.send("late", [kit.person(1, 0.0)], sent=3, received=6).corrections == 1
    with engine.reading(store) as connection:
        told = connection.execute(
            select(OBSERVATION.c.value, OBSERVATION.c.sent_at)
            .where(OBSERVATION.c.trial_id == "a-trial", OBSERVATION.c.participant_id == "p001")
            .order_by(OBSERVATION.c.sent_at)
        ).all()
    assert [(value, sent) for value, sent in told] == [(1.0, kit.day(0)), (0.0, kit.day(3)), (1.0, kit.day(5))]
    store.close()


def test_the_trials_with_plain_ids_are_named(older: str, kit: SimpleNamespace) -> None:
    """Those that began before keys, and no others: not one that has nothing yet, nor one whose ids are hidden."""
    store = open_store(older)
    kit.sealed(store, kit.plan("silent"))
    hidden = kit.sealed(store, kit.plan("hidden"))
    people = [kit.person(1, 1.0)]
    ledger.record(
        *(store, hidden.delivery("one", people, sent=6), Checked(tuple(people))),
        recorded_at=kit.day(6),
        as_of=kit.day(6),
        key="f" * 16,
        seal=dict,
    )
    assert reading.plain_ids(store) == ["a-trial"]
    store.close()
