"""What goes into a package, an image or a commit: what the program reads, and nothing that an operator keeps beside it."""

from __future__ import annotations

import re
import tomllib
from pathlib import Path, PurePosixPath

from flows import demo

ROOT = Path(__file__).parents[1]
SECRET = PurePosixPath("examples/deploy/secrets/roadtest.env")
BUILD = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["tool"]["hatch"]["build"]["targets"]


def copied() -> list[str]:
    """What the Dockerfile takes from the source tree."""
    text = (ROOT / "examples" / "deploy" / "Dockerfile").read_text(encoding="utf-8")
    return [word for line in re.findall(r"^(?:COPY|ADD) (.*) \S+$", text, re.MULTILINE) for word in line.split()]


def holds(source: str, path: PurePosixPath) -> bool:
    """Whether a path of the tree lies in what is taken, or is it."""
    return path.is_relative_to(PurePosixPath(source))


def test_nothing_takes_the_folder_where_an_operator_keeps_passwords() -> None:
    """Neither the wheel (force-include heeds no ignore file) nor the image takes anything of examples/deploy; source archives,
    Docker's context and git leave the folder of secrets out by name."""
    taken = [*BUILD["wheel"]["packages"], *BUILD["wheel"]["force-include"], *copied()]
    assert len(taken) > 10
    assert [source for source in taken if holds(source, SECRET)] == []
    assert not [source for source in taken if {"examples", "deploy", "."} & {PurePosixPath(source).name or "."}]
    assert "secrets/" in BUILD["sdist"]["exclude"]
    assert "**/secrets" in (ROOT / ".dockerignore").read_text(encoding="utf-8").splitlines()
    assert "examples/deploy/secrets/" in (ROOT / ".gitignore").read_text(encoding="utf-8").splitlines()


def test_what_the_demo_reads_is_taken_by_both() -> None:
    """The wheel has each of the demo's folders where the installed program looks for it, and the image has what the wheel is
    made of."""
    needed = {f"examples/{name}": f"flows/examples/{name}" for name in (*demo.REAL, demo.SIMULATED)}
    assert BUILD["wheel"]["force-include"] == needed
    assert all((ROOT / source).is_dir() for source in needed)
    assert {*needed, *BUILD["wheel"]["packages"]} <= set(copied())
    ignored = (ROOT / ".dockerignore").read_text(encoding="utf-8").splitlines()
    assert not {line for line in ignored if any(holds(line, PurePosixPath(source)) for source in copied())}
