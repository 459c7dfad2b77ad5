"""Sequential methods. Adding one is a file beside these and a line in METHODS; the laws in tests/laws run on it unasked."""

from __future__ import annotations

from trials.errors import ProtocolError
from trials.sequential import binary_mixture, bounded_mixture
from trials.sequential.design import Design, Method, Reading, Unit

METHODS: list[Method] = [binary_mixture.METHOD, bounded_mixture.METHOD]

__all__ = ["METHODS", "Design", "Method", "Reading", "Unit", "method_for"]


def method_for(monitoring: str, kind: str) -> Method:
    """The method that judges a kind under the plan's `monitoring.method`: 'anytime', or a method's own name.

    Raises ProtocolError when there is none.
    """
    fitting = [method for method in METHODS if kind in method.kinds and monitoring in ("anytime", method.name)]
    if not fitting:
        known = ["anytime", *(method.name for method in METHODS if kind in method.kinds)]
        raise ProtocolError(
            f'monitoring.method == "{monitoring}", must be one of {", ".join(known)} for the kind {kind}. Write anytime.'
        )
    return fitting[0]
