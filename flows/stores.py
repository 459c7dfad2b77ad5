"""The store as somebody opens it: their roles apply to all that is done through it."""

from __future__ import annotations

import getpass

from flows.settings import Settings
from trials.errors import RoadtestError
from trials.store.engine import Store, open_store


def store_of(settings: Settings, by: str | None = None) -> Store:
    """The settings' database, opened by `by`, or else by whom the settings name, or else by the account."""
    return open_store(settings.url).as_person(person_of(settings, by))


def person_of(settings: Settings, by: str | None = None) -> str:
    """Whoever is at work. Raises RoadtestError when nobody is named and the account has no name."""
    try:
        return by or settings.person or getpass.getuser()
    except (KeyError, OSError):
        raise RoadtestError(
            "this account has no name, must be said who does this. Add --by NAME, or set ROADTEST_PERSON."
        ) from None
