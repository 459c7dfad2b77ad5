"""`roadtest simulate`: what repeated trials of a plan would end in, thoroughly; a bar on stderr while it works."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict
from typing import Any, TextIO

from rich.console import Console
from rich.progress import BarColumn, Progress, TextColumn, TimeElapsedColumn

from flows.template import TRUTHS, by_people, in_100
from trials import planning
from trials.outcomes import kind_named
from trials.planning import Plan
from trials.protocol import Protocol
from trials.verdict import noun

COLUMNS = ("If the idea", "effect", "promoted", "dropped", "harm", "open", "mean", "10 %", "50 %", "90 %")


def simulated(
    protocol: Protocol, *, runs: int, seed: int, errors: TextIO, spread: planning.Spread | None = None
) -> Plan:
    """`planning.simulate` with a bar on `errors` if that is a terminal; the bar stands still where it is `spread`.

    Raises ProtocolError as `planning.admit` does."""
    with _bar(errors) as progress:
        return planning.simulate(protocol, runs, seed=seed, progress=progress, spread=spread)


@contextmanager
def _bar(errors: TextIO) -> Iterator[planning.Progress]:
    console = Console(file=errors)
    bar = Progress(
        TextColumn("Trying out: {task.description}"),
        BarColumn(),
        TimeElapsedColumn(),
        console=console,
        transient=True,
        disable=not console.is_terminal,
    )
    task = bar.add_task("the plan", total=None)

    def tell(done: int, steps: int, what: str) -> None:
        bar.update(task, completed=done, total=steps, description=what)

    with bar:
        yield tell


def text(protocol: Protocol, plan: Plan) -> str:
    """The plan's sentence, a table with a row per truth, and how the figures were got. Shares are per 100 trials.

    Of a plan that people decide: why, and what they decide by; `simulate` says nothing of it.
    """
    if planning.people_decide(protocol):
        return "\n".join([*by_people(protocol), *(f"Note: {warning}." for warning in plan.warnings)])
    say = kind_named(protocol.primary.kind).say_effect
    rows = [
        (
            TRUTHS[outlook.truth],
            "none" if outlook.effect == 0 else say(protocol.primary, outlook.effect),
            *(_short(s) for s in (outlook.promote, outlook.drop, outlook.stop_for_harm, outlook.cant_tell)),
            f"{outlook.people:,.0f}",
            *(f"{people:,}" for people in outlook.ended_by),
        )
        for outlook in plan.outlooks
    ]
    lines = [f"{protocol.trial}{protocol.mark}: {plan.sentence}", ""]
    lines += _table([COLUMNS, *rows])
    lines += [
        "",
        f"Of 100 such trials each; then the {noun(protocol)} at the end: their mean, and by how many 10, 50 and 90 % ",
    ]
    lines[-1] += "of the trials have ended."
    if plan.drops_worthwhile is not None:
        allowed = f"{100 * protocol.monitoring.beta:.3g}"
        lines.append(
            f"An idea that is just worthwhile is dropped in {in_100(plan.drops_worthwhile)} of 100 trials (the plan allows "
            f"{allowed})."
        )
    lines += [f"{note[0].upper()}{note[1:]}." for note in plan.notes]
    return "\n".join([*lines, *(f"Note: {warning}." for warning in plan.warnings)])


def _short(share: float) -> str:
    return in_100(share).replace("fewer than ", "<").replace("more than ", ">")


def _table(rows: list[tuple[str, ...]]) -> list[str]:
    """Columns as wide as their longest entry, words to the left and numbers to the right."""
    widths = [max(len(row[column]) for row in rows) for column in range(len(rows[0]))]
    return [
        "  ".join(
            entry.ljust(width) if column < 2 else entry.rjust(width)
            for column, (entry, width) in enumerate(zip(row, widths, strict=True))
        ).rstrip()
        for row in rows
    ]


def body(protocol: Protocol, plan: Plan, *, seed: int) -> dict[str, Any]:
    """What --json prints; of a plan that people decide `sentence` says why, and there are no shares."""
    why = planning.people_decide(protocol)
    told = {**asdict(plan), **({"sentence": why, "outlooks": [], "drops_worthwhile": None} if why else {})}
    return {"trial": protocol.trial, "sha256": protocol.seal(), "seed": seed, **told}
