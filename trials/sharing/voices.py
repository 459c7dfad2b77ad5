"""What participants, families and staff say of the idea, coded, next to what the numbers say, and where both conflict.

A voice is no measurement: who speaks was not drawn by lot, so nothing here moves a verdict, and a conflict is a question to
look into, said in one sentence. Both kinds side by side: Creswell & Plano Clark (2018), ch. 3 (convergent design); Moore et al.
(2015), BMJ 350:h1258, on process evaluation.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from trials.acts.voices import SPEAKERS, STANCES, Voice, VoiceWithdrawn
from trials.disclosure import LIMIT, added_up, released_counts, released_table
from trials.protocol import Protocol
from trials.sharing.effects import Standing

MOST_CODES = 10
WHO = {"participant": "participants", "family": "families", "staff": "staff"}


@dataclass(frozen=True, slots=True)
class Heard:
    """The voices of one kind of people: released counts by stance, None where too few to be told. mostly: the stance of more
    than half of them, '' where none is or too few spoke."""

    who: str
    counts: Mapping[str, int | None]
    mostly: str


@dataclass(frozen=True, slots=True)
class VoicesSummary:
    """codes: those said most, with how often. conflicts: a sentence for each kind of people who contradict the numbers."""

    heard: tuple[Heard, ...]
    codes: tuple[tuple[str, int], ...]
    conflicts: tuple[str, ...]
    sentence: str


def standing_voices(said: Mapping[int, Voice], withdrawn: Sequence[VoiceWithdrawn]) -> dict[int, Voice]:
    """The voices that count, by number; a quote whose consent was taken back is gone from its voice."""
    found = dict(sorted(said.items()))
    for one in withdrawn:
        if one.number not in found:
            continue
        if one.entirely:
            del found[one.number]
        else:
            found[one.number] = found[one.number].model_copy(update={"quote": "", "consent": False})
    return found


def summary(
    protocol: Protocol, said: Mapping[int, Voice], withdrawn: Sequence[VoiceWithdrawn], now: Standing | None
) -> VoicesSummary:
    """The voices beside the estimate. now: what a look shows of the primary measure; None where the reader may not see it."""
    steps = _steps(said, withdrawn)
    table = released_table(added_up(((voice.who, voice.stance), more) for voice, more in steps))
    heard = tuple(_heard(who, {stance: table.cells.get((who, stance)) for stance in STANCES}) for who in SPEAKERS)
    codes = _codes(steps)
    conflicts = () if now is None else tuple(text for one in heard if (text := conflict(protocol, one, now)))
    return VoicesSummary(heard, codes, conflicts, _sentence(heard, conflicts, now))


def _steps(said: Mapping[int, Voice], withdrawn: Sequence[VoiceWithdrawn]) -> list[tuple[Voice, int]]:
    """Each voice in the order in which it came, then those taken back entirely: what the counts went through."""
    gone = dict.fromkeys(one.number for one in withdrawn if one.entirely and one.number in said)
    return [*((voice, 1) for _, voice in sorted(said.items())), *((said[number], -1) for number in gone)]


def _heard(who: str, counts: Mapping[str, int | None]) -> Heard:
    """More than half holds for certain: a count may be LIMIT - 1 behind, and a hidden one is below LIMIT."""
    for stance, count in counts.items():
        others = sum((counts[other] or 0) + LIMIT - 1 for other in counts if other != stance)
        if count is not None and count > others:
            return Heard(who, counts, stance)
    return Heard(who, counts, "")


def _codes(steps: Sequence[tuple[Voice, int]]) -> tuple[tuple[str, int], ...]:
    histories = {
        code: found
        for (code, _), found in added_up(((code, ""), more) for voice, more in steps for code in voice.codes).items()
    }
    told = [(code, count) for code, count in released_counts(histories).cells.items() if count is not None]
    return tuple(sorted(told, key=lambda one: (-one[1], one[0]))[:MOST_CODES])


def conflict(protocol: Protocol, heard: Heard, now: Standing) -> str:
    """The sentence where most of them say the opposite of what the numbers show; empty where they don't."""
    if now.effect is None or now.effect == 0 or heard.mostly not in ("helps", "hinders"):
        return ""
    helps = now.effect > 0
    if helps == (heard.mostly == "helps"):
        return ""
    sure = now.shows == ("better" if helps else "worse")
    numbers = f"the numbers {'show' if sure else 'lean towards'} {'a benefit' if helps else 'harm'} ({now.words})"
    verb = "hinders" if heard.mostly == "hinders" else "helps"
    return f"Conflict: {numbers}, but most of the {WHO[heard.who]} who spoke say that it {verb}; find out why before deciding."


def _sentence(heard: Sequence[Heard], conflicts: Sequence[str], now: Standing | None) -> str:
    if conflicts:
        return " ".join(conflicts)
    if all(count is None for one in heard for count in one.counts.values()):
        return "Too few voices so far to say what people think."
    clear = [f"most {WHO[one.who]} say it {_VERB[one.mostly]}" for one in heard if one.mostly]
    told = "; ".join(clear) if clear else "no kind of people is of one mind"
    told = told[:1].upper() + told[1:]
    if now is None:
        return f"{told}. Whether that fits the numbers is shown to those who may see results by arm."
    return f"{told}. Nothing of that contradicts the numbers so far."


_VERB = {"helps": "helps", "mixed": "helps in part", "hinders": "hinders"}
