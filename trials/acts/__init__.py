"""ACTS: what people can do to a trial, a programme or an idea. A new kind is one file here and one line below."""

from __future__ import annotations

from trials.acts.act import Act, ActKind
from trials.acts.adaptations import ADAPTATION
from trials.acts.allocating import ALLOCATION_LIST, ALLOCATION_SEED, ARM_DROPPED, REVEAL
from trials.acts.amending import AMENDMENT
from trials.acts.cocreation import CO_CREATION, CO_CREATION_OUTCOME
from trials.acts.deciding import DECISION
from trials.acts.erasing import ERASED
from trials.acts.events import EXTERNAL_EVENT
from trials.acts.fund import FUND_ANSWER, FUND_REQUEST, FUND_SPENT
from trials.acts.granting import GRANT
from trials.acts.ideas import IDEA, IDEA_ENDED
from trials.acts.passing import PASSING
from trials.acts.safety_events import SAFETY_EVENT, SAFETY_JUDGED
from trials.acts.site_withdrawing import SITE_WITHDRAWN
from trials.acts.staff_time import STAFF_TIME
from trials.acts.viewing import VIEWED
from trials.acts.voices import VOICE, VOICE_WITHDRAWN
from trials.errors import DataError

_KINDS = (
    GRANT,
    VIEWED,
    AMENDMENT,
    DECISION,
    SITE_WITHDRAWN,
    EXTERNAL_EVENT,
    IDEA,
    IDEA_ENDED,
    PASSING,
    ALLOCATION_SEED,
    ALLOCATION_LIST,
    REVEAL,
    ARM_DROPPED,
    ADAPTATION,
    CO_CREATION,
    CO_CREATION_OUTCOME,
    FUND_REQUEST,
    FUND_ANSWER,
    FUND_SPENT,
    VOICE,
    VOICE_WITHDRAWN,
    STAFF_TIME,
    SAFETY_EVENT,
    SAFETY_JUDGED,
    ERASED,
)

ACTS: dict[str, ActKind] = {kind.name: kind for kind in _KINDS}

__all__ = ["ACTS", "Act", "ActKind", "act_kind"]


def act_kind(name: str) -> ActKind:
    """The kind of this name. Raises DataError for an unknown one: a newer version wrote it, or somebody else did."""
    found = ACTS.get(name)
    if found is None:
        raise DataError(
            f"kind == {name!r}, must be one of {', '.join(sorted(ACTS))}. Install the version that wrote it."
        )
    return found
