"""A store with one trial per verdict, made once: the tests that only read share it."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from dash import Dash

from dashboards.app import create_app
from dashboards.read_model import Desk
from tests.dashboards import making
from trials.store.engine import Store, open_store


@pytest.fixture(scope="session")
def store(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Store]:
    opened = open_store(f"sqlite:///{tmp_path_factory.mktemp('pages') / 'roadtest.db'}")
    making.portfolio(opened)
    yield opened
    opened.close()


@pytest.fixture
def empty(tmp_path: Path) -> Iterator[Store]:
    opened = open_store(f"sqlite:///{tmp_path / 'empty.db'}")
    yield opened
    opened.close()


@pytest.fixture(scope="session")
def desk(store: Store) -> Desk:
    return Desk(store)


@pytest.fixture(scope="session")
def app(store: Store) -> Dash:
    return create_app(store)
