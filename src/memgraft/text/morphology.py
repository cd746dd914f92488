"""Verb forms: what a word can be read as, and how a verb is inflected."""

from __future__ import annotations

from functools import cache

from memgraft.text import lexicon as lx
from memgraft.text.verbs import IRREGULAR, REGULAR


def _s_form(base: str) -> str:
    if base.endswith(("s", "sh", "ch", "x", "z", "o")):
        return base + "es"
    if base.endswith("y") and base[-2:-1] not in "aeiou":
        return base[:-1] + "ies"
    return base + "s"


def _doubles(base: str) -> bool:
    vowels = sum(char in "aeiou" for char in base)
    short = len(base) > 2 and base[-1] not in "aeiouwxy" and base[-2] in "aeiou"
    return short and base[-3] not in "aeiou" and (vowels == 1 or base in _STRESSED_LAST)


_STRESSED_LAST = lx.words("refer prefer commit permit forbid submit transfer begin forget regret")


def _past(base: str) -> str:
    if base.endswith("e"):
        return base + "d"
    if base.endswith("y") and base[-2:-1] not in "aeiou":
        return base[:-1] + "ied"
    return base + (base[-1] if _doubles(base) else "") + "ed"


def _ing(base: str) -> str:
    if base.endswith("ie"):
        return base[:-2] + "ying"
    if base.endswith("e") and not base.endswith(("ee", "ye")):
        return base[:-1] + "ing"
    return base + (base[-1] if _doubles(base) else "") + "ing"


@cache
def verb_forms() -> dict[str, dict[str, str]]:
    """Map every known verb form to its readings: tag (base, s, past, pp, ing) -> lemma."""
    table: dict[str, dict[str, str]] = {}

    def add(form: str, tag: str, lemma: str) -> None:
        table.setdefault(form, {}).setdefault(tag, lemma)

    irregular = [triple.split() for triple in IRREGULAR.split("|") if triple]
    regular = [word.rstrip("*") for word in REGULAR.split()]
    principal = {base: (past, pp) for base, past, pp in irregular}
    principal |= {b: (_past(b), _past(b)) for b in regular if b not in principal}
    for base, (past, pp) in principal.items():
        for form, tag in ((base, "base"), (past, "past"), (pp, "pp")):
            add(form, tag, base)
        add(_s_form(base), "s", base)
        add(_ing(base), "ing", base)
    finite = {"am": "s", "is": "s", "are": "base", "were": "past", "has": "s", "does": "s"}
    for form, tag in finite.items():
        add(form, tag, {"has": "have", "does": "do"}.get(form, "be"))
    return table


@cache
def nounlike() -> frozenset[str]:
    starred = [word[:-1] for word in REGULAR.split() if word.endswith("*")]
    return frozenset(form for base in starred for form in (base, _s_form(base)))


def reading(word: str, tag: str) -> str | None:
    """Return the lemma of a word read as base, s, past, pp or ing form, or None."""
    low = word.lower()
    known = verb_forms().get(low)
    if known is not None:
        return known.get(tag)
    if tag in {"past", "pp"} and low.endswith("ed") and low.isalpha() and len(low) > 4:
        stem = low[:-2]
        return stem[:-1] if stem[-1] == stem[-2] and stem[-1] not in "lsz" else stem
    if tag == "ing" and low.endswith("ing") and low.isalpha() and len(low) > 5:
        return low[:-3]
    return None


def past_of(lemma: str) -> str:
    """Return the simple past: ``past_of("write") == "wrote"``."""
    triples = (triple.split() for triple in IRREGULAR.split("|"))
    return next((past for base, past, _ in triples if base == lemma), _past(lemma))


def lemma_of(word: str) -> str:
    """Return the base form of a verb form: ``lemma_of("ships") == "ship"``."""
    low = word.lower()
    known = verb_forms().get(low)
    if known:
        return next(known[tag] for tag in ("s", "past", "base", "pp", "ing") if tag in known)
    for tag in ("past", "ing"):
        if (lemma := reading(low, tag)) is not None:
            return lemma
    return low[:-1] if low.endswith("s") and not low.endswith("ss") and len(low) > 3 else low
