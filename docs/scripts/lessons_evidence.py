"""Prints how often a new idea finds its like among earlier ones, and how often one that is not.

    python docs/scripts/lessons_evidence.py

The ideas are made up (tests/managing/data/ideas.yaml): pairs that mean the same in other words, and single ones. The floor of
`trials.lessons.ranking` was chosen on one part, and is judged on another. Each idea is asked for in a database that holds all
others, once as ideas, once as trials' plans with a long description that all have in common. Exit code 1 outside the limits
beside each line.
"""

from __future__ import annotations

import sys
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import yaml

from trials import lessons
from trials.acts.ideas import IDEA, Idea
from trials.store import acts
from trials.store import lessons as stored
from trials.store.engine import Store, open_store

IDEAS = Path(__file__).parents[2] / "tests" / "managing" / "data" / "ideas.yaml"
AT = datetime(2026, 1, 5, tzinfo=UTC)
# At least so great a share of twins among the first three; at most so great a share of what is shown, and of ideas without
# a twin for which anything is shown, unrelated.
RECALL, UNRELATED = 0.95, 0.10
DESCRIPTION = """
    Delivered by trained staff at the site's office in sessions of 45 minutes over twelve weeks, with a handbook and a consent
    form. Practitioners may change the hour and the place, not the content. People are recruited at induction; data are
    reported by the site each Monday. Fidelity is checked by observing one session in ten, with supervision afterwards.
"""


@dataclass(frozen=True)
class Judged:
    """recall: twins among the first three. wrong: the share of what is shown that is unrelated. alone: the share of ideas for
    which something is shown when their twin is not there."""

    ideas: int
    recall: float
    wrong: float
    alone: float

    @property
    def within(self) -> bool:
        return self.recall >= RECALL and self.wrong <= UNRELATED and self.alone <= UNRELATED


def assembled(part: str) -> tuple[list[str], dict[int, int]]:
    """The ideas of one part of the set, and which one is whose twin."""
    found = yaml.safe_load(IDEAS.read_text(encoding="utf-8"))[part]
    ideas: list[str] = [idea for pair in found["pairs"] for idea in pair]
    twins = {number: number + 1 - 2 * (number % 2) for number in range(len(ideas))}
    return ideas + found["single"], twins


def judged(ideas: Sequence[str], twins: dict[int, int], shown: Any) -> Judged:
    """shown(number) -> the numbers of the earlier ideas that are shown for an idea, likest first."""
    found = {number: shown(number) for number in range(len(ideas))}
    hits = sum(twins[number] in found[number][:3] for number in twins)
    strange = {number: [other for other in near if twins.get(number) != other] for number, near in found.items()}
    in_view = sum(len(near[:3]) for near in found.values())
    wrong = sum(twins.get(number) != other for number, near in found.items() for other in near[:3])
    alone = sum(bool(others) for others in strange.values())
    return Judged(len(ideas), hits / len(twins), wrong / max(in_view, 1), alone / len(ideas))


def in_a_store(store: Store, ideas: Sequence[str]) -> Any:
    """Notes every idea in a database, and asks it."""
    for number, text in enumerate(ideas):
        acts.act(store, f"idea:i{number}", IDEA, Idea(text=text), by="anna", at=AT)

    def shown(number: int) -> list[int]:
        found = stored.similar(store, ideas[number], without={f"i{number}"}, most=len(ideas))
        return [int(one.subject.removeprefix("i")) for one in found.texts]

    return shown


def with_descriptions(ideas: Sequence[str]) -> Any:
    """Asks the same rule where the earlier ones have long descriptions that are alike."""
    texts = [lessons.salient(text + DESCRIPTION) for text in ideas]

    def shown(number: int) -> list[int]:
        asked = lessons.salient(ideas[number])
        candidates = {other: held for other, held in enumerate(texts) if other != number and {*held} & {*asked}}
        found = lessons.likeness(asked, candidates, len(texts) - 1)
        return sorted(found, key=lambda other: (-found[other], other))

    return shown


def main() -> int:
    failed = False
    print(
        f"limits: twin in the first three >= {RECALL:.0%}; unrelated <= {UNRELATED:.0%} of what is shown, and of ideas"
    )
    for part in ("chosen", "judged"):
        ideas, twins = assembled(part)
        with tempfile.TemporaryDirectory() as folder:
            store = open_store(f"sqlite:///{folder}/ideas.db")
            rows = {"ideas": judged(ideas, twins, in_a_store(store, ideas))}
            store.close()
        rows["plans with long descriptions"] = judged(ideas, twins, with_descriptions(ideas))
        for name, found in rows.items():
            failed |= not found.within
            print(
                f"{part:<7} {name:<29} {found.ideas} ideas: twin found {found.recall:.1%}, unrelated {found.wrong:.1%} of what "
                f"is shown, {found.alone:.1%} of ideas shown one{'' if found.within else '  OUTSIDE'}"
            )
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
