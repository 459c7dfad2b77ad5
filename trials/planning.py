"""What can this trial tell us? Asked before sealing; every way of registering a trial goes through `admit`.

The answer is what happens to repeated trials of the plan under several truths: exactly where counts allow, else simulated
with its Monte Carlo error (`trials.sequential.operating.courses`), with the fixed-size trial beside it.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, replace
from functools import partial
from typing import Any

import numpy as np

from trials import comparing, feasibility, labelling, reach
from trials.comparing import compared, design_of, members_of, method_of
from trials.due import check_schedule
from trials.errors import ProtocolError
from trials.outcomes import kind_named
from trials.plan.progression import Criterion
from trials.protocol import Protocol
from trials.reach import fixed_size
from trials.sequential import family
from trials.sequential.design import Design
from trials.sequential.operating import courses, streams_arms, truths
from trials.sequential.operating.courses import Course, Play
from trials.sharing import strengths
from trials.verdict import noun

RUNS, THOROUGH, SEED = 1_000, 10_000, 20_260_101
# A pair's best stake is the effect over twice a value's variance; beyond this it meets its limit.
WIDE = 0.88
LOPSIDED = 5
SMALLEST_WORTHWHILE, LARGEST_WORTHWHILE = 1e-4, 0.9
# The truths that a plan is tried under, in worthwhile effects, in the order they are told.
TRUTHS = (("worthwhile", 1.0), ("twice worthwhile", 2.0), ("half", 0.5), ("no effect", 0.0), ("harmful", -1.0))
# At most so many participants in all of a truth's simulated trials.
QUICK, SLOW = 1_000_000, 40_000_000
# The same where trials are fed to the method one after the other; `check` doesn't.
ONE_BY_ONE = 40_000
# Simulated trials are followed up to this many participants, or so many times what a fixed-size trial takes if that is more.
LONG, TIMES = 3_000, 5
# With more than this many to follow, looks would have to be simulated for hours; binary ones are then taken less often.
TOO_LONG = 50_000

SHOWN = "the smallest effect shown"

Progress = Callable[[int, int, str], None]
Spread = Callable[[Callable[[str], Any], Sequence[str]], Iterable[Any]]


def admit(protocol: Protocol) -> None:
    """Raises ProtocolError when the plan's kind or methods can't judge it, or its schedule can't be read; returns when it can
    be registered."""
    kind = kind_named(protocol.primary.kind)
    kind.check_plan(protocol.primary)
    monitoring = protocol.monitoring
    if monitoring.alpha + monitoring.beta >= 1:
        raise ProtocolError(
            f"monitoring.beta == {monitoring.beta:g}, must be < {1 - monitoring.alpha:g}, so that alpha and beta add up to "
            "less than 1: a coin would do as well. Write 0.10."
        )
    if protocol.control is None and kind.values == "time" and protocol.primary.bounds is None:
        raise ProtocolError(
            "primary.bounds is missing, must be [0, length of follow-up] for a time to event in one arm: the benchmark's share "
            "is reached by its end. Write bounds: [0, 52]."
        )
    check_schedule(protocol.schedule)
    labelling.check(protocol)
    method = method_of(protocol)
    for arm in protocol.treatments:
        design = design_of(protocol, arm)
        _check_worthwhile(protocol, design)
        method.admit(design)
    for track in ([*members_of(protocol)], _guarding(protocol), [one.member for one in comparing.burdens_of(protocol)]):
        for member in track:
            member.method.admit(member.design)
        if track:
            family.start(track)
    strengths.check(protocol)


def _guarding(protocol: Protocol) -> list[family.Member]:
    return [one.member for one in comparing.guardrails_of(protocol)]


def _check_worthwhile(protocol: Protocol, design: Design) -> None:
    scale = design.cap if design.values == "count" else 1.0
    if not SMALLEST_WORTHWHILE <= design.worthwhile / scale < math.inf:
        raise ProtocolError(
            f"primary.worthwhile == {protocol.primary.worthwhile:g}, must be at least a 10,000th of the measure's range: "
            "no trial finds less. Name an improvement worth having."
        )
    if design.values in ("bounded", "count") and design.worthwhile / scale > LARGEST_WORTHWHILE:
        raise ProtocolError(
            f"primary.worthwhile == {protocol.primary.worthwhile:g}, must be at most {LARGEST_WORTHWHILE:.0%} of the "
            "range that primary.bounds leave. Widen the bounds, or name a smaller improvement."
        )


def warnings(protocol: Protocol) -> tuple[str, ...]:
    """What the plan will not do, one sentence each, without its full stop. Fast: nothing is simulated."""
    found = []
    _, detectable = fixed_size(protocol)
    planned = protocol.monitoring.max_participants
    if detectable is None:
        found.append(
            f"{planned:,} {noun(protocol)} are so few that even the largest possible effect would be missed more often than "
            f"{100 * protocol.monitoring.beta:.0f} times in 100: the likely answer is that nobody can tell"
        )
    if len(protocol.sites) > 1 and planned < 4 * len(protocol.sites):
        found.append(
            f"{planned:,} {noun(protocol)} at {len(protocol.sites)} sites leave most sites without people in both arms, and "
            "only within a site are they compared"
        )
    design = design_of(protocol)
    if design.values == "bounded" and design.worthwhile > WIDE * 2 * design.spread:
        found.append(
            "the bounds are wide beside the spread, so that a bet can stake little on one result: bounds close around the "
            "values that really occur would tell sooner"
        )
    if design.values == "time" and protocol.primary.bounds is None:
        found.append(
            "times are taken as they come: with bounds: [0, end of follow-up] in the measure's own unit, one in another unit "
            "or beyond the follow-up can't count in full"
        )
    if design.values != "time" and design.n_c and max(design.n_t, design.n_c) >= LOPSIDED * min(design.n_t, design.n_c):
        found.append(
            f"with {design.n_t} to {design.n_c} most people add little: arms closer to one size tell with fewer people"
        )
    return tuple(found)


@dataclass(frozen=True, slots=True)
class Outlook:
    """What happens in repeated trials of this plan if one thing is true; with several arms, to one arm while the others do
    nothing.

    effect: in the measure's own unit. promote, drop, stop_for_harm: shares of trials that end so first; cant_tell: the rest.
    people: the mean number of participants at the end; ended_by: by how many 10, 50 and 90 % of trials have ended.
    exact: by dynamic programming; else simulated (`runs` trials), or runs == 0: integrated over a normal approximation.
    error: Monte Carlo standard error of the least certain share; people_error: that of `people`; both 0 without simulation.
    """

    truth: str
    effect: float
    promote: float
    drop: float
    stop_for_harm: float
    cant_tell: float
    people: float
    ended_by: tuple[int, int, int]
    exact: bool
    runs: int
    error: float
    people_error: float


@dataclass(frozen=True, slots=True)
class Plan:
    """The answer of `check` and `simulate`. Effects in the measure's own unit.

    fixed_size: participants of a fixed-size trial with the same errors for the worthwhile effect; detectable: the smallest
    effect that such a trial of the planned size finds with 1 − beta power, None if there is none. shown: the smallest that
    this plan promotes as often, with its looks; None if there is none, or the plan is too long to be tried out.
    drops_worthwhile: the share of trials in which a just worthwhile idea is dropped. notes: how the figures were got.
    """

    detectable: float | None
    fixed_size: int
    shown: float | None
    drops_worthwhile: float | None
    outlooks: tuple[Outlook, ...]
    sentence: str
    warnings: tuple[str, ...]
    notes: tuple[str, ...]


def check(protocol: Protocol, runs: int = RUNS) -> Plan:
    """What this plan can and cannot tell, in a few seconds; deterministic (seeded). Raises ProtocolError as `admit` does."""
    return _tried(protocol, runs, SEED, QUICK, None)


def simulate(
    protocol: Protocol,
    runs: int = THOROUGH,
    *,
    seed: int = SEED,
    progress: Progress | None = None,
    spread: Spread | None = None,
) -> Plan:
    """The same with more runs. progress(done, steps, what) is told each step before it is taken, and the end.

    runs: at most so many trials per truth; fewer where they would take long, as each outlook says. spread: where the steps are
    taken, as `map` does it (`flows.engines.mapped`); each is seeded by itself, so wherever it is taken it gives the same.
    """
    return _tried(protocol, runs, seed, SLOW, progress, spread)


def _tried(
    protocol: Protocol, runs: int, seed: int, budget: int, progress: Progress | None, spread: Spread | None = None
) -> Plan:
    admit(protocol)
    tell = progress if progress is not None else lambda done, steps, what: None
    people, detectable = fixed_size(protocol)
    trying = _Trying(protocol, runs, seed, budget)
    step = partial(_step, trying, detectable)
    steps = [*(truth for truth, _ in TRUTHS), SHOWN]
    if spread is None:
        found = []
        for number, name in enumerate(steps):
            tell(number, len(steps), name)
            found.append(step(name))
    else:
        found = list(spread(step, steps))
    tell(len(steps), len(steps), "done")
    *told, shown = found
    outlooks = [one for one in told if one is not None]
    drops = next((outlook.drop for outlook in outlooks if outlook.truth == "worthwhile"), None)
    sentence = _sentence(protocol, people, detectable, shown)
    return Plan(detectable, people, shown, drops, tuple(outlooks), sentence, warnings(protocol), trying.notes(outlooks))


def _step(trying: _Trying, detectable: float | None, name: str) -> Any:
    """One step of trying out a plan: the Outlook of a truth (None when there is no room for it), or the effect shown."""
    return trying.shown(detectable) if name == SHOWN else trying.outlook(name, dict(TRUTHS)[name])


class _Trying:
    """Tries out one plan under one effect after the other."""

    def __init__(self, protocol: Protocol, runs: int, seed: int, budget: int) -> None:
        self.protocol, self.kind = protocol, kind_named(protocol.primary.kind)
        self.design, self.method = design_of(protocol), method_of(protocol)
        self.seed, self.wanted = seed, runs
        self.counted = self.method.name in ("binary-mixture", "one-arm-binary")
        self.arms = members_of(protocol)
        self.participants = self._followed()
        known = self.counted or self.method.name in courses.ONE_STRATUM or self.method.evidence == "boundaries"
        self.alone = not known
        followed = min(self.participants, 2 * courses.MOST_LOOKS) if self.counted else self.participants
        self.most = max(20, ONE_BY_ONE // followed) if self.alone else max(200, budget // followed)
        self.skipped = self._skipped(budget)
        self.one_site = len(protocol.sites) > 1 and (bool(self.arms) or self.method.name in courses.ONE_STRATUM)
        self._made_of = (protocol, runs, seed, budget)

    def __reduce__(self) -> tuple[Any, ...]:
        """Sent to another process as what it was made of: methods are functions, which can't be sent."""
        return _Trying, self._made_of

    def _followed(self) -> int:
        """Participants that trials are followed to: all, unless they are to be simulated and very many."""
        planned = self.protocol.monitoring.max_participants
        exact = self.counted and not self.arms and not self.design.several
        if self.method.evidence == "boundaries" or (exact and planned <= 2 * courses.EXACT_LOOKS):
            return planned
        size, _ = fixed_size(self.protocol)
        return min(planned, max(LONG, TIMES * size))

    def _skipped(self, budget: int) -> str:
        """Why nothing is simulated; empty if it is."""
        if self.alone and budget == QUICK:
            return "not simulated here, because this method is tried one trial at a time: roadtest simulate does it"
        if not self.counted and self.method.evidence == "bets" and self.participants > TOO_LONG:
            return (
                f"not simulated: more than {TOO_LONG:,} {noun(self.protocol)} would have to be followed in each trial"
            )
        return ""

    def _in_step(self) -> bool:
        control = self.protocol.control
        if control is None or not self.arms or self.method.name != "binary-mixture":
            return False
        allocations = [arm.allocation for arm in self.protocol.treatments]
        return streams_arms.in_step([member.design for member in self.arms], allocations, control.allocation)

    def course(self, effect: float, runs: int) -> Course:
        runs = min(runs, self.most)
        if self._in_step():
            return self._together(effect, runs)
        design, share = (
            (self.arms[0].own(len(self.arms)) if self.arms else self.design),
            reach.compared(self.protocol)[1],
        )
        strata = max(1, len(self.protocol.sites))
        participants = max(round(self.participants * share), design.n_t + design.n_c)
        found = courses.play(
            design, self.method, effect, participants=participants, runs=runs, seed=self.seed, strata=strata
        )
        low, middle, high = (round(people / share) for people in found.stops)
        mean, error = found.participants / share, found.participants_error / share
        return replace(found, participants=mean, stops=(low, middle, high), participants_error=error)

    def _together(self, effect: float, runs: int) -> Course:
        """Several arms of binary outcomes: the first has the effect, the others do nothing."""
        designs = [replace(member.design, several=False, many=False) for member in self.arms]
        control, treated = truths.rates(designs[0], effect)
        found = streams_arms.simulate(
            designs,
            control=control,
            treated=[treated, *(control for _ in designs[1:])],
            participants=self.participants,
            runs=runs,
            rng=np.random.Generator(np.random.PCG64(self.seed)),
        )
        return courses.of_crossings(found)

    def outlook(self, truth: str, factor: float) -> Outlook | None:
        """None when the measure leaves no room for so large an effect."""
        own = factor * self.protocol.primary.worthwhile
        effect = self.kind.from_effect(self.protocol.primary, own)
        if self.skipped or not truths.possible(self.design, effect):
            return None
        found = self.course(effect, self.wanted)
        shares = (found.promote, found.drop, found.harm)
        return Outlook(
            truth,
            own,
            *shares,
            cant_tell=found.cant_tell,
            people=found.participants,
            ended_by=found.stops,
            exact=found.how == "exact",
            runs=found.runs,
            error=max(found.error(share) for share in shares),
            people_error=found.participants_error,
        )

    def shown(self, detectable: float | None) -> float | None:
        """The smallest effect that the plan promotes with chance 1 − beta; None when it can't be sought or there is none."""
        if self.skipped or self.alone:
            return None
        most = truths.limits(self.design)[1]
        worthwhile = self.design.worthwhile
        near = worthwhile if detectable is None else self.kind.from_effect(self.protocol.primary, detectable)
        guess = min(max(1.15 * near, 0.9 * worthwhile), 0.99 * most)
        play: Play = lambda effect: self.course(effect, self.wanted // 2)  # noqa: E731
        found = courses.smallest_shown(play, 1 - self.protocol.monitoring.beta, guess=guess, most=most)
        return None if found is None else self.kind.to_effect(self.protocol.primary, found)

    def notes(self, outlooks: list[Outlook]) -> tuple[str, ...]:
        """How the figures were got, one sentence each without its full stop."""
        if self.skipped:
            return (self.skipped,)
        found = [self._how(outlooks[0])]
        if self._in_step():
            found.append("shares are those of one arm while the others do nothing")
        elif self.arms:
            found.append(
                f"shares are those of one arm, as if judged alone at 1/{len(self.arms)} of the error rates; judged together, "
                "arms are decided a little sooner"
            )
        used, of = compared(self.protocol)
        if used < of:
            found.append(
                f"of every {of} people in the planned ratio {used} are compared; the numbers of people are of those"
            )
        if self.protocol.guardrails:
            found.append("guardrails are not in these figures: a breached one can end a trial sooner")
        if self.one_site:
            found.append("simulated as if everybody came to one site; more sites take a little longer")
        if self.participants < self.protocol.monitoring.max_participants:
            found.append(f"simulated trials were followed to {self.participants:,} {noun(self.protocol)}")
        return tuple(found)

    def _how(self, outlook: Outlook) -> str:
        if outlook.exact:
            return "exact, with a look after every result"
        if outlook.runs == 0:
            return "by the normal approximation, at the planned looks"
        return f"{outlook.runs:,} simulated trials each; a share is known to ±{200 * outlook.error:.1f} in 100"


def people_decide(protocol: Protocol) -> str:
    """Why no evidence alone may promote or drop the idea in this plan, one sentence; empty where it may.

    Shares of trials that end as 'promote' or 'drop' say nothing of such a plan.
    """
    held = [one.sentence for one in labelling.concerns_of(protocol) if one.holds]
    if not held:
        return ""
    return f"People decide: the evidence alone can't promote or drop it, because {' and '.join(held)}."


def criteria_told(protocol: Protocol) -> tuple[str, ...]:
    """What each progression criterion tells with the planned people, one sentence each: its light, and how sure, if it
    came out just green. Empty where there are none, or none that can be judged."""
    if feasibility.faults(protocol):
        return ()
    return tuple(_told(one, protocol.monitoring.max_participants) for one in protocol.progression)


def _told(one: Criterion, people: int) -> str:
    whole = 100.0 if one.unit == "%" else 1.0
    good = min(people, math.ceil(people * one.green / whole - 1e-9)) if one.asks in feasibility.SHARES else people
    months = people / one.green if one.asks == "recruitment" and one.green > 0 else 0.0
    facts = feasibility.Facts(people, months, people, good, people, people - good)
    return feasibility.lights([one], facts)[0].sentence


def _sentence(protocol: Protocol, size: int, detectable: float | None, shown: float | None) -> str:
    primary = protocol.primary
    kind = kind_named(primary.kind)
    planned = f"{protocol.monitoring.max_participants:,} {noun(protocol)}"
    power = f"{100 * (1 - protocol.monitoring.beta):.0f} %"
    wanted = f"{kind.say_effect(primary, primary.worthwhile)} called worthwhile"
    arms = len(protocol.treatments)
    each = f" Each of the {arms} arms is compared at alpha/{arms} in that count." if arms > 1 else ""
    looks = "" if shown is None else f" (this plan, with its looks: {kind.say_effect(primary, shown)})"
    finds = "" if shown is None else f"; it finds {kind.say_effect(primary, shown)} with that power"
    if detectable is None:
        return (
            f"{planned} are too few to find any effect with {power} power: the {wanted} takes {size:,} at a fixed size. "
            f"Plan more {noun(protocol)}, or a more frequent measure.{each}"
        )
    if detectable > primary.worthwhile * (1 + 1e-9):
        return (
            f"{planned} are few: a trial of this size finds {kind.say_effect(primary, detectable)} with {power} power{looks}, "
            f"not the {wanted} (that takes {size:,} at a fixed size). Plan more "
            f"{noun(protocol)}, a more frequent measure, or a larger worthwhile effect.{each}"
        )
    return (
        f"{planned} are enough for a fixed-size trial to find the {wanted} with {power} power ({size:,} would do). This plan "
        f"{_looking(protocol)} and may stop earlier{finds}.{each}"
    )


def _looking(protocol: Protocol) -> str:
    if method_of(protocol).evidence == "boundaries":
        looks = len(protocol.monitoring.fractions)
        return f"looks {looks} times" if looks > 1 else "looks once"
    return "looks after every delivery"
