"""What the commands that train have in common."""

from __future__ import annotations

from pathlib import Path

from memgraft.core.errors import InvalidInput


def numbers(text: str) -> tuple[int, ...]:
    try:
        return tuple(int(number) for number in text.split(","))
    except ValueError as error:
        raise InvalidInput(
            "--layers cannot be read", expected="numbers such as 20,23,26", got=text
        ) from error


def refuse_to_resume(out: Path) -> None:
    """What has been trained is never overwritten: that a run begins afresh has to be true."""
    from memgraft.train.loop import CHECKPOINT

    if (out / CHECKPOINT).is_file() or (out / "branch.safetensors").is_file():
        raise InvalidInput(
            f"{out} holds the checkpoint of an earlier run",
            expected="a folder without one, by --no-resume",
            next_step="train into another folder, or remove this one",
        )


def print_figures(figures: dict[str, float]) -> None:
    for name, value in figures.items():
        print(f"{name:>15} {value:.3f}")
