"""How passages enter a prompt."""

from __future__ import annotations

from memgraft.core.recall import Passages

INSTRUCTION = "Use these notes about me to answer."


def with_passages(messages: list[dict[str, str]], passages: Passages) -> list[dict[str, str]]:
    """The messages with the passages before the last one; without passages, the same messages.

    They stand in the last turn, not in the system message, so that earlier turns keep their
    place in the key-value cache.
    """
    if not passages:
        return messages
    *earlier, last = messages
    notes = "\n".join(f"- {passage.text}" for passage in passages.items)
    content = f"{INSTRUCTION}\n{notes}\n\n{last['content']}"
    return [*earlier, {**last, "content": content}]
