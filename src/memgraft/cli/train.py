"""`memgraft train`: train what ships trained, or what a model of your own needs."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

import typer

from memgraft.cli import options
from memgraft.cli.progress import Bars, prepare_libraries

app = typer.Typer(help="Train a part of a memory.", no_args_is_help=True)


@app.callback()
def group() -> None:
    """Train a part of a memory."""


@app.command()
def injection(
    out: Annotated[Path, typer.Option(help="Folder for checkpoints, log and the encoder.")],
    model: options.Model = options.DEFAULT_MODEL,
    steps: Annotated[int, typer.Option(help="Steps in all; a longer run resumes.", min=1)] = 4000,
    facts: Annotated[int, typer.Option("--batch-size", help="Facts per step.", min=1)] = 32,
    lr: Annotated[float, typer.Option(help="Learning rate of the plateau.")] = 1e-3,
    stack: Annotated[int, typer.Option(help="Most facts awake together in training.", min=1)] = 16,
    locality: Annotated[
        float, typer.Option(help="Weight of leaving near questions alone.", min=0.0)
    ] = 0.3,
    start: Annotated[
        Path | None, typer.Option(help="An encoder's file to begin from, not random weights.")
    ] = None,
    layers: Annotated[str, typer.Option(help="Layers to change, such as 20,23,26.")] = "",
    code: Annotated[int, typer.Option(help="Numbers per token kept on disk.", min=4)] = 64,
    half: Annotated[
        bool, typer.Option(help="Run the frozen base in bfloat16; --no-half for old CPUs.")
    ] = True,
    seed: Annotated[int, typer.Option(help="Of the weights and the data.")] = 0,
) -> None:
    """Train a memory encoder: facts into weights in one forward pass."""
    prepare_libraries()
    from memgraft.host.load import load_host
    from memgraft.injection.mneme import MnemeConfig
    from memgraft.injection.pretrained import load_encoder, new_encoder, save_encoder
    from memgraft.train.injection import InjectionTask, InjectionTraining
    from memgraft.train.loop import LoopConfig, train

    with Bars() as bars:
        host = load_host(model, bars)
        sizes: dict[str, Any] = {"code": code}
        if layers:
            sizes["layers"] = tuple(int(layer) for layer in layers.split(","))
        if start:
            encoder = load_encoder(host, start).train().requires_grad_(True)
        else:
            encoder = new_encoder(host, MnemeConfig.for_model(host.model.config, **sizes), seed)
        if half:
            host.model.bfloat16()
        stacks = (1, 1, 1, *(2**n for n in range(stack.bit_length()) if facts % 2**n == 0))
        training = InjectionTraining(facts=facts, stacks=stacks, neighbours=locality, seed=seed)
        task = InjectionTask(host, encoder, training)
        loop = LoopConfig(steps=steps, lr=lr, decay=max(1, steps // 5), seed=seed)
        train(task, loop, out, bars)
        card = {"steps": steps, "lr": lr, **training.to_dict()}
        save_encoder(encoder, out / "encoder.safetensors", host.fingerprint, **card)
        figures = task.measure()
    _print(figures)


@app.command()
def verifier(
    out: Annotated[Path, typer.Option(help="Folder for checkpoints, log and the verifier.")],
    steps: Annotated[int, typer.Option(help="Steps in all; a longer run resumes.", min=1)] = 3000,
    facts: Annotated[int, typer.Option("--batch-size", help="Facts per step.", min=2)] = 16,
    lr: Annotated[float, typer.Option(help="Learning rate of the plateau.")] = 1e-4,
    seed: Annotated[int, typer.Option(help="Of the data.")] = 0,
) -> None:
    """Train the verifier: does this fact answer this question?"""
    prepare_libraries()
    from memgraft.injection.verifier import Verifier
    from memgraft.train.loop import LoopConfig, train
    from memgraft.train.verifier import VerifierTask, VerifierTraining

    with Bars() as bars:
        task = VerifierTask(Verifier.untrained(bars), VerifierTraining(facts=facts, seed=seed))
        train(task, LoopConfig(steps=steps, lr=lr, decay=max(1, steps // 3), seed=seed), out, bars)
        task.verifier.save(out / "verifier.safetensors")
        figures = task.measure()
    _print(figures)


def _print(figures: dict[str, float]) -> None:
    for name, value in figures.items():
        print(f"{name:>15} {value:.3f}")
