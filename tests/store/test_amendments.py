"""Amendments in the database: four eyes, versions beside each other, and whatever was altered stops the next flow."""

from __future__ import annotations

import json
from collections.abc import Callable
from types import SimpleNamespace
from typing import Any

import pytest
from sqlalchemy import text

from trials.acts.allocating import ALLOCATION_SEED, AllocationSeed
from trials.acts.viewing import VIEWED, Viewed
from trials.errors import (
    DataError,
    ForbiddenError,
    FourEyesError,
    LifecycleError,
    NotSealedError,
    PlanHashMismatchError,
    RoadtestError,
    UnknownTrialError,
)
from trials.protocol import Protocol, sha256_text
from trials.store import acts, amendments, chain, granting, ledger, looks, reading, verifying
from trials.store.engine import Store, writing
from trials.store.engine import reading as opened

WORDS = {"reason": "Two courts joined", "impact": "Recruitment doubles", "by": "Ann", "approved_by": "Bea"}


def people(kit: SimpleNamespace, first: int, last: int) -> list[Any]:
    return [kit.person(number, float(number % 3 == 0)) for number in range(first, last + 1)]


def wider(protocol: Protocol, **changes: Any) -> Protocol:
    """The plan with more people, and whatever else is asked for."""
    monitoring = protocol.monitoring.model_copy(update={"max_participants": 600})
    return protocol.model_copy(update={"monitoring": monitoring, **changes})


def amend(desk: Any, kit: SimpleNamespace, protocol: Protocol | None = None, *, at: float = 5.0, **words: str) -> Any:
    return amendments.amend(
        desk.store, desk.trial, protocol or wider(desk.protocol), **{**WORDS, **words}, at=kit.day(at), now=kit.day(at)
    )


@pytest.fixture
def amended(desk: Any, kit: SimpleNamespace) -> Any:
    """A trial amended after its second look, with a third look after that."""
    for number in range(3):
        if number == 2:
            amend(desk, kit, at=2)
        desk.send(str(number), people(kit, 10 * number + 1, 10 * number + 10), sent=number)
    return desk


def test_who_registers_does_not_seal(store: Store, kit: SimpleNamespace) -> None:
    """The same person under another spelling neither; nothing is stored, and somebody else may."""
    ledger.register(store, kit.plan(), by="Ann Lee", at=kit.day(0))
    before = kit.contents(store)
    for name in ("Ann Lee", "ann lee ", "ANNLEE"):
        with pytest.raises(FourEyesError, match=r"registered a-trial, must be sealed by somebody else: .*--by NAME"):
            ledger.seal(store, "a-trial", by=name, at=kit.day(0))
    with pytest.raises(DataError, match="must be the name of whoever seals"):
        ledger.seal(store, "a-trial", by=" ", at=kit.day(0))
    assert kit.contents(store) == before
    sha256 = ledger.seal(store, "a-trial", by="Bea", at=kit.day(1))
    assert ledger.seal(store, "a-trial", by="Ann Lee", at=kit.day(2)) == sha256  # sealed already: nothing changes


def test_an_amendment_is_a_version_an_act_and_a_link(desk: Any, kit: SimpleNamespace) -> None:
    """The first version stays as it was; the act says what, why, who and between which looks; all of it verifies."""
    for number in (1, 2):
        desk.send(str(number), people(kit, 10 * number - 9, 10 * number), sent=number)
    [before] = kit.contents(desk.store)["protocol_version"]
    links = len(kit.contents(desk.store)["audit_event"])
    after = wider(desk.protocol, title="Courts")
    done = amend(desk, kit, after)
    said = amendments.said_of(done)
    assert (done.by, done.look, done.at) == ("Ann", 2, kit.day(5))
    assert (said.version, said.approved_by, said.reason, said.impact) == (2, "Bea", WORDS["reason"], WORDS["impact"])
    assert (said.from_sha256, said.to_sha256, said.evidence) == (desk.protocol.seal(), after.seal(), "future")
    assert [(one.path, one.before, one.after) for one in said.diff] == [
        ("title", "", "Courts"),
        ("monitoring.max_participants", 400, 600),
    ]
    assert before in kit.contents(desk.store)["protocol_version"]
    assert len(kit.contents(desk.store)["audit_event"]) == links + 1
    assert ledger.sealed_protocol(desk.store, desk.trial) == (after, after.seal())
    first, second = amendments.versions(desk.store, desk.trial)
    assert (first.act, first.mark, second.act, second.mark) == (None, None, done, "after look 2, before look 3")
    assert (second.written_by, second.sealed_by, second.sealed_at) == ("Ann", "Bea", kit.day(5))
    assert verifying.verify(desk.store) == []


def test_the_same_amendment_again_changes_nothing(desk: Any, kit: SimpleNamespace) -> None:
    """Sent again, now or after later ones, it gives the act that stands; with other words it is no amendment any more."""
    first = amend(desk, kit)
    before = kit.contents(desk.store)
    assert amend(desk, kit, at=9) == first
    assert kit.contents(desk.store) == before
    amend(desk, kit, wider(desk.protocol, title="Later"), reason="name")
    assert amend(desk, kit) == first
    assert ledger.sealed_protocol(desk.store, desk.trial)[0].title == "Later"
    with pytest.raises(LifecycleError, match="must differ from it"):
        amend(desk, kit, wider(desk.protocol, title="Later"), reason="another")


def test_looks_stay_with_their_plan(amended: Any, kit: SimpleNamespace) -> None:
    """Looks before an amendment are recomputed with the plan they were taken with, later ones with theirs, corrections too."""
    amended.send("fixed", [kit.person(2, 1.0)], sent=4)
    looks = reading.looks(amended.store, amended.trial)
    old, new = amended.protocol.seal(), wider(amended.protocol).seal()
    assert [look.protocol_sha256 for look in looks] == [old, old, new, new]
    for look in looks:
        assert ledger.recompute(amended.store, amended.trial, look.number) == look
    assert verifying.verify(amended.store) == []


def test_the_next_look_is_taken_with_the_new_plan(desk: Any, kit: SimpleNamespace) -> None:
    """Even when no row came in since, a look after an amendment is a new one that names the new plan, and only one."""
    desk.send("one", people(kit, 1, 20), sent=1)
    amend(desk, kit)
    looks = [ledger.take_look(desk.store, desk.trial, recorded_at=kit.day(6), as_of=kit.day(6)) for _ in range(2)]
    assert [look.number for look in looks] == [2, 2]
    assert looks[0].protocol_sha256 == wider(desk.protocol).seal()


def test_what_the_verdict_rests_on_is_amended_before_data_only(desk: Any, kit: SimpleNamespace) -> None:
    """Before the first outcome another margin is an amendment 'before look 1'; after it a new trial."""
    harder = desk.protocol.model_copy(update={"primary": desk.protocol.primary.model_copy(update={"worthwhile": 0.3})})
    assert amendments.examine(desk.store, desk.trial, harder).refusal is None
    assert amendments.examine(desk.store, desk.trial, harder).mark == "before look 1"
    amend(desk, kit, harder, at=0)
    desk.send("one", people(kit, 1, 4), sent=1)
    before = kit.contents(desk.store)
    with pytest.raises(LifecycleError, match=r"primary\.worthwhile can't be amended: .*continues: \[a-trial\]"):
        amend(desk, kit, desk.protocol)
    found = amendments.examine(desk.store, desk.trial, desk.protocol)
    assert found.refusal is not None
    assert (found.version, found.mark) == (3, "after look 1, before look 2")
    assert kit.contents(desk.store) == before


def test_an_amendment_passes_the_gate(desk: Any, kit: SimpleNamespace) -> None:
    """Before any outcome a plan that could not be sealed is none; after them fewer people aren't one either, more are."""

    def of(people: int) -> Protocol:
        monitoring = desk.protocol.monitoring.model_copy(update={"max_participants": people})
        return desk.protocol.model_copy(update={"monitoring": monitoring})

    with pytest.raises(LifecycleError, match="must be in at least 50 of 100 to be sealed as an effect trial"):
        amend(desk, kit, of(30), at=0)
    assert "must be in at least 50 of 100" in str(amendments.examine(desk.store, desk.trial, of(30)).refusal)
    desk.send("one", people(kit, 1, 20), sent=1)
    before = kit.contents(desk.store)
    with pytest.raises(
        LifecycleError, match=r"max_participants == 30, must be so many that the gate .*roadtest decide"
    ):
        amend(desk, kit, of(30))
    assert kit.contents(desk.store) == before
    assert amend(desk, kit, of(300)).look == 1


def test_the_look_after_an_amendment_reads_everybody_anew(
    desk: Any, kit: SimpleNamespace, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A look goes on from its cursor; the first one after an amendment folds the whole history, so no state mixes two plans."""
    begun: list[str | None] = []
    whole = looks.people_in_order

    def watched(connection: Any, protocol: Protocol, *, after: str | None = None, upto: int | None = None) -> Any:
        begun.append(after)
        return whole(connection, protocol, after=after, upto=upto)

    monkeypatch.setattr(looks, "people_in_order", watched)
    for number in range(4):
        if number == 2:
            amend(desk, kit, at=2)
        desk.send(str(number), people(kit, 10 * number + 1, 10 * number + 10), sent=number)
    assert [after is None for after in begun] == [True, False, True, False]


def test_a_look_without_data_and_a_refused_delivery(desk: Any, kit: SimpleNamespace) -> None:
    """A delivery of which nothing was accepted closes nothing; a look does, because somebody looked."""
    harder = desk.protocol.model_copy(update={"question": "Does it, really?"})
    desk.send("bad", refusal="the column y is missing", sent=1)
    assert amendments.examine(desk.store, desk.trial, harder).refusal is None
    ledger.take_look(desk.store, desk.trial, recorded_at=kit.day(2), as_of=kit.day(2))
    assert "question can't be amended" in str(amendments.examine(desk.store, desk.trial, harder).refusal)


def test_a_fixed_allocation_list_keeps_its_arms(desk: Any, kit: SimpleNamespace) -> None:
    """Before the first outcome other arms are an amendment, until the allocation list is fixed."""
    control, idea = desk.protocol.arms
    more = desk.protocol.model_copy(update={"arms": (control.model_copy(update={"allocation": 2}), idea)})
    assert amendments.examine(desk.store, desk.trial, more).refusal is None
    one = {"sealed": "x", "commitment": "0" * 64, "plan_sha256": "0" * 64, "key": "k"}
    fixed = AllocationSeed(**one, shares=(("control", 1), ("idea", 1)))
    acts.act(desk.store, desk.trial, ALLOCATION_SEED, fixed, by="Ann", at=kit.day(1))
    with pytest.raises(LifecycleError, match="the allocation list is fixed"):
        amend(desk, kit, more)


def test_what_an_amendment_needs(desk: Any, kit: SimpleNamespace) -> None:
    """Two people, words, and a trial that runs; each is one sentence, and nothing is stored."""
    ledger.register(desk.store, kit.plan("b-trial"), by="Ann", at=kit.day(0))
    ledger.register(desk.store, kit.plan("c-trial"), by="Ann", at=kit.day(0))
    ledger.seal(desk.store, "c-trial", by="Bea", at=kit.day(0))
    with writing(desk.store) as connection:
        connection.execute(text("UPDATE trial SET state = 'dropped' WHERE id = 'c-trial'"))
    before = kit.contents(desk.store)

    def on(trial: str) -> Callable[[], Any]:
        plan = wider(kit.plan(trial))
        return lambda: amendments.amend(desk.store, trial, plan, **WORDS, at=kit.day(1))

    refused: list[tuple[type[RoadtestError], str, Callable[[], Any]]] = [
        (FourEyesError, "must be approved by somebody else", lambda: amend(desk, kit, approved_by=" ann")),
        (DataError, "reason == '', must be given", lambda: amend(desk, kit, reason=" ")),
        (DataError, "approved_by == '', must be given", lambda: amend(desk, kit, approved_by="")),
        (UnknownTrialError, "must be a registered one", on("z-trial")),
        (LifecycleError, "b-trial is registered, must be sealed before its plan is amended", on("b-trial")),
        (LifecycleError, r"c-trial is dropped, must be running .* continues: \[c-trial\]", on("c-trial")),
        (LifecycleError, "must be a-trial", lambda: amend(desk, kit, wider(kit.plan("z-trial")))),
    ]
    for error, sentence, attempt in refused:
        with pytest.raises(error, match=sentence):
            attempt()
    assert kit.contents(desk.store) == before
    with pytest.raises(NotSealedError):
        ledger.sealed_protocol(desk.store, "b-trial")


def test_roles_of_both_are_asked(desk: Any, kit: SimpleNamespace) -> None:
    """In a programme with roles a lead amends and somebody who may seal approves, in the programme it is moved to as well."""
    granting.give(desk.store, desk.trial, "Bea", "custodian", by="Ann", at=kit.day(0))
    granting.give(desk.store, "north", "Eve", "lead", by="Eve", at=kit.day(0))
    with pytest.raises(ForbiddenError, match="Bea has the role custodian in a-trial, must be lead to amend"):
        amend(desk, kit, by="Bea", approved_by="Ann")
    with pytest.raises(ForbiddenError, match=r"Eve has no role in a-trial, must be .* to seal"):
        amend(desk, kit, approved_by="Eve")
    with pytest.raises(ForbiddenError, match="Ann has no role in north, must be lead to register"):
        amend(desk, kit, wider(desk.protocol, programme="north"))
    assert amend(desk, kit).by == "Ann"


def altered_text(store: Store, version: int) -> dict[str, Any]:
    """Another text of a version of the plan, and its hash."""
    with opened(store) as connection:
        found = connection.scalar(
            text("SELECT canonical FROM protocol_version WHERE version = :version"), {"version": version}
        )
    new = str(found).replace('"alpha":0.05', '"alpha":0.2')
    assert new != found
    return {"new": new, "sha": sha256_text(new), "version": version}


INSERTED = (
    "INSERT INTO protocol_version (trial_id, version, canonical, sha256, registered_by, registered_at, sealed_by, sealed_at) "
    "SELECT trial_id, 3, canonical, sha256, registered_by, registered_at, sealed_by, sealed_at FROM protocol_version WHERE "
    "version = 1"
)
TEXT_AND_HASH = "UPDATE protocol_version SET canonical = :new, sha256 = :sha WHERE version = :version"
FORGED: dict[str, tuple[str, ...]] = {
    "a version inserted": (INSERTED,),
    "a version inserted, and the trial put on it": (
        INSERTED,
        "UPDATE trial SET plan_version = 3, plan_sha256 = (SELECT sha256 FROM protocol_version WHERE version = 3)",
    ),
    "text and hash of version 2": (TEXT_AND_HASH, "UPDATE trial SET plan_sha256 = :sha"),
    "text and hash of version 1": (TEXT_AND_HASH,),
    "text of version 1": ("UPDATE protocol_version SET canonical = :new WHERE version = :version",),
    "the version before gone": ("DELETE FROM protocol_version WHERE version = 1",),
    "who sealed": ("UPDATE protocol_version SET sealed_by = 'Eve' WHERE version = 2",),
    "who sealed at first": ("UPDATE protocol_version SET sealed_by = 'Eve' WHERE version = 1",),
    "who wrote it": ("UPDATE protocol_version SET registered_by = 'Eve' WHERE version = 2",),
    "the seal taken off": ("UPDATE protocol_version SET sealed_at = NULL WHERE version = 2",),
    "put back on version 1": (
        "UPDATE trial SET plan_version = 1, plan_sha256 = (SELECT sha256 FROM protocol_version WHERE version = 1)",
    ),
    "put back, and the amendment taken out": (
        "UPDATE trial SET plan_version = 1, plan_sha256 = (SELECT sha256 FROM protocol_version WHERE version = 1)",
        "DELETE FROM protocol_version WHERE version = 2",
        "DELETE FROM act",
    ),
    "put on a version that is not there": ("UPDATE trial SET plan_version = 7",),
}


@pytest.mark.parametrize("backend", ["sqlite"])
@pytest.mark.parametrize("how", FORGED)
def test_an_altered_plan_stops_the_next_flow(amended: Any, kit: SimpleNamespace, how: str) -> None:
    """Whichever version, seal or pointer was altered, and its hashes with it: nothing more runs, and the audit names it."""
    values = altered_text(amended.store, 1 if "version 1" in how else 2)
    with writing(amended.store) as connection:
        for statement in FORGED[how]:
            used = {name: value for name, value in values.items() if f":{name}" in statement}
            assert connection.execute(text(statement), used).rowcount == 1
    before = kit.contents(amended.store)
    for attempt in (
        lambda: ledger.sealed_protocol(amended.store, amended.trial),  # what collect, round and enrol begin with
        lambda: amended.send("more", people(kit, 41, 50), sent=9),
        lambda: ledger.take_look(amended.store, amended.trial, recorded_at=kit.day(9), as_of=kit.day(9)),
        lambda: ledger.recompute(amended.store, amended.trial, 1),
        lambda: amend(amended, kit, wider(amended.protocol, title="x")),
    ):
        with pytest.raises(PlanHashMismatchError, match=r"^plan hash mismatch: a-trial "):
            attempt()
    assert kit.contents(amended.store) == before
    assert verifying.verify(amended.store) != []


@pytest.mark.parametrize("backend", ["sqlite"])
@pytest.mark.parametrize(
    "change",
    [
        "DELETE FROM act WHERE kind = 'amendment'",
        "UPDATE act SET look = 0 WHERE kind = 'amendment'",
        "UPDATE act SET body = replace(body, 'Two courts', 'One court') WHERE kind = 'amendment'",
        "UPDATE act SET \"by\" = 'Eve' WHERE kind = 'amendment'",
    ],
)
def test_an_altered_amendment_is_found(amended: Any, change: str) -> None:
    """Its act taken out, or its mark, words or author altered: the audit says so, and nothing runs on it or lists it."""
    with writing(amended.store) as connection:
        assert connection.execute(text(change)).rowcount == 1
    [finding] = verifying.verify(amended.store)
    assert "act 1 is" in finding.sentence
    for attempt in (
        lambda: ledger.sealed_protocol(amended.store, amended.trial),  # what collect, round and enrol begin with
        lambda: amendments.versions(amended.store, amended.trial),
    ):
        with pytest.raises(
            PlanHashMismatchError, match="a-trial has other amendments, or other words or marks of them"
        ):
            attempt()


def test_a_link_that_can_not_stand_is_found(amended: Any, kit: SimpleNamespace) -> None:
    """A second amendment of the same version, one that skips, one from another plan and one by a single hand are findings."""
    with opened(amended.store) as connection:
        found = connection.scalar(text("SELECT body FROM audit_event WHERE body LIKE '%amendment%'"))
    link = json.loads(found)
    body = json.loads(link["act"]["body"])
    for changes, by, sentence in (
        ({}, "Ann", "version 2 of the plan was told of before."),
        ({"version": 4}, "Ann", "version 4 of the plan is not the next one."),
        ({"version": 3}, "Ann", "version 3 of the plan does not follow the one before it."),
        (
            {"version": 3, "from_sha256": body["to_sha256"]},
            " bea",
            "version 3 of the plan was written and approved by one person.",
        ),
        ({"version": "x"}, "Ann", "what it says can't be read."),
    ):
        act = {**link["act"], "seq": 2, "by": by, "body": json.dumps({**body, **changes})}
        with writing(amended.store) as connection, connection.begin_nested() as experiment:
            chain.append(connection, amended.trial, "act", {"act": act})
            sentences = [one.sentence for one in verifying._verified(connection, amended.trial, {})]
            experiment.rollback()
        assert any(one.endswith(sentence) for one in sentences), (sentence, sentences)
    assert verifying.verify(amended.store) == []


def test_a_trial_from_before_there_were_chains_is_amended(desk: Any, kit: SimpleNamespace) -> None:
    """Its beginning was adopted with the plan as it stood; from there on versions follow each other as in any trial."""
    desk.send("one", people(kit, 1, 10), sent=1)
    with writing(desk.store) as connection:
        connection.execute(text("DELETE FROM audit_event"))
        chain.adopt_all(connection, kit.day(2))
    amend(desk, kit)
    desk.send("two", people(kit, 11, 20), sent=6)
    assert [one.number for one in amendments.versions(desk.store, desk.trial)] == [1, 2]
    assert ledger.recompute(desk.store, desk.trial, 1) == reading.looks(desk.store, desk.trial)[0]
    assert verifying.verify(desk.store) == []


def test_other_acts_are_no_amendments(desk: Any, kit: SimpleNamespace) -> None:
    """An act whose words look like an amendment's tells of no plan."""
    words = Viewed(what="rows", role="lead", detail='"kind":"amendment"')
    acts.act(desk.store, desk.trial, VIEWED, words, by="Ann", at=kit.day(1))
    assert ledger.sealed_protocol(desk.store, desk.trial)[0] == desk.protocol
    assert amendments.amendments(desk.store, desk.trial) == ()
