"""Reveals: one arm a person, one person a position, in one transaction; the list is fixed, hidden and provable."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import event, text, update

from trials.acts.allocating import ALLOCATION_LIST, ALLOCATION_SEED, REVEAL, Reveal
from trials.acts.safety_events import SAFETY_EVENT, SAFETY_JUDGED, SafetyEvent, SafetyJudged
from trials.acts.site_withdrawing import SITE_WITHDRAWN, SiteWithdrawn
from trials.acts.viewing import VIEWED
from trials.errors import DataError, ForbiddenError, LifecycleError, NotSealedError, RoadtestError, StoreError
from trials.evidence import Look
from trials.protocol import Protocol, from_content
from trials.pseudonyms import Pseudonyms
from trials.records import Checked, Delivery, Record, Row
from trials.store import acts, allocations, arms, custody, granting, ledger, revealing, standing, verifying
from trials.store.engine import Store, open_store, reading, writing
from trials.store.models import ACT, TRIAL, metadata

AT = datetime(2026, 1, 5, 9, tzinfo=UTC)
KEY, SEED = Pseudonyms(b"k" * 32), b"s" * 32


def plan(trial: str = "a-trial", **changes: Any) -> Protocol:
    content = {
        "trial": trial,
        "question": "?",
        "owner": "tests",
        "sites": [{"id": "A"}, {"id": "B"}],
        "arms": [
            {"id": "usual", "role": "control", "allocation": 2},
            {"id": "text", "allocation": 2},
            {"id": "call"},
        ],
        "design": "multi_arm",
        "primary": {
            "measure": "y",
            "kind": "binary",
            "better": "lower",
            "baseline": 0.4,
            "worthwhile": 0.2,
            "follow_up": "28 days",
        },
        "monitoring": {"max_participants": 60},
        "source": {"connector": "folder", "path": "in"},
    }
    return from_content({**content, **changes})


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Store]:
    opened = open_store(f"sqlite:///{tmp_path / 'roadtest.db'}")
    yield opened
    opened.close()


@pytest.fixture
def sealed(store: Store) -> Store:
    return seal(store, plan())


def seal(store: Store, protocol: Protocol) -> Store:
    ledger.register(store, protocol, by="anna", at=AT)
    ledger.seal(store, protocol.trial, by="ben", at=AT)
    return store


def roles(store: Store) -> Store:
    """Carla keeps the list, two people enrol, two lead."""
    for person, role in (("carla", "custodian"), ("nurse", "site"), ("doctor", "site"), ("ben", "lead")):
        granting.give(store, "a-trial", person, role, by="anna", at=AT)  # type: ignore[arg-type]
    return store


def join(store: Store, name: str, site: str = "A", *, trial: str = "a-trial", day: int = 0, **more: Any) -> Any:
    at = AT + timedelta(days=day)
    newcomer = revealing.Newcomer(KEY.of(name), site, at.date())
    said = {"hidden": KEY, "seed": SEED, "by": "nurse", "at": at, **more}
    return revealing.reveal(store, trial, newcomer, **said)


def many(store: Store, first: int, last: int, site: str = "A") -> list[str]:
    return [join(store, f"{site}{number}", site).arm for number in range(first, last + 1)]


def checks(store: Store) -> None:
    """Nothing was altered, and every arm is the list's."""
    assert verifying.verify(store) == []
    assert custody.findings(store, "a-trial", by="carla", hidden=KEY)[1] == ()


def test_each_person_gets_the_next_arm_of_their_site(sealed: Store) -> None:
    """Arms follow each site's list, numbers count over all sites, and everybody is in the register."""
    roles(sealed)
    found = [join(sealed, f"p{number}", "AB"[number % 3 == 0]) for number in range(1, 19)]
    assert [one.entry_order for one in found] == list(range(1, 19))
    opened = custody.open_list(sealed, "a-trial", hidden=KEY, by="carla", at=AT)
    for site in "AB":
        revealed = [one.arm for one in found if one.stratum == site]
        assert [(at, arm) for at, arm in enumerate(revealed, start=1)] == list(opened.coming(site, 0, len(revealed)))
    register = ledger.register_of(sealed, "a-trial")
    assert register.closed
    assert {(one.arm, one.entry_order) for one in register.values()} == {(one.arm, one.entry_order) for one in found}
    checks(sealed)


def test_the_same_participant_again_has_the_same_arm(sealed: Store) -> None:
    """Nothing is written the second time, also when their id is spelt otherwise."""
    first = join(sealed, "p1")
    with reading(sealed) as connection:
        before = {one.name: connection.execute(one.select()).all() for one in metadata.sorted_tables}
    again = join(sealed, "P1", day=3, by="doctor")
    assert again == replace(first, already=True)
    with reading(sealed) as connection:
        assert before == {one.name: connection.execute(one.select()).all() for one in metadata.sorted_tables}


def test_whatever_fails_leaves_no_arm_and_loses_no_position(sealed: Store) -> None:
    """A fault before any of a reveal's writes undoes all of it; the next attempt gives the arm that was due."""
    roles(sealed)
    join(sealed, "p0")
    [(_, due)] = custody.upcoming(sealed, "a-trial", "A", 1, hidden=KEY, by="carla", at=AT).arms
    written: list[str] = []
    spare = 0

    def trip(_c: Any, _k: Any, statement: str, *_: Any) -> None:
        if statement.startswith(("INSERT", "UPDATE")):
            written.append(statement.split()[2])
            if len(written) > spare:
                raise RuntimeError("killed")

    found = None
    while found is None:
        written.clear()
        event.listen(sealed.engine, "before_cursor_execute", trip)
        try:
            found = join(sealed, "p1")
        except RuntimeError:
            spare += 1
            assert len(acts.acts(sealed, "a-trial", [REVEAL])) == len(ledger.register_of(sealed, "a-trial")) == 1
        finally:
            event.remove(sealed.engine, "before_cursor_execute", trip)
    assert {"act", "batch", "enrolment", "audit_event"} <= set(written)
    assert (found.arm, found.entry_order) == (due, 2)
    checks(sealed)


def refused(store: Store, error: type[RoadtestError], match: str, *args: Any, **more: Any) -> None:
    with reading(store) as connection:
        before = [connection.execute(one.select()).all() for one in metadata.sorted_tables]
    with pytest.raises(error, match=match):
        join(store, *args, **more)
    with reading(store) as connection:
        assert before == [connection.execute(one.select()).all() for one in metadata.sorted_tables]


def test_who_may_not_join_is_told_why(store: Store) -> None:
    """Each refusal is one sentence, and nothing is written, not even the list."""
    ledger.register(store, plan(), by="anna", at=AT)
    refused(store, NotSealedError, "must be sealed", "p1")
    ledger.seal(store, "a-trial", by="ben", at=AT)
    refused(store, DataError, 'site == "Z", must be a site', "p1", "Z")
    join(store, "p1")
    refused(store, LifecycleError, "enrolled at site A of a-trial, must be of one site", "p1", "B")
    refused(store, StoreError, "began with the key", "p2", hidden=Pseudonyms(b"o" * 32))
    left = SiteWithdrawn(site="B", reason_code="provider", reason="closed", from_day=AT.date())
    acts.act(store, "a-trial", SITE_WITHDRAWN, left, by="anna", at=AT)
    refused(store, LifecycleError, "site B left a-trial on 2026-01-05", "p3", "B")
    with writing(store) as connection:
        connection.execute(update(TRIAL).where(TRIAL.c.id == "a-trial").values(state="stopped"))
    refused(store, LifecycleError, "is stopped, must be sealed for a", "p4")
    assert join(store, "p1").already


def test_a_full_trial_takes_nobody(store: Store) -> None:
    """The plan's number of people is the most; whoever is in is still told their arm."""
    seal(store, plan(monitoring={"max_participants": 3}))
    many(store, 1, 3)
    refused(store, LifecycleError, "has 3 people, must have at most the 3 of its plan", "A4")
    assert join(store, "A2").already


def test_a_plan_that_draws_no_list_has_none(store: Store) -> None:
    """Where the site decides the arm, no list is made."""
    seal(store, plan(assignment={"how": "site"}))
    refused(store, DataError, "assignment.how == 'site' in a-trial, must be random", "p1")


def outside(store: Store) -> None:
    """One person by an outside register."""
    record = Record(1, KEY.of("q1"), "A", "text", AT.date(), 1, None, None)
    delivery = Delivery("a-trial", "register:hand", "list.csv", "0" * 64, AT, (), (Row(1, {}),))
    ledger.record(
        store, delivery, Checked((record,)), recorded_at=AT, as_of=AT, key=KEY.fingerprint, seal=KEY.seal, now=AT
    )


def test_reveals_and_an_outside_register_do_not_mix(sealed: Store) -> None:
    """Who came by a register keeps arms from being revealed, and the other way round."""
    allocations.must_not_reveal(sealed, "a-trial")
    outside(sealed)
    refused(sealed, LifecycleError, "has people from an outside register or from deliveries", "p1")
    other = seal(sealed, plan("other"))
    join(other, "p1", trial="other")
    with pytest.raises(LifecycleError, match="reveals its arms one by one, must have no outside register"):
        allocations.must_not_reveal(other, "other")


def test_the_database_holds_no_arm_before_its_turn(sealed: Store) -> None:
    """Neither seed nor list is in any table in clear, and the commitment alone tells nothing: it takes in the seed."""
    commitment = allocations.fix(sealed, "a-trial", hidden=KEY, seed=SEED, by="carla", at=AT)
    assert allocations.fix(sealed, "a-trial", hidden=KEY, seed=b"t" * 32, by="carla", at=AT) == commitment
    lists = {"A": ["text", "usual", "call", "usual", "text"] * 3, "B": ["usual"] * 3}
    allocations.bring(sealed, "a-trial", lists, hidden=KEY, salt=b"z" * 32, by="carla", at=AT)
    with reading(sealed) as connection:
        held = repr([connection.execute(one.select()).all() for one in metadata.sorted_tables])
    assert SEED.hex() not in held
    assert (b"z" * 32).hex() not in held
    [brought] = acts.acts(sealed, "a-trial", [ALLOCATION_LIST])
    assert not any(arm in brought.body.model_dump_json() for arm in ("text", "usual", "call"))


def test_a_list_is_its_custodians_and_each_sight_of_it_is_logged(sealed: Store) -> None:
    """With roles given, neither lead nor site sees an arm to come; the site enrols at its own site alone."""
    granting.give(sealed, "a-trial", "carla", "custodian", by="anna", at=AT)
    granting.give(sealed, "a-trial", "nurse", "site", by="anna", at=AT, site="A")
    join(sealed, "p1")
    refused(sealed, ForbiddenError, "to allocate", "p2", "B")
    for person in ("anna", "nurse"):
        with pytest.raises(ForbiddenError, match="must be custodian to keep allocation"):
            custody.upcoming(sealed, "a-trial", "A", 3, hidden=KEY, by=person, at=AT)
        with pytest.raises(ForbiddenError, match="must be custodian"):
            custody.open_list(sealed, "a-trial", hidden=KEY, by=person, at=AT)
        with pytest.raises(ForbiddenError, match="must be custodian"):
            allocations.bring(sealed, "a-trial", {"A": ["usual"]}, hidden=KEY, salt=SEED, by=person, at=AT)
    found = custody.upcoming(sealed, "a-trial", "A", 3, hidden=KEY, by="carla", at=AT)
    assert [position for position, _ in found.arms] == [2, 3, 4]
    seen = acts.acts(sealed, "a-trial", [VIEWED])
    assert [(one.by, one.body.model_dump()) for one in seen] == [
        ("carla", {"what": "allocation_list", "role": "custodian", "detail": "site A, 3 positions after 1"})
    ]
    with writing(sealed) as connection:
        connection.execute(update(TRIAL).where(TRIAL.c.id == "a-trial").values(state="stopped"))
    assert custody.open_list(sealed, "a-trial", hidden=KEY, by="anna", at=AT).secret == SEED.hex()


def test_who_enrols_never_sees_arms_to_come(sealed: Store) -> None:
    """In an open programme nobody is shown the list; with roles a custodian who enrols isn't, nor enrols once they were."""
    join(sealed, "p1", by="Nurse")
    for look_at in (
        lambda by: custody.upcoming(sealed, "a-trial", "A", 3, hidden=KEY, by=by, at=AT),
        lambda by: custody.open_list(sealed, "a-trial", hidden=KEY, by=by, at=AT),
    ):
        for by in ("Nurse", "somebody else"):
            with pytest.raises(ForbiddenError, match="a-trial has no custodian, must have one before anybody sees"):
                look_at(by)
    roles(sealed)
    granting.give(sealed, "a-trial", "Nurse", "custodian", by="anna", at=AT)
    with pytest.raises(ForbiddenError, match="Nurse has enrolled people in a-trial, must not see arms to come"):
        custody.upcoming(sealed, "a-trial", "A", 3, hidden=KEY, by="Nurse", at=AT)
    assert join(sealed, "p2").entry_order == 2
    custody.upcoming(sealed, "a-trial", "A", 3, hidden=KEY, by="carla", at=AT)
    refused(sealed, ForbiddenError, "carla has seen arms of a-trial before their turn", "p3", by="carla")
    assert join(sealed, "p1", by="carla").already


def test_whoever_brought_the_list_does_not_enrol(sealed: Store) -> None:
    """Who imports a list from outside knows its arms."""
    allocations.bring(sealed, "a-trial", {"A": ["usual"]}, hidden=KEY, salt=SEED, by="carla", at=AT)
    refused(sealed, ForbiddenError, "Carla has seen arms", "p1", by="Carla")
    assert join(sealed, "p1").arm == "usual"


def test_enrolment_waits_for_the_safety_steward(sealed: Store) -> None:
    """After a death nobody is enrolled until it is judged; who is in hears their arm, and the judgement opens or ends it."""
    join(sealed, "p1")
    death = SafetyEvent(day=AT.date(), kind="death", serious=True, text="at home", related="unknown")
    event = acts.act(sealed, "a-trial", SAFETY_EVENT, death, by="nurse", at=AT).seq
    refused(sealed, LifecycleError, "is stopped, or waits for the safety steward, must be open. Nobody was", "p2")
    assert join(sealed, "p1").already
    for stops in (False, True):
        word = SafetyJudged(event=event, related="no", stops=stops, reason="long ill")
        acts.act(sealed, "a-trial", SAFETY_JUDGED, word, by="sue", at=AT)
        if stops:
            refused(sealed, LifecycleError, "is stopped, or waits", "p3")
        else:
            assert join(sealed, "p2").entry_order == 2


def test_who_joined_while_enrolment_waited_is_told(sealed: Store) -> None:
    """A delivery with people who joined after an unjudged death is warned of; before it and after the judgement not."""

    def told(*days: int | None) -> list[str]:
        joined = [None if one is None else (AT + timedelta(days=one)).date() for one in days]
        return [one.split(",")[0] for one in standing.joined_while_waiting(sealed, "a-trial", joined)]

    assert told(0, None) == []
    death = SafetyEvent(day=AT.date(), kind="death", serious=True, text="at home")
    event = acts.act(sealed, "a-trial", SAFETY_EVENT, death, by="nurse", at=AT + timedelta(days=3)).seq
    still = "enrolment waited for the safety steward from 2026-01-08 on"
    assert (told(2), told(3), told(None)) == ([], [still], [still])
    word = SafetyJudged(event=event, related="no", stops=False, reason="long ill")
    acts.act(sealed, "a-trial", SAFETY_JUDGED, word, by="sue", at=AT + timedelta(days=6))
    then = "enrolment waited for the safety steward from 2026-01-08 to 2026-01-11"
    assert (told(2), told(3, 5), told(6), told(None)) == ([], [then], [], [])


def test_a_reveal_costs_the_same_after_many(sealed: Store) -> None:
    """It reads one reveal of its site, and one for each arm that was dropped, however many there were."""
    read: list[int] = []

    def count(before: Any, *_: Any) -> None:
        read.append(before)

    with pytest.MonkeyPatch.context() as patch:
        whole = Reveal.model_validate_json
        patch.setattr(Reveal, "model_validate_json", lambda *said: (count(1), whole(*said))[1])
        many(sealed, 1, 9)
        many(sealed, 1, 2, "B")
        arms.drop_arm(sealed, "a-trial", "call", reason="no use", second="ben", by="anna", at=AT)
        many(sealed, 10, 30)
        read.clear()
        join(sealed, "A31")
    assert len(read) == 2
    with reading(sealed) as connection:
        stands = allocations.standing(connection, "a-trial")
        for site in "AB":
            assert allocations.last_position(connection, "a-trial", site) == stands.last(site)
            assert allocations.dropped(connection, "a-trial", stands, site) == stands.dropped(site)
    checks(sealed)


def test_withdrawing_a_site_changes_nothing_elsewhere(store: Store, tmp_path: Path) -> None:
    """Each site has a list of its own: the same people at A have the same arms with B, without it, and after it left."""
    seal(store, plan())
    other = seal(open_store(f"sqlite:///{tmp_path / 'other.db'}"), plan())
    alone = many(other, 1, 30)
    first = many(store, 1, 10)
    many(store, 1, 7, "B")
    left = SiteWithdrawn(site="B", reason_code="provider", reason="closed", from_day=AT.date())
    acts.act(store, "a-trial", SITE_WITHDRAWN, left, by="anna", at=AT)
    assert first + many(store, 11, 30) == alone
    checks(store)
    other.close()


def test_a_dropped_arm_is_entered_no_more(sealed: Store) -> None:
    """From then on each site's list keeps the ratio of the others, from numbers of its own, and it still is provable."""
    roles(sealed)
    many(sealed, 1, 7)
    opened = custody.open_list(sealed, "a-trial", hidden=KEY, by="carla", at=AT)
    without = [arm for _, arm in opened.coming("A", 7, 40) if arm != "text"][:20]
    with pytest.raises(DataError, match="must be somebody else than anna"):
        arms.drop_arm(sealed, "a-trial", "text", reason="no use", second="Anna ", by="anna", at=AT)
    done = arms.drop_arm(sealed, "a-trial", "text", reason="no use", second="ben", by="anna", at=AT)
    assert done.after == 7
    assert arms.drop_arm(sealed, "a-trial", "text", reason="again", second="ben", by="anna", at=AT) == done
    later = many(sealed, 8, 27)
    assert set(later) == {"usual", "call"}
    assert later != without
    seen = Counter[str]()
    for number, arm in enumerate(later, start=1):
        seen[arm] += 1
        assert abs(seen["usual"] - 2 / 3 * number) <= 9 * 2 / 9
    assert set(many(sealed, 1, 12, "B")) == {"usual", "call"}
    assert len([one for one in ledger.register_of(sealed, "a-trial").values() if one.arm == "text"]) > 0
    checks(sealed)
    with pytest.raises(LifecycleError, match="last idea"):
        arms.drop_arm(sealed, "a-trial", "call", reason="no use", second="ben", by="anna", at=AT)
    with pytest.raises(LifecycleError, match="is the control"):
        arms.drop_arm(sealed, "a-trial", "usual", reason="no use", second="ben", by="anna", at=AT)


def test_a_list_from_outside_is_followed_to_its_end(sealed: Store) -> None:
    """Arms come in its order, dropped ones are passed over, and at its end the sentence says so."""
    lists = {"A": ["text", "usual", "call", "usual", "text", "usual"]}
    commitment = allocations.bring(sealed, "a-trial", lists, hidden=KEY, salt=SEED, by="carla", at=AT)
    assert allocations.bring(sealed, "a-trial", lists, hidden=KEY, salt=b"n" * 32, by="carla", at=AT) == commitment
    assert many(sealed, 1, 2) == ["text", "usual"]
    with pytest.raises(LifecycleError, match="has revealed 2 arms of its list, must have revealed none"):
        allocations.bring(sealed, "a-trial", {"A": ["text"]}, hidden=KEY, salt=SEED, by="carla", at=AT)
    arms.drop_arm(sealed, "a-trial", "text", reason="no use", second="ben", by="anna", at=AT)
    assert many(sealed, 3, 5) == ["call", "usual", "usual"]
    refused(sealed, LifecycleError, "list of site A of a-trial is used up", "A6")
    refused(sealed, LifecycleError, "list of site B of a-trial is used up", "B1", "B")
    checks(sealed)


def test_an_arm_that_is_not_the_lists_is_found(sealed: Store) -> None:
    """Whoever gives somebody another arm, in the act or the register, is found without the database's chain, too."""
    many(sealed, 1, 4)
    found = acts.acts(sealed, "a-trial", [REVEAL])[2]
    assert isinstance(found.body, Reveal)
    other = next(arm for arm in ("usual", "text", "call") if arm != found.body.arm)
    altered = found.body.model_copy(update={"arm": other}).model_dump(mode="json")
    with sealed.engine.begin() as connection:
        connection.execute(
            update(ACT).where(ACT.c.trial_id == "a-trial", ACT.c.seq == found.seq).values(body=json.dumps(altered))
        )
    count, said = custody.findings(sealed, "a-trial", by="anybody", hidden=KEY)
    assert count == 4
    assert said[0] == f"site A, reveal 3 is position 3, {other}: the list has position 3, {found.body.arm}"
    assert said[1:] == (
        "1 arms were revealed to people whom the register does not have so",
        "1 people are in the register to whom no such arm was revealed",
    )


def test_another_seed_is_not_what_was_committed_to(sealed: Store) -> None:
    """What is opened must have the commitment that was stored; a sealed seed that was replaced is found on use."""
    roles(sealed)
    join(sealed, "p1")
    opened = custody.open_list(sealed, "a-trial", hidden=KEY, by="carla", at=AT)
    assert custody.findings(sealed, "a-trial", by="carla", opened=opened) == (1, ())
    other = replace(opened, secret="0" * 64)
    assert custody.findings(sealed, "a-trial", by="carla", opened=other)[1] == (
        "what was opened is not what the trial is committed to",
    )
    body = json.loads(acts.acts(sealed, "a-trial", [ALLOCATION_SEED])[0].body.model_dump_json())
    body["sealed"] = KEY.seal({"secret": "1" * 64})["sealed"]
    with sealed.engine.begin() as connection:
        connection.execute(
            text("UPDATE act SET body = :body WHERE kind = 'allocation_seed'"), {"body": json.dumps(body)}
        )
    refused(sealed, StoreError, "is not the one that was fixed", "p2")


def test_who_joins_before_people_who_were_judged_already_is_counted(sealed: Store) -> None:
    """Somebody enrolled with an earlier day than the evidence has reached: a look is taken at once, with them in it."""
    join(sealed, "p1", day=40)
    record = Record(1, KEY.of("p1"), "A", "text", None, None, None, 1.0)
    known = ledger.register_of(sealed, "a-trial")[KEY.of("p1")]
    record = replace(record, arm=known.arm, enrolled_on=known.enrolled_on, entry_order=known.entry_order)
    late = AT + timedelta(days=90)
    delivery = Delivery("a-trial", "folder:in", "one.csv", "1" * 64, late, (), (Row(1, {}),))
    ledger.record(
        sealed, delivery, Checked((record,)), recorded_at=late, as_of=late, key=KEY.fingerprint, seal=KEY.seal, now=late
    )
    with reading(sealed) as connection:
        looks = len(connection.execute(metadata.tables["look"].select()).all())
    newcomer = revealing.Newcomer(KEY.of("p2"), "A", (AT + timedelta(days=85)).date())
    revealing.reveal(sealed, "a-trial", newcomer, hidden=KEY, seed=SEED, by="nurse", at=late)
    newcomer = revealing.Newcomer(KEY.of("p3"), "A", AT.date())
    revealing.reveal(sealed, "a-trial", newcomer, hidden=KEY, seed=SEED, by="nurse", at=late)
    with reading(sealed) as connection:
        found = connection.execute(metadata.tables["look"].select()).all()
    assert len(found) == looks + 1
    newest = max(found, key=lambda row: row.number)
    assert newest.body["enrolled"] == 3
    assert ledger.recompute(sealed, "a-trial", newest.number) == Look.from_json(newest.body)
    checks(sealed)
