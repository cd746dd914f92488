"""Loading: what is there loads, what is not is a `ModelError` that says so."""

from __future__ import annotations

import copy
import json
from collections.abc import Callable
from pathlib import Path

import pytest
import torch

from memgraft.core.errors import ModelError
from memgraft.host.load import (
    PLAIN_TEMPLATE,
    Host,
    fingerprint,
    load_host,
    load_tokenizer,
    make_host,
)

MESSAGES = [{"role": "user", "content": "Hi there"}]


@pytest.fixture
def folder(tiny_host: Callable[[str], Host], tmp_path: Path) -> Path:
    """A tiny model as `save_pretrained` leaves it."""
    return saved(tiny_host("llama"), tmp_path / "a model")


def saved(host: Host, path: Path) -> Path:
    host.model.save_pretrained(path)
    host.tokenizer.save_pretrained(path)
    return path


def test_a_saved_folder_loads(each_host: Host, tmp_path: Path) -> None:
    loaded = load_host(str(saved(each_host, tmp_path / "model")))
    assert loaded.name == str(tmp_path / "model")
    assert loaded.fingerprint == each_host.fingerprint
    assert loaded.end_ids == each_host.end_ids == {256}
    prompt = loaded.prompt(MESSAGES)
    assert prompt == each_host.prompt(MESSAGES) == "User: Hi there\nAssistant:"
    ids = loaded.encode(prompt)
    assert ids == each_host.encode(prompt)
    with torch.no_grad():
        one, other = (host.model(torch.tensor([ids])).logits for host in (loaded, each_host))
    assert torch.equal(one, other)


def test_a_loaded_model_is_frozen_in_float32(tiny_host: Callable[[str], Host], tmp_path: Path):
    half = copy.deepcopy(tiny_host("llama").model).half()
    path = tmp_path / "half"
    half.save_pretrained(path)
    tiny_host("llama").tokenizer.save_pretrained(path)
    model = load_host(str(path)).model
    assert not model.training
    assert {(p.dtype, p.device.type, p.requires_grad) for p in model.parameters()} == {
        (torch.float32, "cpu", False)
    }


def test_an_own_chat_template_is_kept(folder: Path) -> None:
    template = "{% for m in messages %}<{{ m['content'] }}>{% endfor %}"
    (folder / "chat_template.jinja").write_text(template)
    assert load_host(str(folder)).prompt(MESSAGES) == "<Hi there>"


def test_a_home_folder_is_expanded(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HOME", str(folder.parent))
    assert load_host(f"~/{folder.name}").model.config.model_type == "llama"


@pytest.mark.parametrize("spec", ["/nowhere/at/all", "./nowhere", "~/nowhere-at-all"])
def test_a_missing_folder(spec: str) -> None:
    with pytest.raises(ModelError, match="no such folder"):
        load_host(spec)


def test_a_folder_without_a_config(folder: Path) -> None:
    (folder / "config.json").unlink()
    with pytest.raises(ModelError, match=r"no config\.json in it"):
        load_host(str(folder))


@pytest.mark.parametrize(
    "content", ["", "not json", "[1, 2]", "{}", '{"model_type": "no-such-model"}'], ids=repr
)
def test_a_garbage_config(folder: Path, content: str) -> None:
    (folder / "config.json").write_text(content)
    with pytest.raises(ModelError, match="cannot load the model in"):
        load_host(str(folder))


def test_damaged_weights(folder: Path) -> None:
    weights = folder / "model.safetensors"
    weights.write_bytes(weights.read_bytes()[:1000])
    with pytest.raises(ModelError, match="cannot load the model in"):
        load_host(str(folder))


def test_missing_weights(folder: Path) -> None:
    (folder / "model.safetensors").unlink()
    with pytest.raises(ModelError, match="cannot load the model in"):
        load_host(str(folder))


def test_a_folder_without_a_tokenizer(folder: Path) -> None:
    for path in folder.glob("*token*"):
        path.unlink()
    with pytest.raises(ModelError):
        load_host(str(folder))


def test_an_unknown_name_lists_the_bundles() -> None:
    with pytest.raises(ModelError, match="smollm2-135m") as caught:
        load_host("smollm3")
    assert caught.value.got == "smollm3"


def test_a_file_that_is_no_gguf(tmp_path: Path) -> None:
    path = tmp_path / "model.gguf"
    path.write_bytes(b"GGUF but not really")
    with pytest.raises(ModelError, match=r"cannot load .*model\.gguf"):
        load_host(str(path))


def test_an_architecture_without_anatomy(tiny_host: Callable[[str], Host], tmp_path: Path) -> None:
    from transformers import OPTConfig, OPTForCausalLM

    config = OPTConfig(
        vocab_size=257,
        hidden_size=16,
        ffn_dim=16,
        num_hidden_layers=1,
        num_attention_heads=2,
        word_embed_proj_dim=16,
        max_position_embeddings=32,
    )
    OPTForCausalLM(config).save_pretrained(tmp_path)
    tiny_host("llama").tokenizer.save_pretrained(tmp_path)
    with pytest.raises(ModelError, match="'opt' have no anatomy"):
        load_host(str(tmp_path))


def test_a_tokenizer_without_an_end(tiny_host: Callable[[str], Host]) -> None:
    host = tiny_host("llama")
    tokenizer = copy.deepcopy(host.tokenizer)
    tokenizer.eos_token = None
    with pytest.raises(ModelError, match="no end-of-text token"):
        make_host(host.model, tokenizer, "endless")


def test_the_plain_template_is_for_those_without(tiny_host: Callable[[str], Host]) -> None:
    host = tiny_host("llama")
    tokenizer = copy.deepcopy(host.tokenizer)
    tokenizer.chat_template = None
    assert make_host(host.model, tokenizer, "x").tokenizer.chat_template == PLAIN_TEMPLATE
    tokenizer.chat_template = "own"
    assert make_host(host.model, tokenizer, "x").tokenizer.chat_template == "own"


def test_every_declared_end_counts(tiny_host: Callable[[str], Host]) -> None:
    host = tiny_host("llama")
    model = copy.deepcopy(host.model)
    for declared, ends in [([5, 7], {5, 7, 256}), (9, {9, 256}), (None, {256})]:
        model.generation_config.eos_token_id = declared
        assert make_host(model, host.tokenizer, "x").end_ids == ends


def test_equal_weights_have_equal_fingerprints(each_host: Host) -> None:
    assert fingerprint(copy.deepcopy(each_host.model)) == each_host.fingerprint


def test_one_slightly_changed_tensor_changes_the_fingerprint(each_host: Host) -> None:
    weights = dict(each_host.model.named_parameters())
    for name in weights:
        model = copy.deepcopy(each_host.model)
        with torch.no_grad():
            model.get_parameter(name).add_(1e-4)
        assert fingerprint(model) != each_host.fingerprint, name


def test_architectures_have_different_fingerprints(tiny_hosts: dict[str, Host]) -> None:
    assert len({host.fingerprint for host in tiny_hosts.values()}) == len(tiny_hosts)


def test_the_type_is_part_of_the_fingerprint(tiny_host: Callable[[str], Host]) -> None:
    model = copy.deepcopy(tiny_host("llama").model)
    before = fingerprint(model)
    model.config.model_type = "mistral"
    assert fingerprint(model) != before


def test_the_config_decides_the_type(folder: Path) -> None:
    config = json.loads((folder / "config.json").read_text())
    config |= {"model_type": "mistral", "architectures": ["MistralForCausalLM"]}
    (folder / "config.json").write_text(json.dumps(config))
    assert load_host(str(folder)).model.config.model_type == "mistral"


def test_a_tokenizer_loads_without_weights(folder: Path, tiny_host: Callable[[str], Host]) -> None:
    (folder / "model.safetensors").unlink()
    ids = load_tokenizer(str(folder))("Hi there").input_ids
    assert ids == tiny_host("llama").tokenizer("Hi there").input_ids


def test_tokenizers_that_are_not_there(folder: Path) -> None:
    for path in folder.glob("*token*"):
        path.unlink()
    with pytest.raises(ModelError, match="a tokenizer that transformers can load"):
        load_tokenizer(str(folder))
    for spec, reason in (("/nowhere", "no such folder"), ("smollm3", "smollm2-135m")):
        with pytest.raises(ModelError, match=reason):
            load_tokenizer(spec)


@pytest.mark.bundle
def test_the_bundles_tokenizer_is_the_one_of_its_model(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """From the converted folder, and where there is none yet, from the bundle itself."""
    text = "def f(x):\n\n    return 'x'  # 12345"
    ids = load_host().tokenizer(text).input_ids
    assert load_tokenizer()(text).input_ids == ids
    monkeypatch.setattr("memgraft.host.load._converted_path", lambda _: tmp_path / "none")
    assert load_tokenizer()(text).input_ids == ids
    assert not (tmp_path / "none").exists()
