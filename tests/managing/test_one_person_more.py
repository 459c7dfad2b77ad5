"""A stakeholder of a programme with roles asks every reading command before and after one person: nothing moves."""

from __future__ import annotations

import hashlib
import json
import shutil
from datetime import UTC, date, datetime, timedelta
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest
from typer.main import get_command

from flows import cli, work
from flows.decided import decision_json
from flows.portfolio import portfolio_text
from trials.acts import Act
from trials.acts.deciding import DECISION, Answered, Decision, Grounds
from trials.acts.fund import FUND_ANSWER, FUND_REQUEST, FUND_SPENT, FundAnswer, FundRequest, FundSpent
from trials.acts.safety_events import SAFETY_EVENT, SafetyEvent
from trials.acts.viewing import VIEWED
from trials.acts.voices import VOICE, Voice
from trials.disclosure import apart
from trials.feasibility import Facts, lights_between, share_interval
from trials.plan.sharing import Fund
from trials.programme import achievement
from trials.protocol import Protocol, from_content
from trials.records import Checked, Delivery, Measured, Record
from trials.sharing import fund
from trials.store import acts, decisions, granting, ledger, programme, reading, subsets
from trials.store.access import Sight
from trials.store.engine import Store, open_store

AT = datetime(2026, 1, 5, 9, tzinfo=UTC)
NOW = AT + timedelta(days=110)
SENT = AT + timedelta(days=100)
PEOPLE = 240
Capture = pytest.CaptureFixture[str]
COMMANDS = {
    "portfolio": ("portfolio",),
    "decisions": ("decisions", "a-trial"),
    "feasibility": ("feasibility", "a-trial"),
    "rules": ("rules", "a-trial"),
    "overdue": ("overdue", "a-trial"),
    "counts": ("counts", "a-trial"),
    "status": ("status", "a-trial"),
    "fund show": ("fund", "show", "a-trial"),
    "voices": ("voices", "a-trial"),
    "strengths": ("strengths", "a-trial"),
    "partners": ("partners", "a-trial"),
    "report": ("report", "a-trial"),
    "safety list": ("safety", "list", "a-trial"),
}


def plan() -> Protocol:
    return from_content(
        {
            "trial": "a-trial",
            "question": "?",
            "owner": "tests",
            "programme": "north",
            "sites": [{"id": "A"}, {"id": "B"}],
            "arms": [{"id": "c", "role": "control"}, {"id": "t"}],
            "primary": {
                "measure": "y",
                "kind": "binary",
                "better": "lower",
                "baseline": 0.4,
                "worthwhile": 0.2,
                "follow_up": "2 weeks",
            },
            "strengths": [{"measure": "able", "kind": "score", "better": "higher", "bounds": [0, 10]}],
            "guardrails": [{"measure": "hurt", "kind": "binary", "better": "lower", "margin": 0.1, "baseline": 0.2}],
            "monitoring": {"max_participants": 400},
            "data": {"report_within": "4 weeks"},
            "partners": [{"name": "City", "kind": "government", "hopes": [{"value": "fewer", "measure": "y"}]}],
            "fund": {"total": 5000, "per_person": 300},
            "stopping": {
                "recruitment": {"per_month": 30},
                "data_quality": {"missing_at_most": 0.2, "set_aside_at_most": 0.1},
                "safety": {"related_at_most": 2},
            },
            "progression": [
                {"id": "kept", "asks": "retention", "text": "outcomes known", "green": 0.8, "red": 0.6},
                {"id": "pace", "asks": "recruitment", "text": "people come", "green": 20, "red": 10},
                {"id": "rows", "asks": "data", "text": "rows pass", "green": 0.9, "red": 0.7},
            ],
            "source": {"connector": "folder", "path": "in"},
        }
    )


def person(number: int, value: float | None) -> Record:
    more = (
        ()
        if value is None
        else (Measured("able", float(number % 11), None), Measured("hurt", float(number % 5 == 0), None))
    )
    day = (AT + timedelta(days=(number - 1) // 3)).date()
    site = "AB"[number // 2 % 2]
    return Record(number, f"p{number}", site, "ct"[number % 2], day, number, None, value, guardrails=more)


def deliver(store: Store, name: str, rows: list[Record], sent: datetime) -> None:
    content = hashlib.sha256(f"{name}{rows}".encode()).hexdigest()
    delivery = Delivery("a-trial", "folder:in", name, content, sent, (), ())
    ledger.record(store, delivery, Checked(tuple(rows)), recorded_at=sent, as_of=sent)


def outcome(number: int) -> float:
    return float(number % 10 in (0, 1, 6, 7) or number % 7 == 2)


def money(store: Store, numbers: range) -> None:
    for n in numbers:
        asked = FundRequest(
            request=f"r{n}",
            participant=f"p{n}",
            site="A",
            goal="a bus pass",
            amount=50 + n,
            proposed_by="worker",
            day=SENT.date(),
        )
        answer = FundAnswer(request=f"r{n}", approved=True, amount=50 + n, day=SENT.date())
        acts.act(store, "a-trial", FUND_REQUEST, asked, by="olga", at=SENT, key=f"r{n}")
        acts.act(store, "a-trial", FUND_ANSWER, answer, by="anna", at=SENT, key=f"r{n}")
        spent = FundSpent(request=f"r{n}", amount=20 + n, day=SENT.date())
        acts.act(store, "a-trial", FUND_SPENT, spent, by="anna", at=SENT, key=f"s{n}")


@pytest.fixture(scope="module")
def base(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A home in which 240 people joined; of eight the outcome is missing. A site has left, and an event splits the trial."""
    home = tmp_path_factory.mktemp("base")
    store = open_store(f"sqlite:///{home / 'roadtest.db'}")
    ledger.register(store, plan(), by="anna", at=AT - timedelta(days=2))
    ledger.seal(store, "a-trial", by="ben", at=AT - timedelta(days=1))
    for first in range(1, PEOPLE, 30):
        rows = [person(n, None if n % 20 == 3 and n < 150 else outcome(n)) for n in range(first, first + 30)]
        deliver(store, f"{first}", rows, AT + timedelta(days=first // 3 + 24))
    money(store, range(1, 14))
    for n in range(24):
        voice = Voice(
            who="participant", stance="helps", codes=("trust",), consent=False, site="A", day=date(2026, 3, 1)
        )
        acts.act(store, "a-trial", VOICE, voice, by="anna", at=SENT, key=f"v{n}")
    leaves = {"reason_code": "provider_failed", "reason": "the provider closed"}
    decisions.withdraw_site(store, "a-trial", "B", **leaves, from_day=SENT.date(), by="anna", at=SENT, now=SENT)
    middle = (AT + timedelta(days=40)).date()
    decisions.note_event(store, "a-trial", "a benefit was cut", day=middle, by="anna", at=SENT, now=SENT)
    granting.give(store, "north", "kim", "stakeholder", by="anna", at=SENT)
    granting.give(store, "north", "olga", "lead", by="anna", at=SENT)
    granting.give(store, "north", "sara", "safety_steward", by="anna", at=SENT)
    store.close()
    return home


def told(home: Path, who: str, monkeypatch: pytest.MonkeyPatch, capsys: Capture, *commands: str) -> dict[str, Any]:
    """What reading commands (all, where none is named) say to somebody, asked at one time."""
    monkeypatch.setattr(work, "utc_now", lambda: NOW)
    monkeypatch.setenv("ROADTEST_PERSON", who)
    found = {}
    command = get_command(cli.app)  # built once, which is most of what a call costs
    for name in commands or COMMANDS:
        command.main([*COMMANDS[name], "--home", str(home), "--json"], standalone_mode=False)
        found[name] = json.loads(capsys.readouterr().out)
    return found


MORE: dict[str, list[Record]] = {
    "nobody": [person(PEOPLE, None)],
    "joined": [person(PEOPLE, None), person(PEOPLE + 1, None)],
    "without the outcome": [person(PEOPLE, None), person(PEOPLE + 1, 0.0)],
    "with the outcome": [person(PEOPLE, None), person(PEOPLE + 1, 1.0)],
}


@pytest.fixture(scope="module")
def homes(base: Path, tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    """The base and one delivery more, of nobody new or of one person; or one grant more."""
    found = {}
    for name in (*MORE, "one grant"):
        home = tmp_path_factory.mktemp("home") / name.replace(" ", "-")
        shutil.copytree(base, home)
        store = open_store(f"sqlite:///{home / 'roadtest.db'}")
        if name == "one grant":
            money(store, range(14, 15))
        deliver(store.as_person("anna"), "last", MORE.get(name, MORE["nobody"]), SENT)
        store.close()
        found[name] = home
    return found


def test_one_person_more_moves_nothing_that_a_stakeholder_reads(
    homes: dict[str, Path], monkeypatch: pytest.MonkeyPatch, capsys: Capture
) -> None:
    """Somebody joins, before the outcome is known, with or without it: every reading command says the same, to the letter. A
    safety steward is told the difference."""
    before, *after = (told(homes[name], "kim", monkeypatch, capsys) for name in MORE)
    moved = [name for one in after for name in COMMANDS if one[name] != before[name]]
    assert moved == []
    one, two = (told(homes[name], "sara", monkeypatch, capsys, "status") for name in ("nobody", "with the outcome"))
    assert two["status"]["n"] == one["status"]["n"] + 1


def test_one_grant_more_moves_nothing_of_the_fund(
    homes: dict[str, Path], monkeypatch: pytest.MonkeyPatch, capsys: Capture
) -> None:
    """Asked for, granted and spent: a stakeholder reads the same of the fund; its lead, who answers requests, the new sums."""
    one, two = (told(homes[name], "kim", monkeypatch, capsys, "fund show") for name in ("nobody", "one grant"))
    assert one == two
    one, two = (
        told(homes[name], "anna", monkeypatch, capsys, "fund show")["fund show"] for name in ("nobody", "one grant")
    )
    assert two["spent"] - one["spent"] == 34


def test_estimates_without_a_site_move_on_by_ten_people_or_more(tmp_path: Path) -> None:
    """What a stakeholder is shown after each delivery of a few people: the pair stands, or every arm of each part, and of what
    lies between them, has moved by ten; a steward's pair is the newest look's."""
    store = open_store(f"sqlite:///{tmp_path / 'roadtest.db'}")
    ledger.register(store, plan(), by="anna", at=AT - timedelta(days=2))
    ledger.seal(store, "a-trial", by="ben", at=AT - timedelta(days=1))
    leaves = {"reason_code": "provider_failed", "reason": "the provider closed"}
    decisions.withdraw_site(store, "a-trial", "B", **leaves, from_day=SENT.date(), by="anna", at=SENT, now=SENT)
    seen: list[tuple[int, int]] = []
    for first in range(1, PEOPLE, 15):
        rows = [person(n, outcome(n)) for n in range(first, first + 15)]
        deliver(store, f"{first}", rows, AT + timedelta(days=first // 3 + 20))
        both = subsets.with_and_without(store, "a-trial", Sight(frozenset({"stakeholder"}), False, False, False, False))
        assert both is not None
        if both.looks is not None and (both.looks[0].n, both.looks[1].n) not in seen:
            seen.append((both.looks[0].n, both.looks[1].n))
    assert len(seen) >= 2
    for (whole, less), (more, later) in pairwise(seen):
        assert later - less in (0, *range(20, PEOPLE))
        assert (more - later) - (whole - less) in (0, *range(20, PEOPLE))
    newest = subsets.with_and_without(store, "a-trial")
    assert newest is not None
    assert newest.looks is not None
    assert newest.looks[0].n == PEOPLE
    store.close()


def test_sums_of_the_fund_move_with_ten_people_or_more() -> None:
    """Nothing before ten people; then the sums of the first ten until ten more people have come; one person's many requests
    are one person's."""
    plan_of = Fund(total=9000, per_person=9000)

    def at(count: int, people: int) -> fund.FundSummary:
        asked = [
            FundRequest(
                request=f"r{n}",
                participant=f"p{n % people}",
                goal="a pass",
                amount=10 + n,
                proposed_by="worker",
                day=AT.date(),
            )
            for n in range(count)
        ]
        answers = [FundAnswer(request=one.request, approved=True, amount=one.amount, day=AT.date()) for one in asked]
        spent = [FundSpent(request=one.request, amount=1, day=AT.date()) for one in asked]
        cases = fund.cases([("ann", one) for one in asked], answers, spent)
        return fund.summary(plan_of, cases, AT.date(), small=False)

    told = [at(count, 100) for count in (9, 10, 19, 20)]
    assert [one.granted for one in told] == [None, 145.0, 145.0, 390.0]
    assert [one.spent for one in told] == [None, 10.0, 10.0, 20.0]
    assert {(one.committed, one.unspent, one.left) for one in told} == {(None, None, None)}
    assert at(50, 9).granted is None
    assert "sums for fewer than 10 people were granted" in told[0].sentence


def test_a_closed_trial_is_judged_by_the_look_of_its_decision(homes: dict[str, Path]) -> None:
    """In the portfolio looks taken after the decision count for nothing, and the trial says that it was closed."""
    store = open_store(f"sqlite:///{homes['with the outcome'] / 'roadtest.db'}").as_person("sara")
    looks = reading.looks(store, "a-trial")
    drop = Decision(what="drop", reason_code="no_benefit")
    acts.act(store.as_person("anna"), "a-trial", DECISION, drop, by="anna", at=NOW)
    deliver(
        store.as_person("olga"), "after", [person(n, 0.0) for n in range(PEOPLE - 40, PEOPLE)], NOW + timedelta(days=1)
    )
    assert len(reading.looks(store, "a-trial")) > len(looks)
    (judged,), left = programme.claims(store)
    assert judged.claim == looks[-1].claims["benefit"]
    assert (judged.state, judged.post_decision, left) == ("dropped", True, 0)
    assert programme.claims(store.as_person("eve")) == ((), 1)
    shown = apart(looks)[-1].claims["benefit"].log_e or 0.0
    (told_of,), _ = programme.claims(store.as_person("kim"))
    assert told_of.claim is not None
    assert told_of.claim.log_e == float(f"{shown:.2g}")
    assert "closed as dropped" in portfolio_text(store, 0.1)
    [life] = programme.lives(store.as_person("kim"))
    assert (life.about, life.enrolled % 10) == (True, 0)
    assert "about " in achievement(life)
    store.close()


def test_only_who_may_see_small_counts_is_shown_safety_events(
    homes: dict[str, Path], monkeypatch: pytest.MonkeyPatch, capsys: Capture
) -> None:
    """Others read whether enrolment waits, and no event, number or kind; that the steward was shown them is on record."""
    store = open_store(f"sqlite:///{homes['one grant'] / 'roadtest.db'}")
    happened = SafetyEvent(day=SENT.date(), serious=True, kind="death", text="at home")
    acts.act(store, "a-trial", SAFETY_EVENT, happened, by="anna", at=SENT)
    lead, steward = (
        told(homes["one grant"], who, monkeypatch, capsys, "safety list")["safety list"] for who in ("anna", "sara")
    )
    assert lead == {
        "trial": "a-trial",
        "events": None,
        "enrolment_waits": "Enrolment is stopped, or waits for the safety steward.",
    }
    assert [one["text"] for one in steward["events"]] == ["at home"]
    assert [(act.by, act.body.what) for act in acts.acts(store, "a-trial", [VIEWED])] == [("sara", "rows")]  # type: ignore[attr-defined]
    store.close()


def test_a_decision_keeps_the_numbers_that_it_rests_on_from_whoever_may_not_see_them() -> None:
    """People, estimates and what the ledger made of a criterion; its light, and what people answered, are for everybody."""
    answers = (
        Answered(id="kept", value=0.8333, light="green", source="ledger"),
        Answered(id="wanted", value=80.0, light="green", source="people"),
    )
    grounds = Grounds(
        look=3, as_of=AT, verdict="drop", n=232, missing=8, enrolled=241, estimate=0.0312, low=-0.1, high=0.2
    )
    body = Decision(what="drop", reason_code="no_benefit", answers=answers, grounds=grounds)
    act = Act("a-trial", 1, DECISION.name, "anna", AT, 3, body, None)
    everybody, steward = decision_json(act), decision_json(act, small=True)
    hidden = ("n", "missing", "enrolled", "estimate", "low", "high")
    assert {name: everybody["grounds"][name] for name in hidden} == dict.fromkeys(hidden)
    assert [one["value"] for one in everybody["answers"]] == [None, 80.0]
    assert (steward["grounds"]["n"], steward["grounds"]["missing"], steward["answers"][0]["value"]) == (
        232,
        None,
        0.8333,
    )
    assert "look 3" in everybody["sentence"]


def test_lights_between_are_told_where_the_worst_and_the_best_agree() -> None:
    """A colour that every count within the steps has is told; otherwise not yet, and what it may be. Of three hundred who took
    nobody may say how long it is not said that they are few."""
    [kept, pace, rows] = lights_between(
        plan().progression,
        Facts(enrolled=20, months=1.5, settled=68, with_outcome=50, rows=100, set_aside=9),
        Facts(enrolled=56, months=1.5, settled=50, with_outcome=50, rows=109, set_aside=0),
    )
    assert (kept.colour, kept.value) == ("not yet", None)
    assert "; between amber and green by the counts that may be told (green from" in kept.sentence
    assert (pace.colour, rows.colour, rows.sure) == ("not yet", "green", False)
    assert rows.low == share_interval(91, 100)[0]
    [_, whole, _] = lights_between(
        plan().progression,
        Facts(enrolled=291, months=0, settled=0, with_outcome=0, rows=0, set_aside=0),
        Facts(enrolled=300, months=0, settled=0, with_outcome=0, rows=0, set_aside=0),
    )
    assert "over how long people joined can't be said" in whole.sentence
    assert "too few" not in whole.sentence
