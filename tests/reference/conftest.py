"""The reference figures: read from a folder, and every number of it accounted for.

`pytest tests/reference --reference DIR` reads other files of the same form. Reading a number marks it; after the last test
the numbers that nobody read are a failure that lists them.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, overload

import pytest

HERE = Path(__file__).parent
# The files some test here reads. A further one needs a test of its own and its name here.
KNOWN = (
    "bhat.json",
    "confseq.json",
    "exact_dp.json",
    "jt_classical_constants.json",
    "lan_demets_efficacy.json",
    "nonbinding_futility.json",
    "safestats.json",
    "sample_sizes.json",
)
EXEMPT = {"note", "versions"}  # at the top of a file: where its figures come from
LAST = "test_no_number_is_left_out"

Steps = tuple[str | int, ...]


@dataclass(slots=True)
class Ledger:
    """What a run read and compared. read: paths of the numbers, by file; compared: entries, as the tests count them."""

    folder: Path
    files: dict[str, Any] = field(default_factory=dict)
    read: dict[str, set[Steps]] = field(default_factory=dict)
    compared: int = 0
    whole: bool = True  # every test of the folder was chosen

    def opened(self, name: str) -> Section:
        """A file as a `Section`. Fails the test with a sentence where there is no such file, or no JSON object in it."""
        name = name if name.endswith(".json") else f"{name}.json"
        if name not in self.files:
            self.files[name] = _parsed(self.folder / name)
            self.read[name] = set()
        return Section(self.files[name], (), self.read[name])

    def unread(self) -> list[str]:
        """The numbers that no test read, as 'file: path'."""
        return [
            f"{name}: {' > '.join(map(str, path))}"
            for name in sorted(self.files)
            for path in leaves(self.files[name])
            if path not in self.read[name]
        ]

    def total(self) -> int:
        return sum(1 for parsed in self.files.values() for _ in leaves(parsed))


def _parsed(path: Path) -> dict[str, Any]:
    if not path.is_file():
        pytest.fail(f"{path.name} is missing from the folder of reference figures {path.parent}.", pytrace=False)

    def refuse(constant: str) -> float:
        pytest.fail(f"{path.name} holds {constant}, which is not a JSON number.", pytrace=False)

    try:
        parsed = json.loads(path.read_text(encoding="utf-8"), parse_constant=refuse)
    except ValueError as error:
        pytest.fail(f"{path.name} is not JSON: {error}.", pytrace=False)
    if not isinstance(parsed, dict):
        pytest.fail(f"{path.name} must hold a JSON object.", pytrace=False)
    return parsed


def leaves(node: Any, path: Steps = ()) -> Iterator[Steps]:
    """Paths of all numbers and nulls below a node; strings are labels, not figures."""
    if isinstance(node, dict):
        for key, value in node.items():
            if path or key not in EXEMPT:
                yield from leaves(value, (*path, key))
    elif isinstance(node, list):
        for index, value in enumerate(node):
            yield from leaves(value, (*path, index))
    elif not isinstance(node, str):
        yield path


def _wrap(value: Any, path: Steps, read: set[Steps]) -> Any:
    if isinstance(value, dict):
        return Section(value, path, read)
    if isinstance(value, list):
        return Row(value, path, read)
    read.add(path)
    return value


class Section(Mapping[str, Any]):
    """A JSON object that notes which of its numbers were read."""

    def __init__(self, values: dict[str, Any], path: Steps, read: set[Steps]) -> None:
        self._values, self._path, self._read = values, path, read

    def __getitem__(self, key: str) -> Any:
        return _wrap(self._values[key], (*self._path, key), self._read)

    def __iter__(self) -> Iterator[str]:
        return iter(self._values)

    def __contains__(self, key: object) -> bool:
        return key in self._values  # Mapping's own would read, and mark, what it only asks for

    def __len__(self) -> int:
        return len(self._values)

    def __repr__(self) -> str:
        return f"Section({' > '.join(map(str, self._path))}: {', '.join(self._values)})"


class Row(Sequence[Any]):
    """A JSON array that notes which of its numbers were read. NumPy, approx and `zip` take it as it is."""

    def __init__(self, values: list[Any], path: Steps, read: set[Steps]) -> None:
        self._values, self._path, self._read = values, path, read

    @overload
    def __getitem__(self, index: int) -> Any: ...
    @overload
    def __getitem__(self, index: slice) -> list[Any]: ...
    def __getitem__(self, index: int | slice) -> Any:
        if isinstance(index, slice):
            return [self[i] for i in range(*index.indices(len(self)))]
        index = range(len(self._values))[index]
        return _wrap(self._values[index], (*self._path, index), self._read)

    def __len__(self) -> int:
        return len(self._values)

    def __repr__(self) -> str:
        return repr(self._values)


KEY = pytest.StashKey[Ledger]()


def pytest_configure(config: pytest.Config) -> None:
    chosen = config.getoption("--reference", default=None)
    folder = config.invocation_params.dir / chosen if chosen else HERE / "data"
    config.stash[KEY] = Ledger(folder.resolve())


@pytest.hookimpl(wrapper=True)
def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> Iterator[None]:
    """The account comes last; where only some of the folder's tests were chosen there is none to give."""
    collected = {item.nodeid for item in items if _ours(item)}
    yield
    ours = [item for item in items if _ours(item)]
    ledger = config.stash[KEY]
    ledger.whole = {item.nodeid for item in ours} == collected and _all_asked(config, ours)
    account = [item for item in ours if item.name == LAST]
    if ledger.whole:
        last = max(items.index(item) for item in ours)
        items[:] = [item for item in items[: last + 1] if item not in account] + account + items[last + 1 :]
    elif account:
        items[:] = [item for item in items if item not in account]
        config.hook.pytest_deselected(items=account)


def _ours(item: pytest.Item) -> bool:
    return item.path.parent == HERE


def _all_asked(config: pytest.Config, ours: Iterable[pytest.Item]) -> bool:
    """Every test file of the folder gave tests, and nobody asked for a single test in one."""
    asked = {HERE / path.name for path in HERE.glob("test_*.py")} <= {item.path for item in ours}
    return asked and not any("::" in argument for argument in config.args)


@pytest.fixture(scope="session")
def ledger(pytestconfig: pytest.Config) -> Ledger:
    """What was read and compared so far."""
    return pytestconfig.stash[KEY]


@pytest.fixture(scope="session")
def reference(ledger: Ledger) -> Callable[[str], Section]:
    """name -> the parsed file of that name; a missing file fails with a sentence. Reading a number marks it as used."""
    return ledger.opened


@pytest.fixture(scope="session")
def checked(ledger: Ledger) -> Callable[[int], None]:
    """n -> notes that n entries of a file were compared with what Roadtest computes."""

    def count(entries: int) -> None:
        assert entries > 0, f"entries == {entries}, must be at least 1: nothing was compared."
        ledger.compared += entries

    return count


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter, config: pytest.Config) -> None:
    ledger = config.stash[KEY]
    if not ledger.files:
        return
    missing = ledger.unread()
    terminalreporter.section("reference figures")
    terminalreporter.write_line(f"folder: {ledger.folder}")
    terminalreporter.write_line(
        f"{ledger.compared} entries compared; {ledger.total() - len(missing)} of {ledger.total()} numbers "
        f"in {len(ledger.files)} of {len(KNOWN)} files read."
    )
    absent = [name for name in KNOWN if name not in ledger.files]
    if not ledger.whole:
        terminalreporter.write_line(
            "Only some tests of the folder were chosen, so nothing says whether any was left out."
        )
    else:
        left = [f"{len(missing)} numbers"] * bool(missing) + absent
        terminalreporter.write_line(f"Left out: {', '.join(left)}." if left else "None was left out.")
