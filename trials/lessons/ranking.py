"""Which texts answer a query best, and which earlier ideas are like a new one. Pure: the database found the candidates.

Ranks are worked out here and not by the databases, whose own (bm25 of SQLite, ts_rank of PostgreSQL) differ: the same texts
give the same answers in the same order on both.
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import TypeVar

# Okapi BM25's usual constants.
K1, B = 1.2, 0.75
# An earlier idea is shown if it shares so many telling words with the new one, and so great a share of their weight.
# Chosen on one set of made-up ideas and judged on another: docs/scripts/lessons_evidence.py.
FEWEST, FLOOR = 2, 0.2

Key = TypeVar("Key")


@dataclass(frozen=True, slots=True)
class Corpus:
    """All texts that were searched: how many, and their mean length in terms."""

    texts: int
    length: float


def document_frequencies(query: Iterable[str], candidates: Mapping[Key, Sequence[str]]) -> dict[str, int]:
    """In how many texts each of the query's terms is. candidates: all texts that hold any of them."""
    sets = [set(terms) for terms in candidates.values()]
    return {term: sum(term in held for held in sets) for term in set(query)}


def rarity(texts: int, holding: int) -> float:
    """The weight of a term that so many of the texts hold, > 0 (Robertson & Sparck Jones, 1976, JASIS 27:129-146, eq. 4, with
    the 1 added that keeps it positive)."""
    return math.log1p((max(texts, holding) - holding + 0.5) / (holding + 0.5))


def relevance(query: Sequence[str], candidates: Mapping[Key, Sequence[str]], corpus: Corpus) -> dict[Key, float]:
    """How well each text that holds every term of the query answers it (Okapi BM25; Robertson & Zaragoza, 2009, Foundations
    and Trends in Information Retrieval 3:333-389, eq. 3.15)."""
    frequencies = document_frequencies(query, candidates)
    found = {}
    for key, terms in candidates.items():
        counts = Counter(terms)
        if not all(term in counts for term in query):
            continue
        longer = K1 * (1 - B + B * len(terms) / max(corpus.length, 1.0))
        found[key] = math.fsum(
            rarity(corpus.texts, frequencies[term]) * counts[term] * (K1 + 1) / (counts[term] + longer)
            for term in query
        )
    return found


def likeness(idea: Sequence[str], candidates: Mapping[Key, Sequence[str]], texts: int) -> dict[Key, float]:
    """How much of a new idea each earlier text says too, in [0, 1]: the rarity of the terms that they share, over the whole
    rarity of the idea's (less of it where the other text is shorter). Those below the floor are left out.

    idea and candidates: their telling terms, each once.
    """
    frequencies = document_frequencies(idea, candidates)
    weights = {term: rarity(texts, frequencies[term]) for term in idea}
    whole, found = sum(weights.values()), {}
    for key, terms in candidates.items():
        shared = set(terms) & weights.keys()
        if len(shared) < FEWEST:
            continue
        share = sum(weights[term] for term in shared) / (whole * min(1.0, len(set(terms)) / len(weights)))
        if share >= FLOOR:
            found[key] = min(share, 1.0)
    return found
