"""Fit the weights of the signals to conversations whose questions know their evidence.

    python benchmarks/fit_signals.py --data FILE --conversations ID,ID,ID [--format locomo]

The weights are those under which a softmax over the candidates puts most on the evidence, with a
little weight decay; what they reach is measured with `memgraft eval retrieval` on conversations
that are not among these. Signals that are constant there keep the weights of `retrieval/config.py`.
"""

from __future__ import annotations

import argparse
from pathlib import Path

import numpy as np
import torch
from rich.console import Console
from rich.table import Table

from memgraft.cli.progress import prepare_libraries
from memgraft.evals.conversations import Conversation, load_corpus
from memgraft.evals.retrieval_systems import Memgraft
from memgraft.retrieval.config import ABSOLUTE, WEIGHTS
from memgraft.retrieval.fusion import z_scores
from memgraft.retrieval.memory import Asked
from memgraft.retrieval.signals import candidates, ranked
from memgraft.text.minilm import MiniLM

FITTED = [name for name, weight in WEIGHTS.items() if weight and name not in (
    "activation", "strength", "importance", "category", "association")]  # fmt: skip
DECAY, STEPS, RATE = 0.003, 400, 0.05
JUDGED = frozenset({"1", "2", "3", "4"})

Example = tuple[torch.Tensor, torch.Tensor]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("--format", default="locomo")
    parser.add_argument("--conversations", required=True)
    arguments = parser.parse_args()
    prepare_libraries()
    corpus = load_corpus(arguments.data, arguments.format)
    encoder = MiniLM()
    examples = [
        example
        for one in corpus.only(arguments.conversations.split(","), None).conversations
        for example in examples_of(one, encoder)
    ]
    weights = fitted(examples)
    table = Table(title=f"weights fitted to {len(examples)} questions")
    for head in ("signal", "fitted", "shipped"):
        table.add_column(head, justify="left" if head == "signal" else "right")
    for name, weight in zip(FITTED, weights.tolist(), strict=True):
        table.add_row(name, f"{weight:.2f}", f"{WEIGHTS[name]:.2f}")
    Console().print(table)


def examples_of(conversation: Conversation, encoder: MiniLM) -> list[Example]:
    """For each question the columns of its candidates, (candidates, signals), and the share of the
    evidence that each candidate is, (candidates,)."""
    system = Memgraft(encoder)
    system.add(conversation)
    memory = system.memory
    found = []
    for question in conversation.questions:
        if question.category not in JUDGED:
            continue
        now = question.asked_at.timestamp() if question.asked_at else None
        [vector] = encoder.encode([question.text])
        asked = memory.question(question.text, vector, Asked(now=now))
        slots = candidates(memory, asked)
        signals = ranked(memory, asked, slots).signals
        columns = [signals[n] if n in ABSOLUTE else z_scores(signals[n]) for n in FITTED]
        held = np.array([memory.at(int(slot)).id in question.evidence for slot in slots], float)
        if held.any():
            rows = np.stack(columns, axis=1).astype(np.float32)
            share = torch.tensor(held / held.sum(), dtype=torch.float32)
            found.append((torch.from_numpy(rows), share))
    return found


def fitted(examples: list[Example]) -> torch.Tensor:
    """Weights (signals,) of least cross-entropy; convex, so the beginning does not matter."""
    weights = torch.zeros(len(FITTED), requires_grad=True)
    optimiser = torch.optim.Adam([weights], lr=RATE)
    for _ in range(STEPS):
        optimiser.zero_grad()
        losses = [-(share * torch.log_softmax(rows @ weights, 0)).sum() for rows, share in examples]
        loss = torch.stack(losses).mean() + DECAY * (weights**2).sum()
        loss.backward()
        optimiser.step()
    return weights.detach()


if __name__ == "__main__":
    main()
