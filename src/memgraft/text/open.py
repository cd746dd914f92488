"""Encoders by name."""

from __future__ import annotations

from memgraft.core.bundles import Progress
from memgraft.core.errors import InvalidInput
from memgraft.text.encoder import Encoder

NAMES = ("minilm", "static", "char_transformer", "char_conv")
HUB = "hf:"


def open_encoder(name: str, progress: Progress | None = None) -> Encoder:
    """The encoder of that name: one of `NAMES`, or `hf:` with a hub id or a local folder.

    Only `hf:` with a hub id, and MiniLM's bundle when it is not there yet, use the network; only
    static words do without torch.

    Raises:
        InvalidInput: no encoder is called that.
    """
    if name == "minilm":
        from memgraft.text.minilm import MiniLM

        return MiniLM(progress=progress)
    if name == "static":
        from memgraft.text.static import StaticWords

        return StaticWords()
    if name in ("char_transformer", "char_conv"):
        from memgraft.text.characters import CharConv, CharTransformer

        return CharTransformer() if name == "char_transformer" else CharConv()
    if name.startswith(HUB) and len(name) > len(HUB):
        from memgraft.text.sentence import SentenceModel

        return SentenceModel(name.removeprefix(HUB))
    raise InvalidInput(
        "no such encoder",
        expected=f"{', '.join(NAMES)}, or hf: with a hub id or a folder",
        got=name,
        next_step="give one of these",
    )
