"""A text -> the terms that it is stored and looked for by. The same for both databases, so their answers are the same.

A term is a stem (`trials.lessons.stemming`) of letters a to z and digits. Capitals, accents and umlauts make no difference
(ä is a, ß is ss); words in other letters become the hexadecimal of their UTF-8, so that no database needs to know them. All
other signs part words. So nothing that somebody types is ever a database's syntax.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable

from trials.lessons.stemming import stem

# Longer words and texts are cut: nobody looks for more, and PostgreSQL takes no more.
LONGEST_WORD, LONGEST_TEXT = 40, 10_000

_WORD = re.compile(r"[^\W_]+")
_APOSTROPHES = re.compile(r"(?<=\w)['’ʼ](?=\w)")
# Letters that Unicode doesn't take apart.
_LATIN = str.maketrans({"ø": "o", "ł": "l", "đ": "d", "ð": "d", "þ": "th", "æ": "ae", "œ": "oe", "ı": "i", "ħ": "h"})


def listed(words: str) -> frozenset[str]:
    """The stems of words written one after the other."""
    return frozenset(terms(words))


def terms(text: str) -> tuple[str, ...]:
    """The text's terms in its order, repeats too; at most LONGEST_TEXT."""
    folded = unicodedata.normalize("NFKD", text.casefold()).casefold()
    marks_off = "".join(sign for sign in folded if not unicodedata.combining(sign)).translate(_LATIN)
    words = _WORD.findall(_APOSTROPHES.sub("", marks_off))[:LONGEST_TEXT]
    return tuple(_term(word) for word in words)


def _term(word: str) -> str:
    return stem(word[:LONGEST_WORD]) if word.isascii() else "zx" + word[: LONGEST_WORD // 4].encode().hex()


def wanted(query: str) -> tuple[str, ...]:
    """The terms that a text must hold to be an answer to the query: without stop words, unless it is made of these alone."""
    found = tuple(dict.fromkeys(terms(query)))
    return _without(found, STOP_WORDS) or found


def salient(text: str) -> tuple[str, ...]:
    """The terms that tell one idea from another: neither stop words nor what nearly every idea of the field says."""
    return telling(terms(text))


def telling(found: Iterable[str]) -> tuple[str, ...]:
    """What `salient` leaves of terms, each once."""
    return _without(dict.fromkeys(found), STOP_WORDS | EVERYDAY)


def _without(found: Iterable[str], words: frozenset[str]) -> tuple[str, ...]:
    return tuple(term for term in found if term not in words)


STOP_WORDS = listed(
    """
    a about above after again against all also although am among an and any are as at be because been before being below
    between both but by can cannot could did do does doing don't down during each either else ever every few for from further
    had has have having he her here hers him his how however i if in into is it its itself just let many may me might more most
    much must my neither no nor not of off on once one only onto or other our out over own per rather same shall she should
    since so some such than that the their them then there these they this those though through to too under until up upon us
    very was we were what when where whether which while who whom whose why will with within without would you your yet
    """
)
# What nearly every idea in public services says, so that it tells none from another.
EVERYDAY = listed(
    """
    people person client customer participant user resident citizen staff officer worker team manager practitioner caseworker
    service programme project trial pilot test try idea approach scheme intervention week month day year time first new weekly
    monthly daily help support give get offer use make take provide need want work better less fewer reduce increase improve
    two three four five
    """
)
