"""The closed-form writer: a fact becomes a low-rank change of one projection, without training.

Values are optimised, keys are solved for, as in ROME and MEMIT (Meng et al., arXiv 2202.05262
and 2210.07229), but keyed where a reply begins and goes on instead of at a subject's last token,
which a fact such as "my name is ..." does not have.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import torch
import torch.nn.functional as F
from torch import Tensor

from memgraft.host.anatomy import layers
from memgraft.host.load import Host
from memgraft.injection.config import InjectionConfig
from memgraft.injection.covariance import Background, background
from memgraft.injection.probe import ReplyPass


@dataclass(frozen=True)
class Written:
    """ΔW = a bᵀ: a (d_model, rank), b (d_intermediate, rank), rank = tokens of the reply."""

    a: Tensor
    b: Tensor
    loss: float


class ClosedFormWriter:
    """Writes one fact at a time; holds nothing but the model's background statistics."""

    def __init__(self, host: Host, config: InjectionConfig = InjectionConfig()) -> None:
        self.host = host
        self.config = config
        # The last layer has none above it that could carry a change to the logits.
        depth = len(layers(host.model))
        self.layer = min(round(config.depth * depth), depth - 2)

    def reply_ids(self, reply: str) -> list[int]:
        """The tokens to learn, with the one that ends a reply."""
        return [*self.host.encode(reply), self.host.tokenizer.eos_token_id]

    def write(self, questions: list[str], reply: str) -> Written:
        """The change under which the model answers `questions`, and others like them, with `reply`."""
        prompts = [
            self.host.encode(self.host.prompt([{"role": "user", "content": question}]))
            for question in questions
        ]
        ids = self.reply_ids(reply)
        passed = ReplyPass.run(self.host, self.layer, prompts, ids)
        values, loss = self._values(passed, torch.tensor(ids))
        keys = self._keys(passed.keys)
        return Written(a=values.T.contiguous(), b=keys.T.contiguous(), loss=loss)

    def _values(self, passed: ReplyPass, target: Tensor) -> tuple[Tensor, float]:
        """One vector per reply token that makes it likely after every prompt: (tokens, d_model)."""
        config = self.config
        values = torch.zeros(len(target), passed.hidden.shape[-1], requires_grad=True)
        optimiser = torch.optim.Adam([values], lr=config.rate)
        targets = target.expand(len(passed.hidden), -1)
        loss = torch.tensor(0.0)
        for _ in range(config.steps):
            logits = passed.logits(values)
            loss = F.cross_entropy(logits.transpose(1, 2), targets, reduction="none")
            if loss.detach().max() < config.enough:
                break
            penalty = config.decay * values.square().sum(dim=1).mean()
            optimiser.zero_grad()
            (loss.mean() + penalty).backward()
            optimiser.step()
        return values.detach(), float(loss.detach().mean())

    def _keys(self, inputs: Tensor) -> Tensor:
        """One key per reply token: (tokens, d_intermediate).

        Rows of K are the inputs seen at reply positions, and S sums those of the same token.
        Keys are Sᵀ (I + K A⁻¹ Kᵀ)⁻¹ K A⁻¹ with A = λ C + μ I, so that each answers its own
        token with 1, the other tokens and ordinary chat with about 0. Where replies begin in
        other chats counts as the first token too: a fact is only awake when it is asked for,
        and then its reply must begin however the question was put.
        """
        prompts, tokens, width = inputs.shape
        starts = self._background.starts
        rows = torch.cat([inputs.reshape(prompts * tokens, width), starts])
        first = F.one_hot(torch.zeros(len(starts), dtype=torch.long), tokens)
        select = torch.cat([torch.eye(tokens).repeat(prompts, 1), first.to(inputs)])
        whitened = torch.cholesky_solve(rows.T, self._factor).T
        inner = torch.eye(len(rows)) + rows @ whitened.T
        return self.config.gain * select.T @ torch.linalg.solve(inner, whitened)

    @cached_property
    def _background(self) -> Background:
        return background(self.host, self.layer)

    @cached_property
    def _factor(self) -> Tensor:
        """Cholesky factor of A, computed once."""
        moment = self._background.second_moment
        regular = self.config.covariance * moment + self.config.ridge * torch.eye(len(moment))
        return torch.linalg.cholesky(regular)
