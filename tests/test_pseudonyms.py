"""trials.pseudonyms: the same person is the same pseudonym, nobody without the key can tell who, rows are sealed."""

from __future__ import annotations

import hashlib
import hmac

import pytest
from hypothesis import given
from hypothesis import strategies as st

from trials.errors import DataError
from trials.pseudonyms import Pseudonyms, canonical, spelling

ONE, OTHER = Pseudonyms(b"1" * 32), Pseudonyms(b"2" * 32)


def test_a_pseudonym_is_an_hmac_of_the_folded_id() -> None:
    """By RFC 2104, under a key derived for participants alone: anybody with the key can compute it again."""
    derived = hmac.new(b"1" * 32, b"roadtest:participants", hashlib.sha256).digest()
    assert ONE.of("A-0014") == hmac.new(derived, b"a-0014", hashlib.sha256).hexdigest()[:30]


@given(st.lists(st.text(min_size=1, max_size=12), min_size=2, max_size=6, unique_by=canonical))
def test_different_people_have_different_pseudonyms_everywhere(ids: list[str]) -> None:
    """Different ids differ, one by one or together; under another key all of them are others."""
    found = ONE.of_all(ids)
    assert len(set(found)) == len(ids)
    assert found == [ONE.of(one) for one in ids]
    assert not set(found) & set(OTHER.of_all(ids))


def test_a_byte_that_is_no_text_is_nobody() -> None:
    """A lone surrogate, as the command line gives it, has a pseudonym of its own."""
    assert len({*ONE.of_all(["\udcff", "\udcfe", "?", "\ufffd"])}) == 4


@pytest.mark.parametrize(
    ("written", "how"),
    [("A-0014", "upper"), ("a-0014", "lower"), ("Ab-1", "Ul"), ("0014", ""), ("", "")],
)
def test_letter_case_is_folded_and_remembered(written: str, how: str) -> None:
    """Spelling tells capitals alone; ids that differ in ASCII letter case are one person."""
    assert spelling(written) == how
    assert ONE.of(written) == ONE.of(written.upper())


def test_only_ascii_letters_are_folded() -> None:
    """The Kelvin sign is no k and a long s no s: look-alikes stay different people."""
    assert len({ONE.of(one) for one in ("k-1", "\u212a-1", "s-1", "\u017f-1", "\uff4b-1")}) == 5


def test_an_accent_typed_in_two_ways_is_one_person() -> None:
    """One system composes letters with their accents, another does not; the person is the same."""
    assert ONE.of("Jos\u00e9-1") == ONE.of("Jose\u0301-1") != ONE.of("Jose-1")


@given(st.dictionaries(st.text(max_size=8), st.text(max_size=20), max_size=4))
def test_a_sealed_row_opens_to_what_it_was(cells: dict[str, str]) -> None:
    """Sealing keeps every cell, shows none, and is different each time."""
    sealed = ONE.seal(cells)
    assert list(sealed) == ["sealed"]
    assert ONE.open(sealed) == cells
    assert ONE.seal(cells) != sealed


def test_a_row_opens_with_its_own_key_alone() -> None:
    """Another trial's key, or a changed text, is refused with a sentence; what was never sealed is as it is."""
    sealed = ONE.seal({"participant_id": "A-0014"})
    with pytest.raises(DataError, match="another key"):
        OTHER.open(sealed)
    with pytest.raises(DataError, match="another key"):
        ONE.open({"sealed": sealed["sealed"][:-4] + "AAAA"})
    assert ONE.open({"arm": "new"}) == {"arm": "new"}


def test_a_key_shows_nothing_of_itself() -> None:
    """Neither repr nor fingerprint hold the key; a key of another length is refused."""
    assert "1" * 8 not in repr(ONE)
    assert ONE.fingerprint != OTHER.fingerprint
    assert len(ONE.fingerprint) == 16
    with pytest.raises(DataError, match="must have 32"):
        Pseudonyms(b"short")
