"""What every answer says to the browser about itself: what may run on it, who may frame it, how long it may be kept."""

from __future__ import annotations

import re

import dash
from flask import Flask, Response, request

from dashboards.signing import Signing

FILES = ("/assets/", "/_dash-component-suites/")
YEAR = 365 * 24 * 3600
DAY = 24 * 3600
_FINGERPRINT = re.compile(r"\.v[\w-]+m[0-9a-fA-F]+\.")  # as dash.fingerprint makes them
_NO_DEVICES = ", ".join(
    f"{name}=()"
    for name in [
        "accelerometer",
        "autoplay",
        "camera",
        "display-capture",
        "encrypted-media",
        "fullscreen",
        "geolocation",
        "gyroscope",
        "magnetometer",
        "microphone",
        "midi",
        "payment",
        "picture-in-picture",
        "publickey-credentials-get",
        "screen-wake-lock",
        "usb",
        "xr-spatial-tracking",
    ]
)


def install(app: dash.Dash, signing: Signing) -> None:
    """Puts the headers on every answer; on polls few of them, as most of their weight is headers."""

    server: Flask = app.server

    @server.after_request
    def say(response: Response) -> Response:
        response.headers["X-Content-Type-Options"] = "nosniff"
        if request.path.startswith("/live/"):
            return response
        if request.path.startswith(FILES):
            response.headers["Cross-Origin-Resource-Policy"] = "same-origin"
            response.headers["Content-Security-Policy"] = (
                "default-src 'none'; style-src 'unsafe-inline'"  # of an SVG alone
            )
            _kept(response)
            return response
        # `no-referrer` would make browsers send "Origin: null" with our own forms.
        response.headers.setdefault("Referrer-Policy", "same-origin")
        response.headers["Cross-Origin-Opener-Policy"] = "same-origin"
        response.headers["Cross-Origin-Resource-Policy"] = "same-origin"
        response.headers["Permissions-Policy"] = _NO_DEVICES
        if signing.secure:
            response.headers["Strict-Transport-Security"] = f"max-age={YEAR}"
        response.headers.setdefault("Content-Security-Policy", _policy(app))
        _kept(response)
        return response


def _policy(app: dash.Dash) -> str:
    scripts = " ".join(["'self'", *app.csp_hashes()])
    return (
        f"default-src 'self'; script-src {scripts}; style-src 'self' 'unsafe-inline'; img-src 'self' data:; "
        "font-src 'self'; connect-src 'self'; object-src 'none'; base-uri 'none'; form-action 'self'; "
        "frame-ancestors 'none'"
    )


def _kept(response: Response) -> None:
    """A file whose address changes with its content is kept for good, the others for a day, and what is somebody's never."""
    suite = request.path.startswith("/_dash-component-suites/")
    named = request.path.startswith("/assets/") or request.path == "/theme.css"
    fixed = _FINGERPRINT.search(request.path) if suite else request.args.get("m") or request.args.get("v")
    if suite or named:
        del response.headers["Expires"]  # says the same for caches of the last century, of another time
    if response.status_code == 200 and (suite or named) and fixed:
        response.headers["Cache-Control"] = f"public, max-age={YEAR}, immutable"
    elif response.status_code in (200, 304) and suite:
        response.headers["Cache-Control"] = (
            "public, no-cache"  # asked again by its ETag: parts of one version belong together
        )
    elif response.status_code == 200 and named:
        response.headers["Cache-Control"] = f"public, max-age={DAY}"
    elif response.mimetype in ("application/json", "text/html"):
        response.headers.setdefault("Cache-Control", "no-store")
