"""Questions that a fact answers, worded as its user would ask them."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from itertools import chain, zip_longest

from memgraft.text import lexicon as lx
from memgraft.text.grammar import (
    Adjunct,
    Clause,
    clauses,
    head_noun,
    is_money,
    is_number,
    is_person,
    is_plural,
    is_singular_name,
    lemma_of,
    past_of,
    reading,
    tokens,
)
from memgraft.text.person import strip_preamble

_FOREIGN = lx.words(
    "mijn ik het een de van der das und ist ich mein meine le les des est je mon ma el los las mi "
    "es y un une il och jag är min den på det jeg er mio è sono eu meu não uma si da que por del"
)
_ACCUSATIVE = {"i": "me", "we": "us", "he": "him", "she": "her", "they": "them"}
_GENITIVE = {"i": "my", "we": "our", "he": "his", "she": "her", "they": "their", "it": "its",
             "you": "your"}  # fmt: skip
_OWNERS = {genitive: owner for owner, genitive in _GENITIVE.items()} | {"my": "I"}
_HAVING = lx.words("have get own see keep use")
_MASS = lx.words("a an the one two my our")
_PREDICATE_TO = lx.words("to with about of from for at in on by")


def questions(fact: str, limit: int = 12) -> list[str]:
    """Return up to ``limit`` different questions that the fact answers, most direct first.

    >>> questions("Mira chairs the board")[:2]
    ['What does Mira chair?', 'Who chairs the board?']
    """
    text = strip_preamble(fact)
    found = clauses(text) if _is_english(text) else []
    generic = _distinct(_interleave([_generic(clause) for clause in found]))
    related = _distinct(_interleave([_related(clause) for clause in found]))
    room = max(limit - len(related), limit // 2)
    topic = _topic(text, found)
    fallback = [f"Tell me about {topic}.", f"What do you know about {topic}?",
                f"What did I tell you about {topic}?"] if topic else []  # fmt: skip
    direct = _distinct([*generic[:room], *related])
    return _distinct([*direct[: limit - 1], *fallback])[:limit] if topic else []


def _is_english(text: str) -> bool:
    lowered = [token.lower() for token in tokens(text[:2000])]
    foreign = sum(token in _FOREIGN for token in lowered)
    function = lx.DETERMINERS | lx.PREPOSITIONS | lx.PRONOUNS | lx.FINITE_AUXILIARIES
    native = sum(token in function for token in lowered)
    known = any(reading(token, tag) for token in lowered for tag in ("s", "past"))
    return foreign < max(native, 1) and (native > 0 or known)


def _interleave(lists: Iterable[Iterable[str]]) -> Iterator[str]:
    rows = zip_longest(*lists)
    return (question for question in chain.from_iterable(rows) if question)


def _distinct(found: Iterable[str]) -> list[str]:
    return list({question.lower(): question for question in reversed(list(found))}.values())[::-1]


def _topic(text: str, found: list[Clause]) -> str:
    if found:
        clause = found[0]
        own = clause.subject.lower() in lx.PRONOUNS
        phrase = next(iter(adjunct.text for adjunct in clause.adjuncts), "")
        return _lower(clause.complement or phrase or clause.verb if own else clause.subject)
    return " ".join(text.rstrip(".!?… ").split()[:8])[:80]


# Building sentences ---------------------------------------------------------------------------


def _sentence(*parts: str) -> str:
    text = " ".join(" ".join(parts).replace("?", "").split())
    return text[:1].upper() + text[1:] + "?"


def _lower(phrase: str) -> str:
    """Take the sentence-initial capital off a determiner or pronoun."""
    first = phrase.split(" ")[0].lower()
    common = first in lx.DETERMINERS | lx.PRONOUNS | lx.PREPOSITIONS | lx.NUMBER_WORDS
    return phrase[0].lower() + phrase[1:] if common and first != "i" and phrase else phrase


def _frame(clause: Clause) -> tuple[str, str]:
    """Divide the verb group into the operator that moves to the front, and the rest."""
    first, *rest = clause.verb.split()
    low = first.lower()
    auxiliary = low in lx.HAVE | lx.DO and bool(rest) and rest[0] != "to"
    if low in lx.BE | lx.MODALS or auxiliary:
        return low, " ".join(rest)
    base = lemma_of(low)
    plural = is_plural(clause.subject)
    present = reading(low, "s") or (plural and reading(low, "base"))
    if not present and (reading(low, "past") or reading(low, "base")):
        return "did", " ".join([base, *rest])
    return ("do" if plural else "does"), " ".join([base, *rest])


def _ask(clause: Clause, wh: str, complement: str = "", *phrases: str) -> str:
    operator, rest = _frame(clause)
    negation = "not" if clause.negated else ""
    return _sentence(wh, operator, _lower(clause.subject), negation, rest, complement, *phrases)


def _genitive(owner: str) -> str:
    low = owner.lower()
    return _GENITIVE.get(low) or _lower(owner) + (
        "'" if low.endswith("s") and is_plural(low) else "'s"
    )


# Questions after each constituent ---------------------------------------------------------------


def _generic(clause: Clause) -> list[str]:
    asked = [*_predicate_questions(clause), *_adjunct_questions(clause)]
    return [*asked, *_subject_questions(clause), *_name_questions(clause)]


def _predicate_questions(clause: Clause) -> list[str]:
    if clause.lemma == "be" and len(clause.verb.split()) == 1:
        return _copula_questions(clause)
    if clause.lemma in {"call", "name", "christen"} and clause.verb.split()[0] in lx.BE:
        subject, be = _lower(clause.subject), _frame(clause)[0]
        return [f"What {be} {subject} called?", f"What {be} the name of {subject}?",
                f"What {be} {_genitive(clause.subject)} name?"]  # fmt: skip
    return _object_questions(clause) if clause.complement else []


def _copula_questions(clause: Clause) -> list[str]:
    complement, subject = clause.complement, _lower(clause.subject)
    be = clause.verb.lower()
    if not complement:
        return []
    parts = complement.lower().split()
    if parts[-1] in lx.DIMENSIONS or (len(parts) == 1 and subject == "I" and is_number(parts[0])):
        measure = parts[-1] if parts[-1] in lx.DIMENSIONS else "old"
        return [f"How {measure} {be} {subject}?"]
    if (stranded := next(iter(clause.adjuncts), None)) and _is_adjective(complement):
        wh = _who_or_what(stranded.text)
        return [_sentence(wh, be, subject, complement, stranded.preposition),
                _sentence(wh, be, subject, parts[-1], stranded.preposition)]  # fmt: skip
    asked = [f"{'Who' if _asks_who(clause) else 'What'} {be} {subject}?"]
    if is_money(complement):
        asked.append(f"How much {be} {subject}?")
    if (compound := _compound(subject)) != subject:
        asked.append(f"{asked[0].split()[0]} {be} {compound}?")
    if parts[0] in lx.DETERMINERS - {"a", "an"}:
        times = [a.phrase for a in clause.adjuncts if a.kind == "time"]
        asked.append(_sentence(_who_or_what(clause.subject), be, _lower(complement)))
        asked += (
            [_sentence(_who_or_what(clause.subject), be, _lower(complement), *times)]
            if times
            else []
        )
    if is_person(clause.subject) and parts[0] in {"a", "an"}:
        asked.append(_sentence("what does", subject, "do"))
    if parts[0] in {"a", "an"} and len(parts) > 1:
        asked.append(f"What kind of {head_noun(complement)} {be} {subject}?")
    if clause.subject.lower() == "my name":
        asked += ["Who am I?", "Do you know my name?", "What am I called?"]
    return asked


def _is_adjective(complement: str) -> bool:
    last = complement.split()[-1].lower()
    return last in lx.TAGGED_ADJECTIVES or last.endswith(("ed", "ful", "ous", "ible", "able", "ic"))


def _asks_who(clause: Clause) -> bool:
    head = head_noun(clause.subject)
    role = head in lx.ROLES or head.rstrip("s") in lx.ROLES
    agent = head.endswith(("er", "or", "ist", "ian")) and is_singular_name(clause.complement)
    return role or (agent and head not in {"number", "computer", "water", "printer", "router"})


def _compound(subject: str) -> str:
    """Turn ``"the PIN for our bike shed"`` into ``"our bike shed PIN"``."""
    for preposition in (" for ", " of "):
        if preposition in subject:
            thing, owner = subject.split(preposition, 1)
            head = (
                thing.split(" ", 1)[1]
                if thing.split()[0] in lx.DETERMINERS and " " in thing
                else thing
            )
            return f"{owner} {head}" if not is_singular_name(owner) else f"{owner}'s {head}"
    return subject


def _who_or_what(text: str) -> str:
    return "who" if is_person(text) else "what"


def _object_questions(clause: Clause) -> list[str]:
    recipient, thing = _double_object(clause.complement)
    others = [adjunct.phrase for adjunct in clause.adjuncts if adjunct.kind != "time"]
    time = [a.phrase for a in clause.adjuncts if a.kind == "time" and len(clause.adjuncts) == 1]
    kinds = list(_which(thing))
    amount = [kind for kind in kinds if kind.startswith("how")]
    plain = "what" if amount else _who_or_what(thing)
    wh = [*amount, plain, *(kind for kind in kinds if kind not in amount)]
    asked = [_ask(clause, wh[0], recipient)]
    if others or time:
        asked.append(_ask(clause, wh[0], recipient, *others, *time))
    owned = thing.split(" ", 1)
    about = any(adjunct.kind == "topic" for adjunct in clause.adjuncts)
    if about and owned[0].lower() in lx.POSSESSIVES:
        asked.append(_sentence("what is", _genitive(clause.subject), owned[-1], "about"))
    asked += [_ask(clause, other, recipient) for other in wh[1:]]
    if recipient:
        asked.append(_ask(clause, "who", thing, "" if "to" in recipient else "to"))
    return asked


def _double_object(complement: str) -> tuple[str, str]:
    """Divide ``"Benedikt 85 francs"`` into the recipient and the thing."""
    parts = complement.split()
    for index in range(1, min(len(parts), 4)):
        receiver, thing = " ".join(parts[:index]), parts[index]
        begins = thing.lower() in lx.DETERMINERS or is_number(thing) or thing[0] in "€$£"
        person = receiver.lower() in lx.PRONOUNS | lx.POSSESSIVES or is_person(receiver)
        if person and begins and not is_number(receiver) and receiver.lower() not in lx.POSSESSIVES:
            return receiver, " ".join(parts[index:])
    return "", complement


def _which(thing: str) -> Iterator[str]:
    """Yield narrower question words for a noun phrase: how much, how many, which X."""
    parts = thing.split()
    low = thing.lower().split()
    skip = 1 if low[0] in {"exactly", "about", "around", "over"} and len(low) > 1 else 0
    if is_money(thing):
        yield "how much"
        return
    if is_number(parts[skip]) or (low[0] in {"a", "an"} and low[1:2] and low[1] in lx.MASS_UNITS):
        rest = low[skip + 1 :]
        if "of" in rest[:3]:
            yield "how much " + " ".join(parts[parts.index("of") + 1 :])
        elif rest and rest[0].rstrip("s") in lx.SPAN_UNITS:
            yield "how long"
        elif rest and rest[0].rstrip("s") in lx.MASS_UNITS:
            yield "how much"
        elif not rest or is_plural(" ".join(rest)):
            yield "how many " + (" ".join(_before_stop(parts[skip + 1 :])) or "people")
        if not rest or rest[0].rstrip("s") in lx.MASS_UNITS | lx.SPAN_UNITS:
            return
    core = [part for part in _before_stop(parts) if part.lower() not in lx.DETERMINERS]
    named = next((i for i, part in enumerate(parts) if part in {"called", "named"}), 0)
    if named and core:
        yield f"which {core[-1]}"
    elif len(core) > 1 and core[-1].islower() and _is_noun(core[-1]):
        yield f"which {core[-1]}"
        yield f"what kind of {core[-1]}"
    elif len(core) > 1 and core[-1].isdigit():
        yield f"which {core[-2].lower()}"
    if thing.split()[0][0].isupper() and len(parts) == 1 and thing.endswith(("ese", "ian", "ish")):
        yield "which language"


def _is_noun(word: str) -> bool:
    verbal = reading(word, "pp") or reading(word, "ing") or word in lx.ADVERBS | lx.PARTICLES
    return word.isalpha() and not verbal and word.rstrip("s") not in lx.PERIODS


def _before_stop(parts: list[str]) -> list[str]:
    stops = lx.PREPOSITIONS | {"of", "called", "named", "to", "and", "who", "that"}
    cut = next((i for i, part in enumerate(parts) if i and part.lower() in stops), len(parts))
    return parts[:cut]


def _adjunct_questions(clause: Clause) -> list[str]:
    asked: list[str] = []
    agents = clause.verb.split()[0].lower() in lx.BE and clause.lemma != "be"
    for adjunct in clause.adjuncts:
        others = [
            a.phrase for a in clause.adjuncts if a is not adjunct and len(clause.adjuncts) < 4
        ]
        if agents and adjunct.preposition == "by" and adjunct.kind == "other":
            wh = _who_or_what(adjunct.text) if not is_singular_name(adjunct.text) else "who"
            particles = [word for word in clause.verb.split()[2:] if word in lx.PARTICLES]
            patient = _ACCUSATIVE.get(clause.subject.lower(), _lower(clause.subject))
            asked.append(_sentence(wh, past_of(clause.lemma), *particles, patient, *others))
        for wh, stranded in _adjunct_wh(clause, adjunct):
            asked.append(_ask(clause, wh, clause.complement, stranded))
            if others and len(asked) < 6 and "which" not in wh:
                asked.append(_ask(clause, wh, clause.complement, stranded, *map(_decap, others)))
    return asked


def _decap(phrase: str) -> str:
    return (
        phrase[0].lower() + phrase[1:]
        if phrase.split()[0].lower() in lx.PREPOSITIONS
        else _lower(phrase)
    )


def _adjunct_wh(clause: Clause, adjunct: Adjunct) -> Iterator[tuple[str, str]]:
    """Yield the question words for an adjunct, with the preposition that stays behind."""
    preposition, text = adjunct.preposition, adjunct.text
    low = text.lower()
    if preposition in {"when", "while", "because", "if", "using"}:
        return
    if adjunct.kind == "place":
        yield "where", "from" if preposition == "from" else ""
        if preposition in {"to", "into"} and not clause.complement:
            yield _who_or_what(text), preposition
        yield from ((wh, preposition) for wh in list(_which(text))[:1] if wh.startswith("which"))
    elif adjunct.kind == "time":
        prefix = preposition if preposition in {"by", "since", "until"} else ""
        yield f"{prefix} when", ""
        year = len(low) == 4 and low.isdigit()
        if ":" in low or set(low.split()) & lx.CLOCK or (is_number(low) and not year):
            yield f"{prefix or 'at'} what time", ""
            yield f"{prefix} what time", ""
        elif any(part.rstrip("s") in lx.WEEKDAYS for part in low.split()):
            yield f"{prefix or 'on'} which day", ""
        elif year:
            yield f"{prefix or 'in'} what year", ""
        elif set(low.split()) & lx.MONTHS:
            yield f"{prefix or 'on'} what date", ""
    elif adjunct.kind == "duration":
        yield "how long", ""
    elif adjunct.kind in {"company", "recipient"}:
        yield "who" if is_person(text) else "what", preposition
        yield from ((wh, preposition) for wh in list(_which(text))[:1])
    elif is_money(text):
        yield "how much", "" if preposition == "to" else preposition
    else:
        narrower = list(_which(text))[:1]
        yield from ((wh, preposition) for wh in narrower)
        yield _who_or_what(text), preposition


def _subject_questions(clause: Clause) -> list[str]:
    subject = clause.subject
    if subject.lower() in lx.PRONOUNS or clause.lemma == "be" or clause.verb.split()[0] in lx.BE:
        return []
    plural = is_plural(subject) and not is_person(subject)
    if plural:
        return []
    negation = "not" if clause.negated else ""
    first, *rest = clause.verb.split()
    places = [adjunct.phrase for adjunct in clause.adjuncts]
    wh = _who_or_what(subject)
    verb = first if is_plural(subject) is False or not reading(first, "base") else first + "s"
    if negation:
        verb = f"{verb} not"
    if clause.complement:
        plain = _sentence(wh, verb, *rest, clause.complement)
        return [
            plain,
            *([_sentence(wh, verb, *rest, clause.complement, *places)] if places else []),
        ]
    return [_sentence(wh, verb, *rest, *places)]


def _name_questions(clause: Clause) -> list[str]:
    """Ask for the names in ``"my sister Ilka"`` and ``"two cats called Pixel"``."""
    asked: list[str] = []
    for phrase in (clause.subject, clause.complement, *(a.text for a in clause.adjuncts)):
        parts = phrase.split()
        low = [part.lower() for part in parts]
        for index in range(1, len(parts) - 1):
            kin = low[index] in lx.KIN and (
                low[index - 1] in lx.POSSESSIVES or "'s" in low[index - 1]
            )
            if kin and parts[index + 1].lstrip(",")[:1].isupper():
                whose = _lower(" ".join(parts[: index + 1]))
                asked += [f"Who is {whose}?", f"What is {whose}'s name?"]
            if low[index] in {"called", "named"} and parts[index + 1][0].isupper():
                noun = low[index - 1]
                plural = "are" if noun.endswith("s") else "is"
                owner = _genitive(clause.subject) if clause.lemma in _HAVING else "the"
                asked += [f"What {plural} {owner} {noun} called?",
                          f"What is the name of {owner} {noun}?"]  # fmt: skip
    return asked


# Everyday relations -----------------------------------------------------------------------------


def _related(clause: Clause) -> list[str]:
    if clause.verb.startswith("used to"):
        return []  # the relations ask about the present
    matches = [
        found for relation in lx.RELATIONS if (found := _relation_questions(relation, clause))
    ]
    return list(_interleave(matches))


def _relation_questions(relation: lx.Relation, clause: Clause) -> list[str]:
    predicate = [clause.verb, clause.complement, *(a.phrase for a in clause.adjuncts)]
    present = set(" ".join(predicate).lower().replace(",", "").split())
    for trigger in relation.verbs:
        lemma, _, needed = trigger.partition("+")
        if lemma == clause.lemma and (not needed or needed in present):
            return _fill(relation, clause, clause.subject)
    held = _noun_phrase_words(clause.subject)
    if relation.nouns & {word.rstrip("s") if word not in relation.nouns else word for word in held}:
        return _fill(relation, clause, _owner(clause.subject))
    if clause.lemma in _HAVING and relation.nouns & set(_noun_phrase_words(clause.complement)):
        return _fill(relation, clause, clause.subject)
    return []


def _noun_phrase_words(phrase: str) -> list[str]:
    return [part.lower() for part in _before_stop(phrase.split())]


def _owner(subject: str) -> str:
    """Return who has the thing: ``"my phone"`` -> I, ``"Ilka's phone"`` -> Ilka, or nobody."""
    for index, part in enumerate(subject.split()):
        if part.lower() in _OWNERS and index == 0:
            return _OWNERS[part.lower()]
        if part.endswith(("'s", "s'")):
            return " ".join(
                [*subject.split()[:index], part.rstrip("'s") if part.endswith("s'") else part[:-2]]
            )
    return ""


def _fill(relation: lx.Relation, clause: Clause, owner: str) -> list[str]:
    low = owner.lower()
    plural = is_plural(owner) if owner else False
    subject = _lower(clause.subject)
    thing = _double_object(clause.complement)[1]
    slots = {
        "i": _lower(owner) if owner else "",
        "me": _ACCUSATIVE.get(low, _lower(owner) if owner else ""),
        "my": _genitive(owner) if owner else "the",
        "do": "do" if plural else "does",
        "am": "am" if low == "i" else "are" if plural else "is",
        "have": "have" if plural else "has",
        "x": subject if low not in lx.PRONOUNS or not clause.complement else clause.complement,
        "it": _lower(thing or subject),
    }
    human = is_person(owner) or head_noun(owner) in lx.PETS if owner else False
    inanimate = not is_person(clause.subject) and low not in lx.PRONOUNS
    personal = ("{i}", "{me}")
    usable = (
        ask
        for ask in relation.asks
        if (human or not any(mark in ask for mark in personal))
        and (inanimate or "{x}" not in ask)
        and (human or not owner or "{my}" not in ask)
    )
    return [_sentence(ask.format(**slots)) for ask in usable]
