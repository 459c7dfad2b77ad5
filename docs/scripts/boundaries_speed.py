"""Prints how long group sequential boundaries take, with non-binding futility, for 5, 10, 20 and 50 looks.

    python docs/scripts/boundaries_speed.py [--repeat 5]

Each figure is the fastest of the repeats; the first of all also builds the quadrature. Exit code 1 when 20 looks with
futility take LIMIT seconds or more.
"""

from __future__ import annotations

import argparse
import sys
import time

from trials.sequential.grouped.boundaries import boundaries
from trials.sequential.grouped.spending import equally_spaced

LIMIT = 0.15


def seconds(looks: int, futility: str | None, repeat: int) -> float:
    """The fastest of `repeat` computations of one plan."""
    fastest = float("inf")
    for _ in range(repeat):
        began = time.process_time()
        beta = 0.1 if futility else None
        boundaries(equally_spaced(looks), 0.025, "obrien-fleming", futility=futility, beta=beta)
        fastest = min(fastest, time.process_time() - began)
    return fastest


def main() -> int:
    parser = argparse.ArgumentParser(description="Times group sequential boundaries.")
    parser.add_argument("--repeat", type=int, default=5)
    repeat = parser.parse_args().repeat
    print(f"{'looks':>5}  {'efficacy':>10}  {'with futility':>14}")
    slow = False
    for looks in (5, 10, 20, 50):
        plain, whole = seconds(looks, None, repeat), seconds(looks, "obrien-fleming", repeat)
        print(f"{looks:>5}  {1000 * plain:>7.1f} ms  {1000 * whole:>11.1f} ms")
        slow = slow or (looks == 20 and whole >= LIMIT)
    print(f"20 looks with futility: {'not ' if slow else ''}below {LIMIT} s")
    return int(slow)


if __name__ == "__main__":
    sys.exit(main())
