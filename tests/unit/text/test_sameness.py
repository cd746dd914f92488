"""What says the same and what only sounds like it."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from memgraft.text.sameness import Statement, Vocabulary, has_slip, sameness

SAME = [
    ("My cat is called Tom.", "my cat is called tom"),
    ("My cat is called Tom.", "MY CAT IS CALLED TOM!!"),
    ("I'm allergic to cobalt", "I am allergic to cobalt."),
    ("My cat's called Tom", "My cat is called Tom"),
    ("I don't like tea", "I do not like tea"),
    ("I dont like tea", "I don’t like tea"),
    ("I have choir practice on Monday.", "On Monday, I have choir practice."),
    ("The code of the safe is 5590.", "5590 is the code of the safe."),
    ("Just so you know, my cat is called Tom", "My cat is called Tom, as I said."),
    ("Please remember that I live in Graz", "I live in Graz, you know"),
    ("My brother lives in Graz", "My brohter lives in Graz"),
    ("My brother lives in Graz", "My brothr livs in Graz"),
    ("I went to the opera on Monday", "I wentt to the opera on Monday"),
    ("It costs 1,500 euros", "It costs 1500 euros"),
    ("The boat belongs to Ann and Ben", "The boat belongs to Ann and Ben"),
]
DIFFERENT = [
    ("My cat is called Tom", "My cat is called Tim"),
    ("my cat is called tom", "my cat is called tim"),
    ("my son is called jonas", "my son is called jonah"),
    ("My cat is called Tom", "My dog is called Tom"),
    ("My sister is called Ann", "My aunt is called Ann"),
    ("My sister lives in Graz", "I live in Graz"),
    ("The meeting is at 5 pm", "The meeting is at 6 pm"),
    ("The meeting is at 5 pm", "The meeting is at 5 am"),
    ("The code is 4711", "The code is 4771"),
    ("The code is AB-12", "The code is AB-21"),
    ("I like tea", "I don't like tea"),
    ("I like tea", "I liked tea"),
    ("I like tea", "I never like tea"),
    ("I like tea", "Do I like tea?"),
    ("I can swim", "I can't swim"),
    ("I can swim", "I could swim"),
    ("I was a teacher at Hill School", "I am a teacher at Hill School"),
    ("I met Ann on Monday", "I called Ann on Monday"),
    ("I met Ann on Monday", "I met Ann on Sunday"),
    ("Tom loves Ann", "Ann loves Tom"),
    ("I owe Ann 50 euros", "Ann owes me 50 euros"),
    ("I flew from Rome to Oslo", "I flew from Oslo to Rome"),
    ("I work at Norvia until May", "I work at Norvia after May"),
    ("Turn left at Hill Street", "Turn right at Hill Street"),
    ("My weight is 80 kilos", "My target weight is 80 kilos"),
    ("Ann's favourite dish is rice", "Ann's second-favourite dish is rice"),
    ("The number of my work phone is 5590", "The number of my phone is 5590"),
    ("I have two sons", "I have three sons"),
    ("I take my tea with sugar", "I take my tea without sugar"),
    ("You owe Ann a pound", "I owe Ann a pound"),
    ("Ann likes tea", "Ben likes tea"),
    ("I love the desert", "I love the desert fox"),
    ("I live in Graz", "I live in Graz with my mother"),
]
# What other texts of the memory look like, so that it is known which words are usual.
OTHERS = ["my brother lives by the lake", "the safe with the code", "opera and choir practice"] * 3


def compared(one: str, other: str) -> str | None:
    vocabulary = Vocabulary([one, other, *OTHERS])
    both = [Statement.of(text, vocabulary) for text in (one, other)]
    there, back = sameness(*both, vocabulary), sameness(*both[::-1], vocabulary)
    assert there == back, "it does not matter who says it first"
    return there


@pytest.mark.parametrize(("one", "other"), SAME)
def test_the_same_in_the_same_words(one: str, other: str) -> None:
    assert compared(one, other) == "same"


@pytest.mark.parametrize(("one", "other"), DIFFERENT)
def test_what_differs_in_one_thing_is_not_the_same(one: str, other: str) -> None:
    assert compared(one, other) is None


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("My dentist is Dr Achterberg", "I go to Dr Achterberg when my teeth need a dentist"),
        ("My cat is called Tom", "As it happens, my cat is called Tom"),
    ],
)
def test_other_words_about_the_same_names_may_say_the_same(one: str, other: str) -> None:
    assert compared(one, other) in ("like", "same")


@settings(deadline=None)
@given(st.text(max_size=60))
def test_every_text_says_what_it_says(text: str) -> None:
    assert compared(text, text) == "same"


@settings(deadline=None)
@given(st.text(max_size=40), st.text(max_size=40))
def test_it_is_symmetric(one: str, other: str) -> None:
    compared(one, other)


def test_a_slip_is_an_unknown_rare_word_that_is_no_name() -> None:
    vocabulary = Vocabulary(["my brohter lives in Graz", "my lamp is odd", *["a lamp"] * 5])
    slipped = [
        has_slip(Statement.of(text, vocabulary), vocabulary)
        for text in ("my brohter lives", "my brother lives", "Brohterus lives", "my lamp")
    ]
    assert slipped == [True, False, False, False]
