"""Where nobody's role is known, benefit, dud, harm and a breached guardrail look alike: in Prefect and on a channel."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from flows import alerts, artifacts, events
from flows.alerts_cli import alerts_app
from flows.alerts_send import Message
from flows.settings import Settings
from tests.flows.making import HEADER, NOW, Desk, plan
from trials.alerting import Finding
from trials.store import alerts as kept
from trials.store import granting, rounds
from trials.store.engine import open_store
from trials.store.measuring import measured

HURT = {"measure": "hurt", "kind": "binary", "better": "lower", "margin": 0.1, "baseline": 0.2}
EVENTS = "prefect.events.emit_event"
Told = tuple[list[Any], list[Any]]
Cell = Callable[[int], int]

# By what crosses: well and hurt of the n-th person (odd: with the new way), and the verdict.
CASES: dict[str, tuple[Cell, Cell, str]] = {
    "benefit": (lambda n: n % 2, lambda _: 0, "promote"),
    "dud": (lambda n: n // 2 % 2, lambda _: 0, "drop"),
    "harm": (lambda n: 1 - n % 2, lambda _: 0, "stop_for_harm"),
    "breach": (lambda n: n // 2 % 2, lambda n: n % 2, "cant_tell"),
}


@pytest.fixture
def desks(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Callable[[str], Desk]]:
    """Makes a desk of its own by name."""
    monkeypatch.setenv("PREFECT_API_URL", "http://127.0.0.1:1/api")
    stores = []

    def make(name: str) -> Desk:
        home = tmp_path / name
        home.mkdir()
        stores.append(open_store(f"sqlite:///{home / 'roadtest.db'}"))
        return Desk(stores[-1], home)

    yield make
    for store in stores:
        store.close()


def shown(desk: Desk, case: str, monkeypatch: pytest.MonkeyPatch, *, roles: bool = True, person: str = "") -> Told:
    """The events that Prefect is sent of a round in which this crossed, and a channel's messages; without ids and times."""
    well, hurt, verdict = CASES[case]
    number = 700 if case == "dud" else 120
    changes = {"guardrails": [HURT], "programme": "care", "monitoring": {"max_participants": 2000}}
    trial = desk.sealed(plan(**changes))
    if roles:
        granting.give(desk.store, "care", "Ann", "lead", by="Ann", at=NOW)
    rows = [f"p{n:04d},{('usual', 'new')[n % 2]},{n},{well(n)},{hurt(n)}" for n in range(1, number + 1)]
    desk.sent(trial, {"2024-06-01.csv": "\n".join([f"{HEADER},hurt", *rows, ""])})
    sent: list[Any] = []
    monkeypatch.setattr(EVENTS, lambda name, **said: sent.append((name, said["resource"], said["payload"])))
    before = events.standing(desk.store)
    done = as_lead(desk).collect(trial)
    look = done[trial].look
    assert look is not None
    assert look.verdict == verdict
    assert any(one.claim.fired for one in look.guardrails) == (case == "breach")
    events.crossed(desk.store, list(done.values()), before)
    return sent, checked(desk, person)


def as_lead(desk: Desk) -> Desk:
    return Desk(desk.store.as_person("Ann"), desk.home)


def checked(desk: Desk, person: str = "", at: timedelta = timedelta(0)) -> list[Any]:
    """What a check after a round that ended well sends to a channel."""
    begun = rounds.begin(desk.store, NOW + at, host="here", pid=1)
    assert isinstance(begun, rounds.Round)
    rounds.end(desk.store, begun.id, NOW + at, "completed", rounds.Counts())
    channel = {"name": "all", "url": "json://127.0.0.1:9/hook", "person": person}
    (desk.home / "alerts.yaml").write_text(json.dumps({"channels": [channel]}), encoding="utf-8")
    messages: list[Message] = []

    def send(several: Any) -> dict[str, str | None]:
        messages.extend(several)
        return {one.channel: None for one in several}

    alerts.check(Settings(home=desk.home), desk.store, NOW + at, send)
    return [(one.title, re.sub(r"\d{4}-\d\d-\d\d \d\d:\d\d", "then", one.body), one.urgent) for one in messages]


@pytest.mark.parametrize("case", ["dud", "harm", "breach"])
def test_what_crossed_can_not_be_told_from_benefit(
    case: str, desks: Callable[[str], Desk], monkeypatch: pytest.MonkeyPatch
) -> None:
    """In a programme with roles, events and message are those of a benefit, and there is one of each sort."""
    found = shown(desks(case), case, monkeypatch)
    assert found == shown(desks("other"), "benefit", monkeypatch)
    assert [name for name, _, _ in found[0]] == ["roadtest.claim.crossed", "roadtest.verdict.crossed"]
    assert len(found[1]) == 1


@pytest.mark.parametrize("case", ["dud", "harm", "breach"])
def test_what_a_list_leaves_out_and_metrics_count_alike(
    case: str, desks: Callable[[str], Desk], monkeypatch: pytest.MonkeyPatch
) -> None:
    """How many alerts somebody without a role is not shown, and how many of each kind metrics have, are those of a benefit."""
    said = []
    for name in (case, "benefit"):
        desk = desks(f"{name} of two")
        shown(desk, name, monkeypatch)
        done = CliRunner().invoke(alerts_app, ["list", "--all", "--by", "Eve", "--home", str(desk.home)])
        assert "Nothing needs anybody" in done.stdout
        said.append((done.stdout, done.stderr, measured(desk.store).alerts))
    assert said[0] == said[1]
    assert said[0][1].startswith("1 alert is not shown")
    assert (said[0][2]["verdict"], said[0][2]["unhealthy"]) == (1, 0)


def test_whoever_may_see_it_is_told_of_the_breach(
    desks: Callable[[str], Desk], monkeypatch: pytest.MonkeyPatch
) -> None:
    """A person with a role hears of guardrail and verdict; without roles Prefect has the guardrail's claim and alert, too."""
    _, messages = shown(desks("closed"), "breach", monkeypatch, person="Ann")
    assert "The guardrail hurt is breached" in messages[0][1]
    sent, _ = shown(desks("open"), "breach", monkeypatch, roles=False)
    assert ("guardrail hurt", "cant_tell") in [(said.get("claim"), said.get("verdict")) for _, _, said in sent]
    assert "roadtest.trial.unhealthy" in [name for name, _, _ in sent]


def test_every_finding_of_a_kind_is_as_urgent(desks: Callable[[str], Desk], monkeypatch: pytest.MonkeyPatch) -> None:
    """Of two findings of a kind, one to act on and one to look at, event and message are the same."""
    told = []
    for severity in ("act", "look"):
        desk = desks(severity)
        finding = Finding("unhealthy", "first-trial", f"rule:{severity}", "It is so.", severity)  # type: ignore[arg-type]
        monkeypatch.setattr(alerts.alerts_found, "found_now", lambda *_, one=finding, **__: alerts.Found((one,)))
        sent: list[Any] = []
        monkeypatch.setattr(EVENTS, lambda *_, sent=sent, **said: sent.append(said["payload"]))
        told.append((checked(desk), sent))
    assert told[0] == told[1]
    assert told[0][1] == [{"kind": "unhealthy", "severity": "act"}]


def test_an_answer_that_becomes_another_is_none_more(
    desks: Callable[[str], Desk], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Dud and, looks later, harm: one event, and one message until there is no answer any more; then its end, once."""
    desk, sent = desks("later"), list[Any]()
    monkeypatch.setattr(EVENTS, lambda *_, **said: sent.append(said["payload"]))
    drop = Finding("verdict", "first-trial", "drop", "The verdict is 'drop'.", "act")
    harm = replace(drop, about="stop_for_harm", sentence="The verdict is 'stop for harm'.")
    counts = []
    for day, found in enumerate(((drop,), (harm,), (drop,), (), (), (harm,))):
        monkeypatch.setattr(alerts.alerts_found, "found_now", lambda *_, found=found, **__: alerts.Found(found))
        counts.append([title for title, _, _ in checked(desk, at=timedelta(days=day))])
    new = "Roadtest: A trial: there is an answer"
    assert counts == [[new], [], [], [f"{new} - over"], [], [new]]
    assert len(sent) == 1
    assert [one.about for one in kept.standing(desk.store)] == ["stop_for_harm"]


def test_the_summary_counts_no_change_of_a_verdict_that_is_not_told(
    desks: Callable[[str], Desk], monkeypatch: pytest.MonkeyPatch
) -> None:
    """In a programme with roles a round's summary says of a new verdict nothing, without roles that one changed."""
    for roles, number in ((True, 0), (False, 1)):
        desk = desks(str(number))
        shown(desk, "harm", monkeypatch, roles=roles)
        begun = rounds.listed(desk.store, 1)[0]
        summary = artifacts.shown_of(desk.store, begun, list(as_lead(desk).collect("first-trial").values()), {}).summary
        assert f"| verdicts that changed | {number} |" in summary
