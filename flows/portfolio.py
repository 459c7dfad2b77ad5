"""The portfolio as text: every trial's standing when all are judged together, and each programme's figures."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import asdict
from typing import TYPE_CHECKING, Any

from trials.acts.act import CLOSED
from trials.portfolio import Standing, carried
from trials.programme import Days, Figures, Life, Released, achievement, ending, figures, spared
from trials.verdict import times

if TYPE_CHECKING:
    from trials.store.engine import Store


def portfolio_json(store: Store, fdr: float) -> dict[str, Any]:
    """`fdr, trials[]` (their standings, judged together), `figures[]`, `ends[]`, `left_out` (trials of programmes in which the
    store's person has no role). Raises DataError unless 0 < fdr < 1."""
    standings, told, left = _read(store, fdr)
    body = {"fdr": fdr, "trials": [asdict(one) for one in standings], **figures_json(figures(told), told)}
    return {**body, "left_out": left}


def portfolio_text(store: Store, fdr: float) -> str:
    """The same for people to read."""
    standings, told, left = _read(store, fdr)
    parts = (as_text(standings, fdr), figures_text(figures(told), told), _left_out(left, store.person))
    return "\n\n".join(part for part in parts if part)


def _read(store: Store, fdr: float) -> tuple[tuple[Standing, ...], tuple[Life, ...], int]:
    from trials.store.programme import claims, lives

    judged, left = claims(store)
    return carried(judged, fdr, left), lives(store), left


def _left_out(left: int, person: str) -> str:
    if not left:
        return ""
    of = "a programme" if left == 1 else "programmes"
    return f"Left out: {_count(left, 'trial')} of {of} in which {person or 'nobody in particular'} has no role. Ask a lead."


def as_text(found: Sequence[Standing], fdr: float) -> str:
    """One line a trial, strongest first, then what it means."""
    if not found:
        return "No trial has been looked at yet. Next: roadtest round"
    wide = max(len(one.trial) for one in found)
    lines = [f"{one.trial:<{wide}}  {_strength(one):>19}  {_standing(one)}" for one in found]
    picked = sum(one.picked for one in found)
    return "\n".join(
        [
            *lines,
            "",
            f"{picked} of {len(found)} trials may be carried on together; on average at most {fdr:.0%} of those are useless."
            if picked
            else f"None of {len(found)} trials may be carried on when at most {fdr:.0%} of those carried on may be useless.",
        ]
    )


def _strength(one: Standing) -> str:
    return "not told yet" if one.log_e is None else f"{times(one.log_e)} to 1"


def _standing(one: Standing) -> str:
    after = "; looks after the decision don't count" if one.post_decision else ""
    if one.state in CLOSED:
        said = "for a rerun" if one.state == "rerun" else f"as {one.state}"
        return f"closed {said}{', on a claim that is carried' if one.picked else ''}{after}"
    if one.picked:
        return "carry on"
    return "helps by its own claim, not carried among so many" if one.fired else "not carried"


def figures_text(found: Iterable[Figures], lives: Iterable[Life]) -> str:
    """A paragraph a programme, after all together, then what each closed trial's end achieved; empty without trials."""
    paragraphs = ["\n".join(_lines(one)) for one in found]
    ends = [
        f"  {life.protocol.trial}{life.protocol.mark}: {said}"
        for life in lives
        if not life.protocol.retrospective and (said := achievement(life))
    ]
    if ends:
        paragraphs.append("\n".join(["What was ended:", *ends]))
    return "\n\n".join(paragraphs)


def _lines(one: Figures) -> list[str]:
    name = "All programmes" if one.programme is None else one.programme
    lines = [
        f"{name}{' (simulated)' if one.simulated else ''}: {_count(one.trials, 'trial')}, {one.running} still running"
    ]
    if not one.closed:
        return [*lines, "  nothing is decided yet, so nothing is released and nothing learnt"]
    if one.days is not None:
        lines.append(f"  {_days(one.days)}")
    lines.append(
        f"  learned: {_share(one.learned, one.closed)}; dropped or stopped early: {_share(one.dropped_early, one.closed)}; "
        f"uninformative: {_share(one.uninformative, one.closed)}"
    )
    if one.promoted_early:
        lines.append(f"  promoted early: {_share(one.promoted_early, one.closed)}")
    if one.reruns:
        lines.append(f"  to be run again: {_share(one.reruns, one.closed)}")
    return [*lines, *(f"  {line}" for line in _released(one.released))]


def _days(days: Days) -> str:
    known = "from idea to decision" if days.from_idea == days.trials else "from idea (or registration) to decision"
    if days.trials == 1:
        return f"{known}: {days.median:g} days"
    return f"{known}: {days.median:g} days in the middle, {days.fewest} to {days.most}"


def _released(found: Released) -> list[str]:
    """What stopping early released, less what went beyond plan; nothing negative is hidden."""
    if not found.trials:
        return ["released against the fixed-size plan: can't be told"] if found.small else []
    parts = [f"{'about ' if found.about else ''}{found.people:,} people"]
    parts += [f"{found.clusters:,} clusters"] if found.clusters else []
    if found.uncosted < found.trials:
        parts += [f"{found.staff_hours:,.0f} staff hours"] if found.staff_hours else []
        parts += [f"{amount:,.0f} {currency}" for currency, amount in found.money]
    lines = [f"released against the fixed-size plan, over {_count(found.trials, 'closed trial')}: {', '.join(parts)}"]
    if found.beyond:
        lines.append(f"{_count(found.beyond, 'trial')} took more people than that plan, which is taken off")
    if found.uncosted:
        lines.append(f"{_count(found.uncosted, 'plan')} without costs, so hours and money are of the others")
    if found.small:
        lines.append(f"{_count(found.small, 'trial')} left out: so few people joined that it would tell how many")
    return lines


def _count(number: int, noun: str) -> str:
    return f"{number} {noun}{'' if number == 1 else 's'}"


def _share(part: int, whole: int) -> str:
    return f"{part} of {whole} ({part / whole:.0%})"


def figures_json(found: Iterable[Figures], lives: Iterable[Life]) -> dict[str, Any]:
    """`figures[]`: per programme and (programme null) of all; `ends[]`: each trial's ending, `spared` where it may be told."""
    return {
        "figures": [_figures_json(one) for one in found],
        "ends": [
            {
                "trial": life.protocol.trial,
                "ending": ending(life),
                "simulated": life.protocol.simulated,
                "spared": spared(life),
                "sentence": achievement(life) or "still running",
            }
            for life in lives
            if not life.protocol.retrospective
        ],
    }


def _figures_json(one: Figures) -> dict[str, Any]:
    body = asdict(one)
    shares = {
        f"share_{name}": None if not one.closed else getattr(one, name) / one.closed
        for name in ("learned", "uninformative", "dropped_early")
    }
    body["released"]["money"] = dict(one.released.money)
    return {**body, **shares}
