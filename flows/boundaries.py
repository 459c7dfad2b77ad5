"""What `roadtest boundaries` shows: a plan's boundaries as text for people and as JSON for programs."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from trials.errors import ProtocolError
from trials.sequential.grouped import boundaries as computed
from trials.sequential.grouped.boundaries import Boundaries
from trials.sequential.grouped.spending import equally_spaced

NOTE = "null bounds are practically infinite: they would be crossed with a probability below 1e-16."


@dataclass(frozen=True, slots=True)
class Asked:
    """The question and its answer. beta is None when no power was asked for."""

    spending: str
    parameter: float | None
    futility: str | None
    beta: float | None
    answer: Boundaries


def boundaries(
    looks: int | None,
    alpha: float,
    spending: str,
    information: tuple[float, ...] | None = None,
    futility: str | None = None,
    beta: float | None = None,
    parameter: float | None = None,
    sided: int = 1,
    futility_parameter: float | None = None,
) -> Asked:
    """The boundaries of `looks` equally spaced looks, or of those at the given fractions. Nothing is stored.

    Raises ProtocolError, one sentence, for anything that means nothing.
    """
    if information is not None and looks is not None and looks != len(information):
        raise ProtocolError(
            f"looks == {looks} with {len(information)} fractions in information, must agree. Leave out one of the two."
        )
    if information is None and looks is None:
        raise ProtocolError("looks == None, must be given, or information. Write --looks 5.")
    fractions = information if information is not None else equally_spaced(looks or 0)
    answer = computed.boundaries(
        fractions,
        alpha,
        spending,
        parameter=parameter,
        sided=sided,
        futility=futility,
        futility_parameter=futility_parameter,
        beta=beta,
    )
    return Asked(spending, parameter, futility, beta, answer)


def fractions_from(text: str | None) -> tuple[float, ...] | None:
    """The option `--information 0.2,0.5,1` as numbers. Raises ProtocolError for what is no number."""
    if text is None:
        return None
    numbers = []
    for part in text.split(","):
        try:
            numbers.append(float(part))
        except ValueError:
            raise ProtocolError(
                f'information == "{part.strip()}", must be a number. Write rising fractions, such as 0.2,0.5,1.'
            ) from None
    return tuple(numbers)


def as_json(asked: Asked) -> dict[str, Any]:
    """All digits; null for a bound that is practically infinite and for what was not asked."""
    plan = asked.answer
    return {
        "spending": asked.spending,
        "parameter": asked.parameter,
        "alpha": plan.alpha,
        "sided": plan.sided,
        "futility": asked.futility,
        "beta": asked.beta,
        "constant": plan.constant,
        "information": list(plan.information),
        "upper": list(plan.upper),
        "lower": list(plan.lower),
        "alpha_spent": list(plan.alpha_spent),
        "looks": [
            {
                "look": k + 1,
                "information": t,
                "upper": plan.upper[k],
                "lower": plan.lower[k],
                "alpha_spent": plan.alpha_spent[k],
                "beta_spent": plan.beta_spent[k] if plan.beta_spent else None,
            }
            for k, t in enumerate(plan.information)
        ],
        "drift": plan.drift,
        "inflation": plan.inflation,
        "expected_h1": plan.expected_h1,
        "expected_half": plan.expected_half,
        "expected_h0": plan.expected_h0,
        "note": NOTE if _some_infinite(asked) else None,
    }


def as_text(asked: Asked) -> str:
    """A table of the looks, then what they cost, for people."""
    plan = asked.answer
    with_lower = bool(asked.futility) or plan.sided == 2
    head = ["look", "information", "upper z", *(["lower z"] if with_lower else []), "alpha spent"]
    head += ["beta spent"] if plan.beta_spent else []
    rows = []
    for k, t in enumerate(plan.information):
        row = [str(k + 1), f"{t:.4g}", _bound(plan.upper[k]), *([_bound(plan.lower[k])] if with_lower else [])]
        rows.append([*row, _chance(plan.alpha_spent[k]), *([_chance(plan.beta_spent[k])] if plan.beta_spent else [])])
    return "\n".join([_title(asked), "", *_table([head, *rows]), *_costs(asked)])


def _title(asked: Asked) -> str:
    plan = asked.answer
    name = asked.spending if asked.parameter is None else f"{asked.spending} {asked.parameter:g}"
    sides = "one-sided" if plan.sided == 1 else "two-sided"
    futility = f", non-binding futility {asked.futility}" if asked.futility else ""
    power = f", power {1 - asked.beta:g}" if asked.beta is not None else ""
    constant = "" if plan.constant is None else f" (C = {plan.constant:.4f})"
    return f"{name}{constant}, alpha {plan.alpha:g} {sides}{futility}{power}"


def _table(rows: list[list[str]]) -> list[str]:
    widths = [max(len(row[column]) for row in rows) for column in range(len(rows[0]))]
    return ["  ".join(cell.rjust(width) for cell, width in zip(row, widths, strict=True)) for row in rows]


def _costs(asked: Asked) -> list[str]:
    plan, lines = asked.answer, [""]
    if _some_infinite(asked):
        lines.append("-: practically infinite, crossed with a probability below 1e-16.")
    if asked.futility:
        lines.append("Going on below a lower bound leaves alpha as it is. At the last look both bounds meet.")
    if plan.drift is None:
        return lines if len(lines) > 1 else []
    sizes = (
        (plan.expected_h1, "the effect planned for"),
        (plan.expected_half, "half of it"),
        (plan.expected_h0, "none"),
    )
    return [
        *lines,
        f"drift at the power asked: {_bound(plan.drift)}",
        f"most people, over the fixed design's: {_bound(plan.inflation)}",
        "people expected, over the fixed design's:",
        *(f"  {_bound(size)} with {truth}" for size, truth in sizes),
    ]


def _some_infinite(asked: Asked) -> bool:
    plan = asked.answer
    return None in plan.upper or (asked.futility is not None and None in plan.lower)


def _bound(value: float | None) -> str:
    return "-" if value is None else f"{value:.4f}"


def _chance(value: float) -> str:
    """Four decimals, or what is left of a smaller number."""
    if value == 0.0:
        return "0"
    return f"{value:.4f}" if value >= 1e-3 else f"{value:.1e}"
