"""An effect as people: of a hundred with usual practice so many, of a hundred with the idea so many; means for the rest."""

from __future__ import annotations

from dataclasses import dataclass
from urllib.parse import quote

from dashboards import wording
from dashboards.theme import Screen
from trials.analysis import leading
from trials.disclosure.looks import digits
from trials.evidence import ArmTotal, Look
from trials.protocol import Primary, Protocol

SIDE, STEP = 10, 12  # dots in a row, and from one to the next
HUNDRED = 100


@dataclass(frozen=True, slots=True)
class Side:
    """One group. shown: its number in words. of_hundred: how many of a hundred people, where the outcome is yes or no."""

    name: str
    shown: str
    of_hundred: int | None = None


@dataclass(frozen=True, slots=True)
class InPeople:
    """The estimate in plain words, and the two sides of it; no sides where it is no difference of two numbers."""

    sentence: str
    sides: tuple[Side, ...] = ()


def in_people(protocol: Protocol, look: Look) -> InPeople:
    """The estimate of a look whose arms and estimate may be shown. Of several arms the one that leads.

    Of a hundred people the idea's number is the usual one less the estimate, as numbers of the groups would disagree with one
    that compares people within their sites. Means are the groups' own, as tables have them; where they don't subtract to the
    estimate, that is said.
    """
    idea = leading(look.comparisons).arm if look.comparisons else protocol.treatments[0].id
    effect, name = look.estimate or 0.0, wording.arm_name(protocol, idea)
    if wording.is_time(protocol.primary):
        return InPeople(f"{name} beside {wording.usual(protocol)}: {wording.effect(protocol, effect)}")
    usual, first = protocol.primary.baseline, "the benchmark"
    if protocol.control is not None:
        control = next(arm for arm in look.arms if arm.arm == protocol.control.id)
        usual, first = _mean(protocol.primary, control), wording.arm_name(protocol, control.arm)
    change = -effect if protocol.primary.better == "lower" else effect
    if wording.per_hundred(protocol.primary):
        return _of_hundred((first, name), usual, change, wording.measure(protocol))
    own = _mean(protocol.primary, next(arm for arm in look.arms if arm.arm == idea))
    sides = tuple(Side(who, wording.mean(protocol.primary, value)) for who, value in ((first, usual), (name, own)))
    said = f"{wording.effect(protocol, effect)}{_note(protocol.primary, usual, own, change)}"
    each = f"per {wording.exposure(protocol.primary)}" if wording.is_count(protocol.primary) else "on average"
    return InPeople(f"About {sides[1].shown} with {name} {each}, {sides[0].shown} with {first}: {said}", sides)


def _mean(primary: Primary, arm: ArmTotal) -> float:
    return arm.total / (arm.exposure or 1.0) if wording.is_count(primary) else arm.total / arm.n


def _note(primary: Primary, usual: float, own: float, change: float) -> str:
    """Why the two numbers as said don't subtract to the difference as said; '' where they do."""
    numbers = [round(value, digits(primary, abs(value))) for value in (own, usual, change)]
    apart = abs(numbers[0] - numbers[1] - numbers[2])
    unit = max(10.0 ** -digits(primary, abs(value)) for value in (own, usual, change))
    if apart < unit / 1000:
        return ""
    return " (each number rounded)" if apart < 1.6 * unit else " (the adjusted estimate, not the two subtracted)"


def _of_hundred(names: tuple[str, str], share: float, change: float, measure: str) -> InPeople:
    """Both rounded first, so that the words can't disagree with the picture."""
    usual, more = round(HUNDRED * share), round(HUNDRED * change)
    idea = min(max(usual + more, 0), HUNDRED)
    said = "as many" if idea == usual else f"{abs(idea - usual)} {'more' if idea > usual else 'fewer'}"
    return InPeople(
        f"Of 100 people, about {idea} with {names[1]} and {usual} with {names[0]} have the outcome “{measure}”: {said}",
        tuple(Side(name, f"{count} of 100", count) for name, count in zip(names, (usual, idea), strict=True)),
    )


def picture(count: int, screen: Screen) -> str:
    """A hundred dots, `count` of them filled, as the address of an image."""
    size = SIDE * STEP
    filled, others = _dots(range(count)), _dots(range(count, HUNDRED))
    svg = (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {size} {size}">'
        f'<g stroke-linecap="round" fill="none"><path d="{others}" stroke="{screen.colour("line")}" stroke-width="9"/>'
        f'<path d="{filled}" stroke="{screen.colour("keep_going")}" stroke-width="9"/></g></svg>'
    )
    return f"data:image/svg+xml,{quote(svg, safe=' =:/')}"


def _dots(places: range) -> str:
    """Dots as lines without length, which round ends make round."""
    return "".join(f"M{place % SIDE * STEP + STEP // 2} {place // SIDE * STEP + STEP // 2}h0" for place in places)
