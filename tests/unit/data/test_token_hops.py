"""Token hops: every answer follows from the ids, read as a model has to read them."""

from __future__ import annotations

from itertools import islice

import pytest

from memgraft.core.errors import InvalidInput
from memgraft.data.mqar import IGNORED
from memgraft.data.samples import Sample
from memgraft.data.token_hops import TokenHopsConfig, token_hops


def read(config: TokenHopsConfig, sample: Sample) -> list[tuple[int, int, int]]:
    """(hops, answer, distance) of each question, by a reader of its own: a name after a name is
    told of it, until the questions."""
    told: dict[int, tuple[int, int]] = {}
    found = []
    ids, labels = list(sample.input), list(sample.target)
    assert all(0 < token < config.vocabulary for token in ids)  # type: ignore[operator]
    start = config.tokens - config.asked * config.question
    for place in range(start):
        before, token = ids[place - 1] if place else 0, ids[place]
        assert isinstance(before, int) and isinstance(token, int)
        if 0 < before <= config.names >= token:
            assert before not in told, "a name leads to one other"
            told[before] = (token, place)
    assert len(told) == config.pairs
    assert labels[:start] == [IGNORED] * start
    for place in range(start, config.tokens, config.question):
        hops, due = ids[place] - config.names, ids[place + 1]  # type: ignore[operator]
        met, last = [], 0
        for _ in range(hops):
            due, at = told[due]  # type: ignore[index]
            met.append(due)
            last = max(last, at)
        end = place + config.question
        assert ids[place + 2 : end] == (met[:-1] if config.cot else [])
        assert labels[place:end] == [IGNORED, *(met if config.cot else met[-1:])]
        found.append((hops, due, end - 1 - last))
    return found  # type: ignore[return-value]


@pytest.mark.parametrize(
    "config",
    [
        TokenHopsConfig(),
        TokenHopsConfig(chains=3, length=3, hops=(1, 3), spread=9, filler=11, vocabulary=64),
        TokenHopsConfig(chains=5, length=1, hops=(1,), questions=2, vocabulary=40),
        TokenHopsConfig(chains=6, hops=(1, 2), questions=7, filler=3),
        TokenHopsConfig(filler=5, cot=True),
        TokenHopsConfig(chains=3, length=4, hops=(3,), cot=True, questions=5, spread=2),
    ],
)
def test_every_answer_follows_from_the_ids(config: TokenHopsConfig) -> None:
    hops = set()
    for seed in range(3):
        for sample in islice(token_hops(config, seed), 60):
            found = read(config, sample)
            assert len(sample.input) == config.tokens
            assert len(found) == config.asked
            assert [one[0] for one in found] == sample.metadata["hops"]
            assert [one[2] for one in found] == sample.metadata["distances"]
            assert min(one[2] for one in found) >= config.filler + 2
            hops |= {one[0] for one in found}
    assert hops == set(config.hops)


def test_pairs_come_in_any_order_and_are_scattered() -> None:
    config = TokenHopsConfig(chains=1, spread=12)
    orders, starts = set(), set()
    for sample in islice(token_hops(config), 200):
        ids = list(sample.input)
        names = [(p, token) for p, token in enumerate(ids) if token <= config.names]  # type: ignore[operator]
        orders.add(names[0][1] == ids[-1])
        starts.add(names[0][0])
    assert orders == {True, False}
    assert len(starts) > 6


def test_the_same_seed_gives_the_same_samples() -> None:
    config = TokenHopsConfig(spread=5)
    one, again, other = (list(islice(token_hops(config, seed), 8)) for seed in (1, 1, 2))
    assert one == again
    assert one != other
    assert list(islice(token_hops(config, 1, start=5), 3)) == one[5:]


@pytest.mark.parametrize(
    ("values", "told"),
    [
        ({"chains": 0}, "chains is at least 1"),
        ({"noise": 0}, "noise is at least 1"),
        ({"hops": (3,)}, "1 to 2"),
        ({"hops": ()}, "none"),
        ({"questions": 5}, "1 to 4"),
        ({"hops": (1, 2), "cot": True}, "one number of hops"),
        ({"vocabulary": 30}, "vocabulary of at least 31"),
    ],
)
def test_what_cannot_be_told_is_refused(values: dict[str, object], told: str) -> None:
    with pytest.raises(InvalidInput, match=told):
        TokenHopsConfig.from_dict(values)
