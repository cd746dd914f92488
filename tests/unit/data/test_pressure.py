"""Items, half of which may be asked for."""

from __future__ import annotations

import numpy as np
import pytest

from memgraft.core.errors import InvalidInput
from memgraft.data.pressure import ASK, IGNORED, PressureConfig, sequences

CONFIG = PressureConfig()


@pytest.mark.parametrize("items", [4, 8, 16, 128])
def test_answers_are_proved_and_only_the_first_kind_is_asked(items: int) -> None:
    inputs, targets, ages = sequences(CONFIG, items, 20, seed=1)
    assert inputs.shape == (20, 2 * items + 2 * CONFIG.asked)
    for row, due, age in zip(inputs, targets, ages, strict=True):
        keys, values = row[: 2 * items : 2], row[1 : 2 * items : 2]
        assert len(set(keys.tolist())) == items
        kinds = CONFIG.matters(keys)
        assert kinds.sum() == max(CONFIG.asked, items // 2)
        places = np.flatnonzero(due != IGNORED)
        assert len(places) == CONFIG.asked and (row[places - 1] == ASK).all()
        for place, old in zip(places, age, strict=True):
            at = keys.tolist().index(row[place])
            assert kinds[at] and values[at] == due[place]
            assert old == items - 1 - at


def test_what_does_not_fit_is_refused() -> None:
    for items in (3, 129):
        with pytest.raises(InvalidInput, match="do not fit"):
            sequences(CONFIG, items, 1, 0)
