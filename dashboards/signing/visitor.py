"""Who a request comes from: by its link, its session, or what stands in front."""

from __future__ import annotations

import hmac
import ipaddress
import threading
from dataclasses import dataclass
from datetime import UTC, datetime

from flask import Request

from dashboards.reader import Reader
from dashboards.signing.mode import Signing
from dashboards.signing.sealed import opened
from trials.store import doors
from trials.store.accounts import LONGEST_NAME
from trials.store.doors import Known, Link
from trials.store.engine import Store

PROXY_SECRET = "X-Roadtest-Proxy-Secret"


@dataclass(frozen=True, slots=True)
class Session:
    """One sign-in of one account."""

    id: str
    name: str


@dataclass(frozen=True, slots=True)
class Visitor:
    """reader: None for somebody who is not let in yet. binding: the session that page tokens are signed for. link: by which
    they came. ended: they hold a link that leads nowhere any more. refused: why what stands in front is not believed."""

    reader: Reader | None
    binding: str = "visitor"
    session: Session | None = None
    link: Link | None = None
    ended: bool = False
    refused: str = ""


class Doors:
    """Tells who asks, from an app's store. Safe to share between threads."""

    def __init__(self, store: Store, signing: Signing, local: Reader) -> None:
        self.store, self.signing, self._local = store, signing, local
        self._lock = threading.Lock()
        self._at, self._known = -1, Known({}, frozenset(), {})

    def known(self, at: int) -> Known:
        """Who may come in, when `doors` counted so far: read again only when that number is another one."""
        with self._lock:
            if at != self._at:
                self._at, self._known = doors.known(self.store)
            return self._known

    def visitor(self, request: Request, at: int | None = None) -> Visitor:
        """Who asks. at: what `doors` counts, where that is known; else it is asked. Raises StoreError."""
        by_link, signed_in = (request.cookies.get(self.signing.cookie(what)) for what in ("link", "session"))
        if not by_link and (self.signing.mode != "accounts" or not signed_in):
            return self._unsigned(request)
        known = self.known(doors.doors(self.store) if at is None else at)
        link = self._link(by_link, known)
        if link is not None and (self.signing.mode != "proxy" or not _untrusted(request, self.signing)):
            names = (frozenset({name} if name else ()) for name in (link.trial, link.programme))
            return Visitor(Reader("", "link", *names), f"link {link.id}", link=link)
        session = self._session(signed_in, known) if self.signing.mode == "accounts" else None
        if session is not None:
            return Visitor(Reader(session.name, "account"), f"session {session.id}", session)
        found = self._unsigned(request)
        return Visitor(found.reader, found.binding, ended=bool(by_link), refused=found.refused)

    def _link(self, text: str | None, known: Known) -> Link | None:
        found = known.links.get(str(opened(self.signing, "link", text)))
        return found if found is not None and found.stands(datetime.now(UTC)) else None

    def _session(self, text: str | None, known: Known) -> Session | None:
        match opened(self.signing, "session", text, hours=self.signing.hours):
            case [str(name), str(stamp), str(id)] if known.stamps.get(name) == stamp and id not in known.ended:
                return Session(id, name)
        return None

    def _unsigned(self, request: Request) -> Visitor:
        """Somebody without a link or a session of ours."""
        if self.signing.mode == "accounts":
            return Visitor(None)
        if self.signing.mode == "proxy":
            return _proxied(request, self.signing)
        if self._local.kind != "local":
            return Visitor(self._local, "local")
        name = opened(self.signing, "name", request.cookies.get(self.signing.cookie("name")))
        return Visitor(Reader(name, "local") if isinstance(name, str) and name else self._local, "local")


def _untrusted(request: Request, signing: Signing) -> str:
    """Why what stands in front is not believed; "" when it is."""
    if not signing.proxy.is_at(request.remote_addr or ""):
        return "This server answers only to the server in front of it. Use the address that you were given."
    said, secret = request.headers.get(PROXY_SECRET, ""), signing.proxy.secret
    if secret and not hmac.compare_digest(said.encode("utf-8", "replace"), secret.encode()):
        return "The server in front did not show its secret. Tell whoever runs this."
    return ""


def _proxied(request: Request, signing: Signing) -> Visitor:
    refused = _untrusted(request, signing)
    if refused:
        return Visitor(None, refused=refused)
    names = request.headers.getlist(signing.proxy.header)
    try:
        name = names[0].encode("latin-1").decode("utf-8").strip() if len(names) == 1 else ""
    except UnicodeError:
        name = ""
    # Two of the same header arrive as one with a comma: somebody may have sent theirs along.
    if not name or "," in name or len(name) > LONGEST_NAME or not name.isprintable():
        return Visitor(None, refused="The server in front did not say who you are. Sign in there first.")
    return Visitor(Reader(name, "proxy"), f"proxy {name}")


def address_of(request: Request, signing: Signing) -> str:
    """Where a request comes from: the peer, or whom a trusted server in front names last. Of IPv6 the network (/64), which
    is what one household has."""
    hops = [hop.strip() for value in request.headers.getlist("X-Forwarded-For") for hop in value.split(",")]
    found = request.remote_addr or ""
    while hops and signing.proxy.is_at(found):
        found = hops.pop()
    try:
        address = ipaddress.ip_address(found)
    except ValueError:
        return found[:64]
    if isinstance(address, ipaddress.IPv6Address):
        return str(ipaddress.ip_network((address, 64), strict=False))
    return str(address)
