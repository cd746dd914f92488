"""`MnemeModel`: facts into the weights of a model, without a store around it."""

from __future__ import annotations

import tempfile
from pathlib import Path
from typing import Any, Self

from memgraft.core.bundles import DEFAULT_MODEL
from memgraft.core.recall import Query
from memgraft.core.receipts import Receipt
from memgraft.core.records import Record
from memgraft.core.scope import Scope
from memgraft.host.load import Host, load_host
from memgraft.host.session import GenerationConfig, Session
from memgraft.injection.config import InjectionConfig
from memgraft.injection.encoder import MemoryEncoder
from memgraft.injection.home import InjectionHome
from memgraft.injection.pretrained import load_encoder, save_encoder, shipped_encoder
from memgraft.text.encoder import Encoder
from memgraft.text.minilm import MiniLM

SCOPE = Scope(user_id="me")


class MnemeModel:
    """A frozen language model and the facts injected into it.

    Memories live as long as the object. `memgraft.open_memory` keeps them on disk, with history.

    Args:
        host: the language model.
        encoder: embeds questions for the router.
        memory_encoder: writes facts in one forward pass; without one the closed form does.
    """

    def __init__(
        self,
        host: Host,
        encoder: Encoder,
        memory_encoder: MemoryEncoder | None = None,
        config: InjectionConfig = InjectionConfig(),
    ) -> None:
        self.host = host
        self._encoder = encoder
        self._config = config
        self._records: dict[str, Record] = {}
        self._use(memory_encoder)

    @classmethod
    def from_pretrained(cls, model: str = DEFAULT_MODEL) -> Self:
        """A bundle, a folder, a `.gguf` file or a hub id, with the encoder shipped for it."""
        host = load_host(model)
        return cls(host, MiniLM(), shipped_encoder(host))

    def inject_memory(self, fact: str) -> Receipt:
        """Write a fact into the weights; the receipt says whether the model now answers with it."""
        record = Record.new(fact, SCOPE)
        (receipt,) = self._home.write([record])
        if receipt.outcome != "refused":
            self._records[record.id] = record
        return receipt

    def generate(self, prompt: str, max_new_tokens: int = 64) -> str:
        """The greedy reply to a user's message; no injected text is in the prompt."""
        patch = self._home.read(Query(prompt, SCOPE))
        session = Session(self.host, GenerationConfig(max_new_tokens=max_new_tokens))
        said = self.host.prompt([{"role": "user", "content": prompt}])
        return "".join(session.stream(said, patch)).strip()

    def list_memories(self) -> list[str]:
        return [record.text for record in self._records.values()]

    def clear_memories(self) -> int:
        """Forget everything, exactly; returns how many facts that were."""
        count = len(self._records)
        self._home.forget(list(self._records))
        self._records.clear()
        return count

    def get_stats(self) -> dict[str, Any]:
        return self._home.stats()

    def save_encoder(self, path: str | Path) -> None:
        """Write the memory encoder; a `FileNotFoundError` if there is none."""
        if self._memory_encoder is None:
            raise FileNotFoundError(f"no memory encoder was loaded for {self.host.name}")
        save_encoder(self._memory_encoder, Path(path), self.host.fingerprint)

    def load_encoder(self, path: str | Path) -> None:
        """Take another memory encoder; what was injected is written again with it."""
        self._use(load_encoder(self.host, Path(path)))
        self._home.write(list(self._records.values()))

    def _use(self, memory_encoder: MemoryEncoder | None) -> None:
        self._memory_encoder = memory_encoder
        self._folder = tempfile.TemporaryDirectory(prefix="memgraft-")
        self._home = InjectionHome(
            self.host, self._encoder, Path(self._folder.name), self._config, memory_encoder
        )
