"""Small-number suppression: the one door that every count passes on its way to a page, a sentence or an export.

Its parts, each with its own guarantee: `releases` for what is looked at again and again (pages, exports of counts),
`tables` for a table that is shown once (a round's Data Docs, a health flag), `looks` for what is drawn from outcomes, with
`words` for their sentences and `seeing` for a look as somebody may see it, and `sites` for outcomes by site. LIMIT is the
smallest number that is told; zero is a small number too.
"""

from __future__ import annotations

from trials.disclosure.looks import (
    Told,
    apart,
    enough,
    rounded,
    rounded_look,
    splits_hidden,
    told_of_arms,
    unhidden,
    with_crossings,
)
from trials.disclosure.releases import (
    NOTHING,
    Moment,
    Sited,
    Step,
    about,
    added_up,
    between,
    joined_table,
    listed,
    part_of,
    released_counts,
    released_table,
    stepped,
    tens,
)
from trials.disclosure.seeing import safe_look, without_counts
from trials.disclosure.sites import Cell, Cells, SiteHistory, Telling, follow
from trials.disclosure.tables import LIMIT, Place, SafeCounts, SafeTable, safe_count, safe_counts, safe_table
from trials.disclosure.words import about_numbers, safe_concern, told, without_estimate

__all__ = [
    "LIMIT",
    "NOTHING",
    "Cell",
    "Cells",
    "Moment",
    "Place",
    "SafeCounts",
    "SafeTable",
    "SiteHistory",
    "Sited",
    "Step",
    "Telling",
    "Told",
    "about",
    "about_numbers",
    "added_up",
    "apart",
    "between",
    "enough",
    "follow",
    "joined_table",
    "listed",
    "part_of",
    "released_counts",
    "released_table",
    "rounded",
    "rounded_look",
    "safe_concern",
    "safe_count",
    "safe_counts",
    "safe_look",
    "safe_table",
    "splits_hidden",
    "stepped",
    "tens",
    "told",
    "told_of_arms",
    "unhidden",
    "with_crossings",
    "without_counts",
    "without_estimate",
]
