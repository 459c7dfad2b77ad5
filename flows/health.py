"""health_of(): what looks wrong with each trial as a whole, once these deliveries are in.

The numbers come from three places: the register with the people of these deliveries (who is in which arm and site), the
trial's newest look (whose outcome is in, missing or late), and the checks of these deliveries alone (who came under another
arm or site, or is a stranger). `expectations.health` judges them.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Mapping, Sequence

from expectations.check import Key, key_of
from expectations.health import ArmVitals, SiteVitals, Vitals, halves, trial_health
from trials.protocol import Arm, Protocol
from trials.records import Checked, Delivery, Records, Register
from trials.store import reading
from trials.store.arms import dropped_arms
from trials.store.engine import Store
from trials.store.reading import TrialCard
from trials.store.registers import PartOfRegister, places_of
from trials.store.tallies import Tally, outcomes_by_half

# Beyond so many people drift of the outcome is left alone: any trial of years drifts a little, and looking costs time.
_DRIFT_PEOPLE = 20_000


def health_of(
    store: Store,
    protocols: Mapping[str, Protocol],
    registers: Mapping[str, Register],
    groups: Sequence[Sequence[Delivery]],
    checked: Mapping[Key, Checked],
) -> dict[str, tuple[str, ...]]:
    """Per trial, plain sentences on what looks wrong with it as a whole, these deliveries included; empty = nothing found.

    groups: per trial the deliveries that it receives at one time, at least one. registers: who was in before them.
    checked: what the checks made of each, by `key_of` it.
    Raises ChecksError when the checks of health could not be evaluated.
    """
    cards = {card.id: card for card in reading.cards(store, [group[0].trial for group in groups])}
    drifting = {
        trial: card.protocol.primary.measure
        for trial, card in cards.items()
        if card.look is not None and card.look.n <= _DRIFT_PEOPLE and card.protocol.primary.kind in ("binary", "score")
    }
    tallies = outcomes_by_half(store, drifting) if drifting else {}
    # Of a register that was read in part the people are counted where they stand; a whole one is counted itself.
    parts = {trial: card for trial, card in cards.items() if isinstance(registers[trial], PartOfRegister)}
    places = places_of(store, protocols, parts) if parts else {}
    vitals = []
    for group in groups:
        trial = group[0].trial
        results = [checked[key_of(delivery)] for delivery in group]
        if trial in cards:
            people = _people_by_site(registers[trial], places.get(trial), results)
            gone = dropped_arms(store, trial) if protocols[trial].design == "multi_arm" else ()
            vitals.append(_vitals(protocols[trial], people, cards[trial], group, results, tallies.get(trial, ()), gone))
    return {group[0].trial: () for group in groups} | trial_health(vitals)


def _people_by_site(
    register: Register, known: Counter[tuple[str, str]] | None, results: Sequence[Checked]
) -> Counter[tuple[str, str]]:
    """(site, arm) -> people, those of these deliveries included. known: how many the register holds, when it is in part."""
    found = Counter((one.site, one.arm) for one in register.values()) if known is None else Counter(known)
    fresh: dict[str, tuple[str, str]] = {}
    for result in results:
        accepted = Records.of(result.accepted)
        fresh |= zip(accepted.participant_id, zip(accepted.site, accepted.arm, strict=True), strict=True)
    found.update(place for participant, place in fresh.items() if participant not in register)
    return found


def _vitals(
    protocol: Protocol,
    people: Counter[tuple[str, str]],
    card: TrialCard,
    group: Sequence[Delivery],
    results: Sequence[Checked],
    tallies: Sequence[Tally],
    gone: Collection[str],
) -> Vitals:
    settled = {} if card.look is None else {total.arm: total for total in card.look.arms}
    arms: Counter[str] = Counter()
    for (_, arm), count in people.items():
        arms[arm] += count
    broken: Counter[str] = Counter()
    for result in results:
        broken.update(dict(result.broken))

    def of(arm: Arm) -> ArmVitals:
        total = settled.get(arm.id)
        n, missing = (0, 0) if total is None else (total.n, total.missing)
        return ArmVitals(arm.id, arm.allocation, arms[arm.id], n, missing, arm.id in gone)

    return Vitals(
        trial=protocol.trial,
        arms=tuple(of(arm) for arm in protocol.arms),
        received=card.rows + sum(len(delivery.rows) for delivery in group),
        quarantined=card.quarantined + sum(len(result.rejected) for result in results),
        sites=tuple(
            SiteVitals(site.id, tuple(people[site.id, arm.id] for arm in protocol.arms)) for site in protocol.sites
        ),
        late=0 if card.look is None else card.look.late_changes,
        crossovers=broken["arm_as_registered"] + broken["site_as_registered"],
        unregistered=broken["in_register"],
        halves=halves(tallies, binary=protocol.primary.kind == "binary") if tallies else (),
    )
