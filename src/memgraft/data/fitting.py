"""Texts of a given size in tokens: a needle at a given depth among filler, never cut off.

Pieces (lines, functions) are costed one by one, which tells nearly what they cost together; the
whole text is then counted, and filler added or taken away until it fits to within one piece.
"""

from __future__ import annotations

import random
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from itertools import accumulate, islice
from typing import Any, NamedTuple

from memgraft.core.errors import InvalidInput

# Rounds of counting the whole text; two do where tokens do not reach across lines.
ROUNDS = 12
# Units that are costed in one call of the tokenizer.
BATCH = 4096


class TokenCount:
    """Counts the tokens of texts, special ones left out.

    Args:
        tokenizer: called with a list of texts like one of `transformers`, or, if it cannot be
            called, with an `encode` as in `tokenizers`.
    """

    def __init__(self, tokenizer: Any) -> None:
        self._tokenizer = tokenizer

    def __call__(self, text: str) -> int:
        return self.each([text])[0]

    def each(self, texts: Sequence[str]) -> list[int]:
        """The tokens of every text."""
        if not texts:
            return []
        if callable(self._tokenizer):
            encoded = self._tokenizer(list(texts), add_special_tokens=False)["input_ids"]
        else:
            encoded = [self._tokenizer.encode(text, add_special_tokens=False) for text in texts]
        return [len(getattr(ids, "ids", ids)) for ids in encoded]


@dataclass(frozen=True)
class Frame:
    """What is to be found and what is asked for.

    `needle`: the pieces that the answer needs, in the order of the hops. `company`: pieces that
    belong to the needle and lie anywhere. The input is all pieces, joined by `separator`, and
    the question; the target follows.
    """

    needle: Sequence[str]
    question: str
    target: str
    company: Sequence[str] = ()
    separator: str = "\n"


@dataclass(frozen=True)
class Maker:
    """Makes units of filler, pieces that come together or not at all; None when out of them.

    After `patience` units that did not fit, the next maker has its turn.
    """

    make: Callable[[], Sequence[str] | None]
    patience: int = 1


@dataclass(frozen=True)
class Fitted:
    """An input and where its needle lies, piece by piece of the needle.

    `offsets` are characters of the input; `depths` are shares of the context, 0 for its first
    piece and 1 for its last; `distances` are tokens from the piece's end to the input's.
    """

    input: str
    tokens: int
    target_tokens: int
    offsets: tuple[int, ...]
    depths: tuple[float, ...]
    distances: tuple[int, ...]

    def metadata(self) -> dict[str, Any]:
        """What a sample tells of it; `depth` is the mean."""
        return {
            "tokens": self.tokens,
            "target_tokens": self.target_tokens,
            "depth": round(sum(self.depths) / len(self.depths), 4),
            "depths": list(self.depths),
            "distances": list(self.distances),
            "offsets": list(self.offsets),
        }


class _Piece(NamedTuple):
    text: str
    cost: int
    hop: int = -1  # which piece of the needle, -1 for filler


class Fitter:
    """Makes inputs whose tokens, with their target's, are `size` or up to a piece fewer.

    Args:
        size: tokens of input and target, each counted alone and without special tokens.
        count: of the tokenizer that the size is meant in.
        rng: shuffles the filler.
        depth: where the needle's pieces stand side by side, as a share of the filler's tokens
            before them; None scatters them anywhere.
    """

    def __init__(
        self, size: int, count: TokenCount, rng: random.Random, depth: float | None = None
    ) -> None:
        self.size = size
        self.count = count
        self.rng = rng
        self.depth = depth

    def fit(self, frame: Frame, makers: Sequence[Maker]) -> Fitted:
        """Fill up with units of the makers, each maker after the one before.

        Raises:
            InvalidInput: the needle, the question and the target are too long for the size.
        """
        target = self.count(frame.target)
        bare = frame.separator.join([*frame.needle, *frame.company]) + frame.question
        least = self.count(bare) + target
        if least > self.size:
            raise _too_small(least, self.size)
        needle = [p._replace(hop=i) for i, p in enumerate(self._costed(frame.needle, frame))]
        company = self._costed(frame.company, frame)
        units: list[list[_Piece]] = []
        room = self.size - least
        best: tuple[int, list[_Piece]] | None = None
        for _ in range(ROUNDS):
            rejected = self._fill(units, room, makers, frame)
            pieces = self._lay([*company, *_flat(units)], needle)
            slack = self.size - target - self.count(_text(pieces, frame))
            if slack >= 0 and (best is None or slack < best[0]):
                best = slack, pieces
            if slack >= 0 and (slack < rejected or not rejected):
                break
            room = _cost(units) + slack
            while units and _cost(units) > room:
                units.pop()
        while best is None:  # a tokenizer whose tokens depend on what stands lines away
            if not units:
                raise _too_small(least - slack, self.size)
            units.pop()
            pieces = self._lay([*company, *_flat(units)], needle)
            slack = self.size - target - self.count(_text(pieces, frame))
            best = (slack, pieces) if slack >= 0 else None
        slack, pieces = best
        return self._located(pieces, frame, self.size - target - slack, target)

    def fitting(self, frame: Frame) -> int:
        """How many of the company's first pieces there is room for beside the needle."""
        bare = frame.separator.join(frame.needle) + frame.question
        room = self.size - self.count(frame.target) - self.count(bare)
        spent = accumulate(piece.cost for piece in self._costed(frame.company, frame))
        # One token each, as the costs are those of pieces for themselves.
        return sum(cost + number <= room for number, cost in enumerate(spent, 1))

    def _fill(
        self, units: list[list[_Piece]], room: int, makers: Sequence[Maker], frame: Frame
    ) -> int:
        """Add units while they fit; what the last one that did not would have cost."""
        left = room - _cost(units)
        rejected = 0
        for maker in makers:
            misses, batch = 0, 1
            while misses < maker.patience:
                made = list(islice(iter(maker.make, None), batch))
                if not made:
                    break
                costed = iter(self._costed([piece for unit in made for piece in unit], frame))
                spent = 0
                for texts in made:
                    unit = list(islice(costed, len(texts)))
                    cost = _cost([unit])
                    spent += cost
                    if cost <= left:
                        units.append(unit)
                        left -= cost
                    else:
                        misses, rejected = misses + 1, cost
                        if misses == maker.patience:
                            break
                # As many as are likely to fit, so that the tokenizer is called a few times only.
                likely = left * len(made) // max(1, spent) + 1
                batch = min(BATCH, max(likely, maker.patience - misses))
        return rejected

    def _costed(self, texts: Sequence[str], frame: Frame) -> list[_Piece]:
        costs = self.count.each([text + frame.separator for text in texts])
        return list(map(_Piece, texts, costs))

    def _lay(self, filler: list[_Piece], needle: list[_Piece]) -> list[_Piece]:
        """All pieces in their order. Filler and the needle's own pieces come shuffled."""
        self.rng.shuffle(filler)
        hidden = self.rng.sample(needle, len(needle))
        if self.depth is None:
            places = sorted(self.rng.randrange(len(filler) + 1) for _ in hidden)
        else:
            before = [0, *accumulate(piece.cost for piece in filler)]
            wanted = self.depth * before[-1]
            nearest = min(range(len(before)), key=lambda i: abs(before[i] - wanted))
            places = [nearest] * len(hidden)
        for place, piece in reversed(list(zip(places, hidden, strict=True))):
            filler.insert(place, piece)
        return filler

    def _located(
        self, pieces: list[_Piece], frame: Frame, tokens: int, target_tokens: int
    ) -> Fitted:
        question = self.count(frame.question)
        total = sum(piece.cost for piece in pieces)
        found: dict[int, tuple[int, float, int]] = {}
        before, offset = 0, 0
        for piece in pieces:
            after = total - before - piece.cost
            if piece.hop >= 0:
                depth = round(before / max(1, before + after), 4)
                found[piece.hop] = (offset, depth, after + question)
            before += piece.cost
            offset += len(piece.text) + len(frame.separator)
        ordered = [found[hop] for hop in sorted(found)]
        offsets, depths, distances = (tuple(each) for each in zip(*ordered, strict=True))
        text = _text(pieces, frame)
        return Fitted(text, tokens, target_tokens, offsets, depths, distances)


def _too_small(least: int, size: int) -> InvalidInput:
    return InvalidInput(
        "the needle and its question are longer than the sample may be",
        expected=f"at least {least} tokens",
        got=str(size),
        next_step="ask for more tokens, or for fewer hops",
    )


def _flat(units: list[list[_Piece]]) -> list[_Piece]:
    return [piece for unit in units for piece in unit]


def _text(pieces: list[_Piece], frame: Frame) -> str:
    return frame.separator.join(piece.text for piece in pieces) + frame.question


def _cost(units: Sequence[Sequence[_Piece]]) -> int:
    return sum(piece.cost for unit in units for piece in unit)
