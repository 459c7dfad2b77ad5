"""Any numbers at all: a formula gives a finite figure or refuses with one sentence, never NaN, a warning or a traceback."""

from __future__ import annotations

import math
import re
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from trials.errors import DataError
from trials.sequential.operating.exact_crossing import one_arm, pair_bets
from trials.sequential.operating.sprt import Sprt, characteristics
from trials.sequential.peers import betting, safe_t, two_by_two
from trials.sequential.peers import uniform_bounds as ub
from trials.sequential.times import logrank_e

usual = st.one_of(st.floats(0, 1), st.floats(-5, 200), st.sampled_from([0.05, 0.3, 0.5, 1.0, 3.0]), st.integers(0, 12))
anything = st.one_of(st.floats(), usual)
FORMULAS: dict[str, Callable[..., Any]] = {
    "best_rho": lambda a, b, c, d, e: ub.best_rho(a, b, one_sided=True),
    "normal log": lambda a, b, c, d, e: ub.normal_log_mixture(a, b, v_opt=c, alpha_opt=d, one_sided=False),
    "normal": lambda a, b, c, d, e: ub.normal_mixture_bound(a, b, v_opt=c, alpha_opt=d),
    "gamma-exponential log": lambda a, b, c, d, e: ub.gamma_exponential_log_mixture(a, b, v_opt=c, c=d),
    "gamma-exponential": lambda a, b, c, d, e: ub.gamma_exponential_mixture_bound(a, 0.05, v_opt=c, c=d),
    "gamma-Poisson log": lambda a, b, c, d, e: ub.gamma_poisson_log_mixture(a, b, v_opt=c, c=d),
    "gamma-Poisson": lambda a, b, c, d, e: ub.gamma_poisson_mixture_bound(a, b, v_opt=c, c=d),
    "beta-binomial log": lambda a, b, c, d, e: ub.beta_binomial_log_mixture(a, b, v_opt=c, g=d, h=e),
    "beta-binomial": lambda a, b, c, d, e: ub.beta_binomial_mixture_bound(a, b, v_opt=c, g=d, h=e, one_sided=False),
    "bernoulli": lambda a, b, c, d, e: ub.bernoulli_ci(a, b, c, t_opt=d),
    "capital": lambda a, b, c, d, e: betting.hedged_capital([a, b], [c], alpha=d, theta=e),
    "betting": lambda a, b, c, d, e: betting.betting_sequence([a, b], alpha=c, breaks=10, theta=d),
    "empirical Bernstein": lambda a, b, c, d, e: betting.empirical_bernstein_sequence([a, b], alpha=c, stake=d),
    "two by two": lambda a, b, c, d, e: two_by_two.log_e_values([a, b], [b, a], n_a=3, n_b=3, prior=c),
    "difference": lambda a, b, c, d, e: two_by_two.log_e_values([a], [b], restriction="difference", delta=c, grid=9),
    "odds ratio": lambda a, b, c, d, e: two_by_two.log_e_values(
        [a], [b], restriction="log_odds_ratio", delta=c, grid=9
    ),
    "t": lambda a, b, c, d, e: safe_t.log_e_t(a, b, c, "two_sided"),
    "t of values": lambda a, b, c, d, e: safe_t.log_e_values([a, b], c),
    "z plan": lambda a, b, c, d, e: safe_t.plan_z(a, alpha=b, beta=c),
    "logrank": lambda a, b, c, d, e: logrank_e.log_factor([a], b, c, d, e),
    "one arm": lambda a, b, c, d, e: one_arm([a], [1.0], benchmark=b, truth=c, threshold=d, people=5).mean,
    "pairs": lambda a, b, c, d, e: pair_bets([a], [1.0], control=b, treated=c, threshold=d, pairs=5).mean,
}


def answered(call: Callable[[], Any]) -> Any | None:
    """What a call gives, or None where it refuses; a refusal is one sentence with a rule."""
    try:
        return call()
    except DataError as refused:
        sentence = str(refused)
    assert re.search(r"\bmust\b", sentence)
    assert "\n" not in sentence
    return None


@pytest.mark.parametrize("name", FORMULAS)
@settings(max_examples=60, deadline=None)
@given(arguments=st.one_of(st.tuples(*[anything] * 5), st.tuples(*[usual] * 5)))
def test_a_figure_or_a_sentence(name: str, arguments: tuple[float, ...]) -> None:
    """Finite where it answers (a log of a vanishing e-value may be -inf), DataError where it does not."""
    answer = answered(lambda: FORMULAS[name](*arguments))
    if answer is not None:
        assert not np.isnan(np.asarray(answer, dtype=float)).any()
        assert not (np.asarray(answer, dtype=float) == math.inf).any()


@settings(max_examples=60, deadline=None)
@given(st.tuples(*[st.sampled_from([0.05, 0.2, 0.45, 0.9, 0.0, 1.0, math.nan])] * 5))
def test_walds_test_ends_or_is_refused(values: tuple[float, ...]) -> None:
    """Whatever the hypotheses and the true share, the two chances sum to 1."""
    exact = answered(lambda: characteristics(Sprt(*values[:4]), values[4]))
    if exact is not None:
        assert exact.reject + exact.accept == pytest.approx(1, abs=1e-12)
        assert exact.mean >= 1
