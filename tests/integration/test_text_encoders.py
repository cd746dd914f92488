"""The text encoders that ship, on hand-written paraphrases that nothing was trained on."""

from __future__ import annotations

from pathlib import Path

import pytest

from memgraft.evals.encoders import Paraphrases, paraphrases, score, score_words
from memgraft.evals.rows import load_rows
from memgraft.text.open import open_encoder

DATA = Path(__file__).parents[1] / "data"


@pytest.fixture(scope="module")
def asked() -> Paraphrases:
    names = ("facts", "facts_final", "facts_dev")
    return paraphrases([row for name in names for row in load_rows(DATA / f"{name}.jsonl")])


@pytest.mark.slow
@pytest.mark.parametrize(("name", "least"), [("char_conv", 0.60), ("char_transformer", 0.57)])
def test_paraphrases_are_found_by_trained_characters(
    name: str, least: float, asked: Paraphrases
) -> None:
    found = score(name, open_encoder(name), asked)
    assert len(asked.queries) == 300 and len(asked.distractors) == 1000
    assert found.question_recall >= least
    assert found.question_recall > score_words(asked).question_recall
    assert found.untrained_recall is not None
    assert found.question_recall >= 5 * found.untrained_recall


@pytest.mark.slow
def test_static_words_find_more_than_untrained_ones(asked: Paraphrases) -> None:
    found = score("static", open_encoder("static"), asked)
    assert found.untrained_recall is not None
    assert found.question_recall > max(score_words(asked).question_recall, found.untrained_recall)
