"""`memgraft train`: train what ships trained, or what a model of your own needs."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Annotated, Any

import typer

from memgraft.cli import options
from memgraft.cli.progress import Bars, prepare_libraries
from memgraft.cli.train_mag import mag
from memgraft.cli.train_recall import recall
from memgraft.cli.training import numbers, print_figures, refuse_to_resume
from memgraft.core.errors import InvalidInput
from memgraft.core.folder import replaced

# Of a run that says neither --steps nor --epochs.
STEPS = 4000

app = typer.Typer(help="Train a part of a memory.", no_args_is_help=True)


@app.callback()
def group() -> None:
    """Train a part of a memory."""


@app.command()
def injection(
    out: Annotated[Path, typer.Option(help="Folder for checkpoints, log, card and encoder.")],
    model: options.Model = options.DEFAULT_MODEL,
    steps: Annotated[
        int | None, typer.Option(help="Steps in all; a longer run resumes. Default: 4000.", min=1)
    ] = None,
    epochs: Annotated[
        float | None, typer.Option(help="Instead of steps: 50,000 facts each.", min=0.0)
    ] = None,
    facts: Annotated[
        int, typer.Option("--batch-size", help="Facts per step, of all processes.", min=1)
    ] = 32,
    lr: Annotated[float, typer.Option(help="Learning rate of the plateau.")] = 1e-3,
    stack: Annotated[int, typer.Option(help="Most facts awake together in training.", min=1)] = 16,
    locality: Annotated[
        float, typer.Option(help="Weight of leaving near questions alone.", min=0.0)
    ] = 0.3,
    start: Annotated[
        Path | None, typer.Option(help="An encoder's file to begin from, with its sizes.")
    ] = None,
    resume: Annotated[
        bool, typer.Option(help="Go on from the checkpoint in OUT; --no-resume refuses if one is.")
    ] = True,
    layers: Annotated[str, typer.Option(help="Layers to change, such as 20,23,26.")] = "",
    rank: Annotated[int, typer.Option(help="Rank-1 terms per token and layer.", min=1)] = 1,
    code: Annotated[int, typer.Option(help="Numbers per token kept on disk.", min=4)] = 64,
    half: Annotated[
        bool, typer.Option(help="Run the frozen base in bfloat16; --no-half for old CPUs.")
    ] = True,
    device: Annotated[str, typer.Option(help="auto, cpu, cuda or mps.")] = "auto",
    measure_every: Annotated[
        int, typer.Option(help="Steps between evaluations on held-out facts.", min=1)
    ] = 250,
    save_every: Annotated[int, typer.Option(help="Steps between checkpoints.", min=1)] = 100,
    seed: Annotated[int, typer.Option(help="Of the weights and the data.")] = 0,
) -> None:
    """Train a memory encoder: facts into weights in one forward pass.

    On several GPUs: accelerate launch -m memgraft train injection ...; they share each step's
    facts.
    """
    prepare_libraries()
    from memgraft.host.load import load_host
    from memgraft.host.precision import to_half
    from memgraft.injection.mneme import MnemeConfig
    from memgraft.injection.pretrained import load_encoder, new_encoder, save_encoder
    from memgraft.train.injection import EPOCH, InjectionTask, InjectionTraining
    from memgraft.train.loop import LoopConfig, train
    from memgraft.train.processes import device_of, launched

    steps = _steps(steps, epochs, EPOCH / facts)
    sizes: dict[str, Any] = {"code": code, "rank": rank}
    if layers:
        sizes["layers"] = numbers(layers)
    training = InjectionTraining(
        facts=facts, stacks=_stacks(stack, facts), neighbours=locality, seed=seed
    )
    loop = LoopConfig(
        steps=steps, lr=lr, decay=max(1, steps // 5), seed=seed,
        measure_every=measure_every, save_every=save_every,
    )  # fmt: skip
    place = device_of(device)
    if not resume:
        refuse_to_resume(out)
    with launched(place) as processes, Bars() as bars:
        with processes.main_first():
            host = load_host(model, bars)
            host.model.to(place)
            if start:
                encoder = load_encoder(host, start).train().requires_grad_(True)
            else:
                encoder = new_encoder(host, MnemeConfig.for_model(host.model.config, **sizes), seed)
        encoder.to(place)
        if half:
            to_half(host.model)
        task = InjectionTask(host, encoder, training, processes)
        figures = train(task, loop, out, bars, processes)
        if processes.main:
            run = {"model": model, "steps": steps, "epochs": steps * facts / EPOCH, "lr": lr}
            card = {**run, **training.to_dict(), "figures": figures}
            save_encoder(encoder, out / "encoder.safetensors", host.fingerprint, **card)
            _save_card(out / "card.json", card | {"sizes": encoder.config.to_dict()})
    print_figures(figures)


@app.command()
def router(
    out: Annotated[Path, typer.Option(help="Folder for checkpoints, log and the projections.")],
    steps: Annotated[int, typer.Option(help="Steps in all; a longer run resumes.", min=1)] = 150,
    facts: Annotated[int, typer.Option("--batch-size", help="Facts per step.", min=2)] = 256,
    lr: Annotated[float, typer.Option(help="Learning rate after the warm-up.")] = 1e-3,
    seed: Annotated[int, typer.Option(help="Of the data.")] = 0,
) -> None:
    """Train the router's projections: which fact does this question ask for?"""
    prepare_libraries()
    from memgraft.text.minilm import MiniLM
    from memgraft.train.loop import LoopConfig, train
    from memgraft.train.projection import ProjectionTask, ProjectionTraining

    with Bars() as bars:
        encoder = MiniLM(progress=bars)
        task = ProjectionTask(encoder, ProjectionTraining(facts=facts, seed=seed), bars)
        loop = LoopConfig(steps=steps, lr=lr, decay=steps, seed=seed)
        figures = train(task, loop, out, bars)
        task.projection.save(out / "router.safetensors", encoder.id)
    print_figures(figures)


@app.command()
def seed(
    out: Annotated[Path, typer.Option(help="Folder for checkpoints, log and the encoder.")],
    model: options.Model = options.DEFAULT_MODEL,
    steps: Annotated[int, typer.Option(help="Steps in all; a longer run resumes.", min=1)] = STEPS,
    facts: Annotated[int, typer.Option("--batch-size", help="Facts per step.", min=1)] = 32,
    lr: Annotated[float, typer.Option(help="Learning rate of the plateau.")] = 1e-3,
    half: Annotated[
        bool, typer.Option(help="Run the frozen base in bfloat16; --no-half for old CPUs.")
    ] = True,
    device: Annotated[str, typer.Option(help="auto, cpu, cuda or mps.")] = "auto",
    number: Annotated[int, typer.Option("--seed", help="Of the weights and the data.")] = 0,
) -> None:
    """Train the first prototype's hypernetwork, to compare the memory encoder with."""
    prepare_libraries()
    from memgraft.host.load import load_host
    from memgraft.host.precision import to_half
    from memgraft.injection.peers.seed import SeedConfig, new_seed, save_seed
    from memgraft.train.injection import InjectionTraining
    from memgraft.train.loop import LoopConfig, train
    from memgraft.train.processes import device_of
    from memgraft.train.seed import SeedTask

    place = device_of(device)
    training = InjectionTraining(facts=facts, stacks=_stacks(16, facts), seed=number)
    loop = LoopConfig(steps=steps, lr=lr, decay=max(1, steps // 5), seed=number)
    with Bars() as bars:
        host = load_host(model, bars)
        encoder = new_seed(SeedConfig.for_model(host.model.config), number).to(place)
        host.model.to(place)
        if half:
            to_half(host.model)
        figures = train(SeedTask(host, encoder, training), loop, out, bars)
        card = {"steps": steps, "lr": lr, **training.to_dict()}
        save_seed(encoder, out / "encoder.safetensors", host.fingerprint, **card)
    print_figures(figures)


@app.command()
def text(
    out: Annotated[Path, typer.Option(help="Folder for checkpoints, log, card and the encoder.")],
    kind: Annotated[str, typer.Option(help="char_transformer, char_conv or static.")],
    steps: Annotated[int, typer.Option(help="Steps in all; a longer run resumes.", min=1)] = 2000,
    texts: Annotated[int, typer.Option("--batch-size", help="Texts per step.", min=4)] = 256,
    lr: Annotated[float, typer.Option(help="Learning rate of the plateau.")] = 1e-3,
    wordnet: Annotated[
        Path | None, typer.Option(help="WordNet's dict folder: more texts, of general English.")
    ] = None,
    aiml: Annotated[
        Path | None, typer.Option(help="Folder with AIML files: what people say to chat bots.")
    ] = None,
    without: Annotated[
        list[Path] | None, typer.Option(help="JSONL of facts whose texts are not trained on.")
    ] = None,
    start: Annotated[
        Path | None, typer.Option(help="Weights of this kind to begin with, or with fewer layers.")
    ] = None,
    scale: Annotated[int, typer.Option(help="Thousandths of the full corpus.", min=1)] = 1000,
    cache: Annotated[
        Path | None, typer.Option(help="Folder of what all kinds share; OUT if not given.")
    ] = None,
    half: Annotated[
        bool, typer.Option(help="Train in bfloat16 where it is safe; --no-half for old CPUs.")
    ] = True,
    number: Annotated[int, typer.Option("--seed", help="Of the weights and the data.")] = 0,
) -> None:
    """Train a small text encoder to stand in for MiniLM."""
    prepare_libraries()
    from memgraft.evals.rows import load_rows
    from memgraft.text.minilm import MiniLM
    from memgraft.train.distil import Corpus, distil
    from memgraft.train.loop import LoopConfig
    from memgraft.train.text import TextTraining

    loop = LoopConfig(
        steps=steps, lr=lr, decay=max(1, steps // 2), seed=number, warmup=min(100, steps // 10)
    )
    training = TextTraining(texts=texts, half=half, seed=number)
    with Bars() as bars:
        rows = [row for path in without or () for row in load_rows(path)]
        barred = [text for row in rows for text in vars(row).values() if isinstance(text, str)]
        teacher = MiniLM(progress=bars, half=half)
        corpus = Corpus.make(teacher, number, scale, wordnet, aiml, barred)
        figures = distil(kind, corpus, out, cache or out, training, loop, bars, start=start)
    print_figures(figures)


@app.command("text-average")
def text_average(
    files: Annotated[list[Path], typer.Argument(help="Weights of several stages of a training.")],
    out: Annotated[Path, typer.Option(help="The file to write.")],
    kind: Annotated[str, typer.Option(help="char_transformer or char_conv.")],
) -> None:
    """Average the weights of several stages of a text encoder's training."""
    from memgraft.train.distil import average

    average(kind, files, out)
    print(out)


app.command()(mag)
app.command()(recall)


def _steps(steps: int | None, epochs: float | None, each: float) -> int:
    """Steps in all, given or from epochs of `each` steps."""
    if steps is not None and epochs is not None:
        raise InvalidInput(
            "--steps and --epochs exclude each other",
            got=f"--steps {steps} --epochs {epochs:g}",
            next_step="give one of them",
        )
    if epochs is not None:
        return max(1, round(epochs * each))
    return STEPS if steps is None else steps


def _stacks(most: int, facts: int) -> tuple[int, ...]:
    """Sizes to draw from: every power of two up to `most` that divides a step's facts, and single
    facts most often."""
    return (1, 1, 1, *(2**n for n in range(most.bit_length()) if facts % 2**n == 0))


def _save_card(path: Path, card: dict[str, Any]) -> None:
    with replaced(path) as part:
        part.write_text(json.dumps(card, indent=2) + "\n", encoding="utf-8")
