"""Proves samples answerable from what they say alone.

Every input is read as a model would have to read it: its lines are parsed anew, the hops are
followed, there is exactly one answer, and it is the target. Nothing here is shared with the
generators but the format, and what the metadata tell is compared with what was found.
"""

from __future__ import annotations

import ast
import re
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path
from typing import Any

from memgraft.core.errors import InvalidInput
from memgraft.data.fitting import TokenCount
from memgraft.data.samples import Progress, Sample, read_samples

IGNORED = -100


def check(sample: Sample, count: TokenCount | None = None) -> None:
    """Prove one sample.

    Args:
        sample: of any of the tasks; `metadata["task"]` says of which.
        count: where given, the told numbers of tokens are compared too.

    Raises:
        InvalidInput: what is wrong with it.
    """
    task = sample.metadata.get("task")
    if task not in CHECKS:
        raise InvalidInput(
            f"no task is called {task!r}", expected=", ".join(sorted(CHECKS)), got=repr(task)
        )
    CHECKS[task](sample)
    if count and isinstance(sample.input, str) and isinstance(sample.target, str):
        _same("tokens", sample, count(sample.input))
        _same("target_tokens", sample, count(sample.target))


def check_file(
    path: Path, count: TokenCount | None = None, progress: Progress | None = None
) -> Counter[str]:
    """Prove every sample of a JSONL file; how many there are of each task.

    Raises:
        InvalidInput: with the number of the first line that is wrong, or that the file is empty.
    """
    seen: Counter[str] = Counter()
    for number, sample in enumerate(read_samples(path), 1):
        try:
            check(sample, count)
        except InvalidInput as error:
            raise InvalidInput(
                f"{path}, line {number}: {error.what}",
                expected=error.expected,
                got=error.got,
                next_step=error.next_step,
            ) from error
        seen[sample.metadata["task"]] += 1
        if progress:
            progress("checked", number, 0)
    if not seen:
        raise InvalidInput(f"{path} holds no samples")
    return seen


@dataclass(frozen=True)
class _Line:
    """`left` leads to `right`, which `ends` a chain or not (None: the line does not say)."""

    left: str
    right: str
    ends: bool | None
    offset: int


@dataclass(frozen=True)
class _Format:
    """How a style is read: the question, the lines, and the target."""

    question: re.Pattern[str]  # at the end of the input, with the start
    line: re.Pattern[str]  # link, or end
    target: str  # around the answer
    arrow: str


_FORMATS = {
    "magic": _Format(
        question=re.compile(
            r"\nCOMPLETION:\nHops=(?P<hops>\d+)\n\nCoT=(?P<cot>True|False)\n\n"
            r"(?P<start>[A-Za-z]+) =\Z"
        ),
        line=re.compile(r"([A-Za-z]+) = (?:(?P<link>[A-Za-z]+)|'(?P<end>[A-Za-z]+)')"),
        target=" '{}'",
        arrow=" = ",
    ),
    "agents": _Format(
        question=re.compile(
            r"\n\nQuestion: Which credential do the handovers that begin with agent "
            r"(?P<start>\S+) lead to\?\nAnswer:\Z"
        ),
        line=re.compile(
            r"Agent (\S+) (?:hands over to agent (?P<link>\S+)|holds the credential (?P<end>\S+))\."
        ),
        target=" {}",
        arrow=" -> ",
    ),
    "variables": _Format(
        question=re.compile(
            r"\n\nQuestion: Which number is the value of VAR (?P<start>[A-Z]+)\?\nAnswer:\Z"
        ),
        line=re.compile(r"VAR ([A-Z]+) = (?:VAR (?P<link>[A-Z]+)|(?P<end>\d+))"),
        target=" {}",
        arrow=" -> ",
    ),
    "components": _Format(
        question=re.compile(
            r"\n\nQuestion: Which component does (?P<start>\w+) rest on in the end\?\nAnswer:\Z"
        ),
        line=re.compile(r"The component (\w+) depends on (?P<either>\w+)\."),
        target=" {}",
        arrow=" -> ",
    ),
}


def _check_chains(sample: Sample, styles: Sequence[str], shared: bool) -> None:
    """`shared`: whether lines may lead to one name."""
    text, target = _texts(sample)
    style = sample.metadata.get("style")
    if style not in styles:
        raise InvalidInput(f"no style is called {style!r}", expected=", ".join(styles))
    form = _FORMATS[str(style)]
    asked = form.question.search(text)
    if not asked:
        raise InvalidInput("the input does not end with a question", got=repr(text[-120:]))
    lines = _lines(text[: asked.start()], form)
    if not shared:
        _once([line.right for line in lines.values()], "more than one line leads to")
    _complete(lines)
    found = _followed(lines, asked["start"])
    path = [line.right for line in found]
    _same("hops", sample, len(path))
    if "hops" in asked.groupdict():
        _equal("the hops that the question tells", asked["hops"], str(len(path)))
        _equal("CoT", asked["cot"], str(sample.metadata.get("cot")))
    due = form.arrow.join(path if sample.metadata.get("cot") else path[-1:])
    _equal("the target", target, form.target.format(due))
    _same("start", sample, asked["start"])
    _same("answer", sample, path[-1])
    _located(sample, [line.offset for line in found])


def _lines(context: str, form: _Format) -> dict[str, _Line]:
    """The lines by what stands left of them, which is there once."""
    lines: dict[str, _Line] = {}
    offset = 0
    for number, text in enumerate(context.split("\n"), 1):
        matched = form.line.fullmatch(text)
        if not matched:
            raise InvalidInput(f"line {number} of the context cannot be read", got=repr(text)[:80])
        parts = matched.groupdict()
        left = matched[1]
        if left in lines:
            raise InvalidInput("more than one line tells what follows", got=left)
        if "either" in parts:
            lines[left] = _Line(left, parts["either"], None, offset)
        else:
            ends = parts["end"] is not None
            lines[left] = _Line(left, parts["end" if ends else "link"], ends, offset)
        offset += len(text) + 1
    return lines


def _complete(lines: dict[str, _Line]) -> None:
    """Every chain, asked for or not, comes to an end, and to no other end than it says."""
    ending: set[str] = set()
    for line in lines.values():
        if line.ends is False and line.right not in lines:
            raise InvalidInput("a chain breaks off", got=f"nothing follows {line.right}")
        if line.ends and line.right in lines:
            raise InvalidInput("a chain goes on after its end", got=line.right)
        walked: list[str] = []
        name = line.left
        while name in lines and name not in ending:
            walked.append(name)
            if len(walked) > len(lines):
                raise InvalidInput("a chain runs in a circle", got=name)
            name = lines[name].right
        ending.update(walked)


def _followed(lines: dict[str, _Line], start: str) -> list[_Line]:
    """The lines from a start to the end."""
    if start not in lines:
        raise InvalidInput("no line begins with what is asked for", got=start)
    found = [lines[start]]
    while not found[-1].ends and found[-1].right in lines:
        found.append(lines[found[-1].right])
    return found


_ASKED = re.compile(
    r"\n\n\n# (?:Which function is described as \"(?P<name>[^\n]*)\"\?\n# Its name:"
    r"|Again the function that is described as \"(?P<source>[^\n]*)\":\ndef)\Z"
)


def _check_code(sample: Sample) -> None:
    text, target = _texts(sample)
    asked = _ASKED.search(text)
    if not asked:
        raise InvalidInput("the input does not end with a question", got=repr(text[-120:]))
    context = text[: asked.start()]
    try:
        functions = [
            node
            for node in ast.parse(context).body
            if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)
        ]
    except SyntaxError as error:
        raise InvalidInput("the context is no Python", got=str(error)) from error
    _once([function.name for function in functions], "there is more than one function")
    ask = "name" if asked["name"] is not None else "source"
    _same("ask", sample, ask)
    found = [function for function in functions if _summary(function) == asked[ask]]
    if len(found) != 1:
        raise InvalidInput(
            "the description does not tell which function is meant",
            expected="one function with it",
            got=str(len(found)),
        )
    [function] = found
    if re.search(rf"\b{re.escape(function.name)}\b", asked[0]):
        raise InvalidInput("the question gives the name away", got=function.name)
    lines = context.split("\n")
    own = "\n".join(lines[function.lineno - 1 : function.end_lineno])
    _equal("the target", target, f" {function.name}" if ask == "name" else own[len("def") :])
    _same("answer", sample, function.name)
    first = min([function.lineno, *(d.lineno for d in function.decorator_list)]) - 1
    if first and lines[first - 1].startswith("# "):
        first -= 1
    _located(sample, [sum(len(line) + 1 for line in lines[:first])])


def _summary(function: ast.FunctionDef | ast.AsyncFunctionDef) -> str:
    paragraph, _, _ = (ast.get_docstring(function) or "").partition("\n\n")
    return re.sub(r"\s+", " ", paragraph).strip()


# How a fact is told, and asked for by the start of its own sentence or by a question.
_FACTS = {
    "magic": (
        r"The special magic {kind} for {name} is {value}\.",
        r"The special magic {kind} for {name} is",
        r"What is the special magic {kind} for {name}\?",
    ),
    "secret": (
        r"Remember that the secret {kind} of {name} is {value}\.",
        r"The secret {kind} of {name} is",
        r"What is the secret {kind} of {name}\?",
    ),
    "register": (
        r"In the register, the {kind} of {name} is given as {value}\.",
        r"In the register, the {kind} of {name} is given as",
        r"Which {kind} is given for {name} in the register\?",
    ),
    "belongs": (
        r"The {kind} that belongs to {name} is {value}\.",
        r"The {kind} that belongs to {name} is",
        r"Which {kind} belongs to {name}\?",
    ),
}
_KINDS = {"number": r"\d+", "word": r"[a-z]+", "code": r"[A-Z]+-\d+"}


def _check_needle(sample: Sample) -> None:
    """However they are worded, exactly one sentence tells what is asked for."""
    text, target = _texts(sample)
    style, kind = sample.metadata.get("style"), sample.metadata.get("value")
    if style not in _FACTS or kind not in _KINDS:
        raise InvalidInput(f"no fact is worded like {style!r} {kind!r}", expected=", ".join(_FACTS))
    _, cue, question = _FACTS[str(style)]
    questioned = sample.metadata.get("form") == "question"
    end = rf"\n\nQuestion: {question}\nAnswer:\Z" if questioned else rf"\n{cue}\Z"
    asked = re.search(_read(end, str(kind)), text)
    if not asked:
        raise InvalidInput("the input does not end with a question", got=repr(text[-120:]))
    context = text[: asked.start()]
    forms = [re.compile(_read(fact, told)) for fact, _, _ in _FACTS.values() for told in _KINDS]
    facts: list[tuple[str, str, int]] = []
    offset = 0
    for line in context.split("\n"):
        for form in forms:
            if told := form.fullmatch(line):
                facts.append((told["name"], told["value"], offset))
        offset += len(line) + 1
    _once([name for name, _, _ in facts], "more than one sentence tells of")
    _once([value for _, value, _ in facts], "more than one name has the value")
    due = [(value, offset) for name, value, offset in facts if name == asked["name"]]
    if not due:
        raise InvalidInput("no sentence tells what is asked for", got=asked["name"])
    [(answer, offset)] = due
    _equal("the target", target, f" {answer}")
    _equal(
        "the times that the answer is met",
        len(re.findall(rf"\b{re.escape(answer)}\b", text)),
        1,
    )
    _same("distractors", sample, len(facts) - 1)
    _same("start", sample, asked["name"])
    _same("answer", sample, answer)
    _located(sample, [offset])


def _read(pattern: str, kind: str) -> str:
    """The pattern of a sentence with its name and its value, where it has one."""
    parts = {"kind": kind, "name": r"(?P<name>[\w ]+?)", "value": rf"(?P<value>{_KINDS[kind]})"}
    return re.sub(r"{(\w+)}", lambda part: parts[part[1]], pattern)


def _check_told(sample: Sample) -> None:
    """Every question is answered by one line of the input, and no text apart names an answer."""
    text, target = _texts(sample)
    question, also = sample.metadata.get("question"), sample.metadata.get("also")
    answers, apart = _many(sample, "answers"), _many(sample, "apart")
    if not isinstance(question, str) or not question or not text.endswith(question):
        raise InvalidInput("the input does not end with a question", got=repr(text[-120:]))
    asked = [[question, target], *(also if isinstance(also, list) else [None])]
    if not all(_are_texts(pair) and len(pair) == 2 for pair in asked):
        raise InvalidInput("questions cannot be read", expected="pairs of texts", got=repr(also))
    _once([asking for asking, _ in asked], "asked more than once is")
    if len(answers) != len(asked):
        raise InvalidInput("not every question has its answer", got=repr(answers)[:200])
    _same("facts", sample, len(asked))
    _same("answer", sample, answers[0])
    context = text.removesuffix(question)
    lines = [_naming(answer, context) for answer in answers]
    for answer, (_, due), found in zip(answers, asked, lines, strict=True):
        if not _named(answer).search(due):
            raise InvalidInput("the target is wrong", expected=answer, got=repr(due)[:200])
        if len(found) != 1:
            raise InvalidInput(
                f"{answer!r} is not told once", expected="one line", got=f"{len(found)} lines"
            )
        if any(_named(answer).search(other) for other in apart):
            raise InvalidInput("a text apart names an answer", got=answer)
    [[line]] = lines[:1]
    # Said in conversation, it comes after what opens the turn, and that is no sentence.
    offsets = sample.metadata.get("offsets")
    starts = [m.end() for m in re.finditer(r"\A|\n", context) if m.end() <= line]
    if not isinstance(offsets, list) or len(offsets) != 1 or offsets[0] not in starts:
        raise InvalidInput("metadata's offsets is wrong", expected=f"[{line}]", got=repr(offsets))
    if re.search(r"[.!?]\n", context[offsets[0] : line]):
        raise InvalidInput("metadata's offsets is of something else", got=repr(offsets))
    _located(sample, offsets)


def _many(sample: Sample, name: str) -> list[str]:
    given = sample.metadata.get(name)
    if not _are_texts(given):
        raise InvalidInput(f"metadata's {name} are no texts", got=repr(given)[:200])
    return list(given or ())


def _are_texts(given: Any) -> bool:
    return isinstance(given, list) and all(isinstance(each, str) and each for each in given)


def _named(answer: str) -> re.Pattern[str]:
    return re.compile(rf"(?<!\w){re.escape(answer)}(?!\w)", re.IGNORECASE)


def _naming(answer: str, context: str) -> list[int]:
    """Where the lines begin that name an answer."""
    found, offset = [], 0
    for line in context.split("\n"):
        if _named(answer).search(line):
            found.append(offset)
        offset += len(line) + 1
    return found


def _check_token_hops(sample: Sample) -> None:
    """Reads the ids from left to right: a name after a name is told of it, until the questions."""
    ids, labels = _tokens(sample)
    length = _number(sample, "length")
    names = _number(sample, "vocabulary") - 1 - _number(sample, "noise") - length
    asking = range(names + 1, names + length + 1)
    start = next((place for place, token in enumerate(ids) if token in asking), len(ids))
    told = [
        (before, token, place)
        for place, (before, token) in enumerate(pairwise(ids[:start]), 1)
        if max(before, token) <= names
    ]
    _once([before for before, _, _ in told], "more than one pair tells what follows")
    _once([token for _, token, _ in told], "more than one pair leads to")
    _equal("the number of names", sum(token <= names for token in ids[:start]), 2 * len(told))
    _equal("the number of pairs", len(told), _number(sample, "chains") * length)
    follows = {before: (token, place) for before, token, place in told}
    due = [IGNORED] * len(ids)
    asked: list[tuple[int, ...]] = []
    distances: list[int] = []
    cot = bool(sample.metadata.get("cot"))
    place = start
    while place < len(ids):
        hops = ids[place] - names
        end = place + 1 + (hops if cot else 1)
        if ids[place] not in asking or end > len(ids):
            raise InvalidInput(f"nothing is asked at {place}", got=str(ids[place:]))
        met, last = [ids[place + 1]], 0
        for _ in range(hops):
            if met[-1] not in follows:
                raise InvalidInput("a chain breaks off", got=f"nothing follows {met[-1]}")
            name, at = follows[met[-1]]
            met, last = [*met, name], max(last, at)
        if cot:
            _equal(f"what is met from {place} on", ids[place + 1 : end], met[:-1])
        due[place + 1 : end] = met[1:] if cot else met[-1:]
        asked.append((hops, met[0]))
        distances.append(end - 1 - last)
        place = end
    _once(asked, "asked for more than once is")
    _equal("what is due", labels, due)
    _same("hops", sample, [hops for hops, _ in asked])
    _same("distances", sample, distances)
    if not asked:
        raise InvalidInput("nothing is asked for")


def _tokens(sample: Sample) -> tuple[list[int], list[int]]:
    """Ids, all of them of the vocabulary, and labels."""
    ids, labels = sample.input, sample.target
    if isinstance(ids, str) or isinstance(labels, str):
        raise InvalidInput("the task is of token ids", got="text")
    _same("tokens", sample, len(ids))
    _equal("the number of labels", len(labels), len(ids))
    for place, token in enumerate(ids):
        if not 0 < token < _number(sample, "vocabulary"):
            raise InvalidInput(f"id {token} at {place} is not of the vocabulary")
    return ids, labels


def _check_mqar(sample: Sample) -> None:
    """Reads the ids from left to right: what is a write and what a query, they tell themselves."""
    ids, labels = _tokens(sample)
    keys = (_number(sample, "vocabulary") - 1 - _number(sample, "noise")) // 2
    stored: dict[int, int] = {}
    where: dict[int, int] = {}
    asked: list[int] = []
    distances: list[int] = []
    updates = 0
    for place, (token, label) in enumerate(zip(ids, labels, strict=True)):
        follows = ids[place + 1] if place + 1 < len(ids) else 0
        writes = token <= keys < follows <= 2 * keys
        if writes:
            updates += token in stored
            stored[token], where[token] = follows, place + 1
        elif token <= keys:
            if token not in stored:
                raise InvalidInput(f"key {token} is asked for at {place} and was not written")
            _equal(f"the label of key {token} at {place}", label, stored[token])
            asked.append(token)
            distances.append(place - where[token])
        elif token <= 2 * keys and not (place and ids[place - 1] <= keys):
            raise InvalidInput(f"value {token} at {place} has no key")
        if label != IGNORED and (writes or token > keys):
            raise InvalidInput(f"there is a label at {place}, where nothing is asked for")
    _once(asked, "asked for more than once is key")
    if updates and sample.metadata["task"] == "mqar":
        raise InvalidInput("a key is written twice", got=f"{updates} times")
    for name, found in (
        ("pairs", len(stored)),
        ("updates", updates),
        ("queries", len(asked)),
        ("distances", distances),
    ):
        _same(name, sample, found)
    if not asked:
        raise InvalidInput("nothing is asked for")


def _texts(sample: Sample) -> tuple[str, str]:
    if not isinstance(sample.input, str) or not isinstance(sample.target, str):
        raise InvalidInput("input and target are texts", got=type(sample.input).__name__)
    return sample.input, sample.target


def _number(sample: Sample, name: str) -> int:
    value = sample.metadata.get(name)
    if not isinstance(value, int):
        raise InvalidInput(f"metadata tell no {name}", got=repr(value))
    return value


def _once(names: Sequence[object], what: str) -> None:
    twice = [name for name, times in Counter(names).items() if times > 1]
    if twice:
        raise InvalidInput(f"{what} {twice[0]}", got=f"{len(twice)} such")


def _equal(what: str, got: object, expected: object) -> None:
    if got != expected:
        raise InvalidInput(f"{what} is wrong", expected=repr(expected)[:200], got=repr(got)[:200])


def _same(name: str, sample: Sample, found: Any) -> None:
    _equal(f"metadata's {name}", sample.metadata.get(name), found)


def _located(sample: Sample, offsets: list[int]) -> None:
    """Whether the needle lies where the metadata say."""
    _same("offsets", sample, offsets)
    depths = sample.metadata.get("depths")
    if not isinstance(depths, list) or len(depths) != len(offsets):
        raise InvalidInput("metadata do not tell the needle's depths", got=repr(depths)[:80])
    if any(not 0 <= depth <= 1 for depth in depths):
        raise InvalidInput("a depth is not within 0 and 1", got=repr(depths)[:80])
    by_place = sorted(range(len(offsets)), key=offsets.__getitem__)
    ordered = [depths[i] for i in by_place]
    if ordered != sorted(ordered):
        raise InvalidInput("depths and offsets disagree", got=f"{depths}, {offsets}")


CHECKS: dict[Any, Callable[[Sample], None]] = {
    "hash_hop": lambda sample: _check_chains(sample, ("magic", "agents"), shared=False),
    "dependency": lambda sample: _check_chains(sample, ("components", "variables"), shared=True),
    "code_retrieval": _check_code,
    "needle": _check_needle,
    "mqar": _check_mqar,
    "forgetting_mqar": _check_mqar,
    "told": _check_told,
    "token_hops": _check_token_hops,
}
