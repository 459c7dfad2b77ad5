"""A home with something in every table, made by what people and sites really do."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from typing import Any

from flows import quarantining, work
from flows.work import Clock
from tests.flows.making import NOW, Desk, csv_text, people, plan, row
from trials.acts.ideas import Idea
from trials.acts.voices import Voice
from trials.store import accounts, acts, decisions, ideas, ledger, links, reading, rounds, sharing
from trials.store.verifying import heads

FIRST, SECOND = "first-trial", "second-trial"
LATER = datetime(2024, 7, 1, 9, 30, 0, 123_456, tzinfo=UTC)
WORDS = {
    "reason_code": "no_benefit",
    "reason": "nobody came",
    "lesson": "one letter moves nobody",
    "reuse": "the wording",
}


def fill_data(desk: Desk) -> Desk:
    """Two trials: one with rows set aside, mended and replayed, and a correction; one that goes on. Nobody does an act."""
    bad = [row(11, arm="nwe"), row(12, well="2"), "p013,usual"]
    first = csv_text([*(row(number) for number in range(1, 11)), *bad])
    name = desk.sealed(plan(question="Hilft es – naïve Grüße, 日本?"), **{"2024-03-01": first})
    desk.sealed(plan(SECOND, programme="nord"), **{"2024-03-02": people(1, 40)})
    desk.collect(name, SECOND, clock=Clock(NOW))
    desk.sent(
        name, {"2024-04-01.csv": csv_text([row(1), row(2, well="1"), *(row(number) for number in range(14, 20))])}
    )
    desk.collect(name)
    quarantining.mend(
        desk.store, name, (1, 11), {"arm": "usual"}, reason="ein Dreher", by="Cid", door=desk.door, at=LATER
    )
    quarantining.replay(desk.store, name, by="Dot", door=desk.door, at=LATER)
    return desk


def fill(desk: Desk) -> Desk:
    """That, a voice and an idea; the first trial is dropped then; and who is let in to the pages."""
    fill_data(desk)
    name = FIRST
    hidden = desk.door.pseudonyms(desk.store, name)
    voice = Voice(who="family", codes=("calm",), stance="helps", quote="it was quieter", consent=True, day=LATER.date())
    sharing.speak(desk.store, name, voice, hidden=hidden, by="Ann", at=LATER)
    ideas.note(desk.store, "text-reminders", Idea(text="Erinnerungen früh schicken – „ohne“ Brief"), by="Ann", at=LATER)
    decisions.decide(desk.store, name, "drop", by="Ann", second="Bea", at=LATER, **WORDS)
    _let_in(desk)
    return desk


def _let_in(desk: Desk) -> None:
    accounts.add(desk.store, "Zoë", "hash", stamp="s1", by="Ann", at=LATER)
    accounts.attempt(desk.store, "zoe", "192.0.2.7", LATER)
    accounts.end_session(desk.store, "a-session", ends_at=LATER + timedelta(hours=1), at=LATER)
    links.make(
        desk.store, trial=SECOND, id="one", secret="s" * 32, by="Ann", at=LATER, ends_at=LATER + timedelta(days=90)
    )
    round_ = rounds.begin(desk.store, LATER, host="here", pid=1)
    assert isinstance(round_, rounds.Round)
    rounds.note(desk.store, LATER, failed={SECOND: "its source is not there"}, done=[FIRST])
    rounds.end(desk.store, round_.id, LATER, "with_failures", rounds.Counts(due=2, done=1, failed=1))


def numbers(store: work.Store) -> Mapping[str, Any]:
    """Every number that pages and reports rest on: each trial's looks and state, worked out again; acts; where chains end."""
    cards = reading.cards(store)
    return {
        "looks": {card.id: [look.to_json() for look in reading.looks(store, card.id)] for card in cards},
        "again": {card.id: ledger.recompute(store, card.id, card.look.number).to_json() for card in cards if card.look},
        "cards": [
            (card.id, card.state, card.token, card.sha256, card.deliveries, card.refused, card.quarantined, card.rows)
            for card in cards
        ],
        "acts": {card.id: acts.acts(store, card.id) for card in cards},
        "heads": heads(store),
    }
