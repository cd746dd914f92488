"""Generated facts: seeded, held out as promised, and answerable by one fact of a stack only."""

from __future__ import annotations

from importlib import resources
from itertools import islice

import pytest

from memgraft.core.errors import InvalidInput
from memgraft.data.facts import SPLITS, Split, facts, held_out, stack
from memgraft.data.relations import relations
from memgraft.data.values import SAMPLERS, listed, sample


@pytest.mark.parametrize("split", SPLITS)
def test_the_same_seed_gives_the_same_facts(split: Split) -> None:
    first, again, other = (list(islice(facts(split, seed), 50)) for seed in (1, 1, 2))
    assert first == again
    assert first != other


def test_an_unknown_split() -> None:
    with pytest.raises(InvalidInput):
        next(facts("test", 1))  # type: ignore[arg-type]


@pytest.mark.parametrize("split", SPLITS)
def test_each_question_is_answered_by_its_fact_and_by_no_other_of_its_stack(split: Split) -> None:
    source = facts(split, 5)
    for group in (stack(source, 16) for _ in range(60)):
        keys = [key for fact in group for key in fact.keys]
        assert len(set(keys)) == len(keys)
        for fact in group:
            for question in fact.questions:
                answer = question.answer.lower()
                assert answer in fact.text.lower()
                assert answer in fact.reply.lower()
                holders = [other for other in group if answer in other.text.lower()]
                assert holders == [fact]
            asked = {question.text for question in fact.questions}
            others = {q.text for other in group if other is not fact for q in other.questions}
            assert not asked & (others | set(fact.neighbours))


def test_relations_are_held_out() -> None:
    names = {split: {fact.relation for fact in islice(facts(split, 3), 3000)} for split in SPLITS}
    assert not names["relations"] & names["train"]
    assert names["values"] <= names["train"] | names["values"]
    held = {r.name for r in relations() if held_out(r.name, 10)}
    assert names["relations"] <= held
    assert 0.05 < len(held) / len(relations()) < 0.2


def test_wordings_are_held_out() -> None:
    """No held-out way of asking is among those trained on."""
    by_name = {relation.name: relation for relation in relations()}
    for split, allowed in (("train", slice(None, -2)), ("phrasing", slice(-2, None))):
        for fact in islice(facts(split, 4), 300):  # type: ignore[arg-type]
            templates = by_name[fact.relation].ask[allowed]
            openings = {t.split("{")[0].split("[")[0].strip().lower() for t in templates}
            first = fact.questions[0].text.lower()
            assert any(first.startswith(opening) for opening in openings), (split, first)


def test_values_are_held_out() -> None:
    """Open kinds keep a twentieth of their values for measuring."""
    for split in ("train", "values"):
        open_kinds = {r.name for r in relations() if r.value in ("full_name", "code", "password")}
        for fact in islice(facts(split, 6), 2000):  # type: ignore[arg-type]
            if fact.relation in open_kinds:
                assert held_out(fact.questions[0].answer, 20) == (split == "values")


@pytest.mark.parametrize("kind", sorted(SAMPLERS))
def test_values_are_plain_texts_and_seeded(kind: str) -> None:
    import random

    values = [sample(kind, random.Random(seed)) for seed in range(60)]
    assert values == [sample(kind, random.Random(seed)) for seed in range(60)]
    assert all(v.strip() == v and v and v.isprintable() and "{" not in v for v in values)


def test_an_unknown_kind() -> None:
    import random

    with pytest.raises(InvalidInput):
        sample("colour_of_dreams", random.Random(0))


def test_the_card_tells_what_is_there() -> None:
    folder = resources.files("memgraft.data")
    card = (folder / "README.md").read_text(encoding="utf-8")
    all_of_them = relations()
    groups = {r.group for r in all_of_them}
    tables = [f for f in (folder / "relations").iterdir() if f.name.endswith(".txt")]
    lists = [f.name.removesuffix(".txt") for f in (folder / "lists").iterdir()]
    kinds = {r.value for r in all_of_them} | {r.entity for r in all_of_them if r.entity}
    say, ask, back = (sum(len(getattr(r, n)) for r in all_of_them) for n in ("say", "ask", "back"))
    held = sum(held_out(r.name, 10) for r in all_of_them)
    for told in (
        f"{len(all_of_them)} relations in {len(groups)} groups and {len(tables)} tables",
        f"{say:,} ways of telling, {ask:,} of asking, {back:,} of asking back",
        f"{len(kinds)} kinds: {len(kinds & set(SAMPLERS))} made by a generator",
        f"{len(lists)} lists with {sum(len(listed(name)) for name in lists):,} entries",
        f"| {held}, by a hash of the name",
    ):
        assert told in card, told
