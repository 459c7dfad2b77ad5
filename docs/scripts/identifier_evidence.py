"""Prints how many identifiers the detector finds in columns, and how many harmless columns it takes for them.

    python docs/scripts/identifier_evidence.py [--columns 200] [--rows 40] [--seed 1] [--million]

Every number is made up: columns of identifiers as people type them (spacing, capitals, slips), columns in which a single row
of free text mentions one, and harmless columns as sites add them. A column counts as found when `trials.identifiers.found`
refuses a delivery of it beside a small trial's own columns. Names are drawn from two lists: some that the detector's own
list has, and some of which it knows a part only. --million: the processor time for 1,000,000 rows of two extra columns, as a
multiple of the time that `csv.reader` takes to read them. Exit code 1 outside the limits beside each line.
"""

from __future__ import annotations

import argparse
import csv
import io
import random
import string
import sys
import time
import uuid
from collections.abc import Callable, Sequence
from datetime import UTC, date, datetime, timedelta

from flows.template import TEMPLATE
from trials.identifiers import found
from trials.identifiers.numbers import nhs_check
from trials.identifiers.people import DOUBTFUL, GIVEN, NOT_PEOPLE, SURNAMES
from trials.identifiers.words import listed
from trials.protocol import from_yaml
from trials.records import Delivery, Rows

PLAN = from_yaml(TEMPLATE)
START = date(2024, 1, 8)
# At least so great a share of identifiers must be found, at most so great a share of harmless columns refused.
SURE, NAMES, STRANGE_NAMES, HARMLESS = 0.98, 0.98, 0.80, 0.02
MOST_SECONDS = 3.0

Cell = Callable[[random.Random], str]

# None of these are in the detector's lists as whole names; what it makes of them, it makes of the other word.
STRANGE_GIVEN = listed(
    "Aelwen Bartholomew Caspian Dymphna Eluned Fenella Gruffydd Hepzibah Isolde Jocasta Keziah Lysander Merrick Nevaeh Oswyn "
    "Peregrine Quilla Rafferty Sorrel Tarquin Ottoline Willoughby Xanthe Ysolde Zebedee Amrik Bhavik Chiedozie Duyen Edyta "
    "Farrukh Gurveer Hristo Iolanda Jaskaran Kwadwo Lovemore Mihnea Nkosi Oluwaseyi Paraskevi Quynh Ruzgar Siyabonga Tsehay "
    "Ugne Volodya Wanjiku Xolani Yetunde Zviad Dmytro Khrystyna Mykola Ihor Taras Larysa Nadiya"
)
STRANGE_FAMILY = listed(
    "Akintola Bagnall Cholmondeley Dewhurst Entwistle Featherstonehaugh Greenhalgh Heseltine Isherwood Jagger Kippax "
    "Longbottom Murgatroyd Nuttall Oglethorpe Postlethwaite Quilligan Ramsbottom Sutcliffe Threlfall Uttley Venables "
    "Wolstenholme Chakrabarti Dlamini Eze Fashola Grabowski Hoxha Ikeda Jankowski Karapetyan Lupu Mutombo Ngo Oyelaran "
    "Pereira Qureshi Rahmani Sokolov Tesfaye Ursu Vasquez Wickramasinghe Xhaka Yildirim Zaheer"
)


def digits(rng: random.Random, count: int) -> str:
    return "".join(rng.choice(string.digits) for _ in range(count))


def day(rng: random.Random, first: date, last: date) -> date:
    return first + timedelta(days=rng.randrange((last - first).days))


def email(rng: random.Random) -> str:
    user = rng.choice(["ann", "j.smith", "mo_khan", "kate-o", "p.nowak88"]) + rng.choice(["", str(rng.randrange(99))])
    host = rng.choice(["gmail.com", "hotmail.co.uk", "nhs.net", "justice.gov.uk", "example.org", "yahoo.co.uk"])
    at = rng.choice(["@", "@", "@", " @ ", "@ ", " (at) ", "[at]"])
    text = user + at + (host.replace(".", ",", 1) if rng.random() < 0.05 else host)
    return text.upper() if rng.random() < 0.1 else text


def ni_number(rng: random.Random) -> str:
    first, second = "ABCEGHJKLMNOPRSTWXYZ", "ABCEGHJKLMNPRSTWXYZ"
    prefix = "BG"
    while prefix in {"BG", "GB", "KN", "NK", "NT", "TN", "ZZ"}:
        prefix = rng.choice(first) + rng.choice(second)
    pairs, last = [digits(rng, 2) for _ in range(3)], rng.choice("ABCD")
    gap = rng.choice(["", "", " ", "-", "  ", "."])
    text = gap.join([prefix, *pairs, last]) if gap else prefix + rng.choice(["", " "]) + "".join(pairs) + last
    return text.lower() if rng.random() < 0.2 else text


def phone(rng: random.Random) -> str:
    kind = rng.randrange(4)
    if kind == 0:
        groups = [rng.choice(["07700", "07911", "07400"]), digits(rng, 3), digits(rng, 3)]
    elif kind == 1:
        groups = ["020", rng.choice("378") + digits(rng, 3), digits(rng, 4)]
    elif kind == 2:
        groups = [rng.choice(["0113", "0121", "0161"]), digits(rng, 3), digits(rng, 4)]
    else:
        groups = ["01632", digits(rng, 6)]
    gap = rng.choice(["", " ", "-", ".", "  "])
    start = rng.randrange(5)
    if start == 0:
        groups[0] = "+44" + rng.choice(["", " ", "(0)", " (0)"]) + groups[0][1:]
    elif start == 1:
        groups[0] = f"({groups[0]})"
    return gap.join(groups)


def nhs_number(rng: random.Random) -> str:
    while True:
        text = rng.choice("46") + digits(rng, 9)
        if nhs_check(text):
            gap = rng.choice(["", " ", "-"])
            return gap.join([text[:3], text[3:6], text[6:]])


def nhs_spaced(rng: random.Random) -> str:
    text = nhs_number(rng).replace(" ", "").replace("-", "")
    return f"{text[:3]} {text[3:6]} {text[6:]}"


def postcode(rng: random.Random) -> str:
    area = rng.choice(["LS", "B", "SW", "M", "NE", "CF", "EH", "BT", "L", "SE"])
    letters = "ABDEFGHJLNPQRSTUWXYZ"
    inward = rng.choice(string.digits) + rng.choice(letters) + rng.choice(letters)
    return f"{area}{rng.randrange(1, 30)}{rng.choice([' ', ' ', ''])}{inward}"


def birthday(rng: random.Random) -> date:
    return day(rng, date(1935, 1, 1), date(2005, 12, 31))


def born(form: str) -> Cell:
    return lambda rng: birthday(rng).strftime(form)


LIKELY_GIVEN, LIKELY_FAMILY = sorted(GIVEN | DOUBTFUL), sorted(SURNAMES - NOT_PEOPLE)


def name_of(given: Sequence[str], family: Sequence[str]) -> Cell:
    def name(rng: random.Random) -> str:
        first, last = rng.choice(given).title(), rng.choice(family).title()
        forms = (
            f"{first} {last}",
            f"{first} {last}",
            f"{last}, {first}",
            f"{last.upper()} {first}",
            f"{first} J. {last}",
        )
        return rng.choice(forms)

    return name


likely_name = name_of(LIKELY_GIVEN, LIKELY_FAMILY)
strange_name = name_of([*sorted(STRANGE_GIVEN), *LIKELY_GIVEN[::80]], sorted(STRANGE_FAMILY))

NOTES = (
    "attended", "did not attend, rang on the day", "moved to group B", "session 3 of 6 completed", "OK", "late by 20 min",
    "see case file", "Good progress this week. Next review in May", "Referred to Housing Support Team", "letter returned",
    "travel costs of 12.50 paid", "Breach letter sent 12/02/2024", "Now working at Morrisons on Station Road", "",
    "Will attend on Monday at 10:30", "Grace period of 14 days", "Order ends 2025-03-01", "risk: medium -> low", "n/a",
    "on 12-02-24 a home visit", "form 12 34 56 signed", "Victoria Road office closed", "score 7/10, was 5/10 in Week 2",
    "Christmas break: no sessions 23/12/2023 - 02/01/2024", "meet @ 10.30 in room 2", "100% of hours worked (40/40)",
)  # fmt: skip


def note(rng: random.Random) -> str:
    return rng.choice(NOTES)


VOCABULARY = ["".join(random.Random(seed).choices("aeioulnrst", k=2 + seed % 8)) for seed in range(5000)]


def words(rng: random.Random) -> str:
    return " ".join(rng.choices(VOCABULARY, k=5)).capitalize()


def in_note(identifier: Cell) -> Cell:
    return lambda rng: rng.choice(["call on {}", "{} given at visit", "contact: {}.", "see {} (new)", "New {}"]).format(
        identifier(rng)
    )


def stamp(form: str) -> Cell:
    start = datetime(2024, 1, 8, tzinfo=UTC)
    return lambda rng: (start + timedelta(seconds=rng.randrange(100 * 86400))).strftime(form)


def code(pattern: str) -> Cell:
    """A: a capital, 0: a digit, other characters as they are."""
    return lambda rng: "".join(
        rng.choice(string.ascii_uppercase) if one == "A" else rng.choice(string.digits) if one == "0" else one
        for one in pattern
    )


def mixed(count: int) -> Cell:
    return lambda rng: "".join(rng.choices(string.ascii_uppercase + string.digits, k=count))


def one_of(*words: str) -> Cell:
    return lambda rng: rng.choice(words)


def serial(form: str) -> Callable[[random.Random, int], list[str]]:
    def column(rng: random.Random, rows: int) -> list[str]:
        first = rng.randrange(10_000)
        return [form.format(first + place) for place in range(rows)]

    return column


Column = Callable[[random.Random, int], list[str]]


def each(cell: Cell) -> Column:
    return lambda rng, rows: [cell(rng) for _ in range(rows)]


def one_of_many(identifier: Cell) -> Column:
    """A column of notes of which one row holds an identifier."""

    def column(rng: random.Random, rows: int) -> list[str]:
        cells = [note(rng) for _ in range(rows)]
        cells[rng.randrange(rows)] = in_note(identifier)(rng)
        return cells

    return column


IDENTIFIERS: tuple[tuple[str, str, Column, float], ...] = (
    ("e-mail addresses", "extra", each(email), SURE),
    ("one e-mail address in notes", "notes", one_of_many(email), SURE),
    ("NI numbers", "extra", each(ni_number), SURE),
    ("one NI number in notes", "notes", one_of_many(ni_number), SURE),
    ("NI numbers without last letter, heading ni_no", "ni_no", each(lambda rng: ni_number(rng)[:-1]), SURE),
    ("phone numbers", "extra", each(phone), SURE),
    ("one phone number in notes", "notes", one_of_many(phone), SURE),
    ("phone numbers that lost their 0, heading Mobile", "Mobile", each(code("7700000000")), SURE),
    ("NHS numbers", "extra", each(nhs_number), SURE),
    ("one NHS number, 3-3-4, in notes", "notes", one_of_many(nhs_spaced), SURE),
    ("postcodes", "extra", each(postcode), SURE),
    ("dates of birth, ISO", "extra", each(born("%Y-%m-%d")), SURE),
    ("dates of birth, 31/12/1985", "extra", each(born("%d/%m/%Y")), SURE),
    ("dates of birth, 31.12.85", "extra", each(born("%d.%m.%y")), SURE),
    ("dates of birth, 31 Dec 1985", "extra", each(born("%d %b %Y")), SURE),
    ("dates of birth, 19851231", "extra", each(born("%Y%m%d")), SURE),
    ("dates of birth, heading D.O.B.", "D.O.B.", each(born("%d/%m/%y")), SURE),
    ("one date of birth in notes", "notes", one_of_many(lambda rng: "dob " + birthday(rng).strftime("%d/%m/%Y")), SURE),
    ("listed names", "extra", each(likely_name), NAMES),
    ("listed names in lower case", "extra", each(lambda rng: likely_name(rng).replace(",", "").lower()), NAMES),
    ("names mostly not listed", "extra", each(strange_name), STRANGE_NAMES),
    ("names mostly not listed, heading Client Name", "Client Name", each(strange_name), SURE),
    ("listed given names alone", "extra", each(lambda rng: rng.choice(LIKELY_GIVEN).title()), NAMES),
    (
        "three notes that mention a name",
        "notes",
        lambda rng, rows: [
            *(in_note(lambda r: likely_name(r).replace(",", ""))(rng) for _ in range(3)),
            *each(note)(rng, rows - 3),
        ],
        STRANGE_NAMES,
    ),
)

HARMLESS_COLUMNS: tuple[tuple[str, str, Column], ...] = (
    ("notes without names", "notes", each(note)),
    ("sent_at", "sent_at", each(stamp("%Y-%m-%dT%H:%M:%SZ"))),
    ("created_at, local", "created_at", each(stamp("%d/%m/%Y %H:%M"))),
    ("time with microseconds and zone", "extra", each(stamp("%Y-%m-%d %H:%M:%S.%f+00:00"))),
    ("seconds since 1970", "extra", each(lambda rng: str(1_700_000_000 + rng.randrange(10_000_000)))),
    ("milliseconds since 1970", "extra", each(lambda rng: str(1_700_000_000_000 + rng.randrange(10**10)))),
    ("appointments, ISO", "appointment", each(stamp("%Y-%m-%d"))),
    ("appointments, 31/12/24", "extra", each(stamp("%d/%m/%y"))),
    ("years of birth", "year_of_birth", each(lambda rng: str(birthday(rng).year))),
    ("ages", "age", each(lambda rng: str(rng.randrange(18, 90)))),
    ("conviction dates", "first_conviction", each(born("%Y-%m-%d"))),
    ("numbers with decimals", "extra", each(lambda rng: f"{rng.uniform(0, 1):.11f}")),
    ("amounts", "cost", each(lambda rng: f"£{rng.uniform(0, 5000):,.2f}")),
    ("ten-digit numbers", "extra", each(code("0000000000"))),
    ("eleven-digit numbers", "extra", each(code("00000000000"))),
    ("numbers filled with zeros to eleven digits", "extra", serial("{:011d}")),
    ("numbers from a serial, eight digits", "extra", serial("{:08d}")),
    ("EAN-13 numbers", "extra", each(code("5012345000000"))),
    ("product codes AA000000A", "extra", each(code("AA000000A"))),
    ("product codes A00 0AA", "extra", each(code("A000-0AA0"))),
    ("codes of six letters or digits", "extra", each(mixed(6))),
    ("codes of seven letters or digits", "extra", each(mixed(7))),
    ("NDC product numbers", "extra", each(code("00000-0000-00"))),
    ("UUIDs", "extra", each(lambda rng: str(uuid.UUID(int=rng.getrandbits(128), version=4)))),
    ("SHA-256 sums", "extra", each(lambda rng: f"{rng.getrandbits(256):064x}")),
    ("versions and addresses of machines", "extra", each(lambda rng: f"10.0.{rng.randrange(256)}.{rng.randrange(256)}")),
    ("prison numbers A0000AA", "extra", each(code("A0000AA"))),
    ("initials of workers", "caseworker", each(lambda rng: "".join(rng.choices(string.ascii_uppercase, k=2)))),
    ("sites", "site_name", each(one_of("Leeds Central", "St James House", "Victoria Road", "Jordan Hill"))),
    ("rooms and wards", "extra", each(one_of("Elizabeth Ward", "Room 2", "Nightingale Ward", "Charlotte House"))),
    ("status words", "status", each(one_of("In Progress", "Not Started", "On Hold", "Amber Green", "Rose"))),
    ("programmes", "extra", each(one_of("Thinking Skills Programme", "Horizon", "Building Better Lives", "RAR Days"))),
    ("file names", "file_name", each(lambda rng: f"return_{rng.randrange(10**6):06d}_2024-03-01.csv")),
    ("yes and no", "email", each(one_of("yes", "no", ""))),
    ("phone calls made", "phone_calls", each(lambda rng: str(rng.randrange(12)))),
    ("blood pressure and ranges", "extra", each(lambda rng: f"{rng.randrange(90, 180)}/{rng.randrange(50, 110)}")),
    ("coordinates", "extra", each(lambda rng: f"{rng.uniform(50, 58):.6f}, {rng.uniform(-5, 1):.6f}")),
)  # fmt: skip


def refused(header: str, cells: list[str]) -> bool:
    """Whether a delivery with this column beside the trial's own is refused."""
    rows = len(cells)
    own = {
        "participant_id": [f"P-{place:05d}" for place in range(rows)],
        "arm": ["control", "treatment"] * (rows // 2) + ["control"] * (rows % 2),
        "enrolled_on": [(START + timedelta(days=place % 28)).isoformat() for place in range(rows)],
    }
    sent_at = datetime(2024, 6, 1, tzinfo=UTC)
    delivery = Delivery("t", "folder:x", "x.csv", "0" * 64, sent_at, (*own, header), Rows({**own, header: cells}))
    return found(delivery, PLAN) is not None


def share(header: str, column: Column, rng: random.Random, columns: int, rows: int) -> float:
    return sum(refused(header, column(rng, rows)) for _ in range(columns)) / columns


def million(rng: random.Random) -> bool:
    """Two extra columns of 1,000,000 rows, against reading them as CSV."""
    rows = 1_000_000
    pairs: tuple[tuple[str, bool, Cell, Cell], ...] = (
        ("codes and times, all different", True, code("AA-0000000"), stamp("%Y-%m-%d %H:%M:%S.%f")),
        (
            "times all different, notes 25,000 different",
            True,
            stamp("%Y-%m-%dT%H:%M:%S"),
            lambda rng: f"{note(rng)} {rng.randrange(1000)}",
        ),
        ("two columns of free text, all different", False, words, lambda rng: f"{note(rng)}. {words(rng)}"),
    )
    good = True
    for label, limited, *cells in pairs:
        columns = [[cell(rng) for _ in range(rows)] for cell in cells]
        text = io.StringIO()
        csv.writer(text).writerows(zip(*columns, strict=True))
        text.seek(0)
        started = time.process_time()
        read = sum(1 for _ in csv.reader(text))
        reading = time.process_time() - started
        delivery = Delivery(
            *("t", "folder:x", "x.csv", "0" * 64, datetime(2024, 6, 1, tzinfo=UTC), ("extra", "notes", "arm")),
            Rows({"extra": columns[0], "notes": columns[1], "arm": ["control"] * rows}),
        )
        started = time.process_time()
        outcome = found(delivery, PLAN)
        took = time.process_time() - started
        good &= outcome is None and (took < MOST_SECONDS or not limited)
        limit = f"< {MOST_SECONDS}" if limited else "no limit"
        print(f"{read:,} rows, {label}: {took:.2f} s ({limit}), {took / reading:.1f} times csv.reader")
    return good


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--columns", type=int, default=200)
    parser.add_argument("--rows", type=int, default=40)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--million", action="store_true")
    asked = parser.parse_args()
    rng, good = random.Random(asked.seed), True
    print(f"{asked.columns} columns a line, {asked.rows} rows each\n\nidentifiers: share of columns found")
    for label, header, column, least in IDENTIFIERS:
        got = share(header, column, rng, asked.columns, asked.rows)
        good &= got >= least
        print(f"  {got:6.1%}  {label} (≥ {least:.0%}){'' if got >= least else '  OUTSIDE'}")
    print("\nharmless columns: share refused")
    for label, header, column in HARMLESS_COLUMNS:
        got = share(header, column, rng, asked.columns, asked.rows)
        good &= got <= HARMLESS
        print(f"  {got:6.1%}  {label} (≤ {HARMLESS:.0%}){'' if got <= HARMLESS else '  OUTSIDE'}")
    if asked.million:
        print()
        good &= million(rng)
    return 0 if good else 1


if __name__ == "__main__":
    sys.exit(main())
