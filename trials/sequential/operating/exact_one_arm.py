"""Exact operating characteristics of one arm against a benchmark on binary outcomes. No simulation.

How such a trial stands is fixed by the number of participants and of losses among them; the distribution of the losses is
carried from participant to participant, and what has crossed leaves it (Wald, 1947, "Sequential Analysis", ch. 3).
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

from trials.errors import DataError
from trials.sequential import one_arm_binary
from trials.sequential.bets import log_mixture
from trials.sequential.design import Design
from trials.sequential.operating.exact import Exact
from trials.sequential.operating.sprt import advanced
from trials.sequential.peers.arguments import Floats, share, whole

# Which claim a trial is said to have ended with when several fire at once.
BEFORE = ("breach", "harm", "dud", "benefit")


@dataclass(frozen=True, slots=True)
class Endings:
    """chances: P(this claim is the first to fire), harm before dud before benefit. participants: mean until then."""

    chances: dict[str, float]
    participants: float


def claim(design: Design, name: str, *, truth: float, participants: int) -> Exact:
    """The exact chance that a claim ever fires, and when, with everybody looking after every participant.

    truth: true share of losses, in [0, 1]. Cost O(participants^2). Raises DataError; also for several strata.
    """
    found = _carried(design, (name,), truth, participants)
    return Exact(found.chances[name], found.participants)


def endings(design: Design, *, truth: float, participants: int) -> Endings:
    """How the trial ends if people leave it at the first claim. Arguments and errors as for `claim`."""
    names = tuple(name for name in BEFORE if name in one_arm_binary.sides(design))
    return _carried(design, names, truth, participants)


def growth(design: Design, name: str, truth: float) -> float:
    """KL(truth ‖ the null's edge) per participant: log(1/error) over it is the floor of expected participants.

    Wald's inequality: no test with this error and power 1 needs fewer on average. Raises DataError.
    """
    side = one_arm_binary.sides(design)[name]
    edge = one_arm_binary.null_share(design, side, side.margin)
    p = share("truth", 1.0 - truth if side.swapped else truth)
    return p * math.log(p / edge) + (1 - p) * math.log((1 - p) / (1 - edge))


def _carried(design: Design, names: tuple[str, ...], truth: float, participants: int) -> Endings:
    one_arm_binary.admit(design)
    if design.several:
        raise DataError(
            f"several == {design.several}, must be False: exact figures are for one stratum. Simulate instead."
        )
    truth, most = share("truth", truth), whole("participants", participants, least=1)
    alive, mean = np.array([1.0]), []
    chances: dict[str, list[float]] = {name: [] for name in names}
    for n in range(1, most + 1):
        mean.append(math.fsum(alive))
        alive = advanced(alive, truth)
        for name in names:
            fires = _log_e(design, name, n) >= -math.log(one_arm_binary.sides(design)[name].error)
            chances[name].append(math.fsum(alive[fires]))
            alive[fires] = 0.0
    return Endings({name: math.fsum(found) for name, found in chances.items()}, math.fsum(mean))


def _log_e(design: Design, name: str, n: int) -> Floats:
    """log E after n participants, by number of losses among them: shape (n + 1,)."""
    pay, losses = one_arm_binary.tables(design)[name], np.arange(n + 1)
    logs = pay[:, :1] * (n - losses) + pay[:, 1:] * losses
    return log_mixture(logs, one_arm_binary.sides(design)[name].weights)
