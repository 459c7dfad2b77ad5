"""A delivery's rows -> facts: what each cell says, and beside it what the plan, the register and the other rows say.

Only reading and joining happens here; which facts are right is written in suites/*.json. A `<column>_fault` says that
a cell could not be read as what it must be. Dates are ISO text, which sorts as dates do. Here, at the door, participants'
ids become pseudonyms: nothing behind it ever sees an id.
"""

from __future__ import annotations

import re
from collections import Counter, defaultdict
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from typing import Any
from unicodedata import normalize

from expectations import fields
from expectations.measures import (
    Columns,
    columns_of,
    data_columns,
    delivered,
    each,
    facts_of,
    heading,
    is_missing,
    keys,
    not_delivered,
    quoted,
    says_something,
)
from trials import identifiers
from trials.comparing import CASEWORKER, notes_caseworkers
from trials.connectors.tabular import shorten
from trials.protocol import Protocol, sha256_text
from trials.pseudonyms import Pseudonyms, canonical, spelling
from trials.records import IDENTITY_COLUMNS, ON_TIME, Delivery, Enrolled, Measured, Records, Register, Rows
from trials.store.registers import PartOfRegister

MOST_ID_CHARACTERS = 100
# Numbers beyond so many times the planned people are taken for slips: they would leave holes that the evidence waits for.
MOST_NUMBERS = 2
# It is tomorrow already east of UTC, at most 14 hours ahead of it.
AHEAD_OF_UTC = timedelta(days=1)
_SHORT_NUMBER = 4

_PAD = " \t\u00a0"
_ISO_DATE = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}")
_WHOLE = re.compile(r"[0-9]{1,9}")
# Most ids are so plain that nothing else need be asked of them.
_PLAIN_ID = re.compile(r"[A-Za-z0-9][!-~]{0,99}")
_LONGEST_MISSING = 4
_ODD_HYPHEN = re.compile("[\u2010-\u2015\u2212\ufe58\ufe63\uff0d]")


@dataclass(frozen=True, slots=True)
class Prepared:
    """A delivery's rows as facts by column, in their order, and the warnings about lossless repairs made on the way.

    guardrails: per guardrail measure that the delivery has, its facts and the rows that say something of it.
    """

    facts: Columns
    guardrails: tuple[tuple[Columns, list[int]], ...]
    warnings: tuple[str, ...]


def required_columns(protocol: Protocol, register: Register, *, enrolling: bool = False) -> tuple[str, ...]:
    """The columns a delivery must have, in our names. Of registered people the register knows place and site already."""
    site = ("site",) if protocol.sites else ()
    enrolled_on = ("enrolled_on",) if protocol.dated else ()
    if enrolling:
        return ("participant_id", *site, "arm", *enrolled_on)
    place = () if register.closed else (*site, *enrolled_on, "entry_order")
    asked = ("participant_id", "arm", *place, *columns_of(protocol.primary))
    promised = [name for name in (*protocol.source.columns, *protocol.data.required) if name in protocol.known_columns]
    further = [field.name for field in protocol.data.fields if field.required]
    return tuple(dict.fromkeys((*asked, *promised, *further)))


def prepare(
    delivery: Delivery,
    protocol: Protocol,
    register: Register,
    as_of: datetime,
    pseudonyms: Pseudonyms | None,
    *,
    enrolling: bool = False,
) -> Prepared:
    """The facts of a delivery that could be read. register: participants known before it, by id (or pseudonym)."""
    reading = _Reading(protocol, register, as_of.astimezone(UTC).date(), delivery, pseudonyms, enrolling)
    facts = reading.facts()
    measures = () if enrolling else (protocol.primary, *delivered(protocol, delivery.columns))
    said = facts_of(measures, reading.cells, reading.not_before(facts))
    facts |= said[0] if said else _silent(len(delivery.rows))
    _join_repeats(facts, said)
    _join_holders(facts, register)
    known = {*protocol.known_columns, *delivery.columns} if enrolling else set(protocol.known_columns)
    extra = [name for name in delivery.columns if name not in known]
    silent = () if enrolling else not_delivered(protocol, delivery.columns)
    warnings = (*delivery.repairs, *reading.warnings(), *silent, *_ignored(extra, protocol.data.id_pattern))
    return Prepared(facts, tuple((one, says_something(one)) for one in said[1:]), warnings)


def records(facts: Columns, guardrails: Sequence[tuple[Columns, list[int]]], rows: Sequence[int]) -> Records:
    """The typed rows that facts which broke no rule stand for. A blank cell takes what the register says."""

    def taken(name: str) -> list[Any]:
        return [facts[name][place] for place in rows] if len(rows) < len(facts["row_no"]) else facts[name]

    def or_registered(name: str, registered: str) -> list[Any]:
        pairs = zip(taken(name), taken(registered), strict=True)
        return [known if one in (None, "") else one for one, known in pairs]

    primary = "value_text" in facts
    return Records(
        row_no=taken("row_no"),
        participant_id=taken("participant_id"),
        site=[site or "" for site in or_registered("site", "site_known")],
        arm=taken("arm"),
        enrolled_on=each(or_registered("enrolled_on", "register_enrolled_on"), _typed_date),
        entry_order=or_registered("entry_order", "register_entry_order"),
        observed_on=each(taken("observed_on"), _typed_date),
        value=each(taken("value_text"), _typed_number) if primary else [None] * len(rows),
        withdrawn=[one is not None for one in taken("withdrawn")] if primary else [False] * len(rows),
        companion=each(taken("companion_text"), _typed_number) if primary else [None] * len(rows),
        spelling=taken("spelling"),
        guardrails=_told(guardrails, rows, facts.get("caseworker")),
    )


def _told(
    guardrails: Sequence[tuple[Columns, list[int]]], rows: Sequence[int], caseworkers: Sequence[float | None] | None
) -> dict[int, tuple[Measured, ...]]:
    """What the rows say of guardrail measures, and who the caseworker is, by position among these rows."""
    if not guardrails and caseworkers is None:
        return {}
    places = {place: position for position, place in enumerate(rows)}
    told: defaultdict[int, list[Measured]] = defaultdict(list)
    for columns, saying in guardrails:
        kept = [place for place in saying if place in places]
        values = each([columns["value_text"][place] for place in kept], _typed_number)
        companions = each([columns["companion_text"][place] for place in kept], _typed_number)
        for place, value, companion in zip(kept, values, companions, strict=True):
            back = columns["withdrawn"][place] is not None
            told[places[place]].append(Measured(columns["measure"][place], value, companion, back))
    if caseworkers is not None:
        for place, position in places.items():
            if caseworkers[place] is not None:
                told[position].append(Measured(CASEWORKER, caseworkers[place]))
    return {place: tuple(one) for place, one in told.items()}


def _typed_date(text: str | None) -> date | None:
    return None if text is None else date.fromisoformat(text)


def _typed_number(text: str | None) -> float | None:
    return None if text is None else float(text)


def _silent(rows: int) -> Columns:
    """The facts of a measure of which nothing is said, for a list of people."""
    names = ("measure", "value", "sent_value", "too_early", "valid_low", "valid_high", "valid_range")
    return {name: [None] * rows for name in names}


class _Reading:
    """Reads one delivery's rows by column, and counts the repairs it makes."""

    def __init__(
        self,
        protocol: Protocol,
        register: Register,
        today: date,
        delivery: Delivery,
        pseudonyms: Pseudonyms | None,
        enrolling: bool,
    ) -> None:
        self._delivery = delivery
        self._rows = Rows.of(delivery.rows)
        self._protocol = protocol
        self._register = register
        self._pseudonyms = pseudonyms
        self._closed = register.closed and not enrolling
        self._enrolling = enrolling
        self._today = today.isoformat()
        self._latest = (today + AHEAD_OF_UTC).isoformat()
        self._arms = tuple(arm.id for arm in protocol.arms)
        self._sites = tuple(site.id for site in protocol.sites)
        self._words = (*self._arms, *self._sites, *(one for field in protocol.data.fields for one in field.one_of))
        self._trimmed: Counter[str] = Counter()
        self._recased: Counter[str] = Counter()
        self.cells = {name: self._trim(name) for name in protocol.known_columns}
        self._sent_ids: set[str] | None = None  # made when a sentence needs it

    def facts(self) -> Columns:
        """What the rows say of their participants."""
        cells, count = self.cells, len(self._rows)
        identity = self._identity()
        if isinstance(self._register, PartOfRegister):
            self._register.look_up(names=identity["participant_id"])
        known = [self._register.get(one) for one in identity["participant_id"]] if self._register else [None] * count
        self._count_id_spellings(known, identity["spelling"])
        arm = self._spelt("arm", self._arms)
        site = self._spelt("site", self._sites)
        enrolled_on, observed_on = each(cells["enrolled_on"], _date), each(cells["observed_on"], _date)
        may_be_blank = not self._protocol.dated or self._closed
        order = self._orders(known)
        facts: Columns = {
            "row_no": list(self._rows.row_nos),
            "ragged": ["yes" if place in self._rows.ragged else None for place in range(count)],
            "cut": self._cut(),
            **identity,
            "unregistered": [
                "yes" if one is None and self._closed and name is not None and fault is None else None
                for one, name, fault in zip(
                    known, identity["participant_id"], identity["participant_id_fault"], strict=True
                )
            ],
            "lacking": self._lacking(),
            "arm": arm,
            "arm_in_plan": each(arm, lambda one: one if one in self._arms else None),
            "arms": [", ".join(self._arms)] * count,
            "site": site,
            "site_in_plan": self._site_in_plan(site),
            "sites": [", ".join(self._sites)] * count,
            "site_known": [None if one is None else one.site for one in known],
            "enrolled_on": enrolled_on,
            "enrolled_on_fault": _date_faults(cells["enrolled_on"], enrolled_on, may_be_blank),
            "observed_on": observed_on,
            "observed_on_fault": _date_faults(cells["observed_on"], observed_on, True),
            "as_of": [self._today] * count,
            "enrolled_on_latest": [self._latest] * count,
            **order,
            **_registered(known, arm, site),
            "field_faults": fields.faults(self._protocol.data.fields, cells, count, self._show),
            **self._caseworkers(),
            "show": [self._show] * count,
            **{f"sent_{name}": cells[name] for name in IDENTITY_COLUMNS if name != "participant_id"},
        }
        return facts

    def _caseworkers(self) -> Columns:
        """A number for each row's caseworker, where the plan asks for them and the delivery has their column."""
        column = self._protocol.assignment.column
        if column is None or column not in self._delivery.columns or not notes_caseworkers(self._protocol):
            return {}
        return {"caseworker": each(self.cells[column], self._caseworker)}

    def _caseworker(self, cell: str) -> float | None:
        """48 bits of a pseudonym under the trial's key, which a float holds exactly: the name itself goes no further."""
        if is_missing(cell):
            return None
        hidden = self._pseudonyms
        named = f"caseworker {canonical(cell)}"
        digits = sha256_text(f"{self._protocol.trial} {named}") if hidden is None else hidden.of(named)
        return float(int(digits[:12], 16))

    def not_before(self, facts: Columns) -> list[str | None]:
        """The day after which results may be sent, where the delivery was sent before it; None where it was not."""
        if self._delivery.sent_at == ON_TIME or self._protocol.primary.follow_up is None:
            return [None] * len(self._rows)
        joined = zip(facts["enrolled_on"], facts["register_enrolled_on"], strict=True)
        return each([one or registered for one, registered in joined], self._too_early)

    def warnings(self) -> tuple[str, ...]:
        """The repairs made so far, one sentence a kind."""
        said = []
        if self._trimmed:
            said.append(f"trimmed white space around {_counts(self._trimmed)}")
        if self._recased:
            said.append(f"set the letter case of {_counts(self._recased)} as planned or registered")
        words: Counter[str] = Counter()
        for name in () if self._enrolling else data_columns(self._protocol):
            blank = {cell for cell in set(self.cells[name]) if cell and is_missing(cell)}
            if blank:
                words[name] = sum(cell in blank for cell in self.cells[name])
        if words:
            said.append(f"read missing-value words as not known yet: {_counts(words)}")
        return tuple(said)

    def _too_early(self, joined: str | None) -> str | None:
        if joined is None or joined > self._latest:
            return None  # a date in the future is at fault itself, and its own rule says so
        due = self._protocol.due_at(date.fromisoformat(joined))
        if due is None or self._delivery.sent_at >= due:
            return None
        return (due.date() - timedelta(days=1)).isoformat()

    def _trim(self, name: str) -> list[str]:
        sent = self._rows.column(name)
        trimmed = {cell: cell.strip(_PAD) for cell in set(sent)}
        changed = {cell for cell, one in trimmed.items() if one != cell}
        if not changed:
            return sent
        count = sum(cell in changed and bool(trimmed[cell]) for cell in sent)
        if count:
            self._trimmed[name] = count
        return [trimmed[cell] for cell in sent]

    def _spelt(self, name: str, known: Collection[str]) -> list[str]:
        """The plan's spelling of each cell, where letter case is all that differs."""
        by_case = _by_case(known)
        sent = self.cells[name]
        spelt = {cell: cell if cell in known else by_case.get(cell.casefold(), cell) for cell in set(sent)}
        changed = {cell for cell, one in spelt.items() if one != cell}
        if not changed:
            return sent
        self._recased[name] += sum(cell in changed for cell in sent)
        return [spelt[cell] for cell in sent]

    def _site_in_plan(self, site: list[str]) -> list[str | None]:
        if not self._sites:
            return list(site)
        blank = "" if self._closed and "site" not in self._delivery.columns else None
        return each(site, lambda one: one if one in self._sites else blank if one == "" else None)

    def _identity(self) -> Columns:
        """Ids as pseudonyms (or as they are, where the trial keeps them), what stands against them, and how they are spelt."""
        sent = self.cells["participant_id"]
        distinct = set(sent)
        missing = {one for one in distinct if len(one) <= _LONGEST_MISSING and is_missing(one)}
        at_once = _PLAIN_ID.fullmatch if self._protocol.data.id_pattern is None else re.compile("(?!)").match
        fault = [None if one in missing or at_once(one) else self._id_fault(one) for one in sent]
        present: list[str | None] = [None if one in missing else one for one in sent] if missing else list(sent)
        ids: list[Any]
        key: list[Any]
        if self._pseudonyms is None:
            names = self._plain(present)
            ids = names
            # Two new ids that differ in letter case alone may be one person: they share a key, and so conflict.
            key = [
                None if one is None else f"known {one}" if one in self._register else f"new {one.casefold()}"
                for one in names
            ]
            spelt = [""] * len(sent)
        else:
            once = sent if len(distinct) == len(sent) else list(distinct)
            hidden = self._pseudonyms.of_all(once)
            if once is not sent:
                known = dict(zip(once, hidden, strict=True))
                hidden = [known[one] for one in sent]
            ids = (
                [None if one is None else name for one, name in zip(present, hidden, strict=True)]
                if missing
                else hidden
            )
            key = ids
            spelt = [spelling(one) for one in sent]
        return {
            "participant_id": ids,
            "participant_id_lacking": ["yes" if one is None else None for one in ids] if missing else [None] * len(ids),
            "participant_id_fault": fault,
            "participant_key": key,
            "sent_id": sent,
            "spelling": spelt,
        }

    def _plain(self, sent: list[str | None]) -> list[str | None]:
        by_case = _by_case(self._register) if self._register else {}
        if not by_case:
            return sent
        spelt = [one if one is None or one in self._register else by_case.get(one.casefold(), one) for one in sent]
        changed = sum(one != other for one, other in zip(sent, spelt, strict=True))
        if changed:
            self._recased["participant_id"] += changed
        return spelt

    def _count_id_spellings(self, known: Sequence[Enrolled | None], spelt: Sequence[str]) -> None:
        if self._pseudonyms is None or not self._register:
            return
        changed = sum(one is not None and one.spelling != how for one, how in zip(known, spelt, strict=True))
        if changed:
            self._recased["participant_id"] += changed

    def _id_fault(self, participant_id: str) -> str | None:
        """What stands against an id, without the id. A leading = + - @ would run as a formula in a spreadsheet."""
        pattern = self._protocol.data.id_pattern
        if len(participant_id) > MOST_ID_CHARACTERS:
            return f"has {len(participant_id)} characters: must have at most {MOST_ID_CHARACTERS}"
        if not participant_id.isprintable():
            return "holds a character that can't be printed: must not"
        if not _is_plain(participant_id):
            return "holds a look-alike of a plain character (a wide letter, another hyphen): must be typed plainly"
        if not participant_id[0].isalnum():
            return f"starts with '{participant_id[0]}': must start with a letter or a digit"
        if pattern is not None and not self._fits(pattern, participant_id):
            return "must fit the plan's pattern (data.id_pattern), and doesn't"
        return None

    def _fits(self, pattern: str, participant_id: str) -> bool:
        compiled = re.compile(pattern, re.ASCII)
        # Letter case is mended where the register knows the id, so it doesn't count here either.
        return any(
            compiled.fullmatch(one) for one in (participant_id, participant_id.upper(), canonical(participant_id))
        )

    def _show(self, cell: str) -> str:
        """A cell as a sentence has it."""
        return quoted(cell, self._is_personal, self._words, date.fromisoformat(self._today))

    def _is_personal(self, cell: str) -> bool:
        """Whether a cell, in whatever column, is somebody's id or names them, so that no sentence may repeat it."""
        pattern = self._protocol.data.id_pattern
        if identifiers.holds_identifier(cell) or (pattern is not None and self._fits(pattern, cell)):
            return True
        if cell.isdigit() and len(cell) < _SHORT_NUMBER:
            return False  # most wrong cells are numbers, and a short one says nothing by itself
        if self._sent_ids is None:
            self._sent_ids = {canonical(one) for one in set(self.cells["participant_id"])}
        name = cell if self._pseudonyms is None else self._pseudonyms.of(cell)
        return canonical(cell) in self._sent_ids or name in self._register

    def _orders(self, known: Sequence[Enrolled | None]) -> Columns:
        sent = self.cells["entry_order"]
        whole: list[int | None] = each(sent, _whole)
        registered = [None if one is None else one.entry_order for one in known]
        if self._enrolling:
            whole = self._numbered(sent, whole, known)
        blank_is_right = [
            is_missing(cell) and (self._closed or place is not None)
            for cell, place in zip(sent, registered, strict=True)
        ]
        faults = [
            None if number or right else "not a whole number"
            for number, right in zip(whole, blank_is_right, strict=True)
        ]
        most = MOST_NUMBERS * self._protocol.monitoring.max_participants
        return {
            "entry_order": whole,
            "entry_order_fault": faults,
            "entry_order_most": [most] * len(sent),
            "entry_order_far": ["yes" if one is not None and one > most else None for one in whole],
            "entry_order_claimed": [
                None if there is None else one for one, there in zip(whole, registered, strict=True)
            ],
            "register_entry_order": registered,
        }

    def _numbered(
        self, sent: Sequence[str], whole: list[int | None], known: Sequence[Enrolled | None]
    ) -> list[int | None]:
        """Allocation numbers of a list of people that gives none: the next ones, in the order of its rows."""
        if any(not is_missing(cell) for cell in sent):
            return whole
        last = max((one.entry_order or 0 for one in self._register.values()), default=0)
        numbers: list[int | None] = []
        for one in known:
            last += one is None
            numbers.append(last if one is None else one.entry_order)
        return numbers

    def _lacking(self) -> list[str | None]:
        required = () if self._enrolling else self._protocol.data.required
        blank = {name: each(self.cells[name], is_missing) for name in required}
        if not any(any(column) for column in blank.values()):
            return [None] * len(self._rows)
        return [
            ", ".join(name for name, column in blank.items() if column[place]) or None
            for place in range(len(self._rows))
        ]

    def _cut(self) -> list[str | None]:
        """The last column's name in the last row of a file without a last line end, unless its cell is surely whole."""
        cut: list[str | None] = [None] * len(self._rows)
        last = self._delivery.columns[-1] if self._delivery.columns else None
        if self._delivery.unfinished and cut and last is not None and not self._surely_whole(last):
            cut[-1] = shorten(last, 40)
        return cut

    def _surely_whole(self, column: str) -> bool:
        if column not in self.cells:
            return True  # nothing of it is used
        cell = self.cells[column][-1]
        if column in ("enrolled_on", "observed_on"):
            return _date(cell) is not None
        primary = self._protocol.primary
        if column == primary.measure and primary.kind == "binary":
            return cell in ("0", "1")
        words = {"arm": self._arms, "site": self._sites}.get(column) or fields.words(self._protocol.data.fields, column)
        return cell in words and not any(other != cell and other.startswith(cell) for other in words)


def _is_plain(text: str) -> bool:
    """Whether no character of a text is a wide, small or special form of another one, or a hyphen of another kind."""
    if text.isascii():
        return True
    composed, taken_apart = normalize("NFC", text), normalize("NFD", text)
    return text in (composed, taken_apart) and normalize("NFKC", text) == composed and not _ODD_HYPHEN.search(text)


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


def _date_faults(sent: Sequence[str], read: Sequence[str | None], may_be_blank: bool) -> list[str | None]:
    blank = each(sent, lambda cell: may_be_blank and is_missing(cell))
    return [None if day is not None or fine else "not a date" for day, fine in zip(read, blank, strict=True)]


def _whole(cell: str) -> int | None:
    return int(cell) if _WHOLE.fullmatch(cell) and int(cell) >= 1 else None


def _registered(known: Sequence[Enrolled | None], arms: Sequence[str], sites: Sequence[str]) -> Columns:
    """What the register says of the rows' participants; None where there is nothing to compare it with."""
    iso: Callable[[Enrolled | None], str | None] = lambda one: (  # noqa: E731
        None if one is None or one.enrolled_on is None else one.enrolled_on.isoformat()
    )
    return {
        "register_arm": [None if one is None or not arm else one.arm for one, arm in zip(known, arms, strict=True)],
        "register_site": [
            None if one is None or not site else one.site for one, site in zip(known, sites, strict=True)
        ],
        "register_enrolled_on": [iso(one) for one in known],
    }


_SAME = ("arm", "site", "sent_enrolled_on", "sent_entry_order", "sent_observed_on")


def _join_repeats(facts: Columns, said: Sequence[Columns]) -> None:
    """Adds repeat_of (the row that this one repeats exactly) and conflict_rows (rows of the same participant).

    said: what the rows say of the measures.
    """
    people, rows = facts["participant_key"], len(facts["row_no"])
    facts["repeat_of"], facts["conflict_rows"] = [None] * rows, [None] * rows
    together: defaultdict[object, list[int]] = defaultdict(list)
    often = {one for one, count in Counter(people).items() if count > 1 and one is not None}
    if not often:
        return
    for place, one in enumerate(people):
        if one in often:
            together[one].append(place)
    values = [list(keys(columns)) for columns in said]
    for places in together.values():
        told = {(*(facts[name][place] for name in _SAME), *(column[place] for column in values)) for place in places}
        numbers = [str(facts["row_no"][place]) for place in places]
        if len(told) > 1:
            for place in places:
                facts["conflict_rows"][place] = ", ".join(numbers[:6]) + (", ..." if len(numbers) > 6 else "")
        else:
            for place in places[1:]:
                facts["repeat_of"][place] = facts["row_no"][places[0]]


def _join_holders(facts: Columns, register: Mapping[str, Enrolled]) -> None:
    """Adds entry_order_shared: 'yes' where an entry_order doesn't belong to the row's participant alone."""
    holders: dict[int, object] = {}
    ids, people, orders = facts["participant_id"], facts["participant_key"], facts["entry_order"]
    for name, person, order in zip(ids, people, orders, strict=True):
        # A known participant's own order is in the register: what its row claims beyond that is no claim.
        if order is not None and person is not None and name not in register:
            holders[order] = person if holders.get(order, person) == person else "several"
    if register:
        claimed = set(orders)
        if isinstance(register, PartOfRegister):
            register.look_up(numbers=claimed)
        keyed = dict(zip(ids, people, strict=True))
        for known in register.values():
            if known.entry_order is not None and known.entry_order in claimed:
                holders[known.entry_order] = keyed.get(known.participant_id, "somebody else")
    facts["entry_order_shared"] = [
        None if order is None or person is None or holders.get(order, person) == person else "yes"
        for order, person in zip(orders, people, strict=True)
    ]


def _counts(counted: Counter[str]) -> str:
    return ", ".join(f"{name} ({count} row{'s' if count > 1 else ''})" for name, count in counted.items())


def _ignored(extra: Sequence[str], pattern: str | None) -> tuple[str, ...]:
    if not extra:
        return ()
    shown = ", ".join(heading(name, (), pattern) for name in extra[:12]) + (", ..." if len(extra) > 12 else "")
    return (f"ignored extra column{'s' if len(extra) > 1 else ''}: {shown}",)
