"""A round's steps as spans, and their seconds as a metric, through OpenTelemetry's API.

Without its SDK, which Roadtest does not bring, a span costs microseconds and is kept nowhere. With the extra `otel` installed
and an endpoint set (OTEL_EXPORTER_OTLP_ENDPOINT), `export` hands them on by OTLP. A span's attributes are numbers of trials
and deliveries: no trial's name, nobody's number, nothing by arm. Prefect's own spans, which repeat what errors say, stay here.
"""

from __future__ import annotations

import logging
import os
import time
from collections.abc import Iterator
from contextlib import contextmanager
from importlib import import_module
from typing import Any, Literal

from opentelemetry import metrics, trace

import trials

Step = Literal["round", "read", "check", "record", "look", "report"]
SPAN, SECONDS = "roadtest.", "roadtest.step.duration"
ENDPOINTS = (
    "OTEL_EXPORTER_OTLP_ENDPOINT",
    "OTEL_EXPORTER_OTLP_TRACES_ENDPOINT",
    "OTEL_EXPORTER_OTLP_METRICS_ENDPOINT",
)
_SDK = "opentelemetry.sdk"
_OTLP = "opentelemetry.exporter.otlp.proto.http"

log = logging.getLogger("roadtest")


def _duration(meter: metrics.Meter) -> metrics.Histogram:
    return meter.create_histogram(SECONDS, unit="s", description="How long a step of a round took.")


# Those of everybody, which record where `opentelemetry-instrument` has set the SDK up; `export` puts our own in their place.
_TRACER = trace.get_tracer("roadtest", trials.__version__)
_DURATION = _duration(metrics.get_meter("roadtest", trials.__version__))


@contextmanager
def span(step: Step, **counts: int) -> Iterator[None]:
    """What happens in the block is a step of a round. counts: of trials or deliveries. What is raised in it ends the span as an
    error by its type alone: the sentence of an error may name a source, and its traceback more."""
    began = time.perf_counter()
    about = {f"roadtest.{name}": number for name, number in counts.items()}
    options: Any = {"record_exception": False, "set_status_on_exception": False}
    with _TRACER.start_as_current_span(SPAN + step, attributes=about, **options) as current:
        try:
            yield
        except BaseException as error:
            current.set_status(trace.StatusCode.ERROR, type(error).__name__)
            raise
        finally:
            _DURATION.record(time.perf_counter() - began, {"step": step})


def export() -> bool:
    """Sets the SDK up, once in a process, where an endpoint is named in the environment; whether spans are handed on now.

    Without the extra `otel` that is said in the log, and the round runs all the same.
    """
    global _TRACER, _DURATION
    if not any(os.environ.get(name) for name in ENDPOINTS) or os.environ.get("OTEL_SDK_DISABLED", "").lower() == "true":
        return False
    try:
        sdk = {name: import_module(f"{_SDK}.{name}") for name in ("resources", "trace", "trace.export", "metrics")}
        exporters = {name: import_module(f"{_OTLP}.{name}_exporter") for name in ("trace", "metric")}
        reader = import_module(f"{_SDK}.metrics.export").PeriodicExportingMetricReader
    except ImportError as error:
        log.warning("%s is set, and %s is not installed: pip install 'roadtest[otel]'", ENDPOINTS[0], error.name)
        return False
    if isinstance(trace.get_tracer_provider(), sdk["trace"].TracerProvider) or isinstance(_TRACER, sdk["trace"].Tracer):
        return True  # by `opentelemetry-instrument`, or by an earlier round of this process
    about = sdk["resources"].Resource.create(
        {"service.name": os.environ.get("OTEL_SERVICE_NAME", "roadtest"), "service.version": trials.__version__}
    )
    traces = sdk["trace"].TracerProvider(resource=about)
    traces.add_span_processor(sdk["trace.export"].BatchSpanProcessor(exporters["trace"].OTLPSpanExporter()))
    readers = [reader(exporters["metric"].OTLPMetricExporter())]
    meters = sdk["metrics"].MeterProvider(resource=about, metric_readers=readers)
    _TRACER = traces.get_tracer("roadtest", trials.__version__)
    _DURATION = _duration(meters.get_meter("roadtest", trials.__version__))
    return True
