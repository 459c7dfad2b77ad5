"""A programme that never was: what five sites would send every week, drawn from a seed. NumPy only.

The same parameters, protocols and seed give the same bytes. The sites behave as sites do: outcomes come late and some
never, rows have faults, most faults are mended a week or two after the site is told, one file is sent twice and one
half-written. Nobody in it reacts to the evidence, so it shows every verdict, not only the first.
"""

from __future__ import annotations

import csv
import io
import json
import math
from collections import defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime, time, timedelta
from hashlib import sha256
from typing import Any

import numpy as np

from flows.simulated_faults import sendings
from trials.allocation import allocation_list
from trials.errors import DataError
from trials.protocol import Arm, Protocol

START = date(2024, 1, 1)  # a Monday
INTAKE_WEEKS = 78  # params: trial_design
RAMP_WEEKS, RAMP_SHARE = 8, 0.5  # params: intake, "ramp 8 weeks at half rate"
WORKING_DAYS = 5
# Where a trial has two sites, the first has so many of its people.
FIRST_SITE_SHARE = 0.7
# From these weeks on, the first file that is long enough is sent again, or arrives half-written.
SENT_TWICE_FROM, HALF_WRITTEN_FROM = 26, 40

IDENTITY = ("participant_id", "site", "arm", "enrolled_on", "entry_order", "observed_on")


@dataclass(frozen=True, slots=True)
class WeeklyDelivery:
    """One file of one site. week: 1 = the Monday after the first week of intake. sent_at: aware UTC, as in the name."""

    trial: str
    week: int
    sent_at: datetime
    name: str
    csv_bytes: bytes


@dataclass(frozen=True, slots=True)
class Participant:
    """Somebody who never was. uploaded_on: the day the site has the outcome ready; None = it never does."""

    participant_id: str
    site: str
    arm: str
    enrolled_on: date
    entry_order: int
    reoffended: bool
    observed_on: date
    uploaded_on: date | None


@dataclass(frozen=True, slots=True)
class Sent:
    """One row in one week's file."""

    week: int
    entry_order: int
    cells: dict[str, str]


def programme(params: dict[str, Any], protocols: Sequence[Protocol], seed: int) -> list[WeeklyDelivery]:
    """Every delivery of every trial, oldest first. A week in which a site has nothing to send has no delivery.

    params: the content of examples/personalised-probation/params.json. protocols: dated, of one or two sites.
    Raises DataError when a protocol's site is not in the parameters, or its arms are not two.
    """
    deliveries: list[WeeklyDelivery] = []
    for number, protocol in enumerate(protocols):
        files = weekly_files(protocol, rows_of(params, protocol, seed))
        if number == min(1, len(protocols) - 1):
            files = with_one_sent_twice(files)
        if number == min(3, len(protocols) - 1):
            files = with_one_half_written(files)
        deliveries.extend(files)
    return sorted(deliveries, key=lambda delivery: (delivery.sent_at, delivery.trial, delivery.name))


def last_week(protocol: Protocol) -> int:
    """The week by whose Monday everybody is settled: intake, follow-up and the time to report are over."""
    days = 7 * INTAKE_WEEKS + 1 + (_follow_up(protocol) + protocol.data.report_within_time).days
    return math.ceil(days / 7)


def sent_at(week: int) -> datetime:
    """The Monday, at midnight UTC, on which the files of a week are sent."""
    return datetime.combine(START + timedelta(weeks=week), time.min, tzinfo=UTC)


def true_rates(params: dict[str, Any], site: str, approach: str = "") -> tuple[float, float]:
    """The true chances of re-offending at a site: (control, treatment). Non-engagement is inside the odds ratio.

    approach: the site whose approach is tried there, where that is another one.
    """
    control = math.log(_odds(params["base_reoffending_12m"]["value"])) + _site(params, site)["logit_offset"]
    treated = control + math.log(_site(params, approach or site)["true_odds_ratio_reoffend"])
    return 1 / (1 + math.exp(-control)), 1 / (1 + math.exp(-treated))


def participants(params: dict[str, Any], protocol: Protocol, seed: int) -> list[Participant]:
    """The trial's people in entry order. Each column has random numbers of its own, so none shifts another."""
    n = protocol.monitoring.max_participants
    control, idea = _control_of(protocol).id, protocol.treatments[0].id
    sites = [one.id for one in protocol.sites]
    rates = {
        site: dict(zip((control, idea), true_rates(params, site, approach=sites[0]), strict=True)) for site in sites
    }
    arms = {site: iter(allocation_list(protocol, site, n, str(seed))) for site in sites}
    joined = enrolment_days(params, n, _random(seed, protocol, "intake"))
    whereabouts = _random(seed, protocol, "site").random(n)
    outcomes = _random(seed, protocol, "outcome").random(n)
    lost = _random(seed, protocol, "missing").random(n)
    delays = upload_delays(params, n, _random(seed, protocol, "delay"))
    people: list[Participant] = []
    for index in range(n):
        site = sites[0] if whereabouts[index] < FIRST_SITE_SHARE else sites[-1]
        if joined[index] >= _last_intake(params, protocol, site):
            continue
        arm, entry_order = next(arms[site]), len(people) + 1
        reoffended = bool(outcomes[index] < rates[site][arm])
        observed_on = joined[index] + _follow_up(protocol)
        uploaded_on = observed_on + timedelta(days=delays[index])
        people.append(
            Participant(
                participant_id=f"{site}-{entry_order:04d}",
                site=site,
                arm=arm,
                enrolled_on=joined[index],
                entry_order=entry_order,
                reoffended=reoffended,
                observed_on=observed_on,
                uploaded_on=None if lost[index] < missing_chance(params, reoffended) else uploaded_on,
            )
        )
    return people


def _last_intake(params: dict[str, Any], protocol: Protocol, site: str) -> date:
    """The day from which nobody joins at a site any more: the trial was stopped, or the site left it (flows/story.py)."""
    ends = params["intake_ends"].get(protocol.trial, {})
    weeks = [ends[key] for key in ("*", site) if key in ends]
    return START + timedelta(weeks=min(weeks)) if weeks else date.max


def enrolment_days(params: dict[str, Any], n: int, random: np.random.Generator) -> list[date]:
    """n working days in order. Weekly numbers are negative binomial, given that n come in all.

    Such numbers, given their sum, are Dirichlet-multinomial; the mean week divided by (variance/mean − 1) is its weight.
    """
    shape = np.ones(INTAKE_WEEKS)
    shape[:RAMP_WEEKS] = RAMP_SHARE
    spread = params["intake"]["variance_over_mean"] - 1
    weights = random.gamma(n * shape / shape.sum() / spread)
    weekly = random.multinomial(n, weights / weights.sum())
    days = [
        START + timedelta(weeks=week, days=int(day))
        for week, count in enumerate(weekly)
        for day in random.integers(WORKING_DAYS, size=count)
    ]
    return sorted(days)


def upload_delays(params: dict[str, Any], n: int, random: np.random.Generator) -> list[int]:
    """Days between the end of follow-up and the upload: a mixture of uniform numbers of days."""
    parts = params["upload_delay_days"]["components"]
    chosen = random.choice(len(parts), size=n, p=[part["p"] for part in parts])
    return [int(random.integers(parts[k]["low"], parts[k]["high"], endpoint=True)) for k in chosen]


def missing_chance(params: dict[str, Any], reoffended: bool) -> float:
    """The chance that an outcome never comes; its odds are multiplied for people who re-offended."""
    missing = params["missingness"]
    odds = _odds(missing["reoffended"]) * (missing["odds_multiplier_if_reoffended"] if reoffended else 1.0)
    return float(odds / (1 + odds))


def rows_of(params: dict[str, Any], protocol: Protocol, seed: int) -> list[Sent]:
    """Every row the site ever sends, with its week: enrolments, outcomes, faults and what mends them."""
    random = _random(seed, protocol, "faults")
    sent: list[Sent] = []
    for person in participants(params, protocol, seed):
        enrolled = cells_of(protocol, person, with_outcome=False)
        rows, in_register = sendings(params, protocol, enrolled, _monday_after(person.enrolled_on), random)
        if person.uploaded_on is not None:
            outcome = cells_of(protocol, person, with_outcome=True)
            week = _monday_after(person.uploaded_on)
            # Somebody whose enrolment was never mended is new to the register now. A second fault could then put a
            # wrong arm or id into it for good, so there is none.
            rows += sendings(params, protocol, outcome, week, random)[0] if in_register else [(week, outcome)]
        sent += [Sent(week, person.entry_order, cells) for week, cells in rows]
    return sent


def cells_of(protocol: Protocol, person: Participant, *, with_outcome: bool) -> dict[str, str]:
    """A right row: without the outcome when somebody joins, with it when their follow-up has ended."""
    return {
        "participant_id": person.participant_id,
        "site": person.site,
        "arm": person.arm,
        "enrolled_on": person.enrolled_on.isoformat(),
        "entry_order": str(person.entry_order),
        "observed_on": person.observed_on.isoformat() if with_outcome else "",
        protocol.primary.measure: str(int(person.reoffended)) if with_outcome else "",
    }


def weekly_files(protocol: Protocol, rows: Sequence[Sent]) -> list[WeeklyDelivery]:
    """One CSV file for each week that has rows; what would come after the last week never does."""
    by_week: dict[int, list[Sent]] = defaultdict(list)
    for row in rows:
        if row.week <= last_week(protocol):
            by_week[row.week].append(row)
    return [
        WeeklyDelivery(
            trial=protocol.trial,
            week=week,
            sent_at=sent_at(week),
            name=_file_name(protocol, sent_at(week)),
            csv_bytes=as_csv(protocol, sorted(by_week[week], key=lambda row: row.entry_order)),
        )
        for week in sorted(by_week)
    ]


def as_csv(protocol: Protocol, rows: Sequence[Sent]) -> bytes:
    """UTF-8, commas, LF."""
    text = io.StringIO(newline="")
    writer = csv.DictWriter(text, (*IDENTITY, protocol.primary.measure), lineterminator="\n")
    writer.writeheader()
    writer.writerows(row.cells for row in rows)
    return text.getvalue().encode("utf-8")


def with_one_sent_twice(files: list[WeeklyDelivery]) -> list[WeeklyDelivery]:
    """The files, one of them sent again on the next day, byte for byte, under that day's name."""
    return [
        sent
        for delivery, is_it in _first_long_one(files, SENT_TWICE_FROM)
        for sent in ([delivery, _a_day_later(delivery)] if is_it else [delivery])
    ]


def with_one_half_written(files: list[WeeklyDelivery]) -> list[WeeklyDelivery]:
    """The files, one of them cut off within its header; the whole of it comes on the next day."""
    return [
        sent
        for delivery, is_it in _first_long_one(files, HALF_WRITTEN_FROM)
        for sent in (
            [replace(delivery, csv_bytes=cut_off(delivery.csv_bytes)), _a_day_later(delivery)] if is_it else [delivery]
        )
    ]


def cut_off(content: bytes) -> bytes:
    """The first half of the header line: what is there when an upload breaks off at once. Nothing can be read of it."""
    return content[: content.index(b"\n") // 2]


def _first_long_one(files: list[WeeklyDelivery], from_week: int) -> Iterator[tuple[WeeklyDelivery, bool]]:
    """Each file, and whether it is the first from that week on with three lines or more."""
    found = False
    for delivery in files:
        is_it = not found and delivery.week >= from_week and delivery.csv_bytes.count(b"\n") >= 3
        found = found or is_it
        yield delivery, is_it


def _a_day_later(delivery: WeeklyDelivery) -> WeeklyDelivery:
    later = delivery.sent_at + timedelta(days=1)
    return replace(
        delivery, sent_at=later, name=delivery.name.replace(f"{delivery.sent_at:%Y-%m-%d}", f"{later:%Y-%m-%d}")
    )


def _file_name(protocol: Protocol, sent: datetime) -> str:
    return f"{sent:%Y-%m-%d}_site-{protocol.sites[0].id.lower()}.csv"


def _monday_after(day: date) -> int:
    """The week whose file holds what happened on a day: it is sent on the Monday after."""
    return (day - START).days // 7 + 1


def _control_of(protocol: Protocol) -> Arm:
    if protocol.control is None or len(protocol.treatments) != 1:
        raise DataError(
            f"{protocol.trial} is {protocol.design}, must be two_arm to be simulated: an idea and usual practice."
        )
    return protocol.control


def _site(params: dict[str, Any], site: str) -> dict[str, Any]:
    for found in params["sites"]:
        if found["site"] == site:
            return dict(found)
    known = ", ".join(found["site"] for found in params["sites"])
    raise DataError(f'site == "{site}", must be one of the parameters\' sites: {known}.')


def _follow_up(protocol: Protocol) -> timedelta:
    follow_up = protocol.primary.follow_up_time
    if follow_up is None:
        raise DataError(
            f"{protocol.trial} has no primary.follow_up, must have one to be simulated, such as '52 weeks'."
        )
    return follow_up


def _odds(share: float) -> float:
    return share / (1 - share)


def _random(seed: int, protocol: Protocol, purpose: str) -> np.random.Generator:
    digest = sha256(json.dumps(["simulator", seed, protocol.trial, purpose]).encode("utf-8")).digest()
    return np.random.Generator(np.random.PCG64(int.from_bytes(digest, "big")))
