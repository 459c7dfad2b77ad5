"""Standing: findings are read off stored facts as of a time, and the commands that bring those facts in."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
import typer
from hypothesis import given, settings
from hypothesis import strategies as st
from typer.testing import CliRunner, Result

from flows import reported
from flows.keys import Keys
from flows.stopping import add
from flows.work import Door
from trials.acts.safety_events import SAFETY_EVENT, SafetyEvent, must_name_nobody
from trials.acts.staff_time import STAFF_TIME, must_be_code
from trials.errors import DataError, ForbiddenError, NotSealedError, UnknownTrialError
from trials.protocol import Protocol, from_content
from trials.records import Checked, Delivery, Record, Rejection, Row
from trials.store import acts, granting, ledger, standing, verifying
from trials.store.engine import Store, open_store, reading

START = datetime(2026, 1, 5, tzinfo=UTC)
RUNNER = CliRunner()
APP = typer.Typer()
add(APP)
CSV = "staff,week,tenure_weeks,cases,minutes\n"


def plan(**changes: Any) -> Protocol:
    content = {
        "trial": "a-trial",
        "question": "?",
        "owner": "tests",
        "programme": "north",
        "sites": [{"id": "A"}, {"id": "B"}],
        "arms": [{"id": "usual", "role": "control"}, {"id": "idea"}],
        "primary": {
            "measure": "y",
            "kind": "binary",
            "better": "lower",
            "baseline": 0.4,
            "worthwhile": 0.2,
            "follow_up": "7 days",
        },
        "data": {"report_within": "7 days"},
        "monitoring": {"max_participants": 400},
        "stopping": {
            "recruitment": {"per_month": 60, "grace_months": 0},
            "staff_time": {"minutes_at_most": 45, "settle_weeks": 4},
            "data_quality": {"missing_at_most": 0.1, "set_aside_at_most": 0.1},
            "safety": {"related_at_most": 2},
        },
        "source": {"connector": "folder", "path": "in"},
    }
    return from_content({**content, **changes})


def day(number: float) -> datetime:
    return START + timedelta(days=number)


@dataclass
class Desk:
    """A home with one sealed trial, its key, and short words for filling it."""

    home: Path
    store: Store
    protocol: Protocol

    @property
    def door(self) -> Door:
        return Door(self.home, Keys(self.home / "keys"))

    def send(self, name: str, rows: Sequence[Record], on: float, aside: int = 0) -> None:
        hidden = self.door.pseudonyms(self.store, "a-trial")
        assert hidden is not None
        kept = tuple(replace(row, participant_id=hidden.of(row.participant_id)) for row in rows)
        delivery = Delivery(
            "a-trial", "folder:in", name, hashlib.sha256(name.encode()).hexdigest(), day(on), ("participant_id",),
            tuple(Row(number + 1, {}) for number in range(len(rows) + aside)),
        )  # fmt: skip
        rejected = tuple(Rejection(len(rows) + one + 1, "no arm", {}) for one in range(aside))
        checked = Checked(accepted=kept, rejected=rejected)
        ledger.record(
            self.store, delivery, checked, recorded_at=day(on), as_of=day(on), key=hidden.fingerprint, seal=hidden.seal
        )

    def run(self, *words: str) -> Result:
        return RUNNER.invoke(APP, [*words, "--home", str(self.home)])

    def json(self, *words: str) -> Any:
        done = self.run(*words, "--json")
        assert done.exit_code == 0, done.output
        return json.loads(done.output)


def person(number: int, joined: int, value: float | None = None) -> Record:
    return Record(
        number, f"p{number:03d}", "AB"[number % 2], ("usual", "idea")[number // 2 % 2], day(joined).date(), number, None, value
    )  # fmt: skip


@pytest.fixture
def desk(tmp_path: Path) -> Iterator[Desk]:
    store = open_store(f"sqlite:///{tmp_path / 'roadtest.db'}")
    ledger.register(store, plan(), by="Ann", at=START)
    ledger.seal(store, "a-trial", by="Bea", at=START)
    yield Desk(tmp_path, store, plan())
    store.close()


def levels(desk: Desk, on: float) -> dict[str, str]:
    return {one.rule: one.level for one in standing.standing(desk.store, "a-trial", day(on))}


def weeks(minutes: int, people: int = 5, count: int = 30) -> str:
    rows = [
        f"S{one},{date(2026, 1, 5) + timedelta(weeks=week)},{week},6,{6 * minutes}"
        for one in range(people)
        for week in range(count)
    ]
    return CSV + "\n".join(rows) + "\n"


def test_findings_come_from_stored_facts_as_of_a_time(desk: Desk) -> None:
    """What came later changes nothing of what was said before it, and reading stores nothing."""
    desk.send("first", [person(number, number // 2) for number in range(1, 41)], 21)
    before = standing.standing(desk.store, "a-trial", day(22), small=True)
    desk.send("second", [person(number, 20 + number) for number in range(41, 61)], 82, aside=30)
    reported.report_safety(
        desk.store, "a-trial", SafetyEvent(day=day(80).date(), serious=True, kind="death", text="found at home"),
        participant="P003", by="Ann", at=day(83), door=desk.door,
    )  # fmt: skip
    with reading(desk.store) as connection:
        held = len(connection.exec_driver_sql("select * from act").all())
    assert standing.standing(desk.store, "a-trial", day(22), small=True) == before
    assert levels(desk, 22)["recruitment"] == "fine"
    assert levels(desk, 84) == {
        "safety_event": "stop", "recruitment": "stop", "set_aside": "watch", "missing": "stop", "safety_rate": "fine",
        "staff_time": "fine",
    }  # fmt: skip
    with reading(desk.store) as connection:
        assert len(connection.exec_driver_sql("select * from act").all()) == held
    assert verifying.verify(desk.store) == []


def test_an_unsealed_or_unknown_trial_has_no_standing(desk: Desk) -> None:
    """Rules are those of a sealed plan."""
    with pytest.raises(UnknownTrialError):
        standing.standing(desk.store, "no-such", day(1))
    ledger.register(desk.store, plan(trial="b-trial"), by="Ann", at=START)
    with pytest.raises(NotSealedError):
        standing.standing(desk.store, "b-trial", day(1))


def test_the_last_word_on_a_week_counts(desk: Desk) -> None:
    """The same file again is the same upload; a later one takes the place of the weeks that it names, and of no others."""
    slow, better = desk.home / "slow.csv", desk.home / "better.csv"
    slow.write_text(weeks(70), encoding="utf-8")
    better.write_text(weeks(40), encoding="utf-8")
    first = desk.json("staff-time", "a-trial", str(slow), "--by", "Ann", "--sent-at", "2026-09-01")
    assert desk.json("staff-time", "a-trial", str(slow), "--by", "Ann", "--sent-at", "2026-09-01") == first
    assert levels(desk, 300)["staff_time"] == "stop"
    again = desk.json("staff-time", "a-trial", str(better), "--by", "Ann", "--sent-at", "2026-09-02")
    assert again["act"] == first["act"] + 1
    assert levels(desk, 300)["staff_time"] == "fine"
    assert levels(desk, 239.9)["staff_time"] == "fine"  # before anything was sent
    # A file that says what the first one said, sent later still.
    desk.json("staff-time", "a-trial", str(slow), "--by", "Ann", "--sent-at", "2026-09-03")
    assert levels(desk, 300)["staff_time"] == "stop"
    # What was sent first but came in last doesn't count.
    desk.json("staff-time", "a-trial", str(better), "--by", "Ann", "--sent-at", "2026-08-31")
    assert levels(desk, 300)["staff_time"] == "stop"


def test_staff_are_pseudonyms_and_names_are_refused(desk: Desk) -> None:
    """No code of staff stands in the database as it was sent; a name is refused, and the sentence does not repeat it."""
    file = desk.home / "staff.csv"
    file.write_text(CSV + "S07,2026-W05,0,4,200\n", encoding="utf-8")
    assert desk.run("staff-time", "a-trial", str(file), "--by", "Ann").exit_code == 0
    [act] = acts.acts(desk.store, "a-trial", [STAFF_TIME])
    assert act.body.rows[0].week == date(2026, 1, 26)  # type: ignore[attr-defined]
    assert len(act.body.rows[0].staff) == 30  # type: ignore[attr-defined]
    for name in ("Sarah", "Sarah Jones", "s.jones1@mail.org", "07700900123 ext", ""):
        file.write_text(CSV + f"S08,2026-W05,0,4,200\n{name},2026-W05,0,4,200\n", encoding="utf-8")
        done = desk.run("staff-time", "a-trial", str(file), "--by", "Ann")
        assert done.exit_code == 1
        assert "row 2: staff is no code" in done.output
        assert not name or name not in done.output
    assert len(acts.acts(desk.store, "a-trial", [STAFF_TIME])) == 1


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("", "must have a header"),
        ("staff,week,cases,minutes\nS1,2026-W05,1,10\n", "either tenure_weeks or started_week"),
        (CSV, "and rows below it"),
        (CSV + "S1,soon,0,4,200\n", "row 1: week can't be read"),
        (CSV + "S1,2026-W05,0,4\n", "row 1 has more or fewer cells"),
        (CSV + "S1,2026-W05,0,4.5,200\n", "row 1: cases can't be used, must be a whole number"),
        (CSV + "S1,2026-W05,0,4,nan\n", "row 1: minutes can't be used"),
        (CSV + "S1,2026-W05,0,4,10081\n", "row 1: minutes can't be used"),
        (CSV + "S1,2027-W05,0,4,200\n", "must not lie in the future"),
        (
            CSV + "S1,2026-W05,0,4,200\ns1,2026-01-28,0,4,200\n",
            "row 2 is of the same member of staff and week as row 1",
        ),
        ("staff;week;started_week;cases;minutes\nS1;2026-W05;2026-W09;4;200\n", "row 1: started_week lies after week"),
    ],
)
def test_a_file_that_cant_be_read_is_refused_whole(text: str, says: str) -> None:
    """One sentence with the row, its column and the rule."""
    with pytest.raises(DataError, match=says):
        reported.worked_weeks(text, str.lower, until=date(2026, 6, 1))


@settings(max_examples=60, deadline=None)
@given(text=st.text(alphabet=st.sampled_from('S1,;\n"2026-W05.x é'), max_size=80))
def test_no_file_fails_otherwise(text: str) -> None:
    """Whatever a file holds below its header: it is taken in, or refused in one sentence."""
    said = ""
    try:
        rows = reported.worked_weeks(CSV + text, str.lower, until=date(2026, 6, 1))
    except DataError as error:
        rows, said = (), str(error)
    assert bool(rows) != bool(said)
    assert "\n" not in said


def test_it_may_be_tomorrow_already_where_something_happened(desk: Desk) -> None:
    """In the east it is, while UTC has the day before; a day later is a slip."""
    event = SafetyEvent(day=day(3).date(), serious=True, kind="death", text="found at home")
    with pytest.raises(DataError, match="must not lie after"):
        reported.report_safety(desk.store, "a-trial", event, participant=None, by="Ann", at=day(1), door=desk.door)
    assert reported.report_safety(
        desk.store, "a-trial", event, participant=None, by="Ann", at=day(2), door=desk.door
    ).seq


def test_safety_events_are_reported_and_judged(desk: Desk) -> None:
    """Reported by a site, judged by the steward; enrolment waits in between; the newest word counts, and all stay on record."""
    desk.send("first", [person(number, number // 2) for number in range(1, 41)], 21)
    words = (
        "--day",
        "2026-01-20",
        "--kind",
        "life_threatening",
        "--text",
        "Overdose at home, back on the ward",
        "--by",
        "Ann",
    )
    event = desk.json("safety", "report", "a-trial", *words, "--participant", "p007", "--site", "A")
    assert (
        event["enrolment_waits"]
        == f"Enrolment waits until the safety steward has judged event {event['event']}, a life-threatening event."
    )
    assert (
        desk.json("safety", "report", "a-trial", *words, "--participant", "P007", "--site", "A")["event"]
        == event["event"]
    )
    other = desk.json(
        "safety", "report", "a-trial", *words, "--participant", "p007", "--site", "A", "--reference", "E-2"
    )
    number, second = str(event["event"]), str(other["event"])
    assert number != second
    judge = ("safety", "judge", "a-trial")
    said = ("--related", "no", "--reason", "long known illness", "--by", "Sue")
    assert desk.json(*judge, number, "--goes-on", *said)["enrolment_waits"] is not None
    assert desk.json(*judge, second, "--goes-on", *said)["enrolment_waits"] is None
    stopped = desk.json(*judge, second, "--stops", *said)["enrolment_waits"]
    assert stopped == f"Enrolment is stopped: the safety steward judged that event {second} stops the trial."
    assert desk.json(*judge, second, "--goes-on", *said)["enrolment_waits"] is None
    listed = desk.json("safety", "list", "a-trial")["events"]
    assert [one["event"] for one in listed] == [event["event"], other["event"]]
    assert listed[0]["participant"] != "p007"
    assert verifying.verify(desk.store) == []


@pytest.mark.parametrize(
    ("change", "says"),
    [
        ({"--participant": "p999"}, "the participant is not in a-trial"),
        ({"--text": "Anna Smith fell"}, "text seems to name a person"),
        ({"--text": "found by Gareth at home"}, "text seems to name a person"),
        ({"--text": "P007 fell"}, "text holds the participant's id"),
        ({"--site": "Z"}, "must be one of the plan: A, B"),
        ({"--kind": "bad"}, "kind == "),
        ({"--day": "2099-01-01"}, "must not lie after"),
        ({"--text": ""}, "--text can't be used"),
    ],
)
def test_what_is_no_safety_event_is_refused(desk: Desk, change: dict[str, str], says: str) -> None:
    """Nobody's name gets in, and no event of somebody who is not in the trial; the sentence repeats neither."""
    desk.send("first", [person(number, number // 2) for number in range(1, 11)], 21)
    options = {
        "--day": "2026-01-20",
        "--kind": "other",
        "--text": "fell",
        "--participant": "p007",
        "--site": "A",
        **change,
    }
    done = desk.run("safety", "report", "a-trial", "--by", "Ann", *(word for pair in options.items() for word in pair))
    assert done.exit_code == 1
    assert says in done.output
    assert "Gareth" not in done.output
    assert "Smith" not in done.output
    assert acts.acts(desk.store, "a-trial", [SAFETY_EVENT]) == ()


def test_only_the_steward_judges(desk: Desk) -> None:
    """In a programme with roles a lead may report, not judge; a site reports for itself; words are for whom may see rows."""
    for name, role in (("Lea", "lead"), ("Sue", "safety_steward"), ("Kim", "stakeholder")):
        granting.give(desk.store, "north", name, role, by="Lea", at=START)  # type: ignore[arg-type]
    granting.give(desk.store, "north", "Sid", "site", by="Lea", at=START, site="A")
    event = SafetyEvent(day=START.date(), serious=False, text="fell", site="A")

    def tell(one: SafetyEvent, by: str) -> int:
        return reported.report_safety(
            desk.store, "a-trial", one, participant=None, by=by, at=day(1), door=desk.door
        ).seq

    number = tell(event, "Sid")
    with pytest.raises(ForbiddenError):
        tell(event.model_copy(update={"site": "B"}), "Sid")
    for by in ("Lea", "Sid", "Kim"):
        with pytest.raises(ForbiddenError):
            reported.judge_safety(
                desk.store, "a-trial", number, related="no", stops=False, reason="known", by=by, at=day(2)
            )
    with pytest.raises(DataError, match="must be one that was reported"):
        reported.judge_safety(desk.store, "a-trial", 77, related="no", stops=False, reason="known", by="Sue", at=day(2))
    reported.judge_safety(desk.store, "a-trial", number, related="no", stops=False, reason="known", by="Sue", at=day(2))
    assert desk.json("safety", "list", "a-trial", "--by", "Kim")["events"] is None
    assert desk.json("safety", "list", "a-trial", "--by", "Sue")["events"][0]["text"] == "fell"
    seen = [act for act in acts.acts(desk.store, "a-trial") if act.kind == "viewed"]
    assert [act.by for act in seen] == ["Sue"]


def test_the_command_says_what_to_do(desk: Desk) -> None:
    """Worst first, with reason code, plan and what to do; --json says the same."""
    desk.send("first", [person(number, number // 2) for number in range(1, 13)], 60)
    done = desk.run("rules", "a-trial", "--as-of", "2026-03-06")
    assert done.exit_code == 0, done.output
    assert done.output.startswith(
        "STOP  People join too slowly: 12 people joined so far, where 118 were planned by 6 March 2026."
    )
    assert "recruitment (recruitment): people join too slowly for the trial to end with an answer." in done.output
    assert "wrongly in at most 5 of 100 trials" in done.output
    assert "What to do: open more sites" in done.output
    assert "Next: roadtest decide a-trial" in done.output
    body = desk.json("rules", "a-trial", "--as-of", "2026-03-06")
    assert body["level"] == "stop"
    assert body["findings"][0]["rule"] == "recruitment"
    assert {"rule", "code", "level", "sentence", "plan", "claim", "todo", "means"} <= set(body["findings"][0])


def test_codes_and_words_that_name_nobody_pass() -> None:
    """Harmless codes and sentences are taken as they are."""
    assert [must_be_code(one, 1) for one in (" S07 ", "cw-12", "3", "AB1")] == ["S07", "cw-12", "3", "AB1"]
    for text in ("Fell on the stairs at home", "Taken to hospital on Monday after a fight; home the next day"):
        assert must_name_nobody("text", text) == text
