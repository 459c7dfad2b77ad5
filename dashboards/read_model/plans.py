"""The plan of a trial as it stands and as it came to be: its versions, what was amended between which looks, its text.

Where data come from (addresses, names of secrets, options of a connector) is told to whoever may fetch them, and to nobody
by a link; the seal is of the whole plan, with them in it.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from dashboards.read_model.desk import Desk
from dashboards.read_model.trial import TrialView
from trials.errors import PlanHashMismatchError
from trials.protocol import Protocol
from trials.store import amendments, seeing
from trials.store.amendments import Version, said_of

KEPT_BACK = "told to whoever fetches the data"
# What of `source` says how to get at the data.
_REACHES = ("path", "secret", "options")
IMPACTS = {
    "none": "Only words changed; nothing that is measured or judged did.",
    "future": "It applies to what came in from then on; the looks before it stay as they were.",
}


@dataclass(frozen=True, slots=True)
class Change:
    """One field of the plan that was amended. path: such as 'monitoring.max_participants'."""

    path: str
    before: str
    after: str


@dataclass(frozen=True, slots=True)
class Amended:
    """One amendment. mark: between which looks it was made. reach: what it touches, and what not."""

    version: int
    mark: str
    at: datetime
    by: str
    approved_by: str
    reason: str
    impact: str
    reach: str
    changes: tuple[Change, ...]


@dataclass(frozen=True, slots=True)
class PlanVersion:
    """One version. mark: '' for those from before the seal."""

    number: int
    sha256: str
    written_by: str
    written_at: datetime
    sealed_by: str | None
    sealed_at: datetime | None
    mark: str


@dataclass(frozen=True, slots=True)
class PlanView:
    """A trial's plan. versions: oldest first. text: the newest as YAML, '' when it is not what was sealed; then `fault` says
    so. whole: whether the text holds where the data come from."""

    protocol: Protocol
    versions: tuple[PlanVersion, ...] = ()
    amended: tuple[Amended, ...] = ()
    text: str = ""
    fault: str = ""
    whole: bool = True

    @property
    def newest(self) -> PlanVersion | None:
        return self.versions[-1] if self.versions else None

    @property
    def sealed(self) -> PlanVersion | None:
        """The version that was sealed first, before anything ran; None while none was."""
        return next((one for one in self.versions if one.sealed_by is not None), None)

    def marks_of(self, *parts: str) -> tuple[str, ...]:
        """Between which looks these parts of the plan were amended: ('after look 2, before look 3',)."""
        touched = (
            one.mark
            for one in self.amended
            if any(_in_part(change.path, part) for change in one.changes for part in parts)
        )
        return tuple(dict.fromkeys(touched))


def _in_part(path: str, part: str) -> bool:
    return path == part or path.startswith((f"{part}.", f"{part}["))


def plan(desk: Desk, view: TrialView) -> PlanView:
    """The plan of a trial whose view the reader was given. A plan that was altered is told as that, and nothing else of it."""
    protocol = view.protocol
    try:
        found = amendments.versions(desk.store, protocol.trial)
    except PlanHashMismatchError as error:
        return PlanView(protocol, fault=str(error))
    whole = _may_fetch(desk, protocol.trial)
    amended = tuple(_amended(one, whole) for one in found if one.act is not None)
    return PlanView(protocol, tuple(map(_version, found)), amended, _text(protocol, found, whole), whole=whole)


def _may_fetch(desk: Desk, trial: str) -> bool:
    return desk.reader.kind != "link" and bool(seeing.allowed(desk.store, [trial], "collect"))


def _version(one: Version) -> PlanVersion:
    return PlanVersion(
        one.number, one.sha256, one.written_by, one.written_at, one.sealed_by, one.sealed_at, one.mark or ""
    )


def _amended(one: Version, whole: bool) -> Amended:
    assert one.act is not None
    said = said_of(one.act)
    changes = tuple(Change(each.path, *_told(each.path, each.before, each.after, whole)) for each in said.diff)
    return Amended(
        version=one.number,
        mark=one.mark or "",
        at=one.act.at,
        by=one.act.by,
        approved_by=said.approved_by,
        reason=said.reason,
        impact=said.impact,
        reach=IMPACTS[said.evidence],
        changes=changes,
    )


def _told(path: str, before: Any, after: Any, whole: bool) -> tuple[str, str]:
    if not whole and any(_in_part(path, f"source.{one}") for one in _REACHES):
        return KEPT_BACK, KEPT_BACK
    return in_words(before), in_words(after)


def in_words(value: Any) -> str:
    """A value of the plan as people read it: 'per month: 50; grace months: 3'; what is left empty is left out."""
    if value is None:
        return "not there"
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, int | float):
        return f"{value:,.6g}"
    if isinstance(value, dict):
        parts = (f"{name.replace('_', ' ')}: {in_words(one)}" for name, one in value.items() if not _empty(one))
        return "; ".join(parts)
    if isinstance(value, list | tuple):
        return ", ".join(f"({in_words(one)})" if isinstance(one, dict) else in_words(one) for one in value)
    return str(value) or "empty"


def _empty(value: Any) -> bool:
    return value is None or (isinstance(value, str | dict | list | tuple) and not value)


def _text(protocol: Protocol, found: Sequence[Version], whole: bool) -> str:
    """The newest version as YAML, with what was amended named above it."""
    notes = [f"# {line}" for line in _notes(found, whole)]
    if not whole:
        bare = protocol.source.model_copy(update={"path": "", "secret": None, "options": {}})
        protocol = protocol.model_copy(update={"source": bare})
    return "\n".join([*notes, protocol.to_yaml()])


def _notes(found: Sequence[Version], whole: bool) -> Iterable[str]:
    newest = found[-1]
    yield f"Version {newest.number} of the plan, SHA-256 {newest.sha256}"
    for one in found:
        if one.act is not None:
            paths = ", ".join(change.path for change in said_of(one.act).diff)
            yield f"Amended {one.mark}: {paths}"
    if not whole:
        yield f"source: {', '.join(_REACHES)} are left out: {KEPT_BACK}; the SHA-256 is of the whole plan"
