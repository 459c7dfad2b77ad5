"""GET over HTTP for connectors: patient with a server that is busy, strict with one that is wrong, silent about secrets.

Bodies are bounded while they are unpacked; redirects stay with the server that the plan names; nothing of a request is logged.
Sources: RFC 9110 (Retry-After 10.2.3, redirects 15.4), RFC 8288 (Link).
"""

from __future__ import annotations

import logging
import ssl
import time
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from functools import cache

import httpx

from trials.connectors.connector import Limits
from trials.connectors.formats.table import Refused, shorten
from trials.connectors.formats.unpacking import pieces
from trials.errors import SourceError

_BUSY = (429, 502, 503, 504)
_MOVED = (301, 302, 303, 307, 308)
_MAX_REDIRECTS = 5

_quiet: ContextVar[bool] = ContextVar("quiet", default=False)


def _not_ours(record: logging.LogRecord) -> bool:
    """Addresses may hold cursors made of people's ids, and answers' headers cookies: none of ours is logged."""
    return not _quiet.get()


for _name in ("httpx", "httpcore.connection", "httpcore.http11", "httpcore.http2", "httpcore.proxy"):
    logging.getLogger(_name).addFilter(_not_ours)


@dataclass(frozen=True, slots=True)
class Patience:
    """How hard a server that doesn't answer is tried: waits of first_wait, twice that, ... seconds between attempts.

    longest_wait: a server that asks for more (Retry-After) is left alone until the next collect.
    """

    attempts: int = 3
    first_wait: float = 1.0
    longest_wait: float = 60.0
    sleep: Callable[[float], None] = time.sleep
    clock: Callable[[], float] = time.monotonic


@dataclass(frozen=True, slots=True)
class Answer:
    """What came back: 200 with its unpacked body, or 304 without one.

    framed: the server said how long the body is, so a body that was cut off can't look whole.
    """

    url: httpx.URL
    status: int
    headers: httpx.Headers
    body: bytes
    links: Mapping[str, str]

    @property
    def framed(self) -> bool:
        return "content-length" in self.headers or "transfer-encoding" in self.headers


class _AgainError(Exception):
    """The server may do better soon. wait: seconds it asks for."""

    def __init__(self, sentence: str, wait: float = 0.0) -> None:
        super().__init__(sentence)
        self.wait = wait


@contextmanager
def session(timeout: float, *, direct: bool) -> Iterator[httpx.Client]:
    """A client for the requests of one delivery; nothing that it does is logged by httpx. direct: without a proxy."""
    token = _quiet.set(True)
    try:
        with httpx.Client(timeout=timeout, follow_redirects=False, trust_env=not direct, verify=_tls()) as client:
            yield client
    finally:
        _quiet.reset(token)


@cache
def _tls() -> ssl.SSLContext:
    """The certificates that are trusted; reading them takes longer than most answers."""
    return httpx.create_ssl_context()


def get(
    client: httpx.Client,
    url: httpx.URL,
    headers: Mapping[str, str],
    *,
    limits: Limits,
    now: datetime,
    patience: Patience,
) -> Answer:
    """The answer to a GET, 200 or 304, its body unpacked and within the limits.

    Raises SourceError: one sentence with the address (without its query) and what to do.
    """
    for attempt in range(1, patience.attempts + 1):
        try:
            return _followed(client, url, headers, limits, now, patience)
        except _AgainError as again:
            if attempt == patience.attempts:
                raise SourceError(f"{shown(url)} {again} (tried {attempt} times). Try again later.") from None
            if again.wait > patience.longest_wait:
                raise SourceError(f"{shown(url)} {again}, and asks to be left alone for {again.wait:g} s.") from None
            patience.sleep(max(again.wait, patience.first_wait * 2 ** (attempt - 1)))
    raise SourceError(f"{shown(url)} was not asked: attempts == {patience.attempts}, must be at least 1.")


def shown(url: httpx.URL) -> str:
    """An address as it may be shown: without user, query and fragment."""
    return str(url.copy_with(username=None, password=None, query=None, fragment=None))


def stays(here: httpx.URL, there: httpx.URL) -> bool:
    """Whether an address is on the same server: same host and port over the same scheme, or http on 80 -> https on 443."""
    if here.host != there.host or there.userinfo:
        return False
    better = (here.scheme, there.scheme) == ("http", "https") and here.port is None and there.port is None
    return better or (here.scheme, here.port) == (there.scheme, there.port)


def joined(here: httpx.URL, reference: str, what: str) -> httpx.URL:
    """The address that a server points to, in full. Raises SourceError unless it stays on that server."""
    try:
        there = here.join(reference)
    except (httpx.InvalidURL, ValueError):
        raise SourceError(f"{shown(here)} names {what} that is no address. Ask whoever runs it.") from None
    if not stays(here, there):
        raise SourceError(
            f"{shown(here)} points to {shown(there)} as {what}, must stay on the same server. If that one is right, name it "
            "in source.path."
        )
    return there


def _followed(
    client: httpx.Client,
    url: httpx.URL,
    headers: Mapping[str, str],
    limits: Limits,
    now: datetime,
    patience: Patience,
) -> Answer:
    """The answer after redirects."""
    here = url
    for _ in range(_MAX_REDIRECTS + 1):
        answer = _once(client, here, headers, limits, now, patience)
        if answer.status not in _MOVED:
            return answer
        here = joined(here, answer.headers.get("location", ""), "the place it moved to")
    raise SourceError(f"{shown(url)} redirects more than {_MAX_REDIRECTS} times. Name the last address in source.path.")


def _once(
    client: httpx.Client, url: httpx.URL, headers: Mapping[str, str], limits: Limits, now: datetime, patience: Patience
) -> Answer:
    limit = client.timeout.read or 0.0
    deadline = patience.clock() + limit
    try:
        with client.stream("GET", url, headers=headers) as response:
            _check_status(response, now)
            body = b""
            if response.status_code == 200:
                in_time = _in_time(response.iter_raw(), deadline, patience.clock)
                body = _unpacked(in_time, response, limits)
            return Answer(url, response.status_code, response.headers, body, _links(response))
    except httpx.TimeoutException:
        raise _AgainError(f"did not answer within {limit:g} s") from None
    except httpx.LocalProtocolError:  # its words may repeat a header that holds the secret
        raise SourceError(f"{shown(url)} can't be asked with these headers. Check source.options.headers.") from None
    except httpx.ConnectError as error:
        raise _AgainError(f"can't be reached ({shorten(str(error))})") from None
    except httpx.TransportError as error:
        raise _AgainError(f"broke off ({type(error).__name__})") from None


def _check_status(response: httpx.Response, now: datetime) -> None:
    status, here = response.status_code, shown(response.url)
    if status in (200, 304, *_MOVED):
        return
    if status in _BUSY:
        raise _AgainError(f"answered {status}", _retry_after(response.headers.get("retry-after", ""), now))
    if status in (401, 403, 407):
        raise SourceError(
            f"{here} answered {status}, must let us in. Check source.secret and what its account may read."
        )
    if status in (404, 410):
        raise SourceError(f"{here} answered {status}: nothing is there. Correct source.path in the plan.")
    raise SourceError(f"{here} answered {status}, must answer 200. Ask whoever runs it.")


def _retry_after(text: str, now: datetime) -> float:
    """Seconds that a server asks to be left alone, from a number or a date; 0 if it doesn't say."""
    if text.strip().isdecimal():
        return float(text)
    when = http_date(text)
    return 0.0 if when is None else max(0.0, (when - now).total_seconds())


def http_date(text: str) -> datetime | None:
    """A date of HTTP as aware UTC; None if it is none."""
    try:
        found = parsedate_to_datetime(text)
    except ValueError:
        return None
    return found.replace(tzinfo=UTC) if found.tzinfo is None else found.astimezone(UTC)


def _links(response: httpx.Response) -> dict[str, str]:
    """The answer's links by relation, in small letters (RFC 8288); a link may have several relations."""
    found = response.links.values()
    return {rel: link["url"] for link in found for rel in link.get("rel", "").lower().split() if "url" in link}


def _in_time(chunks: Iterable[bytes], deadline: float, clock: Callable[[], float]) -> Iterator[bytes]:
    """httpx's time-out starts anew with every chunk; a server that sends a byte now and then must end as well."""
    for chunk in chunks:
        if clock() > deadline:
            raise httpx.ReadTimeout("the answer takes too long")
        yield chunk


class _Raw:
    """Chunks as a stream that bytes are read from."""

    def __init__(self, chunks: Iterable[bytes]) -> None:
        self._chunks = (chunk for chunk in chunks if chunk)

    def read(self, size: int, /) -> bytes:
        """The next chunk, whatever its size; b"" at the end."""
        return next(self._chunks, b"")


def _unpacked(chunks: Iterable[bytes], response: httpx.Response, limits: Limits) -> bytes:
    """The body without its content encoding. httpx itself would unpack a chunk of a bomb whole."""
    here = shown(response.url)
    encoding = response.headers.get("content-encoding", "").strip().lower()
    if encoding not in ("", "identity", "gzip", "x-gzip"):
        raise SourceError(f"{here} answered in the content encoding {shorten(encoding)}, must be gzip or none.")
    try:
        return b"".join(pieces(_Raw(chunks), limits, gzipped=encoding.endswith("gzip")))
    except Refused as refused:
        raise SourceError(f"{here}: {refused}") from None
