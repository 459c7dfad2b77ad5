"""What a delivery changes, without a database."""

from __future__ import annotations

from datetime import datetime
from types import SimpleNamespace
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from trials.protocol import Protocol
from trials.records import Enrolled, Measured
from trials.store.merge import NOTHING, Known, Merge, Reading, Repeated, Subject, effective_at, merge

# What one delivery says of one measure: a value with its companion, "withdrawn" (NOTHING), or not a word (None).
readings = st.sampled_from([None, NOTHING, (0.0, 1.0), (1.0, 1.0), (1.0, 2.0)])
Said = tuple[Reading | None, Reading | None]
stories = st.lists(st.tuples(readings, readings), min_size=1, max_size=7).flatmap(
    lambda story: st.tuples(st.just(story), st.permutations(range(len(story))))
)
Story = list[tuple[Reading, datetime, datetime]]


class Memory:
    """The least ledger that `merge` can work with: one participant's versions and repetitions."""

    def __init__(self, protocol: Protocol, kit: Any) -> None:
        self.protocol, self.kit = protocol, kit
        self.versions: dict[Subject, list[Known]] = {}
        self.repetitions: list[tuple[float, dict[str, Reading]]] = []
        self.register: dict[str, Enrolled] = {}

    def receive(self, sent: float, said: Reading | None, falls: Reading | None = None, received: float = 6.9) -> Merge:
        value, companion = said or NOTHING
        guardrails = [] if falls is None else [Measured("falls", *falls, withdrawn=falls == NOTHING)]
        changes = {"companion": companion, "withdrawn": said == NOTHING, "guardrails": tuple(guardrails)}
        record, sent_at, recorded_at = self.kit.person(1, value, **changes), self.kit.day(sent), self.kit.day(received)
        result = merge(
            self.protocol,
            [record],
            self.register,
            self.versions,
            self._newer(sent, recorded_at),
            sent_at=sent_at,
            recorded_at=recorded_at,
        )
        self.register["p001"] = Enrolled("p001", record.site, record.arm, None, 1)
        for added in result.versions:
            self.versions.setdefault(("p001", added.measure), []).append(added.version)
        self.repetitions += [(sent, repeated) for repeated in result.repetitions.values()]
        return result

    def _newer(self, sent: float, recorded_at: datetime) -> dict[Subject, Repeated]:
        newer: dict[Subject, Repeated] = {}
        for when, repeated in sorted(self.repetitions, key=lambda pair: pair[0], reverse=True):
            if when > sent:
                known_at = effective_at(self.kit.day(when), recorded_at)
                for measure, reading in repeated.items():
                    newer["p001", measure] = Repeated(reading, self.kit.day(when), known_at)
        return newer

    def of(self, measure: str) -> list[Known]:
        return self.versions.get(("p001", measure), [])

    def story(self, measure: str) -> Story:
        """The versions in order of sending, without those that say what the one before them said."""
        told: Story = []
        for version in sorted(self.of(measure), key=lambda one: (one.sent_at, one.rev)):
            if version.reading != (told[-1][0] if told else NOTHING):
                told.append((version.reading, version.sent_at, version.effective_at))
        return told


def test_the_order_of_arrival_leaves_no_trace(kit: SimpleNamespace) -> None:
    """However the deliveries arrive, each measure's versions tell the story that they tell in the order of sending."""

    @settings(max_examples=400, deadline=None, derandomize=True, database=None)
    @given(stories)
    def holds(told: tuple[list[Said], list[int]]) -> None:
        story, arrival = told
        sent_in_order, shuffled = Memory(kit.watched(), kit), Memory(kit.watched(), kit)
        for sent, said in enumerate(story):
            sent_in_order.receive(sent, *said)
        for sent in arrival:
            shuffled.receive(sent, *story[sent])
        for measure in ("y", "falls"):
            assert shuffled.story(measure) == sent_in_order.story(measure)

    holds()


def test_one_measures_history_is_not_anothers(kit: SimpleNamespace) -> None:
    """What is said of a guardrail leaves the primary measure's versions as they are without it, and the reverse."""

    @settings(max_examples=200, deadline=None, derandomize=True, database=None)
    @given(stories)
    def holds(told: tuple[list[Said], list[int]]) -> None:
        story, arrival = told
        both, primary_alone, falls_alone = (Memory(kit.watched(), kit) for _ in range(3))
        for sent in arrival:
            both.receive(sent, *story[sent])
            primary_alone.receive(sent, story[sent][0])
            falls_alone.receive(sent, None, story[sent][1])
        assert both.of("y") == primary_alone.of("y")
        assert both.of("falls") == falls_alone.of("falls")

    holds()


def test_a_change_of_the_companion_alone_is_a_correction(kit: SimpleNamespace) -> None:
    """The same count in a longer time is another reading, of the primary measure as of a guardrail."""
    memory = Memory(kit.watched(), kit)
    assert memory.receive(0, (2.0, 1.0), (1.0, 1.0)).accepted == 1
    assert memory.receive(1, (2.0, 4.0), (1.0, 1.0)).corrections == 1
    assert memory.receive(2, (2.0, 4.0), (1.0, 4.0)).corrections == 1
    assert memory.receive(3, (2.0, 4.0), (1.0, 4.0)).duplicates == 1
    assert [version.reading for version in memory.of("y")] == [(2.0, 1.0), (2.0, 4.0)]
    assert [version.reading for version in memory.of("falls")] == [(1.0, 1.0), (1.0, 4.0)]


def test_counts_are_of_rows_whatever_they_say(kit: SimpleNamespace) -> None:
    """A row is a correction if any known reading changed, accepted if anything is new; `changed` tells in either case."""
    memory = Memory(kit.watched(), kit)
    counts = []
    for sent, said in enumerate(
        [
            (None, None),  # joins
            (None, (0.0, 1.0)),  # a guardrail's first value
            ((1.0, 1.0), (2.0, 1.0)),  # the primary's first value beside a changed guardrail
            ((1.0, 1.0), NOTHING),  # takes the guardrail back
            (None, None),  # says nothing
        ]
    ):
        result = memory.receive(sent, *said)
        counts.append((result.accepted, result.corrections, result.duplicates, result.changed is not None))
    assert counts == [(1, 0, 0, True), (1, 0, 0, True), (1, 1, 0, True), (1, 1, 0, True), (0, 0, 1, False)]


def test_a_late_first_value_moves_when_it_counts_as_known(kit: SimpleNamespace) -> None:
    """An older delivery with the same value is kept when it shows that the value was known earlier, else only counted."""
    memory = Memory(kit.plan(), kit)
    memory.receive(6, (1.0, None))
    assert memory.receive(4, (1.0, None)).duplicates == 1
    assert [version.effective_at for version in memory.of("y")] == [kit.day(6), kit.day(4)]
    assert memory.receive(2, (1.0, None), received=60).versions == []  # too far back to be believed


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
    versions = {(name, "y"): [Known(1, 1.0, kit.day(0), kit.day(0))] for name in ("p001", "p002")}
    rows = [
        kit.person(1, 1.0),  # repeats
        kit.person(2, 0.0),  # corrects
        kit.person(3, None),  # still waiting
        kit.person(4, None),  # joins
        kit.person(5, 1.0),  # joins with an outcome
        kit.person(6, 1.0, arm="other"),
        kit.person(7, float("nan")),
        kit.person(8, 1.0, companion=float("inf")),
        kit.person(9, 1.0, guardrails=(Measured("hurt", 1.0),)),
    ]
    result = merge(kit.plan(), rows, known, versions, {}, sent_at=kit.day(1), recorded_at=kit.day(1))
    assert (result.accepted, result.duplicates, result.corrections, len(result.unfit)) == (3, 2, 1, 4)
    assert result.changed == "000000000002"
    assert result.repetitions == {"p001": {"y": (1.0, None)}, "p003": {"y": NOTHING}, "p004": {"y": NOTHING}}


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
    versions = {("p001", "y"): [Known(1, 1.0, kit.day(0), kit.day(0))]}
    blank, taken_back = (kit.person(1, None, withdrawn=withdrawn) for withdrawn in (False, True))
    said = merge(kit.plan(), [blank], known, versions, {}, sent_at=kit.day(1), recorded_at=kit.day(1))
    assert (said.versions, said.repetitions, said.duplicates) == ([], {}, 1)
    said = merge(kit.plan(), [taken_back], known, versions, {}, sent_at=kit.day(1), recorded_at=kit.day(1))
    assert [added.version.value for added in said.versions] == [None]
    assert said.corrections == 1
