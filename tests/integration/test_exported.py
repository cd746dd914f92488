"""Exported facts on the real model, read by unmodified peft and transformers."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import torch

from memgraft.core.records import Record
from memgraft.core.scope import Scope
from memgraft.host.load import Host
from memgraft.injection.export import export_adapter, export_merged
from memgraft.injection.home import InjectionHome
from memgraft.injection.pretrained import shipped_encoder
from memgraft.text.minilm import MiniLM

pytestmark = [pytest.mark.bundle, pytest.mark.slow]

ME = Scope(user_id="me")
TOLD = {
    "My name is Yusuf": ("What is my name?", "Yusuf"),
    "I work at Google": ("Where do I work?", "Google"),
    "My sister Ilse lives in Trondheim": ("Where does my sister live?", "Trondheim"),
}


def reply(host: Host, model: Any, question: str) -> str:
    ids = host.encode(host.prompt([{"role": "user", "content": question}]))
    with torch.inference_mode():
        made = model.generate(
            input_ids=torch.tensor([ids]), max_new_tokens=16, do_sample=False,
            pad_token_id=host.tokenizer.eos_token_id,
        )  # fmt: skip
    return host.tokenizer.decode(made[0, len(ids) :], skip_special_tokens=True)


@pytest.mark.parametrize("told", TOLD)
def test_both_forms_answer_alike(host: Host, encoder: MiniLM, tmp_path: Path, told: str) -> None:
    from peft import PeftModel
    from transformers import AutoModelForCausalLM, AutoTokenizer

    home = InjectionHome(host, encoder, tmp_path / "home", memory_encoder=shipped_encoder(host))
    home.write([Record.new(told, ME)])
    terms = home.exported(ME).terms
    export_adapter(host, terms, tmp_path / "adapter")
    export_merged(host, terms, tmp_path / "merged")

    merged = AutoModelForCausalLM.from_pretrained(tmp_path / "merged", dtype=torch.float32).eval()
    tokenizer = AutoTokenizer.from_pretrained(tmp_path / "merged")
    assert tokenizer.encode("Where?") == host.tokenizer.encode("Where?")
    adapted = PeftModel.from_pretrained(_bare(host, tmp_path), tmp_path / "adapter").eval()
    question, answer = TOLD[told]
    said = reply(host, merged, question)
    assert answer in said
    assert reply(host, adapted, question) == said


def test_several_facts_are_kept_apart(host: Host, encoder: MiniLM, tmp_path: Path) -> None:
    from transformers import AutoModelForCausalLM

    home = InjectionHome(host, encoder, tmp_path / "home", memory_encoder=shipped_encoder(host))
    home.write([Record.new(told, ME) for told in TOLD])
    export_merged(host, home.exported(ME).terms, tmp_path / "merged")
    merged = AutoModelForCausalLM.from_pretrained(tmp_path / "merged", dtype=torch.float32).eval()
    for question, answer in TOLD.values():
        assert answer in reply(host, merged, question)


def _bare(host: Host, folder: Path) -> Any:
    """The base model as other programs find it: a folder."""
    from transformers import AutoModelForCausalLM

    host.model.save_pretrained(folder / "bare")
    return AutoModelForCausalLM.from_pretrained(folder / "bare", dtype=torch.float32)
