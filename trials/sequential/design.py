"""What a sequential method needs to know of a plan. On the unit scale: losses in [0, 1], lower is better.

δ = μ_C − μ_T is the effect: positive = the treated do better. All methods here share these frozen values.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Literal

from trials.evidence import Claim

# Where the bets look, in worthwhile effects δ*, and how much of the stake each holds (EVIDENCE: docs/statistics.md,
# "Defaults"). Benefit and harm are mirror images; dud bets on truths below δ*.
BENEFIT_TRUTHS, BENEFIT_WEIGHTS = (0.5, 1.0, 1.5, 2.0, 3.0), (0.1, 0.4, 0.25, 0.15, 0.1)
DUD_TRUTHS, DUD_WEIGHTS = (0.5, 0.0, -0.5, -1.0, -1.5), (0.15, 0.45, 0.2, 0.1, 0.1)
# With several strata each keeps its own mixture, and part of its stake out of play.
IDLE_WEIGHT = 0.25


@dataclass(frozen=True, slots=True)
class Design:
    """A two-arm plan on the unit scale.

    n_t, n_c: treated and control participants in one block (1, 1 = pairs).
    baseline: mean loss expected without the idea. worthwhile: δ* > 0. spread: guessed variance of one value.
    several: whether there is more than one stratum (site).
    """

    n_t: int
    n_c: int
    baseline: float
    worthwhile: float
    alpha: float
    beta: float
    spread: float
    several: bool = False


@dataclass(frozen=True, slots=True)
class Unit:
    """One participant in the sealed order: stratum (site), arm ('t' or 'c'), loss in [0, 1]; None = missing for good.

    A missing participant keeps their place, and the block that they are in is left out whole. Were the others moved up,
    unequal missingness would pair people who joined at different times, and a drifting base rate look like an effect.
    """

    stratum: str
    arm: Literal["t", "c"]
    loss: float | None


@dataclass(frozen=True, slots=True)
class Reading:
    """What a method says now, on the unit scale.

    low, high: the confidence sequence. P(low ever exceeds δ) ≤ alpha; P(high ever falls below δ) ≤ beta for δ ≥ 0 and
    ≤ alpha for δ < 0: above 0 the upper end inverts the bets of dud, below 0 those of harm. So low ≥ 0 exactly when
    benefit fired, high ≤ δ* exactly when dud did, high ≤ 0 when harm did and < 0 only then. Both None when the ends
    have crossed, which says that the effect was not the same all along.
    """

    claims: dict[str, Claim]
    low: float | None
    high: float | None
    blocks: int


@dataclass(frozen=True, slots=True)
class Method:
    """One sequential method: three pure functions over frozen values. State is what `json.dumps` takes.

    guarantee: the promise as a probability, with its assumption; shown in docs and checked by the laws.
    start(design) -> state; step(design, state, units) -> state; read(design, state) -> Reading.
    """

    name: str
    kinds: tuple[str, ...]
    guarantee: str
    start: Callable[[Design], dict[str, Any]]
    step: Callable[[Design, dict[str, Any], tuple[Unit, ...]], dict[str, Any]]
    read: Callable[[Design, dict[str, Any]], Reading]
