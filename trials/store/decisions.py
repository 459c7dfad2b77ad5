"""Decisions, withdrawn sites, external events and stages in the database: each is an act, and each rests on what is read in
its own transaction.

Guarantee: what a decision says of its look, of the gate and of newer data is what the ledger held when it was stored; and the
same words from the same person while they stand change nothing.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime

from sqlalchemy import Connection, func, select

from trials import deciding, lifecycle
from trials.acts.act import Act
from trials.acts.deciding import DECISION, Answered, Decision, What
from trials.acts.events import EXTERNAL_EVENT, EventKind, ExternalEvent
from trials.acts.site_withdrawing import SITE_WITHDRAWN, SiteWithdrawn
from trials.amending import same_person
from trials.deciding import Received
from trials.errors import DataError, ForbiddenError
from trials.evidence import Look
from trials.labelling import labelled
from trials.protocol import Protocol
from trials.reasons import SITE_REASONS
from trials.store import access, acts
from trials.store.deliveries import last_seq
from trials.store.engine import Store, reading, writing
from trials.store.looks import next_look
from trials.store.models import BATCH, ENROLMENT, LOOK
from trials.store.plans import must_be_aware, sealed_plan
from trials.store.reading import newest_look
from trials.store.stages import plan_of
from trials.store.standing import standing_in


@dataclass(frozen=True, slots=True)
class Decided:
    """A decision as it was stored, and its sentence."""

    act: Act
    decision: Decision
    sentence: str


def decide(
    store: Store,
    trial: str,
    what: What,
    *,
    by: str,
    at: datetime,
    reason: str = "",
    reason_code: str = "",
    second: str = "",
    lesson: str = "",
    reuse: str = "",
    dissent: str = deciding.NONE,
    answers: Mapping[str, float] | None = None,
    now: datetime | None = None,
) -> Decided:
    """Take a decision on a sealed trial: one transaction.

    answers: by criterion of the gate, what people say where the ledger can't. The same words from the same person again
    change nothing. Raises ForbiddenError; LifecycleError for a trial that is not open or had no look; DataError for what is
    missing, in one sentence.
    """
    must_be_aware(at=at)
    with writing(store, trial) as connection:
        access.permit(connection, trial, by, DECISION.action)
        words = Decision(
            what=what,
            reason=reason,
            reason_code=reason_code,
            second=second,
            lesson=lesson,
            reuse=reuse,
            dissent=dissent.strip() or deciding.NONE,
        )
        before = _again(connection, trial, words, by)
        if before is not None:
            return before
        lifecycle.must_be_open(trial, acts.state_of(connection, trial) or "", f"decide {what}")
        protocol, sha256 = sealed_plan(connection, trial)
        look, stale = _newest(connection, protocol, sha256, at)
        given = _answered(connection, protocol, look, what, answers or {}, at.date())
        rules = deciding.asking(look, standing_in(connection, trial, at, small=True))
        found = deciding.review(
            protocol,
            look,
            what,
            reason_code=reason_code,
            answers=given,
            rules=rules,
            judges_safety=_may(connection, trial, by, "judge_safety"),
        )
        on = deciding.grounds(
            look, stale=stale, label=labelled(protocol, () if look is None else look.concerns), rules=rules
        )
        said = words.model_copy(update={"against": found.against, "answers": given, "grounds": on})
        deciding.check_words(trial, said, found)
        _must_be_second(connection, trial, by, said)
        done = acts.put(connection, trial, DECISION, said, by=by, at=at, now=now)
    return Decided(done, said, deciding.sentence(done))


def _again(connection: Connection, trial: str, words: Decision, by: str) -> Decided | None:
    """The newest decision if the same person said the same before and nothing was looked at since; else None."""
    last = next(iter(reversed(acts.of(connection, trial, [DECISION]))), None)
    if last is None or last.by != by or not isinstance(last.body, Decision):
        return None
    told = last.body.model_copy(update={"against": (), "answers": (), "grounds": words.grounds})
    looks = connection.scalar(select(func.max(LOOK.c.number)).where(LOOK.c.trial_id == trial)) or 0
    if told != words or (not words.closes and last.look != looks):
        return None
    return Decided(last, last.body, deciding.sentence(last))


def _may(connection: Connection, trial: str, person: str, action: str) -> bool:
    """Whether roles let somebody do it; in an open programme nobody stands out, so nobody."""
    try:
        return bool(access.permit(connection, trial, person, action))
    except ForbiddenError:
        return False


def _must_be_second(connection: Connection, trial: str, by: str, said: Decision) -> None:
    if not said.second:
        return
    if same_person(by, said.second):
        raise DataError(
            f"second == '{said.second}', must be somebody else than {by}, who decides. Name another reviewer."
        )
    access.permit(connection, trial, said.second, "review")


def _newest(connection: Connection, protocol: Protocol, sha256: str, at: datetime) -> tuple[Look | None, bool]:
    """The newest look, and whether one at this time would count others or say otherwise."""
    look = newest_look(connection, protocol.trial)
    if look is None:
        return None, False
    _, _, fresh = next_look(connection, protocol, sha256, last_seq(connection, protocol.trial), at, changed=None)
    told = [(one.n, one.missing, one.enrolled, one.verdict, one.estimate, one.interval) for one in (look, fresh)]
    return look, told[0] != told[1]


def _answered(
    connection: Connection,
    protocol: Protocol,
    look: Look | None,
    what: What,
    said: Mapping[str, float],
    on: date,
) -> tuple[Answered, ...]:
    """Each criterion's light. Raises DataError when promoting leaves one open."""
    criteria = deciding.criteria_of(protocol)
    if not criteria and not said:
        return ()
    facts = deciding.facts_of(look, received(connection, protocol.trial), on, protocol.monitoring.max_participants)
    found, silent = deciding.answered(criteria, facts, deciding.from_look(protocol, look), said)
    if what == "promote" and look is not None and silent:
        asked = "; ".join(f"{one.id}: {one.text}" for one in silent)
        example = " ".join(f"--met {one.id}=VALUE" for one in silent)
        raise DataError(f"the gate asks what only people know ({asked}), must be answered to promote. Add {example}.")
    return found


def received(connection: Connection, trial: str) -> Received:
    """What the ledger holds of a trial: its first day, its people, rows taken and set aside (those judged again once)."""
    day = ENROLMENT.c.enrolled_on
    first, last, enrolled = connection.execute(
        select(func.min(day), func.max(day), func.count()).where(ENROLMENT.c.trial_id == trial)
    ).one()
    taken, aside = connection.execute(
        select(func.sum(BATCH.c.accepted + BATCH.c.duplicates), func.sum(BATCH.c.quarantined)).where(
            BATCH.c.trial_id == trial, BATCH.c.source != "replay", BATCH.c.refusal.is_(None)
        )
    ).one()
    return Received(first, int(enrolled), int(taken or 0), int(aside or 0), last)


def decisions(store: Store, trial: str) -> tuple[Act, ...]:
    """The decisions on a trial, oldest first. Raises UnknownTrialError."""
    with reading(store) as connection:
        acts.state_of(connection, trial)
        return acts.of(connection, trial, [DECISION])


def withdraw_site(
    store: Store,
    trial: str,
    site: str,
    *,
    reason_code: str,
    reason: str,
    from_day: date,
    by: str,
    at: datetime,
    now: datetime | None = None,
) -> Act:
    """Take a site out of a sealed trial from a day on; its data stay. The same words again change nothing.

    Raises DataError for a site that the plan does not know, for an unknown reason code, and for the last site that is left.
    """
    must_be_aware(at=at)
    if reason_code not in SITE_REASONS:
        raise DataError(f"reason_code == '{reason_code}', must be one of {', '.join(SITE_REASONS)}.")
    if not reason.strip():
        raise DataError("reason == '', must say why the site leaves. Add --reason.")
    body = SiteWithdrawn(site=site, reason_code=reason_code, reason=reason, from_day=from_day)
    with writing(store, trial) as connection:
        if site in withdrawn(connection, trial):  # said again, perhaps after the trial was closed
            return acts.put(connection, trial, SITE_WITHDRAWN, body, by=by, at=at, key=site, now=now)
        lifecycle.must_be_open(trial, acts.state_of(connection, trial) or "", "withdraw a site")
        protocol, _ = sealed_plan(connection, trial)
        known = [one.id for one in protocol.sites]
        if site not in known:
            raise DataError(f"site == '{site}', must be one of {', '.join(known) or 'no sites at all'} of the plan.")
        left = set(known) - set(withdrawn(connection, trial)) - {site}
        if not left:
            raise DataError(
                f"{site} is the last site of {trial}, must not be withdrawn alone. Run `roadtest decide {trial} stop ...`."
            )
        return acts.put(connection, trial, SITE_WITHDRAWN, body, by=by, at=at, key=site, now=now)


def withdrawn(connection: Connection, trial: str) -> dict[str, SiteWithdrawn]:
    """The sites that have left a trial."""
    found = (act.body for act in acts.of(connection, trial, [SITE_WITHDRAWN]))
    return {body.site: body for body in found if isinstance(body, SiteWithdrawn)}


def sites_left(store: Store, trial: str) -> frozenset[str]:
    """The sites that were withdrawn from the trial."""
    with reading(store) as connection:
        return frozenset(withdrawn(connection, trial))


def late_joiners(store: Store, trial: str, joined: Iterable[tuple[str, date | None]]) -> tuple[str, ...]:
    """A warning for each withdrawn site at which a delivery enrols somebody who joined on or after its last day.

    joined: (site, day of joining) of the people whom the delivery is the first to name; a day of None counts as late.
    """
    with reading(store) as connection:
        left = withdrawn(connection, trial)
    late = {site for site, day in joined if site in left and (day is None or day >= left[site].from_day)}
    return tuple(
        f"site {site} left the trial on {left[site].from_day}, and this delivery enrols people there since; they are kept "
        "and counted, so ask the site who let them in"
        for site in sorted(late)
    )


def note_event(
    store: Store,
    trial: str,
    text: str,
    *,
    day: date,
    by: str,
    at: datetime,
    kind: EventKind = "other",
    sites: Sequence[str] = (),
    now: datetime | None = None,
) -> Act:
    """Note something outside the trial that may have changed what it measures. The same words again change nothing."""
    must_be_aware(at=at)
    if not text.strip():
        raise DataError("text == '', must say what happened. Write it in a few words.")
    if day > at.date():
        raise DataError(f"day == {day}, must not lie ahead of {at.date()}: note what has happened.")
    body = ExternalEvent(day=day, text=text, kind=kind, sites=tuple(dict.fromkeys(sites)))
    with writing(store, trial) as connection:
        known = {site.id for site in plan_of(connection, trial)[0].sites}
        strange = [site for site in body.sites if site not in known]
        if strange:
            raise DataError(f"sites == {', '.join(strange)}, must be sites of the plan ({', '.join(sorted(known))}).")
        key = f"{day}|{body.text}"
        return acts.put(connection, trial, EXTERNAL_EVENT, body, by=by, at=at, key=key, now=now)
