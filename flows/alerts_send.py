"""Sends messages by Apprise, in a process of its own that ends when they take too long: `python -m flows.alerts_send`.

A service that hangs can't be made to stop within a process, so a round's own never waits for one. What is sent comes by
standard input, so that no address stands in a list of processes; told back is by channel whether it went.
"""

from __future__ import annotations

import json
import logging
import os
import re
import subprocess
import sys
import threading
from collections.abc import Callable, Iterable
from dataclasses import asdict, dataclass, field
from time import monotonic
from typing import Any

SECONDS = (
    30.0  # for all messages, which go at the same time; shorter than a claim on them lasts (`trials.alerting.CLAIM`)
)
START_SECONDS = 120.0  # until the process has read Apprise's plug-ins, on a machine that is busy
_STATUS = re.compile(r"error=(\d{3})\b")
_LOST = "the message could not be sent: the process that sends them ended without a word"


@dataclass(frozen=True, slots=True)
class Message:
    """One message to one channel."""

    channel: str
    url: str = field(repr=False)
    title: str
    body: str
    urgent: bool = False


def send_all(messages: Iterable[Message], seconds: float = SECONDS) -> dict[str, str | None]:
    """Sends them all at the same time; by channel None, or in a sentence why it did not go, without anything secret.

    None of them takes longer than so many seconds, whatever its service does.
    """
    asked = list(messages)
    told = json.dumps({"seconds": seconds, "messages": [asdict(one) for one in asked]})
    try:
        done = subprocess.run(
            [sys.executable, "-P", "-m", "flows.alerts_send"],
            input=told,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            encoding="utf-8",
            timeout=START_SECONDS + seconds,
            check=False,
        )
        said = json.loads(done.stdout)
    except (subprocess.TimeoutExpired, ValueError):
        said = {}
    return {one.channel: said.get(one.channel, _LOST) for one in asked}


def prepared(url: str) -> Callable[[str, str, bool], str | None] | str:
    """What sends a title and a text (and whether it is urgent) to an address, or in a sentence why nothing can. It gives back
    None when the service took it, or in a sentence why not, without the address."""
    import apprise

    service = apprise.Apprise.instantiate(url, suppress_exceptions=True)
    if not isinstance(service, apprise.NotifyBase):
        return "its address is none that Apprise understands"
    hub = apprise.Apprise()
    hub.add(service)

    def send(title: str, body: str, urgent: bool) -> str | None:
        kind = apprise.NotifyType.WARNING if urgent else apprise.NotifyType.INFO
        if hub.notify(body=body, title=title, notify_type=kind, body_format=apprise.NotifyFormat.TEXT):
            return None
        status = _STATUSES.get(threading.get_ident())
        return (
            f"the service refused it (status {status})" if status else "the service could not be reached, or refused it"
        )

    return send


_STATUSES: dict[int, str] = {}  # by thread, the last status that Apprise's log told


class _Listening(logging.Handler):
    """Reads statuses off Apprise's log, which says more than its answer; its other words may hold an address."""

    def emit(self, record: logging.LogRecord) -> None:
        found = _STATUS.search(record.getMessage())
        if found:
            _STATUSES[record.thread or 0] = found[1]


def deliver(messages: list[dict[str, Any]], seconds: float) -> dict[str, str | None]:
    """By channel None, or why its message did not go; those that hang are left behind."""
    logger = logging.getLogger("apprise")
    logger.addHandler(_Listening())
    logger.setLevel(logging.WARNING)
    said: dict[str, str | None] = {
        one["channel"]: f"the service did not answer within {seconds:g} s" for one in messages
    }
    ready = [(one, _guarded(lambda one=one: prepared(one["url"]))) for one in messages]  # type: ignore[misc]

    def work(one: dict[str, Any], send: Any) -> None:
        said[one["channel"]] = _guarded(lambda: send(one["title"], one["body"], one["urgent"]))

    threads = []
    for one, send in ready:
        if isinstance(send, str):
            said[one["channel"]] = send
            continue
        threads.append(threading.Thread(target=work, args=(one, send), daemon=True))
        threads[-1].start()
    end = monotonic() + seconds
    for thread in threads:
        thread.join(max(end - monotonic(), 0))
    return dict(said)


def _guarded(work: Callable[[], Any]) -> Any:
    try:
        return work()
    except Exception as error:  # noqa: BLE001 - a plug-in's fault is that channel's, and its words may hold the address
        return f"the message could not be sent ({type(error).__name__})"


def main() -> None:
    told = json.loads(sys.stdin.read())
    out, sys.stdout = sys.stdout, sys.stderr  # nothing that a plug-in prints may look like the answer
    out.write(json.dumps(deliver(told["messages"], told["seconds"])))
    out.flush()
    os._exit(0)  # without waiting for those that hang


if __name__ == "__main__":
    main()
