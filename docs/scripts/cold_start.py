"""How long one waits for a command: for its help, for where 1,000 trials stand, and for a round in which nothing is due.

    python docs/scripts/cold_start.py [--trials 1000] [--home DIR] [--runs 3]

Makes a home of --trials simulated trials with 150 people each, or copies the one named by --home (a folder with `roadtest.db`),
and lets one round take in whatever is due there. Then, each in a process of its own and the least of --runs: the CPU seconds of
`roadtest --help`, the wall seconds of `roadtest status`, and those of an embedded `roadtest round`, Prefect and all, in a home
whose one trial has had its round; beside it the round by hand in the large home, which looks at every trial though nothing
came. CPU seconds stand beside each, as wall seconds mean little while others use the machine. Exits 1 when one is not within
its limit.
"""

from __future__ import annotations

import argparse
import json
import os
import shutil
import sys
import tempfile
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[2]))

from round_speed import Cost, begin, process, word

HELP_CPU, STATUS_WALL, ROUND_WALL = 1.0, 2.0, 15.0


def least(words: list[str], home: Path, url: str, runs: int) -> tuple[Cost, str]:
    """The least wall and the least CPU seconds of a command, and what it printed last."""
    found = [process(["-m", "flows.cli", *words], home, url) for _ in range(runs)]
    costs = [cost for cost, _ in found]
    return Cost(min(one.wall for one in costs), min(one.cpu for one in costs)), found[-1][1]


def made(folder: Path, given: Path | None, trials: int) -> tuple[Path, str]:
    """A home in the folder, and its database's address."""
    home = folder / "home"
    url = f"sqlite:///{home / 'roadtest.db'}"
    if given is None:
        begin(home, url, range(trials))
    else:
        shutil.copytree(given, home)
    return home, url


def quiet_round(home: Path, url: str, runs: int) -> Cost:
    """A round that finds nothing new. Raises SystemExit when it does."""
    process(["-m", "flows.cli", "round", "--json"], home, url)  # takes in what is due
    ran, told = least(["round", "--json"], home, url, runs)
    came = sum(one["accepted"] for trial in json.loads(told) for one in trial["deliveries"])
    if came:
        raise SystemExit(f"a round took in {came:,} rows, must be one in which nothing is due")
    return ran


def measured(home: Path, url: str, small: Path, runs: int) -> bool:
    """Prints each figure beside its limit; whether all are within."""
    asked, _ = least(["--help"], home, url, runs)
    _, told = least(["status", "--json"], home, url, 1)
    trials = len(json.loads(told))
    stood, _ = least(["status"], home, url, runs)
    ran = quiet_round(*made(small, None, 1), runs)
    fine = []
    print(f"{'':36}{'wall s':>8}{'CPU s':>8}")
    for what, cost, value, limit, unit in (
        ("roadtest --help", asked, asked.cpu, HELP_CPU, "s CPU"),
        (f"roadtest status, {trials:,} trials", stood, stood.wall, STATUS_WALL, "s"),
        ("roadtest round, nothing due", ran, ran.wall, ROUND_WALL, "s"),
    ):
        fine.append(value < limit)
        print(f"{what:<36}{cost.wall:>8.2f}{cost.cpu:>8.2f}  {word(value < limit)} {limit:g} {unit}", flush=True)
    by_hand = quiet_round(home, url, 1)
    print(f"{f'the same by hand over {trials:,} trials':<36}{by_hand.wall:>8.2f}{by_hand.cpu:>8.2f}", flush=True)
    return all(fine)


def main() -> None:
    words = argparse.ArgumentParser()
    words.add_argument("--trials", type=int, default=1_000)
    words.add_argument("--home", type=Path, help="a home that is there already; it is copied, and stays as it is")
    words.add_argument("--runs", type=int, default=3)
    given = words.parse_args()
    with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as folder:
        home, url = made(Path(folder), given.home, given.trials)
        print(f"the least of {given.runs}, on {os.cpu_count()} cores", flush=True)
        fine = measured(home, url, Path(folder) / "small", given.runs)
    sys.exit(0 if fine else 1)


if __name__ == "__main__":
    main()
