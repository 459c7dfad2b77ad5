"""The lives of all trials, and the claims that they are judged by together, as the store's person may see them.

In an open programme that takes a number of queries that does not grow with the trials. Of a programme with roles, whoever may
not see small counts is told of looks that may be shown beside each other and of people in tens, which are read trial by trial.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import replace
from datetime import datetime

from sqlalchemy import select

from trials import lifecycle
from trials.acts.act import CLOSED, Act
from trials.acts.deciding import DECISION, Decision
from trials.acts.ideas import IDEA
from trials.disclosure import about, apart
from trials.evidence import Claim, Look
from trials.portfolio import Judged
from trials.programme import Life
from trials.protocol import Protocol
from trials.reach import fixed_size
from trials.store import access, acts
from trials.store.engine import Store, reading
from trials.store.models import LOOK, TRIAL
from trials.store.reading import TrialCard, cards, looks
from trials.store.sights import joined_as_told, sights


def lives(store: Store) -> tuple[Life, ...]:
    """Every trial's life, by name, of the programmes that the store's person may see."""
    every = cards(store)
    seen = sights(store, every)
    found = [card for card in every if card.id in seen]
    with reading(store) as connection:
        done = acts.all_of(connection, None, [IDEA, DECISION])
        registered = dict(connection.execute(select(TRIAL.c.id, TRIAL.c.created_at)).tuples().all())
    told = [_life(card, done, registered[card.id]) for card in found]
    return tuple(one if seen[one.protocol.trial].small else _in_tens(store, one) for one in told)


def _in_tens(store: Store, life: Life) -> Life:
    joined = about(joined_as_told(store, life.protocol)) if life.closed else None
    return replace(life, enrolled=joined or 0, about=True)


def claims(store: Store) -> tuple[tuple[Judged, ...], int]:
    """What each trial that has a look is judged by, by name, and of how many trials the store's person may see nothing."""
    every = cards(store)
    seen = sights(store, every)
    found = [card for card in every if card.id in seen and card.look is not None]
    closing = {card.id: (card.closing.look or 0) for card in found if card.closing is not None}
    decided_on = _looks_of(store, closing)
    judged = []
    for card in found:
        if seen[card.id].small:
            look = decided_on.get(card.id) if card.id in closing else card.look
            claim = None if look is None else look.claims["benefit"]
        else:
            claim = _shown(looks(store, card.id), closing.get(card.id))
        judged.append(Judged(card.id, claim, card.state, card.post_decision))
    return tuple(judged), len(every) - len(seen)


def _shown(taken: Iterable[Look], upto: int | None) -> Claim | None:
    """The claim of the newest look that may be shown, with no more digits than its page has."""
    shown = apart(look for look in taken if upto is None or look.number <= upto)
    if not shown:
        return None
    claim = shown[-1].claims["benefit"]
    return replace(claim, log_e=_short(claim.log_e), p=_short(claim.p))


def _short(value: float | None) -> float | None:
    return None if value is None else float(f"{value:.2g}")


def _looks_of(store: Store, numbers: Mapping[str, int]) -> dict[str, Look]:
    """The looks of these numbers, by trial; in one query."""
    what = LOOK.c
    query = select(what.trial_id, what.number, what.body).where(what.number.in_({*numbers.values()}))
    with reading(store) as connection:
        found = connection.execute(query.where(what.trial_id.in_(numbers))).tuples() if numbers else ()
        return {trial: Look.from_json(body) for trial, number, body in found if numbers[trial] == number}


def _life(card: TrialCard, done: Mapping[str, Iterable[Act]], registered: datetime) -> Life:
    noted = [act.at for act in done.get(access.IDEA + lifecycle.prototype_of(card.protocol), ())]
    from_idea = bool(noted) and not card.protocol.continues
    closing = [act for act in done.get(card.id, ()) if isinstance(act.body, Decision) and act.body.closes]
    body = closing[-1].body if closing else None
    return Life(
        card.protocol,
        card.state,
        min(registered, *noted) if from_idea else registered,
        from_idea,
        0 if card.look is None else card.look.enrolled,
        planned_people(card.protocol) if card.state in CLOSED else None,
        None if card.look is None else card.look.verdict,
        body if isinstance(body, Decision) else None,
        closing[-1].at if closing else None,
    )


def planned_people(protocol: Protocol) -> int:
    """People (or clusters) of the fixed-size plan beside a trial: what one test at the end would need, at most the plan's."""
    most = protocol.monitoring.max_participants
    return most if protocol.purpose == "feasibility" else min(most, fixed_size(protocol)[0])
