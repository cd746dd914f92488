"""Dreams: what rests says the same, the report is true, and all of it can be taken back."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
import pytest

from memgraft.core.errors import InvalidInput
from memgraft.core.scope import Scope
from memgraft.nn.art import Vigilance
from memgraft.retrieval import dreams, kinship
from memgraft.retrieval.config import RetrievalConfig
from memgraft.retrieval.dreams import DreamConfig, DreamPlan, apply, dream, undo
from memgraft.retrieval.kinship import Deadline, nearest, stars
from memgraft.retrieval.memory import Asked, SlotMemory
from memgraft.retrieval.trace import Trace
from toys import ToyEncoder

NOW, DAY = 1_700_000_000.0, 86400.0
PAIRS = {
    "cat": "My cat is called Tom.", "cat again": "my cat is called tom",
    "tim": "My cat is called Tim.",
    "five": "The choir meets at 5 pm in Graz", "six": "The choir meets at 6 pm in Graz",
    "tea": "I like green tea", "no tea": "I don't like green tea",
    "boat": "The old boat lies at Porto.", "boat again": "The old boat lies at Porto, you know.",
    "lisbon": "I live in Lisbon", "porto": "I moved to Porto",
}  # fmt: skip


def told(texts: dict[str, str], config: RetrievalConfig | None = None, **fields: Any) -> SlotMemory:
    """An hour apart."""
    memory = SlotMemory(ToyEncoder(), config)
    for n, (record_id, text) in enumerate(texts.items()):
        moment = NOW + 3600 * n
        memory.add([Trace(record_id, text, moment, moment, **fields)])
    return memory


def state(memory: SlotMemory, *but: str) -> dict[str, Any]:
    found: dict[str, Any] = {n: a.tobytes() for n, a in memory.arrays().items() if n not in but}
    return found | {"asleep": dict(memory.asleep), "traces": memory.traces()}


def rests(plan: DreamPlan) -> dict[str, tuple[str, str]]:
    return {rest.id: (rest.representative, rest.reason) for rest in plan.rests}


LATER = NOW + 2 * DAY


def test_duplicates_rest_old_facts_rest_and_what_differs_stays() -> None:
    plan = dream(told(PAIRS), now=LATER)
    assert rests(plan) == {
        "cat again": ("cat", "duplicate"),
        "boat again": ("boat", "duplicate"),
        "lisbon": ("porto", "superseded"),
    }


def test_planning_changes_nothing() -> None:
    memory = told(PAIRS, RetrievalConfig(vigilance=Vigilance()))
    memory.observe(["cat", "boat"], NOW + DAY)
    before = state(memory)
    plan = dream(memory, now=LATER)
    assert plan.rests and plan.links and plan.replays and plan.settles
    assert state(memory) == before
    assert dream(memory, now=LATER) == plan, "and it is the same plan again"


def test_the_report_is_what_changed() -> None:
    memory = told(PAIRS, RetrievalConfig(vigilance=Vigilance()))
    memory.observe(["cat", "boat"], NOW + DAY)
    texts = {trace.id: trace.text for trace in memory.traces()}
    edges = {i: memory.associations.neighbours(i) for i in texts}
    used = {i: (s, u) for i, s, u in zip(texts, memory.strengths.values.tolist(),
                                        memory.last_used.values.tolist(), strict=True)}  # fmt: skip
    report = apply(memory, dream(memory, now=LATER))
    assert {rest.id: rest.representative for rest in report.rested} == dict(memory.asleep)
    for rest in report.rested:
        assert (rest.text, rest.representative_text) == (texts[rest.id], texts[rest.representative])
    new = {
        (i, j): w
        for i in texts
        for j, w in memory.associations.neighbours(i).items()
        if j not in edges[i]
    }
    assert {(link.source, link.target): link.weight for link in report.linked} == new
    changed = {
        i: (s, u) for i, s, u in zip(texts, memory.strengths.values.tolist(),
                                     memory.last_used.values.tolist(), strict=True)
        if (s, u) != used[i]
    }  # fmt: skip
    assert {replay.id: replay.after for replay in report.replayed} == changed
    assert {replay.id: replay.before for replay in report.replayed} == {i: used[i] for i in changed}
    assert memory.categories is not None
    assert report.categories == (report.categories[0], len(memory.categories.statistics()))  # type: ignore[index]
    assert report.figures["merged"] == 2
    assert report.figures["superseded"] == 1
    assert report.figures["linked"] == len(new)
    assert len(report.lines()) >= sum(report.figures[k] for k in ("merged", "superseded", "linked"))
    assert report.skipped == report.unfinished == ()
    assert [t.text for t in memory.traces()] == list(PAIRS.values()), "nothing is forgotten"


def test_it_is_undone() -> None:
    memory = told(PAIRS)
    memory.observe(["cat", "boat"], NOW + DAY)
    memory.associations.decay(LATER)
    before = state(memory)
    report = apply(memory, dream(memory, now=LATER))
    assert state(memory) != before
    changes = len(report.rested) + len(report.linked) + len(report.replayed)
    assert undo(memory, report) == changes > 5
    assert state(memory) == before
    assert undo(memory, report) == 0


def test_who_rested_behind_one_that_rests_now_is_undone_too() -> None:
    memory = told({"a": "My cat is called Tom.", "b": "my cat is called tom"})
    memory.rest("b", "a")
    memory.add([Trace("c", "Remember: my cat is called Tom. She sleeps a lot.", NOW + DAY)])
    texts = [memory.trace(record_id).text for record_id in "ac"]
    rest = dreams.Rest("a", texts[0], "c", texts[1], "duplicate", 1.0)
    plan = DreamPlan(LATER, rests=(rest,))
    report = apply(memory, plan)
    assert dict(memory.asleep) == {"b": "c", "a": "c"}
    undo(memory, report)
    assert dict(memory.asleep) == {"b": "a"}


def test_what_was_changed_since_is_left_alone() -> None:
    memory = told(PAIRS)
    memory.observe(["cat", "boat"], NOW + DAY)
    report = apply(memory, dream(memory, now=LATER))
    memory.wake("cat again")
    memory.remove("boat again")
    link = report.linked[0]
    for n in range(5):
        memory.observe([link.source], LATER + 1000 * n + 1)
        memory.observe([link.target], LATER + 1000 * n + 2)
    learned = memory.associations.neighbours(link.source)[link.target]
    used = memory.strengths.values[memory.slot(link.source)]
    undo(memory, report)
    assert memory.associations.neighbours(link.source)[link.target] == learned > link.weight
    assert memory.strengths.values[memory.slot(link.source)] == used
    assert dict(memory.asleep) == {}


def test_a_plan_that_no_longer_fits_is_not_followed() -> None:
    memory = told(PAIRS)
    plan = dream(memory, now=LATER)
    memory.remove("cat")
    memory.add([Trace("boat again", "The old boat was sold", NOW + DAY)])
    memory.rest("lisbon", "tea")
    report = apply(memory, plan)
    assert report.rested == ()
    assert len(report.skipped) >= 3
    assert "cat is gone" in report.skipped
    assert "boat again has another text now" in report.skipped
    assert "lisbon rests already" in report.skipped
    assert dict(memory.asleep) == {"lisbon": "tea"}


def test_time_that_runs_backwards_is_refused_before_anything_changes() -> None:
    memory = told(PAIRS)
    memory.observe(["cat"], LATER)
    before = state(memory)
    with pytest.raises(InvalidInput, match="backwards"):
        apply(memory, dream(memory, now=NOW))
    assert state(memory) == before


def test_scopes_and_speakers_are_kept_apart() -> None:
    text = "My cat is called Tom."
    for one, other in (
        ({"scope": Scope(user_id="a")}, {"scope": Scope(user_id="b")}),
        ({"speaker": "Ann"}, {"speaker": "Bob"}),
        ({"speaker": "Ann"}, {}),
    ):
        memory = SlotMemory(ToyEncoder())
        memory.add([Trace("1", text, NOW, NOW, **one), Trace("2", text, NOW, NOW, **other)])
        assert dream(memory, now=LATER).rests == ()
    memory = told({"1": text, "2": text}, speaker="Ann", scope=Scope(user_id="a"))
    assert rests(dream(memory, now=LATER)) == {"2": ("1", "duplicate")}


@pytest.mark.parametrize("text", ["I saw Ann yesterday", "I fly next week", "I swim on Monday"])
def test_what_is_told_of_another_day_is_another_thing(text: str) -> None:
    for days, same in ((0.01, True), (30, False)):
        memory = SlotMemory(ToyEncoder())
        memory.add([Trace("1", text, NOW, NOW), Trace("2", text, NOW + days * DAY, NOW)])
        assert bool(dream(memory, now=LATER + 99 * DAY).rests) is same


def test_the_clean_text_stands_for_the_one_with_a_slip_and_the_longer_for_the_shorter() -> None:
    usual = {f"u{n}": f"the orchestra {word}" for n, word in enumerate(("sang", "slept", "left"))}
    memory = told(
        {"slip": "The orhcestra met in Graz", "clean": "The orchestra met in Graz", **usual}
    )
    assert rests(dream(memory, now=LATER)) == {"slip": ("clean", "duplicate")}


def test_the_newest_value_wins_whenever_it_was_written() -> None:
    memory = SlotMemory(ToyEncoder())
    for record_id, text, day in (("new", "I live in Porto", 9), ("old", "I live in Lisbon", 1),
                                 ("oldest", "I live in Rome", 0)):  # fmt: skip
        memory.add([Trace(record_id, text, NOW + day * DAY, NOW)])
    assert rests(dream(memory, now=NOW + 20 * DAY)) == {
        "old": ("new", "superseded"), "oldest": ("new", "superseded"),
    }  # fmt: skip


def test_what_replaces_rests_itself_behind_what_says_the_same() -> None:
    memory = told({"old": "I live in Lisbon", "a": "I live in Porto", "b": "i live in porto"})
    report = apply(memory, dream(memory, now=LATER))
    assert dict(memory.asleep) == {r.id: r.representative for r in report.rested}
    assert len(set(memory.asleep.values())) == 1
    assert len(memory.search("Where do I live?", Asked(now=LATER))) == 1


def test_links_join_what_is_akin_and_neither_adjacent_nor_linked() -> None:
    texts = {
        "a": "red violin lesson",
        "b": "red violin string",
        "x": "tax form",
        "y": "garden shed",
    }
    links = {(e.source, e.target) for e in dream(told(texts), now=LATER).links}
    assert {("a", "b"), ("b", "a")} <= links
    assert not links & {("a", "x"), ("x", "a"), ("a", "y")}
    adjacent = dream(told(texts, episode="talk"), now=LATER)
    assert ("a", "b") not in {(e.source, e.target) for e in adjacent.links}
    memory = told(texts)
    memory.associations.link("a", "b", 0.5, NOW)
    known = dream(memory, now=LATER)
    assert ("a", "b") not in {(e.source, e.target) for e in known.links}
    learned = SlotMemory(ToyEncoder()).associations.config.potentiation
    assert all(0 < link.weight < learned for link in known.links)
    assert len(dream(told(texts), now=LATER, config=DreamConfig(links=1)).links) == 1


def test_attention_is_the_softmax_over_the_other_slots() -> None:
    memory = told(PAIRS)
    group = np.array(memory.living(), np.intp)
    vectors = memory.bank.gathered(group).astype(float)
    seen = []
    for slot, near in nearest(memory, group, -math.inf, 20.0, Deadline(math.inf)):
        scores = 20.0 * vectors @ vectors[slot]
        scores[slot] = -np.inf
        expected = np.exp(scores) / np.exp(scores).sum()
        np.testing.assert_allclose(near.attention, expected[near.slots], rtol=1e-4)
        np.testing.assert_allclose(near.cosines, vectors[near.slots] @ vectors[slot], atol=1e-5)
        assert near.cosines.tolist() == sorted(near.cosines.tolist(), reverse=True)
        seen.append(slot)
    assert seen == sorted(group.tolist(), reverse=True), "newest first"


def test_only_what_is_new_is_looked_at_when_asked() -> None:
    memory = told(PAIRS)
    since = NOW + 3600 * 8
    plan = dream(memory, now=LATER, config=DreamConfig(since=since))
    assert plan.looked_at == 3
    assert rests(plan).keys() == {"boat again", "lisbon"}


def ticking(step: float) -> Callable[[], float]:
    """A clock that advances with every look at it."""
    ticks: Iterator[int] = iter(range(1_000_000))
    return lambda: step * next(ticks)


def test_the_budget_is_kept_and_what_is_unfinished_is_said(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(kinship, "_BLOCK", 1)
    monkeypatch.setattr(kinship, "_STEP", 1)
    memory = told(PAIRS)
    nothing = dream(memory, budget=0.0, now=LATER)
    assert (nothing.rests, nothing.links, nothing.replays, nothing.looked_at) == ((), (), (), 0)
    assert nothing.unfinished == ("superseded", "duplicates", "links", "replay")
    some = dream(memory, budget=10.0, now=LATER, clock=ticking(1.0))
    assert 0 < some.looked_at < len(PAIRS)
    assert "duplicates" in some.unfinished
    everything = dream(memory, budget=1e9, now=LATER, clock=ticking(1.0))
    assert everything == dream(memory, now=LATER)
    assert everything.looked_at == len(PAIRS)
    assert everything.unfinished == ()
    assert rests(some).items() <= rests(everything).items()
    for budget in (-1.0, math.nan):
        with pytest.raises(InvalidInput):
            dream(memory, budget=budget)


def test_replay_strengthens_what_stands_out_and_nothing_if_nothing_does() -> None:
    memory = told({str(n): f"thing{n} word{n}" for n in range(8)})
    memory.add([Trace("dear", "a precious stone", NOW, NOW, importance=1.0)])
    memory.observe(["2"], NOW + DAY)
    plan = dream(memory, now=LATER, config=DreamConfig(replays=2))
    assert {replay.id for replay in plan.replays} == {"2", "dear"}
    strength = memory.strengths.values[memory.slot("2")]
    [report] = [r for r in apply(memory, plan).replayed if r.id == "2"]
    assert report.after[1] == LATER
    assert memory.strengths.values[memory.slot("2")] == report.after[0] > 0.9 * strength
    alike = SlotMemory(ToyEncoder())
    alike.add([Trace(str(n), f"thing{n}", NOW, NOW) for n in range(5)])
    assert dream(alike, now=LATER).replays == ()


def test_nothing_to_dream_of() -> None:
    memory = SlotMemory(ToyEncoder())
    report = apply(memory, dream(memory, now=NOW))
    assert sum(report.figures.values()) == 0
    assert report.lines() == []
    one = told({"a": "alone"})
    assert dream(one, now=LATER).rests == ()


def test_dreaming_twice_finds_nothing_new() -> None:
    memory = told(PAIRS)
    apply(memory, dream(memory, now=LATER))
    again = dream(memory, now=LATER + 1)
    assert again.rests == ()
    linked = {(e.source, e.target) for e in again.links}
    assert not any(b in memory.associations.neighbours(a) for a, b in linked)


def test_stars_join_only_what_agrees_with_the_representative() -> None:
    chain = {1: {2: 0.9}, 2: {1: 0.9, 3: 0.9}, 3: {2: 0.9, 4: 0.9}, 4: {3: 0.9}}
    taken = stars(chain, lambda number: number)
    assert taken == {2: 1, 4: 3}
    assert all(other in chain[number] for number, other in taken.items())
    assert not set(taken) & set(taken.values())


@pytest.mark.parametrize(
    "fields", [{"same": 1.5}, {"like": -1.0}, {"links": -1}, {"sharpness": math.nan}, {"weight": 2}]
)
def test_a_configuration_that_makes_no_sense_is_refused(fields: dict[str, Any]) -> None:
    with pytest.raises(InvalidInput):
        DreamConfig(**fields)
