"""Memory Transformer: texts in slots that are trained when they are written.

Both classes are presets of `SlotMemory`: an encoder that reads characters, sculpted writes, and
weights for single facts instead of conversations.
"""

from __future__ import annotations

import json
import logging
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, ClassVar, Self, TypeVar

import numpy as np

from memgraft.core.errors import FolderError, InvalidInput
from memgraft.core.ids import check_id, uuid7
from memgraft.core.scope import Scope
from memgraft.retrieval import at_rest
from memgraft.retrieval.activation import faded_strength
from memgraft.retrieval.config import WEIGHTS, RetrievalConfig
from memgraft.retrieval.inputs import (
    checked_metadata,
    checked_scope,
    checked_text,
    falling,
    preset_folder,
    used,
)
from memgraft.retrieval.memory import Asked, Hit, SlotMemory
from memgraft.retrieval.trace import Trace
from memgraft.text.encoder import Encoder
from memgraft.text.open import open_encoder

log = logging.getLogger(__name__)

# Gradient steps per write; benchmarks/sculpting.py tells what they earn.
WRITE_STEPS = 12
# For single facts, which have no speakers, and are no better for being long.
FACTS: Mapping[str, float] = {
    **dict.fromkeys(WEIGHTS, 0.0),
    "cosine": 1.0,
    "words": 0.6,
    "overlap": 0.2,
    "context": 0.2,
    "temporal": 2.5,
    "activation": 0.05,
    "strength": 0.05,
    "association": 0.8,
}

Model = TypeVar("Model", bound="SlotModel")


@dataclass(frozen=True)
class MemoryItem:
    """One memory as it was when it was asked for. Times are in seconds since 1970 (UTC)."""

    key: str
    text: str
    user_id: str | None
    agent_id: str | None
    app_id: str | None
    run_id: str | None
    metadata: Mapping[str, Any]
    created_at: float
    last_used_at: float
    # Writing counts as the first use.
    uses: int
    # In [0, 1]; grows with use and fades without it.
    synaptic_strength: float
    # By name, for an item that a query found.
    signals: Mapping[str, float]


class _Load:
    """`Class.load(path)` makes a model; `model.load(path)` fills that one. Both return it."""

    def __get__(self, model: Model | None, kind: type[Model]) -> Callable[..., Model]:
        return kind._opened if model is None else model._filled


class SlotModel:
    """Texts in trained slots; the part that both presets share.

    Not for several threads at once.

    Args:
        max_slots: capacity at first. When the slots are full, as many again are added; nothing is
            ever evicted.
        encoder: how texts become vectors; by default the one that ships for the class.
        write_steps: gradient steps that sculpt a slot when it is written; 0 stores the text's
            vector as it is.
        weights: of signals, over those of the preset (see `memgraft.retrieval.config.WEIGHTS`).
    """

    # A name that `memgraft.text.open.open_encoder` knows, and slots at first.
    encoder_name: ClassVar[str]
    slots_at_first: ClassVar[int]

    def __init__(
        self,
        max_slots: int | None = None,
        *,
        encoder: Encoder | None = None,
        write_steps: int = WRITE_STEPS,
        weights: Mapping[str, float] | None = None,
    ) -> None:
        max_slots = self.slots_at_first if max_slots is None else max_slots
        if isinstance(max_slots, bool) or not isinstance(max_slots, int) or max_slots < 1:
            raise InvalidInput(
                "max_slots cannot be used",
                expected="a whole number of at least 1",
                got=repr(max_slots),
                next_step="it is where the memory starts: it grows by itself",
            )
        config = RetrievalConfig(weights={**FACTS, **(weights or {})}, write_steps=write_steps)
        self.memory = SlotMemory(encoder or open_encoder(self.encoder_name), config)
        self.max_slots = max_slots
        self.capacity = max_slots
        # How often the slots were full and as many again were added.
        self.grown = 0

    def __len__(self) -> int:
        return len(self.memory)

    def __contains__(self, key: object) -> bool:
        return key in self.memory

    @property
    def write_steps(self) -> int:
        return self.memory.config.write_steps

    # -- writing ---------------------------------------------------------------------------

    def add_memory(
        self,
        text: str,
        user_id: str | None = None,
        agent_id: str | None = None,
        run_id: str | None = None,
        metadata: Mapping[str, Any] | None = None,
        key: str | None = None,
        app_id: str | None = None,
    ) -> str:
        """Write one memory, and return its key. A key that is known already gets the new text.

        Raises:
            InvalidInput: the text is blank, the metadata no JSON, or the key empty. Nothing is
                written then.
        """
        if key is not None:
            check_id(key)
        scope = checked_scope(user_id, agent_id, app_id, run_id)
        return self._write([_trace(text, scope, metadata, key)])[0]

    def add_memories(
        self,
        texts: Sequence[str],
        user_id: str | None = None,
        agent_id: str | None = None,
        run_id: str | None = None,
        metadata: Mapping[str, Any] | None = None,
        app_id: str | None = None,
    ) -> list[str]:
        """Write many memories of one scope, faster than one by one; all of them, or none."""
        scope = checked_scope(user_id, agent_id, app_id, run_id)
        return self._write([_trace(text, scope, metadata, None) for text in texts])

    def forget(self, key: str) -> bool:
        """Forget a memory exactly; False if there is none of this key."""
        if key not in self.memory:
            return False
        self.memory.remove(key)
        return True

    def delete_all(
        self,
        user_id: str | None = None,
        agent_id: str | None = None,
        run_id: str | None = None,
        app_id: str | None = None,
    ) -> int:
        """Forget all memories of a scope; how many. Without any id it is refused."""
        scope = checked_scope(user_id, agent_id, app_id, run_id)
        if not scope.given():
            raise InvalidInput(
                "delete_all needs a scope",
                expected="at least one of user_id, agent_id, run_id, app_id",
                got="none",
                next_step="name one, or call reset() to forget everything",
            )
        keys = [trace.id for trace in self.memory.traces() if scope.covers(trace.scope)]
        for key in keys:
            self.memory.remove(key)
        return len(keys)

    def reset(self) -> None:
        """Forget everything."""
        self.memory = SlotMemory(self.memory.encoder, self.memory.config)
        self.capacity, self.grown = self.max_slots, 0

    # -- reading ---------------------------------------------------------------------------

    def query(
        self,
        text: str,
        user_id: str | None = None,
        agent_id: str | None = None,
        run_id: str | None = None,
        top_k: int = 5,
        app_id: str | None = None,
        learn: bool = True,
    ) -> list[tuple[float, MemoryItem]]:
        """The memories that have to do with a text, best first, each with how sure it is.

        A score is in [0, 1] and combines cosine and words (`memgraft.retrieval.memory.confidence`);
        the order is that of all signals, and scores fall with it. With `learn`, the memories that
        are surely meant grow stronger.

        Raises:
            InvalidInput: the text is blank, or `top_k` is not at least 1.
        """
        scope = checked_scope(user_id, agent_id, app_id, run_id)
        hits = self.memory.search(checked_text(text), Asked(limit=top_k, scope=scope))
        if learn:
            used(self.memory, hits)
        return list(zip(falling(hits), map(self._item, hits), strict=True))

    def recall_by_key(self, key: str) -> MemoryItem | None:
        """The memory of this key, if there is one."""
        return self._item(Hit(self.memory.trace(key), 0.0, 0.0)) if key in self.memory else None

    def items(self) -> list[MemoryItem]:
        """All memories, in the order in which they were written."""
        return [self._item(Hit(trace, 0.0, 0.0)) for trace in self.memory.traces()]

    # -- upkeep ----------------------------------------------------------------------------

    def memory_replay(self, count: int = 32, at: float | None = None) -> list[str]:
        """Strengthen the memories that have faded most; their keys, weakest first.

        Args:
            count: how many, at most.
            at: the moment, in seconds since 1970; now by default.
        """
        if isinstance(count, bool) or not isinstance(count, int) or count < 1:
            raise InvalidInput(
                "so many memories cannot be replayed",
                expected="a whole number of at least 1",
                got=repr(count),
            )
        memory = self.memory
        at = time.time() if at is None else at
        slots = np.array(memory.living(), np.intp)
        strength = faded_strength(
            memory.strengths.values[slots], memory.last_used.values[slots], at
        )
        weakest = slots[np.argsort(strength, kind="stable")[:count]]
        keys = [memory.at(slot).id for slot in weakest.tolist()]
        memory.replay(keys, at)
        return keys

    def compact(self) -> int:
        """Close the gaps that forgotten memories left; how many slots that freed."""
        return self.memory.compact()

    def stats(self) -> dict[str, Any]:
        """Figures for people."""
        return {
            "memories": len(self),
            "slots": self.memory.bank.slots,
            "capacity": self.capacity,
            "grown": self.grown,
            "encoder": self.memory.encoder.id,
            "write_steps": self.write_steps,
        }

    # -- at rest ---------------------------------------------------------------------------

    def save(self, path: str | Path) -> None:
        """Write everything into a folder, which may hold an earlier state of a memory.

        Raises:
            FolderError: the folder is something else's.
        """
        figures = {"max_slots": self.max_slots, "capacity": self.capacity, "grown": self.grown}
        at_rest.save(self.memory, preset_folder(path), {"preset": type(self).__name__, **figures})

    load = _Load()

    @classmethod
    def _opened(cls, path: str | Path, encoder: Encoder | None = None) -> Self:
        """What `save` wrote, bit for bit.

        Args:
            path: the folder.
            encoder: the one that it was written with, if that was not the default.

        Raises:
            FolderError: no such folder, a damaged one, or vectors of another encoder.
        """
        model = cls.__new__(cls)
        return model._take(path, encoder or open_encoder(cls.encoder_name))

    def _filled(self, path: str | Path) -> Self:
        """Replace all that this model holds by a folder's content; nothing changes on an error."""
        return self._take(path, self.memory.encoder)

    def _take(self, path: str | Path, encoder: Encoder) -> Self:
        folder = Path(path).expanduser()
        memory, extra = at_rest.load(folder, encoder)
        if extra.get("preset") != type(self).__name__:
            raise FolderError(
                f"{folder} was written by something else",
                expected=type(self).__name__,
                got=str(extra.get("preset")),
                next_step="load it with the class that wrote it",
            )
        self.max_slots, self.capacity, self.grown = (
            int(extra[name]) for name in ("max_slots", "capacity", "grown")
        )
        self.memory = memory
        return self

    # -- inside ----------------------------------------------------------------------------

    def _write(self, traces: Sequence[Trace]) -> list[str]:
        self.memory.add(traces)
        while self.memory.bank.slots > self.capacity:
            self.capacity += self.max_slots
            self.grown += 1
            log.info("the slots were full: there are %d now", self.capacity)
        return [trace.id for trace in traces]

    def _item(self, hit: Hit) -> MemoryItem:
        memory, trace = self.memory, hit.trace
        slot = memory.slot(trace.id)
        return MemoryItem(
            key=trace.id,
            text=trace.text,
            user_id=trace.scope.user_id,
            agent_id=trace.scope.agent_id,
            app_id=trace.scope.app_id,
            run_id=trace.scope.run_id,
            metadata=trace.metadata,
            created_at=trace.written,
            last_used_at=float(memory.last_used.values[slot]),
            uses=int(memory.uses.values[slot]),
            synaptic_strength=float(memory.strengths.values[slot]),
            signals=hit.signals,
        )


class MemoryTransformer(SlotModel):
    """Texts in trained slots, read by a character-level transformer.

    >>> mt = MemoryTransformer(max_slots=1024)
    >>> key = mt.add_memory("Alice enjoys coffee and hiking", user_id="alice")
    >>> for score, item in mt.query("coffee", user_id="alice", top_k=5):
    ...     print(score, item.text)
    """

    encoder_name = "char_transformer"
    slots_at_first = 1024


class HierarchicalMemoryModel(SlotModel):
    """Texts in trained slots, read by a character-level convolution: a faster encoder.

    >>> hmm = HierarchicalMemoryModel(max_slots=2048)
    >>> key = hmm.add_memory("Remember to call Bob tomorrow", user_id="me")
    >>> print(hmm.query("call Bob", user_id="me", top_k=3))
    """

    encoder_name = "char_conv"
    slots_at_first = 2048


def _trace(text: str, scope: Scope, metadata: Mapping[str, Any] | None, key: str | None) -> Trace:
    """A run of one user and agent is an episode; runs of others that are called alike are not."""
    now = time.time()
    episode = None
    if scope.run_id is not None:
        episode = json.dumps([scope.user_id, scope.agent_id, scope.app_id, scope.run_id])
    return Trace(
        id=key or uuid7(),
        text=checked_text(text),
        time=now,
        written=now,
        episode=episode,
        scope=scope,
        metadata=checked_metadata(metadata),
    )
