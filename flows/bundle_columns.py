"""The tables of a bundle: which columns each has, what they mean, and the dictionary that says so with the plan's words."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Literal

from trials import comparing
from trials.protocol import Guardrail, Measure, Protocol

Type = Literal["text", "whole", "number", "day", "moment"]


@dataclass(frozen=True, slots=True)
class Column:
    """One column. allowed: what it can hold, in words."""

    name: str
    type: Type
    meaning: str
    allowed: str = ""


_PERSON = Column("participant_id", "text", "whose row it is: a pseudonym, the same in every table")
_DELIVERY = Column("delivery", "whole", "number of the delivery that brought it; see deliveries")
_DAY, _UTC = "a day, such as 2024-03-01", "a time in UTC, such as 2024-03-01T00:00:00+00:00"

ENROLMENTS = (
    _PERSON,
    Column("site", "text", "where they joined"),
    Column("arm", "text", "the arm they were allocated to"),
    Column("enrolled_on", "day", "the day they joined", f"{_DAY}; empty where the plan has no days"),
    Column("entry_order", "whole", "their number in the order of allocation", "1 or more; empty where it is not known"),
    Column("order_key", "text", "their place in the sealed order: sort by it as text"),
    _DELIVERY,
)
OBSERVATIONS = (
    _PERSON,
    Column("measure", "text", "what was measured"),
    Column("rev", "whole", "number of this version of the value, by arrival; 1 is the first", "1 or more"),
    Column("value", "number", "the value that was sent", "empty: it was taken back"),
    Column("companion", "number", "what stands beside the value: exposure of a count, event of a time to event"),
    Column("observed_on", "day", "the day it was measured", _DAY),
    Column("sent_at", "moment", "when the site sent it; the newest in force is the one sent last", _UTC),
    Column("effective_at", "moment", "from when on it counts as known", _UTC),
    _DELIVERY,
)
DELIVERIES = (
    Column("seq", "whole", "number of the delivery, by arrival", "1 or more"),
    Column("name", "text", "its name"),
    Column("source", "text", "where it came from"),
    Column("sent_at", "moment", "when it was sent", _UTC),
    Column("recorded_at", "moment", "when we had it", _UTC),
    Column(
        "action",
        "text",
        "what was done with it",
        "accept, accept_with_warning, quarantine_rows or reject_batch",
    ),
    Column("accepted", "whole", "rows that said something new"),
    Column("duplicates", "whole", "rows that said what was known"),
    Column("corrections", "whole", "rows among the accepted that changed a known value"),
    Column("quarantined", "whole", "rows that were set aside; they are in no table here"),
    Column("content_sha256", "text", "SHA-256 of what was sent", "64 hex digits"),
)
VERSIONS = (
    Column("version", "whole", "number of the plan's version; its text is in plan/version-N.json", "1 or more"),
    Column("sha256", "text", "SHA-256 of that text", "64 hex digits"),
    Column("registered_by", "text", "who wrote it"),
    Column("registered_at", "moment", "when", _UTC),
    Column("sealed_by", "text", "who sealed it", "empty: not sealed"),
    Column("sealed_at", "moment", "when", _UTC),
)
_CLAIMS = ("benefit", "dud", "harm")
_CLAIM = (
    ("log_e", "number", "evidence against its null: natural log of the e-process", "empty where there is none"),
    ("p", "number", "always-valid p-value", "0 to 1"),
    ("threshold", "number", "1/error: it fires when the e-process reaches it", "above 1"),
    ("crossed_at_n", "whole", "people in the evidence when it first fired", "empty: it has not"),
)
LOOKS = (
    Column("number", "whole", "number of the look", "1 or more"),
    Column("as_of", "moment", "the time it judges the data at", _UTC),
    Column("recorded_at", "moment", "when it was taken", _UTC),
    Column("batch_seq", "whole", "the newest delivery that it saw"),
    Column("n", "whole", "people in the evidence"),
    Column("enrolled", "whole", "people who had joined"),
    Column("waiting", "whole", "people whose turn had not come"),
    Column("missing", "whole", "people whose outcome is missing for good"),
    Column("late_changes", "whole", "reports that came too late to count"),
    Column("verdict", "text", "what it says", "keep_going, promote, drop, stop_for_harm or cant_tell"),
    Column("sentence", "text", "the same in words"),
    Column("estimate", "number", "best estimate of the effect in the measure's unit; positive = better"),
    Column("low", "number", "lower end of the range, valid at every look"),
    Column("high", "number", "upper end of the range, valid at every look"),
    Column("adjusted", "number", "estimate without the bias of having stopped", "empty before a claim has fired"),
    *(
        Column(f"{claim}_{name}", type_, f"claim of {claim}: {meaning}", allowed)  # type: ignore[arg-type]
        for claim in _CLAIMS
        for name, type_, meaning, allowed in _CLAIM
    ),
    Column("protocol_sha256", "text", "the version of the plan that it rests on", "64 hex digits"),
    Column("code_version", "text", "the version of Roadtest that took it"),
    Column("state_sha256", "text", "SHA-256 of the method's state after it", "64 hex digits"),
)
TABLES: dict[str, tuple[Column, ...]] = {
    "enrolments": ENROLMENTS,
    "observations": OBSERVATIONS,
    "deliveries": DELIVERIES,
    "plan/versions": VERSIONS,
    "looks": LOOKS,
}
DICTIONARY = ("table", "column", "measure", "type", "unit", "allowed", "meaning")


def dictionary(protocol: Protocol) -> Iterator[tuple[str, ...]]:
    """Rows of dictionary.csv, as DICTIONARY has them: every column of every table; of values, once for each measure."""
    for table, columns in TABLES.items():
        for one in columns:
            if table == "observations" and one.name in ("value", "companion"):
                yield from _by_measure(protocol, one)
            else:
                yield (table, one.name, "", one.type, "", _allowed(protocol, one), one.meaning)


def flat(recorded_at: Any, body: dict[str, Any]) -> tuple[Any, ...]:
    """A stored look as a row of the table of looks."""
    low, high = body["interval"]
    as_of = datetime.fromisoformat(body["as_of"])
    row = {**body, "as_of": as_of, "recorded_at": recorded_at, "low": low, "high": high}
    for claim, told in (body["claims"] or {}).items():
        row |= {f"{claim}_{name}": told[name] for name, *_ in _CLAIM}
    return tuple(row.get(one.name) for one in LOOKS)


def _allowed(protocol: Protocol, column: Column) -> str:
    if column.name == "arm":
        return ", ".join(arm.id for arm in protocol.arms)
    if column.name == "site":
        return ", ".join(site.id for site in protocol.sites)
    if column.name == "measure":
        also = [comparing.CASEWORKER] if comparing.notes_caseworkers(protocol) else []
        return ", ".join([*(one.measure for one in _measures(protocol)), *also])
    return column.allowed


def _measures(protocol: Protocol) -> tuple[Measure, ...]:
    return (protocol.primary, *protocol.guardrails, *protocol.strengths)


def _by_measure(protocol: Protocol, column: Column) -> Iterator[tuple[str, ...]]:
    for one in _measures(protocol):
        if column.name == "companion":
            if one.companion is not None:
                allowed = "0 or 1" if one.event else "above 0"
                yield ("observations", column.name, one.measure, "number", "", allowed, one.companion.replace("_", " "))
            continue
        yield ("observations", column.name, one.measure, "number", one.unit, _values(one), _said(protocol, one))


def _values(measure: Measure) -> str:
    if measure.kind == "binary":
        return "0 or 1; empty: taken back"
    low, high = measure.valid or ((None, None) if measure.kind == "amount" else (measure.bounds or (None, None)))
    least = "" if low is None else f"{low:g} or more"
    most = "" if high is None else f"{high:g} or less"
    return "; ".join(filter(None, (least, most, "empty: taken back")))


def _said(protocol: Protocol, measure: Measure) -> str:
    role = "the primary measure" if measure is protocol.primary else "a measure of strengths"
    role = "a guardrail" if isinstance(measure, Guardrail) else role
    label = measure.label or measure.measure.replace("_", " ")
    return f"{label}: {role} ({measure.kind.replace('_', ' ')}; {measure.better} is better)"
