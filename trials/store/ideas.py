"""Ideas in the database: noted, tried in trials, ended; and what came of each."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime

from trials import lifecycle
from trials.acts.act import Act
from trials.acts.deciding import DECISION, Decision
from trials.acts.ideas import ENDINGS, IDEA, IDEA_ENDED, Idea, IdeaEnded
from trials.errors import DataError, LifecycleError
from trials.store import access, acts, lessons, stages
from trials.store.engine import Store, reading, writing
from trials.store.reading import TrialCard, cards

_NAME = re.compile(r"^[a-z0-9]+(-[a-z0-9]+)*$")


@dataclass(frozen=True, slots=True)
class Tried:
    """One trial of an idea. decision: the newest one, None if nobody has decided anything."""

    trial: str
    title: str
    stage: str
    state: str
    simulated: bool
    retrospective: bool
    decision: Decision | None = None
    decided_at: datetime | None = None


@dataclass(frozen=True, slots=True)
class IdeaCard:
    """One idea. stage: the furthest that a sealed trial of it has reached, or lifecycle.ENDED. noted: None of an idea that
    only plans know; noted_at: when it was first noted. ended: None while it goes on."""

    name: str
    stage: str
    programme: str
    noted: Idea | None = None
    noted_by: str = ""
    noted_at: datetime | None = None
    ended: IdeaEnded | None = None
    ended_at: datetime | None = None
    trials: tuple[Tried, ...] = ()


def note(store: Store, name: str, idea: Idea, *, by: str, at: datetime, now: datetime | None = None) -> Act:
    """Note an idea, or say it anew; the newest words count. The same words again change nothing.

    Raises DataError for a name that is none or words that name a person; LifecycleError when the idea was ended;
    ForbiddenError.
    """
    _must_be_a_name(name)
    scope = access.IDEA + name
    with writing(store, scope) as connection:
        before = acts.of(connection, scope, [IDEA, IDEA_ENDED])
        access.permit(connection, scope, by, IDEA.action, site=idea.site, programme=_whose(before, idea.programme))
        if before and before[-1].kind == IDEA_ENDED.name:
            raise LifecycleError(
                f"the idea {name} was ended on {before[-1].at.date()}, must be going on to be noted again. Give what is new a "
                "name of its own."
            )
        if before and before[-1].body == idea:
            return before[-1]
        if _whose(before, idea.programme) != (idea.programme or None):
            raise DataError(
                f"programme == {idea.programme!r}, must be {_whose(before, '')!r}, in which the idea {name} was noted first."
            )
        return acts.put(connection, scope, IDEA, idea, by=by, at=at, now=now)


def end(store: Store, name: str, ended: IdeaEnded, *, by: str, at: datetime, now: datetime | None = None) -> Act:
    """End an idea, with its lesson; once. The same again changes nothing.

    Raises DataError for an idea that nobody noted or tried, an unknown code, other words than before, or words that name a
    person; LifecycleError while a trial of it is open; ForbiddenError.
    """
    if ended.reason_code not in ENDINGS:
        raise DataError(f"reason_code == {ended.reason_code!r}, must be one of {', '.join(ENDINGS)}.")
    scope, mine = access.IDEA + name, [card for card in cards(store) if lifecycle.prototype_of(card.protocol) == name]
    with writing(store, scope) as connection:
        before = acts.of(connection, scope, [IDEA, IDEA_ENDED])
        if not before and not mine:
            raise DataError(f"idea == {name!r}, must be one that was noted or tried. See `roadtest ideas`.")
        still = stages.standing_of(connection, name).open  # asked inside: nothing of it may be sealed in between
        if still:
            raise LifecycleError(
                f"{', '.join(still)} of the idea {name} is open, must be closed first. Run `roadtest decide {still[0]} ...`."
            )
        planned = next((card.protocol.programme for card in mine), "")
        access.permit(connection, scope, by, IDEA_ENDED.action, programme=_whose(before, ended.programme or planned))
        return acts.put(connection, scope, IDEA_ENDED, ended, by=by, at=at, key="ended", now=now)


def listed(store: Store, programme: str | None = None) -> tuple[IdeaCard, ...]:
    """Every idea that was noted or tried, by name, of a programme or of all that the store's person may see."""
    tried: dict[str, list[TrialCard]] = {}
    for card in cards(store):
        tried.setdefault(lifecycle.prototype_of(card.protocol), []).append(card)
    with reading(store) as connection:
        done = acts.all_of(connection, None, [IDEA, IDEA_ENDED, DECISION])
        noted = {scope.removeprefix(access.IDEA) for scope in done if scope.startswith(access.IDEA)}
        found = [_card(name, done, tried.get(name, ())) for name in sorted(noted | tried.keys())]
        hidden = lessons.hidden_from(connection, store.person, (one.programme for one in found))
    return tuple(one for one in found if one.programme not in hidden and programme in (None, one.programme))


def _card(name: str, done: dict[str, tuple[Act, ...]], tried: Iterable[TrialCard]) -> IdeaCard:
    said = done.get(access.IDEA + name, ())
    notes = [act for act in said if isinstance(act.body, Idea)]
    ends = [act for act in said if isinstance(act.body, IdeaEnded)]
    trials = tuple(sorted((_tried(card, done.get(card.id, ())) for card in tried), key=lambda one: one.trial))
    reached = [lifecycle.STAGES.index(one.stage) for one in trials if one.state != "registered"]
    newest = notes[-1].body if notes else None
    planned = next((card.protocol.programme or card.id for card in tried), "")
    ended = ends[-1].body if ends else None
    return IdeaCard(
        name,
        lifecycle.ENDED if ends else lifecycle.STAGES[max(reached, default=0)],
        (newest.programme if isinstance(newest, Idea) else "") or planned,
        newest if isinstance(newest, Idea) else None,
        notes[0].by if notes else "",
        notes[0].at if notes else None,
        ended if isinstance(ended, IdeaEnded) else None,
        ends[-1].at if ends else None,
        trials,
    )


def _tried(card: TrialCard, done: Iterable[Act]) -> Tried:
    newest = next((act for act in reversed(tuple(done)) if isinstance(act.body, Decision)), None)
    decision = newest.body if newest is not None and isinstance(newest.body, Decision) else None
    plan = card.protocol
    return Tried(
        *(card.id, plan.title, plan.stage, card.state, plan.simulated, plan.retrospective),
        *(decision, None if newest is None else newest.at),
    )


def _whose(before: Iterable[Act], said: str) -> str | None:
    """The programme whose roles apply: the one that was noted first, so nobody moves an idea out of a closed one."""
    named = [act.body.programme for act in before if isinstance(act.body, Idea) and act.body.programme]
    return (named[0] if named else said) or None


def _must_be_a_name(name: str) -> None:
    if not _NAME.match(name) or len(name) > 80:
        raise DataError(
            f"idea == {name!r}, must be lower-case letters, digits and single hyphens, at most 80, such as 'text-reminders'."
        )
