"""Settings, from the environment (`ROADTEST_*`) and the command's options. Nothing secret has a default."""

from __future__ import annotations

from pathlib import Path

from pydantic import Field, SecretStr
from pydantic_settings import BaseSettings, SettingsConfigDict


class Settings(BaseSettings):
    """Where Roadtest keeps its files and how it runs. Each field is `ROADTEST_` + its name in upper case.

    home: database, sources and Prefect's own files. database_url: a SQLAlchemy URL, kept out of logs and of Prefect's
    records because it may hold a password; SQLite in `home` when empty.
    stale_after_days: a running trial without a delivery for this long is marked on the pages.
    read_retries, read_retry_seconds, read_timeout_seconds: how hard a source that doesn't answer is tried.
    """

    model_config = SettingsConfigDict(env_prefix="ROADTEST_", extra="ignore")

    home: Path = Path(".roadtest")
    database_url: SecretStr = SecretStr("")
    host: str = "127.0.0.1"
    port: int = Field(default=8050, ge=1, le=65535)
    pace: float = Field(default=1.0, gt=0, le=100)
    stale_after_days: float = Field(default=14.0, gt=0)
    read_retries: int = Field(default=2, ge=0, le=20)
    read_retry_seconds: float = Field(default=2.0, ge=0)
    read_timeout_seconds: float = Field(default=120.0, gt=0)

    @property
    def folder(self) -> Path:
        """`home`, absolute, so that it means the same after a change of directory."""
        return self.home.expanduser().resolve()

    @property
    def url(self) -> str:
        return self.database_url.get_secret_value() or f"sqlite:///{self.folder / 'roadtest.db'}"


def load_settings(**options: object) -> Settings:
    """Settings with the given options on top; an option that is None doesn't count.

    Raises RoadtestError: one sentence that names the variable, its value and the rule.
    """
    from pydantic import ValidationError

    from trials.errors import RoadtestError

    given = {name: value for name, value in options.items() if value is not None}
    try:
        return Settings(**given)  # type: ignore[arg-type]
    except ValidationError as error:
        first = error.errors(include_url=False)[0]
        name = ".".join(str(part) for part in first["loc"])
        rule = first["msg"].replace("Input should be", "must be")
        raise RoadtestError(
            f"{name} == {first.get('input')!r}, {rule[0].lower() + rule[1:]}. "
            f"Set --{name.replace('_', '-')} or ROADTEST_{name.upper()}."
        ) from None
