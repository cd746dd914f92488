"""The dials of the closed-form writer and of its router."""

from __future__ import annotations

import math
from dataclasses import dataclass

from memgraft.core.config import Config
from memgraft.core.errors import InvalidInput

COMPOSITIONS = ("routed", "sum", "solved")


@dataclass(frozen=True)
class InjectionConfig(Config):
    """Defaults were chosen on hand-written development facts; see docs/log.md."""

    # Which layer is edited, as a share of the model's depth.
    depth: float = 0.8
    # A fact whose restatement has more tokens than this is refused.
    max_answer_tokens: int = 64
    # Prompts in which values are optimised and keys are read: the fact's own questions, and
    # others, which keep the write from depending on how the question is put.
    questions: int = 2
    others: int = 3
    # Adam on the values: up to `steps` of size `rate`, until each token's loss is below `enough`.
    steps: int = 20
    rate: float = 1.0
    enough: float = 0.2
    decay: float = 5e-4
    # Ridge of the key solve: A = covariance · C + ridge · I.
    covariance: float = 0.01
    ridge: float = 0.1
    # Keys of unseen questions match only in part; the gain makes up for it.
    gain: float = 1.75
    # Below this score no fact is awake, while there are at most 150; each half of a further tenfold
    # adds `crowding`: the best of many facts is nearer to any question, small talk too. In steps,
    # so that forgetting a fact hardly ever has a say in whether another is awake.
    threshold: float = 0.35
    crowding: float = 0.045
    # What is awake: `routed` (the best fact, or none), or every fact of the scope, as the `sum` of
    # their changes, or with keys `solved` for all of them together.
    compose: str = "routed"

    def __post_init__(self) -> None:
        if self.compose not in COMPOSITIONS:
            raise InvalidInput(
                f"facts cannot be composed {self.compose!r}", expected=", ".join(COMPOSITIONS)
            )

    def gate(self, facts: int) -> float:
        """The score that the best of so many facts needs to be awake."""
        return self.threshold + self.crowding * math.ceil(2 * math.log10(max(1.0, facts / 150)))
