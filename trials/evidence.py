"""What a look says: claims, an estimate with its interval, a verdict and one sentence. Frozen values, JSON both ways."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from datetime import datetime
from typing import Any, Literal

Verdict = Literal["keep_going", "promote", "drop", "stop_for_harm", "cant_tell"]
Basis = Literal["bets", "boundaries"]
Interval = tuple[float | None, float | None]
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
    """One arm within the evidence: people with an outcome, the sum of their values as judged, people missing.

    exposure: for counts the time at risk beside the events in `total`; for times to an event the time at risk, `total`
    being the events; None for the other kinds.
    """

    arm: str
    n: int
    total: float
    missing: int
    exposure: float | None = None


@dataclass(frozen=True, slots=True)
class Comparison:
    """One arm of several against the control: its claims (adjusted for the arms beside it), estimate and interval."""

    arm: str
    claims: dict[str, Claim]
    estimate: float | None
    interval: Interval


@dataclass(frozen=True, slots=True)
class Guarded:
    """A guardrail in one treatment arm. claim: that it is worse than its margin, or the burden above its limit."""

    measure: str
    arm: str
    claim: Claim
    arms: tuple[ArmTotal, ...]


@dataclass(frozen=True, slots=True)
class Strength:
    """A strengths measure in one treatment arm, beside the verdict and never part of it. In the measure's own unit.

    compared True: estimate and interval are of the difference from the control, positive = better; False (a trial with one
    arm): of the mean itself. interval: holds at every look; the plan's alpha is shared by all strengths of the trial.
    arms: people with a value, the sum of their values (amounts capped to the plan's bounds), people without one.
    """

    measure: str
    arm: str
    estimate: float | None
    interval: Interval
    arms: tuple[ArmTotal, ...]
    compared: bool = True


@dataclass(frozen=True, slots=True)
class Concern:
    """A rule beside the statistics that is broken: recruitment, burden or data quality, with its sentence.

    holds: whether nobody should act on benefit or dud before it is cleared up.
    """

    code: str
    sentence: str
    holds: bool = False


@dataclass(frozen=True, slots=True)
class Evidence:
    """What a method reads off its state. Effects are in the measure's own unit, positive = better.

    n: people in the evidence (outcome known, everyone before them settled). missing: people settled as missing.
    claims: of a trial with several arms, those that some arm (for dud: every arm) has reached; `comparisons` tells which.
    estimate: the plain one. adjusted: corrected for the bias of having stopped when a claim fired; None before that.
    interval: the confidence sequence, low at error alpha, high at beta (at alpha below 0); None where nothing can be said.
    """

    n: int
    missing: int
    claims: dict[str, Claim]
    estimate: float | None
    interval: Interval
    arms: tuple[ArmTotal, ...]
    adjusted: float | None = None
    comparisons: tuple[Comparison, ...] = ()
    guardrails: tuple[Guarded, ...] = ()
    concerns: tuple[Concern, ...] = ()
    basis: Basis = "bets"
    strengths: tuple[Strength, ...] = ()


@dataclass(frozen=True, slots=True)
class Sensitivity:
    """What the verdict would be if changes that came after the lock were used too. Shown beside it, never acted on."""

    verdict: Verdict
    estimate: float | None
    interval: Interval
    late_changes: int


@dataclass(frozen=True, slots=True)
class Look:
    """One analysis of the data as of a time. (trial, batch_seq, as_of, protocol_sha256, code_version) fix every number.

    outlook: in one sentence, what would change the verdict.
    """

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
    interval: Interval
    arms: tuple[ArmTotal, ...]
    verdict: Verdict
    sentence: str
    protocol_sha256: str
    code_version: str
    state_sha256: str
    outlook: str = ""
    adjusted: float | None = None
    comparisons: tuple[Comparison, ...] = ()
    guardrails: tuple[Guarded, ...] = ()
    concerns: tuple[Concern, ...] = ()
    basis: Basis = "bets"
    sensitivity: Sensitivity | None = None
    strengths: tuple[Strength, ...] = ()

    def to_json(self) -> dict[str, Any]:
        """A mapping json.dumps takes; floats keep every bit. Strengths are left out where the plan has none."""
        body = asdict(self)
        body["as_of"] = self.as_of.isoformat()
        if not self.strengths:
            del body["strengths"]
        return body

    @classmethod
    def from_json(cls, body: dict[str, Any]) -> Look:
        """The look that `to_json` wrote, by this version or one before it."""
        sensitivity = body.get("sensitivity")
        return cls(
            **{
                **body,
                "as_of": datetime.fromisoformat(body["as_of"]),
                "claims": _claims(body["claims"]),
                "interval": _interval(body["interval"]),
                "arms": _arms(body["arms"]),
                "comparisons": tuple(
                    Comparison(**{**one, "claims": _claims(one["claims"]), "interval": _interval(one["interval"])})
                    for one in body.get("comparisons", ())
                ),
                "guardrails": tuple(
                    Guarded(**{**one, "claim": Claim(**one["claim"]), "arms": _arms(one["arms"])})
                    for one in body.get("guardrails", ())
                ),
                "concerns": tuple(Concern(**one) for one in body.get("concerns", ())),
                "sensitivity": (
                    None
                    if sensitivity is None
                    else Sensitivity(**{**sensitivity, "interval": _interval(sensitivity["interval"])})
                ),
                "strengths": tuple(
                    Strength(**{**one, "interval": _interval(one["interval"]), "arms": _arms(one["arms"])})
                    for one in body.get("strengths", ())
                ),
            }
        )


def _claims(body: dict[str, Any]) -> dict[str, Claim]:
    return {name: Claim(**claim) for name, claim in body.items()}


def _interval(body: list[float | None]) -> Interval:
    low, high = body
    return low, high


def _arms(body: list[dict[str, Any]]) -> tuple[ArmTotal, ...]:
    return tuple(ArmTotal(**arm) for arm in body)
