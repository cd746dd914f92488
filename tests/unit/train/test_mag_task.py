"""Training memory branches on a tiny model: batches, what a step depends on, and that it learns."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import torch

from memgraft.core.errors import FolderError, InvalidInput
from memgraft.host.load import Host
from memgraft.mag.checkpoint import branch_weights, load_branch
from memgraft.mag.initial import copy_contexts
from memgraft.mag.patch import patch_with_mag
from memgraft.mag.patch_config import PatchConfig
from memgraft.train.loop import LoopConfig, train
from memgraft.train.mag import IGNORED, Batch, MagTask, MagTraining
from memgraft.train.mag_curriculum import PHASES, phases
from memgraft.train.mag_readout import ReadoutTask, readout_parameters
from memgraft.train.mag_run import Run, Stage, stage_of
from memgraft.train.mag_samples import Asked, Samples, Source
from memgraft.train.processes import Processes

CONFIG = PatchConfig(layers=(1,), window=8, memory_heads=2, memory_head_dim=16, gate_bias=0.0)
TRAINING = MagTraining(contexts=2, overlap=(4, 6), measured=3)
NEEDLES = Source("needle", (300, 420), {"distractors": 2})


@pytest.fixture
def host(tiny_host: Callable[[str], Host]) -> Host:
    return tiny_host("llama")


@pytest.fixture
def samples(host: Host) -> Samples:
    return Samples(host.tokenizer, [NEEDLES], questions=3)


def make(host: Host, samples: Samples, **changes: Any) -> MagTask:
    model = patch_with_mag(host.model, CONFIG)
    training = MagTraining(**(TRAINING.to_dict() | changes))
    return MagTask(model, samples, samples.take(2, 900), training)


def answered(task: MagTask, batch: Batch) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
    return task._answered(batch, task._told(batch))


def left(task: MagTask, asked: list[Asked]) -> torch.Tensor:
    batch = Batch.of(asked, 4, "cpu")
    return task._leaving(batch, task._told(batch))


def open_up(task: MagTask) -> None:
    """W_o is zero at first: whatever memories hold changes nothing."""
    generator = torch.Generator().manual_seed(1)
    for branch in task.model.branches().values():
        weight = branch.gate.out.weight
        weight.data.copy_(torch.randn(weight.shape, generator=generator) * 3)


# Two contexts with texts apart of their own, and one without any.
APART = [
    Asked([*range(1, 21)], [([30, 31], [40]), ([32], [41, 42])], [[60, 61, 62, 63], [64, 65]]),
    Asked([*range(50, 70)], [([33], [43])]),
    Asked([*range(80, 95)], [([34], [44])], [[66, 67, 68]]),
]


def test_rows_ask_every_question_after_the_end_of_its_context() -> None:
    asked = [
        Asked([*range(1, 21)], [([30, 31], [40]), ([32], [41, 42])]),
        Asked([*range(50, 60)], [([33], [43])]),
    ]
    batch = Batch.of(asked, 3, "cpu")
    assert batch.owners.tolist() == [0, 0, 1]
    assert batch.contexts.tolist()[1][-7:] == [*range(50, 57)]
    assert batch.contexts_mask.sum(dim=1).tolist() == [17, 7]
    assert batch.rows[1].tolist() == [18, 19, 20, 32, 41, 42]
    assert batch.labels[1].tolist() == [IGNORED] * 4 + [41, 42]
    assert batch.rows_mask[2].tolist() == [1] * 5 + [0]
    assert batch.apart.shape == batch.apart_mask.shape == (0, 0) and not len(batch.apart_owners)
    with pytest.raises(InvalidInput, match="nothing to remember"):
        Batch.of(asked, 10, "cpu")


def test_texts_apart_belong_to_their_contexts() -> None:
    batch = Batch.of(APART, 3, "cpu")
    assert batch.apart.tolist() == [[60, 61, 62, 63], [64, 65, 0, 0], [66, 67, 68, 0]]
    assert batch.apart_mask.tolist() == [[1] * 4, [1, 1, 0, 0], [1, 1, 1, 0]]
    assert batch.apart_owners.tolist() == [0, 0, 2]


def test_an_untrained_memory_leaves_texts_apart_as_they_are(host: Host, samples: Samples) -> None:
    task = make(host, samples)
    assert abs(float(left(task, APART).detach())) < 1e-6
    open_up(task)
    assert float(left(task, APART).detach()) > 0.1


def test_what_is_left_is_the_divergence_from_the_base(host: Host, samples: Samples) -> None:
    """Text by text, with no pads and no other context beside it."""
    task = make(host, samples)
    open_up(task)
    expected = 0.0
    for one in APART:
        batch = Batch.of([one], 4, "cpu")
        states = task._told(batch)
        for text in one.apart:
            ids = torch.tensor([text])
            owner, mask = torch.zeros(1, dtype=torch.long), torch.ones_like(ids)
            told = task.model.lm_head(task._read(ids, mask, states, owner)).log_softmax(dim=-1)
            bare = host.model(ids).logits.log_softmax(dim=-1)
            expected += float((bare.exp() * (bare - told)).sum().detach())
    together = float(left(task, APART).detach())
    assert together == pytest.approx(expected, rel=1e-3)
    alone = sum(float(left(task, [one]).detach()) for one in APART)
    assert alone == pytest.approx(expected, rel=1e-3)


def test_gradients_of_what_is_left_reach_the_branch_and_nothing_else(
    host: Host, samples: Samples
) -> None:
    task = make(host, samples)
    open_up(task)
    left(task, APART).backward()
    trained = {name for name, part in task.model.named_parameters() if part.grad is not None}
    assert trained and all("memory_branch" in name for name in trained)
    parts = dict(task.model.named_parameters())
    for name in ("gate.out.weight", "gate.weight", "memory.key.weight", "memory.value.weight"):
        [own] = [part for known, part in parts.items() if known.endswith(f"memory_branch.{name}")]
        assert own.grad is not None and own.grad.abs().max() > 0, name


def test_nothing_is_left_where_nothing_is_apart(host: Host, samples: Samples) -> None:
    task = make(host, samples)
    open_up(task)
    assert float(left(task, [APART[1]])) == 0
    assert float(left(make(host, samples, leaving=0.0), APART)) == 0
    loss, figures = task.loss(0)
    assert figures["changed"] == 0
    assert float(loss.detach()) == pytest.approx(figures["answering"])


def test_a_step_weighs_what_is_left(host: Host, samples: Samples) -> None:
    found = {}
    for weight in (0.0, 1.0, 3.0):
        task = make(host, samples, leaving=weight, contexts=3)
        open_up(task)
        task.samples = APART.__getitem__
        loss, figures = task.loss(0)
        found[weight] = float(loss.detach()) - figures["answering"]
        if weight:
            assert found[weight] == pytest.approx(weight * figures["changed"], rel=1e-3)
    assert found[0.0] == pytest.approx(0, abs=1e-5)
    assert found[3.0] > found[1.0] > 0
    # A mean over the nine tokens of all texts.
    task.config = replace(task.config, overlap=(4, 4))
    whole = float(left(task, APART).detach())
    assert task.loss(0)[1]["changed"] == pytest.approx(whole / 9, rel=1e-3)


def test_processes_share_what_is_left(host: Host, samples: Samples) -> None:
    """One of them has texts apart, the other none: together they do what one process does."""

    class Half(Processes):
        def mean(self, tensors: Any) -> Any:
            return [torch.tensor([6, 9]) / 2]

    task = make(host, samples, overlap=(4, 4), contexts=4)
    open_up(task)
    asked = [APART[0], APART[1], APART[2], APART[1]]
    task.samples = asked.__getitem__
    assert sum(len(due) for one in asked for _, due in one.questions) == 6
    assert sum(len(text) for one in asked for text in one.apart) == 9
    loss, _ = task.loss(0)
    parts = []
    for rank in range(2):
        task.processes = Half(rank, 2)
        part, figures = task.loss(0)
        parts.append(part)
    assert figures["changed"] == 0
    torch.testing.assert_close(torch.stack(parts).mean(), loss, atol=1e-4, rtol=1e-4)


def test_a_step_depends_on_nothing_but_the_step_and_the_seed(host: Host, samples: Samples) -> None:
    one, other = make(host, samples), make(host, samples)
    other.loss(4)
    assert torch.equal(one.loss(2)[0], other.loss(2)[0])
    assert not torch.equal(one.loss(2)[0], one.loss(3)[0])


def test_contexts_of_a_step_do_not_touch_each_other(host: Host, samples: Samples) -> None:
    task = make(host, samples)
    copy_contexts(task.model, [one.context[:200] for one in samples.take(3)], 0.5)
    first, second = samples.take(2)
    together, due, _ = answered(task, Batch.of([first, second], 4, "cpu"))
    apart = [answered(task, Batch.of([one], 4, "cpu")) for one in (first, second)]
    assert torch.equal(due, torch.cat([part[1] for part in apart]))
    torch.testing.assert_close(together, torch.cat([part[0] for part in apart]), atol=1e-3, rtol=0)


def test_processes_share_a_step(host: Host, samples: Samples) -> None:
    class Half(Processes):
        def mean(self, tensors: Any) -> Any:
            return [torch.full_like(part, due / 2) for part in tensors]

    whole = make(host, samples)
    batch = Batch.of(samples.take(2, 2), 4, "cpu")
    due = float((batch.labels != IGNORED).sum())
    loss, _ = make(host, samples, overlap=(4, 4)).loss(1)
    parts = []
    for rank in range(2):
        task = MagTask(whole.model, samples, [], MagTraining(contexts=2, overlap=(4, 4)))
        task.processes = Half(rank, 2)
        parts.append(task.loss(1)[0])
    torch.testing.assert_close(torch.stack(parts).mean(), loss, atol=1e-4, rtol=0)
    with pytest.raises(InvalidInput, match="share the contexts"):
        MagTask(whole.model, samples, [], MagTraining(contexts=3), Processes(0, 2))


def test_training_lowers_the_loss_and_resumes(host: Host, samples: Samples, tmp_path: Path) -> None:
    loop = LoopConfig(steps=30, lr=5e-3, warmup=2, decay=5, measure_every=30, save_every=10)
    task = make(host, samples)
    before = task.measure()["held-out loss"]
    after = train(task, loop, tmp_path / "whole")
    assert after["held-out loss"] < before
    assert 0 <= after["memory on"] <= 1
    train(make(host, samples), LoopConfig(**(loop.to_dict() | {"steps": 10})), tmp_path / "cut")
    assert (tmp_path / "cut" / "checkpoint.safetensors").is_file()
    lines = (tmp_path / "whole" / "log.jsonl").read_text(encoding="utf-8").splitlines()
    assert {"answering", "exact", "openness", "norm"} <= json.loads(lines[-1]).keys()


def test_openness_can_be_held_down(host: Host, samples: Samples, tmp_path: Path) -> None:
    loop = LoopConfig(steps=12, lr=2e-2, warmup=1, decay=1, measure_every=12)
    opened = {}
    for weight in (0.0, 50.0):
        task = make(host, samples, openness=weight)
        train(task, loop, tmp_path / str(weight))
        opened[weight] = task.loss(50)[1]["openness"]
    assert opened[50.0] < opened[0.0] - 0.05


def test_what_is_stored_is_found_after_training(host: Host, samples: Samples) -> None:
    model = patch_with_mag(host.model, CONFIG)
    copy_contexts(model, [one.context[:250] for one in samples.take(4)], 0.1)
    task = ReadoutTask(model, samples, samples.take(4, 900), TRAINING)
    before = task.measure()
    optimiser = torch.optim.Adam(readout_parameters(model), lr=3e-3)
    for step in range(25):
        optimiser.zero_grad()
        task.loss(step)[0].backward()
        optimiser.step()
    assert task.measure()["readout"] < 0.8 * before["readout"]
    chosen = {id(part) for part in readout_parameters(model)}
    for name, part in model.named_parameters():
        trained = part.grad is not None and bool(part.grad.any())
        assert trained == (id(part) in chosen), name


def test_a_copying_start_finds_more_than_chance(host: Host, samples: Samples) -> None:
    found = {}
    for start in ("random", "copy"):
        model = patch_with_mag(host.model, CONFIG)
        if start == "copy":
            copy_contexts(model, [one.context[:250] for one in samples.take(4)], 0.1)
        found[start] = ReadoutTask(model, samples, samples.take(4, 900), TRAINING).measure()
    assert found["copy"]["contrast"] < found["random"]["contrast"]


def run_of(host: Host, samples: Samples, steps: int) -> Run:
    model = patch_with_mag(host.model, CONFIG)
    loop = LoopConfig(steps=steps, lr=1e-3, warmup=1, decay=1, measure_every=steps, save_every=1)
    return Run(host, model, TRAINING, loop, 3, None, {"model": host.name})


def test_phases_go_on_from_each_other_and_are_not_done_twice(
    host: Host, samples: Samples, tmp_path: Path
) -> None:
    plan = [Stage("one", [NEEDLES]), Stage("two", [NEEDLES], 0.5)]
    run = run_of(host, samples, 2)
    run.begin(plan[0])
    run.align(plan, 2, tmp_path)
    figures = run.follow(plan, tmp_path)
    assert set(figures) == {"memory on", "memory off", "held-out loss"}
    for name in ("readout", "one", "two"):
        assert (tmp_path / name / "branch" / "branch.safetensors").is_file()
    loaded = load_branch(tmp_path / "branch", host)
    for name, part in branch_weights(loaded).items():
        torch.testing.assert_close(part, branch_weights(run.model)[name], atol=2e-3, rtol=2e-3)

    again = run_of(host, samples, 2)
    logged = (tmp_path / "two" / "log.jsonl").read_text(encoding="utf-8")
    again.align(plan, 2, tmp_path)
    assert again.follow(plan, tmp_path) == figures
    assert (tmp_path / "two" / "log.jsonl").read_text(encoding="utf-8") == logged
    for name, part in branch_weights(again.model).items():
        assert torch.equal(part, branch_weights(run.model)[name])
    # Prolonged, the first phase leaves other weights than those that the second began with.
    longer = run_of(host, samples, 3)
    with pytest.raises(FolderError, match="begun otherwise"):
        longer.follow(plan, tmp_path)


def test_checkpointing_gives_the_same_gradients(host: Host, samples: Samples) -> None:
    gradients = []
    for checkpointing in (False, True):
        task = make(host, samples, segment=64, openness=0.1)
        copy_contexts(task.model, [one.context[:200] for one in samples.take(3)], 0.5)
        if checkpointing:
            task.model.train().gradient_checkpointing_enable()
        task.loss(0)[0].backward()
        parts = [p.grad.flatten() for p in task.model.parameters() if p.grad is not None]
        gradients.append(torch.cat(parts))
    torch.testing.assert_close(gradients[0], gradients[1], atol=1e-5, rtol=1e-3)


def test_a_checkpoint_of_other_sizes_is_refused(
    host: Host, samples: Samples, tmp_path: Path
) -> None:
    loop = LoopConfig(steps=1, measure_every=1)
    train(make(host, samples), loop, tmp_path)
    wider = patch_with_mag(host.model, PatchConfig(layers=(1,), memory_heads=3, window=8))
    with pytest.raises(FolderError, match="another model"):
        train(MagTask(wider, samples, samples.take(1), TRAINING), loop, tmp_path)


def test_told_facts_come_with_texts_apart(host: Host) -> None:
    source = Source("told", (1200,), {"facts": (3,), "apart": 4})
    samples = Samples(host.tokenizer, [source], questions=2)
    made = source.sample(host.tokenizer, "0", 7)
    asked = samples(7)
    assert len(asked.questions) == 2 and len(asked.apart) == 4
    assert [host.tokenizer.decode(ids) for ids in asked.apart] == made.metadata["apart"]
    assert host.tokenizer.decode(asked.context) + made.metadata["question"] == made.input


def test_every_phase_makes_samples(host: Host) -> None:
    for name, phase in PHASES.items():
        for source in phase.sources(1e-9):
            made = Source(source.task, (1200,), source.options).sample(host.tokenizer, "1", 0)
            assert made.target, name


@pytest.mark.parametrize(
    ("names", "expected"),
    [("0a", ["0a"]), ("0b-1a", ["0b", "0c", "1a"]), ("3b, 1a", ["1a", "3b"])],
)
def test_phases_are_named(names: str, expected: list[str]) -> None:
    assert phases(names) == expected


@pytest.mark.parametrize("names", ["", "5a", "1a-9", "1b-0a"])
def test_other_phases_are_refused(names: str) -> None:
    with pytest.raises(InvalidInput):
        phases(names)


def written(path: Path, rows: list[dict[str, Any]]) -> Path:
    path.write_text("\n".join(map(json.dumps, rows)), encoding="utf-8")
    return path


def test_rows_of_a_file_come_in_an_order_of_their_own(host: Host, tmp_path: Path) -> None:
    rows = [{"input": f"text {n} asks", "target": f" {n}", "metadata": {}} for n in range(60)]
    stage = stage_of(written(tmp_path / "own.jsonl", rows))
    count = len(stage.sources)
    assert count + len(stage.held_out) == 60 and 0 < len(stage.held_out) < 20
    samples = Samples(host.tokenizer, stage.sources)
    rounds = [[tuple(one.context) for one in samples.take(count, at)] for at in (0, count)]
    assert sorted(rounds[0]) == sorted(rounds[1]) and rounds[0] != rounds[1]
    assert samples(0).questions[0][0] == []
    held = {tuple(one.context) for one in Samples(host.tokenizer, stage.held_out).take(30)}
    assert not held & set(rounds[0])


@pytest.mark.parametrize(
    ("row", "told"),
    [
        ({"input": [1], "target": [2], "metadata": {}}, "sample 2.*trained on texts"),
        ({"input": "a", "target": "", "metadata": {}}, "sample 2.*empty"),
        ({"input": "a", "target": "b", "metadata": {"also": [["c"]]}}, "sample 2.*cannot be read"),
        ({"input": "a", "target": "b", "metadata": {"apart": "c"}}, "sample 2.*apart cannot be"),
        ({"input": "a", "target": "b", "metadata": {"apart": [""]}}, "sample 2.*apart cannot be"),
    ],
)
def test_rows_that_cannot_be_trained_on_are_named(
    row: dict[str, Any], told: str, tmp_path: Path
) -> None:
    good = {"input": "a", "target": "b", "metadata": {}}
    with pytest.raises(InvalidInput, match=told):
        stage_of(written(tmp_path / "own.jsonl", [good, row]))
    with pytest.raises(InvalidInput, match="too few"):
        stage_of(written(tmp_path / "own.jsonl", [good]))


def test_phases_and_what_is_held_out_have_no_sample_in_common(host: Host, samples: Samples) -> None:
    run = run_of(host, samples, 1)
    drawn = [
        {tuple(one.context) for one in run.samples(stage, held_out).take(8)}
        for stage in (Stage("one", [NEEDLES]), Stage("two", [NEEDLES]))
        for held_out in (False, True)
    ]
    assert len(set.union(*drawn)) == 32


def test_long_contexts_are_refused_and_never_cut(host: Host) -> None:
    samples = Samples(host.tokenizer, [NEEDLES], longest=100)
    with pytest.raises(InvalidInput, match="too long"):
        samples(0)
