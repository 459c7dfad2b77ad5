"""Type of a PDF report: which font has which letter, so that none comes out as a black box.

Helvetica's standard encoding has the letters of Western Europe; what it lacks (a true minus, ≥, ł, š, ž) is
set in Bitstream Vera, which comes with reportlab under a free licence and is put into the file. What neither has is spelt in
letters that they do have, and where that is not possible as '?': the HTML report has every letter.
"""

from __future__ import annotations

import unicodedata
from collections.abc import Iterator
from functools import cache, lru_cache
from html import escape

from reportlab.pdfbase import pdfmetrics
from reportlab.pdfbase.ttfonts import TTFont

PLAIN, BOLD = "Helvetica", "Helvetica-Bold"
_VERA = {PLAIN: ("Vera", "Vera.ttf"), BOLD: ("VeraBd", "VeraBd.ttf")}
# What has a spelling of its own in letters that both fonts have.
_SPELT = {
    "→": "->",
    "←": "<-",
    "↑": "up",
    "↓": "down",
    "α": "alpha",
    "β": "beta",
    "δ": "delta",
    "Δ": "delta",
    "ε": "epsilon",
    "λ": "lambda",
    "σ": "sigma",
    "✓": "yes",
    "✗": "no",
    "‑": "-",
    "\u202f": " ",
    "\u2009": " ",
    "\u200b": "",
    "\u00ad": "",
}


@cache
def register() -> None:
    """Makes the second font known to reportlab; once."""
    for name, file in _VERA.values():
        pdfmetrics.registerFont(TTFont(name, file))


@cache
def _has() -> frozenset[int]:
    register()
    return frozenset(pdfmetrics.getFont("Vera").face.charToGlyph)


@lru_cache(maxsize=4096)
def _in_helvetica(letter: str) -> bool:
    if ord(letter) < 32 or letter == "\x7f":
        return False
    try:
        return bool(letter.encode("cp1252"))
    except UnicodeEncodeError:
        return False


@lru_cache(maxsize=4096)
def spelt(letter: str) -> str:
    """The letter, or letters of the same meaning that one of the fonts has."""
    if letter in "\n\r\t":
        return " "
    if _in_helvetica(letter) or ord(letter) in _has():
        return letter
    if letter in _SPELT:
        return _SPELT[letter]
    base = "".join(one for one in unicodedata.normalize("NFKD", letter) if not unicodedata.combining(one))
    if base and base != letter and all(_in_helvetica(one) or ord(one) in _has() for one in base):
        return base
    return "" if unicodedata.combining(letter) or unicodedata.category(letter) in ("Cf", "Cc") else "?"


def runs(text: str, font: str = PLAIN) -> Iterator[tuple[str, str]]:
    """(font, letters): the text cut where the font changes."""
    other = _VERA[font][0]
    letters = "".join(map(spelt, unicodedata.normalize("NFC", text)))
    start, now = 0, font
    for place, letter in enumerate(letters):
        needed = font if _in_helvetica(letter) else other
        if needed != now:
            if place > start:
                yield now, letters[start:place]
            start, now = place, needed
    if letters[start:]:
        yield now, letters[start:]


def marked(text: str, font: str = PLAIN) -> str:
    """The text for a reportlab paragraph: escaped, each part in a font that has its letters."""
    return "".join(
        escape(part, quote=False) if name == font else f'<font name="{name}">{escape(part, quote=False)}</font>'
        for name, part in runs(text, font)
    )


def width(text: str, size: float, font: str = PLAIN) -> float:
    """How wide the text is in points."""
    return float(sum(pdfmetrics.stringWidth(part, name, size) for name, part in runs(text, font)))
