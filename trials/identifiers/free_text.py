"""Is somebody named in what people write? Asked of every free text of an act before it is stored (`trials.store.acts`).

Not found: rare names (`trials.identifiers`), and, where `given` is not set, a given name alone.
"""

from __future__ import annotations

import re
from collections.abc import Mapping

from trials.errors import DataError
from trials.identifiers.judging import holds_identifier
from trials.identifiers.numbers import postcode
from trials.identifiers.people import DOUBTFUL, GIVEN
from trials.identifiers.words import folded

_WORD = re.compile(r"[^\W\d_]+")


def must_name_nobody(texts: Mapping[str, str], *, given: bool = False) -> None:
    """Refuse texts, by the names of their fields, in which a person is named: they are read by many, for years.

    given: whether a given name alone names somebody, as it does in a few words about one event. Raises DataError, which never
    quotes the text.
    """
    for what, text in texts.items():
        lines = text.splitlines() or [text]
        if any(holds_identifier(line) or postcode(line) or (given and _given_name(line)) for line in lines):
            raise DataError(
                f"{what} seems to name a person (a name, an e-mail address, a phone or other number, a postcode, a birthday), "
                "must name nobody. Write what happened without saying to whom. Nothing was stored."
            )


def _given_name(text: str) -> bool:
    """Whether a word with a capital is a given name that is hardly ever another word."""
    words = (word for word in _WORD.findall(text) if word[0].isupper())
    return any(folded(word) in GIVEN and folded(word) not in DOUBTFUL for word in words)
