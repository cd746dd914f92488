"""HOME 3: what is remembered streams through the memory of a patched model, and stays as a state.

A scope, such as a user, has one state, of a size that does not grow. It is written by reading:
records, and what is said in conversation, go through the model once, and their text never enters a
prompt. What of it comes back is what the model's branches were trained to keep.

Records can be forgotten exactly, since the state is then built anew from those that are left. What
was only said in conversation is nowhere else and cannot be told apart from what is to be forgotten,
so it goes with it.
"""

from __future__ import annotations

import json
import time
from collections import OrderedDict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass, field, replace
from hashlib import sha256
from pathlib import Path
from typing import Any
from uuid import uuid4

import torch

from memgraft.core.errors import FolderError, ModelError
from memgraft.core.files import RecordFiles
from memgraft.core.folder import load_arrays, save_arrays
from memgraft.core.home import Home
from memgraft.core.recall import Patch, Query
from memgraft.core.receipts import Receipt, Report
from memgraft.core.records import Record
from memgraft.core.scope import Scope
from memgraft.host.load import Host
from memgraft.mag.state import MemoryState
from memgraft.mag.streaming import stream
from memgraft.store.base import Store

KIND, VERSION = "memgraft-mag", 1
# Tokens of one forward pass: a text may be longer than what fits into memory at once.
SEGMENT = 512
# Read first wherever attention begins anew. Later tokens attend to the first ones whatever they are
# (attention sinks, Xiao et al. 2023, arXiv 2309.17453); their own states are like no other's, and a
# bad place for the beginning of a fact. And branches are trained on texts with something before.
OPENING = "Here are some notes about other things that were said.\n"
# Scopes whose states are kept in memory; the others are read again.
LOADED = 8
# How sure writing is: not at all, as nobody asks the state what it holds.
KEPT = "it is in a state of fixed size: how much of it comes back depends on the model's training"


@dataclass(frozen=True, eq=False)
class ScopeState:
    """What a scope's memories hold.

    held: version by id of the records in it. spoken: whether conversation is in it, too.
    layers: the states, by the index of their layers; none for an empty memory.
    origin: names the empty memory that it began as; another one after it was built anew.
    """

    scope: Scope
    held: Mapping[str, int] = field(default_factory=dict)
    spoken: bool = False
    layers: Mapping[int, MemoryState] = field(default_factory=dict)
    origin: str = field(default_factory=lambda: uuid4().hex)


class MagHome(Home):
    """A file with the state of each scope.

    What a call returns is on disk. Of two processes that write the same scope at the same moment
    the later one stands; one after the other, each goes on from what the other left.

    Args:
        host: a model with memory branches; see `patch_with_mag` and `load_branch`.
        store: whose records a state is built anew from.
        folder: where the states live; one folder per model.

    Raises:
        ModelError: the model has no memory branches.
        FolderError: the folder is another model's.
    """

    name = "mag"
    batch = 32

    def __init__(self, host: Host, store: Store, folder: Path) -> None:
        if not hasattr(host.model, "branches"):
            raise ModelError(
                f"{host.name} has no memory that a text could stream through",
                expected="a model with memory branches",
                got=type(host.model).__name__,
                next_step="train them with `memgraft train mag`",
            )
        self.host, self.store = host, store
        self._files = RecordFiles(folder, KIND, VERSION, {"model": identity(host)})
        # By file: its mark, and the state without its layers, which are read when they are wanted.
        self._known: dict[Path, tuple[object, ScopeState]] = {}
        self._loaded: OrderedDict[Scope, tuple[ScopeState, object]] = OrderedDict()
        self._states()

    # -- the verbs -------------------------------------------------------------------------

    def write(self, records: Sequence[Record]) -> list[Receipt]:
        """Stream records through the memories of their scopes; a changed one has its scope built
        anew, so that the old text leaves no trace."""
        started = time.perf_counter()
        for scope in dict.fromkeys(record.scope for record in records):
            self._write(scope, [record for record in records if record.scope == scope])
        spent = 1e3 * (time.perf_counter() - started) / max(len(records), 1)
        return [Receipt(r.id, self.name, "approximate", KEPT, spent) for r in records]

    def read(self, query: Query) -> Patch:
        """Nothing to attach: what is known is in the state that replies begin with."""
        return Patch()

    def forget(self, ids: Iterable[str]) -> list[Receipt]:
        ids = list(ids)
        reasons: dict[str, str] = {}
        for known in self._states():
            gone = known.held.keys() & set(ids)
            if gone:
                count = self.rebuild(known.scope, gone)
                reason = f"the state was built anew from what is left (records: {count})"
                if known.spoken:
                    reason += "; what was only said in conversation is gone with it"
                reasons |= dict.fromkeys(gone, reason)
        return [Receipt(i, self.name, "exact", reasons.get(i, "")) for i in ids]

    def consolidate(self, budget: float = 1.0) -> Report:
        """Nothing to tidy: a state does not grow."""
        return Report(self.name, figures={"scopes": len(self._states())})

    def held(self) -> dict[str, int]:
        return {i: version for known in self._states() for i, version in known.held.items()}

    def save(self) -> None:
        """Nothing to do: every state is on disk as soon as it is one."""

    def stats(self) -> dict[str, Any]:
        return {
            "records": len(self.held()),
            "scopes": len(self._states()),
            "bytes": sum(path.stat().st_size for path in self._files.paths()),
            "model": self.host.name,
        }

    # -- states ----------------------------------------------------------------------------

    def state(self, scope: Scope) -> ScopeState:
        """Where the memories of a scope stand, perhaps empty."""
        mark = _mark(self._path(scope))
        if mark is None:
            return ScopeState(scope)
        if scope not in self._loaded or self._loaded[scope][1] != mark:
            self._keep(_read(self._path(scope)))
        self._loaded.move_to_end(scope)
        return self._loaded[scope][0]

    def heard(self, before: ScopeState, layers: Mapping[int, MemoryState]) -> None:
        """Keep what a conversation that found the state `before` has left."""
        self._save(replace(before, layers=layers, spoken=True))

    def rebuild(self, scope: Scope, without: Iterable[str] = ()) -> int:
        """Build a state anew from its records, as the store has them now, and from them alone.

        Args:
            without: ids of records that are to be left out.

        Returns:
            How many records are in it.
        """
        wanted = sorted(self.state(scope).held.keys() - set(without))
        records = [record for record in self.store.living(wanted) if record.scope == scope]
        self._save(self._streamed(ScopeState(scope), sorted(records, key=lambda one: one.id)))
        return len(records)

    # -- inside ----------------------------------------------------------------------------

    def _write(self, scope: Scope, records: Sequence[Record]) -> None:
        held = self.state(scope).held
        if any(held.get(record.id, record.version) != record.version for record in records):
            self.rebuild(scope)
        state = self.state(scope)
        new = [record for record in records if record.id not in state.held]
        if new:
            self._save(self._streamed(state, new))

    def _streamed(self, state: ScopeState, records: Sequence[Record]) -> ScopeState:
        """The state after these records, each a text of its own."""
        layers = state.layers
        for record in records:
            layers = self._read_through(f"{OPENING}{record.text}\n", layers)
        held = {**state.held, **{record.id: record.version for record in records}}
        return replace(state, layers=layers, held=held)

    @torch.inference_mode()
    def _read_through(
        self, text: str, layers: Mapping[int, MemoryState]
    ) -> Mapping[int, MemoryState]:
        """What the memories hold after a text, whose attention begins anew."""
        ids = torch.tensor([self.host.encode(text)], device=self.host.model.device)
        return stream(self.host.model, ids, states=layers, segment=SEGMENT)

    def _save(self, state: ScopeState) -> None:
        path = self._path(state.scope)
        if not state.held and not state.spoken:
            path.unlink(missing_ok=True)
            self._loaded.pop(state.scope, None)
            return
        arrays = {
            f"{layer}/{name}": tensor.cpu().numpy()
            for layer, memory in state.layers.items()
            for name, tensor in memory.tensors().items()
        }
        header = {
            "scope": asdict(state.scope),
            "held": dict(state.held),
            "spoken": state.spoken,
            "origin": state.origin,
        }
        save_arrays(path, arrays, {"state": json.dumps(header)})
        self._keep(state)

    def _keep(self, state: ScopeState) -> None:
        device = self.host.model.device
        layers = {layer: memory.to(device) for layer, memory in state.layers.items()}
        self._loaded[state.scope] = replace(state, layers=layers), _mark(self._path(state.scope))
        if len(self._loaded) > LOADED:
            self._loaded.popitem(last=False)

    def _states(self) -> list[ScopeState]:
        """Every scope's state without its layers, as the files have it now: other processes write
        them, too. A damaged file goes, and its records are written again."""
        known: dict[Path, tuple[object, ScopeState]] = {}
        for path in self._files.paths():
            # Before the file is read: if it is replaced meanwhile, it is read again next time.
            mark = _mark(path)
            if path in self._known and self._known[path][0] == mark:
                known[path] = self._known[path]
                continue
            try:
                known[path] = mark, _read(path, layers=False)
            except FolderError:
                path.unlink(missing_ok=True)
        self._known = known
        return [state for _, state in known.values()]

    def _path(self, scope: Scope) -> Path:
        name = json.dumps(asdict(scope), sort_keys=True)
        return self._files.path(sha256(name.encode()).hexdigest()[:32])


def identity(host: Host) -> str:
    """What states depend on: the weights, and how the branches read."""
    dials = json.dumps(host.model.config.patch.to_dict(), sort_keys=True)
    return sha256(f"{host.fingerprint} {dials} {OPENING}".encode()).hexdigest()[:16]


def _mark(path: Path) -> object:
    """Changes when another process writes the file; None if there is none."""
    try:
        about = path.stat()
    except FileNotFoundError:
        return None
    return about.st_ino, about.st_mtime_ns, about.st_size


def _read(path: Path, layers: bool = True) -> ScopeState:
    """A state from its file, or only what is in it."""
    arrays, header = load_arrays(path) if layers else ({}, _header(path))
    try:
        about = json.loads(header["state"])
        parts: dict[int, dict[str, torch.Tensor]] = {}
        for name, array in arrays.items():
            layer, _, part = name.partition("/")
            parts.setdefault(int(layer), {})[part] = torch.from_numpy(array)
        return ScopeState(
            Scope(**about["scope"]),
            about["held"],
            about["spoken"],
            {layer: MemoryState.of(tensors) for layer, tensors in parts.items()},
            about.get("origin", ""),
        )
    except (KeyError, TypeError, ValueError) as error:
        raise FolderError(f"cannot read {path}", got=str(error)) from error


def _header(path: Path) -> dict[str, str]:
    from safetensors import SafetensorError, safe_open

    try:
        with safe_open(path, framework="numpy") as file:
            return dict(file.metadata() or {})
    except (SafetensorError, OSError) as error:
        raise FolderError(f"cannot read {path}", got=str(error)) from error
