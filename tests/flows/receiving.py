"""A receiver of OTLP over HTTP, as a collector is one: what it was sent stays as it came."""

from __future__ import annotations

import gzip
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

from opentelemetry.proto.collector.metrics.v1.metrics_service_pb2 import ExportMetricsServiceRequest
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest


@dataclass
class Receiver:
    """url: what OTEL_EXPORTER_OTLP_ENDPOINT is set to. got: path and bytes of each request."""

    url: str
    got: list[tuple[str, bytes]] = field(default_factory=list)

    def spans(self) -> list[Any]:
        """Every span, with the name of the service and of what made it: (service, scope, span)."""
        found = []
        for path, body in self.got:
            if path == "/v1/traces":
                for resource in ExportTraceServiceRequest.FromString(body).resource_spans:
                    [service] = [
                        one.value.string_value for one in resource.resource.attributes if one.key == "service.name"
                    ]
                    found += [
                        (service, scope.scope.name, span) for scope in resource.scope_spans for span in scope.spans
                    ]
        return found

    def steps_measured(self) -> set[str]:
        """The steps whose seconds came as a metric."""
        requests = [ExportMetricsServiceRequest.FromString(body) for path, body in self.got if path == "/v1/metrics"]
        return {
            label.value.string_value
            for request in requests
            for resource in request.resource_metrics
            for scope in resource.scope_metrics
            for metric in scope.metrics
            if metric.name == "roadtest.step.duration"
            for point in metric.histogram.data_points
            for label in point.attributes
            if label.key == "step"
        }


@contextmanager
def receiving() -> Iterator[Receiver]:
    """A receiver on a free port of this machine."""

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["Content-Length"]))
            receiver.got.append((self.path, gzip.decompress(body) if self.headers["Content-Encoding"] else body))
            self.send_response(200)
            self.send_header("Content-Length", "0")
            self.end_headers()

        def log_message(self, *_: Any) -> None:
            """Nothing on the terminal."""

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        receiver = Receiver(f"http://127.0.0.1:{server.server_port}")
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        try:
            yield receiver
        finally:
            server.shutdown()
            thread.join()
