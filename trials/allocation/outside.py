"""A list of arms that somebody else made, judged before anybody is enrolled by it.

Guarantee: a list that passes has positions 1, 2, ..., n without holes in each site and arms of the plan alone. A list that was
drawn in the plan's ratio by chance gets a warning about it with a chance of at most ODD_RATIO a site and in all.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from trials.allocation.blocks import must_be_stratum
from trials.errors import DataError
from trials.exact_tests import allocation_p
from trials.protocol import Protocol

ODD_RATIO = 0.01


@dataclass(frozen=True, slots=True)
class Outside:
    """lists: arms by stratum, in order. warnings: what is odd about them, in whole sentences."""

    lists: dict[str, tuple[str, ...]]
    warnings: tuple[str, ...]


def judged(protocol: Protocol, rows: Sequence[tuple[int, Mapping[str, str]]]) -> Outside:
    """The lists in these rows (number, cells: position, arm, site where the plan has sites, block if it says).

    Raises DataError with the number of the first row that is wrong.
    """
    if not rows:
        raise DataError("the list holds no rows, must hold one for each person. Nothing was stored.")
    missing = [name for name in ("position", "arm", *(("site",) if protocol.sites else ())) if name not in rows[0][1]]
    if missing:
        raise DataError(
            f"the list lacks the column {missing[0]}, must have site, position and arm. Nothing was stored."
        )
    found: dict[str, dict[int, tuple[str, str]]] = {}
    for number, cells in rows:
        stratum, position, arm = _row(protocol, number, cells)
        here = found.setdefault(stratum, {})
        if position in here:
            raise DataError(f"row {number}: position {position} stands twice, must stand once in its site.")
        here[position] = arm, cells.get("block", "").strip()
    for stratum, here in found.items():
        hole = next((at for at in range(1, len(here) + 1) if at not in here), None)
        if hole is not None:
            raise DataError(f"{_site(stratum)}position {hole} is missing, must be there: they count 1, 2, 3, ...")
    order = [site.id for site in protocol.sites if site.id in found] if protocol.sites else [""]
    lists = {stratum: tuple(found[stratum][at][0] for at in sorted(found[stratum])) for stratum in order}
    blocks = {stratum: [found[stratum][at][1] for at in sorted(found[stratum])] for stratum in order}
    return Outside(lists, (*_lengths(protocol, lists), *_ratios(protocol, lists), *_blocks(protocol, lists, blocks)))


def _row(protocol: Protocol, number: int, cells: Mapping[str, str]) -> tuple[str, int, str]:
    stratum = cells.get("site", "").strip() if protocol.sites else ""
    position, arm = cells.get("position", "").strip(), cells.get("arm", "").strip()
    arms = [one.id for one in protocol.arms]
    if arm not in arms:
        raise DataError(f"row {number}: arm is '{arm[:40]}', must be one of {', '.join(arms)}.")
    if not (position.isascii() and position.isdigit() and int(position[:9]) >= 1 and len(position) <= 9):
        raise DataError(f"row {number}: position is '{position[:20]}', must be a whole number from 1.")
    try:
        must_be_stratum(protocol, stratum, name="site")
    except DataError as error:
        raise DataError(f"row {number}: {error}") from None
    return stratum, int(position), arm


def _site(stratum: str) -> str:
    return f"site {stratum}: " if stratum else ""


def _lengths(protocol: Protocol, lists: Mapping[str, Sequence[str]]) -> list[str]:
    without = [site.id for site in protocol.sites if site.id not in lists]
    said = [f"the list has nothing for {', '.join(without)}: nobody can be enrolled there"] if without else []
    held, most = sum(map(len, lists.values())), protocol.monitoring.max_participants
    return said + ([f"the list has {held} positions and the plan {most} people"] if held < most else [])


def _ratios(protocol: Protocol, lists: Mapping[str, Sequence[str]]) -> list[str]:
    """Where the arms are not in the plan's ratio: in all (Bonferroni with the sites), or in a site."""
    arms, planned = [one.id for one in protocol.arms], [one.allocation for one in protocol.arms]
    whole = [arm for held in lists.values() for arm in held]
    said = []
    for stratum, held in {"": whole, **lists}.items():
        counts = Counter(held)
        p = allocation_p([counts[arm] for arm in arms], planned)
        if p is not None and p < ODD_RATIO:
            shown = ", ".join(f"{counts[arm]} {arm}" for arm in arms)
            ratio = " : ".join(map(str, planned))
            said.append(
                f"{_site(stratum)}{shown}; the plan has {ratio} (exact test, p = {p:.2g}): was it made for this trial?"
            )
    return said


def _blocks(protocol: Protocol, lists: Mapping[str, Sequence[str]], blocks: Mapping[str, Sequence[str]]) -> list[str]:
    """Blocks, where the list names them, that don't keep the ratio; a site's last one may be cut off."""
    planned, whole = {one.id: one.allocation for one in protocol.arms}, sum(one.allocation for one in protocol.arms)
    for stratum, held in lists.items():
        tallies: dict[str, Counter[str]] = {}
        for arm, block in zip(held, blocks[stratum], strict=True):
            tallies.setdefault(block, Counter())[arm] += 1
        for block in list(tallies)[:-1]:
            tally, size = tallies[block], sum(tallies[block].values())
            if block and any(tally[arm] * whole != size * share for arm, share in planned.items()):
                return [f"{_site(stratum)}block {block[:20]} does not keep the plan's ratio"]
    return []
