"""What stands before the first test: nobody's own settings, and Prefect's files in a folder of the session."""

from __future__ import annotations

import gc
import os
import shutil
import tempfile
from collections.abc import Generator, Iterator
from pathlib import Path
from typing import Any

import pytest
from xdist.scheduler import LoadScopeScheduling

from flows.environment import prepare

# Every commit waits for the disk, thousands in a run: files in memory need not. A run leaves some 100 MB there.
MEMORY = Path("/dev/shm")
ROOM = 4_000_000_000


def has_room(folder: Path) -> bool:
    """Whether temporary files can lie in this folder."""
    return folder.is_dir() and os.access(folder, os.W_OK) and shutil.disk_usage(folder).free >= ROOM


def pytest_addoption(parser: pytest.Parser) -> None:
    """Here and not in tests/reference, because pytest takes options only from the conftest files it loads first."""
    parser.addoption(
        "--reference", metavar="DIR", help="read the reference figures of tests/reference from this folder"
    )
    parser.addoption("--real", metavar="DIR", help="judge the real trials of tests/real that are not kept here, too")
    parser.addoption("--corpus", metavar="DIR", help="play the cases of this folder in tests/corpus, not the kept ones")


def pytest_configure(config: pytest.Config) -> None:
    """Before any test module is imported, because Prefect reads its settings when it is."""
    for name in [name for name in os.environ if name.startswith(("ROADTEST_", "PREFECT_"))]:
        del os.environ[name]
    if "TMPDIR" not in os.environ and has_room(MEMORY):
        os.environ["TMPDIR"] = tempfile.tempdir = str(MEMORY)
    folder = tempfile.TemporaryDirectory(prefix="roadtest-prefect-", ignore_cleanup_errors=True)
    config.add_cleanup(folder.cleanup)
    prepare(Path(folder.name))


# The files that take longest, first: with several workers the others fill in beside them. The demo keeps both processors
# busy for minutes, so what waits for a schedule most of its time comes with it. Then by seconds of processor time, those of
# the browser with Chromium's: the demo some 200, those named to the end of the third group 30 and more.
LONGEST = (
    *("test_end_to_end.py", "test_serve_tree.py", "test_deploy.py"),
    *("test_methods.py", "browser/test_pages.py", "test_corpus.py", "browser/test_new.py"),
    *(
        "test_cli.py",
        "test_every_page.py",
        "browser/test_board.py",
        "test_audit.py",
        "browser/test_signing.py",
        "test_docs.py",
    ),
    *("browser/test_data.py", "test_analysis.py", "test_style.py", "browser/test_decide.py", "browser/test_learn.py"),
    *(
        "test_evidence_script.py",
        "test_flows.py",
        "browser/test_trial.py",
        "test_reads.py",
        "test_kill.py",
        "test_ledger.py",
    ),
)


def turn(item: pytest.Item) -> int:
    """Where an item's file stands in LONGEST, or after all that do."""
    path = f"/{item.path.as_posix()}"
    return next((turn for turn, name in enumerate(LONGEST) if path.endswith(f"/{name}")), len(LONGEST))


class _ByFile(LoadScopeScheduling):
    """Each file to one worker, because files share what they set up; the reference figures, which are counted, all to one."""

    def _split_scope(self, nodeid: str) -> str:
        file = nodeid.partition("::")[0]
        return "tests/reference" if file.startswith("tests/reference/") else file


def pytest_xdist_auto_num_workers() -> int | None:
    """`-n auto`: one worker more than there are processors, as many tests wait, for a process, a schedule or Chromium."""
    if "PYTEST_XDIST_AUTO_NUM_WORKERS" in os.environ:
        return None  # as whoever set it wants
    return len(os.sched_getaffinity(0)) + 1 if hasattr(os, "sched_getaffinity") else (os.cpu_count() or 1) + 1


def pytest_xdist_make_scheduler(config: pytest.Config, log: Any) -> LoadScopeScheduling:
    """How `pytest -n auto` shares the tests out."""
    return _ByFile(config, log)


@pytest.hookimpl(wrapper=True)
def pytest_collection() -> Generator[None, object, object]:
    """Modules and tests live until the end: without looking through them for garbage a worker begins a third sooner."""
    gc.disable()
    try:
        return (yield)
    finally:
        gc.enable()
        gc.collect()
        gc.freeze()


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """The longest files first; within a file, and among the others, the order stays."""
    items.sort(key=turn)


@pytest.fixture(scope="session")
def prefect() -> Iterator[None]:
    """Prefect's ephemeral server, started by the session's first flow and stopped at the end."""
    yield
    from prefect.server.api.server import SubprocessASGIServer

    SubprocessASGIServer().stop()
