"""MemoryWeave's contextual fabric: embeddings with the context that they were met in."""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Literal, NamedTuple, Self, get_args

import numpy as np

from memgraft.core.errors import FolderError, InvalidInput
from memgraft.core.folder import load_config
from memgraft.core.ids import uuid7
from memgraft.nn.art import Mode, Vigilance
from memgraft.retrieval import at_rest
from memgraft.retrieval.categories import CategoryStatistics
from memgraft.retrieval.config import WEIGHTS, RetrievalConfig
from memgraft.retrieval.embedding import Embed, alike, fingerprint, unit
from memgraft.retrieval.inputs import checked_metadata, checked_text, falling, preset_folder, used
from memgraft.retrieval.memory import Asked, Hit, SlotMemory
from memgraft.retrieval.trace import Trace, seconds
from memgraft.text.encoder import Encoder, Vectors
from memgraft.text.when import spans, temporal_fit

Strategy = Literal["similarity", "temporal", "hybrid", "fabric"]
STRATEGIES: tuple[Strategy, ...] = get_args(Strategy)

_NOTHING = dict.fromkeys(WEIGHTS, 0.0)
# The weights of signals by strategy, and the price of a second memory of the same episode.
_WEIGHTS: Mapping[Strategy, tuple[Mapping[str, float], float]] = {
    "similarity": ({**_NOTHING, "cosine": 1.0}, 0.0),
    "temporal": ({**_NOTHING, "cosine": 0.3, "activation": 1.0, "temporal": 2.5}, 0.0),
    "hybrid": (
        {**_NOTHING, "cosine": 1.0, "words": 0.6, "temporal": 1.5, "activation": 0.3,
         "strength": 0.2, "importance": 0.2},
        0.0,
    ),
    "fabric": ({**WEIGHTS, "activation": 0.3, "strength": 0.2}, 0.3),
}  # fmt: skip
# The latest memories that the temporal strategy chooses from, where no time is named.
RECENT = 64
# What the memory before counts in the context of one, and so on with its powers.
FADING = 0.5


class Retrieved(NamedTuple):
    """A memory that was found, how sure it is in [0, 1], and its metadata with its text."""

    memory_id: str
    score: float
    metadata: dict[str, Any]

    @property
    def text(self) -> str:
        return str(self.metadata["text"])


class ContextualMemory:
    """Embeddings with activation, episodes, associations and, if wanted, categories.

    The metadata of a memory may say more about it: `timestamp` (seconds since 1970 or ISO 8601; now
    by default), `speaker`, `session` (memories of one session follow each other) and `importance`
    (in [0, 1]). Not for several threads at once.

    Args:
        embedding_dim: numbers of an embedding.
        use_art_clustering: sort memories into categories by adaptive resonance.
        vigilance_threshold: cosine to a category's prototype that is asked for.
        vigilance_mode: see `memgraft.nn.art.Vigilance`.
        context_window: earlier memories of the session that a memory is found by, too.
    """

    def __init__(
        self,
        embedding_dim: int,
        use_art_clustering: bool = False,
        vigilance_threshold: float = 0.85,
        vigilance_mode: Mode = "fixed",
        context_window: int = 2,
    ) -> None:
        for name, value, least in (
            ("embedding_dim", embedding_dim, 1), ("context_window", context_window, 0)
        ):  # fmt: skip
            if isinstance(value, bool) or not isinstance(value, int) or value < least:
                raise InvalidInput(
                    f"{name} cannot be used",
                    expected=f"a whole number of at least {least}",
                    got=repr(value),
                )
        # Checked even where it is not used: a mistake should not wait for the switch.
        vigilance = Vigilance(mode=vigilance_mode, threshold=vigilance_threshold)
        # The contexts are mixed here, from embeddings: there are no texts to encode.
        config = RetrievalConfig(window=0, vigilance=vigilance if use_art_clustering else None)
        self.memory = SlotMemory(_Given(embedding_dim), config)
        self.context_window = context_window
        self._embedder: list[float] | None = None

    @property
    def embedding_dim(self) -> int:
        return self.memory.encoder.dimension

    def __len__(self) -> int:
        return len(self.memory)

    def __contains__(self, memory_id: object) -> bool:
        return memory_id in self.memory

    # -- writing ---------------------------------------------------------------------------

    def add_memory(
        self, embedding: Any, text: str, metadata: Mapping[str, Any] | None = None
    ) -> str:
        """Keep a memory, and return its id.

        Args:
            embedding: (embedding_dim,).

        Raises:
            InvalidInput: an embedding of another dimension, or with NaN; a blank text; metadata
                that is no JSON. Nothing is kept then.
        """
        vector = self.memory.bank.checked(unit(embedding))
        trace = _trace(checked_text(text), checked_metadata(metadata))
        slot = self.memory.place(trace, vector)
        self._mix([slot])
        return trace.id

    def forget(self, memory_id: str) -> bool:
        """Forget a memory exactly, its part in the context of others too; False if it is none."""
        if memory_id not in self.memory:
            return False
        slot = self.memory.slot(memory_id)
        after = self.memory.episodes.following(slot, self.context_window)
        self.memory.remove(memory_id)
        self._mix(after)
        return True

    def _mix(self, slots: list[int]) -> None:
        """The context of each: its embedding and, fading, those before it in the session."""
        for slot in slots:
            before = self.memory.episodes.window(slot, self.context_window)[::-1]
            mixed = self.memory.bank.get(slot).astype(np.float64)
            for distance, place in enumerate(before, start=1):
                mixed = mixed + FADING**distance * self.memory.bank.get(place)
            self.memory.contexts.put(slot, mixed)

    # -- reading ---------------------------------------------------------------------------

    def retrieve_memories(
        self,
        query_embedding: Any,
        top_k: int = 5,
        activation_boost: bool = True,
        confidence_threshold: float = 0.0,
        *,
        text: str = "",
        strategy: Strategy = "fabric",
        now: float | None = None,
    ) -> list[Retrieved]:
        """The memories that an embedding brings to mind, best first.

        Args:
            query_embedding: (embedding_dim,).
            top_k: how many, at most.
            activation_boost: prefer memories that were used lately and often, and count those that
                are surely meant as used.
            confidence_threshold: leave out what is less sure than this.
            text: what was asked, for its words and for times that it names.
            strategy: `similarity` looks at the embedding alone, `temporal` at the times that the
                text names or else at the latest memories, `hybrid` at embedding, words, times and
                activation, `fabric` at all of it with sessions, associations and categories.
            now: the moment of asking in seconds since 1970; the clock's by default.

        Raises:
            InvalidInput: an embedding, number or strategy that cannot be used.
        """
        vector = self.memory.bank.checked(unit(query_embedding))
        now = time.time() if now is None else now
        asked = Asked(
            limit=top_k,
            now=now,
            where=self._timely(text, now) if check_strategy(strategy) == "temporal" else None,
            confidence=confidence_threshold,
        )
        with self._weighing(strategy, activation_boost):
            hits = self.memory.search_vector(text, vector, asked)
        if activation_boost:
            used(self.memory, hits)
        return [_retrieved(hit, sure) for hit, sure in zip(hits, falling(hits), strict=True)]

    def get(self, memory_id: str) -> Retrieved:
        """One memory, or `NotFound`."""
        return _retrieved(Hit(self.memory.trace(memory_id), 0.0, 1.0), 1.0)

    def activation(self, memory_id: str) -> float:
        """The synaptic strength of a memory in [0, 1], as its last use left it."""
        return float(self.memory.strengths.values[self.memory.slot(memory_id)])

    def _timely(self, text: str, now: float) -> Callable[[Trace], bool]:
        """Which traces the temporal strategy chooses from."""
        named = spans(text, datetime.fromtimestamp(now, UTC))
        if named:
            return lambda trace: temporal_fit(named, datetime.fromtimestamp(trace.time, UTC)) > 0
        times = sorted((trace.time for trace in self.memory.traces()), reverse=True)
        earliest = times[:RECENT][-1] if times else 0.0
        return lambda trace: trace.time >= earliest

    @contextmanager
    def _weighing(self, strategy: Strategy, activation: bool) -> Iterator[None]:
        """Search with the weights of a strategy."""
        usual = self.memory.config
        weights, diversity = _WEIGHTS[strategy]
        if not activation:
            weights = {**weights, "activation": 0.0, "strength": 0.0}
        self.memory.config = replace(usual, weights=weights, diversity=diversity)
        try:
            yield
        finally:
            self.memory.config = usual

    # -- categories ------------------------------------------------------------------------

    def categories(self) -> dict[int, CategoryStatistics]:
        """Size, cohesion and representative of each category; none without clustering."""
        found = self.memory.categories
        return {} if found is None else found.statistics()

    def category_of(self, memory_id: str) -> int | None:
        """The number of a memory's category; None without clustering."""
        self.memory.slot(memory_id)
        found = self.memory.categories
        return None if found is None else found.category_of(memory_id)

    def consolidate_categories(self) -> dict[int, int]:
        """Settle all memories anew: for each category that was, where most of it is now."""
        found = self.memory.categories
        return {} if found is None else found.consolidate()

    # -- at rest ---------------------------------------------------------------------------

    def bind(self, embed: Embed) -> None:
        """Remember which embedding model the embeddings are of.

        Raises:
            InvalidInput: it gives vectors of another dimension.
            FolderError: another model was bound before, perhaps before the memory was saved.
        """
        numbers = fingerprint(embed)
        got = embed(["dimension"]).shape[1]
        if got != self.embedding_dim:
            raise InvalidInput(
                "the embedding model does not fit this memory",
                expected=f"{self.embedding_dim} numbers per embedding",
                got=str(got),
                next_step=f"ContextualMemory(embedding_dim={got})",
            )
        if self._embedder is not None and not alike(self._embedder, numbers):
            raise FolderError(
                "the embeddings of this memory are of another model",
                expected="the embedding model that it was filled with",
                got="one that gives other vectors for the same text",
                next_step="use that model, or add the texts to a new memory",
            )
        self._embedder = self._embedder or numbers

    def save(self, path: str | Path) -> None:
        """Write everything into a folder, which may hold an earlier state of a memory."""
        extra = {
            "preset": type(self).__name__,
            "embedding_dim": self.embedding_dim,
            "context_window": self.context_window,
            "embedder": self._embedder,
        }
        at_rest.save(self.memory, preset_folder(path), extra)

    @classmethod
    def load(cls, path: str | Path) -> Self:
        """What `save` wrote, bit for bit.

        Raises:
            FolderError: no such folder, a damaged one, or one of another kind of memory.
        """
        folder = Path(path).expanduser()
        extra: Any = load_config(folder, at_rest.KIND, at_rest.VERSION).get("extra")
        try:
            if extra["preset"] != cls.__name__:
                raise ValueError(extra["preset"])
            loaded = cls(extra["embedding_dim"], context_window=extra["context_window"])
            loaded._embedder = extra["embedder"]
        except (KeyError, TypeError, ValueError) as error:
            raise FolderError(
                f"{folder} was written by something else, or is damaged",
                expected=cls.__name__,
                got=f"{type(error).__name__}: {error}",
                next_step="load it with the class that wrote it",
            ) from error
        loaded.memory, _ = at_rest.load(folder, loaded.memory.encoder)
        return loaded


class _Given(Encoder):
    """Stands where an encoder does in a memory that is given its vectors."""

    def __init__(self, dimension: int) -> None:
        self.dimension = dimension
        self.id = f"given:{dimension}"

    def encode(self, texts: Any) -> Vectors:
        raise InvalidInput(
            "this memory encodes no texts",
            expected="embeddings",
            next_step="use ContextualRetriever with an embedding model",
        )


def check_strategy(strategy: str) -> Strategy:
    """The strategy of that name, or `InvalidInput`."""
    for known in STRATEGIES:
        if known == strategy:
            return known
    raise InvalidInput(
        f"no strategy is called {strategy!r}", expected=" or ".join(STRATEGIES), got=repr(strategy)
    )


def moment(value: Any) -> float:
    """Seconds since 1970 of a timestamp; `InvalidInput` if it is none."""
    found = seconds(value) if isinstance(value, str) else value
    if isinstance(found, bool) or not isinstance(found, int | float) or not math.isfinite(found):
        found = 0
    if not 0 < found < 253402300800:
        raise InvalidInput(
            "a timestamp cannot be used",
            expected="seconds since 1970, or ISO 8601",
            got=repr(value),
        )
    return float(found)


def _trace(text: str, metadata: dict[str, Any]) -> Trace:
    now = time.time()
    importance: Any = metadata.get("importance", 0.5)
    if isinstance(importance, bool) or not isinstance(importance, int | float):
        importance = -1.0
    if not 0 <= importance <= 1:
        raise InvalidInput(
            "the importance cannot be used",
            expected="a number from 0 to 1",
            got=repr(metadata["importance"]),
        )
    session, speaker = metadata.get("session"), metadata.get("speaker")
    return Trace(
        id=uuid7(),
        text=text,
        time=moment(metadata["timestamp"]) if metadata.get("timestamp") is not None else now,
        written=now,
        episode=None if session is None else str(session),
        speaker=None if speaker is None else str(speaker),
        importance=float(importance),
        metadata=metadata,
    )


def _retrieved(hit: Hit, score: float) -> Retrieved:
    return Retrieved(hit.trace.id, score, {**hit.trace.metadata, "text": hit.trace.text})
