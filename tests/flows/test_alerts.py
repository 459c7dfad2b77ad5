"""Alerts from the facts to a real web hook and a real mail server: what is found, who is told, and what they are never told."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from typer.testing import CliRunner

from flows import alerts, alerts_found
from flows.alerts_cli import alerts_app
from flows.alerts_send import Message, send_all
from flows.settings import Settings
from tests.flows.listening import Hook, Post, hook, post
from tests.flows.making import NOW, Desk, csv_text, people, plan, row
from trials.acts.safety_events import SAFETY_EVENT, SafetyEvent
from trials.store import acts, decisions, granting, reading, rounds
from trials.store import alerts as kept

DAY, HOUR = timedelta(days=1), timedelta(hours=1)
ARMS = [{"id": "usual", "role": "control"}, {"id": "new"}, {"id": "newer"}]


@dataclass
class Sent:
    """Stands in for the processes that send, where a test is about what is said: messages by channel; fails: who refuses."""

    messages: list[Message]
    fails: frozenset[str] = frozenset()

    def __call__(self, messages: Any) -> dict[str, str | None]:
        self.messages += messages
        return {one.channel: "refused" if one.channel in self.fails else None for one in messages}

    def to(self, channel: str) -> str:
        return "\n".join(f"{one.title}\n{one.body}" for one in self.messages if one.channel == channel)


@pytest.fixture
def web() -> Iterator[Hook]:
    with hook() as found:
        yield found


@pytest.fixture
def mail() -> Iterator[Post]:
    with post() as found:
        yield found


@pytest.fixture
def configured(desk: Desk) -> Callable[..., Settings]:
    """Settings of the desk's home with these channels in its file."""

    def make(*channels: dict[str, Any], **options: Any) -> Settings:
        (desk.home / "alerts.yaml").write_text(json.dumps({"channels": channels}), encoding="utf-8")
        return Settings(home=desk.home, **options)

    return make


def answered(desk: Desk, trial: str = "first-trial", **changes: Any) -> str:
    """A trial in which every new way works for seven of nine and the usual one for two: it says promote."""
    protocol = plan(trial, **changes)
    arms = [arm.id for arm in protocol.arms]
    rows = [
        row(at, arm=arms[at % len(arms)], well=int(at // len(arms) % 9 < (7 if at % len(arms) else 2)))
        for at in range(1, 181)
    ]
    desk.sealed(protocol, **{"2024-06-01": csv_text(rows)})
    done = desk.collect(trial)[trial]
    assert done.look is not None
    assert done.look.verdict == "promote"
    return trial


def told(settings: Settings, desk: Desk, now: datetime = NOW, *, ran: bool = True) -> Sent:
    """What a check sends. ran: a round has just ended well."""
    sent = Sent([])
    if ran:
        rounds_ran(desk, now)
    alerts.check(settings, desk.store, now, sent)
    return sent


def channel(name: str, person: str = "", **changes: Any) -> dict[str, Any]:
    return {"name": name, "url": "json://127.0.0.1:9/hook", "person": person, **changes}


def roles(desk: Desk, programme: str, **given: str) -> None:
    for at, (person, role) in enumerate(given.items()):
        granting.give(desk.store, programme, person, role, by="Ann", at=NOW + at * timedelta(seconds=1))  # type: ignore[arg-type]


def test_an_answer_reaches_a_web_hook_and_a_mailbox_once(
    desk: Desk, configured: Callable[..., Settings], web: Hook, mail: Post
) -> None:
    """One message each by real servers, with what to do and a link; a second check sends nothing."""
    trial = answered(desk)
    settings = configured(
        {"name": "hook", "url": web.url, "person": "Ann"},
        {"name": "mail", "url": mail.url, "person": "Ann"},
        public_url="https://roadtest.example.org",
        sign_in="accounts",
    )
    rounds_ran(desk, NOW)
    report = alerts.check(settings, desk.store, NOW)
    assert (report.told, report.errors) == ({"hook": 1, "mail": 1}, {})
    assert alerts.check(settings, desk.store, NOW + timedelta(minutes=30)).told == {}
    [message] = web.got
    assert message["title"] == f"Roadtest: {trial}: there is an answer"
    assert f"roadtest decide {trial}" in message["message"]
    assert f"https://roadtest.example.org/trial/{trial}" in message["message"]
    [(sender, to, letter)] = mail.got
    assert ("roadtest@example.org" in sender, "team@example.org" in to[0]) == (True, True)
    assert letter["Subject"] == f"Roadtest: {trial}: there is an answer"
    assert trial in letter.get_body().get_content()


def test_each_hears_what_their_role_lets_them_see(desk: Desk, configured: Callable[..., Settings]) -> None:
    """Before a decision: an effect only for the role that the plan names, the word for who may read, nothing for strangers,
    and without a person not even the trial's name."""
    trial = answered(desk)
    roles(desk, trial, Ann="lead", Cus="custodian", Sam="stakeholder")
    look = reading.card(desk.store, trial).look
    assert look is not None
    settings = configured(*(channel(name, person) for name, person in PEOPLE))
    sent = told(settings, desk)
    effect = look.sentence.rpartition(". ")[2].split(" (")[0]
    assert "more in 100" in effect
    assert effect in sent.to("custodian")
    for name in ("lead", "stakeholder"):
        assert "the verdict is 'promote'" in sent.to(name)
        assert "more in 100" not in sent.to(name)
        assert "to 1" not in sent.to(name)
    assert sent.to("stranger") == ""
    assert sent.to("nobody").startswith(
        "Roadtest: A trial: there is an answer\nA trial: A trial has an answer: sign in to see."
    )
    assert trial not in sent.to("nobody")
    assert "promote" not in sent.to("nobody")


PEOPLE = (("custodian", "Cus"), ("lead", "Ann"), ("stakeholder", "Sam"), ("stranger", "Eve"), ("nobody", ""))


def test_of_several_arms_nobody_hears_which_before_they_may_see_it(
    desk: Desk, configured: Callable[..., Settings]
) -> None:
    """No arm's name, count or effect of a running trial with three arms but for the custodian; and never a count of few."""
    trial = answered(desk, design="multi_arm", arms=ARMS)
    roles(desk, trial, Ann="lead", Cus="custodian", Sam="stakeholder")
    sent = told(configured(*(channel(name, person) for name, person in PEOPLE)), desk)
    assert "new helps" in sent.to("custodian") or "newer" in sent.to("custodian")
    for name in ("lead", "stakeholder", "nobody"):
        text = sent.to(name)
        assert text
        assert not re.search(r"\bnew\b", text), name
        assert not any(word in text for word in ("newer", "usual", "more in 100", "to 1")), name


def test_once_closed_nothing_is_left_to_decide(desk: Desk, configured: Callable[..., Settings]) -> None:
    """A decision clears the verdict's alert; whoever was told is told that it is over, in words without a number."""
    trial = answered(desk)
    settings = configured(channel("ops", "Ann"))
    told(settings, desk)
    decisions.decide(
        desk.store,
        trial,
        "stop",
        by="Ann",
        at=NOW + HOUR,
        second="Bea",
        reason="The provider closes.",
        reason_code="provider",
        lesson="It takes little time.",
        reuse="Every site of the county.",
    )
    sent = told(settings, desk, NOW + 2 * HOUR)
    assert "over" in sent.to("ops")
    assert "more in 100" not in sent.to("ops")
    assert kept.standing(desk.store) == []
    assert told(settings, desk, NOW + 3 * HOUR).messages == []


def test_a_role_that_was_taken_counts_no_more(desk: Desk, configured: Callable[..., Settings]) -> None:
    """Told as a reader, then without a role: neither the end nor a reminder goes out any more."""
    trial = answered(desk)
    roles(desk, trial, Ann="lead", Sam="stakeholder")
    settings = configured(channel("sam", "Sam", remind="1 day"))
    assert told(settings, desk).to("sam")
    granting.take(desk.store, trial, "Sam", "stakeholder", by="Ann", at=NOW + HOUR)
    assert told(settings, desk, NOW + 3 * DAY).messages == []


def test_kinds_programmes_grace_and_digest_choose(desk: Desk, configured: Callable[..., Settings]) -> None:
    """A channel hears of its kinds and programmes alone; several things at once are one message, the rest of many counted."""
    late = plan("late", programme="care", source={"connector": "folder", "path": "sources/late", "every": "7 days"})
    desk.sealed(late, **{"2024-06-01": people(1, 4)})
    desk.collect("late")
    answered(desk)
    settings = configured(
        channel("care", "Ann", programmes=["care"]),
        channel("answers", "Ann", kinds=["verdict"]),
        channel("patient", "Ann", kinds=["overdue"], grace={"overdue": "2 days"}),
        channel("daily", "Ann", digest="daily 08:00"),
        channel("all"),
    )
    at = NOW + 14 * DAY + HOUR
    sent = told(settings, desk, at)
    assert [one.channel for one in sent.messages] == ["care", "answers", "all"]
    assert "late: Nothing has come from its source since 2024-06-03; one is expected every 7 days." in sent.to("care")
    assert "first-trial" not in sent.to("care")
    assert "late" not in sent.to("answers")
    assert sent.to("all").startswith("Roadtest: 2 alerts")
    later = told(settings, desk, at + 2 * DAY)
    assert [one.channel for one in later.messages] == ["patient", "daily"]
    assert later.to("daily").startswith("Roadtest: 2 alerts")


def rounds_ran(desk: Desk, at: datetime) -> None:
    """A round that begins and ends well at a time."""
    begun = rounds.begin(desk.store, at, host="here", pid=1)
    assert isinstance(begun, rounds.Round)
    rounds.end(desk.store, begun.id, at, "completed", rounds.Counts())


def test_what_fails_is_told_with_its_reason_to_whoever_acts_on_it(
    desk: Desk, configured: Callable[..., Settings]
) -> None:
    """Why the work failed goes to whoever collects; readers and channels without a person hear that it did."""
    trial = desk.sealed(plan(), **{"2024-06-01": people(1, 4)})
    roles(desk, trial, Ann="lead", Olu="operator", Sam="stakeholder")
    rounds.note(
        desk.store, NOW, failed={trial: "x.csv: arm is 'Jo P-0042': must be one of new, usual. Mend it."}, done=[]
    )
    settings = configured(channel("ops", "Olu"), channel("sam", "Sam"), channel("nobody"))
    sent = told(settings, desk)
    assert "x.csv: arm is not as it must be: must be one of new, usual. Mend it." in sent.to("ops")
    for name in ("sam", "nobody"):
        assert f"{trial}: The work on it failed" in sent.to(name)
        assert "Mend it" not in sent.to(name)
    rounds.note(desk.store, NOW + HOUR, failed={}, done=[trial])
    assert "over" in told(settings, desk, NOW + HOUR).to("sam")


def test_a_trial_in_trouble_is_told_without_arms_or_counts(desk: Desk, configured: Callable[..., Settings]) -> None:
    """Arms that don't add up, a life-threatening event, an altered plan: said in words, no number and no arm."""
    uneven = [row(at, arm="new" if at % 6 else "usual") for at in range(1, 91)]
    desk.sealed(plan("uneven"), **{"2024-06-01": csv_text(uneven)})
    desk.sealed(plan("harmed"), **{"2024-06-01": people(1, 8)})
    desk.sealed(plan("altered"), **{"2024-06-01": people(1, 8)})
    desk.collect("uneven", "harmed", "altered")
    event = SafetyEvent(kind="death", day=NOW.date(), serious=True, related="possibly", text="Somebody died.")
    acts.act(desk.store, "harmed", SAFETY_EVENT, event, by="Sid", at=NOW)
    desk.alter_stored_plan("altered")
    sent = told(configured(channel("ops", "Ann"), channel("nobody")), desk, NOW + HOUR)
    text = sent.to("ops")
    assert "uneven: The arms don't have the people that the plan allocates." in text
    assert "harmed: Enrolment is stopped, or waits for the safety steward." in text
    assert "altered: Its plan is not the one that was sealed: nothing runs on it." in text
    assert "usual" not in text
    assert "death" not in text
    assert "safety" not in sent.to("nobody")
    assert "harmed: Something in it needs a person's judgement: sign in to see." in sent.to("nobody")


def test_rounds_that_stop_are_noticed_from_outside(desk: Desk, configured: Callable[..., Settings]) -> None:
    """No round for longer than the schedule and an hour: told once; interrupted or failed ones at once; a good one ends it."""
    desk.sealed(plan(), **{"2024-06-01": people(1, 4)})
    settings = configured(channel("ops", "Ann", kinds=["round"]), schedule="0 2 * * *")
    rounds_ran(desk, NOW)
    assert told(settings, desk, NOW + 12 * HOUR, ran=False).messages == []
    late = told(settings, desk, NOW + 20 * HOUR, ran=False)
    assert "No round has ended since 2024-06-03 08:00 UTC." in late.to("ops")
    assert told(settings, desk, NOW + 21 * HOUR, ran=False).messages == []
    begun = rounds.begin(desk.store, NOW + DAY, host="here", pid=1)
    assert isinstance(begun, rounds.Round)
    assert "over" in told(settings, desk, NOW + DAY, ran=False).to("ops").lower()
    rounds.end(desk.store, begun.id, NOW + DAY, "failed", rounds.Counts(), "the database was away. Look at its log.")
    assert "The last round failed. the database was away." in told(settings, desk, NOW + DAY + HOUR, ran=False).to(
        "ops"
    )
    assert "over" in told(settings, desk, NOW + DAY + 2 * HOUR).to("ops").lower()


def test_a_channel_that_hangs_or_refuses_stops_nobody(
    desk: Desk, configured: Callable[..., Settings], web: Hook
) -> None:
    """One hangs, one answers 500, one works: the last is told within the time limit, the others wait and are tried again."""
    answered(desk)
    rounds_ran(desk, NOW)
    with hook() as hangs, hook() as refuses:
        hangs.status, refuses.status = 0, 500
        named = {"hangs": hangs, "refuses": refuses, "works": web}
        settings = configured(*({"name": name, "url": one.url, "person": "Ann"} for name, one in named.items()))
        report = alerts.check(settings, desk.store, NOW, lambda messages: send_all(messages, 3.0))
        assert report.told == {"works": 1}
        assert report.errors == {
            "hangs": "the service did not answer within 3 s",
            "refuses": "the service refused it (status 500)",
        }
        assert [one["title"] for one in web.got] == ["Roadtest: first-trial: there is an answer"]
        assert kept.channels(desk.store)["hangs"].failures == 1
        sent = Sent([])
        alerts.check(settings, desk.store, NOW + timedelta(minutes=6), sent)
        assert [one.channel for one in sent.messages] == ["hangs", "refuses"]


def test_a_failing_channel_is_told_of_on_another(desk: Desk, configured: Callable[..., Settings]) -> None:
    """After three failures in a row the others hear of it; what it missed it gets when it works again."""
    answered(desk)
    settings = configured(channel("broken", "Ann"), channel("ops", "Ann"))
    sent, at = Sent([], frozenset({"broken"})), NOW
    for _ in range(4):
        rounds_ran(desk, at)
        alerts.check(settings, desk.store, at, sent)
        at += 6 * HOUR
    assert "Nothing could be sent to the channel 'broken'" in sent.to("ops")
    works = told(settings, desk, at)
    assert works.to("broken").startswith("Roadtest: first-trial: there is an answer\nfirst-trial: Promote: it helps")
    assert "over" in told(settings, desk, at + HOUR).to("ops")


class KilledError(BaseException):
    """Ends a process as nothing but its end does: nobody catches it."""


def test_killed_between_claim_and_send_it_is_told_all_the_same(desk: Desk, configured: Callable[..., Settings]) -> None:
    """Ended in the middle: the next check after the time limit tells it, and only that one. (With -9: test_alerts_store.)"""
    answered(desk)
    settings = configured(channel("ops", "Ann"))
    rounds_ran(desk, NOW)

    def dies(_: Any) -> dict[str, str | None]:
        raise KilledError

    with pytest.raises(KilledError):
        alerts.check(settings, desk.store, NOW, dies)
    assert told(settings, desk, NOW + timedelta(minutes=1)).messages == []
    assert len(told(settings, desk, NOW + timedelta(minutes=5)).messages) == 1
    assert told(settings, desk, NOW + HOUR).messages == []


def test_a_round_never_fails_because_of_alerts(
    desk: Desk, configured: Callable[..., Settings], monkeypatch: pytest.MonkeyPatch
) -> None:
    """A fault is kept as an alert of the rounds, and the next check that goes well clears it; a broken file is one, too."""
    settings = configured(channel("ops", "Ann"))
    with monkeypatch.context() as broken:
        broken.setattr(alerts_found, "found_now", lambda *_, **__: 1 / 0)
        report = alerts.after_round(settings, desk.store, NOW)
    assert report.errors == {"": "ZeroDivisionError in Roadtest itself."}
    assert [one.about for one in kept.standing(desk.store)] == ["alerts"]
    (desk.home / "alerts.yaml").write_text("channels: [{name: ops, url: 'slack://T/B/C'}]", encoding="utf-8")
    report = alerts.after_round(settings, desk.store, NOW + HOUR)
    assert report.errors is not None
    assert "the address of slack holds the key to it" in report.errors[""]
    assert [one.about for one in kept.standing(desk.store)] == ["file"]
    desk.store.close()
    away = Settings(home=desk.home / "none", database_url="postgresql://nobody@127.0.0.1:9/none")
    assert alerts.after_round(away, desk.store, NOW + 2 * HOUR).errors == {}


def test_many_trials_are_judged_in_turns(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    """With more changed trials than are judged at a time each gets its turn, and none is judged twice for one change."""
    monkeypatch.setattr(alerts_found, "MOST_JUDGED", 2)
    names = [desk.sealed(plan(f"trial-{at}"), **{"2024-06-01": people(1, 4)}) for at in range(5)]
    desk.collect(*names)
    seen: list[str] = []
    for at in range(4):
        now = NOW + at * timedelta(minutes=15)
        found = alerts_found.found_now(desk.store, now, schedule="*/15 * * * *", round_grace=HOUR)
        kept.judge(desk.store, found.findings, now, found.asked, found.judged)
        seen += found.judged
    assert sorted(seen) == names


def test_the_commands(desk: Desk, configured: Callable[..., Settings], web: Hook) -> None:
    """check, list, acknowledge and test, as text and as JSON; a wrong id or channel ends with 1 and one sentence."""
    answered(desk)
    rounds_ran(desk, datetime.now(UTC))
    configured({"name": "hook", "url": web.url, "person": "Ann"})

    def run(*words: str, code: int = 0) -> str:
        done = CliRunner().invoke(alerts_app, [*words, "--home", str(desk.home)])
        assert done.exit_code == code, done.output
        return done.output

    assert json.loads(run("check", "--json"))["told"] == {"hook": 1}
    assert run("check").startswith("0 raised, 0 cleared; told: nobody.")
    [one] = json.loads(run("list", "--by", "Ann", "--json"))["alerts"]
    assert (one["kind"], one["trial"], one["severity"]) == ("verdict", "first-trial", "act")
    assert f"ACT   {one['id']}  first-trial: " in run("list", "--by", "Ann")
    assert "Olu sees to alert" in run("acknowledge", one["id"][:5], "--by", "Olu", "--note", "meeting on Monday")
    assert "Olu sees to it: meeting on Monday" in run("list", "--all")
    assert "is no alert that stands" in run("acknowledge", "zzz", "--by", "Olu", code=1)
    assert json.loads(run("test", "--json")) == [{"channel": "hook", "sent": True, "error": None}]
    assert "must be one of the file's" in run("test", "none", code=1)
    assert "This is a test" in web.said
    web.status = 403
    assert "refused it (status 403)" in run("test", "hook", code=1)
    (desk.home / "alerts.yaml").write_text(
        "channels: [{name: hook, url: 'json://x', digest: daily 8am}]", encoding="utf-8"
    )
    done = CliRunner().invoke(alerts_app, ["check", "--home", str(desk.home)])
    assert (done.exit_code, done.stdout, done.stderr.count("\n")) == (1, "", 1)
    assert "digest" in done.stderr


def test_listing_shows_nothing_of_trials_that_somebody_may_not_read(
    desk: Desk, configured: Callable[..., Settings]
) -> None:
    """A stranger's list is empty and says that something is left out; a stakeholder's has the word, not the effect."""
    trial = answered(desk)
    roles(desk, trial, Ann="lead", Sam="stakeholder")
    rounds_ran(desk, datetime.now(UTC))
    told(configured(), desk, datetime.now(UTC))
    home = ["--home", str(desk.home)]
    assert trial not in CliRunner().invoke(alerts_app, ["list", "--by", "Eve", "--json", *home]).stdout
    shown = CliRunner().invoke(alerts_app, ["list", "--by", "Sam", "--json", *home]).stdout
    assert "promote" in shown
    assert "more in 100" not in shown


def test_no_secret_is_ever_told(
    desk: Desk, configured: Callable[..., Settings], monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    """An address kept as a secret stands in no error, report, list or table, whether it works or not."""
    monkeypatch.setenv("ROADTEST_SECRET_TEAM_HOOK", "jsons://team:hush-4711@127.0.0.1:9/hook")
    answered(desk)
    settings = configured(
        {"name": "hook", "url": "secret:team-hook", "person": "Ann"},
        {"name": "gone", "url": "secret:none", "person": "Ann"},
    )
    report = alerts.check(settings, desk.store, NOW)
    assert report.errors is not None
    assert report.errors["hook"] == "the service could not be reached, or refused it"
    assert "must be in the environment (ROADTEST_SECRET_NONE)" in report.errors["gone"]
    listed = CliRunner().invoke(alerts_app, ["list", "--home", str(desk.home)]).output
    assert "hush" not in "".join([repr(report), listed, caplog.text, json.dumps(desk.contents())])


def test_work_is_light_while_nothing_happens(desk: Desk, configured: Callable[..., Settings]) -> None:
    """A check about which nothing changed writes nothing at all."""
    answered(desk)
    settings = configured(channel("ops", "Ann"))
    told(settings, desk)
    before = desk.contents()
    told(settings, desk, NOW + timedelta(minutes=15), ran=False)
    assert desk.contents() == before


def test_the_flow_does_what_the_command_does(desk: Desk, configured: Callable[..., Settings], web: Hook) -> None:
    """On a shared server it tells, and ends as Failed when a channel could not be told."""
    from prefect.states import State

    from flows.alerts_flow import run_alerts

    answered(desk)
    rounds_ran(desk, datetime.now(UTC))
    settings = configured({"name": "hook", "url": web.url, "person": "Ann"})
    assert run_alerts.fn(settings) == {"raised": 1, "cleared": 0, "told": {"hook": 1}}
    assert len(web.got) == 1
    (desk.home / "alerts.yaml").write_text("channels: 7", encoding="utf-8")
    ended = run_alerts.fn(settings)
    assert isinstance(ended, State)
    assert ended.is_failed()
    assert "channels == 7" in (ended.message or "")
