"""Restating the user's words in the second person."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from memgraft.text.person import strip_preamble, to_second_person


@pytest.mark.parametrize(
    ("fact", "restated"),
    [
        ("My name is Yusuf", "Your name is Yusuf."),
        ("My favourite song is Take On Me", "Your favourite song is Take On Me."),
        ("MY FLAT IS COLD", "Your FLAT IS COLD."),
        ("It is late. My bus is gone.", "It is late. Your bus is gone."),
        ("I'm very allergic to nuts", "You're very allergic to nuts."),
        ("I’m very allergic to nuts", "You’re very allergic to nuts."),
        ("We've got two goats", "You've got two goats."),
        ("I was born in Tromso", "You were born in Tromso."),
        ("I am 30 and I was ill", "You are 30 and you were ill."),
        ("I lived in Rome and was ill", "You lived in Rome and were ill."),
        ("I told Eva she was late", "You told Eva she was late."),
        ("I also was there", "You also were there."),
        ("I wasn't told", "You weren't told."),
        ("The blue mug is mine", "The blue mug is yours."),
        ("I taught myself Welsh", "You taught yourself Welsh."),
        ("The flat above us is ours", "The flat above you is yours."),
        ("Ines gave me her bike", "Ines gave you her bike."),
        ("my bin code at the depot is 9912", "Your bin code at the depot is 9912."),
        ("Mira chairs the board", "Mira chairs the board."),
        ("finchcap listens on 7070", "Finchcap listens on 7070."),
        ("web3 runs on eth0", "web3 runs on eth0."),
        ("iPhone chargers live upstairs", "iPhone chargers live upstairs."),
        ("https://example.org/I/am is my site", "https://example.org/I/am is your site."),
        ("My sister lives in the US", "Your sister lives in the US."),
        ("The gold mine is closed", "The gold mine is closed."),
        ('My motto is "I am what I am"', 'Your motto is "I am what I am".'),
        ("Is it mine?", "Is it yours?"),
        ("Remember that I live in Graz!", "You live in Graz!"),
        ("Мой кот спит", "Мой кот спит."),
        ("", ""),
        ("   ", ""),
    ],
)
def test_restates_to_the_user(fact: str, restated: str) -> None:
    assert to_second_person(fact) == restated


@pytest.mark.parametrize(
    ("fact", "stripped"),
    [
        ("Remember that I live in Graz", "I live in Graz"),
        ("Please note that the gate is shut", "the gate is shut"),
        ("FYI, I moved", "I moved"),
        ("btw my code is 12", "my code is 12"),
        ("Hi, by the way, I ski", "I ski"),
        ("Remember me", "Remember me"),
        ("Well water is hard here", "Well water is hard here"),
        ("remember that", "remember that"),
    ],
)
def test_drops_only_openings_meant_for_the_assistant(fact: str, stripped: str) -> None:
    assert strip_preamble(fact) == stripped


@given(st.text(max_size=300))
def test_never_raises_and_ends_the_sentence(text: str) -> None:
    restated = to_second_person(text)
    assert restated == "" or restated == restated.strip()
