"""What a question asks for, and facts that surely do not hold it."""

from __future__ import annotations

import pytest

from memgraft.data.facts import SPLITS, facts
from memgraft.text.answer_kind import answer_kind, lacks_answer


@pytest.mark.parametrize(
    ("question", "kind"),
    [
        ("Who am I?", "person"),
        ("With whom do I live?", "person"),
        ("Which person runs the bar?", "person"),
        ("Since when do I work there?", "time"),
        ("What day is the party?", "time"),
        ("How old is she?", "amount"),
        ("What does the cabin cost?", "amount"),
        ("What is Bo's phone number?", "amount"),
        ("How many cats do I have?", "count"),
        ("What is my name?", None),
        ("whole milk or skimmed?", None),
        ("", None),
    ],
)
def test_the_kind_of_answer(question: str, kind: str | None) -> None:
    assert answer_kind(question) == kind


@pytest.mark.parametrize(
    ("question", "fact"),
    [
        ("Who runs the tea room?", "The tea room opens at nine."),
        ("Who designed the Vasko bridge?", "The Vasko bridge is painted green in May."),
        ("When does the boat leave?", "The boat leaves from pier B2."),
        ("What time is the match?", "Sanna watches the match from the kitchen."),
        ("How much was the kiln?", "I bought a kiln in Delft."),
        ("How many rooms does the inn have?", "The inn serves plum brandy."),
    ],
)
def test_what_a_fact_lacks(question: str, fact: str) -> None:
    assert lacks_answer(question, fact)


@pytest.mark.parametrize(
    ("question", "fact"),
    [
        ("Who am I?", "my name is yusuf"),
        ("Who employs me?", "I work at Google"),
        ("Who cooks?", "My wife does the cooking."),
        ("Who repaired the roof?", "The roof was repaired by a carpenter."),
        ("Who sings tenor?", "I sing tenor."),
        ("When were we married?", "We married last spring."),
        ("When do I get up?", "I get up at seven"),
        ("How old is Ove?", "Ove is 41."),
        ("How much milk do I take?", "I take a splash of milk."),
        ("How many sons do I have?", "I have a son."),
    ],
)
def test_what_a_fact_may_hold(question: str, fact: str) -> None:
    assert not lacks_answer(question, fact)


@pytest.mark.parametrize("split", SPLITS)
def test_hardly_any_generated_question_is_refused_its_own_fact(split: str) -> None:
    source = facts(split, 5)  # type: ignore[arg-type]
    pairs = [
        (q.text, fact.text) for fact in (next(source) for _ in range(400)) for q in fact.questions
    ]
    refused = [pair for pair in pairs if lacks_answer(*pair)]
    assert len(refused) <= 0.005 * len(pairs), refused[:10]
