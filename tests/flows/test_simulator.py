"""The simulated programme: the same bytes for a seed, the promised truth, faults and their mending."""

from __future__ import annotations

import csv
import io
import json
import re
from collections import Counter, defaultdict
from datetime import date, timedelta
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from scipy.stats import binom

from flows.simulated_faults import draw_fault, spoilt
from flows.simulator import (
    INTAKE_WEEKS,
    RAMP_WEEKS,
    WeeklyDelivery,
    cells_of,
    cut_off,
    enrolment_days,
    last_week,
    missing_chance,
    participants,
    programme,
    sent_at,
    true_rates,
    upload_delays,
)
from trials.allocation import allocation_list
from trials.errors import DataError
from trials.protocol import Protocol, from_file

HOME = Path(__file__).parents[2] / "examples" / "personalised-probation"
PARAMS: dict[str, Any] = json.loads((HOME / "params.json").read_text(encoding="utf-8"))
PROTOCOLS = [from_file(HOME / f"{letter}.yaml") for letter in "abcde"]
MEASURE = "reoffended_12m"
MANY = 20_000


def bigger(protocol: Protocol, people: int = MANY) -> Protocol:
    monitoring = protocol.monitoring.model_copy(update={"max_participants": people})
    return protocol.model_copy(update={"monitoring": monitoring})


def rows(delivery: WeeklyDelivery) -> list[dict[str, str]]:
    return list(csv.DictReader(io.StringIO(delivery.csv_bytes.decode("utf-8"))))


def seems_right(protocol: Protocol, row: dict[str, str]) -> bool:
    """What one sees of a row without knowing anybody: an id, an arm of the plan, ISO dates, a value in range."""
    dates = [row["enrolled_on"], *([row["observed_on"]] if row["observed_on"] else [])]
    iso = all(re.fullmatch(r"\d{4}-\d{2}-\d{2}", text) for text in dates)
    arms = {arm.id for arm in protocol.arms}
    return bool(row["participant_id"]) and row["arm"] in arms and iso and row[MEASURE] in ("", "0", "1")


def likely(count: int, n: int, chance: float, error: float = 1e-4) -> bool:
    """Whether a count lies between the exact binomial quantiles of a chance."""
    return bool(binom.ppf(error / 2, n, chance) <= count <= binom.ppf(1 - error / 2, n, chance))


@pytest.fixture(scope="module")
def deliveries() -> list[WeeklyDelivery]:
    return programme(PARAMS, PROTOCOLS, seed=7)


def test_a_seed_gives_the_same_bytes_every_time(deliveries: list[WeeklyDelivery]) -> None:
    """Parameters, protocols and seed fix every delivery."""
    assert programme(PARAMS, PROTOCOLS, seed=7) == deliveries


def test_another_seed_gives_another_programme(deliveries: list[WeeklyDelivery]) -> None:
    """Nothing but the seed decides who re-offends."""
    assert programme(PARAMS, PROTOCOLS, seed=8) != deliveries


def test_a_trial_does_not_depend_on_its_neighbours() -> None:
    """A trial's people are the same whichever other trials run."""
    alone = participants(PARAMS, PROTOCOLS[2], 7)
    programme(PARAMS, PROTOCOLS, seed=7)
    assert participants(PARAMS, PROTOCOLS[2], 7) == alone


def test_deliveries_come_oldest_first_one_file_name_each(deliveries: list[WeeklyDelivery]) -> None:
    """They are ordered by when they were sent, and no site uses a name twice."""
    assert [delivery.sent_at for delivery in deliveries] == sorted(delivery.sent_at for delivery in deliveries)
    assert len({(delivery.trial, delivery.name) for delivery in deliveries}) == len(deliveries)


def test_a_name_says_when_and_by_whom_it_was_sent(deliveries: list[WeeklyDelivery]) -> None:
    """The date in the name is the day it was sent, a Monday but for the two irregular files."""
    for delivery in deliveries:
        assert delivery.name.startswith(f"{delivery.sent_at:%Y-%m-%d}_site-")
    assert Counter(delivery.sent_at.weekday() for delivery in deliveries)[0] == len(deliveries) - 2
    assert deliveries[0].sent_at == sent_at(1)


@pytest.mark.parametrize("protocol", PROTOCOLS, ids=lambda protocol: protocol.trial)
def test_rates_are_the_promised_ones(protocol: Protocol) -> None:
    """Over many people each arm's share of re-offending is the truth of the parameters."""
    people = participants(PARAMS, bigger(protocol), 7)
    control, treatment = true_rates(PARAMS, protocol.sites[0].id)
    for arm, chance in ((protocol.arms[0].id, control), (protocol.treatments[0].id, treatment)):
        outcomes = [person.reoffended for person in people if person.arm == arm]
        assert likely(sum(outcomes), len(outcomes), chance)


@pytest.mark.parametrize(
    ("site", "control", "treatment"),
    # The builder's table of the parameters (three digits), copied into examples/personalised-probation/SOURCE.md.
    [("A", 0.300, 0.226), ("B", 0.270, 0.239), ("C", 0.290, 0.290), ("D", 0.324, 0.384), ("E", 0.268, 0.258)],
)
def test_true_rates_are_those_of_the_table(site: str, control: float, treatment: float) -> None:
    """Odds ratio and site offset give the rates that the page about the data shows."""
    assert true_rates(PARAMS, site) == pytest.approx((control, treatment), abs=0.001)
    assert f"| {control:.3f} | {treatment:.3f} |" in (HOME / "SOURCE.md").read_text(encoding="utf-8")


def test_people_join_in_the_order_of_their_numbers() -> None:
    """Entry numbers are 1 to N in order of enrolment, on working days of 78 weeks."""
    for protocol in PROTOCOLS:
        people = participants(PARAMS, protocol, 7)
        assert [person.entry_order for person in people] == list(range(1, len(people) + 1))
        ended_early = protocol.trial in PARAMS["intake_ends"]
        assert (len(people) < protocol.monitoring.max_participants) == ended_early
        days = [person.enrolled_on for person in people]
        assert days == sorted(days)
        assert all(day.weekday() < 5 for day in days)
        assert date(2024, 1, 1) <= days[0]
        assert days[-1] < date(2024, 1, 1) + timedelta(weeks=INTAKE_WEEKS)


def test_intake_starts_at_half_rate() -> None:
    """The first 8 weeks bring half as many people a week as the others."""
    n = 100_000
    days = enrolment_days(PARAMS, n, np.random.default_rng(1))
    early = sum(day < date(2024, 1, 1) + timedelta(weeks=RAMP_WEEKS) for day in days)
    # Negative binomial weeks have twice the variance of binomial ones: half the people carry as much information.
    assert likely(early // 2, n // 2, RAMP_WEEKS * 0.5 / (RAMP_WEEKS * 0.5 + INTAKE_WEEKS - RAMP_WEEKS))


def test_weekly_intake_varies_more_than_chance_alone() -> None:
    """After the ramp the variance of the weekly numbers is about twice their mean, as the parameters say."""
    random = np.random.default_rng(2)
    ratios = []
    for _ in range(40):
        weeks = Counter((day - date(2024, 1, 1)).days // 7 for day in enrolment_days(PARAMS, 1200, random))
        weekly = [weeks[week] for week in range(RAMP_WEEKS, INTAKE_WEEKS)]
        ratios.append(np.var(weekly, ddof=1) / np.mean(weekly))
    assert np.mean(ratios) == pytest.approx(2.0, abs=0.2)


def test_upload_delays_follow_their_mixture() -> None:
    """Seven in ten outcomes come within a week, one in a hundred after three months."""
    delays = upload_delays(PARAMS, MANY, np.random.default_rng(3))
    assert min(delays) >= 1
    assert max(delays) <= 365
    assert likely(sum(delay <= 7 for delay in delays), MANY, 0.70)
    assert likely(sum(delay > 90 for delay in delays), MANY, 0.01)


def test_outcomes_go_missing_at_their_rate_and_more_often_after_reoffending() -> None:
    """2 in 100 never come; the odds are doubled for people who re-offended."""
    people = participants(PARAMS, bigger(PROTOCOLS[0]), 7)
    for reoffended in (False, True):
        lost = [person.uploaded_on is None for person in people if person.reoffended is reoffended]
        assert likely(sum(lost), len(lost), missing_chance(PARAMS, reoffended))
    assert missing_chance(PARAMS, False) == pytest.approx(0.02)
    assert missing_chance(PARAMS, True) == pytest.approx(0.04 / 1.02)


def test_no_outcome_is_known_before_its_year_is_over(deliveries: list[WeeklyDelivery]) -> None:
    """A right row either has no outcome, or was sent 52 weeks or more after the person joined."""
    checked = 0
    by_trial = {protocol.trial: protocol for protocol in PROTOCOLS}
    for delivery in deliveries:
        for row in rows(delivery):
            if row[MEASURE] and seems_right(by_trial[delivery.trial], row):
                joined = date.fromisoformat(row["enrolled_on"])
                assert date.fromisoformat(row["observed_on"]) == joined + timedelta(days=364)
                assert delivery.sent_at.date() > joined + timedelta(days=364)
                checked += 1
    assert checked > 3000


def test_everybody_is_settled_by_the_last_week(deliveries: list[WeeklyDelivery]) -> None:
    """No delivery is sent after the week by which everybody's year and time to report are over."""
    for protocol in PROTOCOLS:
        end = sent_at(last_week(protocol)).date()
        assert end > date(2024, 1, 1) + timedelta(weeks=INTAKE_WEEKS) + timedelta(days=364 + 84)
    assert max(delivery.week for delivery in deliveries) <= last_week(PROTOCOLS[0])


def test_faults_come_at_their_rates() -> None:
    """Over many outcome rows each fault is as frequent as the parameters say."""
    random = np.random.default_rng(4)
    faults = Counter(draw_fault(PARAMS, True, random) for _ in range(MANY))
    rates = {name: rate for name, rate in PARAMS["data_errors_per_row"].items() if name != "basis"}
    assert set(faults) == {*rates, None}
    for name, rate in rates.items():
        assert likely(faults[name], MANY, rate)


@pytest.mark.parametrize(
    ("fault", "column", "values"),
    [
        ("bad_date", "observed_on", {"30/12/2024", "45656"}),
        ("out_of_range", MEASURE, {"2", "9"}),
        ("wrong_arm", "arm", {"usual_practice", "strengths_assessment"}),
        ("unknown_id", "participant_id", {"A-00011"}),
        ("late_correction", MEASURE, {"0", "1"}),
    ],
)
def test_a_fault_changes_one_cell(fault: str, column: str, values: set[str]) -> None:
    """A faulty outcome row differs from the right one in the cell of its fault alone."""
    person = participants(PARAMS, PROTOCOLS[0], 7)[0]
    right = {**cells_of(PROTOCOLS[0], person, with_outcome=True), "observed_on": "2024-12-30"}
    for seed in range(5):
        wrong = spoilt(PROTOCOLS[0], right, fault, np.random.default_rng(seed))
        assert {name for name in right if right[name] != wrong[name]} == {column}
        assert wrong[column] in values


def test_an_enrolment_never_brings_a_wrong_person_into_the_register(deliveries: list[WeeklyDelivery]) -> None:
    """Before somebody is known, a known arm and a new id are always the right ones: nothing could tell otherwise."""
    truth = {
        (protocol.trial, person.participant_id): (person.arm, str(person.entry_order))
        for protocol in PROTOCOLS
        for person in participants(PARAMS, protocol, 7)
    }
    known: set[tuple[str, str]] = set()
    for delivery in deliveries:
        if not delivery.csv_bytes.endswith(b"\n"):
            continue  # the half-written file is refused whole
        protocol = next(protocol for protocol in PROTOCOLS if protocol.trial == delivery.trial)
        for row in rows(delivery):
            name = (delivery.trial, row["participant_id"])
            if name in known or not seems_right(protocol, row):
                continue
            if name in truth:
                assert truth[name] == (row["arm"], row["entry_order"])
                known.add(name)
            else:
                holder = (delivery.trial, f"{row['site']}-{int(row['entry_order']):04d}")
                assert holder in known, "an id typed wrong must carry the entry number of somebody known"
    assert known == set(truth)


def test_most_faulty_rows_are_mended() -> None:
    """About one faulty row in ten is never sent again; the others come right within two weeks."""
    big = bigger(PROTOCOLS[0])
    by_person: dict[str, list[tuple[int, str]]] = defaultdict(list)
    for delivery in programme(PARAMS, [big], seed=7):
        for row in rows(delivery):
            if row[MEASURE] in ("2", "9") or (row[MEASURE] and row["participant_id"] in by_person):
                by_person[row["participant_id"]].append((delivery.week, row[MEASURE]))
    mended = [len(sent) == 2 and 1 <= sent[1][0] - sent[0][0] <= 2 for sent in by_person.values()]
    assert len(mended) > 30
    assert likely(len(mended) - sum(mended), len(mended), 0.10)


def test_one_file_is_sent_twice(deliveries: list[WeeklyDelivery]) -> None:
    """Exactly one pair of files of a trial has the same bytes, a day apart."""
    same: dict[tuple[str, bytes], list[WeeklyDelivery]] = defaultdict(list)
    for delivery in deliveries:
        same[delivery.trial, delivery.csv_bytes].append(delivery)
    (pair,) = [found for found in same.values() if len(found) > 1]
    assert pair[1].sent_at - pair[0].sent_at == timedelta(days=1)
    assert pair[0].name != pair[1].name


def test_one_file_is_half_written_and_comes_whole_a_day_later(deliveries: list[WeeklyDelivery]) -> None:
    """Exactly one file has no line end, and the next one of its trial begins with the same bytes."""
    (cut,) = [delivery for delivery in deliveries if not delivery.csv_bytes.endswith(b"\n")]
    (whole,) = [
        delivery
        for delivery in deliveries
        if delivery.trial == cut.trial and delivery.sent_at == cut.sent_at + timedelta(days=1)
    ]
    assert whole.csv_bytes.startswith(cut.csv_bytes)
    assert len(whole.csv_bytes) > len(cut.csv_bytes)


def test_a_cut_file_lacks_columns() -> None:
    """It ends within the header, so that no checker can take any row of it for certain."""
    assert cut_off(b"one,two,three\n1,2,3\n") == b"one,tw"


def test_a_site_without_parameters_is_refused_in_one_sentence() -> None:
    """The sentence names the site and those there are."""
    elsewhere = PROTOCOLS[0].sites[0].model_copy(update={"id": "Z"})
    stranger = PROTOCOLS[0].model_copy(update={"sites": (elsewhere,)})
    with pytest.raises(DataError, match='site == "Z", must be one of the parameters\' sites: A, B, C, D, E'):
        programme(PARAMS, [stranger], seed=1)


def test_a_site_that_left_brings_nobody_from_then_on() -> None:
    """The budgets' second site has people until its week, the first until the end; each site's arms follow its own list."""
    budgets = next(protocol for protocol in PROTOCOLS if protocol.trial == "probation-b-budgets")
    people = participants(PARAMS, budgets, 7)
    last = {site: max(one.enrolled_on for one in people if one.site == site) for site in ("B", "E")}
    left = date(2024, 1, 1) + timedelta(weeks=PARAMS["intake_ends"]["probation-b-budgets"]["E"])
    assert last["E"] < left < last["B"]
    for site in ("B", "E"):
        arms = [one.arm for one in people if one.site == site]
        assert tuple(arms) == allocation_list(budgets, site, len(arms), "7")


def test_a_trial_without_follow_up_is_refused() -> None:
    """Without follow-up nobody's outcome has a day."""
    undated = PROTOCOLS[0].model_copy(update={"primary": PROTOCOLS[0].primary.model_copy(update={"follow_up": None})})
    with pytest.raises(DataError, match=r"has no primary\.follow_up"):
        programme(PARAMS, [undated], seed=1)
