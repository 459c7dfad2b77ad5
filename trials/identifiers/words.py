"""Words as the lists and the rules compare them."""

from __future__ import annotations

import unicodedata

_LETTERS = str.maketrans("łøđðıßæœŁØĐ", "loddisaolod")


def listed(words: str) -> frozenset[str]:
    """The words of a text, each once."""
    return frozenset(words.split())


def folded(word: str) -> str:
    """Lower case, without accents or a full stop."""
    if word.isascii() and word.isalpha():
        return word.lower()
    plain = word.rstrip(".").replace("’", "'").replace("`", "'").translate(_LETTERS)
    if not plain.isascii():
        plain = "".join(char for char in unicodedata.normalize("NFKD", plain) if not unicodedata.combining(char))
    return plain.lower()
