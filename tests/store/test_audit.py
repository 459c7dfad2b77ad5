"""The chain: whatever is altered, added or taken away afterwards is found."""

from __future__ import annotations

import json
import random
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from sqlalchemy import JSON, Connection, Date, DateTime, Float, Integer, Table, text

from trials.acts.viewing import VIEWED, Viewed
from trials.errors import DataError, StoreError
from trials.protocol import sha256_text
from trials.records import Measured, Rejection
from trials.store import acts, chain, quarantine, verifying
from trials.store.digests import FORMS, RowsDigest, rows_digest, told
from trials.store.engine import Store, open_store, reading, writing
from trials.store.models import metadata

# Who may open the pages is no fact of a trial: those tables are not in the chain (docs/signing.md).
DOORS = {
    *("account", "door", "ended_session", "link", "sign_in_attempt"),
    *("round", "trial_work", "alert", "alert_telling", "alert_channel", "alert_watch"),
}
TABLES = sorted(name for name in metadata.tables if name not in {"sqlmodel", *DOORS})
# What may change at any time: the token that tells pages so.
FREE = {("trial", "token")}


class UndoneError(Exception):
    """Takes an experiment back."""


@pytest.fixture
def full(store: Store, kit: SimpleNamespace) -> Any:
    """A trial with rows in every table."""
    return filled(store, kit)


def filled(store: Store, kit: SimpleNamespace) -> Any:
    desk = kit.sealed(store, kit.watched())
    beside = (Measured("hurt", 1.0), Measured("falls", 3.0, 2.0))
    aside = [Rejection(row, "y is '-1': must be from 0 to 9", {"y": "-1"}) for row in (7, 8)]
    rows = [
        kit.person(1, 4.0, companion=2.0, guardrails=beside),
        kit.person(2, 1.0, companion=1.5),
        kit.person(3, None),
    ]
    desk.send("one", rows, rejected=aside, sent=1)
    desk.send("two", [kit.person(1, 4.0, companion=2.0), kit.person(2, 2.0, companion=1.5)], sent=2)
    desk.send("three", refusal="the column y is missing: must be there", sent=3)
    mended = {"cells": {"y": "1"}, "changed": ["y"], "reason": "sign", "by": "Ann", "at": kit.day(4)}
    quarantine.repair(store, desk.trial, (1, 7), upon=0, **mended)
    acts.act(store, desk.trial, VIEWED, Viewed(what="rows", role="custodian"), by="Ann", at=kit.day(4), key="a key")
    desk.send("replayed", [kit.person(4, 1.0, companion=1.0, row_no=1)], sent=5)
    with writing(store, desk.trial) as connection:
        marks = [quarantine.Replayed(4, 1, (1, 7), 1)]
        quarantine.mark_replayed(connection, desk.trial, marks, by="Ann", at=kit.day(5))
    return desk


@contextmanager
def altered(store: Store, *statements: str, **values: Any) -> Iterator[Connection]:
    """The database after somebody changed it behind our back; all is as before afterwards."""
    try:
        with writing(store) as connection:
            if connection.dialect.name == "postgresql":
                connection.execute(text("SET LOCAL session_replication_role = replica"))  # no foreign keys
            else:
                connection.execute(text("PRAGMA defer_foreign_keys = ON"))
            for statement in statements:
                assert connection.execute(text(statement), values).rowcount > 0, statement
            yield connection
            raise UndoneError
    except UndoneError:
        pass


def findings(connection: Connection, trial: str = "a-trial", head: Any = None) -> list[str]:
    return [one.sentence for one in verifying._verified(connection, trial, {} if head is None else {trial: head})]


def other_value(column: Any) -> str:
    """SQL for another value than a column has."""
    name = f'"{column.name}"'
    if isinstance(column.type, Integer):
        return f"coalesce({name}, 0) + 1000"
    if isinstance(column.type, Float):
        return f"coalesce({name}, 0) + 0.0000001"
    if isinstance(column.type, JSON):
        return "'{\"a\": 1}'"
    if isinstance(column.type, Date):
        return "'1999-09-09'"
    if getattr(column.type, "impl", None) is not None and isinstance(column.type.impl, DateTime):
        return "'1999-09-09 00:00:00.000001+00:00'"
    return f"coalesce({name}, '') || 'x'"


def some_row(table: Table) -> str:
    """SQL that picks one row of the trial, by its key."""
    columns = [column.name for column in table.primary_key]
    order = ", ".join(columns)
    chosen = f"SELECT {order} FROM {table.name} WHERE {columns[0]} = 'a-trial' ORDER BY {order} DESC LIMIT 1"
    return f"({', '.join(columns)}) = ({chosen})" if len(columns) > 1 else f"{columns[0]} = ({chosen})"


def test_what_was_recorded_verifies(full: Any) -> None:
    """With a row in every table nothing is found, with and without the chain's head."""
    with reading(full.store) as connection:
        for table in TABLES:
            assert connection.scalar(text(f"SELECT count(*) FROM {table}")) > 0, table
    head = verifying.heads(full.store)
    assert head.keys() == {"a-trial"}
    assert verifying.verify(full.store) == []
    assert verifying.verify(full.store, "a-trial", heads=head) == []


@pytest.mark.parametrize("table", TABLES)
def test_every_altered_cell_is_found(full: Any, table: str) -> None:
    """Whichever column of whichever table another value is written into, something is found, and only in that trial."""
    for column in metadata.tables[table].columns:
        if (table, column.name) in FREE:
            continue
        change = f'UPDATE {table} SET "{column.name}" = {other_value(column)} WHERE {some_row(metadata.tables[table])}'
        with altered(full.store, change) as connection:
            found = findings(connection)
            assert found, f"{table}.{column.name}"
            assert all(sentence.startswith("a-trial") and sentence.endswith(".") for sentence in found)
        if column.nullable:
            emptied = f'UPDATE {table} SET "{column.name}" = NULL WHERE "{column.name}" IS NOT NULL'
            with reading(full.store) as connection:
                filled_in = connection.scalar(text(f"SELECT count({column.name}) FROM {table}"))
            if filled_in:
                with altered(full.store, emptied) as connection:
                    assert findings(connection), f"{table}.{column.name} emptied"
    assert verifying.verify(full.store) == []


@pytest.mark.parametrize("table", TABLES)
def test_every_row_taken_away_is_found(full: Any, table: str) -> None:
    """A row less in any table is found; all rows of a table less too."""
    with altered(full.store, f"DELETE FROM {table} WHERE {some_row(metadata.tables[table])}") as connection:
        if table == "audit_event":  # the chain is cut off at its end: only its head tells
            assert findings(connection, head=verifying.heads(full.store)["a-trial"])
        else:
            assert findings(connection)
    with altered(full.store, f"DELETE FROM {table}") as connection:
        assert findings(connection)


@pytest.mark.parametrize("table", [name for name in TABLES if name not in ("trial", "method_state")])
def test_every_row_put_in_is_found(full: Any, table: str) -> None:
    """A row more in any table, made from one that is there, is found."""
    numbers = {"seq", "version", "rev", "row_no", "number", "batch_seq", "entry_order"}
    columns = [column.name for column in metadata.tables[table].columns]
    unique = (
        {"order_key", "content_sha256", "participant_id", "key"} if table in ("enrolment", "batch", "act") else set()
    )
    names = [f'"{name}"' for name in columns]
    changed = [
        f'"{name}" + 7' if name in numbers else f"\"{name}\" || '7'" if name in unique else f'"{name}"'
        for name in columns
    ]
    put = f"INSERT INTO {table} ({', '.join(names)}) SELECT {', '.join(changed)} FROM {table} WHERE "
    with altered(full.store, put + some_row(metadata.tables[table])) as connection:
        assert findings(connection)


def test_a_row_moved_to_another_delivery_is_found(full: Any) -> None:
    """Whatever a delivery brought belongs to that delivery."""
    for table in chain.BROUGHT:
        with altered(
            full.store, f"UPDATE {table} SET batch_seq = 3 WHERE {some_row(metadata.tables[table])}"
        ) as connection:
            assert findings(connection), table


def test_two_rows_that_change_places_are_found(full: Any) -> None:
    """Two people's values exchanged leave every column's cells the same, and are found all the same."""
    swap = "UPDATE observation SET value = 5 - value WHERE measure = 'y' AND batch_seq = 1"  # 4 and 1
    with altered(full.store, swap) as connection:
        [sentence] = findings(connection)
        assert sentence.endswith(
            "the observation rows of delivery 1 are not those that were recorded: one of 4 was altered."
        )


def test_a_chain_that_was_cut_off_or_written_anew_is_found_against_its_head(full: Any) -> None:
    """Who owns the database can make a chain that agrees with itself; a head that was kept elsewhere shows it."""
    head = verifying.heads(full.store)["a-trial"]
    cut = "DELETE FROM audit_event WHERE seq = (SELECT max(seq) FROM audit_event)"
    with altered(full.store, cut, "DELETE FROM replayed_row") as connection:
        assert findings(connection) == []
        [sentence] = findings(connection, head=head)
        assert sentence == (
            f"a-trial: link {head[0]} with the hash {head[1][:12]}, which was kept elsewhere, is not in the chain; it ends at "
            f"link {head[0] - 1}."
        )
    with altered(full.store, "UPDATE audit_event SET kind = kind WHERE seq = 1") as connection:
        before = chain.start("a-trial")
        rows = connection.execute(text("SELECT seq, kind, at, body FROM audit_event ORDER BY seq")).all()
        for seq, kind, at, body in rows:
            body = body.replace('"Ann"', '"Eve"') if seq == 1 else body
            new = chain.hash_of("a-trial", seq, kind, at, body, before)
            change = "UPDATE audit_event SET body = :body, prev_hash = :before, hash = :new WHERE seq = :seq"
            connection.execute(text(change), {"body": body, "before": before, "new": new, "seq": seq})
            before = new
        connection.execute(text("UPDATE protocol_version SET registered_by = 'Eve'"))
        assert len(findings(connection)) <= 1  # the seal's link tells the plan, and so who registered it, once more
        assert any("kept elsewhere" in sentence for sentence in findings(connection, head=head))


@pytest.mark.parametrize("scope", ["programme:north", "idea:calls", "another-trial"])
def test_an_act_put_in_where_there_is_no_chain_is_found(full: Any, scope: str) -> None:
    """A role that somebody grants themselves in the database is a finding, also in a programme in which nobody did anything."""
    body = '{"given": true, "person": "Eve", "role": "lead", "site": null}'
    put = "INSERT INTO act SELECT :scope, seq, 'grant', 'another key', by, at, look, :body FROM act"
    with altered(full.store, put, scope=scope, body=body) as connection:
        [found] = verifying._verified(connection, None, {})
    assert (found.trial, found.link) == (scope, None)
    assert found.sentence.startswith(f"{scope}: there is no chain; every ")
    assert verifying.verify(full.store) == []


def test_one_altered_link_is_one_sentence(full: Any) -> None:
    """An altered link is named once; that the others stand is not drowned in what follows from it."""
    with altered(full.store, "UPDATE audit_event SET at = '1999-09-09 00:00:00+00:00' WHERE seq = 3") as connection:
        assert findings(connection) == [
            "a-trial, link 3 (delivery): its hash is not that of what it says: it was altered."
        ]
    with altered(full.store, "DELETE FROM audit_event WHERE seq = 4") as connection:
        assert "a-trial, link 5 (delivery): link 4 is missing before it." in findings(connection)


def forged(connection: Connection, kind: str, body: dict[str, Any], head: Any, sentence: str, *facts: str) -> None:
    """Puts a link on that says the altered facts were so; it and each of them is found, without the head and with it."""
    chain.append(connection, "a-trial", kind, body)
    for found in (findings(connection), findings(connection, head=head)):
        [link] = [one for one in found if f"({kind})" in one]
        assert link.startswith(f"a-trial, link {head[0] + 1} ({kind}): ")
        assert link.endswith(sentence)
        for fact in facts:
            assert any(fact in one for one in found), (fact, found)


def said(connection: Connection, kind: str) -> dict[str, Any]:
    """What the trial's first link of a kind says."""
    found = connection.scalar(text("SELECT body FROM audit_event WHERE kind = :kind ORDER BY seq"), {"kind": kind})
    return {name: value for name, value in json.loads(found).items() if name != "format"}


def test_no_later_link_makes_an_altered_fact_right(full: Any) -> None:
    """Whatever is altered, one more whole link that tells of it again is a finding, and the fact stays one."""
    head = verifying.heads(full.store)["a-trial"]
    with altered(full.store, "UPDATE observation SET value = 3 - value WHERE measure = 'y' AND batch_seq = 1") as link:
        digests = {table: chain.digests_by(link, table, "a-trial", 0, "batch_seq").get(1) for table in chain.BROUGHT}
        body = said(link, "delivery") | {"rows": {table: one for table, one in digests.items() if one is not None}}
        forged(link, "delivery", body, head, "delivery 1 was told of before.", "the observation rows of delivery 1 are")
    with altered(full.store, "UPDATE batch SET accepted = 9 WHERE seq = 1") as link:
        [row] = [row for row in chain.rows_of(link, "batch", "a-trial") if row["seq"] == 1]
        body = said(link, "delivery") | {"batch": told("batch", row)}
        forged(link, "delivery", body, head, "delivery 1 was told of before.", "delivery 1 is not what was recorded")
    with altered(full.store, "UPDATE look SET verdict = 'promote', n = 999 WHERE number = 1") as link:
        [row] = [row for row in chain.rows_of(link, "look", "a-trial") if row["number"] == 1]
        [state] = chain.rows_of(link, "method_state", "a-trial")
        forged(link, "look", chain.look_body(row, state), head, "look 1 was told of before.", "look 1 is not what was")
    with altered(full.store, "UPDATE method_state SET position = 40") as link:
        [row] = [row for row in chain.rows_of(link, "look", "a-trial") if row["number"] == 1]
        [state] = chain.rows_of(link, "method_state", "a-trial")
        forged(
            link, "look", chain.look_body(row, state), head, "look 1 was told of before.", "the state behind the new"
        )
    with altered(full.store, "UPDATE repair SET reason = 'none'") as link:
        [row] = chain.rows_of(link, "repair", "a-trial")
        sentence = "version 1 of row 7 of delivery 1 was told of before."
        forged(link, "repair", {"repair": told("repair", row)}, head, sentence, "the mended version 1 of row 7")
    with altered(full.store, "UPDATE replayed_row SET of_row = 8") as link:
        digest = chain.digests_by(link, "replayed_row", "a-trial", 0, "batch_seq")[4]
        body = said(link, "replay") | {"replayed_row": digest}
        sentence = "the rows that were replayed as delivery 4 were told of before."
        forged(link, "replay", body, head, sentence, "the rows that were replayed are not those")


def test_no_later_link_makes_an_altered_plan_right(full: Any) -> None:
    """A plan is registered once by version and sealed once, and a beginning is a beginning."""
    head = verifying.heads(full.store)["a-trial"]
    widened = "UPDATE protocol_version SET canonical = :text, sha256 = :sha256"
    with reading(full.store) as connection:
        [plan] = chain.rows_of(connection, "protocol_version", "a-trial")
    new = plan["canonical"].replace('"alpha":0.05', '"alpha":0.2')
    assert new != plan["canonical"]
    change = {"text": new, "sha256": sha256_text(new)}
    for kind, sentence in (
        ("seal", "the plan was sealed before."),
        ("register", "version 1 of the plan was told of before."),
        ("adopted", "another link stands before it."),
    ):
        with altered(full.store, widened, **change) as link:
            link.execute(text("UPDATE trial SET plan_sha256 = :sha256"), {"sha256": change["sha256"]})
            [plan] = map(chain.plan_told, chain.rows_of(link, "protocol_version", "a-trial"))
            body = {"plan": plan, "created_at": said(link, "register")["created_at"]}
            if kind == "adopted":
                rows = chain.adopted_digests(link, "a-trial", 4, 3)
                state = said(link, "look")["state"]
                body |= {"plans": [plan], "deliveries": 4, "looks": 3, "state": state, "rows": rows}
            forged(
                link, kind, body, head, sentence, "version 1 of the plan is not what", "the trial's plan_sha256 is not"
            )


def test_a_link_that_skips_is_found(full: Any) -> None:
    """Deliveries and looks are told of in their order, a plan is registered before its seal, and the key stays."""
    head = verifying.heads(full.store)["a-trial"]
    with writing(full.store) as link:
        delivery, look, plan = said(link, "delivery"), said(link, "look"), said(link, "register")
    later = {**delivery["batch"], "seq": 6}
    for kind, body, sentence in (
        ("delivery", delivery | {"batch": later}, "delivery 6 is not the next one."),
        (
            "delivery",
            delivery | {"batch": {**later, "seq": 5}, "key": "abc"},
            "the key is not that of the first delivery.",
        ),
        ("look", look | {"look": {**look["look"], "number": 5}}, "look 5 is not the next one."),
        ("register", plan | {"plan": {**plan["plan"], "version": 2}}, "version 2 of the plan comes after the seal."),
    ):
        with altered(full.store, "UPDATE audit_event SET kind = kind WHERE seq = 1") as link:
            forged(link, kind, body, head, sentence)


WRONG = ("77", "2.5", "x'00ff'", "CAST(x'6eff' AS TEXT)", "'[1'", "'9999-12-31T23:59:59-14:00'")


@pytest.mark.parametrize("table", TABLES)
def test_what_can_not_be_read_is_found(table: str, tmp_path: Path, kit: SimpleNamespace, migrated_file: bytes) -> None:
    """A value of another type in any column of an SQLite file is a finding of its trial, and hides no other trial's."""
    (tmp_path / "store.db").write_bytes(migrated_file)
    store = open_store(f"sqlite:///{tmp_path}/store.db")
    full, other = filled(store, kit), kit.sealed(store, kit.plan("a-other"))
    other.send("one", [kit.person(1, 1.0)])
    spoilt = "UPDATE observation SET value = 0 WHERE trial_id = 'a-other'"
    for column in metadata.tables[table].columns:
        for value in WRONG:
            change = f'UPDATE {table} SET "{column.name}" = {value} WHERE {some_row(metadata.tables[table])}'
            with altered(full.store, spoilt, change) as connection:
                found = verifying._verified(connection, None, {})
                mine = [one.sentence for one in found if one.trial != "a-other"]
                assert mine or (table, column.name) in FREE, (column.name, value)
                [seen] = [one for one in found if one.trial == "a-other"]
                assert seen.sentence.endswith("of delivery 1 are not those that were recorded: one of 1 was altered.")
                assert "".join(mine).isprintable()
                assert json.dumps([[one.trial, one.link] for one in found])
    assert verifying.verify(store) == []
    store.close()


def test_times_without_end_are_found(full: Any) -> None:
    """A time or day that Python has no value for, which PostgreSQL holds, stops no verification."""
    for table, column in (
        ("batch", "sent_at"),
        ("audit_event", "at"),
        ("trial", "created_at"),
        ("observation", "sent_at"),
    ):
        with altered(full.store, f"UPDATE {table} SET {column} = 'infinity'") as connection:
            assert findings(connection), table


def test_a_chain_that_is_gone_stops_the_trial(full: Any, kit: SimpleNamespace) -> None:
    """Without its chain nothing more is recorded, so that no new chain takes in what was altered."""
    with writing(full.store) as connection:
        connection.execute(text("DELETE FROM audit_event"))
    with pytest.raises(StoreError, match=r"^the chain of a-trial is gone from the database"):
        full.send("more", [kit.person(9, 1.0, companion=1.0)], sent=9)
    [finding] = verifying.verify(full.store)
    assert "there is no chain" in finding.sentence


def test_a_trial_that_is_gone_is_found_against_its_head(store: Store, kit: SimpleNamespace) -> None:
    """With every trace of a trial deleted only the head that was kept tells that there was one."""
    kit.sealed(store, kit.plan())
    head = {**verifying.heads(store), "gone": (3, "f" * 64)}
    [finding] = verifying.verify(store, heads=head)
    assert (finding.trial, finding.link) == ("gone", None)


def test_heads_are_read_as_they_are_printed() -> None:
    """What `audit head --json` prints is read back; anything else is one sentence."""
    printed = json.dumps({"trials": {"a-trial": {"seq": 3, "hash": "ab"}}})
    assert verifying.heads_from_text(printed) == {"a-trial": (3, "ab")}
    for odd in ("", "[]", "{}", '{"trials": {"a": 3}}', '{"trials": {"a": {"seq": "x", "hash": 1}}}'):
        with pytest.raises(DataError, match=r"^the heads can't be read, must be what"):
            verifying.heads_from_text(odd)


@pytest.mark.parametrize("table", sorted(FORMS))
def test_digests_take_in_every_column(table: str) -> None:
    """Whoever adds a column to a table adds it to the table's digest."""
    assert {*FORMS[table].columns, "trial_id"} == {column.name for column in metadata.tables[table].columns}


def test_a_digest_does_not_depend_on_how_rows_are_cut(kit: SimpleNamespace) -> None:
    """In one part or many, with one value all the way down or many, the digest is the same; of other rows another."""
    columns = {
        "measure": ["y"] * 7,
        "participant_id": [f"p\u00fc{number}" for number in range(7)],
        "rev": [1, 1, 1, 2, 1, 1, 1],
        "observed_on": [None, *[kit.day(number).date() for number in range(6)]],
        "value": [0.1 + 0.2, None, 1e-300, 5.0, 5.0, 5.0, 123456789.123456],
        "companion": [None] * 7,
        "sent_at": [kit.day(1)] * 7,
        "effective_at": [kit.day(number / 7) for number in range(7)],
        "batch_seq": [3] * 7,
    }
    whole = rows_digest("observation", columns)
    for size in (1, 2, 3, 7):
        digest = RowsDigest("observation")
        for first in range(0, 7, size):
            digest.add([columns[name][first : first + size] for name in FORMS["observation"].columns])
        assert digest.result() == whole
    assert rows_digest("observation", {**columns, "rev": [1, 1, 1, 1, 2, 1, 1]}) != whole


def test_links_are_the_same_on_every_database(store: Store, kit: SimpleNamespace, tmp_path: Path) -> None:
    """The same facts at the same times leave the same hashes on SQLite and PostgreSQL, odd floats and letters among them."""
    amounts = {"kind": "amount", "bounds": [0, 1e5], "baseline": 5e3, "worthwhile": 1e3, "sd": 7e3, "unit": "dollars"}
    draw, ends = random.Random(4), []
    rows = [kit.person(number, draw.lognormvariate(5, 9) % 1e5, joined=number) for number in range(1, 30)]
    rows += [kit.person(30, -0.0, joined=30), kit.person(31, 5e-324, joined=31), kit.person(32, 1, joined=32)]
    rows.append(kit.person(33, 1.0, joined=33, participant_id="\u00e9\U0001f600\uffff'\"\\"))
    for one in (store, open_store(f"sqlite:///{tmp_path}/other.db")):
        desk = kit.sealed(one, kit.plan(dated=True, **amounts))
        desk.send("one", rows, sent=40, rejected=[Rejection(50, "y is '?': must be a number", {"y": "\x00\u00e9"})])
        desk.send("two", [*rows[3:9], kit.person(1, 0.1 + 0.2, joined=1)], sent=41.123456789, received=41.2)
        assert verifying.verify(one) == []
        ends.append(verifying.heads(one))
    one.close()
    assert ends[0] == ends[1]
    assert ends[0]["a-trial"][0] == 6


@pytest.mark.parametrize("number", [0, -1])
@pytest.mark.parametrize(("table", "key", "word"), [("batch", "seq", "delivery"), ("look", "number", "look")])
def test_a_row_numbered_before_the_first_is_found(full: Any, table: str, key: str, word: str, number: int) -> None:
    """Numbers begin at one: a delivery or look put in below it is told of by no link, and is not among what was adopted."""
    names = [column.name for column in metadata.tables[table].columns]
    changed = [str(number) if name == key else "'x'" if name == "content_sha256" else name for name in names]
    put = f"INSERT INTO {table} ({', '.join(names)}) SELECT {', '.join(changed)} FROM {table} WHERE "
    with altered(full.store, put + some_row(metadata.tables[table])) as connection:
        assert any(f"{word} {number} was added: no link tells of it" in one for one in findings(connection))
