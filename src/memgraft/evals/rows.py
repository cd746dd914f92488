"""What an evaluation asks: facts with questions, from files and from the generator."""

from __future__ import annotations

import json
import random
from collections.abc import Iterator
from dataclasses import dataclass
from importlib.resources import files
from pathlib import Path
from typing import Any

from memgraft.core.errors import InvalidInput
from memgraft.data import facts as generator

# Of zsRE's locality questions, which come from Natural Questions.
LOCALITY_PREFIX = "nq question: "
EXPECTED = (
    '{"fact", "question", "paraphrase", "answer"} and maybe "neighbour"; '
    'of zsRE {"subject", "src", "rephrase", "alt", "loc"}; '
    'of CounterFact {"subject", "prompt", "rephrase_prompt", "target_new", "locality_prompt"}'
)


@dataclass(frozen=True)
class FactRow:
    """A fact, two ways of asking, what the answer must contain.

    `neighbour` looks like the question and is not answered by the fact. Rows of editing
    benchmarks also have the `subject` of the edit, and in `locality` a prompt that the edit must
    leave alone.
    """

    fact: str
    question: str
    paraphrase: str
    answer: str
    neighbour: str | None = None
    subject: str | None = None
    locality: str | None = None


def load_rows(path: Path) -> list[FactRow]:
    """Read JSON lines or a JSON array; the format of each row is told by its keys.

    zsRE (Levy et al., arXiv 1706.04115) and CounterFact (Meng et al., arXiv 2202.05262) are read
    as the editing libraries keep them: a JSON array of flat objects.

    Raises:
        InvalidInput: the file cannot be read or holds no facts; a bad row is named by its place.
    """
    try:
        text = path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise InvalidInput(f"cannot read {path}", got=str(error)) from error
    rows = []
    for place, given in _pieces(text):
        try:
            row = _row(json.loads(given) if isinstance(given, str) else given)
        except (ValueError, KeyError, TypeError, AttributeError) as error:
            shown = given if isinstance(given, str) else json.dumps(given)
            raise InvalidInput(
                f"{place} of {path} is not a fact", expected=EXPECTED, got=shown[:80]
            ) from error
        if row is not None:
            rows.append(row)
    if not rows:
        raise InvalidInput(f"{path} holds no facts")
    return rows


def generated_rows(split: generator.Split, count: int, seed: int = 1) -> list[FactRow]:
    """Facts of a held-out split of the generator that do not answer each other's questions."""
    rng = random.Random(f"rows-{seed}")
    return [_asked(fact, rng) for fact in generator.stack(generator.facts(split, seed), count)]


def unrelated_prompts() -> list[str]:
    """Three hundred bundled prompts that have nothing to do with anybody's facts."""
    text = (files("memgraft.evals") / "unrelated.txt").read_text(encoding="utf-8")
    return [line for line in text.splitlines() if line.strip()]


def _pieces(text: str) -> Iterator[tuple[str, Any]]:
    """Each row with its place: objects of an array, or lines that are still to be read."""
    if text.lstrip().startswith("["):
        try:
            array = json.loads(text)
        except ValueError:
            pass  # lines, of which the first happens to be a list
        else:
            yield from ((f"item {n}", item) for n, item in enumerate(array, start=1))
            return
    for number, line in enumerate(text.splitlines(), start=1):
        if line.strip():
            yield f"line {number}", line


def _row(values: dict[str, Any]) -> FactRow | None:
    """None for what zsRE has a few of: an edit without a new answer."""
    if "src" in values:
        return _zsre(values) if values["alt"] else None
    if "target_new" in values:
        return _counterfact(values)
    texts = _texts(values, "fact", "question", "paraphrase", "answer")
    if values.get("neighbour") is not None:
        texts |= _texts(values, "neighbour")
    return FactRow(**texts)


def _zsre(values: dict[str, Any]) -> FactRow:
    given = _texts(values, "subject", "src", "rephrase", "alt", "loc")
    return FactRow(
        fact=f'The answer to "{given["src"]}" is {given["alt"]}.',
        question=given["src"],
        paraphrase=given["rephrase"],
        answer=given["alt"],
        subject=given["subject"],
        locality=given["loc"].removeprefix(LOCALITY_PREFIX),
    )


def _counterfact(values: dict[str, Any]) -> FactRow:
    """Prompts are sentences broken off before the answer, so the model is asked to go on."""
    given = _texts(values, "subject", "prompt", "rephrase_prompt", "target_new", "locality_prompt")
    return FactRow(
        fact=f"{given['prompt']} {given['target_new']}.",
        question=_completion(given["prompt"]),
        paraphrase=_completion(given["rephrase_prompt"]),
        answer=given["target_new"],
        subject=given["subject"],
        locality=_completion(given["locality_prompt"]),
    )


def _completion(cloze: str) -> str:
    return f"Complete this sentence: {cloze}"


def _texts(values: dict[str, Any], *names: str) -> dict[str, str]:
    """The named values as text; a `KeyError`, `TypeError` or `ValueError` if one is none."""
    given = {name: values[name] for name in names}
    if not all(isinstance(value, str | int | float) for value in given.values()):
        raise TypeError("a text is missing")
    texts = {name: str(value).strip() for name, value in given.items()}
    if not all(texts.values()):
        raise ValueError("a text is blank")
    return texts


def _asked(fact: generator.Fact, rng: random.Random) -> FactRow:
    """One question of a generated fact, and another with the same answer."""
    question = rng.choice(fact.questions)
    same = [q for q in fact.questions if q.answer == question.answer and q != question]
    return FactRow(
        fact=fact.text,
        question=question.text,
        paraphrase=rng.choice(same or [question]).text,
        answer=question.answer,
        neighbour=fact.neighbours[0] if fact.neighbours else None,
    )
