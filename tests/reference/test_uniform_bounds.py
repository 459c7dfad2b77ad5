"""Uniform boundaries: against the authors' own figures (confseq.json), and against what their definition says."""

from __future__ import annotations

import math
import re
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from scipy.integrate import quad
from scipy.stats import binom, gamma, norm

from tests.reference.conftest import Section
from tests.reference.reading import NUMBER, named, numbers, printed
from trials.errors import DataError
from trials.sequential.operating.sprt import advanced
from trials.sequential.peers import uniform_bounds as ub

# name -> (order of the arguments in a key, function of them)
FUNCTIONS: dict[str, tuple[tuple[str, ...], Callable[..., float]]] = {
    "normal_log_mixture": (("s", "v", "v_opt", "alpha_opt"), ub.normal_log_mixture),
    "normal_mixture_bound": (("v", "alpha", "v_opt", "alpha_opt"), ub.normal_mixture_bound),
    "gamma_exponential_log_mixture": (("s", "v", "v_opt", "c", "alpha_opt"), ub.gamma_exponential_log_mixture),
    "gamma_exponential_mixture_bound": (("v", "alpha", "v_opt", "c", "alpha_opt"), ub.gamma_exponential_mixture_bound),
    "gamma_poisson_log_mixture": (("s", "v", "v_opt", "c", "alpha_opt"), ub.gamma_poisson_log_mixture),
    "gamma_poisson_mixture_bound": (("v", "alpha", "v_opt", "c", "alpha_opt"), ub.gamma_poisson_mixture_bound),
    "beta_binomial_log_mixture": (("s", "v", "v_opt", "g", "h", "alpha_opt"), ub.beta_binomial_log_mixture),
    "beta_binomial_mixture_bound": (("v", "alpha", "v_opt", "g", "h", "alpha_opt"), ub.beta_binomial_mixture_bound),
}
SIDED = ("normal", "beta_binomial")  # the others are one-sided only


def called(key: str, before: dict[str, dict[str, float]]) -> float | tuple[float, float]:
    """What a key such as "normal_mixture_bound(100,.05,100,.05,two-sided)" asks for. Fails where its form is unknown.

    A key without arguments takes those of the function's last key (`before`): so the file writes the two-sided one.
    """
    if key.startswith("best_rho"):
        return ub.best_rho(named(key, "v_opt"), named(key, "alpha_opt"), one_sided="one-sided" in key)
    found = re.fullmatch(r"(\w+)(?:\(([^)]*)\))?\s*(one-sided|two-sided)?", key)
    if found and found[1] == "bernoulli_ci" and found[2]:
        successes, trials, alpha, t_opt = numbers(found[2])
        return ub.bernoulli_ci(successes, int(trials), alpha, t_opt=t_opt)
    if not found or found[1] not in FUNCTIONS:
        pytest.fail(f'confseq.json: no formula here is called "{key}".', pytrace=False)
    names, function = FUNCTIONS[found[1]]
    if found[2]:
        before[found[1]] = dict(zip(names, numbers(found[2]), strict=False))
    assert found[1] in before, f'confseq.json: "{key}" gives no arguments, and no earlier entry does.'
    arguments: dict[str, Any] = dict(before[found[1]])
    if found[1].startswith(SIDED):
        arguments["one_sided"] = "two-sided" not in key
    first = [arguments.pop(name) for name in names if name in ("s", "v", "alpha")]
    return function(*first, **arguments)


def test_the_authors_unit_tests(reference: Callable[[str], Section], checked: Callable[[int], None]) -> None:
    """Every target of confseq's own unit tests comes out, to the digits that it is printed with."""
    before: dict[str, dict[str, float]] = {}
    for key, target in reference("confseq")["unit_tests"].items():
        targets = [target] if isinstance(target, float | int) else list(target)
        ours = np.atleast_1d(called(key, before))
        assert len(ours) == len(targets), key
        for own, wanted in zip(ours, targets, strict=True):
            assert own == pytest.approx(wanted, rel=0, abs=printed(wanted)), key
        checked(len(targets))


def test_normal_mixture_bounds(reference: Callable[[str], Section], checked: Callable[[int], None]) -> None:
    """(two-sided, one-sided) bounds for alpha = .05, tuned at v = 100, agree with confseq to 1e-10 of them.

    Its bisection stops at 40 bits.
    """
    computed = reference("confseq")["computed"]
    for key in [key for key in computed if key.startswith("normal_mixture_bound")]:
        assert re.fullmatch(r"normal_mixture_bound v=\d+\.\.", key), f'confseq.json: unknown form "{key}".'
        for v, pair in computed[key].items():
            ours = [ub.normal_mixture_bound(float(v), 0.05, v_opt=100, one_sided=one) for one in (False, True)]
            assert ours == pytest.approx(list(pair), rel=1e-10), (key, v)
            checked(2)


def test_bernoulli_intervals(reference: Callable[[str], Section], checked: Callable[[int], None]) -> None:
    """Intervals "events/trials" agree with confseq to 1e-10; its bisection stops at 40 bits."""
    computed = reference("confseq")["computed"]
    for key in [key for key in computed if key.startswith("bernoulli_ci")]:
        for counts, interval in computed[key].items():
            assert re.fullmatch(rf"{NUMBER}/\d+", counts), f'confseq.json: unknown form "{counts}".'
            successes, trials = counts.split("/")
            ours = ub.bernoulli_ci(float(successes), int(trials), named(key, "alpha"), t_opt=named(key, "t_opt"))
            assert ours == pytest.approx(list(interval), rel=0, abs=1e-10), (key, counts)
            checked(2)


@pytest.mark.parametrize("one_sided", [False, True])
def test_normal_mixture_is_the_integral(one_sided: bool) -> None:
    """The closed form is the integral of exp(lambda s - lambda^2 v/2) over the (half-)normal prior."""
    s, v, rho = 12.0, 80.0, ub.best_rho(100, 0.05, one_sided=one_sided)
    prior = norm(0, rho**-0.5)
    whole, _ = quad(lambda x: prior.pdf(x) * math.exp(x * s - x * x * v / 2), 0 if one_sided else -5, 5, epsabs=0)
    ours = ub.normal_log_mixture(s, v, v_opt=100, one_sided=one_sided)
    assert ours == pytest.approx(math.log(whole * (2 if one_sided else 1)), rel=1e-8)


def test_gamma_mixtures_are_integrals() -> None:
    """Both closed forms are integrals of exp(lambda s - psi(lambda) v) over their truncated gamma priors."""
    s, v, c, rho = 12.0, 80.0, 2.0, ub.best_rho(100, 0.05, one_sided=True)
    prior = gamma(rho / c**2, scale=c**2 / rho)

    def exponential(y: float) -> float:  # y = 1 - c lambda in (0, 1], psi = (-log y - (1 - y))/c^2
        return float(prior.pdf(y)) * math.exp((1 - y) / c * s + (math.log(y) + 1 - y) / c**2 * v)

    def poisson(y: float) -> float:  # y = exp(c lambda) >= 1, psi = (y - log y - 1)/c^2
        return float(prior.pdf(y)) * math.exp(math.log(y) / c * s - (y - math.log(y) - 1) / c**2 * v)

    below, _ = quad(exponential, 0, 1, epsabs=0)
    above, _ = quad(poisson, 1, 40, epsabs=0, points=[1.2, 2], limit=200)
    ours = ub.gamma_exponential_log_mixture(s, v, v_opt=100, c=c)
    assert ours == pytest.approx(math.log(below / prior.cdf(1)), rel=1e-6)
    ours = ub.gamma_poisson_log_mixture(s, v, v_opt=100, c=c)
    assert ours == pytest.approx(math.log(above / prior.sf(1)), rel=1e-6)


@pytest.mark.parametrize("p", [0.05, 0.3, 0.9])
@pytest.mark.parametrize("one_sided", [False, True])
def test_beta_binomial_mixture_has_mean_one(p: float, one_sided: bool) -> None:
    """For events of share p the mixture's expectation after n trials is 1: it is a martingale."""
    for n in (1, 7, 60):
        total = math.fsum(
            binom.pmf(x, n, p)
            * math.exp(
                ub.beta_binomial_log_mixture(x - n * p, n * p * (1 - p), v_opt=20, g=p, h=1 - p, one_sided=one_sided)
            )
            for x in range(n + 1)
        )
        assert total == pytest.approx(1, rel=1e-9)


def test_bernoulli_interval_covers_at_all_times() -> None:
    """P(the true share .3 is ever outside within 120 trials) <= .05, exactly, and the interval is the mixture's inverse."""
    p, alive, left = 0.3, np.array([1.0]), 0.0
    for n in range(1, 121):
        alive = advanced(alive, p)
        v = n * p * (1 - p)
        logs = [
            ub.beta_binomial_log_mixture(x - n * p, v, v_opt=50 * p * (1 - p), g=p, h=1 - p, one_sided=False)
            for x in range(n + 1)
        ]
        outside = np.array(logs) >= math.log(20)
        if n % 40 == 0:
            for x in range(0, n + 1, 5):
                low, high = ub.bernoulli_ci(x, n, 0.05, t_opt=50)
                assert outside[x] == (not low < p < high), (x, n)
        left += math.fsum(alive[outside])
        alive[outside] = 0.0
    assert 0 < left <= 0.05


@pytest.mark.parametrize(
    ("name", "arguments"),
    [
        ("normal_mixture_bound", (-1.0, 0.05, 100.0)),
        ("normal_mixture_bound", (math.nan, 0.05, 100.0)),
        ("normal_mixture_bound", (100.0, 1.0, 100.0)),
        ("normal_mixture_bound", (100.0, 0.05, math.inf)),
        ("normal_mixture_bound", (100.0, 0.05, 100.0, 0.6)),
        ("normal_log_mixture", (math.inf, 100.0, 100.0)),
        ("gamma_exponential_mixture_bound", (100.0, 0.05, 100.0, 0.0)),
        ("gamma_exponential_mixture_bound", (100.0, 0.05, 100.0, 1e-200)),
        ("gamma_poisson_mixture_bound", (100.0, 0.05, 100.0, 1e200)),
        ("beta_binomial_mixture_bound", (100.0, 0.05, 100.0, 1e-300, 0.8)),
        ("gamma_exponential_log_mixture", (-1e6, 100.0, 100.0, 2.0)),
        ("gamma_poisson_log_mixture", (-1e6, 100.0, 100.0, 2.0)),
        ("gamma_poisson_mixture_bound", (100.0, 0.0, 100.0, 2.0)),
        ("beta_binomial_mixture_bound", (100.0, 0.05, 100.0, -0.2, 0.8)),
        ("beta_binomial_log_mixture", (900.0, 100.0, 100.0, 0.2, 0.8)),
    ],
)
def test_meaningless_arguments_are_refused(name: str, arguments: tuple[float, ...]) -> None:
    """NaN, infinities, negative variances and errors outside (0, 1) raise DataError; nothing is computed from them."""
    names, function = FUNCTIONS[name]
    given = dict(zip(names, arguments, strict=False))
    first = [given.pop(name) for name in names if name in ("s", "v", "alpha")]
    with pytest.raises(DataError, match=r"must be"):
        function(*first, **given)


@pytest.mark.parametrize(("successes", "trials"), [(3, 0), (-1, 5), (6, 5), (math.nan, 5), (2, 2.5)])
def test_impossible_counts_are_refused(successes: float, trials: int) -> None:
    """More events than trials, no trials, and NaN are refused."""
    with pytest.raises(DataError, match=r"must be"):
        ub.bernoulli_ci(successes, trials, 0.05, t_opt=50)
