"""What a fixed-size test of so many people finds: the yardstick of the gate, whatever method the plan then watches with.

Shares of up to `exact_size.MOST` people: the exact test (Fisher's, or in one arm the binomial one), so that what is said of a
small trial holds for it. All else: the normal approximation of `trials.sequential.operating.fixed_size`. Several arms: the
first's comparison, at alpha/K (Bonferroni). People are participants of the whole trial, effects in the measure's own unit.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, replace

from trials.comparing import design_of
from trials.outcomes import kind_named
from trials.protocol import Protocol
from trials.sequential.design import Design
from trials.sequential.operating import exact_size
from trials.sequential.operating import fixed_size as fixed
from trials.sequential.operating.truths import limits

_SMALLEST = 1e-9
MOST_PEOPLE = 10_000_000


def compared(protocol: Protocol) -> tuple[Design, float]:
    """The first arm's comparison, and the share of the planned people that it compares."""
    arm = protocol.treatments[0]
    mine = arm.allocation + (0 if protocol.control is None else protocol.control.allocation)
    return design_of(protocol), mine / sum(other.allocation for other in protocol.arms)


def fixed_size(protocol: Protocol) -> tuple[int, float | None]:
    """Participants that a fixed-size trial needs for the worthwhile effect, and the effect that the planned number finds.

    With power 1 − beta and by the normal approximation throughout, as reference programs have it. The latter is None when
    even the largest effect that the baseline leaves room for needs more people.
    """
    design, share = compared(protocol)
    design = replace(design, alpha=design.alpha / len(protocol.treatments))
    found = fixed.detectable(design, protocol.monitoring.max_participants * share)
    own = None if found is None else kind_named(protocol.primary.kind).to_effect(protocol.primary, found)
    return math.ceil(fixed.needed(design, design.worthwhile) / share - 1e-9), own


@dataclass(frozen=True, slots=True)
class Reach:
    """One plan's comparison, ready to be asked. share: of the planned people that it compares. alpha: of the whole trial."""

    protocol: Protocol
    design: Design
    share: float

    @property
    def alpha(self) -> float:
        return self.design.alpha * len(self.protocol.treatments)

    def at(self, alpha: float) -> Reach:
        """The same with another alpha."""
        return replace(self, design=replace(self.design, alpha=alpha / len(self.protocol.treatments)))

    def power(self, people: float, effect: float | None = None) -> float:
        """P(the test finds the effect | it is true); the worthwhile one if none is named. Never falls in people or effect.

        Never below alpha: below it an approximation says nothing more.
        """
        primary = self.protocol.primary
        own = primary.worthwhile if effect is None else effect
        return self._power(people * self.share, kind_named(primary.kind).from_effect(primary, own))

    def finds(self, people: float, power: float) -> float | None:
        """The smallest effect found with this power (> alpha); None when even the largest possible isn't."""
        from scipy.optimize import brentq

        most = limits(self.design)[1] * (1 - _SMALLEST)
        low = _SMALLEST * self.design.worthwhile

        def short(effect: float) -> float:
            return self._power(people * self.share, effect) - power

        if short(most) < 0:
            return None
        found = low if short(low) >= 0 else float(brentq(short, low, most, rtol=1e-9))
        primary = self.protocol.primary
        return kind_named(primary.kind).to_effect(primary, found)

    def needs(self, power: float) -> int | None:
        """The fewest people with whom the worthwhile effect is found with this power; None when not even MOST_PEOPLE do."""
        low, high = 0, 2
        while self.power(high) < power:
            low, high = high, 2 * high
            if low > MOST_PEOPLE:
                return None
        while high - low > 1:
            middle = (low + high) // 2
            low, high = (low, middle) if self.power(middle) >= power else (middle, high)
        return high

    def _power(self, participants: float, effect: float) -> float:
        """The same for the compared participants, the effect on the method's scale."""
        if exact_size.fits(self.design, participants):
            return exact_size.power(self.design, participants, effect)
        by_formula = _by_formula(self.design, participants, effect)
        if self.design.values != "binary":
            return by_formula
        # Where the exact test hands over to the approximation, the latter must not promise less to more people.
        return max(by_formula, exact_size.power(self.design, exact_size.MOST, effect))


def reach_of(protocol: Protocol) -> Reach:
    """The plan's own comparison at its own alpha. Raises ProtocolError when the plan can't be judged."""
    design, share = compared(protocol)
    return Reach(protocol, design, share).at(design.alpha)


def _by_formula(design: Design, participants: float, effect: float) -> float:
    """1 − beta at which `fixed_size.needed` asks for just so many participants."""
    from scipy.optimize import brentq

    most = limits(design)[1] * (1 - _SMALLEST)
    effect = min(effect, most)

    def missing(beta: float) -> float:
        return fixed.needed(replace(design, beta=beta), effect) - participants

    low, high = 1e-12, 1 - design.alpha - 1e-9
    if missing(low) <= 0:
        return 1.0 - low
    if missing(high) >= 0:
        return design.alpha
    return 1.0 - float(brentq(missing, low, high, xtol=1e-12))
