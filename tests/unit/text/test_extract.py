"""The facts in conversations: what is kept, what is not, and how well on unseen ones."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from memgraft.core.errors import InvalidInput
from memgraft.text.extract import LONGEST_FACT, Extracted, extract, stated
from memgraft.text.notice import notice

DATA = Path(__file__).parents[2] / "data"


def rows(name: str) -> list[dict[str, Any]]:
    lines = (DATA / name).read_text(encoding="utf-8").splitlines()
    return [json.loads(line) for line in lines]


def words(text: str) -> set[str]:
    """Words, and single characters where a script has no spaces."""
    found = re.findall(r"\w+", text.casefold())
    return {c for w in found for c in ([*w] if re.search("[\u3040-\u9fff]", w) else [w])}


def matches(found: list[str], wanted: list[str]) -> int:
    """Pairs that share 60 % of their words, each text in one pair at most."""
    left, count = list(wanted), 0
    for text in found:
        mine = words(text)
        near = {other: len(mine & words(other)) / len(mine | words(other)) for other in left}
        best = max(near, key=lambda other: near[other], default=None)
        if best is not None and near[best] >= 0.6:
            left.remove(best)
            count += 1
    return count


def said(text: str, role: str = "user", **more: Any) -> list[dict[str, Any]]:
    return [{"role": role, "content": text, **more}]


@pytest.mark.parametrize(
    "row", rows("conversations_dev.jsonl"), ids=lambda row: str(row["messages"][-1]["content"])[:40]
)
def test_conversations_written_while_developing(row: dict[str, Any]) -> None:
    found = extract(row["messages"], agent=row.get("agent", False))
    assert [fact.text.rstrip(".") for fact in found] == row["facts"]


def test_unseen_conversations() -> None:
    """The figures are in docs/log.md; what may not happen is that they fall."""
    found_in_all, wanted_in_all, right = 0, 0, 0
    for row in rows("conversations.jsonl"):
        found = [fact.text for fact in extract(row["messages"], agent=row.get("agent", False))]
        right += matches(found, row["facts"])
        found_in_all, wanted_in_all = found_in_all + len(found), wanted_in_all + len(row["facts"])
    assert right / found_in_all > 0.9
    assert right / wanted_in_all > 0.85


def test_questions_and_idle_talk_state_nothing() -> None:
    asked = [row[kind] for row in rows("facts_dev.jsonl") for kind in ("question", "paraphrase")]
    idle = (DATA / "unrelated_dev.txt").read_text(encoding="utf-8").splitlines()
    assert [text for text in [*asked, *idle] if stated(text)] == []


def test_everything_that_is_noticed_is_found() -> None:
    for row in rows("facts_dev.jsonl"):
        found = stated(row["fact"])
        for fact in notice(row["fact"]):
            assert any(fact in other for other in found)


def test_messages_say_who_and_where() -> None:
    messages = [
        {"role": "system", "content": "My name is Sys."},
        {"role": "user", "content": "I'm vegetarian.", "name": "ana"},
        {"role": "assistant", "content": "My name is Robo."},
        {"role": "tool", "content": "I live in Rome."},
        {"content": "I live in Oslo."},
        {"role": "user", "content": "i'm VEGETARIAN"},
    ]
    assert extract(messages) == [
        Extracted("I'm vegetarian", "user", 1, "ana"),
        Extracted("I live in Oslo", "user", 4),
    ]


def test_an_assistant_speaks_of_itself_for_an_agent_only() -> None:
    messages = said("I'm Juno. I handle refunds for Lumen. You live in Rome.", "assistant")
    assert extract(messages) == []
    assert [fact.text for fact in extract(messages, agent=True)] == [
        "I'm Juno",
        "I handle refunds for Lumen",
    ]
    assert extract(said("I'm glad to help. I can see that.", "assistant"), agent=True) == []


@pytest.mark.parametrize(
    "pasted",
    [
        "User memories:\n- I like tea\n- My dog is Rex",
        "## Relevant memories\n\n* I like tea\n\n* My dog is Rex",
        "Here are the relevant memories about the user:\n1. I like tea\n2. My dog is Rex",
        "<memories>\nI like tea\nMy dog is Rex\n</memories>",
        "<user_memories>I like tea. My dog is Rex",
        "Use these notes about me to answer.\n- I like tea\n- My dog is Rex",
        "Answer the question based on query and memories.\nUser Memories:\n- I like tea",
        "What I know about you:\nI like tea\nMy dog is Rex",
        "Memories: I like tea; My dog is Rex",
        "- I like tea (score: 0.81)\n- My dog is Rex (score: 0.4)",
        '{"results": [{"id": "1", "memory": "I like tea"}]}',
        "assistant: I like tea",
        "[2024-03-01 10:22] Assistant: My dog is Rex",
    ],
)
def test_its_own_output_is_not_kept_again(pasted: str) -> None:
    assert stated(pasted) == []
    assert stated(f"{pasted}\n\nuser: I live in Graz.") == ["I live in Graz"]


@pytest.mark.parametrize(
    "prefix",
    ["[2024-03-01 10:22] ", "user: ", "(10:22 AM) Human: ", "2024-03-01T10:22:05Z ", "**User:** "],
)
def test_stamps_and_speakers_are_dropped(prefix: str) -> None:
    assert stated(f"{prefix}I live in Graz.") == ["I live in Graz"]


@pytest.mark.parametrize(
    ("message", "facts"),
    [
        ("My allergies:\n- nuts\n- pollen", ["My allergies: nuts, pollen"]),
        ("Remember:\n- gate code 4471\n- I prefer tea", ["gate code 4471", "I prefer tea"]),
        ("My favourite film is \"Spirited Away\".", ['My favourite film is "Spirited Away"']),
        ("Is this right?\n\nI live in Rome.", ["I live in Rome"]),
        ("The weather is nice. It's me.", []),
        ("He is nice. She lives in Rome.", []),
        ("Yesterday, I met Ann in Rome.", ["Yesterday, I met Ann in Rome"]),
        ("My wife and I run a bakery.", ["My wife and I run a bakery"]),
        ("You can call me Sam.", ["You can call me Sam"]),
        ("I have 3 apples and eat 1, how many are left?", []),
        ("Tom: I love tea", ["Tom: I love tea"]),
        ("Tom: can you help?", []),
        ("Remember my name!", []),
        ("Do you remember that I live in Rome?", []),
        ("I'm a nurse\x00 in \ud800Graz", ["I'm a nurse in Graz"]),
    ],
)  # fmt: skip
def test_forms(message: str, facts: list[str]) -> None:
    assert stated(message) == facts


@pytest.mark.parametrize(
    ("question", "answer", "facts"),
    [
        ("What is your dog called?", "She's called Bella.", ["My dog is called Bella"]),
        ("Where do you work?", "at Acme", ["I work at Acme"]),
        ("Do you have a dog?", "nope", ["I do not have a dog"]),
        ("What's your name?", "I live in Rome", ["I live in Rome"]),
        ("What is your dog's name?", "no idea", []),
        ("What is your question?", "Rex", []),
        ("Are you ready?", "yes", []),
        ("What is your name? And where do you live?", "Rex", []),
        ("Your name is nice.", "Rex", []),
    ],
)
def test_answers(question: str, answer: str, facts: list[str]) -> None:
    found = extract([*said(question, "assistant"), *said(answer)])
    assert [fact.text for fact in found] == facts


def test_an_answer_is_to_the_message_before_it() -> None:
    asked = said("What is your name?", "assistant")
    assert extract([*asked, *said("hm"), *said("Rex")]) == []


def test_parts_of_a_message() -> None:
    image = {"type": "image_url", "image_url": {"url": "data:"}}
    parts = [{"type": "text", "text": "I live in Rome."}, image]
    assert [fact.text for fact in extract(said(parts))] == ["I live in Rome"]  # type: ignore[arg-type]
    assert extract([{"role": "assistant", "content": None, "tool_calls": []}]) == []


@pytest.mark.parametrize(
    "bad",
    [
        {"role": "user"}, {"role": "user", "content": None}, {"role": 3, "content": "x"}, "text",
        {"role": "user", "content": ["parts"]}, {"content": [{"type": "text", "text": 5}]}, None,
    ],
)  # fmt: skip
def test_what_is_no_message_is_refused(bad: Any) -> None:
    with pytest.raises(InvalidInput, match="a message must have a role and a text"):
        extract([bad])


@pytest.mark.parametrize(
    "text",
    ["could you please " * 1200, "Tom: I love the tea is: I " * 700,
     "The" + "\t " * 9000 + "x:", "<memory>" * 2500, '"' * 20000,
     "I am a nurse and " * 1200, " and" * 5000, "我住在上海，" * 3000, "also, " * 3000],
)  # fmt: skip
@pytest.mark.timeout(20)
def test_long_nonsense_ends(text: str) -> None:
    assert all(len(fact) <= LONGEST_FACT for fact in stated(text))


@given(st.text(max_size=300))
def test_any_text_can_be_read(text: str) -> None:
    for fact in stated(text):
        assert fact.strip() and len(fact) <= LONGEST_FACT


PARTS = ["I live in Rome", "and", "Anna", "\n", ":", "?", "-", "my dog", "“", "user:"]
PARTS += ["remember that", "is Tom.", "我", "ich", "Diet: vegan"]


@given(st.lists(st.sampled_from(PARTS), max_size=12))
def test_facts_are_in_the_words_of_the_message(parts: list[str]) -> None:
    text = " ".join(parts)
    for fact in stated(text):
        assert words(fact) <= words(text)
