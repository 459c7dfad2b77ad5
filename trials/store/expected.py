"""What a trial's links say that its tables must hold; and which links can't stand where they do.

A link is the first word on its fact and the last: one that tells of something that an earlier link told of adds nothing here
and is itself a finding. Otherwise whoever can put one link on could have it say that an altered fact was so from the start,
and no head that was kept would show it.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from trials.acts import act_kind
from trials.acts.act import REGISTERED, SEALED
from trials.acts.amending import Amendment
from trials.amending import same_person
from trials.errors import DataError
from trials.store import chain
from trials.store.digests import Digest

UNREADABLE = "what it says can't be read"


@dataclass
class Expected:
    """What the links taken in so far say. `of`: which link said so, by table and key. deliveries, looks: adopted together."""

    plans: dict[int, dict[str, Any]] = field(default_factory=dict)
    batch: dict[int, dict[str, Any]] = field(default_factory=dict)
    look: dict[int, dict[str, Any]] = field(default_factory=dict)
    repair: dict[tuple[int, int, int], dict[str, Any]] = field(default_factory=dict)
    act: dict[int, dict[str, Any]] = field(default_factory=dict)
    rows: dict[tuple[str, int], Digest] = field(default_factory=dict)
    replays: list[tuple[list[int], Digest]] = field(default_factory=list)
    of: dict[tuple[Any, ...], int | None] = field(default_factory=dict)
    deliveries: int = 0
    looks: int = 0
    adopted: bool = False
    created_at: str | None = None
    sealed: bool = False
    stands: str = REGISTERED
    key: str | None = None
    state: str | None = None


def take_in(expected: Expected, kind: str, body: str, *, first: bool, link: int | None) -> str | None:
    """Put what one link says into `expected`; what is wrong with its being there, if anything is. link: its number.

    first: nothing stands before it. Links that tell of no fact (a source that failed, cells that were shown) say nothing here.
    """
    take = _TAKERS.get(kind)
    if take is None:
        return None
    try:
        said = _mapping(json.loads(body))
        if kind == "adopted" and not first:
            return "it tells of a beginning, and another link stands before it"
        return take(expected, said, link)
    except (
        ValueError,
        TypeError,
        KeyError,
        RecursionError,
        DataError,
    ):  # DataError: an act of a kind that is none of ours
        return UNREADABLE


def _adopted(expected: Expected, body: Mapping[str, Any], link: int | None) -> str | None:
    plans = {_number(plan["version"]): _mapping(plan) for plan in body["plans"]}
    sealed = any(plan["sealed_at"] is not None for plan in plans.values())
    deliveries, looks, created_at = _number(body["deliveries"]), _number(body["looks"]), body["created_at"]
    rows = _digests(body["rows"])
    expected.state = body["state"]
    expected.plans, expected.sealed, expected.created_at = plans, sealed, created_at
    expected.stands = SEALED if sealed else REGISTERED
    expected.adopted, expected.deliveries, expected.looks = True, deliveries, looks
    expected.rows |= {(table, 0): digest for table, digest in rows.items()}
    expected.of |= {("protocol_version", version): link for version in plans}
    expected.of |= {(table, 0): link for table in (*chain.BROUGHT, "batch", "look")}
    expected.of["method_state",] = link
    return None


def _registered(expected: Expected, body: Mapping[str, Any], link: int | None) -> str | None:
    plan, created_at = _mapping(body["plan"]), body["created_at"]
    version = _number(plan["version"])
    if version in expected.plans:
        return f"version {version} of the plan was told of before"
    following, late = version == max(expected.plans, default=0) + 1, expected.sealed
    expected.plans[version] = plan
    expected.of["protocol_version", version] = link
    expected.created_at = expected.created_at or created_at
    if late:
        return f"version {version} of the plan comes after the seal"
    if plan["sealed_at"] is not None:
        return f"version {version} of the plan comes with a seal of its own"
    return None if following else f"version {version} of the plan is not the next one"


def _sealed(expected: Expected, body: Mapping[str, Any], link: int | None) -> str | None:
    plan = _mapping(body["plan"])
    version = _number(plan["version"])
    before = expected.plans.get(version)
    if expected.sealed:
        return "the plan was sealed before"
    seal = {name: plan[name] for name in ("sealed_by", "sealed_at")}
    expected.sealed, expected.stands = True, SEALED
    expected.plans[version] = plan if before is None else before | seal
    expected.of["protocol_version", version] = link
    if before is None or version != max(expected.plans):
        return f"version {version} of the plan, which it seals, is not the one that was registered last"
    return None if expected.plans[version] == plan else f"version {version} of the plan is not what was registered"


def _delivered(expected: Expected, body: Mapping[str, Any], link: int | None) -> str | None:
    batch, digests, key = _mapping(body["batch"]), _digests(body["rows"]), body["key"]
    seq = _number(batch["seq"])
    if seq <= expected.deliveries or seq in expected.batch:
        return f"delivery {seq} was told of before"
    newest = max(expected.batch, default=expected.deliveries)
    expected.batch[seq] = batch
    expected.of["batch", seq] = link
    expected.rows |= {(table, seq): digest for table, digest in digests.items()}
    expected.of |= {(table, seq): link for table in chain.BROUGHT}
    if newest == 0:
        expected.key = key  # the first delivery binds the trial to its key
    if seq != newest + 1:
        return f"delivery {seq} is not the next one"
    return None if key == expected.key else "the key is not that of the first delivery"


def _looked(expected: Expected, body: Mapping[str, Any], link: int | None) -> str | None:
    look, state = _mapping(body["look"]), body["state"]
    number = _number(look["number"])
    if number <= expected.looks or number in expected.look:
        return f"look {number} was told of before"
    newest = max(expected.look, default=expected.looks)
    expected.look[number], expected.state = look, state
    expected.of |= {("look", number): link, ("method_state",): link}
    return None if number == newest + 1 else f"look {number} is not the next one"


def _mended(expected: Expected, body: Mapping[str, Any], link: int | None) -> str | None:
    said = _mapping(body["repair"])
    key = (_number(said["batch_seq"]), _number(said["row_no"]), _number(said["number"]))
    if key in expected.repair:
        return f"version {key[2]} of row {key[1]} of delivery {key[0]} was told of before"
    expected.repair[key] = said
    expected.of["repair", key] = link
    return None


def _replayed(expected: Expected, body: Mapping[str, Any], link: int | None) -> str | None:
    numbers, digest = [_number(number) for number in body["deliveries"]], _digest(body["replayed_row"])
    again = {number for earlier, _ in expected.replays for number in earlier}.intersection(numbers)
    if again:
        return f"the rows that were replayed as delivery {min(again)} were told of before"
    expected.of["replay", len(expected.replays)] = link
    expected.replays.append((numbers, digest))
    return None


def _acted(expected: Expected, body: Mapping[str, Any], link: int | None) -> str | None:
    row = _mapping(body["act"])
    seq, kind = _number(row["seq"]), act_kind(str(row["kind"]))
    if seq in expected.act:
        return f"act {seq} was told of before"
    newest = max(expected.act, default=0)
    said = kind.body.model_validate_json(str(row["body"]))
    expected.act[seq] = row
    expected.of["act", seq] = link
    allowed = not kind.states or expected.stands in kind.states
    if kind.states:
        expected.stands = kind.moves(expected.stands, said)
    wrong = _amended(expected, row, said, link) if isinstance(said, Amendment) else None
    if not allowed:
        return f"act {seq} ({kind.name}) is not allowed where the trial stood"
    return wrong if seq == newest + 1 else f"act {seq} is not the next one"


def _amended(expected: Expected, row: Mapping[str, Any], said: Amendment, link: int | None) -> str | None:
    """An amendment's act tells of the version of the plan that it brought: there is no other link for that."""
    version, newest = said.version, max(expected.plans, default=0)
    if version in expected.plans:
        return f"version {version} of the plan was told of before"
    before = expected.plans.get(newest, {}).get("sha256")
    expected.plans[version] = {
        "version": version,
        "sha256": said.to_sha256,
        "registered_by": row["by"],
        "registered_at": row["at"],
        "sealed_by": said.approved_by,
        "sealed_at": row["at"],
    }
    expected.of["protocol_version", version] = link
    if version != newest + 1:
        return f"version {version} of the plan is not the next one"
    if before != said.from_sha256:
        return f"version {version} of the plan does not follow the one before it"
    if same_person(str(row["by"]), said.approved_by):
        return f"version {version} of the plan was written and approved by one person"
    return None


_TAKERS = {
    "adopted": _adopted,
    "register": _registered,
    "seal": _sealed,
    "delivery": _delivered,
    "look": _looked,
    "act": _acted,
    "repair": _mended,
    "replay": _replayed,
}


def _mapping(value: Any) -> dict[str, Any]:
    if not isinstance(value, dict):
        raise TypeError(UNREADABLE)
    return value


def _number(value: Any) -> int:
    if type(value) is not int:
        raise TypeError(UNREADABLE)
    return value


def _digests(value: Any) -> dict[str, Digest]:
    return {table: _digest(digest) for table, digest in _mapping(value).items()}


def _digest(value: Any) -> Digest:
    count, hashed = value
    return _number(count), str(hashed)
