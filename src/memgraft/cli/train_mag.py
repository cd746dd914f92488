"""`memgraft train mag`: branches for a pretrained model, phase by phase."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from memgraft.cli import options
from memgraft.cli.progress import Bars, prepare_libraries
from memgraft.cli.training import numbers, print_figures, refuse_to_resume
from memgraft.core.errors import InvalidInput

STARTS = ("copy", "attention", "random")


def mag(
    out: Annotated[Path, typer.Option(help="Folder: one per phase, and the last one's branch.")],
    model: options.Model = options.DEFAULT_MODEL,
    phases: Annotated[
        str, typer.Option(help="Of the curriculum, such as 0a,0b or 0a-1b: 0a to 0c, 1a to 4b.")
    ] = "0a-1b",
    scale: Annotated[
        float, typer.Option(help="Share of the phases' sizes; 1/32 makes 256 of 8k.", min=1e-4)
    ] = 1.0,
    data: Annotated[
        Path | None, typer.Option(help="Train on this JSONL of samples, instead of phases.")
    ] = None,
    steps: Annotated[int, typer.Option(help="Of each phase.", min=1)] = 1000,
    readout: Annotated[
        int, typer.Option(help="Steps before, with no layers above the memories.", min=0)
    ] = 600,
    contexts: Annotated[int, typer.Option("--batch-size", help="Contexts per step.", min=1)] = 1,
    questions: Annotated[int, typer.Option(help="Asked of one context, at most.", min=1)] = 8,
    longest: Annotated[
        int | None, typer.Option(help="Refuse contexts of more tokens; they are never cut.")
    ] = None,
    segment: Annotated[int, typer.Option(help="Tokens that are read at once.", min=16)] = 512,
    history: Annotated[
        int, typer.Option(help="Segments that gradients reach back; 0 is all.", min=0)
    ] = 0,
    lr: Annotated[float, typer.Option(help="Learning rate of the plateau.")] = 1e-3,
    openness: Annotated[
        float, typer.Option(help="Weight of how far gates stand open.", min=0.0)
    ] = 0.0,
    leaving: Annotated[
        float, typer.Option(help="Weight of what changes in texts apart from the context.", min=0.0)
    ] = 1.0,
    layers: Annotated[str, typer.Option(help="Layers with a memory, such as 12,18.")] = "",
    heads: Annotated[int, typer.Option(help="Of each memory.", min=1)] = 4,
    width: Annotated[int, typer.Option(help="Of a head.", min=8)] = 128,
    convolution: Annotated[
        int, typer.Option(help="Tokens that keys, values and queries are mixed of.", min=1)
    ] = 8,
    memory_layers: Annotated[
        int, typer.Option(help="1 is the linear memory, 2 the MLP.", min=1, max=2)
    ] = 1,
    window: Annotated[int, typer.Option(help="Of the attention, in tokens; 0: its own.")] = 256,
    lora_rank: Annotated[
        int, typer.Option(help="Also train such updates of the attention.", min=0)
    ] = 0,
    begin: Annotated[str, typer.Option("--init", help=", ".join(STARTS))] = "copy",
    start: Annotated[Path | None, typer.Option(help="A branch to begin from.")] = None,
    resume: Annotated[
        bool, typer.Option(help="Go on from checkpoints in OUT; --no-resume refuses if one is.")
    ] = True,
    checkpointing: Annotated[
        bool, typer.Option(help="Gradient checkpointing: less memory, more time.")
    ] = False,
    optimiser: Annotated[str, typer.Option(help="adamw or adamw8bit.")] = "adamw",
    half: Annotated[
        bool, typer.Option(help="Run the frozen base in bfloat16; --no-half for old CPUs.")
    ] = True,
    device: Annotated[str, typer.Option(help="auto, cpu, cuda or mps.")] = "auto",
    measure_every: Annotated[int, typer.Option(help="Steps between evaluations.", min=1)] = 250,
    measured: Annotated[int, typer.Option(help="Contexts held out for them.", min=1)] = 16,
    save_every: Annotated[int, typer.Option(help="Steps between checkpoints.", min=1)] = 50,
    seed: Annotated[int, typer.Option(help="Of the weights and the data.")] = 0,
) -> None:
    """Train memory branches: told a long text, answer what the window has lost.

    The base stays frozen. Each phase begins with what the one before has left, in a folder of its
    own with checkpoint, log, card and branch. On several GPUs: accelerate launch -m memgraft train
    mag ...; they share each step's contexts.
    """
    prepare_libraries()
    from memgraft.host.load import load_host
    from memgraft.host.precision import to_half
    from memgraft.mag.checkpoint import load_branch
    from memgraft.mag.patch import patch_with_mag
    from memgraft.mag.patch_config import PatchConfig
    from memgraft.train.loop import LoopConfig
    from memgraft.train.mag import MagTraining
    from memgraft.train.mag_curriculum import phases as phases_of
    from memgraft.train.mag_run import BRANCH, READOUT, Run, stage_of, stages
    from memgraft.train.processes import device_of, launched

    if begin not in STARTS:
        raise InvalidInput(f"--init is not {begin!r}", expected=", ".join(STARTS))
    patch = PatchConfig(
        memory_layers=memory_layers, memory_heads=heads, memory_head_dim=width,
        layers=numbers(layers) if layers else None, window=window or None, lora_rank=lora_rank,
        from_attention=begin == "attention", branch_dtype="float32",
        conv_size=convolution, initial_momentum=0.0, initial_decay=0.0, gate_bias=0.0,
    )  # fmt: skip
    training = MagTraining(
        contexts=contexts, segment=segment, history=history, openness=openness,
        leaving=leaving, measured=measured, seed=seed,
    )  # fmt: skip
    loop = LoopConfig(
        steps=steps, lr=lr, decay=max(1, steps // 4), seed=seed, optimiser=optimiser,
        measure_every=measure_every, save_every=save_every,
    )  # fmt: skip
    plan = [stage_of(data)] if data else stages(phases_of(phases), scale)
    if not resume:
        for name in (READOUT, BRANCH, *(stage.name for stage in plan)):
            refuse_to_resume(out / name)
    with launched(device_of(device)) as processes, Bars() as bars:
        with processes.main_first():
            host = load_host(model, bars)
        host.model.to(device_of(device))
        if half:
            to_half(host.model)
        patched = load_branch(start, host) if start else patch_with_mag(host.model, patch, seed)
        if checkpointing:
            patched.train().gradient_checkpointing_enable()
        card = {
            "model": model, "scale": scale, "lr": lr, "init": str(start or begin),
            "questions": questions, **training.to_dict(),
        }  # fmt: skip
        run = Run(host, patched, training, loop, questions, longest, card)
        if begin == "copy" and not start:
            run.begin(plan[0])
        if readout and not start:
            run.align(plan, readout, out, bars, processes)
        figures = run.follow(plan, out, bars, processes)
    print_figures(figures)
