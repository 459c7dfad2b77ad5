"""A round's steps as spans: what they say and never say, and that nothing is needed for a round to run."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest
from opentelemetry import trace

from flows import telemetry
from trials.errors import DataError


class Kept(trace.NonRecordingSpan):
    """A span that keeps what it is told."""

    def __init__(self, name: str, attributes: Any) -> None:
        super().__init__(trace.INVALID_SPAN_CONTEXT)
        self.name, self.attributes, self.status, self.raised = name, attributes, None, 0

    def set_status(self, status: Any, description: str | None = None) -> None:
        self.status = (status, description)

    def record_exception(self, *_: Any, **__: Any) -> None:
        self.raised += 1


class Keeping(trace.NoOpTracer):
    """A tracer of the API's own kind that keeps its spans."""

    def __init__(self) -> None:
        self.spans: list[Kept] = []

    @contextmanager
    def start_as_current_span(self, name: str, attributes: Any = None, **options: Any) -> Iterator[Any]:  # type: ignore[override]
        assert options == {"record_exception": False, "set_status_on_exception": False}
        self.spans.append(Kept(name, attributes))
        yield self.spans[-1]


@pytest.fixture
def kept(monkeypatch: pytest.MonkeyPatch) -> Keeping:
    found = Keeping()
    monkeypatch.setattr(telemetry, "_TRACER", found)
    return found


def test_a_step_is_a_span_with_numbers_of_trials_and_deliveries(kept: Keeping) -> None:
    """Its name and its counts, and no status of its own while nothing goes wrong."""
    with telemetry.span("read", trials=3, deliveries=7):
        pass
    [one] = kept.spans
    assert (one.name, one.attributes, one.status) == (
        "roadtest.read",
        {"roadtest.trials": 3, "roadtest.deliveries": 7},
        None,
    )


def test_what_is_raised_in_a_step_is_told_by_its_type_alone(kept: Keeping) -> None:
    """The sentence, which may name a source or hold a value, is in no span; whoever called gets the error itself."""
    with pytest.raises(DataError, match="secret-4711"), telemetry.span("check"):
        raise DataError("secret-4711")
    [one] = kept.spans
    assert (one.status, one.raised) == ((trace.StatusCode.ERROR, "DataError"), 0)


def test_nothing_is_exported_where_no_endpoint_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    """Nor where the SDK is switched off; and without the SDK a span is kept nowhere."""
    for name in telemetry.ENDPOINTS:
        monkeypatch.delenv(name, raising=False)
    assert telemetry.export() is False
    monkeypatch.setenv(telemetry.ENDPOINTS[0], "http://127.0.0.1:9")
    monkeypatch.setenv("OTEL_SDK_DISABLED", "true")
    assert telemetry.export() is False
    with telemetry.span("look", trials=1):
        assert not trace.get_current_span().is_recording()


def test_an_endpoint_without_the_extra_is_told_in_the_log(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    """What is missing and how it is installed; the round goes on."""
    monkeypatch.setenv(telemetry.ENDPOINTS[0], "http://127.0.0.1:9")
    monkeypatch.delenv("OTEL_SDK_DISABLED", raising=False)
    monkeypatch.setattr(telemetry, "_SDK", "roadtest_has_no_such_package")
    monkeypatch.setattr(telemetry.log, "propagate", True)
    with caplog.at_level("WARNING", "roadtest"):
        assert telemetry.export() is False
    assert "roadtest[otel]" in caplog.text
