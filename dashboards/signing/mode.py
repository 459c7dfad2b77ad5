"""How people sign in to an app: the mode, the secret that signs cookies, and what stands in front."""

from __future__ import annotations

import hashlib
import ipaddress
import secrets
from dataclasses import dataclass, field
from typing import Literal, get_args

Mode = Literal["none", "accounts", "proxy"]
MODES: tuple[str, ...] = get_args(Mode)
Network = ipaddress.IPv4Network | ipaddress.IPv6Network


@dataclass(frozen=True, slots=True)
class Proxy:
    """What stands in front. header: in which it names who signed in. addresses: from which it asks; nothing is believed from
    others. secret: what it must say in X-Roadtest-Proxy-Secret; "" when its address is enough."""

    header: str = "X-Forwarded-User"
    addresses: tuple[Network, ...] = ()
    secret: str = field(default="", repr=False)

    def is_at(self, address: str) -> bool:
        """Whether this is one of its addresses."""
        try:
            found = ipaddress.ip_address(address)
        except ValueError:
            return False
        mapped = found.ipv4_mapped if isinstance(found, ipaddress.IPv6Address) else None
        return any((mapped or found) in network for network in self.addresses)


@dataclass(frozen=True, slots=True)
class Signing:
    """mode: `none` for whoever is on this machine, `accounts`, or `proxy`. secret: signs cookies; random and forgotten at the
    end unless given. public_url: as browsers see it, `https://...`; "" where they see this server itself. hours: how long
    a session lasts. proxy: its addresses also tell, with accounts, whose word on a client's address is believed."""

    mode: Mode = "none"
    secret: bytes = field(default_factory=lambda: secrets.token_bytes(32), repr=False)
    public_url: str = ""
    hours: float = 12.0
    proxy: Proxy = field(default_factory=Proxy)

    @property
    def secure(self) -> bool:
        """Whether browsers come by https. Elsewhere than on this machine they must (`flows.serving`)."""
        return self.public_url.startswith("https://")

    def cookie(self, what: str) -> str:
        """The name of a cookie. Ports share cookies, so the secret is in the name: two homes on one machine keep apart."""
        mine = hashlib.sha256(b"cookie names" + self.secret).hexdigest()[:6]
        return f"{'__Host-' if self.secure else ''}roadtest-{what}-{mine}"
