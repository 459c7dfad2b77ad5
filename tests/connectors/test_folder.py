"""trials.connectors.folder: finding and reading the files of a folder."""

from __future__ import annotations

import gzip
import hashlib
import os
import zipfile
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import ClassVar

import fsspec
import pytest
from fsspec.implementations.memory import MemoryFileSystem

from trials.connectors import CONNECTORS, connector_named, folder
from trials.connectors.connector import Context, Limits
from trials.errors import ProtocolError, SourceError
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


def test_found_oldest_first_and_only_deliveries(tmp_path: Path, inbox: Path) -> None:
    """Deliveries come oldest first by the time sent, then by name; other files are left alone."""
    left = (".hidden.csv", "~$x.xlsx", "notes.txt", "a.csv.part", "b.csv.tmp", "c.xlsx.crdownload", "d.csv.zip")
    for name in ("2024-03-11_b.csv", "2024-03-04_z.CSV", "2024-03-11_a.csv", *left):
        (inbox / name).write_text("x")
    (inbox / "sub.csv").mkdir()
    assert [found.name for found in folder.find(SOURCE, Context(tmp_path))] == [
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


def test_a_link_out_of_the_folder_is_left_alone(tmp_path: Path, inbox: Path) -> None:
    """A file of another's is not read by a link to it; one within the folder is, also where the folder itself is a link."""
    (tmp_path / "secret.csv").write_text("x")
    (inbox / "2024-03-04.csv").write_text("x")
    (inbox / "out.csv").symlink_to(tmp_path / "secret.csv")
    (inbox / "up.csv").symlink_to("../../secret.csv")
    (inbox / "gone.csv").symlink_to(inbox / "nothing.csv")
    (inbox / "2024-03-05.csv").symlink_to("2024-03-04.csv")
    (tmp_path / "drop").symlink_to(inbox)
    for path in ("in/site-a", "drop"):
        found = folder.find(Source(connector="folder", path=path), Context(tmp_path))
        assert [one.name for one in found] == ["2024-03-04.csv", "2024-03-05.csv"]


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
        folder.find(Source(connector="folder", path=path), Context(tmp_path))
    assert words in str(caught.value)


def test_read_gives_the_delivery(tmp_path: Path, inbox: Path, protocol: Protocol) -> None:
    """A found file is read into a delivery that names its source as the plan does."""
    data = b"participant_id,arm,entry_order,reoffended\nA-1,control,1,0\n"
    (inbox / "2024-03-04.csv").write_bytes(data)
    (found,) = folder.find(SOURCE, Context(tmp_path))
    delivery = folder.read(protocol, found, Context(tmp_path))
    assert delivery.source == "folder:in/site-a"
    assert delivery.content_sha256 == hashlib.sha256(data).hexdigest()
    assert delivery.sent_at == datetime(2024, 3, 4, tzinfo=UTC)
    assert delivery.rows[0].cells["participant_id"] == "A-1"


def test_refused_file_has_the_hash_of_all_its_bytes(tmp_path: Path, inbox: Path, protocol: Protocol) -> None:
    """A file that is refused at its first bytes has the hash of all of them, so that it is known when it comes again."""
    with (inbox / "2024-03-04.csv").open("wb") as file:
        file.truncate(Limits().unpacked_bytes + 1)
    (found,) = folder.find(SOURCE, Context(tmp_path))
    delivery = folder.read(protocol, found, Context(tmp_path))
    assert delivery.problem is not None
    assert "NUL" in delivery.problem
    assert delivery.content_sha256 == folder.fingerprint(found, Context(tmp_path))


def test_vanished_file_is_a_source_error(tmp_path: Path, inbox: Path, protocol: Protocol) -> None:
    """A file that is gone between finding and reading raises, so that reading can be tried again."""
    (inbox / "2024-03-04.csv").write_text("x")
    (found,) = folder.find(SOURCE, Context(tmp_path))
    (inbox / "2024-03-04.csv").unlink()
    with pytest.raises(SourceError, match=r"2024-03-04\.csv can't be read"):
        folder.read(protocol, found, Context(tmp_path))
    with pytest.raises(SourceError, match=r"^a file called after a person can't be read"):
        folder.read(protocol, replace(found, name="2024-03-04 jsmith 9434765001.csv"), Context(tmp_path))


def test_connectors_are_found_by_name() -> None:
    """Every registered connector is found by its name; another name is refused with the closest one."""
    assert [connector_named(connector.name) for connector in CONNECTORS] == CONNECTORS
    with pytest.raises(SourceError, match="Did you mean 'folder'"):
        connector_named("foldr")


def test_every_format_is_found_and_what_cannot_be_read_is_refused_by_name(
    tmp_path: Path, inbox: Path, protocol: Protocol
) -> None:
    """Files of all formats are found, packed or not; an old workbook is found too, and refused, not passed over."""
    names = [
        "a.csv",
        "a.csv.gz",
        "a.json",
        "a.jsonl",
        "a.ndjson",
        "a.ods",
        "a.parquet",
        "a.tab",
        "a.tsv",
        "a.xls",
        "a.xlsx",
    ]
    for name in names:
        (inbox / name).write_bytes(b"x")
    context = Context(tmp_path)
    found = folder.find(SOURCE, context)
    assert sorted(one.name for one in found) == names
    problems = {one.name: folder.read(protocol, one, context).problem for one in found}
    assert "an old Excel workbook (.xls)" in str(problems["a.xls"])
    assert "an OpenDocument spreadsheet (.ods)" in str(problems["a.ods"])


def test_a_file_that_has_just_changed_is_left_for_the_next_time(tmp_path: Path, inbox: Path) -> None:
    """With settle_seconds a file is found once it was left alone for so long; by a clock that is far ahead, at once."""
    path = inbox / "a.csv"
    path.write_text("x")
    os.utime(path, (1_700_000_000, 1_700_000_000))
    source = SOURCE.model_copy(update={"options": {"settle_seconds": 60}})

    def found(seconds: int) -> int:
        return len(folder.find(source, Context(tmp_path, now=datetime.fromtimestamp(1_700_000_000 + seconds, UTC))))

    assert [found(seconds) for seconds in (0, 59, 60, 3_600)] == [0, 0, 1, 1]
    assert [found(-seconds) for seconds in (1, 59, 60, 3_600)] == [0, 0, 1, 1]


def test_a_folder_elsewhere_is_read_like_one_here(tmp_path: Path, protocol: Protocol) -> None:
    """An fsspec address gives the same deliveries as a local folder: names, times, bytes, rows."""
    store = fsspec.filesystem("memory")
    data = b"participant_id,arm,entry_order,reoffended\nA-1,control,1,0\n"
    for name in ("2024-03-11.csv", "2024-03-04.csv.gz", "undated.csv", "below/2024-03-01.csv", "notes.txt"):
        store.pipe(f"/elsewhere/in/{name}", gzip.compress(data) if name.endswith(".gz") else data)
    try:
        source = SOURCE.model_copy(update={"path": "memory://elsewhere/in"})
        context = Context(tmp_path)
        found = folder.find(source, context)
        assert [one.name for one in found] == ["2024-03-04.csv.gz", "2024-03-11.csv", "undated.csv"]
        assert found[2].sent_at.tzinfo is not None
        plan = protocol.model_copy(update={"source": source})
        for one in found:
            delivery = folder.read(plan, one, context)
            assert (delivery.source, delivery.rows[0].cells["participant_id"]) == (
                "folder:memory://elsewhere/in",
                "A-1",
            )
            assert delivery.content_sha256 == folder.fingerprint(one, context)
        with pytest.raises(SourceError, match="must be an existing folder"):
            folder.find(source.model_copy(update={"path": "memory://elsewhere/out"}), context)
        with pytest.raises(SourceError, match="is a file"):
            folder.find(source.model_copy(update={"path": "memory://elsewhere/in/undated.csv"}), context)
    finally:
        store.rm("/elsewhere", recursive=True)


def test_a_folder_in_an_archive_is_read_and_seen_to_change(tmp_path: Path, protocol: Protocol) -> None:
    """A chained address (zip://folder::file) is read, and anew after the archive was replaced."""
    archive = tmp_path / "site.zip"
    source = SOURCE.model_copy(update={"path": f"zip://in::file://{archive}"})
    for names in (["2024-03-04.csv"], ["2024-03-04.csv", "2024-03-11.csv"]):
        with zipfile.ZipFile(archive, "w") as made:
            for name in names:
                made.writestr(f"in/{name}", "participant_id,arm\nA-1,control\n")
        found = folder.find(source, Context(tmp_path))
        assert [one.name for one in found] == names
        delivery = folder.read(protocol.model_copy(update={"source": source}), found[-1], Context(tmp_path))
        assert [row.cells["participant_id"] for row in delivery.rows] == ["A-1"]


def test_the_secret_opens_the_folder_and_shows_nowhere(tmp_path: Path, protocol: Protocol, opened: list[str]) -> None:
    """The secret is looked up by its name when the folder is opened; no locator, delivery or error holds it."""
    options = {"secret_as": "password", "storage": {"host": "files.example"}}
    source = SOURCE.model_copy(update={"path": "locked://in", "secret": "site-a", "options": options})
    folder.check(source)
    context = Context(tmp_path, secret=lambda name: f"opens-{name}")
    (found,) = folder.find(source, context)
    delivery = folder.read(protocol.model_copy(update={"source": source}), found, context)
    assert set(opened) == {"opens-site-a"}
    assert "opens-" not in f"{found} {delivery}"
    with pytest.raises(SourceError) as caught:
        folder.find(source, Context(tmp_path, secret=lambda name: "wrong-one"))
    assert "wrong-one" not in str(caught.value)


class Locked(MemoryFileSystem):
    """A storage that opens with one password alone, and tells it in its errors, as some do."""

    protocol = "locked"
    store: ClassVar[dict[str, object]] = {}
    seen: ClassVar[list[str]] = []

    @classmethod
    def _strip_protocol(cls, path: str) -> str:
        return str(MemoryFileSystem._strip_protocol(path.replace("locked://", "memory://")))

    def __init__(self, host: str = "", password: str = "", **rest: object) -> None:
        super().__init__(**rest)
        if password != "opens-site-a":
            raise PermissionError(f"{password} doesn't open {host}")
        self.seen.append(password)


@pytest.fixture
def opened() -> list[str]:
    fsspec.register_implementation("locked", Locked, clobber=True)
    Locked.seen.clear()
    Locked(password="opens-site-a").pipe("/in/2024-03-04.csv", b"participant_id\nA-1\n")
    return Locked.seen


@pytest.mark.parametrize(
    ("changed", "words"),
    [
        ({"path": ""}, "must name a folder"),
        ({"options": {"sheets": "A"}}, "Did you mean 'sheet'"),
        ({"options": {"settle_seconds": -1}}, "settle_seconds == -1"),
        ({"options": {"storage": {"host": "x"}}}, "must be left out for a local folder"),
        ({"secret": "site-a"}, "must be left out for a local folder"),
        ({"path": "sftp://x/in", "secret": "site-a"}, "options.secret_as is missing"),
        ({"path": "sftp://x/in", "options": {"secret_as": "password"}}, "source.secret is missing"),
        ({"path": "sftp://ann:hunter2@x/in"}, "holds a password"),
        ({"path": "zip://in::sftp://ann:hunter2@x/a.zip"}, "holds a password"),
        ({"path": "https://x/in?sv=1&sig=hunter2"}, "holds a password"),
        ({"path": "s3://x", "options": {"storage": {"client_kwargs": {"secret": "hunter2"}}}}, "client_kwargs.secret"),
    ],
)
def test_what_a_plan_must_not_say_of_a_folder(changed: dict[str, object], words: str) -> None:
    """check refuses what is unknown, missing or secret in one sentence that shows no secret."""
    with pytest.raises(ProtocolError) as caught:
        folder.check(SOURCE.model_copy(update=changed))
    assert words in str(caught.value)
    assert "hunter2" not in str(caught.value)
