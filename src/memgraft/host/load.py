"""Load a language model from a bundle, a folder, a GGUF file or a hub id."""

from __future__ import annotations

import hashlib
import shutil
import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch

from memgraft.core.bundles import BUNDLES, DEFAULT_MODEL, Bundle, Progress, fetch
from memgraft.core.errors import ModelError
from memgraft.core.paths import cache_folder
from memgraft.host.anatomy import anatomy_of

# For base models that bring no chat template of their own.
PLAIN_TEMPLATE = (
    "{% for m in messages %}{{ m['role'].capitalize() }}: {{ m['content'] }}\n{% endfor %}"
    "{% if add_generation_prompt %}Assistant:{% endif %}"
)


@dataclass(frozen=True)
class Host:
    """A frozen causal language model, its tokenizer, and what identifies its weights."""

    model: Any
    tokenizer: Any
    name: str
    fingerprint: str

    def prompt(self, messages: list[dict[str, str]]) -> str:
        """The messages through the model's own chat template, ending where the reply begins."""
        return self.tokenizer.apply_chat_template(
            messages, add_generation_prompt=True, tokenize=False
        )

    def encode(self, text: str) -> list[int]:
        return self.tokenizer(text, add_special_tokens=False).input_ids

    @property
    def end_ids(self) -> frozenset[int]:
        """Tokens that end a reply."""
        declared = self.model.generation_config.eos_token_id
        ids = declared if isinstance(declared, list) else [declared]
        return frozenset(i for i in [*ids, self.tokenizer.eos_token_id] if i is not None)


def load_host(spec: str = DEFAULT_MODEL, progress: Progress | None = None) -> Host:
    """Load in float32 on the CPU, frozen, in eval mode.

    Args:
        spec: a bundle name, a folder, a `.gguf` file, or a hub id such as `Qwen/Qwen3-0.6B`.

    Raises:
        ModelError: nothing loadable is there, or the architecture has no anatomy.
        BundleError: the bundle could not be fetched or its hash is wrong.
    """
    model, tokenizer = _load(spec, progress)
    return make_host(model, tokenizer, spec)


def make_host(model: Any, tokenizer: Any, name: str) -> Host:
    """Wrap a model that is in memory already."""
    anatomy_of(model)
    model.eval().requires_grad_(False)
    if tokenizer.chat_template is None:
        tokenizer.chat_template = PLAIN_TEMPLATE
    if tokenizer.eos_token_id is None:
        raise ModelError(f"the tokenizer of {name} has no end-of-text token")
    return Host(model, tokenizer, name, fingerprint(model))


def load_tokenizer(spec: str = DEFAULT_MODEL, progress: Progress | None = None) -> Any:
    """The tokenizer of a model alone, as it is; no weights are loaded.

    Args:
        spec: as for `load_host`; any architecture.

    Raises:
        ModelError: there is no tokenizer.
        BundleError: the bundle could not be fetched or its hash is wrong.
    """
    if spec not in BUNDLES:
        return _tokenizer(_find(spec))
    bundle = BUNDLES[spec]
    converted = _converted_path(bundle)
    if converted.is_dir():
        return _tokenizer(_folder(converted))
    fetch(bundle, progress)
    return _tokenizer(_gguf(bundle.weights_path))


@dataclass(frozen=True)
class _Source:
    """What transformers is asked to load, and what is said if it cannot."""

    name: str
    failure: str
    options: dict[str, Any]


def _load(spec: str, progress: Progress | None) -> tuple[Any, Any]:
    if spec in BUNDLES:
        return _both(_folder(_converted_bundle(BUNDLES[spec], progress)))
    return _both(_find(spec))


def _find(spec: str) -> _Source:
    path = Path(spec).expanduser()
    if path.is_file() and path.suffix == ".gguf":
        return _gguf(path)
    if path.exists() or spec.startswith((".", "/", "~")):
        return _folder(path)
    if spec.count("/") == 1:
        return _Source(spec, f"cannot load {spec!r} from the model hub", {})
    raise ModelError(
        f"no model is called {spec!r}",
        expected=f"{', '.join(sorted(BUNDLES))}, a folder, a .gguf file, or a hub id (owner/name)",
        got=spec,
    )


def _folder(path: Path) -> _Source:
    if not (path / "config.json").is_file():
        raise ModelError(
            f"{path} is not a model folder",
            expected="a folder with config.json, weights and a tokenizer",
            got="no config.json in it" if path.is_dir() else "no such folder",
        )
    return _Source(str(path), f"cannot load the model in {path}", {"local_files_only": True})


def _gguf(path: Path) -> _Source:
    return _Source(str(path.parent), f"cannot load {path}", {"gguf_file": path.name})


def _both(source: _Source) -> tuple[Any, Any]:
    from transformers import AutoModelForCausalLM

    try:
        model = AutoModelForCausalLM.from_pretrained(
            source.name, dtype=torch.float32, **source.options
        )
    except Exception as error:  # transformers raises a dozen unrelated types here
        expected = "a causal language model that transformers can load"
        raise _failed(source, expected, error) from error
    return model, _tokenizer(source)


def _tokenizer(source: _Source) -> Any:
    from transformers import AutoTokenizer

    try:
        return AutoTokenizer.from_pretrained(source.name, **source.options)
    except Exception as error:
        expected = "a tokenizer that transformers can load"
        raise _failed(source, expected, error) from error


def _failed(source: _Source, expected: str, error: Exception) -> ModelError:
    return ModelError(
        source.failure,
        expected=expected,
        got=f"{type(error).__name__}: {str(error).splitlines()[0] if str(error) else ''}",
        next_step="check the path or id, and the network if it is a hub id",
    )


def _converted_path(bundle: Bundle) -> Path:
    return cache_folder() / "models" / f"{bundle.name}-{bundle.sha256[:12]}"


def _converted_bundle(bundle: Bundle, progress: Progress | None) -> Path:
    """The bundle as a plain safetensors folder: dequantising takes 15 s, so it happens once."""
    target = _converted_path(bundle)
    if target.is_dir():
        return target
    fetch(bundle, progress)
    if progress:
        progress(f"preparing {bundle.name}", 0, 0)
    quantised, tokenizer = _both(_gguf(bundle.weights_path))
    model = _plain_copy(quantised)
    target.parent.mkdir(parents=True, exist_ok=True)
    staging = Path(tempfile.mkdtemp(dir=target.parent, prefix=".convert-"))
    try:
        model.save_pretrained(staging)
        tokenizer.save_pretrained(staging)
        if not target.is_dir():
            staging.replace(target)
    finally:
        shutil.rmtree(staging, ignore_errors=True)
    return target


def _plain_copy(quantised: Any) -> Any:
    """The same weights in a model that does not remember that it came from a quantised file."""
    from transformers import AutoModelForCausalLM

    settings = quantised.config.to_dict()
    settings.pop("quantization_config", None)
    model = AutoModelForCausalLM.from_config(type(quantised.config).from_dict(settings))
    model.load_state_dict(quantised.state_dict())
    model.generation_config = quantised.generation_config
    return model


def fingerprint(model: Any, samples: int = 256) -> str:
    """A hash of the architecture and of evenly spread values of every weight tensor.

    Two models with the same fingerprint have the same weights for every practical purpose; it
    reads a thousandth of the bytes that a full hash would.
    """
    digest = hashlib.sha256(str(model.config.model_type).encode())
    for name, tensor in sorted(model.state_dict().items()):
        flat = tensor.detach().reshape(-1)
        step = max(1, flat.numel() // samples)
        digest.update(f"{name}{tuple(tensor.shape)}".encode())
        digest.update(flat[::step].float().cpu().numpy().tobytes())
    return digest.hexdigest()[:16]
