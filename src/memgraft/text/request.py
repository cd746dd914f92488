"""Messages that no remembered fact is wanted for: things to be made, and the world at large."""

from __future__ import annotations

import re

from memgraft.text import lexicon as lx

_MAKE = re.compile(
    r"^\W*(?:(?:please|can you|could you|would you|will you|now|let's)\W+)*"
    r"(?:write|describe|make up|compose|explain|translate|summari[sz]e|suggest|recommend|imagine|"
    r"pretend|draft|rewrite|rephrase|generate|create|invent|convert|calculate|solve|define|correct|"
    r"fix|proofread|brainstorm|sing|spell|count|compare|outline|help me|"
    r"give me (?:a|an|some|two|three|five|ten|tips|ideas|advice)|"
    r"tell me (?:a|an|some) (?:joke|story|riddle|poem|fun))\b",
    re.IGNORECASE,
)
_WORD = re.compile(r"[^\W\d_]+")
_FIRST_PERSON = lx.words("i me my mine myself we us our ours ourselves")


def asks_to_make(message: str) -> bool:
    """Whether it asks for something to be made or explained, not for something known.

    >>> asks_to_make("Write a poem about dogs"), asks_to_make("Tell me where I live")
    (True, False)
    """
    return bool(_MAKE.match(message))


def impersonal(message: str, fact: str) -> bool:
    """Whether the fact is about its teller, and the message neither is nor names anything of it.

    >>> impersonal("Why do cats purr?", "My cat is a purebred Somali.")
    True
    >>> impersonal("Who is Ada?", "My sister Ada lives in Porto.")
    False
    """
    said = _WORD.findall(message)
    if any(word.casefold() in _FIRST_PERSON for word in said):
        return False
    told = _WORD.findall(fact)
    if not any(word.casefold() in _FIRST_PERSON for word in told):
        return False
    names = {word for word in told[1:] if word[0].isupper() and word != "I"}
    return not names & set(said)
