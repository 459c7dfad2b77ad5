"""The main job: two real trials and a simulated programme, judged as their deliveries arrive.

Deliveries are dropped into the source folders of the demo's home, week by week, and fetched by the same round that runs
unattended. Killed at any moment and started again it goes on where the ledger stands; a second run finds all done.
"""

from __future__ import annotations

import csv
import hashlib
import io
import json
import os
import threading
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path
from typing import cast

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn

from flows import story
from flows.environment import make_folder
from flows.environment import run as run_flow
from flows.look import look
from flows.register import register
from flows.round import run_round
from flows.serving import signing_of
from flows.settings import Settings
from flows.show import verdict_table
from flows.simulator import last_week, programme, sent_at
from flows.stores import store_of
from flows.work import Outcome
from trials.connectors.connector import source_name
from trials.errors import RoadtestError
from trials.protocol import Protocol, from_file
from trials.store import ledger, reading
from trials.store.engine import Store

REAL = ("rossi-financial-aid", "nsw-job-training")
SIMULATED = "personalised-probation"
SEED = 2026
# Real data sets are undated: they arrive in the sealed order, so many people to a delivery.
PEOPLE_A_DELIVERY = 12
# A round in the quick part takes in so many weeks of deliveries, each with a look of its own.
WEEKS_A_ROUND = 4
# The quick part ends here, soon after the first results are in; the rest arrives while one watches.
WEEKS_BEFORE_SERVING = 70


@dataclass(frozen=True, slots=True)
class File:
    """One delivery to come: where it will lie (relative to the home) and its bytes."""

    path: Path
    content: bytes


def examples() -> Path:
    """The folder of the examples: beside the code in a checkout, inside the package when installed."""
    installed = Path(__file__).parent / "examples"
    return installed if installed.is_dir() else Path(__file__).parent.parent / "examples"


def run(settings: Settings, *, serve: bool) -> None:
    """Registers, seals, collects and looks; prints the verdicts; then serves while the programme goes on arriving.

    Raises RoadtestError when a trial fails or the home can't be written.
    """
    console = Console()
    make_folder(settings.folder / "sources")
    if serve:
        signing_of(settings)  # an address that strangers could read is refused before the work, not after it
    protocols = load_protocols()
    weeks = arriving(protocols)
    quick = WEEKS_BEFORE_SERVING if serve else len(weeks)
    with _progress(console) as progress:
        bar = progress.add_task("Starting Prefect", total=len(weeks[:quick]) + len(protocols))
        store = store_of(settings)
        stage = stage_of(settings, store, protocols)
        story.play(stage, 0)
        for protocol in protocols:
            if not protocol.simulated:
                ensure_sealed(settings, store, protocol)
            progress.update(bar, advance=1, description="Sealing plans")
        for first, last in rounds(quick):
            chunk = weeks[first:last]
            raise_failures(take_in(settings, store, protocols, [file for week in chunk for file in week]))
            story.play(stage, last)
            progress.update(bar, advance=len(chunk), description="Deliveries, checks, looks")
    if not serve:
        raise_failures(look_at_the_end(settings, protocols))
    for sentence in stage.told:
        console.print(f"{sentence}", highlight=False)
    verdict_table(_cards(store, protocols), "Where the trials stand")
    if serve:
        _serve_on(settings, stage, protocols, weeks[quick:], console)


def stage_of(settings: Settings, store: Store, protocols: Sequence[Protocol]) -> story.Stage:
    """Where the simulated programme's story plays."""
    folder = examples() / SIMULATED
    params = json.loads((folder / "params.json").read_text(encoding="utf-8"))
    simulated = {protocol.trial: protocol for protocol in protocols if protocol.simulated}
    return story.Stage(settings, store, folder / "story", simulated, SEED, params)


def rounds(quick: int) -> Iterator[tuple[int, int]]:
    """The weeks of each round, from the first to before the last; none goes on beyond a week after which the story goes on."""
    ends = sorted({*range(0, quick, WEEKS_A_ROUND), *(week for week in story.boundaries() if week < quick), quick})
    return pairwise(ends)


def _serve_on(
    settings: Settings, stage: story.Stage, protocols: Sequence[Protocol], rest: list[list[File]], console: Console
) -> None:
    """The dashboard, with a week of the simulated programme arriving every 1/pace seconds until it is over."""
    from dashboards.serve import free_port
    from flows.serving import app_of, say_where, with_dashboard

    store = stage.store
    port = free_port(settings.host, settings.port)
    if port != settings.port:
        console.print(f"Port {settings.port} is taken; using {port}.")
    done = threading.Event()

    def go_on() -> None:
        for number, week in enumerate(rest, start=WEEKS_BEFORE_SERVING + 1):
            report(take_in(settings, store, protocols, week))
            go_on_with(number)
            if done.wait(1 / settings.pace):
                return
        report(look_at_the_end(settings, protocols))
        console.print("The simulated programme is over; the pages stay up.")

    def go_on_with(week: int) -> None:
        """What the programme's people do in this week, said as it is done."""
        stage.told.clear()
        story.play(stage, week)
        for sentence in stage.told:
            console.print(sentence, highlight=False)

    def report(outcomes: Sequence[Outcome]) -> None:
        """A trial that fails while one watches is said and left behind; the pages stay up."""
        for outcome in outcomes:
            if not outcome.ok:
                console.print(f"{outcome.trial}: {outcome.error}", style="bold red")

    say_where(settings.host, port)
    console.print(f"The simulated programme goes on arriving: {settings.pace:g} weeks a second.")
    with_dashboard(app_of(settings, store), settings.host, port, go_on, done)


def load_protocols() -> list[Protocol]:
    """The demo's protocols: the real trials, then the simulated programme's."""
    files = [examples() / name / "protocol.yaml" for name in REAL]
    files += sorted((examples() / SIMULATED).glob("*.yaml"))
    return [from_file(file) for file in files]


def ensure_sealed(settings: Settings, store: Store, protocol: Protocol) -> None:
    """Registers and seals through the flow unless that was done by an earlier run."""
    known = {card.id: card for card in reading.cards(store, [protocol.trial])}
    if protocol.trial in known and known[protocol.trial].state == "sealed":
        _, sha256 = ledger.sealed_protocol(store, protocol.trial)
        if sha256 == protocol.seal():
            return
    run_flow(register, settings, protocol.canonical(), "demo lead", "demo second reader")


def arriving(protocols: Sequence[Protocol]) -> list[list[File]]:
    """What arrives in each week: the same files on every run (fixed seed, sealed order)."""
    params = json.loads((examples() / SIMULATED / "params.json").read_text(encoding="utf-8"))
    simulated = [protocol for protocol in protocols if protocol.simulated]
    sources = {protocol.trial: Path(protocol.source.path) for protocol in protocols}
    deliveries = programme(params, simulated, SEED)
    weeks: list[list[File]] = [[] for _ in range(max(delivery.week for delivery in deliveries))]
    for delivery in deliveries:
        weeks[delivery.week - 1].append(File(sources[delivery.trial] / delivery.name, delivery.csv_bytes))
    for protocol in protocols:
        if not protocol.simulated:
            for week, file in zip(weeks, in_sealed_order(protocol), strict=False):
                week.append(file)
    return weeks


def in_sealed_order(protocol: Protocol) -> Iterator[File]:
    """A finished, undated data set cut into deliveries of PEOPLE_A_DELIVERY people, in the plan's order."""
    text = (examples() / protocol.trial / "data.csv").read_text(encoding="utf-8")
    header, *rows = list(csv.reader(io.StringIO(text)))
    column = header.index("entry_order")
    rows.sort(key=lambda row: int(row[column]))
    for number, first in enumerate(range(0, len(rows), PEOPLE_A_DELIVERY), start=1):
        out = io.StringIO()
        csv.writer(out, lineterminator="\n").writerows([header, *rows[first : first + PEOPLE_A_DELIVERY]])
        yield File(Path(protocol.source.path) / f"delivery-{number:03d}.csv", out.getvalue().encode("utf-8"))


def arrive(settings: Settings, files: Sequence[File]) -> None:
    """Drops files into the source folders, each whole or not at all; one that lies there already is left alone."""
    for file in files:
        path = settings.folder / file.path
        if path.exists():
            continue
        path.parent.mkdir(parents=True, exist_ok=True)
        part = path.with_name(f".{path.name}.{os.getpid()}.part")
        part.write_bytes(file.content)
        os.replace(part, path)


def take_in(
    settings: Settings, store: Store, protocols: Sequence[Protocol], files: Sequence[File]
) -> Sequence[Outcome]:
    """Lets the files arrive and runs a round over them, unless the ledger has every one of them already."""
    arrive(settings, files)
    known = {
        protocol.source.path: ledger.inbox(store, protocol.trial, source_name("folder", protocol.source)).seen
        for protocol in protocols
    }
    if any(hashlib.sha256(file.content).hexdigest() not in known[file.path.parent.as_posix()] for file in files):
        return cast(list[Outcome], run_flow(run_round, settings, [one.trial for one in protocols], as_sent=True))
    return ()


def look_at_the_end(settings: Settings, protocols: Sequence[Protocol]) -> Sequence[Outcome]:
    """A last look at the simulated trials, when whoever has not been reported by then counts as missing."""
    simulated = [protocol for protocol in protocols if protocol.simulated]
    end = sent_at(max(last_week(protocol) for protocol in simulated))
    return cast(list[Outcome], run_flow(look, settings, [protocol.trial for protocol in simulated], as_of=end))


def raise_failures(outcomes: Sequence[Outcome]) -> None:
    failed = [outcome for outcome in outcomes if not outcome.ok]
    if failed:
        raise RoadtestError(f"{failed[0].trial}: {failed[0].error}")


def _cards(store: Store, protocols: Sequence[Protocol]) -> list[reading.TrialCard]:
    found = {card.id: card for card in reading.cards(store, [protocol.trial for protocol in protocols])}
    return [found[protocol.trial] for protocol in protocols]


def _progress(console: Console) -> Progress:
    return Progress(
        TextColumn("{task.description:<26}"), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn(), console=console
    )
