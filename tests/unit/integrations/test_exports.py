"""What the packages offer by name, and that looking for it costs nothing."""

from __future__ import annotations

import subprocess
import sys

import pytest

import memgraft.integrations
import memgraft.retrieval


def run(statements: str) -> str:
    done = subprocess.run(
        [sys.executable, "-c", statements], capture_output=True, text=True, check=True
    )
    return done.stdout.strip()


def test_importing_the_packages_loads_no_library() -> None:
    found = run(
        "import sys, memgraft.retrieval, memgraft.integrations\n"
        "dir(memgraft.retrieval), dir(memgraft.integrations)\n"
        "heavy = {'torch', 'transformers', 'openai', 'langchain_core', 'langgraph'}\n"
        "print(heavy & set(sys.modules))"
    )
    assert found == "set()"


def test_retrieval_needs_no_torch_until_it_encodes() -> None:
    found = run(
        "import sys\n"
        "from memgraft.retrieval import MemoryTransformer, HierarchicalMemoryModel\n"
        "from memgraft.retrieval import ContextualMemory, ContextualRetriever, MemoryEncoder\n"
        "ContextualMemory(4).add_memory([1, 0, 0, 0], 'text')\n"
        "print('torch' in sys.modules)"
    )
    assert found == "False"


@pytest.mark.parametrize("package", [memgraft.retrieval, memgraft.integrations])
def test_unknown_names_are_told(package: object) -> None:
    assert not hasattr(package, "Nothing")


@pytest.mark.parametrize(
    ("module", "name"),
    [("langchain_core", "MemgraftRetriever"), ("langgraph", "MemgraftStore")],
)
def test_without_the_package_the_extra_is_named(module: str, name: str) -> None:
    said = run(
        f"import sys; sys.modules[{module!r}] = None\n"
        "import memgraft.integrations as integrations\n"
        "from memgraft.core.errors import MissingExtra\n"
        f"try:\n    integrations.{name}\nexcept MissingExtra as error:\n    print(error)"
    )
    assert "pip install 'memgraft[langchain]'" in said
