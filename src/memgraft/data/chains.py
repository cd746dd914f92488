"""Chains of lines: each names the next, the last one ends, and one chain is asked for."""

from __future__ import annotations

import random
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from memgraft.data.fitting import Fitter, Frame, Maker
from memgraft.data.names import Fresh
from memgraft.data.samples import Sample

# Other chains of a sample that could be asked for too, and are told in its metadata, at most.
ALSO = 15


@dataclass(frozen=True)
class Wording:
    """How chains are told.

    `link` and `end` are a line that goes on and one that ends a chain, of `{0}` and `{1}`;
    `question` asks for the end from `{start}` on and knows `{hops}` and `{cot}`; `target` holds
    the `{answer}`, or with the chain of thought all that is met on the way, joined by `arrow`.
    """

    link: str
    end: str
    question: str
    target: str
    arrow: str
    name: Callable[[random.Random], str]
    ending: str = "\n"  # what comes after a target
    value: Callable[[random.Random], str] | None = None  # a chain ends in a name if there is none


class Chains:
    """Makes the chains of one sample; no name is in two of them."""

    def __init__(self, wording: Wording, rng: random.Random) -> None:
        self.wording = wording
        self.rng = rng
        self._name = Fresh(rng, wording.name)
        self._value = Fresh(rng, wording.value) if wording.value else self._name
        self.made: list[list[str]] = []  # the nodes of every chain, whether it is told or not

    def nodes(self, hops: int) -> list[str]:
        """What a chain goes through, its start and its end too."""
        self.made.append([*(self._name() for _ in range(hops)), self._value()])
        return self.made[-1]

    def lines(self, nodes: list[str]) -> list[str]:
        """A line per hop."""
        last = len(nodes) - 2
        return [
            (self.wording.end if i == last else self.wording.link).format(nodes[i], nodes[i + 1])
            for i in range(last + 1)
        ]

    def branches(self, nodes: list[str], count: int) -> list[str]:
        """Lines by which other names lead into the chain, past its start."""
        ends = self.wording.value is not None
        inner = nodes[1 : len(nodes) - ends]
        if not inner:
            return []
        return [
            self.wording.link.format(self._name(), self.rng.choice(inner)) for _ in range(count)
        ]

    def unit(self, hops: int, branches: int) -> list[str]:
        """A chain with its branches."""
        nodes = self.nodes(hops)
        return [*self.lines(nodes), *self.branches(nodes, branches)]


def chain_sample(
    wording: Wording, hops: int, fitter: Fitter, cot: bool = False, branches: int = 0
) -> Sample:
    """A sample that asks for the end of one chain among others of as many hops and branches.

    What room is left at the end, shorter chains fill.
    """
    chains = Chains(wording, fitter.rng)

    def asked(nodes: list[str]) -> tuple[str, str]:
        told = wording.arrow.join(nodes[1:] if cot else nodes[-1:])
        question = wording.question.format(start=nodes[0], hops=hops, cot=cot)
        return question, wording.target.format(answer=told)

    nodes = chains.nodes(hops)
    question, target = asked(nodes)
    frame = Frame(chains.lines(nodes), question, target, chains.branches(nodes, branches))
    makers = [Maker(lambda: chains.unit(hops, branches))]
    makers += [Maker(lambda n=n: chains.unit(n, 0)) for n in range(hops - 1, 0, -1)]  # type: ignore[misc]
    if branches and hops == 1:
        makers.append(Maker(lambda: chains.unit(1, 0)))
    fitted = fitter.fit(frame, makers)
    lines = set(fitted.input.removesuffix(question).split(frame.separator))
    whole = [made for made in chains.made[1:] if lines.issuperset(chains.lines(made))]
    also = [list(asked(made)) for made in whole if len(made) == len(nodes)][:ALSO]
    metadata: dict[str, Any] = {"hops": hops, "cot": cot, "start": nodes[0], "answer": nodes[-1]}
    metadata |= {"question": question, "also": also, "ending": wording.ending}
    return Sample(fitted.input, frame.target, metadata | fitted.metadata())
