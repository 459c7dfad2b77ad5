"""create_app(): the Dash app over a store, with its headers, health route and live route."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path
from typing import Any

import dash
from flask import Flask, Response, request, send_from_directory

from dashboards import answering, bundles, headers, live, metrics, read_model, shell, signing, theme
from dashboards.doing import Doing
from dashboards.page import Page
from dashboards.pages import PAGES, not_found_404
from dashboards.read_model import Desk
from dashboards.reader import NOBODY, Reader
from dashboards.signing import Signing
from dashboards.signing.page_token import CALLBACKS, HEADER
from trials.errors import StoreError
from trials.store.engine import Store

ASSETS = Path(__file__).parent / "assets"
YEAR = 365 * 24 * 3600
NO_ENTRY = Reader(kind="link")  # where people sign in, somebody whom the gate would let through unnamed sees nothing
MOST_SENT = 16_000_000  # bytes of one request


def create_app(
    store: Store,
    *,
    stale_after: timedelta | None = None,
    doing: Doing | None = None,
    reader: Reader = NOBODY,
    signed: Signing | None = None,
    data_docs: Path | None = None,
    metering: metrics.Metering | None = None,
) -> dash.Dash:
    """The pages over a store. `stale_after`: a running trial without a delivery for this long is marked; None = never.
    doing: what can be done on them (`flows.doing`); None = they only show. reader: who asks where nobody signs in.
    signed: how people sign in; None: nobody does, and cookies count until the app ends. data_docs: the folder of the
    reports on deliveries; None = there are none. metering: who may read /metrics; None: `Metering()`.

    Nothing on the pages comes from outside, and nothing they do goes outside.
    """
    signed = signed or Signing()
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
        csrf_token_name=signed.cookie("csrf"),
        csrf_header_name=HEADER,
        meta_tags=[
            {"name": "viewport", "content": "width=device-width, initial-scale=1"},
            {"name": "robots", "content": "noindex"},
        ],
    )
    owners: dict[str, Page] = {}
    register: Any = dash.register_page  # untyped in Dash
    for page in PAGES:
        where = {"path_template" if "<" in page.path else "path": page.path}
        register(page.name, **where, title=page.title, layout=shell.only_for_users(page))
        before = set(app.callback_map)
        page.listen(app)
        owners |= dict.fromkeys(app.callback_map.keys() - before, page)
    register("not_found_404", title=not_found_404.TITLE, layout=not_found_404.layout)
    app.enable_dev_tools(debug=False, dev_tools_disable_version_check=True)
    app.layout = shell.layout
    metrics.install(app.server, Desk(store), metering or metrics.Metering(), signs_in=signed.mode != "none")
    _extend(app, Desk(store, stale_after), doing, reader if signed.mode == "none" else NO_ENTRY)
    _guard(app, store, signed, reader, owners)
    answering.install(app)
    if data_docs is not None:
        from dashboards import datadocs

        app.server.register_blueprint(datadocs.routes(data_docs))
    return app


def _guard(app: dash.Dash, store: Store, signed: Signing, reader: Reader, owners: dict[str, Page]) -> None:
    """Puts the gate before the app. owners: by the outputs of a callback, the page that it belongs to."""
    server: Flask = app.server
    tokens: live.Tokens = server.extensions["roadtest.tokens"]

    def may() -> bool:
        if request.path.startswith("/data-docs"):
            return shell.reader().kind != "link"
        if request.path != CALLBACKS:
            return True
        asked = answering.asked()
        page = owners.get(str(asked.get("output"))) if isinstance(asked, dict) else None
        return page is None or shell.may_use(page, shell.reader())

    signing.install(server, store, signed, reader, lambda: tokens.pulse().doors, may)
    headers.install(app, signed)


def _extend(app: dash.Dash, desk: Desk, doing: Doing | None, reader: Reader) -> None:
    """Puts what Dash does not bring onto its Flask server."""
    server: Flask = app.server
    server.config["SEND_FILE_MAX_AGE_DEFAULT"] = YEAR
    server.config["MAX_CONTENT_LENGTH"] = MOST_SENT
    server.extensions["roadtest.pages"] = PAGES
    server.extensions["roadtest.doing"] = doing
    server.extensions["roadtest.reader"] = reader
    server.extensions["roadtest.desk"] = desk
    server.extensions["roadtest.tokens"] = tokens = live.Tokens(desk)
    server.register_blueprint(live.routes(tokens, shell.reader))
    bundles.install(server)

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
    def missing(response: Response) -> Response:
        # Dash answers every address with its frame, and lets the browser find the page: it says so too, in words.
        framed = request.endpoint in ("/", "/<path:path>") and response.status_code == 200
        if framed and not any(page.takes(request.path) for page in PAGES):
            response.status_code = 404
        return response
