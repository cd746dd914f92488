"""Systems behind their one surface: what they keep, when they wake, what they are called."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest
import torch

from memgraft.core.errors import InvalidInput
from memgraft.evals import systems
from memgraft.evals.systems import GraceSystem, MemorySystem, Opener, check_writer
from memgraft.host.load import Host, make_host
from memgraft.injection import home as weights_home
from memgraft.injection.delta import LowRankDelta
from memgraft.injection.writer import Attempt, Writer
from memgraft.mag.patch import patch_with_mag
from memgraft.mag.patch_config import PatchConfig
from toys import ToyEncoder

FACT, ASKED, OTHER = "I live in Lisbon", "Lisbon, do I live there?", "Tell me a joke about ducks"


class Stamp(Writer):
    """Writes the same change whatever the fact."""

    def __init__(self, host: Host) -> None:
        self.host = host

    def attempt(self, told: str, reply: str, questions: list[str]) -> Attempt:
        a = torch.ones(self.host.model.config.hidden_size, 1)
        b = torch.ones(self.host.model.config.intermediate_size, 1)
        return Attempt(LowRankDelta.rounded({1: (a, b)}))


class Book:
    """What GRACE looks like from outside."""

    nbytes = 120

    def __init__(self) -> None:
        self.told: list[tuple[str, str, list[str]]] = []

    def write(self, told: str, reply: str, questions: list[str]) -> None:
        self.told.append((told, reply, questions))

    def answer(self, question: str, max_new_tokens: int) -> str:
        return f"{question} {max_new_tokens}"

    def wakes(self, question: str) -> bool:
        return question == ASKED


@pytest.fixture
def host(tiny_host: Callable[[str], Host]) -> Host:
    return tiny_host("llama")


@pytest.fixture
def stamped(host: Host, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(weights_home, "default_writers", lambda host, *_: (Stamp(host),))


def test_the_bare_model_wakes_nothing(host: Host, tmp_path: Path) -> None:
    opener = systems.bare(host)
    assert (opener.home, opener.writer, opener.name) == ("none", None, "none")
    with closing(opener.open(tmp_path)) as system:
        before = system.answer(ASKED, 8)
        assert system.write(FACT)
        assert not system.wakes(ASKED)
        assert system.answer(ASKED, 8) == before
        assert system.bytes_per_fact == 0


def test_a_state_answers_every_question_as_the_facts_left_it(
    tiny_host: Callable[[str], Host], tmp_path: Path
) -> None:
    base = tiny_host("llama")
    model = patch_with_mag(base.model, PatchConfig(memory_heads=2, memory_head_dim=4))
    with torch.no_grad():
        for branch in model.branches().values():
            branch.gate.out.weight.normal_(generator=torch.Generator().manual_seed(7))
            branch.gate.bias.fill_(5.0)
    opener = systems.mag(make_host(model, base.tokenizer, "tiny"))
    assert (opener.home, opener.writer, opener.name) == ("mag", None, "mag")
    with closing(opener.open(tmp_path)) as system:
        bare = system.answer(ASKED, 8)
        assert not system.wakes(ASKED)
        assert system.write(FACT)
        told = system.answer(ASKED, 8)
        assert told != bare and system.wakes(OTHER)
        system.answer(OTHER, 8)
        assert system.answer(ASKED, 8) == told
        assert system.bytes_per_fact > 0


def test_passages_stand_in_the_prompt(host: Host, tmp_path: Path) -> None:
    opener = systems.passages(host, ToyEncoder())
    assert opener.name == "passages"
    with closing(opener.open(tmp_path)) as system:
        before = system.answer(ASKED, 8)
        assert not system.wakes(ASKED)
        assert system.write(FACT)
        assert system.wakes(ASKED)
        assert system.answer(ASKED, 8) != before
        assert system.bytes_per_fact == 4 * ToyEncoder.dimension


@pytest.mark.usefixtures("stamped")
class TestWeights:
    def test_a_question_wakes_its_fact_and_no_other(self, host: Host, tmp_path: Path) -> None:
        opener = systems.weights(host, ToyEncoder(), "closed-form")
        assert (opener.home, opener.name) == ("weights", "weights: closed-form")
        with closing(opener.open(tmp_path)) as system:
            bare = [system.answer(question, 8) for question in (ASKED, OTHER)]
            assert system.write(FACT)
            assert (system.wakes(ASKED), system.wakes(OTHER)) == (True, False)
            assert system.answer(ASKED, 8) != bare[0]
            assert system.answer(OTHER, 8) == bare[1]
            assert system.bytes_per_fact > 2 * (host.model.config.hidden_size + 1)
            assert not system.write("!!!"), "no question can be made of it"

    def test_composed_facts_are_all_awake(self, host: Host, tmp_path: Path) -> None:
        opener = systems.weights(host, ToyEncoder(), "closed-form", "sum")
        with closing(opener.open(tmp_path)) as system:
            system.write(FACT)
            assert system.wakes(OTHER)

    def test_a_composition_that_there_is_not(self, host: Host) -> None:
        with pytest.raises(InvalidInput, match="cannot be composed 'piled'"):
            systems.weights(host, ToyEncoder(), "closed-form", "piled")


def test_lora_takes_the_place_of_the_writers(host: Host, tmp_path: Path) -> None:
    from memgraft.injection.peers.lora import LoraWriter

    opener = systems.weights(host, ToyEncoder(), "lora")
    assert opener.name == "weights: lora"
    with closing(opener.open(tmp_path)) as system:
        assert isinstance(system, MemorySystem)
        (home,) = system.memory.homes
        assert isinstance(home, weights_home.InjectionHome)
        (writer,) = home.writers
        assert isinstance(writer, LoraWriter)


def test_seed_is_read_from_its_file(host: Host, tmp_path: Path) -> None:
    from memgraft.injection.peers.seed import SeedConfig, SeedWriter, new_seed, save_seed

    path = tmp_path / "trained.safetensors"
    encoder = new_seed(SeedConfig.for_model(host.model.config, width=12, heads=2))
    save_seed(encoder, path, host.fingerprint)
    opener = systems.weights(host, ToyEncoder(), f"seed:{path}")
    assert opener.name == "weights: seed"
    assert opener.trained
    with closing(opener.open(tmp_path)) as system:
        assert isinstance(system, MemorySystem)
        (home,) = system.memory.homes
        assert isinstance(home, weights_home.InjectionHome)
        (writer,) = home.writers
        assert isinstance(writer, SeedWriter)


def test_grace_opens_empty(host: Host, tmp_path: Path) -> None:
    opener = systems.weights(host, ToyEncoder(), "grace")
    assert opener.name == "weights: grace"
    with closing(opener.open(tmp_path)) as system:
        assert not system.wakes(ASKED)
        assert system.bytes_per_fact == 0
        none = systems.bare(host).open(tmp_path / "none")
        with closing(none):
            assert system.answer(ASKED, 8) == none.answer(ASKED, 8)


def test_grace_is_told_what_a_home_tells_its_writers() -> None:
    book: Any = Book()
    system = GraceSystem(book)
    assert system.write("I live in Lisbon")
    assert not system.write("!!!")
    [(told, reply, questions)] = book.told
    assert (told, reply) == ("I live in Lisbon", "You live in Lisbon.")
    assert "Where do I live?" in questions
    assert system.write("I own a boat")
    assert system.bytes_per_fact == 60
    assert system.answer("Who?", 9) == "Who? 9"
    assert (system.wakes(ASKED), system.wakes(OTHER)) == (True, False)
    system.close()


def test_an_encoder_that_does_not_ship(host: Host) -> None:
    with pytest.raises(InvalidInput, match="no memory encoder ships for tiny-llama"):
        systems.weights(host, ToyEncoder(), "encoder")


@pytest.mark.parametrize(
    ("writer", "name"),
    [
        ("runs/mine/young.safetensors", "weights: young"),
        ("seed:runs/it.safetensors", "weights: seed"),
        ("encoder", "weights: encoder"),
    ],
)
def test_names(writer: str, name: str) -> None:
    assert Opener("weights", writer, MemorySystem).name == name  # type: ignore[arg-type]


@pytest.mark.parametrize("writer", ["magic", "seed", "seed:", "seed:none.safetensors", ""])
def test_a_writer_that_there_is_not(writer: str, host: Host) -> None:
    with pytest.raises(InvalidInput, match="no writer is called"):
        check_writer(writer)
    with pytest.raises(InvalidInput, match="no writer is called"):
        systems.weights(host, ToyEncoder(), writer)


def test_a_writer_in_a_file_is_told_apart_by_its_content(tmp_path: Path) -> None:
    path = tmp_path / "e.safetensors"
    digests = set()
    for content in (b"one", b"two"):
        path.write_bytes(content)
        check_writer(str(path))
        digests |= {systems._digest(str(path)), systems._digest(f"seed:{path}")}
    assert len(digests) == 2
