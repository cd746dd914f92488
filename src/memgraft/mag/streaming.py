"""A text through the memories of a patched model, and through nothing above them; and what parts
of a model are given meanwhile."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any

from torch import Tensor, nn
from transformers import DynamicCache

from memgraft.mag.cache import memories, remember
from memgraft.mag.state import MemoryState


def stream(
    model: Any,
    ids: Tensor,
    mask: Tensor | None = None,
    states: Mapping[int, MemoryState] | None = None,
    segment: int = 512,
    history: int = 1,
) -> dict[int, MemoryState]:
    """What the memories hold after a text: the states, by the index of their layers.

    Layers above the highest memory are not computed. The text is read segment by segment, with
    attention to what is in the window; gradients pass through the writes of the last `history`
    segments, and are cut before (truncated backpropagation through time).

    Args:
        model: what `patch_with_mag` made.
        ids: (batch, tokens).
        mask: (batch, tokens), 0 for pads, which stand on the left.
        states: where the memories stand; new ones, if left out.
        segment: tokens that are read at once.
        history: segments, at least 1; 0 is all of them.
    """
    cache: Any = remember(DynamicCache(config=model.config), states or {})
    starts = range(0, ids.shape[1], segment)
    with up_to(model, max(model.branches())):
        for number, start in enumerate(starts):
            end = min(start + segment, ids.shape[1])
            model.model(
                input_ids=ids[:, start:end],
                attention_mask=None if mask is None else mask[:, :end],
                past_key_values=cache,
                use_cache=True,
            )
            if history and number < len(starts) - history:
                _cut(cache)
    return memories(cache)


def _cut(cache: Any) -> None:
    """Forget how what the cache holds came about: memories, and keys and values of layers above
    the lowest one."""
    remember(cache, {layer: state.detach() for layer, state in memories(cache).items()})
    for layer in cache.layers:
        if getattr(layer, "keys", None) is not None:
            layer.keys, layer.values = layer.keys.detach(), layer.values.detach()


@contextmanager
def up_to(model: Any, layer: int) -> Iterator[None]:
    """For as long as the context lasts, the model has no layers above this one, and is in eval
    mode: gradient checkpointing, which takes place in training mode, gives layers no cache."""
    layers, training = model.model.layers, model.training
    model.model.layers = nn.ModuleList(layers[: layer + 1])
    model.eval()
    try:
        yield
    finally:
        model.model.layers = layers
        model.train(training)


@contextmanager
def given_to(parts: Sequence[nn.Module]) -> Iterator[list[list[Tensor]]]:
    """The hidden states (batch, tokens, width) that each part is given for as long as the context
    lasts, call by call."""
    given: list[list[Tensor]] = [[] for _ in parts]

    def keep(into: list[Tensor]) -> Any:
        def hook(_: Any, args: tuple[Any, ...], kwargs: dict[str, Any]) -> None:
            into.append(args[0] if args else kwargs["hidden_states"])

        return hook

    hooks = [
        part.register_forward_pre_hook(keep(into), with_kwargs=True)
        for part, into in zip(parts, given, strict=True)
    ]
    try:
        yield given
    finally:
        for hook in hooks:
            hook.remove()
