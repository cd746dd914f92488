"""`memgraft data`: what the generators make, as JSONL."""

from __future__ import annotations

import json
import sys
from collections.abc import Callable, Iterator
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, TypeVar

import typer

from memgraft.cli import options
from memgraft.cli.progress import Bars, prepare_libraries
from memgraft.core.errors import InvalidInput

if TYPE_CHECKING:
    from memgraft.data.samples import Sample

Number = TypeVar("Number", int, float, str)

# The second names of options are those of the prototypes that these tasks come from.
Tokens = Annotated[
    int,
    typer.Option(
        "--tokens", "--context-length", "--context_length", "--context_len",
        help="Size of a sample, input and target together, in tokens of the model.", min=1,
    ),
]  # fmt: skip
Samples = Annotated[
    int,
    typer.Option("--samples", "--num-samples", "--num_samples", help="How many.", min=1),
]
Hops = Annotated[
    str, typer.Option(help="Lines from the start to the answer, such as 2; or several, 3,4.")
]
Depth = Annotated[
    str,
    typer.Option(
        help="Where the needle lies, 0 to 1, such as 0.5; or several, 0,0.5,1. By default anywhere."
    ),
]
Seed = Annotated[int, typer.Option(help="The same seed gives the same samples.")]
Out = Annotated[
    Path | None,
    typer.Option("--out", "--output", help="The file to write; standard output by default."),
]
Cot = Annotated[bool, typer.Option("--cot", help="The target tells what is met on the way.")]

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


@app.command("hash-hop")
def hash_hop(
    tokens: Tokens = 4096,
    samples: Samples = 1000,
    hops: Hops = "2",
    style: Annotated[str, typer.Option(help="magic or agents.")] = "magic",
    cot: Cot = False,
    length: Annotated[int, typer.Option(help="Letters per hash.", min=1)] = 16,
    depth: Depth = "",
    seed: Seed = 0,
    model: options.Model = options.DEFAULT_MODEL,
    out: Out = None,
) -> None:
    """Chains of random strings to follow: JSONL of input, target, metadata."""
    from memgraft.data import hash_hop as generator

    config = generator.HashHopConfig(
        tokens=tokens,
        hops=_listed("--hops", hops, int),
        style=style,
        cot=cot,
        length=length,
        depths=_listed("--depth", depth, float),
    )
    _write(lambda tokenizer: generator.hash_hop(config, tokenizer, seed), samples, model, out)


@app.command()
def dependency(
    tokens: Tokens = 4096,
    samples: Samples = 1000,
    hops: Hops = "3",
    style: Annotated[str, typer.Option(help="components or variables.")] = "components",
    cot: Cot = False,
    branches: Annotated[int, typer.Option(help="Lines that lead into each chain.", min=0)] = 1,
    depth: Depth = "",
    seed: Seed = 0,
    model: options.Model = options.DEFAULT_MODEL,
    out: Out = None,
) -> None:
    """What something rests on in the end: JSONL of input, target, metadata."""
    from memgraft.data import dependency as generator

    config = generator.DependencyConfig(
        tokens=tokens,
        hops=_listed("--hops", hops, int),
        style=style,
        cot=cot,
        branches=branches,
        depths=_listed("--depth", depth, float),
    )
    _write(lambda tokenizer: generator.dependency(config, tokenizer, seed), samples, model, out)


@app.command("code-retrieval")
def code_retrieval(
    tokens: Tokens = 4096,
    samples: Samples = 1000,
    repository: Annotated[
        Path | None, typer.Option(help="A folder of Python files.", metavar="DIR")
    ] = None,
    synthetic: Annotated[
        bool, typer.Option("--synthetic", help="Made-up functions, as without --repository.")
    ] = False,
    ask: Annotated[str, typer.Option(help="For the function's name, or its source.")] = "name",
    depth: Depth = "",
    seed: Seed = 0,
    model: options.Model = options.DEFAULT_MODEL,
    out: Out = None,
) -> None:
    """Functions to find by their descriptions: JSONL of input, target, metadata."""
    from memgraft.data import code_retrieval as generator

    if synthetic and repository:
        raise InvalidInput("functions are made up or of a repository", got="both options")
    config = generator.CodeRetrievalConfig(
        tokens=tokens,
        ask=ask,
        repository=str(repository) if repository else None,
        depths=_listed("--depth", depth, float),
    )
    _write(lambda tokenizer: generator.code_retrieval(config, tokenizer, seed), samples, model, out)


@app.command()
def needle(
    tokens: Tokens = 4096,
    samples: Samples = 1000,
    values: Annotated[
        str, typer.Option(help="Kinds of value: number, word, code; or several.")
    ] = "number,word,code",
    wordings: Annotated[
        str, typer.Option(help="How facts are told: magic, secret, register, belongs; or several.")
    ] = "magic,secret,register,belongs",
    form: Annotated[
        str, typer.Option(help="The end is to continue the fact's sentence, or a question.")
    ] = "continue",
    distractors: Annotated[int, typer.Option(help="Facts about other names.", min=0)] = 0,
    split: Annotated[
        str, typer.Option(help="train, or test: other names, values and sentences.")
    ] = "train",
    depth: Depth = "",
    seed: Seed = 0,
    model: options.Model = options.DEFAULT_MODEL,
    out: Out = None,
) -> None:
    """A fact to find in prose about other things: JSONL of input, target, metadata."""
    from memgraft.data import needle as generator

    config = generator.NeedleConfig(
        tokens=tokens,
        values=_listed("--values", values, str),
        wordings=_listed("--wordings", wordings, str),
        form=form,
        distractors=distractors,
        split=split,
        depths=_listed("--depth", depth, float),
    )
    _write(lambda tokenizer: generator.needle(config, tokenizer, seed), samples, model, out)


@app.command()
def told(
    tokens: Tokens = 4096,
    samples: Samples = 1000,
    facts: Annotated[
        str, typer.Option(help="Told in a sample, as far as they fit: a number, or several.")
    ] = "1,2,4",
    split: Annotated[
        str, typer.Option(help="train, or what is held out: values, phrasing, relations.")
    ] = "train",
    apart: Annotated[
        int, typer.Option(help="Texts beside it that have nothing to do with the facts.", min=0)
    ] = 2,
    seed: Seed = 0,
    model: options.Model = options.DEFAULT_MODEL,
    out: Out = None,
) -> None:
    """Facts that a user tells, among notes and talk, asked in the model's chat template: JSONL of
    input, target, metadata."""
    from memgraft.data import told as generator

    config = generator.ToldConfig(
        tokens=tokens, facts=_listed("--facts", facts, int), split=split, apart=apart
    )
    _write(lambda tokenizer: generator.told(config, tokenizer, seed), samples, model, out)


@app.command()
def mqar(
    tokens: Annotated[
        int,
        typer.Option(
            "--tokens",
            "--context-length",
            "--context_length",
            "--input_seq_len",
            help="Length of a sequence.",
            min=1,
        ),
    ] = 256,
    samples: Samples = 1000,
    pairs: Annotated[
        int, typer.Option("--pairs", "--num_kv_pairs", help="Distinct keys.", min=1)
    ] = 8,
    queries: Annotated[
        int | None, typer.Option(help="Keys that are asked for; all by default.", min=1)
    ] = None,
    updates: Annotated[
        int,
        typer.Option("--updates", "--num_updates", help="Writes that replace a value.", min=0),
    ] = 0,
    filler: Annotated[int, typer.Option(help="Tokens before queries begin.", min=0)] = 0,
    vocabulary: Annotated[
        int, typer.Option("--vocabulary", "--vocab_size", help="Ids in all.", min=4)
    ] = 8192,
    noise: Annotated[int, typer.Option(help="Ids of filler.", min=1)] = 64,
    power: Annotated[
        float, typer.Option("--power", "--power_a", help="Of gaps before queries; 1 is uniform.")
    ] = 0.01,
    depth: Annotated[
        str, typer.Option(help="Share of the filler before the pairs, or several, such as 0,0.5.")
    ] = "",
    seed: Seed = 0,
    out: Out = None,
) -> None:
    """Associative recall of many keys: JSONL of token ids, labels, metadata."""
    from memgraft.data import mqar as generator

    config = generator.MQARConfig(
        tokens=tokens,
        pairs=pairs,
        queries=queries,
        updates=updates,
        filler=filler,
        vocabulary=vocabulary,
        noise=noise,
        power=power,
        depths=_listed("--depth", depth, float),
    )
    _emit(generator.mqar(config, seed), samples, out)


@app.command("token-hops")
def token_hops(
    samples: Samples = 1000,
    chains: Annotated[int, typer.Option(help="How many.", min=1)] = 4,
    length: Annotated[int, typer.Option(help="Pairs of a chain.", min=1)] = 2,
    hops: Annotated[
        str, typer.Option(help="What questions ask for, such as 2; or several, 1,2.")
    ] = "2",
    cot: Cot = False,
    questions: Annotated[
        int | None, typer.Option(help="Of all that could be asked; all by default.", min=1)
    ] = None,
    spread: Annotated[int, typer.Option(help="Tokens of filler among the pairs.", min=0)] = 0,
    filler: Annotated[int, typer.Option(help="Tokens before questions begin.", min=0)] = 0,
    vocabulary: Annotated[
        int, typer.Option("--vocabulary", "--vocab_size", help="Ids in all.", min=4)
    ] = 128,
    noise: Annotated[int, typer.Option(help="Ids of filler.", min=1)] = 16,
    seed: Seed = 0,
    out: Out = None,
) -> None:
    """Chains of pairs to follow, a token for a name: JSONL of token ids, labels, metadata."""
    from memgraft.data import token_hops as generator

    config = generator.TokenHopsConfig(
        chains=chains,
        length=length,
        hops=_listed("--hops", hops, int),
        cot=cot,
        questions=questions,
        spread=spread,
        filler=filler,
        vocabulary=vocabulary,
        noise=noise,
    )
    _emit(generator.token_hops(config, seed), samples, out)


@app.command()
def check(
    file: Annotated[Path, typer.Argument(help="JSONL of one or several tasks.", metavar="FILE")],
    model: Annotated[
        str | None, typer.Option(help="Also count tokens, with this model's tokenizer.")
    ] = None,
) -> None:
    """Prove every sample of a file answerable from its own text; the first that is not is told."""
    prepare_libraries()
    from memgraft.data.checker import check_file

    with Bars() as bars:
        count = None
        if model:
            from memgraft.data.fitting import TokenCount
            from memgraft.host.load import load_tokenizer

            count = TokenCount(load_tokenizer(model, bars))
        seen = check_file(file, count, bars)
    for task, samples in sorted(seen.items()):
        print(f"{task}: {samples} samples, each with one answer, its target")


def _write(
    made: Callable[[Any], Iterator[Sample]], total: int, model: str, out: Path | None
) -> None:
    """Samples that are sized by a model's tokenizer."""
    prepare_libraries()
    from memgraft.host.load import load_tokenizer

    with Bars() as bars:
        tokenizer = load_tokenizer(model, bars)
    _emit(made(tokenizer), total, out)


def _emit(samples: Iterator[Sample], total: int, out: Path | None) -> None:
    from memgraft.data.samples import write_samples

    some = islice(samples, total)
    if out is None:
        for sample in some:
            print(sample.to_json())
        return
    with Bars() as bars:
        write_samples(some, out, total, bars)
    print(f"{total} samples in {out}", file=sys.stderr)


def _listed(name: str, text: str, number: Callable[[str], Number]) -> tuple[Number, ...]:
    """Numbers with commas between them; none of an empty text."""
    try:
        return tuple(number(part) for part in text.split(",") if text)
    except ValueError as error:
        raise InvalidInput(
            f"{name} cannot be read", expected="a number, or several such as 1,2,3", got=text
        ) from error
