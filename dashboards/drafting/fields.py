"""The questions of the form, in the order in which a lead meets them, each with its place in the plan."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Literal

from dashboards.drafting.choices import AGAINST, BETTER, CONNECTORS, HOW, KINDS, PURPOSE, STAGES, UNIT

Ask = Literal["text", "long", "number", "choice"]

# One number of people in 100 for a share of the plan.
HUNDRED = 100.0


@dataclass(frozen=True, slots=True)
class Field:
    """One question.

    path: where its answer stands in the plan; empty for what `content` puts together from several. per: the answer is the
    plan's number times this. when: shown only if the form is in one of these states ('binary', 'compared', 'feasibility'),
    always if empty. needed: nothing can be registered without it. standard: the answer that stands there beforehand.
    """

    name: str
    section: str
    label: str
    hint: str = ""
    path: tuple[str, ...] = ()
    ask: Ask = "text"
    choices: tuple[tuple[str, str], ...] = ()
    per: float = 1.0
    whole: bool = False
    suffix: str = ""
    when: tuple[str, ...] = ()
    needed: bool = False
    standard: Any = None


SECTIONS: dict[str, tuple[str, str]] = {
    "what": ("What and why", "In words that people outside the programme understand."),
    "who": ("Who and where", "Where people come from, and how it is settled who gets the idea."),
    "groups": ("What is compared", "The idea, and what it is held against."),
    "measure": ("What is measured", "The one result that decides. It is fixed now, before anybody has one."),
    "size": (
        "How many, how fast, how sure",
        "What the trial can find follows from this; the answer changes as you type.",
    ),
    "data": ("Where results come from", "The folder or system that brings the results."),
    "partners": ("Partners", "Who takes part, and what each hopes for. A further line appears as you fill one in."),
}

SHARES, SCALED = ("binary", "time_to_event"), ("score", "amount")

FIELDS: tuple[Field, ...] = (
    Field("title", "what", "Title", "A few words, such as: Call the day before.", ("title",), needed=True),
    Field("trial", "what", "Name in addresses", "Left empty, it is made from the title.", ("trial",)),
    Field(
        *("question", "what", "The question that it answers", "Does ... bring, reduce, shorten ...?", ("question",)),
        ask="long",
        needed=True,
    ),
    Field(
        *("idea", "what", "What is done differently", "What happens, who does it, how often."),
        path=("intervention", "procedures"),
        ask="long",
    ),
    Field("why", "what", "Why it should work", path=("intervention", "why"), ask="long"),
    Field("programme", "what", "Programme", "Trials of one programme share its roles.", ("programme",)),
    Field("prototype", "what", "Idea on record", "Its name, if the idea was noted or tried before.", ("prototype",)),
    Field("owner", "what", "Who leads it", path=("owner",), needed=True),
    Field("stage", "what", "Stage", path=("stage",), ask="choice", choices=STAGES, standard="proof_of_concept"),
    Field("sites", "who", "Sites", "One a line. Leave it empty if there are none.", ask="long"),
    Field("unit", "who", "What is counted", path=("unit",), ask="choice", choices=UNIT, standard="person"),
    Field(
        *("how", "who", "Who gets the idea", "What the trial may claim follows from this."),
        path=("assignment", "how"),
        ask="choice",
        choices=HOW,
        standard="random",
    ),
    Field("against", "groups", "Held against", ask="choice", choices=AGAINST, standard="control"),
    Field(
        *("control", "groups", "The others get", "Usual practice, in a word or two."),
        when=("compared",),
        standard="Usual practice",
    ),
    Field("ideas", "groups", "The idea in short", "Several ideas: one a line.", ask="long", needed=True),
    Field(
        *("share_control", "groups", "For every so many as usual"),
        ask="number",
        whole=True,
        when=("compared",),
        standard=1,
    ),
    Field(*("share_idea", "groups", "so many get the idea"), ask="number", whole=True, when=("compared",), standard=1),
    Field(
        *("kind", "measure", "What kind of result"),
        path=("primary", "kind"),
        ask="choice",
        choices=KINDS,
        needed=True,
        standard="binary",
    ),
    Field(
        "label",
        "measure",
        "The result in words",
        "Such as: came to the appointment.",
        ("primary", "label"),
        needed=True,
    ),
    Field(
        "measure", "measure", "Its column in the data", "Left empty, it is made from the words.", ("primary", "measure")
    ),
    Field(
        *("better", "measure", "Which way is better"),
        path=("primary", "better"),
        ask="choice",
        choices=BETTER,
        needed=True,
    ),
    Field(
        *("baseline_share", "measure", "Without the idea", "Of 100 people, how many have this result?"),
        path=("primary", "baseline"),
        ask="number",
        per=HUNDRED,
        suffix="in 100",
        when=SHARES,
        needed=True,
    ),
    Field(
        *("baseline", "measure", "Without the idea", "The average that you expect."),
        path=("primary", "baseline"),
        ask="number",
        when=(*SCALED, "count"),
        needed=True,
    ),
    Field(
        *("worthwhile_share", "measure", "Smallest change worth having", "Of 100 people, how many more or fewer?"),
        path=("primary", "worthwhile"),
        ask="number",
        per=HUNDRED,
        suffix="in 100",
        when=("binary",),
        needed=True,
    ),
    Field(
        *(
            "worthwhile_rate",
            "measure",
            "Smallest change worth having",
            "At any time, how many % more or fewer events?",
        ),
        path=("primary", "worthwhile"),
        ask="number",
        per=HUNDRED,
        suffix="%",
        when=("time_to_event",),
        needed=True,
    ),
    Field(
        *("worthwhile", "measure", "Smallest change worth having", "By how much the average must move."),
        path=("primary", "worthwhile"),
        ask="number",
        when=(*SCALED, "count"),
        needed=True,
    ),
    Field("unit_name", "measure", "Unit", "Such as points, hours, EUR.", ("primary", "unit"), when=(*SCALED, "count")),
    Field("low", "measure", "Lowest that counts in full", ask="number", when=SCALED, needed=True),
    Field(
        *("high", "measure", "Highest that counts in full", "Beyond it, a value counts as this one."),
        ask="number",
        when=(*SCALED, "count"),
        needed=True,
    ),
    Field(
        *("sd", "measure", "Usual spread", "The standard deviation, if you know it; it is learnt anyway."),
        path=("primary", "sd"),
        ask="number",
        when=(*SCALED, "count"),
    ),
    Field(
        *("exposure", "measure", "Column with the time watched", "Such as months_watched."),
        path=("primary", "exposure"),
        when=("count",),
        needed=True,
    ),
    Field(
        *("event", "measure", "Column that says whether it happened", "1 = it happened then, 0 = not so far."),
        path=("primary", "event"),
        when=("time_to_event",),
        needed=True,
    ),
    Field(
        *("follow_weeks", "measure", "Weeks until the result counts", "Counted from the day a person joins."),
        ask="number",
        whole=True,
        suffix="weeks",
    ),
    Field(
        *("people", "size", "People at most", "In all groups together."),
        path=("monitoring", "max_participants"),
        ask="number",
        whole=True,
        needed=True,
    ),
    Field(
        *("per_month", "size", "People who join a month", "So that the months can be told."),
        path=("stopping", "recruitment", "per_month"),
        ask="number",
    ),
    Field(
        *("alpha", "size", "Chance of promoting an idea that does nothing", "In how many of 100 such trials."),
        path=("monitoring", "alpha"),
        ask="number",
        per=HUNDRED,
        suffix="in 100",
        standard=5,
    ),
    Field(
        *("beta", "size", "Chance of dropping an idea that is worthwhile", "In how many of 100 such trials."),
        path=("monitoring", "beta"),
        ask="number",
        per=HUNDRED,
        suffix="in 100",
        standard=10,
    ),
    Field("purpose", "size", "What it is to tell", path=("purpose",), ask="choice", choices=PURPOSE, standard="effect"),
    Field(
        *("connector", "data", "Results come from"),
        path=("source", "connector"),
        ask="choice",
        choices=CONNECTORS,
        standard="folder",
    ),
    Field("path", "data", "Folder or address", "Left empty, it is sources/ and the trial's name.", ("source", "path")),
    Field(
        *("every_days", "data", "Days between deliveries", "After a longer silence the source counts as overdue."),
        ask="number",
        whole=True,
        suffix="days",
    ),
)
BY_NAME = {field.name: field for field in FIELDS}

# Rows of the form that repeat: so many are shown at most; a plan may have more, which are kept.
ROWS = 5
PARTNER_PARTS = ("name", "kind", "value")
CRITERION_PARTS = ("text", "asks", "green", "red")


def row_field(what: str, row: int, part: str) -> str:
    """The name of one part of a repeating row: partner-0-name."""
    return f"{what}-{row}-{part}"


def standards() -> dict[str, Any]:
    """The answers that stand in an empty form."""
    return {field.name: field.standard for field in FIELDS if field.standard is not None}


def states(values: dict[str, Any]) -> frozenset[str]:
    """The states of the form that decide which questions are shown."""
    compared = {"compared"} if values.get("against") != "benchmark" else set()
    return frozenset({str(values.get("kind") or "binary"), str(values.get("purpose") or "effect"), *compared})


def asked(values: dict[str, Any]) -> tuple[Field, ...]:
    """The questions that are shown with these answers."""
    now = states(values)
    return tuple(field for field in FIELDS if not field.when or now & set(field.when))
