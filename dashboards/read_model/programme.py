"""What deciding early brought, over the trials that the reader sees: days to a decision, how many taught something, and whom
and what it released.

Numbers of people are made from releases (`trials.disclosure`), whoever looks, and in tens: a sum of exact numbers beside the
steps that the other pages show would give a hidden number away.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace

from dashboards.read_model.board import known_cards
from dashboards.read_model.desk import Desk, choose, visible
from trials.disclosure import about
from trials.programme import Figures, Life, figures
from trials.protocol import canonical_json
from trials.store import doors, programme, tallies
from trials.store.reading import TrialCard

WHAT = "achieved"
_MOST_READERS = 200  # remembered at once, the newest: what it was made from names every trial


@dataclass(frozen=True, slots=True)
class Achieved:
    """The figures of real trials and of simulated ones, apart, as far as there are any. left: trials on the board of which
    they say nothing, because their programme gives the reader no role; replays of finished trials are never counted."""

    figures: tuple[Figures, ...]
    left: int = 0


def achieved(desk: Desk) -> Achieved:
    """The figures of all programmes together, real trials first. Worked out again when a trial opens or closes, or something
    of a closed one changes, or a role is given or taken."""
    cards = [card for card in visible(desk, known_cards(desk)) if not card.protocol.retrospective]
    ends = frozenset((card.id, card.state, card.token if card.closing else 0) for card in cards)
    made_from, who = (doors.grants(desk.store), ends), desk.reader
    whose = canonical_json([who.kind, who.reads_as, sorted(who.trials), sorted(who.programmes)])
    if (WHAT, whose) not in desk.made:
        for key in [key for key in list(desk.made) if key[0] == WHAT][: 1 - _MOST_READERS]:
            desk.made.pop(key, None)
    return desk.remembered(WHAT, whose, made_from, lambda: _achieved(desk, cards))


def _achieved(desk: Desk, cards: Iterable[TrialCard]) -> Achieved:
    seen = {card.id: card for card in cards}
    lives = [life for life in programme.lives(desk.store) if life.protocol.trial in seen]
    told = [_released(desk, seen[life.protocol.trial], life) for life in lives]
    return Achieved(tuple(one for one in figures(told) if one.programme is None), len(seen) - len(lives))


def _released(desk: Desk, card: TrialCard, life: Life) -> Life:
    """The life with as many people as its page tells of, in tens; 0 where it tells of none."""
    if not life.closed:
        return replace(life, enrolled=0, about=True)
    chosen = choose(desk, card.protocol, card.look)
    return replace(life, enrolled=about(tallies.joined(desk.store, card.protocol, chosen.told)) or 0, about=True)
