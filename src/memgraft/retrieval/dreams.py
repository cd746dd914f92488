"""Dreaming: what a memory does when nobody asks it anything.

Restatements of one thing rest behind one of them, facts rest that newer ones replaced, links are
proposed between traces that attend to each other, what was used most is replayed, unused
associations fade, and categories settle. Nothing is forgotten, and the dream can be undone.
`dream` only plans: it changes nothing.
"""

from __future__ import annotations

import math
import time
from collections import defaultdict
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, replace
from typing import Literal

import numpy as np

from memgraft.core.config import Config
from memgraft.core.errors import InvalidInput
from memgraft.nn.hebbian import checked
from memgraft.retrieval.activation import base_level, faded_strength
from memgraft.retrieval.fusion import z_scores
from memgraft.retrieval.kinship import (
    Deadline,
    Near,
    Restatements,
    nearest,
    scopes,
    stars,
    superseded,
)
from memgraft.retrieval.memory import SlotMemory

# Shares of the time after which facts are no longer read for the attributes that they set, and
# traces no longer compared.
_READING, _COMPARING = 0.3, 0.9

Stage = Literal["superseded", "duplicates", "links", "replay", "categories"]


@dataclass(frozen=True)
class DreamConfig(Config):
    """What a dream looks for, and how much of it."""

    # Least cosines of a restatement in the same words, and in other words.
    same: float = 0.5
    like: float = 0.85
    # Inverse temperature of the attention over slots, the least cosine and the least share of the
    # attention that make a link, the weight of a link that has all of it (one use together learns
    # 0.2), and links in one dream.
    sharpness: float = 20.0
    akin: float = 0.4
    attention: float = 0.1
    weight: float = 0.1
    links: int = 64
    # Traces that are replayed in one dream.
    replays: int = 32
    # Traces written before this were compared in an earlier dream; seconds since 1970.
    since: float = -math.inf

    def __post_init__(self) -> None:
        for name in ("same", "like", "akin", "attention", "weight"):
            checked(name, getattr(self, name), high=1.0)
        checked("sharpness", self.sharpness, high=80.0)
        for name in ("links", "replays"):
            checked(name, getattr(self, name))


@dataclass(frozen=True)
class Rest:
    """A trace that another one stands for from now on, and why."""

    id: str
    text: str
    representative: str
    representative_text: str
    reason: Literal["duplicate", "superseded"]
    cosine: float
    # Those that rested behind it, and now rest behind its representative.
    behind: tuple[str, ...] = ()


@dataclass(frozen=True)
class Link:
    """A proposed association, below what is learned by use."""

    source: str
    source_text: str
    target: str
    target_text: str
    weight: float


@dataclass(frozen=True)
class Replay:
    """A trace that is strengthened: its synaptic strength, and when it was last used."""

    id: str
    text: str
    before: tuple[float, float] = (0.0, 0.0)
    after: tuple[float, float] = (0.0, 0.0)


@dataclass(frozen=True)
class DreamPlan:
    """What a dream would change. Stages in `unfinished` had looked at a part only when the time was
    up: what they found holds, and a later dream finds the rest."""

    now: float
    rests: tuple[Rest, ...] = ()
    links: tuple[Link, ...] = ()
    replays: tuple[Replay, ...] = ()
    # Settle the categories anew, if there are some.
    settles: bool = False
    unfinished: tuple[Stage, ...] = ()
    looked_at: int = 0


@dataclass(frozen=True)
class DreamReport:
    """What a dream changed, item by item; what of the plan no longer fitted is in `skipped`."""

    rested: tuple[Rest, ...] = ()
    linked: tuple[Link, ...] = ()
    replayed: tuple[Replay, ...] = ()
    # Associations that faded away.
    faded: int = 0
    # How many categories there were, and are.
    categories: tuple[int, int] | None = None
    skipped: tuple[str, ...] = ()
    unfinished: tuple[Stage, ...] = field(default=())

    @property
    def figures(self) -> dict[str, int]:
        """Counts of what changed."""
        merged = sum(rest.reason == "duplicate" for rest in self.rested)
        counts = {
            "merged": merged,
            "superseded": len(self.rested) - merged,
            "linked": len(self.linked),
            "replayed": len(self.replayed),
            "faded": self.faded,
        }
        if self.categories is not None:
            counts["categories"] = self.categories[1]
        return counts

    def lines(self) -> list[str]:
        """A sentence for each change."""
        told = {"duplicate": "says the same as", "superseded": "was replaced by"}
        found = [f'"{r.text}" {told[r.reason]} "{r.representative_text}"' for r in self.rested]
        found += [f'"{e.source_text}" may lead to "{e.target_text}"' for e in self.linked]
        found += [f'"{replay.text}" was strengthened' for replay in self.replayed]
        if self.faded:
            found.append(f"{self.faded} unused associations faded away")
        if self.categories is not None and self.categories[0] != self.categories[1]:
            found.append("{} categories became {}".format(*self.categories))
        return found


DEFAULT = DreamConfig()


def dream(
    memory: SlotMemory,
    budget: float = math.inf,
    now: float | None = None,
    config: DreamConfig = DEFAULT,
    clock: Callable[[], float] = time.monotonic,
) -> DreamPlan:
    """Plan a dream. Nothing is changed.

    Args:
        budget: seconds; stages end when they are over, and may run over by one step of work
            (a matrix product of 256 rows).
        now: the moment of the dream, in seconds since 1970; the clock's by default.
        clock: what the budget is measured with.
    """
    if math.isnan(budget) or budget < 0:
        raise InvalidInput(
            "the budget of a dream cannot be used", expected="seconds, 0 or more", got=repr(budget)
        )
    now = time.time() if now is None else now
    awake = [slot for slot in memory.living() if memory.at(slot).id not in memory.asleep]
    first, second, until = (Deadline(share * budget, clock) for share in (_READING, _COMPARING, 1))
    replaced = {
        old: new for group in scopes(memory, awake) for old, new in superseded(memory, group, first)
    }
    unfinished: list[Stage] = ["superseded"] if first.passed() else []
    rests, links, looked_at = _compared(memory, awake, replaced, config, second)
    if second.passed():
        unfinished += ["duplicates", "links"]
    resting = {rest.id for rest in rests}
    replays: tuple[Replay, ...] = ()
    if not until.passed():
        replays = _replays(
            memory, [s for s in awake if memory.at(s).id not in resting], now, config
        )
    else:
        unfinished.append("replay")
    settles = memory.categories is not None and not until.passed()
    if memory.categories is not None and not settles:
        unfinished.append("categories")
    return DreamPlan(now, rests, links, replays, settles, tuple(unfinished), looked_at)


def apply(memory: SlotMemory, plan: DreamPlan) -> DreamReport:
    """Change a memory as planned, as far as it is still as it was then.

    Raises:
        InvalidInput: the associations have seen later times than the plan's; nothing was changed.
    """
    faded = memory.associations.decay(plan.now)
    skipped: list[str] = []
    rested = tuple(_rested(memory, plan, skipped))
    linked = tuple(link for link in plan.links if _links(memory, link, plan.now, skipped))
    replayed = tuple(_replayed(memory, plan, skipped))
    categories = None
    if plan.settles and memory.categories is not None:
        before = len(memory.categories.statistics())
        memory.categories.consolidate()
        categories = before, len(memory.categories.statistics())
    return DreamReport(rested, linked, replayed, faded, categories, tuple(skipped), plan.unfinished)


def planned(plan: DreamPlan) -> DreamReport:
    """What a plan would change, for people: a dry run."""
    return DreamReport(plan.rests, plan.links, plan.replays, unfinished=plan.unfinished)


def undo(memory: SlotMemory, report: DreamReport) -> int:
    """Take back what a dream changed; how many changes that were.

    What was changed again since by use or by hand stays as it is: traces that are gone or were
    woken, links that were learned, traces that were read. Associations that faded and categories
    that settled stay, too: time would have faded them, and the traces decide on the categories.
    """
    undone = 0
    for rest in reversed(report.rested):
        if memory.asleep.get(rest.id) == rest.representative:
            memory.wake(rest.id)
            for other in rest.behind:
                if memory.asleep.get(other) == rest.representative:
                    memory.rest(other, rest.id)
            undone += 1
    for link in report.linked:
        weight = memory.associations.neighbours(link.source).get(link.target, math.inf)
        if weight <= link.weight:
            undone += memory.associations.unlink(link.source, link.target)
    for replay in report.replayed:
        if replay.id in memory and _use(memory, replay.id) == replay.after:
            slot = memory.slot(replay.id)
            memory.strengths.values[slot], memory.last_used.values[slot] = replay.before
            undone += 1
    return undone


# Planning ---------------------------------------------------------------------------------------


def _compared(
    memory: SlotMemory,
    awake: list[int],
    replaced: dict[int, int],
    config: DreamConfig,
    until: Deadline,
) -> tuple[tuple[Rest, ...], tuple[Link, ...], int]:
    """What rests and what is linked, from one pass over the neighbours of the traces; and how many
    traces it looked at."""
    restatements = Restatements(memory, awake, config.same, config.like)
    agreed: dict[int, dict[int, float]] = defaultdict(dict)
    attended: dict[tuple[int, int], float] = {}
    looked_at = 0
    for group in scopes(memory, awake):
        for slot, near in nearest(memory, group, config.since, config.sharpness, until):
            looked_at += 1
            attended |= _attended(memory, slot, near, config)
            if slot in replaced:
                continue
            for other, cosine in zip(near.slots.tolist(), near.cosines.tolist(), strict=True):
                if other in replaced or other in agreed.get(slot, {}):
                    continue
                if restatements.agree(slot, other, cosine):
                    agreed[slot][other] = agreed[other][slot] = cosine
    merged = stars(agreed, restatements.rank)
    rests = [
        _rest(memory, old, merged.get(new, new), "superseded") for old, new in replaced.items()
    ]
    rests += [_rest(memory, slot, other, "duplicate") for slot, other in merged.items()]
    out = replaced.keys() | merged.keys()
    links = sorted(
        (-share, pair) for pair, share in attended.items() if not out & set(pair)
        and pair[1] not in agreed.get(pair[0], {})
    )  # fmt: skip
    proposed = (_link(memory, pair, -share * config.weight) for share, pair in links)
    return tuple(rests), tuple(proposed)[: config.links], looked_at


def _attended(
    memory: SlotMemory, slot: int, near: Near, config: DreamConfig
) -> dict[tuple[int, int], float]:
    """Pairs with the slot that no episode and no association joins yet, by share of attention."""
    beside = {int(memory.episodes.before[slot]), int(memory.episodes.after[slot])}
    known = memory.associations.neighbours(memory.at(slot).id)
    rows = np.flatnonzero((near.attention >= config.attention) & (near.cosines >= config.akin))
    return {
        (slot, other): share
        for other, share in zip(
            near.slots[rows].tolist(), near.attention[rows].tolist(), strict=True
        )
        if other not in beside and memory.at(other).id not in known
    }


def _rest(
    memory: SlotMemory, slot: int, other: int, reason: Literal["duplicate", "superseded"]
) -> Rest:
    one, two = memory.at(slot), memory.at(other)
    cosine = float(memory.bank.get(slot) @ memory.bank.get(other))
    return Rest(one.id, one.text, two.id, two.text, reason, cosine)


def _link(memory: SlotMemory, pair: tuple[int, int], weight: float) -> Link:
    source, target = (memory.at(slot) for slot in pair)
    return Link(source.id, source.text, target.id, target.text, weight)


def _replays(
    memory: SlotMemory, awake: list[int], now: float, config: DreamConfig
) -> tuple[Replay, ...]:
    """The most active, strongest and most important traces, where they stand out at all."""
    if not awake:
        return ()
    slots = np.array(awake, np.intp)
    last = memory.last_used.values[slots]
    active = base_level(memory.uses.values[slots], last, memory.written.values[slots], now)
    strong = faded_strength(memory.strengths.values[slots], last, now)
    important = memory.importances.values[slots]
    score = z_scores(active) + z_scores(strong) + z_scores(np.asarray(important, float))
    order = np.argsort(-score, kind="stable")[: config.replays]
    chosen = [memory.at(int(slots[row])) for row in order if score[row] > 0]
    return tuple(Replay(trace.id, trace.text) for trace in chosen)


# Applying ---------------------------------------------------------------------------------------


def _unchanged(memory: SlotMemory, texts: dict[str, str], skipped: list[str]) -> bool:
    """Whether these traces are still here, awake and word for word; else it is noted why not."""
    for record_id, text in texts.items():
        if record_id not in memory:
            skipped.append(f"{record_id} is gone")
        elif memory.trace(record_id).text != text:
            skipped.append(f"{record_id} has another text now")
        elif record_id in memory.asleep:
            skipped.append(f"{record_id} rests already")
        else:
            continue
        return False
    return True


def _rested(memory: SlotMemory, plan: DreamPlan, skipped: list[str]) -> Iterator[Rest]:
    for rest in plan.rests:
        texts = {rest.id: rest.text, rest.representative: rest.representative_text}
        if _unchanged(memory, texts, skipped):
            behind = tuple(i for i, other in memory.asleep.items() if other == rest.id)
            memory.rest(rest.id, rest.representative)
            yield replace(rest, behind=behind)


def _links(memory: SlotMemory, link: Link, now: float, skipped: list[str]) -> bool:
    texts = {link.source: link.source_text, link.target: link.target_text}
    if not _unchanged(memory, texts, skipped):
        return False
    if memory.associations.link(link.source, link.target, link.weight, now):
        return True
    skipped.append(f"{link.source} has no room for another association")
    return False


def _replayed(memory: SlotMemory, plan: DreamPlan, skipped: list[str]) -> Iterator[Replay]:
    for replay in plan.replays:
        if _unchanged(memory, {replay.id: replay.text}, skipped):
            before = _use(memory, replay.id)
            memory.replay([replay.id], plan.now)
            yield Replay(replay.id, replay.text, before, _use(memory, replay.id))


def _use(memory: SlotMemory, record_id: str) -> tuple[float, float]:
    """Strength and time of the last use."""
    slot = memory.slot(record_id)
    return float(memory.strengths.values[slot]), float(memory.last_used.values[slot])
