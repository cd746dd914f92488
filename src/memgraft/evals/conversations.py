"""Long conversations with questions, and the turns that answer each: what retrieval is measured on.

The files of LoCoMo and of BEAM are read as published, see `locomo` and `beam`; any other data set
as JSON lines, see `load_jsonl`.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from pathlib import Path
from typing import Any

from memgraft.core.errors import InvalidInput
from memgraft.evals.fields import Field, read_lines

FORMATS = ("locomo", "beam", "jsonl")


@dataclass(frozen=True)
class Turn:
    """What somebody said. `id` is unique in its conversation; `time` is UTC, None if unknown."""

    id: str
    session: str
    speaker: str
    text: str
    time: datetime | None = None
    metadata: dict[str, Any] = field(default_factory=dict)


@dataclass(frozen=True)
class Question:
    """A question, and the ids of the turns that answer it, at least one.

    `asked_at` is when it is asked: where the data set does not say, the time of the last turn,
    since its questions look back on the whole conversation.
    """

    text: str
    evidence: frozenset[str]
    category: str = ""
    asked_at: datetime | None = None


@dataclass(frozen=True)
class Conversation:
    """Turns in their order, and questions; `skipped` of them had no evidence among the turns."""

    id: str
    turns: list[Turn]
    questions: list[Question]
    skipped: int = 0

    def with_speakers(self) -> Conversation:
        """The same with the speaker's name before each text: "Ann: I sail."."""
        said = {turn.id: f"{turn.speaker}: {turn.text}" for turn in self.turns if turn.speaker}
        turns = [replace(turn, text=said.get(turn.id, turn.text)) for turn in self.turns]
        return replace(self, turns=turns)


@dataclass(frozen=True)
class Corpus:
    """What a file holds.

    `labels` are names of categories for people, those in `apart` are left out of averages.
    """

    conversations: list[Conversation]
    labels: dict[str, str] = field(default_factory=dict)
    apart: frozenset[str] = frozenset()

    def only(self, ids: Sequence[str], limit: int | None = None) -> Corpus:
        """These conversations, all if none are named, and of them the first so many questions.

        Conversations without a question are left out.

        Raises:
            InvalidInput: no conversation is called that, or no question is left.
        """
        known = {conversation.id: conversation for conversation in self.conversations}
        for one in ids:
            if one not in known:
                raise InvalidInput(
                    f"no conversation is called {one!r}", expected=", ".join(known), got=one
                )
        kept = []
        for conversation in [known[one] for one in dict.fromkeys(ids)] or self.conversations:
            asked = conversation.questions[:limit]
            limit = None if limit is None else limit - len(asked)
            if asked:
                kept.append(replace(conversation, questions=asked))
        if not kept:
            raise InvalidInput("there is no question with evidence among the turns")
        return replace(self, conversations=kept)


def load_corpus(path: Path, format: str) -> Corpus:
    """Read a file in one of the `FORMATS`.

    Raises:
        InvalidInput: no format is called that, or the file is not in it; what is wrong is named by
            its place.
    """
    from memgraft.evals import beam, locomo

    loaders = dict(zip(FORMATS, (locomo.load, beam.load, load_jsonl), strict=True))
    if format not in loaders:
        raise InvalidInput(
            f"no format is called {format!r}", expected=" or ".join(FORMATS), got=format
        )
    corpus = loaders[format](path)
    if not corpus.conversations:
        raise InvalidInput(f"{path} holds no conversations")
    _check_unique((c.id for c in corpus.conversations), f"{path}: the conversation")
    return corpus


def load_jsonl(path: Path) -> Corpus:
    """Read one conversation per line, as it is laid out here:

    {"id": "c1", "turns": [{"id": "t1", "session": "s1", "speaker": "Ann", "text": "I sail.",
    "time": "2024-03-10T12:00:00+00:00", "metadata": {}}], "questions": [{"text": "Who sails?",
    "evidence": ["t1"], "category": "who", "asked_at": "2024-04-01T00:00:00+00:00"}]}

    `session`, `speaker`, `time`, `metadata`, `category` and `asked_at` may be missing.
    """
    return Corpus([_conversation(line) for line in read_lines(path)])


def conversation_of(
    id: str, turns: Sequence[Turn], questions: Iterable[Question], place: str
) -> Conversation:
    """A conversation of what a loader found; `InvalidInput` if two turns have the same id.

    Blank turns are left out. So is evidence that is no turn, and questions that have none left.
    """
    _check_unique((turn.id for turn in turns), f"{place}: the turn")
    turns = [turn for turn in turns if turn.text.strip()]
    ids = {turn.id for turn in turns}
    last = next((turn.time for turn in reversed(turns) if turn.time), None)
    asked = [
        replace(question, evidence=question.evidence & ids, asked_at=question.asked_at or last)
        for question in questions
    ]
    answered = [question for question in asked if question.evidence]
    return Conversation(id, turns, answered, len(asked) - len(answered))


def _conversation(line: Field) -> Conversation:
    turns = [_turn(each) for each in line["turns"].items()]
    questions = [_question(each) for each in line["questions"].items()]
    return conversation_of(line["id"].name(), turns, questions, line.place)


def _turn(given: Field) -> Turn:
    session, speaker = given.maybe("session"), given.maybe("speaker")
    time, metadata = given.maybe("time"), given.maybe("metadata")
    return Turn(
        id=given["id"].name(),
        session=session.name() if session else "",
        speaker=speaker.name() if speaker else "",
        text=given["text"].text(),
        time=time.time() if time else None,
        metadata=metadata.object() if metadata else {},
    )


def _question(given: Field) -> Question:
    category, asked_at = given.maybe("category"), given.maybe("asked_at")
    return Question(
        text=given["text"].name(),
        evidence=frozenset(each.name() for each in given["evidence"].items()),
        category=category.name() if category else "",
        asked_at=asked_at.time() if asked_at else None,
    )


def _check_unique(ids: Iterable[str], what: str) -> None:
    twice = twice_in(list(ids))
    if twice:
        raise InvalidInput(f"{what} {sorted(twice)[0]} is there twice", expected="unique ids")


def twice_in(ids: Collection[str]) -> set[str]:
    """Those that are there more than once."""
    return {one for one, count in Counter(ids).items() if count > 1}
