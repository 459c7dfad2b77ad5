"""Commands about the people in a trial: partners, co-creation, how the idea is done, the enabling fund, voices, strengths."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import asdict
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from flows.options import By, Home, Json, TrialName, name_of, opened, settings_for, told

if TYPE_CHECKING:
    from flows.settings import Settings
    from trials.acts import Act
    from trials.store.engine import Store

fund_app = typer.Typer(help="The enabling fund: ask, answer, spend, see for whom it works.", no_args_is_help=True)
voice_app = typer.Typer(help="What participants, families and staff say of the idea.", no_args_is_help=True)

Site = Annotated[str, typer.Option("--site", help="The site, as the plan names it.")]
Day = Annotated[str | None, typer.Option("--day", help="When it was, such as 2026-03-01; default today.")]
Key = Annotated[str | None, typer.Option("--key", help="Said again with the same key it is the same word.")]
Request = Annotated[str, typer.Argument(help="The request's number.")]
Number = Annotated[int, typer.Argument(help="Its number, as it was told when it was put on record.")]


def add(app: typer.Typer) -> None:
    """Registers the commands of this module."""
    for name, command in (
        ("partners", partners),
        ("co-create", co_create),
        ("co-created", co_created),
        ("co-creation", co_creation),
        ("adapt", adapt),
        ("fidelity", fidelity),
        ("voices", voices),
        ("strengths", strengths),
    ):
        app.command(name)(command)
    app.add_typer(fund_app, name="fund")
    app.add_typer(voice_app, name="voice")


def partners(trial: TrialName, by: By = None, home: Home = None, as_json: Json = False) -> None:
    """What each partner hopes for, what the trial shows of it, and where hopes pull apart."""

    def read(store: Store, settings: Settings) -> tuple[Any, str]:
        from flows.sharing_words import partners_text
        from trials.store import sharing

        found = sharing.shared_value(store, trial)
        return asdict(found), partners_text(trial, found)

    _read(trial, read, by, home, as_json)


def co_create(
    trial: TrialName,
    who: Annotated[str, typer.Option("--who", help="users, families, community, frontline_staff, managers, ...")],
    what: Annotated[
        str, typer.Option("--what", help="proposed, changed, vetoed or tested; attending is none of them.")
    ],
    part: Annotated[str, typer.Option("--part", help="A component, or a path into the plan such as primary.measure.")],
    text: Annotated[str, typer.Option("--text", help="What they said, in a sentence that names nobody.")],
    outcome: Annotated[str, typer.Option("--outcome", help="taken_up, partly, not_taken_up or pending.")] = "pending",
    why: Annotated[str, typer.Option("--why", help="Why; must be said of a veto that isn't heeded in full.")] = "",
    key: Key = None,
    by: By = None,
    home: Home = None,
    as_json: Json = False,
) -> None:
    """Put on record who proposed, changed, vetoed or tested which part of the plan."""

    def write(store: Store, name: str, at: datetime) -> tuple[Act, str]:
        from trials.acts.cocreation import CoCreation
        from trials.store import sharing

        body = sharing.said(CoCreation, who=who, what=what, part=part, text=text, outcome=outcome, why=why)
        done = sharing.co_create(store, trial, body, by=name, at=at, key=key)
        answer = f"roadtest co-created {trial} {done.seq} --outcome taken_up --why TEXT"
        following = answer if outcome == "pending" else f"roadtest co-creation {trial}"
        return done, f"Contribution {done.seq} is on record. Next: {following}"

    _write(trial, write, by, home, as_json)


def co_created(
    trial: TrialName,
    number: Number,
    outcome: Annotated[str, typer.Option("--outcome", help="taken_up, partly or not_taken_up.")],
    why: Annotated[str, typer.Option("--why", help="Why; must be said of a veto that isn't heeded in full.")] = "",
    key: Key = None,
    by: By = None,
    home: Home = None,
    as_json: Json = False,
) -> None:
    """Say what became of a contribution; the newest word counts."""

    def write(store: Store, name: str, at: datetime) -> tuple[Act, str]:
        from trials.acts.cocreation import CoCreationOutcome
        from trials.store import sharing

        body = sharing.said(CoCreationOutcome, number=number, outcome=outcome, why=why)
        done = sharing.answer_co_creation(store, trial, body, by=name, at=at, key=key)
        return done, f"Contribution {number}: {outcome.replace('_', ' ')}. Next: roadtest co-creation {trial}"

    _write(trial, write, by, home, as_json)


def co_creation(trial: TrialName, by: By = None, home: Home = None, as_json: Json = False) -> None:
    """Whose proposals, changes and vetoes altered the plan: influence, not attendance."""

    def read(store: Store, settings: Settings) -> tuple[Any, str]:
        from flows.sharing_words import co_creation_text
        from trials.store import sharing

        entries, influence = sharing.co_creation(store, trial)
        body = {"contributions": [asdict(one) for one in entries], "influence": [asdict(one) for one in influence]}
        return body, co_creation_text(trial, entries, influence)

    _read(trial, read, by, home, as_json)


def adapt(
    trial: TrialName,
    component: Annotated[str, typer.Option("--component", help="Which part of the idea, by its id in the plan.")],
    what: Annotated[str, typer.Option("--what", help="What was done otherwise.")],
    why: Annotated[str, typer.Option("--why", help="Why.")],
    inside: Annotated[bool, typer.Option("--inside/--outside", help="Within what the plan says may vary of it?")],
    site: Site = "",
    day: Day = None,
    key: Key = None,
    by: By = None,
    home: Home = None,
    as_json: Json = False,
) -> None:
    """Put on record what a site did otherwise than planned: tailoring, or drift."""

    def write(store: Store, name: str, at: datetime) -> tuple[Act, str]:
        from trials.acts.adaptations import Adaptation
        from trials.store import sharing

        body = sharing.said(
            Adaptation, component=component, site=site, what=what, why=why, day=day or at.date(), inside=inside
        )
        done = sharing.adapt(store, trial, body, by=name, at=at, key=key)
        return done, f"Adaptation {done.seq} is on record. Next: roadtest fidelity {trial}"

    _write(trial, write, by, home, as_json)


def fidelity(trial: TrialName, by: By = None, home: Home = None, as_json: Json = False) -> None:
    """The idea by TIDieR's twelve items, and whether sites do it as planned."""

    def read(store: Store, settings: Settings) -> tuple[Any, str]:
        from flows.sharing_words import fidelity_text
        from trials.store import sharing

        found = sharing.fidelity_of(store, trial)
        return asdict(found), fidelity_text(trial, found)

    _read(trial, read, by, home, as_json)


def strengths(trial: TrialName, by: By = None, home: Home = None, as_json: Json = False) -> None:
    """The strengths-based measures, beside the verdict and apart from it."""

    def read(store: Store, settings: Settings) -> tuple[Any, str]:
        from trials.store import sharing

        sentences, look = sharing.strengths(store, trial)
        body = {"look": None if look is None else look.number, "sentences": list(sentences)}
        text = "\n".join(sentences) or "The plan has no strengths-based measures."
        return body, f"{text}\nNext: roadtest status {trial}"

    _read(trial, read, by, home, as_json)


def voices(
    trial: TrialName,
    quotes: Annotated[bool, typer.Option("--quotes", help="Their words too, where they agreed to that.")] = False,
    by: By = None,
    home: Home = None,
    as_json: Json = False,
) -> None:
    """What people say of the idea, next to the numbers, and where both conflict."""

    def read(store: Store, settings: Settings) -> tuple[Any, str]:
        from flows.byhand import door_of
        from flows.sharing_words import voices_text
        from trials.store import sharing

        found = sharing.voices_of(store, trial)
        told = sharing.quotes(store, trial, door_of(settings).pseudonyms(store, trial)) if quotes else ()
        body = {**asdict(found), **({"quotes": [asdict(one) for one in told]} if quotes else {})}
        return body, voices_text(trial, found, told)

    _read(trial, read, by, home, as_json)


@voice_app.command("add")
def voice_add(
    trial: TrialName,
    who: Annotated[str, typer.Option("--who", help="participant, family or staff.")],
    stance: Annotated[str, typer.Option("--stance", help="Does the idea help them? helps, mixed or hinders.")],
    codes: Annotated[list[str], typer.Option("--code", help="What it is about, by the code book; several times.")],
    consent: Annotated[bool, typer.Option("--consent/--no-consent", help="Did they agree to be quoted?")] = False,
    quote: Annotated[str, typer.Option("--quote", help="Their words, naming nobody; kept sealed.")] = "",
    site: Site = "",
    day: Day = None,
    key: Key = None,
    by: By = None,
    home: Home = None,
    as_json: Json = False,
) -> None:
    """Put a coded voice on record; a quote only with consent, and sealed with the trial's key."""
    with told():
        settings = settings_for(home)
        from flows.byhand import door_of
        from flows.work import utc_now
        from trials.acts.voices import Voice
        from trials.store import sharing

        name, at = name_of(by, settings), utc_now()
        store = opened(settings, name)
        body = sharing.said(
            Voice, who=who, stance=stance, codes=codes, consent=consent, quote=quote, site=site, day=day or at.date()
        )
        hidden = door_of(settings).pseudonyms(store, trial) if quote else None
        done = sharing.speak(store, trial, body, hidden=hidden, by=name, at=at, key=key)
        withdraw = f"if they take it back: roadtest voice withdraw {trial} {done.seq}"
        _done(trial, done, f"Voice {done.seq} is on record; {withdraw}. Next: roadtest voices {trial}", as_json)


@voice_app.command("withdraw")
def voice_withdraw(
    trial: TrialName,
    number: Number,
    entirely: Annotated[bool, typer.Option("--entirely", help="Don't count it any more either.")] = False,
    by: By = None,
    home: Home = None,
    as_json: Json = False,
) -> None:
    """Somebody takes their consent back: their words are shown no more."""

    def write(store: Store, name: str, at: datetime) -> tuple[Act, str]:
        from trials.acts.voices import VoiceWithdrawn
        from trials.store import sharing

        body = sharing.said(VoiceWithdrawn, number=number, entirely=entirely)
        done = sharing.withdraw_voice(store, trial, body, by=name, at=at)
        kept = "nor counted" if entirely else "but still counted by its codes"
        return done, f"Voice {number} is not quoted any more, {kept}. Next: roadtest voices {trial}"

    _write(trial, write, by, home, as_json)


@fund_app.command("request")
def fund_request(
    trial: TrialName,
    request: Request,
    participant: Annotated[str, typer.Option("--participant", help="Their id; it is stored as a pseudonym.")],
    goal: Annotated[str, typer.Option("--goal", help="What the money makes possible, naming nobody.")],
    amount: Annotated[float, typer.Option("--amount", help="In the fund's currency.")],
    proposed_by: Annotated[str, typer.Option("--proposed-by", help="participant, worker, family or other.")],
    site: Site = "",
    day: Day = None,
    by: By = None,
    home: Home = None,
    as_json: Json = False,
) -> None:
    """Ask for a small sum for one participant; somebody else answers."""
    with told():
        settings = settings_for(home)
        from flows.byhand import door_of
        from flows.work import utc_now
        from trials.acts.fund import FundRequest
        from trials.store import sharing

        name, at = name_of(by, settings), utc_now()
        store = opened(settings, name)
        hidden = door_of(settings).pseudonyms(store, trial)
        body = sharing.said(
            FundRequest,
            request=request,
            participant=participant if hidden is None else hidden.of(participant),
            site=site,
            goal=goal,
            amount=amount,
            proposed_by=proposed_by,
            day=day or at.date(),
        )
        done = sharing.ask_fund(store, trial, body, by=name, at=at)
        answer = f"roadtest fund answer {trial} {request} --approve --amount {amount:g}, by somebody else"
        _done(trial, done, f"Request {request} waits for an answer. Next: {answer}", as_json)


@fund_app.command("answer")
def fund_answer(
    trial: TrialName,
    request: Request,
    approve: Annotated[bool, typer.Option("--approve/--refuse", help="Granted or not.")],
    amount: Annotated[float, typer.Option("--amount", help="What is granted, at most what was asked for.")] = 0.0,
    reason: Annotated[str, typer.Option("--reason", help="Why; must be said of a refusal.")] = "",
    day: Day = None,
    by: By = None,
    home: Home = None,
    as_json: Json = False,
) -> None:
    """Grant or refuse a request that somebody else put in."""

    def write(store: Store, name: str, at: datetime) -> tuple[Act, str]:
        from trials.acts.fund import FundAnswer
        from trials.store import sharing

        body = sharing.said(
            FundAnswer, request=request, approved=approve, amount=amount, reason=reason, day=day or at.date()
        )
        done = sharing.answer_fund(store, trial, body, by=name, at=at)
        spent = (
            f"roadtest fund spent {trial} {request} --amount {amount:g}" if approve else f"roadtest fund show {trial}"
        )
        return done, f"Request {request} is {'approved' if approve else 'refused'}. Next: {spent}"

    _write(trial, write, by, home, as_json)


@fund_app.command("spent")
def fund_spent(
    trial: TrialName,
    request: Request,
    amount: Annotated[float, typer.Option("--amount", help="What was spent of the sum granted.")],
    last: Annotated[bool, typer.Option("--last", help="Nothing more will be: the rest is free again.")] = False,
    day: Day = None,
    key: Key = None,
    by: By = None,
    home: Home = None,
    as_json: Json = False,
) -> None:
    """Put on record what was spent of a sum that was granted."""

    def write(store: Store, name: str, at: datetime) -> tuple[Act, str]:
        from trials.acts.fund import FundSpent
        from trials.store import sharing

        body = sharing.said(FundSpent, request=request, amount=amount, last=last, day=day or at.date())
        done = sharing.spend_fund(store, trial, body, by=name, at=at, key=key)
        return done, f"{amount:g} spent on request {request}. Next: roadtest fund show {trial}"

    _write(trial, write, by, home, as_json)


@fund_app.command("show")
def fund_show(
    trial: TrialName,
    waiting: Annotated[bool, typer.Option("--open", help="List the requests that wait, for who answers them.")] = False,
    by: By = None,
    home: Home = None,
    as_json: Json = False,
) -> None:
    """The fund's ledger: spent and free, how fast, who proposed, and for whom it works."""

    def read(store: Store, settings: Settings) -> tuple[Any, str]:
        from flows.sharing_words import fund_text, open_text
        from flows.work import utc_now
        from trials.sharing.fund import with_shares
        from trials.store import reading, sharing

        if waiting:
            asked = sharing.open_requests(store, trial)
            return {"open": [one.model_dump(mode="json") for one in asked]}, open_text(trial, asked)
        plan = reading.card(store, trial).protocol
        found = sharing.fund_of(store, trial, utc_now().date())
        found = with_shares(found, [one.id for one in plan.sites], [one.id for one in plan.arms])
        return asdict(found), fund_text(trial, found)

    _read(trial, read, by, home, as_json)


def _read(
    trial: str,
    read: Callable[[Store, Settings], tuple[Any, str]],
    by: str | None,
    home: Path | None,
    as_json: bool,
) -> None:
    """Prints what `read` finds: its JSON, or its text."""
    with told():
        settings = settings_for(home)
        from flows.show import print_json

        body, text = read(opened(settings, name_of(by, settings)), settings)
        if as_json:
            print_json({"trial": trial, **body})
        else:
            typer.echo(text)


def _write(
    trial: str,
    write: Callable[[Store, str, datetime], tuple[Act, str]],
    by: str | None,
    home: Path | None,
    as_json: bool,
) -> None:
    """Does what `write` does, by the person who is at work, now, and prints what was put on record."""
    with told():
        settings = settings_for(home)
        from flows.work import utc_now

        name = name_of(by, settings)
        done, text = write(opened(settings, name), name, utc_now())
        _done(trial, done, text, as_json)


def _done(trial: str, done: Act, text: str, as_json: bool) -> None:
    from flows.show import print_json

    if not as_json:
        typer.echo(text)
        return
    body = {name: said for name, said in done.body.model_dump(mode="json").items() if name != "quote"}
    print_json({"trial": trial, "number": done.seq, "by": done.by, "at": done.at.isoformat(), **body})
