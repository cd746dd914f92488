"""Who may import whom: packages have ranks, and imports only point to lower ones."""

from __future__ import annotations

import ast
import pkgutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

import memgraft
import memgraft.core

ROOT = Path(memgraft.__file__).parent

# Lowest first. Parts on one line do not know of each other.
ORDER = [
    {"core"},
    {"nn", "text", "store"},
    {"retrieval", "host"},
    {"injection", "mag"},
    {"memory"},
    {"open"},
    {"data"},
    {"memnet", "train", "evals"},
    {"experiments"},
    {"integrations"},
    {"serve"},
    {"cli"},
    {"__main__"},
]
RANKS = {part: rank for rank, parts in enumerate(ORDER) for part in parts}

MODULES = sorted(ROOT.rglob("*.py"))


def module_name(path: Path) -> str:
    parts = ["memgraft", *path.relative_to(ROOT).with_suffix("").parts]
    return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)


def part_of(module: str) -> str:
    """`memgraft.host.load` belongs to `host`; the root package belongs to the empty part."""
    return [*module.split("."), ""][1]


def is_module(name: str) -> bool:
    path = ROOT.joinpath(*name.split(".")[1:])
    return path.is_dir() or path.with_suffix(".py").is_file()


def imported(source: str, module: str, *, package: bool) -> Iterator[str]:
    """Every memgraft module that the source imports, inside functions too."""
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Import):
            names = [alias.name for alias in node.names]
        elif isinstance(node, ast.ImportFrom):
            start = node.module or ""
            if node.level:
                drop = node.level - package
                parents = module.split(".")[: -drop or None]
                start = ".".join([*parents, start] if start else parents)
            children = [f"{start}.{alias.name}" for alias in node.names]
            names = [child if is_module(child) else start for child in children]
        else:
            continue
        yield from (name for name in names if name.split(".")[0] == "memgraft")


def forbidden(source: str, module: str, *, package: bool = False) -> list[str]:
    """What the module imports and must not."""
    here = part_of(module)
    return [
        name
        for name in imported(source, module, package=package)
        if part_of(name) not in ("", here) and RANKS[part_of(name)] >= RANKS.get(here, -1)
    ]


def loaded_after(statements: str) -> set[str]:
    """The modules that a fresh interpreter holds after the statements."""
    command = f"{statements}\nimport sys\nprint(*sys.modules)"
    done = subprocess.run(
        [sys.executable, "-c", command], capture_output=True, text=True, check=True
    )
    return set(done.stdout.split())


@pytest.mark.parametrize("path", MODULES, ids=module_name)
def test_imports_point_downwards(path: Path) -> None:
    name = module_name(path)
    part = part_of(name)
    assert part == "" or part in RANKS, f"{part} has no place in ORDER"
    found = forbidden(path.read_text(encoding="utf-8"), name, package=path.stem == "__init__")
    assert not found, f"{name} must not import {found}"


def test_there_are_modules_to_look_at() -> None:
    assert {"memgraft", "memgraft.core.errors", "memgraft.host.load"} <= set(
        map(module_name, MODULES)
    )


@pytest.mark.parametrize(
    ("module", "source"),
    [
        ("memgraft.core.ids", "from memgraft.text.encoder import Encoder"),
        ("memgraft.text.slots", "from memgraft.store.base import Store"),
        ("memgraft.store.rows", "import memgraft.nn.low_rank"),
        ("memgraft.retrieval.home", "from memgraft import host"),
        ("memgraft.injection.home", "def f():\n    from memgraft.memory import Memory"),
        ("memgraft.host.load", "from ..cli import main"),
        ("memgraft.host.load", "if TYPE_CHECKING:\n    from memgraft.injection import home"),
    ],
)
def test_the_rule_catches(module: str, source: str) -> None:
    assert forbidden(source, module)


@pytest.mark.parametrize(
    ("module", "source"),
    [
        ("memgraft.host.load", "from memgraft.host.anatomy import layers"),
        ("memgraft.host.load", "from .anatomy import layers\nfrom . import attach"),
        ("memgraft.cli.main", "from memgraft import __version__\nimport memgraft.memory"),
        ("memgraft.memory", "from memgraft.core import errors\nimport torch"),
    ],
)
def test_the_rule_allows(module: str, source: str) -> None:
    assert not forbidden(source, module)


def test_the_store_loads_no_torch() -> None:
    loaded = loaded_after("import memgraft, memgraft.store.open")
    assert "memgraft.store.open" in loaded
    assert not loaded & {"torch", "transformers"}


def test_core_loads_no_torch() -> None:
    names = [
        f"memgraft.core.{found.name}" for found in pkgutil.iter_modules(memgraft.core.__path__)
    ]
    loaded = loaded_after(f"import {', '.join(names)}")
    assert set(names) <= loaded
    assert not loaded & {"torch", "transformers"}
