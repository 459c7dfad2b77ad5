"""docs/operating.md says what is there: every setting with its default, every command, every sentence of the disaster table."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Literal, get_args, get_origin

import pytest
import typer
from pydantic import SecretStr
from typer.main import get_command

from flows import operating_cli
from flows.settings import Settings

ROOT = Path(__file__).parents[2]
PAGE = (ROOT / "docs" / "operating.md").read_text(encoding="utf-8")


def test_the_table_of_settings_is_that_of_the_code() -> None:
    """A row for each setting, in their order, with its default; secrets are marked, and have none."""
    table = PAGE.split("<!-- settings -->")[1].split("<!-- end -->")[0]
    rows = re.findall(r"^\| `ROADTEST_(\w+)` \| (?:`([^`]+)`)? ?\| (.+) \|$", table, re.MULTILINE)
    known = []
    for name, field in Settings.model_fields.items():
        secret = isinstance(field.default, SecretStr)
        default = "" if secret or field.default in (None, "") else str(field.default)
        known.append((name.upper(), default, secret))
    assert [(name, default, words.endswith("Secret")) for name, default, words in rows] == known


def test_what_a_setting_may_be_is_what_the_page_says() -> None:
    """Of a setting that is one of several words, all stand on the page, and no other."""
    several = {name: field for name, field in Settings.model_fields.items() if get_origin(field.annotation) is Literal}
    assert {"engine", "sign_in", "metrics"} <= set(several)
    for name, field in several.items():
        row = next(line for line in PAGE.splitlines() if line.startswith(f"| `ROADTEST_{name.upper()}` |"))
        said = re.findall(r"`(\w+)`", row.split("|")[3].rpartition(":")[2])
        assert said == list(get_args(field.annotation))


def test_nothing_is_left_to_be_written() -> None:
    """No comment stands in for words; those of the table of settings are its marks."""
    assert set(re.findall(r"<!--.*?-->", PAGE, re.DOTALL)) == {"<!-- settings -->", "<!-- end -->"}


def test_every_command_of_operating_stands_on_the_page() -> None:
    """Each command, and each of its options that changes what it does."""
    app, db_app = typer.Typer(), typer.Typer()
    operating_cli.add(app, db_app)
    app.add_typer(db_app, name="db")
    found = get_command(app).commands  # type: ignore[attr-defined]
    commands = {name: command for name, command in found.items() if name != "db"}
    commands["db copy"] = found["db"].commands["copy"] if hasattr(found["db"], "commands") else found["db"]
    assert set(commands) == {"backup", "restore", "erase", "retention", "db copy"}
    for name, command in commands.items():
        assert f"roadtest {name}" in PAGE
        for option in (word for one in command.params for word in one.opts if word.startswith("--")):
            if option not in ("--json", "--help", "--as-it-was"):
                assert f"{option}" in PAGE, f"{name} {option}"


@pytest.mark.parametrize(
    ("sentence", "module"),
    [
        ("the file is not a whole SQLite database", "trials/store/engine.py"),
        ("Make room on its disk; nothing half-done was stored", "trials/store/engine.py"),
        ("Check its disk and the quota on it; nothing half-done was stored.", "trials/store/engine.py"),
        ("holds a whole home", "flows/restoring.py"),
        ("is not there, must hold the key of", "flows/keys.py"),
        ("was erased on", "flows/keys.py"),
        ("is not what was backed up", "flows/archives.py"),
        ("already, as the source has them", "flows/operating_cli.py"),
        ("is not what the source's is now", "trials/store/copying.py"),
    ],
)
def test_what_one_sees_is_what_the_code_says(sentence: str, module: str) -> None:
    """The sentences that the page quotes are those of the code."""
    assert sentence in PAGE
    assert sentence in (ROOT / module).read_text(encoding="utf-8")
