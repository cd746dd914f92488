"""The best sum of word vectors for given text vectors, in closed form.

What a network would need hours of gradient steps for, least squares finds in a minute: vectors
of words whose mean is nearest the teacher's vector of each text, and vectors of n-grams whose sum
is nearest those words. Networks begin there.
"""

from __future__ import annotations

import warnings
from collections import Counter
from collections.abc import Sequence

import torch
from torch import Tensor

from memgraft.text.ngrams import grams

Bag = Sequence[str]


def vocabulary(texts: Sequence[Bag], least: int = 2) -> list[str]:
    """Words that occur `least` times or more, the commonest first."""
    counts = Counter(word for text in texts for word in text)
    return [word for word, count in counts.most_common() if count >= least]


def principal(vectors: Tensor, size: int) -> Tensor:
    """(size, d): the orthonormal directions in which unit vectors, (n, d), differ most."""
    some = vectors[:: max(1, len(vectors) // 20_000)].float()
    return torch.linalg.eigh(some.T @ some)[1][:, -size:].T.contiguous()


def word_vectors(
    texts: Sequence[Bag],
    vectors: Tensor,
    words: Sequence[str],
    ridge: float = 0.03,
    rounds: int = 12,
) -> Tensor:
    """(len(words), d): their mean over a text's words is nearest its row of `vectors`, (n, d)."""
    place = {word: i for i, word in enumerate(words)}
    rows = [[place[word] for word in text if word in place] for text in texts]
    shares = [1 / max(1, len(row)) for row in rows]
    return least_squares(_matrix(rows, shares, len(words)), vectors, ridge, rounds)


def gram_vectors(
    words: Sequence[str], vectors: Tensor, buckets: int, ridge: float = 0.1, rounds: int = 25
) -> Tensor:
    """(buckets, d): the sum over a word's n-grams is nearest its row of `vectors`."""
    rows = [list(grams(word, buckets)) for word in words]
    return least_squares(_matrix(rows, [1.0] * len(rows), buckets), vectors, ridge, rounds)


def least_squares(matrix: Tensor, due: Tensor, ridge: float, rounds: int) -> Tensor:
    """The X of least ‖matrix X - due‖² + ridge ‖X‖², by conjugate gradients, all columns at once.

    Preconditioned by the diagonal, since common words are met a thousand times as often.
    """
    turned = matrix.t().to_sparse_csr()
    diagonal = torch.zeros(matrix.shape[1]).index_add_(
        0, matrix.col_indices(), matrix.values().square()
    )
    scale = 1 / (diagonal + ridge).unsqueeze(1)
    found = torch.zeros(matrix.shape[1], due.shape[1])
    residue = turned @ due
    direction = scale * residue
    energy = (residue * direction).sum(dim=0)
    for _ in range(rounds):
        image = turned @ (matrix @ direction) + ridge * direction
        step = energy / (direction * image).sum(dim=0).clamp(min=1e-20)
        found += step * direction
        residue -= step * image
        steepest = scale * residue
        before, energy = energy, (residue * steepest).sum(dim=0)
        direction = steepest + energy / before.clamp(min=1e-20) * direction
    return found


def _matrix(rows: Sequence[Sequence[int]], values: Sequence[float], width: int) -> Tensor:
    """A sparse matrix with a row's value at each of its places."""
    ends = torch.tensor([0, *map(len, rows)]).cumsum(0)
    flat = torch.tensor([place for row in rows for place in row])
    each = torch.tensor(values).repeat_interleave(ends.diff())
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", UserWarning)  # "sparse CSR is in beta state"
        return torch.sparse_csr_tensor(ends, flat, each, (len(rows), width))
