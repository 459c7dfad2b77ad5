"""alerts.yaml: what is wrong with it is one sentence that names file and key, and quotes no secret."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path

import pytest
import yaml

from flows.alerts_file import address_of, read_channels, secret_in
from trials.alerting import KIND_NAMES
from trials.errors import RoadtestError

EXAMPLE = Path(__file__).parents[2] / "examples" / "alerts.yaml"
OPS = {"name": "ops", "url": "json://localhost/hook"}


def written(folder: Path, content: object) -> Path:
    path = folder / "alerts.yaml"
    path.write_text(content if isinstance(content, str) else yaml.safe_dump(content), encoding="utf-8")
    return path


def test_the_example_is_read_as_it_says() -> None:
    """Kinds, digest, grace and reminders of the file that the docs point to; without a file there are no channels."""
    found = read_channels(EXAMPLE)
    mail, room, answers, hook = found.channels
    assert (mail.person, mail.remind, mail.kinds) == ("Olu", timedelta(days=3), KIND_NAMES)
    assert (room.digest, room.grace) == ("hourly", {"overdue": timedelta(days=2), "failed": timedelta(hours=1)})
    assert (answers.rule.digest, answers.programmes, hook.url) == (
        "daily 08:00",
        ("probation", "housing"),
        "json://localhost:8080/roadtest",
    )
    assert found.round_grace == timedelta(hours=1)
    assert read_channels(EXAMPLE.parent / "none.yaml").channels == ()


@pytest.mark.parametrize(
    ("content", "says"),
    [
        ("channels: [", "alerts.yaml, line 1: is no YAML"),
        ("- ops", "must be a list of `channels`"),
        ({"channel": []}, "channel is not a known key. Did you mean 'channels'?"),
        ({"chanels": []}, "chanels is not a known key. Did you mean 'channels'?"),
        ({"colour": "red"}, "colour is not a known key. Known keys: channels, round_grace."),
        ({"channels": [OPS | {"programme": []}]}, "programme is not a known key. Did you mean 'programmes'?"),
        ({"channels": [{"name": "ops"}]}, "channels.0.url is missing"),
        ({"channels": [OPS | {"name": "Team Mail"}]}, "channels.0.name == "),
        ({"channels": [OPS | {"kinds": ["verdicts"]}]}, "channels.0.kinds.0 == "),
        ({"channels": [OPS | {"kinds": []}]}, "must name a kind of alerts. Leave it out for all."),
        ({"channels": [OPS | {"digest": "daily 8"}]}, "must be now, hourly or daily HH:MM (UTC). Write 'daily 08:00'."),
        (
            {"channels": [OPS | {"grace": {"overdue": "2 months"}}]},
            "must be a whole number of minutes, hours, days or weeks",
        ),
        ({"channels": [OPS | {"grace": {"late": "2 days"}}]}, "channels.0.grace.late"),
        ({"channels": [OPS | {"remind": "5 minutes"}]}, "must be an hour at least"),
        ({"channels": [OPS, OPS]}, "the name 'ops' is there twice"),
        ({"channels": [OPS | {"url": "secret:a b"}]}, "must name a secret by letters, digits and hyphens"),
        ({"channels": [OPS | {"url": 7}]}, "channels.0.url must be text"),
        ({"round_grace": "soon"}, "round_grace == "),
    ],
)
def test_what_is_wrong_is_one_sentence(tmp_path: Path, content: object, says: str) -> None:
    """File, key, value, rule and what to do, in one line."""
    with pytest.raises(RoadtestError) as refused:
        read_channels(written(tmp_path, content))
    assert says in str(refused.value)
    assert str(tmp_path / "alerts.yaml") in str(refused.value)
    assert "\n" not in str(refused.value)


@pytest.mark.parametrize(
    "url",
    [
        "mailtos://bob:hush-4711@mail.example.org?to=team@example.org",
        "mailto://mail.example.org?user=bob&pass=hush-4711",
        "slack://hush-4711/B/C",
        "workflows://hush-4711/a/b",
        "discord://1/hush-4711",
        "json://localhost/hook?+Authorization=hush-4711",
        "jsons://example.org/hooks/hush4711hush4711",
        "form://example.org/?token=hush-4711",
        "hush-4711",
    ],
)
def test_an_address_with_a_secret_is_refused_and_not_quoted(tmp_path: Path, url: str) -> None:
    """Passwords, tokens, keys in paths or headers, and services whose address is the key, belong into the environment."""
    with pytest.raises(RoadtestError, match=r"channels\.0\.url must ") as refused:
        read_channels(written(tmp_path, {"channels": [OPS | {"url": url}]}))
    assert "hush" not in str(refused.value)
    assert "secret:" in str(refused.value)


@pytest.mark.parametrize(
    "url", ["mailto://localhost:25?from=a@example.org&to=b@example.org", "json://localhost:8080/roadtest"]
)
def test_an_address_without_one_may_stand_there(url: str) -> None:
    """A mail server or a hook of one's own that asks for nothing."""
    assert secret_in(url) is None


def test_a_secret_is_looked_up_when_it_is_needed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """From the environment; one that is not there names the channel, both places and what to try then."""
    path = written(tmp_path, {"channels": [OPS | {"url": "secret:team-hook"}]})
    [channel] = read_channels(path).channels
    monkeypatch.delenv("ROADTEST_SECRET_TEAM_HOOK", raising=False)
    with pytest.raises(
        RoadtestError, match="channel ops: the secret 'team-hook' can't be had, must be in the environment"
    ):
        address_of(path, channel)
    monkeypatch.setenv("ROADTEST_SECRET_TEAM_HOOK", "slack://a/b/c")
    assert address_of(path, channel) == "slack://a/b/c"
    assert "slack" not in repr(channel)
