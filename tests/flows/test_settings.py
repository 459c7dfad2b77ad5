"""Settings: from the environment and the command's options, refused in one sentence."""

from __future__ import annotations

import os
import stat
import subprocess
import sys
from pathlib import Path

import pytest

from flows import environment
from flows.environment import make_folder, prepare
from flows.reaching import shown
from flows.settings import Settings, load_settings
from trials.errors import RoadtestError
from trials.store.engine import open_store


def test_every_field_is_read_from_its_variable(monkeypatch: pytest.MonkeyPatch) -> None:
    """ROADTEST_ and the field's name in upper case."""
    values = {
        "home": "elsewhere",
        "database_url": "postgresql://roadtest@db/roadtest",
        "host": "0.0.0.0",
        "port": "9000",
        "pace": "2.5",
        "stale_after_days": "7.5",
        "read_retries": "5",
        "read_retry_seconds": "0.5",
        "read_timeout_seconds": "30",
        "key_folder": "somewhere/keys",
        "max_unpacked_mb": "200.5",
        "max_line_mb": "2.5",
        "person": "anna",
        "sign_in": "proxy",
        "public_url": "https://trials.example.org",
        "session_hours": "8.0",
        "workers": "3",
        "proxy_header": "Remote-User",
        "proxy_addresses": "10.0.0.7",
        "proxy_secret": "hush",
        "schedule": "0 2 * * *",
        "engine": "dask",
        "dask_address": "tcp://scheduler:8786",
        "group": "50",
        "alerts": "told.yaml",
        "metrics": "token",
        "metrics_token": "a token that nobody guesses",
    }
    assert set(values) == set(Settings.model_fields)
    for name, value in values.items():
        monkeypatch.setenv(f"ROADTEST_{name.upper()}", value)
    found = load_settings()
    assert found.url == values.pop("database_url")
    assert found.proxy_secret.get_secret_value() == values.pop("proxy_secret")
    assert found.metrics_token.get_secret_value() == values.pop("metrics_token")
    assert {name: str(getattr(found, name)) for name in values} == {**values, "read_timeout_seconds": "30.0"}


def test_an_option_wins_and_one_that_is_not_given_does_not_count(monkeypatch: pytest.MonkeyPatch) -> None:
    """--port beats ROADTEST_PORT; no --home leaves ROADTEST_HOME."""
    monkeypatch.setenv("ROADTEST_PORT", "9000")
    monkeypatch.setenv("ROADTEST_HOME", "elsewhere")
    found = load_settings(port=9001, home=None)
    assert (found.port, found.home) == (9001, Path("elsewhere"))


def test_home_means_the_same_after_a_change_of_directory(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """The folder is absolute, the default database lies in it, and ~ is the user's own."""
    monkeypatch.chdir(tmp_path)
    assert load_settings().folder == tmp_path / ".roadtest"
    assert load_settings().url == f"sqlite:///{tmp_path / '.roadtest' / 'roadtest.db'}"
    monkeypatch.setenv("HOME", str(tmp_path))
    assert load_settings(home=Path("~/trials")).folder == tmp_path / "trials"


def test_the_databases_address_does_not_show() -> None:
    """It may hold a password: neither repr nor a dump for a record gives it."""
    found = load_settings(database_url="postgresql://roadtest:hush@db/roadtest")
    assert "hush" in found.url
    assert "hush" not in f"{found!r} {found} {found.model_dump()} {found.model_dump_json()}"


@pytest.mark.parametrize(
    ("url", "said"),
    [
        ("https://me:hush@prefect/api?password=hush", "https://prefect/api"),
        ("https://prefect/api#hush", "https://prefect/api"),
        ("tls://scheduler:8786?key=hush", "tls://scheduler:8786"),
        ("https://me:hu?hush@prefect/api", "https://..."),
        ("https://prefect/api?token=hush@hush", "https://..."),
        ("scheduler:8786", "scheduler:8786"),
    ],
)
def test_an_address_is_shown_without_its_password(url: str, said: str) -> None:
    """Wherever in it that stands: before the host, or behind a question mark or a hash."""
    assert shown(url) == said


@pytest.mark.parametrize(
    ("name", "value", "rule"),
    [
        ("pace", "0", "greater than 0"),
        ("pace", "fast", "a valid number"),
        ("port", "70000", "less than or equal to 65535"),
        ("read_retries", "-1", "greater than or equal to 0"),
        ("read_timeout_seconds", "0", "greater than 0"),
        ("stale_after_days", "nan", "a number above 0 and at most 36500"),
        ("session_hours", "inf", "a number above 0 and at most 744"),
        ("proxy_header", "a b", "a header's name: letters, digits and hyphens"),
    ],
)
def test_a_value_out_of_range_is_refused(monkeypatch: pytest.MonkeyPatch, name: str, value: str, rule: str) -> None:
    """One sentence with the name, the value, the rule and the variable to set."""
    monkeypatch.setenv(f"ROADTEST_{name.upper()}", value)
    with pytest.raises(RoadtestError) as refused:
        load_settings()
    sentence = str(refused.value)
    assert sentence.startswith(f"{name} == '{value}', must be {rule}")
    assert f"ROADTEST_{name.upper()}" in sentence
    assert "\n" not in sentence


def test_a_home_that_is_made_is_its_owners_alone(tmp_path: Path) -> None:
    """Whatever the umask says; a folder that was there keeps the mode that somebody gave it."""
    before = os.umask(0o022)
    try:
        make_folder(tmp_path / "above" / "home")
        assert stat.S_IMODE((tmp_path / "above" / "home").stat().st_mode) == 0o700
        (tmp_path / "shared").mkdir(mode=0o750)
        make_folder(tmp_path / "shared")
        assert stat.S_IMODE((tmp_path / "shared").stat().st_mode) == 0o750
    finally:
        os.umask(before)


def test_a_home_that_can_not_be_made_is_refused(tmp_path: Path) -> None:
    """A file stands where the folder should be: the sentence names the folder and the option."""
    (tmp_path / "taken").write_text("a file", encoding="utf-8")
    for folder in (tmp_path / "taken", tmp_path / "taken" / "deeper"):
        with pytest.raises(RoadtestError, match=r"must be a folder.*--home or ROADTEST_HOME"):
            make_folder(folder)


def test_prefect_keeps_its_files_in_the_home_and_what_the_operator_set_stays(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """prepare() fills in what is not set: files in the home, nothing calls home, time to start on a slow machine."""
    for name in [name for name in os.environ if name.startswith(("PREFECT_", "DO_NOT_"))]:
        monkeypatch.delenv(name)
    monkeypatch.setenv("PREFECT_API_URL", "http://127.0.0.1:4200/api")
    monkeypatch.setenv("PREFECT_LOGGING_LEVEL", "DEBUG")
    before = set(os.environ)
    try:
        prepare(tmp_path / "home")
        assert os.environ["PREFECT_HOME"] == str(tmp_path / "home" / "prefect")
        assert os.environ["PREFECT_SERVER_ANALYTICS_ENABLED"] == "false"
        assert os.environ["DO_NOT_TRACK"] == "1"
        assert os.environ["PREFECT_SERVER_EPHEMERAL_STARTUP_TIMEOUT_SECONDS"] == "120"
        assert os.environ["PREFECT_LOGGING_LEVEL"] == "DEBUG"
        assert os.environ["PREFECT_API_URL"] == "http://127.0.0.1:4200/api"
    finally:
        for name in set(os.environ) - before:
            del os.environ[name]


def test_prefect_says_nothing_when_it_is_imported_on_a_fresh_home(tmp_path: Path) -> None:
    """The home is there before Prefect looks for it: with warnings as errors the import goes through."""
    code = f"from pathlib import Path; from flows.environment import prepare; prepare(Path({str(tmp_path / 'new')!r}))"
    quiet = {name: value for name, value in os.environ.items() if not name.startswith("PREFECT_")}
    done = subprocess.run(
        [sys.executable, "-W", "error", "-c", f"{code}; import prefect.settings.context"],
        capture_output=True,
        text=True,
        env=quiet,
        check=False,
    )
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")
    assert (tmp_path / "new" / "prefect").is_dir()


def test_a_home_that_cannot_be_written_is_one_sentence(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Prefect's folder in it can't be made, or its lock can't: either is said before Prefect warns or fails."""
    monkeypatch.delenv("PREFECT_HOME", raising=False)
    (tmp_path / "prefect").write_text("in the way")
    with pytest.raises(RoadtestError, match="must be a folder that can be written") as refused:
        prepare(tmp_path)
    assert "\n" not in str(refused.value)
    assert "PREFECT_HOME" not in os.environ
    monkeypatch.setenv("PREFECT_HOME", str(tmp_path / "prefect"))
    monkeypatch.delenv("PREFECT_API_URL", raising=False)
    with pytest.raises(RoadtestError, match="can't be written") as refused, environment._alone():
        pass
    assert "\n" not in str(refused.value)


def test_a_proxy_is_never_asked_for_this_machine(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """The embedded server's address is left out of the network's proxy, and what was left out already stays so."""
    monkeypatch.setenv("NO_PROXY", "intranet.example")
    monkeypatch.delenv("no_proxy", raising=False)
    monkeypatch.setenv("PREFECT_HOME", str(tmp_path))
    prepare(tmp_path / "home")
    assert os.environ["NO_PROXY"] == "intranet.example,127.0.0.1,localhost,::1"
    assert os.environ["no_proxy"] == "127.0.0.1,localhost,::1"


def test_a_home_with_odd_characters_is_that_folder(tmp_path: Path) -> None:
    """A question mark, a hash, a per cent sign or a space in the home's path leads nowhere else."""
    home = tmp_path / "we?ird #1 100%"
    settings = load_settings(home=home)
    home.mkdir()
    open_store(settings.url).close()
    assert [path.name for path in home.iterdir() if path.suffix == ".db"] == ["roadtest.db"]
    assert [path.name for path in tmp_path.iterdir()] == [home.name]


def test_an_empty_variable_counts_as_not_set(monkeypatch: pytest.MonkeyPatch) -> None:
    """`ROADTEST_HOME=` is the default home, not the current folder."""
    monkeypatch.setenv("ROADTEST_HOME", "")
    assert load_settings().home == Path(".roadtest")
