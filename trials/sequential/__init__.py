"""Sequential methods. Adding one is a file beside these and a line in METHODS; the laws in tests/laws run on it unasked."""

from __future__ import annotations

from trials.errors import ProtocolError
from trials.sequential import (
    binary_mixture,
    block_likelihood,
    bounded_mixture,
    count_mixture,
    group_sequential,
    logrank_mixture,
    normal_mixture,
    one_arm_binary,
    one_arm_bounded,
    one_arm_count,
    one_arm_time,
)
from trials.sequential.design import Design, Method, Reading, Unit

# In the order in which `anytime` chooses among those that judge a plan.
METHODS: list[Method] = [
    binary_mixture.METHOD,
    bounded_mixture.METHOD,
    count_mixture.METHOD,
    block_likelihood.COUNT_BLOCK,
    block_likelihood.AMOUNT_LOGNORMAL,
    logrank_mixture.METHOD,
    one_arm_binary.METHOD,
    one_arm_bounded.METHOD,
    one_arm_count.METHOD,
    one_arm_time.METHOD,
    normal_mixture.METHOD,
    group_sequential.METHOD,
]

# A cluster's value is the mean of its people, so it lies on a scale with ends.
OF_CLUSTERS = ("score", "amount")

__all__ = ["METHODS", "Design", "Method", "Reading", "Unit", "method_for"]


def method_for(monitoring: str, kind: str, *, design: str = "two_arm", unit: str = "person") -> Method:
    """The method that judges a kind under the plan's `monitoring.method`: 'anytime', or a method's own name.

    design: 'two_arm' or 'one_arm' (several arms are compared two by two). unit: 'person' or 'cluster'.
    Raises ProtocolError when there is none.
    """
    if unit == "cluster" and kind not in OF_CLUSTERS:
        raise ProtocolError(
            f'unit == "cluster", must be person for the kind {kind}: a method for individuals would count people who were '
            "allocated together as if each had been drawn alone. Write one row per cluster with its people's mean or share, "
            "kind: score and bounds: [0, 1]."
        )
    possible = [m for m in METHODS if kind in m.kinds and design in m.designs and unit in m.units]
    anytime = [method for method in possible if method.evidence == "bets" and not method.asymptotic]
    fitting = anytime if monitoring == "anytime" else [method for method in possible if method.name == monitoring]
    if not fitting:
        known = [*(["anytime"] if anytime else []), *(method.name for method in possible)]
        raise ProtocolError(
            f'monitoring.method == "{monitoring}", must be one of {", ".join(known) or "none"} for the kind {kind} with design '
            f"{design} and unit {unit}. Write anytime."
        )
    return fitting[0]
