"""Dependency tracing: what something rests on in the end, k lines away, with exactly one answer.

Style `components`: each component depends on one other, and branches lead into every chain, so
that how often a name is met gives nothing away. Style `variables`: variable tracking as in RULER
(Hsieh et al. 2024, arXiv 2404.06654), each variable assigned once, in any order, the last of a
chain to a number.
"""

from __future__ import annotations

import random
import string
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from memgraft.core.config import Config
from memgraft.core.errors import InvalidInput
from memgraft.data.chains import Wording, chain_sample
from memgraft.data.fitting import Fitter, TokenCount
from memgraft.data.names import compound, letters
from memgraft.data.samples import Sample, endless, require_size


def _number(rng: random.Random) -> str:
    return str(rng.randint(10000, 99999))


WORDINGS = {
    "components": Wording(
        link="The component {0} depends on {1}.",
        end="The component {0} depends on {1}.",
        question="\n\nQuestion: Which component does {start} rest on in the end?\nAnswer:",
        target=" {answer}",
        arrow=" -> ",
        ending=".",
        name=compound,
    ),
    "variables": Wording(
        link="VAR {0} = VAR {1}",
        end="VAR {0} = {1}",
        question="\n\nQuestion: Which number is the value of VAR {start}?\nAnswer:",
        target=" {answer}",
        arrow=" -> ",
        name=letters(5, string.ascii_uppercase),
        value=_number,
    ),
}


@dataclass(frozen=True)
class DependencyConfig(Config):
    """What samples are like."""

    tokens: int = 4096  # of input and target together, at most
    hops: tuple[int, ...] = (3,)  # lines from the start to the end; one is drawn per sample
    style: str = "components"
    cot: bool = False  # the target tells what is met on the way
    branches: int = 1  # lines per chain by which others lead into it
    depths: tuple[float, ...] = ()  # where the chain lies; one is drawn; scattered if empty

    def __post_init__(self) -> None:
        require_size(self.tokens, self.depths, self.hops)
        if self.style not in WORDINGS:
            raise InvalidInput(f"no style is called {self.style!r}", expected=", ".join(WORDINGS))
        if self.branches < 0:
            raise InvalidInput("no fewer branches than none", got=str(self.branches))


def dependency(
    config: DependencyConfig, tokenizer: Any, seed: int | str = 0, start: int = 0
) -> Iterator[Sample]:
    """Endless samples, number `start` and on; the same seed and tokenizer give the same ones.

    Raises:
        InvalidInput: the asked chain and its question do not fit into `config.tokens`.
    """
    count = TokenCount(tokenizer)

    def make(rng: random.Random) -> Sample:
        hops = rng.choice(config.hops)
        depth = rng.choice(config.depths) if config.depths else None
        fitter = Fitter(config.tokens, count, rng, depth)
        made = chain_sample(WORDINGS[config.style], hops, fitter, config.cot, config.branches)
        kind = {"task": "dependency", "style": config.style}
        return Sample(made.input, made.target, kind | made.metadata)

    return endless("dependency", seed, start, make)
