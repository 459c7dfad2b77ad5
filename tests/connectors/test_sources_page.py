"""docs/sources.md: its examples are plans that pass, and it names every option that there is."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
import yaml

from trials.connectors import CONNECTORS, connector_named
from trials.connectors.folder import FolderOptions
from trials.connectors.http_options import HttpOptions
from trials.connectors.paging import Paging
from trials.connectors.sql import SqlOptions
from trials.protocol import Source

PAGE = (Path(__file__).parents[2] / "docs" / "sources.md").read_text(encoding="utf-8")
EXAMPLES = re.findall(r"```yaml\n(.*?)```", PAGE, re.DOTALL)
OPTIONS = {"folder": FolderOptions, "sql": SqlOptions, "http": HttpOptions}


def section(connector: str) -> str:
    return PAGE.partition(f"\n## {connector}\n")[2].partition("\n## ")[0]


@pytest.mark.parametrize("example", EXAMPLES)
def test_every_example_is_a_source_that_passes(example: str) -> None:
    """Each YAML block is a plan's source that its connector accepts as it stands."""
    source = Source.model_validate(yaml.safe_load(example)["source"])
    connector_named(source.connector).check(source)


def test_every_connector_has_its_section_and_example() -> None:
    """A new connector is described, with an example."""
    for connector in CONNECTORS:
        assert f"connector: {connector.name}\n" in section(connector.name)


@pytest.mark.parametrize("connector", sorted(OPTIONS))
def test_every_option_is_described(connector: str) -> None:
    """Each option's name stands in its connector's section."""
    names = set(OPTIONS[connector].model_fields) | (set(Paging.model_fields) if connector == "http" else set())
    missing = {name for name in names if re.search(rf"\b{name}\b", section(connector)) is None}
    assert missing == set()
