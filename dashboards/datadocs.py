"""Data Docs: the static pages that the checks of each round write into a folder, served offline under /data-docs/.

They tell of all trials, so whoever may read only some is not shown them: they are for readers on this machine, and for those
who signed in and may read every trial. Nobody who came by a link is among them. Nothing is served but pages that lie in the
folder, under names that the checks give.
"""

from __future__ import annotations

import re
from html import escape
from pathlib import Path

from flask import Blueprint, Response, current_app

from dashboards import read_model, shell
from dashboards.read_model import Desk
from trials.errors import StoreError

PLACE = "/data-docs/"
KNOWN = "roadtest.data_docs"  # where the app keeps the folder
_NAME = re.compile(r"index\.html|trials/[A-Za-z0-9_-]+\.html")

# Their style sheet stands in the pages, whose own policy allows that one by its hash and nothing else.
_POLICY = (
    "default-src 'none'; style-src 'unsafe-inline'; img-src data:; base-uri 'none'; form-action 'none'; "
    "frame-ancestors 'none'"
)
_OUR_POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; font-src 'self'; base-uri 'none'; "
    "form-action 'none'; frame-ancestors 'none'"
)


def routes(folder: Path) -> Blueprint:
    """`/data-docs/` and `/data-docs/trials/<name>.html`: the pages in `folder`; a sentence with 404 where there are none and
    with 403 for whoever may not see them."""
    docs = Blueprint("data_docs", __name__)
    docs.record(lambda state: state.app.extensions.__setitem__(KNOWN, folder))

    @docs.get(PLACE)
    @docs.get(f"{PLACE}<path:name>")
    def show(name: str = "index.html") -> Response:
        if not allowed(shell.desk()):
            return _said(
                403, "Not for you to see", "Data Docs tell of all trials. Ask a lead for a role in each of them."
            )
        found = page_in(folder, name)
        if found is not None:
            return _answer(found, 200, _POLICY)
        if name == "index.html":
            return _said(404, "No Data Docs yet", "The first round writes them: roadtest round. Then they open here.")
        return _said(404, "There is no page here", "Each round writes a page for each trial that was due.")

    return docs


def page_in(folder: Path, name: str) -> str | None:
    """A page's text; None where there is none of that name in the folder, or it leads out of it."""
    if not _NAME.fullmatch(name):
        return None
    try:
        path = (folder / name).resolve(strict=True)
        return path.read_text(encoding="utf-8") if path.is_relative_to(folder.resolve(strict=True)) else None
    except OSError:
        return None


def allowed(desk: Desk) -> bool:
    """Whether somebody may see pages that tell of every trial."""
    if desk.reader.kind in ("local", "link"):
        return desk.reader.kind == "local"
    try:
        return read_model.seen_ids(desk) == frozenset(read_model.tokens(desk))
    except StoreError:
        return False


def offered() -> bool:
    """Inside a request: whether there is a first page that the reader may open."""
    folder: Path | None = current_app.extensions.get(KNOWN)
    return folder is not None and (folder / "index.html").is_file() and allowed(shell.desk())


def _said(status: int, title: str, why: str) -> Response:
    page = (
        '<!doctype html>\n<html lang="en-GB"><head><meta charset="utf-8">'
        '<meta name="viewport" content="width=device-width, initial-scale=1">'
        f"<title>{escape(title)} - {shell.PRODUCT}</title>"
        '<link rel="icon" type="image/svg+xml" href="/assets/mark.svg"><script src="/boot.js"></script>'
        '<link rel="stylesheet" href="/theme.css"><link rel="stylesheet" href="/assets/pages.css"></head><body><main>'
        f'<div class="card"><div class="absence"><span class="icon icon-empty" aria-hidden="true"></span>'
        f"<h1>{escape(title)}</h1><p>{escape(why)}</p>"
        '<p><a class="button" href="/data">Back to the data page</a></p></div></div></main></body></html>\n'
    )
    return _answer(page, status, _OUR_POLICY)


def _answer(page: str, status: int, policy: str) -> Response:
    answer = Response(page, status, mimetype="text/html")
    answer.headers["Content-Security-Policy"] = policy
    answer.headers["X-Content-Type-Options"] = "nosniff"
    answer.headers["Referrer-Policy"] = "no-referrer"
    answer.headers["Cache-Control"] = "no-store"
    return answer
