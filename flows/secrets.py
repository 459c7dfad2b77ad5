"""Secrets that a source needs, by name: the environment first, then Prefect's Secret blocks. Never logged, never in a plan.

`hospital_api` is ROADTEST_SECRET_HOSPITAL_API in the environment, or the Secret block `hospital-api`.
"""

from __future__ import annotations

import os
import sys
from typing import Any

from trials.errors import SourceError


def secret_named(name: str) -> str:
    """The value of a secret. Raises SourceError with the two places where it may stand, never with a value.

    Prefect is asked where it is at hand: in a running flow, or where PREFECT_API_URL names its server. A command that
    needs neither starts no server for it.
    """
    variable, block = variable_of(name), block_of(name)
    found = os.environ.get(variable)
    if found is None and _at_hand():
        found = _in_block(name, block)
    if not found:
        state = "is not set" if found is None else "is empty"
        raise SourceError(
            f"source.secret == '{name}' {state}, must be in the environment ({variable}) or in Prefect's Secret block "
            f"'{block}'."
        )
    return found


def variable_of(name: str) -> str:
    """The environment's name of a secret."""
    return f"ROADTEST_SECRET_{name.upper().replace('-', '_')}"


def block_of(name: str) -> str:
    """The name of a secret's block; Prefect allows lower-case letters, digits and hyphens."""
    return name.lower().replace("_", "-")


def _at_hand() -> bool:
    """Whether Prefect can be asked without starting a server of its own. Nothing is imported to find out."""
    if os.environ.get("PREFECT_API_URL"):
        return True
    if "prefect" not in sys.modules:
        return False
    from prefect.context import FlowRunContext, TaskRunContext
    from prefect.settings import PREFECT_API_URL

    running = FlowRunContext.get() is not None or TaskRunContext.get() is not None
    return running or bool(PREFECT_API_URL.value())


def _in_block(name: str, block: str) -> str | None:
    """The text in the block, None where there is no such block.

    Raises SourceError when Prefect can't be asked, or the block holds no text.
    """
    from prefect.blocks.system import Secret
    from prefect.exceptions import ObjectNotFound

    try:
        loaded: Any = Secret.load(block, _sync=True)  # type: ignore[call-arg]
        value = loaded.value.get_secret_value()
    except Exception as error:  # noqa: BLE001 - connection, server, content: whatever fails, the secret can't be had
        if isinstance(error.__cause__, ObjectNotFound):
            return None
        raise SourceError(  # without the error's own words: they may hold what could not be understood
            f"source.secret == '{name}' can't be looked up in Prefect's Secret block '{block}' ({type(error).__name__})."
            f" Try again, or set {variable_of(name)}."
        ) from None
    # Secret.get() would make a number of "0042".
    if not isinstance(value, str):
        raise SourceError(f"Prefect's Secret block '{block}' must hold text. Write the value in quotes.")
    return value
