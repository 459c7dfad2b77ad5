"""How fast evidence takes in participants: one at a time, and in deliveries, for each method of bets.

    python docs/scripts/update_speed.py

Processor time of one core, in participants a second; the ratios in one run are what counts.
"""

import time

from tests.laws.streams import CASES, people

SIZES = (1, 20, 200, 2_000, 20_000)
MOST_SECONDS = 2.0


def rate(case, size: int) -> float:
    design = case.design()
    units = people(case.kind, design, design.worthwhile / 2, max(size, 200), seed=1)
    state, seen, first = case.method.start(design), 0, 0
    begun = time.process_time()
    while time.process_time() - begun < MOST_SECONDS / 4 or seen == 0:
        state = case.method.step(design, state, units[first : first + size])
        seen += size
        first = (first + size) % len(units)
    return seen / (time.process_time() - begun)


def main() -> None:
    print("participants a second, handed in so many at a time")
    print(f"{'':36s}" + "".join(f"{size:>12,}" for size in SIZES))
    for case in CASES:
        if case.bets:
            print(f"{case!s:36s}" + "".join(f"{rate(case, size):>12,.0f}" for size in SIZES), flush=True)


if __name__ == "__main__":
    main()
