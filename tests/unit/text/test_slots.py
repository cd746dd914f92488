"""Slots: which facts replace one another."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from memgraft.text.slots import contradicts, slot


@pytest.mark.parametrize(
    ("facts", "key"),
    [
        (["I live in Lisbon", "I moved to Porto", "I'm based in Rome now"], "i|residence"),
        (["My name is Bo", "I'm called Bo", "Call me Bo"], "i|name"),
        (
            [
                "I work at Google",
                "I work for Acme",
                "I've started a new job at Yelp",
                "I'm employed by Acme",
            ],
            "i|employer",
        ),
        (
            ["My wifi password is x1", "The wifi password is y", "Our new wifi password is z"],
            "i|password wifi",
        ),
        (["My favourite colour is blue", "My favorite color is red"], "i|colour favourite"),
        (["My sister Ilka lives in Turku", "Ilka moved to Graz"], "ilka|residence"),
        (["I'm 30", "I am 31 years old"], "i|age"),
        (["I was born on 3 May", "I was born on 4 May 1990"], "i|birthday"),
        (["I'm married to Ana", "My wife is Eva", "My husband's name is Bo"], "i|spouse"),
        (["I drive a Volvo", "I drive a red Skoda"], "i|car"),
        (["My boss is Ada", "My new boss is Bo Ek"], "i|boss"),
        (["The meeting is on Monday", "The meeting has been moved to Friday"], "meeting|day"),
    ],
)
def test_same_attribute_same_slot(facts: list[str], key: str) -> None:
    assert [slot(fact) for fact in facts] == [key] * len(facts)


@pytest.mark.parametrize(
    "fact",
    [
        "I like tea",
        "I have a dog",
        "I'm allergic to nuts",
        "Dagny collects thimbles",
        "My dog is friendly",
        "I lived in Rome in 2010",
        "I moved to Rome in 2010",
        "I live alone",
        "I live in a flat",
        "I work at night",
        "I work from home",
        "I work in Berlin sometimes",
        "I don't live in Rome",
        "My wife is tired",
        "My old password was x",
        "I might move to Rome",
        "I also work for Acme",
        "My friend is Bo",
        "The meeting is on Mondays",
        "I drive a lot",
        "I would live in Rome",
        "The meeting was on Friday",
        "",
        "🙂",
        "Do I live in Rome?",
        "My password is wrong",
        "My salary is good",
        "My boss is Portuguese",
        "My brother's name is Bo",
        "My phone is a grey Pixel",
        "I live in East Flanders",
    ],
)
def test_values_that_can_coexist_have_no_slot(fact: str) -> None:
    assert slot(fact) is None


@pytest.mark.parametrize(
    ("new", "old", "expected"),
    [
        ("I moved to Porto", "I live in Lisbon", True),
        ("I'm based in Lisbon now", "I live in Lisbon", False),
        ("I live in Lisbon.", "I live in Lisbon", False),
        ("I live in Portugal", "I live in Lisbon", False),
        ("I lived in Rome in 2010", "I live in Lisbon", False),
        ("The meeting is at 3 pm", "The meeting is on Friday", False),
        ("The meeting is at 4 pm", "The meeting is at 3 pm", True),
        ("My gym code is 12", "My alarm code is 34", False),
        ("Ilka's phone number is 12", "My phone number is 34", False),
        ("My phone number is 12", "My phone number is 34", True),
        ("My wife's name is Eva", "My boss's name is Bo", False),
        ("I like tea", "I like coffee", False),
        ("I live in Ghent, Belgium", "I live in Ghent", False),
        ("I was born in Ireland", "I was born in Cork", False),
        ("I was born on May 3", "I was born on 3 May 1990", False),
        ("The meeting is at 15:00", "The meeting is at 3 pm", False),
        ("The meeting is at 3 pm on Monday", "The meeting is on Monday at 3 pm", False),
        ("The meeting is at 12 am", "The meeting is at 12 pm", True),
        ("My phone number is +32 470 11 22 33", "My phone number is 0470112233", False),
        ("My height is 180 cm", "My height is 1.80 m", False),
        ("My rent is 950 euros", "My rent is 900 euros a month", True),
        ("I drive a white Volvo", "I drive a Volvo", False),
        ("My rent is €1,900", "My rent is 1900 euros", False),
        ("My birthday is May 3rd", "My birthday is 3 May", False),
        ("My name is Bo Ek", "My name is Bo", False),
    ],
)
def test_contradiction(new: str, old: str, expected: bool) -> None:
    assert contradicts(new, old) is expected


@given(st.text(max_size=200), st.text(max_size=50))
def test_never_raises(new: str, old: str) -> None:
    assert contradicts(new, new) is False
    contradicts(new, old)
