"""What an alert says, to whom. One place decides it, for messages and for `roadtest alerts list`.

Who may not read a trial is told nothing of it. A channel without a person is told that there is an answer, not of which trial,
and what is operational in fixed words, how urgent by its kind alone (`flows.alerts_untold`). Whoever may read the trial is told
the verdict's word; only who may see results by arm is told the verdict's sentence, as the trial's page shows it to them
(`trials.disclosure.told`): before a trial is closed that are the roles that its plan names. Why the work on a trial failed is
told to whoever may collect for it.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass, field
from datetime import datetime

from flows import alerts_untold
from trials.alerting import Alert, Severity, What, kind_named, next_step
from trials.disclosure import apart, told, unhidden
from trials.protocol import Protocol
from trials.store import reading, seeing
from trials.store.alerts import Claimed
from trials.store.engine import Store
from trials.store.reading import TrialCard

MOST_TOLD = 20  # in one message
WHEN: dict[What, str] = {
    "raised": "New",
    "passed": "Was so for a while, and is over",
    "cleared": "Over",
    "reminder": "Still so, and nobody has acknowledged it",
}


@dataclass(frozen=True, slots=True)
class View:
    """What a channel's person may be told. reads: the trials that they may read; collects: for which they may collect; None
    in both: there is no person, and nothing that needs a role is told. programmes: of each trial, whoever reads."""

    store: Store = field(repr=False)
    reads: frozenset[str] | None
    collects: frozenset[str] | None
    programmes: dict[str, str] = field(default_factory=dict)

    def may(self, alert: Alert) -> bool:
        """Whether they may be told of the alert at all."""
        if self.reads is None:
            return not alerts_untold.of_an_arm(alert)
        return not alert.trial or alert.trial in self.reads

    def severity(self, alert: Alert) -> Severity:
        """How urgent it is, as they may be told."""
        return alerts_untold.severity_of(alert) if self.reads is None else alert.severity

    def acts(self, alert: Alert) -> bool:
        """Whether they may be told why: they collect for the trial, or, of what is none's, for all."""
        mine = self.collects or frozenset()
        return alert.trial in mine if alert.trial else self.collects is not None and mine >= set(self.programmes)


def view_of(store: Store, person: str, programmes: dict[str, str], trials: Collection[str] = ()) -> View:
    """What somebody may be told; '' is nobody. programmes: by trial, all that there are; trials: beside these, such as whose
    plan can't be read. Read afresh each time: a role that was taken counts no more."""
    if not person:
        return View(store, None, None, programmes)
    mine, names = store.as_person(person), sorted({*programmes, *trials})
    reads = frozenset(seeing.allowed(mine, names))
    return View(mine, reads, frozenset(seeing.allowed(mine, names, "collect")), programmes)


def sentence_for(view: View, alert: Alert) -> str:
    """The alert in one or two sentences, as the view's person may be told it; to be asked only where `view.may`."""
    if view.reads is None:
        return kind_named(alert.kind).untold
    said = alert.sentence
    if alert.kind == "verdict":
        said = _answer(view.store, alert) or said
    if alert.detail and view.acts(alert):
        said = f"{said} {alert.detail}"
    return said


def _answer(store: Store, alert: Alert) -> str | None:
    """The verdict's sentence for somebody who sees results by arm; None for everybody else, and where the trial's newest look
    has another verdict by now."""
    cards = reading.cards(store, [alert.trial])
    if not cards or cards[0].look is None or cards[0].look.verdict != alert.about:
        return None
    card = cards[0]
    if not seeing.arms_shown(store, [(card.id, card.protocol, card.state)])[card.id]:
        return None
    return _as_shown(store, card)


def _as_shown(store: Store, card: TrialCard) -> str | None:
    newest = card.look
    assert newest is not None
    shown = apart(one for one in reading.looks(store, card.id) if one.number <= newest.number)
    # While a split of the outcome is hidden, so is everything that could be worked back to it.
    return told(card.protocol, newest, shown) if shown and unhidden(card.protocol, shown[-1]) is not None else None


def heading(view: View, alert: Alert) -> str:
    """What the alert is about: the trial's name where it may be said."""
    if not alert.trial:
        return "Rounds"
    return alert.trial if named(view, alert) else "A trial"


def named(view: View, alert: Alert) -> bool:
    """Whether the alert's trial may be named."""
    return view.reads is not None or kind_named(alert.kind).named


def line_of(view: View, one: Claimed, url: str) -> str:
    """One telling as a few lines of text. url: of the pages, '' for none."""
    alert = one.alert
    lines = [f"{heading(view, alert)}: {_said(view, one)}"]
    if one.what in ("raised", "reminder"):
        lines.append(f"  {WHEN[one.what]}, since {_moment(alert.raised_at)}.")
        if view.reads is not None:
            lines.append(f"  {next_step(alert)}")
            lines.append(f"  You see to it: roadtest alerts acknowledge {alert.id} --by NAME")
    if link := link_to(view, alert, url):
        lines.append(f"  {link}")
    return "\n".join(lines)


def _said(view: View, one: Claimed) -> str:
    if one.what in ("raised", "reminder"):
        return sentence_for(view, one.alert)
    when = "" if one.alert.cleared_at is None else f" since {_moment(one.alert.cleared_at)}"
    # What is over is told in the words that everybody may read: the trial's newest look is another one by now.
    said = kind_named(one.alert.kind).untold if view.reads is None else one.alert.sentence
    return f"{WHEN[one.what]}{when}: {said}"


def link_to(view: View, alert: Alert, url: str) -> str:
    """The trial's page, or the board where the trial is not named; '' without pages that have an address."""
    if not url:
        return ""
    return f"{url.rstrip('/')}/trial/{alert.trial}" if alert.trial and named(view, alert) else f"{url.rstrip('/')}/"


def message_of(view: View, several: Sequence[Claimed], url: str) -> tuple[str, str]:
    """Title and text of one message with everything that is due: what must be acted on first, the rest counted."""
    ordered = sorted(several, key=lambda one: (one.what in ("cleared", "passed"), view.severity(one.alert) != "act"))
    lines = [line_of(view, one, url) for one in ordered[:MOST_TOLD]]
    if len(several) > MOST_TOLD:
        lines.append(f"And {len(several) - MOST_TOLD:,} more: roadtest alerts list")
    return title_of(view, ordered), "\n\n".join(lines)


def title_of(view: View, ordered: Sequence[Claimed]) -> str:
    """One thing by its name, several by how many; never a verdict's word, as titles show on locked screens."""
    if len(ordered) > 1:
        return f"Roadtest: {len(ordered):,} alerts"
    alert = ordered[0].alert
    what = {
        "verdict": "there is an answer",
        "overdue": "overdue",
        "unhealthy": "needs a look",
        "failed": "failed",
        "round": "need attention",
    }[alert.kind]
    return f"Roadtest: {heading(view, alert)}: {what}" + (" - over" if ordered[0].what in ("cleared", "passed") else "")


def programmes_of(cards: Collection[TrialCard]) -> dict[str, str]:
    """By trial, its programme; one without is a programme of its own."""
    return {card.id: _programme(card.protocol) for card in cards}


def _programme(protocol: Protocol) -> str:
    return protocol.programme or protocol.trial


def _moment(at: datetime) -> str:
    return f"{at:%Y-%m-%d %H:%M} UTC"
