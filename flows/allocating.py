"""Allocation without a command around it: who joins is read and judged as at the door, then the store gives the arm."""

from __future__ import annotations

import json
import secrets
from collections.abc import Mapping
from datetime import UTC, date, datetime
from pathlib import Path

from expectations.rows import AHEAD_OF_UTC, prepare
from flows.byhand import must_be_file, replace_columns
from flows.work import Door
from trials import identifiers
from trials.allocation.outside import Outside, judged
from trials.allocation.proofs import SECRET_BYTES, Opened
from trials.connectors import folder
from trials.connectors.connector import Found
from trials.errors import DataError, SourceError
from trials.identifiers.people import DOUBTFUL, GIVEN
from trials.identifiers.words import folded
from trials.protocol import Protocol, sha256_text
from trials.pseudonyms import Pseudonyms
from trials.records import Delivery, Register, Row
from trials.store import allocations, custody, ledger, revealing
from trials.store.engine import Store
from trials.store.seeing import must_allow


def enrol_one(
    store: Store, trial: str, *, participant: str, site: str, on: date | None, by: str, at: datetime, door: Door
) -> revealing.Revealed:
    """Somebody joins at a site: the next arm there. on: the day they join, today in UTC if None; in the east it may be
    tomorrow already.

    Raises what `revealing.reveal` does; DataError for an id or a day that the checks at the door would set aside.
    """
    protocol, _ = ledger.sealed_protocol(store, trial)
    hidden = key_of(store, trial, door)
    newcomer = newcomer_of(protocol, participant, site, on, at, hidden)
    seed = secrets.token_bytes(SECRET_BYTES)
    return revealing.reveal(store, trial, newcomer, hidden=hidden, seed=seed, by=by, at=at)


def fix_list(store: Store, trial: str, *, by: str, at: datetime, door: Door) -> str:
    """Fix the trial's list now, before anybody joins; its commitment."""
    seed = secrets.token_bytes(SECRET_BYTES)
    return allocations.fix(store, trial, hidden=key_of(store, trial, door), seed=seed, by=by, at=at)


def key_of(store: Store, trial: str, door: Door) -> Pseudonyms:
    """The trial's key. Raises DataError where it has none: its ids are kept as they were sent."""
    hidden = door.pseudonyms(store, trial)
    if hidden is None:
        raise DataError(
            f"{trial} keeps ids as they are sent, must have a key to reveal arms: its list is sealed with it."
        )
    return hidden


def newcomer_of(
    protocol: Protocol, participant: str, site: str, on: date | None, at: datetime, hidden: Pseudonyms
) -> revealing.Newcomer:
    """Who joins, by the same rules as a row of a list of people. No sentence repeats the id."""
    today = at.astimezone(UTC).date()
    day = today if on is None else on
    if day > today + AHEAD_OF_UTC:
        raise DataError(f"--on == {day}, must not lie in the future: an arm is revealed when somebody joins.")
    if protocol.sites and not site.strip():
        raise DataError(
            f"--site is missing, must be a site of {protocol.trial}: {', '.join(s.id for s in protocol.sites)}."
        )
    cells = {"participant_id": participant, **({"site": site} if protocol.sites else {})}
    row = Delivery(
        protocol.trial, "", "", sha256_text(participant), at, tuple(cells), (Row(1, cells),)
    )  # never stored: the way to the rules alone
    personal = identifiers.found(row, protocol)
    if personal is not None:
        raise DataError(personal)
    _must_be_code(protocol, participant)
    facts = prepare(row, protocol, Register(), at, hidden, enrolling=True).facts
    if facts["participant_id_lacking"][0] is not None:
        raise DataError("--participant is missing, must be the code of whoever joins.")
    if facts["participant_id_fault"][0] is not None:
        raise DataError(f"--participant {facts['participant_id_fault'][0]}.")
    stratum = facts["site"][0] if protocol.sites else site.strip()
    return revealing.Newcomer(facts["participant_id"][0], stratum, day, facts["spelling"][0])


def _must_be_code(protocol: Protocol, participant: str) -> None:
    """Raises DataError, which does not repeat it, where the id of one person looks like a name: words alone, or a given name.

    In a file a whole column tells it (`trials.identifiers`); here is one cell. Clusters, such as schools, may have names.
    """
    if protocol.unit != "person" or any(sign.isdigit() for sign in participant):
        return
    words = [folded(word) for word in participant.replace("-", " ").replace(",", " ").split()]
    if len(participant.split()) > 1 or any(word in GIVEN and word not in DOUBTFUL for word in words):
        raise DataError(
            "--participant looks like a person's name, must be the code of whoever joins, such as P017. Nothing was stored."
        )


def bring_list(
    store: Store, trial: str, file: Path, *, by: str, at: datetime, door: Door, dry_run: bool = False
) -> tuple[Outside, str | None]:
    """A list that somebody else made, judged and fixed; its commitment, None when nothing was stored (dry_run).

    Raises SourceError for a file that can't be read, DataError for a list that is wrong, and what `allocations.bring` does.
    """
    must_be_file(file, "Name the list: site, position, arm.")
    must_allow(store.as_person(by), trial, "keep_allocation")
    protocol, _ = ledger.sealed_protocol(store, trial)
    allocations.must_be_drawn(protocol)
    read = folder.CONNECTOR.read(replace_columns(protocol), Found(file.name, at, str(file.resolve())), door.context())
    if read is None:
        raise SourceError(f"{file.name}: holds nothing. Name the list: site, position, arm.")
    if read.problem is not None:
        raise SourceError(f"{file.name}: {read.problem}")
    found = judged(protocol, [(row.row_no, row.cells) for row in read.rows])
    if dry_run:
        return found, None
    hidden, salt = key_of(store, trial, door), secrets.token_bytes(SECRET_BYTES)
    return found, allocations.bring(store, trial, found.lists, hidden=hidden, salt=salt, by=by, at=at)


def open_list(store: Store, trial: str, *, by: str, at: datetime, door: Door) -> Opened:
    """The seed, or the list from outside; logged. Raises what `custody.open_list` does."""
    return custody.open_list(store, trial, hidden=key_of(store, trial, door), by=by, at=at)


def verified(store: Store, trial: str, *, by: str, door: Door, opened: Opened | None) -> tuple[int, tuple[str, ...]]:
    """(arms revealed, what is wrong with them). opened: what `allocation open --json` printed; else with the key."""
    hidden = None if opened is not None else door.pseudonyms(store, trial)
    return custody.findings(store, trial, by=by, hidden=hidden, opened=opened)


def opened_json(opened: Opened) -> dict[str, object]:
    """`trial, plan_sha256, commitment, kind, seed | salt and lists, arms`: enough to make the whole list again."""
    body: dict[str, object] = {
        "trial": opened.trial,
        "plan_sha256": opened.plan_sha256,
        "commitment": opened.commitment,
    }
    if opened.lists is not None:
        lists = {stratum: list(arms) for stratum, arms in opened.lists.items()}
        return {**body, "kind": "list", "salt": opened.secret, "lists": lists}
    return {**body, "kind": "seed", "seed": opened.secret, "arms": dict(opened.shares)}


def opened_from(file: Path) -> Opened:
    """What `opened_json` wrote. Raises DataError for a file that is none."""
    try:
        said = json.loads(file.read_text(encoding="utf-8"))
        return _opened(said)
    except (OSError, UnicodeDecodeError, ValueError, KeyError, TypeError, AttributeError) as error:
        raise DataError(
            f"{file} can't be read ({type(error).__name__}), must be what `roadtest allocation open TRIAL --json` printed."
        ) from None


def _opened(said: Mapping[str, object]) -> Opened:
    trial, plan = str(said["trial"]), str(said["plan_sha256"])
    if said["kind"] == "list":
        lists = {str(stratum): tuple(map(str, arms)) for stratum, arms in said["lists"].items()}  # type: ignore[attr-defined]
        return Opened(trial, plan, str(said["salt"]), lists=lists)
    arms = tuple((str(arm), int(share)) for arm, share in said["arms"].items())  # type: ignore[attr-defined]
    return Opened(trial, plan, str(said["seed"]), arms)
