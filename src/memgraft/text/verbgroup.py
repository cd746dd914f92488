"""Finding the finite verb of a clause and the words that belong to it."""

from __future__ import annotations

from memgraft.text import lexicon as lx
from memgraft.text.morphology import lemma_of, nounlike, reading, verb_forms
from memgraft.text.shapes import head_noun, is_plural
from memgraft.text.tokenizer import text_of


def verb_score(parts: list[str], index: int) -> float:
    """Rate a token as the finite verb of the words before it; 0 rules it out."""
    low, before = parts[index].lower(), parts[index - 1]
    previous = before.lower()
    pronoun = previous in lx.NOMINATIVE or previous in {"there", "that", "this", "everyone"}
    if low in lx.FINITE_AUXILIARIES and (previous not in lx.DETERMINERS or pronoun):
        return 0 if low in {"may", "might", "will"} and parts[index][0].isupper() else 3
    barred = lx.DETERMINERS | lx.PREPOSITIONS | lx.FINITE_AUXILIARIES
    if not pronoun and (previous in barred or previous.endswith(("'s", "s'"))):
        return 0
    if not parts[index].islower() or low in lx.ADVERBS | lx.DETERMINERS:
        return 0
    if low in lx.PREPOSITIONS and not (pronoun and reading(low, "base")):
        return 0
    known, subject = verb_forms().get(low), text_of(without_adverbs(parts[:index]))
    if pronoun and (known is None or set(known) & {"base", "s", "past"}):
        return 3 if low not in lx.SUBORDINATORS and low not in lx.CLOCK else 0
    named = before[0].isupper()
    if reading(low, "past") and low not in {"called", "named", "set", "put", "cut"}:
        reduced = reading(low, "pp") and parts[index + 1 : index + 2] and not named
        return 1.5 if reduced and parts[index + 1].lower() in lx.PREPOSITIONS else 2.5
    weak = low in nounlike()
    if reading(low, "s") and not is_plural(subject):
        return (1.0 if weak else 2.0) + 0.5 * named
    if known and "base" in known and is_plural(subject):
        return 1.0 if weak else 2.0
    unknown_s = known is None and low.endswith("s") and not low.endswith("ss") and named
    if unknown_s:
        return 0.9
    return 0


def without_adverbs(parts: list[str]) -> list[str]:
    """Drop adverbs at the end of a subject: ``"I also"`` -> ``"I"``."""
    while len(parts) > 1 and (parts[-1] in lx.ADVERBS | {"no"} or _is_ly_adverb(parts[-1])):
        parts = parts[:-1]
    return parts


def _is_ly_adverb(word: str) -> bool:
    return word.endswith("ly") and word.islower() and word not in {"family", "july", "lily", "fly"}


def find_verb(parts: list[str]) -> int | None:
    best, best_score, skip = None, 0.0, 0
    for index in range(1, len(parts)):
        low = parts[index].lower()
        if low in lx.SUBORDINATORS - {"as", "before", "after", "since", "until"} or low == "and":
            if best is not None:
                break
            skip += low in lx.RELATIVES
        trimmed = [*without_adverbs(parts[:index]), *parts[index:]]
        score = verb_score(trimmed, len(trimmed) - len(parts) + index)
        if score and skip:
            skip -= 1
        elif score > best_score:
            best, best_score = index, score
            if score >= 2:
                break
    return best


def verb_group(parts: list[str], start: int) -> tuple[list[str], bool, int]:
    """Return the verb words from ``start`` on, whether they are negated, and where they end."""
    group, negated, index = [parts[start]], False, start + 1
    naming = head_noun(text_of(parts[:start])) in _NAMED_BY_ACTIVITY
    while index < len(parts):
        low, last = parts[index].lower(), lemma_of(group[-1])
        ahead = parts[index + 1].lower() if index + 1 < len(parts) else ""
        if low in lx.NEGATIONS:
            negated = True
        elif low == "no" and ahead == "longer":
            negated, index = True, index + 1
        elif _continues(group, parts[index]) and not (naming and low.endswith("ing")):
            group.append(parts[index])
        elif low == "to" and last in lx.CATENATIVES and reading(ahead, "base"):
            group += parts[index : index + 2]
            index += 1
        elif low not in lx.ADVERBS or not _adverb_inside(group, parts, index):
            break
        index += 1
    end = index
    if end < len(parts) and _is_particle(group, parts[end].lower()):
        group.append(parts[end])
        end += 1
    return group, negated, end


_NAMED_BY_ACTIVITY = lx.words(
    "hobby job passion pastime goal dream aim plan duty task role habit resolution chore specialty "
    "speciality ambition interest sport thing activity skill talent favourite favorite"
)
"""``"My hobby is restoring radios"`` equates; it does not say what the hobby is doing."""


def _continues(group: list[str], word: str) -> bool:
    last, low = group[-1].lower(), word.lower()
    if last in lx.BE:
        participle = reading(low, "pp") or reading(low, "ing")
        return (bool(participle) and low not in lx.ADJECTIVAL) or low in {"being", "born"}
    if last in lx.HAVE:
        return bool(reading(low, "pp")) or low == "been"
    if last in lx.DO | lx.MODALS or last == "to":
        return bool(reading(low, "base"))
    return False


def _adverb_inside(group: list[str], parts: list[str], index: int) -> bool:
    """An adverb belongs to the group only if a verb form still follows it."""
    rest = [part for part in parts[index:] if part.lower() not in lx.ADVERBS | lx.NEGATIONS]
    return bool(rest) and _continues(group, rest[0])


def _is_particle(group: list[str], low: str) -> bool:
    verb = lemma_of(group[-1])
    return verb != "be" and (low in lx.FREE_PARTICLES or f"{verb}_{low}" in lx.PHRASAL)
