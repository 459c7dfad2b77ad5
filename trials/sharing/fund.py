"""The enabling fund: a ledger of small sums that people in the trial ask for, so that who decides, how fast and for whom shows.

Guarantee: what is granted never exceeds the fund nor, for one person, the plan's sum per person; nobody answers a request that
they put in; counts by site or arm are released as `trials.disclosure.releases` promises; and whoever may not see small counts
is told sums that move on only when money of LIMIT or more further people has come to them, so that no difference of two of
them is one person's.
On what co-production is and does: Loeffler & Bovaird (2016), Int J Public Administration 39:1006-1019.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date
from statistics import median

from trials.acts.fund import FundAnswer, FundRequest, FundSpent
from trials.disclosure import LIMIT, added_up, released_counts, safe_count, tens
from trials.errors import DataError
from trials.plan.sharing import Fund

# Sums are compared in hundredths of the currency: binary fractions would refuse the last cent.
_CENTS = 100


@dataclass(frozen=True, slots=True)
class Case:
    """One request and what became of it. by: who put it in. granted: what was approved, less what was given back. place: of its
    answer among all answers; spending: each sum in cents, with its place among all spending."""

    asked: FundRequest
    by: str
    answer: FundAnswer | None = None
    spent: float = 0.0
    closed: bool = False
    place: int = 0
    spending: tuple[tuple[int, int], ...] = ()

    @property
    def granted(self) -> float:
        if self.answer is None:
            return 0.0
        return self.spent if self.closed else self.answer.amount


@dataclass(frozen=True, slots=True)
class Equity:
    """One group's requests as they may be told. approved, refused: at least so many, the sum of the released cells that the
    group has; 0 while none is told, however many they are. share: the lowest and the highest that the share approved can be,
    given those cells; None before `with_shares`. mean: of what was granted, over the requests that `approved` counts."""

    group: str
    approved: int
    refused: int
    share: tuple[float, float] | None
    mean: float | None


@dataclass(frozen=True, slots=True)
class FundSummary:
    """Money in the fund's currency. granted: in all, less what was given back; committed: granted, not yet spent; unspent: of
    the whole fund; left: to be granted still. For whoever may not see small counts spent and granted are sums that moved with
    LIMIT people or more (granted: all that was ever approved), None before, and the other three None.

    days: the median from request to answer; in_time: the share of answers within the plan's days; both None below LIMIT
    answers. waiting: requests without an answer; overdue: those that wait longer than the plan's days; proposed: requests by
    who had the idea; None where too few to be told.
    """

    currency: str
    total: float
    spent: float | None
    granted: float | None
    committed: float | None
    unspent: float | None
    left: float | None
    days: float | None
    in_time: float | None
    waiting: int | None
    overdue: int | None
    proposed: Mapping[str, int | None]
    by_site: tuple[Equity, ...]
    by_arm: tuple[Equity, ...]
    sentence: str


def cases(
    requests: Iterable[tuple[str, FundRequest]], answers: Iterable[FundAnswer], spending: Iterable[FundSpent]
) -> dict[str, Case]:
    """The requests by their number. requests: with who put each in."""
    found = {asked.request: Case(asked, by) for by, asked in requests}
    for place, answer in enumerate(answers):
        found[answer.request] = replace(found[answer.request], answer=answer, place=place)
    for place, one in enumerate(spending):
        before = found[one.request]
        spent = (_cents(before.spent) + _cents(one.amount)) / _CENTS
        each = (*before.spending, (place, _cents(one.amount)))
        found[one.request] = replace(before, spent=spent, closed=before.closed or one.last, spending=each)
    return found


def may_ask(fund: Fund, known: Mapping[str, Case], asked: FundRequest) -> None:
    """Raises DataError when the number is taken or the sum is more than one person can get."""
    if asked.request in known:
        raise DataError(f"request == '{asked.request}', must be a new number: that one was put in before.")
    if _cents(asked.amount) > _cents(fund.per_person):
        raise DataError(
            f"amount == {_sum(fund, asked.amount)}, must be at most {_sum(fund, fund.per_person)}, the plan's sum for one "
            "person. Ask for less."
        )


def may_answer(fund: Fund, known: Mapping[str, Case], answer: FundAnswer, by: str) -> None:
    """Raises DataError when the answer is not to be given so: by who asked, twice, or for more than there is."""
    case = _known(known, answer.request)
    if by.strip().casefold() == case.by.strip().casefold():
        raise DataError(f"by == '{by}', must be somebody else than who put request {answer.request} in.")
    if case.answer is not None:
        raise DataError(f"request {answer.request} was answered on {case.answer.day}, must be answered once.")
    _must_follow(answer.day, case.asked.day)
    if not answer.approved:
        return
    person = sum(_cents(one.granted) for one in known.values() if one.asked.participant == case.asked.participant)
    free = _cents(fund.total) - sum(_cents(one.granted) for one in known.values())
    limits = (
        (_cents(case.asked.amount), "which is what was asked for"),
        (_cents(fund.per_person) - person, f"which is left for this person of {_sum(fund, fund.per_person)}"),
        (free, f"which is left of the fund of {_sum(fund, fund.total)}"),
    )
    for limit, why in limits:
        if _cents(answer.amount) > limit:
            raise DataError(
                f"amount == {_sum(fund, answer.amount)}, must be at most {_sum(fund, limit / _CENTS)}, {why}. Grant "
                "less, or refuse it."
            )


def may_spend(fund: Fund, known: Mapping[str, Case], spent: FundSpent) -> None:
    """Raises DataError when nothing was granted, or not so much."""
    case = _known(known, spent.request)
    if case.answer is None or not case.answer.approved:
        state = "was not answered yet" if case.answer is None else "was refused"
        raise DataError(f"request {spent.request} {state}, must be approved before anything is spent on it.")
    if case.closed:
        raise DataError(f"request {spent.request} is closed, must be open. Put in a new request.")
    _must_follow(spent.day, case.answer.day)
    left = _cents(case.answer.amount) - _cents(case.spent)
    if _cents(spent.amount) > left:
        raise DataError(
            f"amount == {_sum(fund, spent.amount)}, must be at most {_sum(fund, left / _CENTS)}, which is left of "
            "what was granted."
        )


def _known(known: Mapping[str, Case], request: str) -> Case:
    found = known.get(request)
    if found is None:
        raise DataError(f"request == '{request}', must be one that was put in. See `roadtest fund show`.")
    return found


def _must_follow(day: date, before: date) -> None:
    if day < before:
        raise DataError(f"day == {day}, must not lie before {before}, the day of what it answers.")


def _cents(amount: float) -> int:
    return round(amount * _CENTS)


def _sum(fund: Fund, amount: float) -> str:
    return f"{amount:,.2f} {fund.currency}"


def summary(
    fund: Fund,
    known: Mapping[str, Case],
    as_of: date,
    *,
    arm_of: Mapping[str, str] | None = None,
    arms: bool = True,
    small: bool = True,
) -> FundSummary:
    """The ledger as it stands. arm_of: participant -> arm; where it is None there are no groups, as sites of a table without
    arms would subtract from those of the one with. arms: whether the reader may see results by arm. small: whether they may
    see small counts, or answer requests, which tells them each sum."""
    spent = sum(_cents(one.spent) for one in known.values())
    granted = sum(_cents(one.granted) for one in known.values())
    total = _cents(fund.total)
    waits = [(as_of - one.asked.day).days for one in known.values() if one.answer is None]
    answered = sorted((one for one in known.values() if one.answer is not None), key=lambda one: one.place)
    count = len(answered) if small else len(answered) - len(answered) % LIMIT
    days = [(one.answer.day - one.asked.day).days for one in answered[:count] if one.answer is not None]
    late = sum(one > fund.days_to_approve for one in waits)
    told = len(days) >= LIMIT
    in_time = sum(one <= fund.days_to_approve for one in days) / len(days) if told else None
    proposed = released_counts(_histories((one.asked.proposed_by, 1) for one in known.values()))
    sites = {name: one.asked.site for name, one in known.items()}
    by_site, by_arm = ((), ()) if arm_of is None else equity(known, sites, arm_of)
    money: dict[str, float | None] = {
        "spent": spent / _CENTS,
        "granted": granted / _CENTS,
        "committed": (granted - spent) / _CENTS,
        "unspent": (total - spent) / _CENTS,
        "left": (total - granted) / _CENTS,
    }
    sentence = _money(fund, spent, granted)
    if not small:
        money = dict.fromkeys(money) | {"spent": _as_told(_spending(known)), "granted": _as_told(_grants(answered))}
        sentence = _money_told(fund, money["spent"], money["granted"])
    return FundSummary(
        currency=fund.currency,
        total=fund.total,
        **money,
        days=float(median(days)) if told else None,
        in_time=in_time,
        waiting=safe_count(len(waits)) if small else tens(len(waits)),
        overdue=safe_count(late) if small else tens(late),
        proposed=proposed.cells,
        by_site=by_site,
        by_arm=by_arm if arms else (),
        sentence=f"{sentence} {_speed(fund, float(median(days)) if told else None, in_time)}",
    )


def _grants(answered: Iterable[Case]) -> list[tuple[str, int]]:
    """(participant, cents) of what was approved, in the order of the answers."""
    return [
        (one.asked.participant, _cents(one.answer.amount)) for one in answered if one.answer and one.answer.approved
    ]


def _spending(known: Mapping[str, Case]) -> list[tuple[str, int]]:
    """(participant, cents) of what was spent, in the order in which it was put on record."""
    every = [(place, one.asked.participant, cents) for one in known.values() for place, cents in one.spending]
    return [(participant, cents) for _, participant, cents in sorted(every)]


def _as_told(moves: Iterable[tuple[str, int]]) -> float | None:
    """A sum of money as it was when it had last moved with LIMIT people or more; None before the first time."""
    told, total, people = None, 0, set[str]()
    for participant, cents in moves:
        total += cents
        people.add(participant)
        if len(people) >= LIMIT:
            told, people = total, set()
    return None if told is None else told / _CENTS


def _histories(additions: Iterable[tuple[str, int]]) -> dict[str, list[int]]:
    """Each name's count after each of its additions."""
    return {name: found for (name, _), found in added_up(((name, ""), more) for name, more in additions).items()}


def equity(
    known: Mapping[str, Case], site_of: Mapping[str, str], arm_of: Mapping[str, str]
) -> tuple[tuple[Equity, ...], tuple[Equity, ...]]:
    """By site and by arm ('' = not known: in no row of its own): approved and refused as sums of one released table by site,
    arm and answer, in the order of the answers. Two tables with steps of their own would subtract to what neither tells.

    site_of: request -> site. arm_of: participant -> arm.
    """
    answered = [(name, one) for name, one in known.items() if one.answer is not None]
    answered.sort(key=lambda one: one[1].place)
    cells: dict[tuple[str, str], dict[str, list[float]]] = {}
    for name, one in answered:
        place = site_of.get(name, ""), arm_of.get(one.asked.participant, "")
        assert one.answer is not None
        kinds = cells.setdefault(place, {"approved": [], "refused": []})
        kinds["approved" if one.answer.approved else "refused"].append(one.answer.amount)
    released = {
        place: _Cell(_released(kinds["approved"]), _released(kinds["refused"]), tuple(kinds["approved"]))
        for place, kinds in cells.items()
    }
    return _margin(released, 0), _margin(released, 1)


@dataclass(frozen=True, slots=True)
class _Cell:
    """One site's requests of one arm: the last steps of approved and refused (0 before the first), and what was granted."""

    approved: int
    refused: int
    amounts: tuple[float, ...]


def _released(each: Sequence[float]) -> int:
    return released_counts(_histories(("", 1) for _ in each)).total or 0


def _margin(cells: Mapping[tuple[str, str], _Cell], side: int) -> tuple[Equity, ...]:
    """The groups of one side of the table of which something is told: a row that came with the first request would tell it."""
    found = []
    for group in sorted({place[side] for place in cells} - {""}):
        mine = [cell for place, cell in cells.items() if place[side] == group]
        yes, no = sum(one.approved for one in mine), sum(one.refused for one in mine)
        granted = sum(sum(one.amounts[: one.approved]) for one in mine)
        if yes or no:
            found.append(Equity(group, yes, no, None, granted / yes if yes else None))
    return tuple(found)


def with_shares(found: FundSummary, sites: Sequence[str], arms: Sequence[str]) -> FundSummary:
    """The summary with each group's share approved. sites, arms: all that the plan has, as how many cells somebody is in must
    not show; beside each, whoever is at no site or in no arm that is known."""
    by_site = tuple(replace(one, share=_share(one, len(arms) + 1)) for one in found.by_site)
    by_arm = tuple(replace(one, share=_share(one, len(sites) + 1)) for one in found.by_arm)
    return replace(found, by_site=by_site, by_arm=by_arm)


def _share(one: Equity, cells: int) -> tuple[float, float]:
    """What the share approved can be where each of the cells is at most LIMIT - 1 above what is told of it."""
    more, told = (LIMIT - 1) * cells, one.approved + one.refused
    return one.approved / (told + more), (one.approved + more) / (told + more)


def _money(fund: Fund, spent: int, granted: int) -> str:
    return (
        f"{_sum(fund, spent / _CENTS)} of {_sum(fund, fund.total)} are spent, {_sum(fund, (granted - spent) / _CENTS)} granted "
        f"and not yet spent, {_sum(fund, fund.total - granted / _CENTS)} free."
    )


def _money_told(fund: Fund, spent: float | None, granted: float | None) -> str:
    def said(amount: float | None) -> str:
        return f"sums for fewer than {LIMIT} people" if amount is None else f"{_sum(fund, amount)} or more"

    told = f"Of {_sum(fund, fund.total)} {said(granted)} were granted and {said(spent)} spent"
    return f"{told}; sums move on with every {LIMIT} people."


def _speed(fund: Fund, days: float | None, in_time: float | None) -> str:
    if days is None or in_time is None:
        return "Too few answers yet to say how fast they come."
    within = f"{100 * in_time:.0f} in 100 within the {fund.days_to_approve} days that were promised"
    return f"Half of the answers came within {days:g} days, {within}."
