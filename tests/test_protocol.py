"""The plan: YAML in and out, canonical JSON, seal; and one clear sentence for each way of getting it wrong."""

import json
from pathlib import Path

import pytest
import yaml
from pydantic import ValidationError

from flows.template import TEMPLATE
from trials.errors import ProtocolError
from trials.planning import admit
from trials.protocol import Protocol, from_content, from_file, from_yaml, parse_duration

EXAMPLES = sorted(
    path for path in (Path(__file__).parent.parent / "examples").glob("*/*.yaml") if path.parent.name != "deploy"
)


def content(**changes: object) -> dict:  # type: ignore[type-arg]
    """The template's plan as a mapping, with top-level parts replaced."""
    return {**yaml.safe_load(TEMPLATE), **changes}


def primary(**changes: object) -> dict:  # type: ignore[type-arg]
    return content(primary={**yaml.safe_load(TEMPLATE)["primary"], **changes})


@pytest.mark.parametrize("path", EXAMPLES, ids=[path.parent.name + "/" + path.stem for path in EXAMPLES])
def test_yaml_comes_back_as_the_same_plan(path: Path) -> None:
    """Every example written as YAML and read again is equal and has the same seal."""
    protocol = from_file(path)
    again = from_yaml(protocol.to_yaml())
    assert again == protocol
    assert again.seal() == protocol.seal()


def test_canonical_json_comes_back_as_the_same_plan() -> None:
    """What is stored is the whole plan, every default written out."""
    protocol = from_yaml(TEMPLATE)
    assert from_content(json.loads(protocol.canonical())) == protocol
    assert '"alpha":0.05' in protocol.canonical()


def test_the_seal_ignores_spelling_and_sees_meaning() -> None:
    """Key order and comments leave the seal alone; any value changes it."""
    plan = content()
    backwards = dict(reversed(list(plan.items())))
    assert from_content(plan).seal() == from_content(backwards).seal()
    assert from_content(plan).seal() != from_content(primary(worthwhile=0.11)).seal()


def test_the_seal_is_the_sha256_of_the_canonical_json() -> None:
    """So that anybody can check it with standard tools."""
    import hashlib

    protocol = from_yaml(TEMPLATE)
    assert protocol.seal() == hashlib.sha256(protocol.canonical().encode()).hexdigest()


def test_a_plan_cannot_be_changed_in_place() -> None:
    """Plans are frozen."""
    with pytest.raises(ValidationError):
        from_yaml(TEMPLATE).trial = "other"  # type: ignore[misc]


WRONG = [
    (content(stagee="pilot"), r"stagee is not a known key\. Did you mean 'stage'\?"),
    (primary(worthwile=0.1), r"primary\.worthwile is not a known key\. Did you mean 'worthwhile'\?"),
    (
        content(monitoring={"alpha": 5, "max_participants": 9}),
        r"monitoring\.alpha == 5, must be < 1\.0\. Write 0\.05 for 5 %\.",
    ),
    (content(monitoring={"beta": 0, "max_participants": 9}), r"monitoring\.beta == 0, must be > 0\.0"),
    (primary(worthwhile=0.5), r"primary\.worthwhile == 0\.5, must be < 0\.4: from a baseline of 0\.6"),
    (primary(worthwhile=0), r"primary\.worthwhile == 0, must be > 0"),
    (primary(baseline=60), r"primary\.baseline == 60, must be > 0 and < 1 .* Write 0\.30 for 30 %\."),
    (primary(kind="binry"), r'primary\.kind == "binry", must be one of binary, score, amount'),
    (primary(follow_up="1 month"), r'primary\.follow_up == "1 month", must be a whole number of days or weeks'),
    (primary(follow_up=None), r"primary\.follow_up is missing, must be given"),
    (primary(baseline=float("nan")), r"primary\.baseline == NaN, must be a finite number"),
    (content(arms=[{"id": "a", "role": "control", "allocation": 0}, {"id": "b", "allocation": 0}]), r"add up to 0"),
    (content(arms=[{"id": "a", "role": "control"}, {"id": "b", "allocation": 0}]), r"arms\.b\.allocation == 0"),
    (content(arms=[{"id": "a", "role": "control"}, {"id": "a"}]), r"arms have the ids .* must all differ"),
    (content(arms=[{"id": "a"}, {"id": "b"}]), r"must be one control and one treatment"),
    (content(sites=[{"id": "A"}, {"id": "A"}]), r"sites have the ids .* must all differ"),
    (content(sites=[{"id": False}]), r"sites\.0\.id == false, must be a valid string\. Put it in quotes\."),
    (content(trial="My Trial"), r'trial == "My Trial", must be lower-case letters'),
    (content(order_by=["enrolled_on"]), r"order_by == .*must be \[entry_order\] or"),
    (
        content(monitoring={"method": "t-test", "max_participants": 9}),
        r'monitoring\.method == "t-test", must be one of anytime',
    ),
]


@pytest.mark.parametrize(("plan", "sentence"), WRONG, ids=[sentence[:40] for _, sentence in WRONG])
def test_a_wrong_plan_gets_one_sentence(plan: dict, sentence: str) -> None:  # type: ignore[type-arg]
    """Each mistake is named by key, value and rule, in one line."""
    with pytest.raises(ProtocolError, match=sentence) as caught:
        admit(from_content(plan, "plan.yaml"))
    assert "\n" not in str(caught.value)


def test_a_key_written_twice_is_refused() -> None:
    """YAML would silently keep the last; here both lines are looked at by a person."""
    with pytest.raises(ProtocolError, match=r"owner stands twice \(second time in line"):
        from_yaml(TEMPLATE + "\nowner: Somebody else\n")


@pytest.mark.parametrize("text", ["", "- a\n- b\n", "trial: [unclosed", "\tx: 1"])
def test_what_is_no_protocol_is_refused(text: str) -> None:
    """Empty files, lists and broken YAML get a sentence with where to start."""
    with pytest.raises(ProtocolError, match="roadtest protocol new"):
        from_yaml(text)


def test_amounts_need_bounds() -> None:
    """Without a cap one huge value could decide the trial, so the plan must name it."""
    plan = from_content(primary(kind="amount", baseline=10, worthwhile=2))
    with pytest.raises(ProtocolError, match=r"primary\.bounds is missing, must be given for the kind amount"):
        admit(plan)


@pytest.mark.parametrize(("text", "days"), [("28 days", 28), ("1 day", 1), ("52 weeks", 364)])
def test_durations(text: str, days: int) -> None:
    """Days and weeks have a length; months have none."""
    assert parse_duration(text).days == days


def test_the_plan_names_its_arms_by_role() -> None:
    """control and treatment are found whatever their order."""
    protocol: Protocol = from_yaml(TEMPLATE)
    assert (protocol.control.id, protocol.treatments[0].id) == ("usual", "text")
