"""That the key of a closed trial was destroyed, so that nobody can tell any more whose rows are whose. Once a trial."""

from __future__ import annotations

from pydantic import Field

from trials.acts.act import CLOSED, ActKind
from trials.plan.base import Frozen


class Erased(Frozen):
    """key: the fingerprint of the one that is destroyed, or "" where nothing was ever hidden. second: who agreed. found: it lay
    where keys are kept; False where whoever erases says that it had been lost, or destroyed, before."""

    key: str = Field(pattern=r"^([0-9a-f]{16})?$")
    reason: str = Field(min_length=1, max_length=2_000)
    second: str = Field(min_length=1)
    found: bool = True


# A custodian's: it is they who keep the keys. An open trial's key hides the people who are still to come.
ERASED = ActKind("erased", Erased, action="keep_allocation", states=CLOSED, words=("reason",))
