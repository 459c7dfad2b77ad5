"""What was learnt, as its reader may see it: ended trials and ideas, failures first; ideas not tried yet; what a search found.

Who may read what is asked first: `visible` for trials, and for texts and ideas the store's own rule, by which a programme with
roles tells its lessons to those who hold one. Sentences of evidence are those of looks that pages show; nobody is named.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime

from dashboards.read_model.desk import Desk, arms_shown, visible
from dashboards.read_model.lesson_cards import (
    ANSWERED,
    Ending,
    Lesson,
    Passage,
    Untried,
    lesson,
    meaning,
    passage,
    title_of,
)
from trials.acts.deciding import Decision
from trials.lessons import ASKED, PLAN, WORDS, terms, wanted
from trials.store import access, ideas, reading
from trials.store import lessons as texts
from trials.store.engine import reading as transaction
from trials.store.ideas import IdeaCard
from trials.store.lessons import Told
from trials.store.reading import TrialCard


@dataclass(frozen=True, slots=True)
class Asked:
    """What is looked for: words that must all be there, a reason's code, a programme; "" = any. most: lessons at most."""

    query: str = ""
    reason: str = ""
    programme: str = ""
    most: int = 40

    @property
    def anything(self) -> bool:
        return bool(self.query or self.reason or self.programme)


@dataclass(frozen=True, slots=True)
class Lessons:
    """The page. ended, failed: of all that the reader may see. found: how many answer what was asked; of these `lessons`, at
    most so many, failures first. untried, passages: ideas not tried yet, texts of what goes on. reasons: (code, meaning)."""

    ended: int
    failed: int
    found: int
    lessons: tuple[Lesson, ...]
    untried: tuple[Untried, ...]
    passages: tuple[Passage, ...]
    reasons: tuple[tuple[str, str], ...]
    programmes: tuple[str, ...]
    hidden: bool


def lessons(desk: Desk, asked: Asked | None = None) -> Lessons:
    """What the desk's reader may read of what was learnt. Raises StoreError, DataError."""
    asked = asked or Asked()
    every = visible(desk, reading.cards(desk.store))
    hidden = _hidden(desk, every)
    cards = {card.id: card for card in every if _programme(card) not in hidden}
    known = [one for one in ideas.listed(desk.store) if _in_scope(desk, one.programme)]
    endings = [*filter(None, map(_closed, cards.values())), *filter(None, map(_ended, known))]
    found = _found(desk, asked, cards, known)
    chosen = [
        one for one in endings if _answers(one, asked) and (found is None or one.scope in found or _says(one, asked))
    ]
    ranks = {} if found is None else {scope: max(text.rank for text in of) for scope, of in found.items()}
    chosen.sort(key=lambda one: (not one.failed, -ranks.get(one.scope, 0.0), -_when(one.at), one.scope))
    arms = arms_shown(desk, [one.card for one in chosen[: asked.most] if one.card is not None])
    shown = [lesson(desk, one, (found or {}).get(one.scope, ()), arms) for one in chosen[: asked.most]]
    told = {one.scope for one in endings}
    untried = () if asked.reason else _untried(known, asked, found)
    loose = {} if found is None or asked.reason else {s: of for s, of in found.items() if s not in told}
    listed = {one.key for one in untried}
    return Lessons(
        len(endings),
        sum(one.failed for one in endings),
        len(chosen),
        tuple(shown),
        untried,
        tuple(passage(text, cards) for scope, of in loose.items() if scope not in listed for text in of),
        tuple(sorted({(one.code, meaning(one.code)) for one in endings if one.code}, key=lambda pair: pair[1])),
        tuple(
            sorted(
                {one.programme for one in endings if one.programme}
                | {one.programme for one in known if one.noted or one.ended} - {""}
            )
        ),
        bool(hidden) and desk.reader.kind != "link",
    )


def _hidden(desk: Desk, cards: Iterable[TrialCard]) -> frozenset[str]:
    """Programmes whose lessons the reader is not told. A link was given out for what it leads to."""
    if desk.reader.kind == "link":
        return frozenset()
    with transaction(desk.store) as connection:
        return texts.hidden_from(connection, desk.store.person, {_programme(card) for card in cards})


def _programme(card: TrialCard) -> str:
    return card.protocol.programme or card.id


def _in_scope(desk: Desk, programme: str) -> bool:
    return desk.reader.kind != "link" or programme in desk.reader.programmes


def _closed(card: TrialCard) -> Ending | None:
    act = card.closing
    if act is None or not isinstance(act.body, Decision):
        return None
    failed = act.body.what != "promote"
    return Ending(card.id, card.protocol.programme, act.at, act.body.reason_code, failed, card=card)


def _ended(idea: IdeaCard) -> Ending | None:
    if idea.ended is None:
        return None
    code = idea.ended.reason_code
    return Ending(access.IDEA + idea.name, idea.programme, idea.ended_at, code, code not in ANSWERED, idea=idea)


def _found(
    desk: Desk, asked: Asked, cards: Mapping[str, TrialCard], known: Iterable[IdeaCard]
) -> dict[str, list[Told]] | None:
    """What the store's search found, by scope, of what the reader may see; None when no words were asked for."""
    if not asked.query:
        return None
    open_to = {*cards, *(access.IDEA + one.name for one in known)}
    found: dict[str, list[Told]] = {}
    for one in texts.search(desk.store, asked.query, programme=asked.programme or None).texts:
        if one.scope in open_to or (one.scope.startswith(access.PROGRAMME) and _in_scope(desk, one.programme)):
            found.setdefault(one.scope, []).append(one)
    return found


def _answers(one: Ending, asked: Asked) -> bool:
    return asked.reason in ("", one.code) and asked.programme in ("", one.programme)


def _says(one: Ending, asked: Asked) -> bool:
    """Whether the plan of an ended trial, or its decision, holds every word: by the rule that the store's search goes by."""
    query = set(wanted(asked.query))
    if one.card is None or one.card.closing is None or not query:
        return False
    plan = ASKED[PLAN](one.card.protocol.model_dump(mode="json"))
    said = WORDS["decision"](one.card.closing.body.model_dump(mode="json"))
    return query <= set(terms(f"{plan}\n{said}"))


def _when(at: datetime | None) -> float:
    return 0.0 if at is None else at.timestamp()


def _untried(known: Iterable[IdeaCard], asked: Asked, found: Mapping[str, list[Told]] | None) -> tuple[Untried, ...]:
    loose = [one for one in known if one.noted is not None and one.ended is None and not one.trials]
    wanted_ones = [
        one
        for one in loose
        if asked.programme in ("", one.programme) and (found is None or access.IDEA + one.name in found)
    ]
    wanted_ones.sort(key=lambda one: (-_when(one.noted_at), one.name))
    return tuple(
        Untried(access.IDEA + one.name, title_of(one), one.noted.text, one.noted.hoped_for, one.programme, one.noted_at)
        for one in wanted_ones
        if one.noted is not None
    )
