"""Restating what a user said in the second person, as an assistant would answer."""

from __future__ import annotations

from memgraft.text.lexicon import ADVERBS, BE, NOMINATIVE, PREPOSITIONS, SECOND_PERSON

_PREAMBLES = (
    "please note that", "please note", "please remember that", "please remember", "remember that",
    "note that", "just so you know", "so you know", "for the record", "for your information",
    "for future reference", "keep in mind that", "keep in mind", "bear in mind that",
    "bear in mind", "don't forget that", "do not forget that", "never forget that", "by the way",
    "you should know that", "i want you to remember that", "i'd like you to remember that",
    "let it be known that", "fyi", "btw", "nb", "hey", "hi", "hello", "oh", "also", "well", "ok",
    "okay", "actually", "remember", "note",
)  # fmt: skip
# These open an ordinary sentence just as often, so they only count before a comma or colon.
_NEEDS_MARK = frozenset(
    [
        "hey",
        "hi",
        "hello",
        "oh",
        "also",
        "well",
        "ok",
        "okay",
        "actually",
        "remember",
        "note",
        "nb",
        "fyi",
        "btw",
    ]
) - frozenset(["fyi", "btw"])
_MARKS = ",:;-–— "
_OPENING = "\"'“‘«([{"
_CLOSING = "\"'”’»)]}"
_FINAL = ".!?…。！？"
_AGREEMENT = {"am": "are", "was": "were", "'m": "'re", "ain't": "aren't", "wasn't": "weren't"}
_CONTRACTED = ("'m", "'ve", "'ll", "'d", "'s")
_BEFORE_MINE = (
    BE | PREPOSITIONS | ADVERBS | frozenset(["", "it", "and", "or", "but", "become", "became"])
)
_ADVERBIAL_TAIL = "ly"


def strip_preamble(fact: str) -> str:
    """Drop openings that only address the assistant.

    >>> strip_preamble("Please remember that I live in Graz")
    'I live in Graz'
    """
    text = fact.strip()
    while (rest := _without_one_preamble(text)) != text:
        text = rest
    return text


def to_second_person(fact: str) -> str:
    """Restate the user's words to the user: one capitalised sentence with a final mark.

    >>> to_second_person("my bin code at the depot is 9912")
    'Your bin code at the depot is 9912.'
    """
    parts = _blank_split(strip_preamble(fact))
    restated = "".join(_restate(parts))
    return _finish(_capitalise(restated))


def _without_one_preamble(text: str) -> str:
    lowered = text.lower().replace("’", "'")
    for preamble in _PREAMBLES:
        if not lowered.startswith(preamble):
            continue
        rest = text[len(preamble) :]
        marked = rest[:1] in (",", ":") or rest.lstrip()[:1] in ("–", "—", "-")
        if not rest.strip(_MARKS) or not (marked or rest[:1].isspace()):
            continue
        if preamble in _NEEDS_MARK and not marked:
            continue
        return rest.lstrip(_MARKS)
    return text


def _blank_split(text: str) -> list[str]:
    """Split into words and the blanks between them, so that joining gives the text back."""
    parts: list[str] = []
    for char in text:
        if parts and parts[-1][-1].isspace() == char.isspace():
            parts[-1] += char
        else:
            parts.append(char)
    return parts


def _restate(parts: list[str]) -> list[str]:
    restated: list[str] = []
    quoted = False
    subject = ""  # "i" while a following verb has to agree with it
    topic = ""  # the latest nominative pronoun, which "and was" goes back to
    previous = ""
    opening = True  # at the start of a sentence, where capitals mean nothing
    for part in parts:
        if part.isspace():
            restated.append(part)
            continue
        head, core, tail = _peel(part)
        inside = quoted or bool(set(head) & set('"“«'))
        quoted = _still_quoted(quoted, part)
        if inside:
            restated.append(part)
            continue
        key = core.lower().replace("’", "'")
        if previous in {"and", "but"} and topic == "i":
            subject = "i"
        titled = core.istitle() and len(core) > 1 and not opening and "'" not in key
        restated.append(part if titled else head + _swap(core, key, subject, previous) + tail)
        opening = bool(set(tail) & set(_FINAL + ":"))
        subject = _subject_after(subject, key)
        topic = key.partition("'")[0] if key.partition("'")[0] in NOMINATIVE else topic
        previous = key
    return restated


def _peel(part: str) -> tuple[str, str, str]:
    """Split a word into opening punctuation, the word itself, closing punctuation."""
    start = 0
    while start < len(part) and part[start] in _OPENING:
        start += 1
    end = len(part)
    while end > start and part[end - 1] in _CLOSING + _FINAL + ",;:":
        end -= 1
    return part[:start], part[start:end], part[end:]


def _still_quoted(quoted: bool, part: str) -> bool:
    for char in part:
        if char == '"':
            quoted = not quoted
        elif char in "“«":
            quoted = True
        elif char in "”»":
            quoted = False
    return quoted


def _swap(core: str, key: str, subject: str, previous: str) -> str:
    if subject and key in _AGREEMENT:
        return _AGREEMENT[key]
    if key == "am" and previous in {"and", "but"}:
        return "are"
    if key in SECOND_PERSON and not _is_name(core, key, previous):
        return _like(core, SECOND_PERSON[key])
    base, mark, ending = key.partition("'")
    contraction = mark + ending
    if mark and base in ("i", "we") and contraction in (*_CONTRACTED, "'re"):
        joined = _AGREEMENT.get(contraction, contraction)
        return _like(core, "you") + joined.replace("'", core[len(base)])
    return core


def _is_name(core: str, key: str, previous: str) -> bool:
    """Tell "US" the country and "World War I" from pronouns."""
    if key == "us":
        return core == "US"
    if key == "mine":
        return core == "MINE" or not (previous in _BEFORE_MINE or previous.endswith("n't"))
    if key == "i":
        return previous in {"war", "type", "part", "phase", "level", "chapter", "volume", "class"}
    return False


def _like(core: str, replacement: str) -> str:
    """Give the replacement a capital where the original carried one of its own."""
    capital = core[:1].isupper() and core != "I" and not core.startswith(("I'", "I’"))
    return replacement.capitalize() if capital else replacement


def _subject_after(subject: str, key: str) -> str:
    if key == "i" or key.startswith("i'"):
        return "i"
    adverb = key in ADVERBS or key.endswith(_ADVERBIAL_TAIL) or key == "too"
    return subject if adverb else ""


def _capitalise(text: str) -> str:
    """Raise the first letter unless the first word is a code, a URL or a styled name."""
    first = text.split(None, 1)[0] if text.strip() else ""
    index = next((i for i, char in enumerate(first) if char not in _OPENING), 0)
    word = first[index:]
    styled = any(char.isdigit() or char in "@/_:\\" for char in word.rstrip(_FINAL + ":,"))
    styled = styled or any(char.isupper() for char in word[1:]) or "." in word[:-1]
    if styled or not word:
        return text
    return text[:index] + text[index].upper() + text[index + 1 :]


def _finish(text: str) -> str:
    stripped = text.rstrip().rstrip(",;:").rstrip()
    if not stripped:
        return ""
    bare = stripped.rstrip(_CLOSING)
    if bare.endswith(tuple(_FINAL)):
        return stripped
    return stripped + "."
