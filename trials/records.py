"""The values that travel from a source to the ledger. Frozen; no behaviour beyond what their names say."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, date, datetime
from typing import Literal

Action = Literal["accept", "accept_with_warning", "quarantine_rows", "reject_batch"]

# The columns every delivery may have, beside the one named after the protocol's primary measure.
IDENTITY_COLUMNS = ("participant_id", "site", "arm", "enrolled_on", "entry_order", "observed_on")


# The time of a delivery of which nobody knows when it was sent: a finished data set, loaded whole. Its outcomes count as
# known on the day on which their follow-up closed.
ON_TIME = datetime(1970, 1, 1, tzinfo=UTC)


@dataclass(frozen=True, slots=True)
class Row:
    """One data record as it was delivered: text by column name, blanks kept. row_no is 1-based, header not counted."""

    row_no: int
    cells: dict[str, str]


@dataclass(frozen=True, slots=True)
class Delivery:
    """One batch of rows from a source, before anyone judged it.

    `problem` is set when the file could not be read with certainty: the batch is then refused whole, with that
    sentence. `repairs` are the lossless repairs the reader made and reports (a byte-order mark, CRLF).
    """

    trial: str
    source: str
    name: str
    content_sha256: str
    sent_at: datetime
    columns: tuple[str, ...]
    rows: tuple[Row, ...]
    repairs: tuple[str, ...] = ()
    problem: str | None = None


@dataclass(frozen=True, slots=True)
class Measured:
    """What a row says of one guardrail measure. value None: nothing, unless withdrawn."""

    measure: str
    value: float | None
    companion: float | None = None
    withdrawn: bool = False


@dataclass(frozen=True, slots=True)
class Record:
    """One accepted row: typed, in the protocol's column names.

    companion: what stands beside the value, as the plan's kind needs it: exposure of a count, event of a time to event.
    guardrails: what the row says of the plan's guardrail measures, one each at most.
    value None: the row says nothing of the outcome (not known yet), and takes nothing back that was said before.
    withdrawn: the site takes the outcome back, by the word "withdrawn" in its cell; value is None then too.
    """

    row_no: int
    participant_id: str
    site: str
    arm: str
    enrolled_on: date | None
    entry_order: int | None
    observed_on: date | None
    value: float | None
    withdrawn: bool = False
    companion: float | None = None
    guardrails: tuple[Measured, ...] = ()


@dataclass(frozen=True, slots=True)
class Rejection:
    """One quarantined row: its number, the reason its site reads, and the row as it was sent."""

    row_no: int
    reason: str
    cells: dict[str, str]


@dataclass(frozen=True, slots=True)
class Checked:
    """What the checks made of one delivery. A refusal stands alone: then nothing was accepted or quarantined.

    unjudged: the checks themselves failed, and `refusal` says how. Nothing is recorded, so that the same delivery is
    judged again once they work.
    """

    accepted: tuple[Record, ...] = ()
    rejected: tuple[Rejection, ...] = ()
    warnings: tuple[str, ...] = ()
    refusal: str | None = None
    unjudged: bool = False

    @property
    def action(self) -> Action:
        if self.refusal is not None:
            return "reject_batch"
        if self.rejected:
            return "quarantine_rows"
        return "accept_with_warning" if self.warnings else "accept"


@dataclass(frozen=True, slots=True)
class Enrolled:
    """What the register (the enrolments already in the ledger) knows of a participant."""

    participant_id: str
    site: str
    arm: str
    enrolled_on: date | None
    entry_order: int | None


@dataclass(frozen=True, slots=True)
class Receipt:
    """What the ledger did with one delivery.

    accepted (said something new; corrections are among them) + duplicates (said nothing new) + quarantined = its rows.
    already_known: the same bytes came before and nothing changed; every row that was in then is a duplicate now.
    """

    trial: str
    name: str
    batch_seq: int
    action: Action
    accepted: int
    quarantined: int
    duplicates: int
    corrections: int
    reasons: tuple[Rejection, ...] = ()
    warnings: tuple[str, ...] = ()
    refusal: str | None = None
    already_known: bool = False
    look_number: int | None = None
