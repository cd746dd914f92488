"""Texts to distil on."""

from __future__ import annotations

from itertools import islice
from pathlib import Path

import pytest

from memgraft.core.errors import InvalidInput
from memgraft.data import texts
from memgraft.data.texts import WORDNET, fact_groups, groups

LINES = """  1 This software and database is being provided to you
00000001 03 n 03 quarl 0 motor_quarl 0 aut 0 000 | on four wheels; "he needs a quarl to get to work"
00000002 00 a 01 galore(ip) 0 000 | existing in abundance; "whiskey galore is drunk"
"""


@pytest.fixture(autouse=True)
def short(monkeypatch: pytest.MonkeyPatch) -> None:
    """Reading the whole standard library takes seconds."""
    some = list(islice(texts.docstring_sentences(), 50))
    monkeypatch.setattr(texts, "docstring_sentences", lambda: some)


@pytest.fixture
def wordnet(tmp_path: Path) -> Path:
    for name in WORDNET:
        (tmp_path / name).write_text(LINES if name == "data.noun" else "")
    return tmp_path


def test_groups_are_distinct_and_come_again(wordnet: Path) -> None:
    made = groups(seed=1, scale=2, wordnet=wordnet)
    assert made == groups(seed=1, scale=2, wordnet=wordnet) != groups(seed=2, scale=2)
    each = [text for group in made for text in group]
    assert len(set(each)) == len(each) > 200 and all(each)
    assert ("quarl", "motor quarl", "aut", "on four wheels") in made
    assert ("he needs a quarl to get to work", "he needs a motor quarl to get to work") in made
    assert ("galore", "existing in abundance") in made and ("whiskey galore is drunk",) in made


def test_a_group_is_a_fact_and_questions_with_one_answer() -> None:
    for fact, *asked in fact_groups("train", 0, 20):
        assert fact.endswith((".", "!")) and 1 <= len(asked) <= 3
    assert list(fact_groups("phrasing", 1, 5)) != list(fact_groups("train", 1, 5))


def test_a_folder_without_wordnet_is_refused(tmp_path: Path) -> None:
    with pytest.raises(InvalidInput, match="no WordNet folder"):
        groups(scale=1, wordnet=tmp_path)


def test_documentation_is_taken_by_the_sentence() -> None:
    assert len(list(texts.docstring_sentences())) == 50
    for _, sentence in texts.docstring_sentences():
        assert sentence[0].isupper() and sentence[-1] in ".!?" and "`" not in sentence
