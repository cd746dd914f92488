"""One conversation of one user with one model and its memory."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from memgraft.core.errors import InvalidInput
from memgraft.core.recall import Passages, Patch, Query
from memgraft.core.scope import Scope
from memgraft.host.load import Host
from memgraft.host.prompt import with_passages
from memgraft.host.session import GenerationConfig, Session
from memgraft.memory import Memory, passages_of, patch_of

PASSAGES = 5
# A passage that is neither near in meaning nor shares a word would only distract.
MIN_COSINE = 0.25
# The longest conversation that is kept in the prompt, in tokens; longer loses its oldest turns.
CONTEXT_TOKENS = 4096


class Conversation:
    """Turns, the cache they live in, and what was recalled for the last one.

    A turn that was answered from the weights is not kept: what it says is a memory, which can
    be recalled again and can be forgotten, and must not live on in the prompt. So in weights
    mode no prompt ever holds a stored fact, unless the user types one.
    """

    def __init__(
        self,
        memory: Memory,
        host: Host,
        scope: Scope,
        generation: GenerationConfig = GenerationConfig(),
    ) -> None:
        self.memory = memory
        self.host = host
        self.scope = scope
        self.session = Session(host, generation)
        self.turns: list[dict[str, str]] = []
        self.prompt = ""
        self.patch = Patch()
        self.passages = Passages()

    def reply(self, said: str) -> Iterator[str]:
        """Yield the reply in pieces. Closing it early keeps what was said so far."""
        recalls = self.memory.recall(Query(said, self.scope, PASSAGES))
        self.patch = patch_of(recalls)
        self.passages = _relevant(passages_of(recalls))
        turn = {"role": "user", "content": said}
        self.prompt = self._fitted(turn)
        pieces: list[str] = []
        try:
            for piece in self.session.stream(self.prompt, self.patch):
                pieces.append(piece)
                yield piece
        finally:
            if not self.patch:
                self.turns += [turn, {"role": "assistant", "content": "".join(pieces).strip()}]

    def restart(self) -> None:
        """Drop all that was said or recalled, so that nothing answers for a forgotten fact."""
        self.turns.clear()
        self.prompt, self.patch, self.passages = "", Patch(), Passages()

    def why(self) -> dict[str, Any]:
        """What was awake or quoted for the last reply, with scores, and its exact prompt."""
        return {
            "awake": [_fact(fact.text, fact.score) for fact in self.patch.awake],
            "considered": [_fact(fact.text, fact.score) for fact in self.patch.considered],
            "passages": [_fact(item.text, item.score) for item in self.passages.items],
            "prompt": self.prompt,
        }

    def _fitted(self, turn: dict[str, str]) -> str:
        """The prompt, after dropping the oldest turns that do not fit."""
        limit = getattr(self.host.model.config, "max_position_embeddings", CONTEXT_TOKENS)
        room = min(limit, CONTEXT_TOKENS) - self.session.config.max_new_tokens
        while True:
            prompt = self.host.prompt(with_passages([*self.turns, turn], self.passages))
            size = len(self.host.encode(prompt))
            if size <= room:
                return prompt
            if not self.turns:
                raise InvalidInput(
                    "the message is too long for the model",
                    expected=f"at most {room:,} tokens with the prompt around it",
                    got=f"{size:,}",
                    next_step="say it in parts",
                )
            del self.turns[:2]


def _relevant(passages: Passages) -> Passages:
    return Passages(
        tuple(
            item
            for item in passages.items
            if item.signals["cosine"] >= MIN_COSINE or item.signals["words"] > 0
        )
    )


def _fact(text: str, score: float) -> dict[str, Any]:
    return {"memory": text, "score": round(score, 3)}
