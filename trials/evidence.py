"""What a look says: claims, an estimate with its interval, a verdict and one sentence. Frozen values, JSON both ways."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from datetime import datetime
from typing import Any, Literal

Verdict = Literal["keep_going", "promote", "drop", "stop_for_harm", "cant_tell"]
CLAIMS = ("benefit", "dud", "harm")


@dataclass(frozen=True, slots=True)
class Claim:
    """One claim's evidence. log_e: natural log of the e-process now; p: always-valid p-value; threshold: 1/error.

    log_e and p are None, with `reason`, while nothing can be said. crossed_at_n: people in when it first fired.
    """

    log_e: float | None
    p: float | None
    threshold: float
    crossed_at_n: int | None = None
    reason: str | None = None

    @property
    def fired(self) -> bool:
        return self.crossed_at_n is not None


@dataclass(frozen=True, slots=True)
class ArmTotal:
    """One arm within the evidence: people with an outcome, the sum of their values as judged, people missing."""

    arm: str
    n: int
    total: float
    missing: int


@dataclass(frozen=True, slots=True)
class Evidence:
    """What a method reads off its state. Effects are in the measure's own unit, positive = better.

    n: people in the evidence (outcome known, everyone before them settled). missing: people settled as missing.
    interval: the confidence sequence, low at error alpha, high at beta (at alpha below 0); None where nothing can be said.
    """

    n: int
    missing: int
    claims: dict[str, Claim]
    estimate: float | None
    interval: tuple[float | None, float | None]
    arms: tuple[ArmTotal, ...]


@dataclass(frozen=True, slots=True)
class Look:
    """One analysis of the data as of a time. (trial, batch_seq, as_of, protocol_sha256, code_version) fix every number."""

    trial: str
    number: int
    as_of: datetime
    batch_seq: int
    n: int
    enrolled: int
    waiting: int
    missing: int
    late_changes: int
    claims: dict[str, Claim]
    estimate: float | None
    interval: tuple[float | None, float | None]
    arms: tuple[ArmTotal, ...]
    verdict: Verdict
    sentence: str
    protocol_sha256: str
    code_version: str
    state_sha256: str

    def to_json(self) -> dict[str, Any]:
        """A mapping json.dumps takes; floats keep every bit."""
        body = asdict(self)
        body["as_of"] = self.as_of.isoformat()
        return body

    @classmethod
    def from_json(cls, body: dict[str, Any]) -> Look:
        """The look that `to_json` wrote."""
        low, high = body["interval"]
        return cls(
            **{
                **body,
                "as_of": datetime.fromisoformat(body["as_of"]),
                "claims": {name: Claim(**claim) for name, claim in body["claims"].items()},
                "interval": (low, high),
                "arms": tuple(ArmTotal(**arm) for arm in body["arms"]),
            }
        )
