"""flows.keys: a key file per trial, made once, and never taken for another."""

from __future__ import annotations

import stat
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from flows.keys import Keys
from trials.errors import StoreError


def test_a_key_is_made_once_and_for_its_owner_alone(tmp_path: Path) -> None:
    """The first use makes it, every later one finds it; trials don't share keys; nobody else may read the file."""
    keys = Keys(tmp_path / "keys")
    first = keys.of("a-trial")
    assert keys.of("a-trial", bound=first.fingerprint) == first
    assert keys.of("b-trial") != first
    assert stat.S_IMODE((tmp_path / "keys" / "a-trial.key").stat().st_mode) == 0o600
    assert stat.S_IMODE((tmp_path / "keys").stat().st_mode) == 0o700
    assert sorted(path.name for path in (tmp_path / "keys").iterdir()) == ["a-trial.key", "b-trial.key"]


def test_many_at_once_make_one_key(tmp_path: Path) -> None:
    """Twenty threads that need the key of a new trial end with the same one."""
    with ThreadPoolExecutor(20) as pool:
        found = list(pool.map(lambda _: Keys(tmp_path).of("a-trial"), range(20)))
    assert len({one.key for one in found}) == 1


@pytest.mark.parametrize(
    ("content", "sentence"),
    [
        (None, "is not there"),
        ("00" * 32, "must hold"),
        ("00" * 5, "must hold a key of 32"),
        ("no key", "can't be read"),
    ],
)
def test_a_lost_or_other_key_is_never_replaced(tmp_path: Path, content: str | None, sentence: str) -> None:
    """Once ids are hidden with a key, its loss stops the trial: with a new key everybody would look new."""
    bound = Keys(tmp_path).of("a-trial").fingerprint
    file = tmp_path / "a-trial.key"
    file.unlink()
    if content is not None:
        file.write_text(content)
    before = sorted(tmp_path.iterdir())
    with pytest.raises(StoreError, match=sentence) as refused:
        Keys(tmp_path).of("a-trial", bound=bound)
    assert "00000000000000" not in str(refused.value)
    assert sorted(tmp_path.iterdir()) == before
