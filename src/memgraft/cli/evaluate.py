"""`memgraft eval`: measurements."""

from __future__ import annotations

import json
import shlex
import sys
from collections.abc import Callable, Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from memgraft import __version__
from memgraft.cli import evaluate_mag, options
from memgraft.cli.progress import Bars, prepare_libraries
from memgraft.core.errors import InvalidInput, ModelError

if TYPE_CHECKING:
    from memgraft.evals.results import Results
    from memgraft.evals.rows import FactRow
    from memgraft.evals.systems import Opener
    from memgraft.host.load import Host
    from memgraft.text.encoder import Encoder

GENERATED = 200

app = typer.Typer(help="Measure a memory.", no_args_is_help=True)
evaluate_mag.register(app)


@app.callback()
def group() -> None:
    """Measure a memory."""


@app.command()
def injection(
    facts: Annotated[
        Path | None,
        typer.Option(
            help="JSONL of fact, question, paraphrase, answer; or a zsRE or CounterFact file."
        ),
    ] = None,
    split: Annotated[
        str | None,
        typer.Option(help="Generated facts instead: held-out values, phrasing or relations."),
    ] = None,
    stack: Annotated[
        list[str], typer.Option(help="Facts that are held at the same time, such as 1,10,100.")
    ] = ["50"],  # noqa: B006
    fill: Annotated[
        bool, typer.Option("--fill", help="Fill larger stacks with facts that are not asked for.")
    ] = False,
    home: Annotated[
        list[str] | None,
        typer.Option(help="weights, passages, mag or none, or several; all but mag if not given."),
    ] = None,
    branch: options.Branch = None,
    writer: Annotated[
        list[str] | None,
        typer.Option(
            help="encoder, closed-form, lora, grace, seed:FILE, or a trained encoder's file; "
            "or several, compared in one run. By default the encoder that ships for the model, "
            "else closed-form."
        ),
    ] = None,
    compose: Annotated[
        str, typer.Option(help="What is awake: routed, or all facts as their sum or solved.")
    ] = "routed",
    model: options.Model = options.DEFAULT_MODEL,
    limit: Annotated[int | None, typer.Option(help="Only the first so many facts.", min=1)] = None,
    report: Annotated[
        Path | None,
        typer.Option(help="Folder for a report with plots; run again to go on.", metavar="DIR"),
    ] = None,
    misses: Annotated[bool, typer.Option(help="Also list the questions that failed.")] = False,
    as_json: options.Json = False,
) -> None:
    """Recall of told facts, by greedy generation, and what they change elsewhere."""
    prepare_libraries()
    from memgraft.evals.embedding import LastRemembered
    from memgraft.evals.plots import check_matplotlib
    from memgraft.evals.report import write_report
    from memgraft.evals.results import Results, digest
    from memgraft.evals.systems import USUAL, default_writer
    from memgraft.host.load import load_host
    from memgraft.text.minilm import MiniLM

    homes = _listed(home) or (["weights"] if as_json else list(USUAL))
    writers = _listed(writer)
    _check(homes, writers)
    if branch and "mag" not in homes:
        raise InvalidInput(
            "only the home mag has a memory branch", expected="--home mag", got=f"--branch {branch}"
        )
    rows = _rows(facts, split, limit)
    sizes = _sizes(_listed(stack), len(rows), fill)
    if report:
        check_matplotlib()
    with Bars() as bars:
        host = load_host(model, bars)
        encoder = LastRemembered(MiniLM(progress=bars))
        openers = _openers(
            host, encoder, homes, writers or [default_writer(host)], compose,
            partial(_with_branches, host, branch),
        )  # fmt: skip
        settings = {
            "version": __version__,
            "rows": digest(rows),
            "model": host.fingerprint,
            "compose": compose,
        }
        kept = Results(report, settings) if report else None
        figures = _measure(host, openers, rows, sizes, kept, bars)
    if report:
        command = shlex.join(["memgraft", *sys.argv[1:]])
        write_report(
            report, figures, command=command, facts=str(facts or f"split {split}"), model=model
        )
    _print(figures, as_json, misses)


@app.command()
def retrieval(
    data: Annotated[
        Path, typer.Option(help="Conversations with questions and evidence.", metavar="FILE")
    ],
    format: Annotated[str, typer.Option(help="locomo, beam or jsonl.")] = "locomo",
    system: Annotated[
        list[str],
        typer.Option(
            help="bm25, minilm, rrf or mem0, each also as NAME+speaker, which puts the speaker's "
            "name before each turn; memgraft, and memgraft-SIGNAL without one of its signals."
        ),
    ] = ["bm25+speaker,minilm+speaker,rrf+speaker,memgraft"],  # noqa: B006
    ablate: Annotated[
        bool, typer.Option("--ablate", help="Also memgraft without each of its signals.")
    ] = False,
    conversations: Annotated[
        list[str] | None, typer.Option(help="Only these, by their ids.", metavar="ID,..")
    ] = None,
    limit: Annotated[
        int | None, typer.Option(help="Only the first so many questions.", min=1)
    ] = None,
    report: Annotated[
        Path | None, typer.Option(help="Folder for a report with plots.", metavar="DIR")
    ] = None,
    as_json: options.Json = False,
) -> None:
    """Recall of the turns of long conversations that answer a question."""
    prepare_libraries()
    from memgraft.evals.conversations import load_corpus
    from memgraft.evals.metered import MeteredEncoder
    from memgraft.evals.retrieval import evaluate
    from memgraft.evals.retrieval_report import prepare_folder, summary, write_report
    from memgraft.evals.retrieval_systems import ABLATION, SYSTEMS, check_system
    from memgraft.text.minilm import MiniLM

    names = _listed([*system, *(ABLATION if ablate else ())])
    for name in names:
        check_system(name)
    if not names:
        raise InvalidInput("no system is named", expected=" or ".join(SYSTEMS))
    corpus = load_corpus(data, format).only(_listed(conversations), limit)
    if report:
        prepare_folder(report)
    figures = []
    with Bars() as bars:
        encoder = MeteredEncoder(MiniLM(progress=bars))
        for name in names:
            one = evaluate(name, partial(SYSTEMS[name], encoder), corpus, encoder, bars)
            figures.append(one)
            if as_json:
                print(json.dumps(one, ensure_ascii=False), flush=True)
    if report:
        command = shlex.join(["memgraft", *sys.argv[1:]])
        write_report(report, figures, command=command, data=data.name, labels=corpus.labels)
    if not as_json:
        _retrieval_tables(figures, summary(figures), corpus.labels)


@app.command()
def dialogue(
    data: Annotated[Path, typer.Option(help="Conversations.", metavar="FILE")],
    format: Annotated[str, typer.Option(help="locomo, beam or jsonl.")] = "jsonl",
    conversations: Annotated[
        list[str] | None, typer.Option(help="Only these, by their ids.", metavar="ID,..")
    ] = None,
    as_json: options.Json = False,
) -> None:
    """Coherence, relevance of what is recalled, and consistency of conversations."""
    prepare_libraries()
    from memgraft.evals.conversations import load_corpus
    from memgraft.evals.dialogue import judged
    from memgraft.text.minilm import MiniLM

    corpus = load_corpus(data, format).only(_listed(conversations), None)
    with Bars() as bars:
        encoder = MiniLM(progress=bars)
        figures = []
        for done, one in enumerate(corpus.conversations):
            bars("conversations", done, len(corpus.conversations))
            figures.append({"conversation": one.id, **judged(one, encoder)})
    if as_json:
        print(json.dumps(figures, ensure_ascii=False))
        return
    from rich.console import Console
    from rich.table import Table

    table = Table()
    for name in figures[0] if figures else ():
        table.add_column(name, justify="left" if name == "conversation" else "right")
    for row in figures:
        table.add_row(*(f"{v:.3f}" if isinstance(v, float) else str(v) for v in row.values()))
    Console().print(table)


def _listed(given: Sequence[str] | None) -> list[str]:
    """An option's values, given several times or with commas, each once."""
    parts = [part.strip() for value in given or () for part in value.split(",")]
    return list(dict.fromkeys(part for part in parts if part))


def _retrieval_tables(
    figures: Sequence[dict[str, Any]], summary: str, labels: Mapping[str, str]
) -> None:
    """Systems side by side: all questions, then by category."""
    from rich.console import Console
    from rich.table import Table

    from memgraft.evals.retrieval_report import category_rows, rows

    console = Console()
    console.print(summary)
    for cells in (rows(figures), category_rows(figures, labels)):
        # A column per system: there are more figures than systems.
        head, *lines = zip(*cells, strict=True)
        table = Table()
        for place, name in enumerate(head):
            table.add_column(name, justify="right" if place else "left")
        for line in lines:
            table.add_row(*line)
        console.print(table)


def _check(homes: Sequence[str], writers: Sequence[str]) -> None:
    from memgraft.evals.systems import HOMES, check_writer

    for home in homes:
        if home not in HOMES:
            raise InvalidInput(f"no home is called {home!r}", expected=" or ".join(HOMES), got=home)
    for writer in writers:
        check_writer(writer)


def _rows(facts: Path | None, split: str | None, limit: int | None) -> list[FactRow]:
    from memgraft.data.facts import as_split
    from memgraft.evals.rows import generated_rows, load_rows

    if (facts is None) == (split is None):
        raise InvalidInput(
            "one source of facts is needed", expected="either --facts FILE or --split NAME"
        )
    if facts is not None:
        return load_rows(facts)[:limit]
    return generated_rows(as_split(str(split)), limit or GENERATED)


def _sizes(stack: Sequence[str], count: int, fill: bool) -> list[int]:
    """Sizes in rising order; without `--fill` none is larger than the number of rows."""
    if not stack or not all(size.isdecimal() and int(size) for size in stack):
        raise InvalidInput(
            "--stack takes numbers of facts", expected="such as 50, or 1,10,100", got=str(stack)
        )
    sizes = {int(size) for size in stack}
    if not fill and max(sizes) > count:
        print(
            f"There are {count} facts, so no more are held at the same time; --fill adds others.",
            file=sys.stderr,
        )
        sizes = {min(size, count) for size in sizes}
    return sorted(sizes)


def _openers(
    host: Host,
    encoder: Encoder,
    homes: Sequence[str],
    writers: Sequence[str],
    compose: str,
    branched: Callable[[], Host],
) -> list[Opener]:
    """A system per home, and per writer for the weights; `branched` loads a model with memory
    branches."""
    from memgraft.evals import systems

    made: list[Opener] = []
    for home in homes:
        if home == "weights":
            made += [systems.weights(host, encoder, writer, compose) for writer in writers]
        elif home == "passages":
            made.append(systems.passages(host, encoder))
        elif home == "mag":
            made.append(systems.mag(branched()))
        else:
            made.append(systems.bare(host))
    return made


def _with_branches(host: Host, branch: Path | None) -> Host:
    """The same model with memory branches, those that ship for it or others."""
    from memgraft.host.load import make_host
    from memgraft.mag.checkpoint import load_branch, shipped_branch

    path = branch or shipped_branch(host.name)
    if path is None:
        raise ModelError(
            f"no memory branches ship for {host.name}", next_step="name their folder with --branch"
        )
    return make_host(load_branch(path, host), host.tokenizer, host.name)


def _measure(
    host: Host,
    openers: Sequence[Opener],
    rows: Sequence[FactRow],
    sizes: Sequence[int],
    kept: Results | None,
    bars: Bars,
) -> list[dict[str, Any]]:
    """The figures of every system with every size, those that are kept already left out."""
    from memgraft.evals.distractors import distractors
    from memgraft.evals.injection import bare_replies, evaluate
    from memgraft.evals.systems import bare

    unpatched = bare_replies(bare(host))
    figures = []
    for size in sizes:
        more = distractors(rows, max(0, size - len(rows)))
        for opener in openers:
            known = kept.find(opener, size) if kept else None
            if kept and known:
                print(
                    f"{opener.name}, {size} facts: measured before, taken from {kept.path}",
                    file=sys.stderr,
                )
            result = known or evaluate(opener, rows, size - len(more), unpatched, more, bars)
            if kept and not known:
                kept.add(opener, size, result)
            figures.append(result)
    return figures


def _print(figures: Sequence[dict[str, Any]], as_json: bool, misses: bool) -> None:
    if as_json:
        for one in figures:
            print(json.dumps({k: v for k, v in one.items() if misses or k != "misses"}))
        return
    for size in dict.fromkeys(one["stack"] for one in figures):
        _table([one for one in figures if one["stack"] == size])
    for one in figures if misses else ():
        for miss in one["misses"]:
            print(f"{one['system']}, {one['stack']} facts: {miss['question']}")
            print(f"  due:   {miss['due']}\n  reply: {miss['reply']}")


def _table(figures: Sequence[dict[str, Any]]) -> None:
    """Systems side by side."""
    from rich.console import Console
    from rich.table import Table

    from memgraft.evals.report import as_text

    table = Table(title=f"{figures[0]['n']} facts, {figures[0]['stack']} at a time")
    table.add_column("")
    for result in figures:
        table.add_column(result["system"], justify="right")
    for name in figures[0]:
        if name not in ("home", "system", "writer", "stack", "n", "misses"):
            table.add_row(name, *(as_text(name, result[name]) for result in figures))
    Console().print(table)


@app.command()
def encoders(
    facts: Annotated[
        list[Path], typer.Option(help="JSONL of fact, question, paraphrase, answer; or several.")
    ],
    encoder: Annotated[
        list[str] | None,
        typer.Option(help="minilm, static, char_transformer, char_conv, hf:ID; all but hf:."),
    ] = None,
    as_json: options.Json = False,
) -> None:
    """Recall of a question by its paraphrase, with speed, beside BM25."""
    prepare_libraries()
    from memgraft.evals.encoders import paraphrases, score, score_words
    from memgraft.evals.rows import load_rows
    from memgraft.text.open import NAMES, open_encoder

    asked = paraphrases([row for path in facts for row in load_rows(path)])
    scores = [score_words(asked)]
    with Bars() as bars:
        for name in _listed(encoder) or NAMES:
            scores.append(score(name, open_encoder(name, bars), asked))
    figures = [{"n": len(asked.queries), **one.to_dict()} for one in scores]
    if as_json:
        for one in figures:
            print(json.dumps(one))
        return
    _encoder_table(figures)


def _encoder_table(figures: Sequence[dict[str, Any]]) -> None:
    """A row per encoder."""
    from rich.console import Console
    from rich.table import Table

    table = Table()
    for place, name in enumerate(figures[0]):
        table.add_column(name.replace("_", " "), justify="right" if place != 1 else "left")
    for one in figures:
        cells = (f"{v:.3f}" if isinstance(v, float) else str(v or "") for v in one.values())
        table.add_row(*cells)
    Console().print(table)
