"""What fixes a list beforehand, and proves afterwards that it was followed.

Guarantee: a commitment is SHA-256 over 256 secret random bits, the trial, the hash of its sealed plan and, of a list from
outside, its arms. Nobody can find another seed or list with the same commitment, nor learn an arm from it, short of breaking
SHA-256; the bits keep even a list of which all but the end is known from being guessed.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import islice

from trials.allocation.blocks import Drop, Shares, from_list, from_seed
from trials.errors import DataError
from trials.protocol import canonical_json, sha256_text

SECRET_BYTES = 32


@dataclass(frozen=True, slots=True)
class Opened:
    """What a commitment stands for. secret: 64 hex digits, the seed, or of a list from outside the salt. lists: that list's
    arms by stratum; None where the arms follow from the seed. shares: the arms that a seed's blocks are made of."""

    trial: str
    plan_sha256: str
    secret: str
    shares: Shares = ()
    lists: Mapping[str, tuple[str, ...]] | None = None

    def __post_init__(self) -> None:
        if len(self.secret) != 2 * SECRET_BYTES or set(self.secret) - set("0123456789abcdef"):
            raise DataError(f"the secret has {len(self.secret)} characters, must be {2 * SECRET_BYTES} hex digits.")

    @property
    def commitment(self) -> str:
        """64 hex digits: SHA-256 of the JSON array [what it is, trial, plan's hash, shares or lists, secret]."""
        kind = "seed" if self.lists is None else "list"
        content = (
            [list(one) for one in self.shares]
            if self.lists is None
            else {key: list(arms) for key, arms in self.lists.items()}
        )
        return sha256_text(
            canonical_json([f"roadtest allocation {kind}", self.trial, self.plan_sha256, content, self.secret])
        )

    def arms(self, stratum: str, drops: Sequence[Drop] = ()) -> Iterator[tuple[int, str]]:
        """(position, arm) of a stratum's people, from position 1."""
        if self.lists is not None:
            return from_list(self.lists.get(stratum, ()), drops)
        return from_seed(bytes.fromhex(self.secret), self.trial, stratum, self.shares, drops)

    def coming(self, stratum: str, last: int, n: int, drops: Sequence[Drop] = ()) -> tuple[tuple[int, str], ...]:
        """The next n of them after position `last`; fewer where a list from outside ends."""
        return tuple(islice((one for one in self.arms(stratum, drops) if one[0] > last), n))


@dataclass(frozen=True, slots=True)
class Shown:
    """One arm that was revealed: where it stood in its stratum's list."""

    stratum: str
    position: int
    arm: str


def departures(opened: Opened, revealed: Sequence[Shown], drops: Mapping[str, Sequence[Drop]]) -> tuple[str, ...]:
    """A sentence for each stratum whose arms, in the order they were revealed, are not those of the list; empty if all are.

    drops: by stratum, oldest first.
    """
    by_stratum: dict[str, list[Shown]] = {}
    for one in revealed:
        by_stratum.setdefault(one.stratum, []).append(one)
    found = []
    for stratum, shown in by_stratum.items():
        planned = list(islice(opened.arms(stratum, drops.get(stratum, ())), len(shown)))
        seen = [(one.position, one.arm) for one in shown]
        wrong = next((at for at, one in enumerate(seen) if at >= len(planned) or one != planned[at]), None)
        if wrong is not None:
            where = f"site {stratum}, " if stratum else ""
            said = f"position {planned[wrong][0]}, {planned[wrong][1]}" if wrong < len(planned) else "nothing more"
            found.append(
                f"{where}reveal {wrong + 1} is position {seen[wrong][0]}, {seen[wrong][1]}: the list has {said}"
            )
    return tuple(found)
