"""Mending rows that were set aside: opened on asking, mended cell by cell, judged again.

Cells travel only to whoever asks for them, in the answer to that press: the page as it is loaded, its live changes, addresses
and what the browser keeps hold none of them. What is redrawn live leaves the forms alone.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from dash import ALL, MATCH, Dash, Input, Output, State, ctx, html, no_update, set_props
from dash.exceptions import PreventUpdate

from dashboards import shell, wording
from dashboards.doing import Place
from dashboards.pages import data_words as words
from dashboards.pages.data_form import Typed, forms
from dashboards.parts import absence, attempt, button, done, outcome, refused
from dashboards.read_model.data_trial import TrialData, columns_of
from trials.errors import DataError

HEAD = "data-mend-head"
Redraw = Callable[[str, dict[str, list[str]] | None], dict[str, list[str]]]


def panel(found: TrialData) -> html.Section:
    """The panel, without any row: they are asked for."""
    head = html.Header([html.H3(_title(found), id="data-mend-title"), html.P(_how())], id=HEAD)
    if not shell.acting():
        why = "Rows are opened and mended by those who signed in with a role that repairs data, such as an operator."
        inside: list[Any] = [absence("person", "Showing only", why)]
    else:
        inside = [
            html.Div(
                [
                    button("Open the rows: this is noted", "data-open", "eye"),
                    button("Judge again (replay)", "data-replay", "replay", primary=True),
                ],
                className="form-buttons data-mend-buttons",
            ),
            html.P("The checks judge the mended rows again.", id="data-busy", className="data-busy", hidden=True),
            outcome("data-mend-said"),
            html.Div(id="data-rows", className="data-rows"),
        ]
    return html.Section([head, *inside], className="panel card span-12 data-mend")


def _title(found: TrialData) -> str:
    rows = found.row.rows
    return f"{words.more(rows).capitalize()} rows wait to be mended" + (", or none" if rows is None else "")


def _how() -> str:
    return (
        "A row that broke a rule was set aside whole; none is lost. Mend it as its site says, then let the same checks judge "
        "it again. What the site sent is kept beside every mended version."
    )


def listen(app: Dash, redraw: Redraw) -> None:
    """Registers what the buttons do. redraw: sends what the store says of the trial by now."""

    @app.callback(
        Output("data-rows", "children"),
        Output("data-mend-said", "children"),
        Input("data-open", "n_clicks"),
        State("data-trial-id", "data"),
        running=[(Output("data-open", "disabled"), True, False)],
        prevent_initial_call=True,
    )
    def show(pressed: int | None, trial_id: str) -> tuple[Any, list[Any]]:
        if not pressed:
            raise PreventUpdate
        opened: list[list[Any]] = []
        said = attempt(lambda: _open(trial_id, opened))
        return (opened[0] if opened else no_update), said

    _listen_rows(app)
    _listen_replay(app, redraw)


def _listen_rows(app: Dash) -> None:
    at = {"place": MATCH}

    @app.callback(
        Output({"type": "data-said", **at}, "children"),
        Input({"type": "data-save", **at}, "n_clicks"),
        Input({"type": "data-leave", **at}, "n_clicks"),
        State({"type": "data-save", **at}, "id"),
        State({"type": "data-cell", "column": ALL, **at}, "id"),
        State({"type": "data-cell", "column": ALL, **at}, "value"),
        State({"type": "data-reason", **at}, "value"),
        State({"type": "data-known", **at}, "data"),
        State("data-trial-id", "data"),
        prevent_initial_call=True,
    )
    def mend(
        save: int | None,
        leave: int | None,
        which: dict[str, str],
        ids: list[dict[str, str]],
        values: list[str | None],
        reason: str | None,
        known: dict[str, Any],
        trial_id: str,
    ) -> list[Any]:
        if not save and not leave:
            raise PreventUpdate
        typed = {one["column"]: value or "" for one, value in zip(ids, values, strict=True)}
        place = which["place"]
        if ctx.triggered_id["type"] == "data-save":
            return attempt(lambda: _save(trial_id, place, _changes(typed, known), reason or "", known))
        return attempt(lambda: _leave(trial_id, place, reason or "", known))


def _listen_replay(app: Dash, redraw: Redraw) -> None:
    @app.callback(
        Output("data-mend-said", "children", allow_duplicate=True),
        Input("data-replay", "n_clicks"),
        State("data-trial-id", "data"),
        State("data-trial-shapes", "data"),
        State({"type": "data-known", "place": ALL}, "id"),
        State({"type": "data-known", "place": ALL}, "data"),
        State({"type": "data-cell", "column": ALL, "place": ALL}, "id"),
        State({"type": "data-cell", "column": ALL, "place": ALL}, "value"),
        State({"type": "data-reason", "place": ALL}, "id"),
        State({"type": "data-reason", "place": ALL}, "value"),
        prevent_initial_call=True,
    )
    def replay(
        pressed: int | None, trial_id: str, shapes: dict[str, list[str]] | None, *filled: list[Any]
    ) -> list[Any]:
        if not pressed:
            raise PreventUpdate

        def judge() -> list[Any]:
            became = shell.doing().replay(trial_id, by=shell.reader().person)
            if became.taken or became.again:
                set_props("data-trial-shapes", {"data": redraw(trial_id, shapes)})
                if filled[0]:  # the rows are open, so those that still wait are shown as they stand now
                    set_props("data-rows", {"children": _rows_left(trial_id, _typed(*filled))})
            return done(became.sentence)

        return attempt(judge)


def _typed(
    known_ids: Sequence[Mapping[str, str]],
    known: Sequence[Mapping[str, Any]],
    cell_ids: Sequence[Mapping[str, str]],
    cells: Sequence[str | None],
    reason_ids: Sequence[Mapping[str, str]],
    reasons: Sequence[str | None],
) -> Typed:
    """What stands in the forms, by place, version and column ('' = why), so that it outlasts their being drawn again. Of a
    row that somebody else mended meanwhile nothing is kept."""
    versions = {one["place"]: int(each["version"]) for one, each in zip(known_ids, known, strict=True)}
    told = [(one["place"], one["column"], value) for one, value in zip(cell_ids, cells, strict=True)]
    told += [(one["place"], "", value) for one, value in zip(reason_ids, reasons, strict=True)]
    return {(place, versions[place], column): value or "" for place, column, value in told if place in versions}


def _open(trial_id: str, opened: list[list[Any]]) -> list[Any]:
    """Puts the forms of the rows that wait into `opened`, and says how many they are."""
    rows = shell.doing().waiting_rows(trial_id, by=shell.reader().person)
    opened.append(forms(rows, columns_of(shell.desk(), trial_id), {}))
    if not rows:
        return done("No row waits to be mended.")
    many = wording.plural(len(rows), "row waits", "rows wait")
    deliveries = wording.plural(len({row.place[0] for row in rows}), "delivery", "deliveries")
    noted = "; that you opened them is noted" if rows[0].cells is not None else ""
    return done(f"{many} to be mended, of {deliveries}{noted}.")


def _rows_left(trial_id: str, typed: Typed) -> list[Any]:
    rows = shell.doing().waiting_rows(trial_id, by=shell.reader().person)
    return forms(rows, columns_of(shell.desk(), trial_id), typed)


def _place(text: str) -> Place:
    delivery, _, row = text.partition("-")
    if not (delivery.isdecimal() and row.isdecimal()):
        raise DataError("This is no row that was set aside. Open the rows again.")
    return int(delivery), int(row)


def _changes(typed: Mapping[str, str], known: Mapping[str, Any]) -> dict[str, str]:
    """What is sent to be mended. Of cells that were shown all, since an emptied one is a change too; the store keeps what
    differs. Of a row whose cells are hidden only what was filled in."""
    had = () if known["hidden"] else known["had"]
    return {column: value for column, value in typed.items() if value or column in had}


def _save(trial_id: str, place: str, changes: Mapping[str, str], reason: str, known: dict[str, Any]) -> list[Any]:
    if not reason.strip():
        return refused("Say why the row is mended: it is kept for ever beside the row.")
    if not changes:
        return refused("Nothing was changed. Fill in the cell that was wrong.")
    doing, person = shell.doing(), shell.reader().person
    doing.mend(trial_id, _place(place), changes, reason=reason, by=person, upon=known["version"])
    had = known["had"] if known["hidden"] else list(changes)
    set_props({"type": "data-known", "place": place}, {"data": known | {"version": known["version"] + 1, "had": had}})
    return done("Saved. The row waits to be judged again.")


def _leave(trial_id: str, place: str, reason: str, known: Mapping[str, Any]) -> list[Any]:
    if not reason.strip():
        return refused("Say why the row is not to be mended: it is kept for ever beside the row.")
    doing, person = shell.doing(), shell.reader().person
    doing.leave(trial_id, _place(place), reason=reason, by=person, upon=known["version"])
    set_props({"type": "data-known", "place": place}, {"data": {**known, "version": known["version"] + 1}})
    return done("Not to be mended: the row has left the list. Saving a mend of it takes that back.")
