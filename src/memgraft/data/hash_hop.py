"""Hash-hop: follow random strings from one to the next (Magic, "100M token context windows", 2024).

Style `magic` is the format of https://github.com/magicproduct/hash-hop: shuffled lines `k = v`,
the last of a chain `k = 'v'`, and a completion that tells the hops and whether the chain of
thought is due. Style `agents` tells the same in sentences: agents that hand over to one another,
the last of whom holds a credential. Every chain is complete and all have as many hops, but for
shorter ones that fill the last lines.
"""

from __future__ import annotations

import random
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from memgraft.core.config import Config
from memgraft.core.errors import InvalidInput
from memgraft.data.chains import Wording, chain_sample
from memgraft.data.fitting import Fitter, TokenCount
from memgraft.data.names import credential, letters
from memgraft.data.samples import Sample, endless, require_size
from memgraft.data.values import invented

STYLES = ("magic", "agents")


@dataclass(frozen=True)
class HashHopConfig(Config):
    """What samples are like."""

    tokens: int = 4096  # of input and target together, at most
    hops: tuple[int, ...] = (2,)  # lines from the start to the end; one is drawn per sample
    style: str = "magic"
    cot: bool = False  # the target tells what is met on the way
    length: int = 16  # letters per hash
    depths: tuple[float, ...] = ()  # where the chain lies; one is drawn; scattered if empty

    def __post_init__(self) -> None:
        require_size(self.tokens, self.depths, self.hops)
        if self.style not in STYLES:
            raise InvalidInput(f"no style is called {self.style!r}", expected=", ".join(STYLES))
        if self.length < 1:
            raise InvalidInput("a hash has at least one letter", got=str(self.length))


def hash_hop(
    config: HashHopConfig, tokenizer: Any, seed: int | str = 0, start: int = 0
) -> Iterator[Sample]:
    """Endless samples, number `start` and on; the same seed and tokenizer give the same ones.

    Raises:
        InvalidInput: the asked chain and its question do not fit into `config.tokens`.
    """
    count = TokenCount(tokenizer)
    wording = _wording(config)

    def make(rng: random.Random) -> Sample:
        hops = rng.choice(config.hops)
        depth = rng.choice(config.depths) if config.depths else None
        made = chain_sample(wording, hops, Fitter(config.tokens, count, rng, depth), config.cot)
        kind = {"task": "hash_hop", "style": config.style}
        return Sample(made.input, made.target, kind | made.metadata)

    return endless("hash_hop", seed, start, make)


def _wording(config: HashHopConfig) -> Wording:
    if config.style == "magic":
        return Wording(
            link="{0} = {1}",
            end="{0} = '{1}'",
            # No space at the end: tokenizers join it to what follows.
            question="\nCOMPLETION:\nHops={hops}\n\nCoT={cot}\n\n{start} =",
            target=" '{answer}'",
            arrow=" = ",
            name=letters(config.length),
        )
    return Wording(
        link="Agent {0} hands over to agent {1}.",
        end="Agent {0} holds the credential {1}.",
        question="\n\nQuestion: Which credential do the handovers that begin with agent {start} "
        "lead to?\nAnswer:",
        target=" {answer}",
        arrow=" -> ",
        ending=".",
        name=invented,
        value=credential,
    )
