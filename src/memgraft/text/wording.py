"""Putting a question together: word order, pronouns and question words."""

from __future__ import annotations

from collections.abc import Iterator

from memgraft.text import lexicon as lx
from memgraft.text.grammar import (
    Clause,
    is_money,
    is_number,
    is_person,
    is_plural,
    is_singular_name,
    lemma_of,
    past_of,
    reading,
)

ACCUSATIVE = {"i": "me", "we": "us", "he": "him", "she": "her", "they": "them"}
_GENITIVE = {"i": "my", "we": "our", "he": "his", "she": "her", "they": "their", "it": "its",
             "you": "your"}  # fmt: skip
_OWNERS = {genitive: owner for owner, genitive in _GENITIVE.items()} | {"my": "I"}


def sentence(*parts: str) -> str:
    """Join the parts of a question: ``sentence("who", "", "knits") == "Who knits?"``."""
    text = " ".join(" ".join(parts).replace("?", "").split())
    return text[:1].upper() + text[1:] + "?"


def lowered(phrase: str) -> str:
    """Take the sentence-initial capital off a determiner, pronoun or the like."""
    first = phrase.split(" ")[0].lower()
    common = first in lx.DETERMINERS | lx.PRONOUNS | lx.PREPOSITIONS | lx.NUMBER_WORDS
    return phrase[0].lower() + phrase[1:] if common and first != "i" and phrase else phrase


def is_past(clause: Clause) -> bool:
    """Tell whether the clause is about the past rather than about how things are."""
    first = clause.verb.split()[0].lower()
    return frame(clause)[0] == "did" or first in {"was", "were", "had"} or "used to" in clause.verb


def frame(clause: Clause) -> tuple[str, str]:
    """Divide the verb group into the operator that moves to the front, and the rest."""
    first, *rest = clause.verb.split()
    low = first.lower()
    auxiliary = low in lx.HAVE | lx.DO and bool(rest) and rest[0] != "to"
    if low in lx.BE | lx.MODALS or auxiliary:
        return low, " ".join(rest)
    base = lemma_of(low)
    plural = is_plural(clause.subject)
    present = reading(low, "s") or (plural and reading(low, "base") == base)
    ambiguous = past_of(base) == low and any(_is_over(a.phrase) for a in clause.adjuncts)
    if (not present or ambiguous) and (reading(low, "past") or reading(low, "base")):
        return "did", " ".join([base, *rest])
    return ("do" if plural else "does"), " ".join([base, *rest])


def _is_over(phrase: str) -> bool:
    low = phrase.lower().split()
    return bool({"ago", "yesterday", "last"} & set(low)) or (low[0] == "in" and low[-1].isdigit())


def ask(clause: Clause, wh: str, complement: str = "", *phrases: str) -> str:
    """Ask for what ``wh`` stands for, with the complement and phrases that stay in place."""
    operator, rest = frame(clause)
    negation = "not" if clause.negated else ""
    return sentence(wh, operator, lowered(clause.subject), negation, rest, complement, *phrases)


def genitive(owner: str) -> str:
    """Return the possessive form: ``genitive("I") == "my"``."""
    low = owner.lower()
    ending = "'" if low.endswith("s") and is_plural(owner) else "'s"
    return _GENITIVE.get(low) or lowered(owner) + ending


def owner_of(phrase: str) -> str:
    """Return who has the thing: ``"my phone"`` -> I, ``"my son's phone"`` -> my son, or nobody."""
    parts = phrase.split()
    for index, part in enumerate(parts):
        if part.endswith("'s"):
            return " ".join([*parts[:index], part[:-2]])
        if part.endswith("s'"):
            return " ".join([*parts[:index], part[:-1]])
    return _OWNERS.get(parts[0].lower(), "") if parts else ""


def definite(phrase: str, owner: str) -> str:
    """Refer back to a thing: ``definite("a used cello", "I") == "my used cello"``."""
    first, _, rest = phrase.partition(" ")
    if first.lower() in {"a", "an", "another", "some"} and rest:
        return f"{genitive(owner)} {rest}"
    counted = first.lower() in lx.NUMBER_WORDS and bool(rest)
    return f"{genitive(owner)} {phrase}" if counted else lowered(phrase)


def who_or_what(text: str) -> str:
    """Return the question word that a noun phrase answers."""
    return "who" if is_person(text) else "what"


_PEOPLE_VERBS = lx.words(
    "meet marry call see visit know love like miss date teach coach help manage hire adore admire "
    "interview invite befriend thank phone email trust introduce employ supervise mentor respect"
)


def who_or_what_object(lemma: str, text: str) -> str:
    """Tell a person from a thing with a name of its own, as in ``"I use Neovim"``."""
    bare = is_singular_name(text) and text.split()[0].lower().rstrip(".") not in lx.TITLES
    return "what" if bare and lemma not in _PEOPLE_VERBS else who_or_what(text)


def double_object(complement: str) -> tuple[str, str]:
    """Divide ``"Benedikt 85 francs"`` into the recipient and the thing."""
    parts = complement.split()
    for index in range(1, min(len(parts), 4)):
        receiver, thing = " ".join(parts[:index]), parts[index]
        begins = thing.lower() in lx.DETERMINERS or is_number(thing) or thing[0] in "€$£"
        person = receiver.lower() in lx.PRONOUNS | lx.POSSESSIVES or is_person(receiver)
        if person and begins and not is_number(receiver) and receiver.lower() not in lx.POSSESSIVES:
            return receiver, " ".join(parts[index:])
    return "", complement


def narrower(thing: str) -> Iterator[str]:
    """Yield narrower question words for a noun phrase: how much, how many, which X."""
    parts = thing.split()
    low = thing.lower().split()
    skip = 1 if low[0] in {"exactly", "about", "around", "over"} and len(low) > 1 else 0
    if is_money(thing):
        yield "how much"
        return
    if is_number(parts[skip]) or (low[0] in {"a", "an"} and low[1:2] and low[1] in lx.MASS_UNITS):
        yield from _how_many(parts, skip)
        rest = low[skip + 1 :]
        if not rest or rest[0].rstrip("s") in lx.MASS_UNITS | lx.SPAN_UNITS:
            return
    counted = is_number(parts[skip])
    core = [part for part in before_stop(parts) if part.lower() not in lx.DETERMINERS]
    named = next((i for i, part in enumerate(parts) if part in {"called", "named"}), 0)
    if named and core:
        yield f"which {core[-1]}"
    elif len(core) > 1 and core[-1].islower() and _is_noun(core[-1]):
        known = low[0] in lx.DETERMINERS - {"a", "an", "some", "no"}
        if known or not counted:
            yield f"which {core[-1]}" if known else f"what kind of {core[-1]}"
    elif len(core) > 1 and core[-1].isdigit():
        yield f"which {core[-2].lower()}"
    if is_language(thing.split()[0]):
        yield "which language"


def _how_many(parts: list[str], skip: int) -> Iterator[str]:
    rest = [part.lower() for part in parts[skip + 1 :]]
    unit = rest[0].rstrip("s") if rest else ""
    if "of" in rest[:3]:
        yield "how much " + " ".join(parts[parts.index("of") + 1 :])
    elif unit in lx.SPAN_UNITS:
        yield "how long"
    elif unit in lx.MASS_UNITS:
        yield "how much"
    elif not rest or is_plural(" ".join(rest)):
        yield "how many " + (" ".join(before_stop(parts[skip + 1 :])) or "people")


def is_language(word: str) -> bool:
    """Tell the names of languages, such as Welsh or Portuguese."""
    return word.lower().rstrip(",") in lx.LANGUAGES and word[:1].isupper()


def _is_noun(word: str) -> bool:
    verbal = reading(word, "pp") or reading(word, "ing") or word in lx.ADVERBS | lx.PARTICLES
    return word.isalpha() and not verbal and word.rstrip("s") not in lx.PERIODS


def before_stop(parts: list[str]) -> list[str]:
    """Cut a noun phrase off before what follows its head: ``"the PIN"`` of "the PIN for ..."."""
    stops = lx.PREPOSITIONS | {"of", "called", "named", "to", "and", "who", "that"}
    cut = next((i for i, part in enumerate(parts) if i and part.lower() in stops), len(parts))
    return parts[:cut]
