"""The router: which facts a question calls for, and how strongly."""

from __future__ import annotations

import pytest

from memgraft.core.scope import Scope
from memgraft.injection.delta import LowRankDelta
from memgraft.injection.router import FOREIGN_PENALTY, QUESTION_SHARE, STATEMENTS, Router
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
        routes=router.keys_for(text, text, questions),
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


def test_keys_are_the_fact_the_reply_and_its_questions(router: Router) -> None:
    keys = router.keys_for("boat", "engine", ["harbour", "mast", "sail"])
    assert len(keys) == STATEMENTS + 3
    expected = router.encoder.encode(["boat", "engine", "harbour", "mast", "sail"])
    assert keys.tolist() == expected.tolist()


def test_the_nearest_fact_comes_first(router: Router) -> None:
    put(router, "boat", "boat blue", ["which colour has boat"])
    put(router, "cat", "cat grey", ["which colour has cat", "cat old"])
    put(router, "tea", "tea green", ["which tea", "tea hot", "tea cold"])
    assert ranked(router, "which colour has cat")[0] == "cat"
    assert ranked(router, "tea cold")[0] == "tea"
    assert ranked(router, "boat blue")[0] == "boat"
    assert len(ranked(router, "cat", limit=2)) == 2


def test_the_score_is_a_share_of_the_nearest_statement_and_of_the_nearest_question(
    router: Router,
) -> None:
    put(router, "other", "something else", ["entirely"])
    put(router, "boat", "boat", ["mast", "sail", "harbour"])
    put(router, "last", "whatever", ["remains"])

    def score(question: str) -> float:
        return {r.record_id: r.score for r in router.rank(question, ME, 5)}["boat"]

    assert score("sail") == pytest.approx(QUESTION_SHARE, abs=1e-6)
    assert score("boat") == pytest.approx(1 - QUESTION_SHARE, abs=1e-6)
    # Each at 45 degrees: the nearest of three questions, not their mean.
    assert score("boat harbour") == pytest.approx(2**-0.5, abs=1e-6)
    assert score("unheard") == pytest.approx(0, abs=1e-6)


def test_somebody_elses_question_loses(router: Router) -> None:
    put(router, "name", "name yusuf", ["name"])
    [plain] = router.rank("name", ME, 5)
    [foreign] = router.rank("name 22", ME, 5)
    [known] = router.rank("name yusuf", ME, 5)
    cosine = (1 - QUESTION_SHARE) * 0.5 + QUESTION_SHARE * 2**-0.5
    assert foreign.score == pytest.approx(cosine - FOREIGN_PENALTY, abs=1e-6)
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
