"""`memgraft remember | ask | memories | forget | stats`: the chat's commands, from the shell."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from memgraft.cli import options
from memgraft.cli.progress import Bars, prepare_libraries
from memgraft.core.errors import InvalidInput, NotFound
from memgraft.core.records import Record
from memgraft.core.scope import Scope

if TYPE_CHECKING:
    from memgraft.open import Opened
    from memgraft.store.base import Store

# Shortest beginning of an id that counts as one.
ID_PREFIX = 8
APPROXIMATE = (
    "The branch that ships keeps a few facts, approximately, and may put them into replies that "
    "they have nothing to do with. Exact are --home weights and --home passages."
)


def remember(
    fact: Annotated[str, typer.Argument(help="One fact, as a sentence.")],
    store: options.Store = None,
    user: options.User = options.DEFAULT_USER,
    home: options.HomeName = "weights",
    branch: options.Branch = None,
    model: options.Model = options.DEFAULT_MODEL,
    as_json: options.Json = False,
) -> None:
    """Remember a fact."""
    from memgraft.core.records import clean_text

    clean_text(fact)  # refuse bad input before loading a model for it
    opened = open_with_bars(store, home, model, branch)
    with opened.memory as memory:
        result = memory.add(fact, user_id=user)["results"][0]
    _show(result, as_json, describe_add(result))


def ask(
    question: Annotated[str, typer.Argument(help="A question.")],
    store: options.Store = None,
    user: options.User = options.DEFAULT_USER,
    home: options.HomeName = "weights",
    branch: options.Branch = None,
    model: options.Model = options.DEFAULT_MODEL,
    as_json: options.Json = False,
) -> None:
    """Ask one question, without a conversation around it."""
    opened = open_with_bars(store, home, model, branch)
    from memgraft.cli.mag_conversation import conversation_with

    with opened.memory:
        conversation = conversation_with(opened, Scope(user_id=user))
        reply = "".join(conversation.reply(question)).strip()
        why = conversation.why()
    _show({"question": question, "answer": reply, **why}, as_json, reply)


def memories(
    store: options.Store = None,
    user: options.User = options.DEFAULT_USER,
    as_json: options.Json = False,
) -> None:
    """List what is remembered."""
    from memgraft.memory import as_dict

    opened = _open_store(store)
    try:
        records = opened.list(Scope(user_id=user))
    finally:
        opened.close()
    lines = [f"{number:>3}. {record.text}" for number, record in enumerate(records, start=1)]
    _show([as_dict(r) for r in records], as_json, "\n".join(lines) or "Nothing yet.")


def forget(
    which: Annotated[str, typer.Argument(help="Its number in the list, its id, or its text.")],
    store: options.Store = None,
    user: options.User = options.DEFAULT_USER,
    home: options.HomeName = "weights",
    branch: options.Branch = None,
    model: options.Model = options.DEFAULT_MODEL,
    as_json: options.Json = False,
) -> None:
    """Forget a fact, exactly."""
    plain = _open_store(store)
    try:
        record = find_record(plain, Scope(user_id=user), which)
    finally:
        plain.close()
    opened = open_with_bars(store, home, model, branch)
    with opened.memory as memory:
        result = memory.delete(record.id)
    _show({**result, "memory": record.text}, as_json, f'Forgotten: "{record.text}"')


def stats(
    store: options.Store = None,
    user: options.User = options.DEFAULT_USER,
    home: options.HomeName = "weights",
    branch: options.Branch = None,
    model: options.Model = options.DEFAULT_MODEL,
    as_json: options.Json = False,
) -> None:
    """Counts, bytes, and what the memory runs on."""
    opened = open_with_bars(store, home, model, branch)
    with opened.memory as memory:
        memory.save()
        figures = memory.stats(Scope(user_id=user))
    _show(figures, as_json, describe_stats(figures))


def open_with_bars(store: str | None, home: str, model: str, branch: Path | None = None) -> Opened:
    """`open_memory` with progress on standard error."""
    prepare_libraries()
    if home == "mag" and branch is None:
        print(APPROXIMATE, file=sys.stderr)
    from memgraft.open import open_memory

    with Bars() as bars:
        return open_memory(store, home=home, model=model, branch=branch, progress=bars)


def find_record(store: Store, scope: Scope, which: str) -> Record:
    """The live record meant by a number of the list, an id or its beginning, or (part of) a text.

    Raises:
        NotFound: nothing fits. InvalidInput: several do.
    """
    records = store.list(scope)
    wanted = which.strip().strip('"').rstrip(".").casefold()
    if not wanted:
        raise InvalidInput("which one?", expected="a number of the list, an id, or a text")
    if wanted.isdecimal() and not (len(wanted) >= ID_PREFIX and _starting(records, wanted)):
        return _numbered(records, wanted)
    texts = [(record, record.text.casefold().rstrip(".")) for record in records]
    for fits in (
        [record for record, text in texts if text == wanted],
        _starting(records, wanted) if len(wanted) >= ID_PREFIX else [],
        [record for record, text in texts if wanted in text],
    ):
        if len(fits) == 1:
            return fits[0]
        if fits:
            raise InvalidInput(
                f"{len(fits)} memories fit {which!r}",
                got="; ".join(record.text for record in fits[:5]),
                next_step="use the number from the list",
            )
    raise NotFound(f"nothing that is remembered fits {which!r}", next_step="look at the list")


def _starting(records: list[Record], prefix: str) -> list[Record]:
    return [record for record in records if record.id.startswith(prefix)]


def _numbered(records: list[Record], wanted: str) -> Record:
    """A number is a place in the list: `/forget 22` must not hit a house number."""
    # A longer number is no place in a list, and int() refuses thousands of digits.
    if len(wanted) < 10 and 1 <= int(wanted) <= len(records):
        return records[int(wanted) - 1]
    raise NotFound(
        f"nothing that is remembered fits {wanted[:20]!r}",
        expected=f"a number from 1 to {len(records)}, or a text with words in it",
        next_step="look at the list",
    )


def describe_add(result: dict[str, Any]) -> str:
    """One line about what `Memory.add` did."""
    text = result["memory"]
    if result["event"] == "NONE":
        return f'Already remembered: "{text}"'
    lines = []
    weights = [r for r in result["receipts"] if r["home"] == "weights"]
    verb = "Injected into weights" if weights else "Remembered"
    if weights and weights[0]["outcome"] == "refused":
        verb = "Remembered, but not in the weights"
    lines.append(f'{verb}: "{text}"')
    if "previous_memory" in result:
        lines.append(f'It replaces: "{result["previous_memory"]}"')
    lines += [f"Note: {r['reason']}" for r in result["receipts"] if r["reason"]]
    return "\n".join(lines)


def describe_stats(figures: dict[str, Any]) -> str:
    lines = [f"store: {figures['store']}", f"memories: {figures['memories']}"]
    for home, values in figures["homes"].items():
        shown = ", ".join(f"{name} {value}" for name, value in values.items())
        lines.append(f"{home}: {shown}")
    return "\n".join(lines)


def _open_store(location: str | None) -> Store:
    from memgraft.core.paths import default_store
    from memgraft.store.open import open_store

    return open_store(location or default_store())


def _show(value: Any, as_json: bool, text: str) -> None:
    sys.stdout.write((json.dumps(value, ensure_ascii=False) if as_json else text) + "\n")
