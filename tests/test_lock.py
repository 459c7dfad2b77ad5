"""requirements.lock: plain pins of everything the tests need."""

from __future__ import annotations

import re
import runpy
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

ROOT = Path(__file__).parents[1]
LINES = (ROOT / "requirements.lock").read_text(encoding="utf-8").splitlines()
LOCK = runpy.run_path(str(ROOT / "docs" / "scripts" / "lock.py"))


def test_every_line_is_a_plain_pin() -> None:
    """No index, no address, no path: a name and a version, each name once, in order."""
    assert all(re.fullmatch(r"[a-z0-9][a-z0-9-]*==[0-9][0-9a-z.!+]*", line) for line in LINES)
    names = [line.split("==")[0] for line in LINES]
    assert names == sorted(set(names))


def test_everything_the_project_asks_for_is_pinned() -> None:
    """Each requirement of pyproject.toml has a pin, and the pin is one that it allows."""
    pinned = dict(line.split("==") for line in LINES)
    for requirement in LOCK["roots"]():
        name = LOCK["canonicalize_name"](requirement.name)
        assert requirement.specifier.contains(pinned[name]), f"{name}: {pinned.get(name)} is not {requirement}"


def test_the_tests_run_on_what_is_pinned() -> None:
    """What is installed here has the pinned versions, so a green run says something about the lock file."""
    differing = []
    for line in LINES:
        name, pin = line.split("==")
        try:
            installed = version(name)
        except PackageNotFoundError:
            continue  # needed on another Python only
        if installed != pin:
            differing.append(f"{name}: {installed}, pinned {pin}")
    assert differing == []
