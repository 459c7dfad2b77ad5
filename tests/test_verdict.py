"""Evidence -> verdict and sentence: one rule, no two contradictory verdicts, sentences that read well aloud."""

import itertools
import math
import re
from dataclasses import replace

import pytest

from flows.template import TEMPLATE
from trials.evidence import CLAIMS, ArmTotal, Claim, Concern, Evidence, Guarded
from trials.protocol import from_yaml
from trials.verdict import judge, outlook, verdict_of

PLAN = from_yaml(
    TEMPLATE.replace("better: higher", "better: lower")
    .replace("max_participants: 800", "max_participants: 400")
    .replace("0.60", "0.30")
    .replace("worthwhile: 0.10", "worthwhile: 0.08")
)
ERRORS = {"benefit": 0.05, "dud": 0.10, "harm": 0.05}


def evidence(n: int = 172, fired: tuple[str, ...] = (), log_e: float = math.log(3.2), missing: int = 0) -> Evidence:
    claims = {
        name: Claim(log_e, min(1.0, math.exp(-log_e)), 1 / error, 120 if name in fired else None)
        for name, error in ERRORS.items()
    }
    arms = (ArmTotal("usual", n // 2, 30.0, missing), ArmTotal("text", n - n // 2, 20.0, 0))
    return Evidence(n, missing, claims, 0.083, (-0.01, 0.18), arms)


def test_the_sentence_of_an_open_trial() -> None:
    """It says how many are in, what the bet has paid, and when we act: the issue's own example."""
    verdict, sentence = judge(PLAN, evidence())
    assert verdict == "keep_going"
    assert sentence == (
        "Not yet clear: 172 of 400 people in; a bet against 'no benefit' has paid 3.2 to 1, and we act at 20 to 1."
    )


FIRED = [combination for size in range(4) for combination in itertools.combinations(("benefit", "dud", "harm"), size)]


@pytest.mark.parametrize("fired", FIRED, ids=["+".join(fired) or "none" for fired in FIRED])
@pytest.mark.parametrize("n", [172, 400])
def test_every_combination_of_claims_has_one_verdict(fired: tuple[str, ...], n: int) -> None:
    """Harm stops; benefit with dud is for people to weigh; a full trial with nothing fired can't tell."""
    verdict, sentence = judge(PLAN, evidence(n, fired))
    if "harm" in fired:
        expected = "stop_for_harm"
    elif fired == ("benefit", "dud"):
        expected = "cant_tell"
    elif fired == ("benefit",):
        expected = "promote"
    elif fired == ("dud",):
        expected = "drop"
    else:
        expected = "cant_tell" if n == 400 else "keep_going"
    assert verdict == expected
    assert re.match(r"^(Not yet clear|Promote|Drop|Stop and tell|People must decide|Can't tell)\b", sentence)
    assert sentence.endswith(".")


def test_missing_people_count_towards_the_planned_number() -> None:
    """A trial whose last people are missing has reached its limit; it does not wait for ever."""
    assert judge(PLAN, evidence(390, missing=10))[0] == "cant_tell"


def test_people_who_came_after_the_claim_fired_are_mentioned() -> None:
    """So that nobody reads today's estimate as what the verdict was taken on."""
    held = judge(PLAN, evidence(fired=("benefit",), log_e=math.log(19)))[1]
    assert "after 120 people (52 more have come in since)" in held
    fallen = judge(PLAN, evidence(fired=("benefit",), log_e=math.log(3.3)))[1]
    assert "after 120 people (52 more have come in since, and it has fallen back to 3.3 to 1)" in fallen


def test_a_trial_without_a_block_says_it_is_too_early() -> None:
    """No number is shown before there is one."""
    empty = Evidence(
        0, 0, {name: Claim(None, None, 1 / error, None, "nothing yet") for name, error in ERRORS.items()}, None, (None, None),
        (ArmTotal("usual", 0, 0.0, 0), ArmTotal("text", 0, 0.0, 0)),
    )  # fmt: skip
    verdict, sentence = judge(PLAN, empty, enrolled=31)
    assert verdict == "keep_going"
    assert sentence.startswith("Too early to say: 31 people of 400 have joined, fewer than 10 with a result")


@pytest.mark.parametrize(
    ("log_e", "words"),
    [(math.log(19.99), "19"), (math.log(0.3), "0.3"), (20.0, "over 1,000,000"), (math.log(1234), "1,234")],
)
def test_pay_offs_are_round_numbers(log_e: float, words: str) -> None:
    """No digits that nobody needs, and rounded down: 19.99 never reads as the 20 at which we act."""
    assert f"has paid {words} to 1" in judge(PLAN, evidence(log_e=log_e))[1]


def test_small_numbers_are_not_given_away() -> None:
    """The sentence stands on every page, so counts below 10 read "fewer than 10"."""
    assert judge(PLAN, evidence(8))[1].startswith("Too early to say: fewer than 10 people of 400 have joined")
    assert "to 1" not in judge(PLAN, evidence(19), enrolled=19)[1], (
        "nine in an arm: what the bet paid would tell outcomes"
    )
    assert "(fewer than 10 more have come in since" in judge(PLAN, evidence(124, ("benefit",)))[1]


def test_every_combination_has_one_verdict_and_harm_comes_first() -> None:
    """Over all that can fire, be breached, be held and be full: one verdict; harm always stops, promote and drop never meet."""
    for fired in itertools.chain.from_iterable(itertools.combinations(CLAIMS, size) for size in range(4)):
        for breached, held, full in itertools.product((False, True), repeat=3):
            claims = {name: Claim(0.0, 1.0, 20.0, 50 if name in fired else None) for name in CLAIMS}
            guard = Guarded("hours", "text", Claim(3.5, 0.03, 20.0, 40 if breached else None), ())
            concern = Concern("sample_ratio", "the arms don't add up", holds=held)
            verdict = verdict_of(claims, [guard], [concern], full=full)
            assert (verdict == "stop_for_harm") == ("harm" in fired)
            if verdict == "promote":
                assert fired == ("benefit",)
                assert not breached
                assert not held
            if verdict == "drop":
                assert fired == ("dud",)
                assert not held
            if verdict == "keep_going":
                assert not fired
                assert not breached
                assert not full
            found = replace(
                evidence(fired=fired), claims=claims, guardrails=(guard,), concerns=(concern,) if held else ()
            )
            if not full:
                assert judge(PLAN, found)[0] == verdict
                words = judge(PLAN, found)[1] + outlook(PLAN, found)
                assert words.count("..") == 0
                assert len(words) < 700


def test_the_outlook_says_what_would_change_it() -> None:
    """While open, all three thresholds with what each bet has paid; once decided, that only corrections could undo it."""
    unclear = outlook(PLAN, evidence(log_e=math.log(4.2)))
    assert "promoted when the bet against 'no benefit' reaches 20 to 1 (now 4.2 to 1)" in unclear
    assert "dropped when" in unclear
    assert "stopped when" in unclear
    assert "unless there is a correction to a result already counted" in outlook(PLAN, evidence(fired=("benefit",)))
