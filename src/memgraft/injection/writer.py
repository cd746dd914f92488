"""What turns a fact into a change of the model."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Sequence
from dataclasses import dataclass

from memgraft.injection.delta import Delta


@dataclass(frozen=True)
class Attempt:
    """A change, and the questions that the model, changed so, does not answer with the reply."""

    delta: Delta
    failed: tuple[str, ...] = ()


class Writer(ABC):
    """Writes single facts, each on its own."""

    @abstractmethod
    def attempt(self, told: str, reply: str, questions: list[str]) -> Attempt:
        """A change that makes the model answer the questions with the reply, and its check.

        Args:
            told: the fact as the user says it.
            reply: the full sentence that answers every question.
            questions: what the fact's wording lets one ask; at least one.
        """


def first_to_pass(
    writers: Sequence[Writer], told: str, reply: str, questions: list[str]
) -> Attempt:
    """The first attempt without a failed question; if none is, that with the fewest."""
    best: Attempt | None = None
    for writer in writers:
        attempt = writer.attempt(told, reply, questions)
        if best is None or len(attempt.failed) < len(best.failed):
            best = attempt
        if not best.failed:
            break
    assert best, "a home has a writer"
    return best
