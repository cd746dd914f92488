"""Word vectors in closed form."""

from __future__ import annotations

import torch

from memgraft.text.ngrams import grams
from memgraft.train.bag import (
    _matrix,
    gram_vectors,
    least_squares,
    principal,
    vocabulary,
    word_vectors,
)


def random(*shape: int, seed: int = 0) -> torch.Tensor:
    return torch.randn(*shape, generator=torch.Generator().manual_seed(seed))


def test_conjugate_gradients_find_the_dense_solution() -> None:
    dense = random(40, 12) * torch.logspace(-1, 2, 12) * (random(40, 12, seed=1) > 0)
    due = random(40, 5, seed=2)
    normal = dense.T @ dense + 0.3 * torch.eye(12)
    expected = torch.linalg.solve(normal, dense.T @ due)
    rows = [[i for i, v in enumerate(row) if v] for row in dense.tolist()]
    matrix = _matrix(rows, [1.0] * 40, 12)
    matrix.values().copy_(dense[dense != 0])
    found = least_squares(matrix, due, ridge=0.3, rounds=60)
    assert torch.allclose(found, expected, atol=1e-3)


def test_words_of_which_texts_are_made_are_found_again() -> None:
    words = [f"word{n}" for n in range(20)]
    true = random(20, 6)
    generator = torch.Generator().manual_seed(3)
    texts = [[words[i] for i in torch.randint(20, (5,), generator=generator)] for _ in range(300)]
    sums = torch.stack([sum(true[words.index(w)] for w in text) / len(text) for text in texts])
    assert sorted(vocabulary(texts)) == sorted(words)
    found = word_vectors(texts, sums, words, ridge=1e-6, rounds=50)
    assert torch.allclose(found, true, atol=1e-2)


def test_words_are_sums_of_their_n_grams() -> None:
    words = ["kitchen", "garage", "tea", "teapot"]
    due = random(4, 6)
    table = gram_vectors(words, due, buckets=4096, ridge=1e-4, rounds=50)
    sums = torch.stack([table[list(grams(word, 4096))].sum(dim=0) for word in words])
    assert torch.allclose(sums, due, atol=1e-2)


def test_a_row_may_be_empty_and_may_repeat() -> None:
    matrix = _matrix([[1, 1], [], [0]], [0.5, 1.0, 2.0], 3)
    assert matrix.to_dense().tolist() == [[0, 1, 0], [0, 0, 0], [2, 0, 0]]


def test_principal_directions_hold_most_of_the_vectors() -> None:
    flat = random(200, 3) @ random(3, 10, seed=1)
    basis = principal(flat, 3)
    assert torch.allclose(basis @ basis.T, torch.eye(3), atol=1e-4)
    assert torch.allclose(flat @ basis.T @ basis, flat, atol=1e-3)
