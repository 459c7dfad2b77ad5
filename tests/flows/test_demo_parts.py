"""The parts of the demo: its protocols, what arrives when, and how it arrives."""

from __future__ import annotations

import csv
import io
from pathlib import Path

import pytest

from flows.demo import (
    PEOPLE_A_DELIVERY,
    REAL,
    WEEKS_BEFORE_SERVING,
    File,
    arrive,
    arriving,
    examples,
    in_sealed_order,
    load_protocols,
    raise_failures,
)
from flows.settings import Settings
from flows.simulator import last_week
from flows.work import Outcome
from trials.connectors import folder
from trials.connectors.connector import Context
from trials.errors import RoadtestError
from trials.protocol import Protocol, Source

Weeks = list[list[File]]


@pytest.fixture(scope="module")
def protocols() -> list[Protocol]:
    return load_protocols()


@pytest.fixture(scope="module")
def weeks(protocols: list[Protocol]) -> Weeks:
    return arriving(protocols)


def test_the_examples_are_found_and_read(protocols: list[Protocol]) -> None:
    """Seven plans: the two real ones, then the five simulated ones, each marked as such."""
    assert (examples() / "personalised-probation" / "params.json").is_file()
    assert [protocol.trial for protocol in protocols[:2]] == list(REAL)
    assert [protocol.simulated for protocol in protocols] == [False] * 2 + [True] * 5
    assert len({protocol.source.path for protocol in protocols}) == 7


@pytest.mark.parametrize("trial", REAL)
def test_real_data_arrive_in_the_sealed_order_each_row_once(protocols: list[Protocol], trial: str) -> None:
    """The deliveries, one after the other, are the published file, cut into equal parts; names sort as they arrive."""
    [protocol] = [protocol for protocol in protocols if protocol.trial == trial]
    files = list(in_sealed_order(protocol))
    rows = [list(csv.DictReader(io.StringIO(file.content.decode("utf-8")))) for file in files]
    assert [len(part) for part in rows[:-1]] == [PEOPLE_A_DELIVERY] * (len(rows) - 1)
    assert 0 < len(rows[-1]) <= PEOPLE_A_DELIVERY
    text = (examples() / trial / "data.csv").read_text(encoding="utf-8")
    published = list(csv.DictReader(io.StringIO(text)))
    arrived = [row for part in rows for row in part]
    assert arrived == sorted(published, key=lambda row: int(row["entry_order"]))
    assert [file.path for file in files] == sorted({file.path for file in files})
    assert {file.path.parent for file in files} == {Path(protocol.source.path)}


def test_what_arrives_is_the_same_on_every_run(protocols: list[Protocol], weeks: Weeks) -> None:
    """The seed is fixed, so a demo that was killed goes on with the very bytes that it began with."""
    assert arriving(protocols) == weeks


def test_all_real_data_are_in_before_the_pages_are_served(protocols: list[Protocol], weeks: Weeks) -> None:
    """The real trials are over when the demo starts serving; only the simulated programme goes on, to its last week."""
    assert len(weeks) <= max(last_week(protocol) for protocol in protocols if protocol.simulated)
    folders = {
        protocol.source.path: [number for number, week in enumerate(weeks) if _has(week, protocol)]
        for protocol in protocols
    }
    for protocol in protocols:
        still = folders[protocol.source.path][-1] >= WEEKS_BEFORE_SERVING
        assert still is protocol.simulated, protocol.trial
        assert set(in_sealed_order(protocol) if not protocol.simulated else ()) <= {f for week in weeks for f in week}


def _has(week: list[File], protocol: Protocol) -> bool:
    return any(file.path.parent.as_posix() == protocol.source.path for file in week)


def test_a_file_arrives_whole_once(tmp_path: Path) -> None:
    """It is there with all its bytes and nothing beside it; arriving again leaves it alone, time of change and all."""
    settings = Settings(home=tmp_path)
    file = File(Path("sources/a-trial/delivery-001.csv"), b"a,b\n1,2\n")
    arrive(settings, [file])
    path = tmp_path / file.path
    assert path.read_bytes() == file.content
    assert list(path.parent.iterdir()) == [path]
    before = path.stat()
    arrive(settings, [file])
    assert path.stat() == before


def test_a_file_that_was_half_written_when_the_demo_was_killed_arrives_whole(tmp_path: Path) -> None:
    """What is left of the first try is hidden from the collector, and the next run writes the file whole."""
    settings = Settings(home=tmp_path)
    file = File(Path("sources/a-trial/delivery-001.csv"), b"a,b\n1,2\n")
    part = tmp_path / "sources/a-trial/.delivery-001.csv.part"
    part.parent.mkdir(parents=True)
    part.write_bytes(b"a,")
    arrive(settings, [file])
    assert (
        folder.find(Source(connector="folder", path="sources/a-trial"), Context(tmp_path))[0].name == "delivery-001.csv"
    )
    assert len(folder.find(Source(connector="folder", path="sources/a-trial"), Context(tmp_path))) == 1
    assert (tmp_path / file.path).read_bytes() == file.content


def test_the_demo_stops_at_a_trial_that_fails() -> None:
    """The sentence names the trial and the reason; when all went well nothing is raised."""
    raise_failures([Outcome("a-trial", ok=True)])
    with pytest.raises(RoadtestError, match=r"^b-trial: the folder is gone\.$"):
        raise_failures([Outcome("a-trial", ok=True), Outcome("b-trial", ok=False, error="the folder is gone.")])
