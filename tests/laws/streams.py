"""What the laws need: a design and participants for any registered kind and method, drawn from a seed."""

from dataclasses import dataclass, replace

import numpy as np

from trials.errors import ProtocolError
from trials.outcomes import Kind, kind_named
from trials.sequential import METHODS, Design, Method, Unit

# (treated, control) per block: pairs, unequal blocks, one arm against its benchmark.
SHAPES = [(1, 1), (2, 3), (1, 0)]
FOLLOW_UP = 1.0


def design_for(kind: Kind, n_t: int = 1, n_c: int = 1, **changes: object) -> Design:
    """The kind's example plan as its method sees it."""
    plan = kind.example
    design = Design(
        n_t=n_t,
        n_c=n_c,
        baseline=kind.baseline_loss(plan),
        worthwhile=kind.from_effect(plan, plan.worthwhile),
        alpha=0.05,
        beta=0.10,
        spread=kind.spread(plan),
        values=kind.values,
        cap=FOLLOW_UP if kind.values == "time" or plan.bounds is None else plan.bounds[1],
        cohort=10,
        grain=0.01,
        most=400,
        looks=(0.25, 0.5, 0.75, 1.0),
        spending="obrien-fleming",
        futility="obrien-fleming",
    )
    return replace(design, **changes)  # type: ignore[arg-type]


@dataclass(frozen=True)
class Case:
    """A method with a kind that it judges and a shape of block that it admits."""

    method: Method
    kind: Kind
    n_t: int
    n_c: int

    def __str__(self) -> str:
        return f"{self.method.name}-{self.kind.name}-{self.n_t}:{self.n_c}"

    def design(self, **changes: object) -> Design:
        return design_for(self.kind, **{"n_t": self.n_t, "n_c": self.n_c, **changes})  # type: ignore[arg-type]

    @property
    def two_arms(self) -> bool:
        return self.n_c > 0

    @property
    def bets(self) -> bool:
        return self.method.evidence == "bets"

    @property
    def waits(self) -> int:
        """Participants before anything can be said, at most."""
        return 3 * self.design().cohort if self.kind.values == "time" else 40 * (self.n_t + self.n_c)


def _admitted(method: Method, kind: Kind, n_t: int, n_c: int) -> bool:
    if ("one_arm" if n_c == 0 else "two_arm") not in method.designs:
        return False
    try:
        method.admit(design_for(kind, n_t, n_c))
    except ProtocolError:
        return False
    return True


CASES = [
    Case(method, kind_named(name), n_t, n_c)
    for method in METHODS
    for name in method.kinds
    for n_t, n_c in SHAPES
    if _admitted(method, kind_named(name), n_t, n_c)
]


def losses(kind: Kind, mean: float, size: int, rng: np.random.Generator) -> np.ndarray:
    """Losses in [0, 1] with this mean; bounded ones pile up at the ends, as capped amounts do."""
    if kind.values == "binary":
        return (rng.random(size) < mean).astype(float)
    at_the_end = (rng.random(size) < 0.3).astype(float)
    ends = (rng.random(size) < mean).astype(float)
    return np.asarray(np.where(at_the_end == 1.0, ends, rng.beta(2 * mean, 2 * (1 - mean), size)))


def values(
    kind: Kind, design: Design, effect: float, size: int, rng: np.random.Generator
) -> tuple[np.ndarray, np.ndarray]:
    """(loss, companion) of people on whom the idea has this effect, on the method's scale."""
    if kind.values == "count":
        exposure = rng.uniform(0.5, 1.5, size)
        return rng.poisson((design.baseline - effect) * exposure).astype(float), exposure
    if kind.values == "time":
        hazard = -np.log1p(-design.baseline) / FOLLOW_UP * np.exp(-effect)
        time = rng.exponential(1 / hazard, size)
        return np.minimum(time, FOLLOW_UP), (time <= FOLLOW_UP).astype(float)
    return losses(kind, design.baseline - effect, size, rng), np.ones(size)


def people(kind: Kind, design: Design, effect: float, size: int, seed: int, strata: int = 1) -> tuple[Unit, ...]:
    """Participants in the sealed order, arms at random by the design's ratio. effect: δ on the method's scale."""
    rng = np.random.default_rng(seed)
    treated = rng.random(size) < design.n_t / (design.n_t + design.n_c)
    control, other = (values(kind, design, delta, size, rng) for delta in (0.0, effect))
    sites = rng.integers(strata, size=size)
    return tuple(
        Unit(
            f"site {sites[i]}",
            "t" if treated[i] else "c",
            float((other if treated[i] else control)[0][i]),
            float((other if treated[i] else control)[1][i]),
        )
        for i in range(size)
    )


def run(method: Method, design: Design, units: tuple[Unit, ...]) -> dict:  # type: ignore[type-arg]
    return method.step(design, method.start(design), units)


def some_missing(units: tuple[Unit, ...]) -> tuple[Unit, ...]:
    """The same people, every seventh of them missing for good."""
    return tuple(replace(unit, loss=None) if i % 7 == 3 else unit for i, unit in enumerate(units))
