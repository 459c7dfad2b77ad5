"""The columnar way of taking a delivery in says the same as the row by row one."""

from __future__ import annotations

from operator import itemgetter
from types import SimpleNamespace
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from trials.protocol import Protocol
from trials.records import Enrolled, Measured, Record, Records
from trials.store import ledger
from trials.store.additions import Additions, added
from trials.store.engine import reading
from trials.store.fresh import Fresh, order_keys, taken
from trials.store.merge import Known, Reading, Repeated, Subject, merge
from trials.store.models import metadata

INF = float("inf")
numbers = st.integers(1, 6)
values = st.sampled_from([None, None, 0.0, 1.0, 2.0, INF])
measured = st.builds(
    Measured,
    measure=st.sampled_from(["hurt", "hurt", "falls", "other"]),
    value=st.sampled_from([None, 0.0, 1.0, -INF]),
    companion=st.sampled_from([None, 1.0]),
    withdrawn=st.booleans(),
)


@st.composite
def deliveries(draw: st.DrawFn, kit: Any, *, dated: bool) -> list[Record]:
    """Rows of six people, most of them sound: some named twice, with each other's numbers, or with what can't go in."""
    found = []
    for row_no in range(1, draw(st.integers(1, 8)) + 1):
        number = draw(numbers)
        odd = draw(
            st.sampled_from([{}] * 9 + [{"arm": "x"}, {"site": "A\x00"}, {"entry_order": None}, {"enrolled_on": None}])
        )
        if draw(st.integers(0, 9)) == 0:
            odd = {
                **odd,
                "entry_order": draw(st.integers(0, 7)),
                "participant_id": draw(st.sampled_from(["p001", "z\x00"])),
            }
        fields = {
            "row_no": row_no,
            "value": draw(values),
            "companion": draw(st.sampled_from([None, 1.0, 2.0])),
            "withdrawn": draw(st.booleans()),
            "guardrails": tuple(draw(st.lists(measured, max_size=2))),
            "spelling": draw(st.sampled_from(["", "lower"])),
            "observed_on": draw(st.sampled_from([None, kit.day(3).date()])),
        }
        sound = kit.person(number, None, joined=number if dated else None)
        found.append(Record(**{**{name: getattr(sound, name) for name in Record.__slots__}, **fields, **odd}))
    return found


class Memory:
    """What a ledger holds, in a way that both ways of merging can be shown it."""

    def __init__(self) -> None:
        self.register: dict[str, Enrolled] = {}
        self.versions: dict[Subject, list[Known]] = {}
        self.repeated: list[tuple[Any, dict[str, dict[str, Reading]]]] = []

    def newer(self, sent_at: Any) -> dict[Subject, Repeated]:
        found: dict[Subject, Repeated] = {}
        for sent, told in sorted(self.repeated, key=lambda pair: pair[0]):
            for name, said in told.items() if sent > sent_at else ():
                for measure, repeated in said.items():
                    found.setdefault((name, measure), Repeated(repeated, sent, sent))
        return found

    def take(self, additions: Additions, sent_at: Any) -> None:
        columns = additions.enrolments
        for who in zip(
            *(columns[name] for name in ("participant_id", "site", "arm", "enrolled_on", "entry_order")), strict=True
        ):
            self.register[who[0]] = Enrolled(*who)
        names = ("rev", "value", "sent_at", "effective_at", "companion", "participant_id", "measure")
        for *known, name, measure in sorted(
            zip(*(additions.versions[column] for column in names), strict=True), key=itemgetter(0)
        ):
            self.versions.setdefault((name, measure), []).append(Known(*known))
        self.repeated.append((sent_at, additions.repetitions))


def both(protocol: Protocol, rows: list[Record], memory: Memory, at: dict[str, Any]) -> tuple[Additions, Additions]:
    newer = memory.newer(at["sent_at"])
    busy = {name for name, _ in memory.versions} | {name for name, _ in newer}
    fresh, rest = taken(protocol, Records.of(rows), memory.register, busy, **at)
    by_column = added(fresh, merge(protocol, rest, memory.register, memory.versions, newer, **at))
    return by_column, added(Fresh(), merge(protocol, rows, memory.register, memory.versions, newer, **at))


@pytest.mark.parametrize("dated", [False, True])
def test_columns_say_what_rows_say(kit: SimpleNamespace, dated: bool) -> None:
    """After any deliveries before it, a delivery adds the same rows and counts the same whichever way it is taken."""
    protocol = kit.watched().model_copy(
        update={"order_by": ("enrolled_on", "entry_order") if dated else ("entry_order",)}
    )
    plain = 0

    @settings(max_examples=250, deadline=None, derandomize=True, database=None)
    @given(st.lists(st.tuples(deliveries(kit, dated=dated), st.integers(0, 5)), min_size=1, max_size=4))
    def holds(story: list[tuple[list[Record], int]]) -> None:
        nonlocal plain
        memory = Memory()
        for rows, sent in story:
            at = {"sent_at": kit.day(sent), "recorded_at": kit.day(6)}
            by_column, by_row = both(protocol, rows, memory, at)
            assert by_column == by_row
            assert by_column.accepted + by_column.duplicates + len(by_column.unfit) == len(rows)
            _, rest = taken(protocol, Records.of(rows), memory.register, {name for name, _ in memory.versions}, **at)
            plain += len(rows) - len(rest)
            memory.take(by_column, kit.day(sent))

    holds()
    assert plain > 250  # the columnar way was taken often enough for this to say something


def test_order_keys_are_those_of_one_person(kit: SimpleNamespace) -> None:
    """Made for many at once they are the ones that the sealed order is defined by."""
    from trials.settling import order_key

    days, numbers = [kit.day(3).date(), kit.day(1).date(), None], [3, 123_456_789, None]
    for protocol in (kit.plan(), kit.plan(dated=True)):
        assert order_keys(protocol, days, numbers) == [
            order_key(protocol, day, number) for day, number in zip(days, numbers, strict=True)
        ]


def test_a_large_delivery_is_stored_as_a_small_one_is(store: Any, kit: SimpleNamespace) -> None:
    """COPY and INSERT put the same rows in: people in one delivery of 1,500 rows equal those in three of 500."""
    ends = []
    for trial, size in (("one", 1_500), ("three", 500)):
        desk = kit.sealed(store, kit.watched(trial))
        said = (Measured("falls", 1.0, 2.0),)
        for first in range(1, 1_501, size):
            rows = [
                kit.person(
                    n, float(n % 5), companion=n / 7, guardrails=said if n % 2 else (), observed_on=kit.day(n).date()
                )
                for n in range(first, first + size)
            ]
            desk.send(f"from {first}", rows, sent=1)
        with reading(store) as connection:
            held = [
                sorted(
                    (*row[: names.index("batch_seq")], *row[names.index("batch_seq") + 1 :])[1:]
                    for row in connection.execute(
                        metadata.tables[table].select().where(metadata.tables[table].c.trial_id == trial)
                    )
                )
                for table in ("enrolment", "observation")
                if (names := list(metadata.tables[table].c.keys()))
            ]
        ends.append([repr(rows) for rows in held])
        last = ledger.recompute(store, trial, 1500 // size)
        assert (last.n, last.enrolled) == (1_500, 1_500)
        assert desk.send("again", rows, sent=2).duplicates == size
    assert ends[0] == ends[1]


def test_what_only_merge_may_judge_is_left_to_it(kit: SimpleNamespace) -> None:
    """Somebody new under another person's number, and values that are no numbers: as merge alone would have it."""
    protocol, memory = kit.watched(), Memory()
    memory.register["p001"] = Enrolled("p001", "A", "idea", None, 5)
    rows = [
        kit.person(5, 1.0, companion=1.0),
        kit.person(6, 1.0, companion=INF),
        kit.person(7, -INF, companion=1.0),
        kit.person(8, 1.0, companion=1.0),
    ]
    at = {"sent_at": kit.day(1), "recorded_at": kit.day(1)}
    by_column, by_row = both(protocol, rows, memory, at)
    assert by_column == by_row
    assert [record.participant_id for record, _ in by_column.unfit] == ["p005", "p006", "p007"]
    assert by_column.accepted == 1
