"""The self-check of a write: does the model, changed, answer these questions with the reply?"""

from __future__ import annotations

from collections.abc import Sequence

import torch

from memgraft.host.load import Host
from memgraft.injection.forcing import ForcedReplies, Terms
from memgraft.injection.reading import prompt_ids, reply_ids


@torch.no_grad()
def unanswered(host: Host, terms: Terms, questions: Sequence[str], reply: str) -> tuple[str, ...]:
    """The questions that a greedy reply would not answer word for word.

    One forward pass: greedy decoding follows the reply exactly if every token of it is the most
    likely one after those before. The terms are those of one group; see `ForcedReplies`.
    """
    if not questions:
        return ()
    prompts = [prompt_ids(host, question) for question in questions]
    forced = ForcedReplies.run(host, prompts, [reply_ids(host, reply)] * len(prompts))
    likeliest = forced.logits(forced.hidden(terms), forced.valid).argmax(dim=-1)
    right = (likeliest == forced.target[forced.valid]).reshape(len(prompts), -1).all(dim=1)
    return tuple(q for q, hit in zip(questions, right.tolist(), strict=True) if not hit)
