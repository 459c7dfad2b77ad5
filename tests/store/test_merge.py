"""What a delivery changes, without a database."""

from __future__ import annotations

from datetime import datetime
from types import SimpleNamespace
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from trials.protocol import Protocol
from trials.records import Enrolled
from trials.store.merge import Known, Merge, Repeated, effective_at, merge

values = st.sampled_from([None, 0.0, 1.0])
stories = st.lists(values, min_size=1, max_size=7).flatmap(
    lambda story: st.tuples(st.just(story), st.permutations(range(len(story))))
)


class Memory:
    """The least ledger that `merge` can work with: one participant's versions and repetitions."""

    def __init__(self, protocol: Protocol, kit: Any) -> None:
        self.protocol, self.kit = protocol, kit
        self.versions: list[Known] = []
        self.repetitions: list[tuple[float, float | None]] = []
        self.register: dict[str, Enrolled] = {}

    def receive(self, sent: float, value: float | None, received: float = 6.9) -> Merge:
        record, sent_at, recorded_at = self.kit.person(1, value), self.kit.day(sent), self.kit.day(received)
        newer = {}
        for when, repeated in sorted(self.repetitions, key=lambda pair: pair[0], reverse=True):
            if when > sent:
                known_at = effective_at(self.kit.day(when), recorded_at)
                newer = {"p001": Repeated(repeated, self.kit.day(when), known_at)}
        result = merge(
            self.protocol,
            [record],
            self.register,
            {"p001": self.versions},
            newer,
            sent_at=sent_at,
            recorded_at=recorded_at,
        )
        self.register["p001"] = Enrolled("p001", record.site, record.arm, None, 1)
        self.versions += [added.version for added in result.versions]
        self.repetitions += [(sent, repeated) for repeated in result.repetitions.values()]
        return result

    def story(self) -> list[tuple[float | None, datetime, datetime]]:
        """The versions in order of sending, without those that say what the one before them said."""
        told: list[tuple[float | None, datetime, datetime]] = []
        for version in sorted(self.versions, key=lambda one: (one.sent_at, one.rev)):
            if version.value != (told[-1][0] if told else None):
                told.append((version.value, version.sent_at, version.effective_at))
        return told


def test_the_order_of_arrival_leaves_no_trace(kit: SimpleNamespace) -> None:
    """However the deliveries arrive, the versions tell the story that they tell in the order of sending."""

    @settings(max_examples=400, deadline=None, derandomize=True, database=None)
    @given(stories)
    def holds(told: tuple[list[float | None], list[int]]) -> None:
        story, arrival = told
        sent_in_order, shuffled = Memory(kit.plan(), kit), Memory(kit.plan(), kit)
        for sent, value in enumerate(story):
            sent_in_order.receive(sent, value)
        for sent in arrival:
            shuffled.receive(sent, story[sent])
        assert shuffled.story() == sent_in_order.story()

    holds()


def test_a_late_first_value_moves_when_it_counts_as_known(kit: SimpleNamespace) -> None:
    """An older delivery with the same value is kept when it shows that the value was known earlier, else only counted."""
    memory = Memory(kit.plan(), kit)
    memory.receive(6, 1.0)
    assert memory.receive(4, 1.0).duplicates == 1
    assert [version.effective_at for version in memory.versions] == [kit.day(6), kit.day(4)]
    assert memory.receive(2, 1.0, received=60).versions == []  # too far back to be believed


def test_back_dating_does_not_get_under_the_correction_window(kit: SimpleNamespace) -> None:
    """A value counts as known when it was sent, or when it was received if that is more than seven days later."""
    assert effective_at(kit.day(10), kit.day(17)) == kit.day(10)
    assert effective_at(kit.day(10), kit.day(17.01)) == kit.day(17.01)
    assert effective_at(kit.day(10), kit.day(9)) == kit.day(9)


def test_every_row_is_counted_once(kit: SimpleNamespace) -> None:
    """New, repeated and unfit rows add up to the delivery; a changed value is a correction among the new."""
    known = {
        name: Enrolled(name, record.site, record.arm, None, record.entry_order)
        for name, record in ((f"p00{number}", kit.person(number, None)) for number in (1, 2, 3))
    }
    versions = {name: [Known(1, 1.0, kit.day(0), kit.day(0))] for name in ("p001", "p002")}
    rows = [
        kit.person(1, 1.0),  # repeats
        kit.person(2, 0.0),  # corrects
        kit.person(3, None),  # still waiting
        kit.person(4, None),  # joins
        kit.person(5, 1.0),  # joins with an outcome
        kit.person(6, 1.0, arm="other"),
        kit.person(7, float("nan")),
    ]
    result = merge(kit.plan(), rows, known, versions, {}, sent_at=kit.day(1), recorded_at=kit.day(1))
    assert (result.accepted, result.duplicates, result.corrections, len(result.unfit)) == (3, 2, 1, 2)
    assert result.changed == "000000000002"
    assert result.repetitions == {"p001": 1.0, "p003": None, "p004": None}


def test_a_row_that_contradicts_the_register_is_unfit(kit: SimpleNamespace) -> None:
    """Another arm, site, date or number than the registered one, or somebody else's number, is refused with its rule."""
    first = kit.person(1, None)
    register = {"p001": Enrolled("p001", first.site, first.arm, None, 1)}
    wrong = [
        kit.person(1, 1.0, arm="control"),
        kit.person(1, 1.0, site="B"),
        kit.person(1, 1.0, entry_order=9),
        kit.person(2, 1.0, entry_order=1),
        kit.person(3, 1.0, entry_order=None),
        kit.person(4, 1.0, entry_order=10**12),
        kit.person(5, 1.0, participant_id="p\x00"),
    ]
    result = merge(kit.plan(), wrong, register, {}, {}, sent_at=kit.day(1), recorded_at=kit.day(1))
    assert [reason for _, reason in result.unfit] == [
        "arm is 'control': must be 'idea', as this participant was registered",
        "site is 'B': must be 'A', as this participant was registered",
        "entry_order is '9': must be '1', as this participant was registered",
        "entry_order is 1: must be this participant's own, another was registered under it",
        "entry_order is None: must be a whole number from 1 to 999999999",
        "entry_order is 1000000000000: must be a whole number from 1 to 999999999",
        "participant_id or site holds a NUL character: must be plain text",
    ]
    undated = merge(kit.plan(dated=True), [first], {}, {}, {}, sent_at=kit.day(1), recorded_at=kit.day(1))
    assert undated.unfit[0][1].startswith("enrolled_on is missing")


def test_a_blank_takes_nothing_back(kit: SimpleNamespace) -> None:
    """A newer row without an outcome leaves the known one in force; only the word "withdrawn" takes it back."""
    first = kit.person(1, 1.0)
    known = {"p001": Enrolled("p001", first.site, first.arm, None, 1)}
    versions = {"p001": [Known(1, 1.0, kit.day(0), kit.day(0))]}
    blank, taken_back = (kit.person(1, None, withdrawn=withdrawn) for withdrawn in (False, True))
    said = merge(kit.plan(), [blank], known, versions, {}, sent_at=kit.day(1), recorded_at=kit.day(1))
    assert (said.versions, said.repetitions, said.duplicates) == ([], {}, 1)
    said = merge(kit.plan(), [taken_back], known, versions, {}, sent_at=kit.day(1), recorded_at=kit.day(1))
    assert [added.version.value for added in said.versions] == [None]
    assert said.corrections == 1
