"""A conversation with a model that remembers in a state, and no longer in a prompt."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from memgraft.cli.conversation import Conversation
from memgraft.core.scope import Scope
from memgraft.host.session import GenerationConfig

if TYPE_CHECKING:
    from memgraft.mag.home import MagHome
    from memgraft.memory import Memory
    from memgraft.open import Opened


class MagConversation(Conversation):
    """Turns that stream through the memory of a patched model, see `MagSession`.

    Prompts hold the message alone, the first one after an opening that is always the same: no
    earlier turn, and nothing that is remembered.
    """

    def __init__(
        self,
        memory: Memory,
        home: MagHome,
        scope: Scope,
        generation: GenerationConfig = GenerationConfig(),
    ) -> None:
        from memgraft.mag.session import MagSession

        super().__init__(memory, home.host, scope, generation)
        self.home = home
        self.session: MagSession = MagSession(home, scope, generation)

    def reply(self, said: str) -> Iterator[str]:
        """Yield the reply in pieces. Closing it early keeps what was said so far."""
        self.memory.catch_up()
        self.prompt = self.session.prompt(said)
        yield from self.session.stream(self.prompt)

    def restart(self) -> None:
        """Drop all that was said, also from the state: it may hold what was forgotten."""
        super().restart()
        self.session.restart()
        if self.home.state(self.scope).spoken:
            self.home.rebuild(self.scope)


def conversation_with(
    opened: Opened, scope: Scope, generation: GenerationConfig = GenerationConfig()
) -> Conversation:
    """A conversation as the homes of an opened memory want it."""
    for home in opened.memory.homes:
        if home.name == "mag":
            from memgraft.mag.home import MagHome

            assert isinstance(home, MagHome)
            return MagConversation(opened.memory, home, scope, generation)
    return Conversation(opened.memory, opened.host, scope, generation)
