"""The command `roadtest`. Thin: each command reads its options, calls one function below, and shows what came back.

Heavy packages are imported inside the commands that need them, so that `roadtest --help` answers at once.
Exit codes: 0 done; 1 refused or failed, with one sentence on stderr and no traceback; 2 wrong usage;
128 and a signal's number: told to stop.
"""

from __future__ import annotations

import sys
from collections.abc import Callable
from datetime import UTC, datetime
from functools import cache, partial
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from flows import (
    amending,
    deciding,
    enrolling,
    gate,
    lessons,
    operating_cli,
    reporting,
    roles,
    seeing,
    sharing,
    signing,
    stopping,
    taking_out,
)
from flows.alerts_cli import alerts_app
from flows.auditing import audit_app
from flows.deploy_cli import deploy as deploy_command
from flows.moments import parse_time
from flows.options import (
    STOPPED,
    By,
    Home,
    Json,
    TrialName,
    begin,
    fail,
    hidden_text,
    name_of,
    opened,
    read_by,
    settings_for,
    stopped_by,
    told,
)
from flows.quarantine import quarantine_app

if TYPE_CHECKING:
    from flows.settings import Settings
    from flows.work import Outcome
    from trials.gate import Gate
    from trials.store.engine import Store
    from trials.store.reading import TrialCard

app = typer.Typer(
    name="roadtest",
    help="Try ideas on small numbers of people, watch valid evidence arrive, drop what fails early.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
)
protocol_app = typer.Typer(help="Write a plan, and ask what it can and cannot tell.", no_args_is_help=True)
db_app = typer.Typer(help="Look after the database.", no_args_is_help=True)
app.add_typer(protocol_app, name="protocol")
app.add_typer(db_app, name="db")
operating_cli.add(app, db_app)
app.add_typer(quarantine_app, name="quarantine")
app.add_typer(audit_app, name="audit")
app.add_typer(alerts_app, name="alerts")
app.command("deploy")(deploy_command)
for commands in (
    amending,
    deciding,
    enrolling,
    gate,
    lessons,
    reporting,
    roles,
    seeing,
    sharing,
    signing,
    stopping,
    taking_out,
):
    commands.add(app)

AsOf = Annotated[
    str | None, typer.Option("--as-of", help="Date or time to judge the data at, such as 2024-07-01; default now.")
]
Second = Annotated[
    str | None,
    typer.Option("--by", help="A second person's name, not whoever registered it (default: the account's name)."),
]
MaybeTrial = Annotated[str | None, typer.Argument(help="The trial's name; all that are due if left out.")]


@app.command()
def demo(
    home: Home = None,
    serve: Annotated[bool, typer.Option(help="Serve the dashboard afterwards; --no-serve ends after the work.")] = True,
    pace: Annotated[float | None, typer.Option(help="Simulated weeks per second while the dashboard is open.")] = None,
    port: Annotated[int | None, typer.Option(help="Port of the dashboard; a free one if it is taken.")] = None,
) -> None:
    """Judge two real trials and a simulated programme, then watch it go on arriving in the browser."""
    with told():
        settings = settings_for(home, pace=pace, port=port)
        from flows.demo import run

        run(settings, serve=serve)


@protocol_app.command("new")
def protocol_new(
    file: Annotated[Path | None, typer.Argument(help="File to write; printed if left out.")] = None,
) -> None:
    """Print (or write) a commented template of a protocol."""
    from flows.template import TEMPLATE

    if file is None:
        typer.echo(TEMPLATE)
        return
    try:
        with file.open("x", encoding="utf-8") as out:
            out.write(TEMPLATE)
    except FileExistsError:
        fail(f"{file} exists already, must be a new file. Name another, or delete it first.")
    except OSError as error:
        fail(f"{file} can't be written ({error.strerror}). Name a file in a folder that exists.")
    typer.echo(f"Wrote {file}. Edit it, then: roadtest protocol check {file}")


@protocol_app.command("check")
def protocol_check(
    file: Annotated[Path, typer.Argument(help="The protocol, a YAML file.")], as_json: Json = False
) -> None:
    """Say what this trial can and cannot tell, before anybody is asked to join."""
    with told():
        from dataclasses import asdict

        from flows.show import print_json
        from flows.template import outlook_text
        from trials.gate import judged
        from trials.planning import check
        from trials.protocol import from_file

        protocol = from_file(file)
        plan = check(protocol)
        if as_json:
            known = {"trial": protocol.trial, "sha256": protocol.seal(), "gate": gate.gate_json(protocol)}
            print_json({**known, **asdict(plan)})
            return
        typer.echo(outlook_text(protocol, plan))
        answer = judged(protocol)
        typer.echo(f"\n{gate.text(protocol, answer)}")
        typer.echo(f"\nNext: {_way_on(answer, file)}")


def _way_on(answer: Gate, file: Path) -> str:
    """What to do with a plan that the gate has answered: register it, or change it first."""
    if answer.may_seal:
        return f"roadtest register {file}"
    ready = next((one.code for one in answer.proposals if one.changes), None)
    if ready is None:
        return f"change {file}, then: roadtest protocol check {file}"
    return f"roadtest gate {file} --propose {ready} > changed.yaml"


@app.command("simulate")
def simulate_plan(
    file: Annotated[Path, typer.Argument(help="The protocol, a YAML file.")],
    runs: Annotated[
        int, typer.Option(min=1, max=1_000_000, help="Simulated trials per truth, where they are needed.")
    ] = 10_000,
    seed: Annotated[int, typer.Option(min=0, help="Seed of the simulated trials.")] = 20_260_101,
    as_json: Json = False,
) -> None:
    """Try a plan out thoroughly: what repeated trials of it would end in, and after how many people."""
    with told():
        from flows import engines, simulate
        from flows.settings import load_settings
        from flows.show import print_json
        from trials.protocol import from_file

        settings, protocol = load_settings(), from_file(file)
        spread = None if settings.engine == "here" else partial(engines.mapped, settings)
        plan = simulate.simulated(protocol, runs=runs, seed=seed, errors=sys.stderr, spread=spread)
        if as_json:
            print_json(simulate.body(protocol, plan, seed=seed))
            return
        typer.echo(simulate.text(protocol, plan))


@app.command()
def register(
    file: Annotated[Path, typer.Argument(help="The protocol, a YAML file.")],
    by: By = None,
    home: Home = None,
    as_json: Json = False,
) -> None:
    """Register a protocol; nothing runs on it until it is sealed."""
    with told():
        settings = settings_for(home)
        from flows.environment import run
        from flows.register import register as flow
        from flows.show import print_json
        from trials.gate import judged
        from trials.planning import admit, warnings
        from trials.protocol import from_file

        protocol = from_file(file)
        admit(protocol)
        answer = judged(protocol)
        name = name_of(by, settings)
        sha256 = run(flow, settings, protocol.canonical(), name)
        store = opened(settings, name)
        near = lessons.similar_to_plan(store, protocol)
        notes = [*warnings(protocol), *(note.rstrip(".") for note in gate.programme_notes(store, protocol))]
        if as_json:
            known = {"trial": protocol.trial, "sha256": sha256, "gate": gate.body(answer)}
            print_json({**known, "warnings": notes, "similar": near})
            return
        for note in notes:
            typer.echo(f"Note: {note}.")
        if near:
            typer.echo(lessons.as_text(near))
        done = f"Registered {protocol.trial}, plan {sha256[:12]}."
        if answer.may_seal:
            typer.echo(f"{done} Next: roadtest seal {protocol.trial} --by NAME")
        else:
            typer.echo(f"{done} It may not be sealed as it is: {answer.reasons[0]} Next: roadtest gate {file}")


@app.command()
def seal(trial: TrialName, by: Second = None, home: Home = None, as_json: Json = False) -> None:
    """Seal a registered plan: from now on it can't be changed unseen, and data may come."""
    with told():
        settings = settings_for(home)
        from flows.show import print_json
        from flows.work import seal_trial, utc_now

        name = name_of(by, settings)
        protocol, sha256 = seal_trial(opened(settings, name), trial, by=name, at=utc_now())
        if as_json:
            print_json({"trial": trial, "sha256": sha256})
            return
        where = settings.folder / protocol.source.path
        typer.echo(f"Sealed {trial}: {sha256}. Next: put deliveries into {where}, then: roadtest collect {trial}")


@app.command()
def ingest(
    trial: TrialName,
    files: Annotated[
        list[Path], typer.Argument(help="Deliveries, oldest first: CSV, TSV, Excel, JSON, NDJSON or Parquet, .gz too.")
    ],
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Judge the rows, store nothing.")] = False,
    sent_at: Annotated[
        str | None, typer.Option("--sent-at", help="When the site sent it; default by name or file.")
    ] = None,
    as_of: AsOf = None,
    by: By = None,
    home: Home = None,
    as_json: Json = False,
) -> None:
    """Take one or more deliveries by hand: the same checks and the same transaction as collect."""
    with told():
        settings = settings_for(home, person=by)
        from flows.byhand import door_of, ingest_files
        from flows.show import print_json, receipt_json, receipt_text

        receipts = ingest_files(
            opened(settings),
            trial,
            files,
            sent_at=parse_time(sent_at, "--sent-at", ""),
            as_of=parse_time(as_of, "--as-of"),
            door=door_of(settings),
            dry_run=dry_run,
        )
        if as_json:
            bodies = [receipt_json(receipt) for receipt in receipts]
            print_json(bodies[0] if len(files) == 1 else bodies)
        else:
            for receipt in receipts:
                typer.echo(receipt_text(receipt, dry_run))
        refused = [receipt for receipt in receipts if receipt.refusal is not None]
        if refused:
            fail(str(refused[0].refusal))


def _finish(settings: Settings, outcomes: list[Outcome], as_json: bool, single: bool) -> None:
    """Shows what came of it: one JSON object for a trial that was named, an array for all that are due.

    Ends with 1 when a trial failed or a delivery was refused, so that whoever runs it unattended hears of it.
    """
    from flows.show import outcome_json, outcome_text, print_json
    from trials.store import reading, seeing

    store = opened(settings)
    cards = {card.id: card for card in reading.cards(store, [outcome.trial for outcome in outcomes if outcome.ok])}
    seen = seeing.looks_for(store, list(cards.values()))
    if as_json:
        bodies = [outcome_json(outcome, seen.get(outcome.trial), cards.get(outcome.trial)) for outcome in outcomes]
        print_json(bodies[0] if single else bodies)
    else:
        for outcome in outcomes:
            if outcome.ok:
                typer.echo(outcome_text(outcome, seen.get(outcome.trial), cards.get(outcome.trial)))
        if not outcomes:
            ended = (
                "closed and without its key: nothing more is taken in",
                "closed and without their keys: nothing more is taken in",
            )
            typer.echo(_none_sealed(reading.cards(store), *ended))
    failed = [(outcome.trial, outcome.error) for outcome in outcomes if not outcome.ok]
    failed += [
        (outcome.trial, receipt.refusal)
        for outcome in outcomes
        for receipt in outcome.receipts
        if receipt.refusal is not None
    ]
    for trial, sentence in failed:
        typer.echo(f"roadtest: {trial}: {sentence}", err=True)
    if failed:
        raise typer.Exit(1)


def _due(settings: Settings, trial: str | None) -> list[str]:
    """The trial that is named, or all for which whoever is at work may collect. Raises ForbiddenError when there is none."""
    from flows.work import sealed_trials
    from trials.errors import ForbiddenError
    from trials.store import seeing

    store = opened(settings)
    if trial is not None:
        read_by(store, trial, "collect")
        return [trial]
    sealed = sealed_trials(store)
    mine = seeing.allowed(store, sealed, "collect")
    if sealed and not mine:
        raise ForbiddenError(
            f"{store.person} may collect for none of the {len(sealed)} sealed trials, must be operator or lead of their "
            "programme. Ask a lead, or say with --by who does this."
        )
    return mine


def _none_sealed(cards: list[TrialCard], one: str, many: str) -> str:
    """Why no trial is to be worked on, and what to do next. one, many: how trials stand that were sealed once."""
    sealed = sum(card.state != "registered" for card in cards)
    if not sealed:
        return f"No trial is sealed yet. Next: roadtest {'seal TRIAL --by NAME' if cards else 'register FILE'}"
    said = (
        f"The only trial that was sealed is {one}"
        if sealed == 1
        else f"All {sealed} trials that were sealed are {many}"
    )
    return f"{said}. Next: roadtest register FILE"


@app.command()
def collect(
    trial: MaybeTrial = None,
    as_sent: Annotated[
        bool, typer.Option("--as-sent", help="Load history: treat each delivery as received when it was sent.")
    ] = False,
    as_of: AsOf = None,
    by: By = None,
    home: Home = None,
    as_json: Json = False,
) -> None:
    """Fetch what the sources have, check it, record it and look."""
    with told():
        settings = settings_for(home, person=by)
        trials, at = _due(settings, trial), parse_time(as_of, "--as-of")
        from flows.collect import collect as flow
        from flows.environment import run

        outcomes = run(flow, settings, trials, as_of=at, as_sent=as_sent) if trials else []
        _finish(settings, outcomes, as_json, trial is not None)


@app.command()
def look(trial: MaybeTrial = None, as_of: AsOf = None, by: By = None, home: Home = None, as_json: Json = False) -> None:
    """Look at the evidence as of now, without new data."""
    with told():
        settings = settings_for(home, person=by)
        trials, at = _due(settings, trial), parse_time(as_of, "--as-of")
        from flows.environment import run
        from flows.look import look as flow

        outcomes = run(flow, settings, trials, as_of=at) if trials else []
        _finish(settings, outcomes, as_json, trial is not None)


@app.command("round")
def round_(by: By = None, home: Home = None, as_json: Json = False) -> None:
    """Collect and look for everything that is due, in one run; one failing trial fails alone."""
    with told():
        settings = settings_for(home, person=by)
        trials = _due(settings, None)
        from flows.engines import on_engine
        from flows.environment import run
        from flows.round import run_round

        outcomes = run(on_engine(run_round, settings), settings, trials) if trials else []
        _finish(settings, outcomes, as_json, False)


@app.command()
def status(trial: MaybeTrial = None, by: By = None, home: Home = None, as_json: Json = False) -> None:
    """Where the trials stand."""
    with told():
        settings = settings_for(home, person=by)
        from flows.show import card_json, print_json, round_lines, verdict_table, work_lines
        from trials.store import quarantine, reading, rounds, seeing

        store = opened(settings)
        cards = _mine(store, reading.cards(store)) if trial is None else _named(store, trial)
        seen = seeing.looks_for(store, cards)
        if as_json:
            from flows.overdue import overdue_all, waited_for

            waiting = quarantine.waiting(store, [card.id for card in cards])
            late = {
                one.trial: waited_for(one) for one in overdue_all(store, datetime.now(UTC), [card.id for card in cards])
            }
            bodies = [card_json(card, waiting.get(card.id, 0), late.get(card.id), seen[card.id]) for card in cards]
            print_json(bodies if trial is None else bodies[0])
        elif cards:
            verdict_table(cards, f"{len(cards)} trials" if trial is None else trial, seen)
            for line in work_lines(rounds.work_of(store, [card.id for card in cards])):
                typer.echo(line)
            every = reading.sealed_ids(store)
            why = len(seeing.allowed(store, every, "collect")) == len(every)
            for line in round_lines(rounds.newest(store), datetime.now(UTC), why=why):
                typer.echo(line)
        elif not reading.tokens(store):
            typer.echo("No trial is registered yet. Next: roadtest protocol new my-trial.yaml")


def _named(store: Store, trial: str) -> list[TrialCard]:
    """The trial that is named. Raises UnknownTrialError, ForbiddenError."""
    from trials.store import reading

    read_by(store, trial)
    return [reading.card(store, trial)]


def _mine(store: Store, cards: list[TrialCard]) -> list[TrialCard]:
    """The trials that whoever is at work may read; how many others there are goes to stderr."""
    from trials.store import seeing

    readable = {*seeing.allowed(store, [card.id for card in cards])}
    if left := len(cards) - len(readable):
        typer.echo(hidden_text(left, "trial", store.person), err=True)
    return [card for card in cards if card.id in readable]


@app.command()
def portfolio(
    fdr: Annotated[float, typer.Option("--fdr", help="Largest share of useless ideas among those carried on.")] = 0.1,
    by: By = None,
    home: Home = None,
    as_json: Json = False,
) -> None:
    """Which ideas may be carried on together, few of them wrongly (e-BH); how fast trials ended, and what that released."""
    with told():
        settings = settings_for(home, person=by)
        from flows.portfolio import portfolio_json, portfolio_text
        from flows.show import print_json

        store = opened(settings)
        if as_json:
            print_json(portfolio_json(store, fdr))
        else:
            typer.echo(portfolio_text(store, fdr))


@app.command()
def boundaries(
    looks: Annotated[int | None, typer.Option("--looks", help="How many equally spaced looks.")] = None,
    alpha: Annotated[float, typer.Option("--alpha", help="Type I error, both sides together if two-sided.")] = 0.025,
    spending: Annotated[
        str,
        typer.Option(
            "--spending",
            help="obrien-fleming, pocock, kim-demets, hwang-shih-decani, classical-pocock or classical-obrien-fleming.",
        ),
    ] = "obrien-fleming",
    information: Annotated[
        str | None, typer.Option("--information", help="Information fractions of the looks, such as 0.2,0.5,1.")
    ] = None,
    futility: Annotated[
        str | None, typer.Option("--futility", help="Spending function of non-binding futility at --beta.")
    ] = None,
    beta: Annotated[
        float, typer.Option("--beta", help="Type II error that drift and futility are for (0.1 = a power of 90 %).")
    ] = 0.1,
    parameter: Annotated[
        float | None, typer.Option("--parameter", help="Rho of kim-demets, gamma of hwang-shih-decani.")
    ] = None,
    futility_parameter: Annotated[
        float | None, typer.Option("--futility-parameter", help="The same for the futility's spending function.")
    ] = None,
    sided: Annotated[int, typer.Option("--sided", help="1, or 2 for symmetric two-sided boundaries.")] = 1,
    as_json: Json = False,
) -> None:
    """Boundaries of planned looks: when a group sequential trial stops, and what the looks cost."""
    with told():
        from flows import boundaries as shown
        from flows.show import print_json

        asked = shown.boundaries(
            looks,
            alpha,
            spending,
            shown.fractions_from(information),
            futility,
            beta,
            parameter,
            sided,
            futility_parameter,
        )
        if as_json:
            print_json(shown.as_json(asked))
        else:
            typer.echo(shown.as_text(asked))


@app.command()
def replay(
    file: Annotated[Path, typer.Argument(help="A finished data set, a CSV file.")],
    protocol: Annotated[Path, typer.Option("--protocol", help="The protocol to judge it by.")],
    as_of: AsOf = None,
    as_json: Json = False,
) -> None:
    """What the verdict would have been on a finished data set, every outcome taken as reported in time. Stores nothing."""
    with told():
        from flows.replaying import replay as judge
        from flows.show import concerns_text, look_json, print_json, receipt_json
        from flows.work import utc_now
        from trials.protocol import from_file

        plan = from_file(protocol)
        found = judge(plan, file, parse_time(as_of, "--as-of") or utc_now())
        if as_json:
            print_json({**look_json(plan, found.look), "delivery": receipt_json(found.receipt)})
            return
        typer.echo(f"{plan.trial}{plan.mark}: {found.look.sentence}")
        for note in concerns_text(found.look.to_json()):
            typer.echo(note)
        if found.receipt.quarantined:
            typer.echo(f"{found.receipt.quarantined} rows were set aside; --json lists them with their reasons.")


@app.command()
def serve(
    port: Annotated[int | None, typer.Option(help="Port of the dashboard (default 8050).")] = None,
    host: Annotated[str | None, typer.Option(help="Address to serve on; only this machine by default.")] = None,
    schedule: Annotated[
        str | None,
        typer.Option(help="When rounds run, cron in UTC (default: every quarter of an hour whoever is due)."),
    ] = None,
    round_every: Annotated[
        float | None,
        typer.Option("--round-every", min=0.01, help="Rounds every so many minutes, in place of --schedule."),
    ] = None,
    rounds: Annotated[
        bool, typer.Option("--rounds/--no-rounds", help="Also collect and look; or the pages only.")
    ] = True,
    home: Home = None,
) -> None:
    """Serve the dashboard with several processes, and collect and look on schedule beside it."""
    with told():
        if schedule is not None and round_every is not None:
            fail("--schedule and --round-every are given, must be one of them. Leave the other out.")
        settings = settings_for(home, port=port, host=host, schedule=schedule)
        from flows.workers import serve as run

        run(settings, round_every=round_every, rounds=rounds)


@app.command()
def history(
    trial: TrialName,
    participant: Annotated[str, typer.Option("--participant", help="The participant's id, as the site writes it.")],
    by: By = None,
    home: Home = None,
    as_json: Json = False,
) -> None:
    """Everything that was ever said of one participant: when it was sent, when we knew it, by which delivery."""
    with told():
        settings = settings_for(home, there=True, person=by)
        from flows.byhand import door_of
        from flows.exporting import shown_story, story_json, story_text
        from flows.show import print_json
        from flows.work import utc_now

        store = opened(settings)
        hidden = partial(door_of(settings).pseudonyms, store, trial)
        joined, versions = shown_story(store, trial, participant, hidden, utc_now())
        if as_json:
            print_json(story_json(trial, joined, versions))
        else:
            typer.echo(story_text(joined, versions))


@app.command()
def overdue(
    trial: MaybeTrial = None,
    people: Annotated[
        bool, typer.Option("--people", help="Also who they are, by pseudonym, for the trial's custodian.")
    ] = False,
    by: By = None,
    home: Home = None,
    as_json: Json = False,
) -> None:
    """What is waited for in vain: deliveries, sites that fell silent, people's outcomes, failed attempts."""
    with told():
        settings = settings_for(home, there=True, person=by)
        from flows.overdue import overdue_all, overdue_json, overdue_text
        from flows.show import print_json
        from flows.work import utc_now
        from trials.store import reading, seeing

        store, at = opened(settings), utc_now()
        cards = _mine(store, reading.cards(store)) if trial is None else _named(store, trial)
        found = overdue_all(store, at, [card.id for card in cards])
        for one in found if people else ():
            seeing.must_allow_shown(store, one.trial, "see_people", what="people", detail="who is overdue", at=at)
        if as_json:
            bodies = [overdue_json(one, people=people) for one in found]
            print_json(bodies[0] if trial is not None and bodies else bodies)
        elif found:
            typer.echo("\n".join(overdue_text(one, people=people) for one in found))
        elif trial is not None and cards[0].state != "registered":
            typer.echo(f"{trial} is {cards[0].state}: nothing is waited for. Next: roadtest status {trial}")
        elif cards or not reading.tokens(store):
            typer.echo(_none_sealed(cards, *2 * ["closed: nothing is waited for"]))


@db_app.command("upgrade")
def db_upgrade(home: Home = None, as_json: Json = False) -> None:
    """Bring the database to this version's schema. Safe to repeat."""
    with told():
        settings = settings_for(home)
        from flows.show import print_json
        from trials.store.engine import upgrade
        from trials.store.reading import plain_ids

        before, after = upgrade(settings.url)
        plain = plain_ids(opened(settings))
        if as_json:
            print_json({"before": before, "after": after, "plain_ids": plain})
            return
        typer.echo(f"Database at {after}" + (", as before." if before == after else f" (was {before or 'empty'})."))
        if plain:
            typer.echo(
                f"Note: ids stay as they are sent, new people's too, in trials begun before r0003: {', '.join(plain)}. "
                "Start a new trial to hide them."
            )


@cache
def _command() -> Callable[[], object]:
    """All commands with their options, put together once in a process."""
    return typer.main.get_command(app)


def main() -> None:
    """The entry point. A fault of ours ends like a refusal: one sentence, exit code 1; the traceback goes to a file. What fails
    because the process was told to stop is no fault: 128 and the signal's number."""
    begin()
    try:
        _command()()
    except SystemExit as ended:
        number = stopped_by(ended) if ended.code else None
        sys.exit(128 + number if number else ended.code)
    except Exception as error:  # noqa: BLE001 - the outermost line of defence; the traceback is kept, not swallowed
        number = stopped_by(error)
        if number:
            typer.echo(f"roadtest: {STOPPED}", err=True)
            sys.exit(128 + number)
        import tempfile
        import traceback

        with tempfile.NamedTemporaryFile("w", prefix="roadtest-fault-", suffix=".log", delete=False) as log:
            log.write(traceback.format_exc())
        typer.echo(
            f"roadtest: a fault in Roadtest itself ({type(error).__name__}); nothing half-done was stored. "
            f"Please report {log.name}.",
            err=True,
        )
        sys.exit(1)


if __name__ == "__main__":
    main()
