"""Settings, from the environment (`ROADTEST_*`) and the command's options. Nothing secret has a default."""

from __future__ import annotations

import os
import re
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Literal

from cronsim import CronSim, CronSimError
from pydantic import Field, SecretStr, field_validator
from pydantic_settings import BaseSettings, SettingsConfigDict

from trials.errors import RoadtestError

if TYPE_CHECKING:
    from trials.connectors.connector import Limits


class Settings(BaseSettings):
    """Where Roadtest keeps its files and how it runs. Each field is `ROADTEST_` + its name in upper case.

    home: database, sources and Prefect's own files. database_url: a SQLAlchemy URL, kept out of logs and of Prefect's
    records because it may hold a password; SQLite in `home` when empty.
    stale_after_days: a running trial without a delivery for this long is marked on the pages.
    read_retries, read_retry_seconds, read_timeout_seconds: how hard a source that doesn't answer is tried.
    key_folder: folder of the trials' keys; `keys` in the home when empty.
    max_unpacked_mb, max_line_mb: what is larger is refused.
    person: whose roles apply where no --by is given; the account's name when empty.
    sign_in: who may open the pages: `none` (this machine alone), `accounts`, or `proxy` (what stands in front says who it is).
    public_url: the pages' address as browsers see it; session_hours: how long a sign-in lasts; workers: processes that serve.
    schedule: when rounds run, cron in UTC: each takes up the trials that are due then.
    engine: where a round's groups of trials are worked on: `here`, one after the other; `dask`, at dask_address or, when
    that is empty, in processes of this machine. group: trials of one task.
    alerts: the file that says who is told of what; alerts.yaml in the home when empty.
    metrics: who may read /metrics: `local` (whoever asks from this machine, while nobody signs in), `token` (who sends
    metrics_token), `off`.
    proxy_header, proxy_addresses, proxy_secret: where the server in front names who signed in, the addresses (or networks)
    from which it is believed, and what it says in X-Roadtest-Proxy-Secret if its address is not enough.
    """

    model_config = SettingsConfigDict(env_prefix="ROADTEST_", env_ignore_empty=True, extra="ignore")

    home: Path = Path(".roadtest")
    database_url: SecretStr = SecretStr("")
    host: str = "127.0.0.1"
    port: int = Field(default=8050, ge=1, le=65535)
    pace: float = Field(default=1.0, gt=0, le=100, allow_inf_nan=False)
    stale_after_days: float = Field(default=14.0, gt=0, le=36_500, allow_inf_nan=False)
    read_retries: int = Field(default=2, ge=0, le=20)
    read_retry_seconds: float = Field(default=2.0, ge=0, le=3_600, allow_inf_nan=False)
    read_timeout_seconds: float = Field(default=120.0, gt=0, le=86_400, allow_inf_nan=False)
    key_folder: Path | None = None
    max_unpacked_mb: float = Field(default=50.0, gt=0, le=100_000, allow_inf_nan=False)
    max_line_mb: float = Field(default=1.0, gt=0, le=1_000, allow_inf_nan=False)

    person: str = ""

    schedule: str = "*/15 * * * *"
    engine: Literal["here", "dask"] = "here"
    dask_address: str = ""
    group: int = Field(default=100, ge=1, le=10_000)
    alerts: Path | None = None
    metrics: Literal["local", "token", "off"] = "local"
    metrics_token: SecretStr = SecretStr("")

    sign_in: Literal["none", "accounts", "proxy"] = "none"
    public_url: str = ""
    session_hours: float = Field(default=12.0, gt=0, le=24 * 31, allow_inf_nan=False)
    workers: int = Field(default=2, ge=1, le=64)
    proxy_header: str = "X-Forwarded-User"
    proxy_addresses: str = ""
    proxy_secret: SecretStr = SecretStr("")

    @field_validator("schedule")
    @classmethod
    def _cron(cls, value: str) -> str:
        try:
            CronSim(value, datetime(2026, 1, 1, tzinfo=UTC))
        except CronSimError as error:
            raise ValueError(f"must be a cron expression, such as '0 2 * * *' ({error})") from None
        return value

    @field_validator("proxy_header")
    @classmethod
    def _header(cls, value: str) -> str:
        if not re.fullmatch(r"[A-Za-z0-9-]+", value):
            raise ValueError("must be a header's name: letters, digits and hyphens, such as X-Forwarded-User")
        return value

    @property
    def folder(self) -> Path:
        """`home`, absolute, so that it means the same after a change of directory."""
        try:
            return self.home.expanduser().resolve()
        except RuntimeError:
            raise RoadtestError(f"home == '{self.home}', must be a folder of an account that exists.") from None

    @property
    def keys_folder(self) -> Path:
        return self.folder / "keys" if self.key_folder is None else self.key_folder.expanduser().resolve()

    def require_key_folder(self) -> None:
        """Raises RoadtestError when ROADTEST_KEY_FOLDER names what no key can be in: no folder, or one that can't be made."""
        folder = self.keys_folder
        if self.key_folder is None or folder.is_dir():
            return
        if folder.exists():
            why = "it is a file"
        elif not folder.parent.is_dir():
            why = f"{folder.parent} is not there either: perhaps it is not mounted"
        elif not os.access(folder.parent, os.W_OK | os.X_OK):
            why = "it is not there, and can't be made"
        else:
            return
        raise RoadtestError(
            f"key_folder == '{self.key_folder}', must be the folder that holds the trials' keys ({why}). Mount it, or mend "
            "ROADTEST_KEY_FOLDER."
        )

    def require_database(self) -> None:
        """Raises RoadtestError when the home, or the file of its SQLite database, is not there: what only reads must make none,
        or a typo and a disk that is not mounted look like a home without trials."""
        if self.folder.exists() and not self.folder.is_dir():
            return  # whoever opens it says that it is no folder
        url, there = self.url, self.folder.is_dir() or "home" not in self.model_fields_set
        if url.startswith("sqlite:///"):
            file = Path(url.removeprefix("sqlite:///").partition("?")[0])
            there = file.name in ("", ":memory:") or file.is_file()
            what = f"{file} is not there, must be a database of Roadtest"
        else:
            what = f"{self.folder} is not there, must be the home"
        if not there:
            raise RoadtestError(
                f"home == '{self.home}': {what}. Mend --home or ROADTEST_HOME, or mount it; a new home begins with roadtest "
                "register FILE."
            )

    @property
    def alerts_file(self) -> Path:
        return self.folder / "alerts.yaml" if self.alerts is None else self.alerts.expanduser().resolve()

    @property
    def schedule_file(self) -> Path:
        """What `roadtest serve` keeps of its schedule while it runs rounds: `cron EXPRESSION` or `minutes NUMBER`."""
        return self.folder / "rounds.schedule"

    @property
    def schedule_in_force(self) -> str:
        """When rounds are due: the running `serve`'s own, else the settings'. A cron expression, or `every NUMBER minutes`."""
        try:
            kind, _, value = self.schedule_file.read_text(encoding="utf-8").strip().partition(" ")
        except OSError:
            return self.schedule
        return f"every {value} minutes" if kind == "minutes" else value or self.schedule

    @property
    def limits(self) -> Limits:
        from trials.connectors.connector import Limits  # what reads no source waits for no connector

        return Limits(int(self.max_unpacked_mb * 1_000_000), int(self.max_line_mb * 1_000_000))

    @property
    def url(self) -> str:
        return self.database_url.get_secret_value() or f"sqlite:///{self.folder / 'roadtest.db'}"


def load_settings(**options: object) -> Settings:
    """Settings with the given options on top; an option that is None doesn't count.

    Raises RoadtestError: one sentence that names the variable, its value and the rule.
    """
    from pydantic import ValidationError

    given = {name: value for name, value in options.items() if value is not None}
    try:
        return Settings(**given)  # type: ignore[arg-type]
    except ValidationError as error:
        first = error.errors(include_url=False)[0]
        name = ".".join(str(part) for part in first["loc"])
        rule = _range_of(name) if first["type"] == "finite_number" else first["msg"].removeprefix("Value error, ")
        rule = rule.replace("Input should be", "must be")
        raise RoadtestError(
            f"{name} == {first.get('input')!r}, {rule[0].lower() + rule[1:]}. "
            f"Set ROADTEST_{name.upper()}" + (f" or --{name}." if name in ("home", "pace", "port", "host") else ".")
        ) from None


def _range_of(name: str) -> str:
    """The rule of a number's field in words, for what is no number at all (`nan`, `inf`)."""
    words = {"gt": "above", "ge": "from", "lt": "below", "le": "at most"}
    held = Settings.model_fields[name].metadata
    said = [f"{word} {getattr(one, sign):g}" for sign, word in words.items() for one in held if hasattr(one, sign)]
    return "must be a number " + " and ".join(said)
