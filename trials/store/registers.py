"""Trials' registers as the checks of a delivery ask them: of many people only those whom the delivery names are read.

Guarantee: every question that a whole register answers about somebody by id, or about an allocation number that was looked up,
has the same answer here. The cost is that of the people asked for, however many are enrolled.
"""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

from sqlalchemy import Connection, exists, func, select

from trials.acts.site_withdrawing import SITE_WITHDRAWN, SiteWithdrawn
from trials.analysis import STATE_FORMAT
from trials.protocol import Protocol
from trials.records import Enrolled, Register
from trials.store import acts
from trials.store.deliveries import listed_trials, people_by, register_rows
from trials.store.engine import Store, reading
from trials.store.models import ENROLMENT, STATE, TRIAL
from trials.store.reading import TrialCard

# After so many people who were asked for one by one, everybody is read: cells that a sentence may have to hide.
_SINGLY = 100


@dataclass
class _Book:
    """What was read of one trial's register. anybody: whether there is anything to read."""

    store: Store
    trial: str
    closed: bool
    anybody: bool
    people: dict[str, Enrolled] = field(default_factory=dict)
    names: set[str] = field(default_factory=set)
    numbers: set[int] = field(default_factory=set)
    singly: int = 0
    whole: bool = False

    def of(self, name: str) -> Enrolled | None:
        """One person; None for nobody."""
        if self.anybody and not self.whole and name not in self.names:
            self.singly += 1
            if self.singly > _SINGLY:
                self._read_all()
            else:
                self.read([name], ())
        return self.people.get(name)

    def read(self, names: Iterable[str], numbers: Iterable[int]) -> None:
        """Reads those of them that were not read yet."""
        if not self.anybody or self.whole:
            return
        new = [name for name in dict.fromkeys(names) if name not in self.names and "\x00" not in name]
        numbered = [number for number in dict.fromkeys(numbers) if number not in self.numbers]
        self.names.update(new)
        self.numbers.update(numbered)
        if new or numbered:
            with reading(self.store) as connection:
                found = people_by(connection, "participant_id", [(self.trial, name) for name in new])
                held = people_by(connection, "entry_order", [(self.trial, number) for number in numbered])
            self.people |= found.get(self.trial, {}) | held.get(self.trial, {})

    def _read_all(self) -> None:
        with reading(self.store) as connection:
            self.people = register_rows(connection, self.trial)
        self.whole = True


class PartOfRegister(Register):
    """A trial's register of which somebody is read when they are asked for. `len` and iteration know only who was."""

    def __init__(self, book: _Book) -> None:
        super().__init__(closed=book.closed)
        self._book = book

    def copied(self) -> PartOfRegister:
        """A register of its own over the same book: whom a delivery brings is put into the copy alone."""
        copy = PartOfRegister(self._book)
        dict.update(copy, self)
        return copy

    def look_up(self, names: Iterable[str | None] = (), numbers: Iterable[int | None] = ()) -> None:
        """Reads whoever is named so, or holds one of these allocation numbers: a query each, where one is still needed."""
        whose, held = [name for name in names if name is not None], {one for one in numbers if one is not None}
        if not self._book.anybody:
            return
        self._book.read(whose, held)
        for name in whose:
            self._known(name)
        for person in self._book.people.values() if held else ():
            if person.entry_order in held:
                self.setdefault(person.participant_id, person)

    def _known(self, name: object) -> bool:
        if dict.__contains__(self, name):
            return True
        person = self._book.of(name) if isinstance(name, str) else None
        if person is not None:
            self[person.participant_id] = person
        return person is not None

    def __contains__(self, name: object) -> bool:
        return self._known(name)

    def __getitem__(self, name: str) -> Enrolled:
        self._known(name)
        return super().__getitem__(name)

    def get(self, name: Any, default: Any = None) -> Any:
        return dict.__getitem__(self, name) if self._known(name) else default

    def __bool__(self) -> bool:
        return self._book.anybody or len(self) > 0


def registers_of(
    store: Store, asked: Mapping[str, tuple[Collection[str], Collection[int]]]
) -> dict[str, PartOfRegister]:
    """Per trial its register, with whoever is named or holds one of the allocation numbers read already: four queries for all
    trials. The names and numbers are a guess that saves queries: whom else somebody asks for is read then."""
    with reading(store) as connection:
        closed = listed_trials(connection, asked)
        begun = _with_people(connection, asked)
        names = [(trial, name) for trial in begun for name in asked[trial][0] if "\x00" not in name]
        numbers = [(trial, number) for trial in begun for number in asked[trial][1]]
        named = people_by(connection, "participant_id", names)
        holding = people_by(connection, "entry_order", numbers)
    found = {}
    for trial, (mine, held) in asked.items():
        book = _Book(store, trial, trial in closed, trial in begun)
        if trial in begun:
            book.people = named.get(trial, {}) | holding.get(trial, {})
            book.names, book.numbers = {*mine}, {*held}
        found[trial] = PartOfRegister(book)
    return found


def sites_left_of(store: Store, trials: Collection[str]) -> dict[str, frozenset[str]]:
    """Per trial the sites that were withdrawn from it, in one query. Raises DataError when what was said can't be read."""
    with reading(store) as connection:
        said = acts.all_of(connection, list(trials), [SITE_WITHDRAWN])
    left = {
        trial: {act.body.site for act in said.get(trial, ()) if isinstance(act.body, SiteWithdrawn)} for trial in trials
    }
    return {trial: frozenset(sites) for trial, sites in left.items()}


def _with_people(connection: Connection, trials: Collection[str]) -> list[str]:
    anybody = exists().where(ENROLMENT.c.trial_id == TRIAL.c.id)
    return list(connection.scalars(select(TRIAL.c.id).where(TRIAL.c.id.in_(list(trials)), anybody)))


def places_of(
    store: Store, protocols: Mapping[str, Protocol], cards: Mapping[str, TrialCard]
) -> dict[str, Counter[tuple[str, str]]]:
    """Per trial, how many are enrolled by (site, arm).

    Whoever stands up to the cursor of the newest look is in its state; only those after it are counted. Of a plan with one
    site or none the state knows the arms alone: all are put at that site, or at ''. A trial without a look, or whose look
    rests on another version of the plan or of the code, is counted whole.
    """
    with reading(store) as connection:
        states = connection.execute(
            select(STATE.c.trial_id, STATE.c.state).where(STATE.c.trial_id.in_(list(cards)))
        ).tuples()
        read = {trial: json.loads(state) for trial, state in states}
        found = {
            trial: _in_state(protocols[trial], read[trial])
            for trial, card in cards.items()
            if trial in read
            and card.look is not None
            and card.look.protocol_sha256 == card.sha256
            and read[trial].get("format") == STATE_FORMAT
        }
        for trial, site, arm, people in _counted(connection, list(found), after=True):
            found[trial][_place(protocols[trial], site), arm] += people
        others = [trial for trial in cards if trial not in found]
        for trial, site, arm, people in _counted(connection, others, after=False):
            found.setdefault(trial, Counter())[site, arm] += people
    return {trial: found.get(trial, Counter()) for trial in cards}


def _place(protocol: Protocol, site: str) -> str:
    sites = protocol.sites
    return site if len(sites) > 1 else sites[0].id if sites else ""


def _in_state(protocol: Protocol, state: Mapping[str, Any]) -> Counter[tuple[str, str]]:
    several = len(protocol.sites) > 1
    by_site = state["strata"] if several else {_place(protocol, ""): state["arms"]}
    return Counter(
        {(site, arm): one["n"] + one["missing"] for site, arms in by_site.items() for arm, one in arms.items()}
    )


def _counted(connection: Connection, trials: Collection[str], *, after: bool) -> list[tuple[str, str, str, int]]:
    """People by trial, site and arm. after: only those after the cursor."""
    if not trials:
        return []
    who = ENROLMENT.c
    query = select(who.trial_id, who.site, who.arm, func.count()).where(who.trial_id.in_(list(trials)))
    if after:
        query = query.join(STATE, STATE.c.trial_id == who.trial_id).where(who.order_key > STATE.c.cursor_key)
    return list(connection.execute(query.group_by(who.trial_id, who.site, who.arm)).tuples())
