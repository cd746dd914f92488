"""Noticing the durable facts that a user states inside a chat message."""

from __future__ import annotations

from memgraft.text import lexicon as lx
from memgraft.text.grammar import Clause, clauses, head_noun, is_number, is_person, parse, tokens
from memgraft.text.person import strip_preamble

_MAX_MESSAGE = 20_000
_MAX_WORDS = 60  # nobody states one fact at greater length
_QUOTES = {'"': '"', "“": "”", "«": "»", "`": "`"}
_ABBREVIATIONS = lx.TITLES | lx.words("e.g i.e etc vs approx no st a.m p.m")
_QUESTION_OPENERS = lx.words(
    "what who whom whose which where when why how can could would will shall should do does did is "
    "are am was were have has please tell any"
)
_REQUESTS = lx.words(
    "write translate imagine pretend suppose assume say repeat let lets let's give tell show help "
    "make explain correct rewrite summarize summarise act roleplay complete generate draft if "
    "unless wish hypothetically whether should would could might maybe perhaps probably as"
)
_UNREAL = lx.words(
    "if unless wish imagine pretend suppose assume hypothetically would could should might may "
    "maybe perhaps probably whether joking kidding jk lol supposedly"
)
_TRANSIENT = lx.words("today tonight yesterday tomorrow moment lately atm soon")
_REPORTING = lx.words(
    "say think believe guess hear read ask wonder mean feel hope claim tell write"
)
_DURABLE = lx.words(
    "live reside move work bear grow study teach play collect speak drive own marry graduate "
    "volunteer prefer like love enjoy hate dislike avoid detest raise adopt eat drink smoke quit "
    "take run coach lead manage sing train keep employ base call name retire specialise specialize "
    "practise practice wear commute ride breed restore learn serve belong attend found"
)
_PROGRESSIVE = lx.words("learn study live work train raise restore collect teach")
_EVENT_LIKE = lx.words(
    "take run keep eat drink read play wear ride lead serve attend drive teach call"
)
_POSSESSED = lx.KIN | lx.PETS | lx.words(
    "car bike motorbike house flat apartment garden allergy allergies diabetes asthma adhd "
    "dyslexia "
    "epilepsy tattoo degree phd farm shop boat cabin allotment kids children siblings piano guitar"
)  # fmt: skip
_STATES = lx.words(
    "allergic intolerant vegetarian vegan married single divorced widowed engaged retired diabetic "
    "left-handed right-handed colour-blind color-blind deaf blind dyslexic autistic celiac coeliac "
    "asthmatic epileptic bilingual unemployed self-employed pregnant lactose-intolerant "
    "gluten-free "
    "born based called named adopted tall old"
)
_NOT_ROLES = lx.words(
    "bit little lot mess idiot wreck loser fan fool mood hurry rush moment way state while problem "
    "genius failure big huge minute joke ghost bot robot disappointment fraud stranger"
)
_NOT_NAMES = lx.MONTHS | lx.WEEKDAYS | lx.words(
    "sorry fine done back here happy tired sure busy ok okay good ready lost confused not so just "
    "in at on the glad afraid stuck going new sick home late hungry well serious free god hello hi "
    "monday bored sad ill alone awake curious great alright"
)  # fmt: skip
_IDLE_HEADS = lx.words(
    "bad god guess question point understanding problem apology apologies pleasure thought "
    "thoughts "
    "mistake opinion goodness goal idea plan task issue error turn fault head advice request "
    "answer "
    "reason aim theory concern message prompt story essay poem text"
)
_ATTRIBUTES = lx.words(
    "name password passcode code pin hobby job profession diet type colour color size address "
    "phone "
    "number email birthday age height weight nationality language username surname wifi"
)


_POINTING = lx.words("this it that you your here")
_CONVERSATIONAL = lx.words("one ones version part option ending way answer draft suggestion reply")
_EVERYWHERE = lx.words("society world simulation past moment fear hope future")
_WITH_OBJECT = lx.words(
    "drive like love enjoy hate dislike prefer avoid own collect raise keep speak"
)
_TECHNICAL = lx.words(
    "data dataset model function list script exception error file code app api server "
    "variable loop query request response tensor token array string list lists matrix program "
    "database thread repo repository branch container endpoint docs documentation command flag "
    "log logs"
)
_TRAILING = lx.ADVERBS | lx.words("better best more most well a lot")
_FICTION = lx.words(
    "story novel character protagonist hero heroine villain plot scene screenplay chapter avatar"
)


def notice(message: str) -> list[str]:
    """Return the durable facts stated in a message, in the user's words.

    >>> notice("Hi! My name is Yusuf and I work at Google. What's the weather?")
    ['My name is Yusuf', 'I work at Google']
    """
    found: list[str] = []
    for sentence in _sentences(_without_quotes(message[:_MAX_MESSAGE])):
        if sentence.endswith(":"):
            break  # what follows is material to work on, not something the user states
        found += [fact for fact in _facts(sentence) if fact not in found]
    return found


def _without_quotes(message: str) -> str:
    """Blank out quotations and code, so that nothing inside them counts as stated."""
    fenced = "".join(message.split("```")[::2])
    lines = [line for line in fenced.splitlines() if not line.lstrip().startswith(">")]
    kept: list[str] = []
    closing = ""
    for char in "\n".join(lines):
        if closing:
            closing = "" if char == closing else closing
        elif char in _QUOTES:
            closing = _QUOTES[char]
            kept.append('"')
        else:
            kept.append(char)
    return "".join(kept)


def _sentences(text: str) -> list[str]:
    found, current = [], ""
    for index, char in enumerate(text):
        current += "" if char == "\n" else char
        after = text[index + 1 : index + 2]
        ends = char == "\n" or (char in "!?;…:" and not after.isalnum() and after not in "/")
        if char == "." and (not after or after.isspace()):
            last = current[:-1].split()[-1:] or [""]
            ends = last[0].lower() not in _ABBREVIATIONS and (len(last[0]) > 1 or last[0].isdigit())
        if ends:
            found.append(current.strip())
            current = ""
    return [sentence for sentence in [*found, current.strip()] if sentence]


def _facts(sentence: str) -> list[str]:
    text = strip_preamble(sentence)
    told = len(text) < len(sentence) and any(
        word in sentence.lower() for word in ("remember", "note that", "keep in mind", "forget")
    )
    words = [token.lower() for token in tokens(text) if token != "May"]
    if (
        not words
        or len(words) > _MAX_WORDS
        or '"' in text
        or words[0] in _REQUESTS
        or set(words) & _UNREAL
    ):
        return []
    pieces = _pieces(text)
    if text.endswith("?"):
        asked = next((i for i, piece in enumerate(pieces) if _is_question(piece)), 0)
        pieces = pieces[:asked]
    return [piece for piece in pieces if _is_durable(piece, told)]


def _is_question(piece: str) -> bool:
    return piece.split(" ", 1)[0].lower().split("'")[0] in _QUESTION_OPENERS


def _pieces(text: str) -> list[str]:
    """Cut a sentence where "and", "but" or a comma begins a new statement or question."""
    words = text.rstrip(".!?;… ").split()
    cuts = [0]
    for index in range(2, len(words)):
        joined = words[index - 1].lower() in {"and", "but", "so"} or words[index - 1].endswith(",")
        low = words[index].lower().split("'")[0]
        opens = low in {"i", "we", "my", "our"} or (low in _QUESTION_OPENERS and "?" in text)
        request = low in _REQUESTS and words[index - 1].endswith(",")
        opens = opens or request
        whole = parse(" ".join(words[cuts[-1] : index - 1])) is not None
        greeting = index - cuts[-1] <= 2
        if (
            joined
            and opens
            and (whole or greeting)
            and (request or parse(" ".join(words[index:])) or "?" in text)
        ):
            cuts.append(index)
    spans = zip(cuts, [*cuts[1:], len(words)], strict=True)
    return [_trim(words[start:end]) for start, end in spans]


def _trim(words: list[str]) -> str:
    while words and words[-1].lower().rstrip(",") in {"and", "but", "so", ""}:
        words = words[:-1]
    return strip_preamble(" ".join(words).rstrip(",;: "))


def _is_durable(piece: str, told: bool) -> bool:
    found = clauses(piece)
    words = {token.lower() for token in tokens(piece)}
    if not found or _is_question(piece) or words & _TRANSIENT or words & _POINTING:
        return False
    clause = found[0]
    if _technical(clause) or words & _FICTION or piece.split()[0].lower() in _REQUESTS:
        return False
    if clause.lemma in _REPORTING or set(clause.verb.lower().split()) & (lx.MODALS - {"can"}):
        return False
    subject = clause.subject.lower()
    if subject in {"i", "we"}:
        return _own_statement(clause, words)
    if subject.split()[0] in {"my", "our"} or {"my", "our"} & set(subject.split()):
        return _about_mine(clause)
    return told and subject not in lx.PRONOUNS


def _technical(clause: Clause) -> bool:
    """Tell talk of a program or of the chat itself, as in ``"I raise an exception"``."""
    phrases = [clause.complement, *(a.text for a in clause.adjuncts)]
    plain = ([part for part in phrase.split() if part not in _TRAILING] for phrase in phrases)
    return bool({head_noun(" ".join(parts)) for parts in plain} & (_TECHNICAL | _CONVERSATIONAL))


def _own_statement(clause: Clause, words: set[str]) -> bool:
    verb = clause.verb.lower().split()
    if clause.lemma == "be" and len(verb) == 1:
        return verb[0] in {"am", "are"} and _describes(clause, words)
    if verb[-1] == "got" or clause.lemma in {"have", "own"}:
        possessed = _POSSESSED | (lx.BODIES if clause.lemma == "own" else frozenset())
        return len(verb) < 3 and head_noun(clause.complement) in possessed
    if clause.lemma not in _DURABLE or "to" in verb:
        return False
    if clause.lemma in {"call", "name"}:
        named = clause.complement.split(" ")[0]
        return named[:1].isupper() and named.lower() not in _NOT_NAMES and verb[0] in lx.BE
    if verb[-1].endswith("ing"):
        lasting = {"at", "for", "as", "in", "since"} & {a.preposition for a in clause.adjuncts}
        return clause.lemma in _PROGRESSIVE and bool(clause.complement or lasting)
    if clause.lemma in _EVENT_LIKE and verb[0] not in {clause.lemma, "do", "can"}:
        return False
    settled = any(a.kind == "place" and not set(a.text.lower().split()) & _EVERYWHERE
                  for a in clause.adjuncts)  # fmt: skip
    shared = clause.lemma == "live" and any(
        a.preposition == "with" and is_person(a.text) for a in clause.adjuncts
    )
    if clause.lemma in {"move", "live", "reside"} and not (settled or shared):
        return False
    if clause.complement and clause.lemma == "move":
        return False
    needs_object = clause.lemma in _WITH_OBJECT and not clause.complement
    if needs_object or clause.complement.lower().split()[:1] in (["too"], ["so"], ["much"]):
        return False
    vague = clause.complement.lower() in lx.PRONOUNS | {"you", "it", "this", "that", ""}
    return (
        not vague or (bool(clause.adjuncts) and not clause.complement) or clause.lemma in {"smoke"}
    )


def _describes(clause: Clause, words: set[str]) -> bool:
    """Tell whether "I am ..." says something lasting: a name, age, role, origin or condition."""
    parts = clause.complement.split()
    if not parts:
        origins = [a.text for a in clause.adjuncts if a.preposition == "from"]
        return any(not text.islower() for text in origins) and not {"now", "back"} & words
    low = [part.lower() for part in parts]
    if is_number(parts[0]):
        return len(parts) == 1 or low[-1] in {"old", "tall"}
    if low[0] in {"a", "an"}:
        return len(parts) > 1 and not set(low) & _NOT_ROLES
    if set(low) & _STATES and "now" not in words:
        return True
    capital = parts[0][0].isupper() and not parts[0].isupper() and low[0] not in _NOT_NAMES
    return capital and len(parts) < 4


def _about_mine(clause: Clause) -> bool:
    head = head_noun(clause.subject)
    if head in _IDLE_HEADS | _CONVERSATIONAL or clause.subject.lower().split()[-1] in _IDLE_HEADS:
        return False
    verb = clause.verb.lower().split()
    if clause.lemma == "be" and len(verb) == 1:
        return verb[0] in {"is", "are"} and not clause.negated and _names_value(clause, head)
    if clause.lemma in {"call", "name"}:
        return bool(clause.complement)
    person = head in lx.KIN | lx.PETS or clause.subject.split()[-1][0].isupper()
    lasting = verb[-1].endswith("ing") is False and clause.lemma in _DURABLE | {"have", "turn"}
    if clause.lemma == "have":
        return person and head_noun(clause.complement) in _POSSESSED
    return person and lasting and bool(clause.complement or clause.adjuncts)


def _names_value(clause: Clause, head: str) -> bool:
    parts = clause.complement.split()
    if not parts:
        return False
    valued = any(part[0].isupper() or part[0].isdigit() for part in parts)
    favourite = {"favourite", "favorite"} & set(clause.subject.lower().split())
    role = parts[0].lower() in {"a", "an"} and head in lx.KIN and len(parts) > 1
    role = role and not {part.lower() for part in parts} & _NOT_ROLES
    state = head in lx.KIN and bool({part.lower() for part in parts} & _STATES)
    state = state or (head in lx.KIN | lx.PETS and is_number(parts[0]))
    return valued or bool(favourite) or role or state or head in _ATTRIBUTES
