"""`memgraft import`, and the part of `memgraft export` that writes records."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from memgraft.cli import options
from memgraft.cli.progress import Bars
from memgraft.core.errors import InvalidInput
from memgraft.core.scope import Scope

if TYPE_CHECKING:
    from memgraft.store.base import Store
    from memgraft.store.exchange import Imported, Reader

FORMATS = ("jsonl", "mem0", "langchain")
# Ids that are told of each kind of trouble; --json tells all.
_SHOWN = 10


def import_records(
    file: Annotated[Path, typer.Argument(help="The file to read.", metavar="FILE")],
    form: Annotated[
        str,
        typer.Option(
            "--format",
            help="jsonl (as export writes it), mem0 (get_all, an export, pages) or langchain "
            "(messages_to_dict).",
        ),
    ] = "jsonl",
    store: options.Store = None,
    tenant: options.Tenant = "",
    user: Annotated[
        str | None, typer.Option(help="Whose memories, where a foreign file names nobody.")
    ] = None,
    session: Annotated[
        str | None,
        typer.Option(help="The id of a LangChain conversation; the file's name by default."),
    ] = None,
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="Say what would be added, and change nothing.")
    ] = False,
    as_json: options.Json = False,
) -> None:
    """Take over records from a file: all of it is checked before the first is kept.

    What is there already stays as it is; exits with 1 if an id belongs to another record.
    """
    read = _reader(file, form, user, session)
    opened = open_plain_store(store, tenant, create=not dry_run)
    try:
        from memgraft.store.exchange import import_entries

        with Bars() as bars:
            done = import_entries(opened, read, dry_run, bars)
    finally:
        opened.close()
    if as_json:
        print(json.dumps({**vars(done), "dry_run": dry_run}))
    else:
        _show(done, dry_run)
    if done.conflicts:
        raise typer.Exit(1)


def export_jsonl(out: Path, store: str | None, user: str | None, tenant: str = "") -> None:
    """Write records with their history, everybody's if no user is named."""
    if out.exists():
        raise InvalidInput(f"{out} is there already", next_step="name a new file")
    opened = open_plain_store(store, tenant, create=False)
    try:
        from memgraft.store.exchange import export_records

        with Bars() as bars:
            count = export_records(opened, out, Scope(user_id=user), bars, overwrite=False)
    finally:
        opened.close()
    print(f"{count} records in {out}")


def open_plain_store(location: str | None, tenant: str = "", create: bool = True) -> Store:
    """The store without any home."""
    from memgraft.core.paths import default_store
    from memgraft.store.open import open_store

    return open_store(location or default_store(), tenant, create)


def _reader(file: Path, form: str, user: str | None, session: str | None) -> Reader:
    from memgraft.store.exchange import read_records
    from memgraft.store.foreign import read_langchain, read_mem0

    if form not in FORMATS:
        raise InvalidInput(f"no format is called {form!r}", expected=", ".join(FORMATS))
    if file.is_fifo() or file.is_char_device():
        raise InvalidInput(
            "a pipe cannot be read twice: to check all of it, and to keep it",
            got=str(file),
            next_step="write it to a file, and name that",
        )
    if session is not None and form != "langchain":
        raise InvalidInput("only a LangChain conversation has a session")
    if form == "jsonl":
        if user is not None:
            raise InvalidInput("a jsonl file says itself whose its records are", got="--user")
        return lambda: read_records(file)
    whose = user or options.DEFAULT_USER
    if form == "mem0":
        return lambda: read_mem0(file, whose)
    return lambda: read_langchain(file, session or file.stem, whose)


def _show(done: Imported, dry_run: bool) -> None:
    from rich.console import Console
    from rich.table import Table

    table = Table("would be" if dry_run else "", "records")
    table.columns[1].justify = "right"
    for name, value in vars(done).items():
        table.add_row(name, str(value if isinstance(value, int) else len(value)))
    console = Console()
    console.print(table)
    for ids, what in (
        (done.duplicates, "says what another memory of the same scope says"),
        (done.conflicts, "is the id of a different memory here"),
    ):
        for record_id in ids[:_SHOWN]:
            console.print(f"{record_id} {what}", highlight=False, markup=False, soft_wrap=True)
        if len(ids) > _SHOWN:
            console.print(f"... and {len(ids) - _SHOWN} more: --json tells all")
