"""trials.connectors.folder: finding and reading the files of a folder."""

from __future__ import annotations

import hashlib
import os
from datetime import UTC, datetime
from pathlib import Path

import pytest

from trials.connectors import CONNECTORS, connector_named, folder, tabular
from trials.errors import SourceError
from trials.protocol import Protocol, Source, from_content

SOURCE = Source(connector="folder", path="in/site-a")


@pytest.fixture
def inbox(tmp_path: Path) -> Path:
    path = tmp_path / "in" / "site-a"
    path.mkdir(parents=True)
    return path


@pytest.fixture
def protocol() -> Protocol:
    return from_content(
        {
            "trial": "a-trial",
            "question": "Does it help?",
            "owner": "Owner",
            "arms": [{"id": "control", "role": "control"}, {"id": "treatment"}],
            "primary": {
                "measure": "reoffended",
                "kind": "binary",
                "better": "lower",
                "baseline": 0.3,
                "worthwhile": 0.1,
            },
            "monitoring": {"max_participants": 100},
            "order_by": ["entry_order"],
            "source": SOURCE.model_dump(),
        }
    )


def test_found_oldest_first_and_only_csv(tmp_path: Path, inbox: Path) -> None:
    """Deliveries come oldest first by the time sent, then by name; other files are left alone."""
    for name in ("2024-03-11_b.csv", "2024-03-04_z.CSV", "2024-03-11_a.csv", ".hidden.csv", "~$x.csv", "notes.txt"):
        (inbox / name).write_text("x")
    (inbox / "sub.csv").mkdir()
    assert [found.name for found in folder.find(SOURCE, tmp_path)] == [
        "2024-03-04_z.CSV",
        "2024-03-11_a.csv",
        "2024-03-11_b.csv",
    ]


@pytest.mark.parametrize(
    ("name", "sent"),
    [
        ("2024-03-04_site-a.csv", datetime(2024, 3, 4, tzinfo=UTC)),
        ("site-a_2024-03-04.csv", datetime(2024, 3, 4, tzinfo=UTC)),
        ("2024-03-04T0930_site-a.csv", datetime(2024, 3, 4, 9, 30, tzinfo=UTC)),
        ("2024-03-04T09-30-15Z.csv", datetime(2024, 3, 4, 9, 30, 15, tzinfo=UTC)),
        ("2024-03-04_0001.csv", datetime(2024, 3, 4, tzinfo=UTC)),
        ("2024-13-45_then_2024-03-04.csv", datetime(2024, 3, 4, tzinfo=UTC)),
        ("2024-13-45.csv", None),
        ("12024-03-041.csv", None),
        ("site-a.csv", None),
    ],
)
def test_sent_at_is_read_from_the_name(name: str, sent: datetime | None) -> None:
    """An ISO date or date-time in the name, in UTC, is when the file was sent; a date that doesn't exist is none."""
    assert folder.sent_at_in(name) == sent


def test_sent_at_without_a_date_is_the_time_of_change(inbox: Path) -> None:
    """A name without a date leaves the file's time of change, aware and in UTC."""
    path = inbox / "site-a.csv"
    path.write_text("x")
    os.utime(path, (1_700_000_000, 1_700_000_000))
    assert folder.sent_at(path) == datetime(2023, 11, 14, 22, 13, 20, tzinfo=UTC)


@pytest.mark.parametrize(
    ("path", "words"),
    [("nowhere", "must be an existing folder"), ("", "must name a folder"), ("in/file.csv", "is a file")],
)
def test_missing_folder_is_one_sentence(tmp_path: Path, inbox: Path, path: str, words: str) -> None:
    """A source that is no folder is refused with its argument, value and rule."""
    (tmp_path / "in" / "file.csv").write_text("x")
    with pytest.raises(SourceError, match=r"source\.path") as caught:
        folder.find(Source(connector="folder", path=path), tmp_path)
    assert words in str(caught.value)


def test_read_gives_the_delivery(tmp_path: Path, inbox: Path, protocol: Protocol) -> None:
    """A found file is read into a delivery that names its source as the plan does."""
    data = b"participant_id,arm,entry_order,reoffended\nA-1,control,1,0\n"
    (inbox / "2024-03-04.csv").write_bytes(data)
    (found,) = folder.find(SOURCE, tmp_path)
    delivery = folder.read(protocol, found)
    assert delivery.source == "folder:in/site-a"
    assert delivery.content_sha256 == hashlib.sha256(data).hexdigest()
    assert delivery.sent_at == datetime(2024, 3, 4, tzinfo=UTC)
    assert delivery.rows[0].cells["participant_id"] == "A-1"


def test_oversized_file_is_refused_unread(tmp_path: Path, inbox: Path, protocol: Protocol) -> None:
    """A file over the limit becomes a delivery with a problem and the hash of its bytes."""
    with (inbox / "2024-03-04.csv").open("wb") as file:
        file.truncate(tabular.MAX_BYTES + 1)
    (found,) = folder.find(SOURCE, tmp_path)
    delivery = folder.read(protocol, found)
    assert delivery.problem is not None
    assert "must have at most" in delivery.problem
    assert len(delivery.content_sha256) == 64


def test_vanished_file_is_a_source_error(tmp_path: Path, inbox: Path, protocol: Protocol) -> None:
    """A file that is gone between finding and reading raises, so that reading can be tried again."""
    (inbox / "2024-03-04.csv").write_text("x")
    (found,) = folder.find(SOURCE, tmp_path)
    (inbox / "2024-03-04.csv").unlink()
    with pytest.raises(SourceError, match=r"2024-03-04\.csv can't be read"):
        folder.read(protocol, found)


def test_connectors_are_found_by_name() -> None:
    """Every registered connector is found by its name; another name is refused with the closest one."""
    assert [connector_named(connector.name) for connector in CONNECTORS] == CONNECTORS
    with pytest.raises(SourceError, match="Did you mean 'folder'"):
        connector_named("foldr")
