"""What names a person is found before it is stored, no sentence says it, and what sites send every day is let through."""

from __future__ import annotations

import importlib.util
import sys
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from flows.template import TEMPLATE
from trials.identifiers import births, found, headings, holds_identifier, masked, names, numbers
from trials.identifiers.files import pieces_of
from trials.protocol import from_content, from_yaml
from trials.records import RAGGED, Delivery, Row, Rows

PLAN = from_yaml(TEMPLATE)
SCRIPT = Path(__file__).parents[1] / "docs" / "scripts" / "identifier_evidence.py"
WITH_FIELD = from_content(
    {**PLAN.model_dump(mode="json"), "data": {**PLAN.data.model_dump(mode="json"), "fields": [{"name": "memo"}]}}
)


def delivery(columns: Mapping[str, Sequence[str]], file: str = "outcomes.csv") -> Delivery:
    """A delivery of these columns beside ids, arms and dates of joining in January 2024."""
    count = max(len(cells) for cells in columns.values())
    own = {
        "participant_id": [f"A-{place:04d}" for place in range(count)],
        "arm": ["control"] * count,
        "enrolled_on": ["2024-01-08"] * count,
    }
    cells = {**own, **{header: list(column) for header, column in columns.items()}}
    return Delivery("t", "folder:x", file, "ab" * 32, datetime(2024, 6, 1, tzinfo=UTC), tuple(cells), Rows(cells))


def sentence(header: str = "extra", *cells: str) -> str | None:
    return found(delivery({header: cells}), PLAN)


@pytest.mark.parametrize(
    "text",
    [
        *("ann@example.org", "mail to: J.Smith+x@mail.co.uk.", "ann @ gmail.com", "ann(at)nhs.net", "ann@hotmail"),
        *("ann at example dot org", "ANN@EXAMPLE.ORG", "ann@example,com"),
    ],
)
def test_mail_addresses_are_known_however_typed(text: str) -> None:
    """An address is found as machines and hands write it."""
    assert numbers.email(text)


@pytest.mark.parametrize(
    "text", ["meet @ 10.30am", "numpy@1.2.3", "=SUM(1+1)*cmd", "@ clinic. Then home", "a@b", "50 @ 2.50"]
)
def test_other_at_signs_are_no_mail(text: str) -> None:
    """Prices, times and versions are no addresses."""
    assert not numbers.email(text)


@pytest.mark.parametrize(
    "text",
    [
        *(
            "AB123456C",
            "ab 12 34 56 c",
            "AB-12-34-56-C",
            "NI: JG103759A.",
            "her nino is ab 12 34 56",
            "WE 12 34 56 A came",
        ),
        "AB 123 456 D",
    ],
)
def test_ni_numbers_are_known(text: str) -> None:
    """HMRC's format, NIM39110, in any grouping; without the last letter where the text says what it is."""
    assert numbers.ni_number(text)


@pytest.mark.parametrize(
    "prefix", ["BG", "GB", "KN", "NK", "NT", "TN", "ZZ", "DA", "FA", "IA", "QA", "UA", "VA", "AO", "AQ"]
)
def test_prefixes_that_are_not_used_make_no_ni_number(prefix: str) -> None:
    """HMRC never gave these two letters."""
    assert not numbers.ni_number(f"{prefix}123456C")


@pytest.mark.parametrize(
    "text", ["AB123456E", "AB1234567C", "on 12-10-23 a visit", "seen at 12 34 56 b", "XAB123456C", "AB12345C"]
)
def test_other_codes_are_no_ni_number(text: str) -> None:
    """Another last letter, another count of digits, or two letters of a sentence."""
    assert not numbers.ni_number(text)


@pytest.mark.parametrize(
    "text",
    [
        *(
            "07700900123",
            "07700 900 123",
            "(020) 7946 0958",
            "+44 20 7946 0958",
            "+44(0)7700 900123",
            "0044 7700 900123",
        ),
        *(
            "rang 12/02/2024 07700-900123",
            "tel:0113.496.0000",
            "01204 62345",
            "+353 1 234 5678",
            "07700 900123 07700 900124",
        ),
    ],
)
def test_phone_numbers_are_known(text: str) -> None:
    """A leading 0 or +44 and ten digits (nine where set apart) in any grouping; +, a country and the rest."""
    assert numbers.phone_number(text)


@pytest.mark.parametrize(
    "text",
    [
        *(
            "7700900123",
            "2053258100",
            "00000012345",
            "0.1234567890",
            "2024-01-02 03:04:05.678901",
            "01/02/2023 - 03/04/2023",
        ),
        *(
            "00093-0058-01",
            "53.004425, -2.997483",
            "2024-01-02T03:04:05+01:00",
            "9780306406157",
            "0306406152",
            "01 02 2023 01",
        ),
        *("12/02/2024 10:30", "07123456-789a-4bcd-8ef0-1234567890ab"),
    ],
)
def test_other_numbers_are_no_phone_number(text: str) -> None:
    """Plain numbers, decimals, dates, times, product and book numbers."""
    assert not numbers.phone_number(text)


def test_nhs_numbers_check_by_modulus_11() -> None:
    """943 476 5919 is the NHS Data Dictionary's example; any other last digit fails, and so does one digit ten times."""
    assert [digit for digit in "0123456789" if numbers.nhs_check(f"943476591{digit}")] == ["9"]
    assert not numbers.nhs_check("4444444444")
    assert numbers.nhs_number("NHS no. 943-476-5919, rang")
    assert numbers.nhs_number("943 476 5919")


@pytest.mark.parametrize("text", ["LS1 4AP", "ls14ap", "lives at 3 High St, SW1A 1AA", "EC1A  1BB", "B33 8TH"])
def test_postcodes_are_known(text: str) -> None:
    """A full postcode alone in any case, in text in capitals."""
    assert numbers.postcode(text)


@pytest.mark.parametrize(
    "text", ["LS1", "group b2 1st session", "AX1 2AA", "LS1 4CP", "A-LS1 4AP", "QX1 2AB", "M1 Junction"]
)
def test_other_codes_are_no_postcode(text: str) -> None:
    """An outward half, ordinals, areas and letters that there are not."""
    assert not numbers.postcode(text)


@pytest.mark.parametrize(
    "text",
    [
        *(
            "Ann Smith",
            "SMITH, John",
            "O'Brien Siobhán",
            "Mohammed al Hassan",
            "Mr Featherstonehaugh",
            "J Patel",
            "Łukasz Nowak",
        ),
        *("Anne-Marie Jones", "Dr. A. Osei", "priya sharma", "Mark Wilson"),
    ],
)
def test_names_are_known(text: str) -> None:
    """A given name, title or initial with a surname, in either order, with accents, particles and hyphens."""
    assert names.is_name(text)


@pytest.mark.parametrize(
    "text",
    [
        "Victoria Road",
        "Will Attend",
        "In Progress",
        "JS",
        "Amber Green",
        "St James Hospital",
        "Grace Period",
        "May Review",
        "Ann",
    ],
)
def test_places_and_words_are_no_names(text: str) -> None:
    """Streets, status words, initials, and a name alone."""
    assert not names.is_name(text)


def test_names_in_text_need_a_surname_or_title() -> None:
    """Somebody mentioned by both names or by a title is found; a given name alone is not."""
    assert names.mentions_name("Spoke to Sarah Jones about housing")
    assert names.mentions_name("letter from Mrs Okonkwo")
    assert not names.mentions_name("Spoke to Sarah about housing. Victoria House is closed in May")


@pytest.mark.parametrize(
    "header", ["dob", "DOB", "D.O.B.", "DateOfBirth", "birth date", "Client's Date of Birth", "born_on"]
)
def test_headings_that_say_birth(header: str) -> None:
    """A heading says that it holds dates of birth, however it is written."""
    assert headings.says_birth(header)


def test_headings_that_say_other_things() -> None:
    """Names of things are no names of people, and years, weights and places of birth no dates of birth."""
    for header in ("site_name", "FileName", "hospital name", "service_name", "username", "drug name", "measure"):
        assert not headings.says_name(header)
    for header in ("name", "Surname", "first_name", "ClientName", "service_user_name", "full name", "caseworker_name"):
        assert headings.says_name(header)
    for header in ("year_of_birth", "birth_weight", "place_of_birth", "birth_order"):
        assert not headings.says_birth(header)


@pytest.mark.parametrize(
    ("cell", "kind"),
    [
        ("rang ann@example.org", "e-mail"),
        ("NI AB 12 34 56 C", "National Insurance"),
        ("call 07700 900123", "phone"),
        ("nhs 943 476 5919", "NHS"),
        ("dob 31/12/1985", "birth"),
    ],
)
def test_one_identifier_in_one_note_refuses_the_file(cell: str, kind: str) -> None:
    """One row of twenty is enough, and the sentence names column, kind and rows, and not the value."""
    said = sentence("notes", *["attended"] * 19, cell)
    assert said is not None
    assert "column 'notes'" in said
    assert kind in said
    assert "in 1 row:" in said
    assert cell not in said


@pytest.mark.parametrize("column", ["participant_id", "arm", "enrolled_on", "memo"])
def test_columns_that_the_plan_knows_may_hold_no_address_either(column: str) -> None:
    """An id must be a code: e-mail addresses, NI and phone numbers are refused wherever they stand."""
    for cell in ("ann@example.org", "AB123456C", "07700900123"):
        assert found(delivery({column: [cell, cell]}), WITH_FIELD) is not None


def test_columns_that_the_plan_knows_are_free_of_the_rules_for_names_and_dates() -> None:
    """The plan's owner said what such a column holds; elsewhere the same cells are refused."""
    for cells in (["Ann Smith", "John Jones"], ["1985-03-12", "1990-07-01"], ["LS1 4AP", "SW1A 1AA"]):
        assert found(delivery({"memo": cells}), WITH_FIELD) is None
        assert found(delivery({"memo": cells}), PLAN) is not None


@pytest.mark.parametrize("form", ["%Y-%m-%d", "%d/%m/%Y", "%d.%m.%y", "%d %B %Y", "%Y-%m-%dT00:00:00", "%Y%m%d"])
def test_dates_as_far_back_as_people_are_old_are_birthdays(form: str) -> None:
    """Ten to 110 years before joining; the same dates as appointments, or below a heading of another event, are none."""
    days = [datetime(1960 + 3 * place, 1 + place % 12, 1 + place, tzinfo=UTC) for place in range(10)]
    assert "dates of birth" in (sentence("extra", *(day.strftime(form) for day in days)) or "")
    assert sentence("first_conviction_on", *(day.strftime(form) for day in days)) is None
    assert sentence("extra", *(day.replace(year=2024).strftime(form) for day in days)) is None


def test_a_day_needs_no_guess_to_be_old() -> None:
    """Days are read day before month where both could be, and two digits of a year never make a day to come."""
    latest = datetime(2024, 1, 8, tzinfo=UTC).date()
    assert births.day_of("02/03/1985", latest) == datetime(1985, 3, 2, tzinfo=UTC).date()
    assert births.day_of("12/31/1985", latest) == datetime(1985, 12, 31, tzinfo=UTC).date()
    assert births.day_of("31.12.85", latest) == datetime(1985, 12, 31, tzinfo=UTC).date()
    assert births.day_of("31 Febr 1985", latest) is None


def test_codes_that_look_like_identifiers_by_chance_are_codes() -> None:
    """Of codes of one shape about every tenth may pass for an NI or NHS number: then none is one."""
    codes = [f"{chr(65 + place % 26)}{chr(65 + place // 26)}{place:06d}{chr(65 + place % 26)}" for place in range(400)]
    assert any(map(numbers.ni_number, codes))
    assert sentence("extra", *codes) is None
    tens = [str(4_000_000_019 + 7 * place) for place in range(200)]
    assert any(map(numbers.nhs_check, tens))
    assert sentence("extra", *tens) is None
    assert sentence("extra", *(one for one in tens if numbers.nhs_check(one))) is not None


def test_a_value_in_the_place_of_a_heading_is_not_said() -> None:
    """A file without header row shows itself by a heading that is a value: only its number is said."""
    for header in ("ann@example.org", "Ann Smith", "AB123456C", "07700 900123", "12/03/1985"):
        said = found(delivery({header: ["x", "y"]}), PLAN)
        assert said is not None
        assert header not in said
        assert "the heading of column 4" in said


def test_without_a_known_heading_columns_go_by_their_numbers() -> None:
    """If no heading is one that the plan knows, the first line may be somebody's data."""
    cells = {"Smith": ["ann@example.org"], "Leeds": ["x"]}
    headless = Delivery("t", "s", "x.csv", "0" * 64, datetime(2024, 6, 1, tzinfo=UTC), tuple(cells), Rows(cells))
    said = found(headless, PLAN)
    assert said is not None
    assert said.startswith("column 1 ")
    assert "Smith" not in said


def test_rows_that_do_not_fit_the_header_are_looked_at() -> None:
    """A ragged row's cells are judged as cells, not as one long text."""
    rows = (Row(1, {"participant_id": "A-1", "notes": ""}), Row(2, {RAGGED: "A-2,ok,ann@example.org"}))
    ragged = Delivery("t", "s", "x.csv", "0" * 64, datetime(2024, 6, 1, tzinfo=UTC), ("participant_id", "notes"), rows)
    said = found(ragged, PLAN)
    assert said is not None
    assert said.startswith("a row that does not fit the header")
    assert "ann" not in said


def test_several_columns_are_named_in_one_sentence() -> None:
    """The site learns at once of everything that must go."""
    said = found(
        delivery({"mail": ["ann@example.org"], "mobile": ["07700900123"], "surname": ["Smith"], "notes": ["ok"]}), PLAN
    )
    assert said is not None
    assert "column 'mail'" in said
    assert "column 'mobile' phone numbers, column 'surname' people's names" in said
    assert "notes" not in said


@pytest.mark.parametrize(
    ("header", "cells"),
    [
        ("caseworker", ["JS", "JS", "AK"]),
        ("notes", ["ok", "=cmd|' /C calc'!A0", "ok"]),
        ("notes", ["<script>alert(1)</script>", "", "<img src=x onerror=alert(2)>"]),
        ("email", ["yes", "no", ""]),
        ("dob", ["", "", ""]),
        ("first_name", ["", "REDACTED", "n/a"]),
        ("name", ["P001", "P002", "P003"]),
        ("sent_at", ["2024-02-01T10:00:00Z", "2024-02-02T11:00:00Z", "2024-03-01T00:00:00Z"]),
        ("site_name", ["St James House", "Charlotte Ward", "Victoria Road"]),
    ],
)
def test_what_sites_add_every_day_is_let_through(header: str, cells: list[str]) -> None:
    """Workers' initials, formulas, HTML, empty columns, codes and times of sending refuse nothing."""
    assert sentence(header, *cells) is None


PAIRS = (
    ("ann@example.org", "bo.li@mail.co.uk"),
    ("AB123456C", "JG 10 37 59 A"),
    ("07700900123", "+44 20 7946 0958"),
    ("943 476 5919", "401 023 2137"),
)
TEXT = st.text(st.characters(codec="utf-8"), max_size=20)


@settings(max_examples=100, deadline=None)
@given(
    st.lists(TEXT, max_size=5),
    st.text(max_size=8),
    st.sampled_from(PAIRS),
    st.sampled_from(["notes", "Ann Smith", "x"]),
)
def test_no_sentence_holds_a_cell_that_was_a_hit(
    others: list[str], before: str, pair: tuple[str, str], header: str
) -> None:
    """Whatever stands around and beside it, a value is not said, and another one in its place makes the same sentence."""
    first, second = (found(delivery({header: [*others, f"{before} {value}"]}), PLAN) for value in pair)
    assert first is not None
    assert first == second
    assert not any(value in first for value in pair)
    assert "Ann" not in first


@settings(max_examples=150, deadline=None)
@given(st.dictionaries(TEXT, st.lists(TEXT, min_size=3, max_size=3), min_size=1, max_size=3))
def test_any_text_is_judged_without_an_error(columns: dict[str, list[str]]) -> None:
    """Odd characters, blank headings and blank cells raise nothing."""
    cells: dict[str, Any] = {**columns, "participant_id": ["a", "b", "c"]}
    odd = Delivery("t", "s", "x.csv", "0" * 64, datetime(2024, 6, 1, tzinfo=UTC), tuple(cells), Rows(cells))
    said = found(odd, PLAN)
    assert said is None or said.endswith(("was stored.",))


def test_a_file_called_after_a_person_is_kept_under_another_name() -> None:
    """The name is made of the content's hash, the suffix stays, and a repair says so without it."""
    for name in (
        "John Smith.csv",
        "smith_john_2024-03.csv",
        "returns/ann@example.org.csv",
        "AB123456C.csv",
        "dob 1-2-1985.csv",
    ):
        changed = masked(delivery({"notes": ["x"]}, file=name))
        assert changed.name == "delivery-abababababab.csv"
        assert len(changed.repairs) == 1
        assert name not in changed.repairs[0]


@pytest.mark.parametrize(
    "name",
    [
        "outcomes_2024-03-01.csv",
        "S14_extra_column.csv",
        "S21_nan_inf.csv",
        "site-A.March.csv",
        "Leeds Victoria Road.csv",
        "20240304093015.csv",
        "export 20240304_093015_123.csv",
        "2024-03-04T09-30-15Z.csv",
        "04-03-2024_batch-00012.csv",
        "4.3.2024.csv",
        "04-03-24.csv",
        "Q1 2024 part 2 of 12.csv",
        "2024-W12_site-a.csv",
        "2024-01-01_to_2024-03-31.csv",
        "delivery-012345678901.csv",
        "the_state_of_trees.csv",
    ],
)
def test_other_file_names_stay(name: str) -> None:
    """Sites, cases and when a file was sent, as people and programs write it, name nobody; nor which of several it is."""
    one = delivery({"notes": ["x"]}, file=name)
    assert masked(one) is one


@pytest.mark.parametrize(
    ("name", "sent"),
    [
        ("returns_P-1234.csv", "p-1234"),
        ("2024-03-04_x1234v2.csv", "X1234"),
        ("outcomesAB12.csv.gz", "AB12"),
        ("in/123456/file.csv", " 123456\u00a0"),
        ("2024-03-04-17.csv", "2024-03-04-17"),
    ],
)
def test_a_file_called_after_an_id_of_its_own_is_kept_under_another_name(name: str, sent: str) -> None:
    """Whatever its letter case, wherever in the name: the id must not get into ledger, log and pages."""
    changed = masked(delivery({"participant_id": ["q-1", sent]}, file=name))
    assert changed.name.startswith("delivery-abababababab.")
    assert sent.strip() not in changed.repairs[0]


@pytest.mark.parametrize(
    ("name", "sent"),
    [
        ("group001.csv", "p001"),
        ("week_12.csv", "12"),
        ("outcomes_2024.csv", "2024"),
        ("2024-03-04T0930_site-a.csv", "2024-03-04"),
        ("P-12345.csv", "P-1234"),
    ],
)
def test_what_is_no_id_in_a_name_stays(name: str, sent: str) -> None:
    """Short numbers, the day on which a file was sent, and parts of other words tell nobody."""
    one = delivery({"participant_id": [sent]}, file=name)
    assert masked(one) is one


@pytest.mark.parametrize(
    "name",
    [
        "Pemberton-Ada 9434765001.csv",
        "site-a-4857773456.csv",
        "out_485 777 3456.csv",
        "1970-04-12_site-a.csv",
        "12.04.1970.csv",
        "12-04-70_returns.csv",
        "19700412.csv",
        "2024-03-04_jsmith.csv",
        "2024-03-04 O'Neill.csv",
    ],
)
def test_a_long_number_a_birthday_and_a_login_are_no_file_names(name: str) -> None:
    """They name somebody without any row of the file, beside a day on which it was sent too."""
    assert masked(delivery({"notes": ["x"]}, file=name)).name == "delivery-abababababab.csv"


def test_an_id_of_somebody_enrolled_before_is_known() -> None:
    """Without its row, whatever its letter case; a day, a year and a short number are not even asked about."""
    one = delivery({"participant_id": ["x"]}, file="2024-03-04_P01 2024 12.csv")
    assert "p01" in pieces_of(one.name)
    assert not pieces_of("2024-03-04T0930_12.csv")
    assert masked(one) is one
    assert masked(one, known={"p01"}).name == "delivery-abababababab.csv"


def test_an_id_of_the_plans_form_is_known_without_its_row() -> None:
    """A pattern that tells ids from words masks; one that fits everyday words, too, says nothing."""
    one = delivery({"participant_id": ["x"]}, file="site-a_p-1234.csv")
    assert masked(one, r"^P-\d{4}$").name == "delivery-abababababab.csv"
    assert masked(one, r"[A-Za-z0-9-]+") is one
    assert masked(one) is one


def test_a_single_text_can_be_asked_about() -> None:
    """Before a reason quotes a cell, whether it may."""
    assert holds_identifier(" Ann Smith ")
    assert not holds_identifier("treatment")


def test_characters_that_cannot_be_seen_hide_nothing() -> None:
    """Full-width digits, hard spaces and characters without width are made plain first."""
    for cell in (
        "０７７００９００１２３",
        "07700\u00a0900\u00a0123",
        "ann\u200b@example.org",
        "AB\u201112\u201134\u201156\u2011C",
    ):
        assert sentence("notes", "ok", cell) is not None


@pytest.fixture(scope="module")
def script() -> ModuleType:
    spec = importlib.util.spec_from_file_location("identifier_evidence", SCRIPT)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules[spec.name] = module
    spec.loader.exec_module(module)
    return module


def test_the_script_stays_within_its_limits(
    script: ModuleType, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """Recall and false alarms over every kind of column, few of each here; the script's default judges 200."""
    monkeypatch.setattr(sys, "argv", ["identifier_evidence.py", "--columns", "10", "--seed", "4"])
    assert script.main() == 0
    assert "OUTSIDE" not in capsys.readouterr().out
