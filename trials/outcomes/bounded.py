"""What scores and amounts have in common: a value within [low, high] of the plan, as a loss in [0, 1]."""

from __future__ import annotations

from trials.errors import ProtocolError
from trials.outcomes.kind import finite
from trials.protocol import Primary


def bounds(primary: Primary) -> tuple[float, float]:
    """The plan's bounds. Raises ProtocolError when there are none."""
    if primary.bounds is None:
        raise ProtocolError(
            f"primary.bounds is missing, must be given for the kind {primary.kind}: evidence stays valid at every look only "
            "for values that have a limit, as without one a single huge value could decide the trial. Write bounds: [0, 25000]."
        )
    return primary.bounds


def check_plan(primary: Primary) -> None:
    """Raises ProtocolError when bounds are missing or leave no room for the baseline or the worthwhile effect."""
    low, high = bounds(primary)
    if not low < primary.baseline < high:
        raise ProtocolError(
            f"primary.baseline == {primary.baseline:g}, must lie inside primary.bounds [{low:g}, {high:g}]. Widen the bounds."
        )
    room = primary.baseline - low if primary.better == "lower" else high - primary.baseline
    if primary.worthwhile >= room:
        raise ProtocolError(
            f"primary.worthwhile == {primary.worthwhile:g}, must be < {room:g}: from a baseline of {primary.baseline:g} it "
            f"would leave the bounds [{low:g}, {high:g}]. Name the smallest improvement worth having, or widen the bounds."
        )
    if primary.sd is not None and primary.sd > (high - low) / 2:
        raise ProtocolError(
            f"primary.sd == {primary.sd:g}, must be ≤ {(high - low) / 2:g}: nothing inside the bounds varies more."
        )


def to_loss(primary: Primary, value: float) -> float:
    """The value, winsorised to the bounds, on the unit scale where lower is better."""
    low, high = bounds(primary)
    share = (min(max(finite(primary, value), low), high) - low) / (high - low)
    return share if primary.better == "lower" else 1.0 - share


def width(primary: Primary) -> float:
    low, high = bounds(primary)
    return high - low


def baseline_loss(primary: Primary) -> float:
    return to_loss(primary, primary.baseline)


def spread(primary: Primary) -> float:
    """(sd / range)^2, or half the largest variance that a mean of this size allows when no sd is given."""
    if primary.sd is not None:
        return (primary.sd / width(primary)) ** 2
    mean = baseline_loss(primary)
    return mean * (1 - mean) / 2
