"""Scoring retrieval: values worked out by hand, averages, and what a system is charged."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial

import pytest

from memgraft.evals.conversations import Conversation, Corpus, Question, Turn
from memgraft.evals.metered import MeteredEncoder
from memgraft.evals.retrieval import CUTS, RetrievalSystem, evaluate, score
from memgraft.text.encoder import Vectors
from toys import ToyEncoder

SESSIONS = {f"t{n}": f"s{n // 10}" for n in range(80)}


def turns(*numbers: int) -> list[str]:
    return [f"t{n}" for n in numbers]


def conversation(id: str, *questions: Question, skipped: int = 0) -> Conversation:
    said = [Turn(turn, session, "Ann", f"word {turn}") for turn, session in SESSIONS.items()]
    return Conversation(id, said, list(questions), skipped)


class Scripted(RetrievalSystem):
    """Answers what the question says, such as "3 5", and notes who was made for what."""

    name = "scripted"

    def __init__(self, log: list[str]) -> None:
        self.log = log

    def add(self, conversation: Conversation) -> None:
        self.log.append(f"add {conversation.id}")

    def search(self, question: Question, limit: int) -> list[str]:
        assert limit == CUTS[-1]
        return turns(*map(int, question.text.split()))

    def close(self) -> None:
        self.log.append("close")


def test_recall_is_the_share_of_the_evidence() -> None:
    found = turns(9, 3, 8, 7, 6, 1, 20, 21, 22, 23, 2)
    scores = score(found, frozenset({"t1", "t2", "t3", "t70"}), SESSIONS)
    assert [scores[f"recall@{k}"] for k in CUTS] == [0, 0.25, 0.25, 0.5, 0.75, 0.75]
    assert scores["mrr"] == 1 / 2


def test_what_stands_twice_counts_once() -> None:
    scores = score(turns(5, 5, 5, 1, 1), frozenset({"t1"}), SESSIONS)
    assert (scores["recall@1"], scores["recall@3"], scores["mrr"]) == (0, 1, 0.5)


def test_no_more_counts_than_was_asked_for() -> None:
    scores = score(turns(*range(60)), frozenset({"t49", "t50"}), SESSIONS)
    assert scores["recall@50"] == 0.5
    assert score(turns(*range(60)), frozenset({"t50"}), SESSIONS)["mrr"] == 0


def test_a_turn_of_the_right_session_among_ten() -> None:
    due = frozenset({"t75"})
    assert score(turns(1, 70), due, SESSIONS)["session_hit@10"] == 1
    assert score(turns(*range(10), 70), due, SESSIONS)["session_hit@10"] == 0
    assert score([], due, SESSIONS)["session_hit@10"] == 0


def test_means_over_questions_and_categories() -> None:
    asked = [
        Question("1", frozenset({"t1"}), "1"),
        Question("2 5", frozenset({"t5"}), "2"),
        Question("9", frozenset({"t1", "t2"}), "2"),
    ]
    adversarial = Question("9", frozenset({"t70"}), "5")
    corpus = Corpus(
        [conversation("a", *asked, skipped=2), conversation("b", adversarial, skipped=1)],
        apart=frozenset({"5"}),
    )
    log: list[str] = []
    steps: list[tuple[str, int, int]] = []
    figures = evaluate(
        "it",
        partial(Scripted, log),
        corpus,
        MeteredEncoder(ToyEncoder()),
        lambda *step: steps.append(step),
    )
    assert log == ["add a", "close", "add b", "close"]
    assert steps == [("it", n, 4) for n in (1, 2, 3, 4)]
    assert (figures["system"], figures["conversations"], figures["turns"]) == ("it", 2, 160)
    assert (figures["questions"], figures["skipped"]) == (3, 3)
    assert figures["recall@5"] == pytest.approx(2 / 3)
    assert figures["mrr"] == pytest.approx((1 + 1 / 2 + 0) / 3)
    assert figures["all_categories"]["questions"] == 4
    assert figures["all_categories"]["recall@5"] == 1 / 2
    by = {name: (one["questions"], one["recall@5"]) for name, one in figures["by_category"].items()}
    assert by == {"1": (1, 1), "2": (2, 0.5), "5": (1, 0)}


def test_only_questions_of_a_category_apart() -> None:
    corpus = Corpus(
        [conversation("a", Question("1", frozenset({"t1"}), "5"))], apart=frozenset({"5"})
    )
    figures = evaluate("it", partial(Scripted, []), corpus, MeteredEncoder(ToyEncoder()))
    assert (figures["questions"], figures["recall@10"]) == (0, None)
    assert figures["all_categories"]["recall@10"] == 1


class Clock:
    """Stands still but for what is said to take a while."""

    def __init__(self) -> None:
        self.now = 0.0

    def perf_counter(self) -> float:
        return self.now


class Embedding(Scripted):
    """Embeds turns and question, and takes 3 s for a turn and 5 s for a question besides."""

    def __init__(self, encoder: MeteredEncoder, clock: Clock) -> None:
        super().__init__([])
        self.encoder, self.clock = encoder, clock

    def add(self, conversation: Conversation) -> None:
        self.encoder.encode([turn.text for turn in conversation.turns])
        self.clock.now += 3 * len(conversation.turns)

    def search(self, question: Question, limit: int) -> list[str]:
        self.encoder.encode([question.text])
        self.clock.now += 5
        return super().search(question, limit)


class SlowEncoder(ToyEncoder):
    """Takes 7 s, whatever it encodes."""

    def __init__(self, clock: Clock) -> None:
        super().__init__()
        self.clock = clock

    def encode(self, texts: Sequence[str]) -> Vectors:
        self.clock.now += 7
        return super().encode(texts)


def test_a_later_system_is_charged_for_embedding_too(monkeypatch: pytest.MonkeyPatch) -> None:
    clock = Clock()
    monkeypatch.setattr("memgraft.evals.metered.time", clock)
    monkeypatch.setattr("memgraft.evals.retrieval.time", clock)
    encoder = MeteredEncoder(SlowEncoder(clock))
    asked = [Question(text, frozenset({"t1"})) for text in ("1", "2")]
    corpus = Corpus([conversation("a", *asked)])
    for _ in range(2):
        figures = evaluate("it", partial(Embedding, encoder, clock), corpus, encoder)
        assert figures["ms_per_query_beyond_embedding"] == pytest.approx(5e3)
        assert figures["ms_per_query"] == pytest.approx(12e3)
        assert figures["ms_per_add_beyond_embedding"] == pytest.approx(3e3)
        assert figures["ms_per_add"] == pytest.approx(3e3 + 7e3 / len(SESSIONS))
    assert clock.now == 3 * 7 + 2 * (3 * len(SESSIONS) + 2 * 5), "it is embedded once"
