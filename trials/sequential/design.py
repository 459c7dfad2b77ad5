"""What a sequential method needs to know of a plan, and what a method is. Frozen values that all methods share.

Losses are on the unit scale: in [0, 1], lower is better, δ = μ_C − μ_T, so positive = the treated do better. Counts and
times reach their methods raw (events with exposure, time with an event flag), and δ is a difference of rates or
−log(hazard ratio).
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Literal

from trials.evidence import Claim

State = dict[str, Any]
Values = Literal["binary", "bounded", "count", "time"]

# Where the bets look, in worthwhile effects δ*, and how much of the stake each holds (docs/statistics.md, "Defaults").
# The weights were sought with exact figures over base rates of .1 to .6 (docs/statistics.md, "What it reaches").
# Benefit and harm are mirror images; dud bets on truths below δ*; a guardrail's bets lie beyond its margin.
BENEFIT_TRUTHS, BENEFIT_WEIGHTS = (0.5, 1.0, 1.5, 2.0, 3.0), (0.03, 0.42, 0.45, 0.06, 0.04)
DUD_TRUTHS, DUD_WEIGHTS = (0.5, 0.0, -0.5, -1.0, -1.5), (0.03, 0.52, 0.38, 0.03, 0.04)
# With several strata each keeps its own mixture, and part of its stake out of play.
IDLE_WEIGHT = 0.25
MANY_STRATA = 12


@dataclass(frozen=True, slots=True)
class Design:
    """A comparison as its method sees it.

    n_t, n_c: treated and control participants in one block (1, 1 = pairs; 1, 0 = one arm against its benchmark).
    window: participants of a stratum after whom those who found no block are put aside (0 = never), where blocks are of
    another shape than the allocation: so nobody is matched with somebody who joined much earlier.
    baseline: mean loss expected without the idea, or the benchmark; for counts a rate per unit of exposure; for times
    the share of people with an event by the end of follow-up.
    worthwhile: δ* > 0. spread: guessed variance of one value; for counts, of one person's count over its mean.
    several: whether there is more than one stratum (site); many: more than MANY_STRATA, so that only one bet over all
    of them is laid.
    values: what units hold. higher: for counts and times, whether more events are better (losses have been turned).
    cap: for counts, the rate at which a person's is capped; for times in one arm, the end of follow-up. grain: for times in
    one arm, the steps in which they are recorded (0 = exactly). cohort: for times, people compared among themselves.
    margin: > 0 for a guardrail: the one claim is then 'breach', H0: δ ≥ −margin.
    most: planned participants. looks, spending, spending_parameter, futility: for group sequential methods.
    """

    n_t: int
    n_c: int
    baseline: float
    worthwhile: float
    alpha: float
    beta: float
    spread: float
    several: bool = False
    many: bool = False
    values: Values = "binary"
    higher: bool = False
    cap: float = 1.0
    cohort: int = 20
    grain: float = 0.0
    margin: float = 0.0
    window: int = 0
    most: int = 0
    looks: tuple[float, ...] = ()
    spending: str = ""
    spending_parameter: float | None = None
    futility: str = ""


@dataclass(frozen=True, slots=True)
class Unit:
    """One participant (or cluster) in the sealed order: stratum (site), arm, value; loss None = missing for good.

    loss: in [0, 1] for binary and bounded values; for counts the number of events; for times the time at risk.
    companion: for counts the exposure (> 0), for times 1 = event and 0 = censored; else without meaning.
    A missing participant keeps their place, and the block that they are in is left out whole. Were the others moved up,
    unequal missingness would pair people who joined at different times, and a drifting base rate look like an effect.
    """

    stratum: str
    arm: Literal["t", "c"]
    loss: float | None
    companion: float = 1.0


@dataclass(frozen=True, slots=True)
class Mark:
    """The evidence right after unit number `at` of those handed to `trace`: log E by claim. people: with an outcome so far."""

    at: int
    people: int
    logs: dict[str, float]


@dataclass(frozen=True, slots=True)
class Reading:
    """What a method says now, on the method's scale.

    low, high: the confidence sequence. P(low ever exceeds δ) ≤ alpha; P(high ever falls below δ) ≤ beta for δ ≥ 0 and
    ≤ alpha for δ < 0: above 0 the upper end inverts the bets of dud, below 0 those of harm. So low ≥ 0 exactly when
    benefit fired, high ≤ δ* exactly when dud did, high ≤ 0 when harm did and < 0 only then. Both None when the ends
    have crossed, which says that the effect was not the same all along.
    blocks: blocks, cohorts or looks that count. estimate: the method's own estimate of δ, where the difference of the
    arms' means is not one.
    """

    claims: dict[str, Claim]
    low: float | None
    high: float | None
    blocks: int
    estimate: float | None = None


Step = Callable[[Design, State, tuple[Unit, ...]], State]
Trace = Callable[[Design, State, tuple[Unit, ...]], tuple[State, tuple[Mark, ...]]]


def admit_any(design: Design) -> None:
    """The rule of a method that judges every design of its kinds."""


@dataclass(frozen=True, slots=True)
class Method:
    """One sequential method: three pure functions over frozen values. State is what `json.dumps` takes.

    guarantee: the promise as a probability, with its assumption; shown in docs and checked by the laws.
    start(design) -> state; step(design, state, units) -> state; read(design, state) -> Reading.
    trace: step that also tells log E after each block, so that several comparisons can be judged together.
    designs, units: the designs ('two_arm', 'one_arm') and units ('person', 'cluster') that it judges; several arms are
    families of two-arm comparisons. admit(design): raises ProtocolError when it can't judge this one validly.
    asymptotic: whether the promise holds only as numbers grow. evidence: 'bets' have log E; 'boundaries' a z score at
    planned looks, no log E.
    """

    name: str
    kinds: tuple[str, ...]
    guarantee: str
    start: Callable[[Design], State]
    step: Step
    read: Callable[[Design, State], Reading]
    trace: Trace | None = None
    designs: tuple[str, ...] = ("two_arm",)
    units: tuple[str, ...] = ("person",)
    admit: Callable[[Design], None] = admit_any
    asymptotic: bool = False
    evidence: Literal["bets", "boundaries"] = "bets"
