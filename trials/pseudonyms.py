"""Participant ids become pseudonyms at the door: HMAC-SHA256 under a key of the trial's own, which is not in the database.

Who has the database alone can neither read an id nor test a guess of one. Who holds the key can look a person up; once the
key is destroyed nobody can (docs/architecture.md, "People's ids").
Source: HMAC is RFC 2104 (Krawczyk, Bellare, Canetti, 1997); Fernet (AES-128-CBC with HMAC-SHA256) as in `cryptography`.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING
from unicodedata import normalize

from trials.errors import DataError

if TYPE_CHECKING:
    from cryptography.fernet import Fernet

KEY_BYTES = 32
_DIGITS = 30  # 120 bits: among 10 million people two share a pseudonym with a chance below 1e-22
SEALED = "sealed"

_FOLD = str.maketrans("ABCDEFGHIJKLMNOPQRSTUVWXYZ", "abcdefghijklmnopqrstuvwxyz")


def canonical(participant_id: str) -> str:
    """The id as it is compared: letter case apart, of ASCII letters alone, and an accented letter typed in one way or in two
    (Unicode's forms NFC and NFD); no two characters that differ otherwise become one."""
    if participant_id.isascii():
        return participant_id.lower()
    composed = (
        normalize("NFC", participant_id) if normalize("NFD", participant_id) == participant_id else participant_id
    )
    return composed.translate(_FOLD)


def spelling(participant_id: str) -> str:
    """Which letters of an id are capitals, and nothing else of it: 'upper', 'lower', a pattern, or '' without letters."""
    if participant_id.isupper():
        return "upper"
    if participant_id.islower():
        return "lower"
    return "".join("U" if char.isupper() else "l" for char in participant_id if char.isalpha())


@dataclass(frozen=True)
class Pseudonyms:
    """One trial's key at work. key: 32 random bytes, never shown."""

    key: bytes = field(repr=False)

    def __post_init__(self) -> None:
        if len(self.key) != KEY_BYTES:
            raise DataError(f"the trial's key has {len(self.key)} bytes, must have {KEY_BYTES}. Restore the key file.")

    @property
    def fingerprint(self) -> str:
        """What the database keeps of the key, to know it again: 16 hex digits that tell nothing of it."""
        return self._derived(b"fingerprint").hex()[:16]

    def of(self, participant_id: str) -> str:
        """The pseudonym of an id: the same for the same person at every delivery, 30 hex digits."""
        return self.of_all([participant_id])[0]

    def of_all(self, participant_ids: Sequence[str]) -> list[str]:
        """`of` for each, about half a million a second."""
        key, digest, fold = self._derived(b"participants"), hmac.digest, canonical
        # A lone surrogate (a byte of the command line that is no UTF-8) is nobody's id, and no fault either.
        return [
            digest(key, fold(one).encode("utf-8", "surrogatepass"), "sha256").hex()[:_DIGITS] for one in participant_ids
        ]

    def seal(self, cells: Mapping[str, str]) -> dict[str, str]:
        """A row as the quarantine keeps it: encrypted under the trial's key."""
        text = json.dumps(dict(cells))  # ASCII, so that a lone surrogate is kept too
        return {SEALED: self._fernet().encrypt(text.encode()).decode("ascii")}

    def open(self, cells: Mapping[str, str]) -> dict[str, str]:
        """The row as it was sent; one that was never sealed as it is. Raises DataError when it was sealed with another key."""
        from cryptography.fernet import InvalidToken

        if SEALED not in cells:
            return dict(cells)
        try:
            opened: dict[str, str] = json.loads(self._fernet().decrypt(cells[SEALED].encode("ascii")))
        except InvalidToken:
            raise DataError("the row was sealed with another key, must be opened with the trial's own.") from None
        return opened

    def _fernet(self) -> Fernet:
        from cryptography.fernet import Fernet

        return Fernet(base64.urlsafe_b64encode(self._derived(b"quarantine")))

    def _derived(self, purpose: bytes) -> bytes:
        return hmac.digest(self.key, b"roadtest:" + purpose, hashlib.sha256)
