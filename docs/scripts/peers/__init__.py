"""Other ways to judge the same two-arm trials: what `docs/scripts/evidence.py` compares the pair mixture with.

A rival sees pairs of binary losses in order and says when each of two claims would fire: benefit (H0: δ ≤ 0, error alpha)
and dud (H0: δ ≥ δ*, error beta), with δ = control's chance less the treated's. `roadtest.py` holds the methods of this
repository; the other files adapt packages that must be installed beside it (`pip install 'roadtest[peers]'`) and are
imported only when asked for.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from importlib import import_module
from importlib.metadata import PackageNotFoundError, version

import numpy as np
from numpy.typing import NDArray

from trials.sequential import Design
from trials.sequential.operating.streams import NEVER

PLAN = Design(n_t=1, n_c=1, baseline=0.30, worthwhile=0.08, alpha=0.05, beta=0.10, spread=0.21, most=2_000)
MOST = 2_000
ERRORS = {"benefit": PLAN.alpha, "dud": PLAN.beta}
MARGINS = {"benefit": 0.0, "dud": PLAN.worthwhile}
# Normal approximations say nothing before so many pairs: one loss more or less would decide.
FIRST = 10
Integers = NDArray[np.int64]
ADAPTERS = (
    "growthbook", "ville_library", "confseq_library", "spotify", "sequential_library", "barnard", "savvi_library",
)  # fmt: skip
# Packages that were looked at and can't be a row, and why.
WITHOUT_ROW = {
    "tea-tasting": "tests at one fixed size only, no sequential method (1.14)",
    "expectation": "needs Python 3.12 or later (0.6.1)",
    "avinf": "no file for this Python on the package index (1.0.0)",
}


@dataclass(frozen=True, eq=False)
class Streams:
    """The same trials for every rival: losses of control and treated, shape (runs, pairs), dtype bool."""

    control: NDArray[np.bool_]
    treated: NDArray[np.bool_]

    @property
    def difference(self) -> NDArray[np.float64]:
        """D = y_C − y_T by pair, shape (runs, pairs)."""
        return self.control.astype(np.float64) - self.treated

    def head(self, runs: int) -> Streams:
        return Streams(self.control[:runs], self.treated[:runs])

    def parts(self, size: int = 500) -> list[Streams]:
        """In portions that fit into memory."""
        return [
            Streams(self.control[at : at + size], self.treated[at : at + size])
            for at in range(0, len(self.control), size)
        ]


@dataclass(frozen=True)
class Rival:
    """A method: judge(streams, claim) gives the participants at which the claim first fires, NEVER if it does not.

    most_runs: how many trials are affordable; None = all. note: how it was set. guarded: whether its type I error is meant
    to keep its limit under these looks. full: participants of a trial in which nothing fires.
    """

    name: str
    judge: Callable[[Streams, str], Integers]
    claims: tuple[str, ...] = ("benefit", "dud")
    most_runs: int | None = None
    note: str = ""
    guarded: bool = True
    full: int = MOST


def worthwhile_people(claim: str) -> float:
    """Participants that a worthwhile effect takes: 2 log(1/error) times the variance of a participant over δ*²."""
    return -2 * math.log(ERRORS[claim]) * 4 * PLAN.spread / PLAN.worthwhile**2


def draw(control: float, treated: float, runs: int, seed: int) -> Streams:
    """Seeded trials of MOST participants."""
    rng = np.random.default_rng([seed, round(1000 * treated)])
    shape = (runs, MOST // 2)
    return Streams(rng.random(shape, dtype=np.float32) < control, rng.random(shape, dtype=np.float32) < treated)


def first(reached: NDArray[np.bool_], step: int = 2) -> Integers:
    """Participants at the first look at which `reached`, (runs, looks); a look every `step` participants."""
    found = reached.argmax(axis=1)
    return np.where(reached.any(axis=1), (found + 1) * step, NEVER).astype(np.int64)


def by_run(path: Callable[[NDArray[np.float64]], NDArray[np.bool_]]) -> Callable[[Streams], Integers]:
    """A judge that takes one trial's differences, (pairs,), and tells at which pairs its claim is fired."""
    return lambda streams: first(np.array([path(row) for row in streams.difference]))


def installed() -> tuple[list[Rival], dict[str, str]]:
    """(rivals of the packages that are here, {package: why it has no row} of the others)."""
    found, absent = [], dict(WITHOUT_ROW)
    for name in ADAPTERS:
        adapter = import_module(f"{__name__}.{name}")
        try:
            release = version(adapter.PACKAGE)
        except PackageNotFoundError:
            absent[adapter.PACKAGE] = f"not installed; {adapter.HOW}"
            continue
        found += [
            Rival(f"{adapter.PACKAGE} {release}: {one.name}", one.judge, one.claims, one.most_runs, one.note)
            for one in adapter.rivals()
        ]
    return found, absent
