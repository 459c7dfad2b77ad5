"""The rules beside the statistics: recruitment, burden, data quality. Each is a concern with a code and a sentence.

None of them is a finding about the idea. Some hold: nobody should promote or drop on numbers whose arms don't add up.
"""

from __future__ import annotations

import math
from collections.abc import Collection, Sequence
from dataclasses import replace
from datetime import date, datetime

from trials.disclosure import LIMIT
from trials.evidence import ArmTotal, Concern, Evidence
from trials.exact_tests import allocation_p, missingness_p
from trials.protocol import Protocol
from trials.stopping.bets import pace_log_e
from trials.stopping.rule import DAYS_A_MONTH as DAYS_A_MONTH

# Below this a sample ratio or a difference in missingness is not chance (Fabijan et al., 2019, KDD, use .0005 to .01). At
# each look; over 50 of them about 1 sound trial in 100 is flagged at most (docs/scripts/health_evidence.py).
SUSPICIOUS = 0.001
# Each delivery cuts the people anew, so 50 looks at a trial's halves are more nearly 50 independent ones than those at its
# arms' sizes: at .001 they flag 2 sound trials in 100. This is 1 in 100 over 50 deliveries, with certainty (Bonferroni).
DRIFTING = 0.01 / 50
LATE_SHARE = 0.1


def with_concerns(
    protocol: Protocol,
    evidence: Evidence,
    *,
    enrolled: int,
    first: date | None,
    as_of: datetime | None,
    late: int,
    gone: Collection[str] = (),
) -> Evidence:
    """The evidence with the rules that are broken. first: when the first person joined. late: reports that came too late.
    gone: arms that were dropped; the others keep their ratio before and after."""
    found = [
        *_sample_ratio(protocol, [arm for arm in evidence.arms if arm.arm not in gone]),
        *_missing(evidence.arms),
        *_late(protocol, evidence, late),
        *_burden(evidence),
        *_recruitment(protocol, enrolled, first, as_of),
    ]
    return replace(evidence, concerns=tuple(found))


def _sample_ratio(protocol: Protocol, arms: Sequence[ArmTotal]) -> list[Concern]:
    """The exact test of the arms' sizes against the plan's allocation."""
    shares = {arm.id: arm.allocation for arm in protocol.arms}
    planned = [shares[arm.arm] for arm in arms]
    p = allocation_p([arm.n + arm.missing for arm in arms], planned)
    if p is None or p >= SUSPICIOUS:
        return []
    ratio = " : ".join(map(str, planned))
    return [
        Concern(
            "sample_ratio",
            f"the arms' sizes don't fit the planned allocation of {ratio}, which chance alone hardly does; find out how people "
            "are allocated and who is lost before they are registered",
            holds=True,
        )
    ]


def _missing(arms: Sequence[ArmTotal]) -> list[Concern]:
    """The exact test of missing by arm."""
    p = missingness_p([arm.n for arm in arms], [arm.missing for arm in arms])
    if p is None or p >= SUSPICIOUS:
        return []
    return [
        Concern(
            "missing",
            "outcomes are missing far more often in one arm than in the other, which can make or hide an effect; ask for them",
            holds=True,
        )
    ]


def _late(protocol: Protocol, evidence: Evidence, late: int) -> list[Concern]:
    """More than one report in ten came after the lock, or after the reporting time was over."""
    if late < LIMIT or late <= LATE_SHARE * (evidence.n + evidence.missing):
        return []
    return [
        Concern(
            "late",
            f"{late:,} reports or changes came too late to count: an outcome must come within {protocol.data.report_within} of "
            f"the end of follow-up, a change within {protocol.data.correction_window} of the first report; ask for them in "
            "time, or plan data.report_within longer",
        )
    ]


def _burden(evidence: Evidence) -> list[Concern]:
    return [
        Concern(
            "burden", "the idea takes more of the staff's time than was agreed to be the limit; decide whether to go on"
        )
        for one in evidence.guardrails
        if one.measure == "burden" and one.claim.fired
    ]


def _recruitment(protocol: Protocol, enrolled: int, first: date | None, as_of: datetime | None) -> list[Concern]:
    """After the months of grace: people join more slowly than planned, by an e-process that may be asked at every look.

    A look knows how many joined in all, not when, so everybody counts as if they had joined after the months of grace: that
    can only lower the evidence. `trials.stopping.recruitment` has the days, and says it sooner.
    """
    rule = None if protocol.stopping is None else protocol.stopping.recruitment
    if rule is None or first is None or as_of is None or enrolled >= protocol.monitoring.max_participants:
        return []
    months = (as_of.date() - first).days / DAYS_A_MONTH - rule.grace_months
    if months <= 0 or float(pace_log_e(enrolled, rule.per_month * months, rule.together)) < -math.log(rule.error):
        return []
    expected = min(rule.per_month * months, protocol.monitoring.max_participants)
    joined = "fewer than 10" if enrolled < LIMIT else f"{enrolled:,}"
    left = (protocol.monitoring.max_participants - enrolled) / max(enrolled / (months + rule.grace_months), 1e-9)
    return [
        Concern(
            "recruitment",
            f"people join too slowly: {joined} so far, where {expected:.0f} were planned for the {months:.0f} months after "
            f"the start; at this pace the rest takes {_months(left)}",
        )
    ]


def _months(left: float) -> str:
    return "more than ten years" if left > 120 else f"{left:.0f} months more"
