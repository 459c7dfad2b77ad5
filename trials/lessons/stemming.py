"""English words cut to their stems, so that 'reminders', 'reminded' and 'reminding' find each other.

Porter (1980), An algorithm for suffix stripping, Program 14(3):130-137, with its five steps under their own numbers. Both
databases store and look for these stems, so neither one's own stemmer can make their answers differ.
"""

from __future__ import annotations

from functools import lru_cache

_VOWELS = frozenset("aeiou")
_STEP_2 = (
    *(("ational", "ate"), ("tional", "tion"), ("enci", "ence"), ("anci", "ance"), ("izer", "ize"), ("logi", "log")),
    *(("bli", "ble"), ("alli", "al"), ("entli", "ent"), ("eli", "e"), ("ousli", "ous"), ("ization", "ize")),
    *(("ation", "ate"), ("ator", "ate"), ("alism", "al"), ("iveness", "ive"), ("fulness", "ful")),
    *(("ousness", "ous"), ("aliti", "al"), ("iviti", "ive"), ("biliti", "ble")),
)
_STEP_3 = (
    *(("icate", "ic"), ("ative", ""), ("alize", "al"), ("iciti", "ic"), ("ical", "ic"), ("ful", ""), ("ness", "")),
)
_STEP_4 = (
    *("ement", "ance", "ence", "able", "ible", "ment", "ant", "ent", "ism", "ate", "iti", "ous", "ive", "ize", "ion"),
    *("al", "er", "ic", "ou"),
)


@lru_cache(maxsize=50_000)
def stem(word: str) -> str:
    """The stem of a word in lower case. Words of one or two letters, and any with another sign than a to z, stay."""
    if len(word) <= 2 or not (word.isascii() and word.isalpha()):
        return word
    word = _step_1c(_step_1b(_step_1a(word)))
    word = _replaced(_replaced(word, _STEP_2), _STEP_3)
    return _step_5(_step_4(word))


def _form(word: str) -> str:
    """The word's letters as v (vowel) and c (consonant); y is a vowel after a consonant."""
    form = ""
    for letter in word:
        vowel = letter in _VOWELS or (letter == "y" and form[-1:] == "c")
        form += "v" if vowel else "c"
    return form


def _measure(word: str) -> int:
    """Porter's m: how often a vowel is followed by a consonant."""
    return _form(word).count("vc")


def _ends_short(word: str) -> bool:
    """Porter's *o: it ends consonant, vowel, consonant, and the last is not w, x or y."""
    return _form(word).endswith("cvc") and word[-1] not in "wxy"


def _step_1a(word: str) -> str:
    if word.endswith(("sses", "ies")):
        return word[:-2]
    return word[:-1] if word.endswith("s") and not word.endswith("ss") else word


def _step_1b(word: str) -> str:
    if word.endswith("eed"):
        return word[:-1] if _measure(word[:-3]) > 0 else word
    cut = next((word[: -len(suffix)] for suffix in ("ed", "ing") if word.endswith(suffix)), None)
    if cut is None or "v" not in _form(cut):
        return word
    if cut.endswith(("at", "bl", "iz")):
        return cut + "e"
    if len(cut) > 1 and cut[-1] == cut[-2] and _form(cut)[-1] == "c" and cut[-1] not in "lsz":
        return cut[:-1]
    return cut + "e" if _measure(cut) == 1 and _ends_short(cut) else cut


def _step_1c(word: str) -> str:
    return word[:-1] + "i" if word.endswith("y") and "v" in _form(word[:-1]) else word


def _replaced(word: str, rules: tuple[tuple[str, str], ...]) -> str:
    """Steps 2 and 3: the suffix that fits is replaced if what stands before it has a measure above 0."""
    for suffix, other in sorted(rules, key=lambda rule: -len(rule[0])):
        if word.endswith(suffix):
            cut = word[: -len(suffix)]
            return cut + other if _measure(cut) > 0 else word
    return word


def _step_4(word: str) -> str:
    for suffix in _STEP_4:
        if word.endswith(suffix):
            cut = word[: -len(suffix)]
            allowed = suffix != "ion" or cut.endswith(("s", "t"))
            return cut if _measure(cut) > 1 and allowed else word
    return word


def _step_5(word: str) -> str:
    if word.endswith("e"):
        cut = word[:-1]
        measure = _measure(cut)
        word = cut if measure > 1 or (measure == 1 and not _ends_short(cut)) else word
    return word[:-1] if word.endswith("ll") and _measure(word) > 1 else word
