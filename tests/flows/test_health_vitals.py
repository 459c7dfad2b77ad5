"""Which numbers a trial's health is judged by: from the register, the newest look, and the deliveries that just came."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import pytest

from expectations.check import check
from expectations.health import ArmVitals, Halves, SiteVitals, Vitals, trial_health
from flows import health, work
from flows.byhand import enrol_from
from tests.flows.making import NOW, Desk, people, plan
from trials.protocol import Protocol
from trials.records import Delivery
from trials.store import ledger, reading

SITES = [{"id": "A"}, {"id": "B"}, {"id": "C"}]
ARMS = [{"id": "usual", "role": "control"}, {"id": "new", "allocation": 2}]
HEADER = "participant_id,site,arm,entry_order,well"


def sited(trial: str) -> Protocol:
    return plan(trial, sites=SITES, arms=ARMS)


def scored(trial: str, kind: str = "score") -> Protocol:
    primary = {
        "measure": "well",
        "kind": kind,
        "better": "higher",
        "baseline": 5,
        "worthwhile": 1,
        "bounds": [0, 10],
    }
    return plan(trial, primary=primary)


def text(*rows: str, header: str = HEADER) -> str:
    return "\n".join([header, *rows, ""])


def first_people() -> str:
    """Twelve people: sites A (1 to 8) and B; arms usual (every third) and new; well are 1, 2, 3, 4, 8, 9, 12."""
    return text(
        *(
            f"p{n:03d},{'A' if n <= 8 else 'B'},{'usual' if n % 3 == 0 else 'new'},{n},{int(n in (1, 2, 3, 4, 8, 9, 12))}"
            for n in range(1, 13)
        )
    )


def judged_by(desk: Desk, trials: Sequence[str], monkeypatch: pytest.MonkeyPatch) -> dict[str, Vitals]:
    """The vitals of what lies ready for each trial, as health_of judges them; nothing is recorded."""
    groups: list[Sequence[Delivery]] = []
    registers, hidden, plans = {}, {}, {}
    for trial in trials:
        groups.append(work.read_pending(desk.store, desk.door, trial).deliveries)
        registers[trial] = ledger.register_of(desk.store, trial)
        hidden[trial] = desk.door.pseudonyms(desk.store, trial)
        plans[trial] = ledger.sealed_protocol(desk.store, trial)[0]
    deliveries = [one for group in groups for one in group]
    checked = check(deliveries, plans, registers, NOW, hidden)
    seen: list[Vitals] = []

    def told(vitals: Sequence[Vitals]) -> dict[str, tuple[str, ...]]:
        seen.extend(vitals)
        return trial_health(vitals)

    with monkeypatch.context() as patch:
        patch.setattr(health, "trial_health", told)
        sentences = health.health_of(desk.store, plans, registers, groups, checked)
    assert sentences.keys() == set(trials)
    return {one.trial: one for one in seen}


def test_every_number_reaches_its_vital_sign(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    """Old and new people by site and arm, each once; rows of all deliveries; crossovers of these; late and halves as looked."""
    trial = desk.sealed(sited("first-trial"), **{"2024-03-01": first_people()})
    desk.collect(trial, clock=work.Clock(NOW, as_sent=True))
    # Two months later p002 was not well after all (too late to count), and p012 has another arm (set aside).
    desk.sent(trial, {"2024-05-01.csv": text("p002,A,new,2,0", "p012,B,new,12,0")})
    desk.collect(trial, clock=work.Clock(NOW, as_sent=True))
    third = text(
        "p013,A,new,13,1",
        "p014,C,usual,14,0",
        "p015,B,new,15,",
        "p001,A,usual,1,1",  # another arm than the register's
        "p003,B,usual,3,1",  # another site
        "p004,A,new,4,1",  # in already
        "p016,A,nwe,16,1",  # no arm of the plan
    )
    fourth = text("p015,B,new,15,1", "p017,A,usual,17,0")
    desk.sent(trial, {"2024-05-03.csv": third, "2024-05-04.csv": fourth})
    found = judged_by(desk, [trial], monkeypatch)[trial]
    assert found == Vitals(
        trial=trial,
        # by the register 4 : 8, by these deliveries p014 and p017 : p013 and p015; outcomes are the look's
        arms=(ArmVitals("usual", 1, 6, 4, 0), ArmVitals("new", 2, 10, 8, 0)),
        received=12 + 2 + 7 + 2,
        quarantined=1 + 3,
        sites=(SiteVitals("A", (3, 7)), SiteVitals("B", (2, 3)), SiteVitals("C", (1, 0))),
        late=1,
        crossovers=2,
        unregistered=0,
        # new: 1, 2, 4 and 5 in the first half, then 7, 8, 10 and 11; usual: 3 and 6, then 9 and 12. Newest values.
        halves=(Halves(4, 2, 4, 1), Halves(2, 1, 2, 2)),
    )


def test_each_trial_has_its_own_numbers(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    """Side by side: one before its first look, one with a score and a closed list of people, one with an amount."""
    listed = desk.home / "people.csv"
    listed.write_text(
        text(*(f"p{n:03d},{'usual' if n % 2 else 'new'}" for n in range(1, 9)), header="participant_id,arm")
    )
    score = desk.sealed(scored("scored"))
    enrol_from(desk.store, score, listed, as_of=NOW, door=desk.door)
    rows = [f"p{n:03d},{'usual' if n % 2 else 'new'},{n}" for n in range(1, 9)]
    desk.sent(score, {"2024-03-01.csv": text(*rows, header="participant_id,arm,well")})
    desk.collect(score)
    strangers = ("p008,new,8", "p101,new,1", "p102,usual,9", "p103,usual,9", "p007,new,7")
    desk.sent(score, {"2024-03-02.csv": text(*strangers, header="participant_id,arm,well")})
    early = desk.sealed(sited("early"), **{"2024-03-01": text("p001,A,new,1,", "p002,B,usual,2,1")})
    amount = desk.sealed(scored("amount", "amount"), **{"2024-03-01": people(1, 8)})
    desk.collect(amount)
    desk.sent(amount, {"2024-03-02.csv": people(9, 10)})
    found = judged_by(desk, [early, score, amount], monkeypatch)
    # usual: 1 and 3, then 5 and 7, above their median 4; new: 2 and 4, then 6 and 8, above 5
    assert found[score].halves == (Halves(2, 0, 2, 2), Halves(2, 0, 2, 2))
    assert (found[score].unregistered, found[score].crossovers, found[score].sites) == (3, 1, ())
    assert [(arm.arm, arm.enrolled) for arm in found[score].arms] == [("usual", 4), ("new", 4)]
    assert (found[amount].halves, [arm.observed for arm in found[amount].arms]) == ((), [4, 4])
    assert (found[early].halves, found[early].late, found[early].unregistered) == ((), 0, 0)
    assert found[early].arms == (ArmVitals("usual", 1, 1, 0, 0), ArmVitals("new", 2, 1, 0, 0))


def test_drift_is_looked_for_up_to_so_many_people(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    """With as many people as the limit the halves are there, with one more they are not."""
    trial = desk.sealed(sited("first-trial"), **{"2024-03-01": first_people()})
    desk.collect(trial)
    look = reading.card(desk.store, trial).look
    assert look is not None
    desk.sent(trial, {"2024-03-02.csv": text("p013,A,new,13,1")})
    monkeypatch.setattr(health, "_DRIFT_PEOPLE", look.n)
    assert judged_by(desk, [trial], monkeypatch)[trial].halves
    monkeypatch.setattr(health, "_DRIFT_PEOPLE", look.n - 1)
    assert not judged_by(desk, [trial], monkeypatch)[trial].halves


def test_what_is_found_is_told_of_its_trial(desk: Desk) -> None:
    """A trial with people in one arm alone is told so; a sound one beside it, and one that isn't stored, are told nothing."""
    lopsided = desk.sealed(
        sited("lopsided"), **{"2024-03-01": text(*(f"p{n:03d},A,usual,{n},{n % 2}" for n in range(1, 31)))}
    )
    sound = desk.sealed(sited("sound"), **{"2024-03-01": first_people()})
    groups = [list(work.read_pending(desk.store, desk.door, trial).deliveries) for trial in (lopsided, sound)]
    groups.append([replace(one, trial="not-stored") for one in groups[1]])
    plans = {name: sited(name) for name in (lopsided, sound, "not-stored")}
    registers = {name: ledger.register_of(desk.store, sound) for name in plans}
    checked = check([one for group in groups for one in group], plans, registers, NOW)
    found = health.health_of(desk.store, plans, registers, groups, checked)
    assert found.keys() == plans.keys()
    assert any("1 : 2" in sentence for sentence in found[lopsided])
    assert (found[sound], found["not-stored"]) == ((), ())
