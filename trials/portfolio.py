"""A programme's trials together: which of the ideas that seem to help may be carried on, few of them wrongly? e-BH.

Guarantee: the expected share of useless ideas among those picked is ≤ q, whatever the trials have in common (Wang &
Ramdas, 2022, JRSS B 84:822-852), when each trial is judged when its claim fired, or now. Each trial's own verdict
controls its own error; over fifty trials of useless ideas two or three would still be promoted.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

from trials.evidence import Claim
from trials.sequential.multiple import e_bh


@dataclass(frozen=True, slots=True)
class Judged:
    """A trial and the claim of benefit that it is judged by: of the look that its closing decision rests on, or else of the
    newest look, as far as the reader may see it; None while none may be shown. post_decision: looks came after the decision,
    which count for nothing here."""

    trial: str
    claim: Claim | None
    state: str = "sealed"
    post_decision: bool = False


@dataclass(frozen=True, slots=True)
class Standing:
    """One trial in the portfolio. log_e: of benefit, at the time when it fired or now; None while nothing may be told, which
    counts as 0. picked: whether e-BH carries it. state, post_decision: as of `Judged`."""

    trial: str
    log_e: float | None
    fired: bool
    picked: bool
    state: str = "sealed"
    post_decision: bool = False


def carried(trials: Sequence[Judged], q: float, others: int = 0) -> tuple[Standing, ...]:
    """Each trial's standing at false discovery rate q, strongest first. Raises DataError unless 0 < q < 1.

    others: trials that the reader may not see; they are in the family all the same, as trials without evidence, so that seeing
    less never picks more.
    """
    logs = [None if one.claim is None else stopped_log_e(one.claim) for one in trials]
    family = e_bh([*(log or 0.0 for log in logs), *[0.0] * others], q)
    found = [
        Standing(one.trial, log, one.claim is not None and one.claim.fired, picked, one.state, one.post_decision)
        for one, log, picked in zip(trials, logs, family[: len(logs)], strict=True)
    ]
    return tuple(sorted(found, key=lambda one: (-(one.log_e or 0.0), one.trial)))


def stopped_log_e(claim: Claim) -> float:
    """log of an e-value for the claim: what it held when it fired (at least its threshold), else what it holds now.

    The highest value ever is not an e-value. Of planned looks the p-value, fired or not, is calibrated to p^(−1/2)/2 (Vovk &
    Wang, 2021, Ann. Stat. 49:1736-1754, equation 1). Nothing to say counts as 1.
    """
    if claim.log_e is None:
        return 0.0 if claim.p is None else -math.log(2) - math.log(max(claim.p, 1e-300)) / 2
    return math.log(claim.threshold) if claim.fired else claim.log_e
