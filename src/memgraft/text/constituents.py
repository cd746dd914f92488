"""Questions after each constituent of a clause: its subject, object and adjuncts."""

from __future__ import annotations

from collections.abc import Iterator

from memgraft.text import lexicon as lx
from memgraft.text.grammar import (
    Adjunct,
    Clause,
    head_noun,
    is_money,
    is_number,
    is_person,
    is_plural,
    is_singular_name,
    past_of,
    reading,
)
from memgraft.text.wording import (
    ACCUSATIVE,
    ask,
    before_stop,
    double_object,
    frame,
    genitive,
    is_language,
    lowered,
    narrower,
    sentence,
    who_or_what,
    who_or_what_object,
)

_HAVING = lx.words("have get own see keep use")
_VAGUE = lx.words("have get keep put take make do leave store set hold bring")


def constituent_questions(clause: Clause) -> list[str]:
    """Return questions that each take one part of the clause as their answer."""
    asked = [*_predicate_questions(clause), *_adjunct_questions(clause)]
    return [*asked, *_subject_questions(clause), *_name_questions(clause)]


# The predicate ----------------------------------------------------------------------------------


def _predicate_questions(clause: Clause) -> list[str]:
    if clause.lemma == "be" and len(clause.verb.split()) == 1:
        return _copula_questions(clause)
    if clause.lemma in {"call", "name", "christen"} and clause.verb.split()[0] in lx.BE:
        subject, be = lowered(clause.subject), frame(clause)[0]
        own = clause.subject.lower() in lx.PRONOUNS
        if be not in {"am", "is", "was"}:
            return [f"What {be} {subject} called?"]
        return [f"What {be} {subject} called?", f"What {be} {genitive(clause.subject)} name?",
                *([] if own else [f"What {be} the name of {subject}?"])]  # fmt: skip
    return _object_questions(clause) if clause.complement else []


def _copula_questions(clause: Clause) -> list[str]:
    complement, subject = clause.complement, lowered(clause.subject)
    be, own = clause.verb.lower(), clause.subject.lower() in lx.PRONOUNS
    if not complement:
        return []
    parts = complement.lower().split()
    if parts[-1] in lx.DIMENSIONS or (len(parts) == 1 and subject == "I" and is_number(parts[0])):
        measure = parts[-1] if parts[-1] in lx.DIMENSIONS else "old"
        return [f"How {measure} {be} {subject}?"]
    if (stranded := next(iter(clause.adjuncts), None)) and _is_adjective(complement):
        if stranded.kind in {"time", "place", "duration"}:
            return []
        return [sentence(who_or_what(stranded.text), be, subject, complement, stranded.preposition)]
    human = is_person(clause.subject) or head_noun(clause.subject) in lx.PETS
    if human and len(parts) == 1 and complement.islower() and not is_plural(complement):
        return [sentence(be, subject, complement)]
    wh = "who" if _asks_who(clause) else "what"
    asked = [sentence(wh, be, subject)]
    if is_money(complement):
        asked.append(f"How much {be} {subject}?")
    if (compound := _compound(subject)) != subject:
        asked.append(sentence(wh, be, compound))
    if parts[0] in lx.DETERMINERS - {"a", "an"}:
        asked.append(sentence(who_or_what(clause.subject), be, lowered(complement)))
    if is_person(clause.subject) and parts[0] in {"a", "an"}:
        asked[:1] = [] if own else asked[:1]
        does = "did" if be in {"was", "were"} else "do" if is_plural(subject) else "does"
        asked.append(sentence("what", does, subject, "do"))
    kind = head_noun(complement)
    if (
        parts[0] in {"a", "an"}
        and kind in complement.split()
        and len(before_stop(parts)) > 2
        and kind.isalpha()
    ):
        asked.append(f"What kind of {kind} {be} {subject}?")
    equated = not human or (wh == "who" and is_singular_name(complement))
    if not own and equated and be in {"is", "are"}:
        asked.append(f"Do you remember {wh} {subject} {be}?")
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
            determined = thing.split()[0] in lx.DETERMINERS and " " in thing
            head = thing.split(" ", 1)[1] if determined else thing
            return f"{owner} {head}" if not is_singular_name(owner) else f"{owner}'s {head}"
    return subject


def _object_questions(clause: Clause) -> list[str]:
    recipient, thing = double_object(clause.complement)
    if thing.lower() in lx.BARE_ADVERBS:
        return []
    if thing.islower() and thing.split()[0].endswith("ing") and reading(thing.split()[0], "ing"):
        return [ask(clause, "what", "doing")]
    others = [adjunct.phrase for adjunct in clause.adjuncts if adjunct.kind != "time"]
    times = [a.phrase for a in clause.adjuncts if a.kind == "time" and len(clause.adjuncts) == 1]
    kinds = list(narrower(thing))
    amount = [kind for kind in kinds if kind.startswith("how")]
    plain = "what" if amount else who_or_what_object(clause.lemma, thing)
    wh = [*amount, plain, *(kind for kind in kinds if kind not in amount)]
    kept = (others or times)[:1] if clause.lemma in _VAGUE else []
    asked = [ask(clause, each, recipient, *kept) for each in wh]
    if amount and is_money(thing):
        asked = asked[:1]
    owned = thing.split(" ", 1)
    about = any(adjunct.kind == "topic" for adjunct in clause.adjuncts)
    if about and owned[0].lower() in lx.POSSESSIVES:
        asked.append(sentence("what is", genitive(clause.subject), owned[-1], "about"))
    if recipient:
        asked.append(ask(clause, "who", thing, "" if "to" in recipient else "to"))
    return asked


# Adjuncts ---------------------------------------------------------------------------------------


def _adjunct_questions(clause: Clause) -> list[str]:
    asked: list[str] = []
    agents = clause.verb.split()[0].lower() in lx.BE and clause.lemma != "be"
    for adjunct in clause.adjuncts:
        if agents and adjunct.preposition == "by" and adjunct.kind == "other":
            asked.append(_agent_question(clause, adjunct))
        kept = _anchor(clause, adjunct)
        for index, (wh, stranded) in enumerate(_adjunct_wh(clause, adjunct)):
            if kept and index == 0:
                asked.append(ask(clause, wh, clause.complement, stranded, kept))
            asked.append(ask(clause, wh, clause.complement, stranded))
    return asked


def _anchor(clause: Clause, adjunct: Adjunct) -> str:
    """Return the phrase that says what "When did I move?" is about, where nothing else does."""
    if adjunct.kind not in {"time", "duration"} or clause.complement or clause.lemma == "be":
        return ""
    others = [a for a in clause.adjuncts if a.kind not in {"time", "duration"}]
    first = next((a for a in others if a.preposition not in {"when", "while", "because"}), None)
    return "" if first is None or clause.subject.lower() not in lx.PRONOUNS else first.phrase


def _agent_question(clause: Clause, adjunct: Adjunct) -> str:
    wh = "who" if is_singular_name(adjunct.text) else who_or_what(adjunct.text)
    particles = [word for word in clause.verb.split()[2:] if word in lx.PARTICLES]
    patient = ACCUSATIVE.get(clause.subject.lower(), lowered(clause.subject))
    return sentence(wh, past_of(clause.lemma), *particles, patient)


def _adjunct_wh(clause: Clause, adjunct: Adjunct) -> Iterator[tuple[str, str]]:
    """Yield the question words for an adjunct, with the preposition that stays behind."""
    preposition, text = adjunct.preposition, adjunct.text
    if preposition in {"when", "while", "because", "if", "using"}:
        return
    if adjunct.kind == "place":
        yield "where", "from" if preposition == "from" else ""
        yield from ((wh, preposition) for wh in list(narrower(text))[:1] if wh.startswith("which"))
    elif adjunct.kind == "time":
        yield from _time_wh(clause, adjunct)
    elif adjunct.kind == "duration":
        yield "how long", ""
    elif preposition == "to" and _is_activity(clause, text):
        yield "what", "to do"
    elif adjunct.kind == "recipient":
        receiving = is_person(text) or clause.lemma in lx.TRANSFER - {"belong"}
        yield "who" if receiving else "what", preposition
    elif is_money(text):
        yield "how much", "" if preposition == "to" else preposition
    else:
        if not text.split()[0].endswith("ing"):
            yield from ((wh, preposition) for wh in list(narrower(text))[:1])
        named = preposition == "as" or (preposition == "in" and is_language(text))
        yield "what" if named else who_or_what(text), preposition


def _is_activity(clause: Clause, text: str) -> bool:
    """Tell the infinitive of ``"taught me to knit"`` from a place to go to."""
    taught = clause.lemma in lx.CATENATIVES | {"teach"} and is_person(clause.complement)
    return taught and reading(text.split()[0], "base") is not None


def _time_wh(clause: Clause, adjunct: Adjunct) -> Iterator[tuple[str, str]]:
    low = adjunct.text.lower()
    to = "to" if adjunct.preposition == "to" else ""
    prefix = adjunct.preposition if adjunct.preposition in {"by", "since", "until"} else ""
    year = len(low) == 4 and low.isdigit()
    yield f"{prefix} when", to
    if clause.negated:
        return
    if ":" in low or set(low.split()) & lx.CLOCK or (is_number(low) and not year):
        yield f"{prefix or 'at'} what time", to
        yield f"{prefix} what time", to
    elif any(part.rstrip("s") in lx.WEEKDAYS for part in low.split()):
        yield (f"{prefix or 'on'} which day", "") if not to else ("which day", "to")
    elif year:
        yield f"{prefix or 'in'} what year", ""
    elif set(low.split()) & lx.MONTHS and any(part.isdigit() for part in low.split()):
        yield (f"{prefix or 'on'} what date", "") if not to else ("what date", "to")
    elif set(low.split()) & lx.MONTHS:
        yield f"{prefix or 'in'} which month", ""


# Subjects and names -----------------------------------------------------------------------------


def _subject_questions(clause: Clause) -> list[str]:
    subject = clause.subject
    if subject.lower() in lx.PRONOUNS or clause.lemma == "be" or clause.verb.split()[0] in lx.BE:
        return []
    first, *rest = clause.verb.split()
    past = frame(clause)[0] == "did" or first in lx.MODALS | {"had"}
    wh = "who" if past and " and " in subject else who_or_what(subject)
    if is_plural(subject) and not is_person(subject) and not past:
        return []
    verb = first if past or not is_plural(subject) or not reading(first, "base") else first + "s"
    if clause.negated:
        return []
    if clause.complement:
        ambiguous = clause.complement.lower() in lx.PRONOUNS
        kept = [adjunct.phrase for adjunct in clause.adjuncts][:1] if ambiguous else []
        return [sentence(wh, verb, *rest, clause.complement, *kept)]
    return [sentence(wh, verb, *rest, *(adjunct.phrase for adjunct in clause.adjuncts[:2]))]


def _name_questions(clause: Clause) -> list[str]:
    """Ask for the names in ``"my sister Ilka"`` and ``"two cats called Pixel"``."""
    asked: list[str] = []
    for phrase in (clause.subject, clause.complement, *(a.text for a in clause.adjuncts)):
        parts = phrase.split()
        low = [part.lower() for part in parts]
        for index in range(1, len(parts) - 1):
            owned = low[index - 1] in lx.POSSESSIVES or "'s" in low[index - 1]
            if owned and parts[index + 1].lstrip(",")[:1].isupper():
                whose = lowered(" ".join(parts[: index + 1]))
                asked += [f"Who is {whose}?"] if low[index] in lx.KIN else []
                asked += [f"What is {whose}'s name?"] if low[index] in lx.KIN | lx.PETS else []
            if low[index] in {"called", "named"} and parts[index + 1][0].isupper():
                noun = low[index - 1]
                plural = "are" if noun.endswith("s") else "is"
                owner = genitive(clause.subject) if clause.lemma in _HAVING else "the"
                asked += [f"What {plural} {owner} {noun} called?",
                          f"What is the name of {owner} {noun}?"]  # fmt: skip
    return asked
