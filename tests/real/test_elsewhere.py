"""Real trials whose data are under the GPL and not in this tree: read from the folder that `--real` names."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from statistics import fmean

import numpy as np
import pytest
from scipy.special import logsumexp
from scipy.stats import binom

from tests.real import loading, published
from tests.real.conftest import KEPT_TOO
from tests.real.endings import ENDINGS, Ending
from tests.real.judging import by_arm, ends_as_written
from tests.real.loading import KEPT, Member, judged, number, rows, shuffled
from trials.sequential.design import BENEFIT_TRUTHS, BENEFIT_WEIGHTS
from trials.sequential.multiple import e_bh

OTHERS = [ending for ending in ENDINGS if not ending.kept]
RELABELLED = 100
ORDERS = 3


@pytest.mark.timeout(20)
@pytest.mark.parametrize("ending", OTHERS, ids=lambda ending: ending.name)
def test_a_trial_ends_as_written_down(ending: Ending, elsewhere: Path) -> None:
    """Verdict and claims are those of the table; 6,325 pupils in 79 schools and three arms take less than 20 s."""
    ends_as_written(ending, ending.load(elsewhere))


@pytest.mark.parametrize("dataset", KEPT_TOO)
def test_what_is_kept_is_what_its_source_has(dataset: str, elsewhere: Path) -> None:
    """The files in this tree hold columns of the folder's file, row for row in the order of entry."""
    mine = loading.rows(KEPT, dataset)
    theirs = loading.in_order(rows(elsewhere, dataset))
    assert mine == [{name: row[name] for name in mine[0]} for row in theirs]


def test_star_differs_by_as_much_as_published(elsewhere: Path) -> None:
    """918.04 points (1.63) in regular classes, +13.90 (2.45) in small ones, +.31 (2.27) with an aide, 5,786 pupils."""
    values = by_arm(loading.star_pupils(elsewhere))
    regular, small, aide = values["regular"], values["small"], values["regular_plus_aide"]
    n = len(regular) + len(small) + len(aide)
    assert n == 5786
    assert fmean(regular) == pytest.approx(918.04289, abs=5e-6)
    assert float(np.std(regular)) / math.sqrt(len(regular)) * math.sqrt(n / (n - 3)) == pytest.approx(1.63339, abs=5e-6)
    first = published.robust(small, regular, more=len(aide))
    second = published.robust(aide, regular, more=len(small))
    assert (first.size, first.error) == (pytest.approx(13.89899, abs=5e-6), pytest.approx(2.45409, abs=5e-6))
    assert (second.size, second.error) == (pytest.approx(0.31394, abs=5e-6), pytest.approx(2.27098, abs=5e-6))


def test_epil_differs_by_as_much_as_published(elsewhere: Path) -> None:
    """Poisson regression gives progabide -.1527 with SE .0478 naively, and .1711 when patients, not fortnights, count."""
    found = rows(elsewhere, "epil_progabide")
    design = np.array(
        [
            [1.0, float(row["baseline_seizures_8w"]), float(row["age_years"]), float(row["arm"] == "progabide")]
            for row in found
        ]
    )
    patients = np.unique([row["participant_id"] for row in found], return_inverse=True)[1]
    seizures = np.array([float(row["seizures"]) for row in found])
    weeks = np.array([float(row["weeks_observed"]) for row in found])
    beta, naive, robust = published.poisson_regression(seizures, design, np.log(weeks), patients)
    assert (beta[3], naive[3], robust[3]) == (
        pytest.approx(-0.1527, abs=5e-5),
        pytest.approx(0.04781, abs=5e-6),
        pytest.approx(0.17111, abs=5e-6),
    )


def conditional_poisson(members: Sequence[Member], baseline: float, worthwhile: float) -> float:
    """The highest log E of a pairwise bet that takes the treated's share of a pair's events for binomial, either way."""
    shares = np.array([(baseline - truth * worthwhile) / baseline for truth in BENEFIT_TRUTHS])
    chance = shares / (1 + shares)
    waiting: dict[str, list[float]] = {"progabide": [], "placebo": []}
    logs, highest = np.zeros((2, chance.size)), -math.inf
    for member in members:
        waiting[member.arm].append(member.value or 0.0)
        if all(waiting.values()):
            y, other = waiting["progabide"].pop(0), waiting["placebo"].pop(0)
            for side, (a, b) in enumerate(((y, other), (other, y))):
                logs[side] += a * np.log(2 * chance) + b * np.log(2 * (1 - chance))
                highest = max(highest, float(logsumexp(logs[side], b=BENEFIT_WEIGHTS)))
    return highest


def test_epil_is_no_trap_for_bets_on_capped_rates(elsewhere: Path) -> None:
    """With arms dealt out anew nothing is to be found: a Poisson bet finds something nearly always, ours within alpha."""
    trial = loading.epil(elsewhere)
    primary, level = trial.protocol.primary, -math.log(trial.protocol.monitoring.alpha)
    fooled = fired = 0
    for seed in range(RELABELLED):
        other = shuffled(trial, seed)
        arms = np.random.default_rng(seed).permutation([member.arm for member in other.members])
        dealt = tuple(replace(member, arm=str(arm)) for member, arm in zip(other.members, arms, strict=True))
        fooled += conditional_poisson(dealt, primary.baseline, primary.worthwhile) >= level
        claims = judged(replace(other, members=dealt)).claims
        fired += claims["benefit"].fired or claims["harm"].fired
    assert fooled > RELABELLED / 2
    # Benefit and harm at .05 each.
    assert fired <= binom.isf(0.001, RELABELLED, 0.10)


def test_btheb_lost_half_of_its_people(elsewhere: Path) -> None:
    """120 of 400 monthly scores are empty; at eight months 52 of 100 people are left, 4.7 points apart, p .06 or more."""
    assert sum(number(row["bdi_score"]) is None for row in rows(elsewhere, "btheb")) == 120
    values = by_arm(loading.btheb(elsewhere))
    assert {arm: len(found) for arm, found in values.items()} == {"usual_care": 25, "beat_the_blues": 27}
    found = published.robust(values["beat_the_blues"], values["usual_care"])
    assert found.size == pytest.approx(-4.748, abs=5e-4)
    assert found.p > 0.05


def test_landenberger_pools_to_the_published_ratio(elsewhere: Path) -> None:
    """58 trials: odds ratio 1.53 by DerSimonian & Laird, 1.354 to 1.735, tau² .1196, Q 213.7, as R's metafor has them."""
    names = ("control_recid", "control_nonrecid", "cbt_recid", "cbt_nonrecid")
    found = published.dersimonian_laird(
        [
            (int(row[names[0]]), int(row[names[1]]), int(row[names[2]]), int(row[names[3]]))
            for row in rows(elsewhere, "landenberger_cbt")
        ]
    )
    assert found.ratio == pytest.approx(1.53278, abs=5e-6)
    assert (found.low, found.high) == (pytest.approx(1.354, abs=5e-4), pytest.approx(1.735, abs=5e-4))
    assert (found.tau2, found.q) == (pytest.approx(0.1196, abs=5e-5), pytest.approx(213.7, abs=0.05))


def test_landenberger_as_a_portfolio(elsewhere: Path) -> None:
    """Nobody is stopped for harm; e-BH at .10 keeps a handful of trials, each with fewer who offend again.

    The file has counts and no order, so each trial's e-value is its mean over a few random ones: still an e-value.
    """
    portfolio = loading.landenberger(elsewhere)
    assert len(portfolio) == 58
    logs, better, verdicts = {}, set(), Counter[str]()
    for name, trial in portfolio.items():
        looks = [judged(shuffled(trial, seed)) for seed in range(ORDERS)]
        verdicts.update(look.verdict for look in looks)
        paid = [look.claims["benefit"].log_e or 0.0 for look in looks]
        logs[name] = float(logsumexp(paid)) - math.log(ORDERS)
        if (looks[0].estimate or 0.0) > 0:
            better.add(name)
    kept = {name for name, holds in zip(logs, e_bh(list(logs.values()), 0.10), strict=True) if holds}
    assert {"L25", "L54"} <= kept
    assert len(kept) < 10
    assert kept <= better
    # Looked at whole, the portfolio agrees with the published mean: the mean of e-values is one against "none helps".
    assert logsumexp(list(logs.values())) - math.log(58) > math.log(1000)
    assert verdicts["stop_for_harm"] == 0
    assert verdicts["promote"] > verdicts["drop"]
