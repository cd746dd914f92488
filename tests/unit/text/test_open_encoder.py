"""Encoders by name."""

from __future__ import annotations

from pathlib import Path

import pytest

from memgraft.core.errors import InvalidInput
from memgraft.text.open import open_encoder


@pytest.mark.parametrize("name", ["static", "char_transformer", "char_conv"])
def test_what_ships_is_small_and_opens(name: str) -> None:
    encoder = open_encoder(name)
    assert encoder.dimension == 384 and encoder.id.startswith(f"{name}:")
    near, far = encoder.encode(["My kitchen is blue.", "Blue is what our kitchn is."]), None
    far = encoder.encode(["The train to Lisbon leaves at nine."])
    assert near[0] @ near[1] > near[0] @ far[0] + 0.2


@pytest.mark.parametrize("name", ["", "word2vec", "hf:", "MiniLM"])
def test_other_names_are_refused(name: str) -> None:
    with pytest.raises(InvalidInput, match="no such encoder"):
        open_encoder(name)


def test_a_folder_of_the_hub_s_form_is_asked_for_by_hf(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    asked: list[str] = []
    monkeypatch.setattr("memgraft.text.sentence.SentenceModel", asked.append)
    open_encoder(f"hf:{tmp_path}")
    assert asked == [str(tmp_path)]
