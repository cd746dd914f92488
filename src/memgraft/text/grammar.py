"""A light shallow parse of English declarative sentences: who does what, where and when."""

from __future__ import annotations

import itertools
from dataclasses import dataclass, replace
from functools import cache

from memgraft.text import lexicon as lx

_SENTENCE_MARKS = ".!?…"
_BREAKS = frozenset([",", ";", ":", "-", "–", "—", "(", ")"])
_MAX_TOKENS = 400


@dataclass(frozen=True, slots=True)
class Adjunct:
    """A phrase that adds where, when, how or with whom."""

    kind: str
    """place, time, duration, manner, recipient, company, topic or other"""
    preposition: str
    text: str

    @property
    def phrase(self) -> str:
        """The preposition and its text: ``"in Graz"``."""
        return f"{self.preposition} {self.text}".strip()


@dataclass(frozen=True, slots=True)
class Clause:
    """One finite clause; ``verb`` is the whole verb group as written, without adverbs."""

    subject: str
    verb: str
    lemma: str
    negated: bool
    complement: str
    adjuncts: tuple[Adjunct, ...] = ()


def parse(fact: str) -> Clause | None:
    """Return the main clause of a declarative sentence, or None where none is recognised.

    >>> parse("Mira chairs the board")
    Clause(subject='Mira', verb='chairs', lemma='chair', negated=False, complement='the board', \
adjuncts=())
    """
    return next(iter(clauses(fact)), None)


def clauses(fact: str) -> list[Clause]:
    """Return the main clause, then coordinated ones and what appositions say.

    >>> [c.lemma for c in clauses("My sister Lena lives in Graz and teaches chemistry")]
    ['live', 'teach']
    """
    found: list[Clause] = []
    for sentence in _sentences(tokens(fact)[:_MAX_TOKENS]):
        found += _sentence_clauses(sentence)
    return found


# Tokens ---------------------------------------------------------------------------------------


def tokens(text: str) -> list[str]:
    """Split into words, with punctuation apart and contractions spelled out.

    >>> tokens("I'm here, Mr. Bo!")
    ['I', 'am', 'here', ',', 'Mr.', 'Bo', '!']
    """
    found: list[str] = []
    for chunk in text.replace("’", "'").split():
        found += _chunk_tokens(chunk)
    return found


def _chunk_tokens(chunk: str) -> list[str]:
    tail: list[str] = []
    while len(chunk) > 1 and chunk[-1] in ",;:.!?…)" and not _keeps_dot(chunk):
        tail.append(chunk[-1])
        chunk = chunk[:-1]
    opening = ["("] if chunk.startswith("(") and len(chunk) > 1 else []
    return opening + _uncontract(chunk[len(opening) :]) + tail[::-1]


def _keeps_dot(chunk: str) -> bool:
    low = chunk.lower()
    single = len(chunk) == 2 and chunk[0].isupper() and chunk[0] != "I"
    return chunk[-1] == "." and (low in lx.TITLES or low in lx.CLOCK or single)


def _uncontract(word: str) -> list[str]:
    low = word.lower()
    if low in lx.NEGATED:
        return [lx.NEGATED[low], "not"]
    if low.endswith("n't") and low[:-3] in lx.FINITE_AUXILIARIES:
        return [word[:-3], "not"]
    stem, mark, ending = word.rpartition("'")
    full = lx.CONTRACTIONS.get(mark + ending.lower())
    pronoun = stem.lower() in lx.PRONOUNS or stem.lower() in {"there", "here", "name"}
    if full and stem and (pronoun or ending.lower() not in {"s", "d"}):
        return [stem, full]
    return [word]


def text_of(parts: list[str]) -> str:
    """Join tokens back into text, with commas and brackets where they belong."""
    return " ".join(parts).replace(" ,", ",").replace("( ", "(").replace(" )", ")").strip(" ,;:-–—")


def _sentences(parts: list[str]) -> list[list[str]]:
    found: list[list[str]] = [[]]
    for token in parts:
        if token in _SENTENCE_MARKS or token == ";":
            found.append([])
        else:
            found[-1].append(token)
    return [sentence for sentence in found if sentence]


# Morphology -----------------------------------------------------------------------------------


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
def _forms() -> dict[str, dict[str, str]]:
    """Map every known verb form to its readings: tag (base, s, past, pp, ing) -> lemma."""
    table: dict[str, dict[str, str]] = {}

    def add(form: str, tag: str, lemma: str) -> None:
        table.setdefault(form, {}).setdefault(tag, lemma)

    irregular = [triple.split() for triple in lx.IRREGULAR.split("|") if triple]
    regular = [word.rstrip("*") for word in lx.REGULAR.split()]
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
def _nounlike() -> frozenset[str]:
    starred = [word[:-1] for word in lx.REGULAR.split() if word.endswith("*")]
    return frozenset(form for base in starred for form in (base, _s_form(base)))


def reading(word: str, tag: str) -> str | None:
    """Return the lemma of a word read as base, s, past, pp or ing form, or None."""
    low = word.lower()
    known = _forms().get(low)
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
    triples = (triple.split() for triple in lx.IRREGULAR.split("|"))
    return next((past for base, past, _ in triples if base == lemma), _past(lemma))


def lemma_of(word: str) -> str:
    """Return the base form of a verb form: ``lemma_of("ships") == "ship"``."""
    low = word.lower()
    known = _forms().get(low)
    if known:
        return next(known[tag] for tag in ("s", "past", "base", "pp", "ing") if tag in known)
    for tag in ("past", "ing"):
        if (lemma := reading(low, tag)) is not None:
            return lemma
    return low[:-1] if low.endswith("s") and not low.endswith("ss") and len(low) > 3 else low


# Noun phrases ---------------------------------------------------------------------------------


def head_noun(phrase: str) -> str:
    """Return the head of a noun phrase, lower case: ``"the PIN for our panel"`` -> ``"pin"``."""
    parts = phrase.replace(",", " ,").split()
    for index, part in enumerate(parts):
        stop = part.lower() in lx.PREPOSITIONS | {",", "called", "named", "who", "that", "which"}
        if index and stop:
            parts = parts[:index]
            break
    return parts[-1].lower() if parts else ""


def is_plural(subject: str) -> bool:
    """Tell whether a present-tense verb takes no -s after this subject (I and you included)."""
    low = subject.lower()
    if not low.split():
        return False
    if low in {"i", "you", "we", "they", "these", "those"} or " and " in f" {low} ":
        return True
    if low in lx.PRONOUNS or low.split(" ")[:1] in (["each"], ["every"], ["one"]):
        return False
    head = head_noun(subject)
    named = subject.split()[0][:1].isupper() and subject.lower().split()[0] not in lx.POSSESSIVES
    if head in lx.IRREGULAR_PLURALS:
        return True
    if head in lx.SINGULAR_S or head.endswith(("ss", "us", "is", "'s")):
        return False
    return head.endswith("s") and not (named and len(subject.split()) == 1 and len(head) < 7)


def is_singular_name(text: str) -> bool:
    """Tell a run of capitalised words, such as a person's or a firm's name."""
    parts = [part for part in text.split() if part not in {"&", "de", "van", "von", "of", "der"}]
    return bool(parts) and all(part[0].isupper() and part != "I" for part in parts)


# Verbs ----------------------------------------------------------------------------------------


def _verb_score(parts: list[str], index: int) -> float:
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
    known, subject = _forms().get(low), text_of(_subject_start(parts[:index]))
    if pronoun and (known is None or set(known) & {"base", "s", "past"}):
        return 3 if low not in lx.SUBORDINATORS and low not in lx.CLOCK else 0
    named = before[0].isupper()
    if reading(low, "past") and low not in {"called", "named", "set", "put", "cut"}:
        reduced = reading(low, "pp") and parts[index + 1 : index + 2] and not named
        return 1.5 if reduced and parts[index + 1].lower() in lx.PREPOSITIONS else 2.5
    weak = low in _nounlike()
    if reading(low, "s") and not is_plural(subject):
        return (1.0 if weak else 2.0) + 0.5 * named
    if known and "base" in known and is_plural(subject):
        return 1.0 if weak else 2.0
    unknown_s = known is None and low.endswith("s") and not low.endswith("ss") and named
    if unknown_s:
        return 0.9
    return 0


def _subject_start(parts: list[str]) -> list[str]:
    """Drop adverbs at the end of a subject: ``"I also"`` -> ``"I"``."""
    while len(parts) > 1 and (parts[-1] in lx.ADVERBS | {"no"} or _is_ly_adverb(parts[-1])):
        parts = parts[:-1]
    return parts


def _is_ly_adverb(word: str) -> bool:
    return word.endswith("ly") and word.islower() and word not in {"family", "july", "lily", "fly"}


def _find_verb(parts: list[str]) -> int | None:
    best, best_score, skip = None, 0.0, 0
    for index in range(1, len(parts)):
        low = parts[index].lower()
        if low in lx.SUBORDINATORS - {"as", "before", "after", "since", "until"} or low == "and":
            if best is not None:
                break
            skip += low in lx.RELATIVES
        trimmed = [*_subject_start(parts[:index]), *parts[index:]]
        score = _verb_score(trimmed, len(trimmed) - len(parts) + index)
        if score and skip:
            skip -= 1
        elif score > best_score:
            best, best_score = index, score
            if score >= 2:
                break
    return best


def _verb_group(parts: list[str], start: int) -> tuple[list[str], bool, int]:
    """Return the verb words from ``start`` on, whether they are negated, and where they end."""
    group, negated, index = [parts[start]], False, start + 1
    while index < len(parts):
        low, last = parts[index].lower(), lemma_of(group[-1])
        ahead = parts[index + 1].lower() if index + 1 < len(parts) else ""
        if low in lx.NEGATIONS:
            negated = True
        elif low == "no" and ahead == "longer":
            negated, index = True, index + 1
        elif _continues(group, parts[index]):
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


# Complement and adjuncts ----------------------------------------------------------------------


def is_time(text: str) -> bool:
    """Tell phrases that say when: dates, clock times, weekdays, years, "the evening"."""
    parts = text.lower().replace(",", "").split()
    shaped = any(_is_clock(part) or _is_year(part) for part in parts[:3])
    edges = [part for part in parts[:2] + parts[-2:] if part.rstrip("s") in lx.PERIODS]
    named = bool(edges) and (parts[-1].rstrip("s") in lx.PERIODS or parts[-1][:2].isdigit())
    named = named or (bool(edges) and len(parts) > 2 and parts[-2] == "of")
    slashed = any(part.count("-") == 2 and part.replace("-", "").isdigit() for part in parts)
    return shaped or slashed or (named and len(parts) < 7) or bool(set(parts) & lx.CLOCK)


def _is_clock(word: str) -> bool:
    digits = word.rstrip("apm.")
    hour, mark, rest = digits.partition(":")
    return (digits != word and digits.isdigit()) or (bool(mark) and (hour + rest[:2]).isdigit())


def _is_year(word: str) -> bool:
    return len(word) == 4 and word.isdigit() and word[:2] in {"18", "19", "20"}


def is_number(word: str) -> bool:
    """Tell numerals and number words: ``"3,415.60"``, ``"twelve"``."""
    bare = word.lower().lstrip("$€£~").rstrip("%€£$")
    return bare.replace(",", "").replace(".", "").isdigit() or bare in lx.NUMBER_WORDS


def is_money(text: str) -> bool:
    """Tell amounts of money: ``"46 pounds"``, ``"$5"``."""
    parts = text.lower().split()
    signed = any(part[0] in "$€£" or part[-1] in "$€£" for part in parts)
    return signed or any(is_number(a) and b in lx.MONEY for a, b in itertools.pairwise(parts))


def is_person(text: str) -> bool:
    """Tell phrases that name a person: pronouns, titles, kin and roles, capitalised names."""
    low, parts = text.lower(), text.split()
    if low in lx.PRONOUNS - {"it", "this", "that"} or head_noun(text) in lx.ROLES:
        return True
    kin = any(part.lower() in lx.KIN | lx.TITLES for part in parts[:-1])
    named = is_singular_name(text) and not any(char.isdigit() for char in text)
    return bool(parts) and parts[-1][0].isupper() and (kin or named)


_TIME_PREPOSITIONS = lx.words(
    "for since until till during by in on at from before after of around over within"
) | {""}


def _kind(preposition: str, text: str, lemma: str) -> str:
    if text.endswith(" ago") or (preposition == "to" and is_time(text) and not is_money(text)):
        return "time"
    if preposition in {"at", "by", "before", "after", "until"} and is_number(text):
        return "time"
    if preposition in _TIME_PREPOSITIONS and is_time(text):
        span = is_number(text.split()[0]) and text.split()[-1].rstrip("s") in lx.SPAN_UNITS
        return (
            "duration" if preposition in {"for", "over"} or (not preposition and span) else "time"
        )
    table = {"about": "topic", "regarding": "topic", "like": "manner", "without": "company"}
    if preposition in table:
        return table[preposition]
    if preposition == "with":
        return "company" if is_person(text) else "other"
    if preposition == "to":
        if is_money(text):
            return "other"
        if lemma in lx.MOTION and not (lemma == "ship" and is_person(text)):
            return "place"
        return "recipient" if lemma in lx.TRANSFER or is_person(text) else "other"
    if preposition == "from":
        return "place" if lemma in lx.MOTION | {"originate", "start", "be"} else "other"
    place = preposition in lx.PLACE_PREPOSITIONS and preposition != "by"
    return "place" if place and not is_money(text) else "other"


def _phrases(parts: list[str], lemma: str) -> tuple[str, tuple[Adjunct, ...]]:
    """Divide what follows the verb into the complement and its adjuncts."""
    chunks: list[list[str]] = [[]]
    for index, token in enumerate(parts):
        if token in _BREAKS:
            rest = parts[index + 1 :]
            if chunks[-1] and not ({"and", "or"} & set(rest)) and not _place_name(chunks[-1], rest):
                chunks.append([])  # an afterthought: it only counts if it is a phrase
                continue
        if _opens_phrase(parts, index) and not (chunks[-1] and _absorbs(chunks[-1])):
            chunks.append([])
        chunks[-1].append(token)
    adjuncts: list[Adjunct] = []
    for chunk in filter(None, chunks[1:]):
        first = chunk[0].lower()
        bare = first not in lx.PREPOSITIONS | lx.SUBORDINATORS
        preposition = "" if bare else first
        text = text_of(chunk if bare else chunk[1:])
        if not text or (bare and not is_time(text) and "times" not in chunk and "ago" not in chunk):
            continue
        subordinate = first in lx.SUBORDINATORS - lx.PREPOSITIONS
        kind = "time" if bare or first in {"when", "while"} else _kind(preposition, text, lemma)
        kind = (
            _kind("", text, lemma) if bare else "other" if subordinate and kind != "time" else kind
        )
        adjunct = Adjunct(kind, preposition, text)
        if kind == "place" and adjuncts and adjuncts[-1].kind == "place":
            joined = f"{adjuncts[-1].text} {adjunct.phrase}"
            adjuncts[-1] = replace(adjuncts[-1], text=joined)
        else:
            adjuncts.append(adjunct)
    return text_of(chunks[0]), tuple(adjuncts)


def _place_name(chunk: list[str], rest: list[str]) -> bool:
    """Tell the comma of ``"in Lyon, France"``."""
    return len(chunk) > 1 and chunk[-1][0].isupper() and bool(rest) and rest[0][0].isupper()


def _absorbs(chunk: list[str]) -> bool:
    return chunk[-1].lower() in lx.PREPOSITIONS or chunk[0].lower() in {"about", "when", "while"}


def _opens_phrase(parts: list[str], index: int) -> bool:
    low, rest = parts[index].lower(), parts[index + 1 :]
    if low == "of" or (low == "like" and index == 0):
        return False
    if low == "past" and index and parts[index - 1] in {"half", "quarter"}:
        return False
    if low in lx.TIME_OPENERS and rest and (is_time(rest[0]) or is_time(" ".join(rest[:2]))):
        return True
    if is_number(low) and rest and (rest[0] in lx.FREQUENCY or rest[1:2] == ["ago"]):
        return True
    ahead = rest[0].lower() if rest else ""
    if low == "to" and index and reading(ahead, "base") and ahead not in _nounlike():
        return False
    if low in lx.PREPOSITIONS:
        stranded = ahead in lx.PREPOSITIONS and low not in _ADVERBIAL_PREPOSITIONS
        return bool(rest) and not (index and stranded)
    if low == "ago" and index > 1 and is_number(parts[index - 2]):
        return False
    return bool(low in lx.BARE_TIME or low in {"when", "while"})


_ADVERBIAL_PREPOSITIONS = lx.words("upstairs downstairs inside outside next from")


# Clauses --------------------------------------------------------------------------------------


def _sentence_clauses(parts: list[str]) -> list[Clause]:
    parts, leading = _strip_leading(parts)
    found: list[Clause] = []
    subject: list[str] = []
    for piece in _coordinated(parts):
        verb = _find_verb(piece)
        if verb is None and subject:
            piece, verb = [*subject, *piece], len(subject)
        if verb is None:
            continue
        subject = _apposition(_subject_start(piece[:verb]))[0]
        found += _build(piece, verb, leading if not found else ())
    return found


def _strip_leading(parts: list[str]) -> tuple[list[str], tuple[Adjunct, ...]]:
    """Set apart an opening such as ``"On Wednesdays"`` or ``"When I was eleven"``."""
    first = parts[0].lower()
    opening = first in lx.PREPOSITIONS | {"when", "while"} or _opens_phrase(parts, 0)
    if not opening:
        return parts, ()
    for index in range(2, len(parts)):
        token, low = parts[index], parts[index].lower()
        starts = (
            low in lx.NOMINATIVE | lx.DETERMINERS
            and parts[index - 1].lower() not in lx.PREPOSITIONS
        )
        if first in {"when", "while", "after", "before", "since"} and token != ",":
            starts = low in lx.NOMINATIVE and index > 3
        if token == "," or starts:
            rest = parts[index + (token == ",") :]
            if rest and _find_verb(rest) is not None:
                return rest, _phrases(parts[:index], "be")[1]
    return parts, ()


def _coordinated(parts: list[str]) -> list[list[str]]:
    """Cut at a comma, "and" or "but" after which another predicate or sentence begins."""
    verb = _find_verb(parts)
    if verb is None:
        return [parts]
    for index in range(verb + 1, len(parts) - 1):
        low, rest = parts[index].lower(), parts[index + 1 :]
        if low in lx.HEDGED_SUBORDINATORS | {
            "though",
            "although",
            "because",
            "which",
            "but",
            "who",
        }:
            if low in {"but"} and _predicate(rest, parts[:verb]):
                return [parts[:index], *_coordinated_rest(rest)]
            if _find_verb(rest) in (1, 2, 3) or low in lx.RELATIVES:
                kept = low in {"before", "after", "since", "until", "as", "once", "that"}
                return [parts] if kept and low != "that" else [parts[:index]]
        elif low == "and" and _predicate(rest, parts[:verb]):
            return [parts[:index], *_coordinated_rest(rest)]
        elif low == "," and rest[0].lower() in lx.NOMINATIVE | lx.POSSESSIVES and _find_verb(rest):
            return [parts[:index], *_coordinated(rest)]
    return [parts]


def _coordinated_rest(rest: list[str]) -> list[list[str]]:
    return _coordinated(rest) if _find_verb(rest) is not None else [rest]


def _predicate(rest: list[str], subject: list[str]) -> bool:
    """Tell whether a conjunct is a predicate of ``subject`` or a sentence of its own."""
    if rest[0].lower() in lx.NOMINATIVE | lx.POSSESSIVES:
        return _find_verb(rest) is not None
    return _verb_score([*subject, rest[0]], len(subject)) >= 1


def _build(parts: list[str], verb: int, leading: tuple[Adjunct, ...]) -> list[Clause]:
    subject, apposition = _apposition(_subject_start(parts[:verb]))
    group, negated, end = _verb_group(parts, verb)
    before = {part.lower() for part in parts[len(subject) : verb]}
    negated = negated or bool(before & {"never", "longer"})
    lemma = lemma_of(next(w for w in reversed(group) if w.lower() not in lx.PARTICLES))
    complement, adjuncts = _phrases(parts[end:], lemma)
    name = text_of(subject)
    if not name:
        return []
    main = Clause(name, text_of(group), lemma, negated, complement, adjuncts + leading)
    named = _object_apposition(parts[end:], complement)
    return [main, *([_copula(name, apposition)] if apposition else []), *named]


def _apposition(subject: list[str]) -> tuple[list[str], str]:
    marks = [index for index, token in enumerate(subject) if token in _BREAKS]
    if not marks or marks[0] == 0:
        return subject, ""
    inner = text_of(subject[marks[0] + 1 : marks[1] if len(marks) > 1 else None])
    return subject[: marks[0]], inner if subject[-1] in _BREAKS else ""


def _object_apposition(parts: list[str], complement: str) -> list[Clause]:
    """Read ``"my therapist, Dr. Achterberg"`` as "my therapist is Dr. Achterberg"."""
    if "," not in parts or not complement:
        return []
    cut = parts.index(",")
    name = text_of(parts[cut + 1 :])
    known = parts[0].lower() in lx.POSSESSIVES | {"the"} and text_of(parts[:cut]) == complement
    return [_copula(complement, name)] if known and is_singular_name(name) else []


def _copula(subject: str, complement: str) -> Clause:
    return Clause(subject, "are" if is_plural(subject) else "is", "be", False, complement)
