"""With this folder on PYTHONPATH a Python process, and every Python process that it starts, stays on this machine.

Whoever tries to reach another one, or listens to others, gets an OSError; OFFLINE_LOG then names who tried what. It
also has a line for each process, as proof that the hook was in force there.
"""

import os
import sys


def _note(line: str) -> None:
    file = os.open(os.environ["OFFLINE_LOG"], os.O_WRONLY | os.O_APPEND | os.O_CREAT)
    os.write(file, f"{line}\n".encode())
    os.close(file)


def _is_ours(host: object) -> bool:
    """Whether a host is this machine's own, spelt so that no name server is asked. Numbers are netlink's."""
    if isinstance(host, bytes):
        host = host.decode(errors="replace")
    return isinstance(host, int) or host in (None, "localhost", "::1") or str(host).startswith("127.")


def _stays(event: str, args: tuple[object, ...]) -> bool:
    if event in ("socket.getaddrinfo", "socket.gethostbyname", "socket.gethostbyaddr"):
        return _is_ours(args[0])
    if event == "socket.getnameinfo":
        return _is_ours(args[0][0])  # type: ignore[index]
    if event in ("socket.connect", "socket.sendto", "socket.sendmsg", "socket.bind"):
        address = args[1]
        return not isinstance(address, tuple) or _is_ours(address[0])  # text is the path of a Unix socket
    return True


def _hook(event: str, args: tuple[object, ...]) -> None:
    if event.startswith("socket.") and not _stays(event, args):
        _note(f"tried: {event} {args[1:] if len(args) > 1 and event != 'socket.getaddrinfo' else args} in {sys.argv}")
        raise OSError(f"{event}: this process must stay on this machine")


_note(f"process: {' '.join(sys.orig_argv)}")
sys.addaudithook(_hook)
