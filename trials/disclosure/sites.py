"""Outcomes by site: which sites may be told alone, at which looks, so that nothing follows by subtraction.

Guarantee: let somebody keep every page, and know this rule and the looks beside it. Every number told of a site, or of the
other sites together, counts LIMIT people or more of each kind (with and without the outcome, where it is yes or no) in each
arm, and so does what it grew by since it was last told. Of a site that is not told alone each such count, at a telling and from
one to another, can still be any of LIMIT or more whole numbers. Between two tellings looks cut the time finer: a count in such
a cut keeps min(LIMIT, a + 1, b + 1) numbers, where a and b people of that kind are in the cut and in the rest of that time,
all sites together, which is what the looks tell without any site.

The rule: a telling belongs to a look that is shown. At it the sites are groups: some alone, the rest as one. A telling is
made only where every group of the last one has grown by LIMIT in every count; then sites may leave the rest if all their
counts, and all that remain in the rest, are LIMIT or more. No site goes back. Why it holds: what is known of the rest are the
margins of a table, periods by sites, whose cells lie from max(0, r + c - N) to min(r, c) (Dobra & Fienberg 2000, PNAS 97(22),
11885-11892). With every r, c, N - r and N - c at LIMIT or more these are LIMIT apart; a rest within a rest only widens that.

Whoever has a result joined, so each telling is passed on to the table of who joined (`releases.Sited`), which makes room for
it. Not covered: corrections of outcomes already told, which move people between the counts of one group.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime

from trials.disclosure.looks import Told, told_of_arms
from trials.disclosure.releases import Sited, Step
from trials.disclosure.tables import LIMIT, Place
from trials.evidence import Look

# The next telling is of a look with so many times the people of the one before: trials are read for years.
GROWTH = 1.25
FEWEST_ALONE = 2

Group = tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Cell:
    """People with an outcome at a site in an arm, the sum of their values as judged, and the sum of the squares."""

    n: int = 0
    total: float = 0.0
    squares: float = 0.0

    def __add__(self, other: Cell) -> Cell:
        return Cell(self.n + other.n, self.total + other.total, self.squares + other.squares)

    def counts(self, binary: bool) -> tuple[int, ...]:
        """What must not be small: people, or of a yes or no those with and those without."""
        return (round(self.total), self.n - round(self.total)) if binary else (self.n,)


Cells = Mapping[Place, Cell]


@dataclass(frozen=True, slots=True)
class Telling:
    """What is told of the sites as of a look. groups: in the plan's order, those alone first; cells: by (group, arm)."""

    look: int
    n: int
    as_of: datetime
    groups: tuple[Group, ...]
    cells: Mapping[tuple[Group, str], Cell]


@dataclass(frozen=True, slots=True)
class SiteHistory:
    """How far looks were read, those shown after the last, and the tellings that stand. told: what all pages told of who
    joined, by delivery, as `told_of_arms` has it, with the sites."""

    read: int = 0
    shown: tuple[Look, ...] = ()
    missing: dict[str, Step] = field(default_factory=dict)
    tellings: tuple[Telling, ...] = ()
    told: tuple[Told, ...] = ()


def follow(
    looks: Iterable[Look],
    cells_of: Callable[[Look], Cells] | None,
    sites: Sequence[str],
    *,
    binary: bool,
    before: SiteHistory | None = None,
) -> SiteHistory:
    """The tellings after more looks, oldest first. cells_of: a look's people by (site, arm), asked for few looks; None: sites
    are not told apart. A telling goes with its look when that one gives way to another."""
    now = before or SiteHistory()
    for look in looks:
        found, shown, missing = told_of_arms([look], now.shown, now.missing)
        numbers = {one.number for one in shown}
        tellings = tuple(one for one in now.tellings if one.look in numbers)
        if cells_of is not None and shown and shown[-1].number == look.number:
            last = tellings[-1] if tellings else None
            if last is None or look.n >= GROWTH * last.n:
                tellings += tuple(filter(None, [told_at(look, cells_of(look), sites, last, binary=binary)]))
        sited = [(delivery, _with_sites(arms, tellings)) for delivery, arms in found]
        now = SiteHistory(look.number, shown, missing, tellings, (*now.told, *sited))
    return now


def told_at(look: Look, cells: Cells, sites: Sequence[str], last: Telling | None, *, binary: bool) -> Telling | None:
    """The telling at a look, or None while there is none to be made. last: the one before. sites: of the plan, in its order."""
    arms = [arm.arm for arm in look.arms]
    places = [*sites, *([""] if any(site == "" for site, _ in cells) else [])]
    old = (tuple(places),) if last is None else _reaching(last.groups, places)
    for group in old:
        for arm in arms:
            known = None if last is None else last.cells.get((group, arm))
            grown = _minus(_sum(cells, group, arm).counts(binary), known.counts(binary) if known else None)
            if min(grown) < LIMIT:
                return None
    groups = _split(old, cells, arms, binary)
    if last is None and not _worth_it(look, groups, len(places)):
        return None
    told = {(group, arm): _sum(cells, group, arm) for group in groups for arm in arms}
    return Telling(look.number, look.n, look.as_of, groups, told)


def _worth_it(look: Look, groups: Sequence[Group], sites: int) -> bool:
    """Whether to begin: a telling slows the next one down, so half of the sites should stand alone, unless it is all over."""
    alone = sum(len(group) == 1 for group in groups)
    return alone >= FEWEST_ALONE and (2 * alone >= sites or look.verdict != "keep_going")


def _reaching(groups: tuple[Group, ...], places: Sequence[str]) -> tuple[Group, ...]:
    """The groups of the last telling with what has come since, such as a site nobody planned, among the rest."""
    new = tuple(site for site in places if all(site not in group for group in groups))
    if not new:
        return groups
    rest = next((group for group in groups if len(group) > 1), ())
    return (*(group for group in groups if group != rest), (*rest, *new))


def _split(old: tuple[Group, ...], cells: Cells, arms: Sequence[str], binary: bool) -> tuple[Group, ...]:
    rest = next((group for group in old if len(group) > 1), ())
    leaving = [site for site in rest if _least(cells, (site,), arms, binary) >= LIMIT]
    while leaving and len(leaving) < len(rest):
        staying = tuple(site for site in rest if site not in leaving)
        if _least(cells, staying, arms, binary) >= LIMIT:
            break
        leaving.pop()  # the last in the plan's order, whatever its outcomes
    staying = tuple(site for site in rest if site not in leaving)
    order = {site: place for place, site in enumerate(site for group in old for site in group)}
    alone = sorted(
        [*(group for group in old if group != rest), *((site,) for site in leaving)], key=lambda one: order[one[0]]
    )
    return (*alone, *([staying] if staying else []))


def _least(cells: Cells, group: Group, arms: Sequence[str], binary: bool) -> int:
    return min(min(_sum(cells, group, arm).counts(binary)) for arm in arms)


def _sum(cells: Cells, group: Group, arm: str) -> Cell:
    return sum((cells.get((site, arm), Cell()) for site in group), start=Cell())


def _minus(now: tuple[int, ...], before: tuple[int, ...] | None) -> tuple[int, ...]:
    return now if before is None else tuple(one - other for one, other in zip(now, before, strict=True))


def _with_sites(arms: dict[str, tuple[int, int]], tellings: Sequence[Telling]) -> dict[str, tuple[int, int]]:
    if not tellings:
        return arms
    last = tellings[-1]
    return {
        arm: Sited(*told, tuple((frozenset(group), last.cells[group, arm].n) for group in last.groups))
        for arm, told in arms.items()
    }
