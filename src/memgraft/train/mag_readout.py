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

from collections.abc import Callable, Sequence
from difflib import SequenceMatcher
from typing import Any, NamedTuple

import torch
import torch.nn.functional as F
from torch import Tensor, nn
from transformers import DynamicCache

from memgraft.mag.streaming import given_to, up_to
from memgraft.train.loop import Task
from memgraft.train.mag import IGNORED, Batch, MagTraining
from memgraft.train.mag_samples import Asked
from memgraft.train.processes import ALONE, Processes

# What a memory has read of a context and of its rows, if there is one below.
Reads = tuple[Tensor | None, Tensor | None]
# Tokens around what stands there literally, in which the rest of an answer is looked for.
NEAR = 16
# Of cosines, when the softmax over a context is taken.
SHARPNESS = 16.0


class Found(NamedTuple):
    """Both losses, the share of answer tokens that are read out right, and the share of those
    stored whose query is nearest to the right key; a number each."""

    contrast: Tensor
    readout: Tensor
    right: Tensor
    nearest: Tensor


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
        config.check(processes)
        self.model = model
        self.samples, self.held_out = samples, held_out
        self.config, self.processes = config, processes

    def loss(self, step: int) -> tuple[Tensor, dict[str, float]]:
        processes, contexts = self.processes, self.config.contexts
        mine = range(step * contexts + processes.rank, (step + 1) * contexts, processes.count)
        found = [self._found(self.samples(index)) for index in mine]
        loss = torch.stack([one.contrast + one.readout for one in found]).mean()
        return loss, _figures(found)

    @torch.no_grad()
    def measure(self) -> dict[str, float]:
        """On held-out contexts: the share of answer tokens that are read out right; that of those
        whose query is nearest to a key under which the token was written, the mean of all heads;
        and both losses."""
        return _figures([self._found(one) for one in self.held_out])

    def _found(self, one: Asked) -> Found:
        """A context with its questions; the mean of all branches."""
        model, overlap = self.model, min(self.config.overlap)
        batch = Batch.of([one], overlap, model.device)
        written = torch.tensor(_places(one, batch.contexts.shape[1]), device=model.device)
        given = [_given(model, ids, self.config.segment) for ids in (batch.contexts, batch.rows)]
        parts: list[Found] = []
        before: Reads = (None, None)
        for index, branch in model.branches().items():
            found, before = self._of_branch(
                branch, [part[index] for part in given], batch, written, before
            )
            parts.append(found)
        return Found(*(torch.stack(part).mean() for part in zip(*parts, strict=True)))

    def _of_branch(
        self, branch: Any, given: Sequence[Tensor], batch: Batch, written: Tensor, before: Reads
    ) -> tuple[Found, Reads]:
        """Also what this memory reads of the context and of the rows, for the next one's queries;
        `before` is what the one below has read."""
        memory, context = branch.memory, batch.contexts[0]
        told, asking = (part.to(memory.key.weight.dtype) for part in given)
        row, place = (batch.labels[:, 1:] != IGNORED).nonzero(as_tuple=True)
        due = batch.labels[:, 1:][row, place]

        known = written >= 0
        keys = memory.addresses(told)[1][0]
        queries = memory.addresses(asking, before[1])[0][row[known], :, place[known]]
        scores = torch.einsum("nhd,htd->nht", queries, keys) * SHARPNESS
        goal = written[known][:, None].expand(scores.shape[:2])
        # Sums over a count that may be 0: a fact can stand in the overlap, where nothing is stored.
        count = max(1, goal.numel())
        contrast = F.cross_entropy(scores.flatten(0, 1), goal.flatten(), reduction="sum") / count
        nearest = (context[scores.argmax(dim=-1)] == context[goal]).float().sum() / count

        there, state = memory(told, previous=before[0])
        read, _ = memory(asking, state.rows(batch.owners), batch.rows_mask, before[1])
        logits = _seen(self.model, branch.gate.out(read[row, place]))
        right = (logits.argmax(dim=-1) == due).float().mean()
        found = Found(contrast, F.cross_entropy(logits, due), right, nearest)
        return found, (there.detach(), read.detach())


def readout_parameters(model: Any) -> list[nn.Parameter]:
    """What this task trains."""
    return [
        parameter
        for branch in model.branches().values()
        for part in (branch.memory, branch.gate.out)
        for parameter in part.parameters()
    ]


def _seen(model: Any, hidden: Tensor) -> Tensor:
    """Logits, were this what the last layer gave."""
    dtype = model.lm_head.weight.dtype
    logits: Tensor = model.lm_head(model.model.norm(hidden).to(dtype))
    return logits.float()


def _figures(found: Sequence[Found]) -> dict[str, float]:
    contrast, readout, right, nearest = (
        float(torch.stack(part).mean().detach()) for part in zip(*found, strict=True)
    )
    return {"read out": right, "nearest": nearest, "contrast": contrast, "readout": readout}


def _places(one: Asked, tokens: int) -> list[int]:
    """Where in the first tokens of the context each token that is due was written, -1 where it was
    not; question by question, in the order of the labels.

    What is due may be told in other words: it is where the longest part of it stands literally, the
    last time that it does, with what else of it is near. It was not written where half of it is not
    to be found: single words of it stand everywhere.
    """
    return [place for _, due in one.questions for place in _literally(due, one.context[:tokens])]


def _literally(due: list[int], context: list[int]) -> list[int]:
    # Back to front, as of parts that are equally long the first is found.
    asked, told = due[::-1], context[::-1]
    longest = SequenceMatcher(None, asked, told, autojunk=False).find_longest_match()
    start = max(0, longest.b - longest.a - NEAR)
    near = told[start : longest.b + len(due) - longest.a + NEAR]
    found = dict.fromkeys(range(len(due)), -1)
    for at, there, size in SequenceMatcher(None, asked, near, autojunk=False).get_matching_blocks():
        for step in range(size):
            found[len(due) - 1 - at - step] = len(context) - 1 - start - there - step
    places = list(found.values())
    return places if 2 * places.count(-1) < len(due) else [-1] * len(due)


@torch.no_grad()
def _given(model: Any, ids: Tensor, segment: int) -> dict[int, Tensor]:
    """What each branch would be given of a batch of texts, without memories."""
    cache: Any = DynamicCache(config=model.config)
    layers = list(model.branches())
    attentions = [model.model.layers[layer].self_attn for layer in layers]
    with given_to(attentions) as given, up_to(model, max(layers)), model.memories_set_to("off"):
        for part in ids.split(segment, dim=1):
            model.model(input_ids=part, past_key_values=cache, use_cache=True)
    return {layer: torch.cat(parts, dim=1) for layer, parts in zip(layers, given, strict=True)}
