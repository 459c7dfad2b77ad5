"""The intervention by TIDieR's twelve items, and what sites did otherwise: tailoring where the plan leaves room, else drift.

Items: Hoffmann et al. (2014), BMJ 348:g1687. Items 1 to 9 and 11 come from the plan; 10 (modifications) and 12 (how well,
actual) are filled from recorded adaptations. That fitting the flexible parts to people is part of doing it well, and only a
changed core is another idea: Perez, Van der Stuyft, Zabala, Castro & Lefevre (2016), Implementation Science 11:91.
An adaptation is something that a site did, not a person counted: its numbers are shown as they are.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

from trials.acts.adaptations import Adaptation
from trials.errors import DataError
from trials.plan.intervention import Component, Intervention

Class = Literal["tailoring", "drift"]
# Item, name, and the field of the plan; '' where what is recorded fills it.
ITEMS: tuple[tuple[int, str, str], ...] = (
    (1, "brief name", "name"),
    (2, "why", "why"),
    (3, "what: materials", "materials"),
    (4, "what: procedures", "procedures"),
    (5, "who provides it", "who"),
    (6, "how", "how"),
    (7, "where", "where"),
    (8, "when and how much", "when_and_how_much"),
    (9, "tailoring", "tailoring"),
    (10, "modifications", ""),
    (11, "how well, planned", "how_well"),
    (12, "how well, actual", ""),
)
NOTHING_RECORDED = "nothing is recorded yet"


@dataclass(frozen=True, slots=True)
class Item:
    """One of TIDieR's items. empty: the plan says nothing of it, or nothing is recorded yet."""

    number: int
    name: str
    text: str
    empty: bool


@dataclass(frozen=True, slots=True)
class Classified:
    """An adaptation and what it is."""

    adaptation: Adaptation
    kind: Class


@dataclass(frozen=True, slots=True)
class SiteFidelity:
    """What one site did otherwise. drifted: the components of which it left what was planned."""

    site: str
    tailoring: int
    drift: int
    drifted: tuple[str, ...]
    sentence: str


@dataclass(frozen=True, slots=True)
class Fidelity:
    items: tuple[Item, ...]
    warnings: tuple[str, ...]
    sites: tuple[SiteFidelity, ...]
    adaptations: tuple[Classified, ...]
    sentence: str


def table() -> tuple[tuple[str, ...], ...]:
    """TIDieR's items for docs/managing/people.md."""
    rows = [
        (str(number), name, f"`intervention.{field}`" if field else "recorded adaptations")
        for number, name, field in ITEMS
    ]
    return (("item", "name", "from"), *rows)


def classify(intervention: Intervention, adaptation: Adaptation) -> Class:
    """Tailoring: within what may vary of a flexible component. Drift: outside of it, or at a core component at all.

    Raises DataError when the intervention has no such component.
    """
    component = must_have(intervention, adaptation.component)
    return "tailoring" if component.role == "flexible" and adaptation.inside else "drift"


def must_have(intervention: Intervention | None, component: str) -> Component:
    """The plan's component of this id. Raises DataError, which names those that there are."""
    components = () if intervention is None else intervention.components
    found = next((one for one in components if one.id == component), None)
    if found is None:
        known = ", ".join(one.id for one in components)
        hint = f"Components: {known}." if known else "The plan names none: add intervention.components."
        raise DataError(f"component == '{component}', must be a component of the plan's intervention. {hint}")
    return found


def fidelity(intervention: Intervention, adaptations: Sequence[Adaptation], sites: Sequence[str] = ()) -> Fidelity:
    """The items, what is missing, and each site's tailoring and drift. sites: the plan's, so that one that reports nothing
    shows."""
    classified = tuple(
        Classified(one, classify(intervention, one)) for one in sorted(adaptations, key=lambda one: one.day)
    )
    named = list(dict.fromkeys((*sites, *(one.site for one in adaptations))))
    by_site = tuple(_site(site, [one for one in classified if one.adaptation.site == site]) for site in named)
    items = tuple(_item(intervention, classified, number, name, field) for number, name, field in ITEMS)
    return Fidelity(items, warnings(intervention), by_site, classified, _sentence(classified))


def warnings(intervention: Intervention) -> tuple[str, ...]:
    """What the plan leaves open, one sentence each: nobody could do the idea again without it."""
    found = []
    empty = [f"{number} ({name})" for number, name, field in ITEMS if field and not getattr(intervention, field)]
    if empty:
        found.append(f"TIDieR items without a word in the plan: {', '.join(empty)}; nobody elsewhere could do it again")
    if not any(one.role == "core" for one in intervention.components):
        found.append("no component is core, so nothing could ever be drift; name what must not change")
    for one in intervention.components:
        if one.role == "flexible" and not one.within:
            found.append(f"component {one.id} is flexible, but `within` does not say what may vary")
    return tuple(found)


def _item(intervention: Intervention, classified: Sequence[Classified], number: int, name: str, field: str) -> Item:
    if field:
        text = str(getattr(intervention, field))
        return Item(number, name, text, not text)
    if not classified:
        return Item(number, name, NOTHING_RECORDED, True)
    if number == 12:
        return Item(number, name, _sentence(classified), False)
    told = [
        f"{one.adaptation.day.isoformat()}, {one.adaptation.site or 'no site'}, {one.adaptation.component} ({one.kind}): "
        f"{one.adaptation.what}"
        for one in classified
    ]
    return Item(number, name, "; ".join(told), False)


def _sentence(classified: Sequence[Classified]) -> str:
    if not classified:
        return "No adaptation is recorded yet; that is no proof that the idea is done as planned."
    drift = [one for one in classified if one.kind == "drift"]
    counted = f"{len(classified)} adaptation{'' if len(classified) == 1 else 's'}"
    if not drift:
        return f"{counted}, all within the flexible parts: that is tailoring, as planned."
    parts = ", ".join(dict.fromkeys(one.adaptation.component for one in drift))
    return (
        f"{counted}, {len(drift)} outside what the plan leaves open ({parts}): that is drift, so the results are not "
        "those of the idea as planned alone."
    )


def _site(site: str, mine: Sequence[Classified]) -> SiteFidelity:
    drifted = tuple(dict.fromkeys(one.adaptation.component for one in mine if one.kind == "drift"))
    drift = sum(one.kind == "drift" for one in mine)
    where = f"Site {site}" if site else "No site named"
    if not mine:
        sentence = f"{where}: nothing reported; ask whether it is done as planned."
    elif not drift:
        sentence = f"{where}: {len(mine)} adapted, all within the flexible parts: tailoring, as planned."
    else:
        sentence = (
            f"{where}: {drift} of {len(mine)} outside what the plan leaves open ({', '.join(drifted)}): drift; find out why "
            "before its results are read."
        )
    return SiteFidelity(site, len(mine) - drift, drift, drifted, sentence)
