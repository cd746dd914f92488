"""Tasks that come one after the other, each a set of examples with a label.

Digits are the 8 × 8 images that ship with scikit-learn (UCI optical recognition of handwritten
digits). Facts are a synthetic family: keys with a value each, drawn anew for every seed.

- digits-split: two classes per task; all ten labels can be said at any time (class-incremental,
  arXiv 1904.07734).
- digits-permuted: all classes, with pixels in an order of the task's own (domain-incremental).
- facts-split: every task has keys of its own.
- facts-permuted: the same keys in every task, which is marked by a cue, and other values.

Each family has a validation part, for choosing settings: see `family`.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from memgraft.core.errors import InvalidInput, MissingExtra

FAMILIES = ("digits-split", "digits-permuted", "facts-split", "facts-permuted")
LABELS = 10
# Pixels are 0 to 16; their mean is about 5 and their deviation about 6.
MEAN, DEVIATION = 5.0, 6.0
# Every fourth digit is for the test, and every fourth of the others for validation.
HELD_OUT = 4

Ids = NDArray[np.int64]
Features = NDArray[np.float32]


@dataclass(frozen=True, eq=False)
class Examples:
    """What is shown, ids (n,) with features (n, f), f may be 0, and the labels due (n,)."""

    ids: Ids
    features: Features
    labels: Ids

    def __len__(self) -> int:
        return len(self.ids)

    @property
    def bytes(self) -> int:
        """What they take in memory."""
        return self.ids.nbytes + self.features.nbytes + self.labels.nbytes

    def at(self, index: Ids) -> Examples:
        """The examples of this index, in its order."""
        return Examples(self.ids[index], self.features[index], self.labels[index])


@dataclass(frozen=True, eq=False)
class Family:
    """The tasks in their order, each as (train, test). Ids 0 to 9 are the labels."""

    vocabulary: int
    features: int
    tasks: list[tuple[Examples, Examples]]


def family(name: str, tasks: int = 5, seed: int = 0, *, validation: bool = False) -> Family:
    """So many tasks of a family; the seed draws permutations, facts and the order of classes.

    Args:
        validation: tasks to choose settings on. Of digits, `test` is held out of what is trained on
            otherwise, and `train` is the rest of that: no image of the real test is in either.
            What the seed draws is drawn apart, so facts, nothing of which is held out, are others.

    Raises:
        InvalidInput: there is no such family, or it has fewer tasks.
        MissingExtra: digits without scikit-learn.
    """
    if name not in FAMILIES:
        raise InvalidInput(f"there is no family {name!r}", expected=", ".join(FAMILIES))
    if not 2 <= tasks <= LABELS // 2:
        raise InvalidInput("tasks do not fit", expected=f"2 to {LABELS // 2}", got=str(tasks))
    rng = np.random.default_rng([seed, FAMILIES.index(name), *([1] if validation else [])])
    if name.startswith("facts"):
        return _facts(tasks, rng, split=name == "facts-split")
    return _digits(tasks, rng, split=name == "digits-split", validation=validation)


def _digits(tasks: int, rng: np.random.Generator, *, split: bool, validation: bool) -> Family:
    pixels, labels = _images()
    if validation:
        for_test = np.arange(len(labels)) % HELD_OUT == 0
        pixels, labels = pixels[~for_test], labels[~for_test]
    held_out = np.arange(len(labels)) % HELD_OUT == 0
    classes = rng.permutation(LABELS)
    made = []
    for task in range(tasks):
        order = np.arange(pixels.shape[1]) if split or task == 0 else rng.permutation(64)
        mine = np.isin(labels, classes[2 * task : 2 * task + 2]) if split else labels >= 0
        parts = [
            Examples(np.full(int(which.sum()), LABELS), pixels[which][:, order], labels[which])
            for which in (mine & ~held_out, mine & held_out)
        ]
        made.append((parts[0], parts[1]))
    return Family(LABELS + 1, 64, made)


def _images() -> tuple[Features, Ids]:
    try:
        from sklearn.datasets import load_digits  # type: ignore[import-untyped, unused-ignore]
    except ImportError as error:
        raise MissingExtra("the digits of continual learning", "experiments") from error
    digits = load_digits()
    pixels = ((digits.data - MEAN) / DEVIATION).astype(np.float32)
    return pixels, digits.target.astype(np.int64)


def _facts(tasks: int, rng: np.random.Generator, *, split: bool, count: int = 20) -> Family:
    made = []
    for task in range(tasks):
        keys = LABELS + np.arange(count) + (task * count if split else 0)
        cue = np.zeros((count, 0 if split else tasks), np.float32)
        if not split:
            cue[:, task] = 1.0
        examples = Examples(keys, cue, rng.integers(LABELS, size=count))
        made.append((examples, examples))  # a fact is learned or not: nothing is held out
    vocabulary = LABELS + count * (tasks if split else 1)
    return Family(vocabulary, 0 if split else tasks, made)


def streams(
    examples: Examples, count: int, length: int, rng: np.random.Generator
) -> tuple[Ids, Features, Ids]:
    """So many streams of `length` examples each, drawn with replacement; see `stream`.

    Returns ids (count, 2 · length), features (count, 2 · length, f), targets (count, 2 · length).
    """
    drawn = examples.at(rng.integers(len(examples), size=count * length))
    ids, features, targets = stream(drawn)
    shape = (count, 2 * length)
    return ids.reshape(shape), features.reshape(*shape, features.shape[-1]), targets.reshape(shape)


def stream(examples: Examples) -> tuple[Ids, Features, Ids]:
    """The examples in their order, each followed by its label, as one sequence.

    Returns ids (2n,), features (2n, f), zero at labels, and targets (2n,): the label is due at
    the example before it, -100 stands elsewhere.
    """
    labels, none = examples.labels, np.full_like(examples.labels, -100)
    ids = np.stack([examples.ids, labels], axis=1).ravel()
    features = np.stack([examples.features, np.zeros_like(examples.features)], axis=1)
    targets = np.stack([labels, none], axis=1).ravel()
    return ids, features.reshape(len(ids), examples.features.shape[1]), targets
