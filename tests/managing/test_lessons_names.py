"""Whatever people write in an act is asked at the store's door whether it names anybody."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any

import pytest

from tests.flows.making import SEALED_AT, Desk, plan
from trials.acts import ACTS
from trials.acts.act import CLOSED, SEALED
from trials.acts.adaptations import Adaptation
from trials.acts.allocating import ArmDropped
from trials.acts.amending import Amendment, Change
from trials.acts.cocreation import CoCreation, CoCreationOutcome
from trials.acts.deciding import Decision
from trials.acts.erasing import Erased
from trials.acts.events import ExternalEvent
from trials.acts.fund import FundAnswer, FundRequest
from trials.acts.ideas import Idea, IdeaEnded
from trials.acts.passing import Handed, Passing
from trials.acts.safety_events import SafetyEvent, SafetyJudged
from trials.acts.site_withdrawing import SiteWithdrawn
from trials.errors import DataError
from trials.identifiers.free_text import must_name_nobody
from trials.plan.base import Frozen
from trials.store import acts, amendments, arms
from trials.store.engine import open_store, writing
from trials.store.models import TRIAL

DAY, HASH, PLAIN = date(2026, 1, 5), "0" * 64, "said in plain words"
NAMED = "Asked by Mr John Smith, john.smith@example.org"
# Fields of text in which nobody writes freely: codes, names of sites, arms and criteria, who did it, and what is sealed.
NOT_FREE = {
    *(
        "person",
        "role",
        "detail",
        "approved_by",
        "second",
        "reason_code",
        "site",
        "programme",
        "proposed_by",
        "component",
    ),
    *("part", "from_stage", "to_stage", "successor", "sealed", "key", "stratum", "arm", "participant", "commitment"),
    *("plan_sha256", "from_sha256", "to_sha256", "request", "quote"),
}
BODIES: dict[str, Frozen] = {
    "amendment": Amendment(
        version=2,
        from_sha256=HASH,
        to_sha256=HASH,
        diff=(Change(path="title"),),
        reason=PLAIN,
        impact=PLAIN,
        evidence="none",
        approved_by="Bea",
    ),
    "decision": Decision(what="continue"),
    "site_withdrawn": SiteWithdrawn(site="A", reason_code="other", reason=PLAIN, from_day=DAY),
    "external_event": ExternalEvent(day=DAY, text=PLAIN),
    "erased": Erased(key="", reason=PLAIN, second="Bea"),
    "idea": Idea(text=PLAIN),
    "idea_ended": IdeaEnded(reason_code="other", reason=PLAIN, lesson=PLAIN),
    "passing": Passing(
        from_stage="pilot",
        to_stage="scale",
        successor="b",
        changed=PLAIN,
        handed=(Handed(trial="a", decision="promote"),),
    ),
    "arm_dropped": ArmDropped(arm="new", reason=PLAIN, second="Bea", after=0),
    "adaptation": Adaptation(component="a", what=PLAIN, why=PLAIN, day=DAY, inside=True),
    "co_creation": CoCreation(who="users", what="tested", part="title", text=PLAIN),
    "co_creation_outcome": CoCreationOutcome(number=1, outcome="partly"),
    "fund_request": FundRequest(
        request="1", participant="p1", goal=PLAIN, amount=1, proposed_by="participant", day=DAY
    ),
    "fund_answer": FundAnswer(request="1", approved=False, day=DAY, reason=PLAIN),
    "safety_event": SafetyEvent(day=DAY, serious=False, text=PLAIN),
    "safety_judged": SafetyJudged(event=1, related="no", stops=False, reason=PLAIN),
}
FIELDS = [(kind.name, field) for kind in ACTS.values() for field in kind.words]


@pytest.fixture(scope="module")
def desk(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Desk]:
    home = tmp_path_factory.mktemp("names")
    made = Desk(open_store(f"sqlite:///{home / 'store.db'}"), home)
    made.sealed(plan(arms=[{"id": "usual", "role": "control"}, {"id": "new"}, {"id": "newer"}], design="multi_arm"))
    yield made
    made.store.close()


@pytest.mark.parametrize("kind", sorted(ACTS))
def test_every_text_of_an_act_is_free_or_a_code(kind: str) -> None:
    """Whoever adds a field of text to an act says whether people write in it as they like."""
    found = ACTS[kind]
    texts = {name for name, field in found.body.model_fields.items() if field.annotation is str}
    assert texts - set(found.words) <= NOT_FREE
    assert set(found.words) <= texts - NOT_FREE


@pytest.mark.parametrize(("kind", "field"), FIELDS)
def test_the_door_takes_no_name(kind: str, field: str, desk: Desk) -> None:
    """Each free text of each kind of act is refused with a person's name in it, unquoted, and nothing is stored."""
    scope = "first-trial" if ACTS[kind].states else "idea:first-trial"
    stands = CLOSED[0] if ACTS[kind].states == CLOSED else SEALED
    with writing(desk.store) as connection:
        connection.execute(TRIAL.update().values(state=stands))
    body, before = BODIES[kind].model_copy(update={field: NAMED}), desk.contents()
    with pytest.raises(DataError, match=f"^{field} seems to name a person") as refused:
        acts.act(desk.store, scope, ACTS[kind], body, by="Ann", at=SEALED_AT)
    assert "Smith" not in str(refused.value)
    assert desk.contents() == before


def test_amendments_and_dropped_arms_name_nobody(desk: Desk) -> None:
    """The two that had no check of their own: neither version nor act is stored."""
    with writing(desk.store) as connection:
        connection.execute(TRIAL.update().values(state=SEALED))
    before, said = desk.contents(), {"by": "Ann", "at": datetime(2026, 1, 5, tzinfo=UTC)}
    now = amendments.sealed_plan
    with desk.store.engine.connect() as connection:
        after = now(connection, "first-trial")[0].model_copy(update={"title": "x"})
    words: dict[str, Any] = {"impact": "none", "approved_by": "Bea", **said}
    with pytest.raises(DataError, match="reason seems to name a person"):
        amendments.amend(desk.store, "first-trial", after, reason=NAMED, **words)
    with pytest.raises(DataError, match="reason seems to name a person"):
        arms.drop_arm(desk.store, "first-trial", "newer", reason=NAMED, second="Bea", **said)
    assert desk.contents() == before


def test_a_given_name_alone_names_somebody_in_a_safety_event_only(desk: Desk) -> None:
    """In a few words about one event it does; in a lesson it may be a street or a council."""
    event = BODIES["safety_event"].model_copy(update={"text": "found by Gareth at home"})
    with pytest.raises(DataError, match="text seems to name a person"):
        acts.act(desk.store, "first-trial", ACTS["safety_event"], event, by="Ann", at=SEALED_AT)
    must_name_nobody({"lesson": "found by Gareth at home"})


def test_the_story_of_the_demo_names_nobody() -> None:
    """Every text that the demo's people write passes the door, by the stricter rule too."""
    source = (Path(__file__).parents[2] / "flows" / "story.py").read_text(encoding="utf-8")
    texts = [node.value for node in ast.walk(ast.parse(source)) if isinstance(node, ast.Constant)]
    said = [text for text in texts if isinstance(text, str) and " " in text]
    assert len(said) > 30
    must_name_nobody({text: text for text in said}, given=True)
