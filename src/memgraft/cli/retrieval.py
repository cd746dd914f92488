"""`memgraft search | dream | reembed`: the memory that retrieves, without a language model."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from memgraft.cli import options
from memgraft.cli.progress import Bars, prepare_libraries
from memgraft.core.errors import InvalidInput

if TYPE_CHECKING:
    from memgraft.memory import Memory
    from memgraft.retrieval.home import PassagesHome

Encoder = Annotated[
    str | None,
    typer.Option(
        help="minilm, static, char_transformer, char_conv, or hf: with a hub id or a folder.",
        metavar="ENCODER",
    ),
]


def search(
    query: Annotated[str, typer.Argument(help="What to look for.")],
    limit: Annotated[int, typer.Option(help="How many at most.")] = 10,
    filters: Annotated[
        str | None, typer.Option(help='JSON, such as {"metadata.kind": "work"}.')
    ] = None,
    threshold: Annotated[float, typer.Option(help="The least score, from 0 to 1.")] = 0.0,
    explain: Annotated[
        bool, typer.Option("--explain", help="Show the signals that each was found by.")
    ] = False,
    store: options.Store = None,
    user: options.User = options.DEFAULT_USER,
    encoder: Encoder = None,
    as_json: options.Json = False,
) -> None:
    """Find memories by meaning, words, time and association."""
    wanted = _filters(filters)
    with _opened(store, encoder) as memory:
        found = memory.search(
            query,
            user_id=user,
            limit=limit,
            filters=wanted,
            threshold=threshold,
            explain=explain,
        )
    if as_json:
        _print(found["results"])
        return
    lines = [line for result in found["results"] for line in _lines(result)]
    sys.stdout.write("\n".join(lines or ["Nothing found."]) + "\n")


def dream(
    budget: Annotated[float, typer.Option(help="Seconds at most.", min=0.0)] = 60.0,
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="Say what would change, and change nothing.")
    ] = False,
    undo: Annotated[
        bool, typer.Option("--undo", help="Wake what rests since earlier dreams.")
    ] = False,
    store: options.Store = None,
    encoder: Encoder = None,
    as_json: options.Json = False,
) -> None:
    """Tidy up: put duplicates and superseded facts to rest, link, strengthen, fade."""
    with _opened(store, encoder) as memory:
        home = _slots(memory)
        report = home.wake() if undo else home.consolidate(budget, dry_run=dry_run)
    if as_json:
        _print({"changes": report.changes, **report.figures})
        return
    title = "Would change:" if dry_run else "Changed:"
    body = [f"  {change}" for change in report.changes] or ["  nothing"]
    sys.stdout.write("\n".join([title, *body]) + "\n")


def reembed(
    store: options.Store = None,
    tenant: options.Tenant = "",
    encoder: Encoder = None,
    as_json: options.Json = False,
) -> None:
    """Make all vectors anew, after a change of encoder."""
    prepare_libraries()
    from memgraft.open import reembed as make_anew

    with Bars() as bars, make_anew(store, tenant=tenant, encoder=encoder, progress=bars) as memory:
        figures = memory.stats()["homes"]["passages"]
    text = f"{figures['facts']} memories embedded with {figures['encoder']}."
    sys.stdout.write((json.dumps(figures) if as_json else text) + "\n")


def _opened(store: str | None, encoder: str | None) -> Memory:
    prepare_libraries()
    from memgraft.open import open_retrieval

    with Bars() as bars:
        return open_retrieval(store, encoder=encoder, progress=bars)


def _slots(memory: Memory) -> PassagesHome:
    """The home that dreams and learns by being read."""
    from memgraft.retrieval.home import PassagesHome

    (home,) = memory.homes
    if not isinstance(home, PassagesHome):
        raise InvalidInput(
            "memories in a database neither dream nor learn by being read",
            expected="a store in a file",
            got=memory.store.location,
        )
    return home


def _filters(given: str | None) -> dict[str, Any] | None:
    if given is None:
        return None
    try:
        parsed = json.loads(given)
    except ValueError as error:
        raise InvalidInput(
            "the filters are no JSON", expected='{"metadata.kind": "work"}', got=str(error)
        ) from error
    if not isinstance(parsed, dict):
        raise InvalidInput("filters must be a JSON object", got=given[:80])
    return parsed


def _lines(result: dict[str, Any]) -> list[str]:
    signals = result.get("signals", {})
    shown = ", ".join(f"{name} {value:.2f}" for name, value in signals.items() if value)
    return [f"{result['score']:.2f}  {result['memory']}", *([f"      {shown}"] * bool(shown))]


def _print(value: Any) -> None:
    sys.stdout.write(json.dumps(value, ensure_ascii=False) + "\n")


def draw(
    out: Annotated[Path, typer.Argument(help="Folder for the pictures.")],
    days: Annotated[float, typer.Option(help="How far back activation is drawn.", min=0.01)] = 30.0,
    store: options.Store = None,
    user: options.User = options.DEFAULT_USER,
    encoder: Encoder = None,
) -> None:
    """Draw a memory: activation over time, categories, associations."""
    from memgraft.evals.plots import check_matplotlib
    from memgraft.evals.portrait import portrait

    check_matplotlib()
    with _opened(store, encoder) as memory:
        home = _slots(memory)
        made = portrait(home.tenant(user), out, days)
    sys.stdout.write("\n".join(map(str, made)) + "\n")
