"""Asking a REDCap API: POST, bounded, few retries. The token stands in the body of requests and nowhere else.

The protocol is the one that every REDCap server documents under `/api/help`: each request is a form with `token`,
`content` and `format`; errors come as {"error": "..."} with a status of 400 or more.
"""

from __future__ import annotations

import json
import re
import time
from collections.abc import Callable, Mapping, Sequence
from typing import Any
from urllib.parse import urlsplit

import httpx

from trials.connectors.formats.cells import text_of
from trials.connectors.formats.table import shorten
from trials.errors import SourceError

WAITS = (1.0, 3.0, 9.0)  # seconds before the second, third and fourth try
_AGAIN = frozenset({429, 500, 502, 503, 504})
_VERSION = re.compile(r"\d+\.\d+\.\d+")
_HINTS = {
    401: "Is the token the project's, and still valid?",
    403: "Is the token right, and has its user API Export rights?",
    404: "Is source.path the address of the API, such as 'https://redcap.example.org/api/'?",
}


class RedcapError(SourceError):
    """The server refuses a request, with the HTTP status it gives."""

    def __init__(self, sentence: str, status: int) -> None:
        super().__init__(sentence)
        self.status = status


class Api:
    """One project's API over an open client (`trials.connectors.fetching.session`).

    most_bytes: the most that the answers since `begin` may have.
    """

    def __init__(
        self,
        client: httpx.Client,
        url: str,
        token: str,
        *,
        most_bytes: int,
        sleep: Callable[[float], None] = time.sleep,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self.host = urlsplit(url).hostname
        self._client, self._url, self._token = client, url, token
        self._most_bytes, self._read = most_bytes, 0
        self._timeout = client.timeout.read or 0.0
        self._sleep, self._clock = sleep, clock

    def __repr__(self) -> str:
        return f"Api({self.host})"

    def begin(self) -> None:
        """Counts the bytes of the answers anew."""
        self._read = 0

    def version(self) -> str:
        """The server's version, such as '14.5.5'. Raises SourceError when whatever answers is not a REDCap API."""
        text = self._answer({"content": "version"}).decode("utf-8", "replace").strip()
        if _VERSION.fullmatch(text) is None:
            raise SourceError(
                f"{self.host} answers without REDCap's version, must be a REDCap API. Is it under maintenance, or source.path "
                "another page?"
            )
        return text

    def ask(self, content: str, form: Mapping[str, str] | None = None) -> Any:
        """The JSON that the server answers to `content`. Raises SourceError: RedcapError when it refuses."""
        body = self._answer({"content": content, "format": "json", "returnFormat": "json", **(form or {})})
        if not body.strip():
            raise SourceError(f"{self.host} answers nothing to content={content}, must answer JSON. Try again.")
        try:
            answer = json.loads(body)
        except (ValueError, RecursionError):
            raise SourceError(
                f"{self.host} answers no JSON to content={content}{_why(body)}, must answer JSON. "
                "Try again; if it stays so, make source.options.batch smaller."
            ) from None
        if isinstance(answer, dict) and "error" in answer:
            raise SourceError(f"{self.host} answers an error to content={content}{self._said(form or {}, body)}.")
        return answer

    def rows(
        self, content: str, form: Mapping[str, str] | None = None, *, needs: Sequence[str] = ()
    ) -> list[dict[str, str]]:
        """The list of rows that the server answers to `content`, every cell as text, each with the cells it needs."""
        answer = self.ask(content, form)
        if not isinstance(answer, list) or not all(isinstance(row, dict) for row in answer):
            raise SourceError(f"{self.host} answers no list of rows to content={content}, must answer one.")
        lacking = [name for name in needs if not all(name in row for row in answer)]
        if lacking:
            raise SourceError(f"{self.host} answers rows without '{lacking[0]}' to content={content}, must name it.")
        return [{name: _text(value) for name, value in row.items()} for row in answer]

    def _answer(self, form: Mapping[str, str]) -> bytes:
        for wait in (*WAITS, None):
            try:
                status, body = self._post(form)
            except httpx.HTTPError as error:
                if wait is None:
                    raise SourceError(
                        f"{self.host} can't be reached ({type(error).__name__}), must answer within {self._timeout:g} s. "
                        "Try again."
                    ) from None
            else:
                if status == 200:
                    return body
                if status not in _AGAIN or wait is None:
                    raise self._refusal(status, form, body)
            self._sleep(wait)
        raise AssertionError("the last try returns or raises")

    def _post(self, form: Mapping[str, str]) -> tuple[int, bytes]:
        begun, body = self._clock(), bytearray()
        # First of all the token: what a server cuts off stands at the end. And nothing packed: what comes can be counted.
        data = {"token": self._token, **form}
        with self._client.stream("POST", self._url, data=data, headers={"Accept-Encoding": "identity"}) as response:
            if response.headers.get("content-encoding", "identity").strip().lower() not in ("", "identity"):
                raise SourceError(f"{self.host} packs its answers although asked not to. Ask whoever runs it.")
            for chunk in response.iter_raw(65_536):
                body += chunk
                if self._read + len(body) > self._most_bytes:
                    raise SourceError(
                        f"{self.host} answers more than {self._most_bytes:,} bytes, must answer at most so many. Ask for "
                        "fewer fields or events."
                    )
                if self._clock() - begun > self._timeout:
                    raise httpx.ReadTimeout("the answer takes too long")
            self._read += len(body)
            return response.status_code, bytes(body)

    def _refusal(self, status: int, form: Mapping[str, str], body: bytes) -> RedcapError:
        if 300 <= status < 400:
            sentence = "must answer itself. Write the address that it points to into source.path."
        else:
            sentence = f"must answer 200{self._said(form, body)}. {_HINTS.get(status, 'Try again.')}"
        return RedcapError(f"{self.host} answers {status} to content={form['content']}, {sentence}", status)

    def _said(self, form: Mapping[str, str], body: bytes) -> str:
        """What the server says of an error; nothing where it may name people."""
        try:
            said = json.loads(body)["error"]
        except (ValueError, KeyError, TypeError, RecursionError):
            return ""
        if "records[0]" in form:
            return _why(body)
        text = re.sub(re.escape(self._token), "(token)", str(said), flags=re.IGNORECASE)
        return f" (it says: {shorten(' '.join(text.split()), 120).rstrip('.')})"


def _text(value: Any) -> str:
    """The text of a cell; half a character, which JSON can hold and UTF-8 can't, is spelt out."""
    return text_of(value).encode("utf-8", "backslashreplace").decode()


def _why(body: bytes) -> str:
    return " (it ran out of memory)" if b"ran out of" in body and b"memory" in body else ""
