"""Sculpting a slot: a short gradient loop that moves it to where its questions will come from.

A slot that is a copy of its text's vector answers to that text. Seen from several views of the text
(with slips of the pen, with words left out, as questions) and against the slots nearest to it, a
better place can be found: one that all views are near and the rivals are not.

The loss is a quadratic one, as of a linear associative memory with the pseudo-inverse rule
(Kohonen 1972; Personnaz et al. 1986), since it has one minimum and no temperature. The softmax over
slots that one would think of first earned nothing in all settings that were tried.
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from memgraft.retrieval.trace import Trace
from memgraft.text.encoder import Encoder
from memgraft.text.noise import dropped, slipped
from memgraft.text.questions import questions

Vector = NDArray[np.float32]

# The push of each rival, the pull of the text's own vector, and the step. Chosen on the training
# split of the generated facts; benchmarks/sculpting.py measures them on a held-out one.
PUSH, ANCHOR, RATE = 1 / 32, 0.5, 0.4
# Views of each sort of noise, and views at most: the others are questions.
NOISED, VIEWS = 2, 12
# Characters of a text that views are made of: encoders do not read much further.
LONGEST = 2000


def sculpted(clean: Vector, views: Vector, rivals: Vector, steps: int) -> Vector:
    """The slot (d,) of unit length after `steps` steps of gradient descent from `clean`.

    The loss is half the mean over the views v of (1 - m·v)², plus PUSH / 2 times the sum over the
    rivals r of (m·r)², plus ANCHOR / 2 times |m - clean|².

    Args:
        clean: unit vector of the text, (d,).
        views: unit vectors of its views, (v, d), v of at least 1.
        rivals: the nearest other slots, (k, d), which stay as they are; a few dozen at most, or the
            steps are too long for them.
    """
    if not steps:
        return clean
    slot = clean.astype(np.float64)
    for _ in range(steps):
        slot = slot - RATE * loss_gradient(slot, clean, views, rivals)
    return (slot / np.linalg.norm(slot)).astype(np.float32)


def loss_gradient(
    slot: NDArray[np.float64], clean: Vector, views: Vector, rivals: Vector
) -> NDArray[np.float64]:
    """Of the loss by the slot, (d,)."""
    pull = (views @ slot - 1.0) @ views / len(views)
    push = PUSH * ((rivals @ slot) @ rivals)
    return np.asarray(pull + push + ANCHOR * (slot - clean), np.float64)


def encoded_views(traces: Sequence[Trace], encoder: Encoder) -> list[Vector]:
    """For each trace the unit vectors of its views, (v, d), the text itself first."""
    texts = [[trace.said, *views(trace.text)] for trace in traces]
    flat = encoder.encode([text for own in texts for text in own])
    ends = np.cumsum([len(own) for own in texts])
    return list(np.split(flat, ends[:-1]))


def views(text: str) -> list[str]:
    """Texts that mean the same, at most `VIEWS`; the same text always gives the same ones."""
    text = text[:LONGEST]
    seed = int.from_bytes(hashlib.sha256(text.encode()).digest()[:4])
    rng = np.random.default_rng(seed)
    found = []
    for _ in range(NOISED):
        found += [slipped(text, rng), dropped(text, rng), slipped(dropped(text, rng), rng)]
    found += questions(text)[: VIEWS - len(found)]
    return list(dict.fromkeys(view for view in found if view.strip() and view != text))
