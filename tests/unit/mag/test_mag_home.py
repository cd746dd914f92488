"""What is written is in a scope's state, on disk, and what is forgotten never was."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import torch

from memgraft.core.errors import FolderError, ModelError
from memgraft.core.recall import Query
from memgraft.core.scope import Scope
from memgraft.host.load import Host, make_host
from memgraft.mag.home import OPENING, MagHome
from memgraft.mag.patch_config import PatchConfig
from memgraft.mag.state import MemoryState
from memgraft.mag.streaming import stream
from memgraft.memory import Memory
from memgraft.store.sqlite import SQLiteStore

from .grafted import LINEAR, MLP, trained

ME, YOU = Scope(user_id="me"), Scope(user_id="you")


@pytest.fixture(params=[LINEAR, MLP], ids=["linear", "mlp"])
def host(request: pytest.FixtureRequest, tiny_host: Callable[[str], Host]) -> Host:
    return grafted(tiny_host, replace(request.param, window=8))


def grafted(tiny_host: Callable[[str], Host], config: PatchConfig) -> Host:
    base = tiny_host("llama")
    return make_host(trained(tiny_host, "llama", config), base.tokenizer, "tiny")


def opened(host: Host, folder: Path) -> tuple[Memory, MagHome]:
    store = SQLiteStore(folder / "m.db", synchronous="OFF")
    home = MagHome(host, store, folder / "mag")
    memory = Memory(store, [home])
    memory.catch_up()
    return memory, home


def tensors(home: MagHome, scope: Scope = ME) -> dict[str, torch.Tensor]:
    return tensors_of(home.state(scope).layers)


def tensors_of(layers: Mapping[int, MemoryState]) -> dict[str, torch.Tensor]:
    return {
        f"{layer}/{name}": tensor.clone()
        for layer, state in layers.items()
        for name, tensor in state.tensors().items()
    }


def same(one: dict[str, torch.Tensor], other: dict[str, torch.Tensor]) -> bool:
    return one.keys() == other.keys() and all(torch.equal(one[n], other[n]) for n in one)


def fresh(host: Host, folder: Path, *texts: str) -> dict[str, torch.Tensor]:
    """The state of a memory that was told these texts and nothing else."""
    folder.mkdir()
    memory, home = opened(host, folder)
    with memory:
        for text in texts:
            memory.add(text, user_id="me")
        return tensors(home)


def test_a_record_is_read_after_an_opening(host: Host, tmp_path: Path) -> None:
    ids = torch.tensor([host.encode(f"{OPENING}I live in Lisbon\n")])
    with torch.inference_mode():
        expected = stream(host.model, ids)
    held = tensors_of(expected)
    assert same(fresh(host, tmp_path / "one", "I live in Lisbon"), held)


def test_each_record_changes_the_state_of_its_scope_alone(host: Host, tmp_path: Path) -> None:
    memory, home = opened(host, tmp_path)
    with memory:
        assert home.state(ME).layers == {}
        [added] = memory.add("I live in Lisbon", user_id="me")["results"]
        assert [receipt["outcome"] for receipt in added["receipts"]] == ["approximate"]
        first = tensors(home)
        assert set(home.state(ME).layers) == {0, 1, 2, 3}
        assert all(tensor.isfinite().all() for tensor in first.values())
        memory.add("I own a boat", user_id="you")
        assert same(tensors(home), first)
        memory.add("I like tea", user_id="me")
        assert not same(tensors(home), first)
        assert len(home.held()) == 3
        assert home.stats()["scopes"] == 2
        assert not home.read(Query("tea", ME))


def test_it_survives_a_restart(host: Host, tmp_path: Path) -> None:
    memory, home = opened(host, tmp_path)
    with memory:
        memory.add("I live in Lisbon", user_id="me")
        memory.add("I like tea", user_id="me")
        before, held = tensors(home), home.held()
    path = home._path(ME)
    written = path.stat().st_mtime_ns
    memory, again = opened(host, tmp_path)
    with memory:
        assert same(tensors(again), before)
        assert again.held() == held
        assert path.stat().st_mtime_ns == written, "nothing was streamed a second time"


def test_what_is_forgotten_never_was(host: Host, tmp_path: Path) -> None:
    memory, home = opened(host, tmp_path)
    with memory:
        memory.add("I live in Lisbon", user_id="me")
        memory.add("My boat is called Zuse", user_id="me")
        memory.add("I like tea", user_id="me")
        [boat] = memory.search("boat", user_id="me", limit=1)["results"]
        [receipt] = memory.delete(boat["id"])["receipts"]
        assert receipt["outcome"] == "exact"
        assert receipt["reason"] == "the state was built anew from what is left (records: 2)"
        after = tensors(home)
    assert same(after, fresh(host, tmp_path / "fresh", "I live in Lisbon", "I like tea"))


def test_a_changed_text_leaves_no_trace_of_the_old_one(host: Host, tmp_path: Path) -> None:
    memory, home = opened(host, tmp_path)
    with memory:
        [boat] = memory.add("My boat is called Zuse", user_id="me")["results"]
        memory.update(boat["id"], "My boat is called Noether")
        assert home.held() == {boat["id"]: 2}
        after = tensors(home)
    assert same(after, fresh(host, tmp_path / "fresh", "My boat is called Noether"))


def test_a_contradicted_record_goes(host: Host, tmp_path: Path) -> None:
    memory, home = opened(host, tmp_path)
    with memory:
        memory.add("I live in Lisbon", user_id="me")
        [moved] = memory.add("I moved to Porto", user_id="me")["results"]
        assert moved["event"] == "UPDATE"
        after = tensors(home)
    assert same(after, fresh(host, tmp_path / "fresh", "I moved to Porto"))


def test_forgetting_all_leaves_nothing(host: Host, tmp_path: Path) -> None:
    memory, home = opened(host, tmp_path)
    with memory:
        memory.add("I live in Lisbon", user_id="me")
        memory.delete_all(user_id="me")
        assert home.state(ME).layers == {}
        assert home.held() == {}
        assert not list((tmp_path / "mag" / "records").iterdir())


def test_a_rebuild_drops_what_was_only_said(host: Host, tmp_path: Path) -> None:
    memory, home = opened(host, tmp_path)
    with memory:
        memory.add("I live in Lisbon", user_id="me")
        [tea] = memory.add("I like tea", user_id="me")["results"]
        layers = {i: s.changed(lambda part: part + 1) for i, s in home.state(ME).layers.items()}
        home.heard(home.state(ME), layers)
        assert home.state(ME).spoken
        [receipt] = memory.delete(tea["id"])["receipts"]
        assert receipt["reason"].endswith("what was only said in conversation is gone with it")
        assert not home.state(ME).spoken
        after = tensors(home)
    assert same(after, fresh(host, tmp_path / "fresh", "I live in Lisbon"))


def test_a_long_text_is_streamed_in_segments(
    host: Host, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    text = "My boat is called Zuse and it lies in Lisbon"
    whole = fresh(host, tmp_path / "whole", text)
    monkeypatch.setattr("memgraft.mag.home.SEGMENT", 7)
    parts = fresh(host, tmp_path / "parts", text)
    for name, tensor in whole.items():
        torch.testing.assert_close(parts[name], tensor, rtol=1e-4, atol=1e-4)


def test_a_damaged_state_is_written_again(host: Host, tmp_path: Path) -> None:
    memory, home = opened(host, tmp_path)
    with memory:
        memory.add("I live in Lisbon", user_id="me")
        before = tensors(home)
    home._path(ME).write_bytes(b"no")
    memory, again = opened(host, tmp_path)
    with memory:
        assert same(tensors(again), before)


def test_another_process_is_followed(host: Host, tmp_path: Path) -> None:
    memory, home = opened(host, tmp_path)
    other, elsewhere = opened(host, tmp_path)
    with memory, other:
        memory.add("I live in Lisbon", user_id="me")
        other.add("I like tea", user_id="me")
        assert len(elsewhere.state(ME).held) == 2
        assert same(tensors(home), tensors(elsewhere))
    expected = fresh(host, tmp_path / "fresh", "I live in Lisbon", "I like tea")
    assert same(tensors(elsewhere), expected)


def test_what_another_process_wrote_is_forgotten(host: Host, tmp_path: Path) -> None:
    memory, home = opened(host, tmp_path)
    other, elsewhere = opened(host, tmp_path)
    with memory, other:
        other.add("I like tea", user_id="me")
        [boat] = other.add("My boat is called Zuse", user_id="me")["results"]
        assert home.held() == elsewhere.held()
        assert home.holding([boat["id"]]) == {boat["id"]: 1}
        [receipt] = memory.delete(boat["id"])["receipts"]
        assert receipt["reason"] == "the state was built anew from what is left (records: 1)"
        assert same(tensors(home), tensors(elsewhere))
        other.delete_all(user_id="me")
        assert home.held() == {} and home.stats()["scopes"] == 0
    assert not list((tmp_path / "mag" / "records").iterdir())


def test_files_that_did_not_change_are_not_read_again(
    host: Host, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    memory, home = opened(host, tmp_path)
    with memory:
        memory.add("I live in Lisbon", user_id="me")
        held = home.held()
        monkeypatch.setattr("memgraft.mag.home._read", None)
        assert home.held() == held and len(held) == 1


def test_a_state_has_one_origin_until_it_is_built_anew(host: Host, tmp_path: Path) -> None:
    memory, home = opened(host, tmp_path)
    with memory:
        memory.add("I live in Lisbon", user_id="me")
        origin = home.state(ME).origin
        [tea] = memory.add("I like tea", user_id="me")["results"]
        home.heard(home.state(ME), home.state(ME).layers)
        assert opened(host, tmp_path)[1].state(ME).origin == origin
        memory.delete(tea["id"])
        assert home.state(ME).origin != origin


def test_many_scopes_are_not_all_kept_in_memory(
    host: Host, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("memgraft.mag.home.LOADED", 2)
    memory, home = opened(host, tmp_path)
    with memory:
        memory.add("I live in Lisbon", user_id="me")
        before = tensors(home)
        for number in range(3):
            memory.add("I live in Porto", user_id=f"user {number}")
        assert len(home._loaded) == 2
        assert same(tensors(home), before)
        assert len(home.held()) == 4


def test_it_belongs_to_one_model(tiny_host: Callable[[str], Any], tmp_path: Path) -> None:
    host = grafted(tiny_host, LINEAR)
    memory, _ = opened(host, tmp_path)
    memory.close()
    other = grafted(tiny_host, replace(LINEAR, window=4))
    with pytest.raises(FolderError, match="something else"):
        opened(other, tmp_path)
    with pytest.raises(ModelError, match="memgraft train mag"):
        opened(tiny_host("llama"), tmp_path)
