"""A delivery's rows -> facts: what each cell says, and beside it what the plan, the register and the other rows say.

Only reading and joining happens here; which facts are right is written in suites/*.json. A `<column>_fault` says that
a cell could not be read as what it must be. Dates are ISO text, which sorts as dates do.
"""

from __future__ import annotations

import re
from collections import Counter, defaultdict
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta

from expectations.measures import (
    Facts,
    columns_of,
    data_columns,
    delivered,
    facts_of,
    is_missing,
    key,
    measured,
    not_delivered,
    says_something,
)
from trials.connectors.tabular import RAGGED, shorten
from trials.protocol import Protocol
from trials.records import IDENTITY_COLUMNS, ON_TIME, Delivery, Enrolled, Record, Row

MOST_ID_CHARACTERS = 100
# Numbers beyond so many times the planned people are taken for slips: they would leave holes that the evidence waits for.
MOST_NUMBERS = 2

_PAD = " \t\u00a0"
_ISO_DATE = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}")
_WHOLE = re.compile(r"[0-9]{1,9}")


@dataclass(frozen=True, slots=True)
class Prepared:
    """A delivery's rows as facts, in their order, and the warnings about lossless repairs made on the way.

    guardrails: per row, the facts of the guardrail measures that the row says something of, the row's own among them.
    """

    facts: tuple[Facts, ...]
    guardrails: tuple[tuple[Facts, ...], ...]
    warnings: tuple[str, ...]


def required_columns(protocol: Protocol) -> tuple[str, ...]:
    """The columns a delivery must have, in our names."""
    site = ("site",) if protocol.sites else ()
    enrolled_on = ("enrolled_on",) if protocol.dated else ()
    return ("participant_id", *site, "arm", *enrolled_on, "entry_order", *columns_of(protocol.primary))


def prepare(delivery: Delivery, protocol: Protocol, register: Mapping[str, Enrolled], as_of: datetime) -> Prepared:
    """The facts of a delivery that could be read. register: participants known before it, by id."""
    reading = _Reading(protocol, register, as_of.astimezone(UTC).date(), delivery)
    rows = [reading.row(row) for row in delivery.rows]
    facts = tuple({**identity, **primary} for identity, (primary, *_) in rows)
    _join_repeats(facts, [tuple(key(each) for each in said) for _, said in rows])
    _join_holders(facts, register.values())
    guardrails = tuple(
        tuple({**one, **each} for each in said[1:] if says_something(each))
        for one, (_, said) in zip(facts, rows, strict=True)
    )
    extra = [name for name in delivery.columns if name not in reading.columns]
    warnings = (*delivery.repairs, *reading.warnings(), *not_delivered(protocol, delivery.columns), *_ignored(extra))
    return Prepared(facts, guardrails, warnings)


def record(facts: Facts, guardrails: Sequence[Facts] = ()) -> Record:
    """The typed row that facts which broke no rule stand for. A blank cell takes what the register says."""
    primary = measured(facts)
    enrolled_on = facts["enrolled_on"] or facts["register_enrolled_on"]
    observed_on = facts["observed_on"]
    return Record(
        row_no=int(str(facts["row_no"])),
        participant_id=str(facts["participant_id"]),
        site=str(facts["site"] or facts["site_known"] or ""),
        arm=str(facts["arm"]),
        enrolled_on=None if enrolled_on is None else date.fromisoformat(str(enrolled_on)),
        entry_order=int(str(facts["entry_order"])),
        observed_on=None if observed_on is None else date.fromisoformat(str(observed_on)),
        value=primary.value,
        withdrawn=primary.withdrawn,
        companion=primary.companion,
        guardrails=tuple(measured(each) for each in guardrails),
    )


class _Reading:
    """Reads one delivery's rows, and counts the repairs it makes."""

    def __init__(self, protocol: Protocol, register: Mapping[str, Enrolled], today: date, delivery: Delivery) -> None:
        self._sent_at = delivery.sent_at
        self._most = MOST_NUMBERS * protocol.monitoring.max_participants
        self._measures = (protocol.primary, *delivered(protocol, delivery.columns))
        self._data_columns = data_columns(protocol)
        self.columns = (*IDENTITY_COLUMNS, *self._data_columns)
        self._protocol = protocol
        self._register = register
        self._today = today.isoformat()
        self._arms = tuple(arm.id for arm in protocol.arms)
        self._sites = tuple(site.id for site in protocol.sites)
        self._arms_by_case, self._sites_by_case = _by_case(self._arms), _by_case(self._sites)
        self._ids_by_case = _by_case(register)
        self._trimmed: Counter[str] = Counter()
        self._recased: Counter[str] = Counter()
        self._missing_words: Counter[str] = Counter()

    def row(self, row: Row) -> tuple[Facts, tuple[Facts, ...]]:
        """What the row says of the participant, and of each measure: the primary one first."""
        cells = {name: self._trim(name, row.cells.get(name, "")) for name in self.columns}
        self._missing_words.update(name for name in self._data_columns if cells[name] and is_missing(cells[name]))
        identity = self._participant(cells["participant_id"])
        arm = self._spelling("arm", cells["arm"], self._arms, self._arms_by_case)
        site = self._spelling("site", cells["site"], self._sites, self._sites_by_case)
        known = self._register.get(str(identity["participant_id"]))
        enrolled_on, observed_on = _date(cells["enrolled_on"]), _date(cells["observed_on"])
        enrolled_on_blank = is_missing(cells["enrolled_on"]) and not self._protocol.dated
        order = cells["entry_order"]
        whole = int(order) if _WHOLE.fullmatch(order) and int(order) >= 1 else None
        facts = {
            "row_no": row.row_no,
            "ragged": "yes" if RAGGED in row.cells else None,
            **identity,
            "arm": arm,
            "arm_in_plan": arm if arm in self._arms else None,
            "arms": ", ".join(self._arms),
            "site": site,
            "site_in_plan": site if site in self._sites or not self._sites else None,
            "sites": ", ".join(self._sites),
            "site_known": None if known is None else known.site,
            "enrolled_on": enrolled_on,
            "enrolled_on_fault": None if enrolled_on or enrolled_on_blank else "not a date",
            "observed_on": observed_on,
            "observed_on_fault": None if observed_on or is_missing(cells["observed_on"]) else "not a date",
            "as_of": self._today,
            "entry_order": whole,
            "entry_order_fault": None if whole else "not a whole number",
            "entry_order_most": self._most,
            **_registered(known, arm if arm in self._arms else None, site or None),
            **{f"sent_{name}": cells[name] for name in IDENTITY_COLUMNS if name != "participant_id"},
        }
        return facts, facts_of(self._measures, cells, self._not_before(enrolled_on, known))

    def _not_before(self, enrolled_on: str | None, known: Enrolled | None) -> str | None:
        """The day after which results may be sent, when the delivery was sent before it; None when it was not."""
        joined = date.fromisoformat(enrolled_on) if enrolled_on else None if known is None else known.enrolled_on
        due = self._protocol.due_at(joined)
        if joined is None or joined.isoformat() > self._today:
            return None  # the date itself is at fault, and its own rule says so
        if due is None or self._sent_at == ON_TIME or self._sent_at >= due:
            return None
        return (due.date() - timedelta(days=1)).isoformat()

    def warnings(self) -> tuple[str, ...]:
        """The repairs made so far, one sentence a kind."""
        said = []
        if self._trimmed:
            said.append(f"trimmed white space around {_counts(self._trimmed)}")
        if self._recased:
            said.append(f"set the letter case of {_counts(self._recased)} as planned or registered")
        if self._missing_words:
            said.append(f"read missing-value words as not known yet: {_counts(self._missing_words)}")
        return tuple(said)

    def _trim(self, name: str, sent: str) -> str:
        trimmed = sent.strip(_PAD)
        if trimmed != sent and trimmed:
            self._trimmed[name] += 1
        return trimmed

    def _spelling(self, column: str, sent: str, known: Collection[str], by_case: Mapping[str, str]) -> str:
        """The plan's or register's spelling of a cell, if letter case is all that differs."""
        spelt = by_case.get(sent.casefold(), sent)
        if sent in known or spelt == sent:
            return sent
        self._recased[column] += 1
        return spelt

    def _participant(self, sent: str) -> Facts:
        if is_missing(sent):
            return {"participant_id": None, "participant_id_fault": None, "participant_key": None}
        spelt = self._spelling("participant_id", sent, self._register, self._ids_by_case)
        # Two new ids that differ in letter case alone may be one person: they share a key, and so conflict.
        key = f"known {spelt}" if spelt in self._register else f"new {spelt.casefold()}"
        return {"participant_id": spelt, "participant_id_fault": _id_fault(spelt), "participant_key": key}


def _by_case(known: Iterable[str]) -> dict[str, str]:
    """Spelling by its case-folded form, where that is one spelling's alone."""
    spellings = list(known)
    folded = Counter(one.casefold() for one in spellings)
    return {one.casefold(): one for one in spellings if folded[one.casefold()] == 1}


def _date(cell: str) -> str | None:
    """The cell if it is an ISO date that exists, else None."""
    if not _ISO_DATE.fullmatch(cell):
        return None
    try:
        return date.fromisoformat(cell).isoformat()
    except ValueError:
        return None


def _id_fault(participant_id: str) -> str | None:
    """What stands against an id, without the id. A leading = + - @ would run as a formula in a spreadsheet."""
    if len(participant_id) > MOST_ID_CHARACTERS:
        return f"has {len(participant_id)} characters: must have at most {MOST_ID_CHARACTERS}"
    if not participant_id.isprintable():
        return "holds a character that can't be printed: must not"
    if not participant_id[0].isalnum():
        return f"starts with '{participant_id[0]}': must start with a letter or a digit"
    return None


def _registered(known: Enrolled | None, arm: str | None, site: str | None) -> Facts:
    """What the register says of the row's participant; None where there is nothing to compare it with."""
    if known is None:
        return dict.fromkeys(("register_arm", "register_site", "register_enrolled_on", "register_entry_order"))
    return {
        "register_arm": known.arm if arm else None,
        "register_site": known.site if site else None,
        "register_enrolled_on": None if known.enrolled_on is None else known.enrolled_on.isoformat(),
        "register_entry_order": known.entry_order,
    }


_SAME = (
    "participant_id",
    "arm",
    "site",
    "sent_enrolled_on",
    "sent_entry_order",
    "sent_observed_on",
)


def _join_repeats(facts: Sequence[Facts], said: Sequence[tuple[object, ...]]) -> None:
    """Adds repeat_of (the row that this one repeats exactly) and conflict_rows (rows of the same participant).

    said: per row, what it says of the measures.
    """
    together: defaultdict[object, list[tuple[Facts, tuple[object, ...]]]] = defaultdict(list)
    for one, values in zip(facts, said, strict=True):
        one["repeat_of"] = one["conflict_rows"] = None
        if one["participant_key"] is not None:
            together[one["participant_key"]].append((one, values))
    for group in together.values():
        if len({(*(one[name] for name in _SAME), values) for one, values in group}) > 1:
            numbers = [str(one["row_no"]) for one, _ in group]
            for one, _ in group:
                one["conflict_rows"] = ", ".join(numbers[:6]) + (", ..." if len(numbers) > 6 else "")
        else:
            for one, _ in group[1:]:
                one["repeat_of"] = group[0][0]["row_no"]


def _join_holders(facts: Sequence[Facts], register: Iterable[Enrolled]) -> None:
    """Adds entry_order_holder: the key of the one participant an entry_order belongs to, 'several' if of more."""
    holders: dict[object, object] = {}
    for one in facts:
        order, key = one["entry_order"], one["participant_key"]
        # A known participant's own order is in the register: what its row claims beyond that is no claim.
        if order is not None and key is not None and str(key).startswith("new "):
            holders[order] = key if holders.get(order, key) == key else "several"
    for known in register:
        if known.entry_order is not None:
            holders[known.entry_order] = f"known {known.participant_id}"
    for one in facts:
        one["entry_order_holder"] = holders.get(one["entry_order"])


def _counts(counted: Counter[str]) -> str:
    return ", ".join(f"{name} ({count} row{'s' if count > 1 else ''})" for name, count in counted.items())


def _ignored(extra: Sequence[str]) -> tuple[str, ...]:
    if not extra:
        return ()
    shown = ", ".join(shorten(name, 40) for name in extra[:12]) + (", ..." if len(extra) > 12 else "")
    return (f"ignored extra column{'s' if len(extra) > 1 else ''}: {shown}",)
