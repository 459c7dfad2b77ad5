"""Local accounts: who can sign in with a password, the sessions that ended early, and how often somebody tried.

What a password is hashed with is the callers' affair (`dashboards.signing.passwords`); here it is a text.
"""

from __future__ import annotations

import hashlib
import unicodedata
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from sqlalchemy import delete, func, insert, or_, select, update

from trials.errors import DataError
from trials.store.doors import changed
from trials.store.engine import Store, reading, writing
from trials.store.models import ACCOUNT, ATTEMPT, ENDED

LONGEST_NAME = 80
WINDOW = timedelta(minutes=15)
MOST_A_NAME, MOST_AN_ADDRESS = 10, 50  # attempts in WINDOW that did not succeed
_LOCK = "doors"


@dataclass(frozen=True, slots=True)
class Account:
    """stamp: another one after each change of the password; a session holds the one it was begun with."""

    name: str
    password_hash: str = field(repr=False)
    stamp: str
    added_by: str
    added_at: datetime
    changed_at: datetime


def add(store: Store, name: str, password_hash: str, *, stamp: str, by: str, at: datetime) -> Account:
    """A new account. Raises DataError for a name that can't be one, or that is another's but for case."""
    must_be_a_name(name)
    with writing(store, _LOCK) as connection:
        for taken in connection.scalars(select(ACCOUNT.c.name)):
            if taken.casefold() == name.casefold():
                raise DataError(
                    f"account == '{name}', must be new: there is one called '{taken}'. Choose another name."
                )
        made = Account(name, password_hash, stamp, by, at, at)
        connection.execute(insert(ACCOUNT).values({column.name: getattr(made, column.name) for column in ACCOUNT.c}))
        changed(connection)
    return made


def change_password(store: Store, name: str, password_hash: str, *, stamp: str, at: datetime) -> None:
    """Another password; every session of the account ends. Raises DataError when there is no such account."""
    with writing(store, _LOCK) as connection:
        values = {"password_hash": password_hash, "stamp": stamp, "changed_at": at}
        if connection.execute(update(ACCOUNT).where(ACCOUNT.c.name == name).values(values)).rowcount == 0:
            raise _unknown(name)
        connection.execute(delete(ATTEMPT).where(ATTEMPT.c.name_digest == _digest(name)))
        changed(connection)


def remove(store: Store, name: str) -> None:
    """No account of that name any more; its sessions end. What the person did and their roles stay. Raises DataError."""
    with writing(store, _LOCK) as connection:
        if connection.execute(delete(ACCOUNT).where(ACCOUNT.c.name == name)).rowcount == 0:
            raise _unknown(name)
        changed(connection)


def find(store: Store, name: str) -> Account | None:
    """The account of exactly this name."""
    with reading(store) as connection:
        row = connection.execute(select(ACCOUNT).where(ACCOUNT.c.name == name)).one_or_none()
        return None if row is None else Account(**row._mapping)


def listed(store: Store) -> tuple[Account, ...]:
    """All accounts, by name."""
    with reading(store) as connection:
        return tuple(Account(**row._mapping) for row in connection.execute(select(ACCOUNT).order_by(ACCOUNT.c.name)))


def end_session(store: Store, session: str, *, ends_at: datetime, at: datetime) -> None:
    """The session counts no longer, wherever its cookie still is. ends_at: when it would have ended by itself."""
    with writing(store, _LOCK) as connection:
        connection.execute(delete(ENDED).where(or_(ENDED.c.ends_at < at, ENDED.c.id == session)))
        connection.execute(insert(ENDED).values(id=session, ends_at=ends_at))
        changed(connection)


def attempt(store: Store, name: str, address: str, at: datetime) -> timedelta | None:
    """Counts an attempt before its password is looked at, so that many at once can't pass the limit together; None.
    Or, when there were too many from this address or for this name (an account's or not), how long to wait."""
    mine, from_here = ATTEMPT.c.name_digest == _digest(name), ATTEMPT.c.address_digest == _digest(address)
    with writing(store, _LOCK) as connection:
        connection.execute(delete(ATTEMPT).where(ATTEMPT.c.at <= at - WINDOW))
        for which, most in ((mine, MOST_A_NAME), (from_here, MOST_AN_ADDRESS)):
            count, first = connection.execute(select(func.count(), func.min(ATTEMPT.c.at)).where(which)).one()
            if count >= most:
                left: timedelta = first + WINDOW - at
                return max(left, timedelta(seconds=1))
        connection.execute(insert(ATTEMPT).values(name_digest=_digest(name), address_digest=_digest(address), at=at))
    return None


def succeeded(store: Store, name: str) -> None:
    """Somebody signed in: what was tried under this name counts no longer. What the address tried under others does."""
    with writing(store, _LOCK) as connection:
        connection.execute(delete(ATTEMPT).where(ATTEMPT.c.name_digest == _digest(name)))


def must_be_a_name(name: str) -> None:
    """Raises DataError for an empty or long name, one with spaces around it, or with characters that nobody sees."""
    unseen = any(unicodedata.category(sign).startswith("C") for sign in name)
    if not name.strip() or name != name.strip() or len(name) > LONGEST_NAME or unseen:
        raise DataError(
            f"account == {name!r}, must be a name of 1 to {LONGEST_NAME} visible characters. Write it as in `roadtest roles`."
        )
    if name != unicodedata.normalize("NFC", name):
        raise DataError(f"account == {name!r}, must be written with whole characters (Unicode NFC). Type it anew.")


def _digest(text: str) -> str:
    return hashlib.sha256(text.encode("utf-8", "surrogatepass")).hexdigest()


def _unknown(name: str) -> DataError:
    return DataError(f"account == '{name}', must be one that exists. See `roadtest account list`.")
