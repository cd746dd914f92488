"""Which English statements are worth keeping, and where a sentence is cut into them.

`notice` keeps what surely lasts. A memory that is asked for more keeps what its user states about
themselves, their people and things, their plans and dates; what is said to the machine, about the
chat, about the task at hand or on a passing mood is not kept.
"""

from __future__ import annotations

import re
from typing import Literal

from memgraft.text import lexicon as lx
from memgraft.text.extract_clean import GAP
from memgraft.text.grammar import Clause, clauses, head_noun, is_number, reading, tokens
from memgraft.text.morphology import verb_forms
from memgraft.text.notice import notice
from memgraft.text.when import _EXPRESSION as _TIME

Verdict = Literal["keep", "continues", "skip"]

_MAX_WORDS = 60
_SLOPPY = {
    "im": "I'm", "ive": "I've", "ill": "I'll", "id": "I'd", "dont": "don't", "doesnt": "doesn't",
    "didnt": "didn't", "isnt": "isn't", "cant": "can't", "wont": "won't", "arent": "aren't",
    "wasnt": "wasn't", "i": "I", "i'm": "I'm", "i've": "I've", "i'd": "I'd", "i'll": "I'll",
}  # fmt: skip
_SLOPPY_WORD = re.compile(r"\b(?:" + "|".join(sorted(_SLOPPY, key=len, reverse=True)) + r")\b")

# Where a sentence is cut ------------------------------------------------------------------------

_JOINT = re.compile(r"(?:,\s*|\s+)(?:and|but|so|plus)\s+|,\s+|\s+[-–—]\s+")
_OWN = re.compile(r"(?:i|we|my|our)\b|i['’]|we['’]", re.IGNORECASE)
_OTHER = re.compile(r"[A-Z][a-z]|the\s|there\s", re.UNICODE)
_QUESTION = re.compile(
    r"(?:what|who|whom|whose|which|where|when|why|how|can|could|would|will|shall|should|do|does|"
    r"did|"
    r"is|are|am|was|were|have|has|any|isn't|aren't|don't|doesn't|won't|right|ok)\b",
    re.IGNORECASE,
)
_REQUEST = re.compile(
    r"(?:please|pls|kindly|write|translate|imagine|pretend|suppose|assume|say|repeat|let|lets|"
    r"let's|"
    r"give|tell|show|help|make|explain|correct|rewrite|summari[sz]e|act|roleplay|role-play|"
    r"complete|"
    r"generate|draft|describe|list|create|find|search|look|fix|solve|compute|calculate|compare|"
    r"analy[sz]e|answer|respond|reply|speak|talk|use|add|remove|change|convert|continue|stop|start|"
    r"try|keep|go|come|wait|check|recommend|suggest|provide|explore|discuss|outline|design|code|"
    r"implement|debug|think|consider|teach|ask|play|choose|pick|rank|read|proofread|review|edit|"
    r"improve|rephrase|shorten|expand|format|classify|be|do|don't|never|always|forget|ignore|"
    r"avoid|send|call|email|text|print|return|run|set|open|close|convince|brainstorm|plan|guess|"
    r"treat|define|identify|name|note|mention|include|output|put|take|turn|see|sum|order|book|"
    r"schedule|remind|cancel|buy|get|bring|pass|hold|sing|feel|enjoy|thank|thanks|sorry|welcome)\b",
    re.IGNORECASE,
)
_OPENING = re.compile(
    r"(?:(?:hi|hey|hello|also|anyway|anyways|actually|right|yes|yeah|yep|no|nope|sure|ok|okay|well|"
    r"oh|ah|hmm|thanks|thank you|great|perfect|cool|btw|fyi|nice|good morning|good evening|so|"
    r"in fact|by the way|for what it's worth|like i said|as i said|as you know|basically|honestly|"
    r"unfortunately|luckily|sadly|just so you know|to be clear|for context|background|again|wow|"
    r"good|quick one|question|one thing|hi there|hello there|hey there)[,!.:–—-]+\s*"
    r"|(?:and|but|so|anyway|because|plus|btw|fyi|for context)\s+)(?=\S)",
    re.IGNORECASE,
)

# What is asked to be remembered -----------------------------------------------------------------

# Bounded, and none of its parts begins another: what nobody says must not take forever to read.
_ASKED = (
    r"(?:(?:can|could|would|will) you |please |pls |kindly |"
    r"i(?:'d| would) like you to |i want you to |i need you to |make sure (?:to |you |that you )?|"
    r"you should |you must |always |just |also ){0,4}"
)
_TOLD = re.compile(
    rf"(?P<asked>{_ASKED})(?:"
    r"(?:remember|memori[sz]e|don['’]?t forget|do not forget|never forget|keep in mind|"
    r"bear in mind|take note|make a (?:mental )?note|add to (?:your |my )?memory|"
    r"(?:save|store|record)(?: (?:this|that)| to memory| in (?:your )?memory)|"
    r"for (?:future |your )?(?:reference|information|the record)|note(?= that|:|,))"
    r"(?:\s+(?:that|this|the following|of the fact that|about (?:me|us)|for later))*|know that"
    r")\s*(?P<mark>[:,–—-])?\s*(?P<rest>.*)",
    re.IGNORECASE,
)

# What is not worth keeping ----------------------------------------------------------------------

_UNREAL = lx.words(
    "if unless wish imagine pretend suppose assume hypothetically might maybe perhaps probably "
    "whether joking kidding jk lol supposedly could may"
)
_WANTED_WOULD = re.compile(
    r"\b(?:would|'d|’d)\s+(?:really |rather |also )*(?:like|love|prefer|rather|be)\b", re.IGNORECASE
)
# The one request that says who somebody is.
_CALLED = re.compile(r"(?i:(?:please |you can |just )*call me )[A-Z][\w-]+(?: [A-Z][\w-]+)?$")
# An exercise: what it states is made up.
_COUNTING = re.compile(r"\bhow (?:many|much|far|fast|long)\b", re.IGNORECASE)
_IDLE_VERBS = lx.words(
    "think believe guess hear ask wonder mean feel hope claim say tell write know understand agree "
    "suppose wish thank apologise apologize appreciate see look wait check notice assume imagine "
    "doubt bet swear guarantee promise let expect forget try figure"
)
_PASSING = lx.words("today now tonight currently right moment atm just lately")
_POINTING = lx.words("this that these those it here you your yours")
_TASKS = lx.words(
    "email e-mail letter essay code function script query post poem story report cover-letter "
    "question questions answer answers error errors bug issue issues problem problems help recipe "
    "recipes recommendation recommendations advice suggestion suggestions list summary text "
    "paragraph sentence idea ideas example examples information info feedback minute second way "
    "thing things something anything nothing everything one ones lot fun time look point doubt "
    "choice sense clue message prompt response reply explanation translation assistance mistake "
    "exception file output result results tool app page data dataset variable model list array "
    "token api endpoint version option day sleep luck chance homework exercise assignment task"
)
_IDLE_HEADS = lx.words(
    "bad god guess question point understanding problem apology pleasure thought thoughts mistake "
    "opinion goodness idea task issue error turn fault advice request answer reason aim concern "
    "message prompt story essay poem text head query script function output input draft "
    "response weather day file dataset bug test program model app page"
)
_STANDING = lx.words(
    "afraid scared terrified fond keen interested good bad fluent sensitive addicted passionate "
    "obsessed responsible part member related into against big fan vegetarian vegan allergic "
    "intolerant subscribed enrolled registered certified qualified left-handed right-handed"
)
_MOODS = lx.words(
    "good bad nice great fine broken sad happy tired wrong down slow ready stuck late hungry sick "
    "okay ok cool awesome amazing terrible awful interesting funny correct right busy bored "
    "confused sure glad sorry excited done back hard easy difficult perfect useless empty better "
    "worse beautiful true false possible important clear hot cold killing hurting crashing failing "
    "annoying boring great unclear fun"
)
_AIMS = lx.words(
    "learn visit move buy become run lose quit travel marry build start save retire study climb "
    "finish live own open adopt stop reduce improve gain join launch sell go see swim hike cycle "
    "renovate publish graduate apply change switch avoid eat cook have"
)
_ATTRIBUTES = lx.words(
    "name password passcode passphrase code pin wifi key address phone number email birthday "
    "deadline "
    "meeting appointment flight budget login username combination plate size interview exam "
    "wedding party rent salary account iban model version port host server ip url domain backup "
    "backups release launch sprint standup doctor plan"
)
_FICTION = lx.words(
    "character protagonist hero heroine villain plot scene screenplay chapter avatar"
)
_GENERIC = lx.PRONOUNS | lx.DETERMINERS | lx.PREPOSITIONS | lx.ADVERBS | lx.NUMBER_WORDS | lx.words(
    "people everyone nobody anyone someone cats dogs humans what who where when how which user "
    "users assistant ai chatgpt gpt thanks sorry god well yes no most many few several more less "
    "one another other others such same nothing something anything everything life time science "
    "water money love music food history art nature society sound great good nice perfect"
)  # fmt: skip
_PERSONS = lx.words("he she they it his her its their he's she's they're it's")


def normal(sentence: str) -> str:
    """With the apostrophes and capitals that quick writing leaves out, for reading only."""
    return _SLOPPY_WORD.sub(lambda match: _SLOPPY[match.group()], sentence.replace("’", "'"))


def told(sentence: str) -> tuple[str, bool]:
    """The sentence without the request to remember it, and whether there was one.

    >>> told("Could you please remember that the gate code is 4471")
    ('the gate code is 4471', True)
    """
    match = _TOLD.match(sentence)
    if match is None:
        return sentence, False
    rest = match["rest"]
    if rest[:3].lower() in {"to ", "not"} or not rest:
        # A reminder: without its verb it would say nothing.
        return (sentence[match.end("asked") :], True) if len(rest.split()) > 2 else ("", False)
    loose = match["mark"] is None and not re.search(r"\bthat\b", sentence[: match.start("rest")])
    if loose and re.match(r"(?:me|it|when|what|how|who|where|why|us)\b", rest, re.IGNORECASE):
        return "", False
    return rest, True


def is_opening(sentence: str) -> bool:
    """Whether it begins with words that only lead up to what is said: "Quick one: ..."."""
    return _OPENING.match(sentence) is not None


def pieces(sentence: str, asked: bool) -> list[tuple[int, int]]:
    """Where the statements of a sentence are, [start, end) each; questions and requests among them
    are left out.

    Args:
        asked: the sentence ends with a question mark.
    """
    cuts = [(0, 0)]
    for match in _JOINT.finditer(sentence):
        start = cuts[-1][1]
        left, right = sentence[start : match.start()], sentence[match.end() :]
        if _cuts(left, right, match.group(), asked):
            cuts.append((match.start(), match.end()))
    ends = [*(before for before, _ in cuts[1:]), len(sentence)]
    spans = [(start, end) for (_, start), end in zip(cuts, ends, strict=True)]
    if asked:
        questions = [i for i, (s, e) in enumerate(spans) if _QUESTION.match(sentence[s:e])]
        spans = spans[: questions[0] if questions and not _COUNTING.search(sentence) else 0]
    return [_trimmed(sentence, start, end) for start, end in spans]


def _cuts(left: str, right: str, joint: str, asked: bool) -> bool:
    """Whether what follows the joint is a statement, question or request of its own."""
    comma = "," in joint
    if _REQUEST.match(right) and (comma or " so " in joint) and not _begins_gerund(right):
        return _stands(left) or len(left.split()) < 3
    if asked and _QUESTION.match(right):
        return True
    own = _OWN.match(right) is not None
    if not own and not _OTHER.match(right):
        return False
    if "so" in joint.split() and right[:5].lower() == "that ":
        return False
    short = len(left.split()) <= 2 and own and comma and not _says_when(left)
    return (short or _stands(left)) and _stands(right)


def _says_when(text: str) -> bool:
    """ "Yesterday, I ...": the time belongs to what follows."""
    low = {word.strip(",").lower() for word in text.split()}
    return bool(low & (lx.PERIODS | lx.BARE_TIME | lx.MONTHS)) or _TIME.search(text) is not None


def _begins_gerund(text: str) -> bool:
    return text.split(None, 1)[0].endswith("ing")


def _stands(text: str) -> bool:
    """Whether a text begins with a clause."""
    words = normal(text).split()
    found = clauses(" ".join(words[:24]))
    return bool(found) and len(found[0].subject.split()) < 8


def _trimmed(sentence: str, start: int, end: int) -> tuple[int, int]:
    while match := _OPENING.match(sentence, start, end):
        start = match.end()
    while end > start and sentence[end - 1] in ",;:-–— ":
        end -= 1
    return start, end


def verdict(piece: str, noticed: bool = False, asked_for: bool = False) -> Verdict:
    """Whether a statement is worth keeping.

    Args:
        noticed: `notice` found a fact in it.
        asked_for: the user wants it to be remembered.

    Returns:
        "continues" if it would be, but its subject is a pronoun.
    """
    read = normal(piece)
    words = [token.lower() for token in tokens(read)]
    if GAP in piece or not words or len(words) > _MAX_WORDS:
        return "skip"
    if asked_for:
        return "keep" if _says_something(piece, words) else "skip"
    if noticed:
        return "keep"
    unreal = set(words) - ({"may"} if "May" in piece else set())
    if unreal & _UNREAL or set(words) & _FICTION:
        return "skip"
    first = words[0]
    if _CALLED.match(read):
        return "keep"
    if "would" in words and not _WANTED_WOULD.search(read):
        return "skip"
    if (_REQUEST.match(read) and not _is_subject(read)) or first in {"please", "you", "your"}:
        return "skip"
    found = clauses(read)
    if not found:
        return "skip"
    return _judged(found[0], read, words)


def _judged(clause: Clause, read: str, words: list[str]) -> Verdict:
    subject = clause.subject.split()
    low = [part.lower() for part in subject]
    if {"you", "your", "yours", "yourself"} & set(words):
        return "skip"
    if low[0] in {"i", "we"} and len(low) == 1:
        return "keep" if _own(clause, read, words) else "skip"
    if _about_chat(clause):
        return "skip"
    if low[0] in {"this", "that", "these", "those"} and len(low) == 1:
        return "keep" if _presents(clause) else "skip"
    if {"my", "our"} & set(low) or (low[0] == "a" and {"mine", "ours"} & set(words)):
        return "keep" if _of_mine(clause, read, low) else "skip"
    if low[0] in _PERSONS:
        holds = low[0] not in {"it", "its", "it's"} or _valued(clause)
        return "continues" if holds and _lasting(clause, read) else "skip"
    if low[0] in {"the", "there"}:
        return "keep" if _definite(clause, read, subject) else "skip"
    if _is_named(subject, clause) or ({"i", "me", "my"} & set(words) and low[0] in lx.KIN):
        return "keep" if _lasting(clause, read) else "skip"
    plain = low[0] not in _GENERIC and len(low) < 4 and reading(low[0], "ing") is None
    own = bool({"i", "we", "my", "our"} & set(words)) and _valued(clause)
    kept = plain and ((_dated(read) and clause.lemma in _SETTING) or own)
    return "keep" if kept else "skip"


_SETTING = lx.words("be start begin end happen move")
_KEEPING = lx.words("be keep store hide live hang sit stand lie belong go")


def _own(clause: Clause, read: str, words: list[str]) -> bool:
    """About the user: "I ...", "we ..."."""
    verb = clause.verb.lower().split()
    content = _content(clause)
    if (clause.lemma == "be" and len(verb) <= 2) or (clause.lemma == "be" and "been" in verb):
        return _is_something(clause, read, words)
    if "would" in verb or "'d" in read.lower().split()[0]:
        return bool(content) and not _about_chat(clause) and verb[-1] not in _IDLE_VERBS
    if set(verb) & (lx.MODALS - {"will", "can", "would"}):
        return False
    if clause.lemma in {"need", "want"} or verb[0] in {"need", "want", "needed", "wanted"}:
        return _aims(clause, read, verb)
    if clause.lemma in _IDLE_VERBS or _about_chat(clause):
        return clause.lemma in {"see", "try", "hear"} and _dated(read) and _valued(clause)
    if not content or content <= _POINTING | lx.PRONOUNS | _PASSING | lx.ADVERBS:
        return False
    if clause.complement.lower().split()[:1] and clause.complement.lower().split()[0] in _POINTING:
        return False
    if "will" in verb or "going" in verb[:-1]:
        return _dated(read) or _valued(clause)
    if clause.lemma in {"have", "get", "do", "make"} and not set(verb) & {"to"}:
        return head_noun(clause.complement) not in _TASKS and not _is_mood(clause)
    return True


def _is_something(clause: Clause, read: str, words: list[str]) -> bool:
    parts = clause.complement.lower().split()
    settled = [a for a in clause.adjuncts if a.kind in {"place", "company"}]
    if parts and set(parts) & _STANDING and (clause.adjuncts or len(parts) > 1):
        return not set(words) & {"moment"}
    if parts and parts[0] in {"a", "an", "the"} and len(parts) > 1:
        return not set(parts) & _MOODS and parts[-1] not in _TASKS
    if parts and parts[0] in {"not", "no"} and "fan" in parts:
        return True
    return bool(settled) and _dated(read) and not parts


def _aims(clause: Clause, read: str, verb: list[str]) -> bool:
    """What is wanted in life, not what is wanted of the machine."""
    if "to" in verb and clause.lemma in _AIMS | {"be"}:
        head = head_noun(clause.complement) if clause.complement else ""
        concrete = _dated(read) or _valued(clause) or clause.lemma in _AIMS - {"see", "have", "go"}
        return head not in _TASKS and concrete and bool(_content(clause))
    if "to" in verb:
        return _dated(read) and not _about_chat(clause)
    return _dated(read) and head_noun(clause.complement) not in _TASKS


def _of_mine(clause: Clause, read: str, subject: list[str]) -> bool:
    head = head_noun(clause.subject)
    # "My code" is at work here, "our gate code" is not.
    bare = len(subject) < 3 and head in {"code", "function", "script"}
    if bare or head in _IDLE_HEADS or subject[-1] in _IDLE_HEADS:
        return False
    return _lasting(clause, read)


def _lasting(clause: Clause, read: str) -> bool:
    """Whether the predicate says something that can be asked for later."""
    verb = clause.verb.lower().split()
    if set(verb) & (lx.MODALS - {"will", "can"}) or _about_chat(clause):
        return False
    if clause.lemma == "be":
        parts = [part for part in clause.complement.lower().split() if part not in lx.ADVERBS]
        if not parts:
            return bool(clause.adjuncts) and (_valued(clause) or _dated(read))
        return not (set(parts) <= _MOODS | lx.PRONOUNS | _POINTING | {"very", "more"})
    content = _content(clause)
    return bool(content - _POINTING - _MOODS - _PASSING)


def _presents(clause: Clause) -> bool:
    """ "This is my dog Biscuit"."""
    mine = clause.complement.lower().startswith(("my ", "our "))
    return clause.lemma == "be" and mine and _valued(clause)


def _definite(clause: Clause, read: str, subject: list[str]) -> bool:
    """ "The wifi password is ...", "the bakery delivers on Fridays", not "the film was great"."""
    head = head_noun(clause.subject)
    mine = bool({"my", "our", "me", "us"} & set(read.lower().split()))
    told_by = head in lx.ROLES and mine
    bare = len(subject) < 3 and head in {"code", "function", "script"}
    if bare or head in _IDLE_HEADS or not _lasting(clause, read):
        return False
    if subject[0].lower() == "there":
        return mine
    attribute = bool({part.lower() for part in subject} & _ATTRIBUTES) and (
        _valued(clause) or bool(clause.complement)
    )
    kept = clause.lemma in _KEEPING and any(a.kind == "place" for a in clause.adjuncts)
    named = any(part[:1].isupper() for part in subject[1:])
    return attribute or told_by or kept or named or _valued(clause) or _dated(read)


def _is_named(subject: list[str], clause: Clause) -> bool:
    """Whether a subject holds a name: capitals that are not the sentence's own."""
    first = subject[0].rstrip(",")
    if any((part[:1].isupper() and part != "I") or part.isdigit() for part in subject[1:]):
        return first.lower() not in {"a", "an", "if", "when", "every"}
    low = first.lower().removesuffix("'s")
    if first.lower().endswith("'s") and low not in _GENERIC and first[0].isupper():
        return True
    if low in {"mum", "mom", "dad", "grandma", "grandpa", "granny", "gran"}:
        return True
    common = low in _GENERIC or low in verb_forms() or low in lx.PERIODS
    if len(subject) > 1 or not first[:1].isupper() or common:
        return False
    plural = low.endswith("s") and clause.verb.lower().split()[0] in {"are", "were", "have", "do"}
    bare = low.endswith("s") and reading(clause.verb.split()[0], "base") is not None
    return not plural and not bare


def _is_subject(read: str) -> bool:
    """ "Will lives in Oslo", "Play group is on Monday": the first word is no verb here."""
    found = clauses(read)
    return bool(found) and found[0].subject[:1].isupper() and " " not in found[0].subject and (
        reading(found[0].verb.split()[0], "s") is not None
        and found[0].subject.lower() not in _GENERIC
    )  # fmt: skip


def _content(clause: Clause) -> set[str]:
    said = [clause.complement, *(a.phrase for a in clause.adjuncts)]
    return {w.strip(".,!") for w in " ".join(said).lower().split()} - lx.PREPOSITIONS - {
        "the", "a", "an", "and", "or", "so", "to", "too", "much", "well", "very", "of",
    }  # fmt: skip


def _about_chat(clause: Clause) -> bool:
    """Talk of the task at hand: what is made, fixed or asked here."""
    phrases = [clause.complement, *(a.text for a in clause.adjuncts if a.kind != "time")]
    heads = {head_noun(phrase) for phrase in phrases if phrase}
    return bool(heads & (_TASKS - {"list", "day", "time", "version", "model", "homework", "app"}))


def _is_mood(clause: Clause) -> bool:
    return bool(set(clause.complement.lower().split()) & _MOODS)


def _dated(text: str) -> bool:
    """Whether it says when, more than "now" and "today"."""
    found = (match.group().lower() for match in _TIME.finditer(text))
    clock = re.search(r"\b\d{1,2}(?::\d\d)? ?(?:am|pm)\b|\b\d{1,2}:\d\d\b|\bon the \d", text, re.I)
    often = re.search(r"\b(?:every|each|twice|once|daily|weekly|monthly)\b", text, re.IGNORECASE)
    return bool(clock or often) or any(said not in {"today", "tonight"} for said in found)


def _valued(clause: Clause) -> bool:
    """Whether the predicate holds a name, a number or a code."""
    said = " ".join([clause.complement, *(a.text for a in clause.adjuncts)]).split()
    return any(w[:1].isupper() or any(c.isdigit() for c in w) or is_number(w) for w in said)


def _says_something(piece: str, words: list[str]) -> bool:
    """Of what is to be remembered, everything that holds more than a pointer."""
    content = set(words) - _GENERIC - _POINTING - lx.words("my our me i remember forget . , !")
    valued = any(w[:1].isupper() or any(c.isdigit() for c in w) for w in piece.split()[1:])
    return (len(content) > 1 and (valued or len(words) > 3 or bool(clauses(piece)))) or (
        valued and bool(content)
    )  # fmt: skip


def facts_noticed(sentence: str) -> list[str]:
    """What `notice` finds in one sentence, read as `normal` writes it."""
    return notice(normal(sentence))
