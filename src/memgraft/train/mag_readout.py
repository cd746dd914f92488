"""Teaching branches to store and to find, before what comes of it above.

The gradient through the layers above a memory says all that is needed, but weakly, and only once
what is read can be made out in the answer. Two losses say it at the branch itself:

* contrast (InfoNCE, van den Oord et al. 2018, arXiv 1807.03748): the key of each token that is due
  in an answer must be the one that the query before it is nearest to, among all of the context;
* read-out: what W_o makes of a read, seen through the model's last norm and its unembedding as if
  it were the last hidden state (the logit lens, nostalgebraist 2020), must be that token.

Neither needs the layers above, and there are no gradients below: a step costs one forward pass of
the layers below, so that contexts can be long.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from memgraft.mag.streaming import up_to
from memgraft.train.loop import Task
from memgraft.train.mag import IGNORED, Batch, MagTraining
from memgraft.train.mag_samples import Asked
from memgraft.train.processes import ALONE, Processes

# Of cosines, when the softmax over a context is taken.
SHARPNESS = 16.0


class ReadoutTask(Task):
    """Every branch for itself, on contexts whose answers stand in them word for word.

    Args:
        model: what `patch_with_mag` made; all of a branch but its gate gets gradients.
    """

    def __init__(
        self,
        model: Any,
        samples: Callable[[int], Asked],
        held_out: Sequence[Asked],
        config: MagTraining,
        processes: Processes = ALONE,
    ) -> None:
        self.model = model
        self.samples, self.held_out = samples, held_out
        self.config, self.processes = config, processes

    def loss(self, step: int) -> tuple[Tensor, dict[str, float]]:
        first = step * self.config.contexts
        mine = range(first, first + self.config.contexts)
        found = [
            self._found(self.samples(i)) for i in mine[self.processes.rank :: self.processes.count]
        ]
        contrast, readout = (
            torch.stack(part).mean() for part in list(zip(*found, strict=True))[:2]
        )
        figures = {name: _mean([one[place] for one in found]) for name, place in FIGURES.items()}
        return contrast + readout, figures | {"contrast": float(contrast.detach())}

    @torch.no_grad()
    def measure(self) -> dict[str, float]:
        """Shares of answer tokens on held-out contexts: read out right; and whose query is nearest
        to a key under which that token was written, the mean of all heads."""
        found = [self._found(one) for one in self.held_out]
        figures = {name: _mean([one[place] for one in found]) for name, place in FIGURES.items()}
        return figures | {"held-out loss": _mean([one[0] + one[1] for one in found])}

    def _found(self, one: Asked) -> tuple[Tensor, Tensor, float, float]:
        """Both losses of a context with its questions, and both shares."""
        model = self.model
        batch = Batch.of([one], min(self.config.overlap), model.device)
        context = batch.contexts[0]
        row, place = (batch.labels[:, 1:] != IGNORED).nonzero(as_tuple=True)
        due = batch.labels[:, 1:][row, place]
        written = torch.tensor(_places(one, len(context)), device=model.device)
        known = written >= 0
        given = _given(model, [batch.contexts, batch.rows])
        parts = []
        for index, branch in model.branches().items():
            memory = branch.memory
            told, asking = (part.to(memory.key.weight.dtype) for part in given[index])
            scores = _scores(memory, told, asking, row[known], place[known])
            contrast = F.cross_entropy(
                scores.flatten(0, 1), written[known].repeat_interleave(scores.shape[1])
            )
            nearest = context[scores.argmax(dim=-1)] == context[written[known]][:, None]
            _, state = memory(told)
            read, _ = memory(asking, state.rows(batch.owners), batch.rows_mask)
            logits = _seen(model, branch.gate.out(read[row, place]))
            readout = F.cross_entropy(logits, due)
            right = logits.argmax(dim=-1) == due
            share = nearest / max(1, goal.numel())
            parts.append((contrast, readout, right.float().mean(), share))
        contrast, readout, right, near = (
            torch.stack(part).mean() for part in zip(*parts, strict=True)
        )
        return contrast, readout, float(right), float(near)


# Where in what `_found` returns.
FIGURES = {"read out": 2, "nearest": 3}


def readout_parameters(model: Any) -> list[nn.Parameter]:
    """What this task trains."""
    return [
        parameter
        for branch in model.branches().values()
        for part in (branch.memory, branch.gate.out)
        for parameter in part.parameters()
    ]


def _scores(memory: Any, told: Tensor, asking: Tensor, row: Tensor, place: Tensor) -> Tensor:
    """How near the queries at (row, place) are to each key, (queries, heads, tokens)."""
    keys = memory.addresses(told)[1][0]
    queries = memory.addresses(asking)[0][row, :, place]
    return torch.einsum("nhd,htd->nht", queries, keys) * SHARPNESS


def _seen(model: Any, hidden: Tensor) -> Tensor:
    """Logits, were this what the last layer gave."""
    dtype = model.lm_head.weight.dtype
    logits: Tensor = model.lm_head(model.model.norm(hidden).to(dtype))
    return logits.float()


def _mean(figures: Sequence[Any]) -> float:
    return sum(map(float, figures)) / len(figures)


def _places(one: Asked, tokens: int) -> list[int]:
    """Where in the context each token that is due was written, -1 where it was not; question by
    question, in the order of the labels."""
    places: list[int] = []
    for _, due in one.questions:
        starts = [
            at
            for at in range(tokens - len(due) + 1)
            if one.context[at] == due[0] and one.context[at : at + len(due)] == due
        ]
        told = range(starts[-1], starts[-1] + len(due)) if starts else [-1] * len(due)
        places += told
    return places


@torch.no_grad()
def _given(model: Any, texts: Sequence[Tensor]) -> dict[int, list[Tensor]]:
    """What each branch would be given of each batch of texts, without memories."""
    given: dict[int, list[Tensor]] = {index: [] for index in model.branches()}
    with _listening(model, given), up_to(model, max(given)), model.memories_set_to("off"):
        for ids in texts:
            model.model(input_ids=ids, use_cache=False)
    return given


@contextmanager
def _listening(model: Any, given: dict[int, list[Tensor]]) -> Iterator[None]:
    def keep(index: int) -> Any:
        def hook(_: Any, args: tuple[Any, ...], kwargs: dict[str, Any]) -> None:
            given[index].append(args[0] if args else kwargs["hidden_states"])

        return hook

    layers = model.model.layers
    hooks = [
        layers[index].self_attn.register_forward_pre_hook(keep(index), with_kwargs=True)
        for index in given
    ]
    try:
        yield
    finally:
        for hook in hooks:
            hook.remove()
