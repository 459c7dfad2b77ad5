"""Who goes into which arm: permuted blocks of hidden, varying size, one list per stratum (site).

`blocks.py` makes the lists, `proofs.py` fixes them beforehand so that they can be proved afterwards, `outside.py` judges a
list that somebody else made, `guessing.py` says how well the next arm can be guessed.
"""

from __future__ import annotations

from trials.allocation.blocks import (
    MULTIPLES,
    Draws,
    Drop,
    SecretDraws,
    Shares,
    allocation_list,
    from_list,
    from_seed,
    shares_of,
    smallest_block,
    stream,
)

__all__ = [
    "MULTIPLES",
    "Draws",
    "Drop",
    "SecretDraws",
    "Shares",
    "allocation_list",
    "from_list",
    "from_seed",
    "shares_of",
    "smallest_block",
    "stream",
]
