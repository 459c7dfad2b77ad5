"""Arms that follow from the caseworker, though a lot was to decide: found in deliveries, held, said wherever the label is."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from flows import show, work
from flows.byhand import ingest_files
from flows.keys import Keys
from trials.comparing import CASEWORKER, beside
from trials.evidence import Look
from trials.protocol import Protocol, from_content
from trials.records import Receipt
from trials.store import ledger, reading
from trials.store.engine import Store, open_store, upgrade
from trials.store.exported import snapshot

NOW = datetime(2026, 1, 5, tzinfo=UTC)
HEADER = "participant_id,arm,entry_order,well,worker"
NAMES = ("Zoe-W1", "Yan-W2", "Xia-W3", "Wim-W4")


def plan(**changes: Any) -> Protocol:
    content = {
        "trial": "workers",
        "question": "Does it help?",
        "owner": "tests",
        "arms": [{"id": "usual", "role": "control"}, {"id": "new"}],
        "primary": {"measure": "well", "kind": "binary", "better": "higher", "baseline": 0.3, "worthwhile": 0.2},
        "assignment": {"how": "random", "column": "worker"},
        "data": {"fields": [{"name": "worker"}]},
        "monitoring": {"max_participants": 400},
        "order_by": ["entry_order"],
        "source": {"connector": "folder", "path": "in"},
    }
    return from_content({**content, **changes})


@pytest.fixture
def store(tmp_path: Path) -> Store:
    url = f"sqlite:///{tmp_path / 'store.db'}"
    upgrade(url)
    return open_store(url)


def row(number: int, worker: str, well: bool | None = None) -> str:
    new = number % 2 == 0
    return f"p{number:03d},{'new' if new else 'usual'},{number},{(new if well is None else well):d},{worker}"


def own(number: int) -> str:
    """A caseworker who works in one way only."""
    return NAMES[number % 2]


def both(number: int) -> str:
    """A caseworker who works in both ways."""
    return NAMES[number // 2 % 4]


def send(store: Store, home: Path, rows: list[str], day: int) -> Receipt:
    file = home / f"{day}.csv"
    file.write_text("\n".join([HEADER, *rows, ""]), encoding="utf-8")
    at = NOW + timedelta(days=day)
    door = work.Door(home, Keys(home / "keys"))
    return ingest_files(store, "workers", [file], sent_at=at, as_of=at, door=door)[0]


def last(store: Store) -> Look:
    return reading.looks(store, "workers")[-1]


def test_arms_that_follow_from_the_caseworker_are_never_promoted_as_randomised(store: Store, tmp_path: Path) -> None:
    """The verdict is held, the sentence, the label beside it and the JSON say why; every look is taken again to the last bit,
    and once the caseworkers turn out to have worked in both ways the label comes back."""
    protocol = plan()
    work.register_trial(store, protocol, by="Ann", at=NOW, seal_by="Bea")
    send(store, tmp_path, [row(n, own(n)) for n in range(1, 41)], 0)
    send(store, tmp_path, [row(n, own(n)) for n in range(41, 121)], 1)
    look = last(store)
    assert look.claims["benefit"].fired
    assert look.verdict == "cant_tell"
    assert "its evidence is descriptive: all people's arms can be told from who their caseworker is" in look.sentence
    assert show.look_json(protocol, look)["evidence_label"] == "descriptive (arms confounded)"
    assert "(descriptive (arms confounded))" in show.outcome_text(work.done(store, "workers"))
    mended = send(store, tmp_path, [row(n, both(n)) for n in range(1, 121)], 2)
    assert mended.corrections > 0
    assert last(store).verdict == "promote"
    assert show.look_json(protocol, last(store))["evidence_label"] == "randomised"
    for one in reading.looks(store, "workers"):
        assert ledger.recompute(store, "workers", one.number) == one


def test_of_a_caseworker_a_number_is_kept_and_no_name(store: Store, tmp_path: Path) -> None:
    """Under the trial's own key; nothing is kept of plans that don't ask, or in which no lot decides."""
    work.register_trial(store, plan(), by="Ann", at=NOW, seal_by="Bea")
    send(store, tmp_path, [row(n, both(n)) for n in range(1, 21)] + ["p021,usual,21,0,"], 0)
    with snapshot(store, "workers") as taken:
        told = [(one[0], one[3]) for one in taken.observations() if one[1] == CASEWORKER]
    assert len(told) == 20
    assert len({value for _, value in told}) == len(NAMES)
    stored = (tmp_path / "store.db").read_bytes()
    assert not [name for name in NAMES if name.encode() in stored or name.lower().encode() in stored]
    assert [one.measure for one in beside(plan())] == [CASEWORKER]
    for silent in ({"how": "caseworker", "column": "worker"}, {"how": "random"}):
        assert beside(plan(assignment=silent)) == ()
