"""Facts that fill a memory: as many as wanted, none that answers what is asked."""

from __future__ import annotations

import re

from memgraft.evals.distractors import distractors
from memgraft.evals.rows import FactRow
from memgraft.text.slots import slot

ROWS = [
    FactRow("I live in Lisbon", "Where do I live?", "What is my home town?", "Lisbon"),
    FactRow("My lucky number is 7", "What is my lucky number?", "Which number is lucky?", "7"),
]


def words(text: str) -> set[str]:
    return set(re.findall(r"\w+", text.lower()))


def test_as_many_as_wanted_and_always_the_same() -> None:
    found = distractors(ROWS, 300)
    assert len(set(found)) == 300
    assert found == distractors(ROWS, 300)
    assert found[:10] == distractors(ROWS, 10)
    assert distractors(ROWS, 0) == []


def test_none_holds_an_answer_or_sets_what_is_set() -> None:
    found = distractors(ROWS, 300)
    assert not any("lisbon" in text.lower() or "7" in text for text in found)
    slots = [slot(text) for text in [*found, *(row.fact for row in ROWS)]]
    given = [name for name in slots if name]
    assert len(given) == len(set(given))


def test_the_users_own_share_no_word_with_what_is_asked() -> None:
    found = distractors(ROWS, 1000)
    mine = [words(text) for text in found if text.startswith(("I ", "My "))]
    assert mine, "the user has other facts too"
    assert not any({"number", "lucky", "town"} & telling for telling in mine)
    assert any("number" in words(text) for text in found), "of strangers"
