"""Models of transformers that remember."""

from __future__ import annotations

from typing import Any

import torch

from memgraft.core.errors import InvalidInput
from memgraft.core.recall import Passages
from memgraft.core.scope import Scope
from memgraft.host.load import PLAIN_TEMPLATE
from memgraft.integrations.adapter import Adapter, conversation
from memgraft.integrations.recollection import recollection
from memgraft.retrieval.dialogue import Message

MAX_NEW_TOKENS = 128


class HuggingFaceAdapter(Adapter):
    """A causal language model of transformers with a memory.

    Where the conversation and what is recalled are too long for the model, the oldest turns are
    left out, then the memories that fit least.

    Args:
        memory_system: see `memgraft.integrations.recollection.recollection`.
        model: a causal language model; it is not changed.
        tokenizer: its own; its chat template is used if it has one.
        top_k: memories that go into a prompt, at most.
        scope: whose memories, if `memory_system` is a `Memory`.
    """

    def __init__(
        self,
        memory_system: Any,
        model: Any,
        tokenizer: Any,
        top_k: int = 5,
        scope: Scope = Scope(),
    ) -> None:
        super().__init__(recollection(memory_system, scope), top_k)
        self.model = model
        self.tokenizer = tokenizer

    def _reply(
        self, before: list[Message], user_input: str, passages: Passages, options: dict[str, Any]
    ) -> str:
        options = {"max_new_tokens": MAX_NEW_TOKENS, **options}
        ids = self._fitting(before, user_input, passages, options["max_new_tokens"])
        ids = ids.to(self.model.device)
        ends = self.model.generation_config.eos_token_id
        padding = self.tokenizer.pad_token_id
        if padding is None and ends is not None:
            padding = ends[0] if isinstance(ends, list) else ends
        if padding is not None:
            options.setdefault("pad_token_id", padding)
        with torch.inference_mode():
            made = self.model.generate(
                input_ids=ids, attention_mask=torch.ones_like(ids), **options
            )
        sequences = getattr(made, "sequences", made)
        reply = sequences[0, ids.shape[1] :]
        return str(self.tokenizer.decode(reply, skip_special_tokens=True)).strip()

    def _fitting(
        self, before: list[Message], user_input: str, passages: Passages, new_tokens: int
    ) -> torch.Tensor:
        """The prompt's tokens, (1, n), with as much of what came before as the model can read."""
        room = getattr(self.model.config, "max_position_embeddings", None)
        while True:
            ids = self._tokens(conversation(before, user_input, passages))
            if room is None or ids.shape[1] + new_tokens <= room:
                return ids
            if before:
                before = before[1:]
            elif passages:
                passages = Passages(passages.items[:-1])
            else:
                raise InvalidInput(
                    "the input is too long for this model",
                    expected=f"at most {room - new_tokens} tokens beside {new_tokens} new ones",
                    got=f"{ids.shape[1]} tokens",
                    next_step="shorten it, or lower max_new_tokens in generation_kwargs",
                )

    def _tokens(self, messages: list[Message]) -> torch.Tensor:
        template = None if self.tokenizer.chat_template else PLAIN_TEMPLATE
        text = self.tokenizer.apply_chat_template(
            messages, chat_template=template, add_generation_prompt=True, tokenize=False
        )
        encoded = self.tokenizer(text, add_special_tokens=template is not None, return_tensors="pt")
        return encoded["input_ids"]
