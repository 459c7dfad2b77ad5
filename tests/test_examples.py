"""The examples: plans that read, data that are the published ones, simulated things marked as such."""

from __future__ import annotations

import csv
import json
from hashlib import sha256
from pathlib import Path
from statistics import fmean, variance

import pytest

from trials.outcomes import kind_named
from trials.protocol import Protocol, from_file, from_yaml

EXAMPLES = Path(__file__).parents[1] / "examples"
PLANS = sorted(path for path in EXAMPLES.glob("*/*.yaml") if path.parent.name != "deploy")
REAL = ["rossi-financial-aid", "nsw-job-training"]


def rows(trial: str) -> list[dict[str, str]]:
    with (EXAMPLES / trial / "data.csv").open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))


def by_arm(trial: str) -> dict[str, list[float]]:
    protocol = from_file(EXAMPLES / trial / "protocol.yaml")
    values: dict[str, list[float]] = {arm.id: [] for arm in protocol.arms}
    for row in rows(trial):
        values[row["arm"]].append(float(row[protocol.primary.measure]))
    return values


@pytest.mark.parametrize("plan", PLANS, ids=lambda plan: f"{plan.parent.name}/{plan.stem}")
def test_a_plan_reads_survives_its_own_yaml_and_its_kind_admits_it(plan: Path) -> None:
    """Each example is a protocol, and what it writes reads back equal."""
    protocol = from_file(plan)
    assert from_yaml(protocol.to_yaml()) == protocol
    kind_named(protocol.primary.kind).check_plan(protocol.primary)


@pytest.mark.parametrize("trial", REAL)
def test_real_data_stand_in_the_sealed_order_and_are_whole(trial: str) -> None:
    """Entry numbers are 1 to the plan's maximum, ids are unique, and the columns are those that are needed."""
    protocol = from_file(EXAMPLES / trial / "protocol.yaml")
    data = rows(trial)
    assert list(data[0]) == ["participant_id", "arm", "entry_order", protocol.primary.measure]
    assert [int(row["entry_order"]) for row in data] == list(range(1, protocol.monitoring.max_participants + 1))
    assert len({row["participant_id"] for row in data}) == len(data)


@pytest.mark.parametrize(("trial", "dataset"), list(zip(REAL, ["rossi_life", "nsw_lalonde"], strict=True)))
def test_the_order_is_the_one_that_its_source_describes(trial: str, dataset: str) -> None:
    """Anybody can make the arbitrary order again from the ids."""
    ids = [row["participant_id"] for row in rows(trial)]
    assert ids == sorted(ids, key=lambda name: sha256(f"{dataset}|{name}".encode()).hexdigest())


def test_rossi_counts_are_the_published_ones() -> None:
    """Re-arrested: 66 of 216 without the aid, 48 of 216 with it (Rossi, Berk & Lenihan, 1980)."""
    arms = by_arm("rossi-financial-aid")
    assert {arm: (sum(values), len(values)) for arm, values in arms.items()} == {
        "control": (66, 216),
        "financial_aid": (48, 216),
    }


def test_nsw_difference_is_the_published_one() -> None:
    """Mean difference in 1978 earnings: 1,794 dollars, standard error 633 (Dehejia & Wahba, 1999)."""
    arms = by_arm("nsw-job-training")
    control, treated = arms["control"], arms["supported_work"]
    assert (len(control), len(treated)) == (260, 185)
    pooled = (259 * variance(control) + 184 * variance(treated)) / 443
    assert fmean(treated) - fmean(control) == pytest.approx(1794, abs=1)
    assert (pooled * (1 / 260 + 1 / 185)) ** 0.5 == pytest.approx(633, abs=1)


def test_nsw_cap_does_to_the_difference_what_its_source_says() -> None:
    """Judged within the plan's bounds the difference is 1,530 dollars, and the cap touches 6 people."""
    bounds = from_file(EXAMPLES / "nsw-job-training" / "protocol.yaml").primary.bounds
    assert bounds is not None
    arms = by_arm("nsw-job-training")
    capped = {arm: fmean(min(max(value, bounds[0]), bounds[1]) for value in values) for arm, values in arms.items()}
    assert capped["supported_work"] - capped["control"] == pytest.approx(1530, abs=1)
    assert sum(value > bounds[1] for values in arms.values() for value in values) == 6


def probation() -> list[Protocol]:
    return [from_file(plan) for plan in PLANS if plan.parent.name == "personalised-probation"]


def test_made_up_people_are_marked_as_such() -> None:
    """Every trial of the simulated programme says so; no real one does."""
    assert {protocol.programme for protocol in probation()} == {"personalised-probation"}
    assert all(protocol.simulated for protocol in probation())
    assert not any(from_file(EXAMPLES / trial / "protocol.yaml").simulated for trial in REAL)


def test_the_simulated_plans_have_the_sites_and_sizes_of_the_parameters() -> None:
    """One trial at each site, of twice the parameters' people per arm; one worthwhile effect for all."""
    params = json.loads((EXAMPLES / "personalised-probation" / "params.json").read_text(encoding="utf-8"))
    sizes = {site["site"]: 2 * site["n_per_arm"] for site in params["sites"]}
    assert {protocol.sites[0].id: protocol.monitoring.max_participants for protocol in probation()} == sizes
    assert len({protocol.primary.worthwhile for protocol in probation()}) == 1


@pytest.mark.parametrize("trial", REAL)
def test_real_data_stand_beside_their_source_and_licence(trial: str) -> None:
    """SOURCE.md cites the study and names the licence, whose text is there."""
    text = (EXAMPLES / trial / "SOURCE.md").read_text(encoding="utf-8")
    assert "**Licence**" in text
    assert "**Cite**" in text
    assert (EXAMPLES / trial / "LICENSE-DATA").read_text(encoding="utf-8").startswith("MIT License")


def test_the_made_up_programme_says_so_first() -> None:
    """Whoever opens its SOURCE.md reads 'Simulated' before anything else."""
    text = (EXAMPLES / "personalised-probation" / "SOURCE.md").read_text(encoding="utf-8")
    assert text.split("\n\n")[1].startswith("**Simulated.**")
