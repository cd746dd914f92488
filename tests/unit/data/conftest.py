"""Tokenizers to size samples by: one token per byte, and others that tear lines differently."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from memgraft.host.load import Host


class Chunks:
    """Three characters a token, across lines; only `encode`, as in `tokenizers`."""

    def encode(self, text: str, add_special_tokens: bool = True) -> list[int]:
        assert not add_special_tokens
        return [hash(text[i : i + 3]) for i in range(0, len(text), 3)]


def merged() -> Any:
    """A byte-pair encoding that was trained across line ends, so that they are merged away."""
    from tokenizers import Tokenizer, models, trainers
    from transformers import PreTrainedTokenizerFast

    bare = Tokenizer(models.BPE())
    text = (
        "\nThe component walnut depends on heron.\nQuestion: Which\n\n\ndef a(b):\n    return b\n"
    )
    letters = [chr(code) for code in range(1, 127)]
    bare.train_from_iterator(
        [text] * 20,
        trainers.BpeTrainer(vocab_size=300, initial_alphabet=letters, show_progress=False),
    )
    return PreTrainedTokenizerFast(tokenizer_object=bare)


@pytest.fixture(scope="session")
def byte_tokenizer(tiny_host: Callable[[str], Host]) -> Any:
    return tiny_host("llama").tokenizer


@pytest.fixture(scope="session")
def tokenizers(byte_tokenizer: Any) -> dict[str, Any]:
    return {"bytes": byte_tokenizer, "chunks": Chunks(), "merged": merged()}
