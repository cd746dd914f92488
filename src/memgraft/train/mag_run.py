"""A curriculum from beginning to end: phase after phase, each from what the one before has left."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from hashlib import sha256
from pathlib import Path
from typing import Any

import torch

from memgraft.core.errors import FolderError
from memgraft.core.folder import replaced
from memgraft.data.samples import Sample
from memgraft.host.load import Host
from memgraft.mag.checkpoint import (
    FILE,
    branch_weights,
    read_branch,
    save_branch,
    with_branches,
)
from memgraft.mag.initial import copy_contexts
from memgraft.train.loop import LoopConfig, Progress, train
from memgraft.train.mag import MagTask, MagTraining
from memgraft.train.mag_curriculum import PHASES
from memgraft.train.mag_readout import ReadoutTask, readout_parameters
from memgraft.train.mag_samples import Asked, Samples, Source, own_rows
from memgraft.train.processes import ALONE, Processes

BRANCH, READOUT = "branch", "readout"
# What a phase was begun with, in its folder.
BEGUN = "run.json"
# What a copying start looks at: texts and their tokens; how much W_o then adds to the stream.
TEXTS, TEXT_TOKENS, STRENGTH = 24, 320, 0.8


@dataclass(frozen=True)
class Stage:
    """One phase as it is run: its name, where samples come from, its rate, and where those come
    from that are measured on: the same sources, if left out."""

    name: str
    sources: Sequence[Source | Sample]
    rate: float = 1.0
    held_out: Sequence[Source | Sample] = ()


def stages(names: Sequence[str], scale: float) -> list[Stage]:
    """Phases of the curriculum at a share of their sizes."""
    return [Stage(name, PHASES[name].sources(scale), PHASES[name].rate) for name in names]


def stage_of(path: Path) -> Stage:
    """A phase of one's own data, see `own_rows`."""
    trained, held_out = own_rows(path)
    return Stage("data", trained, held_out=held_out)


def _together(plan: Sequence[Stage]) -> Stage:
    """All phases at once."""
    sources = [source for stage in plan for source in stage.sources]
    held_out = [source for stage in plan for source in stage.held_out]
    return Stage(READOUT, sources, held_out=held_out)


@dataclass(frozen=True, eq=False)
class Run:
    """What all phases have in common.

    model: patched, over `host`, whose tokenizer it uses. questions: asked of a context, at most.
    longest: contexts of more tokens are refused. card: what is told of the run beside the figures.
    """

    host: Host
    model: Any
    training: MagTraining
    loop: LoopConfig
    questions: int
    longest: int | None
    card: Mapping[str, Any]

    def samples(self, stage: Stage, held_out: bool = False) -> Samples:
        """A phase's own, that no other phase and no evaluation draws."""
        sources = stage.held_out or stage.sources if held_out else stage.sources
        seed = f"{'held-out' if held_out else 'train'}-{stage.name}-{self.training.seed}"
        return Samples(self.host.tokenizer, sources, self.questions, self.longest, seed)

    def begin(self, stage: Stage) -> None:
        """Let untrained branches start as copies of what they read, see `copy_contexts`."""
        texts = self.samples(stage).take(TEXTS)
        copy_contexts(
            self.model, [text.context[:TEXT_TOKENS] for text in texts], STRENGTH, self.loop.seed
        )

    def align(
        self,
        plan: Sequence[Stage],
        steps: int,
        out: Path,
        progress: Progress | None = None,
        processes: Processes = ALONE,
    ) -> None:
        """Teach branches to store and to find, see `ReadoutTask`, on the samples of
        all phases."""
        stage = _together(plan)
        folder = out / READOUT
        self._begin(folder, "", processes)
        if self._done(folder, steps):
            return
        trainable = [part for part in self.model.parameters() if part.requires_grad]
        chosen = readout_parameters(self.model)
        for part in trainable:
            part.requires_grad_(any(part is one for one in chosen))
        loop = replace(
            self.loop, steps=steps, decay=max(1, steps // 2), lr=2 * self.loop.lr,
            measure_every=steps, warmup=min(20, steps),
        )  # fmt: skip
        task = ReadoutTask(
            self.model,
            self.samples(stage),
            self._held_out(stage, processes),
            self.training,
            processes,
        )
        try:
            figures = train(task, loop, folder, progress, processes)
        finally:
            for part in trainable:
                part.requires_grad_(True)
        self._keep(folder, READOUT, loop, figures, processes)

    def follow(
        self,
        plan: Sequence[Stage],
        out: Path,
        progress: Progress | None = None,
        processes: Processes = ALONE,
    ) -> dict[str, float]:
        """Train phase after phase, each in a folder of `out`; a phase that is done is not done
        again. The last one's branch is also in `out` itself, as float16.

        Returns the last figures on held-out samples.
        """
        figures: dict[str, float] = {}
        before = ""
        for stage in plan:
            folder = out / stage.name
            self._begin(folder, before, processes)
            done = self._done(folder, self.loop.steps)
            figures = done or self._train(stage, folder, progress, processes)
            before = _digest(self.model)
        if processes.main:
            card = {**self.card, "phases": [stage.name for stage in plan], "figures": figures}
            save_branch(self.model, out / BRANCH, self.host, card, torch.float16)
        return figures

    def _train(
        self, stage: Stage, folder: Path, progress: Progress | None, processes: Processes
    ) -> dict[str, float]:
        samples = self.samples(stage)
        held_out = self._held_out(stage, processes)
        task = MagTask(self.model, samples, held_out, self.training, processes)
        loop = replace(self.loop, lr=self.loop.lr * stage.rate)
        figures = train(task, loop, folder, progress, processes)
        self._keep(folder, stage.name, loop, figures, processes)
        return figures

    def _held_out(self, stage: Stage, processes: Processes) -> list[Asked]:
        """What the main process measures on."""
        if not processes.main:
            return []
        return self.samples(stage, held_out=True).take(self.training.measured)

    def _begin(self, folder: Path, before: str, processes: Processes) -> None:
        """Note what a phase is begun with, or see that it is what it was begun with.

        Args:
            before: the weights that the phase before has left; nothing for the first.

        Raises:
            FolderError: the folder is of a run with other settings, or from other weights.
        """
        own = {**self.card, "optimiser": self.loop.optimiser, "before": before}
        own["patch"] = self.model.config.patch.to_dict()
        own = json.loads(json.dumps(own))  # tuples come back as lists
        path = folder / BEGUN
        if path.is_file():
            known = json.loads(path.read_text(encoding="utf-8"))
            other = [name for name in own if own[name] != known.get(name)]
            if other:
                raise FolderError(
                    f"{folder} was begun otherwise",
                    expected=", ".join(f"{name} {known.get(name)}" for name in other),
                    got=", ".join(f"{name} {own[name]}" for name in other),
                    next_step="train into another folder, or say the same as then",
                )
        elif processes.main:
            folder.mkdir(parents=True, exist_ok=True)
            with replaced(path) as part:
                part.write_text(json.dumps(own, indent=2) + "\n", encoding="utf-8")

    def _keep(
        self,
        folder: Path,
        phase: str,
        loop: LoopConfig,
        figures: Mapping[str, float],
        processes: Processes,
    ) -> None:
        if processes.main:
            card = {**self.card, "phase": phase, "steps": loop.steps, "figures": dict(figures)}
            save_branch(self.model, folder / BRANCH, self.host, card)

    def _done(self, folder: Path, steps: int) -> dict[str, float] | None:
        """The figures of a phase that has had its steps; the model then is as it left it."""
        if not (folder / BRANCH / FILE).is_file():
            return None
        saved = read_branch(folder / BRANCH)
        if saved.card["steps"] < steps:
            return None
        with_branches(self.model, saved.weights)
        figures: dict[str, float] = saved.card["figures"]
        return figures


def _digest(model: Any) -> str:
    """Of the branches' weights."""
    found = sha256()
    for name, part in sorted(branch_weights(model).items()):
        found.update(name.encode() + part.detach().float().cpu().contiguous().numpy().tobytes())
    return found.hexdigest()[:16]
