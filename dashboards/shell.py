"""What stands around every page: the HTML frame, the side bar, and what the browser told about its screen."""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from typing import Any

import dash
import dash_mantine_components as dmc
from dash import dcc, html, set_props
from flask import current_app, g, request

from dashboards import read_model, theme, wording
from dashboards.doing import Doing
from dashboards.live import Told
from dashboards.page import Page
from dashboards.parts import absence, attributes, icon
from dashboards.read_model import ContradictionError, Desk, NoAccessError
from dashboards.reader import Reader
from dashboards.signing.visitor import Visitor
from dashboards.theme import Screen
from dashboards.wording import Standing
from trials.errors import ForbiddenError, StoreError, UnknownTrialError

PRODUCT = "Roadtest"
MOST_WAYS = 5

_CSS_VERSION = hashlib.sha256(theme.css().encode()).hexdigest()[:12]

# theme.css comes last, because it gives each icon its picture, which the shorthand in pages.css would take away again.
# boot.js runs before anything is drawn, so that no page flashes in the wrong scheme; it is a file because the
# content security policy allows no inline script.
FRAME = f"""<!DOCTYPE html>
<html lang="en-GB" data-scheme="light">
<head>
{{%metas%}}
<title>{{%title%}}</title>
<link rel="icon" type="image/svg+xml" href="/assets/mark.svg">
<script src="/boot.js"></script>
{{%css%}}
<link rel="stylesheet" href="/theme.css?v={_CSS_VERSION}">
</head>
<body>
{{%app_entry%}}
<footer>{{%config%}}{{%scripts%}}{{%renderer%}}</footer>
</body>
</html>"""


def layout() -> dmc.MantineProvider:
    """Side bar and place for a page, under the theme of the form parts."""
    # The scheme of the parts follows the root element's, which boot.js and live.js keep.
    return dmc.MantineProvider(_frame(), id="mantine", theme=theme.mantine(), forceColorScheme=screen().scheme)


def _frame() -> html.Div:
    return html.Div(
        [
            html.A("Skip to the page", href="#page", className="skip"),
            html.Header(
                [
                    dcc.Link(
                        [html.Span(className="mark", **attributes(aria_hidden="true")), html.Span("Roadtest")],
                        href="/",
                        className="brand",
                    ),
                    html.Nav(_links(), **attributes(aria_label="Main")),
                    html.Div(_who(), className="who"),
                    html.Button(
                        [icon("moon"), icon("sun"), html.Span("Colours: "), html.Span(className="scheme-word")],
                        id="scheme",
                        className="button",
                        type="button",
                        title="Switch between light and dark",
                        **attributes(aria_label="Switch between light and dark colours"),
                    ),
                ],
                className="side",
            ),
            html.Main([_lost(), dash.page_container], id="page", tabIndex="-1"),
            # Read out by screen readers, seen by nobody: verdicts that changed while the page was open.
            html.Div(id="announce", className="unseen", role="status", **attributes(aria_live="polite")),
        ],
        className="shell",
    )


def _links() -> list[Any]:
    """The navigation: every page with a place in it that the reader can use."""
    pages: tuple[Page, ...] = current_app.extensions["roadtest.pages"]
    listed = [page for page in pages if page.nav is not None and may_use(page, reader())]
    return [
        dcc.Link([icon(page.nav.icon), html.Span(page.nav.word)], href=page.path, className="nav-link")
        for page in sorted(listed, key=lambda page: page.nav.after if page.nav else 0)
        if page.nav
    ]


def _who() -> list[Any]:
    """Who the reader is to this server, and how to be somebody else."""
    who = reader()
    if who.kind == "link":
        leave = html.Button("Put the link away", type="button", className="button", **attributes(data_post="/leave"))
        leads = ", ".join(sorted(who.trials | who.programmes))
        return [html.P([icon("link"), "By a link"], className="who-how"), html.P(leads), leave]
    if who.kind == "local":
        named = f"As {who.person}" if who.person else "As nobody in particular"
        # Left without Dash's own link: the form behind it is a page of its own.
        change: list[Any] = [" (", html.A("change", href="/name"), ")"] if acting() else []
        return [html.P([icon("open"), "Local, no sign-in"], className="who-how"), html.P([named, *change])]
    visitor: Visitor | None = g.get("visitor")
    out = html.Button("Sign out", type="button", className="button", **attributes(data_post="/sign-out"))
    return [
        html.P([icon("person"), who.person or "Nobody in particular"], className="who-how"),
        *([out] if visitor is not None and visitor.session is not None else []),
    ]


def may_use(page: Page, who: Reader) -> bool:
    """Whether somebody has anything to do with a page. Whoever came by a link sees trials, and nothing of the work on them."""
    if who.kind == "link":
        return not page.acts and not page.work
    return who.may_act or not page.acts


def only_for_users(page: Page) -> Callable[..., html.Div]:
    """The page's layout, or why there is none for this reader."""

    def shown(**named: str) -> html.Div:
        if may_use(page, reader()):
            # An address may say a word twice; then it says nothing. Dash lets a query speak over the path: here it can't.
            said = {name: word for name, word in named.items() if isinstance(word, str)}
            return page.layout(**{**said, **page.variable(_path())})
        why = "A link shows its trials, and nothing else." if reader().kind == "link" else "These pages only show."
        head = html.Header(html.H1("Not for you to see"), className="page-head")
        card = html.Div(
            [absence("person", "No access", why), html.P(_ways_on(), className="form-buttons")], className="card"
        )
        # assets/places.js shows no page of the navigation as this one.
        return html.Div([head, card], className="no-access")

    return shown


def _ways_on() -> list[Any]:
    """Where a reader can go from a page that is not for them: a link's few trials, or the board."""
    trials = sorted(tokens().all()) if reader().kind == "link" else []
    if not 0 < len(trials) <= MOST_WAYS:
        return [dcc.Link("To the portfolio", href="/", className="button")]
    return [dcc.Link(f"To the trial {trial}", href=f"/trial/{trial}", className="button") for trial in trials]


def _path() -> str:
    """Inside Dash's own callback of the pages: the path of the address that is asked for."""
    return str(dash.callback_context.inputs.get("_pages_location.pathname") or "")


def _lost() -> html.Div:
    """The banner that the live script shows while it can't reach the server."""
    words: list[Any] = [
        html.Strong("Showing what came before. "),
        "The server can't be reached; this page will catch up by itself.",
    ]
    return html.Div([icon("warn"), html.Span(words)], className="banner lost", role="status")


def live_mark(store: str, url: str, etag: str) -> list[Any]:
    """What the live script reads: where to ask, from which state on, and which dcc.Store to tell."""
    told = attributes(data_url=url, data_etag=etag, data_store=store)
    return [html.Div(id="live-mark", hidden=True, **told), dcc.Store(id=store)]


def announce(changed: list[tuple[str, Standing]]) -> None:
    """Inside a callback: tells a screen reader which trials' verdicts changed, 'Personal budgets: Drop.'"""
    if changed:
        said = " ".join(f"{name}: {wording.VERDICT_WORDS[standing]}." for name, standing in changed)
        set_props("announce", {"children": said})


def trial_title(trial_id: str = "") -> str:
    """The browser's title of a trial's page: 'Personal budgets (simulated) - Drop - Roadtest'."""
    try:
        view = read_model.trial(desk(), trial_id)
    except (UnknownTrialError, NoAccessError, ContradictionError) as error:
        return f"{trial_id if isinstance(error, ContradictionError) else 'No such trial'} - {PRODUCT}"
    marks = "".join(f" ({mark})" for mark in wording.badges(view.protocol))
    return f"{view.protocol.name}{marks} - {wording.VERDICT_WORDS[view.standing]} - {PRODUCT}"


def live_word() -> html.Span:
    return html.Span(
        [html.Span(className="dot", **attributes(aria_hidden="true")), html.Span(className="live-word")],
        className="live",
    )


def screen() -> Screen:
    """The reader's colour scheme and width, as boot.js put them into cookies."""
    cookies = request.cookies
    return Screen("dark" if cookies.get("scheme") == "dark" else "light", cookies.get("narrow") == "1")


def listed() -> bool:
    """Whether the reader's window is too narrow for the board's grid and shows its list."""
    return request.cookies.get("listed") == "1"


def reader() -> Reader:
    """Who asks. Whoever signs people in puts them into `flask.g`; without that everybody is the app's own reader."""
    found: Reader = g.get("reader") or current_app.extensions["roadtest.reader"]
    return found


def desk() -> Desk:
    """What this request reads from, as its reader may see it. Apps in one process keep to their own store."""
    found: Desk = current_app.extensions["roadtest.desk"]
    return found.for_reader(reader())


def doing() -> Doing:
    """What the reader may do here. Raises ForbiddenError for whoever came by a link, and where the pages only show."""
    found: Doing | None = current_app.extensions["roadtest.doing"]
    if found is None:
        raise ForbiddenError("these pages only show. Use the command: roadtest --help")
    if not reader().may_act:
        raise ForbiddenError("a link shows and does nothing. Sign in with your own name.")
    return found


def acting() -> bool:
    """Whether the reader can do anything here; what, their roles say."""
    return current_app.extensions["roadtest.doing"] is not None and reader().may_act


def is_trial(trial_id: str) -> bool:
    """Whether the reader can be shown a trial of this name."""
    try:
        # Roles are asked anew: what polls are told of may be a moment old.
        return trial_id in tokens().all() if reader().kind == "local" else read_model.may_see(desk(), trial_id)
    except StoreError:
        return True  # without a database nobody knows


def tokens() -> Told:
    """What the reader is told of changes."""
    told: Told = current_app.extensions["roadtest.tokens"].told_to(reader())
    return told
