"""Every case of the corpus ends as its manifest says: through `roadtest ingest`, and through `roadtest collect`."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tests.corpus import command, judging, phrases
from tests.corpus.command import Played
from tests.corpus.manifest import Case, ManifestError

pytestmark = [pytest.mark.usefixtures("prefect"), pytest.mark.timeout(300)]


def case_named(corpus: Any, name: str) -> Case:
    """The case; the test fails with the manifest's fault where its entry can't be relied on."""
    try:
        found: Case = corpus.case(name)
    except ManifestError as error:
        pytest.fail(f"{name}: the manifest can't be relied on: {error}", pytrace=False)
    if found.needs_register is not None:
        corpus.notes["all cases: nobody judges the field needs_register"] = None
    for field in found.unjudged:
        corpus.notes[f"{name}: nobody judges the field {field}"] = None
    return found


def hold(corpus: Any, played: Played) -> None:
    """Fails with one line for everything that is not as the manifest says."""
    facts = judging.facts_of(played.case, played, corpus.register)
    wrong = judging.judge(facts)
    if all(turn.report is not None for turn in played.turns):
        held, unknown = phrases.judge(facts)
        wrong += held
        corpus.notes |= {
            f"{played.case.name}: judged by the general rules alone: must not {one}": None for one in unknown
        }
    corpus.notes |= {f"{played.case.name}: {one}": None for one in facts.notes}
    corpus.played += 1
    if wrong:
        pytest.fail("\n".join([f"{played.case.name} through {played.way}:", *wrong]), pytrace=False)


def test_the_manifest_is_understood(corpus: Any) -> None:
    """The manifest as a whole can be relied on, so that its cases can be played."""
    assert corpus.fault is None, corpus.fault
    for field in corpus.manifest.unjudged:
        corpus.notes[f"manifest.json: nobody judges the field {field}"] = None


def test_through_ingest(name_of_case: str, corpus: Any, ingested: Callable[[Case], Played]) -> None:
    """The case, played by hand into an empty home with the register loaded, ends as the manifest says."""
    hold(corpus, ingested(case_named(corpus, name_of_case)))


def test_through_collect(name_of_case: str, corpus: Any, collected: dict[str, Played]) -> None:
    """The case, found in its trial's source among all the others', ends as the manifest says."""
    case = case_named(corpus, name_of_case)
    hold(corpus, collected[case.name])


def test_in_a_process_of_its_own(corpus: Any, prepared: Path, tmp_path: Path) -> None:
    """Two cases, one of them with rows set aside or refused, end so in a process of their own, too."""
    cases = [case for case in corpus.cases if len(case.steps) == 1]
    other = [case for case in cases[1:] if case.steps[0].endings[0].action != "accept"]
    for played in command.play_in_processes([*cases[:1], *other[:1]], prepared, tmp_path):
        hold(corpus, played)
