"""The people in a trial, in the database: each word on them is an act; what is read is told as far as the reader may see."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import date, datetime
from typing import TypeVar

from pydantic import ValidationError
from sqlalchemy import Connection, select

from trials.acts import Act, ActKind
from trials.acts.adaptations import ADAPTATION, Adaptation
from trials.acts.cocreation import CO_CREATION, CO_CREATION_OUTCOME, CoCreation, CoCreationOutcome
from trials.acts.fund import FUND_ANSWER, FUND_REQUEST, FUND_SPENT, FundAnswer, FundRequest, FundSpent
from trials.acts.voices import VOICE, VOICE_WITHDRAWN, Voice, VoiceWithdrawn
from trials.disclosure import apart
from trials.errors import DataError
from trials.evidence import Look
from trials.identifiers.free_text import must_name_nobody
from trials.plan.base import Frozen
from trials.plan.sharing import Fund
from trials.protocol import Protocol, explain
from trials.pseudonyms import SEALED, Pseudonyms
from trials.sharing import cocreation, fidelity, fund, partners, voices
from trials.sharing.effects import KEPT_BACK, NOTHING_YET, standing, strength_sentences
from trials.store import access, acts
from trials.store import reading as reads
from trials.store.bulk import wanted
from trials.store.deliveries import has_register
from trials.store.engine import Store, reading, writing
from trials.store.models import ENROLMENT

Body = TypeVar("Body", bound=Frozen)


def said(model: type[Body], **fields: object) -> Body:
    """What somebody said, as its model. Raises DataError, one sentence, when it breaks a rule."""
    try:
        return model(**fields)
    except ValidationError as error:
        raise DataError(explain(error)) from None


def co_create(store: Store, trial: str, body: CoCreation, *, by: str, at: datetime, key: str | None = None) -> Act:
    """Put a contribution on record. Raises DataError when the plan has no such part or a text may name somebody."""
    cocreation.must_be_part(_protocol(store, trial), body.part)
    return acts.act(store, trial, CO_CREATION, body, by=by, at=at, key=key)


def answer_co_creation(
    store: Store, trial: str, body: CoCreationOutcome, *, by: str, at: datetime, key: str | None = None
) -> Act:
    """Say what became of a contribution. Raises DataError when there is none, or a veto isn't heeded without a reason."""
    with writing(store, trial) as connection:
        access.permit(connection, trial, by, CO_CREATION_OUTCOME.action)
        cocreation.may_answer(_entries(connection, trial), body)
        return acts.put(connection, trial, CO_CREATION_OUTCOME, body, by=by, at=at, key=key)


def adapt(store: Store, trial: str, body: Adaptation, *, by: str, at: datetime, key: str | None = None) -> Act:
    """Put on record what a site did otherwise. Raises DataError when the plan has no such component or site."""
    protocol = _protocol(store, trial)
    fidelity.must_have(protocol.intervention, body.component)
    _must_be_site(protocol, body.site)
    _must_be_over(body.day, at)
    return acts.act(store, trial, ADAPTATION, body, by=by, at=at, key=key)


def ask_fund(store: Store, trial: str, body: FundRequest, *, by: str, at: datetime) -> Act:
    """Put a request in; its number makes it the same if it is said again. participant: a pseudonym already.

    Raises DataError when the plan has no fund, the sum is too large, nobody of that id is in the trial's list, or the goal
    may name somebody.
    """
    protocol = _protocol(store, trial)
    plan = _fund(protocol)
    _must_be_over(body.day, at)
    with writing(store, trial) as connection:
        access.permit(connection, trial, by, "read")  # for the fund itself when the site is known
        body = body.model_copy(update={"site": _site_of(connection, protocol, body)})
        _must_be_site(protocol, body.site)
        known = _cases(connection, trial)
        if body.request not in known:
            fund.may_ask(plan, known, body)
        return acts.put(connection, trial, FUND_REQUEST, body, by=by, at=at, key=body.request)


def answer_fund(store: Store, trial: str, body: FundAnswer, *, by: str, at: datetime) -> Act:
    """Approve or refuse a request. Raises DataError as `fund.may_answer` does."""
    plan = _fund(_protocol(store, trial))
    _must_be_over(body.day, at)
    with writing(store, trial) as connection:
        access.permit(connection, trial, by, FUND_ANSWER.action)
        known = _cases(connection, trial)
        before = known.get(body.request)
        if before is None or before.answer != body:
            fund.may_answer(plan, known, body, by)
        return acts.put(connection, trial, FUND_ANSWER, body, by=by, at=at, key=body.request)


def spend_fund(store: Store, trial: str, body: FundSpent, *, by: str, at: datetime, key: str | None = None) -> Act:
    """Put on record what was spent. key: makes it the same spending if it is said again. Raises
    DataError as `fund.may_spend` does."""
    plan = _fund(_protocol(store, trial))
    _must_be_over(body.day, at)
    with writing(store, trial) as connection:
        access.permit(connection, trial, by, FUND_SPENT.action)
        if not _was_done(connection, trial, FUND_SPENT, key):
            fund.may_spend(plan, _cases(connection, trial), body)
        return acts.put(connection, trial, FUND_SPENT, body, by=by, at=at, key=key)


def speak(
    store: Store,
    trial: str,
    body: Voice,
    *,
    hidden: Pseudonyms | None,
    by: str,
    at: datetime,
    key: str | None = None,
) -> Act:
    """Put a voice on record, its quote sealed. body: with the quote in clear. hidden: the trial's key, needed for a quote.

    Raises DataError when a quote may name somebody, or there is no key to seal it with.
    """
    protocol = _protocol(store, trial)
    _must_be_site(protocol, body.site)
    _must_be_over(body.day, at)
    must_name_nobody({"quote": body.quote})  # sealed before it comes to the door that asks of texts
    with writing(store, trial) as connection:
        access.permit(connection, trial, by, VOICE.action, site=VOICE.site(body))
        # A quote is sealed otherwise every time, so what was said before is compared as it was meant.
        before = [one for one in acts.of(connection, trial, [VOICE]) if key is not None and one.key == key]
        if before and _opened(before[0].body, hidden) == body:
            return before[0]
        sealed = body.model_copy(update={"quote": _sealed(body.quote, hidden)}) if body.quote else body
        return acts.put(connection, trial, VOICE, sealed, by=by, at=at, key=key)


def withdraw_voice(store: Store, trial: str, body: VoiceWithdrawn, *, by: str, at: datetime) -> Act:
    """Take the consent to a voice back. Raises DataError when there is no such voice."""
    with writing(store, trial) as connection:
        access.permit(connection, trial, by, VOICE_WITHDRAWN.action)
        if not any(one.seq == body.number for one in acts.of(connection, trial, [VOICE])):
            raise DataError(f"number == {body.number}, must be a voice's. See `roadtest voices {trial} --quotes`.")
        key = f"{body.number}{' entirely' if body.entirely else ''}"
        return acts.put(connection, trial, VOICE_WITHDRAWN, body, by=by, at=at, key=key)


@dataclass(frozen=True, slots=True)
class Quote:
    """Somebody's words, with consent. number: of their voice."""

    number: int
    who: str
    stance: str
    codes: tuple[str, ...]
    text: str


def shared_value(store: Store, trial: str) -> partners.Shared:
    """What the partners hope for beside what may be shown of the trial so far."""
    seen = _seen(store, trial)
    return partners.shared_value(seen.protocol, seen.look, without=seen.without)


def strengths(store: Store, trial: str) -> tuple[tuple[str, ...], Look | None]:
    """A sentence for each strengths measure, and the look that they are from."""
    seen = _seen(store, trial)
    return strength_sentences(seen.protocol, seen.look, without=seen.without), seen.look


def co_creation(store: Store, trial: str) -> tuple[tuple[cocreation.Entry, ...], tuple[cocreation.Influence, ...]]:
    """The contributions as they stand, and each kind of people's influence."""
    _seen(store, trial)
    with reading(store) as connection:
        found = _entries(connection, trial)
    return found, cocreation.influence(found)


def fidelity_of(store: Store, trial: str) -> fidelity.Fidelity:
    """The intervention by TIDieR's items, and how it is done. Raises DataError when the plan doesn't describe it."""
    protocol = _seen(store, trial).protocol
    if protocol.intervention is None:
        raise DataError(
            f"{trial} describes no intervention, must have one. Add intervention to the plan (TIDieR's items)."
        )
    found = [one.body for one in acts.acts(store, trial, [ADAPTATION])]
    told = [one for one in found if isinstance(one, Adaptation)]
    return fidelity.fidelity(protocol.intervention, told, [site.id for site in protocol.sites])


def fund_of(store: Store, trial: str, as_of: date) -> fund.FundSummary:
    """The fund's ledger in sums and in counts that may be told; by arm only for those who may see that."""
    seen = _seen(store, trial)
    plan = _fund(seen.protocol)
    with reading(store) as connection:
        known = _cases(connection, trial)
        arm_of = _arms(connection, trial, {one.asked.participant for one in known.values()})
        answers = bool(access.permitted(connection, store.person, FUND_ANSWER.action, [trial]))
    return fund.summary(plan, known, as_of, arm_of=arm_of, arms=seen.arms, small=seen.small or answers)


def open_requests(store: Store, trial: str) -> tuple[FundRequest, ...]:
    """The requests that wait for an answer, for those who give it. Raises ForbiddenError for others."""
    _seen(store, trial)
    with reading(store) as connection:
        access.permit(connection, trial, store.person, "approve_fund")
        return tuple(one.asked for one in _cases(connection, trial).values() if one.answer is None)


def voices_of(store: Store, trial: str) -> voices.VoicesSummary:
    """The voices next to what may be shown of the primary measure."""
    seen = _seen(store, trial)
    with reading(store) as connection:
        told, withdrawn = _voices(connection, trial)
    now = standing(seen.protocol, seen.look, seen.protocol.primary.measure) if seen.arms else None
    return voices.summary(seen.protocol, told, withdrawn, now)


def quotes(store: Store, trial: str, hidden: Pseudonyms | None) -> tuple[Quote, ...]:
    """The quotes whose consent stands, opened with the trial's key; no site and no day, which would tell who spoke."""
    _seen(store, trial)
    with reading(store) as connection:
        told, withdrawn = _voices(connection, trial)
    standing_now = voices.standing_voices(told, withdrawn)
    return tuple(
        Quote(number, one.who, one.stance, one.codes, _opened(one, hidden).quote)
        for number, one in standing_now.items()
        if one.quote
    )


@dataclass(frozen=True, slots=True)
class _Seen:
    """A trial as the store's person may see it. look: the newest that may be shown; without: why there is none."""

    protocol: Protocol
    look: Look | None
    arms: bool
    without: str
    small: bool = True


def _seen(store: Store, trial: str) -> _Seen:
    card = reads.card(store, trial)
    with reading(store) as connection:
        sight = access.sight(connection, trial, store.person, card.protocol, card.state)
    if not sight.arms:
        return _Seen(card.protocol, None, False, KEPT_BACK, sight.small)
    shown = apart(reads.looks(store, trial)) if card.look is not None else ()
    return _Seen(card.protocol, shown[-1] if shown else None, True, NOTHING_YET, sight.small)


def _protocol(store: Store, trial: str) -> Protocol:
    return reads.card(store, trial).protocol


def _fund(protocol: Protocol) -> Fund:
    if protocol.fund is None:
        raise DataError(f"{protocol.trial} has no enabling fund, must have one. Add fund to the plan.")
    return protocol.fund


def _entries(connection: Connection, trial: str) -> tuple[cocreation.Entry, ...]:
    told = {one.seq: one.body for one in acts.of(connection, trial, [CO_CREATION]) if isinstance(one.body, CoCreation)}
    return cocreation.entries(told, _bodies(connection, trial, CO_CREATION_OUTCOME, CoCreationOutcome))


def _cases(connection: Connection, trial: str) -> dict[str, fund.Case]:
    asked = acts.of(connection, trial, [FUND_REQUEST])
    return fund.cases(
        [(one.by, one.body) for one in asked if isinstance(one.body, FundRequest)],
        _bodies(connection, trial, FUND_ANSWER, FundAnswer),
        _bodies(connection, trial, FUND_SPENT, FundSpent),
    )


def _voices(connection: Connection, trial: str) -> tuple[dict[int, Voice], list[VoiceWithdrawn]]:
    told = {one.seq: one.body for one in acts.of(connection, trial, [VOICE]) if isinstance(one.body, Voice)}
    return told, _bodies(connection, trial, VOICE_WITHDRAWN, VoiceWithdrawn)


def _bodies(connection: Connection, trial: str, kind: ActKind, model: type[Body]) -> list[Body]:
    return [one.body for one in acts.of(connection, trial, [kind]) if isinstance(one.body, model)]


def _was_done(connection: Connection, trial: str, kind: ActKind, key: str | None) -> bool:
    return key is not None and any(one.key == key for one in acts.of(connection, trial, [kind]))


def _site_of(connection: Connection, protocol: Protocol, body: FundRequest) -> str:
    """The participant's site, as they were registered, or as it is said of somebody whom nobody has reported on yet."""
    registered = connection.scalar(
        select(ENROLMENT.c.site).where(
            ENROLMENT.c.trial_id == protocol.trial, ENROLMENT.c.participant_id == body.participant
        )
    )
    if registered is None:
        if has_register(connection, protocol.trial):
            raise DataError("participant must be on the trial's list of people. Check the id.")
        return body.site
    if body.site not in ("", registered):
        raise DataError(f"site == '{body.site}', must be '{registered}', where this participant was registered.")
    return str(registered)


def _arms(connection: Connection, trial: str, people: Iterable[str]) -> Mapping[str, str]:
    who = ENROLMENT.c
    found = connection.execute(
        select(who.participant_id, who.arm).where(
            who.trial_id == trial, who.participant_id.in_(wanted(connection, sorted(people)))
        )
    )
    return dict(found.tuples().all())


def _must_be_site(protocol: Protocol, site: str) -> None:
    known = [one.id for one in protocol.sites]
    if known and site not in known:
        raise DataError(f"site == '{site}', must be one of {', '.join(known)}.")


def _must_be_over(day: date, at: datetime) -> None:
    if day > at.date():
        raise DataError(f"day == {day}, must not lie after {at.date()}.")


def _sealed(quote: str, hidden: Pseudonyms | None) -> str:
    if hidden is None:
        raise DataError(
            "quote is given, must be sealed with the trial's key, and this trial has none. Leave the quote out."
        )
    return hidden.seal({"quote": quote})[SEALED]


def _opened(body: Frozen, hidden: Pseudonyms | None) -> Voice:
    """A voice with its quote in clear. Raises DataError without the key that it was sealed with."""
    assert isinstance(body, Voice)
    if not body.quote:
        return body
    if hidden is None:
        raise DataError("the quotes are sealed, must be opened with the trial's key. Restore the key file.")
    return body.model_copy(update={"quote": hidden.open({SEALED: body.quote})["quote"]})
