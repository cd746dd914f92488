"""Names for parts, imported only when asked for."""

from __future__ import annotations

from importlib import import_module
from typing import Any

from memgraft.core.errors import NotFound


class Registry:
    """Maps a short name to `module:attribute`, so that listing choices imports nothing."""

    def __init__(self, kind: str, entries: dict[str, str]) -> None:
        self.kind = kind
        self._entries = dict(entries)

    def names(self) -> list[str]:
        return sorted(self._entries)

    def register(self, name: str, target: str) -> None:
        """Add a part of your own: `target` is `module:attribute`."""
        self._entries[name] = target

    def load(self, name: str) -> Any:
        """The attribute itself. An unknown name raises `NotFound` with the choices."""
        if name not in self._entries:
            raise NotFound(
                f"no {self.kind} is called {name!r}", expected=" or ".join(self.names()), got=name
            )
        module, attribute = self._entries[name].split(":")
        return getattr(import_module(module), attribute)
