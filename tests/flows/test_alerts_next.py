"""What an alert tells to do: a command that there is and that shows what the alert is about, and when work is tried again."""

from __future__ import annotations

import re
from datetime import timedelta

import pytest
from typer.main import get_command

from flows import alerts_found
from flows.alerts_words import line_of, view_of
from flows.cli import app
from tests.flows.making import NOW, Desk, csv_text, people, plan, row
from trials.alerting import HEALTH, KINDS, Alert, next_step, step
from trials.store import alerts as kept
from trials.store import rounds

HOUR = timedelta(hours=1)
ABOUTS = [*(("unhealthy", f"health:{code}") for code, _, _ in HEALTH), ("unhealthy", "plan"), ("failed", "work")]


def alert(kind: str, about: str) -> Alert:
    return Alert("a" * 12, 1, kind, "first-trial", about, "Something.", "look", NOW)  # type: ignore[arg-type]


@pytest.mark.parametrize(("kind", "about"), [*ABOUTS, *((kind.name, "") for kind in KINDS)])
def test_what_to_do_names_commands_that_there_are(kind: str, about: str) -> None:
    """Each `roadtest ...` in it is a command, with the trial's name where it belongs, and no placeholder is left."""
    said = next_step(alert(kind, about))
    assert "{" not in said
    for words in re.findall(r"roadtest ((?:[a-z-]+ ?)+)", said):
        group = get_command(app)
        for word in words.split():
            group = getattr(group, "commands", {}).get(word, group) if word != "first-trial" else group
        assert not hasattr(group, "commands"), words


def test_of_rows_in_quarantine_the_command_that_shows_them_is_named() -> None:
    """A trial's rules and status say nothing of its rows."""
    assert next_step(alert("unhealthy", "health:quarantined_few")).endswith("roadtest quarantine list first-trial")
    assert "roadtest rules" in next_step(alert("unhealthy", "rule:safety"))


def test_quarantine_is_told_with_its_command(desk: Desk) -> None:
    """From the rows to the message: most of a delivery set aside, and what is said leads to them."""
    wrong = [row(at, well="yes" if at > 30 else 1) for at in range(1, 91)]
    desk.sealed(plan(), **{"2024-06-01": csv_text(wrong)})
    desk.collect("first-trial")
    assert "roadtest quarantine list first-trial" in said(desk)


def test_failed_work_says_when_it_is_tried_again_and_how_to_try_now(desk: Desk) -> None:
    """The time is the store's own; whoever may not collect is told the command alone."""
    trial = desk.sealed(plan(), **{"2024-06-01": people(1, 4)})
    rounds.note(desk.store, NOW, failed={trial: "x.csv: no such file. Send it."}, done=[])
    text = said(desk)
    assert "x.csv: no such file. Send it. It is tried again from 2024-06-03 08:05 UTC on." in text
    assert f"To try it now: roadtest collect {trial}" in text
    rounds.note(desk.store, NOW + HOUR, failed={trial: "x.csv: no such file. Send it."}, done=[])
    assert "It is tried again from 2024-06-03 09:10 UTC on." in said(desk)


def said(desk: Desk) -> str:
    """All that stands now, as one who may do everything is told it."""
    found = alerts_found.found_now(desk.store, NOW, schedule="", round_grace=timedelta(days=9))
    view = view_of(desk.store, "Ann", {"first-trial": "first-trial"})
    lines = [line_of(view, kept.Claimed(one, "ops", "raised", 1), "") for one in step((), found.findings, NOW).raised]
    return "\n".join(lines)


def test_an_alert_of_a_trial_that_could_not_be_read_stands(desk: Desk) -> None:
    """Its cause was not looked into, whichever way the alert is found: nothing of that trial clears, others' does."""
    found = alerts_found.Found((), {"other": 1, "first-trial": -1}, frozenset({"first-trial"}))
    for about in ("source", "health:quarantined_few", "rule:safety", "refused", "work"):
        one = alert("unhealthy", about)
        assert not found.asked(one)
        assert step([one], (), NOW + HOUR, found.asked).cleared == ()
    read = alerts_found.Found((), {"first-trial": 1})
    assert [one.about for one in step([alert("unhealthy", "rule:safety")], (), NOW + HOUR, read.asked).cleared]
