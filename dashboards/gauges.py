"""The metrics that /metrics has, with what each means, and the collector that reads those of the store when it is asked.

No metric names a trial, a site, a person or an arm, and numbers of rows are in tens: who may read metrics need not be somebody
who may see small counts. docs/monitoring.md has this table too (`python -m dashboards.gauges` prints it).
"""

from __future__ import annotations

import platform
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Literal

from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily
from prometheus_client.metrics_core import Metric as Family
from prometheus_client.registry import Collector

import trials
from dashboards.read_model.desk import Desk
from dashboards.read_model.measured import Measured, Newest, measured
from trials.errors import StoreError

Kind = Literal["gauge", "counter", "histogram"]
Values = Mapping[tuple[str, ...], float]


@dataclass(frozen=True, slots=True)
class Metric:
    """One metric. means: a sentence, in the metric's own help text and in docs/monitoring.md."""

    name: str
    kind: Kind
    means: str
    labels: tuple[str, ...] = ()


REQUESTS = Metric(
    "roadtest_http_requests_total",
    "counter",
    "Requests answered by the pages' workers, by what was asked for, method and status.",
    ("kind", "method", "status"),
)
SECONDS = Metric(
    "roadtest_http_request_seconds",
    "histogram",
    "How long the workers took to answer, in seconds, by what was asked for.",
    ("kind",),
)
STORED: tuple[Metric, ...] = (
    Metric("roadtest_build_info", "gauge", "Always 1; the versions of Roadtest and Python.", ("version", "python")),
    Metric("roadtest_database_up", "gauge", "1 when the database answers and its tables are this version's, else 0."),
    Metric(
        "roadtest_database_info", "gauge", "Always 1; the kind of database and its revision.", ("backend", "revision")
    ),
    Metric("roadtest_database_bytes", "gauge", "Bytes that the database takes up on its disk."),
    Metric("roadtest_trials", "gauge", "Trials by the state they are in.", ("state",)),
    Metric("roadtest_trials_failing", "gauge", "Trials whose work failed in the last round that took them up."),
    Metric("roadtest_rounds", "gauge", "Rounds that were ever begun, by the state they are in.", ("state",)),
    Metric("roadtest_round_age_seconds", "gauge", "Seconds since the newest round began; absent before the first."),
    Metric(
        "roadtest_round_seconds",
        "gauge",
        "Seconds that the newest round took, or has taken so far; of one that stopped, until its last sign of life.",
    ),
    Metric(
        "roadtest_round_trials_total",
        "counter",
        "Trials that rounds took up, by whether their work was done or failed; one counts in each round.",
        ("result",),
    ),
    Metric("roadtest_round_deliveries_total", "counter", "Deliveries that rounds took in, refused ones too."),
    Metric("roadtest_round_refused_total", "counter", "Deliveries that were refused whole in rounds."),
    Metric(
        "roadtest_round_rows_total",
        "counter",
        "Rows that rounds accepted or set aside, all trials together, rounded down to tens.",
        ("result",),
    ),
    Metric("roadtest_round_looks_total", "counter", "Looks that rounds took."),
    Metric(
        "roadtest_round_crossed_total", "counter", "Trials of which, in a round, a first claim crossed its threshold."
    ),
    Metric("roadtest_alerts", "gauge", "Alerts that last, by kind.", ("kind",)),
    Metric("roadtest_alert_channels_failing", "gauge", "Channels of alerts to which the newest telling failed."),
)
METRICS: tuple[Metric, ...] = (*STORED, REQUESTS, SECONDS)


class Stored(Collector):
    """Reads the store whenever it is collected: one transaction of small queries a scrape."""

    def __init__(self, desk: Desk) -> None:
        self._desk = desk

    def collect(self) -> Iterator[Family]:
        values: dict[str, Values] = {"roadtest_build_info": {(trials.__version__, platform.python_version()): 1.0}}
        try:
            found = measured(self._desk)
        except StoreError:
            values["roadtest_database_up"] = {(): 0.0}
        else:
            values |= _database(found) | _rounds(found) | _newest(found.newest, datetime.now(UTC))
        for metric in STORED:
            if metric.name in values:
                yield _family(metric, values[metric.name])


def _database(found: Measured) -> dict[str, Values]:
    return {
        "roadtest_database_up": {(): 1.0},
        "roadtest_database_info": {(found.backend, found.revision): 1.0},
        "roadtest_database_bytes": {(): found.bytes},
        "roadtest_trials": _by_name(found.trials),
        "roadtest_trials_failing": {(): found.failing},
        "roadtest_alerts": _by_name(found.alerts),
        "roadtest_alert_channels_failing": {(): found.channels_failing},
    }


def _rounds(found: Measured) -> dict[str, Values]:
    return {
        "roadtest_rounds": _by_name(found.rounds),
        "roadtest_round_trials_total": _by_name({name: found.totals[name] for name in ("done", "failed")}),
        "roadtest_round_rows_total": _by_name(found.rows),
        **{
            f"roadtest_round_{name}_total": {(): found.totals[name]}
            for name in ("deliveries", "refused", "looks", "crossed")
        },
    }


def _newest(one: Newest | None, now: datetime) -> dict[str, Values]:
    """Never below 0: the clock of whoever began the round may be ahead of ours."""
    if one is None:
        return {}
    until = one.beat_at if one.ended_at is None or one.state == "interrupted" else one.ended_at
    until = now if one.state == "running" else until
    return {
        "roadtest_round_age_seconds": {(): max(0.0, (now - one.begun_at).total_seconds())},
        "roadtest_round_seconds": {(): max(0.0, (until - one.begun_at).total_seconds())},
    }


def _by_name(counts: Mapping[str, int]) -> Values:
    return {(name,): count for name, count in counts.items()}


def _family(metric: Metric, values: Values) -> Family:
    made = CounterMetricFamily if metric.kind == "counter" else GaugeMetricFamily
    family = made(metric.name, metric.means, labels=metric.labels)
    for labels, value in values.items():
        family.add_metric(labels, value)
    return family


def table() -> str:
    """Every metric as a table in Markdown."""
    rows = [
        f"| `{each.name}` | {each.kind} | {', '.join(f'`{name}`' for name in each.labels) or '-'} | {each.means} |"
        for each in METRICS
    ]
    return "\n".join(["| metric | type | labels | what it says |", "|---|---|---|---|", *rows])


if __name__ == "__main__":
    print(table())
