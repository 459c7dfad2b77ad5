"""`roadtest idea`, `end-idea`, `ideas`, `lessons`: what people thought of, what became of it, what was learnt."""

from __future__ import annotations

import unicodedata
from collections.abc import Iterable
from typing import TYPE_CHECKING, Annotated, Any

import typer

from flows.options import By, Home, Json, name_of, opened, settings_for, told

if TYPE_CHECKING:
    from trials.protocol import Protocol
    from trials.store.engine import Store
    from trials.store.ideas import IdeaCard, Tried
    from trials.store.lessons import Found, Told

IdeaName = Annotated[str, typer.Argument(help="The idea's name, such as text-reminders; `prototype` of its plans.")]
Programme = Annotated[str | None, typer.Option("--programme", help="Of this programme alone.")]

# The parts of a text as they are shown, in this order.
_PARTS = ("text", "hoped_for", "reason", "impact", "lesson", "reuse", "dissent", "changed")
_LABELS = {"hoped_for": "hoped for", "reuse": "re-use", "impact": "expected impact"}
_DONE = {"drop": "dropped", "stop": "stopped", "promote": "promoted", "rerun": "to be run again", "continue": "goes on"}
_LONG = 300


def add(app: typer.Typer) -> None:
    app.command("idea")(idea)
    app.command("end-idea")(end_idea)
    app.command("ideas")(ideas)
    app.command("lessons")(lessons)


def idea(
    name: IdeaName,
    text: Annotated[str, typer.Option("--text", help="The idea in a few sentences, without anybody's name.")],
    title: Annotated[str, typer.Option("--title", help="A short title.")] = "",
    hoped_for: Annotated[str, typer.Option("--hoped-for", help="What would be better if it worked.")] = "",
    proposed_by: Annotated[str, typer.Option("--proposed-by", help="Who thought of it: a person or a group.")] = "",
    programme: Annotated[str, typer.Option("--programme", help="The programme whose roles apply to it.")] = "",
    site: Annotated[str | None, typer.Option("--site", help="The site where it came up, if it was one.")] = None,
    by: By = None,
    home: Home = None,
    as_json: Json = False,
) -> None:
    """Note an idea, and show similar ones that were tried before and why they ended."""
    with told():
        settings = settings_for(home)
        from flows.show import print_json
        from flows.work import utc_now
        from trials.acts.ideas import Idea
        from trials.store import ideas as stored

        who = name_of(by, settings)
        store = opened(settings, who)
        said = {"text": text, "title": title, "hoped_for": hoped_for, "proposed_by": proposed_by}
        body = _checked(Idea, **said, programme=programme, site=site)
        act = stored.note(store, name, body, by=who, at=utc_now())
        near = similar(store, f"{title}\n{text}\n{hoped_for}", without={name})
        if as_json:
            print_json({"idea": name, "by": act.by, "at": act.at.isoformat(), **body.model_dump(), "similar": near})
            return
        typer.echo(f"Noted the idea {name}.\n{as_text(near)}")
        typer.echo(f"Next: write `prototype: {name}` into a plan (roadtest protocol new), then roadtest register FILE")


def end_idea(
    name: IdeaName,
    reason_code: Annotated[str, typer.Option("--reason-code", help="Why, as a code; a wrong one lists them.")],
    reason: Annotated[str, typer.Option("--reason", help="Why, in a sentence.")],
    lesson: Annotated[str, typer.Option("--lesson", help="What was learnt.")],
    reuse: Annotated[str, typer.Option("--reuse", help="What of it others can use.")] = "",
    by: By = None,
    home: Home = None,
    as_json: Json = False,
) -> None:
    """End an idea for good, with its lesson; also one that was never tried."""
    with told():
        settings = settings_for(home)
        from flows.show import print_json
        from flows.work import utc_now
        from trials.acts.ideas import IdeaEnded
        from trials.store import ideas as stored

        who = name_of(by, settings)
        body = _checked(IdeaEnded, reason_code=reason_code, reason=reason, lesson=lesson, reuse=reuse)
        act = stored.end(opened(settings, who), name, body, by=who, at=utc_now())
        if as_json:
            print_json({"idea": name, "by": act.by, "at": act.at.isoformat(), **body.model_dump()})
        else:
            typer.echo(f"The idea {name} is ended; its lesson is kept. Next: roadtest lessons")


def ideas(programme: Programme = None, home: Home = None, as_json: Json = False) -> None:
    """List ideas with their stage and their trials."""
    with told():
        settings = settings_for(home)
        from flows.show import print_json
        from trials.store import ideas as stored

        found = stored.listed(opened(settings), programme)
        if as_json:
            print_json({"ideas": [card_json(one) for one in found]})
        elif found:
            typer.echo("\n".join(line for one in found for line in card_lines(one)))
            typer.echo(f"{len(found)} idea{'' if len(found) == 1 else 's'}. Next: roadtest lessons")
        else:
            typer.echo('No idea is noted yet. Next: roadtest idea NAME --text "..."')


def lessons(
    words: Annotated[
        list[str] | None, typer.Argument(help="Words that must all be in the text; every text if none.")
    ] = None,
    programme: Programme = None,
    reason_code: Annotated[str | None, typer.Option("--reason-code", help="Ended for this reason alone.")] = None,
    home: Home = None,
    as_json: Json = False,
) -> None:
    """Search what was learnt: ideas, decisions, amendments, withdrawn sites, events outside."""
    with told():
        settings = settings_for(home)
        from flows.show import print_json
        from trials.store import lessons as stored

        query = " ".join(words or [])
        found = stored.search(opened(settings), query, programme=programme, reason_code=reason_code)
        if as_json:
            print_json({"query": query, "lessons": [told_json(one) for one in found.texts], "hidden": found.hidden})
        else:
            typer.echo(found_text(found, query))


def similar(store: Store, words: str, *, without: Iterable[str] = (), most: int = 3) -> list[dict[str, Any]]:
    """Earlier ideas that are like the words, the likest first: each with its trials and why they ended, as JSON."""
    from trials.store import ideas as stored
    from trials.store import lessons as texts

    found = texts.similar(store, words, without=without, most=most).texts
    cards = {one.name: one for one in stored.listed(store)} if found else {}
    return [{"likeness": round(one.rank, 2), **card_json(cards[one.subject])} for one in found if one.subject in cards]


def similar_text(store: Store, words: str, *, without: Iterable[str] = ()) -> str:
    """The same for people to read; what to say when an idea is noted or a plan is registered."""
    return as_text(similar(store, words, without=without))


def similar_to_plan(store: Store, protocol: Protocol) -> list[dict[str, Any]]:
    """Earlier ideas that are like a plan that is registered, its own left out unless other trials have tried it before."""
    from trials.lessons import ASKED, PLAN
    from trials.lifecycle import prototype_of

    own = prototype_of(protocol)
    near = similar(store, ASKED[PLAN](protocol.model_dump(mode="json")), most=4)
    others = {one["idea"]: [tried for tried in one["trials"] if tried["trial"] != protocol.trial] for one in near}
    return [one for one in near if one["idea"] != own or others[own]][:3]


def as_text(near: Iterable[dict[str, Any]]) -> str:
    """What is similar, a paragraph each; one line where nothing is."""
    lines = []
    for one in near:
        lines.append(f"  {one['idea']} ({stage_word(one['stage'])}): {_short(one['title'] or one['text'])}")
        lines += [f"    {line}" for line in one["endings"]]
    if not lines:
        return "No similar idea is on record."
    return "\n".join(["Similar ideas on record, and what became of them:", *lines])


def card_json(card: IdeaCard) -> dict[str, Any]:
    """`idea, title, text, hoped_for, proposed_by, programme, stage, noted_at, trials[], ended, endings[]`."""
    noted, ended = card.noted, card.ended
    return {
        "idea": card.name,
        "title": noted.title if noted else next((one.title for one in card.trials if one.title), ""),
        "text": noted.text if noted else "",
        "hoped_for": noted.hoped_for if noted else "",
        "proposed_by": noted.proposed_by if noted else "",
        "programme": card.programme,
        "stage": card.stage,
        "noted_by": card.noted_by,
        "noted_at": None if card.noted_at is None else card.noted_at.isoformat(),
        "trials": [_tried_json(one) for one in card.trials],
        "ended": None if ended is None else ended.model_dump(exclude={"programme"}),
        "endings": endings(card),
    }


def _tried_json(one: Tried) -> dict[str, Any]:
    closed = one.decision if one.decision is not None and one.decision.closes else None
    return {
        "trial": one.trial,
        "title": one.title,
        "stage": one.stage,
        "state": one.state,
        "simulated": one.simulated,
        "retrospective": one.retrospective,
        "decision": None if closed is None else closed.what,
        "reason_code": None if closed is None else closed.reason_code,
        "decided_at": None if closed is None or one.decided_at is None else one.decided_at.isoformat(),
    }


def endings(card: IdeaCard) -> list[str]:
    """What became of an idea: a sentence for its end and for each of its trials."""
    said = []
    if card.ended is not None and card.ended_at is not None:
        said.append(f"ended {card.ended_at.date()} {_why(card.ended)}")
    for one in card.trials:
        mark = " (simulated)" if one.simulated else " (replay of a finished trial)" if one.retrospective else ""
        if one.decision is not None and one.decision.closes and one.decided_at is not None:
            done = _DONE[one.decision.what]
            said.append(f"trial {one.trial}{mark}: {done} {one.decided_at.date()} {_why(one.decision)}")
        else:
            said.append(
                f"trial {one.trial}{mark}: {'not sealed yet' if one.state == 'registered' else 'still running'}"
            )
    return said or ["never tried so far"]


def _why(body: Any) -> str:
    parts = [f"({body.reason_code})"] if body.reason_code else []
    parts += [_stopped(body.reason)] if body.reason else []
    parts += [f"Lesson: {_stopped(body.lesson)}"] if body.lesson else []
    parts += [f"Re-use: {_stopped(body.reuse)}"] if body.reuse else []
    return " ".join(parts)


def _stopped(text: str) -> str:
    line = _short(text)
    return line if line.endswith((".", "!", "?")) else f"{line}."


def card_lines(card: IdeaCard) -> list[str]:
    body = card_json(card)
    head = f"{card.name} ({stage_word(card.stage)})"
    return [f"{head}: {_short(body['title'] or body['text'])}".rstrip(": "), *(f"  {line}" for line in body["endings"])]


def stage_word(stage: str) -> str:
    return {"proof_of_concept": "proof of concept", "scale": "at scale"}.get(stage, stage)


def told_json(one: Told) -> dict[str, Any]:
    """`scope, kind, by, at, programme, idea, rank, reason_code` and the text's parts."""
    body = one.body
    return {
        "scope": one.scope,
        "kind": one.kind,
        "by": one.by,
        "at": one.at.isoformat(),
        "programme": one.programme,
        "idea": one.subject,
        "rank": round(one.rank, 4),
        "what": body.get("what"),
        "reason_code": body.get("reason_code"),
        "title": body.get("title", ""),
        **{part: body[part] for part in _PARTS if body.get(part)},
    }


def found_text(found: Found, query: str) -> str:
    """A paragraph a text, then how many there are and what to do next."""
    lines = []
    for one in found.texts:
        code = f" ({one.body['reason_code']})" if one.body.get("reason_code") else ""
        what = f", {_DONE.get(str(one.body['what']), one.body['what'])}" if one.body.get("what") else ""
        lines.append(f"{one.at.date()}  {one.scope}: {one.kind.replace('_', ' ')}{what}{code}")
        parts = [(part, one.body[part]) for part in _PARTS if one.body.get(part) and one.body[part] != "none"]
        lines += [f"  {_LABELS.get(part, part)}: {plain(str(value))}" for part, value in parts]
    hidden = f" {found.hidden} more are of programmes in which you have no role." if found.hidden else ""
    if not lines:
        about = f" has all of these words: {plain(query)}" if query.strip() else " is on record yet"
        return f"No lesson{about}.{hidden} Next: roadtest ideas"
    count = len(found.texts)
    return "\n".join([*lines, f"{count} text{'' if count == 1 else 's'}.{hidden} Next: roadtest ideas"])


def plain(text: str) -> str:
    """A text as one line, without signs that steer a terminal."""
    return "".join(sign for sign in " ".join(text.split()) if unicodedata.category(sign)[0] != "C")


def _short(text: str) -> str:
    line = plain(text)
    return line if len(line) <= _LONG else line[:_LONG].rsplit(" ", 1)[0] + " ..."


def _checked(model: Any, **fields: Any) -> Any:
    """The body of an act. Raises DataError in one sentence for words that it can't hold."""
    from pydantic import ValidationError

    from trials.errors import DataError
    from trials.protocol import explain

    try:
        return model(**fields)
    except ValidationError as error:
        raise DataError(explain(error)) from None
