"""A peer: GRACE (Hartvigsen et al., arXiv 2211.11031), a codebook beside one layer.

At the last token of a prompt, where the reply begins, the hidden state that enters the layer is
looked up among the keys; in a ball, the entry's value takes the place of the layer's output. No
weight is changed, and everywhere else the model is as it was.

What the paper leaves open for decoders that reply with whole sentences, and what is done here:

- One value has to bring about the whole reply. It is in force at one position; the tokens of the
  reply see it through the attention of the layers above. Values of every layer tried (14 to 24 of
  SmolLM2's 30) learn that; the layer was chosen for how well its keys tell questions apart.
- A fact comes with several questions and one reply. Each question is placed by the paper's rules,
  in turn; then each value is trained on all of the questions that fell to it, not on the first.
- The first radius is a share of the key's own length: the length of hidden states, and with it the
  paper's absolute ε, differs by orders of magnitude from model to model.
- A value begins as what the layer itself gives. Training ends before its first step where the
  reply is right already, so nothing else tests whether there is an error to edit.
- Keys and values are kept in float16, as our deltas are.
"""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from memgraft.core.config import Config
from memgraft.host.anatomy import layers
from memgraft.host.load import Host
from memgraft.host.session import GenerationConfig, Session
from memgraft.injection.peers.codebook import Codebook, Entry
from memgraft.injection.probe import ReplyPass
from memgraft.injection.reading import prompt_ids, reply_ids


@dataclass(frozen=True)
class GraceConfig(Config):
    """Defaults were chosen on hand-written development facts, as those of our writers were."""

    # Which layer is edited, as a share of the model's depth.
    depth: float = 0.7
    # The first radius of a ball, as a share of the length of its key.
    radius: float = 0.1
    # Adam on a value, until greedy decoding gives the reply to each question that fell to it and
    # the mean loss of a token is below `enough`, in nats.
    steps: int = 100
    rate: float = 5.0
    enough: float = 0.1


class Grace:
    """Writes facts one after the other into its codebook, and answers with it."""

    def __init__(self, host: Host, config: GraceConfig = GraceConfig()) -> None:
        self.host = host
        self.config = config
        self.codebook = Codebook()
        # The last layer has none above it that could carry a value to the tokens that follow.
        depth = len(layers(host.model))
        self.layer = min(round(config.depth * depth), depth - 2)

    @property
    def nbytes(self) -> int:
        """Bytes of the numbers at rest."""
        return sum(entry.nbytes for entry in self.codebook.entries)

    def write(self, told: str, reply: str, questions: list[str]) -> None:
        """Make the model answer the questions with the reply.

        Args:
            told: the fact as the user says it; GRACE learns from questions alone.
            reply: the full sentence that answers every question.
            questions: at least one.
        """
        fallen: dict[int, tuple[Entry, list[list[int]]]] = {}
        for question in questions:
            prompt = prompt_ids(self.host, question)
            state = self._state(prompt)
            radius = self.config.radius * float(state.norm())
            entry = self.codebook.place(state, reply, radius)
            fallen.setdefault(id(entry), (entry, []))[1].append(prompt)
        for entry, prompts in fallen.values():
            entry.value = self._trained(entry.value, prompts, reply_ids(self.host, reply))

    def wakes(self, question: str) -> bool:
        """Whether a value is in force; if not, the reply is bit for bit the bare model's."""
        return self._value(prompt_ids(self.host, question)) is not None

    def answer(self, question: str, max_new_tokens: int) -> str:
        """The greedy reply to a user's message."""
        session = Session(self.host, GenerationConfig(max_new_tokens=max_new_tokens))
        with self.awake(question):
            return "".join(
                session.stream(self.host.prompt([{"role": "user", "content": question}]))
            )

    @contextlib.contextmanager
    def awake(self, question: str) -> Iterator[None]:
        """While the block runs, the model computes the prompt of this question, and one reply to
        it, with the value that the question wakes, if it wakes one."""
        prompt = prompt_ids(self.host, question)
        value = self._value(prompt)
        if value is None:
            yield
            return
        block = layers(self.host.model)[self.layer]
        handle = block.register_forward_hook(_placing(value, len(prompt) - 1))
        try:
            yield
        finally:
            handle.remove()

    def _value(self, prompt: list[int]) -> Tensor | None:
        entry = self.codebook.find(self._state(prompt)) if self.codebook.entries else None
        return entry.value if entry else None

    @torch.no_grad()
    def _state(self, prompt: list[int]) -> Tensor:
        """What enters the layer at the last token of a prompt: (d_model,)."""
        output = self.host.model.base_model(
            input_ids=torch.tensor([prompt]), output_hidden_states=True, use_cache=False
        )
        return output.hidden_states[self.layer][0, -1]

    def _trained(self, value: Tensor | None, prompts: list[list[int]], reply: list[int]) -> Tensor:
        """A value (d_model,) after which the model gives the reply to every prompt."""
        passed = ReplyPass.run(self.host, self.layer, prompts, reply)
        given = passed.hidden[:, 0]
        start = given.mean(dim=0) if value is None else value.float()
        trained = start.clone().requires_grad_(True)
        rest = torch.zeros_like(passed.hidden[:, 1:])
        target = torch.tensor(reply).expand(len(prompts), -1)
        optimiser = torch.optim.Adam([trained], lr=self.config.rate)
        for _ in range(self.config.steps):
            change = torch.cat([(trained - given)[:, None], rest], dim=1)
            logits = passed.logits(change)
            loss = F.cross_entropy(logits.transpose(1, 2), target)
            right = bool((logits.argmax(dim=-1) == target).all())
            if right and loss.detach() < self.config.enough:
                break
            optimiser.zero_grad()
            loss.backward()
            optimiser.step()
        return trained.detach().half()


def _placing(value: Tensor, place: int) -> Any:
    """A forward hook that puts a value where a layer's output for one position would be, in a
    sequence that is computed from its beginning, in one call or several."""
    seen = 0

    def put(_: nn.Module, inputs: tuple[Tensor, ...], output: Any) -> Any:
        nonlocal seen
        hidden = output[0] if isinstance(output, tuple) else output
        here, seen = place - seen, seen + hidden.shape[1]
        if not 0 <= here < hidden.shape[1]:
            return output
        changed = hidden.clone()
        changed[:, here] = value.to(hidden)
        return (changed, *output[1:]) if isinstance(output, tuple) else changed

    return put
