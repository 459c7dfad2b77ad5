"""The texts that are searched for lessons, in the database: kept beside the acts, in their transactions, and made again from
them wherever they differ.

Table lesson_text is derived: what is shown is always read from the acts and plans themselves. Before every search each act
and plan is compared with its row (that there is one, for the same length of text, by these rules), so texts of an older
version, or a row that somebody took out, are mended at once; a row whose words were altered to others of the same length is
not noticed here, and `rebuild` mends it.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, column, delete, func, insert, literal, select, table, text
from sqlalchemy.dialects.postgresql import insert as postgresql_insert

from trials import lessons
from trials.acts.act import CLOSED, Act
from trials.acts.granting import GRANT
from trials.acts.ideas import IDEA
from trials.errors import DataError
from trials.protocol import canonical_json
from trials.store import access
from trials.store.engine import Store, reading, writing
from trials.store.models import ACT, PLAN, TRIAL

_MANY = 500  # asked for more scopes than this, all are read and the others left out
_LOCK = "lessons"  # whoever mends the table waits for whoever else does
# Not one of `models.metadata`: on SQLite it is a virtual table.
_TEXTS = table("lesson_text", *(column(name) for name in ("scope", "seq", "kind", "source", "words")))

Place = tuple[str, int, str]  # scope, number within it, kind


@dataclass(frozen=True, slots=True)
class Told:
    """One text as it stands in the ledger. programme: whose it is. subject: the idea that it is about. body: what was stored,
    of an act or (kind 'plan') of a trial's plan. rank: how well it answers."""

    scope: str
    seq: int
    kind: str
    by: str
    at: datetime
    programme: str
    subject: str
    body: Mapping[str, Any]
    rank: float = 0.0


@dataclass(frozen=True, slots=True)
class Found:
    """What a search came to. hidden: answers from programmes in which the person who asks has no role."""

    texts: tuple[Told, ...]
    hidden: int = 0


def note(connection: Connection, act: Act) -> None:
    """Keep an act's words beside it, in its own transaction. Kinds without words are passed over."""
    if act.kind in lessons.WORDS:
        body = canonical_json(act.body.model_dump(mode="json"))
        _put(connection, [((act.scope, act.seq, act.kind), body)])


def note_plan(connection: Connection, trial: str, version: int, canonical: str) -> None:
    """Keep the words of a trial's current plan, in the transaction that makes it so."""
    connection.execute(delete(_TEXTS).where(_TEXTS.c.scope == trial, _TEXTS.c.kind == lessons.PLAN))
    _put(connection, [((trial, version, lessons.PLAN), canonical)])


def rebuild(store: Store) -> int:
    """Make the whole table again from acts and plans; how many texts it has."""
    with writing(store, _LOCK) as connection:
        return rebuild_in(connection)


def rebuild_in(connection: Connection) -> int:
    """`rebuild` in a write transaction of somebody who keeps all others from writing acts and plans."""
    connection.execute(delete(_TEXTS))
    places = [place for place, _ in _sources(connection)]
    _put(connection, _bodies(connection, places))
    return len(places)


def search(store: Store, query: str = "", *, programme: str | None = None, reason_code: str | None = None) -> Found:
    """The texts that hold every word of the query (all, for an empty one), best first, then newest first.

    Nothing in the query is syntax. Raises DataError when an act or plan can't be read.
    """
    _mend(store)
    terms = lessons.wanted(query)
    with reading(store) as connection:
        if query.strip() and not terms:
            return Found(())
        candidates = _candidates(connection, terms, lessons.WORDS)
        ranks = lessons.relevance(terms, candidates, _corpus(connection, lessons.WORDS))
        told = _told(connection, ranks)
        wanted = [
            one
            for one in told
            if programme in (None, one.programme) and reason_code in (None, one.body.get("reason_code"))
        ]
        return _allowed(connection, store.person, wanted)


def similar(store: Store, words: str, *, without: Iterable[str] = (), most: int = 3) -> Found:
    """The texts of earlier ideas, trials and lessons that are like the words, the likest of each idea, at most so many ideas.

    without: ideas that are left out, such as the one that the words are of.
    """
    _mend(store)
    terms = lessons.salient(words)
    with reading(store) as connection:
        held = _candidates(connection, terms, lessons.ASKED) if terms else {}
        left_out = frozenset(without)
        own = {scope for name in left_out for scope in (name, access.IDEA + name)}
        candidates = {place: lessons.telling(found) for place, found in held.items() if place[0] not in own}
        others = _corpus(connection, lessons.ASKED).texts - (len(held) - len(candidates))
        ranks = lessons.likeness(terms, candidates, others)
        best: dict[str, Told] = {}
        for one in _told(connection, ranks):
            if one.subject not in left_out and not one.scope.startswith(access.PROGRAMME):
                best.setdefault(one.subject, one)
        found = _allowed(connection, store.person, list(best.values()))
        return Found(found.texts[:most], found.hidden)


def _mend(store: Store) -> None:
    """Make again what differs. Nothing is written, and nobody waited for, when all is as it should be."""
    with reading(store) as connection:
        missing, excess = _differing(connection)
    if missing or excess:
        with writing(store, _LOCK) as connection:
            missing, excess = _differing(connection)
            for place in excess:
                connection.execute(delete(_TEXTS).where(*_at(place)))
            _put(connection, _bodies(connection, missing))


def _differing(connection: Connection) -> tuple[list[Place], list[Place]]:
    """Texts without a sound row, and the places of rows that are of no text, not sound, or there twice."""
    # The rows are read first: an act that comes in between is then missing, never in excess.
    held = select(_TEXTS.c.scope, _TEXTS.c.seq, _TEXTS.c.kind, _TEXTS.c.source, func.length(_TEXTS.c.words))
    rows = [((row[0], row[1], row[2]), row[3], row[4]) for row in connection.execute(held).tuples()]
    sources, sound, excess = dict(_sources(connection)), set(), set()
    for place, source, length in rows:
        if place in sound or place not in sources or source != _signed(sources[place], length):
            excess.add(place)
        sound.add(place)
    return [place for place in sources if place not in sound or place in excess], sorted(excess, key=str)


def _signed(body: int, words: int) -> str:
    """What a row was made from: the rules, and the lengths of the stored text and of its words."""
    return f"{lessons.VERSION}.{body}.{words}"


def _sources(connection: Connection) -> Iterator[tuple[Place, int]]:
    """Each text that is to be searched, and how long what is stored of it is."""
    acts = select(ACT.c.trial_id, ACT.c.seq, ACT.c.kind, func.length(ACT.c.body)).where(ACT.c.kind.in_(lessons.WORDS))
    plans = _current(TRIAL.c.id, PLAN.c.version, literal(lessons.PLAN), func.length(PLAN.c.canonical))
    for query in (acts, plans):
        for scope, seq, kind, length in connection.execute(query).tuples():
            yield (scope, seq, kind), int(length or 0)


def _current(*columns: Any) -> Any:
    return select(*columns).join(PLAN, (PLAN.c.trial_id == TRIAL.c.id) & (PLAN.c.version == TRIAL.c.plan_version))


def _bodies(connection: Connection, places: Iterable[Place]) -> list[tuple[Place, str]]:
    """The stored text at each place."""
    wanted = set(places)
    acts = select(ACT.c.trial_id, ACT.c.seq, ACT.c.kind, ACT.c.body).where(ACT.c.kind.in_(lessons.WORDS))
    plans = _current(TRIAL.c.id, PLAN.c.version, literal(lessons.PLAN), PLAN.c.canonical)
    queries = (acts, plans) if wanted else ()
    found = (row for query in queries for row in connection.execute(query).tuples())
    return [((scope, seq, kind), body) for scope, seq, kind, body in found if (scope, seq, kind) in wanted]


def _put(connection: Connection, texts: Iterable[tuple[Place, str]]) -> None:
    rows = []
    for (scope, seq, kind), body in texts:
        words = " ".join(lessons.terms(lessons.ASKED[kind](_parsed(scope, body))))
        source = _signed(len(body), len(words))
        rows.append({"scope": scope, "seq": seq, "kind": kind, "source": source, "words": words})
    if not rows:
        return
    query = insert(_TEXTS)
    if connection.dialect.name == "postgresql":  # whoever does the act, and whoever mends, may both put it in
        query = postgresql_insert(_TEXTS).on_conflict_do_nothing()
    connection.execute(query, rows)


def _parsed(scope: str, body: str) -> dict[str, Any]:
    try:
        found = json.loads(body)
    except ValueError:
        found = None
    if not isinstance(found, dict):
        raise DataError(
            f"a text of {scope} can't be read: somebody changed it in the database. Run `roadtest audit verify`."
        )
    return found


def _at(place: Place) -> tuple[Any, ...]:
    return tuple(one == value for one, value in zip((_TEXTS.c.scope, _TEXTS.c.seq, _TEXTS.c.kind), place, strict=True))


def _candidates(connection: Connection, terms: Sequence[str], kinds: Iterable[str]) -> dict[Place, tuple[str, ...]]:
    """Every text of these kinds that holds any of the terms (all texts, for none), and its own terms."""
    query = select(_TEXTS.c.scope, _TEXTS.c.seq, _TEXTS.c.kind, _TEXTS.c.words).where(_TEXTS.c.kind.in_(kinds))
    if terms:
        query = query.where(_holds(connection, terms))
    return {(scope, seq, kind): tuple(words.split()) for scope, seq, kind, words in connection.execute(query).tuples()}


def _holds(connection: Connection, terms: Sequence[str]) -> Any:
    """The database's own search for any of the terms, which are letters and digits alone (`trials.lessons.terms`)."""
    if connection.dialect.name == "postgresql":
        return text("array_to_tsvector(string_to_array(words, ' ')) @@ CAST(:asked AS tsquery)").bindparams(
            asked=" | ".join(f"'{term}'" for term in terms)
        )
    return text("lesson_text MATCH :asked").bindparams(
        asked="words : (" + " OR ".join(f'"{term}"' for term in terms) + ")"
    )


def _corpus(connection: Connection, kinds: Iterable[str]) -> lessons.Corpus:
    blanks = func.length(_TEXTS.c.words) - func.length(func.replace(_TEXTS.c.words, " ", ""))
    query = select(func.count(), func.coalesce(func.sum(blanks), 0)).where(_TEXTS.c.kind.in_(kinds))
    texts, words = connection.execute(query).one()
    return lessons.Corpus(int(texts), (int(words) + int(texts)) / max(int(texts), 1))


def _told(connection: Connection, ranks: Mapping[Place, float]) -> list[Told]:
    """The texts at these places as the ledger has them, best first, then newest first."""
    scopes = {scope for scope, _, _ in ranks}
    ideas = _newest_ideas(connection, scopes)
    plans = {row.trial_id: row for row in connection.execute(_limited(_plans(), TRIAL.c.id, scopes))}
    whose = {trial: _parsed(trial, row.canonical) for trial, row in plans.items()}
    found = []
    acts = select(ACT).where(ACT.c.kind.in_(lessons.WORDS))
    for row in (*connection.execute(_limited(acts, ACT.c.trial_id, scopes)), *plans.values()):
        place = (row.trial_id, row.seq, row.kind)
        if place in ranks:
            plan = whose.get(row.trial_id, {})
            body = plan if row.kind == lessons.PLAN else _parsed(row.trial_id, row.body)
            # Why an open trial goes on may tell how its arms fare, which not everybody may see yet.
            if body.get("what") == "continue" and plans[row.trial_id].state not in CLOSED:
                continue
            programme, subject = _belongs(row.trial_id, plan, ideas.get(row.trial_id, {}))
            found.append(Told(*place, row.by, row.at, programme, subject, body, ranks[place]))
    return sorted(found, key=lambda one: (-round(one.rank, 9), -one.at.timestamp(), one.scope, one.seq, one.kind))


def _belongs(scope: str, plan: Mapping[str, Any], idea: Mapping[str, Any]) -> tuple[str, str]:
    """The programme and the idea that a scope belongs to."""
    if scope.startswith(access.PROGRAMME):
        return scope.removeprefix(access.PROGRAMME), scope
    if scope.startswith(access.IDEA):
        return str(idea.get("programme") or ""), scope.removeprefix(access.IDEA)
    return str(plan.get("programme") or scope), str(plan.get("prototype") or scope)


def _plans() -> Any:
    return _current(
        PLAN.c.trial_id,
        TRIAL.c.state,
        PLAN.c.version.label("seq"),
        literal(lessons.PLAN).label("kind"),
        PLAN.c.registered_by.label("by"),
        PLAN.c.registered_at.label("at"),
        PLAN.c.canonical,
    )


def _newest_ideas(connection: Connection, scopes: set[str]) -> dict[str, dict[str, Any]]:
    """Each idea's newest words."""
    query = select(ACT.c.trial_id, ACT.c.body).where(ACT.c.kind == IDEA.name).order_by(ACT.c.seq)
    return {
        row.trial_id: _parsed(row.trial_id, row.body)
        for row in connection.execute(_limited(query, ACT.c.trial_id, scopes))
    }


def _limited(query: Any, of: Any, scopes: set[str]) -> Any:
    """The query for these scopes; for very many, for all."""
    return query.where(of.in_(scopes)) if len(scopes) <= _MANY else query


def hidden_from(connection: Connection, person: str, programmes: Iterable[str]) -> frozenset[str]:
    """Those of the programmes that are closed and in which the person has no role."""
    granted = connection.scalars(select(ACT.c.trial_id).where(ACT.c.kind == GRANT.name).distinct())
    closed = {scope.removeprefix(access.PROGRAMME) for scope in granted} & {*programmes}
    return frozenset(name for name in closed if all(one.person != person for one in access.grants(connection, name)))


def _allowed(connection: Connection, person: str, told: Sequence[Told]) -> Found:
    hidden = hidden_from(connection, person, (one.programme for one in told))
    seen = tuple(one for one in told if one.programme not in hidden)
    return Found(seen, len(told) - len(seen))
