"""What the page that explains the pictures shows: one made-up trial and made-up rounds of trials, from seeds, not the store."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import lru_cache
from typing import Any

import numpy as np

from dashboards import wording
from dashboards.figures.peeking import Course, Round, Tally
from dashboards.read_model.board import Balance, Forest
from dashboards.read_model.row import evidence_of
from dashboards.wording import Standing
from trials import analysis, labelling, peeking
from trials.disclosure import apart, rounded_look, stepped, with_crossings
from trials.disclosure.flow import Branch, Flow
from trials.evidence import Look
from trials.feasibility import Colour, judge
from trials.labelling import Label
from trials.plan.progression import Criterion
from trials.protocol import Protocol, from_content
from trials.settling import Person, Version, order_key

PEOPLE, EVERY = 600, 20
BASELINE, WORTHWHILE = 0.30, 0.08
# The made-up trials: the share of bad outcomes with the idea, and the seed of their people.
TRIALS = {"helps": (0.19, 37), "nothing": (0.30, 19)}
SETTING = peeking.Setting()
LOOKS = (1, 2, 5, 10, 20, 40)
USUAL_LOOKS = 20
_PRIMARY = {
    "measure": "missed",
    "label": "Missed appointment",
    "kind": "binary",
    "better": "lower",
    "baseline": BASELINE,
    "worthwhile": WORTHWHILE,
}
# How people come into the arms of four made-up plans: one for each label.
_HOWS = ("random", "caseworker", "before_after", "choice")
_LIGHTS = (
    (24.0, "Go on: this works as planned."),
    (15.0, "Talk about it: something must change first."),
    (6.0, "Stop: a bigger trial can’t be done like this."),
    (None, "Nobody can say yet."),
)
# People who have joined a made-up trial, week by week, for how numbers move.
_JOINED = (4, 9, 13, 18, 22, 27, 33)


@dataclass(frozen=True, slots=True)
class MadeUp:
    """The made-up trial. looks: as a page may show them, effects rounded; one every EVERY people."""

    protocol: Protocol
    looks: tuple[Look, ...]

    @property
    def last(self) -> Look:
        return self.looks[-1]


@dataclass(frozen=True, slots=True)
class MadeRow:
    """What the board shows of it after so many people: effect in worthwhile effects, and how far the evidence has come."""

    people: str
    standing: Standing
    effect: str
    plausible: str
    forest: Forest
    furthest: str
    balance: Balance


@dataclass(frozen=True, slots=True)
class Labelled:
    """An evidence label with what it allows anybody to say."""

    name: str
    label: Label


@dataclass(frozen=True, slots=True)
class MadeLight:
    """A light, what it means, and a value of the made-up criterion that has it."""

    colour: Colour
    means: str
    example: str


@lru_cache(maxsize=4)
def made_up(which: str = "helps") -> MadeUp:
    """A made-up trial, one of TRIALS, always the same: people in pairs, one of each with the idea."""
    protocol = _plan()
    people, looks, progress = _people(protocol, *TRIALS[which]), list[Look](), None
    for number, count in enumerate(range(EVERY, PEOPLE + 1, EVERY), start=1):
        progress, look = analysis.analyse(
            protocol,
            people[:count],
            progress,
            as_of=_at(count),
            batch_seq=number,
            number=number,
            enrolled=count,
            protocol_sha256=protocol.seal(),
        )
        looks.append(rounded_look(protocol, look))
    return MadeUp(protocol, with_crossings(apart(looks)))


def _plan(**changes: Any) -> Protocol:
    content = {
        "trial": "made-up",
        "title": "A text the day before (made up)",
        "question": "Do fewer people miss their appointment if we text them the day before?",
        "owner": "Nobody",
        "simulated": True,
        "arms": [{"id": "usual", "role": "control"}, {"id": "text", "name": "Text message"}],
        "primary": _PRIMARY,
        "monitoring": {"max_participants": PEOPLE},
        "order_by": ["entry_order"],
        "source": {"connector": "folder", "path": "made-up"},
        **changes,
    }
    return from_content(content)


def _people(protocol: Protocol, share: float, seed: int) -> list[Person]:
    chance = np.random.default_rng(seed).random(PEOPLE)
    made = []
    for order in range(1, PEOPLE + 1):
        treated = order % 2 == 0
        missed = float(chance[order - 1] < (share if treated else BASELINE))
        known = (Version(0, missed, _at(order), _at(order)),)
        key = order_key(protocol, None, order)
        made.append(Person(key, order, None, "", "text" if treated else "usual", known))
    return made


def _at(order: int) -> datetime:
    return datetime(2024, 1, 8, 9, tzinfo=UTC) + timedelta(hours=6 * order)


def rows() -> tuple[MadeRow, ...]:
    """What the board shows of a trial that has just begun, of the same at its end, and of an idea that does nothing."""
    helps, nothing = made_up(), made_up("nothing")
    early = helps.looks[len(helps.looks) // 4]
    return tuple(_row(helps.protocol, look) for look in (early, helps.last, nothing.last))


def _row(protocol: Protocol, look: Look) -> MadeRow:
    told = evidence_of(protocol, look, look.claims)
    ends = (look.estimate, *look.interval)
    return MadeRow(
        people=f"{look.n:,}",
        standing=look.verdict,
        effect=wording.effect(protocol, look.estimate),
        plausible=wording.plausible(protocol, look),
        forest=Forest(*(None if end is None else round(end / protocol.primary.worthwhile, 4) for end in ends)),
        furthest=told["furthest"],
        balance=told["balance"],
    )


def labels() -> tuple[Labelled, ...]:
    """Each evidence label, from plans that differ only in how people come into the arms."""
    plans = [_plan(assignment={"how": how}) for how in _HOWS]
    return tuple(Labelled(labelling.label_of(plan).name, labelling.label_of(plan)) for plan in plans)


def lights() -> tuple[MadeLight, ...]:
    """A made-up criterion at four values: the colours that every feasibility trial's criteria are judged by."""
    asked_for = Criterion(id="joining", asks="recruitment", text="People who join in a month", green=20, red=10)
    return tuple(
        MadeLight(
            judge(asked_for, value), means, f"{value:g} people join in a month" if value else "too few to say anything"
        )
        for value, means in _LIGHTS
    )


def flow() -> Flow:
    """Everybody in a made-up trial, as the trial page's flow has them."""
    branches = Branch("usual", 301, 288, 13), Branch("text", 299, 281, 18)
    return Flow(600, 569, None, branches, by_arm=True)


def moving_numbers() -> tuple[tuple[str, str, str], ...]:
    """(week, really joined, what a page shows) of made-up people: the releases that every page goes by."""
    weeks = range(1, len(_JOINED) + 1)
    return tuple((str(week), str(_JOINED[week - 1]), wording.floor(stepped(_JOINED[:week]).shown)) for week in weeks)


def asked(looks: object, state: object) -> tuple[int, int, int]:
    """(looks, seed, trials) of the demonstration as a page may ask for them; whatever else was sent becomes the usual."""
    told: dict[str, Any] = state if isinstance(state, dict) else {}
    seed, trials = (_whole(told.get(name)) for name in ("seed", "trials"))
    many = peeking.BATCH * round(min(max(trials, peeking.BATCH), peeking.MOST_TRIALS) / peeking.BATCH)
    chosen = _whole(looks)
    return chosen if chosen in LOOKS else USUAL_LOOKS, min(max(seed, 1), 999_999), many


def _whole(value: object) -> int:
    try:
        return int(str(value))
    except ValueError:
        return 0


def tally(looks: int, seed: int, trials: int) -> tuple[Round, Tally]:
    """The newest round of trials and all of them, asked about by both methods. Arguments as `asked` gives them."""
    played = peeking.play(SETTING, looks, seed=seed, trials=trials)
    newest = range(trials - peeking.BATCH, trials)
    heights = (2 * played.at, 2 * np.arange(1, SETTING.pairs + 1))
    drawn = Round(
        first=newest.start + 1,
        looks=looks,
        people=SETTING.people,
        courses=(
            tuple(_course(played.z[row], heights[0], int(played.tested[row])) for row in newest),
            tuple(
                _course(played.log_e[row] / math.log(10), heights[1], int(played.fired[row]), thin=5) for row in newest
            ),
        ),
        needed=(peeking.bound(SETTING), -math.log10(SETTING.alpha)),
    )
    wrong = tuple(tuple((each != peeking.NEVER).tolist()) for each in (played.tested, played.fired))
    long_run = 100 * peeking.ordinary_rate(SETTING, looks), 100 * peeking.evidence_rate(SETTING)
    return drawn, Tally(looks, (wrong[0], wrong[1]), long_run)


def _course(heights: Any, people: Sequence[int] | Any, called: int, thin: int = 1) -> Course:
    """Up to where the idea was called a success; thinned, but for that place."""
    end = len(people) if called == peeking.NEVER else int(np.searchsorted(people, called)) + 1
    places = [place for place in range(end) if (place + 1) % thin == 0 or place == end - 1]
    return Course(
        tuple(int(people[place]) for place in places),
        tuple(round(float(heights[place]), 3) for place in places),
        None if called == peeking.NEVER else called,
    )
