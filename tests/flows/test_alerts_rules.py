"""The rules of alerts: what is raised and clears, and who is told when; pure values."""

from __future__ import annotations

import json
from collections import Counter
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from trials.alerting import (
    CLAIM,
    DAY,
    HEALTH,
    KIND_NAMES,
    LONGEST_WAIT,
    VERDICTS,
    Alert,
    ChannelState,
    Finding,
    Rule,
    Told,
    due,
    health_codes,
    next_digest,
    step,
)

START = datetime(2024, 6, 3, 8, 30, tzinfo=UTC)
HOUR = timedelta(hours=1)
SUITE = Path(__file__).parents[2] / "expectations" / "suites" / "health.json"


def finding(about: str = "source", kind: str = "overdue") -> Finding:
    return Finding(kind, "first-trial", about, f"{about} is silent.")  # type: ignore[arg-type]


def raised(**changes: object) -> Alert:
    return replace(step([], [finding()], START).raised[0], **changes)  # type: ignore[arg-type]


def test_an_occurrence_is_raised_once_clears_and_comes_again_as_another() -> None:
    """The same finding twice raises one alert; gone it clears; back it is occurrence 2 of the same id."""
    first = step([], [finding()], START).raised[0]
    assert step([first], [finding()], START + HOUR) == step([], [], START)
    [over] = step([first], [], START + HOUR).cleared
    assert over.cleared_at == START + HOUR
    [again] = step([over], [finding()], START + 2 * HOUR).raised
    assert (again.id, again.occurrence, over.occurrence) == (first.id, 2, 1)
    assert step([first], [], START + HOUR, asked=lambda _: False).cleared == ()


def test_what_another_judged_a_moment_later_stands() -> None:
    """Findings that are older than a change by seconds neither clear what was raised since, nor raise what cleared since."""
    before = START - timedelta(seconds=5)
    assert step([raised()], [], before).cleared == ()
    assert step([raised(cleared_at=START)], [finding()], before).raised == ()
    long_before = START - DAY  # a clock that was set back is no race
    assert len(step([raised()], [], long_before).cleared) == 1
    assert len(step([raised(cleared_at=START)], [finding()], long_before).raised) == 1


def test_a_changed_sentence_is_no_new_occurrence() -> None:
    """What an alert says may change while it lasts; it is the same alert."""
    [after] = step([raised()], [replace(finding(), sentence="Still silent.")], START + HOUR).changed
    assert (after.sentence, after.occurrence, after.raised_at) == ("Still silent.", 1, START)


def test_grace_passes_before_anybody_is_told() -> None:
    """Within two days nothing; after them it is raised; one that cleared within them is never told of."""
    rule = Rule("ops", grace={"overdue": 2 * DAY})
    assert due(raised(), [], rule, START + DAY) is None
    assert due(raised(), [], rule, START + 2 * DAY) == ("raised", 1)
    assert due(raised(cleared_at=START + DAY), [], rule, START + 3 * DAY) is None
    assert due(raised(cleared_at=START + 2.5 * DAY), [], rule, START + 3 * DAY) == ("passed", 1)


def test_what_was_over_before_there_was_a_channel_is_not_told_there() -> None:
    """A new channel hears of what stands, not of last month."""
    over = raised(cleared_at=START + HOUR)
    assert due(over, [], Rule("new", since=START + 2 * HOUR), START + 3 * HOUR) is None
    assert due(over, [], Rule("old", since=START), START + 3 * HOUR) == ("passed", 1)
    assert due(raised(), [], Rule("new", since=START + 2 * HOUR), START + 3 * HOUR) == ("raised", 1)


@pytest.mark.parametrize(
    ("digest", "told"),
    [
        ("now", START),
        ("hourly", START + 0.5 * HOUR),
        ("daily 08:00", START + 23.5 * HOUR),
        ("daily 09:00", START + 0.5 * HOUR),
    ],
)
def test_a_digest_waits_for_its_time(digest: str, told: datetime) -> None:
    """Raised at 08:30, it is told at once, at 09:00, at 08:00 of the next day; not a second before."""
    assert next_digest(START, digest) == told
    rule = Rule("ops", digest=digest)
    assert due(raised(), [], rule, told) == ("raised", 1)
    if told > START:
        assert due(raised(), [], rule, told - timedelta(seconds=1)) is None


def test_reminders_stop_when_somebody_sees_to_it() -> None:
    """Every three days, numbered; none once it is acknowledged; what cleared is told to whoever was told."""
    rule, told = Rule("ops", remind=3 * DAY), [Told("raised", 1, START, START)]
    assert due(raised(), told, rule, START + 2 * DAY) is None
    assert due(raised(), told, rule, START + 3 * DAY) == ("reminder", 1)
    told.append(Told("reminder", 1, START + 3 * DAY, START + 3 * DAY))
    assert due(raised(), told, rule, START + 5 * DAY) is None
    assert due(raised(), told, rule, START + 6 * DAY) == ("reminder", 2)
    seen = raised(acknowledged_by="Olu", acknowledged_at=START + DAY)
    assert due(seen, told, rule, START + 6 * DAY) is None
    assert due(replace(seen, cleared_at=START + 7 * DAY), told, rule, START + 7 * DAY) == ("cleared", 1)


def test_a_claim_that_is_old_is_told_by_somebody_else() -> None:
    """While one tells, no other does; a failed one is due at once, a dead one's after the time limit."""
    rule = Rule("ops")
    assert due(raised(), [Told("raised", 1, START)], rule, START + CLAIM / 2) is None
    assert due(raised(), [Told("raised", 1, START)], rule, START + CLAIM) == ("raised", 1)
    assert due(raised(), [Told("raised", 1, START, failed=True)], rule, START) == ("raised", 1)
    over = raised(cleared_at=START + HOUR)
    assert due(over, [Told("raised", 1, START, failed=True)], rule, START + HOUR) == ("raised", 1)


def test_a_clock_that_was_a_year_ahead_silences_nothing() -> None:
    """Raised, told or failed a year ahead of now: raising, reminding and trying again go on."""
    ahead = START + 365 * DAY
    rule = Rule("ops", digest="daily 08:00", grace={"overdue": 2 * DAY}, remind=3 * DAY)
    assert due(raised(raised_at=ahead), [], rule, START) == ("raised", 1)
    assert due(raised(), [Told("raised", 1, ahead, ahead)], replace(rule, digest="now"), START) == ("reminder", 1)
    assert ChannelState("ops", START, 1, ahead, "x", ahead + HOUR).rests(START) is False
    assert ChannelState("ops", START).after("x", START).rests(START + timedelta(minutes=4)) is True


def test_a_failing_channel_waits_longer_each_time() -> None:
    """5, 10, 20 minutes, and so on to six hours; one success and it begins anew."""
    state, waits = ChannelState("ops", START), []
    for _ in range(9):
        state = state.after("refused", START)
        assert state.next_try_at is not None
        waits.append((state.next_try_at - START).total_seconds() / 60)
    assert waits[:3] == [5, 10, 20]
    assert waits[-1] == LONGEST_WAIT.total_seconds() / 60
    assert state.after(None, START).failures == 0


def test_every_check_of_health_has_its_words_without_a_number() -> None:
    """Each description of the suite is known by its beginning, and what is alarmed holds no digit and no placeholder."""
    suite = json.loads(SUITE.read_text(encoding="utf-8"))
    for one in suite["expectations"]:
        text = one["description"].replace("{site}", "the site North").replace("{enrolled}", "60 (usual) and 20 (new)")
        assert list(health_codes([text])) == [one["meta"]["rule"]], text
    assert health_codes(["12 rows corrected an earlier value", "In all, fine"]) == {}
    said = [sentence for _, _, sentence in HEALTH] + list(VERDICTS.values())
    assert not any(sign.isdigit() or sign in "{}" for sentence in said for sign in sentence)


class World:
    """A small world with processes that die, clocks that jump and channels that fail; what was told, by key."""

    def __init__(self, rules: list[Rule]) -> None:
        self.alerts: list[Alert] = []
        self.told: dict[tuple[str, int, str], list[Told]] = {}
        self.rules, self.sent = rules, Counter[tuple[str, int, str, str, int]]()
        self.raised: set[tuple[str, int]] = set()

    def newest(self) -> list[Alert]:
        return list({one.id: one for one in self.alerts}.values())

    def judge(self, findings: list[Finding], now: datetime) -> None:
        did = step(self.newest(), findings, now)
        for one in (*did.cleared, *did.changed):
            self.alerts[
                next(at for at, old in enumerate(self.alerts) if (old.id, old.occurrence) == (one.id, one.occurrence))
            ] = one
        self.alerts += did.raised
        self.raised |= {(one.id, one.occurrence) for one in did.raised}

    def tell(self, now: datetime, ends: str) -> None:
        """ends: 'sent', 'failed', or 'killed' before anything went out."""
        for rule in self.rules:
            for one in self.alerts:
                rows = self.told.setdefault((one.id, one.occurrence, rule.channel), [])
                what = due(one, rows, rule, now)
                if what is None:
                    continue
                rows[:] = [row for row in rows if (row.what, row.number) != what]
                rows.append(Told(*what, now, now if ends == "sent" else None, ends == "failed"))
                if ends == "sent":
                    self.sent[(one.id, one.occurrence, rule.channel, *what)] += 1


MOVES = st.sampled_from([HOUR, CLAIM, 3 * DAY, -HOUR, -40 * DAY, 400 * DAY, timedelta(0)])
STEPS = st.lists(
    st.tuples(st.sets(st.sampled_from("abc")), MOVES, st.sampled_from(["sent", "failed", "killed"])), max_size=14
)
RULES = [
    Rule("now"),
    Rule("digest", digest="daily 08:00", grace={"overdue": 2 * DAY}, remind=3 * DAY),
    Rule("verdicts", kinds=("verdict",)),
]


@given(STEPS)
@settings(max_examples=300, deadline=None)
def test_nothing_is_told_twice_and_nothing_that_lasts_is_lost(steps: list[tuple[set[str], timedelta, str]]) -> None:
    """Whatever dies, fails or jumps: no telling twice; what lasts is told once clocks and channels are well for a week."""
    world, now = World(RULES), START
    for causes, moved, ends in steps:
        now += moved
        world.judge([finding(about) for about in sorted(causes)], now)
        world.tell(now, ends)
    lasting = [finding(about) for about in "abc"]
    for _ in range(9):
        now += DAY
        world.judge(lasting, now)
        world.tell(now, "sent")
    assert max(world.sent.values()) == 1
    for one in world.newest():
        assert one.open
        for channel in ("now", "digest"):
            assert world.sent[(one.id, one.occurrence, channel, "raised", 1)] == 1
    assert not any(key[2] == "verdicts" for key in world.sent)
    told_over = {key[:3] for key in world.sent if key[3] == "cleared"}
    assert told_over <= {key[:3] for key in world.sent if key[3] == "raised"}


def test_each_kind_has_all_that_is_said_of_it() -> None:
    """Kinds and names are one list, and what is said where nobody may read is without a number."""
    from trials.alerting import KINDS

    assert tuple(kind.name for kind in KINDS) == KIND_NAMES
    assert not any(sign.isdigit() for kind in KINDS for sign in kind.untold)
