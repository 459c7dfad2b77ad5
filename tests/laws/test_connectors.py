"""Laws that hold for every registered connector. A new connector is tested here unasked."""

from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from flows.template import TEMPLATE
from trials.connectors import CONNECTORS, Connector, connector_named
from trials.errors import SourceError
from trials.protocol import Protocol, from_yaml

connectors = pytest.mark.parametrize("connector", CONNECTORS, ids=[connector.name for connector in CONNECTORS])
# What makes a source of these bytes for each connector: (home, name of the delivery, bytes) -> nothing.
DELIVER = {"folder": lambda home, name, content: (home / "in" / name).write_bytes(content)}


def plan(connector: Connector) -> Protocol:
    protocol = from_yaml(TEMPLATE)
    return protocol.model_copy(
        update={"source": protocol.source.model_copy(update={"connector": connector.name, "path": "in"})}
    )


@connectors
def test_the_laws_know_how_to_deliver(connector: Connector) -> None:
    """A new connector says here how bytes get into its source, so that the laws below run on it."""
    assert connector.name in DELIVER
    assert connector_named(connector.name) is connector


@connectors
def test_a_source_that_is_not_there_gets_one_sentence(connector: Connector, tmp_path: Path) -> None:
    """A missing source raises SourceError in one line that names what is missing; it never reads as "no rows"."""
    with pytest.raises(SourceError, match="in") as caught:
        connector.find(plan(connector).source, tmp_path / "nowhere")
    assert "\n" not in str(caught.value)


@connectors
@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(content=st.binary(max_size=400) | st.text(max_size=400).map(str.encode))
def test_bad_bytes_never_raise_and_are_always_the_same_delivery(
    connector: Connector, tmp_path: Path, content: bytes
) -> None:
    """Whatever the bytes, reading gives a delivery: rows or a problem in one sentence, with the fingerprint's hash."""
    protocol = plan(connector)
    (tmp_path / "in").mkdir(exist_ok=True)
    DELIVER[connector.name](tmp_path, "2026-01-05_a.csv", content)
    (found,) = connector.find(protocol.source, tmp_path)
    delivery = connector.read(protocol, found)
    assert delivery.content_sha256 == connector.fingerprint(found)
    assert delivery == connector.read(protocol, found)
    assert delivery.sent_at.tzinfo is not None
    if delivery.problem is not None:
        assert delivery.rows == ()
        assert "\n" not in delivery.problem


@connectors
def test_deliveries_come_oldest_first(connector: Connector, tmp_path: Path) -> None:
    """Deliveries are found in the order in which they were sent, whatever the order in which they came to lie there."""
    (tmp_path / "in").mkdir()
    for name in ("2026-02-01_b.csv", "2026-01-05_a.csv", "2026-01-05_b.csv"):
        DELIVER[connector.name](tmp_path, name, b"participant_id\n")
    names = [found.name for found in connector.find(plan(connector).source, tmp_path)]
    assert names == ["2026-01-05_a.csv", "2026-01-05_b.csv", "2026-02-01_b.csv"]
