"""The closed-form writer: a fact becomes a low-rank change of one projection, without training.

Values are optimised, keys are solved for, as in ROME and MEMIT (Meng et al., arXiv 2202.05262
and 2210.07229), but keyed where a reply begins and goes on instead of at a subject's last token,
which a fact such as "my name is ..." does not have.
"""

from __future__ import annotations

from functools import cached_property

import torch
import torch.nn.functional as F
from torch import Tensor

from memgraft.host.anatomy import layers
from memgraft.host.load import Host
from memgraft.injection.check import unanswered
from memgraft.injection.config import InjectionConfig
from memgraft.injection.covariance import Background, background, other_questions
from memgraft.injection.delta import LowRankDelta
from memgraft.injection.probe import ReplyPass
from memgraft.injection.reading import prompt_ids, reply_ids
from memgraft.injection.writer import Attempt, Writer

# A write is checked on this many of the fact's questions, and on a few others that it was not
# made from: awake, the fact must be told however the question is put.
CHECKED = 4
CHECKED_OTHERS = 2
# The second attempt pushes harder.
REFINED_GAIN = 1.3


class ClosedFormWriter(Writer):
    """Changes one layer; holds nothing but the model's background statistics."""

    def __init__(self, host: Host, config: InjectionConfig = InjectionConfig()) -> None:
        self.host = host
        self.config = config
        # The last layer has none above it that could carry a change to the logits.
        depth = len(layers(host.model))
        self.layer = min(round(config.depth * depth), depth - 2)

    def attempt(self, told: str, reply: str, questions: list[str]) -> Attempt:
        """Write from a few prompts, check on more, and write once more with what failed."""
        basis = [*questions[: self.config.questions], *self._others[: self.config.others]]
        checked = [*questions[:CHECKED], *self._others[self.config.others :][:CHECKED_OTHERS]]
        written = self.check(self.write(basis, reply), checked, reply)
        if not written.failed:
            return written
        again = list(dict.fromkeys([*written.failed, *basis]))[: 2 * len(basis)]
        retried = self.check(self.write(again, reply, REFINED_GAIN), checked, reply)
        return min(written, retried, key=lambda attempt: len(attempt.failed))

    def write(self, questions: list[str], reply: str, gain: float = 1.0) -> LowRankDelta:
        """A change with which the model answers these questions, and others like them.

        Args:
            questions: what the user may ask.
            reply: the full sentence that answers them all.
            gain: on top of the configured one.
        """
        ids = reply_ids(self.host, reply)
        prompts = [prompt_ids(self.host, question) for question in questions]
        passed = ReplyPass.run(self.host, self.layer, prompts, ids)
        values = self._values(passed, torch.tensor(ids))
        keys = gain * self._keys(passed.keys)
        return LowRankDelta.rounded({self.layer: (values.T.contiguous(), keys.T.contiguous())})

    def check(self, delta: LowRankDelta, questions: list[str], reply: str) -> Attempt:
        """Note which questions the model, patched, would not answer with the reply."""
        terms = {term.layer: (term.a.float()[None], term.b.float()[None]) for term in delta.terms}
        return Attempt(delta, unanswered(self.host, terms, questions, reply))

    def _values(self, passed: ReplyPass, target: Tensor) -> Tensor:
        """One vector per reply token that makes it likely after every prompt: (tokens, d_model)."""
        config = self.config
        values = torch.zeros(len(target), passed.hidden.shape[-1], requires_grad=True)
        optimiser = torch.optim.Adam([values], lr=config.rate)
        targets = target.expand(len(passed.hidden), -1)
        for _ in range(config.steps):
            logits = passed.logits(values)
            loss = F.cross_entropy(logits.transpose(1, 2), targets, reduction="none")
            if loss.detach().max() < config.enough:
                break
            penalty = config.decay * values.square().sum(dim=1).mean()
            optimiser.zero_grad()
            (loss.mean() + penalty).backward()
            optimiser.step()
        return values.detach()

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
    def _others(self) -> list[str]:
        return other_questions(self.config.others + CHECKED_OTHERS)

    @cached_property
    def _background(self) -> Background:
        return background(self.host, self.layer)

    @cached_property
    def _factor(self) -> Tensor:
        """Cholesky factor of A, computed once."""
        moment = self._background.second_moment
        regular = self.config.covariance * moment + self.config.ridge * torch.eye(len(moment))
        return torch.linalg.cholesky(regular)
