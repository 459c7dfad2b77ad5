"""What a page is: an address, a title, a place in the navigation, what it shows and its callbacks."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from dash import Dash, html


@dataclass(frozen=True, slots=True)
class Nav:
    """A page's place in the side bar. after: the higher, the further down."""

    word: str
    icon: str
    after: int


@dataclass(frozen=True, slots=True)
class Page:
    """One page.

    name: its name in Dash. path: its address, `/trial/<trial_id>` with a variable part. title: the browser's title, or a
    function of the variable part that gives it. layout(**variables and query): its content. listen(app): registers its
    callbacks. nav: None for a page that others lead to. acts: it changes things, so a reader who may not act has no link to it.
    work: it is about the work on trials, not about what came out, so nothing for whoever came by a link.
    exists(variable): whether there is such a page, for the status; None = always.
    """

    name: str
    path: str
    title: str | Callable[..., str]
    layout: Callable[..., html.Div]
    listen: Callable[[Dash], None]
    nav: Nav | None = None
    acts: bool = False
    work: bool = False
    exists: Callable[[str], bool] | None = None

    def variable(self, path: str) -> dict[str, str]:
        """What an address of this page says in its variable part, by its name: nothing else says it."""
        start, variable, _ = self.path.partition("<")
        return {variable.rstrip(">"): path.removeprefix(start).strip("/")} if variable else {}

    def takes(self, path: str) -> bool:
        """Whether an address is this page's."""
        start, variable, _ = self.path.partition("<")
        if not variable:
            return path == self.path
        rest = path.removeprefix(start).rstrip("/")
        return path.startswith(start) and (self.exists is None or self.exists(rest))


def nothing(app: Any) -> None:
    """For pages without callbacks."""
