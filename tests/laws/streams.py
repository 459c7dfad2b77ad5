"""What the laws need: a design and participants for any registered kind, drawn from a seed."""

from dataclasses import replace

import numpy as np

from trials.outcomes import Kind
from trials.sequential import METHODS, Design, Method, Unit

# Every method with every kind that it judges, and several allocation ratios.
CASES = [(method, kind_name) for method in METHODS for kind_name in method.kinds]
RATIOS = [(1, 1), (2, 3)]


def design_for(kind: Kind, n_t: int = 1, n_c: int = 1, **changes: object) -> Design:
    """The kind's example plan on the unit scale."""
    plan = kind.example
    design = Design(
        n_t=n_t,
        n_c=n_c,
        baseline=kind.baseline_loss(plan),
        worthwhile=plan.worthwhile / kind.scale(plan),
        alpha=0.05,
        beta=0.10,
        spread=kind.spread(plan),
    )
    return replace(design, **changes)  # type: ignore[arg-type]


def losses(kind: Kind, mean: float, size: int, rng: np.random.Generator) -> np.ndarray:
    """Losses in [0, 1] with this mean; bounded ones pile up at the ends, as capped amounts do."""
    if kind.values == "binary":
        return (rng.random(size) < mean).astype(float)
    at_the_end = (rng.random(size) < 0.3).astype(float)
    ends = (rng.random(size) < mean).astype(float)
    return np.asarray(np.where(at_the_end == 1.0, ends, rng.beta(2 * mean, 2 * (1 - mean), size)))


def people(kind: Kind, design: Design, effect: float, size: int, seed: int, strata: int = 1) -> tuple[Unit, ...]:
    """Participants in the sealed order, arms at random by the design's ratio. effect: δ on the unit scale."""
    rng = np.random.default_rng(seed)
    treated = rng.random(size) < design.n_t / (design.n_t + design.n_c)
    control = losses(kind, design.baseline, size, rng)
    other = losses(kind, design.baseline - effect, size, rng)
    sites = rng.integers(strata, size=size)
    return tuple(
        Unit(f"site {sites[i]}", "t" if treated[i] else "c", float(other[i] if treated[i] else control[i]))
        for i in range(size)
    )


def run(method: Method, design: Design, units: tuple[Unit, ...]) -> dict:  # type: ignore[type-arg]
    return method.step(design, method.start(design), units)


def some_missing(units: tuple[Unit, ...]) -> tuple[Unit, ...]:
    """The same people, every seventh of them missing for good."""
    return tuple(Unit(unit.stratum, unit.arm, None) if i % 7 == 3 else unit for i, unit in enumerate(units))
