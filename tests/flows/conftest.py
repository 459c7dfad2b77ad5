"""A fresh store and home for each test."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.flows.making import Desk
from trials.store.engine import open_store


@pytest.fixture
def desk(tmp_path: Path) -> Iterator[Desk]:
    store = open_store(f"sqlite:///{tmp_path / 'roadtest.db'}")
    yield Desk(store, tmp_path)
    store.close()
