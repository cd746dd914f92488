"""A short answer, told as the statement that question and answer make together.

"What is your dog's name?" and "Rex" say that my dog's name is Rex. Only forms of questions are read
that leave no doubt about the statement; what else is answered is left.
"""

from __future__ import annotations

import re

from memgraft.text import lexicon as lx
from memgraft.text.extract_clean import sentences
from memgraft.text.grammar import clauses

_LONGEST_ANSWER = 8
_BEFORE = r"(?:^|.*?[,:–—-]\s*|(?:and|so|but|great|thanks)\s+)"
_WHAT = re.compile(
    rf"{_BEFORE}(?:what|who)(?:'s|’s| is| are) your (?P<what>[\w' ’-]{{2,60}})$", re.IGNORECASE
)
_CALLED = re.compile(
    rf"{_BEFORE}what(?:'s|’s| is) your (?P<who>[\w ’'-]{{2,40}}) called$", re.IGNORECASE
)
_WHERE = re.compile(rf"{_BEFORE}where do you (?P<verb>live|work|study)$", re.IGNORECASE)
_AGE = re.compile(rf"{_BEFORE}how old are you$", re.IGNORECASE)
_ARE = re.compile(rf"{_BEFORE}are you (?P<what>[\w' ’-]{{3,40}})$", re.IGNORECASE)
_DO = re.compile(
    rf"{_BEFORE}do you (?P<what>(?:have|own|eat|drink|smoke|like|drive|speak|play) "
    r"[\w' ’-]{2,40}|smoke|drive)$",
    re.IGNORECASE,
)
_YES = re.compile(r"(?:yes|yep|yeah|yup|i am|i do|correct|indeed)\b[,.! ]*(?:i (?:am|do))?$", re.I)
_NO = re.compile(
    r"(?:no|nope|nah|not at all)\b[,.! ]*(?:i(?:'m not| am not| don't| do not))?$", re.I
)
_OPENING = re.compile(r"(?:it'?s|he'?s|she'?s|they'?re|its)\s+(?:called\s+)?|(?:in|at)\s+", re.I)
# What one is, not how one is just now.
_LASTING = lx.words(
    "vegetarian vegan married single divorced retired allergic left-handed right-handed diabetic "
    "pregnant employed self-employed unemployed a an from lactose gluten"
)
_IDLE = lx.words(
    "question questions plan plans idea ideas opinion thoughts preference goal task problem issue "
    "budget choice answer feedback request concern concerns time moment reason else any this "
    "that it"
)


def answered(question: str, answer: str) -> str:
    """The statement, or "" if there is none that is safe.

    Args:
        question: what the assistant said; its last sentence must ask.
        answer: what the user said next.

    >>> answered("Nice! What is your dog's name?", "Rex")
    "My dog's name is Rex"
    """
    asked = sentences(question.strip().splitlines()[-1]) if question.strip() else []
    given = answer.strip().rstrip(".!")
    if not asked or asked[-1].mark != "?" or sum(one.mark == "?" for one in asked) != 1:
        return ""
    words = given.split()
    if not words or len(words) > _LONGEST_ANSWER or "?" in given or "\n" in given:
        return ""
    return _yes_or_no(asked[-1].text, given) or _named(asked[-1].text, given)


def _named(question: str, answer: str) -> str:
    opening = _OPENING.match(answer)
    bare = answer[opening.end() :] if opening else answer
    if clauses(bare) or _YES.match(answer) or _NO.match(answer) or not _is_value(bare):
        return ""
    if match := _CALLED.match(question):
        return f"My {match['who']} is called {bare}"
    if match := _WHAT.match(question):
        idle = set(match["what"].lower().split()) & _IDLE
        return "" if idle else f"My {match['what']} is {bare}"
    if match := _WHERE.match(question):
        place = "at" if match["verb"].lower() != "live" else "in"
        return f"I {match['verb'].lower()} {place} {bare}" if bare[0].isupper() else ""
    if _AGE.match(question):
        return f"I am {bare}" if bare.split()[0].isdigit() else ""
    return ""


def _yes_or_no(question: str, answer: str) -> str:
    yes, no = _YES.match(answer), _NO.match(answer)
    if not yes and not no:
        return ""
    if match := _ARE.match(question):
        words = match["what"].lower().split()
        return "" if words[0] not in _LASTING else f"I am {'' if yes else 'not '}{match['what']}"
    match = _DO.match(question)
    if match is None or set(match["what"].lower().split()) & _IDLE:
        return ""
    return f"I {'' if yes else 'do not '}{match['what']}"


_NO_VALUES = lx.words(
    "hm hmm uh um er eh huh lol haha nah yes no maybe sure ok okay thanks what why none nothing "
    "idk dunno unsure secret guess skip later stop hi hello please good fine well never not"
)


def _is_value(answer: str) -> bool:
    words = answer.lower().split()
    return bool(words) and words[0].strip(",.") not in _NO_VALUES and any(map(str.isalnum, answer))
