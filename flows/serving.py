"""What is served, to whom and where: the app as the settings say, what would let strangers in, and the demo's own server."""

from __future__ import annotations

import ipaddress
import os
import secrets
import socket
import tempfile
import threading
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from flows.settings import Settings
from trials.errors import RoadtestError, StoreError

if TYPE_CHECKING:
    from dashboards.metrics import Metering
    from dashboards.signing import Signing
    from trials.store.engine import Store

SECRET_BYTES = 32


def app_of(
    settings: Settings, store: Store, stale_after: timedelta | None = None, metering: Metering | None = None
) -> Any:
    """The pages over a store, with what can be done on them; in the name of whoever serves them on this machine where nobody
    signs in."""
    from dashboards.app import create_app
    from dashboards.reader import Reader
    from flows.doing import ByHand
    from flows.stores import person_of

    return create_app(
        store,
        stale_after=stale_after,
        doing=ByHand(store, settings),
        reader=Reader(person_of(settings), "local"),
        signed=signing_of(settings),
        data_docs=settings.folder / "data-docs",
        metering=metering or metering_of(settings, rounds=False),
    )


def metering_of(settings: Settings, counts: Path | None = None, *, rounds: bool = True) -> Metering:
    """Who may read /metrics, as the settings say. counts: the folder that the workers share; rounds: whether they are expected.

    Raises RoadtestError for a token that could be guessed.
    """
    from dashboards.metrics import Metering

    token = settings.metrics_token.get_secret_value()
    return Metering(settings.metrics, token, counts, settings.schedule if rounds else "")


def signing_of(settings: Settings) -> Signing:
    """How people sign in, as the settings say. Raises RoadtestError for what would let strangers in."""
    from dashboards.signing import Proxy, Signing

    _require_safe(settings)
    proxy = Proxy(settings.proxy_header, _networks(settings), settings.proxy_secret.get_secret_value())
    secret = cookie_secret(settings.folder / "secret.key")
    return Signing(settings.sign_in, secret, settings.public_url.rstrip("/"), settings.session_hours, proxy)


def _require_safe(settings: Settings) -> None:
    here, url = is_loopback(settings.host), urlsplit(settings.public_url)
    if settings.sign_in == "none" and not here:
        raise RoadtestError(
            f"host == '{settings.host}', must be this machine's own (127.0.0.1) while nobody signs in: the pages show people's "
            "data. Set ROADTEST_SIGN_IN to accounts or proxy."
        )
    if settings.sign_in == "none" and settings.public_url:
        raise RoadtestError(
            f"public_url == '{settings.public_url}', must be empty while nobody signs in. Set ROADTEST_SIGN_IN to accounts or "
            "proxy."
        )
    if settings.public_url and (
        not url.hostname
        or url.path.strip("/")
        or url.query
        or url.fragment
        or not (url.scheme == "https" or (url.scheme == "http" and is_loopback(url.hostname)))
    ):
        raise RoadtestError(
            f"public_url == '{settings.public_url}', must be https:// and a name, without a path. Set ROADTEST_PUBLIC_URL."
        )
    if not settings.public_url and (settings.sign_in == "proxy" or not here):
        raise RoadtestError(
            "public_url == '', must be the https:// address that browsers see: passwords and sessions would travel in plain "
            "text. Put a server with a certificate in front and set ROADTEST_PUBLIC_URL."
        )
    if settings.sign_in == "proxy" and not _networks(settings):
        raise RoadtestError(
            "proxy_addresses == '', must be the addresses of the server in front, or anybody could name themselves. Set "
            "ROADTEST_PROXY_ADDRESSES to 127.0.0.1 if it is this machine."
        )


def _networks(settings: Settings) -> tuple[Any, ...]:
    """The addresses from which the server in front asks. Raises RoadtestError."""
    try:
        parts = [part.strip() for part in settings.proxy_addresses.split(",") if part.strip()]
        found = tuple(ipaddress.ip_network(part) for part in parts)
    except ValueError as error:
        raise RoadtestError(
            f"proxy_addresses == '{settings.proxy_addresses}', must be addresses or networks, parted by commas ({error}). "
            "Set ROADTEST_PROXY_ADDRESSES."
        ) from None
    if any(network.prefixlen == 0 for network in found):
        raise RoadtestError(
            f"proxy_addresses == '{settings.proxy_addresses}', must not be every address: anybody could name themselves. Write "
            "those of the server in front."
        )
    return found


def cookie_secret(path: Path) -> bytes:
    """What cookies are signed with: random, made once, readable by its owner alone. Without it everybody signs in again.

    Raises StoreError when it can't be read or made.
    """
    try:
        if not path.exists():
            path.parent.mkdir(parents=True, exist_ok=True)
            with tempfile.NamedTemporaryFile("w", dir=path.parent, prefix=".secret-", delete=False) as file:
                file.write(secrets.token_hex(SECRET_BYTES) + "\n")
            try:
                os.link(file.name, path)  # whoever is first; nobody sees half a file
            except FileExistsError:
                pass
            finally:
                os.unlink(file.name)
        if path.stat().st_mode & 0o077:
            path.chmod(0o600)
        found = bytes.fromhex(path.read_text(encoding="ascii").strip())
    except OSError as error:
        raise StoreError(
            f"{path} can't be read or written ({error.strerror}), must hold what cookies are signed with. Check the disk, and "
            "the permissions of the folder."
        ) from None
    except ValueError:
        raise StoreError(
            f"{path} can't be read, must hold what cookies are signed with. Remove it, and a new one is made."
        ) from None
    if len(found) != SECRET_BYTES:
        raise StoreError(
            f"{path} holds {len(found)} bytes, must hold {SECRET_BYTES}. Remove it, and a new one is made."
        )
    return found


def with_dashboard(app: Any, host: str, port: int, work: Callable[[], None], done: threading.Event) -> None:
    """Serves in a thread while `work` runs in this one; afterwards until Ctrl-C or SIGTERM. For the demo, whose own work
    needs the main thread, as gunicorn does."""
    import signal

    from dashboards.serve import start

    signal.signal(signal.SIGTERM, signal.default_int_handler)
    server = start(app, host, port)
    try:
        work()
        done.wait()
    except KeyboardInterrupt:
        print("\nStopped.", flush=True)
    finally:
        done.set()
        server.stop()


def require_free(host: str, port: int) -> None:
    """Raises RoadtestError when something else listens on the port, or the address is not this machine's."""
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    with socket.socket(family, socket.SOCK_STREAM) as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((host, port))
        except OSError as error:
            raise RoadtestError(
                f"port == {port}, must be free on {host} ({error.strerror}). Choose another with --port or ROADTEST_PORT."
            ) from None


def is_loopback(host: str) -> bool:
    """Whether an address reaches this machine only."""
    try:
        return host == "localhost" or ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


def address(host: str, port: int) -> str:
    return f"[{host}]:{port}" if ":" in host else f"{host}:{port}"


def say_where(host: str, port: int) -> None:
    print(f"\nDashboard: http://{address(host, port)}/  (Ctrl-C ends it)", flush=True)
