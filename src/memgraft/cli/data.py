"""`memgraft data`: what the generators make, as JSONL."""

from __future__ import annotations

import json
from itertools import islice
from typing import Annotated

import typer

app = typer.Typer(help="Generate data.", no_args_is_help=True)


@app.callback()
def group() -> None:
    """Generate data."""


@app.command()
def facts(
    count: Annotated[int, typer.Option(help="How many facts.", min=1)] = 1000,
    split: Annotated[
        str, typer.Option(help="train, or what is held out: values, phrasing, relations.")
    ] = "values",
    seed: Annotated[int, typer.Option(help="The same seed gives the same facts.")] = 1,
) -> None:
    """Facts with two questions, the answer, and a near question that they do not answer: the
    rows that `memgraft eval injection` reads, on standard output."""
    import random

    from memgraft.data import facts as generator

    rng = random.Random(f"rows-{seed}")
    for fact in islice(generator.facts(generator.as_split(split), seed), count):
        question = rng.choice(fact.questions)
        same = [q for q in fact.questions if q.answer == question.answer and q != question]
        row = {
            "fact": fact.text,
            "question": question.text,
            "paraphrase": rng.choice(same or [question]).text,
            "answer": question.answer,
            "neighbour": fact.neighbours[0] if fact.neighbours else None,
            "relation": fact.relation,
        }
        print(json.dumps(row, ensure_ascii=False))
