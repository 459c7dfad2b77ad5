"""Who may do what: roles, the permissions they carry, and the one rule that every write and every protected read asks.

Roles are given in a programme, or in one of its sites alone, and apply there only. A programme in which no role was ever given
is open: whoever can run the command may do everything, but for the rules that need two people. From the first grant on
only those with a role may, and the first grant makes its giver a lead.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import get_args

from trials.errors import ForbiddenError
from trials.plan.access import Role

ROLES: tuple[str, ...] = get_args(Role)

# What a role is for, as the table in docs/managing.md says it.
MEANINGS = {
    "lead": "plans trials, seals other people's plans, amends, decides",
    "operator": "runs deliveries, looks and repairs",
    "custodian": "keeps the allocation lists and the keys of people's ids",
    "safety_steward": "watches over harm, sees everything, may stop a trial",
    "site": "enrols people and reports from its own site",
    "stakeholder": "reads pages and reports",
}

_EVERYBODY = frozenset(ROLES)
# Each action, and the roles that may do it.
ACTIONS: dict[str, frozenset[str]] = {
    "grant": frozenset({"lead"}),
    "register": frozenset({"lead"}),
    "seal": frozenset({"lead", "custodian", "safety_steward"}),
    "amend": frozenset({"lead"}),
    "decide": frozenset({"lead", "safety_steward"}),
    "review": frozenset({"lead", "safety_steward", "custodian"}),
    "withdraw_site": frozenset({"lead", "safety_steward"}),
    "collect": frozenset({"operator", "lead"}),
    "repair": frozenset({"operator", "custodian"}),
    "allocate": frozenset({"site", "custodian"}),
    "keep_allocation": frozenset({"custodian"}),
    "report_safety": frozenset({"site", "safety_steward", "lead", "operator"}),
    "judge_safety": frozenset({"safety_steward"}),
    "report_work": frozenset({"site", "operator", "lead"}),
    "take_part": _EVERYBODY,
    "fund": frozenset({"lead", "site"}),
    "approve_fund": frozenset({"lead"}),
    "note_idea": _EVERYBODY,
    "note_event": frozenset({"lead", "operator", "safety_steward", "site"}),
    "read": _EVERYBODY,
    "see_rows": frozenset({"operator", "custodian", "safety_steward"}),
    "see_people": frozenset({"custodian"}),
    "see_small_counts": frozenset({"safety_steward"}),
}


@dataclass(frozen=True, slots=True)
class Granted:
    """A role that somebody holds. site: in this site alone; None for the whole programme."""

    person: str
    role: str
    site: str | None = None


def held(grants: Iterable[Granted], person: str, site: str | None = None) -> frozenset[str]:
    """The roles that count for something about `site`; None: about the whole programme."""
    return frozenset(one.role for one in grants if one.person == person and one.site in (None, site))


def allowing(grants: Iterable[Granted], person: str, action: str, site: str | None = None) -> frozenset[str]:
    """The person's roles that allow it. What every role may do (such as to read) a role at one site allows as well, unless it
    is about another site."""
    needed = ACTIONS[action]
    if site is None and needed == _EVERYBODY:
        return frozenset(one.role for one in grants if one.person == person)
    return held(grants, person, site) & needed


def require(
    grants: Iterable[Granted], person: str, action: str, *, programme: str, site: str | None = None
) -> frozenset[str]:
    """The roles that allow it; empty in an open programme. grants: all those of the programme.

    Raises ForbiddenError when the person has none of the roles that the action needs.
    """
    given = tuple(grants)
    found = allowing(given, person, action, site)
    if found or not given:
        return found
    mine = sorted({f"{one.role} of site {one.site}" if one.site else one.role for one in given if one.person == person})
    where = f"{programme}, site {site}" if site else programme
    role = f"the role {' and '.join(mine)}" if mine else "no role"
    raise ForbiddenError(
        f"{person or 'nobody in particular'} has {role} in {where}, must be {' or '.join(sorted(ACTIONS[action]))} to "
        f"{action.replace('_', ' ')}. Ask a lead: roadtest roles give NAME ROLE --programme {programme}."
    )


def sees_arms(roles: frozenset[str], interim: Iterable[str], *, open_programme: bool, closed: bool) -> bool:
    """Whether somebody with these roles sees results by arm: everybody once the trial is closed, before that only the roles
    that the plan names. In an open programme there are no roles to tell people apart by."""
    return open_programme or closed or bool(roles & frozenset(interim))


def table() -> tuple[tuple[str, ...], ...]:
    """Roles, what each is for, and what it may do: the table in docs/managing/roles.md."""
    rows = [
        (role, MEANINGS[role], ", ".join(sorted(action for action, allowed in ACTIONS.items() if role in allowed)))
        for role in ROLES
    ]
    return (("role", "what it is for", "may"), *rows)
