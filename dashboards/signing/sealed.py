"""Signed texts: what a cookie says is believed only with our signature, and each kind of cookie has its own."""

from __future__ import annotations

import base64
import hashlib
import hmac
import secrets
from typing import Any

from itsdangerous import BadData, URLSafeTimedSerializer

from dashboards.signing.mode import Signing


def sealed(signing: Signing, what: str, value: Any) -> str:
    """A value that can be read by all and written by us."""
    return str(_serializer(signing, what).dumps(value))


def opened(signing: Signing, what: str, text: str | None, *, hours: float | None = None) -> Any:
    """The value of a text that we sealed for this purpose, not longer ago than so many hours; None for any other."""
    if not text or len(text) > 1_000:
        return None
    try:
        return _serializer(signing, what).loads(text, max_age=None if hours is None else int(hours * 3600))
    except BadData:
        return None


def _serializer(signing: Signing, what: str) -> URLSafeTimedSerializer:
    return URLSafeTimedSerializer(
        signing.secret, salt=f"roadtest {what}", signer_kwargs={"digest_method": hashlib.sha256}
    )


def page_token(signing: Signing, binding: str) -> str:
    """What a page of ours sends with whatever it asks to be changed: random, and signed for one session alone."""
    nonce = secrets.token_urlsafe(9)
    return f"{nonce}.{_mac(signing, binding, nonce)}"


def is_page_token(signing: Signing, binding: str, token: str) -> bool:
    """Whether we gave this token to this session."""
    nonce, _, mac = token.partition(".")
    return hmac.compare_digest(mac.encode("utf-8", "replace"), _mac(signing, binding, nonce).encode())


def _mac(signing: Signing, binding: str, nonce: str) -> str:
    text = f"page token\0{binding}\0{nonce}".encode("utf-8", "surrogatepass")
    return base64.urlsafe_b64encode(hmac.digest(signing.secret, text, "sha256")[:18]).decode()
