"""Strengths come in the same files as outcomes: checked, kept with their revisions, shown in the look."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from flows import work
from flows.keys import Keys
from trials.acts import ACTS
from trials.errors import ProtocolError
from trials.planning import admit
from trials.protocol import Protocol, from_content
from trials.store import ledger, reading
from trials.store.engine import Store, open_store, upgrade

NOW = work.utc_now().replace(year=2026, month=1, day=5)
SCALE = {"measure": "able", "kind": "score", "better": "higher", "bounds": [0, 10], "unit": "points"}
CONTENT: dict[str, Any] = {
    "trial": "able-trial",
    "question": "Does it help?",
    "owner": "tests",
    "arms": [{"id": "usual", "role": "control"}, {"id": "new"}],
    "primary": {"measure": "well", "kind": "binary", "better": "higher", "baseline": 0.4, "worthwhile": 0.2},
    "strengths": [SCALE],
    "monitoring": {"max_participants": 200},
    "order_by": ["entry_order"],
    "source": {"connector": "folder", "path": "in"},
}


@pytest.fixture
def store(tmp_path: Path) -> Store:
    url = f"sqlite:///{tmp_path / 'store.db'}"
    upgrade(url)
    return open_store(url)


def csv(rows: list[str], header: str = "participant_id,arm,entry_order,well,able") -> str:
    return "\n".join([header, *rows, ""])


def row(number: int, able: object) -> str:
    return f"p{number:03d},{'new' if number % 2 == 0 else 'usual'},{number},{number % 3 == 0:d},{able}"


def send(store: Store, home: Path, name: str, text: str, day: int) -> Any:
    """One delivery, received on that day."""
    from flows.byhand import ingest_files

    (home / name).write_text(text, encoding="utf-8")
    door = work.Door(home, Keys(home / "keys"))
    at = NOW + timedelta(days=day)
    return ingest_files(store, "able-trial", [home / name], sent_at=at, as_of=at, door=door)[0]


def test_strengths_are_delivered_checked_corrected_and_shown(store: Store, tmp_path: Path) -> None:
    """A value off its scale is set aside with its reason, a correction revises the look, and a file without it says so."""
    protocol: Protocol = from_content(CONTENT)
    work.register_trial(store, protocol, by="Ann", at=NOW, seal_by="Bea")
    receipt = send(store, tmp_path, "one.csv", csv([row(n, 11 if n == 7 else n % 10) for n in range(1, 41)]), 0)
    assert (receipt.accepted, receipt.quarantined) == (39, 1)
    assert "able is '11'" in receipt.reasons[0].reason
    assert "10" in receipt.reasons[0].reason
    first = reading.looks(store, "able-trial")[-1]
    corrected = send(store, tmp_path, "two.csv", csv([row(7, 7), row(2, 10)]), 1)
    assert (corrected.accepted, corrected.corrections) == (2, 1)
    second = reading.looks(store, "able-trial")[-1]
    totals = [{one.arm: one.total for one in look.strengths[0].arms} for look in (first, second)]
    # Nobody after the seventh settled before their row was mended, so the first look holds people 1 to 6.
    assert totals[0] == {"usual": 1.0 + 3 + 5, "new": 2.0 + 4 + 6}
    assert totals[1]["new"] == sum(n % 10 for n in range(2, 41, 2)) + 8
    silent = send(store, tmp_path, "three.csv", csv(["p041,usual,41,0"], "participant_id,arm,entry_order,well"), 2)
    assert any("nothing said of the strength able: no column able in the header" in one for one in silent.warnings)
    assert ledger.recompute(store, "able-trial", second.number) == second


def test_a_strength_is_no_other_measure() -> None:
    """It can't bear the primary measure's name, a guardrail's, or an identity column's."""
    for name in ("well", "participant_id", "hurt"):
        guardrail = {"measure": "hurt", "kind": "binary", "better": "lower", "margin": 0.1, "baseline": 0.2}
        with pytest.raises(ProtocolError, match=f"{name} can.t mean two things"):
            from_content({**CONTENT, "guardrails": [guardrail], "strengths": [{**SCALE, "measure": name}]})


def test_plans_whose_strengths_or_hopes_lead_nowhere_are_not_admitted() -> None:
    """A kind without an interval is refused before the trial is registered, a hope for no measure when the plan is read."""
    with pytest.raises(ProtocolError, match=r"strengths\.able\.kind"):
        admit(from_content({**CONTENT, "strengths": [{**SCALE, "kind": "count", "exposure": "weeks"}]}))
    hopes = [{"name": "City", "kind": "government", "hopes": [{"value": "x", "measure": "joy"}]}]
    with pytest.raises(ProtocolError, match="must be a measure of the plan"):
        from_content({**CONTENT, "partners": hopes})
    admit(from_content({**CONTENT, "partners": [{**hopes[0], "hopes": [{"value": "x", "measure": "able"}]}]}))


def test_every_kind_of_act_here_is_registered() -> None:
    """What this part writes can be read again."""
    kinds = {"co_creation", "co_creation_outcome", "adaptation", "fund_request", "fund_answer", "fund_spent", "voice"}
    assert kinds | {"voice_withdrawn"} <= set(ACTS)
