"""The order in which memory branches learn, each phase from what the one before has left.

As in the first prototype: exact retrieval under growing length, then chains of hops, then code,
with sizes that can be scaled down for small machines. Phase 0 comes before: facts that stand
densely, so that writing and asking are learned before selecting is. Phase 4 comes last: what a chat
is told, with all that has nothing to do with it left as it is.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from memgraft.core.errors import InvalidInput
from memgraft.train.mag_samples import Source

# Tokens that every sample has room for, however far it is scaled down.
SHORTEST = 128


@dataclass(frozen=True)
class Phase:
    """What one phase trains on.

    kinds: tasks with their options; one is drawn per context. tokens: sizes at scale 1, one of
    which is drawn. rate: of the run's learning rate. goal: what it is for.
    """

    kinds: tuple[tuple[str, Mapping[str, Any]], ...]
    tokens: tuple[int, ...]
    rate: float
    goal: str

    def sources(self, scale: float) -> list[Source]:
        """What to draw samples from, at a share of the phase's sizes."""
        tokens = tuple(max(SHORTEST, round(scale * size)) for size in self.tokens)
        return [Source(task, tokens, dict(options)) for task, options in self.kinds]


K = 1024
_FACTS: dict[str, Any] = {
    "values": ("number", "word", "code"),
    "wordings": ("magic", "secret", "register", "belongs"),
}

# Where every line matters: pairs of random strings, and chains of them told step by step.
_DENSE: tuple[tuple[str, Mapping[str, Any]], ...] = (
    *(("hash-hop", {"hops": (1,), "length": letters}) for letters in (4, 8, 12, 16)),
    *(("hash-hop", {"hops": (2,), "length": letters, "cot": True}) for letters in (8, 16)),
)

# What a chat is asked for: three in four of the samples of its phase, beside needles.
_TOLD: tuple[tuple[str, Mapping[str, Any]], ...] = (
    *(("told", {"facts": (number,)}) for number in (1, 1, 2, 4, 8, 8)),
)


def _needles(distractors: tuple[int, ...]) -> tuple[tuple[str, Mapping[str, Any]], ...]:
    return tuple(
        ("needle", {**_FACTS, "form": form, "distractors": number})
        for form in ("continue", "question")
        for number in distractors
    )


PHASES: dict[str, Phase] = {
    "0a": Phase(_needles((7,)), (8 * K,), 1.0, "write a fact, ask for it"),
    "0b": Phase(_needles((0, 3, 7)), (16 * K, 32 * K, 64 * K), 1.0, "leave the rest out"),
    "0c": Phase((*_needles((3,)), *_DENSE), (8 * K, 16 * K, 32 * K), 1.0, "keep all that is dense"),
    "1a": Phase(
        (*_needles((3,)), ("hash-hop", {"hops": (1, 2), "style": "agents", "cot": True})),
        (8 * K, 16 * K),
        1.0,
        "gates learn to open",
    ),
    "1b": Phase(
        (*_needles((3,)), ("hash-hop", {"hops": (1, 2), "style": "agents", "cot": True})),
        (32 * K, 64 * K),
        0.5,
        "memory learns to persist",
    ),
    "2a": Phase(
        (("dependency", {"hops": (2,), "cot": True}),), (32 * K,), 0.5, "queries are refined"
    ),
    "2b": Phase((("dependency", {"hops": (3, 4), "cot": True}),), (64 * K,), 0.5, "chains of hops"),
    "3a": Phase((("code", {"ask": "name"}),), (64 * K, 128 * K), 0.3, "retrieval by meaning"),
    "3b": Phase(
        (("code", {"ask": "name"}), ("code", {"ask": "source"})),
        (128 * K,),
        0.3,
        "resistance to noise",
    ),
    "4a": Phase((*_needles((3,)), *_TOLD), (8 * K, 16 * K), 1.0, "facts told in conversation"),
    "4b": Phase((*_needles((3,)), *_TOLD), (16 * K, 32 * K), 0.5, "facts in long conversations"),
}


def phases(names: str) -> list[str]:
    """Names of phases, divided by commas, in the curriculum's order; `0a-1b` is all between.

    Raises:
        InvalidInput: there is no such phase.
    """
    known = list(PHASES)
    chosen: list[str] = []
    for part in filter(None, (part.strip() for part in names.split(","))):
        first, _, last = part.partition("-")
        last = last or first
        if first not in known or last not in known:
            raise InvalidInput(f"no phase is called {part!r}", expected=", ".join(known), got=names)
        chosen += known[known.index(first) : known.index(last) + 1]
    if not chosen:
        raise InvalidInput("no phase is named", expected=", ".join(known))
    return [name for name in known if name in chosen]
