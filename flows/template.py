"""The commented protocol that `roadtest protocol new` prints, and the answer of `roadtest protocol check` in words."""

from __future__ import annotations

from trials.outcomes import kind_named
from trials.planning import Plan
from trials.protocol import Protocol

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
primary:
  measure: attended                   # the column that holds the outcome
  label: attended the first appointment
  kind: binary                        # binary (0 or 1) | amount (needs bounds: [low, high])
  better: higher
  baseline: 0.60                      # what happens without the idea
  worthwhile: 0.10                    # the smallest improvement worth having: 10 more in 100
  follow_up: 4 weeks                  # after joining, until the outcome counts
monitoring:
  alpha: 0.05                         # chance of promoting an idea that does nothing
  beta: 0.10                          # chance of dropping an idea that is worthwhile
  max_participants: 800
data:
  report_within: 84 days              # an outcome not received by then counts as missing
  correction_window: 28 days          # later changes are kept and shown, not used
order_by: [enrolled_on, entry_order]  # the order the evidence is read in, fixed now
source:
  connector: folder                   # CSV files dropped into a folder below ROADTEST_HOME
  path: sources/my-trial              # columns: participant_id, site, arm, enrolled_on, entry_order, attended
"""


def outlook_text(protocol: Protocol, plan: Plan) -> str:
    """What the plan can and cannot tell, a line per truth."""
    say = kind_named(protocol.primary.kind).say_effect
    lines = [f"{protocol.trial}{protocol.mark}: {plan.sentence}"]
    for outlook in plan.outlooks:
        lines.append(
            f"  If the truth is {outlook.truth} ({say(protocol.primary, outlook.effect)}): promoted {outlook.promote:.0%}, "
            f"dropped {outlook.drop:.0%}, stopped for harm {outlook.stop_for_harm:.0%}; "
            f"{outlook.people:,.0f} people on average."
        )
    if plan.outlooks:
        first = plan.outlooks[0]
        lines.append(f"  ({first.runs:,} simulated trials each; a share is known to ± {2 * first.error:.0%}.)")
    return "\n".join([*lines, *(f"Note: {warning}." for warning in plan.warnings)])
