"""Memory branches watched at work: what is told is what happened."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import replace
from itertools import islice
from pathlib import Path
from typing import Any

import pytest
import torch

from memgraft.core.errors import InvalidInput
from memgraft.data.needle import NeedleConfig, needle
from memgraft.evals.mag_diagnosis import Diagnosis, Text, diagnose, means, needle_rank, text_of
from memgraft.evals.mag_diagnosis_report import strongest, write_diagnosis
from memgraft.evals.mag_subject import Subject
from memgraft.evals.mag_watch import LayerTrace, log_probabilities, watch
from memgraft.mag.patch import patch_with_mag
from memgraft.mag.patch_config import PatchConfig

TinyHost = Callable[[str], Any]
CONFIG = PatchConfig(memory_heads=2, memory_head_dim=16, chunk_size=8, window=8, layers=(1, 3))
MLP = replace(CONFIG, memory_layers=2, n_persistent_tokens=3)
ABOUT = {"model": "x", "branch": None, "window": 8, "dtype": "float32", "device": "cpu"}


def grafted(tiny_host: TinyHost, config: PatchConfig = CONFIG, out: float = 0.3) -> Any:
    model = patch_with_mag(tiny_host("llama").model, config)
    generator = torch.Generator().manual_seed(7)
    with torch.no_grad():
        for branch in model.branches().values():
            branch.gate.out.weight.normal_(std=out, generator=generator)
            branch.gate.weight.normal_(std=0.5, generator=generator)
            if config.memory_layers == 2:
                branch.memory.second.normal_(generator=generator)
    return model


def subject_of(tiny_host: TinyHost, model: Any) -> Subject:
    host = tiny_host("llama")
    about: dict[str, Any] = {**ABOUT, "patch": {}, "card": {}}
    return Subject(model, host.model, host.tokenizer, host.end_ids, "f", about)


def ids(length: int = 50) -> list[int]:
    generator = torch.Generator().manual_seed(3)
    return torch.randint(0, 250, (length,), generator=generator).tolist()


@pytest.mark.parametrize("config", [CONFIG, MLP], ids=["linear", "mlp"])
def test_the_cut_into_segments_changes_nothing(tiny_host: TinyHost, config: PatchConfig) -> None:
    model = grafted(tiny_host, config)
    whole, cut = watch(model, ids(), 50), watch(model, ids(), 16)
    assert (whole.ends, cut.ends) == ([50], [16, 32, 48, 50])
    torch.testing.assert_close(cut.log_probabilities, whole.log_probabilities, rtol=0, atol=1e-3)
    for index, layer in whole.layers.items():
        other = cut.layers[index]
        for name in ("opening", "open", "weight", "strength", "surprise", "keys", "reads"):
            one, two = getattr(layer, name), getattr(other, name)
            torch.testing.assert_close(one, two, rtol=1e-3, atol=1e-3)
        assert other.norms[-1] == pytest.approx(layer.norms[0], rel=1e-3)


def test_watching_changes_nothing_and_leaves_nothing(tiny_host: TinyHost) -> None:
    model = grafted(tiny_host)
    before = log_probabilities(model, ids(), 16)
    assert torch.equal(watch(model, ids(), 16).log_probabilities, before)
    for module in model.modules():
        assert not module._forward_hooks and not module._forward_pre_hooks


def test_log_probabilities_are_those_of_the_model(tiny_host: TinyHost) -> None:
    model = grafted(tiny_host)
    with torch.no_grad():
        logits = model(torch.tensor([ids()])).logits[0, :-1]
    wanted = torch.log_softmax(logits, -1).gather(1, torch.tensor(ids()[1:])[:, None])[:, 0]
    torch.testing.assert_close(log_probabilities(model, ids(), 7), wanted, rtol=0, atol=1e-3)


def test_branches_that_are_wider_than_their_base(tiny_host: TinyHost) -> None:
    model = grafted(tiny_host)
    for name, part in model.named_parameters():
        if "memory_branch" not in name:
            part.data = part.data.to(torch.bfloat16)
    assert torch.equal(
        watch(model, ids(), 16).log_probabilities, log_probabilities(model, ids(), 16)
    )


def test_the_gate_as_it_is(tiny_host: TinyHost) -> None:
    """With a bias alone, every channel is open by the same."""
    model = grafted(tiny_host)
    with torch.no_grad():
        for bias, branch in zip((-2.0, 1.0), model.branches().values(), strict=True):
            branch.gate.weight.zero_()
            branch.gate.bias.fill_(bias)
    low, high = watch(model, ids()).layers.values()
    assert low.opening.tolist() == pytest.approx([0.1192] * 50, abs=1e-4)
    assert high.opening.tolist() == pytest.approx([0.7311] * 50, abs=1e-4)
    assert low.open.sum() == 0 and high.open.mean() == 1


def test_writes_as_they_are(tiny_host: TinyHost) -> None:
    model = grafted(tiny_host)
    with torch.no_grad():
        for branch in model.branches().values():
            branch.memory.gates.weight.zero_()
    for layer in watch(model, ids()).layers.values():
        assert layer.strength.tolist() == pytest.approx([0.5 * 0.9] * 50, abs=1e-5)
        assert layer.momentum.tolist() == pytest.approx([0.1] * 50, abs=1e-5)
        assert layer.decay.tolist() == pytest.approx([1e-3] * 50, abs=1e-6)
        # The first token's error is its value: the memory knew nothing.
        assert layer.surprise[0] == pytest.approx(layer.values[:, 0].norm(dim=-1).mean())
    with model.memories_set_to("read"):
        for layer in watch(model, ids()).layers.values():
            assert layer.strength.sum() == 0 and layer.norms[-1] == 0


def test_an_untrained_branch_changes_nothing(tiny_host: TinyHost) -> None:
    model = patch_with_mag(tiny_host("llama").model, CONFIG)
    [made] = diagnose(subject_of(tiny_host, model), [Text(ids())], 16)
    assert made.figures["raised"] == 0 and made.figures["gain"] == 0
    assert all(figures["weight"] == 0 for figures in made.layers.values())


def test_the_gain_is_on_less_off(tiny_host: TinyHost) -> None:
    model = grafted(tiny_host)
    [made] = diagnose(subject_of(tiny_host, model), [Text(ids(), answer=45)], 16)
    with model.memories_set_to("off"):
        off = log_probabilities(model, ids(), 16)
    gains = log_probabilities(model, ids(), 16) - off
    assert torch.allclose(made.gains, gains)
    assert made.figures["answer_gain"] == pytest.approx(float(gains[44:].mean()))
    assert made.figures["raised"] == pytest.approx(float((gains > 0).float().mean()))
    assert 0.1 < made.figures["raised"] < 0.9


def test_the_last_key_brings_its_value_back(tiny_host: TinyHost) -> None:
    """With full steps and no forgetting, the newest value comes back whole, old ones less so."""
    config = replace(CONFIG, initial_strength=0.999, initial_momentum=0.0, initial_decay=0.0)
    model = grafted(tiny_host, config)
    with torch.no_grad():
        for branch in model.branches().values():
            branch.memory.gates.weight.zero_()
    trace = watch(model, ids(200), 64)
    for layer in trace.layers.values():
        answers = layer.asked_again(layer.keys)
        error = (answers - layer.values).norm(dim=-1) / layer.values.norm(dim=-1)
        assert error[:, -1].max() < 0.01
        assert error[:, :100].mean() > 5 * error[:, -1].mean()
    figures = Diagnosis.of(Text(ids(200)), trace, trace.log_probabilities).layers[1]
    assert list(figures["again"]) == ["16", "64", "256"]
    assert figures["again"]["16"] > figures["again"]["256"] > figures["others"]


def test_what_an_mlp_answers_is_what_it_would_read(tiny_host: TinyHost) -> None:
    """In the middle of a chunk, too: asked with the last token's query, it reads as it did."""
    for length in (47, 48, 51):
        layer = watch(grafted(tiny_host, MLP), ids(length), 16).layers[1]
        answer = layer.asked_again(layer.queries[:, -1:])
        torch.testing.assert_close(answer, layer.reads[:, -1:], rtol=1e-4, atol=1e-4)


def test_the_needle_is_found_where_it_is_read(tiny_host: TinyHost) -> None:
    trace = watch(grafted(tiny_host), ids(120), 64).layers[1]
    found = replaced_read(trace, 110, trace.values[:, 22])
    assert needle_rank(found, (20, 24), 100, 110) == 1.0
    assert needle_rank(found, (50, 52), 100, 110) < 1.0
    opposite = replaced_read(trace, 110, -trace.values[:, 20])
    assert needle_rank(opposite, (20, 21), None, 110) < 0.2


def replaced_read(trace: LayerTrace, place: int, read: torch.Tensor) -> LayerTrace:
    reads = trace.reads.clone()
    reads[:, place] = read
    return replace(trace, reads=reads)


def test_a_sample_with_its_needle_and_its_answer(tiny_host: TinyHost) -> None:
    tokenizer = tiny_host("llama").tokenizer
    for sample in islice(needle(NeedleConfig(tokens=900), tokenizer, 1), 5):
        text = text_of(sample, tokenizer)
        assert text.needle is not None
        assert tokenizer.decode(text.ids[text.answer :]) == sample.target
        asked = tokenizer.decode(text.ids[text.question : text.answer])
        assert asked == f"\nThe special magic number for {sample.metadata['start']} is"
        fact = tokenizer.decode(text.ids[slice(*text.needle)])
        assert fact.startswith("The special magic number for")
        assert fact.endswith(f"is {sample.metadata['answer']}.")


@pytest.mark.parametrize("config", [CONFIG, MLP], ids=["linear", "mlp"])
def test_the_report(tiny_host: TinyHost, config: PatchConfig, tmp_path: Path) -> None:
    subject = subject_of(tiny_host, grafted(tiny_host, config))
    samples = islice(needle(NeedleConfig(tokens=400), subject.tokenizer, 1), 2)
    texts = [text_of(sample, subject.tokenizer) for sample in samples]
    made = diagnose(subject, texts, 64)
    shown = subject.tokenizer.decode
    write_diagnosis(
        tmp_path, made, lambda t: shown([t]), command="x", about=subject.about, source="needle"
    )
    report = (tmp_path / "report.md").read_text(encoding="utf-8")
    for name in ("tokens.png", "state.png", "again.png", "gain.png"):
        assert f"]({name})" in report and (tmp_path / name).stat().st_size > 5000
    figures = json.loads((tmp_path / "figures.json").read_text(encoding="utf-8"))
    assert figures["texts"]["answer_gain"] == pytest.approx(
        sum(one.figures["answer_gain"] for one in made) / 2, abs=1e-4
    )
    assert list(figures["layers"]) == ["1", "3"]
    assert len(figures["first"]["series"]["3"]["surprise"]) == len(texts[0].ids)
    assert f"| 3 | {means(made)[1][3]['opening']:.3f} |" in report


def test_tokens_that_write_most(tiny_host: TinyHost) -> None:
    [made] = diagnose(subject_of(tiny_host, grafted(tiny_host)), [Text(ids())], 16)
    strength = torch.stack([series["strength"] for series in made.series.values()]).mean(0)
    first = ids()[int(strength.argmax())]
    assert strongest(made, lambda token: f"<{token}>")[0].startswith(f"`<{first}>` ")


def test_what_cannot_be_diagnosed(tiny_host: TinyHost) -> None:
    with pytest.raises(InvalidInput, match="too short"):
        diagnose(subject_of(tiny_host, grafted(tiny_host)), [Text([1])])
    with pytest.raises(InvalidInput, match="no memory branches"):
        diagnose(subject_of(tiny_host, None), [Text(ids())])
