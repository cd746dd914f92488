"""The facts in a conversation: every statement of its messages that is worth keeping, in the words
of whoever said it.

By rules alone, without a model. `memgraft.text.notice` keeps what surely lasts and is what chats
listen with; here what the user states about people, things, plans and dates is kept, too, in
whatever language.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from memgraft.core.errors import InvalidInput
from memgraft.text.extract_answers import answered
from memgraft.text.extract_clean import (
    GAP,
    LONGEST,
    Line,
    Sentence,
    is_label,
    sentences,
    stated_lines,
)
from memgraft.text.extract_english import facts_noticed, is_opening, normal, pieces, told, verdict
from memgraft.text.extract_foreign import foreign_statement, language_of

# Nobody states one fact in more characters.
LONGEST_FACT = 1_000
# Sentences that one fact may go on over ("She is ...").
_JOINED = 3
# A longer sentence is not cut: it is none that anybody says.
_LONGEST_SENTENCE = 100
# In longer messages that hardly say "I", third persons are those of a pasted text.
_DOCUMENT_WORDS, _FIRST_SHARE = 150, 0.01
_FIRST = re.compile(r"\b(?:i|i'm|i've|my|me|we|our|us|mine)\b", re.IGNORECASE)
_LABEL = re.compile(r"(?P<label>[^\W\d_][^:：.!?]{1,48})\s*[:：]\s+(?P<value>\S.*)|"
                    r"(?P<label2>[^\W\d_][^:：.!?，。]{0,20})：(?P<value2>\S.*)")  # fmt: skip


@dataclass(frozen=True)
class Extracted:
    """A fact: its text, who said it, and in which message.

    `name` is the speaker's, where the message gives one.
    """

    text: str
    role: str
    message: int
    name: str | None = None


def extract(messages: Sequence[Mapping[str, Any]], *, agent: bool = False) -> list[Extracted]:
    """The facts that a conversation states, in its order; none twice.

    What the user says is read. Questions, requests, small talk, quotations, code, pasted documents
    and memories that were pasted into a prompt are not; nor are system and tool messages.

    Args:
        messages: `{"role", "content"}`, where the content is a text or a list of parts, and
            optionally `name`.
        agent: what the assistant says about itself is kept, too: the memory is the agent's.

    Raises:
        InvalidInput: a message has no text where one must be.

    >>> [fact.text for fact in extract([{"role": "user", "content": "Hi! Alice loves hiking."}])]
    ['Alice loves hiking']
    """
    found: list[Extracted] = []
    seen: set[str] = set()
    question = ""
    for index, message in enumerate(messages):
        text = message_text(message)
        role = str(message.get("role") or "user")
        facts: list[str] = []
        if role == "user":
            facts = stated(text) or [fact for fact in [answered(question, text)] if fact]
        elif role == "assistant" and agent:
            facts = [fact for fact in stated(text) if _of_speaker(fact)]
        question = text if role == "assistant" else ""
        name = message.get("name")
        for fact in facts:
            folded = " ".join(fact.casefold().split())
            if folded not in seen:
                seen.add(folded)
                found.append(Extracted(fact, role, index, name if isinstance(name, str) else None))
    return found


def message_text(message: Any) -> str:
    """The text of a message: its content, or the text parts of it; "" where a machine called a tool
    instead of speaking.

    Raises:
        InvalidInput: it is no message.
    """
    if isinstance(message, Mapping) and isinstance(message.get("role", "user"), str):
        content = message.get("content")
        if isinstance(content, str):
            return content
        if content is None and message.get("role") in ("assistant", "tool", "function"):
            return ""
        if isinstance(content, list) and all(isinstance(part, Mapping) for part in content):
            texts = [part.get("text") for part in content if part.get("type", "text") == "text"]
            if all(isinstance(text, str) for text in texts):
                return "\n".join(text for text in texts if isinstance(text, str))
    raise InvalidInput(
        "a message must have a role and a text",
        expected='{"role": "user", "content": "..."}',
        got=repr(message)[:80],
    )


def listed(messages: Any) -> list[dict[str, Any]]:
    """A text, a message or several as a list of messages, each checked to be one.

    Raises:
        InvalidInput: one is none.
    """
    if isinstance(messages, str):
        return [{"role": "user", "content": messages}]
    found = list(messages) if isinstance(messages, Sequence) else [messages]
    for message in found:
        message_text(message)
    return found


def as_given(messages: Any) -> list[Extracted]:
    """Every message whole; those without a text, such as images, hold nothing to keep."""
    return [
        Extracted(text, str(message.get("role") or "user"), place, message.get("name"))
        for place, message in enumerate(listed(messages))
        if (text := message_text(message)) or isinstance(message.get("content"), str)
    ]


def stated(text: str) -> list[str]:
    """The facts that one message states.

    >>> stated("I'm vegetarian. Allergies: nuts, pollen\\nWhat can I cook?")
    ["I'm vegetarian", 'Allergies: nuts, pollen']
    """
    document = _is_document(text[:LONGEST])
    found: list[str] = []
    items: list[str] = []
    label = ""
    for line in stated_lines(text):
        if line.label != label:
            found += _listed(label, items)
            label, items = line.label, []
        if label:
            items.append(line.text)
        else:
            found += _of_line(line, document)
    found += _listed(label, items)
    return [fact for fact in dict.fromkeys(found) if len(fact) <= LONGEST_FACT]


def _is_document(text: str) -> bool:
    words = len(text.split())
    return words > _DOCUMENT_WORDS and len(_FIRST.findall(text)) < _FIRST_SHARE * words


_SHORT_ITEM, _ITEMS = 6, 12


def _listed(label: str, items: list[str]) -> Iterator[str]:
    """The items under a heading: with it if they mean nothing alone."""
    if not items:
        return
    heading = label.rstrip(":： ")
    short = all(len(item.split()) <= _SHORT_ITEM and GAP not in item for item in items)
    if short and len(items) <= _ITEMS and is_label(heading):
        yield f"{heading}: {', '.join(item.rstrip('.;, ') for item in items)}"
        return
    for item in items:
        yield from _of_line(Line(item), False)


def _of_line(line: Line, document: bool) -> Iterator[str]:
    parts = sentences(line.text)
    if not parts:
        return
    language = language_of(line.text)
    if language == "en":
        yield from _of_english(line, parts, document)
        return
    for part in parts:
        if not document and _is_labelled(part):
            yield part.text
            continue
        own = language_of(part.text)
        if own == "en" and len(part.text.split()) > 2 and not _is_alone(part.text):
            yield from _of_english(Line(part.text, line.told), [_moved(part)], document)
        elif said := foreign_statement(part.text, part.mark, own if own != "en" else language):
            yield said


def _is_alone(text: str) -> bool:
    """Whether no English word tells that it is English."""
    return not _FIRST.search(text) and not re.search(r"\b(?:the|is|are|and|of)\b", text.lower())


def _moved(part: Sentence) -> Sentence:
    return Sentence(part.text, 0, len(part.text), part.mark)


def _is_labelled(sentence: Sentence) -> bool:
    """Whether "label: value" states something: "Blood type: A", "Tom: I love tea"."""
    text = sentence.text
    match = _LABEL.match(text)
    if match is None or GAP in text or sentence.mark.startswith(("?", "？")):
        return False
    label, value = match["label"] or match["label2"], match["value"] or match["value2"]
    if not is_label(label) or told(text)[1] or is_opening(text):
        return False
    # Who speaks stays with what they say.
    if _SPOKEN.match(value) is None:
        return True
    nested = ":" in value or len(value) > LONGEST_FACT
    return not nested and bool(_of_english(Line(value), sentences(value), False))


_SPOKEN = re.compile(
    r"(?:i|i'm|i’m|we|you|my|can|could|please|what|how|why|he|she|it|let|do|is|are)\b",
    re.IGNORECASE,
)


# English ----------------------------------------------------------------------------------------


@dataclass
class _Open:
    """The last kept statement of a line, which the next may go on about."""

    start: int
    end: int
    place: int
    joined: int = 1


def _of_english(line: Line, parts: list[Sentence], document: bool) -> list[str]:
    found: list[str] = []
    last: _Open | None = None
    for part in parts:
        if not document and _is_labelled(part):
            found.append(part.text)
            last = None
            continue
        text, asked_for = told(normal_dashes(part.text))
        offset = part.end - len(text) if text else part.start
        asked_for = asked_for or line.told
        asked = part.mark.startswith("?") and not asked_for
        if not text:
            last = None
            continue
        noticed = facts_noticed(text + ("?" if asked else ""))
        whole = line.told or (asked_for and not noticed) or len(text.split()) > _LONGEST_SENTENCE
        spans = [(0, len(text))] if whole else pieces(text, asked)
        for start, end in spans:
            piece = text[start:end]
            held = [fact for fact in noticed if fact in normal(piece)]
            judged = verdict(piece, bool(held), asked_for)
            if document and judged != "skip" and not _FIRST.search(piece):
                judged = "skip"
            if judged == "keep":
                found.append(piece)
                last = _Open(offset + start, offset + end, len(found) - 1)
            elif judged == "continues" and last is not None and last.joined < _JOINED:
                last.end, last.joined = offset + end, last.joined + 1
                found[last.place] = line.text[last.start : last.end]
            else:
                last = None
        missed = [fact for fact in noticed if not any(fact in normal(kept) for kept in found)]
        found += missed
    return found


def normal_dashes(text: str) -> str:
    """Same length, with one kind of apostrophe."""
    return text.replace("’", "'")


_SELF = re.compile(r"(?:i|i'm|i've|i’m|i’ve|my|we|our)\b", re.IGNORECASE)
_CHATTER = re.compile(
    r"\b(?:help|assist|glad|happy|sorry|apologi[sz]e|hope|recommend|suggest|remember|understand|"
    r"see|"
    r"think|believe|sure|here|afraid|an ai|language model|can't|cannot|can)\b",
    re.IGNORECASE,
)


def _of_speaker(fact: str) -> bool:
    """Whether an assistant speaks of itself, and not just to be polite."""
    return _SELF.match(fact) is not None and not _CHATTER.search(fact)
