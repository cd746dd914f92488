"""Writing with a trained memory encoder: codes from the fact, terms from the codes."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import cached_property

import torch
import torch.nn.functional as F
from torch import Tensor

from memgraft.core.recall import LowRankTerm
from memgraft.host.load import Host
from memgraft.injection.check import Check
from memgraft.injection.covariance import other_questions
from memgraft.injection.delta import LatentDelta
from memgraft.injection.encoder import LEVELS, MemoryEncoder, quantised
from memgraft.injection.forcing import ForcedReplies, Terms
from memgraft.injection.opening import Opening
from memgraft.injection.reading import prompt_ids, read_facts, reply_ids
from memgraft.injection.writer import Attempt, Writer

# Refining a write that failed its check: Adam on the codes, until the loss of every token is low.
REFINE_STEPS = 8
REFINE_RATE = 0.05
ENOUGH = 0.2
# A write is checked on this many of the fact's own questions. Where it fails, it is refined from
# questions about other things too: awake, the fact must be told however the question is put, and
# they stand for every wording (docs/log.md).
OWN = 2
OTHERS = 2
# Facts that are awake together are refined together: from so many questions of each, in batches
# of so many rows, which are gone through so often at most.
OWN_TOGETHER = 8
BATCH = 64
PASSES_TOGETHER = 16


@dataclass(frozen=True)
class Told:
    """What a fact is to be answered with, and to what."""

    reply: str
    questions: tuple[str, ...]


@dataclass(frozen=True)
class Latents:
    """The codes of one fact, or of several beside each other, not yet rounded for a file.

    Shapes: codes (tokens, code) in ±1; before and after (tokens,): the token that stands there,
    the token that comes.
    """

    codes: Tensor
    before: Tensor
    after: Tensor

    @classmethod
    def of(cls, deltas: Sequence[LatentDelta]) -> Latents:
        return cls(
            torch.cat([delta.codes.float() / LEVELS for delta in deltas]),
            torch.cat([delta.tokens[:-1] for delta in deltas]),
            torch.cat([delta.tokens[1:] for delta in deltas]),
        )

    def delta(self) -> LatentDelta:
        """The form that is kept, of one fact."""
        codes = (self.codes * LEVELS).round().to(torch.int8)
        return LatentDelta(codes, torch.cat([self.before[:1], self.after]))


class EncodingWriter(Writer):
    """One forward pass per fact, and a few gradient steps where that fails."""

    def __init__(self, host: Host, encoder: MemoryEncoder) -> None:
        self.host = host
        self.encoder = encoder.eval()

    def attempt(self, told: str, reply: str, questions: list[str]) -> Attempt:
        latents = self.write(told, reply)
        check = Check.of(self.host, questions[:OWN], reply, self._opening)
        failed = check.failed(self.terms(latents))
        if failed:
            asked = (*questions[:OWN], *other_questions(OTHERS))
            check = Check(asked, self._forced([(question, reply) for question in asked]))
            latents = self.refine(latents, [check.forced], REFINE_STEPS)
            failed = check.failed(self.terms(latents))
        return Attempt(latents.delta(), failed)

    @torch.no_grad()
    def write(self, told: str, reply: str) -> Latents:
        """One pass, unchecked."""
        reading = read_facts(self.host, [(told, reply)], self.encoder.config.taps, self._opening)
        codes = self.encoder.encode(reading.states, reading.mask, reading.places)
        return Latents(codes[0], reading.before[0], reading.after[0])

    def refine(self, latents: Latents, batches: Sequence[ForcedReplies], passes: int) -> Latents:
        """A few gradient steps on the codes towards these replies; fewer, where that is enough."""
        raw = torch.atanh(latents.codes.clamp(-0.995, 0.995)).clone().requires_grad_(True)
        optimiser = torch.optim.Adam([raw], lr=REFINE_RATE)
        for _ in range(passes):
            missing = False
            for forced in batches:
                terms = self.terms(replace(latents, codes=quantised(torch.tanh(raw))))
                logits = forced.logits(forced.hidden(terms), forced.valid)
                due = forced.target[forced.valid]
                losses = F.cross_entropy(logits, due, reduction="none")
                if losses.max() < ENOUGH:
                    continue
                missing = True
                (raw.grad,) = torch.autograd.grad(losses.mean(), [raw])
                optimiser.step()
            if not missing:
                break
        return replace(latents, codes=quantised(torch.tanh(raw)).detach())

    def together(
        self, deltas: Sequence[LatentDelta], told: Sequence[Told], everywhere: bool = False
    ) -> list[LatentDelta]:
        """The facts' codes, refined until each is answered while all of them are awake.

        Args:
            everywhere: the facts are awake at every position, as in an export, instead of from
                the last token of a prompt on.
        """
        asked = [(q, fact.reply) for fact in told for q in fact.questions[:OWN_TOGETHER]]
        batches = [
            self._forced(asked[start :: -(-len(asked) // BATCH)], everywhere)
            for start in range(-(-len(asked) // BATCH))
        ]
        refined = self.refine(Latents.of(deltas), batches, PASSES_TOGETHER)
        sizes = [len(delta.codes) for delta in deltas]
        parts = (p.split(sizes) for p in (refined.codes, refined.before, refined.after))
        return [Latents(*part).delta() for part in zip(*parts, strict=True)]

    def terms(self, latents: Latents) -> Terms:
        """Per layer a (1, d_model, tokens), b (1, d_intermediate, tokens)."""
        parts = (latents.codes, latents.before, latents.after)
        decoded = self.encoder.decode(*(part[None] for part in parts))
        return self.encoder.terms(decoded, torch.ones(1, len(latents.codes), dtype=torch.bool))

    @torch.no_grad()
    def solve(self, deltas: Sequence[LatentDelta]) -> tuple[LowRankTerm, ...]:
        """The terms of one delta, or of several that are awake together: then each key also has
        to stay silent where another fact's is due."""
        terms = self.terms(Latents.of(deltas))
        return tuple(LowRankTerm(layer, a[0], b[0]) for layer, (a, b) in terms.items())

    def _forced(self, asked: Sequence[tuple[str, str]], everywhere: bool = False) -> ForcedReplies:
        prompts = [prompt_ids(self.host, question) for question, _ in asked]
        replies = [reply_ids(self.host, reply) for _, reply in asked]
        if everywhere:
            return ForcedReplies.everywhere(self.host, prompts, replies)
        return ForcedReplies.run(self.host, prompts, replies, self._opening)

    @cached_property
    def _opening(self) -> Opening:
        return Opening.of_chats(self.host)
