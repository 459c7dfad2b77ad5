"""The plain pages around signing in: they are whole without a script, and change something only when they are sent."""

from __future__ import annotations

import secrets
from datetime import UTC, datetime, timedelta

from flask import Blueprint, Response, g, make_response, redirect, render_template, request
from werkzeug.wrappers import Response as AnyResponse

from dashboards.signing.mode import Signing
from dashboards.signing.page_token import FIELD
from dashboards.signing.passwords import LONGEST, fits
from dashboards.signing.sealed import is_page_token, page_token, sealed
from dashboards.signing.visitor import Doors, Visitor, address_of
from trials.store import accounts, links

WRONG = "Name or password is not right."


def routes(doors: Doors) -> Blueprint:
    """`/sign-in` and `/sign-out` where there are accounts, `/name` where nobody signs in, and links everywhere."""
    found = Blueprint("signing", __name__, template_folder="templates")
    signing = doors.signing
    if signing.mode == "accounts":
        found.add_url_rule("/sign-in", view_func=lambda: sign_in_form(doors), endpoint="form")
        found.add_url_rule("/sign-in", view_func=lambda: sign_in(doors), endpoint="sign_in", methods=["POST"])
        found.add_url_rule("/sign-out", view_func=lambda: sign_out(doors), endpoint="sign_out", methods=["POST"])
    if signing.mode == "none":
        found.add_url_rule("/name", view_func=lambda: name_form(doors), endpoint="name")
        found.add_url_rule("/name", view_func=lambda: take_name(doors), endpoint="take_name", methods=["POST"])
    found.add_url_rule("/s/<secret>", view_func=lambda secret: follow(doors, secret), endpoint="follow")
    found.add_url_rule("/leave", view_func=lambda: leave(doors), endpoint="leave", methods=["POST"])
    return found


def sign_in_form(doors: Doors) -> AnyResponse:
    if _visitor().session is not None:
        return redirect(own_path(request.args.get("next")), 303)
    return _form(doors, "sign_in.html", next=own_path(request.args.get("next")))


def sign_in(doors: Doors) -> AnyResponse:
    """Each attempt counts before the password is looked at; a name that nobody has takes as long as one that somebody has."""
    name, password = request.form.get("name", "").strip(), request.form.get("password", "")
    onward, now, signing = own_path(request.form.get("next")), datetime.now(UTC), doors.signing
    wait = accounts.attempt(doors.store, name, address_of(request, signing), now)
    if wait is not None:
        minutes = -(-int(wait.total_seconds()) // 60)
        said = f"Too many attempts. Try again in {minutes} minute{'s' if minutes > 1 else ''}."
        answer = _form(doors, "sign_in.html", 429, next=onward, name=name, why=said)
        answer.headers["Retry-After"] = str(int(wait.total_seconds()))
        return answer
    account = accounts.find(doors.store, name)
    kept = None if account is None else account.password_hash
    if not fits(kept, password) or account is None or len(password) > LONGEST:
        return _form(doors, "sign_in.html", 401, next=onward, name=name, why=WRONG)
    accounts.succeeded(doors.store, name)
    session = secrets.token_urlsafe(12)
    answer = redirect(onward, 303)
    begun = sealed(signing, "session", [account.name, account.stamp, session])
    set_cookie(answer, signing, "session", begun, hours=signing.hours)
    drop_cookie(answer, signing, "link")  # their own name shows at least as much
    set_cookie(answer, signing, "csrf", page_token(signing, f"session {session}"), script=True)
    return answer


def sign_out(doors: Doors) -> AnyResponse:
    """The session ends here and wherever else its cookie may be."""
    session, now = _visitor().session, datetime.now(UTC)
    if session is not None:
        ends = now + timedelta(hours=doors.signing.hours)
        accounts.end_session(doors.store, session.id, ends_at=ends, at=now)
    answer = redirect("/sign-in", 303)
    drop_cookie(answer, doors.signing, "session")
    return answer


def follow(doors: Doors, secret: str) -> AnyResponse:
    """Lets the holder of a link in, and takes its secret out of the address bar."""
    now = datetime.now(UTC)
    link = links.find(doors.store, secret)
    if link is None or not link.stands(now):
        return link_ended()
    answer = redirect(f"/trial/{link.trial}" if link.trial else "/", 303)
    hours = (link.ends_at - now) / timedelta(hours=1)
    set_cookie(answer, doors.signing, "link", sealed(doors.signing, "link", link.id), hours=hours)
    return answer


def leave(doors: Doors) -> AnyResponse:
    """Puts the link away that somebody came by."""
    answer = redirect("/", 303)
    drop_cookie(answer, doors.signing, "link")
    return answer


def name_form(doors: Doors) -> AnyResponse:
    reader = _visitor().reader
    return _form(doors, "name.html", next=own_path(request.args.get("next")), name=reader.person if reader else "")


def take_name(doors: Doors) -> AnyResponse:
    """Where nobody signs in, what is done on the pages is done under this name, for the record."""
    name, onward = request.form.get("name", "").strip(), own_path(request.form.get("next"))
    if not name.isprintable() or len(name) > accounts.LONGEST_NAME:
        why = f"A name has at most {accounts.LONGEST_NAME} visible characters."
        return _form(doors, "name.html", 400, next=onward, name="", why=why)
    answer = redirect(onward, 303)
    if name:
        set_cookie(answer, doors.signing, "name", sealed(doors.signing, "name", name))
    else:
        drop_cookie(answer, doors.signing, "name")
    return answer


def link_ended() -> AnyResponse:
    return said(
        410,
        "This link leads nowhere any more",
        "It has ended, it was taken back, or a part of it is missing. Ask whoever gave it to you for a new one.",
    )


def said(status: int, title: str, why: str) -> AnyResponse:
    """A page that says one thing."""
    return make_response(render_template("said.html", title=title, why=why), status)


def own_path(text: str | None) -> str:
    """Where to go on: a path of this server, or the first page for anything else."""
    odd = not text or not text.startswith("/") or text[1:2] in ("/", "\\") or not text.isprintable() or "\\" in text
    return "/" if odd or text is None or text.startswith(("/sign-", "/s/", "/_", "/live/")) else text


def set_cookie(
    response: AnyResponse, signing: Signing, what: str, value: str, *, hours: float | None = None, script: bool = False
) -> None:
    """A cookie of ours, until the browser is closed unless `hours` says longer. script: whether our pages' scripts read it."""
    response.set_cookie(
        signing.cookie(what),
        value,
        max_age=None if hours is None else int(hours * 3600),
        secure=signing.secure,
        httponly=not script,
        samesite="Lax",
        path="/",
    )


def drop_cookie(response: AnyResponse, signing: Signing, what: str) -> None:
    response.delete_cookie(signing.cookie(what), path="/", secure=signing.secure, httponly=True, samesite="Lax")


def _form(doors: Doors, template: str, status: int = 200, **more: str) -> AnyResponse:
    """A form with its page token, the one that the browser has where it still counts."""
    signing, binding = doors.signing, _visitor().binding
    token = request.cookies.get(signing.cookie("csrf"), "")
    fresh = not is_page_token(signing, binding, token)
    if fresh:
        token = page_token(signing, binding)
    shown: Response = make_response(
        render_template(template, field=FIELD, token=token, **{"name": "", "why": "", **more}), status
    )
    if fresh:
        set_cookie(shown, signing, "csrf", token, script=True)
    return shown


def _visitor() -> Visitor:
    found: Visitor = g.visitor
    return found
