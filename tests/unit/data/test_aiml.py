"""What is said in AIML files, and what it means."""

from __future__ import annotations

from pathlib import Path

import pytest

from memgraft.core.errors import InvalidInput
from memgraft.data.aiml import categories
from memgraft.data.texts import groups

HEAD = '<?xml version="1.0" encoding="ISO-8859-1"?><aiml version="1.0">'


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    def told(name: str, *parts: str) -> None:
        (tmp_path / name).write_text(HEAD + "".join(parts) + "</aiml>", encoding="iso-8859-1")

    told(
        "a.aiml",
        "<category><pattern>HOW  OLD ARE YOU</pattern>"
        "<template>I was born  in the year 1995. <br/> Not that long ago.</template></category>",
        "<category><pattern>DO I KNOW YOUR AGE</pattern>"
        "<template> <srai>HOW OLD ARE YOU</srai> </template></category>",
        "<category><pattern>AGE</pattern>"
        "<template><srai>HOW OLD ARE YOU</srai></template></category>",
        "<category><pattern>* WHO ARE YOU</pattern>"
        "<template><srai>WHO ARE YOU</srai></template></category>",
    )
    told(
        "b.aiml",
        "<topic name='x'><category><pattern>I DO NOT</pattern><that>ARE YOU SURE</that>"
        "<template><srai>YOU ARE WRONG</srai></template></category></topic>",
        "<category><pattern>YOU LIKE <bot name='thing'/></pattern>"
        "<template><random><li>It seems very plain to me.</li><li>No.</li></random></template>"
        "</category>",
        "<category><pattern>CAFÉS ARE LOUD</pattern>"
        "<template>Most cafés are quiet by noon!</template></category>",
    )
    return tmp_path


def test_what_is_said_is_told_with_what_it_means(folder: Path) -> None:
    assert list(categories(folder)) == [
        ("How old are you?",),
        ("Do I know your age?", "How old are you?"),
        ("I do not",),
        ("It seems very plain to me.",),
        ("Cafés are loud",),
        ("Most cafés are quiet by noon!",),
    ]


def test_texts_are_among_the_groups_but_for_those_left_out(folder: Path) -> None:
    made = groups(scale=1, aiml=folder)
    assert {("Cafés are loud",), ("I do not",)} <= set(made)
    fewer = groups(scale=1, aiml=folder, without=["cafés ARE loud!", "How old are you"])
    each = {text for group in fewer for text in group}
    assert not {"Cafés are loud", "How old are you?"} & each
    assert {"Do I know your age?", "I do not"} <= each


def test_other_folders_are_refused(tmp_path: Path) -> None:
    with pytest.raises(InvalidInput, match="no AIML files"):
        list(categories(tmp_path))
    (tmp_path / "a.aiml").write_text("<aiml><category>")
    with pytest.raises(InvalidInput, match=r"a\.aiml as AIML"):
        list(categories(tmp_path))
