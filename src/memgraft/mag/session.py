"""Turns of a conversation that go through a memory, and are in no later prompt."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import torch
from torch import Tensor

from memgraft.core.errors import InvalidInput
from memgraft.core.recall import Patch
from memgraft.core.scope import Scope
from memgraft.host.session import GenerationConfig, Session
from memgraft.mag.cache import memories, remember, reset_all_memory
from memgraft.mag.home import OPENING, SEGMENT, MagHome, ScopeState

# The longest stretch of a conversation that attention looks back on; beyond it, the memory does.
CONTEXT_TOKENS = 4096
# Never shown to a model.
_TURN = [{"role": "user", "content": "question"}, {"role": "assistant", "content": "a reply"}]


class MagSession(Session):
    """A conversation of one scope.

    Each turn's tokens are computed once: then they are in the cache, where attention finds those
    of this session (through its window, if it has one), and in the memories, whose states are
    kept by the home after every turn and outlive the session. A reply that is broken off is heard
    as far as it was given out. Where a state was built anew since the last turn, attention begins
    anew, too: its keys and values were computed with what was to be forgotten.
    """

    def __init__(
        self, home: MagHome, scope: Scope, config: GenerationConfig = GenerationConfig()
    ) -> None:
        super().__init__(home.host, config)
        self.home, self.scope = home, scope
        self.restart()

    def restart(self) -> None:
        """Let attention begin anew; the memories are as they were."""
        from transformers import DynamicCache

        self._cache: Any = DynamicCache(config=self.host.model.config)
        self._length = 0
        # Of the state that the last turn found.
        self._origin = ""

    def prompt(self, said: str) -> str:
        """What the model reads next: this message, with what its chat template puts around it, and
        before the first one an opening that is always the same.

        Raises:
            InvalidInput: it is longer than the model can take.
        """
        limit = getattr(self.host.model.config, "max_position_embeddings", CONTEXT_TOKENS)
        ending = len(self.host.encode(self._ending()))
        room = min(limit, CONTEXT_TOKENS) - self.config.max_new_tokens - ending
        self._state()
        if self._length:
            prompt = self._next(said)
            if self._length + len(self.host.encode(prompt)) <= room:
                return prompt
            self.restart()
        prompt = OPENING + self.host.prompt([{"role": "user", "content": said}])
        size = len(self.host.encode(prompt))
        if size > room:
            raise InvalidInput(
                "the message is too long for the model",
                expected=f"at most {room:,} tokens with the prompt around it",
                got=f"{size:,}",
                next_step="say it in parts",
            )
        return prompt

    @torch.inference_mode()
    def tokens(self, prompt: list[int], patch: Patch = Patch()) -> Iterator[int]:
        """Yield the ids of the reply to the next turn, without the token that ends it.

        Args:
            prompt: the ids of `prompt`.
            patch: as in `Session`; memories that stream need none, and it must be empty.
        """
        assert not patch, "a home with a state has no patch"
        before = self._state()
        self._origin = before.origin
        # A state that holds nothing would leave what the cache held before.
        reset_all_memory(self._cache)
        remember(self._cache, before.layers)
        unheard = prompt
        try:
            for _ in range(self.config.max_new_tokens):
                token = self._choose(self._read(unheard))
                unheard = []
                if token in self.host.end_ids:
                    break
                unheard = [token]
                yield token
        finally:
            # Also where the reply is broken off; but not where the model was.
            if self._length:
                self._read(unheard + self.host.encode(self._ending()))
                self.home.heard(before, memories(self._cache))

    def _state(self) -> ScopeState:
        """Where the memories stand; if not where the last turn left off, attention begins anew."""
        state = self.home.state(self.scope)
        if self._length and state.origin != self._origin:
            self.restart()
        return state

    def _read(self, ids: list[int]) -> Tensor:
        """Logits after these ids, which join the cache and the memories."""
        model = self.host.model
        logits = torch.empty(0)
        try:
            for start in range(0, len(ids), SEGMENT):
                segment = torch.tensor([ids[start : start + SEGMENT]], device=model.device)
                output = model(input_ids=segment, past_key_values=self._cache, logits_to_keep=1)
                logits = output.logits[0, -1]
        except BaseException:
            # Some layers may have read the tokens and some not. The home has the state before.
            self.restart()
            raise
        self._length += len(ids)
        return logits

    def _next(self, said: str) -> str:
        """The message as the template puts it after earlier turns, without them."""
        before = self._rendered()
        whole = self.host.prompt([*_TURN, {"role": "user", "content": said}])
        if whole.startswith(before):
            return whole[len(before) :]
        return self.host.prompt([{"role": "user", "content": said}])

    def _ending(self) -> str:
        """What the template puts after a reply."""
        return self._rendered().rpartition(_TURN[1]["content"])[2]

    def _rendered(self) -> str:
        return self.host.tokenizer.apply_chat_template(
            _TURN, add_generation_prompt=False, tokenize=False
        )
