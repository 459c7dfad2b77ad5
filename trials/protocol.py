"""The protocol: the sealed plan of one trial. YAML in and out, canonical JSON, SHA-256 seal.

A protocol is data. It is checked here for everything that one reads off the plan alone; what a plan's outcome kind
and method allow is checked in `trials.planning.admit`, which every way of registering a trial goes through.
"""

from __future__ import annotations

import difflib
import hashlib
import json
import re
from datetime import UTC, date, datetime, time, timedelta
from pathlib import Path
from typing import Any, Literal, get_args

import yaml
from pydantic import BaseModel, ValidationError, field_validator, model_validator
from pydantic import Field as _Field

from trials.errors import ProtocolError
from trials.plan.access import Access
from trials.plan.assignment import Assignment
from trials.plan.base import Frozen, parse_duration
from trials.plan.costs import Costs
from trials.plan.events import Events
from trials.plan.gates import Gate
from trials.plan.intervention import Intervention
from trials.plan.progression import Criterion
from trials.plan.sharing import Fund, Partner, check_hopes
from trials.plan.stopping import Stopping
from trials.records import IDENTITY_COLUMNS

Stage = Literal["idea", "proof_of_concept", "pilot", "scale"]
Better = Literal["lower", "higher"]
Spending = Literal["obrien-fleming", "pocock", "kim-demets", "hwang-shih-decani"]

_SLUG = re.compile(r"^[a-z0-9]+(-[a-z0-9]+)*$")


class Site(Frozen):
    id: str = _Field(min_length=1)
    name: str = ""


class Arm(Frozen):
    """One arm. `allocation` is its share of each allocation block: 1 and 1 for pairs, 3 and 2 for blocks of five."""

    id: str = _Field(min_length=1)
    role: Literal["control", "treatment"] = "treatment"
    allocation: int = _Field(default=1, ge=0, le=20)
    name: str = ""


class Measure(Frozen):
    """Something that is measured on each participant (or cluster).

    bounds: for a score, its range; for an amount, the range it is judged within: what lies outside is winsorised to it, so
    the estimand is the mean of the capped amount; valid: what an amount or a time can be at all, [0, null] for no less than
    0: a row outside is set aside; for a count, [0, most events per unit of exposure]. sd: for scores and
    amounts, a first guess of the standard deviation (it is learned after).
    exposure: for a count, the column with each person's time (or other amount) at risk. event: for a time to event, the
    column that says 1 = it happened then, 0 = followed up so long without. cohort: for a time to event, how many people
    who joined one after the other are compared among themselves; grain, the steps in which times are recorded, rounded up
    (1 = whole weeks or days): in a trial with one arm only the step counts in which an event happened.
    """

    measure: str = _Field(min_length=1, pattern=r"^[A-Za-z][A-Za-z0-9_]*$")
    kind: str
    better: Better
    unit: str = ""
    label: str = ""
    bounds: tuple[float, float] | None = None
    valid: tuple[float | None, float | None] | None = None
    sd: float | None = _Field(default=None, gt=0)
    exposure: str | None = _Field(default=None, pattern=r"^[A-Za-z][A-Za-z0-9_]*$")
    event: str | None = _Field(default=None, pattern=r"^[A-Za-z][A-Za-z0-9_]*$")
    cohort: int = _Field(default=20, ge=2, le=1000)
    grain: float = _Field(default=1.0, gt=0)

    @field_validator("bounds")
    @classmethod
    def _bounds(cls, value: tuple[float, float] | None) -> tuple[float, float] | None:
        if value is not None and not value[0] < value[1]:
            raise ValueError("must be [low, high] with low < high")
        return value

    @field_validator("valid")
    @classmethod
    def _valid(cls, value: tuple[float | None, float | None] | None) -> tuple[float | None, float | None] | None:
        if value is not None and (value == (None, None) or (None not in value and not value[0] < value[1])):  # type: ignore[operator]
            raise ValueError("must be [low, high] with low < high, one of them null where there is no such limit")
        return value

    @property
    def companion(self) -> str | None:
        """The column that must stand beside the measure's own: exposure of a count, event of a time to event."""
        return self.exposure or self.event


class Primary(Measure):
    """The measure the trial is judged by.

    baseline: what is expected without the idea, in the measure's own unit (a share in [0, 1] for binary; for a time to
    event, the share of people with one by the end of follow-up). In a trial with one arm it is the benchmark.
    worthwhile: the smallest improvement worth having (δ* in docs/statistics.md), > 0, in the same unit; for a time to
    event the share by which the hazard changes (0.25 = a quarter fewer at any time).
    """

    baseline: float
    worthwhile: float = _Field(gt=0)
    follow_up: str | None = None

    @field_validator("follow_up")
    @classmethod
    def _follow_up(cls, value: str | None) -> str | None:
        if value is not None:
            parse_duration(value)
        return value

    @property
    def follow_up_time(self) -> timedelta | None:
        return None if self.follow_up is None else parse_duration(self.follow_up)


class Guardrail(Measure):
    """A measure that must not get worse by more than `margin` (> 0, in its own unit, like `worthwhile`).

    baseline: what is expected without the idea; the middle of the bounds if left out.
    """

    margin: float = _Field(gt=0)
    baseline: float | None = None

    def judged(self) -> Primary:
        """The guardrail as a measure that the kinds know how to judge; its margin stands for the worthwhile effect."""
        low, high = self.bounds or (0.0, 1.0)
        baseline = (low + high) / 2 if self.baseline is None else self.baseline
        shared = self.model_dump(exclude={"margin", "baseline"})
        return Primary(**shared, baseline=baseline, worthwhile=self.margin)


class Monitoring(Frozen):
    """How the evidence is watched: alpha for benefit and for harm, beta = the chance of dropping a worthwhile idea.

    guardrail: the chance of calling any guardrail breached although none is worse than its margin.
    looks, spending, spending_parameter, futility: for `method: group-sequential` alone. looks: how many, or the planned
    shares of the people at which they are taken, the last one 1.
    """

    method: str = "anytime"
    alpha: float = _Field(default=0.05, gt=0, lt=1)
    beta: float = _Field(default=0.10, gt=0, lt=1)
    guardrail: float = _Field(default=0.05, gt=0, lt=1)
    max_participants: int = _Field(gt=1, le=10_000_000)
    looks: int | tuple[float, ...] | None = None
    spending: Spending | None = None
    spending_parameter: float | None = None
    futility: Spending | Literal["none"] | None = None

    @field_validator("looks")
    @classmethod
    def _looks(cls, value: int | tuple[float, ...] | None) -> int | tuple[float, ...] | None:
        if isinstance(value, int) and not 1 <= value <= 50:
            raise ValueError("must be a whole number from 1 to 50, or a list such as [0.5, 1]")
        if isinstance(value, tuple) and (
            not value or value[-1] != 1 or any(b <= a for a, b in zip((0.0, *value), value, strict=False))
        ):
            raise ValueError("must rise from above 0 to 1, such as [0.25, 0.5, 1]")
        return value

    @model_validator(mode="after")
    def _used(self) -> Monitoring:
        for key in ("looks", "spending", "spending_parameter", "futility"):
            if getattr(self, key) is not None and self.method != "group-sequential":
                raise ValueError(
                    f"{key} is for method: group-sequential, must be left out where the method is {self.method}, which looks "
                    "after every delivery"
                )
        return self

    @property
    def fractions(self) -> tuple[float, ...]:
        """The planned looks as shares of the planned people; five equal steps if the plan doesn't say."""
        if isinstance(self.looks, tuple):
            return self.looks
        steps = self.looks or 5
        return tuple((number + 1) / steps for number in range(steps))


class Field(Frozen):
    """A further column that deliveries bring: checked by these rules and then left out, because the trial doesn't need it.

    pattern: a regular expression that the whole cell must match. one_of: the only words allowed. between: [low, high] of
    a number. unique: no two rows of a delivery share it. A blank cell passes, unless required.
    """

    name: str = _Field(min_length=1)
    pattern: str | None = None
    one_of: tuple[str, ...] = ()
    between: tuple[float, float] | None = None
    unique: bool = False
    required: bool = False

    @field_validator("pattern")
    @classmethod
    def _pattern(cls, value: str | None) -> str | None:
        return None if value is None else _compiles(value)


def _compiles(pattern: str) -> str:
    try:
        re.compile(pattern)
    except re.error as error:
        raise ValueError(f"must be a regular expression ({error})") from None
    return pattern


class Data(Frozen):
    """How late and changed data are treated (docs/statistics.md, "Order, delay, corrections"), and what rows must hold.

    report_within: an outcome not received this long after its follow-up closed is recorded as missing.
    correction_window: a change this long after the outcome was first received is kept and shown, not used.
    required: columns that every delivery must have and every row must fill, beside those that every trial needs.
    id_pattern: a regular expression that the whole participant_id must match.
    fields: further columns that deliveries bring.
    """

    report_within: str = "84 days"
    correction_window: str = "28 days"
    required: tuple[str, ...] = ()
    id_pattern: str | None = None
    fields: tuple[Field, ...] = ()

    @field_validator("id_pattern")
    @classmethod
    def _id_pattern(cls, value: str | None) -> str | None:
        return None if value is None else _compiles(value)

    @field_validator("report_within", "correction_window")
    @classmethod
    def _duration(cls, value: str) -> str:
        parse_duration(value)
        return value

    @property
    def report_within_time(self) -> timedelta:
        return parse_duration(self.report_within)

    @property
    def correction_window_time(self) -> timedelta:
        return parse_duration(self.correction_window)


class Source(Frozen):
    """Where outcomes come from. `columns` maps our column names to the source's; a column named there must be delivered.

    path: a folder, or the address of what the connector reads. secret: the name of the secret that opens it, never the
    secret. options: what the connector needs beyond that (each connector checks its own). every: how often a delivery
    is expected, such as '7 days'; without one for longer, the source is overdue.
    """

    connector: str
    path: str = ""
    columns: dict[str, str] = _Field(default_factory=dict)
    secret: str | None = _Field(default=None, pattern=r"^[A-Za-z][A-Za-z0-9_-]*$")
    options: dict[str, Any] = _Field(default_factory=dict)
    every: str | None = None

    @field_validator("every")
    @classmethod
    def _every(cls, value: str | None) -> str | None:
        if value is not None and not parse_duration(value):
            raise ValueError("must be at least one day")
        return value

    @property
    def every_time(self) -> timedelta | None:
        return None if self.every is None else parse_duration(self.every)


class Protocol(Frozen):
    """The plan of one trial. Frozen: a change is a new protocol with another seal.

    simulated: its people are made up. retrospective: it was written after the outcomes were known, so it shows what the
    verdict would have been and proves nothing. Both are marked wherever the trial shows.
    purpose: what it can tell; a feasibility trial asks whether we can recruit, deliver and measure, by `progression`.
    strengths: measures of what people can do, beside the primary one, never in its place. prototype: the idea that it tries
    (its own name if left out). gate: what must be met to pass on to the next stage. continues: the trials that it carries
    over from, and `changed` what is new.
    """

    trial: str
    title: str = ""
    question: str = _Field(min_length=1)
    stage: Stage = "proof_of_concept"
    owner: str = _Field(min_length=1)
    programme: str = ""
    simulated: bool = False
    retrospective: bool = False
    partners: tuple[Partner, ...] = ()
    sites: tuple[Site, ...] = ()
    arms: tuple[Arm, ...]
    design: Literal["one_arm", "two_arm", "multi_arm"] = "two_arm"
    unit: Literal["person", "cluster"] = "person"
    primary: Primary
    guardrails: tuple[Guardrail, ...] = ()
    strengths: tuple[Measure, ...] = ()
    monitoring: Monitoring
    data: Data = Data()
    stopping: Stopping | None = None
    purpose: Literal["effect", "feasibility"] = "effect"
    progression: tuple[Criterion, ...] = ()
    assignment: Assignment = Assignment()
    prototype: str = ""
    gate: Gate | None = None
    continues: tuple[str, ...] = ()
    changed: str = ""
    intervention: Intervention | None = None
    fund: Fund | None = None
    costs: Costs | None = None
    events: Events = Events()
    access: Access = Access()
    order_by: tuple[Literal["enrolled_on", "entry_order"], ...] = ("enrolled_on", "entry_order")
    source: Source
    schedule: str | None = None

    @field_validator("trial")
    @classmethod
    def _slug(cls, value: str) -> str:
        if not _SLUG.match(value) or len(value) > 80:
            raise ValueError(
                "must be lower-case letters, digits and single hyphens, at most 80, such as 'rossi-financial-aid'"
            )
        return value

    @field_validator("order_by")
    @classmethod
    def _order(cls, value: tuple[str, ...]) -> tuple[str, ...]:
        if "entry_order" not in value or len(set(value)) != len(value) or value[-1] != "entry_order":
            raise ValueError(
                "must be [entry_order] or [enrolled_on, entry_order]: evidence needs one order, fixed beforehand"
            )
        return value

    @model_validator(mode="after")
    def _whole(self) -> Protocol:
        ids = [arm.id for arm in self.arms]
        if len(set(ids)) != len(ids):
            raise ValueError(f"arms have the ids {ids}, must all differ")
        if sum(arm.allocation for arm in self.arms) == 0:
            raise ValueError(
                "arms have allocations that add up to 0, must add up to more. Write 1 and 1 for equal arms."
            )
        self._check_roles()
        for arm in self.arms:
            if arm.allocation == 0:
                raise ValueError(
                    f"arms.{arm.id}.allocation == 0, must be at least 1: an arm nobody enters shows nothing"
                )
        site_ids = [site.id for site in self.sites]
        if len(set(site_ids)) != len(site_ids):
            raise ValueError(f"sites have the ids {site_ids}, must all differ")
        if "enrolled_on" in self.order_by and self.primary.follow_up is None:
            raise ValueError(
                "primary.follow_up is missing, must be given (such as '52 weeks') when people are ordered by enrolled_on"
            )
        return self

    def _check_roles(self) -> None:
        roles = sorted(arm.role for arm in self.arms)
        controls, treatments = roles.count("control"), roles.count("treatment")
        rules = {
            "one_arm": ((controls, treatments) == (0, 1), "one treatment and no control"),
            "two_arm": ((controls, treatments) == (1, 1), "one control and one treatment"),
            "multi_arm": (controls == 1 and 2 <= treatments <= 20, "one control and 2 to 20 treatments"),
        }
        fits, rule = rules[self.design]
        if not fits:
            raise ValueError(f"arms have the roles {roles}, must be {rule} for design {self.design}")
        self._check_columns()
        self._check_data()
        check_hopes(self.partners, [one.measure for one in (self.primary, *self.guardrails, *self.strengths)])

    def _check_data(self) -> None:
        """data.required and data.fields name columns that mean something, each once."""
        known = self.known_columns
        unknown = sorted(set(self.data.required) - set(known))
        if unknown:
            raise ValueError(
                f"data.required names {', '.join(unknown)}, must name columns of the plan: {', '.join(known)}"
            )
        names = [field.name for field in self.data.fields]
        twice = sorted({name for name in names if known.count(name) > 1})
        if twice:
            raise ValueError(f"data.fields has {', '.join(twice)}, must not name a column that means something else")

    @property
    def known_columns(self) -> tuple[str, ...]:
        """Every column that the plan knows, in our names: identity, measures, further fields."""
        measures = (self.primary, *self.guardrails, *self.strengths)
        named = [name for one in measures for name in (one.measure, one.companion) if name is not None]
        return (*IDENTITY_COLUMNS, *dict.fromkeys(named), *(field.name for field in self.data.fields))

    def _check_columns(self) -> None:
        """A column means one thing; only an exposure may serve several counts."""
        measures = (self.primary, *self.guardrails, *self.strengths)
        names = [one.measure for one in measures] + [one.event for one in measures if one.event is not None]
        names += sorted({one.exposure for one in measures if one.exposure is not None})
        twice = sorted({name for name in names if names.count(name) > 1 or name in IDENTITY_COLUMNS})
        if twice:
            which = "primary, guardrails and strengths" if self.strengths else "primary and guardrails"
            raise ValueError(
                f"{which} have the columns {names}, must all differ from each other and from "
                f"{', '.join(IDENTITY_COLUMNS)}: {', '.join(twice)} can't mean two things"
            )

    @property
    def control(self) -> Arm | None:
        """The arm that goes on as before; None in a trial with one arm, which is judged against its benchmark."""
        return next((arm for arm in self.arms if arm.role == "control"), None)

    @property
    def treatments(self) -> tuple[Arm, ...]:
        """The arms that try an idea, in the plan's order; one of them unless the design is multi_arm."""
        return tuple(arm for arm in self.arms if arm.role == "treatment")

    @property
    def dated(self) -> bool:
        """Whether people are ordered by the day they joined; if not, their allocation number alone orders them."""
        return "enrolled_on" in self.order_by

    @property
    def name(self) -> str:
        return self.title or self.trial

    @property
    def mark(self) -> str:
        """What must be said after the trial's name wherever it shows; empty for a trial that is being run."""
        if self.simulated:
            return " (simulated)"
        return " (replay of a finished trial)" if self.retrospective else ""

    def due_at(self, enrolled_on: date | None) -> datetime | None:
        """When a person's follow-up closes: midnight UTC after its last day; None for plans without dates.

        For a day so late that the calendar ends first (a database's "unknown", 9999-12-31), the calendar's end.
        """
        follow_up = self.primary.follow_up_time
        if enrolled_on is None or follow_up is None:
            return None
        try:
            return datetime.combine(enrolled_on + timedelta(days=1), time.min, tzinfo=UTC) + follow_up
        except OverflowError:
            return datetime.max.replace(tzinfo=UTC)

    def canonical(self) -> str:
        """The plan as canonical JSON: keys sorted, no spaces, every default written out."""
        return canonical_json(self.model_dump(mode="json"))

    def seal(self) -> str:
        """SHA-256 of the canonical JSON, 64 hex digits."""
        return sha256_text(self.canonical())

    def to_yaml(self) -> str:
        """YAML that reads back to an equal protocol."""
        dumped = self.model_dump(mode="json", exclude_defaults=True)
        return yaml.safe_dump(dumped, sort_keys=False, allow_unicode=True)


def canonical_json(value: Any) -> str:
    """JSON with one spelling for one value: sorted keys, no white space, shortest float digits, no NaN."""
    return json.dumps(value, sort_keys=True, separators=(",", ":"), ensure_ascii=False, allow_nan=False)


def sha256_text(text: str) -> str:
    """SHA-256 of UTF-8 text, 64 hex digits."""
    return hashlib.sha256(text.encode("utf-8")).hexdigest()


class _StrictLoader(yaml.SafeLoader):
    """SafeLoader that refuses a key written twice, where YAML would silently keep the last, and aliases: a few of them, each
    of the one before, unfold to more than any memory holds."""

    def compose_node(self, parent: yaml.Node | None, index: Any) -> yaml.Node | None:
        if self.check_event(yaml.AliasEvent):
            event: Any = self.peek_event()  # type: ignore[no-untyped-call]
            raise ProtocolError(
                f"*{event.anchor} in line {event.start_mark.line + 1} is an alias, must be written out. Put there what "
                f"stands at &{event.anchor}."
            )
        return super().compose_node(parent, index)


def _mapping(loader: _StrictLoader, node: yaml.MappingNode, deep: bool = False) -> dict[Any, Any]:
    seen: set[Any] = set()
    for key_node, _ in node.value:
        key = loader.construct_object(key_node, deep=True)
        if not isinstance(key, str | int | float | bool | None):
            raise ProtocolError(
                f"line {key_node.start_mark.line + 1} has a key that is no word, must be one such as 'trial'."
            )
        if key in seen:
            line = key_node.start_mark.line + 1
            raise ProtocolError(
                f"{key} stands twice (second time in line {line}), must stand once. Delete one of them."
            )
        seen.add(key)
    return dict(loader.construct_pairs(node, deep=True))


_StrictLoader.add_constructor(yaml.resolver.BaseResolver.DEFAULT_MAPPING_TAG, _mapping)


def from_yaml(text: str, origin: str = "protocol") -> Protocol:
    """The protocol that the YAML text describes.

    Raises ProtocolError: one sentence with the origin, the key, its value, the rule and a hint.
    """
    return from_content(read_yaml(text, origin), origin)


def read_yaml(text: str, origin: str = "protocol") -> dict[str, Any]:
    """The keys that the YAML text holds, whether or not they make a protocol. Raises ProtocolError when it can't be read."""
    try:
        content = yaml.load(text, Loader=_StrictLoader)
    except ProtocolError as error:
        raise ProtocolError(f"{origin}: {error}") from None
    except RecursionError:
        raise ProtocolError(f"{origin}: is nested too deeply, must be a protocol. Write fewer brackets.") from None
    except yaml.YAMLError as error:
        mark = getattr(error, "problem_mark", None)
        where = "" if mark is None else f" in line {mark.line + 1}, column {mark.column + 1}"
        problem = getattr(error, "problem", None) or "it can't be parsed"
        raise ProtocolError(f"{origin}: not YAML{where}: {problem}. Start from `roadtest protocol new`.") from None
    if not isinstance(content, dict):
        raise ProtocolError(f"{origin}: holds no keys, must be a protocol. Start from `roadtest protocol new`.")
    return content


def from_content(content: dict[str, Any], origin: str = "protocol") -> Protocol:
    """The protocol that a mapping (parsed YAML or JSON) describes. Raises ProtocolError as from_yaml does."""
    try:
        return Protocol.model_validate(content)
    except ValidationError as error:
        raise ProtocolError(f"{origin}: {explain(error)}") from None


def from_file(path: Path) -> Protocol:
    """The protocol in a YAML file. Raises ProtocolError when the file can't be read or breaks a rule."""
    try:
        text = path.read_text(encoding="utf-8")
    except FileNotFoundError:
        raise ProtocolError(
            f"{path}: no such file. Name a protocol, or make one with `roadtest protocol new`."
        ) from None
    except (OSError, UnicodeDecodeError) as error:
        raise ProtocolError(f"{path}: can't be read as UTF-8 text ({type(error).__name__}).") from None
    return from_yaml(text, origin=path.name)


def explain(error: ValidationError) -> str:
    """Pydantic's first complaint as one sentence: key == value, must be ..., and a hint."""
    # An unknown key comes first: it is usually the reason why a known one is missing.
    details = sorted(error.errors(include_url=False), key=lambda detail: detail["type"] != "extra_forbidden")
    first = details[0]
    more = "" if len(details) == 1 else f" ({len(details) - 1} more after this one.)"
    where = ".".join(str(part) for part in first["loc"])
    kind, value, context = first["type"], first.get("input"), first.get("ctx", {})
    if kind == "extra_forbidden":
        return f"{where} is not a known key.{_closest(first['loc'])}{more}"
    if kind == "missing":
        return f"{where} is missing, must be given.{more}"
    if kind == "value_error":
        reason = str(context["error"])
        sentence = reason if not where else f"{where} == {_shown(value)}, {reason}"
        return f"{sentence.rstrip('.')}.{more}"
    bounds = {"greater_than": ">", "greater_than_equal": "≥", "less_than": "<", "less_than_equal": "≤"}
    if kind in bounds:
        limit = context.get("gt", context.get("ge", context.get("lt", context.get("le"))))
        hint = " Write 0.05 for 5 %." if first["loc"][-1] in ("alpha", "beta") else ""
        return f"{where} == {_shown(value)}, must be {bounds[kind]} {limit}.{hint}{more}"
    rule = first["msg"].replace("Input should be", "must be")
    hint = " Put it in quotes." if kind == "string_type" else ""
    return f"{where} == {_shown(value)}, {rule[0].lower() + rule[1:]}.{hint}{more}"


def _shown(value: object) -> str:
    text = json.dumps(value, default=str, ensure_ascii=False)
    return text if len(text) <= 60 else text[:57] + "..."


def _closest(location: tuple[int | str, ...]) -> str:
    """' Did you mean ...?' from the keys that the part of the plan at this place knows."""
    model: type[BaseModel] = Protocol
    for part in location[:-1]:
        if isinstance(part, int):
            continue
        field = model.model_fields.get(part)
        found = None if field is None else _model_in(field.annotation)
        if found is None:
            return ""
        model = found
    near = difflib.get_close_matches(str(location[-1]), list(model.model_fields), n=1)
    return f" Did you mean '{near[0]}'?" if near else f" Known keys: {', '.join(model.model_fields)}."


def _model_in(annotation: Any) -> type[BaseModel] | None:
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        return annotation
    for inner in get_args(annotation):
        found = _model_in(inner)
        if found is not None:
            return found
    return None
