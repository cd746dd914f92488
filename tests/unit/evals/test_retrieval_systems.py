"""The systems that are compared find what they are there to find."""

from __future__ import annotations

import sys
from datetime import UTC, datetime
from importlib.util import find_spec

import numpy as np
import pytest

from memgraft.core.errors import InvalidInput, MissingExtra
from memgraft.evals.conversations import Conversation, Question, Turn
from memgraft.evals.retrieval_systems import SYSTEMS, check_system, reciprocal_ranks
from toys import ToyEncoder

TEXTS = {
    "t1": "My sloop has a red hull",
    "t2": "The ketch next door sank",
    "t3": "We painted the kitchen",
    "t4": "Yesterday it rained on the red roof",
    "t5": "My sister sings",
}
CHAT = Conversation("c", [Turn(id, "s", "Ann", text) for id, text in TEXTS.items()], [])
# The encoder knows that a yacht is a sloop, which no shared word tells.
ENCODER = ToyEncoder(same={"yacht": "sloop"})


def ask(name: str, text: str, limit: int = 50) -> list[str]:
    system = SYSTEMS[name](ENCODER)
    try:
        assert system.name == name
        system.add(CHAT)
        return system.search(Question(text, frozenset()), limit)
    finally:
        system.close()


def test_bm25_finds_words_and_nothing_else() -> None:
    assert ask("bm25", "Which kitchens were painted?") == ["t3"]
    assert ask("bm25", "What is my yacht?") == []


def test_cosine_finds_what_means_the_same() -> None:
    assert ask("minilm", "What is my yacht?")[0] == "t1"
    assert sorted(ask("minilm", "What is my yacht?")) == sorted(TEXTS)
    assert ask("minilm", "What is my yacht?", limit=1) == ["t1"]


def test_fusion_takes_from_both() -> None:
    assert ask("rrf", "Which yacht was red?", limit=1) == ["t1"]
    assert sorted(ask("rrf", "Which yacht was red?")) == sorted(TEXTS)


def test_memgraft_finds_what_means_the_same() -> None:
    assert ask("memgraft", "What is my yacht?", limit=1) == ["t1"]
    assert len(ask("memgraft", "What is my yacht?", limit=3)) == 3


def test_memgraft_is_told_who_speaks_and_when() -> None:
    said = [("t1", "Ann", 3), ("t2", "Bo", 3), ("t3", "Bo", 9)]
    turns = [
        Turn(id, f"s{day}", who, "The boat was painted", datetime(2024, 5, day, tzinfo=UTC))
        for id, who, day in said
    ]
    now = datetime(2024, 5, 10, tzinfo=UTC)
    system = SYSTEMS["memgraft"](ENCODER)
    system.add(Conversation("c", turns, []))
    for text, due in (("What did Ann paint?", "t1"), ("What did Bo do yesterday?", "t3")):
        assert system.search(Question(text, frozenset(), asked_at=now), 1) == [due]


def test_reciprocal_ranks_add_up() -> None:
    # b: 1/62 + 1/61, a: 1/61, c: 1/62
    assert reciprocal_ranks([["a", "b"], ["b", "c"]]) == ["b", "a", "c"]


# Not importorskip: mem0 has to be imported by what turns its telemetry off.
@pytest.mark.slow
@pytest.mark.skipif(find_spec("mem0") is None, reason="mem0ai is not installed")
def test_mem0_ranks_as_cosine_does() -> None:
    question = "Which red yacht?"
    found = ask("mem0", question)
    cosines = ENCODER.encode(list(TEXTS.values())) @ ENCODER.encode([question])[0]
    assert found[:2] == ["t1", "t4"] == [list(TEXTS)[row] for row in np.argsort(-cosines)[:2]]
    assert sorted(found) == sorted(TEXTS)
    assert ask("mem0", question, limit=1) == ["t1"]


@pytest.mark.slow
@pytest.mark.skipif(find_spec("mem0") is None, reason="mem0ai is not installed")
def test_mem0_calls_nobody_and_is_left_as_it_was() -> None:
    ask("mem0", "Which yacht?", limit=1)
    from mem0.memory.telemetry import MEM0_TELEMETRY
    from mem0.utils.factory import EmbedderFactory

    assert MEM0_TELEMETRY is False
    assert EmbedderFactory.provider_to_class["langchain"].startswith("mem0.")


def test_mem0_is_an_extra(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "mem0", None)
    with pytest.raises(MissingExtra, match=r"pip install 'memgraft\[eval\]'"):
        check_system("mem0+speaker")
    with pytest.raises(MissingExtra):
        SYSTEMS["mem0"](ENCODER)


def test_unknown_systems_are_refused() -> None:
    with pytest.raises(InvalidInput, match="no system is called 'oracle'"):
        check_system("oracle")
