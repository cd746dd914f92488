"""The single-valued attribute that a fact sets, so that a newer fact can replace an older one."""

from __future__ import annotations

from memgraft.text import lexicon as lx
from memgraft.text.grammar import (
    Adjunct,
    Clause,
    clauses,
    head_noun,
    is_number,
    is_singular_name,
    tokens,
)
from memgraft.text.person import strip_preamble
from memgraft.text.values import agree, is_value

_VALUES = lx.words(
    "name surname nickname password passcode passphrase code pin combination number phone mobile "
    "telephone email e-mail address birthday age height weight size salary rent username login "
    "ssid hostname deadline iban postcode nationality anniversary type"
)
_SPOUSES = lx.words("wife husband spouse fiancé fiancée")
_ONE_PERSON = _SPOUSES | lx.words(
    "boss manager dentist doctor gp therapist landlord landlady girlfriend boyfriend supervisor "
    "physiotherapist hairdresser plumber accountant mother father mum mom dad employer"
)
_EVENT_VERBS = lx.words(
    "be move schedule reschedule postpone start happen leave depart occur shift"
)
_FRESH = lx.words("new current latest updated own")
_BLOCKING = lx.words(
    "also another second other sometimes often usually former previous first ex partly if maybe "
    "perhaps one either every each weekends part-time temporarily almost nearly not backup"
)
_CURRENT = lx.words("now currently since today permanently")
_COUNTRIES = lx.words(
    "portugal spain france germany italy england scotland wales ireland britain uk usa us america "
    "canada mexico brazil argentina chile peru colombia india china japan korea vietnam thailand "
    "indonesia malaysia australia netherlands holland belgium austria switzerland sweden norway "
    "denmark finland iceland poland czechia hungary romania bulgaria greece turkey russia ukraine "
    "egypt morocco nigeria kenya ghana israel iran iraq pakistan bangladesh europe asia africa"
)
_STREETS = lx.words("street road lane avenue square drive way close court boulevard terrace")
_REGIONS = lx.words("north south east west northern southern eastern western central county "
                    "province region district coast valley")  # fmt: skip
_RESIDING = {"live": "in", "reside": "in", "base": "in", "move": "to", "relocate": "to"}
_PAST = lx.words("was were lived worked drove kept used had")

Assignment = tuple[str, str]
"""A slot and the value the fact gives it, both normalised."""


def slot(fact: str) -> str | None:
    """Return the key of the one attribute the fact sets, or None where values can coexist.

    >>> slot("I'm based in Rome now") == slot("I moved to Porto") == "i|residence"
    True
    >>> slot("I like tea") is None
    True
    """
    assigned = _assignment(fact)
    return assigned[0] if assigned else None


def contradicts(new: str, old: str) -> bool:
    """Tell whether the newer statement gives an attribute of the older one another value.

    >>> contradicts("I moved to Porto", "I live in Lisbon")
    True
    """
    first, second = _assignment(new), _assignment(old)
    if first is None or second is None or first[0] != second[0]:
        return False
    return not agree(first[0], first[1], second[1])


def _assignment(fact: str) -> Assignment | None:
    text = strip_preamble(fact)
    parts = [token.lower() for token in tokens(text)]
    if parts[:2] == ["call", "me"] and 2 < len(parts) < 6:
        return "i|name", _normal(" ".join(part for part in parts[2:] if part.isalnum()))
    found = clauses(text)
    blocked = bool(set(parts) & _BLOCKING) or "?" in text
    if len(found) != 1 or found[0].negated or blocked or len(parts) > 40:
        return None
    clause = found[0]
    modal = set(clause.verb.lower().split()) & (lx.MODALS | {"used"})
    if modal or "old" in clause.subject.lower().split():
        return None
    rules = (
        _name,
        _birth,
        _residence,
        _employer,
        _age,
        _spouse,
        _car,
        _event,
        _attribute,
        _keeping,
    )
    return next((assigned for rule in rules if (assigned := rule(clause))), None)


def _normal(text: str) -> str:
    kept = (part.lower().strip(".,;:!\"'") for part in text.split())
    return " ".join(part for part in kept if part and part not in _CURRENT)


def _owner(subject: str) -> str:
    """Reduce a subject to whose attribute it is: I, a name, or the phrase itself."""
    parts = subject.split()
    low = subject.lower()
    if low in {"i", "we"}:
        return "i"
    kin = any(part.lower() in lx.KIN for part in parts[:-1])
    if kin and parts[-1][0].isupper() and parts[0].lower() in lx.POSSESSIVES:
        return parts[-1].lower()
    return low


def _is_human(subject: str) -> bool:
    return subject in {"I", "i", "We", "we"} or head_noun(subject) in lx.KIN or _is_name(subject)


def _is_name(text: str) -> bool:
    parts = text.split()
    kin = any(part.lower() in lx.KIN for part in parts[:-1]) and parts[0].lower() in lx.POSSESSIVES
    named = is_singular_name(text) and not any(char.isdigit() for char in text)
    return named or (kin and parts[-1][0].isupper())


def _adjunct(clause: Clause, *prepositions: str) -> Adjunct | None:
    return next((a for a in clause.adjuncts if a.preposition in prepositions), None)


def _dated(clause: Clause) -> bool:
    """Tell whether the statement is bound to some time other than now."""
    times = (a for a in clause.adjuncts if a.kind in {"time", "duration"})
    return any(a.preposition != "since" and a.text.lower() not in _CURRENT for a in times)


def _is_past(clause: Clause) -> bool:
    first = clause.verb.split()[0].lower()
    return first in _PAST or (first.endswith("ed") and clause.lemma not in {"move", "relocate"})


def _name(clause: Clause) -> Assignment | None:
    called = clause.lemma in {"call", "name"} and clause.verb.split()[0].lower() in {"am", "is"}
    if called and is_singular_name(clause.complement):
        owner = _owner(clause.subject)
        role = owner.removeprefix("my ")
        key = f"i|{role}" if owner.startswith("my ") and role in _ONE_PERSON else f"{owner}|name"
        plain = owner == "i" or role in _ONE_PERSON
        return (_spouse_key(key), _normal(clause.complement)) if plain else None
    return None


def _birth(clause: Clause) -> Assignment | None:
    if clause.lemma != "bear" or "born" not in clause.verb:
        return None
    day, place = _adjunct(clause, "on"), _adjunct(clause, "in")
    if day is not None:
        return f"{_owner(clause.subject)}|birthday", _normal(day.text)
    if place is not None and place.kind == "place" and is_singular_name(place.text):
        kind = "birthcountry" if place.text.lower() in _COUNTRIES else "birthplace"
        return f"{_owner(clause.subject)}|{kind}", _normal(place.text)
    return None


def _residence(clause: Clause) -> Assignment | None:
    preposition = _RESIDING.get(clause.lemma)
    if preposition is None or clause.complement or not _is_human(clause.subject):
        return None
    if _is_past(clause) or _dated(clause):
        return None
    place = _adjunct(clause, preposition)
    if place is None or place.kind != "place":
        return None
    words = _normal(place.text).replace(",", "").split()
    proper = is_singular_name(" ".join(place.text.split()[:1])) and words
    if not proper or set(words) & (_STREETS | _REGIONS) or any(word.isdigit() for word in words):
        return None
    kind = "country" if words[-1] in _COUNTRIES and len(words) == 1 else "residence"
    return f"{_owner(clause.subject)}|{kind}", " ".join(words)


def _employer(clause: Clause) -> Assignment | None:
    subject = clause.subject
    if not _is_human(subject) or (_is_past(clause) and clause.lemma == "work") or _dated(clause):
        return None
    firm = None
    if clause.lemma == "work" and not clause.complement:
        firm = _adjunct(clause, "at") or _adjunct(clause, "for")
    elif clause.lemma == "employ" and clause.verb.split()[0].lower() in {"am", "is", "are"}:
        firm = _adjunct(clause, "by", "at")
    elif clause.lemma == "start" and clause.complement.lower() in {"a new job", "my new job"}:
        firm = _adjunct(clause, "at", "with")
    if firm is None or not firm.text[0].isupper():
        return None
    return f"{_owner(subject)}|employer", _normal(firm.text)


def _age(clause: Clause) -> Assignment | None:
    parts = clause.complement.split()
    copula = clause.verb.lower() in {"am", "is"} and clause.lemma == "be"
    old = len(parts) == 1 or [part.lower() for part in parts[1:]] in (
        ["years", "old"],
        ["years", "of", "age"],
    )
    turned = clause.lemma == "turn" and len(parts) == 1
    if parts and is_number(parts[0]) and old and (copula or turned) and _is_human(clause.subject):
        return f"{_owner(clause.subject)}|age", parts[0].lower()
    return None


def _spouse(clause: Clause) -> Assignment | None:
    partner = _adjunct(clause, "to")
    if (
        clause.complement.lower() != "married"
        or clause.verb.lower() not in {"am", "is"}
        or not partner
    ):
        return None
    if not is_singular_name(partner.text):
        return None
    return f"{_owner(clause.subject)}|spouse", _normal(partner.text)


def _car(clause: Clause) -> Assignment | None:
    parts = clause.complement.split()
    made = any(part[0].isupper() or part[0].isdigit() for part in parts[1:])
    if (
        clause.lemma != "drive"
        or clause.adjuncts
        or not made
        or parts[0].lower() not in {"a", "an"}
    ):
        return None
    if clause.verb.lower() in {"drive", "drives"} and _is_human(clause.subject):
        return f"{_owner(clause.subject)}|car", _normal(" ".join(parts[1:]))
    return None


def _event(clause: Clause) -> Assignment | None:
    if clause.lemma not in _EVENT_VERBS or head_noun(clause.subject) not in lx.EVENTS:
        return None
    if clause.verb.lower() in {"was", "were"}:
        return None
    times = [a.text for a in clause.adjuncts if a.kind == "time"]
    if clause.lemma == "be" and clause.complement:
        times.append(clause.complement)
    grains = sorted({_granularity(text) for text in times})
    if not grains or "" in grains:
        return None
    return f"{_event_name(clause.subject)}|{'+'.join(grains)}", _normal(" ".join(times))


def _event_name(subject: str) -> str:
    parts = subject.lower().split()
    return " ".join(part for part in parts if part not in lx.DETERMINERS - {"my"} | _FRESH)


def _granularity(text: str) -> str:
    """Return clock, day or date for a single point in time, or "" for anything else."""
    low = text.lower().replace(",", "").split()
    if any(part.rstrip("s") in lx.WEEKDAYS and part.endswith("ys") for part in low):
        return ""
    if any(part in lx.MONTHS for part in low):
        return "date"
    if any(part in lx.WEEKDAYS for part in low):
        return "day"
    clock = ":" in text or set(low) & lx.CLOCK or low[-1].endswith(("am", "pm"))
    return "clock" if clock else ""


def _attribute(clause: Clause) -> Assignment | None:
    if clause.lemma != "be" or clause.verb.lower() not in {"is", "are"} or not clause.complement:
        return None
    parts = [part.lower() for part in clause.subject.replace("-", "").split()]
    owner, content = _possessor(parts)
    if not content or _dated(clause):
        return None
    head = head_noun(clause.subject).replace("-", "")
    named_role = content[-1] == "name" and len(parts) > 1 and owner.startswith("my ")
    if named_role and (role := owner.removeprefix("my ")) in _ONE_PERSON:
        return _spouse_key(f"i|{role}"), _normal(clause.complement)
    if head in _ONE_PERSON and len(content) == 1:
        key = _spouse_key(f"{owner}|{head}")
        named = is_singular_name(clause.complement) and is_value(head, clause.complement)
        return (key, _normal(clause.complement)) if named else None
    sharing = set(owner.split()) & (lx.KIN | lx.PETS) and content[-1] == "name"
    if sharing or not is_value(head, clause.complement):
        return None  # there can be two brothers, two cats
    favourite = content[0] in {"favourite", "favorite"} and len(content) > 1
    if favourite or head in _VALUES:
        noun = " ".join(sorted(content)).replace("favorite", "favourite").replace("color", "colour")
        return f"{owner}|{noun}", _normal(clause.complement)
    return None


def _spouse_key(key: str) -> str:
    owner, _, role = key.partition("|")
    return f"{owner}|spouse" if role in _SPOUSES else key


def _possessor(parts: list[str]) -> tuple[str, list[str]]:
    """Divide a subject into whose it is and the content words of what it is."""
    owner = "i"
    for index, part in enumerate(parts[:-1]):
        if part.endswith(("'s", "s'")):
            owner = " ".join([*parts[:index], part[:-2] if part.endswith("'s") else part[:-1]])
            parts = parts[index + 1 :]
            break
    else:
        if parts and parts[0] in {"his", "her", "their", "its", "your", "a", "an", "this", "that"}:
            return "", []
    dropped = lx.DETERMINERS | lx.PREPOSITIONS | _FRESH | {"of"}
    return owner, [part for part in parts if part not in dropped]


def _keeping(clause: Clause) -> Assignment | None:
    """Say where one definite thing is kept: ``"I keep the house key under the mat"``."""
    parts = clause.complement.lower().split()
    definite = bool(parts) and parts[0] in {"the", "my", "our"} and not parts[-1].endswith("s")
    place = next((a for a in clause.adjuncts if a.kind == "place"), None)
    if clause.lemma not in {"keep", "store"} or not definite or place is None or _dated(clause):
        return None
    if _is_past(clause) or clause.verb.lower() not in {"keep", "keeps", "store", "stores"}:
        return None
    return f"{_owner(clause.subject)}|place of {' '.join(parts[1:])}", _normal(place.phrase)
