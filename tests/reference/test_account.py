"""The account of the reference figures: every file is known, every number of it was compared by some test."""

import json
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from tests.reference.conftest import KNOWN, Ledger, Section


def test_every_file_is_known(ledger: Ledger) -> None:
    """Each JSON file of the folder belongs to a test here; one of another name is refused."""
    strangers = sorted(path.name for path in ledger.folder.glob("*.json") if path.name not in KNOWN)
    assert not strangers, (
        f"{', '.join(strangers)} in {ledger.folder} belongs to no test, must be one of {', '.join(KNOWN)}."
    )


def test_no_file_is_empty(ledger: Ledger) -> None:
    """An empty list of entries would pass every comparison: each file's lists and objects hold something."""

    def hollow(value: object, where: str) -> list[str]:
        inner = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else None
        if inner is None:
            return []
        found = [place for key, one in inner for place in hollow(one, f"{where} > {key}")]
        return found if value else [*found, where]

    for path in sorted(ledger.folder.glob("*.json")):
        empty = hollow(json.loads(path.read_text(encoding="utf-8")), path.name)
        assert not empty, f"{', '.join(empty)} holds nothing to compare, must hold entries."


def test_no_number_is_left_out(ledger: Ledger, reference: Callable[[str], Section]) -> None:
    """Every number of every file was read by a test. Runs last; is left out where only some tests were chosen."""
    for name in KNOWN:
        reference(name)
    missing = ledger.unread()
    assert not missing, f"{len(missing)} numbers were compared by no test: {'; '.join(missing[:20])}"


def test_reading_marks_a_number_and_nothing_else_does(tmp_path: Path) -> None:
    """Names, lengths, `in` and repr leave a number unread; an index, a slice, a loop and NumPy read it."""
    file = {"note": {"made": 1}, "a": [1.5, 2.5, [3.5, None]], "b": {"c": 4, "label": "d"}}
    (tmp_path / "some.json").write_text(json.dumps(file), encoding="utf-8")
    ledger = Ledger(tmp_path)
    some = ledger.opened("some")
    assert (len(some), list(some), "c" in some["b"], repr(some["a"])[:4]) == (3, ["note", "a", "b"], True, "[1.5")
    assert ledger.unread() == [f"some.json: {path}" for path in ("a > 0", "a > 1", "a > 2 > 0", "a > 2 > 1", "b > c")]
    assert some["a"][-1][1:] == [None]
    assert [value for value in some["b"].values() if value != "d"] == [4]
    assert ledger.unread() == ["some.json: a > 0", "some.json: a > 1", "some.json: a > 2 > 0"]
    assert np.asarray(some["a"][2]).tolist() == [3.5, None]
    assert some["a"][:2] == [1.5, 2.5]
    assert ledger.unread() == []


@pytest.mark.parametrize(
    ("text", "sentence"),
    [(None, "is missing from"), ("{", "is not JSON"), ('{"a": NaN}', "holds NaN"), ("[1]", "must hold a JSON object")],
)
def test_a_file_that_cannot_be_read_fails_with_a_sentence(tmp_path: Path, text: str | None, sentence: str) -> None:
    """Missing, broken, NaN, no object: the test that asks for the file fails and says why."""
    if text is not None:
        (tmp_path / "bhat.json").write_text(text, encoding="utf-8")
    with pytest.raises(pytest.fail.Exception, match=sentence):
        Ledger(tmp_path).opened("bhat")
