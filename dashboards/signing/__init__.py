"""Who may come in: nobody is asked (on this machine alone), local accounts, or what stands in front says who it is; and links
that lead to one trial. `signing.install` puts it before every page, callback and live token of an app.
"""

from __future__ import annotations

from dashboards.signing.gate import install
from dashboards.signing.mode import MODES, Mode, Proxy, Signing

__all__ = ["MODES", "Mode", "Proxy", "Signing", "install"]
