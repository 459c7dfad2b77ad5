"""Accounts, attempts to sign in, sessions that ended, links, and the number that tells workers to look again."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from types import SimpleNamespace
from typing import Any

import pytest
from sqlalchemy import event, insert, select

from trials.errors import DataError, ForbiddenError, UnknownTrialError
from trials.store import accounts, doors, granting, ledger, links
from trials.store.accounts import MOST_A_NAME, MOST_AN_ADDRESS, WINDOW
from trials.store.engine import Store, reading, writing
from trials.store.models import ATTEMPT, LINK

SECRET = "a-random-secret"


@pytest.fixture
def trial(store: Store, kit: SimpleNamespace) -> str:
    """A registered trial of the programme 'ours', and another one without a programme."""
    ledger.register(store, kit.plan("a-trial").model_copy(update={"programme": "ours"}), by="Ann", at=kit.day(0))
    ledger.register(store, kit.plan("b-trial"), by="Ann", at=kit.day(0))
    return "a-trial"


def link(store: Store, kit: SimpleNamespace, **changes: Any) -> doors.Link:
    named: dict[str, Any] = {"trial": "a-trial", "id": "1", "secret": SECRET, "by": "Ann", "at": kit.day(1)}
    return links.make(store, **{**named, "ends_at": kit.day(91), **changes})


def test_an_account_is_added_changed_and_removed(store: Store, kit: SimpleNamespace) -> None:
    """Each step counts at the doors, and its stamp is another one after each password."""
    counts = [doors.doors(store)]
    accounts.add(store, "Ann", "hash one", stamp="s1", by="op", at=kit.day(0))
    counts.append(doors.doors(store))
    assert doors.known(store)[1].stamps == {"Ann": "s1"}
    accounts.change_password(store, "Ann", "hash two", stamp="s2", at=kit.day(1))
    found = accounts.find(store, "Ann")
    assert found is not None
    assert (found.password_hash, found.stamp, found.added_by, found.changed_at) == ("hash two", "s2", "op", kit.day(1))
    assert "hash" not in repr(found)
    counts.append(doors.doors(store))
    accounts.remove(store, "Ann")
    counts.append(doors.doors(store))
    assert counts == sorted(set(counts))
    assert (accounts.find(store, "Ann"), accounts.listed(store)) == (None, ())
    for change in (
        lambda: accounts.remove(store, "Ann"),
        lambda: accounts.change_password(store, "Ann", "h", stamp="s", at=kit.day(2)),
    ):
        with pytest.raises(DataError, match="account == 'Ann', must be one that exists"):
            change()


@pytest.mark.parametrize("name", ["", " Ann", "A\u200bnn", "A\nnn", "x" * 81, "Andre\u0301"])
def test_a_name_that_nobody_could_tell_from_another_is_refused(store: Store, kit: SimpleNamespace, name: str) -> None:
    """Empty, with spaces around it, unseen characters, too long, or letters in pieces."""
    with pytest.raises(DataError, match="account =="):
        accounts.add(store, name, "h", stamp="s", by="op", at=kit.day(0))


def test_names_differ_by_more_than_case(store: Store, kit: SimpleNamespace) -> None:
    """Who is 'Ann' can't be followed by an 'ann'."""
    accounts.add(store, "Ann", "h", stamp="s", by="op", at=kit.day(0))
    with pytest.raises(DataError, match="there is one called 'Ann'"):
        accounts.add(store, "ann", "h", stamp="t", by="op", at=kit.day(0))


def test_attempts_for_a_name_are_counted_whether_it_is_an_accounts_or_not(store: Store, kit: SimpleNamespace) -> None:
    """After so many the next has to wait until the first is older than the window; another name need not."""
    for number in range(MOST_A_NAME):
        assert accounts.attempt(store, "nobody", f"192.0.2.{number}", kit.day(0) + timedelta(seconds=number)) is None
    late = kit.day(0) + timedelta(seconds=60)
    assert accounts.attempt(store, "nobody", "192.0.2.99", late) == WINDOW - timedelta(seconds=60)
    assert accounts.attempt(store, "else", "192.0.2.99", late) is None
    assert accounts.attempt(store, "nobody", "192.0.2.99", kit.day(0) + WINDOW) is None


def test_attempts_from_an_address_are_counted_over_all_names(store: Store, kit: SimpleNamespace) -> None:
    """Success under one name clears that name's attempts and no other's."""
    for number in range(MOST_AN_ADDRESS):
        assert accounts.attempt(store, f"name {number}", "192.0.2.1", kit.day(0)) is None
    assert accounts.attempt(store, "one more", "192.0.2.1", kit.day(0)) == WINDOW
    accounts.succeeded(store, "name 0")
    assert accounts.attempt(store, "one more", "192.0.2.1", kit.day(0)) is None
    assert accounts.attempt(store, "one more", "192.0.2.1", kit.day(0)) == WINDOW


def test_what_was_typed_as_a_name_is_not_kept(store: Store, kit: SimpleNamespace) -> None:
    """People type their password there; digests alone are written."""
    accounts.attempt(store, "my password", "192.0.2.1", kit.day(0))
    with reading(store) as connection:
        assert not {"my password", "192.0.2.1"} & {
            str(cell) for row in connection.execute(select(ATTEMPT)) for cell in row
        }


def test_an_ended_session_stays_ended_until_it_would_have_ended(store: Store, kit: SimpleNamespace) -> None:
    """Twice is once, and those over are forgotten."""
    accounts.end_session(store, "one", ends_at=kit.day(1), at=kit.day(0))
    accounts.end_session(store, "one", ends_at=kit.day(1), at=kit.day(0))
    assert doors.known(store)[1].ended == {"one"}
    accounts.end_session(store, "two", ends_at=kit.day(3), at=kit.day(2))
    assert doors.known(store)[1].ended == {"two"}


def test_a_link_is_made_found_and_taken_back(store: Store, kit: SimpleNamespace, trial: str) -> None:
    """By its secret alone, which is nowhere in the database; who made and revoked it, and when, is."""
    before = doors.doors(store)
    made = link(store, kit)
    assert (made.trial, made.programme, made.stands(kit.day(90)), made.stands(kit.day(91))) == (trial, "", True, False)
    assert links.find(store, SECRET) == made
    assert links.find(store, SECRET + "x") is None
    with reading(store) as connection:
        assert SECRET not in str(connection.execute(select(LINK)).all())
    assert doors.known(store) == (before + 1, doors.Known({}, frozenset(), {"1": made}))
    gone = links.revoke(store, "1", by="Bea", at=kit.day(2))
    assert (gone.revoked_by, gone.revoked_at, gone.stands(kit.day(2))) == ("Bea", kit.day(2), False)
    assert doors.known(store)[1].links == {}
    with pytest.raises(DataError, match="was revoked by Bea before"):
        links.revoke(store, "1", by="Ann", at=kit.day(3))


@pytest.mark.usefixtures("trial")
def test_only_leads_make_see_and_revoke_links(store: Store, kit: SimpleNamespace) -> None:
    """Once a programme has roles; of a trial as of its programme."""
    granting.give(store, "ours", "Oli", "operator", by="Ann", at=kit.day(0))
    link(store, kit)
    link(store, kit, trial="", programme="ours", id="2", secret="other")
    for name in ("Oli", "stranger"):
        with pytest.raises(ForbiddenError, match="must be lead to grant"):
            link(store, kit, by=name, id="3", secret="third")
        with pytest.raises(ForbiddenError, match="must be lead to grant"):
            links.revoke(store, "1", by=name, at=kit.day(2))
        assert links.listed(store.as_person(name)) == ()
    assert [one.id for one in links.listed(store.as_person("Ann"))] == ["1", "2"]


@pytest.mark.usefixtures("trial")
def test_a_link_leads_to_something(store: Store, kit: SimpleNamespace) -> None:
    """Not to a trial or programme that is not there, nor to both or neither, nor backwards in time."""
    with pytest.raises(UnknownTrialError):
        link(store, kit, trial="c-trial")
    for changes in (
        {"trial": ""},
        {"programme": "ours"},
        {"trial": "", "programme": "theirs"},
        {"ends_at": kit.day(1)},
    ):
        with pytest.raises(DataError):
            link(store, kit, **changes)
    assert links.listed(store) == ()


def test_the_pulse_is_one_query_and_tells_of_everything(store: Store, kit: SimpleNamespace, trial: str) -> None:
    """Tokens as pages read them, plans, how many roles were given or taken, and what `doors` counts."""
    asked: list[str] = []
    event.listen(store.engine, "before_cursor_execute", lambda *given: asked.append(given[2]))
    before = doors.pulse(store)
    assert len([one for one in asked if one.lstrip().startswith("SELECT")]) == 1
    assert set(before.tokens) == {trial, "b-trial"}
    assert (before.plans, before.grants, before.doors) == ({trial: 1, "b-trial": 1}, 0, 0)
    granting.give(store, "ours", "Oli", "operator", by="Ann", at=kit.day(0))
    link(store, kit)
    ledger.register(store, kit.plan("b-trial", baseline=0.5), by="Ann", at=kit.day(1))
    after = doors.pulse(store)
    assert (after.plans["b-trial"], after.grants, after.doors) == (2, 2, 1)
    assert after.tokens["b-trial"] > before.tokens["b-trial"]


def test_of_several_at_once_only_as_many_as_may_get_in(store: Store, kit: SimpleNamespace) -> None:
    """An attempt counts in the transaction that counted: with room for one, one of four gets in."""
    with writing(store) as connection:
        rows = [
            {"name_digest": accounts._digest("Ann"), "address_digest": str(n), "at": kit.day(0)}
            for n in range(MOST_A_NAME - 1)
        ]
        connection.execute(insert(ATTEMPT), rows)
    with ThreadPoolExecutor(4) as pool:
        waits = list(pool.map(lambda address: accounts.attempt(store, "Ann", address, kit.day(0)), "abcd"))
    assert sum(wait is None for wait in waits) == 1
