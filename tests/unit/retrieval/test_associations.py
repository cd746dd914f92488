"""Associations: what followed is brought, what reversed is undone, what is forgotten is gone."""

from __future__ import annotations

import math
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from memgraft.core.errors import InvalidInput
from memgraft.core.folder import load_arrays, save_arrays
from memgraft.nn.hebbian import faded_oracle, fired_oracle, spread_oracle, stdp
from memgraft.retrieval.associations import DEFAULT, Associations, AssociationsConfig

DAY = 86400.0


def lived(*rounds: str, config: AssociationsConfig = DEFAULT, gap: float = 3600) -> Associations:
    """One letter a second in each round, and long pauses between rounds."""
    made = Associations(config)
    for number, letters in enumerate(rounds):
        for second, letter in enumerate(letters):
            made.observe(letter, number * gap + second)
    return made


def state(associations: Associations) -> dict[str, bytes]:
    return {name: array.tobytes() for name, array in associations.arrays().items()}


# What is learned


def test_what_followed_is_brought_and_not_the_other_way() -> None:
    learned = lived(*["ab"] * 10)
    assert learned.neighbours("a")["b"] > 0.8
    forwards, backwards = learned.spread({"a": 1.0}), learned.spread({"b": 1.0})
    assert forwards["b"] > 0.2
    assert backwards.get("a", 0.0) < 0.1 * forwards["b"]


def test_the_more_often_the_stronger() -> None:
    once, twice, often = (lived(*["ab"] * n).neighbours("a")["b"] for n in (1, 2, 10))
    assert once == stdp(0.0, 1.0, DEFAULT)
    assert once < twice < often < 1.0


def test_the_reverse_order_undoes_it() -> None:
    learned = lived(*["ab"] * 10)
    strengths = [learned.neighbours("a")["b"]]
    for n in range(10, 40):
        learned.observe("b", n * 3600)
        learned.observe("a", n * 3600 + 1)
        strengths.append(learned.neighbours("a").get("b", 0.0))
    assert strengths == sorted(strengths, reverse=True)
    assert strengths[1] < 0.8 * strengths[0]
    assert strengths[-1] == 0.0
    assert learned.neighbours("a") == {}, "and no edge without weight stays"
    assert learned.spread({"b": 1.0})["a"] > 0.2


def test_what_lies_between_is_brought_more_than_what_lies_behind_it() -> None:
    # "ab" and "bc" were never near "ac", so c comes only by two hops.
    learned = lived(*["ab", "bc"] * 10)
    assert "c" not in learned.spread({"a": 1.0}, hops=1)
    found = learned.spread({"a": 1.0}, hops=2)
    assert found["a"] > found["b"] > found["c"] > 0


def test_the_nearer_in_time_the_stronger_and_beyond_the_window_nothing() -> None:
    learned = Associations()
    for record, at in {"a": 0.0, "b": 30.0, "c": 60.0, "d": 1000.0}.items():
        learned.observe(record, at)
    near = learned.neighbours("a")
    assert near["b"] > near["c"] > 0
    assert "d" not in {target for source in "abc" for target in learned.neighbours(source)}


def test_what_comes_at_one_time_is_together() -> None:
    learned = Associations()
    for record in "abc":
        learned.observe(record, 5.0)
    full = DEFAULT.potentiation
    for record, others in {"a": "bc", "b": "ac", "c": "ab"}.items():
        assert learned.neighbours(record) == dict.fromkeys(others, full)


def test_the_same_once_more_at_the_same_time_changes_nothing() -> None:
    learned = lived("abc")
    before = state(learned)
    learned.observe("c", 2.0)
    assert state(learned) == before
    assert "a" not in lived("aaa").neighbours("a")


def test_only_recent_ids_are_paired() -> None:
    learned = lived("abcde", config=AssociationsConfig(trace=2))
    assert set(learned.neighbours("a")) == {"b", "c"}
    assert learned.stats()["recent"] == 2
    again = lived("abacd", config=AssociationsConfig(trace=2))
    assert "d" in again.neighbours("a"), "what is observed again is recent again"
    assert "d" not in again.neighbours("b")


def test_a_pairing_too_weak_to_keep_is_not_kept() -> None:
    learned = Associations()
    learned.observe("a", 0.0)
    learned.observe("b", 0.9 * DEFAULT.window)
    assert 0 < stdp(0.0, 0.9 * DEFAULT.window, DEFAULT) < DEFAULT.floor
    assert learned.stats()["edges"] == 0


@pytest.mark.parametrize("seed", range(4))
def test_a_life_equals_the_oracles(seed: int) -> None:
    """Rows fade when they are touched; the oracle fades the whole matrix at every step."""
    n, noise = 6, np.random.default_rng(seed)
    config = AssociationsConfig(half_life=500, floor=1e-9, degree=n, trace=n)
    learned, matrix, times, at = Associations(config), np.zeros((n, n)), np.full(n, np.nan), 0.0
    for _ in range(150):
        elapsed, key = float(noise.choice([0, 0, 1, 20, 400])), int(noise.integers(n))
        at += elapsed
        matrix = faded_oracle(matrix, np.full(n, elapsed), config.half_life, 0.0)
        if times[key] != at:
            matrix = fired_oracle(matrix, times, key, at, config)
        times[key] = at
        learned.observe(str(key), at)
    learned.decay(at)
    dense = np.array(
        [[learned.neighbours(str(i)).get(str(j), 0.0) for j in range(n)] for i in range(n)]
    )
    assert np.count_nonzero(dense) > n
    np.testing.assert_allclose(dense, matrix, rtol=0, atol=2e-9)  # the floor
    found, seeds = learned.spread({"0": 0.3, "1": 1.0}, 3, 0.4), np.eye(n)[0] * 0.3 + np.eye(n)[1]
    expected = spread_oracle(dense, seeds, 3, 0.4)
    np.testing.assert_allclose([found.get(str(i), 0.0) for i in range(n)], expected, atol=1e-12)


# What is kept


def test_unused_edges_fade_and_used_ones_stay() -> None:
    learned = Associations()
    for record, at in {"a": 0.0, "b": 1.0, "x": 4000.0, "y": 4001.0}.items():
        learned.observe(record, at)
    for month in range(1, 12):
        for second, record in enumerate("ab"):
            learned.observe(record, month * 30 * DAY + second)
    gone = learned.decay(11 * 30 * DAY + 2)
    assert gone == 1
    assert learned.neighbours("x") == {}
    assert learned.neighbours("a")["b"] > 0.2
    assert learned.decay(100 * 365 * DAY) == 1
    assert learned.stats() == {"records": 0, "edges": 0, "mean_weight": 0.0, "recent": 2}


def test_half_is_left_after_the_half_life_in_however_many_steps() -> None:
    once, often = lived("ab"), lived("ab")
    before = once.neighbours("a")["b"]
    once.decay(1 + DEFAULT.half_life)
    for tenth in range(1, 11):
        often.decay(1 + DEFAULT.half_life * tenth / 10)
    assert once.neighbours("a")["b"] == pytest.approx(before / 2, abs=1e-12)
    assert often.neighbours("a")["b"] == pytest.approx(before / 2, abs=1e-12)


def test_a_new_edge_is_not_aged_by_the_time_before_it() -> None:
    learned = lived("ab")
    learned.observe("x", 20 * DAY)
    learned.observe("y", 20 * DAY + 1)
    learned.decay(20 * DAY + 1)
    assert learned.neighbours("x")["y"] == stdp(0.0, 1.0, DEFAULT)


def test_what_else_happens_to_a_row_does_not_make_it_younger() -> None:
    learned = lived("ab", "ac")
    before = learned.neighbours("a")
    learned.link("a", "z", 0.3, 3601.0 + DEFAULT.half_life)
    assert learned.neighbours("a")["c"] == pytest.approx(before["c"] / 2)
    learned.link("x", "y", 0.3, 3601.0 + 2 * DEFAULT.half_life)
    learned.unlink("a", "z")
    learned.forget("c")
    learned.decay(3601.0 + 2 * DEFAULT.half_life)
    assert learned.neighbours("a") == pytest.approx({"b": before["b"] / 4})


def test_a_row_keeps_its_strongest() -> None:
    config = AssociationsConfig(degree=3)
    learned = lived("ab", "ab", "ab", "ac", "ac", "ad", "ae", "ae", "ae", "ae", config=config)
    assert list(learned.neighbours("a")) == ["e", "b", "c"]
    arrays = learned.arrays()
    assert np.diff(arrays["row_ends"], prepend=0).max() == 3


def test_what_the_rows_of_a_long_life_hold_is_bounded() -> None:
    noise = np.random.default_rng(0)
    learned = Associations(AssociationsConfig(degree=2))
    for at in range(500):
        learned.observe(str(noise.integers(30)), float(at))
    stats = learned.stats()
    assert stats["records"] == 30
    assert 30 < stats["edges"] <= 60
    weights = learned.arrays()["weights"]
    assert stats["mean_weight"] == pytest.approx(weights.mean())
    assert DEFAULT.floor <= weights.min() <= weights.max() <= 1


# What is forgotten


def test_forgetting_is_exact() -> None:
    learned = lived("abc", "cab", "bca", "abcd")
    kept = {
        source: {t: w for t, w in learned.neighbours(source).items() if t != "b"}
        for source in "acd"
    }
    assert any("b" in learned.neighbours(source) for source in "acd")
    learned.forget("b")
    assert b"b" not in state(learned)["ids"]
    assert learned.neighbours("b") == {}
    assert {source: learned.neighbours(source) for source in "acd"} == kept, "bit for bit"
    assert learned.spread({"b": 1.0}) == {"b": 0.5}
    assert "b" not in learned.spread(dict.fromkeys("acd", 1.0), hops=5)


def test_what_is_forgotten_is_not_paired_with_what_comes_next() -> None:
    learned = lived("ab")
    learned.forget("b")
    learned.observe("c", 2.0)
    assert learned.neighbours("b") == {}
    assert "b" not in learned.neighbours("c")
    assert set(learned.neighbours("a")) == {"c"}


def test_one_that_comes_back_starts_anew() -> None:
    learned = lived("ab", "ab", "ab")
    learned.forget("b")
    learned.observe("a", 9e4)
    learned.observe("b", 9e4 + 1)
    assert learned.neighbours("a") == {"b": stdp(0.0, 1.0, DEFAULT)}


def test_everything_forgotten_nothing_left() -> None:
    learned = lived("abcab", "dacb")
    for record in "abcd":
        learned.forget(record)
    empty = Associations()
    empty.decay(3603.0)  # the clock goes on
    assert state(learned) == state(empty)


def test_unknown_ids_are_no_error() -> None:
    learned = lived("ab")
    before = state(learned)
    learned.forget("nobody")
    assert learned.neighbours("nobody") == {}
    assert learned.spread({"nobody": 2.0}, damping=0.25) == {"nobody": 1.5}
    assert not learned.unlink("nobody", "a")
    assert not learned.unlink("a", "nobody")
    assert state(learned) == before


# Proposed links


def test_a_link_is_used_like_an_edge_and_unlinked_again() -> None:
    learned = lived("ab", "ab")
    before = state(learned)
    assert learned.link("b", "z", 0.4, 3601.0)
    assert learned.neighbours("b") == {"z": 0.4}
    assert learned.spread({"a": 1.0})["z"] > 0
    assert "b" not in learned.neighbours("z")
    assert learned.unlink("b", "z")
    assert state(learned) == before


def test_a_link_changes_nothing_that_was_learned() -> None:
    learned = lived("ab", "ab", config=AssociationsConfig(degree=2))
    assert not learned.link("a", "b", 1.0, 3601.0)
    assert learned.link("a", "y", 0.1, 3601.0)
    before = learned.neighbours("a")
    assert not learned.link("a", "z", 1.0, 3601.0), "the row is full"
    assert not learned.link("b", "z", DEFAULT.floor / 2, 3601.0)
    assert learned.neighbours("a") == before
    assert learned.neighbours("b") == {}


def test_a_link_fades_unless_it_is_used() -> None:
    learned = Associations()
    learned.link("a", "b", 0.4, 0.0)
    learned.link("x", "y", 0.4, 0.0)
    learned.observe("x", 10.0)
    learned.observe("y", 11.0)
    learned.decay(DEFAULT.half_life)
    assert learned.neighbours("a")["b"] == pytest.approx(0.2)
    assert learned.neighbours("x")["y"] > 0.25


# At rest

steps = st.lists(
    st.tuples(
        st.sampled_from(["observe"] * 6 + ["link", "unlink", "forget", "decay"]),
        st.sampled_from(["a", "b", "ü", "d d", "0190-e"]),
        st.sampled_from(["a", "b", "ü", "d d", "zz"]),
        st.sampled_from([0.0, 0.1, 1.0, 50.0, 5 * DAY]),
    ),
    max_size=40,
)


def live(associations: Associations, happenings: list[tuple[str, str, str, float]]) -> None:
    at = float(associations.arrays()["clock"][0])
    for verb, one, other, later in happenings:
        at += later
        if verb == "observe":
            associations.observe(one, at)
        elif verb == "forget":
            associations.forget(one)
        elif verb == "decay":
            associations.decay(at)
        elif verb == "unlink":
            associations.unlink(one, other)
        elif one != other:
            associations.link(one, other, 0.3, at)


@given(steps, steps)
@settings(max_examples=60, deadline=None)
def test_arrays_give_it_back_bit_for_bit_and_it_goes_on_the_same(before: Any, after: Any) -> None:
    config = AssociationsConfig(degree=2, trace=3)
    one = Associations(config)
    live(one, before)
    other = Associations.from_arrays(one.arrays(), config)
    assert state(other) == state(one)
    assert other.spread({"a": 1.0, "ü": 0.3}, 3) == one.spread({"a": 1.0, "ü": 0.3}, 3)
    live(one, after)
    live(other, after)
    assert state(other) == state(one)


@pytest.mark.parametrize("learned", [Associations(), lived("abc", "cab")], ids=["none", "some"])
def test_arrays_go_through_a_file(learned: Associations, tmp_path: Path) -> None:
    save_arrays(tmp_path / "associations.safetensors", learned.arrays(), {})
    arrays, _ = load_arrays(tmp_path / "associations.safetensors")
    assert state(Associations.from_arrays(arrays)) == state(learned)


def _changed(name: str, place: int, value: float) -> Callable[[dict[str, Any]], None]:
    def change(arrays: dict[str, Any]) -> None:
        arrays[name] = arrays[name].copy()
        arrays[name][place] = value

    change.__name__ = f"{name}[{place}]={value}"
    return change


def _without(name: str) -> Callable[[dict[str, Any]], None]:
    def change(arrays: dict[str, Any]) -> None:
        del arrays[name]

    change.__name__ = f"no {name}"
    return change


def _shortened(name: str) -> Callable[[dict[str, Any]], None]:
    def change(arrays: dict[str, Any]) -> None:
        arrays[name] = arrays[name][:-1]

    change.__name__ = f"short {name}"
    return change


DAMAGE = [
    *map(_without, ("ids", "weights", "clock")),
    *map(_shortened, ("ids", "id_ends", "rows", "row_ends", "targets", "weights", "since")),
    *map(_shortened, ("trace", "trace_times", "clock")),
    _changed("weights", 0, math.nan),
    _changed("weights", 0, -0.1),
    _changed("weights", 0, 1.1),
    _changed("weights", 0, 0.0),
    _changed("targets", 0, 99),
    _changed("targets", 0, -1),
    _changed("targets", 0, 0),
    _changed("targets", 1, 1),
    _changed("rows", 1, 0),
    _changed("row_ends", 0, 99),
    _changed("since", 0, 1e9),
    _changed("since", 0, math.nan),
    _changed("trace_times", 0, -1.0),
    _changed("clock", 0, math.inf),
    _changed("id_ends", 0, 0),
    _changed("ids", 0, 255),
    _changed("ids", 0, ord("b")),
]


@pytest.mark.parametrize("damage", DAMAGE, ids=lambda change: change.__name__)
def test_damaged_arrays_are_refused(damage: Callable[[dict[str, Any]], None]) -> None:
    arrays = lived("abc", "cab").arrays()
    Associations.from_arrays(arrays)
    damage(arrays)
    with pytest.raises(InvalidInput, match=r"hold no associations; expected: .*; got: .*; next: "):
        Associations.from_arrays(arrays)


def test_config_comes_back_from_plain_values() -> None:
    config = AssociationsConfig(degree=3, potentiation=0.1)
    assert AssociationsConfig.from_dict(config.to_dict()) == config


# Values that cannot be used

REFUSED: dict[str, Callable[[Associations], object]] = {
    "an empty id": lambda a: a.observe("", 9e4),
    "a number for an id": lambda a: a.observe(7, 9e4),  # type: ignore[arg-type]
    "a negative time": lambda a: a.observe("a", -1.0),
    "a time that is none": lambda a: a.observe("a", math.nan),
    "an endless time": lambda a: a.decay(math.inf),
    "time that runs backwards": lambda a: a.observe("a", 0.0),
    "decay that runs backwards": lambda a: a.decay(0.0),
    "a negative link": lambda a: a.link("a", "c", -0.1, 9e4),
    "a link above 1": lambda a: a.link("a", "c", 1.1, 9e4),
    "a link that is none": lambda a: a.link("a", "c", math.nan, 9e4),
    "a link to itself": lambda a: a.link("a", "a", 0.5, 9e4),
    "a link to nothing": lambda a: a.link("a", "", 0.5, 9e4),
    "a link in the past": lambda a: a.link("a", "c", 0.5, 0.0),
    "a negative seed": lambda a: a.spread({"a": 1.0, "b": -1.0}),
    "a seed that is none": lambda a: a.spread({"a": math.nan}),
    "negative hops": lambda a: a.spread({"a": 1.0}, hops=-1),
    "damping of 1": lambda a: a.spread({"a": 1.0}, damping=1.0),
    "negative damping": lambda a: a.spread({"a": 1.0}, damping=-0.1),
}


@pytest.mark.parametrize("refused", REFUSED.values(), ids=REFUSED)
def test_what_cannot_be_used_is_refused_and_changes_nothing(
    refused: Callable[[Associations], object],
) -> None:
    learned = lived("ab", "ab")
    before = state(learned)
    with pytest.raises(InvalidInput) as caught:
        refused(learned)
    error = caught.value
    assert all([error.what, error.expected, error.got, error.next_step])
    assert state(learned) == before


def test_a_little_back_counts_as_the_latest() -> None:
    learned = lived("ab")
    learned.observe("c", 0.5)
    assert learned.neighbours("b")["c"] == learned.neighbours("c")["b"] == DEFAULT.potentiation
    learned.decay(60.0)
    learned.observe("d", 59.0)
    with pytest.raises(InvalidInput, match=r"backwards.*at least 59\.000 s; got: 58\.900 s"):
        learned.observe("e", 58.9)


@pytest.mark.parametrize(
    "values",
    [
        {"degree": 0},
        {"trace": 0},
        {"half_life": 0.0},
        {"floor": 0.0},
        {"floor": 1.1},
        {"tolerance": -1.0},
        {"window": 0.0},
    ],
    ids=str,
)
def test_a_config_out_of_bounds_is_refused(values: dict[str, Any]) -> None:
    with pytest.raises(InvalidInput, match=next(iter(values))):
        AssociationsConfig(**values)


def test_it_loads_no_torch() -> None:
    command = "import sys, memgraft.retrieval.associations; sys.exit('torch' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", command], check=False).returncode == 0
