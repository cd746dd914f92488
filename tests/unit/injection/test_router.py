"""The router: which facts a question calls for, and how strongly."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch

from memgraft.core.errors import FolderError
from memgraft.core.scope import Scope
from memgraft.injection.config import InjectionConfig
from memgraft.injection.delta import LowRankDelta
from memgraft.injection.projection import Projection, load_projection
from memgraft.injection.router import (
    PENALTIES,
    QUESTION_SHARE,
    Router,
)
from memgraft.injection.written import WrittenFact
from toys import ToyEncoder

ME, YOU = Scope(user_id="me"), Scope(user_id="you")


@pytest.fixture
def router() -> Router:
    return Router(ToyEncoder())


def put(
    router: Router, name: str, text: str, questions: list[str], scope: Scope = ME
) -> WrittenFact:
    fact = WrittenFact(
        record_id=name,
        version=1,
        text=text,
        scope=scope,
        key=router.key_for(text, text, questions),
        checked=True,
        delta=LowRankDelta(()),
    )
    router.put(fact)
    return fact


def ranked(router: Router, question: str, scope: Scope = ME, limit: int = 5) -> list[str]:
    return [route.record_id for route in router.rank(question, scope, limit)]


def test_nothing_is_called_for_where_nothing_is(router: Router) -> None:
    assert router.rank("boat?", ME, 5) == []
    put(router, "theirs", "boat", ["boat?"], YOU)
    assert router.rank("boat?", ME, 5) == []


def test_a_key_is_made_of_the_fact_the_reply_and_its_questions(router: Router) -> None:
    key = router.key_for("boat", "engine", ["harbour", "mast"])
    boat, engine, harbour, mast = router.encoder.encode(["boat", "engine", "harbour", "mast"])
    made = (1 - QUESTION_SHARE) * (boat + engine) + QUESTION_SHARE * (harbour + mast)
    assert key == pytest.approx(made / np.linalg.norm(made), abs=1e-6)


def test_the_nearest_fact_comes_first(router: Router) -> None:
    put(router, "boat", "boat blue", ["which colour has boat"])
    put(router, "cat", "cat grey", ["which colour has cat", "cat old"])
    put(router, "tea", "tea green", ["which tea", "tea hot", "tea cold"])
    assert ranked(router, "which colour has cat")[0] == "cat"
    assert ranked(router, "tea cold")[0] == "tea"
    assert ranked(router, "boat blue")[0] == "boat"
    assert len(ranked(router, "cat", limit=2)) == 2


def test_the_score_is_the_cosine_to_the_key(router: Router) -> None:
    put(router, "other", "something else", ["entirely"])
    fact = put(router, "boat", "boat", ["mast", "sail", "harbour"])
    for question in ("sail", "boat", "boat harbour", "unheard"):
        [score] = [r.score for r in router.rank(question, ME, 5) if r.record_id == "boat"]
        assert score == pytest.approx(router.encoder.encode([question])[0] @ fact.key, abs=1e-6)


def turned() -> Projection:
    torch.manual_seed(0)
    projection = Projection(ToyEncoder.dimension)
    torch.nn.init.normal_(projection.asking)
    torch.nn.init.normal_(projection.telling)
    return projection


def test_the_projection_turns_questions_and_facts() -> None:
    plain, learned = Router(ToyEncoder()), Router(ToyEncoder(), turned())
    assert learned.id.startswith(plain.id)
    assert learned.id != plain.id
    fact = put(plain, "boat", "boat blue", ["boat colour"])
    put(learned, "boat", "boat blue", ["boat colour"])
    [asked] = plain.encoder.encode(["boat"])
    [route] = learned.rank("boat", ME, 1)
    assert route.score == pytest.approx(turned().ask(asked) @ turned().tell(fact.key), abs=1e-6)


def test_an_untrained_projection_changes_nothing() -> None:
    vectors = ToyEncoder().encode(["boat blue", "tea"])
    projection = Projection(ToyEncoder.dimension)
    assert projection.ask(vectors) == pytest.approx(vectors, abs=1e-6)
    assert projection.tell(vectors) == pytest.approx(vectors, abs=1e-6)


def test_a_projection_is_kept_and_refused(tmp_path: Path) -> None:
    projection, encoder = turned(), ToyEncoder()
    projection.save(tmp_path / "p.safetensors", encoder.id)
    again = load_projection(tmp_path / "p.safetensors", encoder)
    assert again.fingerprint() == projection.fingerprint()
    assert again.fingerprint() != Projection(ToyEncoder.dimension).fingerprint()
    with pytest.raises(FolderError, match="no projection for this encoder"):
        load_projection(tmp_path / "p.safetensors", ToyEncoder("other"))


def test_somebody_elses_question_loses(router: Router) -> None:
    put(router, "name", "name yusuf", ["name"])
    [plain] = router.rank("name", ME, 5)
    [foreign] = router.rank("name 22", ME, 5)
    [known] = router.rank("name yusuf", ME, 5)
    cosine = plain.score * 2**-0.5  # half of what is asked stands in the fact
    assert foreign.score == pytest.approx(cosine - PENALTIES[0][0], abs=1e-6)
    assert plain.score > foreign.score
    assert known.score > foreign.score


def test_the_right_one_wins_behind_a_hundred_of_the_wrong_ones(router: Router) -> None:
    # Nearer by their words, but about other numbers, every one of them.
    for number in range(100, 200):
        put(router, f"wrong{number}", f"locker {number} code", ["locker code number"])
    put(router, "right", "locker 5500 combination code of old", ["locker code"])
    assert ranked(router, "locker 5500 code number")[0] == "right"


def test_only_the_scope_is_ranked(router: Router) -> None:
    put(router, "theirs", "boat", ["boat"], YOU)
    put(router, "mine", "tea", ["tea"], ME)
    put(router, "this run", "boat", ["boat"], Scope(user_id="me", run_id="r"))
    assert ranked(router, "boat") == ["this run", "mine"]
    assert ranked(router, "boat", Scope(user_id="me", run_id="r")) == ["this run"]
    assert set(ranked(router, "boat", Scope())) == {"theirs", "mine", "this run"}
    assert ranked(router, "boat", Scope(user_id="nobody")) == []


def test_many_are_ranked_as_a_full_sort_would(router: Router) -> None:
    words = ["boat", "tea", "stove", "blue", "wool", "old", "harbour", "mast", "sail", "engine"]
    for number in range(300):
        text = " ".join(words[number * k % 10] for k in (1, 3, 7)) + f" x{number % 90}"
        put(router, str(number), text, [text])
    asked = router.encoder.encode(["boat tea blue harbour"])[0]
    due = sorted((float(fact.key @ asked) for fact in router._facts.values()), reverse=True)
    found = router.rank("boat tea blue harbour", ME, 300)
    assert [route.score for route in found] == pytest.approx(due, abs=1e-6)


def test_facts_come_and_go(router: Router) -> None:
    put(router, "a", "boat", ["boat"])
    assert ranked(router, "boat") == ["a"]
    put(router, "b", "boat sail", ["boat sail", "mast"])
    assert ranked(router, "boat sail") == ["b", "a"]
    put(router, "b", "tea", ["tea"])  # another version
    assert ranked(router, "boat sail")[0] == "a"
    router.remove("a")
    router.remove("unknown")
    assert ranked(router, "boat") == ["b"]
    router.remove("b")
    assert ranked(router, "boat") == []


def test_the_gate_is_higher_where_there_are_more_facts() -> None:
    config = InjectionConfig(threshold=0.3, crowding=0.1)
    assert config.gate(0) == config.gate(150) == 0.3
    assert config.gate(199) == config.gate(200) == pytest.approx(0.4)
    assert config.gate(1000) == pytest.approx(0.5)
    assert config.gate(10_000) == pytest.approx(0.7)
