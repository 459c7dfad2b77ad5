"""People's names: cells that are one, and texts that mention one. By lists, so a rare name alone is not known."""

from __future__ import annotations

import re
from collections.abc import Sequence

from trials.identifiers.columns import Column
from trials.identifiers.people import DOUBTFUL, GIVEN, NOT_PEOPLE, SURNAMES, WORDS_TOO
from trials.identifiers.words import folded, listed

# So many different cells in a column, or so great a share of them, must be names: one alone may be a ward or a product.
SEVERAL, SHARE = 2, 0.5
# For cells that are a single word, or in lower case, which other words are too.
SEVERAL_BARE, SHARE_BARE = 3, 0.6

_PARTICLES = listed("de da do dos das del della di van von der den la le el al bin bint ibn ul ur abu mac mc st y")
_TITLES = listed("mr mrs ms miss mx dr prof sir dame rev fr sr revd hon cllr pc sgt")
_WORD = re.compile(r"[^\W\d_]+(?:['’`-][^\W\d_]+)*\.?")
_CAPITAL = r"[^\W\d_a-zß-öø-ÿ][\w'’-]+"
# In running text: a given name and a capitalised word after it, or a title and a capitalised word.
_TITLED = re.compile(rf"\b(?:Mr|Mrs|Ms|Miss|Mx|Dr|Prof)\.? +(?:[A-Z]\.? +)?({_CAPITAL})")
_PAIR = re.compile(
    rf"(?=\b({_CAPITAL}) (?:[A-Z]\.? )?((?:(?:[Oo]|[Mm]a?c|[Dd]e|[Vv]an|[Aa]l|[Bb]in)['’ -]?)?{_CAPITAL}))"
)


def is_name(text: str) -> bool:
    """Whether a text is a person's name and nothing else: two to five words, each with a capital or all in lower case."""
    words = text.replace(",", " ").split()
    if not 2 <= len(words) <= 6 or not all(_WORD.fullmatch(word) for word in words):
        return False
    low = [folded(word) for word in words]
    titled = low[0] in _TITLES and words[0][0].isupper()
    if titled:
        words, low = words[1:], low[1:]
    if not (_capitalised(words, low) or (text == text.lower() and len(words) <= 3)) or NOT_PEOPLE.intersection(low):
        return False
    return titled or _given_and_family(low)


def _capitalised(words: Sequence[str], low: Sequence[str]) -> bool:
    return all(word[0].isupper() or one in _PARTICLES for word, one in zip(words, low, strict=True))


def _given_and_family(low: Sequence[str]) -> bool:
    """One word is a given name, or a doubtful one beside a surname, or an initial beside a surname."""
    if len(low) < 2:
        return False
    parts = [part for word in low for part in _parts(word)]
    if any(len(part) > 1 and part in GIVEN for part in parts):
        return True
    sure = any(word in SURNAMES and word not in WORDS_TOO for word in low)
    return sure and any(word in DOUBTFUL or len(word) == 1 for word in low)


def is_listed(text: str) -> bool:
    """Whether a text has a given name and a surname that are hardly ever other words."""
    low = {folded(word) for word in text.split()}
    return any(one in GIVEN and any(_surname(two) for two in low - {one}) for one in low)


def mentions_name(text: str) -> bool:
    """Whether a running text mentions a person by given name and surname, or by title and surname."""
    for found in _TITLED.finditer(text):
        if folded(found[1]) not in NOT_PEOPLE:
            return True
    for found in _PAIR.finditer(text):
        first, second = folded(found[1]), folded(found[2])
        if second in NOT_PEOPLE or first in NOT_PEOPLE:
            continue
        # "SMITH John" counts where both are listed; a title in capitals beside a word is no name.
        sure = _surname(second) if found[1].isupper() != found[2].isupper() else None
        if (first in GIVEN and sure is not False) or (first in DOUBTFUL and _surname(second)):
            return True
        if second in GIVEN and _surname(first):
            return True
    return False


def names(column: Column) -> set[str]:
    """The column's cells that are or mention people's names, if they are several or most of it."""
    telling = _telling(column.with_words[1])
    if not telling:
        return set()
    likely = [
        (cell, text) for cell, text in zip(*column.with_words, strict=True) if not telling.isdisjoint(text.split())
    ]
    lower = {cell for cell, text in likely if text.islower() and is_name(text)}
    whole = {cell for cell, text in likely if not text.islower() and (is_name(text) or mentions_name(text))}
    weak = {cell for cell, text in likely if text[:1].isupper() and _two_with_surname(text)} | whole
    count = len(column.different)
    bare = lower if len(lower) >= max(SEVERAL_BARE, SHARE_BARE * count) else set()
    found = whole if len(whole) >= SEVERAL or len(whole) >= SHARE * count > 0 else set()
    found |= weak if len(weak) >= max(SEVERAL_BARE, SHARE * count) else set()
    return found | bare | _single(column)


_AROUND = ".,;:!?()\"'"
_TELLING = GIVEN | DOUBTFUL | SURNAMES | _TITLES


def _telling(texts: Sequence[str]) -> set[str]:
    """The words of a column, as written, that are or hold a given name, a surname or a title."""
    return {word for word in set(" ".join(texts).split()) if _tells(word.strip(_AROUND))}


def _tells(word: str) -> bool:
    low = word.lower()
    if low in _TELLING:
        return True
    # Most words end here: plain ones, and ones without parts.
    if low.isalpha() and low.isascii():
        return False
    return bool(low) and not low[0].isdigit() and not _TELLING.isdisjoint(_parts(folded(low)))


def _parts(word: str) -> tuple[str, ...]:
    return (word, *re.split("[-/,]", word)) if re.search("[-/,]", word) else (word,)


def _two_with_surname(text: str) -> bool:
    """Two or three capitalised words of which the last, or the one before a comma, is a surname that is no other word."""
    words = text.split()
    if not 2 <= len(words) <= 3 or not all(_WORD.fullmatch(word.rstrip(",")) and word[0].isupper() for word in words):
        return False
    low = [folded(word.rstrip(",")) for word in words]
    return not NOT_PEOPLE.intersection(low) and any(
        _surname(low[place]) for place in (-1, 0) if place or "," in words[0]
    )


def _single(column: Column) -> set[str]:
    """The cells that are one given name or one surname each, if most of the column's are."""
    found = {
        cell
        for cell, text in zip(*column.with_words, strict=True)
        if text[:1].isupper() and _WORD.fullmatch(text) and (folded(text) in GIVEN or _surname(folded(text)))
    }
    return found if len(found) >= max(SEVERAL_BARE, SHARE_BARE * len(column.different)) else set()


def _surname(word: str) -> bool:
    return word in SURNAMES and word not in WORDS_TOO
