"""What an alert gives away where nobody's role is known: on a channel without a person, and in an event of a trial whose
programme has roles. There benefit, dud, harm and a breached guardrail look alike, at one look or at several.

So urgency goes by the kind alone; a breached guardrail, which always makes the trial's answer, is told as that answer and not
beside it; and a trial has one answer at a time: one that changes is another alert for people with roles, and here none.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace

from trials.alerting import BREACH, VERDICTS, Alert, Finding, KindName, Severity
from trials.store import alerts
from trials.store.engine import Store

_URGENT: frozenset[KindName] = frozenset({"verdict", "unhealthy"})  # the kinds of which any may have to be acted on
_MANY = 100  # trials in one query
_Key = tuple[str, int]


def severity_of(alert: Alert) -> Severity:
    """How urgent it is as far as its kind says; of what is no trial's, how urgent it is."""
    if not alert.trial:
        return alert.severity
    return "act" if alert.kind in _URGENT else "look"


def of_an_arm(alert: Alert) -> bool:
    """Whether it says how the arms compare beyond the trial's answer: a breached guardrail, of participants or of burden."""
    return alert.about.startswith(BREACH)


@dataclass(frozen=True, slots=True)
class Answers:
    """What channels know of trials' answers. standing: by trial, the first of its verdicts' alerts that stand. looked: the
    trials whose tellings were read. raised: by channel, the alerts told there; lasting: by channel and trial, the one that was
    told there and not told over."""

    standing: dict[str, _Key]
    looked: frozenset[str]
    raised: dict[str, frozenset[_Key]]
    lasting: dict[tuple[str, str], _Key]

    def may(self, channel: str, alert: Alert) -> bool:
        """Whether the alert may be told on the channel as far as answers go: none while another of the trial lasts there, and
        an end only when the trial has no answer any more, of what was told there."""
        if of_an_arm(alert):
            return False
        if alert.kind != "verdict":
            return True
        key = (alert.id, alert.occurrence)
        if alert.cleared_at is None:
            return self.lasting.get((channel, alert.trial), self.standing.get(alert.trial, key)) == key
        known = alert.trial not in self.looked or key in self.raised.get(channel, ())
        return known and alert.trial not in self.standing


def answers(store: Store) -> Answers:
    """What channels know now, to be asked after what is the case was judged. Raises StoreError."""
    stands = _verdicts(alerts.standing(store))
    standing: dict[str, _Key] = {}
    for one in sorted(stands, key=lambda one: (one.raised_at, one.id)):
        standing.setdefault(one.trial, (one.id, one.occurrence))
    trials = {one.trial: one for one in (*_verdicts(alerts.listed(store)), *stands)}
    known = {_id(trial, word): trial for trial in trials for word in VERDICTS}
    raised: dict[str, frozenset[_Key]] = {}
    lasting: dict[tuple[str, str], _Key] = {}
    names = sorted(trials)
    for first in range(0, len(names), _MANY):
        asked = [
            replace(trials[name], id=_id(name, word)) for name in names[first : first + _MANY] for word in VERDICTS
        ]
        for key, channels in alerts.told_of(store, asked).items():
            if key[0] not in known:
                continue
            for channel, told in channels.items():
                raised[channel] = raised.get(channel, frozenset()) | {key}
                if not any(one.what in ("cleared", "passed") for one in told):
                    lasting[channel, known[key[0]]] = key
    return Answers(standing, frozenset(trials), raised, lasting)


def countable(store: Store, found: Iterable[Alert]) -> list[Alert]:
    """Those of the alerts that may be counted where nobody's role is known: of a trial's answers the one that stands first, and
    no breached guardrail beside it. Raises StoreError."""
    standing = answers(store).standing
    return [
        one
        for one in found
        if not of_an_arm(one) and (one.kind != "verdict" or standing.get(one.trial) == (one.id, one.occurrence))
    ]


def _verdicts(found: Iterable[Alert]) -> list[Alert]:
    return [one for one in found if one.kind == "verdict"]


def _id(trial: str, word: str) -> str:
    return Finding("verdict", trial, word, "").id
