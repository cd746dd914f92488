"""Recall of a question by its paraphrase."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from typer.testing import CliRunner

from memgraft.cli.main import app
from memgraft.evals import encoders
from memgraft.evals.encoders import milliseconds, paraphrases, score, score_words, untrained
from memgraft.evals.rows import FactRow
from memgraft.text.encoder import Encoder, Vectors
from toys import ToyEncoder

WORDS = ["harbour", "kiosk", "lupin", "cello", "ferry", "walnut"]
ROWS = [FactRow(f"{w} told {w}.", f"Who has {w}?", f"{w}, whose?", "it") for w in WORDS]


def test_distractors_are_others() -> None:
    asked = paraphrases([*ROWS, ROWS[0]], count=4)
    assert len(asked.queries) == len(set(asked.questions)) == 4
    assert len(set(asked.distractors)) == encoders.DISTRACTORS
    assert not set(asked.distractors) & {*asked.queries, *asked.questions, *asked.facts}
    assert asked == paraphrases(ROWS, count=4) != paraphrases(ROWS, count=4, seed=1)


def test_what_is_found_is_counted() -> None:
    asked = paraphrases(ROWS)
    hearing = score("toy", ToyEncoder(), asked)
    assert (hearing.question_recall, hearing.fact_recall) == (1.0, 1.0)
    assert hearing.untrained_recall is None
    assert hearing.milliseconds is not None and hearing.milliseconds > 0
    deaf = score("toy", ToyEncoder(deaf=" ".join(WORDS[:3])), asked)
    assert deaf.question_recall == pytest.approx(0.5)
    words = score_words(asked)
    assert words.question_recall == 1.0


class Slow(Encoder):
    id, dimension = "slow", 2

    def encode(self, texts: list[str]) -> Vectors:
        import time

        time.sleep(0.01)
        return np.ones((len(texts), 2), np.float32)


def test_time_is_that_of_one_text() -> None:
    assert 10 <= milliseconds(Slow(), ["a"] * 5) < 1000


@pytest.mark.parametrize("kind", ["static", "char_conv"])
def test_an_untrained_encoder_has_other_weights(kind: str) -> None:
    from memgraft.text.open import open_encoder

    encoder = open_encoder(kind)
    other = untrained(encoder)
    assert other is not None and other.id != encoder.id
    one, two = (each.encode(["tea"])[0] for each in (encoder, other))
    assert abs(one @ two) < 0.5 and np.linalg.norm(two) == pytest.approx(1, abs=1e-5)
    again = untrained(encoder)
    assert again is not None and np.array_equal(again.encode(["tea"])[0], two)


def test_the_command_tells_a_row_each(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    import json

    monkeypatch.setattr("memgraft.text.open.open_encoder", lambda *_: ToyEncoder())
    path = tmp_path / "facts.jsonl"
    path.write_text("\n".join(json.dumps(vars(row)) for row in ROWS))
    words = ["eval", "encoders", "--facts", str(path), "--encoder", "minilm"]
    told = CliRunner().invoke(app, [*words, "--json"], catch_exceptions=False).stdout
    rows = [json.loads(line) for line in told.splitlines()]
    assert [(row["encoder"], row["question_recall"]) for row in rows] == [
        ("bm25", 1),
        ("minilm", 1),
    ]
    assert "minilm" in CliRunner().invoke(app, words, catch_exceptions=False).stdout
