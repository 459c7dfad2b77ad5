"""The bias-adjusted estimate: less bias than the plain one, and its own inverse."""

from dataclasses import replace

import numpy as np
import pytest

from trials.errors import DataError
from trials.sequential import Design
from trials.sequential.operating import exact
from trials.sequential.operating.adjusted import bias_adjusted

PLAN = Design(1, 1, 0.30, 0.08, 0.05, 0.10, 0.21, most=400)


@pytest.mark.parametrize("design", [PLAN, replace(PLAN, n_t=2, n_c=3), replace(PLAN, n_c=0)])
@pytest.mark.parametrize("truth", [-0.15, 0.0, 0.10, 0.20])
def test_it_finds_the_effect_whose_estimate_has_this_mean(design: Design, truth: float) -> None:
    """Given the mean of the plain estimate under an effect, it returns that effect: Whitehead (1986)'s definition."""
    ends = exact.endings(design, control=0.30, treated=0.30 - truth, participants=400)
    assert bias_adjusted(design, estimate=ends.estimate, control=0.30) == pytest.approx(truth, abs=1e-5)


def test_it_takes_off_most_of_the_bias() -> None:
    """.20 against .30: estimates at the stop average over .12, adjusted ones lie nearer the truth .10.

    80 simulated trials of at most 500 people, with the controls' share as observed. docs/scripts/planning_speed.py prints the
    same for 2,000 people; the specification measured .123 and .104.
    """
    design, rng = replace(PLAN, most=500), np.random.default_rng(11)
    plain, adjusted = [], []
    frontiers = {claim: exact.kept(replace(design, most=0), claim) for claim in ("benefit", "dud", "harm")}
    for _ in range(80):
        control, treated = rng.random(250) < 0.30, rng.random(250) < 0.20
        ups, downs = np.cumsum(control & ~treated), np.cumsum(treated & ~control)
        for n, (up, down) in enumerate(zip(ups, downs, strict=True), start=1):
            fires = up >= frontiers["benefit"].at(n, down, down)[0]
            fires |= any(down >= frontiers[claim].at(n, up, up)[0] for claim in ("dud", "harm"))
            if fires or n == 250:
                break
        plain.append((up - down) / n)
        adjusted.append(bias_adjusted(design, estimate=float(plain[-1]), control=float(control[:n].mean())))
    error = float(np.std(adjusted) / np.sqrt(80))
    assert np.mean(plain) > 0.12
    assert abs(np.mean(adjusted) - 0.10) < abs(np.mean(plain) - 0.10)
    assert abs(np.mean(adjusted) - 0.10) < 0.01 + 2 * error


def test_extremes_have_an_answer() -> None:
    """Estimates at the edge of what the controls' share allows give an effect inside it."""
    for estimate, control in ((0.3, 0.3), (-0.7, 0.3), (-1.0, 0.0), (1.0, 1.0)):
        found = bias_adjusted(PLAN, estimate=estimate, control=control)
        assert control - 1 <= found <= control


def test_what_it_does_not_cover_is_none_or_refused() -> None:
    """No number of people, several strata or values that aren't binary: None; an estimate that can't be: a sentence."""
    for other in (replace(PLAN, most=0), replace(PLAN, several=True), replace(PLAN, values="bounded")):
        assert bias_adjusted(other, estimate=0.1, control=0.3) is None
    with pytest.raises(DataError, match=r"estimate == 0\.5"):
        bias_adjusted(PLAN, estimate=0.5, control=0.3)
