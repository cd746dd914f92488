"""What of a chat message its author states: without code, quotations, pasted documents, and what a
memory gave back.

A prompt that memories were pasted into comes back as a message; stored again, every answer would
breed copies of what it was answered from. So memory lists are told by their headings and tags.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Literal

from memgraft.text import lexicon as lx

# Longer messages are documents; of those the beginning is read.
LONGEST = 20_000
# Stands where something was taken out: a sentence that holds it is not stated as it stands.
GAP = "\ufffc"

_BLOCK_TAGS = (
    "memory|memories|user_memories|relevant_memories|memory_context|recalled_memories|context|"
    "user_profile|profile|facts|history|conversation_history|chat_history|conversation|document|"
    "documents|doc|file|source|article|email|text|transcript|quote|blockquote|code|pre|system|"
    "instructions|tool_result|tool_response|search_results|results|data"
)
_BLOCK = re.compile(
    rf"<({_BLOCK_TAGS})\b[^>\n]{{0,200}}>(?:.*?</\1\s*>|.*?(?=\n\s*\n|\Z))",
    re.IGNORECASE | re.DOTALL,
)
_QUOTED = re.compile(
    r'"([^"]{0,2000})"|“([^”]{0,2000})”|„([^“”]{0,2000})[“”]|«([^»]{0,2000})»|`([^`]{0,2000})`|'
    r"「([^」]{0,2000})」"
)
# Blanks, and what no text should hold: control characters, halves of surrogate pairs.
SPACES = re.compile(r"(?:[^\S\n]|[\x00-\x08\x0b-\x1f\x7f-\x9f\ud800-\udfff])+")
_FIRST_PERSON = re.compile(r"\b(?:i|i'm|i’m|my|me|we|our|us)\b", re.IGNORECASE)
# Whoever says something in these words is quoted; names and codes are marked the same way.
_SAYING = re.compile(
    r"\b(?:said|says|say|told|tells|wrote|writes|asked|asks|replied|sentence|phrase|quote|line|"
    r"translate|word|text|mean|means|says:)\b",
    re.IGNORECASE,
)
_TITLE_WORDS = 6

# Lines ------------------------------------------------------------------------------------------

_DATE = r"\d{1,4}[-/.]\d{1,2}[-/.]\d{1,4}"
_CLOCK = r"\d{1,2}:\d{2}(?::\d{2})?(?:\.\d+)?(?:\s?[ap]\.?m\.?)?(?:Z|[+-]\d{2}:?\d{2})?"
_STAMP = re.compile(
    rf"\s*(?:[\[(]\s*(?:{_DATE}[T,\s]*)?(?:{_CLOCK})?\s*[\])]|{_DATE}[T,\s]+{_CLOCK})\s*[-–|:]?\s*",
    re.IGNORECASE,
)
_SPEAKER = re.compile(
    r"\s*(?:[*_]{0,2})(?P<who>user|human|me|customer|client|assistant|ai|bot|system|model|agent|"
    r"chatgpt|tool|function)(?:[*_]{0,2})\s*:(?:[*_]{0,2})\s*",
    re.IGNORECASE,
)
_MACHINES = lx.words("assistant ai bot system model agent chatgpt tool function")
_BULLET = re.compile(r"\s*(?:[-*•‣◦·–]|\(?\d{1,3}[.)]|#\d+:?)\s+")
_HEADING = re.compile(r"\s*#{1,6}\s+")
_MAIL = re.compile(r"\s*(?:from|to|subject|cc|bcc|sent|date|betreff|von|an|asunto)\s*:", re.I)
_LETTER = re.compile(r"\s*(?:dear|sehr geehrte[rs]?|estimad[oa]s?|cher|chère)\s+\S", re.IGNORECASE)
_CODE = re.compile(
    r"^\s*(?:def |class |import |from \S+ import|return\b|elif |else:|#include|public |private |"
    r"function |const |let \w+ ?=|var \w+ ?=|select .* from |insert into |update \w+ set |</?\w+|"
    r"traceback|file \"|at \w+[.(]|\$ |>>> |\w+(?:error|exception)\b:?|"
    r"\w+\(.*\)\s*[;{]?\s*$|[{}\[\]]|\"[\w ]+\"\s*:)"
    r"|[{};]\s*$|=>|==|&&|\|\||::|\w\(\)|\w\[\d",
    re.IGNORECASE,
)
_SCORED = re.compile(r"\b(?:score|relevance|similarity)\s*[:=]\s*[01]?[.,]?\d", re.IGNORECASE)

_ADJECTIVES = (
    "the|your|my|some|all|user'?s?|relevant|related|retrieved|recalled|stored|saved|existing|"
    "previous|past|known|long[- ]term|short[- ]term|important|current|additional|recent|new|of"
)
_MEMORY_HEADING = re.compile(
    rf"\W*(?:(?:here (?:are|is)|these are|those are|the following are|below are)\s+)?"
    rf"(?:(?:{_ADJECTIVES})\s+)*"
    r"(?:(?:memory|memories)(?:\s+(?:context|list|section|store|entries|bank|results|about|of|from|"
    r"for|found|retrieved|related|relevant|that|you|i|we|with|on|below)\b[^:]*)?"
    r"|(?:known|relevant|retrieved|stored|recalled|saved)\s+(?:user\s+)?"
    r"(?:facts|notes|information|context)(?:\s+(?:about|of|on)\b[^:]*)?"
    r"|(?:what|things|everything|facts)\s+(?:i|we|the assistant)\s+"
    r"(?:know|remember|recall|have stored|learned)\b[^:]*"
    r"|(?:what|things)\s+you(?:'ve| have)?\s+told\s+me\b[^:]*"
    r"|user\s+(?:profile|facts|information|context)|conversation history|chat history)"
    r"\W*(?::|$)",
    re.IGNORECASE,
)
_USE_OF_MEMORIES = re.compile(
    r".{0,80}\b(?:use|using|given|consider|considering|based on|with|according to|answer)\b.{0,60}"
    r"\b(?:notes about me|notes about the user|memories|memory|retrieved context|"
    r"what you know about me)\b",
    re.IGNORECASE,
)

# Material to work on ----------------------------------------------------------------------------

_WORK = re.compile(
    r"\b(?:translate|summari[sz]e|proofread|proof-read|rewrite|rephrase|reword|paraphrase|correct|"
    r"fix|edit|improve|review|analy[sz]e|shorten|simplify|polish|classify|critique|convert|"
    r"reformat|"
    r"format|debug|refactor|annotate|check|extract|transcribe|expand|grade|explain|"
    r"(?:reply|respond) to|comment on|what do you think (?:of|about)|tl;?dr|"
    r"übersetz\w*|korrigier\w*|fasse?|traduce|traduc\w*|resume|résume\w*|corrige|corrig\w*|traduis|"
    r"traduci|riassumi|resuma|çevir|özetle|düzelt)\b|翻译|总结|润色|改写|校对|翻訳|要約|添削|"
    r"переведи|исправь|перефразируй",
    re.IGNORECASE,
)
_POINTED = re.compile(
    r"\b(?:this|these|those|that|following|below|above|it|attached|text|email|e-mail|letter|"
    r"paragraph|essay|article|sentence|sentences|passage|code|script|draft|message|poem|story|"
    r"document|transcript|conversation|abstract|cv|resume|post|diesen?|folgende\w*|text|"
    r"siguiente|este|esta|ce|suivant\w*|questo|seguente|seguinte|bu|şu|metni)\b|"
    r"下面|以下|这段|这篇|上面|これ|次の|следующ|этот",
    re.IGNORECASE,
)
_PRESENTED = re.compile(
    r"\W*(?:here(?:'s| is| are)|this is|that's|below is|see)\b.{0,30}\b(?:essay|email|e-mail|draft|"
    r"code|script|article|story|text|letter|paragraph|poem|log|logs|error|output|transcript|cv|"
    r"resume|abstract|report|post|chapter|message|question|prompt|data|input)\b",
    re.IGNORECASE,
)
_TOLD_HEADING = re.compile(
    r"\b(?:about (?:me|us|my\w*)|remember|keep in mind|bear in mind|should know|need to know|"
    r"know about (?:me|us)|note that|take note|facts|for your information|fyi|don'?t forget|"
    r"preferences|profile|my details|my info)\b",
    re.IGNORECASE,
)
_NO_HEADING = lx.words(
    "input output question questions query text code example examples task prompt answer response "
    "result results error errors context instructions instruction data sentence sentences story "
    "steps step options option document passage article email note ps summary translation log logs "
    "hypothesis premise problem exercise quiz title abstract scenario rules hint format source url "
    "http https usage warning see re fwd response reply"
)
_REQUESTS = lx.words(
    "write translate give tell show help make explain create generate list draft please can could "
    "would will do does what how why when where who which is are solve find compare describe "
    "answer complete add use convert fill choose select rank sort classify identify"
)
LABEL_WORDS = 4


@dataclass(frozen=True)
class Line:
    """A line that the author states, whether they asked for it to be remembered, and the heading
    of the list that it is an item of."""

    text: str
    told: bool = False
    label: str = ""


def stated_lines(message: str) -> list[Line]:
    """The lines of a message that are its author's own statements, as far as form can tell.

    >>> [line.text for line in stated_lines("> I am Bo\\nUser memories:\\n- Is Al\\n\\nI ski.")]
    ['I ski.']
    """
    text = _BLOCK.sub(GAP, SPACES.sub(" ", message[:LONGEST]))
    text = GAP.join(text.replace("~~~", "```").split("```")[::2])
    text = _QUOTED.sub(_unquoted, text)
    return list(_read(_without_material(text.splitlines())))


def _unquoted(match: re.Match[str]) -> str:
    """Titles and codes stay; what somebody says goes."""
    inner = next(group for group in match.groups() if group is not None)
    start = match.start()
    before = match.string[max(0, start - 60) : start]
    short = len(inner.split()) <= _TITLE_WORDS and len(inner) <= 60
    code = match.group().startswith("`") and any(mark in inner for mark in "=(){};")
    if short and not code and not _FIRST_PERSON.search(inner) and not _SAYING.search(before):
        return match.group()
    return GAP


def _without_material(lines: list[str]) -> list[str]:
    """Drop what the author wants worked on: what follows the request, or else what precedes it."""
    mails = [index for index, line in enumerate(lines) if _MAIL.match(line)]
    if len(mails) > 1:
        lines = lines[: mails[0]]
    for index, line in enumerate(lines):
        if _LETTER.match(line) and len(lines) > 1:
            return lines[:index]
        work = _WORK.search(line)
        asks = work is not None and _POINTED.search(line) is not None
        if not asks and not (_PRESENTED.match(line) and ":" in line):
            continue
        begin = work.start() if work is not None else 0
        if _has_colon(line, begin):
            return [*lines[:index], line[:begin]]
        before = any(other.strip() for other in lines[:index])
        if any(other.strip() for other in lines[index + 1 :]):
            return lines[: index + 1]
        blanks = [i for i in range(index) if not lines[i].strip()]
        if asks and before and blanks:
            return lines[blanks[-1] :]
    return lines


def _has_colon(line: str, begin: int) -> bool:
    """Whether material begins in the line or after it; 9:30 is a time."""
    return re.search(r"[:：](?!\d)", line[begin:]) is not None


def _read(lines: list[str]) -> Iterator[Line]:
    """The lines that are statements, read one after the other with what they stand under."""
    memories = _MemoryList()
    machine, told, label = False, False, ""
    for raw in lines:
        if not raw.strip():
            memories.blank()
            told, label = False, ""
            continue
        line = _STAMP.sub("", raw, count=1) if _STAMP.match(raw) else raw
        speaker = _SPEAKER.match(line)
        if speaker:
            machine = speaker["who"].lower() in _MACHINES
            memories.end()
            line = line[speaker.end() :]
        bullet = _BULLET.match(line)
        if memories.holds(line, bullet is not None):
            told, label = False, ""
            continue
        if machine or raw.lstrip().startswith(">") or _SCORED.search(line) or _is_code(line):
            continue
        text = (line[bullet.end() :] if bullet else _HEADING.sub("", line)).strip(" *_\t")
        if text.endswith((":", "：")):
            kind = _heading_kind(text)
            if kind == "material":
                return
            told, label = kind == "told", "" if kind == "told" else text
        elif text and not _HEADING.match(line):
            yield Line(text, told, label if bullet else "")


class _MemoryList:
    """Whether a line belongs to memories that were pasted: their heading, what stands below it up
    to a blank line, and bullets after one."""

    def __init__(self) -> None:
        self._state: Literal["", "heading", "text", "items"] = ""
        self._after_blank = False

    def blank(self) -> None:
        self._after_blank = True
        if self._state == "text":
            self._state = ""

    def end(self) -> None:
        self._state = ""

    def holds(self, line: str, bullet: bool) -> bool:
        after_blank, self._after_blank = self._after_blank, False
        used = _USE_OF_MEMORIES.match(line) and not _FIRST_PERSON.match(line)
        if used or _MEMORY_HEADING.match(line):
            self._state = "heading"
        elif not self._state:
            return False
        elif bullet:
            self._state = "items"
        elif after_blank or self._state == "items":
            self._state = ""
        else:
            self._state = "text"
        return bool(self._state)


def _heading_kind(text: str) -> str:
    """What stands under a line that ends with a colon: told facts, labelled items, or material."""
    words = [word.strip("*_:：,").lower() for word in text.split()]
    if _TOLD_HEADING.search(text):
        return "told"
    plain = len(words) <= LABEL_WORDS and not {words[0], words[-1]} & _NO_HEADING
    return "label" if plain and words[0] not in _REQUESTS else "material"


def _is_code(line: str) -> bool:
    if _CODE.search(line):
        return True
    marks = sum(line.count(mark) for mark in "{}[]<>=;|\\$")
    return marks > 2 and marks > 0.06 * len(line)


def is_label(label: str) -> bool:
    """Whether "label: value" states something, by its label.

    >>> is_label("Blood type"), is_label("Question"), is_label("Could you")
    (True, False, False)
    """
    words = [word.strip("*_\"'").lower() for word in label.split()]
    if not words or len(words) > LABEL_WORDS or set(words) & _NO_HEADING:
        return False
    return words[0] not in _REQUESTS and words[0].isidentifier() and len(label) < 50


# Sentences --------------------------------------------------------------------------------------

_ABBREVIATIONS = lx.TITLES | lx.words("e.g i.e etc vs approx no st a.m p.m dr mr mrs ms prof nr")
_END = re.compile(r"[.!?…;]+(?=[\s)\"'”’]|$)[)\"'”’]*|[。！？；؟।]+")


@dataclass(frozen=True)
class Sentence:
    """A part of a line up to a mark: [start, end) without the mark."""

    text: str
    start: int
    end: int
    mark: str


def sentences(line: str) -> list[Sentence]:
    """The sentences of a line.

    >>> [(s.text, s.mark) for s in sentences("I see Dr. Moss. Do you?")]
    [('I see Dr. Moss', '.'), ('Do you', '?')]
    """
    found: list[Sentence] = []
    start = 0
    for match in _END.finditer(line):
        last = line[start : match.start()].rsplit(None, 1)[-1:] or [""]
        if match.group() == "." and _abbreviates(last[0], line[match.end() :]):
            continue
        _append(found, line, start, match.start(), match.group())
        start = match.end()
    _append(found, line, start, len(line), "")
    return found


def _abbreviates(word: str, rest: str) -> bool:
    if not rest.strip():
        return False
    if word.lower() in _ABBREVIATIONS or (len(word) == 1 and word.isalpha() and word != "I"):
        return True
    # German writes "am 12. März".
    return word.isdigit() and len(word) < 3 and not rest.lstrip()[:1].isdigit() and _month(rest)


_MONTHS = re.compile(
    r"\s*(?:jan|feb|mär|mar|apr|mai|may|jun|jul|aug|sep|okt|oct|nov|dez|dec)", re.IGNORECASE
)


def _month(rest: str) -> bool:
    return _MONTHS.match(rest) is not None


def _append(found: list[Sentence], line: str, start: int, end: int, mark: str) -> None:
    while start < end and (line[start].isspace() or line[start] in ",;"):
        start += 1
    while end > start and (line[end - 1].isspace() or line[end - 1] in ",;"):
        end -= 1
    if end > start:
        found.append(Sentence(line[start:end], start, end, mark))
