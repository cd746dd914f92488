"""The `memgraft` command."""

from __future__ import annotations

import sys

import typer

from memgraft.cli import (
    bundles,
    data,
    diagnose,
    evaluate,
    exchange,
    experiment,
    export,
    mcp,
    plot,
    records,
    retrieval,
    serve,
    train,
)
from memgraft.cli import chat as chatting
from memgraft.core.errors import MemgraftError

# What typer exits with after Ctrl-C.
INTERRUPTED = 130

app = typer.Typer(
    name="memgraft",
    help="Long-term memory for language models.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,
)
app.command("chat")(chatting.chat)
app.command("remember")(records.remember)
app.command("ask")(records.ask)
app.command("memories")(records.memories)
app.command("forget")(records.forget)
app.command("stats")(records.stats)
app.command("search")(retrieval.search)
app.command("dream")(retrieval.dream)
app.command("reembed")(retrieval.reembed)
app.command("draw")(retrieval.draw)
app.command("export")(export.export)
app.command("import")(exchange.import_records)
app.command("mcp")(mcp.mcp)
app.command("experiment")(experiment.experiment)
app.command("plot")(plot.plot)
app.command("serve")(serve.serve)
app.add_typer(serve.keys, name="keys")
app.add_typer(evaluate.app, name="eval")
app.add_typer(diagnose.app, name="diagnose")
app.add_typer(data.app, name="data")
app.add_typer(train.app, name="train")
app.add_typer(bundles.app, name="bundles")


def main() -> None:
    """Run a command; errors of ours are told in full sentences, without a traceback."""
    try:
        app()
    except MemgraftError as error:
        print(f"memgraft: {error}", file=sys.stderr)
        sys.exit(error.exit_code)
    except SystemExit as leaving:
        if leaving.code == INTERRUPTED:
            print("memgraft: interrupted; everything acknowledged is kept", file=sys.stderr)
        raise
    except BrokenPipeError:
        sys.stderr.close()  # whoever read our output has left
        sys.exit(141)


if __name__ == "__main__":
    main()
