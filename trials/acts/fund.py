"""The enabling fund: small sums that a participant asks for, the answer, and what was spent."""

from __future__ import annotations

from datetime import date
from typing import Literal

from pydantic import Field, model_validator

from trials.acts.act import ActKind
from trials.plan.base import Frozen

Proposer = Literal["participant", "worker", "family", "other"]


class FundRequest(Frozen):
    """request: the number that answer and spending refer to. participant: a pseudonym. goal: what the money makes possible."""

    request: str = Field(min_length=1, max_length=40, pattern=r"^[A-Za-z0-9][A-Za-z0-9._-]*$")
    participant: str = Field(min_length=1)
    site: str = ""
    goal: str = Field(min_length=1)
    amount: float = Field(gt=0)
    proposed_by: Proposer
    day: date


class FundAnswer(Frozen):
    """amount: what is granted, at most what was asked for; 0 where the answer is no, which needs a reason."""

    request: str = Field(min_length=1)
    approved: bool
    amount: float = Field(default=0, ge=0)
    day: date
    reason: str = ""

    @model_validator(mode="after")
    def _whole(self) -> FundAnswer:
        if self.approved != (self.amount > 0):
            rule = "more than 0 where it is approved" if self.approved else "0 where it is refused"
            raise ValueError(f"amount == {self.amount:g}, must be {rule}")
        if not self.approved and not self.reason:
            raise ValueError("reason is missing, must be given where a request is refused")
        return self


class FundSpent(Frozen):
    """amount: spent of what was granted. last: nothing more will be, so that the rest is free again."""

    request: str = Field(min_length=1)
    amount: float = Field(ge=0)
    day: date
    last: bool = False


def _site(body: Frozen) -> str | None:
    return body.site or None if isinstance(body, FundRequest) else None


FUND_REQUEST = ActKind("fund_request", FundRequest, action="fund", site=_site, words=("goal",))
FUND_ANSWER = ActKind("fund_answer", FundAnswer, action="approve_fund", words=("reason",))
FUND_SPENT = ActKind("fund_spent", FundSpent, action="fund")
