"""What a retrieving memory is made of: the weights of its signals and the limits of its search."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Self

from memgraft.core.config import Config
from memgraft.core.errors import InvalidInput
from memgraft.nn.art import Vigilance
from memgraft.retrieval.bank import ANN_ABOVE

# Fitted on three conversations of LoCoMo's development half: the weights under which a softmax
# over the turns puts most on the evidence; see docs/log.md. Signals that those conversations cannot
# judge, since nothing in them is read again or rated, get little.
WEIGHTS: Mapping[str, float] = {
    # What the text says, alone and with what was said just before; its words; its episode's words.
    "cosine": 0.4,
    "context": 0.7,
    "words": 0.28,
    "episode": 0.62,
    "neighbours": 0.25,
    "overlap": 0.0,
    # Who said it, when it happened, how much it tells, and whether it only asks.
    "speaker": 2.19,
    "temporal": 3.21,
    "length": 0.66,
    "asks": -0.46,
    # What became of it since.
    "activation": 0.05,
    "strength": 0.05,
    "importance": 0.1,
    "category": 0.05,
    # The share of a direct hit's score that an association of weight 1 passes on.
    "association": 0.8,
}

# Signals in [0, 1] that mean the same for every query.
ABSOLUTE = frozenset({"speaker", "temporal", "asks"})


@dataclass(frozen=True)
class RetrievalConfig(Config):
    """Everything that decides what is found.

    `weights` may name some signals only; the others keep theirs.
    """

    weights: Mapping[str, float] = field(default_factory=dict)
    # Candidates that each nominating signal brings, at least.
    pool: int = 256
    # Earlier traces of the episode that are encoded with a trace.
    window: int = 2
    # What each trace of an episode that is chosen already costs, in deviations of the scores.
    diversity: float = 0.4
    # Gradient steps that sculpt a slot when it is written; 0 keeps the encoder's vector.
    write_steps: int = 0
    # Categories of the traces, if wanted.
    vigilance: Vigilance | None = None
    ann_above: int = ANN_ABOVE

    def __post_init__(self) -> None:
        unknown = sorted(set(self.weights) - set(WEIGHTS))
        if unknown:
            raise InvalidInput(
                f"no signal is called {', '.join(unknown)}",
                expected=", ".join(WEIGHTS),
                next_step="remove or rename the weight",
            )
        for name, least in (("pool", 1), ("window", 0), ("write_steps", 0), ("ann_above", 1)):
            if getattr(self, name) < least:
                raise InvalidInput(
                    f"{name} cannot be used",
                    expected=f"at least {least}",
                    got=repr(getattr(self, name)),
                )

    def to_dict(self) -> dict[str, Any]:
        """Plain values, from which `from_dict` makes an equal configuration."""
        return {**super().to_dict(), "weights": dict(self.weights)}

    @classmethod
    def from_dict(cls, values: dict[str, Any]) -> Self:
        vigilance = values.get("vigilance")
        if isinstance(vigilance, dict):
            values = {**values, "vigilance": Vigilance.from_dict(vigilance)}
        return super().from_dict(values)

    @property
    def all_weights(self) -> dict[str, float]:
        return {**WEIGHTS, **self.weights}
