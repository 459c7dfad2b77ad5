"""What a participant, a relative or somebody of the staff says of the idea, coded, with their consent."""

from __future__ import annotations

from datetime import date
from typing import Annotated, Literal, get_args

from pydantic import Field, model_validator

from trials.acts.act import ActKind
from trials.plan.base import Frozen

Speaker = Literal["participant", "family", "staff"]
SPEAKERS: tuple[str, ...] = get_args(Speaker)
Stance = Literal["helps", "mixed", "hinders"]
STANCES: tuple[str, ...] = get_args(Stance)
Code = Annotated[str, Field(pattern=r"^[a-z0-9]+([-_][a-z0-9]+)*$", max_length=40)]


class Voice(Frozen):
    """quote: their words, sealed with the trial's key before they come here; only with consent. codes: from a code book."""

    who: Speaker
    site: str = ""
    codes: tuple[Code, ...] = Field(min_length=1)
    stance: Stance
    quote: str = ""
    consent: bool
    day: date

    @model_validator(mode="after")
    def _consented(self) -> Voice:
        if self.quote and not self.consent:
            raise ValueError(
                "quote is given without consent, must be left out: their words are kept only if they agree"
            )
        if len(set(self.codes)) < len(self.codes):
            raise ValueError("codes has one twice, must have each once")
        return self


class VoiceWithdrawn(Frozen):
    """The consent to voice `number` (the act's) is taken back: its quote is shown no more. entirely: nor is it counted."""

    number: int = Field(ge=1)
    entirely: bool = False


def _site(body: Frozen) -> str | None:
    return body.site or None if isinstance(body, Voice) else None


VOICE = ActKind("voice", Voice, action="take_part")
VOICE_WITHDRAWN = ActKind("voice_withdrawn", VoiceWithdrawn, action="take_part")
