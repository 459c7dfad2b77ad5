"""How good a trial's data are: deliveries, rows set aside and why, late changes, missing results; all of it released."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import datetime

from dashboards.read_model.desk import Chosen, missing_of
from trials.disclosure import SafeCounts, about_numbers, added_up, released_counts
from trials.protocol import Protocol
from trials.records import Action
from trials.store.reading import DeliveryRow

# "arm is 'pilot': must be one of ..." -> "arm: must be one of ..."; "as registered, 'usual'" -> "as registered".
_QUOTED = re.compile(r",? (?:is )?'[^']*'")
_ROW = re.compile(r"rows? \d+(?:(?:, | and )\d+)*")
# Said at once, it would tell that one person's outcome was put right. Whoever sent the delivery reads it on its receipt.
_CORRECTED = re.compile(r"^[\d,]+ rows? corrected an earlier value")


@dataclass(frozen=True, slots=True)
class DeliveryView:
    """One delivery. How many rows it brought is not told: added to the one before it would tell of a few people."""

    name: str
    sent_at: datetime
    action: str
    refusal: str | None
    warnings: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Quality:
    """How good the data are; counts are releases, None below ten. missing: by arm ("" = never reported at all)."""

    deliveries: int
    refused: int
    reasons: SafeCounts
    late_changes: int | None
    missing: SafeCounts
    last: tuple[DeliveryView, ...]
    last_received_at: datetime | None


def quality_of(
    protocol: Protocol,
    chosen: Chosen,
    counts: tuple[int, int, datetime | None],
    last: Sequence[DeliveryRow],
    set_aside: Iterable[tuple[str, int]],
) -> Quality:
    """counts: deliveries, refused ones, when the last was received. set_aside: (reason, rows), oldest first."""
    reasons = released_counts(added_up((_rule(reason), rows) for reason, rows in set_aside))
    listed = sorted(((rows, rule) for rule, rows in reasons.cells.items() if rows is not None), reverse=True)
    deliveries, refused, last_received_at = counts
    return Quality(
        deliveries=deliveries,
        refused=refused,
        reasons=replace(reasons, cells={rule: rows for rows, rule in listed}),
        late_changes=chosen.late.shown,
        missing=missing_of(protocol, chosen),
        last=tuple(
            DeliveryView(each.name, each.sent_at, became(each), each.refusal, warnings_told(each.warnings))
            for each in last
        ),
        last_received_at=last_received_at,
    )


def warnings_told(warnings: Iterable[str]) -> tuple[str, ...]:
    """A delivery's warnings as everybody may read them: without counts, and without what it corrected."""
    return tuple(about_numbers(warning) for warning in warnings if not _CORRECTED.match(warning))


def became(row: DeliveryRow) -> Action:
    """What became of a delivery: one that was warned of nothing that is told was simply taken in."""
    unsaid = row.action == "accept_with_warning" and not warnings_told(row.warnings)
    return "accept" if unsaid else row.action


def _rule(reason: str) -> str:
    """The rule that a row broke. What was in its cells is its site's business, not every reader's."""
    return _QUOTED.sub("", _ROW.sub("another row", reason))
