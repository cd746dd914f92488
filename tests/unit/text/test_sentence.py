"""Sentence-transformers folders, with a tiny BERT made in code."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from memgraft.core.errors import InvalidInput, ModelError
from memgraft.text.sentence import SentenceModel, pool

TEXTS = ["tea", "green tea in a cup", "", "cup"]


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    from transformers import BertConfig, BertModel, BertTokenizerFast

    words = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]", "tea", "green", "cup", "in", "a"]
    (tmp_path / "vocab.txt").write_text("\n".join(words))
    BertTokenizerFast(str(tmp_path / "vocab.txt")).save_pretrained(tmp_path)
    torch.manual_seed(0)
    config = BertConfig(
        vocab_size=10, hidden_size=8, num_hidden_layers=1, num_attention_heads=2,
        intermediate_size=16, max_position_embeddings=32,
    )  # fmt: skip
    BertModel(config).save_pretrained(tmp_path)
    return tmp_path


def tell(folder: Path, kinds: str, **pooling: Any) -> None:
    """Write modules.json and the pooling's config."""
    modules = [
        {"path": f"{n}_{kind}" if n else "", "type": f"sentence_transformers.models.{kind}"}
        for n, kind in enumerate(kinds.split())
    ]
    (folder / "modules.json").write_text(json.dumps(modules))
    (folder / "1_Pooling").mkdir(exist_ok=True)
    (folder / "1_Pooling" / "config.json").write_text(json.dumps(pooling))


@pytest.mark.parametrize("mode", ["mean", "cls", "max"])
def test_texts_are_encoded_alike_in_any_company(folder: Path, mode: str) -> None:
    key = {"mean": "pooling_mode_mean_tokens", "cls": "pooling_mode_cls_token"}.get(
        mode, "pooling_mode_max_tokens"
    )
    tell(folder, "Transformer Pooling Normalize", **{key: True, "pooling_mode_lasttoken": False})
    encoder = SentenceModel(folder, batch_size=3)
    assert encoder.pooling == mode
    vectors = encoder.encode(TEXTS)
    assert vectors.shape == (4, 8) and vectors.dtype == np.float32
    assert np.allclose(np.linalg.norm(vectors, axis=1), 1, atol=1e-5)
    alone = np.concatenate([encoder.encode([text]) for text in TEXTS])
    assert np.allclose(vectors, alone, atol=1e-5)


def test_the_mean_where_nothing_is_said(folder: Path) -> None:
    assert SentenceModel(folder).pooling == "mean"
    tell(folder, "Transformer Pooling", pooling_mode="cls")
    assert SentenceModel(folder).pooling == "cls"


def test_ids_tell_weights_and_pooling_apart(folder: Path) -> None:
    one = SentenceModel(folder).id
    tell(folder, "Transformer Pooling", pooling_mode_cls_token=True)
    assert SentenceModel(folder).id != one
    assert SentenceModel(folder, id="mine").id == "mine"


def test_long_texts_are_cut_where_the_model_ends(folder: Path) -> None:
    (folder / "sentence_bert_config.json").write_text('{"max_seq_length": 16}')
    assert np.isfinite(SentenceModel(folder).encode(["tea " * 100_000])).all()


@pytest.mark.parametrize(
    ("kinds", "pooling", "told"),
    [
        ("Transformer Pooling Dense", {}, "not supported; expected: .*got: Dense"),
        ("Transformer Pooling", {"pooling_mode_weightedmean_tokens": True}, "pools in a way"),
        (
            "Transformer Pooling",
            {"pooling_mode_cls_token": 1, "pooling_mode_mean_tokens": 1},
            "way",
        ),
    ],
)
def test_what_is_not_supported_is_refused(
    folder: Path, kinds: str, pooling: dict[str, Any], told: str
) -> None:
    tell(folder, kinds, **pooling)
    with pytest.raises(InvalidInput, match=told):
        SentenceModel(folder)


def test_an_empty_folder_is_no_model(tmp_path: Path) -> None:
    with pytest.raises(ModelError, match="cannot load"):
        SentenceModel(tmp_path)
    with pytest.raises(InvalidInput, match="there is no folder"):
        SentenceModel(str(tmp_path / "missing"))


def test_padding_may_be_on_the_left() -> None:
    hidden = torch.tensor([[[9.0], [1.0], [3.0]]])
    mask = torch.tensor([[0, 1, 1]])
    assert [pool(hidden, mask, mode).item() for mode in ("mean", "cls", "max")] == [2, 1, 3]
