"""Words of any script, and their n-grams."""

from __future__ import annotations

import pytest

from memgraft.text.ngrams import LONGEST, MOST, PIECE, grams, words


@pytest.mark.parametrize(
    ("text", "due"),
    [
        ("Don't PANIC", ["don", "'", "t", "panic"]),
        ("naïve ＡＢＣ", ["naïve", "abc"]),  # one form of what Unicode writes in several ways
        ("हिन्दी भाषा", ["हिन्दी", "भाषा"]),  # vowel signs belong to their word
        ("👩‍🚀 ok", ["👩", "🚀", "ok"]),
        ("  \t\n\x00\ud800", [""]),
        ("", [""]),
    ],
)
def test_words(text: str, due: list[str]) -> None:
    assert words(text) == due


def test_long_runs_and_texts_are_cut() -> None:
    assert words("長" * 40) == ["長" * PIECE, "長" * PIECE, "長" * (40 - 2 * PIECE)]
    assert len(words("a " * 100_000)) == MOST
    assert sum(map(len, words("b" * 100_000))) == LONGEST


def test_like_words_share_n_grams() -> None:
    one, typo, other = (set(grams(word, 1 << 30)) for word in ("kitchen", "kitchne", "garage"))
    assert len(one & typo) > 8 and len(one & other) == 0


def test_a_word_of_one_letter_is_no_n_gram_of_others() -> None:
    assert grams("a", 1 << 30)[0] not in grams("banana", 1 << 30)
    assert all(0 <= bucket < 7 for bucket in grams("banana", 7))
