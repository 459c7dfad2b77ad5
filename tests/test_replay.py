"""replay, and the same data in other deliveries and another order."""

from __future__ import annotations

import random
from datetime import UTC, datetime
from pathlib import Path

import pytest

from flows import work
from flows.replaying import Replay, replay
from trials.connectors import tabular
from trials.errors import SourceError
from trials.evidence import Look
from trials.protocol import Protocol, from_file
from trials.store import reading
from trials.store.engine import open_store

ROSSI = Path(__file__).parents[1] / "examples" / "rossi-financial-aid"
AS_OF = datetime(2024, 7, 1, tzinfo=UTC)
PEOPLE_A_DELIVERY = 48
NUMBERS = ("n", "enrolled", "missing", "claims", "estimate", "interval", "arms", "verdict", "sentence", "state_sha256")


@pytest.fixture(scope="module")
def protocol() -> Protocol:
    return from_file(ROSSI / "protocol.yaml")


@pytest.fixture(scope="module")
def replayed(protocol: Protocol) -> Replay:
    return replay(protocol, ROSSI / "data.csv", AS_OF)


def numbers(look: Look) -> dict[str, object]:
    return {name: getattr(look, name) for name in NUMBERS}


def fed(folder: Path, protocol: Protocol, shuffled: bool) -> list[Look]:
    """A ledger's looks after the data came in deliveries of 48 people, in the sealed order or in another."""
    header, *rows = (ROSSI / "data.csv").read_text(encoding="utf-8").splitlines()
    parts = [rows[first : first + PEOPLE_A_DELIVERY] for first in range(0, len(rows), PEOPLE_A_DELIVERY)]
    if shuffled:
        random.Random(7).shuffle(parts)
        for part in parts:
            random.Random(len(part)).shuffle(part)
    deliveries = tuple(
        tabular.to_delivery(
            protocol,
            "\n".join([header, *part, ""]).encode("utf-8"),
            source="hand",
            name=f"{number}.csv",
            sent_at=datetime(2024, 1, number, tzinfo=UTC),
        )
        for number, part in enumerate(parts, start=1)
    )
    store = open_store(f"sqlite:///{folder / 'roadtest.db'}")
    work.register_trial(store, protocol, by="Ann", at=AS_OF, seal_by="Bea")
    [outcome] = work.collect(
        store, [work.Pending(protocol, deliveries)], work.Clock(AS_OF, as_sent=True), work.Door(folder)
    )
    looks = reading.looks(store, protocol.trial)
    store.close()
    assert outcome.ok
    assert len(looks) == 9
    return looks


def test_rossi_has_432_people_and_the_published_arms(replayed: Replay) -> None:
    """66 of 216 without the aid and 48 of 216 with it were re-arrested; every row was accepted; one look was taken."""
    look = replayed.look
    assert {arm.arm: (arm.total, arm.n) for arm in look.arms} == {"control": (66, 216), "financial_aid": (48, 216)}
    assert (look.n, look.enrolled, look.missing, look.number) == (432, 432, 0, 1)
    assert look.estimate == pytest.approx(66 / 216 - 48 / 216)
    assert (replayed.receipt.accepted, replayed.receipt.quarantined) == (432, 0)
    assert look.as_of == AS_OF


@pytest.mark.parametrize("shuffled", [False, True], ids=["sealed order", "another order"])
def test_deliveries_in_any_order_end_where_the_replay_does(
    tmp_path: Path, protocol: Protocol, replayed: Replay, shuffled: bool
) -> None:
    """Nine deliveries, in the sealed order or anyhow: the last look has the replay's numbers, to the last digit."""
    looks = fed(tmp_path, protocol, shuffled)
    assert numbers(looks[-1]) == numbers(replayed.look)
    # Only what is whole in the sealed order is read: out of order most people wait until those before them are in.
    assert ([look.n for look in looks] == [48 * count for count in range(1, 10)]) is not shuffled


def test_a_file_that_is_refused_whole_has_no_verdict(tmp_path: Path, protocol: Protocol) -> None:
    """The sentence names the file and why it can't be read."""
    bad = tmp_path / "half.csv"
    bad.write_text("participant_id,ar", encoding="utf-8")
    with pytest.raises(SourceError, match=r"^half\.csv: "):
        replay(protocol, bad, AS_OF)
