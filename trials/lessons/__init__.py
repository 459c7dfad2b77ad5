"""Lessons: which texts of a programme are searched, by which terms, and which earlier ideas are like a new one.

Guarantee: a text is an answer to a query exactly if it holds every term of it, whatever the database and whatever signs were
typed. What is like an idea rests on shared words alone: the same idea in wholly other words is not found, and how often that
is so for made-up ideas is printed by docs/scripts/lessons_evidence.py.
"""

from __future__ import annotations

from trials.lessons.ranking import Corpus, likeness, relevance
from trials.lessons.searched import ASKED, PLAN, VERSION, WORDS, must_name_nobody, table
from trials.lessons.terms import salient, telling, terms, wanted

__all__ = [
    "ASKED",
    "PLAN",
    "VERSION",
    "WORDS",
    "Corpus",
    "likeness",
    "must_name_nobody",
    "relevance",
    "salient",
    "table",
    "telling",
    "terms",
    "wanted",
]
