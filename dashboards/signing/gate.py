"""The gate: before every request it is settled who asks, and whether they may; after it, that their pages can ask again."""

from __future__ import annotations

import ipaddress
from collections.abc import Callable
from urllib.parse import quote

from flask import Flask, Response, current_app, g, jsonify, redirect, request
from werkzeug.wrappers import Response as AnyResponse

from dashboards.reader import Reader
from dashboards.signing import pages
from dashboards.signing.mode import Signing
from dashboards.signing.page_token import refusal
from dashboards.signing.sealed import is_page_token, page_token
from dashboards.signing.visitor import Doors, Visitor
from trials.errors import StoreError
from trials.store.engine import Store

# The same for everybody, and nothing of anybody's: scripts, styles, fonts, health.
PUBLIC = ("/assets/", "/_dash-component-suites/")
PUBLIC_PATHS = frozenset({"/healthz", "/theme.css", "/boot.js", "/_favicon.ico"})
# Where somebody who is not let in yet may go.
ENTRANCES = frozenset({"/sign-in", "/sign-out", "/leave"})
# What scripts ask for: they are answered in JSON, not led to a page.
FOR_SCRIPTS = ("/_", "/live/")
SAFE = frozenset({"GET", "HEAD", "OPTIONS"})


def install(
    server: Flask,
    store: Store,
    signing: Signing,
    reader: Reader,
    remembered: Callable[[], int],
    may: Callable[[], bool],
) -> None:
    """Puts the gate before an app's server.

    reader: who asks where nobody signs in. remembered: what `trials.store.doors.doors` counted a moment ago, for polls, which
    must cost no query. may: whether the visitor, who is known by then, may ask for what this request asks.
    """
    doors = Doors(store, signing, reader)
    server.extensions["roadtest.doors"] = doors
    server.register_blueprint(pages.routes(doors))

    @server.before_request
    def who() -> AnyResponse | None:
        if signing.mode == "none" and not _is_here(request.host):
            return pages.said(403, "Not from there", "Without a sign-in this server answers at 127.0.0.1 alone.")
        if request.path in PUBLIC_PATHS or (request.path.startswith(PUBLIC) and request.method in SAFE):
            return None
        try:
            polled = remembered() if request.path.startswith("/live/") else None
            g.visitor = visitor = doors.visitor(request, polled)
        except StoreError as error:
            return _told(503, "The database does not answer", str(error))
        if visitor.reader is not None:
            g.reader = visitor.reader
        return _stopped(visitor, may)

    @server.after_request
    def keep(response: Response) -> Response:
        visitor: Visitor | None = g.get("visitor")
        kept = request.cookies.get(signing.cookie("csrf"), "")
        polls = request.path.startswith("/live/") and not kept  # whoever polls without it opened no page
        name = f"{signing.cookie('csrf')}="
        given = any(cookie.startswith(name) for cookie in response.headers.getlist("Set-Cookie"))
        if visitor is None or polls or given or request.method != "GET":
            return response
        if not is_page_token(signing, visitor.binding, kept):
            set_page_token(response, signing, visitor.binding)
        return response


def set_page_token(response: AnyResponse, signing: Signing, binding: str) -> None:
    """The cookie that a page's script reads, and sends along with whatever it asks to be changed."""
    pages.set_cookie(response, signing, "csrf", page_token(signing, binding), script=True)


def _stopped(visitor: Visitor, may: Callable[[], bool]) -> AnyResponse | None:
    """The answer to somebody who may not go on; None for everybody else."""
    if visitor.refused:
        return _told(403, "Not signed in", visitor.refused)
    doors: Doors = current_app.extensions["roadtest.doors"]
    if request.method not in SAFE and (why := refusal(request, doors.signing, visitor.binding)):
        return _told(403, "Nothing was done", why)
    if visitor.reader is not None:
        return None if may() else _told(403, "Not by a link", "A link shows its trials, and nothing else.")
    if request.path in ENTRANCES or request.path.startswith("/s/"):
        return None
    if request.path.startswith(FOR_SCRIPTS) or request.method not in SAFE:
        return _told(401, "Not signed in", "Sign in again.")
    if visitor.ended:
        answer = pages.link_ended()
        pages.drop_cookie(answer, doors.signing, "link")  # the next step leads to the sign-in
        return answer
    return redirect(f"/sign-in?next={quote(request.full_path.rstrip('?'))}", 303)


def _told(status: int, title: str, why: str) -> AnyResponse:
    """A refusal for scripts or for people."""
    if not request.path.startswith(FOR_SCRIPTS):
        return pages.said(status, title, why)
    if status == 503:
        return Response(f"{why}\n", status, mimetype="text/plain")
    answer = jsonify(error=why)
    answer.status_code = status
    return answer


def _is_here(host: str) -> bool:
    """Whether a browser was told to ask this machine by its own name: another site's name that leads here (DNS rebinding)
    must not make its scripts ours."""
    name = host.rsplit(":", 1)[0] if not host.endswith("]") else host
    try:
        return name == "localhost" or ipaddress.ip_address(name.strip("[]")).is_loopback
    except ValueError:
        return False
