"""Writing with a trained memory encoder: codes from the fact, terms from the codes."""

from __future__ import annotations

from collections.abc import Sequence
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
from memgraft.injection.reading import read_facts
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


class EncodingWriter(Writer):
    """One forward pass per fact, and a few gradient steps where that fails."""

    def __init__(self, host: Host, encoder: MemoryEncoder) -> None:
        self.host = host
        self.encoder = encoder.eval()

    def attempt(self, told: str, reply: str, questions: list[str]) -> Attempt:
        codes, tokens = self.write(told, reply)
        check = Check.of(self.host, questions[:OWN], reply, self._opening)
        failed = check.failed(self.terms(codes, tokens))
        if failed:
            asked = [*questions[:OWN], *other_questions(OTHERS)]
            check = Check.of(self.host, asked, reply, self._opening)
            codes = self.refine(codes, tokens, check.forced)
            failed = check.failed(self.terms(codes, tokens))
        return Attempt(LatentDelta((codes * LEVELS).round().to(torch.int8), tokens), failed)

    @torch.no_grad()
    def write(self, told: str, reply: str) -> tuple[Tensor, Tensor]:
        """Codes (tokens, code) in ±1 and tokens (tokens + 1,) of a fact; see `LatentDelta`."""
        reading = read_facts(
            self.host, [(told, reply)], self.encoder.config.taps, self._opening
        )
        codes = self.encoder.encode(reading.states, reading.mask, reading.places)
        return codes[0], torch.cat([reading.before[0, :1], reading.after[0]])

    def refine(self, codes: Tensor, tokens: Tensor, forced: ForcedReplies) -> Tensor:
        """A few gradient steps on the codes towards these replies; fewer, where that is enough."""
        raw = torch.atanh(codes.clamp(-0.995, 0.995)).clone().requires_grad_(True)
        optimiser = torch.optim.Adam([raw], lr=REFINE_RATE)
        due = forced.target[forced.valid]
        for _ in range(REFINE_STEPS):
            terms = self.terms(quantised(torch.tanh(raw)), tokens)
            logits = forced.logits(forced.hidden(terms), forced.valid)
            losses = F.cross_entropy(logits, due, reduction="none")
            if losses.max() < ENOUGH:
                break
            (raw.grad,) = torch.autograd.grad(losses.mean(), [raw])
            optimiser.step()
        return quantised(torch.tanh(raw)).detach()

    def terms(self, codes: Tensor, tokens: Tensor) -> Terms:
        """Per layer a (1, d_model, tokens), b (1, d_intermediate, tokens)."""
        decoded = self.encoder.decode(codes[None], tokens[None, :-1], tokens[None, 1:])
        return self.encoder.terms(decoded, torch.ones(1, len(codes), dtype=torch.bool))

    @torch.no_grad()
    def solve(self, deltas: Sequence[LatentDelta]) -> tuple[LowRankTerm, ...]:
        """The terms of one delta, or of several that are awake together: then each key also has
        to stay silent where another fact's is due."""
        codes = torch.cat([delta.codes.float() / LEVELS for delta in deltas])
        before = torch.cat([delta.tokens[:-1] for delta in deltas])
        after = torch.cat([delta.tokens[1:] for delta in deltas])
        decoded = self.encoder.decode(codes[None], before[None], after[None])
        terms = self.encoder.terms(decoded, torch.ones(1, len(codes), dtype=torch.bool))
        return tuple(LowRankTerm(layer, a[0], b[0]) for layer, (a, b) in terms.items())

    @cached_property
    def _opening(self) -> Opening:
        return Opening.of_chats(self.host)
