"""The documents say what is there: tree, commands, settings, README lines."""

import re
import runpy
import subprocess
import sys
from pathlib import Path

import pytest
from typer.main import get_command

from flows.cli import app
from flows.settings import Settings
from trials.sequential import METHODS

ROOT = Path(__file__).parent.parent
ARCHITECTURE = (ROOT / "docs" / "architecture.md").read_text(encoding="utf-8")
README = (ROOT / "README.md").read_text(encoding="utf-8")
STATISTICS = (ROOT / "docs" / "statistics.md").read_text(encoding="utf-8")
PACKAGES = ("trials", "flows", "dashboards", "expectations")


def commands() -> list[str]:
    """Every command of `roadtest`, groups spelled out: 'demo', 'protocol new'."""
    found = []
    for name, command in sorted(get_command(app).commands.items()):  # type: ignore[attr-defined]
        inner = getattr(command, "commands", None)
        found += [f"{name} {sub}" for sub in sorted(inner)] if inner else [name]
    return found


def test_every_module_stands_in_the_architecture() -> None:
    """A new file in a package's top or in trials/ is named on the page, or its folder is."""
    for package in PACKAGES:
        for path in sorted((ROOT / package).rglob("*.py")):
            relative = path.relative_to(ROOT)
            if path.name == "__init__.py":
                continue
            named = f"`{relative.as_posix()}`" in ARCHITECTURE or (
                f"`{path.name}`" in ARCHITECTURE and f"`{package}/" in ARCHITECTURE
            )
            folders = relative.parts[1:-1]
            inside = any(f"`{folder}/`" in ARCHITECTURE or f"/{folder}/`" in ARCHITECTURE for folder in folders)
            assert named or inside, f"{relative} is not in docs/architecture.md"


def test_every_place_in_the_architecture_exists() -> None:
    """No path on the page is one that the tree does not have."""
    for place in re.findall(r"`((?:trials|flows|dashboards|expectations|docs|tests|examples)/[\w./-]*)`", ARCHITECTURE):
        assert (ROOT / place).exists(), place


@pytest.mark.parametrize("command", commands())
def test_every_command_is_documented_and_has_help(command: str) -> None:
    """`roadtest COMMAND` stands in the README, and says what it does."""
    assert f"`{command}" in README or f"roadtest {command}" in README
    node = get_command(app)
    for part in command.split():
        node = node.commands[part]  # type: ignore[attr-defined]
    assert node.help


@pytest.mark.parametrize("name", sorted(Settings.model_fields))
def test_every_setting_is_documented(name: str) -> None:
    """`ROADTEST_...` of each setting stands in the README."""
    assert f"`ROADTEST_{name.upper()}`" in README


@pytest.mark.parametrize("method", METHODS, ids=[method.name for method in METHODS])
def test_every_method_has_its_section(method: object) -> None:
    """docs/statistics.md names each registered method."""
    assert f"`{method.name}`" in STATISTICS  # type: ignore[attr-defined]


def test_the_two_lines_of_the_readme_are_the_ones_ci_runs() -> None:
    """One line runs the main job, one the tests; .ci/run installs with the same words."""
    lines = [line for line in README.splitlines() if line.startswith("python3 -m venv .venv")]
    assert len(lines) == 2
    demo, tests = lines
    assert demo.endswith(".venv/bin/roadtest demo")
    assert tests.endswith(".venv/bin/pytest -n auto")
    ci = (ROOT / ".ci" / "run").read_text(encoding="utf-8")
    assert "-c requirements.lock -e '.[test]'" in tests
    assert "-c requirements.lock -e '.[test]'" in ci


def test_links_lead_somewhere() -> None:
    """Every relative link and picture of the README and docs exists."""
    for page in (ROOT / "README.md", *sorted((ROOT / "docs").glob("*.md"))):
        for target in re.findall(r"\]\(([^)#:]+)\)", page.read_text(encoding="utf-8")):
            assert (page.parent / target).exists(), f"{page.name}: {target}"


def test_the_first_own_trial_of_the_readme_runs(tmp_path: Path) -> None:
    """The commands of "Your first own trial", run as they stand, end in a look."""
    block = re.search(r"## Your first own trial.*?```sh\n(.*?)```", README, re.DOTALL)
    assert block is not None
    bin_dir = Path(sys.executable).parent
    script = f'set -euo pipefail\nexport PATH="{bin_dir}:$PATH"\n{block.group(1)}'
    done = subprocess.run(
        ["bash", "-c", script], cwd=tmp_path, capture_output=True, text=True, check=False, timeout=300
    )
    assert done.returncode == 0, done.stdout + done.stderr
    assert "my-trial" in done.stdout
    assert "Too early to say" in done.stdout or "Not yet clear" in done.stdout


def test_the_tables_of_managing_are_those_of_the_code() -> None:
    """States, roles, reason codes and the rest: `docs/scripts/tables.py` would change no page."""
    tables = runpy.run_path(str(ROOT / "docs" / "scripts" / "tables.py"))
    assert [page.name for page in tables["stale"]()] == []
    shown = "".join(page.read_text(encoding="utf-8") for page in (ROOT / "docs" / "managing").glob("*.md"))
    assert all(f"<!-- table: {name} -->" in shown for name in tables["TABLES"])
