"""The size of a memory encoder, derived from the base model it is trained for."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from memgraft.core.config import Config
from memgraft.core.errors import InvalidInput


@dataclass(frozen=True)
class MnemeConfig(Config):
    """A hypernetwork for one base model. `for_model` fills in what follows from the base."""

    hidden: int  # d_model of the base
    intermediate: int  # d_intermediate of the base
    # Layers that are changed, and layers whose outputs are read.
    layers: tuple[int, ...]
    taps: tuple[int, ...]
    # The encoder: width, blocks, heads, feed-forward width.
    width: int = 384
    blocks: int = 2
    heads: int = 6
    feed_forward: int = 1024
    # Numbers per token that are kept on disk, as int8.
    code: int = 64
    # Width of what the heads see of a token and of the token after it, and of the heads.
    token: int = 128
    head: int = 512
    # Ridge of the keys: A = covariance · C + ridge · I.
    covariance: float = 0.01
    ridge: float = 0.1
    # Terms per token and layer: so many guesses of the input that calls for the change.
    rank: int = 1

    def __post_init__(self) -> None:
        if self.width % self.heads:
            raise InvalidInput("width must be a multiple of heads", got=f"{self.width}")
        if self.rank < 1:
            raise InvalidInput("rank must be at least 1", got=f"{self.rank}")
        if not self.layers or not self.taps:
            raise InvalidInput("an encoder needs layers to change and to read")

    @classmethod
    def for_model(cls, base: Any, **changes: Any) -> MnemeConfig:
        """Sizes from a base model's config; three layers around 80% of its depth are changed.

        The encoder grows with the square root of d_model, in blocks of 192 units of width:
        384 x 2 for SmolLM2-135M, 576 x 3 for Qwen3-0.6B, 768 x 4 for Qwen3-1.7B and 4B.
        """
        depth = base.num_hidden_layers
        blocks = max(1, round(2 * (base.hidden_size / 576) ** 0.5))
        layers = sorted({min(depth - 2, round(share * depth)) for share in (0.67, 0.77, 0.87)})
        taps = sorted({max(0, round(share * depth) - 1) for share in (0.2, 0.5, 0.67, 0.8)})
        settings = {
            "hidden": base.hidden_size,
            "intermediate": _intermediate(base),
            "layers": tuple(max(0, layer) for layer in layers),
            "taps": tuple(taps),
            "width": 192 * blocks,
            "blocks": blocks,
            "heads": 3 * blocks,
            "feed_forward": 512 * blocks,
            "token": 64 * blocks,
            "head": 256 * blocks,
        }
        return cls.from_dict(settings | changes)


def _intermediate(base: Any) -> int:
    """d_intermediate by the names that architectures have for it; GPT-2 need not say it."""
    said = (getattr(base, name, None) for name in ("intermediate_size", "n_inner"))
    return next((size for size in said if size), 4 * base.hidden_size)
