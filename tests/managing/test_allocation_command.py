"""`roadtest enrol`, `allocation` and `drop-arm` from the command line, on a trial of clusters with three arms."""

from __future__ import annotations

import json
from collections.abc import Callable
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any

import pytest
import typer
from click.testing import Result
from typer.testing import CliRunner

from flows.allocating import newcomer_of
from flows.enrolling import add
from flows.options import opened, settings_for
from flows.work import utc_now
from trials.errors import DataError
from trials.protocol import from_content
from trials.pseudonyms import Pseudonyms
from trials.store import granting, ledger

Run = Callable[..., Result]
KEY = Pseudonyms(b"k" * 32)
PLAN: dict[str, Any] = {
    "trial": "a-trial",
    "question": "?",
    "owner": "tests",
    "sites": [{"id": "North"}, {"id": "South"}],
    "arms": [{"id": "usual", "role": "control", "allocation": 2}, {"id": "text", "allocation": 2}, {"id": "call"}],
    "design": "multi_arm",
    "unit": "cluster",
    "primary": {
        "measure": "y",
        "kind": "score",
        "better": "lower",
        "bounds": [0, 10],
        "baseline": 5,
        "worthwhile": 1,
        "follow_up": "28 days",
    },
    "monitoring": {"max_participants": 60},
    "source": {"connector": "folder", "path": "in"},
}


@pytest.fixture
def run(tmp_path: Path) -> Run:
    app = typer.Typer()
    add(app)
    store = opened(settings_for(tmp_path), "anna")
    ledger.register(store, from_content(PLAN), by="anna", at=utc_now())
    ledger.seal(store, "a-trial", by="ben", at=utc_now())
    store.close()

    def run(*words: object, ok: bool = True) -> Result:
        done = CliRunner().invoke(app, [*map(str, words), "--home", str(tmp_path)])
        assert (done.exit_code == 0) is ok, done.output
        return done

    return run


def enrolled(run: Run, who: str, site: str = "North", *more: str, by: str = "nurse") -> dict[str, Any]:
    done = run("enrol", "a-trial", "--site", site, "--participant", who, "--by", by, "--json", *more)
    found: dict[str, Any] = json.loads(done.stdout)
    return found


def grant(home: Path, where: str | None = None, **given: Any) -> None:
    store = opened(settings_for(home), "anna")
    for person, role in given.items():
        granting.give(store, "a-trial", person, role, by="anna", at=utc_now(), site=where)
    store.close()


def test_from_the_first_cluster_to_the_proof(run: Run, tmp_path: Path) -> None:
    """Fixed, enrolled, said again, an arm dropped, verified with the key and, once opened, without it."""
    grant(tmp_path, carla="custodian", nurse="site", doctor="site", ben="lead")
    committed = json.loads(run("allocation", "fix", "a-trial", "--by", "carla", "--json").stdout)["commitment"]
    coming = json.loads(
        run("allocation", "list", "a-trial", "--site", "North", "--n", 9, "--by", "carla", "--json").stdout
    )
    found = [enrolled(run, f"school{number}") for number in range(1, 10)]
    assert [one["arm"] for one in found] == [one["arm"] for one in coming["coming"]]
    assert [one["entry_order"] for one in found] == list(range(1, 10))
    assert set(found[0]) == {"trial", "site", "arm", "entry_order", "enrolled_on", "participant", "by", "at", "already"}
    assert enrolled(run, "SCHOOL3", "north", by="doctor") == {**found[2], "already": True}
    said = run("enrol", "a-trial", "--site", "North", "--participant", "school1", "--by", "nurse").stdout
    assert f"arm: {found[0]['arm']}. Nothing was changed." in said
    dropped = run("drop-arm", "a-trial", "call", "--reason", "too dear", "--by", "anna", "--second", "ben").stdout
    assert "call is dropped from a-trial after person 9" in dropped
    assert {enrolled(run, f"s{number}", "South")["arm"] for number in range(8)} == {"usual", "text"}
    assert "all 17 arms that were revealed are those" in run("allocation", "verify", "a-trial", "--by", "carla").stdout
    text = run("allocation", "open", "a-trial", "--by", "carla", "--json").stdout
    assert json.loads(text)["commitment"] == committed
    (tmp_path / "opened.json").write_text(text, encoding="utf-8")
    proved = run(
        "allocation", "verify", "a-trial", "--opened", tmp_path / "opened.json", "--by", "carla", "--json"
    ).stdout
    assert json.loads(proved) == {"trial": "a-trial", "ok": True, "revealed": 17, "findings": []}
    (tmp_path / "opened.json").write_text(text.replace('"text": 2', '"text": 1'), encoding="utf-8")
    wrong = run("allocation", "verify", "a-trial", "--opened", tmp_path / "opened.json", "--by", "carla", ok=False)
    assert "what was opened is not what the trial is committed to" in wrong.stdout
    (tmp_path / "opened.json").write_text("[]", encoding="utf-8")
    assert (
        "can't be read" in run("allocation", "verify", "a-trial", "--opened", tmp_path / "opened.json", ok=False).stderr
    )


def test_a_list_from_outside_is_imported_and_followed(run: Run, tmp_path: Path) -> None:
    """It is judged first; nothing that the commands print holds an arm before its turn."""
    file = tmp_path / "arms.csv"
    file.write_text("site,position,arm\nNorth,1,text\nNorth,2,nothing\n", encoding="utf-8")
    assert "row 2: arm is 'nothing'" in run("allocation", "import", "a-trial", file, ok=False).stderr
    file.write_text("site,position,arm\nNorth,1,text\nNorth,2,call\nNorth,3,usual\n", encoding="utf-8")
    tried = json.loads(run("allocation", "import", "a-trial", file, "--dry-run", "--json").stdout)
    assert (tried["stored"], tried["positions"]) == (False, {"North": 3})
    taken = run("allocation", "import", "a-trial", file, "--by", "carla").stdout
    assert "3 positions sealed; commitment" in taken
    assert "note: the list has nothing for South" in taken
    assert not {"text", "call", "usual"} & set(taken.split())
    assert [enrolled(run, f"school{number}")["arm"] for number in (1, 2)] == ["text", "call"]
    file.write_text("site,position,arm\nNorth,1,usual\n", encoding="utf-8")
    assert "has revealed 2 arms of its list" in run("allocation", "import", "a-trial", file, ok=False).stderr
    grant(tmp_path, carla="custodian")
    assert "North: text call usual" in run("allocation", "open", "a-trial", "--by", "carla").stdout
    assert "all 2 arms" in run("allocation", "verify", "a-trial", "--by", "carla").stdout


@pytest.mark.parametrize(
    ("words", "sentence"),
    [
        ((), "give --participant ID (and --site) to enrol one person, or --from FILE"),
        (("--participant", "s1"), "--site is missing, must be a site of a-trial: North, South"),
        (("--participant", "s1", "--site", "East"), 'site == "East", must be a site of a-trial: North, South'),
        (("--participant", "s1", "--site", "North", "--on", "2999-01-01"), "must not lie in the future"),
        (("--participant", "s1", "--site", "North", "--on", "soon"), "must be an ISO date"),
        (("--participant", "=1+1", "--site", "North"), "--participant starts with '='"),
        (("--participant", "n/a", "--site", "North"), "--participant is missing"),
        (("--participant", "ann@example.org", "--site", "North"), "e-mail addresses"),
        (("--participant", "s1", "--dry-run"), "are for --from"),
        (("--from", "list.csv", "--site", "North"), "must stand without --site"),
    ],
)
def test_who_can_not_be_enrolled_is_told_in_a_sentence(run: Run, words: tuple[str, ...], sentence: str) -> None:
    """Nothing is stored, and an id that names somebody is not repeated."""
    done = run("enrol", "a-trial", *words, ok=False)
    assert sentence in done.stderr
    assert "ann@" not in done.stderr


def test_it_may_be_tomorrow_already_where_somebody_joins() -> None:
    """In the east it is, while UTC has the day before; a day later is a slip."""
    plan, at = from_content(PLAN), datetime(2026, 3, 1, 22, tzinfo=UTC)
    assert newcomer_of(plan, "s1", "North", date(2026, 3, 2), at, KEY).enrolled_on == date(2026, 3, 2)
    with pytest.raises(DataError, match="2026-03-03, must not lie in the future"):
        newcomer_of(plan, "s1", "North", date(2026, 3, 3), at, KEY)


@pytest.mark.parametrize("name", ["John Smith", "zebedee quux", "Aisha", "Smith-Jones, John"])
def test_a_persons_name_is_no_code(name: str) -> None:
    """One id is judged by itself; a cluster may have a name, a code may hold letters."""
    person, cluster = (from_content({**PLAN, "unit": unit}) for unit in ("person", "cluster"))
    with pytest.raises(DataError, match="looks like a person's name, must be the code") as refused:
        newcomer_of(person, name, "North", None, utc_now(), KEY)
    assert name.split()[0] not in str(refused.value)
    for protocol, code in ((cluster, "Green School"), (person, "P017"), (person, "QX-B"), (person, "ann7")):
        assert newcomer_of(protocol, code, "North", None, utc_now(), KEY).stratum == "North"


def test_a_register_from_outside_can_not_be_mixed_in(run: Run, tmp_path: Path) -> None:
    """Both forms are one command; once an arm was revealed, --from is refused, and the other way round."""
    file = tmp_path / "people.csv"
    file.write_text("participant_id,site,arm,enrolled_on\np1,North,text,2024-01-05\n", encoding="utf-8")
    assert (
        "1 people would be enrolled"
        in run("enrol", "a-trial", "--from", file, "--dry-run", "--as-of", "2024-02-01").stdout
    )
    enrolled(run, "s1")
    assert "reveals its arms one by one" in run("enrol", "a-trial", "--from", file, ok=False).stderr


def test_with_roles_a_site_enrols_at_its_own_and_sees_no_list(run: Run, tmp_path: Path) -> None:
    """The site's person and the custodian each do their own part."""
    grant(tmp_path, "North", nurse="site")
    grant(tmp_path, carla="custodian")
    assert enrolled(run, "s1")["already"] is False
    words = ("enrol", "a-trial", "--site", "South", "--participant", "s2", "--by", "nurse")
    assert "must be custodian or site to allocate" in run(*words, ok=False).stderr
    for name in ("list", "open", "fix"):
        more = ("--site", "North") if name == "list" else ()
        assert "must be custodian" in run("allocation", name, "a-trial", *more, "--by", "nurse", ok=False).stderr
    assert (
        "1 revealed, 10 of those to come"
        in run("allocation", "list", "a-trial", "--site", "North", "--by", "carla").stdout
    )
