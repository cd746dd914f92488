"""The self-check of a write: does the model, changed, answer these questions with the reply?"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import torch

from memgraft.host.load import Host
from memgraft.injection.forcing import ForcedReplies, Terms
from memgraft.injection.opening import Opening
from memgraft.injection.reading import prompt_ids, reply_ids


@dataclass(frozen=True)
class Check:
    """Questions and the reply that is due to all of them, read by the bare model once."""

    questions: tuple[str, ...]
    forced: ForcedReplies

    @classmethod
    def of(
        cls,
        host: Host,
        questions: Sequence[str],
        reply: str,
        opening: Opening | None = None,
    ) -> Check:
        prompts = [prompt_ids(host, question) for question in questions]
        replies = [reply_ids(host, reply)] * len(prompts)
        return cls(tuple(questions), ForcedReplies.at_once(host, prompts, replies, opening))

    @torch.no_grad()
    def failed(self, terms: Terms) -> tuple[str, ...]:
        """The questions that a greedy reply would not answer word for word.

        One forward pass: greedy decoding follows the reply exactly if every token of it is the
        most likely one after those before. The terms are those of one group; see `ForcedReplies`.
        """
        forced = self.forced
        likeliest = forced.logits(forced.hidden(terms), forced.valid).argmax(dim=-1)
        right = likeliest == forced.target[forced.valid]
        hits = right.reshape(len(self.questions), -1).all(dim=1).tolist()
        return tuple(q for q, hit in zip(self.questions, hits, strict=True) if not hit)


def unanswered(host: Host, terms: Terms, questions: Sequence[str], reply: str) -> tuple[str, ...]:
    """`Check` of one change."""
    return Check.of(host, questions, reply).failed(terms) if questions else ()
