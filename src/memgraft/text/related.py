"""Questions from the everyday relations that a clause states."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from itertools import chain, zip_longest
from string import Formatter

from memgraft.text import lexicon as lx
from memgraft.text.grammar import (
    Clause,
    head_noun,
    is_money,
    is_number,
    is_person,
    is_plural,
    is_singular_name,
    is_time,
)
from memgraft.text.relations import RELATIONS, Relation
from memgraft.text.wording import (
    ACCUSATIVE,
    before_stop,
    definite,
    double_object,
    genitive,
    is_past,
    lowered,
    owner_of,
    sentence,
)

_HAVING = lx.words("have get own")
_RESULTS = lx.words("move settle relocate marry join start hire promote adopt turn")
_QUALITIES = lx.words("new old current own other second first next main favourite favorite spare")
_LISTS: Mapping[str, frozenset[str]] = {
    "BODIES": lx.BODIES, "INJURABLE": lx.INJURABLE, "INSTRUMENTS": lx.INSTRUMENTS,
    "JOBS": lx.JOBS, "LANGUAGES": lx.LANGUAGES, "PETS": lx.PETS, "SPORTS": lx.SPORTS,
    "UNITS_OF_DOSE": lx.UNITS_OF_DOSE,
}  # fmt: skip


def relation_questions(clause: Clause) -> list[str]:
    """Return questions that use other words than the clause does for the same relation."""
    if clause.verb.startswith("used to") or set(clause.verb.lower().split()) & lx.MODALS - {"can"}:
        return []  # the relations ask about what is so
    matches = (_row_questions(relation, clause) for relation in RELATIONS)
    rows = zip_longest(*(row for row in matches if row))
    return [question for question in chain.from_iterable(rows) if question]


def _row_questions(relation: Relation, clause: Clause) -> list[str]:
    owner = _matched(relation, clause)
    if owner is None or (clause.negated and "stand" not in relation.verbs):
        return []
    if not all(_GUARDS[guard](clause) for guard in relation.guards):
        return []
    return list(_filled(relation.asks, _slots(clause, owner)))


# Matching ---------------------------------------------------------------------------------------


def _matched(relation: Relation, clause: Clause) -> str | None:
    """Return whose relation the clause states ("" for nobody's), or None if it does not."""
    if any(_triggers(verb, clause) for verb in relation.verbs):
        return clause.subject
    if _ends_in(relation.nouns, clause.subject):
        return owner_of(clause.subject)
    if clause.lemma in _HAVING and _ends_in(relation.nouns, clause.complement):
        return clause.subject
    return None


def _triggers(trigger: str, clause: Clause) -> bool:
    lemma, _, needed = trigger.partition("+")
    if lemma != clause.lemma:
        return False
    thing = double_object(clause.complement)[1]
    if needed in _LISTS:
        head, words = head_noun(thing).strip(","), {part.lower() for part in thing.split()}
        listed = _LISTS[needed]
        return head in listed or head.rstrip("s") in listed or (
            needed in {"UNITS_OF_DOSE", "LANGUAGES"} and bool(words & listed)
        )  # fmt: skip
    phrases = {a.preposition for a in clause.adjuncts if a.kind not in {"time", "duration"}}
    said = f"{clause.verb} {thing} {' '.join(a.text for a in clause.adjuncts)}".lower().split()
    if needed in lx.PREPOSITIONS:
        return needed in phrases
    return not needed or needed in said or f"{needed}," in said


def _ends_in(nouns: frozenset[str], phrase: str) -> bool:
    found = _without_name(before_stop(phrase.split()))
    if "PETS" in nouns:
        return bool(found) and found[-1] in lx.PETS
    return any(_ends(found, noun.split("_")) for noun in nouns)


def _ends(found: list[str], noun: list[str]) -> bool:
    if noun[-1] == "*":
        return noun[0] in found[:-1]
    return (
        found[-len(noun) :] == noun
        or [*found[:-1], found[-1].rstrip("s") if found else ""][-len(noun) :] == noun
    )


def _without_name(parts: list[str]) -> list[str]:
    """Drop the name of ``"my wife Aiko"``, and lower the rest."""
    while len(parts) > 2 and parts[-1][0].isupper() and not parts[-1].isupper():
        parts = parts[:-1]
    return [part.lower().strip(",") for part in parts]


# What else must hold ----------------------------------------------------------------------------


def _said(clause: Clause) -> Iterator[str]:
    """Yield the complement and the texts of the adjuncts."""
    yield double_object(clause.complement)[1]
    yield from (adjunct.text for adjunct in clause.adjuncts)


def _firm(clause: Clause) -> bool:
    """Tell whether a company or the like is named: ``"at Norvia"``, ``"for a small bakery"``."""
    texts = [a.text for a in clause.adjuncts if a.kind not in {"time", "duration"}]
    named = (text for text in [*texts, clause.complement] if text)
    return any(text[0].isupper() or head_noun(text) in lx.BODIES for text in named)


def _once(clause: Clause) -> bool:
    """Tell a date from what recurs: "on 4 May", not "on Thursdays"."""
    times = [a.phrase.lower().split() for a in clause.adjuncts if a.kind == "time"]
    recurring = lx.words("every each daily weekly monthly yearly")
    weekdays = {day + "s" for day in lx.WEEKDAYS | lx.DAY_WORDS}
    return bool(times) and not any(set(time) & (recurring | weekdays) for time in times)


def _named(clause: Clause) -> bool:
    """Tell whether the clause gives a name: as the value, or after "my wife"."""
    last = clause.subject.split()[-1]
    value = (clause.lemma in {"be", "call", "name"} and is_singular_name(clause.complement)) or any(
        is_singular_name(a.text) for a in clause.adjuncts if a.preposition == "to"
    )
    married = clause.lemma == "marry" and is_singular_name(clause.complement)
    return value or married or (len(clause.subject.split()) > 1 and last[0].isupper())


def _has_kind(*kinds: str) -> Callable[[Clause], bool]:
    return lambda clause: any(adjunct.kind in kinds for adjunct in clause.adjuncts)


def _clock(clause: Clause) -> bool:
    times = (a for a in clause.adjuncts if a.kind == "time")
    return any(a.preposition in {"at", "until"} or ":" in a.text for a in times)


def _valued(clause: Clause) -> bool:
    be = clause.lemma == "be" and len(clause.verb.split()) == 1
    plain = clause.complement and clause.complement.split()[-1].islower()
    coded = any(not char.isalpha() and char not in " '" for char in clause.complement)
    last = clause.complement.lower().split()[-1:]
    return be and bool(clause.complement) and (
        coded or not plain or (len(clause.complement.split()) < 3 and not last[0].endswith("ed"))
    )  # fmt: skip


def _known(clause: Clause) -> bool:
    return clause.complement.lower().split()[:1] in (["the"], ["this"], ["that"])


_GUARDS: Mapping[str, Callable[[Clause], bool]] = {
    "now": lambda clause: clause.lemma in _RESULTS or not is_past(clause),
    "money": lambda clause: any(map(is_money, _said(clause))),
    "time": _has_kind("time"),
    "when": lambda clause: _has_kind("time")(clause) or is_time(clause.complement),
    "day": lambda clause: (
        any(a.kind == "time" and a.preposition == "on" for a in clause.adjuncts)
        or (is_time(clause.complement) and clause.lemma == "be")
    ),
    "once": _once,
    "clock": _clock,
    "place": _has_kind("place"),
    "origin": lambda clause: clause.lemma == "be" or _has_kind("place")(clause),
    "recipient": _has_kind("recipient"),
    "from": lambda clause: any(a.preposition == "from" for a in clause.adjuncts),
    "digits": lambda clause: sum(char.isdigit() for text in _said(clause) for char in text) > 2,
    "number": lambda clause: any(is_number(part) for part in clause.complement.split()[:2]),
    "value": _valued,
    "named": _named,
    "named_role": lambda clause: clause.lemma == "promote" or bool(clause.complement),
    "firm": _firm,
    "make": lambda clause: any(p[0].isupper() for p in clause.complement.split()),
    "object": lambda clause: clause.complement.lower() not in lx.PRONOUNS | {""},
    "subject": lambda clause: (
        bool(clause.complement)
        and clause.complement.split()[0].lower() not in lx.DETERMINERS
        and not is_time(clause.complement)
    ),
    "known": _known,
    "settled": lambda clause: (
        clause.subject.lower() in lx.PRONOUNS
        or clause.complement.lower().split()[:1] not in (["a"], ["an"])
    ),
    "passive": lambda clause: clause.verb.split()[0].lower() in lx.BE,
    "thing": lambda clause: not is_person(clause.subject) and bool(_article(clause.subject)),
    "still": lambda clause: head_noun(clause.subject) not in lx.OCCASIONS,
    "human": lambda clause: is_person(clause.subject),
}


def _article(subject: str) -> str:
    """Return the subject if one can refer back to it: "the van", not "a van" or "everything"."""
    first = subject.lower().split()[0]
    vague = first in {"a", "an", "some", "any", "no", "each", "every", "all", "nothing"}
    return "" if vague or first in lx.PRONOUNS else subject


# Filling ----------------------------------------------------------------------------------------


def _slots(clause: Clause, owner: str) -> dict[str, str]:
    human = bool(owner) and (is_person(owner) or head_noun(owner) in lx.PETS)
    name = _without_name(owner.split())[-1:]
    human = human or (len(owner.split()) > 1 and bool(name) and name[0] in lx.PETS | lx.KIN)
    plural, past = is_plural(owner) if owner else False, is_past(clause)
    past = past and clause.lemma not in _RESULTS
    it, x, of = _object(clause), "", _purpose(clause.subject)
    if not is_person(clause.subject):
        x = lowered(_article(clause.subject))
    kept = {
        "i": lowered(owner),
        "me": ACCUSATIVE.get(owner.lower(), lowered(owner)),
        "my": genitive(owner) if owner else "",
        "do": "do" if plural else "does",
        "did": "did" if past else "do" if plural else "does",
        "am": "am" if owner.lower() == "i" else "are" if plural else "is",
        "have": "have" if plural else "has",
        "us": owner if owner == "I" else "we" if owner.lower() == "we" else "",
    }
    paid = next((a.text for a in clause.adjuncts if a.preposition in {"for", "on"}
                 and not is_money(a.text) and a.kind not in {"time", "duration"}), "")  # fmt: skip
    return {
        **(kept if human else dict.fromkeys(kept, "")),
        "x": x, "is_x": "are" if is_plural(x) else "is", "do_x": _does(x),
        "it": it, "is_it": "are" if is_plural(it) else "is", "do_it": _does(it),
        "of": of, "is_of": "are" if is_plural(of) else "is",
        "kind": _kind(clause),
        "paid": definite(paid, clause.subject) if paid else "",
    }  # fmt: skip


def _does(thing: str) -> str:
    return "do" if thing and is_plural(thing) else "does"


def _object(clause: Clause) -> str:
    thing = double_object(clause.complement)[1]
    first = thing.lower().split()[:1]
    vague = not thing or first[0] in lx.PRONOUNS | {"no", "every", "each", "any", "all"}
    if vague or is_money(thing):
        return ""
    return definite(thing, clause.subject)


def _kind(clause: Clause) -> str:
    phrase = clause.complement if clause.lemma == "borrow" else clause.subject
    if clause.subject.lower() in lx.PRONOUNS:
        phrase = clause.complement
    found = _without_name(before_stop(phrase.split()))
    return found[-1] if found else ""


def _purpose(subject: str) -> str:
    """Return what a code, password or deadline is for: ``"my bank PIN"`` -> my bank."""
    low = subject.split()
    for index, part in enumerate(low[1:], 1):
        if part in {"for", "of", "to"}:
            return " ".join(low[index + 1 :])
    held = before_stop(low)
    modifiers = [part for part in held[1:-1] if part.lower() not in _QUALITIES | {"entry"}]
    if not modifiers or (owner_of(" ".join([held[0], modifiers[-1]])) and "'" in modifiers[-1]):
        return ""
    if held[0].lower() == "the" and modifiers[0][0].isupper():
        return " ".join(modifiers)
    return lowered(" ".join([held[0], *modifiers]))


def _filled(asks: Iterable[str], slots: Mapping[str, str]) -> Iterator[str]:
    """Fill the templates for which the clause names everything that they mention."""
    for ask in asks:
        used = [name for _, name, _, _ in Formatter().parse(ask) if name]
        if all(slots[name] for name in used):
            yield sentence(ask.format(**slots))
