"""CONNECTOR `http`: outcomes that another system gives out over HTTP, as CSV, JSON or NDJSON, in one answer or in pages.

All pages or nothing: a page that fails fails the delivery. An answer without rows is a failure of the source, never "no
outcomes". Where the server gives an ETag, what has not changed is not sent again (RFC 9110, 13.1.2). docs/sources.md
"""

from __future__ import annotations

import base64
import hashlib
from dataclasses import dataclass, field
from datetime import UTC, datetime
from functools import partial

import httpx

from trials.connectors.answers import TYPES, Format, Page, read_page, to_table
from trials.connectors.connector import Connector, Context, Found, Limits, source_name
from trials.connectors.fetching import Answer, Patience, get, http_date, session, shown
from trials.connectors.formats.table import too_large
from trials.connectors.http_options import HttpOptions, address, check, is_here
from trials.connectors.options import options_of
from trials.connectors.paging import Paging, first_address, next_address
from trials.connectors.states import shown_before, shown_now
from trials.errors import SourceError
from trials.protocol import Protocol, Source
from trials.records import Delivery

# A server without a clock says 1970; an outcome dated so would count as known from the start.
_FIRST_SANE = datetime(2000, 1, 1, tzinfo=UTC)

PATIENT = Patience()


def find(source: Source, context: Context) -> tuple[Found, ...]:
    """The one delivery that may lie ready; the server is not asked yet."""
    url = address(source)
    stem = url.path.rstrip("/").rpartition("/")[2] or url.host
    return (Found(f"{stem} {context.now:%Y-%m-%dT%H:%M:%SZ}", context.now, shown(url)),)


def fingerprint(found: Found, context: Context) -> None:
    """Nothing can be known of an answer without asking for it."""


def read(protocol: Protocol, found: Found, context: Context, patience: Patience = PATIENT) -> Delivery | None:
    """What the server answers now; None when it says by its ETag, or by what it answers, that nothing has changed.

    Raises SourceError when it can't be reached, refuses, answers something else than the plan says, or has no rows.
    """
    options = options_of(HttpOptions, protocol.source)
    pages = _pages(protocol, options, context, patience)
    if pages is None:
        return None
    answers, read_pages = pages
    if not any(page.count for page in read_pages) and read_pages[-1].problem is None:
        raise SourceError(
            f"{found.locator} answered with no rows, must have some. Ask whoever runs it; nothing was stored."
        )
    shown = shown_now(
        shown_before(context.watermark), _digest([page.body for page in read_pages]), _etag(answers, options)
    )
    if shown is None:
        return None
    table = to_table(read_pages, options.format, protocol, context.limits)
    return Delivery(
        trial=protocol.trial,
        source=source_name(CONNECTOR.name, protocol.source),
        name=found.name,
        content_sha256=shown.content,
        sent_at=_sent_at(answers, context.now),
        columns=table.columns,
        rows=table.rows,
        repairs=table.repairs,
        problem=table.problem,
        # Where the server says how long a body is, one that was cut off is not taken for whole.
        unfinished=table.unfinished and not answers[-1].framed,
        watermark=shown.to_text(),
    )


def _pages(
    protocol: Protocol, options: HttpOptions, context: Context, patience: Patience
) -> tuple[list[Answer], list[Page]] | None:
    """Every page, in order; None when nothing has changed. Stops at a page that can't be read, which spoils the delivery."""
    first = first_address(str(address(protocol.source)), options.params, options.paging)
    headers = _headers(protocol.source, options, context)
    answers: list[Answer] = []
    pages: list[Page] = []
    seen = _Seen()
    url: httpx.URL | None = first
    with session(context.timeout, direct=is_here(first.host)) as client:
        while url is not None:
            _check_new_page(url, seen, len(answers), options.paging)
            answer = get(client, url, headers, limits=context.limits, now=context.now, patience=patience)
            if answer.status == 304:
                _check_asked(answer, headers)
                return None
            _check_type(answer, options.format)
            page = read_page(answer.body, answer.url, options.format, options.rows, protocol, context.limits)
            _check_goes_on(page, seen, url, context.limits)
            seen.add(answer, page)
            answers.append(answer)
            pages.append(page)
            if page.problem is not None:
                break
            url = next_address(options.paging, first, answer, len(pages) - 1, page.count, page.document)
    return answers, pages


def _check_asked(answer: Answer, headers: dict[str, str]) -> None:
    if "If-None-Match" not in headers:
        raise SourceError(f"{shown(answer.url)} answered 304 unasked, must answer 200. Ask whoever runs it.")


@dataclass(slots=True)
class _Seen:
    """What the pages so far were, so that the next is compared with all of them at once."""

    addresses: set[str] = field(default_factory=set)
    digests: set[bytes] = field(default_factory=set)
    size: int = 0

    def add(self, answer: Answer, page: Page) -> None:
        self.addresses.add(str(answer.url))
        self.digests.add(page.digest)
        self.size += len(page.body)


def _check_goes_on(page: Page, seen: _Seen, url: httpx.URL, limits: Limits) -> None:
    """A page brings something new, and all of them together stay within the limit."""
    if page.count and page.digest in seen.digests:
        raise SourceError(
            f"{shown(url)} sent the same page twice, must go on to the next. Correct source.options.paging."
        )
    if seen.size + len(page.body) > limits.unpacked_bytes:
        raise SourceError(f"{shown(url)}: all pages together: {too_large(limits)}")


def _check_new_page(url: httpx.URL, seen: _Seen, count: int, paging: Paging | None) -> None:
    if str(url) in seen.addresses:
        raise SourceError(
            f"{shown(url)} points back to a page that was read, must go on. Correct source.options.paging."
        )
    if paging is not None and count >= paging.max_pages:
        raise SourceError(
            f"{shown(url)} goes on after {paging.max_pages:,} pages, must end there. If there are more, write "
            "source.options.paging.max_pages."
        )


def _check_type(answer: Answer, format: Format) -> None:
    """A sign-in page that comes with 200 is not data."""
    kind = answer.headers.get("content-type", "").partition(";")[0].strip().lower()
    known = TYPES[format]
    right = kind in known or (format == "json" and kind.endswith("+json"))
    if not right or answer.body.lstrip(b"\xef\xbb\xbf \t\r\n")[:1] == b"<":
        raise SourceError(
            f"{shown(answer.url)} answered with {kind or 'no content type'}{' that begins with <' if right else ''}, "
            f"must be {format} ({known[0]}). Is it a sign-in page?"
        )


def _headers(source: Source, options: HttpOptions, context: Context) -> dict[str, str]:
    sent = {"Accept": f"{TYPES[options.format][0]}, */*;q=0.1", "Accept-Encoding": "gzip", **options.headers}
    if source.secret is not None and options.auth is not None:
        name, value = _credentials(source.secret, context.secret(source.secret), options.auth)
        sent[name] = value
    etag = None if options.paging is not None else shown_before(context.watermark).etag
    return sent if etag is None else {**sent, "If-None-Match": etag}


def _credentials(name: str, secret: str, auth: str) -> tuple[str, str]:
    """The header that carries the secret. Raises SourceError, without its value, when it can't be one."""
    if auth == "basic":
        if ":" not in secret:
            raise SourceError(f"the secret '{name}' must be user:password for auth: basic. Set it anew.")
        return "Authorization", "Basic " + base64.b64encode(secret.encode()).decode("ascii")
    if not secret or not secret.isascii() or not secret.isprintable() or secret != secret.strip():
        raise SourceError(
            f"the secret '{name}' must be printable ASCII without blanks around it to be sent in a header. Set it anew."
        )
    return ("Authorization", f"Bearer {secret}") if auth == "bearer" else (auth.removeprefix("header "), secret)


def _etag(answers: list[Answer], options: HttpOptions) -> str | None:
    """The ETag, where the answer is the whole: the first of several pages may stay the same while others change."""
    etag = answers[0].headers.get("etag")
    return None if options.paging is not None or not etag or not etag.isascii() or not etag.isprintable() else etag


def _sent_at(answers: list[Answer], now: datetime) -> datetime:
    """When the newest page changed, if every page says so sanely; else now."""
    times = [http_date(answer.headers.get("last-modified", "")) for answer in answers]
    sane = [time for time in times if time is not None and _FIRST_SANE <= time <= now]
    return max(sane) if len(sane) == len(times) else now


def _digest(bodies: list[bytes]) -> str:
    """SHA-256 of the bytes of the answer; of several pages each with its length before it, so that no two lists agree."""
    if len(bodies) == 1:
        return hashlib.sha256(bodies[0]).hexdigest()
    return hashlib.sha256(b"".join(b"%d:%s" % (len(body), body) for body in bodies)).hexdigest()


def connector(patience: Patience = PATIENT) -> Connector:
    """The connector with another patience, for tests that don't wait."""
    return Connector("http", check, find, fingerprint, partial(read, patience=patience))


CONNECTOR = connector()
