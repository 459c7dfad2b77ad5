"""`roadtest account` and `roadtest link`: passwords come from standard input, a link is shown once."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from click.testing import Result
from typer.testing import CliRunner

from dashboards.signing.passwords import fits
from flows.cli import app
from flows.settings import Settings
from tests.dashboards import making
from trials.store import accounts, links
from trials.store.engine import Store, open_store

PASSWORD = "four quiet random words"


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("ROADTEST_HOME", str(tmp_path))
    monkeypatch.setenv("ROADTEST_PERSON", "op")
    monkeypatch.setenv("PREFECT_HOME", str(tmp_path / "prefect"))
    store = open_store(Settings(home=tmp_path).url)
    making.register(store, making.plan("ours"))
    store.close()
    return tmp_path


def roadtest(*words: str, typed: str = "") -> Result:
    return CliRunner().invoke(app, list(words), input=typed)


def store_at(home: Path) -> Store:
    return open_store(Settings(home=home).url)


def of_json(*words: str) -> Any:
    return json.loads(roadtest(*words, "--json").stdout)


def test_an_account_from_the_command(home: Path) -> None:
    """Added, listed, given another password and removed; only a hash of it is kept, and none is printed."""
    done = roadtest("account", "add", "anna", typed=PASSWORD + "\n")
    assert (done.exit_code, done.stderr) == (0, "")
    store = store_at(home)
    account = accounts.find(store, "anna")
    assert account is not None
    assert (account.added_by, fits(account.password_hash, PASSWORD)) == ("op", True)
    assert [one["name"] for one in of_json("account", "list")] == ["anna"]
    assert roadtest("account", "password", "anna", typed="another row of words\n").exit_code == 0
    changed = accounts.find(store, "anna")
    assert changed is not None
    assert changed.stamp != account.stamp
    assert fits(changed.password_hash, "another row of words")
    assert account.password_hash not in roadtest("account", "list").stdout
    assert roadtest("account", "remove", "anna").exit_code == 0
    assert "Nobody can sign in yet" in roadtest("account", "list").stdout
    store.close()


@pytest.mark.parametrize(
    ("words", "typed", "sentence"),
    [
        (("add", "anna"), "short\n", "the password has 5 characters"),
        (("add", "anna"), "", "the password has 0 characters"),
        (("add", "anna"), "password123456\n", "one of those tried first"),
        (("add", " anna"), PASSWORD, "account == ' anna'"),
        (("password", "eve"), PASSWORD, "account == 'eve', must be one that exists"),
        (("remove", "eve"), "", "account == 'eve', must be one that exists"),
    ],
)
@pytest.mark.usefixtures("home")
def test_what_is_no_account_is_refused(words: tuple[str, ...], typed: str, sentence: str) -> None:
    """In one sentence, which does not repeat the password."""
    done = roadtest("account", *words, typed=typed)
    assert done.exit_code == 1
    assert sentence in done.stderr
    assert done.stderr.count("\n") == 1
    assert "password123456" not in done.stderr


@pytest.mark.usefixtures("home")
def test_a_password_is_no_word_of_the_command() -> None:
    """Where others could read it in the list of processes."""
    assert roadtest("account", "add", "anna", PASSWORD).exit_code == 2


def test_a_link_from_the_command(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Printed once, with the address that browsers see; its secret has 192 bits; listed and taken back by its id."""
    monkeypatch.setenv("ROADTEST_SIGN_IN", "accounts")
    monkeypatch.setenv("ROADTEST_PUBLIC_URL", "https://trials.example.org/")
    made = of_json("link", "make", "ours", "--days", "7")
    start, secret = made["url"].rsplit("/", 1)
    assert start == "https://trials.example.org/s"
    assert len(secret) == 32
    store = store_at(home)
    found = links.find(store, secret)
    assert found is not None
    assert ((found.ends_at - found.made_at).days, found.made_by, found.trial) == (7, "op", "ours")
    listed = roadtest("link", "list").stdout
    assert made["id"] in listed
    assert secret not in listed
    assert roadtest("link", "revoke", made["id"]).exit_code == 0
    assert [(one["stands"], one["revoked_by"]) for one in of_json("link", "list")] == [(False, "op")]
    again = roadtest("link", "make", "ours")
    assert again.stdout.startswith("https://trials.example.org/s/")
    assert "ROADTEST_PORT" not in again.stderr
    monkeypatch.delenv("ROADTEST_PUBLIC_URL")
    monkeypatch.setenv("ROADTEST_PORT", "8061")
    local = roadtest("link", "make", "ours")
    assert local.stdout.startswith("http://127.0.0.1:8061/s/")
    assert "ROADTEST_PORT" in local.stderr
    assert "ROADTEST_PUBLIC_URL" in local.stderr
    store.close()


@pytest.mark.parametrize("words", [(), ("ours", "--programme", "tests"), ("nope",), ("--programme", "nope")])
@pytest.mark.usefixtures("home")
def test_a_link_to_nothing_is_refused(words: tuple[str, ...]) -> None:
    """In one sentence, exit code 1."""
    done = roadtest("link", "make", *words)
    assert (done.exit_code, done.stderr.count("\n"), done.stdout) == (1, 1, "")
