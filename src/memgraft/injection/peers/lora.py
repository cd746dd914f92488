"""A peer: one LoRA per fact (Hu et al., arXiv 2106.09685), trained on the fact's questions."""

from __future__ import annotations

import copy
from dataclasses import dataclass, replace
from typing import Any

import torch
import torch.nn.functional as F

from memgraft.core.config import Config
from memgraft.core.errors import MissingExtra
from memgraft.host.anatomy import mlp_out, mlp_out_path, transposed
from memgraft.host.load import Host
from memgraft.injection.check import unanswered
from memgraft.injection.delta import LowRankDelta
from memgraft.injection.forcing import ForcedReplies
from memgraft.injection.mneme import MnemeConfig
from memgraft.injection.reading import prompt_ids, reply_ids
from memgraft.injection.writer import Attempt, Writer


@dataclass(frozen=True)
class LoraConfig(Config):
    """Defaults were chosen on hand-written development facts, as those of our writers were."""

    rank: int = 8
    alpha: float = 16.0
    # Adam on all of the fact's questions at once, until greedy decoding gives the reply to each
    # of them and the mean loss of a token is below `enough`, in nats.
    steps: int = 60
    rate: float = 1e-2
    enough: float = 0.02
    seed: int = 0


class LoraWriter(Writer):
    """Trains an adapter on the projections that the memory encoder changes.

    Prompts, tokens to learn and the place from which the change is awake are those of the other
    writers, so the adapter is trained under the very conditions in which the router wakes it.
    """

    def __init__(self, host: Host, config: LoraConfig = LoraConfig()) -> None:
        self.host = host
        self.config = config
        self.layers = MnemeConfig.for_model(host.model.config).layers

    def attempt(self, told: str, reply: str, questions: list[str]) -> Attempt:
        """Train on all questions and check on all of them.

        Raises:
            MissingExtra: peft is not installed.
        """
        delta = self.write(reply, questions)
        terms = {t.layer: (t.a.float()[None], t.b.float()[None]) for t in delta.terms}
        return Attempt(delta, unanswered(self.host, terms, questions, reply))

    def write(self, reply: str, questions: list[str]) -> LowRankDelta:
        """A change of rank `config.rank` per layer, with peft's scaling in it."""
        adapted = self._adapted()
        host = replace(self.host, model=adapted.get_base_model())
        prompts = [prompt_ids(host, question) for question in questions]
        # The adapter begins as nothing, so the prompts are computed as by the bare model.
        forced = ForcedReplies.run(host, prompts, [reply_ids(host, reply)] * len(prompts))
        self._train(adapted, forced)
        return self._delta(host.model)

    def _train(self, adapted: Any, forced: ForcedReplies) -> None:
        target = forced.target[forced.valid]
        trained = [p for p in adapted.parameters() if p.requires_grad]
        optimiser = torch.optim.Adam(trained, lr=self.config.rate)
        for _ in range(self.config.steps):
            logits = forced.logits(forced.hidden(), forced.valid)
            loss = F.cross_entropy(logits, target)
            right = bool((logits.argmax(dim=-1) == target).all())
            if right and loss.detach() < self.config.enough:
                break
            optimiser.zero_grad()
            loss.backward()
            optimiser.step()

    def _adapted(self) -> Any:
        """The model in a peft wrapper; the modules are copies, the weights are the base's own.

        peft replaces modules of the model that it is given, so it is given a copy of the modules:
        whatever happens in training, nothing has to be put back.
        """
        try:
            from peft import LoraConfig as PeftConfig
            from peft import get_peft_model
        except ImportError as error:
            raise MissingExtra("the LoRA peer", "export") from error
        model = self.host.model
        modules = copy.deepcopy(model, {id(weight): weight for weight in model.parameters()})
        config = PeftConfig(
            r=self.config.rank,
            lora_alpha=self.config.alpha,
            target_modules=[mlp_out_path(model, layer) for layer in self.layers],
            fan_in_fan_out=transposed(mlp_out(model, self.layers[0])),
            task_type="CAUSAL_LM",
        )
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(self.config.seed)
            return get_peft_model(modules, config)

    def _delta(self, trained: Any) -> LowRankDelta:
        factors = {}
        for layer in self.layers:
            adapter = mlp_out(trained, layer)
            a = adapter.scaling["default"] * adapter.lora_B["default"].weight.detach()
            factors[layer] = (a, adapter.lora_A["default"].weight.detach().T.contiguous())
        return LowRankDelta.rounded(factors)
