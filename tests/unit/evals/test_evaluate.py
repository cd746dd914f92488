"""The figures of an evaluation, from a system whose every reply is known."""

from __future__ import annotations

from pathlib import Path
from typing import Any, ClassVar

import pytest

from memgraft.evals.injection import UNRELATED, bare_replies, evaluate
from memgraft.evals.rows import FactRow
from memgraft.evals.systems import Opener, System

ROWS = [
    FactRow("Boat: Ada", "What is my boat called?", "Which boat?", "Ada", "Whose boat is it?"),
    FactRow("Cat: Tom", "What is my cat called?", "Which pet?", "Tom", "Whose cat is it?"),
    FactRow("Car: Ida", "What is my car called?", "Which car?", "Ida", "Whose car is it?"),
    FactRow("nothing", "Why?", "Why not?", "Ida", "Who?"),
]


class Parrot(System):
    """Replies with the fact whose first word stands in the question, or "bare"."""

    told: ClassVar[list[list[str]]] = []

    def __init__(self, folder: Path) -> None:
        assert list(folder.iterdir()) == []
        self.facts: dict[str, str] = {}
        self.is_open = True
        Parrot.told.append([])

    def write(self, fact: str) -> bool:
        assert self.is_open
        Parrot.told[-1].append(fact)
        word, colon, value = fact.partition(": ")
        if colon:
            self.facts[word.lower()] = value
        return bool(colon)

    def answer(self, question: str, tokens: int) -> str:
        assert self.is_open
        found = [value for word, value in self.facts.items() if word in question.lower()]
        return found[0] if found else f"bare {tokens}"

    def wakes(self, question: str) -> bool:
        return self.answer(question, 1) != "bare 1"

    @property
    def bytes_per_fact(self) -> float:
        return 10.0 * len(self.facts)

    def close(self) -> None:
        self.is_open = False


@pytest.fixture(autouse=True)
def fresh() -> None:
    Parrot.told = []


def bare(prompt: str, tokens: int) -> str:
    return f"bare {tokens}"


def measured(rows: list[FactRow] = ROWS, stack: int = 2, **more: Any) -> dict[str, Any]:
    return evaluate(Opener("weights", "parrot", Parrot), rows, stack, bare, **more)


def test_the_shares() -> None:
    figures = measured()
    assert (figures["home"], figures["writer"]) == ("weights", "parrot")
    assert figures["system"] == "weights: parrot"
    assert (figures["stack"], figures["n"]) == (2, 4)
    assert figures["question"] == 3 / 4
    assert figures["paraphrase"] == figures["paraphrase_exact"] == 2 / 4
    assert figures["question_exact"] == 3 / 4
    assert figures["neighbour_safe"] == figures["neighbour_unchanged"] == 1 / 4
    assert figures["gate_open_neighbours"] == 3 / 4
    assert figures["refused"] == 1 / 4
    assert figures["bytes_per_fact"] == 15
    for name in ("write_ms_p50", "answer_ms_p50", "route_ms_p50", "peak_mb"):
        assert figures[name] > 0
    assert "locality" not in figures
    assert {"question": "Which pet?", "due": "Tom", "reply": "bare 48"} in figures["misses"]
    assert len(figures["misses"]) == 3


def test_a_changed_neighbour_can_still_be_safe() -> None:
    row = FactRow("Boat: Ada", "Which boat?", "Which boat?", "Bob", "Whose boat?")
    figures = measured([row], 1)
    assert (figures["neighbour_safe"], figures["neighbour_unchanged"]) == (1, 0)


def test_a_fresh_system_per_stack() -> None:
    measured(stack=3)
    assert Parrot.told == [["Boat: Ada", "Cat: Tom", "Car: Ida"], ["nothing"]]


def test_more_facts_lie_among_those_that_are_asked() -> None:
    more = [f"Thing{n}: {n}" for n in range(20)]
    figures = measured(stack=2, more=more)
    assert figures["stack"] == 22
    for told, rows in zip(Parrot.told, (ROWS[:2], ROWS[2:]), strict=True):
        assert sorted(told) == sorted([*more, *(row.fact for row in rows)])
        assert told[-2:] != [row.fact for row in rows]


def test_what_edits_are_measured_by() -> None:
    row = FactRow(
        "Boat: Ada", "Which boat?", "What?", "Ada", subject="the boat", locality="A boat?"
    )
    other = FactRow("Cat: Tom", "Which cat?", "What?", "Tom", subject="it", locality="A hat?")
    figures = measured([row, other])
    assert figures["efficacy"] == figures["question"] == 1
    assert figures["locality"] == 1 / 2
    assert figures["fluency"] == 0
    assert figures["fluency_words"] == 1.5, '"Ada" and "bare 100"'


def test_progress_reaches_the_end_once() -> None:
    told: list[tuple[str, int, int]] = []
    measured(stack=3, more=["x"], progress=lambda *step: told.append(step))
    total = 4 + 2 + 4 + UNRELATED
    assert told == [("weights: parrot, 4 facts", done, total) for done in range(1, total + 1)]


@pytest.mark.parametrize("stack", [1, 2, 4])
def test_small_stacks_take_turns_with_the_unrelated_prompts(
    stack: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked: list[str] = []
    monkeypatch.setattr(
        "memgraft.evals.injection._unchanged", lambda system, prompt, *_: asked.append(prompt) or 1
    )
    measured(stack=stack)
    assert len(asked) == len(set(asked)) == UNRELATED


def test_bare_replies_are_generated_once() -> None:
    reply = bare_replies(Opener("none", None, Parrot))
    assert reply("Who?", 5) == reply("Who?", 5) == "bare 5"
    assert len(Parrot.told) == 1
    assert reply("Who?", 6) == "bare 6"
