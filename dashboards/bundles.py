"""What a page weighs: answers are compressed, files of ours and of the libraries once and better, and Plotly's whole bundle is
answered with the part of it that draws on two axes, which is all that is drawn here.

The part is plotly.js' own `plotly.js-cartesian-dist-min` (MIT) of the same version; where the installed Plotly is another
one, its own bundle is served.
"""

from __future__ import annotations

import gzip
import re
from collections.abc import Callable
from functools import cache
from pathlib import Path
from threading import Lock

import brotli  # type: ignore[import-untyped]
from flask import Flask, Response, request, send_file
from flask_compress import Compress
from plotly.offline import get_plotlyjs_version

VENDOR = Path(__file__).parent / "vendor"
SUITES = "/_dash-component-suites/"
_PLOTLY = re.compile(rf"{SUITES}plotly/package_data/plotly\.(v[\w-]+m[0-9a-fA-F]+\.)?min\.js")
_TEXTS = ("text/javascript", "application/javascript", "text/css", "image/svg+xml", "application/x-javascript")
_MOST = 200  # files kept compressed
# Of brotli's 11 levels the last two take twenty times as long for a twelfth less.
_PACKED: dict[str, Callable[[bytes], bytes]] = {
    "br": lambda data: bytes(brotli.compress(data, mode=brotli.MODE_TEXT, quality=9)),
    "gzip": lambda data: gzip.compress(data, 9),
}


@cache
def cartesian() -> Path | None:
    """The lighter bundle, if it is the installed Plotly's."""
    found = VENDOR / f"plotly-cartesian-{get_plotlyjs_version()}.min.js"
    return found if found.is_file() else None


def install(server: Flask) -> None:
    """Puts both before and after an app's answers. What a signing page says is never compressed: it repeats what it was asked
    beside a token, and the size of an answer would tell of it (BREACH, Gluck, Harris and Prado 2013)."""
    server.config.update(
        COMPRESS_REGISTER=False, COMPRESS_ALGORITHM=["br", "gzip"], COMPRESS_BR_LEVEL=4, COMPRESS_STREAMS=False
    )
    others, kept = Compress(server), _Kept()

    @server.before_request
    def lighter() -> Response | None:
        found = cartesian() if request.path.startswith(SUITES) and _PLOTLY.fullmatch(request.path) else None
        return None if found is None else send_file(found, mimetype="text/javascript", max_age=0)

    @server.after_request
    def compress(response: Response) -> Response:
        if request.path.startswith(("/assets/", "/boot.js", SUITES)) and response.status_code == 200:
            kept.squeeze(response)
        if response.status_code == 304:
            response.close()  # nobody reads the file behind it, so nobody else closes it
        return response if request.blueprint == "signing" else others.after_request(response)


class _Kept:
    """Files as they were compressed once. Safe to share between threads."""

    def __init__(self) -> None:
        self._lock = Lock()
        self._done: dict[tuple[object, ...], bytes] = {}

    def squeeze(self, response: Response) -> None:
        """Compresses an answer if the browser understands it, there is room, and it is a text."""
        encoding = next((name for name in _PACKED if request.accept_encodings[name] > 0), None)
        if encoding is None or response.mimetype not in _TEXTS or request.method != "GET":
            return
        key = (encoding, request.path, response.last_modified, response.content_length)
        with self._lock:
            if key not in self._done and len(self._done) >= _MOST:
                return
        response.direct_passthrough = False
        if key not in self._done:
            self._done[key] = _PACKED[encoding](response.get_data())
        close = getattr(response.response, "close", None)
        response.set_data(self._done[key])
        if close is not None:  # of a file that is not sent as it is
            close()
        response.headers["Content-Encoding"] = encoding
        response.vary.add("Accept-Encoding")
        if response.get_etag()[0]:
            response.set_etag(str(response.get_etag()[0]), weak=True)
            response.make_conditional(request)
