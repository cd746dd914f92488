"""Shared fixtures: tiny language models made in code, and a cache folder of the tests' own."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from functools import cache as remembered
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from memgraft.host.load import Host

KINDS = ["llama", "mistral", "qwen2", "qwen3", "gpt2", "gpt_neox"]
END = "<|im_end|>"
WIDTH, INNER, DEPTH, HEADS = 32, 64, 4, 4


@pytest.fixture(scope="session")
def session_cache(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("cache")


@pytest.fixture(autouse=True)
def cache(
    request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch, session_cache: Path
) -> None:
    """Keep tests out of the user's cache, but for those that need what was downloaded there."""
    if request.node.get_closest_marker("bundle") is None:
        monkeypatch.setenv("MEMGRAFT_CACHE", str(session_cache))


@pytest.fixture(autouse=True)
def one_thread(request: pytest.FixtureRequest) -> Iterator[None]:
    """Tiny models gain nothing from threads, and lose much where other processes want the cores."""
    torch = sys.modules.get("torch")
    if torch is None or request.node.get_closest_marker("bundle"):
        yield
        return
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(threads)


@pytest.fixture(scope="session")
def tiny_host() -> Callable[[str], Host]:
    """`tiny_host(kind)`: a random model of that architecture, the same one all session long."""
    return remembered(make_tiny_host)


@pytest.fixture(scope="session")
def tiny_hosts(tiny_host: Callable[[str], Host]) -> dict[str, Host]:
    """One tiny host per architecture."""
    return {kind: tiny_host(kind) for kind in KINDS}


@pytest.fixture(params=KINDS)
def each_host(request: pytest.FixtureRequest, tiny_host: Callable[[str], Host]) -> Host:
    """Runs the test once per architecture."""
    return tiny_host(request.param)


def make_tiny_host(kind: str) -> Host:
    import torch
    from transformers import AutoConfig, AutoModelForCausalLM

    from memgraft.host.load import make_host

    tokenizer = make_tokenizer()
    config = AutoConfig.for_model(
        kind,
        vocab_size=len(tokenizer),
        bos_token_id=None,
        eos_token_id=tokenizer.eos_token_id,
        pad_token_id=None,
        **_shape(kind),
    )
    with torch.random.fork_rng():
        torch.manual_seed(KINDS.index(kind))
        model = AutoModelForCausalLM.from_config(config)
        # Norms that scale and biases that shift, as in trained models.
        for parameter in model.parameters():
            if parameter.dim() == 1:
                parameter.data.add_(0.1 * torch.randn_like(parameter))
    return make_host(model, tokenizer, f"tiny-{kind}")


def make_tokenizer() -> Any:
    """Byte-level: one token per byte, so all text is covered and characters can be torn apart."""
    from tokenizers import Tokenizer, decoders, models, pre_tokenizers
    from transformers import PreTrainedTokenizerFast

    alphabet = sorted(pre_tokenizers.ByteLevel.alphabet())
    bare = Tokenizer(models.BPE({symbol: i for i, symbol in enumerate(alphabet)}, merges=[]))
    bare.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    bare.decoder = decoders.ByteLevel()
    return PreTrainedTokenizerFast(tokenizer_object=bare, eos_token=END)


def _shape(kind: str) -> dict[str, Any]:
    # Weights large enough that logits differ clearly: ties would make greedy decoding a lottery.
    spread = {"initializer_range": 0.2}
    if kind == "gpt2":
        return {"n_embd": WIDTH, "n_inner": INNER, "n_layer": DEPTH, "n_head": HEADS} | spread
    common = {
        "hidden_size": WIDTH,
        "intermediate_size": INNER,
        "num_hidden_layers": DEPTH,
        "num_attention_heads": HEADS,
        "max_position_embeddings": 1024,
        **spread,
    }
    grouped = {"num_key_value_heads": HEADS // 2}
    return {
        "llama": common | grouped,
        "mistral": common | grouped | {"sliding_window": 8, "head_dim": WIDTH // HEADS},
        "qwen2": common | grouped,
        "qwen3": common | grouped | {"head_dim": WIDTH // HEADS},
        "gpt_neox": common,
    }[kind]
