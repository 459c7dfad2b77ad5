"""Who is let in, by which door, to what; and that whatever changes something comes from a page of ours."""

from __future__ import annotations

import ipaddress
import json
import re
import secrets
from datetime import UTC, datetime, timedelta
from types import SimpleNamespace
from typing import Any

import pytest
from dash import Dash
from flask.testing import FlaskClient
from sqlalchemy import event
from werkzeug.test import TestResponse

from dashboards import live
from dashboards.app import create_app
from dashboards.pages import PAGES
from dashboards.reader import Reader
from dashboards.signing import Proxy, Signing
from dashboards.signing.pages import own_path
from dashboards.signing.passwords import fits, hashed, must_be_strong
from dashboards.signing.sealed import opened, sealed
from tests.dashboards import making
from trials.errors import DataError
from trials.store import accounts, granting, links
from trials.store.engine import Store

PASSWORD = "four quiet random words"
HASHED = hashed(PASSWORD)
CALLBACK = "/_dash-update-component"
NOW = datetime.now(UTC)
PROXY = Proxy("X-Forwarded-User", (ipaddress.ip_network("192.0.2.0/28"),), "between us")


def signing(mode: str = "accounts", **more: Any) -> Signing:
    return Signing(mode, b"k" * 32, proxy=PROXY if mode == "proxy" else Proxy(), **more)  # type: ignore[arg-type]


@pytest.fixture
def two(empty: Store) -> Store:
    """One trial of the programme 'tests', of which anna is lead, and one of 'others', in which she has no role."""
    making.register(empty, making.plan("ours"))
    making.register(empty, making.plan("theirs", programme="others"))
    granting.give(empty, "tests", "anna", "lead", by="anna", at=making.START)
    granting.give(empty, "others", "olga", "lead", by="olga", at=making.START)
    accounts.add(empty, "anna", HASHED, stamp="s1", by="op", at=NOW)
    return empty


def client(store: Store, mode: str = "accounts", **more: Any) -> FlaskClient:
    how = signing(mode, **more)
    return create_app(store, signed=how, reader=Reader("host", "local")).server.test_client()


def token(browser: FlaskClient) -> str:
    """The page token that the browser holds."""
    cookie = browser.get_cookie(next(each for each in names(browser) if "csrf" in each))
    assert cookie is not None
    return cookie.value


def names(browser: FlaskClient) -> list[str]:
    return [cookie.key for cookie in browser._cookies.values()]  # type: ignore[union-attr]


def sign_in(browser: FlaskClient, name: str = "anna", password: str = PASSWORD, **more: Any) -> TestResponse:
    browser.get("/sign-in")
    return browser.post("/sign-in", data={"name": name, "password": password, "csrf_token": token(browser), **more})


def call(browser: FlaskClient, output: str, inputs: list[Any], **headers: str) -> TestResponse:
    """What a page's callback asks, as Dash sends it."""
    body = {
        "output": output,
        "outputs": {"id": output.split(".")[0], "property": output.split(".")[1]},
        "inputs": inputs,
        "changedPropIds": [],
    }
    given = {"X-CSRFToken": token(browser), **headers}
    return browser.post(CALLBACK, data=json.dumps(body), content_type="application/json", headers=given)


def link(store: Store, days: float = 1, **to: str) -> str:
    """Makes a link and gives its secret."""
    secret = secrets.token_urlsafe(24)
    by = "olga" if to.get("trial") == "theirs" else "anna"
    links.make(store, **to, id=secret[:8], secret=secret, by=by, at=NOW, ends_at=NOW + timedelta(days=days))
    return secret


# Passwords


@pytest.mark.parametrize(
    "password",
    [
        "short",
        "password1234",
        "pass!pass!pass",
        "aaaaaaaaaaaa",
        "123456789012",
        "qwertyuiopas",
        "anna-anna-2024",
        "Welcome 2024!!",
        "x" * 257,
    ],
)
def test_a_password_that_is_tried_first_is_refused(password: str) -> None:
    """Short, of few characters, a run, a common word with digits around it, the name; and none is repeated in the sentence."""
    with pytest.raises(DataError) as refused:
        must_be_strong(password, "anna")
    assert password not in str(refused.value)


def test_a_good_password_is_kept_as_a_slow_salted_hash() -> None:
    """scrypt, another text each time; the same characters from another keyboard fit, others don't, nobody's never does."""
    must_be_strong(PASSWORD, "anna")
    assert HASHED.startswith("scrypt:32768:8:3$")
    assert PASSWORD not in HASHED
    assert fits(HASHED, PASSWORD)
    assert not fits(HASHED, PASSWORD + " ")
    assert not fits(None, PASSWORD)


# Nobody signs in


def test_without_a_sign_in_the_pages_say_so_and_answer_this_machine_alone(empty: Store) -> None:
    """A visible mark with the acting name; another site's name that leads here is refused before anything is read."""
    browser = client(empty, "none")
    shown = browser.get("/_dash-layout").text
    assert "Local, no sign-in" in shown
    assert "As host" in shown
    assert browser.get("/", base_url="http://trials.evil.example").status_code == 403
    assert browser.get("/", base_url="http://[::1]:8050").status_code == 200
    assert browser.get("/sign-in").status_code == 404


def test_the_acting_name_can_be_another_and_is_signed(empty: Store) -> None:
    """Taken from its form alone; the reader stays local; a name that we did not sign is nobody's."""
    browser = client(empty, "none")
    form = browser.get("/name")
    assert 'value="host"' in form.text
    assert browser.post("/name", data={"name": "zoe", "csrf_token": token(browser)}).status_code == 303
    assert "As zoe" in browser.get("/_dash-layout").text
    name = next(each for each in names(browser) if "-name-" in each)
    browser.set_cookie(name, sealed(Signing(secret=b"another"), "name", "eve"))
    assert "As host" in browser.get("/_dash-layout").text


# What changes something


@pytest.mark.parametrize("mode", ["none", "accounts", "proxy"])
@pytest.mark.parametrize("path", [CALLBACK, "/sign-in", "/sign-out", "/name", "/leave", "/nowhere"])
def test_a_bare_post_is_refused(two: Store, mode: str, path: str) -> None:
    """Without a page before it nothing is changed, in no mode, at no address."""
    assert client(two, mode).post(path, json={}).status_code == 403


def test_a_callback_needs_the_token_of_its_own_session_from_our_own_pages(two: Store) -> None:
    """As it is: 200. Without the token, with another session's, from another site, or not as JSON: 403."""
    browser, other = client(two), client(two)
    for each in (browser, other):
        assert sign_in(each).status_code == 303
    out, inputs = "live-board.data", []
    good = call(browser, "_pages_location.pathname", inputs).status_code
    assert good != 403
    assert call(browser, out, inputs, **{"X-CSRFToken": ""}).status_code == 403
    assert call(browser, out, inputs, **{"X-CSRFToken": token(other)}).status_code == 403
    assert call(browser, out, inputs, **{"Sec-Fetch-Site": "same-site"}).status_code == 403
    for origin in ("https://evil.example", "null", "http://localhost.evil.example"):
        assert call(browser, out, inputs, Origin=origin).status_code == 403
    assert call(browser, out, inputs, Origin="http://localhost").status_code == good
    kept = {"X-CSRFToken": token(browser)}
    assert browser.post(CALLBACK, data="{}", content_type="text/plain", headers=kept).status_code == 403
    csrf = next(each for each in names(browser) if "csrf" in each)
    browser.set_cookie(csrf, token(other))  # both halves, but another session's
    assert call(browser, out, inputs).status_code == 403


# Accounts


@pytest.mark.parametrize("path", ["/", "/trial/ours", "/new", "/data", "/nowhere", "/trial/none-such"])
def test_a_page_leads_to_the_sign_in_and_back(two: Store, path: str) -> None:
    """The same for what is there and what is not."""
    answer = client(two).get(path)
    assert (answer.status_code, answer.location) == (303, f"/sign-in?next={path}")


@pytest.mark.parametrize(
    "path", ["/_dash-layout", "/_dash-dependencies", "/_reload-hash", "/live/token", "/live/token/ours"]
)
def test_what_scripts_ask_is_answered_with_401(two: Store, path: str) -> None:
    """In JSON, with nothing in it."""
    answer = client(two).get(path)
    assert (answer.status_code, answer.mimetype, set(answer.json or {})) == (401, "application/json", {"error"})


@pytest.mark.parametrize("path", ["/healthz", "/theme.css", "/boot.js", "/assets/pages.css", "/assets/icons/warn.svg"])
def test_files_that_are_everybodys_need_no_sign_in(two: Store, path: str) -> None:
    """Nor do the bundles of the libraries."""
    with client(two).get(path) as answer:
        assert answer.status_code == 200
    page = client(two, "none").get("/").text
    bundle = next(each for each in re.findall(r'src="([^"]+)"', page) if "dash_renderer" in each)
    with client(two).get(bundle) as answer:
        assert answer.status_code == 200
        assert answer.headers["Cache-Control"] == "public, max-age=31536000, immutable"


def test_signing_in_and_out(two: Store) -> None:
    """A session with a cookie that scripts can't read; after signing out its copy is worth nothing."""
    browser = client(two)
    answer = sign_in(browser, next="/trial/ours")
    assert (answer.status_code, answer.location) == (303, "/trial/ours")
    session = next(each for each in answer.headers.getlist("Set-Cookie") if "-session-" in each)
    assert all(part in session for part in ("HttpOnly", "SameSite=Lax", "Path=/", "Max-Age=43200"))
    assert "anna" in browser.get("/_dash-layout").text
    assert browser.get("/sign-in").status_code == 303
    name = next(each for each in names(browser) if "-session-" in each)
    copy = browser.get_cookie(name)
    assert copy is not None
    assert browser.post("/sign-out", headers={"X-CSRFToken": token(browser)}).status_code == 303
    browser.set_cookie(name, copy.value)
    assert browser.get("/_dash-layout").status_code == 401


def test_a_session_ends_with_its_password_its_account_and_its_time(two: Store) -> None:
    """At the next request; a new account of the same name does not revive it."""
    browser = client(two)
    sign_in(browser)
    assert browser.get("/_dash-layout").status_code == 200
    accounts.change_password(two, "anna", HASHED, stamp="s2", at=NOW)
    assert browser.get("/_dash-layout").status_code == 401
    sign_in(browser)
    assert browser.get("/_dash-layout").status_code == 200
    accounts.remove(two, "anna")
    accounts.add(two, "anna", HASHED, stamp="s3", by="op", at=NOW)
    assert browser.get("/_dash-layout").status_code == 401
    how = signing()
    assert opened(how, "session", sealed(how, "session", ["anna"]), hours=-1) is None
    assert opened(how, "link", sealed(how, "session", "x")) is None


def test_a_wrong_password_and_a_wrong_name_look_the_same(two: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    """The same page and status, and as many hashes are computed, of the same cost."""
    from dashboards.signing import passwords

    checked: list[str] = []
    check = passwords.check_password_hash
    monkeypatch.setattr(
        passwords, "check_password_hash", lambda kept, given: checked.append(kept) or check(kept, given)
    )
    pages = []
    for name in ("anna", "nobody"):
        browser = client(two)
        answer = sign_in(browser, name, "wrong")
        pages.append((answer.status_code, re.sub(r'value="[^"]*"', "", answer.text)))
    assert pages[0] == pages[1]
    assert pages[0][0] == 401
    assert [kept.split("$")[0] for kept in checked] == ["scrypt:32768:8:3"] * 2


def test_too_many_attempts_wait_over_all_workers(two: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    """Counted in the database: another worker refuses too, a right password as well, and says how long."""
    monkeypatch.setattr(accounts, "MOST_A_NAME", 1)
    assert sign_in(client(two), password="wrong").status_code == 401
    answer = sign_in(client(two))
    assert answer.status_code == 429
    assert 0 < int(answer.headers["Retry-After"]) <= 15 * 60
    assert "Try again in 15 minutes" in answer.text


@pytest.mark.parametrize(
    "text",
    [
        "//evil.example",
        "https://evil.example",
        "/\\evil.example",
        "\\evil",
        "",
        None,
        "/\t/evil",
        "/s/x",
        "/_x",
        "javascript:x",
    ],
)
def test_the_way_on_stays_here(text: str | None) -> None:
    """Anything but a path of this server is the first page."""
    assert own_path(text) == "/"
    assert own_path("/trial/ours?x=1") == "/trial/ours?x=1"


def test_over_https_cookies_say_so(two: Store) -> None:
    """Secure, bound to this host by their name, and browsers are told to stay with https."""
    browser = client(two, public_url="https://trials.example.org")
    answer = browser.get("/sign-in", base_url="https://trials.example.org")
    cookie = answer.headers["Set-Cookie"]
    assert cookie.startswith("__Host-roadtest-csrf-")
    assert "Secure" in cookie
    assert answer.headers["Strict-Transport-Security"].startswith("max-age=")
    assert "Strict-Transport-Security" not in client(two).get("/sign-in").headers


def test_somebody_signed_in_sees_what_their_roles_show(two: Store) -> None:
    """Other programmes' trials are as if they were not there; a role that is taken is gone at the next request."""
    browser = client(two)
    sign_in(browser)
    assert [browser.get(f"/trial/{trial}").status_code for trial in ("ours", "theirs", "none-such")] == [200, 404, 404]
    granting.give(two, "others", "anna", "stakeholder", by="olga", at=making.START)
    assert browser.get("/trial/theirs").status_code == 200
    granting.take(two, "others", "anna", "stakeholder", by="olga", at=making.START)
    assert browser.get("/trial/theirs").status_code == 404


def test_the_forms_own_token_is_the_cookies(two: Store) -> None:
    """Also for somebody who opens the form first of all: one cookie is set, and the hidden field repeats it."""
    for mode, path in (("accounts", "/sign-in"), ("none", "/name")):
        browser = client(two, mode)
        answer = browser.get(path)
        assert len(answer.headers.getlist("Set-Cookie")) == 1
        assert f'value="{token(browser)}"' in answer.text


# What stands in front

FRONT = {"X-Roadtest-Proxy-Secret": "between us", "X-Forwarded-User": "anna"}


@pytest.mark.parametrize(
    ("address", "changes", "status"),
    [
        ("192.0.2.5", {}, 200),
        ("::ffff:192.0.2.5", {}, 200),
        ("192.0.2.77", {}, 403),
        ("127.0.0.1", {}, 403),
        ("192.0.2.5", {"X-Roadtest-Proxy-Secret": "guess"}, 403),
        ("192.0.2.5", {"X-Forwarded-User": ""}, 403),
        ("192.0.2.5", {"X-Forwarded-User": "eve,anna"}, 403),
    ],
)
def test_a_name_in_a_header_is_believed_from_the_server_in_front_alone(
    two: Store, address: str, changes: dict[str, str], status: int
) -> None:
    """From its address, with its secret, and one name."""
    browser = client(two, "proxy", public_url="https://trials.example.org")
    where = {"REMOTE_ADDR": address}
    for path in ("/trial/ours", "/_dash-layout", "/live/token"):
        assert browser.get(path, headers={**FRONT, **changes}, environ_overrides=where).status_code == status
    assert browser.get("/healthz", environ_overrides=where).status_code == 200
    if status == 200:
        assert browser.get("/trial/theirs", headers=FRONT, environ_overrides=where).status_code == 404


# Links


@pytest.mark.parametrize("mode", ["none", "accounts"])
def test_a_link_shows_its_trial_and_nothing_else(two: Store, mode: str) -> None:
    """Without an account: its page, its token, no other trial, no page on which anything is done, no callback of those."""
    browser = client(two, mode)
    answer = browser.get(f"/s/{link(two, trial='theirs')}")
    assert (answer.status_code, answer.location) == (303, "/trial/theirs")
    assert "HttpOnly" in next(each for each in answer.headers.getlist("Set-Cookie") if "-link-" in each)
    assert [browser.get(f"/trial/{trial}").status_code for trial in ("theirs", "ours")] == [200, 404]
    shown = browser.get("/_dash-layout").text.replace("\\u002f", "/")
    assert "By a link" in shown
    assert '"href":"/"' in shown
    assert not re.search(r'"href":"/(new|data)"|\bours\b', shown)
    assert browser.get("/data-docs/").status_code == 403


@pytest.mark.parametrize("mode", ["none", "accounts"])
def test_callbacks_of_pages_that_a_link_does_not_show_are_refused(two: Store, mode: str) -> None:
    """Every one of them, before it runs; those of the pages that it shows are not."""
    browser = client(two, mode)
    browser.application.config["PROPAGATE_EXCEPTIONS"] = False  # type: ignore[attr-defined]
    browser.get(f"/s/{link(two, trial='ours')}")
    browser.get("/")
    for page in PAGES:
        alone = Dash("alone")
        page.listen(alone)
        shut = page.acts or page.name.startswith("data")
        for output in alone.callback_map:
            body = {"output": output, "inputs": [], "changedPropIds": []}
            answer = browser.post(CALLBACK, json=body, headers={"X-CSRFToken": token(browser)})
            assert (answer.status_code == 403) == shut, (page.name, output)
    assert {page.name for page in PAGES if page.acts} >= {"new"}


def test_a_programmes_link_shows_its_trials(two: Store) -> None:
    """And no others, in the live tokens as well."""
    browser = client(two)
    assert browser.get(f"/s/{link(two, programme='tests')}").location == "/"
    assert [browser.get(f"/trial/{trial}").status_code for trial in ("ours", "theirs")] == [200, 404]


def test_a_link_ends_when_its_time_is_over_or_it_is_taken_back(two: Store) -> None:
    """At the next request, with a page that says so; the step after that leads to the sign-in."""
    browser = client(two)
    secret = link(two, trial="ours")
    browser.get(f"/s/{secret}")
    assert browser.get("/trial/ours").status_code == 200
    links.revoke(two, secret[:8], by="anna", at=NOW)
    gone = browser.get("/trial/ours")
    assert (gone.status_code, "leads nowhere any more" in gone.text) == (410, True)
    assert browser.get("/trial/ours").location == "/sign-in?next=/trial/ours"
    for each in (secret, "unknown"):
        assert browser.get(f"/s/{each}").status_code == 410
    early = SimpleNamespace(now=lambda zone: NOW + timedelta(days=2))
    fresh = link(two, trial="ours")
    with pytest.MonkeyPatch.context() as patched:
        patched.setattr("dashboards.signing.pages.datetime", early)
        assert browser.get(f"/s/{fresh}").status_code == 410


def test_a_link_is_put_away_again(two: Store) -> None:
    """By its button; where nobody signs in the reader is who they were."""
    browser = client(two, "none")
    browser.get(f"/s/{link(two, trial='ours')}")
    browser.get("/")
    assert "By a link" in browser.get("/_dash-layout").text
    assert browser.post("/leave", headers={"X-CSRFToken": token(browser)}).location == "/"
    assert "As host" in browser.get("/_dash-layout").text


# Live


def polled(browser: FlaskClient, trial: str = "", etag: str = "") -> TestResponse:
    return browser.get(f"/live/token/{trial}" if trial else "/live/token", headers={"If-None-Match": etag})


def test_polls_tell_of_nothing_that_a_reader_may_not_see(two: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    """A hidden trial's token is that of one which is not there, whatever happens to it; the board's does not move either."""
    monkeypatch.setattr(live, "REMEMBERED", 0.0)
    browser = client(two)
    browser.get(f"/s/{link(two, trial='ours')}")
    before = [polled(browser, trial).headers["ETag"] for trial in ("", "theirs", "none-such", "ours")]
    assert before[1] == before[2]
    making.deliver(two.as_person("olga"), "theirs", making.people(20), week=1)
    assert [polled(browser, trial).headers["ETag"] for trial in ("", "theirs", "none-such", "ours")] == before
    making.deliver(two.as_person("anna"), "ours", making.people(20), week=1)
    after = [polled(browser, trial).headers["ETag"] for trial in ("", "theirs", "none-such", "ours")]
    assert [old == new for old, new in zip(before, after, strict=True)] == [False, True, True, False]


def test_an_idle_poll_costs_one_query_and_less_than_a_kilobyte(two: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    """For somebody with a session and for somebody with a link; 304 without a body, the heads of both ways counted. While what
    was read is remembered it costs none."""
    monkeypatch.setattr(live, "REMEMBERED", 3_600.0)
    by_account, by_link = client(two), client(two)
    sign_in(by_account)
    by_link.get(f"/s/{link(two, trial='ours')}")
    for browser in (by_account, by_link):
        browser.get("/")
        etag = polled(browser).headers["ETag"]
        browser.application.extensions["roadtest.tokens"]._read_at = float("-inf")  # type: ignore[attr-defined]
        asked: list[str] = []
        event.listen(two.engine, "before_cursor_execute", lambda *given, asked=asked: asked.append(given[2]))
        answer = polled(browser, etag=etag)
        assert (answer.status_code, answer.data) == (304, b"")
        polled(browser, etag=etag)
        assert len([one for one in asked if not one.startswith(("BEGIN", "PRAGMA"))]) == 1
        sent = sum(len(name) + len(value) + 4 for name, value in answer.request.headers.items())
        assert sent + sum(len(name) + len(value) + 4 for name, value in answer.headers.items()) < 1_000
        assert "Set-Cookie" not in answer.headers


def test_a_withdrawn_role_is_noticed_by_the_next_poll(two: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    """Its token changes, so an open page is drawn again without what may not be seen."""
    monkeypatch.setattr(live, "REMEMBERED", 0.0)
    granting.give(two, "others", "anna", "stakeholder", by="olga", at=making.START)
    browser = client(two)
    sign_in(browser)
    before = polled(browser, "theirs").headers["ETag"]
    assert polled(browser, "theirs", before).status_code == 304
    granting.take(two, "others", "anna", "stakeholder", by="olga", at=making.START)
    assert polled(browser, "theirs", before).status_code == 200


# Answers


def test_no_answer_holds_a_secret(two: Store) -> None:
    """Neither what cookies are signed with, nor a password or its hash, nor a link's secret or its digest."""
    how, secret = signing(), link(two, trial="ours")
    browser = create_app(two, signed=how).server.test_client()
    sign_in(browser)
    texts = [
        browser.get(path).text
        for path in ("/", "/sign-in", "/_dash-layout", "/_dash-dependencies", "/trial/ours", f"/s/{secret}", "/nowhere")
    ]
    hidden = (how.secret.decode(), how.secret.hex(), PASSWORD, HASHED, secret, links.digest_of(secret), "s1")
    assert not [word for word in hidden for text in texts if re.search(rf"\b{re.escape(word)}\b", text)]


def test_every_page_says_what_browsers_may_do_with_it(two: Store) -> None:
    """Who may frame it, what it may use of the device, and that it is not to be kept."""
    browser = client(two)
    for answer in (browser.get("/sign-in"), sign_in(browser), browser.get("/"), browser.get("/_dash-layout")):
        assert "frame-ancestors 'none'" in answer.headers["Content-Security-Policy"]
        assert "form-action 'self'" in answer.headers["Content-Security-Policy"]
        assert answer.headers["Cross-Origin-Opener-Policy"] == "same-origin"
        assert "camera=()" in answer.headers["Permissions-Policy"]
        assert answer.headers.get("Cache-Control") == "no-store"
