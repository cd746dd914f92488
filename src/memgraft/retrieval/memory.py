"""The one composition that every way of retrieving is a preset of: encoder, slots, signals, fusion.

write   encode, sculpt, link to the episode, index the words
read    nominate candidates → a column per signal → z-sum → the best lift what they lead to → choose
"""

from __future__ import annotations

import contextlib
import time
from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

import numpy as np
from numpy.typing import NDArray

from memgraft.core.errors import InvalidInput, NotFound
from memgraft.core.ids import check_id
from memgraft.core.scope import Scope
from memgraft.retrieval.activation import faded_strength, strengthened
from memgraft.retrieval.associations import Associations
from memgraft.retrieval.bank import SlotBank
from memgraft.retrieval.categories import CategoryMap
from memgraft.retrieval.columns import Column
from memgraft.retrieval.config import RetrievalConfig
from memgraft.retrieval.episodes import Episodes
from memgraft.retrieval.lexical import LexicalIndex
from memgraft.retrieval.sculpt import encoded_views, sculpted
from memgraft.retrieval.selection import adaptive_count, diverse, within_budget
from memgraft.retrieval.signals import (
    Question,
    Ranking,
    candidates,
    ranked,
    with_associates,
    without_speakers,
)
from memgraft.retrieval.trace import Trace
from memgraft.text.encoder import Encoder, Vectors
from memgraft.text.when import spans

# What a fresh memory's synapse weighs.
STRENGTH = 0.5
# A hit that is surer than this is what the memory was read for, and associates.
SURE = 0.5


@dataclass(frozen=True)
class Hit:
    """A trace that was found, its fused score, how sure it is in [0, 1], and its signals."""

    trace: Trace
    score: float
    confidence: float
    signals: Mapping[str, float] = field(default_factory=dict)


@dataclass(frozen=True)
class Asked:
    """How a memory is searched.

    `now` is the moment that "yesterday" is seen from, in seconds since 1970; the clock's by
    default. Of the traces that `scope` covers and `where` accepts, the best `limit` are given: only
    those at least as sure as `confidence`, only up to the widest gap of their scores if `adaptive`,
    and no more than `tokens` together.
    """

    limit: int = 10
    now: float | None = None
    scope: Scope = Scope()
    where: Callable[[Trace], bool] | None = None
    confidence: float = 0.0
    adaptive: bool = False
    tokens: int | None = None

    def __post_init__(self) -> None:
        if isinstance(self.limit, bool) or not isinstance(self.limit, int) or self.limit < 1:
            raise InvalidInput(
                "so many memories cannot be found",
                expected="a whole number of at least 1",
                got=repr(self.limit),
                next_step="ask for one or more; more than there are gives all",
            )
        if not 0.0 <= self.confidence <= 1.0:
            raise InvalidInput(
                "the least confidence cannot be used",
                expected="a number from 0 to 1",
                got=repr(self.confidence),
            )


ASKED = Asked()


class SlotMemory:
    """Traces in slots, found by many signals.

    Not for several threads at once. Reading changes nothing by itself: tell `observe` what was
    used.

    Args:
        encoder: how texts become vectors; its id is what saved vectors belong to.
        config: weights and limits.
    """

    def __init__(self, encoder: Encoder, config: RetrievalConfig | None = None) -> None:
        self.encoder = encoder
        self.config = config or RetrievalConfig()
        self.associations = Associations()
        self._clear()
        vigilance = self.config.vigilance
        self.categories = CategoryMap(encoder.dimension, vigilance) if vigilance else None

    def _clear(self) -> None:
        self.bank = SlotBank(self.encoder.dimension, self.config.ann_above)
        self.contexts = SlotBank(self.encoder.dimension, 1 << 62)
        self.words = LexicalIndex()
        self.episodes = Episodes()
        self.times = Column(np.float64)
        self.written = Column(np.float64)
        self.last_used = Column(np.float64)
        self.uses = Column(np.int64)
        self.strengths = Column(np.float64)
        self.importances = Column(np.float64)
        self.lengths = Column(np.float64)
        self.asks = Column(np.float64)
        self._scope_codes = Column(np.int64)
        self._scopes: dict[Scope, int] = {}
        self._speakers: dict[str, int] = {}
        # How many traces each said, by code.
        self._said_by: Counter[int] = Counter()
        self._speaker_codes = Column(np.int64)
        self._traces: list[Trace | None] = []
        self._slots: dict[str, int] = {}
        # Traces that another one stands for, since a dream: told to nobody, and not lost.
        self._asleep: dict[str, str] = {}

    def __len__(self) -> int:
        return len(self._slots)

    def __contains__(self, record_id: object) -> bool:
        return record_id in self._slots

    # -- writing ---------------------------------------------------------------------------

    def add(self, traces: Sequence[Trace]) -> Vectors:
        """Write traces, in order; a known id is replaced. Gives their vectors, (n, d).

        Nothing is written if one of them cannot be.
        """
        for trace in traces:
            check_id(trace.id)
        vectors = self.encoder.encode([trace.said for trace in traces])
        for vector in vectors:
            self.bank.checked(vector)
        # What follows a trace that is replaced holds its old text in its context.
        after = [self._slots[record_id] for record_id in self.followers(t.id for t in traces)]
        slots = [self.place(trace, vector) for trace, vector in zip(traces, vectors, strict=True)]
        self._sculpt([slot for slot in slots if self._traces[slot] is not None])
        self._contextualise(list(dict.fromkeys([*slots, *after])))
        return vectors

    def place(
        self, trace: Trace, vector: NDArray[np.float32], context: NDArray[np.float32] | None = None
    ) -> int:
        """Write one trace with vectors that are known already, and return its slot.

        Without a context vector its own stands for it.
        """
        check_id(trace.id)
        old = self._slots.get(trace.id)
        slot = self.bank.add(vector)
        self.contexts.add(vector if context is None else context)
        # A trace that is replaced leaves the index before its new text enters it.
        if old is not None:
            if self.at(old).text != trace.text:
                self._wake_behind(trace.id)
            self._drop(old)
            self.wake(trace.id)
        self.words.add(trace.id, trace.text)
        self.episodes.add(trace.episode)
        if old is not None:
            self.episodes.swap(old, slot)
        self.times.append(trace.time)
        written = trace.written or trace.time
        self.written.append(written)
        self.last_used.append(written)
        self.uses.append(1)
        self.strengths.append(STRENGTH)
        self.importances.append(trace.importance)
        self.lengths.append(np.log1p(len(trace.text.split())))
        self.asks.append(trace.text.rstrip().endswith(("?", "？", "؟")))
        self._scope_codes.append(self._scopes.setdefault(trace.scope, len(self._scopes)))
        speaker = (trace.speaker or "").casefold()
        code = self._speakers.setdefault(speaker, len(self._speakers))
        self._speaker_codes.append(code)
        self._said_by[code] += 1
        self._traces.append(trace)
        self._slots[trace.id] = slot
        if self.categories is not None:
            self.categories.add(trace.id, self.bank.get(slot))
        return slot

    def remove(self, record_id: str) -> list[str]:
        """Forget a trace exactly: its vector, words, links, and its part in its followers' context.

        Returns:
            The ids of the followers, whose context vectors are new.

        Raises:
            NotFound: no such trace.
        """
        after = self.episodes.following(self.slot(record_id), self.config.window)
        self.discard(record_id)
        self._contextualise(after)
        return [self.at(place).id for place in after]

    def refresh(self, ids: Iterable[str]) -> None:
        """Encode traces anew together with those before them in their episodes."""
        self._contextualise([self.slot(record_id) for record_id in ids])

    def discard(self, record_id: str) -> None:
        """`remove` without encoding anything: its followers' contexts stay as they are."""
        slot = self.slot(record_id)
        self._drop(slot)
        self.episodes.remove(slot)
        del self._slots[record_id]
        self.wake(record_id)
        self._wake_behind(record_id)
        self.associations.forget(record_id)
        if self.categories is not None:
            self.categories.remove(record_id)

    def _drop(self, slot: int) -> None:
        """Empty a slot but for its place in the episode."""
        trace = self._traces[slot]
        assert trace is not None
        self.bank.remove(slot)
        self.contexts.remove(slot)
        self.words.remove(trace.id)
        self._said_by[int(self.speaker_codes[slot])] -= 1
        self._traces[slot] = None

    def _contextualise(self, slots: Sequence[int]) -> None:
        """Encode traces of episodes together with those before them."""
        living = [slot for slot in slots if self._traces[slot] is not None]
        windows = {slot: self.episodes.window(slot, self.config.window) for slot in living}
        inside = [slot for slot in living if windows[slot]]
        texts = [
            " ".join(self.at(place).said for place in [*windows[slot], slot]) for slot in inside
        ]
        for slot in living:
            self.contexts.put(slot, self.bank.get(slot))
        if texts:
            for slot, vector in zip(inside, self.encoder.encode(texts), strict=True):
                self.contexts.put(slot, vector)

    def _sculpt(self, slots: Sequence[int]) -> None:
        """Move fresh slots to where questions about them will come from."""
        steps = self.config.write_steps
        if not steps or not slots:
            return
        views = encoded_views([self.at(slot) for slot in slots], self.encoder)
        for slot, own in zip(slots, views, strict=True):
            clean = self.bank.get(slot).copy()
            near = self.bank.nearest(clean, 9)
            rivals = self.bank.gathered(near[near != slot][:8])
            self.bank.put(slot, sculpted(clean, own, rivals, steps))

    # -- reading ---------------------------------------------------------------------------

    def search(self, text: str, asked: Asked = ASKED) -> list[Hit]:
        """The traces that have to do with a text, best first. Blank text finds nothing."""
        if not text.strip() or not self._slots:
            return []
        return self.search_vector(text, self.encoder.encode([text])[0], asked)

    def search_vector(
        self, text: str, vector: NDArray[np.float32], asked: Asked = ASKED
    ) -> list[Hit]:
        """`search` with the text's vector, (d,), known already."""
        question = self.question(text, vector, asked)
        found = candidates(self, question)
        if not len(found):
            return []
        ranking = with_associates(self, question, ranked(self, question, found))
        episodes = self.episodes.episode[ranking.slots]
        rows = diverse(ranking.scores, episodes, asked.limit, self.config.diversity)
        return self._chosen(ranking, rows, asked)

    def question(self, text: str, vector: NDArray[np.float32], asked: Asked) -> Question:
        """What the signals are asked."""
        now = time.time() if asked.now is None else asked.now
        words, speaker = without_speakers(text, self.speakers.keys() - {""})
        return Question(
            text=text,
            vector=self.bank.checked(vector),
            now=now,
            allowed=self._allowed(asked),
            limit=asked.limit,
            words=words,
            speaker=speaker,
            when=spans(text, datetime.fromtimestamp(now, UTC)),
            scores=self.words.scores(words),
            episodes=self.words.group_scores(words, self.episodes.episode, len(self.episodes)),
        )

    def _allowed(self, asked: Asked) -> NDArray[np.bool_]:
        """Slots that may be found, (slots,)."""
        alive = self.bank.alive
        if self._asleep:
            alive = alive.copy()
            alive[[self._slots[record_id] for record_id in self._asleep]] = False
        if asked.scope.given():
            covered = [code for scope, code in self._scopes.items() if asked.scope.covers(scope)]
            if len(covered) < len(self._scopes):
                alive = alive & np.isin(self._scope_codes.values, covered)
        if asked.where is not None:
            accepted = np.zeros(len(alive), bool)
            for slot in np.flatnonzero(alive).tolist():
                accepted[slot] = asked.where(self.at(slot))
            alive = accepted
        return alive

    def _chosen(self, ranking: Ranking, rows: Sequence[int], asked: Asked) -> list[Hit]:
        hits = []
        for row in rows:
            own = {name: float(column[row]) for name, column in ranking.signals.items()}
            sure = confidence(own["cosine"], own["words"])
            if sure >= asked.confidence:
                trace = self.at(int(ranking.slots[row]))
                hits.append(Hit(trace, float(ranking.scores[row]), sure, own))
        if asked.adaptive:
            ordered = sorted((hit.score for hit in hits), reverse=True)
            hits = hits[: adaptive_count(ordered)]
        if asked.tokens is not None:
            hits = hits[: within_budget([hit.trace.text for hit in hits], asked.tokens)]
        return hits

    # -- use -------------------------------------------------------------------------------

    def observe(self, ids: Iterable[str], at: float | None = None) -> None:
        """Traces were used, at the same time: they become more active, stronger and associated."""
        at = time.time() if at is None else at
        # All of them are known, or nothing changes.
        for record_id, slot in {record_id: self.slot(record_id) for record_id in ids}.items():
            self.strengths.values[slot] = strengthened(
                float(faded_strength(self.strengths.values[slot], self.last_used.values[slot], at))
            )
            self.uses.values[slot] += 1
            self.last_used.values[slot] = max(at, float(self.last_used.values[slot]))
            self.associate(record_id, at)

    def associate(self, record_id: str, at: float | None = None) -> None:
        """A trace was read, or written: it is linked with those that were just before it.

        The present counts, not when a text says that it happened; a time that lies before the
        latest one, from an import say, links nothing.
        """
        at = time.time() if at is None else at
        with contextlib.suppress(InvalidInput):
            self.associations.observe(record_id, at)

    def rest(self, record_id: str, representative: str) -> None:
        """Let another trace stand for one, and for those that it stood for: they are kept, and
        found no more until `wake`."""
        self.slot(record_id)
        self.slot(representative)
        if record_id == representative or representative in self._asleep:
            raise InvalidInput(
                "a trace cannot stand for this one",
                expected="another trace that is awake",
                got=representative,
            )
        self._asleep[record_id] = representative
        for sleeper, other in self._asleep.items():
            if other == record_id:
                self._asleep[sleeper] = representative

    def wake(self, record_id: str) -> None:
        """Undo `rest`; nothing happens to a trace that is awake."""
        self._asleep.pop(record_id, None)

    def _wake_behind(self, record_id: str) -> None:
        """Wake those that a trace stood for and no longer can."""
        for sleeper in [i for i, other in self._asleep.items() if other == record_id]:
            self.wake(sleeper)

    # -- looking in ------------------------------------------------------------------------

    def followers(self, ids: Iterable[str]) -> list[str]:
        """The traces that are encoded together with one of these; ids not held follow nothing."""
        held = [self._slots[record_id] for record_id in ids if record_id in self._slots]
        after = [n for slot in held for n in self.episodes.following(slot, self.config.window)]
        return [self.at(slot).id for slot in dict.fromkeys(after)]

    def slot(self, record_id: str) -> int:
        """The slot of a trace, or `NotFound`."""
        if record_id not in self._slots:
            raise NotFound(f"no trace {record_id} is in this memory", next_step="add it first")
        return self._slots[record_id]

    def trace(self, record_id: str) -> Trace:
        return self.at(self.slot(record_id))

    def traces(self) -> list[Trace]:
        """All traces, in the order of their slots."""
        return [self.at(slot) for slot in self.living()]

    def living(self) -> list[int]:
        return np.flatnonzero(self.bank.alive).tolist()

    def at(self, slot: int) -> Trace:
        """The trace in a slot that is in use."""
        trace = self._traces[slot]
        assert trace is not None
        return trace

    @property
    def asleep(self) -> Mapping[str, str]:
        """The traces that rest, each with the one that stands for it."""
        return self._asleep

    @property
    def speakers(self) -> Mapping[str, int]:
        """The code of each speaker's name in lower case, while some trace is by that speaker; ""
        for traces that nobody said."""
        return {name: code for name, code in self._speakers.items() if self._said_by[code]}

    @property
    def speaker_codes(self) -> NDArray[np.int64]:
        return self._speaker_codes.values

    # -- upkeep ----------------------------------------------------------------------------

    def compact(self) -> int:
        """Close the gaps that removed traces left; how many slots that freed.

        The same is found as before; only the numbers of the slots change.
        """
        empty = self.bank.slots - len(self)
        if not empty:
            return 0
        slots = self.living()
        arrays = self.arrays()
        traces = [self.at(slot) for slot in slots]
        categories, self.categories = self.categories, None
        asleep = self._asleep
        self._clear()
        for trace, vector, context in zip(
            traces, arrays["vectors"], arrays["contexts"], strict=True
        ):
            self.place(trace, vector, context)
        self.restore_use(arrays)
        self.categories, self._asleep = categories, asleep
        return empty

    def _use(self) -> dict[str, Column]:
        """What was learned by being used, by slot."""
        return {"last_used": self.last_used, "uses": self.uses, "strengths": self.strengths}

    def arrays(self) -> dict[str, NDArray[Any]]:
        """All state but the traces themselves, for safetensors; a row per trace of `traces`."""
        rows = np.flatnonzero(self.bank.alive)
        found = {name: column.values[rows] for name, column in self._use().items()}
        found |= {"vectors": self.bank.gathered(rows), "contexts": self.contexts.gathered(rows)}
        found["before"] = self.episodes.links(rows)
        parts = {"associations": self.associations, "categories": self.categories}
        for prefix, part in parts.items():
            if part is not None:
                found |= {f"{prefix}.{name}": array for name, array in part.arrays().items()}
        return found

    def restore_use(self, arrays: Mapping[str, NDArray[Any]]) -> None:
        """Take over how traces were used and follow each other, from what `arrays` gave."""
        self.episodes.relink(arrays["before"])
        for name, column in self._use().items():
            if arrays[name].shape != column.values.shape:  # a single value would go everywhere
                raise InvalidInput(
                    f"{name} does not fit the traces",
                    expected=f"shape {column.values.shape}",
                    got=f"shape {arrays[name].shape}",
                )
            column.values[:] = arrays[name]

    def replay(self, record_ids: Iterable[str], at: float | None = None) -> None:
        """Strengthen traces as reading does, without associating what is replayed by chance."""
        at = time.time() if at is None else at
        for slot in [self.slot(record_id) for record_id in record_ids]:
            fresh = faded_strength(self.strengths.values[slot], self.last_used.values[slot], at)
            self.strengths.values[slot] = strengthened(float(fresh))
            self.last_used.values[slot] = max(at, float(self.last_used.values[slot]))


def confidence(cosine: float, words: float) -> float:
    """How sure a hit is, in [0, 1]: 1 - (1 - dense)(1 - lexical), so either alone suffices."""
    dense = min(1.0, max(0.0, cosine))
    lexical = max(0.0, words) / (max(0.0, words) + 5.0)
    return 1.0 - (1.0 - dense) * (1.0 - lexical)
