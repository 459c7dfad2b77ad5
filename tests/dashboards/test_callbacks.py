"""Whatever is posted to a callback: a sentence, never a traceback, and never what its reader may not see."""

from __future__ import annotations

import json
import random
from typing import Any

import pytest
from flask import g
from flask.testing import FlaskClient

from dashboards.app import create_app
from dashboards.doing import Doing
from dashboards.page import Page
from dashboards.pages import PAGES
from dashboards.reader import Reader
from dashboards.signing.page_token import CALLBACKS, HEADER
from flows.doing import ByHand
from flows.settings import Settings
from trials.store import reading
from trials.store.engine import Store

SHOWN = "still-open"
VALUES: list[Any] = [
    *(None, "", "x", SHOWN, "\0", "\ud800", "9" * 5000, "é" * 20_000, "?trial_id=a&look=1&look=2", "/trial/\ud800"),
    *(-1, 0, 1, True, 10**30, 1.5, float("nan")),
    *([], [None], [[[]]], [{"id": 1}], [["a"]], [[1, 2]], ["a", 1], [SHOWN]),
    *({}, {"a": 1}, {"n": "z", "values": {"trial": [1]}, "kept": {"a": []}}, {"n": 1, "values": 3, "kept": 3}),
    *(
        {"n": 1, "content": "{}", "page": "p"},
        {"n": {"a": 1}, "content": "x"},
        {"rows": {"x": 1}, "top": 3},
        {"rows": 3},
    ),
    *({"seed": -1, "trials": 10**9}, {"text": "a: &a [*a]"}, {"text": 5}, {"trial-top": []}, {"version": "x"}),
]


def junk_for(rule: dict[str, Any], chance: random.Random, others: list[str]) -> dict[str, Any]:
    """A request for a callback with anything in it, in the shape that a browser sends, or nearly."""

    def entry(part: dict[str, Any]) -> Any:
        name = part["id"]
        every = '["ALL"]' in name
        if name.startswith("{"):
            name = {key: "1-1" if isinstance(each, list) else each for key, each in json.loads(name).items()}
        value = chance.choice([*VALUES, *others]) if chance.random() < 0.8 else SHOWN
        value = 1 if part["property"] == "n_clicks" and chance.random() < 0.7 else value
        made = {"id": name, "property": part["property"], "value": value}
        return chance.choice([[], [made], [made, made], 3]) if every else made

    output = rule["output"]
    outs = [each.rpartition(".") for each in (output.strip(".").split("...") if ".." in output else [output])]
    named = [
        {"id": json.loads(i.replace("[", "").replace("]", "")) if i[0] == "{" else i, "property": p} for i, _, p in outs
    ]
    asked = chance.choice(rule["inputs"])
    body = {
        "output": output,
        "outputs": named if output.startswith("..") else named[0],
        "inputs": [entry(each) for each in rule["inputs"]],
        "state": [entry(each) for each in rule["state"]],
        "changedPropIds": [f"{asked['id'].replace('[', '').replace(']', '')}.{asked['property']}"],
    }
    if chance.random() < 0.1:
        body[chance.choice(list(body))] = chance.choice(VALUES)
    if chance.random() < 0.05:
        del body[chance.choice(list(body))]
    return body


def browser(store: Store, doing: Doing, reader: Reader) -> tuple[FlaskClient, dict[str, str]]:
    app = create_app(store, doing=doing, reader=reader)
    app.server.before_request_funcs.setdefault(None, []).append(lambda: setattr(g, "reader", reader))
    client = app.server.test_client()
    client.get("/")
    csrf = next(cookie.value for cookie in client._cookies.values() if "csrf" in cookie.key)
    return client, {HEADER: csrf, "Content-Type": "application/json"}


@pytest.fixture
def doing(store: Store, tmp_path: Any) -> Doing:
    return ByHand(store, Settings(home=tmp_path))


@pytest.mark.parametrize("kind", ["local", "link"])
def test_a_callback_answers_a_sentence_to_whatever_it_is_sent(
    store: Store, doing: Doing, kind: Any, caplog: pytest.LogCaptureFixture
) -> None:
    """No post to any callback ends in an answer of 500 or in a traceback, nor tells a link of another trial."""
    client, headers = browser(store, doing, Reader("anna", kind, trials=frozenset({SHOWN})))
    others = [card.id for card in reading.cards(store) if card.id != SHOWN]
    rules = [each for each in client.get("/_dash-dependencies").get_json() if not each["clientside_function"]]
    chance, statuses = random.Random(9), set()
    assert len(rules) > 15
    for rule in rules:
        for _ in range(10):
            body = junk_for(rule, chance, others)
            answer = client.post(CALLBACKS, data=json.dumps(body), headers=headers)
            said = answer.get_data(as_text=True)
            statuses.add(answer.status_code)
            assert answer.status_code < 500, (json.dumps(body)[:2000], caplog.text[-3000:])
            assert "Traceback" not in said
            if kind == "link":
                told = [name for name in others if name in said and name not in json.dumps(body)]
                assert not told, (told, json.dumps(body)[:500])
    assert {200, 400} <= statuses
    assert not [record for record in caplog.records if record.exc_info]


def test_a_fault_of_ours_is_a_reference_and_stands_whole_in_the_log(
    store: Store, doing: Doing, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    """A request as pages send it that fails all the same is answered 500 without its traceback, which the log keeps."""

    def broken(*_: Any) -> None:
        raise KeyError("the secret of a row")

    monkeypatch.setattr("dashboards.pages.portfolio._read", broken)
    client, headers = browser(store, doing, Reader("anna", "local"))
    rules = client.get("/_dash-dependencies").get_json()
    rule = next(each for each in rules if each["output"].startswith("..board-changes.data"))
    outputs = [each.split(".") for each in rule["output"].strip(".").split("...")]
    body = {
        "output": rule["output"],
        "outputs": [{"id": part, "property": name} for part, name in outputs],
        "inputs": [{"id": "live-board", "property": "data", "value": "news"}],
        "state": [{"id": "board-shown", "property": "data", "value": None}],
        "changedPropIds": ["live-board.data"],
    }
    answer = client.post(CALLBACKS, json=body, headers=headers)
    reference = answer.get_json()["error"].rpartition(" ")[2].rstrip(".")
    assert answer.status_code == 500
    assert "secret" not in answer.get_data(as_text=True)
    assert [record.exc_info[0] for record in caplog.records if record.exc_info] == [KeyError]
    assert f"reference {reference}" in caplog.text
    body["state"] = [{"id": "board-shown", "property": "data", "value": ["no stamps"]}]
    assert client.post(CALLBACKS, json=body, headers=headers).status_code == 400


def test_what_cannot_be_read_is_refused(store: Store, doing: Doing) -> None:
    """Text that is no JSON, or nested deeper than it can be read, is refused as any other request that no page sends."""
    client, headers = browser(store, doing, Reader("anna", "local"))
    for said in ("{", "3", "[]", "[" * 100_000, '{"a":' * 100_000, '{"output": ["a"]}', "\ufeff{}"):
        answer = client.post(CALLBACKS, data=said.encode(), headers=headers)
        assert answer.status_code == 400, said[:20]
        assert "Traceback" not in answer.get_data(as_text=True)


def drawn(store: Store, doing: Doing, path: str, query: str) -> str:
    """What the browser gets for an address."""
    client, headers = browser(store, doing, Reader("anna", "local"))
    parts = [{"id": "_pages_location", "property": "pathname", "value": path}]
    parts.append({"id": "_pages_location", "property": "search", "value": query})
    body = {
        "output": ".._pages_content.children..._pages_store.data..",
        "outputs": [{"id": "_pages_content", "property": "children"}, {"id": "_pages_store", "property": "data"}],
        "inputs": parts,
        "state": [],
        "changedPropIds": ["_pages_location.pathname"],
    }
    answer = client.post(CALLBACKS, json=body, headers=headers)
    assert answer.status_code == 200
    return answer.get_data(as_text=True)


def test_an_address_that_says_a_word_twice_is_drawn(store: Store, doing: Doing) -> None:
    """`?look=1&look=2` says no look, so the page is as it is."""
    assert "panel-evidence" in drawn(store, doing, f"/trial/{SHOWN}", "?look=1&look=2")


@pytest.mark.parametrize("page", [page for page in PAGES if "<" in page.path], ids=lambda page: page.name)
def test_a_query_never_speaks_over_the_path(page: Page, store: Store, doing: Doing) -> None:
    """`/trial/x?trial_id=y` is the page of x, on every page that is about a part of its address."""
    start, variable, _ = page.path.partition("<")
    said = drawn(store, doing, start + SHOWN, f"?{variable.rstrip('>')}=plain-dud")
    assert SHOWN in said
    assert "plain-dud" not in said
