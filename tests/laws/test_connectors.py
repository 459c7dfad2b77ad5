"""Laws that hold for every registered connector. A new connector is tested here unasked."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from flows.template import TEMPLATE
from trials.connectors import CONNECTORS, Connector, connector_named
from trials.connectors.connector import Context
from trials.errors import ProtocolError, SourceError
from trials.protocol import Protocol, from_yaml

connectors = pytest.mark.parametrize("connector", CONNECTORS, ids=[connector.name for connector in CONNECTORS])
SECRET = "hush-hush-7315"
NOW = datetime(2026, 3, 1, tzinfo=UTC)
# A port of this machine where nobody listens: connections are refused at once.
NOBODY = "http://127.0.0.1:9/data"
# Per connector a source that is sound and not there.
ABSENT: dict[str, dict[str, Any]] = {
    "folder": {"path": "in"},
    "sql": {"path": "sqlite:///in.db", "options": {"query": "SELECT 1 AS participant_id"}},
    "http": {"path": NOBODY, "secret": "in", "options": {"format": "csv", "auth": "bearer"}},
    "redcap": {"path": NOBODY, "secret": "in"},
}


def plan(connector: Connector, **changes: Any) -> Protocol:
    if connector.name not in ABSENT:
        pytest.fail(
            f"the connector '{connector.name}' has no entry in ABSENT of tests/laws/test_connectors.py: add one"
        )
    source = {"columns": {}, **ABSENT[connector.name], **changes}
    protocol = from_yaml(TEMPLATE)
    content = protocol.model_dump(mode="json") | {"source": {"connector": connector.name, **source}}
    return Protocol.model_validate(content)


def context(home: Path) -> Context:
    return Context(home, secret=lambda name: SECRET, now=NOW, timeout=2)


@contextmanager
def no_waiting(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    with monkeypatch.context() as patch:
        patch.setattr("time.sleep", lambda seconds: None)
        yield


@connectors
def test_the_laws_know_every_connector(connector: Connector) -> None:
    """A new connector says here what a sound source of it looks like, so that the laws below run on it."""
    protocol = plan(connector)
    assert connector_named(connector.name) is connector
    connector.check(protocol.source)


def test_a_connector_without_an_entry_is_told_what_it_lacks() -> None:
    """Whoever adds one reads in one sentence what is missing, and where."""
    new = replace(CONNECTORS[0], name="post")
    with pytest.raises(pytest.fail.Exception, match="the connector 'post' has no entry in ABSENT of tests/laws"):
        plan(new)


@connectors
def test_what_a_connector_does_not_know_is_refused_before_the_seal(connector: Connector) -> None:
    """An option that nobody reads is a slip: one sentence names it."""
    options = {**plan(connector).source.options, "colour": "blue"}
    with pytest.raises(ProtocolError, match="colour") as refused:
        connector.check(plan(connector, options=options).source)
    assert "\n" not in str(refused.value)


@connectors
def test_an_address_with_a_password_is_refused_and_not_shown(connector: Connector) -> None:
    """A plan is read by many: a password in its address is refused, and the sentence doesn't repeat it."""
    addresses: dict[str, str] = {"folder": "sftp", "sql": "postgresql"}
    address = f"{addresses.get(connector.name, 'https')}://ann:{SECRET}@data.example.org/in"
    with pytest.raises(ProtocolError) as refused:
        connector.check(plan(connector, path=address).source)
    assert SECRET not in str(refused.value)


@connectors
def test_a_source_that_is_not_there_gets_one_sentence(
    connector: Connector, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It raises SourceError in one line, without the secret; it never reads as "no rows"."""
    protocol = plan(connector)

    def read() -> None:
        for found in connector.find(protocol.source, context(tmp_path)):
            connector.read(protocol, found, context(tmp_path))

    with no_waiting(monkeypatch), pytest.raises(SourceError) as caught:
        read()
    assert "\n" not in str(caught.value)
    assert SECRET not in str(caught.value)


def folder(home: Path, name: str, content: bytes) -> None:
    (home / "in").mkdir(exist_ok=True)
    (home / "in" / name).write_bytes(content)


# How bytes get into a source of files: its deliveries have fingerprints before they are read.
DELIVER: dict[str, Callable[[Path, str, bytes], None]] = {"folder": folder}
files = pytest.mark.parametrize(
    "connector", [one for one in CONNECTORS if one.name in DELIVER], ids=lambda one: one.name
)


@files
@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(content=st.binary(max_size=400) | st.text(max_size=400).map(str.encode))
def test_bad_bytes_never_raise_and_are_always_the_same_delivery(
    connector: Connector, tmp_path: Path, content: bytes
) -> None:
    """Whatever the bytes, reading gives a delivery: rows or a problem in one sentence, with the fingerprint's hash."""
    protocol = plan(connector)
    DELIVER[connector.name](tmp_path, "2026-01-05_a.csv", content)
    (found,) = connector.find(protocol.source, context(tmp_path))
    delivery = connector.read(protocol, found, context(tmp_path))
    assert delivery is not None
    assert delivery.content_sha256 == connector.fingerprint(found, context(tmp_path))
    assert delivery == connector.read(protocol, found, context(tmp_path))
    assert delivery.sent_at.tzinfo is not None
    if delivery.problem is not None:
        assert len(delivery.rows) == 0
        assert "\n" not in delivery.problem


@files
def test_deliveries_come_oldest_first(connector: Connector, tmp_path: Path) -> None:
    """Deliveries are found in the order in which they were sent, whatever the order in which they came to lie there."""
    for name in ("2026-02-01_b.csv", "2026-01-05_a.csv", "2026-01-05_b.csv"):
        DELIVER[connector.name](tmp_path, name, b"participant_id\n")
    names = [found.name for found in connector.find(plan(connector).source, context(tmp_path))]
    assert names == ["2026-01-05_a.csv", "2026-01-05_b.csv", "2026-02-01_b.csv"]
