"""The faults that a simulated site's rows have, and how the site mends them."""

from __future__ import annotations

from datetime import date
from typing import Any

import numpy as np

from trials.errors import DataError
from trials.protocol import Protocol

UNMENDED = 0.10  # the share of faulty rows that no site ever mends
MEND_WEEKS = (1, 2)
LATE_CORRECTION_WEEKS = (1, 8)  # both sides of the usual correction window of 28 days


def sendings(
    params: dict[str, Any],
    protocol: Protocol,
    right: dict[str, str],
    week: int,
    random: np.random.Generator,
) -> tuple[list[tuple[int, dict[str, str]]], bool]:
    """The weeks and cells in which a row is sent: once, or with a fault and then mended. And: did it come right?"""
    has_outcome = right[protocol.primary.measure] != ""
    fault = draw_fault(params, has_outcome, random)
    mended_after = int(random.integers(*MEND_WEEKS, endpoint=True))
    corrected_after = int(random.integers(*LATE_CORRECTION_WEEKS, endpoint=True))
    unmended = random.random() < UNMENDED
    if fault is None:
        return [(week, right)], True
    if fault == "duplicate":
        return [(week, right), (week, right)], True
    wrong = spoilt(protocol, right, fault, random)
    if fault == "late_correction":
        return [(week, wrong), (week + corrected_after, right)], True
    if unmended:
        return [(week, wrong)], False
    return [(week, wrong), (week + mended_after, right)], True


def draw_fault(params: dict[str, Any], has_outcome: bool, random: np.random.Generator) -> str | None:
    """The fault of one row, at the parameters' rates; None for most. Only an outcome can be wrong or out of range."""
    rates = {name: rate for name, rate in params["data_errors_per_row"].items() if name != "basis"}
    place = random.random()
    for name, rate in rates.items():
        if place < rate:
            return None if name in ("out_of_range", "late_correction") and not has_outcome else name
        place -= rate
    return None


def spoilt(protocol: Protocol, right: dict[str, str], fault: str, random: np.random.Generator) -> dict[str, str]:
    """The row with its fault. Every fault but late_correction is one that the checks can see.

    Before somebody is in the register nothing shows that a known arm or a new id is wrong. So an enrolment gets an
    arm that does not exist, or no id; an outcome gets the other arm, or an id with its last digit typed twice.
    """
    measure = protocol.primary.measure
    has_outcome = right[measure] != ""
    if fault == "bad_date":
        column = "observed_on" if has_outcome else "enrolled_on"
        day = date.fromisoformat(right[column])
        excel_serial = str((day - date(1899, 12, 30)).days)
        return {**right, column: f"{day:%d/%m/%Y}" if random.random() < 0.5 else excel_serial}
    if fault == "out_of_range":
        return {**right, measure: "2" if random.random() < 0.5 else "9"}
    if fault == "wrong_arm":
        other = next(arm.id for arm in protocol.arms if arm.id != right["arm"])
        return {**right, "arm": other if has_outcome else "pilot"}
    if fault == "unknown_id":
        name = right["participant_id"]
        return {**right, "participant_id": name + name[-1] if has_outcome else ""}
    if fault == "late_correction":
        return {**right, measure: "0" if right[measure] == "1" else "1"}
    raise DataError(
        f'data_errors_per_row has the fault "{fault}", must be one of bad_date, duplicate, late_correction, '
        "out_of_range, unknown_id, wrong_arm."
    )
