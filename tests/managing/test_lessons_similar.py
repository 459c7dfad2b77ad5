"""Similar ideas: what docs/scripts/lessons_evidence.py prints keeps within its limits."""

from __future__ import annotations

from importlib import import_module
from pathlib import Path
from typing import Any

import pytest

from trials.store.engine import open_store

ROOT = Path(__file__).parents[2]


@pytest.fixture
def evidence(monkeypatch: pytest.MonkeyPatch) -> Any:
    """The script as a module."""
    monkeypatch.syspath_prepend(str(ROOT / "docs" / "scripts"))
    return import_module("lessons_evidence")


def test_twins_are_found_and_others_are_not(evidence: Any, tmp_path: Path) -> None:
    """Of the ideas that the floor was not chosen on, at least 95 % of twins are among the first three, and at most 10 % of what
    is shown, and of ideas, bring up one that is unrelated."""
    ideas, twins = evidence.assembled("judged")
    assert len(ideas) == 28
    store = open_store(f"sqlite:///{tmp_path / 'ideas.db'}")
    found = evidence.judged(ideas, twins, evidence.in_a_store(store, ideas))
    store.close()
    assert found.within, found


def test_long_descriptions_hide_no_twins(evidence: Any) -> None:
    """Words that all plans of a programme have in common neither make them alike nor hide the likeness."""
    for part in ("chosen", "judged"):
        ideas, twins = evidence.assembled(part)
        assert evidence.judged(ideas, twins, evidence.with_descriptions(ideas)).within


def test_the_limits_can_be_missed(evidence: Any) -> None:
    """A rule that shows everything, and one that shows nothing, are both outside."""
    ideas, twins = evidence.assembled("judged")
    assert not evidence.judged(ideas, twins, lambda number: [n for n in range(len(ideas)) if n != number]).within
    assert not evidence.judged(ideas, twins, lambda number: []).within
