"""The lives of all trials, read for the portfolio's figures in a number of queries that does not grow with theirs."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import datetime

from sqlalchemy import select

from trials import lifecycle
from trials.acts.act import CLOSED, Act
from trials.acts.deciding import DECISION, Decision
from trials.acts.ideas import IDEA
from trials.programme import Life
from trials.protocol import Protocol
from trials.reach import fixed_size
from trials.store import access, acts, lessons
from trials.store.engine import Store, reading
from trials.store.models import TRIAL
from trials.store.reading import TrialCard, cards


def lives(store: Store) -> tuple[Life, ...]:
    """Every trial's life, by name, of the programmes that the store's person may see."""
    found = cards(store)
    with reading(store) as connection:
        done = acts.all_of(connection, None, [IDEA, DECISION])
        registered = dict(connection.execute(select(TRIAL.c.id, TRIAL.c.created_at)).tuples().all())
        programmes = {card.id: card.protocol.programme or card.id for card in found}
        hidden = lessons.hidden_from(connection, store.person, programmes.values())
    return tuple(_life(card, done, registered[card.id]) for card in found if programmes[card.id] not in hidden)


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
