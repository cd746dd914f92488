"""Generation, token by token, with the key-value cache kept from turn to turn."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor

from memgraft.core.config import Config
from memgraft.core.recall import Patch
from memgraft.host.attach import attach
from memgraft.host.load import Host


@dataclass(frozen=True)
class GenerationConfig(Config):
    """How replies are made. Temperature 0 is greedy; the seed matters only above it."""

    max_new_tokens: int = 256
    temperature: float = 0.0
    seed: int = 0


class Session:
    """A conversation's cache on one model.

    The cache holds only what the *bare* model computed. A patch is awake from the last token
    of the prompt on, where the reply begins; what was computed under it is dropped before the
    bare model computes again. So a turn on which no memory is awake is bit for bit the bare
    model's.
    """

    def __init__(self, host: Host, config: GenerationConfig = GenerationConfig()) -> None:
        from transformers import DynamicCache

        self.host = host
        self.config = config
        self._cache: Any = DynamicCache()
        self._cached: list[int] = []
        self._generator = torch.Generator().manual_seed(config.seed)

    def stream(self, prompt: str, patch: Patch = Patch()) -> Iterator[str]:
        """Yield the reply in pieces of text as they become certain. Close it at any time."""
        emitted, tokens = "", []
        for token in self.tokens(self.host.encode(prompt), patch):
            tokens.append(token)
            text = self.host.tokenizer.decode(tokens, skip_special_tokens=True)
            if len(text) > len(emitted) and not text.endswith("\ufffd"):
                yield text[len(emitted) :]
                emitted = text

    @torch.inference_mode()
    def tokens(self, prompt: list[int], patch: Patch = Patch()) -> Iterator[int]:
        """Yield the ids of the reply, without the token that ends it."""
        self._prefill(prompt[:-1])
        token = prompt[-1]
        for _ in range(self.config.max_new_tokens):
            # Not around the `yield`: the caller may use the model while the reply is suspended.
            with attach(self.host.model, patch):
                logits = self._forward([token], bare=not patch)
            token = self._choose(logits)
            if token in self.host.end_ids:
                return
            yield token

    def logits(self, prompt: list[int], patch: Patch = Patch()) -> Tensor:
        """Next-token logits after a prompt, shape (vocabulary,)."""
        with torch.inference_mode():
            self._prefill(prompt[:-1])
            with attach(self.host.model, patch):
                result = self._forward([prompt[-1]], bare=False)
        return result

    def _prefill(self, ids: list[int]) -> None:
        """Make the cache hold exactly `ids`, computing only what is not there yet."""
        shared = 0
        for have, want in zip(self._cached, ids, strict=False):
            if have != want:
                break
            shared += 1
        self._crop(shared)
        if ids[shared:]:
            self._forward(ids[shared:])

    def _forward(self, ids: list[int], bare: bool = True) -> Tensor:
        """Logits after `ids`, which join what is cached only if they are computed `bare`."""
        if bare:
            self._crop(len(self._cached))
        try:
            output = self.host.model(
                input_ids=torch.tensor([ids]), past_key_values=self._cache, logits_to_keep=1
            )
        except BaseException:
            # Some layers may hold the new tokens and some not: agree on what all of them hold.
            self._crop(len(self._cached))
            raise
        if bare:
            self._cached += ids
        return output.logits[0, -1]

    def _crop(self, length: int) -> None:
        self._cached = self._cached[:length]
        for layer in self._cache.layers:
            surplus = layer.get_seq_length() - length
            if surplus > 0:
                layer.crop(-surplus)

    def _choose(self, logits: Tensor) -> int:
        if self.config.temperature <= 0:
            return int(logits.argmax())
        weights = torch.softmax(logits / self.config.temperature, dim=-1)
        return int(torch.multinomial(weights, 1, generator=self._generator))
