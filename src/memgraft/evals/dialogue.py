"""How a conversation hangs together, told from vectors of its texts.

All values are cosines of unit vectors, or means of such: in [-1, 1], higher is closer. They depend
on the encoder, so compare only what the same one measured. They see what texts are about, not
whether they agree: "I am vegan" and "I am not vegan" are near each other.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from memgraft.core.errors import InvalidInput
from memgraft.evals.conversations import Conversation
from memgraft.retrieval.memory import Asked, SlotMemory
from memgraft.retrieval.trace import Trace
from memgraft.text.encoder import Encoder, Vectors

# Passages that are recalled for a response.
PASSAGES = 5


def judged(conversation: Conversation, encoder: Encoder) -> dict[str, Any]:
    """All three figures of a conversation, every turn a response to the one before it.

    What is recalled for a turn is what a `SlotMemory` of the turns before it finds with the text of
    the turn that it answers.
    """
    memory = SlotMemory(encoder)
    contexts: list[list[str]] = []
    for before in conversation.turns[:-1]:
        at = before.time.timestamp() if before.time else 0.0
        session, speaker = before.session or None, before.speaker or None
        memory.add([Trace(before.id, before.text, at, at, session, speaker)])
        found = memory.search(before.text, Asked(limit=PASSAGES + 1, now=at))
        contexts.append([hit.trace.text for hit in found if hit.trace.id != before.id][:PASSAGES])
    texts = [turn.text for turn in conversation.turns]
    told = [(text, context) for text, context in zip(texts[1:], contexts, strict=True) if context]
    return {
        "turns": len(texts),
        "coherence": coherence(texts, encoder),
        "context_relevance": context_relevance(
            [text for text, _ in told], [context for _, context in told], encoder
        ),
        "response_consistency": response_consistency(
            texts, [turn.speaker for turn in conversation.turns], encoder
        ),
    }


def coherence(texts: Sequence[str], encoder: Encoder) -> float | None:
    """Mean cosine of neighbouring turns: 1/(n-1) Σ_t cos(x_t, x_{t+1}).

    The first-order coherence of Foltz, Kintsch and Landauer (Discourse Processes 25, 1998), with
    sentence vectors for LSA.

    Args:
        texts: the turns in their order.

    Returns:
        In [-1, 1]; None for fewer than two turns.
    """
    if len(texts) < 2:
        return None
    vectors = encoder.encode(texts)
    return _within(float((vectors[:-1] * vectors[1:]).sum(axis=1).mean()))


def context_relevance(
    responses: Sequence[str], contexts: Sequence[Sequence[str]], encoder: Encoder
) -> float | None:
    """How near responses are to the nearest passage that was retrieved for each:
    mean over r of max_p cos(x_r, x_p).

    The nearest and not the mean: a response that uses one passage of ten has used its context.

    Args:
        responses: what was said.
        contexts: the passages retrieved for each response.

    Returns:
        In [-1, 1]; responses without passages do not count, None if no response has any.

    Raises:
        InvalidInput: not as many contexts as responses.
    """
    if len(responses) != len(contexts):
        raise InvalidInput(
            "every response needs its context, which may be empty",
            expected=f"{len(responses)} contexts",
            got=str(len(contexts)),
        )
    pairs = [
        (response, list(passages))
        for response, passages in zip(responses, contexts, strict=True)
        if passages
    ]
    if not pairs:
        return None
    said = encoder.encode([response for response, _ in pairs])
    read = encoder.encode([passage for _, passages in pairs for passage in passages])
    ends = np.cumsum([len(passages) for _, passages in pairs])
    groups = np.split(read, ends[:-1])
    nearest = [float((group @ one).max()) for one, group in zip(said, groups, strict=True)]
    return _within(float(np.mean(nearest)))


def response_consistency(
    responses: Sequence[str],
    speakers: Sequence[str],
    encoder: Encoder,
    topics: Sequence[str] | None = None,
) -> float | None:
    """How near responses are to what the same speaker said before about the same topic:
    mean over t of cos(x_t, m_t), where m_t is the unit mean of the earlier vectors of that speaker
    and topic.

    Args:
        responses: in their order.
        speakers: who gave each.
        topics: what each is about, such as a category; all the same if not given.

    Returns:
        In [-1, 1]; a speaker's first response about a topic does not count, None if all are first.

    Raises:
        InvalidInput: not as many speakers or topics as responses.
    """
    topics = [""] * len(responses) if topics is None else topics
    if not len(responses) == len(speakers) == len(topics):
        raise InvalidInput(
            "every response needs its speaker and, if any are given, its topic",
            expected=f"{len(responses)} of each",
            got=f"{len(speakers)} speakers, {len(topics)} topics",
        )
    sums: dict[tuple[str, str], Vectors] = {}
    cosines = []
    vectors = encoder.encode(responses) if responses else np.zeros((0, encoder.dimension))
    for vector, key in zip(vectors, zip(speakers, topics, strict=True), strict=True):
        if key in sums:
            cosines.append(_cosine(vector, sums[key]))
            sums[key] = sums[key] + vector
        else:
            sums[key] = vector
    return _within(float(np.mean(cosines))) if cosines else None


def _cosine(vector: Vectors, total: Vectors) -> float:
    """0 where what was said before cancels out."""
    length = float(np.linalg.norm(total))
    return float(vector @ total) / length if length > 1e-9 else 0.0


def _within(value: float) -> float:
    """Rounding may carry a mean of cosines a little beyond 1."""
    return min(1.0, max(-1.0, value))
