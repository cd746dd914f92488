"""Tables of relations: their format, and that every bundled template renders in every person."""

from __future__ import annotations

import re

import pytest

from memgraft.core.errors import InvalidInput
from memgraft.data.relations import FIRST, parse, relations, render, third
from memgraft.data.values import SAMPLERS, listed

TABLE = """
# a comment
[employer]
group: work
subject: person
value: company
say:
- {S} [work|works] at {V}.
ask:
- where [do|does] {S} work?
back:
- who works at {V}?
"""
MIRA = third("Mira", ("she", "her", "her"))
PARENTS = third("my parents", ("they", "them", "their"), plural=True)


def test_a_table_is_read() -> None:
    (relation,) = parse(TABLE)
    assert (relation.name, relation.group, relation.value) == ("employer", "work", "company")
    assert relation.say == ("{S} [work|works] at {V}.",)
    assert relation.back == ("who works at {V}?",)
    assert relation.entity is None


@pytest.mark.parametrize(
    ("subject", "template", "text"),
    [
        (FIRST, "{S} [eat|eats] {V}, {he} [like|likes] {his} job.", "I eat X, I like my job."),
        (MIRA, "{S} [am|are|is] at {V} with {his} dog.", "Mira is at X with her dog."),
        (PARENTS, "{S} [am|are|is] at {V}.", "my parents are at X."),
        (PARENTS, "{S's} home is {V}.", "my parents' home is X."),
        (MIRA, "{V} pays {me}.", "X pays Mira."),
        (None, "it is {a V}.", "it is a X."),
    ],
)  # fmt: skip
def test_templates_agree_with_their_subject(subject: object, template: str, text: str) -> None:
    assert render(template, subject, "X") == text  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("value", "article"),
    [("oboe", "an"), ("violin", "a"), ("hour", "an"), ("ukulele", "a"), ("MRI", "an"), ("8", "an")],
)
def test_articles(value: str, article: str) -> None:
    assert render("{a V}", None, value) == f"{article} {value}"


def test_values_with_brackets_stay_as_they_are() -> None:
    assert render("{S} [use|uses] {V}.", MIRA, "[a|b]{S}") == "Mira uses [a|b]{S}."


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("subject: person", "subject: crowd"),
        ("subject: person", "subject: none"),
        ("{S} [work|works] at {V}.", "{S} [work|works] there."),
        ("{S} [work|works] at {V}.", "{S} [work|works] at {V}"),
        ("{S} [work|works] at {V}.", "{X} works at {V}."),
        ("{S} [work|works] at {V}.", "{E} works at {V}."),
        ("where [do|does] {S} work?", "is it {V}?"),
        ("who works at {V}?", "who works?"),
        ("group: work", ""),
        ("value: company", "worth: company"),
    ],
)
def test_a_malformed_section_is_refused(old: str, new: str) -> None:
    assert old in TABLE
    with pytest.raises(InvalidInput):
        list(parse(TABLE.replace(old, new)))


class TestBundled:
    def test_there_are_many_with_many_wordings(self) -> None:
        assert len(relations()) >= 300
        for relation in relations():
            assert len(set(relation.say)) >= 6, relation.name
            assert len(set(relation.ask)) >= 6, relation.name

    def test_names_are_unique(self) -> None:
        names = [relation.name for relation in relations()]
        assert sorted(set(names)) == sorted(names)

    def test_every_kind_of_value_exists(self) -> None:
        for relation in relations():
            for kind in filter(None, (relation.value, relation.entity)):
                assert kind in SAMPLERS or listed(kind), f"{relation.name}: {kind}"

    def test_everything_renders_in_every_person(self) -> None:
        for relation in relations():
            people = [None] if relation.subject == "none" else [FIRST, MIRA, PARENTS]
            for template in (*relation.say, *relation.ask, *relation.back):
                for subject in people:
                    text = render(template, subject, "VALUE", "ENTITY")
                    assert not re.search(r"[{}\[\]|]|\s\s", text), (relation.name, template)
