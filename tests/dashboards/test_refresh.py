"""Redrawing in place: what has an id is found, named and compared."""

from __future__ import annotations

from dash import html

from dashboards.refresh import name_parts, named, shape


def test_parts_without_an_id_get_one() -> None:
    """So that everything that may change can be reached; what holds an id already keeps it."""
    parts = name_parts("plan", [html.P("a"), html.Div(html.P("b", id="mine"))])
    assert [each.id for each in named(parts)] == ["plan-0", "mine"]


def test_equal_shapes_have_the_same_ids_in_the_same_order() -> None:
    """Text may differ; a part that comes or goes makes another shape."""
    one, two = html.Div([html.P("a", id="x")]), html.Div([html.P("b", id="x")])
    assert shape(one) == shape(two) == ["P x"]
    assert shape(html.Div([html.P("a", id="x"), html.P("c", id="y")])) != shape(one)
