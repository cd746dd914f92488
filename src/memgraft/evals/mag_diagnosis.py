"""Figures of memory branches at work: is the gate open, is anything written, does it come back."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor
from torch.nn.functional import cosine_similarity

from memgraft.core.errors import InvalidInput
from memgraft.data.samples import Sample
from memgraft.evals.mag_subject import Subject
from memgraft.evals.mag_watch import LayerTrace, TextTrace, log_probabilities, watch

# Distances between a token and the end of the text, up to which their cosines are averaged.
DISTANCES = (16, 64, 256, 1024, 4096, 16384, 65536)
# Tokens whose keys are asked again, at most, evenly spread.
ASKED = 2048
PER_TOKEN = ("opening", "open", "weight", "strength", "momentum", "decay", "surprise")

Told = Callable[[str, int, int, str], None]


@dataclass(frozen=True)
class Text:
    """What is read. answer: where its answer begins, in tokens, if it asks for one. needle: from
    and to which token what is asked for is told. question: where it is asked for."""

    ids: list[int]
    answer: int | None = None
    needle: tuple[int, int] | None = None
    question: int | None = None


@dataclass(frozen=True, eq=False)
class Diagnosis:
    """What happened with a text.

    figures: of the text and its answer. layers: figures by layer, means over the text. series: by
    layer and by name, see `PER_TOKEN`, each (n,). ends: where segments end; norms: by layer, after
    each segment. gains (n - 1,): log-probability of each token but the first with the memory, less
    that without it, in nats.
    """

    text: Text
    figures: dict[str, Any]
    layers: dict[int, dict[str, Any]]
    series: dict[int, dict[str, Tensor]]
    ends: list[int]
    norms: dict[int, list[float]]
    gains: Tensor

    @classmethod
    def of(cls, text: Text, trace: TextTrace, without: Tensor) -> Diagnosis:
        """The diagnosis of a text; `without`, its log-probabilities without the memory."""
        gains = trace.log_probabilities - without
        layers = trace.layers
        return cls(
            text,
            text_figures(text, gains),
            {index: layer_figures(layer, text) for index, layer in layers.items()},
            {i: {name: getattr(layer, name) for name in PER_TOKEN} for i, layer in layers.items()},
            trace.ends,
            {index: layer.norms for index, layer in layers.items()},
            gains,
        )


def diagnose(
    subject: Subject, texts: Sequence[Text], segment: int = 256, progress: Told | None = None
) -> list[Diagnosis]:
    """Read each text twice, with the memory and without.

    Raises:
        InvalidInput: a text of less than two tokens, or a model without branches.
    """
    subject.require("on")
    made: list[Diagnosis] = []
    total = 2 * sum(len(text.ids) for text in texts)
    done = 0

    def told(tokens: int) -> None:
        nonlocal done
        done += tokens
        if progress:
            progress("tokens", done, total, "")

    for text in texts:
        if len(text.ids) < 2:
            raise InvalidInput(
                "the text is too short to diagnose",
                expected="two tokens or more",
                got=str(len(text.ids)),
            )
        with subject.reader("on") as model:
            trace = watch(model, text.ids, segment, told)
        with subject.reader("off") as model:
            without = log_probabilities(model, text.ids, segment, told)
        made.append(Diagnosis.of(text, trace, without))
    return made


def text_of(sample: Sample, tokenizer: Any) -> Text:
    """The text of a sample, its target after it."""

    def ids(text: str) -> list[int]:
        found: list[int] = tokenizer(text, add_special_tokens=False).input_ids
        return found

    source = str(sample.input)
    read = ids(source)
    start = sample.metadata["offsets"][-1]
    fact = source[start:].split("\n", 1)[0]
    before = len(ids(source[:start]))
    needle = (before, before + len(ids(fact)))
    question = len(read) - len(ids(sample.metadata["question"]))
    return Text([*read, *ids(str(sample.target))], len(read), needle, question)


def text_figures(text: Text, gains: Tensor) -> dict[str, Any]:
    """What the memory does to the prediction of a text, and of its answer."""
    figures = {"tokens": len(text.ids), "raised": _mean(gains > 0), "gain": _mean(gains)}
    if text.answer is not None:
        of_answer = gains[text.answer - 1 :]
        figures |= {"answer_raised": _mean(of_answer > 0), "answer_gain": _mean(of_answer)}
    return figures


def layer_figures(layer: LayerTrace, text: Text) -> dict[str, Any]:
    """Means over the text; the norms are those at its end."""
    figures: dict[str, Any] = {name: _mean(getattr(layer, name)) for name in PER_TOKEN}
    figures |= {"norm": layer.norms[-1], "momentum_norm": layer.momentum_norms[-1]}
    figures |= {"again": again(layer), "others": others(layer)}
    if text.needle and text.answer is not None:
        figures["needle"] = needle_rank(layer, text.needle, text.question, text.answer - 1)
    return figures


def again(layer: LayerTrace) -> dict[str, float]:
    """How well values come back when their keys are asked again at the end: the cosine between
    answer and value, mean over heads and tokens, by the distance of the token from the end.

    A memory of width d that holds far more than d keys gives back blends of values; what is near
    is fresh, and what is far was forgotten or written over. Values have much in common with one
    another: compare it with `others`.
    """
    places = _places(layer)
    answers = layer.asked_again(layer.keys[:, places])
    cosines = cosine_similarity(answers, layer.values[:, places], dim=-1).mean(dim=0)
    distances = layer.keys.shape[1] - 1 - places
    found: dict[str, float] = {}
    low = 0
    for high in DISTANCES:
        inside = (distances >= low) & (distances < high)
        if bool(inside.any()):
            found[str(high)] = _mean(cosines[inside])
        low = high
    return found


def others(layer: LayerTrace) -> float:
    """`again`, with the values of other tokens: each with that of one half the text away."""
    places = _places(layer)
    answers = layer.asked_again(layer.keys[:, places])
    away = layer.values[:, places.roll(len(places) // 2)]
    return _mean(cosine_similarity(answers, away, dim=-1))


def _places(layer: LayerTrace) -> Tensor:
    """The tokens whose keys are asked again."""
    count = layer.keys.shape[1]
    return torch.linspace(0, count - 1, min(count, ASKED)).round().long().unique()


def needle_rank(
    layer: LayerTrace, needle: tuple[int, int], question: int | None, asked: int
) -> float:
    """Whether what is read where the answer is due is closest to what the needle wrote.

    Share of the other tokens whose value is farther, by cosine with the read, than the nearest
    value of the needle's; of the head in which it is largest. The question's tokens are left out:
    they repeat the needle's. As the best of several tokens and heads it is above 0.5 by chance:
    compare it with an untrained branch's.
    """
    first, last = needle
    known = layer.values[:, : asked if question is None else question]
    cosines = cosine_similarity(layer.reads[:, asked : asked + 1], known, dim=-1)
    own = cosines[:, first:last].max(dim=1).values
    others = torch.cat([cosines[:, :first], cosines[:, last:]], dim=1)
    if not others.shape[1]:
        return 1.0
    return float((others < own[:, None]).float().mean(dim=1).max())


def means(made: Sequence[Diagnosis]) -> tuple[dict[str, Any], dict[int, dict[str, Any]]]:
    """Figures of all texts together, and by layer: means over texts."""
    texts = _averaged([one.figures for one in made])
    indices = made[0].layers
    return texts, {index: _averaged([one.layers[index] for one in made]) for index in indices}


def _averaged(rows: Sequence[dict[str, Any]]) -> dict[str, Any]:
    """Means by name, where all rows have it; of nested rows too."""
    shared = [name for name in rows[0] if all(name in row for row in rows)]
    return {
        name: _averaged([row[name] for row in rows])
        if isinstance(rows[0][name], dict)
        else round(sum(row[name] for row in rows) / len(rows), 5)
        for name in shared
    }


def _mean(values: Tensor) -> float:
    return float(values.float().mean())
