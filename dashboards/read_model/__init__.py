"""What the pages know: frozen views made from the store, and the only package of the pages that reads it. A file per page
or panel. Pages show what their reader may see (`dashboards.reader`); small counts nobody sees here, whoever asks:
`trials.store.seeing` shows those, to safety stewards, and logs it.
"""

from __future__ import annotations

from dashboards.read_model.board import FOREST_REACH, Board, Forest, Row, board
from dashboards.read_model.desk import (
    Chosen,
    ContradictionError,
    Desk,
    NoAccessError,
    NoSuchLookError,
    assert_agreement,
    deciding_claim,
    may_see,
    must_see,
    seen_ids,
    standing_of,
    tokens,
)
from dashboards.read_model.quality import DeliveryView, Quality
from dashboards.read_model.trial import MOST_POINTS, Since, TrialView, thinned, trial

__all__ = [
    "FOREST_REACH",
    "MOST_POINTS",
    "Board",
    "Chosen",
    "ContradictionError",
    "DeliveryView",
    "Desk",
    "Forest",
    "NoAccessError",
    "NoSuchLookError",
    "Quality",
    "Row",
    "Since",
    "TrialView",
    "assert_agreement",
    "board",
    "deciding_claim",
    "may_see",
    "must_see",
    "seen_ids",
    "standing_of",
    "thinned",
    "tokens",
    "trial",
]
