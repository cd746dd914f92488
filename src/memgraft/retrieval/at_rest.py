"""A `SlotMemory` in a folder: traces as readable lines, everything else in one safetensors file.

A save goes into a generation of its own inside the folder, and counts once `config.json` names it:
whoever reads meanwhile, or after a crash, sees the old state or the new one, whole.
"""

from __future__ import annotations

import json
import shutil
from dataclasses import asdict
from pathlib import Path
from typing import Any

import numpy as np

from memgraft.core.errors import FolderError, InvalidInput
from memgraft.core.folder import load_arrays, load_config, replaced, save_arrays, save_config
from memgraft.core.scope import Scope
from memgraft.retrieval.associations import Associations
from memgraft.retrieval.categories import CategoryMap
from memgraft.retrieval.config import RetrievalConfig
from memgraft.retrieval.memory import SlotMemory
from memgraft.retrieval.trace import Trace
from memgraft.text.encoder import Encoder

KIND, VERSION = "memgraft-retrieval", 1

TRACES, ARRAYS = "traces.jsonl", "state.safetensors"


def save(memory: SlotMemory, folder: Path, extra: dict[str, Any] | None = None) -> None:
    """Write a memory into a folder, which may hold an earlier state of one.

    `extra` is kept with the configuration and given back by `load`: plain JSON values.
    """
    number = 1 + max((int(p.name.split("-")[1]) for p in folder.glob("state-*")), default=0)
    generation = folder / f"state-{number}"
    lines = [json.dumps(asdict(trace), ensure_ascii=False) for trace in memory.traces()]
    with replaced(generation / TRACES) as part:
        part.write_text("".join(line + "\n" for line in lines), encoding="utf-8")
    save_arrays(generation / ARRAYS, memory.arrays(), {})
    content = {
        "encoder": memory.encoder.id,
        "retrieval": memory.config.to_dict(),
        "asleep": dict(memory.asleep),
        "state": generation.name,
        "traces": len(lines),
        "extra": extra or {},
    }
    save_config(folder, KIND, VERSION, content)
    for old in folder.glob("state-*"):
        if old != generation:
            shutil.rmtree(old, ignore_errors=True)


def load(folder: Path, encoder: Encoder) -> tuple[SlotMemory, dict[str, Any]]:
    """What `save` wrote, bit for bit, and its `extra`.

    Raises:
        FolderError: no such folder, a damaged one, or vectors of another encoder.
    """
    content = load_config(folder, KIND, VERSION)
    if content.get("encoder") != encoder.id:
        raise FolderError(
            f"{folder} was written with another encoder",
            expected=str(content.get("encoder")),
            got=encoder.id,
            next_step="open it with that encoder, or add its traces to a new memory",
        )
    try:
        config = RetrievalConfig.from_dict(content["retrieval"])
        generation = folder / content["state"]
        text = (generation / TRACES).read_text(encoding="utf-8")
        # Not `splitlines`: texts may hold U+2028 and its like, which JSON leaves as they are.
        traces = [_trace(json.loads(line)) for line in text.split("\n") if line]
        if len(traces) != content["traces"]:
            raise ValueError(f"{len(traces)} traces instead of {content['traces']}")
        arrays, _ = load_arrays(generation / ARRAYS)
        memory = restored(encoder, config, traces, arrays)
        for record_id, other in content["asleep"].items():
            memory.rest(record_id, other)
    except (OSError, ValueError, LookupError, TypeError, InvalidInput) as error:
        raise FolderError(
            f"{folder} is damaged",
            expected=f"{TRACES} and {ARRAYS} as they were saved",
            got=f"{type(error).__name__}: {error}",
            next_step="restore the folder from a backup; nothing in it was changed",
        ) from error
    return memory, content["extra"]


def restored(
    encoder: Encoder, config: RetrievalConfig, traces: list[Trace], arrays: dict[str, Any]
) -> SlotMemory:
    """A memory from traces and what `SlotMemory.arrays` gave."""
    memory = SlotMemory(encoder, config)
    categories = _below("categories.", arrays)
    memory.categories = None
    rows = zip(traces, arrays["vectors"], arrays["contexts"], strict=True)
    for trace, vector, context in rows:
        memory.place(trace, vector, context)
    memory.restore_use(arrays)
    memory.associations = Associations.from_arrays(_below("associations.", arrays))
    if config.vigilance is not None:
        memory.categories = CategoryMap.from_arrays(categories, config.vigilance)
    return memory


def _below(prefix: str, arrays: dict[str, Any]) -> dict[str, np.ndarray]:
    return {
        name.removeprefix(prefix): array
        for name, array in arrays.items()
        if name.startswith(prefix)
    }


def _trace(values: dict[str, Any]) -> Trace:
    return Trace(**{**values, "scope": Scope(**values["scope"])})
