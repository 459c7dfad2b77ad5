"""The commented protocol that `roadtest protocol new` prints, and the answer of `roadtest protocol check` in words."""

from __future__ import annotations

from trials import planning
from trials.outcomes import kind_named
from trials.planning import Plan
from trials.protocol import Protocol
from trials.verdict import noun

TEMPLATE = """\
# The plan of one trial. Everything in it is sealed before the first outcome; a change afterwards shows for ever.
trial: my-trial                       # lower-case letters, digits, hyphens; the trial's name everywhere
title: My trial
question: Does a text the day before bring more people to their appointment?
stage: proof_of_concept               # idea | proof_of_concept | pilot | scale
owner: Your name
partners:
  - {name: Local probation service, kind: government, value: fewer missed appointments}
sites:
  - {id: A, name: Site A}
arms:
  - {id: usual, role: control, allocation: 1}
  - {id: text, role: treatment, allocation: 1}     # 1 and 1: as many in each arm
# assignment: {how: random}           # by a concealed list; or site, period, caseworker, choice, before_after, everyone: what
                                      # may be claimed follows from it (roadtest gate FILE says what)
# design: two_arm                     # or one_arm (no control: the baseline is its benchmark), multi_arm (several ideas)
# unit: person                        # or cluster: one row per cluster, its people's mean or share, as a score
primary:
  measure: attended                   # the column that holds the outcome
  label: attended the first appointment
  kind: binary                        # binary (0 or 1) | score or amount (need bounds: [low, high])
                                      # | count (bounds: [0, cap] and exposure: its column) | time_to_event (event: its column)
  better: higher
  baseline: 0.60                      # what happens without the idea
  worthwhile: 0.10                    # the smallest improvement worth having: 10 more in 100
  follow_up: 4 weeks                  # after joining, until the outcome counts
# guardrails:                         # what must not get worse by more than its margin; each has its column
#   - {measure: distress, kind: score, better: lower, bounds: [0, 10], margin: 1}
# purpose: feasibility                # too few people to show an effect? Ask whether you can recruit, deliver and measure:
# progression:                        # green from here on, red from there on, amber between
#   - {id: retention, asks: retention, text: share of people whose outcome is known, green: 0.8, red: 0.65}
monitoring:
  alpha: 0.05                         # chance of promoting an idea that does nothing
  beta: 0.10                          # chance of dropping an idea that is worthwhile
  max_participants: 800
data:
  report_within: 84 days              # an outcome not received by then counts as missing
  correction_window: 28 days          # later changes are kept and shown, not used
  # id_pattern: 'P-\\d{4}'             # the form of all ids: then other ids are set aside, and no sentence ever quotes one
order_by: [enrolled_on, entry_order]  # the order the evidence is read in, fixed now
source:
  connector: folder                   # files dropped into a folder below ROADTEST_HOME: CSV, TSV, Excel, JSON, NDJSON or
                                      # Parquet, each also .gz; or sql, http, redcap (docs/sources.md)
  path: sources/my-trial              # columns: participant_id, site, arm, enrolled_on, entry_order, attended
  # every: 7 days                     # how often a delivery is expected; after longer silence the source is overdue
# schedule: '0 2 * * *'               # when rounds take it up: cron in UTC, here at two every night. Left out: in every round
"""


# How each truth of `planning.TRUTHS` is told.
TRUTHS = {
    "worthwhile": "is just worthwhile",
    "twice worthwhile": "does twice as much",
    "half": "does half as much",
    "no effect": "does nothing",
    "harmful": "does as much harm",
}


def by_people(protocol: Protocol) -> list[str]:
    """Why people decide this plan, and what each of its criteria can tell: how often it promotes or drops says nothing."""
    told = planning.criteria_told(protocol) if protocol.purpose == "feasibility" else ()
    return [f"{protocol.trial}{protocol.mark}: {planning.people_decide(protocol)}", *(f"  {each}" for each in told)]


def outlook_text(protocol: Protocol, plan: Plan) -> str:
    """What the plan can and cannot tell, a line per truth; of a plan that people decide, why, and what they decide by."""
    if planning.people_decide(protocol):
        return "\n".join([*by_people(protocol), *(f"Note: {warning}." for warning in plan.warnings)])
    say = kind_named(protocol.primary.kind).say_effect
    lines = [f"{protocol.trial}{protocol.mark}: {plan.sentence}"]
    for outlook in plan.outlooks:
        size = "" if outlook.effect == 0 else f" ({say(protocol.primary, outlook.effect)})"
        ends = [
            f"{word} in {in_100(share)}"
            for word, share in (
                ("promoted", outlook.promote),
                ("dropped", outlook.drop),
                ("stopped for harm", outlook.stop_for_harm),
                ("left open", outlook.cant_tell),
            )
            if share >= 0.005
        ]
        lines.append(
            f"  If the idea {TRUTHS[outlook.truth]}{size}, of 100 such trials it is {', '.join(ends)}; after "
            f"{outlook.people:,.0f} {noun(protocol)} on average."
        )
    if plan.drops_worthwhile is not None:
        lines.append(
            f"  An idea that is just worthwhile is dropped in {in_100(plan.drops_worthwhile)} of 100 trials (the plan allows "
            f"{100 * protocol.monitoring.beta:.3g})."
        )
    lines += [f"  ({note[0].upper()}{note[1:]}.)" for note in plan.notes]
    return "\n".join([*lines, *(f"Note: {warning}." for warning in plan.warnings)])


def in_100(share: float) -> str:
    """A share of trials as so many in 100, never rounded to none or all."""
    if 0 < share < 0.005:
        return "fewer than 1"
    return "more than 99" if 0.995 <= share < 1 else f"{100 * share:.0f}"
