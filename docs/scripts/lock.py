"""Prints requirements.lock: `name==version` of everything that `.[test]` brings in, as installed here.

Run it in a fresh environment after changing pyproject.toml, and read the difference before you keep it:

    python3 -m venv fresh && fresh/bin/pip install -e '.[test]'
    fresh/bin/python docs/scripts/lock.py > requirements.lock

The lines are plain pins: which index they come from is the business of whoever installs them.
"""

from __future__ import annotations

import sys
import tomllib
from importlib.metadata import PackageNotFoundError, distribution
from pathlib import Path

from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

PYPROJECT = Path(__file__).parents[2] / "pyproject.toml"


def roots(pyproject: Path = PYPROJECT) -> list[Requirement]:
    """What the project itself asks for, the extra `test` included."""
    project = tomllib.loads(pyproject.read_text(encoding="utf-8"))["project"]
    return [Requirement(line) for line in (*project["dependencies"], *project["optional-dependencies"]["test"])]


def pins(wanted: list[Requirement]) -> dict[str, str]:
    """name -> version of the requirements and of all that they require here. LookupError if one isn't installed."""
    found: dict[str, str] = {}
    seen: set[tuple[str, str]] = set()
    queue = list(wanted)
    while queue:
        requirement = queue.pop()
        name = canonicalize_name(requirement.name)
        try:
            installed = distribution(name)
        except PackageNotFoundError:
            raise LookupError(f"{name} is not installed here. Run: pip install -e '.[test]'") from None
        found[name] = installed.version
        for extra in {"", *requirement.extras}:
            if (name, extra) not in seen:
                seen.add((name, extra))
                queue += needed(installed.requires or [], extra)
    return found


def needed(lines: list[str], extra: str) -> list[Requirement]:
    """The requirements among a package's own that hold on this machine with this extra."""
    requirements = [Requirement(line) for line in lines]
    return [
        requirement
        for requirement in requirements
        if requirement.marker is None or requirement.marker.evaluate({"extra": extra})
    ]


if __name__ == "__main__":
    try:
        print("\n".join(f"{name}=={version}" for name, version in sorted(pins(roots()).items())))
    except LookupError as error:
        sys.exit(str(error))
