"""LoCoMo: ten conversations over many months (Maharana et al., arXiv 2402.17753), as published."""

from __future__ import annotations

import re
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

from memgraft.evals.conversations import Conversation, Corpus, Question, Turn, conversation_of
from memgraft.evals.fields import Field, read_json

# Adversarial questions ask for what the evidence does not say: the paper counts them apart.
LABELS = {
    "1": "multi-hop",
    "2": "temporal",
    "3": "open-domain",
    "4": "single-hop",
    "5": "adversarial",
}
APART = frozenset({"5"})
TIME = "%I:%M %p on %d %B, %Y"

_SESSION = re.compile(r"session_(\d+)")
_TURN_ID = re.compile(r"D:?(\d+):(\d+)")


def load(path: Path) -> Corpus:
    """Read `locomo10.json`, or a part of it in the same layout.

    A turn's text is what was said and, in brackets, the caption of the picture that was shown.
    Times count as UTC. Some evidence is malformed ("D8:6; D9:17", "D30:05", "D:11:26") and is
    read as it was meant.

    Raises:
        InvalidInput: see `memgraft.evals.conversations.load_corpus`.
    """
    return Corpus([_conversation(each) for each in read_json(path).items()], LABELS, APART)


def evidence_ids(text: str) -> Iterator[str]:
    """The turn ids that a string names.

    >>> list(evidence_ids("D8:6; D9:07"))
    ['D8:6', 'D9:7']
    """
    for session, turn in _TURN_ID.findall(text):
        yield f"D{int(session)}:{int(turn)}"


def _conversation(sample: Field) -> Conversation:
    questions = [_question(each) for each in sample["qa"].items()]
    return conversation_of(
        sample["sample_id"].name(), _turns(sample["conversation"]), questions, sample.place
    )


def _turns(conversation: Field) -> list[Turn]:
    numbers = [int(m.group(1)) for m in map(_SESSION.fullmatch, conversation.object()) if m]
    turns = []
    for name in (f"session_{number}" for number in sorted(numbers)):
        said_at = conversation.maybe(f"{name}_date_time")
        time = _time(said_at) if said_at else None
        turns += [_turn(each, name, time) for each in conversation[name].items()]
    return turns


def _turn(given: Field, session: str, time: datetime | None) -> Turn:
    text, caption = given["text"].text().strip(), given.maybe("blip_caption")
    shown = caption.text().strip() if caption else ""
    return Turn(
        id=given["dia_id"].name(),
        session=session,
        speaker=given["speaker"].name(),
        text=f"{text} [{shown}]".strip() if shown else text,
        time=time,
        metadata={"caption": shown} if shown else {},
    )


def _time(given: Field) -> datetime:
    try:
        return datetime.strptime(given.text().strip(), TIME).replace(tzinfo=UTC)
    except ValueError as error:
        raise given.wrong('a time such as "1:56 pm on 8 May, 2023"') from error


def _question(given: Field) -> Question:
    named = [evidence_ids(each.text()) for each in given["evidence"].items()]
    return Question(
        text=given["question"].name(),
        evidence=frozenset(one for ids in named for one in ids),
        category=given["category"].name(),
    )
