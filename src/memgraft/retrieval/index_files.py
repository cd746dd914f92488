"""Approximate indexes kept between starts, one file per tenant; each is a cache.

An index says which version of which record each of its keys is. That is its watermark: at the next
start records that it lacks, or knows in another version, are added to it, and those that are gone
are taken out. A file is removed as soon as one of its records is forgotten, since a graph keeps the
vector of what is removed from it.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Mapping
from pathlib import Path

import numpy as np

from memgraft.core.errors import FolderError
from memgraft.core.folder import load_arrays, save_arrays
from memgraft.retrieval.ann import NONE, SlotIndex
from memgraft.retrieval.memory import SlotMemory

# Share of the slots that a saved index may lack before it is worth saving again.
_STALE = 0.05


class IndexFiles:
    """The files of one home, in its folder."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        # Entries of each tenant's saved index.
        self._saved: dict[str, int] = {}

    def save(self, tenant: str, memory: SlotMemory, versions: Mapping[str, int]) -> None:
        """Keep an index that grew since; one that still holds what was forgotten is not kept."""
        index = memory.bank.index
        if index is None or index.soiled:
            return
        saved = self._saved.get(tenant, 0)
        if len(index) <= saved * (1 + _STALE):
            return
        graph, slots = index.packed()
        ids = [memory.at(slot).id for slot in slots]
        keys = json.dumps([[record_id, versions[record_id]] for record_id in ids])
        arrays = {"graph": np.frombuffer(graph, np.uint8)}
        save_arrays(self._path(tenant), arrays, {"keys": keys, "sha256": _hash(graph)})
        self._saved[tenant] = len(index)

    def load(self, tenant: str, memory: SlotMemory, versions: Mapping[str, int]) -> None:
        """Give a memory its index back, if there is one and it is large enough to need it."""
        path = self._path(tenant)
        if len(memory) <= memory.bank.ann_above or not path.exists():
            return
        try:
            arrays, header = load_arrays(path)
            graph = arrays["graph"].tobytes()
            # The library does not check what it reads, and falls over what is damaged.
            if _hash(graph) != header["sha256"]:
                raise ValueError("the graph is damaged")
            keys = json.loads(header["keys"])
            slots = [
                memory.slot(record_id) if versions.get(record_id) == version else NONE
                for record_id, version in keys
            ]
            index = SlotIndex.unpacked(memory.bank.dimension, graph, slots)
        except (FolderError, KeyError, ValueError, TypeError):
            index = None
        if index is None:
            self.drop(tenant)
            return
        memory.bank.adopt(index, {slot for slot in slots if slot != NONE})
        if NONE in slots:
            self.drop(tenant)  # it holds what was forgotten or changed
        else:
            self._saved[tenant] = len(index)

    def keep_only(self, tenants: Iterable[str]) -> None:
        """Remove the files of all others."""
        kept = {self._path(tenant) for tenant in tenants}
        for path in self.folder.glob("index-*.safetensors"):
            if path not in kept:
                path.unlink(missing_ok=True)

    def drop(self, tenant: str) -> None:
        """Remove a tenant's file; nothing happens if there is none."""
        self._saved.pop(tenant, None)
        self._path(tenant).unlink(missing_ok=True)

    def _path(self, tenant: str) -> Path:
        return self.folder / f"index-{hashlib.sha256(tenant.encode()).hexdigest()[:24]}.safetensors"


def _hash(graph: bytes) -> str:
    return hashlib.sha256(graph).hexdigest()
