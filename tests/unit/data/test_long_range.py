"""Every answer is proved by the sequence, and stands as far away as it says."""

from __future__ import annotations

import numpy as np
import pytest

from memgraft.core.errors import InvalidInput
from memgraft.data.long_range import ASK, IGNORED, MARK, START, TASKS, LongRangeConfig, sequences

CONFIG = LongRangeConfig()


def solved(task: str, row: np.ndarray, place: int) -> tuple[int, int]:
    """What is due after `row[: place + 1]` by the task's rule, and where that stood."""
    read = row[: place + 1].tolist()
    if task == "recall" or task == "copy":
        at = read.index(read[place]) + 1
    else:
        at = max(n for n in range(place) if read[n] == MARK) + 1
    return read[at], at


@pytest.mark.parametrize("task", TASKS)
@pytest.mark.parametrize("distance", [0, 1, 7])
def test_answers_are_proved_and_far_enough(task: str, distance: int) -> None:
    inputs, targets = sequences(CONFIG, task, distance, 50, seed=3)
    assert inputs.shape == targets.shape == (50, CONFIG.tokens(distance))
    assert inputs.min() >= 0 and inputs.max() < CONFIG.vocabulary
    for row, due in zip(inputs, targets, strict=True):
        places = np.flatnonzero(due != IGNORED)
        assert len(places) == {"recall": CONFIG.asked, "copy": CONFIG.copied, "latest": 1}[task]
        for place in places:
            answer, at = solved(task, row, place)
            assert answer == due[place]
            # In a copy the question itself came with the symbols, and the answer right after it.
            assert place - at >= distance * CONFIG.window


def test_all_tasks_are_equally_long_and_go_by_their_seed() -> None:
    one, other = (sequences(CONFIG, "recall", 3, 4, seed) for seed in (0, 1))
    again = sequences(CONFIG, "recall", 3, 4, 0)
    assert np.array_equal(one[0], again[0]) and np.array_equal(one[1], again[1])
    assert not np.array_equal(one[0], other[0])
    assert len({sequences(CONFIG, task, 3, 1, 0)[0].shape for task in TASKS}) == 1


def test_latest_has_earlier_marks_with_other_answers() -> None:
    inputs, targets = sequences(CONFIG, "latest", 2, 200, seed=0)
    first = [row[row.tolist().index(MARK) + 1] for row in inputs]
    assert (np.array(first) == targets.max(axis=1)).mean() < 0.3
    assert ((inputs == MARK).sum(axis=1) == CONFIG.updates + 1).all()


def test_marks_say_what_is_asked() -> None:
    recall, due = sequences(CONFIG, "recall", 1, 20, 0)
    assert ((due[:, 1:] != IGNORED) == (recall[:, :-1] == ASK)).all()
    copied, _ = sequences(CONFIG, "copy", 1, 20, 0)
    assert ((copied == START).sum(axis=1) == 2).all()


def test_what_makes_no_sequence_is_refused() -> None:
    with pytest.raises(InvalidInput, match="no task"):
        sequences(CONFIG, "sort", 1, 1, 0)
    with pytest.raises(InvalidInput, match="distance"):
        sequences(CONFIG, "copy", -1, 1, 0)
    with pytest.raises(InvalidInput, match="fewer symbols"):
        LongRangeConfig(symbols=2)
    with pytest.raises(InvalidInput, match="of the pairs"):
        LongRangeConfig(asked=9)
