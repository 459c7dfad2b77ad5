"""All that one delivery adds, by column: what `fresh` took in and what `merge` made of the rest."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

from trials.records import Record
from trials.store.fresh import ENROLLED, OBSERVED, Fresh
from trials.store.merge import Merge, Reading


@dataclass(frozen=True, slots=True)
class Additions:
    """enrolments, versions: by column, in the order of their digests (`digests.FORMS`). The rest is as in `merge.Merge`."""

    enrolments: dict[str, list[Any]] = field(default_factory=lambda: {name: [] for name in ENROLLED})
    versions: dict[str, list[Any]] = field(default_factory=lambda: {name: [] for name in OBSERVED})
    repetitions: dict[str, dict[str, Reading]] = field(default_factory=dict)
    unfit: tuple[tuple[Record, str], ...] = ()
    accepted: int = 0
    duplicates: int = 0
    corrections: int = 0
    changed: str | None = None


def added(fresh: Fresh, merged: Merge) -> Additions:
    """Both parts of a delivery together. `fresh` is used up."""
    enrolments, versions = fresh.enrolments, fresh.versions
    for place, record in merged.enrolments:
        person = (record.participant_id, record.site, record.arm, record.enrolled_on, record.entry_order)
        _extend(enrolments, ENROLLED, (*person, place, record.spelling or None))
    for one in merged.versions:
        version = one.version
        what = (one.measure, one.participant_id, version.rev, one.observed_on)
        said = (version.value, version.companion, version.sent_at, version.effective_at)
        _extend(versions, OBSERVED, (*what, *said))
    for name in ("value", "companion"):
        # A float on every database; SQLite can't tell -0.0 from 0.0, so nobody does.
        versions[name] = [None if cell is None else cell + 0.0 for cell in versions[name]]
    return Additions(
        _in_order(enrolments, ("order_key",)),
        _in_order(versions, ("measure", "participant_id", "rev")),
        {**fresh.repetitions, **merged.repetitions},
        tuple(merged.unfit),
        fresh.accepted + merged.accepted,
        fresh.duplicates + merged.duplicates,
        merged.corrections,
        min((one for one in (fresh.changed, merged.changed) if one is not None), default=None),
    )


def _extend(columns: dict[str, list[Any]], names: Sequence[str], row: Sequence[Any]) -> None:
    for name, cell in zip(names, row, strict=True):
        columns[name].append(cell)


def _in_order(columns: dict[str, list[Any]], keys: Sequence[str]) -> dict[str, list[Any]]:
    telling = [name for name, cells in columns.items() if not _same(cells)]
    # Keys that are the same in every row order nothing, and one key of text sorts several times as fast as a tuple.
    ordering = [columns[name] for name in keys if name in telling]
    if not ordering:
        return columns
    key: Sequence[Any] = ordering[0] if len(ordering) == 1 else list(zip(*ordering, strict=True))
    places = sorted(range(len(key)), key=key.__getitem__)
    if places == list(range(len(key))):
        return columns
    return columns | {name: [columns[name][place] for place in places] for name in telling}


def _same(cells: Sequence[Any]) -> bool:
    """Whether one value goes all the way down."""
    return not cells or cells.count(cells[0]) == len(cells)
