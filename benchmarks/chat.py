"""Tokens per second of a chat turn against a plain `model.generate` loop, in the same run.

    python benchmarks/chat.py [--turns 12] [--tokens 48] [--facts 0 1000]

A turn is everything from the user's line to the last token: recall (embedding the question,
routing it over all facts), prompt, prefill, generation. Both sides answer the same prompts, one
after the other, with the order swapped every turn, and the medians are compared.
"""

from __future__ import annotations

import argparse
import statistics
import tempfile
import time
from pathlib import Path

import torch
from rich.console import Console
from rich.table import Table

from memgraft.cli.conversation import Conversation
from memgraft.cli.progress import Bars, prepare_libraries
from memgraft.core.files import RecordFiles
from memgraft.core.records import Record
from memgraft.core.scope import Scope
from memgraft.host.anatomy import layers, mlp_out
from memgraft.host.load import Host, load_host
from memgraft.host.session import GenerationConfig
from memgraft.injection.delta import LowRankDelta
from memgraft.injection.home import KIND, VERSION, InjectionHome
from memgraft.injection.router import shipped_router
from memgraft.injection.written import WrittenFact, rounded
from memgraft.memory import Memory
from memgraft.store.sqlite import SQLiteStore
from memgraft.text.encoder import Encoder
from memgraft.text.minilm import MiniLM
from memgraft.text.questions import questions

SCOPE = Scope(user_id="bench")
RANK = 12
PROMPTS = (
    "Tell me about volcanoes.",
    "How does a bicycle stay upright?",
    "Write a short story about a lighthouse.",
    "What should I see in Norway?",
    "Explain how bread rises.",
    "Describe the life of bees.",
)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--turns", type=int, default=12)
    parser.add_argument("--tokens", type=int, default=48)
    parser.add_argument("--facts", type=int, nargs="+", default=[0, 1000])
    arguments = parser.parse_args()
    prepare_libraries()
    table = Table(title="tokens per second, median over turns")
    for column in ("facts", "model.generate", "memgraft chat", "ratio"):
        table.add_column(column, justify="right")
    with Bars() as bars:
        host, encoder = load_host(progress=bars), MiniLM(progress=bars)
        for count in arguments.facts:
            with tempfile.TemporaryDirectory() as folder:
                memory = filled_memory(host, encoder, Path(folder), count)
                plain, ours = compare(host, memory, arguments.turns, arguments.tokens)
                memory.close()
            table.add_row(f"{count:,}", f"{plain:.2f}", f"{ours:.2f}", f"{ours / plain:.3f}")
    Console().print(table)


def compare(host: Host, memory: Memory, turns: int, tokens: int) -> tuple[float, float]:
    """Median tokens per second of (plain generate, chat)."""
    conversation = Conversation(memory, host, SCOPE, GenerationConfig(max_new_tokens=tokens))
    speeds: dict[str, list[float]] = {"plain": [], "ours": []}
    for turn in range(-1, turns):
        prompt = PROMPTS[turn % len(PROMPTS)]
        sides = ["plain", "ours"] if turn % 2 else ["ours", "plain"]
        for side in sides:
            started = time.perf_counter()
            if side == "plain":
                count = plain_turn(host, prompt, tokens)
            else:
                count = chat_turn(conversation, prompt)
            if turn >= 0:  # the first is a warm-up
                speeds[side].append(count / (time.perf_counter() - started))
    return statistics.median(speeds["plain"]), statistics.median(speeds["ours"])


@torch.inference_mode()
def plain_turn(host: Host, said: str, tokens: int) -> int:
    prompt = host.prompt([{"role": "user", "content": said}])
    batch = host.tokenizer(prompt, add_special_tokens=False, return_tensors="pt")
    output = host.model.generate(**batch, max_new_tokens=tokens, do_sample=False)
    reply = output[0, batch["input_ids"].shape[1] :]
    host.tokenizer.decode(reply, skip_special_tokens=True)
    return len(reply)


def chat_turn(conversation: Conversation, said: str) -> int:
    conversation.restart()
    reply = "".join(conversation.reply(said))
    return len(conversation.host.encode(reply))


def filled_memory(host: Host, encoder: Encoder, folder: Path, count: int) -> Memory:
    """A memory with so many facts, whose deltas have random numbers in the true shapes.

    What a turn costs depends on the number and size of the facts, not on what is in them; writing
    a thousand for real would take an hour.
    """
    store = SQLiteStore(folder / "memory.db")
    router = shipped_router(encoder)
    identity = {"base_model": host.fingerprint, "router": router.id}
    files = RecordFiles(folder / "weights", KIND, VERSION, identity)
    layer = round(0.8 * len(layers(host.model)))
    width_in, width_out = mlp_out(host.model, layer).weight.shape[::-1]
    generator = torch.Generator().manual_seed(0)

    def change(width: int) -> torch.Tensor:
        return torch.randn(width, RANK, generator=generator)

    for number in range(count):
        text = f"The locker of guest {number} in hall {number % 37} opens with code {7919 * number}"
        record, _ = store.add(Record.new(text, SCOPE))
        WrittenFact(
            record_id=record.id,
            version=record.version,
            text=text,
            scope=SCOPE,
            key=rounded(router.key_for(text, text, questions(text))),
            checked=True,
            delta=LowRankDelta.rounded({layer: (change(width_out), change(width_in))}),
        ).save(files.path(record.id))
    return Memory(store, [InjectionHome(host, encoder, folder / "weights")])


if __name__ == "__main__":
    main()
