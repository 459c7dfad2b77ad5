"""A row's measured cells -> facts: the primary measure and every guardrail, each with the column that stands beside it.

One `Facts` per measure, with the same keys for all kinds, so that a guardrail's value goes through the suite of its own
kind. Which facts are right is written in suites/*.json.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence

from trials.protocol import Guardrail, Measure, Protocol
from trials.records import Measured

Facts = dict[str, object]

MISSING_WORDS = frozenset({"", "na", "n/a", "null", "none", "nan", "-", "."})
# A blank says nothing; an outcome is taken back only by this word in its cell.
WITHDRAWN = "withdrawn"


def columns_of(measure: Measure) -> tuple[str, ...]:
    """The measure's own column, then the one that must stand beside it."""
    return (measure.measure,) if measure.companion is None else (measure.measure, measure.companion)


def data_columns(protocol: Protocol) -> tuple[str, ...]:
    """Every column that a measure of the plan is read from, once each: measures may share an exposure."""
    measures = (protocol.primary, *protocol.guardrails)
    return tuple(dict.fromkeys(name for measure in measures for name in columns_of(measure)))


def delivered(protocol: Protocol, columns: Collection[str]) -> tuple[Guardrail, ...]:
    """The guardrails of which a delivery with these columns says something."""
    return tuple(each for each in protocol.guardrails if all(name in columns for name in columns_of(each)))


def not_delivered(protocol: Protocol, columns: Collection[str]) -> tuple[str, ...]:
    """The warning about guardrails whose columns a delivery lacks; none when it has them all."""
    silent = [each for each in protocol.guardrails if each not in delivered(protocol, columns)]
    if not silent:
        return ()
    lacking = dict.fromkeys(name for each in silent for name in columns_of(each) if name not in columns)
    few = len(silent) == 1
    names, missing = ", ".join(each.measure for each in silent), ", ".join(lacking)
    return (
        f"nothing said of the guardrail{'' if few else 's'} {names}: "
        f"no column{'' if len(lacking) == 1 else 's'} {missing} in the header",
    )


def is_missing(cell: str) -> bool:
    return cell.casefold() in MISSING_WORDS


def number(cell: str | None) -> float | None:
    try:
        return None if cell is None else float(cell)
    except ValueError:
        return None


def facts_of(measures: Sequence[Measure], cells: Mapping[str, str], not_before: str | None) -> tuple[Facts, ...]:
    """Per measure, what the row says of it. not_before: the day after which results may be sent, if this was too early."""
    texts = {name: None if is_missing(cell) else cell for name, cell in cells.items()}
    # A companion that several measures share stands beside whichever of them has a value.
    spoken_for = {name for measure in measures if texts[measure.measure] is not None for name in columns_of(measure)}
    return tuple(_facts(measure, cells, texts, spoken_for, not_before) for measure in measures)


def _facts(
    measure: Measure,
    cells: Mapping[str, str],
    texts: Mapping[str, str | None],
    spoken_for: Collection[str],
    not_before: str | None,
) -> Facts:
    sent, beside = cells[measure.measure], measure.companion
    withdrawn = sent.casefold() == WITHDRAWN
    value = None if withdrawn else texts[measure.measure]
    companion = None if beside is None or withdrawn else texts[beside]
    low, high = measure.bounds or (None, None)
    return {
        "measure": measure.measure,
        "value_text": value,
        "value": number(value),
        "sent_value": sent,
        "withdrawn": "yes" if withdrawn else None,
        "too_early": None if texts[measure.measure] is None else not_before,
        "companion": beside,
        # Beside a blank value it says nothing, unless it stands alone, which is a fault.
        "companion_text": None if value is None else companion,
        "companion_value": None if value is None else number(companion),
        "sent_companion": "" if beside is None else cells[beside],
        "companion_lacking": "yes" if value is not None and beside is not None and companion is None else None,
        "companion_alone": "yes" if companion is not None and beside not in spoken_for else None,
        "low": low,
        "high": high,
    }


def says_something(facts: Facts) -> bool:
    """Whether there is anything to judge: a value, a withdrawal, or a companion that stands alone."""
    return any(facts[name] is not None for name in ("value_text", "withdrawn", "companion_alone"))


def key(facts: Facts) -> tuple[object, ...]:
    """What must be the same in two rows that say the same of a measure."""
    return facts["value_text"], facts["withdrawn"], facts["companion_text"], facts["companion_alone"]


def measured(facts: Facts) -> Measured:
    """What facts that broke no rule say of their measure."""
    value, companion = facts["value_text"], facts["companion_text"]
    return Measured(
        measure=str(facts["measure"]),
        value=None if value is None else float(str(value)),
        companion=None if companion is None else float(str(companion)),
        withdrawn=facts["withdrawn"] is not None,
    )
