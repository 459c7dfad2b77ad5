"""Laws of amending, for every registered kind and method: what is allowed leaves every claim as it would have been."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import numpy as np
import pytest

from tests.laws.streams import CASES, Case, people, run
from trials.amending import counts_planned, field_diff, refusal
from trials.analysis import evidence_of, fold
from trials.comparing import method_of
from trials.outcomes import kind_named
from trials.outcomes.kind import Kind
from trials.protocol import Protocol, from_content
from trials.records import Checked, Delivery, Record
from trials.store import amendments, ledger, looks, verifying
from trials.store.engine import Store, open_store, reading

START = datetime(2024, 1, 1, tzinfo=UTC)
SIZE, PARTS = 48, 3


@pytest.mark.parametrize("case", CASES, ids=str)
def test_which_methods_count_the_planned_people(case: Case) -> None:
    """Named in COUNT_PLANNED or not, as the method does it: with another planned number its evidence is another, or the same
    to the last bit at every length."""
    design = case.design(several=case.two_arms, spread=4 * case.design().spread)
    units = people(case.kind, design, design.worthwhile, 120, seed=6, strata=2 if case.two_arms else 1)
    told = set()
    for most in (107, 400, 5_000):
        planned = replace(design, most=most)
        state = run(case.method, planned, units)
        told.add(json.dumps(state) + repr(case.method.read(planned, state)))
    assert (len(told) > 1) == counts_planned(case.method)


def plan_of(case: Case, most: int = 400) -> Protocol:
    """A trial of the case's kind and method at two sites."""
    primary = case.kind.example.model_dump(mode="json", exclude_defaults=True)
    if case.kind.values == "time":
        primary |= {"bounds": [0, 52], "cohort": 10}
    arms = [{"id": "usual", "role": "control", "allocation": max(case.n_c, 1)}, {"id": "new", "allocation": case.n_t}]
    return from_content(
        {
            "trial": str(case).replace(":", "-").replace("_", "-"),
            "question": "?",
            "owner": "tests",
            "primary": primary,
            "sites": [{"id": "A"}, {"id": "B"}],
            "design": "two_arm" if case.two_arms else "one_arm",
            "arms": arms if case.two_arms else arms[1:],
            "monitoring": {"max_participants": most, "method": case.method.name},
            "order_by": ["entry_order"],
            "source": {"connector": "folder", "path": "in"},
        }
    )


def value_of(kind: Kind, rng: np.random.Generator) -> tuple[float, float | None]:
    """What one person's row holds in the measure's own unit, with its companion."""
    share = float(rng.random())
    if kind.values == "count":
        return float(rng.poisson(2)), 0.5 + share
    if kind.values == "time":
        return float(np.ceil(52 * share)), float(rng.random() < 0.5)
    low, high = kind.example.bounds or (0.0, 1.0)
    return float(share < 0.3) if kind.values == "binary" else round(low + share * (high - low)), None


def rows(protocol: Protocol, seed: int, sites: str = "AB") -> list[Record]:
    """People at random in arms and sites, in the sealed order."""
    rng, kind = np.random.default_rng(seed), kind_named(protocol.primary.kind)
    arms = [arm.id for arm in protocol.arms for _ in range(arm.allocation)]
    found = []
    for number in range(1, SIZE + 1):
        value, companion = value_of(kind, rng)
        site, arm = sites[int(rng.integers(len(sites)))], arms[int(rng.integers(len(arms)))]
        fields: dict[str, Any] = {"row_no": number, "participant_id": f"p{number}", "site": site, "arm": arm}
        fields |= {"enrolled_on": None, "entry_order": number, "observed_on": None}
        found.append(Record(**fields, value=value, companion=companion))
    return found


def send(store: Store, trial: str, number: int, part: list[Record]) -> None:
    at = START + timedelta(days=number)
    one = Delivery(trial, "folder:in", f"{number}.csv", f"{number:064d}", at, (), ())
    ledger.record(store, one, Checked(tuple(part), (), ()), recorded_at=at, as_of=at)


def amended(protocol: Protocol) -> Protocol:
    """All that may be amended while outcomes come in, at once; the planned number where the method does not count it."""
    changed = protocol.model_dump(mode="json")
    changed["title"], changed["schedule"] = "Another title", "0 6 * * *"
    changed["sites"].append({"id": "C", "name": "The third"})
    changed["stopping"] = {"recruitment": {"per_month": 30}}
    changed["data"]["required"] = [protocol.primary.measure]
    changed["intervention"] = {"name": "Calls"}
    if not counts_planned(method_of(protocol)):
        changed["monitoring"]["max_participants"] = 5_000
    return from_content(changed)


@pytest.fixture(scope="module")
def store(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Store]:
    opened = open_store(f"sqlite:///{tmp_path_factory.mktemp('laws') / 'store.db'}")
    yield opened
    opened.close()


def claims_of(store: Store, protocol: Protocol, upto: int, as_of: datetime) -> Any:
    """The claims that a plan would have made of all that was in, folded from the first person on."""
    with reading(store) as connection:
        known = looks.people_in_order(connection, protocol, upto=upto)
    return evidence_of(protocol, fold(protocol, known, None, as_of)).claims


@pytest.mark.parametrize("case", CASES, ids=str)
def test_an_allowed_amendment_leaves_every_claim_as_it_would_have_been(case: Case, store: Store) -> None:
    """Looks before it are recomputed to the last bit with their own plan; later claims are those of the plan first sealed."""
    before = plan_of(case)
    after, trial = amended(before), before.trial
    people_in = [*rows(before, seed=3)[: SIZE // PARTS], *rows(before, seed=3, sites="ABC")[SIZE // PARTS :]]
    ledger.register(store, before, by="Ann", at=START)
    ledger.seal(store, trial, by="Bea", at=START)
    step = SIZE // PARTS
    for number in range(PARTS):
        if number == 1:
            at = START + timedelta(hours=1)
            done = amendments.amend(
                store, trial, after, reason="more sites", impact="faster", by="Ann", approved_by="Bea", at=at
            )
            assert done.look == 1
        send(store, trial, number, people_in[step * number : step * (number + 1)])
    stored = {one.number: one for one in all_looks(store, trial)}
    assert {one.protocol_sha256 for one in stored.values()} == {before.seal(), after.seal()}
    for number, look in stored.items():
        assert look.protocol_sha256 == (before if number <= 1 else after).seal()
        assert ledger.recompute(store, trial, number) == look
        assert claims_of(store, before, look.batch_seq, look.as_of) == look.claims
    if case.bets:  # there is something to compare
        assert all(claim.log_e is not None for claim in stored[PARTS].claims.values())
    assert verifying.verify(store, trial) == []


def all_looks(store: Store, trial: str) -> list[Any]:
    from trials.store import reading as pages

    return pages.looks(store, trial)


@pytest.mark.parametrize("case", [case for case in CASES if counts_planned(case.method)], ids=str)
def test_a_planned_number_that_counts_stays(case: Case) -> None:
    """Where claims depend on the planned number it can't be amended after the first outcome, up or down."""
    before = plan_of(case)
    for most in (300, 500):
        sentence = refusal(before, plan_of(case, most), begun=True, enrolled=0)
        assert sentence is not None
        assert sentence.startswith(
            f"monitoring.max_participants == {most}, must stay 400 once outcomes have been received"
        )
        assert refusal(before, plan_of(case, most), begun=False, enrolled=0) is None
    assert field_diff(before, plan_of(case, 300))


def test_an_amendment_of_several_arms_leaves_their_claims(store: Store) -> None:
    """Three arms that are judged as a family make the same claims after an amendment as without it."""
    content = plan_of(CASES[0]).model_dump(mode="json")
    content |= {"trial": "three-arms", "design": "multi_arm"}
    content["arms"].append({"id": "newer", "allocation": 1})
    content["monitoring"]["method"] = "anytime"
    before = from_content(content)
    after, people_in = amended(before), rows(before, seed=4)
    ledger.register(store, before, by="Ann", at=START)
    ledger.seal(store, "three-arms", by="Bea", at=START)
    send(store, "three-arms", 0, people_in[:30])
    words = {"reason": "r", "impact": "i", "by": "Ann", "approved_by": "Bea"}
    amendments.amend(store, "three-arms", after, **words, at=START)  # type: ignore[arg-type]
    send(store, "three-arms", 1, people_in[30:])
    for look in all_looks(store, "three-arms"):
        assert ledger.recompute(store, "three-arms", look.number) == look
        assert claims_of(store, before, look.batch_seq, look.as_of) == look.claims
