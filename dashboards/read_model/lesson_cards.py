"""One ended trial or idea as a card: what was tried, why it ended, what the evidence said, what to use again."""

from __future__ import annotations

import logging
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from dashboards import wording
from dashboards.read_model.desk import ContradictionError, Desk, assert_agreement, choose, sentence_of
from dashboards.wording import Standing
from trials.acts.act import Act
from trials.acts.deciding import Decision
from trials.acts.ideas import ENDINGS
from trials.protocol import Protocol
from trials.reasons import DONE, REASONS
from trials.store import access
from trials.store.ideas import IdeaCard
from trials.store.lessons import Told
from trials.store.reading import TrialCard

log = logging.getLogger(__name__)

# An idea that ended so neither failed nor taught little: somebody has the answer, or something better.
ANSWERED = frozenset({"answered", "known_already", "replaced"})
HARMED = frozenset({"harm", "safety", "guardrail"})
TONES: dict[str, Standing] = {"promote": "promote", "drop": "drop", "stop": "drop", "rerun": "cant_tell"}
# What a text is, where it stands beside a trial's ending.
PASSAGES = {
    "idea": "the idea as it was noted",
    "idea_ended": "why the idea was ended",
    "decision": "why the trial went on",
    "passing": "what changed on the way to the next stage",
    "amendment": "a change to the plan",
    "site_withdrawn": "why a site left",
    "external_event": "something that happened outside",
}
_PARTS = ("title", "text", "hoped_for", "reason", "impact", "lesson", "reuse", "changed")


@dataclass(frozen=True, slots=True)
class Passage:
    """A text that a search found beside the endings: what it is, its words, the trial that it leads to ("" = none)."""

    what: str
    words: str
    where: str
    trial: str = ""
    at: datetime | None = None


@dataclass(frozen=True, slots=True)
class Lesson:
    """One trial or idea that ended. key: its scope. trial: whose page it leads to, "" for an idea. evidence: the sentence of
    the look that was decided on, None where nobody had looked. failed: it did not work, or taught little."""

    key: str
    trial: str
    title: str
    badges: tuple[str, ...]
    question: str
    tried: str
    programme: str
    stage: str
    ended: str
    tone: Standing
    at: datetime | None
    code: str
    code_means: str
    reason: str
    evidence: str | None
    label: str
    label_means: str
    lesson: str
    reuse: str
    dissent: str
    failed: bool
    passages: tuple[Passage, ...] = ()


@dataclass(frozen=True, slots=True)
class Untried:
    """An idea that was noted and never tried."""

    key: str
    title: str
    text: str
    hoped_for: str
    programme: str
    at: datetime | None


@dataclass(frozen=True, slots=True)
class Ending:
    """An ended trial or idea before its card is made."""

    scope: str
    programme: str
    at: datetime | None
    code: str
    failed: bool
    card: TrialCard | None = None
    idea: IdeaCard | None = None


def meaning(code: str) -> str:
    """A reason's code in words."""
    return REASONS[code][0] if code in REASONS else ENDINGS.get(code, code.replace("_", " "))


def lesson(desk: Desk, one: Ending, found: Iterable[Told], arms: Mapping[str, bool]) -> Lesson:
    if one.card is not None and one.card.closing is not None:
        return _of_trial(desk, one, one.card, one.card.closing, found, arms=arms[one.card.id])
    assert one.idea is not None
    return _of_idea(one, one.idea, found)


def _of_trial(desk: Desk, one: Ending, card: TrialCard, act: Act, found: Iterable[Told], *, arms: bool) -> Lesson:
    plan, body = card.protocol, act.body
    assert isinstance(body, Decision)
    evidence, label, label_means = _evidence(desk, card, body, arms=arms)
    return Lesson(
        key=one.scope,
        trial=card.id,
        title=plan.name,
        badges=tuple(wording.badges(plan)),
        question=plan.question,
        tried=_tried(plan),
        programme=plan.programme,
        stage=wording.STAGE_WORDS[plan.stage],
        ended=DONE[body.what].capitalize(),
        tone="stop_for_harm" if body.reason_code in HARMED else TONES[body.what],
        at=act.at,
        code=body.reason_code,
        code_means=wording.reason_means(plan, body.reason_code, card.look) or meaning(body.reason_code),
        reason=body.reason,
        evidence=evidence,
        label=label,
        label_means=label_means,
        lesson=body.lesson,
        reuse=body.reuse,
        dissent="" if body.dissent == "none" else body.dissent,
        failed=one.failed,
        passages=tuple(passage(text, {}) for text in found if text.seq != act.seq or text.kind != act.kind),
    )


def _tried(plan: Protocol) -> str:
    """The idea as it is done, in short."""
    if plan.intervention is None:
        return ", ".join(arm.name or wording.arm_name(plan, arm.id) for arm in plan.treatments)
    done = plan.intervention
    said = next((text for text in (done.procedures, done.how, done.why) if text), "")
    return f"{done.name}. {said}" if said else done.name


def _evidence(desk: Desk, card: TrialCard, body: Decision, *, arms: bool) -> tuple[str | None, str, str]:
    """The sentence of the newest look shown of those up to the decision, with its label; in the verdict's words alone where
    no look that may be shown says the same."""
    plan, grounds = card.protocol, body.grounds
    shown = [look for look in choose(desk, plan, card.look).looks if look.number <= grounds.look]
    look = shown[-1] if shown and shown[-1].verdict == grounds.verdict else None
    label, means = wording.label(plan, look), wording.label_means(plan, look)
    if grounds.verdict is None:
        return None, label, means
    if look is None:
        words = {
            str(word): said for word, said in wording.VERDICT_WORDS.items()
        }  # a decision of an earlier version may hold another word
        said = f"The verdict was: {words.get(grounds.verdict, grounds.verdict)}."
        return said, label, means
    try:
        assert_agreement(look)
    except ContradictionError as error:
        log.error("%s", error)
        return "Verdict and evidence of this look disagree, so neither is shown.", label, means
    return sentence_of(plan, look, shown, arms=arms), label, means


def _of_idea(one: Ending, idea: IdeaCard, found: Iterable[Told]) -> Lesson:
    noted, ended = idea.noted, idea.ended
    assert ended is not None
    tried = len(idea.trials)
    return Lesson(
        key=one.scope,
        trial="",
        title=title_of(idea),
        badges=(),
        question=noted.text if noted else "",
        tried=f"In {wording.plural(tried, 'trial')}." if tried else "Never: it ended before anybody tried it.",
        programme=idea.programme,
        stage=wording.STAGE_WORDS["idea"],
        ended="Idea ended",
        tone="setting_up",
        at=idea.ended_at,
        code=ended.reason_code,
        code_means=meaning(ended.reason_code),
        reason=ended.reason,
        evidence=None,
        label="",
        label_means="",
        lesson=ended.lesson,
        reuse=ended.reuse,
        dissent="",
        failed=one.failed,
        passages=tuple(passage(text, {}) for text in found if text.kind not in ("idea", "idea_ended")),
    )


def title_of(idea: IdeaCard) -> str:
    planned = next((one.title for one in idea.trials if one.title), "")
    return (idea.noted.title if idea.noted else "") or planned or idea.name.replace("-", " ").capitalize()


def passage(text: Told, cards: Mapping[str, TrialCard]) -> Passage:
    parts: list[Any] = [text.body.get(part) for part in _PARTS]
    card = cards.get(text.scope)
    where = card.protocol.name if card else text.subject.removeprefix(access.PROGRAMME).replace("-", " ").capitalize()
    said = " ".join(str(part) for part in parts if part)
    return Passage(PASSAGES.get(text.kind, text.kind.replace("_", " ")), said, where, card.id if card else "", text.at)
