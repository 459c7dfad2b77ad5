"""The evidence label: what a plan's design allows anybody to claim, worked out from how people come into the arms.

Four labels. *randomised*: a lot decides within each site. *within-site comparator*: both arms at each site at the same time,
but no lot. *before-after*: the same place, another time. *descriptive*: nothing beside the idea but a benchmark, or people who
differ in more than the idea. Only a lot makes the arms alike in what nobody measured (Shadish, Cook & Campbell, 2002, ch. 4
and 8); five sites that each try their own approach compare sites. The label travels with every sentence about the trial.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, Literal

from trials.comparing import notes_caseworkers
from trials.confounding import Confounding, Placements, concern_of, confounded
from trials.errors import ProtocolError
from trials.evidence import Concern
from trials.plan.assignment import How
from trials.protocol import Protocol

__all__ = [
    "FEASIBLE",
    "LABELS",
    "Confounding",
    "Label",
    "Placements",
    "ProgrammeConfounding",
    "check",
    "concern_of",
    "concerns_of",
    "confounded",
    "label_of",
    "labelled",
    "programme_confounding",
    "programme_sentence",
    "seen_label",
    "sought",
    "table",
]

Name = Literal["randomised", "within-site comparator", "before-after", "descriptive"]
LABELS: tuple[Name, ...] = ("randomised", "within-site comparator", "before-after", "descriptive")

# What may be the cause beside the idea, by how people come into the arms; 'between' = a lot between few sites.
CAUTIONS: dict[str, str] = {
    "random": "",
    "between": "the lot was drawn between sites, not people, so the site may be the cause",
    "site": "everybody in the idea's arm is at another site than the others, so the site may be the cause",
    "period": "people in the idea's arm joined at another time than the others, so the time may be the cause",
    "caseworker": "each caseworker works in one way only, so the caseworker may be the cause",
    "choice": "somebody chose who gets the idea, so those who got it may differ in more than the idea",
    "before_after": "people are compared with those from before, so whatever else changed since may be the cause",
    "everyone": "everybody gets the idea, so nothing shows what would have happened without it",
}
# Why a label is not the plan's: the data show that no lot formed the arms.
CONFOUNDED = "confounded"
_MAY: dict[str, str] = {
    "randomised": "that the idea makes the difference between the arms, with the error rates of the plan",
    "within-site comparator": "that people in the idea's arm do better or worse than others at the same site and time",
    "before-after": "that people do better or worse than those before",
    "descriptive": "how people with the idea do",
}
_MAY_NOT: dict[str, str] = {
    "random": "that it does the same in other places, or with other people than those who took part",
    "between": "that the idea and not the site makes the difference",
    "site": "that the idea and not the site makes the difference",
    "period": "that the idea and not the time makes the difference",
    "caseworker": "that the idea and not the caseworker makes the difference",
    "choice": "that the idea and not the choice of people makes the difference",
    "before_after": "that the idea and not something else that changed makes the difference",
    "everyone": "that the idea makes any difference",
    CONFOUNDED: "that the idea makes the difference",
}

# What a feasibility trial may claim, and what not, whatever its label: it is not there to tell what the idea does.
FEASIBLE = ("whether you can recruit, deliver and measure", "that the idea works, or that it doesn't")


@dataclass(frozen=True, slots=True)
class Label:
    """may_claim, may_not_claim: what follows "This trial may claim" (or may not), without a full stop. caution: what else may
    be the cause; empty for a lot. proposal: the comparator that would do better, and `changes` to the plan that make it; both
    empty where nothing is to be gained. people_decide: benefit and dud alone decide nothing."""

    name: Name
    why: str
    may_claim: str
    may_not_claim: str
    caution: str
    proposal: str
    changes: dict[str, Any] = field(default_factory=dict)
    people_decide: bool = False

    @property
    def causal(self) -> bool:
        """Whether the difference may be put down to the idea."""
        return self.name == "randomised"


def label_of(protocol: Protocol) -> Label:
    """The label that the plan's design allows."""
    why = _why(protocol)
    name = _name(protocol, why)
    # A one-arm trial that says nothing about its assignment is judged against its benchmark, with the caution beside it.
    silent = protocol.control is None and protocol.assignment.how == "random"
    may, may_not = _claims(protocol, name, why)
    return Label(
        name=name,
        why=why,
        may_claim=may,
        may_not_claim=may_not,
        caution=CAUTIONS[why],
        proposal="" if name == "randomised" else _proposal(protocol, why),
        changes={} if name == "randomised" else _changes(protocol),
        people_decide=name in ("before-after", "descriptive") and not silent,
    )


def _claims(protocol: Protocol, name: Name, why: str) -> tuple[str, str]:
    """What follows "This trial may claim" and "it may not claim"."""
    return FEASIBLE if protocol.purpose == "feasibility" else (_MAY[name], _MAY_NOT[why])


def seen_label(protocol: Protocol, concerns: Iterable[Concern]) -> Label:
    """The label that the design allows, unless the data show that it isn't what was done: a look's concerns decide.

    Arms that follow from the site, the time or the caseworker are not formed by lot, whatever the plan says.
    """
    label = label_of(protocol)
    seen = next((one.sentence for one in concerns if one.code == "confounded"), None)
    if seen is None or not label.causal:
        return label
    # Said at the end of a sentence, where whoever reads it on looks for a text without a colon.
    caution = seen.split(";")[0].replace(": ", ", so ")
    may, may_not = _claims(protocol, "descriptive", CONFOUNDED)
    return replace(
        label,
        name="descriptive",
        why=CONFOUNDED,
        may_claim=may,
        may_not_claim=may_not,
        caution=caution,
        proposal=_proposal(protocol, CONFOUNDED),
        people_decide=True,
    )


def labelled(protocol: Protocol, concerns: Iterable[Concern] = ()) -> str:
    """The label in a few words, for pages and JSON. concerns: of the look that it stands beside, if there is one."""
    label = seen_label(protocol, concerns)
    if label.causal:
        return "randomised (clusters)" if protocol.unit == "cluster" else "randomised"
    words = {
        CONFOUNDED: "arms confounded",
        "between": "lot between sites",
        "before_after": "",
        "everyone": "no comparison",
        "choice": "people chosen",
    }
    why = words.get(label.why, f"arm = {label.why}")
    return f"{label.name} ({why})" if why else label.name


def sought(protocol: Protocol) -> str:
    """What every look asks of the data, in one sentence: whether a lot did form the arms; empty where none was to."""
    if protocol.control is None or protocol.assignment.how != "random":
        return ""
    asked = [*(["the site"] if len(protocol.sites) > 1 else []), *(["when people joined"] if protocol.dated else [])]
    if notes_caseworkers(protocol):
        asked.append(f"the caseworker ({protocol.assignment.column})")
        also = ""
    else:
        also = " Caseworkers are not asked about: the plan names no column that tells who worked with whom."
    if not asked:
        return also.strip()
    return f"Every look asks whether the arm follows from {' or '.join(asked)}.{also}"


def check(protocol: Protocol) -> None:
    """Raises ProtocolError when the plan's assignment contradicts its arms or names a column that nobody delivers."""
    assignment = protocol.assignment
    if assignment.how == "everyone" and protocol.control is not None:
        raise ProtocolError(
            'assignment.how == "everyone", must be another in a trial with a control: not everybody gets the idea there. '
            "Write random where a list decides."
        )
    known = [one.name for one in protocol.data.fields]
    if assignment.column is not None and assignment.column not in known:
        raise ProtocolError(
            f'assignment.column == "{assignment.column}", must be a column of data.fields. Write data: {{fields: '
            f"[{{name: {assignment.column}}}]}}."
        )


def concerns_of(protocol: Protocol) -> tuple[Concern, ...]:
    """What the plan itself holds against acting on benefit or dud; each holds, whatever the data say."""
    found = []
    if protocol.purpose == "feasibility":
        found.append(Concern("feasibility", "this is a feasibility trial: it can't tell whether the idea works", True))
    label = label_of(protocol)
    if label.people_decide:
        found.append(Concern("label", f"its evidence is {label.name}: {label.caution}", True))
    return tuple(found)


def _why(protocol: Protocol) -> str:
    how: How = protocol.assignment.how
    if protocol.control is None:
        return "everyone" if how == "random" else how
    between = len(protocol.sites) > 1 and not protocol.assignment.within_site and protocol.unit == "person"
    return "between" if how == "random" and between else how


def _name(protocol: Protocol, why: str) -> Name:
    if why in ("before_after", "period"):
        return "before-after"
    if protocol.control is None:
        return "descriptive"
    if why == "random":
        return "randomised"
    inside = protocol.assignment.within_site or len(protocol.sites) <= 1
    return "within-site comparator" if why == "caseworker" and inside else "descriptive"


def _proposal(protocol: Protocol, why: str) -> str:
    """The within-site comparator in concrete words: which arms at which sites, in which ratio, by whom."""
    control = "usual practice" if protocol.control is None else protocol.control.name or protocol.control.id
    ideas = [arm.name or arm.id for arm in protocol.treatments]
    shares = [
        1 if protocol.control is None else protocol.control.allocation,
        *(arm.allocation for arm in protocol.treatments),
    ]
    sites = [site.name or site.id for site in protocol.sites]
    where = "at the site" if len(sites) < 2 else f"at each of {', '.join(sites[:-1])} and {sites[-1]}"
    arms = f"{control} and {', '.join(ideas)} {where}, {' : '.join(map(str, shares))} by a concealed list"
    if why == "caseworker":
        return f"Have {arms} within each caseworker's people, so that everybody works in both ways"
    if why in ("period", "before_after"):
        return f"Have {arms} in the same weeks, so that whatever else changes meets both arms alike"
    if why == "choice":
        return f"Choose first for whom each arm would be right, then let a list decide: {arms}"
    return f"Have {arms}"


def _changes(protocol: Protocol) -> dict[str, Any]:
    """The same plan with the comparator: keys of the plan and what they become."""
    changes: dict[str, Any] = {"assignment": {"how": "random", "within_site": True}}
    if protocol.control is None:
        control = "usual_practice" if all(arm.id != "usual_practice" for arm in protocol.arms) else "comparator"
        arms = [arm.model_dump(mode="json") for arm in protocol.arms]
        changes |= {"design": "two_arm", "arms": [{"id": control, "role": "control", "allocation": 1}, *arms]}
        changes["arms"][1]["allocation"] = 1
    return changes


@dataclass(frozen=True, slots=True)
class ProgrammeConfounding:
    """Trials of one programme whose approaches can't be told from their sites."""

    trials: tuple[str, ...]
    sites: tuple[str, ...]
    sentence: str
    proposal: str


def programme_confounding(protocols: Sequence[Protocol]) -> ProgrammeConfounding | None:
    """Whether approaches of one programme stand at sites of their own without a comparator there; None when they don't.

    protocols: those of one programme. One idea (`prototype`) tried at several sites is one approach.
    """
    loose = [one for one in protocols if label_of(one).name in ("descriptive", "before-after")]
    alone = [one for one in loose if not any(_share_a_site(one, other) for other in protocols if _differ(one, other))]
    if len({one.prototype or one.trial for one in alone}) < 2:
        return None
    trials, sites = tuple(one.trial for one in alone), tuple(site.id for one in alone for site in one.sites)
    return ProgrammeConfounding(
        trials,
        sites,
        f"{', '.join(trials)}: each approach is tried at a site of its own and nobody there goes without it, so a difference "
        "between them may be one between the sites; they prove nothing about the approaches relative to each other.",
        "At each site, let a concealed list give half of the people the approach and half the usual practice; or try two "
        "approaches at every site.",
    )


def programme_sentence(protocol: Protocol, others: Sequence[Protocol]) -> str:
    """What a plan and the other plans of its programme can't tell about each other, and what would help; empty where nothing
    stands against it, and where the plan itself is not among those that can't be told from their sites."""
    found = programme_confounding([protocol, *(one for one in others if one.trial != protocol.trial)])
    return "" if found is None or protocol.trial not in found.trials else f"{found.sentence} {found.proposal}"


def _differ(one: Protocol, other: Protocol) -> bool:
    return (one.prototype or one.trial) != (other.prototype or other.trial)


def _share_a_site(one: Protocol, other: Protocol) -> bool:
    return bool({site.id for site in one.sites} & {site.id for site in other.sites})


def table() -> tuple[tuple[str, ...], ...]:
    """The labels by design, for docs/managing/labels.md."""
    rows = [("assignment.how", "label", "what else may be the cause")]
    names: dict[str, str] = {
        "random": "randomised",
        "caseworker": "within-site comparator",
        "period": "before-after",
        "before_after": "before-after",
    }
    for why, caution in CAUTIONS.items():
        how = "random, within_site: false" if why == "between" else why
        rows.append((how, names.get(why, "descriptive"), caution or "chance, within the plan's error rates"))
    return tuple(rows)
