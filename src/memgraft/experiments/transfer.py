"""Figures of continual learning, from the accuracy on every task after every task."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np


def transfer(accuracy: Sequence[Sequence[float]], untrained: Sequence[float]) -> dict[str, float]:
    """R[i][j] is the accuracy on task j after training on tasks up to i; b[j] that of no training.

    average: mean of the last row. backward: mean over j < T of R[T][j] - R[j][j]. forward: mean
    over j > 1 of R[j-1][j] - b[j] (Lopez-Paz & Ranzato 2017, arXiv 1706.08840). forgetting: mean
    over j < T of the best R[i][j], i < T, less R[T][j] (Chaudhry et al. 2018, arXiv 1801.10112).
    learned: mean of R[j][j].
    """
    table, start = np.asarray(accuracy, float), np.asarray(untrained, float)
    last, own = table[-1], table.diagonal()
    return {
        "average": float(last.mean()),
        "forgetting": float((table[:-1, :-1].max(axis=0) - last[:-1]).mean()),
        "backward": float((last - own)[:-1].mean()),
        "forward": float((table.diagonal(1) - start[1:]).mean()),
        "learned": float(own.mean()),
    }
