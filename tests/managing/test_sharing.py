"""Partners, co-creation, fidelity, fund and voices: what follows from what was recorded. Pure."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pydantic import ValidationError

from trials.acts.adaptations import Adaptation
from trials.acts.cocreation import CoCreation, CoCreationOutcome
from trials.acts.fund import FundAnswer, FundRequest, FundSpent
from trials.acts.voices import Voice, VoiceWithdrawn
from trials.errors import DataError
from trials.evidence import ArmTotal, Claim, Guarded, Look, Strength
from trials.plan.intervention import Intervention
from trials.plan.sharing import Fund, Partner, check_hopes
from trials.protocol import Protocol, from_content
from trials.sharing import cocreation, fidelity, fund, partners, voices
from trials.sharing.effects import standing

DAY = date(2026, 3, 1)
HOPES = [
    {
        "name": "City",
        "kind": "government",
        "hopes": [
            {"value": "Fewer evictions", "measure": "evicted"},
            {"value": "Less spent", "measure": "cost"},
            {"value": "Trust", "measure": ""},
        ],
    },
    {"name": "Tenants", "kind": "users", "hopes": [{"value": "To feel able", "measure": "able"}]},
    {"name": "Firm", "kind": "industry", "hopes": [{"value": "More sold", "measure": "cost", "better": "higher"}]},
]
CONTENT: dict[str, Any] = {
    "trial": "homes",
    "question": "?",
    "owner": "tests",
    "partners": HOPES,
    "sites": [{"id": "A"}, {"id": "B"}],
    "arms": [{"id": "usual", "role": "control"}, {"id": "idea"}],
    "primary": {"measure": "evicted", "kind": "binary", "better": "lower", "baseline": 0.3, "worthwhile": 0.1},
    "guardrails": [{"measure": "cost", "kind": "amount", "better": "lower", "bounds": [0, 900], "margin": 50}],
    "strengths": [{"measure": "able", "kind": "score", "better": "higher", "bounds": [0, 10], "unit": "points"}],
    "monitoring": {"max_participants": 400},
    "order_by": ["entry_order"],
    "source": {"connector": "folder", "path": "in"},
    "intervention": {
        "name": "Home visits",
        "why": "Debts are found early",
        "components": [
            {"id": "visit", "text": "A visit within a week"},
            {"id": "talk", "text": "A talk", "role": "flexible", "within": "where and how long"},
        ],
    },
}


@pytest.fixture(scope="module")
def plan() -> Protocol:
    return from_content(CONTENT)


def look(effect: float = 0.12, low: float = 0.02, *, able: tuple[float, float, float] = (1.0, 0.2, 1.8)) -> Look:
    """A hundred people an arm; the idea costs 60 more each, which is within or beyond the margin as `breached` says."""
    claim = Claim(0.0, 1.0, 20.0)
    arms = (ArmTotal("usual", 100, 32.0, 0), ArmTotal("idea", 100, 20.0, 0))
    cost = (ArmTotal("usual", 100, 20_000.0, 0), ArmTotal("idea", 100, 26_000.0, 0))
    return Look(
        trial="homes",
        number=3,
        as_of=datetime(2026, 1, 1, tzinfo=UTC),
        batch_seq=1,
        n=200,
        enrolled=200,
        waiting=0,
        missing=0,
        late_changes=0,
        claims={"benefit": claim, "dud": claim, "harm": claim},
        estimate=effect,
        interval=(low, 0.3),
        arms=arms,
        verdict="keep_going",
        sentence="",
        protocol_sha256="",
        code_version="",
        state_sha256="",
        guardrails=(Guarded("cost", "idea", claim, cost),),
        strengths=(Strength("able", "idea", able[0], able[1:], arms),),
    )


def breached(one: Look) -> Look:
    guarded = one.guardrails[0]
    return replace(one, guardrails=(replace(guarded, claim=replace(guarded.claim, crossed_at_n=150)),))


def test_hopes_stand_side_by_side_with_what_is_shown_of_them(plan: Protocol) -> None:
    """Each hope has its partner, its measure and the look's words on it; a hope without a measure says so."""
    rows = {(row.partner, row.value): row for row in partners.shared_value(plan, look()).rows}
    assert rows["City", "Fewer evictions"].shows == "12.0 fewer in 100 (between 2.0 fewer in 100 and 30.0 fewer in 100)"
    assert rows["City", "Fewer evictions"].stands == "better"
    assert rows["City", "Trust"].shows == "nothing measures it yet"
    assert rows["Tenants", "To feel able"].shows.startswith("1.0 points higher")
    assert [row.stands for row in partners.shared_value(plan, None).rows].count("nothing") == 4


def test_a_trade_off_is_certain_only_where_intervals_bear_it_out(plan: Protocol) -> None:
    """A dearer idea that helps may be a trade-off; it is one once the cost guardrail is breached and the benefit shown."""
    leaning = partners.shared_value(plan, look()).trade_offs
    assert leaning
    assert not any(one.sure for one in leaning)
    assert all(one.sentence.startswith("There may be a trade-off") for one in leaning)
    sure = [one for one in partners.shared_value(plan, breached(look())).trade_offs if one.sure]
    assert {(one.gains.partner, one.loses.partner) for one in sure} == {("Tenants", "City"), ("Firm", "City")}
    unsure = partners.shared_value(plan, breached(look(low=-0.05, able=(1.0, -0.4, 1.8)))).trade_offs
    assert {(one.gains.partner, one.loses.partner) for one in unsure if one.sure} == {("Firm", "City")}


def test_one_partners_own_hopes_are_no_trade_off_between_partners(plan: Protocol) -> None:
    """The city's evictions against the city's costs is not said to be a conflict of partners."""
    found = partners.shared_value(plan, breached(look())).trade_offs
    assert all(one.gains.partner != one.loses.partner for one in found)


def test_too_few_people_tell_nothing(plan: Protocol) -> None:
    """With nine people in an arm, or nine with the outcome, nothing of an outcome is said."""
    few = replace(look(), arms=(ArmTotal("usual", 100, 32.0, 0), ArmTotal("idea", 9, 3.0, 0)))
    rare = replace(look(), arms=(ArmTotal("usual", 100, 32.0, 0), ArmTotal("idea", 100, 9.0, 0)))
    for one in (few, rare):
        assert standing(plan, one, "evicted").effect is None


def test_a_hope_names_a_measure_of_the_plan() -> None:
    """A measure that the plan doesn't have is refused with those that it has."""
    partner = Partner.model_validate(
        {"name": "City", "kind": "government", "hopes": [{"value": "x", "measure": "joy"}]}
    )
    with pytest.raises(ValueError, match=r"measure == 'joy', must be a measure of the plan \(evicted, cost\)"):
        check_hopes([partner], ["evicted", "cost"])
    check_hopes([partner], ["joy"])
    with pytest.raises(ValidationError, match="must say of which measure"):
        Partner.model_validate({"name": "City", "kind": "government", "hopes": [{"value": "x", "better": "lower"}]})


def contribution(who: str, what: str, outcome: str = "pending", why: str = "", part: str = "visit") -> CoCreation:
    text = "come in the evening"
    return CoCreation.model_validate(
        {"who": who, "what": what, "part": part, "text": text, "outcome": outcome, "why": why}
    )


def test_influence_is_what_altered_the_plan() -> None:
    """Of three words of users one altered the plan; those who only tested altered nothing, whatever came of it."""
    told = {
        1: contribution("users", "proposed", "taken_up"),
        2: contribution("users", "vetoed", "not_taken_up", "the law asks for it"),
        3: contribution("users", "changed"),
        4: contribution("researchers", "tested", "taken_up"),
    }
    users, researchers = cocreation.influence(cocreation.entries(told, []))
    assert (users.said, users.altered, users.pending, users.vetoes, users.heeded) == (3, 1, 1, 1, 0)
    assert (
        users.sentence == "Users: 1 of 3 proposals, changes and vetoes altered the plan (visit); 1 waits for an answer."
    )
    assert (researchers.said, researchers.altered, researchers.tested) == (0, 0, 1)
    assert "none altered the plan" in researchers.sentence
    answered = cocreation.entries(told, [CoCreationOutcome(number=3, outcome="taken_up")])
    assert cocreation.influence(answered)[0].altered == 2


def test_attendance_is_no_influence_and_a_veto_is_owed_a_reason() -> None:
    """'attended' can't be recorded; a veto that isn't heeded, then or later, must say why."""
    with pytest.raises(ValidationError, match="what"):
        contribution("users", "attended")
    with pytest.raises(ValidationError, match="owed the reason"):
        contribution("users", "vetoed", "not_taken_up")
    pending = cocreation.entries({7: contribution("users", "vetoed")}, [])
    with pytest.raises(DataError, match="owed the reason"):
        cocreation.may_answer(pending, CoCreationOutcome(number=7, outcome="partly"))
    with pytest.raises(DataError, match="number == 8, must be a contribution's"):
        cocreation.may_answer(pending, CoCreationOutcome(number=8, outcome="taken_up"))


@pytest.mark.parametrize(
    "part", ["visit", "primary.measure", "arms.idea", "guardrails.cost.margin", "primary.follow_up"]
)
def test_parts_of_the_plan_are_known(plan: Protocol, part: str) -> None:
    """A component, a field (an empty one too), or an entry of a list by its id, name or measure."""
    assert cocreation.must_be_part(plan, part) == part


@given(st.text(max_size=30))
@settings(max_examples=60, deadline=None)
def test_whatever_else_is_written_is_no_part(text: str) -> None:
    """Any text either leads into the plan or is refused in one sentence; nothing else happens."""
    known = from_content(CONTENT)
    if text.split(".")[0] in {"visit", "talk", *Protocol.model_fields}:
        return
    with pytest.raises(DataError, match="must be a component"):
        cocreation.must_be_part(known, text)


def adaptation(component: str, inside: bool, site: str = "A") -> Adaptation:
    return Adaptation(component=component, site=site, what="by phone", why="far away", day=DAY, inside=inside)


def test_discretion_within_the_flexible_parts_is_tailoring_and_outside_is_drift(plan: Protocol) -> None:
    """A flexible part within its limits is tailored; beyond them, or at the core whatever is said, it drifted."""
    idea = plan.intervention
    assert idea is not None
    kinds = [
        fidelity.classify(idea, adaptation(part, inside)) for part in ("talk", "visit") for inside in (True, False)
    ]
    assert kinds == ["tailoring", "drift", "drift", "drift"]
    found = fidelity.fidelity(idea, [adaptation("talk", True), adaptation("visit", True, "B")], ["A", "B", "C"])
    assert [(one.site, one.tailoring, one.drift) for one in found.sites] == [("A", 1, 0), ("B", 0, 1), ("C", 0, 0)]
    assert "tailoring, as planned" in found.sites[0].sentence
    assert "drift" in found.sites[1].sentence
    assert "nothing reported" in found.sites[2].sentence
    with pytest.raises(DataError, match=r"component == 'tea', must be .* Components: visit, talk"):
        fidelity.classify(idea, adaptation("tea", True))


def test_tidier_has_twelve_items_and_two_are_filled_by_what_is_done(plan: Protocol) -> None:
    """Items 10 and 12 are empty until something is recorded; the plan's empty items are named."""
    idea = plan.intervention
    assert idea is not None
    before, after = fidelity.fidelity(idea, []), fidelity.fidelity(idea, [adaptation("visit", False)])
    assert [item.number for item in before.items] == list(range(1, 13))
    assert [one.items[9].empty and one.items[11].empty for one in (before, after)] == [True, False]
    assert "3 (what: materials)" in before.warnings[0]
    assert "1 (brief name)" not in before.warnings[0]
    assert [row[0] for row in fidelity.table()] == ["item", *map(str, range(1, 13))]


def test_a_core_component_has_no_room_and_ids_differ() -> None:
    """What may vary can't be said of a core component, and no two components share an id."""
    part = {"id": "visit", "text": "A visit"}
    with pytest.raises(ValidationError, match="must be left out of a core component"):
        Intervention.model_validate({"name": "x", "components": [{**part, "within": "when"}]})
    with pytest.raises(ValidationError, match="must all differ"):
        Intervention.model_validate({"name": "x", "components": [part, part]})
    flexible = Intervention.model_validate({"name": "x", "components": [{**part, "role": "flexible"}]})
    assert any("does not say what may vary" in one for one in fidelity.warnings(flexible))


FUND = Fund(total=1000, per_person=300, days_to_approve=7)


def asked(number: int, amount: float = 100, person: str = "", **more: Any) -> FundRequest:
    said = {"request": f"r{number}", "participant": person or f"p{number}", "goal": "a bus pass", "day": DAY}
    return FundRequest.model_validate({"amount": amount, "proposed_by": "participant", "site": "A", **said, **more})


def granted(number: int, amount: float, days: int = 2) -> FundAnswer:
    return FundAnswer(request=f"r{number}", approved=True, amount=amount, day=DAY + timedelta(days=days))


def test_the_fund_refuses_what_it_can_not_give() -> None:
    """Not twice, not by who asked, not more than asked, than one person can get, or than is left."""
    requests = [("ann", asked(1, 300)), ("ann", asked(2, 200, "p1")), *(("ann", asked(n, 300)) for n in (3, 4, 5))]
    known = fund.cases(requests, [granted(1, 200)], [])
    with pytest.raises(DataError, match="must be somebody else than who put request r2 in"):
        fund.may_answer(FUND, known, granted(2, 50), "Ann ")
    with pytest.raises(DataError, match="was answered on 2026-03-03"):
        fund.may_answer(FUND, known, granted(1, 50), "ben")
    with pytest.raises(DataError, match=r"at most 100\.00 EUR, which is left for this person of 300\.00 EUR"):
        fund.may_answer(FUND, known, granted(2, 150), "ben")
    with pytest.raises(DataError, match=r"at most 300\.00 EUR, which is what was asked for"):
        fund.may_answer(FUND, known, granted(3, 301), "ben")
    full = fund.cases(requests, [granted(1, 200), granted(3, 300), granted(4, 300)], [])
    with pytest.raises(DataError, match=r"at most 200\.00 EUR, which is left of the fund of 1,000\.00 EUR"):
        fund.may_answer(FUND, full, granted(5, 201), "ben")
    fund.may_answer(FUND, full, granted(5, 200), "ben")
    with pytest.raises(DataError, match=r"at most 300\.00 EUR, the plan's sum for one person"):
        fund.may_ask(FUND, {}, asked(9, 301))


def test_spending_follows_what_was_granted_and_frees_the_rest() -> None:
    """Nothing is spent before an approval or beyond it; closing a request gives the rest back to the fund."""
    known = fund.cases([("ann", asked(1, 300)), ("ann", asked(2))], [granted(1, 300)], [])
    with pytest.raises(DataError, match="was not answered yet, must be approved"):
        fund.may_spend(FUND, known, FundSpent(request="r2", amount=1, day=DAY))
    with pytest.raises(DataError, match=r"at most 300\.00 EUR"):
        fund.may_spend(FUND, known, FundSpent(request="r1", amount=300.01, day=DAY + timedelta(days=3)))
    spent = FundSpent(request="r1", amount=120.10, day=DAY + timedelta(days=3), last=True)
    closed = fund.cases([("ann", asked(1, 300))], [granted(1, 300)], [spent])
    found = fund.summary(FUND, closed, DAY)
    assert (found.spent, found.committed, found.unspent, found.left) == (120.10, 0.0, 879.90, 879.90)


@given(st.lists(st.tuples(st.integers(0, 4), st.floats(0.01, 400)), max_size=25))
@settings(max_examples=60, deadline=None)
def test_whatever_is_asked_the_fund_is_never_overdrawn(wishes: list[tuple[int, float]]) -> None:
    """Grants that pass the rules never add up to more than the fund, nor for one person to more than their sum."""
    known: dict[str, fund.Case] = {}
    for number, (person, amount) in enumerate(wishes):
        request = asked(number, min(amount, 300), f"p{person}")
        known[request.request] = fund.Case(request, "ann")
        answer = granted(number, min(amount, 300))
        try:
            fund.may_answer(FUND, known, answer, "ben")
        except DataError:
            continue
        known[request.request] = fund.Case(request, "ann", answer)
    assert sum(one.granted for one in known.values()) <= FUND.total + 0.005 * len(known)
    for person in range(5):
        mine = [one.granted for one in known.values() if one.asked.participant == f"p{person}"]
        assert sum(mine) <= FUND.per_person + 0.005 * len(mine)


def test_the_fund_shows_no_small_group() -> None:
    """At site B nine were approved: it shows nothing of them; at A the share lies within what is said."""
    requests = [("ann", asked(n, 10, site="A" if n < 35 else "B")) for n in range(44)]
    answers = [
        granted(n, 10, days=n % 10)
        if n % 3 or n >= 35
        else FundAnswer(request=f"r{n}", approved=False, day=DAY, reason="no")
        for n in range(44)
    ]
    found = fund.with_shares(
        fund.summary(FUND, fund.cases(requests, answers, []), DAY, arm_of={}), ["A", "B"], ["x", "y"]
    )
    (here,) = found.by_site
    assert (here.group, here.approved, here.refused, here.mean) == ("A", 20, 10, 10.0)
    assert here.share is not None
    assert here.share[0] <= 23 / 35 <= here.share[1]
    assert found.by_arm == ()
    assert found.in_time is not None
    assert found.waiting is None


def test_sites_and_arms_of_the_fund_do_not_subtract() -> None:
    """Eighteen at a site, nine in each arm: nothing is told of either. The tenth of one arm is told of both, with nothing of
    the other arm; without the arms there are no groups, and without sight of arms the sites are the same."""
    every = [asked(n, 10 + n, site="B") for n in range(28)]
    arms = {f"p{n}": ("usual", "budget")[n % 2] for n in range(28)}

    def at(count: int, **more: Any) -> fund.FundSummary:
        known = fund.cases([("ann", one) for one in every[:count]], [granted(n, 10 + n) for n in range(count)], [])
        return fund.summary(FUND, known, DAY, **({"arm_of": arms} | more))

    assert (at(18).by_site, at(18).by_arm) == ((), ())
    usual = fund.Equity("usual", 10, 0, None, 19.0)
    assert (at(19).by_site, at(19).by_arm) == ((replace(usual, group="B"),), (usual,))
    assert [(one.group, one.approved) for one in at(28).by_arm] == [("budget", 10), ("usual", 10)]
    assert [(one.group, one.approved, one.mean) for one in at(28).by_site] == [("B", 20, 19.5)]
    hidden = at(28, arms=False)
    assert (hidden.by_site, hidden.by_arm) == (at(28).by_site, ())
    assert at(28, arm_of=None).by_site == ()


def test_a_share_says_nothing_of_how_many_cells_somebody_is_in() -> None:
    """Two sites with the same told of them have the same range, though in one both arms asked."""
    one, two = fund.Equity("A", 10, 0, None, 5.0), fund.Equity("B", 10, 0, None, 5.0)
    plain = fund.summary(FUND, {}, DAY)
    first, second = fund.with_shares(replace(plain, by_site=(one, two)), ["A", "B"], ["x", "y"]).by_site
    assert first.share == second.share == (10 / 37, 1.0)


def voice(who: str, stance: str, code: str = "trust") -> Voice:
    return Voice.model_validate({"who": who, "stance": stance, "codes": [code], "consent": True, "day": DAY})


def test_where_voices_and_numbers_conflict_it_is_said_plainly(plan: Protocol) -> None:
    """The numbers show a benefit, most participants say that it hinders: one sentence. If they agree there is none."""
    said = dict(enumerate([voice("participant", "hinders")] * 25 + [voice("staff", "helps")] * 25, start=1))
    now = standing(plan, look(), "evicted")
    found = voices.summary(plan, said, [], now)
    assert found.conflicts == (
        "Conflict: the numbers show a benefit (12.0 fewer in 100 (between 2.0 fewer in 100 and 30.0 fewer in 100)), but "
        "most of the participants who spoke say that it hinders; find out why before deciding.",
    )
    leaning = voices.summary(plan, said, [], standing(plan, look(low=-0.1), "evicted"))
    assert "lean towards a benefit" in leaning.conflicts[0]
    harm = voices.summary(plan, said, [], standing(plan, look(effect=-0.1, low=-0.2), "evicted"))
    assert "most of the staff who spoke say that it helps" in harm.conflicts[0]
    assert voices.summary(plan, said, [], None).conflicts == ()


def test_few_voices_tell_nothing_and_taken_back_ones_do_not_count(plan: Protocol) -> None:
    """Nine voices show no count, no code and no conflict; nor do ten of whom one is taken back entirely."""
    now = standing(plan, look(), "evicted")
    ten = dict(enumerate([voice("participant", "hinders")] * 10, start=1))
    assert voices.summary(plan, ten, [], now).heard[0].counts["hinders"] == 10
    back = [VoiceWithdrawn(number=3, entirely=True)]
    for said, withdrawn in (({k: ten[k] for k in range(1, 10)}, []), (ten, back)):
        found = voices.summary(plan, said, withdrawn, now)
        assert set(found.heard[0].counts.values()) == {None}
        assert found.codes == ()
        assert found.conflicts == ()
    kept = voices.standing_voices({1: ten[1].model_copy(update={"quote": "x"})}, [VoiceWithdrawn(number=1)])
    assert kept[1].quote == ""
    assert not kept[1].consent


def test_words_are_kept_with_consent_alone() -> None:
    """A quote without consent is refused."""
    with pytest.raises(ValidationError, match="their words are kept only if they agree"):
        Voice.model_validate(
            {"who": "staff", "stance": "mixed", "codes": ["time"], "consent": False, "quote": "x", "day": DAY}
        )
