"""Files of real trials -> people in the sealed order, and the plan that judges them.

A folder holds `<dataset>/data.csv` for each data set; `data` here holds `<dataset>.csv` (or .csv.gz) for those that may be
kept (data/SOURCE.md).
Nothing is dropped or mended on the way except what a function's sentence says.
"""

from __future__ import annotations

import csv
import gzip
import io
import math
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from statistics import fmean
from typing import Any

import numpy as np
import yaml

from trials.analysis import Person, Version, analyse, order_key
from trials.evidence import Look
from trials.protocol import Protocol, from_content, from_file

HERE = Path(__file__).parent
ROOT = HERE.parents[1]
KEPT = HERE / "data"
Row = dict[str, str]


@dataclass(frozen=True, slots=True)
class Member:
    """One participant as their trial's file has them. value None = no outcome was recorded."""

    site: str
    arm: str
    value: float | None
    companion: float | None = None
    enrolled_on: date | None = None


@dataclass(frozen=True, slots=True)
class Trial:
    """A plan, and its people in the order in which it is judged."""

    protocol: Protocol
    members: tuple[Member, ...]


def rows(folder: Path, dataset: str) -> list[Row]:
    """A data set's rows in its own order. FileNotFoundError when the folder has no such data set."""
    packed, plain = folder / f"{dataset}.csv.gz", folder / f"{dataset}.csv"
    if packed.is_file():
        text = gzip.decompress(packed.read_bytes()).decode("utf-8")
    else:
        text = (plain if plain.is_file() else folder / dataset / "data.csv").read_text(encoding="utf-8")
    return list(csv.DictReader(io.StringIO(text)))


def in_order(found: Sequence[Row]) -> list[Row]:
    return sorted(found, key=lambda row: int(row["entry_order"]))


def number(text: str) -> float | None:
    return float(text) if text else None


def plan(name: str, **changes: Any) -> Protocol:
    """The plan `plans/<name>.yaml` with these keys changed."""
    content = yaml.safe_load((HERE / "plans" / f"{name}.yaml").read_text(encoding="utf-8"))
    return from_content({**content, **changes}, origin=f"{name}.yaml")


def sites(members: Sequence[Member]) -> list[dict[str, str]]:
    return [{"id": site} for site in sorted({member.site for member in members})]


def rossi(folder: Path) -> Trial:
    """The example, with its own data."""
    example = ROOT / "examples" / "rossi-financial-aid"
    members = (Member("", row["arm"], float(row["rearrested_52w"])) for row in in_order(rows(example, "data")))
    return Trial(from_file(example / "protocol.yaml"), tuple(members))


def rossi_weeks(folder: Path) -> Trial:
    """The same people, with the week of their first arrest."""
    members = (
        Member("", row["arm"], float(row["weeks_at_risk"]), float(row["rearrested_52w"]))
        for row in in_order(rows(folder, "rossi_life"))
    )
    return Trial(plan("rossi-weeks"), tuple(members))


def nsw(folder: Path) -> Trial:
    """The example, with its own data."""
    example = ROOT / "examples" / "nsw-job-training"
    members = (Member("", row["arm"], float(row["earnings_1978_usd"])) for row in in_order(rows(example, "data")))
    return Trial(from_file(example / "protocol.yaml"), tuple(members))


def thornton(folder: Path) -> Trial:
    """Everybody whose test is on record, village by village: people drew their payment after the test was taken.

    The 67 others, 56 of them without a payment, have no result either; `thornton_everybody` keeps them.
    """
    whole = thornton_everybody(folder)
    tested = tuple(member for member in whole.members if member.value is not None)
    return Trial(plan("thornton-hiv", sites=sites(tested)), tested)


def thornton_everybody(folder: Path) -> Trial:
    """All 2,897 people with a known payment, those without a test as missing."""
    members = tuple(
        Member(row["site"], row["arm"], number(row["got_results"])) for row in in_order(rows(folder, "thornton_hiv"))
    )
    monitoring = {"alpha": 0.05, "beta": 0.10, "max_participants": len(members)}
    return Trial(plan("thornton-hiv", sites=sites(members), monitoring=monitoring), members)


def penn(folder: Path) -> Trial:
    """All seven arms, four groups of offices as strata, people in the order of their weeks of entry."""
    members = _penn(folder)
    return Trial(plan("penn-bonus", sites=sites(members)), members)


def penn_tg4(folder: Path) -> Trial:
    """Two of the seven arms, numbered anew from 1."""
    members = tuple(member for member in _penn(folder) if member.arm in ("control", "tg4"))
    return Trial(plan("penn-tg4", sites=sites(members)), members)


def _penn(folder: Path) -> tuple[Member, ...]:
    return tuple(
        Member(row["site"], row["arm"], float(row["weeks_unemployed"]), None, date.fromisoformat(row["enrolled_on"]))
        for row in in_order(rows(folder, "penn_bonus"))
    )


def epil(folder: Path) -> Trial:
    """One row per patient: the seizures and weeks of their four fortnights added up."""
    patients: dict[str, list[Row]] = defaultdict(list)
    for row in in_order(rows(folder, "epil_progabide")):
        patients[row["participant_id"]].append(row)
    members = (
        Member(
            "",
            fortnights[0]["arm"],
            math.fsum(float(row["seizures"]) for row in fortnights),
            math.fsum(float(row["weeks_observed"]) for row in fortnights),
        )
        for fortnights in patients.values()
    )
    return Trial(plan("epil-progabide"), tuple(members))


def btheb(folder: Path) -> Trial:
    """The score at eight months, the last planned; an empty one is missing, whatever came before."""
    last = [row for row in in_order(rows(folder, "btheb")) if row["month"] == "8"]
    return Trial(plan("btheb"), tuple(Member("", row["arm"], number(row["bdi_score"])) for row in last))


def star_pupils(folder: Path) -> Trial:
    """Pupils within 79 schools."""
    members = tuple(
        Member(row["site"], row["arm"], number(row["total_score"]))
        for row in in_order(rows(folder, "star_kindergarten"))
    )
    return Trial(plan("star-pupils", sites=sites(members)), members)


def star_classes(folder: Path) -> Trial:
    """The mean score of each class type in each of 79 schools; schools by name, arms by name within them."""
    scores: dict[tuple[str, str], list[float]] = defaultdict(list)
    for row in rows(folder, "star_kindergarten"):
        if row["total_score"]:
            scores[row["site"], row["arm"]].append(float(row["total_score"]))
    members = tuple(Member(site, arm, fmean(found)) for (site, arm), found in sorted(scores.items()))
    monitoring = {"alpha": 0.05, "beta": 0.10, "max_participants": len(members)}
    return Trial(plan("star-classes", sites=sites(members), monitoring=monitoring), members)


# Blocks of at most four people: large enough for most shares, small enough that few people are left over.
SHARES = ((1, 1), (1, 2), (2, 1), (1, 3), (3, 1))


def landenberger(folder: Path) -> dict[str, Trial]:
    """The 58 trials by their id. Their people are not in an order; `shuffled` gives one."""
    return {row["trial_id"]: _portfolio_trial(row) for row in rows(folder, "landenberger_cbt")}


def _portfolio_trial(row: Row) -> Trial:
    counts = {
        arm: (int(row[f"{prefix}_recid"]), int(row[f"{prefix}_nonrecid"]))
        for arm, prefix in (("control", "control"), ("cbt", "cbt"))
    }
    n_c, n_t = sum(counts["control"]), sum(counts["cbt"])
    c, t = min(SHARES, key=lambda share: abs(math.log(n_c * share[1] / (n_t * share[0]))))
    members = tuple(
        Member("", arm, value)
        for arm, (again, not_again) in counts.items()
        for value in [1.0] * again + [0.0] * not_again
    )
    arms = [{"id": "control", "role": "control", "allocation": c}, {"id": "cbt", "allocation": t}]
    monitoring = {"alpha": 0.05, "beta": 0.10, "max_participants": len(members)}
    name = f"landenberger-{row['trial_id'].lower()}"
    return Trial(plan("landenberger", trial=name, arms=arms, monitoring=monitoring), members)


def shuffled(trial: Trial, seed: int) -> Trial:
    """The same people in another random order; in a dated trial only those who joined on the same day change places."""
    rng = np.random.Generator(np.random.PCG64(seed))
    places = rng.permutation(len(trial.members))
    if trial.protocol.dated:
        days = np.array([(member.enrolled_on or date.min).toordinal() for member in trial.members])
        places = places[np.argsort(days[places], kind="stable")]
    return replace(trial, members=tuple(trial.members[place] for place in places))


def judged(trial: Trial) -> Look:
    """One look at the finished trial, everybody's outcome reported on the day on which their follow-up closed."""
    protocol = trial.protocol
    people, as_of = [], datetime(2000, 1, 1, tzinfo=UTC)
    for entry, member in enumerate(trial.members, start=1):
        # One day before the look in undated trials, so that everything is in.
        known = protocol.due_at(member.enrolled_on) or as_of - timedelta(days=1)
        version = Version(1, member.value, known, known, member.companion)
        key = order_key(protocol, member.enrolled_on, entry)
        people.append(Person(key, entry, member.enrolled_on, member.site, member.arm, (version,)))
    return analyse(
        protocol,
        people,
        None,
        as_of=as_of,
        batch_seq=1,
        number=1,
        enrolled=len(people),
        protocol_sha256=protocol.seal(),
    )[1]
