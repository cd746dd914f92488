"""Facts that a user tells, among notes and talk, and what an assistant is asked about them later.

Facts are those of `memgraft.data.facts`; each stands as a note of its own or as something that the
user says, among sentences about other things. Questions come in the chat template, and what is due
is the fact as the assistant would say it. What is `apart` has nothing to do with any of the facts:
questions that stand near them and are answered by none, and prose. A memory should leave it as it
is.
"""

from __future__ import annotations

import random
import re
from collections.abc import Iterable, Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass
from itertools import chain, zip_longest
from typing import Any

from memgraft.core.config import Config
from memgraft.core.errors import InvalidInput
from memgraft.data.facts import Fact, as_split, facts, stack
from memgraft.data.filler import Filler
from memgraft.data.fitting import Fitter, Frame, Maker, TokenCount
from memgraft.data.relations import sentence
from memgraft.data.samples import Sample, endless, require_size

SAID = (
    "{fact}",
    "Remember this: {fact}",
    "{fact} Please remember that.",
    "Just so you know: {fact}",
)
# No word of it can be taken for an answer.
HEARD = ("Noted.", "Understood.", "Thank you for telling me.", "Thanks, that is noted.")
# Sentences that were too long for what room is left, before the text is full.
PATIENCE = 8
# Times that facts are drawn anew, when the first of them is too long for the text.
DRAWS = 8
# Of the facts, so many are said in a turn of conversation; the others are notes.
IN_CONVERSATION = 0.5
# What turns are told apart by in a template's text.
_MARKS = tuple(f"((turn {number}))" for number in range(1, 6))


@dataclass(frozen=True)
class ToldConfig(Config):
    """What samples are like."""

    tokens: int = 512  # of input and target together, at most
    facts: tuple[int, ...] = (1, 2, 4)  # told, as far as they fit; one number is drawn per sample
    split: str = "train"  # of `memgraft.data.facts`
    apart: int = 2  # texts that have nothing to do with them

    def __post_init__(self) -> None:
        object.__setattr__(self, "facts", tuple(self.facts))  # JSON has lists
        require_size(self.tokens, ())
        as_split(self.split)
        if not self.facts or min(self.facts) < 1:
            raise InvalidInput("at least one fact is told", got=str(self.facts))
        if self.apart < 0:
            raise InvalidInput("no fewer texts apart than none", got=str(self.apart))


def told(
    config: ToldConfig, tokenizer: Any, seed: int | str = 0, start: int = 0
) -> Iterator[Sample]:
    """Endless samples, number `start` and on; the same seed, tokenizer and version of Python give
    the same ones.

    Args:
        tokenizer: with a chat template.

    Raises:
        InvalidInput: the tokenizer has no chat template, or not even one fact fits into
            `config.tokens`.
    """
    if not getattr(tokenizer, "chat_template", None):
        raise InvalidInput(
            "questions are put in the model's chat template, and it has none",
            expected="the tokenizer of an instruct or chat model",
            got=getattr(tokenizer, "name_or_path", type(tokenizer).__name__),
        )
    count, chat = TokenCount(tokenizer), Chat(tokenizer)

    def make(rng: random.Random) -> Sample:
        fitter = Fitter(config.tokens, count, rng)
        for _ in range(DRAWS - 1):
            with suppress(InvalidInput):
                return _sample(config, chat, fitter)
        return _sample(config, chat, fitter)

    return endless(f"told-{config.split}", seed, start, make)


class Chat:
    """Turns in the words of a tokenizer's chat template."""

    def __init__(self, tokenizer: Any) -> None:
        self._template = tokenizer.apply_chat_template
        short, long = self._text(*_MARKS[:2]), self._text(*_MARKS)
        self._begin = _between(short, self.question(_MARKS[0]), _MARKS[1])
        self._closing = short.rpartition(_MARKS[1])[2].rstrip("\n")
        # A template of plain lines says nothing more after a reply.
        self._end = self._closing or tokenizer.eos_token or ""
        # Turns within a longer conversation: templates may tell the last reply from earlier ones,
        # as those of models that think do.
        self._opening = _between(long, *_MARKS[3:]).removeprefix(self._closing)
        self._middle = _between(long, *_MARKS[2:4])

    def question(self, text: str) -> str:
        """A conversation that begins with it, up to where the reply does."""
        prompt: str = self._template([_said(text)], add_generation_prompt=True, tokenize=False)
        return prompt

    def reply(self, text: str) -> str:
        """What follows a question, with what ends it."""
        return self.begun(text) + self._end

    def begun(self, text: str) -> str:
        """A reply that may go on."""
        return self._begin + text

    def exchange(self, said: str, heard: str) -> str:
        """One turn of each, in the middle of a conversation."""
        turns = (self._opening, said, self._middle, heard, self._closing)
        return "".join(turns).strip("\n")

    def _text(self, *turns: str) -> str:
        messages = [(_heard if number % 2 else _said)(turn) for number, turn in enumerate(turns)]
        text: str = self._template(messages, tokenize=False)
        return text


def _between(text: str, before: str, after: str) -> str:
    """What stands between the two; nothing where the first is not there."""
    return text.partition(before)[2].partition(after)[0]


def _said(text: str) -> dict[str, str]:
    return {"role": "user", "content": text}


def _heard(text: str) -> dict[str, str]:
    return {"role": "assistant", "content": text}


def _sample(config: ToldConfig, chat: Chat, fitter: Fitter) -> Sample:
    rng = fitter.rng
    source = filter(_whole, facts(as_split(config.split), rng.getrandbits(32)))
    known = stack(source, rng.choice(config.facts))
    pieces = [_told(fact, chat, rng) for fact in known]
    asked = [rng.choice(fact.questions) for fact in known]
    pairs = [
        (f"\n{chat.question(one.text)}", chat.reply(fact.reply))
        for fact, one in zip(known, asked, strict=True)
    ]
    question, target = pairs[0]
    fit = fitter.fitting(Frame(pieces[:1], question, target, company=pieces[1:]))
    known, asked, also = known[: fit + 1], asked[: fit + 1], pairs[1 : fit + 1]
    answers = [one.answer for one in asked]
    filler = Filler(rng, "train", tuple(form for each in answers for form in _forms(each)))
    frame = Frame(pieces[:1], question, target, company=pieces[1 : fit + 1])
    fitted = fitter.fit(frame, [Maker(lambda: [filler()], PATIENCE)])
    metadata = {
        "task": "told",
        "split": config.split,
        "facts": len(known),
        "relation": known[0].relation,
        "answer": answers[0],
        "answers": answers,
        "question": question,
        "also": [list(pair) for pair in also],
        "apart": _apart(config.apart, _near(known, answers), chat, filler),
    }
    return Sample(fitted.input, target, metadata | fitted.metadata())


def _told(fact: Fact, chat: Chat, rng: random.Random) -> str:
    if rng.random() >= IN_CONVERSATION:
        return fact.text
    return chat.exchange(rng.choice(SAID).format(fact=fact.text), rng.choice(HEARD))


def _forms(answer: str) -> tuple[str, ...]:
    """How it would be written elsewhere, at the beginning of a sentence or within."""
    return answer, answer.lower(), sentence(answer)


def _naming(answers: Iterable[str]) -> re.Pattern[str]:
    return re.compile(rf"(?<!\w)(?:{'|'.join(map(re.escape, answers))})(?!\w)", re.IGNORECASE)


def _whole(fact: Fact) -> bool:
    """Whether the reply names every answer as it is: "Our Lady's" is not "Your Lady's"."""
    return all(_naming([asked.answer]).search(fact.reply) for asked in fact.questions)


def _near(known: Sequence[Fact], answers: Sequence[str]) -> Iterator[str]:
    """Questions near the facts, the first of every fact before the second of any; what another
    one of them is asked, and what names an answer, is left out."""
    asked = {question.text for fact in known for question in fact.questions}
    named = _naming(answers)
    for near in chain.from_iterable(zip_longest(*(fact.neighbours for fact in known))):
        if near and near not in asked and not named.search(near):
            yield near


def _apart(count: int, near: Iterator[str], chat: Chat, filler: Filler) -> list[str]:
    """Near questions and sentences in turn, each with what could follow it."""
    found = []
    for number in range(count):
        question = next(near, None) if number % 2 == 0 else None
        found.append(chat.question(question or filler()) + chat.begun(filler()))
    return found
