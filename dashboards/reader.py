"""Who looks at a page: their name, how they came in, and what they were let in to."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

Kind = Literal["local", "account", "proxy", "link"]


@dataclass(frozen=True, slots=True)
class Reader:
    """Somebody who asks for a page.

    person: whose roles apply to what they do, "" for nobody in particular. kind: `local` (no sign-in, this machine only),
    `account` or `proxy` (signed in here, or by what stands in front), `link` (a scoped link: reads, and does nothing).
    trials, programmes: what a link leads to; both empty, for the other kinds: whatever their roles let them read.
    """

    person: str = ""
    kind: Kind = "local"
    trials: frozenset[str] = frozenset()
    programmes: frozenset[str] = frozenset()

    @property
    def reads_as(self) -> str:
        """Whose roles decide what is shown. Without a sign-in nobody has shown who they are, so that is nobody in particular:
        a stakeholder."""
        return self.person if self.kind in ("account", "proxy") else ""

    @property
    def may_act(self) -> bool:
        """Whether they can do anything at all; what, their roles say."""
        return bool(self.person) and self.kind != "link"


NOBODY = Reader()
