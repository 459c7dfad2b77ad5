"""`roadtest gate FILE`: what can this trial tell us, and as what may it be sealed? `roadtest feasibility TRIAL`: its lights."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from flows.options import By, Home, Json, TrialName, opened, read_by, settings_for, told

if TYPE_CHECKING:
    from trials.feasibility import Lit
    from trials.gate import Gate
    from trials.protocol import Protocol
    from trials.store.engine import Store


def add(app: typer.Typer) -> None:
    """Puts the commands into the app."""
    app.command("gate")(gate)
    app.command("feasibility")(feasibility)


def gate(
    file: Annotated[Path, typer.Argument(help="The protocol, a YAML file.")],
    propose: Annotated[
        str | None, typer.Option("--propose", help="Print the plan changed as this proposal says, such as feasibility.")
    ] = None,
    with_plans: Annotated[
        list[Path] | None,
        typer.Option(
            "--with", help="Another plan of the same programme: what can they tell about each other? Repeatable."
        ),
    ] = None,
    as_json: Json = False,
) -> None:
    """Say what this trial can tell, and as what it may be sealed; exit code 1 when it may not."""
    with told():
        from flows.show import print_json
        from trials.gate import judged
        from trials.labelling import programme_sentence
        from trials.planning import admit
        from trials.protocol import from_file

        protocol = from_file(file)
        admit(protocol)
        found = judged(protocol)
        if propose is not None:
            typer.echo(proposed(protocol, found, propose), nl=False)
            return
        together = programme_sentence(protocol, [from_file(other) for other in with_plans or ()])
        if as_json:
            print_json(body(found) | {"programme": together or None})
        else:
            typer.echo(text(protocol, found))
            if together:
                typer.echo(f"\nTogether: {together}")
            typer.echo(f"\nNext: {_next(found, file)}")
        if not found.may_seal:
            raise typer.Exit(1)


def feasibility(trial: TrialName, by: By = None, home: Home = None, as_json: Json = False) -> None:
    """A trial's progression criteria in red, amber and green, from what the ledger knows."""
    with told():
        settings = settings_for(home)
        from flows.show import print_json
        from trials.feasibility import advice
        from trials.store import reading

        store = opened(settings, by)
        read_by(store, trial)
        protocol = reading.card(store, trial).protocol
        lit = lit_for(store, trial)
        if as_json:
            print_json(
                {"trial": trial, "purpose": protocol.purpose, "advice": advice(lit), "criteria": lights_json(lit)}
            )
            return
        typer.echo(f"{trial}{protocol.mark}: {advice(lit)}")
        for one in lit:
            typer.echo(f"  {one.sentence}")
        people = [one.criterion.id for one in lit if one.by_people]
        hint = f" People answer {', '.join(people)} there." if people else ""
        closed = reading.card(store, trial).closing is not None
        after = f"roadtest decisions {trial}" if closed else f"roadtest decide {trial} when you know enough.{hint}"
        typer.echo(f"Next: {after}")


def lit_for(store: Store, trial: str) -> tuple[Lit, ...]:
    """The trial's lights as the store's person may see them. Raises UnknownTrialError, ForbiddenError."""
    from flows.work import utc_now
    from trials.acts.deciding import Decision
    from trials.feasibility import lights, lights_between
    from trials.store import feasible, reading, sights

    card = reading.card(store, trial)
    asked, today = card.protocol.progression, utc_now().date()
    answers: dict[str, float] = {}
    if card.closing is not None and isinstance(card.closing.body, Decision):
        today = card.closing.at.date()
        answers = {
            one.id: one.value for one in card.closing.body.answers if one.source == "people" and one.value is not None
        }
    if sights.sight_of(store, card).small:
        return lights(asked, feasible.facts_of(store, card.protocol, today), answers)
    return lights_between(asked, *feasible.facts_between(store, card.protocol, today), answers)


def programme_notes(store: Store, protocol: Protocol) -> tuple[str, ...]:
    """What a plan and the trials of its programme in the store can't tell about each other, to be said when it is registered;
    empty for a plan without a programme and where nothing stands against it. Trials that closed count, too: people compare."""
    from trials.labelling import programme_sentence
    from trials.store import reading

    if not protocol.programme:
        return ()
    others = [card.protocol for card in reading.cards(store) if card.protocol.programme == protocol.programme]
    said = programme_sentence(protocol, others)
    return (said,) if said else ()


def gate_text(protocol: Protocol) -> str:
    """The gate's answer in words: what would be found, the label, the trade-off and every way out."""
    from trials.gate import judged

    return text(protocol, judged(protocol))


def gate_json(protocol: Protocol) -> dict[str, Any]:
    """The same for programs; effects in the measure's own unit, None where there is none."""
    from trials.gate import judged

    return body(judged(protocol))


def text(protocol: Protocol, found: Gate) -> str:
    from trials.labelling import sought

    lines = [f"{protocol.trial}{protocol.mark}: {found.sentence}", *_verdict(found)]
    label = found.label
    lines += [f"Evidence label: {found.labelled}.", f"  It may claim {label.may_claim}."]
    lines.append(f"  It may not claim {label.may_not_claim}" + (f": {label.caution}." if label.caution else "."))
    if sought(protocol):
        lines.append(f"  {sought(protocol)}")
    if label.proposal:
        lines.append(f"  Better: {label.proposal}.")
    lines += ["", *_table(protocol, found)]
    if found.proposals:
        lines += ["", "Ways on (roadtest gate FILE --propose NAME prints the changed plan):"]
        lines += [
            f"  {one.code}{'' if one.changes else ' (no ready change)'}: {one.sentence}." for one in found.proposals
        ]
    return "\n".join(lines)


def _verdict(found: Gate) -> list[str]:
    if found.exempt:
        return ["The outcomes were known before this plan, so nothing is planned and the gate asks for nothing."]
    if found.reasons:
        return [f"May not be sealed: {reason}" for reason in found.reasons[:1]] + [
            f"  {one}" for one in found.reasons[1:]
        ]
    if found.purpose == "feasibility":
        return [
            "May be sealed as a feasibility trial: it tells whether you can recruit, deliver and measure, nothing else."
        ]
    return ["May be sealed as an effect trial."]


def _table(protocol: Protocol, found: Gate) -> list[str]:
    from trials.gate import say_found
    from trials.verdict import noun

    head = (noun(protocol), "months", "alpha", "found with 80 % power", "worthwhile found in 100")
    rows = [head]
    for one in found.rows:
        finds = "nothing" if one.finds is None else say_found(protocol, one.finds)
        months = "not planned" if one.months is None else f"{one.months:,.0f}"
        mark = " (planned)" if one.people == found.people else ""
        rows.append((f"{one.people:,}{mark}", months, f"{one.alpha:g}", finds, f"{100 * one.power:.0f}"))
    widths = [max(len(row[column]) for row in rows) for column in range(len(head))]
    return ["  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip() for row in rows]


def _next(found: Gate, file: Path) -> str:
    if found.may_seal:
        return f"roadtest register {file}"
    ready = next((one.code for one in found.proposals if one.changes), None)
    if ready is None:
        return f"change {file}, then: roadtest gate {file}"
    return f"roadtest gate {file} --propose {ready} > changed.yaml"


def proposed(protocol: Protocol, found: Gate, code: str) -> str:
    """The plan with a proposal's changes, as YAML. Raises ProtocolError for a proposal that there isn't."""
    from trials.errors import ProtocolError
    from trials.proposals import applied

    ready = {one.code: one.changes for one in found.proposals if one.changes}
    if found.label.changes:
        ready["comparator"] = found.label.changes
    if code not in ready:
        known = ", ".join(ready) or "none, as nothing needs a change"
        raise ProtocolError(f'propose == "{code}", must be one of the ready proposals: {known}.')
    return applied(protocol, ready[code]).to_yaml()


def body(found: Gate) -> dict[str, Any]:
    """`may_seal, reasons, finds, power, needed, label{}, rows[], proposals[]` and what they are about."""
    from dataclasses import asdict

    label = found.label
    return {
        "trial": found.trial,
        "purpose": found.purpose,
        "may_seal": found.may_seal,
        "exempt": found.exempt,
        "sentence": found.sentence,
        "reasons": list(found.reasons),
        "people": found.people,
        "finds": found.finds,
        "power": found.power,
        "needed": found.needed,
        "to_seal": found.to_seal,
        "label": {
            "name": label.name,
            "words": found.labelled,
            "may_claim": label.may_claim,
            "may_not_claim": label.may_not_claim,
            "caution": label.caution,
            "proposal": label.proposal,
            "changes": label.changes,
        },
        "rows": [asdict(one) for one in found.rows],
        "proposals": [asdict(one) for one in found.proposals],
    }


def lights_json(lit: tuple[Lit, ...]) -> list[dict[str, Any]]:
    """Each criterion with `value, low, high, colour, sure, by_people, sentence`."""
    return [
        {
            "id": one.criterion.id,
            "asks": one.criterion.asks,
            "value": one.value,
            "low": one.low,
            "high": one.high,
            "colour": one.colour,
            "sure": one.sure,
            "by_people": one.by_people,
            "green": one.criterion.green,
            "red": one.criterion.red,
            "sentence": one.sentence,
        }
        for one in lit
    ]
