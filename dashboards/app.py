"""create_app(): the Dash app over a store, with its headers, health route and live route."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path
from typing import Any

import dash
from flask import Flask, Response, request, send_from_directory

from dashboards import live, read_model, shell, theme
from dashboards.doing import Doing
from dashboards.pages import PAGES, not_found_404
from dashboards.read_model import Desk
from dashboards.reader import NOBODY, Reader
from trials.errors import StoreError
from trials.store.engine import Store

ASSETS = Path(__file__).parent / "assets"
YEAR = 365 * 24 * 3600


def create_app(
    store: Store, *, stale_after: timedelta | None = None, doing: Doing | None = None, reader: Reader = NOBODY
) -> dash.Dash:
    """The pages over a store. `stale_after`: a running trial without a delivery for this long is marked; None = never.
    doing: what can be done on them (`flows.doing`); None = they only show. reader: who asks where nobody signs in.

    Nothing on the pages comes from outside, and nothing they do goes outside.
    """
    app = dash.Dash(
        "dashboards",
        use_pages=True,
        pages_folder="",  # pages are named in `dashboards.pages`: a page is one file and one line, found by the reader too
        assets_folder=str(ASSETS),
        assets_ignore=r"boot\.js",
        index_string=shell.FRAME,
        title=shell.PRODUCT,
        update_title="",
        serve_locally=True,
        include_pages_meta=False,  # cards for social media, with this server's address
        suppress_callback_exceptions=True,
        add_log_handler=False,
        meta_tags=[
            {"name": "viewport", "content": "width=device-width, initial-scale=1"},
            {"name": "robots", "content": "noindex"},
        ],
    )
    register: Any = dash.register_page  # untyped in Dash
    for page in PAGES:
        where = {"path_template" if "<" in page.path else "path": page.path}
        register(page.name, **where, title=page.title, layout=page.layout)
        page.listen(app)
    register("not_found_404", title=not_found_404.TITLE, layout=not_found_404.layout)
    app.enable_dev_tools(debug=False, dev_tools_disable_version_check=True)
    app.layout = shell.layout
    _extend(app, Desk(store, stale_after), doing, reader)
    return app


def _extend(app: dash.Dash, desk: Desk, doing: Doing | None, reader: Reader) -> None:
    """Puts what Dash does not bring onto its Flask server."""
    server: Flask = app.server
    server.config["SEND_FILE_MAX_AGE_DEFAULT"] = YEAR
    server.extensions["roadtest.pages"] = PAGES
    server.extensions["roadtest.doing"] = doing
    server.extensions["roadtest.reader"] = reader
    server.extensions["roadtest.desk"] = desk
    server.extensions["roadtest.tokens"] = live.Tokens(desk)
    server.register_blueprint(live.routes(server.extensions["roadtest.tokens"]))

    @server.get("/healthz")
    def health() -> Response:
        try:
            read_model.tokens(desk)
        except StoreError as error:
            return Response(f"{error}\n", 503, mimetype="text/plain")
        return Response("ok\n", 200, mimetype="text/plain", headers={"Cache-Control": "no-store"})

    @server.get("/theme.css")
    def theme_css() -> Response:
        return Response(
            theme.css(), mimetype="text/css", headers={"Cache-Control": f"public, max-age={YEAR}, immutable"}
        )

    @server.get("/boot.js")
    def boot_js() -> Response:
        return send_from_directory(ASSETS, "boot.js", max_age=0)

    @server.after_request
    def headers(response: Response) -> Response:
        scripts = " ".join(["'self'", *app.csp_hashes()])
        response.headers["Content-Security-Policy"] = (
            f"default-src 'self'; script-src {scripts}; style-src 'self' 'unsafe-inline'; img-src 'self' data:; "
            "font-src 'self'; connect-src 'self'; object-src 'none'; base-uri 'none'; form-action 'self'; "
            "frame-ancestors 'none'"
        )
        response.headers["X-Content-Type-Options"] = "nosniff"
        response.headers["Referrer-Policy"] = "no-referrer"
        if response.status_code == 200 and response.mimetype == "text/html" and not _exists(request.path):
            response.status_code = 404  # the page itself says so too, in words
        if response.mimetype in ("application/json", "text/html"):
            response.headers.setdefault("Cache-Control", "no-store")
        return response


def _exists(path: str) -> bool:
    """Whether an address has a page. Dash answers every address with its frame and lets the browser find the page."""
    return any(page.takes(path) for page in PAGES)
