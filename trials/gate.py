"""The gate before the seal: what can this trial tell us? A plan may not be sealed as what it can't be.

Guarantee: with a plan that passes as an effect trial, P(a fixed-size test of its people finds the worthwhile effect | the idea
has it) ≥ MAY_SEAL; looks along the way cost some of that. A plan that doesn't pass is refused with one sentence and with
every way out that can be worked out (`trials.proposals`).
Retrospective plans are exempt, as nothing is planned there.
"""

from __future__ import annotations

from dataclasses import dataclass

from trials import feasibility
from trials.errors import GateError
from trials.labelling import Label, label_of, labelled
from trials.outcomes import kind_named
from trials.outcomes.kind import say_amount
from trials.proposals import Proposal, months, proposals
from trials.protocol import Protocol
from trials.reach import MOST_PEOPLE, Reach, reach_of
from trials.verdict import noun

# What is called "found" here and in most ethics committees' forms, whatever the plan's own beta is.
POWER = 0.8
# Below even odds a trial is likelier to miss a worthwhile idea than to find it. There is a second reason for just this number:
# at power 1/2 the worthwhile effect is itself the smallest estimate that is significant, so with less power every finding
# must exaggerate (Gelman & Carlin, 2014, Perspect. Psychol. Sci. 9:641-651, "type M error").
MAY_SEAL = 0.5
# What the gate's figures are of, said beside them: a plan that looks sooner may stop sooner, and finds a little less.
ONE_LOOK = "with one look at the end"
PEOPLE_TRIED = (0.5, 1.0, 2.0, 4.0)
ERRORS_TRIED = (2.0, 4.0)
LARGEST_ALPHA = 0.25


@dataclass(frozen=True, slots=True)
class Row:
    """One line of the trade-off. finds: the smallest effect found with POWER, None if none; power: at the worthwhile effect."""

    people: int
    months: float | None
    alpha: float
    finds: float | None
    power: float


@dataclass(frozen=True, slots=True)
class Gate:
    """The answer. sentence: what the planned people would find. reasons: why it may not be sealed; empty when it may.

    exempt: nothing is planned, so nothing is asked. needed: people who find the worthwhile effect with POWER, to_seal: with
    MAY_SEAL; None where no number does. rows: the planned people's first, then by people, then by alpha; empty where
    nobody asked for them.
    """

    trial: str
    purpose: str
    may_seal: bool
    exempt: bool
    people: int
    finds: float | None
    power: float
    needed: int | None
    to_seal: int | None
    sentence: str
    reasons: tuple[str, ...]
    proposals: tuple[Proposal, ...]
    rows: tuple[Row, ...]
    label: Label
    labelled: str


def judged(protocol: Protocol, rows: bool = True) -> Gate:
    """The gate's whole answer; rows False leaves out the trade-off, most of the work.

    Pure and deterministic. Raises ProtocolError when the plan can't be judged at all.
    """
    reach, people = reach_of(protocol), protocol.monitoring.max_participants
    finds, power, needed = reach.finds(people, POWER), reach.power(people), reach.needs(POWER)
    reasons = _reasons(protocol, reach)
    wanting = protocol.purpose == "effect" and not protocol.retrospective and power < POWER
    return Gate(
        trial=protocol.trial,
        purpose=protocol.purpose,
        may_seal=not reasons,
        exempt=protocol.retrospective,
        people=people,
        finds=finds,
        power=power,
        needed=needed,
        to_seal=reach.needs(MAY_SEAL),
        sentence=_sentence(protocol, finds, power),
        reasons=reasons,
        proposals=proposals(reach, POWER) if wanting else (),
        rows=_rows(reach, needed) if rows else (),
        label=label_of(protocol),
        labelled=labelled(protocol),
    )


def must_pass(protocol: Protocol) -> None:
    """Raises GateError when the plan may not be sealed as what it says it is: what it would find, and what to do."""
    reach = reach_of(protocol)
    reasons = _reasons(protocol, reach)
    if not reasons:
        return
    if protocol.purpose == "feasibility":
        raise GateError(f"{protocol.trial}: {reasons[0]}")
    people = protocol.monitoring.max_participants
    found = _sentence(protocol, reach.finds(people, POWER), reach.power(people))
    needed = reach.needs(POWER)
    more = "" if needed is None else f", or plan {needed:,} {noun(protocol)}"
    raise GateError(
        f"{protocol.trial}: {found[:-1]}, must be in at least {100 * MAY_SEAL:.0f} of 100 to be sealed as an effect trial. "
        f"Write purpose: feasibility with progression criteria{more}, or measure something more frequent; `roadtest gate FILE` "
        "shows each way."
    )


def _reasons(protocol: Protocol, reach: Reach) -> tuple[str, ...]:
    """Why the plan may not be sealed, each a sentence."""
    if protocol.retrospective:
        return ()
    if protocol.purpose == "feasibility":
        return feasibility.faults(protocol)
    power = reach.power(protocol.monitoring.max_participants)
    if power >= MAY_SEAL:
        return ()
    return (
        f"what is called worthwhile would be found in {_in_100(power)} of 100 such trials {ONE_LOOK}; an effect trial must "
        f"find it in at least {100 * MAY_SEAL:.0f} of 100, as below that it is likelier to be missed than found.",
    )


def _sentence(protocol: Protocol, finds: float | None, power: float) -> str:
    primary = protocol.primary
    who = f"{protocol.monitoring.max_participants:,} {noun(protocol)}"
    worthwhile = f"the {kind_named(primary.kind).say_effect(primary, primary.worthwhile)} called worthwhile"
    odds = f"{worthwhile} would be found in {_in_100(power)} of 100 such trials {ONE_LOOK}"
    if finds is None:
        return f"With {who} not even the largest possible effect would be found with {100 * POWER:.0f} % power, and {odds}."
    only = "only " if finds > primary.worthwhile * (1 + 1e-9) else ""
    return f"With {who} {only}{say_found(protocol, finds)} would be found with {100 * POWER:.0f} % power, and {odds}."


def _in_100(share: float) -> str:
    return "fewer than 1" if share < 0.005 else "more than 99" if share >= 0.995 else f"{100 * share:.0f}"


def say_found(protocol: Protocol, effect: float) -> str:
    """An effect as a way from one level to another: 'a fall from 29 % to 3.4 %'."""
    primary = protocol.primary
    kind = kind_named(primary.kind)
    if kind.values == "time":
        return kind.say_effect(primary, effect)
    way = "a fall" if primary.better == "lower" else "a rise"
    after = primary.baseline - effect if primary.better == "lower" else primary.baseline + effect
    if kind.values == "binary":
        return f"{way} from {100 * primary.baseline:.3g} % to {_percent(after)}"
    return f"{way} from {say_amount(primary, primary.baseline)} to {say_amount(primary, after)}"


def _percent(share: float) -> str:
    return f"{100 * share:.1f} %" if 0.001 <= share <= 0.999 else "under 0.1 %" if share < 0.5 else "over 99.9 %"


def _rows(reach: Reach, needed: int | None) -> tuple[Row, ...]:
    planned = reach.protocol.monitoring.max_participants
    sizes = {max(2, round(planned * factor)) for factor in PEOPLE_TRIED} | ({needed} if needed is not None else set())
    rows = [_row(reach, people) for people in sorted(size for size in sizes if size <= MOST_PEOPLE)]
    alphas = [reach.alpha * factor for factor in ERRORS_TRIED if reach.alpha * factor <= LARGEST_ALPHA]
    return (*rows, *(_row(reach.at(alpha), planned) for alpha in alphas))


def _row(reach: Reach, people: int) -> Row:
    return Row(people, months(reach.protocol, people), reach.alpha, reach.finds(people, POWER), reach.power(people))
