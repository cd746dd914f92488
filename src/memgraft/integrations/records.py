"""What other libraries keep, as records: the text that they are found by, and where they lie."""

from __future__ import annotations

import unicodedata

from memgraft.memory import Memory
from memgraft.store.base import Store


def store_of(memory: Memory | Store) -> Store:
    return memory.store if isinstance(memory, Memory) else memory


def searchable(text: str, most: int) -> str:
    """The text as a record can hold it: printable, not blank, cut to so many characters."""
    normal = unicodedata.normalize("NFC", text)
    kept = "".join(c if unicodedata.category(c) not in ("Cc", "Cs") else " " for c in normal)
    return " ".join(kept.split())[:most].strip() or "(empty)"
