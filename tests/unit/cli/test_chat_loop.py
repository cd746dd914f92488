"""The chat's loop: commands, what they say, and that a bad line ends nothing."""

from __future__ import annotations

from typing import Any

import pytest

from memgraft.cli.chat import COMMANDS, Chat
from memgraft.cli.conversation import Conversation
from memgraft.memory import Memory

Screens = Any  # the class from conftest


def remembered(memory: Memory) -> list[str]:
    return [record["memory"] for record in memory.get_all(user_id="me")["results"]]


def test_lines_are_said_to_the_model(conversation: Conversation, screen: Screens) -> None:
    shown = screen("Hello there", "", "   ", "And again")
    assert Chat(conversation, shown).run() == 0
    assert [kind for kind, _ in shown.shown] == ["reply", "reply"]
    assert [turn["content"] for turn in conversation.turns[::2]] == ["Hello there", "And again"]
    assert shown.of("reply")[0].strip() == conversation.turns[1]["content"]


def test_a_failing_line_is_counted_and_told_and_the_next_is_served(
    conversation: Conversation, screen: Screens
) -> None:
    shown = screen(
        "/bogus",
        "/remember",
        "/remember    ",
        "/remember bell \a here",
        "/forget 99",
        "/forget " + "9" * 5000,
        "/forget",
        "/remember I own a boat",
        "/",
    )
    assert Chat(conversation, shown).run() == 8
    errors = shown.of("error")
    assert "no command is called /bogus" in errors[0]
    assert all(name in errors[0] for name in COMMANDS)
    assert "there is no fact to remember" in errors[1]
    assert "there is no fact to remember" in errors[2]
    assert "control characters" in errors[3]
    assert "nothing that is remembered fits" in errors[4]
    assert "nothing that is remembered fits" in errors[5]
    assert "which one?" in errors[6]
    assert remembered(conversation.memory) == ["I own a boat"]


def test_quit_stops(conversation: Conversation, screen: Screens) -> None:
    shown = screen("/remember I own a boat", "/quit", "/remember I like tea")
    assert Chat(conversation, shown).run() == 0
    assert shown.lines == ["/remember I like tea"]
    assert remembered(conversation.memory) == ["I own a boat"]


def test_the_end_of_input_stops(conversation: Conversation, screen: Screens) -> None:
    shown = screen()
    assert Chat(conversation, shown).run() == 0
    assert shown.shown == []


def test_remember_list_and_forget(conversation: Conversation, screen: Screens) -> None:
    shown = screen(
        "/memories",
        "/remember I live in Lisbon",
        "/remember I live in Lisbon.",
        "/remember I own a boat",
        "/remember I moved to Porto",
        "/memories",
        "Hello there",
        "/forget boat",
        "/memories",
    )
    assert Chat(conversation, shown).run() == 0
    said = shown.of("say")
    assert said[0] == "Nothing yet."
    assert said[1].startswith('Injected into weights: "I live in Lisbon"')
    assert said[2] == 'Already remembered: "I live in Lisbon"'
    assert 'It replaces: "I live in Lisbon"' in said[4]
    assert said[5] == "  1. I own a boat\n  2. I moved to Porto"
    assert said[6] == 'Forgotten: "I own a boat"'
    assert said[7] == "  1. I moved to Porto"
    assert conversation.turns == [], "what was said may hold what is forgotten"


def test_only_the_users_own(conversation: Conversation, screen: Screens) -> None:
    conversation.memory.add("A boat of yours", user_id="you")
    shown = screen("/memories", "/forget boat", "/clear", confirms=True)
    assert Chat(conversation, shown).run() == 1
    assert shown.of("say")[0] == "Nothing yet."
    assert len(conversation.memory.get_all(user_id="you")["results"]) == 1


@pytest.mark.parametrize("confirms", [True, False])
def test_clear_asks(conversation: Conversation, screen: Screens, confirms: bool) -> None:
    shown = screen(
        "/remember I own a boat", "/remember I like tea", "Hi", "/clear", confirms=confirms
    )
    assert Chat(conversation, shown).run() == 0
    assert shown.of("confirm") == ["Forget all 2 memories?"]
    assert len(remembered(conversation.memory)) == (0 if confirms else 2)
    assert ("Forgotten: 2 memories." in shown.of("say")) == confirms
    assert (conversation.turns == []) == confirms


class TestAuto:
    def test_facts_are_offered_and_kept_on_demand(
        self, conversation: Conversation, screen: Screens
    ) -> None:
        shown = screen("Hi! My name is Yusuf and I work at Google.", "/memories", "/remember")
        assert Chat(conversation, shown, auto=True).run() == 0
        said = shown.of("say")
        assert said[:2] == [
            'Noticed: "My name is Yusuf". /remember keeps it.',
            'Noticed: "I work at Google". /remember keeps it.',
        ]
        assert said[2] == "Nothing yet."
        assert remembered(conversation.memory) == ["My name is Yusuf", "I work at Google"]

    def test_once_only(self, conversation: Conversation, screen: Screens) -> None:
        shown = screen("My name is Yusuf", "/remember", "/remember", "My name is Yusuf.")
        assert Chat(conversation, shown, auto=True).run() == 1
        assert "there is no fact to remember" in shown.of("error")[0]
        noticed = [text for text in shown.of("say") if text.startswith("Noticed")]
        assert len(noticed) == 1, "it is known by then"

    def test_the_next_line_takes_the_offer_back(
        self, conversation: Conversation, screen: Screens
    ) -> None:
        shown = screen("My name is Yusuf", "How are you?", "/remember")
        assert Chat(conversation, shown, auto=True).run() == 1
        assert remembered(conversation.memory) == []

    def test_a_fact_of_ones_own_goes_first(
        self, conversation: Conversation, screen: Screens
    ) -> None:
        shown = screen("My name is Yusuf", "/remember I own a boat")
        assert Chat(conversation, shown, auto=True).run() == 0
        assert remembered(conversation.memory) == ["I own a boat"]

    def test_off_nothing_is_offered(self, conversation: Conversation, screen: Screens) -> None:
        shown = screen("My name is Yusuf", "/remember")
        assert Chat(conversation, shown).run() == 1
        assert shown.of("say") == []


def test_why(conversation: Conversation, screen: Screens) -> None:
    shown = screen("/why", "/remember I live in Lisbon", "Where do I live?", "/why")
    assert Chat(conversation, shown).run() == 0
    said = shown.of("say")
    assert said[0] == "Nothing was asked yet."
    awake, considered, passages, prompt = said[-4:]
    assert awake.startswith("awake: 0.")
    assert awake.endswith("I live in Lisbon")
    assert considered.removeprefix("considered") == awake.removeprefix("awake")
    assert passages == "passages: nothing"
    assert "Where do I live?" in prompt
    assert "Lisbon" not in prompt


def test_stats_save_and_help(conversation: Conversation, screen: Screens) -> None:
    shown = screen("/remember I own a boat", "/stats", "/save", "/help")
    assert Chat(conversation, shown).run() == 0
    stats, saved, told = shown.of("say")[-3:]
    assert "memories: 1" in stats
    assert "weights: facts 1" in stats
    assert saved == f"Saved in {conversation.memory.store.location}"
    assert [line.split()[0] for line in told.splitlines()] == list(COMMANDS)


class TestInterrupt:
    """Ctrl-C in the middle of a write, on a terminal and in a script."""

    @pytest.fixture
    def interrupted(self, conversation: Conversation, monkeypatch: pytest.MonkeyPatch) -> Any:
        """The conversation; its home is interrupted while it writes the first fact."""
        (home,) = conversation.memory.homes
        write, calls = home.write, []

        def stopped(records: Any) -> Any:
            calls.append(records)
            if len(calls) == 1:
                raise KeyboardInterrupt
            return write(records)

        monkeypatch.setattr(home, "write", stopped)
        return conversation

    def test_a_terminal_goes_on(self, interrupted: Conversation, screen: Screens) -> None:
        shown = screen("/remember I am Yusuf", "/remember I live in Porto", "/memories")
        assert Chat(interrupted, shown).run() == 0
        assert len(shown.of("error")) == 1
        assert remembered(interrupted.memory) == ["I am Yusuf", "I live in Porto"]
        (home,) = interrupted.memory.homes
        assert len(home.held()) == 2, "what the interrupt cut off was written with the next"

    def test_a_script_ends(
        self, interrupted: Conversation, screen: Screens, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(screen, "interactive", False)
        shown = screen("/remember I am Yusuf", "/memories")
        with pytest.raises(KeyboardInterrupt):
            Chat(interrupted, shown).run()
        assert remembered(interrupted.memory) == ["I am Yusuf"], "the store had it already"
