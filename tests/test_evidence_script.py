"""docs/scripts/evidence.py and order_evidence.py: they run, print every row, and judge by the methods that trials use."""

import os
import re
import subprocess
import sys
from importlib import import_module
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from trials.sequential import Unit, binary_mixture, group_sequential, normal_mixture
from trials.sequential.design import Design, Method
from trials.sequential.operating.streams import NEVER

ROOT = Path(__file__).parents[1]
SCRIPTS = ROOT / "docs" / "scripts"


@pytest.fixture
def scripts(monkeypatch: pytest.MonkeyPatch) -> Any:
    """Imports modules as the scripts do, from their own folder."""
    monkeypatch.syspath_prepend(str(SCRIPTS))
    return import_module


def printed(script: str, *arguments: str) -> str:
    done = subprocess.run(
        [sys.executable, str(SCRIPTS / script), *arguments],
        cwd=ROOT, capture_output=True, text=True, check=False, timeout=300,
        env={**os.environ, "PYTHONPATH": str(ROOT), "OMP_NUM_THREADS": "1"},
    )  # fmt: skip
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def test_one_command_prints_every_row(scripts: Any) -> None:
    """Every method, package without a row, other kind of outcome and design is there, and nothing is outside its limit."""
    said = printed("evidence.py", "--runs", "40", "--peers")
    rows = [
        *(rival.name for rival in scripts("peers.roadtest").rivals()),
        *scripts("peers").WITHOUT_ROW,
        *(scripts(f"peers.{name}").PACKAGE for name in scripts("peers").ADAPTERS),
        "pair mixture, exact", "one arm, binary (exact)", "pairs of scores", "pairs of Poisson counts", "logrank by entry",
        "blocks of 2:1", "blocks of 3:2", "five sites", "DISASTER pairs over sites", "e-Holm", "clusters as units",
    ]  # fmt: skip
    assert [row for row in rows if row not in said] == []
    assert "all within limits" in said


def test_floors_are_those_of_the_specification(scripts: Any) -> None:
    """log(1/error)/KL is 447, 604 and 208 participants for the three stops (EVIDENCE, section 4)."""
    evidence = scripts("evidence")
    found = [round(evidence.floor(claim, 0.30, treated)) for claim, treated in evidence.TARGETS]
    assert found == [447, 604, 208]


def fired_at(method: Method, design: Design, control: np.ndarray, treated: np.ndarray, claim: str) -> int:
    units = tuple(
        Unit("", arm, float(loss))
        for pair in zip(treated, control, strict=True)
        for arm, loss in zip(("t", "c"), pair, strict=True)
    )
    reading = method.read(design, method.step(design, method.start(design), units))
    at = reading.claims[claim].crossed_at_n
    return NEVER if at is None else at


@pytest.mark.parametrize(
    ("rival", "method"),
    [
        ("pair_mixture", binary_mixture.METHOD),
        ("normal_mixture", normal_mixture.METHOD),
        ("pocock", group_sequential.METHOD),
    ],
)
def test_rivals_stop_where_the_methods_do(rival: str, method: Method, scripts: Any) -> None:
    """On the same trials the comparison's shortcut and the method that trials use fire at the same participant."""
    peers, own = scripts("peers"), scripts("peers.roadtest")
    design = own.looked_at(peers.MOST) if rival == "pocock" else peers.PLAN
    judge = own.pocock(peers.MOST) if rival == "pocock" else getattr(own, rival)
    for claim, truth in (("benefit", 0.20), ("dud", 0.36)):
        streams = peers.draw(0.30, truth, 4, 3)
        expected = [
            fired_at(method, design, control, treated, claim)
            for control, treated in zip(streams.control, streams.treated, strict=True)
        ]
        assert judge(streams, claim).tolist() == expected
        assert NEVER not in expected


def test_careless_order_is_a_disaster_and_ours_is_not() -> None:
    """Each shortcut of EVIDENCE section 2 errs in over .3 of trials without effect; ours keeps within its limit."""
    said = printed("order_evidence.py", "--runs", "12")
    shares = re.findall(r"  (\d\.\d{3})   (\d\.\d{3})", said)
    assert len(shares) == 5
    assert all(float(careless) > 0.3 for careless, _ in shares)
