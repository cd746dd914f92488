"""The texts that were embedded last are not embedded again."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from memgraft.evals.embedding import LastRemembered
from memgraft.text.encoder import Vectors
from toys import ToyEncoder


class Counting(ToyEncoder):
    calls = 0

    def encode(self, texts: Sequence[str]) -> Vectors:
        self.calls += 1
        return super().encode(texts)


def test_only_the_last_is_remembered() -> None:
    inner = Counting()
    encoder = LastRemembered(inner)
    assert (encoder.id, encoder.dimension) == (inner.id, inner.dimension)
    first = encoder.encode(["a boat"])
    first[:] = 0
    assert np.array_equal(encoder.encode(["a boat"]), inner.encode(["a boat"]))
    assert inner.calls == 2, "once inside and once here"
    encoder.encode(["a car"])
    encoder.encode(["a boat"])
    assert inner.calls == 4
