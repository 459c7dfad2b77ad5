"""The portfolio: e-BH over trials, at the evidence that each had when it fired."""

import math

import numpy as np
import pytest

from trials.evidence import Claim
from trials.portfolio import Judged, carried, stopped_log_e
from trials.sequential import Design, binary_mixture


def trial(name: str, log_e: float | None, *, fired: bool = False, p: float = 1.0) -> Judged:
    return Judged(name, Claim(log_e, p, 20.0, 90 if fired else None))


def test_trials_that_may_not_be_seen_never_make_more_be_carried() -> None:
    """Whoever sees fewer trials picks from the same number, the unseen without evidence: never more than whoever sees all."""
    strong = trial("strong", math.log(20), fired=True)
    weak = [trial(f"weak-{number}", 0.0) for number in range(6)]
    alone, everybody = carried([strong], 0.1), carried([strong, *weak], 0.1)
    assert alone[0].picked
    assert not next(one for one in everybody if one.trial == "strong").picked
    assert not carried([strong], 0.1, others=6)[0].picked


def test_strong_trials_carry_one_another() -> None:
    """Of four trials at q = .1 three with E = 20 are picked (each ≥ 4/(.1 × 3)); one alone with E = 20 is not."""
    strong = [trial(name, math.log(25), fired=True) for name in "abc"]
    picked = {one.trial: one.picked for one in carried([*strong, trial("d", 0.0)], 0.1)}
    assert picked == {"a": True, "b": True, "c": True, "d": False}
    alone = carried([strong[0], *(trial(name, 0.0) for name in "bcd")], 0.1)
    assert not any(one.picked for one in alone)


def test_what_a_trial_held_when_it_fired_counts() -> None:
    """A bet that fired counts with its threshold, whatever it has lost since; another with what it holds, not its peak."""
    assert stopped_log_e(Claim(-1.0, 0.04, 20.0, 90)) == math.log(20)
    assert stopped_log_e(Claim(-1.0, 0.06, 20.0)) == -1.0
    assert stopped_log_e(Claim(None, None, 20.0, None, "nothing yet")) == 0.0


def test_planned_looks_enter_by_a_calibrator() -> None:
    """The p-value at planned looks, crossed or not, is turned into p^(-1/2)/2, which has mean 1 if nothing helps."""
    assert stopped_log_e(Claim(None, 0.0001, 20.0, 90)) == pytest.approx(math.log(50))
    assert stopped_log_e(Claim(None, 0.64, 20.0, None, "boundaries at planned looks")) == pytest.approx(math.log(0.625))
    p = (np.arange(1_000_000) + 0.5) / 1_000_000
    assert np.mean(0.5 / np.sqrt(p)) == pytest.approx(1.0, abs=0.002)


def test_few_of_those_picked_are_useless() -> None:
    """Sixty trials, forty of them of useless ideas: on average at most q of those picked are useless; trial by trial more."""
    design = Design(1, 1, 0.3, 0.08, 0.05, 0.10, 0.21)
    rng = np.random.default_rng(8)
    table, side = binary_mixture.tables(design)["benefit"], binary_mixture.staked(design)["benefit"][0]
    shares = []
    for _ in range(40):
        judged = []
        for number in range(60):
            treated = 0.3 if number < 40 else 0.12
            cells = (rng.random(300) < treated) * 2 + (rng.random(300) < 0.3)
            logs = np.log(np.array(side.weights) @ np.exp(np.cumsum(table[:, cells], axis=1)))
            over = np.flatnonzero(logs >= math.log(20))
            judged.append(trial(str(number), float(logs[over[0]] if over.size else logs[-1]), fired=over.size > 0))
        picked = [int(one.trial) for one in carried(judged, 0.1) if one.picked]
        shares.append(np.mean([number < 40 for number in picked]) if picked else 0.0)
    assert np.mean(shares) <= 0.1
    assert np.mean([share < 1 for share in shares]) == 1.0


def test_a_trial_of_which_nothing_may_be_told_counts_as_one_without_evidence() -> None:
    """It takes its place among the trials judged, so leaving it untold never lets more of the others through."""
    strong = [trial(name, math.log(25), fired=True) for name in "ab"]
    untold = [Judged(name, None) for name in "cd"]
    assert [one.picked for one in carried([*strong, *untold], 0.1)] == [
        one.picked for one in carried([*strong, trial("c", 0.0), trial("d", 0.0)], 0.1)
    ]
    assert [one.log_e for one in carried([*strong, *untold], 0.1)][2:] == [None, None]
