"""How well facts that a system was told are answered, and what else they change.

Everything is generated greedily and scored by containment and by exact match: scoring by
probabilities makes edited models look far better than they talk.
"""

from __future__ import annotations

import random
import sys
import tempfile
from collections.abc import Callable, Iterator, Sequence
from contextlib import closing, contextmanager
from functools import cache
from pathlib import Path
from typing import Any

from memgraft.evals import fluency
from memgraft.evals.neighbours import neighbour
from memgraft.evals.rows import FactRow, unrelated_prompts
from memgraft.evals.scoring import contains, exact
from memgraft.evals.systems import Opener, System
from memgraft.evals.tally import Tally

ANSWER_TOKENS = 48
COMPARED_TOKENS = 24
# Askings of unrelated prompts over all stacks: many small stacks take turns.
UNRELATED = 300

Progress = Callable[[str, int, int], None]
Bare = Callable[[str, int], str]


def bare_replies(opener: Opener) -> Bare:
    """The bare model's reply to a prompt, in at most so many tokens; generated once for all."""

    @cache
    def reply(prompt: str, tokens: int) -> str:
        with _opened(opener) as system:
            return system.answer(prompt, tokens)

    return reply


def evaluate(
    opener: Opener,
    rows: Sequence[FactRow],
    stack: int,
    bare: Bare,
    more: Sequence[str] = (),
    progress: Progress | None = None,
) -> dict[str, Any]:
    """Tell a fresh system `stack` facts at a time and ask for each; returns the figures.

    Args:
        opener: the system.
        rows: what is told and asked.
        stack: rows held at the same time.
        bare: the bare model's replies; see `bare_replies`.
        more: facts that every stack holds besides its rows, and that are not asked for.
        progress: told how far it is.

    Returns:
        Shares, medians in milliseconds, bytes; None where nothing was measured. `*_unchanged` are
        the shares of prompts whose greedy reply is the bare model's: for `neighbour` over 48
        tokens, else over 24. A neighbour is `safe` if the reply does not hold the fact's answer,
        and its gate is open if anything is awake. `route_ms_p50` is the time to tell what is
        awake for a question whose embedding is at hand. `peak_mb` is the most memory that the
        process has held so far. Where rows are edits, `efficacy` is the share of `question`,
        `locality` that of locality prompts unchanged; see `memgraft.evals.fluency`.
    """
    groups = [rows[i : i + stack] for i in range(0, len(rows), stack)]
    prompts = _in_turns(unrelated_prompts(), len(groups))
    total = 2 * len(rows) + len(groups) * len(more) + sum(map(len, prompts))
    step = _steps(progress, f"{opener.name}, {stack + len(more)} facts", total)
    tally = Tally()
    for group, unrelated in zip(groups, prompts, strict=True):
        with _opened(opener) as system:
            for fact in _mixed([row.fact for row in group], more):
                with tally.timed("write_ms"):
                    held = system.write(fact)
                tally.note("refused", not held)
                next(step)
            tally.measure("bytes", system.bytes_per_fact)
            for row in group:
                _ask(system, row, bare, tally)
                next(step)
            for prompt in unrelated:
                tally.note("unrelated", _unchanged(system, prompt, bare, COMPARED_TOKENS))
                next(step)
    return _figures(opener, tally, len(rows), stack + len(more))


def _ask(system: System, row: FactRow, bare: Bare, tally: Tally) -> None:
    for name, question in (("question", row.question), ("paraphrase", row.paraphrase)):
        with tally.timed("answer_ms"):
            reply = system.answer(question, ANSWER_TOKENS)
        # Its embedding, and whatever else was computed for the answer, is remembered.
        with tally.timed("route_ms"):
            system.wakes(question)
        tally.note(name, contains(reply, row.answer))
        tally.note(f"{name}_exact", exact(reply, row.answer))
        if not contains(reply, row.answer):
            tally.misses.append({"question": question, "due": row.answer, "reply": reply})
    near = row.neighbour or neighbour(row.question)
    if near is not None:
        _ask_near(system, near, row.answer, bare, tally)
    if row.locality is not None:
        tally.note("locality", _unchanged(system, row.locality, bare, COMPARED_TOKENS))
    if row.subject is not None:
        text = _reply(system, fluency.REQUEST.format(subject=row.subject), bare, fluency.TOKENS)
        tally.measure("fluency", fluency.fluency(text))
        tally.measure("fluency_words", len(fluency.words_of(text)))


def _ask_near(system: System, near: str, answer: str, bare: Bare, tally: Tally) -> None:
    reply = _reply(system, near, bare, ANSWER_TOKENS)
    tally.note("neighbour", reply == bare(near, ANSWER_TOKENS))
    tally.note("neighbour_safe", not contains(reply, answer))
    tally.note("neighbour_open", system.wakes(near))


def _reply(system: System, prompt: str, bare: Bare, tokens: int) -> str:
    """Not generated twice where nothing is awake: that this is the bare model, bit for bit, is a
    test of its own."""
    return (system.answer if system.wakes(prompt) else bare)(prompt, tokens)


def _unchanged(system: System, prompt: str, bare: Bare, tokens: int) -> bool:
    return not system.wakes(prompt) or system.answer(prompt, tokens) == bare(prompt, tokens)


def _figures(opener: Opener, tally: Tally, count: int, held: int) -> dict[str, Any]:
    figures = {
        "home": opener.home,
        "system": opener.name,
        "writer": opener.writer,
        "stack": held,
        "n": count,
        "question": tally.share("question"),
        "paraphrase": tally.share("paraphrase"),
        "question_exact": tally.share("question_exact"),
        "paraphrase_exact": tally.share("paraphrase_exact"),
        "neighbour_safe": tally.share("neighbour_safe"),
        "neighbour_unchanged": tally.share("neighbour"),
        "gate_open_neighbours": tally.share("neighbour_open"),
        "unrelated_unchanged": tally.share("unrelated"),
        "refused": tally.share("refused"),
        "write_ms_p50": tally.median("write_ms"),
        "answer_ms_p50": tally.median("answer_ms"),
        "route_ms_p50": tally.median("route_ms"),
        "bytes_per_fact": tally.mean("bytes"),
        "peak_mb": _peak_mb(),
    }
    if tally.hits.get("locality"):
        figures |= {
            "efficacy": figures["question"],
            "locality": tally.share("locality"),
            "fluency": tally.mean("fluency"),
            "fluency_words": tally.mean("fluency_words"),
        }
    return {**figures, "misses": tally.misses}


@contextmanager
def _opened(opener: Opener) -> Iterator[System]:
    """The system in a folder of its own, for as long as it is used."""
    with tempfile.TemporaryDirectory() as folder, closing(opener.open(Path(folder))) as system:
        yield system


def _mixed(facts: list[str], more: Sequence[str]) -> list[str]:
    """Spread among each other, the same way for all systems: what is asked for is not new."""
    if not more:
        return facts
    mixed = [*facts, *more]
    random.Random(len(mixed)).shuffle(mixed)
    return mixed


def _in_turns(prompts: list[str], groups: int) -> list[list[str]]:
    """For each group, all prompts, or as many as make `UNRELATED` in all."""
    each = min(len(prompts), -(-UNRELATED // groups))
    starts = [group * each % len(prompts) for group in range(groups)]
    return [(prompts + prompts)[start : start + each] for start in starts]


def _steps(progress: Progress | None, name: str, total: int) -> Iterator[None]:
    """Each `next` is one step further."""
    for done in range(1, total + 1):
        if progress:
            progress(name, done, total)
        yield


def _peak_mb() -> float | None:
    """The most resident memory of this process, in MB; None where the system does not tell."""
    try:
        import resource
    except ImportError:  # Windows
        return None
    unit = 1 if sys.platform == "darwin" else 1024
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * unit / 1e6
