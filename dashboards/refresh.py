"""Redrawing a page in place: what has an id keeps its place on the screen and only gets new properties.

Handing Dash a whole new tree would build it anew: opened tables would close, and every chart would blink.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from dash import set_props
from dash.development.base_component import Component


def walk(component: Any) -> Iterator[Component]:
    """The component and everything inside it, outermost first."""
    if isinstance(component, list | tuple):
        for each in component:
            yield from walk(each)
    elif isinstance(component, Component):
        yield component
        yield from walk(getattr(component, "children", None))


def named(component: Any) -> list[Any]:
    """What has an id inside a component (or is it)."""
    return [each for each in walk(component) if getattr(each, "id", None)]


def name_parts(prefix: str, parts: list[Any]) -> list[Any]:
    """Gives an id to each part that holds none yet, at every depth at which others have one, so that everything that may change
    can be reached: beside a part with an id no other is left without."""
    for number, part in enumerate(parts):
        if not isinstance(part, Component):
            continue
        if not named(part):
            setattr(part, "id", f"{prefix}-{number}")  # noqa: B010 - untyped in Dash
        elif isinstance(getattr(part, "children", None), list):
            name_parts(f"{prefix}-{number}", part.children)
    return parts


def shape(component: Any) -> list[str]:
    """Which ids stand in a component, in their order. Equal shapes can be redrawn in place."""
    return [f"{type(each).__name__} {each.id}" for each in named(component)]


def redraw(component: Any) -> None:
    """Inside a callback: sends the properties of everything that has an id, the innermost children with them."""
    for each in named(component):
        props = dict(each.to_plotly_json()["props"])
        del props["id"]
        if named(props.get("children")):
            del props["children"]
        if props:
            set_props(each.id, props)
