"""The slot memory: written, found, used, replaced, forgotten; and what none of it may touch."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from memgraft.core.errors import InvalidInput, NotFound
from memgraft.core.scope import Scope
from memgraft.nn.art import Vigilance
from memgraft.nn.hebbian import safe_damping, spread_oracle
from memgraft.retrieval.at_rest import load, save
from memgraft.retrieval.config import WEIGHTS, RetrievalConfig
from memgraft.retrieval.episodes import NONE
from memgraft.retrieval.memory import Asked, SlotMemory, confidence
from memgraft.retrieval.signals import Question, candidates, ranked, with_associates
from memgraft.retrieval.trace import Trace
from toys import ToyEncoder

NOW = 1_700_000_000.0
TEXTS = [
    "The green boat lies at Porto",
    "Ida plays the violin on Mondays",
    "My locker has the number 4711",
    "We ate dumplings at Lantern House",
    "The tax return is due in June",
    "Bruno repairs old lamps",
]


def memory_of(
    texts: list[str] = TEXTS, config: RetrievalConfig | None = None, **fields: Any
) -> Any:
    made = SlotMemory(ToyEncoder(), config)
    made.add([Trace(str(n), text, NOW + n, NOW + n, **fields) for n, text in enumerate(texts)])
    return made


def found(memory: SlotMemory, text: str, **asked: Any) -> list[str]:
    return [hit.trace.id for hit in memory.search(text, Asked(now=NOW + 100, **asked))]


def state(memory: SlotMemory) -> dict[str, bytes]:
    arrays = {name: array.tobytes() for name, array in memory.arrays().items()}
    return arrays | {
        "traces": repr(memory.traces()).encode(),
        "asleep": repr(memory.asleep).encode(),
    }


def answers(memory: SlotMemory) -> list[tuple[str, float, dict[str, float]]]:
    return [
        (hit.trace.id, hit.score, dict(hit.signals))
        for text in [*TEXTS, "who plays the lamp in June", "Ann's boat"]
        for hit in memory.search(text, Asked(limit=20, now=NOW + 1000))
    ]


# Finding ----------------------------------------------------------------------------------------


def test_each_is_found_by_its_own_words_and_all_by_asking_for_all() -> None:
    memory = memory_of()
    for number, text in enumerate(TEXTS):
        assert found(memory, text)[0] == str(number)
    assert sorted(found(memory, "boat", limit=99)) == [str(n) for n in range(len(TEXTS))]
    assert found(memory, "  ") == []
    assert found(SlotMemory(ToyEncoder()), "boat") == []


def test_the_ranking_holds_below_the_mean_too() -> None:
    """Scores are deviations: most are negative, and none may be lifted by nothing."""
    hits = memory_of().search("the violin on Mondays", Asked(limit=99, now=NOW))
    scores = [hit.score for hit in hits]
    assert scores == sorted(scores, reverse=True)
    assert min(scores) < 0
    assert scores.count(0.0) < 2


def test_what_only_words_find_is_found() -> None:
    encoder = ToyEncoder(deaf="4711")
    memory = SlotMemory(encoder, RetrievalConfig(pool=1))
    memory.add([Trace(str(n), f"blue note {n}") for n in range(30)] + [Trace("x", "code 4711")])
    assert found(memory, "4711", limit=1) == ["x"]


def test_scope_and_filter_hold_before_the_search() -> None:
    memory = SlotMemory(ToyEncoder(), RetrievalConfig(pool=2))
    for user in ("ann", "bob"):
        scope = Scope(user_id=user, run_id="r")
        memory.add([Trace(f"{user}{n}", f"the green boat {n}", scope=scope) for n in range(9)])
    assert len(found(memory, "green boat", limit=9, scope=Scope(user_id="bob"))) >= 2
    for scope in (Scope(user_id="bob"), Scope(user_id="bob", run_id="r")):
        assert all(i.startswith("bob") for i in found(memory, "green boat", scope=scope))
    assert found(memory, "green boat", scope=Scope(user_id="eve")) == []
    assert found(memory, "green boat", where=lambda trace: trace.id == "ann7") == ["ann7"]


def test_confidence_gap_and_budget_cut_the_list() -> None:
    memory = memory_of()
    assert found(memory, TEXTS[1], confidence=0.9) == ["1"]
    assert found(memory, "zeppelin", confidence=0.9) == []
    assert found(memory, TEXTS[1], adaptive=True) == ["1"]
    assert len(found(memory, TEXTS[1], tokens=1)) == 1
    for value in (0, -1, 2.5, True):
        with pytest.raises(InvalidInput):
            Asked(limit=value)  # type: ignore[arg-type]
    with pytest.raises(InvalidInput):
        Asked(confidence=1.5)
    assert confidence(0.0, 0.0) == 0.0
    assert confidence(1.0, 0.0) == 1.0
    assert 0.5 < confidence(0.5, 1.0) < confidence(0.5, 50.0) < 1.0


def test_a_speaker_that_is_named_is_meant_while_there_is_one() -> None:
    memory = memory_of()
    memory.add(
        [Trace("ann", "I like lamps", speaker="Ann"), Trace("b", "I like lamps", speaker="Bo")]
    )
    assert found(memory, "What does Ann like?")[0] == "ann"
    assert set(memory.speakers) == {"", "ann", "bo"}
    memory.remove("ann")
    assert set(memory.speakers) == {"", "bo"}


# Writing ----------------------------------------------------------------------------------------


def test_writing_one_slot_touches_no_other() -> None:
    memory = memory_of(config=RetrievalConfig(write_steps=3))
    vectors = {i: memory.bank.get(memory.slot(i)).tobytes() for i in map(str, range(len(TEXTS)))}
    contexts = {
        i: memory.contexts.get(memory.slot(i)).tobytes() for i in map(str, range(len(TEXTS)))
    }
    memory.add([Trace("new", "The red boat lies at Porto", NOW)])
    memory.add([Trace("2", "My locker has the number 12", NOW)])
    for record_id in ("0", "1", "3", "4", "5"):
        slot = memory.slot(record_id)
        assert memory.bank.get(slot).tobytes() == vectors[record_id]
        assert memory.contexts.get(slot).tobytes() == contexts[record_id]


def test_the_order_of_writing_changes_no_vector() -> None:
    there, back = memory_of(TEXTS), SlotMemory(ToyEncoder())
    back.add([Trace(str(n), TEXTS[n], NOW + n, NOW + n) for n in reversed(range(len(TEXTS)))])
    for record_id in map(str, range(len(TEXTS))):
        vectors = [m.bank.get(m.slot(record_id)).tobytes() for m in (there, back)]
        assert vectors[0] == vectors[1]
    assert [found(there, text) for text in TEXTS] == [found(back, text) for text in TEXTS]


def test_sculpting_keeps_unit_length_and_its_own_text_first() -> None:
    memory = memory_of(config=RetrievalConfig(write_steps=5))
    plain = memory_of()
    for number, text in enumerate(TEXTS):
        vector = memory.bank.get(memory.slot(str(number)))
        assert np.linalg.norm(vector) == pytest.approx(1.0, abs=1e-6)
        assert vector.tobytes() != plain.bank.get(plain.slot(str(number))).tobytes()
        assert found(memory, text)[0] == str(number)
    assert memory.add([]).shape[0] == 0


def test_a_known_id_is_replaced_in_its_place() -> None:
    memory = memory_of(episode="talk")
    memory.add([Trace("1", "Ida sold her cello", NOW, episode="talk")])
    assert len(memory) == len(TEXTS)
    assert found(memory, "violin Mondays", confidence=0.5) == []
    assert found(memory, "cello")[0] == "1"
    order, slot = [], memory.slot("0")
    while slot != NONE:
        order.append(memory.at(slot).id)
        slot = int(memory.episodes.after[slot])
    assert order == [str(n) for n in range(len(TEXTS))]


def test_nothing_is_written_if_one_cannot_be() -> None:
    class Broken(ToyEncoder):
        def encode(self, texts: Any) -> Any:
            rows = super().encode(texts)
            rows[[n for n, text in enumerate(texts) if "NaN" in text]] = np.nan
            return rows

    memory = SlotMemory(Broken())
    memory.add([Trace("0", "fine")])
    before = state(memory)
    for traces in ([Trace("1", "fine"), Trace("2", "NaN")], [Trace("1", "fine"), Trace("", "x")]):
        with pytest.raises(InvalidInput):
            memory.add(traces)
        assert state(memory) == before
    with pytest.raises(InvalidInput):
        memory.search_vector("x", np.ones(3, np.float32))
    with pytest.raises(InvalidInput):
        memory.search("NaN")


# Forgetting -------------------------------------------------------------------------------------

talks = st.lists(
    st.tuples(
        st.sampled_from(TEXTS), st.sampled_from([None, "a", "b"]), st.sampled_from([None, "Ann"])
    ),
    min_size=2,
    max_size=7,
)


@given(talks, st.data())
@settings(max_examples=60, deadline=None)
def test_what_is_removed_leaves_nothing_behind(talk: Any, data: st.DataObject) -> None:
    """Without a trace a memory is, to the bit, as one that was never told it."""
    traces = [
        Trace(str(n), f"{text} {n}", NOW + n, NOW + n, episode, speaker)
        for n, (text, episode, speaker) in enumerate(talk)
    ]
    gone = data.draw(st.sampled_from(traces))
    memory, never = SlotMemory(ToyEncoder()), SlotMemory(ToyEncoder())
    memory.add(traces)
    never.add([trace for trace in traces if trace is not gone])
    followers = memory.remove(gone.id)
    assert gone.id not in followers
    assert state(memory) == state(never)
    assert memory.compact() == 1
    assert memory.compact() == 0
    assert answers(memory) == answers(never)
    assert memory.words.vocabulary == never.words.vocabulary
    assert memory.speakers.keys() == never.speakers.keys()


@given(talks, st.data())
@settings(max_examples=60, deadline=None)
def test_what_is_replaced_leaves_nothing_of_its_text(talk: Any, data: st.DataObject) -> None:
    traces = [
        Trace(str(n), f"{text} {n}", NOW + n, NOW + n, episode)
        for n, (text, episode, _) in enumerate(talk)
    ]
    place = data.draw(st.sampled_from(range(len(traces))))
    changed = Trace(str(place), "quite another thing", NOW, NOW, traces[place].episode)
    memory, never = SlotMemory(ToyEncoder()), SlotMemory(ToyEncoder())
    memory.add(traces)
    memory.add([changed])
    never.add([*traces[:place], changed, *traces[place + 1 :]])
    for trace in never.traces():
        mine, its = memory.slot(trace.id), never.slot(trace.id)
        assert memory.bank.get(mine).tobytes() == never.bank.get(its).tobytes()
        assert memory.contexts.get(mine).tobytes() == never.contexts.get(its).tobytes()
    assert memory.words.vocabulary == never.words.vocabulary


def test_associations_and_categories_forget_too() -> None:
    memory = memory_of(config=RetrievalConfig(vigilance=Vigilance()))
    for second, record_id in enumerate("0123"):
        memory.observe([record_id], NOW + second)
    memory.remove("1")
    assert memory.categories is not None
    assert "1" not in memory.categories
    assert all("1" not in memory.associations.neighbours(i) for i in "023")
    assert memory.associations.neighbours("1") == {}
    for ask in (memory.remove, memory.slot, memory.trace, lambda i: memory.observe([i], NOW + 9)):
        with pytest.raises(NotFound, match="trace 1"):
            ask("1")


# Using ------------------------------------------------------------------------------------------


def test_use_makes_stronger_and_more_active_and_reading_alone_changes_nothing() -> None:
    memory = memory_of()
    before = state(memory)
    found(memory, "boat")
    assert state(memory) == before
    memory.observe(["3"], NOW + 50)
    slot = memory.slot("3")
    assert memory.uses.values[slot] == 2
    assert memory.last_used.values[slot] == NOW + 50
    assert memory.strengths.values[slot] > memory.strengths.values[memory.slot("2")]
    signals = {hit.trace.id: hit.signals for hit in memory.search("x", Asked(now=NOW + 60))}
    assert signals["3"]["activation"] == max(s["activation"] for s in signals.values())


def test_an_unknown_id_in_between_is_refused_before_anything_changes() -> None:
    memory = memory_of()
    before = state(memory)
    for use in (memory.observe, memory.replay):
        with pytest.raises(NotFound):
            use(["0", "none", "1"], NOW + 5)
        assert state(memory) == before


def replied(memory: SlotMemory, text: str) -> dict[str, float]:
    return {hit.trace.id: hit.score for hit in memory.search(text, Asked(limit=99, now=NOW + 4e4))}


def taught(memory: SlotMemory, *rounds: tuple[str, str], start: float = NOW + 1e3) -> float:
    for number, pair in enumerate(rounds):
        for second, record_id in enumerate(pair):
            memory.observe([record_id], start + 3600 * number + second)
    return start + 3600 * len(rounds)


def place(memory: SlotMemory, record_id: str, text: str) -> int:
    return list(replied(memory, text)).index(record_id)


def brought(memory: SlotMemory, record_id: str, text: str) -> float:
    hits = {hit.trace.id: hit for hit in memory.search(text, Asked(limit=99, now=NOW + 4e4))}
    return hits[record_id].signals["association"]


def crowd() -> SlotMemory:
    """Six texts of which "0" and "3" share no word, and many that share a few with "0"."""
    return memory_of([*TEXTS, *(f"A boat of number {n} near Porto" for n in range(40))])


def test_reading_one_after_the_other_brings_it_and_likeness_alone_does_not() -> None:
    memory, question = crowd(), "Where does the green boat lie?"
    untaught = place(memory, "3", question)
    assert untaught > 5
    end = taught(memory, *[("0", "3")] * 10)
    found_now = list(replied(memory, question))
    assert found_now[0] == "0", "and the direct hit stays first"
    assert found_now.index("3") < untaught
    assert found_now.index("3") <= 5
    assert brought(memory, "0", TEXTS[3]) < 0.1 * brought(memory, "3", question), "one way only"
    # The reverse order undoes it,
    taught(memory, *[("3", "0")] * 30, start=end)
    assert memory.associations.neighbours("0").get("3", 0.0) < 0.05
    assert place(memory, "3", question) > 5


def test_unlinking_undoes_it_at_once() -> None:
    memory, question = crowd(), "Where does the green boat lie?"
    taught(memory, *[("0", "3")] * 10)
    assert place(memory, "3", question) <= 5
    memory.associations.unlink("0", "3")
    assert place(memory, "3", question) > 5


@given(
    st.lists(st.tuples(st.integers(0, 11), st.integers(0, 11), st.floats(0.05, 1.0)), max_size=60),
    st.integers(0, 11),
)
@settings(max_examples=80, deadline=None)
def test_spreading_never_lifts_anything_above_a_direct_hit(
    edges: list[tuple[int, int, float]], asked: int
) -> None:
    texts = [f"{a} {b}" for a in ("boat", "lamp", "violin", "tax") for b in ("red", "blue", "old")]
    memory, plain = memory_of(texts), memory_of(texts)
    for source, target, weight in edges:
        if source != target:
            memory.associations.link(str(source), str(target), weight, NOW)
    with_links, without = replied(memory, texts[asked]), replied(plain, texts[asked])
    best = max(without.values())
    direct = [record_id for record_id, score in without.items() if score >= best / 2][:8]
    weakest = min(with_links[record_id] for record_id in direct)
    for record_id, score in with_links.items():
        if record_id not in direct:
            assert score <= max(weakest, without[record_id]) + 1e-9
        assert score >= without[record_id] - 1e-9


def associates_oracle(memory: SlotMemory, asked: Question) -> dict[int, tuple[float, float]]:
    """Score and what arrives of every slot, by the definition, on the whole graph."""
    own = ranked(memory, asked, candidates(memory, asked))
    alone = dict(zip(own.slots.tolist(), own.scores.tolist(), strict=True))
    weights = np.zeros((len(memory), len(memory)))
    for source in range(len(memory)):
        for target, weight in memory.associations.neighbours(str(source)).items():
            weights[source, int(target)] = weight
    best = sorted(alone.items(), key=lambda one: (-one[1], one[0]))[:8]
    direct = {slot: score for slot, score in best if score >= best[0][1] / 2}
    seeds = np.zeros(len(memory))
    seeds[list(direct)] = list(direct.values())
    damping = safe_damping(direct.values())
    lift = spread_oracle(weights, seeds, 2, damping) / (1 - damping)
    found = {slot: (score, 0.0) for slot, score in alone.items()}
    for slot in set(np.flatnonzero(lift).tolist()) - direct.keys():
        passed = WEIGHTS["association"] * float(lift[slot])
        found[slot] = max(alone.get(slot, -np.inf), passed), float(lift[slot])
    return found


@given(
    st.lists(st.tuples(st.integers(0, 19), st.integers(0, 19), st.floats(0.05, 1.0)), max_size=60),
    st.integers(0, 19),
    st.integers(1, 25),
    st.booleans(),
)
@settings(max_examples=80, deadline=None)
def test_associates_are_what_the_definition_says_nominated_or_not(
    edges: list[tuple[int, int, float]], asked: int, limit: int, talk: bool
) -> None:
    kinds, colours = ("boat", "lamp", "violin", "tax", "tea"), ("red", "blue", "old", "new")
    texts = [f"{kind} {colour}" for kind in kinds for colour in colours]
    memory = memory_of(texts, RetrievalConfig(pool=2), episode="talk" if talk else None)
    for source, target, weight in edges:
        if source != target:
            memory.associations.link(str(source), str(target), weight, NOW)
    vector = memory.encoder.encode([texts[asked]])[0]
    question = memory.question(texts[asked], vector, Asked(limit=limit, now=NOW + 1))
    ranking = with_associates(
        memory, question, ranked(memory, question, candidates(memory, question))
    )
    rows = zip(ranking.scores, ranking.signals["association"], strict=True)
    found = dict(zip(ranking.slots.tolist(), rows, strict=True))
    assert len(found) == len(ranking.slots), "none is there twice"
    expected = associates_oracle(memory, question)
    for slot, values in found.items():
        assert values == pytest.approx(expected[slot], abs=1e-9)
    # What is left out is not among the best `limit`.
    least = sorted((score for score, _ in found.values()), reverse=True)[:limit][-1]
    for slot in expected.keys() - found.keys():
        assert not talk
        assert len(found) >= limit
        assert expected[slot][0] <= least + 1e-9


# Resting ----------------------------------------------------------------------------------------


def test_what_rests_is_kept_and_found_again_when_it_wakes() -> None:
    memory = memory_of()
    before = state(memory)
    memory.rest("0", "1")
    assert "0" not in found(memory, TEXTS[0], limit=99)
    assert memory.trace("0").text == TEXTS[0]
    for record_id, representative in (("2", "2"), ("2", "0")):
        with pytest.raises(InvalidInput):
            memory.rest(record_id, representative)
    for record_id, representative in (("x", "1"), ("2", "x")):
        with pytest.raises(NotFound):
            memory.rest(record_id, representative)
    memory.wake("0")
    memory.wake("3")
    assert state(memory) == before
    assert found(memory, TEXTS[0])[0] == "0"


def test_it_wakes_when_nothing_stands_for_it_any_more() -> None:
    memory = memory_of()
    memory.rest("0", "1")
    memory.remove("1")
    assert memory.asleep == {}
    memory.rest("0", "2")
    memory.add([Trace("2", TEXTS[2], NOW + 9)])
    assert memory.asleep == {"0": "2"}, "the same text still stands for it"
    memory.add([Trace("2", "Something else altogether", NOW + 9)])
    assert memory.asleep == {}
    memory.rest("0", "2")
    memory.add([Trace("0", TEXTS[0], NOW + 9)])
    assert memory.asleep == {}, "what is told anew is awake"


# Many -------------------------------------------------------------------------------------------


@pytest.mark.slow
def test_twenty_thousand_are_kept_and_the_first_are_as_good_as_the_last(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("memgraft.core.folder.os.fsync", lambda handle: None)
    words = [f"{a}{b}" for a in ("bo", "la", "vi", "ta", "ru", "ne", "si") for b in "abcdefghij"]
    rng, count = np.random.default_rng(0), 20_000
    texts = [f"{' '.join(rng.choice(words, 6))} item{n}" for n in range(count)]
    memory = SlotMemory(ToyEncoder())
    for start in range(0, count, 1000):
        numbers = range(start, start + 1000)
        memory.add([Trace(str(n), texts[n], NOW + n, NOW + n) for n in numbers])
    assert len(memory) == memory.bank.slots == count
    assert [trace.text for trace in memory.traces()] == texts, "nothing is evicted"
    for number in range(100):
        assert memory.trace(str(number)).text == texts[number]
        assert found(memory, texts[number], limit=1) == [str(number)]
    save(memory, tmp_path)
    again, _ = load(tmp_path, ToyEncoder())
    assert state(again) == state(memory)
    for text in texts[:10] + texts[-10:]:
        asked = Asked(now=NOW + 1e6)
        assert again.search(text, asked) == memory.search(text, asked)
