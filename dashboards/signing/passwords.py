"""Passwords: what is too weak, the hash that is kept, and whether one fits.

scrypt with N = 2^15, r = 8, p = 3, which takes 32 MB a guess (OWASP Password Storage Cheat Sheet, 2023), from werkzeug, whose
text names its own parameters, so that they can be raised later.
"""

from __future__ import annotations

import re
import secrets
import unicodedata
from functools import cache
from pathlib import Path

from werkzeug.security import check_password_hash, generate_password_hash

from trials.errors import DataError

METHOD = "scrypt:32768:8:3"
SHORTEST, LONGEST = 12, 256
_DIFFERENT = 5  # different characters at least

# What people write first when a password has to be long. Digits and signs around one of them make it no better.
_COMMON = tuple((Path(__file__).parent / "common.txt").read_text(encoding="utf-8").split())
_RUNS = ("abcdefghijklmnopqrstuvwxyz", "01234567890123456789", "qwertyuiopasdfghjklzxcvbnm")


def must_be_strong(password: str, name: str) -> None:
    """Raises DataError for a password that is short, or among the first that anybody would try. Nothing of it is repeated."""
    plain = _plain(password).casefold()
    if not SHORTEST <= len(password) <= LONGEST:
        raise DataError(
            f"the password has {len(password)} characters, must have {SHORTEST} to {LONGEST}. Four random words are good."
        )
    letters = re.sub(r"[\W\d_]+", "", plain)
    if len(set(plain)) < _DIFFERENT or _is_common(plain, letters) or (name and _same(plain, letters, name.casefold())):
        raise DataError("the password is one of those tried first, must be hard to guess. Four random words are good.")


def hashed(password: str) -> str:
    """What is kept of a password."""
    return generate_password_hash(_plain(password), method=METHOD, salt_length=16)


def fits(password_hash: str | None, password: str) -> bool:
    """Whether a password is the one; None: there is no such account, which takes as long to find out."""
    found = check_password_hash(password_hash or _nobodys(), _plain(password[: LONGEST + 1]))
    return found and password_hash is not None


@cache
def _nobodys() -> str:
    return hashed(secrets.token_urlsafe(16))


def _plain(password: str) -> str:
    """One spelling for the same characters, whatever keyboard they came from."""
    return unicodedata.normalize("NFKC", password)


def _is_common(plain: str, letters: str) -> bool:
    stripped = re.sub(r"[\W_]+", "", plain)
    return any(letters and not letters.replace(word, "") for word in _COMMON) or any(
        part in run or part in run[::-1] for run in _RUNS for part in (stripped, letters) if len(part) >= _DIFFERENT
    )


def _same(plain: str, letters: str, name: str) -> bool:
    bare = re.sub(r"[\W\d_]+", "", name)
    return plain == name or (len(bare) > 2 and not letters.replace(bare, ""))
