"""Python functions with what they are described as: read from a repository, or made up."""

from __future__ import annotations

import ast
import random
import re
import textwrap
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from memgraft.core.errors import InvalidInput
from memgraft.data.names import Fresh, compound, words

# Folders that hold other people's code or none.
SKIPPED = {"site-packages", "node_modules", "build", "dist", "__pycache__"}
# A description of fewer words describes nothing.
SHORTEST = 4

Def = ast.FunctionDef | ast.AsyncFunctionDef


@dataclass(frozen=True)
class Function:
    """A whole function. `description` is the first paragraph of its docstring, on one line."""

    name: str
    description: str
    source: str


@dataclass(frozen=True)
class Repository:
    """Functions and methods of a repository, and statements of one line for the gaps."""

    functions: tuple[Function, ...]
    statements: tuple[str, ...]

    def describable(self) -> tuple[Function, ...]:
        """Those whose description is theirs alone and gives their name not away."""
        told = Counter(function.description for function in self.functions)
        return tuple(
            function
            for function in self.functions
            if told[function.description] == 1
            and len(function.description.split()) >= SHORTEST
            and not function.name.startswith("__")
            and not gives_away(function.description, function.name)
        )


def read_repository(folder: Path) -> Repository:
    """All `.py` files below a folder, but for hidden folders and vendored code.

    Files that Python cannot parse are left out.

    Raises:
        InvalidInput: there are no functions with descriptions.
    """
    functions: dict[str, Function] = {}
    statements: dict[str, None] = {}
    for path in sorted(folder.rglob("*.py")):
        parts = path.relative_to(folder).parts
        if SKIPPED & set(parts) or any(part.startswith(".") for part in parts):
            continue
        try:
            text = path.read_text(encoding="utf-8")
            tree = ast.parse(text)
        except (OSError, SyntaxError, ValueError):
            continue
        lines = text.splitlines()
        for function in _functions(tree, lines, "/".join(parts)):
            functions.setdefault(function.source, function)
        statements |= dict.fromkeys(_statements(tree, lines))
    found = Repository(tuple(functions.values()), tuple(statements))
    if not found.describable():
        raise InvalidInput(
            f"{folder} has no Python functions with docstrings",
            expected="a folder with .py files",
            got=f"{len(functions)} functions" if folder.is_dir() else "no such folder",
            next_step="name another folder, or take made-up functions",
        )
    return found


def _functions(tree: ast.Module, lines: list[str], path: str) -> Iterator[Function]:
    bodies = [tree.body, *(node.body for node in tree.body if isinstance(node, ast.ClassDef))]
    for node in (node for body in bodies for node in body if isinstance(node, Def)):
        first = min([node.lineno, *(d.lineno for d in node.decorator_list)])
        own = textwrap.dedent("\n".join(lines[first - 1 : node.end_lineno]))
        source = f"# {path}\n{own}"
        try:  # dedenting fails where a text of several lines starts at the margin
            again = ast.parse(source).body
        except SyntaxError:
            continue
        if len(again) == 1 and isinstance(again[0], Def):
            yield Function(node.name, described(again[0]), source)


def _statements(tree: ast.Module, lines: list[str]) -> Iterator[str]:
    """Imports and assignments that have their line to themselves."""
    taken = Counter(node.lineno for node in tree.body)
    for node in tree.body:
        alone = node.lineno == node.end_lineno and taken[node.lineno] == 1
        if alone and isinstance(node, ast.Import | ast.ImportFrom | ast.Assign | ast.AnnAssign):
            yield lines[node.lineno - 1]


def described(node: Def) -> str:
    """The first paragraph of the docstring, on one line."""
    return " ".join((ast.get_docstring(node) or "").split("\n\n")[0].split())


def gives_away(text: str, name: str) -> bool:
    """Whether a name can be put together from a text: it is there, or all of its words are."""
    if re.search(rf"\b{re.escape(name)}\b", text):
        return True
    parts = [part.lower() for part in re.findall(r"[A-Za-z][a-z]*|\d+", name)]
    return all(re.search(rf"\b{part}", text.lower()) for part in parts)


class Invention:
    """Makes up functions whose names have nothing to do with what they are described as."""

    def __init__(self, rng: random.Random) -> None:
        self._rng = rng
        self._name = Fresh(rng, compound)
        self._description = Fresh(rng, _description)
        self._constant = Fresh(rng, lambda rng: compound(rng).upper())

    def function(self) -> Function:
        name, description = self._name(), self._description()
        while gives_away(description, name):
            name = self._name()
        return Function(name, description, _source(name, description, self._rng))

    def statement(self) -> str:
        """A constant, on one line."""
        return f"{self._constant()} = {self._rng.randint(2, 9999)}"


_VERBS = ("Count", "Sum up", "Rank", "Weigh", "Compare", "Estimate", "Collect", "Check")
_MEASURES = ("grams", "metres", "hours", "pounds", "degrees", "litres", "steps", "points")
_BODIES = (
    """\
    {c} = {a} * {m} + {b}
    return {c} % {n}""",
    """\
    {c} = 0
    for step in range({m}):
        {c} += ({a} + step) % {n} - {b}
    return {c}""",
    """\
    if {a} > {m}:
        return {b} - {n}
    {c} = {a} + {b}
    return {c} // {m}""",
    """\
    {c} = [({a} + {n} * step) for step in range({m})]
    return max({c}) - {b}""",
)


def _description(rng: random.Random) -> str:
    one, other, third = rng.sample(words(), 3)
    return (
        f"{rng.choice(_VERBS)} every {one} of the {other} beyond {rng.randint(2, 999)} "
        f"{rng.choice(_MEASURES)} of {third}."
    )


def _source(name: str, description: str, rng: random.Random) -> str:
    a, b, c = rng.sample([word for word in words() if word not in _KEYWORDS], 3)
    body = rng.choice(_BODIES).format(a=a, b=b, c=c, m=rng.randint(2, 99), n=rng.randint(2, 999))
    return f'def {name}({a}, {b}={rng.randint(2, 999)}):\n    """{description}"""\n{body}'


_KEYWORDS = frozenset({"max", "range", "step"})
