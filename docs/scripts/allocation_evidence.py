"""Prints what 100,000 allocation lists of each design show: balance, how well arms can be guessed, and chi-square tests.

    python docs/scripts/allocation_evidence.py [--sequences 100000] [--places 48] [--drops 300] [--reveals 1000]

The lists are those that `roadtest enrol` reveals (`trials.allocation.from_seed`), from the seeds SHA-256("1"), SHA-256("2"),
..., at two sites each. --drops: also in how many of so many trials people who peek and drop an arm make an idea without effect
seem to help. --reveals: also what a reveal costs after so many. Exit code 1 when an arm is further from its share than the
block limit allows, when a guesser is right more often than theory says, when a chi-square test fails, when the lists are not
those that were written down, or when a false benefit is more frequent than its rate. Every test is exact or asymptotic with
thousands of cases, at 0.001 shared by all of them (Bonferroni).
"""

from __future__ import annotations

import argparse
import hashlib
import sys
import time
from dataclasses import dataclass
from datetime import UTC, datetime
from itertools import islice
from tempfile import TemporaryDirectory

import numpy as np
from scipy.sparse import csr_array
from scipy.stats import binom, chi2, norm

from trials.allocation import MULTIPLES, from_seed
from trials.allocation.guessing import Chances, behind, chain_of, chances, informed
from trials.protocol import from_content
from trials.pseudonyms import Pseudonyms
from trials.sequential import Design, Unit, binary_mixture, family
from trials.sequential.family import Member, Placed
from trials.store import ledger
from trials.store.engine import open_store
from trials.store.revealing import Newcomer, reveal

ERROR = 0.001
TESTS = 1_000  # more than are made here
AT = ERROR / TESTS
SITES = ("A", "B")


@dataclass(frozen=True, slots=True)
class Case:
    """A ratio, at how many places theory is worked out, and the hash of its first lists on the machine that wrote this."""

    name: str
    shares: tuple[int, ...]
    exact: int
    golden: str


CASES = (
    Case("1:1", (1, 1), 16, "56fc4273868cf137"),
    Case("2:1", (2, 1), 15, "f25b382e0b7ce925"),
    Case("3:2", (3, 2), 14, "4a946b77c367bcdd"),
    Case("2:2:1", (2, 2, 1), 9, "291ddb3b8f98d7a9"),
)


def lists(shares: tuple[int, ...], sequences: int, places: int, site: str) -> np.ndarray:
    """(sequences, places): the number of each arm."""
    arms = tuple((str(number), share) for number, share in enumerate(shares))
    found = np.empty((sequences, places), dtype=np.int8)
    for number in range(sequences):
        seed = hashlib.sha256(str(number + 1).encode()).digest()
        found[number] = [int(arm) for _, arm in islice(from_seed(seed, "evidence", site, arms), places)]
    return found


def golden(found: np.ndarray) -> str:
    """A hash over the first hundred lists."""
    return hashlib.sha256(found[:100].astype(np.int8).tobytes()).hexdigest()[:16]


def imbalance(found: np.ndarray, shares: tuple[int, ...]) -> tuple[float, float]:
    """(largest distance of an arm from its share at any prefix, as a part of its limit; the largest in people)."""
    share, largest = np.array(shares) / sum(shares), MULTIPLES[-1] * sum(shares) // np.gcd.reduce(shares)
    n, worst, people = np.arange(1, found.shape[1] + 1), 0.0, 0.0
    for arm, part in enumerate(share):
        off = np.abs((found == arm).cumsum(axis=1) - n * part).max()
        worst, people = max(worst, off / (largest * part * (1 - part))), max(people, off)
    return float(worst), float(people)


@dataclass(frozen=True, slots=True)
class Guessed:
    """right: (places,) right guesses. expected, variance: of all of them, given each guesser's own probabilities."""

    right: np.ndarray
    expected: float
    variance: float

    @property
    def z(self) -> float:
        return float((self.right.sum() - self.expected) / np.sqrt(self.variance))


def guessed(found: np.ndarray, shares: tuple[int, ...], rng: np.random.Generator) -> tuple[Guessed, Guessed]:
    """What the best guesser and the convergence strategy make of each list, knowing its past and the rules."""
    chain = chain_of(shares)
    steps, chance = [csr_array(one) for one in chain.step], chain.step.sum(axis=2)
    sums = [[np.zeros(found.shape[1], dtype=np.int64), 0.0, 0.0] for _ in range(2)]
    for part in np.array_split(found, max(1, len(found) // 20_000)):
        belief, counts = np.tile(chain.start, (len(part), 1)), np.zeros((len(part), len(shares)))
        rows = np.arange(len(part))
        for n in range(found.shape[1]):
            joint = belief @ chance.T
            joint /= joint.sum(axis=1, keepdims=True)
            ties = behind(counts, n, chain.share) * (1 + rng.random((len(part), len(shares))))
            for total, named in zip(sums, (joint.argmax(axis=1), ties.argmax(axis=1)), strict=True):
                p = joint[rows, named]
                total[0][n] += (named == part[:, n]).sum()
                total[1] += p.sum()
                total[2] += (p * (1 - p)).sum()
            moved = np.empty_like(belief)
            for arm, step in enumerate(steps):
                here = part[:, n] == arm
                moved[here] = belief[here] @ step
            belief = moved / moved.sum(axis=1, keepdims=True)
            counts[rows, part[:, n]] += 1
    return Guessed(*sums[0]), Guessed(*sums[1])


def above_theory(guess: Guessed, theory: tuple[float, ...], sequences: int) -> bool:
    """Whether it is right more often than theory says, at a place (exact binomial) or in all (martingale)."""
    at_places = [binom.sf(count - 1, sequences, p) < AT for count, p in zip(guess.right, theory, strict=False)]
    return any(at_places) or norm.sf(guess.z) < AT


def chi_square(observed: np.ndarray, expected: np.ndarray, freedom: int) -> float:
    """P(at least as far from what is expected)."""
    return float(chi2.sf(((observed - expected) ** 2 / expected).sum(), freedom))


def arms_p(found: np.ndarray, shares: tuple[int, ...]) -> float:
    """The smallest p over the places: arms against their shares, times the places."""
    share = np.array(shares) / sum(shares)
    ps = [
        chi_square(np.bincount(found[:, n], minlength=len(share)), share * len(found), len(share) - 1)
        for n in range(found.shape[1])
    ]
    return min(1.0, min(ps) * len(ps))


def pairs_p(found: np.ndarray, shares: tuple[int, ...]) -> float:
    """The same of each two neighbours against their exact joint chances, over the places at which these are known."""
    chain, arms, ps = chain_of(shares), len(shares), []
    state = chain.start
    for n in range(found.shape[1] - 1):
        joint = np.array([[(state @ chain.step[a] @ chain.step[b]).sum() for b in range(arms)] for a in range(arms)])
        cells = np.bincount(found[:, n] * arms + found[:, n + 1], minlength=arms**2)
        ps.append(chi_square(cells, joint.ravel() * len(found), arms**2 - 1))
        state = state @ chain.step.sum(axis=0)
    return min(1.0, min(ps) * len(ps))


def between_p(found: list[np.ndarray], shares: tuple[int, ...]) -> float:
    """The same of two sites' arms at the same place, against independence: one seed makes both lists."""
    share, arms = np.array(shares) / sum(shares), len(shares)
    joint = np.outer(share, share).ravel() * len(found[0])
    ps = [
        chi_square(np.bincount(one * arms + two, minlength=arms**2), joint, arms**2 - 1)
        for one, two in zip(found[0].T, found[1].T, strict=True)
    ]
    return min(1.0, min(ps) * len(ps))


def judge(case: Case, sequences: int, places: int) -> tuple[list[str], bool]:
    """The lines on one ratio, and whether all is as it must be."""
    found = [lists(case.shares, sequences, places, site) for site in SITES]
    worst, people = map(max, zip(*(imbalance(one, case.shares) for one in found), strict=True))
    theory: Chances = chances(case.shares, case.exact)
    best, convergence = guessed(found[0], case.shares, np.random.default_rng(1))
    ps = {
        "arms, site A": arms_p(found[0], case.shares),
        "arms, site B": arms_p(found[1], case.shares),
        "neighbours": pairs_p(found[0], case.shares),
        "sites A and B": between_p(found, case.shares),
    }
    same = golden(np.concatenate([one[:100] for one in found]))
    count, k = sequences * places, case.exact
    lines = [
        f"{case.name}: {sequences} lists of {places} people at 2 sites",
        f"  balance: at most {people:.2f} people from an arm's share, {worst:.3f} of the limit",
    ]
    for name, guess, exact in (("best", best, theory.best), ("convergence", convergence, theory.convergence)):
        seen, said = guess.right[:k].sum() / (sequences * k), np.mean(exact)
        lines.append(
            f"  {name} guesser: right {seen:.4f} of the first {k}, theory {said:.4f}; of all {guess.right.sum() / count:.4f}, "
            f"theory {guess.expected / count:.4f} (z = {guess.z:+.2f})"
        )
    lines += [
        f"  knowing each block's size: {informed(case.shares):.4f} in the long run; by chance "
        f"{max(case.shares) / sum(case.shares):.4f}; certain beforehand: {np.mean(theory.certain):.4f} of the first {k}",
        "  chi-square, smallest p x tests: " + ", ".join(f"{name} {p:.2f}" for name, p in ps.items()),
        f"  the first 100 lists of each site: {same}",
    ]
    sound = worst <= 1 + 1e-9 and min(ps.values()) >= ERROR / (len(ps) * len(CASES))
    sound &= not above_theory(best, theory.best, sequences)
    sound &= not above_theory(convergence, theory.convergence, sequences)
    sound &= best.right.sum() >= convergence.right.sum() - 5 * np.sqrt(count)
    return lines, bool(sound and (same == case.golden or sequences < 100 or places != PLACES))


PLACES = 48
DESIGN = Design(1, 1, 0.3, 0.1, 0.05, 0.10, 0.21)
MEMBERS = tuple(Member(arm, binary_mixture.METHOD, DESIGN, arm) for arm in "ab")
# Whoever drops sees each outcome as it comes, of 3 in 10 whatever the arm, and drops one idea for good: the worse one once the
# other looks good, the better one itself, or one just after a bad outcome in the control group, in the middle of a block.
PEEKERS = ("the worse", "the better", "after a bad control")


def dropped_by(peeker: str, rate: dict[str, float], arm: str, loss: float) -> str:
    """The arm that is dropped now, or none."""
    good, bad = sorted("ab", key=rate.__getitem__)
    if peeker == "the worse":
        return bad if rate[bad] > rate[good] + 0.1 and rate[good] < rate[""] - 0.1 else ""
    if peeker == "the better":
        return good if rate[good] < rate[""] - 0.15 else ""
    return "b" if loss == 1 and arm == "" and rate["a"] < rate[""] - 0.05 else ""


def fires_falsely(peeker: str, rng: np.random.Generator, size: int = 150) -> bool:
    """Whether a benefit is claimed of either idea in a trial of `size` people, one of whose arms this peeker drops."""
    people: list[Placed] = []
    counts, losses, gone = dict.fromkeys(("", "a", "b"), 0), dict.fromkeys(("", "a", "b"), 0.0), ""
    while len(people) < size:
        for arm in map(str, rng.permutation([one for one in counts if not gone or one != gone] * 2)):
            loss = float(rng.random() < 0.3)
            unit = Unit("", "t" if arm else "c", loss)
            people.append(Placed("", arm, dict.fromkeys(arm or "ab", unit), frozenset(gone)))
            counts[arm] += 1
            losses[arm] += loss
            rate = {one: losses[one] / max(counts[one], 1) for one in counts}
            if not gone and len(people) > 15 and (gone := dropped_by(peeker, rate, arm, loss)):
                break
    state = family.step(
        MEMBERS, family.start(MEMBERS), people, range(1, len(people) + 1), dict.fromkeys(("", "a", "b"), 1)
    )
    return any(one.claims["benefit"].fired for one in family.read(MEMBERS, state).values())


def drops(runs: int) -> bool:
    """Prints how often each peeker makes a benefit fire falsely; whether no more often than its rate."""
    rng, sound = np.random.default_rng(20_260_105), True
    for peeker in PEEKERS:
        fired = sum(fires_falsely(peeker, rng) for _ in range(runs))
        sound &= bool(fired <= binom.ppf(1 - AT, runs, DESIGN.alpha))
        print(
            f"dropping {peeker}: false benefit in {fired / runs:.3f} of {runs} trials, at most {DESIGN.alpha} by its rate"
        )
    return sound


PLAN = {
    "trial": "a-trial",
    "question": "?",
    "owner": "evidence",
    "arms": [{"id": "usual", "role": "control"}, {"id": "idea"}],
    "primary": {
        "measure": "y",
        "kind": "binary",
        "better": "lower",
        "baseline": 0.4,
        "worthwhile": 0.2,
        "follow_up": "28 days",
    },
    "monitoring": {"max_participants": 100_000},
    "source": {"connector": "folder", "path": "in"},
}


def cost(many: int, few: int = 50, times: int = 20) -> None:
    """Prints the processor time of a reveal after few and after many: medians of so many, and their ratio."""
    at, hidden, took = datetime(2026, 1, 5, tzinfo=UTC), Pseudonyms(b"k" * 32), list[float]()
    with TemporaryDirectory() as folder:
        store = open_store(f"sqlite:///{folder}/roadtest.db")
        ledger.register(store, from_content(PLAN), by="Ann", at=at)
        ledger.seal(store, "a-trial", by="Ben", at=at)
        for number in range(many + times):
            newcomer = Newcomer(hidden.of(f"p{number}"), "", at.date())
            began = time.process_time()
            reveal(store, "a-trial", newcomer, hidden=hidden, seed=b"s" * 32, by="nurse", at=at)
            took.append(time.process_time() - began)
        store.close()
    first, last = (float(np.median(took[start : start + times])) * 1_000 for start in (few, many))
    print(f"a reveal after {few}: {first:.1f} ms, after {many}: {last:.1f} ms; ratio {last / first:.2f}")


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--sequences", type=int, default=100_000)
    parser.add_argument("--places", type=int, default=PLACES)
    parser.add_argument("--drops", type=int, default=0)
    parser.add_argument("--reveals", type=int, default=0)
    given = parser.parse_args()
    began, sound = time.monotonic(), True
    for case in CASES:
        lines, fine = judge(case, given.sequences, given.places)
        print("\n".join(lines), flush=True)
        sound &= fine
    if given.drops:
        sound &= drops(given.drops)
    if given.reveals:
        cost(given.reveals)
    print(f"{'all as it must be' if sound else 'SOMETHING IS NOT AS IT MUST BE'} ({time.monotonic() - began:.0f} s)")
    return 0 if sound else 1


if __name__ == "__main__":
    sys.exit(main())
