"""What a column's heading says it holds."""

from __future__ import annotations

import re

from trials.identifiers.words import listed

_PARTS = re.compile(r"[A-Z]+(?=[A-Z][a-z])|[A-Z]?[a-z]+|[A-Z]+|[0-9]+")
_GLUED = {
    "surname": "family name",
    "lastname": "last name",
    "firstname": "first name",
    "forename": "first name",
    "forenames": "first name",
    "givenname": "given name",
    "fullname": "full name",
    "middlename": "middle name",
    "familyname": "family name",
    "maidenname": "maiden name",
    "nickname": "preferred name",
    "alias": "preferred name",
    "aliases": "preferred name",
    "names": "name",
    "birthdate": "date birth",
    "birthday": "date birth",
    "dateofbirth": "date birth",
    "dob": "date birth",
    "postcode": "post code",
    "zipcode": "zip code",
    "telephone": "phone",
    "phonenumber": "phone",
    "mobilenumber": "mobile",
    "emailaddress": "email",
    "nino": "national insurance",
    "nhsno": "nhs",
    "nhsnumber": "nhs",
}
_PERSON = listed(
    """
    first last middle full given family maiden preferred birth legal known as client participant patient person
    people persons service user users offender customer member child parent mother father guardian carer respondent
    applicant subject learner student pupil resident tenant victim witness next kin spouse partner's your their his
    her s of the and in no number 1 2 3 a
    """
)
_STAFF = listed(
    """
    caseworker case worker keyworker key officer manager practitioner staff supervisor therapist doctor gp nurse
    consultant interviewer assessor referrer mentor contact employee prepared by author completed
    """
)
# Things that have names, or postcodes and phones, and are no people.
_THINGS = listed(
    """
    site file hospital clinic school college centre center course programme program project team ward office prison
    court region area city town street road drug medication medicine product item brand service organisation
    organization org company provider agency department group arm event test measure scale column variable field
    table form sheet district county borough country village practice surgery pharmacy trust charity venue room
    building church employer university species gene domain host server device model
    location locality place base branch hub premises
    """
)
# Other dates that lie far back.
_OTHER_DATES = listed(
    """
    conviction convicted offence offense sentence sentenced diagnosis diagnosed onset arrest arrested opened built
    founded registered licence death died marriage married arrival entry index
    """
)


def words(header: str) -> frozenset[str]:
    """A heading's words in lower case: `DateOfBirth`, `date_of_birth` and `DATE OF BIRTH` have the same."""
    plain = re.sub(r"(?<=\b[A-Za-z])\.(?=[A-Za-z]\b)", "", header.replace("'", " "))
    found = [part.lower() for part in _PARTS.findall(plain)]
    return frozenset(word for part in found for word in _GLUED.get(part, part).split())


def says_name(header: str) -> bool:
    """first_name, surname, client name, name: of a person. Not site_name, file_name, hospital name."""
    said = words(header)
    return "name" in said and said - {"name"} <= _PERSON | _STAFF and ("user" in said or "service" not in said)


def says_staff(header: str) -> bool:
    """A worker's name: below it initials are no name."""
    return bool(words(header) & _STAFF)


def says_thing(header: str) -> bool:
    """The name, place or number of something that is no person."""
    said = words(header)
    return bool(said & _THINGS) and not {"service", "user"} <= said


def says_birth(header: str) -> bool:
    """date_of_birth, dob, born; not birth_weight, place_of_birth, year_of_birth."""
    said = words(header)
    return {"date", "birth"} <= said or (bool(said) and said <= {"born", "on", "birth", "when"})


def says_other_date(header: str) -> bool:
    """conviction_date, diagnosed_on: a date that may lie far back and is nobody's birthday."""
    return bool(words(header) & _OTHER_DATES)


def says_phone(header: str) -> bool:
    return bool(words(header) & {"phone", "mobile", "tel", "landline", "cell"})


def says_ni(header: str) -> bool:
    said = words(header)
    return {"national", "insurance"} <= said or ("ni" in said and said <= {"ni", "no", "num", "number"})


def says_nhs(header: str) -> bool:
    said = words(header)
    return {"chi", "number"} <= said or ("nhs" in said and said <= {"nhs", "no", "num", "number", "id"})


def says_address(header: str) -> bool:
    """address, home_address, address_line_1; not ip_address, site_address."""
    said = words(header)
    return "address" in said and not said & {"ip", "mac", "email", "e", "mail", "web", "url"}
