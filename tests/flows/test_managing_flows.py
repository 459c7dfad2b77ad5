"""The flows of managing on Prefect's ephemeral server: the same facts as the commands leave, and one sentence where refused."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import pytest

from flows import managing
from flows.environment import run
from flows.settings import Settings
from flows.show import closed
from tests.flows.making import NOW, Desk, plan
from trials.errors import DataError
from trials.store import acts, amendments, reading, verifying
from trials.store.engine import open_store

pytestmark = [pytest.mark.usefixtures("prefect"), pytest.mark.timeout(300)]


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    return Settings(home=tmp_path / "home")


@pytest.fixture
def desk(settings: Settings) -> Iterator[Desk]:
    store = open_store(settings.url)
    yield Desk(store, settings.folder)
    store.close()


def test_a_trial_is_managed_by_flows_alone(settings: Settings, desk: Desk) -> None:
    """Amended, asked for its rules, a site withdrawn, stopped, reported: each fact is in the ledger and in the chain."""
    protocol = plan("managed", sites=[{"id": "North"}, {"id": "South"}])
    desk.sealed(protocol)
    changed = protocol.model_copy(update={"title": "Managed by flows"})
    words = {"reason": "The title was misleading.", "impact": "None: nothing is measured otherwise."}
    people_ = {"by": "anna", "approved_by": "ben"}
    assert run(managing.amend, settings, "managed", changed.canonical(), **words, **people_) == 2
    assert [one.number for one in amendments.versions(desk.store, "managed")] == [1, 2]
    found = run(managing.rules, settings, ["managed", "no-such"])
    assert isinstance(found["managed"], list)
    assert "no-such" in found["no-such"]
    left = {
        "reason_code": "staffing",
        "reason": "Nobody there has time for it.",
        "from_day": (NOW + timedelta(days=1)).date(),
    }
    run(managing.withdraw_site, settings, "managed", "South", **left, by="anna")
    assert sorted(reading.card(desk.store, "managed").withdrawn) == ["South"]
    with pytest.raises(DataError, match="reason_code"):
        run(managing.decide, settings, "managed", "stop", by="anna", words={"reason": "No time.", "second": "ben"})
    closing = {
        "reason": "Too few people join.",
        "reason_code": "recruitment",
        "second": "ben",
        "lesson": "Ask the sites for their numbers before a plan is written.",
        "reuse": "The form for joining.",
    }
    assert "stopped" in run(managing.decide, settings, "managed", "stop", by="anna", words=closing)
    card = reading.card(desk.store, "managed")
    assert card.state == "stopped"
    assert closed(card) == f" [stopped on {card.closing.at.date()}]" if card.closing else False
    files = run(managing.reports, settings, ["managed"])
    assert [path.name for path in files] == ["managed.html", "managed.pdf"]
    assert "Too few people join" in files[0].read_text(encoding="utf-8")
    assert {act.kind for act in acts.acts(desk.store, "managed")} >= {"amendment", "site_withdrawn", "decision"}
    assert verifying.verify(desk.store) == []
