"""Requests that change something come from a page of ours, or are refused: the signed double-submit cookie (OWASP Cross-Site
Request Forgery Prevention Cheat Sheet), bound to the session, and beside it what the browser says of where it comes from.

Dash sends the cookie back in a header by itself; plain forms carry it in a hidden field.
"""

from __future__ import annotations

import hmac
from urllib.parse import urlsplit

from flask import Request

from dashboards.signing.mode import Signing
from dashboards.signing.sealed import is_page_token

HEADER = "X-CSRFToken"
FIELD = "csrf_token"
CALLBACKS = "/_dash-update-component"


def refusal(request: Request, signing: Signing, binding: str) -> str:
    """Why a request may not change anything; "" when it may."""
    if _from_elsewhere(request, signing):
        return "This request comes from another site."
    if request.path == CALLBACKS and request.mimetype != "application/json":
        return "A callback must be JSON."
    kept = request.cookies.get(signing.cookie("csrf"), "")
    sent = request.headers.get(HEADER) or (request.form.get(FIELD) if request.path != CALLBACKS else None) or ""
    same = hmac.compare_digest(kept.encode("utf-8", "replace"), sent.encode("utf-8", "replace"))
    if not kept or not same or not is_page_token(signing, binding, kept):
        return "This page is too old, or not ours. Load it again."
    return ""


def _from_elsewhere(request: Request, signing: Signing) -> bool:
    """Whether the browser says that another site sent this. One that says nothing is judged by the token alone."""
    if request.headers.get("Sec-Fetch-Site", "same-origin") != "same-origin":
        return True
    origin = request.headers.get("Origin")
    if origin is None:
        return False
    public = urlsplit(signing.public_url)
    ours = {request.host, *([public.netloc] if public.netloc else [])}
    return urlsplit(origin).netloc not in ours
