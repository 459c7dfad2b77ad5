"""flows.secrets: where a secret is looked up, and that nothing but its name is ever told."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator

import pytest

from flows.secrets import block_of, secret_named, variable_of
from trials.errors import SourceError

HUSH = "hush-4711-hush"


@pytest.fixture(scope="module")
def server() -> Iterator[None]:
    """A Prefect server of the module's own, which the settings name."""
    from prefect.testing.utilities import prefect_test_harness

    with prefect_test_harness(server_startup_timeout=120):
        yield


def save(block: str, value: object) -> None:
    from prefect.blocks.system import Secret

    Secret(value=value).save(block, overwrite=True, _sync=True)  # type: ignore[arg-type, call-arg]


def test_the_environment_comes_first(monkeypatch: pytest.MonkeyPatch) -> None:
    """A secret's variable is its name in upper case, hyphens as underscores; its value comes back as it stands."""
    monkeypatch.setenv("ROADTEST_SECRET_HOSPITAL_API", f" {HUSH}\n")
    assert secret_named("hospital-api") == secret_named("Hospital_API") == f" {HUSH}\n"


@pytest.mark.parametrize("value", [None, ""])
def test_a_missing_secret_names_both_places(monkeypatch: pytest.MonkeyPatch, value: str | None) -> None:
    """Without Prefect at hand, a secret that is not set (or set to nothing) says where it may be put, in one line."""
    if value is not None:
        monkeypatch.setenv("ROADTEST_SECRET_HOSPITAL_API", value)
    with pytest.raises(SourceError) as caught:
        secret_named("hospital_api")
    sentence = str(caught.value)
    assert all(word in sentence for word in ("hospital_api", "ROADTEST_SECRET_HOSPITAL_API", "'hospital-api'"))
    assert "\n" not in sentence


def test_no_prefect_is_imported_to_find_nothing() -> None:
    """A command that runs no flow does not even import Prefect for a secret that is not set."""
    script = (
        "import sys; from flows.secrets import secret_named; from trials.errors import SourceError\n"
        "try: secret_named('x')\n"
        "except SourceError: print('prefect' in sys.modules)"
    )
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "False"


@pytest.mark.parametrize("name", ["plain", "Hospital_API", "a-b_C9"])
def test_names_are_ones_that_both_places_allow(name: str) -> None:
    """Whatever a plan may call a secret is a name that a shell and Prefect accept."""
    assert variable_of(name).isidentifier()
    assert variable_of(name).isupper()
    assert set(block_of(name)) <= set("abcdefghijklmnopqrstuvwxyz0123456789-")


def test_a_block_is_read_by_its_name(server: None, monkeypatch: pytest.MonkeyPatch) -> None:
    """Where the environment says nothing, Prefect's Secret block is read; the environment wins where both do."""
    save("hospital-api", HUSH)
    assert secret_named("hospital_api") == HUSH
    monkeypatch.setenv("ROADTEST_SECRET_HOSPITAL_API", "nearer")
    assert secret_named("hospital_api") == "nearer"


@pytest.mark.parametrize("value", ["0042", "1e3", "null", '{"a": 1}'])
def test_a_block_s_text_is_never_read_as_something_else(server: None, value: str) -> None:
    """A secret that looks like a number or JSON stays the text that was saved."""
    save("digits", value)
    assert secret_named("digits") == value


def test_a_block_is_found_in_a_running_flow(server: None) -> None:
    """Without PREFECT_API_URL a task of a flow, where sources are read, has the block at hand; a plain command has not."""
    from prefect import flow, task
    from prefect.settings import PREFECT_API_URL, temporary_settings

    save("in-flow", HUSH)

    @task(persist_result=False)
    def length() -> int:
        return len(secret_named("in_flow"))

    @flow(persist_result=False)
    def asking() -> int:
        return length()

    with temporary_settings(restore_defaults={PREFECT_API_URL}):
        assert asking() == len(HUSH)
        with pytest.raises(SourceError, match="is not set"):
            secret_named("in_flow")


def test_a_block_that_is_not_there_or_holds_no_text_is_refused(server: None) -> None:
    """No block gives the sentence that names both places; one that holds JSON is refused without showing it."""
    with pytest.raises(SourceError, match=r"is not set, .*ROADTEST_SECRET_NOBODY.*'nobody'"):
        secret_named("nobody")
    save("listed", [HUSH])
    with pytest.raises(SourceError, match="must hold text") as caught:
        secret_named("listed")
    assert HUSH not in str(caught.value)


def test_a_server_that_does_not_answer_is_one_sentence(monkeypatch: pytest.MonkeyPatch) -> None:
    """A Prefect server that is named and not there is a failure of the source, not a missing secret."""
    from prefect.settings import PREFECT_API_URL, PREFECT_CLIENT_MAX_RETRIES, temporary_settings

    with (
        temporary_settings({PREFECT_API_URL: "http://127.0.0.1:9/api", PREFECT_CLIENT_MAX_RETRIES: 0}),
        pytest.raises(SourceError, match=r"can't be looked up .*ROADTEST_SECRET_X") as caught,
    ):
        secret_named("x")
    assert "\n" not in str(caught.value)
