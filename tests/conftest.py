"""What stands before the first test: nobody's own settings, and Prefect's files in a folder of the session."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

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


@pytest.fixture(scope="session")
def prefect() -> Iterator[None]:
    """Prefect's ephemeral server, started by the session's first flow and stopped at the end."""
    yield
    from prefect.server.api.server import SubprocessASGIServer

    SubprocessASGIServer().stop()
