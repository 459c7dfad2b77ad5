"""Real trials: what may be kept is tested always; what its licence keeps out of this tree, when `--real DIR` says where.

DIR holds one folder per data set with its `data.csv` (data/SOURCE.md names their columns).
"""

from __future__ import annotations

from pathlib import Path

import pytest

ELSEWHERE = ("btheb", "epil_progabide", "landenberger_cbt", "star_kindergarten")
KEPT_TOO = ("rossi_life", "thornton_hiv", "penn_bonus")
NEED_THEM = "test_elsewhere.py"


def pytest_configure(config: pytest.Config) -> None:
    """Raises UsageError when the folder that was named lacks a data set."""
    given = config.getoption("--real", default=None)
    if given is None:
        return
    absent = [name for name in (*ELSEWHERE, *KEPT_TOO) if not (Path(given) / name / "data.csv").is_file()]
    if absent:
        raise pytest.UsageError(f"--real {given}: {', '.join(absent)} missing, must each hold a data.csv.")


def pytest_ignore_collect(collection_path: Path, config: pytest.Config) -> bool | None:
    """Without `--real` the tests on data that are not here are left out; the summary says so."""
    return True if collection_path.name == NEED_THEM and config.getoption("--real", default=None) is None else None


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter, config: pytest.Config) -> None:
    if config.getoption("--real", default=None) is None:
        terminalreporter.write_line(
            f"real trials left out because their data are under the GPL: {', '.join(ELSEWHERE)}. To run them: "
            "pytest tests/real --real DIR, with DIR/<name>/data.csv for each."
        )


@pytest.fixture(scope="session")
def elsewhere(pytestconfig: pytest.Config) -> Path:
    """The folder that `--real` names."""
    return Path(pytestconfig.getoption("--real"))
