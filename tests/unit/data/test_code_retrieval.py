"""Code retrieval: from this repository's own source, and made up."""

from __future__ import annotations

import ast
from itertools import islice
from pathlib import Path
from typing import Any

import pytest

import memgraft
from memgraft.core.errors import InvalidInput
from memgraft.data.checker import check
from memgraft.data.code_retrieval import CodeRetrievalConfig, code_retrieval
from memgraft.data.fitting import TokenCount
from memgraft.data.functions import gives_away, read_repository

HERE = str(Path(memgraft.__file__).parent / "store")

FILE = '''"""A module."""
import os
LIMIT = 3; OTHER = 4
NAMES = ["a", "b"]

@staticmethod
def open_all(paths):
    """Gives handles on whatever is there,
    in their order.

    More.
    """
    return [open(p) for p in paths]

class Shelf:
    def put(self, book):
        """Keep a thing where it can be found again."""
        text = """
at the margin
"""
        return text

    async def lend(self, book):
        """Hand a thing out to somebody for a while."""

def twin_one():
    """Says the same as its twin does."""

def twin_two():
    """Says the same as its twin does."""

def load_books():
    """Load all of the books from disk."""
'''


@pytest.mark.parametrize("ask", ["name", "source"])
@pytest.mark.parametrize("repository", [None, HERE], ids=["synthetic", "repository"])
def test_every_sample_is_answerable(
    ask: str, repository: str | None, tokenizers: dict[str, Any]
) -> None:
    tokenizer = tokenizers["chunks"]
    for seed in range(3):
        config = CodeRetrievalConfig(tokens=1500 + seed, ask=ask, repository=repository)
        for sample in islice(code_retrieval(config, tokenizer, seed), 50):
            check(sample, TokenCount(tokenizer))


@pytest.mark.parametrize("name", ["bytes", "chunks", "merged"])
@pytest.mark.parametrize("repository", [None, HERE], ids=["synthetic", "repository"])
def test_sizes_are_kept(name: str, repository: str | None, tokenizers: dict[str, Any]) -> None:
    """To within a statement of one line."""
    count = TokenCount(tokenizers[name])
    config = CodeRetrievalConfig(tokens=4000, repository=repository)
    for sample in islice(code_retrieval(config, tokenizers[name]), 5):
        total = count(str(sample.input)) + count(str(sample.target))
        assert config.tokens - 110 <= total <= config.tokens


@pytest.mark.parametrize("repository", [None, HERE], ids=["synthetic", "repository"])
def test_the_same_seed_gives_the_same_samples(repository: str | None, byte_tokenizer: Any) -> None:
    config = CodeRetrievalConfig(tokens=3000, repository=repository)
    one, again, other = (
        list(islice(code_retrieval(config, byte_tokenizer, seed), 4)) for seed in (1, 1, 2)
    )
    assert one == again
    assert {s.input for s in one}.isdisjoint(s.input for s in other)


@pytest.mark.parametrize("depth", [0.0, 0.5, 1.0])
def test_the_function_lies_where_it_is_told_to(depth: float, byte_tokenizer: Any) -> None:
    config = CodeRetrievalConfig(tokens=6000, depths=(depth,))
    for sample in islice(code_retrieval(config, byte_tokenizer), 5):
        [offset] = sample.metadata["offsets"]
        context = str(sample.input).split("\n\n\n# Which")[0]
        assert str(sample.input)[offset:].startswith(f"def {sample.metadata['answer']}(")
        assert abs(sample.metadata["depth"] - depth) < 0.04
        end = len(context) - len(context[offset:].split("\n\n\n")[0])
        assert abs(offset / end - depth) < 0.04


def test_the_question_does_not_give_the_name_away(byte_tokenizer: Any) -> None:
    config = CodeRetrievalConfig(tokens=4000, repository=HERE)
    for sample in islice(code_retrieval(config, byte_tokenizer), 30):
        question = str(sample.input).split("\n\n\n# Which")[1]
        assert not gives_away(question.split('"', 1)[1], sample.metadata["answer"])


@pytest.mark.parametrize(
    ("text", "name", "given"),
    [
        ("Load the books from disk", "load_books", True),
        ("Books that were loaded", "load_books", True),
        ("What load_books does", "load_books", True),
        ("Read everything from disk", "load_books", False),
        ("An open door", "open", True),
        ("A reopened door", "open", False),
        ("Parse the JSON of a file", "fromJson", False),
        ("From JSON to rows", "fromJson", True),
    ],
)
def test_what_gives_a_name_away(text: str, name: str, given: bool) -> None:
    assert gives_away(text, name) == given


def test_a_repository_is_read(tmp_path: Path) -> None:
    (tmp_path / "shelf.py").write_text(FILE)
    (tmp_path / "broken.py").write_text("def (:")
    (tmp_path / "latin.py").write_bytes(b"# caf\xe9\n")
    for hidden in (".venv", "site-packages"):
        (tmp_path / hidden).mkdir()
        (tmp_path / hidden / "x.py").write_text('def x():\n    """What nobody is to see here."""\n')
    found = read_repository(tmp_path)
    # `put` cannot be dedented: a text in it starts at the margin.
    names = {function.name for function in found.functions}
    assert names == {"open_all", "lend", "twin_one", "twin_two", "load_books"}
    assert [function.name for function in found.describable()] == ["open_all", "lend"]
    assert (
        found.describable()[0].description == "Gives handles on whatever is there, in their order."
    )
    assert set(found.statements) == {"import os", 'NAMES = ["a", "b"]'}
    for function in found.functions:
        assert function.source.startswith("# shelf.py\n")
        ast.parse(function.source)


def test_repositories_that_will_not_do(tmp_path: Path, byte_tokenizer: Any) -> None:
    with pytest.raises(InvalidInput, match="no such folder"):
        read_repository(tmp_path / "nowhere")
    (tmp_path / "a.py").write_text("def f(): pass\n")
    with pytest.raises(InvalidInput, match="1 functions"):
        read_repository(tmp_path)
    (tmp_path / "a.py").write_text(FILE)
    for tokens, complaint in ((4000, "less code"), (200, "short enough")):
        config = CodeRetrievalConfig(tokens=tokens, repository=str(tmp_path))
        with pytest.raises(InvalidInput, match=complaint):
            next(code_retrieval(config, byte_tokenizer))
    with pytest.raises(InvalidInput, match="nobody asks"):
        CodeRetrievalConfig(ask="moon")
