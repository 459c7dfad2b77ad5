"""What the tests of real trials ask of each of them."""

from __future__ import annotations

from collections import defaultdict

from tests.real.endings import Ending
from tests.real.loading import Trial, judged
from trials.evidence import Comparison, Look
from trials.planning import admit


def by_arm(trial: Trial) -> dict[str, list[float]]:
    """Each arm's known outcomes."""
    values: dict[str, list[float]] = defaultdict(list)
    for member in trial.members:
        if member.value is not None:
            values[member.arm].append(member.value)
    return values


def comparisons(trial: Trial, look: Look) -> tuple[Comparison, ...]:
    """Each treated arm against the control; one in a trial of two arms."""
    arm = trial.protocol.treatments[0].id
    return look.comparisons or (Comparison(arm, look.claims, look.estimate, look.interval),)


def ends_as_written(ending: Ending, trial: Trial) -> None:
    admit(trial.protocol)
    look = judged(trial)
    found = comparisons(trial, look)
    fired = {(one.arm, name) for one in found for name, claim in one.claims.items() if claim.fired}
    assert (look.verdict, fired) == (ending.verdict, set(ending.fired)), look.sentence
    assert (look.enrolled, look.n + look.missing) == (len(trial.members), len(trial.members))
    for one in found:
        low, high = one.interval
        assert low is not None
        assert high is not None
        star = trial.protocol.primary.worthwhile
        # An interval never contradicts the claims that its bets have fired.
        assert (low >= 0) == one.claims["benefit"].fired
        assert (high <= star * (1 + 1e-12)) == one.claims["dud"].fired
