"""CONNECTOR redcap, against a local server that speaks the documented API: what is read, and what is refused."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import httpx
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from flows import work
from tests.connectors.redcap_server import TOKEN, Answer, Entry, Form, Project, Server, serving
from tests.flows.making import SEALED_AT, plan
from trials.connectors import connector_named
from trials.connectors import redcap as connector
from trials.connectors.connector import Context, Limits
from trials.connectors.redcap_api import Api
from trials.errors import ProtocolError, SourceError
from trials.protocol import Protocol, Source
from trials.records import Delivery
from trials.store import ledger
from trials.store.engine import Store, open_store

NOW = datetime(2026, 3, 2, 8, 30, tzinfo=UTC)
COLUMNS = {
    "participant_id": "record_id",
    "arm": "group_no",
    "entry_order": "number",
    "site": "redcap_data_access_group",
}
CODES = {"arm": {1: "usual", 2: "new"}}
Faults = Callable[[Project, Form, Answer], Answer | None]

BASICS = [
    ("record_id", "enrolment", "text", "", ""),
    ("group_no", "enrolment", "radio", "1, Usual care | 2, The new way", ""),
    ("number", "enrolment", "text", "", ""),
    ("name", "enrolment", "text", "", ""),
    ("well", "outcome", "yesno", "", ""),
    ("signs", "outcome", "checkbox", "1, Pain | 2, Fever", ""),
    ("strict", "outcome", "text", "", "@NOMISSING"),
]


def enrolled(number: int, event: str = "") -> Entry:
    values = {"group_no": str(number % 2 + 1), "number": str(number), "name": f"Secret Name {number}"}
    return Entry(f"P-{number}", "enrolment", values, event=event)


def outcome(number: int, well: str, event: str = "", instance: int = 0, **changes: Any) -> Entry:
    values = {"well": well, "signs": "2", "strict": "x"} | changes.pop("values", {})
    return Entry(f"P-{number}", "outcome", values, event=event, instance=instance, **changes)


def classic(people: int = 4, **changes: Any) -> Project:
    """One form at enrolment and one of the outcome, in two data access groups."""
    entries = [one for number in range(1, people + 1) for one in (enrolled(number), outcome(number, str(number % 2)))]
    groups = {f"P-{number}": "north" if number % 2 else "south" for number in range(1, people + 1)}
    return Project(BASICS, entries, **{"groups": groups, **changes})


def yearly(**changes: Any) -> Project:
    """Enrolment once; the outcome form at baseline and after a year."""
    entries = [enrolled(1, "base_arm_1"), outcome(1, "0", "base_arm_1"), outcome(1, "1", "year_arm_1")]
    entries += [enrolled(2, "base_arm_1"), outcome(2, "1", "base_arm_1")]
    designated = [("base_arm_1", "enrolment"), ("base_arm_1", "outcome"), ("year_arm_1", "outcome")]
    events = {"base_arm_1": "1", "year_arm_1": "1"}
    return Project(BASICS, entries, **{"events": events, "designated": designated, **changes})


def visits(*entries: Entry) -> Project:
    """The outcome form repeats."""
    return Project(BASICS, [enrolled(1), enrolled(2), *entries], repeating=[("", "outcome")])


class Waits(list[float]):
    """A sleep that only writes down how long."""

    def __call__(self, seconds: float) -> None:
        self.append(seconds)


def protocol_of(server: Server, columns: dict[str, str] | None = None, **options: Any) -> Protocol:
    source = {
        "connector": "redcap",
        "path": server.url,
        "secret": "redcap_token",
        "columns": {name: theirs for name, theirs in COLUMNS.items() if name != "site" or server.project.groups}
        | (columns or {}),
        "options": {"codes": CODES, **options},
    }
    return plan(source=source)


def context(**changes: Any) -> Context:
    found = Context(Path("/nowhere"), secret={"redcap_token": TOKEN}.__getitem__, now=NOW, timeout=5.0)
    return replace(found, **changes)


def read(
    server: Server,
    columns: dict[str, str] | None = None,
    waits: Waits | None = None,
    at: Context | None = None,
    **options: Any,
) -> Delivery | None:
    protocol, at = protocol_of(server, columns, **options), at or context()
    connector.check(protocol.source)
    [found] = connector.find(protocol.source, at)
    return connector.read(protocol, found, at, sleep=Waits() if waits is None else waits)


def delivered(server: Server, columns: dict[str, str] | None = None, **options: Any) -> Delivery:
    delivery = read(server, columns, **options)
    assert delivery is not None
    return delivery


def cells(delivery: Delivery, *names: str) -> list[tuple[str, ...]]:
    assert delivery.problem is None, delivery.problem
    return [tuple(row.cells[name] for name in names) for row in delivery.rows]


@pytest.fixture
def server() -> Iterator[Server]:
    with serving(classic()) as running:
        yield running


# What is read


def test_every_record_is_a_row_in_the_plans_names_and_words(server: Server) -> None:
    """Records come in the order people count in, with codes in the plan's words and groups as sites."""
    server.project.entries += [enrolled(10), outcome(10, "1")]
    server.project.groups["P-10"] = "south"
    server.project.entries.reverse()
    delivery = delivered(server, batch=2)
    assert (delivery.source, delivery.sent_at, delivery.problem) == (f"redcap:{server.url}", NOW, None)
    assert set(delivery.columns) == {"participant_id", "arm", "entry_order", "site", "well"}
    assert cells(delivery, "participant_id", "arm", "entry_order", "site", "well") == [
        ("P-1", "new", "1", "north", "1"),
        ("P-10", "usual", "10", "south", "1"),
        ("P-2", "usual", "2", "south", "0"),
        ("P-3", "new", "3", "north", "1"),
        ("P-4", "usual", "4", "south", "0"),
    ]


def test_only_fields_that_the_plan_knows_leave_the_server(server: Server) -> None:
    """Nobody's name is asked for; `fields` and `forms` ask for more, and a whole checkbox."""
    delivered(server)
    asked = {value for form in server.asked for key, value in form.items() if key.startswith("fields")}
    assert asked == {"record_id", "group_no", "number", "well"}
    assert not any(key.startswith("forms") for form in server.asked for key in form)
    more = delivered(server, fields=["name"], forms=["outcome"])
    assert {"name", "signs___1", "signs___2", "strict"} <= set(more.columns)


def test_the_same_records_are_nothing_new_and_a_state_that_comes_back_is_new(server: Server) -> None:
    """Same rows in another order: None. A value changed and changed back: three deliveries with three hashes."""
    hashes, watermark = [], None
    for well in ("1", "0", "1", "0"):
        server.project.entries[1].values["well"] = well
        delivery = read(server, at=context(watermark=watermark))
        assert delivery is not None
        hashes.append(delivery.content_sha256)
        watermark = delivery.watermark
        server.project.entries.reverse()
        assert read(server, at=context(watermark=watermark)) is None
        server.project.entries.reverse()
    assert len(set(hashes)) == 4
    again = read(server, at=context())
    assert again is not None
    assert again.content_sha256 == delivered(server).content_sha256


def test_one_event_is_read_where_the_plan_names_it() -> None:
    """A form of two events is refused until the plan says '[event][field]', with or without the REDCap arm."""
    with serving(yearly()) as server:
        unclear = delivered(server)
        assert unclear.problem is not None
        assert "'[base_arm_1][well]'" in unclear.problem
        assert unclear.rows == ()
        for theirs in ("[year][well]", "[year_arm_1][well]"):
            found = delivered(server, {"well": theirs})
            assert cells(found, "participant_id", "arm", "well") == [("P-1", "new", "1"), ("P-2", "usual", "")]
        base = delivered(server, events=["base_arm_1"])
        assert cells(base, "participant_id", "well") == [("P-1", "0"), ("P-2", "1")]
        with pytest.raises(SourceError, match="events names 'month_arm_1', must name what is an event"):
            read(server, events=["month_arm_1"])
        with pytest.raises(SourceError, match=r"reads '\[month\]\[well\]' at no event"):
            read(server, {"well": "[month][well]"})


def test_redcap_arms_share_a_column_unless_a_record_is_in_both() -> None:
    """The same event in two REDCap arms is one place; a record with answers in both is refused, counted, not named."""
    project = yearly(
        events={"base_arm_1": "1", "year_arm_1": "1", "base_arm_2": "2", "year_arm_2": "2"},
        designated=[
            (f"{event}_arm_{arm}", form)
            for event in ("base", "year")
            for arm in (1, 2)
            for form in ("enrolment", "outcome")
        ],
    )
    project.entries += [enrolled(3, "base_arm_2"), outcome(3, "0", "year_arm_2")]
    columns = {"well": "[year][well]", "arm": "[base][group_no]", "entry_order": "[base][number]"}
    with serving(project) as server:
        found = delivered(server, columns)
        assert cells(found, "participant_id", "arm", "well") == [
            ("P-1", "new", "1"),
            ("P-2", "usual", ""),
            ("P-3", "new", "0"),
        ]
        project.entries.append(outcome(1, "0", "year_arm_2"))
        both = delivered(server, columns)
        assert both.problem is not None
        assert "has answers at two events of one record, must have them at one" in both.problem
        assert "P-1" not in both.problem
        project.repeating = [("year_arm_2", "outcome")]
        uneven = delivered(server, columns)
        assert uneven.problem is not None
        assert "'well' repeats in one REDCap arm and not in the other" in uneven.problem


# Repeating instruments and events


@pytest.mark.parametrize(
    ("rule", "expected"),
    [
        ("first", [("P-1", "0"), ("P-2", "")]),
        ("last", [("P-1", "1"), ("P-2", "")]),
        ("all", [("P-1", "0"), ("P-1", "0"), ("P-1", "1"), ("P-2", "")]),
    ],
)
def test_the_plan_says_which_instance_counts(rule: str, expected: list[tuple[str, str]]) -> None:
    """Instances count by their number, 10 after 2; who has none keeps a row with a blank; enrolment joins each."""
    with serving(
        visits(outcome(1, "1", instance=10), outcome(1, "0", instance=1), outcome(1, "0", instance=2))
    ) as server:
        found = delivered(server, repeat={"outcome": rule})
        assert cells(found, "participant_id", "well") == expected
        assert {row.cells["arm"] for row in found.rows if row.cells["participant_id"] == "P-1"} == {"new"}


def test_a_repeating_form_without_a_rule_is_refused_by_the_design_alone() -> None:
    """Even before anybody has a second instance, and again only after something else was accepted."""
    with serving(visits()) as server:
        first, again = delivered(server), delivered(server)
        assert first.problem is not None
        assert "source.options.repeat: {outcome: last}" in first.problem
        assert first.content_sha256 == again.content_sha256
        assert "record" not in server.contents()
        later = read(server, at=context(watermark="after another"))
        assert later is not None
        assert later.content_sha256 != first.content_sha256


def test_a_repeating_event_is_one_row_for_each_time() -> None:
    """Where the whole event repeats, its forms stand in one row of the instance."""
    project = yearly(repeating=[("year_arm_1", "")])
    project.entries[2] = outcome(1, "0", "year_arm_1", 1)
    project.entries.append(outcome(1, "1", "year_arm_1", 2))
    with serving(project) as server:
        for name in ("year", "year_arm_1"):
            found = delivered(server, {"well": "[year][well]"}, repeat={name: "last"})
            assert cells(found, "participant_id", "well") == [("P-1", "1"), ("P-2", "")]
        with pytest.raises(SourceError, match="repeat names 'base'"):
            read(server, {"well": "[year][well]"}, repeat={"year": "last", "base": "last"})


def test_many_fields_and_records_never_make_a_request_that_php_cuts_off() -> None:
    """300 fields and 800 records a batch: no request has 1,000 variables, and all records come."""
    project = classic(700)
    project.variables = BASICS + [(f"more_{number}", "outcome", "text", "", "") for number in range(300)]
    with serving(project) as server:
        assert len(delivered(server, batch=800, forms=["outcome"]).rows) == 700
        assert max(map(len, server.asked)) < 1000
        assert min(len(form) for form in server.asked if "records[0]" in form) > 300


# Complete forms, missing-data codes, boxes


def test_answers_on_forms_that_are_not_complete_are_left_out_and_counted() -> None:
    """The person stays, enrolled and without an outcome; an instance that isn't complete gives way to one that is."""
    with serving(classic()) as server:
        server.project.entries[1].status = "1"
        server.project.entries[3].status = "0"
        found = delivered(server, complete=["outcome"])
        assert [well for (well,) in cells(found, "well")] == ["", "", "1", "0"]
        assert [arm for (arm,) in cells(found, "arm")] == ["new", "usual", "new", "usual"]
        assert found.repairs == ("left out the answers on forms that are not marked complete: outcome (2)",)
    with serving(visits(outcome(1, "1", instance=1), outcome(1, "0", instance=2, status="1"))) as server:
        found = delivered(server, repeat={"outcome": "last"}, complete=["outcome"])
        assert cells(found, "participant_id", "well") == [("P-1", "1"), ("P-2", "")]


def test_records_of_which_nothing_is_complete_are_left_out_and_counted() -> None:
    """No empty row takes their place; when nobody is left, that is nothing yet, or a failure after a first delivery."""
    with serving(classic(2)) as server:
        for entry in server.project.entries[:2]:
            entry.status = "1"
        found = delivered(server, complete=["enrolment", "outcome"])
        assert cells(found, "participant_id") == [("P-2",)]
        assert "left out records of which nothing is complete: 1" in found.repairs
        for entry in server.project.entries:
            entry.status = "1"
        assert read(server, complete=["enrolment", "outcome"]) is None
        with pytest.raises(SourceError, match="no complete record any more"):
            read(server, at=context(watermark="a b"), complete=["enrolment", "outcome"])


def test_missing_data_codes_are_blank_and_counted() -> None:
    """Codes of the project and of the plan; not those kept, not where the field forbids them, not in names."""
    with serving(classic(codes="NI, No information | -99, Refused | UNK, Unknown")) as server:
        for entry, well in zip(server.project.entries[1::2], ("NI", "-99", "NI", "UNK"), strict=True):
            entry.values |= {"well": well, "strict": "NI"}
        found = delivered(server, keep_codes=["UNK"], fields=["strict"])
        assert cells(found, "well", "strict") == [("", "NI"), ("", "NI"), ("", "NI"), ("UNK", "NI")]
        assert found.repairs == ("read -99 (1), NI (2) as blank: missing-data codes",)
        clash = delivered(server, missing_codes=[1])
        assert clash.problem is not None
        assert "'1' means 'missing' in the project and is a choice of" in clash.problem


def test_only_what_is_read_is_counted() -> None:
    """A missing-data code at the event that the plan doesn't read is nobody's business."""
    project = yearly(codes="NI, No information")
    project.entries[1].values["well"] = "NI"
    with serving(project) as server:
        found = delivered(server, {"well": "[year][well]"})
        assert cells(found, "well") == [("1",), ("",)]
        assert found.repairs == ()
        base = delivered(server, {"well": "[base][well]"})
        assert cells(base, "well") == [("",), ("1",)]
        assert base.repairs == ("read NI (1) as blank: missing-data codes",)


def test_a_server_that_names_no_codes_is_not_guessed_at() -> None:
    """Older servers don't say; then the plan must, if only that there are none."""
    with serving(classic(codes=None)) as server:
        with pytest.raises(SourceError, match="missing_codes, \\[\\] if there are none"):
            read(server)
        assert delivered(server, missing_codes=[]).problem is None
        server.project.entries[1].values["well"] = "-9"
        assert cells(delivered(server, missing_codes=[-9]), "well")[0] == ("",)


def test_an_unticked_box_is_no_answer_where_there_was_none() -> None:
    """REDCap sends 0 for a box on a form that nobody opened, and beside a ticked missing-data code: both are blank."""
    with serving(classic(3, codes="-99, Refused")) as server:
        server.project.entries[1].values["signs"] = ""
        server.project.entries[3] = Entry("P-2", "outcome", {}, status="")
        server.project.entries[5].values["signs"] = "-99"
        found = delivered(server, {"well": "signs___1"})
        assert [well for (well,) in cells(found, "well")] == ["0", "", ""]
        assert found.repairs == (
            "read -99 (1) as blank: missing-data codes",
            "read signs___1 (1) as blank: unticked boxes on a form that nobody opened",
        )


# The proof that all is there


def answers_once(change: Callable[[list[dict[str, Any]]], object], times: int = 99) -> Faults:
    """A fault that changes the rows of data (not the list of ids) a number of times."""
    import json

    left = [times]

    def fault(project: Project, form: Form, answer: Answer) -> Answer | None:
        if form["content"] != "record" or "records[0]" not in form or not left[0]:
            return None
        left[0] -= 1
        rows = json.loads(answer[1])
        change(rows)
        return 200, json.dumps(rows)

    return fault


@pytest.mark.parametrize(
    ("change", "sentence"),
    [
        (lambda rows: rows.pop(), "did not answer the records that were asked for, must answer all and no other"),
        (lambda rows: rows.clear(), "did not answer the records that were asked for, must answer all and no other"),
        (lambda rows: rows.append({**rows[0], "record_id": "P-9"}), "did not answer the records"),
        (lambda rows: rows.append(rows[0]), "answers rows twice"),
        (lambda rows: [row.pop("well") for row in rows], "without the field 'well', must export it"),
        (lambda rows: rows[2].pop("well"), "without the field 'well', must export it"),
        (lambda rows: [row.pop("record_id") for row in rows], "without the field 'record_id'"),
        (lambda rows: rows[0].update(redcap_repeat_instance="x"), "no number"),
        (lambda rows: rows[0].update(redcap_repeat_instance=1), "in rows of something else that repeats"),
    ],
)
def test_less_than_was_asked_for_is_a_failure(
    server: Server, change: Callable[[list[dict[str, Any]]], object], sentence: str
) -> None:
    """A partial answer with status 200 raises and names fields, and never a record or how many there are."""
    server.faults.append(answers_once(change))
    with pytest.raises(SourceError, match=sentence) as caught:
        read(server)
    assert "P-" not in str(caught.value)


def test_rights_that_hide_a_field_or_a_group_are_noticed(server: Server) -> None:
    """De-identified rights drop the field; a user inside a group sees that group alone: both raise."""
    server.project.hidden = {"well"}
    with pytest.raises(SourceError, match=r"without the field 'well'.*Full Data Set"):
        read(server)
    server.project.hidden, server.project.user_group = set(), "north"
    with pytest.raises(SourceError, match="belongs to a data access group"):
        read(server, {"site": "name"})
    server.project.may_see_groups = False
    with pytest.raises(SourceError, match="without 'redcap_data_access_group'"):
        read(server)
    doubtful = delivered(server, {"site": "name"})
    assert doubtful.repairs == ("could not tell whether the token's user sees the records of all data access groups",)
    server.project.user_group = ""
    assert delivered(server).repairs == ()


def test_a_record_that_comes_meanwhile_is_waited_for_once(server: Server) -> None:
    """One new record between the calls: the export starts anew and has it. New ones every time: SourceError."""

    def arrives(times: int) -> Faults:
        left = [times]

        def fault(project: Project, form: Form, answer: Answer) -> None:
            if "records[0]" in form and left[0]:
                left[0] -= 1
                project.entries.append(enrolled(50 + left[0]))
                project.groups[f"P-{50 + left[0]}"] = "north"

        return fault

    server.faults = [arrives(1)]
    assert ("P-50",) in cells(delivered(server), "participant_id")
    assert server.contents().count("record") == 6
    server.faults = [arrives(99)]
    with pytest.raises(SourceError, match="came or went"):
        read(server)


def test_a_record_deleted_meanwhile_starts_the_export_anew(server: Server) -> None:
    """The batch lacks it, and so does the second list of ids: not a loss, a change."""

    def deletes(project: Project, form: Form, answer: Answer) -> Answer | None:
        if "records[0]" in form and any(one.record == "P-2" for one in project.entries):
            project.entries = [one for one in project.entries if one.record != "P-2"]
            return project.record(form)
        return None

    server.faults = [deletes]
    assert [one for (one,) in cells(delivered(server), "participant_id")] == ["P-1", "P-3", "P-4"]


@pytest.mark.parametrize(
    ("answer", "sentence"),
    [
        ((200, ""), "answers nothing to content=record"),
        ((200, "[]"), "without any record, must have some"),
        ((200, "{}"), "no list of rows"),
        ((200, "[1]"), "no list of rows"),
        ((200, '[{"record_id": "P-1"}, {"rec'), "no JSON"),
        ((200, '<b>Fatal</b>{"error":"REDCap ran out of server memory."}'), "it ran out of memory"),
        ((200, '{"error": "No rights"}'), "answers an error to content=record"),
        ((302, ""), "302 .* must answer itself"),
        ((400, '{"error": "Bad filter"}'), "400 .*Bad filter"),
    ],
)
def test_an_answer_without_rows_is_never_no_outcomes(server: Server, answer: Answer, sentence: str) -> None:
    """Nothing, an empty list, half a list, PHP's last words, an error: each raises one sentence."""
    server.faults = [lambda project, form, good: answer if form["content"] == "record" else None]
    with pytest.raises(SourceError, match=sentence) as caught:
        read(server)
    assert "\n" not in str(caught.value)


def test_a_maintenance_page_is_not_a_redcap_api(server: Server) -> None:
    """Whatever answers without a version is not asked for anything else."""
    server.faults = [lambda project, form, good: (200, "<html>Down for maintenance</html>")]
    with pytest.raises(SourceError, match="must be a REDCap API"):
        read(server)
    assert server.contents() == ["version"]


def test_a_server_that_does_not_say_what_repeats_is_not_read(server: Server) -> None:
    """Without these two flags rows could mean anything."""
    server.faults = [lambda project, form, good: (200, "{}") if form["content"] == "project" else None]
    with pytest.raises(SourceError, match="is_longitudinal == 'None', must say 0 or 1"):
        read(server)


# Asking


def test_a_busy_server_is_asked_again_and_one_that_refuses_is_not(server: Server) -> None:
    """500 and 429 are tried four times in all, with growing waits; 403 once."""
    left = [3]

    def busy(project: Project, form: Form, good: Answer) -> Answer | None:
        left[0] -= 1
        return (500 if left[0] else 429, "") if left[0] >= 0 else None

    server.faults, waits = [busy], Waits()
    assert read(server, waits=waits) is not None
    assert waits == [1.0, 3.0, 9.0]
    left[0], waits = 4, Waits()
    with pytest.raises(SourceError, match="answers 429 to content=version"):
        read(server, waits=waits)
    assert len(waits) == 3
    server.faults, waits, before = [], Waits(), len(server.asked)
    other = {"redcap_token": "F" * 32}.__getitem__
    with pytest.raises(SourceError, match=r"403 .*do not have permissions"):
        read(server, waits=waits, at=context(secret=other))
    assert (waits, len(server.asked)) == ([], before + 1)


def test_a_server_that_is_not_there_gets_one_sentence(server: Server) -> None:
    """After the last try the error names the host and what kind of failure it was."""
    protocol, at = protocol_of(server), context()
    [found] = connector.find(protocol.source, at)
    gone = replace(found, locator="http://127.0.0.1:1/api/")
    with pytest.raises(SourceError, match=r"127\.0\.0\.1 can't be reached \(ConnectError\)"):
        connector.read(protocol, gone, at, sleep=Waits())


def test_an_answer_that_is_too_large_or_too_slow_is_let_go(server: Server) -> None:
    """What the answers have in all is bounded, each part alone; a server that drips is one that doesn't answer."""
    sizes: dict[bool, list[int]] = {True: [], False: []}
    server.faults = [lambda project, form, good: sizes[form["content"] == "record"].append(len(good[1]))]
    assert read(server) is not None
    most, largest = max(map(sum, sizes.values())), max(map(max, sizes.values()))
    assert read(server, at=context(limits=Limits(unpacked_bytes=most))) is not None
    for too_few in (most - 1, largest):
        with pytest.raises(SourceError, match=f"answers more than {too_few:,} bytes"):
            read(server, at=context(limits=Limits(unpacked_bytes=too_few)))
    ticks, waits = iter(range(0, 1000, 4)), Waits()
    with httpx.Client(timeout=3.0, trust_env=False) as client:
        api = Api(client, server.url, TOKEN, most_bytes=10_000, sleep=waits, clock=lambda: float(next(ticks)))
        with pytest.raises(SourceError, match=r"ReadTimeout\), must answer within 3 s"):
            api.version()
    assert len(waits) == 3


def test_the_token_stands_in_the_body_alone(server: Server, caplog: pytest.LogCaptureFixture) -> None:
    """Not in an address, a header, a log, an error (even if the server repeats it), a repr, or the delivery."""
    caplog.set_level(logging.DEBUG)
    delivery = delivered(server)
    server.faults = [lambda project, form, good: (400, f'{{"error": "no such token {TOKEN.lower()}"}}')]
    with pytest.raises(SourceError, match=r"no such token \(token\)") as caught:
        read(server)
    with httpx.Client() as client:
        shown = repr(Api(client, server.url, TOKEN, most_bytes=1))
    places = [*server.lines, caplog.text, str(caught.value), repr(caught.value), shown, repr(delivery)]
    assert not any(TOKEN.lower() in place.lower() for place in places)


def test_a_proxy_is_not_asked_for_a_server_on_this_machine(server: Server, monkeypatch: pytest.MonkeyPatch) -> None:
    """Over http a proxy would see the token; the one in the environment is passed over."""
    for name in ("NO_PROXY", "no_proxy"):
        monkeypatch.delenv(name, raising=False)
    for name in ("HTTP_PROXY", "http_proxy", "ALL_PROXY"):
        monkeypatch.setenv(name, "http://127.0.0.1:1")
    assert read(server) is not None


def test_an_error_to_a_batch_of_records_is_not_repeated(server: Server) -> None:
    """A server that names records in its error names them to itself."""
    server.faults = [
        lambda project, form, good: (400, '{"error": "P-3 is locked"}') if "records[0]" in form else None,
    ]
    with pytest.raises(SourceError, match=r"answers 400 to content=record, must answer 200\. Try again"):
        read(server)


@pytest.mark.parametrize("secret", ["", "password", "F" * 64, f"{'F' * 31}G"])
def test_another_kind_of_secret_is_not_sent(server: Server, secret: str) -> None:
    """What is no project token (a super token, a password) stays here."""
    with pytest.raises(SourceError, match="must be 32 digits") as caught:
        read(server, at=context(secret=lambda name: secret))
    assert server.asked == []
    assert not secret or secret not in str(caught.value)


# The plan


@pytest.mark.parametrize(
    ("changes", "sentence"),
    [
        ({"path": ""}, "must be the address of a REDCap API"),
        ({"path": "http://redcap.example.org/api/"}, "must begin with https"),
        ({"path": "https://a:b@redcap.example.org/api/"}, "without user, password"),
        ({"path": "https://redcap.example.org/api/?token=F"}, "without user, password"),
        ({"path": "https://[::1/api/"}, "is no address"),
        ({"secret": None}, "source.secret is missing"),
        ({"columns": {"arm": "redcap_event_name"}}, r"must be a field"),
        ({"columns": {"arm": "Group No"}}, "must be a REDCap variable"),
        ({"options": {"form": ["a"]}}, "options.form is not a known key. Did you mean 'forms'"),
        ({"options": {"repeat": {"visit": "newest"}}}, r"options.repeat.visit == 'newest'"),
        ({"options": {"repeat": {"visit": "all", "diary": "all"}}}, "one 'all' at most"),
        ({"options": {"repeat": {"visit": "last", "visit_arm_1": "last"}}}, "name each event once"),
        ({"options": {"fields": ["Group No"]}}, r"options.fields.0 == 'Group No'"),
        ({"options": {"batch": 0}}, r"options.batch == 0"),
        ({"options": {"batch": 801}}, r"options.batch == 801"),
        ({"options": {"batch": True}}, r"options.batch == True"),
        ({"options": {"missing_codes": [True]}}, r"options.missing_codes.0 == True"),
        ({"options": {"codes": {"arm": "1"}}}, r"options.codes.arm == '1'"),
    ],
)
def test_a_plan_that_means_nothing_is_refused(changes: dict[str, Any], sentence: str) -> None:
    """Each mistake in `source` gets one sentence before anything is asked of a server."""
    sound = {"connector": "redcap", "path": "https://redcap.example.org/api/", "secret": "redcap_token"}
    connector.check(Source(**sound))
    with pytest.raises(ProtocolError, match=sentence) as caught:
        connector.check(Source(**{**sound, **changes}))
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    ("columns", "options", "sentence"),
    [
        ({"well": "weel"}, {}, "reads 'weel', must be a field of the REDCap project"),
        ({"well": "outcomes_complete"}, {}, "reads 'outcomes_complete', must be a field"),
        ({}, {"record_id": "number"}, "must be the project's first field 'record_id'"),
        ({}, {"forms": ["visit"]}, "forms names 'visit'"),
        ({}, {"fields": ["visit"]}, "fields names 'visit'"),
        ({}, {"complete": ["visit"]}, "complete names 'visit'"),
        ({}, {"repeat": {"outcome": "last"}}, "repeat names 'outcome'"),
        ({}, {"codes": {"ward": {1: "a"}}}, "codes names 'ward'"),
    ],
)
def test_a_plan_that_the_project_does_not_fit_is_told(
    server: Server, columns: dict[str, str], options: dict[str, Any], sentence: str
) -> None:
    """What the plan names and the project lacks raises, by name."""
    with pytest.raises(SourceError, match=sentence):
        read(server, columns, **options)


def test_a_plan_that_reads_nothing_is_told(server: Server) -> None:
    """No column in common is a mistake, not a project without news."""
    protocol, at = protocol_of(server), context()
    bare = protocol.source.model_copy(update={"columns": {}, "options": {}})
    server.project.variables = [BASICS[0]]
    [found] = connector.find(bare, at)
    with pytest.raises(SourceError, match="reads no field of the REDCap project"):
        connector.read(protocol.model_copy(update={"source": bare}), found, at, sleep=Waits())


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    content=st.sampled_from(["version", "project", "metadata", "exportFieldNames", "dag", "record"]),
    body=st.recursive(
        st.none() | st.booleans() | st.floats() | st.text(max_size=8),
        lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from(["record_id", "well", "x"]), inner),
        max_leaves=8,
    ),
)
def test_whatever_a_server_answers_is_a_delivery_or_one_sentence(server: Server, content: str, body: Any) -> None:
    """JSON of any shape in place of any answer: a delivery, nothing new, or a SourceError in one line."""
    import json

    server.faults = [lambda project, form, good: (200, json.dumps(body)) if form["content"] == content else None]
    try:
        said = read(server)
    except SourceError as error:
        said = str(error)
    assert "\n" not in said if isinstance(said, str) else said is None or said.sent_at == NOW


# On the way to the ledger


@pytest.fixture
def store(tmp_path: Path) -> Store:
    return open_store(f"sqlite:///{tmp_path / 'roadtest.db'}")


def test_a_sealed_trial_reads_its_project(server: Server, store: Store, tmp_path: Path) -> None:
    """From the sealed plan in the store through the registered connector, with the secret looked up at the door."""
    protocol = protocol_of(server)
    work.register_trial(store, protocol, by="Ann", at=SEALED_AT, seal_by="Bea")
    door = work.Door(tmp_path, secret={"redcap_token": TOKEN}.__getitem__)
    pending = work.read_pending(store, door, protocol.trial, NOW)
    assert connector_named("redcap") is connector.CONNECTOR
    assert [len(delivery.rows) for delivery in pending.deliveries] == [4]
    assert cells(pending.deliveries[0], "participant_id", "arm", "site")[0] == ("P-1", "new", "north")
    assert ledger.watermark_of(store, protocol.trial, f"redcap:{server.url}") is None
