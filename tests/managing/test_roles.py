"""Roles: what each may do, asked below the command, and told to people in one sentence."""

from __future__ import annotations

import itertools
import json
from datetime import UTC, datetime
from pathlib import Path

import pytest
import typer
from typer.testing import CliRunner

from flows.roles import add
from trials import roles
from trials.acts import ACTS
from trials.errors import DataError, ForbiddenError
from trials.protocol import Protocol, from_content
from trials.roles import ACTIONS, MEANINGS, ROLES, Granted, require
from trials.store import access, arms, arrivals, granting, ledger
from trials.store.engine import open_store, reading, writing

AT = datetime(2026, 1, 5, 9, tzinfo=UTC)
APP = typer.Typer()
add(APP)


def plan(**changes: object) -> Protocol:
    content = {
        "trial": "a-trial",
        "question": "?",
        "owner": "tests",
        "programme": "north",
        "arms": [{"id": "control", "role": "control"}, {"id": "idea"}],
        "primary": {
            "measure": "y",
            "kind": "binary",
            "better": "lower",
            "baseline": 0.4,
            "worthwhile": 0.2,
            "follow_up": "4 weeks",
        },
        "monitoring": {"max_participants": 400},
        "order_by": ["entry_order"],
        "source": {"connector": "folder", "path": "in"},
    }
    return from_content({**content, **changes})


def test_every_action_has_a_role_and_every_act_an_action() -> None:
    """No permission that nobody has, no act whose permission nobody knows; each role says what it is for."""
    assert all(ACTIONS.values())
    assert set().union(*ACTIONS.values()) == set(ROLES) == set(MEANINGS)
    assert {kind.action for kind in ACTS.values()} <= {*ACTIONS, ""}


def test_exactly_the_named_roles_may() -> None:
    """For every role and action: allowed if and only if the table says so."""
    for role, (action, allowed) in itertools.product(ROLES, ACTIONS.items()):
        grants = [Granted("anna", role)]
        if role in allowed:
            assert require(grants, "anna", action, programme="north") == {role}
        else:
            with pytest.raises(ForbiddenError, match=f"anna has the role {role} in north"):
                require(grants, "anna", action, programme="north")


def test_a_role_at_one_site_ends_there() -> None:
    """Somebody who enrols people at site A can't at site B, nor for the whole trial."""
    grants = [Granted("anna", "site", "A")]
    assert require(grants, "anna", "allocate", programme="north", site="A") == {"site"}
    for site in ("B", None):
        with pytest.raises(ForbiddenError, match="site of site A"):
            require(grants, "anna", "allocate", programme="north", site=site)
    assert require(grants, "anna", "read", programme="north") == {"site"}
    with pytest.raises(ForbiddenError, match="site of site A"):
        require(grants, "anna", "note_idea", programme="north", site="B")


def test_the_store_asks_at_every_write(tmp_path: Path) -> None:
    """In a closed programme nobody writes without the role: not a plan, not a seal, not a delivery."""
    store = open_store(f"sqlite:///{tmp_path / 'roadtest.db'}")
    granting.give(store, "north", "olga", "operator", by="anna", at=AT)
    with pytest.raises(ForbiddenError, match="olga has the role operator in north, must be lead to register"):
        ledger.register(store, plan(), by="olga", at=AT)
    ledger.register(store, plan(), by="anna", at=AT)
    with pytest.raises(ForbiddenError, match="to seal"):
        ledger.seal(store, "a-trial", by="olga", at=AT)
    granting.give(store, "north", "carl", "custodian", by="anna", at=AT)
    ledger.seal(store, "a-trial", by="carl", at=AT)
    for name in ("", "carl"):
        somebody = store.as_person(name)
        with pytest.raises(ForbiddenError, match="to collect"), writing(somebody, "a-trial", "collect"):
            pass
        with pytest.raises(ForbiddenError, match="to collect"):
            ledger.take_look(somebody, "a-trial", recorded_at=AT, as_of=AT)
        for failed in ("the source is away", None):
            with pytest.raises(ForbiddenError, match="to collect"):
                arrivals.note_attempt(somebody, "a-trial", failed=failed, at=AT)
    with writing(store.as_person("olga"), "a-trial", "collect"):
        pass
    ledger.register(store, plan(trial="other", programme="south"), by="anybody", at=AT)
    store.close()


def test_dropping_an_arm_asks_the_second_person_too(tmp_path: Path) -> None:
    """An arm goes only when whoever does it may decide and the second person may review; neither stands in for the other."""
    store = open_store(f"sqlite:///{tmp_path / 'roadtest.db'}")
    several = [{"id": "control", "role": "control"}, {"id": "idea"}, {"id": "other"}]
    ledger.register(store, plan(design="multi_arm", arms=several), by="anna", at=AT)
    ledger.seal(store, "a-trial", by="bea", at=AT)
    for person, role in (("olga", "operator"), ("sue", "safety_steward"), ("carl", "custodian")):
        granting.give(store, "north", person, role, by="anna", at=AT)  # type: ignore[arg-type]
    for by, second, wrong in (("anna", "olga", "olga"), ("anna", "eve", "eve"), ("olga", "sue", "olga")):
        with pytest.raises(ForbiddenError, match=f"{wrong} has"):
            arms.drop_arm(store, "a-trial", "other", reason="too few", second=second, by=by, at=AT)
    assert arms.dropped_arms(store, "a-trial") == {}
    arms.drop_arm(store, "a-trial", "other", reason="too few", second="carl", by="anna", at=AT)
    assert [*arms.dropped_arms(store, "a-trial")] == ["other"]
    store.close()


def test_who_sees_what(tmp_path: Path) -> None:
    """Arms before the end for those whom the plan names, small counts for stewards, people for custodians."""
    store = open_store(f"sqlite:///{tmp_path / 'roadtest.db'}")
    protocol = plan()
    for person, role in (("sam", "stakeholder"), ("sue", "safety_steward"), ("carl", "custodian")):
        granting.give(store, "north", person, role, by="anna", at=AT)  # type: ignore[arg-type]
    granting.give(store, "north", "sid", "safety_steward", by="anna", at=AT, site="A")
    with reading(store) as connection:
        seen = {
            (name, state): access.sight(connection, "a-trial", name, protocol, state)
            for name in ("sam", "sue", "carl", "anna")
            for state in ("sealed", "dropped")
        }
        with pytest.raises(ForbiddenError, match="eve has no role in north"):
            access.sight(connection, "a-trial", "eve", protocol, "sealed")
    with reading(store) as connection:
        sid = access.sight(connection, "a-trial", "sid", protocol, "sealed")
    assert (sid.roles, sid.arms, sid.small, sid.rows, sid.people) == ({"safety_steward"}, False, False, False, False)
    assert {name: sight.arms for (name, state), sight in seen.items() if state == "sealed"} == {
        "sam": False,
        "sue": True,
        "carl": True,
        "anna": False,
    }
    assert all(sight.arms for (_, state), sight in seen.items() if state == "dropped")
    assert [name for (name, state), sight in seen.items() if sight.small and state == "sealed"] == ["sue"]
    assert [name for (name, state), sight in seen.items() if sight.people and state == "sealed"] == ["carl"]
    store.close()


def test_the_command_gives_lists_and_takes(tmp_path: Path) -> None:
    """`roles give`, `list`, `take`: it answers what the ledger holds; a refusal is one sentence and exit code 1."""
    run = CliRunner()
    home = ["--programme", "north", "--home", str(tmp_path)]
    first = run.invoke(APP, ["roles", "list", *home])
    assert "No role was ever given in north" in first.output
    given = run.invoke(APP, ["roles", "give", "ben", "site", "--site", "A", "--by", "anna", *home])
    assert given.output.splitlines() == [
        "Note: north is closed now, and anna is its lead: from now on only those who are given a role there may read or do "
        "anything in it.",
        "Note: no trial and no idea has the programme north so far; see whether it is spelt so in the plan.",
        "anna: lead",
        "ben: site of site A",
    ]
    store = open_store(f"sqlite:///{tmp_path / 'roadtest.db'}")
    ledger.register(store, plan(), by="anna", at=AT)
    store.close()
    again = run.invoke(APP, ["roles", "give", "sam", "stakeholder", "--by", "anna", *home])
    assert again.output.splitlines() == ["anna: lead", "ben: site of site A", "sam: stakeholder"]
    listed = {who: run.invoke(APP, ["roles", "list", "--by", who, *home]) for who in ("ben", "eve")}
    assert (listed["ben"].exit_code, listed["ben"].output) == (0, again.output)
    assert (listed["eve"].exit_code, "eve has no role in north" in listed["eve"].output) == (1, True)
    refused = run.invoke(APP, ["roles", "give", "ben", "lead", "--by", "ben", *home])
    assert (refused.exit_code, "must be lead to grant" in refused.output) == (1, True)
    unknown = run.invoke(APP, ["roles", "give", "ben", "king", "--by", "anna", *home])
    assert (unknown.exit_code, "role == 'king', must be one of lead" in unknown.output) == (1, True)
    taken = run.invoke(APP, ["roles", "take", "ben", "site", "--site", "A", "--by", "anna", *home, "--json"])
    assert [one["person"] for one in json.loads(taken.output)["roles"]] == ["anna", "sam"]


@pytest.mark.parametrize("changed", [{"programme": " "}, {"site": ""}, {"person": ""}])
def test_a_role_without_a_name_is_not_given(tmp_path: Path, changed: dict[str, str]) -> None:
    """An unset variable of a shell must not make roles of no programme, site or person."""
    store = open_store(f"sqlite:///{tmp_path / 'roadtest.db'}")
    words = {"programme": "north", "person": "ben", "site": "A", **changed}
    with pytest.raises(DataError, match=f"{next(iter(changed))} == "):
        granting.give(store, words["programme"], words["person"], "site", by="anna", at=AT, site=words["site"])
    assert granting.held(store, words["programme"]) == ()
    store.close()


def test_the_table_names_every_role() -> None:
    """The table of the docs has a row per role, with all that it may do."""
    head, *rows = roles.table()
    assert head[0] == "role"
    assert [row[0] for row in rows] == list(ROLES)
    assert {action for row in rows for action in row[2].split(", ")} == set(ACTIONS)
