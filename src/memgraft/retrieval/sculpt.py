"""Sculpting a slot: a short gradient loop that moves it to where its questions will come from.

A slot that is a copy of its text's vector answers to that text. Seen from several views of the text
(with slips of the pen, with words left out, as questions) and against the slots nearest to it, a
better place can be found: one that all views are near and the rivals' are not.
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

# Inverse temperature of the softmax over slots, the pull of the text's own vector, the step.
SHARPNESS, ANCHOR, RATE = 12.0, 1.0, 0.15
# Views of a text, at most, that are not the text itself.
VIEWS = 6


def sculpted(clean: Vector, views: Vector, rivals: Vector, steps: int) -> Vector:
    """The slot (d,) after `steps` steps of gradient descent on the unit sphere, from `clean`.

    The loss is the mean over the views q of -log softmax(s·[m·q, r·q ...])[0], the chance that a
    view does not choose this slot m among the rivals r, plus ANCHOR · (1 - m·clean).

    Args:
        clean: unit vector of the text, (d,).
        views: unit vectors of its views, (v, d), v of at least 1.
        rivals: the nearest other slots, (k, d), which stay as they are.
    """
    slot = clean.astype(np.float64)
    against = views @ rivals.T
    for _ in range(steps):
        gradient = loss_gradient(slot, clean, views, against)
        gradient -= (gradient @ slot) * slot
        slot = slot - RATE * gradient
        slot /= np.linalg.norm(slot)
    return slot.astype(np.float32)


def loss_gradient(
    slot: NDArray[np.float64], clean: Vector, views: Vector, against: Vector
) -> NDArray[np.float64]:
    """Of the loss by the slot, (d,); `against` holds the cosines of views and rivals, (v, k)."""
    own = views @ slot
    scores = SHARPNESS * np.concatenate([own[:, None], against], axis=1)
    scores -= scores.max(axis=1, keepdims=True)
    chances = np.exp(scores)
    mine = chances[:, 0] / chances.sum(axis=1)
    pull = SHARPNESS * (mine - 1.0)
    return np.asarray((pull[:, None] * views).mean(axis=0) - ANCHOR * clean, np.float64)


def encoded_views(traces: Sequence[Trace], encoder: Encoder) -> list[Vector]:
    """For each trace the unit vectors of its views, (v, d), the text itself first."""
    texts = [[trace.said, *views(trace.text)] for trace in traces]
    flat = encoder.encode([text for own in texts for text in own])
    ends = np.cumsum([len(own) for own in texts])
    return list(np.split(flat, ends[:-1]))


def views(text: str) -> list[str]:
    """Texts that mean the same, at most `VIEWS`; the same text always gives the same ones."""
    seed = int.from_bytes(hashlib.sha256(text.encode()).digest()[:4])
    rng = np.random.default_rng(seed)
    found = [slipped(text, rng), dropped(text, rng), slipped(dropped(text, rng), rng)]
    found += questions(text)[: VIEWS - len(found)]
    return list(dict.fromkeys(view for view in found if view.strip() and view != text))
