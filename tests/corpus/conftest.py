"""The corpus of bad uploads: `pytest tests/corpus --corpus DIR` plays every case of DIR/manifest.json; data/ if left out.

DIR holds manifest.json, register.csv and the files that the manifest names, in the form that data/README.md describes.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from itertools import groupby
from pathlib import Path

import pytest

from tests.corpus import command, manifest
from tests.corpus.command import Person, Played
from tests.corpus.manifest import Case, Manifest, ManifestError

HERE = Path(__file__).parent


@dataclass(slots=True)
class Corpus:
    """The folder that is played. cases: those whose entry can be relied on; notes: what the summary says after the run."""

    folder: Path
    manifest: Manifest | None
    fault: str | None
    notes: dict[str, None] = field(default_factory=dict)
    played: int = 0

    def case(self, name: str) -> Case:
        """Raises ManifestError where the case's entry can't be relied on."""
        assert self.manifest is not None
        return manifest.case_of(self.manifest, self.manifest.cases[self.manifest.names.index(name)])

    @property
    def cases(self) -> list[Case]:
        found = []
        for name in self.manifest.names if self.manifest else ():
            try:
                found.append(self.case(name))
            except ManifestError:
                continue  # the case's own test says why it can't be played
        return found

    @property
    def register(self) -> dict[str, Person]:
        return command.people(self.folder / "register.csv")


KEY = pytest.StashKey[Corpus]()


def pytest_configure(config: pytest.Config) -> None:
    """Raises UsageError when the folder that was named holds no corpus."""
    chosen = config.getoption("--corpus", default=None)
    folder = (config.invocation_params.dir / chosen if chosen else HERE / "data").resolve()
    absent = [name for name in ("manifest.json", "register.csv") if not (folder / name).is_file()]
    if absent:
        raise pytest.UsageError(f"--corpus {chosen}: {', '.join(absent)} missing, must be there.")
    try:
        config.stash[KEY] = Corpus(folder, manifest.load(folder), None)
    except ManifestError as error:
        config.stash[KEY] = Corpus(folder, None, str(error))


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    """One test a case of the manifest, under the case's name."""
    if "name_of_case" in metafunc.fixturenames:
        found = metafunc.config.stash[KEY].manifest
        metafunc.parametrize("name_of_case", found.names if found else [])


@pytest.fixture(scope="session")
def corpus(pytestconfig: pytest.Config) -> Corpus:
    return pytestconfig.stash[KEY]


@pytest.fixture(scope="session")
def prepared(corpus: Corpus, prefect: None, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A home with one sealed trial whose people are enrolled, to be copied for each case."""
    home = tmp_path_factory.mktemp("prepared") / "home"
    command.prepare(home, [command.TRIAL], corpus.folder / "register.csv")
    return home


@pytest.fixture(scope="session")
def ingested(prepared: Path, tmp_path_factory: pytest.TempPathFactory) -> Callable[[Case], Played]:
    """Plays a case by hand, in a home of its own; once a session."""
    folder, played = tmp_path_factory.mktemp("ingested"), {}

    def play(case: Case) -> Played:
        if case.name not in played:
            played[case.name] = command.play(case, prepared, folder / command.trial_of(case))
        return played[case.name]

    return play


@pytest.fixture(scope="session")
def collected(corpus: Corpus, prefect: None, tmp_path_factory: pytest.TempPathFactory) -> dict[str, Played]:
    """Every case through `roadtest collect`: one home for each day of receipt, one trial a case in it."""
    found = {}
    in_order = sorted(corpus.cases, key=lambda case: case.as_of)
    for day, group in groupby(in_order, key=lambda case: case.as_of):
        cases, home = list(group), tmp_path_factory.mktemp("collected") / "home"
        command.prepare(home, [command.trial_of(case) for case in cases], corpus.folder / "register.csv")
        found |= {played.case.name: played for played in command.collect(cases, home, day)}
    return found


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter, config: pytest.Config) -> None:
    corpus = config.stash[KEY]
    if not corpus.played:
        return
    terminalreporter.section("corpus")
    terminalreporter.write_line(f"folder: {corpus.folder}; {corpus.played} cases played")
    for note in corpus.notes:
        terminalreporter.write_line(note)
