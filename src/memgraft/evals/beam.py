"""BEAM: chats with an assistant of 100K to 10M tokens (Tavakoli et al., arXiv 2510.27246).

Two layouts are read: the folders of its repository, `chats/100K/1/chat.json` beside
`probing_questions/probing_questions.json`, and rows of its data set saved as JSON or JSON lines,
with `conversation_id`, `chat` and `probing_questions`.
"""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

from memgraft.core.errors import InvalidInput
from memgraft.evals.conversations import (
    Conversation,
    Corpus,
    Question,
    Turn,
    conversation_of,
    twice_in,
)
from memgraft.evals.fields import Field, read_json, read_lines

CHAT = "chat.json"
QUESTIONS = "probing_questions/probing_questions.json"
TIME = "%B-%d-%Y"

# Where in its plan a message belongs, left behind by the generator: "... ->-> 1,2".
_MARK = re.compile(r"\s*->->\s*[\d,.\s]*$")


def load(path: Path) -> Corpus:
    """Read a file of rows, a conversation's folder, or a folder of such.

    A session is one batch of the chat. The time of a message is the last `time_anchor` up to it.
    Where several messages have the same id (those of 10M tokens), evidence that names it counts as
    none. A question's category is the ability that it probes.

    Raises:
        InvalidInput: see `memgraft.evals.conversations.load_corpus`.
    """
    if path.is_dir():
        return Corpus([_of_folder(folder) for folder in _folders(path)])
    return Corpus([_of_row(row) for row in _rows(path)])


def _folders(path: Path) -> list[Path]:
    found = [path] if (path / CHAT).is_file() else [chat.parent for chat in path.glob(f"*/{CHAT}")]
    if not found:
        raise InvalidInput(f"{path} holds no chats", expected=f"{CHAT} in it or in its folders")
    return sorted(found, key=lambda folder: (len(folder.name), folder.name))


def _rows(path: Path) -> list[Field]:
    if path.suffix == ".jsonl":
        return list(read_lines(path))
    whole = read_json(path)
    return whole.items() if isinstance(whole.value, list) else [whole]


def _of_folder(folder: Path) -> Conversation:
    return _conversation(folder.name, read_json(folder / CHAT), read_json(folder / QUESTIONS))


def _of_row(row: Field) -> Conversation:
    asked = row["probing_questions"]
    if isinstance(asked.value, str):  # the data set keeps them as a Python literal
        try:
            asked = Field(ast.literal_eval(asked.value), asked.place)
        except (ValueError, SyntaxError, MemoryError, RecursionError) as error:
            raise asked.wrong("an object, or a Python literal of one") from error
    return _conversation(row["conversation_id"].name(), row["chat"], asked)


def _conversation(id: str, chat: Field, asked: Field) -> Conversation:
    turns = list(_turns(chat))
    shared = twice_in([turn.id for turn in turns])
    turns = [_apart(turn, n) if turn.id in shared else turn for n, turn in enumerate(turns)]
    return conversation_of(id, turns, _questions(asked), chat.place)


def _apart(turn: Turn, number: int) -> Turn:
    """With an id of its own, which no evidence names."""
    return Turn(f"{turn.id}#{number}", turn.session, turn.speaker, turn.text, turn.time)


def _turns(chat: Field) -> Iterator[Turn]:
    time: datetime | None = None
    for number, batch in enumerate(_batches(chat), start=1):
        for message in batch:
            anchor = message.maybe("time_anchor")
            time = _time(anchor) if anchor and anchor.text().strip() else time
            yield Turn(
                id=message["id"].name(),
                session=f"batch_{number}",
                speaker=message["role"].name(),
                text=_MARK.sub("", message["content"].text()).strip(),
                time=time,
            )


def _batches(node: Field) -> Iterator[list[Field]]:
    """Every batch with its messages, in order: lists of messages, "turns", or plans of both."""
    if isinstance(node.value, dict) and "turns" in node.value:
        yield list(_messages(node["turns"]))
    elif isinstance(node.value, dict):
        for name in node.value:
            if node.value[name] is not None:
                yield from _batches(node[name])
    elif any(_is_message(each) for each in node.items()):
        yield list(_messages(node))
    else:
        for each in node.items():
            yield from _batches(each)


def _messages(node: Field) -> Iterator[Field]:
    for each in node.items():
        if isinstance(each.value, list):
            yield from _messages(each)
        else:
            yield each


def _is_message(node: Field) -> bool:
    return isinstance(node.value, dict) and "content" in node.value


def _time(given: Field) -> datetime:
    try:
        return datetime.strptime(given.text().strip(), TIME).replace(tzinfo=UTC)
    except ValueError as error:
        raise given.wrong('a day such as "March-15-2024"') from error


def _questions(asked: Field) -> Iterator[Question]:
    for ability in asked.object():
        for given in asked[ability].items():
            sources = given.maybe("source_chat_ids")
            yield Question(
                text=given["question"].name(),
                evidence=frozenset(_ids(sources) if sources else ()),
                category=ability,
            )


def _ids(sources: Field) -> Iterator[str]:
    """All ids of nested lists and objects, such as {"first_statement": [58]}."""
    if isinstance(sources.value, dict):
        for name in sources.value:
            yield from _ids(sources[name])
    elif isinstance(sources.value, list):
        for each in sources.items():
            yield from _ids(each)
    elif sources.value is not None:
        yield sources.name()
