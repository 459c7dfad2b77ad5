"""Erasing a closed trial's key, and which trials are due for it, without a command around it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any, Literal

from flows.keys import Keys
from trials.acts.act import Act
from trials.acts.erasing import Erased
from trials.errors import DataError, StoreError
from trials.store import erasures, ledger, reading, seeing
from trials.store.engine import Store
from trials.store.erasures import Ended

Key = Literal["there", "missing", "erased", "to be finished", "none", "plain ids"]


@dataclass(frozen=True, slots=True)
class Erasure:
    """What was done. on: the day. left: what is the owner's to remove: where rows with plain ids may still lie, and files that
    hold this key among other things. copies: files that held this key alone, destroyed with it."""

    act: Act
    on: str
    left: tuple[str, ...]
    copies: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Kept:
    """A closed trial, and how its key stands: 'there'; 'missing' where it should be; 'erased'; 'to be finished' (erasing was
    cut short, the file came back, or an older database was restored, which doesn't know of it); 'none' (nothing was ever
    hidden); 'plain ids' (it began before keys).

    due: from when it may not be kept any longer; None without a time to keep. passed: that day is over and ids
    are still there, or erasing is to be finished.
    """

    trial: str
    state: str
    closed_at: datetime
    key: Key
    due: datetime | None
    passed: bool

    @property
    def command(self) -> str | None:
        """What to do; None where nothing is to be done."""
        if self.key in ("there", "to be finished"):
            return f"roadtest erase {self.trial} --by NAME --second NAME --reason TEXT"
        return None


def erase(
    store: Store,
    trial: str,
    *,
    keys: Keys,
    home: Path,
    by: str,
    second: str,
    reason: str,
    at: datetime,
    key_gone: bool = False,
) -> Erasure:
    """Destroy the key of a closed trial, for ever. The act comes first, then the key; said again, it ends what was cut short.

    key_gone: the key is not where keys are kept, and whoever erases knows that. Raises ForbiddenError, LifecycleError (an open
    trial), DataError (one person alone; plain ids), StoreError (the key is not there, is another, is another trial's too, or
    can't be destroyed).
    """
    erasures.must_be_erasable(store, trial, by=by)
    bound, begun = ledger.key_of(store, trial)
    if begun and bound is None:
        raise DataError(
            f"{trial} keeps ids as they were sent (it began before r0003), must have a key to be erased. Its rows go only with "
            "the database itself: docs/operating.md."
        )
    _must_be_its_own(keys, trial, bound)
    done = erasures.erased(store, trial)
    if done is None:
        found = _found(keys, trial, bound, key_gone)
        body = Erased(key=bound or "", reason=reason, second=second, found=found)
        done = erasures.say_erased(store, trial, body, by=by, at=at)
    held = keys.destroy(trial, done.at.date(), bound=bound)
    mixed = (f"{path} (it holds this key among other things)" for path in (*held.shared, *held.mixed))
    copies = tuple(str(path) for path in held.copies)
    return Erasure(done, done.at.date().isoformat(), (*mixed, *_left(store, trial, home)), copies)


def _must_be_its_own(keys: Keys, trial: str, bound: str | None) -> None:
    """Raises StoreError when another trial's file is the same key: then nobody would be forgotten, or that trial would stop."""
    shared = keys.beside(trial, bound=bound).shared
    if shared:
        path = shared[0]
        raise StoreError(
            f"{path} is the key of {trial} too, must be another: people of {trial} would still be recognised by it. If "
            f"{path.stem} never used it, remove that file. If it did, close {path.stem} first; then move the file out of the "
            f"folder, erase {trial}, put it back and erase {path.stem}."
        )


def _found(keys: Keys, trial: str, bound: str | None, key_gone: bool) -> bool:
    """Whether the key lies there. Raises StoreError when it should and doesn't, or is another. Its tombstone says that it was
    destroyed: then an older database was restored beside the keys, and only the act is lacking."""
    if keys.path(trial).exists():
        return bound is None or keys.lies(trial, bound=bound)
    if bound is not None and not key_gone and keys.erased_on(trial) is None:
        raise StoreError(
            f"{keys.path(trial)} is not there, must hold the key that is to be destroyed. Name the folder "
            "(ROADTEST_KEY_FOLDER); or, if the key was lost or destroyed before, add --key-gone."
        )
    return False


def _left(store: Store, trial: str, home: Path) -> tuple[str, ...]:
    """Where rows as they were sent may still lie: the trial's source, if it is a folder of this machine, with its files."""
    plan = reading.card(store, trial).protocol
    if plan.source.connector != "folder" or "://" in plan.source.path:
        return (f"{plan.source.connector}: {plan.source.path} (people's ids as they were sent)",)
    folder = home / plan.source.path
    if not folder.is_dir():
        return ()
    count = sum(1 for path in folder.rglob("*") if path.is_file())
    return (f"{folder} ({count} file{'' if count == 1 else 's'}): people's ids as they were sent",) if count else ()


def kept(store: Store, *, keys: Keys, keep_days: float | None, at: datetime) -> tuple[Kept, ...]:
    """The closed trials that the store's person may read, longest closed first. keep_days: how long after closing a key may be
    kept; None: no time is set."""
    closed = erasures.ended(store)
    mine = {*seeing.allowed(store, [one.trial for one in closed])}
    plain = {*reading.plain_ids(store)}
    return tuple(_kept(one, keys, one.trial in plain, keep_days, at) for one in closed if one.trial in mine)


def _kept(one: Ended, keys: Keys, plain: bool, keep_days: float | None, at: datetime) -> Kept:
    key = _key(one, keys, plain)
    due = None if keep_days is None else one.closed_at + timedelta(days=keep_days)
    passed = due is not None and due <= at and key in ("there", "plain ids")
    passed = passed or key == "to be finished"  # somebody decided it, whatever time is set
    return Kept(one.trial, one.state, one.closed_at, key, due, passed)


def _key(one: Ended, keys: Keys, plain: bool) -> Key:
    if one.erased is not None and keys.is_gone(one.trial):
        return "erased"
    if one.erased is None and plain:
        return "plain ids"
    if one.erased is not None or keys.erased_on(one.trial) is not None:
        return "to be finished"
    if keys.path(one.trial).exists():
        return "there"
    return "none" if one.fingerprint is None else "missing"


def kept_json(found: Sequence[Kept]) -> list[dict[str, Any]]:
    """`trial, state, closed_at, key, due, passed, command` of each."""
    return [
        {
            "trial": one.trial,
            "state": one.state,
            "closed_at": one.closed_at.isoformat(),
            "key": one.key,
            "due": None if one.due is None else one.due.isoformat(),
            "passed": one.passed,
            "command": one.command,
        }
        for one in found
    ]


def kept_text(found: Sequence[Kept], keep_days: float | None) -> str:
    """A line a trial, and what to do next."""
    if not found:
        return "No trial is closed yet, so no key may be erased. Next: roadtest status"
    lines = [_line(one) for one in found]
    unfinished = [one for one in found if one.key == "to be finished"]
    due = [*unfinished, *(one for one in found if one.passed and one.command)]
    if unfinished:
        lines.append(f"Next: {unfinished[0].command}")
    elif keep_days is None:
        lines.append("No time to keep is set. Next: roadtest retention --keep-days DAYS, or set ROADTEST_KEEP_DAYS")
    elif due:
        lines.append(f"Next: {due[0].command}")
    else:
        lines.append(f"No key is kept for longer than {keep_days:g} days after its trial closed.")
    return "\n".join(lines)


def _line(one: Kept) -> str:
    words = f"{one.trial}: {one.state} since {one.closed_at.date()}, key {one.key}"
    if one.key == "plain ids":
        words = f"{one.trial}: {one.state} since {one.closed_at.date()}, ids as they were sent: no key to erase"
    if one.due is None or one.key in ("erased", "none", "to be finished"):
        return words
    return f"{words}; {'too long by now: to be kept until' if one.passed else 'to be kept until'} {one.due.date()}"


def erasure_text(done: Erasure) -> str:
    """What is gone, what stays, and what is left to do."""
    trial = done.act.scope
    lines = [
        f"{trial}: its key was destroyed ({done.on}, {done.act.by}). Nobody can be recognised any more; rows set aside and "
        "quotes can't be read. Numbers, pages and the chain stay.",
        "Not covered: free texts (lessons, reasons), exports and reports that were made before, and backups that hold the key: "
        "docs/operating.md.",
    ]
    lines += [f"A copy of the key was destroyed with it: {where}" for where in done.copies]
    lines += [f"Yours to remove: {where}" for where in done.left]
    return "\n".join([*lines, f"Next: roadtest audit verify {trial}"])


def erasure_json(done: Erasure) -> dict[str, Any]:
    """`trial, erased_on, by, second, key_found, copies, left`."""
    body = done.act.body
    assert isinstance(body, Erased)
    return {
        "trial": done.act.scope,
        "erased_on": done.on,
        "by": done.act.by,
        "second": body.second,
        "key_found": body.found,
        "copies": list(done.copies),
        "left": list(done.left),
    }
