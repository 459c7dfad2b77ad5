"""E-mail addresses, National Insurance, phone and NHS numbers, and postcodes, wherever in a text they stand.

Each function takes plain text and says whether it holds one. Sources: HMRC, National Insurance Manual NIM39110 (what a
number looks like, prefixes not used); Ofcom, National Telephone Numbering Plan (first digits, ten or nine digits after
the 0); NHS Data Dictionary, NHS NUMBER (modulus 11); BS 7666 and Royal Mail's list of areas (postcodes).
"""

from __future__ import annotations

import re

from trials.identifiers.columns import without_times
from trials.identifiers.words import listed

_EMAIL = re.compile(r"[\w.+'’-]+@(?:[\w-]+\.)+[^\W\d_]{2,}")
# Typed by hand: spaces, a comma for the dot, (at), a provider without its dot.
_EMAIL_TYPED = re.compile(
    r"[\w.+'’-]+\s{0,2}(?:@|[(\[{]\s?at\s?[)\]}])\s{0,2}[\w-]*"
    r"(?:(?:gmail|googlemail|hotmail|btinternet|icloud)|(?:\s?[.,]\s?[\w-]+){0,3}?\s?[.,]\s?(?:com|org|net|uk|gov|edu|ie)\b)",
    re.IGNORECASE,
)
_EMAIL_SPELT = re.compile(
    r"[\w.+'-]+\s(?:at|@)\s[\w-]+(?:\sdot\s[a-z]+)*\sdot\s(?:com|org|net|uk|gov|edu|ie)\b", re.IGNORECASE
)


def email(text: str) -> bool:
    """Holds an e-mail address, as a machine or as a hand writes it."""
    if " dot " in text.lower() and _EMAIL_SPELT.search(text):
        return True
    return bool(_EMAIL.search(text) or _EMAIL_TYPED.search(text))


_NI = re.compile(
    r"(?<![A-Za-z0-9])([A-CEGHJ-PR-TW-Z][A-CEGHJ-NPR-TW-Z])[ .,/-]{0,3}((?:[0-9][ .,/-]{0,2}){6})[ .,/-]?"
    r"([A-D])(?![A-Za-z0-9])",
    re.IGNORECASE,
)
_NI_SAID = re.compile(
    r"\b(?:n\.?i\.?|nino|nat(?:ional)?\.? ins(?:urance)?)\b[^0-9]{0,24}?\b([A-CEGHJ-PR-TW-Z][A-CEGHJ-NPR-TW-Z])"
    r"[ .,/-]{0,3}(?:[0-9][ .,/-]{0,2}){6}",
    re.IGNORECASE,
)
_NI_ALONE = re.compile(r"[A-Z]{2}[0-9]{6}[A-Z]?", re.IGNORECASE)
_NI_UNUSED = frozenset({"BG", "GB", "KN", "NK", "NT", "TN", "ZZ"})
# Two letters that stand before a time or a date in any sentence: "on 12-10-23 a letter came".
_WORDS = listed("AM AN AS AT BE BY HE MA ME MR MS MY OH ON OR PM RE SO ST WE")


def ni_number(text: str) -> bool:
    """Holds a National Insurance number. One without its last letter counts where it says what it is."""
    for found in _NI.finditer(text):
        prefix, digits = found[1].upper(), found[2].strip(" .,/-")
        shouted = found[1].isupper() and found[3].isupper() and not text.isupper()
        sentence = prefix in _WORDS and not digits.isdigit() and found[0] != text and not shouted
        if prefix not in _NI_UNUSED and not sentence:
            return True
    return ni_number_said(text)


def ni_number_said(text: str) -> bool:
    """Holds a National Insurance number, perhaps without its last letter, beside the words for it."""
    found = _NI_SAID.search(text)
    return found is not None and found[1].upper() not in _NI_UNUSED


def ni_number_alone(text: str) -> bool:
    """Is two letters, six digits and perhaps a letter: enough below a heading that says National Insurance."""
    return _NI_ALONE.fullmatch(re.sub(r"[ .,/-]", "", text)) is not None


_GAP = r"[ ().,/-]{0,3}"
_PHONE_HOME = re.compile(rf"(?<![\w+])(?<![\w][./-])\(?0[1-35789](?:{_GAP}[0-9]){{8,9}}(?!\w)(?![./-][0-9])")
_PHONE_ABROAD = re.compile(
    rf"(?<![\w+])(?<!\w[./-])(?:\+{_GAP}|00 ?\(?)44(?:{_GAP}\(?0\)?)?(?:{_GAP}[1-35789])(?:{_GAP}[0-9]){{8,9}}(?!\w)"
)
_PHONE_WORLD = re.compile(r"(?<![\w+])\+[1-9](?:[ ()-]{0,2}[0-9]){9,14}(?!\w)(?![.,][0-9])")
_PHONE_STARTS = re.compile(r"0(?:1|2|3[0347]|5[056]|7|8[0247]|9)")
_DIGITS = re.compile(r"[0-9]+")


def phone_number(text: str) -> bool:
    """Holds a phone number: ten or nine digits after a 0 or +44, in any grouping; or a + and ten to fifteen digits."""
    rest = without_times(text)
    if _PHONE_ABROAD.search(rest) or _PHONE_WORLD.search(rest):
        return True
    return any(_dialled(found[0], rest[found.end() :]) for found in _PHONE_HOME.finditer(rest))


def _dialled(found: str, after: str) -> bool:
    """Whether digits that start with a 0 are grouped as people group phone numbers."""
    groups = _DIGITS.findall(found)
    digits = "".join(groups)
    if not _PHONE_STARTS.match(digits) or len(set(digits)) == 1:
        return False
    if len(digits) == 10 and (len(groups) == 1 or re.match(r"[ ./-]?[0-9]", after)):
        return False  # nine digits after the 0 are rare: only where they are set apart
    lengths = [len(group) for group in groups]
    if lengths[0] == 1 or lengths[:3] == [2, 2, 4]:
        return False  # a decimal number; a day
    return len(lengths) == 1 or lengths[-1] >= 3 or max(lengths[1:]) <= 3


def phone_number_alone(text: str) -> bool:
    """Is nothing but 9 to 15 digits and what separates them: enough below a heading that says phone."""
    return re.fullmatch(r"\+?[0-9 ().,/-]+", text) is not None and 9 <= sum(map(str.isdigit, text)) <= 15


_NHS = re.compile(r"(?<![\w])(?<![0-9][./-])[0-9]{3}([ -])[0-9]{3}\1[0-9]{4}(?!\w)(?![./-][0-9])")
_NHS_SAID = re.compile(r"\b(?:nhs|chi)\b[^0-9]{0,20}([0-9]{3}[ -]?[0-9]{3}[ -]?[0-9]{4})(?![0-9])", re.IGNORECASE)
_TEN = re.compile(r"[0-9]{3}[ -]?[0-9]{3}[ -]?[0-9]{4}")


def nhs_number(text: str) -> bool:
    """Is or holds an NHS number: ten digits whose last checks the others, alone, in its 3-3-4 form, or named as one."""
    if _TEN.fullmatch(text):
        return nhs_check(text)
    rest = without_times(text)
    said = [found[1] for found in _NHS_SAID.finditer(rest)]
    spaced = [found[0] for found in _NHS.finditer(rest) if found[0][0] in "4679"]
    return any(nhs_check(one) for one in (*said, *spaced))


def nhs_check(text: str) -> bool:
    """Whether the last of ten digits is 11 less the weighted sum of the others modulo 11, weights 10, 9, ..., 2."""
    digits = [int(char) for char in text if char.isdigit()]
    if len(digits) != 10 or len(set(digits)) == 1:
        return False
    check = -sum(weight * digit for weight, digit in zip(range(10, 1, -1), digits, strict=False)) % 11
    return check == digits[9]


def nhs_number_alone(text: str) -> bool:
    """Is ten digits: enough below a heading that says NHS, mistyped or not."""
    return _TEN.fullmatch(text) is not None


_AREAS = listed(
    """
    AB AL BA BB BD BH BL BN BR BS BT CA CB CF CH CM CO CR CT CV CW DA DD DE DG DH DL DN DT DY EC EH EN EX FK FY GL
    GU GY HA HD HG HP HR HS HU HX IG IM IP IV JE KA KT KW KY LA LD LE LL LN LS LU ME MK ML NE NG NN NP NR NW OL OX
    PA PE PH PL PO PR RG RH RM SA SE SG SK SL SM SN SO SP SR SS ST SW SY TA TD TF TN TQ TR TS TW UB WA WC WD WF WN
    WR WS WV YO ZE B E G L M N S W
    """
)
_OUTWARD = rf"(?:{'|'.join(sorted(_AREAS, reverse=True))})[0-9][A-HJKMNP-Y0-9]?"
_POSTCODE = re.compile(rf"(?<![A-Za-z0-9-]){_OUTWARD} {{0,2}}[0-9][ABD-HJLNP-UW-Z]{{2}}(?![A-Za-z0-9-])")
_ORDINAL = re.compile(r"(?:1ST|2ND|3RD|[4-9]TH)$")


def postcode(text: str) -> bool:
    """Holds a full United Kingdom postcode: in text in capitals, alone as one likes."""
    whole = _POSTCODE.fullmatch(text.upper())
    if whole:
        return True
    return any(not _ORDINAL.search(found[0]) for found in _POSTCODE.finditer(text))
