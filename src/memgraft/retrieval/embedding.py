"""Embedding models of all kinds behind one function: texts to unit vectors."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from memgraft.core.errors import InvalidInput
from memgraft.text.encoder import Encoder, Vectors

Embed = Callable[[Sequence[str]], Vectors]

# Tokens of a text that a bare transformer looks at.
MAX_TOKENS = 512
_PROBE = "The quick brown fox jumps over the lazy dog; 1234 äöü 東京."
_SHOWN = 16


def embedder(model: Any, tokenizer: Any = None) -> Embed:
    """How a model embeds texts, (n, d), each row of unit length.

    Args:
        model: a memgraft `Encoder`; anything whose `encode(text)` gives a vector, as
            sentence-transformers do; or a bare encoder of transformers, whose last hidden states
            are averaged over the tokens.
        tokenizer: of a bare encoder; by default the one that lies where the model came from.

    Raises:
        InvalidInput: it is none of them, or no tokenizer is found.
    """
    if isinstance(model, Encoder):
        return model.encode
    # Strings and tokenizers have an `encode` that gives no vector.
    texts_only = isinstance(model, str) or hasattr(model, "convert_tokens_to_ids")
    if callable(getattr(model, "encode", None)) and not texts_only:
        return lambda texts: np.stack([unit(model.encode(text)) for text in texts])
    if callable(model) and hasattr(model, "config"):
        return _averaged(model, tokenizer or _tokenizer_of(model))
    raise InvalidInput(
        "this is no embedding model",
        expected="an Encoder, an object with encode(text), or an encoder of transformers",
        got=type(model).__name__,
        next_step="wrap it in a class with encode(text), which gives a vector",
    )


def fingerprint(embed: Embed) -> list[float]:
    """Some numbers that tell embedding models apart: a projection of a fixed text's vector."""
    vector = embed([_PROBE])[0]
    axes = np.random.default_rng(0).standard_normal((_SHOWN, len(vector)))
    return [round(float(value), 4) for value in axes @ vector]


def alike(one: Sequence[float], other: Sequence[float]) -> bool:
    """Whether two fingerprints are of the same model, whatever machine it runs on."""
    return len(one) == len(other) and bool(np.allclose(one, other, atol=0.02))


def unit(vector: Any) -> NDArray[np.float32]:
    """Any kind of vector, (d,) or (1, d), of unit length; `InvalidInput` if it has none."""
    if hasattr(vector, "detach"):
        vector = vector.detach().float().cpu().numpy()
    try:
        found = np.asarray(vector, np.float32)
    except (TypeError, ValueError) as error:
        raise _useless(f"{type(vector).__name__}: {error}") from error
    found = found[0] if found.ndim == 2 and len(found) == 1 else found
    if found.ndim != 1 or not len(found):
        raise _useless(f"shape {found.shape}")
    length = float(np.linalg.norm(found))
    if not np.isfinite(length) or length == 0.0:
        raise _useless("zeros" if length == 0.0 else "NaN or infinite values")
    return found / np.float32(length)


def _useless(got: str) -> InvalidInput:
    return InvalidInput(
        "this is no vector that can be compared",
        expected="finite numbers, not all zero, shape (d,)",
        got=got,
        next_step="check what the embedding model gave for this text",
    )


def _averaged(model: Any, tokenizer: Any) -> Embed:
    import torch

    from memgraft.text.sentence import pool

    longest = min(int(tokenizer.model_max_length), MAX_TOKENS)

    @torch.inference_mode()
    def embed(texts: Sequence[str]) -> Vectors:
        batch = tokenizer(
            list(texts), padding=True, truncation=True, max_length=longest, return_tensors="pt"
        ).to(model.device)
        hidden = model(**batch).last_hidden_state.float()
        vectors = pool(hidden, batch["attention_mask"], "mean")
        return np.stack([unit(vector) for vector in vectors])

    return embed


def _tokenizer_of(model: Any) -> Any:
    """The tokenizer beside the model's weights; nothing is downloaded."""
    from transformers import AutoTokenizer

    name = getattr(model, "name_or_path", "") or getattr(model.config, "_name_or_path", "")
    problem = "the model does not say where it came from"
    if name:
        try:
            return AutoTokenizer.from_pretrained(name, local_files_only=True)
        except Exception as error:  # transformers raises a dozen unrelated types here
            problem = f"{name}: {str(error).splitlines()[0]}"
    raise InvalidInput(
        "no tokenizer of this embedding model is found",
        expected="a model that was loaded from a folder or from the hub's cache",
        got=problem,
        next_step="give it as tokenizer=..., or a wrapper with encode(text)",
    )
