"""The layers: imports point down only, and each heavy package has one home."""

from __future__ import annotations

import ast
import json
import subprocess
import sys
from functools import cache
from graphlib import TopologicalSorter
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
PACKAGES = ("trials", "expectations", "dashboards", "flows")

# From the bottom up. A part may import parts of lower layers. Parts of one layer import each other only where the
# layer is `open`: its modules build on one another, in one direction (the last test but one).
OPEN, CLOSED = True, False
LAYERS: list[tuple[bool, tuple[str, ...]]] = [
    (
        OPEN,
        (
            "trials",
            "trials.errors",
            "trials.records",
            "trials.evidence",
            "trials.protocol",
            "trials.plan",
            "trials.pseudonyms",
            "trials.memory",
        ),
    ),
    (CLOSED, ("trials.outcomes", "trials.sequential")),
    (
        OPEN,
        (
            "trials.verdict",
            "trials.planning",
            "trials.analysis",
            "trials.settling",
            "trials.comparing",
            "trials.portfolio",
            "trials.rules",
            "trials.allocation",
            "trials.disclosure",
            "trials.lifecycle",
            "trials.acts",
            "trials.roles",
            "trials.gate",
            "trials.proposals",
            "trials.reach",
            "trials.confounding",
            "trials.placing",
            "trials.feasibility",
            "trials.labelling",
            "trials.amending",
            "trials.deciding",
            "trials.reasons",
            "trials.replanning",
            "trials.lessons",
            "trials.programme",
            "trials.peeking",
            "trials.stopping",
            "trials.sharing",
            "trials.reporting",
            "trials.exact_tests",
            "trials.identifiers",
            "trials.overdue",
            "trials.alerting",
            "trials.due",
            "trials.next_look",
            "trials.pooling",
            "trials.site_totals",
        ),
    ),
    (CLOSED, ("trials.connectors", "trials.store")),
    (CLOSED, ("expectations", "dashboards")),
    (CLOSED, ("flows",)),
]
RANK = {part: rank for rank, (_, parts) in enumerate(LAYERS) for part in parts}

HOMES = {
    "sqlmodel": ("trials.store",),
    "sqlalchemy": ("trials.store", "trials.connectors"),  # our own tables, and other people's that outcomes come from
    "alembic": ("trials.store",),
    "psycopg": ("trials.store",),
    "httpx": ("trials.connectors", "flows"),  # what sources are asked with, and what Prefect's client raises
    "fsspec": ("trials.connectors",),
    "openpyxl": ("trials.connectors",),
    "pyarrow": ("trials.connectors", "flows"),  # Parquet in, and `roadtest export` out
    "cryptography": ("trials.pseudonyms",),
    "great_expectations": ("expectations",),
    "pandas": ("expectations",),
    "dash": ("dashboards",),
    "dash_ag_grid": ("dashboards",),
    "dash_mantine_components": ("dashboards",),
    "plotly": ("dashboards",),
    "flask": ("dashboards",),
    "reportlab": ("flows",),
    "apprise": ("flows",),
    "opentelemetry": ("flows",),
    "prometheus_client": ("dashboards",),
    "prefect": ("flows",),
}


# Of the pages only the read model reads the store. Beside it, with the reason:
PAGES_READ = {
    "dashboards.read_model": "it makes what the pages know",
    "dashboards.signing": "accounts, sessions and links, before there is a reader",
    "dashboards.live": "the change tokens of a poll, one statement that all readers share",
}
# What else may name a type of the store, and ask it nothing.
PAGES_NAME = {
    "dashboards.app": {"trials.store.engine"},
    "dashboards.wording": {"trials.store.reading"},
    "dashboards.board.words": {"trials.store.reading"},
}


def module_name(path: Path) -> str:
    parts = path.relative_to(ROOT).with_suffix("").parts
    return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)


MODULES = {module_name(path): path for package in PACKAGES for path in sorted((ROOT / package).rglob("*.py"))}


@cache
def imports(module: str) -> set[str]:
    """Every module that a module names in an import, wherever in the file it stands."""
    path = MODULES[module]
    package = module if path.name == "__init__.py" else module.rpartition(".")[0]
    found: set[str] = set()
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            up = package.split(".")[: len(package.split(".")) - node.level + 1] if node.level else []
            source = ".".join([*up, *([node.module] if node.module else [])])
            found |= {inner if (inner := f"{source}.{alias.name}") in MODULES else source for alias in node.names}
    return found


def part_of(module: str) -> str:
    """The part of a layer that a module belongs to: `trials.store` for trials.store.ledger, `flows` for flows.cli."""
    top, _, rest = module.partition(".")
    return f"{top}.{rest.split('.')[0]}" if top == "trials" and rest else top


def is_ours(module: str) -> bool:
    return module.split(".")[0] in PACKAGES


def test_every_part_has_a_layer() -> None:
    """A new part of the tree is given its place in LAYERS before it is used."""
    assert {part_of(module) for module in MODULES} - set(RANK) == set()


@pytest.mark.parametrize("module", sorted(MODULES))
def test_imports_point_down(module: str) -> None:
    """A module imports its own part, lower layers, and siblings only in an open layer."""
    here = part_of(module)
    for imported in sorted(name for name in imports(module) if is_ours(name)):
        there = part_of(imported)
        siblings_may = RANK[there] == RANK[here] and LAYERS[RANK[here]][0] is OPEN
        assert there == here or RANK[there] < RANK[here] or siblings_may, f"{module} imports {imported}: that points up"


@pytest.mark.parametrize("module", sorted(MODULES))
def test_each_heavy_package_has_one_home(module: str) -> None:
    """Only its home imports a heavy package; everybody else uses what the home makes of it."""
    for imported in sorted(imports(module)):
        homes = HOMES.get(imported.split(".")[0], (part_of(module),))
        assert part_of(module) in homes, f"{module} imports {imported}, whose home is {' or '.join(homes)}"


@pytest.mark.parametrize("module", sorted(name for name in MODULES if name.split(".")[0] == "dashboards"))
def test_of_the_pages_only_the_read_model_reads_the_store(module: str) -> None:
    """A page, a panel or a figure knows what the read model says, and asks the store for nothing itself."""
    if any(module == home or module.startswith(f"{home}.") for home in PAGES_READ):
        return
    asked = {name for name in imports(module) if name == "trials.store" or name.startswith("trials.store.")}
    assert asked <= PAGES_NAME.get(module, set()), f"{module} imports {sorted(asked)}: ask dashboards.read_model"


def test_no_module_imports_itself_in_a_circle() -> None:
    """There is an order in which every module comes after all that it imports."""
    graph = {module: {name for name in imports(module) if name in MODULES and name != module} for module in MODULES}
    assert list(TopologicalSorter(graph).static_order())


def test_the_page_on_the_architecture_names_every_package() -> None:
    """Each folder of code has its place in the table of docs/architecture.md."""
    said = (ROOT / "docs" / "architecture.md").read_text(encoding="utf-8")
    packages = {path.parent.relative_to(ROOT) for path in MODULES.values() if path.name == "__init__.py"}
    left_out = [each for each in packages if f"`{each.as_posix()}/`" not in said and f"`{each.name}/`" not in said]
    assert left_out == [Path("trials")]  # its parts are named one by one


@pytest.mark.parametrize("module", ["trials.sequential", "trials.analysis", "trials.allocation", "flows.cli"])
def test_importing_it_loads_nothing_heavy(module: str) -> None:
    """Statistics and the command's help need none of the heavy packages: they cost seconds to import."""
    question = f"import json, sys; import {module}; print(json.dumps(sorted(set(sys.modules) & set({sorted(HOMES)}))))"
    done = subprocess.run([sys.executable, "-c", question], cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout) == []
