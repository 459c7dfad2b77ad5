"""Who counts, and when: the complete-follow-up prefix, lateness, corrections; each with the disaster that it prevents."""

import json
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta

import numpy as np
import pytest
from scipy.stats import binom

from flows.template import TEMPLATE
from trials import analysis
from trials.analysis import Person, Version, analyse, order_key, settle
from trials.evidence import Look
from trials.protocol import Protocol, from_content, from_yaml
from trials.records import ON_TIME

# 4 weeks of follow-up, 84 days to report, 28 days to correct.
DATED = from_yaml(TEMPLATE.replace("better: higher", "better: lower").replace("baseline: 0.60", "baseline: 0.30"))
UNDATED = from_content(json.loads(DATED.canonical()) | {"order_by": ["entry_order"]})
START = date(2024, 1, 1)


def at(day: int) -> datetime:
    return datetime(2024, 1, 1, tzinfo=UTC) + timedelta(days=day)


def person(number: int, *versions: tuple[float | None, int], joined: int = 0, arm: str = "usual") -> Person:
    """versions: (value, day it became known)."""
    enrolled = START + timedelta(days=joined)
    known = tuple(Version(rev, value, at(day), at(day)) for rev, (value, day) in enumerate(versions, start=1))
    return Person(order_key(DATED, enrolled, number), number, enrolled, "A", arm, known)


def look(protocol: Protocol, people: list[Person], day: int) -> Look:
    ordered = sorted(people, key=lambda one: one.order_key)
    return analyse(
        protocol, ordered, None, as_of=at(day), batch_seq=1, number=1, enrolled=len(people),
        protocol_sha256=protocol.seal(),
    )[1]  # fmt: skip


def test_nobody_counts_before_their_follow_up_has_closed() -> None:
    """Follow-up closes at midnight after day 28; a report after that settles a person, at that time and not before."""
    assert settle(DATED, person(1, (1.0, 29)), at(28)) is None
    assert settle(DATED, person(1, (1.0, 29)), at(29)) == analysis.Settled(1.0, 0)


def test_a_report_from_before_the_follow_up_closed_never_counts() -> None:
    """A "nothing yet" on day 3 settles nobody, locks nothing, and is no late change: the report after the close decides."""
    early = person(1, (0.0, 3))
    assert settle(DATED, early, at(60)) is None
    assert settle(DATED, early, at(113)) == analysis.Settled(None, 0)
    assert settle(DATED, person(1, (0.0, 3), (1.0, 40)), at(60)) == analysis.Settled(1.0, 0)


def test_an_outcome_whose_time_nobody_knows_counts_as_on_time() -> None:
    """A finished data set is loaded whole: its outcomes count from the close of their follow-up."""
    loaded = replace(person(1), versions=(Version(1, 1.0, ON_TIME, ON_TIME),))
    assert settle(DATED, loaded, at(28)) is None
    assert settle(DATED, loaded, at(29)) == analysis.Settled(1.0, 0)


def test_nobody_counts_before_those_ahead_of_them() -> None:
    """The second person's known outcome waits for the first person's."""
    people = [person(1, joined=0), person(2, (1.0, 30), joined=0)]
    assert look(DATED, people, 40).n == 0
    assert look(DATED, [person(1, (0.0, 41)), people[1]], 42).n == 2


def test_results_that_wait_for_somebody_who_joined_earlier_are_told() -> None:
    """Nobody is told that there are fewer than ten results when 36 are in: they are held, and until when is said."""
    arms = ("usual", "text")
    people = [person(1, joined=0)] + [person(n, (1.0, 40), joined=1, arm=arms[n % 2]) for n in range(2, 38)]
    held = look(DATED, people, 50).sentence
    assert held == (
        "Too early to say: 37 people of 800 have joined, fewer than 10 with a result that counts; 36 results are in, held "
        "until the outcome of somebody who joined earlier comes, or until 2024-04-23."
    )
    assert look(DATED, people, 113).n == 36
    assert "held" not in look(DATED, people[:10], 50).sentence  # fewer than ten are not told
    loose = [replace(one, enrolled_on=None, order_key=order_key(UNDATED, None, n)) for n, one in enumerate(people, 1)]
    undated = look(UNDATED, loose, 50)
    assert undated.sentence.endswith("36 results are in, held until the outcome of somebody who joined earlier comes.")


def test_who_is_not_reported_in_time_is_missing_and_stays_so() -> None:
    """After 28 + 84 days a person counts as missing; an outcome that comes later is kept, counted late and not used."""
    assert settle(DATED, person(1), at(112)) is None
    assert settle(DATED, person(1), at(113)) == analysis.Settled(None, 0)
    assert settle(DATED, person(1, (1.0, 120)), at(130)) == analysis.Settled(None, 1)


def test_corrections_count_within_their_window_only() -> None:
    """A change 20 days after the first report is used; one 40 days after is kept and shown, not used."""
    assert settle(DATED, person(1, (0.0, 30), (1.0, 50)), at(60)) == analysis.Settled(1.0, 0)
    assert settle(DATED, person(1, (0.0, 30), (1.0, 70)), at(80)) == analysis.Settled(0.0, 1)
    assert look(DATED, [person(1, (0.0, 30), (1.0, 70))], 80).late_changes == 1


def test_a_withdrawn_outcome_is_missing() -> None:
    """A value taken back within the window leaves a person without an outcome."""
    assert settle(DATED, person(1, (1.0, 30), (None, 35)), at(60)) == analysis.Settled(None, 0)


def test_a_hole_in_the_allocation_numbers_is_waited_for() -> None:
    """Number 2 was never reported: evidence stops at 1 until the reporting time of number 3 is over; undated, for good."""
    people = [person(1, (1.0, 30)), person(3, (1.0, 30))]
    assert look(DATED, people, 60).n == 1
    closed = look(DATED, people, 200)
    assert (closed.n, closed.missing) == (2, 1)
    undated = [replace(one, order_key=f"{one.entry_order:012d}", enrolled_on=None) for one in people]
    assert look(UNDATED, undated, 5000).n == 1


def test_numbers_that_do_not_rise_with_the_dates_are_no_holes() -> None:
    """Whoever is registered, wherever in the order, leaves no hole: numbers shuffled within days lose nobody."""
    rng = np.random.default_rng(2)
    numbers = np.arange(1, 61) + rng.integers(-2, 3, 60)
    numbers = np.argsort(np.argsort(numbers)) + 1
    people = [person(int(numbers[i]), (0.0, 40), joined=i // 10) for i in range(60)]
    found = look(DATED, people, 300)
    assert (found.n, found.missing) == (60, 0)


def test_a_real_hole_after_a_jump_is_still_waited_for() -> None:
    """A number far ahead leaves the holes behind it open: withholding people never lets the others move forward."""
    people = [person(1, (0.0, 40)), person(50, (0.0, 40)), *(person(n, (0.0, 40), joined=1) for n in range(30, 40))]
    assert look(DATED, people, 60).n == 1
    closed = look(DATED, people, 300)
    assert closed.n == 12
    assert closed.missing == 50 - 12


def test_a_late_registration_takes_its_number_back() -> None:
    """A number passed over as unreported, whose holder is registered later, is missing no longer; resumed or anew."""
    people = [person(1, (0.0, 40)), person(3, (0.0, 40)), person(2, (0.0, 250), joined=200)]
    first = analysis.fold(DATED, people[:2], None, at(190))
    assert analysis.evidence_of(DATED, first).missing == 1
    resumed = analysis.fold(DATED, people, first, at(260))
    assert resumed == analysis.fold(DATED, people, None, at(260))
    assert analysis.evidence_of(DATED, resumed).missing == 0


def test_reading_on_equals_reading_anew() -> None:
    """Progress carried from look to look gives the same state, to the bit, as the whole history at once."""
    rng = np.random.default_rng(4)
    people = [
        person(i + 1, (float(rng.random() < 0.3), 30 + i), joined=i, arm="text" if i % 2 else "usual")
        for i in range(90)
    ]
    ordered = sorted(people, key=lambda one: one.order_key)
    progress = None
    for day in range(20, 140, 7):
        progress = analysis.fold(DATED, ordered, progress, at(day))
    assert progress == analysis.fold(DATED, ordered, None, at(139))
    assert progress is not None
    assert progress.position == 90


def test_arrival_order_leaves_no_trace() -> None:
    """The same people handed over in any order, sorted by the plan's rule, give the same look."""
    rng = np.random.default_rng(9)
    people = [person(i + 1, (float(rng.random() < 0.3), 40), arm="text" if i % 3 else "usual") for i in range(60)]
    shuffled = [people[i] for i in rng.permutation(60)]
    assert look(DATED, people, 80) == look(DATED, shuffled, 80)


def simulated(rng: np.random.Generator, size: int, share: float) -> tuple[list[str], np.ndarray]:
    return ["text" if treated else "usual" for treated in rng.random(size) < 0.5], rng.random(size) < share


def fires(plan: Protocol, people: list[Person], days: range) -> bool:
    """Whether benefit fires at any of the looks."""
    ordered = sorted(people, key=lambda one: one.order_key)
    progress = None
    for day in days:
        progress = analysis.fold(plan, ordered, progress, at(day))
    assert progress is not None
    return analysis.evidence_of(plan, progress).claims["benefit"].fired


def test_early_events_are_the_disaster_the_prefix_prevents() -> None:
    """Events that are known at once, non-events only at the end: counting what is known has a type I error above .3.

    The treated's events are reported with more delay (nobody hurries to report a failure of the new idea); nothing else
    differs between the arms. Ours waits for everybody in turn and stays within alpha.
    """
    runs, size = 60, 160
    naive, ours = 0, 0
    for seed in range(runs):
        rng = np.random.default_rng(seed)
        arms, events = simulated(rng, size, 0.30)
        delays = [2 if event and arm == "usual" else 28 for arm, event in zip(arms, events, strict=True)]
        joined = [i // 4 for i in range(size)]
        people = [
            person(
                i + 1,
                (float(events[i]), joined[i] + 1 + delays[i]),
                (float(events[i]), joined[i] + 29),
                joined=joined[i],
                arm=arms[i],
            )
            for i in range(size)
        ]
        ours += fires(DATED, people, range(10, 80, 5))
        # The naive way takes whoever has been reported by now, in the order of arrival.
        arrived = sorted(range(size), key=lambda i: (joined[i] + delays[i], i))
        arrivals = [
            replace(people[i], order_key=f"{rank:012d}", entry_order=rank, enrolled_on=None)
            for rank, i in enumerate(arrived, start=1)
        ]
        naive += fires(UNDATED, arrivals, range(100, 110))
    assert naive / runs > 0.3
    assert ours <= binom.isf(0.001, runs, 0.05)


def test_one_sided_rechecking_is_the_disaster_the_lock_prevents() -> None:
    """Re-checking only the treated's failures, late, has a type I error above .3; after the lock it changes nothing."""
    runs, size = 60, 200
    naive, ours = 0, 0
    for seed in range(runs):
        rng = np.random.default_rng(1000 + seed)
        arms, events = simulated(rng, size, 0.30)
        turned = rng.random(size) < 0.4
        people, unlocked = [], []
        for i in range(size):
            first = (float(events[i]), 30)
            checked = [first, (0.0, 90)] if events[i] and turned[i] and arms[i] == "text" else [first]
            people.append(person(i + 1, *checked, arm=arms[i]))
            unlocked.append(person(i + 1, (checked[-1][0], 30), arm=arms[i]))
        ours += fires(DATED, people, range(120, 121))
        naive += fires(DATED, unlocked, range(120, 121))
    assert naive / runs > 0.3
    assert ours <= binom.isf(0.001, runs, 0.05)


@pytest.mark.parametrize("better", ["lower", "higher"])
def test_the_estimate_is_positive_when_the_treated_do_better(better: str) -> None:
    """Effects are oriented by the plan: positive = better, whichever way the measure runs."""
    plan = from_content(json.loads(DATED.canonical()) | {"primary": DATED.primary.model_dump() | {"better": better}})
    good = 0.0 if better == "lower" else 1.0
    people = [person(i + 1, (good if i % 2 else 1 - good, 30), arm="text" if i % 2 else "usual") for i in range(20)]
    found = look(plan, people, 60)
    assert found.estimate == 1.0
    assert {arm.arm: (arm.n, arm.total) for arm in found.arms}["text"] == (10, 10 * good)


def test_a_look_survives_json() -> None:
    """Every number of a look comes back from JSON to the bit."""
    people = [person(i + 1, (float(i % 3 == 0), 30), arm="text" if i % 2 else "usual") for i in range(21)]
    found = look(DATED, people, 60)
    assert Look.from_json(json.loads(json.dumps(found.to_json()))) == found


def test_an_early_zero_is_the_disaster_that_waiting_for_the_close_prevents() -> None:
    """The treated filed as 0 after a week and updated at the event, the controls reported once at the end.

    Locking the first report made benefit fire in nearly every null trial. Ours takes reports from after the close only.
    """
    runs, size = 60, 200
    ours, locked = 0, 0
    for seed in range(runs):
        rng = np.random.default_rng(2000 + seed)
        arms, events = simulated(rng, size, 0.30)
        people, first_report = [], []
        for i in range(size):
            treated, final = arms[i] == "text", float(events[i])
            people.append(person(i + 1, *([(0.0, 7), (final, 33)] if treated else [(final, 33)]), arm=arms[i]))
            first_report.append(person(i + 1, (0.0 if treated else final, 33), arm=arms[i]))
        ours += fires(DATED, people, range(100, 101))
        locked += fires(DATED, first_report, range(100, 101))
    assert locked / runs > 0.9
    assert ours <= binom.isf(0.001, runs, 0.05)


def test_unequal_missingness_does_not_move_people_to_other_days() -> None:
    """No effect at any moment, a falling base rate, a third of the treated missing: pairs keep their places.

    Were the others moved up, later treated people (low risk) would meet earlier controls (high risk).
    """
    runs, size = 60, 1200
    ours, moved = 0, 0
    for seed in range(runs):
        rng = np.random.default_rng(3000 + seed)
        risk = np.linspace(0.50, 0.10, size)
        events = rng.random(size) < risk
        arms = [
            "text" if treated else "usual" for treated in rng.permuted(np.tile([0, 1], (size // 2, 1)), axis=1).ravel()
        ]
        lost = (rng.random(size) < 0.33) & np.array([arm == "text" for arm in arms])
        people = [person(i + 1, *([] if lost[i] else [(float(events[i]), 33)]), arm=arms[i]) for i in range(size)]
        ours += fires(DATED, people, range(400, 401))
        seen = [replace(people[i], entry_order=n, order_key=f"2024-01-01|{n:012d}")
                for n, i in enumerate(np.flatnonzero(~lost), start=1)]  # fmt: skip
        moved += fires(DATED, seen, range(400, 401))
    assert moved / runs > 0.2
    assert ours <= binom.isf(0.001, runs, 0.05)


def test_late_changes_are_shown_in_a_sensitivity_analysis_and_never_used() -> None:
    """Every failure of the treated turned round after the lock: the look stays, and beside it stands what it would be."""
    rng = np.random.default_rng(4)
    first = [(float(rng.random() < 0.5), ("usual", "text")[i % 2]) for i in range(200)]
    plain = [person(i + 1, (value, 30), arm=arm) for i, (value, arm) in enumerate(first)]
    altered = [
        person(i + 1, (value, 30), (0.0, 80), arm=arm)
        if arm == "text" and value
        else person(i + 1, (value, 30), arm=arm)
        for i, (value, arm) in enumerate(first)
    ]
    before, after = look(DATED, plain, 100), look(DATED, altered, 100)
    assert before.sensitivity is None
    assert after.late_changes > 30
    assert (after.verdict, after.claims, after.estimate) == (before.verdict, before.claims, before.estimate)
    assert after.sensitivity is not None
    assert after.sensitivity.verdict == "promote"
    opened = look(DATED, [replace(one, versions=one.versions[-1:]) for one in altered], 100)
    assert (after.sensitivity.estimate, after.sensitivity.interval) == (opened.estimate, opened.interval)


def test_reading_on_asks_for_everybody_only_when_something_came_late() -> None:
    """Without late changes the sensitivity analysis costs nothing; with them it is the same however far was read before."""
    people = [person(n, (float(n % 3 == 0), 30), arm=("usual", "text")[n % 2]) for n in range(1, 61)]
    late = [person(70, (1.0, 30), (0.0, 80), arm="text")]
    progress = analysis.fold(DATED, people, None, at(90))

    def asked() -> list[Person]:
        raise AssertionError

    def taken(more: list[Person], everybody: object) -> Look:
        return analyse(
            DATED, more, progress, as_of=at(90), batch_seq=2, number=2, enrolled=61, protocol_sha256="",
            everybody=everybody,  # type: ignore[arg-type]
        )[1]  # fmt: skip

    assert taken([], asked).sensitivity is None
    holes_closed = at(28 + 84 + 30)
    folded = analyse(
        DATED, late, progress, as_of=holes_closed, batch_seq=2, number=2, enrolled=61, protocol_sha256="",
        everybody=lambda: [*people, *late],
    )[1]  # fmt: skip
    anew = analyse(
        DATED, [*people, *late], None, as_of=holes_closed, batch_seq=2, number=2, enrolled=61, protocol_sha256=""
    )[1]
    assert folded.sensitivity is not None
    assert folded == anew
