"""What stands before the first test: nobody's own settings, and Prefect's files in a folder of the session."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from xdist.scheduler import LoadScopeScheduling

from flows.environment import prepare


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
    folder = tempfile.TemporaryDirectory(prefix="roadtest-prefect-", ignore_cleanup_errors=True)
    config.add_cleanup(folder.cleanup)
    prepare(Path(folder.name))


# The files that take longest, first: with several workers the others fill in beside them.
LONGEST = ("test_end_to_end.py", "test_docs.py", "test_corpus.py")


class _ByFile(LoadScopeScheduling):
    """Each file to one worker, because files share what they set up; the reference figures, which are counted, all to one."""

    def _split_scope(self, nodeid: str) -> str:
        file = nodeid.partition("::")[0]
        return "tests/reference" if file.startswith("tests/reference/") else file


def pytest_xdist_make_scheduler(config: pytest.Config, log: Any) -> LoadScopeScheduling:
    """How `pytest -n auto` shares the tests out."""
    return _ByFile(config, log)


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """The longest files first; within a file, and among the others, the order stays."""
    items.sort(key=lambda item: LONGEST.index(item.path.name) if item.path.name in LONGEST else len(LONGEST))


@pytest.fixture(scope="session")
def prefect() -> Iterator[None]:
    """Prefect's ephemeral server, started by the session's first flow and stopped at the end."""
    yield
    from prefect.server.api.server import SubprocessASGIServer

    SubprocessASGIServer().stop()
