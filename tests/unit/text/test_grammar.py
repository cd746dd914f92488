"""The shallow parse of declarative sentences."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from memgraft.text.grammar import clauses, lemma_of, parse, past_of, tokens


@pytest.mark.parametrize(
    ("fact", "subject", "verb", "lemma", "complement"),
    [
        ("Mira chairs the board", "Mira", "chairs", "chair", "the board"),
        ("The ferry was sold by Olaf", "The ferry", "was sold", "sell", ""),
        ("I've been learning the oboe since May", "I", "have been learning", "learn", "the oboe"),
        ("The fair has been moved to Friday", "The fair", "has been moved", "move", ""),
        ("The rooms are being painted", "The rooms", "are being painted", "paint", ""),
        ("We've got three hens", "We", "have got", "get", "three hens"),
        ("On Mondays the Blue Door opens at ten", "the Blue Door", "opens", "open", ""),
        ("Every Friday evening I play chess", "I", "play", "play", "chess"),
        ("I only drink decaf", "I", "drink", "drink", "decaf"),
        ("My boss, Ada Lund, hates email", "My boss", "hates", "hate", "email"),
        ("The ship leaves at noon", "The ship", "leaves", "leave", ""),
        ("Our work plan covers May", "Our work plan", "covers", "cover", "May"),
        (
            "The man who lives next door is a baker",
            "The man who lives next door",
            "is",
            "be",
            "a baker",
        ),
        ("My brother Tomas runs a shop", "My brother Tomas", "runs", "run", "a shop"),
        ("My hobby is restoring radios", "My hobby", "is", "be", "restoring radios"),
        ("The fair takes place in May", "The fair", "takes place", "take", ""),
        ("I have to hand in my essay by Friday", "I", "have to hand in", "hand", "my essay"),
    ],
)
def test_finds_subject_verb_and_complement(
    fact: str, subject: str, verb: str, lemma: str, complement: str
) -> None:
    clause = parse(fact)
    assert clause is not None
    assert (clause.subject, clause.verb, clause.lemma, clause.complement) == (
        subject,
        verb,
        lemma,
        complement,
    )


@pytest.mark.parametrize(
    ("fact", "kinds"),
    [
        ("I play chess with Nils in the annex on Mondays", ["company", "place", "time"]),
        ("I lived in Oslo for three years", ["place", "duration"]),
        ("I sold my sled to Nils", ["recipient"]),
        ("She wrote about moss", ["topic"]),
        ("The train leaves at 10:40", ["time"]),
        ("The train leaves from platform 4", ["place"]),
        ("The bell rings at half past two", ["time"]),
        ("I saw him two years ago", ["time"]),
    ],
)
def test_classifies_adjuncts(fact: str, kinds: list[str]) -> None:
    clause = parse(fact)
    assert clause is not None
    assert [adjunct.kind for adjunct in clause.adjuncts] == kinds


@pytest.mark.parametrize(
    "fact", ["I don't eat meat", "I can't swim", "I never smoke", "I no longer drive"]
)
def test_sees_negation(fact: str) -> None:
    clause = parse(fact)
    assert clause is not None
    assert clause.negated


def test_splits_coordinated_predicates_and_appositions() -> None:
    found = clauses("My sister Lena lives in Graz and teaches chemistry")
    assert [(c.subject, c.lemma) for c in found] == [
        ("My sister Lena", "live"),
        ("My sister Lena", "teach"),
    ]
    assert [c.complement for c in clauses("My boss, Ada Lund, hates email")] == [
        "email",
        "Ada Lund",
    ]
    assert len(clauses("Ilse and Nils met in Ghent")) == 1
    assert len(clauses("Our cook is Bo, his number is 12")) == 2


@pytest.mark.parametrize("text", ["", "Hello", "🙂🙂", "42", "猫が好きです", "really nice"])
def test_returns_nothing_without_a_clause(text: str) -> None:
    assert parse(text) is None


def test_morphology() -> None:
    forms = ["ships", "went", "studies", "stopped", "writing", "born"]
    assert [lemma_of(form) for form in forms] == ["ship", "go", "study", "stop", "write", "bear"]
    assert (past_of("write"), past_of("carry"), past_of("plan")) == ("wrote", "carried", "planned")
    assert tokens("I'm here, Mr. Bo!") == ["I", "am", "here", ",", "Mr.", "Bo", "!"]


@given(st.text(max_size=300))
def test_never_raises(text: str) -> None:
    clauses(text)


@given(
    st.lists(
        st.sampled_from(
            [
                "I",
                "my",
                "the",
                "Bo",
                "is",
                "was",
                "not",
                "to",
                "and",
                ",",
                "who",
                "that",
                "in",
                "at",
                "when",
                "lives",
                "has",
                "been",
                "moved",
                "3",
                "pm",
                ".",
                "(",
            ]
        ),
        max_size=30,
    )
)
def test_never_raises_on_word_salad(words: list[str]) -> None:
    clauses(" ".join(words))
