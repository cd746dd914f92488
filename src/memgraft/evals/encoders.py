"""How often an encoder finds the one text that says the same in other words."""

from __future__ import annotations

import random
import time
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass
from itertools import islice
from statistics import median
from typing import Any

import numpy as np

from memgraft.data.facts import SPLITS, facts
from memgraft.evals.rows import FactRow
from memgraft.retrieval.lexical import LexicalIndex
from memgraft.text.encoder import Encoder

PAIRS = 300
DISTRACTORS = 1000
TIMED = 200  # texts, each on its own


@dataclass(frozen=True)
class Paraphrases:
    """`queries[i]` asks what `questions[i]` asks, in other words; `facts[i]` answers both."""

    queries: list[str]
    questions: list[str]
    facts: list[str]
    distractors: list[str]


@dataclass(frozen=True)
class EncoderScore:
    """Recall@1 of a question by its paraphrase, and of the fact; both among the distractors."""

    encoder: str
    id: str
    question_recall: float
    fact_recall: float
    untrained_recall: float | None  # of the question, with random weights
    milliseconds: float | None  # median of a text on its own, on one core

    def to_dict(self) -> dict[str, Any]:
        return asdict(self)


def paraphrases(rows: Sequence[FactRow], count: int = PAIRS, seed: int = 0) -> Paraphrases:
    """`count` rows, drawn where there are more, and generated texts of the held-out splits."""
    distinct = list({row.question: row for row in rows}.values())
    if len(distinct) < count:
        count = len(distinct)
    chosen = random.Random(f"paraphrases-{seed}").sample(distinct, count)
    taken = {text for row in chosen for text in (row.question, row.paraphrase, row.fact)}
    return Paraphrases(
        queries=[row.paraphrase for row in chosen],
        questions=[row.question for row in chosen],
        facts=[row.fact for row in chosen],
        distractors=list(islice(_others(taken, seed), DISTRACTORS)),
    )


def _others(taken: set[str], seed: int) -> Iterator[str]:
    """Facts and questions by turns, none twice."""
    sources = [facts(split, seed + 7) for split in SPLITS[1:]]
    seen = set(taken)
    while True:
        for source in sources:
            fact = next(source)
            for text in (fact.text, fact.questions[0].text):
                if text not in seen:
                    seen.add(text)
                    yield text


def score(name: str, encoder: Encoder, asked: Paraphrases) -> EncoderScore:
    """Recall and speed of an encoder."""
    questions, told = _recalls(encoder, asked)
    random_weights = untrained(encoder)
    return EncoderScore(
        encoder=name,
        id=encoder.id,
        question_recall=questions,
        fact_recall=told,
        untrained_recall=_recalls(random_weights, asked)[0] if random_weights else None,
        milliseconds=milliseconds(encoder, asked.distractors[:TIMED]),
    )


def score_words(asked: Paraphrases) -> EncoderScore:
    """BM25 on the same texts."""
    recalls = []
    for due in (asked.questions, asked.facts):
        index = LexicalIndex()
        for place, text in enumerate([*due, *asked.distractors]):
            index.add(str(place), text)
        found = [[key for key, _ in index.search(query, 1)] for query in asked.queries]
        recalls.append(float(np.mean([keys == [str(i)] for i, keys in enumerate(found)])))
    return EncoderScore("bm25", "bm25", recalls[0], recalls[1], None, None)


def _recalls(encoder: Encoder, asked: Paraphrases) -> tuple[float, float]:
    queries, distractors = encoder.encode(asked.queries), encoder.encode(asked.distractors)
    recalls = []
    for due in (asked.questions, asked.facts):
        keys = np.concatenate([encoder.encode(due), distractors])
        found = (queries @ keys.T).argmax(axis=1)
        recalls.append(float((found == np.arange(len(due))).mean()))
    return recalls[0], recalls[1]


def milliseconds(encoder: Encoder, texts: Sequence[str]) -> float:
    """Median time of a text on its own, on one core."""
    import torch

    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        encoder.encode(texts[:8])  # the first calls prepare what later ones use
        taken = []
        for text in texts:
            began = time.perf_counter()
            encoder.encode([text])
            taken.append(time.perf_counter() - began)
    finally:
        torch.set_num_threads(threads)
    return 1000 * median(taken)


def untrained(encoder: Encoder, seed: int = 0) -> Encoder | None:
    """The same encoder with random weights; None for one that knows no such thing."""
    import torch

    from memgraft.text.characters import Characters
    from memgraft.text.sentence import SentenceModel
    from memgraft.text.static import StaticWords

    if isinstance(encoder, Characters | StaticWords):
        return encoder.with_random_weights(seed)
    if isinstance(encoder, SentenceModel):
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(seed)
            return encoder.with_random_weights()
    return None
