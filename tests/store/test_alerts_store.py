"""Alerts in the database: one telling for many processes, none lost with one that was killed; on SQLite and PostgreSQL."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from types import SimpleNamespace

import pytest

from trials.acts.granting import GRANT, Grant
from trials.alerting import CLAIM, Finding, Rule
from trials.errors import DataError, ForbiddenError
from trials.store import access, acts, alerts
from trials.store.engine import Store, open_store

NOW = datetime(2024, 6, 3, 8, tzinfo=UTC)
HOUR = timedelta(hours=1)
OVERDUE = Finding("overdue", "a-trial", "source", "Nothing has come.", detail="more")
ROUND = Finding("round", "", "failed", "The last round failed.", "act")


def test_what_is_raised_is_kept_and_clears(store: Store) -> None:
    """All fields come back as they were, times aware; clearing and coming again make two occurrences; the newest first."""
    [first] = alerts.judge(store, [OVERDUE], NOW).raised
    assert alerts.standing(store) == [first]
    assert alerts.judge(store, [OVERDUE], NOW + HOUR).raised == ()
    alerts.judge(store, [], NOW + HOUR)
    assert alerts.standing(store) == []
    alerts.judge(store, [OVERDUE], NOW + 2 * HOUR)
    assert [(one.occurrence, one.cleared_at) for one in alerts.listed(store)] == [(2, None), (1, NOW + HOUR)]
    with pytest.raises(DataError, match="must name its time zone"):
        alerts.judge(store, [], datetime(2024, 6, 3))  # noqa: DTZ001


def test_words_and_watched_trials_are_kept(store: Store) -> None:
    """A changed sentence replaces the old one; which trials were judged, and up to which token, is known afterwards."""
    alerts.judge(store, [OVERDUE], NOW, judged={"a-trial": 3, "other": 1})
    alerts.judge(store, [Finding("overdue", "a-trial", "source", "Still nothing.")], NOW + HOUR, judged={"a-trial": 4})
    assert [one.sentence for one in alerts.standing(store)] == ["Still nothing."]
    assert alerts.watched(store) == {"a-trial": (4, NOW + HOUR), "other": (1, NOW)}


def test_many_at_once_claim_each_telling_once(url: str, store: Store) -> None:
    """Four that judge and claim at the same moment: one alert, and each channel's telling is one's alone."""
    rules = [Rule("ops"), Rule("leads")]

    def work(number: int) -> dict[str, list[alerts.Claimed]]:
        mine = open_store(url, migrate=False)
        try:
            alerts.judge(mine, [OVERDUE, ROUND], NOW)
            return alerts.claim(mine, rules, NOW, f"process {number}")
        finally:
            mine.close()

    with ThreadPoolExecutor(4) as pool:
        found = list(pool.map(work, range(4)))
    assert len(alerts.listed(store)) == 2
    keys = [(one.channel, one.alert.id) for claimed in found for several in claimed.values() for one in several]
    assert sorted(keys) == sorted({*keys})
    assert len(keys) == 4


KILLED = """
import os, signal, sys
from datetime import datetime
from trials.alerting import Rule
from trials.store import alerts
from trials.store.engine import open_store
store = open_store(sys.argv[1], migrate=False)
assert alerts.claim(store, [Rule("ops")], datetime.fromisoformat(sys.argv[2]), "dead")
os.kill(os.getpid(), signal.SIGKILL)
"""


def test_what_a_killed_process_had_claimed_is_told_by_the_next(url: str, store: Store) -> None:
    """Killed with -9 between claiming and sending: before the time limit nobody tells it, after it one does, once."""
    alerts.judge(store, [OVERDUE], NOW)
    done = subprocess.run([sys.executable, "-c", KILLED, url, NOW.isoformat()], env=os.environ, check=False, timeout=60)
    assert done.returncode == -signal.SIGKILL
    assert alerts.claim(store, [Rule("ops")], NOW + CLAIM / 2, "next") == {}
    [one] = alerts.claim(store, [Rule("ops")], NOW + CLAIM, "next")["ops"]
    assert (one.what, one.number, one.token) == ("raised", 1, "dead")
    alerts.sent(store, "ops", "nex", NOW + CLAIM)  # another's claim is not its own
    [one] = alerts.claim(store, [Rule("ops")], NOW + 2 * CLAIM, "next")["ops"]
    assert one.token == "dead"
    alerts.sent(store, "ops", "next", NOW + 2 * CLAIM)
    assert alerts.claim(store, [Rule("ops")], NOW + 4 * CLAIM, "third") == {}


def test_a_clock_that_jumps_back_repeats_nothing(store: Store) -> None:
    """Told at noon; an hour earlier, a year earlier and then again at noon: nothing more is told, and it clears."""
    alerts.judge(store, [OVERDUE], NOW)
    alerts.claim(store, [Rule("ops")], NOW, "one")
    alerts.sent(store, "ops", "one", NOW)
    for back in (HOUR, 365 * 24 * HOUR, timedelta(0)):
        alerts.judge(store, [OVERDUE], NOW - back)
        assert alerts.claim(store, [Rule("ops")], NOW - back, "two") == {}
    assert len(alerts.listed(store)) == 1
    alerts.judge(store, [], NOW - 365 * 24 * HOUR)
    assert alerts.standing(store) == []


def test_a_channel_that_fails_rests_and_loses_nothing(store: Store) -> None:
    """Refused: not tried for five minutes, then told what is due; its failures are counted until it works again."""
    alerts.judge(store, [OVERDUE], NOW)
    alerts.claim(store, [Rule("ops")], NOW, "one")
    state = alerts.sent(store, "ops", "one", NOW, "refused")
    assert (state.failures, state.error, state.next_try_at) == (1, "refused", NOW + timedelta(minutes=5))
    alerts.judge(store, [OVERDUE, ROUND], NOW + timedelta(minutes=1))
    assert alerts.claim(store, [Rule("ops")], NOW + timedelta(minutes=4), "two") == {}
    found = alerts.claim(store, [Rule("ops")], NOW + timedelta(minutes=5), "two")["ops"]
    assert {one.alert.kind for one in found} == {"overdue", "round"}
    alerts.sent(store, "ops", "two", NOW + timedelta(minutes=5))
    assert alerts.channels(store)["ops"].failures == 0
    alerts.forget_channels(store, [])
    assert alerts.channels(store) == {}


def test_who_may_acknowledge(store: Store, kit: SimpleNamespace) -> None:
    """In an open programme everybody; then operators and leads of the programme, by the id's beginning; a note names nobody."""
    kit.sealed(store, kit.plan())
    for at, (person, role) in enumerate([("Ann", "lead"), ("Olu", "operator"), ("Sam", "stakeholder")]):
        body = Grant(person=person, role=role)
        acts.act(store, access.PROGRAMME + "a-trial", GRANT, body, by="Ann", at=kit.day(at), now=kit.day(at))
    [late, broken] = alerts.judge(store, [OVERDUE, ROUND], NOW).raised
    for one in (late, broken):
        with pytest.raises(ForbiddenError):
            alerts.acknowledge(store, one.id, by="Sam", at=NOW)
    with pytest.raises(DataError, match="seems to name a person"):
        alerts.acknowledge(store, late.id, by="Olu", at=NOW, note="asked jo.smith@example.org")
    done = alerts.acknowledge(store, late.id[:6], by="Olu", at=NOW, note="the site sends on Monday")
    assert (done.acknowledged_by, done.note) == ("Olu", "the site sends on Monday")
    assert alerts.acknowledge(store, late.id, by="Ann", at=NOW + HOUR).acknowledged_by == "Olu"
    assert alerts.acknowledge(store, broken.id, by="Ann", at=NOW).acknowledged_by == "Ann"
    with pytest.raises(DataError, match="is no alert that stands"):
        alerts.acknowledge(store, "ffff", by="Ann", at=NOW)
    rule = Rule("ops", remind=HOUR)
    alerts.claim(store, [rule], NOW, "one")
    alerts.sent(store, "ops", "one", NOW)
    assert alerts.claim(store, [rule], NOW + 2 * HOUR, "two") == {}
