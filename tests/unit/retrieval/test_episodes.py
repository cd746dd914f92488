"""Episodes as linked slots equal plain lists."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from memgraft.core.errors import InvalidInput
from memgraft.retrieval.episodes import NONE, Episodes

NAMES = [None, "a", "b"]
# Adding to an episode, replacing a slot (with one of the same episode or not), removing a slot.
steps = st.lists(
    st.tuples(st.sampled_from(["add", "swap", "remove"]), st.sampled_from(NAMES), st.integers(0)),
    max_size=30,
)


class Lists:
    """The same by lists of slots."""

    def __init__(self) -> None:
        self.lists: dict[str | None, list[int]] = {None: [], "a": [], "b": []}
        self.of: dict[int, str | None] = {}

    def add(self, name: str | None, slot: int) -> None:
        self.lists[name].append(slot)
        self.of[slot] = name

    def remove(self, slot: int) -> None:
        self.lists[self.of.pop(slot)].remove(slot)

    def swap(self, old: int, new: int) -> None:
        """The new one, last in its episode, takes the old one's place if that is the same."""
        name = self.of[old]
        if self.of[new] == name:
            self.lists[name].remove(new)
            self.lists[name][self.lists[name].index(old)] = new
            del self.of[old]
        else:
            self.remove(old)


def lived(moves: list[tuple[str, Any, int]]) -> tuple[Episodes, Lists]:
    episodes, lists = Episodes(), Lists()
    for kind, name, which in moves:
        living = sorted(lists.of)
        if kind == "remove":
            if living:
                episodes.remove(living[which % len(living)])
                lists.remove(living[which % len(living)])
            continue
        slot = episodes.add(name)
        lists.add(name, slot)
        if kind == "swap" and living:
            episodes.swap(living[which % len(living)], slot)
            lists.swap(living[which % len(living)], slot)
    return episodes, lists


def check(episodes: Episodes, lists: Lists) -> None:
    for name, slots in lists.lists.items():
        for place, slot in enumerate(slots):
            inside = name is not None
            before, after = slots[:place] if inside else [], slots[place + 1 :] if inside else []
            assert episodes.before[slot] == (before[-1] if before else NONE)
            assert episodes.after[slot] == (after[0] if after else NONE)
            for length in (0, 1, 2, 9):
                assert episodes.window(slot, length) == before[max(0, len(before) - length) :]
                assert episodes.following(slot, length) == after[:length]


@given(steps)
@settings(max_examples=300, deadline=None)
def test_episodes_are_lists(moves: list[tuple[str, Any, int]]) -> None:
    episodes, lists = lived(moves)
    check(episodes, lists)
    gone = set(range(len(episodes.episode))) - set(lists.of)
    assert all(episodes.episode[slot] == NONE for slot in gone)


@given(steps, steps)
@settings(max_examples=200, deadline=None)
def test_links_bring_the_order_back_and_it_goes_on(
    moves: list[tuple[str, Any, int]], later: list[tuple[str, Any, int]]
) -> None:
    """As a memory is compacted: the living in the order of their slots, then relinked."""
    episodes, lists = lived(moves)
    rows = np.array(sorted(lists.of), np.intp)
    links = episodes.links(rows)
    again, numbers = Episodes(), {slot: row for row, slot in enumerate(rows.tolist())}
    moved = Lists()
    for slot in rows.tolist():
        again.add(lists.of[slot])
        moved.of[numbers[slot]] = lists.of[slot]
    again.relink(links)
    moved.lists = {n: [numbers[slot] for slot in slots] for n, slots in lists.lists.items()}
    check(again, moved)
    for _, name, _ in later:
        moved.add(name, again.add(name))
    check(again, moved)


@pytest.mark.parametrize("before", [[NONE], [NONE, 5, NONE], [NONE, 0, 0], [NONE, NONE, 1]])
def test_links_that_are_none_are_refused(before: list[int]) -> None:
    episodes = Episodes()
    for name in ("a", "a", "b"):
        episodes.add(name)
    with pytest.raises(InvalidInput):
        episodes.relink(np.array(before))
    assert episodes.before.tolist() == [NONE, 0, NONE]
